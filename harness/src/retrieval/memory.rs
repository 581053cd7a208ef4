//! How much memory a retrieval case needs, and how much there is.

use super::space::width;
use tokgate_core::case::{DriverKind, Hnsw, Similarity, VectorFile, VectorKind, VectorSet};

/// Bytes beside the 4-bit codes, per row: its scale, and its share of lists and samples.
const ROW_OVERHEAD: u64 = 16;
/// While an index of codes is built, codes stand in two layouts for a moment; a graph, while it is
/// kept or read.
const LAYOUTS: u64 = 2;
/// Exact neighbours, queries and products, whatever the corpus: generous.
const BESIDES: u64 = 256 << 20;

/// Bytes of the rows in f32.
#[must_use]
pub fn rows(set: &VectorSet) -> u64 {
    u64::from(set.entries) * components(set) * 4
}

/// Components of a row in memory.
fn components(set: &VectorSet) -> u64 {
    let metric = match &set.kind {
        VectorKind::File(VectorFile { metric, .. }) => *metric,
        VectorKind::Mixture | VectorKind::Iid => Similarity::Cosine,
    };
    width(metric, set.dimensions as usize) as u64
}

/// Bytes that knowing which rows pass a filter takes, whatever the filter: a mark and a number each.
#[must_use]
pub fn matching(set: &VectorSet) -> u64 {
    u64::from(set.entries) * (1 + 4)
}

/// Bytes that a driver's index takes beside the rows, at the worst moment of its building, with
/// what queries and exact neighbours take.
#[must_use]
pub fn index(set: &VectorSet, driver: DriverKind, graph: Option<Hnsw>) -> u64 {
    let codes = u64::from(set.entries) * (components(set) / 2 + ROW_OVERHEAD);
    let signs = u64::from(set.entries) * (components(set) / 8 + ROW_OVERHEAD);
    match driver {
        DriverKind::FlatQ4 => codes * LAYOUTS + signs + BESIDES,
        DriverKind::Hnsw => u64::from(set.entries) * linked(set, graph) * LAYOUTS + BESIDES,
        DriverKind::IvfSq8 => u64::from(set.entries) * components(set) + BESIDES,
        // A database has memory of its own; ours holds rows, truth and what is on its way.
        DriverKind::Flat | DriverKind::Pgvector | DriverKind::Redis | DriverKind::VectorHttp => {
            BESIDES
        }
        DriverKind::Auto
        | DriverKind::Embedded
        | DriverKind::Openai
        | DriverKind::Ollama
        | DriverKind::Batch
        | DriverKind::Simulated
        | DriverKind::Custom => 0,
    }
}

/// Bytes of a row of a graph at most: its numbers of 16 bits, twice its links in the lowest layer, of 4 bytes, and half of that for the layers
/// above, which few rows are in.
fn linked(set: &VectorSet, graph: Option<Hnsw>) -> u64 {
    let links = graph.map_or(0, |graph| u64::from(graph.m) * 2);
    components(set) * 2 + links * 4 + links * 2 + 2 * ROW_OVERHEAD
}

/// Bytes of our memory that are resident now; `None` where the platform does not say.
#[cfg(target_os = "linux")]
#[must_use]
pub fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib << 10)
}

/// Not known here.
#[cfg(not(target_os = "linux"))]
#[must_use]
pub fn resident() -> Option<u64> {
    None
}

/// Bytes that can be had without swapping, by the host's count or the control group's limit;
/// `None` where neither is known.
#[must_use]
pub fn available() -> Option<u64> {
    let mut system = sysinfo::System::new().ok()?;
    system.refresh_memory();
    let host = Some(system.available_memory()).filter(|bytes| *bytes > 0);
    let group = system.cgroup_limits().map(|limits| limits.free_memory);
    match (host, group) {
        (Some(host), Some(group)) => Some(host.min(group)),
        (host, group) => host.or(group),
    }
}
