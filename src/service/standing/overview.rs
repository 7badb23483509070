//! All CQOs in somebody's reach at once: a page of them, and how many stand how.

use std::collections::BTreeMap;
use std::ops::AddAssign;
use std::sync::Arc;

use super::super::Service;
use super::super::access::{Action, Actor};
use super::super::error::Error;
use super::super::issue::Blocks;
use super::super::registry::serving;
use super::known::Known;
use super::{Cqo, CqoYear, StandingState, Whole};
use crate::document::xlsx::{self, MAX_STANDINGS, StandingRow};
use crate::ledger::entry::LearnerId;
use crate::standard::annual::{ActivityTally, HourTally, ShortYear, Year};
use crate::standard::{CreditCode, Day, RulebookVersion};

/// Which CQOs are asked for.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// The calendar year, or the certificate years that its last day lies in; that of today without one.
    pub year: Option<i16>,
    /// How they stand.
    pub state: Option<StandingState>,
    /// Whom they serve: the credit code, or a part of the name.
    pub employer: Option<String>,
    /// What the name contains.
    pub name: Option<String>,
}

/// A CQO in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CqoRow {
    /// Who.
    pub cqo: Cqo,
    /// Which year.
    pub year: Year,
    /// How it stands today.
    pub state: StandingState,
    /// Hours.
    pub hours: HourTally,
    /// Activities.
    pub activities: ActivityTally,
    /// By when what is missing can be made up.
    pub due: Option<Day>,
    /// Whether the validity of a level certificate is registered.
    pub has_term: bool,
    /// The version of the rulebook that decided.
    pub version: RulebookVersion,
    /// The years, up to today's, that have to be made up before recertification.
    pub blocking: Vec<ShortYear>,
}

/// How many stand how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StateCounts {
    /// Over, and something is missing.
    pub short: usize,
    /// Not over, and something is missing.
    pub open: usize,
    /// No level certificate is registered.
    pub no_term: usize,
    /// Nothing is missing.
    pub met: usize,
    /// Nothing is due.
    pub not_due: usize,
}

/// How the CQOs of one organisation stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrganisationCount {
    /// Its credit code, where it is known.
    pub code: Option<CreditCode>,
    /// Its name; none of those who serve nobody.
    pub name: Option<String>,
    /// How many stand how.
    pub states: StateCounts,
}

/// A page of CQOs, and how all in reach stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overview {
    /// The calendar year that was asked for.
    pub year: i16,
    /// The page.
    pub rows: Vec<CqoRow>,
    /// How many match the filter.
    pub total: usize,
    /// How all stand that match the filter, whatever state it names.
    pub states: StateCounts,
    /// The same by organisation, the one with the most CQOs first.
    pub organisations: Vec<OrganisationCount>,
    /// Of how many nothing could be read. They are not among the others, and the log says why.
    pub unreadable: usize,
}

impl Service {
    /// The CQOs in reach by how they stand in a year: those who fall short first, and of them those who lack most.
    pub async fn standings(
        &self,
        actor: &Actor,
        filter: &Filter,
        skip: usize,
        limit: usize,
    ) -> Result<Overview, Error> {
        self.allow(actor, Action::ReadStandings)?;
        // Thousands of learners are read when it is asked for the first time, and all are counted each time.
        Self::apart(self.look_over(actor, filter, skip, limit)).await
    }

    async fn look_over(&self, actor: &Actor, filter: &Filter, skip: usize, limit: usize) -> Result<Overview, Error> {
        let today = self.today()?;
        let year = filter.year.unwrap_or_else(|| today.year());
        // A year that is not over is looked at today.
        let last = Day::new(year, 12, 31).map_err(super::no_year)?;
        let day = if last.year() == today.year() { last.min(today) } else { last };
        let (mut rows, mut states, mut unreadable) = (Vec::new(), StateCounts::default(), 0);
        let mut organisations: BTreeMap<(Option<CreditCode>, Option<String>), StateCounts> = BTreeMap::new();
        let mut blocks = Blocks::default();
        for cqo in self.cqos_in_reach(actor, filter, today) {
            let Some(whole) = self.whole_if_sound(&cqo, &mut blocks).await? else {
                unreadable += usize::from(self.directory().learner(cqo.learners[0]).is_some());
                continue;
            };
            let row = self.row(cqo, &whole, self.count_year_of(&whole, day, today)?);
            states += row.state;
            let employer = row.cqo.employer.as_ref();
            let key = (employer.and_then(|one| one.code.clone()), employer.map(|one| one.name.clone()));
            *organisations.entry(key).or_default() += row.state;
            rows.extend(Some((row, whole)).filter(|(row, _)| filter.state.is_none_or(|state| row.state == state)));
        }
        rows.sort_by(|(a, _), (b, _)| a.order().cmp(&b.order()));
        let total = rows.len();
        // Beyond the end is the last page: the list was longer when its pages were counted.
        let skip = skip.min(total.saturating_sub(1) / limit.max(1) * limit);
        let shown = rows.into_iter().skip(skip).take(limit);
        let rows = shown.map(|(row, whole)| CqoRow { blocking: self.blocking(&whole, today), ..row }).collect();
        let mut organisations: Vec<OrganisationCount> =
            organisations.into_iter().map(|((code, name), states)| OrganisationCount { code, name, states }).collect();
        organisations.sort_by_key(|one| std::cmp::Reverse(one.states.total()));
        Ok(Overview { year, rows, total, states, organisations, unreadable })
    }

