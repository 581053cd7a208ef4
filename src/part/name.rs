//! What a shared run and one attempt of a worker are called.

use crate::store;
use crate::store::ids;
use sha2::{Digest, Sha256};

/// The run's name, which every worker has from its own command line: the same plan, number of workers, start
/// (microseconds since 1970) and place make the same name, and any other makes another.
#[must_use]
pub fn run_id(plan: &str, of: u32, start_us: i64, place: &str) -> String {
    let asked = format!("{plan}\n{of}\n{start_us}\n{place}");
    let digest = Sha256::digest(asked.as_bytes());
    let bits = digest.iter().take(8).fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
    store::run_id(start_us, bits)
}

/// What tells this process from another that is started as the same worker.
#[must_use]
pub fn attempt() -> String {
    ids::word(ids::tail())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_worker_finds_the_same_name_and_another_load_has_another() {
        let name = run_id("plan", 8, 1_763_806_272_345_678, "s3://bucket/x");
        assert_eq!(name, run_id("plan", 8, 1_763_806_272_345_678, "s3://bucket/x"));
        assert!(name.starts_with("2025-11-22T101112.345Z-"), "{name}");
        let others = [
            run_id("other", 8, 1_763_806_272_345_678, "s3://bucket/x"),
            run_id("plan", 9, 1_763_806_272_345_678, "s3://bucket/x"),
            run_id("plan", 8, 1_763_806_272_345_679, "s3://bucket/x"),
            run_id("plan", 8, 1_763_806_272_345_678, "s3://bucket/y"),
        ];
        assert!(others.iter().all(|other| *other != name), "{others:?}");
        assert!(ids::is_plain(&name) && ids::is_plain(&attempt()));
        assert_ne!(attempt(), attempt());
    }
}
