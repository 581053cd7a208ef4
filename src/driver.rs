//! What a crate needs that brings a driver of its own: the nouns of tokgate that a driver speaks in.
//!
//! Nothing is made here. A driver says what came, to the [`Reply`], and never reads a clock.

pub use tokgate_core::case::Case;
pub use tokgate_core::dataset::{Message, joined};
pub use tokgate_core::failure::{Failure, FailureClass};
pub use tokgate_core::record::{Counted, Embedded, EventKind, Usage};
pub use tokgate_core::run::{Preparation, TargetAfter, TargetIdentity};
pub use tokgate_harness::driver::{Answer, BoxFuture, Driver, OpenError, Payload, Request};
pub use tokgate_harness::recorder::Reply;
