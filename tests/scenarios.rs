//! The shipped scenarios, and what is said of bad ones.

use crate::references::same_as_file;
use std::path::{Path, PathBuf};
use tokgate_core::case::{Case, Dataset, DriverKind, OutputTokens, PromptSet, PromptSource};
use tokgate_core::diagnostic::Diagnostics;
use tokgate_core::scenario::{Facts, Hardware, Override, Scenario, Surroundings, decode, plan};
use tokgate_core::verdict::Exit;

const SHIPPED: [&str; 34] = [
    "advanced",
    "basic",
    "prompt_length",
    "resource_monitoring",
    "temperature",
    "concurrency",
    "model_comparison",
    "context_size",
    "quality",
    "stress",
    "breaking_point",
    "production_load",
    "quick",
    "full",
    "rtx_4090",
    "regression",
    "production",
    "tok_throughput",
    "retrieval",
    "retrieval_scaling",
    "simulated",
    "vllm",
    "vllm_batch",
    "llama_cpp",
    "ollama",
    "sglang",
    "tgi",
    "openai",
    "pgvector",
    "redis",
    "qdrant",
    "tasks",
    "embeddings",
    "rag",
];

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Parses a file of a folder the way the edges do.
fn parse(folder_name: &str, name: &str) -> Result<Scenario, Diagnostics> {
    let folder = folder(folder_name);
    let read = |file: &str| std::fs::read_to_string(folder.join(file)).ok();
    let file = format!("{name}.toml");
    Scenario::parse(
        name,
        &format!("{folder_name}/{file}"),
        &read(&file).unwrap(),
        &Surroundings::closed(&read),
    )
}

fn parse_text(text: &str) -> Result<Scenario, Diagnostics> {
    Scenario::parse("a", "a.toml", text, &Surroundings::closed(&|_| None))
}

fn shipped(name: &str) -> Scenario {
    parse("scenarios", name).unwrap_or_else(|faults| panic!("{faults}"))
}

fn planned(scenario: &Scenario, hardware: &str) -> Vec<Case> {
    let hardware = Hardware::Detected(hardware.to_owned());
    let facts = Facts { hardware, ..Facts::default() };
    plan(scenario, &facts).unwrap_or_else(|faults| panic!("{faults}"))
}

fn with_options(scenario: &Scenario, options: &[(&str, &str)]) -> Result<Vec<Case>, Diagnostics> {
    let overrides = options.iter().map(option).collect();
    plan(scenario, &Facts { overrides, ..Facts::default() })
}

fn option((path, value): &(&str, &str)) -> Override {
    let (path, value) = ((*path).to_owned(), (*value).to_owned());
    Override { path, value, source: "--set".to_owned() }
}

fn ids(cases: &[Case]) -> Vec<&str> {
    cases.iter().map(|case| case.id.0.as_str()).collect()
}

#[test]
fn every_shipped_scenario_plans_on_every_machine() {
    for name in SHIPPED {
        let scenario = shipped(name);
        assert!(!scenario.summary().is_empty(), "{name}");
        for hardware in ["rtx_4090", "rtx_3080", "cpu_only", "h200"] {
            let cases = planned(&scenario, hardware);
            assert!(cases.iter().all(|case| case.id.scenario() == name));
        }
    }
    let files = std::fs::read_dir(folder("scenarios")).unwrap();
    let tomls =
        files.filter(|file| file.as_ref().unwrap().path().extension() == Some("toml".as_ref()));
    assert_eq!(tomls.count(), SHIPPED.len(), "a shipped scenario is not tested");
}

#[test]
fn only_quick_runs_without_being_asked_for() {
    let defaults: Vec<&str> =
        SHIPPED.into_iter().filter(|name| shipped(name).is_default()).collect();
    assert_eq!(defaults, ["quick"]);
}

#[test]
fn quick_takes_three_batches_three_lengths_and_a_million_vectors() {
    assert_eq!(
        ids(&planned(&shipped("quick"), "cpu_only")),
        [
            "quick/token_throughput/batch=1",
            "quick/token_throughput/batch=4",
            "quick/token_throughput/batch=8",
            "quick/text_lengths/text_length=10",
            "quick/text_lengths/text_length=100",
            "quick/text_lengths/text_length=1000",
            "quick/concurrency/concurrency=1",
            "quick/concurrency/concurrency=4",
            "quick/retrieval_performance",
        ]
    );
}

/// The goals of the token throughput on a machine, and its batches.
/// How long the vectors of `retrieval` are, and how long they would be, with so much free memory.
fn vectors_with(free_gib: u64, options: &[(&str, &str)]) -> (u32, Option<u32>) {
    let overrides = options.iter().map(option).collect();
    let facts = Facts { free_memory_bytes: Some(free_gib << 30), overrides, ..Facts::default() };
    let cases = plan(&shipped("retrieval"), &facts).unwrap();
    match &cases[0].dataset {
        Dataset::Vectors(set) => (set.dimensions, set.instead_of),
        Dataset::Prompts(_) => panic!("retrieval has prompts"),
    }
}

