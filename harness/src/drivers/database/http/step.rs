//! One request of a preset, and what its reply has to say.

use super::path::{excerpt, values};
use super::template::{Template, percent};
use bytes::Bytes;
use http_body_util::Full;
use hyper::http::header::CONTENT_TYPE;
use hyper::http::{HeaderValue, Method, Request};
use serde_json::Value;
use tokgate_core::failure::{Failure, FailureClass};

/// A request.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) method: Method,
    pub(super) path: Template,
    pub(super) body: Option<Template>,
    /// What a row is in the body: one JSON value, or several lines.
    pub(super) row: Vec<Template>,
    /// Whether the rows are the whole body, a line each.
    pub(super) is_lines: bool,
    /// What has to stand where in the reply.
    pub(super) expect: Vec<Place>,
    /// What must not stand there.
    pub(super) never: Vec<Place>,
    /// What is waited for.
    pub(super) until: Vec<Place>,
    /// Where nothing may stand.
    pub(super) absent: Vec<Template>,
    /// Values of the reply that later requests need, by their names.
    pub(super) keep: Vec<(String, Template)>,
    /// Where the reply has what was asked for.
    pub(super) pick: Option<Template>,
}

/// A place in a reply, and a value.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) path: Template,
    pub(super) value: Template,
}

/// What a request is filled with, by name.
pub(super) trait Values<'v>: Fn(&str) -> Option<&'v str> + Copy {}

impl<'v, T: Fn(&str) -> Option<&'v str> + Copy> Values<'v> for T {}

impl Step {
    /// Every template in it.
    pub(super) fn templates(&self) -> impl Iterator<Item = &Template> {
        let places = [&self.expect, &self.never, &self.until].into_iter().flatten();
        [&self.path]
            .into_iter()
            .chain(&self.body)
            .chain(&self.row)
            .chain(places.flat_map(|place| [&place.path, &place.value]))
            .chain(&self.absent)
            .chain(self.keep.iter().map(|(_, path)| path))
            .chain(&self.pick)
    }

    /// How it is named in messages: without the values.
    pub(super) fn shown<'v>(&self, values: impl Values<'v>) -> String {
        let path = self.path.spelled(values, percent).unwrap_or_default();
        format!("{} {path}", self.method)
    }

    /// The request below `base`; `lines` is the body where the rows are all of it.
    ///
    /// # Errors
    /// When a value is not there, or the address is none.
    pub(super) fn request<'v>(
        &self,
        base: &str,
        lines: Option<&str>,
        values: impl Values<'v>,
    ) -> Result<Request<Full<Bytes>>, Failure> {
        let path = self.path.spelled(values, percent).map_err(lacking)?;
        let (kind, body) = match (lines, &self.body) {
            (Some(lines), _) => (Some("application/x-ndjson"), lines.to_owned()),
            (None, Some(body)) => {
                let mut text = String::new();
                body.fill(&mut text, values).map_err(lacking)?;
                (Some("application/json"), text)
            }
            (None, None) => (None, String::new()),
        };
        let target = format!("{}{path}", base.trim_end_matches('/'));
        let strange = |error: hyper::http::Error| {
            Failure::new(FailureClass::Engine, format!("{target} is no address: {error}"))
        };
        let request = Request::builder().method(self.method.clone()).uri(&target);
        let mut request = request.body(Full::new(Bytes::from(body))).map_err(strange)?;
        if let Some(kind) = kind {
            request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        Ok(request)
    }

    /// Whether anything of the reply is looked at.
    pub(super) fn reads(&self) -> bool {
        let places = self.expect.len() + self.never.len() + self.until.len() + self.absent.len();
        places + self.keep.len() > 0 || self.pick.is_some()
    }

    /// Checks what the reply has to say, but for what is waited for.
    ///
    /// # Errors
    /// What stands there instead.
    pub(super) fn check<'v>(&self, reply: &Value, values: impl Values<'v>) -> Result<(), String> {
        for place in &self.expect {
            if let Some(other) = place.differs(reply, values)? {
                return Err(other);
            }
        }
        for place in &self.never {
            if place.differs(reply, values)?.is_none() {
                let path = place.path.spelled(values, str::to_owned)?;
                return Err(format!("{path} says that it failed: {}", shown(reply)));
            }
        }
        for path in &self.absent {
            let path = path.spelled(values, str::to_owned)?;
            if let Ok(found) = self::values(reply, &path)
                && let Some(found) = found.into_iter().find(|value| !is_nothing(value))
            {
                return Err(format!("{path} is {}", shown(found)));
            }
        }
        Ok(())
    }

    /// What is still waited for, in words.
    ///
    /// # Errors
    /// When the reply does not say.
    pub(super) fn lacks<'v>(
        &self,
        reply: &Value,
        values: impl Values<'v>,
    ) -> Result<Option<String>, String> {
        for place in &self.until {
            if let Some(other) = place.differs(reply, values)? {
                return Ok(Some(other));
            }
        }
        Ok(None)
    }

    /// The values that were asked for.
    ///
    /// # Errors
    /// When they are not where they should be.
    pub(super) fn picked<'r, 'v>(
        &self,
        reply: &'r Value,
        values: impl Values<'v>,
    ) -> Result<Vec<&'r Value>, String> {
        match &self.pick {
            Some(path) => self::values(reply, &path.spelled(values, str::to_owned)?),
            None => Ok(Vec::new()),
        }
    }

    /// The values that later requests need, as JSON.
    ///
    /// # Errors
    /// When one is not where it should be, or is no text or number.
    pub(super) fn kept<'v>(
        &self,
        reply: &Value,
        values: impl Values<'v>,
    ) -> Result<Vec<(String, String)>, String> {
        let one = |(name, path): &(String, Template)| {
            let path = path.spelled(values, str::to_owned)?;
            match self::values(reply, &path)?.as_slice() {
                [value @ (Value::String(_) | Value::Number(_))] => {
                    Ok((name.clone(), value.to_string()))
                }
                _ => Err(format!("{path} is no text or number: {}", shown(reply))),
            }
        };
        self.keep.iter().map(one).collect()
    }
}

impl Place {
    /// What stands there, in words, where it is not what should; every value counts.
    fn differs<'v>(
        &self,
        reply: &Value,
        values: impl Values<'v>,
    ) -> Result<Option<String>, String> {
        let path = self.path.spelled(values, str::to_owned)?;
        let mut wanted = String::new();
        self.value.fill(&mut wanted, values)?;
        let wanted: Value = serde_json::from_str(&wanted).map_err(|error| error.to_string())?;
        let found = self::values(reply, &path)?;
        let other = found.into_iter().find(|value| **value != wanted);
        Ok(other.map(|other| {
            format!("{path} is {} where {wanted} is expected: {}", shown(other), shown(reply))
        }))
    }
}

fn is_nothing(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
}

fn shown(value: &Value) -> String {
    excerpt(&value.to_string())
}

/// A value that is asked for before a reply has given it.
pub(super) fn lacking(name: String) -> Failure {
    let message = format!("`{{{{{name}}}}}` has no value: no reply before has given it");
    Failure::new(FailureClass::Engine, message)
}
