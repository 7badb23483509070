//! The strict reading of the whole journal at start.

use std::fs::read_dir;
use std::path::{Path, PathBuf};

use super::format::{self, ACK_LEN, Group, HEADER_LEN, MAX_GROUP_BYTES, NoGroup};
use super::{ADVICE, Journal, JournalReader, Tip, segment_path};
use crate::merkle::Hash;
use crate::store::StoreError;
use crate::store::event::EventHead;
use crate::store::faults::Faults;
use crate::store::files::{WritableFile, write_atomic};
use crate::store::mark::{Mark, StoreId};

/// A journal that was read from its first byte to its last.
pub(in crate::store) struct Checked {
    /// Ready to be appended to.
    pub(in crate::store) journal: Journal,
    /// The digest at the sequence number that was asked for; `None` when no group ends there.
    pub(in crate::store) digest_at: Option<Hash>,
    /// How many bytes of an uncommitted group were cut off.
    pub(in crate::store) cut_bytes: u64,
    /// The length of all segments together.
    pub(in crate::store) total_bytes: u64,
}

/// Reads and checks everything, cuts off an uncommitted group at the very end, and refuses all other damage.
pub(in crate::store) fn check(
    dir: &Path,
    store: StoreId,
    mark: &Mark,
    segment_bytes: u64,
    digest_at: u64,
    faults: Faults,
) -> Result<Checked, StoreError> {
    let segments = segments(dir)?;
    let reader = JournalReader::new(dir, store);
    let mut walk = Walk::new(store, mark, Some(&reader), digest_at);
    let mut last = None;
    let mut total_bytes = 0;
    for (nth, first) in segments.iter().enumerate() {
        let is_last = nth + 1 == segments.len();
        let segment = walk.segment(dir, *first, is_last)?;
        total_bytes += segment.end;
        last = Some(segment);
    }
    let last = last.ok_or_else(|| damaged(&segment_path(dir, 1), "the first segment is missing"))?;
    walk.compare_with_mark(&last)?;
    let Walk { tip, found, .. } = walk;
    let cut_bytes = last.cut_off(dir)?;
    let file = last.settle(mark, tip)?;
    let journal = Journal {
        dir: dir.to_owned(),
        store,
        file,
        segment: last.first,
        end: last.end,
        segment_bytes,
        turning: false,
        tip,
        reader: reader.into(),
        faults,
    };
    Ok(Checked { journal, digest_at: found, cut_bytes, total_bytes })
}

/// Whether any segment holds more than its header.
pub(in crate::store) fn holds_groups(dir: &Path) -> Result<bool, StoreError> {
    if !dir.exists() {
        return Ok(false);
    }
    let segments = segments(dir)?;
    let longer = |first: &u64| segment_path(dir, *first).metadata().is_ok_and(|file| file.len() > HEADER_LEN as u64);
    Ok(segments.len() > 1 || segments.iter().any(longer))
}

/// The error for a group whose digest holds and whose body makes no sense.
pub(in crate::store) fn unreadable(path: &Path, sequence: u64) -> StoreError {
    damaged(path, format!("the group with sequence number {sequence} cannot be read although its digest holds"))
}

/// The first sequence numbers of all segments, in order.
pub(super) fn segments(dir: &Path) -> Result<Vec<u64>, StoreError> {
    let mut found = Vec::new();
    for entry in read_dir(dir).map_err(StoreError::io("list", dir))? {
        let path = entry.map_err(StoreError::io("list", dir))?.path();
        if path.extension().is_none_or(|extension| extension != "log") {
            continue;
        }
        let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let first = name.parse().ok().filter(|first| segment_path(dir, *first) == path);
        found.push(first.ok_or_else(|| damaged(&path, "the name is not that of a segment"))?);
    }
    found.sort_unstable();
    Ok(found)
}

pub(super) fn damaged(path: &Path, detail: impl Into<String>) -> StoreError {
    StoreError::Damaged { path: path.to_owned(), detail: detail.into(), advice: ADVICE }
}