#[test]
fn vectors_are_shorter_where_memory_is_unless_the_user_says_how_long() {
    assert_eq!(vectors_with(16, &[]), (384, None));
    assert_eq!(vectors_with(3, &[]), (128, Some(384)));
    assert_eq!(vectors_with(3, &[("dataset.dimensions", "256")]), (256, None));
    assert_eq!(vectors_with(6, &[("dataset.low_memory_gb", "8")]), (128, Some(384)));
}

fn throughput_on(hardware: &str) -> (Vec<String>, Vec<u32>) {
    let cases = planned(&shipped("full"), hardware);
    let own: Vec<&Case> =
        cases.iter().filter(|case| case.id.case() == "token_throughput").collect();
    let goal = |name: &str| {
        let of = |case: &Case| {
            let found = case.goals.iter().find(|goal| goal.metric.to_string() == name).unwrap();
            found.bound.show(found.metric.metric.unit)
        };
        of(own[0])
    };
    let batches = own.iter().map(|case| match &case.workload {
        tokgate_core::case::Workload::Closed(closed) => closed.batch,
        other => panic!("{other:?}"),
    });
    (vec![goal("tok_s"), goal("ttft.p50")], batches.collect())
}

#[test]
fn presets_bring_the_numbers_of_their_machine() {
    let of =
        |goals: [&str; 2], batches: &[u32]| (goals.map(str::to_owned).to_vec(), batches.to_vec());
    let big = of(["≥ 30 tok/s", "< 5 ms"], &[1, 4, 8, 16, 32, 64]);
    let middle = of(["≥ 25 tok/s", "< 8 ms"], &[1, 4, 8, 16, 32]);
    let none = of(["≥ 10 tok/s", "< 15 ms"], &[1, 2, 4, 8]);
    assert_eq!(throughput_on("rtx_4090"), big);
    assert_eq!(throughput_on("rtx_3080"), middle);
    assert_eq!(throughput_on("cpu_only"), none);
}

#[test]
fn a_preset_leaves_alone_what_a_case_does_not_have() {
    let cases = planned(&shipped("full"), "rtx_3080");
    let lengths = cases.iter().find(|case| case.id.case() == "text_lengths").unwrap();
    assert_eq!(lengths.benchmark_type, "prompt_length");
    assert!(lengths.goals.iter().all(|goal| goal.metric.to_string() != "ttft.p50"));
}

#[test]
fn regression_is_quick_in_five_epochs() {
    let (quick, regression) = (shipped("quick"), shipped("regression"));
    let (quick, regression) = (planned(&quick, "cpu_only"), planned(&regression, "cpu_only"));
    assert_eq!(quick.len(), regression.len());
    for (one, other) in quick.iter().zip(&regression) {
        assert_eq!(one.id.0.split_once('/').unwrap().1, other.id.0.split_once('/').unwrap().1);
        assert_eq!((one.run.epochs, other.run.epochs), (1, 5));
        assert!(other.planned_requests() <= one.planned_requests());
    }
    assert_eq!(regression[0].target.driver, DriverKind::Auto);
    assert_eq!(regression.last().unwrap().target.driver, DriverKind::FlatQ4);
}

#[test]
fn the_card_is_required_where_the_scenario_is_about_it() {
    let scenario = shipped("rtx_4090");
    assert_eq!(scenario.requires().gpu.as_deref(), Some("RTX 4090"));
    let cases = planned(&scenario, "rtx_4090");
    assert!(cases.iter().all(|case| case.requires.gpu.as_deref() == Some("RTX 4090")));
    assert!(cases.iter().any(|case| case.id.0 == "rtx_4090/token_throughput/batch=64"));
}

#[test]
fn the_last_axis_varies_fastest_and_ids_keep_the_files_order() {
    let text = "schema = 1\n[[case]]\nname = \"c\"\nkind = \"generation\"\ntarget = { driver = \"embedded\" }\n\
                matrix = { temperature = [0.0, 0.7], concurrency = [1, 4], prompt_tokens = [64] }\n";
    let cases = planned(&parse_text(text).unwrap(), "");
    assert_eq!(
        ids(&cases),
        [
            "a/c/temperature=0.0,concurrency=1",
            "a/c/temperature=0.0,concurrency=4",
            "a/c/temperature=0.7,concurrency=1",
            "a/c/temperature=0.7,concurrency=4",
        ]
    );
    assert_eq!(cases[0].benchmark_type, "temperature");
}

