//! The one door to storage.
//!
//! # What the door promises
//!
//! 1. **All or nothing.** A commit's writes and its event take effect together, or none of them does.
//! 2. **Durable when it returns.** After `Ok`, the commit survives the end of the process and a power cut.
//! 3. **In one order.** Commits are numbered from 1 without a gap; each is judged against all before it.
//! 4. **Judged by version.** A row's version is the number of the commit that wrote it, so a condition cannot be fooled
//!    by a row that changed and changed back. A condition that fails writes nothing and says which one it was.
//! 5. **Reads see only what is durable,** and one scan shows one moment.
//! 6. **Unsure means stopped.** After a failed write or fsync nothing more is accepted until a restart: `Poisoned`. The
//!    commit in hand may or may not have been kept; the restart, and only the restart, tells. Want of room is no such
//!    failure: `NoRoom` means that nothing was kept, and the next commit may be.
//!    Nor is a mark that could not be advanced without a checkpoint: no promise rests on it, and it is tried again.
//! 7. **Damage is refused, not guessed around.** What cannot be explained by a crash at the very end of the journal is
//!    [`StoreError::Damaged`], with the file, the place and what to do.
//! 8. **What happened is chained.** Every commit leaves one event record that names the hash of the one before.
//!
//! A commit whose future is dropped half-way may still be kept: it is the caller who stopped listening.
//!
//! # What is here
//!
//! [`Store`] is the door. [`Table`] and [`Index`] are the typed way to use it. [`Embedded`] keeps everything in one
//! directory; [`MemoryDisk`] is for tests of the layers above and breaks on demand. Both pass the same contract suite.
//!
//! # What is deliberately absent
//!
//! No clock and no randomness but the store's own id; no query language; no personal data in keys or events (that is the
//! caller's duty: a journal cannot forget); no sessions or rate limits. `service` is the only caller.

use std::future::Future;
use std::num::NonZeroU8;
use std::ops::Bound;
use std::pin::Pin;

use serde::{Deserialize, Serialize};

mod backup;
mod embedded;
mod error;
mod event;
mod faults;
mod figures;
mod files;
mod index;
mod journal;
mod key;
mod mark;
mod memory;
mod open;
mod quiet;
mod space;
mod table;

#[cfg(test)]
mod backup_drill;
#[cfg(test)]
mod contract;
#[cfg(test)]
mod damage;
#[cfg(test)]
mod measure;
#[cfg(test)]
mod powercut;
#[cfg(test)]
pub(crate) mod remains;
#[cfg(test)]
pub(crate) mod tape;

pub use backup::{BackedUp, Manifest, ManifestFile, backup, check_backup, lay_out_backup};
pub use embedded::Embedded;
pub use error::StoreError;
pub use event::{Event, EventChainBroken, EventHead, EventRecord, verify_events};
#[cfg(test)]
pub(crate) use faults::DiskStep;
pub use figures::Figures;
pub use files::is_in_use;
pub use key::{AsKey, Key, KeyPrefix};
pub use memory::{Fault, Memory, MemoryDisk, Step};
pub use open::{Options, reindex};
pub use table::{Index, Table, Value, Versioned, WithTail, distinct};

/// The longest key, without its table's byte.
pub const MAX_KEY_BYTES: usize = 512;
/// The longest value: sled's slow case begins at 128 KiB.
pub const MAX_VALUE_BYTES: usize = 120 * 1024;
/// The most writes in one commit.
pub const MAX_COMMIT_WRITES: usize = 50_000;
/// The most conditions in one commit.
pub const MAX_COMMIT_CONDITIONS: usize = 50_000;
/// The most bytes in one commit: keys, values and event with their framing.
pub const MAX_COMMIT_BYTES: usize = 16 * 1024 * 1024;
/// The longest actor, action or subject of an event.
pub const MAX_EVENT_TEXT_BYTES: usize = 1024;
/// The most rows of one scan, and the most events of one page.
pub const MAX_SCAN_ROWS: usize = 10_000;
/// The longest checkpoint that is remembered.
pub const MAX_CHECKPOINT_BYTES: usize = 16 * 1024;

/// What one write adds to a commit besides its key and value.
const WRITE_OVERHEAD_BYTES: usize = 16;

