//! What the target's own metrics say (vLLM, SGLang, TGI, llama.cpp), in our names, and what a DCGM
//! exporter says of the GPUs of another machine.

use crate::wire::exposition::{Series, series};
use std::collections::BTreeMap;
use tokgate_core::run::GpuSample;
use tokgate_core::serving::{
    CACHE_USE, OUTPUT_TOKENS, PREEMPTIONS, PREFIX_HITS, PREFIX_QUERIES, PROMPT_TOKENS, RUNNING,
    WAITING,
};

/// A server's name for something, and ours. Of one name several series are added up: engines of one
/// server count apart.
const NAMES: &[(&str, &str)] = &[
    ("vllm:num_requests_running", RUNNING),
    ("vllm:num_requests_waiting", WAITING),
    ("vllm:kv_cache_usage_perc", CACHE_USE),
    ("vllm:gpu_cache_usage_perc", CACHE_USE), // before 0.9
    ("vllm:prefix_cache_queries_total", PREFIX_QUERIES),
    ("vllm:prefix_cache_hits_total", PREFIX_HITS),
    ("vllm:gpu_prefix_cache_queries_total", PREFIX_QUERIES),
    ("vllm:gpu_prefix_cache_hits_total", PREFIX_HITS),
    ("vllm:num_preemptions_total", PREEMPTIONS),
    ("vllm:prompt_tokens_total", PROMPT_TOKENS),
    ("vllm:generation_tokens_total", OUTPUT_TOKENS),
    ("sglang:num_running_reqs", RUNNING),
    ("sglang:num_queue_reqs", WAITING),
    ("sglang:token_usage", CACHE_USE),
    ("sglang:prompt_tokens_total", PROMPT_TOKENS),
    ("sglang:generation_tokens_total", OUTPUT_TOKENS),
    ("tgi_batch_current_size", RUNNING),
    ("tgi_queue_size", WAITING),
    ("tgi_request_input_length_sum", PROMPT_TOKENS),
    ("tgi_request_generated_tokens_sum", OUTPUT_TOKENS),
    ("llamacpp:requests_processing", RUNNING),
    ("llamacpp:requests_deferred", WAITING),
    ("llamacpp:kv_cache_usage_ratio", CACHE_USE), // until 2025
    ("llamacpp:prompt_tokens_total", PROMPT_TOKENS),
    ("llamacpp:tokens_predicted_total", OUTPUT_TOKENS),
];

/// Of several engines the fullest counts: shares do not add up.
const SHARES: [&str; 1] = [CACHE_USE];

/// Bytes of the mebibytes that DCGM counts memory in.
const MIB: f64 = 1_048_576.0;

/// What the text of a server's metrics says, by our names; empty for a text of anything else.
#[must_use]
pub(super) fn serving(text: &str) -> BTreeMap<String, f64> {
    let mut said: BTreeMap<String, f64> = BTreeMap::new();
    for Series { name, value, .. } in series(text) {
        let Some((_, ours)) = NAMES.iter().find(|(theirs, _)| *theirs == name) else { continue };
        said.entry((*ours).to_owned())
            .and_modify(|sum| {
                *sum = if SHARES.contains(ours) { sum.max(value) } else { *sum + value }
            })
            .or_insert(value);
    }
    said
}

/// What the text of a DCGM exporter says of each GPU, in the order of their numbers.
#[must_use]
pub(super) fn dcgm(text: &str) -> Vec<GpuSample> {
    let mut gpus: BTreeMap<u32, GpuSample> = BTreeMap::new();
    for one in series(text).filter(|one| one.name.starts_with("DCGM_FI_DEV_")) {
        let Some(number) = one.label("gpu").and_then(|number| number.parse().ok()) else {
            continue;
        };
        put(gpus.entry(number).or_default(), one.name, one.value);
    }
    gpus.into_values().collect()
}

