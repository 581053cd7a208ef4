//! What may go wrong on a command line, for every command that there is.

use crate::faces::{code, command, text, with_scenario};
use crate::manuals::{beneath, told};
use crate::support::choices;
use crate::support::lab::{Lab, SOUND, Taken};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use tempfile::TempDir;

/// What each command that tells something tells it of, in a small store.
const ANSWERS: [(&str, &[&str]); 31] = [
    ("list", &[]),
    ("show", &["run-0"]),
    ("history", &["ttft.p50"]),
    ("stats", &[]),
    ("report", &["run-0", "--json"]),
    ("verdict", &["run-1", "--baseline", "run-0"]),
    ("baseline list", &[]),
    ("baseline show", &["run-0"]),
    ("baseline diff", &["run-0", "run-1"]),
    ("baseline verify", &["run-0"]),
    ("query", &[]),
    ("estimate", &["--requests", "1000"]),
    ("compare", &[]),
    ("recommend", &[]),
    ("status", &[]),
    ("recompute", &["run-0"]),
    ("doctor", &[]),
    ("rm", &["run-0", "--dry-run"]),
    ("rebuild", &[]),
    ("db check", &[]),
    ("db vacuum", &[]),
    ("import", &["nothing.json"]),
    ("github comment", &["run-0", "--repo", "a/b", "--pr", "7", "--sha", "0123abc", "--dry-run"]),
    ("github propose", &["--repo", "a/b", "--dry-run"]),
    ("hardware", &[]),
    ("scenarios list", &[]),
    ("scenarios check", &["quick"]),
    ("scenarios schema", &[]),
    ("init", &["--dry-run"]),
    ("completions", &["bash"]),
    ("man", &[]),
];

/// Those that measure, serve or change something: only what is refused before that is tried.
const ACTS: [&str; 20] = [
    "run",
    "merge",
    "stress",
    "ab",
    "gate",
    "export",
    "analyze",
    "baseline record",
    "baseline propose",
    "baseline refresh",
    "serve",
    "purge",
    "db backup",
    "mock-server",
    "mcp",
    "plot",
    "watch",
    "store migrate",
    "store deliver",
    "store copy",
];

/// Arguments of strange kinds.
fn odd() -> [OsString; 5] {
    let long = "x".repeat(4096);
    [b"\xff\xfe".as_slice(), b"odd\nname\x1b[31m", long.as_bytes(), b"", b"-"]
        .map(|bytes| OsStr::from_bytes(bytes).to_owned())
}

fn store() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    choices::fill(&folder.path().join("r"));
    folder
}

/// Every command that has none beneath it, by its words, with its help.
fn leaves() -> &'static BTreeMap<String, String> {
    static LEAVES: OnceLock<BTreeMap<String, String>> = OnceLock::new();
    LEAVES.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let help = |name: &str| told(folder.path(), &[&words(name)[..], &["--help"]].concat());
        let with_help = |name: String| (name.clone(), help(&name));
        names(folder.path()).into_iter().map(with_help).collect()
    })
}

fn names(folder: &Path) -> Vec<String> {
    let below = |name: &str| -> Vec<String> {
        let words: Vec<&str> = name.split(' ').collect();
        beneath(folder, &words).into_iter().map(|it| format!("{name} {it}")).collect()
    };
    let leaves = beneath(folder, &[]).into_iter().flat_map(|name| match below(&name) {
        names if names.is_empty() => vec![name],
        names => names,
    });
    leaves.collect()
}

fn words(name: &str) -> Vec<&str> {
    name.split(' ').collect()
}

fn help(name: &str) -> &'static str {
    &leaves()[name]
}

/// A command of [`ANSWERS`] on the small store.
fn answering(folder: &Path, name: &str, arguments: &[&str]) -> Command {
    let results: &[&str] = match help(name).contains("--results-dir") {
        true => &["--results-dir", "r"],
        false => &[],
    };
    command(folder, &[&words(name)[..], arguments, results].concat())
}

