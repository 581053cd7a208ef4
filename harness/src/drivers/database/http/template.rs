//! Text with places for values: `"{{query}}"` as a whole string becomes the value itself, and
//! inside a longer string its text. Values are JSON, so that no text of one can become structure.

/// Text, and places for values between.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Template(Vec<Piece>);

#[derive(Debug, Clone, PartialEq)]
enum Piece {
    Text(String),
    /// A whole JSON value.
    Value(String),
    /// A part of a text.
    Part(String),
}

const OPEN: &str = "{{";
const CLOSE: &str = "}}";

impl Template {
    /// A JSON document with places for values.
    pub(super) fn json(document: &serde_json::Value) -> Self {
        let text = document.to_string();
        let mut pieces = Vec::new();
        let mut rest = text.as_str();
        while let Some((before, name, after)) = next(rest) {
            match (before.strip_suffix('"'), after.strip_prefix('"')) {
                (Some(before), Some(after)) if !before.ends_with('\\') => {
                    pieces.push(Piece::Text(before.to_owned()));
                    pieces.push(Piece::Value(name.to_owned()));
                    rest = after;
                }
                _ => {
                    pieces.push(Piece::Text(before.to_owned()));
                    pieces.push(Piece::Part(name.to_owned()));
                    rest = after;
                }
            }
        }
        pieces.push(Piece::Text(rest.to_owned()));
        Self(pieces)
    }

    /// A text that is no JSON: an address, a path into a reply, a header.
    pub(super) fn text(text: &str) -> Self {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, name, after)) = next(rest) {
            pieces.push(Piece::Text(before.to_owned()));
            pieces.push(Piece::Part(name.to_owned()));
            rest = after;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        Self(pieces)
    }

    /// The names of its values.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Text(_) => None,
            Piece::Value(name) | Piece::Part(name) => Some(name.as_str()),
        })
    }

    /// Whether a value has a place in it.
    pub(super) fn has(&self, name: &str) -> bool {
        self.names().any(|it| it == name)
    }

    /// Writes the JSON document with its values, which are JSON themselves.
    ///
    /// # Errors
    /// The name of a value that is not there.
    pub(super) fn fill<'v>(
        &self,
        out: &mut String,
        value: impl Fn(&str) -> Option<&'v str>,
    ) -> Result<(), String> {
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Value(name) => out.push_str(value(name).ok_or(name)?),
                Piece::Part(name) => out.push_str(&inside(value(name).ok_or(name)?)),
            }
        }
        Ok(())
    }

    /// The text with its values; `spell` writes them as the place needs it.
    ///
    /// # Errors
    /// The name of a value that is not there.
    pub(super) fn spelled<'v>(
        &self,
        value: impl Fn(&str) -> Option<&'v str>,
        spell: impl Fn(&str) -> String,
    ) -> Result<String, String> {
        let mut out = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Value(name) | Piece::Part(name) => {
                    out.push_str(&spell(&bare(value(name).ok_or(name)?)));
                }
            }
        }
        Ok(out)
    }
}

/// What stands before the first place, its name, and what stands after it.
fn next(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once(OPEN)?;
    let (name, after) = rest.split_once(CLOSE)?;
    Some((before, name.trim(), after))
}

/// A JSON value as text: what a string says, and anything else as it is written.
fn bare(json: &str) -> String {
    serde_json::from_str::<String>(json).unwrap_or_else(|_| json.to_owned())
}

/// A JSON value as a part of a JSON string.
fn inside(json: &str) -> String {
    let quoted = serde_json::Value::from(bare(json)).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// A text as a part of the path of an address.
pub(super) fn percent(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            true => char::from(byte).to_string(),
            false => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn value(name: &str) -> Option<&'static str> {
        match name {
            "collection" => Some("\"a\\\"b/c\""),
            "query" => Some("[0.5,-1]"),
            "top_k" => Some("10"),
            _ => None,
        }
    }

    fn filled(document: serde_json::Value) -> Result<String, String> {
        let mut out = String::new();
        Template::json(&document).fill(&mut out, value).map(|()| out)
    }

    #[test]
    fn a_whole_string_becomes_the_value_and_a_part_its_text() {
        let body = json!({ "vector": "{{query}}", "name": "{{ collection }}", "n": "{{top_k}}" });
        let expected = r#"{"n":10,"name":"a\"b/c","vector":[0.5,-1]}"#;
        let same = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(same(&filled(body).unwrap()), same(expected));
        let graph = json!({ "query": "{Get{ {{collection}}(v:{{query}}){row}}}" });
        let expected = json!({ "query": "{Get{ a\"b/c(v:[0.5,-1]){row}}}" });
        assert_eq!(same(&filled(graph).unwrap()), expected);
    }

    #[test]
    fn a_value_cannot_leave_its_string() {
        let body = filled(json!(["x {{collection}}", "\"{{collection}}\""])).unwrap();
        let expected = json!(["x a\"b/c", "\"a\"b/c\""]);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&body).unwrap(), expected);
        let path = Template::text("/c/{{collection}}/points").spelled(value, percent);
        assert_eq!(path.unwrap(), "/c/a%22b%2Fc/points");
    }

    #[test]
    fn a_value_that_is_not_there_is_named() {
        assert_eq!(filled(json!("{{nothing}}")), Err("nothing".to_owned()));
        assert_eq!(filled(json!("{{")), Ok("\"{{\"".to_owned()));
    }
}
