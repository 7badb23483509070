//! Civil dates in UTC+8 and instants in UTC: the two clocks of the standard, and the one bridge between them.
//!
//! Every rule counts in days and calendar years of UTC+8 (China has no summer time); every stored moment is in UTC.
//! Deliberately absent: the time now. Whoever calls brings it.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use jiff::SignedDuration;
use jiff::civil::{Date, DateTime};

use super::choice::serde_as_text;

/// The years of a [`Day`]: a working life before today, and validities after it. A year outside is a typing error.
pub const DAY_YEARS: RangeInclusive<i16> = 1900..=2199;

/// The years of an instant: those whose RFC 3339 form has four digits, from the epoch on.
pub const INSTANT_YEARS: RangeInclusive<i16> = 1970..=9999;

/// What UTC+8 is ahead of UTC.
const UTC8: SignedDuration = SignedDuration::from_hours(8);

/// The instant 0.
const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

/// The nanoseconds in a millisecond, the finest step of an instant.
const NANOS_PER_MILLI: i32 = 1_000_000;

/// A `9` stands for a digit, every other character for itself.
const DAY_FORM: &str = "9999-99-99";
const INSTANT_FORM: &str = "9999-99-99T99:99:99.999Z";

/// A civil date in UTC+8, of a year in [`DAY_YEARS`].
///
/// Written as `2026-11-22`, and nothing else is read back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(Date);

/// An instant in whole milliseconds since 1970-01-01T00:00:00Z, of a year in [`INSTANT_YEARS`].
///
/// Written as `2026-11-22T08:00:00.123Z`, the form of a block's time, and nothing else is read back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixMillis(i64);

/// Why something is no [`Day`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DayError {
    /// Another form, or a day that no calendar has.
    #[error("expected a date of the calendar as `2026-11-22`")]
    Form,
    /// A date outside of [`DAY_YEARS`].
    #[error("expected a year from {} to {}", DAY_YEARS.start(), DAY_YEARS.end())]
    Year,
}

/// Why something is no [`UnixMillis`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InstantError {
    /// Another form, or a moment that no calendar has; leap seconds included.
    #[error("expected a moment in UTC as `2026-11-22T08:00:00.123Z`")]
    Form,
    /// A moment outside of [`INSTANT_YEARS`].
    #[error("expected a year from {} to {}", INSTANT_YEARS.start(), INSTANT_YEARS.end())]
    Year,
}

/// The civil day in UTC+8 that contains the instant. A day starts at 16:00 UTC of the day before.
pub fn day_of(instant: UnixMillis) -> Result<Day, DayError> {
    let local = instant.utc().checked_add(UTC8).map_err(|_| DayError::Year)?;
    Day::try_from(local.date())
}

/// The calendar year in UTC+8 that contains the instant: the year of clause 9.4.1.2 by default.
pub fn calendar_year_of(instant: UnixMillis) -> Result<i16, DayError> {
    day_of(instant).map(Day::year)
}

/// The day on which a number of years since `day` is reached: the same date, `years` later.
///
/// Four years from 2020-02-29 are reached on 2024-02-29. Where the year has no such date it is the last day of the
/// month: one year from 2020-02-29 is reached on 2021-02-28 (Civil Code, article 202).
pub fn anniversary(day: Day, years: u16) -> Result<Day, DayError> {
    let year = i16::try_from(years).ok().and_then(|years| day.year().checked_add(years)).ok_or(DayError::Year)?;
    let first_of_month = Date::new(year, day.0.month(), 1).map_err(|_| DayError::Year)?;
    let last_date = first_of_month.days_in_month();
    let date = first_of_month.with().day(day.0.day().min(last_date)).build();
    date.map_err(|_| DayError::Year).and_then(Day::try_from)
}

/// The last day of a term of at least one year that begins with `day`: the day before the anniversary.
///
/// A term from a 29 February ends on 28 February where there is no 29th, not on the 27th: a year is never cut short.
/// The next term then begins on 1 March, so that terms neither overlap nor leave a gap. A term of no years is empty
/// and ends the day before it begins.
pub fn last_day_of_term(first: Day, years: u16) -> Result<Day, DayError> {
    let reached = anniversary(first, years)?;
    if reached.0.day() == first.0.day() { reached.previous() } else { Ok(reached) }
}

impl Day {
    /// The day of a year, month and date, where the calendar has it.
    pub fn new(year: i16, month: i8, date: i8) -> Result<Self, DayError> {
        Date::new(year, month, date).map_err(|_| DayError::Form).and_then(Self::try_from)
    }

