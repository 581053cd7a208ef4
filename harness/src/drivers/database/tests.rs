//! The life of a collection, told by a database that is played in process over a real socket.

use super::address::Kind;
use super::*;
use crate::clock::Clock;
use crate::driver::Payload;
use crate::http::Lines;
use crate::retrieval::fixture::case;
use crate::retrieval::flat::Flat;
use crate::retrieval::index::{Knobs, VectorIndex};
use std::borrow::Cow;
use std::sync::Mutex;
use tokgate_core::case::{Hnsw, Workload};
use tokgate_core::record::Hits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const KIND: Kind = Kind {
    scheme: "redis",
    port: 1,
    example: Cow::Borrowed("redis://127.0.0.1"),
    needs: Cow::Borrowed("the player"),
    start: Cow::Borrowed("`play`"),
};

/// Where a played database goes wrong.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    None,
    Ingest,
    Hang,
    TooFew,
    Stranger,
}

/// What happened to the collection, in order.
type Log = Arc<Mutex<Vec<&'static str>>>;

struct Played {
    address: Address,
    lines: Lines,
    fault: Fault,
    log: Log,
    index: Mutex<Option<Flat>>,
}

struct Line {
    wire: crate::http::Wire,
    moments: Moments,
}

impl Played {
    fn note(&self, what: &'static str) {
        self.log.lock().unwrap().push(what);
    }
}

impl Database for Played {
    type Line = Line;

    fn address(&self) -> &Address {
        &self.address
    }

    fn put_stamps_into(&self, identity: &mut TargetIdentity) {
        self.lines.put_stamps_into(identity);
    }

    fn connect(&self) -> BoxFuture<'_, Result<Line, Failure>> {
        Box::pin(async {
            let (wire, moments) = self.lines.connect().await?;
            self.note("connect");
            Ok(Line { wire, moments })
        })
    }

    fn identify<'a>(&'a self, _: &'a mut Line) -> BoxFuture<'a, Result<Said, Failure>> {
        let said = Said { engine: "Player 1".into(), precision: "f32".into(), ..Said::default() };
        Box::pin(async { Ok(said) })
    }

    fn sweep<'a>(&'a self, _: &'a mut Line) -> BoxFuture<'a, Result<(), Failure>> {
        self.note("sweep");
        Box::pin(async { Ok(()) })
    }

    fn ingest<'a>(
        &'a self,
        _: &'a mut Line,
        rows: &'a Vectors,
        mut progress: Progress,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            self.note("ingest");
            progress.stored(rows.len());
            match self.fault {
                Fault::Ingest => Err(Failure::new(FailureClass::Status, "disk is full")),
                Fault::Hang => std::future::pending().await,
                Fault::None | Fault::TooFew | Fault::Stranger => {
                    let knobs = Knobs { rescore: 0, probes: 0, graph: None };
                    let index = Flat::build(Arc::new(rows.clone()), knobs).unwrap();
                    *self.index.lock().unwrap() = Some(index);
                    Ok(())
                }
            }
        })
    }

    fn build<'a>(&'a self, _: &'a mut Line) -> BoxFuture<'a, Result<bool, Failure>> {
        self.note("build");
        Box::pin(async { Ok(true) })
    }

    fn building<'a>(&'a self, _: &'a mut Line) -> BoxFuture<'a, Result<Option<String>, Failure>> {
        Box::pin(async { Ok(None) })
    }

    fn bytes<'a>(&'a self, _: &'a mut Line) -> BoxFuture<'a, Result<Option<u64>, Failure>> {
        Box::pin(async { Ok(Some(4096)) })
    }

    fn ready<'a>(&'a self, _: &'a mut Line) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async { Ok(()) })
    }

    fn moments(line: &Line) -> &Moments {
        &line.moments
    }

    fn search<'a>(
        &'a self,
        line: &'a mut Line,
        query: &'a [f32],
        top_k: usize,
    ) -> BoxFuture<'a, Result<Vec<Neighbour>, Failure>> {
        Box::pin(async move {
            // There and back, so that the socket has times.
            line.wire.write_all(b"?").await.unwrap();
            line.wire.read_u8().await.unwrap();
            let mut found = Vec::new();
            self.index.lock().unwrap().as_ref().unwrap().search(query, top_k, &mut found).unwrap();
            match self.fault {
                Fault::TooFew => found.truncate(top_k - 1),
                Fault::Stranger => found[3].id = 500,
                Fault::None | Fault::Ingest | Fault::Hang => {}
            }
            Ok(found)
        })
    }

    fn remove<'a>(&'a self, _: &'a mut Line) -> BoxFuture<'a, Result<(), Failure>> {
        self.note("remove");
        Box::pin(async { Ok(()) })
    }
}

/// A server that gives back what it is sent; it has a thread of its own, as a server has.
fn echo() -> u16 {
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            tell.send(listener.local_addr().unwrap().port()).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut read, mut write) = stream.into_split();
                    let _ = tokio::io::copy(&mut read, &mut write).await;
                });
            }
        });
    });
    told.recv().unwrap()
}

fn database_case() -> Case {
    let mut case = case(500, 64);
    case.target.driver = DriverKind::Redis;
    let hnsw = Hnsw { m: 16, ef_construction: 64, ef_search: 100 };
    case.retrieval.as_mut().unwrap().hnsw = Some(hnsw);
    case.workload = Workload::closed(2, 1, 100, 10);
    case
}

