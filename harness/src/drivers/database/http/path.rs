//! Paths into replies: `/result/points/*/id`, where `*` is every item of a list.

use serde_json::Value;

/// Longest excerpt of a reply that is shown.
const SHOWN_CHARS: usize = 200;

/// The values at a path.
///
/// # Errors
/// How far the path led, and what was there.
pub(super) fn values<'r>(reply: &'r Value, path: &str) -> Result<Vec<&'r Value>, String> {
    let mut found = vec![reply];
    let mut reached = String::new();
    for part in path.split('/').skip(1) {
        found = below(&found, part).map_err(|there| {
            let at = if reached.is_empty() { "the reply" } else { reached.as_str() };
            format!("nothing at {path}: {at} is {}", excerpt(&there.to_string()))
        })?;
        reached = format!("{reached}/{part}");
    }
    Ok(found)
}

fn below<'r>(found: &[&'r Value], part: &str) -> Result<Vec<&'r Value>, &'r Value> {
    let mut all = Vec::new();
    for value in found {
        match (part, value) {
            ("*", Value::Array(items)) => all.extend(items),
            ("*", _) => return Err(value),
            (part, Value::Object(fields)) => all.push(fields.get(part).ok_or(*value)?),
            (part, Value::Array(items)) => {
                let item = part.parse::<usize>().ok().and_then(|at| items.get(at));
                all.push(item.ok_or(*value)?);
            }
            _ => return Err(value),
        }
    }
    Ok(all)
}

/// The beginning of a text.
pub(super) fn excerpt(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}..", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_path_leads_to_one_value_or_to_those_of_every_item() {
        let reply = json!({ "result": { "points": [{ "id": 7 }, { "id": 3 }] } });
        assert_eq!(values(&reply, "/result/points/*/id").unwrap(), [&json!(7), &json!(3)]);
        assert_eq!(values(&reply, "/result/points/1/id").unwrap(), [&json!(3)]);
        assert_eq!(values(&json!("1.0"), "").unwrap(), [&json!("1.0")]);
        assert!(values(&json!([]), "/*/name").unwrap().is_empty());
    }

    #[test]
    fn a_path_that_leads_nowhere_says_how_far_it_led() {
        let reply = json!({ "result": { "hits": [1] } });
        let said = values(&reply, "/result/points/*/id").unwrap_err();
        assert_eq!(said, "nothing at /result/points/*/id: /result is {\"hits\":[1]}");
        assert!(values(&reply, "/x").unwrap_err().contains("the reply is"));
        assert!(values(&reply, "/result/hits/0/id").unwrap_err().contains("/result/hits/0 is 1"));
    }
}
