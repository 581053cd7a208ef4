//! The command of a launch: its placeholders, its environment, and what its options say.

use crate::driver::OpenError;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::process::Command;
use tokgate_core::case::Launch;

/// What the placeholders of a command stand for, name by name.
pub(crate) struct Words<'a>(pub(crate) &'a [(&'a str, &'a str)]);

impl Words<'_> {
    /// The text with every placeholder replaced.
    fn fill(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (name, value)| {
            text.replace(&format!("{{{name}}}"), value)
        })
    }

    /// The command of `launch`, ready to be started. `secret` is the variable that holds our own
    /// key: the command does not inherit it, unless the scenario hands it on.
    ///
    /// # Errors
    /// When there is no program, or a variable that is to be handed on is not set.
    pub(crate) fn command(
        &self,
        launch: &Launch,
        secret: Option<&str>,
    ) -> Result<Command, OpenError> {
        let mut words = launch.command.iter().map(|word| self.fill(word));
        let program = words.next().filter(|program| !program.is_empty());
        let program = program.ok_or_else(|| {
            OpenError::Invalid("`launch` has an empty command; name a program".to_owned())
        })?;
        let mut command = Command::new(program);
        command.args(words);
        if let Some(secret) = secret {
            command.env_remove(secret);
        }
        for (name, value) in &launch.env {
            command.env(name, self.value(value)?);
        }
        Ok(command)
    }

    /// The value of a variable; `env:NAME` is the value of ours.
    fn value(&self, written: &str) -> Result<String, OpenError> {
        let Some(name) = written.strip_prefix("env:") else {
            return Ok(self.fill(written));
        };
        std::env::var(name).map_err(|_| {
            OpenError::Invalid(format!("`launch.env` hands on {name}, which is not set; export it"))
        })
    }
}

/// What the options of a command say, by their names with underscores: `--max-model-len 4096`
/// is `max_model_len = 4096`, `--enable-prefix-caching` is true, `--no-enable-prefix-caching`
/// false.
pub(crate) fn settings(command: &[String]) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    let mut words = command.iter().skip(1).peekable();
    while let Some(word) = words.next() {
        let Some(option) = word.strip_prefix("--").filter(|option| !option.is_empty()) else {
            continue;
        };
        let (name, value) = match option.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (option, words.next_if(|next| !is_option(next)).map(String::as_str)),
        };
        match (name.strip_prefix("no-"), value) {
            (Some(denied), None) => found.insert(named(denied), json!(false)),
            (_, None) => found.insert(named(name), json!(true)),
            // What is filled in is known elsewhere, and the port is no setting.
            (_, Some(value)) if value.contains('{') => None,
            (_, Some(value)) => found.insert(named(name), typed(value)),
        };
    }
    // Keys and the like are no settings, and belong in no result.
    found.retain(|name, _| {
        !["key", "token", "secret", "password"].iter().any(|it| name.contains(it))
    });
    found
}

/// A word that begins with a hyphen is an option, unless it is a number.
fn is_option(word: &str) -> bool {
    word.starts_with('-') && word.parse::<f64>().is_err()
}

/// The name that results use. vLLM's chunked prefill is called as users of its logs know it.
fn named(option: &str) -> String {
    match option {
        "enable-chunked-prefill" => "chunked_prefill_enabled".to_owned(),
        option => option.replace('-', "_"),
    }
}

fn typed(value: &str) -> Value {
    match value {
        "true" | "True" => json!(true),
        "false" | "False" => json!(false),
        value => serde_json::from_str::<serde_json::Number>(value)
            .map_or_else(|_| json!(value), Value::Number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn options_become_settings() {
        let command = words(
            "vllm serve org/model --max-model-len 4096 --gpu-memory-utilization=0.90 \
             --enable-prefix-caching --enable-chunked-prefill --kv-cache-dtype fp8 \
             --no-enable-log-requests --port {port} --api-key abc --seed -1",
        );
        let found = settings(&command);
        assert_eq!(found["max_model_len"], 4096);
        assert_eq!(found["gpu_memory_utilization"], 0.9);
        assert_eq!(found["enable_prefix_caching"], true);
        assert_eq!(found["chunked_prefill_enabled"], true);
        assert_eq!(found["kv_cache_dtype"], "fp8");
        assert_eq!(found["enable_log_requests"], false);
        assert_eq!(found["seed"], -1);
        for unsaid in ["api_key", "port"] {
            assert!(!found.contains_key(unsaid), "{found:?}");
        }
    }

    #[test]
    fn placeholders_are_replaced_and_our_key_stays_here() {
        let launch = Launch {
            command: words("serve {model} --port {port}"),
            env: BTreeMap::from([
                ("HOST".to_owned(), "127.0.0.1:{port}".to_owned()),
                ("SEARCH".to_owned(), "env:PATH".to_owned()),
            ]),
            ..crate::launch::server::plain_launch()
        };
        let filled = Words(&[("model", "m"), ("port", "81")]).command(&launch, Some("MY_KEY"));
        let filled = filled.unwrap();
        assert_eq!(filled.get_args().collect::<Vec<_>>(), ["m", "--port", "81"]);
        let env: BTreeMap<_, _> = filled.get_envs().collect();
        assert_eq!(env["HOST".as_ref() as &std::ffi::OsStr], Some("127.0.0.1:81".as_ref()));
        assert_eq!(env["MY_KEY".as_ref() as &std::ffi::OsStr], None, "taken away");
        assert!(env["SEARCH".as_ref() as &std::ffi::OsStr].is_some());
    }

    #[test]
    fn a_variable_that_is_not_set_is_named() {
        let env = BTreeMap::from([("A".to_owned(), "env:TOKGATE_TEST_NOT_SET".to_owned())]);
        let launch = Launch { env, ..crate::launch::server::plain_launch() };
        let error = Words(&[]).command(&launch, None).unwrap_err().to_string();
        assert!(error.contains("TOKGATE_TEST_NOT_SET"), "{error}");
    }
}
