//! From an accepted claim to its entry: signed by the certifying body's recorder key, sent, and signed again where that is of use.

use std::sync::Arc;

use super::super::Service;
use super::super::access::{AccountRole, Actor};
use super::super::error::Error;
use super::super::tables::OUTBOX;
use super::ClaimId;
use super::row::{ClaimEvent, ClaimState, OpenClaim};
use crate::ledger::entry::{Body, EntryId, Learner, LearnerId, Record, Reviewer};
use crate::ledger::signed::SignedEntry;
use crate::merkle::Hash;
use crate::store::{Commit, Write};

/// What of an entry may have changed by itself between its signature and its place: the key, the registered name, the rulebook.
const MENDED_BY_SIGNING_AGAIN: &[&str] = &["signatures", "entry.learner.name", "entry.recorder", "entry.rulebook"];
/// How much of a refusal the history keeps, in characters.
const MAX_REFUSAL: usize = 200;

impl Service {
    /// The entry of a claim, which says in what role this actor accepted it.
    pub(super) fn sign_claim(&self, actor: &Actor, claim: &OpenClaim, id: EntryId) -> Result<SignedEntry, Error> {
        let reviewer = match actor.person().map(|person| person.role) {
            Some(AccountRole::Clerk) => Reviewer::Clerk,
            Some(AccountRole::Supervisor) => Reviewer::Supervisor,
            _ => return Err(Error::Forbidden),
        };
        let newest = claim.newest()?;
        let evidence: Vec<Hash> = newest.files.iter().map(|file| file.sha256).collect();
        let record = newest.said.record(evidence, reviewer).map_err(Error::internal)?;
        self.sign_of_learner(claim.learner, id, |learner| match record {
            Record::Study(study) => Body::Study(learner, study),
            Record::Activity(activity) => Body::Activity(learner, activity),
        })
    }

    /// Signs what is about a learner, under the name that is registered now.
    fn sign_of_learner(
        &self,
        learner: LearnerId,
        id: EntryId,
        body: impl FnOnce(Learner) -> Body,
    ) -> Result<SignedEntry, Error> {
        let recorder = self.body_recorder()?;
        let name = self.directory().learner(learner).map(|(_, name)| name.clone()).ok_or(Error::Erased("learner"))?;
        Ok(recorder.sign(&self.origin, id, body(Learner { id: learner, name })))
    }

    /// Submits what waits in the outbox.
    pub(super) async fn send_own(self: &Arc<Self>) -> Result<(), Error> {
        let mut issuing = self.issuing.lock().await;
        self.flush_outbox(&mut issuing).await
    }

    /// The entry of an accepted claim, or a correction of it, was refused before it had its place, so nobody has seen it: it is signed
    /// again under the same id where that mends it. Otherwise the claim waits for review again, or its entry stands as it was.
    pub(in crate::service) async fn record_again(&self, signed: &SignedEntry, refusal: &Error) -> Result<(), Error> {
        let entry = signed.entry();
        let gone = OUTBOX.delete(&entry.id.uuid());
        let Some(learner) = entry.learner() else { return Ok(()) };
        if mended_by_signing_again(refusal) {
            match self.sign_of_learner(learner.id, entry.id, |learner| renamed(&entry.body, learner)) {
                Ok(again) if again.bytes() != signed.bytes() => {
                    let write = self.to_send_of_learner(learner.id, &again)?;
                    let event = self.event(&Actor::Operator, "sign_again", entry.id.to_string());
                    self.store.commit(Commit::new(event).write(write)).await?;
                    return Ok(());
                }
                // There is no key for it now: it waits for one.
                Err(Error::CannotRecord(_) | Error::ReadOnly) => return Ok(()),
                Ok(_) | Err(Error::Erased(_)) => {}
                Err(error) => return Err(error),
            }
        }
        let of = match &entry.body {
            Body::Correction(_, correction) => {
                self.recorded_first(correction.target).await?.map(|first| first.entry().id)
            }
            _ => Some(entry.id),
        };
        let claim = of.and_then(|of| self.claims().of_entry(of));
        match claim {
            Some(claim) if of != Some(entry.id) => self.note_uncorrected(claim, refusal, gone).await,
            Some(claim) => self.reopen_claim(claim, entry.id, refusal).await,
            None => {
                let event = self.event(&Actor::Operator, "forget", entry.id.to_string());
                self.store.commit(Commit::new(event).write(gone)).await?;
                Ok(())
            }
        }
    }

    /// The claim's history says that its entry stands as it was.
    async fn note_uncorrected(&self, id: ClaimId, refusal: &Error, gone: Write) -> Result<(), Error> {
        let mut claim = self.open_claim(id, |_| true).await?;
        let (now, state, reason) = (self.clock.now(), claim.head.state, in_short(refusal));
        claim.step(now, &Actor::Operator, ClaimEvent::NotCorrected, state, Some(reason));
        self.keep_claim(&Actor::Operator, "not_corrected", claim, vec![gone]).await?;
        Ok(())
    }

    /// The claim waits for review as if it had not been decided, and its history says why.
    async fn reopen_claim(&self, id: ClaimId, entry: EntryId, refusal: &Error) -> Result<(), Error> {
        let mut claim = self.open_claim(id, |_| true).await?;
        if claim.head.entry != Some(entry.uuid()) {
            return Ok(());
        }
        claim.head.entry = None;
        let reason = in_short(refusal);
        let now = self.clock.now();
        claim.step(now, &Actor::Operator, ClaimEvent::NotRecorded, ClaimState::Submitted, Some(reason));
        let gone = OUTBOX.delete(&entry.uuid());
        self.keep_claim(&Actor::Operator, "reopen_claim", claim, vec![gone]).await?;
        Ok(())
    }
}

/// As much of a refusal as a history keeps.
fn in_short(refusal: &Error) -> String {
    refusal.to_string().chars().take(MAX_REFUSAL).collect()
}

/// The same of the same learner, by the name that is registered now.
fn renamed(body: &Body, learner: Learner) -> Body {
    match body.clone() {
        Body::Study(_, study) => Body::Study(learner, study),
        Body::Activity(_, activity) => Body::Activity(learner, activity),
        Body::Correction(_, correction) => Body::Correction(learner, correction),
        other => other,
    }
}

fn mended_by_signing_again(refusal: &Error) -> bool {
    match refusal {
        Error::Invalid(errors) => errors.0.iter().all(|error| MENDED_BY_SIGNING_AGAIN.contains(&error.field.as_str())),
        _ => false,
    }
}
