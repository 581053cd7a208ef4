//! Runs as they go on, for everybody who looks on: one look a moment for all viewers, and what is new is made
//! into bytes once. A viewer who is slow is told how much was missed, and holds nobody up.

use super::problem::Problem;
use crate::live::{self, Point, Snapshot};
use crate::store::Layout;
use bytes::Bytes;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::broadcast::{Receiver, Sender, channel};
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval};

/// Time between two looks at the runs that somebody is looking at.
const LOOK: Duration = Duration::from_millis(500);
/// News that a viewer may be behind, one a second, before the eldest are missed.
const BEHIND: usize = 16;

/// Something new of a run, as every viewer is sent it.
#[derive(Debug)]
pub(super) struct News {
    pub(super) frame: Bytes,
    /// Whether nothing comes after it.
    pub(super) is_last: bool,
}

/// The runs that somebody is looking at.
#[derive(Debug)]
pub(super) struct Board {
    layout: Layout,
    runs: Mutex<BTreeMap<String, Watched>>,
}

#[derive(Debug)]
struct Watched {
    latest: Arc<Snapshot>,
    news: Sender<Arc<News>>,
}

/// A run as a viewer finds it, and what comes after.
#[derive(Debug)]
pub(super) struct View {
    pub(super) latest: Arc<Snapshot>,
    pub(super) news: Receiver<Arc<News>>,
}

impl Board {
    pub(super) fn new(layout: Layout) -> Self {
        Self { layout, runs: Mutex::default() }
    }

    fn runs(&self) -> MutexGuard<'_, BTreeMap<String, Watched>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The run of this name from now on; `None` where nobody tells of it.
    ///
    /// # Errors
    /// When what is told cannot be read.
    pub(super) async fn view(&self, run: &str) -> Result<Option<View>, Problem> {
        if let Some(view) = self.known(run) {
            return Ok(Some(view));
        }
        let Some(seen) = self.look(run.to_owned()).await? else { return Ok(None) };
        let mut runs = self.runs();
        // Somebody else may have come in between: theirs is what news are told against.
        let watched = runs
            .entry(run.to_owned())
            .or_insert_with(|| Watched { latest: Arc::new(seen), news: channel(BEHIND).0 });
        Ok(Some(watched.view()))
    }

    fn known(&self, run: &str) -> Option<View> {
        let runs = self.runs();
        // One that nobody looks at is not looked at here either, and may be old.
        runs.get(run).filter(|watched| watched.news.receiver_count() > 0).map(Watched::view)
    }

    /// The run as it was seen last.
    pub(super) fn latest(&self, run: &str) -> Option<Arc<Snapshot>> {
        self.runs().get(run).map(|watched| Arc::clone(&watched.latest))
    }

    async fn look(&self, run: String) -> Result<Option<Snapshot>, Problem> {
        let layout = self.layout.clone();
        let seen = spawn_blocking(move || live::look(&layout, &run)).await;
        seen.map_err(|ended| Problem::fault(&ended))?.map_err(|error| Problem::fault(&error))
    }

    /// Looks on for all viewers, for as long as it is polled.
    pub(super) async fn follow(&self) {
        let mut moments = interval(LOOK);
        moments.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            moments.tick().await;
            for run in self.looked_at() {
                // What cannot be read now may be the next time.
                if let Ok(seen) = self.look(run.clone()).await {
                    self.tell(&run, seen);
                }
            }
        }
    }

    /// The runs that somebody looks at; the others are forgotten.
    fn looked_at(&self) -> Vec<String> {
        let mut runs = self.runs();
        runs.retain(|_, watched| watched.news.receiver_count() > 0);
        runs.keys().cloned().collect()
    }

    fn tell(&self, run: &str, seen: Option<Snapshot>) {
        let mut runs = self.runs();
        let Some(watched) = runs.get_mut(run) else { return };
        // What was taken away is over.
        let Some(seen) = seen else {
            runs.remove(run);
            return;
        };
        let before = &watched.latest;
        if before.seq == seen.seq && before.state == seen.state {
            return;
        }
        let frame = since(before.seq, &seen);
        let is_last = seen.is_over();
        watched.latest = Arc::new(seen);
        // Nobody may be looking any more.
        let _ = watched.news.send(Arc::new(News { frame, is_last }));
    }

    /// Sends everybody home.
    pub(super) fn close(&self) {
        self.runs().clear();
    }
}

