//! Who opened whose evidence 证明材料查阅记录: what anybody but the claimant opens is an event, which names the account, its role,
//! the claim and the file by their ids.
//!
//! The event is durable before the bytes go out: nobody is shown somebody else's file unseen. It costs the answer one commit,
//! which shares its write to the disk with all others of that moment. Where the store takes none, the file is not shown
//! either; nobody could sign in, or decide about the claim, at such a time, and an operator is called. A browser asks for one
//! file several times, as for a page's frame and then for the file alone: within ten minutes that is one opening.

use std::collections::HashMap;
use std::sync::{MutexGuard, PoisonError};

use super::super::Service;
use super::super::access::Actor;
use super::super::error::Error;
use super::{ClaimId, FileId};
use crate::standard::UnixMillis;
use crate::store::Commit;

/// Asking again within this time is the same opening, in milliseconds.
const SAME_OPENING_MS: i64 = 10 * 60 * 1_000;
/// Most openings that are remembered; the oldest is forgotten above it, and recorded again when it goes on.
const MAX_REMEMBERED: usize = 10_000;

/// What was opened lately: by whom, as events name them, which file, and when that was recorded.
#[derive(Debug, Default)]
pub(in crate::service) struct Opened(HashMap<(String, FileId), UnixMillis>);

impl Opened {
    fn is_recorded(&self, by: &str, file: FileId, now: UnixMillis) -> bool {
        self.0.get(&(by.to_owned(), file)).is_some_and(|at| is_recent(*at, now))
    }

    fn note(&mut self, by: String, file: FileId, now: UnixMillis) {
        if self.0.len() >= MAX_REMEMBERED {
            self.0.retain(|_, at| is_recent(*at, now));
        }
        if self.0.len() >= MAX_REMEMBERED {
            let oldest = self.0.iter().min_by_key(|(_, at)| **at).map(|(opening, _)| opening.clone());
            oldest.map(|opening| self.0.remove(&opening));
        }
        self.0.insert((by, file), now);
    }
}

/// A clock that went back makes nothing recent.
fn is_recent(at: UnixMillis, now: UnixMillis) -> bool {
    (0..SAME_OPENING_MS).contains(&(now.millis() - at.millis()))
}

impl Service {
    /// Records that this actor opens a file that is somebody else's.
    pub(super) async fn note_opened(&self, actor: &Actor, claim: ClaimId, file: FileId) -> Result<(), Error> {
        let (by, now) = (actor.to_string(), self.clock.now());
        if self.opened().is_recorded(&by, file, now) {
            return Ok(());
        }
        let event = self.event(actor, "open_evidence", format!("{claim} {file}"));
        self.store.commit(Commit::new(event)).await?;
        self.opened().note(by, file, now);
        Ok(())
    }

    fn opened(&self) -> MutexGuard<'_, Opened> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::super::row::new_id;
    use super::*;

    #[test]
    fn asking_again_is_one_opening_for_ten_minutes() {
        let at = |ms: i64| UnixMillis::new(1_700_000_000_000 + ms).unwrap();
        let (one, other): (FileId, FileId) = (new_id().unwrap(), new_id().unwrap());
        let mut opened = Opened::default();
        opened.note("clerk:a".into(), one, at(0));
        for (by, file, ms, expected) in [
            ("clerk:a", one, 0, true),
            ("clerk:a", one, SAME_OPENING_MS - 1, true),
            ("clerk:a", one, SAME_OPENING_MS, false),
            ("clerk:a", one, -1, false),
            ("clerk:a", other, 0, false),
            ("auditor:a", one, 0, false),
        ] {
            assert_eq!(opened.is_recorded(by, file, at(ms)), expected, "{by} {ms}");
        }
    }

    #[test]
    fn what_is_remembered_has_an_end() {
        let at = |ms: i64| UnixMillis::new(1_700_000_000_000 + ms).unwrap();
        let files: Vec<FileId> = (0..=MAX_REMEMBERED).map(|_| new_id().unwrap()).collect();
        let mut opened = Opened::default();
        for (ms, file) in (0..).zip(&files) {
            opened.note("clerk:a".into(), *file, at(ms));
        }
        let now = at(i64::try_from(MAX_REMEMBERED).unwrap());
        assert_eq!(opened.0.len(), MAX_REMEMBERED);
        assert!(!opened.is_recorded("clerk:a", files[0], now) && opened.is_recorded("clerk:a", files[1], now));
        opened.note("clerk:a".into(), files[0], at(2 * SAME_OPENING_MS));
        assert_eq!(opened.0.len(), 1);
    }
}
