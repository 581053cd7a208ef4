//! The threads that search. They are ours alone: a runtime's shared blocking threads come and go
//! and would put their start into a query's time.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

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

    /// Queues a job. It must not panic.
    pub fn submit(&self, job: impl FnOnce() + Send + 'static) {
        // Members end only when this sender is gone, so there is always a receiver.
        let _ = self.jobs.send(Box::new(job));
    }
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
