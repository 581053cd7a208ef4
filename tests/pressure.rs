//! Pressure on this host: it is there when it is said to be, and gone with us, however we go.
#![cfg(target_os = "linux")]

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tokgate_core::pressure::{Pressure, TooMuch};
use tokgate_harness::pressure::{Held, StartError, start_as};

/// Names the process in which [`a_parent_to_be_killed`] is one.
const PARENT: &str = "TOKGATE_TEST_PARENT";
const MEMORY: u64 = 48 << 20;
/// How long a process may take to be gone; a healthy one takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(20);
const LONGEST: Duration = Duration::from_secs(120);

fn held(pressure: &Pressure, longest: Duration) -> Result<Held, StartError> {
    start_as(Path::new(env!("CARGO_BIN_EXE_tokgate")), pressure, longest)
}

fn some() -> Pressure {
    Pressure { memory_bytes: Some(MEMORY), memory_share: None, cpu_workers: 1 }
}

/// A field of `/proc/PID/status`; `None` when there is no such process, or only what is left of it.
fn status(process: u32, field: &str) -> Option<String> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let of =
        |name: &str| status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let alive = !of("State")?.trim_start().starts_with('Z');
    of(field).filter(|_| alive).map(|value| value.trim().to_owned())
}

/// Looks until there is something to see, or nobody would wait any longer.
fn seen<T>(mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        if let Some(seen) = look() {
            return Some(seen);
        }
        std::thread::yield_now();
    }
    None
}

#[test]
fn what_is_asked_for_is_held_and_given_back() {
    let mut held = held(&some(), LONGEST).unwrap();
    let process = held.process();
    let resident = status(process, "VmRSS").unwrap();
    let kibibytes: u64 = resident.trim_end_matches(" kB").parse().unwrap();
    let resident = kibibytes << 10;
    assert!((MEMORY..MEMORY + (64 << 20)).contains(&resident), "{resident}");
    // The one that waits, the one that listens, the one that spins.
    assert_eq!(status(process, "Threads").as_deref(), Some("3"));
    let score = std::fs::read_to_string(format!("/proc/{process}/oom_score_adj")).unwrap();
    assert_eq!(score.trim(), "1000");
    assert_eq!(held.ended_early(), None);
    drop(held);
    assert!(status(process, "State").is_none(), "{process} is still there");
}

#[test]
fn pressure_that_is_taken_away_is_missed() {
    let mut held = held(&some(), LONGEST).unwrap();
    let killed = Command::new("kill").args(["-KILL", &held.process().to_string()]).status();
    assert!(killed.unwrap().success());
    assert!(seen(|| held.ended_early()).unwrap().contains("was killed"));
}

#[test]
fn pressure_outlives_nobody() {
    let mut held =
        held(&Pressure { cpu_workers: 1, ..Pressure::default() }, Duration::ZERO).unwrap();
    assert!(seen(|| held.ended_early()).unwrap().contains("as long as it may"));
}

#[test]
fn too_much_is_refused_before_anything_is_started() {
    let refused = |pressure| held(&pressure, LONGEST).unwrap_err();
    let memory = Pressure { memory_bytes: Some(u64::MAX), ..Pressure::default() };
    assert!(matches!(refused(memory), StartError::TooMuch(TooMuch::Memory { .. })));
    let workers = Pressure { cpu_workers: u32::MAX, ..Pressure::default() };
    let told = refused(workers).to_string();
    assert!(told.contains("at most 4 a core"), "{told}");
}

#[test]
fn a_program_that_does_not_hold_pressure_is_no_success() {
    let error = start_as(Path::new("/bin/true"), &some(), LONGEST).unwrap_err();
    assert!(matches!(error, StartError::NotReady(_)), "{error}");
}

#[test]
fn an_order_that_makes_no_sense_is_used_wrongly() {
    let mut tokgate = Command::new(env!("CARGO_BIN_EXE_tokgate"));
    let output = tokgate.env("TOKGATE_PRESSURE", "memory=lots").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("TOKGATE_PRESSURE"));
}

#[test]
fn pressure_ends_when_its_parent_is_killed() {
    let mut parent = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "pressure::a_parent_to_be_killed", "--ignored", "--nocapture"])
        .env(PARENT, "yes")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(parent.stdout.take().unwrap()).lines().map_while(Result::ok);
    let process = lines.into_iter().find_map(|line| line.split_once("holds: ")?.1.parse().ok());
    let process: u32 = process.unwrap();
    assert!(status(process, "State").is_some());
    parent.kill().unwrap();
    parent.wait().unwrap();
    let gone = seen(|| status(process, "State").is_none().then_some(()));
    assert!(gone.is_some(), "{process} outlived its parent");
}

/// No test: what the one above kills.
#[test]
#[ignore = "the parent that another test starts and kills"]
fn a_parent_to_be_killed() {
    if std::env::var_os(PARENT).is_none() {
        return;
    }
    let held = held(&some(), LONGEST).unwrap();
    writeln!(std::io::stdout(), "holds: {}", held.process()).unwrap();
    drop(std::io::stdin().read(&mut [0]));
}
