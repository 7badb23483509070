//! Which days a year has, and how many of them the level certificate covers.

use crate::standard::rulebook::{CeRules, CeYear};
use crate::standard::{CreditHours, Day, DayError, Edition, last_day_of_term};

/// The days from a first to a last, both included; at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    first: Day,
    last: Day,
}

/// The last day is before the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{last} is before {first}")]
pub struct SpanError {
    /// The first day.
    pub first: Day,
    /// The last day.
    pub last: Day,
}

/// A year of clause 9.4.1.2, as `ce.year` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Year {
    /// A calendar year in UTC+8.
    Calendar(i16),
    /// The n-th year from the level certificate's first day, counted from 1.
    Certificate(u16),
}

/// Why there is no such year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum YearError {
    /// A year of the certificate, and no certificate is registered.
    #[error("no level certificate is registered to count years from")]
    NoTerm,
    /// Certificate years are counted from 1.
    #[error("the years of a certificate are counted from 1")]
    Zeroth,
    /// Outside of the calendar.
    #[error("{0}")]
    Day(#[from] DayError),
}

/// A year with what the certificate covers of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// Which year.
    pub year: Year,
    /// All its days.
    pub days: Span,
    /// What the certificate covers.
    pub coverage: Coverage,
}

/// How much of a year the validity of the level certificate covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coverage {
    /// No term is registered: the whole year counts.
    NoTerm,
    /// All of it.
    Whole,
    /// These days of it: the requirement is prorated (`ce.partial`).
    Part(Span),
    /// None of it: nothing is required.
    Outside,
}

impl Span {
    /// The days from `first` to `last`.
    pub fn new(first: Day, last: Day) -> Result<Self, SpanError> {
        if last < first { Err(SpanError { first, last }) } else { Ok(Self { first, last }) }
    }

    /// A single day.
    pub const fn day(day: Day) -> Self {
        Self { first: day, last: day }
    }

    /// The first day.
    pub const fn first(self) -> Day {
        self.first
    }

    /// The last day.
    pub const fn last(self) -> Day {
        self.last
    }

    /// How many days, at least 1.
    pub fn count(self) -> u32 {
        u32::try_from(self.first.days_until(self.last) + 1).expect("a day has a year of `DAY_YEARS`")
    }

    /// Whether the day is one of them.
    pub fn contains(self, day: Day) -> bool {
        (self.first..=self.last).contains(&day)
    }

    /// The days of both.
    pub fn common(self, other: Self) -> Option<Self> {
        Self::new(self.first.max(other.first), self.last.min(other.last)).ok()
    }
}

impl Year {
    /// The year that contains a day, as `ce.year` of the edition has it. Before the certificate, and without one, it
    /// is a calendar year.
    pub fn containing(day: Day, edition: &Edition, term: Option<Span>) -> Self {
        let counted_from = term.filter(|term| edition.ce.year == CeYear::Certificate && term.first <= day);
        // The n-th year ends at least 365 n - 1 days after the first day, so the search ends.
        let nth = |term: Span| {
            (1..).find(|years| last_day_of_term(term.first, *years).map_or(true, |last| day <= last)).unwrap_or(1)
        };
        counted_from.map_or(Self::Calendar(day.year()), |term| Self::Certificate(nth(term)))
    }

    /// The days of the year. `term` is what certificate years are counted from.
    pub fn days(self, term: Option<Span>) -> Result<Span, YearError> {
        let (first, last) = match (self, term) {
            (Self::Calendar(year), _) => (Day::new(year, 1, 1)?, Day::new(year, 12, 31)?),
            (Self::Certificate(_), None) => return Err(YearError::NoTerm),
            (Self::Certificate(0), Some(_)) => return Err(YearError::Zeroth),
            (Self::Certificate(1), Some(term)) => (term.first, last_day_of_term(term.first, 1)?),
            // From the certificate's own first day each time, never from the year before: so a certificate of
            // 29 February has its years from that date again where the calendar has it.
            (Self::Certificate(nth), Some(term)) => {
                (last_day_of_term(term.first, nth - 1)?.next()?, last_day_of_term(term.first, nth)?)
            }
        };
        Ok(Span { first, last })
    }
}

impl Period {
    /// The year with what the term covers of it.
    pub fn of(year: Year, term: Option<Span>) -> Result<Self, YearError> {
        let days = year.days(term)?;
        let coverage = match term.map(|term| days.common(term)) {
            None => Coverage::NoTerm,
            Some(None) => Coverage::Outside,
            Some(Some(covered)) if covered == days => Coverage::Whole,
            Some(Some(covered)) => Coverage::Part(covered),
        };
        Ok(Self { year, days, coverage })
    }

    /// The days on which something counts.
    pub const fn counting(&self) -> Option<Span> {
        match self.coverage {
            Coverage::NoTerm | Coverage::Whole => Some(self.days),
            Coverage::Part(covered) => Some(covered),
            Coverage::Outside => None,
        }
    }

    /// The hours due: for a part of a year those of the whole by days, rounded up to `ce.partial.rounding`, and never
    /// more than those of the whole.
    pub(super) fn required_hours(&self, rules: &CeRules) -> CreditHours {
        let whole = rules.required_hours;
        match self.coverage {
            Coverage::NoTerm | Coverage::Whole => whole,
            Coverage::Outside => CreditHours::ZERO,
            Coverage::Part(covered) => {
                let (step, days) = (u64::from(rules.partial.rounding.hundredths()), u64::from(self.days.count()));
                let prorated = u64::from(whole.hundredths()) * u64::from(covered.count());
                // One division for both steps: rounding the quotient first could round twice.
                let rounded = prorated.div_ceil(days * step) * step;
                u32::try_from(rounded).map_or(whole, |hundredths| CreditHours::from_hundredths(hundredths).min(whole))
            }
        }
    }

    /// The activities due: for a part of a year all of them from `ce.partial.activity_min_days` covered days on, and
    /// none below.
    pub(super) fn required_activities(&self, rules: &CeRules) -> u16 {
        match self.coverage {
            Coverage::NoTerm | Coverage::Whole => rules.required_activities,
            Coverage::Part(covered) if covered.count() >= rules.partial.activity_min_days.into() => {
                rules.required_activities
            }
            Coverage::Part(_) | Coverage::Outside => 0,
        }
    }
}
