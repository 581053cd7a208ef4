//! The judge's promises, counted in simulated worlds: how often it is wrong about nothing, and how
//! often it finds what is there. A slice runs with every test; the whole, which prints what it
//! counted, with
//!
//! ```console
//! $ cargo test -p tokgate-baseline --release -- --ignored --nocapture whole
//! ```

#[cfg(test)]
mod commits;
#[cfg(test)]
mod gate;
#[cfg(test)]
#[cfg(test)]
mod world;
