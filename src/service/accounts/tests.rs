//! Accounts on a ledger in memory: who gets in, who does not, and what a restart keeps.

use serde_json::{Value, json};

use super::super::clock::Clock as _;
use super::super::registry::all_rows;
use super::super::testing::{World, authority, fields_of, provider_a, provider_b};
use super::super::vault::Vault;
use super::*;
use crate::store::{Fault, Step};

const PASSWORD: &str = "Qiyuan-2026";
const MINUTE: i64 = 60_000;

fn invitation(login: &str, role: &str) -> Value {
    json!({"login": login, "name": "王芳芳", "grants": [{"role": role, "organisation": authority().code}]})
}

/// An account that has joined.
async fn joined(world: &World, login: &str, role: &str) -> AccountId {
    let invited = world.service().invite(&Actor::Operator, Again::default(), invitation(login, role)).await.unwrap();
    world.service().join(&invited.code.unwrap().to_string(), PASSWORD).await.unwrap();
    invited.account.id
}

/// A browser at no address in particular.
fn from(agent: &str) -> Caller<'_> {
    Caller { agent, ..Caller::default() }
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
    let invited = world
        .service()
        .invite(&Actor::Operator, Again::default(), invitation("Wang@example.org", "clerk"))
        .await
        .unwrap();
    let code = invited.code.unwrap().to_string();
    assert!(world.service().sign_in("wang@example.org", PASSWORD, Caller::default()).await.is_err(), "not joined yet");
    assert_eq!(fields_of(&world.service().join(&code, "short").await.unwrap_err()), ["password"]);
    world.reopen().await.unwrap();
    let (name, login) = world.service().code_holder(&code.to_lowercase()).unwrap();
    assert_eq!((name.as_str(), login.as_str()), ("王芳芳", "Wang@example.org"));
    world.service().join(&code, PASSWORD).await.unwrap();
    assert_eq!(fields_of(&world.service().join(&code, "Another-2026").await.unwrap_err()), ["code"]);
    world.reopen().await.unwrap();
    let signed_in = world.service().sign_in(" WANG@example.org", PASSWORD, from("Chromium")).await.unwrap();
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
        let error = world.service().invite(&Actor::Operator, Again::default(), input).await.unwrap_err();
        assert_eq!(fields_of(&error), [field], "{member} {value}: {error}");
    }
    let mut input = invitation("no-address", "clerk");
    input["send"] = json!(true);
    assert_eq!(
        fields_of(&world.service().invite(&Actor::Operator, Again::default(), input).await.unwrap_err()),
        ["send"]
    );
    for actor in [Actor::Public, provider_a().actor()] {
        assert!(world.service().invite(&actor, Again::default(), good.clone()).await.is_err(), "{actor}");
    }
}

#[tokio::test]
async fn a_learner_has_one_account_and_one_who_is_new_is_registered() {
    let world = world().await;
    let mut known = invitation("zhang", "learner");
    known["learners"] = json!([provider_a().learner.id, provider_b().learner.id]);
    let account = world.service().invite(&Actor::Operator, Again::default(), known.clone()).await.unwrap().account;
    assert_eq!(world.service().same_person(provider_b().learner.id), account.learners);
    known["login"] = json!("zhang2");
    assert_eq!(
        fields_of(&world.service().invite(&Actor::Operator, Again::default(), known).await.unwrap_err()),
        ["learners"]
    );
    let new =
        world.service().invite(&Actor::Operator, Again::default(), invitation("new", "learner")).await.unwrap().account;
    let learner = world.service().learner(&Actor::Operator, new.learners[0]).await.unwrap();
    assert_eq!((learner.name.as_str(), learner.provider), ("王芳芳", authority().code));
}

#[tokio::test]
async fn an_erased_learner_takes_the_account_along() {
    let mut world = world().await;
    let mut one = invitation("zhang", "learner");
    one["learners"] = json!([provider_a().learner.id]);
    let account = world.service().invite(&Actor::Operator, Again::default(), one).await.unwrap().account;
    let erasure = json!({"learners": [provider_a().learner.id]});
    world.service().erase_learners(&Actor::Operator, erasure).await.unwrap();
    for _ in 0..2 {
        assert!(matches!(world.service().account(&Actor::Operator, account.id), Err(Error::NotFound(_))));
        assert!(world.service().vault.key(account.id.into()).is_err(), "its data key is gone");
        world.reopen().await.unwrap();
    }
}

