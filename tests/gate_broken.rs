//! Ways to break a gate. None of them passes: each ends with its own code, and the first line that
//! says `error` or what is wrong says what to do.

use crate::faces::{code, command, text};
use crate::support::repository::Repository;
use serde_json::Value;
use std::process::Output;

const SCENARIO: &str = r#"
schema = 1
[target]
driver = "simulated"
simulation = { ttft_ms = 3, itl_ms = 1, jitter = 0.01 }
[dataset]
prompt_tokens = 8
output_tokens = 3
[run]
epochs = 5
[[case]]
name = "one"
kind = "generation"
workload = { concurrency = 2, requests = 24, warmup = 2 }
gate = { "ttft.p50" = "90 %" }
"#;

const RECORDED: &str = "baseline/recorded/test-x1/fast.json";

/// One way: what is done to the base's files, what is called, and what must come of it.
struct Way {
    name: &'static str,
    /// Edits of the base, before the change.
    spoil: fn(&Repository),
    arguments: &'static [&'static str],
    exit: i32,
    says: &'static str,
}

const fn way(
    name: &'static str,
    spoil: fn(&Repository),
    arguments: &'static [&'static str],
    exit: i32,
    says: &'static str,
) -> Way {
    Way { name, spoil, arguments, exit, says }
}

const MAIN: &[&str] = &["--base", "main"];

fn nothing(_: &Repository) {}

fn baseline(change: impl Fn(String) -> String) -> impl Fn(&Repository) {
    move |repository| repository.write(RECORDED, &change(repository.read(RECORDED)))
}

pub(crate) fn scenario(repository: &Repository, from: &str, to: &str) {
    let text = repository.read("scenarios/fast.toml");
    assert!(text.contains(from), "{from}");
    repository.write("scenarios/fast.toml", &text.replace(from, to));
}

