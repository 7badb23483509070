//! What can go wrong in a use case, shaped by what the caller can do about it.

use crate::ledger::fields::{FieldErrors, Problem};
use crate::standard::UnixMillis;
use crate::store::StoreError;

use super::claims::ReviewConflict;
use super::vault::VaultError;

/// Why a use case did not do what it was asked. The web turns each variant into one problem document.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Bad fields, all of them.
    #[error("{0}")]
    Invalid(FieldErrors),
    /// The document cannot be read at all.
    #[error("{0}")]
    Unreadable(String),
    /// Nobody knows who asks, or the token is not valid.
    #[error("a valid API token is needed")]
    Unauthenticated,
    /// This actor may not do this.
    #[error("this is not allowed for this token")]
    Forbidden,
    /// There is no such thing, or it is not this actor's to know.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// It was there, and was erased for good.
    #[error("this {0} was erased")]
    Erased(&'static str),
    /// Something else stands under this name already.
    #[error("{0}")]
    Conflict(String),
    /// Whoever asks must leave the decision to somebody else 回避, and why.
    #[error("conflict of interest: {}", .0.english())]
    ConflictOfInterest(ReviewConflict),
    /// More was sent than is taken at once.
    #[error("{what} is limited to {limit}")]
    TooLarge {
        /// What was too large.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// Too much is waiting already: try again later.
    #[error("too much is waiting: try again shortly")]
    Overloaded,
    /// As many as are taken for now have come; more are taken after this moment.
    #[error("no more of these are taken before {0}")]
    FullUntil(UnixMillis),
    /// Disk space or another resource ran out; nothing was done. An operator has to make room, then it goes on by itself.
    #[error("there is no room: {0}")]
    NoRoom(String),
    /// No certificate can be issued, or none be printed, and why; everything else works.
    #[error("{0}")]
    CannotIssue(String),
    /// Nothing can be recorded in the name of the certifying body, and why; everything else works.
    #[error("{0}")]
    CannotRecord(String),
    /// The service cannot do this now, and says why; an operator has to act.
    #[error("not available now: {0}")]
    Unavailable(String),
    /// The ledger was restored, and nobody has shown yet that nothing newer was signed: it answers, and takes nothing in.
    #[error("read-only: the newest checkpoint was not confirmed after the restore")]
    ReadOnly,
    /// Something inside failed; the details are for the log.
    #[error("internal failure: {0}")]
    Internal(String),
}

impl Error {
    /// Something inside failed.
    pub(crate) fn internal(error: impl std::fmt::Display) -> Self {
        Self::Internal(error.to_string())
    }

    /// The error of a single field.
    pub fn field(field: impl Into<String>, problem: Problem) -> Self {
        Self::Invalid(FieldErrors::one(field, problem))
    }
}

impl From<FieldErrors> for Error {
    fn from(errors: FieldErrors) -> Self {
        Self::Invalid(errors)
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict { .. } => Self::Conflict("changed by somebody else in the meantime".into()),
            StoreError::Poisoned { reason } => Self::Unavailable(reason),
            StoreError::NoRoom { reason } => Self::NoRoom(reason),
            StoreError::TooLarge { what, limit, .. } => Self::TooLarge { what, limit },
            other => Self::Internal(other.to_string()),
        }
    }
}

impl From<VaultError> for Error {
    fn from(error: VaultError) -> Self {
        match error {
            // Who is registered has a key: the start sees to it.
            VaultError::NoKey => Self::Erased("learner"),
            stopped @ (VaultError::Failed | VaultError::Damaged { .. }) => Self::Unavailable(stopped.to_string()),
            other => Self::Internal(other.to_string()),
        }
    }
}