fn has_key(world: &World, account: AccountId) -> bool {
    Vault::open(world.vault_dir.path()).unwrap().key(account.into()).is_ok()
}

/// The tombstones are lost or kept: the account is still there, or the start ends its key, whatever cut the erasure short.
#[tokio::test]
async fn an_account_whose_erasure_was_cut_short_has_no_key_after_the_next_start() {
    use crate::store::{Fault, Step};
    for (fault, kept) in
        [(Fault::FailLost, false), (Fault::DieLost, false), (Fault::FailKept, true), (Fault::DieKept, true)]
    {
        let mut world = world().await;
        let account = joined(&world, "wang", "clerk").await;
        world.disk.plan(Step::Commit, 1, fault);
        world.service().erase_accounts(&Actor::Operator, &[account]).await.unwrap_err();
        assert!(has_key(&world, account));
        world.reopen().await.unwrap();
        assert_eq!(has_key(&world, account), !kept);
        assert_eq!(world.service().account(&Actor::Operator, account).is_ok(), !kept);
    }
}

#[tokio::test]
async fn an_account_that_has_ended_is_erased_and_what_it_did_stays() {
    let mut world = world().await;
    let id = joined(&world, "wang", "clerk").await;
    assert!(matches!(world.service().erase_account(&Actor::Operator, id).await, Err(Error::Conflict(_))), "in use");
    world.service().end_account(&Actor::Operator, id, true).await.unwrap();
    assert!(world.service().erase_account(&provider_a().actor(), id).await.is_err());
    for reopened in [false, true] {
        if reopened {
            world.reopen().await.unwrap();
        }
        world.service().erase_account(&Actor::Operator, id).await.unwrap();
        assert!(world.service().account(&Actor::Operator, id).is_err() && !has_key(&world, id));
        assert!(world.service().account_name(id).is_none());
        let (events, _) = world.service().events(&Actor::Operator, None, 50).await.unwrap();
        assert!(events.iter().any(|event| event.action == "join" && event.actor == format!("clerk:{id}")));
    }
    let nobody = AccountId::try_from(uuid::Uuid::now_v7()).unwrap();
    assert!(matches!(world.service().erase_account(&Actor::Operator, nobody).await, Err(Error::NotFound(_))));
    assert!(world.service().invite(&Actor::Operator, Again::default(), invitation("wang", "clerk")).await.is_ok());
}

#[tokio::test]
async fn an_account_whose_key_could_not_be_ended_loses_it_when_asked_again_or_at_the_start() {
    for restart in [false, true] {
        let mut world = world().await;
        let mut one = invitation("zhang", "learner");
        one["learners"] = json!([provider_a().learner.id]);
        let account = world.service().invite(&Actor::Operator, Again::default(), one).await.unwrap().account.id;
        // Nobody can write the new key file where a directory of its name lies.
        let blocked = world.vault_dir.path().join("data-keys.new");
        std::fs::create_dir(&blocked).unwrap();
        for _ in 0..2 {
            let failed = world.service().erase_accounts(&Actor::Operator, &[account]).await;
            assert!(matches!(failed, Err(Error::Unavailable(_))), "{failed:?}");
        }
        std::fs::remove_dir(&blocked).unwrap();
        assert!(has_key(&world, account));
        match restart {
            true => world.reopen().await.unwrap(),
            false => world.service().bury_accounts(&Actor::Operator).await.unwrap(),
        }
        assert!(!has_key(&world, account));
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
            let error = world.service().sign_in(login, "wrong", Caller::default()).await.err().unwrap();
            assert_eq!(fields_of(&error), ["password"]);
            texts.push(error.to_string());
        }
        assert_eq!(texts[0], texts[3], "{login}");
        assert_ne!(texts[0], texts[5], "{login}: locked");
    }
    assert!(world.service().sign_in("wang", PASSWORD, Caller::default()).await.is_err(), "the right one neither");
    world.clock.advance(level.lock_ms());
    assert!(world.service().sign_in("wang", PASSWORD, Caller::default()).await.is_ok());
}

