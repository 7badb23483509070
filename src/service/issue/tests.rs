//! Issuing, step by step: what is issued and what not, what a correction does, what is frozen, and every crash in between.

use serde_json::json;

use super::super::testing::*;
use super::super::{Actor, AttestedKind, Certificate, CertificateState, Error, Scope};
use crate::credential::{HourCredential, SignedStatusList};
use crate::ledger::CertificateNumber;
use crate::ledger::bundle::Bundle;
use crate::ledger::entry::{Body, Entry, EntryId, Kind, LearnerId, Record, RevocationReason};
use crate::ledger::signed::SignedEntry;
use crate::ledger::verify::{FileKind, Question, State, verify_file};
use crate::merkle::Hash;
use crate::standard::UnixMillis;
use crate::store::{Fault, Step};

const HOUR: i64 = 3_600_000;
const FAULTS: [Fault; 4] = [Fault::FailLost, Fault::FailKept, Fault::DieLost, Fault::DieKept];

/// A study entry that finishes nothing.
fn unfinished(party: &Party) -> Entry {
    let mut entry = party.study();
    if let Body::Study(_, study) = &mut entry.body {
        study.completes = false;
    }
    entry
}

fn record_of(entry: &SignedEntry) -> Record {
    entry.entry().record().unwrap()
}

impl World {
    /// Seals, issues, and seals what that brought, until nothing is left to do.
    async fn issue_all(&mut self) {
        for _ in 0..3 {
            while self.seal().await.unwrap().is_some() {}
            self.service().issue_round().await.unwrap();
        }
        assert!(self.seal().await.unwrap().is_none(), "it comes to an end");
    }

    async fn certificates(&self, party: &Party) -> Vec<Certificate> {
        self.service().certificates(&party.actor(), party.learner.id).await.unwrap()
    }

    /// What the holder of a certificate has, and what a verifier finds of it; the ids of its rows' entries.
    async fn check_holder(&self, party: &Party, number: &CertificateNumber) -> Vec<EntryId> {
        let service = self.service();
        let credential = service.credential(&party.actor(), number).await.unwrap();
        let proof = service.certificate_proof(&party.actor(), number).await.unwrap();
        let read = HourCredential::from_bytes(&credential).unwrap();
        assert_eq!((read.verify_jcs(), read.verify_rdfc(), read.adds_up()), (Ok(()), Ok(()), true));
        let policy = policy();
        let report = verify_file(FileKind::Proof, &proof, Question { policy: Some(&policy), ..Question::default() });
        assert!(report.steps.iter().all(|step| step.state != State::Failed), "{:?}", report.steps);
        let (own, rows): (Vec<_>, Vec<_>) =
            report.entries.iter().partition(|entry| entry.signed.entry().kind() == Kind::Certificate);
        let [own] = own[..] else { panic!("one certificate entry") };
        let Body::Certificate(issued) = &own.signed.entry().body else { panic!("a certificate entry") };
        assert_eq!((issued.sha256, &issued.number), (Hash::of(&[&credential]), number));
        assert!(read.certificate().issued <= own.sealed_at, "dated after the block that holds it");
        let counted = crate::ledger::verify::counted(rows.iter().copied()).unwrap();
        assert_eq!(counted.len(), read.certificate().rows.len());
        for (counted, row) in counted.iter().zip(&read.certificate().rows) {
            assert_eq!((*counted.last.commitment.hash(), counted.last.height), (row.commitment, row.height));
            assert_eq!(counted.last.signed.entry().learner(), Some(&read.certificate().learner));
        }
        counted.iter().map(|counted| counted.last.signed.entry().id).collect()
    }

    async fn list(&self, at: Option<UnixMillis>) -> SignedStatusList {
        SignedStatusList::from_bytes(&self.service().status_list(1, at).await.unwrap()).unwrap()
    }

    /// Every certificate is frozen and verifies, and the newest edition shows exactly those that no longer hold.
    async fn check_all(&self, party: &Party) -> Vec<Certificate> {
        let all = self.certificates(party).await;
        for certificate in &all {
            self.check_holder(party, &certificate.number).await;
            let shown = self.list(None).await.list().is_set(certificate.status.1);
            assert_eq!(shown, certificate.state != CertificateState::InForce, "{:?}", certificate.state);
        }
        all
    }
}

