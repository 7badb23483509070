//! The use cases, one table each: what is taken, what is refused and why, who sees what.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use super::testing::*;
use super::{Actor, EntryOutcome, Error, MAX_SUBMISSION, SealError, Service};
use crate::ledger::entry::{Activity, Body, Entry, Kind, Record, Reviewer};
use crate::ledger::receipt::SignedReceipt;
use crate::ledger::signed::SignedEntry;
use crate::ledger::verify::Step;
use crate::merkle::Hash;
use crate::standard::UnixMillis;
use crate::store::{
    Anchor, BoxFuture, Commit, Committed, Direction, EventRecord, Health, KeyRange, Memory, Row, RowKey, Store,
    StoreError,
};

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

type Spoil = fn(&mut Entry);

#[tokio::test]
async fn a_refusal_names_the_field() {
    let mut world = World::new().await;
    let (a, b) = (provider_a(), provider_b());
    let spoils: [(&str, Spoil); 9] = [
        ("entry.ledger", |entry| entry.ledger = "other.example.cn/test".parse().unwrap()),
        ("entry.rulebook", |entry| entry.rulebook = "1999.1".parse().unwrap()),
        ("entry.recorder", |entry| entry.recorder = provider_b().code),
        ("entry.learner.id", |entry| learner_of(entry).id = "01970000-0000-7000-8000-0000000000cc".parse().unwrap()),
        ("entry.learner.id", |entry| *learner_of(entry) = provider_b().learner),
        ("entry.learner.name", |entry| learner_of(entry).name = "张伟伟".into()),
        ("entry.course.code", |entry| study_of(entry).course_code = "QM-201".parse().unwrap()),
        ("entry.course.title", |entry| study_of(entry).course_title = "质量管理".into()),
        ("entry.last_day", |entry| study_of(entry).last_day = "2026-11-23".parse().unwrap()),
    ];
    for (field, spoil) in spoils {
        let mut entry = a.study();
        spoil(&mut entry);
        world.refuse(&a, &a.sign(entry), field).await;
    }
    let today = {
        let mut entry = a.study();
        study_of(&mut entry).last_day = "2026-11-22".parse().unwrap();
        a.sign(entry)
    };
    world.accept(&a, &[&today]).await;
    let mut tomorrow = a.entry(Body::Activity(a.learner.clone(), activity()));
    if let Body::Activity(_, activity) = &mut tomorrow.body {
        activity.date = "2026-11-23".parse().unwrap();
    }
    world.refuse(&a, &a.sign(tomorrow), "entry.date").await;

    // Keys: not registered; another organisation's; not for this kind. And a signature that is of another entry.
    world.refuse(&a, &SignedEntry::sign(a.study(), &[&key(99)]), "signatures").await;
    world.refuse(&a, &SignedEntry::sign(a.study(), &[&key(b.key)]), "signatures").await;
    world.refuse(&a, &SignedEntry::sign(a.study(), &[&key(a.key), &key(b.key)]), "signatures").await;
    world.submit(&Actor::Operator, &[&add_key(20, &a, &[Kind::Activity])]).await.unwrap();
    world.seal().await.unwrap().unwrap();
    world.refuse(&a, &SignedEntry::sign(a.study(), &[&key(20)]), "signatures").await;
    let mut forged = a.signed_study().to_value();
    forged["signatures"] = a.signed_study().to_value()["signatures"].clone();
    world.refuse(&a, &SignedEntry::from_value(forged).unwrap(), "signatures").await;
    // All bad fields of one entry together.
    let mut entry = a.study();
    spoils[1].1(&mut entry);
    spoils[8].1(&mut entry);
    let submitted = world.submit(&a.actor(), &[&a.sign(entry)]).await.unwrap();
    let EntryOutcome::Rejected(error) = &submitted.results[0].outcome else { panic!("accepted") };
    assert_eq!(fields_of(error), ["entry.rulebook", "entry.last_day"]);
    // What cannot be read has no id; the others of the array are taken all the same.
    let batch = vec![b"{}".to_vec(), b"no json".to_vec(), a.signed_study().bytes().to_vec()];
    let submitted = world.service().submit(&a.actor(), batch).await.unwrap();
    assert_eq!(outcomes(&submitted), "RRA");
    assert!(submitted.results[0].id.is_none() && submitted.results[2].id.is_some());
    world.note_receipts(&submitted);
    world.settle().await;
}

