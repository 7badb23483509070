//! Erasing: what each is answered afterwards, what a crash leaves, and what comes along to a restored backup.

use serde_json::json;

use super::super::EntryOutcome;
use super::super::accounts::Again;
use super::super::testing::*;
use super::super::vault::{DataKeyId, Vault};
use super::*;
use crate::ledger::entry::Entry;

fn erasure(ids: &[LearnerId]) -> Value {
    json!({"learners": ids.iter().map(ToString::to_string).collect::<Vec<_>>()})
}

fn has_key(world: &World, learner: LearnerId) -> bool {
    Vault::open(world.vault_dir.path()).unwrap().key(learner.into()).is_ok()
}

/// What each actor is answered about an erased learner: the entitled that it is erased, others that it never was.
#[tokio::test]
async fn an_erased_learner_is_gone_for_everybody_and_others_are_not() {
    let mut world = World::new().await;
    let (a, b) = (provider_a(), provider_b());
    let (sealed, theirs) = (a.signed_study(), b.signed_study());
    world.accept(&a, &[&sealed]).await;
    world.accept(&b, &[&theirs]).await;
    world.seal().await.unwrap().unwrap();
    let pending = a.signed_study();
    let commitment = commitment_of(&world.accept(&a, &[&pending]).await);
    let service = world.service();
    let erased = service.erase_learners(&Actor::Operator, erasure(&[a.learner.id])).await.unwrap();
    world.clock.advance(1);
    assert_eq!(service.erase_learners(&Actor::Operator, erasure(&[a.learner.id])).await.unwrap(), erased);
    assert_eq!(service.learner_tombstones(&Actor::Operator, None, 9).await.unwrap(), erased);
    assert_eq!(service.learner_tombstones(&Actor::Operator, Some(a.learner.id), 9).await.unwrap(), []);
    assert!(!has_key(&world, a.learner.id) && has_key(&world, b.learner.id));

    for reopened in [false, true] {
        if reopened {
            world.reopen().await.unwrap();
        }
        let service = world.service();
        for actor in [Actor::Operator, a.actor()] {
            for id in [sealed.entry().id, pending.entry().id] {
                assert!(matches!(service.entry(&actor, id).await, Err(Error::Erased("entry"))), "{actor}");
                assert!(matches!(service.proof(&actor, &[id]).await, Err(Error::Erased("entry"))), "{actor}");
            }
            assert!(matches!(service.learner(&actor, a.learner.id).await, Err(Error::Erased("learner"))));
            let changed = json!({"id": a.learner.id.to_string(), "name": "张玮", "provider": a.code.as_str()});
            let changed = service.change_learner(&actor, a.learner.id, 1, changed).await;
            assert!(matches!(changed, Err(Error::Erased("learner"))));
            assert_eq!(service.learners(&actor, &a.code, None, 9).await.unwrap(), []);
        }
        assert!(matches!(service.entry(&b.actor(), sealed.entry().id).await, Err(Error::NotFound("entry"))));
        assert!(matches!(service.proof(&b.actor(), &[sealed.entry().id]).await, Err(Error::NotFound("entry"))));
        assert!(matches!(service.learner(&b.actor(), a.learner.id).await, Err(Error::NotFound("learner"))));
        assert_eq!(world.failed_steps(&[theirs.entry().id]).await, []);
    }
    // What was pending is sealed all the same, and the chain stands.
    world.seal().await.unwrap().unwrap();
    let outside = world.verify_chain().await;
    assert!(outside.commitments.iter().any(|sealed| *sealed.hash() == commitment));
}

