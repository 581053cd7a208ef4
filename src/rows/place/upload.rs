//! Putting a file: at once where it is small, else in parts, which become an object together or not at all.

use super::super::manifest::FileFacts;
use super::{Ended, Place, PlaceError, Put, WRITE};
use crate::store::atomic::doing;
use object_store::path::Path as ObjectPath;
use object_store::{MultipartUpload, ObjectStore};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

/// Bytes of a part; a file of at most one part is put at once. Ten thousand of them are as many as S3 takes,
/// which are 160 GB.
const PART: usize = 16 << 20;
/// How long is waited until parts are taken back that are not to become an object.
const ABORT: Duration = Duration::from_secs(20);

impl Place {
    /// Puts a file where `facts` say, where nothing is yet. What is there with the same length and checksum is
    /// left.
    ///
    /// # Errors
    /// When something else is there, when the file is not what `facts` say, or the store would not: then nothing
    /// of it is there.
    pub fn put_file(&self, facts: &FileFacts, file: &Path) -> Result<Put, PlaceError> {
        let path = &facts.path;
        let found = self.find(path);
        match found.and_then(|found| found.map(|_| self.verify(facts)).transpose()) {
            Ok(None) => {}
            Ok(Some(())) => return Ok(Put::There),
            Err(PlaceError::Changed { .. }) => return Err(PlaceError::Taken(self.named(path))),
            Err(error) => return Err(error),
        }
        let mut source = File::open(file).map_err(doing("read", file))?;
        if facts.bytes <= PART as u64 {
            let mut bytes = Vec::new();
            let most = facts.bytes + 1;
            source.take(most).read_to_end(&mut bytes).map_err(doing("read", file))?;
            is_as_written(self, facts, bytes.len() as u64, crc32fast::hash(&bytes))?;
            return self.put_new(path, bytes);
        }
        self.put_parts(facts, &mut source, file)
    }

    fn put_parts(
        &self,
        facts: &FileFacts,
        source: &mut File,
        file: &Path,
    ) -> Result<Put, PlaceError> {
        let at = self.path(&facts.path)?;
        let mut upload = match self.wait(self.begun(&at), super::QUESTION) {
            Ended::Done(upload) => upload,
            ended => return Err(self.failed(WRITE, &facts.path, ended)),
        };
        let put = self.put_each(facts, &mut upload, source, file);
        if put.is_err() {
            // What is left of it costs money until the bucket's own rules take it away.
            let _ = self.wait(upload.abort(), ABORT);
        }
        put.map(|()| Put::New)
    }

    async fn begun(&self, at: &ObjectPath) -> object_store::Result<Box<dyn MultipartUpload>> {
        self.store.put_multipart_opts(at, Default::default()).await
    }

    fn put_each(
        &self,
        facts: &FileFacts,
        upload: &mut Box<dyn MultipartUpload>,
        source: &mut File,
        file: &Path,
    ) -> Result<(), PlaceError> {
        let (mut length, mut sum) = (0, crc32fast::Hasher::new());
        loop {
            let part = next_part(source).map_err(doing("read", file))?;
            if part.is_empty() {
                break;
            }
            length += part.len() as u64;
            sum.update(&part);
            let within = self.deadline(part.len() as u64);
            self.done(WRITE, &facts.path, upload.put_part(part.into()), within)?;
        }
        is_as_written(self, facts, length, sum.finalize())?;
        let completed = self.done(WRITE, &facts.path, upload.complete(), super::QUESTION);
        // An earlier try of ours completed it, and its reply was lost: there is no such upload any more.
        completed.map(drop).or_else(|error| self.verify(facts).map_err(|_| error))
    }
}

fn next_part(source: &mut File) -> io::Result<Vec<u8>> {
    let mut part = Vec::new();
    source.take(PART as u64).read_to_end(&mut part)?;
    Ok(part)
}

/// What is put is what was written, or nothing.
fn is_as_written(
    place: &Place,
    facts: &FileFacts,
    length: u64,
    sum: u32,
) -> Result<(), PlaceError> {
    match (length, sum) == (facts.bytes, facts.crc32) {
        true => Ok(()),
        false => Err(PlaceError::Changed {
            url: place.named(&facts.path),
            what: "the file was changed since it was written".to_owned(),
        }),
    }
}
