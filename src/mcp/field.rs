//! What a tool's arguments may be: one list tells it to the client, as a JSON schema, and checks what comes.

use serde_json::{Map, Value, json};
use tokgate_core::diagnostic::nearest;

/// Longest text of an argument, bytes: the name of every model and case fits.
const LONGEST_TEXT: usize = 400;
/// Longest list of numbers: more columns nobody reads.
const LONGEST_LIST: usize = 20;
/// As much of a wrong value is said again, characters.
const SHOWN: usize = 60;
/// Numbers with a point are whole up to here, exactly.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// A JSON object.
pub(super) type Object = Map<String, Value>;

/// One argument.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// What it is, with its unit.
    pub(super) about: &'static str,
    pub(super) is_required: bool,
}

/// What an argument may be.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// Some text.
    Text,
    /// A whole number from 1 on.
    Count { most: u64 },
    /// Several of them.
    Counts { most: u64 },
    /// US dollars, more than 0.
    Usd,
    /// One of these words.
    Word(&'static [&'static str]),
}

impl Field {
    /// An argument that may be left out.
    pub(super) const fn new(name: &'static str, kind: Kind, about: &'static str) -> Self {
        Self { name, kind, about, is_required: false }
    }

    /// The same as one that may not.
    pub(super) const fn required(self) -> Self {
        Self { is_required: true, ..self }
    }

    fn schema(&self) -> Value {
        let mut schema = self.kind.schema();
        schema["description"] = json!(self.about);
        schema
    }

    fn check(&self, value: &Value) -> Result<(), String> {
        match self.kind.takes(value) {
            true => Ok(()),
            false => Err(format!(
                "`{}` is {}, and should be {}: {}",
                self.name,
                shown(value),
                self.kind.expected(),
                self.about
            )),
        }
    }
}

impl Kind {
    fn schema(self) -> Value {
        match self {
            Self::Text => json!({ "type": "string", "minLength": 1, "maxLength": LONGEST_TEXT }),
            Self::Count { most } => json!({ "type": "integer", "minimum": 1, "maximum": most }),
            Self::Counts { most } => json!({
                "type": "array",
                "items": Self::Count { most }.schema(),
                "minItems": 1,
                "maxItems": LONGEST_LIST,
            }),
            Self::Usd => json!({ "type": "number", "exclusiveMinimum": 0 }),
            Self::Word(words) => json!({ "type": "string", "enum": words }),
        }
    }

    fn takes(self, value: &Value) -> bool {
        match self {
            Self::Text => {
                value.as_str().is_some_and(|it| !it.is_empty() && it.len() <= LONGEST_TEXT)
            }
            Self::Count { most } => whole(value).is_some_and(|it| (1..=most).contains(&it)),
            Self::Counts { .. } => {
                let each = |item| self.each().takes(item);
                let list = value.as_array().filter(|list| !list.is_empty());
                list.is_some_and(|list| list.len() <= LONGEST_LIST && list.iter().all(each))
            }
            Self::Usd => value.as_f64().is_some_and(|usd| usd.is_finite() && usd > 0.0),
            Self::Word(words) => value.as_str().is_some_and(|word| words.contains(&word)),
        }
    }

    /// What one item of a list may be; of anything else, itself.
    fn each(self) -> Self {
        match self {
            Self::Counts { most } => Self::Count { most },
            Self::Text | Self::Count { .. } | Self::Usd | Self::Word(_) => self,
        }
    }

    fn expected(self) -> String {
        match self {
            Self::Text => format!("text of 1 to {LONGEST_TEXT} bytes"),
            Self::Count { most } => format!("a whole number from 1 to {most}"),
            Self::Counts { most } => {
                format!("a list of 1 to {LONGEST_LIST} whole numbers from 1 to {most}")
            }
            Self::Usd => "US dollars, more than 0".to_owned(),
            Self::Word(words) => format!("one of {}", words.join(", ")),
        }
    }
}

/// The JSON schema of a tool's arguments.
pub(super) fn schema(fields: &[Field]) -> Object {
    let properties: Object =
        fields.iter().map(|field| (field.name.to_owned(), field.schema())).collect();
    let required: Vec<&str> =
        fields.iter().filter(|field| field.is_required).map(|field| field.name).collect();
    let mut schema = Object::new();
    schema.insert("type".to_owned(), json!("object"));
    schema.insert("properties".to_owned(), Value::Object(properties));
    schema.insert("required".to_owned(), json!(required));
    schema.insert("additionalProperties".to_owned(), json!(false));
    schema
}

/// Arguments that were checked.
#[derive(Debug, Default)]
pub(super) struct Arguments(Object);

