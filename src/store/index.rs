//! Where a store's answers come from: the index of its folder, or that of a team; and the raw lines behind
//! them.

use crate::store::database::Database;
use crate::store::file_store::{FileStore, StoreError};
use crate::store::layout::Layout;
use crate::store::sql::Sql;
use crate::store::stored::{self, First, Stored};
use crate::store::team::{Borrowed, TeamError, raw};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What is asked.
#[derive(Debug)]
#[cfg_attr(
    not(feature = "postgres"),
    expect(clippy::large_enum_variant, reason = "a link is empty where this build has none")
)]
pub(super) enum Index {
    /// The folder's own.
    File(Database),
    /// A team's.
    Team(Borrowed),
}

impl Index {
    /// Runs `work`, which only reads.
    pub(super) fn read<T>(
        &self,
        work: impl FnOnce(&Sql<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        match self {
            Self::File(database) => Ok(database.read(work)?),
            Self::Team(link) => Ok(work(&Sql::Team(link)).map_err(|error| link.told(error))?),
        }
    }

    /// The folder's own, to be written.
    pub(super) fn file_mut(&mut self) -> Result<&mut Database, TeamError> {
        match self {
            Self::File(database) => Ok(database),
            Self::Team(link) => Err(TeamError::OnlyRead(link.place().to_owned())),
        }
    }
}

/// The raw lines of a store: those of the folder, and of a team's store what is not there.
pub(super) struct Raw<'a> {
    layout: &'a Layout,
    index: &'a Index,
}

impl<'a> Raw<'a> {
    pub(super) fn of(store: &'a FileStore) -> Self {
        Self { layout: store.layout(), index: store.index() }
    }

    /// The first line of an epoch's or an imported result's.
    pub(super) fn first(&self, test_id: &str) -> Result<First, StoreError> {
        let mut found = self.firsts([test_id].into_iter())?;
        found.remove(test_id).expect("each that is asked for is answered")
    }

    /// The first lines of several. One that cannot be read says why.
    pub(super) fn firsts<'n>(
        &self,
        test_ids: impl Iterator<Item = &'n str>,
    ) -> Result<BTreeMap<&'n str, Result<First, StoreError>>, StoreError> {
        let (here, elsewhere): (Vec<&str>, Vec<&str>) =
            test_ids.partition(|id| matches!(self.index, Index::File(_)) || self.path(id).exists());
        let of_file = |id| (id, stored::read_first(&self.path(id)).map_err(StoreError::from));
        let mut all: BTreeMap<&str, Result<First, StoreError>> =
            here.into_iter().map(of_file).collect();
        let sent = self.index.read(|sql| raw::firsts(sql, &elsewhere))?;
        for id in elsewhere {
            let first = match sent.get(id) {
                Some(line) => stored::first_in(line.as_bytes(), &self.path(id)).map_err(Into::into),
                None => Err(self.elsewhere(id).into()),
            };
            all.insert(id, first);
        }
        Ok(all)
    }

    /// All of an epoch's.
    pub(super) fn whole(&self, test_id: &str) -> Result<Stored, StoreError> {
        let path = self.path(test_id);
        let bytes = match (self.index, path.exists()) {
            (Index::File(_), _) | (Index::Team(_), true) => return Ok(stored::read(&path)?),
            (Index::Team(link), false) => {
                raw::bytes(&Sql::Team(link), test_id).map_err(|error| link.told(error))?
            }
        };
        match bytes {
            Some(bytes) => Ok(stored::read_bytes(&bytes, &path)?),
            None => Err(self.elsewhere(test_id).into()),
        }
    }

    fn path(&self, test_id: &str) -> PathBuf {
        self.layout.raw_file(test_id)
    }

    fn elsewhere(&self, test_id: &str) -> TeamError {
        let place = match self.index {
            Index::File(_) => String::new(),
            Index::Team(link) => link.place().to_owned(),
        };
        TeamError::Elsewhere { test_id: test_id.to_owned(), place }
    }
}
