//! `cargo bench --bench scenarios -- quick`: the scenarios as a bench target.

tokgate::main!();
