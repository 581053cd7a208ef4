//! Who may use whom. The table is the one of ARCHITECTURE.md; this test keeps it true.

use std::fs;
use std::path::{Path, PathBuf};

/// A place, and the words that must not occur in its code.
struct Rule {
    place: &'static str,
    must_not_name: &'static [&'static str],
}

const CLOCKS_FILES_ENVIRONMENT: &[&str] = &[
    "std::time",
    "SystemTime",
    "Instant::",
    "std::fs",
    "std::env",
    "std::net",
    "std::process",
    "std::thread",
    "tokio",
    "async fn",
    "println!",
    "eprintln!",
];

const RULES: &[Rule] = &[
    Rule { place: "core/src", must_not_name: CLOCKS_FILES_ENVIRONMENT },
    Rule {
        place: "core/src",
        must_not_name: &["tokgate_harness", "tokgate_baseline", "rusqlite", "reqwest"],
    },
    Rule { place: "baseline/src", must_not_name: CLOCKS_FILES_ENVIRONMENT },
    Rule {
        place: "baseline/src",
        must_not_name: &["tokgate_harness", "rusqlite", "reqwest", "rand::rng"],
    },
    Rule {
        place: "harness/src",
        must_not_name: &["tokgate_baseline", "rusqlite", "indicatif", "clap", "println!"],
    },
    Rule { place: "src/figure", must_not_name: CLOCKS_FILES_ENVIRONMENT },
    Rule {
        place: "src/figure",
        must_not_name: &[
            "crate::store",
            "crate::server",
            "crate::github",
            "crate::cli",
            "crate::pipeline",
            "crate::decided",
            "tokgate_harness",
            "rusqlite",
        ],
    },
    Rule {
        place: "src/part",
        must_not_name: &[
            "crate::cli",
            "crate::report",
            "crate::server",
            "crate::pipeline",
            "crate::session",
            "tokgate_baseline",
            "rusqlite",
            "object_store",
        ],
    },
    Rule { place: "src/plot", must_not_name: CLOCKS_FILES_ENVIRONMENT },
    Rule {
        place: "src/plot",
        must_not_name: &[
            "crate::store",
            "crate::server",
            "crate::github",
            "crate::cli",
            "crate::report",
            "crate::pipeline",
            "tokgate_harness",
            "tokgate_baseline",
            "rusqlite",
        ],
    },
    Rule {
        place: "src/report",
        must_not_name: &[
            "crate::store",
            "crate::server",
            "crate::github",
            "crate::cli",
            "crate::pipeline",
            "crate::again",
            "crate::decided",
            "crate::paired",
            "tokgate_harness",
            "std::fs",
            "rusqlite",
        ],
    },
    Rule {
        place: "src/store",
        must_not_name: &[
            "crate::report",
            "crate::server",
            "crate::github",
            "crate::cli",
            "crate::pipeline",
            "crate::again",
            "crate::decided",
            "crate::paired",
            "tokgate_harness",
        ],
    },
    Rule {
        place: "src/rows",
        must_not_name: &[
            "crate::cli",
            "crate::report",
            "crate::server",
            "crate::github",
            "crate::pipeline",
            "crate::session",
            "crate::part",
            "FileStore",
            "tokgate_harness",
            "tokgate_baseline",
            "rusqlite",
            "println!",
        ],
    },
    Rule {
        place: "src/imports",
        must_not_name: &[
            "crate::cli",
            "crate::report",
            "crate::store",
            "crate::pipeline",
            "tokgate_harness",
            "tokgate_baseline",
            "std::fs",
            "SystemTime",
            "Instant::",
            "Timestamp::now",
            "println!",
        ],
    },
    Rule {
        place: "src/server",
        must_not_name: &[
            "crate::cli",
            "crate::github",
            "crate::pipeline",
            "crate::again",
            "crate::decided",
            "crate::paired",
            "crate::session",
            "crate::mock",
            "crate::notify",
            "crate::prompt",
            "tokgate_harness",
            "rusqlite",
            "reqwest",
            "std::fs",
            "std::process",
            "FileStore",
            "Journal",
            "println!",
        ],
    },
    Rule {
        place: "src/push",
        must_not_name: &[
            "crate::cli",
            "crate::report",
            "crate::server",
            "crate::github",
            "crate::pipeline",
            "crate::session",
            "rusqlite",
            "reqwest",
            "println!",
        ],
    },
    Rule {
        place: "src/live",
        must_not_name: &[
            "crate::cli",
            "crate::report",
            "crate::server",
            "crate::github",
            "crate::pipeline",
            "crate::session",
            "crate::notify",
            "FileStore",
            "rusqlite",
            "println!",
        ],
    },
    Rule {
        place: "src/mock",
        must_not_name: &[
            "crate::store",
            "crate::report",
            "crate::cli",
            "crate::pipeline",
            "crate::again",
            "crate::decided",
            "crate::paired",
            "crate::session",
            "tokgate_harness::clock",
            "tokgate_harness::driver",
            "tokgate_harness::http",
            "tokgate_harness::measure",
            "tokgate_harness::recorder",
            "tokgate_harness::wire",
            "tokgate_baseline",
            "rusqlite",
            "reqwest",
            "println!",
        ],
    },
    Rule {
        place: "src/config.rs",
        must_not_name: &["crate::cli", "crate::store", "crate::report", "tokgate_harness"],
    },
    Rule {
        place: "src/datasets.rs",
        must_not_name: &["crate::cli", "crate::store", "crate::report", "tokgate_harness"],
    },
    Rule {
        place: "src/merge",
        must_not_name: &[
            "crate::cli",
            "crate::report",
            "crate::server",
            "crate::github",
            "crate::pipeline",
            "crate::again",
            "crate::decided",
            "tokgate_harness",
            "tokgate_baseline",
            "rusqlite",
            "Instant::",
            "println!",
        ],
    },
    Rule { place: "src/baselines.rs", must_not_name: &["crate::cli", "tokgate_harness"] },
    Rule {
        place: "src/earlier.rs",
        must_not_name: &["crate::cli", "crate::report", "tokgate_harness"],
    },
    Rule { place: "src/driver.rs", must_not_name: &["crate::", "fn "] },
    Rule { place: "src/choice.rs", must_not_name: &["crate::", "fn "] },
    Rule {
        place: "src/prompt.rs",
        must_not_name: &[
            "crate::cli",
            "crate::store",
            "crate::report",
            "crate::pipeline",
            "println!",
        ],
    },
    Rule { place: "src/git.rs", must_not_name: &["crate::", "tokgate_harness"] },
    Rule {
        place: "src/history",
        must_not_name: &[
            "crate::cli",
            "crate::report",
            "crate::git",
            "crate::pipeline",
            "crate::again",
            "crate::decided",
            "crate::paired",
            "tokgate_harness",
            "std::fs",
            "rusqlite",
        ],
    },
    Rule {
        place: "src/notify",
        must_not_name: &[
            "crate::cli",
            "crate::store",
            "crate::pipeline",
            "crate::again",
            "crate::decided",
            "crate::paired",
            "crate::session",
            "crate::github",
            "reqwest",
            "println!",
        ],
    },
    Rule {
        place: "src/mcp",
        must_not_name: &[
            "crate::cli",
            "crate::server",
            "crate::github",
            "crate::pipeline",
            "crate::session",
            "crate::again",
            "crate::decided",
            "crate::paired",
            "tokgate_harness",
            "tokgate_baseline",
            "rusqlite",
            "println!",
        ],
    },
    Rule {
        place: "src/github",
        must_not_name: &[
            "crate::cli",
            "crate::store",
            "crate::pipeline",
            "crate::again",
            "crate::decided",
            "crate::paired",
            "crate::session",
            "crate::baselines",
            "crate::history",
            "tokgate_harness",
            "tokgate_baseline",
            "rusqlite",
            "println!",
        ],
    },
    Rule { place: "src/pipeline.rs", must_not_name: &["crate::cli", "crate::again"] },
    Rule { place: "src/paired", must_not_name: &["crate::cli", "crate::report", "rusqlite"] },
    Rule { place: "src/decided.rs", must_not_name: &["crate::cli", "tokgate_harness"] },
    Rule { place: "src/again.rs", must_not_name: &["crate::cli", "tokgate_harness"] },
    Rule {
        place: "src/project.rs",
        must_not_name: &["crate::cli", "crate::store", "crate::report", "tokgate_harness"],
    },
];

