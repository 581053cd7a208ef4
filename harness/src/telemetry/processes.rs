//! Which processes are ours and which the target's: trees of `/proc`, and who listens at a port; and who sends
//! the rest of our load.

use super::fellows::{IsFellow, fellows};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{read_dir, read_link, read_to_string};
use std::path::{Path, PathBuf};
use tokgate_core::time::Offset;

/// How often the trees are looked up again, nanoseconds. It reads one file of every process, which
/// at each sample would cost a part of a core; children that matter live longer than this.
const LOOK_EVERY_NS: u64 = 1_000_000_000;

/// Programs that listen here for a server which is elsewhere: a container, another machine. What
/// they take says nothing of the target.
const FORWARDERS: &[&str] = &[
    "docker-proxy",
    "rootlessport",
    "slirp4netns",
    "pasta",
    "ssh",
    "sshd",
    "sshd-session",
    "kubectl",
    "socat",
];

/// Where a target runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In our own process.
    InProcess,
    /// In this process, which we started, and in what it started.
    Launched(u32),
    /// In processes that we start while we measure.
    Children,
    /// Behind this port of this machine.
    Listening(u16),
    /// On this machine, nobody knows where.
    Somewhere,
    /// On another machine.
    Elsewhere,
}

/// Our processes, the target's and those of the rest of our load, as they were looked up last.
#[derive(Debug)]
pub struct Family {
    proc: PathBuf,
    place: Place,
    me: u32,
    ours: BTreeSet<u32>,
    target: Option<BTreeSet<u32>>,
    is_fellow: Option<IsFellow>,
    fellows: BTreeSet<u32>,
    looked: Option<Offset>,
}

impl Family {
    /// Ours and those of a target at `place`. Nothing is looked up yet.
    #[must_use]
    pub fn new(place: Place) -> Self {
        Self::of(PathBuf::from("/proc"), place, std::process::id())
    }

    pub(super) fn of(proc: PathBuf, place: Place, me: u32) -> Self {
        let ours = BTreeSet::from([me]);
        let fellows = BTreeSet::new();
        Self { proc, place, me, ours, target: None, is_fellow: None, fellows, looked: None }
    }

    /// The same of one that sends a part of a load: others of this machine send the rest.
    #[must_use]
    pub fn with_fellows(self, is_fellow: Option<IsFellow>) -> Self {
        Self { is_fellow, ..self }
    }

    /// Looks the trees up again, if they have been known for a while.
    pub(super) fn refresh(&mut self, now: Offset) {
        let is_fresh = self.looked.is_some_and(|then| now.0.saturating_sub(then.0) < LOOK_EVERY_NS);
        if is_fresh {
            return;
        }
        self.looked = Some(now);
        let parents = parents(&self.proc);
        let mut ours = tree(&parents, &BTreeSet::from([self.me]));
        self.target = self.target_among(&parents, &ours);
        ours.retain(|pid| self.target.as_ref().is_none_or(|target| !target.contains(pid)));
        self.ours = ours;
        self.fellows = self.fellows_among(&parents);
    }

    fn fellows_among(&self, parents: &BTreeMap<u32, u32>) -> BTreeSet<u32> {
        let others = parents.keys().copied().filter(|pid| !self.has(*pid));
        let found = self.is_fellow.map(|it| fellows(&self.proc, self.me, it, others));
        found.unwrap_or_default()
    }

    fn target_among(
        &self,
        parents: &BTreeMap<u32, u32>,
        ours: &BTreeSet<u32>,
    ) -> Option<BTreeSet<u32>> {
        let of = |roots: BTreeSet<u32>| {
            let found = tree(parents, &roots);
            (!found.is_empty()).then_some(found)
        };
        match self.place {
            Place::InProcess => Some(BTreeSet::from([self.me])),
            Place::Launched(pid) => of(BTreeSet::from([pid])),
            Place::Children => {
                let mut children = ours.clone();
                children.remove(&self.me);
                (!children.is_empty()).then_some(children)
            }
            Place::Listening(port) => of(listeners(&self.proc, port)),
            Place::Somewhere | Place::Elsewhere => None,
        }
    }

    /// The target's processes; `None` where they are not known or not here.
    #[must_use]
    pub(super) fn target(&self) -> Option<&BTreeSet<u32>> {
        self.target.as_ref()
    }

