//! Reports: what was decided, rendered as text. Nothing here decides, and nothing touches a file.

pub mod advice;
pub mod alerts;
pub mod documents;
pub mod history;
pub mod json;
pub mod junit;
pub mod recompute;
mod stress;
pub mod terminal;
