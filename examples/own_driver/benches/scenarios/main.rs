//! `cargo bench --bench scenarios`: this crate's function and its driver, measured by tokgate.

mod reverser;

use std::process::ExitCode;
use tokgate::cli::bench::Main;

fn main() -> ExitCode {
    Main::new(env!("CARGO_MANIFEST_DIR"))
        .function("count_words", own_driver::count_words)
        .driver("reverser", reverser::Reverser::open)
        .run()
}