#[tokio::test]
async fn staff_set_up_a_second_factor_first_and_a_code_is_asked_for_after_that() {
    let world = World::new().await;
    joined(&world, "wang", "clerk").await;
    let service = world.service();
    let first = service.sign_in("wang", PASSWORD, Caller::default()).await.unwrap();
    let Stage::Enrol(enrolment) = &first.stage else { panic!("{}", stage(&first.stage)) };
    assert!(service.visitor(first.token.as_str()).unwrap().actor.is_none(), "nothing is allowed before");
    let code_at = |world: &World| factor::tests::code_of(enrolment.secret(), world.clock.now());
    assert!(service.confirm_factor(first.token.as_str(), "000000").await.is_err());
    let (entered, codes) = service.confirm_factor(first.token.as_str(), &code_at(&world)).await.unwrap();
    assert_eq!(stage(&entered.stage), "in");
    assert!(service.visitor(first.token.as_str()).is_none(), "the token was renewed");

    world.clock.advance(MINUTE);
    let again = service.sign_in("wang", PASSWORD, Caller::default()).await.unwrap();
    assert_eq!(stage(&again.stage), "second factor");
    assert!(service.visitor(again.token.as_str()).unwrap().actor.is_none());
    assert_eq!(fields_of(&service.second_factor(again.token.as_str(), "123456").await.err().unwrap()), ["code"]);
    let entered = service.second_factor(again.token.as_str(), &code_at(&world)).await.unwrap();
    assert!(service.visitor(entered.token.as_str()).unwrap().actor.is_some());
    let third = service.sign_in("wang", PASSWORD, Caller::default()).await.unwrap();
    assert!(service.second_factor(third.token.as_str(), &code_at(&world)).await.is_err(), "no code twice");
    assert!(service.second_factor(third.token.as_str(), &codes[0].to_string()).await.is_ok());
}

