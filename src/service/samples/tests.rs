//! What a sample is drawn from, when it is drawn, and that a stranger draws the same.

use serde_json::json;

use super::super::AccountRole;
use super::super::testing::*;
use super::*;
use crate::ledger::entry::{Activity, Body};
use crate::ledger::signed::SignedEntry;

fn asked(year: i16, size: usize) -> Value {
    json!({"year": year, "size": size})
}

/// Seals a block of one entry.
async fn seal_one(world: &mut World) -> SignedEntry {
    let a = provider_a();
    let entry = a.signed_study();
    world.accept(&a, &[&entry]).await;
    world.seal().await.unwrap().unwrap();
    entry
}

async fn population(service: &Service, id: SampleId) -> Vec<Commitment> {
    let (mut all, mut part) = (Vec::new(), 0);
    while let Some(some) = service.sample_population(id, part).await.unwrap() {
        all.extend(some);
        part += 1;
    }
    all
}

/// FORMATS section 18, straight from the text.
fn drawn_by_hand(block: &str, members: &[Commitment], size: usize) -> Vec<Hash> {
    let seed = Hash::of(&[block.as_bytes()]);
    let rank = |member: &Commitment| {
        Hash::of(&[b"cqo-ledger/sample/v1\n", seed.as_bytes().as_slice(), member.hash().as_bytes()])
    };
    let mut ranked: Vec<(Hash, Hash)> = members.iter().map(|member| (rank(member), *member.hash())).collect();
    ranked.sort();
    ranked.into_iter().take(size).map(|(_, member)| member).collect()
}

#[tokio::test]
async fn a_sample_is_drawn_by_a_block_that_was_not_there_and_a_stranger_draws_the_same() {
    let mut world = World::new().await;
    for _ in 0..5 {
        seal_one(&mut world).await;
    }
    let supervisor = person(AccountRole::Supervisor, &[]);
    let service = world.service();
    let Sample { id, head } = service.announce_sample(&supervisor, asked(2026, 2)).await.unwrap();
    let tip = service.published().height();
    assert_eq!((head.tip, head.height, head.count, head.result), (tip, tip + 2, 5, None));
    let members = population(&service, id).await;
    assert_eq!(members.iter().copied().collect::<Members>().digest(), head.digest);
    drop(service);
    for _ in 0..2 {
        let service = world.service();
        service.draw_due_samples().await.unwrap();
        assert_eq!(service.sample(id).unwrap().head.result, None, "the block is not there");
        assert_eq!(service.drawn_entries(&supervisor, id).await.unwrap(), []);
        drop(service);
        seal_one(&mut world).await;
        // Neither a restart nor what is sealed meanwhile changes what was announced.
        world.reopen().await.unwrap();
    }
    let service = world.service();
    service.draw_due_samples().await.unwrap();
    let result = service.sample(id).unwrap().head.result.unwrap();
    let block = service.block_texts(head.height, 1).await.unwrap().pop().unwrap();
    assert_eq!(result.members, drawn_by_hand(&block, &members, 2));
    assert_eq!(result.seed, Hash::of(&[block.as_bytes()]));
    service.draw_due_samples().await.unwrap();
    assert_eq!(service.sample(id).unwrap().head.result, Some(result.clone()), "it is drawn once");
    let drawn = service.drawn_entries(&person(AccountRole::Auditor, &[]), id).await.unwrap();
    let seen: Vec<Hash> = drawn.iter().map(|entry| *entry.member.hash()).collect();
    assert_eq!(seen, result.members);
    assert!(drawn.iter().all(|entry| entry.name.as_deref() == Some("张伟") && entry.position.height > 0));
    assert!(service.drawn_entries(&Actor::Public, id).await.is_err());
    drop(service);
    world.reopen().await.unwrap();
    assert_eq!(world.service().list_samples()[0].head.result, Some(result));
}

/// A damaged population keeps no other sample from being drawn, and parts that a crash left are taken away.
#[tokio::test]
async fn one_that_cannot_be_drawn_keeps_no_other_back_and_orphans_are_cleared() {
    let mut world = World::new().await;
    seal_one(&mut world).await;
    let supervisor = person(AccountRole::Supervisor, &[]);
    let service = world.service();
    let first = service.announce_sample(&supervisor, asked(2026, 1)).await.unwrap().id;
    let second = service.announce_sample(&supervisor, asked(2026, 1)).await.unwrap().id;
    let orphan = Uuid::now_v7();
    let part = |member: u8| WithTail { head: None, tail: vec![member; 32] };
    let event = || service.event(&supervisor, "keep_population", orphan.to_string());
    let damage = Commit::new(event()).write(SAMPLES.put(&(first.uuid(), HEAD + 1), &part(1)).unwrap());
    service.store.commit(damage).await.unwrap();
    for number in 1..=2 {
        let commit = Commit::new(event()).write(SAMPLES.put(&(orphan, number), &part(2)).unwrap());
        service.store.commit(commit).await.unwrap();
    }
    drop(service);
    world.reopen().await.unwrap();
    for _ in 0..2 {
        seal_one(&mut world).await;
    }
    let service = world.service();
    assert_eq!(service.list_samples().len(), 2, "the orphan is no sample");
    assert!(service.draw_due_samples().await.is_err());
    assert_eq!(service.sample(first).unwrap().head.result, None);
    assert!(service.sample(second).unwrap().head.result.is_some());
    let left = SAMPLES.scan(&*service.store, SAMPLES.prefix(&orphan), 10).await.unwrap();
    assert!(left.is_empty(), "{} parts are left", left.len());
    assert!(service.sample_population(second, 0).await.unwrap().is_some());
}

