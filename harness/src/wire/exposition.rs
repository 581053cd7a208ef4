//! The text format of Prometheus (exposition formats, version 0.0.4): what servers say of themselves
//! under `/metrics`. Comments and timestamps are passed over, and so is a line that cannot be read.

use std::borrow::Cow;

/// One sample of one series.
#[derive(Debug, Clone, PartialEq)]
pub struct Series<'a> {
    /// The metric's name.
    pub name: &'a str,
    /// Its labels as they are written, between the braces; empty where there are none.
    pub labels: &'a str,
    /// Its value, finite.
    pub value: f64,
}

impl<'a> Series<'a> {
    /// The value of a label, with its escapes undone.
    #[must_use]
    pub fn label(&self, name: &str) -> Option<Cow<'a, str>> {
        Labels(self.labels).find(|(own, _)| *own == name).map(|(_, value)| unescaped(value))
    }
}

/// The samples of a text, in its order. Those without a finite value say nothing.
pub fn series(text: &str) -> impl Iterator<Item = Series<'_>> {
    text.lines().filter_map(read)
}

fn read(line: &str) -> Option<Series<'_>> {
    let line = line.trim();
    let end = line.find(|c: char| c == '{' || c.is_whitespace())?;
    let (name, rest) = line.split_at(end);
    if name.is_empty() || name.starts_with('#') {
        return None;
    }
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(inside) => inside.split_at_checked(closing(inside)?)?,
        None => ("", rest),
    };
    let value = rest.trim_start_matches('}').split_whitespace().next()?;
    let value: f64 = value.parse().ok()?;
    value.is_finite().then_some(Series { name, labels, value })
}

/// Where the brace is that ends the labels: not one within quotes.
fn closing(labels: &str) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    labels.bytes().position(|byte| {
        let ends = byte == b'}' && !quoted;
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ => (),
        }
        ends
    })
}

/// Names and quoted values, one after the other.
struct Labels<'a>(&'a str);

impl<'a> Iterator for Labels<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let (name, rest) = self.0.split_once("=\"")?;
        let mut escaped = false;
        let end = rest.bytes().position(|byte| {
            let ends = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            ends
        })?;
        self.0 = &rest[end + 1..];
        Some((name.trim_matches([',', ' ']), &rest[..end]))
    }
}

fn unescaped(value: &str) -> Cow<'_, str> {
    if !value.contains('\\') {
        return Cow::Borrowed(value);
    }
    let mut out = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match (c, (c == '\\').then(|| chars.next()).flatten()) {
            (_, Some('n')) => out.push('\n'),
            (_, Some(other)) => out.push(other),
            (c, None) => out.push(c),
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn only(line: &str) -> Option<Series<'_>> {
        series(line).next()
    }

    #[test]
    fn a_line_is_a_name_labels_and_a_value() {
        assert_eq!(only("up 1"), Some(Series { name: "up", labels: "", value: 1.0 }));
        let with_time = only("  a:b{x=\"1\", y=\"2\"}  2.5e3 1712345678000").unwrap();
        assert_eq!((with_time.name, with_time.value), ("a:b", 2500.0));
        assert_eq!(with_time.label("y").unwrap(), "2");
        assert_eq!(with_time.label("z"), None);
        let odd = only(r#"m{path="a}b\"c\\",n="l\nm"} 3"#).unwrap();
        assert_eq!(odd.label("path").unwrap(), "a}b\"c\\");
        assert_eq!((odd.label("n").unwrap().as_ref(), odd.value), ("l\nm", 3.0));
    }

    #[test]
    fn what_is_no_sample_is_passed_over() {
        for line in
            ["", "# TYPE up gauge", "#up 1", "up", "up x", "up NaN", "up{a=\"1\" 1", "{a=\"1\"} 1"]
        {
            assert_eq!(only(line), None, "{line}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(?s).{0,200}", brackets in "[a{}\"\\\\=, 1\n]{0,60}") {
            for series in series(&text).chain(series(&brackets)) {
                let _ = series.label("a");
            }
        }
    }
}
