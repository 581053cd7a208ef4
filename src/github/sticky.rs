//! The one comment of a gate on a pull request: found by its marker and by who wrote it, and updated in
//! place. Nobody else's comment is touched, whatever it says.

use super::asking::Asking;
use super::forge::{Comment, Trouble};
use crate::report::marker::Marker;

/// Who writes with the token of GitHub Actions, which may not ask.
pub const ACTIONS_BOT: &str = "github-actions[bot]";

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Did {
    /// There was none of this gate.
    Created,
    /// It was there, and says something new.
    Updated,
    /// It was there, and says the same already.
    Kept,
    /// It was there, and speaks of the commit that the pull request has now, unlike ours.
    LeftNewer,
}

/// A comment that stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posted {
    /// What was done.
    pub did: Did,
    /// Its number.
    pub comment: u64,
    /// Who GitHub says wrote it.
    pub author: Option<String>,
}

/// Our own name: what the token says, or [`ACTIONS_BOT`] where it may not say.
///
/// # Errors
/// When GitHub does not answer, or knows no such token.
pub fn me(asking: &Asking<'_>) -> Result<String, Trouble> {
    let login = asking.read(|forge| forge.login())?;
    Ok(login.unwrap_or_else(|| ACTIONS_BOT.to_owned()))
}

/// A comment as it is to stand.
#[derive(Debug, Clone, Copy)]
pub struct Post<'a> {
    /// Who we are.
    pub author: &'a str,
    /// The pull request.
    pub pull: u64,
    /// Of which gate and commit it is.
    pub marker: &'a Marker,
    /// What it says; its first line is the marker.
    pub body: &'a str,
}

/// Writes the comment, or updates it in place.
///
/// What may have been written without a reply is looked for before it is written again, so that there
/// is one comment at the end, whatever was lost.
///
/// # Errors
/// When GitHub refuses, asks to wait for too long, or is not there.
pub fn post(asking: &Asking<'_>, post: &Post<'_>) -> Result<Posted, Trouble> {
    asking.until_told(|| match post.own(asking)? {
        None => post.create(asking),
        Some(own) if post.says_the_same(&own) => Ok(posted(Did::Kept, own)),
        Some(own) if post.is_late(asking, &own)? => Ok(posted(Did::LeftNewer, own)),
        Some(own) => post.update(asking, &own),
    })
}

impl Post<'_> {
    /// The oldest comment of this gate that is ours.
    fn own(&self, asking: &Asking<'_>) -> Result<Option<Comment>, Trouble> {
        let is_own = |comment: &Comment| {
            comment.author.as_deref() == Some(self.author)
                && Marker::of(&comment.body).is_some_and(|it| it.id() == self.marker.id())
        };
        let own = asking.all(|forge, page| forge.comments(self.pull, page), is_own)?;
        Ok(own.into_iter().min_by_key(|comment| comment.id))
    }

    fn says_the_same(&self, own: &Comment) -> bool {
        says_the_same(&own.body, self.body)
    }

    /// Whether this is of a run for an older commit that ended late: the comment that stands speaks of
    /// the commit that the pull request has now, and ours does not.
    fn is_late(&self, asking: &Asking<'_>, own: &Comment) -> Result<bool, Trouble> {
        let theirs = Marker::of(&own.body).filter(|it| it.sha() != self.marker.sha());
        let Some(theirs) = theirs else { return Ok(false) };
        let now = asking.read(|forge| forge.pull(self.pull))?;
        // Either of them may be written short.
        let is_now = |marker: &Marker| now.head_sha.starts_with(marker.sha());
        Ok(is_now(&theirs) && !is_now(self.marker))
    }

    fn create(&self, asking: &Asking<'_>) -> Result<Posted, Trouble> {
        let created = asking.once(|forge| forge.create(self.pull, self.body))?;
        Ok(posted(Did::Created, created))
    }

    /// Updates, or writes anew where somebody removed the comment meanwhile.
    fn update(&self, asking: &Asking<'_>, own: &Comment) -> Result<Posted, Trouble> {
        match asking.once(|forge| forge.update(own.id, self.body)) {
            Err(Trouble::Refused { status: 404 | 410, .. }) => self.create(asking),
            updated => Ok(posted(Did::Updated, updated?)),
        }
    }
}

/// Whether two texts are the same; line ends may come back otherwise.
pub(super) fn says_the_same(one: &str, other: &str) -> bool {
    one.trim_end().lines().eq(other.trim_end().lines())
}

fn posted(did: Did, comment: Comment) -> Posted {
    Posted { did, comment: comment.id, author: comment.author }
}
