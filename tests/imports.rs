//! Files of other tools: what real ones give, and what broken ones do not.

use crate::imports_broken;
use serde_json::{Value, json};
use std::path::PathBuf;
use tokgate::imports::{self, Found};
use tokgate_core::imported::Imported;
use tokgate_core::metric::Kind;

/// Files that a tool wrote, and what one of them is read as.
pub(crate) const SAMPLES: [(&str, &str, usize); 14] = [
    ("vllm-bench-serve/vllm-0.32.0.json", "vllm-bench-serve", 1),
    ("vllm-bench-serve/vllm-0.32.0-detailed.json", "vllm-bench-serve", 1),
    ("vllm-bench-serve/vllm-0.32.0-appended.json", "vllm-bench-serve", 2),
    ("guidellm/guidellm-0.8.1.json", "guidellm", 1),
    ("guidellm/guidellm-0.3.1.json", "guidellm", 1),
    ("aiperf/aiperf-0.13.0.json", "aiperf", 1),
    ("aiperf/aiperf-0.13.0-embeddings.json", "aiperf", 1),
    ("aiperf/aiperf-0.3.0.json", "aiperf", 1),
    ("aiperf/aiperf-0.1.1.json", "aiperf", 1),
    ("llama-bench/llama-bench-b11434.json", "llama-bench", 6),
    ("llama-bench/llama-bench-b11434.jsonl", "llama-bench", 6),
    ("llama-bench/llama-bench-b11434.sql", "llama-bench-sql", 6),
    ("criterion/criterion-0.8.2.json", "criterion", 1),
    ("criterion/cargo-criterion-1.1.0.jsonl", "criterion", 2),
];

pub(crate) fn bytes(path: &str) -> Vec<u8> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/imports");
    std::fs::read(root.join(path)).unwrap_or_else(|why| panic!("{path}: {why}"))
}

fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap()
}

pub(crate) fn read(path: &str) -> Found {
    imports::read(name(path), &bytes(path)).unwrap_or_else(|| panic!("{path} is of no kind"))
}

fn whole(path: &str) -> Vec<Imported> {
    let found = read(path);
    assert_eq!(found.bad, [], "{path}");
    found.results
}

fn only(path: &str) -> Imported {
    let mut results = whole(path);
    assert_eq!(results.len(), 1, "{path}");
    results.remove(0)
}

/// A figure that the file says, or that follows from its counts and its window, and of how many.
fn told(result: &Imported, metric: &str) -> Option<(f64, u64)> {
    let wanted = metric.parse().unwrap();
    let found = result.told().into_iter().find(|figure| figure.metric == wanted)?;
    Some((found.value, found.n))
}

#[track_caller]
fn tells(result: &Imported, metric: &str, value: f64, n: u64) {
    let (found, of) = told(result, metric).unwrap_or_else(|| panic!("there is no {metric}"));
    assert!((found - value).abs() <= 1e-9 * value.abs(), "{metric} is {found}, not {value}");
    assert_eq!(of, n, "{metric}");
}

#[track_caller]
fn silent(result: &Imported, metrics: &[&str]) {
    for metric in metrics {
        assert_eq!(told(result, metric), None, "{metric}");
    }
}

pub(crate) fn counts(result: &Imported) -> [u64; 4] {
    let requests = result.requests;
    [requests.attempted, requests.succeeded, requests.failed, requests.incomplete]
}

#[test]
fn every_sample_is_known_by_what_stands_in_it() {
    for (path, format, results) in SAMPLES {
        for name in [name(path), "renamed", ""] {
            let found = imports::read(name, &bytes(path)).unwrap();
            assert_eq!((found.results.len(), found.bad.len()), (results, 0), "{path} {name}");
            for result in &found.results {
                assert_eq!((&*result.source.format, &*result.source.file), (format, name));
            }
        }
        assert!(imports::format_names().contains(&format));
    }
}

#[test]
fn a_result_is_named_by_what_it_says_and_not_by_where_it_lies() {
    let path = "vllm-bench-serve/vllm-0.32.0-appended.json";
    let both = whole(path);
    assert_ne!(both[0].source.digest, both[1].source.digest);
    let bytes = bytes(path);
    let second = bytes.split(|byte| *byte == b'\n').next_back().unwrap();
    let alone = imports::read("another", second).unwrap().results;
    assert_eq!(alone[0].source.digest, both[1].source.digest);
    for (path, ..) in SAMPLES {
        assert_eq!(read(path), read(path), "{path}");
    }
}

