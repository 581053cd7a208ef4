//! A folder or a part of an object store, by its URL: every object in it is complete or absent.
//!
//! Callers are synchronous: each call runs on a small runtime of the place's own, on a thread of its own, and
//! ends by a deadline. What is there is never overwritten. What does not live here, on purpose: what the
//! objects are.

mod client;
mod told;
mod upload;
mod url;

use super::manifest::FileFacts;
use crate::store::atomic::{FileError, doing};
use futures_util::TryStreamExt;
use object_store::path::Path as ObjectPath;
use object_store::{Error, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutOptions};
use std::fs::File;
use std::io::{Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;

/// How long a question may take, its retries included.
const QUESTION: Duration = Duration::from_secs(150);
/// How long a file may take beyond that, for each megabyte of it: a line of four megabits a second.
const MEGABYTE: Duration = Duration::from_secs(2);
/// Objects that are listed at most: a hundred thousand workers with ten epochs.
const MOST_LISTED: usize = 1 << 20;

/// What is tried when an object is put.
const WRITE: &str = "write";

/// A place for objects.
pub struct Place {
    store: Arc<dyn ObjectStore>,
    prefix: ObjectPath,
    shown: String,
    folder: Option<PathBuf>,
    // Taken when the place is dropped, which may be where no runtime may be waited for.
    runtime: Option<Runtime>,
}

/// Why something was not put, got or listed.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// The URL is none that can be used.
    #[error("{shown}: {what}")]
    Url {
        /// The URL, without what may be secret.
        shown: String,
        /// What is wrong with it, and what to do.
        what: String,
    },
    /// The store would not.
    #[error("cannot {doing} {url}: {what}")]
    Failed {
        /// What was tried.
        doing: &'static str,
        /// With what.
        url: String,
        /// What the store said.
        what: String,
    },
    /// The store was too slow.
    #[error("cannot {doing} {url}: it was not done within {} s", after.as_secs())]
    Late {
        /// What was tried.
        doing: &'static str,
        /// With what.
        url: String,
        /// For how long.
        after: Duration,
    },
    /// There is something else of this name.
    #[error(
        "{0} is there already with other contents, and is never overwritten: write to another place, or remove it first"
    )]
    Taken(String),
    /// There is nothing of this name.
    #[error("{0} is not there")]
    Missing(String),
    /// What is there is not what was put.
    #[error("{url} is not what was put there: {what}")]
    Changed {
        /// Which object.
        url: String,
        /// In what it differs.
        what: String,
    },
    /// The file system would not.
    #[error(transparent)]
    File(#[from] FileError),
}

/// What became of something that was put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// It is there now.
    New,
    /// It was there before, with the same bytes.
    There,
}

/// An object as a listing has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Where, beneath the place's URL.
    pub path: String,
    /// How long.
    pub bytes: u64,
    /// When it was put, by the store's clock: microseconds since 1970.
    pub modified_us: i64,
}

impl Place {
    /// The place at a URL (`file:///...`, `s3://bucket/...`, `gs://`, `az://`) or in a folder, for reading:
    /// nothing is asked of it yet. Credentials are those of the environment (`AWS_...`, `GOOGLE_...`,
    /// `AZURE_...`).
    ///
    /// # Errors
    /// When it is none of these, when a folder is not there, or the environment's settings are none.
    pub fn open(url: &str) -> Result<Self, PlaceError> {
        Self::at(url, false)
    }

    /// The same for writing: a folder is made where it is not there.
    ///
    /// # Errors
    /// As [`Place::open`], and when the folder cannot be made.
    pub fn make(url: &str) -> Result<Self, PlaceError> {
        Self::at(url, true)
    }

    fn at(url: &str, is_made: bool) -> Result<Self, PlaceError> {
        let url::Opened { store, prefix, shown, folder } = url::open(url, is_made)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(2)
            .build()
            .map_err(|error| PlaceError::Url { shown: shown.clone(), what: error.to_string() })?;
        Ok(Self { store, prefix, shown, folder, runtime: Some(runtime) })
    }

