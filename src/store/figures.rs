//! What the embedded store counts for monitoring.
//!
//! The metrics are handles: a copy of them shows the same figures, so whoever renders them asks once.

use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;

/// Upper bounds for the time of one group, in seconds: from a fast disk to one that is about to fail.
const SYNC_BUCKETS_S: [f64; 9] = [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.05, 0.25, 1.0, 5.0];
/// Upper bounds for the commits of one group.
const GROUP_BUCKETS: [f64; 8] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0];

/// Figures of one store.
#[derive(Debug, Clone)]
pub struct Figures {
    /// Time to write one group to the journal and sync it.
    pub sync_seconds: Histogram,
    /// How many commits one group had.
    pub group_commits: Histogram,
    /// 1 when the index had to be built anew as the store was opened.
    pub index_rebuilt: Gauge,
}

impl Default for Figures {
    fn default() -> Self {
        Self {
            sync_seconds: Histogram::new(SYNC_BUCKETS_S),
            group_commits: Histogram::new(GROUP_BUCKETS),
            index_rebuilt: Gauge::default(),
        }
    }
}
