//! Embeddings and retrieval-augmented generation: the shipped program against the mock server, and
//! held against what that really did.

use crate::mock::{class, mock, tokgate};
use crate::support::raw::Raw;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Output;
use tempfile::TempDir;
use tokgate::mock::{Deed, Endpoint, Server};

const EMBEDDINGS: &str = "/v1/embeddings";

/// A folder with a scenario of one case; `case` are its lines, its kind included.
fn project(case: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let scenario = format!(
        "schema = 1\n[target]\ndriver = \"openai\"\n[dataset]\nprompt_tokens = 16\n\
         [run]\ntimeout_s = 60\n[workload]\nrequests = 8\nwarmup = 1\n\
         [[case]]\nname = \"own\"\n{case}\n"
    );
    std::fs::write(folder.path().join("own.toml"), scenario).unwrap();
    folder
}

fn run(folder: &Path, server: &Server, arguments: &[&str]) -> Output {
    let mut command = tokgate();
    command
        .current_dir(folder)
        .env("TOKGATE_RESULTS", folder.join("r"))
        .args(["run", "own.toml", "--format", "json", "--base-url", &server.base_url()])
        .args(arguments);
    command.output().unwrap()
}

/// The one case of a report.
fn case(output: &Output) -> Value {
    let told = String::from_utf8_lossy(&output.stderr);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{told}"));
    report["cases"][0].clone()
}

/// The raw lines of all requests, in the order in which they were sent.
fn requests(folder: &Path) -> Vec<Value> {
    let raw = std::fs::read_dir(folder.join("r/raw")).unwrap();
    let lines: String =
        raw.map(|it| std::fs::read_to_string(it.unwrap().path()).unwrap()).collect();
    let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut requests: Vec<Value> = lines.filter(|line| line["kind"] == "request").collect();
    requests.sort_by_key(|request| request["sent"].as_u64());
    requests
}

/// What the server did at an endpoint, in the order in which it ended.
fn deeds(server: &Server, endpoint: Endpoint) -> Vec<Deed> {
    let deeds = server.truth().requests.unwrap();
    deeds.into_iter().filter(|deed| deed.endpoint == endpoint).collect()
}

fn nanoseconds(seconds: Option<f64>) -> u64 {
    (seconds.unwrap() * 1e9) as u64
}

/// Nanoseconds from one stamp of a record to another.
fn between(from: &Value, to: &Value) -> u64 {
    to.as_u64().unwrap() - from.as_u64().unwrap()
}

fn post(server: &Server, body: &Value) -> Value {
    Raw::post(server, EMBEDDINGS, body).json()
}

#[test]
fn equal_texts_have_equal_vectors_in_either_encoding() {
    let server = mock("--embed-ms 1 --embed-dimensions 8");
    let body = |encoding: &str| json!({ "model": "any", "input": ["a b", "b", "a b"], "encoding_format": encoding });
    let said = post(&server, &body("float"));
    let vector = |index: usize| said["data"][index]["embedding"].clone();
    assert_eq!(vector(0).as_array().unwrap().len(), 8);
    assert_eq!(vector(0), vector(2));
    assert_ne!(vector(0), vector(1));
    assert_eq!(said["usage"], json!({ "prompt_tokens": 5, "total_tokens": 5 }));
    let coded = post(&server, &body("base64"));
    // 8 floats are 32 bytes, and those 44 letters.
    assert_eq!(coded["data"][0]["embedding"].as_str().unwrap().len(), 44);
    let short = post(&server, &json!({ "input": "a b", "dimensions": 3 }));
    assert_eq!(short["data"][0]["embedding"].as_array().unwrap().len(), 3);
    assert_eq!(server.truth().embed_s.unwrap().n, 3);
    assert_eq!(server.truth().e2e_s, None, "no answer was written");
}

