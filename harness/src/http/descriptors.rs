//! Whether this process may hold as many connections as a load wants: with too few descriptors the
//! failures would be ours, and look like the target's.

use crate::driver::OpenError;
use tokgate_core::case::Case;

/// What we hold open besides connections: results, telemetry, the event queue.
const BESIDES: u64 = 64;

/// Whether the load of a case fits.
///
/// # Errors
/// When it needs more descriptors than this process may have.
pub(crate) fn suffice(case: &Case) -> Result<(), OpenError> {
    // How many an open loop without a cap needs, the target decides.
    let wanted = case.workload.most_in_flight().unwrap_or_default() + BESIDES;
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    match allowed(&limits).filter(|allowed| *allowed < wanted) {
        Some(allowed) => Err(OpenError::Unavailable(format!(
            "this load needs {wanted} file descriptors, and this process may have {allowed}; raise \
             it with `ulimit -n {}`",
            wanted.next_power_of_two()
        ))),
        None => Ok(()),
    }
}

/// The soft limit; `None` where there is none, or the platform does not say.
fn allowed(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_counts() {
        let limits = "Limit   Soft Limit  Hard Limit  Units\n\
                      Max processes             95917   95917   processes\n\
                      Max open files            1024    524288  files\n";
        assert_eq!(allowed(limits), Some(1024));
        assert_eq!(allowed("Max open files            unlimited unlimited files"), None);
        assert_eq!(allowed(""), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_load_that_cannot_be_held_is_refused_before_it_begins() {
        let mut case = crate::test_case();
        assert!(suffice(&case).is_ok());
        case.workload = tokgate_core::case::Workload::closed(10_000, 10_000, 1, 0);
        let error = suffice(&case).unwrap_err().to_string();
        assert!(
            error.contains("100000064 file descriptors") && error.contains("ulimit"),
            "{error}"
        );
    }
}
