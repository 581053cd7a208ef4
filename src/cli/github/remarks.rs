//! What stands beside the scenario files in a pull request: of each case that fails the run, a remark at
//! the line that names it.

use super::place::variable;
use crate::github::{Annotation, MOST_ANNOTATIONS};
use crate::project::Project;
use std::path::{Path, PathBuf};
use tokgate_core::case::CaseId;
use tokgate_core::diagnostic::escape;
use tokgate_core::report::{CaseReport, Report};
use tokgate_core::verdict::{Exit, Judged};

/// Most characters of what is remarked.
const LONGEST: usize = 400;

/// The remarks; none where the scenarios are not files of the repository.
pub(super) fn remarks(report: &Report, project: &Project) -> Vec<Annotation> {
    let failing = report.cases.iter().filter(|case| failures(case).next().is_some());
    let remark = |case: &CaseReport| {
        let text = text_of(&case.case.id, project)?;
        let lines: Vec<String> = failures(case).map(told).collect();
        let message = lines.join("\n").chars().take(LONGEST).collect();
        let line = line_of(&text.said, case.case.id.case());
        Some(Annotation { path: text.path, line, message })
    };
    failing.filter_map(remark).take(MOST_ANNOTATIONS).collect()
}

fn failures(case: &CaseReport) -> impl Iterator<Item = &Judged> {
    case.verdicts.iter().filter(|judged| judged.verdict.exit(false) == Exit::Regressed)
}

fn told(judged: &Judged) -> String {
    escape(&format!("{} {}: {}", judged.metric, judged.verdict.as_str(), judged.why))
}

/// A scenario file, and where it lies in the repository.
struct Text {
    path: String,
    said: String,
}

fn text_of(case: &CaseId, project: &Project) -> Option<Text> {
    let source = project.scenarios().ok()?.into_iter().find(|it| it.name == case.scenario())?;
    let file = source.folder?.join(format!("{}.toml", source.name));
    let said = String::from_utf8(source.bytes).ok()?;
    Some(Text { path: inside(&file)?, said })
}

/// The path from the root of the checkout, as GitHub writes it.
fn inside(file: &Path) -> Option<String> {
    let root = PathBuf::from(variable("GITHUB_WORKSPACE")?).canonicalize().ok()?;
    let file = file.canonicalize().ok()?;
    let parts = file.strip_prefix(root).ok()?.iter().map(|part| part.to_str());
    Some(parts.collect::<Option<Vec<_>>>()?.join("/"))
}

/// The line that names a case, else the first.
fn line_of(text: &str, case: &str) -> u32 {
    let names = |line: &str| {
        let value = line.trim_start().strip_prefix("name")?.trim_start().strip_prefix('=')?;
        value.trim_start().strip_prefix('"')?.split('"').next().map(str::to_owned)
    };
    let at = text.lines().position(|line| names(line).as_deref() == Some(case)).unwrap_or(0);
    u32::try_from(at + 1).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_is_found_by_the_line_that_names_it() {
        let text = "schema = 1\n[[case]]\nname = \"one\"\n[[case]]\n  name=\"two\" # and more\n";
        assert_eq!([line_of(text, "one"), line_of(text, "two"), line_of(text, "three")], [3, 5, 1]);
    }
}