/// Fields as the exporter's default list names them.
fn put(gpu: &mut GpuSample, name: &str, value: f64) {
    match name.trim_start_matches("DCGM_FI_DEV_") {
        "GPU_UTIL" => gpu.utilization = Some(value / 100.0),
        "FB_USED" => gpu.memory_bytes = Some((value * MIB) as u64),
        "GPU_TEMP" => gpu.temperature_c = Some(value),
        "POWER_USAGE" => gpu.power_w = Some(value),
        "TOTAL_ENERGY_CONSUMPTION" => gpu.energy_j = Some(value / 1e3),
        "SM_CLOCK" => gpu.sm_clock_mhz = Some(value as u32),
        "MEM_CLOCK" => gpu.memory_clock_mhz = Some(value as u32),
        "CLOCK_THROTTLE_REASONS" | "CLOCKS_EVENT_REASONS" => gpu.throttle = Some(value as u64),
        _ => (),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VLLM: &str = include_str!("../../../tests/recorded/vllm-0.32.0-cpu-metrics.txt");
    const LLAMA_CPP: &str = include_str!("../../../tests/recorded/llamacpp-xllamacpp-metrics.txt");

    fn said(text: &str) -> Vec<(String, f64)> {
        serving(text).into_iter().collect()
    }

    fn named(expected: &[(&str, f64)]) -> Vec<(String, f64)> {
        expected.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect()
    }

    #[test]
    fn a_real_vllm_says_what_it_does() {
        let expected = [
            (CACHE_USE, 0.0),
            (OUTPUT_TOKENS, 148.0),
            (PREEMPTIONS, 0.0),
            (PREFIX_HITS, 0.0),
            (PREFIX_QUERIES, 248.0),
            (PROMPT_TOKENS, 248.0),
            (RUNNING, 0.0),
            (WAITING, 0.0),
        ];
        assert_eq!(said(VLLM), named(&expected));
    }

    #[test]
    fn a_real_llama_cpp_says_what_it_does() {
        let expected =
            [(OUTPUT_TOKENS, 132.0), (PROMPT_TOKENS, 101.0), (RUNNING, 1.0), (WAITING, 0.0)];
        assert_eq!(said(LLAMA_CPP), named(&expected));
    }

    #[test]
    fn engines_of_one_server_add_up_and_the_fullest_cache_counts() {
        let text = "vllm:num_requests_running{engine=\"0\"} 3\nvllm:num_requests_running{engine=\"1\"} 4\n\
                    vllm:kv_cache_usage_perc{engine=\"0\"} 0.2\nvllm:kv_cache_usage_perc{engine=\"1\"} 0.9\n";
        assert_eq!(said(text), named(&[(CACHE_USE, 0.9), (RUNNING, 7.0)]));
    }

    #[test]
    fn another_page_says_nothing() {
        assert!(serving("<html>vllm:num_requests_running 3</html>").is_empty());
    }

    #[test]
    fn a_dcgm_exporter_tells_each_gpu() {
        let text = "# HELP DCGM_FI_DEV_POWER_USAGE Power draw (in W).\n\
            DCGM_FI_DEV_POWER_USAGE{gpu=\"1\",UUID=\"GPU-b\",modelName=\"NVIDIA H100\"} 612.5\n\
            DCGM_FI_DEV_POWER_USAGE{gpu=\"0\",UUID=\"GPU-a\",modelName=\"NVIDIA H100\"} 71\n\
            DCGM_FI_DEV_GPU_UTIL{gpu=\"1\"} 98\n\
            DCGM_FI_DEV_FB_USED{gpu=\"1\"} 2048\n\
            DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION{gpu=\"1\"} 5000\n";
        let gpus = dcgm(text);
        assert_eq!((gpus.len(), gpus[0].power_w), (2, Some(71.0)));
        let busy = &gpus[1];
        assert_eq!((busy.utilization, busy.energy_j), (Some(0.98), Some(5.0)));
        assert_eq!(busy.memory_bytes, Some(2 << 30));
    }
}
