//! Conflicts of interest 回避: nobody decides about what is their own, or of their own organisation's, or about what they decided
//! themselves before.

use std::collections::BTreeSet;

use super::super::Service;
use super::super::access::{AccountId, Person};
use super::super::error::Error;
use super::super::registry::{Employment, serving};
use super::super::tables::ENTRIES;
use super::notices::plain;
use super::read::shown_to;
use super::row::{ClaimEvent, HistoryStep, OpenClaim};
use super::said::Said;
use crate::ledger::entry::{Body, EntryId, LearnerId};
use crate::ledger::signed::SignedEntry;
use crate::standard::{CreditCode, Day, UnixMillis, choice};

choice! {
    /// Why somebody must not review a claim, confirm an activity, note a term, correct an entry or answer a dispute.
    pub enum ReviewConflict {
        /// It is their own.
        OwnClaim = "own_claim", "本人的事项，须回避";
        /// It is of somebody who serves, or served when it was, an organisation of theirs.
        OwnOrganisation = "own_organisation", "当事人所在组织与经办人有关联，须回避";
        /// An organisation of theirs held what is claimed, or recorded it.
        OwnEvent = "own_event", "主办或登记单位与经办人有关联，须回避";
        /// They themselves decided what is disputed.
        OwnDecision = "own_decision", "争议的决定由经办人本人作出，须回避";
        /// They said so themselves.
        Declared = "declared", "经办人已声明与此事有关，须回避";
    }
}

impl ReviewConflict {
    /// The English text.
    pub const fn english(self) -> &'static str {
        match self {
            Self::OwnClaim => "nobody decides about what is their own",
            Self::OwnOrganisation => "nobody decides about somebody who serves an organisation of theirs",
            Self::OwnEvent => "nobody decides about what an organisation of theirs held or recorded",
            Self::OwnDecision => "nobody answers a dispute about their own decision",
            Self::Declared => "whoever declared a conflict of interest does not decide",
        }
    }
}

/// An organisation as far as it is known: by its code, and by its names, as typed and as registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    code: Option<CreditCode>,
    names: BTreeSet<String>,
}

impl Identity {
    /// By code or by name: a code that somebody typed does not undo the name that they typed beside it.
    fn is(&self, other: &Self) -> bool {
        let by_code = self.code.is_some() && self.code == other.code;
        by_code || !self.names.is_disjoint(&other.names)
    }
}

/// Whose something is, as far as conflicts ask.
#[derive(Debug, Default)]
pub(super) struct Parties {
    /// All learners that are the person.
    pub(super) learners: Vec<LearnerId>,
    /// The account that claims.
    pub(super) account: Option<AccountId>,
    /// Whom the person serves now, and served when it was.
    pub(super) employers: Vec<Identity>,
    /// Who held what is claimed.
    pub(super) organiser: Option<Identity>,
    /// Who recorded it.
    pub(super) recorder: Option<Identity>,
    /// Who decided what is disputed.
    pub(super) decided: Vec<AccountId>,
    /// Who declared to have a part in it.
    pub(super) declared: Vec<AccountId>,
}

/// What somebody is about to decide about that is no claim.
#[derive(Debug, Default)]
pub(in crate::service) struct Matter<'a> {
    /// Who recorded it; nobody where nothing was recorded.
    pub(in crate::service) recorder: Option<&'a CreditCode>,
    /// When it was; nothing where it is of today.
    pub(in crate::service) days: Option<(Day, Day)>,
    /// Who declared to have a part in it.
    pub(in crate::service) declared: Vec<AccountId>,
}

/// Why this person, whose own organisations are `own`, must not decide; `acting_for` is the certifying body that
/// the person acts for.
pub(super) fn conflict(
    person: &Person,
    own: &[Identity],
    acting_for: &Identity,
    parties: &Parties,
) -> Option<ReviewConflict> {
    let is_own = |other: &Identity| own.iter().any(|own| own.is(other));
    // What the certifying body itself held or recorded, as every claim that it accepted, could otherwise be decided about by
    // nobody: all who review are of it. Only whatever else is theirs counts there.
    let is_own_beside = |other: &Identity| own.iter().any(|own| !own.is(acting_for) && own.is(other));
    if parties.learners.iter().any(|learner| person.learners.contains(learner))
        || parties.account == Some(person.account)
    {
        return Some(ReviewConflict::OwnClaim);
    }
    if parties.employers.iter().any(is_own) {
        return Some(ReviewConflict::OwnOrganisation);
    }
    if parties.organiser.iter().chain(&parties.recorder).any(is_own_beside) {
        return Some(ReviewConflict::OwnEvent);
    }
    if parties.decided.contains(&person.account) {
        return Some(ReviewConflict::OwnDecision);
    }
    parties.declared.contains(&person.account).then_some(ReviewConflict::Declared)
}

