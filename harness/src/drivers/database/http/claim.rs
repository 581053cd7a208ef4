//! Whose a collection is. HTTP keeps no list of who is connected, so that a lock on a file of this
//! machine says whether the run of a collection still lives, and the date in its name does so for
//! collections of other machines.

use super::super::name;
use std::fs::{File, TryLockError};
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

/// No measurement takes longer: a collection of another machine that is older belongs to nobody.
const LONGEST_RUN_S: u64 = 7 * 24 * 3600;

/// A name of ours, for as long as this lives.
#[derive(Debug)]
pub(super) struct Claim {
    pub(super) name: String,
    /// Locked; `None` where the folder for temporary files cannot be written.
    _lock: Option<File>,
}

impl Claim {
    /// A name that nobody else has.
    pub(super) fn fresh() -> Self {
        let name = name::dated(now_s());
        let lock = File::create(place(&name)).ok().filter(|file| file.try_lock().is_ok());
        Self { name, _lock: lock }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // A file that stays says no more than that its run is over.
        let _ = std::fs::remove_file(place(&self.name));
    }
}

/// Whether the run that made a collection of this name is over.
pub(super) fn is_over(name: &str) -> bool {
    match File::open(place(name)) {
        Ok(file) => !matches!(file.try_lock(), Err(TryLockError::WouldBlock)),
        Err(_) => name::date(name).is_some_and(|date| date + LONGEST_RUN_S < now_s()),
    }
}

/// Forgets the run of a collection that was removed.
pub(super) fn forget(name: &str) {
    let _ = std::fs::remove_file(place(name));
}

fn place(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("{name}.lock"))
}

fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_is_over_when_whoever_made_it_is_gone() {
        let claim = Claim::fresh();
        assert!(name::is_ours(&claim.name) && !is_over(&claim.name));
        let killed = name::dated(now_s());
        std::fs::write(place(&killed), "").unwrap();
        assert!(is_over(&killed));
        forget(&killed);
        assert!(!is_over(&killed), "of another machine, and new");
        assert!(is_over(&name::dated(now_s() - LONGEST_RUN_S - 1)));
    }
}
