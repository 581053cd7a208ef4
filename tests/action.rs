//! The steps of `action.yml`, with programs in the place of those that a runner has: which words they are
//! called with, how a step ends, and what is not installed.
#![cfg(unix)]

use crate::faces::text;
use crate::support::targets::root;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// Keeps the words it is called with, and ends as it is told.
const FAKE: &str = r#"#!/bin/sh
printf '%s\n' "$@" - >> "$SAID"
case "$1" in gate) exit "${GATE_EXIT:-0}" ;; github) exit "${TOLD_EXIT:-0}" ;; esac
"#;

/// A runner: a folder for programs, files for outputs and paths, a folder for what is temporary.
struct Runner(TempDir);

impl Runner {
    fn new() -> Self {
        let runner = Self(tempfile::tempdir().unwrap());
        std::fs::create_dir_all(runner.path("bin")).unwrap();
        std::fs::create_dir_all(runner.path("temp")).unwrap();
        runner
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    fn program(&self, name: &str, script: &str) {
        let path = self.path("bin").join(name);
        std::fs::write(&path, script).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Runs a step with what its inputs say.
    fn step(&self, script: &str, inputs: &[(&str, &str)]) -> Output {
        let usual = std::env::var("PATH").unwrap();
        let mut step = Command::new("bash");
        step.current_dir(self.0.path()).arg(root().join("scripts/action").join(script));
        step.env("PATH", format!("{}:{usual}", self.path("bin").display()));
        step.env("SAID", self.path("said")).env("RUNNER_TEMP", self.path("temp"));
        step.env("GITHUB_OUTPUT", self.path("outputs")).env("GITHUB_PATH", self.path("paths"));
        step.env("RUNNER_OS", "Linux").env("RUNNER_ARCH", "X64");
        step.envs(inputs.iter().copied()).output().unwrap()
    }
}

const NOTHING: [(&str, &str); 5] =
    [("SCENARIOS", ""), ("BASE", ""), ("STRICT", "false"), ("WARN_ONLY", "false"), ("OUT", "out")];

fn with<'a>(inputs: &[(&'a str, &'a str)], more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    [inputs, more].concat()
}

#[test]
fn a_step_that_gates_ends_as_the_gate_does_and_says_how() {
    let runner = Runner::new();
    runner.program("tokgate", FAKE);
    std::fs::create_dir(runner.path("out")).unwrap();
    std::fs::write(runner.path("out/gate.json"), "{\n  \"conclusion\": \"held\"\n}\n").unwrap();
    let asked =
        [("SCENARIOS", "a  b"), ("BASE", "$(touch x)"), ("STRICT", "true"), ("GATE_EXIT", "1")];
    let output = runner.step("gate.sh", &with(&NOTHING, &asked));
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let words = ["gate", "--base=$(touch x)", "--out=out", "--strict", "--", "a", "b", "-", ""];
    assert_eq!(runner.read("said"), words.join("\n"));
    assert!(!runner.path("x").exists());
    // What an older run had left is not what this one says.
    assert_eq!(runner.read("outputs"), "conclusion=none\nexit=1\n");
}

#[test]
fn a_conclusion_is_what_the_gate_left() {
    let runner = Runner::new();
    let left = format!(
        "{FAKE}mkdir -p out\nprintf '{{\\n  \"conclusion\": \"inconclusive\",\\n  \"exit\": 0\\n}}\\n' > out/gate.json\n"
    );
    runner.program("tokgate", &left.replace("gate) exit \"${GATE_EXIT:-0}\" ;;", ""));
    let output = runner.step("gate.sh", &NOTHING);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(runner.read("outputs"), "conclusion=inconclusive\nexit=0\n");
}

#[test]
fn an_input_that_is_neither_true_nor_false_is_refused() {
    let runner = Runner::new();
    runner.program("tokgate", FAKE);
    let output = runner.step("gate.sh", &with(&NOTHING, &[("STRICT", "yes")]));
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stdout).contains("input strict is 'yes'"), "{}", text(&output.stdout));
    assert_eq!(runner.read("said"), "");
}

#[test]
fn a_step_that_reports_tells_also_what_regressed_and_ends_as_it_was_judged() {
    let inputs =
        [("ARTIFACT", "left"), ("BASE", "origin/main"), ("HEAD", "abc"), ("GATE_ID", "gpu")];
    let inputs = with(&with(&NOTHING, &inputs), &[("SCENARIOS", "a b")]);
    for (gate, told, exit) in [("1", "0", 1), ("0", "3", 3), ("1", "3", 1), ("0", "0", 0)] {
        let runner = Runner::new();
        runner.program("tokgate", FAKE);
        let ends = with(&inputs, &[("GATE_EXIT", gate), ("TOLD_EXIT", told)]);
        let output = runner.step("report.sh", &ends);
        assert_eq!(output.status.code(), Some(exit), "{}", text(&output.stderr));
        let judged =
            ["gate", "--artifact=left", "--base=origin/main", "--head=abc", "--", "a", "b", "-"];
        let comment = ["github", "comment", "--check", "--artifact=left", "--base=origin/main"];
        let about = ["--head=abc", "--gate-id=gpu", "--scenario=a", "--scenario=b", "-", ""];
        let comment = [&comment[..], &about].concat();
        assert_eq!(runner.read("said"), [&judged[..], &comment].concat().join("\n"));
        assert_eq!(runner.read("outputs"), format!("exit={exit}\n"));
    }
}

