//! Which years somebody has: one after the other, so that every day lies in one and in no other.
//!
//! What a year is, `ce.year` says on its first day, and a year ends as it was begun: an edition that counts otherwise
//! counts from the next one on. Where it counts from the day of issue, the days that no certificate's years hold are
//! in calendar years, of which nothing is due.

use super::{Period, Span, Terms, Year};
use crate::standard::rulebook::CeYear;
use crate::standard::{Day, Rulebook, last_day_of_term};

/// The years from the one that contains `first` to the one that contains `last`, the earliest first.
pub fn years(rulebook: &Rulebook, terms: &Terms, first: Day, last: Day) -> Vec<Period> {
    let mut years = Vec::new();
    let mut next = Some(start(rulebook, terms, first));
    while let Some(day) = next.filter(|day| *day <= last) {
        let year = beginning(rulebook, terms, day);
        next = year.days.last().next().ok();
        years.push(year);
    }
    years.retain(|year| year.days.last() >= first);
    years
}

/// A day before all that could move the years: on it a calendar year begins, whatever `ce.year` says.
fn start(rulebook: &Rulebook, terms: &Terms, first: Day) -> Day {
    let editions = rulebook.editions().windows(2);
    let changes = editions.filter(|pair| pair[0].ce.year != pair[1].ce.year).map(|pair| pair[1].effective_from);
    let begins = terms.as_slice().first().map(|term| term.first());
    let year = changes.chain(begins).map(Day::year).min().map_or(first.year(), |year| year.min(first.year()));
    Day::new(year, 1, 1).unwrap_or(first)
}

/// The year that begins on a day: to the end of the whole one, or until a certificate begins another.
fn beginning(rulebook: &Rulebook, terms: &Terms, day: Day) -> Period {
    let by_certificate = |day| rulebook.of(day).ce.year == CeYear::Certificate;
    let term = terms.begun_by(day).filter(|_| by_certificate(day));
    let (year, whole) = term.and_then(|term| of_certificate(term, day)).unwrap_or_else(|| of_calendar(day));
    let next = terms.as_slice().iter().map(|term| term.first()).find(|first| *first > day && by_certificate(*first));
    let before_next = next.filter(|_| by_certificate(day)).and_then(|first| first.previous().ok());
    let last = before_next.map_or(whole.last(), |before| before.min(whole.last()));
    Period::of(year, Span::day(day).until(last), whole.count(), terms)
}

/// The year of a certificate that contains a day, where it has one.
fn of_certificate(term: Span, day: Day) -> Option<(Year, Span)> {
    // From the certificate's own first day each time, never from the year before: so a certificate of 29 February has
    // its years from that date again where the calendar has it.
    let end = |nth| last_day_of_term(term.first(), nth).ok();
    let nth = (1..).find(|nth| end(*nth).is_none_or(|last| day <= last))?;
    let first = if nth == 1 { term.first() } else { end(nth - 1)?.next().ok()? };
    let whole = Span::new(first, end(nth)?).ok()?;
    (first <= term.last()).then_some((Year::Certificate { first: term.first(), nth }, whole))
}

fn of_calendar(day: Day) -> (Year, Span) {
    let date = |month, date| Day::new(day.year(), month, date).unwrap_or(day);
    (Year::Calendar(day.year()), Span::day(date(1, 1)).until(date(12, 31)))
}
