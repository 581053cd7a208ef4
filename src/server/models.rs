//! `/v1/benchmarks/…`: models, one model, how long, side by side.

use super::house::House;
use super::problem::Problem;
use super::query::quoted;
use super::reply::Reply;
use super::route::{Asked, object};
use crate::choice::{Measured, compare, estimate, newest_of_each};
use crate::report::documents;
use tokgate_core::diagnostic::nearest;

pub(super) fn models(house: &House, _: &Asked) -> Result<Reply, Problem> {
    let rows = house.rows()?;
    object(&documents::benchmarked_models(&rows))
}

pub(super) fn model(house: &House, asked: &Asked) -> Result<Reply, Problem> {
    let rows = rows_of(house, &asked.name)?;
    let limit = asked.query.count("limit").and_then(|limit| usize::try_from(limit).ok());
    object(&documents::benchmarks_of(&asked.name, &rows, limit.unwrap_or(1)))
}

pub(super) fn estimated(house: &House, asked: &Asked) -> Result<Reply, Problem> {
    let model = asked.query.text("model").unwrap_or_default();
    let rows = rows_of(house, model)?;
    let found = estimate(&rows, model, requests(asked));
    let none = || Problem::absent(format!("no request to `{}` ever succeeded", quoted(model)));
    object(&documents::estimated(&found.ok_or_else(none)?))
}

pub(super) fn compared(house: &House, asked: &Asked) -> Result<Reply, Problem> {
    let rows = house.rows()?;
    let requests = requests(asked);
    object(&documents::compared(&compare(&rows, &[requests]), requests))
}

fn requests(asked: &Asked) -> u64 {
    asked.query.count("num_requests").unwrap_or(1)
}

/// The rows of one model that have a rate; there are some.
fn rows_of(house: &House, model: &str) -> Result<Vec<Measured>, Problem> {
    let all = house.rows()?;
    let is_meant = |row: &&Measured| row.model == model && row.req_s > 0.0;
    let rows: Vec<Measured> = all.iter().filter(is_meant).cloned().collect();
    match rows.is_empty() {
        true => Err(unknown(&all, model)),
        false => Ok(rows),
    }
}

fn unknown(all: &[Measured], model: &str) -> Problem {
    let names = newest_of_each(all).into_iter().map(|row| row.model.as_str());
    let help = match nearest(model, names) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "/v1/benchmarks/models lists those that were".to_owned(),
    };
    Problem::absent(format!("no model `{}` was measured; {help}", quoted(model)))
}
