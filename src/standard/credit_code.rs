//! The unified social credit code 统一社会信用代码 of GB 32100-2015, clause [7.1] of the standard.
//!
//! Deliberately absent: whether the organisation exists, the tables of registering departments (positions 1 and 2)
//! and regions (3 to 8), and the organisation code's own check character (position 17, GB 11714): the departments
//! that issue codes change them, the check character of the whole code does not.

use std::fmt;
use std::str::FromStr;

use super::choice::serde_as_text;

/// The characters of a code: digits and capitals without I, O, S, V and Z. The place of a character is its value.
const ALPHABET: &[u8; 31] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";

/// The modulus of the check character, as many as there are characters.
const MODULUS: usize = ALPHABET.len();

/// The weight of position i, counted from 0, is 3^i mod 31.
const WEIGHT_BASE: usize = 3;

/// The characters before the check character.
const BODY_CHARS: usize = 17;

/// The characters of a whole code.
const CODE_CHARS: usize = BODY_CHARS + 1;

/// The positions, counted from 1, of the region of the registering department: digits only (GB/T 2260).
const REGION_POSITIONS: std::ops::RangeInclusive<usize> = 3..=8;

/// A unified social credit code 统一社会信用代码: 18 characters, the last of them checked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CreditCode(String);

/// What is wrong with a text that should be a unified social credit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CreditCodeError {
    /// Not as many characters as needed.
    #[error("expected {expected} characters, found {found}")]
    Length {
        /// How many there should be.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// A character that the code does not use.
    #[error("position {position}: `{}` is not a digit or a capital letter other than I, O, S, V, Z", found.escape_debug())]
    Character {
        /// Counted from 1.
        position: usize,
        /// The character there.
        found: char,
    },
    /// A letter in the region, which has digits only.
    #[error("position {position}: `{found}` is a letter, and the region (positions 3 to 8) has digits only")]
    Region {
        /// Counted from 1.
        position: usize,
        /// The letter there.
        found: char,
    },
    /// The check character does not belong to the 17 others: a typing error somewhere.
    #[error("the check character should be `{expected}`, found `{found}`")]
    Check {
        /// The one that belongs to the first 17 characters.
        expected: char,
        /// The one that stands there.
        found: char,
    },
}

impl CreditCode {
    /// Completes the first 17 characters with their check character.
    pub fn with_check(body: &str) -> Result<Self, CreditCodeError> {
        let sum = weighted_sum(body, BODY_CHARS)?;
        Ok(Self(format!("{body}{}", check_character(sum))))
    }

    /// The 18 characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Reads the first 17 of `expected` characters after looking at all of them, and sums value times weight.
fn weighted_sum(text: &str, expected: usize) -> Result<usize, CreditCodeError> {
    let found = text.chars().count();
    if found != expected {
        return Err(CreditCodeError::Length { expected, found });
    }
    let mut sum = 0;
    let mut weight = 1;
    for (position, found) in (1..).zip(text.chars()) {
        let value = value_of(found).ok_or(CreditCodeError::Character { position, found })?;
        if REGION_POSITIONS.contains(&position) && !found.is_ascii_digit() {
            return Err(CreditCodeError::Region { position, found });
        }
        if position <= BODY_CHARS {
            sum += value * weight;
            weight = weight * WEIGHT_BASE % MODULUS;
        }
    }
    Ok(sum)
}

/// The place of a character in [`ALPHABET`].
fn value_of(character: char) -> Option<usize> {
    ALPHABET.iter().position(|&each| char::from(each) == character)
}

/// GB 32100-2015: C18 = 31 - (sum mod 31), where 31 itself becomes 0.
fn check_character(sum: usize) -> char {
    char::from(ALPHABET[(MODULUS - sum % MODULUS) % MODULUS])
}

impl FromStr for CreditCode {
    type Err = CreditCodeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let expected = check_character(weighted_sum(text, CODE_CHARS)?);
        match text.chars().next_back() {
            Some(found) if found != expected => Err(CreditCodeError::Check { expected, found }),
            _ => Ok(Self(text.to_owned())),
        }
    }
}

impl fmt::Display for CreditCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

serde_as_text!(CreditCode);

#[cfg(test)]
mod tests {
    use super::*;

    const ITERATIONS: usize = 2_000;

    /// Codes that public registers print, with check characters that are digits and letters.
    const REAL: [&str; 6] = [
        "91110000600037341L",
        "91350100M000100Y43",
        "9144030071526726XG",
        "914403001922038216",
        "91330100799655058B",
        "91440300708461136T",
    ];

