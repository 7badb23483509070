//! The number of a certificate 证书编号 (FORMATS section 13).

use std::fmt;
use std::str::FromStr;

use super::names::FormError;
use crate::standard::serde_as_text;

/// The characters that a check character can be; the place of a character is its value.
const CHECKED: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
/// Crockford's base 32: no letter that is easily taken for a digit.
const RANDOM: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// What an hour certificate's number begins with.
const PREFIX: &str = "XS";
/// The characters of each part: prefix, year, region, random, check.
const PARTS: [usize; 5] = [2, 4, 6, 10, 1];

/// The number of an hour certificate, as in `XS-2026-340100-7K3M9QX2AB-4`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CertificateNumber(String);

impl CertificateNumber {
    /// The number of a year (4 digits), an issuer's region (6 digits), and 10 random bytes, of each of which the lowest
    /// five bits count.
    pub fn new(year: u16, region: &str, random: [u8; 10]) -> Result<Self, FormError> {
        let random = random_characters(&random);
        let body = format!("{PREFIX}-{year:04}-{region}-{random}");
        format!("{body}-{}", check_character(&body)?).parse()
    }

    /// The number as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The year of issue, 4 digits.
    pub fn year(&self) -> &str {
        self.0.get(3..7).unwrap_or_default()
    }

    /// The region of the issuer, 6 digits.
    pub fn region(&self) -> &str {
        self.0.get(8..14).unwrap_or_default()
    }
}

/// One character for each random byte, of which the lowest five bits count.
pub(crate) fn random_characters(random: &[u8]) -> String {
    random.iter().map(|byte| char::from(RANDOM[usize::from(byte % 32)])).collect()
}

/// Whether a text has no other characters than [`random_characters`] makes.
pub(crate) fn are_random_characters(text: &str) -> bool {
    text.bytes().all(|byte| RANDOM.contains(&byte))
}

/// The check character of ISO/IEC 7064 MOD 37,36 over the characters of `body`, hyphens left out.
pub(crate) fn check_character(body: &str) -> Result<char, FormError> {
    let mut carry = 36;
    for byte in body.bytes().filter(|byte| *byte != b'-') {
        let value = CHECKED.iter().position(|each| *each == byte).ok_or(FormError)?;
        let sum = match (carry + value) % 36 {
            0 => 36,
            sum => sum,
        };
        carry = sum * 2 % 37;
    }
    Ok(char::from(CHECKED[(37 - carry) % 36]))
}

impl FromStr for CertificateNumber {
    type Err = FormError;

    fn from_str(text: &str) -> Result<Self, FormError> {
        let parts: Vec<&str> = text.split('-').collect();
        let [prefix, year, region, random, check] = parts[..] else { return Err(FormError) };
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let good = prefix == PREFIX
            && digits(year)
            && digits(region)
            && are_random_characters(random)
            && parts.iter().map(|part| part.len()).eq(PARTS);
        let (body, _) = text.rsplit_once('-').ok_or(FormError)?;
        if good && check.starts_with(check_character(body)?) { Ok(Self(text.to_owned())) } else { Err(FormError) }
    }
}

impl fmt::Display for CertificateNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

serde_as_text!(CertificateNumber);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_characters() {
        // The first is the example of the Global Release Identifier, which uses the same system.
        for (body, check) in [("A12425GABC1234002", 'M'), ("XS-2026-340100-7K3M9QX2AB", '4'), ("", '1')] {
            assert_eq!(check_character(body), Ok(check), "{body}");
        }
    }

    #[test]
    fn what_is_a_number() {
        let good = "XS-2026-340100-7K3M9QX2AB-4";
        let number: CertificateNumber = good.parse().unwrap();
        assert_eq!((number.as_str(), number.year(), number.region()), (good, "2026", "340100"));
        for bad in [
            "",
            "XS-2026-340100-7K3M9QX2AB",
            "XS-2026-340100-7K3M9QX2AB-",
            "XS-2026-340100-7K3M9QX2AB-5",
            "XS-2026-340100-7K3M9QX2AB-44",
            "XS-2026-340100-7K3M9QX2AB-4-4",
            "XS-2026-340100-7k3m9qx2ab-4",
            "XS-2026-340100-K73M9QX2AB-4",
            "XS-2062-340100-7K3M9QX2AB-4",
            "RD-2026-340100-7K3M9QX2AB-4",
            "XS20263401007K3M9QX2AB4",
            "XS-2026-34010-07K3M9QX2AB-4",
            "XS-2026-340100-7K3M9QX2AB-4 ",
            "ＸＳ-2026-340100-7K3M9QX2AB-4",
        ] {
            assert_eq!(bad.parse::<CertificateNumber>(), Err(FormError), "{bad}");
        }
        // Letters that the alphabet leaves out, with the check character that would be right for them.
        for letter in ["I", "L", "O", "U"] {
            let body = format!("XS-2026-340100-{letter}K3M9QX2AB");
            let whole = format!("{body}-{}", check_character(&body).unwrap());
            assert_eq!(whole.parse::<CertificateNumber>(), Err(FormError), "{whole}");
        }
    }

    #[test]
    fn a_new_number_reads_back_and_no_single_slip_does() {
        bolero::check!().with_iterations(500).with_type::<(u16, u32, [u8; 10], u8, u8)>().for_each(
            |(year, region, random, at, other)| {
                let region = format!("{:06}", region % 1_000_000);
                let number = CertificateNumber::new(year % 10_000, &region, *random).unwrap();
                let text = number.to_string();
                assert_eq!((text.len(), text.parse()), (27, Ok(number)));
                let (at, other) = (usize::from(*at) % text.len(), CHECKED[usize::from(*other) % CHECKED.len()]);
                let mut slipped = text.clone().into_bytes();
                slipped[at] = other;
                let slipped = String::from_utf8(slipped).unwrap();
                assert_eq!(slipped.parse::<CertificateNumber>().is_ok(), slipped == text, "{text} {slipped}");
            },
        );
        for (year, region) in [(2026, "34010"), (2026, "34010A"), (10_000, "340100"), (2026, "")] {
            assert_eq!(CertificateNumber::new(year, region, [0; 10]), Err(FormError), "{year} {region}");
        }
    }
}
