//! Reading the journal while the store runs: values of rows, events, and what brings the index up to date.

use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::format::{self, GROUP_HEAD_LEN, Group, HEADER_LEN};
use super::{ADVICE, segment_path};
use crate::store::StoreError;
use crate::store::mark::StoreId;

/// One place is remembered for at least this many bytes of journal: 24 bytes of memory for each.
const PLACE_EVERY_BYTES: u64 = 64 * 1024;
/// So many segments are kept open for reading values.
const OPEN_SEGMENTS: usize = 32;

/// What a visitor of groups hears: the group, and its offset in its segment.
type VisitGroup<'v> = &'v mut dyn FnMut(&Group<'_>, u64) -> Result<ControlFlow<()>, StoreError>;

/// The reading end. Never looks beyond what is durable, and checks every group it reads.
#[derive(Debug)]
pub(in crate::store) struct JournalReader {
    dir: PathBuf,
    store: StoreId,
    /// The last durable sequence number.
    durable: AtomicU64,
    places: RwLock<Vec<Place>>,
    /// The segments from which values were read last, the latest at the end.
    open: Mutex<Vec<(u64, Arc<File>)>>,
}

/// Where a group begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    first_sequence: u64,
    segment: u64,
    offset: u64,
}

impl JournalReader {
    /// A reader that knows no group yet.
    pub(super) fn new(dir: &Path, store: StoreId) -> Self {
        Self {
            dir: dir.to_owned(),
            store,
            durable: AtomicU64::new(0),
            places: RwLock::default(),
            open: Mutex::default(),
        }
    }

    /// Takes note of a group that is durable.
    pub(super) fn extend(&self, first_sequence: u64, segment: u64, offset: u64, last_sequence: u64) {
        let mut places = self.places.write().unwrap_or_else(PoisonError::into_inner);
        let near =
            places.last().is_some_and(|last| last.segment == segment && offset - last.offset < PLACE_EVERY_BYTES);
        if !near {
            places.push(Place { first_sequence, segment, offset });
        }
        self.durable.store(last_sequence, Ordering::Release);
    }

    /// The last durable sequence number.
    pub(in crate::store) fn durable(&self) -> u64 {
        self.durable.load(Ordering::Acquire)
    }

    /// Bytes of the segment that holds the sequence number `version`. Whether they are the right ones is for the caller to
    /// find out.
    pub(in crate::store) fn value(&self, version: u64, offset: u64, len: u32) -> Result<Vec<u8>, StoreError> {
        let segment = self.place_of(version).map(|place| place.segment).ok_or_else(|| self.unreadable(version))?;
        let path = segment_path(&self.dir, segment);
        let file = self.open(segment).map_err(StoreError::io("open", &path))?;
        let mut value = vec![0; usize::try_from(len).unwrap_or(usize::MAX)];
        match file.read_exact_at(&mut value, offset) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(self.unreadable(version)),
            read => read.map(|()| value).map_err(StoreError::io("read", &path)),
        }
    }

    /// The error when what was durable at `sequence` is not there.
    pub(in crate::store) fn unreadable(&self, sequence: u64) -> StoreError {
        let segment = self.place_of(sequence).map_or(sequence, |place| place.segment);
        let detail = format!("what was written with sequence number {sequence} is not there any more");
        StoreError::Damaged { path: segment_path(&self.dir, segment), detail, advice: ADVICE }
    }

    fn open(&self, segment: u64) -> io::Result<Arc<File>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let known = match open.iter().rposition(|(known, _)| *known == segment) {
            Some(nth) => open.remove(nth),
            None => (segment, Arc::new(File::open(segment_path(&self.dir, segment))?)),
        };
        if open.len() >= OPEN_SEGMENTS {
            open.remove(0);
        }
        let file = Arc::clone(&known.1);
        open.push(known);
        Ok(file)
    }

    /// The last remembered place that is not after `sequence`. Every segment has one at its beginning.
    fn place_of(&self, sequence: u64) -> Option<Place> {
        let places = self.places.read().unwrap_or_else(PoisonError::into_inner);
        let after = places.partition_point(|place| place.first_sequence <= sequence);
        after.checked_sub(1).and_then(|nth| places.get(nth)).copied()
    }

    /// Visits the durable groups with their offsets, from the one that holds the sequence number `from` on, until the
    /// visitor breaks.
    pub(in crate::store) fn groups_from(&self, from: u64, visit: VisitGroup<'_>) -> Result<(), StoreError> {
        let durable = self.durable();
        let mut buffer = Vec::new();
        let Some(mut cursor) = self.cursor(from.max(1))? else { return Ok(()) };
        while cursor.next_sequence <= durable {
            let (group, offset) = cursor.next_group(self, &mut buffer)?;
            if group.last_sequence >= from && visit(&group, offset)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// A cursor there.
    fn cursor(&self, sequence: u64) -> Result<Option<Cursor>, StoreError> {
        self.place_of(sequence).map(|place| Cursor::open(&self.dir, place)).transpose()
    }
}

/// A place from which the next group is read.
struct Cursor {
    path: PathBuf,
    file: File,
    len: u64,
    offset: u64,
    next_sequence: u64,
}

impl Cursor {
    fn open(dir: &Path, place: Place) -> Result<Self, StoreError> {
        let path = segment_path(dir, place.segment);
        let file = File::open(&path).map_err(StoreError::io("open", &path))?;
        let len = file.metadata().map_err(StoreError::io("read", &path))?.len();
        Ok(Self { path, file, len, offset: place.offset, next_sequence: place.first_sequence })
    }

    /// Reads the next group, which is known to be durable: whatever else is found is damage.
    fn next_group<'b>(
        &mut self,
        from: &JournalReader,
        buffer: &'b mut Vec<u8>,
    ) -> Result<(Group<'b>, u64), StoreError> {
        if self.offset >= self.len {
            // The segment is read to its end, so the next group begins a new one.
            let place =
                Place { first_sequence: self.next_sequence, segment: self.next_sequence, offset: HEADER_LEN as u64 };
            *self = Self::open(&from.dir, place)?;
        }
        self.read_group(from.store, buffer).map_err(StoreError::io("read", &self.path))?;
        let group = format::parse_group(buffer, from.store).ok();
        let group = group.filter(|group| group.first_sequence == self.next_sequence).ok_or_else(|| {
            let detail = format!(
                "at offset {}: the group with sequence number {} is not there",
                self.offset, self.next_sequence
            );
            StoreError::Damaged { path: self.path.clone(), detail, advice: ADVICE }
        })?;
        let offset = self.offset;
        self.offset += group.len as u64;
        self.next_sequence = group.last_sequence + 1;
        Ok((group, offset))
    }

    /// Fills `buffer` with the group at the offset, or with less when none begins there.
    fn read_group(&self, store: StoreId, buffer: &mut Vec<u8>) -> io::Result<()> {
        let left = usize::try_from(self.len - self.offset).unwrap_or(usize::MAX);
        buffer.resize(GROUP_HEAD_LEN.min(left), 0);
        self.file.read_exact_at(buffer, self.offset)?;
        let len = format::group_len(buffer, store).unwrap_or(0).min(left);
        let have = buffer.len();
        if len > have {
            buffer.resize(len, 0);
            self.file.read_exact_at(&mut buffer[have..], self.offset + have as u64)?;
        }
        Ok(())
    }
}