#[tokio::test]
async fn nothing_new_is_taken_of_an_erased_learner() {
    let mut world = World::new().await;
    let (a, b) = (provider_a(), provider_b());
    let (known, theirs) = (a.signed_study(), b.signed_study());
    // One receipt for both, which cannot be made again without the erased one's salt.
    let submitted = world.submit(&Actor::Operator, &[&known, &theirs]).await.unwrap();
    assert_eq!(outcomes(&submitted), "AA");
    let service = world.service();
    service.erase_learners(&Actor::Operator, erasure(&[a.learner.id])).await.unwrap();
    for reopened in [false, true] {
        if reopened {
            world.reopen().await.unwrap();
        }
        let correction = a.sign(a.correct(&known, commitment_of(&submitted), None));
        for entry in [&known, &a.signed_study(), &correction] {
            let refused = world.submit(&a.actor(), &[entry]).await.unwrap();
            let EntryOutcome::Rejected(error) = &refused.results[0].outcome else { panic!("taken") };
            assert_eq!(fields_of(error), ["entry.learner.id"]);
            assert!(error.to_string().contains("erased"), "{error}");
        }
        // To another recorder it is a learner it has not registered, as before.
        let refused = world.submit(&b.actor(), &[&b.sign(Entry { recorder: b.code.clone(), ..a.study() })]).await;
        let EntryOutcome::Rejected(error) = &refused.unwrap().results[0].outcome else { panic!("taken") };
        assert!(!error.to_string().contains("erased"), "{error}");
        let again = world.submit(&Actor::Operator, &[&theirs]).await.unwrap();
        assert_eq!((outcomes(&again).as_str(), again.receipts.len()), ("D", 0));
        for party in [&a, &b] {
            let learner = json!([{"id": a.learner.id.to_string(), "name": "张伟"}]);
            let refused = world.service().register_learners(&party.actor(), learner).await.unwrap_err();
            assert_eq!(fields_of(&refused), ["[0].id"]);
        }
    }
}

#[tokio::test]
async fn only_the_operator_erases_and_all_or_none() {
    let world = World::new().await;
    let (a, b, service) = (provider_a(), provider_b(), world.service());
    let nobody = LearnerId::try_from(new_id().uuid()).unwrap();
    for (actor, input) in [(a.actor(), erasure(&[a.learner.id])), (Actor::Public, erasure(&[a.learner.id]))] {
        let refused = service.erase_learners(&actor, input).await;
        assert!(matches!(refused, Err(Error::Forbidden | Error::Unauthenticated)));
        assert!(service.learner_tombstones(&actor, None, 1).await.is_err());
    }
    for (input, field) in [
        (erasure(&[a.learner.id, nobody]), "learners[1]"),
        (erasure(&[]), "learners"),
        (json!({"learners": ["张伟"]}), "learners[0]"),
        (json!({"learners": [a.learner.id.to_string()], "more": 1}), "more"),
    ] {
        let refused = service.erase_learners(&Actor::Operator, input).await.unwrap_err();
        assert_eq!(fields_of(&refused), [field]);
    }
    assert_eq!(service.learner_tombstones(&Actor::Operator, None, 9).await.unwrap(), []);
    service.learner(&a.actor(), a.learner.id).await.unwrap();
    let both = erasure(&[b.learner.id, a.learner.id, b.learner.id]);
    let erased = service.erase_learners(&Actor::Operator, both).await.unwrap();
    let ids: Vec<&Erased> = erased.iter().map(|tombstone| &tombstone.erased).collect();
    assert_eq!(ids, [&b, &a, &b].map(|party| Erased::Learner(party.learner.id)).iter().collect::<Vec<_>>());
    assert!(world.service().vault.key(DataKeyId::LEDGER).is_ok());
}

