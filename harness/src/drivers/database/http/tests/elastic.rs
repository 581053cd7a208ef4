//! Elasticsearch and OpenSearch, as far as their REST APIs are used: they differ in how a field of
//! vectors is made and asked.

use super::server::{About, Asked, Told};
use super::store::{Collection, Metric, Refused, Store};
use serde_json::{Value, json};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flavour {
    Elasticsearch,
    OpenSearch,
}

pub(super) fn answer(store: &mut Store, asked: &Asked, flavour: Flavour) -> Result<Told, Refused> {
    let shards = json!({ "_shards": { "total": 1, "successful": 1, "failed": 0 } });
    match (asked.method.as_str(), asked.parts().as_slice()) {
        ("GET", [""]) => Ok(Told::ok(match flavour {
            Flavour::Elasticsearch => json!({ "version": { "number": "8.18.0" } }),
            Flavour::OpenSearch => {
                json!({ "version": { "distribution": "opensearch", "number": "2.19.1" } })
            }
        })),
        ("GET", ["_cat", "indices"]) if asked.query == "format=json&h=index" => {
            Ok(Told::ok(store.collections.keys().map(|name| json!({ "index": name })).collect()))
        }
        ("PUT", [index]) => {
            let made = made(&asked.json()?, flavour)?;
            store.create(index, made)?;
            Ok(Told::ok(json!({ "acknowledged": true, "index": index })))
        }
        ("POST", [index, "_bulk"]) => bulk(store, index, asked),
        ("POST", [index, "_forcemerge"]) if asked.query == "max_num_segments=1" => {
            store.get(index)?;
            Ok(Told::ok(shards))
        }
        ("POST", [index, "_refresh"]) => {
            store.get(index)?.is_ready = true;
            Ok(Told::ok(shards))
        }
        ("GET", [index, "_stats", "store"]) => {
            store.get(index)?;
            Ok(Told::ok(json!({ "_all": { "primaries": { "store": { "size_in_bytes": 4096 } } } })))
        }
        ("POST", [index, "_search"]) => search(store, index, &asked.json()?, flavour),
        ("DELETE", [index]) => match store.collections.remove(*index) {
            Some(_) => Ok(Told::ok(json!({ "acknowledged": true }))),
            None => Err(Refused::missing(index)),
        },
        _ => Err(Refused::missing(&asked.path)),
    }
}

/// The index of a body that is exactly one of those that the real server takes from us.
fn made(body: &Value, flavour: Flavour) -> Result<Collection, Refused> {
    let field = &body["mappings"]["properties"]["vector"];
    let number = |value: &Value| value.as_u64().map(|it| it as u32);
    let (dims, metric, graph, expected) = match flavour {
        Flavour::Elasticsearch => {
            let (dims, metric) = (&field["dims"], &field["similarity"]);
            let options = &field["index_options"];
            let graph = number(&options["m"]).zip(number(&options["ef_construction"]));
            let options = match graph {
                Some((m, ef)) => json!({ "type": "hnsw", "m": m, "ef_construction": ef }),
                None => json!({ "type": "flat" }),
            };
            let field = json!({ "type": "dense_vector", "dims": dims, "index": true,
                "similarity": metric, "index_options": options });
            let settings = json!({ "number_of_shards": 1, "number_of_replicas": 0,
                "refresh_interval": "-1" });
            (dims, metric.clone(), graph, (settings, field))
        }
        Flavour::OpenSearch => {
            let (dims, method) = (&field["dimension"], &field["method"]);
            let (metric, knobs) = (&method["space_type"], &method["parameters"]);
            let graph = number(&knobs["m"]).zip(number(&knobs["ef_construction"]));
            let mut index = json!({ "knn": graph.is_some(), "number_of_shards": 1,
                "number_of_replicas": 0, "refresh_interval": "-1" });
            let mut field = json!({ "type": "knn_vector", "dimension": dims });
            if let Some((m, ef)) = graph {
                index["knn.advanced.approximate_threshold"] = json!(0);
                field["method"] = json!({ "name": "hnsw", "engine": "faiss", "space_type": metric,
                    "parameters": { "m": m, "ef_construction": ef } });
            }
            (dims, metric.clone(), graph, (json!({ "index": index }), field))
        }
    };
    let (settings, vector) = expected;
    let mappings = json!({ "dynamic": false, "properties": { "vector": vector } });
    let expected = json!({ "settings": settings, "mappings": mappings });
    if *body != expected {
        return Err(Refused::bad(&format!("mapper_parsing_exception: {body}")));
    }
    // Without a method, the metric is that of the search.
    let metric = if metric.is_null() { Metric::L2 } else { self::metric(&metric)? };
    let dims = dims.as_u64().ok_or_else(|| Refused::bad("no dimension"))?;
    Ok(Collection::new(dims as usize, metric, graph))
}

