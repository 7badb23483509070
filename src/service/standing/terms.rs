//! The validity of level certificates, and the certifying body's word on organised activities.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::Service;
use super::super::access::{Action, Actor};
use super::super::error::Error;
use super::super::issue::Blocks;
use super::super::tables::{CONFIRMED, ConfirmedRow, ENTRIES, TERMS};
use super::Said;
use crate::ledger::entry::{EntryId, LearnerId};
use crate::ledger::fields::{FieldErrors, Fields, Problem};
use crate::standard::annual::{Record, Span};
use crate::standard::{CreditCode, Day};
use crate::store::{Commit, WithTail};

/// The validity of a level certificate 认定证书, 9.4.1.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Term {
    /// Of several learners that are one person, under which it was noted.
    pub learner: LearnerId,
    /// From the day of issue to the last day.
    pub days: Span,
    /// The row's version: a change names the version it was made from.
    pub version: u64,
}

/// What is encrypted of a term: when somebody became a CQO of a level is nobody else's to know.
#[derive(Serialize, Deserialize)]
struct TermPayload {
    first_day: Day,
    last_day: Day,
}

impl Service {
    /// Notes the validity of a learner's level certificate, as `{"first_day", "last_day"}` says, in the place of the
    /// version that was read; `null` when it was noted by mistake. Version 0 is that of no term.
    pub async fn put_term(
        &self,
        actor: &Actor,
        learner: LearnerId,
        version: u64,
        input: Value,
    ) -> Result<Option<Term>, Error> {
        self.allow(actor, Action::WriteTerms)?;
        self.reached(actor, learner)?;
        self.check_conflict(actor, learner, None)?;
        let days = if input.is_null() { None } else { Some(read_days(input)?) };
        let uuid = learner.uuid();
        let write = match days {
            None => TERMS.delete(&uuid),
            Some(days) => {
                let payload = TermPayload { first_day: days.first(), last_day: days.last() };
                let plain = serde_json::to_vec(&payload).map_err(Error::internal)?;
                let tail = self.vault.encrypt(learner.into(), &term_context(learner), &plain)?;
                TERMS.put(&uuid, &WithTail { head: (), tail })?
            }
        };
        let read = if version == 0 { TERMS.absent(&uuid) } else { TERMS.at_version(&uuid, version) };
        let event = self.event(actor, "put_term", learner.to_string());
        let committed = self.store.commit(Commit::new(event).when(read).write(write)).await?;
        self.standings.forget(learner);
        Ok(days.map(|days| Term { learner, days, version: committed.sequence }))
    }

    pub(super) async fn read_term(&self, learner: LearnerId) -> Result<Option<Term>, Error> {
        let Some(row) = TERMS.get(&*self.store, &learner.uuid()).await? else { return Ok(None) };
        let plain = self.vault.decrypt(learner.into(), &term_context(learner), &row.value.tail)?;
        let TermPayload { first_day, last_day } = serde_json::from_slice(&plain).map_err(Error::internal)?;
        let days = Span::new(first_day, last_day).map_err(Error::internal)?;
        Ok(Some(Term { learner, days, version: row.version }))
    }

    /// Confirms an organised activity for the certifying body (`ce.activity.confirmed_by_body`): the entry as it says
    /// it now. A second confirmation changes nothing.
    pub async fn confirm_activity(&self, actor: &Actor, entry: EntryId) -> Result<(), Error> {
        self.allow(actor, Action::ReviewClaims)?;
        let said = self.activity(actor, entry).await?;
        self.check_conflict(actor, said.learner, Some(&said.recorder))?;
        let (uuid, person) = (said.last.uuid(), actor.person().ok_or(Error::Forbidden)?);
        if matches!(said.record, Record::Activity(activity) if activity.confirmed) {
            return Ok(());
        }
        let row = ConfirmedRow { by: person.account.uuid(), at: self.clock.now() };
        let event = self.event(actor, "confirm_activity", said.last.to_string());
        let commit = Commit::new(event).when(CONFIRMED.absent(&uuid)).write(CONFIRMED.put(&uuid, &row)?);
        self.store.commit(commit).await?;
        self.standings.forget(said.learner);
        Ok(())
    }

    /// A sealed activity by what it says now, found by its entry or by the correction that says it.
    async fn activity(&self, actor: &Actor, entry: EntryId) -> Result<Said, Error> {
        let nothing = || Error::NotFound("entry");
        let row = ENTRIES.get(&*self.store, &entry.uuid()).await?.ok_or_else(nothing)?.value;
        let learner = row.head.learner.ok_or_else(nothing)?;
        let learner = LearnerId::try_from(learner).map_err(Error::internal)?;
        self.reached(actor, learner)?;
        let known = self.known_of(learner, &mut Blocks::default()).await?;
        let is_it = |said: &&Said| said.entry == entry || said.last == entry;
        let said = known.said.iter().filter(|said| matches!(said.record, Record::Activity(_))).find(is_it);
        said.cloned().ok_or_else(nothing)
    }

    /// Whether somebody has a part in what an entry says: it is about themselves, or an organisation of theirs recorded
    /// it or employs the learner.
    pub(super) fn is_conflicted(&self, actor: &Actor, said: &Said) -> Result<bool, Error> {
        let Some(person) = actor.person() else { return Ok(false) };
        Ok(self.conflict_about(person, said.learner, Some(&said.recorder))?.is_some())
    }

    fn check_conflict(&self, actor: &Actor, learner: LearnerId, recorder: Option<&CreditCode>) -> Result<(), Error> {
        let Some(person) = actor.person() else { return Ok(()) };
        self.conflict_about(person, learner, recorder)?.map_or(Ok(()), |why| Err(Error::ConflictOfInterest(why)))
    }
}

fn read_days(input: Value) -> Result<Span, Error> {
    let mut errors = FieldErrors::default();
    let days = Fields::of(input, "", &mut errors).and_then(|mut fields| {
        let (first, last): (Option<Day>, Option<Day>) = (fields.parsed("first_day"), fields.parsed("last_day"));
        let days = first.zip(last).map(|(first, last)| Span::new(first, last));
        if matches!(days, Some(Err(_))) {
            fields.note("last_day", Problem::mismatch("is before first_day", "早于起始日期"));
        }
        fields.finish();
        days?.ok()
    });
    days.filter(|_| errors.0.is_empty()).ok_or(Error::Invalid(errors))
}

fn term_context(learner: LearnerId) -> Vec<u8> {
    [b"term ".as_slice(), learner.uuid().as_bytes()].concat()
}
