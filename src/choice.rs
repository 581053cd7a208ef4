//! What a crate needs that asks questions of what was measured: the questions, and their nouns, gathered.
//!
//! Nothing is made here. Rows come from [`crate::store::FileStore::measured`].

pub use tokgate_core::choice::*;
pub use tokgate_core::dataset::tasks::Category;
pub use tokgate_core::hardware::Catalogue;
pub use tokgate_core::price::{Price, Prices, Rate};
