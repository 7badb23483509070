//! How passwords are chosen and kept: argon2id (RFC 9106), rules and age by the level of classified protection (等保 2.0).

use std::sync::OnceLock;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};

use super::super::error::Error;
use crate::ledger::fields::Problem;
use crate::standard::choice;

/// Longest password, in bytes: hashing takes no longer for a longer one, but a limit is a limit.
pub const MAX_PASSWORD_BYTES: usize = 256;
/// How many earlier passwords cannot be chosen again.
pub(super) const REMEMBERED: usize = 5;
/// The same character so many times in a row is no password.
const MAX_RUN: usize = 3;
const DAY_MS: i64 = 24 * 3_600_000;

choice! {
    /// The level of classified protection that the rules of accounts follow, GB/T 22239.
    pub enum ProtectionLevel {
        /// Level 2 二级.
        Two = "2", "二级";
        /// Level 3 三级.
        Three = "3", "三级";
    }
}

impl ProtectionLevel {
    /// Fewest characters of a password.
    pub const fn min_password(self) -> usize {
        match self {
            Self::Two => 8,
            Self::Three => 10,
        }
    }

    /// Fewest of the four sorts of characters (capital, small, digit, other).
    pub const fn min_sorts(self) -> usize {
        match self {
            Self::Two => 2,
            Self::Three => 3,
        }
    }

    /// How long a password may be used, in milliseconds.
    pub const fn password_age_ms(self) -> i64 {
        match self {
            Self::Two => 180 * DAY_MS,
            Self::Three => 90 * DAY_MS,
        }
    }

    /// After so many wrong passwords in a row an account is locked.
    pub const fn failures_max(self) -> u32 {
        5
    }

    /// How long it stays locked, in milliseconds.
    pub const fn lock_ms(self) -> i64 {
        match self {
            Self::Two => 10 * 60_000,
            Self::Three => 30 * 60_000,
        }
    }

    /// After so much time without a request a session ends, in milliseconds.
    pub const fn idle_ms(self) -> i64 {
        match self {
            Self::Two => 30 * 60_000,
            Self::Three => 15 * 60_000,
        }
    }

    /// A session ends after so much time in any case, in milliseconds.
    pub const fn session_ms(self) -> i64 {
        12 * 3_600_000
    }

    /// Whether everybody needs a second factor, and not only staff.
    pub const fn second_factor_for_all(self) -> bool {
        matches!(self, Self::Three)
    }
}

/// What is wrong with a password that somebody chose; `known` are names that must not be in it.
pub(super) fn weakness(level: ProtectionLevel, password: &str, known: &[&str]) -> Option<Problem> {
    let (least, sorts) = (level.min_password(), level.min_sorts());
    if password.len() > MAX_PASSWORD_BYTES {
        return Some(Problem::Length(least as u64, MAX_PASSWORD_BYTES as u64));
    }
    if password.chars().count() < least {
        return Some(Problem::form(format!("must have at least {least} characters"), format!("至少 {least} 个字符")));
    }
    if sorts_of(password) < sorts {
        return Some(Problem::form(
            format!("must mix at least {sorts} of: capital letters, small letters, digits, other characters"),
            format!("大写字母、小写字母、数字、其他字符中至少含 {sorts} 种"),
        ));
    }
    if longest_run(password) > MAX_RUN {
        return Some(Problem::form(
            format!("must not repeat a character more than {MAX_RUN} times"),
            format!("同一字符不能连续出现超过 {MAX_RUN} 次"),
        ));
    }
    let lower = password.to_lowercase();
    let named = |name: &&str| name.chars().count() >= 3 && lower.contains(&name.to_lowercase());
    known.iter().any(named).then(|| Problem::form("must not hold the sign-in name or the name", "不能包含登录名或姓名"))
}

fn sorts_of(password: &str) -> usize {
    let sorts: [fn(char) -> bool; 4] = [
        |c| c.is_ascii_uppercase(),
        |c| c.is_ascii_lowercase(),
        |c| c.is_ascii_digit(),
        |c| !c.is_ascii_alphanumeric(),
    ];
    sorts.iter().filter(|sort| password.chars().any(**sort)).count()
}

fn longest_run(password: &str) -> usize {
    let (mut longest, mut run, mut last) = (0, 0, None);
    for c in password.chars() {
        run = if last == Some(c) { run + 1 } else { 1 };
        last = Some(c);
        longest = longest.max(run);
    }
    longest
}

/// The PHC string of a password: argon2id with 19 MiB, two passes, one lane, which are the library's and OWASP's defaults.
pub(super) fn hash(password: &str) -> Result<String, Error> {
    let hash = Argon2::default().hash_password(password.as_bytes()).map_err(Error::internal)?;
    Ok(hash.to_string())
}

/// Whether this is the password. Without a hash, and for a password that is too long to be one, the same work is done for
/// nobody's.
pub(super) fn verify(password: &str, hash: Option<&str>) -> bool {
    let matches = |hash: &str| {
        PasswordHash::new(hash).is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
    };
    match hash {
        Some(hash) if password.len() <= MAX_PASSWORD_BYTES => matches(hash),
        _ => {
            matches(nobodys_hash());
            false
        }
    }
}

fn nobodys_hash() -> &'static str {
    static HASH: OnceLock<String> = OnceLock::new();
    HASH.get_or_init(|| hash("nobody's password").unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_strong_or_the_rule_it_breaks_is_named() {
        use ProtectionLevel::{Three, Two};
        let known = ["wang.fang", "王芳芳"];
        for (level, password, good) in [
            (Two, "Qiyuan-2026", true),
            (Two, "qiyuan26", true),
            (Two, "qiyuan2", false),
            (Two, "qiyuanqiyuan", false),
            (Two, "质量强国质量强国a", true),
            (Two, "aaaa2026bb", false),
            (Two, "Wang.Fang2026", false),
            (Two, "王芳芳20260101", false),
            (Three, "qiyuan2026", false),
            (Three, "Qiyuan2026", true),
            (Three, "Qiyuan202", false),
        ] {
            assert_eq!(weakness(level, password, &known).is_none(), good, "{level} {password}");
        }
        assert!(weakness(Two, &"Aa1".repeat(100), &[]).is_some(), "above the limit");
    }

    #[test]
    fn a_hash_knows_its_password_alone() {
        let kept = hash("Qiyuan-2026").unwrap();
        assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{kept}");
        assert_ne!(kept, hash("Qiyuan-2026").unwrap(), "salted");
        assert!(verify("Qiyuan-2026", Some(&kept)));
        for (password, hash) in [
            ("qiyuan-2026", Some(kept.as_str())),
            ("", Some(&kept)),
            ("nobody's password", None),
            ("x", Some("no hash")),
        ] {
            assert!(!verify(password, hash), "{password}");
        }
    }

    /// How long an answer takes tells nothing about who exists: a password that is too long takes the same work.
    #[test]
    fn a_password_that_is_too_long_takes_as_long_as_a_wrong_one() {
        let kept = hash("Qiyuan-2026").unwrap();
        verify("x", None);
        let time = |password: &str, hash: Option<&str>| {
            let started = std::time::Instant::now();
            assert!(!verify(password, hash));
            started.elapsed()
        };
        let wrong = time("wrong", Some(&kept));
        let long = "x".repeat(MAX_PASSWORD_BYTES + 1);
        assert!(time(&long, Some(&kept)) > wrong / 10 && time(&long, None) > wrong / 10, "{wrong:?}");
    }
}
