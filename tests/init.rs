//! What `tokgate init` gives a repository, and whether that repository is then gated: by the shipped program.

use crate::faces::{code, command, text};
use crate::support::repository::Repository;
use crate::support::targets::root;
use crate::support::undisturbed;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A commit, for what must be pinned by one.
const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const SCENARIO: &str = "scenarios/gate.toml";
const RECORDED: &str = "baseline/recorded/test-x1/gate.json";
const SERVED: [&str; 4] = ["--base-url", "http://127.0.0.1:8000/v1", "--model", "mine"];

fn init(folder: &Path, more: &[&str]) -> Output {
    command(folder, &[&["init", "--action", COMMIT], more].concat()).output().unwrap()
}

/// Every file below a folder with its text; git's own are left out.
fn files(folder: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(at) = folders.pop() {
        for entry in std::fs::read_dir(&at).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true if path.ends_with(".git") => {}
                true => folders.push(path),
                false => drop(found.insert(
                    path.strip_prefix(folder).unwrap().to_owned(),
                    std::fs::read_to_string(&path).unwrap(),
                )),
            }
        }
    }
    found
}

fn said(output: &Output, exit: i32) -> String {
    let told = text(&output.stdout) + &text(&output.stderr);
    assert_eq!(code(output), Some(exit), "{told}");
    told
}

#[test]
fn what_every_driver_gets_is_a_valid_project() {
    let started = ["--launch", "sh '{dir}/serve' {port}", "--build", "make server"];
    let of: [(&str, &[&str]); 9] = [
        ("openai", &SERVED),
        ("openai", &started),
        ("ollama", &[]),
        ("llama-cpp", &[]),
        ("vllm", &["--model", "a \"quoted\" model"]),
        ("sglang", &started),
        ("tgi", &[]),
        ("ollama", &["--base-url", "http://127.0.0.1:11434"]),
        ("embedded", &[]),
    ];
    for (driver, more) in of {
        let folder = tempfile::tempdir().unwrap();
        let told = said(&init(folder.path(), &[&["--driver", driver], more].concat()), 0);
        assert!(told.contains(&format!("wrote     {SCENARIO}")), "{driver}: {told}");
        assert!(told.contains("checked   scenarios/gate.toml: 1 cases"), "{driver}: {told}");
        let checked = command(folder.path(), &["scenarios", "check"]).output().unwrap();
        assert_eq!(said(&checked, 0).trim(), "scenarios/gate.toml: 1 cases", "{driver}");
        let written: Vec<String> =
            files(folder.path()).keys().map(|path| path.display().to_string()).collect();
        let wanted = [
            ".github/actionlint.yaml",
            ".github/workflows/tokgate-baseline.yml",
            ".github/workflows/tokgate-bench.yml",
            ".github/workflows/tokgate-report.yml",
            ".gitignore",
            SCENARIO,
            "tokgate.toml",
        ];
        assert_eq!(written, wanted, "{driver}");
    }
}

#[test]
fn what_was_asked_stands_in_the_scenario_and_the_settings() {
    let folder = tempfile::tempdir().unwrap();
    let launch = ["--launch", "./serve --port {port} 'a b' --at {dir}", "--build", "make \"it\""];
    said(&init(folder.path(), &launch), 0);
    let scenario: toml::Table = files(folder.path())[Path::new(SCENARIO)].parse().unwrap();
    let words: Vec<&str> = scenario["target"]["launch"]["command"]
        .as_array()
        .unwrap()
        .iter()
        .map(|word| word.as_str().unwrap())
        .collect();
    assert_eq!(words, ["./serve", "--port", "{port}", "a b", "--at", "{dir}"]);
    let settings: toml::Table = files(folder.path())[Path::new("tokgate.toml")].parse().unwrap();
    assert_eq!(settings["gate"]["build"].as_str(), Some("make \"it\""));
    assert_eq!(settings["gate"]["scenarios"].as_array().unwrap().len(), 1);
}

