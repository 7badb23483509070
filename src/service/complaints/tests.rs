//! Cases from the filing to the answer: who may, who is told what, and what is left after an erasure.

use std::sync::Arc;

use serde_json::{Value, json};

use super::super::AccountRole;
use super::super::access::Actor;
use super::super::clock::Clock as _;
use super::super::testing::*;
use super::*;

fn complaint() -> Value {
    json!({"subject": "provider", "text": "培训未按计划进行。\n请核实。", "name": "李明", "contact": "13800000000"})
}

fn dispute(entry: EntryId) -> Value {
    json!({"entry": entry.to_string(), "text": "学时应为 10。"})
}

fn states(history: &[CaseStep]) -> Vec<(CaseState, &str)> {
    history.iter().map(|step| (step.state, step.role.as_str())).collect()
}

#[tokio::test]
async fn a_complaint_is_answered_and_its_complainant_reads_it_with_the_code() {
    let mut world = World::new().await;
    let service = world.service();
    let NewCase { number, code } = service.file_complaint(&Actor::Public, complaint()).await.unwrap();
    let clerk = person(AccountRole::Clerk, &[]);
    let case = service.case(&clerk, &number).await.unwrap();
    assert_eq!(case.words.as_ref().unwrap().name.as_deref(), Some("李明"));
    world.clock.advance(60_000);
    let taken = service.take_up_case(&clerk, &number, case.summary.version).await.unwrap();
    // From an old version, and back to where it was.
    for version in [case.summary.version, taken.summary.version] {
        let again = service.take_up_case(&clerk, &number, version).await;
        assert!(matches!(again, Err(Error::Conflict(_))), "{again:?}");
    }
    let answer = json!({"answer": "已核实，课程已补上。"});
    let supervisor = person(AccountRole::Supervisor, &[]);
    service.answer_case(&supervisor, &number, taken.summary.version, answer.clone()).await.unwrap();
    drop(service);
    world.reopen().await.unwrap();
    let service = world.service();
    let shown = code.shown().to_lowercase();
    let read = service.case_by_code(&number.as_str().to_lowercase(), &CaseCode::typed(&shown)).await.unwrap();
    assert_eq!(
        states(&read.history),
        [(CaseState::Received, "public"), (CaseState::InProgress, "clerk"), (CaseState::Answered, "supervisor"),]
    );
    assert!(read.history.iter().all(|step| step.account.is_none()), "outsiders are not told whose account it is");
    assert_eq!(read.words.unwrap().answer.as_deref(), Some("已核实，课程已补上。"));
    let told = service.case(&clerk, &number).await.unwrap();
    assert_eq!(told.history[1].account.as_deref(), clerk.to_string().split_once(':').map(|(_, account)| account));
    let late = service.answer_case(&clerk, &number, told.summary.version, answer).await;
    assert!(matches!(late, Err(Error::Conflict(_))), "what was answered stays answered");
}

#[tokio::test]
async fn an_unknown_number_and_a_wrong_code_are_answered_alike() {
    let world = World::new().await;
    let service = world.service();
    let NewCase { number, code } = service.file_complaint(&Actor::Public, complaint()).await.unwrap();
    let other = CaseNumber::draw(CaseKind::Complaint, 2026).unwrap();
    let wrong = CaseCode::draw().unwrap();
    for (number, code) in
        [(number.as_str(), &wrong), (other.as_str(), &code), ("TS", &code), (number.as_str(), &CaseCode::typed(""))]
    {
        assert!(matches!(service.case_by_code(number, code).await, Err(Error::NotFound("case"))), "{number}");
    }
}

/// Fills the day with complaints that were filed just now, as if others had filed them.
fn fill_the_day(service: &super::Service, but: usize) {
    let (number, known) = {
        let cases = service.cases();
        let (number, known) = cases.0.iter().next().unwrap();
        (number.clone(), known.clone())
    };
    let mut cases = service.cases_mut();
    while cases.0.len() < MAX_FILED_A_DAY - but {
        cases.0.insert(CaseNumber::draw(CaseKind::Complaint, 2026).unwrap(), known.clone());
    }
    assert!(cases.0.contains_key(&number));
}

