//! What is generated from the program and committed: in step with it, or rewritten under
//! `TOKGATE_BLESS=1`.

use std::path::{Path, PathBuf};
use tokgate_core::metric::metrics_markdown;
use tokgate_core::scenario::{reference_markdown, schema_json};

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
fn same_between_marks(path: &Path, reference: &str) {
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
