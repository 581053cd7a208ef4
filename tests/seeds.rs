//! The page that maps commands of other guides to ours: every row of it is run, or read, or leads somewhere.

use crate::faces::{code, command, text};
use crate::support::choices;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A row of the page.
#[derive(Debug)]
struct Row {
    there: String,
    here: String,
    shown_by: String,
    /// What the program does not have yet; empty where it has all of it.
    lacks: String,
}

fn page() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/COMMANDS.md")
}

/// The rows of the page's tables.
fn rows() -> Vec<Row> {
    let page = std::fs::read_to_string(page()).unwrap();
    let lines =
        page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| there |"));
    lines.map(row).collect()
}

fn row(line: &str) -> Row {
    // What is escaped stands in a cell.
    let line = line.replace("\\|", "\u{0}");
    let cells: Vec<String> =
        line.trim_matches('|').split('|').map(|cell| cell.trim().replace('\u{0}', "|")).collect();
    let [there, here, shown_by, lacks] = cells.as_slice() else { panic!("four cells: {line}") };
    let lacks = lacks.trim_matches('`').to_owned();
    Row { there: there.clone(), here: here.clone(), shown_by: shown_by.clone(), lacks }
}

impl Row {
    /// The first code of the cell.
    fn command(&self) -> &str {
        self.here.split('`').nth(1).unwrap_or_else(|| panic!("no command: {self:?}"))
    }
}

/// Whether the program reads these words, without doing what they say.
fn is_read(folder: &Path, words: &[&str]) -> Output {
    command(folder, &[words, &["--help"]].concat()).output().unwrap()
}

/// The words of each call of the program in a command line, without what the shell does with it.
fn calls(line: &str) -> Vec<Vec<String>> {
    const OF_THE_SHELL: [&str; 4] = [">", "2>&1", "&", "|"];
    let words = shlex::split(line).unwrap_or_else(|| panic!("no command line: {line}"));
    let parts = words.split(|word| word == "&&");
    let ours = |part: &[String]| {
        let call = part.iter().skip_while(|word| *word != "tokgate").skip(1);
        call.take_while(|word| !OF_THE_SHELL.contains(&word.as_str())).cloned().collect()
    };
    parts.map(ours).collect()
}

/// Whether a row's command is there; a row that says that it is not is told aloud.
fn is_there(row: &Row, folder: &Path) -> bool {
    if row.lacks.is_empty() {
        return true;
    }
    let words: Vec<&str> = row.lacks.split(' ').collect();
    let output = is_read(folder, &words);
    assert_ne!(
        code(&output),
        Some(0),
        "`tokgate {}` is there: empty the last cell of {row:?}",
        row.lacks
    );
    // Past what the test runner keeps to itself.
    let told = format!("LEFT OUT, `tokgate {}` is not there yet: {}\n", row.lacks, row.there);
    std::io::stderr().write_all(told.as_bytes()).unwrap();
    false
}

fn of(shown_by: &str) -> Vec<Row> {
    let rows: Vec<Row> = rows().into_iter().filter(|row| row.shown_by == shown_by).collect();
    assert!(!rows.is_empty(), "no row is shown by {shown_by}");
    rows
}

#[test]
fn every_row_says_how_it_is_shown() {
    let rows = rows();
    assert!(rows.len() > 80, "{} rows", rows.len());
    for row in &rows {
        assert!(!row.there.is_empty() && !row.here.is_empty(), "{row:?}");
        assert!(["run", "parse", "docs", "–"].contains(&row.shown_by.as_str()), "{row:?}");
        let is_ours = row.here.starts_with("`tokgate ") || row.here.starts_with("`nohup tokgate ");
        assert_eq!(is_ours, ["run", "parse"].contains(&row.shown_by.as_str()), "{row:?}");
    }
}

