//! The threads that search. They are ours alone: a runtime's shared blocking threads come and go
//! and would put their start into a query's time.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use tokgate_core::failure::{Failure, FailureClass};
use tokio::sync::oneshot;

/// How many search at the same time, and with how many threads each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Queries searched at the same time.
    pub members: usize,
    /// Compute threads of one query.
    pub threads: usize,
}

type Job = Box<dyn FnOnce() + Send>;

/// Members that take jobs from one queue, first come, first served. Dropped, it ends when the
/// queue is empty.
pub struct Crew {
    jobs: Sender<Job>,
}

impl Crew {
    /// Starts the threads.
    ///
    /// # Errors
    /// When the system gives no more threads.
    pub fn start(size: Size) -> Result<Self, rayon::ThreadPoolBuildError> {
        let (jobs, queue) = channel();
        let queue = Arc::new(Mutex::new(queue));
        for member in 0..size.members {
            // A pool each, so that an engine which splits its work finds exactly these threads.
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(size.threads)
                .thread_name(move |thread| format!("search-{member}-{thread}"))
                .build()?;
            let queue = Arc::clone(&queue);
            pool.spawn(move || serve(&queue));
        }
        Ok(Self { jobs })
    }

    /// Queues a search, and gives what comes of it. One that is given up while it waits is not made
    /// at all; a panic of the engine is its failure, and the thread goes on to the next.
    ///
    /// # Errors
    /// When the search fails or panics.
    pub async fn ask<Found: Send + 'static>(
        &self,
        search: impl FnOnce() -> Result<Found, Failure> + Send + 'static,
    ) -> Result<Found, Failure> {
        let (answer, answered) = oneshot::channel();
        self.submit(move || {
            if !answer.is_closed() {
                let found = catch_unwind(AssertUnwindSafe(search));
                let _ = answer.send(found.unwrap_or_else(|_| Err(lost())));
            }
        });
        answered.await.unwrap_or_else(|_| Err(lost()))
    }

    /// Queues a job. It must not panic.
    pub fn submit(&self, job: impl FnOnce() + Send + 'static) {
        // Members end only when this sender is gone, so there is always a receiver.
        let _ = self.jobs.send(Box::new(job));
    }
}

fn lost() -> Failure {
    Failure::new(FailureClass::Engine, "the search panicked; its message is on standard error")
}

fn serve(queue: &Mutex<Receiver<Job>>) {
    while let Some(job) = next(queue) {
        job();
    }
}

/// Waits for a job; the lock is free again when it runs.
fn next(queue: &Mutex<Receiver<Job>>) -> Option<Job> {
    queue.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;

    #[test]
    fn members_work_at_the_same_time_on_pools_of_their_own_size() {
        let crew = Crew::start(Size { members: 3, threads: 2 }).unwrap();
        let (done, results) = channel();
        // No job passes before all three run.
        let together = Arc::new(Barrier::new(3));
        for _ in 0..3 {
            let (done, together) = (done.clone(), Arc::clone(&together));
            crew.submit(move || {
                together.wait();
                done.send(rayon::current_num_threads()).unwrap();
            });
        }
        assert_eq!(results.iter().take(3).collect::<Vec<_>>(), [2, 2, 2]);
    }

    #[tokio::test]
    async fn a_panic_of_the_engine_is_the_failure_of_that_query() {
        let crew = Crew::start(Size { members: 1, threads: 1 }).unwrap();
        let failure = crew.ask::<()>(|| panic!("planted")).await.unwrap_err();
        assert_eq!(failure.class, FailureClass::Engine);
        assert_eq!(crew.ask(|| Ok(1)).await, Ok(1));
    }

    #[test]
    fn one_member_works_in_order_and_finishes_what_was_queued() {
        let crew = Crew::start(Size { members: 1, threads: 1 }).unwrap();
        let (done, results) = channel();
        for number in 0..100 {
            let done = done.clone();
            crew.submit(move || done.send(number).unwrap());
        }
        drop((crew, done));
        assert_eq!(results.iter().collect::<Vec<_>>(), (0..100).collect::<Vec<_>>());
    }
}
