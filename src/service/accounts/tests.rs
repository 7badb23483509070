//! Accounts on a ledger in memory: who gets in, who does not, and what a restart keeps.

use serde_json::{Value, json};

use super::super::clock::Clock as _;
use super::super::testing::{World, authority, fields_of, provider_a, provider_b};
use super::*;

const PASSWORD: &str = "Qiyuan-2026";
const MINUTE: i64 = 60_000;

fn invitation(login: &str, role: &str) -> Value {
    json!({"login": login, "name": "王芳芳", "grants": [{"role": role, "organisation": authority().code}]})
}

/// An account that has joined.
async fn joined(world: &World, login: &str, role: &str) -> AccountId {
    let invited = world.service().invite(&Actor::Operator, invitation(login, role)).await.unwrap();
    world.service().join(&invited.code.unwrap().to_string(), PASSWORD).await.unwrap();
    invited.account.id
}

/// A ledger where nobody needs a second factor.
async fn world() -> World {
    let mut world = World::new().await;
    world.settings.accounts.second_factor = SecondFactor::Off;
    world.reopen().await.unwrap();
    world
}

fn stage(stage: &Stage) -> &'static str {
    match stage {
        Stage::SecondFactor => "second factor",
        Stage::Enrol(_) => "enrol",
        Stage::NewPassword => "new password",
        Stage::In => "in",
    }
}

#[tokio::test]
async fn an_invited_person_joins_once_and_signs_in_over_restarts() {
    let mut world = world().await;
    let invited = world.service().invite(&Actor::Operator, invitation("Wang@example.org", "clerk")).await.unwrap();
    let code = invited.code.unwrap().to_string();
    assert!(world.service().sign_in("wang@example.org", PASSWORD, "").await.is_err(), "not joined yet");
    assert_eq!(fields_of(&world.service().join(&code, "short").await.unwrap_err()), ["password"]);
    world.reopen().await.unwrap();
    let (name, login) = world.service().code_holder(&code.to_lowercase()).unwrap();
    assert_eq!((name.as_str(), login.as_str()), ("王芳芳", "Wang@example.org"));
    world.service().join(&code, PASSWORD).await.unwrap();
    assert_eq!(fields_of(&world.service().join(&code, "Another-2026").await.unwrap_err()), ["code"]);
    world.reopen().await.unwrap();
    let signed_in = world.service().sign_in(" WANG@example.org", PASSWORD, "Chromium").await.unwrap();
    let visitor = world.service().visitor(signed_in.token.as_str()).unwrap();
    let person = visitor.actor.unwrap().person().cloned().unwrap();
    assert_eq!((person.role, &person.organisation), (AccountRole::Clerk, &authority().code));
    world.service().sign_out(signed_in.token.as_str()).await.unwrap();
    assert!(world.service().visitor(signed_in.token.as_str()).is_none());
}

#[tokio::test]
async fn an_invitation_that_cannot_be_is_refused_by_field() {
    let world = world().await;
    joined(&world, "wang@example.org", "clerk").await;
    let code = authority().code;
    let grants =
        |roles: &[&str]| -> Value { roles.iter().map(|role| json!({"role": role, "organisation": code})).collect() };
    let good = invitation("li@example.org", "clerk");
    for (member, value, field) in [
        ("login", json!("WANG@example.org"), "login"),
        ("login", json!("a b c"), "login"),
        ("name", json!(" "), "name"),
        ("grants", json!([]), "grants"),
        ("grants", grants(&["king"]), "grants[0].role"),
        ("grants", grants(&["auditor", "clerk"]), "grants"),
        ("grants", grants(&["clerk", "clerk"]), "grants"),
        ("grants", grants(&["provider_staff"]), "grants[0].organisation"),
        ("learners", json!([provider_a().learner.id]), "learners"),
        ("more", json!(1), "more"),
    ] {
        let mut input = good.clone();
        input[member] = value.clone();
        let error = world.service().invite(&Actor::Operator, input).await.unwrap_err();
        assert_eq!(fields_of(&error), [field], "{member} {value}: {error}");
    }
    let mut input = invitation("no-address", "clerk");
    input["send"] = json!(true);
    assert_eq!(fields_of(&world.service().invite(&Actor::Operator, input).await.unwrap_err()), ["send"]);
    for actor in [Actor::Public, provider_a().actor()] {
        assert!(world.service().invite(&actor, good.clone()).await.is_err(), "{actor}");
    }
}

