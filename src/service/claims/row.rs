//! The row of a claim: what it is made of, and how it is opened and closed.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::super::Service;
use super::super::access::{AccountId, AccountRole, Actor};
use super::super::error::Error;
use super::super::tables::{CLAIMS, ClaimHead, ClaimRow, ERASED};
use super::file_type::FileType;
use super::index::Mark;
use super::said::Said;
use super::{ClaimId, FileId};
use crate::ledger::entry::{EntryId, LearnerId};
use crate::merkle::Hash;
use crate::standard::{UnixMillis, choice};
use crate::store::{Commit, Write};

choice! {
    /// How far a claim has come.
    pub enum ClaimState {
        /// Being written.
        Draft = "draft", "草稿";
        /// Waits for review.
        Submitted = "submitted", "待审核";
        /// Back with the claimant, with the reason.
        Returned = "returned", "已退回";
        /// Accepted: an entry.
        Accepted = "accepted", "已通过";
        /// Refused for good, with the reason.
        Rejected = "rejected", "未通过";
        /// Taken back by the claimant.
        Withdrawn = "withdrawn", "已撤回";
    }
}

impl ClaimState {
    /// Whether the claimant may change it.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Draft | Self::Returned)
    }
}

choice! {
    /// What happened to a claim.
    pub enum ClaimEvent {
        /// It was begun.
        Begun = "begun", "新建";
        /// It was submitted.
        Submitted = "submitted", "提交";
        /// It was returned.
        Returned = "returned", "退回";
        /// It was accepted.
        Accepted = "accepted", "通过";
        /// It was rejected.
        Rejected = "rejected", "不予通过";
        /// It was withdrawn.
        Withdrawn = "withdrawn", "撤回";
        /// Its entry could not be recorded, so that it waits for review again.
        NotRecorded = "not_recorded", "未能登记，重新待审";
        /// Somebody who reviews declared to have a part in it.
        Declared = "declared", "声明回避";
        /// What its entry says was corrected.
        Corrected = "corrected", "更正";
        /// Its entry was voided.
        Voided = "voided", "作废";
        /// A correction of its entry could not be recorded, so that the entry stands as it was.
        NotCorrected = "not_corrected", "更正未能登记，记录不变";
    }
}

/// One edition of what a claim says. Those that were submitted are kept as they were.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimVersion {
    /// What it says.
    pub said: Said,
    /// Its evidence, in the order it came.
    pub files: Vec<EvidenceFile>,
    /// When it was submitted; none of the one at work.
    pub submitted_at: Option<UnixMillis>,
    /// How many notices the claimant was shown when it was submitted.
    pub noticed: usize,
}

/// An evidence file, without its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceFile {
    /// Which.
    pub id: FileId,
    /// What it is called.
    pub name: String,
    /// What it is, by its content.
    pub kind: FileType,
    /// How long it is, in bytes.
    pub bytes: usize,
    /// SHA-256 of its bytes.
    pub sha256: Hash,
}

/// One step of a claim's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryStep {
    /// When.
    pub at: UnixMillis,
    /// What.
    pub event: ClaimEvent,
    /// Who; none for the service itself, and for others where the claimant reads.
    pub account: Option<AccountId>,
    /// In what role; none for the service itself.
    pub role: Option<AccountRole>,
    /// Why, where somebody said so.
    pub reason: Option<String>,
}

/// What is encrypted of a claim.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Payload {
    /// Oldest first; there is at least one.
    pub(super) versions: Vec<ClaimVersion>,
    /// Oldest first.
    pub(super) history: Vec<HistoryStep>,
}

/// A claim, opened.
#[derive(Debug, Clone)]
pub(super) struct OpenClaim {
    pub(super) id: ClaimId,
    pub(super) learner: LearnerId,
    pub(super) head: ClaimHead,
    pub(super) payload: Payload,
    /// The row's version; none of a new claim.
    pub(super) version: Option<u64>,
}

