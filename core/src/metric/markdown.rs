//! The metric reference as Markdown, from the same catalogue as the checks and the tables.

use super::{Better, CATALOGUE, Metric, Shape};

/// The reference of all metrics, as Markdown: a table with a row a metric, in the catalogue's
/// order.
#[must_use]
pub fn metrics_markdown() -> String {
    let rows: String = CATALOGUE.iter().map(|metric| row(metric)).collect();
    format!(
        "| id | name | unit | better | told as | kinds | formula |\n\
         |---|---|---|---|---|---|---|\n{rows}"
    )
}

fn row(metric: &Metric) -> String {
    let Metric { id, name, unit, better, shape, kinds, formula } = metric;
    let kinds: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
    format!(
        "| `{id}` | {name} | {} | {} | {} | {} | {formula} |\n",
        unit.symbol(),
        direction(*better),
        told_as(*shape),
        kinds.join(", "),
    )
}

fn direction(better: Better) -> &'static str {
    match better {
        Better::Lower => "lower",
        Better::Higher => "higher",
        Better::Neither => "–",
    }
}

fn told_as(shape: Shape) -> &'static str {
    match shape {
        Shape::Distribution => "distribution",
        Shape::Mean => "mean",
        Shape::Scalar => "one value an epoch",
    }
}