#[tokio::test(flavor = "multi_thread")]
async fn so_many_complaints_are_taken_of_one_day_and_no_more_however_many_come_at_once() {
    let world = World::new().await;
    let service = world.service();
    service.file_complaint(&Actor::Public, complaint()).await.unwrap();
    fill_the_day(&service, 2);
    let at_once = (0..8).map(|_| {
        let service = Arc::clone(&service);
        tokio::spawn(async move { service.file_complaint(&Actor::Public, complaint()).await })
    });
    let mut filed = 0;
    for task in at_once.collect::<Vec<_>>() {
        match task.await.unwrap() {
            Ok(_) => filed += 1,
            // The clock stands at 16:00 in UTC+8 on 22 November.
            Err(error) => {
                assert!(
                    matches!(error, Error::FullUntil(at) if at.to_string() == "2026-11-22T16:00:00.000Z"),
                    "{error}"
                );
            }
        }
    }
    assert_eq!(filed, 2);
    // What cannot be read is told first, and costs nothing.
    let refused = service.file_complaint(&Actor::Public, json!({"subject": "site"})).await.unwrap_err();
    assert_eq!(fields_of(&refused), ["text"]);
    world.clock.advance(7 * 3_600_000 + 59 * 60_000);
    assert!(service.file_complaint(&Actor::Public, complaint()).await.is_err(), "still that day");
    world.clock.advance(2 * 60_000);
    service.file_complaint(&Actor::Public, complaint()).await.unwrap();
}

#[tokio::test]
async fn nothing_is_taken_while_too_many_wait_and_disputes_are_another_matter() {
    let mut world = World::new().await;
    let a = provider_a();
    let entry = a.signed_study();
    world.accept(&a, &[&entry]).await;
    let service = world.service();
    service.file_complaint(&Actor::Public, complaint()).await.unwrap();
    let known = service.cases().0.values().next().unwrap().clone();
    while service.cases().0.len() < MAX_WAITING {
        service.cases_mut().0.insert(CaseNumber::draw(CaseKind::Complaint, 2026).unwrap(), known.clone());
    }
    world.clock.advance(3 * 24 * 3_600_000);
    assert!(matches!(service.file_complaint(&Actor::Public, complaint()).await, Err(Error::FullUntil(_))));
    service.file_dispute(&person(AccountRole::Learner, &[a.learner.id]), dispute(entry.entry().id)).await.unwrap();
}

#[tokio::test]
async fn a_learner_disputes_their_own_entry_and_sees_it_alone() {
    let mut world = World::new().await;
    let (a, b) = (provider_a(), provider_b());
    let entry = a.signed_study();
    world.accept(&a, &[&entry]).await;
    let id = entry.entry().id;
    let service = world.service();
    let (learner, other) =
        (person(AccountRole::Learner, &[a.learner.id]), person(AccountRole::Learner, &[b.learner.id]));
    for stranger in [&other, &Actor::Public, &Actor::Operator, &person(AccountRole::Clerk, &[a.learner.id])] {
        let outcome = service.file_dispute(stranger, dispute(id)).await;
        assert!(matches!(outcome, Err(Error::NotFound("entry"))), "{stranger}: {outcome:?}");
    }
    let number = service.file_dispute(&learner, dispute(id)).await.unwrap();
    assert!(number.as_str().starts_with("YY-2026-"));
    assert_eq!(fields_of(&service.file_dispute(&learner, dispute(id)).await.unwrap_err()), ["entry"]);
    assert_eq!(service.own_disputes(&learner).unwrap().len(), 1);
    assert_eq!(service.own_disputes(&other).unwrap(), []);
    assert!(matches!(service.own_dispute(&other, &number).await, Err(Error::NotFound("case"))));
    let version = service.own_dispute(&learner, &number).await.unwrap().summary.version;
    // The clerk whose own entry it is.
    let own = person(AccountRole::Clerk, &[a.learner.id]);
    // A clerk whose organisation recorded it.
    let mut tied = person(AccountRole::Clerk, &[]);
    if let Actor::Person(person) = &mut tied {
        person.affiliations.push(a.code.clone());
    }
    for clerk in [&own, &tied] {
        let refused = service.take_up_case(clerk, &number, version).await;
        assert!(matches!(refused, Err(Error::ConflictOfInterest(_))), "{refused:?}");
    }
    assert_eq!(service.waiting_cases(&own).await.unwrap().0, 0);
    let clerk = person(AccountRole::Clerk, &[]);
    assert_eq!(service.waiting_cases(&clerk).await.unwrap().0, 1);
    service.answer_case(&clerk, &number, version, json!({"answer": "将更正。"})).await.unwrap();
    assert_eq!(service.waiting_cases(&clerk).await.unwrap(), (0, None));
    // Answered, so another one may be filed.
    service.file_dispute(&learner, dispute(id)).await.unwrap();
    let answered = CaseFilter { state: Some(CaseState::Answered), ..CaseFilter::default() };
    let listed = service.list_cases(&person(AccountRole::Auditor, &[]), answered).unwrap();
    assert_eq!(listed.iter().map(|case| &case.number).collect::<Vec<_>>(), [&number]);
    assert!(service.list_cases(&learner, answered).is_err());
}

