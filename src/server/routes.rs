//! The table of everything that can be asked, and the router made from it.

use super::door::door;
use super::house::House;
use super::parameter::{
    CURSOR, FEW, LIMIT, MACHINE, MODEL, NUM_REQUESTS, Of, Parameter, REQUESTS, SINCE,
};
use super::problem::Problem;
use super::query::Query;
use super::reply::Reply;
use super::route::Answer::{Events, Once, Post, Put};
use super::route::{Asked, EVENTS, JSON, METRICS, PAGE, Route};
use super::{dashboard, known, listed, live, models, push, viewer};
use crate::store::received::LARGEST;
use axum::Router;
use axum::body::Body;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, Request, State};
use axum::http::request::Parts;
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::{get, post, put};
use std::sync::Arc;

/// An answer that was given to the example of a route.
macro_rules! answered {
    ($file:literal) => {
        include_str!(concat!("examples/", $file))
    };
}

/// A run that is told of.
const RUN: Parameter =
    Parameter { name: "run", of: Of::Path, meaning: "the run", example: "run-0" };

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
        answer: Once(models::models),
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
        answer: Once(models::model),
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
        answer: Once(models::estimated),
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
        answer: Once(models::compared),
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
        answer: Once(listed::runs),
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
        answer: Once(listed::run),
    },
    Route {
        path: "/v1/runs/{id}/report",
        id: "report",
        summary: "the report of a run as one file for a browser, where it was written",
        about: "To be kept and opened from there: its own words say what it may do, and it asks nobody anything.",
        media: PAGE,
        parameters: &[Parameter { name: "id", of: Of::Path, meaning: "the run", example: "run-0" }],
        example: "/v1/runs/run-0/report",
        answered: "",
        answer: Once(listed::report),
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
        answer: Once(listed::cases),
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
        answer: Once(listed::case),
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
        answer: Once(known::metrics),
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
        answer: Once(listed::history),
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
        answer: Once(known::hardware),
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
        answer: Once(known::recommended),
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
        answer: Once(known::status),
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
        answer: Once(known::baselines),
    },
    Route {
        path: "/v1/baseline",
        id: "baseline",
        summary: "the baseline that the server was started with, by the middle of each metric",
        about: "`tokgate serve --baseline-file FILE`; without it there are no metrics here.",
        media: JSON,
        parameters: &[],
        example: "/v1/baseline",
        answered: answered!("baseline.json"),
        answer: Once(known::baseline),
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
            MODEL,
            SINCE,
            LIMIT,
            CURSOR,
        ],
        example: "/v1/alerts?limit=2",
        answered: answered!("alerts.json"),
        answer: Once(listed::alerts),
    },
    Route {
        path: "/v1/live",
        id: "live",
        summary: "the runs that are measured now, and the newest of those that were looked at, the newest first",
        about: "`state` is `running`, `ended` or `interrupted`: stopped, or killed with its process. `recent` is of \
                the last ten seconds, to two digits; what counts in the end is in /v1/runs.",
        media: JSON,
        parameters: &[],
        example: "/v1/live",
        answered: answered!("live.json"),
        answer: Once(live::runs),
    },
    Route {
        path: "/v1/live/{run}",
        id: "live_run",
        summary: "one of them with its moments so far, for charts",
        about: "`points` has each second of the last two minutes, and each tenth of those before.",
        media: JSON,
        parameters: &[RUN],
        example: "/v1/live/run-0",
        answered: answered!("live_run.json"),
        answer: Once(live::run),
    },
    Route {
        path: "/v1/live/{run}/events",
        id: "live_events",
        summary: "the same as it goes on, as server-sent events",
        about: "The first is a `snapshot` of everything; then a `tick` a second with the `points` since, and the \
                `run` as it is. Whoever comes back with `Last-Event-ID` gets what was missed, or a snapshot; \
                whoever reads too slowly is told `missed`, and gets one. It ends with the run, and after four \
                minutes: come back.",
        media: EVENTS,
        parameters: &[RUN],
        example: "/v1/live/run-0/events",
        answered: answered!("live_events.txt"),
        answer: Events,
    },
    Route {
        path: "/v1/push/epochs/{id}",
        id: "push_epoch",
        summary: "a part of an epoch's raw lines, and up to which byte the file is here",
        about: "Only where the server has a write token. A file goes in parts of a megabyte, each from where the \
                file ends here; an empty part asks where that is. A part that begins elsewhere is not kept. The \
                whole is held to its SHA-256 and read to its last line; then it counts.",
        media: JSON,
        parameters: &[
            Parameter {
                name: "id",
                of: Of::Path,
                meaning: "the epoch: its test id, or that of another tool's result",
                example: "vllm-gemma3-4b-20-20261120T101500123-0000000000000001",
            },
            Parameter {
                name: "bytes",
                of: Of::Count(1, LARGEST, None),
                meaning: "how long the whole file is",
                example: "3145728",
            },
            Parameter {
                name: "sha256",
                of: Of::Needed,
                meaning: "the SHA-256 of the whole file in small hexadecimal digits",
                example: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            },
            Parameter {
                name: "offset",
                of: Of::Count(0, LARGEST, Some(0)),
                meaning: "at which byte of the file the part begins",
                example: "0",
            },
        ],
        example: "/v1/push/epochs/vllm-gemma3-4b-20-20261120T101500123-0000000000000001?bytes=3145728&sha256=9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        answered: answered!("push_epoch.json"),
        answer: Put(push::part),
    },
    Route {
        path: "/v1/push/runs/{id}",
        id: "push_run",
        summary: "that all of a run was sent: its cases and verdicts are put down",
        about: "Only where the server has a write token. However often it is said, they are there once.",
        media: JSON,
        parameters: &[Parameter { name: "id", of: Of::Path, meaning: "the run", example: "run-0" }],
        example: "/v1/push/runs/run-0",
        answered: answered!("push_run.json"),
        answer: Post(push::run),
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
        answer: Once(known::health),
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
        answer: Once(known::prometheus),
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
        answer: Once(known::description),
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
        answer: Once(known::docs),
    },
];