#[test]
fn what_would_measure_or_serve_is_read() {
    let folder = tempfile::tempdir().unwrap();
    for row in of("parse").iter().filter(|row| is_there(row, folder.path())) {
        for call in calls(row.command()) {
            assert!(!call.is_empty(), "{row:?}");
            let words: Vec<&str> = call.iter().map(String::as_str).collect();
            let output = is_read(folder.path(), &words);
            assert_eq!(code(&output), Some(0), "{row:?}: {}", text(&output.stderr));
        }
    }
    let wrong = is_read(folder.path(), &["run", "quick", "--no-such-option"]);
    assert_eq!(code(&wrong), Some(2), "what is not there is not read");
}

#[test]
fn scenarios_that_the_page_names_come_with_the_program() {
    let folder = tempfile::tempdir().unwrap();
    for row in of("parse") {
        for call in calls(row.command()).iter().filter(|call| call[0] == "run") {
            let named = Some(call[1].as_str()).filter(|word| !word.starts_with('-'));
            let name = named.unwrap_or("model_comparison");
            let output = command(folder.path(), &["scenarios", "check", name]).output().unwrap();
            let is_a_file = name.ends_with(".toml");
            assert!(is_a_file || code(&output) == Some(0), "{row:?}: {}", text(&output.stderr));
        }
    }
}

#[cfg(unix)]
#[test]
fn what_asks_is_run_by_a_shell_on_a_small_store() {
    let folder = tempfile::tempdir().unwrap();
    choices::fill(&folder.path().join("results"));
    std::fs::create_dir(folder.path().join("scenarios")).unwrap();
    let answer = "{\"choices\": [{\"text\": \"a\"}], \"usage\": {\"prompt_tokens\": 850, \"completion_tokens\": 450}}\n";
    std::fs::write(folder.path().join("answers.jsonl"), answer.repeat(20)).unwrap();
    for row in of("run").iter().filter(|row| is_there(row, folder.path())) {
        let output = by_a_shell(row.command(), folder.path());
        let told = text(&output.stdout) + &text(&output.stderr);
        assert_eq!(code(&output), Some(0), "{row:?}: {told}");
        assert!(!output.stdout.is_empty() || !output.stderr.is_empty(), "{row:?} says nothing");
    }
    for file in ["results.csv", "results.json", "results.md", "coding-results.md"] {
        assert!(folder.path().join(file).metadata().unwrap().len() > 100, "{file}");
    }
}

/// Runs a line as it stands, with the program of these tests first on the path.
#[cfg(unix)]
fn by_a_shell(line: &str, folder: &Path) -> Output {
    let program = Path::new(env!("CARGO_BIN_EXE_tokgate")).parent().unwrap();
    let path = std::env::var("PATH").unwrap_or_default();
    let mut shell = Command::new("sh");
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TOKGATE_")) {
        shell.env_remove(name);
    }
    shell.current_dir(folder).env("XDG_DATA_HOME", folder);
    shell.env("PATH", format!("{}:{path}", program.display()));
    shell.args(["-c", line]).output().unwrap()
}

#[test]
fn what_is_code_is_shown_by_a_page_that_is_there() {
    // What is no page of the book is linked by its address.
    const OURS: &str = "https://github.com/tokgate/tokgate/blob/main/";
    for row in of("docs") {
        let link = row.here.split("](").nth(1).and_then(|it| it.split([')', '#']).next());
        let link = link.unwrap_or_else(|| panic!("no link: {row:?}"));
        let file = match link.strip_prefix(OURS) {
            Some(path) => Path::new(env!("CARGO_MANIFEST_DIR")).join(path),
            None => page().parent().unwrap().join(link),
        };
        assert!(file.exists(), "{row:?}");
    }
}

#[test]
fn lines_are_cut_where_the_shell_begins() {
    assert_eq!(
        calls("tokgate run a --models b c && nohup tokgate compare > x.json 2>&1 &"),
        [vec!["run", "a", "--models", "b", "c"], vec!["compare"]]
    );
    let line = row("| `a \\| b` | `tokgate c \\| d` e | run | `f` |");
    assert_eq!((line.there.as_str(), line.command()), ("`a | b`", "tokgate c | d"));
    assert_eq!(line.lacks, "f");
}
