//! Receipts: what is promised for the entries of a request, and the same promise made again.

use std::collections::BTreeSet;

use super::super::Service;
use super::super::access::Actor;
use super::super::error::Error;
use super::super::order::{ReceiptFacts, Run, Tail};
use super::super::tables::{ENTRIES, RUNS};
use super::draft::Draft;
use super::round::Changes;
use crate::ledger::entry::EntryId;
use crate::ledger::keys::{Alg, KeyId};
use crate::ledger::receipt::{Receipt, ReceiptEntry, SignedReceipt};
use crate::merkle::Hash;
use crate::standard::UnixMillis;
use crate::store::Commit;

/// Most earlier receipts of one answer: each has to be made again from the entries it covers. Entries whose receipt is
/// left out are told to be duplicates all the same; sending fewer of them brings it.
pub const MAX_EARLIER_RECEIPTS: usize = 16;

impl Service {
    /// The receipt for what a request brings, and the commit that makes it true.
    pub(super) fn promise(&self, actor: &Actor, draft: Draft) -> Result<(SignedReceipt, Changes), Error> {
        let Draft { after, next, promised, places, .. } = draft;
        let first = after.next;
        let digests: Vec<u8> = places.iter().flat_map(|place| *place.commitment.hash().as_bytes()).collect();
        // Block times never go back. When the clock has, a promise counted from it might be broken already.
        let accepted = self.clock.now().max(self.published().tip.time);
        let seal_by = UnixMillis::new(accepted.millis() + self.settings.seal_by_ms)
            .map_err(|error| Error::Internal(error.to_string()))?;
        let key = self.receipt_key_id();
        let receipt = Receipt { ledger: self.origin.clone(), accepted, seal_by, key, entries: promised };
        let receipt = receipt.sign(&self.receipt_key);
        let sig = hex::encode(&receipt.signature);
        let facts = ReceiptFacts { accepted, seal_by, key: *key.hash(), sig };
        let mut event = self.event(actor, "submit_entries", format!("{first}+{}", next - first));
        event.digest = Some(Hash::of(&[&digests]));
        let run = Run { first, receipt: Some(facts), places: places.clone() };
        let mut commit = Commit::new(event).when(RUNS.absent(&first)).write_all(draft.rows).write(run.put()?);
        if let Some(before) = after.last_run {
            commit = commit.when(RUNS.present(&before));
        }
        let end = Tail { last_run: Some(first), next };
        Ok((receipt, Changes { commit: Some(commit), end, keys: draft.keys, first, places }))
    }

    /// The receipts of these first places, as far as they can be made again.
    pub(super) async fn receipts(&self, actor: &Actor, firsts: BTreeSet<u64>) -> Result<Vec<SignedReceipt>, Error> {
        let mut receipts = Vec::new();
        for first in firsts.into_iter().take(MAX_EARLIER_RECEIPTS) {
            // A receipt that covers others' entries too, or one that cannot be made again because an entry of it was
            // erased, is left out.
            match self.receipt(actor, first).await {
                Ok(receipt) => receipts.push(receipt),
                Err(Error::NotFound(_) | Error::Erased(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(receipts)
    }

    /// The receipt whose first entry has this place, made again from what is kept.
    async fn receipt(&self, actor: &Actor, first: u64) -> Result<SignedReceipt, Error> {
        let missing = || Error::Internal(format!("the receipt of place {first} is missing"));
        let run = Run::of(&*self.store, first).await?;
        let facts = run.receipt.ok_or_else(missing)?;
        let mut entries = Vec::with_capacity(run.places.len());
        for place in run.places {
            let id = EntryId::try_from(place.id).map_err(|_| missing())?;
            let entry = ENTRIES.get(&*self.store, &place.id).await?.ok_or_else(missing)?.value;
            if !actor.owns(&entry.head.recorder) {
                return Err(Error::NotFound("receipt"));
            }
            let (signed, salt) = self.open_with_salt(id, &entry)?;
            entries.push(ReceiptEntry::of(&signed, salt));
        }
        let key = facts.key.to_string().parse().map_err(|_| missing())?;
        let receipt =
            Receipt { ledger: self.origin.clone(), accepted: facts.accepted, seal_by: facts.seal_by, key, entries };
        let signature = hex::decode(&facts.sig).map_err(|_| missing())?;
        Ok(SignedReceipt { receipt, signature })
    }

    fn receipt_key_id(&self) -> KeyId {
        KeyId::of(&Alg::Ed25519, self.receipt_key.verifying_key().as_bytes())
    }
}
