//! A preset's file, compiled, or what is wrong with it, by line and column. What may stand in it is
//! `written`'s.

use super::preset::{Index, Preset};
use super::step::{Place, Step};
use super::template::Template;
use super::written::{File, Key, Verb, Written, WrittenFiltered, WrittenIndex};
use hyper::http::{HeaderName, Method};
use std::collections::BTreeMap;
use std::ops::Range;
use tokgate_core::diagnostic::{Diagnostic, Diagnostics, nearest};
use toml::Spanned;

/// Values that every request may have.
const COMMON: [&str; 8] =
    ["collection", "dimensions", "entries", "metric", "m", "ef_construction", "ef_search", "top_k"];
/// The knobs of a graph.
const KNOBS: [&str; 3] = ["m", "ef_construction", "ef_search"];
/// Parts of the names of headers that carry secrets.
const SECRET: [&str; 5] = ["auth", "key", "token", "cookie", "secret"];

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Identify,
    List,
    Create,
    Ingest,
    Build,
    Search,
    Size,
    Remove,
}

impl Role {
    fn name(self) -> &'static str {
        match self {
            Self::Identify => "identify",
            Self::List => "list",
            Self::Create => "create",
            Self::Ingest => "ingest",
            Self::Build => "build",
            Self::Search => "search",
            Self::Size => "size",
            Self::Remove => "remove",
        }
    }

    /// Values that it has besides those of every request.
    fn values(self) -> &'static [&'static str] {
        match self {
            Self::Ingest => &["rows", "ids", "id_texts", "vectors", "count"],
            Self::Search => &["query", "filter_below"],
            Self::Identify
            | Self::List
            | Self::Create
            | Self::Build
            | Self::Size
            | Self::Remove => &[],
        }
    }

    /// Whether it may use what an earlier reply has given. Collections of other runs are removed,
    /// too, and nothing but their names is known.
    fn knows_kept(self) -> bool {
        matches!(self, Self::Ingest | Self::Build | Self::Search | Self::Size)
    }
}

/// Reads a preset.
///
/// # Errors
/// All that is wrong with it, with the places.
pub(super) fn read(file: &str, text: &str) -> Result<Preset, Diagnostics> {
    let written = toml::from_str::<File>(text).map_err(|error| {
        let span = error.span().unwrap_or_default();
        let help = "docs/targets/vectors.md says what a preset is made of";
        Diagnostics::one(text, Diagnostic::at(file, span, error.message().trim()).help(help))
    })?;
    let mut reader = Reader::new(file, text, &written);
    let preset = reader.preset(&written);
    reader.faults.or(preset)?.ok_or_else(|| {
        let help = "write the steps in it, or at the top for every kind of index";
        let message = "the preset has neither [hnsw] nor [exact]";
        Diagnostics::one(text, Diagnostic::at(file, 0..0, message).help(help))
    })
}

struct Reader<'a> {
    file: &'a str,
    faults: Diagnostics,
    always: Option<Spanned<BTreeMap<String, toml::Value>>>,
    /// Names that replies give to later requests.
    kept: Vec<String>,
}

impl<'a> Reader<'a> {
    fn new(file: &'a str, text: &str, written: &File) -> Self {
        let mut faults = Diagnostics::default();
        faults.add_source(file, text);
        let indexes = [&written.hnsw, &written.exact].into_iter().flatten();
        let steps = indexes.flat_map(|index| {
            let index = index.get_ref();
            let filtered = index.filtered.iter();
            let filtered =
                filtered.flat_map(|it| it.create.iter().chain(it.build.iter().flatten()));
            index.create.iter().chain(index.build.iter().flatten()).chain(filtered)
        });
        let steps = steps.chain(&written.create).chain(&written.build);
        let kept = steps.flat_map(|step| step.keep.keys().cloned()).collect();
        Self { file, faults, always: written.always.clone(), kept }
    }

