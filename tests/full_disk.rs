//! A disk that is full, and one that takes no writes: the run ends with its path told, and what was
//! measured is there. `scripts/full_disk.sh` makes the disk, and tells how long the end took.
#![cfg(target_os = "linux")]

use crate::faces::text;
use std::path::Path;
use std::process::Command;

/// What the script ends with where it cannot mount anything.
const SKIPPED: i32 = 77;

#[test]
fn a_full_disk_ends_a_run_with_its_path_and_room_lets_it_go_on() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/full_disk.sh");
    let output =
        Command::new("sh").arg(script).arg(env!("CARGO_BIN_EXE_tokgate")).output().unwrap();
    let told = text(&output.stdout);
    if output.status.code() == Some(SKIPPED) {
        eprintln!("{told}");
        return;
    }
    assert!(output.status.success(), "{told}{}", text(&output.stderr));
    assert!(told.contains("full: code 5, 1 announced"), "{told}");
    assert!(
        told.contains("told: could not measure case::filling: cannot append to r/raw/"),
        "{told}"
    );
    assert!(told.contains("No space left on device") && told.contains("run --resume"), "{told}");
    assert_eq!(told.matches("check: code 0").count(), 2, "{told}");
    // 3 where the host disturbed it.
    assert!(told.contains("resumed: code 0") || told.contains("resumed: code 3"), "{told}");
    assert!(told.contains("again: code 0, no run in r is left to go on with"), "{told}");
    assert!(told.contains("read-only: code 5") && told.contains("Read-only file system"), "{told}");
    for call in ["list", "report summary", "db check --quick"] {
        assert!(told.contains(&format!("read-only {call}: code 0")), "{told}");
    }
}

/// A file may not grow beyond what `ulimit -f` allows: the write fails, and nobody is killed.
#[test]
fn a_file_that_may_grow_no_more_is_a_full_disk_and_no_end_of_us() {
    const SCENARIO: &str = r#"
schema = 1
[target]
driver = "simulated"
simulation = { ttft_ms = 1, itl_ms = 0.1 }
[dataset]
prompt_tokens = 8
output_tokens = 256
[[case]]
name = "one"
kind = "generation"
workload = { requests = 200, concurrency = 8, warmup = 0 }
"#;
    let folder = crate::faces::with_scenario(SCENARIO);
    let call = crate::faces::command(folder.path(), &["run", "case.toml", "--results-dir", "r"]);
    let mut limited = Command::new("sh");
    // Blocks of 512 bytes or of 1024, by the shell: less than what 200 answers take, more than the index.
    limited.args(["-c", "ulimit -f 1200; exec \"$0\" \"$@\""]);
    limited.arg(call.get_program()).args(call.get_args()).current_dir(folder.path());
    let output = limited.env("XDG_DATA_HOME", folder.path()).output().unwrap();
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(5), "{told}");
    assert!(told.contains("cannot append to r/raw/") && told.contains("File too large"), "{told}");
}