impl OpenClaim {
    /// The newest edition.
    pub(super) fn newest(&self) -> Result<&ClaimVersion, Error> {
        self.payload.versions.last().ok_or_else(|| Error::internal("a claim says nothing"))
    }

    /// The edition that was submitted last.
    pub(super) fn submitted(&self) -> Option<&ClaimVersion> {
        self.payload.versions.iter().rev().find(|version| version.submitted_at.is_some())
    }

    /// The edition at work: what was submitted is left as it was, and its copy is changed.
    pub(super) fn at_work(&mut self) -> Result<&mut ClaimVersion, Error> {
        let newest = self.newest()?;
        if newest.submitted_at.is_some() {
            let copy = ClaimVersion { submitted_at: None, noticed: 0, ..newest.clone() };
            self.payload.versions.push(copy);
        }
        self.payload.versions.last_mut().ok_or_else(|| Error::internal("a claim says nothing"))
    }

    /// Notes a step of the history, and the state after it.
    pub(super) fn step(
        &mut self,
        now: UnixMillis,
        actor: &Actor,
        event: ClaimEvent,
        state: ClaimState,
        reason: Option<String>,
    ) {
        let (account, role) = (actor.person().map(|person| person.account), actor.person().map(|person| person.role));
        self.payload.history.push(HistoryStep { at: now, event, account, role, reason });
        self.head.state = state;
    }

    /// The entry that it became.
    pub(super) fn entry(&self) -> Result<Option<EntryId>, Error> {
        self.head.entry.map(EntryId::try_from).transpose().map_err(Error::internal)
    }

    /// Refuses what is not as the asker saw it, and what is not in a state for it.
    pub(super) fn check(&self, version: u64, fits: impl Fn(ClaimState) -> bool) -> Result<(), Error> {
        if self.version != Some(version) {
            return Err(Error::Conflict("the claim was changed by somebody else in the meantime".into()));
        }
        if !fits(self.head.state) {
            return Err(Error::Conflict(format!("the claim is {} now", self.head.state)));
        }
        Ok(())
    }
}

/// What a claim is encrypted for.
fn context(id: ClaimId) -> Vec<u8> {
    format!("claim {id}").into_bytes()
}

impl Service {
    /// A claim that this actor may know of, by `may` of whose it is; to others it does not exist.
    pub(super) async fn open_claim(
        &self,
        id: ClaimId,
        may: impl FnOnce(LearnerId) -> bool,
    ) -> Result<OpenClaim, Error> {
        let row = CLAIMS.get(&*self.store, &id.uuid()).await?.ok_or(Error::NotFound("claim"))?;
        let learner = LearnerId::try_from(row.value.head.learner).map_err(Error::internal)?;
        if !may(learner) {
            return Err(Error::NotFound("claim"));
        }
        // From the tombstone on, even while the key itself is still being erased.
        if self.directory().erased(learner).is_some() {
            return Err(Error::Erased("claim"));
        }
        open(&self.vault, id, learner, row.value, row.version)
    }

    /// The commit that writes a claim, if it is still the one that was read and its learner is still there.
    pub(super) fn write_claim(&self, actor: &Actor, action: &str, claim: &mut OpenClaim) -> Result<Commit, Error> {
        let uuid = claim.id.uuid();
        claim.head.changed_at = self.clock.now();
        let plain = serde_json::to_vec(&claim.payload).map_err(Error::internal)?;
        let tail = self.vault.encrypt(claim.learner.into(), &context(claim.id), &plain)?;
        let known = match claim.version {
            Some(version) => CLAIMS.at_version(&uuid, version),
            None => CLAIMS.absent(&uuid),
        };
        let row = ClaimRow { head: claim.head.clone(), tail };
        let commit = Commit::new(self.event(actor, action, claim.id.to_string()));
        Ok(commit.when(known).when(ERASED.absent(&claim.learner.uuid())).write(CLAIMS.put(&uuid, &row)?))
    }

