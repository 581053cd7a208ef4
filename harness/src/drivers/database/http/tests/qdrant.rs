//! Qdrant, as far as its REST API is used.

use super::server::{About, Asked, Told};
use super::store::{Collection, Metric, Refused, Store};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Create {
    vectors: Vectors,
    hnsw_config: Hnsw,
    optimizers_config: Option<Optimizers>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vectors {
    size: usize,
    distance: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Hnsw {
    m: u32,
    ef_construct: Option<u32>,
    full_scan_threshold: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Optimizers {
    indexing_threshold: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Update {
    optimizers_config: Optimizers,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Points {
    points: Vec<Point>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Point {
    id: u64,
    vector: Vec<f32>,
    payload: Option<Payload>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Payload {
    bucket: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Field {
    field_name: String,
    field_schema: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Query {
    query: Vec<f32>,
    limit: usize,
    params: Params,
    filter: Option<Filter>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Filter {
    must: [Condition; 1],
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Condition {
    key: String,
    range: Range,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Range {
    lt: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    hnsw_ef: Option<u32>,
    exact: bool,
}

fn ok(result: Value) -> Told {
    Told::ok(json!({ "result": result, "status": "ok", "time": 0.001 }))
}

pub(super) fn answer(store: &mut Store, asked: &Asked) -> Result<Told, Refused> {
    match (asked.method.as_str(), asked.parts().as_slice()) {
        ("GET", [""]) => Ok(Told::ok(
            json!({ "title": "qdrant - vector search engine", "version": "1.15.1", "commit": "x" }),
        )),
        ("GET", ["collections"]) => {
            let names: Vec<Value> =
                store.collections.keys().map(|name| json!({ "name": name })).collect();
            Ok(ok(json!({ "collections": names })))
        }
        ("PUT", ["collections", name]) => create(store, name, asked.json()?),
        ("PATCH", ["collections", name]) => {
            let update: Update = asked.json()?;
            let collection = store.get(name)?;
            collection.is_ready = update.optimizers_config.indexing_threshold > 0;
            Ok(ok(json!(true)))
        }
        ("GET", ["collections", name]) => {
            let collection = store.get(name)?;
            collection.polls += 1;
            let status = if collection.polls > 2 { "green" } else { "yellow" };
            Ok(ok(json!({ "status": status, "optimizer_status": "ok", "segments_count": 2 })))
        }
        ("PUT", ["collections", name, "points"]) if asked.query == "wait=true" => {
            let points: Points = asked.json()?;
            for point in &points.points {
                if let Some(payload) = &point.payload {
                    store.get(name)?.buckets.insert(point.id, payload.bucket);
                }
            }
            store.add(name, points.points.into_iter().map(|it| (it.id, it.vector)))?;
            Ok(ok(json!({ "operation_id": 0, "status": "completed" })).about(About::Ingest))
        }
        ("PUT", ["collections", name, "index"]) if asked.query == "wait=true" => {
            let field: Field = asked.json()?;
            let is_ours = field.field_name == "bucket" && field.field_schema == "integer";
            store.get(name)?.is_attributed = is_ours;
            Ok(ok(json!({ "operation_id": 1, "status": "completed" })))
        }
        ("POST", ["collections", name, "points", "query"]) => query(store, name, &asked.json()?),
        ("DELETE", ["collections", name]) => {
            Ok(ok(json!(store.collections.remove(*name).is_some())))
        }
        _ => Err(Refused::missing(&asked.path)),
    }
}

fn create(store: &mut Store, name: &str, create: Create) -> Result<Told, Refused> {
    let metric = match create.vectors.distance.as_str() {
        "Cosine" => Metric::Cosine,
        "Dot" => Metric::Dot,
        "Euclid" => Metric::L2,
        other => return Err(Refused::bad(&format!("unknown variant `{other}`"))),
    };
    if create.hnsw_config.full_scan_threshold.is_some_and(|it| it < 10) {
        return Err(Refused::bad("full_scan_threshold: value 1 invalid, must be 10.0 or larger"));
    }
    let graph = create.hnsw_config.ef_construct.map(|ef| (create.hnsw_config.m, ef));
    let mut made = Collection::new(create.vectors.size, metric, graph);
    made.is_ready = create.optimizers_config.is_none_or(|it| it.indexing_threshold > 0);
    store.create(name, made)?;
    Ok(ok(json!(true)))
}

fn query(store: &mut Store, name: &str, query: &Query) -> Result<Told, Refused> {
    let is_exact = store.get(name)?.is_exact;
    if query.params.exact != is_exact || query.params.hnsw_ef.is_some() == is_exact {
        return Err(Refused::bad("the search is not the one of the index"));
    }
    let below = query.filter.as_ref().map(|filter| &filter.must[0]);
    if below.is_some_and(|it| it.key != "bucket")
        || below.is_some() != store.get(name)?.is_attributed
    {
        return Err(Refused::bad("Bad request: Index required but not found for \"bucket\""));
    }
    store.get(name)?.below = below.map(|it| it.range.lt as u64);
    let ids = store.search(name, &query.query, query.limit)?;
    let points: Vec<Value> =
        ids.iter().map(|id| json!({ "id": id, "version": 0, "score": 0.5 })).collect();
    Ok(ok(json!({ "points": points })).about(About::Search))
}
