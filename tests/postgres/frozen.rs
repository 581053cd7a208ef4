//! A server that is frozen: nobody waits for it without an end.

use super::cluster::Cluster;
use crate::faces::{code, command, text, with_scenario};
use crate::store::fixture::{keep_case, open};
use crate::support::calls::{Running, ends, told};
use std::time::Duration;
use tokgate::store::outbox::waiting;
use tokgate::store::pages::{Runs, Slice};
use tokgate::store::team::{Address, End, Team, copy, migrate};
use tokgate::store::{Layout, Reading};

fn team(url: &str) -> Team {
    Team::at(Address::parse(url).unwrap())
}

#[test]
fn a_question_to_a_server_that_froze_ends_and_the_next_one_is_answered_when_it_goes_on() {
    let Some(mut cluster) = Cluster::make() else { return };
    cluster.start(&[]);
    let team = team(&cluster.url());
    migrate(&team).unwrap();
    let folder = tempfile::tempdir().unwrap();
    keep_case(&mut open(folder.path()), 0, "one");
    let layout = Layout::new(folder.path());
    copy(&End::Folder(layout.clone()), &End::Team(team.clone())).unwrap();
    let open = || Reading::open(&layout.clone().of_team(team.clone()), Duration::from_secs(1));
    let slice = Slice { after: None, limit: 9 };
    let reading = open().unwrap();
    assert_eq!(reading.runs(&Runs::default(), &slice).unwrap().rows.len(), 1);
    cluster.freeze();
    let frozen = reading.runs(&Runs::default(), &slice).unwrap_err().to_string();
    assert!(frozen.contains("no answer within"), "{frozen}");
    // What was silent goes back into no pool.
    drop(reading);
    cluster.go_on();
    assert_eq!(open().unwrap().runs(&Runs::default(), &slice).unwrap().rows.len(), 1);
}

#[test]
fn a_run_whose_server_freezes_in_the_middle_ends_and_is_delivered_later() {
    let Some(mut cluster) = Cluster::make() else { return };
    cluster.start(&[]);
    let url = cluster.url();
    migrate(&team(&url)).unwrap();
    let folder = with_scenario(&super::killed::many());
    let running = Running::start(folder.path(), &["run", "case.toml", "--store", &url]);
    while !running.lines.recv().unwrap().contains("\"case_done\"") {}
    cluster.freeze();
    let output = running.rest().1;
    let said = text(&output.stderr);
    assert!(matches!(code(&output), Some(0 | 3)), "{said}");
    assert!(said.contains("not delivered"), "{said}");
    let layout = Layout::new(folder.path().join("r"));
    assert_eq!(waiting(&layout).unwrap().len(), 1);
    let list = command(folder.path(), &["list", "--store", &url]).output().unwrap();
    assert!(told(&list).contains("no greeting"), "{}", told(&list));
    cluster.go_on();
    ends(folder.path(), &["store", "deliver", "--store", &url], 0);
    assert_eq!(waiting(&layout).unwrap(), []);
}
