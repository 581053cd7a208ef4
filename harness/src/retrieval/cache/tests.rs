//! What a cache owes: what was put in or nothing, whatever happens to its folder.

use super::super::corpus::Corpus;
use super::super::demand::Demand;
use super::super::engines;
use super::super::fixture::case;
use super::super::flat_q4::FlatQ4;
use super::super::index::{Graph, Knobs, VectorIndex};
use super::super::ivf_sq8::IvfSq8;
use super::super::truth::{Finding, Truth};
use super::*;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};
use tempfile::TempDir;
use tokgate_core::case::{Case, Dataset, DriverKind, Hnsw, VectorKind, VectorSet};
use tokgate_core::share::Share;

/// Bytes that are made of a number, and how often they were.
#[derive(Default)]
struct Numbered {
    number: u32,
    /// Whether the disk is full half-way.
    is_full: bool,
    made: AtomicU32,
}

impl Numbered {
    fn new(number: u32) -> Self {
        Self { number, ..Self::default() }
    }

    fn times_made(&self) -> u32 {
        self.made.load(Ordering::Relaxed)
    }

    fn bytes(&self) -> Vec<u8> {
        self.number.to_le_bytes().repeat(25)
    }
}

impl Craft for Numbered {
    type Product = Vec<u8>;
    type Fault = std::convert::Infallible;

    fn spec(&self) -> Option<Spec> {
        let of = std::collections::BTreeMap::from([("number", self.number)]);
        Some(Spec::new(What::Index, of, 1 << 20))
    }

    fn make(&self) -> Result<Vec<u8>, Self::Fault> {
        self.made.fetch_add(1, Ordering::Relaxed);
        Ok(self.bytes())
    }

    fn save(&self, product: &Vec<u8>, into: &mut dyn Write) -> io::Result<()> {
        into.write_all(&product[..50])?;
        match self.is_full {
            true => Err(io::ErrorKind::StorageFull.into()),
            false => into.write_all(&product[50..]),
        }
    }

    fn load(&self, payload: &[u8]) -> Result<Vec<u8>, Unfit> {
        Ok(payload.to_vec())
    }
}

fn cache(folder: &TempDir) -> Cache {
    limited(folder, 1 << 30)
}

fn limited(folder: &TempDir, max_bytes: u64) -> Cache {
    Cache::at(Place { folder: folder.path().join("cache"), max_bytes })
}

fn files(folder: &TempDir) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder.path().join("cache")).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

fn one_file(folder: &TempDir) -> PathBuf {
    let files = files(folder);
    assert_eq!(files.len(), 1, "{files:?}");
    files[0].clone()
}

/// What the cache did, when what came is what should.
fn used(cache: &Cache, craft: &Numbered) -> CacheUse {
    let Ok(kept) = cache.get(craft);
    assert_eq!(kept.value, craft.bytes());
    assert_eq!(kept.load_s.is_some(), kept.cache == Some(CacheUse::Hit));
    kept.cache.unwrap()
}

#[test]
fn what_was_made_once_is_read_by_later_runs_with_the_time_that_making_it_took() {
    let folder = tempfile::tempdir().unwrap();
    let craft = Numbered::new(7);
    let Ok(first) = cache(&folder).get(&craft);
    let Ok(later) = cache(&folder).get(&craft);
    assert_eq!((first.cache, later.cache), (Some(CacheUse::Miss), Some(CacheUse::Hit)));
    assert_eq!((&first.value, first.made_s), (&later.value, later.made_s));
    assert_eq!(craft.times_made(), 1);
    assert_eq!(used(&cache(&folder), &Numbered::new(8)), CacheUse::Miss);
}

#[test]
fn without_a_cache_it_is_made_each_time_and_nothing_is_written() {
    let craft = Numbered::new(7);
    assert_eq!(used(&Cache::off(), &craft), CacheUse::Off);
    assert_eq!(used(&Cache::off(), &craft), CacheUse::Off);
    assert_eq!(craft.times_made(), 2);
}

