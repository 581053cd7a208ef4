use super::*;
use tokgate_core::case::Target;

fn shell(script: &str) -> Launch {
    Launch { command: ["sh", "-c", script].map(str::to_owned).to_vec(), ..plain_launch() }
}

/// A folder of this test's own, removed at its end.
struct Logs(std::path::PathBuf);

impl Logs {
    fn of(test: &str) -> Self {
        Self(std::env::temp_dir().join(format!("tokgate-{test}-{}", std::process::id())))
    }
}

impl Drop for Logs {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn start(launch: Launch, base_url: Option<&str>, logs: &Logs) -> Result<Running, String> {
    let mut case = crate::test_case();
    case.target = Target {
        base_url: base_url.map(str::to_owned),
        launch: Some(launch),
        ..Target::of(DriverKind::Openai)
    };
    let server = Server::of(&case).unwrap();
    server.start(&logs.0, &Stop::default()).await.map_err(|error| error.to_string())
}

#[tokio::test]
async fn a_server_that_ends_before_it_is_ready_is_quoted() {
    let logs = Logs::of("ends");
    let dies = shell("echo loading; echo 'RuntimeError: no such model' >&2; echo bye; exit 3");
    let error = start(dies, None, &logs).await.unwrap_err();
    assert!(error.contains("exit status: 3") && error.contains("no such model"), "{error}");
    assert!(error.contains("its log is "), "{error}");
    let hungry = shell("echo 'torch.OutOfMemoryError: CUDA out of memory.'; exit 1");
    let error = start(hungry, None, &logs).await.unwrap_err();
    assert!(error.starts_with("target-oom: ") && error.contains("--max-model-len"), "{error}");
}

#[tokio::test]
async fn a_server_that_is_never_ready_is_ended_with_all_it_started() {
    let logs = Logs::of("never");
    let launch = Launch { timeout_s: 0.3, ..shell("sleep 600 & echo $!; wait") };
    let error = start(launch, None, &logs).await.unwrap_err();
    assert!(error.contains("did not answer 200 within 0.3 s"), "{error}");
    let log = std::fs::read_dir(&logs.0).unwrap().next().unwrap().unwrap().path();
    let child = std::fs::read_to_string(log).unwrap().trim().to_owned();
    let state = std::fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
    // Without an init to reap it, the dead child of a dead parent may stay as a zombie.
    assert!(state.is_empty() || state.contains(") Z "), "{state}");
}

#[tokio::test]
async fn what_cannot_be_started_says_why() {
    let logs = Logs::of("cannot");
    let absent = Launch { command: vec!["tokgate-no-such-program".to_owned()], ..plain_launch() };
    let error = start(absent, None, &logs).await.unwrap_err();
    assert!(error.contains("`tokgate-no-such-program`") && error.contains("installed"), "{error}");
    let error = start(shell("true"), Some("http://192.0.2.1:80/v1"), &logs).await.unwrap_err();
    assert!(error.contains("listens on this machine"), "{error}");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}/v1", taken.local_addr().unwrap());
    let error = start(shell("true"), Some(&base), &logs).await.unwrap_err();
    assert!(error.contains("listens at") && error.contains("`reuse = true`"), "{error}");
    let reuse = Launch { reuse: true, ..shell("true") };
    let found = start(reuse, Some(&base), &logs).await.unwrap();
    assert_eq!((found.base_url(), found.load_s), (base, None));
}

#[tokio::test]
async fn a_stop_ends_the_waiting() {
    let logs = Logs::of("stop");
    let mut case = crate::test_case();
    case.target.launch = Some(shell("sleep 600"));
    let stop = Stop::default();
    stop.request();
    let started = Server::of(&case).unwrap().start(&logs.0, &stop).await;
    assert!(started.unwrap_err().to_string().contains("stopped"));
}
