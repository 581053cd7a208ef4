//! The schema of an answer, read off one that was given: which keys it has, and of which types they are.

use serde_json::{Map, Value, json};

/// The schema of answers like this one. What is `null` here may be anything; a number or text may be `null`
/// elsewhere, since what nobody measured is.
pub(super) fn schema_of(value: &Value) -> Value {
    match value {
        Value::Null => json!({}),
        Value::Bool(_) => json!({ "type": "boolean" }),
        Value::Number(number) if number.is_f64() => json!({ "type": ["number", "null"] }),
        Value::Number(_) => json!({ "type": ["integer", "null"] }),
        Value::String(_) => json!({ "type": ["string", "null"] }),
        Value::Array(rows) => json!({ "type": "array", "items": items(rows) }),
        Value::Object(object) => of_object(object),
    }
}

/// The schema of all rows: a key of each that one of them has.
fn items(rows: &[Value]) -> Value {
    let mut all = Map::new();
    let mut others = None;
    for row in rows {
        match row {
            Value::Object(object) => {
                for (key, value) in object {
                    let known = all.entry(key.clone()).or_insert(Value::Null);
                    if known.is_null() {
                        *known = value.clone();
                    }
                }
            }
            other => others = others.or(Some(schema_of(other))),
        }
    }
    match (all.is_empty(), others) {
        (false, None) => of_object(&all),
        (true, Some(schema)) => schema,
        (true, None) | (false, Some(_)) => json!({}),
    }
}

fn of_object(object: &Map<String, Value>) -> Value {
    let properties: Map<String, Value> =
        object.iter().map(|(key, value)| (key.clone(), schema_of(value))).collect();
    json!({ "type": "object", "properties": properties })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_types_are_those_of_the_answer() {
        let answer = json!({ "rows": [{ "a": null, "b": 1 }, { "a": "x", "b": 2 }], "next": null, "t": [1.5] });
        let expected = json!({
            "type": "object",
            "properties": {
                "rows": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {
                            "a": { "type": ["string", "null"] },
                            "b": { "type": ["integer", "null"] },
                        },
                    },
                },
                "next": {},
                "t": { "type": "array", "items": { "type": ["number", "null"] } },
            },
        });
        assert_eq!(schema_of(&answer), expected);
    }
}
