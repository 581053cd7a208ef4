//! What a case demands of a vector index, checked: where its numbers do not fit together, or not
//! into memory, the case is refused before anything is generated.

use super::corpus::Wanted;
use super::crew::Size;
use super::engines;
use super::filter::Filter;
use super::index::{Graph, Knobs};
use super::vectors::GROUP;
use crate::driver::OpenError;
use tokgate_core::case::{
    Case, Dataset, DriverKind, Hnsw, Inserts, Retrieval, Similarity, VectorFile, VectorKind,
    VectorSet,
};

/// Distinct queries held at most (24 MiB of 384 dimensions, four blocks of the generator); more
/// requests ask them again from the first on.
pub(super) const MOST_QUERIES: usize = 1 << 14;
/// Queries searched at the same time at most: beyond, the operating system's scheduler would be
/// measured and not the index. Further queries wait in a queue, and the wait counts.
const MOST_MEMBERS: usize = 64;
/// Connections to a database at most: beyond, it is its own limit that would be measured.
const MOST_CONNECTIONS: usize = 1024;
/// Distinct queries of a load that goes by time.
const QUERIES_OF_A_TIMED_LOAD: u64 = 1000;
/// What the scan engines take.
const MOST_DIMENSIONS: u32 = 16_384;

/// A retrieval case in the words of this module.
#[derive(Debug, Clone, PartialEq)]
pub struct Demand {
    /// Which engine.
    pub driver: DriverKind,
    /// Which data.
    pub wanted: Wanted,
    /// Neighbours of each query.
    pub top_k: usize,
    /// What the engine is told.
    pub knobs: Knobs,
    /// The graph that is asked for; `None` for an exact search, and for engines without one.
    pub hnsw: Option<Hnsw>,
    /// Rows that are inserted while queries run.
    pub inserts: Option<Inserts>,
    /// Who searches.
    pub size: Size,
}

impl Demand {
    /// Reads a case.
    ///
    /// # Errors
    /// When its numbers do not fit together; the message names them.
    pub fn of(case: &Case) -> Result<Self, OpenError> {
        let (set, retrieval) = parts(case)?;
        engines::built_in(case.target.driver)?;
        check_set(set)?;
        check_search(set, retrieval, case.target.driver)?;
        check_filter(set, retrieval, case.run.seed)?;
        check_inserts(set, retrieval, case.target.driver)?;
        Ok(Self {
            driver: case.target.driver,
            wanted: wanted(case, set, retrieval),
            top_k: retrieval.top_k as usize,
            knobs: knobs(retrieval, euclidean(set)),
            hnsw: retrieval.hnsw,
            inserts: retrieval.inserts,
            size: size(case),
        })
    }

    /// Bytes needed in all; the rows only where they are not there already.
    #[must_use]
    pub fn bytes(&self, rows_are_there: bool) -> u64 {
        let rows = if rows_are_there { 0 } else { super::memory::rows(&self.wanted.set) };
        let matching = self.wanted.filter.map_or(0, |_| super::memory::matching(&self.wanted.set));
        rows + matching + super::memory::index(&self.wanted.set, self.driver, self.hnsw)
    }

    /// Rows that the index is built of: the first ones. The others are inserted later.
    #[must_use]
    pub fn built(&self) -> usize {
        (self.wanted.set.entries - held_back(&self.wanted.set, self.inserts)) as usize
    }

    /// Refuses what does not fit into memory; where memory is unknown, it is tried.
    ///
    /// # Errors
    /// With what is needed and what there is, in GiB.
    pub fn afford(&self, needed: u64, available: Option<u64>) -> Result<(), OpenError> {
        let gib = |bytes: u64| bytes as f64 / f64::from(1 << 30);
        match available {
            Some(available) if available < needed => Err(OpenError::Unavailable(format!(
                "{} needs {:.1} GiB of memory and {:.1} GiB are available; lower `entries` or `dimensions`",
                self.wanted.name(),
                gib(needed),
                gib(available)
            ))),
            Some(_) | None => Ok(()),
        }
    }
}

