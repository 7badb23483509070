//! How CQOs stand in their years, clause 9.4.1.2: what the ledger says of a learner, given to [`annual::count`].
//!
//! Only what is sealed counts, by what it says in the end, as in certificates. What was read of a learner is kept in
//! memory (`known`) until more of it is sealed; nothing of it is on the disk, so nothing of it can be out of date.
//!
//! A person whom several providers know is several learners here. The account that names them makes one CQO of them.

mod activities;
mod known;
mod overview;
mod terms;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use activities::{ActivitiesPage, ActivityFilter, WaitingActivity};
pub(super) use known::Cache;
pub use known::{Said, Subject, Voided};
pub use overview::{CqoRow, Filter, OrganisationCount, Overview, StateCounts};
pub use terms::{Term, TermChange, TermEdition};
pub(super) use terms::{TermsHead, terms_of_schema_1};

use super::Service;
use super::access::{AccountRole, Action, Actor, Person};
use super::claims::{Matter, ReviewConflict};
use super::error::Error;
use super::registry::{Employment, serving};
use crate::ledger::entry::LearnerId;
use crate::standard::annual::{self, Coverage, Judged, Period, Record, ShortYear, Span, Standing, Terms};
use crate::standard::{CreditCode, CreditHours, Day, choice, day_of};
use known::Known;

/// Most years of one CQO that are told: more than a working life has.
const MAX_YEARS: usize = 60;

choice! {
    /// How a year stands today.
    pub enum StandingState {
        /// Over, and something is missing.
        Short = "short", "未达标";
        /// Not over, and something is missing.
        Open = "open", "尚未完成";
        /// No level certificate is registered, within whose validity alone anything is due.
        NoTerm = "no_term", "未登记认定证书";
        /// Nothing is missing.
        Met = "met", "达标";
        /// The level certificate covers no day of it.
        NotDue = "not_due", "无要求";
    }
}

/// A CQO, as far as whoever asks may know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cqo {
    /// All learners that are this person; the first stands for the person in addresses.
    pub learners: Vec<LearnerId>,
    /// The name.
    pub name: String,
    /// Who registered the person.
    pub providers: Vec<CreditCode>,
    /// Whom the person serves today; of several, the one since last.
    pub employer: Option<Employment>,
}

/// A year of a CQO.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CqoYear {
    /// How it stands today.
    pub state: StandingState,
    /// What it comes to.
    pub standing: Standing,
    /// What was counted, in the order of [`Standing::records`].
    pub entries: Vec<Said>,
    /// What was voided, by the days it was said to be of. It counts nothing.
    pub voided: Vec<Voided>,
}

/// A CQO with all years.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CqoRecord {
    /// Who.
    pub cqo: Cqo,
    /// The validity of each level certificate that is registered, the earliest first.
    pub terms: Vec<Term>,
    /// How that came to be noted, the newest first.
    pub term_editions: Vec<TermEdition>,
    /// Under which learner the next one is noted, and the version of what is noted there.
    pub next_term: (LearnerId, u64),
    /// Why whoever asks must not note that validity, where they otherwise might.
    pub conflict: Option<ReviewConflict>,
    /// The years that ended short, the earliest first, and what of them stands in the way of recertification.
    pub short: Vec<ShortYear>,
    /// The year of today first, then back to the first in which anything was recorded.
    pub years: Vec<CqoYear>,
}

/// What is known of all learners that are one person.
struct Whole {
    known: Vec<Arc<Known>>,
}

impl Service {
    /// How a CQO stands in the year of today.
    pub async fn standing(&self, actor: &Actor, learner: LearnerId) -> Result<CqoYear, Error> {
        self.allow(actor, Action::ReadStandings)?;
        let learners = self.reached(actor, learner)?;
        let whole = self.whole(&learners).await?;
        let today = self.today()?;
        self.count_year_of(&whole, today, today)
    }

    /// What the ledger says of a CQO in a calendar year.
    pub(super) async fn said_in(&self, actor: &Actor, learner: LearnerId, year: i16) -> Result<Vec<Said>, Error> {
        self.allow(actor, Action::ReadStandings)?;
        let learners = self.reached(actor, learner)?;
        let whole = self.whole(&learners).await?;
        Ok(whole.said().filter(|said| said.record.last_day().year() == year).cloned().collect())
    }

    /// The years of a CQO that ended short, the earliest first. Whoever is asked to certify somebody again asks this:
    /// none of them may [block](ShortYear::blocks) it (`ce.shortfall_action`).
    pub async fn short_years(&self, actor: &Actor, learner: LearnerId) -> Result<Vec<ShortYear>, Error> {
        self.allow(actor, Action::ReadStandings)?;
        let learners = self.reached(actor, learner)?;
        let whole = self.whole(&learners).await?;
        let today = self.today()?;
        Ok(self.short_of(&whole, &self.count_years(&whole, None, today), today))
    }

