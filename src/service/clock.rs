//! Time as an input: what the wall says, and what has passed.

use std::sync::atomic::{AtomicI64, Ordering};

use rustix::time::{ClockId, clock_gettime};

use crate::standard::UnixMillis;

/// Where the service gets its time from.
pub trait Clock: Send + Sync {
    /// The time on the wall. May jump.
    fn now(&self) -> UnixMillis;
    /// Milliseconds since some moment; never jumps.
    fn monotonic_ms(&self) -> i64;
}

/// The machine's clocks.
#[derive(Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> UnixMillis {
        let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        // A clock before 1970 or after 9999 reads as 1970; the sealer refuses a jump that large.
        i64::try_from(since_epoch.as_millis()).ok().and_then(|ms| UnixMillis::new(ms).ok()).unwrap_or_else(epoch)
    }

    fn monotonic_ms(&self) -> i64 {
        // Unlike `Instant`, this clock goes on while the machine is suspended: waking up is no jump.
        let since_boot = clock_gettime(ClockId::Boottime);
        since_boot.tv_sec * 1_000 + since_boot.tv_nsec / 1_000_000
    }
}

fn epoch() -> UnixMillis {
    UnixMillis::new(0).expect("the epoch is an instant")
}

/// A clock that stands still until a test moves it.
#[derive(Debug)]
pub struct ManualClock {
    wall: AtomicI64,
    monotonic: AtomicI64,
}

impl ManualClock {
    /// Starts at `now`.
    pub fn new(now: UnixMillis) -> Self {
        Self { wall: AtomicI64::new(now.millis()), monotonic: AtomicI64::new(0) }
    }

    /// Time passes.
    pub fn advance(&self, ms: i64) {
        self.wall.fetch_add(ms, Ordering::SeqCst);
        self.monotonic.fetch_add(ms, Ordering::SeqCst);
    }

    /// Somebody sets the clock on the wall.
    pub fn jump(&self, ms: i64) {
        self.wall.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> UnixMillis {
        UnixMillis::new(self.wall.load(Ordering::SeqCst)).unwrap_or_else(|_| epoch())
    }

    fn monotonic_ms(&self) -> i64 {
        self.monotonic.load(Ordering::SeqCst)
    }
}