const WAYS: &[Way] = &[
    // What is called.
    way("nobody says what the change is made to", nothing, &[], 2, "name the branch or commit"),
    way("a base that git does not know", nothing, &["--base", "nowhere"], 2, "git knows no commit"),
    way(
        "a scenario that the base has not",
        nothing,
        &["other", "--base", "main"],
        2,
        "no scenario is called `other`",
    ),
    way(
        "a baseline by name",
        nothing,
        &["--base", "main", "--baseline", "x"],
        2,
        "the recorded baselines of the base",
    ),
    way(
        "too few pairs to convict",
        nothing,
        &["--base", "main", "--pairs", "4"],
        2,
        "4 is not in 5..=100",
    ),
    way(
        "two bases at once",
        nothing,
        &["--base", "main", "--build", "true", "--base-server", "http://x"],
        2,
        "cannot be used with",
    ),
    way("an unknown flag", nothing, &["--base", "main", "--lenient"], 2, "--lenient"),
    way(
        "a category that no case has",
        nothing,
        &["--base", "main", "--category", "none"],
        4,
        "nothing was measured",
    ),
    way(
        "a category that only one of two scenarios has",
        |it| it.write("scenarios/second.toml", &SCENARIO.replace("\"one\"", "\"two\"")),
        &["fast", "second", "--base", "main", "--category", "two", "--require-match"],
        4,
        "no case is left of fast",
    ),
    way(
        "an artifact that is not there",
        nothing,
        &["--base", "main", "--artifact", "nowhere"],
        2,
        "no artifact of a gate",
    ),
    way(
        "a head that nobody measured elsewhere",
        nothing,
        &["--base", "main", "--head", "main"],
        2,
        "give `--artifact DIR`",
    ),
    // The base's scenario.
    way(
        "a scenario that is no TOML",
        |it| it.write("scenarios/fast.toml", "schema = "),
        MAIN,
        2,
        "scenarios/fast.toml:1",
    ),
    way(
        "a scenario with a typing error",
        |it| scenario(it, "workload", "worklode"),
        MAIN,
        2,
        "did you mean",
    ),
    way(
        "a scenario without cases",
        |it| it.write("scenarios/fast.toml", "schema = 1\n"),
        MAIN,
        4,
        "there are no cases",
    ),
    way(
        "an empty scenario",
        |it| it.write("scenarios/fast.toml", ""),
        MAIN,
        4,
        "nothing in the file",
    ),
    way(
        "a scenario that reaches out of its folder",
        |it| scenario(it, "schema = 1", "schema = 1\nextends = \"../x.toml\""),
        MAIN,
        2,
        "extends",
    ),
    way(
        "a percentile without samples",
        |it| scenario(it, "\"ttft.p50\" = \"90 %\"", "\"ttft.p99\" = \"90 %\""),
        MAIN,
        2,
        "needs 662 samples",
    ),
    way("a tolerance that is none", |it| scenario(it, "90 %", "-1 %"), MAIN, 2, "-1 %"),
    way(
        "a GPU that nobody has",
        |it| scenario(it, "[dataset]", "[requires]\ngpu = \"Imaginary 9000\"\n[dataset]"),
        MAIN,
        4,
        "nothing was measured",
    ),
    way(
        "a case that went away",
        |it| scenario(it, "name = \"one\"", "name = \"two\""),
        MAIN,
        1,
        "missing",
    ),
    way(
        "a required goal that is missed",
        |it| {
            scenario(
                it,
                "gate = {",
                "goals = { \"tok_s\" = \">= 1000000\" }\ngate = { required = [\"tok_s\"],",
            )
        },
        MAIN,
        1,
        "tok_s",
    ),
    way(
        "another question than the baseline's",
        |it| scenario(it, "requests = 24", "requests = 25"),
        MAIN,
        3,
        "incomparable",
    ),
    way(
        "a target that nobody listens at",
        |it| {
            scenario(
                it,
                "driver = \"simulated\"\nsimulation = { ttft_ms = 3, itl_ms = 1, jitter = 0.01 }",
                "driver = \"openai\"\nbase_url = \"http://127.0.0.1:9/v1\"",
            )
        },
        MAIN,
        3,
        "could not measure",
    ),
    way(
        "a server that does not start",
        |it| {
            scenario(
                it,
                "driver = \"simulated\"\nsimulation = { ttft_ms = 3, itl_ms = 1, jitter = 0.01 }",
                "driver = \"openai\"\nlaunch = { command = [\"false\"] }",
            )
        },
        MAIN,
        3,
        "could not measure",
    ),
    way(
        "a server that is no program",
        |it| {
            scenario(
                it,
                "driver = \"simulated\"\nsimulation = { ttft_ms = 3, itl_ms = 1, jitter = 0.01 }",
                "driver = \"openai\"\nlaunch = { command = [\"no-such-program-anywhere\"] }",
            )
        },
        MAIN,
        2,
        "is it installed?",
    ),
    way(
        "a target that fails requests",
        |it| scenario(it, "jitter = 0.01", "jitter = 0.01, error_rate = 0.5"),
        MAIN,
        3,
        "INVALID",
    ),
    // The base's settings.
    way("settings that are no TOML", |it| it.write("tokgate.toml", "["), MAIN, 2, "tokgate.toml"),
    way(
        "settings with an unknown key",
        |it| it.write("tokgate.toml", "[gate]\nthreshold = 1\n"),
        MAIN,
        2,
        "threshold",
    ),
    way(
        "settings that name no scenario",
        |it| it.write("tokgate.toml", "[gate]\nscenarios = [\"x\"]\n"),
        MAIN,
        2,
        "no scenario is called `x`",
    ),
    way(
        "a build that fails",
        |it| {
            it.write(
                "tokgate.toml",
                "[gate]\nscenarios = [\"fast\"]\nbuild = \"echo 'error: none' >&2; exit 3\"\n",
            )
        },
        MAIN,
        3,
        "error: none",
    ),
    way(
        "a build that hangs",
        |it| it.write("tokgate.toml", "[gate]\nscenarios = [\"fast\"]\nbuild = \"sleep 1000\"\n"),
        &["--base", "main", "--build-timeout-s", "0.1"],
        3,
        "took longer than 0.1 s",
    ),
    // The base's baseline.
    way(
        "no baseline and no base to measure",
        |it| it.git(&["rm", "--quiet", RECORDED]),
        MAIN,
        3,
        "nothing was judged",
    ),
    way("an empty baseline", |it| it.write(RECORDED, ""), MAIN, 2, "empty"),
    way(
        "a torn baseline",
        |it| baseline(|text| text[..text.len() / 2].to_owned())(it),
        MAIN,
        2,
        "ends in the middle",
    ),
    way(
        "a baseline of an unfinished merge",
        |it| baseline(|text| text.replacen('{', "<<<<<<< ours\n{", 1))(it),
        MAIN,
        2,
        "merge conflict",
    ),
    way(
        "a baseline of a newer version",
        |it| baseline(|text| text.replace("\"schema_version\": 3", "\"schema_version\": 99"))(it),
        MAIN,
        2,
        "99",
    ),
    way(
        "a baseline with a number that is none",
        |it| baseline(|text| text.replacen("\"value\": 0.", "\"value\": -0.", 1))(it),
        MAIN,
        2,
        "not a finite number",
    ),
    way(
        "a baseline with a case twice",
        |it| {
            baseline(|text| {
                text.replacen("\"fast/one\": {", "\"fast/one\": {},\n\"fast/one\": {", 1)
            })(it)
        },
        MAIN,
        2,
        "twice",
    ),
    way(
        "a baseline edited by hand",
        |it| {
            baseline(|text| text.replacen("\"scenario_hash\": \"", "\"scenario_hash\": \"0", 1))(it)
        },
        MAIN,
        2,
        "edited by hand",
    ),
    way(
        "a baseline of another protocol",
        |it| {
            baseline(|text| {
                let mut file: Value = serde_json::from_str(&text).unwrap();
                file["compat_key"]["protocol"] = 999.into();
                file.to_string()
            })(it)
        },
        MAIN,
        3,
        "protocol",
    ),
    // Where results go.
    way(
        "results that are a file",
        |it| it.write("r", "x"),
        &["--base", "main", "--results-dir", "r"],
        5,
        "r",
    ),
];

