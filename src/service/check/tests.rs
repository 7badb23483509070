//! What is refused of an entry by itself, and why.

use serde_json::json;

use super::super::testing::*;
use super::super::{Actor, EntryOutcome, Error};
use crate::ledger::entry::{Activity, Body, Entry, Kind, Reviewer};
use crate::ledger::signed::SignedEntry;

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
