//! Vector databases that speak JSON over HTTP, each as its preset describes it.
//!
//! Vectors are sent as they are compared: unit vectors for the cosine, and for Euclidean distances
//! without the further component that turns them into inner products.

mod batch;
mod claim;
mod path;
mod preset;
mod reading;
mod step;
mod template;
#[cfg(test)]
mod tests;
mod written;

use super::address::{Address, Kind};
use super::prepare::step as in_time;
use super::progress::Progress;
use super::{Asked, Database, Said, name};
use crate::driver::OpenError;
use crate::http::{Call, Calls, Moments, Reply};
use crate::retrieval::best::Neighbour;
use crate::retrieval::filter::Filter;
use crate::retrieval::vectors::Vectors;
use batch::{Whole, vector};
use claim::Claim;
use futures_util::future::BoxFuture;
use hyper::http::{HeaderMap, HeaderName, HeaderValue};
use path::excerpt;
use preset::{Index, Preset};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use step::{Step, Values};
use tokgate_core::failure::{Failure, FailureClass};
use tokgate_core::run::TargetIdentity;

/// How often a database that works is asked whether it is done: seldom enough not to disturb it.
const POLL: Duration = Duration::from_millis(200);
/// The port of HTTP where an address names none.
const PORT: u16 = 80;
/// What there is to ask of a collection that is not there.
const NOT_FOUND: u16 = 404;

/// One collection of a database behind HTTP.
pub(super) struct Http {
    address: Address,
    calls: Calls,
    /// What stands before every path.
    base: String,
    preset: Preset,
    index: Index,
    /// Components of a row that are sent.
    dimensions: usize,
    filter: Option<Filter>,
    /// What requests are filled with, as JSON.
    values: BTreeMap<&'static str, String>,
    /// What replies have given, as JSON.
    kept: Mutex<BTreeMap<String, String>>,
    /// What the database said last while it was waited for.
    waits: Mutex<Option<String>>,
    /// Lives for as long as the collection may.
    _claim: Claim,
}

impl Http {
    /// What a case asks for, by its preset.
    ///
    /// # Errors
    /// When the preset or the address is wrong, or the database cannot do what is asked.
    pub(super) fn of(asked: &Asked<'_>) -> Result<Self, OpenError> {
        let target = &asked.case.target;
        let named = target.preset.as_deref().ok_or_else(no_preset)?;
        let preset = Preset::named(named)?;
        let dimensions = asked.demand.wanted.set.dimensions;
        let metric = preset.metric(asked.demand.wanted.metric())?.to_owned();
        let (hnsw, filter) = (asked.demand.hnsw, asked.demand.wanted.filter);
        let index = preset.index(hnsw, dimensions)?;
        let index = filter.map_or(Ok(index), |_| preset.filtered(index))?.clone();
        let address = Address::of(target, kind(&preset))?;
        if address.user().is_some() {
            return Err(OpenError::Invalid(
                "`base_url` holds a user; the key comes from the environment variable that \
                 `api_key_env` names"
                    .to_owned(),
            ));
        }
        let headers = headers(&preset, &address)?;
        let calls = Calls::to(address.url(), headers, asked.deadlines.connect)?;
        let claim = Claim::fresh();
        let base = address.url().path().trim_end_matches('/').to_owned();
        let values = values(asked, &theirs(&claim.name, preset.capital), &metric);
        Ok(Self {
            address,
            calls,
            base,
            preset,
            index,
            dimensions: dimensions as usize,
            filter,
            values,
            kept: Mutex::default(),
            waits: Mutex::default(),
            _claim: claim,
        })
    }