    #[test]
    fn real_codes_are_read_and_their_check_character_is_computed() {
        for text in REAL {
            let code: CreditCode = text.parse().unwrap();
            assert_eq!((code.as_str(), code.to_string().as_str()), (text, text));
            assert_eq!(CreditCode::with_check(&text[..BODY_CHARS]), Ok(code));
        }
    }

    #[test]
    fn a_check_character_computed_by_hand() {
        // All zeros sum to 0, and 31 - 0 becomes 0. A single 1 at position 1 weighs 1, and 30 is Y; at position 2 it
        // weighs 3, and 28 is W; at position 17 it weighs 3^16 mod 31 = 28, and 3 is 3.
        for (body, check) in [
            ("00000000000000000", '0'),
            ("10000000000000000", 'Y'),
            ("01000000000000000", 'W'),
            ("00000000000000001", '3'),
        ] {
            assert_eq!(CreditCode::with_check(body).unwrap().to_string(), format!("{body}{check}"));
        }
    }

    #[test]
    fn the_error_says_what_is_wrong_and_where() {
        for (text, message) in [
            ("", "expected 18 characters, found 0"),
            ("91110000600037341", "expected 18 characters, found 17"),
            ("91110000600037341LL", "expected 18 characters, found 19"),
            (
                "九一一一零零零零六零零零三七三四一L",
                "position 1: `九` is not a digit or a capital letter other than I, O, S, V, Z",
            ),
            ("91110000600037341l", "position 18: `l` is not a digit or a capital letter other than I, O, S, V, Z"),
            ("9111000O600037341L", "position 8: `O` is not a digit or a capital letter other than I, O, S, V, Z"),
            ("91110000\n00037341L", "position 9: `\\n` is not a digit or a capital letter other than I, O, S, V, Z"),
            ("91A10000600037341L", "position 3: `A` is a letter, and the region (positions 3 to 8) has digits only"),
            ("9111000A600037341L", "position 8: `A` is a letter, and the region (positions 3 to 8) has digits only"),
            ("911100006000373410", "the check character should be `L`, found `0`"),
            ("91110000600037314L", "the check character should be `T`, found `L`"),
        ] {
            assert_eq!(text.parse::<CreditCode>().unwrap_err().to_string(), message, "{text}");
        }
        for letter in "IOSVZ".chars() {
            let text = format!("91110000{letter}00037341L");
            let error = CreditCodeError::Character { position: 9, found: letter };
            assert_eq!(text.parse::<CreditCode>(), Err(error));
        }
        assert_eq!(
            CreditCode::with_check("91110000600037341L"),
            Err(CreditCodeError::Length { expected: BODY_CHARS, found: CODE_CHARS })
        );
    }

    #[test]
    fn every_single_wrong_character_is_noticed() {
        for place in 0..CODE_CHARS {
            for other in ALPHABET {
                let mut text = REAL[0].as_bytes().to_vec();
                if text[place] != *other {
                    text[place] = *other;
                    assert!(String::from_utf8(text).unwrap().parse::<CreditCode>().is_err(), "{place} {other}");
                }
            }
        }
    }

    #[test]
    fn json_is_the_text_and_is_checked() {
        let code: CreditCode = REAL[0].parse().unwrap();
        let json = serde_json::to_string(&code).unwrap();
        assert_eq!(json, "\"91110000600037341L\"");
        assert_eq!(serde_json::from_str::<CreditCode>(&json).unwrap(), code);
        assert!(serde_json::from_str::<CreditCode>("\"911100006000373410\"").is_err());
    }

    #[test]
    fn reading_is_the_inverse_of_completing() {
        bolero::check!().with_type::<[u8; BODY_CHARS]>().with_iterations(ITERATIONS).for_each(|bytes| {
            let body: String = (1..)
                .zip(bytes)
                .map(|(position, byte)| {
                    let characters = if REGION_POSITIONS.contains(&position) { 10 } else { MODULUS };
                    char::from(ALPHABET[usize::from(*byte) % characters])
                })
                .collect();
            let code = CreditCode::with_check(&body).unwrap();
            assert_eq!(code.to_string().parse(), Ok(code));
        });
    }

    #[test]
    fn no_text_makes_the_parser_panic() {
        bolero::check!().with_type::<String>().with_iterations(ITERATIONS).for_each(|text| {
            let _ = text.parse::<CreditCode>();
            let _ = CreditCode::with_check(text);
        });
    }
}