    /// Our own process and those that we started, the target's left out.
    #[must_use]
    pub(super) fn ours(&self) -> &BTreeSet<u32> {
        &self.ours
    }

    /// Those that send the rest of our load: nobody's neighbours. Nobody where we send all of it.
    #[must_use]
    pub(super) fn fellows(&self) -> &BTreeSet<u32> {
        &self.fellows
    }

    /// Whether all the processes of this machine that work for the measurement are known: not
    /// where the target is here, and who it is is not known.
    #[must_use]
    pub(super) fn is_complete(&self) -> bool {
        self.target.is_some() || matches!(self.place, Place::Elsewhere | Place::Children)
    }

    /// Whether a process is the target's or ours.
    #[must_use]
    pub(super) fn has(&self, pid: u32) -> bool {
        self.ours.contains(&pid) || self.target().is_some_and(|target| target.contains(&pid))
    }

    /// Whether there is such a process in our own namespace: a driver may number those of all.
    #[must_use]
    pub(super) fn sees(&self, pid: u32) -> bool {
        self.proc.join(pid.to_string()).exists()
    }
}

/// What `/proc/PID/stat` says of a process, as far as it is used here (proc_pid_stat(5)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stat {
    /// Its parent.
    parent: u32,
    /// CPU time that it took, ticks.
    pub(super) ticks: u64,
    /// Its threads.
    pub(super) threads: u32,
    /// Its resident memory, pages.
    pub(super) pages: u64,
}

impl Stat {
    pub(super) fn read(proc: &Path, pid: u32) -> Option<Self> {
        Self::parse(&read_to_string(proc.join(pid.to_string()).join("stat")).ok()?)
    }

    /// The second field is the program's name in parentheses, and may hold anything: the rest is
    /// counted from its end.
    fn parse(text: &str) -> Option<Self> {
        let (_, rest) = text.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        // proc(5) counts from 1 and has two before these.
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        Some(Self {
            parent: u32::try_from(field(4)?).ok()?,
            ticks: field(14)? + field(15)?,
            threads: u32::try_from(field(20)?).ok()?,
            pages: field(24)?,
        })
    }
}

/// Every process and its parent.
fn parents(proc: &Path) -> BTreeMap<u32, u32> {
    pids(proc).filter_map(|pid| Some((pid, Stat::read(proc, pid)?.parent))).collect()
}

fn pids(proc: &Path) -> impl Iterator<Item = u32> + use<> {
    let entries = read_dir(proc).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// Those of `roots` that live, and all that descend from them.
fn tree(parents: &BTreeMap<u32, u32>, roots: &BTreeSet<u32>) -> BTreeSet<u32> {
    let mut found: BTreeSet<u32> =
        roots.iter().copied().filter(|pid| parents.contains_key(pid)).collect();
    loop {
        let before = found.len();
        found.extend(
            parents
                .iter()
                .filter(|(_, it)| found.contains(it))
                .map(|(pid, _)| *pid)
                .collect::<Vec<_>>(),
        );
        if found.len() == before {
            return found;
        }
    }
}

/// The processes that listen at a port, none if one of them only forwards. Those of other users are
/// not ours to look into, and are not found.
fn listeners(proc: &Path, port: u16) -> BTreeSet<u32> {
    let sockets: Vec<String> = ["net/tcp", "net/tcp6"]
        .iter()
        .filter_map(|table| read_to_string(proc.join(table)).ok())
        .flat_map(|table| listening_sockets(&table, port))
        .map(|inode| format!("socket:[{inode}]"))
        .collect();
    if sockets.is_empty() {
        return BTreeSet::new();
    }
    let found: BTreeSet<u32> =
        pids(proc).filter(|pid| holds_one_of(proc, *pid, &sockets)).collect();
    match found.iter().any(|pid| forwards(proc, *pid)) {
        true => BTreeSet::new(),
        false => found,
    }
}

/// The inodes of the sockets that listen at a port in a table of `/proc/net`: the second column is
/// `address:port` in hexadecimal, the fourth the state (0A listens), the tenth the inode.
fn listening_sockets(table: &str, port: u16) -> Vec<String> {
    let socket = |line: &str| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let (_, hexadecimal) = columns.get(1)?.rsplit_once(':')?;
        let listens = *columns.get(3)? == "0A";
        let is_it = u16::from_str_radix(hexadecimal, 16) == Ok(port);
        (listens && is_it).then(|| columns.get(9).map(|inode| (*inode).to_owned()))?
    };
    table.lines().skip(1).filter_map(socket).collect()
}