/// Dependencies that a package may have of ours, and some that it must not have at all.
const MANIFESTS: &[(&str, &[&str])] = &[
    ("core/Cargo.toml", &["tokgate-", "tokio", "reqwest", "rusqlite", "clap"]),
    ("baseline/Cargo.toml", &["tokgate-harness", "tokio", "reqwest", "rusqlite", "clap"]),
    ("harness/Cargo.toml", &["tokgate-baseline", "rusqlite", "clap", "indicatif"]),
];

#[test]
fn nobody_uses_whom_they_must_not() {
    let mut broken = Vec::new();
    for rule in RULES {
        for file in rust_files(&root().join(rule.place)).into_iter().filter(|file| !is_test(file)) {
            let code = code_of(&fs::read_to_string(&file).unwrap());
            for word in rule.must_not_name {
                if code.contains(word) {
                    broken.push(format!("{} names {word}", file.display()));
                }
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn every_rule_is_about_files_that_exist() {
    for rule in RULES {
        assert!(!rust_files(&root().join(rule.place)).is_empty(), "{} has no code", rule.place);
    }
}

#[test]
fn packages_depend_only_on_whom_they_may() {
    for (manifest, banned) in MANIFESTS {
        let text = fs::read_to_string(root().join(manifest)).unwrap();
        let parsed: toml::Table = text.parse().unwrap();
        let named = parsed["dependencies"].as_table().unwrap().keys();
        for name in named {
            let bad = banned.iter().find(|word| name.starts_with(**word));
            assert!(bad.is_none(), "{manifest} depends on {name}");
        }
    }
}

#[test]
fn files_keep_to_one_noun() {
    const LONGEST: usize = 500;
    for place in ["core/src", "harness/src", "baseline/src", "src", "tests", "benches"] {
        for file in rust_files(&root().join(place)) {
            let lines = fs::read_to_string(&file).unwrap().lines().count();
            assert!(
                lines <= LONGEST,
                "{} has {lines} lines: is there a second noun inside?",
                file.display()
            );
        }
    }
}

#[test]
fn only_the_verdict_says_regressed() {
    // Everyone else may read and match the word, but nobody else decides it.
    for place in ["core/src", "harness/src", "src"] {
        for file in rust_files(&root().join(place)) {
            let code = code_of(&fs::read_to_string(&file).unwrap());
            let decides = code.lines().any(|line| {
                line.contains("Verdict::Regressed")
                    && (line.contains("verdict: ") || line.contains("return "))
            });
            assert!(!decides, "{} decides a regression", file.display());
        }
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(place: &Path) -> Vec<PathBuf> {
    if place.is_file() {
        return vec![place.to_owned()];
    }
    let Ok(entries) = fs::read_dir(place) else {
        return Vec::new();
    };
    entries
        .map(|entry| entry.unwrap().path())
        .flat_map(|path| match path.is_dir() {
            true => rust_files(&path),
            false if path.extension().is_some_and(|ending| ending == "rs") => vec![path],
            false => Vec::new(),
        })
        .collect()
}

/// Whether a file holds tests only: its parent declares it behind `#[cfg(test)]`.
fn is_test(file: &Path) -> bool {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let folder = file.parent().unwrap();
    let declaration = format!("#[cfg(test)]\nmod {stem};");
    [folder.join("mod.rs"), folder.join("lib.rs"), folder.with_extension("rs")]
        .iter()
        .filter_map(|parent| fs::read_to_string(parent).ok())
        .any(|parent| parent.contains(&declaration))
}

/// The code without comments and without the tests at its end.
fn code_of(text: &str) -> String {
    let before_tests = text.split("#[cfg(test)]").next().unwrap_or_default();
    before_tests
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
}
