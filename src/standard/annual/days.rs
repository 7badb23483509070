//! How many hours find room on the days they were studied on.

use std::collections::BTreeMap;

use super::Span;
use crate::standard::Day;

/// Days of which each takes so many hours, and what they have taken. Hours are hundredths here.
pub(super) struct Days {
    cap: u32,
    taken: BTreeMap<Day, u32>,
}

impl Days {
    pub(super) const fn new(cap: u32) -> Self {
        Self { cap, taken: BTreeMap::new() }
    }

    /// Puts as many of the hours as find room on the days of the span, the earliest first, and says how many.
    ///
    /// Called for entries in the order of their last days, this fits the most hours that can be fitted, and every
    /// hundredth keeps its place once it has one. For let a hundredth of the entry with the earliest last day take the
    /// earliest free place it can. In any best arrangement it could stand there as well: if that place is empty there,
    /// it moves; if another entry's hundredth has it, that one began no later and may end no earlier, so the two
    /// change places; and if ours is left out there, it takes the other's place, and the sum is the same. What remains
    /// is the same problem with one place and one hundredth less.
    pub(super) fn take(&mut self, span: Span, hours: u32) -> u32 {
        let (mut left, mut next) = (hours, Some(span.first()));
        while let Some(day) = next.filter(|day| left > 0 && *day <= span.last()) {
            let taken = self.taken.entry(day).or_default();
            let fits = left.min(self.cap - *taken);
            *taken += fits;
            left -= fits;
            next = day.next().ok();
        }
        hours - left
    }
}

/// The most of these hours that fit on days of this cap together. The entries are in the order of their last days.
pub(super) fn most<'a>(cap: u32, entries: impl IntoIterator<Item = &'a (Span, u32)>) -> u32 {
    let mut days = Days::new(cap);
    entries.into_iter().map(|(span, hours)| days.take(*span, *hours)).sum()
}