    /// Makes it durable, with what goes with it, and takes it into the index.
    pub(super) async fn keep_claim(
        &self,
        actor: &Actor,
        action: &str,
        mut claim: OpenClaim,
        with: Vec<Write>,
    ) -> Result<OpenClaim, Error> {
        let commit = self.write_claim(actor, action, &mut claim)?.write_all(with);
        let committed = self.store.commit(commit).await?;
        claim.version = Some(committed.sequence);
        self.note_claim(&claim)?;
        Ok(claim)
    }

    pub(super) fn note_claim(&self, claim: &OpenClaim) -> Result<(), Error> {
        let mark = Mark::of(claim)?;
        // Erased in between: nothing of it is remembered.
        if self.directory().erased(claim.learner).is_none() {
            self.claims_mut().put(claim.id, mark);
        }
        Ok(())
    }
}

/// Opens a row.
pub(super) fn open(
    vault: &super::super::vault::Vault,
    id: ClaimId,
    learner: LearnerId,
    row: ClaimRow,
    version: u64,
) -> Result<OpenClaim, Error> {
    let plain = vault.decrypt(learner.into(), &context(id), &row.tail)?;
    let payload = serde_json::from_slice(&plain).map_err(Error::internal)?;
    Ok(OpenClaim { id, learner, head: row.head, payload, version: Some(version) })
}

/// A new id for a claim or a file.
pub(super) fn new_id<T: TryFrom<Uuid>>() -> Result<T, Error> {
    T::try_from(Uuid::now_v7()).map_err(|_| Error::internal("a new id is no UUID of version 7"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::MAX_EVIDENCE_FILES;
    use super::super::correct::MAX_CORRECTED;
    use super::super::file_name::MAX_FILE_NAME;
    use super::super::review::{MAX_DECLARED, MAX_REASON};
    use super::super::write::MAX_VERSIONS;
    use super::*;
    use crate::ledger::entry::{CorrectionReason, MAX_TITLE};
    use crate::standard::Rulebook;
    use crate::store::MAX_VALUE_BYTES;

    /// Whatever people write, within its limits.
    #[test]
    fn the_longest_claim_fits_its_row() {
        let long = |chars: usize| "\u{20000}".repeat(chars);
        let says = json!({
            "kind": "study", "form": "other", "form_reason": long(MAX_TITLE), "title": long(MAX_TITLE),
            "organiser": long(MAX_TITLE), "organiser_code": "91110000600037341L", "first_day": "2026-06-01",
            "last_day": "2026-06-02", "hours": "6.5",
        });
        let now: UnixMillis = "2026-11-22T08:00:00.123Z".parse().unwrap();
        let file = EvidenceFile {
            id: new_id().unwrap(),
            name: long(MAX_FILE_NAME),
            kind: FileType::Pdf,
            bytes: usize::MAX,
            sha256: Hash::ZERO,
        };
        let version = ClaimVersion {
            said: Said::read(says, &Rulebook::embedded()).unwrap(),
            files: vec![file; MAX_EVIDENCE_FILES],
            submitted_at: Some(now),
            noticed: usize::MAX,
        };
        let step = HistoryStep {
            at: now,
            event: ClaimEvent::NotRecorded,
            account: Some(new_id().unwrap()),
            role: Some(AccountRole::CompetentAuthority),
            reason: Some(long(MAX_REASON)),
        };
        // Begun, withdrawn; each edition submitted and returned, with as many entries that could not be recorded.
        let mut history = vec![step.clone(); MAX_VERSIONS * 2 + 10];
        // Declarations say nothing more; corrections name their reason by a word of a code list.
        let short = HistoryStep { reason: Some(CorrectionReason::NotAttended.to_string()), ..step };
        history.extend(vec![short; MAX_DECLARED + MAX_CORRECTED]);
        let bytes = serde_json::to_vec(&Payload { versions: vec![version; MAX_VERSIONS], history }).unwrap();
        assert!(bytes.len() + 1_024 < MAX_VALUE_BYTES, "{} bytes", bytes.len());
    }
}
