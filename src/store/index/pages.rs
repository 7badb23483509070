//! The pages in sled: one tree, in one file that sled looks after.
//!
//! ```text
//! 0             -> format 2, store id 16, sequence 8, journal digest 32, sum 16
//! 1, low key    -> a page: the rows from its low key up to the next page's
//! ```
//!
//! The low key of the first page is empty. The sum is that of the checks of all pages, modulo 2^128: it depends on the
//! set of pages and not on their order. sled never fsyncs, so after a power cut it may come up with pages missing or old
//! ones returned; at every start all pages are read, and if their sum is not the stored one the index is thrown away and
//! built anew.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sled::IVec;

use super::page::{PAGE_BYTES, Page, PageBuilder, Slot};
use crate::merkle::Hash;
use crate::store::files::create_dir;
use crate::store::mark::StoreId;
use crate::store::{Bounds, Direction, KeyRange, StoreError, quiet};

/// sled writes its own log to the file this often; what it loses in a crash is replayed from the journal.
const SLED_FLUSH_EVERY_MS: u64 = 2_000;
/// The one key that is not of a page.
const STATE_KEY: &[u8] = &[0];
/// What the keys of all pages begin with.
const PAGE: u8 = 1;
/// Another layout gets another number, and the index is rebuilt.
const INDEX_FORMAT: u8 = 2;
const STATE_LEN: usize = 1 + 16 + 8 + 32 + 16;

/// Rows that changed: what stands under a key now, or nothing any more.
pub(super) type Changed = BTreeMap<Vec<u8>, Option<Slot>>;

/// One row.
pub(super) type KeyAndSlot = (Vec<u8>, Slot);

/// The pages as they are read and written.
#[derive(Debug)]
pub(in crate::store) struct Pages {
    db: sled::Db,
    path: PathBuf,
}

/// How far the pages have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) struct IndexState {
    store: StoreId,
    /// The last sequence number that is in the pages.
    pub(in crate::store) sequence: u64,
    /// The journal's digest there.
    pub(in crate::store) digest: Hash,
    sum: u128,
}

/// Pages made anew, with the state that goes with them.
pub(super) struct Rewritten {
    batch: sled::Batch,
    pub(super) state: IndexState,
}

impl IndexState {
    /// The state of an empty index of `store`.
    pub(in crate::store) fn empty(store: StoreId) -> Self {
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

impl Pages {
    /// Opens the pages, or makes none yet. A sled that panics at its own files is reported as damaged.
    pub(in crate::store) fn open(path: &Path, cache_bytes: u64) -> Result<Self, StoreError> {
        // sled would make it readable for everybody.
        create_dir(path).map_err(StoreError::io("create", path))?;
        let config = sled::Config::new()
            .path(path)
            .mode(sled::Mode::HighThroughput)
            .flush_every_ms(Some(SLED_FLUSH_EVERY_MS))
            .cache_capacity(cache_bytes);
        let db = guarded(path, || config.open())?;
        Ok(Self { db, path: path.to_owned() })
    }

    /// The state, if these are all pages of `store`: every page's check holds, and their sum is the stored one.
    pub(in crate::store) fn examine(&self, store: StoreId) -> Result<IndexState, StoreError> {
        let state = self.guarded(|| self.db.get(STATE_KEY))?.and_then(|bytes| IndexState::decode(&bytes));
        let state = state.ok_or_else(|| self.damaged("it does not say how far it has come"))?;
        if state.store != store {
            return Err(self.damaged("it belongs to another store"));
        }
        let mut sum = 0_u128;
        self.guarded(|| {
            self.db.range([PAGE]..).try_for_each(|page| {
                let (low, bytes) = page?;
                // Whatever a broken page would have added: it is not the right sum.
                sum = sum.wrapping_add(Page::checked(&low[1..], &bytes).map_or(1, |(check, _)| check));
                Ok(())
            })
        })?;
        if sum == state.sum { Ok(state) } else { Err(self.damaged("pages are missing or changed")) }
    }

    /// The row under `key`.
    pub(super) fn find(&self, key: &[u8]) -> Result<Option<Slot>, StoreError> {
        let Some((_, bytes)) = self.page_of(key)? else { return Ok(None) };
        let found = || {
            let page = Page::parse(&bytes)?;
            let nth = page.before(key)?;
            // The row at this place, if there is one, is the first that does not sort before the key.
            Some(if nth < page.len() { Some(page.row(nth)?).filter(|(found, _)| *found == key) } else { None })
        };
        let found = found().ok_or_else(|| self.damaged("a page cannot be read"))?;
        Ok(found.map(|(_, slot)| slot))
    }

    /// The rows within `range`, whose bounds these are, in order.
    pub(super) fn rows<'a>(
        &'a self,
        range: &'a KeyRange,
        bounds: Bounds<'a>,
        direction: Direction,
    ) -> Result<Rows<'a>, StoreError> {
        // The first row may lie in a page that begins before the range.
        let first = self.page_of(&range.start)?.map_or_else(|| vec![PAGE], |(low, _)| page_key(&low));
        let pages = match &range.end {
            Some(end) => self.guarded(|| Ok(self.db.range(first..page_key(end))))?,
            None => self.guarded(|| Ok(self.db.range(first..)))?,
        };
        Ok(Rows { of: self, bounds, direction, pages, ready: Vec::new().into_iter() })
    }

