//! `cargo bench --bench scenarios`: the scenarios of this crate as a bench target.

tokgate::main!();