#[test]
fn every_flipped_byte_is_noticed_and_the_file_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let (cache, craft) = (cache(&folder), Numbered::new(7));
    used(&cache, &craft);
    let path = one_file(&folder);
    let good = fs::read(&path).unwrap();
    for place in 0..good.len() {
        let mut flipped = good.clone();
        flipped[place] ^= 1 << (place % 8);
        fs::write(&path, flipped).unwrap();
        assert_eq!(used(&cache, &craft), CacheUse::Miss, "byte {place}");
        assert_eq!(used(&cache, &craft), CacheUse::Hit, "after byte {place}");
    }
}

#[test]
fn a_file_that_is_cut_off_or_continued_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let (cache, craft) = (cache(&folder), Numbered::new(7));
    used(&cache, &craft);
    let path = one_file(&folder);
    let good = fs::read(&path).unwrap();
    let cut = (0..good.len()).step_by(7).map(|length| good[..length].to_vec());
    let continued = [[&good[..], b"x"].concat(), [&good[..], &good[..]].concat()];
    for bytes in cut.chain(continued) {
        fs::write(&path, &bytes).unwrap();
        assert_eq!(used(&cache, &craft), CacheUse::Miss, "{} bytes", bytes.len());
    }
    fs::File::create(&path).unwrap().set_len(1 << 40).unwrap();
    assert_eq!(used(&cache, &craft), CacheUse::Miss, "longer than any memory");
    assert_eq!(used(&cache, &craft), CacheUse::Hit);
}

#[test]
fn a_file_of_something_else_under_the_right_name_is_not_believed() {
    let folder = tempfile::tempdir().unwrap();
    let (cache, craft) = (cache(&folder), Numbered::new(7));
    used(&cache, &craft);
    let right = one_file(&folder);
    used(&cache, &Numbered::new(8));
    let other = files(&folder).into_iter().find(|path| *path != right).unwrap();
    fs::copy(other, &right).unwrap();
    assert_eq!(used(&cache, &craft), CacheUse::Miss);
    assert_eq!(used(&cache, &craft), CacheUse::Hit);
}

#[test]
fn a_full_disk_keeps_nothing_and_stops_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let cache = cache(&folder);
    let full = Numbered { is_full: true, ..Numbered::new(7) };
    assert_eq!(used(&cache, &full), CacheUse::Miss);
    assert_eq!(files(&folder), Vec::<PathBuf>::new());
    assert_eq!(used(&cache, &Numbered::new(7)), CacheUse::Miss);
    assert_eq!(used(&cache, &Numbered::new(7)), CacheUse::Hit);
}

#[test]
fn a_folder_that_cannot_be_used_is_no_cache() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("cache"), "a file").unwrap();
    assert_eq!(used(&cache(&folder), &Numbered::new(7)), CacheUse::Off);
}

#[cfg(unix)]
#[test]
fn a_fifo_under_our_name_is_never_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    used(&cache(&folder), &Numbered::new(7));
    let path = one_file(&folder);
    fs::remove_file(&path).unwrap();
    let temporary = path.with_extension("0123456789abcdef.tmp");
    let made = std::process::Command::new("mkfifo").args([&path, &temporary]).status();
    if made.is_ok_and(|status| status.success()) {
        assert_eq!(used(&cache(&folder), &Numbered::new(7)), CacheUse::Miss);
        assert_eq!(used(&cache(&folder), &Numbered::new(7)), CacheUse::Hit);
    }
}

#[test]
fn a_folder_that_vanishes_while_it_is_used_stops_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let cache = cache(&folder);
    used(&cache, &Numbered::new(7));
    fs::remove_dir_all(folder.path().join("cache")).unwrap();
    assert_eq!(used(&cache, &Numbered::new(7)), CacheUse::Miss);
}

