//! Who stands how, as the ledger says it: what is sealed, corrected, confirmed and noted, and who may know.

mod terms;

use serde_json::{Value, json};
use uuid::Uuid;

use super::super::access::{AccountId, AccountRole, Person};
use super::super::accounts::Again;
use super::super::testing::*;
use super::*;
use crate::ledger::entry::{Activity, Body, CorrectionReason, EntryId, Record as Says, Study};
use crate::ledger::signed::SignedEntry;
use crate::merkle::Hash;
use crate::standard::annual::Year;

const EMPLOYER: &str = "91330100799655058B";

fn person(role: AccountRole, organisation: &CreditCode, learners: &[LearnerId]) -> Actor {
    let account = AccountId::try_from(Uuid::now_v7()).unwrap();
    let affiliations = vec![organisation.clone()];
    let (organisation, learners) = (organisation.clone(), learners.to_vec());
    Actor::Person(Person { account, role, organisation, learners, affiliations })
}

fn clerk() -> Actor {
    person(AccountRole::Clerk, &authority().code, &[])
}

fn employer() -> CreditCode {
    EMPLOYER.parse().unwrap()
}

fn activity(party: &Party, attendees: u32) -> SignedEntry {
    party.sign(party.entry(Body::Activity(party.learner.clone(), held(attendees))))
}

fn held(attendees: u32) -> Activity {
    Activity {
        attendees,
        attendees_digest: Hash::of(&[b"list"]),
        date: "2026-06-01".parse().unwrap(),
        evidence: vec![Hash::of(&[b"photo"])],
        topic: "质量月班组长培训".into(),
        reviewed_by: None,
    }
}

fn study(party: &Party, day: &str, hundredths: u32) -> SignedEntry {
    let mut entry = party.study();
    if let Body::Study(_, study) = &mut entry.body {
        let day = day.parse().unwrap();
        *study = Study {
            first_day: day,
            last_day: day,
            hours: CreditHours::from_hundredths(hundredths),
            completes: false,
            ..study.clone()
        };
    }
    party.sign(entry)
}

/// Employs the learner of a party.
async fn employ(world: &World, party: &Party, to: Option<&str>) {
    let mut employment = json!({"name": "杭州精密仪器有限公司", "code": EMPLOYER, "from": "2020-01-01"});
    if let Some(to) = to {
        employment["to"] = to.into();
    }
    employ_as(world, party, json!([employment])).await;
}

async fn employ_as(world: &World, party: &Party, employers: Value) {
    let service = world.service();
    let learner = service.learner(&party.actor(), party.learner.id).await.unwrap();
    let input = json!({"id": party.learner.id.to_string(), "name": party.learner.name, "employers": employers});
    service.change_learner(&party.actor(), party.learner.id, learner.version, input).await.unwrap();
}

/// `state counted/required activities/required`.
async fn told(world: &World, actor: &Actor, learner: LearnerId) -> String {
    match world.service().standing(actor, learner).await {
        Ok(year) => {
            let (hours, activities) = (year.standing.hours, year.standing.activities);
            format!(
                "{} {}/{} {}/{}",
                year.state, hours.counted, hours.required, activities.counted, activities.required
            )
        }
        Err(error) => format!("{error:?}").split('(').next().unwrap().to_owned(),
    }
}

fn days(first: &str, last: &str) -> Value {
    json!({"first_day": first, "last_day": last})
}

/// Notes the validity of the next level certificate.
async fn note(world: &World, learner: LearnerId, first: &str, last: &str) {
    let version = world.service().cqo(&clerk(), learner).await.unwrap().next_term.1;
    world.service().put_term(&clerk(), learner, None, version, days(first, last)).await.unwrap();
}

/// The terms that are noted, and after them how they came to be.
async fn noted(world: &World, learner: LearnerId) -> (Vec<String>, Vec<String>) {
    let record = world.service().cqo(&clerk(), learner).await.unwrap();
    let days = |days: Span| format!("{}..{}", days.first(), days.last());
    let edition = |edition: &TermEdition| match edition.change {
        TermChange::Added(after) => format!("+ {}", days(after)),
        TermChange::Corrected { before, after } => format!("{} > {}", days(before), days(after)),
        TermChange::Removed(before) => format!("- {}", days(before)),
    };
    (record.terms.iter().map(|term| days(term.days)).collect(), record.term_editions.iter().map(edition).collect())
}

/// Each year and how it stands, the newest first.
fn states(record: &CqoRecord) -> Vec<String> {
    record.years.iter().map(|year| format!("{:?} {}", year.standing.year(), year.state)).collect()
}