fn learner_of(entry: &mut Entry) -> &mut crate::ledger::entry::Learner {
    match &mut entry.body {
        Body::Study(learner, _) | Body::Activity(learner, _) | Body::Correction(learner, _) => learner,
        Body::Key(_) | Body::Certificate(_) | Body::Status(_) => panic!("this entry has no learner"),
    }
}

fn study_of(entry: &mut Entry) -> &mut crate::ledger::entry::Study {
    let Body::Study(_, study) = &mut entry.body else { panic!("not a study entry") };
    study
}

fn activity() -> Activity {
    Activity {
        attendees: 30,
        attendees_digest: Hash::of(&[b"list"]),
        date: "2026-11-20".parse().unwrap(),
        evidence: Vec::new(),
        reviewed_by: None,
        topic: "质量月".into(),
    }
}

#[tokio::test]
async fn others_entries_do_not_exist() {
    let mut world = World::new().await;
    let (a, b) = (provider_a(), provider_b());
    let entry = a.signed_study();
    let id = entry.entry().id;
    world.accept(&a, &[&entry]).await;
    let service = world.service();
    assert!(matches!(service.proof(&a.actor(), &[id]).await, Err(Error::Conflict(_))), "not sealed yet");
    assert!(service.entry(&a.actor(), id).await.unwrap().position.is_none());
    world.seal().await.unwrap().unwrap();
    let unknown = new_id();
    for (actor, id) in [(b.actor(), id), (a.actor(), unknown), (Actor::Operator, unknown)] {
        assert!(matches!(service.entry(&actor, id).await, Err(Error::NotFound("entry"))), "{actor}");
        assert!(matches!(service.proof(&actor, &[id]).await, Err(Error::NotFound("entry"))), "{actor}");
    }
    assert!(matches!(service.entry(&Actor::Public, id).await, Err(Error::NotFound("entry"))));
    assert!(matches!(service.submit(&Actor::Public, bytes_of(&[&entry])).await, Err(Error::Unauthenticated)));
    for actor in [a.actor(), Actor::Operator] {
        let view = service.entry(&actor, id).await.unwrap();
        let position = view.position.unwrap();
        assert_eq!((position.height, position.index, view.signed.bytes()), (3, 0, entry.bytes()));
        service.proof(&actor, &[id, id]).await.unwrap();
    }
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

/// An entry that the certifying body made of a claim: of a provider's learner, at a course that nobody registered.
fn claim_of(party: &Party) -> Entry {
    let mut entry = certifying_body().entry(party.study().body);
    let study = study_of(&mut entry);
    study.course_code = "C-1234567890".parse().unwrap();
    study.course_title = "质量月讲座".into();
    study.reviewed_by = Some(Reviewer::Clerk);
    entry
}

#[tokio::test]
async fn the_certifying_body_records_claims_of_any_registered_learner_and_nobody_else_does() {
    let mut world = World::recording().await;
    let (body, a, b) = (certifying_body(), provider_a(), provider_b());
    let spoils: [(&str, Spoil); 6] = [
        ("entry.learner.name", |entry| learner_of(entry).name = "张伟伟".into()),
        ("entry.learner.id", |entry| learner_of(entry).id = "01970000-0000-7000-8000-0000000000cc".parse().unwrap()),
        ("entry.last_day", |entry| study_of(entry).last_day = "2026-11-23".parse().unwrap()),
        ("entry.recorder", |entry| entry.recorder = provider_a().code),
        // What was no claim is recorded by those who were there.
        ("entry.learner.id", |entry| study_of(entry).reviewed_by = None),
        ("entry.learner.id", |entry| entry.body = Body::Activity(provider_b().learner, activity())),
    ];
    for (nth, (field, spoil)) in spoils.into_iter().enumerate() {
        let mut entry = claim_of(&a);
        spoil(&mut entry);
        let submitted = world.submit(&body.actor(), &[&body.sign(entry)]).await.unwrap();
        let EntryOutcome::Rejected(error) = &submitted.results[0].outcome else { panic!("{nth} accepted") };
        assert_eq!(fields_of(error)[0], field, "{nth}: {error}");
    }
    // A provider says who accepted what: of its own learner, at its own course.
    let mut boast = a.study();
    study_of(&mut boast).reviewed_by = Some(Reviewer::Supervisor);
    world.refuse(&a, &a.sign(boast.clone()), "entry.reviewed_by").await;
    let boasted = Activity { reviewed_by: Some(Reviewer::Clerk), ..activity() };
    world.refuse(&a, &a.sign(a.entry(Body::Activity(a.learner.clone(), boasted))), "entry.reviewed_by").await;
    let plain = a.signed_study();
    let commitment = commitment_of(&world.accept(&a, &[&plain]).await);
    world.refuse(&a, &a.sign(a.correct(&plain, commitment, boast.record())), "entry.replacement.reviewed_by").await;
    // The right kind of key is needed, too.
    world.refuse(&body, &SignedEntry::sign(claim_of(&a), &[&key(AUTHORITY_KEY)]), "signatures").await;

    let (of_a, of_b) = (body.sign(claim_of(&a)), body.sign(claim_of(&b)));
    let claimed = Activity { reviewed_by: Some(Reviewer::Supervisor), ..activity() };
    let held = body.sign(body.entry(Body::Activity(b.learner.clone(), claimed)));
    let commitments = [
        commitment_of(&world.accept(&body, &[&of_a]).await),
        commitment_of(&world.accept(&body, &[&of_b]).await),
        commitment_of(&world.accept(&body, &[&held]).await),
    ];
    // The body corrects what it recorded: by another claim or by nothing, but not by what was never one.
    world.refuse(&body, &body.sign(body.correct(&of_a, commitments[0], a.study().record())), "entry.learner.id").await;
    let mut less = claim_of(&a);
    study_of(&mut less).hours = crate::standard::CreditHours::from_hundredths(100);
    world.accept(&body, &[&body.sign(body.correct(&of_a, commitments[0], less.record()))]).await;
    world.accept(&body, &[&body.sign(body.correct(&held, commitments[2], None))]).await;
    // Neither corrects what the other recorded.
    world.refuse(&body, &body.sign(body.correct(&plain, commitment, claim_of(&a).record())), "entry.target.id").await;
    world.refuse(&a, &a.sign(a.correct(&of_a, commitments[0], None)), "entry.target.id").await;
    world.settle().await;
    // The body reads it; the provider whose learner it is does not.
    let id = of_a.entry().id;
    assert!(world.service().entry(&body.actor(), id).await.unwrap().corrected_by.is_some());
    assert!(matches!(world.service().entry(&a.actor(), id).await, Err(Error::NotFound("entry"))));
    world.service().proof(&body.actor(), &[id, of_b.entry().id]).await.unwrap();
    // Gone with the learner.
    world.service().erase_learners(&Actor::Operator, json!({"learners": [b.learner.id.to_string()]})).await.unwrap();
    assert!(matches!(world.service().entry(&body.actor(), of_b.entry().id).await, Err(Error::Erased(_))));
    let submitted = world.submit(&body.actor(), &[&body.sign(claim_of(&b))]).await.unwrap();
    let EntryOutcome::Rejected(error) = &submitted.results[0].outcome else { panic!("accepted") };
    assert!(error.to_string().contains("erased"), "{error}");
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
async fn what_a_compromised_key_signed_from_a_height_on_no_longer_verifies() {
    let mut world = World::new().await;
    let a = provider_a();
    let (before, after) = (a.signed_study(), a.signed_study());
    let mut heights = Vec::new();
    for entry in [&before, &after] {
        world.accept(&a, &[entry]).await;
        heights.push(world.seal().await.unwrap().unwrap().height);
    }
    world.settle().await;
    world.accept(&authority(), &[&revoke_key(a.key, Some(heights[1]))]).await;
    world.seal().await.unwrap().unwrap();
    world.verify_chain().await;
    assert_eq!(world.failed_steps(&[before.entry().id]).await, []);
    assert_eq!(world.failed_steps(&[after.entry().id]).await, [Step::Signatures]);
    world.refuse(&a, &a.signed_study(), "signatures").await;
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

#[tokio::test]
async fn a_clock_that_jumps_stops_sealing_until_it_is_right_again() {
    for jump in [6 * MINUTE, -6 * MINUTE] {
        let mut world = World::new().await;
        world.accept(&provider_a(), &[&provider_a().signed_study()]).await;
        world.clock.jump(jump);
        for _ in 0..2 {
            assert!(matches!(world.seal().await, Err(SealError::ClockJump(found)) if found == jump));
            world.clock.advance(MINUTE);
        }
        world.clock.jump(-jump);
        world.seal().await.unwrap().unwrap();
        world.settle().await;
    }
}

#[tokio::test]
async fn a_clock_that_drifts_slowly_has_not_jumped() {
    let mut world = World::new().await;
    for _ in 0..4 {
        world.accept(&provider_a(), &[&provider_a().signed_study()]).await;
        world.clock.jump(2 * MINUTE);
        world.seal().await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_clock_that_goes_back_repeats_the_time_of_the_last_block() {
    let mut world = World::new().await;
    let mut times = Vec::new();
    for jump in [0, -4 * MINUTE, 0, 4 * MINUTE] {
        world.clock.jump(jump);
        world.clock.advance(1_000);
        world.accept(&provider_a(), &[&provider_a().signed_study()]).await;
        times.push(world.seal().await.unwrap().unwrap().time.millis() - times.first().copied().unwrap_or(0));
    }
    assert_eq!(times[1..], [0, 0, 3_000]);
    // An hour ahead when it stopped, right when it starts again: the promise holds in the chain's own time.
    world.clock.jump(-60 * MINUTE);
    world.reopen().await.unwrap();
    world.accept(&provider_a(), &[&provider_a().signed_study()]).await;
    world.settle().await;
}

#[tokio::test]
async fn a_batch_that_is_too_large_is_split_and_the_first_block_stands_alone() {
    let mut world = World::new().await;
    world.settings.batch_max = 3;
    world.reopen().await.unwrap();
    let entries: Vec<SignedEntry> = (0..7).map(|_| provider_a().signed_study()).collect();
    world.accept(&provider_a(), &entries.iter().collect::<Vec<_>>()).await;
    let outside = world.settle().await;
    let sizes: Vec<u64> = outside.blocks.iter().map(|block| block.entries).collect();
    assert_eq!(sizes, [1, 1, 2, 3, 3, 1]);
    for batch_max in [0, usize::MAX] {
        world.settings.batch_max = batch_max;
        world.reopen().await.unwrap();
        world.accept(&provider_a(), &[&provider_a().signed_study()]).await;
        assert_eq!(world.seal().await.unwrap().unwrap().entries, 1, "{batch_max}");
    }
}

#[tokio::test]
async fn the_tasks_seal_by_themselves() {
    let mut world = World::new().await;
    world.settings = super::Settings { seal_interval_ms: 5, wait_max_ms: 60_000, ..world.settings.clone() };
    let requests = world.reopen_idle(|disk| Arc::new(disk.open())).await.unwrap();
    tokio::spawn(Service::run_ingest(Arc::downgrade(&world.service()), requests));
    tokio::spawn(Service::run_sealer(Arc::downgrade(&world.service())));
    for _ in 0..3 {
        let total = world.accept(&provider_a(), &[&provider_a().signed_study()]).await.sealed_at_total.unwrap();
        assert!(world.service().wait_sealed(total).await);
    }
    world.verify().await;
}

/// A disk that keeps a submission at once and says so only when told.
struct Slow {
    disk: Memory,
    hold: Arc<AtomicBool>,
}

impl Store for Slow {
    fn commit(&self, commit: Commit) -> BoxFuture<'_, Result<Committed, StoreError>> {
        Box::pin(async move {
            let held = commit.event.action == "submit_entries";
            let kept = self.disk.commit(commit).await;
            while held && self.hold.load(Ordering::SeqCst) {
                tokio::task::yield_now().await;
            }
            kept
        })
    }

    fn get(&self, key: RowKey) -> BoxFuture<'_, Result<Option<Row>, StoreError>> {
        self.disk.get(key)
    }

    fn scan(
        &self,
        range: KeyRange,
        limit: usize,
        direction: Direction,
    ) -> BoxFuture<'_, Result<Vec<(RowKey, Row)>, StoreError>> {
        self.disk.scan(range, limit, direction)
    }

    fn anchor(&self, checkpoint: &str) -> BoxFuture<'_, Result<Anchor, StoreError>> {
        self.disk.anchor(checkpoint)
    }

    fn anchored(&self) -> BoxFuture<'_, Result<Option<Anchor>, StoreError>> {
        self.disk.anchored()
    }

    fn events(&self, from_sequence: u64, limit: usize) -> BoxFuture<'_, Result<Vec<EventRecord>, StoreError>> {
        self.disk.events(from_sequence, limit)
    }

    fn health(&self) -> Health {
        self.disk.health()
    }
}