/// Tombstones of another copy of the ledger: the start erases the keys that this one still has.
#[tokio::test]
async fn merged_tombstones_are_replayed_at_the_start() {
    let mut world = World::new().await;
    let (a, b) = (provider_a(), provider_b());
    let entry = a.signed_study();
    world.accept(&a, &[&entry]).await;
    let nobody = LearnerId::try_from(new_id().uuid()).unwrap();
    let then: UnixMillis = "2026-11-20T00:00:00.000Z".parse().unwrap();
    let tombstones: Vec<Tombstone> =
        [a.learner.id, nobody].map(|id| Tombstone { erased: Erased::Learner(id), erased_at: then }).into();
    let listed = serde_json::to_vec(&tombstones).unwrap();
    assert_eq!(parse_tombstones(&listed).unwrap(), tombstones);
    assert!(matches!(parse_tombstones(b"{}"), Err(Error::Unreadable(_))));
    assert!(has_key(&world, a.learner.id));
    let store = world.disk.open();
    for new in [2, 0] {
        assert_eq!(merge_tombstones(&store, &tombstones, then).await.unwrap(), new);
    }
    drop(store);
    world.reopen().await.unwrap();
    assert!(!has_key(&world, a.learner.id) && has_key(&world, b.learner.id));
    let service = world.service();
    assert!(matches!(service.entry(&a.actor(), entry.entry().id).await, Err(Error::Erased(_))));
    assert!(matches!(service.learner(&a.actor(), a.learner.id).await, Err(Error::Erased(_))));
    assert!(matches!(service.learner(&a.actor(), nobody).await, Err(Error::NotFound(_))));
    let mut listed = service.learner_tombstones(&Actor::Operator, None, 9).await.unwrap();
    listed.sort_by_key(|tombstone| tombstone.erased != Erased::Learner(a.learner.id));
    assert_eq!(listed, tombstones);
    let refused = service.register_learners(&b.actor(), json!({"id": nobody.to_string(), "name": "无名"})).await;
    assert_eq!(fields_of(&refused.unwrap_err()), ["id"]);
    world.seal().await.unwrap().unwrap();
    world.verify_chain().await;
}

/// An account of this learner that is nothing else.
async fn invite(service: &Service, learner: LearnerId) -> AccountId {
    let invitation = json!({
        "login": "cqo@example.org", "name": "张伟",
        "grants": [{"role": "learner", "organisation": authority().code.as_str()}], "learners": [learner.to_string()],
    });
    service.invite(&Actor::Operator, Again::default(), invitation).await.unwrap().account.id
}

/// Accounts and complaints come along as learners do, and what this copy never had is listed for the next one.
#[tokio::test]
async fn merged_tombstones_erase_accounts_and_complaints_too() {
    let mut world = World::new().await;
    let a = provider_a();
    let service = world.service();
    let account = invite(&service, a.learner.id).await;
    let complaint = json!({"subject": "site", "text": "打不开。", "name": "李明"});
    let filed = service.file_complaint(&Actor::Public, complaint).await.unwrap();
    let case = service.case(&Actor::Operator, &filed.number).await.unwrap();
    assert_eq!(case.words.unwrap().name.as_deref(), Some("李明"));
    let keys_before = keys_of(&world);
    drop(service);
    let then: UnixMillis = "2026-11-20T00:00:00.000Z".parse().unwrap();
    let stranger: AccountId = AccountId::try_from(new_id().uuid()).unwrap();
    let unknown: CaseNumber = "TS-2026-7K3M9QX2AB-S".parse().unwrap();
    let tombstone = |erased| Tombstone { erased, erased_at: then };
    let accounts: Vec<Tombstone> = [account, stranger].map(|id| tombstone(Erased::Account(id))).into();
    let mut cases: Vec<Tombstone> =
        [filed.number.clone(), unknown].map(|number| tombstone(Erased::Case(number))).into();
    let all = [accounts.clone(), cases.clone(), accounts.clone()].concat();
    let store = world.disk.open();
    for new in [4, 0] {
        assert_eq!(merge_tombstones(&store, &all, then).await.unwrap(), new);
    }
    drop(store);
    cases.sort_by_key(|tombstone| tombstone.erased.to_string());
    for _ in 0..2 {
        world.reopen().await.unwrap();
        let service = world.service();
        assert!(matches!(service.account(&Actor::Operator, account), Err(Error::NotFound(_))));
        service.learner(&a.actor(), a.learner.id).await.unwrap();
        let case = service.case(&Actor::Operator, &filed.number).await.unwrap();
        assert_eq!((case.words, case.summary.erased_at, case.history.len()), (None, Some(then), 1));
        assert_eq!(service.case_by_code(filed.number.as_str(), &filed.code).await.unwrap().words, None);
        assert_eq!(keys_before - keys_of(&world), 2, "neither has a key any more");
        let operator = &Actor::Operator;
        let mut listed = service.account_tombstones(operator, None, 9).await.unwrap();
        listed.sort_by_key(|tombstone| tombstone.erased != Erased::Account(account));
        assert_eq!(listed, accounts);
        assert_eq!(service.case_tombstones(operator, None, 9).await.unwrap(), cases);
        // Page by page, although what was never here stands in another table.
        let Erased::Case(first) = &cases[0].erased else { panic!("a case") };
        assert_eq!(service.case_tombstones(operator, None, 1).await.unwrap(), cases[..1]);
        assert_eq!(service.case_tombstones(operator, Some(first), 1).await.unwrap(), cases[1..]);
        assert!(service.case_tombstones(&a.actor(), None, 1).await.is_err());
        assert!(service.account_tombstones(&a.actor(), None, 1).await.is_err());
    }
}

