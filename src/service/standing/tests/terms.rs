//! The validity of level certificates: one after the other, corrected, of several learners, and what a shortfall leaves.

use super::*;

#[tokio::test]
async fn a_term_prorates_its_years_and_is_under_the_learners_key() {
    let (mut world, a) = (World::new().await, provider_a());
    let (service, id) = (world.service(), a.learner.id);
    for (input, field) in [
        (days("2026-07-02", "2026-07-01"), "last_day"),
        (days("2026-07-02", "2026-02-30"), "last_day"),
        (json!({"first_day": "2026-07-02"}), "last_day"),
        (json!({"first_day": "2026-07-02", "last_day": "2027-07-01", "level": "3A"}), "level"),
    ] {
        let error = service.put_term(&clerk(), id, None, 0, input).await.unwrap_err();
        assert_eq!(fields_of(&error), [field]);
    }
    let learner = person(AccountRole::Learner, &a.code, &[id]);
    assert!(matches!(service.put_term(&learner, id, None, 0, Value::Null).await, Err(Error::Forbidden)));
    assert!(matches!(service.put_term(&clerk(), id, None, 0, Value::Null).await, Err(Error::NotFound("term"))));
    note(&world, id, "2026-07-02", "2029-07-01").await;
    assert_eq!(told(&world, &learner, id).await, "open 0.00/5.50 0/1");
    let [term] = service.cqo(&learner, id).await.unwrap().terms[..] else { panic!("there is one") };
    let stale = service.put_term(&clerk(), id, Some(1), 0, days("2026-07-03", "2029-07-02")).await;
    assert!(matches!(stale, Err(Error::Conflict(_))));
    service.put_term(&clerk(), id, Some(1), term.version, days("2026-07-03", "2029-07-02")).await.unwrap();
    assert_eq!(told(&world, &learner, id).await, "open 0.00/5.00 0/0");
    let row = crate::service::tables::TERMS.get(&*service.store, &id.uuid()).await.unwrap().unwrap();
    assert!(!String::from_utf8_lossy(&row.value.tail).contains("2026"));
    drop(service);
    world.reopen().await.unwrap();
    assert_eq!(told(&world, &learner, id).await, "open 0.00/5.00 0/0");
    world.service().erase_learners(&Actor::Operator, json!({"learners": [id.to_string()]})).await.unwrap();
    assert_eq!(told(&world, &clerk(), id).await, "Erased");
    assert_eq!(world.service().standings(&clerk(), &Filter::default(), 0, 10).await.unwrap().total, 1);
}

/// Certified again, somebody's history stays what it was.
#[tokio::test]
async fn one_term_follows_the_other_and_every_change_is_to_be_seen() {
    let (mut world, a) = (World::new().await, provider_a());
    let id = a.learner.id;
    note(&world, id, "2023-07-03", "2026-07-02").await;
    let before = ["Calendar(2026) open", "Calendar(2025) short", "Calendar(2024) short", "Calendar(2023) short"];
    let record = world.service().cqo(&clerk(), id).await.unwrap();
    // The certificate ended in July, and with it the year.
    assert_eq!(states(&record)[1..], before[1..]);
    assert_eq!(
        (record.years[0].state, record.years[0].standing.hours.required.to_string()),
        (StandingState::Short, "5.50".into())
    );
    note(&world, id, "2026-07-03", "2029-07-02").await;
    let record = world.service().cqo(&clerk(), id).await.unwrap();
    assert_eq!(states(&record), before);
    assert_eq!(record.years[0].standing.hours.required.to_string(), "10.00");
    let service = world.service();
    let version = record.next_term.1;
    for (number, first, last) in
        [(None, "2026-07-02", "2026-07-02"), (None, "2020-01-01", "2030-01-01"), (Some(1), "2023-07-03", "2026-07-03")]
    {
        let refused = service.put_term(&clerk(), id, number, version, days(first, last)).await;
        assert_eq!(fields_of(&refused.unwrap_err()), ["first_day"], "{first}");
    }
    let nothing = service.put_term(&clerk(), id, Some(3), version, days("2035-01-01", "2035-01-01")).await;
    assert!(matches!(nothing, Err(Error::NotFound("term"))), "{nothing:?}");
    // Ended before its time; the same again is no change; and one that never was.
    service.put_term(&clerk(), id, Some(1), version, days("2023-07-03", "2025-12-31")).await.unwrap();
    let version = service.cqo(&clerk(), id).await.unwrap().next_term.1;
    service.put_term(&clerk(), id, Some(1), version, days("2023-07-03", "2025-12-31")).await.unwrap();
    service.put_term(&clerk(), id, Some(2), version, Value::Null).await.unwrap();
    drop(service);
    world.reopen().await.unwrap();
    let (terms, editions) = noted(&world, id).await;
    assert_eq!(terms, ["2023-07-03..2025-12-31"]);
    assert_eq!(
        editions,
        [
            "- 2026-07-03..2029-07-02",
            "2023-07-03..2026-07-02 > 2023-07-03..2025-12-31",
            "+ 2026-07-03..2029-07-02",
            "+ 2023-07-03..2026-07-02"
        ]
    );
    let events = world.service().store.events(1, 1_000).await.unwrap();
    let put: Vec<_> = events.iter().map(|record| &record.event).filter(|event| event.action == "put_term").collect();
    let subjects: Vec<&str> = put.iter().map(|event| event.subject.split_once(": ").unwrap().1).collect();
    assert_eq!(subjects, ["term added", "term added", "term 1 corrected", "term 2 removed"]);
    assert!(put.iter().all(|event| event.digest.is_some() && !event.subject.contains("2026-0")));
}

