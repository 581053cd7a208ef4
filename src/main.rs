//! The `tokgate` program.

fn main() -> std::process::ExitCode {
    tokgate::cli::main()
}
