//! Reviewing claims 学时审核: the queue, and the three decisions.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;
use uuid::Uuid;

use super::super::Service;
use super::super::access::{Action, Actor};
use super::super::error::Error;
use super::ClaimId;
use super::index::Mark;
use super::read::{Claim, ClaimLine};
use super::row::{ClaimEvent, ClaimState, OpenClaim};
use super::said::ClaimKind;
use super::write::MAX_VERSIONS;
use crate::ledger::entry::EntryId;
use crate::ledger::fields::{FieldErrors, Fields, Problem};
use crate::standard::{CreditCode, StudyForm, UnixMillis, day_of};

/// Longest reason of a return or rejection, in code points.
pub const MAX_REASON: usize = 500;
/// Most claims of one page of the queue.
pub const MAX_QUEUE_PAGE: usize = 100;

/// Most who declare to have a part in one claim.
pub(super) const MAX_DECLARED: usize = 8;

/// Which claims are wanted; what is none is not asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClaimFilter {
    /// How far it has come. Drafts are nobody's to see.
    pub state: Option<ClaimState>,
    /// Study or activity.
    pub kind: Option<ClaimKind>,
    /// The form of study.
    pub form: Option<StudyForm>,
    /// An organisation that the learner serves now.
    pub employer: Option<CreditCode>,
    /// The year of its last day.
    pub year: Option<i16>,
    /// Only those whose claimant was shown notices.
    pub with_notices: bool,
}

/// A place in the queue: when it was submitted, and which.
type Place = (UnixMillis, ClaimId);

/// A page of the queue.
#[derive(Debug, Clone)]
pub struct ClaimPage {
    /// The claims, the one that waits longest first.
    pub lines: Vec<ClaimLine>,
    /// How many there are in all.
    pub total: usize,
}

impl ClaimFilter {
    fn takes(&self, mark: &Mark) -> bool {
        fn is<T: PartialEq>(wanted: Option<T>, found: T) -> bool {
            wanted.is_none_or(|wanted| wanted == found)
        }
        mark.submitted.as_ref().is_some_and(|submitted| {
            is(self.state, mark.state)
                && is(self.kind, submitted.kind)
                && (self.form.is_none() || self.form == submitted.form)
                && is(self.year, submitted.days.1.year())
                && (!self.with_notices || submitted.noticed)
        })
    }
}

impl Service {
    /// A page, from 1, of the claims that were submitted, oldest first.
    pub async fn claim_queue(
        &self,
        actor: &Actor,
        filter: &ClaimFilter,
        page: usize,
        limit: usize,
    ) -> Result<ClaimPage, Error> {
        self.allow(actor, Action::ReadClaims)?;
        let mut found: Vec<(Place, ClaimLine)> = {
            let claims = self.claims();
            let wanted = claims.all().filter(|(_, mark)| filter.takes(mark));
            let line =
                |id, mark: &Mark| Some(((mark.submitted_at?, id), self.line(id, mark, mark.submitted.as_ref()?)));
            wanted.filter_map(|(id, mark)| line(id, mark)).collect()
        };
        if let Some(employer) = &filter.employer {
            found = self.serving_only(found, employer)?;
        }
        found.sort_by_key(|(place, _)| *place);
        let (total, limit) = (found.len(), limit.clamp(1, MAX_QUEUE_PAGE));
        let before = page.saturating_sub(1).saturating_mul(limit);
        let mut lines: Vec<ClaimLine> = found.into_iter().skip(before).take(limit).map(|(_, line)| line).collect();
        self.note_sealed(&mut lines).await?;
        Ok(ClaimPage { lines, total })
    }

    /// The years that there are submitted claims of, the newest first.
    pub fn claim_years(&self, actor: &Actor) -> Result<Vec<i16>, Error> {
        self.allow(actor, Action::ReadClaims)?;
        let claims = self.claims();
        let submitted = claims.all().filter_map(|(_, mark)| mark.submitted.as_ref());
        let years: BTreeSet<i16> = submitted.map(|edition| edition.days.1.year()).collect();
        Ok(years.into_iter().rev().collect())
    }

    /// Those whose learner serves an organisation now.
    fn serving_only(
        &self,
        all: Vec<(Place, ClaimLine)>,
        employer: &CreditCode,
    ) -> Result<Vec<(Place, ClaimLine)>, Error> {
        let mut known = HashMap::new();
        let mut found = Vec::new();
        for (place, line) in all {
            let serves = match known.get(&line.learner) {
                Some(serves) => *serves,
                None => {
                    let employers = self.employers_now(line.learner)?;
                    let serves = employers.iter().any(|one| one.code.as_ref() == Some(employer));
                    known.insert(line.learner, serves);
                    serves
                }
            };
            found.extend(serves.then_some((place, line)));
        }
        Ok(found)
    }

    /// A claim that this actor is about to decide about, as it was seen.
    async fn claim_to_review(&self, actor: &Actor, id: ClaimId, version: u64) -> Result<OpenClaim, Error> {
        self.allow(actor, Action::ReviewClaims)?;
        let person = actor.person().ok_or(Error::Forbidden)?;
        let claim = self.open_claim(id, |_| true).await?;
        if claim.head.submitted_at.is_none() {
            return Err(Error::NotFound("claim"));
        }
        if let Some(conflict) = self.conflict_of(person, &claim)? {
            return Err(Error::ConflictOfInterest(conflict));
        }
        claim.check(version, |state| state == ClaimState::Submitted)?;
        Ok(claim)
    }