#[test]
fn vllms_bench_tells_rates_and_e2e_and_its_ttft_is_our_ttfr() {
    let result = only("vllm-bench-serve/vllm-0.32.0.json");
    assert_eq!(result.source.tool, "vllm bench serve");
    assert_eq!((&*result.model.name, &*result.platform), ("mock", "openai"));
    assert_eq!((result.workers, counts(&result)), (Some(4), [24, 24, 0, 0]));
    assert_eq!(result.window_s, Some(0.3683646650024457));
    assert_eq!(result.measured_us, Some(1_795_984_533_000_000));
    tells(&result, "tok_s", 1042.4452627600708, 24);
    tells(&result, "total_tok_s", 2147.328653237542, 24);
    tells(&result, "req_s", 65.15282892250443, 24);
    tells(&result, "prompt_tokens.mean", 407.0 / 24.0, 24);
    tells(&result, "output_tokens.mean", 16.0, 24);
    tells(&result, "ttfr.mean", 0.03193122729074579, 24);
    tells(&result, "ttfr.p50", 0.03218489449864137, 24);
    tells(&result, "e2e.p99", 0.06592250949746813, 24);
    silent(&result, &["ttft.mean", "itl.mean", "tpot.mean", "e2e.p90"]);
    assert_eq!(result.entry["mean_itl_ms"], 3.498076968753594);
    assert_eq!(result.entry["latencies"], json!({ "left_out": 24 }));
}

#[test]
fn failures_of_vllms_bench_are_counted_and_its_lists_left_out() {
    let result = only("vllm-bench-serve/vllm-0.32.0-detailed.json");
    assert_eq!(counts(&result), [20, 17, 3, 0]);
    tells(&result, "error_rate", 3.0 / 20.0, 20);
    tells(&result, "ttfr.p90", 0.0036266121998778544, 17);
    for list in ["ttfts", "itls", "generated_texts", "errors", "input_lens"] {
        assert_eq!(result.entry[list], json!({ "left_out": 20 }), "{list}");
    }
    assert_eq!(result.samples.len(), 3);
    assert!(result.samples[0].starts_with(" Ω hot nation"));
}

#[test]
fn runs_that_were_appended_are_results_of_their_own() {
    let [limited, rated] = &whole("vllm-bench-serve/vllm-0.32.0-appended.json")[..] else {
        panic!("not two");
    };
    assert_eq!((limited.workers, rated.workers), (Some(2), None));
    tells(limited, "e2e.mean", 0.05871845035071601, 20);
    tells(rated, "e2e.mean", 0.05899381860035646, 20);
    // As a person would lay it out.
    let pretty: Vec<String> = [limited, rated]
        .map(|result| serde_json::to_string_pretty(&result.entry).unwrap())
        .to_vec();
    let found = imports::read("pretty.json", pretty.join("\n").as_bytes()).unwrap();
    assert_eq!((found.results.len(), found.bad.len()), (2, 0));
}

#[test]
fn older_and_odder_runs_of_vllms_bench_are_read() {
    let path = "vllm-bench-serve/vllm-0.32.0.json";
    let change = |change: fn(&mut Value)| changed(path, change);
    // It did not count failures, and named the back end otherwise.
    let old = change(|run| {
        let fields = run.as_object_mut().unwrap();
        let backend = fields.remove("backend").unwrap();
        fields.insert("endpoint_type".to_owned(), backend);
        fields.remove("failed");
        fields["completed"] = json!(20);
    });
    assert_eq!((counts(&old), &*old.platform), ([24, 20, 4, 0], "openai"));
    // Nothing succeeded: its zeros are no measurements.
    let none = change(|run| {
        run["completed"] = json!(0);
        run["failed"] = json!(24);
        run["mean_e2el_ms"] = json!(0.0);
    });
    assert_eq!(counts(&none), [24, 0, 24, 0]);
    silent(&none, &["e2e.mean", "tok_s", "req_s", "ttfr.mean", "prompt_tokens.mean"]);
    // No window, no rate that follows from it.
    let timeless = change(|run| {
        for field in ["duration", "output_throughput", "request_throughput"] {
            run[field] = Value::Null;
        }
    });
    assert_eq!(timeless.window_s, None);
    silent(&timeless, &["tok_s", "req_s"]);
    // Vectors of texts.
    let vectors = change(|run| {
        run["backend"] = json!("openai-embeddings");
        run["input_sequence_throughput"] = json!(130.5);
        run["total_input_sequences"] = json!(48);
    });
    assert_eq!(vectors.kind, Kind::Embedding);
    tells(&vectors, "inputs_s", 130.5, 24);
    tells(&vectors, "embed.mean", 0.05991584304077454, 24);
    silent(&vectors, &["e2e.mean", "ttfr.mean"]);
}

