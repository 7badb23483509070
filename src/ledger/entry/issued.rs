//! What an issuer records: documents, editions of status lists, revocations (FORMATS section 3).

use serde_json::{Map, Value};

use super::super::fields::{Fields, Problem};
use super::super::names::{DocumentKind, RevocationReason};
use super::super::number::CertificateNumber;
use crate::merkle::Hash;

/// The highest number of a status list.
pub const MAX_LIST: u32 = 1_000_000;

/// A document was issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedDocument {
    /// What the document is.
    pub document: DocumentKind,
    /// The number of the certificate.
    pub number: CertificateNumber,
    /// SHA-256 of the document's exact bytes.
    pub sha256: Hash,
}

/// The state of certificates changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StatusChange {
    /// An edition of a status list was published.
    List {
        /// The number of the list.
        list: u32,
        /// SHA-256 of the exact bytes of this edition.
        sha256: Hash,
    },
    /// A certificate was revoked.
    Revoke {
        /// Which certificate.
        number: CertificateNumber,
        /// Why.
        reason: RevocationReason,
    },
}

impl IssuedDocument {
    pub(super) fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let document = fields.word("document");
        let number = fields.parsed("number");
        let sha256 = fields.parsed("sha256");
        Some(Self { document: document?, number: number?, sha256: sha256? })
    }

    pub(super) fn write(&self, map: &mut Map<String, Value>) {
        map.insert("document".into(), self.document.as_str().into());
        map.insert("number".into(), self.number.as_str().into());
        map.insert("sha256".into(), self.sha256.to_string().into());
    }
}

impl StatusChange {
    pub(super) fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        match fields.string("action").as_deref() {
            Some("list") => {
                let list = fields.integer("list", 1, u64::from(MAX_LIST)).and_then(|list| u32::try_from(list).ok());
                let sha256 = fields.parsed("sha256");
                Some(Self::List { list: list?, sha256: sha256? })
            }
            Some("revoke") => {
                let number = fields.parsed("number");
                let reason = fields.word("reason");
                Some(Self::Revoke { number: number?, reason: reason? })
            }
            Some(_) => {
                fields.note("action", Problem::Choice("list, revoke".into()));
                None
            }
            None => None,
        }
    }

    pub(super) fn write(&self, map: &mut Map<String, Value>) {
        match self {
            Self::List { list, sha256 } => {
                map.insert("action".into(), "list".into());
                map.insert("list".into(), (*list).into());
                map.insert("sha256".into(), sha256.to_string().into());
            }
            Self::Revoke { number, reason } => {
                map.insert("action".into(), "revoke".into());
                map.insert("number".into(), number.as_str().into());
                map.insert("reason".into(), reason.as_str().into());
            }
        }
    }
}
