//! Killed in the middle: the server, or who measures. Nothing is lost, and everything is there once.

use super::Base;
use super::cluster::Cluster;
use super::delivered::is_all_there;
use crate::faces::{code, text, with_scenario};
use crate::kill::MANY;
use crate::support::calls::{Running, announced, begun, call, ends};
use std::path::Path;
use tokgate::store::Layout;
use tokgate::store::outbox::waiting;
use tokgate::store::team::{Address, Delivering, End, Team, copy, migrate};

/// Many epochs, long enough that there is a middle.
pub(super) fn many() -> String {
    MANY.replace("requests = 6,", "requests = 60,")
}

fn team(url: &str) -> Team {
    Team::at(Address::parse(url).unwrap())
}

fn is_whole(root: &Path, url: &str) -> usize {
    let layout = Layout::new(root);
    let copied = copy(&End::Folder(layout.clone()), &End::Team(team(url))).unwrap();
    assert_eq!((copied.cases, copied.files), (0, 0), "{copied:?}");
    assert_eq!(waiting(&layout).unwrap(), []);
    copied.there
}

/// Measures, and does something when two cases are announced.
fn in_the_middle(folder: &Path, url: &str, middle: impl FnOnce()) -> std::process::Output {
    let running = Running::start(folder, &["run", "case.toml", "--store", url]);
    let mut cases = 0;
    while cases < 2 {
        let line = running.lines.recv().unwrap();
        cases += usize::from(line.contains("\"case_done\""));
    }
    middle();
    running.rest().1
}

#[test]
fn a_server_that_is_killed_and_comes_back_has_everything_at_the_end() {
    let Some(mut cluster) = Cluster::make() else { return };
    cluster.start(&[]);
    let url = cluster.url();
    migrate(&team(&url)).unwrap();
    let folder = with_scenario(&many());
    let output = in_the_middle(folder.path(), &url, || {
        cluster.kill();
        cluster.start(&[]);
    });
    let told = text(&output.stderr);
    assert!(matches!(code(&output), Some(0 | 3)), "{told}");
    assert!(!told.contains("not delivered"), "{told}");
    assert_eq!(is_whole(&folder.path().join("r"), &url), 6);
}

#[test]
fn a_server_that_stays_away_costs_a_run_nothing_and_gets_it_later() {
    let Some(mut cluster) = Cluster::make() else { return };
    cluster.start(&[]);
    let url = cluster.url();
    migrate(&team(&url)).unwrap();
    let folder = with_scenario(&many());
    let output = in_the_middle(folder.path(), &url, || cluster.kill());
    let told = text(&output.stderr);
    assert!(matches!(code(&output), Some(0 | 3)), "{told}");
    let said = told.matches("is delivered later").count();
    assert_eq!(said, 1, "told once: {told}");
    let root = folder.path().join("r");
    assert_eq!(waiting(&Layout::new(&root)).unwrap().len(), 1);
    cluster.start(&[]);
    ends(folder.path(), &["store", "deliver", "--store", &url], 0);
    assert_eq!(is_whole(&root, &url), 6);
}

#[test]
fn who_measures_is_killed_and_what_was_committed_is_delivered() {
    let Some(base) = Base::made() else { return };
    let folder = with_scenario(&many());
    let url = base.url();
    let running = Running::start(folder.path(), &["run", "case.toml", "--store", &url]);
    let mut cases = 0;
    while cases < 3 {
        let line = running.lines.recv().unwrap();
        cases += usize::from(line.contains("\"case_done\""));
    }
    assert!(announced(&running.killed()).len() < 6);
    let root = folder.path().join("r");
    assert_eq!(waiting(&Layout::new(&root)).unwrap().len(), 1);
    ends(folder.path(), &["store", "deliver", "--store", &url], 0);
    assert!(is_all_there(&root, &base).there >= 3);
    let run = begun(folder.path()).remove(0);
    let resumed = call(folder.path(), &["run", "--resume", &run, "--store", &url]);
    assert!(matches!(code(&resumed), Some(0 | 3)), "{}", text(&resumed.stderr));
    assert_eq!(is_all_there(&root, &base).there, 6);
}

#[test]
fn a_store_that_nobody_finishes_with_leaves_its_run_in_the_outbox() {
    let Some(base) = Base::made() else { return };
    let folder = tempfile::tempdir().unwrap();
    let store = crate::store::fixture::open(folder.path());
    let (mut store, _) = Delivering::start(store, base.team()).unwrap();
    crate::store::fixture::keep_case(&mut store, 0, "one");
    drop(store);
    let layout = Layout::new(folder.path());
    assert_eq!(waiting(&layout).unwrap().len(), 1);
    // Its thread lets go of the run when it has done what it was told.
    while tokgate::store::team::deliver(&layout, &base.team(), None).unwrap().busy > 0 {
        std::thread::yield_now();
    }
    is_all_there(folder.path(), &base);
}
