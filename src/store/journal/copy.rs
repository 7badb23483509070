//! Reading segments on their way into a backup, or out of one: up to a mark, and nothing is written.
//!
//! The segments may belong to a running store. What the mark knows is durable and never changes again, so a reader needs
//! no lock: whatever the writer does meanwhile lies behind the mark.

use std::path::{Path, PathBuf};

use super::check::{Walk, damaged, damaged_at, segments};
use super::format::{self, HEADER_LEN};
use super::segment_path;
use crate::merkle::Hash;
use crate::store::StoreError;
use crate::store::mark::{Mark, StoreId};

/// The segments in `dir` that begin at or before the mark, by their first sequence numbers.
pub(in crate::store) fn segments_up_to(dir: &Path, mark: &Mark) -> Result<Vec<(u64, PathBuf)>, StoreError> {
    // A store without a commit has one segment, which begins with the number that its first commit will have.
    let last = mark.sequence.max(1);
    let found = segments(dir)?.into_iter().filter(|first| *first <= last);
    Ok(found.map(|first| (first, segment_path(dir, first))).collect())
}

/// The last commit that stands whole in the journal in `dir`: durable, or about to be.
pub(in crate::store) fn last_whole(dir: &Path, store: StoreId) -> Result<u64, StoreError> {
    let Some(first) = segments(dir)?.pop() else { return Ok(0) };
    let path = segment_path(dir, first);
    let bytes = std::fs::read(&path).map_err(StoreError::io("read", &path))?;
    let (mut at, mut last) = (HEADER_LEN, first - 1);
    while let Some(group) = bytes.get(at..).and_then(|rest| format::parse_group(rest, store).ok()) {
        last = group.last_sequence;
        at += group.len;
    }
    Ok(last)
}

/// The strict reading of a journal's segments, one after the other, up to a mark.
pub(in crate::store) struct UpToMark<'a>(Walk<'a>);

impl<'a> UpToMark<'a> {
    /// Begins before the first segment; the digest at the sequence number `digest_at` is remembered on the way.
    pub(in crate::store) fn new(store: StoreId, mark: &'a Mark, digest_at: u64) -> Self {
        Self(Walk::new(store, mark, None, digest_at))
    }

    /// Checks the bytes of the next segment, and returns how many of them lie before the mark.
    pub(in crate::store) fn segment(&mut self, path: &Path, bytes: &[u8], first: u64) -> Result<usize, StoreError> {
        let walk = &mut self.0;
        walk.header(path, bytes, first)?;
        let mut at = HEADER_LEN;
        while at < bytes.len() && walk.tip.head.sequence < walk.mark.sequence {
            let group = format::parse_group(&bytes[at..], walk.store);
            let group = group.map_err(|reason| damaged_at(path, at, reason.detail()))?;
            walk.group(path, at, &group)?;
            at += group.len;
        }
        Ok(at)
    }

    /// The journal must have reached the mark, and be the one that the mark knows. Returns the digest asked for; `None` when
    /// no group ends there.
    pub(in crate::store) fn finish(self, dir: &Path) -> Result<Option<Hash>, StoreError> {
        let Walk { mark, tip, marked, found, .. } = self.0;
        if tip.head.sequence != mark.sequence || (mark.sequence > 0 && marked != Some(mark.digest)) {
            let detail = format!("it is not the journal that was durable up to sequence number {}", mark.sequence);
            return Err(damaged(dir, detail));
        }
        Ok(found)
    }
}
