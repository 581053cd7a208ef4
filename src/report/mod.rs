//! Reports: what was decided, rendered as text. Nothing here decides, and nothing touches a file.

pub mod advice;
pub mod alerts;
pub mod answers;
pub mod baseline;
pub mod comment;
pub mod comparison;
pub mod documents;
pub mod duel;
pub mod export;
pub mod history;
pub mod html;
pub mod imported;
pub mod json;
pub mod junit;
pub mod markdown;
pub mod marker;
pub mod proposal;
pub mod pull_request;
pub mod recompute;
pub mod renewal;
pub mod sheet;
pub mod sparkline;
pub mod stats;
mod stress;
pub mod terminal;
pub mod unjudged;
pub mod workflow;