/// Everything in a folder, with what the files hold.
fn everything(folder: &Path) -> Vec<(OsString, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        match entry.file_type().unwrap().is_dir() {
            true => all.extend(everything(&entry.path())),
            false => all.push((entry.path().into(), fs::read(entry.path()).unwrap())),
        }
    }
    all.sort();
    all
}

/// Ends in one of our ways, and shows nothing raw that it was given.
fn is_sound(output: &Output, what: &dyn std::fmt::Debug) {
    let all = text(&output.stdout) + &text(&output.stderr);
    assert!(!all.contains("panicked"), "{what:?}: {all}");
    assert!(
        !all.contains('\u{1b}') && !all.contains("odd\nname"),
        "{what:?} is not escaped: {all}"
    );
    assert!(code(output).is_some_and(|code| (0..=5).contains(&code)), "{what:?}: {output:?}");
}

#[test]
fn every_command_is_tried_here() {
    let mut found: Vec<String> = leaves().keys().cloned().collect();
    let mut known: Vec<String> = ANSWERS.map(|(name, _)| name.to_owned()).to_vec();
    known.extend(ACTS.map(str::to_owned));
    if cfg!(not(feature = "mcp")) {
        known.retain(|name| name != "mcp");
    }
    found.sort();
    known.sort();
    assert_eq!(found, known, "a new command has its line in ANSWERS or ACTS");
}

#[test]
fn what_is_not_understood_exits_2_and_changes_nothing() {
    let folder = with_scenario("schema = 1\n");
    let before = everything(folder.path());
    let refused = |arguments: &[&str]| {
        let output = command(folder.path(), arguments).output().unwrap();
        assert_eq!(code(&output), Some(2), "{arguments:?}: {}", text(&output.stderr));
        assert!(!output.stderr.is_empty(), "{arguments:?} says nothing");
        assert!(everything(folder.path()) == before, "{arguments:?} left something behind");
    };
    for (name, help) in leaves() {
        refused(&[&words(name)[..], &["--no-such-flag"]].concat());
        let valued = help.lines().map(str::trim_start).find_map(|line| {
            let (option, rest) = line.split_once(" <")?;
            let option = option.split(", ").last()?;
            (option.starts_with("--") && !rest.is_empty()).then_some(option)
        });
        if let Some(option) = valued {
            refused(&[&words(name)[..], &[option]].concat());
        }
    }
    for wrong in [
        &["no-such-verb"][..],
        &["db", "no-such-verb"],
        &["baseline", "no-such-verb"],
        &["query", "--requests", "5", "--details"],
        &["compare", "--requests", "5", "--sort-by", "ttft"],
        &["run", "quick", "--no-store", "--save-baseline", "x"],
        &["estimate", "--requests", "0"],
        &["estimate"],
        &["serve", "--port", "70000"],
    ] {
        refused(wrong);
    }
}

#[test]
fn arguments_of_strange_kinds_are_no_panics_and_are_told_escaped() {
    let folder = store();
    let tries: [(&str, &[&str]); 24] = [
        ("list", &[]),
        ("show", &[]),
        ("history", &[]),
        ("report", &["--json"]),
        ("verdict", &["--baseline"]),
        ("baseline show", &[]),
        ("baseline diff", &["run-0"]),
        ("baseline verify", &[]),
        ("query", &["--model"]),
        ("query", &["--since"]),
        ("estimate", &["-n", "10", "--model"]),
        ("compare", &["--gpu-type"]),
        ("compare", &["--sort-by"]),
        ("recommend", &["--budget"]),
        ("recompute", &[]),
        ("rm", &[]),
        ("purge", &[]),
        ("import", &[]),
        ("hardware", &[]),
        ("scenarios check", &[]),
        ("run", &[]),
        ("completions", &[]),
        ("github comment", &["--repo", "a/b", "--pr", "7", "--sha", "0123abc", "--dry-run"]),
        ("baseline record", &[]),
    ];
    for (name, arguments) in tries {
        for odd in odd() {
            let mut command = answering(folder.path(), name, arguments);
            let output = command.arg(&odd).stdin(Stdio::null()).output().unwrap();
            is_sound(&output, &(name, arguments, odd));
        }
    }
    for (name, arguments) in ANSWERS {
        for odd in odd() {
            let mut command = command(folder.path(), &[&words(name)[..], arguments].concat());
            command.arg("--results-dir").arg(&odd).stdin(Stdio::null());
            is_sound(&command.output().unwrap(), &(name, odd));
        }
    }
}

