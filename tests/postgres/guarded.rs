//! Who may do what, by which version, over which connection; and that no password is told.

use super::Base;
use super::client::Client;
use super::cluster::{Cluster, is_root};
use crate::faces::{command, with_scenario};
use crate::store::fixture::{keep_case, open};
use crate::support::calls::told;
use std::path::Path;
use std::process::{Command, Output};
use tokgate::store::team::{Address, Team, TeamError, deliver, migrate};
use tokgate::store::{FileStore, Layout, Store};

const PAGE: &str = include_str!("../../docs/TEAM_STORE.md");

/// The SQL that the page shows in a section.
pub(super) fn shown(section: &str) -> &'static str {
    let (_, behind) = PAGE.split_once(&format!("\n## {section}\n")).unwrap();
    behind.split_once("```sql\n").unwrap().1.split("```").next().unwrap()
}

fn as_user(base: &Base, user: &str) -> Team {
    let (scheme, rest) =
        base.url().split_once("://").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let (_, place) = rest.split_once('@').unwrap();
    Team::at(Address::parse(&format!("{scheme}://{user}@{place}")).unwrap())
}

#[test]
fn a_writer_delivers_and_a_reader_reads_by_the_sql_of_the_page() {
    let Some(base) = Base::empty() else { return };
    // Roles are the server's, and databases ours: each time with names of their own.
    let name = base.url().rsplit_once('/').unwrap().1.to_owned();
    let [owner, writer, reader] =
        ["owner", "writer", "reader"].map(|role| format!("{role}_{name}"));
    let sql = shown("Who may do what")
        .replace("tokgate_owner", &owner)
        .replace("tokgate_writer", &writer)
        .replace("tokgate_reader", &reader)
        .replace("DATABASE bench", &format!("DATABASE {name}"));
    base.client().batch(&sql).unwrap();
    let folder = tempfile::tempdir().unwrap();
    keep_case(&mut open(folder.path()), 0, "one");
    let layout = Layout::new(folder.path());
    assert!(migrate(&as_user(&base, &writer)).is_err());
    assert!(!migrate(&as_user(&base, &owner)).unwrap().is_empty());
    assert!(migrate(&as_user(&base, &owner)).unwrap().is_empty());
    let refused = deliver(&layout, &as_user(&base, &reader), Some("run-0")).unwrap();
    assert!(refused.left[0].contains("42501"), "{refused:?}");
    assert_eq!(deliver(&layout, &as_user(&base, &writer), None).unwrap().runs, 1);
    let asked = FileStore::open(Layout::new("nowhere").of_team(as_user(&base, &reader))).unwrap();
    assert_eq!(asked.epochs(10).unwrap().len(), 2);
    assert_eq!(asked.show("run-0").unwrap().len(), 2);
}

#[test]
fn a_store_of_a_newer_version_is_refused_and_one_without_tables_says_who_makes_them() {
    let Some(base) = Base::empty() else { return };
    let folder = tempfile::tempdir().unwrap();
    let asked = || FileStore::open(Layout::new(folder.path()).of_team(base.team()));
    let missing = asked().unwrap_err().to_string();
    assert!(missing.contains("tokgate store migrate"), "{missing}");
    migrate(&base.team()).unwrap();
    asked().unwrap();
    base.client().batch("INSERT INTO tokgate.steps VALUES ('of tomorrow', 1, '99.0.0')").unwrap();
    let newer = asked().unwrap_err().to_string();
    assert!(newer.contains("newer tokgate") && newer.contains("of tomorrow"), "{newer}");
    assert!(matches!(migrate(&base.team()), Err(TeamError::Newer { .. })));
}

#[test]
fn a_store_that_a_newer_version_migrated_meanwhile_is_refused_by_who_asked_it_before() {
    let Some(base) = Base::made() else { return };
    let layout = Layout::new("nowhere").of_team(base.team());
    let asked = || FileStore::open(layout.clone()).and_then(|store| store.epochs(1));
    // A connection is kept from the first, with what was prepared for tables as they were.
    assert_eq!(asked().unwrap(), []);
    base.client()
        .batch(
            "ALTER TABLE tokgate.benchmark_results ADD COLUMN later TEXT;
             INSERT INTO tokgate.steps VALUES ('of tomorrow', 1, '99.0.0')",
        )
        .unwrap();
    assert_eq!(base.number("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'tokgate' AND datname = current_database()"), 1);
    let newer = asked().unwrap_err().to_string();
    assert!(newer.contains("of tomorrow"), "{newer}");
}

#[test]
fn an_earlier_version_is_brought_up_to_date_by_what_is_missing_alone() {
    let Some(base) = Base::made() else { return };
    base.client()
        .batch(
            "DROP TABLE tokgate.raw_parts, tokgate.raw_files;
             DELETE FROM tokgate.steps WHERE name = 'raw'",
        )
        .unwrap();
    assert!(FileStore::open(Layout::new("nowhere").of_team(base.team())).is_err());
    assert_eq!(migrate(&base.team()).unwrap(), ["raw"]);
    FileStore::open(Layout::new("nowhere").of_team(base.team())).unwrap();
}

#[test]
fn many_who_migrate_at_once_make_it_once() {
    let Some(base) = Base::empty() else { return };
    let made: usize = std::thread::scope(|scope| {
        let all: Vec<_> =
            (0..6).map(|_| scope.spawn(|| migrate(&base.team()).unwrap().len())).collect();
        all.into_iter().map(|one| one.join().unwrap()).sum()
    });
    assert_eq!(made, 5);
}