    /// Works `changed` into the pages that it touches. Nothing is written yet, and nothing that is read changes.
    pub(super) fn rewrite(
        &self,
        state: &IndexState,
        changed: &Changed,
        sequence: u64,
        digest: Hash,
    ) -> Result<Rewritten, StoreError> {
        let mut batch = sled::Batch::default();
        let mut sum = state.sum;
        let mut changes = changed.iter().peekable();
        while let Some((first, _)) = changes.peek() {
            let (low, old) = self.page_of(first)?.unwrap_or_default();
            let next = self.guarded(|| self.db.get_gt(page_key(&low)))?.map(|(key, _)| key[1..].to_vec());
            let old = match old.is_empty() {
                true => None,
                false => Some(Page::checked(&low, &old).ok_or_else(|| self.damaged("a page is broken"))?),
            };
            let here = |key: &[u8]| next.as_deref().is_none_or(|next| key < next);
            let mine = std::iter::from_fn(|| changes.next_if(|(key, _)| here(key)));
            let (rows, at_end) = self.merge(old.map(|(_, page)| page), mine)?;
            if let Some((check, _)) = old {
                sum = sum.wrapping_sub(check);
                batch.remove(page_key(&low));
            }
            for (low, check, bytes) in cut(low, &rows, at_end) {
                sum = sum.wrapping_add(check);
                batch.insert(page_key(&low), bytes);
            }
        }
        let state = IndexState { store: state.store, sequence, digest, sum };
        batch.insert(STATE_KEY, state.encode());
        Ok(Rewritten { batch, state })
    }

    /// Writes pages made by [`Pages::rewrite`], all at once.
    pub(super) fn write(&self, rewritten: Rewritten) -> Result<IndexState, StoreError> {
        self.guarded(|| self.db.apply_batch(rewritten.batch))?;
        Ok(rewritten.state)
    }

    /// Writes all that sled holds in memory to its files. (To the kernel only: sled does not fsync.)
    pub(in crate::store) fn flush(&self) -> Result<(), StoreError> {
        self.guarded(|| self.db.flush()).map(drop)
    }

    /// The rows of a page with changes worked in, in order, and whether all changes came after the rows that were there.
    fn merge<'a>(
        &self,
        page: Option<Page<'_>>,
        changes: impl Iterator<Item = (&'a Vec<u8>, &'a Option<Slot>)>,
    ) -> Result<(BTreeMap<Vec<u8>, Slot>, bool), StoreError> {
        let mut rows = BTreeMap::new();
        for nth in 0..page.map_or(0, |page| page.len()) {
            let row = page.and_then(|page| page.row(nth)).ok_or_else(|| self.damaged("a page cannot be read"))?;
            rows.insert(row.0.to_vec(), row.1);
        }
        let last = rows.last_key_value().map(|(key, _)| key.clone());
        let mut at_end = true;
        for (key, change) in changes {
            at_end &= last.as_ref().is_none_or(|last| last < key);
            match change {
                Some(slot) => drop(rows.insert(key.clone(), slot.clone())),
                None => drop(rows.remove(key)),
            }
        }
        Ok((rows, at_end))
    }

    /// The page in which `key` stands if it stands anywhere: its low key and its bytes.
    fn page_of(&self, key: &[u8]) -> Result<Option<(Vec<u8>, IVec)>, StoreError> {
        let mut above = page_key(key);
        above.push(0);
        let found = self.guarded(|| self.db.get_lt(above))?;
        Ok(found.filter(|(found, _)| found[0] == PAGE).map(|(found, bytes)| (found[1..].to_vec(), bytes)))
    }

    fn guarded<T>(&self, operation: impl FnOnce() -> sled::Result<T>) -> Result<T, StoreError> {
        guarded(&self.path, operation)
    }

    pub(super) fn damaged(&self, detail: &str) -> StoreError {
        damaged(&self.path, detail.into())
    }
}

