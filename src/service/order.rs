//! The order of acceptance: the places of all entries, which are their order on the chain.
//!
//! The places that one request was given are one row, a run, with the facts of its receipt. A block holds a stretch of
//! the order that need not begin or end with a run.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::error::Error;
use super::tables::RUNS;
use crate::ledger::commitment::Commitment;
use crate::ledger::entry::{Body, Entry};
use crate::merkle::Hash;
use crate::standard::UnixMillis;
use crate::store::{Store, StoreError, Value, WithTail, Write};

/// Runs that are read at once.
const RUNS_PER_SCAN: usize = 256;
const ID_LEN: usize = 16;
const HASH_LEN: usize = 32;
/// Id, commitment, learner, and what it is.
const PLACE_LEN: usize = ID_LEN + HASH_LEN + ID_LEN + 1;
/// Id and commitment: all that rows of schema 1 held of a place.
const PLACE_LEN_1: usize = ID_LEN + HASH_LEN;

/// What is kept of an entry in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// Which entry.
    pub(super) id: Uuid,
    /// What stands on the chain for it.
    pub(super) commitment: Commitment,
    /// Whose entry it is; nil for nobody's.
    pub(super) learner: Uuid,
    /// What it is, as far as certificates ask.
    pub(super) what: What,
}

/// What an entry is, in one byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// It has its place since a time when this was not written down: the entry itself tells.
    Unknown = 0,
    /// Nothing that counts for a learner.
    Other = 1,
    /// Study.
    Study = 2,
    /// Study that finishes a course.
    Completion = 3,
    /// An organised activity.
    Activity = 4,
    /// A correction.
    Correction = 5,
}

impl What {
    /// What this entry is.
    pub(super) fn of(entry: &Entry) -> Self {
        match &entry.body {
            Body::Study(_, study) if study.completes => Self::Completion,
            Body::Study(..) => Self::Study,
            Body::Activity(..) => Self::Activity,
            Body::Correction(..) => Self::Correction,
            _ => Self::Other,
        }
    }

    pub(super) fn read(byte: u8) -> Option<Self> {
        [Self::Unknown, Self::Other, Self::Study, Self::Completion, Self::Activity, Self::Correction]
            .into_iter()
            .find(|what| *what as u8 == byte)
    }
}

/// The places that were given at once, from the first on.
#[derive(Debug, Clone)]
pub(super) struct Run {
    /// The place of the first one.
    pub(super) first: u64,
    /// What their receipt says; the entries that found the ledger have none.
    pub(super) receipt: Option<ReceiptFacts>,
    /// All of them, in order.
    pub(super) places: Vec<Place>,
}

/// Where the order ends.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tail {
    /// The first place of the last run: the next one is conditional on it.
    pub(super) last_run: Option<u64>,
    /// The first free place.
    pub(super) next: u64,
}

/// The head of a run's row; the tail holds 65 bytes for each place: id, commitment, learner, and what it is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct RunHead {
    receipt: Option<ReceiptFacts>,
}

/// What a receipt adds to its entries.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ReceiptFacts {
    pub(super) accepted: UnixMillis,
    pub(super) seal_by: UnixMillis,
    /// The id of the key that signed.
    pub(super) key: Hash,
    pub(super) sig: String,
}

impl Run {
    /// The row of this run.
    pub(super) fn put(self) -> Result<Write, StoreError> {
        let mut tail = Vec::with_capacity(self.places.len() * PLACE_LEN);
        for place in &self.places {
            tail.extend_from_slice(place.id.as_bytes());
            tail.extend_from_slice(place.commitment.hash().as_bytes());
            tail.extend_from_slice(place.learner.as_bytes());
            tail.push(place.what as u8);
        }
        RUNS.put(&self.first, &WithTail { head: RunHead { receipt: self.receipt }, tail })
    }

    /// The run that holds a place.
    pub(super) async fn of(store: &dyn Store, place: u64) -> Result<Self, Error> {
        let before = RUNS.scan_back(store, RUNS.before(&(place + 1)), 1).await?.pop();
        let run = before.map(|(first, row)| Self::read(first, row.value)).transpose()?;
        run.filter(|run| place < run.end()).ok_or_else(|| Error::Internal(format!("place {place} is empty")))
    }

    /// The last run; none when nothing was accepted yet.
    pub(super) async fn last(store: &dyn Store) -> Result<Option<Self>, Error> {
        RUNS.last(store).await?.map(|(first, row)| Self::read(first, row.value)).transpose()
    }

    fn read(first: u64, row: WithTail<RunHead>) -> Result<Self, Error> {
        let (places, rest) = row.tail.as_chunks::<PLACE_LEN>();
        if !rest.is_empty() || places.is_empty() {
            return Err(Error::Internal(format!("the run of place {first} cannot be read")));
        }
        let places = places.iter().map(|bytes| {
            let (id, rest) = bytes.split_at(ID_LEN);
            let (commitment, rest) = rest.split_at(HASH_LEN);
            let (learner, what) = rest.split_at(ID_LEN);
            let what = what.first().and_then(|byte| What::read(*byte));
            Ok(Place {
                id: Uuid::from_slice(id).map_err(Error::internal)?,
                commitment: Commitment::from_hash(Hash::try_from(commitment).map_err(Error::internal)?),
                learner: Uuid::from_slice(learner).map_err(Error::internal)?,
                what: what.ok_or_else(|| Error::Internal(format!("the run of place {first} has an unknown entry")))?,
            })
        });
        Ok(Self { first, receipt: row.head.receipt, places: places.collect::<Result<_, Error>>()? })
    }

