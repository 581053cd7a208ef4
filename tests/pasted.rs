//! What pages show of the commands that ask is what these tell of one small store; `TOKGATE_BLESS=1`
//! rewrites it.

use crate::faces::{code, command, text};
use crate::references::same_as_file;
use crate::support::choices;
use std::path::{Path, PathBuf};

/// The commands whose output is shown as it is.
const ASK: [&str; 5] = ["query", "estimate", "compare", "recommend", "status"];
/// What time it is there: three days after everything was measured.
const NOW: &str = "2025-11-25T12:00:00Z";
const BEGIN: &str = "```console";
const END: &str = "```";

fn pages() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let docs = std::fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let pages = docs.filter(|path| path.extension().is_some_and(|ending| ending == "md"));
    let mut pages: Vec<PathBuf> = pages.chain([root.join("README.md")]).collect();
    pages.sort();
    pages
}

/// A command of a block, and the lines that stand beneath it.
struct Shown<'a> {
    command: &'a str,
    output: Vec<&'a str>,
}

/// The commands of a block, each with its output.
fn shown<'a>(block: &[&'a str]) -> Vec<Shown<'a>> {
    let mut all: Vec<Shown> = Vec::new();
    for line in block {
        match (line.strip_prefix("$ "), all.last_mut()) {
            (Some(command), _) => all.push(Shown { command, output: Vec::new() }),
            (None, Some(last)) => last.output.push(line),
            (None, None) => panic!("output of no command: {line}"),
        }
    }
    all
}

/// The words of a command that asks, where a block shows what it answers.
fn asks(shown: &Shown) -> Option<Vec<String>> {
    let bare = shown.command.split("  #").next().unwrap_or_default();
    let words: Vec<String> = shlex::split(bare)?;
    let is_ours = words.first()? == "tokgate" && ASK.contains(&words.get(1)?.as_str());
    (is_ours && !shown.output.is_empty()).then(|| words[1..].to_vec())
}

/// What a command tells of the small store.
fn answer(folder: &Path, words: &[String]) -> String {
    let output = command(folder, &[]).args(words).env("TOKGATE_NOW", NOW).output().unwrap();
    assert!(matches!(code(&output), Some(0 | 4)), "{words:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// A page in which every output is what the program tells; and how many there are.
fn written_anew(page: &str, folder: &Path) -> (String, usize) {
    let (mut told, mut count) = (String::new(), 0);
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        told += &format!("{line}\n");
        if line != BEGIN {
            continue;
        }
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != END).collect();
        for one in shown(&block) {
            told += &format!("$ {}\n", one.command);
            match asks(&one) {
                Some(words) => {
                    told += &answer(folder, &words);
                    count += 1;
                }
                None => one.output.iter().for_each(|line| told += &format!("{line}\n")),
            }
        }
        told += &format!("{END}\n");
    }
    (told, count)
}

#[test]
fn what_pages_show_of_answers_is_what_the_program_tells() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("tokgate.toml"), "").unwrap();
    choices::fill(&folder.path().join("results"));
    let mut shown = 0;
    for path in pages() {
        let page = std::fs::read_to_string(&path).unwrap();
        let (told, count) = written_anew(&page, folder.path());
        same_as_file(&path, &told);
        shown += count;
    }
    assert!(shown >= ASK.len(), "{shown} outputs are shown");
}

#[test]
fn a_block_is_commands_with_what_they_tell() {
    let block = ["$ tokgate list", "$ tokgate status  # all of it", "a", "b", "$ ls", "c"];
    let found: Vec<_> = shown(&block).iter().map(|one| (asks(one), one.output.len())).collect();
    assert_eq!(found, [(None, 0), (Some(vec!["status".to_owned()]), 2), (None, 1)]);
}