#[tokio::test]
async fn a_finished_course_brings_one_certificate_of_its_entries() {
    let mut world = World::issuing().await;
    let (a, b) = (provider_a(), provider_b());
    let first = a.sign(unfinished(&a));
    world.accept(&a, &[&first]).await;
    world.issue_all().await;
    assert!(world.certificates(&a).await.is_empty(), "nothing is finished");
    let (last, again, other) = (a.signed_study(), a.signed_study(), b.signed_study());
    world.accept(&a, &[&last]).await;
    world.accept(&b, &[&other]).await;
    world.seal().await.unwrap().unwrap();
    world.service().issue_round().await.unwrap();
    let [issued] = &world.certificates(&a).await[..] else { panic!("one certificate") };
    // Nobody is handed one before its entry is in a block.
    assert_eq!(issued.position, None);
    for refused in [
        world.service().credential(&a.actor(), &issued.number).await,
        world.service().certificate_proof(&a.actor(), &issued.number).await,
    ] {
        assert!(matches!(refused, Err(Error::Conflict(_))));
    }
    world.issue_all().await;
    assert_eq!(world.check_holder(&a, &issued.number).await, [first.entry().id, last.entry().id]);
    let [theirs] = &world.certificates(&b).await[..] else { panic!("one certificate") };
    assert_eq!(world.check_holder(&b, &theirs.number).await, [other.entry().id]);
    // The same course once more: only what came since.
    world.clock.advance(1_000);
    world.accept(&a, &[&again]).await;
    world.issue_all().await;
    let all = world.check_all(&a).await;
    assert_eq!(all.len(), 2);
    assert_eq!(world.check_holder(&a, &all[1].number).await, [again.entry().id]);
    assert_eq!(all[1].scope, Scope::Course { completed_by: again.entry().id });
    world.settle().await;
}

#[tokio::test]
async fn a_proof_stays_the_same_to_the_byte() {
    let mut world = World::issuing().await;
    let a = provider_a();
    world.accept(&a, &[&a.signed_study()]).await;
    world.issue_all().await;
    let number = world.certificates(&a).await[0].number.clone();
    let frozen = world.service().certificate_proof(&a.actor(), &number).await.unwrap();
    for round in 0..3 {
        world.submit(&Actor::Operator, &[&add_key(60 + round, &a, &[Kind::Study])]).await.unwrap();
        world.accept(&a, &[&a.sign(unfinished(&a))]).await;
        world.issue_all().await;
        match round {
            0 => {}
            1 => world.reopen().await.unwrap(),
            _ => world.rotate_checkpoint_key().await,
        }
        world.service().issue_round().await.unwrap();
        assert_eq!(world.service().certificate_proof(&a.actor(), &number).await.unwrap(), frozen, "{round}");
    }
    assert!(
        world.service().published().checkpoint.lines().count()
            > Bundle::from_bytes(&frozen).unwrap().note.to_string().lines().count()
    );
}

#[tokio::test]
async fn a_correction_sets_the_bit_and_offers_a_new_one() {
    let mut world = World::issuing().await;
    let a = provider_a();
    let entry = a.signed_study();
    let commitment = commitment_of(&world.accept(&a, &[&entry]).await);
    world.issue_all().await;
    let old = world.check_all(&a).await.remove(0);
    assert!(!old.offers_replacement());
    let before = world.list(None).await.list().valid_from;
    world.clock.advance(HOUR);
    let mut record = record_of(&entry);
    if let Record::Study(study) = &mut record {
        study.hours = crate::standard::CreditHours::from_hundredths(600);
    }
    let correction = a.sign(a.correct(&entry, commitment, Some(record)));
    world.accept(&a, &[&correction]).await;
    world.issue_all().await;
    let corrected = world.check_all(&a).await.remove(0);
    assert!(matches!(corrected.state, CertificateState::Corrected { .. }) && corrected.offers_replacement());
    // The edition of before still says what held then.
    assert!(!world.list(Some(before)).await.list().is_set(old.status.1));
    let held = world.service().attestation(&old.sha256.to_string()).await.unwrap();
    assert_eq!((held.kind, held.state), (AttestedKind::Credential, corrected.state));

    let new = world.service().replace(&a.actor(), &old.number).await.unwrap();
    world.issue_all().await;
    assert_eq!(world.check_holder(&a, &new.number).await, [correction.entry().id]);
    let all = world.check_all(&a).await;
    assert_eq!(
        (all.len(), all[0].offers_replacement(), all[1].replaces.as_deref()),
        (2, false, Some(old.number.as_str()))
    );
    assert!(matches!(world.service().replace(&a.actor(), &old.number).await, Err(Error::Conflict(_))));
    // One that holds the correction is not touched by it, however often it is considered.
    world.reopen().await.unwrap();
    world.issue_all().await;
    assert_eq!(world.check_all(&a).await[1].state, CertificateState::InForce);
}

