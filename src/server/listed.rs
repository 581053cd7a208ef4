//! What is listed page by page: runs, cases, the past of a metric, alerts.

use super::cursor;
use super::house::House;
use super::problem::Problem;
use super::query::quoted;
use super::reply::Reply;
use super::route::{Asked, PAGE, object};
use crate::store::pages::{Alerts, Page, Points, Runs};
use crate::store::report_page;
use axum::http::{HeaderValue, header};
use serde::Serialize;
use serde_json::{Value, json};
use tokgate_core::metric::MetricRef;

/// Most cases and epochs that are told of one run.
const MOST: u32 = 1000;

pub(super) fn runs(house: &House, asked: &Asked) -> Result<Reply, Problem> {
    let query = &asked.query;
    let which = Runs {
        scenario: query.owned("scenario"),
        machine: query.owned("machine"),
        since_us: query.since_us(),
    };
    object(&page("runs", &house.reading()?.runs(&which, &query.slice())?))
}

pub(super) fn run(house: &House, asked: &Asked) -> Result<Reply, Problem> {
    let reading = house.reading()?;
    let absent = || Problem::absent(format!("no run is called `{}`", quoted(&asked.name)));
    let run = reading.run(&asked.name)?.ok_or_else(absent)?;
    let cases: Vec<Value> = reading.cases_of_run(&run.run_id, MOST)?.iter().map(short).collect();
    let epochs = reading.epochs_of_run(&run.run_id, MOST)?;
    object(&json!({ "run": run, "cases": cases, "epochs": epochs }))
}

/// A case without its metrics, which its own route tells.
fn short(case: &impl Serialize) -> Value {
    let mut case = json!(case);
    if let Some(case) = case.as_object_mut() {
        case.remove("metrics");
    }
    case
}

pub(super) fn cases(house: &House, asked: &Asked) -> Result<Reply, Problem> {
    object(&page("cases", &house.reading()?.cases(&asked.query.slice())?))
}

pub(super) fn case(house: &House, asked: &Asked) -> Result<Reply, Problem> {
    let found = house.reading()?.case(&asked.name, &asked.query.slice())?;
    if found.rows.is_empty() && asked.query.text("cursor").is_none() {
        return Err(Problem::absent(format!("no case is called `{}`", quoted(&asked.name))));
    }
    let mut told = page("runs", &found);
    told["case_id"] = json!(asked.name);
    object(&told)
}

pub(super) fn history(house: &House, asked: &Asked) -> Result<Reply, Problem> {
    let query = &asked.query;
    let metric = metric(query.text("metric").unwrap_or_default())?;
    let which = Points {
        metric,
        case: query.owned("case"),
        machine: query.owned("machine"),
        model: query.owned("model"),
        since_us: query.since_us(),
    };
    let mut told = page("epochs", &house.reading()?.points(&which, &query.slice())?);
    told["metric"] = json!(metric.to_string());
    told["unit"] = json!(metric.metric.unit.symbol());
    object(&told)
}

pub(super) fn alerts(house: &House, asked: &Asked) -> Result<Reply, Problem> {
    let query = &asked.query;
    let which = Alerts {
        run: query.owned("run"),
        level: query.owned("level"),
        category: query.owned("category"),
        model: query.owned("model"),
        since_us: query.since_us(),
    };
    object(&page("alerts", &house.reading()?.alerts(&which, &query.slice())?))
}

/// The report's page, to be kept: within this server's own rules its script would not run.
pub(super) fn report(house: &House, asked: &Asked) -> Result<Reply, Problem> {
    let page = report_page(&house.layout, &asked.name).map_err(|error| Problem::fault(&error))?;
    let absent = || Problem::absent("no report of such a run was written as a page");
    let mut reply = Reply::of(PAGE, page.ok_or_else(absent)?);
    let kept = HeaderValue::from_static("attachment; filename=\"report.html\"");
    reply.headers.push((header::CONTENT_DISPOSITION, kept));
    Ok(reply)
}

fn metric(name: &str) -> Result<MetricRef, Problem> {
    name.parse::<MetricRef>().map_err(|error| {
        let help = error.help(name).map(|help| format!("; {help}")).unwrap_or_default();
        Problem::bad(format!("`metric={}`: {error}{help}", quoted(name)))
    })
}

/// Rows under their name, and where the next page goes on.
fn page<T: Serialize>(name: &str, page: &Page<T>) -> Value {
    json!({ name: page.rows, "next": page.next.as_ref().map(cursor::written) })
}