    /// Asks for one step, and reads what came as JSON where anything of it is looked at.
    async fn ask<'v>(
        &self,
        call: &mut Call,
        step: &Step,
        lines: Option<&str>,
        values: impl Values<'v>,
    ) -> Result<Value, Failure> {
        let request = step.request(&self.base, lines, values)?;
        let reply = self.calls.ask(call, request).await?;
        let shown = step.shown(values);
        if !reply.status.is_success() {
            return Err(self.refused(&shown, &reply));
        }
        if !step.reads() {
            return Ok(Value::Null);
        }
        let body = serde_json::from_slice::<Value>(&reply.body).map_err(|error| {
            let body = self.quoted(&reply);
            self.malformed(&shown, &format!("the reply is no JSON ({error}): {body}"))
        })?;
        step.check(&body, values).map_err(|why| self.refusal(&shown, &why))?;
        Ok(body)
    }

    /// Asks a short question before the measurement.
    async fn told(&self, call: &mut Call, step: &Step) -> Result<Value, Failure> {
        let kept = self.kept().clone();
        let values = |name: &str| self.value(&kept, name);
        let reply = in_time(self.ask(call, step, None, values)).await?;
        let given = step.kept(&reply, values);
        let given = given.map_err(|why| self.malformed(&step.shown(values), &why))?;
        self.kept().extend(given);
        Ok(reply)
    }

    fn value<'v>(&'v self, kept: &'v BTreeMap<String, String>, name: &str) -> Option<&'v str> {
        self.values.get(name).or_else(|| kept.get(name)).map(String::as_str)
    }

    /// What a question's reply has where its preset says, as text.
    async fn picked(&self, call: &mut Call, step: &Step) -> Result<Vec<Value>, Failure> {
        let reply = self.told(call, step).await?;
        let kept = self.kept().clone();
        let values = |name: &str| self.value(&kept, name);
        let picked = step.picked(&reply, values);
        let picked = picked.map_err(|why| self.malformed(&step.shown(values), &why))?;
        Ok(picked.into_iter().cloned().collect())
    }

    async fn said(&self, call: &mut Call) -> Result<Said, Failure> {
        let found = self.picked(call, &self.preset.identify).await?;
        let version = match found.as_slice() {
            [Value::String(version)] => version.clone(),
            [other] => other.to_string(),
            _ => "of unknown version".to_owned(),
        };
        let engine = self.address.quote(&excerpt(&format!("{} {version}", self.preset.product)));
        let config = BTreeMap::from([("preset".to_owned(), json!(self.preset.name))]);
        Ok(Said { engine, precision: self.preset.precision.clone(), config })
    }

    /// Removes the collections whose runs are over.
    async fn swept(&self, call: &mut Call) -> Result<(), Failure> {
        for found in self.picked(call, &self.preset.list).await? {
            let Some(theirs) = found.as_str() else { continue };
            let ours = ours(theirs, self.preset.capital);
            if name::is_ours(&ours) && claim::is_over(&ours) {
                tracing::warn!("removing {theirs}, which a run that is no more has left");
                self.dropped(call, theirs).await?;
                claim::forget(&ours);
            }
        }
        Ok(())
    }

    /// Removes a collection; one that is not there is no error.
    async fn dropped(&self, call: &mut Call, collection: &str) -> Result<(), Failure> {
        let collection = json!(collection).to_string();
        let values = |name: &str| match name {
            "collection" => Some(collection.as_str()),
            name => self.values.get(name).map(String::as_str),
        };
        let step = &self.preset.remove;
        let request = step.request(&self.base, None, values)?;
        let reply = in_time(self.calls.ask(call, request)).await?;
        match reply.status.is_success() || reply.status.as_u16() == NOT_FOUND {
            true => Ok(()),
            false => Err(self.refused(&step.shown(values), &reply)),
        }
    }

    async fn stored(
        &self,
        call: &mut Call,
        rows: &Vectors,
        mut progress: Progress,
    ) -> Result<(), Failure> {
        self.told(call, &self.index.create).await?;
        let kept = self.kept().clone();
        let common = |name: &str| self.value(&kept, name);
        let step = &self.index.ingest;
        let Self { dimensions, filter, .. } = *self;
        let whole = Whole { step, rows, dimensions, limits: self.preset.batch, filter };
        let mut first = 0;
        while first < rows.len() {
            let part = whole.part(first, common)?;
            let values = |name: &str| part.value(name).or_else(|| common(name));
            let lines = step.is_lines.then_some(part.rows.as_str());
            in_time(self.ask(call, step, lines, values)).await?;
            progress.stored(part.count);
            first += part.count;
        }
        Ok(())
    }

    async fn indexed(&self, call: &mut Call) -> Result<bool, Failure> {
        for step in &self.index.build {
            match step.until.is_empty() {
                true => self.worked(call, step).await?,
                false => self.waited(call, step).await?,
            }
        }
        Ok(!self.index.build.is_empty())
    }

    /// Asks for work that may take as long as all the building.
    async fn worked(&self, call: &mut Call, step: &Step) -> Result<(), Failure> {
        let kept = self.kept().clone();
        let values = |name: &str| self.value(&kept, name);
        *self.waits() = Some(step.shown(values));
        let reply = self.ask(call, step, None, values).await?;
        let given = step.kept(&reply, values);
        let given = given.map_err(|why| self.malformed(&step.shown(values), &why))?;
        self.kept().extend(given);
        Ok(())
    }

    /// Asks until the database says that it is done.
    async fn waited(&self, call: &mut Call, step: &Step) -> Result<(), Failure> {
        loop {
            let reply = self.told(call, step).await?;
            let kept = self.kept().clone();
            let values = |name: &str| self.value(&kept, name);
            let lacks = step.lacks(&reply, values);
            match lacks.map_err(|why| self.malformed(&step.shown(values), &why))? {
                None => return Ok(()),
                Some(lacks) => *self.waits() = Some(self.address.quote(&lacks)),
            }
            tokio::time::sleep(POLL).await;
        }
    }

    async fn size(&self, call: &mut Call) -> Result<Option<u64>, Failure> {
        match &self.preset.size {
            Some(step) => Ok(self.picked(call, step).await?.first().and_then(Value::as_u64)),
            None => Ok(None),
        }
    }

    async fn found(&self, call: &mut Call, query: &[f32]) -> Result<Vec<Neighbour>, Failure> {
        let kept = self.kept().clone();
        let query = vector(&query[..self.dimensions])?;
        let values = |name: &str| match name {
            "query" => Some(query.as_str()),
            name => self.value(&kept, name),
        };
        let step = &self.index.search;
        let reply = self.ask(call, step, None, values).await?;
        let ids = step.picked(&reply, values);
        let ids = ids.and_then(|ids| ids.into_iter().map(neighbour).collect());
        ids.map_err(|why| self.malformed(&step.shown(values), &why))
    }

    fn refused(&self, shown: &str, reply: &Reply) -> Failure {
        let message = format!("{shown}: {}: {}", reply.status, self.quoted(reply));
        Failure::new(FailureClass::Status, message)
    }

    fn refusal(&self, shown: &str, why: &str) -> Failure {
        Failure::new(FailureClass::Status, self.address.quote(&format!("{shown}: {why}")))
    }

    fn malformed(&self, shown: &str, why: &str) -> Failure {
        Failure::new(FailureClass::Malformed, self.address.quote(&format!("{shown}: {why}")))
    }

    /// The beginning of what came, without the key. It is cut after, so that no part of a key is
    /// left at the cut.
    fn quoted(&self, reply: &Reply) -> String {
        excerpt(&self.address.quote(&String::from_utf8_lossy(&reply.body)))
    }

    fn kept(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn waits(&self) -> MutexGuard<'_, Option<String>> {
        self.waits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn no_preset() -> OpenError {
    OpenError::Invalid(
        "driver `vector-http` has no `preset`: write `preset = \"qdrant\"` in [target], or the path \
         of a file of your own"
            .to_owned(),
    )
}

fn kind(preset: &Preset) -> Kind {
    Kind {
        scheme: "http",
        port: PORT,
        example: Cow::Owned(preset.example.clone()),
        needs: Cow::Owned(preset.needs.clone()),
        start: Cow::Owned(preset.start.clone()),
    }
}

/// What every request says of itself: what the preset asks for, and the key.
fn headers(preset: &Preset, address: &Address) -> Result<HeaderMap, OpenError> {
    let mut headers = HeaderMap::new();
    for (name, value) in &preset.headers {
        headers.insert(header_name(name)?, header_value(name, value)?);
    }
    let Some(key) = address.password() else { return Ok(headers) };
    let (name, template) = preset.key.as_ref().ok_or_else(|| {
        OpenError::Invalid(format!(
            "preset {} does not say which header carries the key; leave `api_key_env` out, or \
             write `key = {{ header = \"..\", value = \"{{{{key}}}}\" }}` in it",
            preset.name
        ))
    })?;
    let quoted = json!(key.trim()).to_string();
    let value = template.spelled(|_| Some(quoted.as_str()), str::to_owned).unwrap_or_default();
    let mut value = header_value(name, &value)?;
    value.set_sensitive(true);
    headers.insert(header_name(name)?, value);
    Ok(headers)
}

fn header_name(name: &str) -> Result<HeaderName, OpenError> {
    HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| OpenError::Invalid(format!("`{name}` is no name of a header")))
}