#[tokio::test]
async fn what_is_voided_unsealed_or_of_two_names_is_not_certified() {
    let mut world = World::issuing().await;
    let a = provider_a();
    let (voided, kept) = (a.signed_study(), a.sign(unfinished(&a)));
    let commitment = commitment_of(&world.accept(&a, &[&voided]).await);
    let void = a.sign(a.correct(&voided, commitment, None));
    world.accept(&a, &[&void, &kept]).await;
    world.issue_all().await;
    assert!(world.certificates(&a).await.is_empty(), "voided in the same block");
    let span = json!({"learner": a.learner.id.to_string(), "year": 2026});
    let issued = world.service().issue(&a.actor(), span.clone()).await.unwrap();
    // Not in a block when it is asked for.
    let pending = a.sign(unfinished(&a));
    world.accept(&a, &[&pending]).await;
    let second = world.service().issue(&a.actor(), span.clone()).await.unwrap();
    world.issue_all().await;
    for number in [&issued.number, &second.number] {
        assert_eq!(world.check_holder(&a, number).await, [kept.entry().id]);
    }
    let learner = world.service().learner(&a.actor(), a.learner.id).await.unwrap();
    let renamed = json!({"id": a.learner.id.to_string(), "name": "张玮"});
    world.service().change_learner(&a.actor(), a.learner.id, learner.version, renamed).await.unwrap();
    let mut finished = a.study();
    if let Body::Study(learner, _) = &mut finished.body {
        learner.name = "张玮".into();
    }
    let finished = a.sign(finished);
    world.accept(&a, &[&finished]).await;
    world.issue_all().await;
    assert_eq!(world.certificates(&a).await.len(), 2, "no certificate of two names");
    assert_eq!(world.service().figures().certificates_refused.get(), 1);
    let refused = world.service().issue(&a.actor(), span).await.unwrap_err();
    assert_eq!(fields_of(&refused), ["learner.name"]);
    let said = refused.to_string();
    assert!(said.contains(&finished.entry().id.to_string()) && !said.contains('张'), "{said}");
    // A span without the others has one name.
    let refused = json!({"learner": a.learner.id.to_string(), "first_day": "2025-01-01", "last_day": "2025-12-31"});
    assert_eq!(fields_of(&world.service().issue(&a.actor(), refused).await.unwrap_err()), ["scope"]);
}

#[tokio::test]
async fn a_year_is_certified_until_something_else_of_it_is_sealed() {
    let mut world = World::issuing().await;
    let a = provider_a();
    let year = json!({"learner": a.learner.id.to_string(), "year": 2026});
    for certificates in 1..=2 {
        world.accept(&a, &[&a.signed_study()]).await;
        world.issue_all().await;
        let service = world.service();
        assert!(!service.is_year_certified(&Actor::Operator, a.learner.id, 2026).await.unwrap(), "{certificates}");
        let made = service.issue(&a.actor(), year.clone()).await.unwrap();
        assert!(service.is_year_certified(&Actor::Operator, a.learner.id, 2026).await.unwrap(), "{certificates}");
        assert!(!service.is_year_certified(&Actor::Operator, a.learner.id, 2025).await.unwrap(), "{certificates}");
        if certificates == 2 {
            service.revoke(&Actor::Operator, &made.number, json!({"reason": "error"})).await.unwrap();
            assert!(!service.is_year_certified(&Actor::Operator, a.learner.id, 2026).await.unwrap(), "revoked");
        }
        world.issue_all().await;
    }
}

