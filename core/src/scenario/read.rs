//! A scenario as it is written: read, checked against the schema, with what it extends.

use super::cells::MAX_CASES;
use super::file::{File, SCHEMA};
use super::plan::{Facts, Hardware, plan};
use super::roots::Roots;
use super::schema::FILE;
use super::tree::{self, Node, Value};
use super::{check, lines, resolve, secret};
use crate::case::Requires;
use crate::diagnostic::{Diagnostic, Diagnostics, Fault};
use std::collections::BTreeMap;

/// Longest chain of files that extend one another.
const MAX_CHAIN: usize = 8;

/// Most hardware presets of a file; each is rehearsed.
const MAX_PRESETS: usize = 64;

/// What lies about a scenario file.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// The text of a file in the same folder; only `extends` asks for one.
    pub beside: &'a dyn Fn(&str) -> Option<String>,
    /// Folders outside the project that it may name.
    pub roots: &'a Roots,
}

impl<'a> Surroundings<'a> {
    /// A project that allows no folder outside of itself.
    #[must_use]
    pub fn closed(beside: &'a dyn Fn(&str) -> Option<String>) -> Self {
        static NONE: Roots = Roots(Vec::new());
        Self { beside, roots: &NONE }
    }
}

/// A scenario that holds together: it plans on every machine it names.
#[derive(Debug, Clone)]
pub struct Scenario {
    name: String,
    file: String,
    header: Header,
    /// What it extends first, itself last.
    pub(super) chain: Vec<Node>,
    pub(super) sources: BTreeMap<String, String>,
}

/// What the scenario says of itself and of its output.
#[derive(Debug, Clone, PartialEq)]
struct Header {
    summary: String,
    is_default: bool,
    requires: Requires,
    output: Output,
}

/// What is kept of a run of the scenario, beside its numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Output {
    /// Whether the raw log keeps every request in detail.
    pub detailed_logs: bool,
    /// Whether an HTML report is written.
    pub html_report: bool,
}

impl Scenario {
    /// Reads the scenario called `name` from `text`, the content of `file`, among what lies about it.
    ///
    /// # Errors
    /// Everything that is wrong with it, in the order of the file.
    pub fn parse(
        name: &str,
        file: &str,
        text: &str,
        about: &Surroundings<'_>,
    ) -> Result<Self, Diagnostics> {
        let mut reader = Reader {
            read: about.beside,
            chain: Vec::new(),
            faults: Diagnostics::default(),
            sources: BTreeMap::new(),
        };
        reader.file(file, text);
        let faults = std::mem::take(&mut reader.faults);
        let chain = faults.or(reader.chain)?;
        let header = header(&chain).map_err(|fault| {
            Diagnostics::one(text, Diagnostic { file: file.to_owned(), ..fault })
        })?;
        let scenario = Self {
            name: name.to_owned(),
            file: file.to_owned(),
            header,
            chain,
            sources: reader.sources,
        };
        scenario.rehearse(about.roots)?;
        Ok(scenario)
    }

    /// Its name: the file's, without the ending.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file that it was read from, as it was named.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// One line for listings; empty where the file has none.
    #[must_use]
    pub fn summary(&self) -> &str {
        &self.header.summary
    }

    /// Whether a run without a filter includes it.
    #[must_use]
    pub fn is_default(&self) -> bool {
        self.header.is_default
    }

    /// What the file as a whole needs from the machine; a case may need more.
    #[must_use]
    pub fn requires(&self) -> &Requires {
        &self.header.requires
    }

    /// What is kept of a run, beside its numbers.
    #[must_use]
    pub fn output(&self) -> Output {
        self.header.output
    }

    /// The files it was read from and their texts (secrets blotted out), by name.
    #[must_use]
    pub fn sources(&self) -> &BTreeMap<String, String> {
        &self.sources
    }

