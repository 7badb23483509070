//! What becomes of a submission: places, receipts, duplicates and conflicts, corrections, keys, limits.

use std::sync::Arc;

use serde_json::json;

use super::super::testing::*;
use super::super::{Actor, Error, MAX_SUBMISSION, Service};
use crate::ledger::entry::{Body, Kind, Record};
use crate::ledger::receipt::SignedReceipt;
use crate::ledger::signed::SignedEntry;
use crate::standard::UnixMillis;

const MINUTE: i64 = 60_000;

#[tokio::test]
async fn the_same_entry_has_the_same_receipt_and_any_other_under_its_id_is_a_conflict() {
    let mut world = World::new().await;
    let a = provider_a();
    let entry = a.signed_study();
    let first = world.accept(&a, &[&entry]).await;
    assert_eq!(first.receipts.len(), 1);
    let mut other = entry.entry().clone();
    if let Body::Study(_, study) = &mut other.body {
        study.completes = false;
    }
    let other = a.sign(other);
    let fresh = a.signed_study();
    for sealed in [false, true] {
        world.clock.advance(MINUTE);
        let again = world.submit(&a.actor(), &[&entry]).await.unwrap();
        assert_eq!(outcomes(&again), "D");
        assert_eq!(receipt_bytes(&again.receipts[0]), receipt_bytes(&first.receipts[0]));
        assert_eq!(again.sealed_at_total, first.sealed_at_total);
        assert_eq!(outcomes(&world.submit(&a.actor(), &[&other]).await.unwrap()), "C");
        if !sealed {
            world.seal().await.unwrap().unwrap();
        }
    }
    // One array with all of it: new, the same again, known, and in conflict.
    let mixed = world.submit(&a.actor(), &[&fresh, &fresh, &entry, &other]).await.unwrap();
    assert_eq!(outcomes(&mixed), "ADDC");
    assert_eq!(mixed.receipts.len(), 2);
    assert_eq!(mixed.receipts[0].receipt.entries.len(), 1);
    world.settle().await;
}

#[tokio::test]
async fn of_two_under_one_id_in_one_array_the_first_is_taken() {
    let mut world = World::new().await;
    let (a, entry) = (provider_a(), provider_a().study());
    let mut other = entry.clone();
    if let Body::Study(_, study) = &mut other.body {
        study.completes = false;
    }
    let submitted = world.submit(&a.actor(), &[&a.sign(entry), &a.sign(other)]).await.unwrap();
    assert_eq!(outcomes(&submitted), "AC");
    world.settle().await;
}

#[tokio::test]
async fn an_acknowledged_entry_has_its_receipt_whatever_changed_since() {
    let mut world = World::new().await;
    let a = provider_a();
    let entry = a.signed_study();
    world.accept(&a, &[&entry]).await;
    let learner = world.service().learner(&a.actor(), a.learner.id).await.unwrap();
    let renamed = json!({"id": a.learner.id.to_string(), "name": "张玮"});
    world.service().change_learner(&a.actor(), a.learner.id, learner.version, renamed).await.unwrap();
    assert_eq!(outcomes(&world.submit(&authority().actor(), &[&retire_key(a.key)]).await.unwrap()), "A");
    for _ in 0..2 {
        assert_eq!(outcomes(&world.submit(&a.actor(), &[&entry]).await.unwrap()), "D");
        world.settle().await;
    }
}

#[tokio::test]
async fn a_receipt_says_when_and_until_when() {
    let mut world = World::new().await;
    let submitted = world.accept(&provider_a(), &[&provider_a().signed_study()]).await;
    let SignedReceipt { receipt, .. } = &submitted.receipts[0];
    let now: UnixMillis = "2026-11-22T08:00:00.000Z".parse().unwrap();
    assert_eq!(receipt.accepted, now);
    assert_eq!(receipt.seal_by.millis() - now.millis(), world.settings.seal_by_ms);
    assert_eq!(commitment_of(&submitted), *receipt.entries[0].commitment.hash());
}