#[tokio::test]
async fn who_may_ask_for_what() {
    let mut world = World::issuing().await;
    let (a, b) = (provider_a(), provider_b());
    world.accept(&a, &[&a.signed_study()]).await;
    world.issue_all().await;
    let certificate = world.certificates(&a).await.remove(0);
    let (service, number) = (world.service(), certificate.number.clone());
    let year = json!({"learner": a.learner.id.to_string(), "year": 2026});
    for (actor, reads) in [(a.actor(), true), (Actor::Operator, true), (b.actor(), false), (Actor::Public, false)] {
        assert_eq!(service.certificate(&actor, &number).await.is_ok(), reads, "{actor}");
        assert_eq!(service.credential(&actor, &number).await.is_ok(), reads, "{actor}");
        assert_eq!(service.certificate_proof(&actor, &number).await.is_ok(), reads, "{actor}");
        assert_eq!(service.certificates(&actor, a.learner.id).await.is_ok(), reads, "{actor}");
        assert_eq!(service.issue(&actor, year.clone()).await.is_ok(), reads, "{actor}");
    }
    for actor in [a.actor(), b.actor(), Actor::Public] {
        let refused = service.revoke(&actor, &number, json!({"reason": "error"})).await;
        assert!(matches!(refused, Err(Error::Forbidden | Error::Unauthenticated)), "{actor}");
    }
    let refused = service.revoke(&Actor::Operator, &number, json!({"reason": "corrected"})).await.unwrap_err();
    assert_eq!(fields_of(&refused), ["reason"]);
    service.revoke(&Actor::Operator, &number, json!({"reason": "fraud"})).await.unwrap();
    assert!(matches!(
        service.revoke(&Actor::Operator, &number, json!({"reason": "error"})).await,
        Err(Error::Conflict(_))
    ));
    assert!(matches!(service.replace(&a.actor(), &number).await, Err(Error::Conflict(_))));
    world.issue_all().await;
    let all = world.check_all(&a).await;
    let revoked = all.iter().find(|one| one.number == number).unwrap();
    assert!(matches!(revoked.state, CertificateState::Revoked { reason: RevocationReason::Fraud, .. }));
}

#[tokio::test]
async fn a_list_is_renewed_when_half_its_time_is_over_and_answers_for_the_past() {
    let mut world = World::issuing().await;
    let a = provider_a();
    assert!(world.service().status_list(1, None).await.is_err());
    world.accept(&a, &[&a.signed_study()]).await;
    world.issue_all().await;
    let first = world.list(None).await;
    let proof = world.service().status_list_proof(1, None).await.unwrap();
    let policy = policy();
    let report = verify_file(FileKind::Proof, &proof, Question { policy: Some(&policy), ..Question::default() });
    assert!(report.steps.iter().all(|step| step.state != State::Failed), "{:?}", report.steps);
    world.clock.advance(11 * HOUR);
    world.service().issue_round().await.unwrap();
    assert_eq!(world.list(None).await.list(), first.list(), "less than half");
    world.clock.advance(HOUR);
    world.service().issue_round().await.unwrap();
    let second = world.list(None).await;
    assert!(second.list().valid_from > first.list().valid_from);
    let from = first.list().valid_from;
    let before = UnixMillis::new(from.millis() - 1).unwrap();
    assert_eq!(world.list(Some(from)).await.list(), first.list());
    assert!(world.service().status_list(1, Some(before)).await.is_err());
    assert!(world.service().status_list(1, Some(second.list().valid_until)).await.is_err());
    assert!(world.service().status_list(2, None).await.is_err() && world.service().status_list(0, None).await.is_err());
}

