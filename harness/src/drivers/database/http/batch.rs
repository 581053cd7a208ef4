//! Rows in parts of bounded size: databases refuse bodies that are too long.

use super::step::{Step, Values, lacking};
use crate::retrieval::filter::Filter;
use crate::retrieval::vectors::Vectors;
use tokgate_core::failure::{Failure, FailureClass};

/// How long a part may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Limits {
    /// Rows.
    pub(super) most_rows: usize,
    /// Bytes of the rows, about.
    pub(super) most_bytes: usize,
}

impl Default for Limits {
    /// Every database that we know takes this much, and its way there and back costs little.
    fn default() -> Self {
        Self { most_rows: 1000, most_bytes: 4 << 20 }
    }
}

/// Some rows, as the body of an ingest has them.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Part {
    pub(super) count: usize,
    /// How many, as JSON.
    pub(super) counted: String,
    pub(super) rows: String,
    pub(super) ids: String,
    pub(super) id_texts: String,
    pub(super) vectors: String,
}

/// What is cut into parts.
#[derive(Clone, Copy)]
pub(super) struct Whole<'a> {
    pub(super) step: &'a Step,
    pub(super) rows: &'a Vectors,
    /// Components of a row that are sent.
    pub(super) dimensions: usize,
    pub(super) limits: Limits,
    /// Whose attributes rows have.
    pub(super) filter: Option<Filter>,
}

impl Whole<'_> {
    /// The rows from `first` on that fit into one part; the first does always.
    ///
    /// # Errors
    /// When a row cannot be written.
    pub(super) fn part<'v>(&self, first: usize, values: impl Values<'v>) -> Result<Part, Failure> {
        let mut part = Part::default();
        for number in (first..self.rows.len()).take(self.limits.most_rows.max(1)) {
            let before = part.bytes();
            if part.count > 0 && before + before / part.count > self.limits.most_bytes {
                break;
            }
            self.add(number, &mut part, values)?;
        }
        Ok(part.closed(self.step.is_lines))
    }

    fn add<'v>(
        &self,
        number: usize,
        part: &mut Part,
        values: impl Values<'v>,
    ) -> Result<(), Failure> {
        let vector = vector(&self.rows.row(number)[..self.dimensions])?;
        let (id, text) = (number.to_string(), format!("\"{number}\""));
        let bucket = self.filter.map(|filter| filter.bucket(number as u32).to_string());
        let separator = if self.step.is_lines { "\n" } else { "," };
        for template in &self.step.row {
            let value = |name: &str| match name {
                "id" => Some(id.as_str()),
                "id_text" => Some(text.as_str()),
                "vector" => Some(vector.as_str()),
                "bucket" => bucket.as_deref(),
                name => values(name),
            };
            template.fill(&mut part.rows, value).map_err(lacking)?;
            part.rows.push_str(separator);
        }
        let is_used = |name| self.step.body.as_ref().is_some_and(|body| body.has(name));
        for (is_used, list, item) in [
            (is_used("ids"), &mut part.ids, &id),
            (is_used("id_texts"), &mut part.id_texts, &text),
            (is_used("vectors"), &mut part.vectors, &vector),
        ] {
            if is_used {
                list.push(if part.count == 0 { '[' } else { ',' });
                list.push_str(item);
            }
        }
        part.count += 1;
        Ok(())
    }
}

impl Part {
    fn bytes(&self) -> usize {
        self.rows.len() + self.ids.len() + self.id_texts.len() + self.vectors.len()
    }

    fn closed(mut self, is_lines: bool) -> Self {
        for list in [&mut self.ids, &mut self.id_texts, &mut self.vectors] {
            list.push(']');
        }
        if !is_lines {
            self.rows = format!("[{}]", self.rows.trim_end_matches(','));
        }
        self.counted = self.count.to_string();
        self
    }

    /// A value by name.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        match name {
            "rows" => Some(&self.rows),
            "ids" => Some(&self.ids),
            "id_texts" => Some(&self.id_texts),
            "vectors" => Some(&self.vectors),
            "count" => Some(&self.counted),
            _ => None,
        }
    }
}

/// A vector as JSON.
///
/// # Errors
/// When it has a component that JSON does not know.
pub(super) fn vector(components: &[f32]) -> Result<String, Failure> {
    serde_json::to_string(components)
        .map_err(|error| Failure::new(FailureClass::Engine, error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::super::preset::Preset;
    use super::*;

    fn counts(most_rows: usize, most_bytes: usize) -> Vec<usize> {
        let rows = Vectors::new(8, (0..8 * 50).map(|it| it as f32 / 7.0).collect()).unwrap();
        let preset = Preset::named("qdrant").unwrap();
        let step = &preset.exact.as_ref().unwrap().ingest;
        let whole = Whole {
            step,
            rows: &rows,
            dimensions: 5,
            limits: Limits { most_rows, most_bytes },
            filter: None,
        };
        let (mut first, mut counts) = (0, Vec::new());
        while first < rows.len() {
            let part = whole.part(first, |_| None).unwrap();
            let told: Vec<serde_json::Value> = serde_json::from_str(&part.rows).unwrap();
            assert_eq!((told.len(), &told[0]["id"]), (part.count, &first.into()));
            assert_eq!(told[0]["vector"].as_array().unwrap().len(), 5);
            first += part.count;
            counts.push(part.count);
        }
        counts
    }

    #[test]
    fn rows_come_in_parts_that_are_bounded_both_ways() {
        assert_eq!(counts(20, usize::MAX), [20, 20, 10]);
        assert!(counts(1000, 400).iter().all(|count| (1..8).contains(count)));
        assert_eq!(counts(1000, 1).len(), 50, "a row that is too long goes alone");
    }
}