/// What an ordered map takes as a range.
type Bounds<'a> = (Bound<&'a [u8]>, Bound<&'a [u8]>);

/// A future of a trait object.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The door; see the module for what it promises.
pub trait Store: Send + Sync {
    /// Writes all of `commit`, or nothing. Atomic and durable when it returns.
    fn commit(&self, commit: Commit) -> BoxFuture<'_, Result<Committed, StoreError>>;

    /// One row.
    fn get(&self, key: RowKey) -> BoxFuture<'_, Result<Option<Row>, StoreError>>;

    /// At most `limit` rows (never above [`MAX_SCAN_ROWS`]) of `range`, ordered by key, as they were at one moment.
    fn scan(
        &self,
        range: KeyRange,
        limit: usize,
        direction: Direction,
    ) -> BoxFuture<'_, Result<Vec<(RowKey, Row)>, StoreError>>;

    /// Durably remembers the checkpoint that is about to be signed, with the last durable sequence number.
    ///
    /// A store that later ends before that sequence number refuses to open.
    fn anchor(&self, checkpoint: &str) -> BoxFuture<'_, Result<Anchor, StoreError>>;

    /// What was anchored last.
    fn anchored(&self) -> BoxFuture<'_, Result<Option<Anchor>, StoreError>>;

    /// At most `limit` event records (never above [`MAX_SCAN_ROWS`]) from `from_sequence` on, in order.
    fn events(&self, from_sequence: u64, limit: usize) -> BoxFuture<'_, Result<Vec<EventRecord>, StoreError>>;

    /// Whether commits are taken, and how far the store has come. Cheap: for every health check.
    fn health(&self) -> Health;

    /// What the store counts for monitoring; a store that counts nothing has figures that stay at zero.
    fn figures(&self) -> Figures {
        Figures::default()
    }
}

/// What is written at once, if all conditions hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Judged in order; the first that fails is reported.
    pub conditions: Vec<Condition>,
    /// Done in order: of two writes to one key, the later one stands.
    pub writes: Vec<Write>,
    /// What this commit is, for the record.
    pub event: Event,
}

/// A commit was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Committed {
    /// Its number: also the version of every row it put.
    pub sequence: u64,
}

/// What must hold for a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// There is no such row.
    Absent(RowKey),
    /// There is such a row.
    Present(RowKey),
    /// The row is the one that this commit wrote.
    Version(RowKey, u64),
}

/// One change to one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Write {
    /// Writes the row, whether or not it was there.
    Put(RowKey, Vec<u8>),
    /// Removes the row, whether or not it was there.
    Delete(RowKey),
}

/// The name of a row: its table, and its key within the table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowKey(Vec<u8>);

/// A row as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The sequence number of the commit that wrote it.
    pub version: u64,
    /// What was written.
    pub value: Vec<u8>,
}

/// Keys of one table from a first one on and up to, without, a last one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRange {
    start: Vec<u8>,
    /// `None` after the last key there can be.
    end: Option<Vec<u8>>,
}

/// In which order a scan goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the smallest key up.
    Forward,
    /// From the greatest key down.
    Reverse,
}

/// The last checkpoint that was about to be signed, and what was durable then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// The last durable sequence number at that moment.
    pub sequence: u64,
    /// The checkpoint, as given.
    pub checkpoint: String,
}

/// How the store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// The last durable sequence number; 0 when there is none.
    pub sequence: u64,
    /// Why no commits are taken any more; `None` while they are.
    pub poisoned: Option<String>,
    /// Why nothing that can wait should be committed for now: room is short. Passes by itself; `None` while there is room.
    pub no_room: Option<String>,
}

impl Commit {
    /// A commit that so far only records what happened.
    pub fn new(event: Event) -> Self {
        Self { conditions: Vec::new(), writes: Vec::new(), event }
    }

    /// Adds a condition.
    #[must_use]
    pub fn when(mut self, condition: Condition) -> Self {
        self.conditions.push(condition);
        self
    }

    /// Adds a write.
    #[must_use]
    pub fn write(mut self, write: Write) -> Self {
        self.writes.push(write);
        self
    }

    /// Adds several writes.
    #[must_use]
    pub fn write_all(mut self, writes: impl IntoIterator<Item = Write>) -> Self {
        self.writes.extend(writes);
        self
    }