    /// The date of the calendar, for arithmetic that this type does not offer.
    pub const fn date(self) -> Date {
        self.0
    }

    /// The calendar year.
    pub fn year(self) -> i16 {
        self.0.year()
    }

    /// The day after.
    pub fn next(self) -> Result<Self, DayError> {
        self.0.tomorrow().map_err(|_| DayError::Year).and_then(Self::try_from)
    }

    /// How many days lie from this day to `later`; negative when it is earlier.
    pub fn days_until(self, later: Self) -> i64 {
        later.0.duration_since(self.0).as_hours() / 24
    }

    /// The day before.
    pub fn previous(self) -> Result<Self, DayError> {
        self.0.yesterday().map_err(|_| DayError::Year).and_then(Self::try_from)
    }

    /// The instant at which the day begins, midnight in UTC+8, where instants reach back to it.
    pub fn begins(self) -> Result<UnixMillis, InstantError> {
        let utc = self.0.at(0, 0, 0, 0).checked_sub(UTC8).map_err(|_| InstantError::Year)?;
        UnixMillis::from_utc(utc)
    }
}

impl UnixMillis {
    /// The instant of so many milliseconds since the epoch.
    pub fn new(millis: i64) -> Result<Self, InstantError> {
        let utc = EPOCH.checked_add(SignedDuration::from_millis(millis)).map_err(|_| InstantError::Year)?;
        Self::from_utc(utc)
    }

    /// The milliseconds since the epoch.
    pub const fn millis(self) -> i64 {
        self.0
    }

    fn from_utc(utc: DateTime) -> Result<Self, InstantError> {
        if !INSTANT_YEARS.contains(&utc.year()) {
            return Err(InstantError::Year);
        }
        i64::try_from(utc.duration_since(EPOCH).as_millis()).map(Self).map_err(|_| InstantError::Year)
    }

    fn utc(self) -> DateTime {
        EPOCH.saturating_add(SignedDuration::from_millis(self.0))
    }
}

impl TryFrom<Date> for Day {
    type Error = DayError;

    fn try_from(date: Date) -> Result<Self, Self::Error> {
        if DAY_YEARS.contains(&date.year()) { Ok(Self(date)) } else { Err(DayError::Year) }
    }
}

impl TryFrom<i64> for UnixMillis {
    type Error = InstantError;

    fn try_from(millis: i64) -> Result<Self, Self::Error> {
        Self::new(millis)
    }
}

impl FromStr for Day {
    type Err = DayError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        read_date(text, DAY_FORM).ok_or(DayError::Form).and_then(Self::try_from)
    }
}

impl FromStr for UnixMillis {
    type Err = InstantError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        read_date_time(text).ok_or(InstantError::Form).and_then(Self::from_utc)
    }
}

/// Reads a moment of [`INSTANT_FORM`], where the calendar has it.
fn read_date_time(text: &str) -> Option<DateTime> {
    let date = read_date(text, INSTANT_FORM)?;
    let part = |at: RangeInclusive<usize>| text.get(at)?.parse::<i8>().ok();
    let nanos = text.get(20..=22)?.parse::<i32>().ok()? * NANOS_PER_MILLI;
    let (hour, minute, second) = (part(11..=12)?, part(14..=15)?, part(17..=18)?);
    DateTime::new(date.year(), date.month(), date.day(), hour, minute, second, nanos).ok()
}

/// Reads the date that a text of exactly this form begins with, where the calendar has it.
fn read_date(text: &str, form: &str) -> Option<Date> {
    let fits = |(byte, form): (u8, u8)| if form == b'9' { byte.is_ascii_digit() } else { byte == form };
    if text.len() != form.len() || !text.bytes().zip(form.bytes()).all(fits) {
        return None;
    }
    let year = text.get(0..=3)?.parse().ok()?;
    Date::new(year, text.get(5..=6)?.parse().ok()?, text.get(8..=9)?.parse().ok()?).ok()
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&written(self.0))
    }
}

impl fmt::Display for UnixMillis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let utc = self.utc();
        let (date, hour, minute, second) = (written(utc.date()), utc.hour(), utc.minute(), utc.second());
        f.pad(&format!("{date}T{hour:02}:{minute:02}:{second:02}.{:03}Z", utc.millisecond()))
    }
}

fn written(date: Date) -> String {
    format!("{:04}-{:02}-{:02}", date.year(), date.month(), date.day())
}

serde_as_text!(Day);
serde_as_text!(UnixMillis);

#[cfg(test)]
mod tests {
    use super::*;

