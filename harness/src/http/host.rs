//! What this host can hold of a load: with too few file descriptors or ports the failures would be ours, and
//! look like the target's.

use crate::driver::OpenError;
use std::fmt;
use tokgate_core::case::Case;
use tokgate_core::workload::Shard;

/// What we hold open besides connections: results, telemetry, the event queue.
const BESIDES: u64 = 64;
/// The share of a limit from which on it is near: others on the host need some, too.
const NEAR: f64 = 0.8;
/// The limits of this process.
const LIMITS: &str = "/proc/self/limits";
/// The first and the last port of connections that we open.
const PORTS: &str = "/proc/sys/net/ipv4/ip_local_port_range";

/// Something that a load needs of this host, and how much there is of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    kind: Kind,
    wanted: u64,
    allowed: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Descriptors,
    Ports,
}

impl Need {
    fn is_too_much(&self) -> bool {
        self.wanted > self.allowed
    }

    fn is_near(&self) -> bool {
        !self.is_too_much() && self.wanted as f64 > self.allowed as f64 * NEAR
    }
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, wanted, allowed } = self;
        match kind {
            Kind::Descriptors => write!(
                f,
                "this load needs {wanted} file descriptors, and this process may have {allowed}; raise \
                 it with `ulimit -n {}`",
                wanted.next_power_of_two()
            ),
            Kind::Ports => write!(
                f,
                "this load needs {wanted} connections to one address, and this host has {allowed} ports for \
                 them; widen them with `sysctl net.ipv4.ip_local_port_range=\"1024 65535\"`, or share the \
                 load among hosts with `--shard`"
            ),
        }
    }
}

/// Whether this host can hold its part of the load of a case.
///
/// # Errors
/// When it needs more descriptors than this process may have, or more ports than this host has.
pub(crate) fn suffice(case: &Case, shard: Shard) -> Result<(), OpenError> {
    match needs(case, shard).into_iter().find(Need::is_too_much) {
        Some(need) => Err(OpenError::Unavailable(need.to_string())),
        None => Ok(()),
    }
}

/// What of this host a part of the load of a case nearly uses up, in words; nothing where there is enough.
#[must_use]
pub fn near(case: &Case, shard: Shard) -> Vec<String> {
    let near = needs(case, shard).into_iter().filter(Need::is_near);
    near.map(|need| format!("near the limit of this host: {need}")).collect()
}

fn needs(case: &Case, shard: Shard) -> Vec<Need> {
    if !case.target.driver.is_model_server() {
        return Vec::new();
    }
    // How many an open loop without a cap needs, the target decides.
    let wanted = case.workload.most_in_flight_of(shard).unwrap_or_default();
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let found = [
        (Kind::Descriptors, wanted.saturating_add(BESIDES), descriptors(&read(LIMITS))),
        (Kind::Ports, wanted, ports(&read(PORTS))),
    ];
    let need = |(kind, wanted, allowed): (Kind, u64, Option<u64>)| {
        Some(Need { kind, wanted, allowed: allowed? })
    };
    found.into_iter().filter_map(need).collect()
}

/// The soft limit; `None` where there is none, or the platform does not say.
fn descriptors(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// How many ports there are; `None` where the platform does not say.
fn ports(range: &str) -> Option<u64> {
    let mut ends = range.split_whitespace().map(|end| end.parse::<u64>().ok());
    let (first, last) = (ends.next()??, ends.next()??);
    (last + 1).checked_sub(first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokgate_core::case::DriverKind;
    use tokgate_core::case::Workload;

    fn case(concurrency: u32, batch: u32) -> Case {
        let mut case = crate::test_case();
        case.target.driver = DriverKind::Openai;
        case.workload = Workload::closed(concurrency, batch, 1, 0);
        case
    }

    #[test]
    fn the_soft_limit_counts() {
        let limits = "Limit   Soft Limit  Hard Limit  Units\n\
                      Max processes             95917   95917   processes\n\
                      Max open files            1024    524288  files\n";
        assert_eq!(descriptors(limits), Some(1024));
        assert_eq!(descriptors("Max open files            unlimited unlimited files"), None);
        assert_eq!(descriptors(""), None);
    }

    #[test]
    fn both_ends_of_the_ports_count() {
        assert_eq!(ports("32768\t60999\n"), Some(28_232));
        assert_eq!(ports("40000 40000"), Some(1));
        for wrong in ["", "1", "x y", "7 3"] {
            assert_eq!(ports(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_too_much_and_what_is_near_are_told_by_name() {
        let need = |kind, wanted| Need { kind, wanted, allowed: 1000 };
        let told = need(Kind::Ports, 1001).to_string();
        assert!(told.contains("1001 connections") && told.contains("1000 ports"), "{told}");
        assert!(need(Kind::Ports, 1001).is_too_much() && !need(Kind::Ports, 1001).is_near());
        assert!(!need(Kind::Descriptors, 800).is_near() && need(Kind::Descriptors, 801).is_near());
        assert!(!need(Kind::Descriptors, 1000).is_too_much());
        assert!(need(Kind::Descriptors, 1000).to_string().contains("ulimit -n 1024"));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_load_that_cannot_be_held_is_refused_before_it_begins() {
        assert!(suffice(&case(1, 1), Shard::WHOLE).is_ok());
        let error = suffice(&case(10_000, 10_000), Shard::WHOLE).unwrap_err().to_string();
        assert!(
            error.contains("100000064 file descriptors") && error.contains("ulimit"),
            "{error}"
        );
        let in_process = Case { target: crate::test_case().target, ..case(10_000, 10_000) };
        assert!(suffice(&in_process, Shard::WHOLE).is_ok(), "nothing is connected to");
    }

    #[test]
    fn only_what_is_sent_here_is_held_here() {
        let wanted = |index| {
            let workload = case(10, 3).workload;
            workload.most_in_flight_of(Shard::new(index, 4).unwrap())
        };
        assert_eq!([wanted(0), wanted(1), wanted(2), wanted(3)], [9, 9, 6, 6].map(Some));
    }
}
