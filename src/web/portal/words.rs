//! The words of the portal: one catalogue a language (`locales/`), compiled in, and dates, hours and numbers as the
//! language writes them.
//!
//! No page has prose of its own: templates and handlers name keys, `subject-thing`, and the tests hold every key against
//! its uses and the languages against each other. A key that is missing all the same is shown in brackets and logged once.

use std::borrow::Borrow;
use std::collections::BTreeSet;
use std::sync::{LazyLock, Mutex, PoisonError};

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use unic_langid::LanguageIdentifier;

use super::super::language::Language;
use crate::standard::{CreditHours, Day, TotalHours, UnixMillis, day_of};

#[cfg(test)]
mod tests;

/// One subject's messages in both languages.
struct Subject {
    name: &'static str,
    chinese: &'static str,
    english: &'static str,
}

macro_rules! subjects {
    ($($name:literal)+) => {
        [$(Subject {
            name: $name,
            chinese: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/locales/zh-CN/", $name, ".ftl")),
            english: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/locales/en/", $name, ".ftl")),
        }),+]
    };
}

const SUBJECTS: [Subject; 12] = subjects!(
    "layout" "account" "learner" "claims" "review" "annual" "cqos" "body" "cases" "provider" "start" "home"
);

/// Keys that are put together while the program runs: how they begin, and every way in which they end. Better than a row
/// here is a `match` that writes the keys out, because then the tests find them by themselves.
#[cfg(test)]
const BUILT: &[(&str, &[&str])] = &[];

/// The minutes in UTC that UTC+8 is ahead.
const MINUTES_AHEAD: i64 = 8 * 60;
const MILLIS_PER_MINUTE: i64 = 60_000;
const MINUTES_PER_HOUR: i64 = 60;
const MINUTES_PER_DAY: i64 = 24 * MINUTES_PER_HOUR;

type Bundle = FluentBundle<FluentResource>;

static CHINESE: LazyLock<Bundle> = LazyLock::new(|| bundle(Language::Chinese));
static ENGLISH: LazyLock<Bundle> = LazyLock::new(|| bundle(Language::English));
/// Which keys were missed already: one line in the log for each.
static MISSED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// The words of one language: as cheap to copy as the language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Words {
    language: Language,
}

/// What a message can have in it, as the language writes it.
///
/// Numbers take part in plurals and are grouped by thousands; years and texts stay as they are.
pub(crate) trait Argument {
    /// The value for a message of this language.
    fn value(&self, words: Words) -> FluentValue<'static>;
}

/// Credit hours of an entry or of many.
pub(crate) trait Hours {
    /// As a total.
    fn total(&self) -> TotalHours;
}

impl Words {
    /// The words of a language.
    pub(crate) const fn new(language: Language) -> Self {
        Self { language }
    }

    /// The language.
    pub(crate) const fn language(self) -> Language {
        self.language
    }

    /// The tag of the page: `zh-CN` or `en`.
    pub(crate) const fn tag(self) -> &'static str {
        self.language.tag()
    }

    /// A message without variables.
    pub(crate) fn say(self, key: impl AsRef<str>) -> String {
        self.message(key.as_ref(), None)
    }

    /// A message with one variable.
    pub(crate) fn with1(self, key: impl AsRef<str>, name: &str, value: impl Argument) -> String {
        self.with(key, &[(name, &value)])
    }

    /// A message with two variables.
    pub(crate) fn with2(
        self,
        key: impl AsRef<str>,
        name: &str,
        value: impl Argument,
        name2: &str,
        value2: impl Argument,
    ) -> String {
        self.with(key, &[(name, &value), (name2, &value2)])
    }

    /// A message with any number of variables.
    pub(crate) fn with(self, key: impl AsRef<str>, variables: &[(&str, &dyn Argument)]) -> String {
        let mut args = FluentArgs::with_capacity(variables.len());
        for (name, value) in variables {
            args.set((*name).to_owned(), value.value(self));
        }
        self.message(key.as_ref(), Some(&args))
    }

    /// Credit hours as a number without trailing zeros: `1.5`.
    pub(crate) fn hours(self, hours: impl Hours) -> String {
        grouped(plain(hours.total()))
    }

    /// Credit hours with their unit: `1.5 学时`, `1.5 credit hours`.
    pub(crate) fn hours_and_unit(self, hours: impl Hours) -> String {
        self.with1("layout-hours", "hours", hours.total())
    }

    /// A civil day: `2026年11月27日`, `27 November 2026`.
    pub(crate) fn day(self, day: impl Borrow<Day>) -> String {
        let date = day.borrow().date();
        let [month, of_month] = [date.month(), date.day()].map(i64::from);
        self.with("layout-day", &[("year", &date.year()), ("month", &month), ("day", &of_month)])
    }

    /// The days from the first to the last: one when they are the same.
    pub(crate) fn days(self, first: impl Borrow<Day>, last: impl Borrow<Day>) -> String {
        let [first, last] = [*first.borrow(), *last.borrow()];
        if first == last {
            return self.day(first);
        }
        // Chinese leaves out at the end what the beginning has said, English the other way round.
        let [begins, ends] = match self.language {
            Language::Chinese => [self.day(first), self.short_day(last, first)],
            Language::English => [self.short_day(first, last), self.day(last)],
        };
        self.with2("layout-days", "first", begins, "last", ends)
    }

    /// A day without what another one has said: its year, and its month.
    fn short_day(self, day: Day, other: Day) -> String {
        let [date, other] = [day, other].map(Day::date);
        let [month, of_month] = [date.month(), date.day()].map(i64::from);
        match (date.year() == other.year(), date.month() == other.month()) {
            (true, true) => self.with1("layout-day-of-month", "day", of_month),
            (true, false) => self.with2("layout-day-of-year", "month", month, "day", of_month),
            (false, _) => self.day(day),
        }
    }

    /// A moment in UTC+8, to the minute: `2026年11月27日 16:00`.
    pub(crate) fn instant(self, instant: impl Borrow<UnixMillis>) -> String {
        let instant = *instant.borrow();
        let Ok(day) = day_of(instant) else { return instant.to_string() };
        let minute = (instant.millis().div_euclid(MILLIS_PER_MINUTE) + MINUTES_AHEAD).rem_euclid(MINUTES_PER_DAY);
        let time = format!("{:02}:{:02}", minute / MINUTES_PER_HOUR, minute % MINUTES_PER_HOUR);
        self.with2("layout-instant", "day", day, "time", time)
    }

    /// A number, grouped by thousands.
    pub(crate) fn number(self, number: impl Argument) -> String {
        match number.value(self) {
            FluentValue::Number(number) => grouped(number.as_string().into_owned()),
            FluentValue::String(text) => text.into_owned(),
            _ => String::new(),
        }
    }

    fn message(self, key: &str, args: Option<&FluentArgs<'_>>) -> String {
        let bundle = match self.language {
            Language::Chinese => &CHINESE,
            Language::English => &ENGLISH,
        };
        let Some(pattern) = bundle.get_message(key).and_then(|message| message.value()) else {
            missed(key, "no such message");
            return format!("[{key}]");
        };
        let mut errors = Vec::new();
        let text = bundle.format_pattern(pattern, args, &mut errors);
        if !errors.is_empty() {
            missed(key, "a message lacks a variable");
        }
        text.into_owned()
    }
}

