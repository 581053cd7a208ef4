//! Asks a server for its metrics, on a thread of its own: one that answers late delays its own samples
//! and nothing else.

use super::serving::{dcgm, serving};
use super::{Moment, Sampler};
use crate::http::call::{Call, Calls};
use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use hyper::http::HeaderMap;
use reqwest::Url;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;
use tokgate_core::case::RunSettings;
use tokgate_core::run::TelemetrySample;

/// How often: servers of Python answer from the process that serves, and are kept from it meanwhile.
pub const EVERY: Duration = Duration::from_secs(1);
/// How long an answer may take.
const DEADLINE: Duration = Duration::from_secs(1);

/// What a page of metrics is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// What the target does.
    Serving,
    /// The GPUs of the target's machine.
    Dcgm,
}

/// Samples what a server says; nothing before it has answered, and nothing twice.
pub struct Scrape {
    page: Page,
    texts: Receiver<String>,
    /// Ends the thread when it is dropped.
    _stop: Sender<()>,
}

/// What a case wants to be asked, its target at `address`; nothing where an address is none.
#[must_use]
pub fn of(run: &RunSettings, address: Option<&str>) -> Vec<Box<dyn Sampler>> {
    let beside = |base: &str| {
        let mut url: Url = base.parse().ok()?;
        url.set_path("/metrics");
        Some((url, Page::Serving))
    };
    let target = address.filter(|_| run.server_metrics);
    let dcgm = run.dcgm_url.as_ref().and_then(|url| Some((url.parse().ok()?, Page::Dcgm)));
    let pages = target.and_then(beside).into_iter().chain(dcgm);
    pages.map(|(url, page)| Box::new(Scrape::start(url, page)) as Box<dyn Sampler>).collect()
}

impl Scrape {
    /// Begins to ask `url`.
    #[must_use]
    pub fn start(url: Url, page: Page) -> Self {
        let (stop, stopped) = channel();
        let (said, texts) = channel();
        std::thread::spawn(move || ask_again(&url, &stopped, &said));
        Self { page, texts, _stop: stop }
    }
}

impl Sampler for Scrape {
    fn sample(&mut self, _moment: &Moment<'_>, into: &mut TelemetrySample) {
        let Some(text) = self.texts.try_iter().last() else { return };
        match self.page {
            Page::Serving => into.server = serving(&text),
            Page::Dcgm => into.gpus = dcgm(&text),
        }
    }
}

/// Asks until it is stopped, or nobody listens to the answers. A server that has no such page, or
/// none that can be read, is asked again all the same: it may be starting.
fn ask_again(url: &Url, stopped: &Receiver<()>, said: &Sender<String>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let calls = Calls::to(url, HeaderMap::new(), DEADLINE);
    let (Ok(runtime), Ok(calls)) = (runtime, calls) else { return };
    let mut call = None;
    loop {
        let answer = runtime.block_on(async {
            tokio::time::timeout(DEADLINE, ask(&calls, &mut call, url)).await.ok().flatten()
        });
        if answer.is_none() {
            call = None;
        }
        if answer.is_some_and(|text| said.send(text).is_err()) {
            return;
        }
        if stopped.recv_timeout(EVERY) != Err(RecvTimeoutError::Timeout) {
            return;
        }
    }
}

async fn ask(calls: &Calls, call: &mut Option<Call>, url: &Url) -> Option<String> {
    if call.is_none() {
        *call = Some(calls.connect().await.ok()?);
    }
    let request = Request::get(url.path()).body(Full::<Bytes>::default()).ok()?;
    let said = calls.ask(call.as_mut()?, request).await.ok()?;
    said.status.is_success().then(|| String::from_utf8_lossy(&said.body).into_owned())
}

#[cfg(test)]
mod tests {
    use super::super::{Family, Place};
    use super::*;
    use std::io::{BufRead, BufReader, Write};
    use std::net::{TcpListener, TcpStream};
    use tokgate_core::serving::RUNNING;

    /// Answers each request on each connection with the next of these.
    fn server(answers: &'static [&'static str]) -> Url {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/metrics", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            let mut answers = answers.iter();
            for stream in listener.incoming() {
                if answer(stream.unwrap(), &mut answers).is_none() {
                    return;
                }
            }
        });
        url.parse().unwrap()
    }

    fn answer(
        mut stream: TcpStream,
        answers: &mut impl Iterator<Item = &'static &'static str>,
    ) -> Option<()> {
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
        while lines.by_ref().map_while(Result::ok).take_while(|line| !line.is_empty()).count() > 0 {
            stream.write_all(answers.next()?.as_bytes()).unwrap();
        }
        Some(())
    }

    #[test]
    fn a_server_is_asked_until_it_says_something() {
        let url = server(&[
            "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nwait",
            "HTTP/1.1 200 OK\r\nContent-Length: 29\r\n\r\nvllm:num_requests_running 3.0\n",
        ]);
        let scrape = Scrape::start(url, Page::Serving);
        let text = scrape.texts.recv_timeout(Duration::from_secs(60)).unwrap();
        assert_eq!(serving(&text).get(RUNNING), Some(&3.0));
    }

    #[test]
    fn what_was_said_is_sampled_once() {
        let (stop, _stopped) = channel();
        let (said, texts) = channel();
        let mut scrape = Scrape { page: Page::Serving, texts, _stop: stop };
        for running in 1..=2 {
            said.send(format!("vllm:num_requests_running {running}")).unwrap();
        }
        let family = Family::new(Place::Elsewhere);
        let mut sampled = || {
            let mut sample = TelemetrySample::default();
            scrape.sample(&Moment { thorough: false, family: &family }, &mut sample);
            sample.server.get(RUNNING).copied()
        };
        assert_eq!((sampled(), sampled()), (Some(2.0), None));
    }
}
