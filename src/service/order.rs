//! The order of acceptance: the places of all entries, which are their order on the chain.
//!
//! The places that one request was given are one row, a run, with the facts of its receipt. A block holds a stretch of
//! the order that need not begin or end with a run.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::error::Error;
use super::tables::RUNS;
use crate::ledger::commitment::Commitment;
use crate::merkle::Hash;
use crate::standard::UnixMillis;
use crate::store::{Store, StoreError, WithTail, Write};

/// Runs that are read at once.
const RUNS_PER_SCAN: usize = 256;
const ID_LEN: usize = 16;
const PLACE_LEN: usize = ID_LEN + 32;

/// What is kept of an entry in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// Which entry.
    pub(super) id: Uuid,
    /// What stands on the chain for it.
    pub(super) commitment: Commitment,
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

/// The head of a run's row; the tail holds 48 bytes for each place: id, commitment.
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
            let (id, commitment) = bytes.split_at(ID_LEN);
            let id = Uuid::from_slice(id).map_err(Error::internal)?;
            let commitment = Hash::try_from(commitment).map_err(Error::internal)?;
            Ok(Place { id, commitment: Commitment::from_hash(commitment) })
        });
        Ok(Self { first, receipt: row.head.receipt, places: places.collect::<Result<_, Error>>()? })
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
        let place =
            |n: u64| Place { id: Uuid::from_u64_pair(0, n), commitment: Commitment::from_hash([n as u8; 32].into()) };
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
}