/// Durable, and the register in memory does not know it yet: no block may hold it.
#[tokio::test]
async fn a_key_entry_is_not_sealed_before_the_register_holds_it() {
    let mut world = World::new().await;
    let hold = Arc::new(AtomicBool::new(true));
    let held = Arc::clone(&hold);
    world.reopen_on(|disk| Arc::new(Slow { disk: disk.open(), hold: held })).await.unwrap();
    let placed = world.placed().await;
    let (service, bytes) = (world.service(), bytes_of(&[&add_key(30, &provider_a(), &[Kind::Study])]));
    let submitting = tokio::spawn(async move { service.submit(&Actor::Operator, bytes).await });
    until("the entry is durable", async || world.placed().await > placed).await;
    assert!(world.seal().await.unwrap().is_none());
    hold.store(false, Ordering::SeqCst);
    world.note_receipts(&submitting.await.unwrap().unwrap());
    assert_eq!(world.seal().await.unwrap().unwrap().entries, 1);
    world.settle().await;
}

#[tokio::test]
async fn learners_are_registered_once_and_changed_from_what_was_read() {
    let world = World::new().await;
    let (service, a, b) = (world.service(), provider_a(), provider_b());
    let id = new_id().to_string();
    let learner = |name: &str| json!({"id": id, "name": name, "employers": [{"name": "钢厂", "from": "2020-01-01"}]});
    let register = |actor: Actor, input: Value| {
        let service = Arc::clone(&service);
        async move { service.register_learners(&actor, input).await }
    };
    let conflict = |result: Result<Vec<_>, Error>| matches!(result, Err(Error::Conflict(_)));
    assert!(conflict(register(a.actor(), json!([learner("李娜"), learner("李那")])).await), "two under one id");
    let first = register(a.actor(), json!([learner("李娜"), learner("李娜")])).await.unwrap();
    assert_eq!(first[0], first[1]);
    let version = first[0].version;
    assert_eq!(register(a.actor(), learner("李娜")).await.unwrap()[0].version, version);
    assert!(conflict(register(a.actor(), learner("李那")).await));
    assert!(conflict(register(b.actor(), learner("李娜")).await), "another provider's");
    assert!(conflict(register(a.actor(), json!({"id": id, "name": "李娜"})).await), "without the employer");

    let id = first[0].id;
    let changed = service.change_learner(&a.actor(), id, version, learner("李丽娜")).await.unwrap();
    assert_eq!(service.learner(&a.actor(), id).await.unwrap(), changed);
    let stale = service.change_learner(&a.actor(), id, version, learner("李")).await;
    assert!(matches!(stale, Err(Error::Conflict(_))), "{stale:?}");
    let others = service.change_learner(&b.actor(), id, changed.version, learner("李")).await;
    assert!(matches!(others, Err(Error::NotFound("learner"))), "{others:?}");
    assert!(matches!(service.learner(&b.actor(), id).await, Err(Error::NotFound("learner"))));
    assert!(matches!(service.learners(&b.actor(), &a.code, None, 10).await, Err(Error::Forbidden)));
    let all = service.learners(&a.actor(), &a.code, None, 10).await.unwrap();
    assert_eq!(all.len(), 2);
    assert_eq!(service.learners(&a.actor(), &a.code, Some(all[0].id), 10).await.unwrap(), all[1..]);
}

