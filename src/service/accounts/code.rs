//! One-time codes that people type or follow: invitations, resets, recovery.

use std::fmt;

use super::super::error::Error;
use super::super::random_bytes;
use crate::merkle::Hash;

/// Crockford's base 32: no letter is taken for a digit.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Characters of a code: 80 random bits.
const LENGTH: usize = 16;
/// Characters between hyphens.
const GROUP: usize = 4;

/// A code that was drawn; shown once, and only its digest is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Code(String);

impl Code {
    /// Draws a code.
    pub(super) fn draw() -> Result<Self, Error> {
        let bytes = random_bytes::<LENGTH>()?;
        Ok(Self(bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect()))
    }

    /// What is kept of it.
    pub(super) fn digest(&self) -> Hash {
        Hash::of(&[self.0.as_bytes()])
    }
}

/// In groups, as it is printed.
impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, c) in self.0.chars().enumerate() {
            if i > 0 && i % GROUP == 0 {
                f.write_str("-")?;
            }
            write!(f, "{c}")?;
        }
        Ok(())
    }
}

/// Not the code: what is printed of it may come into a log.
impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code(..)")
    }
}

/// The digest of a code as somebody types it: in any case, with or without hyphens and spaces, with the letters that look
/// like digits. 80 random bits need no slow hash.
pub(super) fn digest_of(typed: &str) -> Hash {
    let plain: String = typed
        .chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '-' | '\u{2010}'..='\u{2015}'))
        .map(|c| match c.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            c => c,
        })
        .collect();
    Hash::of(&[plain.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_known_however_it_is_typed() {
        let code = Code("01AB23CD45EF67GH".into());
        assert_eq!(code.to_string(), "01AB-23CD-45EF-67GH");
        for typed in ["01AB-23CD-45EF-67GH", "01ab23cd45ef67gh", " oIab 23cd—45ef 67gh\n"] {
            assert_eq!(digest_of(typed), code.digest(), "{typed}");
        }
        assert_ne!(digest_of("01AB-23CD-45EF-67GJ"), code.digest());
        assert_ne!(Code::draw().unwrap(), Code::draw().unwrap());
        assert_eq!(format!("{code:?}"), "Code(..)");
    }
}
