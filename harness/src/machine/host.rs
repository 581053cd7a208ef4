//! How the host is set up: clocks, limits, containers, hypervisors. All of it by files of Linux;
//! elsewhere nothing is told.

use std::path::{Path, PathBuf};
use tokgate_core::environment::HostSettings;

/// Where control groups are mounted.
const CGROUPS: &str = "sys/fs/cgroup";

/// A first version's memory limit from here on is none: it is the largest that fits.
const NO_LIMIT: u64 = 1 << 60;

/// Words of a machine's maker that name its hypervisor.
const HYPERVISORS: &[(&str, &str)] = &[
    ("QEMU", "kvm"),
    ("KVM", "kvm"),
    ("Amazon EC2", "amazon"),
    ("Google Compute Engine", "google"),
    ("VMware", "vmware"),
    ("VirtualBox", "virtualbox"),
    ("innotek", "virtualbox"),
    ("Xen", "xen"),
    ("Microsoft Corporation Virtual Machine", "hyper-v"),
    ("Parallels", "parallels"),
    ("OpenStack", "openstack"),
];

/// Looks at the host whose files are below `root`; `variable` reads the environment.
pub(super) fn settings(root: &Path, variable: &dyn Fn(&str) -> Option<String>) -> HostSettings {
    let text = |path: &str| text(&root.join(path));
    HostSettings {
        governor: text("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        cpu_limit_millicpus: cpu_limit(root),
        memory_limit_bytes: memory_limit(root),
        container: container(root, variable),
        virtualization: virtualization(root),
        clock_source: text("sys/devices/system/clocksource/clocksource0/current_clocksource"),
    }
}

fn text(file: &Path) -> Option<String> {
    let text = std::fs::read_to_string(file).ok()?.trim().to_owned();
    (!text.is_empty()).then_some(text)
}

/// Our control group and those above it, nearest first, of a controller of the first version, or of
/// the second (`""`). Inside a container our path may be the host's, and not be there: then the
/// mount is our group.
fn groups(root: &Path, controller: &str) -> Vec<PathBuf> {
    let lines = text(&root.join("proc/self/cgroup")).unwrap_or_default();
    let path = lines.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, path) = (fields.next()?, fields.next()?);
        controllers.split(',').any(|it| it == controller).then(|| path.to_owned())
    });
    let mount = root.join(CGROUPS).join(controller);
    let ours = mount.join(path.unwrap_or_default().trim_start_matches('/'));
    ours.ancestors().take_while(|it| it.starts_with(&mount)).map(Path::to_path_buf).collect()
}

/// The narrowest limit on the way up: each group has that of all above it, too.
fn narrowest<T: Ord>(groups: Vec<PathBuf>, read: impl Fn(&Path) -> Option<T>) -> Option<T> {
    groups.iter().filter_map(|group| read(group)).min()
}

/// `cpu.max` is `quota period` in microseconds, or `max period`; the first version has a file each.
fn cpu_limit(root: &Path) -> Option<u32> {
    let share = |quota: &str, period: &str| {
        let (quota, period): (u64, u64) = (quota.parse().ok()?, period.parse().ok()?);
        u32::try_from((quota * 1000).checked_div(period)?).ok()
    };
    let second = |group: &Path| {
        let text = text(&group.join("cpu.max"))?;
        let (quota, period) = text.split_once(' ')?;
        share(quota, period)
    };
    let first = |group: &Path| {
        let (quota, period) = ("cpu.cfs_quota_us", "cpu.cfs_period_us");
        share(&text(&group.join(quota))?, &text(&group.join(period))?)
    };
    narrowest(groups(root, ""), second).or_else(|| narrowest(groups(root, "cpu"), first))
}

fn memory_limit(root: &Path) -> Option<u64> {
    let limit = |name: &'static str| {
        move |group: &Path| {
            let bytes: u64 = text(&group.join(name))?.parse().ok()?;
            (bytes < NO_LIMIT).then_some(bytes)
        }
    };
    narrowest(groups(root, ""), limit("memory.max"))
        .or_else(|| narrowest(groups(root, "memory"), limit("memory.limit_in_bytes")))
}