#[test]
fn a_second_init_changes_nothing_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    said(&init(folder.path(), &SERVED), 0);
    let before = files(folder.path());
    let told = said(&init(folder.path(), &["--launch", "other {port}"]), 0);
    assert_eq!(files(folder.path()), before);
    assert_eq!(told.matches("kept ").count(), before.len(), "{told}");
    assert!(!told.contains("wrote") && !told.contains("added to"), "{told}");
    let forced = said(&init(folder.path(), &["--launch", "other {port}", "--force"]), 0);
    assert!(forced.contains(&format!("wrote     {SCENARIO}")), "{forced}");
    assert!(files(folder.path())[Path::new(SCENARIO)].contains("\"other\""));
}

#[test]
fn what_a_repository_ignores_already_stays_and_results_are_added_once() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(".gitignore"), "/target").unwrap();
    let told = said(&init(folder.path(), &SERVED), 0);
    assert!(told.contains("added to  .gitignore"), "{told}");
    said(&init(folder.path(), &[&SERVED[..], &["--force"]].concat()), 0);
    assert_eq!(files(folder.path())[Path::new(".gitignore")], "/target\nresults/\n");
}

#[test]
fn a_dry_run_says_what_would_be_written_and_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let there = folder.path().join("new");
    let named = there.to_str().unwrap();
    let told = said(&init(folder.path(), &[&[named, "--dry-run"], &SERVED[..]].concat()), 0);
    assert!(told.contains(&format!("wrote     {SCENARIO}")), "{told}");
    assert!(told.contains("nothing was written"), "{told}");
    assert!(!there.exists());
    // The same without: a folder that is not there yet is made.
    said(&init(folder.path(), &[&[named], &SERVED[..]].concat()), 0);
    assert!(there.join(SCENARIO).is_file());
}

#[test]
fn what_is_refused_writes_nothing() {
    let url = "http://127.0.0.1:8000/v1";
    let of: [(&[&str], &str); 14] = [
        (&["--base-url", "127.0.0.1:8000"], "no address"),
        (&["--base-url", "http://me:s3cret@host/v1"], "base_url"),
        (&["--base-url", url, "--machine", "../up"], "--machine"),
        (&["--base-url", url, "--runner", "a], b: [c"], "--runner"),
        (&["--base-url", url, "--action", "main"], "--action"),
        (&["--base-url", url, "--bench"], "Cargo.toml"),
        (&["--launch", "server 'open {port}"], "quote"),
        (&["--launch", "server"], "{port}"),
        (&["--launch", "server {port}", "--build", "a\nb"], "--build"),
        (&["--launch", "server {port}", "--build", "echo ${{ secrets.KEY }}"], "--build"),
        (&["--driver", "openai"], "--base-url"),
        (&["--driver", "embedded", "--base-url", url], "embedded"),
        (&["--driver", "vlm"], "vllm"),
        (&["--base-url", url, "--model", ""], "--model"),
    ];
    for (options, says) in of {
        let folder = tempfile::tempdir().unwrap();
        let output = command(folder.path(), &[&["init"], options].concat()).output().unwrap();
        let told = said(&output, 2);
        assert!(told.contains(says) && !told.contains("s3cret"), "{options:?}: {told}");
        assert!(files(folder.path()).is_empty(), "{options:?}");
    }
}

#[test]
fn something_that_is_no_file_in_a_files_place_is_found_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("tokgate.toml")).unwrap();
    let told = said(&init(folder.path(), &SERVED), 2);
    assert!(told.contains("tokgate.toml is no plain file"), "{told}");
    assert!(files(folder.path()).is_empty());
}

#[test]
fn a_file_that_was_kept_and_is_wrong_is_told() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("scenarios")).unwrap();
    std::fs::write(folder.path().join(SCENARIO), "schema = 1\nsumary = \"x\"\n").unwrap();
    let told = said(&init(folder.path(), &SERVED), 2);
    assert!(told.contains(&format!("kept      {SCENARIO}")) && told.contains("sumary"), "{told}");
    // Settings that do not name the scenario are no mistake, but nothing would be gated.
    std::fs::remove_file(folder.path().join(SCENARIO)).unwrap();
    std::fs::write(folder.path().join("tokgate.toml"), "").unwrap();
    let told = said(&init(folder.path(), &SERVED), 0);
    assert!(told.contains("does not name `gate`"), "{told}");
}

