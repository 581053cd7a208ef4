//! Scenario files: what is written ([`Scenario::parse`]) and what is meant ([`plan`]).
//!
//! A scenario is one TOML text, with what it extends. Everything wrong with it is reported at
//! once, each with its place, before anything is measured. Files, environment variables and the
//! machine are looked at elsewhere and handed in as text and [`Facts`].

mod cells;
mod check;
mod data;
mod dataset;
mod decode;
mod defaults;
mod file;
mod fit;
mod judging;
mod layers;
mod lines;
mod load;
mod overrides;
mod plan;
mod rag;
mod read;
mod reference;
mod resolve;
mod roots;
mod schema;
mod secret;
mod target;
mod target_table;
mod tree;

pub use cells::MAX_CASES;
pub use decode::{MAX_BYTES, decode};
pub use defaults::default_tolerance;
pub use file::SCHEMA;
pub use overrides::Override;
pub use plan::{Facts, Hardware, plan};
pub use read::{Output, Scenario, Surroundings};
pub use reference::reference_markdown;
pub use roots::Roots;
pub use schema::schema_json;
