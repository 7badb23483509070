//! The validity of level certificates.
//!
//! A learner has one term after the other, as a certificate is followed by another one (recertification). What is noted
//! is never written over unseen: each change leaves an edition, which stays with the learner's data, and an event that
//! names which term was changed, and how, and holds the digest of the row.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::Service;
use super::super::access::{Action, Actor};
use super::super::claims::Matter;
use super::super::error::Error;
use super::super::tables::{TERMS, TermsRow};
use crate::ledger::entry::LearnerId;
use crate::ledger::fields::{FieldErrors, Fields, Problem};
use crate::merkle::Hash;
use crate::standard::annual::Span;
use crate::standard::{Day, UnixMillis};
use crate::store::{Commit, Value as _, WithTail};

/// Most terms of one learner: more certificates than a working life has.
const MAX_TERMS: usize = 40;
/// Most editions of them.
const MAX_EDITIONS: usize = 400;
/// How what is encrypted is written today.
const FORM: u8 = 2;

/// The validity of a level certificate 认定证书, 9.4.1.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Term {
    /// Of several learners that are one person, under which it is noted.
    pub learner: LearnerId,
    /// Which of the learner's it is, counted from 1, the earliest first.
    pub number: usize,
    /// From the day of issue to the last day.
    pub days: Span,
    /// The version of what is noted of the learner: a change names the version it was made from.
    pub version: u64,
}

/// A change of what is noted of somebody's certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TermEdition {
    /// When.
    pub at: UnixMillis,
    /// What was changed.
    pub change: TermChange,
}

/// What was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TermChange {
    /// Another term was noted.
    Added(Span),
    /// A term was corrected, or ended before its time.
    Corrected {
        /// What was noted before.
        before: Span,
        /// What is noted instead.
        after: Span,
    },
    /// A term was taken away again: there never was such a certificate.
    Removed(Span),
}

/// What stands beside what is encrypted of a learner's terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::service) struct TermsHead {
    /// How it is written: 1 is a single term, as it was in schema 1 of the table; a row keeps it when it moves.
    form: u8,
}

/// A row of the time when a learner had one term.
pub(in crate::service) fn terms_of_schema_1(_schema: u8, bytes: &[u8]) -> Result<TermsRow, serde_json::Error> {
    let WithTail { head: (), tail } = WithTail::read(bytes)?;
    Ok(WithTail { head: TermsHead { form: 1 }, tail })
}

/// What is encrypted: when somebody became a CQO of a level is nobody else's to know.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct TermsPayload {
    terms: Vec<DaysPayload>,
    editions: Vec<EditionPayload>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct DaysPayload {
    first_day: Day,
    last_day: Day,
}

/// Nothing before is a term that was added, and nothing after one that was removed.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct EditionPayload {
    at: UnixMillis,
    before: Option<DaysPayload>,
    after: Option<DaysPayload>,
}

/// What is noted of one learner.
#[derive(Debug)]
pub(super) struct NotedTerms {
    pub(super) learner: LearnerId,
    /// The row's; 0 while there is none.
    pub(super) version: u64,
    terms: Vec<Span>,
    editions: Vec<TermEdition>,
}

impl NotedTerms {
    pub(super) const fn none(learner: LearnerId) -> Self {
        Self { learner, version: 0, terms: Vec::new(), editions: Vec::new() }
    }

    pub(super) fn each(&self) -> impl Iterator<Item = Term> {
        let NotedTerms { learner, version, .. } = *self;
        (1..).zip(&self.terms).map(move |(number, days)| Term { learner, number, days: *days, version })
    }

    pub(super) fn editions(&self) -> impl Iterator<Item = TermEdition> {
        self.editions.iter().copied()
    }

    /// Puts `days` in the place of a term, or beside the others; nothing where nothing changes.
    fn change(
        &mut self,
        number: Option<usize>,
        days: Option<Span>,
        at: UnixMillis,
    ) -> Result<Option<TermChange>, Error> {
        let place = number.map(|number| number.checked_sub(1).filter(|place| *place < self.terms.len()));
        let place = place.map(|place| place.ok_or(Error::NotFound("term"))).transpose()?;
        let before = place.map(|place| self.terms.remove(place));
        let change = match (before, days) {
            (None, None) => return Err(Error::NotFound("term")),
            (None, Some(after)) => TermChange::Added(after),
            (Some(before), Some(after)) if before == after => return Ok(None),
            (Some(before), Some(after)) => TermChange::Corrected { before, after },
            (Some(before), None) => TermChange::Removed(before),
        };
        self.terms.extend(days);
        self.terms.sort();
        self.editions.push(TermEdition { at, change });
        check_limit("the terms of a learner", self.terms.len(), MAX_TERMS)?;
        check_limit("the editions of a learner's terms", self.editions.len(), MAX_EDITIONS)?;
        Ok(Some(change))
    }
}

fn check_limit(what: &'static str, count: usize, limit: usize) -> Result<(), Error> {
    if count > limit { Err(Error::TooLarge { what, limit }) } else { Ok(()) }
}

