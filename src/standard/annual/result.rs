//! What a year comes to, and why: the result of [`super::count`], for people to read through the web's words.

use super::{Period, Year};
use crate::standard::rulebook::CeRules;
use crate::standard::{CreditHours, Day, RulebookVersion};

/// How a CQO stands in a year.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The version of the rulebook that decided.
    pub version: RulebookVersion,
    /// The year, and what the certificate covers of it.
    pub period: Period,
    /// Clause 9.4.1.2, hours of study.
    pub hours: HourTally,
    /// Clause 9.4.1.2, organised activities.
    pub activities: ActivityTally,
    /// What each record counts, in the order they were given.
    pub records: Vec<Counted>,
}

/// Hours due and hours that count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HourTally {
    /// Due in this year.
    pub required: CreditHours,
    /// Counted from this year's records.
    pub counted: CreditHours,
    /// Of the surplus of the year before, so many were needed and allowed 结转.
    pub carried: CreditHours,
    /// Still due.
    pub missing: CreditHours,
    /// Counted beyond what is due, for the next year. What was carried over is never carried on.
    pub surplus: CreditHours,
}

/// Activities due and activities that count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActivityTally {
    /// Due in this year.
    pub required: u16,
    /// Counted.
    pub counted: u32,
    /// Still due.
    pub missing: u16,
}

/// What one record counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Counted {
    /// Of an entry of study.
    Study {
        /// The hours that count.
        hours: CreditHours,
        /// Every reason why fewer count than were recorded: with the hours that count, these add up to those recorded.
        lost: Vec<Loss>,
    },
    /// Of an activity: it counts when nothing is lacking.
    Activity {
        /// Everything that keeps it from counting.
        lacks: Vec<Lack>,
    },
}

/// Hours that do not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loss {
    /// How many, never none.
    pub hours: CreditHours,
    /// By which rule.
    pub why: Why,
}

/// Why hours do not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Why {
    /// The last day is outside the year, or outside what the certificate covers of it.
    OutsidePeriod,
    /// The course had been finished before in this year.
    RepeatedCourse,
    /// More than so many full days of exchange are worth.
    ExchangeDays,
    /// More than a publication is worth.
    Publication,
    /// More than counts of one day.
    DailyCap,
    /// More than exchange and publication count together.
    JointMaximum,
}

/// What keeps an activity from counting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lack {
    /// The day is outside the year, or outside what the certificate covers of it.
    OutsidePeriod,
    /// Too few attended.
    TooFewAttendees {
        /// So many did.
        found: u32,
        /// So many are needed.
        needed: u16,
    },
    /// There is no evidence.
    NoEvidence,
    /// The certifying body did not confirm it, or not yet.
    NotConfirmed,
}

/// What is missing in a year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shortfall {
    /// So many hours of study.
    Hours(CreditHours),
    /// So many organised activities.
    Activities(u16),
}

impl Standing {
    /// Whether hours and activities are both there 达标. Also so when nothing is due.
    pub fn is_met(&self) -> bool {
        self.shortfalls().next().is_none()
    }

    /// The last day on which what is missing can be made up; nothing when the certificate covers no day of the year.
    pub fn due(&self) -> Option<Day> {
        self.period.end().map(|(day, _)| day)
    }

    /// Which year.
    pub const fn year(&self) -> Year {
        self.period.year
    }

    /// What is missing, clause by clause.
    pub fn shortfalls(&self) -> impl Iterator<Item = Shortfall> {
        let (hours, activities) = (self.hours.missing, self.activities.missing);
        let hours = (hours > CreditHours::ZERO).then_some(Shortfall::Hours(hours));
        hours.into_iter().chain((activities > 0).then_some(Shortfall::Activities(activities)))
    }
}

impl HourTally {
    pub(super) fn of(required: CreditHours, counted: &[Counted], before: CreditHours, rules: &CeRules) -> Self {
        let (required, before) = (required.hundredths(), before.min(rules.carry_over_max).hundredths());
        // No year has so many days that the hours that fit on them do not fit in the type.
        let counted = counted.iter().fold(0_u32, |sum, each| sum.saturating_add(each.hours().hundredths()));
        let short = required.saturating_sub(counted);
        let carried = short.min(before);
        Self {
            required: CreditHours::from_hundredths(required),
            counted: CreditHours::from_hundredths(counted),
            carried: CreditHours::from_hundredths(carried),
            missing: CreditHours::from_hundredths(short - carried),
            surplus: CreditHours::from_hundredths(counted.saturating_sub(required)),
        }
    }
}

impl ActivityTally {
    pub(super) fn of(required: u16, counted: &[Counted]) -> Self {
        let counted = counted.iter().filter(|each| matches!(each, Counted::Activity { lacks } if lacks.is_empty()));
        let counted = u32::try_from(counted.count()).unwrap_or(u32::MAX);
        let missing = required.saturating_sub(u16::try_from(counted).unwrap_or(u16::MAX));
        Self { required, counted, missing }
    }
}

impl Counted {
    /// The hours that count; none of an activity.
    pub const fn hours(&self) -> CreditHours {
        match self {
            Self::Study { hours, .. } => *hours,
            Self::Activity { .. } => CreditHours::ZERO,
        }
    }

    /// Whether all that was recorded counts.
    pub fn is_whole(&self) -> bool {
        match self {
            Self::Study { lost, .. } => lost.is_empty(),
            Self::Activity { lacks } => lacks.is_empty(),
        }
    }
}

impl Why {
    /// The key of the rulebook by which hours do not count.
    pub const fn key(self) -> &'static str {
        match self {
            Self::OutsidePeriod => "ce.year",
            Self::RepeatedCourse => "ce.repeat",
            Self::ExchangeDays => "ce.conversion.full_day",
            Self::Publication => "ce.conversion.paper",
            Self::DailyCap => "hour.daily_cap",
            Self::JointMaximum => "ce.conversion.exchange_and_publication_max",
        }
    }
}

impl Lack {
    /// The key of the rulebook by which the activity does not count.
    pub const fn key(self) -> &'static str {
        match self {
            Self::OutsidePeriod => "ce.year",
            Self::TooFewAttendees { .. } => "ce.activity.min_attendees",
            Self::NoEvidence => "ce.activity.evidence_required",
            Self::NotConfirmed => "ce.activity.confirmed_by_body",
        }
    }
}

impl Shortfall {
    /// The key of the rulebook that asks for what is missing.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Hours(_) => "ce.required_hours",
            Self::Activities(_) => "ce.required_activities",
        }
    }

    /// The clause of the standard.
    pub const fn clause(self) -> &'static str {
        "9.4.1.2"
    }
}
