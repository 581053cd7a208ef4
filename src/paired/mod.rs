//! Two variants of a target, measured in pairs and judged by them.
//!
//! `measure` has the clock: a base and a head back to back, in turns, with the `control` beside
//! each. `judge` starts from raw epochs, so that it says the same when they are read again.

mod control;
mod describe;
mod judge;
mod measure;

pub use control::Control;
pub use judge::{Comparison, Known};
pub use measure::{Pairs, Side, Sides, measure};