#[test]
fn workflows_are_those_of_a_whole_repository() {
    let repository = Repository::new();
    let part = repository.path().join("part");
    std::fs::create_dir(&part).unwrap();
    assert!(said(&init(&part, &SERVED), 2).contains("--ci none"));
    assert!(files(repository.path()).is_empty());
    said(&init(&part, &[&SERVED[..], &["--ci", "none"]].concat()), 0);
    let written = files(repository.path());
    assert_eq!(written.len(), 3, "{:?}", written.keys());
}

#[test]
fn gitlab_takes_in_a_file_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let asked = ["--ci", "gitlab", "--machine", "rtx-4090-x1", "--runner", "gpu,4090"];
    let told = said(&init(folder.path(), &[&SERVED[..], &asked].concat()), 0);
    assert!(told.contains("local: .gitlab-ci.tokgate.yml"), "{told}");
    let written = files(folder.path());
    let job = &written[Path::new(".gitlab-ci.tokgate.yml")];
    for line in [
        "  tags: [gpu, '4090']",
        "    TOKGATE_MACHINE: 'rtx-4090-x1'",
        "    - tokgate gate --out tokgate-gate",
        "    when: always",
    ] {
        assert!(job.lines().any(|it| it == line), "{line}\n{job}");
    }
    assert!(!written.keys().any(|path| path.starts_with(".github")));
}

#[test]
fn a_crate_gets_a_bench_target_of_three_lines() {
    let folder = tempfile::tempdir().unwrap();
    let manifest =
        "[package]\nname = \"mine\"\nversion = \"1.0.0\"\n\n[dev-dependencies]\nserde = \"1\"\n";
    std::fs::write(folder.path().join("Cargo.toml"), manifest).unwrap();
    let asked = [&SERVED[..], &["--bench"]].concat();
    let told = said(&init(folder.path(), &asked), 0);
    assert!(told.contains("added to  Cargo.toml"), "{told}");
    let written = files(folder.path());
    let bench = &written[Path::new("benches/scenarios.rs")];
    assert_eq!(bench.lines().count(), 3, "{bench}");
    assert!(bench.contains("tokgate::main!();"));
    let new: toml::Table = written[Path::new("Cargo.toml")].parse().unwrap();
    assert_eq!(new["bench"][0]["name"].as_str(), Some("scenarios"));
    assert_eq!(new["bench"][0]["harness"].as_bool(), Some(false));
    assert_eq!(new["dev-dependencies"]["serde"].as_str(), Some("1"));
    assert_eq!(new["dev-dependencies"]["tokgate"]["rev"].as_str(), Some(COMMIT));
    assert!(said(&init(folder.path(), &asked), 0).contains("kept      Cargo.toml"));
    assert_eq!(files(folder.path()), written);
}

/// A tool that `.ci/run` fetches; `None`, aloud, where it was not.
fn tool(name: &str) -> Option<PathBuf> {
    let path = root().join("target/ci-tools/bin").join(name);
    if !path.is_file() {
        eprintln!("left out: there is no {name} here; .ci/run fetches it");
        return None;
    }
    Some(path)
}

#[test]
fn workflows_that_are_written_have_nothing_to_find() {
    let repository = Repository::new();
    let asked =
        ["--launch", "{dir}/serve {port}", "--build", "make server", "--machine", "rtx-4090-x1"];
    said(&init(repository.path(), &asked), 0);
    let look = |tool: &Path, arguments: &[&str]| {
        let output =
            Command::new(tool).current_dir(repository.path()).args(arguments).output().unwrap();
        said(&output, 0);
    };
    if let Some(zizmor) = tool("zizmor") {
        look(&zizmor, &["--offline", "--no-progress", ".github"]);
    }
    if let Some(actionlint) = tool("actionlint") {
        look(&actionlint, &[]);
    }
}

