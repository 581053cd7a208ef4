//! `cargo bench --bench scenarios -- quick`: the scenarios as a bench target.

fn main() -> std::process::ExitCode {
    tokgate::cli::bench::main(env!("CARGO_MANIFEST_DIR"))
}
