//! A team's store: the same tables in a PostgreSQL, filled from the results folders of those who measure.
//!
//! Nothing is measured into it. Raw lines and rows are durable in the results folder first, as ever;
//! [`Delivering`] then brings them here, and what could not be brought waits in the folder's outbox. Who asks
//! sends the same statements as to the folder's own index. What does not live here, on purpose: a row that
//! was not read from a folder's index, and any word of PostgreSQL outside of `dialect`, `link` and
//! `wire`.

mod address;
mod copy;
mod courier;
mod deliver;
mod dialect;
mod error;
#[cfg_attr(not(feature = "postgres"), path = "without.rs")]
mod link;
mod made;
pub(super) mod raw;
mod rows;
#[cfg(feature = "postgres")]
mod wire;

pub use address::Address;
pub use copy::{Copied, End, copy};
pub use courier::Delivering;
pub use deliver::{Delivered, bring, deliver};
pub use error::TeamError;
pub(super) use link::Link;
pub use made::migrate;

use crate::store::outbox::Waiting;
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Connections that wait for the next question; as many questions as are answered at once.
const IDLE: usize = 4;

/// A team's store, and the connections to it that wait for the next question.
#[derive(Clone)]
pub struct Team(Arc<Inner>);

struct Inner {
    address: Address,
    idle: Mutex<Vec<Link>>,
}

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum For {
    /// Questions: nothing can be changed by it.
    Reading,
    /// Rows.
    Writing,
}

impl Team {
    /// The store at an address. Nothing is connected yet.
    #[must_use]
    pub fn at(address: Address) -> Self {
        Self(Arc::new(Inner { address, idle: Mutex::default() }))
    }

    /// Where it is, without a password.
    #[must_use]
    pub fn place(&self) -> String {
        self.0.address.to_string()
    }

    /// What tells it from others, whoever asks.
    pub(super) fn name(&self) -> String {
        self.0.address.name()
    }

    /// Whether a note in the outbox is for this store.
    #[must_use]
    pub fn is_meant_by(&self, waiting: &Waiting) -> bool {
        waiting.store == self.name()
    }

    /// Says whether this build can speak to it at all, and whether it answers and is of this version.
    ///
    /// # Errors
    /// When it is none of that.
    pub fn greet(&self) -> Result<(), TeamError> {
        self.connect(For::Reading).map(drop)
    }

    /// Whether this build can speak to it at all.
    ///
    /// # Errors
    /// When it cannot.
    pub fn is_built_in() -> Result<(), TeamError> {
        match cfg!(feature = "postgres") {
            true => Ok(()),
            false => Err(TeamError::Without),
        }
    }

    /// A connection for questions, each of which takes at most so long.
    pub(super) fn borrow(&self, within: Duration) -> Result<Borrowed, TeamError> {
        let waiting = self.idle().pop();
        // One that the server has closed meanwhile is none, and tables may be of another version since.
        let is_good = |link: &Link| link.limit(within).is_ok() && made::is_todays(link);
        let link = match waiting.filter(is_good) {
            Some(link) => link,
            None => {
                let link = self.connect(For::Reading)?;
                link.limit(within)?;
                link
            }
        };
        Ok(Borrowed { link: Some(link), team: self.clone() })
    }

    /// A connection of one's own to tables of this version.
    pub(super) fn connect(&self, purpose: For) -> Result<Link, TeamError> {
        let link = Link::open(&self.0.address, purpose)?;
        made::recognise(&link)?;
        Ok(link)
    }

    /// A connection of one's own, whatever is there.
    pub(super) fn connect_to_make(&self) -> Result<Link, TeamError> {
        Link::open(&self.0.address, For::Writing)
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Link>> {
        self.0.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PartialEq for Team {
    fn eq(&self, other: &Self) -> bool {
        self.0.address == other.0.address
    }
}

impl Eq for Team {}

impl fmt::Debug for Team {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Team").field(&self.place()).finish()
    }
}

/// A connection that goes back when the question is answered.
#[derive(Debug)]
pub(super) struct Borrowed {
    // Only taken when this goes.
    link: Option<Link>,
    team: Team,
}

impl Deref for Borrowed {
    type Target = Link;

    fn deref(&self) -> &Link {
        self.link.as_ref().expect("it is taken only when this goes")
    }
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        let mut idle = self.team.idle();
        if let Some(link) = self.link.take().filter(|link| idle.len() < IDLE && link.is_sound()) {
            idle.push(link);
        }
    }
}