#[test]
fn what_was_not_used_for_longest_makes_room_and_foreign_files_stay() {
    let folder = tempfile::tempdir().unwrap();
    let (oldest, middle, newest) = (Numbered::new(1), Numbered::new(2), Numbered::new(3));
    used(&cache(&folder), &oldest);
    let bytes = fs::metadata(one_file(&folder)).unwrap().len();
    let foreign = folder.path().join("cache/index-of-somebody.cache");
    fs::write(&foreign, vec![0; 1 << 16]).unwrap();
    // Files differ by the digits of the seconds in their heads.
    let two_fit = limited(&folder, 2 * bytes + bytes / 2);
    used(&two_fit, &middle);
    let long_ago = SystemTime::now() - Duration::from_secs(1000);
    for (age, craft) in [(0, &oldest), (10, &middle)] {
        let path = folder.path().join("cache").join(craft.spec().unwrap().name() + ".cache");
        let file = fs::OpenOptions::new().write(true).open(path).unwrap();
        file.set_modified(long_ago + Duration::from_secs(age)).unwrap();
    }
    // A hit makes the oldest the newest.
    assert_eq!(used(&two_fit, &oldest), CacheUse::Hit);
    used(&two_fit, &newest);
    assert_eq!(used(&two_fit, &oldest), CacheUse::Hit);
    assert_eq!(used(&two_fit, &newest), CacheUse::Hit);
    assert_eq!(files(&folder).len(), 3);
    assert!(foreign.exists());
    assert_eq!(used(&two_fit, &middle), CacheUse::Miss);
}

#[test]
fn what_is_larger_than_the_whole_cache_is_not_kept_and_drives_nothing_out() {
    let folder = tempfile::tempdir().unwrap();
    used(&cache(&folder), &Numbered::new(1));
    assert_eq!(used(&limited(&folder, 10), &Numbered::new(2)), CacheUse::Miss);
    assert_eq!(used(&cache(&folder), &Numbered::new(1)), CacheUse::Hit);
    assert_eq!(files(&folder).len(), 1);
}

#[test]
fn many_who_make_the_same_at_once_all_have_it_and_one_file_is_left() {
    let folder = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..20 {
                    used(&cache(&folder), &Numbered::new(7));
                }
            });
            scope.spawn(|| {
                for _ in 0..20 {
                    let _ = cache(&folder).folder().unwrap().put(
                        &Numbered::new(7).spec().unwrap(),
                        1.0,
                        |into| into.write_all(&Numbered::new(7).bytes()),
                    );
                }
            });
        }
    });
    one_file(&folder);
    assert_eq!(used(&cache(&folder), &Numbered::new(7)), CacheUse::Hit);
}

#[test]
fn leftovers_of_killed_writers_are_removed_and_those_of_living_ones_stay() {
    let folder = tempfile::tempdir().unwrap();
    used(&cache(&folder), &Numbered::new(7));
    let kept = one_file(&folder);
    let temporary = |random: &str| kept.with_extension(format!("{random}.tmp"));
    let (left, alive) = (temporary("0123456789abcdef"), temporary("fedcba9876543210"));
    let foreign = kept.with_file_name("notes.tmp");
    fs::write(&left, "half").unwrap();
    fs::write(&foreign, "mine").unwrap();
    let living = fs::File::create(&alive).unwrap();
    living.lock().unwrap();
    assert_eq!(used(&cache(&folder), &Numbered::new(7)), CacheUse::Hit);
    assert!(!left.exists() && alive.exists() && foreign.exists());
    drop(living);
    assert_eq!(used(&cache(&folder), &Numbered::new(7)), CacheUse::Hit);
    assert!(!alive.exists());
}

/// A case's index, and what the cache did for it and for the exact neighbours.
struct Opened {
    index: Kept<Box<dyn VectorIndex>>,
    corpus: Corpus,
}

fn open(cache: &Cache, change: impl Fn(&mut Case)) -> Opened {
    let mut case = case(600, 64);
    change(&mut case);
    let demand = Demand::of(&case).unwrap();
    let corpus = Corpus::make(demand.wanted.clone(), None, cache).unwrap();
    let index = engines::open(&demand, &corpus.rows.vectors, cache).unwrap();
    Opened { index, corpus }
}