impl Watched {
    fn view(&self) -> View {
        View { latest: Arc::clone(&self.latest), news: self.news.subscribe() }
    }
}

/// What somebody is sent who has seen everything up to this number: the moments since and the run as it is
/// now, or the whole of it where some of those moments are gone.
pub(super) fn since(seq: u64, run: &Snapshot) -> Bytes {
    match run.since(seq) {
        Some(points) => tick(points, run),
        None => whole(run),
    }
}

/// The whole run.
pub(super) fn whole(run: &Snapshot) -> Bytes {
    frame(run.seq, "snapshot", &json!(run).to_string())
}

fn tick(points: &[Point], run: &Snapshot) -> Bytes {
    let (_, now) = run.clone().split();
    frame(run.seq, "tick", &json!({ "points": points, "run": now }).to_string())
}

/// How much somebody has missed who was too slow.
pub(super) fn missed(count: u64) -> Bytes {
    Bytes::from(format!("event: missed\ndata: {{\"missed\":{count}}}\n\n"))
}

/// An event (JSON of one line has no line break).
fn frame(id: u64, event: &str, data: &str) -> Bytes {
    Bytes::from(format!("id: {id}\nevent: {event}\ndata: {data}\n\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::broadcast::error::{RecvError, TryRecvError};

    fn run(seq: u64) -> Snapshot {
        let points = (1..=seq).map(|seq| Point { seq, ..Point::default() }).collect();
        Snapshot { run_id: "a".to_owned(), seq, points, ..Snapshot::default() }
    }

    fn board() -> (Board, View) {
        let board = Board::new(Layout::new("nowhere"));
        let watched = Watched { latest: Arc::new(run(1)), news: channel(BEHIND).0 };
        let view = watched.view();
        board.runs().insert("a".to_owned(), watched);
        (board, view)
    }

    fn text(frame: &Bytes) -> &str {
        std::str::from_utf8(frame).unwrap()
    }

    #[tokio::test]
    async fn whoever_is_slow_is_told_how_much_was_missed_and_the_others_miss_nothing() {
        let (board, mut slow) = board();
        let mut quick = board.known("a").unwrap();
        for seq in 2..=40 {
            board.tell("a", Some(run(seq)));
            let news = quick.news.try_recv().unwrap();
            assert!(text(&news.frame).starts_with(&format!("id: {seq}\nevent: tick\n")));
        }
        assert!(matches!(slow.news.recv().await, Err(RecvError::Lagged(23))));
        assert_eq!(board.latest("a").unwrap().seq, 40);
    }

    #[test]
    fn what_is_not_new_is_told_to_nobody_and_what_is_taken_away_ends() {
        let (board, mut view) = board();
        board.tell("a", Some(run(1)));
        assert!(matches!(view.news.try_recv(), Err(TryRecvError::Empty)));
        board.tell("a", Some(run(3)));
        let news = view.news.try_recv().unwrap();
        assert!(text(&news.frame).contains("\"seq\":2") && text(&news.frame).contains("\"seq\":3"));
        board.tell("a", None);
        assert!(matches!(view.news.try_recv(), Err(TryRecvError::Closed)));
    }

    #[test]
    fn a_run_that_nobody_looks_at_any_more_is_forgotten() {
        let (board, view) = board();
        assert_eq!(board.looked_at(), ["a"]);
        drop(view);
        assert!(board.looked_at().is_empty() && board.known("a").is_none());
    }
}