#[tokio::test]
async fn attestations_tell_no_name_and_need_what_only_the_holder_has() {
    let mut world = World::issuing().await;
    let a = provider_a();
    let entry = a.signed_study();
    let commitment = commitment_of(&world.accept(&a, &[&entry]).await);
    assert!(world.service().attestation(&commitment.to_string()).await.is_err(), "not in a block yet");
    world.issue_all().await;
    let certificate = world.certificates(&a).await.remove(0);
    let service = world.service();
    let found = service.attestation(&commitment.to_string()).await.unwrap();
    assert_eq!((found.kind, found.state, found.number), (AttestedKind::Entry, CertificateState::InForce, None));
    let place = format!("{}-{}", found.position.height, found.position.index);
    assert_eq!(service.attestation(&place).await.unwrap().position, found.position);
    let own = service.attestation(&certificate.sha256.to_string()).await.unwrap();
    assert_eq!(own.number.as_ref(), Some(&certificate.number));
    for unknown in ["0-1", "999-0", "1", "00-0", "-", "", &"0".repeat(64), &"0".repeat(63)] {
        assert!(matches!(service.attestation(unknown).await, Err(Error::NotFound("attestation"))), "{unknown}");
    }
    let (number, digest) = (certificate.number.to_string(), certificate.sha256.to_string());
    let other = "XS-2026-340100-7K3M9QX2AB-4";
    for (number, digest, known) in [
        (number.as_str(), &digest[..16], true),
        (&number, &digest[..15], false),
        (&number, "0000000000000000", false),
        (other, &digest[..16], false),
        (other, "0000000000000000", false),
        ("", "", false),
    ] {
        let answer = service.attested_certificate(number, digest).await;
        assert_eq!(answer.is_ok(), known, "{number} {digest}");
        assert!(known || matches!(answer, Err(Error::NotFound("attestation"))));
    }
    for (number, name, known) in
        [(number.as_str(), "张伟", true), (&number, "张", false), (&number, "", false), (other, "张伟", false)]
    {
        let answer = service.search_certificate(number, name).await;
        assert_eq!(answer.is_ok(), known, "{number} {name}");
        assert!(known || matches!(answer, Err(Error::NotFound("attestation"))));
    }
}

#[tokio::test]
async fn documents_of_the_erased_are_gone_and_digests_stay() {
    let mut world = World::issuing().await;
    let a = provider_a();
    world.accept(&a, &[&a.signed_study(), &a.signed_study()]).await;
    world.issue_all().await;
    let certificate = world.certificates(&a).await.remove(0);
    let erasure = json!({"learners": [a.learner.id.to_string()]});
    world.accept(&a, &[&a.signed_study()]).await;
    world.service().erase_learners(&Actor::Operator, erasure).await.unwrap();
    for reopened in [false, true] {
        if reopened {
            world.reopen().await.unwrap();
        }
        world.issue_all().await;
        let (service, number) = (world.service(), &certificate.number);
        for actor in [a.actor(), Actor::Operator] {
            assert!(matches!(service.certificate(&actor, number).await, Err(Error::Erased(_))), "{actor}");
            assert!(matches!(service.credential(&actor, number).await, Err(Error::Erased(_))), "{actor}");
            assert!(matches!(service.certificate_proof(&actor, number).await, Err(Error::Erased(_))), "{actor}");
            assert!(matches!(service.certificates(&actor, a.learner.id).await, Err(Error::Erased(_))), "{actor}");
        }
        assert!(matches!(service.certificate(&provider_b().actor(), number).await, Err(Error::NotFound(_))));
        let digest = certificate.sha256.to_string();
        assert_eq!(service.attestation(&digest).await.unwrap().number.as_ref(), Some(number));
        assert!(service.attested_certificate(number.as_str(), &digest[..16]).await.is_ok());
        assert!(service.search_certificate(number.as_str(), "张伟").await.is_err());
        assert!(service.search_certificate(number.as_str(), "").await.is_err());
    }
}

/// A ledger of before: no key, no certificates, everything else as ever; with a key, from then on.
#[tokio::test]
async fn a_ledger_without_an_issuer_key_says_so() {
    let mut world = World::new().await;
    world.settings.issue = Some(issue_settings());
    world.reopen().await.unwrap();
    let a = provider_a();
    world.accept(&a, &[&a.signed_study()]).await;
    world.issue_all().await;
    let year = json!({"learner": a.learner.id.to_string(), "year": 2026});
    assert!(matches!(world.service().issue(&a.actor(), year).await, Err(Error::CannotIssue(_))));
    assert!(world.certificates(&a).await.is_empty() && world.service().issues_certificates().is_err());
    world.settle().await;
}

