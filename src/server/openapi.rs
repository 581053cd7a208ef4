//! The description of everything that can be asked, in OpenAPI 3.1, made from the table of routes.

use super::parameter::{Of, Parameter};
use super::problem;
use super::route::{Answer, JSON, Route};
use super::routes::ROUTES;
use super::schema::schema_of;
use crate::push::{LINES, PART};
use serde_json::{Map, Value, json};
use tokgate_core::metric::{CATALOGUE, Metric, Shape, Stat};

/// What is answered where there is no answer, and when.
const PROBLEMS: &[(u16, &str)] = &[
    (400, "asked wrongly: the detail says what was expected"),
    (401, "without the token that this server wants"),
    (403, "by a page of another place"),
    (404, "nothing of that name"),
    (405, "with a method that changes something, or another than the route's"),
    (413, "with a body, or with too long a part"),
    (414, "with an address of more than 8192 bytes"),
    (421, "by a name that is not this server's"),
    (500, "a fault of the server's: its log says more"),
    (503, "not now: ask again later"),
];

/// The same of what is pushed, besides.
const PROBLEMS_OF_PUSHES: &[(u16, &str)] = &[
    (409, "something else of that name is here, and stays"),
    (422, "what was sent is not what was announced, or cannot be read"),
    (507, "there is no room"),
];

/// The whole description.
pub(super) fn description() -> Value {
    let paths: Map<String, Value> =
        ROUTES.iter().map(|it| (it.template(), json!({ it.method(): operation(it) }))).collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "tokgate",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "What was measured of language models and vector indexes.",
            "description": "Everything is read; what is pushed is kept where the server has a write token. Times whose name ends in `_us` are \
                            microseconds since 1970, `created_at`, `date` and `last_benchmarked` are seconds.",
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "security": [{}, { "token": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": { "type": "http", "scheme": "bearer" },
                "write_token": { "type": "http", "scheme": "bearer" },
            },
            "schemas": { "Problem": problem_schema() },
            "responses": problems(),
        },
    })
}

fn operation(route: &Route) -> Value {
    let mut responses = Map::new();
    responses.insert("200".to_owned(), answered(route));
    responses.insert("304".to_owned(), json!({ "description": "the one that you have" }));
    let pushed = PROBLEMS_OF_PUSHES.iter().filter(|_| route.keeps());
    for (status, _) in PROBLEMS.iter().chain(pushed) {
        let reference = format!("#/components/responses/{status}");
        responses.insert(status.to_string(), json!({ "$ref": reference }));
    }
    let mut told = json!({
        "operationId": route.id,
        "summary": route.summary,
        "description": route.about,
        "parameters": route.parameters.iter().map(parameter).collect::<Vec<_>>(),
        "responses": responses,
        "x-example-request": route.example,
    });
    if route.keeps() {
        told["security"] = json!([{ "write_token": [] }]);
    }
    if let Answer::Put(_) = route.answer {
        let lines = json!({ "schema": { "type": "string", "maxLength": PART } });
        told["requestBody"] = json!({ "content": { LINES: lines } });
    }
    told
}

fn answered(route: &Route) -> Value {
    let mut content = json!({ "schema": { "type": "string" } });
    match serde_json::from_str::<Value>(route.answered) {
        Ok(example) if route.media == JSON => {
            content["schema"] = schema_of(&example);
            content["example"] = example;
        }
        Err(_) if route.media == JSON => content["schema"] = json!({ "type": "object" }),
        Ok(_) | Err(_) if !route.answered.is_empty() => content["example"] = json!(route.answered),
        Ok(_) | Err(_) => {}
    }
    json!({
        "description": route.summary,
        "headers": { "ETag": { "schema": { "type": "string" } } },
        "content": { route.media: content },
    })
}

fn parameter(parameter: &Parameter) -> Value {
    let mut told = json!({
        "name": parameter.name,
        "in": if parameter.of == Of::Path { "path" } else { "query" },
        "required": parameter.is_needed(),
        "description": parameter.meaning,
        "schema": schema(parameter.of),
    });
    if !parameter.example.is_empty() {
        told["example"] = match parameter.example.parse::<u64>() {
            Ok(number) => json!(number),
            Err(_) => json!(parameter.example),
        };
    }
    told
}

fn schema(of: Of) -> Value {
    match of {
        Of::Path | Of::Needed => json!({ "type": "string", "minLength": 1 }),
        Of::Text => json!({ "type": "string" }),
        Of::Metric => json!({ "type": "string", "enum": metrics() }),
        Of::Cursor => json!({ "type": "string", "pattern": "^[A-Za-z0-9_-]*$" }),
        Of::Maybe(least, most) | Of::Count(least, most, None) => {
            json!({ "type": "integer", "minimum": least, "maximum": most })
        }
        Of::Count(least, most, Some(usual)) => {
            json!({ "type": "integer", "minimum": least, "maximum": most, "default": usual })
        }
        Of::Word(words) => json!({ "type": "string", "enum": words }),
        Of::Day => json!({ "type": "string", "format": "date" }),
    }
}

/// Every metric with each of its statistics, as they are asked for.
fn metrics() -> Vec<String> {
    let names = |metric: &&Metric| match metric.shape {
        Shape::Distribution => {
            Stat::OF_DISTRIBUTION.map(|stat| format!("{}.{}", metric.id, stat.as_str())).to_vec()
        }
        Shape::Mean | Shape::Scalar => vec![metric.id.to_owned()],
    };
    CATALOGUE.iter().flat_map(names).collect()
}

fn problem_schema() -> Value {
    json!({
        "type": "object",
        "required": ["type", "title", "status", "detail", "instance"],
        "properties": {
            "type": { "type": "string" },
            "title": { "type": "string" },
            "status": { "type": "integer" },
            "detail": { "type": "string" },
            "instance": { "type": "string" },
        },
    })
}

fn problems() -> Map<String, Value> {
    let told = |(status, when): &(u16, &str)| {
        let schema = json!({ "schema": { "$ref": "#/components/schemas/Problem" } });
        let response = json!({ "description": when, "content": { problem::MEDIA: schema } });
        (status.to_string(), response)
    };
    PROBLEMS.iter().chain(PROBLEMS_OF_PUSHES).map(told).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokgate_core::metric::MetricRef;

    #[test]
    fn every_metric_that_is_described_can_be_asked_for() {
        let all = metrics();
        assert!(all.len() > CATALOGUE.len() && all.contains(&"ttft.p50".to_owned()), "{all:?}");
        for name in all {
            assert!(name.parse::<MetricRef>().is_ok(), "{name}");
        }
    }
}
