//! Whose rows these are, and where they lie: Hive partitions, so that every engine knows run, case and worker
//! from the path alone.

use super::schema::Table;
use sha2::{Digest, Sha256};
use tokgate_core::run::{Arm, Head};

/// Longest encoded value of a partition, bytes: names of folders end at 255 on most file systems.
const LONGEST: usize = 200;
/// Digits of the checksum that stands for the rest of a longer one.
const DIGITS: usize = 16;

/// The rows of one epoch of one case that one attempt of one worker wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice {
    /// The invocation.
    pub run: String,
    /// The case's id.
    pub case: String,
    /// Which worker, from 0.
    pub worker: u32,
    /// Which epoch, from 0.
    pub epoch: u32,
    /// Base or head of a comparison: pairs have one of each under one number.
    pub arm: Arm,
    /// Which process: two that were started as the same worker have different ones.
    pub attempt: String,
}

impl Slice {
    /// That of an epoch with this head.
    #[must_use]
    pub fn of(head: &Head, worker: u32, attempt: &str) -> Self {
        Self {
            run: head.run_id.clone(),
            case: head.case.id.0.clone(),
            worker,
            epoch: head.epoch,
            arm: head.arm,
            attempt: attempt.to_owned(),
        }
    }

    /// Where its rows of `table` lie:
    /// `rows/requests/run=RUN/case=CASE/worker=I/epoch-0003-ATTEMPT.parquet`, with `base-` before the attempt
    /// for the base of a comparison.
    #[must_use]
    pub fn path(&self, table: &Table) -> String {
        let Self { run, case, worker, epoch, arm, attempt } = self;
        let arm = match arm {
            Arm::Base => "base-",
            Arm::Head => "",
        };
        format!(
            "rows/{}/run={}/case={}/worker={worker}/epoch-{epoch:04}-{arm}{}.parquet",
            table.name,
            encoded(run),
            encoded(case),
            encoded(attempt),
        )
    }
}

/// Beneath which everything of a run's workers lies that is no row.
#[must_use]
pub fn workers(run: &str) -> String {
    format!("workers/run={}", encoded(run))
}

/// Where a worker says that it has begun.
pub(super) fn begun(run: &str, worker: u32, attempt: &str) -> String {
    format!("{}/worker={worker}.{}.begun.json", workers(run), encoded(attempt))
}

/// Where a worker says what it has put, last of all.
pub(super) fn manifest(run: &str, worker: u32, attempt: &str) -> String {
    format!("{}/worker={worker}.{}.json", workers(run), encoded(attempt))
}

/// A value as part of a path: all but letters, digits and `.`, `_`, `-` as `%XX`, and what is too long for the
/// name of a folder as its beginning with a checksum of the whole.
pub(super) fn encoded(value: &str) -> String {
    let mut encoded = String::new();
    for byte in value.bytes() {
        match byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-') {
            true => encoded.push(char::from(byte)),
            false => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    match encoded.len() > LONGEST {
        true => shortened(&encoded, value),
        false => encoded,
    }
}

fn shortened(encoded: &str, value: &str) -> String {
    let digest = crate::hex::digits(&Sha256::digest(value));
    let cut = LONGEST - DIGITS - 1;
    // Not within a `%XX`.
    let cut = (0..3).map(|back| cut - back).find(|at| !encoded[at - 2..*at].contains('%'));
    format!("{}-{}", &encoded[..cut.unwrap_or_default()], &digest[..DIGITS])
}

#[cfg(test)]
mod tests {
    use super::super::schema::{EVENTS, REQUESTS};
    use super::*;

    fn slice() -> Slice {
        Slice {
            run: "2026-11-22T101112.345Z-aaaaaa".to_owned(),
            case: "quick/tok/model=a/b:4b,concurrency=4".to_owned(),
            worker: 3,
            epoch: 2,
            arm: Arm::Head,
            attempt: "abcdef".to_owned(),
        }
    }

    #[test]
    fn a_path_says_run_case_and_worker_as_partitions() {
        assert_eq!(
            slice().path(&REQUESTS),
            "rows/requests/run=2026-11-22T101112.345Z-aaaaaa/\
             case=quick%2Ftok%2Fmodel%3Da%2Fb%3A4b%2Cconcurrency%3D4/worker=3/epoch-0002-abcdef.parquet"
        );
        let base = Slice { arm: Arm::Base, ..slice() }.path(&EVENTS);
        assert!(base.starts_with("rows/events/run="), "{base}");
        assert!(base.ends_with("/epoch-0002-base-abcdef.parquet"), "{base}");
    }

    #[test]
    fn no_value_leaves_its_place_in_a_path() {
        for odd in ["../../etc/passwd", "a/b", "a\0b", "é", "a%2Fb"] {
            let path = Slice { case: odd.to_owned(), ..slice() }.path(&REQUESTS);
            assert_eq!(path.split('/').count(), 6, "{path}");
            assert!(path.is_ascii() && !path.contains('\0'), "{path}");
        }
    }

    #[test]
    fn what_is_too_long_for_a_folder_is_shortened_and_still_its_own() {
        let long = |end: &str| encoded(&format!("{}{end}", "a/é".repeat(100)));
        assert!(long("x").len() <= LONGEST);
        assert_ne!(long("x"), long("y"));
        let percent = long("x");
        let (kept, _) = percent.rsplit_once('-').unwrap();
        assert!(kept.rsplit('%').next().unwrap().len() >= 2, "{kept}");
    }
}