    fn fault(&mut self, span: Range<usize>, message: String, help: impl Into<String>) {
        self.faults.push(Diagnostic::at(self.file, span, message).help(help));
    }

    /// The preset; `None` where it has no index at all.
    fn preset(&mut self, written: &File) -> Option<Preset> {
        let key = written.key.as_ref().map(|key| self.key(key));
        let headers = written.headers.iter().map(|(name, value)| self.header(name, value));
        let headers = headers.collect();
        let hnsw = written.hnsw.as_ref().and_then(|index| self.index(written, index, "hnsw"));
        let exact = written.exact.as_ref().and_then(|index| self.index(written, index, "exact"));
        let preset = Preset {
            name: self.file.to_owned(),
            product: written.product.clone(),
            needs: written.needs.clone(),
            example: written.example.clone(),
            start: written.start.clone(),
            precision: written.precision.clone(),
            capital: written.capital,
            key,
            headers,
            metrics: written.metrics.clone(),
            most: written.limits,
            batch: written.batch,
            identify: self.step(&written.identify, Role::Identify),
            list: self.step(&written.list, Role::List),
            remove: self.step(&written.remove, Role::Remove),
            size: written.size.as_ref().map(|size| self.step(size, Role::Size)),
            hnsw,
            exact,
        };
        (written.hnsw.is_some() || written.exact.is_some()).then_some(preset)
    }

    fn key(&mut self, key: &Key) -> (String, Template) {
        self.header_name(key.header.get_ref(), key.header.span());
        let value = Template::text(key.value.get_ref());
        if value.names().ne(["key"]) {
            let message = "`value` does not say where the key stands".to_owned();
            let help = "write `value = \"Bearer {{key}}\"`; the key itself comes from the \
                        environment variable that `api_key_env` names";
            self.fault(key.value.span(), message, help);
        }
        (key.header.get_ref().clone(), value)
    }

    fn header(&mut self, name: &str, value: &Spanned<String>) -> (String, String) {
        self.header_name(name, value.span());
        let lower = name.to_ascii_lowercase();
        if SECRET.iter().any(|word| lower.contains(word)) {
            let message = format!("the header `{name}` carries a secret");
            let help = "write `key = { header = \"..\", value = \"{{key}}\" }`, and name the \
                        environment variable in `api_key_env`";
            self.fault(value.span(), message, help);
        }
        if hyper::http::HeaderValue::from_str(value.get_ref()).is_err() {
            let message = format!("no header can carry the value of `{name}`");
            self.fault(value.span(), message, "take visible ASCII characters");
        }
        (name.to_owned(), value.get_ref().clone())
    }

    fn header_name(&mut self, name: &str, span: Range<usize>) {
        if HeaderName::from_bytes(name.as_bytes()).is_err() {
            let message = format!("`{name}` is no name of a header");
            self.fault(span, message, "take letters, digits and `-`");
        }
    }

    fn index(
        &mut self,
        written: &File,
        index: &Spanned<WrittenIndex>,
        word: &str,
    ) -> Option<Index> {
        let (span, own) = (index.span(), index.get_ref());
        let mut step = |own: &Option<Written>, common: &Option<Written>, role: Role| {
            let found = own.as_ref().or(common.as_ref());
            if found.is_none() {
                let message =
                    format!("[{word}] has no [{word}.{0}], and there is no [{0}]", role.name());
                self.fault(span.clone(), message, format!("write a table [{}]", role.name()));
            }
            found.map(|found| self.step(found, role))
        };
        let create = step(&own.create, &written.create, Role::Create);
        let ingest = step(&own.ingest, &written.ingest, Role::Ingest);
        let search = step(&own.search, &written.search, Role::Search);
        let build = own.build.as_ref().unwrap_or(&written.build);
        let build = build.iter().map(|step| self.step(step, Role::Build)).collect();
        let fixed = own.fixed;
        let plain = Index {
            create: create?,
            ingest: ingest?,
            build,
            search: search?,
            fixed,
            filtered: None,
        };
        let filtered = own.filtered.as_ref().map(|written| self.filtered(written, &plain));
        for index in std::iter::once(&plain).chain(&filtered).filter(|_| word == "hnsw") {
            self.knobs(index, span.clone());
        }
        Some(Index { filtered: filtered.map(Box::new), ..plain })
    }

