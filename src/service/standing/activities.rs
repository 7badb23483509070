//! The certifying body's word on organised activities that it did not record itself (`ce.activity.confirmed_by_body`): which wait for
//! it, confirming one, and declining one with a reason, which can be taken back.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::Service;
use super::super::access::{Action, Actor};
use super::super::claims::{Matter, read_reason};
use super::super::error::Error;
use super::super::issue::Blocks;
use super::super::tables::{CONFIRMED, ConfirmedRow, DECLINED, ENTRIES, ERASED};
use super::{Cqo, Filter, Said, Whole};
use crate::ledger::entry::{EntryId, LearnerId};
use crate::standard::Day;
use crate::standard::annual::Record;
use crate::store::{Commit, WithTail};

/// Which activities are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ActivityFilter {
    /// Held in this year.
    pub year: Option<i16>,
    /// Those that were declined, instead of those that wait.
    pub declined: bool,
}

/// An activity that waits for the certifying body's word, or was declined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingActivity {
    /// Whose.
    pub cqo: Cqo,
    /// What is recorded.
    pub said: Said,
    /// Whether whoever asks has a part in it and cannot decide about it.
    pub is_conflicted: bool,
}

/// A page of them, the oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActivitiesPage {
    /// Those of this page.
    pub rows: Vec<WaitingActivity>,
    /// How many match the filter.
    pub total: usize,
    /// The years that there are any of, the newest first, whatever year the filter names.
    pub years: Vec<i16>,
}

/// What is encrypted of a refusal: the reason is about the learner.
#[derive(Serialize, Deserialize)]
struct DeclinedPayload {
    reason: String,
}

impl Service {
    /// Organised activities that wait for the certifying body's word, or that it declined: the oldest first, `limit` of them after
    /// the first `skip`. What counts without its word does not wait.
    pub async fn activities(
        &self,
        actor: &Actor,
        filter: ActivityFilter,
        skip: usize,
        limit: usize,
    ) -> Result<ActivitiesPage, Error> {
        self.allow(actor, Action::ReadClaims)?;
        Self::apart(async {
            let (today, mut blocks) = (self.today()?, Blocks::default());
            let (mut found, mut years) = (Vec::new(), BTreeSet::new());
            for cqo in self.cqos_in_reach(actor, &Filter::default(), today) {
                let Some(whole) = self.whole_if_sound(&cqo, &mut blocks).await? else { continue };
                for said in whole.said().filter(|said| said.declined.is_some() == filter.declined) {
                    let Some(held) = self.waits_for_the_body(said, &whole) else { continue };
                    years.insert(held.year());
                    if filter.year.is_none_or(|year| year == held.year()) {
                        found.push((cqo.clone(), said.clone()));
                    }
                }
            }
            found.sort_by_key(|(_, said)| (said.sealed_at, said.entry));
            let total = found.len();
            // Beyond the end is the last page: the list was longer when its pages were counted.
            let skip = skip.min(total.saturating_sub(1) / limit.max(1) * limit);
            let mut rows = Vec::new();
            for (cqo, said) in found.into_iter().skip(skip).take(limit) {
                rows.push(WaitingActivity { is_conflicted: self.is_conflicted(actor, &said)?, cqo, said });
            }
            Ok(ActivitiesPage { rows, total, years: years.into_iter().rev().collect() })
        })
        .await
    }

    /// The day of an activity that does not count before it is confirmed, by the rules of the year that it is counted in.
    fn waits_for_the_body(&self, said: &Said, whole: &Whole) -> Option<Day> {
        let Record::Activity(activity) = &said.record else { return None };
        let year = self.period_of(whole, activity.date).map_or(activity.date, |period| period.days.last());
        let rules = self.rulebook.of(year);
        (rules.ce.activity.confirmed_by_body && !activity.confirmed).then_some(activity.date)
    }

    /// Whether the rules of today ask for the certifying body's word.
    pub fn confirms_activities(&self) -> Result<bool, Error> {
        Ok(self.rulebook.of(self.today()?).ce.activity.confirmed_by_body)
    }