/// The lines that a workflow hands to a shell.
fn scripts(workflow: &str) -> Vec<&str> {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut inside: Option<usize> = None;
    let mut found = Vec::new();
    for line in workflow.lines() {
        inside = inside.filter(|begun| line.is_empty() || indent(line) > *begun);
        let begins = line.trim_start().trim_start_matches("- ").starts_with("run:");
        if begins {
            inside = Some(indent(line));
        }
        if inside.is_some() {
            found.push(line);
        }
    }
    found
}

#[test]
fn workflows_that_are_written_pin_what_they_use_and_build_what_they_measure() {
    let folder = tempfile::tempdir().unwrap();
    let asked = [
        "--launch",
        "{dir}/serve {port}",
        "--build",
        "make server",
        "--runner",
        "self-hosted,a100",
    ];
    said(&init(folder.path(), &asked), 0);
    let written = files(folder.path());
    let workflow = |name: &str| &written[&Path::new(".github/workflows").join(name)];
    for name in ["tokgate-bench.yml", "tokgate-report.yml", "tokgate-baseline.yml"] {
        let used = workflow(name).lines().filter_map(|line| line.trim().strip_prefix("- uses: "));
        for used in used {
            let (_, commit) = used.split_once('@').unwrap();
            let commit = commit.split_once(" # v").unwrap().0;
            assert!(
                commit.len() == 40 && commit.bytes().all(|it| it.is_ascii_hexdigit()),
                "{used}"
            );
        }
        assert!(!workflow(name).contains("pull_request_target"), "{name}");
        let scripts = scripts(workflow(name));
        assert!(!scripts.iter().any(|line| line.contains("${{")), "{name}: {scripts:?}");
        assert_eq!(scripts.is_empty(), name == "tokgate-bench.yml", "{name}: {scripts:?}");
    }
    assert!(workflow("tokgate-bench.yml").contains("runs-on: [self-hosted, a100]"));
    assert!(workflow("tokgate-baseline.yml").contains("          make server\n"));
    assert!(written[Path::new(".github/actionlint.yaml")].contains("labels: [a100]"));
}

/// The program in a repository, as on the machine `test-x1`.
fn tokgate(repository: &Repository, arguments: &[&str]) -> Output {
    undisturbed(|| {
        let mut command = command(repository.path(), arguments);
        command.env("TOKGATE_MACHINE", "test-x1").env_remove("CARGO_TARGET_DIR").output().unwrap()
    })
}

/// What a user makes of the scenario first of all: small, so that a gate takes seconds here.
fn make_small(repository: &Repository) {
    let sizes =
        [("prompt_tokens = 128", "prompt_tokens = 8"), ("output_tokens = 64", "output_tokens = 3")];
    let counts = [("requests = 64", "requests = 24"), ("warmup = 4", "warmup = 2")];
    let scenario =
        sizes.iter().chain(&counts).fold(repository.read(SCENARIO), |text, (old, new)| {
            assert!(text.contains(old), "{old}\n{text}");
            text.replace(old, new)
        });
    repository.write(SCENARIO, &scenario);
}

/// Commits what init wrote, records a baseline, commits it, and begins a change.
fn record(repository: &Repository) {
    make_small(repository);
    repository.commit("say what a change may not slow down");
    let measured = tokgate(repository, &["run", "gate", "--format", "json"]);
    assert_eq!(code(&measured), Some(0), "{}", text(&measured.stderr));
    let report: Value = serde_json::from_slice(&measured.stdout).unwrap();
    let run = report["run_id"].as_str().unwrap();
    said(&tokgate(repository, &["baseline", "record", run, "--reason", "the first"]), 0);
    repository.commit("its baseline");
    repository.git(&["switch", "--quiet", "-c", "change"]);
}

/// Says in the change that slower is usual, that little matters, and that something else is asked.
fn bend_the_rules(repository: &Repository) {
    let usual = repository.read(RECORDED).replace("\"value\": 0.0", "\"value\": 0.1");
    repository.write(RECORDED, &usual);
    let scenario = repository.read(SCENARIO).replace("5 %", "90 %");
    repository.write(SCENARIO, &scenario.replace("requests = 24", "requests = 12"));
    repository.write("tokgate.toml", "");
}

