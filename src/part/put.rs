//! Where all workers of a load put theirs: that they have begun, and at their end the rows of every epoch with
//! a manifest last, so that whoever finds one finds all that it names.

use super::clock::Skew;
use super::kept::{Kept, KeptError};
use crate::rows::{self, Begun, RowsError};
use crate::store::ReadError;
use std::path::Path;
use tokgate_core::price::Prices;

/// Why a part was not put.
#[derive(Debug, thiserror::Error)]
pub enum PutError {
    /// This build cannot.
    #[error("{}", rows::ABSENT)]
    Absent,
    /// The place cannot be used, or would not.
    #[cfg(feature = "parquet")]
    #[error(transparent)]
    Place(#[from] rows::PlaceError),
    /// The rows cannot be written here.
    #[error(transparent)]
    Rows(#[from] RowsError),
    /// What was kept cannot be read.
    #[error(transparent)]
    Kept(#[from] KeptError),
    /// The raw lines of an epoch cannot be read.
    #[error(transparent)]
    Lines(#[from] ReadError),
    /// A value that JSON cannot carry.
    #[error("the manifest cannot be written: {0}")]
    Json(#[from] serde_json::Error),
}

/// The place of all parts; [`Putting::open`] refuses it in a build without rows.
pub struct Putting(Inner);

#[cfg(feature = "parquet")]
type Inner = rows::Place;
#[cfg(not(feature = "parquet"))]
type Inner = std::convert::Infallible;

#[cfg(not(feature = "parquet"))]
impl Putting {
    /// This build has no place.
    ///
    /// # Errors
    /// Always.
    pub fn open(_: &str) -> Result<Self, PutError> {
        Err(PutError::Absent)
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> &str {
        match self.0 {}
    }

    /// Of nobody.
    ///
    /// # Errors
    /// Never, since there is no such place.
    pub fn clock(&self, _: &Begun) -> Result<Skew, PutError> {
        match self.0 {}
    }

    /// Of nobody.
    ///
    /// # Errors
    /// Never, since there is no such place.
    pub fn begin(&self, _: &Begun) -> Result<(), PutError> {
        match self.0 {}
    }

    /// Of nobody.
    ///
    /// # Errors
    /// Never, since there is no such place.
    pub fn put(&self, _: &Path, _: &Kept, _: &Prices) -> Result<String, PutError> {
        match self.0 {}
    }
}

#[cfg(feature = "parquet")]
mod here {
    use super::{Begun, Kept, Path, Prices, PutError, Putting, Skew, rows};
    use crate::part::KeptEpoch;
    use crate::rows::{Facts, Manifest, MeasuredEpoch, Place, Slice};
    use crate::store;
    use tokgate_core::run::Run;

    /// Between micro- and nanoseconds.
    const MICRO: i64 = 1_000;

    impl Putting {
        /// The place at a URL or in a folder, which is made where it is not there; nothing else is asked yet.
        ///
        /// # Errors
        /// When it is no place that can be written to.
        pub fn open(url: &str) -> Result<Self, PutError> {
            Ok(Self(Place::make(url)?))
        }

        /// Where it is, without anything that may be secret.
        #[must_use]
        pub fn url(&self) -> &str {
            self.0.url()
        }

        /// How far our clock is from the store's, by objects that are put and, where that is
        /// allowed, taken away again.
        ///
        /// # Errors
        /// When the store takes no objects.
        pub fn clock(&self, begun: &Begun) -> Result<Skew, PutError> {
            let path = |nth| format!("clocks/{}-{}-{nth}", begun.worker, begun.attempt);
            let mut looks = 0;
            let put = |nth| {
                looks = nth + 1;
                self.0.put_new(&path(nth), begun.attempt.clone().into_bytes()).map(drop)
            };
            let stamp = |nth| match self.0.find(&path(nth))? {
                Some(found) => Ok(found.modified_us.saturating_mul(MICRO)),
                None => Err(rows::PlaceError::Missing(path(nth))),
            };
            let skew = Skew::measure(put, stamp)?;
            // Who may put and not remove leaves them: nobody reads there.
            let _ = (0..looks).try_for_each(|nth| self.0.remove(&path(nth)));
            Ok(skew)
        }

        /// Says that a worker has begun.
        ///
        /// # Errors
        /// When the store would not take it.
        pub fn begin(&self, begun: &Begun) -> Result<(), PutError> {
            self.0.put_new(&begun.path(), begun.to_bytes()?)?;
            Ok(())
        }

        /// Writes the rows of every epoch beside its raw lines, puts them, and last the manifest; where that lies.
        /// What was put before is left as it is, so that it can be asked again.
        ///
        /// # Errors
        /// When the raw lines cannot be read, the rows not written, or the store would not take them.
        pub fn put(&self, folder: &Path, kept: &Kept, prices: &Prices) -> Result<String, PutError> {
            let begun = kept.begun.clone();
            let mut epochs = Vec::new();
            for epoch in &kept.epochs {
                epochs.push(self.epoch(folder, &begun, epoch, prices)?);
            }
            let manifest = Manifest { version: rows::VERSION, begun, epochs };
            self.0.put_new(&manifest.path(), manifest.to_bytes()?)?;
            Ok(format!("{}/{}", self.url(), manifest.path()))
        }

        /// Puts the rows of one epoch; one is held in memory at a time.
        fn epoch(
            &self,
            folder: &Path,
            begun: &Begun,
            kept: &KeptEpoch,
            prices: &Prices,
        ) -> Result<MeasuredEpoch, PutError> {
            let stored = store::read(&Kept::lines(folder, kept))?;
            let (run, validity): (Run, _) = (stored.run, stored.validity);
            let slice = Slice::of(&run.head, begun.worker, &begun.attempt);
            let price = prices.stored(&run.head.case.target);
            let facts = Facts { validity: &validity, origin_ns: kept.origin_ns, price };
            let files = rows::write_epoch(folder, &slice, &run, &facts)?;
            for file in files.all() {
                self.0.put_file(file, &folder.join(&file.path))?;
            }
            let measured = MeasuredEpoch::of(&run, &validity, kept.origin_ns, files);
            Ok(MeasuredEpoch { late_s: kept.late_s, ..measured })
        }
    }
}
