//! The bench targets of this workspace, built as `cargo test --workspace` builds them: where that was
//! done before, nothing is built again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The bench target `scenarios` of the package in `folder`, relative to this repository's.
pub(crate) fn bench_target(folder: &str) -> &'static Path {
    static BUILT: OnceLock<BTreeMap<PathBuf, PathBuf>> = OnceLock::new();
    let manifest = root().join(folder).join("Cargo.toml");
    let built = BUILT.get_or_init(build);
    built.get(&manifest).unwrap_or_else(|| panic!("{} is not in {built:?}", manifest.display()))
}

/// This repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Cargo itself, without the network, in this repository.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
    command.current_dir(root()).args(arguments).args(profile());
    command.args(["--locked", "--offline", "--workspace", "--bench", "scenarios"]);
    without_ours(&mut command);
    command
}

/// Takes out what the caller's environment may tell the program that is called.
pub(crate) fn without_ours(command: &mut Command) {
    let is_ours = |name: &str| name.starts_with("TOKGATE_") || name.starts_with("NEXTEST");
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(is_ours) {
            command.env_remove(name);
        }
    }
}

/// That of this test, so that what was built with it fits.
fn profile() -> &'static [&'static str] {
    if cfg!(debug_assertions) { &[] } else { &["--release"] }
}

/// The bench targets by the manifests of their packages.
fn build() -> BTreeMap<PathBuf, PathBuf> {
    let built = cargo(&["test", "--no-run", "--message-format", "json"]).output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let lines = String::from_utf8(built.stdout).unwrap();
    let parsed = lines.lines().filter_map(|line| serde_json::from_str(line).ok());
    parsed
        .filter_map(|line: serde_json::Value| {
            let path = |key: &str| Some(PathBuf::from(line[key].as_str()?));
            let is_bench = line["target"]["kind"][0] == "bench";
            is_bench.then(|| Some((path("manifest_path")?, path("executable")?))).flatten()
        })
        .collect()
}
