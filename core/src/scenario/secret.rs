//! Keys and passwords that were written into a file: found, and blotted out before anything else
//! sees the text, so that no message can repeat them.

use crate::diagnostic::{Diagnostic, Diagnostics};
use std::ops::Range;

/// How the keys of well-known services begin.
const PREFIXES: [&str; 16] = [
    "sk-",
    "sk_live_",
    "sk_test_",
    "hf_",
    "ghp_",
    "gho_",
    "ghs_",
    "ghu_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "xoxb-",
    "xoxp-",
    "AKIA",
    "AIza",
    "gsk_",
];
/// Shortest rest of such a key, so that `sk-learn` is not taken for one.
const SHORTEST_KEY: usize = 16;
/// Shortest rest after `Bearer`.
const SHORTEST_BEARER: usize = 8;
/// Names of keys whose value is a secret.
const NAMES: [&str; 14] = [
    "api_key",
    "apikey",
    "api-key",
    "x-api-key",
    "access_key",
    "access_token",
    "auth_token",
    "hf_token",
    "token",
    "secret",
    "password",
    "passwd",
    "authorization",
    "private_key",
];

/// The text with every secret replaced by `*` of the same length, so that places stay; each
/// secret is reported to `faults`.
pub(super) fn redact(file: &str, text: &str, faults: &mut Diagnostics) -> String {
    let mut found: Vec<Range<usize>> = Vec::new();
    found.extend(prefixed(text));
    found.extend(bearers(text));
    found.extend(named(text));
    found.extend(user_info(text));
    let mut bytes = text.as_bytes().to_vec();
    for span in &found {
        bytes[span.clone()].fill(b'*');
    }
    for span in merged(found) {
        faults.push(Diagnostic::at(file, span, "a secret is written in the file").help(
            "put it into an environment variable, name that variable in `api_key_env`, and \
             replace the secret where it was issued",
        ));
    }
    String::from_utf8(bytes).expect("whole characters were replaced by ASCII")
}

/// The spans in order, those that overlap as one.
fn merged(mut found: Vec<Range<usize>>) -> Vec<Range<usize>> {
    found.sort_by_key(|span| span.start);
    let mut out: Vec<Range<usize>> = Vec::new();
    for span in found {
        match out.last_mut().filter(|last| span.start < last.end) {
            Some(last) => last.end = last.end.max(span.end),
            None => out.push(span),
        }
    }
    out
}

fn is_key_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '=' | '+' | '/')
}

/// The run of key characters from `at`.
fn run(text: &str, at: usize) -> Range<usize> {
    let length = text[at..].find(|c| !is_key_char(c)).unwrap_or(text.len() - at);
    at..at + length
}

fn prefixed(text: &str) -> impl Iterator<Item = Range<usize>> {
    PREFIXES.into_iter().flat_map(move |prefix| {
        text.match_indices(prefix).filter_map(move |(at, _)| {
            let inside = text[..at].ends_with(|c: char| c.is_ascii_alphanumeric());
            let span = run(text, at);
            (!inside && span.len() >= prefix.len() + SHORTEST_KEY).then_some(span)
        })
    })
}

fn bearers(text: &str) -> impl Iterator<Item = Range<usize>> {
    ["Bearer ", "bearer ", "Basic "].into_iter().flat_map(move |word| {
        text.match_indices(word).filter_map(move |(at, _)| {
            let span = run(text, at + word.len());
            let letters_only = text[span.clone()].bytes().all(|b| b.is_ascii_lowercase());
            (span.len() >= SHORTEST_BEARER && !letters_only).then_some(span)
        })
    })
}

/// The values of keys that are called like a secret.
fn named(text: &str) -> impl Iterator<Item = Range<usize>> {
    text.match_indices('=').filter_map(move |(at, _)| {
        let key = text[..at].trim_end_matches([' ', '\t']).trim_end_matches(['"', '\'']);
        let is_part = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
        let key = key.rsplit(|c: char| !is_part(c)).next().unwrap_or_default();
        NAMES.iter().any(|name| key.eq_ignore_ascii_case(name)).then(|| quoted(text, at + 1))?
    })
}

/// The inside of the quoted text that begins at or after `at`, on the same line.
fn quoted(text: &str, at: usize) -> Option<Range<usize>> {
    let gap = text[at..].find(|c| c != ' ' && c != '\t')?;
    let quote = text[at + gap..].chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let opening = text[at + gap..].chars().take_while(|c| *c == quote).count();
    let start = at + gap + if opening >= 3 { 3 } else { 1 };
    let rest = &text[start..];
    let end = match opening >= 3 {
        true => rest.find(&quote.to_string().repeat(3)),
        false => rest.find([quote, '\n']),
    };
    let length = end.unwrap_or(rest.len());
    (length > 0).then_some(start..start + length)
}

/// The name and password of an address. A name alone is a secret in HTTP, where keys are sent so;
/// databases have users.
fn user_info(text: &str) -> impl Iterator<Item = Range<usize>> {
    text.match_indices("://").filter_map(move |(at, _)| {
        let start = at + "://".len();
        let rest = &text[start..];
        let host = &rest[..rest.find(|c: char| "/\"' \n".contains(c)).unwrap_or(rest.len())];
        let is_database = ["postgres", "redis"].iter().any(|scheme| text[..at].ends_with(scheme));
        let is_secret = |end: &usize| *end > 0 && (!is_database || host[..*end].contains(':'));
        host.rfind('@').filter(is_secret).map(|end| start..start + end)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redacted(text: &str) -> (String, usize) {
        let mut faults = Diagnostics::default();
        let clean = redact("a.toml", text, &mut faults);
        (clean, faults.iter().count())
    }

    #[test]
    fn secrets_are_blotted_out_where_they_stand() {
        for (text, secret) in [
            ("model = \"sk-abcdefghijklmnop1234\"", "abcdefghij"),
            ("body = { auth = \"Bearer eyJhbGciOi.J9\" }", "eyJhbGciOi"),
            ("x = 'hf_abcdefghijklmnopqrstuv'", "abcdefghij"),
            ("# ghp_abcdefghijklmnopqrstuv0123", "abcdefghij"),
            ("api_key = \"plain words\"", "plain"),
            ("body = { \"X-Api-Key\" = 'ab' }", "'ab'"),
            ("base_url = \"http://me:word@host/v1\"", "word"),
            ("base_url = \"http://word@host/v1\"", "word"),
            ("base_url = \"postgres://me:word@host/db\"", "word"),
        ] {
            let (clean, count) = redacted(text);
            assert!(!clean.contains(secret), "{clean}");
            assert_eq!((clean.len(), count), (text.len(), 1), "{clean}");
        }
    }

    #[test]
    fn what_only_looks_like_one_is_left_alone() {
        for text in [
            "model = \"sk-learn\"",
            "api_key_env = \"OPENAI_API_KEY\"",
            "prompts = [\"a bearer carries\", \"task-force-of-many-people-here\"]",
            "base_url = \"http://127.0.0.1:8000/v1\"",
            "base_url = \"postgres://me@127.0.0.1:5432/postgres\"",
            "body = { stop_token = \"x\", max_tokens = 4 }",
        ] {
            assert_eq!(redacted(text), (text.to_owned(), 0));
        }
    }
}
