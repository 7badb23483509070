//! Hour certificates as W3C credentials: their JSON, proofs, status lists, and reading them back out of a PDF
//! (proofs/FORMATS.md sections 13 to 17).
//!
//! Pure: bytes in, values or errors out; what verifiers need, and the service shares. No clock, no randomness, no
//! network: contexts are pinned, keys and times are parameters.

pub mod context;
mod flat;
mod hour;
mod issuer;
mod masked;
pub mod pdf;
pub mod proof;
mod read;
mod row;
mod secured;
mod status_list;
mod subject;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
pub mod verify;

pub use hour::{HourCertificate, MAX_INDEX, MAX_MINUTES, MAX_ROWS, MAX_TOTAL};
pub use issuer::{Did, Site, did_document, multikey};
pub use masked::MaskedIdNumber;
pub use read::{CREDENTIAL_MARK, HourCredential};
pub use row::{Row, RowForm, rows};
pub use secured::MAX_CREDENTIAL;
pub use status_list::{BITS, STATUS_LIST_MARK, SignedStatusList, StatusList};

use crate::ledger::fields::FieldErrors;
use crate::ledger::json::JsonError;
use proof::ProofError;

/// Why something is no credential of ours, or cannot become one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// More bytes than this limit.
    #[error("larger than {0} bytes")]
    TooLarge(usize),
    /// Not canonical JSON of version 1.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// Bad fields, all of them.
    #[error("{0}")]
    Fields(FieldErrors),
    /// A proof could not be made.
    #[error(transparent)]
    Proof(#[from] ProofError),
}
