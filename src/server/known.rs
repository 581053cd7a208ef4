//! What is known beside the runs: metrics, hardware, baselines; and what follows from all of it: what to take,
//! what is missing, whether we are well.

use super::house::House;
use super::problem::Problem;
use super::reply::Reply;
use super::route::{Asked, METRICS, object};
use super::{openapi, page, prometheus};
use crate::baselines;
use crate::choice::{Budget, Category, Preference, Wish, coverage, newest_of_each, recommend};
use crate::report::baseline::{Entry, list_json};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokgate_core::metric::{Better, CATALOGUE, Kind, Metric, Shape, Stat};

/// What is said of a baseline that cannot be read: the reason names its file.
const UNREADABLE: &str = "cannot be read; `tokgate baseline list` says why";

pub(super) fn metrics(_: &House, _: &Asked) -> Result<Reply, Problem> {
    let metrics: Vec<Value> = CATALOGUE.iter().map(|metric| metric_json(metric)).collect();
    object(&json!({ "metrics": metrics }))
}

fn metric_json(metric: &Metric) -> Value {
    let stats: Vec<&str> = match metric.shape {
        Shape::Distribution => Stat::OF_DISTRIBUTION.map(Stat::as_str).to_vec(),
        Shape::Mean | Shape::Scalar => Vec::new(),
    };
    json!({
        "id": metric.id,
        "name": metric.name,
        "unit": metric.unit.symbol(),
        "better": match metric.better {
            Better::Lower => "lower",
            Better::Higher => "higher",
            Better::Neither => "neither",
        },
        "stats": stats,
        "kinds": metric.kinds.iter().copied().map(Kind::as_str).collect::<Vec<_>>(),
        "formula": metric.formula,
    })
}

pub(super) fn hardware(house: &House, _: &Asked) -> Result<Reply, Problem> {
    let catalogue = &house.prices.catalogue;
    let gpus = catalogue.cards().iter().map(|card| {
        let entry = &card.entry;
        json!({
            "name": entry.name,
            "vram_gb": entry.vram_gb,
            "price_per_hour_usd": entry.price_per_hour_usd,
            "as_of": card.as_of,
        })
    });
    let instances = catalogue.instances().iter().map(|instance| {
        let entry = &instance.entry;
        json!({
            "name": entry.name,
            "gpu": entry.gpu,
            "gpus": entry.gpus,
            "vram_gb": entry.vram_gb,
            "price_per_hour_usd": entry.price_per_hour_usd,
            "as_of": instance.as_of,
        })
    });
    let machines = house.reading()?.machines()?;
    let (gpus, instances): (Vec<Value>, Vec<Value>) = (gpus.collect(), instances.collect());
    object(&json!({ "gpus": gpus, "instances": instances, "machines": machines }))
}

pub(super) fn recommended(house: &House, asked: &Asked) -> Result<Reply, Problem> {
    let query = &asked.query;
    let wish = Wish {
        task: query.text("task").and_then(category),
        budget: query.text("budget").and_then(|it| it.parse().ok()).unwrap_or(Budget::Any),
        preference: query
            .text("prefer")
            .and_then(|it| it.parse().ok())
            .unwrap_or(Preference::Balanced),
        context: query.count("context"),
    };
    let rows = house.rows()?;
    let found = recommend(&rows, &wish, now_us());
    let mut told = json!(found);
    told["advice"] = json!(found.advice());
    object(&told)
}

/// A kind of task by its word, which was checked.
fn category(word: &str) -> Option<Category> {
    serde_json::from_value(Value::String(word.to_owned())).ok()
}

pub(super) fn status(house: &House, _: &Asked) -> Result<Reply, Problem> {
    let rows = house.rows()?;
    object(&json!(coverage(&rows, &house.prices.catalogue, now_us())))
}

pub(super) fn baselines(house: &House, _: &Asked) -> Result<Reply, Problem> {
    let kept = baselines::all(house.project.as_deref(), &house.layout);
    let kept = kept.map_err(|error| Problem::fault(&format!("{error:#}")))?;
    let entries: Vec<Entry<'_>> = kept
        .iter()
        .map(|one| Entry {
            name: &one.name,
            file: "",
            said: one.baseline.as_ref().map_err(|_| UNREADABLE),
        })
        .collect();
    let mut told = list_json(&entries);
    // Where they lie is nobody's business.
    for one in told["baselines"].as_array_mut().into_iter().flatten() {
        one.as_object_mut().map(|one| one.remove("file"));
    }
    object(&told)
}

pub(super) fn health(house: &House, _: &Asked) -> Result<Reply, Problem> {
    // Any question does: what it finds is not asked.
    house.reading()?.run("")?;
    object(&json!({ "status": "ok" }))
}

pub(super) fn prometheus(house: &House, _: &Asked) -> Result<Reply, Problem> {
    let reading = house.reading()?;
    let counted = reading.counted()?;
    let rows = house.rows_of(&reading)?;
    let told = prometheus::Told {
        counted: &counted,
        newest: &newest_of_each(&rows),
        tally: &house.tally,
        now_us: now_us(),
    };
    Ok(Reply::of(METRICS, told.text()))
}

pub(super) fn description(_: &House, _: &Asked) -> Result<Reply, Problem> {
    object(&openapi::description())
}

pub(super) fn docs(_: &House, _: &Asked) -> Result<Reply, Problem> {
    Ok(page::reply())
}

fn now_us() -> i64 {
    Timestamp::now().as_microsecond()
}