/// The sample with a change, which it still must be readable with.
fn changed(path: &str, change: impl Fn(&mut Value)) -> Imported {
    let mut file: Value = serde_json::from_slice(&bytes(path)).unwrap();
    change(&mut file);
    let found = imports::read("changed", file.to_string().as_bytes()).unwrap();
    assert_eq!(found.bad, []);
    found.results.into_iter().next().unwrap()
}

#[test]
fn guidellm_tells_ttft_without_its_percentiles() {
    let new = only("guidellm/guidellm-0.8.1.json");
    assert_eq!(new.source.tool, "guidellm 0.8.1");
    assert_eq!(new.endpoint.as_deref(), Some("http://127.0.0.1:18556"));
    assert_eq!((&*new.model.name, &*new.platform), ("mock", "openai"));
    assert_eq!((new.workers, counts(&new)), (Some(4), [20, 15, 5, 0]));
    assert_eq!(new.window_s, Some(0.3939175605773926));
    assert_eq!(new.measured_us, Some(1_795_985_036_484_880));
    tells(&new, "ttft.mean", 0.029002666473388672, 15);
    tells(&new, "prompt_tokens.mean", 203.0 / 15.0, 15);
    // The same as its own mean of the rate, which weights each moment by its length.
    tells(&new, "tok_s", 609.264536590385, 15);
    silent(&new, &["ttft.p50", "ttft.p99", "e2e.mean", "itl.mean", "tpot.mean"]);
    let kept = &new.entry["benchmark"];
    assert_eq!(kept["requests"]["successful"], json!({ "left_out": 1 }));
    assert!(kept["metrics"]["inter_token_latency_ms"]["successful"]["mean"].is_number());
    assert_eq!(new.entry["metadata"]["guidellm_version"], "0.8.1");

    let old = only("guidellm/guidellm-0.3.1.json");
    assert_eq!((&*old.source.tool, &*old.model.name), ("guidellm", "mock"));
    assert_eq!(old.endpoint.as_deref(), Some("http://127.0.0.1:18555"));
    assert_eq!((old.workers, counts(&old)), (Some(4), [20, 20, 0, 0]));
    tells(&old, "ttft.max", 0.16128015518188477, 20);
    tells(&old, "prompt_tokens.mean", 16.7, 20);
    tells(&old, "req_s", 20.0 / 0.4319121837615967, 20);
}

#[test]
fn what_guidellm_writes_as_zero_for_unknown_is_no_figure() {
    let result = changed("guidellm/guidellm-0.3.1.json", |report| {
        let metrics = &mut report["benchmarks"][0]["metrics"];
        metrics["time_to_first_token_ms"]["successful"]["min"] = json!(0.0);
        metrics["output_token_count"]["successful"]["min"] = json!(0);
    });
    silent(&result, &["ttft.mean", "ttft.max", "output_tokens.mean", "tok_s"]);
    tells(&result, "prompt_tokens.mean", 16.7, 20);
}

#[test]
fn benchmarks_of_one_report_that_differ_in_streams_vary_the_workers() {
    let found = read("guidellm/broken.json");
    let workers: Vec<_> = found.results.iter().map(|result| result.workers).collect();
    assert_eq!(workers, [Some(4), Some(8)]);
    assert!(found.results.iter().all(|result| result.benchmark_type == "worker_optimization"));
}

#[test]
fn aiperfs_itl_is_our_tpot_and_its_inter_chunk_latency_our_itl() {
    let result = only("aiperf/aiperf-0.13.0.json");
    assert_eq!((&*result.source.tool, &*result.model.name), ("AIPerf 0.13.0", "mock"));
    assert_eq!((result.workers, counts(&result)), (Some(4), [24, 19, 5, 0]));
    assert_eq!(result.window_s, Some(0.482625024));
    tells(&result, "tok_s", 614.3491088201305, 19);
    tells(&result, "total_tok_s", 1289.3247744317212, 19);
    tells(&result, "req_s", 38.396819301258155, 19);
    tells(&result, "ttft.p50", 0.030071505, 19);
    tells(&result, "tpot.mean", 0.004082963242105263, 19);
    tells(&result, "itl.p99", 0.0068108126, 285);
    tells(&result, "e2e.max", 0.101041698, 19);
    tells(&result, "prompt_tokens.mean", 334.0 / 19.0, 19);
    assert!(!result.notes.contains("tokenizer"), "{}", result.notes);
}