#[test]
fn no_option_takes_a_secret_itself() {
    const COUNTED: [&str; 5] = [
        "--prompt-tokens",
        "--output-tokens",
        "--reasoning-tokens",
        "--prefill-ms-per-token",
        "--tokens-per-event",
    ];
    for (name, help) in leaves() {
        let options =
            help.split(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'));
        for option in options.filter(|word| word.starts_with("--")) {
            let is_secret = ["key", "token", "secret", "password", "bearer"]
                .iter()
                .any(|word| option.contains(word));
            let is_named = option.ends_with("-env") || option.ends_with("-file");
            assert!(!is_secret || is_named || COUNTED.contains(&option), "{name} {option}");
        }
    }
}

#[test]
fn a_reader_that_goes_away_ends_nothing_and_a_full_disk_is_storage_for_every_answer() {
    let folder = store();
    for (name, arguments) in ANSWERS {
        let plain = answering(folder.path(), name, arguments).output().unwrap();
        is_sound(&plain, &name);
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut unread = answering(folder.path(), name, arguments);
        let unread = unread.stdout(writer).output().unwrap();
        is_sound(&unread, &name);
        assert_eq!(code(&unread), code(&plain), "{name}: {}", text(&unread.stderr));
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = answering(folder.path(), name, arguments).stdout(full).output().unwrap();
        is_sound(&output, &name);
        if !plain.stdout.is_empty() {
            assert_eq!(code(&output), Some(5), "{name}: {}", text(&output.stderr));
            assert!(text(&output.stderr).contains("cannot write to stdout"), "{name}");
        }
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = answering(folder.path(), name, arguments).stderr(full).output().unwrap();
        assert_eq!(code(&output), code(&plain), "{name} with a full stderr");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_narrow_terminal_that_is_dumb_or_wants_no_colour_gets_none() {
    use crate::support::terminal::Terminal;
    let folder = store();
    for (name, arguments) in ANSWERS {
        let expected = code(&answering(folder.path(), name, arguments).output().unwrap());
        for (variable, value) in [("TERM", "dumb"), ("NO_COLOR", "1")] {
            let mut command = answering(folder.path(), name, arguments);
            command.env("TERM", "xterm").env_remove("NO_COLOR").env("CI", "1");
            command.env(variable, value).env_remove("FORCE_COLOR").env_remove("CLICOLOR_FORCE");
            let (found, shown) = Terminal::start(command, 20).ended_raw();
            assert_eq!(found, expected, "{name}: {shown}");
            assert!(!shown.contains("\u{1b}[3") && !shown.contains("panicked"), "{name}: {shown}");
        }
    }
}

#[test]
fn an_answer_in_a_file_replaces_it_whole_or_not_at_all() {
    let folder = store();
    let at = |name: &str| folder.path().join(name);
    let asked = |name: &str, arguments: &[&str], file: &Path| {
        let mut command = answering(folder.path(), name, arguments);
        command.arg("--output").arg(file).output().unwrap()
    };
    let mut tried = 0;
    for (name, arguments) in ANSWERS {
        if !help(name).contains("--output <FILE>") {
            continue;
        }
        tried += 1;
        // A second name of the old file still has it: nothing was cut off in place.
        fs::write(at("old"), "old").unwrap();
        fs::hard_link(at("old"), at("answer")).unwrap();
        let output = asked(name, arguments, Path::new("answer"));
        assert_eq!(code(&output), Some(0), "{name}: {}", text(&output.stderr));
        assert_eq!(fs::read_to_string(at("old")).unwrap(), "old", "{name}");
        let answer = fs::read_to_string(at("answer")).unwrap();
        assert!(answer.len() > 20, "{name}: {answer}");
        assert_eq!(fs::metadata(at("answer")).unwrap().permissions().mode() & 0o777, 0o600);
        std::os::unix::fs::symlink("old", at("link")).unwrap();
        assert_eq!(code(&asked(name, arguments, Path::new("link"))), Some(0));
        assert_eq!(fs::read_to_string(at("old")).unwrap(), "old", "{name} through a link");
        assert_eq!(fs::read_to_string(at("link")).unwrap(), answer, "{name}");
        for nowhere in ["r", "old/file", "no/such/folder/file", "/proc/nowhere"] {
            let output = asked(name, arguments, Path::new(nowhere));
            assert_eq!(code(&output), Some(5), "{name} {nowhere}: {}", text(&output.stderr));
            assert!(text(&output.stderr).contains(nowhere), "{}", text(&output.stderr));
        }
        assert_eq!(text(&asked(name, arguments, Path::new("-")).stdout), answer, "{name}");
        let left = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
        let left: Vec<_> = left.filter(|name| name.to_string_lossy().starts_with('.')).collect();
        assert!(left.is_empty(), "{name} left {left:?}");
        for name in ["old", "answer", "link"] {
            fs::remove_file(at(name)).unwrap();
        }
    }
    assert!(tried >= 5, "{tried} commands write a file");
    elsewhere(&asked);
}

/// On a file system of its own, where there is one.
fn elsewhere(asked: &dyn Fn(&str, &[&str], &Path) -> Output) {
    match tempfile::tempdir_in("/dev/shm") {
        Ok(memory) => {
            let file = memory.path().join("answer.csv");
            assert_eq!(code(&asked("status", &["--format", "csv"], &file)), Some(0));
            assert!(fs::read_to_string(file).unwrap().contains("GPU type"));
        }
        Err(why) => eprintln!("left out: there is no /dev/shm here ({why})"),
    }
}

#[test]
fn a_copy_overwrites_nothing() {
    let folder = store();
    fs::write(folder.path().join("mine.json"), "mine").unwrap();
    for arguments in [&["export", "mine.json"][..], &["db", "backup", "mine.json"]] {
        let all = [arguments, &["--results-dir", "r"]].concat();
        let output = command(folder.path(), &all).output().unwrap();
        assert_eq!(code(&output), Some(2), "{arguments:?}: {}", text(&output.stderr));
        assert_eq!(fs::read_to_string(folder.path().join("mine.json")).unwrap(), "mine");
    }
}

#[test]
fn without_a_home_or_in_a_folder_that_takes_no_files_answers_are_the_same() {
    let folder = store();
    for (name, arguments) in ANSWERS {
        let plain = code(&answering(folder.path(), name, arguments).output().unwrap());
        let mut homeless = answering(folder.path(), name, arguments);
        homeless.env_remove("HOME").env_remove("XDG_DATA_HOME");
        let output = homeless.output().unwrap();
        is_sound(&output, &name);
        assert_eq!(code(&output), plain, "{name}: {}", text(&output.stderr));
    }
    let results = folder.path().join("r");
    for arguments in [&["list"][..], &["status"], &["compare"]] {
        let mut command = command(Path::new("/proc"), arguments);
        let output = command.arg("--results-dir").arg(&results).output().unwrap();
        assert_eq!(code(&output), Some(0), "{arguments:?}: {}", text(&output.stderr));
    }
    let written = command(Path::new("/proc"), &["init"]).output().unwrap();
    assert_eq!(code(&written), Some(5), "{}", text(&written.stderr));
    let mut homeless = command(Path::new("/proc"), &["list"]);
    let output = homeless.env_remove("HOME").env_remove("XDG_DATA_HOME").output().unwrap();
    is_sound(&output, &"list");
    // What the system's list of users says is home may have results of an earlier day.
    let is_told = !output.stderr.is_empty() || !output.stdout.is_empty();
    assert!(is_told, "it says what is there, that nothing is, or where it cannot look");
}

#[test]
fn what_is_kept_is_its_owners_alone_whatever_the_mask() {
    let lab = "schema = 1\n[target]\ndriver = \"simulated\"\n[[case]]\nname = \"a\"\nkind = \"generation\"\n\
               dataset = { prompt_tokens = 8, output_tokens = 2 }\nworkload = { requests = 12, warmup = 0 }\n";
    let folder = with_scenario(lab);
    let mut shell = Command::new("sh");
    shell.current_dir(folder.path()).env("XDG_DATA_HOME", folder.path());
    shell.args(["-c", "umask 0; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_tokgate")]);
    shell.args(["run", "case.toml", "--results-dir", "r", "--save-baseline", "x"]);
    let output = shell.output().unwrap();
    assert!(matches!(code(&output), Some(0 | 3)), "{}", text(&output.stderr));
    let results = folder.path().join("r");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&results), 0o700);
    let all = everything(&results);
    assert!(all.len() > 6, "{} files", all.len());
    for (path, _) in all.iter().filter(|(path, _)| !path.as_bytes().ends_with(b".gitignore")) {
        assert_eq!(mode(Path::new(path)), 0o600, "{path:?}");
    }
}

