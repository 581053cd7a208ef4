//! Which other processes of this machine send parts of the load that we send a part of. One process that sent
//! all of it would take their CPU itself, and would not be its own neighbour.
//!
//! What a command line means is not known here: whoever starts a part says which lines belong to one load.

use std::collections::BTreeSet;
use std::fs::read;
use std::path::Path;

/// Whether the second of two command lines sends a part of the same load as the first. Only those of one
/// program are compared.
pub type IsFellow = fn(ours: &[&str], theirs: &[&str]) -> bool;

/// Those of `pids` that run the program of `me` with a command line of the same load. One that we may not
/// look into is none.
pub(super) fn fellows(
    proc: &Path,
    me: u32,
    is_fellow: IsFellow,
    pids: impl Iterator<Item = u32>,
) -> BTreeSet<u32> {
    let (Some(program), Some(ours)) = (program(proc, me), Line::read(proc, me)) else {
        return BTreeSet::new();
    };
    pids.filter(|pid| {
        self::program(proc, *pid) == Some(program)
            && Line::read(proc, *pid).is_some_and(|line| is_fellow(&ours.words(), &line.words()))
    })
    .collect()
}

/// The file that a process executes: its device and inode, so that neither another name nor another file of
/// the same name deceives.
#[cfg(unix)]
fn program(proc: &Path, pid: u32) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    let file = std::fs::metadata(proc.join(pid.to_string()).join("exe")).ok()?;
    Some((file.dev(), file.ino()))
}

#[cfg(not(unix))]
fn program(_: &Path, _: u32) -> Option<(u64, u64)> {
    None
}

/// The command line of a process, as `/proc/PID/cmdline` has it: each word ends with a zero byte.
struct Line(String);

impl Line {
    fn read(proc: &Path, pid: u32) -> Option<Self> {
        String::from_utf8(read(proc.join(pid.to_string()).join("cmdline")).ok()?).ok().map(Self)
    }

    fn words(&self) -> Vec<&str> {
        self.0.split_terminator('\0').collect()
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use crate::telemetry::fake::FakeProc;

    /// The same load is what is the same up to a point.
    fn same_load(ours: &[&str], theirs: &[&str]) -> bool {
        let load = |line: &[&str]| line.join(" ").split('.').next().map(str::to_owned);
        load(ours) == load(theirs)
    }

    fn found(proc: &Path, me: u32, pids: &[u32]) -> Vec<u32> {
        fellows(proc, me, same_load, pids.iter().copied()).into_iter().collect()
    }

    #[test]
    fn a_fellow_runs_the_same_program_for_the_same_load() {
        let proc = FakeProc::new();
        for program in ["tokgate", "other"] {
            proc.file(program, "");
        }
        let run = |pid: u32, program: &str, line: &str| {
            proc.link(&format!("{pid}/exe"), proc.path().join(program).to_str().unwrap());
            proc.file(&format!("{pid}/cmdline"), line);
        };
        run(10, "tokgate", "tokgate\0load.0\0");
        run(20, "tokgate", "tokgate\0load.1\0");
        run(21, "tokgate", "tokgate\0another.1\0");
        run(22, "other", "tokgate\0load.2\0");
        assert_eq!(found(&proc.path(), 10, &[20, 21, 22]), [20]);
    }

    #[test]
    fn what_cannot_be_looked_into_is_no_fellow() {
        let proc = FakeProc::new();
        proc.file("tokgate", "");
        let tokgate = proc.path().join("tokgate").to_str().unwrap().to_owned();
        for pid in [10, 20, 21] {
            proc.file(&format!("{pid}/cmdline"), "tokgate\0load.0\0");
        }
        // Two whose program nobody may see are not of the same program for that.
        assert_eq!(found(&proc.path(), 10, &[20, 21]), [] as [u32; 0]);
        proc.link("10/exe", &tokgate);
        proc.link("20/exe", &tokgate);
        proc.link("22/exe", &tokgate);
        assert_eq!(found(&proc.path(), 10, &[20, 21, 22]), [20]);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn real_processes_of_one_load_are_fellows() {
        let start = |seconds: &str| std::process::Command::new("sleep").arg(seconds).spawn();
        let mut all = ["600.1", "600.2", "700.1"].map(|seconds| start(seconds).unwrap());
        let [me, fellow, stranger] = [0, 1, 2].map(|nth: usize| all[nth].id());
        let found = found(Path::new("/proc"), me, &[fellow, stranger, std::process::id()]);
        for child in &mut all {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        assert_eq!(found, [fellow]);
    }
}