#[tokio::test]
async fn what_is_sealed_counts_by_what_it_says_in_the_end() {
    let (mut world, a) = (World::new().await, provider_a());
    let entry = study(&a, "2026-03-01", 800);
    let submitted = world.accept(&a, &[&entry]).await;
    assert_eq!(told(&world, &Actor::Operator, a.learner.id).await, "no_term 0.00/10.00 0/1");
    world.settle().await;
    assert_eq!(told(&world, &Actor::Operator, a.learner.id).await, "no_term 8.00/10.00 0/1");
    let Body::Study(_, said) = &entry.entry().body else { unreachable!() };
    let less = Study { hours: CreditHours::from_hundredths(300), ..said.clone() };
    let correction = a.sign(a.correct(&entry, commitment_of(&submitted), Some(Says::Study(less))));
    world.accept(&a, &[&correction]).await;
    world.settle().await;
    assert_eq!(told(&world, &Actor::Operator, a.learner.id).await, "no_term 3.00/10.00 0/1");
    note(&world, a.learner.id, "2025-01-01", "2027-12-31").await;
    assert_eq!(told(&world, &Actor::Operator, a.learner.id).await, "open 3.00/10.00 0/1");
    let last_year = world.service().cqo(&Actor::Operator, a.learner.id).await.unwrap().years.remove(1);
    assert_eq!((last_year.standing.year(), last_year.state), (Year::Calendar(2025), StandingState::Short));
    assert_eq!(last_year.entries, []);
}

#[tokio::test]
async fn who_may_know_how_somebody_stands() {
    let (mut world, a, b) = (World::new().await, provider_a(), provider_b());
    world.accept(&a, &[&study(&a, "2026-03-01", 800)]).await;
    world.settle().await;
    employ(&world, &a, None).await;
    employ(&world, &b, Some("2026-11-21")).await;
    let (body, other) = (authority().code, provider_b().code);
    for (actor, expected, of_b) in [
        (Actor::Public, "Unauthenticated", "Unauthenticated"),
        (a.actor(), "Forbidden", "Forbidden"),
        (person(AccountRole::Learner, &body, &[a.learner.id]), "no_term 8.00", "NotFound"),
        (person(AccountRole::Employer, &employer(), &[]), "no_term 8.00", "NotFound"),
        (person(AccountRole::Employer, &other, &[]), "NotFound", "NotFound"),
        // Nobody sees their own hours in another role than the learner's.
        (person(AccountRole::Employer, &other, &[a.learner.id]), "NotFound", "NotFound"),
        (person(AccountRole::Administrator, &body, &[]), "Forbidden", "Forbidden"),
        (person(AccountRole::Expert, &body, &[]), "Forbidden", "Forbidden"),
        (person(AccountRole::Auditor, &body, &[]), "no_term 8.00", "no_term 0.00"),
        (person(AccountRole::CompetentAuthority, &other, &[]), "no_term 8.00", "no_term 0.00"),
        (clerk(), "no_term 8.00", "no_term 0.00"),
    ] {
        let found = told(&world, &actor, a.learner.id).await;
        assert!(found.starts_with(expected), "{actor}: {found}");
        let found = told(&world, &actor, b.learner.id).await;
        assert!(found.starts_with(of_b), "{actor}: {found}");
        let listed = world.service().standings(&actor, &Filter::default(), 0, 10).await.map(|page| page.total);
        let expected = [expected, of_b].iter().filter(|text| text.starts_with("no_term")).count();
        assert!(listed.map_or_else(|error| !matches!(error, Error::NotFound(_)), |total| total == expected), "{actor}");
    }
}