#[tokio::test]
async fn an_aged_password_has_to_be_changed_and_the_last_ones_cannot_come_back() {
    let world = world().await;
    joined(&world, "wang", "clerk").await;
    let service = world.service();
    world.clock.advance(ProtectionLevel::Two.password_age_ms() + 1);
    let aged = service.sign_in("wang", PASSWORD, Caller::default()).await.unwrap();
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
async fn sessions_are_listed_and_ended_and_a_change_of_password_ends_the_others() {
    let world = world().await;
    joined(&world, "wang", "clerk").await;
    let service = world.service();
    let one = service.sign_in("wang", PASSWORD, from("one")).await.unwrap();
    let two = service.sign_in("wang", PASSWORD, from("two")).await.unwrap();
    let actor = service.visitor(one.token.as_str()).unwrap().actor.unwrap();
    let home = service.own_account(&actor).unwrap();
    assert_eq!(home.sessions.len(), 2);
    let other = home.sessions.iter().find(|session| session.agent == "two").unwrap();
    service.end_session(&actor, other.id).await.unwrap();
    assert!(service.visitor(two.token.as_str()).is_none());
    assert!(matches!(service.end_session(&actor, other.id).await, Err(Error::NotFound(_))));
    let three = service.sign_in("wang", PASSWORD, from("three")).await.unwrap();
    let one = service.change_password(one.token.as_str(), PASSWORD, "Another-2026").await.unwrap();
    assert!(service.visitor(three.token.as_str()).is_none() && service.visitor(one.token.as_str()).is_some());
}

#[tokio::test]
async fn an_ended_account_is_shut_out_at_once() {
    let world = world().await;
    let id = joined(&world, "wang", "clerk").await;
    let service = world.service();
    let open = service.sign_in("wang", PASSWORD, Caller::default()).await.unwrap();
    service.end_account(&Actor::Operator, id, true).await.unwrap();
    assert!(service.visitor(open.token.as_str()).is_none());
    assert!(service.sign_in("wang", PASSWORD, Caller::default()).await.is_err());
    assert!(matches!(service.new_code(&Actor::Operator, Again::default(), id, false).await, Err(Error::Conflict(_))));
    service.end_account(&Actor::Operator, id, false).await.unwrap();
    assert!(service.sign_in("wang", PASSWORD, Caller::default()).await.is_ok());
}

#[tokio::test]
async fn the_last_administrator_stays_and_a_lost_factor_is_taken_off() {
    let world = World::new().await;
    let service = world.service();
    let only = joined(&world, "admin@example.org", "administrator").await;
    assert!(matches!(service.end_account(&Actor::Operator, only, true).await, Err(Error::Conflict(_))));
    let clerk = json!({"grants": [{"role": "clerk", "organisation": authority().code}]});
    let version = service.account(&Actor::Operator, only).unwrap().version;
    let changed = service.change_account(&Actor::Operator, Again::default(), only, version, clerk).await;
    assert!(matches!(changed, Err(Error::Conflict(_))));
    joined(&world, "other@example.org", "administrator").await;
    let first = service.sign_in("admin@example.org", PASSWORD, Caller::default()).await.unwrap();
    let Stage::Enrol(enrolment) = &first.stage else { panic!("{}", stage(&first.stage)) };
    let code = factor::tests::code_of(enrolment.secret(), world.clock.now());
    service.confirm_factor(first.token.as_str(), &code).await.unwrap();
    service.take_factor_off(&Actor::Operator, Again::default(), only).await.unwrap();
    let again = service.sign_in("admin@example.org", PASSWORD, Caller::default()).await.unwrap();
    assert_eq!(stage(&again.stage), "enrol", "another one is set up");
    assert_eq!(stage(&service.leave_factor(again.token.as_str()).unwrap().stage), "enrol", "which cannot be left");
    service.end_account(&Actor::Operator, only, true).await.unwrap();
}

#[tokio::test]
async fn many_tries_at_once_are_no_more_than_so_many() {
    let world = world().await;
    joined(&world, "wang", "clerk").await;
    let service = world.service();
    let tries = (0..20).map(|i| service.sign_in("wang", if i == 19 { PASSWORD } else { "wrong" }, Caller::default()));
    let outcomes = futures_util::future::join_all(tries).await;
    assert!(outcomes.iter().all(Result::is_err), "the right one came after too many wrong ones");
}

#[tokio::test]
async fn a_new_code_lets_its_holder_choose_a_password_until_it_expires() {
    let world = world().await;
    let id = joined(&world, "wang", "clerk").await;
    let service = world.service();
    let old = service.new_code(&Actor::Operator, Again::default(), id, false).await.unwrap().code.unwrap().to_string();
    let new = service.new_code(&Actor::Operator, Again::default(), id, false).await.unwrap();
    assert!(service.code_holder(&old).is_none(), "only the newest holds");
    assert!(service.sign_in("wang", PASSWORD, Caller::default()).await.is_ok(), "until it is used, all is as it was");
    world.clock.advance(new.expires_at.millis() - world.clock.now().millis() + 1);
    assert!(service.join(&new.code.unwrap().to_string(), "Another-2026").await.is_err());
}

/// Waits until no password is being hashed any more: whoever was judged waits for the lock.
async fn judged(service: &Service) {
    let mut idle = 0;
    while idle < 20 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        idle = if service.hashings.is_idle() { idle + 1 } else { 0 };
    }
}