fn parts(case: &Case) -> Result<(&VectorSet, &Retrieval), OpenError> {
    match (&case.dataset, &case.retrieval) {
        (Dataset::Vectors(set), Some(retrieval)) => Ok((set, retrieval)),
        (Dataset::Prompts(_), _) => Err(invalid(format!(
            "{}: driver `{}` searches vectors and the dataset has prompts; take `kind = \"mixture\"`",
            case.id,
            case.target.driver.as_str(),
        ))),
        (Dataset::Vectors(_), None) => Err(invalid(format!(
            "{} does not say how to search; give it `top_k`, `rescore` and `truth_queries`",
            case.id
        ))),
    }
}

fn check_set(set: &VectorSet) -> Result<(), OpenError> {
    let padded = matches!(set.kind, VectorKind::File(_));
    let whole = padded || (set.dimensions as usize).is_multiple_of(GROUP);
    if !whole || !(1..=MOST_DIMENSIONS).contains(&set.dimensions) {
        return Err(invalid(format!(
            "dimensions = {}; take a multiple of {GROUP} from {GROUP} to {MOST_DIMENSIONS}",
            set.dimensions
        )));
    }
    match set.entries {
        0 => Err(invalid("entries = 0; an index needs at least one".to_owned())),
        _ => Ok(()),
    }
}

fn check_search(set: &VectorSet, asked: &Retrieval, driver: DriverKind) -> Result<(), OpenError> {
    let Retrieval { top_k, rescore, .. } = *asked;
    if !(1..=set.entries).contains(&top_k) {
        return Err(invalid(format!(
            "top_k = {top_k} of {} entries; ask for 1 to {} neighbours",
            set.entries, set.entries
        )));
    }
    if let Some(Hnsw { ef_search, .. }) = asked.hnsw
        && ef_search < top_k
    {
        return Err(invalid(format!(
            "ef_search = {ef_search} is less than top_k = {top_k}; keep at least top_k candidates"
        )));
    }
    match driver.rescores() && (1..top_k).contains(&rescore) {
        true => Err(invalid(format!(
            "rescore = {rescore} is less than top_k = {top_k}; rescore at least top_k candidates, or 0 for none"
        ))),
        false => Ok(()),
    }
}

/// There are enough rows that pass the filter.
fn check_filter(set: &VectorSet, asked: &Retrieval, seed: u64) -> Result<(), OpenError> {
    let Some(filter) = filter(asked, seed) else { return Ok(()) };
    let passing = filter.passing(set.entries);
    match passing < asked.top_k {
        true => Err(invalid(format!(
            "filter_share = {}: {passing} of {} rows pass, fewer than top_k = {}; take a larger \
             share or more `entries`",
            filter.share.value(),
            set.entries,
            asked.top_k
        ))),
        false => Ok(()),
    }
}

/// The engine inserts, nothing else decides which rows are found, and there are rows for both.
fn check_inserts(set: &VectorSet, asked: &Retrieval, driver: DriverKind) -> Result<(), OpenError> {
    let Some(inserts) = asked.inserts else { return Ok(()) };
    if !grows(driver) {
        return Err(invalid(format!(
            "insert_rate = {}; driver `{}` is not asked while rows come: take `flat`, `flat-q4`, \
             `ivf-sq8` or `hnsw`",
            inserts.rate,
            driver.as_str()
        )));
    }
    if asked.filter_share.is_some() {
        let message =
            "`insert_rate` and `filter_share` are not measured together; take one of them";
        return Err(invalid(message.to_owned()));
    }
    let (held, top_k) = (held_back(set, Some(inserts)), asked.top_k);
    match held == 0 || set.entries - held < top_k {
        true => Err(invalid(format!(
            "insert_share = {} holds back {held} of {} rows; keep one at least, and top_k = {top_k} \
             in the index",
            inserts.share.value(),
            set.entries
        ))),
        false => Ok(()),
    }
}