#[test]
fn options_are_stronger_than_the_file_and_lists_make_axes() {
    let quick = shipped("quick");
    let cases = with_options(&quick, &[("batch", "2"), ("concurrency", "1,2"), ("epochs", "3")]);
    let cases = cases.unwrap();
    assert_eq!(cases[0].id.0, "quick/token_throughput/concurrency=1");
    assert_eq!(cases[1].id.0, "quick/token_throughput/concurrency=2");
    assert!(cases.iter().all(|case| case.run.epochs == 3));
}

#[test]
fn a_driver_from_the_command_line_reaches_the_cases_that_it_fits() {
    let options = [("driver", "openai"), ("model", "org/a,org/b"), ("goals.ttft.p50", "< 1 s")];
    let cases = with_options(&shipped("quick"), &options).unwrap();
    let first = &cases[0];
    assert_eq!(first.id.0, "quick/token_throughput/batch=1,model=org/a");
    assert_eq!(first.target.driver, DriverKind::Openai);
    assert_eq!(cases.last().unwrap().target.driver, DriverKind::FlatQ4);
}

#[test]
fn a_bad_option_is_shown_like_a_bad_line() {
    let quick = shipped("quick");
    let said =
        |path: &str, value: &str| with_options(&quick, &[(path, value)]).unwrap_err().to_string();
    let expected = "error: `concurrency` is 0, expected a whole number from 1 to 10000\n \
                    --> --set:1:24\n  |\n1 | workload.concurrency = 0\n  |                        ^";
    assert_eq!(said("concurrency", "0"), expected);
    assert!(said("concurency", "1").contains("did you mean `concurrency`?"));
    assert!(said("dataset.promt_tokens", "1").contains("did you mean `dataset.prompt_tokens`?"));
    assert!(said("concurrency", "many").contains("expected a whole number"));
    assert!(said("text_length", "1\n[run]\nepochs = 2").contains("expected a whole number"));
    assert!(said("base_url", "http://x/v1").contains("belongs to driver `openai`"));
    assert!(!said("target.api_key", "\"hunter2hunter2\"").contains("hunter2"));
}

/// The words of every prompt, as the cases plan them.
fn prompt_lengths(cases: &[Case]) -> Vec<u32> {
    let length = |case: &Case| match &case.dataset {
        Dataset::Prompts(PromptSet { source: PromptSource::Synthetic(synthetic), .. }) => {
            synthetic.prompt_tokens
        }
        other => panic!("synthetic prompts were expected: {other:?}"),
    };
    cases.iter().map(length).collect()
}

#[test]
fn prompt_classes_are_lengths_by_name_and_the_stronger_of_both_counts() {
    let text = "schema = 1\n[dataset]\nprompt_tokens = 7\n[[case]]\nname = \"c\"\nkind = \"generation\"\n\
                matrix = { prompt_class = [\"tiny\", \"short\", \"medium\", \"long\", \"very_long\"] }\n";
    let scenario = parse_text(text).unwrap();
    let cases = planned(&scenario, "");
    assert_eq!(prompt_lengths(&cases), [16, 64, 256, 1024, 4096]);
    assert_eq!(cases[4].id.0, "a/c/prompt_class=very_long");
    assert_eq!(cases[0].benchmark_type, "prompt_length");
    let stronger = with_options(&scenario, &[("prompt_tokens", "32")]).unwrap();
    assert_eq!((prompt_lengths(&stronger), ids(&stronger)), (vec![32], vec!["a/c"]));
}

#[test]
fn prompts_from_the_command_line_replace_those_of_every_generation_case() {
    let options = [("dataset.kind", "\"prompts\""), ("dataset.prompts", "[\"Why?\", \"How?\"]")];
    let cases = with_options(&shipped("quick"), &options).unwrap();
    let Dataset::Prompts(set) = &cases[0].dataset else { panic!("prompts were expected") };
    let prompts = vec!["Why?".to_owned(), "How?".to_owned()];
    assert_eq!(set.source, PromptSource::Prompts { prompts });
    assert!(matches!(cases.last().unwrap().dataset, Dataset::Vectors(_)));
}

#[test]
fn a_file_from_the_command_line_may_lie_anywhere_and_one_of_a_scenario_may_not() {
    let options = [("dataset.kind", "\"file\""), ("dataset.path", "\"/data/batch_5k.jsonl\"")];
    let cases = with_options(&shipped("quick"), &options).unwrap();
    let Dataset::Prompts(set) = &cases[0].dataset else { panic!("prompts were expected") };
    assert!(matches!(&set.source, PromptSource::File(file) if file.path == "/data/batch_5k.jsonl"));
    let text = "schema = 1\n[[case]]\nname = \"c\"\nkind = \"generation\"\n\
                dataset = { kind = \"file\", path = \"/data/batch_5k.jsonl\" }\n";
    let faults = parse_text(text).unwrap_err();
    assert!(faults.to_string().contains("leads out of the project"), "{faults}");
}

