//! sled as index and state: one tree, always rebuildable from the journal.
//!
//! # Rows
//!
//! ```text
//! 0                      -> format 1, store id 16, sequence 8, journal digest 32, sum 16
//! table number, key      -> check 16, version 8, value
//! ```
//!
//! The check is the first 16 bytes of SHA-256(key length 4 || key || version 8 || value). The sum is that of the checks of all rows,
//! modulo 2^128: it depends on the set of rows and not on their order. sled never fsyncs, so after a power cut it may come
//! up with rows missing or old ones returned; at every start all rows are read, and if their sum is not the stored one
//! the index is thrown away and built anew. A row whose check does not match is never served.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use super::files::create_dir;
use super::journal::StoredCommit;
use super::mark::StoreId;
use super::{Direction, KeyRange, Row, RowKey, StoreError, Write};
use crate::merkle::Hash;

/// sled writes its own log to the file this often; what it loses in a crash is replayed from the journal.
const SLED_FLUSH_EVERY_MS: u64 = 2_000;
/// The one row that is not of a table.
const STATE_KEY: &[u8] = &[0];
/// Another layout gets another number, and the index is rebuilt.
const INDEX_FORMAT: u8 = 1;
const CHECK_LEN: usize = 16;
const ROW_HEAD_LEN: usize = CHECK_LEN + 8;
const STATE_LEN: usize = 1 + 16 + 8 + 32 + 16;

/// The index as it is read and written.
#[derive(Debug)]
pub(super) struct SledIndex {
    db: sled::Db,
    path: PathBuf,
    /// Held for reading by a scan and for writing by `apply`, so that one scan sees one moment.
    moment: RwLock<()>,
}

/// How far the index has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct IndexState {
    store: StoreId,
    /// The last sequence number applied.
    pub(super) sequence: u64,
    /// The journal's digest there.
    pub(super) digest: Hash,
    sum: u128,
}

/// What a group changes: for each key the version and value it has at the end, or `None` when it is gone.
#[derive(Debug, Default)]
pub(super) struct Changes<'a>(HashMap<&'a [u8], Option<(u64, &'a [u8])>>);

impl<'a> Changes<'a> {
    /// Adds the writes of one commit.
    pub(super) fn add(&mut self, sequence: u64, writes: &'a [Write]) {
        for write in writes {
            let (key, value) = write.parts();
            self.0.insert(&key.0, value.map(|value| (sequence, value)));
        }
    }

    /// Adds the writes of one commit that is read from the journal.
    pub(super) fn add_stored(&mut self, commit: &StoredCommit<'a>) {
        for (key, value) in &commit.writes {
            self.0.insert(key, value.map(|value| (commit.record.sequence, value)));
        }
    }

    /// The version of a row that is changed here: `Some(None)` when it is deleted, `None` when it is not changed.
    pub(super) fn version(&self, key: &RowKey) -> Option<Option<u64>> {
        self.0.get(&key.0[..]).map(|row| row.map(|(version, _)| version))
    }
}

impl IndexState {
    /// The state of an empty index of `store`.
    pub(super) fn empty(store: StoreId) -> Self {
        Self { store, sequence: 0, digest: Hash::ZERO, sum: 0 }
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(STATE_LEN);
        out.push(INDEX_FORMAT);
        out.extend_from_slice(&self.store.0);
        out.extend_from_slice(&self.sequence.to_be_bytes());
        out.extend_from_slice(self.digest.as_bytes());
        out.extend_from_slice(&self.sum.to_be_bytes());
        out
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (format, rest) = bytes.split_first()?;
        let (store, rest) = rest.split_first_chunk()?;
        let (sequence, rest) = rest.split_first_chunk()?;
        let (digest, sum) = rest.split_first_chunk::<32>()?;
        (*format == INDEX_FORMAT).then_some(())?;
        Some(Self {
            store: StoreId(*store),
            sequence: u64::from_be_bytes(*sequence),
            digest: Hash::from(*digest),
            sum: u128::from_be_bytes(sum.try_into().ok()?),
        })
    }
}

impl SledIndex {
    /// Opens the index, or makes an empty one. A sled that panics at its own files is reported as damaged.
    pub(super) fn open(path: &Path, cache_bytes: u64) -> Result<Self, StoreError> {
        // sled would make it readable for everybody.
        create_dir(path).map_err(StoreError::io("create", path))?;
        let config = sled::Config::new()
            .path(path)
            .mode(sled::Mode::HighThroughput)
            .flush_every_ms(Some(SLED_FLUSH_EVERY_MS))
            .cache_capacity(cache_bytes);
        let db = guarded(path, || config.open())?;
        Ok(Self { db, path: path.to_owned(), moment: RwLock::default() })
    }

    /// The state, if this is a whole index of `store`: every row's check holds, and their sum is the stored one.
    pub(super) fn examine(&self, store: StoreId) -> Result<IndexState, StoreError> {
        let state = guarded(&self.path, || self.db.get(STATE_KEY))?.and_then(|bytes| IndexState::decode(&bytes));
        let state = state.ok_or_else(|| self.damaged("it does not say how far it has come"))?;
        if state.store != store {
            return Err(self.damaged("it belongs to another store"));
        }
        let mut sum = 0_u128;
        let after_state = [0, 0];
        guarded(&self.path, || {
            self.db.range(after_state..).try_for_each(|row| {
                let (key, value) = row?;
                let read = read_row(&key, &value);
                sum = sum.wrapping_add(read.map_or(1, |(check, _, _)| check));
                Ok(())
            })
        })?;
        if sum == state.sum { Ok(state) } else { Err(self.damaged("rows are missing or changed")) }
    }

    /// One row.
    pub(super) fn get(&self, key: &RowKey) -> Result<Option<Row>, StoreError> {
        let Some(bytes) = guarded(&self.path, || self.db.get(&key.0))? else { return Ok(None) };
        self.row(&key.0, &bytes).map(Some)
    }

    /// The version of one row.
    pub(super) fn version(&self, key: &RowKey) -> Result<Option<u64>, StoreError> {
        let Some(bytes) = guarded(&self.path, || self.db.get(&key.0))? else { return Ok(None) };
        let (_, version, _) = self.checked(&key.0, &bytes)?;
        Ok(Some(version))
    }

    /// Rows of one moment, in order.
    pub(super) fn scan(
        &self,
        range: &KeyRange,
        limit: usize,
        direction: Direction,
    ) -> Result<Vec<(RowKey, Row)>, StoreError> {
        let Some(bounds) = range.bounds() else { return Ok(Vec::new()) };
        let _moment = self.moment.read().unwrap_or_else(PoisonError::into_inner);
        let rows = guarded(&self.path, || {
            let rows = self.db.range::<&[u8], _>(bounds);
            match direction {
                Direction::Forward => rows.take(limit).collect::<sled::Result<Vec<_>>>(),
                Direction::Reverse => rows.rev().take(limit).collect(),
            }
        })?;
        rows.iter().map(|(key, value)| Ok((RowKey(key.to_vec()), self.row(key, value)?))).collect()
    }

    /// Applies one durable group, at once. A crash before it, or one that sled forgets, is made good by the next start.
    pub(super) fn apply(
        &self,
        state: &mut IndexState,
        changes: &Changes<'_>,
        sequence: u64,
        digest: Hash,
    ) -> Result<(), StoreError> {
        let mut batch = sled::Batch::default();
        let mut sum = state.sum;
        for (key, change) in &changes.0 {
            if let Some(old) = guarded(&self.path, || self.db.get(key))? {
                sum = sum.wrapping_sub(self.checked(key, &old)?.0);
            }
            match change {
                None => batch.remove(*key),
                Some((version, value)) => {
                    let (check, row) = write_row(key, *version, value);
                    sum = sum.wrapping_add(check);
                    batch.insert(*key, row);
                }
            }
        }
        let next = IndexState { store: state.store, sequence, digest, sum };
        batch.insert(STATE_KEY, next.encode());
        let _moment = self.moment.write().unwrap_or_else(PoisonError::into_inner);
        guarded(&self.path, || self.db.apply_batch(batch))?;
        *state = next;
        Ok(())
    }

    /// Writes all that sled holds in memory to its files. (To the kernel only: sled does not fsync.)
    pub(super) fn flush(&self) -> Result<(), StoreError> {
        guarded(&self.path, || self.db.flush()).map(drop)
    }

    fn row(&self, key: &[u8], bytes: &[u8]) -> Result<Row, StoreError> {
        let (_, version, value) = self.checked(key, bytes)?;
        Ok(Row { version, value: value.to_vec() })
    }

    fn checked<'a>(&self, key: &[u8], bytes: &'a [u8]) -> Result<(u128, u64, &'a [u8]), StoreError> {
        read_row(key, bytes).ok_or_else(|| self.damaged("the check of a row does not match"))
    }

    fn damaged(&self, detail: &str) -> StoreError {
        damaged(&self.path, detail.into())
    }
}

