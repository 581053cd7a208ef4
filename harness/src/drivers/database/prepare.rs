//! What happens before the first query: what others left is removed, the rows are sent, the index
//! is built. Every wait has its end.

use super::held::Held;
use super::progress::{INTERVAL, Progress};
use super::{Database, Said};
use crate::clock::Clock;
use crate::driver::OpenError;
use crate::http::within;
use crate::retrieval::vectors::Vectors;
use crate::stop::Stop;
use std::time::Duration;
use tokgate_core::failure::{Failure, FailureClass};
use tokgate_core::run::Preparation;
use tokio::time::{Instant, interval_at};

/// How long a short question may take, and a part of the rows: what takes longer hangs.
const LONGEST_STEP: Duration = Duration::from_secs(120);
/// How long an index may take to be built: a working day, for millions of long vectors on few
/// cores. It says how far it is all the while.
const LONGEST_BUILD: Duration = Duration::from_secs(8 * 3600);

/// What preparing took.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Prepared {
    ingest_s: f64,
    build_s: Option<f64>,
    index_bytes: Option<u64>,
}

impl Prepared {
    /// The same, beside what making the data took.
    pub(super) fn over(self, data: Preparation) -> Preparation {
        Preparation {
            ingest_s: Some(self.ingest_s),
            build_s: self.build_s,
            index_bytes: self.index_bytes,
            ..data
        }
    }
}

/// Waits for a short question.
pub(super) async fn step<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    within(LONGEST_STEP, FailureClass::TimeoutTotal, work).await
}

/// Connects, and asks who is there.
///
/// # Errors
/// When nobody is, or not the right one.
pub(super) async fn greet<D: Database>(database: &D) -> Result<(D::Line, Said), OpenError> {
    let greeting = async {
        let mut line = database.connect().await?;
        let said = database.identify(&mut line).await?;
        Ok((line, said))
    };
    step(greeting).await.map_err(|failure| database.address().unreachable(failure))
}

/// Sends the rows and has the index built.
///
/// # Errors
/// When the database refuses, hangs, or a stop is asked for. Dropping `held` removes what is there.
pub(super) async fn prepare<D: Database>(
    held: &mut Held<D>,
    rows: &Vectors,
    stop: &Stop,
) -> Result<Prepared, OpenError> {
    let address = held.database.address().shown();
    tokio::select! {
        biased;
        () = stop.requested() => Err(OpenError::Unavailable(format!(
            "stopped while {address} was filled"
        ))),
        prepared = in_order(held, rows) => prepared.map_err(|failure| refused(&address, failure)),
    }
}

fn refused(address: &str, failure: Failure) -> OpenError {
    let advice = format!("see the log of the database at {address}; what was sent is removed");
    OpenError::Unreachable { failure, advice }
}

async fn in_order<D: Database>(held: &mut Held<D>, rows: &Vectors) -> Result<Prepared, Failure> {
    let database = std::sync::Arc::clone(&held.database);
    step(database.sweep(&mut held.presence)).await?;
    let mut worker = step(database.connect()).await?;
    held.is_made = true;
    tracing::info!("sending {} vectors to {}", rows.len(), database.address().shown());
    let clock = Clock::start();
    database.ingest(&mut worker, rows, Progress::of(rows.len())).await?;
    let ingest_s = clock.now().seconds();
    tracing::info!("{} vectors are stored after {ingest_s:.1} s", rows.len());
    let build_s = built(&*database, &mut worker, &mut held.presence).await?;
    let index_bytes = step(database.bytes(&mut worker)).await?;
    Ok(Prepared { ingest_s, build_s, index_bytes })
}

/// Builds the index and says how far it is; seconds, where there was something to build.
async fn built<D: Database>(
    database: &D,
    worker: &mut D::Line,
    watcher: &mut D::Line,
) -> Result<Option<f64>, Failure> {
    let clock = Clock::start();
    let build = within(LONGEST_BUILD, FailureClass::TimeoutTotal, database.build(worker));
    let watch = async {
        let mut ticks = interval_at(Instant::now() + INTERVAL, INTERVAL);
        loop {
            ticks.tick().await;
            // Whoever cannot say how far it is may still build.
            let words = step(database.building(watcher)).await.ok().flatten();
            let words = words.map_or_else(String::new, |words| format!(", {words}"));
            tracing::info!("building the index: {:.0} s{words}", clock.now().seconds());
        }
    };
    tokio::select! {
        biased;
        built = build => {
            let build_s = clock.now().seconds();
            built.map(|was_built| was_built.then_some(build_s))
        }
        () = watch => unreachable!("it watches for ever"),
    }
}
