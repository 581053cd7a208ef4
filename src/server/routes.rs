//! The table of everything that can be asked, and the router made from it.

use super::door::door;
use super::house::House;
use super::parameter::{
    CURSOR, FEW, LIMIT, MACHINE, MODEL, NUM_REQUESTS, Of, Parameter, REQUESTS, SINCE,
};
use super::problem::Problem;
use super::query::Query;
use super::reply::Reply;
use super::route::{Asked, JSON, METRICS, PAGE, Route};
use super::{known, listed, models};
use axum::Router;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, State};
use axum::http::request::Parts;
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::get;
use std::sync::Arc;

/// An answer that was given to the example of a route.
macro_rules! answered {
    ($file:literal) => {
        include_str!(concat!("examples/", $file))
    };
}

/// Everything that can be asked.
pub(super) static ROUTES: &[Route] = &[
    Route {
        path: "/v1/benchmarks/models",
        id: "models",
        summary: "every model that was measured, by its newest epoch, the fastest first",
        about: "VALID epochs with a measured time alone; none of a simulation or of a search in vectors.",
        media: JSON,
        parameters: &[],
        example: "/v1/benchmarks/models",
        answered: answered!("models.json"),
        answer: models::models,
    },
    Route {
        path: "/v1/benchmarks/models/{*name}",
        id: "model",
        summary: "the epochs of one model, the newest first",
        about: "The name may have slashes and colons in it. `total` counts all epochs of the model.",
        media: JSON,
        parameters: &[
            Parameter { name: "name", of: Of::Path, meaning: "the model", example: "gemma3:4b" },
            FEW,
        ],
        example: "/v1/benchmarks/models/gemma3:4b",
        answered: answered!("model.json"),
        answer: models::model,
    },
    Route {
        path: "/v1/benchmarks/estimate",
        id: "estimate",
        summary: "how long so many requests to a model take, by its newest epoch",
        about: "total_time_seconds = num_requests / rate, with the rate as it was measured; rates, hours and \
                days are rounded when they are told.",
        media: JSON,
        parameters: &[
            Parameter { of: Of::Needed, meaning: "the model", example: "gemma3:4b", ..MODEL },
            NUM_REQUESTS,
        ],
        example: "/v1/benchmarks/estimate?model=gemma3:4b&num_requests=50000",
        answered: answered!("estimate.json"),
        answer: models::estimated,
    },
    Route {
        path: "/v1/benchmarks/compare",
        id: "compare",
        summary: "every model by how long so many requests take, the fastest first",
        about: "",
        media: JSON,
        parameters: &[NUM_REQUESTS],
        example: "/v1/benchmarks/compare?num_requests=200000",
        answered: answered!("compare.json"),
        answer: models::compared,
    },
    Route {
        path: "/v1/runs",
        id: "runs",
        summary: "the runs that tokgate measured, the newest first",
        about: "",
        media: JSON,
        parameters: &[
            Parameter {
                name: "scenario",
                of: Of::Text,
                meaning: "only this scenario",
                example: "quick",
            },
            MACHINE,
            SINCE,
            LIMIT,
            CURSOR,
        ],
        example: "/v1/runs?limit=1",
        answered: answered!("runs.json"),
        answer: listed::runs,
    },
    Route {
        path: "/v1/runs/{id}",
        id: "run",
        summary: "one run with its cases, what was said of them, and its epochs",
        about: "At most a thousand of each.",
        media: JSON,
        parameters: &[Parameter { name: "id", of: Of::Path, meaning: "the run", example: "run-0" }],
        example: "/v1/runs/run-0",
        answered: answered!("run.json"),
        answer: listed::run,
    },
    Route {
        path: "/v1/cases",
        id: "cases",
        summary: "the cases that tokgate measured, by name",
        about: "",
        media: JSON,
        parameters: &[LIMIT, CURSOR],
        example: "/v1/cases",
        answered: answered!("cases.json"),
        answer: listed::cases,
    },
    Route {
        path: "/v1/cases/{*name}",
        id: "case",
        summary: "one case with every metric and verdict, in the latest runs first",
        about: "",
        media: JSON,
        parameters: &[
            Parameter {
                name: "name",
                of: Of::Path,
                meaning: "the case: scenario/case/axis=value",
                example: "quick/token_throughput",
            },
            FEW,
            CURSOR,
        ],
        example: "/v1/cases/quick/token_throughput?limit=1",
        answered: answered!("case.json"),
        answer: listed::case,
    },
    Route {
        path: "/v1/metrics",
        id: "metrics",
        summary: "the catalogue of metrics, with their units and formulas",
        about: "",
        media: JSON,
        parameters: &[],
        example: "/v1/metrics",
        answered: answered!("metrics.json"),
        answer: known::metrics,
    },
    Route {
        path: "/v1/history",
        id: "history",
        summary: "what each VALID epoch said of a metric, the newest first",
        about: "As measured: `tokgate history` says where it changed, and whether it crept.",
        media: JSON,
        parameters: &[
            Parameter {
                name: "metric",
                of: Of::Metric,
                meaning: "the metric with its statistic",
                example: "ttft.p50",
            },
            Parameter {
                name: "case",
                of: Of::Text,
                meaning: "only this case, by its whole name",
                example: "quick/token_throughput",
            },
            MACHINE,
            MODEL,
            SINCE,
            LIMIT,
            CURSOR,
        ],
        example: "/v1/history?metric=ttft.p50&limit=2",
        answered: answered!("history.json"),
        answer: listed::history,
    },
    Route {
        path: "/v1/hardware",
        id: "hardware",
        summary: "known GPUs and instances with their prices, and the machines that were measured",
        about: "",
        media: JSON,
        parameters: &[],
        example: "/v1/hardware",
        answered: answered!("hardware.json"),
        answer: known::hardware,
    },
    Route {
        path: "/v1/recommend",
        id: "recommend",
        summary: "which model on which hardware to take, at most three, with reasons and warnings",
        about: "Where nothing fits, `advice` says what is nearest and what to do.",
        media: JSON,
        parameters: &[
            Parameter {
                name: "task",
                of: Of::Word(&["coding", "context_heavy", "reasoning"]),
                meaning: "what the model is mostly asked for",
                example: "coding",
            },
            Parameter {
                name: "budget",
                of: Of::Word(&["under-1", "1-3", "over-3", "any"]),
                meaning: "what an hour may cost, US dollars",
                example: "1-3",
            },
            Parameter {
                name: "prefer",
                of: Of::Word(&["smallest", "balanced", "largest"]),
                meaning: "which models are preferred",
                example: "balanced",
            },
            Parameter {
                name: "context",
                of: Of::Maybe(1, REQUESTS),
                meaning: "tokens that prompt and answer need",
                example: "40000",
            },
        ],
        example: "/v1/recommend?task=coding&budget=1-3&context=40000",
        answered: answered!("recommend.json"),
        answer: known::recommended,
    },
    Route {
        path: "/v1/status",
        id: "status",
        summary: "what was measured so far, what is missing, what is stale",
        about: "",
        media: JSON,
        parameters: &[],
        example: "/v1/status",
        answered: answered!("status.json"),
        answer: known::status,
    },
    Route {
        path: "/v1/baselines",
        id: "baselines",
        summary: "every saved and every recorded baseline",
        about: "",
        media: JSON,
        parameters: &[],
        example: "/v1/baselines",
        answered: answered!("baselines.json"),
        answer: known::baselines,
    },
    Route {
        path: "/v1/alerts",
        id: "alerts",
        summary: "what was worth an alert, the newest first",
        about: "",
        media: JSON,
        parameters: &[
            Parameter { name: "run", of: Of::Text, meaning: "only this run", example: "run-0" },
            Parameter {
                name: "level",
                of: Of::Word(&["yellow", "red"]),
                meaning: "only this level",
                example: "red",
            },
            Parameter {
                name: "category",
                of: Of::Word(&["performance", "resource", "stability"]),
                meaning: "only this category",
                example: "stability",
            },
            SINCE,
            LIMIT,
            CURSOR,
        ],
        example: "/v1/alerts?limit=2",
        answered: answered!("alerts.json"),
        answer: listed::alerts,
    },
    Route {
        path: "/healthz",
        id: "healthz",
        summary: "whether the results can be read",
        about: "",
        media: JSON,
        parameters: &[],
        example: "/healthz",
        answered: answered!("healthz.json"),
        answer: known::health,
    },
    Route {
        path: "/metrics",
        id: "prometheus",
        summary: "how much was measured, how long ago, and what each model did last, for Prometheus",
        about: "",
        media: METRICS,
        parameters: &[],
        example: "/metrics",
        answered: answered!("prometheus.txt"),
        answer: known::prometheus,
    },
    Route {
        path: "/openapi.json",
        id: "openapi",
        summary: "this description, in OpenAPI 3.1",
        about: "",
        media: JSON,
        parameters: &[],
        example: "/openapi.json",
        answered: "",
        answer: known::description,
    },
    Route {
        path: "/docs",
        id: "docs",
        summary: "this description as a page, without scripts",
        about: "",
        media: PAGE,
        parameters: &[],
        example: "/docs",
        answered: "",
        answer: known::docs,
    },
];

