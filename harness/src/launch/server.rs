//! A server that a scenario starts: where it listens, when it is ready.

use super::command::{Words, settings};
use super::process::Process;
use crate::driver::OpenError;
use crate::http::{is_loopback, question_client, tls};
use crate::stop::Stop;
use crate::telemetry::Place;
use reqwest::{StatusCode, Url};
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::{TcpListener, TcpStream, ToSocketAddrs};
use std::path::Path;
use std::time::Duration;
use tokgate_core::case::{Case, DriverKind, Launch};
use tokgate_core::failure::{Failure, FailureClass};

/// How often a server that is starting is asked whether it is ready. A load time is known to
/// this.
const ASK_EVERY: Duration = Duration::from_millis(50);
/// How long one such answer may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// How long a port of this machine takes to accept, if anybody listens.
const ACCEPT_WITHIN: Duration = Duration::from_millis(500);

/// What is started, and where it is to listen.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Server {
    launch: Launch,
    driver: DriverKind,
    /// As it is written; a free port of ours without.
    base_url: Option<String>,
    model: String,
    /// The variable that holds our own key.
    secret: Option<String>,
}

/// A server that runs, ours or found.
#[derive(Debug)]
pub(crate) struct Running {
    server: Server,
    base: Url,
    process: Option<Process>,
    /// From its start until it was ready, seconds; absent for one that was found.
    pub(crate) load_s: Option<f64>,
}

impl Server {
    /// The server of a case; `None` where the case starts none.
    #[must_use]
    pub(crate) fn of(case: &Case) -> Option<Self> {
        let target = &case.target;
        let launch = target.launch.clone().filter(|_| target.driver != DriverKind::Batch)?;
        Some(Self {
            launch,
            driver: target.driver,
            base_url: target.base_url.clone(),
            model: target.model.clone().unwrap_or_default(),
            secret: target.api_key_env.clone(),
        })
    }

    /// Starts it and waits until it is ready.
    ///
    /// # Errors
    /// When it is not to listen on this machine, something else listens there already, it ends
    /// before it is ready, it takes longer than it may, or a stop is asked for.
    pub(crate) async fn start(self, logs: &Path, stop: &Stop) -> Result<Running, OpenError> {
        let base = self.base()?;
        let mut running = Running { server: self, base, process: None, load_s: None };
        if running.somebody_listens() {
            return running.found();
        }
        running.process = Some(running.spawn(logs)?);
        tokio::select! {
            ready = running.wait_until_ready() => ready?,
            () = stop.requested() => {
                return Err(OpenError::Unavailable("stopped while the server started".to_owned()));
            }
        }
        Ok(running)
    }

    /// The address, on this machine: the one that is written, else a free port of ours.
    fn base(&self) -> Result<Url, OpenError> {
        let written = match &self.base_url {
            Some(written) => written.clone(),
            None => format!("http://127.0.0.1:{}{}", free_port()?, self.usual_path()),
        };
        let url = Url::parse(&written)
            .map_err(|error| OpenError::Invalid(format!("the base URL is not one ({error})")))?;
        match is_loopback(&url) {
            true => Ok(url),
            false => Err(OpenError::Invalid(format!(
                "a server that is launched listens on this machine, not at {url}; take 127.0.0.1, \
                 or leave `launch` out"
            ))),
        }
    }

    fn usual_path(&self) -> &'static str {
        match self.driver {
            DriverKind::Ollama => "",
            _ => "/v1",
        }
    }
}

impl Running {
    /// Whether it is what `server` asks for, and still runs.
    pub(crate) fn serves(&mut self, server: &Server) -> bool {
        let lives = self.process.as_mut().is_none_or(|process| process.ended().is_none());
        lives && self.server == *server
    }

    /// Where it listens.
    pub(crate) fn base_url(&self) -> String {
        self.base.as_str().trim_end_matches('/').to_owned()
    }

    /// Where it runs.
    pub(crate) fn place(&self) -> Place {
        match &self.process {
            Some(process) => Place::Launched(process.id()),
            None => Place::Listening(self.port()),
        }
    }