#[test]
fn earlier_exports_of_aiperf_and_those_of_embeddings_are_read() {
    let middle = only("aiperf/aiperf-0.3.0.json");
    assert_eq!((middle.workers, counts(&middle)), (Some(4), [24, 21, 3, 0]));
    assert_eq!(middle.measured_us, Some(1_795_984_884_607_720));
    tells(&middle, "tpot.mean", 0.0010998674586895534, 21);
    // It does not say of how many gaps.
    silent(&middle, &["itl.mean"]);
    assert!(middle.notes.contains("AIPerf's tokenizer"), "{}", middle.notes);

    let first = only("aiperf/aiperf-0.1.1.json");
    assert_eq!((&*first.source.tool, counts(&first)), ("AIPerf", [24, 17, 7, 0]));
    let window_s = first.window_s.unwrap();
    assert!((window_s - 17.0 / 35.28322375028191).abs() < 1e-12);
    tells(&first, "ttft.mean", 0.03170207611764706, 17);
    tells(&first, "total_tok_s", (48.0 + 57.64705882352941) * 17.0 / window_s, 17);

    let vectors = only("aiperf/aiperf-0.13.0-embeddings.json");
    assert_eq!((vectors.kind, counts(&vectors)), (Kind::Embedding, [20, 20, 0, 0]));
    tells(&vectors, "req_s", 74.98293163527185, 20);
    silent(&vectors, &["e2e.mean", "ttft.mean"]);
}

#[test]
fn aiperfs_units_are_read_and_not_assumed() {
    let path = "aiperf/aiperf-0.13.0.json";
    let unit = |unit: &'static str| {
        move |export: &mut Value| export["time_to_first_token"]["unit"] = json!(unit)
    };
    tells(&changed(path, unit("us")), "ttft.p50", 0.000030071505, 19);
    let mut export: Value = serde_json::from_slice(&bytes(path)).unwrap();
    unit("weeks")(&mut export);
    let found = imports::read("weeks", export.to_string().as_bytes()).unwrap();
    imports_broken::says(&found, "line 1", &["time_to_first_token", "unit", "weeks"]);
    export = serde_json::from_slice(&bytes(path)).unwrap();
    export["request_count"]["avg"] = json!(25);
    let found = imports::read("many", export.to_string().as_bytes()).unwrap();
    imports_broken::says(&found, "line 1", &["request_count", "completed_request_count"]);
}

#[test]
fn a_repetition_of_llama_bench_is_a_request_and_only_an_answer_has_a_rate() {
    let tests = whole("llama-bench/llama-bench-b11434.json");
    let [prompt, answer, both, ..] = &tests[..] else { panic!("not three") };
    for test in [prompt, answer, both] {
        assert_eq!((&*test.source.tool, &*test.platform), ("llama-bench", "llama-cpp"));
        assert_eq!(test.model.name, "tiny-llama-q8");
        assert_eq!(test.model.quantization.as_deref(), Some("Q8_0"));
        assert_eq!(test.model.size_params.as_deref(), Some("459392"));
        assert_eq!(test.model.size_bytes, Some(489_984));
        assert_eq!(test.hardware.cpu.as_deref(), Some("AMD EPYC"));
        assert_eq!((&test.hardware.gpu, test.hardware.gpus), (&None, None));
        assert_eq!(test.measured_us, Some(1_795_984_683_000_000));
        assert_eq!((test.workers, counts(test)), (Some(1), [5, 5, 0, 0]));
    }
    assert_eq!((prompt.window_s, answer.window_s), (None, Some(0.004265054)));
    assert!(prompt.notes.starts_with("pp64;") && both.notes.starts_with("pp32+tg8;"));
    silent(prompt, &["tok_s", "total_tok_s", "req_s"]);
    tells(prompt, "prompt_tokens.mean", 64.0, 5);
    tells(answer, "tok_s", 16.0 * 5.0 / 0.004265054, 5);
    tells(both, "total_tok_s", 20763.06765188807, 5);
    silent(answer, &["tpot.mean", "e2e.mean", "ttft.mean"]);
    assert_eq!(answer.entry["avg_ts"], 18819.211346);
}