fn with_password(arguments: &[&str]) -> Output {
    let folder = with_scenario(&crate::kill::few());
    let mut command = command(folder.path(), arguments);
    command.env("PGPASSWORD", "other-hidden").output().unwrap()
}

#[test]
fn no_password_is_told_by_anything_that_fails() {
    let nobody = "postgres://anna:very-hidden@127.0.0.1:1/bench";
    for arguments in [
        &["run", "case.toml", "--store", nobody] as &[&str],
        &["run", "case.toml", "-vv", "--store", "postgres://anna@127.0.0.1:1/bench"],
        &["list", "--store", nobody],
        &["store", "migrate", "--store", nobody],
        &["store", "copy", nobody, "r"],
        &["store", "copy", "r", nobody],
        &["list", "--store", "postgres://anna:very-hidden@127.0.0.1:x/bench"],
        &["list", "--store", "mysql://anna:very-hidden@127.0.0.1/bench"],
    ] {
        let said = told(&with_password(arguments));
        assert!(!said.contains("hidden"), "{arguments:?}: {said}");
        let is_about_it = said.contains("postgres://") || said.contains("no results in r");
        assert!(is_about_it, "{arguments:?}: {said}");
    }
}

#[test]
fn a_file_names_the_store_and_may_hold_no_password() {
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("tokgate.toml");
    let list = || told(&command(folder.path(), &["list"]).output().unwrap());
    std::fs::write(&settings, "store = 'postgres://anna:hidden@127.0.0.1:1/bench'").unwrap();
    let said = list();
    assert!(said.contains("holds a password") && !said.contains("hidden"), "{said}");
    std::fs::write(&settings, "store = 'postgres://anna@127.0.0.1:1/bench'").unwrap();
    assert!(list().contains("cannot connect to postgres://anna@127.0.0.1:1/bench"));
    let local = command(folder.path(), &["list", "--store", "local"]).output().unwrap();
    assert!(told(&local).contains("nothing was measured yet"), "{}", told(&local));
    std::fs::write(&settings, "store = 'postgres://anna:hidden@").unwrap();
    let torn = list();
    assert!(torn.contains("tokgate.toml") && !torn.contains("hidden"), "{torn}");
}

#[test]
fn one_who_accepts_and_says_nothing_is_not_waited_for() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let url = format!("postgres://anna@{address}/bench");
    let said = told(&command(folder.path(), &["list", "--store", &url]).output().unwrap());
    assert!(said.contains("cannot connect") && said.contains("no greeting"), "{said}");
}

/// A certificate for a name, signed by itself.
fn certificate(folder: &Path, file: &str, name: &str) -> bool {
    let path = |ending: &str| folder.join(format!("{file}.{ending}")).display().to_string();
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test"])
        .args(["-addext", &format!("subjectAltName={name}")])
        // Whoever signs others may not be a server.
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-keyout", &path("key"), "-out", &path("crt")])
        .output();
    made.is_ok_and(|output| output.status.success())
}

#[test]
fn a_server_is_believed_only_by_the_certificate_that_is_named() {
    let Some(mut cluster) = Cluster::make() else { return };
    if !cluster.speaks_tls() {
        return;
    }
    let folder = cluster.folder().to_owned();
    assert!(certificate(&folder, "right", "IP:127.0.0.1"));
    assert!(certificate(&folder, "other", "IP:127.0.0.1"));
    assert!(certificate(&folder, "named", "DNS:db.example.org"));
    let serve = |cluster: &mut Cluster, name: &str| {
        let [key, crt] = ["key", "crt"].map(|ending| folder.join(format!("{name}.{ending}")));
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&key, mode).unwrap();
        if is_root() {
            std::os::unix::fs::chown(&key, Some(65_534), Some(65_534)).unwrap();
        }
        let settings = [
            "ssl=on".to_owned(),
            format!("ssl_key_file={}", key.display()),
            format!("ssl_cert_file={}", crt.display()),
        ];
        cluster.start(&settings.each_ref().map(String::as_str));
    };
    let team = |cluster: &Cluster, root: &str| {
        let root = folder.join(format!("{root}.crt"));
        let url = format!("{}?sslmode=verify-full&sslrootcert={}", cluster.url(), root.display());
        Team::at(Address::parse(&url).unwrap())
    };
    let ask = |cluster: &Cluster, root: &str| migrate(&team(cluster, root));
    serve(&mut cluster, "right");
    ask(&cluster, "right").unwrap();
    // Its connection is open as long as the store is.
    let asked = FileStore::open(Layout::new("nowhere").of_team(team(&cluster, "right"))).unwrap();
    let encrypted = "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
                     WHERE ssl AND application_name = 'tokgate'";
    assert!(Client::connect(&cluster.url()).unwrap().cell::<i64>(encrypted) > 0);
    drop(asked);
    let unknown = ask(&cluster, "other").unwrap_err().to_string();
    assert!(unknown.contains("certificate"), "{unknown}");
    cluster.kill();
    serve(&mut cluster, "named");
    let misnamed = ask(&cluster, "named").unwrap_err().to_string();
    assert!(misnamed.contains("certificate"), "{misnamed}");
    cluster.kill();
    cluster.start(&["ssl=off"]);
    let plain = ask(&cluster, "right").unwrap_err().to_string();
    assert!(plain.contains("TLS"), "{plain}");
}