#[tokio::test]
async fn corrections_find_their_target_and_the_first_one_counts() {
    let mut world = World::new().await;
    let (a, b, authority) = (provider_a(), provider_b(), authority());
    let targets: Vec<SignedEntry> = (0..4).map(|_| a.signed_study()).collect();
    let mut commitments = Vec::new();
    for target in &targets {
        commitments.push(commitment_of(&world.accept(&a, &[target]).await));
    }
    let supersede = |hours: u32| {
        let mut entry = a.study();
        study_of(&mut entry).hours = crate::standard::CreditHours::from_hundredths(hours);
        entry.record()
    };
    let spoiled = |spoil: Spoil| {
        let mut entry = a.correct(&targets[0], commitments[0], None);
        spoil(&mut entry);
        a.sign(entry)
    };
    // Refused, and why.
    world.refuse(&a, &a.sign(a.correct(&targets[0], commitments[1], None)), "entry.target.commitment").await;
    world.refuse(&a, &a.sign(a.correct(&a.signed_study(), commitments[0], None)), "entry.target.id").await;
    world.refuse(&a, &spoiled(|entry| learner_of(entry).name = "李".into()), "entry.learner.name").await;
    world.refuse(&a, &spoiled(|entry| *learner_of(entry) = provider_b().learner), "entry.learner.id").await;
    let other_kind = Some(Record::Activity(activity()));
    world.refuse(&a, &a.sign(a.correct(&targets[0], commitments[0], other_kind)), "entry.target.id").await;
    let mut future = supersede(100);
    if let Some(Record::Study(study)) = &mut future {
        study.last_day = "2026-11-23".parse().unwrap();
    }
    let future = a.sign(a.correct(&targets[0], commitments[0], future));
    world.refuse(&a, &future, "entry.replacement.last_day").await;
    // Another provider: not its learner, whether or not it guessed the name, and not its entry.
    for name in ["张伟", "张三"] {
        let mut entry = b.correct(&targets[0], commitments[0], None);
        learner_of(&mut entry).name = name.into();
        world.refuse(&b, &b.sign(entry.clone()), "entry.learner.id").await;
        world.refuse(&b, &SignedEntry::sign(entry, &[&key(AUTHORITY_KEY)]), "entry.learner.id").await;
    }
    let mut stolen = b.correct(&targets[0], commitments[0], None);
    *learner_of(&mut stolen) = b.learner.clone();
    world.refuse(&b, &b.sign(stolen), "entry.target.id").await;

    // Taken: void, supersede, by the authority; the superseding one superseded in its turn.
    let void = a.sign(a.correct(&targets[0], commitments[0], None));
    let first = a.sign(a.correct(&targets[1], commitments[1], supersede(600)));
    let by_authority = authority.sign(authority.correct(&targets[2], commitments[2], None));
    let void_commitment = commitment_of(&world.accept(&a, &[&void]).await);
    let first_commitment = commitment_of(&world.accept(&a, &[&first]).await);
    world.accept(&authority, &[&by_authority]).await;
    world.accept(&a, &[&a.sign(a.correct(&first, first_commitment, supersede(500)))]).await;
    world.refuse(&a, &a.sign(a.correct(&void, void_commitment, None)), "entry.target.id").await;
    // A second correction of one target: pending or sealed, and within one array.
    let twice =
        [a.sign(a.correct(&targets[3], commitments[3], None)), a.sign(a.correct(&targets[3], commitments[3], None))];
    assert_eq!(outcomes(&world.submit(&a.actor(), &twice.each_ref()).await.unwrap()), "AC");
    for _ in 0..2 {
        for (target, commitment) in targets.iter().zip(&commitments) {
            let second = authority.sign(authority.correct(target, *commitment, None));
            assert_eq!(outcomes(&world.submit(&authority.actor(), &[&second]).await.unwrap()), "C");
        }
        assert_eq!(outcomes(&world.submit(&a.actor(), &[&void]).await.unwrap()), "D", "the same is no second one");
        world.settle().await;
    }
    let view = world.service().entry(&a.actor(), targets[0].entry().id).await.unwrap();
    assert_eq!(view.corrected_by, Some(void.entry().id.uuid()));
}

