//! The masked number of an identity document (FORMATS section 14).

use std::fmt;
use std::str::FromStr;

use crate::ledger::entry::FormError;
use crate::ledger::forms::forms;
use crate::standard::serde_as_text;

/// How many characters stay at the end.
const LAST: usize = 4;
/// Most characters that are masked.
const MAX_MASKED: usize = 20;

/// An identity document's number of which only the first and the last four characters are shown: `3*************1234`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MaskedIdNumber(String);

impl MaskedIdNumber {
    /// Masks a whole number: 6 to 25 digits and letters.
    pub fn of(full: &str) -> Result<Self, FormError> {
        let full = full.to_ascii_uppercase();
        if !full.bytes().all(|byte| byte.is_ascii_alphanumeric()) || full.len() <= LAST {
            return Err(FormError);
        }
        let (front, last) = full.split_at(full.len() - LAST);
        let (first, masked) = front.split_at(1);
        format!("{first}{}{last}", "*".repeat(masked.len())).parse()
    }

    /// The masked number as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for MaskedIdNumber {
    type Err = FormError;

    fn from_str(text: &str) -> Result<Self, FormError> {
        let shown = |bytes: &[u8]| bytes.iter().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
        let bytes = text.as_bytes();
        let masked = bytes.len().checked_sub(1 + LAST).filter(|masked| (1..=MAX_MASKED).contains(masked));
        let masked = masked.ok_or(FormError)?;
        let stars = bytes[1..=masked].iter().all(|byte| *byte == b'*');
        let good = stars && shown(&bytes[..1]) && shown(&bytes[1 + masked..]);
        if good { Ok(Self(text.to_owned())) } else { Err(FormError) }
    }
}

impl fmt::Display for MaskedIdNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

serde_as_text!(MaskedIdNumber);

forms! {
    MaskedIdNumber: "must be a masked number: the first character, 1 to 20 asterisks, the last four characters", "应为脱敏后的号码：首字符、1 到 20 个星号、末四位";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_masked_shows_the_first_and_the_last_four_only() {
        for (full, masked) in [
            ("34010019900101123x", "3*************123X"),
            ("E12345", "E*2345"),
            ("1234567890123456789012345", "1********************2345"),
        ] {
            assert_eq!(MaskedIdNumber::of(full).unwrap().as_str(), masked);
            assert_eq!(masked.parse::<MaskedIdNumber>().unwrap().to_string(), masked);
        }
        for full in ["", "12345", "12345678901234567890123456", "1234-5678", "证件号码一二三四"] {
            assert_eq!(MaskedIdNumber::of(full), Err(FormError), "{full}");
        }
        for text in ["", "31234", "3*123", "34*1234", "3*12345", "e*2345", "3*123x", "**1234", "3*𠮷", "3*12*4"] {
            assert_eq!(text.parse::<MaskedIdNumber>(), Err(FormError), "{text}");
        }
    }
}
