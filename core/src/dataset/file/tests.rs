//! Files of every format, right and wrong.

use super::*;
use crate::dataset::Role;

fn read(file: &str, text: &str) -> Parsed {
    parse(file, None, text.as_bytes()).unwrap_or_else(|error| panic!("{error}"))
}

/// The last message of each request, and its limit.
fn questions(parsed: &Parsed) -> Vec<(&str, Option<u32>)> {
    let Entries::Written(written) = &parsed.entries else { panic!("prompts were expected") };
    let question = |one: &'_ Written| one.messages().last().map(|it| it.content.clone());
    assert!(written.iter().all(|one| question(one).is_some()));
    written.iter().map(|one| (&*one.messages().last().unwrap().content, one.max_tokens)).collect()
}

fn traced(parsed: &Parsed) -> Vec<(Option<f64>, u32, u32)> {
    let Entries::Traced(traced) = &parsed.entries else { panic!("lengths were expected") };
    traced.iter().map(|one| (one.at_s, one.input_tokens, one.output_tokens)).collect()
}

fn told(parsed: &Parsed) -> Vec<String> {
    parsed.told.iter().map(ToString::to_string).collect()
}

#[test]
fn a_text_has_a_prompt_a_line() {
    let parsed = read("a.txt", "\u{feff}first\r\n\r\n  second \nünï\u{308}\n");
    assert_eq!(parsed.format, FileFormat::Text);
    assert_eq!(questions(&parsed), [("first", None), ("second", None), ("ünï\u{308}", None)]);
}

#[test]
fn json_lines_have_a_prompt_a_text_or_messages() {
    let parsed = read(
        "a.jsonl",
        "{\"prompt\": \"a\", \"max_tokens\": 5, \"more\": [1]}\n{\"text\": \"b\", \"output_tokens\": 6}\n\
         {\"messages\": [{\"role\": \"system\", \"content\": \"s\"}, {\"role\": \"user\", \"content\": [{\"type\": \"text\", \"text\": \"c\"}]}]}\n",
    );
    assert_eq!(parsed.format, FileFormat::Jsonl);
    assert_eq!(questions(&parsed), [("a", Some(5)), ("b", Some(6)), ("c", None)]);
}

