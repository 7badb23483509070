//! Which days of a year count, and what is due in it for as many of them as the level certificate covers.

use super::{Span, Terms};
use crate::standard::rulebook::CeRules;
use crate::standard::{CreditHours, Day};

/// A year of clause 9.4.1.2, as `ce.year` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Year {
    /// A calendar year in UTC+8.
    Calendar(i16),
    /// A year from the day of issue of a level certificate.
    Certificate {
        /// The day from which its years count.
        first: Day,
        /// Which of them, counted from 1.
        nth: u16,
    },
}

/// A year with what certificates cover of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Period {
    /// Which year.
    pub year: Year,
    /// Its days: not the whole year where years of another kind come before or after it.
    pub days: Span,
    /// How many days the whole year has.
    whole: u32,
    /// What certificates cover.
    pub coverage: Coverage,
}

/// How much of a year the validity of level certificates covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Coverage {
    /// No term is registered: the whole year is counted, and nothing follows from it.
    NoTerm,
    /// All of it.
    Whole,
    /// These days of it, at least one: the requirement is prorated (`ce.partial`).
    Part(Vec<Span>),
    /// None of it: nothing is required.
    Outside,
}

/// What ends the days on which something missing can be made up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The year is over.
    Year,
    /// The level certificate expires within it.
    Certificate,
}

impl Period {
    /// These days of a year that has `whole` of them, with what the terms cover.
    pub(super) fn of(year: Year, days: Span, whole: u32, terms: &Terms) -> Self {
        let covered = terms.within(days);
        let coverage = match covered[..] {
            _ if terms.is_empty() => Coverage::NoTerm,
            [] => Coverage::Outside,
            [all] if all == days && days.count() == whole => Coverage::Whole,
            _ => Coverage::Part(covered),
        };
        Self { year, days, whole, coverage }
    }

    /// The days on which something counts, the earliest first.
    pub fn counting(&self) -> &[Span] {
        match &self.coverage {
            Coverage::NoTerm | Coverage::Whole => std::slice::from_ref(&self.days),
            Coverage::Part(covered) => covered,
            Coverage::Outside => &[],
        }
    }

    /// Whether something counts on a day.
    pub(super) fn counts(&self, day: Day) -> bool {
        self.counting().iter().any(|days| days.contains(day))
    }

    /// The last day on which something counts, and what ends with it.
    pub fn end(&self) -> Option<(Day, Ending)> {
        let last = self.counting().last()?.last();
        Some((last, if last == self.days.last() { Ending::Year } else { Ending::Certificate }))
    }

    /// The same days, of which all count.
    pub(super) fn uncovered(&self) -> Self {
        Self { coverage: Coverage::NoTerm, ..self.clone() }
    }

    fn covered_days(&self) -> u32 {
        self.counting().iter().map(|days| days.count()).sum()
    }

    /// The hours due: for a part of a year those of the whole by days.
    pub(super) fn required_hours(&self, rules: &CeRules) -> CreditHours {
        self.prorated(rules.required_hours, rules)
    }

    /// How many hours of exchange and publication count together. They are a share of the hours due, so in a part of a
    /// year as many days of them count as of those.
    pub(super) fn joint_maximum(&self, rules: &CeRules) -> CreditHours {
        self.prorated(rules.conversion.exchange_and_publication_max, rules)
    }

    /// Hours of a whole year by days, rounded up to `ce.partial.rounding`, and never more than those of the whole.
    fn prorated(&self, whole: CreditHours, rules: &CeRules) -> CreditHours {
        match self.coverage {
            Coverage::NoTerm | Coverage::Whole => whole,
            Coverage::Outside => CreditHours::ZERO,
            Coverage::Part(_) => {
                let (step, days) = (u64::from(rules.partial.rounding.hundredths()), u64::from(self.whole));
                let prorated = u64::from(whole.hundredths()) * u64::from(self.covered_days());
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
            Coverage::Part(_) if self.covered_days() >= rules.partial.activity_min_days.into() => {
                rules.required_activities
            }
            Coverage::Part(_) | Coverage::Outside => 0,
        }
    }
}