    /// The same index with a filter.
    fn filtered(&mut self, written: &WrittenFiltered, plain: &Index) -> Index {
        let create = written.create.as_ref().map(|step| self.step(step, Role::Create));
        let build = written.build.as_ref().map(|steps| {
            steps.iter().map(|step| self.step(step, Role::Build)).collect::<Vec<Step>>()
        });
        Index {
            create: create.unwrap_or_else(|| plain.create.clone()),
            ingest: self.step(&written.ingest, Role::Ingest),
            build: build.unwrap_or_else(|| plain.build.clone()),
            search: self.step(&written.search, Role::Search),
            fixed: plain.fixed,
            filtered: None,
        }
    }

    /// Every knob has a place, or a value that the database takes whatever is asked.
    fn knobs(&mut self, index: &Index, span: Range<usize>) {
        let steps = [&index.create, &index.ingest, &index.search].into_iter().chain(&index.build);
        let templates: Vec<&Template> = steps.flat_map(Step::templates).collect();
        let fixed = [index.fixed.m, index.fixed.ef_construction, index.fixed.ef_search];
        for (knob, fixed) in KNOBS.into_iter().zip(fixed) {
            let has_place = templates.iter().any(|template| template.has(knob));
            if !has_place && fixed.is_none() {
                let message = format!("no step of [hnsw] has a place for `{knob}`");
                let help = format!(
                    "write `\"{{{{{knob}}}}}\"` where the database takes it, or the value that it \
                     has instead: `hnsw.fixed = {{ {knob} = 16 }}`"
                );
                self.fault(span.clone(), message, help);
            }
        }
    }

    fn step(&mut self, written: &Written, role: Role) -> Step {
        self.belongs(written, role);
        let always = self.always.clone().filter(|_| !written.bare);
        let mut expect = always.map_or_else(Vec::new, |it| self.places(&it, role));
        expect.extend(written.expect.iter().flat_map(|it| self.places(it, role)));
        let pick = [&written.ids, &written.names, &written.version, &written.bytes];
        let pick = pick.into_iter().flatten().next();
        let step = Step {
            method: method(written.method),
            path: self.address(&written.path, role),
            body: written
                .body
                .as_ref()
                .map(|body| self.document(body.get_ref(), body.span(), role)),
            row: self.rows(written),
            is_lines: written.row_lines.is_some(),
            expect,
            never: written.never.iter().flat_map(|it| self.places(it, role)).collect(),
            until: written.until.iter().flat_map(|it| self.places(it, role)).collect(),
            absent: written.absent.iter().map(|path| self.pointer(path, role)).collect(),
            keep: Vec::new(),
            pick: pick.map(|path| self.pointer(path, role)),
        };
        let keep = written.keep.iter().map(|(name, path)| (name.clone(), self.pointer(path, role)));
        Step { keep: keep.collect(), ..step }
    }

    /// Whether the keys are those of such a request.
    fn belongs(&mut self, written: &Written, role: Role) {
        let span = |key: &Option<Spanned<String>>| key.as_ref().map(Spanned::span);
        let kept = written.keep.values().next().map(Spanned::span);
        for (key, place, owners) in [
            ("ids", span(&written.ids), &[Role::Search][..]),
            ("names", span(&written.names), &[Role::List]),
            ("version", span(&written.version), &[Role::Identify]),
            ("bytes", span(&written.bytes), &[Role::Size]),
            ("row", written.row.as_ref().map(Spanned::span), &[Role::Ingest]),
            ("row_lines", written.row_lines.as_ref().map(Spanned::span), &[Role::Ingest]),
            ("until", written.until.as_ref().map(Spanned::span), &[Role::Build]),
            ("keep", kept, &[Role::Create, Role::Build]),
        ] {
            let Some(place) = place else { continue };
            if !owners.contains(&role) {
                let message = format!("`{key}` does not belong to [{}]", role.name());
                self.fault(place, message, format!("it belongs to [{}]", owners[0].name()));
            }
        }
        self.complete(written, role);
    }