    /// A CQO with every year, the newest first.
    pub async fn cqo(&self, actor: &Actor, learner: LearnerId) -> Result<CqoRecord, Error> {
        self.cqo_since(actor, learner, None).await
    }

    /// The same, with the years since that of `since`, where nothing on the chain is older.
    pub async fn cqo_since(&self, actor: &Actor, learner: LearnerId, since: Option<Day>) -> Result<CqoRecord, Error> {
        self.allow(actor, Action::ReadStandings)?;
        let learners = self.reached(actor, learner)?;
        let today = self.today()?;
        let cqo = self.describe(&learners, today).ok_or(Error::NotFound("learner"))?;
        let whole = self.whole(&learners).await?;
        let mut years = self.count_years(&whole, since, today);
        let short = self.short_of(&whole, &years, today);
        years.reverse();
        let conflict = match actor.person().filter(|_| actor.may(Action::WriteTerms)) {
            Some(person) => self.conflict_about(person, learner, Matter::default())?,
            None => None,
        };
        let (terms, term_editions, next_term) = (whole.noted(), whole.term_editions(), whole.next_term(learner));
        Ok(CqoRecord { cqo, terms, term_editions, next_term, conflict, short, years })
    }

    /// All learners that are this person, for whoever may know how the person stands; to others there is nobody.
    fn reached(&self, actor: &Actor, learner: LearnerId) -> Result<Vec<LearnerId>, Error> {
        if self.directory().erased(learner).is_some_and(|erased| erased.is_for(actor)) {
            return Err(Error::Erased("learner"));
        }
        let today = self.today()?;
        let is_there = |learner: &LearnerId| self.directory().learner(*learner).is_some();
        let learners: Vec<LearnerId> = self.same_person(learner).into_iter().filter(is_there).collect();
        let reached = learners.iter().any(|learner| self.reaches(actor, *learner, today));
        if reached { Ok(learners) } else { Err(Error::NotFound("learner")) }
    }

    /// Whether this learner is in the actor's reach: oneself, those of one's own organisation, and all for the body.
    fn reaches(&self, actor: &Actor, learner: LearnerId, today: Day) -> bool {
        let directory = self.directory();
        let Some((provider, _)) = directory.learner(learner) else { return false };
        let serves = |person: &Person| {
            serving(directory.employers(learner), today).any(|one| one.code.as_ref() == Some(&person.organisation))
        };
        let employs = actor.person().is_some_and(|person| person.role == AccountRole::Employer && serves(person));
        actor.is_learner(learner) || actor.owns(provider) || employs
    }

    /// Who a person is; nobody when all of it was erased.
    fn describe(&self, learners: &[LearnerId], today: Day) -> Option<Cqo> {
        let directory = self.directory();
        let known: Vec<_> = learners.iter().filter_map(|id| Some((*id, directory.learner(*id)?))).collect();
        let (_, (_, name)) = known.first()?;
        let mut providers: Vec<CreditCode> = known.iter().map(|(_, (provider, _))| provider.clone()).collect();
        providers.sort();
        providers.dedup();
        let employers = known.iter().flat_map(|(id, _)| serving(directory.employers(*id), today));
        let employer = employers.max_by_key(|employer| employer.from).cloned();
        Some(Cqo { learners: known.iter().map(|(id, _)| *id).collect(), name: name.clone(), providers, employer })
    }

    async fn whole(&self, learners: &[LearnerId]) -> Result<Whole, Error> {
        let mut known = Vec::with_capacity(learners.len());
        let mut blocks = super::issue::Blocks::default();
        for learner in learners {
            known.push(self.known_of(*learner, &mut blocks).await?);
        }
        Ok(Whole { known })
    }

    /// The civil day it is now, in UTC+8.
    pub fn today(&self) -> Result<Day, Error> {
        day_of(self.clock.now()).map_err(Error::internal)
    }

    /// The year of a day, counted. Of the year before only its surplus is asked, and only where the rules let any be
    /// carried over.
    fn count_year_of(&self, whole: &Whole, day: Day, today: Day) -> Result<CqoYear, Error> {
        let period = self.period_of(whole, day)?;
        let carries = self.rulebook.of(period.days.last()).ce.carry_over_max > CreditHours::ZERO;
        let before = period.days.first().previous().ok().filter(|_| carries);
        let before = before.and_then(|day| self.period_of(whole, day).ok());
        let surplus = before.map(|before| self.count_period(whole, before, CreditHours::ZERO, today));
        let surplus = surplus.map_or(CreditHours::ZERO, |before| before.standing.hours.surplus);
        Ok(self.count_period(whole, period, surplus, today))
    }

    /// The year that a day lies in, for this person.
    fn period_of(&self, whole: &Whole, day: Day) -> Result<Period, Error> {
        let found = annual::years(&self.rulebook, &whole.terms(), day, day).pop();
        found.ok_or_else(|| Error::internal("a day lies in no year"))
    }

