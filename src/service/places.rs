//! Where everything is, in memory: a learner's entries, and the place of a commitment.
//!
//! Both follow from the order alone, so they are read from it at the start and grow with it; nothing of them is on the
//! disk. A learner is a number here, and no name is.

use std::collections::HashMap;

use uuid::Uuid;

use super::error::Error;
use super::order::{Place, Run, What};
use super::prove::named_row;
use super::vault::{DataKeyId, Vault, VaultError};
use crate::ledger::commitment::Commitment;
use crate::ledger::entry::LearnerId;
use crate::ledger::signed::SignedEntry;
use crate::store::Store;

/// Bits of a [`Mark`] that say what the entry is.
const WHAT_BITS: u32 = 8;

/// One entry of a learner: which, where in the order, and what.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    pub(super) id: Uuid,
    place: u64,
}

impl Mark {
    /// Its place in the order.
    pub(super) fn ordinal(&self) -> u64 {
        self.place >> WHAT_BITS
    }

    /// Whether it says something of its own, where a correction speaks of another entry.
    pub(super) fn says_something_new(&self) -> bool {
        self.place & ((1 << WHAT_BITS) - 1) != What::Correction as u64
    }
}

/// Both look-ups.
#[derive(Debug, Default)]
pub(super) struct Places {
    by_learner: HashMap<Uuid, Vec<Mark>>,
    by_commitment: Commitments,
}

impl Places {
    /// Reads the whole order. Of entries that have their place since before it said what they are, the entries are read.
    pub(super) async fn load(store: &dyn Store, vault: &Vault) -> Result<Self, Error> {
        let (mut places, mut last) = (Self::default(), None);
        loop {
            let runs = Run::after(store, last).await?;
            let Some(run) = runs.last() else { return Ok(places) };
            last = Some(run.first);
            for mut run in runs {
                for place in run.places.iter_mut().filter(|place| place.what == What::Unknown) {
                    (place.learner, place.what) = look_up(store, vault, place.id).await?;
                }
                places.add(run.first, &run.places);
            }
        }
    }

    /// Takes in entries that got their places, from `first` on.
    pub(super) fn add(&mut self, first: u64, places: &[Place]) {
        for (ordinal, place) in (first..).zip(places) {
            if !place.learner.is_nil() && place.what != What::Other {
                let mark = Mark { id: place.id, place: ordinal << WHAT_BITS | u64::from(place.what as u8) };
                self.by_learner.entry(place.learner).or_default().push(mark);
            }
        }
        self.by_commitment.add((first..).zip(places).map(|(ordinal, place)| (prefix(&place.commitment), ordinal)));
    }

    /// The entries of a learner before `end`, in order.
    pub(super) fn of_learner(&self, learner: Uuid, end: u64) -> Vec<Mark> {
        let marks = self.by_learner.get(&learner).map_or(&[][..], Vec::as_slice);
        marks[..marks.partition_point(|mark| mark.ordinal() < end)].to_vec()
    }

    /// How many these are.
    pub(super) fn count_of_learner(&self, learner: Uuid, end: u64) -> usize {
        let marks = self.by_learner.get(&learner).map_or(&[][..], Vec::as_slice);
        marks.partition_point(|mark| mark.ordinal() < end)
    }

    /// The places whose commitment may be this one; the order tells which is.
    pub(super) fn of_commitment(&self, commitment: &Commitment) -> Vec<u64> {
        self.by_commitment.find(prefix(commitment))
    }
}

/// Whose an entry is, and what; nothing that counts when its learner was erased.
pub(super) async fn look_up(store: &dyn Store, vault: &Vault, id: Uuid) -> Result<(Uuid, What), Error> {
    let row = named_row(store, id).await?;
    let Some(learner) = row.head.learner else { return Ok((Uuid::nil(), What::Other)) };
    let key = DataKeyId::from(LearnerId::try_from(learner).map_err(Error::internal)?);
    match vault.decrypt(key, id.as_bytes(), &row.tail) {
        Ok(bytes) => Ok((learner, What::of(SignedEntry::from_bytes(&bytes).map_err(Error::internal)?.entry()))),
        Err(VaultError::NoKey) => Ok((learner, What::Other)),
        Err(error) => Err(error.into()),
    }
}