/// What is judged waits for the lock under which accounts change: what happens there meanwhile wins.
#[tokio::test]
async fn what_was_changed_or_ended_while_a_password_was_judged_wins() {
    let world = world().await;
    let id = joined(&world, "wang", "clerk").await;
    let service = world.service();
    let thief = service.sign_in("wang", PASSWORD, Caller::default()).await.unwrap();
    let actor = service.visitor(thief.token.as_str()).unwrap().actor.unwrap();
    let token = thief.token.as_str();

    let lock = service.registry.lock().await;
    let meanwhile = async {
        judged(&service).await;
        let mut account = service.account_now(id).unwrap();
        let hash = password::hash("Owners-2026").unwrap();
        account.payload.password = Some(Password { hash, set_at: world.clock.now(), earlier: Vec::new() });
        service.save_account(&Actor::Operator, "change_password", account).await.unwrap();
        drop(lock);
    };
    let thiefs = service.change_password(token, PASSWORD, "Thiefs-2026");
    let late = service.sign_in("wang", PASSWORD, Caller::default());
    let (thiefs, late, ()) = tokio::join!(thiefs, late, meanwhile);
    assert!(matches!(thiefs, Err(Error::Conflict(_))), "the owner's password stays");
    assert_eq!(fields_of(&late.err().unwrap()), ["password"], "the password that was judged is not the one any more");
    assert!(service.sign_in("wang", "Owners-2026", Caller::default()).await.is_ok());

    let begun = service.begin_factor(&actor, token, "Owners-2026").await.unwrap();
    let token = begun.as_str();
    let Stage::Enrol(enrolment) = service.visitor(token).unwrap().session.stage else { panic!("no enrolment") };
    let code = factor::tests::code_of(enrolment.secret(), world.clock.now());
    let lock = service.registry.lock().await;
    let meanwhile = async {
        judged(&service).await;
        service.doors().sessions.end_of(id, |_| true);
        drop(lock);
    };
    let (changed, confirmed, dropped, ()) = tokio::join!(
        service.change_password(token, "Owners-2026", "Thiefs-2026"),
        service.confirm_factor(token, &code),
        service.drop_factor(&actor, token, "Owners-2026"),
        meanwhile
    );
    for refused in [changed.err(), confirmed.err(), dropped.err()] {
        assert!(matches!(refused, Some(Error::Unauthenticated)), "{refused:?}");
    }
    assert!(!service.account(&Actor::Operator, id).unwrap().second_factor);
    assert!(service.sign_in("wang", "Owners-2026", Caller::default()).await.is_ok());
}

#[tokio::test]
async fn a_password_that_was_judged_for_an_account_that_ended_meanwhile_lets_nobody_in() {
    let world = world().await;
    let id = joined(&world, "wang", "clerk").await;
    let service = world.service();
    let judged = service.account_now(id).unwrap();
    assert!(service.still(&judged).is_ok());
    service.end_account(&Actor::Operator, id, true).await.unwrap();
    assert!(service.still(&judged).is_err());
}

#[tokio::test]
async fn a_one_time_code_ends_with_what_it_was_given_for() {
    let world = world().await;
    let id = joined(&world, "wang", "clerk").await;
    let service = world.service();
    let code = async || {
        let given = service.new_code(&Actor::Operator, Again::default(), id, false).await.unwrap();
        assert_eq!(given.account.code_until, Some(given.expires_at));
        given.code.unwrap().to_string()
    };
    let changed = code().await;
    let open = service.sign_in("wang", PASSWORD, Caller::default()).await.unwrap();
    service.change_password(open.token.as_str(), PASSWORD, "Another-2026").await.unwrap();
    assert!(service.code_holder(&changed).is_none(), "a new password");
    let factor = code().await;
    service.take_factor_off(&Actor::Operator, Again::default(), id).await.unwrap();
    assert!(service.code_holder(&factor).is_none(), "no second factor");
    let ended = code().await;
    service.end_account(&Actor::Operator, id, true).await.unwrap();
    service.end_account(&Actor::Operator, id, false).await.unwrap();
    assert!(service.code_holder(&ended).is_none(), "ended, and taken up again");
    let withdrawn = code().await;
    assert_eq!(service.withdraw_code(&Actor::Operator, id).await.unwrap().code_until, None);
    assert!(service.code_holder(&withdrawn).is_none(), "withdrawn");
    assert!(matches!(service.withdraw_code(&Actor::Operator, id).await, Err(Error::NotFound("code"))));
}

