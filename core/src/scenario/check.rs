//! Holds what is written against the schema, key by key, and reports all that does not fit.

use super::file;
use super::schema::{self, Form, Limits, Text};
use super::tree::{Entry, Node, Value};
use crate::diagnostic::{Diagnostic, Diagnostics, is_hidden, nearest};
use std::collections::BTreeMap;

/// Longest list of values; as many as a scenario may have cells.
const MAX_ITEMS: usize = super::MAX_CASES;
/// Deepest nesting of a value; our own tables need five levels.
const MAX_DEPTH: usize = 16;

/// Reports everything in `node`, called `name`, that does not have the form.
pub(super) fn check(node: &Node, form: &Form, name: &str, faults: &mut Diagnostics) {
    match form {
        Form::Table { .. } => check_table(node, form, name, faults),
        Form::List(inner) => check_list(node, inner, name, faults),
        Form::Text(_) | Form::Number(_) | Form::Flag | Form::Choice(_) => {
            if let Err(fault) = scalar(node, form, name) {
                faults.push(fault);
            }
        }
        Form::Any => check_any(node, name, MAX_DEPTH, faults),
    }
}

/// The same for a part of a file, such as an option: nothing needs to be there.
pub(super) fn check_part(node: &Node, form: &Form, faults: &mut Diagnostics) {
    for entry in node.entries() {
        match form.field(&entry.key) {
            Some(field) => check(&entry.node, &field.form, &entry.key, faults),
            None => faults.push(unknown(entry, form, "")),
        }
    }
}

fn check_table(node: &Node, form: &Form, name: &str, faults: &mut Diagnostics) {
    let Form::Table { fields, rest } = form else { return };
    let Value::Table(entries) = &node.value else {
        let help = format!("write `[{name}]` and its keys below it, or `{name} = {{ ... }}`");
        return faults.push(wrong(node, name, "a table").help(help));
    };
    for entry in entries {
        match (form.field(&entry.key), rest) {
            (Some(field), _) => check(&entry.node, &field.form, &entry.key, faults),
            (None, Some(rest)) => check_free(entry, rest, name, faults),
            (None, None) => faults.push_with(|| unknown(entry, form, name)),
        }
    }
    for field in fields.iter().filter(|field| field.required) {
        if node.get(&field.name).is_none() {
            let example = field.example.as_ref().map_or(String::new(), ToString::to_string);
            let missing = format!("`{}` is missing{}", field.name, in_table(name));
            faults.push(
                node.place.fault(missing).help(format!("write `{} = {example}`", field.name)),
            );
        }
    }
}

/// A field whose name is free, such as a metric.
fn check_free(entry: &Entry, form: &Form, table: &str, faults: &mut Diagnostics) {
    if let Some(hidden) = entry.key.chars().find(|c| is_hidden(*c)) {
        faults.push(hides(&entry.place.fault(""), &entry.key, hidden));
    }
    let inner = entry.node.entries().first();
    let unquoted = |inner: &&Entry| match form {
        Form::Text(_) => true,
        _ => table == "quarantine" && matches!(inner.node.value, Value::Table(_)),
    };
    if let Some(inner) = inner.filter(unquoted) {
        let dotted = format!("{}.{}", entry.key, inner.key);
        let wanted = if matches!(form, Form::Text(_)) { "text" } else { "the name of a metric" };
        let message = format!("`{}` is a table, expected {wanted}", entry.key);
        let help = format!("quote the whole name: `\"{dotted}\" = ...`");
        return faults.push(entry.place.fault(message).help(help));
    }
    let name = if table == "hardware" { &format!("hardware.{}", entry.key) } else { &entry.key };
    check(&entry.node, form, name, faults);
}

fn check_list(node: &Node, inner: &Form, name: &str, faults: &mut Diagnostics) {
    let Value::List(items) = &node.value else {
        let help = match name {
            "case" => "write `[[case]]`, with two brackets".to_owned(),
            _ => format!("write a list: `{name} = [{}]`", sample(inner)),
        };
        return faults.push(wrong(node, name, "a list").help(help));
    };
    if items.is_empty() && name != "required" {
        faults.push(node.place.fault(format!("`{name}` is an empty list")));
    }
    items.iter().for_each(|item| check(item, inner, name, faults));
    if matches!(inner, Form::Text(Text { prose: false, .. }) | Form::Number(_) | Form::Choice(_)) {
        check_repeats(items, name, faults);
    }
}