    /// Refuses what is above a limit; otherwise an upper bound of the size in bytes. Every adapter calls this first.
    fn check(&self) -> Result<usize, StoreError> {
        StoreError::check_limit("number of conditions", self.conditions.len(), MAX_COMMIT_CONDITIONS)?;
        StoreError::check_limit("number of writes", self.writes.len(), MAX_COMMIT_WRITES)?;
        self.event.check()?;
        for condition in &self.conditions {
            condition.key().check()?;
        }
        let mut size = self.event.size();
        for write in &self.writes {
            let (key, value) = write.parts();
            key.check()?;
            let value_len = value.map_or(0, <[u8]>::len);
            StoreError::check_limit("value in bytes", value_len, MAX_VALUE_BYTES)?;
            size += WRITE_OVERHEAD_BYTES + key.0.len() + value_len;
        }
        StoreError::check_limit("commit in bytes", size, MAX_COMMIT_BYTES)?;
        Ok(size)
    }
}

impl Condition {
    /// The row it is about.
    pub fn key(&self) -> &RowKey {
        match self {
            Self::Absent(key) | Self::Present(key) | Self::Version(key, _) => key,
        }
    }

    /// Whether it holds for a row of this version (`None`: there is no row).
    fn holds(&self, version: Option<u64>) -> bool {
        match self {
            Self::Absent(_) => version.is_none(),
            Self::Present(_) => version.is_some(),
            Self::Version(_, wanted) => version == Some(*wanted),
        }
    }
}

impl Write {
    /// The key, and the value unless the row is deleted.
    fn parts(&self) -> (&RowKey, Option<&[u8]>) {
        match self {
            Self::Put(key, value) => (key, Some(value)),
            Self::Delete(key) => (key, None),
        }
    }
}

impl RowKey {
    /// The row `key` of `table`. (Number 0 is the store's own.)
    pub fn new(table: NonZeroU8, key: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(1 + key.len());
        bytes.push(table.get());
        bytes.extend_from_slice(key);
        Self(bytes)
    }

    /// The table's number.
    pub fn table(&self) -> u8 {
        self.0[0]
    }

    /// The key within its table.
    pub fn key(&self) -> &[u8] {
        &self.0[1..]
    }

    fn check(&self) -> Result<(), StoreError> {
        StoreError::check_limit("key in bytes", self.key().len(), MAX_KEY_BYTES)
    }
}

impl KeyRange {
    /// All rows whose key begins with that of `row`; of a whole table, when the key is empty.
    pub fn prefix(row: RowKey) -> Self {
        let mut end = row.0.clone();
        // The first key after all those with this prefix: the last byte that can grow grows, what follows it goes.
        while end.pop_if(|byte| *byte == u8::MAX).is_some() {}
        let end = end.pop().map(|byte| {
            end.push(byte + 1);
            end
        });
        Self { start: row.0, end }
    }

    /// The same range without the rows before `row`.
    #[must_use]
    pub fn from(mut self, row: RowKey) -> Self {
        self.start = self.start.max(row.0);
        self
    }

    /// The same range without `row` and the rows before it: the next page.
    #[must_use]
    pub fn after(self, mut row: RowKey) -> Self {
        row.0.push(0);
        self.from(row)
    }

    /// The same range without `row` and the rows after it: the next page of a reverse scan.
    #[must_use]
    pub fn before(mut self, row: RowKey) -> Self {
        self.end = Some(self.end.map_or(row.0.clone(), |end| end.min(row.0)));
        self
    }

    /// The bounds for an ordered map; `None` when nothing can lie between them.
    fn bounds(&self) -> Option<Bounds<'_>> {
        use Bound::{Excluded, Included, Unbounded};
        match &self.end {
            Some(end) if *end <= self.start => None,
            end => Some((Included(&self.start), end.as_ref().map_or(Unbounded, |end| Excluded(end)))),
        }
    }
}

/// How often each reader of the store is tried on bytes it never wrote.
#[cfg(test)]
fn fuzz_iterations() -> usize {
    if std::env::var_os("CQO_TEST_ALL").is_some() { 100_000 } else { 1_000 }
}