#[tokio::test]
async fn another_title_or_other_hours_make_another_version_of_a_course() {
    let mut world = World::new().await;
    let (service, a) = (world.service(), provider_a());
    let course = |title: &str, hours: u32| json!({"code": "QM-300", "title": title, "hours": hours});
    for (title, hours, version) in
        [("六西格玛", 800, 1), ("六西格玛", 800, 1), ("六西格玛", 900, 2), ("六西格玛管理", 900, 3)]
    {
        let courses = service.put_courses(&a.actor(), course(title, hours)).await.unwrap();
        assert_eq!(courses[0].version, version, "{title} {hours}");
    }
    let listed = service.courses(&a.actor(), &a.code, None, 10).await.unwrap();
    assert_eq!(listed.iter().map(|course| course.version).collect::<Vec<_>>(), [1, 3]);
    assert_eq!(service.courses(&a.actor(), &a.code, Some(&listed[0].code), 10).await.unwrap(), listed[1..]);
    // Study under an earlier title was study of this course.
    for title in ["六西格玛", "六西格玛管理"] {
        let mut entry = a.study();
        study_of(&mut entry).course_code = "QM-300".parse().unwrap();
        study_of(&mut entry).course_title = title.into();
        world.accept(&a, &[&a.sign(entry)]).await;
    }
}

