//! What can be judged only with everything before it in sight: duplicates, corrections, keys.

use std::sync::Arc;

use super::super::Service;
use super::super::check::{Prepared, bad_signature};
use super::super::error::Error;
use super::super::order::Run;
use super::super::tables::{CORRECTED, CorrectedRow, ENTRIES, KEYS, KeyRow};
use super::EntryOutcome;
use super::draft::{Draft, Known};
use crate::ledger::commitment::Commitment;
use crate::ledger::entry::{Body, Correction, EntryId, KeyChange, Learner};
use crate::ledger::fields::Problem;
use crate::ledger::keys::KeyError;
use crate::ledger::signed::SignedEntry;

impl Service {
    /// Decides about one entry: a duplicate, a refusal, or the next place.
    pub(super) async fn place(&self, draft: &mut Draft, prepared: Prepared) -> Result<EntryOutcome, Error> {
        let Prepared { signed, receipt, verdict } = prepared;
        let id = signed.entry().id;
        let commitment = *receipt.commitment.hash();
        let known = match draft.seen.get(&id) {
            Some(known) => Some(*known),
            None => self.known(id).await?,
        };
        if let Some(known) = known.filter(|known| known.commitment == commitment) {
            draft.repeated(known);
            return Ok(EntryOutcome::Duplicate(commitment));
        }
        let sealed = match verdict {
            Ok(_) if known.is_some() => {
                let conflict = Error::Conflict(format!("another entry stands under the id {id}"));
                return Ok(EntryOutcome::Rejected(conflict));
            }
            Ok(sealed) => sealed,
            Err(error) => return Ok(EntryOutcome::Rejected(error)),
        };
        match self.judge_in_order(draft, &signed).await {
            Ok(()) => {}
            Err(ours @ (Error::Internal(_) | Error::Unavailable(_) | Error::NoRoom(_))) => return Err(ours),
            Err(error) => return Ok(EntryOutcome::Rejected(error)),
        }
        draft.accept(&signed, receipt, sealed)?;
        Ok(EntryOutcome::Accepted(commitment))
    }

    /// The accepted entry of this id.
    async fn known(&self, id: EntryId) -> Result<Option<Known>, Error> {
        let Some(row) = ENTRIES.get(&*self.store, &id.uuid()).await? else { return Ok(None) };
        let ordinal = row.value.head.ordinal;
        let run = Run::of(&*self.store, ordinal).await?;
        let commitment = *commitment_at(&run, ordinal)?.hash();
        Ok(Some(Known { commitment, place: ordinal, receipt: run.receipt.map(|_| run.first) }))
    }

    /// What can be judged only with everything before it in sight.
    async fn judge_in_order(&self, draft: &mut Draft, signed: &SignedEntry) -> Result<(), Error> {
        match &signed.entry().body {
            Body::Key(_) => self.place_key(draft, signed),
            Body::Correction(learner, correction) => {
                self.check_keys_not_ended(signed)?;
                self.check_target(signed, learner, correction).await?;
                draft.correct(
                    correction.target,
                    CORRECTED.get(&*self.store, &correction.target.uuid()).await?.is_some(),
                )?;
                let by = CorrectedRow { by: signed.entry().id.uuid() };
                draft.rows.push(CORRECTED.put(&correction.target.uuid(), &by)?);
                Ok(())
            }
            Body::Study(..) | Body::Activity(..) | Body::Certificate(_) | Body::Status(_) => {
                self.check_keys_not_ended(signed)
            }
        }
    }

    /// The signature was judged before; meanwhile a retirement may have been accepted, which will be sealed first.
    fn check_keys_not_ended(&self, signed: &SignedEntry) -> Result<(), Error> {
        let keys = self.keys();
        for signature in signed.signatures() {
            if keys.register.key(signature.key).map_err(bad_signature)?.ended.is_some() {
                return Err(bad_signature(KeyError::Ended(signature.key)));
            }
        }
        Ok(())
    }

    /// Takes a key entry into the register that this request will leave behind.
    fn place_key(&self, draft: &mut Draft, signed: &SignedEntry) -> Result<(), Error> {
        let keys = self.keys();
        let published = self.published();
        refuse_height_to_come(signed, published.height() + 1)?;
        let in_force = keys.within(published.total());
        for signature in signed.signatures() {
            if keys.register.key(signature.key).map_err(bad_signature)?.added >= in_force {
                return Err(bad_signature(KeyError::NotYet(signature.key)));
            }
        }
        let text = String::from_utf8(signed.bytes().to_vec()).map_err(|error| Error::Internal(error.to_string()))?;
        let changed = draft.keys.get_or_insert_with(|| keys.clone());
        Arc::make_mut(&mut changed.register).push(signed).map_err(bad_signature)?;
        let element = changed.ordinals.len() as u64;
        Arc::make_mut(&mut changed.ordinals).push(draft.next);
        draft.rows.push(KEYS.put(&element, &KeyRow { ordinal: draft.next, signed: text })?);
        Ok(())
    }

    /// Holds a correction against its target: known, unchanged, of the same learner, and saying what can be corrected.
    async fn check_target(
        &self,
        signed: &SignedEntry,
        learner: &Learner,
        correction: &Correction,
    ) -> Result<(), Error> {
        let refuse = |name: &str, en: &str, zh: &str| Error::field(format!("entry.{name}"), Problem::mismatch(en, zh));
        let by_authority = self.keys().register.has_authority(signed);
        let row = ENTRIES.get(&*self.store, &correction.target.uuid()).await?.map(|row| row.value);
        let row = row.filter(|row| by_authority || row.head.recorder == signed.entry().recorder).ok_or_else(|| {
            refuse("target.id", "is not an entry that this recorder may correct", "不是该机构可更正的记录")
        })?;
        let ordinal = row.head.ordinal;
        let run = Run::of(&*self.store, ordinal).await?;
        if *commitment_at(&run, ordinal)?.hash() != correction.target_commitment {
            return Err(refuse("target.commitment", "is not the commitment of that entry", "不是该记录的承诺值"));
        }
        if row.head.learner != Some(learner.id.uuid()) {
            return Err(refuse("learner.id", "is not the learner of that entry", "不是该记录的学员"));
        }
        let said = self.open_entry(correction.target, &row)?.entry().record();
        let fits = match (&said, &correction.replacement) {
            (None, _) => false,
            (Some(old), Some(new)) => old.kind() == new.kind(),
            (Some(_), None) => true,
        };
        if !fits {
            return Err(refuse("target.id", "says nothing that this could correct", "该记录没有可由此更正的内容"));
        }
        Ok(())
    }
}

/// A revocation may say from which height on a stolen key's entries do not count. From the block after its own the key has ended
/// anyway, so a greater height than `next`, the first that it can be sealed at, is a slip that would let entries of
/// the thief's stand.
fn refuse_height_to_come(signed: &SignedEntry, next: u64) -> Result<(), Error> {
    match &signed.entry().body {
        Body::Key(KeyChange::Revoke { compromised_from: Some(from), .. }) if *from > next => {
            Err(Error::field("entry.compromised_from", Problem::Range(0, next)))
        }
        _ => Ok(()),
    }
}

fn commitment_at(run: &Run, place: u64) -> Result<Commitment, Error> {
    let empty = || Error::Internal(format!("place {place} is empty"));
    run.place(place).map(|place| place.commitment).ok_or_else(empty)
}
