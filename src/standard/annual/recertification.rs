//! What years that ended short leave to be made up before recertification, `ce.shortfall_action`
//! (docs/decisions/0018-a-shortfall-is-made-up-by-later-surplus.md).
//!
//! Deliberately absent: any change of how those years stand. They ended short, and stay so.

use super::{Coverage, Period, Record, Shortfall, Standing, Terms, count_each};
use crate::standard::rulebook::ShortfallAction;
use crate::standard::{CreditHours, Day, Edition, RulebookVersion};

/// A year as it was counted.
#[derive(Debug, Clone, Copy)]
pub struct Judged<'a> {
    /// The rules that it was counted by.
    pub edition: &'a Edition,
    /// What it comes to.
    pub standing: &'a Standing,
    /// What it was counted from, in the order of [`Standing::records`].
    pub records: &'a [Record],
}

/// A year that ended short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShortYear {
    /// Which year.
    pub period: Period,
    /// The day on which it ended, or the certificate did.
    pub due: Day,
    /// The version of the rulebook that decided.
    pub version: RulebookVersion,
    /// What was missing when it ended.
    pub missing: Amount,
    /// What of it stands in the way of recertification; nothing where it never did, or was made up.
    pub left: Amount,
    /// Whether the rulebook makes it block recertification until it is made up.
    pub must_be_made_up: bool,
}

/// Hours and activities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Amount {
    /// Hours of study.
    pub hours: CreditHours,
    /// Organised activities.
    pub activities: u16,
}

/// The years that ended short before `today`, the earliest first; `years` are all of a person in that order.
///
/// What counts after such a year, and no year needs, makes up for it: the earliest first. That is the surplus of later
/// years, but what a year carried over from it, and what was done on days that no certificate covers.
/// A shortfall from before the last certificate blocks nothing any more: that it was issued says so.
pub fn short_years(years: &[Judged<'_>], terms: &Terms, today: Day) -> Vec<ShortYear> {
    let mut short: Vec<ShortYear> = Vec::new();
    for (at, year) in years.iter().enumerate() {
        let carried_on = years.get(at + 1).map_or(CreditHours::ZERO, |next| next.standing.hours.carried);
        let (spare, late) = year.spare(carried_on);
        make_up(&mut short, spare);
        short.extend(year.short(terms, today));
        make_up(&mut short, late);
    }
    short
}

/// Takes as much as there is, the earliest year first.
fn make_up(short: &mut [ShortYear], mut spare: Amount) {
    for year in short {
        let made_up =
            Amount { hours: spare.hours.min(year.left.hours), activities: spare.activities.min(year.left.activities) };
        (spare, year.left) = (spare.less(made_up), year.left.less(made_up));
    }
}

impl Judged<'_> {
    /// The year, when it ended short.
    fn short(&self, terms: &Terms, today: Day) -> Option<ShortYear> {
        let Standing { version, period, hours, activities, .. } = self.standing;
        let due = self.standing.due().filter(|due| *due < today && period.coverage != Coverage::NoTerm)?;
        let missing = Amount { hours: hours.missing, activities: activities.missing };
        let since_issued = terms.as_slice().last().is_none_or(|last| due >= last.first());
        let must_be_made_up = self.edition.ce.shortfall_action == ShortfallAction::NoticeAndBlock && since_issued;
        let left = if must_be_made_up { missing } else { Amount::default() };
        let short = ShortYear { period: period.clone(), due, version: *version, missing, left, must_be_made_up };
        (!missing.is_nothing()).then_some(short)
    }

    /// What makes up for earlier years, and what came so late that it makes up for this one too.
    fn spare(&self, carried_on: CreditHours) -> (Amount, Amount) {
        let Standing { hours, activities, .. } = self.standing;
        let (outside, late) = self.outside();
        let surplus = hours.surplus.hundredths().saturating_sub(carried_on.hundredths());
        let beyond = activities.counted.saturating_sub(activities.required.into());
        let spare = Amount {
            hours: CreditHours::from_hundredths(surplus),
            activities: u16::try_from(beyond).unwrap_or(u16::MAX),
        };
        (spare.and(outside), late)
    }

    /// What would count on the days of the year that no certificate covers: before the last one that counts, and after.
    fn outside(&self) -> (Amount, Amount) {
        let period = &self.standing.period;
        if matches!(period.coverage, Coverage::NoTerm | Coverage::Whole) {
            return (Amount::default(), Amount::default());
        }
        let (mut before, mut after) = (Amount::default(), Amount::default());
        let counted = count_each(self.edition, &period.uncovered(), self.records);
        for (record, counted) in self.records.iter().zip(counted) {
            let day = record.last_day();
            let is_late = self.standing.due().is_some_and(|due| day > due);
            let place = if is_late { &mut after } else { &mut before };
            if period.days.contains(day) && !period.counts(day) {
                let activities = u16::from(matches!(record, Record::Activity(_)) && counted.is_whole());
                *place = place.and(Amount { hours: counted.hours(), activities });
            }
        }
        (before, after)
    }
}

impl ShortYear {
    /// Whether recertification has to wait for it.
    pub fn blocks(&self) -> bool {
        !self.left.is_nothing()
    }
}

/// What all of them come to together.
impl FromIterator<Amount> for Amount {
    fn from_iter<I: IntoIterator<Item = Amount>>(amounts: I) -> Self {
        amounts.into_iter().fold(Self::default(), Self::and)
    }
}

impl Amount {
    /// Whether there is neither.
    pub fn is_nothing(self) -> bool {
        self == Self::default()
    }

    /// The same, clause by clause.
    pub fn shortfalls(self) -> impl Iterator<Item = Shortfall> {
        let hours = (self.hours > CreditHours::ZERO).then_some(Shortfall::Hours(self.hours));
        hours.into_iter().chain((self.activities > 0).then_some(Shortfall::Activities(self.activities)))
    }

    fn and(self, other: Self) -> Self {
        let hours = self.hours.hundredths().saturating_add(other.hours.hundredths());
        let activities = self.activities.saturating_add(other.activities);
        Self { hours: CreditHours::from_hundredths(hours), activities }
    }

    fn less(self, other: Self) -> Self {
        let hours = self.hours.hundredths().saturating_sub(other.hours.hundredths());
        let activities = self.activities.saturating_sub(other.activities);
        Self { hours: CreditHours::from_hundredths(hours), activities }
    }
}
