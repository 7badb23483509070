//! Evidence files 证明材料: taken by their content, encrypted under the learner's key, shown to the claimant and to reviewers.

use super::super::Service;
use super::super::access::{Action, Actor};
use super::super::error::Error;
use super::super::tables::{EVIDENCE, Written};
use super::file_name::safe_name;
use super::file_type::FileType;
use super::read::Claim;
use super::row::{ClaimState, EvidenceFile, OpenClaim, new_id};
use super::{ClaimId, FileId};
use crate::ledger::entry::LearnerId;
use crate::ledger::fields::Problem;
use crate::merkle::Hash;
use crate::store::{MAX_SCAN_ROWS, WithTail, Write};

/// Longest evidence file, in bytes.
pub const MAX_EVIDENCE_BYTES: usize = 3 * 1024 * 1024;
/// Most evidence files of one claim.
pub const MAX_EVIDENCE_FILES: usize = 10;
/// Most files that are kept of one claim, with those of its earlier editions.
const MAX_FILES_KEPT: usize = 30;
/// Most bytes of evidence that are written for one learner in a calendar year. What was taken out again counts: it went to the
/// disk and into every copy of it.
pub(super) const MAX_WRITTEN_BYTES: u64 = 200 * 1024 * 1024;
/// Bytes of one part of a file.
const PART_BYTES: usize = 100 * 1024;

/// An evidence file.
#[derive(Debug, Clone)]
pub struct Evidence {
    /// What is known of it.
    pub file: EvidenceFile,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl Service {
    /// Adds a file to a claim that is being written. `name` is what it was called where it came from.
    pub async fn add_evidence(&self, actor: &Actor, id: ClaimId, name: &str, bytes: &[u8]) -> Result<Claim, Error> {
        let mut claim = self.own_claim(actor, id).await?;
        claim.check(claim.version.unwrap_or_default(), ClaimState::is_open)?;
        if bytes.len() > MAX_EVIDENCE_BYTES {
            let mib = MAX_EVIDENCE_BYTES / (1024 * 1024);
            let problem = Problem::form(format!("is larger than {mib} MiB"), format!("文件超过 {mib} MiB"));
            return Err(Error::field("file", problem));
        }
        let kind =
            FileType::of(bytes).map_err(|unfit| Error::field("file", Problem::form(unfit.to_string(), unfit.zh())))?;
        let sha256 = Hash::of(&[bytes]);
        let at_work = claim.at_work()?;
        if at_work.files.iter().any(|file| file.sha256 == sha256) {
            return Err(Error::field("file", Problem::mismatch("is in this claim already", "此文件已经上传")));
        }
        if at_work.files.len() >= MAX_EVIDENCE_FILES {
            return Err(Error::TooLarge { what: "the number of evidence files", limit: MAX_EVIDENCE_FILES });
        }
        let room = self.room_for(claim.learner, bytes.len())?;
        claim.head.written = room.written_with(claim.head.written);
        let file: FileId = new_id()?;
        let at_work = claim.at_work()?;
        at_work.files.push(EvidenceFile { id: file, name: safe_name(name, kind), kind, bytes: bytes.len(), sha256 });
        if kept(&claim).len() > MAX_FILES_KEPT {
            return Err(Error::TooLarge { what: "the number of files kept of one claim", limit: MAX_FILES_KEPT });
        }
        let sealed = self.vault.encrypt(claim.learner.into(), &context(file), bytes)?;
        let parts = (0..)
            .zip(sealed.chunks(PART_BYTES))
            .map(|(part, bytes)| EVIDENCE.put(&(file.uuid(), part), &WithTail { head: (), tail: bytes.to_vec() }));
        let parts: Vec<Write> = parts.collect::<Result<_, _>>()?;
        let claim = self.keep_claim(actor, "add_evidence", claim, parts).await?;
        // Counted from the claim from here on: for a moment twice, and never too little.
        drop(room);
        self.view_of(actor, claim).await
    }

    /// Room for so many bytes more of one learner, which nobody else gets meanwhile; refused where that is too much for a year.
    fn room_for(&self, learner: LearnerId, bytes: usize) -> Result<Room<'_>, Error> {
        let year = self.today()?.year();
        let bytes = u64::try_from(bytes).map_err(Error::internal)?;
        if !self.claims_mut().make_room(learner, year, bytes, MAX_WRITTEN_BYTES) {
            let mib = MAX_WRITTEN_BYTES / (1024 * 1024);
            let (en, zh) = (
                format!("is more than the {mib} MiB of evidence that one learner may upload in a year"),
                format!("本年度上传的证明材料总量已超过 {mib} MiB（含已移除的文件）"),
            );
            return Err(Error::field("file", Problem::form(en, zh)));
        }
        Ok(Room { service: self, learner, year, bytes })
    }

