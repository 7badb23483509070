//! How CQOs stand in their years, clause 9.4.1.2: what the ledger says of a learner, given to [`annual::count`].
//!
//! Only what is sealed counts, by what it says in the end, as in certificates. What was read of a learner is kept in
//! memory (`known`) until more of it is sealed; nothing of it is on the disk, so nothing of it can be out of date.
//!
//! A person whom several providers know is several learners here. The account that names them makes one CQO of them.

mod known;
mod overview;
mod terms;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub(super) use known::Cache;
pub use known::{Said, Subject};
pub use overview::{CqoRow, Filter, OrganisationCount, Overview, StateCounts, WaitingActivity};
pub use terms::Term;

use super::Service;
use super::access::{AccountRole, Action, Actor, Person};
use super::claims::ReviewConflict;
use super::error::Error;
use super::registry::{Employment, serving};
use crate::ledger::entry::LearnerId;
use crate::standard::annual::{self, Coverage, Record, Span, Standing, Year, YearError};
use crate::standard::{CreditCode, CreditHours, Day, Edition, choice, day_of};
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
}

/// A CQO with all years.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CqoRecord {
    /// Who.
    pub cqo: Cqo,
    /// The validity of the level certificate, where it is registered.
    pub term: Option<Term>,
    /// Why whoever asks must not note that validity, where they otherwise might.
    pub conflict: Option<ReviewConflict>,
    /// The year of today first, then back to the first in which anything was recorded.
    pub years: Vec<CqoYear>,
}

/// What is known of all learners that are one person.
struct Whole {
    known: Vec<Arc<Known>>,
}

impl Service {
    /// How a CQO stands in a year; in that of today where none is named.
    pub async fn standing(&self, actor: &Actor, learner: LearnerId, year: Option<Year>) -> Result<CqoYear, Error> {
        self.allow(actor, Action::ReadStandings)?;
        let learners = self.reached(actor, learner)?;
        let whole = self.whole(&learners).await?;
        let today = self.today()?;
        let year = year.unwrap_or_else(|| self.year_of(today, &whole));
        self.count_year(&whole, year, today).map_err(no_year)
    }

    /// A CQO with every year, the newest first.
    pub async fn cqo(&self, actor: &Actor, learner: LearnerId) -> Result<CqoRecord, Error> {
        self.allow(actor, Action::ReadStandings)?;
        let learners = self.reached(actor, learner)?;
        let today = self.today()?;
        let cqo = self.describe(&learners, today).ok_or(Error::NotFound("learner"))?;
        let whole = self.whole(&learners).await?;
        let years = self.years(&whole, today).into_iter().map(|year| self.count_year(&whole, year, today));
        let years = years.collect::<Result<_, _>>().map_err(no_year)?;
        let conflict = match actor.person().filter(|_| actor.may(Action::WriteTerms)) {
            Some(person) => self.conflict_about(person, learner, None)?,
            None => None,
        };
        Ok(CqoRecord { cqo, term: whole.term(), conflict, years })
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

    /// The rules that a year is judged by: those in effect when it ends, as far as they are known; before there were
    /// any, the first.
    fn rules_of(&self, last: Day) -> &Edition {
        self.rulebook.in_effect(last).unwrap_or(&self.rulebook.editions()[0])
    }

    /// The year that a day lies in, for this person.
    fn year_of(&self, day: Day, whole: &Whole) -> Year {
        Year::containing(day, self.rules_of(day), whole.span())
    }

    /// The years of a person from today back: to the first record, or to the first day of the certificate.
    fn years(&self, whole: &Whole, today: Day) -> Vec<Year> {
        let first_record = whole.said().map(|said| last_day(&said.record)).min();
        let first = first_record.into_iter().chain(whole.span().map(Span::first)).min().unwrap_or(today).min(today);
        let mut years: Vec<Year> = Vec::new();
        let mut day = Some(today);
        while let Some(at) = day.filter(|day| *day >= first && years.len() < MAX_YEARS) {
            let year = self.year_of(at, whole);
            day = year.days(whole.span()).ok().and_then(|days| days.first().previous().ok());
            years.push(year);
        }
        years
    }

    /// Counts a year. Of the year before only its surplus is asked, and only where the rules let any be carried over.
    fn count_year(&self, whole: &Whole, year: Year, today: Day) -> Result<CqoYear, YearError> {
        let days = year.days(whole.span())?;
        let rules = self.rules_of(days.last());
        let before = match before(year).filter(|_| rules.ce.carry_over_max > CreditHours::ZERO) {
            Some(before) => {
                let days = before.days(whole.span())?;
                let (_, records) = whole.of(days);
                annual::count(self.rules_of(days.last()), before, whole.span(), &records, CreditHours::ZERO)?
                    .hours
                    .surplus
            }
            None => CreditHours::ZERO,
        };
        let (entries, records) = whole.of(days);
        let standing = annual::count(rules, year, whole.span(), &records, before)?;
        Ok(CqoYear { state: state_of(&standing, today), standing, entries: entries.into_iter().cloned().collect() })
    }
}

impl Whole {
    fn said(&self) -> impl Iterator<Item = &Said> {
        self.known.iter().flat_map(|known| &known.said)
    }

    /// Of several terms of one person the one that lasts longest.
    fn term(&self) -> Option<Term> {
        self.known.iter().filter_map(|known| known.term).max_by_key(|term| (term.days.last(), term.days.first()))
    }

    fn span(&self) -> Option<Span> {
        self.term().map(|term| term.days)
    }

    /// What belongs to a year, by the last day.
    fn of(&self, days: Span) -> (Vec<&Said>, Vec<Record>) {
        let mut entries: Vec<&Said> = self.said().filter(|said| days.contains(last_day(&said.record))).collect();
        entries.sort_by_key(|said| (last_day(&said.record), said.entry));
        let records = entries.iter().map(|said| said.record.clone()).collect();
        (entries, records)
    }
}

/// The year before, where the same count has one.
fn before(year: Year) -> Option<Year> {
    match year {
        Year::Calendar(year) => year.checked_sub(1).map(Year::Calendar),
        Year::Certificate(nth) => nth.checked_sub(1).filter(|nth| *nth > 0).map(Year::Certificate),
    }
}

fn state_of(standing: &Standing, today: Day) -> StandingState {
    match standing.due() {
        _ if standing.period.coverage == Coverage::Outside => StandingState::NotDue,
        _ if standing.is_met() => StandingState::Met,
        Some(due) if due < today => StandingState::Short,
        _ => StandingState::Open,
    }
}

fn last_day(record: &Record) -> Day {
    match record {
        Record::Study(study) => study.days.last(),
        Record::Activity(activity) => activity.date,
    }
}

fn no_year(error: YearError) -> Error {
    let problem = crate::ledger::fields::Problem::mismatch(format!("is no year: {error}"), "没有这一年度");
    Error::field("year", problem)
}
