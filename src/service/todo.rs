//! The one to-do query: what waits for the person who is signed in, how much of it, and since when.
//!
//! Every home page reads it. It only gathers what the use cases it asks already tell this person, so it shows nobody what
//! they may not see; and it asks in each role for what that role can do something about, never for what it merely may read.

use super::Service;
use super::access::{AccountRole, Action, Actor};
use super::accounts::AccountState;
use super::body::BodyAlert;
use super::claims::{ClaimFilter, ClaimState};
use super::error::Error;
use super::standing::{ActivityFilter, Filter, StandingState};
use crate::ledger::entry::LearnerId;
use crate::standard::annual::{Ending, ShortYear};
use crate::standard::{CreditHours, Day, UnixMillis};

/// Activities that are counted at most: beyond that it is many.
const MAX_COUNTED: usize = 1_000;

/// Something that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToDo {
    /// What.
    pub what: Task,
    /// How many of it; at least 1.
    pub count: usize,
    /// Since when the longest waits, where that is known.
    pub since: Option<UnixMillis>,
}

/// What can wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Task {
    /// Something of the annual requirement is missing, for the CQO.
    Requirement {
        /// Hours that are missing.
        hours: CreditHours,
        /// Activities that are missing.
        activities: u16,
        /// How many of them the year asks for.
        required_activities: u16,
        /// The last day on which it can be made up.
        due: Day,
        /// What ends with that day.
        ending: Ending,
        /// So many days are left.
        days_left: i64,
    },
    /// A year that ended short, for the CQO.
    Shortfall(ShortYear),
    /// Claims that were returned with a reason, for the CQO.
    Returned,
    /// Claims that are not decided about, for those who review them. Those that one has a part in oneself are among them.
    Claims,
    /// Complaints and disputes that are not answered, for those who answer them.
    Cases,
    /// Organised activities that the certifying body has not confirmed, for its people.
    Activities,
    /// CQOs of whom no level certificate is registered, for those who note its validity.
    Terms,
    /// Something of the certifying body's profile, for its people and who writes it.
    Body(BodyAlert),
    /// Accounts whose invitation nobody has taken up, for the administrator.
    Invitations,
    /// CQOs of whom something is missing this year, for their employer.
    Employees,
}

impl ToDo {
    const fn one(what: Task) -> Self {
        Self { what, count: 1, since: None }
    }

    fn some(what: Task, count: usize, since: Option<UnixMillis>) -> Option<Self> {
        (count > 0).then_some(Self { what, count, since })
    }
}

impl Service {
    /// What waits for this person, in the role of this session; what is pressing first.
    pub async fn todo(&self, actor: &Actor) -> Result<Vec<ToDo>, Error> {
        self.allow(actor, Action::OwnAccount)?;
        let Some(person) = actor.person() else { return Ok(Vec::new()) };
        match person.role {
            AccountRole::Learner => self.todo_of_learner(actor).await,
            AccountRole::Employer => self.todo_of_employer(actor).await,
            AccountRole::Clerk | AccountRole::Supervisor => self.todo_of_body(actor).await,
            AccountRole::Administrator => self.todo_of_administrator(actor),
            // Their work is done elsewhere, or is not here yet.
            AccountRole::ProviderStaff | AccountRole::Expert | AccountRole::PanelLeader => Ok(Vec::new()),
            // Who only watches has nothing to do.
            AccountRole::Auditor | AccountRole::CompetentAuthority => Ok(Vec::new()),
        }
    }