impl Service {
    /// Notes the validity of a learner's next level certificate, as `{"first_day", "last_day"}` says, or corrects that of
    /// `number`; `null` takes it away again. `version` is that of what was read, 0 of nothing.
    pub async fn put_term(
        &self,
        actor: &Actor,
        learner: LearnerId,
        number: Option<usize>,
        version: u64,
        input: Value,
    ) -> Result<(), Error> {
        self.allow(actor, Action::WriteTerms)?;
        let learners = self.reached(actor, learner)?;
        self.check_conflict(actor, learner, Matter::default())?;
        let days = if input.is_null() { None } else { Some(read_days(input)?) };
        let mut noted = self.read_terms(learner).await?;
        if noted.version != version {
            return Err(Error::Conflict("changed by somebody else in the meantime".into()));
        }
        if let Some(days) = days {
            let is_this = |term: &Term| term.learner == learner && Some(term.number) == number;
            let whole = self.whole(&learners).await?;
            if whole.noted().iter().any(|term| !is_this(term) && term.days.common(days).is_some()) {
                let problem = Problem::mismatch("lies in the term of another certificate", "与已登记的另一有效期重叠");
                return Err(Error::field("first_day", problem));
            }
        }
        let Some(change) = noted.change(number, days, self.clock.now())? else { return Ok(()) };
        let row = self.terms_row(&noted)?;
        let uuid = learner.uuid();
        let read = if version == 0 { TERMS.absent(&uuid) } else { TERMS.at_version(&uuid, version) };
        let mut event = self.event(actor, "put_term", format!("{learner}: {}", change.named(number)));
        event.digest = Some(Hash::of(&[&row.tail]));
        self.store.commit(Commit::new(event).when(read).write(TERMS.put(&uuid, &row)?)).await?;
        self.standings.forget(learner);
        Ok(())
    }

    fn terms_row(&self, noted: &NotedTerms) -> Result<TermsRow, Error> {
        let edition = |edition: &TermEdition| {
            let (before, after) = edition.change.days();
            EditionPayload { at: edition.at, before: before.map(Into::into), after: after.map(Into::into) }
        };
        let payload = TermsPayload {
            terms: noted.terms.iter().copied().map(Into::into).collect(),
            editions: noted.editions.iter().map(edition).collect(),
        };
        let plain = serde_json::to_vec(&payload).map_err(Error::internal)?;
        let tail = self.vault.encrypt(noted.learner.into(), &term_context(noted.learner), &plain)?;
        Ok(WithTail { head: TermsHead { form: FORM }, tail })
    }

    pub(super) async fn read_terms(&self, learner: LearnerId) -> Result<NotedTerms, Error> {
        let Some(row) = TERMS.get(&*self.store, &learner.uuid()).await? else {
            return Ok(NotedTerms::none(learner));
        };
        let plain = self.vault.decrypt(learner.into(), &term_context(learner), &row.value.tail)?;
        let payload = read_payload(row.value.head, &plain).map_err(Error::internal)?;
        let terms = payload.terms.into_iter().map(DaysPayload::span).collect::<Result<_, _>>()?;
        let editions = payload.editions.into_iter().map(TermEdition::try_from).collect::<Result<_, _>>()?;
        Ok(NotedTerms { learner, version: row.version, terms, editions })
    }

    pub(super) fn check_conflict(&self, actor: &Actor, learner: LearnerId, matter: Matter<'_>) -> Result<(), Error> {
        let Some(person) = actor.person() else { return Ok(()) };
        self.conflict_about(person, learner, matter)?.map_or(Ok(()), |why| Err(Error::ConflictOfInterest(why)))
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

fn read_payload(head: TermsHead, plain: &[u8]) -> Result<TermsPayload, serde_json::Error> {
    match head.form {
        1 => Ok(TermsPayload { terms: vec![serde_json::from_slice(plain)?], editions: Vec::new() }),
        _ => serde_json::from_slice(plain),
    }
}

impl TermChange {
    /// What was noted before, and what is noted instead.
    const fn days(self) -> (Option<Span>, Option<Span>) {
        match self {
            Self::Added(after) => (None, Some(after)),
            Self::Corrected { before, after } => (Some(before), Some(after)),
            Self::Removed(before) => (Some(before), None),
        }
    }

    /// As the record of what happened names it. Not the days: that record outlives the learner's data.
    fn named(self, number: Option<usize>) -> String {
        let number = number.map(|number| format!(" {number}")).unwrap_or_default();
        let what = match self {
            Self::Added(_) => "added",
            Self::Corrected { .. } => "corrected",
            Self::Removed(_) => "removed",
        };
        format!("term{number} {what}")
    }
}

impl From<Span> for DaysPayload {
    fn from(days: Span) -> Self {
        Self { first_day: days.first(), last_day: days.last() }
    }
}

impl DaysPayload {
    fn span(self) -> Result<Span, Error> {
        Span::new(self.first_day, self.last_day).map_err(Error::internal)
    }
}

impl TryFrom<EditionPayload> for TermEdition {
    type Error = Error;

    fn try_from(edition: EditionPayload) -> Result<Self, Error> {
        let span = |days: Option<DaysPayload>| days.map(DaysPayload::span).transpose();
        let change = match (span(edition.before)?, span(edition.after)?) {
            (None, Some(after)) => TermChange::Added(after),
            (Some(before), Some(after)) => TermChange::Corrected { before, after },
            (Some(before), None) => TermChange::Removed(before),
            (None, None) => return Err(Error::internal("an edition of a term changes nothing")),
        };
        Ok(Self { at: edition.at, change })
    }
}

fn term_context(learner: LearnerId) -> Vec<u8> {
    [b"term ".as_slice(), learner.uuid().as_bytes()].concat()
}