#[tokio::test]
async fn an_activity_counts_once_the_body_has_confirmed_what_it_says() {
    let (mut world, a) = (World::new().await, provider_a());
    let entry = activity(&a, 6);
    let submitted = world.accept(&a, &[&entry]).await;
    world.settle().await;
    let service = world.service();
    let waiting = async |actor: &Actor| {
        let waiting = service.activities(actor, ActivityFilter::default(), 0, 10).await.unwrap();
        waiting.rows.iter().map(|one| (one.said.last, one.is_conflicted)).collect::<Vec<_>>()
    };
    let id = entry.entry().id;
    assert_eq!(waiting(&clerk()).await, [(id, false)]);
    // Of one's own, of one's own organisation's, and of whom it employs.
    employ(&world, &a, None).await;
    let b = provider_b();
    employ_as(&world, &b, json!([{"name": "杭州精密 仪器有限公司", "from": "2020-01-01"}])).await;
    for conflicted in [
        person(AccountRole::Clerk, &authority().code, &[b.learner.id]),
        person(AccountRole::Clerk, &authority().code, &[a.learner.id]),
        person(AccountRole::Supervisor, &a.code, &[]),
        person(AccountRole::Clerk, &employer(), &[]),
    ] {
        assert_eq!(waiting(&conflicted).await, [(id, true)]);
        let refused = service.confirm_activity(&conflicted, id).await;
        assert!(matches!(refused, Err(Error::ConflictOfInterest(_))), "{conflicted}: {refused:?}");
    }
    let auditor = person(AccountRole::Auditor, &authority().code, &[]);
    assert!(matches!(service.confirm_activity(&auditor, id).await, Err(Error::Forbidden)));
    let unknown: EntryId = new_id();
    assert!(matches!(service.confirm_activity(&clerk(), unknown).await, Err(Error::NotFound("entry"))));
    assert_eq!(told(&world, &clerk(), a.learner.id).await, "no_term 0.00/10.00 0/1");
    for _ in 0..2 {
        service.confirm_activity(&clerk(), id).await.unwrap();
        assert_eq!(told(&world, &clerk(), a.learner.id).await, "no_term 0.00/10.00 1/1");
    }
    assert_eq!(waiting(&clerk()).await, []);
    // What was confirmed was another number of people.
    let mut correction = a.correct(&entry, commitment_of(&submitted), Some(Says::Activity(held(9))));
    if let Body::Correction(_, correction) = &mut correction.body {
        correction.reason = CorrectionReason::ALL[0];
    }
    let correction = a.sign(correction);
    world.accept(&a, &[&correction]).await;
    world.settle().await;
    assert_eq!(told(&world, &clerk(), a.learner.id).await, "no_term 0.00/10.00 0/1");
    assert_eq!(waiting(&clerk()).await, [(correction.entry().id, false)]);
    // Who read it before it was corrected has not seen what it says.
    let unseen = service.confirm_activity(&clerk(), id).await;
    assert!(matches!(unseen, Err(Error::Conflict(_))), "{unseen:?}");
    assert_eq!(told(&world, &clerk(), a.learner.id).await, "no_term 0.00/10.00 0/1");
    service.confirm_activity(&clerk(), correction.entry().id).await.unwrap();
    assert_eq!(told(&world, &clerk(), a.learner.id).await, "no_term 0.00/10.00 1/1");
}

#[tokio::test]
async fn what_the_body_accepted_itself_needs_no_other_word() {
    let (mut world, a, body) = (World::recording().await, provider_a(), certifying_body());
    let reviewed = Activity { reviewed_by: Some(crate::ledger::entry::Reviewer::Clerk), ..held(6) };
    let entry = body.sign(body.entry(Body::Activity(a.learner.clone(), reviewed)));
    let submitted = world.submit(&body.actor(), &[&entry]).await.unwrap();
    assert_eq!(outcomes(&submitted), "A", "{:?}", submitted.results);
    world.settle().await;
    assert_eq!(told(&world, &clerk(), a.learner.id).await, "no_term 0.00/10.00 1/1");
    assert_eq!(waiting_of(&world, ActivityFilter::default(), 0).await.1, []);
}

#[tokio::test]
async fn what_was_voided_is_told_with_its_reason_and_counts_nothing() {
    let (mut world, a) = (World::new().await, provider_a());
    let entry = study(&a, "2025-03-01", 800);
    let submitted = world.accept(&a, &[&entry]).await;
    world.settle().await;
    let mut correction = a.correct(&entry, commitment_of(&submitted), None);
    if let Body::Correction(_, correction) = &mut correction.body {
        correction.reason = CorrectionReason::NotAttended;
    }
    let correction = a.sign(correction);
    world.accept(&a, &[&correction]).await;
    world.settle().await;
    let record = world.service().cqo(&Actor::Operator, a.learner.id).await.unwrap();
    let year = record.years.last().unwrap();
    assert_eq!((year.standing.year(), &year.entries[..]), (Year::Calendar(2025), &[][..]));
    let [voided] = &year.voided[..] else { panic!("{:?}", year.voided) };
    assert_eq!((voided.said.entry, voided.said.last), (entry.entry().id, correction.entry().id));
    assert_eq!(voided.reason, CorrectionReason::NotAttended);
    assert_eq!(year.standing.hours.counted, CreditHours::ZERO);
}