#[tokio::test]
async fn the_words_go_with_the_learner_or_with_the_case_and_the_steps_stay() {
    let mut world = World::new().await;
    let a = provider_a();
    let entry = a.signed_study();
    world.accept(&a, &[&entry]).await;
    let service = world.service();
    let learner = person(AccountRole::Learner, &[a.learner.id]);
    let disputed = service.file_dispute(&learner, dispute(entry.entry().id)).await.unwrap();
    let NewCase { number, code } = service.file_complaint(&Actor::Public, complaint()).await.unwrap();
    let operator = Actor::Operator;
    assert!(matches!(
        service.erase_case(&person(AccountRole::Clerk, &[]), number.as_str()).await,
        Err(Error::Forbidden)
    ));
    assert!(matches!(service.erase_case(&operator, disputed.as_str()).await, Err(Error::Conflict(_))));
    let erased = service.erase_case(&operator, number.as_str()).await.unwrap();
    assert!(erased.erased_at.is_some());
    assert_eq!(service.erase_case(&operator, number.as_str()).await.unwrap(), erased, "asked again");
    service.erase_learners(&operator, json!({"learners": [a.learner.id.to_string()]})).await.unwrap();
    for reopened in [false, true] {
        if reopened {
            world.reopen().await.unwrap();
        }
        let service = world.service();
        for number in [&number, &disputed] {
            let case = service.case(&operator, number).await.unwrap();
            assert_eq!((case.words, case.history.len()), (None, 1), "{number}");
            let version = case.summary.version;
            let outcome = service.answer_case(&operator, number, version, json!({"answer": "?"})).await;
            assert!(matches!(outcome, Err(Error::Erased("case"))), "{number}: {outcome:?}");
        }
        assert_eq!(service.case_by_code(number.as_str(), &code).await.unwrap().words, None);
    }
}

/// A crash between row and key: the start erases the key.
#[tokio::test]
async fn an_erasure_that_was_cut_short_is_finished_by_the_start() {
    let mut world = World::new().await;
    let service = world.service();
    let NewCase { number, .. } = service.file_complaint(&Actor::Public, complaint()).await.unwrap();
    let (mut row, version) = service.case_row(&number).await.unwrap();
    row.head.erased_at = Some(world.clock.now());
    row.tail.clear();
    service.keep_case(&Actor::Operator, "erase_case", number.to_string(), &number, version, &row).await.unwrap();
    let key = row.head.data_key().unwrap();
    assert!(service.vault.key(key).is_ok());
    drop(service);
    world.reopen().await.unwrap();
    assert!(world.service().vault.key(key).is_err());
}

#[tokio::test]
async fn a_case_without_its_key_is_damage() {
    let mut world = World::new().await;
    let service = world.service();
    let NewCase { number, .. } = service.file_complaint(&Actor::Public, complaint()).await.unwrap();
    let key = service.case_row(&number).await.unwrap().0.head.data_key().unwrap();
    service.vault.erase([key]).unwrap();
    drop(service);
    assert!(world.reopen().await.is_err(), "a complaint that nobody erased has its key");
}

#[test]
fn what_is_no_case_is_refused_by_field() {
    let refused = |member: &str, bad: Value| {
        let mut input = complaint();
        input[member] = bad;
        input
    };
    for (member, bad) in [
        ("subject", json!("weather")),
        ("text", json!("")),
        ("text", json!("x".repeat(MAX_CASE_TEXT + 1))),
        ("text", json!("a\u{202E}b")),
        ("name", json!("")),
        ("contact", json!("x".repeat(MAX_CONTACT + 1))),
        ("rank", json!(1)),
    ] {
        let error = file::read_complaint(refused(member, bad)).unwrap_err();
        assert_eq!(fields_of(&error), [member]);
    }
}