/// The first eight bytes: commitments are hashes, so few begin alike.
fn prefix(commitment: &Commitment) -> u64 {
    commitment.hash().as_bytes().first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

/// Prefixes with their places, in sorted runs that double in length: 16 bytes an entry, and each entry is moved about as
/// often as the number of entries has binary digits.
#[derive(Debug, Default)]
struct Commitments {
    /// Longest first.
    runs: Vec<Vec<(u64, u64)>>,
}

impl Commitments {
    fn add(&mut self, fresh: impl Iterator<Item = (u64, u64)>) {
        let mut run: Vec<(u64, u64)> = fresh.collect();
        if run.is_empty() {
            return;
        }
        run.sort_unstable();
        while let Some(last) = self.runs.pop_if(|last| last.len() < run.len() * 2) {
            run = merged(last, &run);
        }
        self.runs.push(run);
    }

    fn find(&self, prefix: u64) -> Vec<u64> {
        let in_run = |run: &Vec<(u64, u64)>| {
            let from = run.partition_point(|(known, _)| *known < prefix);
            run[from..].iter().take_while(|(known, _)| *known == prefix).map(|(_, place)| *place).collect::<Vec<_>>()
        };
        self.runs.iter().flat_map(in_run).collect()
    }
}

fn merged(one: Vec<(u64, u64)>, other: &[(u64, u64)]) -> Vec<(u64, u64)> {
    let mut all = Vec::with_capacity(one.len() + other.len());
    let mut other = other.iter().copied().peekable();
    for item in one {
        while let Some(less) = other.next_if(|next| *next < item) {
            all.push(less);
        }
        all.push(item);
    }
    all.extend(other);
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merkle::Hash;
    use crate::store::remains::Random;

    fn place(n: u64, learner: u64, what: What) -> Place {
        let commitment = Commitment::from_hash(Hash::of(&[&n.to_be_bytes()]));
        Place { id: Uuid::from_u64_pair(9, n), commitment, learner: Uuid::from_u64_pair(0, learner), what }
    }

    #[test]
    fn every_entry_is_found_by_its_learner_and_by_its_commitment() {
        let (mut places, mut random, mut next) = (Places::default(), Random(7), 0);
        while next < 3_000 {
            let run: Vec<Place> =
                (0..1 + random.below(40) as u64).map(|i| place(next + i, (next + i) % 5, What::Study)).collect();
            places.add(next, &run);
            next += run.len() as u64;
        }
        assert!(places.by_commitment.runs.len() <= 12, "{} runs", places.by_commitment.runs.len());
        for n in 0..next {
            assert_eq!(places.of_commitment(&place(n, 0, What::Study).commitment), [n]);
        }
        assert!(places.of_commitment(&place(next, 0, What::Study).commitment).is_empty());
        let found = |learner, end| {
            let marks = places.of_learner(Uuid::from_u64_pair(0, learner), end);
            marks.iter().map(|mark| (mark.ordinal(), mark.id)).collect::<Vec<_>>()
        };
        let id = |n| Uuid::from_u64_pair(9, n);
        assert_eq!(found(2, 13), [(2, id(2)), (7, id(7)), (12, id(12))]);
        assert_eq!(found(2, 12), [(2, id(2)), (7, id(7))]);
        // Nobody's entries have no learner.
        assert_eq!((found(0, 99), found(6, 99)), (vec![], vec![]));
    }

    #[test]
    fn commitments_that_begin_alike_are_all_candidates() {
        let mut commitments = Commitments::default();
        for (prefix, place) in [(5, 1), (5, 9), (4, 2), (5, 3)] {
            commitments.add([(prefix, place)].into_iter());
        }
        let mut found = commitments.find(5);
        found.sort_unstable();
        assert_eq!((found, commitments.find(4), commitments.find(6)), (vec![1, 3, 9], vec![2], vec![]));
    }
}