/// How many data keys there are.
fn keys_of(world: &World) -> u64 {
    std::fs::metadata(world.vault_dir.path().join("data-keys")).unwrap().len() / 88
}

/// An account that goes with its learner leaves a tombstone, and the start erases a key that a crash left.
#[tokio::test]
async fn an_account_that_goes_with_its_learner_leaves_a_tombstone() {
    let mut world = World::new().await;
    let a = provider_a();
    let service = world.service();
    let account = invite(&service, a.learner.id).await;
    service.erase_learners(&Actor::Operator, erasure(&[a.learner.id])).await.unwrap();
    let listed = service.account_tombstones(&Actor::Operator, None, 9).await.unwrap();
    assert_eq!(listed.iter().map(|tombstone| &tombstone.erased).collect::<Vec<_>>(), [&Erased::Account(account)]);
    // As a crash, or a restored key file, would leave it.
    service.vault.create(&[account.into()]).unwrap();
    drop(service);
    world.reopen().await.unwrap();
    assert!(world.service().vault.key(account.into()).is_err());
    assert_eq!(world.service().account_tombstones(&Actor::Operator, Some(account), 9).await.unwrap(), []);
}

/// However the vault fails after the tombstone: nothing is read any more, and asking again or restarting finishes it.
#[tokio::test]
async fn an_erasure_that_the_vault_did_not_finish_is_finished_later() {
    for restart in [false, true] {
        let mut world = World::new().await;
        let a = provider_a();
        let entry = a.signed_study();
        world.accept(&a, &[&entry]).await;
        // Nobody can write the new key file where a directory of its name lies.
        let blocked = world.vault_dir.path().join("data-keys.new");
        std::fs::create_dir(&blocked).unwrap();
        let failed = world.service().erase_learners(&Actor::Operator, erasure(&[a.learner.id])).await;
        assert!(matches!(failed, Err(Error::Unavailable(_))), "{failed:?}");
        assert!(matches!(world.service().entry(&a.actor(), entry.entry().id).await, Err(Error::Erased(_))));
        std::fs::remove_dir(&blocked).unwrap();
        assert!(has_key(&world, a.learner.id));
        if restart {
            world.reopen().await.unwrap();
        } else {
            world.service().erase_learners(&Actor::Operator, erasure(&[a.learner.id])).await.unwrap();
        }
        assert!(!has_key(&world, a.learner.id));
    }
}

/// The tombstone is lost or kept: either the learner is still there, or the start finishes what was recorded.
#[tokio::test]
async fn a_commit_that_fails_has_erased_nothing_or_is_finished_at_the_start() {
    use crate::store::{Fault, Step};
    for (fault, kept) in
        [(Fault::FailLost, false), (Fault::DieLost, false), (Fault::FailKept, true), (Fault::DieKept, true)]
    {
        let mut world = World::new().await;
        let a = provider_a();
        let entry = a.signed_study();
        world.accept(&a, &[&entry]).await;
        world.disk.plan(Step::Commit, 1, fault);
        world.service().erase_learners(&Actor::Operator, erasure(&[a.learner.id])).await.unwrap_err();
        assert!(has_key(&world, a.learner.id));
        world.reopen().await.unwrap();
        assert_eq!(has_key(&world, a.learner.id), !kept);
        let read = world.service().entry(&a.actor(), entry.entry().id).await;
        assert_eq!(matches!(read, Err(Error::Erased(_))), kept, "{:?}", read.map(|view| view.commitment));
    }
}