/// The router of all of them, behind the door.
pub(super) fn router(house: Arc<House>) -> Router {
    let routes = ROUTES.iter().fold(Router::new(), |router, route| {
        let answer = move |State(house): State<Arc<House>>,
                           path: Result<RawPathParams, RawPathParamsRejection>,
                           parts: Parts| answered(house, route, path, parts);
        router.route(route.path, get(answer))
    });
    let door = from_fn_with_state(Arc::clone(&house), door);
    routes.fallback(nothing_there).layer(door).with_state(house)
}

async fn answered(
    house: Arc<House>,
    route: &'static Route,
    path: Result<RawPathParams, RawPathParamsRejection>,
    parts: Parts,
) -> Response {
    let reply = match asked(route, path, &parts) {
        Ok(asked) => house.answer(route, asked).await,
        Err(problem) => Err(problem),
    };
    reply.unwrap_or_else(Problem::reply).response(&parts.headers)
}

fn asked(
    route: &'static Route,
    path: Result<RawPathParams, RawPathParamsRejection>,
    parts: &Parts,
) -> Result<Asked, Problem> {
    let path = path.map_err(|_| Problem::bad("what the path names is no text"))?;
    let name = path.iter().next().map(|(_, name)| name.to_owned()).unwrap_or_default();
    let query = Query::read(parts.uri.query().unwrap_or_default(), route.parameters)?;
    Ok(Asked { name, query })
}

async fn nothing_there(parts: Parts) -> Response {
    let absent = Problem::absent("there is nothing here; /docs tells what there is");
    Reply::response(absent.reply(), &parts.headers)
}