#[tokio::test]
async fn an_unattended_session_gives_nobody_rights() {
    let world = World::new().await;
    let service = world.service();
    let (own, wang) = (joined(&world, "admin", "administrator").await, joined(&world, "wang", "clerk").await);
    joined(&world, "other", "administrator").await;
    let first = service.sign_in("admin", PASSWORD, Caller::default()).await.unwrap();
    let Stage::Enrol(enrolment) = &first.stage else { panic!("{}", stage(&first.stage)) };
    let code_now = || factor::tests::code_of(enrolment.secret(), world.clock.now());
    let (entered, _) = service.confirm_factor(first.token.as_str(), &code_now()).await.unwrap();
    let token = entered.token.as_str();
    let admin = service.visitor(token).unwrap().actor.unwrap();
    let version = |id| service.account(&Actor::Operator, id).unwrap().version;
    let supervisor = json!({"grants": [{"role": "supervisor", "organisation": authority().code}]});

    let used = code_now();
    world.clock.advance(MINUTE);
    let wrong = Again { token, password: "wrong", code: "" };
    let no_code = Again { token, password: PASSWORD, code: &used };
    for (again, field) in [(wrong, "own_password"), (no_code, "own_code")] {
        let refusals = [
            service.new_code(&admin, again, wang, false).await.err(),
            service.take_factor_off(&admin, again, wang).await.err(),
            service.change_account(&admin, again, wang, version(wang), supervisor.clone()).await.err(),
            service.invite(&admin, again, invitation("new", "clerk")).await.err(),
        ];
        for refusal in refusals {
            assert_eq!(fields_of(&refusal.unwrap()), [field]);
        }
    }
    assert!(service.invite(&admin, Again::default(), invitation("zhang", "learner")).await.is_ok(), "a new learner");
    let code = code_now();
    let shown = Again { token, password: PASSWORD, code: &code };
    for own in [
        service.new_code(&admin, shown, own, false).await.err(),
        service.take_factor_off(&admin, shown, own).await.err(),
        service.change_account(&admin, shown, own, version(own), supervisor.clone()).await.err(),
    ] {
        assert!(matches!(own, Some(Error::Conflict(_))), "{own:?}");
    }
    service.change_account(&admin, shown, wang, version(wang), supervisor).await.unwrap();
    let said = service.events(&Actor::Operator, None, 1).await.unwrap().0.remove(0);
    assert_eq!(said.subject, format!("{wang} supervisor:{}", authority().code));
}

#[tokio::test]
async fn strangers_keep_nobody_out_and_who_is_in_is_asked_at_another_door() {
    let world = world().await;
    joined(&world, "wang", "clerk").await;
    let service = world.service();
    let at = |client: &'static str| Caller { client, agent: "" };
    for _ in 0..6 {
        assert!(service.sign_in("wang", "wrong", at("192.0.2.1")).await.is_err());
    }
    assert!(service.sign_in("wang", PASSWORD, at("192.0.2.1")).await.is_err(), "locked for who was wrong");
    let inside = service.sign_in("wang", PASSWORD, at("198.51.100.1")).await.unwrap();
    let token = inside.token.as_str();
    for _ in 0..6 {
        assert_eq!(fields_of(&service.change_password(token, "wrong", "Another-2026").await.err().unwrap()), ["old"]);
    }
    assert!(service.change_password(token, PASSWORD, "Another-2026").await.is_err(), "locked inside");
    let again = service.sign_in("wang", PASSWORD, at("198.51.100.1")).await.unwrap();
    assert!(service.change_password(again.token.as_str(), PASSWORD, "Another-2026").await.is_ok(), "another session");
}

