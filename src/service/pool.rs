//! A fixed number of threads that check signatures, so that a flood of requests cannot make more of them.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

use super::error::Error;

/// Jobs that may wait for each thread.
const WAITING_PER_THREAD: usize = 64;

type Job = Box<dyn FnOnce() + Send>;

/// The threads; they end when the pool is dropped.
pub(super) struct Pool(SyncSender<Job>);

impl Pool {
    pub(super) fn new(threads: usize) -> Result<Self, Error> {
        let threads = threads.max(1);
        let (send, receive) = sync_channel::<Job>(threads * WAITING_PER_THREAD);
        let receive = Arc::new(Mutex::new(receive));
        for i in 0..threads {
            let receive = Arc::clone(&receive);
            std::thread::Builder::new()
                .name(format!("check-{i}"))
                .spawn(move || work(&receive))
                .map_err(|error| Error::Internal(format!("cannot start a thread: {error}")))?;
        }
        Ok(Self(send))
    }

    /// Runs `job` on one of the threads.
    pub(super) fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<oneshot::Receiver<T>, Error> {
        let (send, receive) = oneshot::channel();
        // When the asker has gone away, nobody wants the answer.
        let job: Job = Box::new(move || drop(send.send(job())));
        match self.0.try_send(job) {
            Ok(()) => Ok(receive),
            Err(TrySendError::Full(_)) => Err(Error::Overloaded),
            Err(TrySendError::Disconnected(_)) => Err(Error::Internal("the check threads have ended".into())),
        }
    }
}

fn work(receive: &Mutex<Receiver<Job>>) {
    loop {
        let job = receive.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match job {
            // A panic in one job must not take the thread away from the others.
            Ok(job) => drop(std::panic::catch_unwind(std::panic::AssertUnwindSafe(job))),
            Err(_) => return,
        }
    }
}