/// What cannot be read of one keeps nobody else from being looked at.
#[tokio::test]
async fn one_damaged_learner_is_left_out_and_counted() {
    let (world, a, b) = (World::new().await, provider_a(), provider_b());
    let (service, id) = (world.service(), a.learner.id);
    let plain = b"no JSON";
    let tail = service.vault.encrypt(id.into(), &[b"term ".as_slice(), id.uuid().as_bytes()].concat(), plain).unwrap();
    let row = crate::store::WithTail { head: (), tail };
    const OF_SCHEMA_1: crate::store::Table<Uuid, crate::store::WithTail<()>> = crate::store::Table::new(27, "terms");
    let commit = crate::store::Commit::new(service.event(&clerk(), "put_term", id.to_string()));
    service.store.commit(commit.write(OF_SCHEMA_1.put(&id.uuid(), &row).unwrap())).await.unwrap();
    let all = service.standings(&clerk(), &Filter::default(), 0, 10).await.unwrap();
    assert_eq!((all.total, all.unreadable, all.rows[0].cqo.name.clone()), (1, 1, b.learner.name));
    assert_eq!(service.activities(&clerk(), ActivityFilter::default(), 0, 10).await.unwrap().rows, []);
    assert!(service.cqo(&clerk(), id).await.is_err());
}

#[tokio::test]
async fn everybody_whom_somebody_serves_now_is_told() {
    let (world, a) = (World::new().await, provider_a());
    let other = provider_b().code;
    employ_as(
        &world,
        &a,
        json!([
            {"name": "杭州精密仪器有限公司", "code": EMPLOYER, "from": "2020-01-01"},
            {"name": "另一家", "code": other, "from": "2024-01-01"},
            {"name": "以前的", "code": a.code, "from": "2019-01-01", "to": "2019-12-31"},
        ]),
    )
    .await;
    for (organisation, expected) in [(employer(), "no_term"), (other, "no_term"), (a.code.clone(), "NotFound")] {
        let found = told(&world, &person(AccountRole::Employer, &organisation, &[]), a.learner.id).await;
        assert!(found.starts_with(expected), "{organisation}: {found}");
        let filter = Filter { employer: Some(organisation.to_string()), ..Filter::default() };
        let listed = world.service().standings(&clerk(), &filter, 0, 10).await.unwrap().total;
        assert_eq!(listed, usize::from(expected == "no_term"), "{organisation}");
    }
}

#[tokio::test]
async fn years_go_back_to_the_first_record() {
    let (mut world, a) = (World::new().await, provider_a());
    world.accept(&a, &[&study(&a, "2024-12-31", 100), &study(&a, "2026-01-01", 200)]).await;
    world.settle().await;
    let record = world.service().cqo(&Actor::Operator, a.learner.id).await.unwrap();
    let years: Vec<_> =
        record.years.iter().map(|year| (year.standing.year(), year.state, year.entries.len())).collect();
    assert_eq!(
        years,
        [
            (Year::Calendar(2026), StandingState::NoTerm, 1),
            (Year::Calendar(2025), StandingState::NoTerm, 0),
            (Year::Calendar(2024), StandingState::NoTerm, 1)
        ]
    );
    assert_eq!(record.cqo.name, a.learner.name);
    assert_eq!(record.cqo.providers, [a.code]);
}

#[tokio::test]
async fn learners_of_one_account_are_one_person() {
    let (mut world, a, b) = (World::new().await, provider_a(), provider_b());
    world.accept(&a, &[&study(&a, "2026-03-01", 500)]).await;
    world.accept(&b, &[&study(&b, "2026-03-01", 500)]).await;
    world.settle().await;
    let grants = json!([{"role": "learner", "organisation": authority().code}]);
    let invitation =
        json!({"login": "zhang", "name": "张伟", "grants": grants, "learners": [a.learner.id, b.learner.id]});
    world.service().invite(&Actor::Operator, crate::service::accounts::Again::default(), invitation).await.unwrap();
    for learner in [&a.learner, &b.learner] {
        // Of one day eight hours count, whoever recorded them.
        assert_eq!(told(&world, &clerk(), learner.id).await, "no_term 8.00/10.00 0/1");
    }
    let all = world.service().standings(&clerk(), &Filter::default(), 0, 10).await.unwrap();
    assert_eq!((all.total, all.rows[0].cqo.learners.len(), all.rows[0].cqo.providers.len()), (1, 2, 2));
    world.service().erase_learners(&Actor::Operator, json!({"learners": [a.learner.id]})).await.unwrap();
    assert_eq!(told(&world, &clerk(), b.learner.id).await, "no_term 5.00/10.00 0/1");
    let all = world.service().standings(&clerk(), &Filter::default(), 0, 10).await.unwrap();
    assert_eq!((all.total, all.rows[0].cqo.name.clone()), (1, b.learner.name));
}

