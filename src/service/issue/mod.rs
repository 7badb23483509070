//! Hour certificates: issued by itself when a course is finished and on the chain, and on request for a year or a span.
//!
//! # The order of issue, and what a crash after each step leaves behind
//!
//! 1. The credential is signed. A crash leaves nothing; nobody has seen it.
//! 2. One commit: the certificate, its credential, and the signed `certificate` entry in the outbox. A crash leaves a
//!    certificate that nobody is shown yet; the start submits the entry.
//! 3. The entry goes the way of all entries ([`super::ingest`]), under an id that makes sending it again harmless.
//! 4. It is sealed. A crash leaves it sealed; the start comes to step 5.
//! 5. The proof is frozen: the checkpoint that is published then is remembered, and every proof of this certificate is
//!    made for it, to the same bytes for ever. Only from here on is the certificate handed out.
//!
//! One lock, [`Issuing`], is held by whoever issues, revokes, freezes or signs a list. So a certificate holds all that was
//! sealed before, and a correction sealed after it finds it.
//!
//! # What is deliberately absent
//!
//! No name, no day and no course of a learner is readable on the disk: all of it is under the learner's data key, and gone
//! with it. Nothing here decides what an entry says in the end: that is `ledger::verify`, which every verifier runs.

mod freeze;
mod make;
mod outbox;
mod paper;
mod read;
mod request;
mod scope;
mod sealed;
mod state;
mod task;
#[cfg(test)]
mod tests;

use ed25519_dalek::{SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Service;
use super::error::Error;
use super::own_keys::ISSUER_KINDS;
use super::tables::base64_bytes;
use crate::credential::{Site, did_document};
use crate::ledger::entry::{Body, CourseCode, KeyChange, Owner, RevocationReason};
use crate::ledger::keys::{KeyId, Role};
use crate::ledger::signed::SignedEntry;
use crate::standard::rulebook::IssueTrigger;
use crate::standard::{RulebookVersion, UnixMillis, choice, day_of};

pub(super) use outbox::to_send;
pub(super) use paper::FontCase;
pub use read::{Certificate, PaperDigest};
pub use scope::Scope;
pub(super) use scope::{sound, unsound};
pub(super) use sealed::Blocks;
pub(super) use state::Issuing;

/// By what a service issues.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssueSettings {
    /// Where certificates are verified.
    pub site: Site,
    /// How long an edition of a status list holds, in milliseconds; after half of it there is a new one.
    pub status_valid_ms: i64,
}

/// Whether a certificate holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum CertificateState {
    /// It does.
    InForce,
    /// An entry that it holds was corrected since.
    Corrected {
        /// When this was noted.
        at: UnixMillis,
    },
    /// It was revoked.
    Revoked {
        /// Why.
        reason: RevocationReason,
        /// When.
        at: UnixMillis,
    },
}

choice! {
    /// The language of an edition on paper.
    pub enum PaperLanguage {
        /// Chinese.
        Zh = "zh", "中文";
        /// English.
        En = "en", "英文";
    }
}

/// What is encrypted of a certificate besides its credential.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Contents {
    pub(super) scope: Scope,
    pub(super) course: Option<CourseCode>,
    /// The name on it.
    pub(super) name: String,
    /// The ids of its entries, 16 bytes each, in chain order.
    #[serde(with = "base64_bytes")]
    pub(super) entries: Vec<u8>,
}

impl Contents {
    fn holds(&self, entry: uuid::Uuid) -> bool {
        self.entries.as_chunks::<16>().0.contains(entry.as_bytes())
    }

    fn ids(&self) -> impl Iterator<Item = uuid::Uuid> {
        self.entries.as_chunks::<16>().0.iter().map(|bytes| uuid::Uuid::from_bytes(*bytes))
    }
}

/// Who signs now, and by which rules.
#[derive(Clone)]
pub(super) struct Issuer {
    pub(super) key: SigningKey,
    pub(super) id: KeyId,
    pub(super) owner: Owner,
    pub(super) settings: IssueSettings,
    pub(super) rulebook: RulebookVersion,
    minutes: u32,
    trigger: IssueTrigger,
}

impl Service {
    /// Who signs certificates now: the first key at hand that works as an issuer's in the published register.
    pub(super) fn issuer(&self) -> Result<Issuer, Error> {
        let none = |en: &str, zh: &str| Error::CannotIssue(format!("{zh} {en}"));
        if self.read_only {
            return Err(Error::ReadOnly);
        }
        let settings = self.settings.issue.clone();
        let settings = settings.ok_or_else(|| none("this service issues no certificates", "本服务不签发证书"))?;
        let (key, id, owner) = self.working_key(&self.issuer_keys, Role::Issuer, ISSUER_KINDS).ok_or_else(|| {
            none(
                "no file holds a working issuer key: `key rotate --role issuer` registers one",
                "没有有效的签发密钥，请运行 key rotate --role issuer 登记",
            )
        })?;
        let today = day_of(self.clock.now()).map_err(Error::internal)?;
        let edition =
            self.rulebook.in_effect(today).ok_or_else(|| none("no rulebook is in effect", "没有生效的规则"))?;
        let (rulebook, minutes, trigger) = (edition.version, edition.hour.minutes, edition.issue.trigger);
        Ok(Issuer { key, id, owner, settings, rulebook, minutes: minutes.into(), trigger })
    }

    /// The document of the issuer's DID: every issuer key that was not revoked, also those that have retired, since what they
    /// signed stands. None where the DID is a `did:key`.
    pub fn did_document(&self) -> Option<Value> {
        let site = &self.settings.issue.as_ref()?.site;
        let keys = self.keys();
        let sealed = keys.register.elements().iter().take(keys.within(self.published().total()));
        let mut issuers: Vec<(KeyId, VerifyingKey)> = Vec::new();
        for element in sealed.filter_map(|bytes| SignedEntry::from_bytes(bytes).ok()) {
            match &element.entry().body {
                Body::Key(KeyChange::Add { alg, public, role: Role::Issuer, .. }) => {
                    let key = VerifyingKey::try_from(public.as_slice()).ok();
                    issuers.extend(key.map(|key| (KeyId::of(alg, public), key)));
                }
                Body::Key(KeyChange::Revoke { target, .. }) => issuers.retain(|(id, _)| id != target),
                _ => {}
            }
        }
        did_document(site, &issuers.into_iter().map(|(_, key)| key).collect::<Vec<_>>())
    }

    /// Whether this service issues certificates, and why not.
    pub fn issues_certificates(&self) -> Result<(), Error> {
        self.issuer().map(drop)
    }
}