#[tokio::test]
async fn a_learner_has_one_account_and_one_who_is_new_is_registered() {
    let world = world().await;
    let mut known = invitation("zhang", "learner");
    known["learners"] = json!([provider_a().learner.id, provider_b().learner.id]);
    let account = world.service().invite(&Actor::Operator, known.clone()).await.unwrap().account;
    assert_eq!(world.service().same_person(provider_b().learner.id), account.learners);
    known["login"] = json!("zhang2");
    assert_eq!(fields_of(&world.service().invite(&Actor::Operator, known).await.unwrap_err()), ["learners"]);
    let new = world.service().invite(&Actor::Operator, invitation("new", "learner")).await.unwrap().account;
    let learner = world.service().learner(&Actor::Operator, new.learners[0]).await.unwrap();
    assert_eq!((learner.name.as_str(), learner.provider), ("王芳芳", authority().code));
}

#[tokio::test]
async fn an_erased_learner_takes_the_account_along() {
    let mut world = world().await;
    let mut one = invitation("zhang", "learner");
    one["learners"] = json!([provider_a().learner.id]);
    let account = world.service().invite(&Actor::Operator, one).await.unwrap().account;
    let erasure = json!({"learners": [provider_a().learner.id]});
    world.service().erase_learners(&Actor::Operator, erasure).await.unwrap();
    for _ in 0..2 {
        assert!(matches!(world.service().account(&Actor::Operator, account.id), Err(Error::NotFound(_))));
        assert!(world.service().vault.key(account.id.into()).is_err(), "its data key is gone");
        world.reopen().await.unwrap();
    }
}

#[tokio::test]
async fn too_many_wrong_passwords_lock_a_name_whether_or_not_it_exists() {
    let world = world().await;
    joined(&world, "wang", "clerk").await;
    let level = ProtectionLevel::Two;
    for login in ["wang", "nobody"] {
        let mut texts = Vec::new();
        for _ in 0..level.failures_max() + 1 {
            let error = world.service().sign_in(login, "wrong", "").await.err().unwrap();
            assert_eq!(fields_of(&error), ["password"]);
            texts.push(error.to_string());
        }
        assert_eq!(texts[0], texts[3], "{login}");
        assert_ne!(texts[0], texts[5], "{login}: locked");
    }
    assert!(world.service().sign_in("wang", PASSWORD, "").await.is_err(), "the right one neither");
    world.clock.advance(level.lock_ms());
    assert!(world.service().sign_in("wang", PASSWORD, "").await.is_ok());
}

#[tokio::test]
async fn staff_set_up_a_second_factor_first_and_a_code_is_asked_for_after_that() {
    let world = World::new().await;
    joined(&world, "wang", "clerk").await;
    let service = world.service();
    let first = service.sign_in("wang", PASSWORD, "").await.unwrap();
    let Stage::Enrol(enrolment) = &first.stage else { panic!("{}", stage(&first.stage)) };
    assert!(service.visitor(first.token.as_str()).unwrap().actor.is_none(), "nothing is allowed before");
    let code_at = |world: &World| factor::tests::code_of(enrolment.secret(), world.clock.now());
    assert!(service.confirm_factor(first.token.as_str(), "000000").await.is_err());
    let (entered, codes) = service.confirm_factor(first.token.as_str(), &code_at(&world)).await.unwrap();
    assert_eq!(stage(&entered.stage), "in");
    assert!(service.visitor(first.token.as_str()).is_none(), "the token was renewed");

    world.clock.advance(MINUTE);
    let again = service.sign_in("wang", PASSWORD, "").await.unwrap();
    assert_eq!(stage(&again.stage), "second factor");
    assert!(service.visitor(again.token.as_str()).unwrap().actor.is_none());
    assert_eq!(fields_of(&service.second_factor(again.token.as_str(), "123456").await.err().unwrap()), ["code"]);
    let entered = service.second_factor(again.token.as_str(), &code_at(&world)).await.unwrap();
    assert!(service.visitor(entered.token.as_str()).unwrap().actor.is_some());
    let third = service.sign_in("wang", PASSWORD, "").await.unwrap();
    assert!(service.second_factor(third.token.as_str(), &code_at(&world)).await.is_err(), "no code twice");
    assert!(service.second_factor(third.token.as_str(), &codes[0].to_string()).await.is_ok());
}

