//! What comes in from elsewhere: the crates that are locked, and the actions that our workflows run. The
//! SQLite that is linked is looked at where it is opened (`src/store/database.rs`).

use crate::support::targets::root;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Cryptography that wants a tool chain or a system library of its own; ours is ring.
const BANNED: [&str; 3] = ["aws-lc-sys", "aws-lc-rs", "openssl-sys"];

#[test]
fn what_is_built_has_none_of_the_banned_crates() {
    // A lock also names what only features that are off would bring; what counts is what is built.
    let tree = ["tree", "--locked", "--offline", "--workspace", "--prefix", "none"];
    let output = Command::new(env!("CARGO")).args(tree).current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let built = String::from_utf8(output.stdout).unwrap();
    let names: Vec<&str> = built.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(names.contains(&"octocrab") && names.contains(&"ring"), "{built}");
    assert!(!names.iter().any(|name| BANNED.contains(name)), "{built}");
}

#[test]
fn what_is_locked_comes_from_the_registry() {
    for lock in ["Cargo.lock", "fuzz/Cargo.lock"] {
        let text = std::fs::read_to_string(root().join(lock)).unwrap();
        let lock: toml::Table = text.parse().unwrap();
        for package in lock["package"].as_array().unwrap() {
            let source = package.get("source").and_then(toml::Value::as_str);
            assert!(source.is_none_or(|source| source.starts_with("registry+")), "{package}");
        }
    }
}

/// The files below `.github` that say what is run.
fn workflows(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let below = entries.flat_map(|path| match path.is_dir() {
        true => workflows(&path),
        false => vec![path],
    });
    below.filter(|path| path.extension().is_some_and(|it| it == "yml" || it == "yaml")).collect()
}

/// What is wrong with the way a line names an action; `None` where it is pinned, or names none.
fn unpinned(line: &str) -> Option<&str> {
    let used = line.trim_start().trim_start_matches("- ").strip_prefix("uses:")?.trim();
    if used.starts_with("./") {
        return None;
    }
    let (_, rest) = used.split_once('@')?;
    let (commit, version) = rest.split_once(" # v").unwrap_or((rest, ""));
    let is_commit = commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
    (!is_commit || version.is_empty()).then_some(used)
}

#[test]
fn every_action_is_pinned_by_its_commit_and_says_its_version() {
    let commit = "de0fac2e4500dabe0009e67214ff5f5447ce83dd";
    assert_eq!(unpinned(&format!("  - uses: actions/checkout@{commit} # v6.0.2")), None);
    assert!(unpinned("  - uses: actions/checkout@v6").is_some());
    assert!(unpinned(&format!("uses: actions/checkout@{commit}")).is_some());
    let action = [root().join("action.yml")];
    let handed_out = workflows(&root().join("deploy"));
    for file in workflows(&root().join(".github")).into_iter().chain(action).chain(handed_out) {
        let text = std::fs::read_to_string(&file).unwrap();
        for line in text.lines() {
            assert_eq!(unpinned(line), None, "{}: {line}", file.display());
        }
    }
}

#[test]
fn no_workflow_of_ours_runs_what_a_stranger_wrote_with_our_rights() {
    let ours = workflows(&root().join(".github/workflows"));
    assert!(ours.len() >= 2, "{ours:?}");
    for file in ours {
        let text = std::fs::read_to_string(&file).unwrap();
        let says = |word: &str| text.lines().any(|line| line.trim() == word);
        assert!(!text.contains("pull_request_target"), "{}", file.display());
        assert!(says("permissions: {}") || says("contents: read"), "{}", file.display());
        let checkouts = text.matches("actions/checkout@").count();
        assert_eq!(
            text.matches("persist-credentials: false").count(),
            checkouts,
            "{}",
            file.display()
        );
    }
}
