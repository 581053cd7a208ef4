//! A table that is told in several forms: for a terminal, as CSV, as Markdown.

use super::export;
use super::markdown::code_within;
use anyhow::Result;
use comfy_table::{CellAlignment, Table, presets};
use std::fmt::Write;
use tokgate_core::diagnostic::line;

/// What stands where nothing was measured.
const NOTHING: &str = "–";
/// Longest text of a cell in Markdown: the name of every model and machine fits.
const LONGEST: usize = 120;

/// A table, and what is said beneath it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sheet {
    columns: Vec<String>,
    rows: Vec<Vec<Cell>>,
    notes: Vec<String>,
}

/// A cell.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Text, which may be anybody's.
    Text(String),
    /// A number: as it is shown, and as it is.
    Number(String, f64),
    /// What nobody measured.
    Nothing,
}

impl Cell {
    /// A number with so many digits behind the point; nothing where there is none.
    #[must_use]
    pub fn number(value: Option<f64>, digits: usize) -> Self {
        value.map_or(Self::Nothing, |value| Self::Number(format!("{value:.digits$}"), value))
    }

    /// A count.
    #[must_use]
    pub fn count(value: Option<u64>) -> Self {
        value.map_or(Self::Nothing, |value| Self::Number(value.to_string(), value as f64))
    }

    /// A text; nothing where there is none.
    #[must_use]
    pub fn text(value: Option<&str>) -> Self {
        value.filter(|it| !it.is_empty()).map_or(Self::Nothing, |it| Self::Text(it.to_owned()))
    }
}

impl Sheet {
    /// A table with these columns, and no row yet.
    #[must_use]
    pub fn new<T: Into<String>>(columns: impl IntoIterator<Item = T>) -> Self {
        Self { columns: columns.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// The same with one more row, which has a cell for each column.
    pub fn push(&mut self, row: Vec<Cell>) {
        self.rows.push(row);
    }

    /// Says one more thing beneath it.
    pub fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// For a terminal.
    #[must_use]
    pub fn table(&self) -> String {
        let mut table = Table::new();
        table.load_style(presets::NOTHING).force_no_tty().set_header(self.columns.clone());
        for row in &self.rows {
            table.add_row(row.iter().map(Cell::shown));
        }
        for (at, column) in table.column_iter_mut().enumerate() {
            let is_text = self.rows.iter().any(|row| matches!(row.get(at), Some(Cell::Text(_))));
            let side = if is_text { CellAlignment::Left } else { CellAlignment::Right };
            column.set_cell_alignment(side);
        }
        let told = if self.rows.is_empty() { String::new() } else { table.trim_fmt() + "\n" };
        let notes: String = self.notes.iter().map(|note| line(note) + "\n").collect();
        let gap = if told.is_empty() || notes.is_empty() { "" } else { "\n" };
        (told + gap + &notes).trim_end().to_owned()
    }

    /// As CSV: numbers as they are, without what is said beneath.
    ///
    /// # Errors
    /// When a cell cannot be written.
    pub fn csv(&self) -> Result<String> {
        let rows = self.rows.iter().map(|row| row.iter().map(Cell::exact).collect());
        export::lines(std::iter::once(self.columns.clone()).chain(rows))
    }

    /// As Markdown, in which nothing that others named is markup.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut text = format!("| {} |\n|", self.columns.join(" | "));
        text.push_str(&"---|".repeat(self.columns.len()));
        text.push('\n');
        for row in &self.rows {
            let cells: Vec<String> = row.iter().map(Cell::marked).collect();
            writeln!(text, "| {} |", cells.join(" | ")).ok();
        }
        for note in &self.notes {
            writeln!(text, "\n{}", code_within(note, 4 * LONGEST)).ok();
        }
        text.trim_end().to_owned()
    }
}

impl Cell {
    fn shown(&self) -> String {
        match self {
            Self::Text(text) => line(text),
            Self::Number(shown, _) => shown.clone(),
            Self::Nothing => NOTHING.to_owned(),
        }
    }

    fn exact(&self) -> String {
        match self {
            Self::Text(text) => export::guarded(text),
            Self::Number(_, value) => value.to_string(),
            Self::Nothing => String::new(),
        }
    }

    fn marked(&self) -> String {
        match self {
            Self::Text(text) => code_within(text, LONGEST),
            Self::Number(..) | Self::Nothing => self.shown(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet() -> Sheet {
        let mut sheet = Sheet::new(["model", "tok/s"]);
        sheet.push(vec![Cell::Text("a|b, \"c\"".to_owned()), Cell::number(Some(45.34), 1)]);
        sheet.push(vec![Cell::Text("=1+1\u{1b}".to_owned()), Cell::Nothing]);
        sheet.note("of one task");
        sheet
    }

    #[test]
    fn each_form_says_the_same_and_nothing_from_outside_is_markup() {
        assert_eq!(
            sheet().csv().unwrap(),
            "model,tok/s\r\n\"a|b, \"\"c\"\"\",45.34\r\n'=1+1\\u{1b},\r\n"
        );
        let expected = "| model | tok/s |\n|---|---|\n| `a¦b, \"c\"` | 45.3 |\n| `=1+1\\u{1b}` | – |\n\n\
                        `of one task`";
        assert_eq!(sheet().markdown(), expected);
        let table = sheet().table();
        assert!(table.contains("45.3") && table.ends_with("\n\nof one task"), "{table}");
        assert!(!table.contains('\u{1b}'));
    }

    #[test]
    fn without_rows_only_what_is_said_is_told() {
        let mut sheet = Sheet::new(["a"]);
        assert_eq!((sheet.is_empty(), sheet.table()), (true, String::new()));
        sheet.note("nothing yet");
        assert_eq!(sheet.table(), "nothing yet");
    }
}
