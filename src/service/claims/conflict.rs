//! Conflicts of interest 回避: nobody decides about what is their own, or of their own organisation's.

use std::collections::BTreeSet;

use super::super::Service;
use super::super::access::{AccountId, Person};
use super::super::error::Error;
use super::super::registry::{Employment, serving};
use super::notices::plain;
use super::read::shown_to;
use super::row::OpenClaim;
use super::said::Said;
use crate::ledger::entry::LearnerId;
use crate::standard::{CreditCode, choice};

choice! {
    /// Why somebody must not review a claim, confirm an activity or note a term.
    pub enum ReviewConflict {
        /// It is their own.
        OwnClaim = "own_claim", "本人的事项，须回避";
        /// It is of somebody who serves an organisation of theirs.
        OwnOrganisation = "own_organisation", "当事人所在组织与经办人有关联，须回避";
        /// An organisation of theirs held what is claimed, or recorded it.
        OwnEvent = "own_event", "主办或登记单位与经办人有关联，须回避";
    }
}

impl ReviewConflict {
    /// The English text.
    pub const fn english(self) -> &'static str {
        match self {
            Self::OwnClaim => "nobody decides about what is their own",
            Self::OwnOrganisation => "nobody decides about somebody who serves an organisation of theirs",
            Self::OwnEvent => "nobody decides about what an organisation of theirs held or recorded",
        }
    }
}

/// An organisation as far as it is known: what is without a code is known by its names, as typed and as registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    code: Option<CreditCode>,
    names: BTreeSet<String>,
}

impl Identity {
    fn is(&self, other: &Self) -> bool {
        match (&self.code, &other.code) {
            (Some(one), Some(other)) => one == other,
            _ => !self.names.is_disjoint(&other.names),
        }
    }
}

/// Whose something is, as far as conflicts ask.
#[derive(Debug, Default)]
pub(super) struct Parties {
    /// All learners that are the person.
    pub(super) learners: Vec<LearnerId>,
    /// The account that claims.
    pub(super) account: Option<AccountId>,
    /// Whom the person serves now.
    pub(super) employers: Vec<Identity>,
    /// Who held what is claimed.
    pub(super) organiser: Option<Identity>,
    /// Who recorded it.
    pub(super) recorder: Option<Identity>,
}

/// Why this person, whose own organisations are `own`, must not decide; `acting_for` is the one that the person acts for.
pub(super) fn conflict(
    person: &Person,
    own: &[Identity],
    acting_for: &Identity,
    parties: &Parties,
) -> Option<ReviewConflict> {
    let is_own = |other: &Identity| own.iter().any(|own| own.is(other));
    if parties.learners.iter().any(|learner| person.learners.contains(learner))
        || parties.account == Some(person.account)
    {
        return Some(ReviewConflict::OwnClaim);
    }
    if parties.employers.iter().any(is_own) {
        return Some(ReviewConflict::OwnOrganisation);
    }
    // What the certifying body itself held could otherwise be reviewed by nobody: all who review are of it.
    let organiser = parties.organiser.as_ref().filter(|organiser| !organiser.is(acting_for));
    organiser.into_iter().chain(&parties.recorder).any(is_own).then_some(ReviewConflict::OwnEvent)
}

impl Service {
    /// Whom a person serves now, under whatever learner ids.
    pub(in crate::service) fn employers_now(&self, learner: LearnerId) -> Result<Vec<Employment>, Error> {
        self.employers_of(&self.same_person(learner))
    }

    fn employers_of(&self, learners: &[LearnerId]) -> Result<Vec<Employment>, Error> {
        let (today, directory) = (self.today()?, self.directory());
        let mut all: Vec<Employment> = Vec::new();
        for employer in learners.iter().flat_map(|learner| serving(directory.employers(*learner), today)) {
            if !all.contains(employer) {
                all.push(employer.clone());
            }
        }
        Ok(all)
    }

    fn identity(&self, code: Option<&CreditCode>, name: Option<&str>) -> Identity {
        let registered = code.and_then(|code| self.organisation_name(code));
        let names = name.into_iter().chain(registered.as_deref()).map(plain).filter(|name| !name.is_empty()).collect();
        Identity { code: code.cloned(), names }
    }