#[tokio::test]
async fn a_term_that_was_noted_when_there_was_but_one_is_read() {
    let (world, a) = (World::new().await, provider_a());
    let (service, id) = (world.service(), a.learner.id);
    let plain = br#"{"first_day":"2023-07-03","last_day":"2026-07-02"}"#;
    let tail = service.vault.encrypt(id.into(), &[b"term ".as_slice(), id.uuid().as_bytes()].concat(), plain).unwrap();
    const OF_SCHEMA_1: crate::store::Table<Uuid, crate::store::WithTail<()>> = crate::store::Table::new(27, "terms");
    let row = OF_SCHEMA_1.put(&id.uuid(), &crate::store::WithTail { head: (), tail }).unwrap();
    service
        .store
        .commit(crate::store::Commit::new(service.event(&clerk(), "put_term", id.to_string())).write(row))
        .await
        .unwrap();
    assert_eq!(noted(&world, id).await, (vec!["2023-07-03..2026-07-02".to_owned()], vec![]));
    note(&world, id, "2026-07-03", "2029-07-02").await;
    let terms = ["2023-07-03..2026-07-02", "2026-07-03..2029-07-02"].map(str::to_owned).to_vec();
    assert_eq!(noted(&world, id).await, (terms, vec!["+ 2026-07-03..2029-07-02".to_owned()]));
}

#[tokio::test]
async fn terms_of_all_learners_of_a_person_count_together() {
    let (world, a, b) = (World::new().await, provider_a(), provider_b());
    note(&world, a.learner.id, "2023-07-03", "2026-07-02").await;
    note(&world, b.learner.id, "2026-01-01", "2028-12-31").await;
    assert_eq!(told(&world, &clerk(), b.learner.id).await, "open 0.00/10.00 0/1");
    let grants = json!([{"role": "learner", "organisation": authority().code}]);
    let invitation =
        json!({"login": "zhang", "name": "张伟", "grants": grants, "learners": [a.learner.id, b.learner.id]});
    world.service().invite(&Actor::Operator, Again::default(), invitation).await.unwrap();
    for learner in [a.learner.id, b.learner.id] {
        let record = world.service().cqo(&clerk(), learner).await.unwrap();
        assert_eq!((record.terms.len(), record.next_term.0), (2, b.learner.id));
        assert_eq!(states(&record).last().unwrap(), "Calendar(2023) short");
    }
    let refused = world.service().put_term(&clerk(), b.learner.id, None, 0, days("2024-01-01", "2024-01-01")).await;
    assert!(refused.is_err(), "it lies in a term that is noted under the other name");
}

#[tokio::test]
async fn what_a_shortfall_leaves_to_be_made_up() {
    let (mut world, a) = (World::new().await, provider_a());
    let id = a.learner.id;
    let more = (1..=3).map(|day| study(&a, &format!("2026-03-0{day}"), 800));
    let entries: Vec<SignedEntry> = std::iter::once(study(&a, "2025-03-01", 800)).chain(more).collect();
    world.accept(&a, &entries.iter().collect::<Vec<_>>()).await;
    world.settle().await;
    assert_eq!(world.service().short_years(&clerk(), id).await.unwrap(), [], "no certificate, nothing due");
    note(&world, id, "2025-01-01", "2027-12-31").await;
    let learner = person(AccountRole::Learner, &a.code, &[id]);
    let short = world.service().short_years(&learner, id).await.unwrap();
    let [year] = &short[..] else { panic!("{short:?}") };
    assert_eq!((year.missing.hours.to_string(), year.missing.activities), ("2.00".into(), 1));
    assert_eq!((year.left.hours.to_string(), year.left.activities, year.blocks()), ("0.00".into(), 1, true));
    let record = world.service().cqo(&learner, id).await.unwrap();
    assert_eq!((record.years[1].state, &record.short), (StandingState::Short, &short));
    let overview = world.service().standings(&clerk(), &Filter::default(), 0, 10).await.unwrap();
    let blocking: Vec<usize> = overview.rows.iter().map(|row| row.blocking.len()).collect();
    assert_eq!(blocking, [1, 0], "of this year nothing but the activity is missing; the year before stands in the way");
    let nobody = person(AccountRole::Learner, &a.code, &[provider_b().learner.id]);
    assert!(matches!(world.service().short_years(&nobody, id).await, Err(Error::NotFound(_))));
}

/// Those who decide about a term are held to what those are who review.
#[tokio::test]
async fn nobody_notes_the_term_of_themselves_or_a_colleague() {
    let (world, a, b) = (World::new().await, provider_a(), provider_b());
    let (service, id, body) = (world.service(), a.learner.id, authority().code);
    employ(&world, &a, None).await;
    employ_as(&world, &b, json!([{"name": "杭州精密仪器有限公司", "from": "2020-01-01"}])).await;
    use ReviewConflict::{OwnClaim, OwnOrganisation};
    for (actor, why) in [
        (person(AccountRole::Clerk, &body, &[id]), Some(OwnClaim)),
        (person(AccountRole::Clerk, &employer(), &[]), Some(OwnOrganisation)),
        (person(AccountRole::Clerk, &body, &[b.learner.id]), Some(OwnOrganisation)),
        (clerk(), None),
    ] {
        assert_eq!(service.cqo(&actor, id).await.unwrap().conflict, why, "{actor}");
        let noted = service.put_term(&actor, id, None, 0, days("2026-07-02", "2029-07-01")).await;
        match why {
            Some(why) => assert!(matches!(noted, Err(Error::ConflictOfInterest(found)) if found == why), "{actor}"),
            None => assert!(noted.is_ok(), "{noted:?}"),
        }
    }
}