    /// Confirms an organised activity for the certifying body (`ce.activity.confirmed_by_body`), as the entry or correction says it
    /// that was read: what was corrected since is another one's to be read. A second confirmation changes nothing.
    pub async fn confirm_activity(&self, actor: &Actor, read: EntryId) -> Result<(), Error> {
        self.allow(actor, Action::ReviewClaims)?;
        let said = self.activity_as_read(actor, read).await?;
        self.check_conflict(actor, said.learner, matter_of(&said))?;
        let (uuid, person) = (said.last.uuid(), actor.person().ok_or(Error::Forbidden)?);
        if matches!(said.record, Record::Activity(activity) if activity.confirmed) {
            return Ok(());
        }
        let row = ConfirmedRow { by: person.account.uuid(), at: self.clock.now() };
        let event = self.event(actor, "confirm_activity", said.last.to_string());
        // What somebody declined in the meantime is theirs to take back first.
        let open = Commit::new(event).when(CONFIRMED.absent(&uuid)).when(DECLINED.absent(&uuid));
        let commit = open.write(CONFIRMED.put(&uuid, &row)?);
        self.store.commit(commit).await?;
        self.standings.forget(said.learner);
        Ok(())
    }

    /// A sealed activity that still says what was read.
    async fn activity_as_read(&self, actor: &Actor, read: EntryId) -> Result<Said, Error> {
        let said = self.activity(actor, read).await?;
        match said.last == read {
            true => Ok(said),
            false => Err(Error::Conflict("the activity was corrected in the meantime: read it again".into())),
        }
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
        Ok(self.conflict_about(person, said.learner, matter_of(said))?.is_some())
    }

    /// Declines to confirm an activity as it was read, as `{"reason"}` says why. The CQO is shown the reason.
    pub async fn decline_activity(&self, actor: &Actor, read: EntryId, input: Value) -> Result<(), Error> {
        self.allow(actor, Action::ReviewClaims)?;
        let said = self.activity_as_read(actor, read).await?;
        self.check_conflict(actor, said.learner, matter_of(&said))?;
        let (uuid, person) = (read.uuid(), actor.person().ok_or(Error::Forbidden)?);
        let plain = serde_json::to_vec(&DeclinedPayload { reason: read_reason(input)? }).map_err(Error::internal)?;
        let tail = self.vault.encrypt(said.learner.into(), &declined_context(read), &plain)?;
        let head = ConfirmedRow { by: person.account.uuid(), at: self.clock.now() };
        let open = Commit::new(self.event(actor, "decline_activity", read.to_string()))
            .when(CONFIRMED.absent(&uuid))
            .when(DECLINED.absent(&uuid))
            .when(ERASED.absent(&said.learner.uuid()));
        self.store.commit(open.write(DECLINED.put(&uuid, &WithTail { head, tail })?)).await?;
        self.standings.forget(said.learner);
        Ok(())
    }

    /// Takes back that an activity was declined: it waits again.
    pub async fn undo_decline(&self, actor: &Actor, read: EntryId) -> Result<(), Error> {
        self.allow(actor, Action::ReviewClaims)?;
        let said = self.activity_as_read(actor, read).await?;
        self.check_conflict(actor, said.learner, matter_of(&said))?;
        let uuid = read.uuid();
        let event = self.event(actor, "undo_decline", read.to_string());
        self.store.commit(Commit::new(event).when(DECLINED.present(&uuid)).write(DECLINED.delete(&uuid))).await?;
        self.standings.forget(said.learner);
        Ok(())
    }

    /// Why the certifying body declined what this entry says; nothing where it did not.
    pub(super) async fn read_declined(&self, learner: LearnerId, entry: EntryId) -> Result<Option<String>, Error> {
        let Some(row) = DECLINED.get(&*self.store, &entry.uuid()).await? else { return Ok(None) };
        let plain = self.vault.decrypt(learner.into(), &declined_context(entry), &row.value.tail)?;
        let payload: DeclinedPayload = serde_json::from_slice(&plain).map_err(Error::internal)?;
        Ok(Some(payload.reason))
    }
}

fn declined_context(entry: EntryId) -> Vec<u8> {
    [b"declined ".as_slice(), entry.uuid().as_bytes()].concat()
}

/// An activity, as far as conflicts of interest ask.
fn matter_of(said: &Said) -> Matter<'_> {
    let days = match &said.record {
        Record::Activity(activity) => (activity.date, activity.date),
        Record::Study(study) => (study.days.first(), study.days.last()),
    };
    Matter { recorder: Some(&said.recorder), days: Some(days), ..Matter::default() }
}
