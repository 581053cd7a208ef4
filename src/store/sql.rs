//! Asking an index: the same SQL of the file of a results folder and of a team's PostgreSQL.
//!
//! What differs between the two stands here and in `team::dialect`, and nowhere else. A `?` of a statement is
//! the next value that is bound, `?1` the first.

use crate::store::team::Link;
use rusqlite::types::{FromSql, Value, ValueRef};
use rusqlite::{Connection, params_from_iter};

/// An index that answers.
#[derive(Clone, Copy)]
pub(super) enum Sql<'a> {
    /// SQLite's file.
    File(&'a Connection),
    /// A team's PostgreSQL.
    Team(&'a Link),
}

/// A row of an answer.
pub(super) enum Row<'a> {
    /// As SQLite has it.
    File(&'a rusqlite::Row<'a>),
    /// Its cells.
    Cells(&'a [Value]),
}

/// A whole answer, with the names of its columns.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Table {
    pub(super) columns: Vec<String>,
    pub(super) rows: Vec<Vec<Value>>,
}

impl<'a> From<&'a Connection> for Sql<'a> {
    fn from(connection: &'a Connection) -> Self {
        Self::File(connection)
    }
}

impl Sql<'_> {
    /// Every row of an answer, each read by `read`.
    pub(super) fn all<T>(
        &self,
        sql: &str,
        bound: &[Value],
        mut read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<Vec<T>> {
        match self {
            Self::File(connection) => connection
                .prepare_cached(sql)?
                .query_map(params_from_iter(bound), |row| read(&Row::File(row)))?
                .collect(),
            Self::Team(link) => {
                link.table(sql, bound)?.rows.iter().map(|cells| read(&Row::Cells(cells))).collect()
            }
        }
    }

    /// The first row of an answer, if it has one.
    pub(super) fn one<T>(
        &self,
        sql: &str,
        bound: &[Value],
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<Option<T>> {
        Ok(self.all(sql, bound, read)?.into_iter().next())
    }

    /// The number that an answer of one cell is.
    pub(super) fn number(&self, sql: &str, bound: &[Value]) -> rusqlite::Result<u64> {
        let found = self.one(sql, bound, |row| row.whole(0))?;
        found.ok_or(rusqlite::Error::QueryReturnedNoRows)
    }

    /// A whole answer.
    pub(super) fn table(&self, sql: &str, bound: &[Value]) -> rusqlite::Result<Table> {
        match self {
            Self::File(connection) => {
                let mut query = connection.prepare_cached(sql)?;
                let columns: Vec<String> =
                    query.column_names().into_iter().map(str::to_owned).collect();
                let width = columns.len();
                let cells = |row: &rusqlite::Row<'_>| {
                    (0..width).map(|at| Ok(cell(row.get_ref(at)?))).collect::<rusqlite::Result<_>>()
                };
                let rows = query.query_map(params_from_iter(bound), cells)?;
                Ok(Table { columns, rows: rows.collect::<rusqlite::Result<_>>()? })
            }
            Self::Team(link) => link.table(sql, bound),
        }
    }

    /// Changes rows; says how many.
    pub(super) fn execute(&self, sql: &str, bound: &[Value]) -> rusqlite::Result<u64> {
        match self {
            Self::File(connection) => {
                let changed = connection.prepare_cached(sql)?.execute(params_from_iter(bound))?;
                Ok(changed as u64)
            }
            Self::Team(link) => link.execute(sql, bound),
        }
    }

    /// Does several reads of one moment of the index.
    pub(super) fn at_once<T>(
        &self,
        work: impl FnOnce(&Sql<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        match self {
            Self::File(connection) => {
                let transaction = connection.unchecked_transaction()?;
                let found = work(&Sql::File(&transaction))?;
                transaction.commit()?;
                Ok(found)
            }
            Self::Team(link) => link
                .transact("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", || {
                    work(&Sql::Team(link))
                }),
        }
    }

    /// That a table is gone through along this index of its, which SQLite is told and PostgreSQL finds.
    pub(super) fn along(&self, index: &str) -> String {
        match self {
            Self::File(_) => format!("INDEXED BY {index}"),
            Self::Team(_) => String::new(),
        }
    }

    /// A join whose sides are gone through in the order in which they stand; PostgreSQL knows by how many
    /// rows there are.
    pub(super) fn join_in_order(&self) -> &'static str {
        match self {
            Self::File(_) => "CROSS JOIN",
            Self::Team(_) => "JOIN",
        }
    }
}

impl Row<'_> {
    /// The cell of this number.
    pub(super) fn get<T: FromSql>(&self, at: usize) -> rusqlite::Result<T> {
        match self {
            Self::File(row) => row.get(at),
            Self::Cells(cells) => {
                let cell = cells.get(at).ok_or(rusqlite::Error::InvalidColumnIndex(at))?;
                T::column_result(ValueRef::from(cell)).map_err(|why| {
                    rusqlite::Error::FromSqlConversionFailure(at, cell.data_type(), Box::new(why))
                })
            }
        }
    }

    /// A count, which a sound table never holds below zero.
    pub(super) fn whole(&self, at: usize) -> rusqlite::Result<u64> {
        let n: i64 = self.get(at)?;
        u64::try_from(n).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(at, n))
    }
}

/// A cell of its own. A flipped byte may leave no text: what it leaves is another one.
fn cell(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(n) => Value::Integer(n),
        ValueRef::Real(x) => Value::Real(x),
        ValueRef::Text(bytes) => Value::Text(String::from_utf8_lossy(bytes).into_owned()),
        ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_cells_is_read_as_one_of_a_file() {
        let connection = Connection::open_in_memory().unwrap();
        let sql = Sql::from(&connection);
        let asked = "SELECT 7, 0.5, 'text', x'00ff', NULL, 3 = 3";
        let read = |row: &Row<'_>| {
            let (a, b): (i64, f64) = (row.get(0)?, row.get(1)?);
            let (c, d): (String, Vec<u8>) = (row.get(2)?, row.get(3)?);
            let (e, f): (Option<i64>, bool) = (row.get(4)?, row.get(5)?);
            Ok((a, b, c, d, e, f))
        };
        let of_file = sql.one(asked, &[], read).unwrap().unwrap();
        let table = sql.table(asked, &[]).unwrap();
        assert_eq!(read(&Row::Cells(&table.rows[0])).unwrap(), of_file);
        assert_eq!(of_file, (7, 0.5, "text".to_owned(), vec![0, 255], None, true));
    }

    #[test]
    fn a_count_below_zero_and_a_cell_that_is_not_there_are_errors() {
        let cells = [Value::Integer(-1)];
        assert!(Row::Cells(&cells).whole(0).is_err());
        assert!(Row::Cells(&cells).get::<i64>(1).is_err());
        assert!(Row::Cells(&cells).get::<String>(0).is_err());
    }
}