#[test]
fn a_batch_is_read_as_openai_takes_it() {
    let line = |url: &str, body: &str| {
        format!(
            "{{\"custom_id\": \"r\", \"method\": \"POST\", \"url\": \"{url}\", \"body\": {body}}}\n"
        )
    };
    let chat = r#"{"model": "m", "messages": [{"role": "user", "content": "a"}], "max_tokens": 7}"#;
    let text = r#"{"prompt": "b", "max_completion_tokens": 9}"#;
    let parsed = read(
        "batch_5k.jsonl",
        &[
            line("/v1/chat/completions", chat),
            line("/v1/completions", text),
            line("/v1/embeddings", r#"{"input": "c"}"#),
            line("/v1/completions", r#"{"prompt": ["d", "e"]}"#),
        ]
        .concat(),
    );
    assert_eq!(parsed.format, FileFormat::OpenaiBatch);
    assert_eq!(questions(&parsed), [("a", Some(7)), ("b", Some(9))]);
    assert_eq!(
        told(&parsed),
        [
            "batch_5k.jsonl:3: a request to `/v1/embeddings`, expected one for completions",
            "batch_5k.jsonl:4: `prompt` is no text; write a line for each prompt",
        ]
    );
}

#[test]
fn each_turn_of_the_person_is_a_request_behind_what_was_said() {
    let conversation = r#"{"id": "x", "conversations": [
        {"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}, {"from": "human", "value": "c"}]}"#;
    let silent = r#"{"conversations": [{"from": "gpt", "value": "b"}]}"#;
    let parsed = read("a.json", &format!("[{conversation},\n{silent},\n{{\"messages\": 3}}]"));
    assert_eq!(parsed.format, FileFormat::Sharegpt);
    assert_eq!(questions(&parsed), [("a", None), ("c", None)]);
    let Entries::Written(written) = &parsed.entries else { unreachable!() };
    let roles: Vec<Role> = written[1].messages().iter().map(|message| message.role).collect();
    assert_eq!(roles, [Role::User, Role::Assistant, Role::User]);
    assert_eq!((written[0].recorded_answer(), written[1].recorded_answer()), (Some("b"), None));
    assert_eq!(parsed.bad_lines, 2);
    assert_eq!(told(&parsed)[0], "a.json:3: nobody asks anything in the conversation");
    assert!(told(&parsed)[1].starts_with("a.json:4: invalid type: integer `3`"));
}

#[test]
fn conversations_may_stand_a_line_each() {
    let line = r#"{"conversations": [{"from": "human", "value": "a"}]}"#;
    let parsed = read("a.jsonl", &format!("{line}\n{line}\n"));
    assert_eq!((parsed.format, parsed.entries.len()), (FileFormat::Sharegpt, 2));
}

#[test]
fn traces_are_read_as_mooncake_and_azure_write_them() {
    let mooncake = "{\"timestamp\": 27000, \"input_length\": 6955, \"output_length\": 52, \"hash_ids\": [1]}\n\
                    {\"timestamp\": 27500, \"input_length\": 10, \"output_length\": 1}\n";
    let parsed = read("trace.jsonl", mooncake);
    assert_eq!(traced(&parsed), [(Some(0.0), 6955, 52), (Some(0.5), 10, 1)]);
    let azure = "TIMESTAMP,ContextTokens,GeneratedTokens\r\n2023-11-16 18:15:46.5,4808,10\r\n\
                 2023-11-16 18:15:45.0,110,27\r\n";
    assert_eq!(traced(&read("code", azure)), [(Some(1.5), 4808, 10), (Some(0.0), 110, 27)]);
    let plain = "input_length,output_length\n5,6\n";
    assert_eq!(traced(&read("a.csv", plain)), [(None, 5, 6)]);
}

#[test]
fn bad_lines_are_told_by_their_number_and_the_rest_is_kept() {
    let mut bytes = b"{\"prompt\": \"a\"}\n\xff\xfe\n{\"prompt\": }\n\n".to_vec();
    bytes.extend(b"{}\n{\"prompt\": \"b\", \"max_tokens\": 0}\n{\"prompt\": \"a\\u0000b\"}\n{\"a\":\"\0\"}\n");
    let parsed = parse("a.jsonl", None, &bytes).unwrap();
    assert_eq!(questions(&parsed), [("a", None), ("a\0b", None)]);
    assert_eq!(
        told(&parsed),
        [
            "a.jsonl:2: not UTF-8 from byte 1",
            "a.jsonl:3: expected value, column 12",
            "a.jsonl:5: none of `prompt`, `text` and `messages`",
            "a.jsonl:6: 0 output tokens, expected 1 to 1000000",
            "a.jsonl:8: a NUL byte is in it",
        ]
    );
}

#[test]
fn many_bad_lines_are_counted_and_a_few_are_told() {
    let parsed = read("a.jsonl", &format!("{{\"prompt\": \"a\"}}\n{}", "{}\n".repeat(1000)));
    assert_eq!((parsed.bad_lines, parsed.told.len()), (1000, MOST_TOLD));
}

#[test]
fn a_file_without_a_good_line_is_an_error_that_says_what_one_looks_like() {
    let error =
        |file: &str, text: &str| parse(file, None, text.as_bytes()).unwrap_err().to_string();
    assert_eq!(
        error("a.txt", "\n \n"),
        "no request is in it as text: it is empty; write a prompt a line"
    );
    assert!(
        error("a.jsonl", "{}\n").starts_with("no request is in it as jsonl: a.jsonl:1: none of")
    );
    assert!(error("a.csv", "a,b\n1,2\n").contains("no header of a trace"));
    assert!(error("a.json", "[{\"conversations\": [").contains("a.json:1: EOF"));
}

#[test]
fn a_named_format_is_stronger_than_what_the_file_looks_like() {
    let parsed = parse("a.csv", Some(FileFormat::Text), b"{\"prompt\": \"a\"}\n").unwrap();
    assert_eq!(questions(&parsed), [("{\"prompt\": \"a\"}", None)]);
}

#[test]
fn a_conversation_and_a_file_have_their_limits() {
    let said = r#"{"role": "user", "content": "a"}"#;
    let many = vec![said; MAX_MESSAGES + 1].join(",");
    let parsed = read("a.jsonl", &format!("{{\"prompt\": \"a\"}}\n{{\"messages\": [{many}]}}\n"));
    assert_eq!(told(&parsed), ["a.jsonl:2: 1001 messages, more than the 1000 of a conversation"]);
    let lines = "a\n".repeat(MAX_ENTRIES + 1);
    assert_eq!(parse("a.txt", None, lines.as_bytes()), Err(FileError::TooMany));
    let list = format!("[{}0]", "0,".repeat(MAX_ENTRIES));
    let error = parse("a.json", None, list.as_bytes()).unwrap_err().to_string();
    assert!(error.contains("more than 1000000 conversations"), "{error}");
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config {
        failure_persistence: None,
        ..proptest::test_runner::Config::default()
    })]

    #[test]
    fn no_bytes_make_the_reader_panic(
        bytes in proptest::collection::vec(
            proptest::prelude::prop_oneof![
                proptest::prelude::Just(b'\n'), proptest::prelude::Just(b'['), proptest::prelude::Just(b'{'),
                proptest::prelude::Just(b'"'), proptest::prelude::Just(b','), proptest::prelude::any::<u8>(),
            ],
            0..200,
        ),
        format in proptest::sample::select(vec![
            None, Some(FileFormat::Text), Some(FileFormat::Jsonl), Some(FileFormat::OpenaiBatch),
            Some(FileFormat::Sharegpt), Some(FileFormat::Trace),
        ]),
    ) {
        drop(parse("a", format, &bytes));
    }
}
