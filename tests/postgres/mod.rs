//! A team's store in a real PostgreSQL: delivered to, copied to and from, read, killed.
//!
//! `tests/real/postgres.sh` starts a server and says where: without it these tests are left out, and say so.
#![allow(clippy::unwrap_used)]

mod client;
mod cluster;
mod copied;
mod delivered;
mod frozen;
mod guarded;
mod killed;
mod read;

use client::Client;
use std::io::Write;
use std::sync::atomic::{AtomicU32, Ordering};
use tokgate::store::team::{Address, Team, migrate};

/// Says where a server is whose user may make databases and roles.
const SERVER: &str = "TOKGATE_TEST_POSTGRES";
/// A folder with PostgreSQL's programs, for tests that kill a server of their own.
const PROGRAMS: &str = "TOKGATE_TEST_POSTGRES_BIN";

/// What a variable says; without it the test is left out.
fn said(variable: &str) -> Option<String> {
    let said = std::env::var(variable).ok();
    if said.is_none() {
        leave_out(&format!("{variable} is not set; tests/real/postgres.sh sets it"));
    }
    said
}

/// Says why a test looks at nothing, past what the test harness keeps to itself.
fn leave_out(why: &str) {
    std::io::stderr().write_all(format!("LEFT OUT: {why}\n").as_bytes()).unwrap();
}

/// A database of one test, gone with it.
struct Base {
    server: String,
    name: String,
}

impl Base {
    /// An empty one.
    fn empty() -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let server = said(SERVER)?;
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("test_{}_{number}", std::process::id());
        Client::connect(&server).unwrap().batch(&format!("CREATE DATABASE {name}")).unwrap();
        Some(Self { server, name })
    }

    /// One with the tables of this version.
    fn made() -> Option<Self> {
        let base = Self::empty()?;
        migrate(&base.team()).unwrap();
        Some(base)
    }

    fn url(&self) -> String {
        let (place, _) = self.server.rsplit_once('/').unwrap();
        format!("{place}/{}", self.name)
    }

    fn team(&self) -> Team {
        Team::at(Address::parse(&self.url()).unwrap())
    }

    fn client(&self) -> Client {
        Client::connect(&self.url()).unwrap()
    }

    /// The number that a statement answers with.
    fn number(&self, sql: &str) -> i64 {
        self.client().cell(sql)
    }
}

impl Drop for Base {
    fn drop(&mut self) {
        // A test that failed says why; what it leaves goes with the server.
        if let Ok(client) = Client::connect(&self.server) {
            let _ = client.batch(&format!("DROP DATABASE {} WITH (FORCE)", self.name));
        }
    }
}