impl Arguments {
    /// What was given, where it is what the fields say. `null` is as good as nothing.
    ///
    /// # Errors
    /// The first thing that is wrong, and what it should be.
    pub(super) fn check(fields: &[Field], given: Option<Object>) -> Result<Self, String> {
        let given = given.unwrap_or_default();
        let given: Object = given.into_iter().filter(|(_, value)| !value.is_null()).collect();
        for (name, value) in &given {
            let known = fields.iter().find(|field| field.name == name);
            known.ok_or_else(|| unknown(name, fields))?.check(value)?;
        }
        let missing =
            fields.iter().find(|field| field.is_required && !given.contains_key(field.name));
        match missing {
            Some(Field { name, kind, about, .. }) => {
                Err(format!("`{name}` is missing: give {}: {about}", kind.expected()))
            }
            None => Ok(Self(given)),
        }
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    pub(super) fn count(&self, name: &str) -> Option<u64> {
        whole(self.0.get(name)?)
    }

    /// None of them where it was left out.
    pub(super) fn counts(&self, name: &str) -> Vec<u64> {
        let list = self.0.get(name).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(whole).collect()
    }

    pub(super) fn number(&self, name: &str) -> Option<f64> {
        self.0.get(name)?.as_f64()
    }
}

/// A whole number; `5.0` is one, too, as JSON has only one kind of number.
fn whole(value: &Value) -> Option<u64> {
    let is_whole = |number: &f64| number.fract() == 0.0 && (0.0..=EXACT).contains(number);
    value.as_u64().or_else(|| value.as_f64().filter(is_whole).map(|number| number as u64))
}

fn unknown(name: &str, fields: &[Field]) -> String {
    let names = || fields.iter().map(|field| field.name);
    let name: String = name.chars().take(SHOWN).collect();
    match nearest(&name, names()) {
        Some(near) => format!("there is no argument `{name}`; did you mean `{near}`?"),
        None => {
            let all: Vec<&str> = names().collect();
            format!("there is no argument `{name}`; there are {}", all.join(", "))
        }
    }
}

fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: [Field; 5] = [
        Field::new("model", Kind::Text, "the model").required(),
        Field::new("requests", Kind::Count { most: 1000 }, "so many requests"),
        Field::new("counts", Kind::Counts { most: 1000 }, "numbers of requests"),
        Field::new("hourly_cost_usd", Kind::Usd, "US dollars an hour"),
        Field::new("prefer", Kind::Word(&["smallest", "largest"]), "which size"),
    ];

    fn check(given: Value) -> Result<Arguments, String> {
        let Value::Object(given) = given else { panic!("no object") };
        Arguments::check(&FIELDS, Some(given))
    }

    #[test]
    fn what_is_right_is_read() {
        let given = json!({
            "model": "a/b:c", "requests": 5.0, "counts": [1, 1000], "hourly_cost_usd": 1,
            "prefer": null,
        });
        let read = check(given).unwrap();
        assert_eq!((read.text("model"), read.count("requests")), (Some("a/b:c"), Some(5)));
        assert_eq!(
            (read.counts("counts"), read.number("hourly_cost_usd")),
            (vec![1, 1000], Some(1.0))
        );
        assert_eq!((read.text("prefer"), read.counts("none")), (None, vec![]));
    }

    #[test]
    fn what_is_wrong_is_named_with_what_it_should_be() {
        for (given, told) in [
            (json!({}), "`model` is missing"),
            (json!({ "model": 4 }), "`model` is 4, and should be text"),
            (json!({ "model": "" }), "`model` is \"\""),
            (json!({ "model": "x".repeat(401) }), "`model` is \"xxxxx"),
            (
                json!({ "model": "m", "requests": "many" }),
                "`requests` is \"many\", and should be a whole number from 1 to 1000",
            ),
            (json!({ "model": "m", "requests": 0 }), "`requests` is 0"),
            (json!({ "model": "m", "requests": -3 }), "`requests` is -3"),
            (json!({ "model": "m", "requests": 1.5 }), "`requests` is 1.5"),
            (json!({ "model": "m", "requests": 1001 }), "`requests` is 1001"),
            (json!({ "model": "m", "counts": [] }), "`counts` is []"),
            (json!({ "model": "m", "counts": [1, "2"] }), "`counts` is [1,\"2\"]"),
            (json!({ "model": "m", "counts": 7 }), "a list of 1 to 20"),
            (json!({ "model": "m", "hourly_cost_usd": 0 }), "US dollars, more than 0"),
            (json!({ "model": "m", "prefer": "cheap" }), "one of smallest, largest"),
            (json!({ "model": "m", "request": 1 }), "did you mean `requests`?"),
            (json!({ "model": "m", "colour": 1 }), "there are model, requests, counts"),
        ] {
            let error = check(given.clone()).unwrap_err();
            assert!(error.contains(told), "{given}: {error}");
            assert!(error.len() < 400, "{error}");
        }
    }

    #[test]
    fn the_schema_says_what_the_check_takes() {
        let schema = Value::Object(schema(&FIELDS));
        assert_eq!(schema["required"], json!(["model"]));
        assert_eq!(schema["additionalProperties"], json!(false));
        let properties = &schema["properties"];
        assert_eq!(properties["requests"]["maximum"], json!(1000));
        assert_eq!(properties["counts"]["items"]["type"], json!("integer"));
        assert_eq!(properties["prefer"]["enum"], json!(["smallest", "largest"]));
        assert_eq!(properties["model"]["description"], json!("the model"));
    }
}