pub(super) fn damaged_at(path: &Path, offset: usize, detail: &str) -> StoreError {
    damaged(path, format!("at offset {offset}: {detail}"))
}

/// What is carried from segment to segment.
pub(super) struct Walk<'a> {
    pub(super) store: StoreId,
    pub(super) mark: &'a Mark,
    /// Who is told where the groups are; nobody, when files are only checked.
    reader: Option<&'a JournalReader>,
    pub(super) tip: Tip,
    digest_at: u64,
    pub(super) found: Option<Hash>,
    /// The digest at the mark's sequence number.
    pub(super) marked: Option<Hash>,
}

/// A segment that was read: what matters of the last one.
struct Segment {
    first: u64,
    path: PathBuf,
    /// The end of its last group, and where that group begins.
    end: u64,
    last_group: u64,
    /// From the beginning of the last group on.
    rest: Vec<u8>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(store: StoreId, mark: &'a Mark, reader: Option<&'a JournalReader>, digest_at: u64) -> Self {
        Self { store, mark, reader, tip: Tip::default(), digest_at, found: None, marked: None }
    }

    fn segment(&mut self, dir: &Path, first: u64, is_last: bool) -> Result<Segment, StoreError> {
        let path = segment_path(dir, first);
        let bytes = std::fs::read(&path).map_err(StoreError::io("read", &path))?;
        self.header(&path, &bytes, first)?;
        let (mut last_group, mut at) = (HEADER_LEN, HEADER_LEN);
        while at < bytes.len() {
            match format::parse_group(&bytes[at..], self.store) {
                Ok(group) => {
                    self.group(&path, at, &group)?;
                    if let Some(reader) = self.reader {
                        reader.extend(group.first_sequence, first, at as u64, group.last_sequence);
                    }
                    last_group = at;
                    at += group.len;
                }
                Err(reason) if is_last => {
                    self.judge_tail(&path, at, &bytes[at..], reason)?;
                    break;
                }
                Err(reason) => return Err(damaged_at(&path, at, reason.detail())),
            }
        }
        if at > last_group {
            self.tip.head = self.last_event(&path, last_group, &bytes)?;
        }
        let rest = bytes[last_group..].to_vec();
        Ok(Segment { first, path, end: at as u64, last_group: last_group as u64, rest })
    }

    pub(super) fn header(&mut self, path: &Path, bytes: &[u8], first: u64) -> Result<(), StoreError> {
        let header = format::parse_header(bytes, self.store).map_err(|detail| damaged_at(path, 0, detail))?;
        let expected = self.tip.head.sequence + 1;
        if first != expected || header.first_sequence != expected {
            let detail =
                format!("it begins with sequence number {first}, but {expected} comes next: a segment is missing");
            return Err(damaged(path, detail));
        }
        if header.previous != self.tip.digest {
            return Err(damaged_at(path, 0, "it names another segment before it than the one that is there"));
        }
        self.tip.digest = header.digest;
        Ok(())
    }

    /// A group whose own digest holds must also stand in its place.
    pub(super) fn group(&mut self, path: &Path, at: usize, group: &Group<'_>) -> Result<(), StoreError> {
        let expected = self.tip.head.sequence + 1;
        if group.first_sequence != expected || group.last_sequence < expected {
            let detail = format!("sequence number {} where {expected} comes next", group.first_sequence);
            return Err(damaged_at(path, at, &detail));
        }
        if group.previous != self.tip.digest {
            return Err(damaged_at(path, at, "the group names another one before it than the one that is there"));
        }
        let head = EventHead { sequence: group.last_sequence, ..self.tip.head };
        self.tip = Tip { head, digest: group.digest, group: group.digest };
        if group.last_sequence == self.mark.sequence {
            self.marked = Some(group.digest);
        }
        if group.last_sequence == self.digest_at {
            self.found = Some(group.digest);
        }
        Ok(())
    }