    /// Takes a file out of a claim that is being written. Its bytes go too, unless an edition that was submitted has it.
    pub async fn remove_evidence(&self, actor: &Actor, id: ClaimId, file: FileId) -> Result<Claim, Error> {
        let mut claim = self.own_claim(actor, id).await?;
        claim.check(claim.version.unwrap_or_default(), ClaimState::is_open)?;
        let at_work = claim.at_work()?;
        let before = at_work.files.len();
        at_work.files.retain(|known| known.id != file);
        if at_work.files.len() == before {
            return Err(Error::NotFound("file"));
        }
        let mut gone = Vec::new();
        if !kept(&claim).contains(&file) {
            let rows = EVIDENCE.scan(&*self.store, EVIDENCE.prefix(&file.uuid()), MAX_SCAN_ROWS).await?;
            gone.extend(rows.iter().map(|(key, _)| EVIDENCE.delete(key)));
        }
        let claim = self.keep_claim(actor, "remove_evidence", claim, gone).await?;
        self.view_of(actor, claim).await
    }

    /// One evidence file, for the claimant and for those who may read claims, who are noted.
    pub async fn evidence(&self, actor: &Actor, id: ClaimId, file: FileId) -> Result<Evidence, Error> {
        let claim = self.readable_claim(actor, id).await?;
        // What the claimant is changing is nobody else's to see.
        let own = actor.is_learner(claim.learner);
        let shown = claim.payload.versions.iter().rev().filter(|version| own || version.submitted_at.is_some());
        let of_any = shown.flat_map(|version| &version.files);
        let file = of_any.into_iter().find(|known| known.id == file).cloned().ok_or(Error::NotFound("file"))?;
        let rows = EVIDENCE.scan(&*self.store, EVIDENCE.prefix(&file.id.uuid()), MAX_SCAN_ROWS).await?;
        let sealed: Vec<u8> = rows.into_iter().flat_map(|(_, row)| row.value.tail).collect();
        let bytes = self.vault.decrypt(claim.learner.into(), &context(file.id), &sealed)?;
        if !own {
            self.note_opened(actor, id, file.id).await?;
        }
        Ok(Evidence { file, bytes })
    }

    /// A claim that this actor may read: one's own, or any for those who read claims.
    pub(super) async fn readable_claim(&self, actor: &Actor, id: ClaimId) -> Result<OpenClaim, Error> {
        let own = actor.may(Action::ReadOwnRecord);
        self.allow(actor, if own { Action::ReadOwnRecord } else { Action::ReadClaims })?;
        let claim = self.open_claim(id, |learner| if own { actor.is_learner(learner) } else { true }).await?;
        // What was never submitted is the claimant's alone.
        match claim.head.submitted_at {
            None if !own => Err(Error::NotFound("claim")),
            _ => Ok(claim),
        }
    }
}

/// Room for a file that is on its way to the disk.
struct Room<'a> {
    service: &'a Service,
    learner: LearnerId,
    year: i16,
    bytes: u64,
}

impl Room<'_> {
    /// What was written for a claim this year, with this.
    fn written_with(&self, written: Written) -> Written {
        let before = Some(written).filter(|written| written.year == self.year).map_or(0, |written| written.bytes);
        Written { year: self.year, bytes: before.saturating_add(self.bytes) }
    }
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        self.service.claims_mut().give_room_back(self.learner, self.year, self.bytes);
    }
}

/// The files of all editions.
fn kept(claim: &OpenClaim) -> std::collections::BTreeSet<FileId> {
    claim.payload.versions.iter().flat_map(|version| &version.files).map(|file| file.id).collect()
}

/// What a file is encrypted for.
fn context(file: FileId) -> Vec<u8> {
    format!("evidence {file}").into_bytes()
}
