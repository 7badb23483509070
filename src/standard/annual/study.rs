//! How many hours of each entry of study count, rule by rule: the period, `ce.repeat`, `ce.conversion`,
//! `hour.daily_cap`, and the joint maximum of exchange and publication.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::days::{Days, most};
use super::{Counted, Loss, Period, Span, Study, Why};
use crate::standard::rulebook::Repeat;
use crate::standard::{CreditHours, Edition, StudyForm};

/// An entry on its way through the rules.
struct Item<'a> {
    study: &'a Study,
    /// Its place among the entries as given.
    place: usize,
    /// What still counts, in hundredths.
    left: u32,
    lost: Vec<Loss>,
}

/// What each entry counts, in the order given.
///
/// All together count as many hours as the rules allow: what is measured in time finds its days first, then exchange
/// and publication take what room is left, until their joint maximum. (The sets of hours that fit on days are a
/// matroid: hours found room for by one form never have to make way for another, only to move, and each entry adds
/// what the most of all with it is more than the most without it.)
pub(super) fn count(edition: &Edition, period: &Period, entries: Vec<&Study>) -> Vec<Counted> {
    let mut items: Vec<Item<'_>> =
        entries.into_iter().enumerate().map(|(place, study)| Item::new(place, study)).collect();
    // The whole of what an entry says decides, so that the order in which entries are given does not. Of two that
    // finish a course on one day, the longer counts.
    items.sort_by_key(|item| {
        let study = item.study;
        (study.days.last(), study.days.first(), study.completes, Reverse(study.hours), study.form, &study.course)
    });
    keep_to_period(&mut items, period);
    if edition.ce.repeat == Repeat::Once {
        drop_repeated(&mut items);
    }
    convert(&mut items, edition);
    fit_days(&mut items, edition, period);
    items.sort_by_key(|item| item.place);
    items.into_iter().map(Item::counted).collect()
}

fn keep_to_period(items: &mut [Item<'_>], period: &Period) {
    let outside = |item: &&mut Item<'_>| !period.counts(item.study.days.last());
    items.iter_mut().filter(outside).for_each(|item| item.keep(0, Why::OutsidePeriod));
}

/// The same course counts once in a year: its entries up to the first that finishes it.
fn drop_repeated(items: &mut [Item<'_>]) {
    let mut finished = BTreeSet::new();
    for item in items.iter_mut().filter(|item| item.left > 0) {
        let course = &item.study.course;
        if finished.contains(course) {
            item.keep(0, Why::RepeatedCourse);
        } else if item.study.completes {
            finished.insert(course);
        }
    }
}

/// What an entry is worth where it is not measured in time, 9.4.1.2 b) and c): exchange so many hours for each of its
/// days, and a publication so many.
fn convert(items: &mut [Item<'_>], edition: &Edition) {
    let rules = &edition.ce.conversion;
    for item in items {
        match item.study.form {
            StudyForm::Exchange => {
                item.keep(item.study.days.count().saturating_mul(rules.full_day.hundredths()), Why::ExchangeDays);
            }
            StudyForm::Publication => item.keep(rules.paper.hundredths(), Why::Publication),
            StudyForm::Lecture | StudyForm::Online | StudyForm::Other => {}
        }
    }
}

/// At most `hour.daily_cap` of a day, and of exchange and publication together at most their joint maximum.
fn fit_days(items: &mut [Item<'_>], edition: &Edition, period: &Period) {
    let cap = edition.hour.daily_cap.hundredths();
    let mut days = Days::new(cap);
    let (converted, timed): (Vec<_>, Vec<_>) = items.iter_mut().partition(|item| item.is_converted());
    let mut fitted = Vec::new();
    for item in timed {
        item.keep(days.take(item.study.days, item.left), Why::DailyCap);
        fitted.push((item.study.days, item.left));
    }
    let mut joint_left = period.joint_maximum(&edition.ce).hundredths();
    for item in converted.into_iter().filter(|item| item.left > 0) {
        if joint_left > 0 {
            item.keep(adds(cap, &fitted, item), Why::DailyCap);
        }
        item.keep(joint_left, Why::JointMaximum);
        joint_left -= item.left;
        insert(&mut fitted, (item.study.days, item.left));
    }
}

/// How many hours of the entry find room beside those that have theirs, when all may move.
fn adds(cap: u32, fitted: &[(Span, u32)], item: &Item<'_>) -> u32 {
    let mut with = fitted.to_vec();
    insert(&mut with, (item.study.days, item.left));
    most(cap, &with).saturating_sub(fitted.iter().map(|(_, hours)| hours).sum())
}

/// Keeps the order of last days.
fn insert(fitted: &mut Vec<(Span, u32)>, entry: (Span, u32)) {
    let at = fitted.partition_point(|(span, _)| span.last() <= entry.0.last());
    fitted.insert(at, entry);
}

impl<'a> Item<'a> {
    fn new(place: usize, study: &'a Study) -> Self {
        Self { study, place, left: study.hours.hundredths(), lost: Vec::new() }
    }

    const fn is_converted(&self) -> bool {
        matches!(self.study.form, StudyForm::Exchange | StudyForm::Publication)
    }

    /// Lets at most so many hours count, and remembers why the others do not.
    fn keep(&mut self, at_most: u32, why: Why) {
        let lost = self.left.saturating_sub(at_most);
        if lost > 0 {
            self.left -= lost;
            self.lost.push(Loss { hours: CreditHours::from_hundredths(lost), why });
        }
    }

    fn counted(self) -> Counted {
        Counted::Study { hours: CreditHours::from_hundredths(self.left), lost: self.lost }
    }
}
