//! What is dear to make and always the same (built indexes, exact neighbours), kept on disk between
//! runs.
//!
//! A cache is never the reason why a run fails, and nothing is served from it that was not checked:
//! what is damaged, or not what its name says, is removed and made again, with a line of warning.
//! What does not live here: how an index becomes bytes, which is its engine's business.

mod bytes;
mod file;
mod folder;
mod spec;
#[cfg(test)]
mod tests;

pub(super) use bytes::{Bytes, write_f32s, write_i8s, write_u32s, write_u64s};
pub use folder::Place;
pub(super) use spec::{Data, Spec, What, fingerprint};

use crate::clock::Clock;
use file::{Entry, ReadFault};
use folder::Folder;
use std::io::{self, Write};
use std::sync::OnceLock;
use tokgate_core::run::CacheUse;

/// Why the bytes of something kept are not what they should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unfit(pub String);

/// How something is made, and how it becomes bytes and is had from them again.
pub(super) trait Craft {
    /// What is made.
    type Product;
    /// Why it cannot be made.
    type Fault;

    /// What exactly is made; `None` where it is not worth keeping.
    fn spec(&self) -> Option<Spec>;

    /// Makes it.
    fn make(&self) -> Result<Self::Product, Self::Fault>;

    /// Writes it.
    fn save(&self, product: &Self::Product, into: &mut dyn Write) -> io::Result<()>;

    /// Has it from what was written. The bytes are those that were written, unless somebody forged
    /// them: they may be refused, but never believed.
    fn load(&self, payload: &[u8]) -> Result<Self::Product, Unfit>;
}

/// Something that was made or read.
#[derive(Debug)]
pub struct Kept<T> {
    /// It.
    pub value: T,
    /// Seconds that making it took, when it was made.
    pub made_s: f64,
    /// Seconds that reading it took; `None` where it was made.
    pub load_s: Option<f64>,
    /// What the cache did; `None` where there is nothing worth keeping.
    pub cache: Option<CacheUse>,
}

impl<T> Kept<T> {
    /// The same, as something else.
    pub(super) fn map<U>(self, to: impl FnOnce(T) -> U) -> Kept<U> {
        let Self { value, made_s, load_s, cache } = self;
        Kept { value: to(value), made_s, load_s, cache }
    }
}

/// A folder where things are kept, opened when the first is asked for; or none.
#[derive(Debug, Default)]
pub struct Cache {
    place: Option<Place>,
    /// `None` where it cannot be used, which was said then.
    folder: OnceLock<Option<Folder>>,
}

impl Cache {
    /// Keeps things in this place.
    #[must_use]
    pub fn at(place: Place) -> Self {
        Self { place: Some(place), folder: OnceLock::new() }
    }

    /// Keeps nothing.
    #[must_use]
    pub fn off() -> Self {
        Self::default()
    }

    /// What was kept, else what is now made and then kept.
    pub(super) fn get<C: Craft>(&self, craft: &C) -> Result<Kept<C::Product>, C::Fault> {
        let Some(spec) = craft.spec() else { return made(craft, None) };
        let Some(folder) = self.folder() else { return made(craft, Some(CacheUse::Off)) };
        if let Some(kept) = found(folder, &spec, craft) {
            return Ok(kept);
        }
        let kept = made(craft, Some(CacheUse::Miss))?;
        let save = |into: &mut dyn Write| craft.save(&kept.value, into);
        if let Err(error) = folder.put(&spec, kept.made_s, save) {
            let (what, path) = (spec.what().in_words(), folder.path_of(&spec));
            tracing::warn!(
                "{what} cannot be kept as {}: {error}; the run goes on without \
                 (TOKGATE_CACHE_DIR names another folder)",
                path.display()
            );
        }
        Ok(kept)
    }

    fn folder(&self) -> Option<&Folder> {
        let open = || self.place.clone().and_then(opened);
        self.folder.get_or_init(open).as_ref()
    }
}

fn opened(place: Place) -> Option<Folder> {
    let path = place.folder.clone();
    let warn = |error| {
        tracing::warn!(
            "the cache folder {} cannot be used: {error}; the run goes on without (name another one \
             with TOKGATE_CACHE_DIR, or say --no-cache)",
            path.display()
        );
    };
    Folder::open(place).map_err(warn).ok()
}

fn made<C: Craft>(craft: &C, cache: Option<CacheUse>) -> Result<Kept<C::Product>, C::Fault> {
    let clock = Clock::start();
    let value = craft.make()?;
    Ok(Kept { value, made_s: clock.now().seconds(), load_s: None, cache })
}

/// What is kept, if it is there and as it should be.
fn found<C: Craft>(folder: &Folder, spec: &Spec, craft: &C) -> Option<Kept<C::Product>> {
    let clock = Clock::start();
    let loaded = folder.read(spec).and_then(|entry| {
        let load = |Entry { made_s, payload }| Ok((craft.load(&payload)?, made_s));
        entry.map(load).transpose()
    });
    match loaded {
        Ok(loaded) => loaded.map(|(value, made_s)| Kept {
            value,
            made_s,
            load_s: Some(clock.now().seconds()),
            cache: Some(CacheUse::Hit),
        }),
        Err(fault) => {
            distrust(folder, spec, &fault);
            None
        }
    }
}

/// Says what is wrong with a file, and removes what would be wrong the next time, too.
fn distrust(folder: &Folder, spec: &Spec, fault: &ReadFault) {
    let (what, path) = (spec.what().in_words(), folder.path_of(spec));
    let removed = match fault {
        ReadFault::Unfit(_) => std::fs::remove_file(&path).is_ok(),
        ReadFault::Io(_) => false,
    };
    let then = if removed { "it was removed and is made again" } else { "it is made again" };
    tracing::warn!("{what} in {} is not used: {fault}; {then}", path.display());
}
