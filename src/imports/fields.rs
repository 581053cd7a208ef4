//! The fields of a JSON object, each with the error that a wrong one gets.

use serde_json::{Map, Value};

/// An object whose fields are asked for by name. A field that is absent or `null` is none; one of
/// another type is an error, and so is a number that cannot be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields<'a>(&'a Map<String, Value>);

impl<'a> Fields<'a> {
    /// The fields of `value`.
    ///
    /// # Errors
    /// When it is no object.
    pub(crate) fn of(value: &'a Value) -> Result<Self, String> {
        value.as_object().map(Self).ok_or_else(|| format!("{} is no object", short(value)))
    }

    /// The fields of the object of this name.
    ///
    /// # Errors
    /// When it is something else.
    pub(crate) fn object(&self, name: &str) -> Result<Option<Self>, String> {
        let found = self.get(name).map(Self::of).transpose();
        found.map_err(|why| format!("`{name}`: {why}"))
    }

    /// The items of the list of this name.
    ///
    /// # Errors
    /// When it is something else.
    pub(crate) fn list(&self, name: &str) -> Result<Option<&'a [Value]>, String> {
        self.typed(name, "a list", |value| value.as_array().map(Vec::as_slice))
    }

    /// A text.
    ///
    /// # Errors
    /// When it is something else.
    pub(crate) fn text(&self, name: &str) -> Result<Option<&'a str>, String> {
        self.typed(name, "a text", Value::as_str)
    }

    /// A number, 0 or above.
    ///
    /// # Errors
    /// When it is something else.
    pub(crate) fn number(&self, name: &str) -> Result<Option<f64>, String> {
        let positive = |value: &Value| value.as_f64().filter(|x| x.is_finite() && *x >= 0.0);
        self.typed(name, "a number of 0 or above", positive)
    }

    /// A whole number, 0 or above.
    ///
    /// # Errors
    /// When it is something else.
    pub(crate) fn count(&self, name: &str) -> Result<Option<u64>, String> {
        self.typed(name, "a whole number of 0 or above", whole)
    }

    /// The same of a field that must be there.
    ///
    /// # Errors
    /// When it is not there.
    pub(crate) fn required<T>(
        &self,
        name: &str,
        get: impl Fn(&Self, &str) -> Result<Option<T>, String>,
    ) -> Result<T, String> {
        get(self, name)?.ok_or_else(|| format!("there is no `{name}`"))
    }

    /// Any value.
    pub(crate) fn get(&self, name: &str) -> Option<&'a Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    fn typed<T>(
        &self,
        name: &str,
        expected: &str,
        read: impl Fn(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, String> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let found = read(value);
        found.map(Some).ok_or_else(|| format!("`{name}` is {}, expected {expected}", short(value)))
    }
}

/// A whole number, also where it is written as `5000.0`.
fn whole(value: &Value) -> Option<u64> {
    let exact = |x: f64| (x >= 0.0 && x.fract() == 0.0 && x < 9e15).then_some(x as u64);
    value.as_u64().or_else(|| value.as_f64().and_then(exact))
}

/// A value as an error quotes it.
fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(60) {
        None => text,
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}
