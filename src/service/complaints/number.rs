//! The number of a case, which anybody may know, and the code that shows the complainant what became of it.

use std::fmt;
use std::str::FromStr;

use super::super::error::Error;
use super::super::random_bytes;
use super::CaseKind;
use crate::ledger::entry::FormError;
use crate::ledger::forms::forms;
use crate::ledger::number::{are_random_characters, check_character, random_characters};
use crate::merkle::Hash;
use crate::standard::serde_as_text;

/// The characters of each part: prefix, year, random, check.
const PARTS: [usize; 4] = [2, 4, 10, 1];
/// Random characters of a code: five bits each.
const CODE_CHARS: usize = 20;
/// Characters of a code that are written together.
const CODE_GROUP: usize = 5;

/// The number of a case, as in `TS-2026-7K3M9QX2AB-S`: of a complaint 投诉 `TS`, of a dispute 异议 `YY`. The last character
/// checks the others, as that of a certificate's number does.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CaseNumber(String);

impl CaseNumber {
    /// A new number of this year.
    pub(in crate::service) fn draw(kind: CaseKind, year: i16) -> Result<Self, Error> {
        let random = random_characters(&random_bytes::<{ PARTS[2] }>()?);
        let body = format!("{}-{year:04}-{random}", kind.prefix());
        let check = check_character(&body).map_err(Error::internal)?;
        format!("{body}-{check}").parse().map_err(Error::internal)
    }

    /// What the case is.
    pub fn kind(&self) -> CaseKind {
        if self.0.starts_with(CaseKind::Dispute.prefix()) { CaseKind::Dispute } else { CaseKind::Complaint }
    }

    /// The number as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for CaseNumber {
    type Err = FormError;

    fn from_str(text: &str) -> Result<Self, FormError> {
        let parts: Vec<&str> = text.split('-').collect();
        let [prefix, year, random, check] = parts[..] else { return Err(FormError) };
        let good = CaseKind::ALL.iter().any(|kind| kind.prefix() == prefix)
            && year.bytes().all(|byte| byte.is_ascii_digit())
            && are_random_characters(random)
            && parts.iter().map(|part| part.len()).eq(PARTS);
        let (body, _) = text.rsplit_once('-').ok_or(FormError)?;
        if good && check.starts_with(check_character(body)?) { Ok(Self(text.to_owned())) } else { Err(FormError) }
    }
}

forms! {
    CaseNumber: "must be a case number such as TS-2026-7K3M9QX2AB-S, with a right check character", "应为受理编号，如 TS-2026-7K3M9QX2AB-S，且校验码正确";
}

impl fmt::Display for CaseNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

serde_as_text!(CaseNumber);

/// The secret that comes with a complaint's number, shown once. Only its digest is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct CaseCode(String);

impl CaseCode {
    pub(super) fn draw() -> Result<Self, Error> {
        Ok(Self(random_characters(&random_bytes::<CODE_CHARS>()?)))
    }

    /// What somebody typed: in lower case, with or without hyphens and spaces, and with the letters that are taken for
    /// digits. Anything is a code; what is none opens nothing.
    pub fn typed(text: &str) -> Self {
        let plain = text.chars().filter(|c| !c.is_whitespace() && *c != '-').take(2 * CODE_CHARS);
        let read = plain.map(|c| match c.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        });
        Self(read.collect())
    }

    pub(super) fn digest(&self) -> Hash {
        Hash::of(&[self.0.as_bytes()])
    }

    /// As it is shown, this once.
    pub fn shown(&self) -> String {
        let characters: Vec<char> = self.0.chars().collect();
        characters.chunks(CODE_GROUP).map(String::from_iter).collect::<Vec<_>>().join("-")
    }
}

/// Without the secret: what is printed of it may come into a log.
impl fmt::Debug for CaseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CaseCode").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::testing::never_panics;

    #[test]
    fn what_is_a_number() {
        for kind in CaseKind::ALL {
            let number = CaseNumber::draw(*kind, 2026).unwrap();
            let text = number.to_string();
            assert_eq!((number.kind(), text.len(), &text[..8]), (*kind, 20, &*format!("{}-2026-", kind.prefix())));
            assert_eq!(text.parse(), Ok(number));
        }
        let good = "TS-2026-7K3M9QX2AB-S";
        assert!(good.parse::<CaseNumber>().is_ok(), "{:?}", check_character(&good[..18]));
        for bad in [
            "",
            "TS-2026-7K3M9QX2AB",
            "TS-2026-7K3M9QX2AB-F",
            "TS-2026-7k3m9qx2ab-S",
            "TS-2062-7K3M9QX2AB-S",
            "YY-2026-7K3M9QX2AB-S",
            "TS-2026-7K3M9QX2AB-SE",
            "TS-2026-340100-7K3M9QX2AB-S",
            "ＴＳ-2026-7K3M9QX2AB-S",
        ] {
            assert_eq!(bad.parse::<CaseNumber>(), Err(FormError), "{bad}");
        }
    }

    #[test]
    fn a_code_is_read_however_it_is_typed() {
        let code = CaseCode::draw().unwrap();
        assert_eq!(code.shown().len(), 23);
        for typed in [code.shown(), code.shown().to_lowercase(), format!(" {} ", code.shown().replace('-', " "))] {
            assert_eq!(CaseCode::typed(&typed).digest(), code.digest());
        }
        assert_eq!(CaseCode::typed("0o1il").0, "00111");
        assert!(!format!("{code:?}").contains(&code.0));
    }

    /// What is taken for a number is written back as it was, and what is typed for a code has an end.
    #[test]
    fn any_text_is_a_number_or_none_and_a_code_that_opens_nothing() {
        let code = CaseCode::draw().unwrap();
        for good in ["TS-2026-7K3M9QX2AB-S".to_owned(), code.shown()] {
            never_panics(good.as_bytes(), |bytes| {
                let text = String::from_utf8_lossy(bytes);
                if let Ok(number) = text.parse::<CaseNumber>() {
                    assert_eq!(number.to_string(), text);
                }
                let typed = CaseCode::typed(&text);
                assert!(typed.0.chars().count() <= 2 * CODE_CHARS);
                assert!(typed.digest() != code.digest() || typed.shown() == code.shown());
            });
        }
    }
}