/// The accounts that took one of these steps.
fn who(history: &[HistoryStep], events: &[ClaimEvent]) -> Vec<AccountId> {
    history.iter().filter(|step| events.contains(&step.event)).filter_map(|step| step.account).collect()
}

impl Service {
    /// Whom a person serves now, under whatever learner ids.
    pub(in crate::service) fn employers_now(&self, learner: LearnerId) -> Result<Vec<Employment>, Error> {
        self.employers_of(&self.same_person(learner), None)
    }

    /// Whom they serve now, and whom they served on any of these days.
    fn employers_of(&self, learners: &[LearnerId], days: Option<(Day, Day)>) -> Result<Vec<Employment>, Error> {
        let (today, directory) = (self.today()?, self.directory());
        let mut all: Vec<Employment> = Vec::new();
        for known in learners.iter().map(|learner| directory.employers(*learner)) {
            let then = days.into_iter().flat_map(|(first, last)| {
                known.iter().filter(move |one| one.from <= last && one.to.is_none_or(|to| first <= to))
            });
            for employer in serving(known, today).chain(then) {
                if !all.contains(employer) {
                    all.push(employer.clone());
                }
            }
        }
        Ok(all)
    }

    fn identity(&self, code: Option<&CreditCode>, name: Option<&str>) -> Identity {
        let registered = code.and_then(|code| self.organisation_name(code));
        let names = name.into_iter().chain(registered.as_deref()).map(plain).filter(|name| !name.is_empty()).collect();
        Identity { code: code.cloned(), names }
    }

    fn known_employers(&self, learners: &[LearnerId], days: Option<(Day, Day)>) -> Result<Vec<Identity>, Error> {
        let employers = self.employers_of(learners, days)?;
        Ok(employers.iter().map(|one| self.identity(one.code.as_ref(), Some(&one.name))).collect())
    }

    /// Why this person must not decide about something of a learner's.
    pub(in crate::service) fn conflict_about(
        &self,
        person: &Person,
        learner: LearnerId,
        matter: Matter<'_>,
    ) -> Result<Option<ReviewConflict>, Error> {
        let recorder = matter.recorder.map(|code| self.identity(Some(code), None));
        let parties = Parties { recorder, declared: matter.declared, ..Parties::default() };
        self.conflict_between(person, learner, matter.days, parties)
    }

    /// Why this person must not correct an entry, or answer a dispute about it. `disputed` is since when there is one: it is nobody's
    /// to answer who decided until then what the entry says; who has corrected it since answers with that. `declared` are those who said
    /// to have a part in the dispute.
    pub(in crate::service) async fn conflict_about_entry(
        &self,
        person: &Person,
        learner: LearnerId,
        entry: EntryId,
        (disputed, mut declared): (Option<UnixMillis>, Vec<AccountId>),
    ) -> Result<Option<ReviewConflict>, Error> {
        let erased = self.directory().erased(learner).is_some();
        let first = if erased { None } else { self.recorded_first(entry).await? };
        let Some(first) = first else {
            return self.conflict_about(person, learner, Matter { declared, ..Matter::default() });
        };
        let claim = self.claims().of_entry(first.entry().id);
        let history = match claim {
            Some(claim) => self.open_claim(claim, |_| true).await?.payload.history,
            None => Vec::new(),
        };
        declared.extend(who(&history, &[ClaimEvent::Declared]));
        let until = history.iter().take_while(|step| disputed.is_some_and(|since| step.at <= since)).count();
        let decisions = [ClaimEvent::Accepted, ClaimEvent::Corrected, ClaimEvent::Voided];
        let decided = who(&history[..until], &decisions);
        let days = first.entry().record().map(|record| record.days());
        let recorder = Some(self.identity(Some(&first.entry().recorder), None));
        let parties = Parties { recorder, decided, declared, ..Parties::default() };
        self.conflict_between(person, learner, days, parties)
    }

    /// What was recorded first of what an entry corrects, or the entry itself.
    pub(super) async fn recorded_first(&self, entry: EntryId) -> Result<Option<SignedEntry>, Error> {
        let mut id = entry;
        loop {
            let Some(row) = ENTRIES.get(&*self.store, &id.uuid()).await? else { return Ok(None) };
            let signed = self.open_entry(id, &row.value)?;
            match &signed.entry().body {
                // It names an entry that has its place before it, so this ends.
                Body::Correction(_, correction) => id = correction.target,
                _ => return Ok(Some(signed)),
            }
        }
    }

