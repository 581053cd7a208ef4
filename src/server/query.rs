//! A query, checked once by what its route may be asked with: no other name, none twice, each as it must be.

use super::cursor;
use super::parameter::{Of, Parameter};
use super::problem::Problem;
use crate::store::pages::{After, Slice};
use std::collections::BTreeMap;
use tokgate_core::day::Day;
use tokgate_core::diagnostic::nearest;

/// Letters of what was asked that an answer repeats.
const QUOTED: usize = 80;

/// The values by their names.
#[derive(Debug, Default)]
pub(super) struct Query {
    texts: BTreeMap<&'static str, String>,
    counts: BTreeMap<&'static str, u64>,
}

impl Query {
    /// Reads what stands behind the `?`.
    ///
    /// # Errors
    /// When a name is unknown or there twice, a value cannot be, or one is missing.
    pub(super) fn read(raw: &str, parameters: &'static [Parameter]) -> Result<Self, Problem> {
        let mut query = Self::default();
        for (name, value) in form_urlencoded::parse(raw.as_bytes()) {
            let parameter = known(&name, parameters)?;
            query.take(parameter, &value)?;
        }
        parameters.iter().try_for_each(|parameter| query.complete(parameter))?;
        Ok(query)
    }

    fn take(&mut self, parameter: &'static Parameter, value: &str) -> Result<(), Problem> {
        let name = parameter.name;
        if self.texts.insert(name, value.to_owned()).is_some() {
            return Err(Problem::bad(format!("`{name}` is there twice")));
        }
        if let Of::Count(least, most, _) | Of::Maybe(least, most) = parameter.of {
            let count = count(value, least, most).ok_or_else(|| refused(parameter, value))?;
            self.counts.insert(name, count);
        }
        match is_possible(parameter.of, value) {
            true => Ok(()),
            false => Err(refused(parameter, value)),
        }
    }

    /// Adds what is meant where nothing was said.
    fn complete(&mut self, parameter: &'static Parameter) -> Result<(), Problem> {
        let name = parameter.name;
        match parameter.of {
            Of::Path => Ok(()),
            _ if self.texts.contains_key(name) => Ok(()),
            Of::Count(_, _, Some(usual)) => {
                self.counts.insert(name, usual);
                Ok(())
            }
            Of::Needed | Of::Metric | Of::Count(_, _, None) => Err(Problem::bad(format!(
                "`{name}` is missing: {}, as in `{name}={}`",
                parameter.meaning, parameter.example
            ))),
            Of::Text | Of::Maybe(..) | Of::Word(_) | Of::Day | Of::Cursor => Ok(()),
        }
    }

    /// The text of this name.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.texts.get(name).map(String::as_str)
    }

    /// The same to be kept.
    pub(super) fn owned(&self, name: &str) -> Option<String> {
        self.texts.get(name).cloned()
    }

    /// The number of this name.
    pub(super) fn count(&self, name: &str) -> Option<u64> {
        self.counts.get(name).copied()
    }

    /// When the day of `since` begins, microseconds since 1970.
    pub(super) fn since_us(&self) -> Option<i64> {
        Some(self.text("since")?.parse::<Day>().ok()?.begin_us())
    }

    /// Which page is asked for.
    pub(super) fn slice(&self) -> Slice {
        let after: Option<After> = self.text("cursor").and_then(|text| cursor::read(text).ok());
        let limit = self.count("limit").and_then(|limit| u32::try_from(limit).ok());
        Slice { after, limit: limit.unwrap_or(1) }
    }
}

fn known(name: &str, parameters: &'static [Parameter]) -> Result<&'static Parameter, Problem> {
    let all = parameters.iter().filter(|parameter| parameter.of != Of::Path);
    if let Some(found) = all.clone().find(|parameter| parameter.name == name) {
        return Ok(found);
    }
    let names: Vec<&str> = all.map(|parameter| parameter.name).collect();
    let help = match (nearest(name, names.iter().copied()), names.is_empty()) {
        (Some(near), _) => format!("did you mean `{near}`?"),
        (None, true) => "nothing can be asked with here".to_owned(),
        (None, false) => format!("it can be {}", names.join(", ")),
    };
    Err(Problem::bad(format!("`{}` is no parameter; {help}", quoted(name))))
}

fn count(value: &str, least: u64, most: u64) -> Option<u64> {
    let is_plain = value.bytes().all(|byte| byte.is_ascii_digit());
    value.parse().ok().filter(|count| is_plain && (least..=most).contains(count))
}

fn is_possible(of: Of, value: &str) -> bool {
    match of {
        Of::Path | Of::Text | Of::Count(..) | Of::Maybe(..) => true,
        // Which metrics there are is told by who looks for it.
        Of::Needed | Of::Metric => !value.is_empty(),
        Of::Word(words) => words.contains(&value),
        Of::Day => value.parse::<Day>().is_ok(),
        // Before the first page there is none.
        Of::Cursor => value.is_empty() || cursor::read(value).is_ok(),
    }
}

fn refused(parameter: &Parameter, value: &str) -> Problem {
    let expected = match parameter.of {
        Of::Path | Of::Text | Of::Needed | Of::Metric => "a text".to_owned(),
        Of::Count(least, most, _) | Of::Maybe(least, most) => {
            format!("a whole number from {least} to {most}")
        }
        Of::Word(words) => format!("one of {}", words.join(", ")),
        Of::Day => "a day, such as 2026-11-01".to_owned(),
        Of::Cursor => "the `next` of the page before".to_owned(),
    };
    Problem::bad(format!("`{}={}`: expected {expected}", parameter.name, quoted(value)))
}

/// What was asked, as far as an answer repeats it.
pub(super) fn quoted(text: &str) -> String {
    text.chars().take(QUOTED).collect()
}

#[cfg(test)]
mod tests {
    use super::super::parameter::{CURSOR, FEW, MODEL, NUM_REQUESTS, SINCE};
    use super::*;

    static ALL: &[Parameter] = &[MODEL, NUM_REQUESTS, FEW, SINCE, CURSOR];

    #[test]
    fn values_are_read_and_what_is_usual_is_added() {
        let query =
            Query::read("num_requests=50000&model=a%2Fb%3Ac+d&since=1970-01-02", ALL).unwrap();
        assert_eq!(query.text("model"), Some("a/b:c d"));
        assert_eq!((query.count("num_requests"), query.count("limit")), (Some(50_000), Some(10)));
        assert_eq!(query.since_us(), Some(86_400_000_000));
        assert_eq!(query.slice(), Slice { after: None, limit: 10 });
    }

    #[test]
    fn what_cannot_be_is_refused_and_never_becomes_something_else() {
        for bad in [
            "",
            "num_requests=",
            "num_requests=0",
            "num_requests=-1",
            "num_requests=%2B5",
            "num_requests=1e9",
            "num_requests=99999999999999999999",
            "num_requests=5&num_requests=5",
            "num_requests=5&limit=1001",
            "num_requests=5&limit=1000000000",
            "num_requests=5&limit=-1",
            "num_requests=5&since=yesterday",
            "num_requests=5&cursor=%27%20OR%201%3D1",
            "num_requests=5&order=size",
            "num_requests=5&model=a&modle=b",
        ] {
            assert!(Query::read(bad, ALL).is_err(), "{bad}");
        }
    }
}
