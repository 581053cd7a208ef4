//! The connection of a build without PostgreSQL: there is none.

use crate::store::sql::Table;
use crate::store::team::{Address, For, TeamError};
use rusqlite::types::Value;
use std::convert::Infallible;
use std::time::Duration;

/// A connection that cannot be had.
#[derive(Debug)]
pub(in crate::store) struct Link(Infallible);

impl Link {
    pub(super) fn open(_address: &Address, _purpose: For) -> Result<Self, TeamError> {
        Err(TeamError::Without)
    }

    pub(super) fn limit(&self, _within: Duration) -> Result<(), TeamError> {
        match self.0 {}
    }

    pub(super) fn is_sound(&self) -> bool {
        match self.0 {}
    }

    pub(in crate::store) fn place(&self) -> &str {
        match self.0 {}
    }

    pub(in crate::store) fn told(&self, _error: rusqlite::Error) -> TeamError {
        match self.0 {}
    }

    pub(in crate::store) fn table(&self, _: &str, _: &[Value]) -> rusqlite::Result<Table> {
        match self.0 {}
    }

    pub(in crate::store) fn execute(&self, _: &str, _: &[Value]) -> rusqlite::Result<u64> {
        match self.0 {}
    }

    pub(super) fn batch(&self, _: &str) -> rusqlite::Result<()> {
        match self.0 {}
    }

    pub(in crate::store) fn transact<T>(
        &self,
        _: &str,
        _: impl FnOnce() -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        match self.0 {}
    }
}