    /// Every run, from the first, a page at a time.
    pub(super) async fn after(store: &dyn Store, last: Option<u64>) -> Result<Vec<Self>, Error> {
        let range = last.map_or_else(|| RUNS.all(), |last| RUNS.after(&last));
        let rows = RUNS.scan(store, range, RUNS_PER_SCAN).await?;
        rows.into_iter().map(|(first, row)| Self::read(first, row.value)).collect()
    }

    /// The first place after it.
    pub(super) fn end(&self) -> u64 {
        self.first + self.places.len() as u64
    }

    /// Where the order ends, if this is its last run.
    pub(super) fn tail(&self) -> Tail {
        Tail { last_run: Some(self.first), next: self.end() }
    }

    /// What is kept in a place of this run.
    pub(super) fn place(&self, place: u64) -> Option<&Place> {
        let nth = usize::try_from(place.checked_sub(self.first)?).ok()?;
        self.places.get(nth)
    }
}

/// A row of the time when a place held id and commitment alone: whose it is and what it is, the entry tells.
pub(super) fn run_of_schema_1(_schema: u8, bytes: &[u8]) -> Result<WithTail<RunHead>, serde_json::Error> {
    let mut row = <WithTail<RunHead> as Value>::read(bytes)?;
    let (places, rest) = row.tail.as_chunks::<PLACE_LEN_1>();
    let mut tail = Vec::with_capacity(places.len() * PLACE_LEN + rest.len());
    for place in places {
        tail.extend_from_slice(place);
        tail.extend_from_slice(Uuid::nil().as_bytes());
        tail.push(What::Unknown as u8);
    }
    // What is no whole place is passed on, and refused where the row is read.
    tail.extend_from_slice(rest);
    row.tail = tail;
    Ok(row)
}

/// What is kept in the places of `range`, all of which must be taken.
pub(super) async fn places(store: &dyn Store, range: std::ops::Range<u64>) -> Result<Vec<Place>, Error> {
    let empty = |place| Error::Internal(format!("place {place} is empty"));
    let mut found = Vec::with_capacity(usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(0));
    if range.is_empty() {
        return Ok(found);
    }
    let mut next = range.start;
    let mut from = Run::of(store, next).await?.first;
    while next < range.end {
        let rows = RUNS.scan(store, RUNS.from(&from), RUNS_PER_SCAN).await?;
        if rows.is_empty() {
            return Err(empty(next));
        }
        for (first, row) in rows {
            if next >= range.end {
                break;
            }
            let run = Run::read(first, row.value)?;
            if next < run.first {
                return Err(empty(next));
            }
            from = run.end();
            while next < range.end
                && let Some(place) = run.place(next)
            {
                found.push(*place);
                next += 1;
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Commit, Event, MemoryDisk};

    #[tokio::test]
    async fn any_stretch_of_the_order_is_read_whatever_runs_it_was_given_in() {
        let store = MemoryDisk::new().open();
        let place = |n: u64| Place {
            id: Uuid::from_u64_pair(0, n),
            commitment: Commitment::from_hash([n as u8; 32].into()),
            learner: Uuid::from_u64_pair(1, n % 3),
            what: What::read(n as u8 % 6).unwrap(),
        };
        let mut first = 0;
        for len in [2, 1, 5, 1, 300, 7] {
            let run = Run { first, receipt: None, places: (first..first + len).map(place).collect() };
            first = run.end();
            store.commit(Commit::new(Event::default()).write(run.put().unwrap())).await.unwrap();
        }
        for range in [0..first, 1..3, 2..3, 7..9, 8..first - 1, 300..316, 5..5] {
            let expected: Vec<Place> = range.clone().map(place).collect();
            assert_eq!(places(&store, range.clone()).await.unwrap(), expected, "{range:?}");
        }
        assert_eq!(Run::of(&store, 8).await.unwrap().first, 8);
        assert_eq!(Run::of(&store, 100).await.unwrap().place(100), Some(&place(100)));
        assert_eq!(Run::last(&store).await.unwrap().unwrap().end(), first);
        assert!(Run::of(&store, first).await.is_err());
        assert!(places(&store, first - 1..first + 1).await.is_err());
    }

    /// Rows as ledgers of before have them: 48 bytes for each place.
    #[tokio::test]
    async fn a_run_of_schema_1_is_read_and_a_torn_one_refused() {
        let store = MemoryDisk::new().open();
        for (first, tail, good) in [(0, vec![7; 96], true), (2, vec![7; 95], false), (2, vec![7; 65], false)] {
            let bytes = [b"\x01{\"receipt\":null}\0".as_slice(), &tail].concat();
            let write = Write::Put(RUNS.row_key(&first), bytes);
            store.commit(Commit::new(Event::default()).write(write)).await.unwrap();
            let run = Run::of(&store, first).await;
            assert_eq!(run.is_ok(), good, "{} bytes", tail.len());
            if let Ok(run) = run {
                let place = run.place(1).copied().unwrap();
                assert_eq!((run.places.len(), place.learner, place.what), (2, Uuid::nil(), What::Unknown));
                assert_eq!(place.commitment.hash(), &[7; 32].into());
            }
        }
    }
}