/// The marks that container engines leave for those inside.
fn container(root: &Path, variable: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let named = |name: &str| Some(name.to_owned());
    if variable("KUBERNETES_SERVICE_HOST").is_some() {
        return named("kubernetes");
    }
    if root.join("run/.containerenv").exists() {
        return named("podman");
    }
    if root.join(".dockerenv").exists() {
        return named("docker");
    }
    variable("container").filter(|name| !name.is_empty())
}

/// What the firmware calls the machine, else that the CPU has a hypervisor below it.
fn virtualization(root: &Path) -> Option<String> {
    let dmi = |name: &str| text(&root.join("sys/class/dmi/id").join(name)).unwrap_or_default();
    let machine = format!("{} {}", dmi("sys_vendor"), dmi("product_name"));
    let named = HYPERVISORS.iter().find(|(word, _)| machine.contains(word));
    if let Some((_, name)) = named {
        return Some((*name).to_owned());
    }
    let flags = text(&root.join("proc/cpuinfo"))?;
    let flags = flags.lines().find(|line| line.starts_with("flags"))?;
    flags.split_whitespace().any(|flag| flag == "hypervisor").then(|| "yes".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    fn root(files: &[(&str, &str)]) -> TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let file = root.path().join(path);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        }
        root
    }

    fn looked_at(files: &[(&str, &str)]) -> HostSettings {
        settings(root(files).path(), &|_| None)
    }

    #[test]
    fn the_narrowest_limit_of_the_groups_above_counts() {
        let found = looked_at(&[
            ("proc/self/cgroup", "0::/a/b\n"),
            ("sys/fs/cgroup/a/b/cpu.max", "max 100000\n"),
            ("sys/fs/cgroup/a/cpu.max", "150000 100000\n"),
            ("sys/fs/cgroup/a/b/memory.max", "1073741824\n"),
            ("sys/fs/cgroup/a/memory.max", "max\n"),
        ]);
        assert_eq!(found.cpu_limit_millicpus, Some(1500));
        assert_eq!(found.memory_limit_bytes, Some(1 << 30));
    }

    #[test]
    fn the_first_version_of_control_groups_is_read_as_well() {
        let found = looked_at(&[
            ("proc/self/cgroup", "4:memory:/x\n1:cpu,cpuacct:/x\n0::/\n"),
            ("sys/fs/cgroup/cpu/x/cpu.cfs_quota_us", "50000\n"),
            ("sys/fs/cgroup/cpu/x/cpu.cfs_period_us", "100000\n"),
            ("sys/fs/cgroup/memory/x/memory.limit_in_bytes", "9223372036854771712\n"),
        ]);
        assert_eq!(found.cpu_limit_millicpus, Some(500));
        assert_eq!(found.memory_limit_bytes, None, "the largest number is no limit");
    }

    #[test]
    fn a_hypervisor_is_named_where_it_says_who_it_is() {
        let vendor = |name| looked_at(&[("sys/class/dmi/id/sys_vendor", name)]).virtualization;
        assert_eq!(vendor("QEMU").as_deref(), Some("kvm"));
        assert_eq!(vendor("Dell Inc."), None);
        let flagged = looked_at(&[("proc/cpuinfo", "model\nflags : fpu hypervisor sse\n")]);
        assert_eq!(flagged.virtualization.as_deref(), Some("yes"));
    }

    #[test]
    fn a_container_is_known_by_the_marks_of_its_engine() {
        assert_eq!(looked_at(&[(".dockerenv", "")]).container.as_deref(), Some("docker"));
        let variable =
            |name: &str| (name == "KUBERNETES_SERVICE_HOST").then(|| "10.0.0.1".to_owned());
        let found = settings(root(&[(".dockerenv", "")]).path(), &variable);
        assert_eq!(found.container.as_deref(), Some("kubernetes"));
    }

    #[test]
    fn what_nothing_tells_is_absent() {
        assert_eq!(looked_at(&[]), HostSettings::default());
    }
}
