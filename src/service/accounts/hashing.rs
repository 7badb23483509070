//! The places at which passwords are hashed: each hashing takes 19 MiB and some 30 ms of a core.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::super::error::Error;

/// Hashings that may wait for each place. Above them the answer is that too much is waiting: whoever asks comes again.
const WAITING_PER_PLACE: usize = 32;

/// Places for hashing, and for those who wait for one.
pub(in crate::service) struct Hashings {
    places: Arc<Semaphore>,
    room: Arc<Semaphore>,
}

impl Hashings {
    /// So many at once.
    pub(in crate::service) fn new(places: usize) -> Self {
        let places = places.max(1);
        let room = places * (1 + WAITING_PER_PLACE);
        Self { places: Arc::new(Semaphore::new(places)), room: Arc::new(Semaphore::new(room)) }
    }

    /// Whether nothing is hashed, and nobody waits for it.
    #[cfg(test)]
    pub(super) fn is_idle(&self) -> bool {
        self.places.available_permits() * (1 + WAITING_PER_PLACE) == self.room.available_permits()
    }

    /// Runs one hashing off the tasks of requests. The place is given back when the work is done, also where nobody waits for
    /// it any more: work that goes on still takes its memory.
    pub(super) async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
        let room = Arc::clone(&self.room).try_acquire_owned().map_err(|_| Error::Overloaded)?;
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(Error::internal)?;
        let held = move || {
            let _held = (place, room);
            work()
        };
        tokio::task::spawn_blocking(held).await.map_err(Error::internal)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn who_finds_no_room_to_wait_is_refused_and_a_place_is_held_until_its_work_is_done() {
        let hashings = Arc::new(Hashings::new(1));
        let (release, hold) = mpsc::channel::<()>();
        let held = Arc::clone(&hashings);
        let (begins, begun) = tokio::sync::oneshot::channel();
        let work = move || {
            begins.send(()).unwrap();
            hold.recv().ok()
        };
        let asker = tokio::spawn(async move { held.run(work).await });
        begun.await.unwrap();
        asker.abort();
        assert!(asker.await.is_err(), "whoever asked has gone");
        assert_eq!(hashings.places.available_permits(), 0, "the work goes on, and has its place");
        let waiting: Vec<_> = (0..WAITING_PER_PLACE)
            .map(|_| {
                let hashings = Arc::clone(&hashings);
                tokio::spawn(async move { hashings.run(|| ()).await })
            })
            .collect();
        while hashings.room.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert!(matches!(hashings.run(|| ()).await, Err(Error::Overloaded)));
        release.send(()).unwrap();
        for one in waiting {
            one.await.unwrap().unwrap();
        }
        assert!(hashings.run(|| ()).await.is_ok());
    }
}