/// The value is not repeated: it may be the key.
fn header_value(name: &str, value: &str) -> Result<HeaderValue, OpenError> {
    HeaderValue::from_str(value).map_err(|_| {
        OpenError::Invalid(format!("no header can carry the value of `{name}`; check the key"))
    })
}

fn values(asked: &Asked<'_>, collection: &str, metric: &str) -> BTreeMap<&'static str, String> {
    let set = &asked.demand.wanted.set;
    let mut values = BTreeMap::from([
        ("collection", json!(collection).to_string()),
        ("metric", json!(metric).to_string()),
        ("dimensions", set.dimensions.to_string()),
        ("entries", set.entries.to_string()),
        ("top_k", asked.demand.top_k.to_string()),
    ]);
    if let Some(filter) = asked.demand.wanted.filter {
        values.insert("filter_below", filter.below().to_string());
    }
    if let Some(hnsw) = asked.demand.hnsw {
        values.extend([
            ("m", hnsw.m.to_string()),
            ("ef_construction", hnsw.ef_construction.to_string()),
            ("ef_search", hnsw.ef_search.to_string()),
        ]);
    }
    values
}

/// A name of ours as the database has it.
fn theirs(ours: &str, capital: bool) -> String {
    let mut name = ours.to_owned();
    if capital && let Some(first) = name.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    name
}

/// A name of the database's as we give them.
fn ours(theirs: &str, capital: bool) -> String {
    let mut name = theirs.to_owned();
    if capital && let Some(first) = name.get_mut(..1) {
        first.make_ascii_lowercase();
    }
    name
}

/// A row number, as a number or as text; what the database calls near is not asked for.
fn neighbour(id: &Value) -> Result<Neighbour, String> {
    let number = match id {
        Value::String(text) => text.parse().ok(),
        other => other.as_u64().and_then(|number| u32::try_from(number).ok()),
    };
    let number =
        number.ok_or_else(|| format!("{} is no row number of ours", excerpt(&id.to_string())))?;
    Ok(Neighbour { id: number, score: 0.0 })
}

impl Database for Http {
    type Line = Call;

    fn address(&self) -> &Address {
        &self.address
    }

    fn put_stamps_into(&self, identity: &mut TargetIdentity) {
        self.calls.put_stamps_into(identity);
    }

    fn connect(&self) -> BoxFuture<'_, Result<Call, Failure>> {
        Box::pin(self.calls.connect())
    }

    fn identify<'a>(&'a self, call: &'a mut Call) -> BoxFuture<'a, Result<Said, Failure>> {
        Box::pin(self.said(call))
    }

    fn sweep<'a>(&'a self, call: &'a mut Call) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(self.swept(call))
    }

    fn ingest<'a>(
        &'a self,
        call: &'a mut Call,
        rows: &'a Vectors,
        progress: Progress,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(self.stored(call, rows, progress))
    }

    fn build<'a>(&'a self, call: &'a mut Call) -> BoxFuture<'a, Result<bool, Failure>> {
        Box::pin(self.indexed(call))
    }

    fn building<'a>(&'a self, _: &'a mut Call) -> BoxFuture<'a, Result<Option<String>, Failure>> {
        let waits = self.waits().clone();
        Box::pin(std::future::ready(Ok(waits)))
    }

    fn bytes<'a>(&'a self, call: &'a mut Call) -> BoxFuture<'a, Result<Option<u64>, Failure>> {
        Box::pin(self.size(call))
    }

    fn ready<'a>(&'a self, _: &'a mut Call) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn moments(call: &Call) -> &Moments {
        call.moments()
    }

    fn search<'a>(
        &'a self,
        call: &'a mut Call,
        query: &'a [f32],
        _: usize,
    ) -> BoxFuture<'a, Result<Vec<Neighbour>, Failure>> {
        Box::pin(self.found(call, query))
    }

    fn remove<'a>(&'a self, call: &'a mut Call) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let collection = self.values.get("collection").map(String::as_str);
            let collection = collection.and_then(|json| serde_json::from_str::<String>(json).ok());
            self.dropped(call, &collection.unwrap_or_default()).await
        })
    }
}
