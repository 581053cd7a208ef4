//! The pages under docs/: they make a book, their links lead somewhere, and the dashboard asks for what there is.

use crate::serve::filled;
use crate::support::served::Served;
use regex::Regex;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The Markdown files of a folder and below.
fn pages(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let is_page = |path: &PathBuf| path.extension().is_some_and(|it| it == "md");
    let below = folders.iter().flat_map(|folder| pages(folder));
    files.into_iter().filter(is_page).chain(below).collect()
}

/// What a page says outside of its code.
fn prose(page: &Path) -> String {
    let text = fs::read_to_string(page).unwrap();
    let mut is_code = false;
    let lines = text.lines().filter(|line| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Where the links of a page lead.
fn links(page: &Path) -> Vec<String> {
    let link = Regex::new(r"\]\(([^)\s]+)\)").unwrap();
    let prose = prose(page);
    link.captures_iter(&prose).map(|found| found[1].to_owned()).collect()
}

/// The anchors of a page, as GitHub and mdBook make them of headings.
fn anchors(page: &Path) -> BTreeSet<String> {
    let prose = prose(page);
    let headings = prose.lines().filter(|line| line.starts_with('#'));
    headings.map(|line| anchor(line.trim_start_matches('#').trim())).collect()
}

fn anchor(heading: &str) -> String {
    let kept = |it: &char| it.is_alphanumeric() || matches!(it, ' ' | '-' | '_');
    let lower = heading.to_lowercase();
    lower.chars().filter(kept).map(|it| if it == ' ' { '-' } else { it }).collect()
}

/// A path without its `..`.
fn plain(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut plain, part| {
        match part {
            Component::ParentDir => drop(plain.pop()),
            part => plain.push(part),
        }
        plain
    })
}

/// What is wrong with a link of a page, if anything.
fn broken(page: &Path, link: &str, within: &Path) -> Option<String> {
    if link.contains("://") || link.starts_with("mailto:") {
        return None;
    }
    let (file, place) = link.split_once('#').unwrap_or((link, ""));
    let target = match file {
        "" => page.to_owned(),
        file => plain(&page.parent().unwrap().join(file)),
    };
    let told = |what: &str| Some(format!("{}: {link} {what}", page.display()));
    if !target.starts_with(within) {
        return told("leads out of what is published together: write its address");
    }
    if !target.exists() {
        return told("is not there");
    }
    let is_page = target.extension().is_some_and(|it| it == "md");
    match is_page && !place.is_empty() && !anchors(&target).contains(place) {
        true => told("has no such heading"),
        false => None,
    }
}

#[test]
fn every_page_is_in_the_book_once() {
    let docs = root().join("docs");
    let summary = docs.join("SUMMARY.md");
    let mut listed: Vec<PathBuf> = links(&summary).iter().map(|link| docs.join(link)).collect();
    let mut there = pages(&docs);
    there.retain(|page| *page != summary);
    listed.sort();
    there.sort();
    assert_eq!(listed, there);
}

#[test]
fn every_link_of_the_pages_leads_somewhere() {
    let docs = root().join("docs");
    let of_book = pages(&docs).into_iter().map(|page| (page, docs.clone()));
    let names = ["README.md", "CONTRIBUTING.md", "ARCHITECTURE.md", "scenarios/README.md"];
    let of_root = names.iter().map(|name| (root().join(name), root().to_owned()));
    let wrong: Vec<String> = of_book
        .chain(of_root)
        .flat_map(|(page, within)| {
            let links = links(&page);
            links.into_iter().filter_map(move |link| broken(&page, &link, &within))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_link_that_leads_nowhere_is_found() {
    let page = root().join("docs/REST.md");
    for link in ["NOWHERE.md", "CHOOSING.md#nowhere", "../README.md", "#nowhere"] {
        assert!(broken(&page, link, &root().join("docs")).is_some(), "{link}");
    }
}

/// The values of `key` anywhere below.
fn values(of: &Value, key: &str) -> Vec<String> {
    match of {
        Value::Object(map) => {
            let own = map.get(key).and_then(Value::as_str).map(str::to_owned);
            own.into_iter().chain(map.values().flat_map(|value| values(value, key))).collect()
        }
        Value::Array(all) => all.iter().flat_map(|value| values(value, key)).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn the_dashboard_for_grafana_asks_for_metrics_and_labels_that_there_are() {
    let folder = filled(1);
    let told = Served::start(folder.path(), &[]).get("/metrics").body;
    let text = fs::read_to_string(root().join("docs/grafana/tokgate.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    let asked = [values(&dashboard, "expr"), values(&dashboard, "definition")].concat();
    assert!(asked.len() > 10, "{asked:?}");
    let metric = Regex::new(r"tokgate_\w+").unwrap();
    for name in asked.iter().flat_map(|asked| metric.find_iter(asked)) {
        assert!(told.contains(&format!("# TYPE {} ", name.as_str())), "{}", name.as_str());
    }
    let label = Regex::new(r#"(\w+)=~?""#).unwrap();
    let legends = values(&dashboard, "legendFormat").join(" ");
    let shown = Regex::new(r"\{\{(\w+)\}\}").unwrap();
    let labels = asked.iter().flat_map(|asked| label.captures_iter(asked));
    for name in labels.chain(shown.captures_iter(&legends)).map(|found| found[1].to_owned()) {
        assert!(told.contains(&format!("{name}=\"")), "{name}");
    }
}