#[tokio::test]
async fn a_key_works_once_its_block_is_sealed_and_not_after_its_retirement() {
    let mut world = World::new().await;
    let a = provider_a();
    let with_key = |seed: u8| SignedEntry::sign(provider_a().study(), &[&key(seed)]);
    world.accept(&authority(), &[&add_key(20, &a, &[Kind::Study])]).await;
    world.refuse(&a, &with_key(20), "signatures").await;
    world.seal().await.unwrap().unwrap();
    world.accept(&a, &[&with_key(20)]).await;
    // Pending when the retirement comes: sealed with it, and good. Accepted after it: refused, sealed or not.
    world.accept(&authority(), &[&retire_key(20)]).await;
    world.refuse(&a, &with_key(20), "signatures").await;
    world.seal().await.unwrap().unwrap();
    world.refuse(&a, &with_key(20), "signatures").await;
    world.reopen().await.unwrap();
    world.refuse(&a, &with_key(20), "signatures").await;
    // The register says no: a key twice, a retirement twice, a change by one who may not make it.
    for again in [add_key(20, &a, &[Kind::Study]), retire_key(20), retire_key(77)] {
        world.refuse(&authority(), &again, "signatures").await;
    }
    let mut usurped = add_key(21, &a, &[Kind::Study]).entry().clone();
    usurped.recorder = a.code.clone();
    world.refuse(&a, &a.sign(usurped), "signatures").await;
    // Within one request an addition and a refusal go side by side.
    let (fresh, twice) = (add_key(22, &a, &[Kind::Study]), add_key(22, &a, &[Kind::Activity]));
    assert_eq!(outcomes(&world.submit(&Actor::Operator, &[&fresh, &twice, &retire_key(78)]).await.unwrap()), "ARR");
    world.seal().await.unwrap().unwrap();
    world.accept(&a, &[&with_key(22)]).await;
    world.settle().await;
}

#[tokio::test]
async fn limits_are_said_and_what_is_over_them_changes_nothing() {
    let mut world = World::new().await;
    let a = provider_a();
    let placed = world.placed().await;
    let service = world.service();
    let bytes = a.signed_study().bytes().to_vec();
    let too_many = service.submit(&a.actor(), vec![bytes.clone(); MAX_SUBMISSION + 1]).await;
    assert!(matches!(too_many, Err(Error::TooLarge { limit: MAX_SUBMISSION, .. })));
    let too_large = service.submit(&a.actor(), vec![vec![b' '; 9 * 1024 * 1024]]).await;
    assert!(matches!(too_large, Err(Error::TooLarge { .. })));
    assert_eq!(fields_of(&service.submit(&a.actor(), Vec::new()).await.unwrap_err()), ["entries"]);
    assert_eq!(world.placed().await, placed);
    // As many as may be, of one entry: one place.
    let most = service.submit(&a.actor(), vec![bytes; MAX_SUBMISSION]).await.unwrap();
    assert_eq!(outcomes(&most), format!("A{}", "D".repeat(MAX_SUBMISSION - 1)));
    world.note_receipts(&most);

    // A full queue: the next is told to come again, and what waits is served.
    world.settings.queue_max = 1;
    let requests = world.reopen_idle(|disk| Arc::new(disk.open())).await.unwrap();
    let (service, waiting) = (world.service(), bytes_of(&[&a.signed_study()]));
    let waiting = tokio::spawn(async move { service.submit(&provider_a().actor(), waiting).await });
    until("the request waits", async || !requests.is_empty()).await;
    let refused = world.submit(&a.actor(), &[&a.signed_study()]).await;
    assert!(matches!(refused, Err(Error::Overloaded)), "{refused:?}");
    tokio::spawn(Service::run_ingest(Arc::downgrade(&world.service()), requests));
    world.note_receipts(&waiting.await.unwrap().unwrap());
    world.accept(&a, &[&a.signed_study()]).await;
    world.settle().await;
}

#[tokio::test]
async fn waiting_ends_when_it_is_sealed_or_after_the_limit() {
    let mut world = World::new().await;
    let total = world.accept(&provider_a(), &[&provider_a().signed_study()]).await.sealed_at_total.unwrap();
    assert!(!world.service().wait_sealed(total).await);
    world.settings.wait_max_ms = 60_000;
    world.reopen().await.unwrap();
    let service = world.service();
    let waiting = tokio::spawn(async move { service.wait_sealed(total).await });
    tokio::task::yield_now().await;
    world.seal().await.unwrap().unwrap();
    assert!(waiting.await.unwrap());
    assert!(world.service().wait_sealed(total).await);
}
