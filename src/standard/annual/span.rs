//! Days from a first to a last.

use crate::standard::Day;

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

impl Span {
    /// The days from `first` to `last`.
    pub fn new(first: Day, last: Day) -> Result<Self, SpanError> {
        if last < first { Err(SpanError { first, last }) } else { Ok(Self { first, last }) }
    }

    /// The same first day, to this last one or its own, whichever is later.
    pub(super) fn until(self, last: Day) -> Self {
        Self { first: self.first, last: self.last.max(last) }
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
