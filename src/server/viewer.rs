//! `/v1/live/{run}/events`: a viewer of a run, sent what is new as server-sent events. It comes back with
//! the number that it saw last, and finds neither gap nor repeat.

use super::board::{self, View};
use super::house::House;
use super::problem::Problem;
use super::route::EVENTS;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use http_body_util::channel::{Channel, Sender};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// Where a viewer says what it saw last.
const LAST: &str = "last-event-id";
/// How often something is sent where there is nothing to say, so that either side notices a dead line.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How long a viewer may take to have room for an event.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a viewer stays before it is asked to come again: less than a connection lives.
const STAY: Duration = Duration::from_secs(240);
/// Events that wait for a viewer in front of its connection.
const WAITING: usize = 2;
/// What a viewer is told first: when to come again, milliseconds.
const RETRY: &str = "retry: 1500\n\n";

/// Answers a viewer.
pub(super) async fn events(
    house: &Arc<House>,
    run: &str,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let seat = Arc::clone(&house.seats).try_acquire_owned();
    let seat = seat.map_err(|_| Problem::busy("too many look on: come again later"))?;
    let Some(view) = house.board.view(run).await? else {
        return Err(Problem::absent(
            "nobody tells of such a run; /v1/live lists those that are told of",
        ));
    };
    let last = headers.get(LAST).and_then(|last| last.to_str().ok()?.trim().parse::<u64>().ok());
    let is_over = view.latest.is_over();
    if is_over && last == Some(view.latest.seq) {
        return Ok(nothing_more());
    }
    let first = match last {
        Some(seq) => board::since(seq, &view.latest),
        None => board::whole(&view.latest),
    };
    let (sender, body) = Channel::<Bytes, Infallible>::new(WAITING);
    let viewer = Viewer { house: Arc::clone(house), run: run.to_owned(), sender, _seat: seat };
    tokio::spawn(viewer.show(first, is_over, view));
    let mut response = Response::new(Body::new(body));
    let media = HeaderValue::from_static(EVENTS);
    response.headers_mut().insert(header::CONTENT_TYPE, media);
    Ok(response)
}

/// By this a browser that has seen the end does not come again.
fn nothing_more() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

/// Who looks on; gone when it is dropped.
struct Viewer {
    house: Arc<House>,
    run: String,
    sender: Sender<Bytes>,
    _seat: OwnedSemaphorePermit,
}

/// A viewer that is gone, or too slow.
struct Gone;

impl Viewer {
    async fn show(mut self, first: Bytes, is_over: bool, view: View) {
        let started = self.send(Bytes::from_static(RETRY.as_bytes())).await.is_ok();
        if started && self.send(first).await.is_ok() && !is_over {
            // Whoever is gone has not to be told so.
            let _ = self.follow(view).await;
        }
    }

    async fn follow(&mut self, View { mut news, .. }: View) -> Result<(), Gone> {
        let end = Instant::now() + STAY;
        loop {
            tokio::select! {
                one = news.recv() => match one {
                    Ok(one) => {
                        self.send(one.frame.clone()).await?;
                        if one.is_last {
                            return Ok(());
                        }
                    }
                    Err(RecvError::Lagged(count)) => {
                        self.send(board::missed(count)).await?;
                        let Some(latest) = self.house.board.latest(&self.run) else { return Ok(()) };
                        news = news.resubscribe();
                        self.send(board::whole(&latest)).await?;
                    }
                    Err(RecvError::Closed) => return Ok(()),
                },
                () = sleep(HEARTBEAT) => self.send(Bytes::from_static(b": alive\n\n")).await?,
                () = sleep_until(end) => return Ok(()),
            }
        }
    }

    async fn send(&mut self, bytes: Bytes) -> Result<(), Gone> {
        match timeout(PATIENCE, self.sender.send_data(bytes)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Gone),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::{SCHEMA_VERSION, Snapshot};
    use crate::server::Settings;
    use crate::server::hosts::Hosts;
    use crate::store::Layout;
    use http_body_util::BodyExt;

    fn house(folder: &std::path::Path) -> Arc<House> {
        let settings = Settings {
            bind: [127, 0, 0, 1].into(),
            port: 0,
            layout: Layout::new(folder),
            project: None,
            baseline: None,
            prices: Default::default(),
            token: None,
            write_token: None,
            hosts: Vec::new(),
        };
        Arc::new(House::new(settings, Hosts::of(([127, 0, 0, 1], 1).into(), Vec::new())))
    }

    fn publish(folder: &std::path::Path, seq: u64) {
        let run = Snapshot {
            schema_version: SCHEMA_VERSION,
            run_id: "a".to_owned(),
            seq,
            ..Snapshot::default()
        };
        let layout = Layout::new(folder);
        layout.create().unwrap();
        std::fs::write(layout.live_file("a"), serde_json::to_vec(&run).unwrap()).unwrap();
    }

    #[tokio::test]
    async fn a_viewer_who_takes_nothing_is_gone_after_a_while_and_the_others_are_told_on() {
        let folder = tempfile::tempdir().unwrap();
        publish(folder.path(), 1);
        let house = house(folder.path());
        let seats = house.seats.available_permits();
        let stalled = events(&house, "a", &HeaderMap::new()).await.unwrap();
        let reading = events(&house, "a", &HeaderMap::new()).await.unwrap();
        assert_eq!(house.seats.available_permits(), seats - 2);
        // From now on time goes by itself whenever everybody waits.
        tokio::time::pause();
        let mut body = reading.into_body();
        let mut text = String::new();
        for seq in 2.. {
            if house.seats.available_permits() == seats - 1 {
                break;
            }
            assert!(seq < 1000, "the one who takes nothing stays");
            let bytes = body.frame().await.unwrap().unwrap().into_data().unwrap();
            text.push_str(std::str::from_utf8(&bytes).unwrap());
        }
        // Heartbeats went on for the one who reads.
        assert!(text.contains("event: snapshot") && text.contains(": alive"), "{text}");
        drop(stalled);
    }

    #[tokio::test]
    async fn there_are_so_many_seats_and_a_seat_comes_free_when_somebody_goes() {
        let folder = tempfile::tempdir().unwrap();
        publish(folder.path(), 1);
        let house = house(folder.path());
        let mut all = Vec::new();
        let full = loop {
            match events(&house, "a", &HeaderMap::new()).await {
                Ok(response) => all.push(response),
                Err(problem) => break problem.reply().status,
            }
        };
        assert_eq!(full, StatusCode::SERVICE_UNAVAILABLE);
        drop(all);
        while house.seats.available_permits() == 0 {
            tokio::task::yield_now().await;
        }
        assert!(events(&house, "a", &HeaderMap::new()).await.is_ok());
    }
}