struct Play {
    log: Log,
    opened: Result<Arc<dyn Driver>, OpenError>,
}

async fn play(fault: Fault, stop: &Stop) -> Play {
    play_at(echo(), fault, stop).await
}

async fn play_at(port: u16, fault: Fault, stop: &Stop) -> Play {
    let mut case = database_case();
    case.target.base_url = Some(format!("redis://127.0.0.1:{port}"));
    let asked =
        Asked { case: &case, demand: Demand::of(&case).unwrap(), deadlines: Deadlines::of(&case) };
    let log = Log::default();
    let database = Played {
        address: Address::of(&case.target, KIND).unwrap(),
        lines: Lines::to("127.0.0.1", port, asked.deadlines.connect),
        fault,
        log: Arc::clone(&log),
        index: Mutex::default(),
    };
    let opened = opened(database, asked, &mut Corpora::default(), stop).await;
    Play { log, opened }
}

impl Play {
    fn failed(&self) -> String {
        self.opened.as_ref().err().map_or_else(String::new, |error| error.to_string())
    }

    fn count(&self, what: &str) -> usize {
        self.log.lock().unwrap().iter().filter(|noted| **noted == what).count()
    }
}

fn query(index: u32) -> Request {
    Request { ordinal: 0, seed: 0, payload: Payload::Query { index } }
}

#[tokio::test]
async fn rows_go_there_and_answers_are_graded_here() {
    let play = play(Fault::None, &Stop::default()).await;
    let driver = play.opened.as_ref().unwrap();
    let reply = Reply::new(Clock::start());
    let neighbours = driver.send(&query(0), &reply).await.unwrap().neighbours.unwrap();
    assert_eq!(neighbours.hits, [Hits { k: 1, found: 1 }, Hits { k: 10, found: 10 }]);
    let stamps = reply.take();
    assert_eq!(stamps.events.len(), 1);
    assert!(stamps.events[0].at > stamps.sent && stamps.done == Some(stamps.events[0].at));
    let after = driver.after().await;
    assert!(after.last.config.contains_key("receive_stamps") && after.changes().is_empty());
}

#[tokio::test]
async fn it_says_who_it_is_and_what_preparing_took() {
    let play = play(Fault::None, &Stop::default()).await;
    let driver = play.opened.as_ref().unwrap();
    let identity = driver.identity();
    assert_eq!(
        (identity.platform.as_str(), identity.engine.as_str()),
        ("retrieval-redis", "Player 1")
    );
    assert_eq!(identity.config["ef_search"], json!(100));
    let preparation = driver.preparation();
    assert!(preparation.ingest_s > Some(0.0) && preparation.build_s.is_some());
    assert!(preparation.index_bytes == Some(4096) && preparation.truth_s > Some(0.0));
}

#[tokio::test]
async fn the_collection_is_made_once_and_removed_at_the_end() {
    let play = play(Fault::None, &Stop::default()).await;
    assert_eq!(play.count("connect"), 4, "a presence, a worker, and one for each in flight");
    assert_eq!(play.count("remove"), 0);
    let Play { log, opened } = play;
    drop(opened);
    let lived: Vec<_> = log.lock().unwrap().iter().copied().filter(|it| *it != "connect").collect();
    assert_eq!(lived, ["sweep", "ingest", "build", "remove"]);
}

#[tokio::test]
async fn a_failed_ingest_is_told_and_leaves_nothing() {
    let play = play(Fault::Ingest, &Stop::default()).await;
    assert!(play.failed().contains("disk is full"), "{}", play.failed());
    assert_eq!((play.count("build"), play.count("remove")), (0, 1));
}

#[tokio::test]
async fn a_stop_ends_the_ingest_and_leaves_nothing() {
    let stop = Stop::default();
    let (play, ()) = tokio::join!(play(Fault::Hang, &stop), async {
        tokio::task::yield_now().await;
        stop.request();
    });
    assert!(play.failed().starts_with("stopped"), "{}", play.failed());
    assert_eq!(play.count("remove"), play.count("ingest"));
}

#[tokio::test]
async fn an_answer_that_is_none_is_the_failure_of_that_query() {
    for (fault, words) in [(Fault::TooFew, "9 neighbours"), (Fault::Stranger, "row 500 of 500")] {
        let play = play(fault, &Stop::default()).await;
        let reply = Reply::new(Clock::start());
        let sent = play.opened.as_ref().unwrap().send(&query(0), &reply).await;
        let failure = sent.unwrap_err();
        assert!(failure.message.contains(words), "{failure}");
        assert_eq!(failure.class, FailureClass::Malformed);
    }
}

#[tokio::test]
async fn a_prompt_is_refused() {
    let play = play(Fault::None, &Stop::default()).await;
    let payload = Payload::Prompt { messages: Vec::new(), max_tokens: 1, temperature: 0.0 };
    let request = Request { payload, ..query(0) };
    let reply = Reply::new(Clock::start());
    let failure = play.opened.as_ref().unwrap().send(&request, &reply).await.unwrap_err();
    assert_eq!(failure.class, FailureClass::Engine);
}

#[tokio::test]
async fn where_nobody_listens_the_address_and_what_to_start_are_said() {
    // A port that was free a moment ago.
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let play = play_at(port, Fault::None, &Stop::default()).await;
    let failed = play.failed();
    assert!(failed.contains(&format!("start the player at 127.0.0.1:{port} (`play`)")), "{failed}");
    assert!(play.log.lock().unwrap().is_empty());
}
