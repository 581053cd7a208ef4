//! Where in a JSON file its entries stand.

use crate::imports::fields::Fields;
use serde_json::Value;

/// An entry with its place in the file.
pub(super) type Placed<'a> = (String, &'a Value);

/// The entries of a file: the file itself, the items of a list, the lists of an object, or its objects,
/// by name. Where one of a group is an entry the others are handed out with it, so that those that are
/// none can be told. Nothing where no entry is anywhere.
pub(super) fn entries(json: &Value, is_entry: fn(&Value) -> bool) -> Vec<Placed<'_>> {
    match json {
        whole if is_entry(whole) => vec![("the file".to_owned(), whole)],
        Value::Array(items) => listed("", items, is_entry),
        Value::Object(fields) => {
            let mut found = Vec::new();
            for (name, value) in fields {
                if let Value::Array(items) = value {
                    found.extend(listed(name, items, is_entry));
                }
            }
            match found.is_empty() {
                true => named(fields.iter(), is_entry),
                false => found,
            }
        }
        _ => Vec::new(),
    }
}

fn listed<'a>(name: &str, items: &'a [Value], is_entry: fn(&Value) -> bool) -> Vec<Placed<'a>> {
    match items.iter().any(is_entry) {
        true => {
            items.iter().enumerate().map(|(at, item)| (format!("{name}[{at}]"), item)).collect()
        }
        false => Vec::new(),
    }
}

fn named<'a>(
    fields: impl Iterator<Item = (&'a String, &'a Value)> + Clone,
    is_entry: fn(&Value) -> bool,
) -> Vec<Placed<'a>> {
    match fields.clone().any(|(_, value)| is_entry(value)) {
        true => fields
            .filter(|(_, value)| value.is_object())
            .map(|(name, value)| (format!("`{name}`"), value))
            .collect(),
        false => Vec::new(),
    }
}

/// The first of several names of one thing that is there; the first one where none is, for the error.
pub(super) fn one_of(fields: &Fields<'_>, names: &[&'static str]) -> &'static str {
    names.iter().copied().find(|name| fields.get(name).is_some()).unwrap_or(names[0])
}

/// Whether an object has something under one of each group of names.
pub(super) fn has_each(value: &Value, groups: &[&[&str]]) -> bool {
    let there = |name: &&str| value.get(*name).is_some_and(|found| !found.is_null());
    value.is_object() && groups.iter().all(|names| names.iter().any(there))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn places(json: &Value) -> Vec<String> {
        let is_entry = |value: &Value| has_each(value, &[&["x"], &["y", "z"]]);
        entries(json, is_entry).into_iter().map(|(place, _)| place).collect()
    }

    #[test]
    fn entries_are_found_wherever_they_stand() {
        let (good, bad) = (json!({"x": 1, "z": 2}), json!({"x": 1}));
        assert_eq!(places(&good), ["the file"]);
        assert_eq!(places(&json!([good, bad])), ["[0]", "[1]"]);
        assert_eq!(places(&json!({"rows": [bad, good], "total": 2})), ["rows[0]", "rows[1]"]);
        assert_eq!(places(&json!({"a": good, "b": bad, "n": 2})), ["`a`", "`b`"]);
        assert!(places(&json!([bad])).is_empty() && places(&json!({"a": [1]})).is_empty());
        assert!(places(&json!({"x": 1, "y": null})).is_empty());
    }
}
