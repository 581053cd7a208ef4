//! When a call is repeated: what GitHub says it did not do, as soon as it may be asked again; what
//! changes nothing, when its reply was lost. Anything else is the caller's to look up first.

use super::forge::{Forge, Page, Trouble};
use super::patience::Patience;

/// How often something is tried whose reply is lost.
pub(super) const TRIES: usize = 3;
/// Pages that are looked through: ten thousand comments are more than any pull request has.
const MOST_PAGES: u32 = 200;

/// GitHub, asked with patience.
pub struct Asking<'a> {
    forge: &'a dyn Forge,
    patience: Patience<'a>,
}

impl<'a> Asking<'a> {
    /// Asks `forge`, and waits as `patience` does.
    #[must_use]
    pub fn new(forge: &'a dyn Forge, patience: Patience<'a>) -> Self {
        Self { forge, patience }
    }

    /// A call that may change something: repeated only while GitHub says that it did nothing.
    pub(super) fn once<T>(
        &self,
        call: impl Fn(&dyn Forge) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        loop {
            match call(self.forge) {
                Err(Trouble::Limited { hint, why }) => self.patience.obey(hint, &why)?,
                done => return done,
            }
        }
    }

    /// A call that changes nothing: repeated a few times when its reply is lost.
    pub(super) fn read<T>(
        &self,
        call: impl Fn(&dyn Forge) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        let told = self.until_told(|| self.once(&call));
        told.map_err(|trouble| match trouble {
            Trouble::Lost(why) => Trouble::Away(why),
            other => other,
        })
    }

    /// Tries what looks up first what is there already, while the reply is lost.
    pub(super) fn until_told<T>(
        &self,
        attempt: impl Fn() -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        for _ in 1..TRIES {
            match attempt() {
                Err(Trouble::Lost(_)) => self.patience.breathe(),
                done => return done,
            }
        }
        attempt()
    }

    /// All of a list that `keep` keeps, over all of its pages.
    pub(super) fn all<T>(
        &self,
        page: impl Fn(&dyn Forge, u32) -> Result<Page<T>, Trouble>,
        keep: impl Fn(&T) -> bool,
    ) -> Result<Vec<T>, Trouble> {
        let mut kept = Vec::new();
        for number in 1..=MOST_PAGES {
            let Page { items, more } = self.read(|forge| page(forge, number))?;
            kept.extend(items.into_iter().filter(&keep));
            if !more {
                return Ok(kept);
            }
        }
        Err(Trouble::TooMuch(format!(
            "a list of GitHub's has more than {MOST_PAGES} pages; nothing is written where what is \
             there already is not known"
        )))
    }
}