    /// The days of the year that a day lies in, for the person who is all these learners.
    pub(super) async fn days_of_year(&self, learners: &[LearnerId], day: Day) -> Result<Span, Error> {
        let is_there = |learner: &LearnerId| self.directory().learner(*learner).is_some();
        let there: Vec<LearnerId> = learners.iter().copied().filter(is_there).collect();
        Ok(self.period_of(&self.whole(&there).await?, day)?.days)
    }

    /// The years of a person to today, the earliest first: from that of the first record, of the first day of a
    /// certificate, or of `since`.
    fn count_years(&self, whole: &Whole, since: Option<Day>, today: Day) -> Vec<CqoYear> {
        let terms = whole.terms();
        let records = whole.said().chain(whole.voided().map(|voided| &voided.said));
        let days = records.map(|said| said.record.last_day()).chain(since);
        let first = days.chain(terms.as_slice().first().map(|term| term.first())).min().unwrap_or(today).min(today);
        let mut periods = annual::years(&self.rulebook, &terms, first, today);
        periods.drain(..periods.len().saturating_sub(MAX_YEARS));
        let mut surplus = CreditHours::ZERO;
        let each = |period| {
            let year = self.count_period(whole, period, surplus, today);
            surplus = year.standing.hours.surplus;
            year
        };
        periods.into_iter().map(each).collect()
    }

    /// Counts a year by the rules in effect when it ends, as far as they are known.
    fn count_period(&self, whole: &Whole, period: Period, surplus_before: CreditHours, today: Day) -> CqoYear {
        let (days, rules) = (period.days, self.rulebook.of(period.days.last()));
        let entries = whole.of(days);
        let records: Vec<Record> = entries.iter().map(|said| said.record.clone()).collect();
        let standing = annual::count(rules, period, &records, surplus_before);
        let voided = whole.voided().filter(|voided| days.contains(voided.said.record.last_day())).cloned().collect();
        CqoYear { state: state_of(&standing, today), standing, entries, voided }
    }

    /// What of all years of a person, the earliest first, ended short.
    fn short_of(&self, whole: &Whole, years: &[CqoYear], today: Day) -> Vec<ShortYear> {
        let records: Vec<Vec<Record>> =
            years.iter().map(|year| year.entries.iter().map(|said| said.record.clone()).collect()).collect();
        let judged = years.iter().zip(&records).map(|(year, records)| Judged {
            edition: self.rulebook.of(year.standing.period.days.last()),
            standing: &year.standing,
            records,
        });
        annual::short_years(&judged.collect::<Vec<_>>(), &whole.terms(), today)
    }
}

impl Whole {
    fn said(&self) -> impl Iterator<Item = &Said> {
        self.known.iter().flat_map(|known| &known.said)
    }

    fn voided(&self) -> impl Iterator<Item = &Voided> {
        self.known.iter().flat_map(|known| &known.voided)
    }

    /// Every term as it is noted, the earliest first.
    fn noted(&self) -> Vec<Term> {
        let mut terms: Vec<Term> = self.known.iter().flat_map(|known| known.terms.each()).collect();
        terms.sort_by_key(|term| (term.days, term.learner));
        terms
    }

    /// What they cover together.
    fn terms(&self) -> Terms {
        Terms::union(self.known.iter().flat_map(|known| known.terms.each()).map(|term| term.days))
    }

    fn term_editions(&self) -> Vec<TermEdition> {
        let mut editions: Vec<TermEdition> = self.known.iter().flat_map(|known| known.terms.editions()).collect();
        // Of one moment, what was noted later comes first too.
        editions.reverse();
        editions.sort_by_key(|edition| std::cmp::Reverse(edition.at));
        editions
    }

    /// Where the last term is noted, so that those of one certificate after the other stand together.
    fn next_term(&self, learner: LearnerId) -> (LearnerId, u64) {
        let holder = self.noted().last().map_or(learner, |term| term.learner);
        let known = self.known.iter().find(|known| known.terms.learner == holder);
        (holder, known.map_or(0, |known| known.terms.version))
    }

    /// What belongs to a year, by the last day.
    fn of(&self, days: Span) -> Vec<Said> {
        let mut entries: Vec<&Said> = self.said().filter(|said| days.contains(said.record.last_day())).collect();
        entries.sort_by_key(|said| (said.record.last_day(), said.entry));
        entries.into_iter().cloned().collect()
    }
}

fn state_of(standing: &Standing, today: Day) -> StandingState {
    match (&standing.period.coverage, standing.due()) {
        (Coverage::NoTerm, _) => StandingState::NoTerm,
        (Coverage::Outside, _) => StandingState::NotDue,
        _ if standing.is_met() => StandingState::Met,
        (_, Some(due)) if due < today => StandingState::Short,
        _ => StandingState::Open,
    }
}

fn no_year(error: impl std::fmt::Display) -> Error {
    let problem = crate::ledger::fields::Problem::mismatch(format!("is no year: {error}"), "没有这一年度");
    Error::field("year", problem)
}