    async fn todo_of_learner(&self, actor: &Actor) -> Result<Vec<ToDo>, Error> {
        let learners = actor.person().map(|person| person.learners.clone()).unwrap_or_default();
        let known = |learner: &LearnerId| self.directory().learner(*learner).is_some();
        let learners: Vec<LearnerId> = learners.into_iter().filter(known).collect();
        let Some(learner) = learners.first().copied() else { return Ok(Vec::new()) };
        let record = self.cqo(actor, learner).await?;
        let today = self.today()?;
        let open = record.years.first().filter(|year| year.state == StandingState::Open);
        let requirement = open.and_then(|year| {
            let ((due, ending), standing) = (year.standing.period.end()?, &year.standing);
            Some(Task::Requirement {
                hours: standing.hours.missing,
                activities: standing.activities.missing,
                required_activities: standing.activities.required,
                due,
                ending,
                days_left: today.days_until(due),
            })
        });
        let short = Self::short_to_tell(&record.short, today).cloned().map(|short| ToDo::one(Task::Shortfall(short)));
        let mut returned = Vec::new();
        for learner in learners {
            returned.extend(self.own_claims(actor, learner).await?);
        }
        returned.retain(|claim| claim.state == ClaimState::Returned);
        let since = returned.iter().map(|claim| claim.changed_at).min();
        let returned = ToDo::some(Task::Returned, returned.len(), since);
        Ok(returned.into_iter().chain(short).chain(requirement.map(ToDo::one)).collect())
    }

    async fn todo_of_employer(&self, actor: &Actor) -> Result<Vec<ToDo>, Error> {
        let states = self.standings(actor, &Filter::default(), 0, 0).await?.states;
        Ok(ToDo::some(Task::Employees, states.short + states.open, None).into_iter().collect())
    }

    async fn todo_of_body(&self, actor: &Actor) -> Result<Vec<ToDo>, Error> {
        let submitted = ClaimFilter { state: Some(ClaimState::Submitted), ..ClaimFilter::default() };
        let queue = self.claim_queue(actor, &submitted, 1, 1).await?;
        let since = queue.lines.first().and_then(|claim| claim.submitted_at);
        let claims = ToDo::some(Task::Claims, queue.total, since);
        let (cases, since) = self.waiting_cases(actor).await?;
        let cases = ToDo::some(Task::Cases, cases, since);
        let mut activities = self.activities(actor, ActivityFilter::default(), 0, MAX_COUNTED).await?.rows;
        activities.retain(|activity| !activity.is_conflicted);
        let since = activities.first().map(|activity| activity.said.sealed_at);
        let activities = ToDo::some(Task::Activities, activities.len(), since);
        let terms = self.standings(actor, &Filter::default(), 0, 0).await?.states.no_term;
        let terms = ToDo::some(Task::Terms, terms, None);
        let tasks = claims.into_iter().chain(cases).chain(activities).chain(terms);
        Ok(tasks.chain(self.todo_of_profile(actor)?).collect())
    }

    fn todo_of_administrator(&self, actor: &Actor) -> Result<Vec<ToDo>, Error> {
        let mut list: Vec<ToDo> = self.todo_of_profile(actor)?.collect();
        let mut invited = self.accounts(actor)?;
        invited.retain(|account| account.state == AccountState::Invited);
        let since = invited.iter().map(|account| account.created_at).min();
        list.extend(ToDo::some(Task::Invitations, invited.len(), since));
        Ok(list)
    }

