//! What is written in a file, each value with its place, in the order of the file.

use crate::diagnostic::{Diagnostic, Diagnostics};
use std::ops::Range;
use std::sync::Arc;
use toml::de::{DeTable, DeValue};

/// Where something is written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) file: Arc<str>,
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Place {
    fn new(file: &Arc<str>, span: Range<usize>) -> Self {
        Self { file: Arc::clone(file), start: span.start, end: span.end }
    }

    pub(super) fn span(&self) -> Range<usize> {
        self.start..self.end
    }

    /// A diagnostic about this place.
    pub(super) fn fault(&self, message: impl Into<String>) -> Diagnostic {
        Diagnostic::at(&self.file, self.span(), message)
    }
}

/// A value and its place.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) value: Value,
}

/// A value as TOML has it.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Text(String),
    /// A whole number; one that no type of ours holds is at its end of the range.
    Whole {
        value: i128,
        minus: bool,
    },
    Number(f64),
    Flag(bool),
    Date,
    List(Vec<Node>),
    Table(Vec<Entry>),
}

/// A key and its value.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) place: Place,
    pub(super) node: Node,
}

impl Node {
    /// The entries of a table; none for anything else.
    pub(super) fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Table(entries) => entries,
            Value::Text(_)
            | Value::Whole { .. }
            | Value::Number(_)
            | Value::Flag(_)
            | Value::Date
            | Value::List(_) => &[],
        }
    }

    /// The items of a list; none for anything else.
    pub(super) fn items(&self) -> &[Node] {
        match &self.value {
            Value::List(items) => items,
            Value::Text(_)
            | Value::Whole { .. }
            | Value::Number(_)
            | Value::Flag(_)
            | Value::Date
            | Value::Table(_) => &[],
        }
    }

    pub(super) fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key == key)
    }

    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|entry| &entry.node)
    }

    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            Value::Whole { .. }
            | Value::Number(_)
            | Value::Flag(_)
            | Value::Date
            | Value::List(_)
            | Value::Table(_) => None,
        }
    }

    /// The value as JSON, for serde. A date or a number out of range was refused before.
    pub(super) fn json(&self) -> serde_json::Value {
        match &self.value {
            Value::Text(text) => text.as_str().into(),
            Value::Whole { value, .. } => {
                serde_json::Number::from_i128(*value).map_or(serde_json::Value::Null, Into::into)
            }
            Value::Number(value) => (*value).into(),
            Value::Flag(value) => (*value).into(),
            Value::Date => serde_json::Value::Null,
            Value::List(items) => items.iter().map(Self::json).collect(),
            Value::Table(entries) => {
                entries.iter().map(|entry| (entry.key.clone(), entry.node.json())).collect()
            }
        }
    }

    /// The value as an id spells it.
    pub(super) fn label(&self) -> String {
        match self.json() {
            serde_json::Value::String(text) => text,
            other => other.to_string(),
        }
    }
}

/// Reads the text of `file`; everything that breaks the rules of TOML goes to `faults`, and what
/// could be read regardless is returned.
pub(super) fn read(file: &str, text: &str, faults: &mut Diagnostics) -> Node {
    let (table, errors) = DeTable::parse_recoverable(text);
    let file: Arc<str> = file.into();
    let span = table.span();
    let root = Node {
        place: Place::new(&file, span),
        value: Value::Table(table_of(&file, table.get_ref())),
    };
    for error in errors {
        faults.push_with(|| syntax(&root, text, &error));
    }
    root
}

fn syntax(root: &Node, text: &str, error: &toml::de::Error) -> Diagnostic {
    let span = error.span().unwrap_or_default();
    let message = error.message().trim_end_matches(", expected nothing");
    let fault = Diagnostic::at(&root.place.file, span.clone(), message);
    match error.message() == "duplicate key" {
        true => match first_written(root, text, &span) {
            Some(first) => fault.note(first, "first written here"),
            None => fault,
        },
        false => fault,
    }
}

/// Where the key that is repeated at `span` was first written: the nearest earlier one of the
/// same name in the same table, or the nearest earlier header where a header is repeated.
fn first_written(root: &Node, text: &str, span: &Range<usize>) -> Option<Range<usize>> {
    let key = text.get(span.clone())?.trim_matches(['"', '\'']);
    let in_header = |at: usize| {
        text[..at].rsplit('\n').next().unwrap_or_default().trim_start().starts_with('[')
    };
    if in_header(span.start) {
        return first_header(text, span);
    }
    let table_start = text[..span.start].rfind("\n[").unwrap_or(0);
    let mut earlier = Vec::new();
    collect_keys(root, key, &mut earlier);
    earlier
        .into_iter()
        .filter(|place| place.start < span.start)
        .filter(|place| place.start >= table_start && !in_header(place.start))
        .max()
        .map(Place::span)
}

/// The first line that is the same header as the one around `span`.
fn first_header(text: &str, span: &Range<usize>) -> Option<Range<usize>> {
    let start = text[..span.start].rfind('\n').map_or(0, |at| at + 1);
    let header = text[start..].lines().next()?.trim();
    let before = text[..start].split_inclusive('\n');
    let mut at = 0;
    for line in before {
        if line.trim() == header {
            return Some(at..at + header.len());
        }
        at += line.len();
    }
    None
}

fn collect_keys<'a>(node: &'a Node, key: &str, found: &mut Vec<&'a Place>) {
    node.items().iter().for_each(|item| collect_keys(item, key, found));
    for entry in node.entries() {
        if entry.key == key {
            found.push(&entry.place);
        }
        collect_keys(&entry.node, key, found);
    }
}

fn table_of(file: &Arc<str>, table: &DeTable<'_>) -> Vec<Entry> {
    let mut entries: Vec<Entry> = table
        .iter()
        .map(|(key, value)| Entry {
            key: key.get_ref().to_string(),
            place: Place::new(file, key.span()),
            node: node_of(file, value),
        })
        .collect();
    entries.sort_by_key(|entry| entry.place.start);
    entries
}

fn node_of(file: &Arc<str>, value: &toml::Spanned<DeValue<'_>>) -> Node {
    let list = |items: &[toml::Spanned<DeValue<'_>>]| {
        Value::List(items.iter().map(|item| node_of(file, item)).collect())
    };
    let node = match value.get_ref() {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(number) => {
            let minus = number.as_str().starts_with('-');
            let end = if minus { i128::MIN } else { i128::MAX };
            let value = i128::from_str_radix(number.as_str(), number.radix()).unwrap_or(end);
            Value::Whole { value, minus }
        }
        DeValue::Float(number) => Value::Number(number.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(flag) => Value::Flag(*flag),
        DeValue::Datetime(_) => Value::Date,
        DeValue::Array(items) => list(items),
        DeValue::Table(table) => Value::Table(table_of(file, table)),
    };
    Node { place: Place::new(file, value.span()), value: node }
}