#[tokio::test]
async fn the_overview_counts_all_and_shows_a_page() {
    let (mut world, a, b) = (World::new().await, provider_a(), provider_b());
    let entries = [study(&a, "2026-03-01", 800), study(&a, "2026-03-02", 800), activity(&a, 5)];
    world.accept(&a, &entries.each_ref()).await;
    world.accept(&b, &[&study(&b, "2026-03-01", 950)]).await;
    world.settle().await;
    world.service().confirm_activity(&clerk(), entries[2].entry().id).await.unwrap();
    employ(&world, &a, None).await;
    let unregistered = world.service().standings(&clerk(), &Filter::default(), 0, 10).await.unwrap();
    assert_eq!(unregistered.states, StateCounts { no_term: 2, ..StateCounts::default() });
    assert!(unregistered.rows.iter().all(|row| !row.has_term));
    for learner in [a.learner.id, b.learner.id] {
        note(&world, learner, "2025-01-01", "2027-12-31").await;
    }
    let names = |page: &Overview| page.rows.iter().map(|row| row.cqo.name.clone()).collect::<Vec<_>>();
    let ask =
        async |filter: Filter, skip, limit| world.service().standings(&clerk(), &filter, skip, limit).await.unwrap();
    let all = ask(Filter::default(), 0, 10).await;
    assert_eq!((all.year, all.total, names(&all)), (2026, 2, vec![b.learner.name.clone(), a.learner.name.clone()]));
    assert_eq!(all.states, StateCounts { open: 1, met: 1, ..StateCounts::default() });
    assert_eq!(all.organisations.len(), 2);
    let page = ask(Filter::default(), 1, 1).await;
    assert_eq!((page.total, names(&page)), (2, vec![a.learner.name.clone()]));
    let beyond = ask(Filter::default(), 50, 1).await;
    assert_eq!(names(&beyond), std::slice::from_ref(&a.learner.name));
    let met = ask(Filter { state: Some(StandingState::Met), ..Filter::default() }, 0, 10).await;
    assert_eq!((met.total, names(&met), met.states), (1, vec![a.learner.name.clone()], all.states));
    let employed = ask(Filter { employer: Some(EMPLOYER.into()), ..Filter::default() }, 0, 10).await;
    assert_eq!((employed.total, employed.organisations[0].code.clone()), (1, Some(employer())));
    let named = ask(Filter { name: Some("王".into()), ..Filter::default() }, 0, 10).await;
    assert_eq!(names(&named), [b.learner.name]);
    let last_year = ask(Filter { year: Some(2025), ..Filter::default() }, 0, 10).await;
    assert_eq!((last_year.states.short, last_year.total), (2, 2));
    let unheard = world.service().standings(&clerk(), &Filter { year: Some(3000), ..Filter::default() }, 0, 1).await;
    assert_eq!(fields_of(&unheard.unwrap_err()), ["year"]);
}

/// `cargo test --release --lib service::standing -- --ignored --nocapture`; `LEARNERS` for another number of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement, not a test"]
async fn looking_over_a_province() {
    const PER_LEARNER: usize = 8;
    let learners: usize = std::env::var("LEARNERS").map_or(25_000, |text| text.parse().unwrap());
    let (mut world, a) = (World::new().await, provider_a());
    let ids: Vec<LearnerId> = (0..learners).map(|_| LearnerId::try_from(Uuid::now_v7()).unwrap()).collect();
    for some in ids.chunks(1_000) {
        let employers = json!([{"name": "杭州精密仪器有限公司", "code": EMPLOYER, "from": "2020-01-01"}]);
        let drafts = some.iter().map(|id| json!({"id": id, "name": "张伟", "employers": employers}));
        world.service().register_learners(&a.actor(), drafts.collect()).await.unwrap();
    }
    for some in ids.chunks(100) {
        let entries: Vec<SignedEntry> = some
            .iter()
            .flat_map(|id| (0..PER_LEARNER).map(move |_| *id))
            .map(|id| {
                let mut entry = a.study();
                if let Body::Study(learner, _) = &mut entry.body {
                    (learner.id, learner.name) = (id, "张伟".into());
                }
                a.sign(entry)
            })
            .collect();
        world.submit(&a.actor(), &entries.iter().collect::<Vec<_>>()).await.unwrap();
        while world.seal().await.unwrap().is_some() {}
    }
    for what in ["read and counted", "counted again"] {
        let started = std::time::Instant::now();
        let page = world.service().standings(&clerk(), &Filter::default(), 0, 50).await.unwrap();
        println!("{} CQOs of {PER_LEARNER} entries {what} in {:?}", page.states.total(), started.elapsed());
    }
    let started = std::time::Instant::now();
    let sheet = world.service().standings_sheet(&clerk(), &Filter::default()).await.unwrap();
    println!("a sheet of {} bytes in {:?}", sheet.len(), started.elapsed());
}

