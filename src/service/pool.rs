//! A fixed number of threads that check signatures, so that a flood of requests cannot make more of them.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::error::Error;

/// Jobs that may wait for each thread.
const WAITING_PER_THREAD: usize = 64;
/// How long the service's own jobs wait before they look again whether there is room.
const PAUSE: Duration = Duration::from_millis(1);

type Job = Box<dyn FnOnce() + Send>;

/// The threads; they end when the pool is dropped.
pub(super) struct Pool {
    shared: Arc<Shared>,
    room: usize,
}

#[derive(Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    more: Condvar,
}

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    is_closed: bool,
}

impl Pool {
    pub(super) fn new(threads: usize) -> Result<Self, Error> {
        let threads = threads.max(1);
        let pool = Self { shared: Arc::default(), room: threads * WAITING_PER_THREAD };
        for i in 0..threads {
            let shared = Arc::clone(&pool.shared);
            std::thread::Builder::new()
                .name(format!("check-{i}"))
                .spawn(move || work(&shared))
                .map_err(|error| Error::Internal(format!("cannot start a thread: {error}")))?;
        }
        Ok(pool)
    }

    /// Runs the jobs of one request on the threads: all of them or, where there is no room for all, none.
    pub(super) fn run_all<T, F>(&self, jobs: Vec<F>) -> Result<Vec<oneshot::Receiver<T>>, Error>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let mut waiting = self.shared.lock();
        // A request of more jobs than there is room for goes on when nothing else waits.
        if !waiting.jobs.is_empty() && waiting.jobs.len() + jobs.len() > self.room {
            return Err(Error::Overloaded);
        }
        let answers = jobs.into_iter().map(|job| waiting.push(job)).collect();
        drop(waiting);
        self.shared.more.notify_all();
        Ok(answers)
    }

    /// Runs jobs of the service's own to their ends, a few at a time: they leave room for those who ask.
    pub(super) async fn run_patiently<T, F>(&self, jobs: Vec<F>) -> Result<Vec<T>, Error>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let few = (self.room / WAITING_PER_THREAD) * 2;
        let mut answers = Vec::with_capacity(jobs.len());
        for job in jobs {
            while self.shared.lock().jobs.len() >= few {
                tokio::time::sleep(PAUSE).await;
            }
            answers.push(self.shared.lock().push(job));
            self.shared.more.notify_one();
        }
        let mut done = Vec::with_capacity(answers.len());
        for answer in answers {
            done.push(answer.await.map_err(|_| Error::internal("a job of the pool did not finish"))?);
        }
        Ok(done)
    }
}

impl Waiting {
    /// Puts a job at the end.
    fn push<T: Send + 'static>(&mut self, job: impl FnOnce() -> T + Send + 'static) -> oneshot::Receiver<T> {
        let (send, receive) = oneshot::channel();
        self.jobs.push_back(Box::new(move || {
            // When the asker has gone away, nobody wants the answer.
            if !send.is_closed() {
                drop(send.send(job()));
            }
        }));
        receive
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.lock().is_closed = true;
        self.shared.more.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next job; none when the pool is gone and nothing waits any more.
    fn next(&self) -> Option<Job> {
        let idle = |waiting: &mut Waiting| waiting.jobs.is_empty() && !waiting.is_closed;
        let mut waiting = self.more.wait_while(self.lock(), idle).unwrap_or_else(PoisonError::into_inner);
        waiting.jobs.pop_front()
    }
}

fn work(shared: &Shared) {
    while let Some(job) = shared.next() {
        // A panic in one job must not take the thread away from the others.
        drop(std::panic::catch_unwind(std::panic::AssertUnwindSafe(job)));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;

    use super::*;

    /// A pool of one thread that is held by a job until the sender speaks or goes.
    fn held() -> (Pool, mpsc::Sender<()>) {
        let pool = Pool::new(1).unwrap();
        let (release, hold) = mpsc::channel::<()>();
        let (started, start) = mpsc::channel();
        let job = move || {
            started.send(()).unwrap();
            hold.recv().ok();
        };
        // It runs even though nobody waits for its answer: somebody did when it was taken.
        let answer = pool.run_all(vec![job]).unwrap();
        start.recv().unwrap();
        std::mem::forget(answer);
        (pool, release)
    }

    #[tokio::test]
    async fn all_jobs_of_a_request_are_taken_or_none() {
        let (pool, release) = held();
        let ran = Arc::new(AtomicUsize::new(0));
        let jobs = |count| {
            let job = Arc::clone(&ran);
            vec![job; count].into_iter().map(|ran| move || ran.fetch_add(1, Ordering::SeqCst)).collect::<Vec<_>>()
        };
        let taken = pool.run_all(jobs(WAITING_PER_THREAD - 1)).unwrap();
        assert!(matches!(pool.run_all(jobs(2)), Err(Error::Overloaded)));
        let last = pool.run_all(jobs(1)).unwrap();
        release.send(()).unwrap();
        for answer in taken.into_iter().chain(last) {
            answer.await.unwrap();
        }
        assert_eq!(ran.load(Ordering::SeqCst), WAITING_PER_THREAD, "nothing of the refused request ran");
    }

    #[tokio::test]
    async fn nothing_is_done_for_those_who_have_gone() {
        let (pool, release) = held();
        let ran = Arc::new(AtomicUsize::new(0));
        let job = Arc::clone(&ran);
        drop(pool.run_all(vec![move || job.fetch_add(1, Ordering::SeqCst)]).unwrap());
        let last = pool.run_all(vec![|| panic!("a job that fails takes no thread away") as ()]).unwrap().remove(0);
        release.send(()).unwrap();
        assert!(last.await.is_err());
        assert_eq!(pool.run_all(vec![|| 7]).unwrap().remove(0).await.unwrap(), 7);
        assert_eq!(ran.load(Ordering::SeqCst), 0);
    }
}