fn metric(name: &Value) -> Result<Metric, Refused> {
    match name.as_str() {
        Some("cosine" | "cosinesimil") => Ok(Metric::Cosine),
        Some("max_inner_product" | "innerproduct") => Ok(Metric::Dot),
        Some("l2_norm" | "l2") => Ok(Metric::L2),
        other => Err(Refused::bad(&format!("unknown similarity {other:?}"))),
    }
}

fn bulk(store: &mut Store, index: &str, asked: &Asked) -> Result<Told, Refused> {
    let text = std::str::from_utf8(&asked.body).unwrap();
    if asked.header("content-type") != Some("application/x-ndjson") || !text.ends_with('\n') {
        return Err(Refused::bad("The bulk request must be terminated by a newline [\\n]"));
    }
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (pairs, rest) = lines.as_chunks::<2>();
    assert!(rest.is_empty());
    let rows: Vec<(u64, Vec<f32>)> = pairs
        .iter()
        .map(|[action, document]| {
            let id: u64 = action["index"]["_id"].as_str().unwrap().parse().unwrap();
            let vector: Vec<f32> = serde_json::from_value(document["vector"].clone()).unwrap();
            assert_eq!(*action, json!({ "index": { "_id": id.to_string() } }));
            (id, vector)
        })
        .collect();
    store.add(index, rows)?;
    Ok(Told::ok(json!({ "took": 1, "errors": false, "items": [] })).about(About::Ingest))
}

fn search(store: &mut Store, index: &str, body: &Value, flavour: Flavour) -> Result<Told, Refused> {
    let is_exact = store.get(index)?.is_exact;
    let size = &body["size"];
    let (query, knn) = match (flavour, is_exact) {
        (Flavour::Elasticsearch, _) => {
            let query = &body["knn"]["query_vector"];
            let candidates = if is_exact { size.clone() } else { json!(100) };
            let knn = json!({ "knn": { "field": "vector", "query_vector": query, "k": size,
                "num_candidates": candidates } });
            (query.clone(), knn)
        }
        (Flavour::OpenSearch, false) => {
            let query = &body["query"]["knn"]["vector"]["vector"];
            let knn = json!({ "query": { "knn": { "vector": { "vector": query, "k": size,
                "method_parameters": { "ef_search": 100 } } } } });
            (query.clone(), knn)
        }
        (Flavour::OpenSearch, true) => {
            let params = &body["query"]["script_score"]["script"]["params"];
            store.get(index)?.metric = metric(&params["space_type"])?;
            let script = json!({ "source": "knn_score", "lang": "knn", "params": {
                "field": "vector", "query_value": params["query_value"],
                "space_type": params["space_type"] } });
            let score = json!({ "query": { "match_all": {} }, "script": script });
            (params["query_value"].clone(), json!({ "query": { "script_score": score } }))
        }
    };
    let mut expected = json!({ "size": size, "_source": false });
    expected.as_object_mut().unwrap().extend(knn.as_object().unwrap().clone());
    if *body != expected {
        return Err(Refused::bad(&format!("parsing_exception: {body}")));
    }
    let query: Vec<f32> = serde_json::from_value(query).unwrap();
    let ids = store.search(index, &query, size.as_u64().unwrap() as usize)?;
    let hits: Vec<Value> = ids
        .iter()
        .map(|id| json!({ "_index": index, "_id": id.to_string(), "_score": 0.5 }))
        .collect();
    let body = json!({ "took": 1, "timed_out": false, "_shards": { "failed": 0 },
        "hits": { "hits": hits } });
    Ok(Told::ok(body).about(About::Search))
}
