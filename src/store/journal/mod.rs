//! The journal: the truth. Append-only segments `journal/<first sequence, 20 digits>.log`.
//!
//! One group is appended and made durable at a time, so at most one group, the last, can be incomplete; whatever else is
//! wrong was not caused by a crash. `format` holds the bytes, `check` the strict reading at start, `read` the reading while
//! the store runs, and this file the writing.
//!
//! How a torn tail is told from damage: the last segment may end in bytes that are no group. They are cut off only if
//! nothing shows that they were durable: no whole record follows them (each begins with the store's random id), no
//! acknowledgement, and the mark file does not know a sequence number from them.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::event::EventHead;
use super::faults::{DiskStep, Faults};
use super::files::{WritableFile, is_no_room, write_atomic};
use super::mark::StoreId;
use crate::merkle::Hash;

mod check;
mod copy;
mod format;
#[cfg(test)]
mod fuzz;
mod read;

pub(super) use check::{Checked, check, holds_groups, unreadable};
pub(super) use copy::{UpToMark, last_whole, segments_up_to};
pub(super) use format::{Group, GroupBuilder};
pub(super) use read::JournalReader;

/// When a segment has this many bytes, the next group begins a new one.
pub(super) const SEGMENT_BYTES: u64 = 64 * 1024 * 1024;
/// A group takes no further commit when it has this many bytes.
pub(super) const GROUP_BYTES: usize = 4 * 1024 * 1024;
/// A group takes no further commit when it has this many.
pub(super) const GROUP_COMMITS: usize = 4096;

/// What to do about a damaged journal: said with every such error.
const ADVICE: &str = "请勿删改此文件，先复制整个目录，再按 docs/RUNBOOK.md 从备份恢复 do not delete or change the file: it may hold acknowledged entries; copy the directory away, then \
                      restore from a backup with `cqo-ledger restore` (docs/RUNBOOK.md)";

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
    file: WritableFile,
    /// The name of the last segment.
    segment: u64,
    /// Where the next group goes.
    end: u64,
    segment_bytes: u64,
    /// A segment after the last one may be there, or half there: nothing more goes into the last one.
    turning: bool,
    tip: Tip,
    reader: Arc<JournalReader>,
    faults: Faults,
}

/// Why a group was not appended.
#[derive(Debug)]
pub(super) enum NotAppended {
    /// There was no room. Surely nothing of it is there, and the journal can be used on.
    NoRoom(io::Error),
    /// It may be there or not, and the journal must not be used any more.
    Unsure(io::Error),
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
    ///
    /// Without room it can be tried again and again: the new segment holds nothing but its header, which is the same
    /// bytes every time, and as long as this has not succeeded no group goes anywhere.
    pub(super) fn make_room(&mut self) -> Result<(), NotAppended> {
        if self.end < self.segment_bytes {
            return Ok(());
        }
        self.turn()
            .map_err(|error| if is_no_room(&error) { NotAppended::NoRoom(error) } else { NotAppended::Unsure(error) })
    }

    fn turn(&mut self) -> io::Result<()> {
        self.faults.check(DiskStep::Rotate)?;
        // From here on no acknowledgement is written either: it would stand at the end of a segment that may not be the
        // last one any more.
        self.turning = true;
        // The acknowledgement behind the last group goes: a segment that is not the last ends with a group.
        // A crash after this leaves the segment as the last one, whole.
        self.file.set_len(self.end)?;
        self.file.sync().map_err(|error| io::Error::other(format!("fsync: {error}")))?;
        // A crash after this leaves a last segment with only a header: the next group goes there.
        let first = self.tip.head.sequence + 1;
        let digest = create_segment(&self.dir, self.store, first, self.tip.digest)?;
        self.faults.check(DiskStep::OpenSegment)?;
        self.file = WritableFile::open(&segment_path(&self.dir, first))?;
        self.tip.digest = digest;
        self.segment = first;
        self.end = format::HEADER_LEN as u64;
        self.turning = false;
        Ok(())
    }

    /// Appends a group that was built on the tip, makes it durable, and says where in its segment it begins.
    pub(super) fn append(&mut self, group: &[u8], tip: Tip) -> Result<u64, NotAppended> {
        let first = self.tip.head.sequence + 1;
        // A crash in the middle of this leaves a torn tail, which the next start cuts off. (The write may lie over an
        // acknowledgement of the group before, which a longer file no longer needs.)
        self.write(group).map_err(|error| self.take_back(error))?;
        // A crash here may leave the whole group or a torn one. Nobody was told either way. So may a failed sync, whatever
        // it says the reason was: nobody knows which pages reached the disk, and a second sync would not tell.
        self.faults.check(DiskStep::Sync).and_then(|()| self.file.sync()).map_err(NotAppended::Unsure)?;
        // A crash from here on keeps the group.
        self.reader.extend(first, self.segment, self.end, tip.head.sequence);
        self.tip = tip;
        let begin = self.end;
        self.end += group.len() as u64;
        Ok(begin)
    }

    fn write(&self, group: &[u8]) -> io::Result<()> {
        self.faults.check(DiskStep::Write)?;
        for step in [DiskStep::HalfWrite, DiskStep::Full] {
            if let Err(error) = self.faults.check(step) {
                self.file.write_at(&group[..group.len() / 2], self.end)?;
                return Err(error);
            }
        }
        self.file.write_at(group, self.end)
    }

    /// After a write for which there was no room: cuts off what there is of the group.
    ///
    /// Why the answer can be a plain no: the write goes from the first byte on and failed before the last one, so the last
    /// bytes of the group, which are its digest, were handed to nobody. No crash can complete it. What did reach the disk
    /// is a torn tail as after a crash in the middle of the write, whether or not the disk ever hears of the cut: the
    /// next group lies over it, the next start cuts it off, and what sticks out behind the next group begins no
    /// record, since records begin with the store's id and only the first byte of a group begins one. If the cut itself
    /// fails, nothing is known.
    fn take_back(&self, error: io::Error) -> NotAppended {
        match is_no_room(&error) && self.file.set_len(self.end).is_ok() {
            true => NotAppended::NoRoom(error),
            false => NotAppended::Unsure(error),
        }
    }

    /// Says behind the last group that it is durable, so that damage to it is not taken for a torn tail.
    ///
    /// Not fsynced, and the next group overwrites it: it costs one write when there is nothing else to do. Without room
    /// there is none: it is a help against damage, and no promise rests on it.
    pub(super) fn acknowledge(&mut self) -> io::Result<()> {
        if self.turning {
            return Ok(());
        }
        let ack = format::ack(self.store, self.tip.head.sequence, self.tip.digest);
        match self.file.write_at(&ack, self.end) {
            Err(error) if !is_no_room(&error) => Err(error),
            _ => Ok(()),
        }
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
