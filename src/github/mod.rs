//! Telling GitHub: one comment a gate on a pull request, updated in place, and a check run; and one pull
//! request a machine that proposes its baselines.
//!
//! Text and a conclusion are handed in; nothing here decides or measures. [`Forge`] is what we ask of
//! GitHub, [`Client`] asks it over HTTP, and [`Asking`] knows when to ask again: what may have been done
//! is looked up before it is done once more, and what GitHub asks to wait is waited, up to a line. No
//! failure here is one of the run that is told.

mod asking;
mod branches;
mod check;
mod client;
mod event;
mod forge;
mod patience;
mod proposal;
mod pulls;
mod reply;
mod sticky;

pub use asking::Asking;
pub use branches::{Branches, Commit, File, NewCommit, NewPull};
pub use check::{Annotation, CheckRun, MOST_ANNOTATIONS, Outcome, put};
pub use client::{Access, AccessError, Client};
pub use event::{Event, EventError, LARGEST_EVENT, Origin, PullEvent};
pub use forge::{Check, Comment, Forge, Page, Pull, Repository, Trouble};
pub use patience::{Clock, Hint, Patience, WallClock};
pub use proposal::{Branch, NoBranch, Proposal, Proposed, propose};
pub use pulls::{Found, pull_of};
pub use sticky::{ACTIONS_BOT, Did, Post, Posted, me, post};
