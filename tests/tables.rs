//! Whole tables of the commands that ask, over what was really measured and what was imported: a served
//! model in two runs, and the rented machines of a file. The clock is handed to the program.

use crate::faces::{code, command, text};
use crate::mock::mock;
use jiff::{Timestamp, ToSpan};
use serde_json::Value;
use std::path::Path;
use tempfile::TempDir;

/// A served model at coding, on a rented machine; how busy the host of the tests is does not matter.
const SCENARIO: &str = r#"
schema = 1
[target]
driver = "openai"
runs_on = { instance = "g2-gpu-rtx4000a1-s" }
[dataset]
kind = "tasks"
category = "coding"
[workload]
requests = 12
concurrency = 4
warmup = 1
[validity]
client_busy = 1.0
send_lag_s = 60.0
steal = 1.0
others_cpu = 1.0
gap_s = 60.0
swapped_mib = 1e6
[[case]]
name = "coding"
kind = "generation"
"#;
const TASK: [&str; 2] = ["--task-category", "coding"];

/// Two runs of a served model beside two imported results.
fn measured() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    std::fs::write(path.join("coding.toml"), SCENARIO).unwrap();
    let server = mock("--model served-7b");
    let address = server.base_url();
    let imported =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/imports/earlier/instances.json");
    for _ in 0..2 {
        let run = ["run", "coding.toml", "--base-url", &address, "--models", "served-7b"];
        done(path, &run);
    }
    done(path, &["import", imported.to_str().unwrap()]);
    folder
}

fn done(folder: &Path, arguments: &[&str]) -> String {
    let output = command(folder, &[arguments, &["--results-dir", "r"]].concat()).output().unwrap();
    let told = text(&output.stdout);
    assert_eq!(code(&output), Some(0), "{arguments:?}: {told}{}", text(&output.stderr));
    told
}

/// An answer as it is shown, with one space between its cells.
fn shown(folder: &Path, arguments: &[&str]) -> String {
    let told = done(folder, arguments);
    let narrow = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    told.lines().map(narrow).collect::<Vec<_>>().join("\n")
}

/// The clock: so many days after the last measurement.
fn days_later(folder: &Path, days: i64) -> String {
    let status = object(folder, &["status"]);
    let last = Timestamp::from_microsecond(status["last_us"].as_i64().unwrap()).unwrap();
    (last + (24 * days).hours()).to_string()
}

fn object(folder: &Path, arguments: &[&str]) -> Value {
    serde_json::from_str(&done(folder, &[arguments, &["--format", "json"]].concat())).unwrap()
}

/// What differs from run to run: what the served model did, and the days.
fn filled(template: &str, folder: &Path) -> String {
    let all = object(folder, &[&["compare"], &TASK[..]].concat());
    let of = |model: &str| {
        let all = all["configurations"].as_array().unwrap();
        all.iter().find(|one| one["model"] == model).unwrap().clone()
    };
    let day = |model: &str| {
        let last = Timestamp::from_microsecond(of(model)["last_us"].as_i64().unwrap()).unwrap();
        last.strftime("%Y-%m-%d").to_string()
    };
    let served = |key: &str| of("served-7b")[key].as_f64().unwrap();
    let (tok_s, efficiency) = (served("tok_s"), served("efficiency"));
    // 0.52 USD/h / 3600 / tok/s * 1000, and tok/s / 0.52.
    assert!((served("cost_per_1k_usd") * tok_s - 0.52 / 3.6).abs() < 1e-9);
    assert!((efficiency * 0.52 - tok_s).abs() < 1e-6);
    template
        .replace("{tok_s}", &format!("{tok_s:.1}"))
        .replace("{cost}", &format!("{:.4}", served("cost_per_1k_usd")))
        .replace("{efficiency}", &format!("{efficiency:.1}"))
        .replace("{served}", &day("served-7b"))
        .replace("{rented}", &day("70B-AWQ"))
}

const COMPARED: &str = "\
GPU type GPUs VRAM GiB model task tok/s USD/1K USD/h efficiency runs confidence last
g2-gpu-rtx4000a1-s 1 20 served-7b coding {tok_s} {cost} 0.52 {efficiency} 2 medium {served}
g2-gpu-rtx4000a2-s 2 40 32B-AWQ coding 38.1 0.0076 1.04 36.6 1 low {rented}
g1-gpu-rtx6000-2 2 96 70B-AWQ coding 45.3 0.0184 3.00 15.1 1 low {rented}

32B-AWQ on g2-gpu-rtx4000a2-s: measured by another tool alone, and imported
70B-AWQ on g1-gpu-rtx6000-2: measured by another tool alone, and imported
! 2 of 3: low confidence, of a single run; measure again before you decide";