/// The router of all of them, behind the door.
pub(super) fn router(house: Arc<House>) -> Router {
    let routes = ROUTES.iter().fold(Router::new(), |router, route| {
        let answer =
            move |State(house): State<Arc<House>>,
                  path: Result<RawPathParams, RawPathParamsRejection>,
                  request: Request| answered(house, route, path, request);
        let asked = match route.answer {
            Once(_) | Events => get(answer),
            Put(_) => put(answer),
            Post(_) => post(answer),
        };
        router.route(route.path, asked)
    });
    let routes = dashboard::add(routes).method_not_allowed_fallback(other_method);
    let door = from_fn_with_state(Arc::clone(&house), door);
    routes.fallback(nothing_there).layer(door).with_state(house)
}

async fn answered(
    house: Arc<House>,
    route: &'static Route,
    path: Result<RawPathParams, RawPathParamsRejection>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let told = match asked(route, path, &parts) {
        Ok(asked) => told(house, route, asked, &parts, body).await,
        Err(problem) => Err(problem),
    };
    told.unwrap_or_else(|problem| problem.reply().response(&parts.headers))
}

async fn told(
    house: Arc<House>,
    route: &'static Route,
    asked: Asked,
    parts: &Parts,
    body: Body,
) -> Result<Response, Problem> {
    match route.answer {
        Once(answer) => Ok(house.answer(answer, asked).await?.response(&parts.headers)),
        Events => viewer::events(&house, &asked.name, &parts.headers).await,
        Put(keep) | Post(keep) => {
            let body = push::body(body).await?;
            Ok(house.keep(keep, asked, body).await?.response(&parts.headers))
        }
    }
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

async fn other_method(parts: Parts) -> Response {
    Reply::response(Problem::other_method().reply(), &parts.headers)
}

async fn nothing_there(parts: Parts) -> Response {
    let absent = Problem::absent("there is nothing here; /docs tells what there is");
    Reply::response(absent.reply(), &parts.headers)
}
