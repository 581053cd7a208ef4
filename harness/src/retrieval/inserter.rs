//! Inserts rows into an index while it is searched: one after the other, each when it is due.

use super::growing::Growing;
use crate::clock::Clock;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokgate_core::quantile::Sorted;
use tokgate_core::run::Inserted;

/// The tail that is told of an epoch's inserts.
const TAIL: f64 = 0.95;

/// A thread that inserts; it begins with the first measured query. Dropped, it ends.
pub struct Inserter {
    growing: Arc<Growing>,
    rate: f64,
    /// Whoever was first has begun.
    begun: OnceLock<()>,
    work: Mutex<Option<Work>>,
}

/// A thread that works until it is done, or its channel is closed.
struct Work {
    stop: Sender<()>,
    thread: JoinHandle<Log>,
}

/// How each insert went.
#[derive(Debug, Default)]
struct Log {
    /// Seconds from when it was due to when it began.
    lags: Vec<f64>,
    /// Seconds that it took, the wait for searches that ran included.
    calls: Vec<f64>,
    /// Seconds from when the first was due to the end of the last.
    seconds: f64,
}

impl Inserter {
    /// Inserts `rate` rows a second, once it has begun.
    #[must_use]
    pub fn of(growing: Arc<Growing>, rate: u32) -> Self {
        Self::at(growing, rate.into())
    }

    fn at(growing: Arc<Growing>, rate: f64) -> Self {
        Self { growing, rate, begun: OnceLock::new(), work: Mutex::default() }
    }

    /// Begins, unless it has begun before.
    pub fn begin(&self) {
        self.begun.get_or_init(|| {
            let (growing, rate) = (Arc::clone(&self.growing), self.rate);
            let (stop, stopped) = channel();
            let thread = std::thread::spawn(move || inserting(&growing, rate, &stopped));
            *self.work() = Some(Work { stop, thread });
        });
    }

    /// Ends, and says how it went; `None` where nothing was inserted, or this was asked before.
    pub fn end(&self) -> Option<Inserted> {
        let Work { stop, thread } = self.work().take()?;
        drop(stop);
        // A panic was told on standard error, and the index refuses every search since.
        let log = thread.join().ok()?;
        if self.growing.held_back() == 0 {
            tracing::warn!(
                "all {} rows were inserted after {:.1} s, and queries after that searched an index \
                 that stood still; hold back more (`insert_share`) or insert fewer (`insert_rate`)",
                log.calls.len(),
                log.seconds
            );
        }
        log.told()
    }

    fn work(&self) -> std::sync::MutexGuard<'_, Option<Work>> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Inserter {
    fn drop(&mut self) {
        self.end();
    }
}

impl Log {
    fn told(self) -> Option<Inserted> {
        let rows = self.calls.len() as u64;
        let tail = |values: Vec<f64>| Sorted::new(values).quantile(TAIL);
        Some(Inserted {
            rows,
            seconds: self.seconds,
            call_p95_s: tail(self.calls)?,
            lag_p95_s: tail(self.lags)?,
        })
    }
}

/// Inserts until there are no more rows, one is refused, or it is stopped.
fn inserting(growing: &Growing, rate: f64, stopped: &Receiver<()>) -> Log {
    let (clock, mut log) = (Clock::start(), Log::default());
    for number in 0.. {
        let due = f64::from(number) / rate;
        if !is_time(due - clock.now().seconds(), stopped) {
            break;
        }
        let begun = clock.now().seconds();
        match growing.insert() {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => {
                tracing::warn!("{error}; the queries fail from now on");
                break;
            }
        }
        log.seconds = clock.now().seconds();
        log.lags.push(begun - due);
        log.calls.push(log.seconds - begun);
    }
    log
}

/// Waits; `false` when it was stopped meanwhile.
fn is_time(wait_s: f64, stopped: &Receiver<()>) -> bool {
    let wait = Duration::from_secs_f64(wait_s.max(0.0));
    matches!(stopped.recv_timeout(wait), Err(RecvTimeoutError::Timeout))
}

#[cfg(test)]
mod tests {
    use super::super::flat::Flat;
    use super::super::index::{Knobs, VectorIndex};
    use super::super::vectors::Vectors;
    use super::*;

    fn growing(rows: usize, built: usize) -> Arc<Growing> {
        let rows = Arc::new(Vectors::new(8, vec![1.0; rows * 8]).unwrap());
        let knobs = Knobs { rescore: 0, probes: 0, graph: None };
        let index = Flat::build(Arc::new(rows.first(built)), knobs).unwrap();
        Arc::new(Growing::new(Box::new(index), rows, built))
    }

    #[test]
    fn all_that_was_held_back_comes_in_and_each_insert_is_told() {
        let growing = growing(300, 100);
        let (_running, stopped) = channel();
        let log = inserting(&growing, 1e6, &stopped);
        assert_eq!((growing.inserted(), log.calls.len(), log.lags.len()), (300, 200, 200));
        let told = log.told().unwrap();
        assert!(told.rows == 200 && told.seconds > 0.0 && told.lag_p95_s >= 0.0);
        assert!(told.call_p95_s > 0.0 && told.call_p95_s <= told.seconds);
    }

    #[test]
    fn no_row_comes_before_it_is_due() {
        let growing = growing(100, 50);
        let (_running, stopped) = channel();
        let log = inserting(&growing, 10_000.0, &stopped);
        assert!(log.seconds >= 49.0 / 10_000.0 && log.lags.iter().all(|lag| *lag >= 0.0));
    }

    #[test]
    fn it_begins_once_and_ends_when_it_is_asked_to() {
        let growing = growing(1000, 100);
        // The second row is due after a day.
        let inserter = Inserter::at(Arc::clone(&growing), 1e-5);
        assert_eq!(inserter.end(), None, "it has not begun");
        inserter.begin();
        inserter.begin();
        while growing.inserted() == 100 {
            std::thread::yield_now();
        }
        let told = inserter.end().unwrap();
        assert_eq!((told.rows, growing.inserted(), inserter.end()), (1, 101, None));
    }
}