fn is_convicted(repository: &Repository) {
    let asked = ["gate", "--base", "main", "--no-control", "--format", "json", "--out", "out"];
    let output = tokgate(repository, &asked);
    let told = text(&output.stderr);
    assert_eq!(code(&output), Some(1), "{told}{}", text(&output.stdout));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let verdicts = report["cases"][0]["verdicts"].as_array().unwrap();
    let ttft = verdicts.iter().find(|one| one["metric"] == "ttft.p50").unwrap();
    assert_eq!(ttft["verdict"], "regressed", "{verdicts:#?}");
    for edited in [RECORDED, SCENARIO, "tokgate.toml"] {
        assert!(told.contains(&format!("not taken from the change: {edited} (changed)")), "{told}");
    }
    assert!(repository.read("out/gate.json").contains("\"conclusion\": \"regressed\""));
}

#[test]
fn a_repository_that_was_set_up_convicts_a_slower_server_by_the_rules_of_its_base() {
    let repository = Repository::new();
    repository.write(".gitignore", "built\nout/\n");
    repository.write("pace", "--ttft-ms 20 --itl-ms 2");
    repository.write(
        "serve",
        &format!(
            "exec {} mock-server --port \"$2\" $(cat \"$1/built\")\n",
            env!("CARGO_BIN_EXE_tokgate")
        ),
    );
    let asked =
        ["--launch", "sh {dir}/serve {dir} {port}", "--build", "cp pace built", "--model", "mock"];
    said(&init(repository.path(), &asked), 0);
    std::fs::copy(repository.path().join("pace"), repository.path().join("built")).unwrap();
    record(&repository);
    repository.write("pace", "--ttft-ms 26 --itl-ms 2.6");
    bend_the_rules(&repository);
    repository.commit("faster, surely");
    is_convicted(&repository);
}

/// A server in Rust whose pace is compiled in.
const SERVER: &str = r##"//! A server whose pace is compiled in.

const PACE: [&str; 4] = ["--ttft-ms", "20", "--itl-ms", "2"];

fn main() {
    let port = std::env::args().nth(1).expect("the port is the first argument");
    let mut server = std::process::Command::new(r#"PROGRAM"#);
    let ended = server.args(["mock-server", "--port", &port]).args(PACE).status();
    std::process::exit(ended.ok().and_then(|status| status.code()).unwrap_or(1));
}
"##;

#[test]
fn a_crate_that_was_set_up_is_built_on_both_sides_and_convicted_in_the_same_way() {
    let repository = Repository::new();
    let manifest =
        "[package]\nname = \"paced\"\nversion = \"1.0.0\"\nedition = \"2024\"\n\n[workspace]\n";
    repository.write("Cargo.toml", manifest);
    repository.write("src/main.rs", &SERVER.replace("PROGRAM", env!("CARGO_BIN_EXE_tokgate")));
    repository.write(".gitignore", "/target\nout/\n");
    let launch = ["--launch", "{dir}/target/debug/paced {port}", "--model", "mock", "--bench"];
    let build = ["--build", "cargo build --offline --quiet"];
    let told = said(&init(repository.path(), &[&launch[..], &build].concat()), 0);
    assert!(told.contains("wrote     benches/scenarios.rs"), "{told}");
    let new: toml::Table = repository.read("Cargo.toml").parse().unwrap();
    assert_eq!(new["dev-dependencies"]["tokgate"]["rev"].as_str(), Some(COMMIT));
    // Cargo would fetch that commit before it builds anything, and tests fetch nothing.
    repository.write("Cargo.toml", manifest);
    std::fs::remove_dir_all(repository.path().join("benches")).unwrap();
    let mut build = Command::new("cargo");
    build.current_dir(repository.path()).args(["build", "--offline", "--quiet"]);
    assert!(build.env_remove("CARGO_TARGET_DIR").status().unwrap().success());
    record(&repository);
    let slower =
        repository.read("src/main.rs").replace("\"20\"", "\"26\"").replace("\"2\"", "\"2.6\"");
    repository.write("src/main.rs", &slower);
    bend_the_rules(&repository);
    repository.commit("faster, surely");
    is_convicted(&repository);
}