#[tokio::test]
async fn an_aged_password_has_to_be_changed_and_the_last_ones_cannot_come_back() {
    let world = world().await;
    joined(&world, "wang", "clerk").await;
    let service = world.service();
    world.clock.advance(ProtectionLevel::Two.password_age_ms() + 1);
    let aged = service.sign_in("wang", PASSWORD, "").await.unwrap();
    assert_eq!(stage(&aged.stage), "new password");
    let token = aged.token.as_str();
    assert_eq!(fields_of(&service.change_password(token, "wrong", "Another-2026").await.err().unwrap()), ["old"]);
    assert_eq!(fields_of(&service.change_password(token, PASSWORD, PASSWORD).await.err().unwrap()), ["password"]);
    let changed = service.change_password(token, PASSWORD, "Another-2026").await.unwrap();
    assert_eq!(stage(&changed.stage), "in");
    let back = service.change_password(changed.token.as_str(), "Another-2026", PASSWORD).await;
    assert_eq!(fields_of(&back.err().unwrap()), ["password"]);
}

#[tokio::test]
async fn a_password_of_an_easier_level_is_changed_before_anything_else() {
    let mut world = world().await;
    let invited = world.service().invite(&Actor::Operator, invitation("wang", "clerk")).await.unwrap();
    let easy = "yunling26";
    world.service().join(&invited.code.unwrap().to_string(), easy).await.unwrap();
    assert_eq!(stage(&world.service().sign_in("wang", easy, "").await.unwrap().stage), "in");
    world.settings.accounts.level = ProtectionLevel::Three;
    world.reopen().await.unwrap();
    let held = world.service().sign_in("wang", easy, "").await.unwrap();
    assert_eq!(stage(&held.stage), "new password");
    let changed = world.service().change_password(held.token.as_str(), easy, PASSWORD).await.unwrap();
    assert_eq!(stage(&changed.stage), "in");
    assert_eq!(stage(&world.service().sign_in("wang", PASSWORD, "").await.unwrap().stage), "in");
}

#[tokio::test]
async fn sessions_are_listed_and_ended_and_a_change_of_password_ends_the_others() {
    let world = world().await;
    joined(&world, "wang", "clerk").await;
    let service = world.service();
    let one = service.sign_in("wang", PASSWORD, "one").await.unwrap();
    let two = service.sign_in("wang", PASSWORD, "two").await.unwrap();
    let actor = service.visitor(one.token.as_str()).unwrap().actor.unwrap();
    let home = service.own_account(&actor).unwrap();
    assert_eq!(home.sessions.len(), 2);
    let other = home.sessions.iter().find(|session| session.agent == "two").unwrap();
    service.end_session(&actor, other.id).await.unwrap();
    assert!(service.visitor(two.token.as_str()).is_none());
    assert!(matches!(service.end_session(&actor, other.id).await, Err(Error::NotFound(_))));
    let three = service.sign_in("wang", PASSWORD, "three").await.unwrap();
    let one = service.change_password(one.token.as_str(), PASSWORD, "Another-2026").await.unwrap();
    assert!(service.visitor(three.token.as_str()).is_none() && service.visitor(one.token.as_str()).is_some());
}

