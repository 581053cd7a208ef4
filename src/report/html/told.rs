//! What is told in a page: texts of others made harmless, numbers made short, levels with sign and word.

use serde_json::{Value, json};
use tokgate_core::diagnostic::escape;
use tokgate_core::goal::Level;

/// Longest text of others that a page has: more of a name or an error says nothing more.
const LONGEST: usize = 4000;

/// Makes hidden characters (controls, changes of direction, what has no width) visible in every text and
/// every name, and shortens what is very long.
pub(super) fn make_visible(value: &mut Value) {
    match value {
        Value::String(text) => *text = visible(text),
        Value::Array(all) => all.iter_mut().for_each(make_visible),
        Value::Object(object) => {
            let named = std::mem::take(object).into_iter();
            *object = named
                .map(|(key, mut value)| {
                    make_visible(&mut value);
                    (visible(&key), value)
                })
                .collect();
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn visible(text: &str) -> String {
    let shown = escape(text);
    match shown.char_indices().nth(LONGEST) {
        None => shown,
        Some((end, _)) => {
            format!("{}… ({} more characters)", &shown[..end], shown[end..].chars().count())
        }
    }
}

/// JSON for an element of a page: no text in it can end the element or begin another.
pub(super) fn island(value: &Value) -> String {
    value.to_string().replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

/// A number with six digits, which no reader can tell from the whole one; absent where it is none.
pub(super) fn short(value: f64) -> Value {
    match format!("{value:.5e}").parse::<f64>() {
        Ok(short) if short.is_finite() && short.fract() == 0.0 && short.abs() < 1e15 => {
            json!(short as i64)
        }
        Ok(short) if short.is_finite() => json!(short),
        Ok(_) | Err(_) => Value::Null,
    }
}

/// How something stands, for eyes that see colours, for others, and for ears.
pub(super) fn standing(level: Level, word: &str) -> Value {
    json!({ "level": level.as_str(), "sign": sign(level), "word": word })
}

fn sign(level: Level) -> &'static str {
    match level {
        Level::Green => "✓",
        Level::Yellow => "!",
        Level::Red => "✗",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_characters_are_spelled_out_in_texts_and_names() {
        let mut value = json!({ "a\u{202e}b": ["x\u{1b}[31m\u{0}", 1], "long": "y".repeat(5000) });
        make_visible(&mut value);
        assert_eq!(value["a\\u{202e}b"][0], "x\\u{1b}[31m\\u{0}");
        assert!(value["long"].as_str().unwrap().ends_with("y… (1000 more characters)"));
    }

    #[test]
    fn no_text_ends_the_element_that_holds_the_data() {
        let text = island(&json!({ "</script><!--": "&lt;" }));
        assert!(!text.contains(['<', '>', '&']), "{text}");
        assert_eq!(
            serde_json::from_str::<Value>(&text).unwrap(),
            json!({ "</script><!--": "&lt;" })
        );
    }

    #[test]
    fn numbers_are_short_and_absent_ones_stay_absent() {
        assert_eq!(short(0.123_456_789).to_string(), "0.123457");
        assert_eq!(short(42.0).to_string(), "42");
        assert_eq!(short(f64::NAN), Value::Null);
        assert_eq!(short(f64::INFINITY), Value::Null);
    }
}
