//! The journal: the truth. Append-only segments `journal/<first sequence, 20 digits>.log`.
//!
//! One group is appended and made durable at a time, so at most one group, the last, can be incomplete; whatever else is
//! wrong was not caused by a crash. `format` holds the bytes, `check` the strict reading at start, `read` the reading while
//! the store runs, and this file the writing.
//!
//! How a torn tail is told from damage: the last segment may end in bytes that are no group. They are cut off only if
//! nothing shows that they were durable: no whole record follows them (each begins with the store's random id), no
//! acknowledgement, and the mark file does not know a sequence number from them.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::event::EventHead;
use super::faults::{DiskStep, Faults};
use super::files::{open_file, write_atomic};
use super::mark::StoreId;
use crate::merkle::Hash;

mod check;
mod format;
#[cfg(test)]
mod fuzz;
mod read;

pub(super) use check::{Checked, check, holds_groups, unreadable};
pub(super) use format::{Group, GroupBuilder};
pub(super) use read::JournalReader;

/// When a segment has this many bytes, the next group begins a new one.
pub(super) const SEGMENT_BYTES: u64 = 64 * 1024 * 1024;
/// A group takes no further commit when it has this many bytes.
pub(super) const GROUP_BYTES: usize = 4 * 1024 * 1024;
/// A group takes no further commit when it has this many.
pub(super) const GROUP_COMMITS: usize = 4096;

/// What to do about a damaged journal: said with every such error.
const ADVICE: &str = "do not delete or change the file: it may hold acknowledged entries; \
                      copy the directory away, then restore the journal from a backup";

/// Where the journal ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Tip {
    /// The last event.
    pub(super) head: EventHead,
    /// The digest of the last record, a group or a header: what the next one names as previous.
    pub(super) digest: Hash,
    /// The digest of the last group; zeros before the first.
    pub(super) group: Hash,
}

/// The writing end. There is one, and it belongs to the writer thread.
#[derive(Debug)]
pub(super) struct Journal {
    dir: PathBuf,
    store: StoreId,
    file: File,
    /// The name of the last segment.
    segment: u64,
    /// Where the next group goes.
    end: u64,
    segment_bytes: u64,
    tip: Tip,
    reader: Arc<JournalReader>,
    faults: Faults,
}

/// The file of the segment whose first sequence number is `first`.
fn segment_path(dir: &Path, first: u64) -> PathBuf {
    dir.join(format!("{first:020}.log"))
}

/// Makes a segment with nothing but its header, durably and at once, and returns the header's digest.
fn create_segment(dir: &Path, store: StoreId, first: u64, previous: Hash) -> io::Result<Hash> {
    let (header, digest) = format::header(store, first, previous);
    write_atomic(&segment_path(dir, first), &header)?;
    Ok(digest)
}

/// Makes the first segment of a new store.
pub(super) fn create(dir: &Path, store: StoreId) -> io::Result<()> {
    create_segment(dir, store, 1, Hash::ZERO).map(drop)
}

impl Journal {
    /// Where the journal ends: everything up to here is durable.
    pub(super) fn tip(&self) -> Tip {
        self.tip
    }

    /// The reading end.
    pub(super) fn reader(&self) -> Arc<JournalReader> {
        Arc::clone(&self.reader)
    }

    /// Begins a new segment if the last one is full. The tip's digest changes: call this before building a group.
    pub(super) fn make_room(&mut self) -> io::Result<()> {
        if self.end < self.segment_bytes {
            return Ok(());
        }
        self.faults.check(DiskStep::Rotate)?;
        // The acknowledgement behind the last group goes: a segment that is not the last ends with a group.
        // A crash after this leaves the segment as the last one, whole.
        self.file.set_len(self.end)?;
        self.file.sync_all()?;
        // A crash after this leaves a last segment with only a header: the next group goes there.
        let first = self.tip.head.sequence + 1;
        self.tip.digest = create_segment(&self.dir, self.store, first, self.tip.digest)?;
        self.file = open_file(&segment_path(&self.dir, first))?;
        self.segment = first;
        self.end = format::HEADER_LEN as u64;
        Ok(())
    }

    /// Appends a group that was built on the tip, makes it durable, and says where in its segment it begins. After an error
    /// the journal must not be used.
    pub(super) fn append(&mut self, group: &[u8], tip: Tip) -> io::Result<u64> {
        let first = self.tip.head.sequence + 1;
        self.faults.check(DiskStep::Write)?;
        if let Err(error) = self.faults.check(DiskStep::HalfWrite) {
            self.file.write_all_at(&group[..group.len() / 2], self.end)?;
            return Err(error);
        }
        // A crash in the middle of this leaves a torn tail, which the next start cuts off. (The write may lie over an
        // acknowledgement of the group before, which a longer file no longer needs.)
        self.file.write_all_at(group, self.end)?;
        self.faults.check(DiskStep::Sync)?;
        // A crash here may leave the whole group or a torn one. Nobody was told either way.
        self.file.sync_data()?;
        // A crash from here on keeps the group.
        self.reader.extend(first, self.segment, self.end, tip.head.sequence);
        self.tip = tip;
        let begin = self.end;
        self.end += group.len() as u64;
        Ok(begin)
    }

    /// Says behind the last group that it is durable, so that damage to it is not taken for a torn tail.
    ///
    /// Not fsynced, and the next group overwrites it: it costs one write when there is nothing else to do.
    pub(super) fn acknowledge(&mut self) -> io::Result<()> {
        let ack = format::ack(self.store, self.tip.head.sequence, self.tip.digest);
        self.file.write_all_at(&ack, self.end)
    }
}

/// For the tests that break files: where the last whole group of a segment ends.
#[cfg(test)]
pub(super) fn end_of(path: &Path) -> u64 {
    let bytes = std::fs::read(path).unwrap();
    let mut at = format::HEADER_LEN;
    while let Some(end) = group_ends(&bytes, at) {
        at = end;
    }
    at as u64
}

/// For the tests that break files: where the group ends that begins at `at`.
#[cfg(test)]
pub(super) fn group_ends(segment: &[u8], at: usize) -> Option<usize> {
    format::parse_group(&segment[at..], store_of(segment)).ok().map(|group| at + group.len)
}

/// For the tests that break files: the acknowledgement of the group that begins at `at`.
#[cfg(test)]
pub(super) fn ack_of(segment: &[u8], at: usize) -> Vec<u8> {
    let store = store_of(segment);
    let group = format::parse_group(&segment[at..], store).ok().unwrap();
    format::ack(store, group.last_sequence, group.digest)
}

/// The store's id, from the header of a segment.
#[cfg(test)]
fn store_of(segment: &[u8]) -> StoreId {
    let at = "cqo-ledger/journal/v1\n".len();
    StoreId(segment[at..at + 16].try_into().unwrap())
}
