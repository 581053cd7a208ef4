//! What is generated from the program and committed: in step with it, or rewritten under
//! `TOKGATE_BLESS=1`.

use std::path::{Path, PathBuf};
use tokgate_core::advice::About;
use tokgate_core::alert::{Rule, Settings};
use tokgate_core::metric::metrics_markdown;
use tokgate_core::scenario::{reference_markdown, schema_json};
use tokgate_core::validity::Limits;

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Compares a text with a file; with `TOKGATE_BLESS=1` it becomes the file.
pub(crate) fn same_as_file(path: &Path, text: &str) {
    if std::env::var_os("TOKGATE_BLESS").is_some() {
        std::fs::write(path, text).unwrap();
    }
    let stored = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        stored == text,
        "{} is out of step; TOKGATE_BLESS=1 rewrites it. Expected:\n{text}",
        path.display()
    );
}

/// Compares a text with what stands in a file between the marks of a generated reference.
pub(crate) fn same_between_marks(path: &Path, reference: &str) {
    let text = std::fs::read_to_string(path).unwrap();
    let (before, rest) = text.split_once("rewrites it -->\n").unwrap();
    let (_, after) = rest.split_once("<!-- end of reference -->").unwrap();
    let expected =
        format!("{before}rewrites it -->\n\n{reference}<!-- end of reference -->{after}");
    same_as_file(path, &expected);
}

#[test]
fn the_schema_and_the_scenario_reference_are_in_step_with_the_program() {
    same_as_file(&file("scenarios/schema.json"), &schema_json());
    same_between_marks(&file("scenarios/README.md"), &reference_markdown());
}

#[test]
fn the_metric_reference_is_in_step_with_the_catalogue() {
    same_between_marks(&file("docs/METRICS.md"), &format!("{}\n", metrics_markdown()));
}

#[test]
fn the_reference_of_the_database_is_in_step_with_its_tables() {
    same_as_file(&file("docs/schema.md"), &tokgate::store::schema_markdown().unwrap());
}

#[test]
fn the_reference_of_the_rows_is_in_step_with_their_columns() {
    same_between_marks(&file("docs/ROWS.md"), &tokgate::rows::schema::markdown());
}

/// The first cells of a page's rows that are names.
fn named_rows(page: &str) -> Vec<&str> {
    page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect()
}

#[test]
fn every_rule_line_and_piece_of_advice_of_alerts_has_its_row() {
    let page = std::fs::read_to_string(file("docs/ALERTS.md")).unwrap();
    let rules = Rule::ALL.map(Rule::as_str);
    let abouts = About::ALL.map(About::as_str);
    assert_eq!(named_rows(&page), [&rules[..], &abouts[..]].concat());
    for rule in Rule::ALL {
        let row = format!("| `{}` | {} |", rule.as_str(), rule.category().as_str());
        assert!(page.contains(&row), "{row}");
    }
    let settings = serde_json::to_value(Settings::default()).unwrap();
    for (key, default) in settings.as_object().unwrap() {
        let told = format!("`{key}` {}", default.to_string().trim_end_matches(".0"));
        assert!(page.contains(&told), "{told}");
    }
    // Those that are absent by default are no part of the JSON.
    for key in ["`tok_s`", "`ttft_s`", "`query_s`", "`only = ", "`ignore = "] {
        assert!(page.contains(key), "{key}");
    }
}

/// The names of the reasons, as JSON has them.
fn reasons() -> Vec<String> {
    let source = std::fs::read_to_string(file("core/src/validity/reason.rs")).unwrap();
    let (_, variants) = source.split_once("pub enum Reason {").unwrap();
    let (variants, _) = variants.split_once("\n}\n").unwrap();
    let names = variants.lines().filter_map(|line| line.strip_prefix("    "));
    let names = names.filter(|line| line.starts_with(char::is_uppercase));
    names.map(|line| snake(line.trim_end_matches([' ', '{', ',']))).collect()
}

fn snake(name: &str) -> String {
    let words = name.split_inclusive(|_| true).map(|c| match c.starts_with(char::is_uppercase) {
        true => format!("_{}", c.to_lowercase()),
        false => c.to_owned(),
    });
    words.collect::<String>().trim_start_matches('_').to_owned()
}

#[test]
fn every_reason_and_every_limit_of_validity_has_its_row() {
    let page = std::fs::read_to_string(file("docs/VALIDITY.md")).unwrap();
    assert_eq!(named_rows(&page), reasons());
    let limits = serde_json::to_value(Limits::default()).unwrap();
    for (key, default) in limits.as_object().unwrap() {
        let told = format!("`{key}` {}", default.to_string().trim_end_matches(".0"));
        assert!(page.contains(&told), "{told}");
    }
}