/// The key ended before the entry of a certificate had its place: it is issued anew under the key that works then.
#[tokio::test]
async fn what_an_ended_key_signed_and_nobody_saw_is_issued_anew() {
    let mut world = World::issuing().await;
    let a = provider_a();
    world.submit(&Actor::Operator, &[&add_issuer_key(NEXT_ISSUER_KEY)]).await.unwrap();
    world.seal().await.unwrap().unwrap();
    world.accept(&a, &[&a.signed_study()]).await;
    world.seal().await.unwrap().unwrap();
    // Its commit is the first, and what sends the entry the next but one.
    world.disk.plan(Step::Commit, 3, Fault::DieLost);
    assert!(world.service().issue_round().await.is_err());
    world.reopen().await.unwrap();
    let lost = world.certificates(&a).await.remove(0);
    world.submit(&Actor::Operator, &[&retire_key(ISSUER_KEY)]).await.unwrap();
    world.seal().await.unwrap().unwrap();
    world.issue_all().await;
    let [anew] = &world.check_all(&a).await[..] else { panic!("one certificate") };
    assert_ne!(anew.number, lost.number);
    assert!(world.service().attestation(&lost.sha256.to_string()).await.is_err());
    world.settle().await;
}

/// Every commit of two rounds fails in every way: one certificate comes of each finished course, its bit is set when it is
/// corrected, and nothing is lost, doubled or shown too early.
#[tokio::test]
async fn no_step_of_issuing_loses_or_doubles_a_certificate_however_it_fails() {
    for fault in FAULTS {
        for nth in 1..=14 {
            let what = format!("{fault:?} at commit {nth}");
            let mut world = World::issuing().await;
            let a = provider_a();
            let (held, fresh) = (a.signed_study(), a.signed_study());
            let commitment = commitment_of(&world.accept(&a, &[&held]).await);
            world.issue_all().await;
            let number = world.certificates(&a).await[0].number.clone();
            let frozen = world.service().certificate_proof(&a.actor(), &number).await.unwrap();
            let void = a.sign(a.correct(&held, commitment, None));
            // Listed by the time of issue.
            world.clock.advance(1_000);
            world.accept(&a, &[&void, &fresh]).await;
            world.seal().await.unwrap().unwrap();
            world.disk.plan(Step::Commit, nth, fault);
            let mut failed = false;
            for _ in 0..2 {
                failed |= world.service().issue_round().await.is_err();
                failed |= world.seal().await.is_err();
            }
            assert!(failed || nth > 10, "{what}: nothing failed");
            world.reopen().await.unwrap();
            world.issue_all().await;
            let all = world.check_all(&a).await;
            let states: Vec<bool> = all.iter().map(|one| one.state == CertificateState::InForce).collect();
            assert_eq!(states, [false, true], "{what}");
            let proof = world.service().certificate_proof(&a.actor(), &number).await.unwrap();
            assert_eq!(proof, frozen, "{what}");
            let revocations = world.own_entries(Kind::Status).await;
            let revoked = revocations.iter().filter(|entry| entry.entry().to_value()["action"] == "revoke").count();
            assert_eq!((revoked, world.own_entries(Kind::Certificate).await.len()), (1, 2), "{what}");
            world.settle().await;
        }
    }
}

/// A clock that goes back between issue and block does not date a certificate after its block.
#[tokio::test]
async fn a_clock_that_goes_back_brings_no_certificate_dated_after_its_block() {
    let mut world = World::issuing().await;
    let a = provider_a();
    world.accept(&a, &[&a.signed_study()]).await;
    world.clock.advance(10_000);
    world.seal().await.unwrap().unwrap();
    world.clock.advance(100_000);
    world.service().issue_round().await.unwrap();
    world.clock.jump(-90_000);
    for reopened in [false, true] {
        if reopened {
            world.reopen().await.unwrap();
        }
        world.issue_all().await;
        world.check_all(&a).await;
    }
    let learner: LearnerId = a.learner.id;
    assert_eq!(world.service().certificates(&Actor::Operator, learner).await.unwrap().len(), 1);
}