/// A value that is listed twice would be measured twice under one name.
fn check_repeats(items: &[Node], name: &str, faults: &mut Diagnostics) {
    let mut seen: BTreeMap<String, &Node> = BTreeMap::new();
    for item in items.iter().take(MAX_ITEMS) {
        let key = item.json().as_f64().map_or_else(|| item.label(), |number| number.to_string());
        if let Some(first) = seen.insert(key, item) {
            let fault = item.place.fault(format!("`{name}` lists {} twice", shown(item)));
            faults.push(fault.note(first.place.span(), "first written here"));
        }
    }
    if let Some(beyond) = items.get(MAX_ITEMS) {
        faults.push(beyond.place.fault(format!("`{name}` lists more than {MAX_ITEMS} values")));
    }
}

fn check_any(node: &Node, name: &str, depth: usize, faults: &mut Diagnostics) {
    match &node.value {
        _ if depth == 0 => {
            faults.push(node.place.fault(format!("`{name}` is nested more than {MAX_DEPTH} deep")));
        }
        Value::Number(value) if !value.is_finite() => {
            faults.push(node.place.fault(format!("`{name}` is {value}, expected a finite number")));
        }
        Value::Date => faults.push(wrong(node, name, "text, a number, a list or a table")),
        Value::List(items) => {
            items.iter().for_each(|item| check_any(item, name, depth - 1, faults));
        }
        Value::Table(entries) => {
            entries.iter().for_each(|entry| check_any(&entry.node, &entry.key, depth - 1, faults))
        }
        Value::Text(_) | Value::Whole { .. } | Value::Number(_) | Value::Flag(_) => {}
    }
}

/// Whether one value fits; the diagnostic says what would.
fn scalar(node: &Node, form: &Form, name: &str) -> Result<(), Diagnostic> {
    let fits = match (form, &node.value) {
        (Form::Text(text), Value::Text(written)) => return check_text(node, text, name, written),
        (Form::Number(limits), Value::Whole { value, minus }) => {
            fits(limits, *value as f64, *minus)
        }
        (Form::Number(limits), Value::Number(value)) if !limits.whole => {
            fits(limits, *value, value.is_sign_negative())
        }
        (Form::Flag, Value::Flag(_)) => true,
        (Form::Choice(values), _) => values.contains(&node.json()),
        _ => return Err(wrong(node, name, &expected(form))),
    };
    match (fits, form) {
        (true, _) => Ok(()),
        (false, Form::Choice(values)) => Err(no_choice(node, values, name)),
        (false, _) => Err(node.place.fault(format!(
            "`{name}` is {}, expected {}",
            shown(node),
            expected(form)
        ))),
    }
}

fn fits(limits: &Limits, value: f64, minus: bool) -> bool {
    let zero_or_more = limits.at_least.is_some_and(|low| low >= 0.0) || limits.above.is_some();
    value.is_finite()
        && !(minus && zero_or_more)
        && limits.at_least.is_none_or(|low| value >= low)
        && limits.above.is_none_or(|low| value > low)
        && limits.at_most.is_none_or(|high| value <= high)
        && limits.multiple_of.is_none_or(|step| value % step == 0.0)
}

fn check_text(node: &Node, form: &Text, name: &str, text: &str) -> Result<(), Diagnostic> {
    if form.prose {
        return Ok(());
    }
    if let Some(hidden) = text.chars().find(|c| is_hidden(*c)) {
        return Err(hides(&node.place.fault(""), name, hidden));
    }
    let too_long = form.longest.is_some_and(|most| text.chars().count() as u64 > most);
    let matches = form.pattern.as_deref().is_none_or(|pattern| is_match(pattern, text));
    match matches && !too_long && !(text.is_empty() && form.longest.is_some()) {
        true => Ok(()),
        false => Err(node.place.fault(format!(
            "`{name}` is {}, expected {}",
            shown(node),
            expected(&Form::Text(form.clone()))
        ))),
    }
}