#[test]
fn an_embedding_case_counts_what_was_sent_and_no_vector_before_it_was() {
    for encoding in ["float", "base64"] {
        let server = mock("--embed-ms 3 --jitter 0.2");
        let folder = project(&format!(
            "kind = \"embedding\"\ndataset = {{ inputs_per_request = 3 }}\n\
             target = {{ encoding_format = \"{encoding}\" }}"
        ));
        let case = case(&run(folder.path(), &server, &[]));
        assert_eq!(case["requests"]["succeeded"], 8, "{case}");
        assert_eq!(case["target"]["config"]["dimensions"], 64);
        assert_eq!(case["target"]["config"]["encoding"], encoding);
        assert_eq!(case["metrics"]["prompt_tokens"]["mean"], 48.0);
        let rate = |metric: &str| case["metrics"][metric]["value"]["value"].as_f64().unwrap();
        assert!((rate("inputs_s") / rate("req_s") - 3.0).abs() < 1e-9, "{case}");
        assert!((rate("prompt_tok_s") / rate("inputs_s") - 16.0).abs() < 1e-9, "{case}");
        // One more went before, to see that it works.
        let deeds = deeds(&server, Endpoint::Embeddings).split_off(1);
        let requests = requests(folder.path());
        assert_eq!((requests.len(), deeds.len()), (9, 9));
        for (request, deed) in requests.iter().zip(deeds) {
            let said = between(&request["sent"], &request["events"][0]["at"]);
            assert!(said >= nanoseconds(deed.e2e_s), "{request} {deed:?}");
            assert_eq!(request["embedded"]["prompt_tokens"], deed.prompt_tokens);
        }
    }
}

#[test]
fn embeddings_are_sent_at_every_kind_of_load() {
    let server = mock("--embed-ms 2");
    let folder = project(
        "kind = \"embedding\"\nworkload = { kind = \"poisson\", rate = 200, requests = 20 }",
    );
    let case = case(&run(folder.path(), &server, &[]));
    assert_eq!(case["requests"]["succeeded"], 20, "{case}");
    assert!(case["metrics"]["e2e_due"]["p50"]["value"].as_f64().unwrap() > 0.0);
}

#[test]
fn tokens_that_the_server_does_not_count_are_absent_with_the_reason() {
    let server = mock("--embed-ms 1 --usage never");
    let folder = project("kind = \"embedding\"");
    let case = case(&run(folder.path(), &server, &[]));
    assert!(case["metrics"]["prompt_tok_s"].is_null(), "{case}");
    assert!(case["metrics"]["inputs_s"].is_object());
    assert!(case["doubts"].to_string().contains("how many tokens"), "{}", case["doubts"]);
}

#[test]
fn faults_of_embeddings_are_named_as_the_truth_names_them() {
    for faults in [
        ["status-500", "status-429", "truncated", "reset", "error-in-stream"],
        ["error-object", "out-of-memory", "malformed-json", "bad-chunk", "html"],
        ["redirect", "huge-line", "huge-head", "gzip", "slow-bytes"],
    ] {
        let faults: String = faults.iter().map(|fault| format!("--fault {fault}=0.15 ")).collect();
        let server = mock(&format!("--embed-ms 1 {faults}"));
        let folder = project("kind = \"embedding\"\nworkload = { requests = 25 }");
        run(folder.path(), &server, &[]);
        let requests = requests(folder.path());
        let mut deeds = deeds(&server, Endpoint::Embeddings);
        // Before the load a word was embedded until that succeeded.
        let probes = deeds.len() - requests.len();
        for (request, deed) in requests.iter().zip(deeds.split_off(probes)) {
            let said = match request["outcome"]["is"].as_str().unwrap() {
                "failed" => request["outcome"]["class"].as_str().unwrap(),
                other => other,
            };
            assert_eq!(said, class(&deed), "{:?} {}", deed.planned, request["outcome"]);
        }
    }
}

#[test]
fn a_model_that_is_swapped_while_it_embeds_is_no_measurement() {
    let server = mock("--embed-ms 1 --swap-model-after 5");
    let folder = project("kind = \"embedding\"");
    let output = run(folder.path(), &server, &[]);
    assert_eq!(output.status.code(), Some(3));
    let reasons = case(&output)["epochs"][0]["reasons"].to_string();
    assert!(reasons.contains("the target changed"), "{reasons}");
}

const RAG: &str = "kind = \"rag\"\ndataset = { output_tokens = 6 }\n\
                   rag = { passages = 120, passage_words = 12, engine = \"ivf-sq8\" }\n\
                   retrieval = { truth_queries = 5, nprobe = 64 }";

