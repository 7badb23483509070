//! How much room the file system has left.
//!
//! Below the reserve the store says so in its health, and the service takes no entries until there is room again. What is
//! left is for what has to go on: sealing what was acknowledged, the mark, and the index, whose own log cannot fail
//! without taking the index with it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What the file system of a store must have free for entries to be taken.
pub(super) const RESERVE_BYTES: u64 = 64 * 1024 * 1024;
/// The file system is asked at most this often.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Watches the file system of one directory.
#[derive(Debug)]
pub(super) struct Space {
    dir: PathBuf,
    reserve: u64,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    at: Option<Instant>,
    lack: Option<String>,
}

impl Space {
    /// Watches the file system of `dir`.
    pub(super) fn new(dir: &Path, reserve: u64) -> Self {
        Self { dir: dir.to_owned(), reserve, seen: Mutex::default() }
    }

    /// Why no entries should be taken for now; `None` while there is room.
    pub(super) fn lack(&self) -> Option<String> {
        self.lack_at(Instant::now(), available)
    }

    fn lack_at(&self, now: Instant, available: impl Fn(&Path) -> io::Result<u64>) -> Option<String> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.at.is_some_and(|at| now.saturating_duration_since(at) < LOOK_EVERY) {
            return seen.lack.clone();
        }
        seen.at = Some(now);
        // A file system that does not say is no reason to stop: what fails later says so itself.
        let lack = available(&self.dir).ok().filter(|free| *free < self.reserve).map(|free| {
            let (dir, reserve) = (self.dir.display(), self.reserve);
            format!("{dir}: {free} bytes are free, {reserve} are kept in reserve")
        });
        match (&seen.lack, &lack) {
            (None, Some(lack)) => {
                tracing::error!(lack, "disk space is short: no entries are taken until there is more")
            }
            (Some(_), None) => tracing::info!("there is disk space again"),
            _ => {}
        }
        seen.lack.clone_from(&lack);
        lack
    }
}

/// What a process without privileges may still write.
fn available(dir: &Path) -> io::Result<u64> {
    let said = rustix::fs::statvfs(dir)?;
    Ok(said.f_bavail.saturating_mul(said.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_when_room_is_short_and_when_there_is_room_again_and_asks_once_a_second() {
        let space = Space::new(Path::new("/data"), 1_000);
        let start = Instant::now();
        let at = |ms, free: u64| space.lack_at(start + Duration::from_millis(ms), |_| Ok(free));
        assert_eq!(at(0, 1_000), None);
        assert_eq!(at(999, 0), None, "asked a moment ago");
        assert_eq!(at(1_000, 999).unwrap(), "/data: 999 bytes are free, 1000 are kept in reserve");
        assert!(at(1_999, 5_000).is_some());
        assert_eq!(at(2_000, 5_000), None);
        assert_eq!(space.lack_at(start + LOOK_EVERY * 9, |_| Err(io::Error::other("no answer"))), None);
    }

    #[test]
    fn a_real_file_system_has_room_of_some_kind() {
        let dir = std::env::temp_dir();
        assert!(available(&dir).unwrap() > 0);
        assert!(Space::new(&dir, u64::MAX).lack().is_some());
    }
}