    /// Accepts a claim: it becomes an entry, signed in the name of the certifying body.
    pub async fn accept_claim(
        self: &std::sync::Arc<Self>,
        actor: &Actor,
        id: ClaimId,
        version: u64,
    ) -> Result<Claim, Error> {
        let mut claim = self.claim_to_review(actor, id, version).await?;
        let today = day_of(self.clock.now()).map_err(Error::internal)?;
        if claim.newest()?.said.days().1 > today {
            let problem =
                Problem::mismatch("lies in the future: it is not over yet", "日期尚未到来，活动结束后才能通过");
            return Err(Error::field("last_day", problem));
        }
        let entry = EntryId::try_from(Uuid::now_v7()).map_err(Error::internal)?;
        let signed = self.sign_claim(actor, &claim, entry)?;
        claim.head.entry = Some(entry.uuid());
        claim.step(self.clock.now(), actor, ClaimEvent::Accepted, ClaimState::Accepted, None);
        let to_send = self.to_send_of_learner(claim.learner, &signed)?;
        // A crash before this is durable has decided nothing; after it, the entry is sent by whoever comes first.
        let claim = self.keep_claim(actor, "accept_claim", claim, vec![to_send]).await?;
        if let Err(error) = self.send_own().await {
            tracing::warn!(claim = %id, entry = %entry, %error, "the entry of a claim is sent later");
        }
        self.view_of(actor, claim).await
    }

    /// Returns a claim to the claimant, as `{"reason"}` says why.
    pub async fn return_claim(&self, actor: &Actor, id: ClaimId, version: u64, input: Value) -> Result<Claim, Error> {
        let claim = self.claim_to_review(actor, id, version).await?;
        if !can_return(&claim) {
            let en = format!("was submitted {MAX_VERSIONS} times: accept or reject it");
            let zh = format!("已提交 {MAX_VERSIONS} 次，不能再退回，只能通过或不予通过");
            return Err(Error::field("decision", Problem::mismatch(en, zh)));
        }
        self.decide(actor, claim, "return_claim", (ClaimEvent::Returned, ClaimState::Returned), input).await
    }

    /// Rejects a claim for good, as `{"reason"}` says why.
    pub async fn reject_claim(&self, actor: &Actor, id: ClaimId, version: u64, input: Value) -> Result<Claim, Error> {
        let claim = self.claim_to_review(actor, id, version).await?;
        self.decide(actor, claim, "reject_claim", (ClaimEvent::Rejected, ClaimState::Rejected), input).await
    }

    /// Declares to have a part in a claim that waits 声明回避: whoever does cannot decide about it any more, or about a dispute of the
    /// entry that it becomes; others can.
    pub async fn declare_part_in_claim(&self, actor: &Actor, id: ClaimId, version: u64) -> Result<Claim, Error> {
        self.allow(actor, Action::ReviewClaims)?;
        let person = actor.person().ok_or(Error::Forbidden)?;
        let mut claim = self.open_claim(id, |_| true).await?;
        if claim.head.submitted_at.is_none() {
            return Err(Error::NotFound("claim"));
        }
        let declared: Vec<_> = claim.payload.history.iter().filter(|step| step.event == ClaimEvent::Declared).collect();
        if declared.iter().any(|step| step.account == Some(person.account)) {
            return self.view_of(actor, claim).await;
        }
        claim.check(version, |state| state == ClaimState::Submitted)?;
        if declared.len() >= MAX_DECLARED {
            return Err(Error::TooLarge { what: "the number of declarations in one claim", limit: MAX_DECLARED });
        }
        claim.step(self.clock.now(), actor, ClaimEvent::Declared, ClaimState::Submitted, None);
        let claim = self.keep_claim(actor, "declare_part", claim, Vec::new()).await?;
        self.view_of(actor, claim).await
    }

    async fn decide(
        &self,
        actor: &Actor,
        mut claim: OpenClaim,
        action: &str,
        (event, state): (ClaimEvent, ClaimState),
        input: Value,
    ) -> Result<Claim, Error> {
        let reason = read_reason(input)?;
        claim.step(self.clock.now(), actor, event, state, Some(reason));
        let claim = self.keep_claim(actor, action, claim, Vec::new()).await?;
        self.view_of(actor, claim).await
    }
}

/// Whether there is room for another edition of a claim.
pub(super) fn can_return(claim: &OpenClaim) -> bool {
    claim.payload.versions.len() < MAX_VERSIONS
}

/// Nobody is turned away without a reason.
pub(in crate::service) fn read_reason(input: Value) -> Result<String, FieldErrors> {
    let mut errors = FieldErrors::default();
    let reason = Fields::of(input, "", &mut errors).and_then(|mut fields| {
        let reason = fields.lines("reason");
        if let Some(Err(problem)) =
            reason.as_ref().map(|reason| crate::ledger::fields::check_text(reason.trim(), MAX_REASON))
        {
            fields.note("reason", problem);
        }
        fields.finish();
        reason
    });
    reason.filter(|_| errors.0.is_empty()).map(|reason| reason.trim().to_owned()).ok_or(errors)
}
