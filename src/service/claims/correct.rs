//! Correcting what the certifying body recorded itself: a claim that was accepted and is found wrong or false.
//!
//! The correction is signed by the body's own recorder key, which the service holds, and goes the way of an acceptance: one commit
//! brings what the claim's history says and the signed correction in the outbox. A crash after it leaves a correction that the first
//! round after the start submits; before it, nothing happened. One that is refused before it had its place is signed again, or the
//! history says that the entry stands as it was ([`super::record`]).

use std::sync::Arc;

use super::super::Service;
use super::super::access::{Action, Actor};
use super::super::error::Error;
use super::super::recorded::{CorrectionInput, History};
use super::super::tables::{CORRECTED, ERASED};
use super::ClaimId;
use super::conflict::ReviewConflict;
use super::row::{ClaimEvent, HistoryStep};
use crate::ledger::entry::{Body, Entry, EntryId};
use crate::ledger::signed::SignedEntry;
use crate::standard::CreditCode;
use crate::store::{Commit, Write};

/// Most corrections of the entry of one claim.
pub(super) const MAX_CORRECTED: usize = 6;

/// An entry as the certifying body's people see it.
#[derive(Debug, Clone)]
pub struct BodyEntry {
    /// What was recorded, with every correction.
    pub history: History,
    /// The claim that it was, where it was one.
    pub claim: Option<ClaimId>,
    /// Whether it is the certifying body's to correct, and the body can record now.
    pub is_correctable: bool,
    /// Why this reader must not correct it, where they otherwise might.
    pub conflict: Option<ReviewConflict>,
}

impl Service {
    /// An entry for whoever reads claims, asked for by any id of it.
    pub async fn body_entry(&self, actor: &Actor, id: EntryId) -> Result<BodyEntry, Error> {
        self.allow(actor, Action::ReadClaims)?;
        let history = self.history(actor, id).await?;
        let first = history.first().view.signed.entry();
        let (entry, learner) = (first.id, first.learner().map(|learner| learner.id).ok_or(Error::NotFound("entry"))?);
        let is_correctable = match self.body_recorder() {
            Ok(recorder) => is_own(&history, &recorder.owner.code),
            Err(Error::CannotRecord(_) | Error::ReadOnly) => false,
            Err(error) => return Err(error),
        };
        let conflict = match actor.person().filter(|_| is_correctable && actor.may(Action::CorrectForBody)) {
            Some(person) => self.conflict_about_entry(person, learner, entry, (None, Vec::new())).await?,
            None => None,
        };
        Ok(BodyEntry { claim: self.claims().of_entry(entry), history, is_correctable, conflict })
    }

    /// Corrects or voids an entry that the certifying body recorded, as it was `seen`: the id of what it said last.
    pub async fn correct_for_body(
        self: &Arc<Self>,
        actor: &Actor,
        id: EntryId,
        seen: EntryId,
        input: CorrectionInput,
    ) -> Result<EntryId, Error> {
        self.allow(actor, Action::CorrectForBody)?;
        let BodyEntry { history, claim, conflict, .. } = self.body_entry(actor, id).await?;
        let recorder = self.body_recorder()?;
        if let Some(conflict) = conflict {
            return Err(Error::ConflictOfInterest(conflict));
        }
        if !is_own(&history, &recorder.owner.code) {
            return Err(Error::Conflict(
                "what this entry says in the end is not the certifying body's to correct".into(),
            ));
        }
        if history.last().view.signed.entry().id != seen {
            return Err(Error::Conflict("the entry was corrected by somebody else in the meantime".into()));
        }
        let Entry { id: by, body, .. } = self.correction_of(&history, input)?;
        self.keep_correction(actor, claim, &recorder.sign(&self.origin, by, body)).await?;
        if let Err(error) = self.send_own().await {
            tracing::warn!(entry = %id, correction = %by, %error, "a correction is sent later");
        }
        match CORRECTED.get(&*self.store, &seen.uuid()).await? {
            Some(row) if row.value.by != by.uuid() => {
                Err(Error::Conflict("the entry was corrected by somebody else in the meantime".into()))
            }
            _ => Ok(by),
        }
    }

    /// One commit: what the claim's history says of it, and the correction on its way.
    async fn keep_correction(&self, actor: &Actor, claim: Option<ClaimId>, signed: &SignedEntry) -> Result<(), Error> {
        let Body::Correction(learner, correction) = &signed.entry().body else {
            return Err(Error::internal("no correction was made"));
        };
        let (event, action) = match correction.replacement {
            Some(_) => (ClaimEvent::Corrected, "correct_entry"),
            None => (ClaimEvent::Voided, "void_entry"),
        };
        let uncorrected = CORRECTED.absent(&correction.target.uuid());
        let to_send: Write = self.to_send_of_learner(learner.id, signed)?;
        let Some(claim) = claim else {
            let event = self.event(actor, action, correction.target.to_string());
            let there = ERASED.absent(&learner.id.uuid());
            self.store.commit(Commit::new(event).when(uncorrected).when(there).write(to_send)).await?;
            return Ok(());
        };
        let mut claim = self.open_claim(claim, |_| true).await?;
        if claim.payload.history.iter().filter(|step| is_correction(step)).count() >= MAX_CORRECTED {
            return Err(Error::TooLarge { what: "the number of corrections of one claim", limit: MAX_CORRECTED });
        }
        let state = claim.head.state;
        claim.step(self.clock.now(), actor, event, state, Some(correction.reason.to_string()));
        let commit = self.write_claim(actor, action, &mut claim)?.when(uncorrected).write(to_send);
        claim.version = Some(self.store.commit(commit).await?.sequence);
        self.note_claim(&claim)
    }
}

/// Whether this is the certifying body's word, from the first record to the last correction, and says something still.
fn is_own(history: &History, body: &CreditCode) -> bool {
    history.first().view.signed.entry().recorder == *body && history.is_correctable_by(body)
}

fn is_correction(step: &HistoryStep) -> bool {
    matches!(step.event, ClaimEvent::Corrected | ClaimEvent::Voided)
}

/// What the certifying body made of an accepted claim since: `Corrected`, `Voided`, or nothing.
pub(super) fn amended(history: &[HistoryStep]) -> Option<ClaimEvent> {
    let mut standing = Vec::new();
    for step in history {
        match step.event {
            ClaimEvent::Corrected | ClaimEvent::Voided => standing.push(step.event),
            ClaimEvent::NotCorrected => drop(standing.pop()),
            _ => {}
        }
    }
    standing.pop()
}