fn missed(key: &str, problem: &str) {
    if MISSED.lock().unwrap_or_else(PoisonError::into_inner).insert(key.to_owned()) {
        tracing::error!(key, "{problem}");
    }
}

/// A file with a mistake gives what can be read of it; the tests refuse such a file.
fn bundle(language: Language) -> Bundle {
    let locale: LanguageIdentifier = language.tag().parse().unwrap_or_default();
    let mut bundle = Bundle::new_concurrent(vec![locale]);
    // The marks around variables are for texts of mixed direction, which neither language is.
    bundle.set_use_isolating(false);
    bundle.set_formatter(Some(|value, _| match value {
        FluentValue::Number(number) => Some(grouped(number.as_string().into_owned())),
        _ => None,
    }));
    for subject in &SUBJECTS {
        let text = language.choose(subject.chinese, subject.english).to_owned();
        let resource = FluentResource::try_new(text).unwrap_or_else(|(readable, errors)| {
            tracing::error!(subject = subject.name, ?errors, "a catalogue has mistakes");
            readable
        });
        bundle.add_resource_overriding(resource);
    }
    bundle
}

/// Hours without trailing zeros.
fn plain(hours: TotalHours) -> String {
    let text = hours.to_string();
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The digits before the point in threes.
fn grouped(number: String) -> String {
    let (whole, part) = number.split_at(number.find('.').unwrap_or(number.len()));
    let digits = whole.trim_start_matches('-');
    if digits.len() <= 3 {
        return number;
    }
    let sign = &whole[..whole.len() - digits.len()];
    let threes: Vec<&str> = digits.as_bytes().rchunks(3).rev().filter_map(|three| str::from_utf8(three).ok()).collect();
    format!("{sign}{}{part}", threes.join(","))
}

impl<T: Argument + ?Sized> Argument for &T {
    fn value(&self, words: Words) -> FluentValue<'static> {
        (**self).value(words)
    }
}

impl Argument for str {
    fn value(&self, _: Words) -> FluentValue<'static> {
        self.to_owned().into()
    }
}

impl Argument for String {
    fn value(&self, words: Words) -> FluentValue<'static> {
        self.as_str().value(words)
    }
}

macro_rules! counts {
    ($($number:ty)+) => {
        $(impl Argument for $number {
            fn value(&self, _: Words) -> FluentValue<'static> {
                FluentValue::from(*self)
            }
        })+
    };
}

counts!(u16 u32 u64 usize i64);

/// A year of the calendar, which is neither grouped nor counted.
impl Argument for i16 {
    fn value(&self, _: Words) -> FluentValue<'static> {
        self.to_string().into()
    }
}

impl<T: Hours + ?Sized> Hours for &T {
    fn total(&self) -> TotalHours {
        (**self).total()
    }
}

impl Hours for CreditHours {
    fn total(&self) -> TotalHours {
        (*self).into()
    }
}

impl Hours for TotalHours {
    fn total(&self) -> TotalHours {
        *self
    }
}

impl Argument for TotalHours {
    fn value(&self, _: Words) -> FluentValue<'static> {
        FluentValue::try_number(&plain(*self)).into_owned()
    }
}

impl Argument for CreditHours {
    fn value(&self, words: Words) -> FluentValue<'static> {
        TotalHours::from(*self).value(words)
    }
}

impl Argument for Day {
    fn value(&self, words: Words) -> FluentValue<'static> {
        words.day(*self).into()
    }
}

impl Argument for UnixMillis {
    fn value(&self, words: Words) -> FluentValue<'static> {
        words.instant(*self).into()
    }
}