    /// Why this person must not review this claim.
    pub(super) fn conflict_of(&self, person: &Person, claim: &OpenClaim) -> Result<Option<ReviewConflict>, Error> {
        let said = &shown_to(false, claim)?.said;
        let organiser = match said {
            Said::Study(study) => Some(self.identity(study.organiser_code.as_ref(), Some(&study.organiser))),
            Said::Activity(_) => None,
        };
        let account = Some(AccountId::try_from(claim.head.account).map_err(Error::internal)?);
        let declared = who(&claim.payload.history, &[ClaimEvent::Declared]);
        let parties = Parties { account, organiser, declared, ..Parties::default() };
        self.conflict_between(person, claim.learner, Some(said.days()), parties)
    }

    fn conflict_between(
        &self,
        person: &Person,
        learner: LearnerId,
        days: Option<(Day, Day)>,
        parties: Parties,
    ) -> Result<Option<ReviewConflict>, Error> {
        let learners = self.same_person(learner);
        let parties = Parties { employers: self.known_employers(&learners, days)?, learners, ..parties };
        // Whoever reviews may be a CQO as well, and serve somebody.
        let mut own = self.known_employers(&person.learners, days)?;
        own.extend(person.affiliations.iter().map(|code| self.identity(Some(code), None)));
        let acting_for = Some(&person.organisation).filter(|code| self.directory().is_certifying_body(code));
        Ok(conflict(person, &own, &self.identity(acting_for, None), &parties))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::super::super::AccountRole;
    use super::*;

    #[test]
    fn nobody_decides_about_what_is_theirs() {
        let code = |text: &str| CreditCode::with_check(text).unwrap();
        let (body, plant, society) = (code("91110000600037341"), code("91340100MA2N0000A"), code("91310000MA1F0000B"));
        let known = |code: Option<&CreditCode>, names: &[&str]| Identity {
            code: code.cloned(),
            names: names.iter().map(|name| plain(name)).collect(),
        };
        let id = || Uuid::now_v7();
        let (own, other, account) = (id().try_into().unwrap(), id().try_into().unwrap(), id().try_into().unwrap());
        let person = Person {
            account: id().try_into().unwrap(),
            role: AccountRole::Clerk,
            organisation: body.clone(),
            learners: vec![own],
            affiliations: vec![body.clone(), plant.clone()],
        };
        let of_body = known(Some(&body), &["认定中心"]);
        let owned = [of_body.clone(), known(Some(&plant), &["合肥机床厂(集团)"]), known(None, &["ACME 仪器"])];
        let stranger = || Parties { learners: vec![other], account: Some(account), ..Parties::default() };
        let serves = |code, name| Parties { employers: vec![known(code, &[name])], ..stranger() };
        let held = |code, name| Parties { organiser: Some(known(code, &[name])), ..stranger() };
        let recorded = |code| Parties { recorder: Some(known(Some(code), &[])), ..stranger() };
        use ReviewConflict::{Declared, OwnClaim, OwnDecision, OwnEvent, OwnOrganisation};
        for (what, parties, expected) in [
            ("a stranger's", held(Some(&society), "市协会"), None),
            ("one's own", Parties { learners: vec![other, own], ..stranger() }, Some(OwnClaim)),
            ("by one's own account", Parties { account: Some(person.account), ..stranger() }, Some(OwnClaim)),
            ("a colleague's", serves(Some(&plant), "别名"), Some(OwnOrganisation)),
            ("of the body's own", serves(Some(&body), "x"), Some(OwnOrganisation)),
            ("by name", serves(None, "合肥机床厂（集团） "), Some(OwnOrganisation)),
            (
                "by name, whatever code stands beside it",
                serves(Some(&society), "合肥机床厂(集团)"),
                Some(OwnOrganisation),
            ),
            ("where the reviewer serves by name", serves(Some(&society), "Ａcme仪 器"), Some(OwnOrganisation)),
            ("held by it", held(Some(&plant), "x"), Some(OwnEvent)),
            ("held, by name", held(None, "合肥机床厂（集团）"), Some(OwnEvent)),
            ("held, by name, whatever code", held(Some(&society), "合肥机床厂（集团）"), Some(OwnEvent)),
            ("held by the body", held(Some(&body), "x"), None),
            ("held by its own under the body's name", held(Some(&plant), "认定中心"), Some(OwnEvent)),
            ("recorded by it", recorded(&plant), Some(OwnEvent)),
            ("recorded by the body", recorded(&body), None),
            ("recorded by another", recorded(&society), None),
            ("decided by oneself", Parties { decided: vec![person.account], ..recorded(&body) }, Some(OwnDecision)),
            ("decided by another", Parties { decided: vec![account], ..recorded(&body) }, None),
            ("declared", Parties { declared: vec![account, person.account], ..stranger() }, Some(Declared)),
            ("declared by another", Parties { declared: vec![account], ..stranger() }, None),
        ] {
            assert_eq!(conflict(&person, &owned, &of_body, &parties), expected, "{what}");
        }
    }
}