    fn found(self) -> Result<Self, OpenError> {
        if !self.server.launch.reuse {
            return Err(OpenError::Invalid(format!(
                "something listens at {} already; stop it, take another port, or say \
                 `reuse = true` in `launch` to measure it",
                self.base
            )));
        }
        tracing::warn!("a server listens at {} already: measuring it, starting none", self.base);
        Ok(self)
    }

    fn somebody_listens(&self) -> bool {
        let host = self.base.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let addresses = (host, self.port()).to_socket_addrs().into_iter().flatten();
        addresses
            .into_iter()
            .any(|address| TcpStream::connect_timeout(&address, ACCEPT_WITHIN).is_ok())
    }

    fn port(&self) -> u16 {
        self.base.port_or_known_default().unwrap_or_default()
    }

    fn spawn(&self, logs: &Path) -> Result<Process, OpenError> {
        let Server { launch, model, secret, .. } = &self.server;
        let port = self.port().to_string();
        let words = Words(&[("model", model), ("port", &port)]);
        let command = words.command(launch, secret.as_deref())?;
        let program = command.get_program().to_string_lossy().into_owned();
        Process::start(&command, launch, logs, "server").map_err(|error| {
            OpenError::Invalid(format!("cannot start `{program}` ({error}); is it installed?"))
        })
    }

    /// What answers when it is ready: the page that is named, else its list of models.
    fn ready(&self) -> Url {
        let usual = match self.server.driver {
            DriverKind::Ollama => "/api/tags".to_owned(),
            _ => format!("{}/models", self.base.path().trim_end_matches('/')),
        };
        let mut url = self.base.clone();
        url.set_path(self.server.launch.ready.as_deref().unwrap_or(&usual));
        url
    }

    /// What its command line says.
    pub(crate) fn settings(&self) -> BTreeMap<String, Value> {
        match self.process {
            Some(_) => settings(&self.server.launch.command),
            None => BTreeMap::new(),
        }
    }

    async fn wait_until_ready(&mut self) -> Result<(), OpenError> {
        let url = self.ready();
        let Some(process) = &mut self.process else { return Ok(()) };
        let client = tls(&self.base)
            .and_then(|tls| question_client(tls, ANSWER_WITHIN, None))
            .map_err(|failure| OpenError::Invalid(failure.to_string()))?;
        loop {
            if let Some(status) = process.ended() {
                return Err(ended(process, &status.to_string()));
            }
            let asked = client.get(url.clone()).timeout(ANSWER_WITHIN).send().await;
            if asked.is_ok_and(|answer| answer.status() == StatusCode::OK) {
                self.load_s = Some(process.age_s());
                return Ok(());
            }
            if process.age_s() > self.server.launch.timeout_s {
                return Err(too_slow(process, self.server.launch.timeout_s, &url));
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
    }
}

fn free_port() -> Result<u16, OpenError> {
    TcpListener::bind(("127.0.0.1", 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|error| OpenError::Unavailable(format!("no port is free here ({error})")))
}

fn ended(process: &Process, status: &str) -> OpenError {
    let log = process.log();
    let class = match log.tells_of_no_memory() {
        true => FailureClass::TargetOom,
        false => FailureClass::Engine,
    };
    let message = format!("the server ended ({status}) before it was ready: {}", log.last_words());
    let log = format!("its log is {}", log.path().display());
    let advice = class.advice().map_or_else(|| log.clone(), |advice| format!("{advice}; {log}"));
    OpenError::Unreachable { failure: Failure::new(class, message), advice }
}

fn too_slow(process: &Process, allowed_s: f64, url: &Url) -> OpenError {
    let message = format!("{url} did not answer 200 within {allowed_s} s of the server's start");
    let advice = format!(
        "allow more in `launch.timeout_s`, or see its log {}",
        process.log().path().display()
    );
    OpenError::Unreachable { failure: Failure::new(FailureClass::TimeoutConnect, message), advice }
}

/// A launch of a program that ends at once.
#[cfg(test)]
pub(crate) fn plain_launch() -> Launch {
    Launch {
        command: vec!["true".to_owned()],
        env: BTreeMap::new(),
        ready: None,
        timeout_s: 30.0,
        stop_signal: Default::default(),
        stop_timeout_s: 1.0,
        reuse: false,
        folder: None,
    }
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;
