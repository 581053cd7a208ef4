//! A server of a test's own, to be killed and started again.

use super::client::Client;
use super::{PROGRAMS, said};
use rustix::process::{Pid, Signal, kill_process};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Who runs a server where we are root, whom PostgreSQL refuses: `nobody`.
const NOBODY: u32 = 65_534;
/// How long a server may take to come up.
const UP: Duration = Duration::from_secs(60);

pub(super) struct Cluster {
    programs: PathBuf,
    folder: TempDir,
    port: u16,
    server: Option<Child>,
}

impl Cluster {
    /// One that is not started.
    pub(super) fn make() -> Option<Self> {
        let programs = PathBuf::from(said(PROGRAMS)?);
        let folder = tempfile::tempdir().unwrap();
        if is_root() {
            std::os::unix::fs::chown(folder.path(), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        let cluster = Self { programs, folder, port, server: None };
        let mut make = cluster.program("initdb");
        make.args(["-A", "trust", "-U", "postgres", "-E", "UTF8", "-D"]).arg(cluster.data());
        let made = make.stdout(Stdio::null()).status().unwrap();
        assert!(made.success());
        Some(cluster)
    }

    pub(super) fn data(&self) -> PathBuf {
        self.folder.path().join("db")
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Whether it was built with TLS; a wheel's was not.
    pub(super) fn speaks_tls(&self) -> bool {
        let mut ask = self.program("postgres");
        let library = ask.arg("-D").arg(self.data()).args(["-C", "ssl_library"]).output().unwrap();
        let speaks = !library.stdout.trim_ascii().is_empty();
        if !speaks {
            super::leave_out("the server of TOKGATE_TEST_POSTGRES_BIN speaks no TLS");
        }
        speaks
    }

    /// Starts it and waits until it answers. The children of one that was killed may live for a moment.
    pub(super) fn start(&mut self, settings: &[&str]) {
        let began = Instant::now();
        loop {
            assert!(began.elapsed() < UP, "the server does not come up");
            let is_over = self.server.as_mut().is_none_or(|it| it.try_wait().unwrap().is_some());
            if is_over {
                self.server = Some(self.spawn(settings));
            }
            if Client::connect(&self.url()).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn spawn(&self, settings: &[&str]) -> Child {
        let mut server = self.program("postgres");
        server.arg("-D").arg(self.data()).args(["-p", &self.port.to_string()]);
        server.args(["-c", "listen_addresses=127.0.0.1"]);
        server.arg("-c").arg(format!("unix_socket_directories={}", self.folder.path().display()));
        for setting in settings {
            server.args(["-c", setting]);
        }
        server.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// Ends it as `kill -9` does.
    pub(super) fn kill(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.kill().unwrap();
            server.wait().unwrap();
        }
    }

    /// Stops the server and all of its children in the middle of whatever they do.
    pub(super) fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets them go on.
    pub(super) fn go_on(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let parent = self.server.as_ref().unwrap().id();
        let listed =
            Command::new("ps").args(["-o", "pid=", "--ppid", &parent.to_string()]).output();
        let listed = String::from_utf8(listed.unwrap().stdout).unwrap();
        let children = listed.split_whitespace().map(|pid| pid.parse::<i32>().unwrap());
        // The parent first: it starts no more of them.
        for pid in [parent.cast_signed()].into_iter().chain(children) {
            // A child may have ended meanwhile.
            let _ = kill_process(Pid::from_raw(pid).unwrap(), signal);
        }
    }

    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.programs.join(name));
        command.current_dir(self.folder.path());
        if is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.kill();
    }
}

pub(super) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
