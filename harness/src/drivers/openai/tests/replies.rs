//! What requests say, and what recorded replies become.

use super::*;

#[tokio::test]
async fn tokens_are_the_servers_and_not_the_number_of_chunks() {
    let llama = play_recorded("llamacpp-xllamacpp-chat-usage.txt").await;
    assert_eq!((tokens(&llama), llama.content()), (Some(24), 20));
    let vllm = play_recorded("vllm-0.32.0-cpu-chat-usage.txt").await;
    assert_eq!((tokens(&vllm), vllm.content()), (Some(24), 24));
    let continuous = play_recorded("vllm-0.32.0-cpu-chat-continuous-usage.txt").await;
    assert_eq!(tokens(&continuous), Some(8));
    let llama = play_recorded("llamacpp-xllamacpp-compl-usage.txt").await;
    assert_eq!(tokens(&llama), Some(16));
    let vllm = play_recorded("vllm-0.32.0-cpu-compl-usage.txt").await;
    assert_eq!((tokens(&vllm), vllm.content()), (Some(16), 16));
}

#[tokio::test]
async fn tokens_that_the_server_does_not_count_are_absent() {
    assert_eq!(tokens(&play_recorded("vllm-0.32.0-cpu-chat-nousage.txt").await), None);
    assert_eq!(tokens(&play_recorded("llamacpp-xllamacpp-chat-nousage.txt").await), None);
}

#[tokio::test]
async fn the_first_token_is_not_the_role() {
    let sent = play_recorded("vllm-0.32.0-cpu-chat-usage.txt").await;
    assert_eq!(sent.kinds()[..2], [EventKind::Other, EventKind::Content]);
    assert_eq!(sent.kinds().last(), Some(&EventKind::Other), "the usage report");
    assert_eq!(sent.answer.unwrap().finish_reason.as_deref(), Some("length"));
    assert!(sent.stamps.done.is_some());
}

#[tokio::test]
async fn events_of_one_read_share_its_stamp() {
    let stream = recorded("llamacpp-xllamacpp-chat-usage.txt");
    let sent = play(Script::stream([&stream[..]])).await;
    let first = sent.stamps.events[0].at;
    assert!(sent.stamps.events.iter().all(|event| event.at == first));
    assert_eq!(sent.stamps.done, Some(first));
}

#[tokio::test]
async fn what_servers_really_sent_is_replayed_byte_for_byte() {
    for (name, tokens_sent, text) in [
        ("llamacpp-xllamacpp-chat-usage.http.txt", 6, "E, 日本"),
        ("vllm-0.32.0-cpu-chat-usage.http.txt", 6, "loguploadloguploadlogupload"),
    ] {
        let sent = play(Script::raw(&recorded(name))).await;
        assert_eq!(tokens(&sent), Some(tokens_sent), "{name}");
        assert_eq!(sent.answer.unwrap().text.as_deref(), Some(text));
    }
}

#[tokio::test]
async fn chunks_that_cut_characters_change_nothing() {
    let stream = recorded("llamacpp-xllamacpp-chat-usage.txt");
    let whole = play(Script::stream([&stream[..]])).await;
    let bytes = play(Script::stream(stream.chunks(1))).await;
    bytes.assert_ordered();
    assert_eq!(bytes.kinds(), whole.kinds());
    let answer = bytes.answer.unwrap();
    assert!(answer.text.as_deref().unwrap().starts_with("E, 日本, 🙂"));
    assert_eq!(answer, whole.answer.unwrap());
}

#[tokio::test]
async fn the_request_ends_at_done_though_the_socket_stays_open() {
    let sent = play(Script::begun([TOKEN, DONE, TOKEN]).then(Step::Hold)).await;
    assert_eq!(sent.kinds(), [EventKind::Content]);
    assert!(sent.stamps.done.is_some());
    assert_eq!(sent.answer.unwrap().text.as_deref(), Some("a"));
}

#[tokio::test]
async fn a_finish_reason_and_a_clean_end_are_an_end_too() {
    let sent = play(Script::stream([TOKEN, FINISH])).await;
    assert!(sent.stamps.done.is_some());
    assert_eq!(sent.answer.unwrap().finish_reason.as_deref(), Some("stop"));
}

#[tokio::test]
async fn no_request_is_sent_on_a_connection_that_llama_cpp_is_about_to_close() {
    let models = Script::json(&recorded("llamacpp-xllamacpp-models.json"));
    let chat = Script::stream([TOKEN, FINISH, DONE]);
    let server = Replay::start([("/v1/models", models), (CHAT, chat)]).await;
    let driver = OpenAi::open(&case(&server.base_url())).await.unwrap();
    let opened = server.connections();
    for _ in 0..3 {
        send(&driver).await.answer.unwrap();
    }
    let asked = server.asked();
    let posts = || asked.iter().filter(|asked| asked.line.starts_with("POST"));
    assert!(posts().all(|post| post.head.contains("connection: close")), "{asked:?}");
    // The first may have the connection on which the list of models came.
    assert!(server.connections() >= opened + 2, "{} for 3 requests", server.connections());
}