fn holds_one_of(proc: &Path, pid: u32, sockets: &[String]) -> bool {
    let descriptors = read_dir(proc.join(pid.to_string()).join("fd"));
    descriptors.into_iter().flatten().flatten().any(|descriptor| {
        read_link(descriptor.path())
            .is_ok_and(|to| to.to_str().is_some_and(|to| sockets.iter().any(|it| it == to)))
    })
}

fn forwards(proc: &Path, pid: u32) -> bool {
    let name = read_to_string(proc.join(pid.to_string()).join("comm")).unwrap_or_default();
    FORWARDERS.contains(&name.trim())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::fake::{FakeProc, listens};

    fn set(pids: &[u32]) -> BTreeSet<u32> {
        pids.iter().copied().collect()
    }

    fn looked_up(proc: &FakeProc, place: Place) -> Family {
        let mut family = Family::of(proc.path(), place, 10);
        family.refresh(Offset(0));
        family
    }

    /// We are 10; 11 is a helper of ours, 20 a server with a child 21, 30 somebody else.
    fn machine() -> FakeProc {
        let proc = FakeProc::new();
        for (pid, parent) in [(1, 0), (10, 1), (11, 10), (20, 10), (21, 20), (30, 1), (31, 30)] {
            proc.process(pid, parent, 0);
        }
        proc
    }

    #[test]
    fn a_launched_server_is_its_whole_tree_and_the_rest_of_ours_is_ours() {
        let family = looked_up(&machine(), Place::Launched(20));
        assert_eq!(family.target(), Some(&set(&[20, 21])));
        assert_eq!(family.ours(), &set(&[10, 11]));
        assert!(family.has(21) && !family.has(30));
    }

    #[test]
    fn a_server_on_this_machine_is_who_listens_at_its_port() {
        let proc = machine();
        proc.file("net/tcp", &listens(8000, 777));
        proc.link("30/fd/3", "socket:[777]");
        assert_eq!(looked_up(&proc, Place::Listening(8000)).target(), Some(&set(&[30, 31])));
        assert_eq!(looked_up(&proc, Place::Listening(8001)).target(), None);
        assert!(!looked_up(&proc, Place::Listening(8001)).is_complete());
    }

    #[test]
    fn fellows_come_and_go_and_are_neither_ours_nor_the_targets() {
        let proc = machine();
        proc.file("tokgate", "");
        let part = |pid: u32| {
            proc.link(&format!("{pid}/exe"), proc.path().join("tokgate").to_str().unwrap());
            proc.file(&format!("{pid}/cmdline"), "tokgate\0load\0");
        };
        [10, 11, 20, 30].into_iter().for_each(part);
        let family = Family::of(proc.path(), Place::Launched(20), 10);
        let mut family = family.with_fellows(Some(|ours, theirs| ours == theirs));
        family.refresh(Offset(0));
        assert_eq!(family.fellows(), &set(&[30]));
        proc.process(40, 1, 0);
        part(40);
        std::fs::remove_dir_all(proc.path().join("30")).unwrap();
        family.refresh(Offset(LOOK_EVERY_NS));
        assert_eq!(family.fellows(), &set(&[40]));
        assert!(!family.has(40));
    }

    #[test]
    fn who_only_forwards_is_not_the_target() {
        let proc = machine();
        proc.file("net/tcp6", &listens(8000, 777));
        proc.link("30/fd/3", "socket:[777]");
        proc.file("30/comm", "docker-proxy\n");
        assert_eq!(looked_up(&proc, Place::Listening(8000)).target(), None);
    }

    #[test]
    fn in_process_the_target_is_us_and_elsewhere_it_is_nobody_here() {
        let inside = looked_up(&machine(), Place::InProcess);
        assert_eq!(inside.target(), Some(&set(&[10])));
        let outside = looked_up(&machine(), Place::Elsewhere);
        assert_eq!((outside.target(), outside.is_complete()), (None, true));
    }

    #[test]
    fn a_name_may_hold_spaces_and_parentheses() {
        let text = "7 (a) b (c)) S 1 7 7 0 -1 0 0 0 0 0 12 30 0 0 20 0 5 0 99 0 640 0";
        let stat = Stat::parse(text).unwrap();
        assert_eq!((stat.parent, stat.ticks, stat.threads, stat.pages), (1, 42, 5, 640));
    }
}
