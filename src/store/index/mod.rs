//! The index: which rows there are, in which version, and where their values lie. Always rebuildable from the journal.
//!
//! Short values stand in the index; longer ones are read from the journal, which has them anyway. What the latest commits
//! changed is in memory; from time to time it is worked into the pages that sled keeps, many rows at once, since sled
//! takes as long for a row as for a page of a hundred. A crash loses what is in memory: the next start reads it from the
//! journal again, from where the pages have come to.
//!
//! A row whose sum does not match its value is never served.

use std::cmp::Ordering;
use std::sync::{Arc, PoisonError, RwLock};

use super::journal::{Group, JournalReader};
use super::{Direction, KeyRange, Row, RowKey, StoreError};
use crate::merkle::Hash;
use page::{At, Slot};
use pages::{Changed, KeyAndSlot};

mod page;
mod pages;

pub(super) use pages::{IndexState, Pages};

/// The index as it is read and written.
#[derive(Debug)]
pub(super) struct Index {
    pages: Pages,
    reader: Arc<JournalReader>,
    /// So many changed rows are kept in memory at most.
    recent_rows: usize,
    /// What the pages do not have yet. Held for reading by a scan and for writing by a change of either, so that one scan
    /// sees one moment.
    recent: RwLock<Changed>,
}

/// How far the index has come: its writer's own.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reached {
    /// What is in the pages.
    pages: IndexState,
    /// What is in memory too.
    sequence: u64,
    digest: Hash,
}

impl Reached {
    /// The last sequence number that is in the index.
    pub(super) fn sequence(&self) -> u64 {
        self.sequence
    }
}

impl From<IndexState> for Reached {
    fn from(pages: IndexState) -> Self {
        Self { pages, sequence: pages.sequence, digest: pages.digest }
    }
}

impl Index {
    /// An index of these pages, whose longer values `reader` reads.
    pub(super) fn new(pages: Pages, reader: Arc<JournalReader>, recent_rows: usize) -> Self {
        Self { pages, reader, recent_rows, recent: RwLock::default() }
    }

    /// One row.
    pub(super) fn get(&self, key: &RowKey) -> Result<Option<Row>, StoreError> {
        self.slot(&key.0)?.map(|slot| self.row(&key.0, slot)).transpose()
    }

    /// The version of one row.
    pub(super) fn version(&self, key: &RowKey) -> Result<Option<u64>, StoreError> {
        Ok(self.slot(&key.0)?.map(|slot| slot.version))
    }

    /// Rows of one moment, in order.
    pub(super) fn scan(
        &self,
        range: &KeyRange,
        limit: usize,
        direction: Direction,
    ) -> Result<Vec<(RowKey, Row)>, StoreError> {
        let Some(bounds) = range.bounds() else { return Ok(Vec::new()) };
        let slots = {
            let recent = self.recent.read().unwrap_or_else(PoisonError::into_inner);
            let changed = recent.range::<[u8], _>(bounds);
            let in_pages = self.pages.rows(range, bounds, direction)?;
            match direction {
                Direction::Forward => merged(in_pages, changed, Ordering::is_lt, limit)?,
                Direction::Reverse => merged(in_pages, changed.rev(), Ordering::is_gt, limit)?,
            }
        };
        slots.into_iter().map(|(key, slot)| self.row(&key, slot).map(|row| (RowKey(key), row))).collect()
    }

    /// Applies one durable group, which begins at `offset` in its segment. A crash before it, or one that forgets it, is made
    /// good by the next start.
    pub(super) fn apply(&self, reached: &mut Reached, group: &Group<'_>, offset: u64) -> Result<(), StoreError> {
        let mut changes = Vec::new();
        let read = group.visit_writes(&mut |version, key, value| {
            let slot = value.map(|(at, value)| Slot::new(key, version, value, offset + at as u64));
            changes.push((key.to_vec(), slot));
        });
        read.ok_or_else(|| self.reader.unreadable(group.first_sequence))?;
        let many = {
            let mut recent = self.recent.write().unwrap_or_else(PoisonError::into_inner);
            recent.extend(changes);
            recent.len() >= self.recent_rows
        };
        reached.sequence = group.last_sequence;
        reached.digest = group.digest;
        if many { self.fold(reached) } else { Ok(()) }
    }

    /// Works what is in memory into the pages.
    pub(super) fn fold(&self, reached: &mut Reached) -> Result<(), StoreError> {
        let mut after: Option<Vec<u8>> = None;
        loop {
            let rewritten = {
                // Only the writer changes anything, and this is the writer: others may read meanwhile.
                let recent = self.recent.read().unwrap_or_else(PoisonError::into_inner);
                let tip = (reached.sequence, reached.digest);
                self.pages.rewrite(&reached.pages, &recent, after.as_deref(), tip)?
            };
            after.clone_from(&rewritten.more_after);
            let mut recent = self.recent.write().unwrap_or_else(PoisonError::into_inner);
            reached.pages = self.pages.write(rewritten)?;
            // Until the last pages are written, what is in memory goes before them.
            if after.is_none() {
                recent.clear();
                return Ok(());
            }
        }
    }

    /// Writes everything to sled's files, as far as sled does that.
    pub(super) fn flush(&self, reached: &mut Reached) -> Result<(), StoreError> {
        self.fold(reached)?;
        self.pages.flush()
    }

    fn slot(&self, key: &[u8]) -> Result<Option<Slot>, StoreError> {
        // The lock is held until the pages were read: a row that is folded meanwhile would be seen in neither.
        let recent = self.recent.read().unwrap_or_else(PoisonError::into_inner);
        recent.get(key).map_or_else(|| self.pages.find(key), |changed| Ok(changed.clone()))
    }

    fn row(&self, key: &[u8], slot: Slot) -> Result<Row, StoreError> {
        let version = slot.version;
        let (value, damaged): (_, fn(&Self, u64) -> StoreError) = match &slot.at {
            At::Here(value) => (value.clone(), |index, _| index.pages.damaged("the sum of a row does not match")),
            At::Journal { offset, len } => {
                (self.reader.value(version, *offset, *len)?, |index, version| index.reader.unreadable(version))
            }
        };
        if slot.holds(key, &value) { Ok(Row { version, value }) } else { Err(damaged(self, version)) }
    }
}

/// The first `limit` rows of two ordered sources; of one key the changed row counts.
fn merged<'a>(
    rows: impl Iterator<Item = Result<KeyAndSlot, StoreError>>,
    changed: impl Iterator<Item = (&'a Vec<u8>, &'a Option<Slot>)>,
    comes_first: fn(Ordering) -> bool,
    limit: usize,
) -> Result<Vec<KeyAndSlot>, StoreError> {
    let (mut rows, mut changed) = (rows.peekable(), changed.peekable());
    let mut found = Vec::new();
    while found.len() < limit {
        let order = match (rows.peek(), changed.peek()) {
            (Some(Ok((row, _))), Some((change, _))) => row.cmp(change),
            (None, None) => break,
            (None, Some(_)) => Ordering::Equal,
            // A row that could not be read comes first in either direction.
            (Some(_), _) => {
                found.extend(rows.next().transpose()?);
                continue;
            }
        };
        if order.is_ne() && comes_first(order) {
            found.extend(rows.next().transpose()?);
            continue;
        }
        if order.is_eq() && rows.peek().is_some() {
            rows.next();
        }
        found.extend(changed.next().and_then(|(key, slot)| Some((key.clone(), slot.clone()?))));
    }
    Ok(found)
}