#[test]
fn each_way_of_llama_bench_to_write_a_test_is_read() {
    let lines = whole("llama-bench/llama-bench-b11434.jsonl");
    assert_eq!(lines[1].window_s, Some(0.004277916));
    let rows = whole("llama-bench/llama-bench-b11434.sql");
    let row = &rows[2];
    assert_eq!((row.window_s, counts(row), row.figures.len()), (None, [0; 4], 0));
    assert!(row.notes.contains("how often it was repeated"), "{}", row.notes);
    assert_eq!(row.entry["n_threads"], 1);
    assert_eq!((&row.entry["avg_ns"], &row.entry["cpu_mask"]), (&1_913_704.into(), &"0x0".into()));
    assert_eq!((row.model.size_bytes, &*row.model.name), (Some(489_984), "tiny-llama-q8"));
}

#[test]
fn the_gpus_of_llama_bench_are_told_where_layers_were_given_to_them() {
    let path = "llama-bench/llama-bench-b11434.json";
    let on = |layers: i64| {
        move |tests: &mut Value| {
            tests[0]["gpu_info"] = json!("NVIDIA H200, NVIDIA H200");
            tests[0]["n_gpu_layers"] = json!(layers);
            tests[0]["model_type"] = json!("llama 7B Q4_K - Medium");
            tests[0]["build_number"] = json!(11434);
            tests[0]["build_commit"] = json!("abc123");
        }
    };
    let gpu = changed(path, on(99));
    assert_eq!((gpu.hardware.gpu.as_deref(), gpu.hardware.gpus), (Some("NVIDIA H200"), Some(2)));
    assert_eq!(gpu.model.size_params.as_deref(), Some("7B"));
    assert_eq!(gpu.model.quantization.as_deref(), Some("Q4_K - Medium"));
    assert_eq!((&*gpu.engine, &*gpu.source.tool), ("llama.cpp b11434", "llama-bench abc123"));
    assert_eq!(changed(path, on(0)).hardware.gpu, None);
}

#[test]
fn criterions_estimates_are_kept_and_compared_with_nothing() {
    let alone = only("criterion/criterion-0.8.2.json");
    assert_eq!(alone.model.name, "criterion:criterion-0.8.2");
    let lines = whole("criterion/cargo-criterion-1.1.0.jsonl");
    assert_eq!(lines[1].model.name, "criterion:sums/squares/1000");
    assert_eq!(lines[1].entry["iteration_count"], json!({ "left_out": 10 }));
    for result in lines.iter().chain([&alone]) {
        assert_ne!(result.kind, Kind::Generation);
        assert_eq!((result.window_s, result.told().len(), counts(result)), (None, 0, [0; 4]));
    }
    assert_eq!(alone.entry["mean"]["point_estimate"], 1.466905084615393);
}

#[test]
fn the_file_beside_criterions_estimates_says_what_they_are_of() {
    assert_eq!(imports::beside("estimates.json"), Some("benchmark.json"));
    assert_eq!(imports::beside("result.json"), None);
    let estimates = bytes("criterion/criterion-0.8.2.json");
    let both = [bytes("criterion/criterion-0.8.2-benchmark.json"), estimates.clone()].concat();
    let found = imports::read("estimates.json", &both).unwrap();
    assert_eq!((found.results.len(), &found.bad[..]), (1, &[][..]));
    assert_eq!(found.results[0].model.name, "criterion:sums/squares/1000");
    let alone = imports::read("estimates.json", &estimates).unwrap();
    assert_eq!(alone.results[0].model.name, "criterion:unknown");
}

#[test]
fn estimates_are_named_by_the_file_that_lies_beside_them() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let estimates = file("estimates.json");
    std::fs::write(&estimates, bytes("criterion/criterion-0.8.2.json")).unwrap();
    let import = || {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_tokgate"));
        command.current_dir(folder.path()).env_remove("TOKGATE_RESULTS");
        command.args(["import", "--json", "--results-dir", "r"]).arg(&estimates);
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let alone = import();
    assert!(alone.contains("criterion-unknown"), "{alone}");
    let beside = bytes("criterion/criterion-0.8.2-benchmark.json");
    std::fs::write(file("benchmark.json"), beside).unwrap();
    let named = import();
    assert!(named.contains("criterion-sums-squares-1000"), "{named}");
}
