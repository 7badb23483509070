//! Writing claims: begin, change, submit, withdraw. Only the learner whose hours they are does so.

use serde_json::Value;

use super::super::Service;
use super::super::access::{Action, Actor};
use super::super::error::Error;
use super::super::tables::{CLAIMS_BY_LEARNER, ClaimHead, Written};
use super::notices::Reader;
use super::read::Claim;
use super::row::{ClaimEvent, ClaimState, ClaimVersion, OpenClaim, Payload, new_id};
use super::said::Said;
use super::{ClaimId, ClaimKind};
use crate::ledger::entry::LearnerId;
use crate::ledger::fields::{FieldErrors, Problem};

/// Most claims of one learner that are being written at once.
pub const MAX_DRAFTS: usize = 20;
/// Most claims of one learner.
pub const MAX_CLAIMS: usize = 1_000;
/// Most editions of a claim that are submitted: after so many it is accepted or rejected.
pub(super) const MAX_VERSIONS: usize = 8;

impl Service {
    /// Begins a claim of a learner who is this actor, out of what was typed.
    pub async fn begin_claim(&self, actor: &Actor, learner: LearnerId, input: Value) -> Result<Claim, Error> {
        self.allow(actor, Action::WriteClaims)?;
        let account = actor.person().filter(|_| actor.is_learner(learner)).ok_or(Error::NotFound("learner"))?.account;
        if self.directory().erased(learner).is_some() {
            return Err(Error::Erased("learner"));
        }
        if self.directory().learner(learner).is_none() {
            return Err(Error::NotFound("learner"));
        }
        let said = Said::read(input, &self.rulebook)?;
        self.check_room(learner)?;
        let now = self.clock.now();
        let id: ClaimId = new_id()?;
        let head = ClaimHead {
            learner: learner.uuid(),
            account: account.uuid(),
            state: ClaimState::Draft,
            created_at: now,
            changed_at: now,
            submitted_at: None,
            entry: None,
            written: Written::default(),
        };
        let first = ClaimVersion { said, files: Vec::new(), submitted_at: None, noticed: 0 };
        let payload = Payload { versions: vec![first], history: Vec::new() };
        let mut claim = OpenClaim { id, learner, head, payload, version: None };
        claim.step(now, actor, ClaimEvent::Begun, ClaimState::Draft, None);
        let by_learner = CLAIMS_BY_LEARNER.put(&learner.uuid(), &id.uuid());
        let claim = self.keep_claim(actor, "begin_claim", claim, vec![by_learner]).await?;
        self.view_of(actor, claim).await
    }

    fn check_room(&self, learner: LearnerId) -> Result<(), Error> {
        let claims = self.claims();
        let (mut all, mut drafts) = (0, 0);
        for (_, mark) in claims.of_learner(learner) {
            all += 1;
            drafts += usize::from(mark.state == ClaimState::Draft);
        }
        match () {
            () if drafts >= MAX_DRAFTS => {
                Err(Error::TooLarge { what: "the number of claims being written at once", limit: MAX_DRAFTS })
            }
            () if all >= MAX_CLAIMS => {
                Err(Error::TooLarge { what: "the number of claims of one learner", limit: MAX_CLAIMS })
            }
            () => Ok(()),
        }
    }

    /// A claim of this actor's own.
    pub(super) async fn own_claim(&self, actor: &Actor, id: ClaimId) -> Result<OpenClaim, Error> {
        self.allow(actor, Action::WriteClaims)?;
        self.open_claim(id, |learner| actor.is_learner(learner)).await
    }

    /// Changes what a claim says. What was submitted before is kept as it was.
    pub async fn change_claim(&self, actor: &Actor, id: ClaimId, version: u64, input: Value) -> Result<Claim, Error> {
        let mut claim = self.own_claim(actor, id).await?;
        let said = Said::read(input, &self.rulebook)?;
        claim.check(version, ClaimState::is_open)?;
        claim.at_work()?.said = said;
        let claim = self.keep_claim(actor, "change_claim", claim, Vec::new()).await?;
        self.view_of(actor, claim).await
    }

    /// Submits a claim as it was seen last. Notices do not stop it.
    pub async fn submit_claim(&self, actor: &Actor, id: ClaimId, version: u64) -> Result<Claim, Error> {
        let mut claim = self.own_claim(actor, id).await?;
        claim.check(version, ClaimState::is_open)?;
        let missing = self.missing_in(claim.newest()?);
        if !missing.0.is_empty() {
            return Err(missing.into());
        }
        let noticed = self.notices_of(&claim, Reader::Claimant).await?.len();
        let now = self.clock.now();
        let at_work = claim.at_work()?;
        (at_work.noticed, at_work.submitted_at) = (noticed, Some(now));
        claim.head.submitted_at = Some(now);
        claim.step(now, actor, ClaimEvent::Submitted, ClaimState::Submitted, None);
        let claim = self.keep_claim(actor, "submit_claim", claim, Vec::new()).await?;
        self.view_of(actor, claim).await
    }

    /// What keeps this from being submitted: nobody can judge study without evidence, and the rulebook says whether it is
    /// needed for an activity (`ce.activity.evidence_required`).
    pub(super) fn missing_in(&self, newest: &ClaimVersion) -> FieldErrors {
        let needs_evidence = match newest.said.kind() {
            ClaimKind::Study => true,
            ClaimKind::Activity => self.edition_of(&newest.said).ce.activity.evidence_required,
        };
        match newest.files.is_empty() && needs_evidence {
            true => FieldErrors::one(
                "evidence",
                Problem::form("needs at least one file that shows it", "请至少上传一份证明材料"),
            ),
            false => FieldErrors::default(),
        }
    }

    /// Takes a claim back that nobody has decided about. It stays to be seen.
    pub async fn withdraw_claim(&self, actor: &Actor, id: ClaimId, version: u64) -> Result<Claim, Error> {
        let mut claim = self.own_claim(actor, id).await?;
        claim.check(version, |state| state.is_open() || state == ClaimState::Submitted)?;
        claim.step(self.clock.now(), actor, ClaimEvent::Withdrawn, ClaimState::Withdrawn, None);
        let claim = self.keep_claim(actor, "withdraw_claim", claim, Vec::new()).await?;
        self.view_of(actor, claim).await
    }
}
