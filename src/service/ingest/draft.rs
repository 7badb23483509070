//! What a request will change, in the making: entry by entry.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::super::AcceptedKeys;
use super::super::error::Error;
use super::super::order::{Place, Tail, What};
use super::super::tables::{ENTRIES, EntryHead, EntryRow};
use crate::ledger::entry::EntryId;
use crate::ledger::receipt::ReceiptEntry;
use crate::ledger::signed::SignedEntry;
use crate::merkle::Hash;
use crate::store::{StoreError, Write};

/// The changes of a request in the making.
pub(super) struct Draft {
    pub(super) after: Tail,
    pub(super) next: u64,
    pub(super) rows: Vec<Write>,
    pub(super) promised: Vec<ReceiptEntry>,
    pub(super) places: Vec<Place>,
    pub(super) keys: Option<AcceptedKeys>,
    pub(super) seen: HashMap<EntryId, Known>,
    corrected: HashSet<EntryId>,
    pub(super) earlier: BTreeSet<u64>,
    pub(super) sealed_at_total: Option<u64>,
}

impl Draft {
    pub(super) fn after(end: Tail, entries: usize) -> Self {
        Self {
            after: end,
            next: end.next,
            rows: Vec::with_capacity(entries + 1),
            promised: Vec::with_capacity(entries),
            places: Vec::with_capacity(entries),
            keys: None,
            seen: HashMap::new(),
            corrected: HashSet::new(),
            earlier: BTreeSet::new(),
            sealed_at_total: None,
        }
    }

    /// Gives an entry the next place.
    pub(super) fn accept(
        &mut self,
        signed: &SignedEntry,
        receipt: ReceiptEntry,
        sealed: Vec<u8>,
    ) -> Result<(), StoreError> {
        let (entry, uuid) = (signed.entry(), signed.entry().id.uuid());
        let commitment = *receipt.commitment.hash();
        let head = EntryHead {
            ordinal: self.next,
            recorder: entry.recorder.clone(),
            learner: entry.learner().map(|learner| learner.id.uuid()),
        };
        self.places.push(Place {
            id: uuid,
            commitment: receipt.commitment,
            learner: head.learner.unwrap_or_default(),
            what: What::of(entry),
        });
        self.rows.push(ENTRIES.put(&uuid, &EntryRow { head, tail: sealed })?);
        self.seen.insert(entry.id, Known { commitment, place: self.next, receipt: None });
        self.promised.push(receipt);
        self.next += 1;
        self.sealed_at_total = self.sealed_at_total.max(Some(self.next));
        Ok(())
    }

    /// An entry that was accepted before, perhaps by this very request, was sent again.
    pub(super) fn repeated(&mut self, known: Known) {
        self.earlier.extend(known.receipt);
        self.sealed_at_total = self.sealed_at_total.max(Some(known.place + 1));
    }

    /// Notes that an entry is corrected; of several corrections only the first is taken.
    pub(super) fn correct(&mut self, target: EntryId, before: bool) -> Result<(), Error> {
        if before || !self.corrected.insert(target) {
            return Err(Error::Conflict(format!("entry {target} is corrected already")));
        }
        Ok(())
    }
}

/// An entry that was accepted before.
#[derive(Clone, Copy)]
pub(super) struct Known {
    pub(super) commitment: Hash,
    pub(super) place: u64,
    pub(super) receipt: Option<u64>,
}
