//! How a string that a type reads has to look, in words, for errors: one place for each type.

use std::str::FromStr;

use super::commitment::Salt;
use super::entry::{CourseCode, HexBytes, Kind, Origin};
use super::keys::{Alg, KeyId};
use super::number::CertificateNumber;
use crate::merkle::Hash;
use crate::standard::{CreditCode, Day, RulebookVersion, UnixMillis};

/// A type that is read from a string of some form.
pub trait Form: FromStr {
    /// The form in English, after the field's name: "must be ...".
    const EN: &'static str;
    /// The form in Chinese.
    const ZH: &'static str;
}

/// Says of each type how its strings look. Identifiers of [`super::names::uuid_v7`] know it already.
macro_rules! forms {
    ($($name:ty: $en:literal, $zh:literal;)+) => {
        $(impl $crate::ledger::forms::Form for $name {
            const EN: &'static str = $en;
            const ZH: &'static str = $zh;
        })+
    };
}

pub(crate) use forms;

forms! {
    Alg: "must be the name of an algorithm such as Ed25519", "应为算法名称，如 Ed25519";
    CertificateNumber: "must be a certificate number such as XS-2026-340100-7K3M9QX2AB-4, with a right check character", "应为证书编号，如 XS-2026-340100-7K3M9QX2AB-4，且校验码正确";
    CourseCode: "must be 1 to 64 characters of A-Z a-z 0-9 . _ -", "应为 1 到 64 个字符，限 A-Z a-z 0-9 . _ -";
    CreditCode: "must be a unified social credit code of 18 characters with a right check character", "应为 18 位统一社会信用代码，且校验码正确";
    Day: "must be a day such as 2026-11-22", "应为日期，如 2026-11-22";
    Hash: "must be a SHA-256 in 64 lower-case hexadecimal digits", "应为 SHA-256，64 位小写十六进制";
    HexBytes: "must be 1 to 256 bytes in lower-case hexadecimal", "应为 1 到 256 字节的小写十六进制";
    KeyId: "must be a key id: 64 lower-case hexadecimal digits", "应为密钥编号：64 位小写十六进制";
    Kind: "must be a kind of entry", "应为记录种类";
    Origin: "must be the origin of a ledger", "应为账本的名称（origin）";
    RulebookVersion: "must be a rulebook version such as 2026.1", "应为规则版本，如 2026.1";
    Salt: "must be a salt of 64 lower-case hexadecimal digits", "应为盐值：64 位小写十六进制";
    UnixMillis: "must be a moment such as 2026-11-22T08:00:00.123Z", "应为时刻，如 2026-11-22T08:00:00.123Z";
}