/// How many there are in all, and the ids of the page after so many.
async fn waiting_of(world: &World, filter: ActivityFilter, skip: usize) -> (usize, Vec<EntryId>) {
    let page = world.service().activities(&clerk(), filter, skip, 2).await.unwrap();
    (page.total, page.rows.iter().map(|one| one.said.last).collect())
}

#[tokio::test]
async fn what_waits_is_read_page_by_page_and_what_is_declined_is_told_and_taken_back() {
    let (mut world, a) = (World::new().await, provider_a());
    let entries: Vec<_> = (0..3).map(|_| activity(&a, 6)).collect();
    for entry in &entries {
        world.accept(&a, &[entry]).await;
        world.settle().await;
    }
    let ids: Vec<EntryId> = entries.iter().map(|entry| entry.entry().id).collect();
    let all = ActivityFilter::default();
    let declined = ActivityFilter { declined: true, ..all };
    let year = world.service().activities(&clerk(), all, 0, 2).await.unwrap().years;
    assert_eq!(year.len(), 1);
    for (filter, skip, expected) in [
        (all, 0, (3, ids[..2].to_vec())),
        (all, 2, (3, ids[2..].to_vec())),
        (all, 9, (3, ids[2..].to_vec())),
        (ActivityFilter { year: Some(year[0]), ..all }, 2, (3, ids[2..].to_vec())),
        (ActivityFilter { year: Some(year[0] - 1), ..all }, 0, (0, vec![])),
        (declined, 0, (0, vec![])),
    ] {
        assert_eq!(waiting_of(&world, filter, skip).await, expected, "{filter:?} {skip}");
    }
    let reason = |text: &str| json!({"reason": text});
    let service = world.service();
    assert_eq!(fields_of(&service.decline_activity(&clerk(), ids[0], reason("")).await.unwrap_err()), ["reason"]);
    let own = person(AccountRole::Clerk, &authority().code, &[a.learner.id]);
    let refused = service.decline_activity(&own, ids[0], reason("照片不清")).await;
    assert!(matches!(refused, Err(Error::ConflictOfInterest(_))), "{refused:?}");
    service.decline_activity(&clerk(), ids[0], reason("照片不清")).await.unwrap();
    for again in [
        service.decline_activity(&clerk(), ids[0], reason("x")).await,
        service.confirm_activity(&clerk(), ids[0]).await,
    ] {
        assert!(matches!(again, Err(Error::Conflict(_))), "{again:?}");
    }
    drop(service);
    world.reopen().await.unwrap();
    assert_eq!(waiting_of(&world, all, 0).await.0, 2);
    assert_eq!(waiting_of(&world, declined, 0).await, (1, vec![ids[0]]));
    let service = world.service();
    let learner = person(AccountRole::Learner, &a.code, &[a.learner.id]);
    let entries = service.standing(&learner, a.learner.id).await.unwrap().entries;
    let told = entries.iter().find(|said| said.last == ids[0]).unwrap();
    assert_eq!(told.declined.as_deref(), Some("照片不清"));
    let raw = super::super::tables::DECLINED.get(&*service.store, &ids[0].uuid()).await.unwrap().unwrap().value;
    assert!(!String::from_utf8_lossy(&raw.tail).contains("照片"));
    service.undo_decline(&clerk(), ids[0]).await.unwrap();
    assert!(matches!(service.undo_decline(&clerk(), ids[0]).await, Err(Error::Conflict(_))));
    assert_eq!(waiting_of(&world, all, 0).await.0, 3);
    service.confirm_activity(&clerk(), ids[0]).await.unwrap();
    assert_eq!(waiting_of(&world, all, 0).await.0, 2);
}
