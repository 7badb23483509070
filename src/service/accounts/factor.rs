//! The second factor: time-based one-time codes (RFC 6238) and recovery codes for the day the telephone is lost.

use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;
use totp_rs::{Builder, Secret, Totp};
use zeroize::Zeroizing;

use super::super::error::Error;
use super::super::random_bytes;
use super::code::{Code, digest_of};
use crate::merkle::Hash;
use crate::standard::UnixMillis;

/// Recovery codes of one account.
pub const RECOVERY_CODES: usize = 10;
/// Bytes of a secret. (RFC 4226, R6)
const SECRET_BYTES: usize = 20;
/// What apps show above the code.
const ISSUER: &str = "CQO Ledger";

/// The second factor of an account, as it is kept: encrypted with the rest of the account.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Factor {
    /// In base 32.
    secret: String,
    /// The step of the last code that was taken: none is taken twice. (RFC 6238, 5.2)
    last_step: u64,
    /// SHA-256 of each recovery code that was not used yet.
    recovery: Vec<Hash>,
}

/// A second factor that is being set up: kept by the session until a code has shown that the app has it.
#[derive(Clone)]
pub struct Enrolment {
    secret: Zeroizing<String>,
}

impl Enrolment {
    /// Draws a secret.
    pub(super) fn draw() -> Result<Self, Error> {
        let bytes = Zeroizing::new(random_bytes::<SECRET_BYTES>()?);
        Ok(Self { secret: Zeroizing::new(Secret::from(bytes.to_vec()).to_base32()) })
    }

    /// The secret in base 32, to type it in.
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// The address that an app reads from a QR code.
    pub fn url(&self, login: &str) -> Result<String, Error> {
        totp(&self.secret, login)?.to_url().map_err(Error::internal)
    }

    /// The factor, where the code is right, and its recovery codes, which are shown this once.
    pub(super) fn confirm(&self, code: &str, now: UnixMillis) -> Result<Option<(Factor, Vec<Code>)>, Error> {
        let mut factor = Factor { secret: self.secret.to_string(), last_step: 0, recovery: Vec::new() };
        if !factor.takes(code, now)? {
            return Ok(None);
        }
        let codes: Vec<Code> = (0..RECOVERY_CODES).map(|_| Code::draw()).collect::<Result<_, _>>()?;
        factor.recovery = codes.iter().map(Code::digest).collect();
        Ok(Some((factor, codes)))
    }
}

impl Factor {
    /// Whether this is a code of now that was not taken before, or an unused recovery code; either is used up by it.
    pub(super) fn takes(&mut self, code: &str, now: UnixMillis) -> Result<bool, Error> {
        let seconds = u64::try_from(now.millis() / 1_000).unwrap_or_default();
        let digits: String = code.chars().filter(|c| !c.is_whitespace()).collect();
        if let Some(step) = totp(&self.secret, "-")?.check(&digits, seconds) {
            let fresh = step > self.last_step;
            self.last_step = self.last_step.max(step);
            return Ok(fresh);
        }
        let digest = digest_of(code);
        let place = self.recovery.iter().position(|known| known.as_bytes().ct_eq(digest.as_bytes()).into());
        Ok(place.map(|place| self.recovery.remove(place)).is_some())
    }

    /// How many recovery codes are left.
    pub(super) fn recovery_left(&self) -> usize {
        self.recovery.len()
    }
}

fn totp(secret: &str, login: &str) -> Result<Totp, Error> {
    let secret = Secret::try_from_base32(secret).map_err(Error::internal)?;
    let name = login.replace(':', " ");
    let builder = Builder::new().with_secret(secret).with_account_name(name).with_issuer(Some(ISSUER));
    builder.build().map_err(Error::internal)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::ledger::testing::never_panics;

    /// The code that an app shows at `now`.
    pub(in super::super) fn code_of(secret: &str, now: UnixMillis) -> String {
        totp(secret, "-").unwrap().generate(u64::try_from(now.millis() / 1_000).unwrap()).to_string()
    }

    fn at(seconds: i64) -> UnixMillis {
        UnixMillis::new(seconds * 1_000).unwrap()
    }

    /// RFC 6238, appendix B: the last six digits of its SHA-1 rows.
    #[test]
    fn codes_are_those_of_the_specification() {
        let secret = Secret::from(b"12345678901234567890".to_vec()).to_base32();
        for (seconds, code) in
            [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (20_000_000_000, "353130")]
        {
            let mut factor = Factor { secret: secret.clone(), last_step: 0, recovery: Vec::new() };
            assert!(factor.takes(code, at(seconds)).unwrap(), "{seconds}");
            assert!(!factor.takes(code, at(seconds)).unwrap(), "{seconds}: twice");
            let mut factor = Factor { last_step: 0, ..factor };
            assert!(!factor.takes(code, at(seconds + 90)).unwrap(), "{seconds}: too late");
        }
    }

    #[test]
    fn a_factor_is_set_up_by_a_right_code_and_a_recovery_code_works_once() {
        let enrolment = Enrolment::draw().unwrap();
        assert!(enrolment.url("a:b@example.org").unwrap().starts_with("otpauth://totp/"));
        assert!(enrolment.confirm("000000x", at(0)).unwrap().is_none());
        let code = totp(enrolment.secret(), "-").unwrap().generate(1_800_000_000).to_string();
        let (mut factor, codes) = enrolment.confirm(&code, at(1_800_000_000)).unwrap().unwrap();
        assert_eq!((codes.len(), factor.recovery_left()), (RECOVERY_CODES, RECOVERY_CODES));
        assert!(!factor.takes(&code, at(1_800_000_000)).unwrap(), "the code that set it up is used up");
        assert!(factor.takes(&codes[3].to_string().to_lowercase(), at(0)).unwrap());
        assert!(!factor.takes(&codes[3].to_string(), at(0)).unwrap());
        assert_eq!(factor.recovery_left(), RECOVERY_CODES - 1);
    }

    /// Whatever is typed, it is the code of the moment, a recovery code, or nothing, and what is nothing uses nothing up.
    #[test]
    fn any_text_is_a_code_or_none() {
        let (secret, now) = (Enrolment::draw().unwrap().secret().to_owned(), at(1_800_000_000));
        let recovery = Code::draw().unwrap();
        let factor = Factor { secret: secret.clone(), last_step: 0, recovery: vec![recovery.digest()] };
        let steps = [-30, 0, 30].map(|seconds| code_of(&secret, at(1_800_000_000 + seconds)));
        for good in [steps[1].clone(), recovery.to_string()] {
            never_panics(good.as_bytes(), |bytes| {
                let (text, mut factor) = (String::from_utf8_lossy(bytes), factor.clone());
                let taken = factor.takes(&text, now).unwrap();
                let digits: String = text.chars().filter(|c| !c.is_whitespace()).collect();
                let right = steps.contains(&digits) || digest_of(&text) == recovery.digest();
                assert_eq!(taken, right, "{text:?}");
                assert_eq!(factor.last_step == 0 && factor.recovery_left() == 1, !right, "{text:?}");
            });
        }
    }
}
