//! `/v1/live…`: the runs that are measured now, and those that were not brought to an end.

use super::house::House;
use super::problem::Problem;
use super::reply::Reply;
use super::route::{Asked, object};
use crate::live;
use serde_json::{Value, json};

pub(super) fn runs(house: &House, _: &Asked) -> Result<Reply, Problem> {
    let seen = live::list(&house.layout).map_err(|error| Problem::fault(&error))?;
    let runs: Vec<Value> = seen.into_iter().map(|run| json!(run.split().1)).collect();
    object(&json!({ "runs": runs }))
}

pub(super) fn run(house: &House, asked: &Asked) -> Result<Reply, Problem> {
    let seen = live::look(&house.layout, &asked.name).map_err(|error| Problem::fault(&error))?;
    let absent =
        || Problem::absent("nobody tells of such a run; /v1/live lists those that are told of");
    object(&json!(seen.ok_or_else(absent)?))
}