    /// The names of its hardware presets, those of what it extends included.
    #[must_use]
    pub fn presets(&self) -> Vec<&str> {
        let tables = self.chain.iter().filter_map(|root| root.get("hardware"));
        let mut names: Vec<&str> =
            tables.flat_map(Node::entries).map(|entry| entry.key.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Plans without and with each preset, so that what cannot be planned is refused on every
    /// machine, and not only on the one that has it.
    fn rehearse(&self, roots: &Roots) -> Result<(), Diagnostics> {
        let mut faults = Diagnostics::default();
        let detected = |name: &str| Hardware::Detected(name.to_owned());
        for name in std::iter::once("").chain(self.presets()) {
            let (hardware, roots) = (detected(name), roots.clone());
            let facts = Facts { hardware, roots, ..Facts::default() };
            if let Err(found) = plan(self, &facts) {
                faults.append(found);
            }
        }
        faults.or(())
    }
}

/// The header of the strongest file, over the settings of what it extends.
fn header(chain: &[Node]) -> Result<Header, Diagnostic> {
    let mut merged = serde_json::json!({});
    for root in chain {
        for table in ["run", "telemetry", "requires"] {
            let entries = root.get(table).into_iter().flat_map(Node::entries);
            entries.for_each(|entry| merged[table][&entry.key] = entry.node.json());
        }
    }
    let own = chain.last().into_iter().flat_map(Node::entries);
    for entry in own.filter(|entry| matches!(entry.key.as_str(), "schema" | "summary" | "default"))
    {
        merged[&entry.key] = entry.node.json();
    }
    let file: File = serde_json::from_value(merged)
        .map_err(|error| Diagnostic::at("", 0..0, error.to_string()))?;
    Ok(Header {
        requires: resolve::requires(&file.tables),
        summary: file.header.summary,
        is_default: file.header.default,
        output: Output {
            detailed_logs: file.tables.run.detailed_logs,
            html_report: file.tables.run.html_report,
        },
    })
}

/// Reads a file and what it extends.
struct Reader<'a> {
    read: &'a dyn Fn(&str) -> Option<String>,
    chain: Vec<Node>,
    faults: Diagnostics,
    sources: BTreeMap<String, String>,
}

impl Reader<'_> {
    /// Adds `file` to the front of the chain, then what it extends before it.
    fn file(&mut self, file: &str, text: &str) {
        let text = secret::redact(file, text, &mut self.faults);
        self.faults.add_source(file, &text);
        self.sources.insert(file.to_owned(), text.clone());
        let root = tree::read(file, &text, &mut self.faults);
        let broken = self.faults.iter().any(|fault| fault.file == file);
        if self.is_empty(&root, broken) || !self.is_readable(&root) {
            return;
        }
        let mut found = Diagnostics::default();
        check::check(&root, &FILE, "", &mut found);
        for tables in tables_of(&root) {
            lines::check(tables, &mut found);
        }
        same_names(&root, &mut found);
        let presets = root.get("hardware").map_or(&[][..], Node::entries);
        if let Some(first) = presets.get(MAX_PRESETS) {
            found.push(first.place.fault(format!("more than {MAX_PRESETS} hardware presets")));
        }
        // What stands in for an unreadable value has no place, and is not the user's.
        found.retain(|fault| !broken || !fault.span.is_empty());
        self.faults.append(found);
        self.chain.insert(0, root.clone());
        if let Some(base) = root.get("extends").filter(|base| base.text().is_some()) {
            self.base(file, base);
        }
    }

    fn is_empty(&mut self, root: &Node, broken: bool) -> bool {
        let empty = root.entries().is_empty() && !broken;
        if empty {
            let fault = root
                .place
                .fault("there is nothing in the file")
                .help("write at least `schema = 1` and one `[[case]]`");
            self.faults.push(Diagnostic { fault: Fault::Nothing, ..fault });
        }
        empty
    }

    /// Whether the file's schema is one that we know; what a newer one means, we do not.
    fn is_readable(&mut self, root: &Node) -> bool {
        match root.get("schema") {
            Some(Node { place, value: Value::Whole { value, .. } })
                if *value > i128::from(SCHEMA) =>
            {
                let fault = place.fault(format!("schema {value} is newer than {SCHEMA}, the newest that this version of tokgate reads"));
                self.faults.push(fault.help("update tokgate"));
                false
            }
            _ => true,
        }
    }

    fn base(&mut self, file: &str, base: &Node) {
        let name = base.text().unwrap_or_default();
        let path = match file.rsplit_once('/') {
            Some((folder, _)) => format!("{folder}/{name}"),
            None => name.to_owned(),
        };
        let refuse = |message: String| base.place.fault(message);
        if self.sources.contains_key(&path) {
            return self.faults.push(refuse(format!("`{name}` is extended in a circle")));
        }
        if self.chain.len() >= MAX_CHAIN {
            return self
                .faults
                .push(refuse(format!("more than {MAX_CHAIN} files extend one another")));
        }
        if name.contains(['/', '\\']) {
            return;
        }
        match (self.read)(name) {
            Some(text) => self.file(&path, &text),
            None => self.faults.push(refuse(format!("there is no file `{path}` to extend"))),
        }
    }
}

/// Every table of a file that may hold goals and tolerances.
fn tables_of(root: &Node) -> impl Iterator<Item = &Node> {
    let cases = root.get("case").into_iter().flat_map(Node::items);
    let presets = root.get("hardware").into_iter().flat_map(Node::entries).map(|entry| &entry.node);
    std::iter::once(root).chain(cases).chain(presets)
}

/// Reports more cases than may be, and cases of one file that share a name, whatever the case of its letters.
fn same_names(root: &Node, faults: &mut Diagnostics) {
    let cases = root.get("case").map_or(&[][..], Node::items);
    if let Some(first) = cases.get(MAX_CASES) {
        return faults.push(first.place.fault(format!("more than {MAX_CASES} cases")));
    }
    let mut seen: BTreeMap<String, &Node> = BTreeMap::new();
    for case in cases {
        let Some((node, name)) = case.get("name").and_then(|node| Some((node, node.text()?)))
        else {
            continue;
        };
        if let Some(first) = seen.insert(name.to_lowercase(), node) {
            let fault = node.place.fault(format!("there is already a case `{}`", first.label()));
            faults.push(fault.note(first.place.span(), "first written here"));
        }
    }
}