/// The rows of a range, page by page.
pub(super) struct Rows<'a> {
    of: &'a Pages,
    bounds: Bounds<'a>,
    direction: Direction,
    pages: sled::Iter,
    ready: std::vec::IntoIter<KeyAndSlot>,
}

impl Iterator for Rows<'_> {
    type Item = Result<KeyAndSlot, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(row) = self.ready.next() {
                return Some(Ok(row));
            }
            match self.next_page() {
                Ok(Some(rows)) => self.ready = rows.into_iter(),
                Ok(None) => return None,
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

impl Rows<'_> {
    fn next_page(&mut self) -> Result<Option<Vec<KeyAndSlot>>, StoreError> {
        let pages = &mut self.pages;
        let page = guarded(&self.of.path, || match self.direction {
            Direction::Forward => pages.next().transpose(),
            Direction::Reverse => pages.next_back().transpose(),
        })?;
        let Some((_, bytes)) = page else { return Ok(None) };
        let page = Page::parse(&bytes).ok_or_else(|| self.of.damaged("a page cannot be read"))?;
        let mut rows = Vec::with_capacity(page.len());
        for nth in 0..page.len() {
            let (key, slot) = page.row(nth).ok_or_else(|| self.of.damaged("a page cannot be read"))?;
            if std::ops::RangeBounds::<[u8]>::contains(&self.bounds, key) {
                rows.push((key.to_vec(), slot));
            }
        }
        if self.direction == Direction::Reverse {
            rows.reverse();
        }
        Ok(Some(rows))
    }
}

/// Cuts rows into pages, the first of which has the low key `low`. Pages that are appended to are filled; others are left
/// with room, so that rows that come between them do not make ever smaller ones.
fn cut(low: Vec<u8>, rows: &BTreeMap<Vec<u8>, Slot>, at_end: bool) -> Vec<(Vec<u8>, u128, Vec<u8>)> {
    let mut whole = PageBuilder::default();
    rows.iter().for_each(|(key, slot)| whole.push(key, slot));
    if rows.is_empty() {
        return Vec::new();
    }
    if whole.len() <= PAGE_BYTES {
        let (check, bytes) = whole.finish(&low);
        return vec![(low, check, bytes)];
    }
    let fill = if at_end { PAGE_BYTES } else { whole.len() / (whole.len() / PAGE_BYTES + 1) };
    let (mut pages, mut low, mut page) = (Vec::new(), low, PageBuilder::default());
    for (key, slot) in rows {
        if page.len() >= fill {
            let (check, bytes) = std::mem::take(&mut page).finish(&low);
            pages.push((std::mem::replace(&mut low, key.clone()), check, bytes));
        }
        page.push(key, slot);
    }
    let (check, bytes) = page.finish(&low);
    pages.push((low, check, bytes));
    pages
}

fn page_key(low: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(low.len() + 2);
    key.push(PAGE);
    key.extend_from_slice(low);
    key
}

/// Runs an operation of sled; its errors, and its panics, mean that its files are damaged.
fn guarded<T>(path: &Path, operation: impl FnOnce() -> sled::Result<T>) -> Result<T, StoreError> {
    match quiet::catch(operation) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(sled::Error::Io(source))) => Err(StoreError::Io { what: "use", path: path.to_owned(), source }),
        // sled's own words end in a place for a backtrace.
        Ok(Err(sled::Error::Corruption { .. })) => Err(damaged(path, "sled cannot read its file".into())),
        Ok(Err(error)) => Err(damaged(path, error.to_string())),
        Err(panic) => Err(damaged(path, format!("sled panicked: {panic}"))),
    }
}

