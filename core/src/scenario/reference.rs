//! The field reference as Markdown, from the same schema as the checks.

use super::check::range;
use super::schema::{FILE, Field, Form, axes};

/// The reference of all tables and keys, as Markdown.
#[must_use]
pub fn reference_markdown() -> String {
    let (tables, plain): (Vec<&Field>, Vec<&Field>) =
        FILE.fields().iter().partition(|field| matches!(field.form, Form::Table { .. }));
    let mut out = section("At the top", "", plain.into_iter());
    for field in tables {
        match field.name.as_str() {
            "matrix" => out.push_str(&matrix(&field.doc)),
            "hardware" => out.push_str(&format!("### `[hardware.NAME]`\n\n{}\n\n", field.doc)),
            _ => out.push_str(&table(&field.name, field)),
        }
    }
    let case = FILE.field("case").map(|field| &field.form);
    if let Some(Form::List(case)) = case {
        let own = case.fields().iter().filter(|field| FILE.field(&field.name).is_none());
        out.push_str(&section("`[[case]]`", "All of the tables above, and:", own));
    }
    out
}

fn table(name: &str, field: &Field) -> String {
    let (nested, plain): (Vec<&Field>, Vec<&Field>) =
        field.form.fields().iter().partition(|inner| {
            matches!(inner.form, Form::Table { .. }) && !inner.form.fields().is_empty()
        });
    let mut out = section(&format!("`[{name}]`"), &field.doc, plain.into_iter());
    for inner in nested {
        out.push_str(&table(&format!("{name}.{}", inner.name), inner));
    }
    out
}

fn matrix(doc: &str) -> String {
    let names: Vec<String> = axes().map(|(_, field)| format!("`{}`", field.name)).collect();
    format!("### `[matrix]`\n\n{doc}\n\nThe axes: {}.\n\n", names.join(", "))
}

fn section<'a>(title: &str, doc: &str, fields: impl Iterator<Item = &'a Field>) -> String {
    let rows: String = fields.map(row).collect();
    let doc = if doc.is_empty() { String::new() } else { format!("{doc}\n\n") };
    let table = match rows.is_empty() {
        true => String::new(),
        false => format!("| key | value | default | meaning |\n|---|---|---|---|\n{rows}\n"),
    };
    format!("### {title}\n\n{doc}{table}")
}

fn row(field: &Field) -> String {
    let default = field.default.as_ref().filter(|value| {
        !matches!(value, serde_json::Value::Array(items) if items.is_empty())
            && value.as_str() != Some("")
    });
    let default = default.map_or_else(String::new, |value| format!("`{value}`"));
    let doc = field.doc.replace('\n', " ").replace('|', "\\|");
    format!("| `{}` | {} | {default} | {doc} |\n", field.name, value(&field.form))
}

fn value(form: &Form) -> String {
    match form {
        Form::Text(_) => "text".to_owned(),
        Form::Number(limits) => range(limits),
        Form::Flag => "`true` or `false`".to_owned(),
        Form::Choice(values) => {
            values.iter().map(|value| format!("`{value}`")).collect::<Vec<_>>().join(", ")
        }
        Form::List(inner) => format!("list of {}", value(inner)),
        Form::Table { .. } => "table".to_owned(),
        Form::Any => "anything".to_owned(),
    }
}