#[test]
fn tasks_bring_their_own_output_lengths_until_someone_names_one() {
    let tasks = shipped("tasks");
    let output = |cases: &[Case]| match &cases[0].dataset {
        Dataset::Prompts(set) => set.output,
        Dataset::Vectors(_) => panic!("prompts were expected"),
    };
    assert_eq!(output(&planned(&tasks, "")), OutputTokens::Own);
    let named = with_options(&tasks, &[("output_tokens", "16")]).unwrap();
    assert_eq!(output(&named), OutputTokens::Asked);
}

#[test]
fn a_named_preset_must_exist_and_a_detected_one_need_not() {
    let full = shipped("full");
    let named = Hardware::Named("rtx_490".to_owned());
    let faults = plan(&full, &Facts { hardware: named, ..Facts::default() }).unwrap_err();
    assert!(faults.to_string().contains("did you mean `rtx_4090`?"), "{faults}");
    assert!(!planned(&full, "h200").is_empty());
}

#[test]
fn default_tolerances_need_enough_planned_samples() {
    let case = planned(&shipped("quick"), "").swap_remove(3);
    let judged: Vec<String> = case.gate.tolerances.keys().map(ToString::to_string).collect();
    // 16 requests, 15 gaps each: medians, and the tail of the gaps.
    assert_eq!(judged, ["e2e.p50", "itl.p50", "itl.p90", "itl.p95", "tok_s", "ttft.p50"]);
}

#[test]
fn nothing_to_run_has_its_own_exit() {
    let exit = |text: &str| parse_text(text).unwrap_err().exit();
    assert_eq!(exit(""), Exit::Nothing);
    assert_eq!(exit("# nothing\n"), Exit::Nothing);
    assert_eq!(exit("schema = 1\n"), Exit::Nothing);
    assert_eq!(exit("schema = 1\nx = 1\n"), Exit::Usage);
}

#[test]
fn hostile_sizes_are_refused_quickly() {
    let nested = format!("schema = 1\n[target]\nbody = {}", "[".repeat(100_000));
    assert!(parse_text(&nested).is_err());
    let dotted = format!("schema = 1\n{}x = 1\n", "a.".repeat(100_000));
    assert!(parse_text(&dotted).is_err());
    let garbage = "= \n".repeat(50_000);
    assert!(parse_text(&garbage).unwrap_err().to_string().len() < 100_000);
    let cases = "[[case]]\nname = \"a\"\n".repeat(40_000);
    assert!(parse_text(&format!("schema = 1\n{cases}")).is_err());
    assert!(decode("a.toml", &vec![b' '; 100 << 20]).is_err());
}

#[test]
fn bad_scenarios_are_refused_with_these_words() {
    let folder = folder("tests/bad_scenarios");
    let mut names: Vec<String> = std::fs::read_dir(&folder)
        .unwrap()
        .filter_map(|file| file.unwrap().file_name().into_string().ok())
        .filter_map(|file| file.strip_suffix(".toml").map(str::to_owned))
        .filter(|name| name.starts_with(|c: char| c.is_ascii_digit()))
        .collect();
    names.sort_unstable();
    assert!(names.len() >= 30);
    for name in names {
        let faults = parse("tests/bad_scenarios", &name)
            .err()
            .unwrap_or_else(|| panic!("{name} is accepted"));
        same_as_file(&folder.join(format!("{name}.txt")), &format!("{faults}\n"));
    }
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config {
        failure_persistence: None,
        ..proptest::test_runner::Config::default()
    })]

    /// Cuts a piece out of a shipped scenario and puts another text in its place.
    #[test]
    fn no_text_makes_the_reader_panic(
        start in 0usize..2000,
        length in 0usize..60,
        put in "[\\[\\]{}=\",.a-z0-9\n\u{202e}é-]{0,12}",
    ) {
        let mut text = std::fs::read_to_string(folder("scenarios/quick.toml")).unwrap();
        let start = start.min(text.len());
        let end = (start + length).min(text.len());
        text.replace_range(start..end, &put);
        if let Err(faults) = parse_text(&text) {
            proptest::prop_assert!(!faults.to_string().is_empty());
        }
    }
}

#[test]
fn more_requests_than_an_epoch_may_have_are_refused_before_any_is_planned() {
    let text = "schema = 1\n[target]\ndriver = \"simulated\"\n[[case]]\nname = \"c\"\nkind = \"generation\"\n\
        workload = { kind = \"poisson\", rate = 100000, duration_s = 604800 }\n";
    let about = Surroundings::closed(&|_| None);
    let refused = Scenario::parse("c", "c.toml", text, &about).unwrap_err().to_string();
    assert!(refused.contains("60480000000 requests are more than the 10000000"), "{refused}");
}