    fn known_employers(&self, learners: &[LearnerId]) -> Result<Vec<Identity>, Error> {
        let employers = self.employers_of(learners)?;
        Ok(employers.iter().map(|one| self.identity(one.code.as_ref(), Some(&one.name))).collect())
    }

    /// Why this person must not decide about a learner's term, or about what `recorder` recorded of the learner.
    pub(in crate::service) fn conflict_about(
        &self,
        person: &Person,
        learner: LearnerId,
        recorder: Option<&CreditCode>,
    ) -> Result<Option<ReviewConflict>, Error> {
        let recorder = recorder.map(|code| self.identity(Some(code), None));
        self.conflict_between(person, learner, Parties { recorder, ..Parties::default() })
    }

    /// Why this person must not review this claim.
    pub(super) fn conflict_of(&self, person: &Person, claim: &OpenClaim) -> Result<Option<ReviewConflict>, Error> {
        let organiser = match &shown_to(false, claim)?.said {
            Said::Study(study) => Some(self.identity(study.organiser_code.as_ref(), Some(&study.organiser))),
            Said::Activity(_) => None,
        };
        let account = Some(AccountId::try_from(claim.head.account).map_err(Error::internal)?);
        self.conflict_between(person, claim.learner, Parties { account, organiser, ..Parties::default() })
    }

    fn conflict_between(
        &self,
        person: &Person,
        learner: LearnerId,
        parties: Parties,
    ) -> Result<Option<ReviewConflict>, Error> {
        let learners = self.same_person(learner);
        let parties = Parties { employers: self.known_employers(&learners)?, learners, ..parties };
        // Whoever reviews may be a CQO as well, and serve somebody.
        let mut own = self.known_employers(&person.learners)?;
        own.extend(person.affiliations.iter().map(|code| self.identity(Some(code), None)));
        Ok(conflict(person, &own, &self.identity(Some(&person.organisation), None), &parties))
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
        let of_body = known(Some(&body), &[]);
        let owned = [of_body.clone(), known(Some(&plant), &["合肥机床厂(集团)"]), known(None, &["ACME 仪器"])];
        let stranger = || Parties { learners: vec![other], account: Some(account), ..Parties::default() };
        let serves = |code, name| Parties { employers: vec![known(code, &[name])], ..stranger() };
        let held = |code, name| Parties { organiser: Some(known(code, &[name])), ..stranger() };
        let recorded = |code| Parties { recorder: Some(known(Some(code), &[])), ..stranger() };
        use ReviewConflict::{OwnClaim, OwnEvent, OwnOrganisation};
        for (what, parties, expected) in [
            ("a stranger's", held(Some(&society), "市协会"), None),
            ("one's own", Parties { learners: vec![other, own], ..stranger() }, Some(OwnClaim)),
            ("by one's own account", Parties { account: Some(person.account), ..stranger() }, Some(OwnClaim)),
            ("a colleague's", serves(Some(&plant), "别名"), Some(OwnOrganisation)),
            ("of the body's own", serves(Some(&body), "x"), Some(OwnOrganisation)),
            ("by name", serves(None, "合肥机床厂（集团） "), Some(OwnOrganisation)),
            ("of another code", serves(Some(&society), "合肥机床厂(集团)"), None),
            ("where the reviewer serves by name", serves(Some(&society), "Ａcme仪 器"), Some(OwnOrganisation)),
            ("held by it", held(Some(&plant), "x"), Some(OwnEvent)),
            ("held, by name", held(None, "合肥机床厂（集团）"), Some(OwnEvent)),
            ("held by the body", held(Some(&body), "x"), None),
            ("recorded by it", recorded(&plant), Some(OwnEvent)),
            ("recorded by the body", recorded(&body), Some(OwnEvent)),
            ("recorded by another", recorded(&society), None),
        ] {
            assert_eq!(conflict(&person, &owned, &of_body, &parties), expected, "{what}");
        }
    }
}