fn found(opened: &Opened) -> Vec<(u32, u32)> {
    let mut all = Vec::new();
    for query in opened.corpus.queries.rows() {
        let mut found = Vec::new();
        opened.index.value.search(query, 10, &mut found).unwrap();
        all.extend(found.iter().map(|neighbour| (neighbour.id, neighbour.score.to_bits())));
    }
    all
}

#[test]
fn an_index_that_was_kept_finds_bit_by_bit_what_the_built_one_found() {
    for driver in [DriverKind::FlatQ4, DriverKind::IvfSq8] {
        for rescore in [0, 30] {
            let folder = tempfile::tempdir().unwrap();
            let run = || {
                open(&cache(&folder), |case| {
                    case.target.driver = driver;
                    let search = case.retrieval.as_mut().unwrap();
                    (search.rescore, search.nprobe) = (rescore, Some(4));
                })
            };
            let (built, kept) = (run(), run());
            assert_eq!(built.index.cache, Some(CacheUse::Miss));
            assert_eq!(kept.index.cache, Some(CacheUse::Hit), "{driver:?}");
            assert_eq!(found(&built), found(&kept), "{driver:?}, rescore {rescore}");
            assert_eq!(built.index.made_s, kept.index.made_s);
            assert_eq!(built.index.value.bytes(), kept.index.value.bytes());
            assert_eq!(kept.corpus.truth.cache, Some(CacheUse::Hit));
            assert_eq!(built.corpus.truth.value, kept.corpus.truth.value);
        }
    }
}

#[test]
fn how_an_index_is_searched_is_no_part_of_what_it_is_and_the_rows_are() {
    let folder = tempfile::tempdir().unwrap();
    let used = |change: fn(&mut Case)| open(&cache(&folder), change).index.cache.unwrap();
    assert_eq!(used(|_| ()), CacheUse::Miss);
    assert_eq!(used(|case| case.retrieval.as_mut().unwrap().rescore = 99), CacheUse::Hit);
    assert_eq!(used(|case| case.run.seed = 43), CacheUse::Miss);
    assert_eq!(used(|case| case.target.driver = DriverKind::IvfSq8), CacheUse::Miss);
    assert_eq!(used(|_| ()), CacheUse::Hit);
}

/// The bytes with one of them changed, for places evenly taken from all.
fn flipped(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    const PLACES: usize = 500;
    (0..PLACES).map(|number| {
        let mut changed = bytes.to_vec();
        changed[number * bytes.len() / PLACES] ^= 1 << (number % 8);
        changed
    })
}

/// For the engine that is a graph.
const GRAPH: Option<Graph> =
    Some(Graph { shape: Hnsw { m: 16, ef_construction: 64, ef_search: 30 }, euclidean: None });

/// Loads what has a right checksum and wrong bytes, as only a forger can make it; says what became
/// of one byte too many.
fn forged<Index: VectorIndex>() -> Result<Index, Unfit> {
    let opened = open(&Cache::off(), |_| ());
    let rows = &opened.corpus.rows.vectors;
    let knobs = Knobs { rescore: 30, probes: 4, graph: GRAPH };
    let mut good = Vec::new();
    Index::build(Arc::clone(rows), knobs).unwrap().save(&mut good).unwrap();
    let load = |bytes: &[u8]| Index::load(Arc::clone(rows), knobs, bytes);
    for index in flipped(&good).filter_map(|bytes| load(&bytes).ok()) {
        let mut found = Vec::new();
        index.search(opened.corpus.queries.row(0), 10, &mut found).unwrap();
        assert!(found.iter().all(|neighbour| (neighbour.id as usize) < rows.len()));
    }
    let mut cut = (0..good.len()).step_by(good.len() / 50);
    assert!(cut.all(|length| load(&good[..length]).is_err()));
    let others = open(&Cache::off(), |case| case.dataset = smaller()).corpus.rows.vectors;
    assert!(Index::load(others, knobs, &good).is_err(), "the rows are others");
    load(&[&good[..], b"x"].concat())
}

