//! Conflicts of interest 回避: nobody reviews a claim of their own, or of their own organisation's.

use super::super::Service;
use super::super::access::{AccountId, Person};
use super::super::error::Error;
use super::super::registry::{Employment, LearnerPayload};
use super::super::tables::LEARNERS;
use super::row::OpenClaim;
use super::said::Said;
use crate::ledger::entry::LearnerId;
use crate::standard::{CreditCode, Day, choice, day_of};

choice! {
    /// Why somebody must not review a claim.
    pub enum ReviewConflict {
        /// It is their own.
        OwnClaim = "own_claim", "本人的申报，须回避";
        /// It is of somebody who serves an organisation of theirs.
        OwnOrganisation = "own_organisation", "申报人所在组织与审核人有关联，须回避";
        /// An organisation of theirs held what is claimed.
        OwnEvent = "own_event", "主办单位与审核人有关联，须回避";
    }
}

impl ReviewConflict {
    /// The English text.
    pub const fn english(self) -> &'static str {
        match self {
            Self::OwnClaim => "nobody reviews a claim of their own",
            Self::OwnOrganisation => "nobody reviews a claim of somebody who serves an organisation of theirs",
            Self::OwnEvent => "nobody reviews what an organisation of theirs held",
        }
    }
}

/// Whose a claim is, as far as conflicts ask.
pub(super) struct Parties<'a> {
    pub(super) learner: LearnerId,
    pub(super) account: AccountId,
    /// Whom the learner serves now.
    pub(super) employers: &'a [Employment],
    /// The organiser's credit code, where it was given, and the name.
    pub(super) organiser: (Option<&'a CreditCode>, Option<&'a str>),
}

/// Why this person must not review; `name_of` knows the registered organisations. An employer or organiser without a code is
/// known by its name.
pub(super) fn conflict(
    person: &Person,
    parties: &Parties<'_>,
    name_of: impl Fn(&CreditCode) -> Option<String>,
) -> Option<ReviewConflict> {
    if person.learners.contains(&parties.learner) || person.account == parties.account {
        return Some(ReviewConflict::OwnClaim);
    }
    let is = |code: &CreditCode, of: Option<&CreditCode>, named: Option<&str>| match of {
        Some(of) => of == code,
        None => named.is_some() && name_of(code).as_deref() == named,
    };
    let serves = |code: &CreditCode| {
        parties.employers.iter().any(|employer| is(code, employer.code.as_ref(), Some(&employer.name)))
    };
    if person.affiliations.iter().any(serves) {
        return Some(ReviewConflict::OwnOrganisation);
    }
    // What the certifying body itself held could otherwise be reviewed by nobody: all who review are of it.
    let (code, name) = parties.organiser;
    let held = |own: &&CreditCode| **own != person.organisation && is(own, code, name);
    person.affiliations.iter().any(|own| held(&own)).then_some(ReviewConflict::OwnEvent)
}

/// Those whom somebody serves on a day.
pub(super) fn serving(employers: Vec<Employment>, day: Day) -> Vec<Employment> {
    let serves = |one: &Employment| one.from <= day && one.to.is_none_or(|to| day <= to);
    employers.into_iter().filter(serves).collect()
}

impl Service {
    /// Whom a learner serves now.
    pub(super) async fn employers_now(&self, learner: LearnerId) -> Result<Vec<Employment>, Error> {
        let Some(row) = LEARNERS.get(&*self.store, &learner.uuid()).await? else { return Ok(Vec::new()) };
        let LearnerPayload { employers, .. } = self.open_learner(learner, &row.value)?;
        Ok(serving(employers, day_of(self.clock.now()).map_err(Error::internal)?))
    }

    /// Why this person must not review this claim.
    pub(super) async fn conflict_of(
        &self,
        person: &Person,
        claim: &OpenClaim,
    ) -> Result<Option<ReviewConflict>, Error> {
        let employers = self.employers_now(claim.learner).await?;
        let organiser = match &claim.newest()?.said {
            Said::Study(study) => (study.organiser_code.as_ref(), Some(study.organiser.as_str())),
            Said::Activity(_) => (None, None),
        };
        let account = AccountId::try_from(claim.head.account).map_err(Error::internal)?;
        let parties = Parties { learner: claim.learner, account, employers: &employers, organiser };
        let name_of = |code: &CreditCode| self.directory().organisation(code).map(|known| known.name.clone());
        Ok(conflict(person, &parties, name_of))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::super::super::AccountRole;
    use super::*;

    #[test]
    fn nobody_reviews_what_is_theirs() {
        let code = |text: &str| CreditCode::with_check(text).unwrap();
        let (body, plant, society) = (code("91110000600037341"), code("91340100MA2N0000A"), code("91310000MA1F0000B"));
        let name_of = |of: &CreditCode| (*of == plant).then(|| "合肥机床厂".to_owned());
        let id = || Uuid::now_v7();
        let (own, other, account) = (id().try_into().unwrap(), id().try_into().unwrap(), id().try_into().unwrap());
        let person = Person {
            account: id().try_into().unwrap(),
            role: AccountRole::Clerk,
            organisation: body.clone(),
            learners: vec![own],
            affiliations: vec![body.clone(), plant.clone()],
        };
        let at = |name: &str, code: Option<&CreditCode>| {
            vec![Employment { name: name.into(), code: code.cloned(), from: "2020-01-01".parse().unwrap(), to: None }]
        };
        let none: Vec<Employment> = Vec::new();
        let cases = [
            ("a stranger's", other, account, none.clone(), (Some(&society), Some("市协会")), None),
            ("one's own", own, account, none.clone(), (None, None), Some(ReviewConflict::OwnClaim)),
            ("by one's own account", other, person.account, none.clone(), (None, None), Some(ReviewConflict::OwnClaim)),
            (
                "a colleague's",
                other,
                account,
                at("别名", Some(&plant)),
                (None, None),
                Some(ReviewConflict::OwnOrganisation),
            ),
            (
                "of the body's own",
                other,
                account,
                at("x", Some(&body)),
                (None, None),
                Some(ReviewConflict::OwnOrganisation),
            ),
            ("by name", other, account, at("合肥机床厂", None), (None, None), Some(ReviewConflict::OwnOrganisation)),
            ("of another code", other, account, at("合肥机床厂", Some(&society)), (None, None), None),
            ("held by it", other, account, none.clone(), (Some(&plant), Some("x")), Some(ReviewConflict::OwnEvent)),
            ("held, by name", other, account, none.clone(), (None, Some("合肥机床厂")), Some(ReviewConflict::OwnEvent)),
            ("held by the body", other, account, none, (Some(&body), Some("x")), None),
        ];
        for (what, learner, account, employers, organiser, expected) in cases {
            let parties = Parties { learner, account, employers: &employers, organiser };
            assert_eq!(conflict(&person, &parties, name_of), expected, "{what}");
        }
    }

    #[test]
    fn only_who_is_served_now_counts() {
        let day = |text: &str| text.parse().unwrap();
        let one = |from: &str, to: Option<&str>| Employment {
            name: from.into(),
            code: None,
            from: day(from),
            to: to.map(day),
        };
        let all = vec![
            one("2020-01-01", Some("2026-05-31")),
            one("2026-06-01", None),
            one("2026-06-02", None),
            one("2025-01-01", Some("2026-06-01")),
        ];
        let now: Vec<String> = serving(all, day("2026-06-01")).into_iter().map(|one| one.name).collect();
        assert_eq!(now, ["2026-06-01", "2025-01-01"]);
    }
}
