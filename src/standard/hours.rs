//! Credit hours 学时 as whole hundredths: 1.50 hours are 150, and nothing here ever is a floating-point number.
//!
//! Deliberately absent: rounding, caps and conversions. They are rules of counting a year (clause 9.4.1.2), never of
//! recording an hour.

use std::fmt;
use std::iter::Sum;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How many parts one credit hour has.
const HUNDREDTHS: u32 = 100;

/// The decimals after the point in the written form.
const DECIMALS: usize = 2;

/// The least that one entry may record: 0.01 hours.
pub const MIN_ENTRY_HOURS: CreditHours = CreditHours(1);

/// The most that one entry may record: 100.00 hours. A limit of the format, no rule of the standard.
pub const MAX_ENTRY_HOURS: CreditHours = CreditHours(10_000);

/// A number of credit hours 学时数量, clauses 9.4.1.2 and [10.2], in whole hundredths.
///
/// Written as `1.50`, and nothing else is read back; in JSON the integer of hundredths, 150.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CreditHours(u32);

/// A sum of credit hours of many entries or people.
///
/// Wider than [`CreditHours`]: a nation's hours of some years do not fit in 32 bits of hundredths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TotalHours(u64);

/// Why a text is no number of credit hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HoursParseError {
    /// Anything but digits, a point and two digits, or a leading zero.
    #[error("expected credit hours with exactly two decimals, as `1.50`")]
    Form,
    /// The form is right and the number is too great.
    #[error("more than {} credit hours", CreditHours::MAX)]
    TooMany,
}

/// A total that does not fit in [`CreditHours`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{total} is more than {} credit hours", CreditHours::MAX)]
pub struct TotalTooGreat {
    /// The total as it is.
    pub total: TotalHours,
}

impl CreditHours {
    /// No hours.
    pub const ZERO: Self = Self(0);

    /// The greatest number this type holds.
    pub const MAX: Self = Self(u32::MAX);

    /// Makes credit hours of whole hundredths.
    pub const fn from_hundredths(hundredths: u32) -> Self {
        Self(hundredths)
    }

    /// The whole hundredths.
    pub const fn hundredths(self) -> u32 {
        self.0
    }

    /// The sum, or nothing where it exceeds [`CreditHours::MAX`].
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// Whether one entry may record this many hours: [`MIN_ENTRY_HOURS`] to [`MAX_ENTRY_HOURS`].
    pub fn fits_an_entry(self) -> bool {
        (MIN_ENTRY_HOURS..=MAX_ENTRY_HOURS).contains(&self)
    }
}

impl TotalHours {
    /// A total of whole hundredths.
    pub const fn from_hundredths(hundredths: u64) -> Self {
        Self(hundredths)
    }

    /// The whole hundredths.
    pub const fn hundredths(self) -> u64 {
        self.0
    }
}

impl From<CreditHours> for TotalHours {
    fn from(hours: CreditHours) -> Self {
        Self(hours.0.into())
    }
}

impl TryFrom<TotalHours> for CreditHours {
    type Error = TotalTooGreat;

    fn try_from(total: TotalHours) -> Result<Self, Self::Error> {
        u32::try_from(total.0).map(Self).map_err(|_| TotalTooGreat { total })
    }
}

impl Sum<CreditHours> for TotalHours {
    /// Saturates, which takes more than 2^32 summands.
    fn sum<I: Iterator<Item = CreditHours>>(hours: I) -> Self {
        Self(hours.fold(0, |total, each| total.saturating_add(each.0.into())))
    }
}

impl FromStr for CreditHours {
    type Err = HoursParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (whole, part) = text.split_once('.').ok_or(HoursParseError::Form)?;
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let padded = whole.len() > 1 && whole.starts_with('0');
        if !digits(whole) || !digits(part) || part.len() != DECIMALS || padded {
            return Err(HoursParseError::Form);
        }
        // Both parts are plain digits, so that only their size can be wrong.
        let whole: u32 = whole.parse().map_err(|_| HoursParseError::TooMany)?;
        let part: u32 = part.parse().map_err(|_| HoursParseError::TooMany)?;
        let hundredths = whole.checked_mul(HUNDREDTHS).and_then(|whole| whole.checked_add(part));
        hundredths.map(Self).ok_or(HoursParseError::TooMany)
    }
}

impl fmt::Display for CreditHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        TotalHours::from(*self).fmt(f)
    }
}