fn damaged(path: &Path, detail: String) -> StoreError {
    StoreError::Damaged {
        path: path.to_owned(),
        detail,
        advice: "停止服务并运行 cqo-ledger reindex stop the service and run `cqo-ledger reindex`: everything is in the journal",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::RowKey;

    const STORE: StoreId = StoreId([9; 16]);

    fn slot(key: &[u8], version: u64) -> Slot {
        Slot::new(key, version, &version.to_be_bytes().repeat(1 + usize::try_from(version % 5).unwrap()), 0)
    }

    fn all(pages: &Pages, direction: Direction) -> Vec<(Vec<u8>, Slot)> {
        let range = KeyRange::prefix(RowKey(Vec::new()));
        let mut rows: Vec<_> =
            pages.rows(&range, range.bounds().unwrap(), direction).unwrap().map(|row| row.unwrap()).collect();
        if direction == Direction::Reverse {
            rows.reverse();
        }
        rows
    }

    /// Rows come in at the end, in between and over each other, and go again: the pages hold what a map would, their sum
    /// is right after every step, and none grows much beyond its size or stays behind empty.
    #[test]
    fn pages_hold_what_a_map_would() {
        bolero::check!().with_type::<Vec<(u8, u16, u16, bool)>>().with_iterations(40).for_each(|steps| {
            let dir = tempfile::tempdir().unwrap();
            let pages = Pages::open(dir.path(), 1 << 20).unwrap();
            let (mut model, mut state) = (BTreeMap::new(), IndexState::empty(STORE));
            for (nth, (table, from, count, is_put)) in (1_u64..).zip(steps) {
                let mut changed = Changed::new();
                for i in 0..u32::from(*count % 700) {
                    // A long key from time to time, so that pages are cut at odd places.
                    let key =
                        [&[1 + table % 3][..], &(u32::from(*from) + i).to_be_bytes(), &vec![5; (i % 97) as usize]];
                    let key = key.concat();
                    changed.insert(key.clone(), is_put.then(|| slot(&key, nth)));
                }
                for (key, slot) in &changed {
                    match slot {
                        Some(slot) => drop(model.insert(key.clone(), slot.clone())),
                        None => drop(model.remove(key)),
                    }
                }
                let rewritten = pages.rewrite(&state, &changed, nth, Hash::ZERO).unwrap();
                assert_ne!(rewritten.state, state);
                state = pages.write(rewritten).unwrap();
                assert_eq!(pages.examine(STORE).unwrap(), state);
            }
            let expected: Vec<_> = model.into_iter().collect();
            assert_eq!(all(&pages, Direction::Forward), expected);
            assert_eq!(all(&pages, Direction::Reverse), expected);
            for (key, slot) in &expected {
                assert_eq!(pages.find(key).unwrap().as_ref(), Some(slot));
                assert_eq!(pages.find(&[key, &[0][..]].concat()).unwrap(), None);
            }
            for page in pages.db.range([PAGE]..) {
                let (_, bytes) = page.unwrap();
                assert!(bytes.len() < PAGE_BYTES + 512 && Page::parse(&bytes).unwrap().len() > 0);
            }
        });
    }

    #[test]
    fn rows_that_come_in_between_leave_pages_half_full_and_appended_ones_full() {
        let fill = |numbers: Vec<u64>| {
            let dir = tempfile::tempdir().unwrap();
            let pages = Pages::open(dir.path(), 1 << 20).unwrap();
            let mut state = IndexState::empty(STORE);
            let mut rows = 0;
            for some in numbers.chunks(100) {
                let keys = some.iter().map(|number| [&[1], &number.to_be_bytes()[..]].concat());
                let changed: Changed = keys.map(|key| (key.clone(), Some(slot(&key, 1)))).collect();
                rows += changed.len();
                state = pages.write(pages.rewrite(&state, &changed, 1, Hash::ZERO).unwrap()).unwrap();
            }
            rows / pages.db.range([PAGE]..).count()
        };
        let appended = fill((0..20_000).collect());
        let scattered = fill((0..20_000_u64).map(|n| n.wrapping_mul(0x9E37_79B9_7F4A_7C15)).collect());
        assert!(appended > 150 && scattered * 2 >= appended, "{appended} and {scattered} rows a page");
    }

    #[test]
    fn a_missing_old_or_broken_page_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let pages = Pages::open(dir.path(), 1 << 20).unwrap();
        let mut state = IndexState::empty(STORE);
        for version in [1, 2] {
            let changed = (0_u32..500).map(|n| [&[1], &n.to_be_bytes()[..]].concat());
            let changed = changed.map(|key| (key.clone(), Some(slot(&key, version)))).collect();
            state = pages.write(pages.rewrite(&state, &changed, version, Hash::ZERO).unwrap()).unwrap();
        }
        let (low, whole) = pages.db.range([PAGE]..).nth(1).unwrap().unwrap();
        let mut flipped = whole.to_vec();
        flipped[40] ^= 1;
        for broken in [None, Some(flipped)] {
            match broken {
                Some(bytes) => drop(pages.db.insert(&low, bytes).unwrap()),
                None => drop(pages.db.remove(&low).unwrap()),
            }
            assert!(matches!(pages.examine(STORE), Err(StoreError::Damaged { .. })));
            pages.db.insert(&low, &whole).unwrap();
            assert_eq!(pages.examine(STORE).unwrap(), state);
        }
        assert!(matches!(pages.examine(StoreId([1; 16])), Err(StoreError::Damaged { .. })));
    }
}