pub(crate) fn tokgate(repository: &Repository, arguments: &[&str]) -> Output {
    let mut command = command(repository.path(), arguments);
    for name in ["GITHUB_BASE_REF", "CI_MERGE_REQUEST_DIFF_BASE_SHA", "CHANGE_TARGET"] {
        command.env_remove(name);
    }
    command.env("TOKGATE_MACHINE", "test-x1").output().unwrap()
}

/// A repository with a scenario that needs no server, and its recorded baseline.
pub(crate) fn sound() -> Repository {
    let repository = Repository::new();
    repository.write("tokgate.toml", "[gate]\nscenarios = [\"fast\"]\n");
    repository.write(".gitignore", "results/\n");
    repository.write("scenarios/fast.toml", SCENARIO);
    repository.commit("a scenario");
    let output =
        crate::support::undisturbed(|| tokgate(&repository, &["run", "fast", "--format", "json"]));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let run = report["run_id"].as_str().unwrap();
    let done = tokgate(&repository, &["baseline", "record", run]);
    assert_eq!(code(&done), Some(0), "{}", text(&done.stderr));
    repository.commit("its baseline");
    repository
}

#[test]
fn none_of_forty_ways_to_break_a_gate_passes() {
    let repository = sound();
    let mut wrong = Vec::new();
    for Way { name, spoil, arguments, exit, says } in WAYS {
        repository.git(&["switch", "--quiet", "--force", "-C", "spoilt", "main"]);
        repository.git(&["clean", "--quiet", "-d", "--force"]);
        spoil(&repository);
        repository.git(&["add", "--all"]);
        repository.git(&["commit", "--quiet", "--allow-empty", "-m", name]);
        let named: Vec<&str> =
            arguments.iter().map(|word| if *word == "main" { "spoilt" } else { word }).collect();
        let output = tokgate(&repository, &[&["gate", "--no-control"][..], &named].concat());
        let told = text(&output.stderr) + &text(&output.stdout);
        if code(&output) != Some(*exit) || !told.contains(says) {
            wrong.push(format!("{name}: ended with {:?} for {exit}: {told}", code(&output)));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), WAYS.len(), wrong.join("\n"));
    assert!(WAYS.len() >= 39);
}

#[test]
fn a_shallow_clone_that_lacks_the_base_is_refused_with_the_way_out() {
    let repository = sound();
    for number in 0..3 {
        repository.write("README", &number.to_string());
        repository.commit("more");
    }
    let shallow = tempfile::tempdir().unwrap();
    let from = format!("file://{}", repository.path().display());
    let to = shallow.path().join("clone");
    repository.git(&["clone", "--quiet", "--depth", "1", &from, to.to_str().unwrap()]);
    let mut command = command(&to, &["gate", "--base", "HEAD~2"]);
    let output = command.env("TOKGATE_MACHINE", "test-x1").output().unwrap();
    assert_eq!(code(&output), Some(2), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("fetch-depth: 0"), "{}", text(&output.stderr));
}

#[test]
fn the_merge_that_a_forge_makes_of_a_pull_request_is_judged_by_its_base() {
    let repository = sound();
    repository.git(&["switch", "--quiet", "-c", "change"]);
    repository.write("README", "about it");
    repository.commit("a text");
    repository.git(&["switch", "--quiet", "main"]);
    repository.write("LICENSE", "yours");
    repository.commit("meanwhile");
    repository.git(&["switch", "--quiet", "--detach"]);
    repository.git(&["merge", "--quiet", "--no-ff", "-m", "Merge change into main", "change"]);
    let output = tokgate(&repository, &["gate", "--base", "main", "--no-control"]);
    assert_eq!(code(&output), Some(0), "{}", text(&output.stderr));
    let main = repository.hash("main");
    assert!(text(&output.stderr).contains(&format!("judged by commit {main}")));
}