/// Whether a driver's index takes rows while it is searched.
fn grows(driver: DriverKind) -> bool {
    use DriverKind::{Flat, FlatQ4, Hnsw, IvfSq8};
    matches!(driver, Flat | FlatQ4 | IvfSq8 | Hnsw)
}

/// Rows that the index is not built of.
fn held_back(set: &VectorSet, inserts: Option<Inserts>) -> u32 {
    let share = inserts.map_or(0.0, |inserts| inserts.share.value());
    (f64::from(set.entries) * share).round() as u32
}

/// Which rows every query may find.
fn filter(asked: &Retrieval, seed: u64) -> Option<Filter> {
    asked.filter_share.map(|share| Filter { seed, share })
}

/// What an engine is told.
pub(crate) fn knobs(asked: &Retrieval, euclidean: Option<usize>) -> Knobs {
    let Retrieval { rescore, nprobe, hnsw, .. } = *asked;
    Knobs {
        rescore: rescore as usize,
        probes: nprobe.map_or(0, |it| it as usize),
        graph: hnsw.map(|shape| Graph { shape, euclidean }),
    }
}

/// The rows' own components, where they are compared by Euclidean distance.
fn euclidean(set: &VectorSet) -> Option<usize> {
    match &set.kind {
        VectorKind::File(VectorFile { metric: Similarity::L2, .. }) => {
            Some(set.dimensions as usize)
        }
        VectorKind::File(_) | VectorKind::Mixture | VectorKind::Iid => None,
    }
}

fn wanted(case: &Case, set: &VectorSet, asked: &Retrieval) -> Wanted {
    let bounded =
        |count: u64| usize::try_from(count).unwrap_or(MOST_QUERIES).clamp(1, MOST_QUERIES);
    let requests = case.planned_requests().unwrap_or(QUERIES_OF_A_TIMED_LOAD);
    let queries = bounded(requests.max(u64::from(asked.truth_queries)));
    Wanted {
        set: set.clone(),
        seed: case.run.seed,
        queries,
        warmup: bounded(u64::from(case.workload.warmup())),
        truth: (asked.truth_queries as usize).min(queries),
        filter: filter(asked, case.run.seed),
    }
}

/// Who searches.
pub(crate) fn size(case: &Case) -> Size {
    let in_flight = case.workload.most_in_flight().map_or(MOST_MEMBERS, |most| most as usize);
    let most = if case.target.driver.is_database() { MOST_CONNECTIONS } else { MOST_MEMBERS };
    Size { members: in_flight.clamp(1, most), threads: case.target.threads.max(1) as usize }
}

