//! The version of an edition, which every decision and every entry records.

use std::fmt;
use std::str::FromStr;

use crate::standard::choice::serde_as_text;

/// The digits of the year, leading zeros included.
const YEAR_DIGITS: usize = 4;

/// The most digits of the number after the point.
const NUMBER_MAX_DIGITS: usize = 3;

/// The version of an edition of the rulebook: a year and a number, as `2026.1`. Ordered by both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RulebookVersion {
    year: u16,
    number: u16,
}

/// The text is no version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a version as `2026.1`: a year of four digits, a point, and a number from 0 to 999")]
pub struct VersionError;

impl FromStr for RulebookVersion {
    type Err = VersionError;

    /// A leading zero of the number is refused, so that one version has one spelling.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (year, number) = text.split_once('.').ok_or(VersionError)?;
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let padded = number.len() > 1 && number.starts_with('0');
        if !digits(year) || !digits(number) || year.len() != YEAR_DIGITS || number.len() > NUMBER_MAX_DIGITS || padded {
            return Err(VersionError);
        }
        let read = |text: &str| text.parse().map_err(|_| VersionError);
        Ok(Self { year: read(year)?, number: read(number)? })
    }
}

impl fmt::Display for RulebookVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{:0YEAR_DIGITS$}.{}", self.year, self.number))
    }
}

serde_as_text!(RulebookVersion);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_has_one_spelling() {
        for text in ["2026.0", "2026.1", "2026.10", "2026.999", "0000.0", "9999.999"] {
            assert_eq!(text.parse::<RulebookVersion>().unwrap().to_string(), text);
        }
        for text in [
            "",
            ".",
            "2026",
            "2026.",
            ".1",
            "26.1",
            "12026.1",
            "2026.1000",
            "2026.01",
            "2026.00",
            "2026.1.1",
            "v2026.1",
            "2026.1 ",
            "2026.+1",
            "+026.1",
            "2026.-1",
            "２026.1",
            "2026,1",
        ] {
            assert_eq!(text.parse::<RulebookVersion>(), Err(VersionError), "{text}");
        }
    }

    #[test]
    fn versions_are_ordered_by_number_and_not_by_letter() {
        let version = |text: &str| text.parse::<RulebookVersion>().unwrap();
        assert!(version("2026.9") < version("2026.10"));
        assert!(version("2026.999") < version("2027.0"));
    }

    #[test]
    fn reading_is_the_inverse_of_writing() {
        bolero::check!().with_type::<(u16, u16, String)>().with_iterations(2_000).for_each(|(year, number, text)| {
            let version = RulebookVersion { year: year % 10_000, number: number % 1_000 };
            assert_eq!(version.to_string().parse(), Ok(version));
            assert!(text.parse::<RulebookVersion>().map_or(true, |version| version.to_string() == *text));
        });
    }
}