    const ITERATIONS: usize = 2_000;

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    fn instant(text: &str) -> UnixMillis {
        text.parse().unwrap()
    }

    #[test]
    fn days_are_written_in_one_form_only() {
        for text in ["1900-01-01", "2024-02-29", "2000-02-29", "2026-11-22", "2199-12-31"] {
            assert_eq!(day(text).to_string(), text);
        }
        for text in [
            "",
            "2026-1-22",
            "2026-11-2",
            "26-11-22",
            "2026/11/22",
            "20261122",
            "+2026-11-22",
            "2026-11-22 ",
            " 2026-11-22",
            "2026-11-22Z",
            "2026-13-01",
            "2026-00-01",
            "2026-01-00",
            "2026-04-31",
            "2025-02-29",
            "2100-02-29",
            "２０26-11-22",
            "2026-11-+2",
            "002026-11-22",
        ] {
            assert_eq!(text.parse::<Day>(), Err(DayError::Form), "{text}");
        }
        for text in ["0000-01-01", "1899-12-31", "2200-01-01", "9999-12-31"] {
            assert_eq!(text.parse::<Day>(), Err(DayError::Year), "{text}");
        }
    }

    #[test]
    fn instants_are_written_in_one_form_only() {
        for (millis, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (1, "1970-01-01T00:00:00.001Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_000_000_000_000, "2001-09-09T01:46:40.000Z"),
            (1_795_334_400_123, "2026-11-22T08:00:00.123Z"),
            (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(UnixMillis::new(millis).unwrap().to_string(), text);
            assert_eq!(instant(text).millis(), millis, "{text}");
        }
        for text in [
            "",
            "2026-11-22",
            "2026-11-22T08:00:00Z",
            "2026-11-22T08:00:00.1Z",
            "2026-11-22T08:00:00.1234Z",
            "2026-11-22T08:00:00.123",
            "2026-11-22T08:00:00.123z",
            "2026-11-22t08:00:00.123Z",
            "2026-11-22 08:00:00.123Z",
            "2026-11-22T08:00:00,123Z",
            "2026-11-22T08:00:00.123+00:00",
            "2026-11-22T24:00:00.000Z",
            "2026-11-22T08:60:00.000Z",
            "2026-11-22T23:59:60.000Z",
            "2026-02-30T08:00:00.123Z",
            "2026-11-22T08:00:00.12.Z",
            " 2026-11-22T08:00:00.123Z",
            "2026-11-22T08:00:00.123Z\n",
            "2026-11-22T+8:00:00.123Z",
        ] {
            assert_eq!(text.parse::<UnixMillis>(), Err(InstantError::Form), "{text}");
        }
        assert_eq!("1969-12-31T23:59:59.999Z".parse::<UnixMillis>(), Err(InstantError::Year));
        for millis in [i64::MIN, -1, 253_402_300_800_000, i64::MAX] {
            assert_eq!(UnixMillis::new(millis), Err(InstantError::Year), "{millis}");
        }
    }

    #[test]
    fn a_day_begins_at_16_00_utc() {
        for (text, expected) in [
            ("1970-01-01T00:00:00.000Z", "1970-01-01"),
            ("2025-12-31T15:59:59.999Z", "2025-12-31"),
            ("2025-12-31T16:00:00.000Z", "2026-01-01"),
            ("2024-02-28T16:00:00.000Z", "2024-02-29"),
            ("2024-02-29T16:00:00.000Z", "2024-03-01"),
            ("2199-12-31T15:59:59.999Z", "2199-12-31"),
        ] {
            assert_eq!(day_of(instant(text)), Ok(day(expected)), "{text}");
            assert_eq!(calendar_year_of(instant(text)), Ok(day(expected).year()), "{text}");
        }
        for text in ["2199-12-31T16:00:00.000Z", "9999-12-31T15:59:59.999Z", "9999-12-31T23:59:59.999Z"] {
            assert_eq!(day_of(instant(text)), Err(DayError::Year), "{text}");
        }
        assert_eq!(day("2026-01-01").begins(), Ok(instant("2025-12-31T16:00:00.000Z")));
        assert_eq!(day("1970-01-01").begins(), Err(InstantError::Year));
    }

    #[test]
    fn years_are_reached_on_the_same_date() {
        for (from, years, reached) in [
            ("2020-02-29", 4, "2024-02-29"),
            ("2020-02-29", 1, "2021-02-28"),
            ("2096-02-29", 4, "2100-02-28"),
            ("2019-02-28", 1, "2020-02-28"),
            ("2020-03-01", 1, "2021-03-01"),
            ("2024-11-22", 2, "2026-11-22"),
            ("2018-11-22", 8, "2026-11-22"),
            ("2025-12-31", 1, "2026-12-31"),
            ("2025-12-31", 0, "2025-12-31"),
            ("2191-01-01", 8, "2199-01-01"),
        ] {
            assert_eq!(anniversary(day(from), years), Ok(day(reached)), "{from} {years}");
        }
        for years in [174, 8_000, 30_000, 32_768, u16::MAX] {
            assert_eq!(anniversary(day("2026-01-01"), years), Err(DayError::Year), "{years}");
        }
    }

    #[test]
    fn a_term_ends_the_day_before_the_anniversary() {
        for (first, years, last) in [
            ("2026-11-22", 3, "2029-11-21"),
            ("2026-01-01", 1, "2026-12-31"),
            ("2019-03-01", 1, "2020-02-29"),
            ("2020-03-01", 1, "2021-02-28"),
            ("2020-02-28", 1, "2021-02-27"),
            ("2020-02-29", 1, "2021-02-28"),
            ("2020-02-29", 4, "2024-02-28"),
            ("2024-02-29", 3, "2027-02-28"),
            ("2026-11-22", 0, "2026-11-21"),
        ] {
            assert_eq!(last_day_of_term(day(first), years), Ok(day(last)), "{first} {years}");
        }
    }

    #[test]
    fn neighbouring_days_cross_months_and_stop_at_the_limits() {
        assert_eq!(day("2024-02-28").next(), Ok(day("2024-02-29")));
        assert_eq!(day("2025-01-01").previous(), Ok(day("2024-12-31")));
        assert_eq!(day("2199-12-31").next(), Err(DayError::Year));
        assert_eq!(day("1900-01-01").previous(), Err(DayError::Year));
        assert_eq!(Day::new(2025, 2, 29), Err(DayError::Form));
        assert_eq!(Day::new(2024, 2, 29), Ok(day("2024-02-29")));
    }

    #[test]
    fn json_is_the_text_and_is_checked() {
        let pair = (day("2026-11-22"), instant("2026-11-22T08:00:00.123Z"));
        let json = serde_json::to_string(&pair).unwrap();
        assert_eq!(json, r#"["2026-11-22","2026-11-22T08:00:00.123Z"]"#);
        assert_eq!(serde_json::from_str::<(Day, UnixMillis)>(&json).unwrap(), pair);
        assert!(serde_json::from_str::<Day>("\"2025-02-29\"").is_err());
        assert!(serde_json::from_str::<UnixMillis>("0").is_err());
    }

    #[test]
    fn reading_is_the_inverse_of_writing() {
        bolero::check!().with_type::<u64>().with_iterations(ITERATIONS).for_each(|seed| {
            let millis = i64::try_from(seed % 253_402_300_800_000).unwrap();
            let instant = UnixMillis::new(millis).unwrap();
            assert_eq!(instant.millis(), millis);
            assert_eq!(instant.to_string().parse(), Ok(instant));
            if let Ok(day) = day_of(instant) {
                assert_eq!(day.to_string().parse(), Ok(day));
                assert!(day.begins().is_err() || day.begins().unwrap() <= instant);
            }
        });
    }

    #[test]
    fn the_day_after_a_term_is_its_anniversary_or_1_march() {
        bolero::check!().with_type::<(u16, u8)>().with_iterations(ITERATIONS).for_each(|(days, years)| {
            let first = Day::try_from(
                Date::constant(1950, 1, 1).saturating_add(SignedDuration::from_hours(i64::from(*days) * 24)),
            );
            let (first, years) = (first.unwrap(), u16::from(years % 20) + 1);
            let last = last_day_of_term(first, years).unwrap();
            let next = last.next().unwrap();
            let later = last_day_of_term(first, years + 1).unwrap();
            assert!(first < last && last < later, "{first} {years}");
            assert!(
                next == anniversary(first, years).unwrap() || next.to_string().ends_with("03-01"),
                "{first} {years}"
            );
        });
    }

    #[test]
    fn no_text_makes_a_parser_panic() {
        bolero::check!().with_type::<(String, i64)>().with_iterations(ITERATIONS).for_each(|(text, millis)| {
            assert!(text.parse::<Day>().map_or(true, |day| day.to_string() == *text));
            assert!(text.parse::<UnixMillis>().map_or(true, |instant| instant.to_string() == *text));
            let _ = UnixMillis::new(*millis).map(day_of);
        });
    }
}