#[tokio::test]
async fn what_an_organisation_is_not_any_more_nobody_does_for_it() {
    let world = world().await;
    let (service, a) = (world.service(), provider_a());
    let both = json!([{"role": "provider_staff", "organisation": a.code}, {"role": "clerk", "organisation": authority().code}]);
    for (login, grants) in [("zhao", json!([both[0]])), ("qian", both)] {
        let invitation = json!({"login": login, "name": "王芳芳", "grants": grants});
        let invited = service.invite(&Actor::Operator, Again::default(), invitation).await.unwrap();
        service.join(&invited.code.unwrap().to_string(), PASSWORD).await.unwrap();
    }
    let token = service.create_token(&Actor::Operator, &a.code).await.unwrap().token;
    let open = service.sign_in("zhao", PASSWORD, Caller::default()).await.unwrap();
    assert!(service.authenticate(Some(&token)).is_ok() && service.visitor(open.token.as_str()).is_some());

    let put = async |code: &CreditCode, role: &str| {
        let organisation = json!({"code": code, "name": "合肥质量学院", "roles": [role]});
        service.put_organisation(&Actor::Operator, organisation).await
    };
    put(&a.code, "employer").await.unwrap();
    assert!(service.visitor(open.token.as_str()).is_none(), "the session has ended");
    assert!(matches!(service.sign_in("zhao", PASSWORD, Caller::default()).await, Err(Error::Conflict(_))));
    assert!(service.authenticate(Some(&token)).is_err());
    assert!(service.create_token(&Actor::Operator, &a.code).await.is_err());
    let left = service.sign_in("qian", PASSWORD, Caller::default()).await.unwrap();
    let visitor = service.visitor(left.token.as_str()).unwrap();
    assert_eq!(visitor.actor.unwrap().person().unwrap().role, AccountRole::Clerk);
    assert_eq!(visitor.grants.iter().map(|(place, _)| *place).collect::<Vec<_>>(), [1]);
    assert!(service.switch_role(left.token.as_str(), 0).is_err());
    put(&a.code, "provider").await.unwrap();
    assert!(service.sign_in("zhao", PASSWORD, Caller::default()).await.is_ok(), "in force again");
    assert!(service.authenticate(Some(&token)).is_ok());

    assert_eq!(fields_of(&put(&authority().code, "provider").await.unwrap_err()), ["roles"]);
}

/// The event of a lock is written beside the answer, and is written.
#[tokio::test]
async fn that_an_account_was_locked_is_recorded() {
    let world = world().await;
    let id = joined(&world, "wang", "clerk").await;
    let service = world.service();
    for _ in 0..ProtectionLevel::Two.failures_max() {
        assert!(service.sign_in("wang", "wrong", Caller::default()).await.is_err());
    }
    for _ in 0..100 {
        let newest = service.events(&Actor::Operator, None, 1).await.unwrap().0.remove(0);
        if newest.action == "lock_account" {
            assert_eq!(newest.subject, id.to_string());
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("no event");
}

#[tokio::test]
async fn a_reset_that_is_on_its_way_stays_good_however_often_strangers_ask() {
    let world = world().await;
    let id = joined(&world, "wang@example.org", "clerk").await;
    let service = world.service();
    service.ask_for_reset("wang@example.org").await.unwrap();
    let digest = |service: &Service| service.account_now(id).unwrap().payload.code.unwrap().sha256;
    let first = digest(&service);
    world.clock.advance(59 * MINUTE);
    service.ask_for_reset("wang@example.org").await.unwrap();
    assert!(digest(&service) == first, "the code of the first letter");
    world.clock.advance(2 * MINUTE);
    service.ask_for_reset("wang@example.org").await.unwrap();
    assert!(digest(&service) != first, "it has run out");
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

/// A crash of an invitation leaves learner and account, or neither: inviting again makes no second learner.
#[tokio::test]
async fn an_invitation_of_a_new_learner_is_one_commit() {
    for fault in [Fault::DieLost, Fault::DieKept] {
        let mut world = World::new().await;
        let learners = |world: &World| world.service().directory().learner_ids().count();
        let before = learners(&world);
        world.disk.plan(Step::Commit, 1, fault);
        let input = invitation("new", "learner");
        assert!(world.service().invite(&Actor::Operator, Again::default(), input.clone()).await.is_err());
        world.reopen().await.unwrap();
        let kept = usize::from(fault == Fault::DieKept);
        assert_eq!(learners(&world), before + kept, "{fault:?}");
        let again = world.service().invite(&Actor::Operator, Again::default(), input).await;
        assert_eq!(again.is_err(), kept == 1, "the sign-in name is taken where it was kept");
        assert_eq!(learners(&world), before + 1, "{fault:?}");
    }
}
