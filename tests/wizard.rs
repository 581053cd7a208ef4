//! `tokgate recommend` in a pseudo-terminal: it asks, and answers as the options would.

use crate::faces::{code, command, text};
use crate::support::choices;
use crate::support::terminal::Terminal;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

const UP: &str = "\u{1b}[A";
const DOWN: &str = "\u{1b}[B";
const ENTER: &str = "\r";
const ESCAPE: &str = "\u{1b}";
const CONTROL_C: &str = "\u{3}";
/// The questions, in their order.
const QUESTIONS: [&str; 4] =
    ["mostly asked for?", "an hour cost?", "size of model", "How many tokens"];

fn store() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    choices::fill(&folder.path().join("r"));
    folder
}

/// The program as somebody calls it at a terminal who is no CI.
fn called(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = command(folder, &[arguments, &["--results-dir", "r"]].concat());
    command.env_remove("CI").env_remove("NO_COLOR").env("TERM", "xterm-256color");
    command
}

fn recommend(folder: &Path) -> Terminal {
    Terminal::start(called(folder, &["recommend"]), 100)
}

/// What it answers without a terminal.
fn by_options(folder: &Path, options: &[&str]) -> String {
    let output = called(folder, &[&["recommend"], options].concat()).output().unwrap();
    assert_eq!(code(&output), Some(0), "{}", text(&output.stderr));
    text(&output.stdout)
}

/// The command line that it tells at its end.
fn told_command(told: &str) -> String {
    let line = told.lines().find_map(|line| line.trim().strip_prefix("tokgate "));
    line.unwrap_or_else(|| panic!("no command in: {told}")).to_owned()
}

#[test]
fn answers_to_questions_are_answered_as_the_options_that_are_told() {
    let folder = store();
    let mut terminal = recommend(folder.path());
    for (question, keys) in QUESTIONS.into_iter().zip([
        [UP, UP, UP, ENTER].concat(),
        [UP, UP, ENTER].concat(),
        [DOWN, ENTER].concat(),
        ["40000", ENTER].concat(),
    ]) {
        terminal.waits_for(question);
        terminal.types(&keys);
    }
    let (code, told) = terminal.ended();
    assert_eq!(code, Some(0), "{told}");
    let options = ["-t", "coding", "--budget", "1-3", "--prefer", "largest", "--context", "40000"];
    let answer = by_options(folder.path(), &options);
    assert!(told.contains(&answer), "{told}\nis not\n{answer}");
    let same = told_command(&told);
    assert_eq!(
        same,
        "recommend --results-dir r --task-category coding --budget 1-3 --prefer largest --context 40000"
    );
    let words: Vec<String> = shlex::split(&same).unwrap();
    let output = command(folder.path(), &[]).args(&words).output().unwrap();
    assert_eq!(text(&output.stdout), answer);
}

#[test]
fn the_usual_answers_are_those_without_options() {
    let folder = store();
    let mut terminal = recommend(folder.path());
    for question in QUESTIONS {
        terminal.waits_for(question);
        terminal.types(ENTER);
    }
    let (code, told) = terminal.ended();
    assert_eq!(code, Some(0), "{told}");
    let answer = by_options(folder.path(), &[]);
    assert!(told.contains(&answer), "{told}\nis not\n{answer}");
    assert_eq!(told_command(&told), "recommend --results-dir r --budget any --prefer balanced");
}

#[test]
fn who_leaves_the_questions_gets_no_half_answer_and_a_terminal_as_before() {
    let folder = store();
    for (key, at) in [(ESCAPE, 0), (CONTROL_C, 0), (ESCAPE, 2), (CONTROL_C, 3)] {
        let mut terminal = recommend(folder.path());
        for question in &QUESTIONS[..at] {
            terminal.waits_for(question);
            terminal.types(ENTER);
        }
        terminal.waits_for(QUESTIONS[at]);
        terminal.types(key);
        let (code, told, reads_lines) = terminal.left();
        assert_eq!((code, reads_lines), (Some(2), true), "{told}");
        assert!(told.contains("the questions were left"), "{told}");
        assert!(!told.contains("GPU type") && !told.contains("without questions"), "{told}");
    }
}

#[test]
fn what_is_no_number_of_tokens_is_asked_again() {
    let folder = store();
    let mut terminal = recommend(folder.path());
    for question in &QUESTIONS[..3] {
        terminal.waits_for(question);
        terminal.types(ENTER);
    }
    terminal.waits_for(QUESTIONS[3]);
    terminal.types("16k\r");
    terminal.waits_for("expected a whole number");
    terminal.types("\u{7f}000\r");
    let (code, told) = terminal.ended();
    assert_eq!(code, Some(0), "{told}");
    assert!(told_command(&told).ends_with("--context 16000"), "{told}");
}

#[test]
fn nobody_is_asked_who_said_what_is_wanted_or_is_no_person() {
    let folder = store();
    let unasked = |arguments: &[&str], change: &dyn Fn(&mut Command)| {
        let mut command = called(folder.path(), &[&["recommend"], arguments].concat());
        change(&mut command);
        let (code, told) = Terminal::start(command, 100).ended();
        assert_eq!(code, Some(0), "{arguments:?}: {told}");
        assert!(!told.contains(QUESTIONS[0]), "{arguments:?}: {told}");
        told
    };
    for arguments in [
        &["--no-input"][..],
        &["--task-category", "coding"],
        &["--budget", "any"],
        &["--prefer", "largest"],
        &["--context", "1000"],
        &["--format", "json"],
        &["-f", "csv"],
        &["-f", "markdown"],
    ] {
        unasked(arguments, &|_| {});
    }
    let answer = by_options(folder.path(), &[]);
    for (name, value) in [("CI", "true"), ("TERM", "dumb")] {
        let told = unasked(&[], &|command| {
            command.env(name, value);
        });
        assert_eq!(told, answer, "{name}");
    }
}

#[test]
fn nobody_is_asked_where_nothing_was_measured() {
    let folder = tempfile::tempdir().unwrap();
    drop(crate::store::fixture::open(&folder.path().join("r")));
    let (code, told) = recommend(folder.path()).ended();
    assert_eq!(code, Some(4), "{told}");
    assert!(!told.contains(QUESTIONS[0]), "{told}");
}