fn invalid(message: String) -> OpenError {
    OpenError::Invalid(message)
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{case, search as usual};
    use super::*;
    use tokgate_core::case::Workload;
    use tokgate_core::share::Share;

    fn refusal(change: impl FnOnce(&mut Case)) -> String {
        let mut case = case(1000, 64);
        change(&mut case);
        Demand::of(&case).unwrap_err().to_string()
    }

    fn set(case: &mut Case) -> &mut VectorSet {
        match &mut case.dataset {
            Dataset::Vectors(set) => set,
            Dataset::Prompts(_) => unreachable!("the fixture has vectors"),
        }
    }

    #[test]
    fn numbers_that_do_not_fit_together_are_refused_with_their_names() {
        assert!(refusal(|case| set(case).entries = 0).contains("entries = 0"));
        assert!(refusal(|case| set(case).entries = 9).contains("top_k = 10 of 9 entries"));
        assert!(refusal(|case| set(case).dimensions = 100).contains("dimensions = 100"));
        assert!(refusal(|case| set(case).dimensions = 0).contains("dimensions = 0"));
        let search = |case: &mut Case, top_k, rescore| {
            case.retrieval = Some(Retrieval { top_k, rescore, truth_queries: 1, ..usual() });
        };
        assert!(refusal(|case| search(case, 0, 30)).contains("top_k = 0"));
        assert!(refusal(|case| search(case, 100, 30)).contains("rescore = 30 is less than"));
        assert!(refusal(|case| case.retrieval = None).contains("`truth_queries`"));
        let narrow = Hnsw { m: 16, ef_construction: 64, ef_search: 9 };
        assert!(
            refusal(|case| {
                case.retrieval.as_mut().unwrap().hnsw = Some(narrow);
            })
            .contains("ef_search = 9 is less than top_k = 10")
        );
    }

    #[test]
    fn a_filter_that_too_few_rows_pass_is_refused_with_their_number() {
        let with = |share| {
            let mut case = case(1000, 64);
            case.retrieval.as_mut().unwrap().filter_share = Share::of(share);
            Demand::of(&case)
        };
        let refusal = with(0.002).unwrap_err().to_string();
        assert!(
            refusal.contains("filter_share = 0.002: ")
                && refusal.contains("of 1000 rows pass, fewer than top_k = 10"),
            "{refusal}"
        );
        let demand = with(0.1).unwrap();
        assert_eq!(demand.wanted.filter.unwrap().below(), 1000);
    }

    #[test]
    fn inserts_are_refused_where_they_cannot_be() {
        let with = |change: fn(&mut Case)| {
            let mut case = case(1000, 64);
            let share = Share::of(0.1).unwrap();
            case.retrieval.as_mut().unwrap().inserts = Some(Inserts { rate: 100, share });
            change(&mut case);
            Demand::of(&case)
        };
        let refusal = |change| with(change).unwrap_err().to_string();
        assert_eq!(with(|_| ()).unwrap().built(), 900);
        let database = refusal(|case| case.target.driver = DriverKind::Redis);
        assert!(database.contains("driver `redis` is not asked while rows come"), "{database}");
        let both = refusal(|case| {
            case.retrieval.as_mut().unwrap().filter_share = Share::of(0.5);
        });
        assert!(both.contains("not measured together"), "{both}");
        let none = refusal(|case| {
            let share = Share::of(0.0001).unwrap();
            case.retrieval.as_mut().unwrap().inserts = Some(Inserts { rate: 100, share });
        });
        assert!(none.contains("holds back 0 of 1000 rows"), "{none}");
    }

    #[test]
    fn the_exact_engine_has_nothing_to_rescore_and_takes_any_number() {
        let mut case = case(1000, 64);
        case.target.driver = DriverKind::Flat;
        case.retrieval = Some(Retrieval { top_k: 100, truth_queries: 1, ..usual() });
        assert!(Demand::of(&case).is_ok());
    }

    #[test]
    fn short_memory_is_refused_with_the_numbers_and_unknown_memory_is_tried() {
        let demand = Demand::of(&case(1_000_000, 384)).unwrap();
        let needed = demand.bytes(false);
        assert!(needed > 1_000_000 * (384 * 4 + 192));
        let refusal = demand.afford(needed, Some(1 << 30)).unwrap_err().to_string();
        assert!(refusal.contains("1.0 GiB are available; lower `entries`"), "{refusal}");
        assert!(demand.afford(needed, None).is_ok());
        assert!(demand.afford(needed, Some(needed)).is_ok());
        assert!(demand.bytes(true) < needed - 1_000_000 * 384 * 4 + 1);
    }

    #[test]
    fn each_request_in_flight_has_a_searcher_up_to_a_bound() {
        let members = |concurrency, batch| {
            let mut case = case(1000, 64);
            case.workload = Workload::closed(concurrency, batch, 10, 0);
            Demand::of(&case).unwrap().size.members
        };
        assert_eq!((members(1, 1), members(4, 2), members(1000, 1000)), (1, 8, MOST_MEMBERS));
    }
}