/// Whether a text matches one of the patterns of [`file`].
fn is_match(pattern: &str, text: &str) -> bool {
    let word = |text: &str, more: &str| {
        text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
    };
    let starts = |test: fn(&char) -> bool| text.chars().next().is_some_and(|c| test(&c));
    match pattern {
        file::NAME => starts(char::is_ascii_alphanumeric) && word(text, "_.-") && text.len() <= 64,
        file::VARIABLE => !starts(char::is_ascii_digit) && !text.is_empty() && word(text, "_"),
        file::SIBLING => {
            starts(char::is_ascii_alphanumeric) && word(text, "_.-") && text.ends_with(".toml")
        }
        file::ADDRESS => is_address(text, &["http", "https"]),
        file::SERVER => is_address(text, &["http", "https", "postgres", "redis"]),
        _ => unreachable!("the schema has a pattern that is not matched here: {pattern}"),
    }
}

/// Whether a text is a scheme of these, and a host.
fn is_address(text: &str, schemes: &[&str]) -> bool {
    let (scheme, rest) = text.split_once("://").unwrap_or_default();
    schemes.contains(&scheme) && !rest.is_empty() && !rest.starts_with('/')
}

fn pattern_words(pattern: &str) -> &'static str {
    match pattern {
        file::NAME => "a name of letters, digits, `_`, `.` and `-`, at most 64",
        file::VARIABLE => "the name of an environment variable, such as `OPENAI_API_KEY`",
        file::SIBLING => "a file of the same folder, such as `quick.toml`",
        _ => "an address, such as `http://127.0.0.1:8000/v1`",
    }
}

/// What would be right, in words.
fn expected(form: &Form) -> String {
    match form {
        Form::Text(Text { pattern: Some(pattern), .. }) => pattern_words(pattern).to_owned(),
        Form::Text(Text { longest: Some(most), .. }) => format!("text of 1 to {most} characters"),
        Form::Text(_) => "text".to_owned(),
        Form::Number(limits) => range(limits),
        Form::Flag => "`true` or `false`".to_owned(),
        Form::Choice(values) => {
            format!("one of {}", values.iter().map(tick).collect::<Vec<_>>().join(", "))
        }
        Form::Table { .. } => "a table".to_owned(),
        Form::List(inner) => format!("a list of {}", expected(inner)),
        Form::Any => "any value".to_owned(),
    }
}

/// A range in words: `a whole number from 1 to 10`.
pub(super) fn range(limits: &Limits) -> String {
    let noun = match (limits.whole, limits.multiple_of) {
        (_, Some(step)) => format!("a multiple of {step}"),
        (true, None) => "a whole number".to_owned(),
        (false, None) => "a number".to_owned(),
    };
    let low = match (limits.at_least, limits.above) {
        (Some(low), _) => format!(" from {low}"),
        (None, Some(low)) => format!(" above {low}"),
        (None, None) => String::new(),
    };
    let high = limits.at_most.map_or(String::new(), |high| match limits.at_least {
        Some(_) => format!(" to {high}"),
        None => format!(", at most {high}"),
    });
    format!("{noun}{low}{high}")
}

fn tick(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| format!("`{value}`"), |text| format!("`{text}`"))
}

fn sample(form: &Form) -> String {
    match form {
        Form::Choice(values) => values.first().map_or(String::new(), ToString::to_string),
        Form::Number(limits) => limits.at_least.map_or("1".to_owned(), |low| low.to_string()),
        Form::Text(_) => "\"...\"".to_owned(),
        Form::Flag => "true".to_owned(),
        Form::Table { .. } | Form::List(_) | Form::Any => "...".to_owned(),
    }
}

/// The value as it is written, short.
fn shown(node: &Node) -> String {
    match &node.value {
        Value::Text(text) if text.chars().count() > 40 => "too long a text".to_owned(),
        Value::Text(text) => format!("\"{text}\""),
        Value::Whole { value: 0, minus: true } => "-0".to_owned(),
        Value::Whole { value, .. } if value.unsigned_abs() > u128::from(u64::MAX) => {
            "too large".to_owned()
        }
        Value::Whole { value, .. } => value.to_string(),
        Value::Number(value) => value.to_string(),
        Value::Flag(value) => value.to_string(),
        Value::Date | Value::List(_) | Value::Table(_) => what(node).to_owned(),
    }
}

fn what(node: &Node) -> &'static str {
    match &node.value {
        Value::Text(_) => "text",
        Value::Whole { .. } => "a whole number",
        Value::Number(_) => "a number",
        Value::Flag(_) => "true or false",
        Value::Date => "a date",
        Value::List(_) => "a list",
        Value::Table(_) => "a table",
    }
}

