//! Milvus, as far as its RESTful API v2 is used. What is wrong is said with 200 and a code.

use super::server::{About, Asked, Told};
use super::store::{Collection, Metric, Refused, Store};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Named {
    collection_name: String,
    index_name: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Create {
    collection_name: String,
    schema: Schema,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Schema {
    auto_id: bool,
    enable_dynamic_field: bool,
    fields: Vec<Field>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Field {
    field_name: String,
    data_type: String,
    #[serde(default)]
    is_primary: bool,
    element_type_params: Option<TypeParams>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TypeParams {
    dim: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Insert {
    collection_name: String,
    data: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    id: u64,
    vector: Vec<f32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Indexes {
    collection_name: String,
    index_params: [IndexParams; 1],
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct IndexParams {
    field_name: String,
    index_name: String,
    metric_type: String,
    index_type: String,
    params: GraphParams,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GraphParams {
    #[serde(rename = "M")]
    m: Option<u32>,
    #[serde(rename = "efConstruction")]
    ef_construction: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Search {
    collection_name: String,
    anns_field: String,
    data: [Vec<f32>; 1],
    limit: usize,
    output_fields: [String; 1],
    search_params: SearchParams,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct SearchParams {
    metric_type: String,
    params: Option<Ef>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ef {
    ef: usize,
}

fn ok(data: Value) -> Told {
    Told::ok(json!({ "code": 0, "data": data }))
}

fn metric(name: &str) -> Result<Metric, Refused> {
    match name {
        "COSINE" => Ok(Metric::Cosine),
        "IP" => Ok(Metric::Dot),
        "L2" => Ok(Metric::L2),
        other => Err(Refused::bad(&format!("metric {other} is unknown"))),
    }
}

pub(super) fn answer(store: &mut Store, asked: &Asked) -> Result<Told, Refused> {
    let path = asked.path.strip_prefix("/v2/vectordb/").filter(|_| asked.method == "POST");
    match path.ok_or_else(|| Refused::missing(&asked.path))? {
        "collections/list" => {
            asked.json::<Value>()?;
            Ok(ok(store.collections.keys().cloned().collect()))
        }
        "collections/create" => create(store, &asked.json()?),
        "entities/insert" => {
            let insert: Insert = asked.json()?;
            let rows = insert.data.into_iter().map(|row| (row.id, row.vector));
            let count = store.add(&insert.collection_name, rows)?;
            Ok(ok(json!({ "insertCount": count, "insertIds": [] })).about(About::Ingest))
        }
        "collections/flush" | "collections/load" => {
            let named: Named = asked.json()?;
            store.get(&named.collection_name)?;
            Ok(ok(json!({})))
        }
        "indexes/create" => index(store, &asked.json()?),
        "indexes/describe" => {
            let named: Named = asked.json()?;
            assert_eq!(named.index_name.as_deref(), Some("vector"));
            let collection = store.get(&named.collection_name)?;
            collection.polls += 1;
            let state = if collection.polls > 2 { "Finished" } else { "InProgress" };
            Ok(ok(json!([{ "indexName": "vector", "indexState": state }])))
        }
        "collections/get_load_state" => {
            let named: Named = asked.json()?;
            store.get(&named.collection_name)?.is_ready = true;
            Ok(ok(json!({ "loadProgress": 100, "loadState": "LoadStateLoaded" })))
        }
        "entities/search" => search(store, &asked.json()?),
        "collections/drop" => {
            let named: Named = asked.json()?;
            store.collections.remove(&named.collection_name);
            Ok(ok(json!({})))
        }
        _ => Err(Refused::missing(&asked.path)),
    }
}

fn create(store: &mut Store, create: &Create) -> Result<Told, Refused> {
    let Schema { auto_id, enable_dynamic_field, fields } = &create.schema;
    let [id, vector] = fields.as_slice() else { return Err(Refused::bad("two fields")) };
    let is_id = id.field_name == "id" && id.data_type == "Int64" && id.is_primary;
    let is_vector = vector.field_name == "vector" && vector.data_type == "FloatVector";
    let dim = vector.element_type_params.as_ref().map(|params| params.dim);
    match dim {
        Some(dim) if is_id && is_vector && !auto_id && !enable_dynamic_field => {
            store.create(&create.collection_name, Collection::new(dim, Metric::L2, None))?;
            Ok(ok(json!({})))
        }
        _ => Err(Refused::bad("the schema is not right")),
    }
}

fn index(store: &mut Store, indexes: &Indexes) -> Result<Told, Refused> {
    let [params] = &indexes.index_params;
    let collection = store.get(&indexes.collection_name)?;
    if params.field_name != "vector" || params.index_name != "vector" {
        return Err(Refused::bad("no such field"));
    }
    collection.metric = metric(&params.metric_type)?;
    collection.graph =
        match (params.index_type.as_str(), params.params.m, params.params.ef_construction) {
            ("HNSW", Some(m), Some(ef)) => Some((m, ef)),
            ("FLAT", None, None) => None,
            _ => return Err(Refused::bad("index type and parameters do not fit")),
        };
    collection.is_exact = collection.graph.is_none();
    Ok(ok(json!({})))
}

fn search(store: &mut Store, search: &Search) -> Result<Told, Refused> {
    let collection = store.get(&search.collection_name)?;
    let fits = metric(&search.search_params.metric_type)? == collection.metric
        && search.anns_field == "vector"
        && search.output_fields == ["id"];
    let ef = search.search_params.params.as_ref().map(|params| params.ef);
    if !fits || ef.is_some() == collection.is_exact || ef.is_some_and(|ef| ef < search.limit) {
        return Err(Refused::bad("the search does not fit the index"));
    }
    let ids = store.search(&search.collection_name, &search.data[0], search.limit)?;
    let found: Vec<Value> = ids.iter().map(|id| json!({ "id": id, "distance": 0.5 })).collect();
    let body = json!({ "code": 0, "cost": 6, "data": found, "topks": [search.limit] });
    Ok(Told::ok(body).about(About::Search))
}