    /// Whether nothing is missing.
    fn complete(&mut self, written: &Written, role: Role) {
        let mut lacks = |key: &str, example: &str| {
            let message = format!("[{}] has no `{key}`", role.name());
            self.fault(written.path.span(), message, format!("write `{example}`"));
        };
        match role {
            Role::Search if written.ids.is_none() => {
                lacks("ids", "ids = \"/result/*/id\"");
            }
            Role::List if written.names.is_none() => {
                lacks("names", "names = \"/result/*/name\"");
            }
            Role::Size if written.bytes.is_none() => lacks("bytes", "bytes = \"/size\""),
            Role::Ingest if written.row_lines.is_none() && written.body.is_none() => {
                lacks("body", "body = { points = \"{{rows}}\" }");
            }
            _ => {}
        }
    }

    fn rows(&mut self, written: &Written) -> Vec<Template> {
        let known: Vec<&str> =
            COMMON.into_iter().chain(["id", "id_text", "vector", "bucket"]).collect();
        let one = written.row.iter().map(|row| (row.get_ref(), row.span()));
        let lines = written.row_lines.iter();
        let lines = lines.flat_map(|lines| lines.get_ref().iter().map(|line| (line, lines.span())));
        let all: Vec<_> = one.chain(lines).collect();
        let of = |(row, span): (&toml::Value, Range<usize>)| {
            let template = Template::json(&json(row));
            self.known(&template, span, &known, "a row");
            template
        };
        all.into_iter().map(of).collect()
    }

    fn document(&mut self, document: &toml::Value, span: Range<usize>, role: Role) -> Template {
        let template = Template::json(&json(document));
        self.known_to(&template, span, role);
        template
    }

    fn address(&mut self, written: &Spanned<String>, role: Role) -> Template {
        let path = written.get_ref();
        if !path.starts_with('/') || path.contains([' ', '#']) {
            let message = format!("\"{path}\" is no path below `base_url`");
            self.fault(written.span(), message, "begin it with `/`, and take no space and no `#`");
        }
        let template = Template::text(path);
        self.known_to(&template, written.span(), role);
        template
    }

    fn pointer(&mut self, written: &Spanned<String>, role: Role) -> Template {
        self.pointer_at(written.get_ref(), written.span(), role)
    }

    fn pointer_at(&mut self, path: &str, span: Range<usize>, role: Role) -> Template {
        if !path.is_empty() && !path.starts_with('/') {
            let message = format!("\"{path}\" is no path into a reply");
            let help = "begin it with `/`: `/result/points/*/id`; `\"\"` is the whole reply";
            self.fault(span.clone(), message, help);
        }
        let template = Template::text(path);
        self.known_to(&template, span, role);
        template
    }

    fn places(
        &mut self,
        written: &Spanned<BTreeMap<String, toml::Value>>,
        role: Role,
    ) -> Vec<Place> {
        let span = written.span();
        let of = |(path, value): (&String, &toml::Value)| Place {
            path: self.pointer_at(path, span.clone(), role),
            value: self.document(value, span.clone(), role),
        };
        written.get_ref().iter().map(of).collect()
    }

    fn known_to(&mut self, template: &Template, span: Range<usize>, role: Role) {
        let kept = self.kept.clone();
        let kept = kept.iter().map(String::as_str).filter(|_| role.knows_kept());
        let known: Vec<&str> =
            COMMON.into_iter().chain(role.values().iter().copied()).chain(kept).collect();
        self.known(template, span, &known, &format!("[{}]", role.name()));
    }

