//! What the command line says: each option becomes a small scenario text, which is read, checked
//! and layered like a file, so that a wrong option is shown like a wrong line.

use super::layers::TABLES;
use super::schema::{self, FILE, Form};
use super::tree::{self, Node};
use super::{check, lines, secret};
use crate::diagnostic::{Diagnostic, Diagnostics, nearest};

/// A value that the command line or the environment sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// `dataset.prompt_tokens`, or the short name of an axis: `prompt_tokens`.
    pub path: String,
    /// The value as TOML; bare text and lists such as `1,4,8` are taken, too.
    pub value: String,
    /// The option as the user knows it: `--set`, `--concurrency`, `TOKGATE_MODEL`.
    pub source: String,
}

/// What an option may reach beside the tables of values; the rest of a file says what a scenario is.
const BESIDE_TABLES: [&str; 4] = ["goals", "slo", "gate", "notes"];

/// The overrides as tables, one each, weakest first.
pub(super) fn read(overrides: &[Override], faults: &mut Diagnostics) -> Vec<Node> {
    overrides.iter().filter_map(|one| read_one(one, faults)).collect()
}

fn read_one(one: &Override, faults: &mut Diagnostics) -> Option<Node> {
    let mut own = Diagnostics::default();
    let node = match place(&one.path) {
        Err(help) => {
            let text = format!("{} = {}", one.path, one.value);
            let text = secret::redact(&one.source, &text, &mut own);
            own.add_source(&one.source, &text);
            let fault = Diagnostic::at(
                &one.source,
                0..one.path.len(),
                format!("no key is called `{}`", one.path),
            );
            own.push(fault.help(help));
            None
        }
        Ok(target) => {
            let text = secret::redact(&one.source, &target.text(&one.value), &mut own);
            own.add_source(&one.source, &text);
            let node = tree::read(&one.source, &text, &mut own);
            if own.is_empty() {
                check::check_part(&node, &FILE, &mut own);
                lines::check(&node, &mut own);
            }
            Some(node)
        }
    };
    let sound = own.is_empty();
    faults.append(own);
    node.filter(|_| sound)
}

/// What an option's path leads to.
struct Reached {
    table: &'static str,
    key: String,
    form: Form,
    axis: bool,
}

impl Reached {
    /// The option as a line of a scenario file; a list of values makes an axis.
    fn text(&self, value: &str) -> String {
        let value = self.toml(value.trim());
        match (self.axis && value.starts_with('['), self.table) {
            (true, _) => format!("matrix.{} = {value}", self.key),
            (false, "") => format!("{} = {value}", self.key),
            (false, "simulation") => format!("target.simulation.{} = {value}", self.key),
            (false, table @ ("goals" | "slo" | "gate"))
                if !lines::BESIDE_METRICS.contains(&self.key.as_str()) =>
            {
                format!("{table}.{} = {value}", quote(&self.key))
            }
            (false, table) => format!("{table}.{} = {value}", self.key),
        }
    }

    /// The value as TOML: as it is where it is TOML of the right form, else quoted.
    fn toml(&self, value: &str) -> String {
        let is_toml = toml::de::DeValue::parse(value).is_ok();
        let is_list = self.axis || matches!(self.form, Form::List(_));
        if is_toml && (!self.is_text() || value.starts_with(['"', '\'', '['])) {
            value.to_owned()
        } else if is_list && value.contains(',') {
            let items: Vec<String> = value.split(',').map(|item| self.item(item.trim())).collect();
            format!("[{}]", items.join(", "))
        } else if matches!(self.form, Form::List(_)) {
            format!("[{}]", self.item(value))
        } else {
            self.item(value)
        }
    }

    fn item(&self, value: &str) -> String {
        let is_toml = toml::de::DeValue::parse(value).is_ok();
        match is_toml && (!self.is_text() || value.starts_with(['"', '\''])) {
            true => value.to_owned(),
            false => quote(value),
        }
    }

    fn is_text(&self) -> bool {
        match &self.form {
            Form::Text(_) => true,
            Form::Choice(values) => values.iter().all(serde_json::Value::is_string),
            Form::List(inner) => matches!(**inner, Form::Text(_)),
            Form::Table { .. } | Form::Number(_) | Form::Flag | Form::Any => false,
        }
    }
}

fn quote(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// Finds what a path leads to, or says what it may have meant.
fn place(path: &str) -> Result<Reached, String> {
    let (table, key) = path.split_once('.').unwrap_or(("", path));
    if table.is_empty() {
        return short(path);
    }
    let reachable: Vec<&str> = TABLES.into_iter().chain(BESIDE_TABLES).collect();
    let Some(table) = reachable.iter().copied().find(|known| *known == table) else {
        return Err(suggest(table, &reachable, |near| format!("{near}.{key}")));
    };
    let form = &FILE.field(table).expect("every reachable table is in the schema").form;
    if let Some(inner) = key.strip_prefix("simulation.").filter(|_| table == "target") {
        let simulation = form.field("simulation").map(|field| &field.form);
        return reach("simulation", inner, simulation.unwrap_or(&Form::Any), path);
    }
    reach(table, key, form, path)
}

fn reach(table: &'static str, key: &str, form: &Form, path: &str) -> Result<Reached, String> {
    let found = match (form.field(key), form) {
        (Some(field), _) => Some(field.form.clone()),
        (None, Form::Table { rest: Some(rest), .. }) => Some((**rest).clone()),
        (None, _) => None,
    };
    let names: Vec<&str> = form.fields().iter().map(|field| field.name.as_str()).collect();
    let stem = path.strip_suffix(key).unwrap_or_default();
    let form = found.ok_or_else(|| suggest(key, &names, |near| format!("{stem}{near}")))?;
    let axis = schema::axes().any(|(home, field)| home == table && field.name == key);
    Ok(Reached { table, key: key.to_owned(), form, axis })
}

/// The short name of an axis, of a setting of the run, or `notes`.
fn short(name: &str) -> Result<Reached, String> {
    if name == "notes" || name == "benchmark_type" {
        let form = FILE.field(name).map_or(Form::Any, |field| field.form.clone());
        return Ok(Reached { table: "", key: name.to_owned(), form, axis: false });
    }
    if let Some((table, field)) = schema::axes().find(|(_, field)| field.name == name) {
        return Ok(Reached { table, key: name.to_owned(), form: field.form.clone(), axis: true });
    }
    let run = FILE.field("run").map_or(&Form::Any, |field| &field.form);
    let names = schema::axes().map(|(_, field)| field.name.as_str());
    let names: Vec<&str> =
        names.chain(run.fields().iter().map(|field| field.name.as_str())).collect();
    match run.field(name) {
        Some(_) => reach("run", name, run, name),
        None => Err(suggest(name, &names, str::to_owned)),
    }
}

fn suggest(written: &str, known: &[&str], spell: impl Fn(&str) -> String) -> String {
    match nearest(written, known.iter().copied()) {
        Some(near) => format!("did you mean `{}`?", spell(near)),
        None => format!("known here: {}", known.join(", ")),
    }
}