    fn todo_of_profile(&self, actor: &Actor) -> Result<impl Iterator<Item = ToDo> + use<>, Error> {
        Ok(self.body_alerts(actor)?.into_iter().map(|alert| ToDo::one(Task::Body(alert))))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::*;
    use super::*;
    use crate::ledger::entry::{Activity, Body};
    use crate::merkle::Hash;

    fn tasks(list: &[ToDo]) -> Vec<(&'static str, usize)> {
        let word = |task: &Task| match task {
            Task::Requirement { .. } => "requirement",
            Task::Shortfall(_) => "shortfall",
            Task::Terms => "terms",
            Task::Returned => "returned",
            Task::Claims => "claims",
            Task::Cases => "cases",
            Task::Activities => "activities",
            Task::Body(_) => "body",
            Task::Invitations => "invitations",
            Task::Employees => "employees",
        };
        list.iter().map(|todo| (word(&todo.what), todo.count)).collect()
    }

    #[tokio::test]
    async fn each_role_is_told_what_it_can_do_something_about() {
        let mut world = World::new().await;
        let a = provider_a();
        let activity = Activity {
            topic: "质量月培训".into(),
            date: "2026-11-20".parse().unwrap(),
            attendees: 30,
            attendees_digest: Hash::of(&[b"list"]),
            evidence: vec![Hash::of(&[b"photo"])],
            reviewed_by: None,
        };
        let held = a.sign(a.entry(Body::Activity(a.learner.clone(), activity)));
        world.accept(&a, &[&held]).await;
        world.seal().await.unwrap().unwrap();
        let service = world.service();
        let complaint = json!({"subject": "site", "text": "无法登录。"});
        service.file_complaint(&Actor::Public, complaint).await.unwrap();
        let learner = person(AccountRole::Learner, &[a.learner.id]);
        service.file_dispute(&learner, json!({"entry": held.entry().id, "text": "人数有误。"})).await.unwrap();
        let grant = json!({"role": "clerk", "organisation": authority().code});
        let invitation = json!({"login": "liming", "name": "李明", "grants": [grant]});
        service.invite(&Actor::Operator, crate::service::accounts::Again::default(), invitation).await.unwrap();
        let body = [("body", 1); 3];
        for (role, expected) in [
            (AccountRole::Learner, vec![]),
            (AccountRole::Clerk, [vec![("cases", 2), ("activities", 1), ("terms", 2)], body.to_vec()].concat()),
            (AccountRole::Supervisor, [vec![("cases", 2), ("activities", 1), ("terms", 2)], body.to_vec()].concat()),
            (AccountRole::Administrator, [body.to_vec(), vec![("invitations", 1)]].concat()),
            (AccountRole::Auditor, vec![]),
            (AccountRole::Expert, vec![]),
            (AccountRole::ProviderStaff, vec![]),
            (AccountRole::Employer, vec![]),
        ] {
            let learners = [a.learner.id];
            let actor = person(role, if role == AccountRole::Learner { &learners } else { &[] });
            assert_eq!(tasks(&service.todo(&actor).await.unwrap()), expected, "{role}");
        }
        // The clerk whose own dispute and activity these are has neither to do.
        let own = person(AccountRole::Clerk, &[a.learner.id]);
        assert_eq!(
            tasks(&service.todo(&own).await.unwrap()),
            [vec![("cases", 1), ("terms", 2)], body.to_vec()].concat()
        );
        for nobody in [Actor::Public, Actor::Operator] {
            assert!(service.todo(&nobody).await.is_err(), "{nobody}");
        }
    }

    #[tokio::test]
    async fn a_learner_is_told_what_is_missing_and_by_when() {
        let world = World::new().await;
        let id = provider_a().learner.id;
        let learner = person(AccountRole::Learner, &[id]);
        assert_eq!(world.service().todo(&learner).await.unwrap(), [], "nothing is due without a certificate");
        let (clerk, note) =
            (person(AccountRole::Clerk, &[]), json!({"first_day": "2025-01-01", "last_day": "2027-12-31"}));
        world.service().put_term(&clerk, id, None, 0, note).await.unwrap();
        let list = world.service().todo(&learner).await.unwrap();
        assert_eq!(tasks(&list), [("shortfall", 1), ("requirement", 1)]);
        assert!(matches!(&list[0].what, Task::Shortfall(short) if short.blocks()));
        let expected = Task::Requirement {
            hours: CreditHours::from_hundredths(1_000),
            activities: 1,
            required_activities: 1,
            due: "2026-12-31".parse().unwrap(),
            ending: Ending::Year,
            days_left: 39,
        };
        assert_eq!(list[1].what, expected);
        assert_eq!(world.service().todo(&person(AccountRole::Learner, &[])).await.unwrap(), []);
        assert_eq!(tasks(&world.service().todo(&clerk).await.unwrap())[0], ("terms", 1));
    }
}