#[test]
fn results_of_somebody_else_are_refused_with_their_place() {
    const NOBODY: u32 = 65_534;
    let folder = store();
    let mut other = command(Path::new("/"), &["list"]);
    other.arg("--results-dir").arg(folder.path().join("r")).uid(NOBODY);
    match other.output() {
        Ok(output) => {
            assert_eq!(code(&output), Some(5), "{}", text(&output.stderr));
            let told = text(&output.stderr);
            assert!(told.contains("ermission denied") && !told.contains("panicked"), "{told}");
        }
        Err(why) => eprintln!("left out: nobody else can be called here ({why})"),
    }
}

#[test]
fn of_a_regression_and_a_lost_answer_the_lost_answer_is_the_exit() {
    let lab = Lab::new();
    lab.measure(Taken { run: "before", ..SOUND });
    lab.slower("after", 2.0);
    let verdict = ["verdict", "after", "--baseline", "before"];
    let regressed = command(lab.path(), &verdict).output().unwrap();
    assert_eq!(code(&regressed), Some(1), "{}", text(&regressed.stderr));
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = command(lab.path(), &verdict).stdout(full).output().unwrap();
    assert_eq!(code(&output), Some(5), "{}", text(&output.stderr));
}

#[test]
fn mistyped_results_and_baselines_are_never_nothing_found() {
    let folder = store();
    for (name, arguments) in ANSWERS {
        // The doctor is called before there are any.
        if name == "doctor" || !help(name).contains("--results-dir") {
            continue;
        }
        let all = [&words(name)[..], arguments, &["--results-dir", "mistyped"]].concat();
        let output = command(folder.path(), &all).output().unwrap();
        is_sound(&output, &name);
        assert_ne!(code(&output), Some(0), "{name}: {}", text(&output.stdout));
        assert!(!output.stderr.is_empty() || !output.stdout.is_empty(), "{name} says nothing");
        assert!(!folder.path().join("mistyped").exists(), "{name} made it");
    }
    for arguments in [
        &["verdict", "run-1", "--baseline", "mistyped"][..],
        &["verdict", "run-1", "--baseline", "mistyped.json"],
        &["baseline", "show", "mistyped"],
        &["baseline", "verify", "mistyped.json"],
        &["baseline", "diff", "mistyped", "run-0"],
        &["run", "quick", "--baseline", "mistyped"],
        &["run", "quick", "--baseline-file", "mistyped.json"],
    ] {
        let all = [arguments, &["--results-dir", "r"]].concat();
        let output = command(folder.path(), &all).output().unwrap();
        assert_eq!(code(&output), Some(2), "{arguments:?}: {}", text(&output.stderr));
        assert!(text(&output.stderr).contains("mistyped"), "{arguments:?}");
    }
}
