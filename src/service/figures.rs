//! What the service counts and tells for monitoring.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::histogram::Histogram;

use super::Service;
use super::error::Error;
use super::order::Run;
use crate::standard::UnixMillis;
use crate::store;

/// Upper bounds for the time of sealing one block, in seconds.
const SEAL_BUCKETS_S: [f64; 9] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.0, 10.0];

/// Figures of one service. Copies show the same figures.
#[derive(Debug, Clone)]
pub struct Figures {
    /// Time to seal one block: tree, commit, anchor, signature.
    pub seal_seconds: Histogram,
    /// Certificates that were issued, by themselves or on request.
    pub certificates_issued: Counter,
    /// Certificates that were due and could not be issued: names differ, or too much for one.
    pub certificates_refused: Counter,
    /// What the store counts.
    pub store: store::Figures,
}

/// Why no entries are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotReady {
    /// A write failed: nothing is accepted until a restart.
    StorePoisoned,
    /// Disk space or another resource is short.
    NoRoom,
    /// The clock jumped.
    ClockJump,
    /// Nothing can be sealed, for another reason.
    Sealing,
    /// The ledger was restored, and no later checkpoint was shown yet.
    ReadOnly,
    /// The task that takes entries has ended.
    Stopped,
}

impl NotReady {
    /// Every reason.
    pub const ALL: [Self; 6] =
        [Self::StorePoisoned, Self::NoRoom, Self::ClockJump, Self::Sealing, Self::ReadOnly, Self::Stopped];

    /// A word for programs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::StorePoisoned => "store_poisoned",
            Self::NoRoom => "no_room",
            Self::ClockJump => "clock_jump",
            Self::Sealing => "sealing",
            Self::ReadOnly => "read_only",
            Self::Stopped => "stopped",
        }
    }
}

/// What was accepted and has no block yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pending {
    /// How many entries.
    pub entries: u64,
    /// How long the oldest has been waiting, in milliseconds; 0 when there is none.
    pub oldest_age_ms: i64,
}

impl Figures {
    pub(super) fn new(store: store::Figures) -> Self {
        Self {
            seal_seconds: Histogram::new(SEAL_BUCKETS_S),
            certificates_issued: Counter::default(),
            certificates_refused: Counter::default(),
            store,
        }
    }
}

impl Service {
    /// What is counted.
    pub fn figures(&self) -> &Figures {
        &self.figures
    }

    /// What was accepted and has no block yet. Reads one row.
    pub async fn pending(&self) -> Result<Pending, Error> {
        let sealed = self.published().total();
        let entries = self.keys().end.next.saturating_sub(sealed);
        let accepted = if entries > 0 { self.accepted_at(sealed).await? } else { None };
        let age = accepted.map_or(0, |accepted| self.clock.now().millis().saturating_sub(accepted.millis()));
        Ok(Pending { entries, oldest_age_ms: age.max(0) })
    }

    /// When the entry at this place was accepted; the entries that found the ledger have no receipt.
    async fn accepted_at(&self, place: u64) -> Result<Option<UnixMillis>, Error> {
        Ok(Run::of(&*self.store, place).await?.receipt.map(|receipt| receipt.accepted))
    }
}
