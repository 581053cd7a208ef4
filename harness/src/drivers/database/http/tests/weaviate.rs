//! Weaviate, as far as its REST and GraphQL APIs are used.

use super::server::{About, Asked, Told};
use super::store::{Collection, Metric, Refused, Store};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Class {
    class: String,
    vectorizer: String,
    vector_index_type: String,
    vector_index_config: Config,
    properties: [Property; 1],
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Config {
    distance: String,
    max_connections: Option<u32>,
    ef_construction: Option<u32>,
    ef: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Property {
    name: String,
    data_type: [String; 1],
    index_filterable: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Objects {
    objects: Vec<Object>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Object {
    class: String,
    properties: Row,
    vector: Vec<f32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    row: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Query {
    query: String,
}

pub(super) fn answer(store: &mut Store, asked: &Asked) -> Result<Told, Refused> {
    match (asked.method.as_str(), asked.parts().as_slice()) {
        ("GET", ["v1", "meta"]) => {
            Ok(Told::ok(json!({ "hostname": "http://[::]:8080", "version": "1.30.0" })))
        }
        ("GET", ["v1", "schema"]) => {
            let classes = store.collections.keys().map(|name| json!({ "class": name }));
            Ok(Told::ok(json!({ "classes": classes.collect::<Vec<_>>() })))
        }
        ("POST", ["v1", "schema"]) => create(store, &asked.json()?),
        ("POST", ["v1", "batch", "objects"]) => {
            let Objects { objects } = asked.json()?;
            let class = objects.first().ok_or_else(|| Refused::bad("no objects"))?.class.clone();
            let count = objects.len();
            store.add(&class, objects.into_iter().map(|it| (it.properties.row, it.vector)))?;
            let one = json!({ "class": class, "result": { "status": "SUCCESS" } });
            Ok(Told::ok(vec![one; count].into()).about(About::Ingest))
        }
        ("POST", ["v1", "graphql"]) => search(store, &asked.json()?),
        ("DELETE", ["v1", "schema", class]) => {
            store.collections.remove(*class);
            Ok(Told::ok(Value::Null))
        }
        _ => Err(Refused::missing(&asked.path)),
    }
}

fn create(store: &mut Store, class: &Class) -> Result<Told, Refused> {
    let [Property { name, data_type, index_filterable }] = &class.properties;
    if !class.class.starts_with(|first: char| first.is_ascii_uppercase())
        || class.vectorizer != "none"
        || name != "row"
        || data_type != &["int"]
        || *index_filterable
    {
        return Err(Refused { status: 422, message: "the class is not right".to_owned() });
    }
    let config = &class.vector_index_config;
    let metric = match config.distance.as_str() {
        "cosine" => Metric::Cosine,
        "dot" => Metric::Dot,
        "l2-squared" => Metric::L2,
        other => return Err(Refused::bad(&format!("unknown distance {other}"))),
    };
    let knobs = (config.max_connections, config.ef_construction, config.ef);
    let graph = match (class.vector_index_type.as_str(), knobs) {
        ("hnsw", (Some(m), Some(ef), Some(100))) => Some((m, ef)),
        ("flat", (None, None, None)) => None,
        _ => return Err(Refused::bad("index type and parameters do not fit")),
    };
    let mut made = Collection::new(super::DIMENSIONS, metric, graph);
    made.is_ready = true;
    store.create(&class.class, made)?;
    Ok(Told::ok(json!({ "class": class.class })))
}

/// `{Get{ Class(limit:10,nearVector:{vector:[..]}){row}}}` and nothing else.
fn search(store: &mut Store, query: &Query) -> Result<Told, Refused> {
    let read = || {
        let rest = query.query.strip_prefix("{Get{ ")?;
        let (class, rest) = rest.split_once("(limit:")?;
        let (limit, rest) = rest.split_once(",nearVector:{vector:")?;
        let vector: Vec<f32> = serde_json::from_str(rest.strip_suffix("}){row}}}")?).ok()?;
        Some((class, limit.parse().ok()?, vector))
    };
    let Some((class, limit, vector)) = read() else {
        return Ok(Told::ok(json!({ "errors": [{ "message": "Syntax Error GraphQL" }] })));
    };
    let ids = store.search(class, &vector, limit)?;
    let rows: Vec<Value> = ids.iter().map(|id| json!({ "row": id })).collect();
    Ok(Told::ok(json!({ "data": { "Get": { class: rows } } })).about(About::Search))
}