fn smaller() -> Dataset {
    let kind = VectorKind::Mixture;
    Dataset::Vectors(VectorSet::new(kind, 500, 64))
}

#[test]
fn a_forged_index_is_refused_or_finds_rows_that_there_are() {
    // The engine reads to the end that its own header names, and checks what is before it.
    let _ = forged::<FlatQ4>();
    assert!(forged::<IvfSq8>().is_err_and(|unfit| unfit.0.contains("1 bytes follow")));
}

#[cfg(feature = "hnsw")]
#[test]
fn a_forged_hnsw_graph_is_refused_or_finds_rows_that_there_are() {
    let forged = forged::<super::super::hnsw::Hnsw>();
    assert!(forged.is_err_and(|unfit| unfit.0.contains("1 bytes follow")));
}

#[test]
fn forged_neighbours_are_refused_unless_their_scores_are_right() {
    let Corpus { rows, queries, truth, .. } = open(&Cache::off(), |_| ()).corpus;
    let wanted = Demand::of(&case(600, 64)).unwrap().wanted;
    let finding = Finding { wanted: &wanted, rows: &rows.vectors, queries: &queries, among: None };
    let mut good = Vec::new();
    finding.save(&truth.value, &mut good).unwrap();
    assert_eq!(finding.load(&good).unwrap(), truth.value);
    for loaded in flipped(&good).filter_map(|bytes| finding.load(&bytes).ok()) {
        for query in 0..truth.value.len() {
            let ids = |truth: &Truth| -> Vec<u32> {
                truth.of(query).unwrap().iter().map(|neighbour| neighbour.id).collect()
            };
            assert_eq!(ids(&loaded), ids(&truth.value));
        }
    }
    assert!(finding.load(&good[..good.len() - 1]).is_err());
    assert!(finding.load(&[]).is_err());
}

#[test]
fn neighbours_among_rows_that_pass_a_filter_are_kept_apart_from_all_others() {
    let folder = tempfile::tempdir().unwrap();
    let opened = |share: Option<f64>| {
        let open = open(&cache(&folder), |case| {
            case.retrieval.as_mut().unwrap().filter_share = share.and_then(Share::of);
        });
        (open.corpus.truth.cache.unwrap(), open.index.cache.unwrap(), open.corpus.truth.value)
    };
    let (all, wide, narrow) = (opened(None), opened(Some(0.5)), opened(Some(0.2)));
    assert_eq!([all.0, wide.0, narrow.0], [CacheUse::Miss; 3]);
    assert_eq!([wide.1, narrow.1], [CacheUse::Hit; 2], "the index is the same");
    assert!(all.2 != wide.2 && wide.2 != narrow.2);
    for (share, first) in [(None, all.2), (Some(0.5), wide.2), (Some(0.2), narrow.2)] {
        let (truth, _, again) = opened(share);
        assert_eq!((truth, again), (CacheUse::Hit, first), "{share:?}");
    }
}

#[test]
fn an_exact_index_is_not_worth_keeping() {
    let folder = tempfile::tempdir().unwrap();
    let opened = open(&cache(&folder), |case| case.target.driver = DriverKind::Flat);
    assert_eq!(opened.index.cache, None);
    assert!(one_file(&folder).file_name().unwrap().to_str().unwrap().starts_with("truth-"));
    let unkept = opened.index.value.save(&mut Vec::new()).unwrap_err();
    assert_eq!(unkept.to_string(), "flat is not cacheable");
}

#[test]
fn a_processor_with_other_features_has_other_keys() {
    let text = Numbered::new(7).spec().unwrap().text().to_owned();
    assert!(text.contains(&format!("\"cpu\":\"{}", std::env::consts::ARCH)), "{text}");
}