/// Runs an operation of sled; its errors, and its panics, mean that its files are damaged.
fn guarded<T>(path: &Path, operation: impl FnOnce() -> sled::Result<T>) -> Result<T, StoreError> {
    match catch_unwind(AssertUnwindSafe(operation)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(sled::Error::Io(source))) => Err(StoreError::Io { what: "use", path: path.to_owned(), source }),
        Ok(Err(error)) => Err(damaged(path, error.to_string())),
        Err(_) => Err(damaged(path, "sled panicked".into())),
    }
}

fn damaged(path: &Path, detail: String) -> StoreError {
    StoreError::Damaged {
        path: path.to_owned(),
        detail,
        advice: "stop the service and run `cqo-ledger reindex`: everything is in the journal",
    }
}

fn check_of(key: &[u8], version_and_value: &[u8]) -> u128 {
    let len = u32::try_from(key.len()).unwrap_or(u32::MAX).to_be_bytes();
    let digest = Hash::of(&[&len, key, version_and_value]);
    let (check, _) = digest.as_bytes().split_first_chunk().expect("32 bytes begin with 16");
    u128::from_be_bytes(*check)
}

fn write_row(key: &[u8], version: u64, value: &[u8]) -> (u128, Vec<u8>) {
    let mut row = Vec::with_capacity(ROW_HEAD_LEN + value.len());
    row.extend_from_slice(&[0; CHECK_LEN]);
    row.extend_from_slice(&version.to_be_bytes());
    row.extend_from_slice(value);
    let check = check_of(key, &row[CHECK_LEN..]);
    row[..CHECK_LEN].copy_from_slice(&check.to_be_bytes());
    (check, row)
}

/// The check, version and value of a row, if the check holds.
fn read_row<'a>(key: &[u8], bytes: &'a [u8]) -> Option<(u128, u64, &'a [u8])> {
    let (check, rest) = bytes.split_first_chunk()?;
    let check = u128::from_be_bytes(*check);
    let (version, value) = rest.split_first_chunk()?;
    (check == check_of(key, rest)).then(|| (check, u64::from_be_bytes(*version), value))
}
