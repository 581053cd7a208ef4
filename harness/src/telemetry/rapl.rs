//! Energy of the CPU packages, by Linux' powercap (`/sys/class/powercap`). AMD's CPUs are found
//! under Intel's name there.

use super::{Moment, Sampler};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use tokgate_core::run::TelemetrySample;

/// Samples the packages of this machine.
pub(super) struct Packages(Vec<Package>);

/// One package's counter.
#[derive(Debug)]
struct Package {
    folder: PathBuf,
    /// Where the counter begins anew, microjoules.
    range: u64,
    last: u64,
    /// What it counted before it last began anew.
    wrapped: u64,
}

impl Package {
    fn open(folder: PathBuf) -> std::io::Result<Self> {
        let range = number(&folder.join("max_energy_range_uj"))?;
        let last = number(&folder.join("energy_uj"))?;
        Ok(Self { folder, range, last, wrapped: 0 })
    }

    /// Joules, over any number of beginnings anew.
    fn joules(&mut self) -> Option<f64> {
        let now = number(&self.folder.join("energy_uj")).ok()?;
        if now < self.last {
            self.wrapped += self.range;
        }
        self.last = now;
        Some((self.wrapped + now) as f64 / 1e6)
    }
}

impl Packages {
    /// # Errors
    /// In words, why there is nothing to read, and what to do.
    pub(super) fn open(sys: &Path) -> Result<Self, String> {
        let folders = packages(&sys.join("class/powercap"));
        if folders.is_empty() {
            return Err(
                "no package in /sys/class/powercap: a virtual machine, or a CPU or kernel \
                        without RAPL (`modprobe intel_rapl_msr`)"
                    .to_owned(),
            );
        }
        let open = |folder: PathBuf| {
            Package::open(folder.clone()).map_err(|error| why_not(&folder, &error))
        };
        folders.into_iter().map(open).collect::<Result<_, _>>().map(Self)
    }

    /// In words, what there is.
    pub(super) fn tell(&self) -> String {
        match self.0.len() {
            1 => "of one package".to_owned(),
            packages => format!("of {packages} packages"),
        }
    }
}

/// The folders of whole packages, in order: `intel-rapl:0`, and not `intel-rapl:0:1`, which is a
/// part of it, nor `psys`, which is more than the CPU.
fn packages(powercap: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(powercap).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> =
        entries.map(|entry| entry.path()).filter(|it| is_package(it)).collect();
    folders.sort();
    folders
}

fn is_package(folder: &Path) -> bool {
    let zone = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let name = std::fs::read_to_string(folder.join("name")).unwrap_or_default();
    zone.starts_with("intel-rapl:") && zone.matches(':').count() == 1 && name.starts_with("package")
}

fn why_not(folder: &Path, error: &std::io::Error) -> String {
    let zone = folder.file_name().unwrap_or_default().to_string_lossy();
    match error.kind() {
        ErrorKind::PermissionDenied => format!(
            "/sys/class/powercap/{zone}/energy_uj is readable by root only: `sudo chmod a+r \
             /sys/class/powercap/intel-rapl:*/energy_uj` until the next restart, or run with \
             CAP_DAC_READ_SEARCH"
        ),
        _ => format!("/sys/class/powercap/{zone} cannot be read ({error})"),
    }
}

fn number(file: &Path) -> std::io::Result<u64> {
    let text = std::fs::read_to_string(file)?;
    text.trim().parse().map_err(|_| std::io::Error::other("it holds no number"))
}

impl Sampler for Packages {
    fn sample(&mut self, moment: &Moment<'_>, into: &mut TelemetrySample) {
        if moment.thorough {
            into.cpu_energy_j = self.0.iter_mut().map(Package::joules).sum();
        }
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use crate::telemetry::fake::FakeProc;

    fn zone(root: &FakeProc, zone: &str, name: &str, microjoules: u64) {
        let file =
            |file: &str, text: &str| root.file(&format!("class/powercap/{zone}/{file}"), text);
        file("name", &format!("{name}\n"));
        file("max_energy_range_uj", "10000000\n");
        file("energy_uj", &format!("{microjoules}\n"));
    }

    #[test]
    fn packages_are_summed_and_their_parts_and_the_platform_left_out() {
        let root = FakeProc::new();
        zone(&root, "intel-rapl:0", "package-0", 1_000_000);
        zone(&root, "intel-rapl:1", "package-1", 2_000_000);
        zone(&root, "intel-rapl:0:0", "core", 500_000);
        zone(&root, "intel-rapl:2", "psys", 9_000_000);
        let mut packages = Packages::open(&root.path()).unwrap();
        assert_eq!(packages.0.iter_mut().map(Package::joules).sum::<Option<f64>>(), Some(3.0));
    }

    #[test]
    fn a_counter_that_begins_anew_goes_on() {
        let root = FakeProc::new();
        zone(&root, "intel-rapl:0", "package-0", 9_000_000);
        let mut packages = Packages::open(&root.path()).unwrap();
        let mut joules = |microjoules| {
            zone(&root, "intel-rapl:0", "package-0", microjoules);
            packages.0[0].joules().unwrap()
        };
        assert_eq!([joules(9_500_000), joules(500_000), joules(100_000)], [9.5, 10.5, 20.1]);
    }

    #[test]
    fn what_is_not_there_says_why() {
        let Err(why) = Packages::open(&FakeProc::new().path()) else { panic!("nothing is there") };
        assert!(why.contains("modprobe"), "{why}");
        let denied = std::io::Error::from(ErrorKind::PermissionDenied);
        let why = why_not(Path::new("/sys/class/powercap/intel-rapl:0"), &denied);
        assert!(why.contains("intel-rapl:0/energy_uj") && why.contains("chmod"), "{why}");
    }
}
