//! The `tokgate` program.

fn main() -> std::process::ExitCode {
    // First of all: a process that only holds pressure must not be anything else.
    tokgate_harness::pressure::play_if_asked().unwrap_or_else(tokgate::cli::main)
}
