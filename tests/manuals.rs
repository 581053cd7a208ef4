//! Completions and manual pages: they name every command, and those that write them end well.

use crate::faces::{code, command, text};
use std::path::Path;
use std::process::Command;

const SHELLS: [&str; 5] = ["bash", "zsh", "fish", "powershell", "elvish"];

pub(crate) fn told(folder: &Path, arguments: &[&str]) -> String {
    let output = command(folder, arguments).output().unwrap();
    assert_eq!(code(&output), Some(0), "{arguments:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// The commands beneath a command, as its help lists them.
pub(crate) fn beneath(folder: &Path, path: &[&str]) -> Vec<String> {
    let help = told(folder, &[path, &["--help"]].concat());
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    // Long descriptions go on in lines that are indented further.
    let name = |line: &str| line.strip_prefix("  ")?.split_whitespace().next().map(str::to_owned);
    lines
        .take_while(|line| !line.is_empty())
        .filter(|line| !line.starts_with("   "))
        .filter_map(name)
        .filter(|name| name != "help")
        .collect()
}

#[test]
fn every_shell_can_complete_every_command() {
    let folder = tempfile::tempdir().unwrap();
    let names = beneath(folder.path(), &[]);
    assert!(names.len() > 20 && names.contains(&"completions".to_owned()), "{names:?}");
    for shell in SHELLS {
        let script = told(folder.path(), &["completions", shell]);
        let missing: Vec<_> = names.iter().filter(|name| !script.contains(*name)).collect();
        assert!(missing.is_empty(), "{shell} lacks {missing:?}");
        assert!(script.contains("--results-dir") || script.contains("results-dir"), "{shell}");
    }
    let unknown = command(folder.path(), &["completions", "tcsh"]).output().unwrap();
    assert_eq!(code(&unknown), Some(2));
}

#[test]
fn bash_takes_its_script() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("tokgate.bash");
    std::fs::write(&script, told(folder.path(), &["completions", "bash"])).unwrap();
    match Command::new("bash").arg("-n").arg(&script).output() {
        Ok(output) => assert!(output.status.success(), "{}", text(&output.stderr)),
        Err(why) => eprintln!("left out: there is no bash here ({why})"),
    }
}

#[test]
fn every_command_has_its_page() {
    let folder = tempfile::tempdir().unwrap();
    told(folder.path(), &["man", "pages/man1"]);
    let pages = folder.path().join("pages/man1");
    let mut expected = vec!["tokgate.1".to_owned()];
    for name in beneath(folder.path(), &[]) {
        expected.push(format!("tokgate-{name}.1"));
        let below = beneath(folder.path(), &[&name]);
        expected.extend(below.iter().map(|it| format!("tokgate-{name}-{it}.1")));
    }
    for file in &expected {
        let page = std::fs::read_to_string(pages.join(file)).unwrap_or_default();
        assert!(page.contains(".TH") && page.contains(".SH NAME"), "{file}: {page}");
    }
    assert_eq!(std::fs::read_dir(&pages).unwrap().count(), expected.len(), "no page too many");
    assert!(expected.iter().any(|name| name == "tokgate-db-check.1"), "{expected:?}");
    // Those that are there are written anew.
    told(folder.path(), &["man", "pages/man1"]);
    let main = told(folder.path(), &["man"]);
    assert_eq!(
        main.trim_end(),
        std::fs::read_to_string(pages.join("tokgate.1")).unwrap().trim_end()
    );
    assert!(main.contains("Exit codes"), "{main}");
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("taken"), "").unwrap();
    let output = command(folder.path(), &["man", "taken/man1"]).output().unwrap();
    assert_ne!(code(&output), Some(0));
    assert!(text(&output.stderr).contains("taken/man1"), "{}", text(&output.stderr));
}