const RECOMMENDED: &str = "\
rank score GPU type GPUs VRAM GiB model task tok/s USD/1K USD/h efficiency runs confidence last
1 0.80 g2-gpu-rtx4000a2-s 2 40 32B-AWQ coding 38.1 0.0076 1.04 36.6 1 low {rented}
2 0.26 g1-gpu-rtx6000-2 2 96 70B-AWQ coding 45.3 0.0184 3.00 15.1 1 low {rented}

1. 32B-AWQ on g2-gpu-rtx4000a2-s: 38.1 tok/s, 36.6 for each USD an hour: 100 % of the best of 2; hardly relied on: 1 run; its size fits the preference `smallest` by 100 %
! a single run: results may vary, measure it again
! measured by another tool alone, and imported
2. 70B-AWQ on g1-gpu-rtx6000-2: 45.3 tok/s, 15.1 for each USD an hour: 41 % of the best of 2; hardly relied on: 1 run; its size fits the preference `smallest` by 0 %
! a single run: results may vary, measure it again
! measured by another tool alone, and imported
1 that does not fit is left out; --format json says why";

const STATUS: &str = "\
GPU type GPUs VRAM GiB model task tok/s USD/1K USD/h efficiency runs confidence last
g1-gpu-rtx6000-2 2 96 70B-AWQ coding 45.3 0.0184 3.00 15.1 1 low {rented}
g2-gpu-rtx4000a1-s 1 20 served-7b coding {tok_s} {cost} 0.52 {efficiency} 2 medium {served}
g2-gpu-rtx4000a2-s 2 40 32B-AWQ coding 38.1 0.0076 1.04 36.6 1 low {rented}

70B-AWQ on g1-gpu-rtx6000-2: measured by another tool alone, and imported
32B-AWQ on g2-gpu-rtx4000a2-s: measured by another tool alone, and imported
epochs: 4; runs: 4; models: 3
last measured {rented}
GPU types tested: 3 of 11
tested: g1-gpu-rtx6000-2, g2-gpu-rtx4000a1-s, g2-gpu-rtx4000a2-s
missing: g1-gpu-rtx6000-1, g1-gpu-rtx6000-3, g1-gpu-rtx6000-4, g2-gpu-rtx4000a4-s, g4dn.xlarge, g5.12xlarge, g5.xlarge, g6.xlarge
confidence: 0 high, 1 medium, 2 low; 0 stale";

#[test]
fn compare_recommend_and_status_show_these_tables() {
    let folder = measured();
    let path = folder.path();
    let now = days_later(path, 1);
    let by_value = ["--sort-by", "cost_efficiency", "--now", &now];
    let compared = shown(path, &[&["compare"], &TASK[..], &by_value].concat());
    assert_eq!(compared, filled(COMPARED, path));
    let wish = ["--budget", "1-3", "--prefer", "smallest", "--now", &now];
    let recommended = shown(path, &[&["recommend"], &TASK[..], &wish].concat());
    assert_eq!(recommended, filled(RECOMMENDED, path));
    assert_eq!(shown(path, &["status", "--now", &now]), filled(STATUS, path));
    stale(path);
    #[cfg(target_os = "linux")]
    asked(path, &now);
}

/// The same a month later: everything is stale, and said to be.
fn stale(folder: &Path) {
    let later = days_later(folder, 31);
    let compared = shown(folder, &["compare", "--now", &later]);
    assert!(compared.contains("! 3 of 3: stale"), "{compared}");
    assert_eq!(compared.matches(" (stale)").count(), 3, "{compared}");
    assert!(shown(folder, &["status", "--now", &later]).ends_with("; 3 stale"));
    let recommended = shown(folder, &["recommend", "--budget", "any", "--now", &later]);
    assert_eq!(recommended.matches("more than 30 days ago").count(), 3, "{recommended}");
}

/// The same wish by questions in a terminal.
#[cfg(target_os = "linux")]
fn asked(folder: &Path, now: &str) {
    let mut command = command(folder, &["recommend", "--results-dir", "r", "--now", now]);
    command.env_remove("CI").env_remove("NO_COLOR").env("TERM", "xterm");
    let mut terminal = crate::support::terminal::Terminal::start(command, 200);
    let (up, enter) = ("\u{1b}[A", "\r");
    for (question, keys) in [
        ("mostly asked for?", [up, up, up, enter].concat()),
        ("an hour cost?", [up, up, enter].concat()),
        ("size of model", [up, enter].concat()),
        ("How many tokens", enter.to_owned()),
    ] {
        terminal.waits_for(question);
        terminal.types(&keys);
    }
    let (code, told) = terminal.ended();
    assert_eq!(code, Some(0), "{told}");
    let narrow = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let told = told.lines().map(narrow).collect::<Vec<_>>().join("\n");
    assert!(told.contains(&filled(RECOMMENDED, folder)), "{told}");
}
