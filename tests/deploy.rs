//! The files that start many workers: what they start is what tokgate takes, and each part once.

use crate::faces::{code, command, text};
use crate::mock::mock;
use crate::shards::{PAST, manifests, scenario};
use crate::support::targets::root;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

/// Starts as many tasks as `TASKS` says, as srun does; the one of number `BROKEN` does not start.
const SRUN: &str = r#"#!/usr/bin/env bash
while [[ $1 == --* ]]; do shift; done
printf '%s\n' "$*" > started
tasks=() failed=0
for ((task = 0; task < TASKS; task++)); do
  if [ "$task" = "${BROKEN:-}" ]; then failed=9; continue; fi
  SLURM_PROCID=$task SLURM_NTASKS=$TASKS "$@" > /dev/null &
  tasks+=($!)
done
for task in "${tasks[@]}"; do wait "$task" || failed=$?; done
exit "$failed"
"#;

fn deployed(name: &str) -> String {
    fs::read_to_string(root().join("deploy").join(name)).unwrap()
}

/// A program of these lines.
fn program(path: &Path, lines: &str) {
    fs::write(path, lines).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// The sbatch script with a stand-in for srun and one for the merge, which writes down how it was called.
fn batch(folder: &Path, set: &[(&str, &str)]) -> Output {
    program(&folder.join("srun"), SRUN);
    let merges = "#!/usr/bin/env bash\n[ \"$1\" = merge ] || exec \"$PROGRAM\" \"$@\"\necho \"$*\" > merged\n";
    program(&folder.join("tokgate"), merges);
    let mut script = Command::new("bash");
    script.arg(root().join("deploy/slurm.sbatch")).args(["--slot", "30"]).current_dir(folder);
    script.env("PROGRAM", env!("CARGO_BIN_EXE_tokgate")).env("TOKGATE", "./tokgate");
    script.env("srun", "./srun").env("SCENARIO", "load.toml").env("OUT", "out");
    script
        .env_remove("SLURM_JOB_ID")
        .env("RESULTS", "r")
        .env("START_AT", PAST)
        .env("TASKS", "3")
        .envs(set.iter().copied());
    script.output().unwrap()
}

#[test]
fn the_sbatch_script_starts_every_part_once_and_then_merges() {
    let server = mock("");
    let folder = scenario(&server, &["concurrency = 2, requests = 8, warmup = 2"], "");
    let output = batch(folder.path(), &[]);
    assert_eq!(code(&output), Some(0), "{}", text(&output.stderr));
    let started = fs::read_to_string(folder.path().join("started")).unwrap();
    let expected = format!(
        "./tokgate run load.toml --shard auto --start-at {PAST} --out out --results-dir r --slot 30\n"
    );
    assert_eq!(started, expected);
    let of = |it: &tokgate::rows::Manifest| (it.begun.worker, it.begun.of);
    let workers: Vec<(u32, u32)> = manifests(folder.path()).iter().map(of).collect();
    assert_eq!(workers, [(0, 3), (1, 3), (2, 3)]);
    assert_eq!(server.truth().counts.requests, 10);
    let merged = fs::read_to_string(folder.path().join("merged")).unwrap();
    assert_eq!(merged, "merge out --results-dir r\n");
}

#[test]
fn the_sbatch_script_merges_what_there_is_when_a_task_failed() {
    let server = mock("");
    let folder = scenario(&server, &["concurrency = 3, requests = 9, warmup = 0"], "");
    let output = batch(folder.path(), &[("BROKEN", "1")]);
    assert!(text(&output.stderr).contains("a worker ended with 9"), "{}", text(&output.stderr));
    assert_eq!(manifests(folder.path()).len(), 2);
    assert!(folder.path().join("merged").exists());
}

#[test]
fn the_sbatch_script_says_what_it_must_be_told() {
    let folder = tempfile::tempdir().unwrap();
    let output = batch(folder.path(), &[("OUT", "")]);
    assert!(!output.status.success());
    assert!(text(&output.stderr).contains("where all workers put their rows"));
    assert!(!folder.path().join("started").exists());
}

/// The lines beneath the first `key:` of a manifest that are deeper than it.
fn beneath<'a>(manifest: &'a str, key: &str) -> Vec<&'a str> {
    let depth = |line: &str| line.len() - line.trim_start().len();
    let mut lines = manifest.lines().skip_while(|line| line.trim() != key);
    let own = depth(lines.next().unwrap());
    let is_deeper = |line: &&str| line.trim().is_empty() || depth(line) > own;
    lines.take_while(is_deeper).map(str::trim).collect()
}

#[test]
fn a_pod_of_the_indexed_job_sends_the_part_of_its_index() {
    let manifest = deployed("kubernetes.yaml");
    let server = mock("");
    let folder = scenario(&server, &["concurrency = 8, requests = 16, warmup = 0"], "");
    let set = |line: &str| {
        let value = line.strip_prefix("- ").unwrap();
        let value = value.replace("/load/load.toml", "load.toml").replace("/results", "r");
        value.replace("$(START_AT)", PAST).replace("$(OUT)", "out")
    };
    let arguments: Vec<String> = beneath(&manifest, "args:").into_iter().map(set).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut pod = command(folder.path(), &words);
    let shards = manifest.split("name: TOKGATE_SHARDS").nth(1).unwrap();
    let shards =
        shards.lines().nth(1).unwrap().trim().trim_start_matches("value: ").trim_matches('"');
    pod.env("TOKGATE_SHARDS", shards).env("JOB_COMPLETION_INDEX", "7");
    let output = pod.output().unwrap();
    assert_eq!(code(&output), Some(0), "{words:?}: {}", text(&output.stderr));
    let begun = &manifests(folder.path())[0].begun;
    assert_eq!((begun.worker, begun.of), (7, 8));
    for key in ["completions", "parallelism"] {
        assert!(manifest.contains(&format!("  {key}: {shards}")), "{key}");
    }
}

#[test]
fn the_scenario_of_the_indexed_job_can_be_shared() {
    let manifest = deployed("kubernetes.yaml");
    let lines = beneath(&manifest, "load.toml: |");
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("load.toml"), lines.join("\n")).unwrap();
    let output = command(folder.path(), &["scenarios", "check", "load.toml"]).output().unwrap();
    assert_eq!(code(&output), Some(0), "{}", text(&output.stderr));
}

#[test]
fn the_matrix_has_every_part_once() {
    let workflow = deployed("github.yml");
    let parts = workflow.split("part: [").nth(1).and_then(|rest| rest.split(']').next()).unwrap();
    let parts: Vec<&str> = parts.split(", ").collect();
    let expected: Vec<String> = (0..parts.len()).map(|part| part.to_string()).collect();
    assert_eq!(parts, expected);
    assert!(workflow.contains(&format!("--shard \"$PART/{}\"", parts.len())));
    assert!(workflow.contains(&format!("max-parallel: {}", parts.len())), "none of them waits");
}
