//! Telling GitHub: the comment, then the check run. Everything that goes wrong comes back in words.

use super::access::client;
use super::place::{Place, Target, Which};
use super::subject::Told;
use crate::github::{
    Asking, CheckRun, Did, Found, Patience, Post, Posted, WallClock, me, post, pull_of, put,
};
use crate::report::markdown::Link;
use crate::report::marker::Marker;

/// What is told, and as whom.
#[derive(Clone, Copy)]
pub(super) struct Posting<'a> {
    pub(super) place: &'a Place,
    pub(super) marker: &'a Marker,
    pub(super) told: &'a Told,
    /// Whether a check run is made, too.
    pub(super) check: bool,
    pub(super) link: Option<&'a Link>,
    pub(super) token_env: &'a str,
    pub(super) author: Option<&'a str>,
}

impl Posting<'_> {
    /// Tells GitHub. What was done comes back in words, and so does why it was not.
    pub(super) fn post(&self) -> Result<String, String> {
        let Target { repository, pull } = self.place.target.as_ref().map_err(Clone::clone)?;
        let client = client(repository, self.token_env)?;
        let asking = Asking::new(&client, Patience::new(&WallClock));
        let number = self.number(&asking, pull)?;
        match (self.comment(&asking, number), self.checked(&asking)) {
            (told, Ok(())) => told,
            (Ok(told), Err(why)) => Err(format!("{told}, but there is no check run: {why}")),
            (Err(why), Err(also)) => Err(format!("{why}; and there is no check run: {also}")),
        }
    }

    fn number(&self, asking: &Asking<'_>, pull: &Which) -> Result<u64, String> {
        match pull {
            Which::Number(number) => Ok(*number),
            Which::Of(origin) => {
                match pull_of(asking, origin).map_err(|trouble| trouble.to_string())? {
                    Found::One(number) => Ok(number),
                    Found::None(why) => Err(why),
                }
            }
        }
    }

    fn comment(&self, asking: &Asking<'_>, pull: u64) -> Result<String, String> {
        let author = match self.author {
            Some(author) => author.to_owned(),
            None => me(asking).map_err(|trouble| trouble.to_string())?,
        };
        let (marker, body) = (self.marker, self.told.comment.as_str());
        let posted = post(asking, &Post { author: &author, pull, marker, body });
        let posted = posted.map_err(|trouble| trouble.to_string())?;
        self.recognised(&posted, &author)?;
        let what = match posted.did {
            Did::Created => "was written",
            Did::Updated => "was updated",
            Did::Kept => "stands already",
            Did::LeftNewer => "is of a newer commit, and was left",
        };
        Ok(format!("comment {} on pull request {pull} {what}", posted.comment))
    }

    /// The next run finds the comment by its author.
    fn recognised(&self, posted: &Posted, author: &str) -> Result<(), String> {
        match &posted.author {
            Some(told) if told != author => Err(format!(
                "comment {} was written, but as `{}` and not as `{author}`, so that the next run will not \
                 find it: say --author",
                posted.comment,
                told.escape_debug()
            )),
            Some(_) | None => Ok(()),
        }
    }

    fn checked(&self, asking: &Asking<'_>) -> Result<(), String> {
        if !self.check {
            return Ok(());
        }
        let Told { title, outcome, run, summary, remarks, .. } = self.told;
        let check = CheckRun {
            gate: self.marker.id(),
            sha: self.marker.sha(),
            run,
            outcome: *outcome,
            title,
            summary,
            link: self.link.map(Link::as_str),
            annotations: remarks,
        };
        put(asking, &check).map_err(|trouble| trouble.to_string())
    }
}
