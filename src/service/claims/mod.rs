//! Hour claims 学时申报 and their review 学时审核: what a learner did elsewhere, with evidence, until the certifying body has
//! accepted it and it is an entry like any other.
//!
//! ```text
//! draft ──▶ submitted ──▶ accepted: an entry on its way to the chain
//!   ▲         │  │ └────▶ rejected
//!   │         ▼  └──────▶ withdrawn (from draft and returned, too)
//!   └───── returned, with the reason
//! ```
//!
//! # Acceptance, and what a crash after each step leaves behind
//!
//! 1. The entry is signed. A crash leaves nothing; the claim waits for review as before.
//! 2. One commit: the claim is accepted and names the entry, and the signed entry is in the outbox. A crash leaves a claim
//!    whose entry has no place yet; the first round after the start submits it.
//! 3. The entry goes the way of all entries ([`super::ingest`]), under an id that makes sending it again harmless.
//!
//! What was accepted and is found wrong is corrected in the same way (`correct.rs`).
//!
//! An entry that is refused in step 3 has been seen by nobody. It is signed again where the key has ended or the learner was
//! renamed in between; otherwise the claim waits for review again, and its history says why.
//!
//! # What is deliberately absent
//!
//! Nothing that a claim says is readable on the disk: all of it, evidence too, is under the learner's data key, and gone with it.
//! The row's key is an id; a file's digest and its name are nowhere but encrypted. What has to be looked up (whose claims there
//! are, where a file was used) is kept in memory ([`Claims`]). Lists of attendees are not kept at all, but for their digest.

mod conflict;
mod correct;
mod evidence;
mod file_name;
mod file_type;
mod index;
mod notices;
mod opened;
mod read;
mod record;
mod review;
mod row;
mod said;
mod write;

#[cfg(test)]
mod tests;

pub(super) use conflict::Matter;
pub use conflict::ReviewConflict;
pub use correct::BodyEntry;
pub use evidence::{Evidence, MAX_EVIDENCE_BYTES, MAX_EVIDENCE_FILES};
pub use file_name::MAX_FILE_NAME;
pub use file_type::{FileType, Unfit};
pub(super) use index::Claims;
pub use notices::{MAX_NOTICES, Notice, Source};
pub(super) use opened::Opened;
pub use read::{Claim, ClaimLine};
pub(super) use review::read_reason;
pub use review::{ClaimFilter, ClaimPage, MAX_QUEUE_PAGE, MAX_REASON};
pub use row::{ClaimEvent, ClaimState, ClaimVersion, EvidenceFile, HistoryStep};
pub use said::{ActivityClaim, Amount, ClaimKind, MAX_COUNT, Said, StudyClaim, digest_of_list};
pub use write::{MAX_CLAIMS, MAX_DRAFTS};

use crate::ledger::names::uuid_v7;

uuid_v7! {
    /// The identifier of a claim: what its number is to people.
    ClaimId
}
uuid_v7! {
    /// The identifier of an evidence file.
    FileId
}