fn wrong(node: &Node, name: &str, expected: &str) -> Diagnostic {
    let is = match &node.value {
        Value::Whole { .. } | Value::Number(_) => shown(node),
        Value::Text(_) | Value::Flag(_) | Value::Date | Value::List(_) | Value::Table(_) => {
            what(node).to_owned()
        }
    };
    let fault = node.place.fault(format!("`{name}` is {is}, expected {expected}"));
    if let Some(number) = node.text().filter(|text| text.parse::<f64>().is_ok()) {
        return fault.help(format!("write it without quotes: `{number}`"));
    }
    if matches!(node.value, Value::Date) && expected == "text" {
        return fault.help("write it in quotes");
    }
    match (&node.value, schema::axes().any(|(_, field)| field.name == name)) {
        (Value::List(_), true) => {
            fault.help(format!("an axis belongs in `[matrix]`: `matrix = {{ {name} = [...] }}`"))
        }
        _ => fault,
    }
}

fn no_choice(node: &Node, values: &[serde_json::Value], name: &str) -> Diagnostic {
    let expected = expected(&Form::Choice(values.to_vec()));
    let fault = node.place.fault(format!("`{name}` is {}, expected {expected}", shown(node)));
    let near = node
        .text()
        .and_then(|written| nearest(written, values.iter().filter_map(serde_json::Value::as_str)));
    match near {
        Some(near) => fault.help(format!("did you mean `\"{near}\"`?")),
        None => fault,
    }
}

fn hides(fault: &Diagnostic, name: &str, hidden: char) -> Diagnostic {
    let message = format!("`{name}` holds the hidden character {}", hidden.escape_unicode());
    Diagnostic { message, ..fault.clone() }.help("remove it: a reader would not see it")
}

fn unknown(entry: &Entry, form: &Form, table: &str) -> Diagnostic {
    let names = || form.fields().iter().map(|field| field.name.as_str());
    let fault = entry.place.fault(format!("unknown key `{}`{}", entry.key, in_table(table)));
    if let Some(near) = nearest(&entry.key, names()) {
        return fault.help(format!("did you mean `{near}`?"));
    }
    if let Some((home, _)) = schema::axes().find(|(_, field)| field.name == entry.key) {
        return fault.help(format!("`{}` belongs in `[{home}]`", entry.key));
    }
    let known: Vec<String> = names().map(|name| format!("`{name}`")).collect();
    fault.help(format!("known here: {}", known.join(", ")))
}

fn in_table(name: &str) -> String {
    if name.is_empty() { String::new() } else { format!(" in `{name}`") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::tree;

    fn faults(text: &str) -> usize {
        let mut faults = Diagnostics::default();
        let root = tree::read("a.toml", text, &mut faults);
        check_part(&root, &schema::FILE, &mut faults);
        faults.iter().count()
    }

    /// Every field of the schema with its path, as `table.key = example`.
    fn examples(form: &Form, path: &str, found: &mut Vec<String>) {
        for field in form.fields() {
            let path = format!("{path}{}", field.name);
            let example = field.example.as_ref().or(field.default.as_ref());
            if let Some(value) = example.filter(|value| value.as_str() != Some("")) {
                found.push(format!("{path} = {value}"));
            }
            // Of a table with fields that must be there, its own example says more.
            if !field.form.fields().iter().any(|inner| inner.required) {
                examples(&field.form, &format!("{path}."), found);
            }
        }
    }

    #[test]
    fn every_example_and_default_of_the_schema_is_accepted() {
        let mut found = Vec::new();
        examples(&schema::FILE, "", &mut found);
        assert!(found.len() > 40);
        for line in found.iter().filter(|line| !line.ends_with("= []")) {
            let line = line.replace("goals = \">= 30\"", "goals.tok_s = \">= 30\"");
            let line = line.replace("slo = \"<", "slo.ttft = \"<");
            assert_eq!(faults(&line), 0, "{line}");
        }
    }

    #[test]
    fn patterns_are_held_to_the_letter() {
        for bad in [
            "extends = \"a/b.toml\"",
            "extends = \"a.yaml\"",
            "target.api_key_env = \"1KEY\"",
            "target.base_url = \"http:///v1\"",
            "benchmark_type = \"-a\"",
            "benchmark_type = \"\"",
            "matrix.batch = [1, 2, 1]",
            "matrix.temperature = [0, 0.0]",
        ] {
            assert_eq!(faults(bad), 1, "{bad}");
        }
    }
}