impl fmt::Display for TotalHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hundredths = u64::from(HUNDREDTHS);
        f.pad(&format!("{}.{:0DECIMALS$}", self.0 / hundredths, self.0 % hundredths))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ITERATIONS: usize = 2_000;

    #[test]
    fn the_written_form_has_exactly_two_decimals() {
        for (hundredths, text) in [
            (0, "0.00"),
            (1, "0.01"),
            (10, "0.10"),
            (99, "0.99"),
            (100, "1.00"),
            (150, "1.50"),
            (999, "9.99"),
            (1_000, "10.00"),
            (10_000, "100.00"),
            (u32::MAX, "42949672.95"),
        ] {
            let hours = CreditHours::from_hundredths(hundredths);
            assert_eq!(hours.to_string(), text);
            assert_eq!(text.parse(), Ok(hours));
        }
        assert_eq!(format!("{:>8}", CreditHours(150)), "    1.50");
    }

    #[test]
    fn any_other_form_is_refused() {
        for text in [
            "", ".", "1", "1.", ".50", "1.5", "1.500", "01.50", "00.00", "+1.50", "-1.50", " 1.50", "1.50 ", "1,50",
            "1.5o", "1..50", "1.50.0", "１.50", "1e2.00", "1_0.00",
        ] {
            assert_eq!(text.parse::<CreditHours>(), Err(HoursParseError::Form), "{text}");
        }
        for text in ["42949672.96", "42949673.00", "4294967296.00", "99999999999999999999999.00"] {
            assert_eq!(text.parse::<CreditHours>(), Err(HoursParseError::TooMany), "{text}");
        }
    }

    #[test]
    fn an_entry_records_between_0_01_and_100_hours() {
        for (hundredths, fits) in [(0, false), (1, true), (10_000, true), (10_001, false)] {
            assert_eq!(CreditHours::from_hundredths(hundredths).fits_an_entry(), fits, "{hundredths}");
        }
    }

    #[test]
    fn sums_never_wrap() {
        assert_eq!(CreditHours(999).checked_add(CreditHours(1)), Some(CreditHours(1_000)));
        assert_eq!(CreditHours::MAX.checked_add(CreditHours::ZERO), Some(CreditHours::MAX));
        assert_eq!(CreditHours::MAX.checked_add(CreditHours(1)), None);

        let total: TotalHours = [CreditHours::MAX, CreditHours(1)].into_iter().sum();
        assert_eq!(total.to_string(), "42949672.96");
        assert_eq!(CreditHours::try_from(total), Err(TotalTooGreat { total }));
        let total: TotalHours = [CreditHours(950), CreditHours(50)].into_iter().sum();
        assert_eq!(CreditHours::try_from(total), Ok(CreditHours(1_000)));
        assert_eq!(std::iter::empty().sum::<TotalHours>(), TotalHours::default());
    }

    #[test]
    fn json_is_the_integer_of_hundredths() {
        assert_eq!(serde_json::to_string(&CreditHours(150)).unwrap(), "150");
        assert_eq!(serde_json::from_str::<CreditHours>("150").unwrap(), CreditHours(150));
        for json in ["1.5", "150.0", "-1", "4294967296", "\"1.50\"", "null"] {
            assert!(serde_json::from_str::<CreditHours>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn reading_is_the_inverse_of_writing() {
        bolero::check!().with_type::<u32>().with_iterations(ITERATIONS).for_each(|hundredths| {
            let hours = CreditHours::from_hundredths(*hundredths);
            assert_eq!(hours.to_string().parse(), Ok(hours));
        });
    }

    #[test]
    fn whatever_is_read_is_written_back_the_same() {
        bolero::check!().with_type::<(u32, char, u8)>().with_iterations(ITERATIONS).for_each(|(whole, point, part)| {
            for text in [format!("{whole}{point}{part}"), format!("{whole}.{part}"), format!("{point}{part}")] {
                if let Ok(hours) = text.parse::<CreditHours>() {
                    assert_eq!(hours.to_string(), text);
                }
            }
        });
    }

    #[test]
    fn no_text_makes_the_parser_panic() {
        bolero::check!().with_type::<String>().with_iterations(ITERATIONS).for_each(|text| {
            if let Ok(hours) = text.parse::<CreditHours>() {
                assert_eq!(&hours.to_string(), text);
            }
        });
    }
}