#[test]
fn a_question_is_timed_from_its_beginning_and_in_its_parts() {
    let server = mock("--embed-ms 4");
    let folder = project(RAG);
    let case = case(&run(folder.path(), &server, &[]));
    assert_eq!(case["requests"]["succeeded"], 8, "{case}");
    assert_eq!(case["target"]["platform"], "rag-openai");
    assert_eq!(case["target"]["config"]["passages"], "seeded-120x12-seed1");
    assert!(case["preparation"]["ingest_s"].as_f64().unwrap() > 0.0);
    assert_eq!(case["metrics"]["recall_at_10"]["n"], 5, "only those that are checked");
    let chats = deeds(&server, Endpoint::Chat);
    // One word to see that it works, and 120 passages by 32.
    let embedded = deeds(&server, Endpoint::Embeddings).split_off(1 + 4);
    let requests = requests(folder.path());
    assert_eq!((requests.len(), chats.len(), embedded.len()), (9, 9, 9));
    for ((request, chat), question) in requests.iter().zip(&chats).zip(&embedded) {
        let parts = &request["parts"];
        let first = request["events"].as_array().unwrap();
        let first = &first.iter().find(|event| event["kind"] == "content").unwrap()["at"];
        assert!(between(&request["sent"], &parts["embedded"]) >= nanoseconds(question.e2e_s));
        assert!(between(&parts["asked"], first) >= nanoseconds(chat.ttft_s));
        let both = nanoseconds(question.e2e_s) + nanoseconds(chat.ttft_s);
        assert!(between(&request["sent"], first) >= both, "{request}");
        let order = [&request["sent"], &parts["embedded"], &parts["searching"], &parts["found"]];
        let order: Vec<u64> =
            order.iter().chain(&[&parts["asked"], first]).map(|it| it.as_u64().unwrap()).collect();
        assert!(order.is_sorted(), "{request}");
        // Ten passages of twelve words, the question's sixteen, and the template around them.
        assert!((146..180).contains(&chat.prompt_tokens), "{chat:?}");
        assert_eq!(question.prompt_tokens, 16);
    }
}

#[test]
fn a_part_that_fails_fails_the_question_and_is_named() {
    let server = mock("--embed-ms 1");
    let chats = mock("--fault status-503=1");
    let folder = project(&format!(
        "kind = \"rag\"\nrag = {{ passages = 120, embedding_url = \"{}\" }}",
        server.base_url()
    ));
    let case = case(&run(folder.path(), &chats, &[]));
    assert_eq!(case["requests"]["failed"], 8, "{case}");
    assert!(case["failures"].to_string().contains("answering: 503"), "{}", case["failures"]);
    assert_eq!(deeds(&server, Endpoint::Chat).len(), 0);
    assert_eq!(deeds(&chats, Endpoint::Embeddings).len(), 0, "another server embeds");
}

#[test]
fn passages_of_a_file_are_what_is_searched() {
    let server = mock("--embed-ms 1");
    let folder = project(
        "kind = \"rag\"\ndataset = { output_tokens = 4 }\nrag = { passage_file = \"p.txt\" }",
    );
    let lines: String = (0..40).map(|number| format!("passage number {number}\n\n")).collect();
    std::fs::write(folder.path().join("p.txt"), lines).unwrap();
    let case = case(&run(folder.path(), &server, &[]));
    assert_eq!(case["target"]["config"]["passage_count"], 40, "{case}");
    assert_eq!(case["requests"]["succeeded"], 8);
    std::fs::write(folder.path().join("p.txt"), "one\ntwo\n").unwrap();
    let told = run(folder.path(), &server, &[]);
    let told = String::from_utf8_lossy(&told.stderr).into_owned();
    assert!(told.contains("top_k = 10 of 2 passages"), "{told}");
}

#[test]
fn without_a_server_both_scenarios_say_so_and_measure_nothing() {
    for name in ["embeddings", "rag"] {
        let folder = tempfile::tempdir().unwrap();
        let output = tokgate()
            .current_dir(folder.path())
            .env("TOKGATE_RESULTS", folder.path().join("r"))
            .args(["run", name, "--base-url", "http://127.0.0.1:9/v1"])
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{name}: {told}");
        assert!(told.contains("is the server started"), "{name}: {told}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_scenario_starts_the_server_that_embeds_and_answers() {
    let command = [env!("CARGO_BIN_EXE_tokgate"), "mock-server", "--port", "{port}"];
    let options = ["--embed-ms", "1", "--ttft-ms", "1", "--itl-ms", "0.1"];
    let command: Vec<&str> = command.into_iter().chain(options).collect();
    for kind in ["kind = \"embedding\"", "kind = \"rag\"\nrag = { passages = 100 }"] {
        let folder = project(&format!(
            "{kind}\ntarget = {{ launch = {{ command = {command:?}, ready = \"/health\" }} }}"
        ));
        let output = tokgate()
            .current_dir(folder.path())
            .env("TOKGATE_RESULTS", folder.path().join("r"))
            .args(["run", "own.toml", "--format", "json"])
            .output()
            .unwrap();
        let case = case(&output);
        assert_eq!(case["requests"]["succeeded"], 8, "{kind}: {case}");
        assert!(case["preparation"]["model_load_s"].as_f64().unwrap() > 0.0, "{kind}");
    }
}