#[tokio::test]
async fn an_ended_account_is_shut_out_at_once() {
    let world = world().await;
    let id = joined(&world, "wang", "clerk").await;
    let service = world.service();
    let open = service.sign_in("wang", PASSWORD, "").await.unwrap();
    service.end_account(&Actor::Operator, id, true).await.unwrap();
    assert!(service.visitor(open.token.as_str()).is_none());
    assert!(service.sign_in("wang", PASSWORD, "").await.is_err());
    assert!(matches!(service.new_code(&Actor::Operator, id, false).await, Err(Error::Conflict(_))));
    service.end_account(&Actor::Operator, id, false).await.unwrap();
    assert!(service.sign_in("wang", PASSWORD, "").await.is_ok());
}

#[tokio::test]
async fn the_last_administrator_stays_and_a_lost_factor_is_taken_off() {
    let world = World::new().await;
    let service = world.service();
    let only = joined(&world, "admin@example.org", "administrator").await;
    assert!(matches!(service.end_account(&Actor::Operator, only, true).await, Err(Error::Conflict(_))));
    let clerk = json!({"grants": [{"role": "clerk", "organisation": authority().code}]});
    let version = service.account(&Actor::Operator, only).unwrap().version;
    let changed = service.change_account(&Actor::Operator, only, version, clerk).await;
    assert!(matches!(changed, Err(Error::Conflict(_))));
    joined(&world, "other@example.org", "administrator").await;
    let first = service.sign_in("admin@example.org", PASSWORD, "").await.unwrap();
    let Stage::Enrol(enrolment) = &first.stage else { panic!("{}", stage(&first.stage)) };
    let code = factor::tests::code_of(enrolment.secret(), world.clock.now());
    service.confirm_factor(first.token.as_str(), &code).await.unwrap();
    service.take_factor_off(&Actor::Operator, only).await.unwrap();
    let again = service.sign_in("admin@example.org", PASSWORD, "").await.unwrap();
    assert_eq!(stage(&again.stage), "enrol", "another one is set up");
    assert_eq!(stage(&service.leave_factor(again.token.as_str()).unwrap().stage), "enrol", "which cannot be left");
    service.end_account(&Actor::Operator, only, true).await.unwrap();
}

#[tokio::test]
async fn many_tries_at_once_are_no_more_than_so_many() {
    let world = world().await;
    joined(&world, "wang", "clerk").await;
    let service = world.service();
    let tries = (0..20).map(|i| service.sign_in("wang", if i == 19 { PASSWORD } else { "wrong" }, ""));
    let outcomes = futures_util::future::join_all(tries).await;
    assert!(outcomes.iter().all(Result::is_err), "the right one came after too many wrong ones");
}

#[tokio::test]
async fn a_new_code_lets_its_holder_choose_a_password_until_it_expires() {
    let world = world().await;
    let id = joined(&world, "wang", "clerk").await;
    let service = world.service();
    let old = service.new_code(&Actor::Operator, id, false).await.unwrap().code.unwrap().to_string();
    let new = service.new_code(&Actor::Operator, id, false).await.unwrap();
    assert!(service.code_holder(&old).is_none(), "only the newest holds");
    assert!(service.sign_in("wang", PASSWORD, "").await.is_ok(), "until it is used, all is as it was");
    world.clock.advance(new.expires_at.millis() - world.clock.now().millis() + 1);
    assert!(service.join(&new.code.unwrap().to_string(), "Another-2026").await.is_err());
}

#[tokio::test]
async fn no_name_and_no_secret_of_an_account_is_readable_on_the_disk() {
    let world = world().await;
    joined(&world, "wang@example.org", "clerk").await;
    let rows = all_rows(&ACCOUNTS, &*world.service().store).await.unwrap();
    let text = format!("{rows:?}");
    for event in world.service().store.events(1, 1_000).await.unwrap() {
        let shown = format!("{:?}", event.event);
        assert!(!shown.contains("wang") && !shown.contains("王芳芳"), "{shown}");
    }
    assert!(!text.contains("wang") && !text.contains("argon2"));
}