    /// Bytes at the end of the last segment that are no group: a torn tail, unless something shows that they were durable.
    fn judge_tail(&self, path: &Path, at: usize, tail: &[u8], reason: NoGroup) -> Result<(), StoreError> {
        let damaged = |because: &str| Err(damaged_at(path, at, &format!("{}, and {because}", reason.detail())));
        if self.tip.head.sequence < self.mark.sequence {
            return damaged(&format!("the mark file knows that all up to {} was durable", self.mark.sequence));
        }
        if tail.len() > MAX_GROUP_BYTES {
            return damaged("more follows than one group");
        }
        // An acknowledgement of the last good group may stand here, whole or half overwritten by the group that was torn.
        let acknowledged =
            tail.get(..ACK_LEN) == Some(&format::ack(self.store, self.tip.head.sequence, self.tip.digest));
        match format::find_record(tail, usize::from(acknowledged), self.store) {
            Some(record) => damaged(&format!("a whole record follows at offset {}", at + record)),
            None => Ok(()),
        }
    }

    fn last_event(&self, path: &Path, at: usize, bytes: &[u8]) -> Result<EventHead, StoreError> {
        let group = format::parse_group(&bytes[at..], self.store).ok();
        group
            .and_then(|group| group.events()?.pop())
            .map(|event| event.head())
            .ok_or_else(|| unreadable(path, self.tip.head.sequence))
    }

    fn compare_with_mark(&self, last: &Segment) -> Result<(), StoreError> {
        let Mark { sequence, digest, .. } = *self.mark;
        if self.tip.head.sequence < sequence {
            let detail =
                format!("the journal ends with sequence number {}, but {sequence} was durable", self.tip.head.sequence);
            return Err(damaged_at(&last.path, usize::try_from(last.end).unwrap_or(usize::MAX), &detail));
        }
        if sequence > 0 && self.marked != Some(digest) {
            let detail = format!("at sequence number {sequence} it is not the journal that the mark file knows");
            return Err(damaged(&last.path, detail));
        }
        Ok(())
    }
}

impl NoGroup {
    pub(super) fn detail(self) -> &'static str {
        match self {
            Self::Incomplete => "the group is incomplete",
            Self::Foreign => "no group begins here",
            Self::Digest => "the group's digest does not match",
        }
    }
}

impl Segment {
    /// What follows the last group: nothing, an acknowledgement, or a torn group.
    fn tail(&self) -> &[u8] {
        let len = usize::try_from(self.end - self.last_group).unwrap_or(usize::MAX);
        self.rest.get(len..).unwrap_or_default()
    }

    /// Cuts off what follows the last group, and keeps it once in `journal/last-cut` for whoever wants to know.
    fn cut_off(&self, dir: &Path) -> Result<u64, StoreError> {
        let tail = self.tail();
        if tail.is_empty() {
            return Ok(0);
        }
        let torn = tail.len() != ACK_LEN;
        if torn {
            let path = dir.join("last-cut");
            write_atomic(&path, tail).map_err(StoreError::io("write", &path))?;
        }
        // A crash before or after this: the next start cuts the same bytes, or finds them gone. `settle` makes it durable.
        let file = WritableFile::open(&self.path).map_err(StoreError::io("open", &self.path))?;
        file.set_len(self.end).map_err(StoreError::io("cut", &self.path))?;
        Ok(if torn { tail.len() as u64 } else { 0 })
    }

    /// Makes sure that the last group is on the disk and not only in memory, and opens the segment for writing.
    ///
    /// If its fdatasync failed before the restart, the kernel may hold pages that it believes to be written: writing the
    /// same bytes again makes it write them.
    fn settle(&self, mark: &Mark, tip: Tip) -> Result<WritableFile, StoreError> {
        let io = || StoreError::io("write", &self.path);
        let file = WritableFile::open(&self.path).map_err(io())?;
        if mark.sequence < tip.head.sequence {
            let len = self.rest.len() - self.tail().len();
            file.write_at(&self.rest[..len], self.last_group).map_err(io())?;
        }
        file.sync().map_err(io())?;
        Ok(file)
    }
}