    /// The URL, without anything that may be secret.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.shown
    }

    /// Puts a small object where nothing is yet. What is there with the same bytes is left.
    ///
    /// # Errors
    /// When something else is there, or the store would not.
    pub fn put_new(&self, path: &str, bytes: Vec<u8>) -> Result<Put, PlaceError> {
        let at = self.path(path)?;
        let put = async {
            let options = PutOptions::from(PutMode::Create);
            self.store.put_opts(&at, bytes.clone().into(), options).await.map(drop)
        };
        match self.wait(put, self.deadline(bytes.len() as u64)) {
            Ended::Done(()) => Ok(Put::New),
            Ended::Refused(Error::AlreadyExists { .. }) => {
                // An earlier try of ours whose reply was lost is no stranger.
                match self.get(path, bytes.len() as u64) {
                    Ok(there) if there == bytes => Ok(Put::There),
                    Ok(_) | Err(PlaceError::Changed { .. }) => {
                        Err(PlaceError::Taken(self.named(path)))
                    }
                    Err(error) => Err(error),
                }
            }
            ended => Err(self.failed(WRITE, path, ended)),
        }
    }

    /// All bytes of a small object.
    ///
    /// # Errors
    /// When it is not there, is longer than `most` or no file, or the store would not.
    pub fn get(&self, path: &str, most: u64) -> Result<Vec<u8>, PlaceError> {
        let at = self.file(path)?;
        let get = async {
            let found = self.store.get(&at).await?;
            match found.meta.size <= most {
                true => Ok(Ok(found.bytes().await?)),
                false => Ok(Err(found.meta.size)),
            }
        };
        let bytes = self.done("read", path, get, QUESTION)?;
        bytes.map(|bytes| bytes.to_vec()).map_err(|size| PlaceError::Changed {
            url: self.named(path),
            what: format!("it has {size} bytes, and {most} are as many as it can have"),
        })
    }

    /// How an object is listed; `None` where there is none.
    ///
    /// # Errors
    /// When it is no file, or the store would not say.
    pub fn find(&self, path: &str) -> Result<Option<Listed>, PlaceError> {
        let at = self.file(path)?;
        match self.done("look for", path, async { self.store.head(&at).await }, QUESTION) {
            Ok(meta) => Ok(self.listed(&meta)),
            Err(PlaceError::Missing(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Everything beneath a folder of the place (`""` for all of it), by name.
    ///
    /// # Errors
    /// When the store would not, or there is far too much.
    pub fn list(&self, folder: &str) -> Result<Vec<Listed>, PlaceError> {
        let at = self.path(folder)?;
        let list = async {
            let mut all = Vec::new();
            let mut found = self.store.list(Some(&at));
            while let Some(meta) = found.try_next().await? {
                all.push(meta);
                if all.len() > MOST_LISTED {
                    break;
                }
            }
            Ok(all)
        };
        let all = self.done("list", folder, list, QUESTION * 2)?;
        if all.len() > MOST_LISTED {
            let what = format!("there are more than {MOST_LISTED} objects");
            return Err(PlaceError::Failed { doing: "list", url: self.named(folder), what });
        }
        let mut listed: Vec<Listed> = all.iter().filter_map(|meta| self.listed(meta)).collect();
        listed.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(listed)
    }

    /// Takes an object away; one that is not there is none.
    ///
    /// # Errors
    /// When the store would not.
    pub fn remove(&self, path: &str) -> Result<(), PlaceError> {
        let at = self.path(path)?;
        match self.done("remove", path, async { self.store.delete(&at).await }, QUESTION) {
            Ok(()) | Err(PlaceError::Missing(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Copies an object to a file in `folder` that has no name, and is gone once it is dropped, however the process
    /// ends; it is read from its beginning.
    ///
    /// # Errors
    /// When the object is not there or not what `facts` say, when the store or the file system would not.
    pub fn copied(&self, facts: &FileFacts, folder: &Path) -> Result<File, PlaceError> {
        let mut file = tempfile::tempfile_in(folder).map_err(doing("make a file in", folder))?;
        self.passed(facts, |bytes| {
            file.write_all(bytes).map_err(doing("write a temporary file in", folder))
        })?;
        file.rewind().map_err(doing("read a temporary file in", folder))?;
        Ok(file)
    }

    /// Looks whether an object is what `facts` say.
    ///
    /// # Errors
    /// When it is not there or something else, or when the store would not.
    pub fn verify(&self, facts: &FileFacts) -> Result<(), PlaceError> {
        self.passed(facts, |_| Ok(()))
    }

    /// Hands on the bytes of an object, which in the end must have been what `facts` say.
    fn passed(
        &self,
        facts: &FileFacts,
        each: impl FnMut(&[u8]) -> Result<(), FileError> + Send,
    ) -> Result<(), PlaceError> {
        let found = self.sum(&facts.path, facts.bytes, each)?;
        if found == (facts.bytes, facts.crc32) {
            return Ok(());
        }
        Err(PlaceError::Changed {
            url: self.named(&facts.path),
            what: match found.0 == facts.bytes {
                true => "its checksum is another".to_owned(),
                false => format!("it has {} bytes, and had {}", found.0, facts.bytes),
            },
        })
    }

    /// Length and CRC-32 of an object, whose bytes are handed on as they come; of one that is longer than `most`
    /// the length alone is true.
    fn sum(
        &self,
        path: &str,
        most: u64,
        mut each: impl FnMut(&[u8]) -> Result<(), FileError> + Send,
    ) -> Result<(u64, u32), PlaceError> {
        let at = self.file(path)?;
        let read = async {
            let found = self.store.get(&at).await?;
            if found.meta.size > most {
                return Ok(Ok((found.meta.size, 0)));
            }
            let (mut length, mut sum) = (0, crc32fast::Hasher::new());
            let mut stream = found.into_stream();
            while let Some(bytes) = stream.try_next().await? {
                length += bytes.len() as u64;
                sum.update(&bytes);
                if let Err(error) = each(&bytes) {
                    return Ok(Err(error));
                }
            }
            Ok(Ok((length, sum.finalize())))
        };
        Ok(self.done("read", path, read, self.deadline(most))??)
    }

    fn path(&self, path: &str) -> Result<ObjectPath, PlaceError> {
        let whole = match self.prefix.as_ref() {
            "" => path.to_owned(),
            prefix => format!("{prefix}/{path}"),
        };
        let wrong = |what: String| PlaceError::Url { shown: self.named(path), what };
        ObjectPath::parse(whole.trim_end_matches('/')).map_err(|error| wrong(error.to_string()))
    }

    /// The path of what is about to be opened: in a folder a file, if anything. A pipe would be waited for until
    /// somebody writes to it, and a device has no end.
    fn file(&self, path: &str) -> Result<ObjectPath, PlaceError> {
        let at = self.path(path)?;
        let found = self.folder.as_ref().map(|folder| folder.join(at.as_ref()).metadata());
        match found {
            Some(Ok(found)) if !found.is_file() => Err(PlaceError::Changed {
                url: self.named(path),
                what: "it is no regular file".to_owned(),
            }),
            _ => Ok(at),
        }
    }

    /// How a path of the place is told.
    fn named(&self, path: &str) -> String {
        match path {
            "" => self.shown.clone(),
            path => format!("{}/{}", self.shown, told::escaped(path)),
        }
    }

    fn listed(&self, meta: &ObjectMeta) -> Option<Listed> {
        let path = meta.location.as_ref().strip_prefix(self.prefix.as_ref())?;
        Some(Listed {
            path: path.trim_start_matches('/').to_owned(),
            bytes: meta.size,
            modified_us: meta.last_modified.timestamp_micros(),
        })
    }

    fn deadline(&self, bytes: u64) -> Duration {
        let megabytes = u32::try_from(bytes >> 20).unwrap_or(u32::MAX);
        QUESTION.saturating_add(MEGABYTE.saturating_mul(megabytes))
    }

    fn done<T: Send>(
        &self,
        doing: &'static str,
        path: &str,
        work: impl Future<Output = object_store::Result<T>> + Send,
        within: Duration,
    ) -> Result<T, PlaceError> {
        match self.wait(work, within) {
            Ended::Done(value) => Ok(value),
            ended => Err(self.failed(doing, path, ended)),
        }
    }

    /// Waits on a thread of its own, so that this may be called from anywhere.
    fn wait<T: Send>(
        &self,
        work: impl Future<Output = object_store::Result<T>> + Send,
        within: Duration,
    ) -> Ended<T> {
        let runtime = self.runtime.as_ref().expect("it is there until the place is dropped");
        let run = || runtime.block_on(async { tokio::time::timeout(within, work).await });
        let ended = std::thread::scope(|scope| scope.spawn(run).join());
        match ended {
            Ok(Ok(Ok(value))) => Ended::Done(value),
            Ok(Ok(Err(error))) => Ended::Refused(error),
            Ok(Err(_)) => Ended::Late(within),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }

    fn failed<T>(&self, doing: &'static str, path: &str, ended: Ended<T>) -> PlaceError {
        let url = self.named(path);
        match ended {
            Ended::Done(_) => unreachable!("what is done has not failed"),
            // What is written into a bucket that is not there is not what is missing.
            Ended::Refused(Error::NotFound { .. }) if doing != WRITE => PlaceError::Missing(url),
            Ended::Refused(error @ Error::InvalidPath { .. }) => {
                let what = format!("{}: no worker puts that; take it away", told::told(&error));
                PlaceError::Failed { doing, url, what }
            }
            Ended::Refused(error) => PlaceError::Failed { doing, url, what: told::told(&error) },
            Ended::Late(after) => PlaceError::Late { doing, url, after },
        }
    }
}

/// How a piece of work ended.
enum Ended<T> {
    Done(T),
    Refused(Error),
    Late(Duration),
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
