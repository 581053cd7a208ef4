//! What `--a` and `--b` say: how a side differs from the scenario and from the other side.

use crate::cli::options::Options;
use anyhow::{Result, bail};
use tokgate_core::scenario::Override;

/// One side, as it is written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Variant {
    /// `--a` or `--b`.
    flag: &'static str,
    /// A target of `tokgate.toml`, or a driver.
    target: Option<String>,
    /// An address.
    base_url: Option<String>,
    /// A commit, by anything that git knows it by.
    pub(super) reference: Option<String>,
    /// Values of the scenario, by path.
    set: Vec<(String, String)>,
}

impl Variant {
    /// Reads the words of one side.
    ///
    /// # Errors
    /// When one of them is none of a target, an address and `KEY=VALUE`.
    pub(super) fn read(flag: &'static str, words: &[String]) -> Result<Self> {
        let variant = Self { flag, ..Self::default() };
        words.iter().try_fold(variant, |variant, word| variant.with(word))
    }

    fn with(mut self, word: &str) -> Result<Self> {
        let flag = self.flag;
        let is_address = word.split_once("://").is_some_and(|(scheme, _)| !scheme.contains('='));
        match word.split_once('=').filter(|_| !is_address) {
            _ if word.trim().is_empty() => {
                bail!("`{flag}` is empty; give a target, an address or KEY=VALUE")
            }
            None if is_address => self.base_url = Some(word.to_owned()),
            None => self.target = Some(word.to_owned()),
            Some(("url" | "base_url", url)) => self.base_url = Some(url.to_owned()),
            Some(("target", name)) => self.target = Some(name.to_owned()),
            Some(("ref", reference)) => self.reference = Some(reference.to_owned()),
            Some(("launch", line)) => self.set.push(launch(flag, line)?),
            Some((path, value)) => self.set.push((path.trim().to_owned(), value.trim().to_owned())),
        }
        Ok(self)
    }

    /// The options of this side: the common ones, and what it says over them.
    #[must_use]
    pub(super) fn over(&self, common: &Options) -> Options {
        let mut options = common.clone();
        options.target = self.target.clone().or(options.target);
        options.base_url = self.base_url.clone().or(options.base_url);
        options.strongest.extend(self.set.iter().map(|(path, value)| Override {
            path: path.clone(),
            value: value.clone(),
            source: self.flag.to_owned(),
        }));
        options
    }
}

/// A command line as the words of `target.launch.command`.
fn launch(flag: &str, line: &str) -> Result<(String, String)> {
    let Some(words) = shlex::split(line).filter(|words| !words.is_empty()) else {
        bail!("`{flag} launch={line}` is no command line: a quote is open, or it is empty");
    };
    let words = serde_json::Value::from(words);
    Ok(("target.launch.command".to_owned(), words.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> Result<Variant> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        Variant::read("--a", &words)
    }

    #[test]
    fn a_side_is_a_target_an_address_a_commit_or_values() {
        assert_eq!(read(&["fast"]).unwrap().target.as_deref(), Some("fast"));
        let url = "http://127.0.0.1:8000/v1?a=b";
        assert_eq!(read(&[url]).unwrap().base_url.as_deref(), Some(url));
        let both = read(&["ref=main", "model=small"]).unwrap();
        assert_eq!(both.reference.as_deref(), Some("main"));
        assert_eq!(both.set, [("model".to_owned(), "small".to_owned())]);
        assert!(read(&[" "]).is_err());
    }

    #[test]
    fn a_command_line_becomes_words() {
        let set = read(&["launch=./server --port {port} -m 'a b.gguf'"]).unwrap().set;
        assert_eq!(set[0].0, "target.launch.command");
        assert_eq!(set[0].1, r#"["./server","--port","{port}","-m","a b.gguf"]"#);
        assert!(read(&["launch=./server 'open"]).unwrap_err().to_string().contains("quote"));
    }

    #[test]
    fn what_a_side_says_is_stronger_than_what_both_have() {
        let common = Options { models: vec!["big".to_owned()], ..Options::default() };
        let overrides = read(&["model=small"]).unwrap().over(&common).overrides().unwrap();
        let models: Vec<&str> = overrides
            .iter()
            .filter(|one| one.path == "model")
            .map(|one| one.value.as_str())
            .collect();
        assert_eq!(models, ["\"big\"", "small"], "the last one wins");
    }
}