    fn known(&mut self, template: &Template, span: Range<usize>, known: &[&str], place: &str) {
        for name in template.names().filter(|name| !known.contains(name)) {
            let message = format!("{place} has no value `{name}`");
            let help = match nearest(name, known.iter().copied()) {
                Some(near) => format!("did you mean `{{{{{near}}}}}`?"),
                None => format!("it has {}", known.join(", ")),
            };
            self.fault(span.clone(), message, help);
        }
    }
}

fn method(verb: Verb) -> Method {
    match verb {
        Verb::Get => Method::GET,
        Verb::Put => Method::PUT,
        Verb::Post => Method::POST,
        Verb::Patch => Method::PATCH,
        Verb::Delete => Method::DELETE,
    }
}

/// TOML's values are JSON's; dates become text.
fn json(value: &toml::Value) -> serde_json::Value {
    match value {
        toml::Value::Datetime(date) => date.to_string().into(),
        toml::Value::Array(items) => items.iter().map(json).collect(),
        toml::Value::Table(table) => {
            table.iter().map(|(key, value)| (key.clone(), json(value))).collect()
        }
        toml::Value::String(text) => text.as_str().into(),
        toml::Value::Integer(number) => (*number).into(),
        toml::Value::Float(number) => (*number).into(),
        toml::Value::Boolean(flag) => (*flag).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::preset::BUILT_IN;
    use super::*;

    /// What is said of Qdrant's preset where a text in it is another.
    fn said(from: &str, to: &str) -> String {
        let (_, text) = BUILT_IN[0];
        assert!(text.contains(from), "{from}");
        read("mine.toml", &text.replacen(from, to, 1)).unwrap_err().to_string()
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line_and_what_to_write() {
        for (from, to, words) in [
            ("product = ", "produkt = ", "unknown field `produkt`"),
            ("method = \"GET\"", "method = \"FETCH\"", "FETCH"),
            ("{{ef_search}}", "{{ef_serch}}", "did you mean `{{ef_search}}`?"),
            ("\"{{ef_search}}\"", "100", "hnsw.fixed = { ef_search = 16 }"),
            ("id = \"{{id}}\"", "id = \"{{row}}\"", "a row has no value `row`"),
            ("path = \"/collections\"", "path = \"collections\"", "no path below `base_url`"),
            ("ids = \"/result", "ids = \"result", "no path into a reply"),
            ("ids = ", "names = ", "`names` does not belong to [search]"),
            ("version = \"/version\"", "keep = { a = \"/b\" }", "does not belong to [identify]"),
            ("value = \"{{key}}\"", "value = \"abc\"", "does not say where the key stands"),
            ("always = ", "headers = { Authorization = \"x\" }\nalways = ", "carries a secret"),
            ("[remove]", "[removed]", "unknown field `removed`"),
            ("names = \"/result/collections/*/name\"", "", "[list] has no `names`"),
        ] {
            let said = said(from, to);
            assert!(said.contains(words), "{said}");
            assert!(said.contains("--> mine.toml:"), "{said}");
            assert!(said.contains("= help: "), "{said}");
        }
    }

    #[test]
    fn a_preset_without_an_index_is_none() {
        let text = r#"
            product = "Mine"
            needs = "Mine"
            example = "http://127.0.0.1:1"
            start = "`mine`"
            precision = "f32"
            metrics = {}
            identify = { method = "GET", path = "/" }
            list = { method = "GET", path = "/", names = "/*" }
            remove = { method = "DELETE", path = "/{{collection}}" }
        "#;
        let said = read("mine.toml", text).unwrap_err().to_string();
        assert!(said.contains("neither [hnsw] nor [exact]"), "{said}");
    }
}
