use super::*;
use crate::clock::Clock;
use crate::driver::Payload;
use crate::launch::plain_launch;
use crate::recorder::Stamps;
use serde_json::Value;
use tokgate_core::case::{DriverKind, Target, Workload};
use tokgate_core::dataset::Message;

/// Answers every request of `$1` in `$2`, a sed of its names. It works a second: when a command
/// loaded is known only if it was still at work when its output was looked at.
const ANSWERS: &str = r#"echo 'INFO model loaded'; sleep 1; sed -E 's/.*"custom_id":"([^"]*)".*/{"custom_id":"\1","response":{"status_code":200,"body":{"model":"m","choices":[{"message":{"content":"hi \1"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2}}},"error":null}/' "$1" > "$2""#;

/// A folder of this test's own, removed at its end.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Three requests to a shell script.
struct Played {
    sent: Vec<(Result<Answer, Failure>, Stamps)>,
    driver: Batch,
    folder: Folder,
}

async fn play(test: &str, script: &str) -> Played {
    let name = format!("tokgate-batch-{test}-{}", std::process::id());
    let folder = Folder(std::env::temp_dir().join(name));
    let command = ["sh", "-c", script, "batch", "{input}", "{output}", "--max-model-len", "2048"];
    let mut case = crate::test_case();
    case.target = Target {
        launch: Some(Launch {
            command: command.map(str::to_owned).to_vec(),
            ready: Some("model loaded".to_owned()),
            timeout_s: 20.0,
            ..plain_launch()
        }),
        ..Target::of(DriverKind::Batch)
    };
    case.workload = Workload::closed(1, 3, 3, 0);
    let driver = Batch::open(&case, &folder.0).unwrap();
    let one = async |ordinal: u64| {
        let payload = Payload::Prompt {
            messages: vec![Message::user("hello")],
            max_tokens: 2,
            temperature: 0.0,
        };
        let reply = Reply::new(Clock::start());
        reply.sent();
        let answer = driver.send(&Request { ordinal, seed: 1, payload }, &reply).await;
        (answer, reply.take())
    };
    let sent = futures_util::future::join_all((0..3).map(one)).await;
    Played { sent, driver, folder }
}

#[tokio::test]
async fn a_command_answers_a_whole_file() {
    let played = play("whole", ANSWERS).await;
    for (ordinal, (answer, stamps)) in played.sent.iter().enumerate() {
        let answer = answer.as_ref().unwrap();
        assert_eq!(answer.text.as_deref(), Some(&*format!("hi request-{ordinal}")));
        assert_eq!(answer.usage.as_ref().unwrap().completion_tokens, 2);
        assert!(stamps.events.is_empty() && stamps.done.is_some(), "no stream, no first token");
    }
    let after = played.driver.after().await;
    assert!(after.preparation.unwrap().model_load_s.is_some());
    assert_eq!(after.last.config["max_model_len"], 2048);
    let input = played.driver.logs.join(format!("batch-{}-requests.jsonl", std::process::id()));
    let first = std::fs::read_to_string(input).unwrap().lines().next().unwrap().to_owned();
    let line: Value = serde_json::from_str(&first).unwrap();
    assert_eq!(line["url"], "/v1/chat/completions");
    assert_eq!(line["body"]["messages"][0]["content"], "hello");
    assert!(line["body"]["stream"].is_null());
    drop(played.folder);
}

#[tokio::test]
async fn a_request_without_an_answer_fails_and_the_others_do_not() {
    let script = format!("{ANSWERS}; sed -i '2s/.*/not json/' \"$2\"");
    let played = play("missing", &script).await;
    let classes: Vec<Option<FailureClass>> =
        played.sent.iter().map(|(answer, _)| answer.as_ref().err().map(|it| it.class)).collect();
    assert_eq!(classes, [None, Some(FailureClass::Truncated), None]);
}

#[tokio::test]
async fn a_command_that_fails_is_quoted() {
    let played = play("oom", "echo 'ValueError: CUDA out of memory'; exit 1").await;
    for (answer, _) in &played.sent {
        let failure = answer.as_ref().unwrap_err();
        assert_eq!(failure.class, FailureClass::TargetOom);
        assert!(failure.message.contains("ValueError"), "{failure}");
    }
}