/// The version that this checkout is of.
fn tag() -> String {
    format!("v{}", env!("CARGO_PKG_VERSION"))
}

/// Packs a program as a release has it; where its files are.
fn release(runner: &Runner) -> PathBuf {
    let name = format!("tokgate-{}-x86_64-unknown-linux-gnu", tag());
    let folder = runner.path("release");
    std::fs::create_dir_all(folder.join(&name)).unwrap();
    std::fs::write(folder.join(&name).join("tokgate"), "#!/bin/sh\necho tokgate released\n")
        .unwrap();
    let packed = format!("{name}.tar.gz");
    let script = format!(
        "chmod +x {name}/tokgate && tar -czf {packed} {name} && sha256sum -- {packed} > SHA256SUMS"
    );
    let done = Command::new("sh").current_dir(&folder).args(["-c", &script]).status().unwrap();
    assert!(done.success());
    folder
}

/// gh with the files of a release, which says of an attestation what it is told.
fn gh(runner: &Runner, release: &Path, attested: bool) {
    let script = format!(
        "#!/bin/sh\nprintf '%s ' \"$@\" >> \"$SAID\"\ncase \"$1 $*\" in\n\
         release*) cp {0}/*.tar.gz {0}/SHA256SUMS . ;;\n\
         attestation*--help*) ;;\n\
         attestation*) {1} ;;\nesac\n",
        release.display(),
        attested
    );
    runner.program("gh", &script);
}

const INSTALL: [(&str, &str); 2] = [("MODE", "install"), ("VERSION", "")];

#[test]
fn the_release_of_the_checkout_is_installed_where_its_checksum_and_attestation_are_right() {
    let runner = Runner::new();
    let release = release(&runner);
    gh(&runner, &release, true);
    let output = runner.step("install.sh", &INSTALL);
    assert_eq!(output.status.code(), Some(0), "{}{}", text(&output.stdout), text(&output.stderr));
    assert!(text(&output.stdout).contains("tokgate released"), "{}", text(&output.stdout));
    let folder = runner.read("paths");
    assert!(Path::new(folder.trim()).join("tokgate").is_file(), "{folder}");
    assert!(runner.read("said").contains(&format!("release download {}", tag())));
    assert!(runner.read("said").contains("--repo tokgate/tokgate --signer-workflow"));
}

#[test]
fn what_is_not_what_was_released_is_not_installed() {
    let runner = Runner::new();
    let release = release(&runner);
    gh(&runner, &release, false);
    let output = runner.step("install.sh", &INSTALL);
    assert_ne!(output.status.code(), Some(0), "an attestation that does not hold");
    gh(&runner, &release, true);
    let sums = std::fs::read_to_string(release.join("SHA256SUMS")).unwrap();
    let (hash, file) = sums.split_once("  ").unwrap();
    let other: String = hash.chars().rev().collect();
    for sums in [format!("{other}  {file}"), String::new(), format!("{hash}  x{file}")] {
        std::fs::write(release.join("SHA256SUMS"), &sums).unwrap();
        let output = runner.step("install.sh", &INSTALL);
        assert_ne!(output.status.code(), Some(0), "{sums}");
    }
    assert_eq!(runner.read("paths"), "", "none of them is on the path");
}

#[test]
fn what_is_no_version_and_no_mode_is_refused() {
    let runner = Runner::new();
    gh(&runner, Path::new("/nowhere"), true);
    for (mode, version) in [("install", "main"), ("install", "v1; rm x"), ("all", "source")] {
        let output = runner.step("install.sh", &[("MODE", mode), ("VERSION", version)]);
        assert_eq!(output.status.code(), Some(2), "{mode} {version}: {}", text(&output.stderr));
        assert!(text(&output.stdout).starts_with("::error title=tokgate::"), "{mode} {version}");
    }
    assert_eq!(runner.read("said"), "");
}

#[test]
fn a_build_is_of_the_actions_own_checkout_with_the_compiler_that_it_names() {
    let runner = Runner::new();
    let builds = "mkdir -p \"$RUNNER_TEMP/tokgate-source/bin\"\n\
                  cp \"$(dirname \"$0\")/tokgate\" \"$RUNNER_TEMP/tokgate-source/bin/\"\n";
    runner.program("tokgate", "#!/bin/sh\necho tokgate built\n");
    runner.program("rustup", "#!/bin/sh\necho rustup \"$@\" >> \"$SAID\"\n");
    runner.program("cargo", &format!("#!/bin/sh\necho cargo \"$@\" >> \"$SAID\"\n{builds}"));
    let output = runner.step("install.sh", &[("MODE", "install"), ("VERSION", "source")]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("tokgate built"), "{}", text(&output.stdout));
    let said = runner.read("said");
    let rust = env!("CARGO_PKG_RUST_VERSION");
    assert!(said.starts_with(&format!("rustup toolchain install {rust} ")), "{said}");
    let install = format!("cargo +{rust} install --locked --path {} ", root().display());
    assert!(said.contains(&install), "{said}");
    assert!(runner.read("paths").trim().ends_with("tokgate-source/bin"));
}

#[test]
fn a_program_that_is_there_is_taken_as_it_is() {
    let runner = Runner::new();
    runner.program("tokgate", FAKE);
    let output = runner.step("install.sh", &[("MODE", "gate"), ("VERSION", "installed")]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(
        (runner.read("said"), runner.read("paths")),
        ("--version\n-\n".to_owned(), String::new())
    );
}