#[tokio::test]
async fn the_population_is_what_counts_of_that_kind_in_blocks_of_that_year() {
    let mut world = World::new().await;
    let (a, b) = (provider_a(), provider_b());
    let activity = Activity {
        topic: "质量月培训".into(),
        date: "2026-11-20".parse().unwrap(),
        attendees: 30,
        attendees_digest: Hash::of(&[b"list"]),
        evidence: Vec::new(),
        reviewed_by: None,
    };
    let held = a.sign(a.entry(Body::Activity(a.learner.clone(), activity)));
    let (voided, superseded, of_erased) = (a.signed_study(), a.signed_study(), b.signed_study());
    let mut commitments = Vec::new();
    for (party, entry) in [(&a, &held), (&a, &voided), (&a, &superseded), (&b, &of_erased)] {
        commitments.push(commitment_of(&world.accept(party, &[entry]).await));
    }
    world.seal().await.unwrap().unwrap();
    let replacement = superseded.entry().record();
    let void = a.sign(a.correct(&voided, commitments[1], None));
    let supersede = a.sign(a.correct(&superseded, commitments[2], replacement));
    world.accept(&a, &[&void, &supersede]).await;
    let members = async |world: &World, year, kind| {
        let population = world.service().population(year, kind).await.unwrap();
        population.members.iter().map(|member| *member.hash()).collect::<std::collections::BTreeSet<Hash>>()
    };
    let set = |which: &[usize]| which.iter().map(|i| commitments[*i]).collect::<std::collections::BTreeSet<Hash>>();
    // Corrections count once they are sealed.
    assert_eq!(members(&world, 2026, SampleKind::All).await, set(&[0, 1, 2, 3]));
    world.seal().await.unwrap().unwrap();
    let erasure = json!({"learners": [b.learner.id.to_string()]});
    world.service().erase_learners(&Actor::Operator, erasure).await.unwrap();
    assert_eq!(members(&world, 2026, SampleKind::All).await, set(&[0, 2]));
    assert_eq!(members(&world, 2026, SampleKind::Study).await, set(&[2]));
    assert_eq!(members(&world, 2026, SampleKind::Activity).await, set(&[0]));
    for year in [1900, 2025, 2027, 2199] {
        assert_eq!(members(&world, year, SampleKind::All).await, set(&[]), "{year}");
    }
    // 2026-12-31T16:00Z is the first moment of 2027 in UTC+8.
    let new_year = "2026-12-31T16:00:00.000Z".parse::<UnixMillis>().unwrap().millis();
    for (until, in_2026, in_2027) in [(new_year - 1, 3, 0), (new_year, 3, 1)] {
        let now = super::super::clock::Clock::now(&*world.clock).millis();
        world.clock.advance(until - now);
        seal_one(&mut world).await;
        let sizes =
            [members(&world, 2026, SampleKind::All).await.len(), members(&world, 2027, SampleKind::All).await.len()];
        assert_eq!(sizes, [in_2026, in_2027]);
    }
}

#[tokio::test]
async fn who_announces_what_and_what_is_refused_by_field() {
    let mut world = World::new().await;
    seal_one(&mut world).await;
    let service = world.service();
    for role in AccountRole::ALL.iter().filter(|role| **role != AccountRole::Supervisor) {
        let outcome = service.announce_sample(&person(*role, &[]), asked(2026, 1)).await;
        assert!(matches!(outcome, Err(Error::Forbidden)), "{role}");
    }
    let supervisor = person(AccountRole::Supervisor, &[]);
    for (input, field) in [
        (asked(2025, 1), "year"),
        (asked(3000, 1), "year"),
        (asked(2026, 0), "size"),
        (asked(2026, MAX_SAMPLE + 1), "size"),
        (json!({"year": 2026, "size": 1, "kind": "both"}), "kind"),
        (json!({"year": 2026, "size": 1, "blocks_ahead": 1}), "blocks_ahead"),
        (json!({"year": 2026, "size": 1, "seed": 1}), "seed"),
    ] {
        let error = service.announce_sample(&supervisor, input.clone()).await.unwrap_err();
        assert_eq!(fields_of(&error), [field], "{input}");
    }
    let missing = SampleId::try_from(Uuid::now_v7()).unwrap();
    assert!(matches!(service.sample(missing), Err(Error::NotFound("sample"))));
    assert_eq!(service.list_samples(), []);
}
