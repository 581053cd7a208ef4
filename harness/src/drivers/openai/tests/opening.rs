//! What a server says of itself, and what keeps one from being measured.

use super::*;

/// The error of a case that cannot be opened.
async fn refused(case: &Case) -> String {
    match OpenAi::open(case).await {
        Ok(_) => panic!("the case was opened"),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn settings_that_cannot_work_are_refused_with_what_to_do() {
    let mut unset = case("http://127.0.0.1:9/v1");
    unset.target.api_key_env = Some("TOKGATE_TEST_NO_SUCH_KEY".to_owned());
    assert!(refused(&unset).await.contains("names TOKGATE_TEST_NO_SUCH_KEY, which is not set"));
    let mut clear = case("http://models.example/v1");
    clear.target.api_key_env = Some(KEY_VARIABLE.to_owned());
    assert!(refused(&clear).await.contains("in the clear; use https"));
    let mut nowhere = case("");
    nowhere.target.base_url = None;
    assert!(refused(&nowhere).await.contains("`TOKGATE_BASE_URL`"));
    assert!(refused(&case("localhost:8000/v1")).await.contains("not http:"));
    let with_user = refused(&case("http://user:sesame@localhost/v1")).await;
    assert!(with_user.contains("`api_key_env`") && !with_user.contains("sesame"));
    let server = chat_server(Script::stream([DONE])).await;
    let mut silent = case(&server.base_url());
    silent.target.body.insert("stream".to_owned(), json!(false));
    assert!(refused(&silent).await.contains("`stream`"));
}

#[tokio::test]
async fn a_model_that_is_not_listed_is_refused_with_those_that_are() {
    let server = chat_server(Script::stream([DONE])).await;
    let mut case = case(&server.base_url());
    case.target.model = Some("no-such-model".to_owned());
    assert!(refused(&case).await.ends_with("has no model `no-such-model`; it has smollm2"));
    case.target.model = Some("smollm2".to_owned());
    assert_eq!(OpenAi::open(&case).await.unwrap().identity().model, "smollm2");
}

#[tokio::test]
async fn a_server_without_a_list_is_measured_by_name() {
    let server = Replay::start([(CHAT, Script::stream([TOKEN, DONE]))]).await;
    let mut case = case(&server.base_url());
    assert!(refused(&case).await.contains("is `/v1` missing from the base URL"));
    case.target.model = Some("anything".to_owned());
    assert_eq!(OpenAi::open(&case).await.unwrap().identity().model, "anything");
    case.target.base_url = Some(server.base_url().replace("/v1", ""));
    assert!(refused(&case).await.contains("is `/v1` missing from the base URL"));
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_comes_with_advice() {
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let error = refused(&case(&format!("http://{closed}/v1"))).await;
    assert!(error.starts_with("connect: ") && error.contains("is the server started"), "{error}");
    let server = chat_server(Script::stream([DONE])).await;
    let error = refused(&case(&server.base_url().replace("http:", "https:"))).await;
    assert!(error.starts_with("tls: ") && error.contains("http://"), "{error}");
    let too_long = "x".repeat(64);
    let error = refused(&case(&format!("http://{too_long}/v1"))).await;
    assert!(error.starts_with("dns: ") && error.contains("host name"), "{error}");
    let models = Script::plain(
        "503 Service Unavailable",
        "application/json",
        b"{\"error\":{\"message\":\"Loading model\"}}",
    );
    let loading = Replay::start([("/v1/models", models)]).await;
    let error = refused(&case(&loading.base_url())).await;
    assert!(error.contains("Loading model") && error.contains("wait"), "{error}");
}

#[tokio::test]
async fn a_busy_server_is_asked_once_more_when_it_says_so() {
    let busy = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 0\r\n\
                 content-length: 4\r\n\r\nbusy";
    let server = Replay::start([("/v1/models", Script(vec![Step::Send(busy.to_vec())]))]).await;
    let error = refused(&case(&server.base_url())).await;
    assert!(error.contains("503") && error.contains("busy"), "{error}");
    assert_eq!(server.asked().len(), 2);
}

#[tokio::test]
async fn vllm_says_who_it_is() {
    let models = Script::json(&recorded("vllm-0.32.0-cpu-models.json"));
    let version = Script::json(&recorded("vllm-0.32.0-cpu-version.json"));
    let server = Replay::start([("/v1/models", models), ("/version", version)]).await;
    let identity = OpenAi::open(&case(&server.base_url())).await.unwrap().identity();
    assert_eq!((&*identity.platform, &*identity.engine), ("vllm-serve", "vllm 0.32.0"));
    assert_eq!(identity.context_window, Some(1024));
    assert_eq!(identity.config["root"], "smollm2-hf");
    assert_eq!(identity.config["http"], "HTTP/1.1 over IPv4");
}

#[tokio::test]
async fn llama_cpp_says_who_it_is_and_its_build_with_its_first_reply() {
    let models = Script::json(&recorded("llamacpp-xllamacpp-models.json"));
    let stream = recorded("llamacpp-xllamacpp-chat-usage.txt");
    let chat = Script::stream(events(&stream));
    let server = Replay::start([("/v1/models", models), (CHAT, chat)]).await;
    let driver = OpenAi::open(&case(&server.base_url())).await.unwrap();
    let identity = driver.identity();
    assert_eq!((&*identity.platform, &*identity.engine), ("llama-cpp", "llama.cpp"));
    assert_eq!(identity.size_params.as_deref(), Some("135m"));
    assert_eq!(identity.size_bytes, Some(96_576_768));
    assert_eq!(identity.quantization.as_deref(), Some("Q4_1"));
    assert_eq!(identity.context_window, Some(2048));
    send(&driver).await.answer.unwrap();
    assert_eq!(driver.identity().engine, "llama.cpp b0-unknown");
}
