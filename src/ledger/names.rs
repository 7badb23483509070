//! Names and codes that entries are made of: origins, identifiers, course codes, and the lists of words.

use std::fmt;
use std::str::FromStr;

use super::entry::{MAX_COURSE_CODE, MAX_KEY_BYTES, MAX_ORIGIN};
use crate::standard::{choice, serde_as_text};

/// The name of a ledger: the key name of its checkpoints, the `ledger` of every entry.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin(String);

/// A text is not of the form its type needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not of the required form")]
pub struct FormError;

impl Origin {
    /// The origin as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Origin {
    type Err = FormError;

    fn from_str(text: &str) -> Result<Self, FormError> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let bytes = text.as_bytes();
        let edges = bytes.first().zip(bytes.last()).is_some_and(|(a, z)| plain(*a) && plain(*z));
        let inside = bytes.iter().all(|&b| plain(b) || b".-_~/:".contains(&b));
        if edges && inside && text.len() <= MAX_ORIGIN { Ok(Self(text.to_owned())) } else { Err(FormError) }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Declares an identifier: a UUID of version 7, written in lower case with hyphens and read in no other form.
macro_rules! uuid_v7 {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(uuid::Uuid);

        impl $name {
            /// The UUID.
            pub const fn uuid(self) -> uuid::Uuid {
                self.0
            }
        }

        impl TryFrom<uuid::Uuid> for $name {
            type Error = $crate::ledger::entry::FormError;

            fn try_from(uuid: uuid::Uuid) -> Result<Self, Self::Error> {
                let is_v7 = uuid.get_version() == Some(uuid::Version::SortRand) && uuid.get_variant() == uuid::Variant::RFC4122;
                if is_v7 { Ok(Self(uuid)) } else { Err($crate::ledger::entry::FormError) }
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::ledger::entry::FormError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let id = Self::try_from(uuid::Uuid::try_parse(text).map_err(|_| $crate::ledger::entry::FormError)?)?;
                if id.to_string() == text { Ok(id) } else { Err($crate::ledger::entry::FormError) }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl $crate::ledger::forms::Form for $name {
            const EN: &'static str = "must be a UUID of version 7, in lower case";
            const ZH: &'static str = "应为小写的 UUID 第 7 版";
        }

        $crate::standard::serde_as_text!($name);
    };
}

pub(crate) use uuid_v7;

uuid_v7! {
    /// The identifier of an entry.
    EntryId
}
uuid_v7! {
    /// The ledger's identifier of a learner.
    LearnerId
}

choice! {
    /// The kind of an entry.
    pub enum Kind {
        /// An organised activity.
        Activity = "activity", "培训活动";
        /// The digest of something issued.
        Certificate = "certificate", "证书";
        /// A superseding or voiding of another entry.
        Correction = "correction", "更正";
        /// A key added, retired or revoked.
        Key = "key", "密钥";
        /// A change of state, or the digest of a status list.
        Status = "status", "状态";
        /// Study by a learner.
        Study = "study", "学习";
    }
}

choice! {
    /// Why an entry is corrected. A code list: no free text on the chain's side of things.
    pub enum CorrectionReason {
        /// Wrong hours.
        Hours = "hours", "学时有误";
        /// Wrong dates.
        Dates = "dates", "日期有误";
        /// Wrong course or topic.
        Course = "course", "课程有误";
        /// Wrong name.
        Name = "name", "姓名有误";
        /// The same study recorded twice.
        Duplicate = "duplicate", "重复记录";
        /// The learner was not there.
        NotAttended = "not_attended", "未参加";
        /// Fraud.
        Fraud = "fraud", "弄虚作假";
        /// Anything else.
        Other = "other", "其他";
    }
}

choice! {
    /// Why a key is retired or revoked.
    pub enum KeyReason {
        /// Replaced by a new key as planned.
        Rotation = "rotation", "例行更换";
        /// The private key is lost.
        Lost = "lost", "遗失";
        /// Someone else may hold the private key.
        Compromised = "compromised", "泄露";
        /// The owner no longer records here.
        Ended = "ended", "不再使用";
        /// Anything else.
        Other = "other", "其他";
    }
}

choice! {
    /// What kind of document a certificate entry vouches for.
    pub enum DocumentKind {
        /// The credential: `certificate.json`.
        Credential = "credential", "凭证";
        /// A PDF that holds the credential.
        Pdf = "pdf", "PDF 证书";
    }
}

choice! {
    /// Why a certificate is revoked.
    pub enum RevocationReason {
        /// An entry that it holds was corrected.
        Corrected = "corrected", "已更正";
        /// It was issued in error.
        Error = "error", "签发有误";
        /// Fraud.
        Fraud = "fraud", "弄虚作假";
        /// Another certificate takes its place.
        Replaced = "replaced", "已换发";
        /// Anything else.
        Other = "other", "其他";
    }
}

choice! {
    /// In what role somebody of the certifying body accepted the claim that became an entry: the role, never the person.
    pub enum Reviewer {
        /// A clerk of the certifying body.
        Clerk = "clerk", "认定主体经办人";
        /// Who answers for the certifying body's work.
        Supervisor = "supervisor", "认定主体负责人";
    }
}

/// A course code: what a provider calls its course.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CourseCode(String);

impl CourseCode {
    /// The code as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for CourseCode {
    type Err = FormError;

    fn from_str(text: &str) -> Result<Self, FormError> {
        let good = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        if good && (1..=MAX_COURSE_CODE).contains(&text.len()) { Ok(Self(text.to_owned())) } else { Err(FormError) }
    }
}

impl fmt::Display for CourseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

serde_as_text!(CourseCode);

/// 1 to [`MAX_KEY_BYTES`] bytes in lower-case hexadecimal.
pub struct HexBytes(pub(super) Vec<u8>);

impl FromStr for HexBytes {
    type Err = FormError;

    fn from_str(text: &str) -> Result<Self, FormError> {
        let lower = !text.bytes().any(|b| b.is_ascii_uppercase());
        let bytes = hex::decode(text).map_err(|_| FormError)?;
        if lower && (1..=MAX_KEY_BYTES).contains(&bytes.len()) { Ok(Self(bytes)) } else { Err(FormError) }
    }
}