#[tokio::test]
async fn a_server_that_hangs_up_unannounced_costs_one_request_and_not_every_second() {
    let whole = Script::stream([TOKEN, FINISH, DONE]);
    let hangs_up = whole.then(Step::Close);
    let server = chat_server(hangs_up).await;
    let driver = OpenAi::open(&case(&server.base_url())).await.unwrap();
    let mut lost = 0;
    for _ in 0..20 {
        lost += usize::from(send(&driver).await.answer.is_err());
    }
    assert!(lost <= 1, "{lost} of 20 requests were lost");
}

#[tokio::test]
async fn requests_share_a_connection() {
    let server = chat_server(Script::stream([TOKEN, FINISH, DONE])).await;
    let driver = OpenAi::open(&case(&server.base_url())).await.unwrap();
    for _ in 0..10 {
        assert!(send(&driver).await.answer.is_ok());
    }
    assert!(server.connections() < 6, "{} for 12 requests", server.connections());
}

#[tokio::test]
async fn a_result_says_whose_clock_stamped_it_and_that_is_no_change() {
    let server = chat_server(Script::stream([TOKEN, FINISH, DONE])).await;
    let driver = OpenAi::open(&case(&server.base_url())).await.unwrap();
    assert!(!driver.after().await.last.config.contains_key("receive_stamps"));
    send(&driver).await.answer.unwrap();
    let after = driver.after().await;
    let source = after.last.config["receive_stamps"].as_str();
    assert!(matches!(source, Some("kernel" | "mixed" | "read")), "{source:?}");
    assert!(after.changes().is_empty());
}

#[tokio::test]
async fn a_refused_request_keeps_its_connection() {
    let busy = Script::plain("429 Too Many Requests", "application/json", b"{}");
    let server = chat_server(busy).await;
    let driver = OpenAi::open(&case(&server.base_url())).await.unwrap();
    let opened = server.connections();
    for _ in 0..5 {
        assert_eq!(send(&driver).await.class(), FailureClass::Status);
    }
    assert_eq!(server.connections(), opened + 1);
}

#[tokio::test]
async fn a_proxy_is_asked_for_the_whole_address() {
    let models = Script::json(&recorded("vllm-0.32.0-cpu-models.json"));
    let chat = Script::stream([TOKEN, FINISH, DONE]);
    let proxy = Replay::start([
        ("http://models.example/v1/models", models),
        ("http://models.example/v1/chat/completions", chat),
    ])
    .await;
    let mut case = case("http://models.example/v1");
    case.target.proxy = Some(proxy.base_url().replace("http://", "http://me:you@"));
    send(&OpenAi::open(&case).await.unwrap()).await.answer.unwrap();
    let asked = proxy.asked().pop().unwrap();
    assert_eq!(asked.line, "POST http://models.example/v1/chat/completions HTTP/1.1");
    assert!(asked.head.contains("host: models.example\r\n"), "{}", asked.head);
    assert!(asked.head.contains("proxy-authorization: basic bwu6ew91"), "{}", asked.head);
}

#[tokio::test]
async fn a_request_says_what_the_case_says_and_the_scenario_has_the_last_word() {
    let server = chat_server(Script::stream([TOKEN, DONE])).await;
    let mut case = case(&server.base_url());
    case.target.body = serde_json::from_value(json!({ "ignore_eos": true, "seed": 7 })).unwrap();
    send(&OpenAi::open(&case).await.unwrap()).await.answer.unwrap();
    let asked = server.asked().pop().unwrap();
    assert_eq!(asked.line, "POST /v1/chat/completions HTTP/1.1");
    assert!(!asked.head.contains("accept-encoding") && !asked.head.contains("authorization"));
    let body: Value = serde_json::from_str(&asked.body).unwrap();
    let expected = json!({
        "model": "smollm2", "messages": [{ "role": "user", "content": "Say 日本." }],
        "max_tokens": 24, "temperature": 0.0, "seed": 7, "ignore_eos": true,
        "stream": true, "stream_options": { "include_usage": true },
    });
    assert_eq!(body, expected);
}

#[tokio::test]
async fn completions_send_a_plain_prompt() {
    let stream = recorded("llamacpp-xllamacpp-compl-usage.txt");
    let server = chat_server(Script::stream(events(&stream))).await;
    let mut case = case(&server.base_url());
    case.target.endpoint = Endpoint::Completions;
    let sent = send(&OpenAi::open(&case).await.unwrap()).await;
    assert!(sent.answer.unwrap().text.unwrap().starts_with(" Paris."));
    let body: Value = serde_json::from_str(&server.asked().pop().unwrap().body).unwrap();
    assert_eq!(body["prompt"], "Say 日本.");
    assert_eq!(body["seed"], 0x7FFF_FFFF, "a width that every server takes");
}

#[tokio::test]
async fn the_key_goes_to_the_target_and_nowhere_else() {
    let key = std::env::var(KEY_VARIABLE).unwrap();
    let echo = json!({ "error": { "message": format!("bad key {key}") } }).to_string();
    let server =
        chat_server(Script::plain("401 Unauthorized", "application/json", echo.as_bytes())).await;
    let mut case = case(&server.base_url());
    case.target.api_key_env = Some(KEY_VARIABLE.to_owned());
    let sent = send(&OpenAi::open(&case).await.unwrap()).await;
    assert_eq!(sent.message(), "401 Unauthorized: bad key [key]");
    let bearer = format!("authorization: bearer {key}").to_ascii_lowercase();
    assert!(server.asked().iter().all(|asked| asked.head.contains(&bearer)));
}
