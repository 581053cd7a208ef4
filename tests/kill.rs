//! `kill -9` at random moments: what was announced is on the disk, and the run can be gone on with.
//!
//! Twelve kills with the tests; `scripts/kill9.sh` makes as many as it is told to.
#![allow(clippy::print_stdout)]

use crate::faces::{code, text, with_scenario};
use crate::support::calls::{Running, announced, begun, call, ends, objects, shown, told};
use crate::support::is_disturbed;
use serde_json::Value;
use std::path::Path;
use std::time::{Duration, Instant};

/// Kills where nobody says how many.
const KILLS: u32 = 12;
/// Says how many.
const HOW_MANY: &str = "TOKGATE_TEST_KILLS";
/// Cases of a run.
const CASES: usize = 6;
/// A kill after an announcement comes within this.
const AT_ONCE: Duration = Duration::from_millis(1);

/// Many short epochs.
pub(crate) const MANY: &str = r#"
schema = 1
[target]
driver = "simulated"
simulation = { ttft_ms = 2, itl_ms = 1 }
[run]
epochs = 2
[dataset]
prompt_tokens = 8
output_tokens = 4
[[case]]
name = "many"
kind = "generation"
workload = { requests = 6, warmup = 0 }
matrix = { concurrency = [1, 2, 3, 4, 5, 6] }
"#;

/// A few of them: two of two cases.
pub(crate) fn few() -> String {
    MANY.replace("[1, 2, 3, 4, 5, 6]", "[1, 2]")
}

/// Numbers that differ and are the same every time (Numerical Recipes' generator).
struct Luck(u32);

impl Luck {
    /// Evenly below 1.
    fn share(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(self.0 >> 8) / f64::from(1 << 24)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.share() * end as f64) as usize
    }
}

/// When a kill comes.
enum Moment {
    /// So long after the start.
    After(Duration),
    /// So long after so many announcements.
    Announced(usize, Duration),
}

/// Measures until the moment; every event that was told until the end.
fn killed(folder: &Path, arguments: &[&str], moment: &Moment) -> Vec<Value> {
    let running = Running::start(folder, arguments);
    let began = Instant::now();
    let mut lines = Vec::new();
    match moment {
        Moment::After(time) => {
            let left = || time.checked_sub(began.elapsed());
            while let Some(left) = left() {
                match running.lines.recv_timeout(left) {
                    Ok(line) => lines.push(line),
                    // It has ended by itself, or the moment has come.
                    Err(_) => break,
                }
            }
        }
        Moment::Announced(count, time) => {
            lines.extend(running.lines.iter().take(*count));
            let read = Instant::now();
            while read.elapsed() < *time {
                std::hint::spin_loop();
            }
        }
    }
    let rest = running.killed();
    objects(&lines.join("\n")).into_iter().chain(rest).collect()
}

/// How many epochs a case has, and that no case is there twice.
fn refuse_twice(cases: &[Value]) {
    let mut names: Vec<&str> = cases.iter().map(|case| case["case"].as_str().unwrap()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), cases.len(), "a case is there twice");
}

/// What was announced is there, with the same figures.
fn find_announced(folder: &Path, run: &str, announced: &[Value]) {
    let shown = shown(folder, run);
    refuse_twice(&shown);
    for case in announced {
        assert!(
            shown.contains(case),
            "{} was announced and is another one: {shown:?}",
            case["case"]
        );
    }
}

/// One run that is killed, maybe again while it is gone on with, and then completed.
fn kill_once(number: u32, whole: Duration) {
    let mut luck = Luck(number.wrapping_mul(2_654_435_761));
    let folder = with_scenario(MANY);
    let mut moment = |announcements: usize| match number % 2 {
        0 => Moment::After(whole.mul_f64(luck.share())),
        _ => Moment::Announced(1 + luck.below(announcements), AT_ONCE.mul_f64(luck.share())),
    };
    let first = moment(CASES);
    let mut known = announced(&killed(folder.path(), &["run", "case.toml"], &first));
    let Some(run) = begun(folder.path()).pop() else {
        assert!(known.is_empty(), "{known:?} were announced of a run that nobody knows");
        return;
    };
    ends(folder.path(), &["db", "check"], 0);
    find_announced(folder.path(), &run, &known);
    // Every third one is killed again while it is gone on with.
    if number.is_multiple_of(3) {
        known.extend(announced(&killed(folder.path(), &["run", "--resume"], &moment(CASES))));
        ends(folder.path(), &["db", "check"], 0);
        find_announced(folder.path(), &run, &known);
    }
    complete(folder.path(), &run, &known);
}

fn complete(folder: &Path, run: &str, known: &[Value]) {
    let resumed = call(folder, &["run", "--resume", run, "--format", "jsonl"]);
    assert!(code(&resumed) == Some(0) || is_disturbed(&resumed), "{}", told(&resumed));
    let events = objects(&text(&resumed.stdout));
    refuse_twice(&announced(&events));
    let cases = shown(folder, run);
    assert_eq!(cases.len(), CASES, "{}", told(&resumed));
    assert!(cases.iter().all(|case| case["epochs"].as_array().unwrap().len() == 2));
    find_announced(folder, run, known);
    let checked = ends(folder, &["db", "check"], 0);
    assert!(!checked.contains("is not complete"), "{checked}");
}

#[test]
fn no_announced_case_is_lost_and_none_is_there_twice() {
    let kills = std::env::var(HOW_MANY).map_or(KILLS, |kills| kills.parse().unwrap());
    let folder = with_scenario(MANY);
    let began = Instant::now();
    let whole = call(folder.path(), &["run", "case.toml"]);
    assert!(code(&whole) == Some(0) || is_disturbed(&whole), "{}", told(&whole));
    let whole = began.elapsed();
    let began = Instant::now();
    for number in 0..kills {
        kill_once(number, whole);
        if (number + 1) % 25 == 0 {
            println!("{} kills in {:.0} s", number + 1, began.elapsed().as_secs_f64());
        }
    }
    println!(
        "{kills} kills in {:.0} s, a whole run takes {whole:.1?}",
        began.elapsed().as_secs_f64()
    );
}
