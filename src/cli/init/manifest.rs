//! What a crate's `Cargo.toml` needs for the bench target: added at its end, where nothing that stands there
//! can be hurt, and only when what is read afterwards is what was there and this.

use super::wanted::Origin;
use anyhow::{Context, Result, bail};
use toml::{Table, Value};

/// The name of the bench target.
const TARGET: &str = "scenarios";
/// Where the crate comes from.
const REPOSITORY: &str = "https://github.com/tokgate/tokgate";

/// The manifest with the bench target and the dependency; `None` where it has both.
///
/// # Errors
/// When it is no package's, is no TOML, or writes its tables so that nothing can be added at its end: the
/// message has what to add by hand.
pub(super) fn added(manifest: &str, origin: &Origin) -> Result<Option<String>> {
    let old: Table = manifest.parse().context("Cargo.toml")?;
    if !old.contains_key("package") {
        bail!(
            "Cargo.toml is a workspace's and no package's: call `tokgate init --bench` in a member's folder"
        );
    }
    let mut more = String::new();
    if !has_target(&old) {
        more.push_str(&target());
    }
    if !depends(&old) {
        more.push_str(&dependency(origin));
    }
    if more.is_empty() {
        return Ok(None);
    }
    let text = format!("{}\n{more}", manifest.trim_end_matches('\n').to_owned() + "\n");
    match text.parse::<Table>() {
        Ok(new) if keeps(&old, &new) => Ok(Some(text)),
        _ => bail!(
            "Cargo.toml is written so that nothing can be added at its end; add this yourself:\n{more}"
        ),
    }
}

fn has_target(manifest: &Table) -> bool {
    let benches = manifest.get("bench").and_then(Value::as_array);
    let is_it = |bench: &Value| bench.get("name").and_then(Value::as_str) == Some(TARGET);
    benches.is_some_and(|benches| benches.iter().any(is_it))
}

fn depends(manifest: &Table) -> bool {
    let has = |table: &str| manifest.get(table).is_some_and(|table| table.get("tokgate").is_some());
    has("dev-dependencies") || has("dependencies")
}

fn target() -> String {
    format!(
        "# `cargo bench` measures the scenarios; with `test = true`, `cargo test` reads and plans them.\n\
         [[bench]]\nname = \"{TARGET}\"\nharness = false\ntest = true\n"
    )
}

fn dependency(origin: &Origin) -> String {
    let which = match origin {
        Origin::Commit(hash) => format!("rev = \"{hash}\""),
        Origin::Release => format!("tag = \"v{}\"", env!("CARGO_PKG_VERSION")),
    };
    format!("\n[dev-dependencies.tokgate]\ngit = \"{REPOSITORY}\"\n{which}\n")
}

/// Whether everything that `old` says is in `new` as it was.
fn keeps(old: &Table, new: &Table) -> bool {
    old.iter().all(|(key, value)| match (value, new.get(key)) {
        (Value::Table(old), Some(Value::Table(new))) => keeps(old, new),
        (Value::Array(old), Some(Value::Array(new))) => new.starts_with(old),
        (old, new) => new == Some(old),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKAGE: &str = "[package]\nname = \"mine\"\nversion = \"1.0.0\"\n";

    fn add(manifest: &str) -> Result<Option<String>> {
        added(manifest, &Origin::Commit("a".repeat(40)))
    }

    #[test]
    fn a_target_and_a_dependency_are_added_once_and_all_else_stays() {
        let old = format!(
            "{PACKAGE}[dev-dependencies]\ncriterion = \"0.8\"\n[[bench]]\nname = \"other\""
        );
        let text = add(&old).unwrap().unwrap();
        assert!(text.starts_with(&old), "{text}");
        let new: Table = text.parse().unwrap();
        assert_eq!(new["bench"].as_array().unwrap().len(), 2);
        assert_eq!(new["dev-dependencies"]["criterion"].as_str(), Some("0.8"));
        assert_eq!(new["dev-dependencies"]["tokgate"]["rev"].as_str(), Some(&*"a".repeat(40)));
        assert_eq!(add(&text).unwrap(), None);
    }

    #[test]
    fn what_is_there_already_is_not_added() {
        let old = format!("{PACKAGE}[dependencies]\ntokgate = \"0.1\"\n");
        let new: Table = add(&old).unwrap().unwrap().parse().unwrap();
        assert!(!new.contains_key("dev-dependencies"), "{new:?}");
    }

    #[test]
    fn a_manifest_that_cannot_be_added_to_is_left_to_its_owner() {
        for old in ["bench = []\n", "dev-dependencies = { criterion = \"0.8\" }\n"] {
            let told = add(&format!("{old}{PACKAGE}")).unwrap_err().to_string();
            assert!(told.contains("[[bench]]") && told.contains("yourself"), "{told}");
        }
        assert!(add("[workspace]\nmembers = []\n").unwrap_err().to_string().contains("member"));
        assert!(add("[package").is_err());
    }
}
