//! Replies as servers write them, and as they should not.

use super::*;
use serde_json::{Value, json};

fn item(index: u64, embedding: Value) -> Value {
    json!({ "object": "embedding", "index": index, "embedding": embedding })
}

fn body(items: &[Value]) -> String {
    json!({
        "object": "list", "data": items, "model": "bge-small",
        "usage": { "prompt_tokens": 9, "total_tokens": 9 },
    })
    .to_string()
}

fn base64(vector: &[f32]) -> Value {
    let bytes: Vec<u8> = vector.iter().flat_map(|value| value.to_le_bytes()).collect();
    BASE64.encode(bytes).into()
}

fn said(body: &str, inputs: usize) -> String {
    read(body, inputs).unwrap_err().to_string()
}

#[test]
fn both_encodings_give_the_same_vectors() {
    let (one, other) = ([0.5f32, -0.25, 3.0e-7], [1.0f32, 0.0, -2.5]);
    let numbers = body(&[item(0, json!(one)), item(1, json!(other))]);
    let coded = body(&[item(0, base64(&one)), item(1, base64(&other))]);
    let (numbers, coded) = (read(&numbers, 2).unwrap(), read(&coded, 2).unwrap());
    assert_eq!(numbers.vectors, [one, other]);
    assert_eq!(coded.vectors, numbers.vectors);
    assert_eq!((numbers.encoding, coded.encoding), (Encoding::Float, Encoding::Base64));
    assert_eq!((numbers.prompt_tokens, numbers.dimensions()), (Some(9), 3));
    assert_eq!(numbers.usage, Some(json!({ "prompt_tokens": 9, "total_tokens": 9 })));
    assert_eq!(numbers.model.as_deref(), Some("bge-small"));
}

#[test]
fn base64_without_its_padding_is_read_too() {
    let Value::String(coded) = base64(&[1.0]) else { unreachable!("text") };
    assert!(coded.ends_with('='));
    let bare = body(&[item(0, coded.trim_end_matches('=').into())]);
    assert_eq!(read(&bare, 1).unwrap().vectors, [[1.0f32]]);
}

#[test]
fn vectors_are_put_in_the_order_of_their_inputs() {
    let swapped = body(&[item(1, json!([2.0])), item(0, json!([1.0]))]);
    assert_eq!(read(&swapped, 2).unwrap().vectors, [[1.0f32], [2.0]]);
    let bare = r#"{"data":[{"embedding":[2.0]},{"embedding":[1.0]}]}"#;
    assert_eq!(read(bare, 2).unwrap().vectors, [[2.0f32], [1.0]]);
}

#[test]
fn tokens_that_nobody_counted_are_absent() {
    for usage in [
        "",
        r#","usage":null"#,
        r#","usage":{}"#,
        r#","usage":{"total_tokens":7}"#,
        r#","usage":{"prompt_tokens":"x"}"#,
        r#","usage":7"#,
    ] {
        let body = format!(r#"{{"data":[{{"index":0,"embedding":[1]}}]{usage}}}"#);
        assert_eq!(read(&body, 1).unwrap().prompt_tokens, None, "{usage}");
    }
}

#[test]
fn vectors_that_are_not_those_of_the_inputs_are_refused_by_name() {
    let one = || item(0, json!([1.0, 2.0]));
    for (items, inputs, words) in [
        (vec![one()], 2, "1 vectors came for 2 inputs"),
        (vec![one(), one()], 2, "two vectors have index 0"),
        (vec![one(), item(2, json!([1.0, 2.0]))], 2, "index 2, and there are 2 inputs"),
        (vec![one(), item(1, json!([1.0]))], 2, "input 1: the vector has 1 components"),
        (vec![item(0, json!([]))], 1, "input 0: the vector is empty"),
        (vec![one(), item(1, json!([0.0, 0.0]))], 2, "input 1: all components are 0"),
        (vec![item(0, json!([1.0, null]))], 1, "input 0: component 1 is NaN"),
        (vec![item(0, json!([1e300]))], 1, "input 0: component 0 is inf"),
        (vec![item(0, base64(&[1.0, f32::NAN]))], 1, "input 0: component 1 is NaN"),
        (vec![item(0, base64(&[f32::INFINITY]))], 1, "input 0: component 0 is inf"),
    ] {
        let told = said(&body(&items), inputs);
        assert!(told.contains(words), "{words}: {told}");
    }
}

#[test]
fn what_is_no_list_of_embeddings_says_why() {
    for (body, words) in [
        ("", "not a list of embeddings"),
        ("{\"data\":[{\"index\":0,\"embed", "not a list of embeddings"),
        (r#"{"data":[{"index":0,"embedding":[NaN]}]}"#, "NaN or Infinity, which are no JSON"),
        (r#"{"data":[{"index":0,"embedding":"AAAA*"}]}"#, "base64"),
        (r#"{"data":[{"index":0,"embedding":"AAAA"}]}"#, "3 bytes in base64 are no f32s"),
        (r#"{"data":[{"index":0,"embedding":7}]}"#, "a list of numbers, or f32 in base64"),
        (r#"{"data":[{"index":0}]}"#, "missing field `embedding`"),
        (r#"{"data":[{"index":-1,"embedding":[1]}]}"#, "not a list of embeddings"),
        ("{}", "0 vectors came for 1 inputs"),
        (r#"{"error":{"message":"no such model"}}"#, "no such model"),
        (r#"{"object":"error","message":"boom"}"#, "boom"),
    ] {
        let told = said(body, 1);
        assert!(told.contains(words), "{body}: {told}");
    }
}
