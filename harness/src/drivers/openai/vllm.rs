//! The settings of a vLLM server that nobody of ours has started: it tells some of them among its
//! counters, as the labels of `vllm:cache_config_info` (vLLM, docs/usage/metrics).

use crate::http::{Address, fetch};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The labels that are settings, and the names that vLLM's own options give them.
const SETTINGS: [(&str, &str); 6] = [
    ("block_size", "block_size"),
    ("cache_dtype", "kv_cache_dtype"),
    ("enable_prefix_caching", "enable_prefix_caching"),
    ("gpu_memory_utilization", "gpu_memory_utilization"),
    ("kv_cache_size_tokens", "kv_cache_size_tokens"),
    ("num_gpu_blocks", "num_gpu_blocks"),
];

/// What the server tells; nothing where its counters are switched off.
pub(crate) async fn settings(address: &Address) -> BTreeMap<String, Value> {
    match fetch(address.get_at_root("/metrics"), address).await {
        Ok(page) => settings_in(&page.body),
        Err(_) => BTreeMap::new(),
    }
}

fn settings_in(page: &str) -> BTreeMap<String, Value> {
    let labels = page.lines().find_map(|line| line.strip_prefix("vllm:cache_config_info{"));
    let Some((labels, _)) = labels.and_then(|line| line.rsplit_once('}')) else {
        return BTreeMap::new();
    };
    let labels = format!(",{labels}");
    let value_of = |label: &str| {
        // Labels are separated by commas; a value ends at its quote.
        let (_, rest) = labels.split_once(&format!(",{label}=\""))?;
        let (value, _) = rest.split_once('"')?;
        Some(json_of(value))
    };
    SETTINGS
        .into_iter()
        .filter_map(|(label, name)| Some((name.to_owned(), value_of(label)?)))
        .filter(|(_, value)| !value.is_null())
        .collect()
}

/// Python's words as JSON.
fn json_of(word: &str) -> Value {
    match word {
        "True" => json!(true),
        "False" => json!(false),
        "None" => Value::Null,
        word => serde_json::from_str::<serde_json::Number>(word)
            .map_or_else(|_| json!(word), Value::Number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_settings_of_a_real_server_are_read() {
        let page = include_str!("../../../../tests/recorded/vllm-0.32.0-cpu-metrics.txt");
        let settings = settings_in(page);
        assert_eq!(settings["gpu_memory_utilization"], 0.92);
        assert_eq!(settings["enable_prefix_caching"], true);
        assert_eq!(settings["kv_cache_dtype"], "auto");
        assert_eq!(settings["num_gpu_blocks"], 364);
        assert!(settings_in("# nothing\n").is_empty());
    }
}
