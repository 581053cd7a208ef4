//! Reports: what was decided, rendered as text. Nothing here decides, and nothing touches a file.

pub mod documents;
mod inputs;
pub mod json;
pub mod recompute;
pub mod terminal;