#[tokio::test]
async fn a_token_speaks_for_its_organisation_until_it_ends() {
    let mut world = World::new().await;
    let a = provider_a();
    let token = world.service().create_token(&Actor::Operator, &a.code).await.unwrap();
    for _ in 0..2 {
        let service = world.service();
        assert_eq!(service.authenticate(Some(&token.token)).unwrap(), a.actor());
        assert_eq!(service.authenticate(Some("the operator's token")).unwrap(), Actor::Operator);
        assert_eq!(service.authenticate(None).unwrap(), Actor::Public);
        for bad in ["", "cqo_", "the operator's token ", &format!("{}0", token.token), &token.token[1..]] {
            assert!(matches!(service.authenticate(Some(bad)), Err(Error::Unauthenticated)), "{bad}");
        }
        world.reopen().await.unwrap();
    }
    let nobody = crate::standard::CreditCode::with_check("91340100MA2N0000C").unwrap();
    let unknown = world.service().create_token(&Actor::Operator, &nobody).await;
    assert!(matches!(unknown, Err(Error::NotFound("organisation"))));
    assert!(matches!(world.service().create_token(&a.actor(), &a.code).await, Err(Error::Forbidden)));
    world.service().end_token(&Actor::Operator, &token.id).await.unwrap();
    for _ in 0..2 {
        assert!(matches!(world.service().authenticate(Some(&token.token)), Err(Error::Unauthenticated)));
        world.reopen().await.unwrap();
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
