//! What every played database has: collections of vectors, and exact search.

use super::server::Fault;
use std::collections::BTreeMap;

/// A request that is refused, as the real server would.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) status: u16,
    pub(super) message: String,
}

impl Refused {
    pub(super) fn bad(message: &str) -> Self {
        Self { status: 400, message: message.to_owned() }
    }

    pub(super) fn missing(what: &str) -> Self {
        Self { status: 404, message: format!("{what} does not exist") }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Metric {
    Cosine,
    Dot,
    L2,
}

#[derive(Debug, Default)]
pub(super) struct Store {
    pub(super) collections: BTreeMap<String, Collection>,
    /// Parts of rows that came.
    pub(super) parts: usize,
    pub(super) fault: Option<Fault>,
}

#[derive(Debug)]
pub(super) struct Collection {
    pub(super) dimensions: usize,
    pub(super) metric: Metric,
    pub(super) is_exact: bool,
    /// Links and candidates of the graph, as they were asked for.
    pub(super) graph: Option<(u32, u32)>,
    pub(super) rows: BTreeMap<u64, Vec<f32>>,
    /// Attributes of rows, whether they are indexed, and what those that pass are below.
    pub(super) buckets: BTreeMap<u64, u64>,
    pub(super) is_attributed: bool,
    pub(super) below: Option<u64>,
    /// Whether it can be searched: refreshed, loaded, indexed.
    pub(super) is_ready: bool,
    /// How often it was asked whether it is ready.
    pub(super) polls: usize,
}

impl Collection {
    pub(super) fn new(dimensions: usize, metric: Metric, graph: Option<(u32, u32)>) -> Self {
        Self {
            dimensions,
            metric,
            is_exact: graph.is_none(),
            graph,
            rows: BTreeMap::new(),
            buckets: BTreeMap::new(),
            is_attributed: false,
            below: None,
            is_ready: false,
            polls: 0,
        }
    }

    fn near(&self, query: &[f32], row: &[f32]) -> f64 {
        let pairs = || query.iter().zip(row).map(|(a, b)| (f64::from(*a), f64::from(*b)));
        let product: f64 = pairs().map(|(a, b)| a * b).sum();
        let length = |row: &[f32]| row.iter().map(|a| f64::from(*a).powi(2)).sum::<f64>().sqrt();
        match self.metric {
            Metric::Cosine => product / (length(query) * length(row)),
            Metric::Dot => product,
            Metric::L2 => -pairs().map(|(a, b)| (a - b).powi(2)).sum::<f64>(),
        }
    }
}

impl Store {
    pub(super) fn get(&mut self, name: &str) -> Result<&mut Collection, Refused> {
        self.collections.get_mut(name).ok_or_else(|| Refused::missing(name))
    }

    pub(super) fn create(&mut self, name: &str, made: Collection) -> Result<(), Refused> {
        match self.collections.contains_key(name) {
            true => Err(Refused { status: 409, message: format!("{name} exists already") }),
            false => {
                self.collections.insert(name.to_owned(), made);
                Ok(())
            }
        }
    }

    pub(super) fn add(
        &mut self,
        name: &str,
        rows: impl IntoIterator<Item = (u64, Vec<f32>)>,
    ) -> Result<usize, Refused> {
        self.parts += 1;
        let collection = self.get(name)?;
        let mut count = 0;
        for (id, row) in rows {
            if row.len() != collection.dimensions {
                let message = format!("{} dimensions, not {}", row.len(), collection.dimensions);
                return Err(Refused::bad(&message));
            }
            collection.rows.insert(id, row);
            count += 1;
        }
        Ok(count)
    }

    /// The nearest rows, best first.
    pub(super) fn search(
        &mut self,
        name: &str,
        query: &[f32],
        top_k: usize,
    ) -> Result<Vec<u64>, Refused> {
        let fault = self.fault;
        let collection = self.get(name)?;
        if query.len() != collection.dimensions {
            return Err(Refused::bad("wrong dimension of the query"));
        }
        if !collection.is_ready {
            return Err(Refused::bad("collection not loaded"));
        }
        let passes = |id: &u64| {
            collection
                .below
                .is_none_or(|below| collection.buckets.get(id).is_some_and(|it| *it < below))
        };
        let rows = collection.rows.iter().filter(|(id, _)| passes(id));
        let rows = rows.map(|(id, row)| (collection.near(query, row), *id));
        let mut found: Vec<(f64, u64)> = rows.collect();
        found.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let mut ids: Vec<u64> = found.into_iter().take(top_k).map(|(_, id)| id).collect();
        match fault {
            Some(Fault::TooFew) => ids.truncate(top_k - 1),
            Some(Fault::Stranger) => ids[3] = 1_000_000,
            _ => {}
        }
        Ok(ids)
    }
}
