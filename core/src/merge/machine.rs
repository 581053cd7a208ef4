//! How the machine is called that several hosts are together.

use super::epoch::Taken;
use crate::environment::MachineId;
use std::collections::BTreeSet;

/// The key of the machine that a load was sent from by these workers; at least one.
///
/// That of the first worker, where all are on one host: several processes there are one machine. It also stays
/// where every worker has the same key and somebody gave it: a target that declares its machine is measured on
/// that one, whoever sends. Else the hosts are counted, so that eight of them are never compared with one:
/// `cpu-8c-amd-epyc-hosts-8`; and where they are of several kinds, the kinds: `...-kinds-2-hosts-8`.
pub(super) fn machine(taken: &[Taken<'_>]) -> Option<MachineId> {
    let first = &taken.first()?.part.head.machine;
    let hosts = taken.iter().map(|it| it.worker.host.as_str()).collect::<BTreeSet<_>>().len();
    let kinds = taken.iter().map(|it| &it.part.head.machine).collect::<BTreeSet<_>>().len();
    let is_found = |it: &Taken<'_>| it.part.head.machine == it.part.head.environment.machine();
    Some(match (kinds, hosts) {
        (1, 1) => first.clone(),
        (1, _) if !taken.iter().any(is_found) => first.clone(),
        (1, hosts) => MachineId(format!("{first}-hosts-{hosts}")),
        (kinds, hosts) => MachineId(format!("{first}-kinds-{kinds}-hosts-{hosts}")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merge::Attempt;
    use crate::merge::fixture::attempt;

    fn key(attempts: &[Attempt]) -> String {
        let taken: Vec<Taken<'_>> =
            attempts.iter().map(|worker| Taken { worker, part: &worker.measured()[0] }).collect();
        machine(&taken).unwrap().0
    }

    fn on(host: &str, key: Option<&str>) -> Attempt {
        let mut attempt = Attempt { host: host.to_owned(), ..attempt(0, 2) };
        let head = &mut attempt.parts.as_mut().unwrap()[0].head;
        head.machine = key.map_or(head.environment.machine(), |key| MachineId(key.to_owned()));
        attempt
    }

    #[test]
    fn processes_of_one_host_are_one_machine_and_hosts_are_counted() {
        assert_eq!(key(&[on("a", None), on("a", None)]), "cpu-2c-test");
        assert_eq!(key(&[on("a", None), on("b", None), on("b", None)]), "cpu-2c-test-hosts-2");
    }

    #[test]
    fn a_machine_that_was_named_is_what_it_is_called() {
        assert_eq!(
            key(&[on("a", Some("h100-80gb-x8")), on("b", Some("h100-80gb-x8"))]),
            "h100-80gb-x8"
        );
        let mixed = key(&[on("a", Some("x")), on("b", Some("y")), on("c", Some("x"))]);
        assert_eq!(mixed, "x-kinds-2-hosts-3");
    }
}
