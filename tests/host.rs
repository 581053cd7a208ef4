//! What this host can hold of a load, as the command line says it.

use crate::faces::{code, command, text};
use crate::mock::mock;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;
use tokgate::mock::Server;

fn scenario(server: &Server, concurrency: u32) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        "schema = 1\n[target]\ndriver = \"openai\"\nbase_url = \"{}\"\nmodel = \"mock\"\n\
         [dataset]\nprompt_tokens = 4\noutput_tokens = 2\n\
         [[case]]\nname = \"many\"\nkind = \"generation\"\n\
         workload = {{ concurrency = {concurrency}, requests = {concurrency}, warmup = 0 }}\n",
        server.base_url()
    );
    fs::write(folder.path().join("many.toml"), text).unwrap();
    folder
}

/// A run that may have 200 files open.
fn with_few_files(folder: &Path, more: &[&str]) -> Output {
    let run = command(folder, &[&["run", "many.toml", "--results-dir", "r"], more].concat());
    let mut shell = Command::new("bash");
    shell.args(["-c", "ulimit -n 200; exec \"$@\"", "bash"]).arg(run.get_program());
    shell.args(run.get_args()).current_dir(folder).env("XDG_DATA_HOME", folder);
    shell.output().unwrap()
}

#[test]
fn a_load_that_needs_more_files_than_may_be_open_is_refused_by_name() {
    let server = mock("");
    let output = with_few_files(scenario(&server, 150).path(), &[]);
    let told = text(&output.stderr);
    assert_eq!(code(&output), Some(3), "{told}");
    assert!(told.contains("214 file descriptors") && told.contains("may have 200"), "{told}");
    assert_eq!(server.truth().counts.requests, 0);
}

#[test]
fn a_load_that_nearly_needs_as_many_is_told_so_and_sent() {
    let server = mock("");
    let output = with_few_files(scenario(&server, 120).path(), &[]);
    let told = text(&output.stderr);
    assert!(told.contains("near the limit of this host: this load needs 184"), "{told}");
    assert_eq!(server.truth().counts.successes, 120);
    let output = with_few_files(scenario(&server, 60).path(), &[]);
    assert!(!text(&output.stderr).contains("near the limit"), "{}", text(&output.stderr));
}

#[test]
#[cfg(feature = "parquet")]
fn a_worker_needs_no_more_than_its_part() {
    let server = mock("");
    let part = ["--shard", "0/2", "--start-at", "2026-01-01T00:00:00Z", "--out", "out"];
    let output = with_few_files(scenario(&server, 150).path(), &part);
    assert_eq!(code(&output), Some(0), "{}", text(&output.stderr));
    assert_eq!(server.truth().counts.successes, 75);
}
