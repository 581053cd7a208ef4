//! The reference of the tables, as Markdown, from the SQL itself and from what `columns` says of it.

use crate::store::columns::{TABLES, Table};
use crate::store::epoch::MEASURED;
use crate::store::schema;
use rusqlite::{Connection, Row};
use tokgate_core::metric::MetricRef;

/// What stands above the tables.
const HEAD: &str = "\
# The database

`tokgate.sqlite` in the folder of results is an SQLite database, an index over the raw lines in `raw/`:
`tokgate rebuild` makes it again from them, and `tokgate db check` says whether both say the same. Open it
with anything that reads SQLite; write to it with tokgate alone, and copy it with `tokgate db backup`.

Numbers are in the units below; shares are between 0 and 1 except where the unit is a percent sign. NULL is
what was not measured. Columns marked *key* name a row together; those marked *optional* may be NULL. Tables
are STRICT. `application_id` is 0x746f6b67 (`tokg`), `user_version` the number of the schema: ";

/// The reference of every table and column.
///
/// # Errors
/// When SQLite cannot make the tables in memory.
pub fn schema_markdown() -> rusqlite::Result<String> {
    let database = schema::today()?;
    let latest = schema::age(&database)?.latest;
    let tables: rusqlite::Result<String> =
        TABLES.iter().map(|table| section(&database, table)).collect();
    Ok(format!(
        "<!-- made from src/store by the tests; TOKGATE_BLESS=1 rewrites it -->\n{HEAD}{latest}.\n{}",
        tables?
    ))
}

/// A column, as SQLite has it.
struct Made {
    name: String,
    kind: String,
    is_required: bool,
    is_key: bool,
}

fn section(database: &Connection, table: &Table) -> rusqlite::Result<String> {
    let Table { name, row, .. } = table;
    let lines: String = columns(database, name)?.iter().map(|made| line(table, made)).collect();
    Ok(format!(
        "\n## `{name}`\n{row}\n\n| column | type | unit | meaning |\n|---|---|---|---|\n{lines}"
    ))
}

fn columns(database: &Connection, table: &str) -> rusqlite::Result<Vec<Made>> {
    let mut query = database
        .prepare("SELECT name, type, \"notnull\", pk FROM pragma_table_info(?1) ORDER BY cid")?;
    let made = |row: &Row<'_>| {
        let (is_required, key): (bool, i64) = (row.get(2)?, row.get(3)?);
        Ok(Made { name: row.get(0)?, kind: row.get(1)?, is_required, is_key: key > 0 })
    };
    query.query_map([table], made)?.collect()
}

fn line(table: &Table, made: &Made) -> String {
    let Made { name, kind, is_required, is_key } = made;
    let how = match (is_key, is_required) {
        (true, _) => ", key",
        (false, true) => "",
        (false, false) => ", optional",
    };
    let (unit, meaning) = told(table, name).unwrap_or_default();
    format!("| `{name}` | {kind}{how} | {unit} | {meaning} |\n")
}

/// Unit and meaning of a column, where it is known.
fn told(table: &Table, name: &str) -> Option<(String, String)> {
    let described = table.columns.iter().find(|column| column.name == name);
    let described = described.map(|column| (column.unit.to_owned(), column.meaning.to_owned()));
    let of_metric = || {
        let (_, metric, stat) = MEASURED.iter().find(|(column, ..)| *column == name)?;
        let of = MetricRef { metric, stat: *stat };
        let meaning = format!("`{of}` of [METRICS.md](METRICS.md): {}", metric.name);
        Some((metric.unit.symbol().to_owned(), meaning))
    };
    described.or_else(|| of_metric().filter(|_| table.name == "benchmark_results"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_table_and_column_is_described_and_no_other() {
        let database = schema::today().unwrap();
        let mut query = database
            .prepare(
                "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'",
            )
            .unwrap();
        let tables: BTreeSet<String> =
            query.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
        let described: BTreeSet<String> =
            TABLES.iter().map(|table| table.name.to_owned()).collect();
        assert_eq!(tables, described);
        for table in TABLES {
            let made = columns(&database, table.name).unwrap();
            for Made { name, .. } in &made {
                let (_, meaning) = told(table, name).unwrap_or_default();
                assert!(!meaning.is_empty(), "{}.{name}", table.name);
            }
            for column in table.columns {
                let there = made.iter().any(|made| made.name == column.name);
                assert!(there, "{}.{} is no column", table.name, column.name);
            }
        }
    }
}