    /// The same list, all of it, as XLSX.
    pub async fn standings_sheet(&self, actor: &Actor, filter: &Filter) -> Result<Vec<u8>, Error> {
        let page = self.standings(actor, filter, 0, MAX_STANDINGS).await?;
        let rows: Vec<StandingRow> = page.rows.into_iter().map(sheet_row).collect();
        let written = self.clock.now();
        let sheet = format!("{} 年度", page.year);
        Self::apart(async { xlsx::standings(&sheet, &rows, written).map_err(Error::internal) }).await
    }

    /// Everybody in reach, each person once, as far as employer and name go.
    pub(super) fn cqos_in_reach(&self, actor: &Actor, filter: &Filter, today: Day) -> Vec<Cqo> {
        let mut all: Vec<LearnerId> = self.directory().learner_ids().collect();
        all.sort();
        let stands_for_itself = |learner: &LearnerId| self.same_person(*learner).iter().min() == Some(learner);
        let described = all.into_iter().filter(stands_for_itself).filter_map(|learner| {
            let learners = self.same_person(learner);
            let reached = learners.iter().any(|learner| self.reaches(actor, *learner, today));
            if reached { self.describe(&learners, today) } else { None }
        });
        let serves = |cqo: &Cqo, asked: &str| {
            let directory = self.directory();
            let is_code = |code: &CreditCode| code.as_str() == asked;
            let mut employers = cqo.learners.iter().flat_map(|id| serving(directory.employers(*id), today));
            employers.any(|one| one.code.as_ref().is_some_and(is_code) || one.name.contains(asked))
        };
        described
            .filter(|cqo| filter.employer.as_ref().is_none_or(|asked| serves(cqo, asked)))
            .filter(|cqo| filter.name.as_ref().is_none_or(|name| cqo.name.contains(name.as_str())))
            .collect()
    }

    /// What is known of a person; nothing of one who was erased in between, and of one whose rows are damaged, who must
    /// not keep everybody else from being looked at.
    pub(super) async fn whole_if_sound(&self, cqo: &Cqo, blocks: &mut Blocks) -> Result<Option<Whole>, Error> {
        let mut known: Vec<Arc<Known>> = Vec::with_capacity(cqo.learners.len());
        for learner in &cqo.learners {
            match self.known_of(*learner, blocks).await {
                Ok(one) => known.push(one),
                Err(Error::Erased(_) | Error::NotFound(_)) => {}
                Err(Error::Internal(error)) => {
                    tracing::error!(%learner, error, "what is recorded of a learner cannot be read");
                    return Ok(None);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Some(Whole { known }).filter(|whole| !whole.known.is_empty()))
    }

    fn row(&self, cqo: Cqo, whole: &Whole, counted: CqoYear) -> CqoRow {
        let CqoYear { state, standing, .. } = counted;
        CqoRow {
            cqo,
            year: standing.year(),
            state,
            due: standing.due(),
            hours: standing.hours,
            activities: standing.activities,
            has_term: !whole.terms().is_empty(),
            version: standing.version,
            blocking: Vec::new(),
        }
    }

    fn blocking(&self, whole: &Whole, today: Day) -> Vec<ShortYear> {
        let mut short = self.short_of(whole, &self.count_years(whole, None, today), today);
        short.retain(ShortYear::blocks);
        short
    }
}

impl CqoRow {
    /// Those who fall short first, of them those who lack most, then by name.
    fn order(&self) -> impl Ord {
        let lacks = (std::cmp::Reverse(self.hours.missing), std::cmp::Reverse(self.activities.missing));
        (self.state, lacks, &self.cqo.name, &self.cqo.learners)
    }
}

fn sheet_row(row: CqoRow) -> StandingRow {
    let year = match row.year {
        Year::Calendar(year) => format!("{year} 年"),
        Year::Certificate { first, nth } => format!("{first} 起第 {nth} 年"),
    };
    StandingRow {
        name: row.cqo.name,
        learner: row.cqo.learners.first().map(ToString::to_string).unwrap_or_default(),
        employer: row.cqo.employer.map(|employer| (employer.name, employer.code)),
        year,
        state: row.state.chinese(),
        hours: row.hours,
        activities: row.activities,
        due: row.due,
        has_term: row.has_term,
        version: row.version,
        to_make_up: row.blocking.iter().map(|short| short.left).collect(),
    }
}

impl StateCounts {
    /// How many there are.
    pub const fn total(&self) -> usize {
        self.short + self.open + self.no_term + self.met + self.not_due
    }

    /// How many stand so.
    pub const fn of(&self, state: StandingState) -> usize {
        match state {
            StandingState::Short => self.short,
            StandingState::Open => self.open,
            StandingState::NoTerm => self.no_term,
            StandingState::Met => self.met,
            StandingState::NotDue => self.not_due,
        }
    }
}

impl AddAssign<StandingState> for StateCounts {
    fn add_assign(&mut self, state: StandingState) {
        *match state {
            StandingState::Short => &mut self.short,
            StandingState::Open => &mut self.open,
            StandingState::NoTerm => &mut self.no_term,
            StandingState::Met => &mut self.met,
            StandingState::NotDue => &mut self.not_due,
        } += 1;
    }
}
