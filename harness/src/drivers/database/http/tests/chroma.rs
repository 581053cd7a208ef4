//! Chroma, as far as its API v2 is used. Collections are asked by an id that only their creation
//! tells.

use super::server::{About, Asked, Told};
use super::store::{Collection, Metric, Refused, Store};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Create {
    name: String,
    configuration: Configuration,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Configuration {
    hnsw: Hnsw,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Hnsw {
    space: String,
    max_neighbors: u32,
    ef_construction: u32,
    ef_search: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Add {
    ids: Vec<String>,
    embeddings: Vec<Vec<f32>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Query {
    query_embeddings: [Vec<f32>; 1],
    n_results: usize,
    include: Vec<String>,
}

const ID: &str = "5f0b5a1e-0000-4000-8000-";

fn id_of(name: &str) -> String {
    format!("{ID}{name}")
}

pub(super) fn answer(store: &mut Store, asked: &Asked) -> Result<Told, Refused> {
    let parts = asked.parts();
    if (asked.method.as_str(), asked.path.as_str()) == ("GET", "/api/v2/version") {
        return Ok(Told::ok(json!("1.0.0")));
    }
    let home =
        ["api", "v2", "tenants", "default_tenant", "databases", "default_database", "collections"];
    let rest = parts.strip_prefix(home.as_slice()).ok_or_else(|| Refused::missing(&asked.path))?;
    let named =
        |id: &str| id.strip_prefix(ID).map(str::to_owned).ok_or_else(|| Refused::bad("no UUID"));
    match (asked.method.as_str(), rest) {
        ("GET", []) => {
            let all = store.collections.keys();
            Ok(Told::ok(all.map(|name| json!({ "id": id_of(name), "name": name })).collect()))
        }
        ("POST", []) => create(store, &asked.json()?),
        ("POST", [id, "add"]) => {
            let Add { ids, embeddings } = asked.json()?;
            if ids.len() != embeddings.len() {
                return Err(Refused::bad("ids and embeddings differ in length"));
            }
            let ids = ids.iter().map(|id| id.parse().unwrap());
            store.add(&named(id)?, ids.zip(embeddings))?;
            Ok(Told { status: 201, ..Told::ok(json!({})) }.about(About::Ingest))
        }
        ("POST", [id, "query"]) => {
            let Query { query_embeddings, n_results, include } = asked.json()?;
            assert!(include.is_empty());
            let ids = store.search(&named(id)?, &query_embeddings[0], n_results)?;
            let ids: Vec<String> = ids.iter().map(u64::to_string).collect();
            let body = json!({ "ids": [ids], "distances": null, "include": [] });
            Ok(Told::ok(body).about(About::Search))
        }
        ("DELETE", [name]) => match store.collections.remove(*name) {
            Some(_) => Ok(Told::ok(Value::Object(serde_json::Map::new()))),
            None => Err(Refused::missing(name)),
        },
        _ => Err(Refused::missing(&asked.path)),
    }
}

fn create(store: &mut Store, create: &Create) -> Result<Told, Refused> {
    let Hnsw { space, max_neighbors, ef_construction, ef_search } = &create.configuration.hnsw;
    let metric = match space.as_str() {
        "cosine" => Metric::Cosine,
        "ip" => Metric::Dot,
        "l2" => Metric::L2,
        other => return Err(Refused::bad(&format!("unknown space {other}"))),
    };
    assert_eq!(*ef_search, 100);
    let graph = Some((*max_neighbors, *ef_construction));
    let mut made = Collection::new(0, metric, graph);
    // Its dimension is that of the first vector; all of ours have this one.
    made.dimensions = super::DIMENSIONS;
    made.is_ready = true;
    store.create(&create.name, made)?;
    Ok(Told::ok(json!({ "id": id_of(&create.name), "name": create.name })))
}
