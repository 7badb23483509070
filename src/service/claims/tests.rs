//! Claims from the first word to the chain: every step and who may take it, every crash of an acceptance, and what is left of
//! somebody who was erased.

use std::sync::Arc;

use serde_json::{Value, json};
use uuid::Uuid;

use super::super::access::{AccountRole, Person};
use super::super::tables::{CLAIMS, EVIDENCE, OUTBOX};
use super::super::testing::*;
use super::super::{Actor, CorrectionInput, Error};
use super::evidence::MAX_WRITTEN_BYTES;
use super::file_type::sample;
use super::write::MAX_VERSIONS;
use super::*;
use crate::ledger::entry::{Body, EntryId, LearnerId, Record, Reviewer};
use crate::merkle::Hash;
use crate::standard::CreditCode;
use crate::store::{Direction, Fault, KeyRange, MAX_SCAN_ROWS, Step};

const FAULTS: [Fault; 4] = [Fault::FailLost, Fault::FailKept, Fault::DieLost, Fault::DieKept];

fn id<T: TryFrom<Uuid, Error: std::fmt::Debug>>(n: u64) -> T {
    let mut bytes = *Uuid::from_u64_pair(0x0197_0000_0000_7000, n).as_bytes();
    bytes[8] = 0x80;
    Uuid::from_bytes(bytes).try_into().unwrap()
}

fn person(n: u64, role: AccountRole, organisation: CreditCode, learners: Vec<LearnerId>) -> Actor {
    let affiliations = vec![organisation.clone()];
    Actor::Person(Person { account: id(n), role, organisation, learners, affiliations })
}

/// The learner of a party, signed in.
fn learner(of: &Party) -> Actor {
    person(of.key.into(), AccountRole::Learner, of.code.clone(), vec![of.learner.id])
}

fn clerk(n: u64) -> Actor {
    person(n, AccountRole::Clerk, authority().code, Vec::new())
}

fn lecture() -> Value {
    json!({
        "kind": "study", "form": "lecture", "title": "卓越绩效准则", "organiser": "省质量协会",
        "first_day": "2026-06-01", "last_day": "2026-06-02", "hours": "6.5",
    })
}

fn with(mut value: Value, name: &str, change: &str) -> Value {
    value[name] = change.into();
    value
}

fn reason() -> Value {
    json!({"reason": "证书上没有日期"})
}

impl World {
    /// A claim of this party's learner with one file, not submitted yet.
    async fn draft(&self, of: &Party, says: Value, salt: &str) -> Claim {
        let (service, actor) = (self.service(), learner(of));
        let claim = service.begin_claim(&actor, of.learner.id, says).await.unwrap();
        service.add_evidence(&actor, claim.id, "证书.pdf", &sample(FileType::Pdf, salt)).await.unwrap()
    }

    async fn submitted(&self, of: &Party, says: Value, salt: &str) -> Claim {
        let draft = self.draft(of, says, salt).await;
        self.service().submit_claim(&learner(of), draft.id, draft.version).await.unwrap()
    }

    /// Accepts, and dies before the entry has its place: the acceptance is the first commit, and its place the next.
    async fn accept_and_die(&mut self, claim: &Claim) {
        self.disk.plan(Step::Commit, 2, Fault::DieLost);
        drop(self.service().accept_claim(&clerk(1), claim.id, claim.version).await);
        self.reopen().await.unwrap();
    }

    /// Everything that stands in these tables, as it lies on the disk.
    async fn raw(&self, ranges: Vec<KeyRange>) -> Vec<u8> {
        let mut all = Vec::new();
        for range in ranges {
            let rows = self.service().store.scan(range, MAX_SCAN_ROWS, Direction::Forward).await.unwrap();
            all.extend(rows.into_iter().flat_map(|(key, row)| [key.key().to_vec(), row.value].concat()));
        }
        all
    }
}

#[tokio::test]
async fn a_claim_goes_its_way_from_the_first_word_to_the_chain() {
    let mut world = World::recording().await;
    let (a, clerk) = (provider_a(), clerk(1));
    let actor = learner(&a);
    let first = world.submitted(&a, lecture(), "1").await;
    assert_eq!((first.state, first.notices.len(), first.missing.0.len()), (ClaimState::Submitted, 0, 0));
    let seen = world.service().claim(&clerk, first.id).await.unwrap();
    assert_eq!((seen.learner_name.as_str(), seen.conflict), ("张伟", None));
    let returned = world.service().return_claim(&clerk, first.id, seen.version, reason()).await.unwrap();
    assert_eq!(returned.state, ClaimState::Returned);
    let says = with(lecture(), "hours", "6");
    world.service().change_claim(&actor, first.id, returned.version, says).await.unwrap();
    let file = sample(FileType::Png, "new");
    let changed = world.service().add_evidence(&actor, first.id, "b.png", &file).await.unwrap();
    // What the claimant is changing is not what was submitted, nor anybody else's to see.
    let drafted = changed.files.last().unwrap().id;
    for _ in 0..2 {
        let service = world.service();
        let seen = service.claim(&clerk, first.id).await.unwrap();
        assert_eq!(seen.said.hours().unwrap().to_string(), "6.50");
        let hours = |lines: &[ClaimLine]| lines[0].hours.unwrap().to_string();
        let queue = service.claim_queue(&clerk, &ClaimFilter::default(), 1, 10).await.unwrap();
        assert_eq!(hours(&queue.lines), "6.50");
        assert_eq!(hours(&service.own_claims(&actor, a.learner.id).await.unwrap()), "6.00");
        assert!(matches!(service.evidence(&clerk, first.id, drafted).await, Err(Error::NotFound("file"))));
        assert!(service.evidence(&clerk, first.id, seen.files[0].id).await.is_ok());
        assert!(service.evidence(&actor, first.id, drafted).await.is_ok());
        drop(service);
        world.reopen().await.unwrap();
    }
    let changed = world.service().remove_evidence(&actor, first.id, drafted).await.unwrap();
    world.reopen().await.unwrap();
    let service = world.service();
    let again = service.submit_claim(&actor, first.id, changed.version).await.unwrap();
    let accepted = service.accept_claim(&clerk, first.id, again.version).await.unwrap();
    assert_eq!((accepted.state, accepted.position.is_none()), (ClaimState::Accepted, true));
    let entry = accepted.entry.unwrap();
    world.settle().await;
    for _ in 0..2 {
        let service = world.service();
        let claim = service.claim(&actor, first.id).await.unwrap();
        let position = claim.position.expect("it is on the chain");
        let view = service.entry(&actor, entry).await.unwrap();
        assert_eq!(view.position, Some(position));
        assert_eq!(view.signed.entry().recorder, authority().code);
        let Some(Record::Study(study)) = view.signed.entry().record() else { panic!("study") };
        assert_eq!((study.hours.to_string(), study.reviewed_by), ("6.00".into(), Some(Reviewer::Clerk)));
        assert_eq!(study.evidence, [claim.files[0].sha256]);
        let events: Vec<ClaimEvent> = claim.history.iter().map(|step| step.event).collect();
        use ClaimEvent as E;
        assert_eq!(events, [E::Begun, E::Submitted, E::Returned, E::Submitted, E::Accepted]);
        assert_eq!(claim.history[2].reason.as_deref(), Some("证书上没有日期"));
        // The claimant is told the role of who decided, and not who it was.
        assert_eq!((claim.history[2].account, claim.history[2].role), (None, Some(AccountRole::Clerk)));
        assert!(claim.history[0].account.is_some());
        let earlier: Vec<String> = claim.earlier.iter().map(|one| one.said.hours().unwrap().to_string()).collect();
        assert_eq!(earlier, ["6.50"]);
        let lines = service.own_claims(&actor, a.learner.id).await.unwrap();
        assert_eq!((lines.len(), lines[0].state, lines[0].entry), (1, ClaimState::Accepted, Some(entry)));
        assert!(lines[0].on_chain);
        let queue = service.claim_queue(&clerk, &ClaimFilter::default(), 1, 10).await.unwrap();
        assert!(queue.lines[0].on_chain);
        world.reopen().await.unwrap();
    }
}

/// Each act on a claim in each state: it is done, or it is a conflict.
#[tokio::test]
async fn every_state_allows_what_it_should() {
    use ClaimState as S;
    let world = World::recording().await;
    let (service, a, clerk) = (world.service(), provider_a(), clerk(1));
    let actor = learner(&a);
    for (n, state) in S::ALL.iter().enumerate() {
        for act in ["change", "submit", "withdraw", "add", "remove", "accept", "return", "reject"] {
            let title = format!("{state} {act}");
            let claim = world.draft(&a, with(lecture(), "title", &title), &title).await;
            let (id, file) = (claim.id, claim.files[0].id);
            let submitted = || service.submit_claim(&actor, id, claim.version);
            let claim = match state {
                S::Draft => claim.clone(),
                S::Submitted => submitted().await.unwrap(),
                S::Returned => {
                    let version = submitted().await.unwrap().version;
                    service.return_claim(&clerk, id, version, reason()).await.unwrap()
                }
                S::Accepted => {
                    let version = submitted().await.unwrap().version;
                    service.accept_claim(&clerk, id, version).await.unwrap()
                }
                S::Rejected => {
                    let version = submitted().await.unwrap().version;
                    service.reject_claim(&clerk, id, version, reason()).await.unwrap()
                }
                S::Withdrawn => service.withdraw_claim(&actor, id, claim.version).await.unwrap(),
            };
            assert_eq!(claim.state, *state);
            let version = claim.version;
            let outcome = match act {
                "change" => service.change_claim(&actor, id, version, with(lecture(), "title", &title)).await,
                "submit" => service.submit_claim(&actor, id, version).await,
                "withdraw" => service.withdraw_claim(&actor, id, version).await,
                "add" => service.add_evidence(&actor, id, "2", &sample(FileType::Png, &title)).await,
                "remove" => service.remove_evidence(&actor, id, file).await,
                "accept" => service.accept_claim(&clerk, id, version).await,
                "return" => service.return_claim(&clerk, id, version, reason()).await,
                _ => service.reject_claim(&clerk, id, version, reason()).await,
            };
            let open = [S::Draft, S::Returned].contains(state);
            let allowed = match act {
                "change" | "submit" | "add" | "remove" => open,
                "withdraw" => open || *state == S::Submitted,
                _ => *state == S::Submitted,
            };
            match outcome {
                Ok(_) => assert!(allowed, "{title}"),
                // What was never submitted does not exist for those who review.
                Err(Error::NotFound("claim")) => assert!(matches!(state, S::Draft | S::Withdrawn), "{title}"),
                Err(Error::Conflict(_)) => assert!(!allowed, "{title}"),
                Err(error) => panic!("{title}: {error}"),
            }
            // Room for the next.
            let now = service.claim(&actor, id).await.unwrap();
            drop(service.withdraw_claim(&actor, id, now.version).await);
        }
        assert!(n < 6);
    }
}

#[tokio::test]
async fn who_may_read_write_and_review() {
    let world = World::recording().await;
    let (service, a, b) = (world.service(), provider_a(), provider_b());
    let draft = world.draft(&a, lecture(), "1").await;
    let claim = world.submitted(&a, lecture(), "2").await;
    let file = claim.files[0].id;
    let body = |n, role| person(n, role, authority().code, Vec::new());
    use AccountRole as R;
    //       who, reads what was submitted, reads a draft
    for (actor, reads, drafts) in [
        (learner(&a), true, true),
        (learner(&b), false, false),
        (body(1, R::Clerk), true, false),
        (body(2, R::Supervisor), true, false),
        (body(3, R::Auditor), true, false),
        (body(4, R::CompetentAuthority), true, false),
        (Actor::Operator, true, false),
        (body(5, R::Administrator), false, false),
        (body(6, R::Expert), false, false),
        (person(7, R::Employer, a.code.clone(), vec![]), false, false),
        (person(8, R::ProviderStaff, a.code.clone(), vec![]), false, false),
        (a.actor(), false, false),
        (Actor::Public, false, false),
        // Signed in as something else, one's own claims are not one's own.
        (person(10, R::ProviderStaff, a.code.clone(), vec![a.learner.id]), false, false),
    ] {
        assert_eq!(service.claim(&actor, claim.id).await.is_ok(), reads, "{actor}");
        assert_eq!(service.evidence(&actor, claim.id, file).await.is_ok(), reads, "{actor}");
        assert_eq!(service.claim(&actor, draft.id).await.is_ok(), drafts, "{actor}");
        let queue = service.claim_queue(&actor, &ClaimFilter::default(), 1, 10).await;
        assert_eq!(queue.is_ok(), reads && !drafts, "{actor}");
        let own = actor == learner(&a);
        assert_eq!(service.own_claims(&actor, a.learner.id).await.is_ok(), own, "{actor}");
        assert_eq!(service.begin_claim(&actor, a.learner.id, lecture()).await.is_ok(), own, "{actor}");
        if !own {
            assert!(service.change_claim(&actor, draft.id, draft.version, lecture()).await.is_err(), "{actor}");
            assert!(service.remove_evidence(&actor, draft.id, draft.files[0].id).await.is_err(), "{actor}");
        }
        if !matches!(&actor, Actor::Person(person) if matches!(person.role, R::Clerk | R::Supervisor)) {
            assert!(service.accept_claim(&actor, claim.id, claim.version).await.is_err(), "{actor}");
            assert!(service.reject_claim(&actor, claim.id, claim.version, reason()).await.is_err(), "{actor}");
        }
    }
    let accepted = service.accept_claim(&body(2, R::Supervisor), claim.id, claim.version).await.unwrap();
    let view = service.entry(&Actor::Operator, accepted.entry.unwrap()).await.unwrap();
    assert_eq!(view.signed.entry().record().unwrap().reviewed_by(), Some(Reviewer::Supervisor));
}

#[tokio::test]
async fn nobody_decides_about_their_own_or_their_own_organisations() {
    let world = World::recording().await;
    let (service, a) = (world.service(), provider_a());
    let plant = CreditCode::with_check("91340100MA2P0000C").unwrap();
    let known = service.learner(&a.actor(), a.learner.id).await.unwrap();
    let serves = json!({
        "id": a.learner.id.to_string(), "name": a.learner.name,
        "employers": [{"name": "合肥机床厂", "code": plant.as_str(), "from": "2020-01-01"}],
    });
    service.change_learner(&a.actor(), a.learner.id, known.version, serves).await.unwrap();
    let claim = world.submitted(&a, lecture(), "1").await;
    let body = authority().code;
    let with_learner = person(1, AccountRole::Clerk, body.clone(), vec![a.learner.id]);
    let Actor::Person(colleague) = person(2, AccountRole::Supervisor, body.clone(), vec![]) else { unreachable!() };
    let colleague = Actor::Person(Person { affiliations: vec![body, plant.clone()], ..colleague });
    for (actor, why) in [(with_learner, ReviewConflict::OwnClaim), (colleague, ReviewConflict::OwnOrganisation)] {
        assert_eq!(service.claim(&actor, claim.id).await.unwrap().conflict, Some(why));
        let accept = service.accept_claim(&actor, claim.id, claim.version).await.unwrap_err();
        let others = [
            service.return_claim(&actor, claim.id, claim.version, reason()).await.unwrap_err(),
            service.reject_claim(&actor, claim.id, claim.version, reason()).await.unwrap_err(),
        ];
        for error in others.iter().chain([&accept]) {
            assert!(matches!(error, Error::ConflictOfInterest(found) if *found == why), "{error}");
        }
    }
    let filter = ClaimFilter { employer: Some(plant), ..ClaimFilter::default() };
    assert_eq!(service.claim_queue(&clerk(3), &filter, 1, 10).await.unwrap().total, 1);
    let seen = service.claim(&clerk(3), claim.id).await.unwrap();
    assert_eq!(seen.employers.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["合肥机床厂"]);
    let filter = ClaimFilter { employer: Some(provider_b().code), ..ClaimFilter::default() };
    assert_eq!(service.claim_queue(&clerk(3), &filter, 1, 10).await.unwrap().total, 0);
    assert_eq!(service.claim(&clerk(3), claim.id).await.unwrap().state, ClaimState::Submitted);
}

/// A clerk who is a CQO as well decides about no colleague, under whatever learner id either of them serves.
#[tokio::test]
async fn nobody_decides_about_the_claims_of_a_colleague() {
    let world = World::recording().await;
    let (service, a, b) = (world.service(), provider_a(), provider_b());
    let serve = async |of: &Party, id: LearnerId, employer: Value| {
        let says = json!({"id": id.to_string(), "name": of.learner.name, "employers": [employer]});
        match service.learner(&of.actor(), id).await {
            Ok(known) => drop(service.change_learner(&of.actor(), id, known.version, says).await.unwrap()),
            Err(_) => drop(service.register_learners(&of.actor(), json!([says])).await.unwrap()),
        }
    };
    let plant = CreditCode::with_check("91340100MA2P0000C").unwrap();
    // The claimant serves under another id than the claim is of.
    let second: LearnerId = id(77);
    let account = json!({
        "login": "zhang", "name": "张伟", "learners": [a.learner.id, second],
        "grants": [{"role": "learner", "organisation": authority().code}],
    });
    let claim = world.submitted(&a, lecture(), "1").await;
    let reviewer = person(1, AccountRole::Clerk, authority().code, vec![b.learner.id]);
    serve(&a, second, json!({"name": "合肥机床厂（集团）", "from": "2020-01-01"})).await;
    service.invite(&Actor::Operator, crate::service::accounts::Again::default(), account).await.unwrap();
    for (employer, why) in [
        (json!({"name": "市机床厂", "from": "2020-01-01"}), None),
        (json!({"name": "合肥机床厂(集团)", "from": "2020-01-01", "to": "2021-01-01"}), None),
        (json!({"name": "合肥 机床厂(集团)", "from": "2020-01-01"}), Some(ReviewConflict::OwnOrganisation)),
        (
            json!({"name": "合肥机床厂（集团）", "code": plant.as_str(), "from": "2020-01-01"}),
            Some(ReviewConflict::OwnOrganisation),
        ),
    ] {
        serve(&b, b.learner.id, employer.clone()).await;
        assert_eq!(service.claim(&reviewer, claim.id).await.unwrap().conflict, why, "{employer}");
        if let Some(why) = why {
            let refused = service.reject_claim(&reviewer, claim.id, claim.version, reason()).await.unwrap_err();
            assert!(matches!(refused, Error::ConflictOfInterest(found) if found == why), "{refused}");
        }
    }
    // What the learner under the other id claims is their own as well.
    let own = person(2, AccountRole::Clerk, authority().code, vec![second]);
    assert_eq!(service.claim(&own, claim.id).await.unwrap().conflict, Some(ReviewConflict::OwnClaim));
}

#[tokio::test]
async fn what_is_written_for_a_learner_in_a_year_is_bounded() {
    let mut world = World::recording().await;
    let a = provider_a();
    let actor = learner(&a);
    let first = world.draft(&a, lecture(), "1").await;
    let other = world.draft(&a, lecture(), "2").await;
    let bytes = sample(FileType::Png, "x");
    // All but what one file takes, most of it removed again.
    let mut claim = world.service().open_claim(first.id, |_| true).await.unwrap();
    let size = u64::try_from(bytes.len()).unwrap();
    let of_other = world.service().open_claim(other.id, |_| true).await.unwrap().head.written;
    assert_eq!(of_other.bytes, u64::try_from(other.files[0].bytes).unwrap());
    claim.head.written.bytes = MAX_WRITTEN_BYTES - of_other.bytes - size;
    world.service().keep_claim(&actor, "change_claim", claim, Vec::new()).await.unwrap();
    world.reopen().await.unwrap();
    let service = world.service();
    let added = service.add_evidence(&actor, first.id, "x", &bytes).await.unwrap();
    service.remove_evidence(&actor, first.id, added.files.last().unwrap().id).await.unwrap();
    for claim in [first.id, other.id] {
        let refused = service.add_evidence(&actor, claim, "x", &bytes).await.unwrap_err();
        assert_eq!(fields_of(&refused), ["file"]);
    }
    // Somebody else has room, and so has the next year.
    world.draft(&provider_b(), lecture(), "3").await;
    world.clock.advance(60 * 24 * 3_600_000);
    service.add_evidence(&actor, first.id, "x", &bytes).await.unwrap();
}

/// As much is asked for at once as ten times what is left: what is too much is refused, however they meet.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn uploads_at_the_same_time_do_not_pass_the_bound_together() {
    const LEFT: usize = 2;
    let world = World::recording().await;
    let a = provider_a();
    let (actor, service) = (learner(&a), world.service());
    let mut claims = Vec::new();
    for n in 0..10 {
        claims.push(world.draft(&a, lecture(), &n.to_string()).await.id);
    }
    let whole = |salt: usize| {
        let mut bytes = sample(FileType::Jpeg, &salt.to_string());
        bytes.resize(MAX_EVIDENCE_BYTES / 4, 7);
        bytes
    };
    let size = u64::try_from(whole(0).len()).unwrap();
    let mut claim = service.open_claim(claims[0], |_| true).await.unwrap();
    let (year, left) = (claim.head.written.year, size * u64::try_from(LEFT).unwrap());
    claim.head.written.bytes += MAX_WRITTEN_BYTES - service.claims().written(a.learner.id, year) - left;
    service.keep_claim(&actor, "change_claim", claim, Vec::new()).await.unwrap();
    let uploads = claims.iter().enumerate().map(|(n, id)| {
        let (service, actor, id, bytes) = (Arc::clone(&service), actor.clone(), *id, whole(n));
        tokio::spawn(async move { service.add_evidence(&actor, id, "x", &bytes).await })
    });
    let mut added = 0;
    for upload in uploads.collect::<Vec<_>>() {
        match upload.await.unwrap() {
            Ok(_) => added += 1,
            Err(error) => assert_eq!(fields_of(&error), ["file"]),
        }
    }
    assert_eq!((added, service.claims().written(a.learner.id, year)), (LEFT, MAX_WRITTEN_BYTES));
    // Nothing is held for what did not come: with room again, there is room.
    let mut claim = service.open_claim(claims[0], |_| true).await.unwrap();
    claim.head.written.bytes -= size;
    service.keep_claim(&actor, "change_claim", claim, Vec::new()).await.unwrap();
    service.add_evidence(&actor, claims[1], "x", &whole(11)).await.unwrap();
    assert!(service.add_evidence(&actor, claims[2], "x", &whole(12)).await.is_err());
}

/// Everybody but the claimant is noted, by account and role, and what is noted says nothing of the file.
#[tokio::test]
async fn whoever_opens_somebody_elses_evidence_is_in_the_record() {
    let mut world = World::recording().await;
    let a = provider_a();
    let claim = world.submitted(&a, lecture(), "1").await;
    let file = claim.files[0].clone();
    let (service, clerk) = (world.service(), clerk(1));
    let auditor = person(2, AccountRole::Auditor, authority().code, Vec::new());
    let opened = async |service: &super::super::Service| {
        let (events, _) = service.events(&auditor, None, 500).await.unwrap();
        let of_files = events.into_iter().filter(|event| event.action == "open_evidence").rev();
        of_files.map(|event| (event.actor, event.subject)).collect::<Vec<_>>()
    };
    let open = async |actor: &Actor| service.evidence(actor, claim.id, file.id).await.map(drop);
    let subject = format!("{} {}", claim.id, file.id);
    open(&learner(&a)).await.unwrap();
    open(&person(3, AccountRole::Employer, a.code.clone(), Vec::new())).await.unwrap_err();
    assert!(service.evidence(&clerk, claim.id, id(77)).await.is_err());
    assert_eq!(opened(&service).await, []);
    for _ in 0..2 {
        open(&clerk).await.unwrap();
        open(&auditor).await.unwrap();
        world.clock.advance(60_000);
    }
    let both = [(clerk.to_string(), subject.clone()), (auditor.to_string(), subject.clone())];
    assert_eq!(opened(&service).await, both);
    assert!(both[0].0.starts_with("clerk:") && !format!("{both:?}").contains(&file.name));
    world.clock.advance(10 * 60_000);
    open(&clerk).await.unwrap();
    assert_eq!(opened(&service).await.len(), 3);
    // What cannot be noted is not shown; the claimant's own is.
    world.clock.advance(10 * 60_000);
    world.disk.plan(Step::Commit, 1, Fault::FailLost);
    assert!(open(&clerk).await.is_err() && open(&learner(&a)).await.is_ok());
    drop(service);
    world.reopen().await.unwrap();
    let service = world.service();
    assert_eq!(opened(&service).await.len(), 3);
    service.evidence(&clerk, claim.id, file.id).await.unwrap();
    assert_eq!(opened(&service).await.len(), 4);
}

#[tokio::test]
async fn of_two_reviewers_one_decides() {
    let world = World::recording().await;
    let (service, a) = (world.service(), provider_a());
    let claim = world.submitted(&a, lecture(), "1").await;
    let (one, other) = (clerk(1), clerk(2));
    let (accepted, rejected) = tokio::join!(
        service.accept_claim(&one, claim.id, claim.version),
        service.reject_claim(&other, claim.id, claim.version, reason()),
    );
    assert_eq!(accepted.is_ok(), rejected.is_err());
    let error = accepted.err().or(rejected.err()).unwrap();
    assert!(matches!(error, Error::Conflict(_)), "{error}");
    // A page that was open since before the claimant changed it decides nothing either.
    let claim = world.submitted(&a, lecture(), "2").await;
    let old = claim.version;
    let claim = service.return_claim(&one, claim.id, old, reason()).await.unwrap();
    service.submit_claim(&learner(&a), claim.id, claim.version).await.unwrap();
    assert!(matches!(service.accept_claim(&other, claim.id, old).await, Err(Error::Conflict(_))));
}

#[tokio::test]
async fn evidence_is_taken_by_content_within_limits_and_kept_where_it_was_submitted() {
    let world = World::recording().await;
    let (service, a) = (world.service(), provider_a());
    let actor = learner(&a);
    let claim = service.begin_claim(&actor, a.learner.id, lecture()).await.unwrap();
    let refused = service.submit_claim(&actor, claim.id, claim.version).await.unwrap_err();
    assert_eq!(fields_of(&refused), ["evidence"]);
    assert_eq!(claim.missing.0[0].field, "evidence");
    let id = claim.id;
    let add = async |name: &str, bytes: &[u8]| service.add_evidence(&actor, id, name, bytes).await;
    let large = vec![b' '; MAX_EVIDENCE_BYTES + 1];
    for bytes in [b"".as_slice(), b"<html>", &large, &sample(FileType::Png, "")[..40]] {
        assert_eq!(fields_of(&add("x.pdf", bytes).await.unwrap_err()), ["file"]);
    }
    // As large as it may be, in many parts.
    let mut whole = sample(FileType::Jpeg, "");
    whole.resize(MAX_EVIDENCE_BYTES, 7);
    let claim = add("C:\\照片.PNG", &whole).await.unwrap();
    let file = claim.files[0].clone();
    assert_eq!((file.name.as_str(), file.kind, file.bytes), ("照片.jpg", FileType::Jpeg, MAX_EVIDENCE_BYTES));
    assert_eq!(service.evidence(&actor, id, file.id).await.unwrap().bytes, whole);
    assert_eq!(fields_of(&add("again", &whole).await.unwrap_err()), ["file"]);
    let claim = service.submit_claim(&actor, id, claim.version).await.unwrap();
    let claim = service.return_claim(&clerk(1), id, claim.version, reason()).await.unwrap();
    assert_eq!(claim.state, ClaimState::Returned);
    // Out of the claim, and still in what was submitted.
    let claim = service.remove_evidence(&actor, id, file.id).await.unwrap();
    assert!(claim.files.is_empty());
    assert_eq!(service.evidence(&clerk(1), id, file.id).await.unwrap().bytes, whole);
    for n in 0..MAX_EVIDENCE_FILES {
        add("x", &sample(FileType::Png, &n.to_string())).await.unwrap();
    }
    assert!(matches!(add("x", &sample(FileType::Png, "more")).await, Err(Error::TooLarge { .. })));
    // What was never submitted goes with its bytes.
    let fresh = service.claim(&actor, id).await.unwrap().files[3].id;
    service.remove_evidence(&actor, id, fresh).await.unwrap();
    assert!(matches!(service.evidence(&actor, id, fresh).await, Err(Error::NotFound("file"))));
    assert!(matches!(service.remove_evidence(&actor, id, fresh).await, Err(Error::NotFound("file"))));
    let left = EVIDENCE.scan(&*service.store, EVIDENCE.prefix(&fresh.uuid()), 10).await.unwrap();
    assert!(left.is_empty());
}

#[tokio::test]
async fn notices_are_shown_to_the_claimant_and_to_the_reviewer_again() {
    let mut world = World::recording().await;
    let (a, b) = (provider_a(), provider_b());
    world.accept(&a, &[&a.signed_study()]).await;
    let other = world.submitted(&b, lecture(), "shared").await;
    // Its entry is of 2 to 4 November, and its title is the course's.
    let says = json!({
        "kind": "study", "form": "exchange", "title": a.course.1, "organiser": "学会", "half_days": "1",
        "first_day": "2026-11-04", "last_day": "2026-11-30",
    });
    let claim = world.draft(&a, says, "shared").await;
    for reopened in [false, true] {
        if reopened {
            world.reopen().await.unwrap();
        }
        let claim = world.service().claim(&learner(&a), claim.id).await.unwrap();
        assert!(matches!(
            &claim.notices[..],
            [
                Notice::EvidenceOfAnother { with: None, .. },
                Notice::Future { .. },
                Notice::Repeated { with: Source::Entry(_), .. }
            ]
        ));
    }
    let service = world.service();
    let claim = service.submit_claim(&learner(&a), claim.id, claim.version).await.unwrap();
    let seen = service.claim(&clerk(1), claim.id).await.unwrap();
    assert!(
        matches!(&seen.notices[0], Notice::EvidenceOfAnother { with: Some(Source::Claim(id)), .. } if *id == other.id)
    );
    let filter = ClaimFilter { with_notices: true, ..ClaimFilter::default() };
    let queue = service.claim_queue(&clerk(1), &filter, 1, 10).await.unwrap();
    assert_eq!(queue.lines.iter().map(|line| line.id).collect::<Vec<_>>(), [claim.id]);
    // A notice blocks nothing, but what is not over is no entry.
    let refused = service.accept_claim(&clerk(1), claim.id, claim.version).await.unwrap_err();
    assert_eq!(fields_of(&refused), ["last_day"]);
    world.clock.advance(10 * 24 * 3_600_000);
    service.accept_claim(&clerk(1), claim.id, claim.version).await.unwrap();
    // The claim's own entry is nothing that another one is not told of.
    let third = world.draft(&a, with(lecture(), "last_day", "2026-11-05"), "own").await;
    let overlaps = third.notices.iter().filter(|notice| matches!(notice, Notice::Overlap { .. })).count();
    assert_eq!(overlaps, 2, "{:?}", third.notices);
}

#[tokio::test]
async fn the_queue_is_filtered_and_paged_the_oldest_first() {
    let world = World::recording().await;
    let (service, a, b) = (world.service(), provider_a(), provider_b());
    let activity = json!({
        "kind": "activity", "topic": "质量月", "place": "合肥", "date": "2025-09-01", "attendees": "12",
        "attendees_digest": digest_of_list("张三\n李四".as_bytes()).to_string(),
    });
    let mut ids = Vec::new();
    for (of, says) in [(&a, lecture()), (&b, activity), (&b, with(lecture(), "title", "另一课"))] {
        ids.push(world.submitted(of, says, &ids.len().to_string()).await.id);
        world.clock.advance(1_000);
    }
    world.draft(&a, lecture(), "draft").await;
    let all = ClaimFilter::default();
    let now = service.claim_queue(&clerk(1), &all, 1, 2).await.unwrap();
    assert_eq!((now.lines.iter().map(|line| line.id).collect::<Vec<_>>(), now.total), (ids[..2].to_vec(), 3));
    let rest = service.claim_queue(&clerk(1), &all, 2, 2).await.unwrap();
    assert_eq!((rest.lines.len(), rest.lines[0].id, rest.total), (1, ids[2], 3));
    let version = service.claim(&clerk(1), ids[0]).await.unwrap().version;
    service.reject_claim(&clerk(1), ids[0], version, reason()).await.unwrap();
    for (filter, found) in [
        (ClaimFilter { state: Some(ClaimState::Submitted), ..all.clone() }, vec![ids[1], ids[2]]),
        (ClaimFilter { state: Some(ClaimState::Rejected), ..all.clone() }, vec![ids[0]]),
        (ClaimFilter { state: Some(ClaimState::Draft), ..all.clone() }, vec![]),
        (ClaimFilter { kind: Some(ClaimKind::Activity), ..all.clone() }, vec![ids[1]]),
        (ClaimFilter { form: Some(crate::standard::StudyForm::Lecture), ..all.clone() }, vec![ids[0], ids[2]]),
        (ClaimFilter { year: Some(2025), ..all.clone() }, vec![ids[1]]),
        (ClaimFilter { with_notices: true, ..all.clone() }, vec![]),
    ] {
        let page = service.claim_queue(&clerk(1), &filter, 1, 10).await.unwrap();
        assert_eq!(page.lines.iter().map(|line| line.id).collect::<Vec<_>>(), found, "{filter:?}");
    }
    assert_eq!(service.claim_years(&clerk(1)).unwrap(), [2026, 2025]);
    for bad in [json!({}), json!({"reason": " "}), json!({"reason": "长".repeat(MAX_REASON + 1)})] {
        let version = service.claim(&clerk(1), ids[1]).await.unwrap().version;
        let refused = service.return_claim(&clerk(1), ids[1], version, bad).await.unwrap_err();
        assert_eq!(fields_of(&refused), ["reason"]);
    }
}

/// Every commit of an acceptance fails in every way: the claim waits as before, or it is one entry, and never two.
#[tokio::test]
async fn no_step_of_an_acceptance_loses_or_doubles_the_entry_however_it_fails() {
    for fault in FAULTS {
        for nth in 1..=3 {
            let what = format!("{fault:?} at commit {nth}");
            let mut world = World::recording().await;
            let a = provider_a();
            let claim = world.submitted(&a, lecture(), "1").await;
            let before = world.placed().await;
            world.disk.plan(Step::Commit, nth, fault);
            let answer = world.service().accept_claim(&clerk(1), claim.id, claim.version).await;
            // Once it is accepted, what fails later is made good later; a store that died answers nobody.
            assert!(answer.is_err() || nth > 1, "{what}");
            world.reopen().await.unwrap();
            world.service().issue_round().await.unwrap();
            let kept = nth > 1 || matches!(fault, Fault::FailKept | Fault::DieKept);
            let now = world.service().claim(&learner(&a), claim.id).await.unwrap();
            let expected = if kept { ClaimState::Accepted } else { ClaimState::Submitted };
            assert_eq!((now.state, now.entry.is_some()), (expected, kept), "{what}");
            assert_eq!(world.placed().await - before, u64::from(kept), "{what}");
            let waiting = OUTBOX.scan(&*world.service().store, OUTBOX.all(), 10).await.unwrap();
            assert!(waiting.is_empty(), "{what}");
            if !kept {
                world.service().accept_claim(&clerk(1), claim.id, now.version).await.unwrap();
            }
            world.settle().await;
            let now = world.service().claim(&learner(&a), claim.id).await.unwrap();
            assert!(now.position.is_some() && now.state == ClaimState::Accepted, "{what}");
        }
    }
}

/// What was accepted and not yet sent, when the key ends or the learner is renamed: it is signed again, and stands once.
#[tokio::test]
async fn an_entry_that_nobody_saw_is_signed_again_under_what_holds_now() {
    for rename in [false, true] {
        let mut world = World::recording().await;
        let a = provider_a();
        world.accept(&authority(), &[&add_body_key(NEXT_BODY_KEY)]).await;
        world.seal().await.unwrap().unwrap();
        let claim = world.submitted(&a, lecture(), "1").await;
        world.accept_and_die(&claim).await;
        let entry = world.service().claim(&learner(&a), claim.id).await.unwrap().entry.unwrap();
        if rename {
            let known = world.service().learner(&a.actor(), a.learner.id).await.unwrap();
            let renamed = json!({"id": a.learner.id.to_string(), "name": "张玮"});
            world.service().change_learner(&a.actor(), a.learner.id, known.version, renamed).await.unwrap();
        } else {
            world.accept(&authority(), &[&retire_key(BODY_KEY)]).await;
            world.seal().await.unwrap().unwrap();
        }
        for _ in 0..2 {
            world.service().issue_round().await.unwrap();
        }
        world.settle().await;
        let claim = world.service().claim(&learner(&a), claim.id).await.unwrap();
        assert!(claim.position.is_some() && claim.entry == Some(entry));
        let signed = world.service().entry(&Actor::Operator, entry).await.unwrap().signed;
        let expected = if rename { "张玮" } else { "张伟" };
        assert!(matches!(&signed.entry().body, Body::Study(learner, _) if learner.name == expected));
        let key = signed.signatures()[0].key;
        assert_eq!(key, key_id(if rename { BODY_KEY } else { NEXT_BODY_KEY }));
    }
}

#[tokio::test]
async fn an_entry_that_is_refused_for_good_leaves_the_claim_to_be_reviewed_again() {
    let mut world = World::recording().await;
    let a = provider_a();
    let claim = world.submitted(&a, lecture(), "1").await;
    world.accept_and_die(&claim).await;
    let service = world.service();
    let rows = OUTBOX.scan(&*service.store, OUTBOX.all(), 10).await.unwrap();
    assert_eq!(rows.len(), 1);
    let accepted = service.claim(&learner(&a), claim.id).await.unwrap();
    let entry: EntryId = accepted.entry.unwrap();
    let opened = service.open_claim(claim.id, |_| true).await.unwrap();
    let signed = service.sign_claim(&clerk(1), &opened, entry).unwrap();
    let refusal = Error::Conflict("another entry stands under the id".into());
    service.record_again(&signed, &refusal).await.unwrap();
    let now = service.claim(&learner(&a), claim.id).await.unwrap();
    assert_eq!((now.state, now.entry), (ClaimState::Submitted, None));
    let last = now.history.last().unwrap();
    assert_eq!((last.event, last.role, last.account), (ClaimEvent::NotRecorded, None, None));
    assert!(OUTBOX.scan(&*service.store, OUTBOX.all(), 10).await.unwrap().is_empty());
    service.accept_claim(&clerk(1), claim.id, now.version).await.unwrap();
    world.settle().await;
}

/// Without a key nothing is recorded, nothing is half decided, and it says so.
#[tokio::test]
async fn a_body_without_a_key_accepts_nothing() {
    let world = World::new().await;
    let a = provider_a();
    let claim = world.submitted(&a, lecture(), "1").await;
    let refused = world.service().accept_claim(&clerk(1), claim.id, claim.version).await;
    assert!(matches!(refused, Err(Error::CannotRecord(_))));
    assert_eq!(world.service().claim(&clerk(1), claim.id).await.unwrap().state, ClaimState::Submitted);
}

#[tokio::test]
async fn claims_of_the_erased_are_gone_and_stop_nothing() {
    let mut world = World::recording().await;
    let (a, b) = (provider_a(), provider_b());
    let submitted = world.submitted(&a, lecture(), "shared").await;
    // Accepted, and its entry not sent yet.
    let accepted = world.submitted(&a, with(lecture(), "title", "另一课"), "2").await;
    world.accept_and_die(&accepted).await;
    let placed = world.placed().await;
    let erasure = json!({"learners": [a.learner.id.to_string()]});
    world.service().erase_learners(&Actor::Operator, erasure).await.unwrap();
    for reopened in [false, true] {
        if reopened {
            world.reopen().await.unwrap();
        }
        world.service().issue_round().await.unwrap();
        let service = world.service();
        for actor in [learner(&a), clerk(1), Actor::Operator] {
            for claim in [&submitted, &accepted] {
                assert!(matches!(service.claim(&actor, claim.id).await, Err(Error::Erased(_))), "{actor}");
                let evidence = service.evidence(&actor, claim.id, claim.files[0].id).await;
                assert!(matches!(evidence, Err(Error::Erased(_))), "{actor}");
            }
        }
        let gone = service.reject_claim(&clerk(1), submitted.id, submitted.version, reason()).await;
        assert!(matches!(gone, Err(Error::Erased(_))));
        assert!(matches!(service.begin_claim(&learner(&a), a.learner.id, lecture()).await, Err(Error::Erased(_))));
        assert_eq!(service.claim_queue(&clerk(1), &ClaimFilter::default(), 1, 10).await.unwrap().total, 0);
        assert!(service.own_claims(&learner(&a), a.learner.id).await.unwrap().is_empty());
        // Nobody is told of a file of somebody who is no more.
        let other = world.draft(&b, lecture(), "shared").await;
        assert_eq!(other.notices, []);
    }
    assert_eq!(world.placed().await, placed, "the entry was not sent");
    world.settle().await;
}

/// Not even while an entry waits to be sent.
#[tokio::test]
async fn nothing_that_a_claim_says_is_readable_on_the_disk() {
    let mut world = World::recording().await;
    let a = provider_a();
    let claim = world.submitted(&a, lecture(), "1").await;
    world.accept_and_die(&claim).await;
    let mut raw = world.raw(vec![CLAIMS.all(), EVIDENCE.all(), OUTBOX.all()]).await;
    let events = world.service().store.events(1, MAX_SCAN_ROWS).await.unwrap();
    raw.extend(events.iter().flat_map(|event| format!("{event:?}").into_bytes()));
    let digest = claim.files[0].sha256;
    let secrets: [&[u8]; 7] = [
        "卓越绩效准则".as_bytes(),
        "省质量协会".as_bytes(),
        "张伟".as_bytes(),
        "证书".as_bytes(),
        b"startxref",
        digest.as_bytes(),
        b"reviewed_by",
    ];
    for secret in secrets {
        let found = raw.windows(secret.len()).any(|window| window == secret);
        assert!(!found, "{}", String::from_utf8_lossy(secret));
    }
    assert!(!raw.windows(64).any(|window| window == digest.to_string().as_bytes()));
    assert!(raw.windows(36).any(|window| window == claim.id.to_string().as_bytes()), "events name the claim");
}

/// A correction to these hundredths of an hour, or a voiding.
fn correction(hundredths: Option<u32>) -> CorrectionInput {
    let reason = if hundredths.is_some() { "hours" } else { "fraud" };
    let changes = hundredths.map(|hours| json!({"hours": hours}).as_object().unwrap().clone());
    CorrectionInput { reason: reason.into(), changes }
}

impl World {
    /// A claim that was accepted by the first clerk and stands on the chain, with its entry.
    async fn accepted(&mut self, of: &Party, salt: &str) -> (Claim, EntryId) {
        let claim = self.submitted(of, lecture(), salt).await;
        let claim = self.service().accept_claim(&clerk(1), claim.id, claim.version).await.unwrap();
        self.settle().await;
        let entry = claim.entry.unwrap();
        (claim, entry)
    }

    /// What the learner's year comes to, in hundredths of an hour.
    async fn counted(&self, of: &Party) -> u32 {
        self.service().standing(&learner(of), of.learner.id).await.unwrap().standing.hours.counted.hundredths()
    }
}

/// The certifying body recorded it, so all who could answer are of it; whoever accepted it does not.
#[tokio::test]
async fn a_dispute_of_an_accepted_claim_is_answered_by_somebody_else_than_who_accepted_it() {
    let mut world = World::recording().await;
    let a = provider_a();
    let (_, entry) = world.accepted(&a, "1").await;
    let service = world.service();
    let number = service.file_dispute(&learner(&a), json!({"entry": entry, "text": "学时有误。"})).await.unwrap();
    let version = service.case(&clerk(1), &number).await.unwrap().summary.version;
    let declared = service.declare_part_in_case(&clerk(3), &number, version).await.unwrap().version;
    assert_eq!(service.declare_part_in_case(&clerk(3), &number, declared).await.unwrap().version, declared);
    let answer = || json!({"answer": "已核实。"});
    for (actor, why) in [
        (clerk(1), Some(ReviewConflict::OwnDecision)),
        (person(2, AccountRole::Clerk, authority().code, vec![a.learner.id]), Some(ReviewConflict::OwnClaim)),
        (clerk(3), Some(ReviewConflict::Declared)),
        (clerk(2), None),
    ] {
        assert_eq!(service.conflict_in_case(&actor, &number).await.unwrap(), why, "{actor}");
        let answered = service.answer_case(&actor, &number, declared, answer()).await;
        match why {
            Some(why) => assert!(matches!(answered, Err(Error::ConflictOfInterest(found)) if found == why), "{actor}"),
            None => drop(answered.unwrap()),
        }
    }
    assert_eq!(service.waiting_cases(&clerk(2)).await.unwrap().0, 0);
    let told = service.case(&clerk(2), &number).await.unwrap();
    assert_eq!(told.declared.iter().map(|(_, account)| *account).collect::<Vec<_>>(), [id(3)]);
}

#[tokio::test]
async fn whoever_declares_a_part_in_a_claim_decides_nothing_about_it_or_its_entry() {
    let mut world = World::recording().await;
    let a = provider_a();
    let claim = world.submitted(&a, lecture(), "1").await;
    assert!(world.service().declare_part_in_claim(&learner(&a), claim.id, claim.version).await.is_err());
    let declared = world.service().declare_part_in_claim(&clerk(1), claim.id, claim.version).await.unwrap();
    assert_eq!((declared.state, declared.conflict), (ClaimState::Submitted, Some(ReviewConflict::Declared)));
    let again = world.service().declare_part_in_claim(&clerk(1), claim.id, claim.version).await.unwrap();
    assert_eq!(again.version, declared.version);
    world.reopen().await.unwrap();
    let service = world.service();
    let refused = service.accept_claim(&clerk(1), claim.id, declared.version).await;
    assert!(matches!(refused, Err(Error::ConflictOfInterest(ReviewConflict::Declared))), "{refused:?}");
    let accepted = service.accept_claim(&clerk(2), claim.id, declared.version).await.unwrap();
    world.settle().await;
    let entry = accepted.entry.unwrap();
    let refused = service.correct_for_body(&clerk(1), entry, entry, correction(None)).await;
    assert!(matches!(refused, Err(Error::ConflictOfInterest(ReviewConflict::Declared))), "{refused:?}");
    let dispute = json!({"entry": entry, "text": "学时有误。"});
    let number = service.file_dispute(&learner(&a), dispute).await.unwrap();
    let found = service.conflict_in_case(&clerk(1), &number).await.unwrap();
    assert_eq!(found, Some(ReviewConflict::Declared));
}

/// Who left an organisation judges nobody by whom that one served while it was.
#[tokio::test]
async fn whom_somebody_served_when_it_was_counts_as_whom_they_serve_now() {
    let world = World::recording().await;
    let (service, a) = (world.service(), provider_a());
    let plant = CreditCode::with_check("91340100MA2P0000C").unwrap();
    let claim = world.submitted(&a, lecture(), "1").await;
    let Actor::Person(tied) = clerk(1) else { unreachable!() };
    let tied = Actor::Person(Person { affiliations: vec![authority().code, plant.clone()], ..tied });
    for (from, to, why) in [
        ("2026-05-01", Some("2026-06-01"), Some(ReviewConflict::OwnOrganisation)),
        ("2026-06-02", Some("2026-07-01"), Some(ReviewConflict::OwnOrganisation)),
        ("2026-06-03", Some("2026-07-01"), None),
        ("2026-05-01", Some("2026-05-31"), None),
        ("2026-11-01", None, Some(ReviewConflict::OwnOrganisation)),
    ] {
        let known = service.learner(&a.actor(), a.learner.id).await.unwrap();
        let mut employer = json!({"name": "合肥机床厂", "code": plant.as_str(), "from": from});
        if let Some(to) = to {
            employer["to"] = to.into();
        }
        let says = json!({"id": a.learner.id.to_string(), "name": a.learner.name, "employers": [employer]});
        service.change_learner(&a.actor(), a.learner.id, known.version, says).await.unwrap();
        assert_eq!(service.claim(&tied, claim.id).await.unwrap().conflict, why, "{from} {to:?}");
    }
}

#[tokio::test]
async fn what_was_accepted_and_is_found_false_is_corrected_and_voided_in_the_bodys_name() {
    let mut world = World::recording().await;
    let a = provider_a();
    let (claim, entry) = world.accepted(&a, "1").await;
    assert_eq!(world.counted(&a).await, 650);
    let service = world.service();
    let body = authority().code;
    for actor in [
        learner(&a),
        Actor::Operator,
        person(5, AccountRole::ProviderStaff, body.clone(), Vec::new()),
        person(5, AccountRole::Auditor, body.clone(), Vec::new()),
    ] {
        let refused = service.correct_for_body(&actor, entry, entry, correction(None)).await;
        assert!(matches!(refused, Err(Error::Forbidden)), "{actor}: {refused:?}");
    }
    let own = person(5, AccountRole::Supervisor, body, vec![a.learner.id]);
    assert_eq!(service.body_entry(&own, entry).await.unwrap().conflict, Some(ReviewConflict::OwnClaim));
    let refused = service.correct_for_body(&own, entry, entry, correction(None)).await;
    assert!(matches!(refused, Err(Error::ConflictOfInterest(ReviewConflict::OwnClaim))), "{refused:?}");
    // What a provider recorded is the provider's to correct.
    let study = a.signed_study();
    world.accept(&a, &[&study]).await;
    let id = study.entry().id;
    assert!(!service.body_entry(&clerk(2), id).await.unwrap().is_correctable);
    let refused = service.correct_for_body(&clerk(2), id, id, correction(None)).await;
    assert!(matches!(refused, Err(Error::Conflict(_))), "{refused:?}");
    let bad = service.correct_for_body(&clerk(2), entry, entry, correction(Some(650))).await.unwrap_err();
    assert_eq!(fields_of(&bad), ["entry.replacement"]);
    let first = service.correct_for_body(&clerk(2), entry, entry, correction(Some(600))).await.unwrap();
    world.settle().await;
    assert_eq!(world.counted(&a).await, 800 + 600);
    let seen = service.body_entry(&clerk(1), first).await.unwrap();
    assert_eq!((seen.claim, seen.is_correctable, seen.conflict), (Some(claim.id), true, None));
    assert_eq!(seen.history.says().unwrap().reviewed_by(), Some(Reviewer::Clerk));
    // Somebody who saw what it said before.
    let stale = service.correct_for_body(&clerk(1), entry, entry, correction(None)).await;
    assert!(matches!(stale, Err(Error::Conflict(_))), "{stale:?}");
    assert_eq!(service.claim(&clerk(1), claim.id).await.unwrap().amended, Some(ClaimEvent::Corrected));
    service.correct_for_body(&clerk(1), entry, first, correction(None)).await.unwrap();
    drop(service);
    world.settle().await;
    world.reopen().await.unwrap();
    assert_eq!(world.counted(&a).await, 800);
    let service = world.service();
    let told = service.claim(&learner(&a), claim.id).await.unwrap();
    assert_eq!((told.amended, told.state), (Some(ClaimEvent::Voided), ClaimState::Accepted));
    let last = told.history.last().unwrap();
    assert_eq!((last.event, last.account, last.reason.as_deref()), (ClaimEvent::Voided, None, Some("fraud")));
    assert_eq!(service.own_claims(&learner(&a), a.learner.id).await.unwrap()[0].amended, Some(ClaimEvent::Voided));
    let again = service.correct_for_body(&clerk(1), entry, first, correction(None)).await;
    assert!(matches!(again, Err(Error::Conflict(_))), "{again:?}");
    // Both who decided leave a dispute of it to others.
    let dispute = json!({"entry": entry, "text": "学时有误。"});
    let number = service.file_dispute(&learner(&a), dispute).await.unwrap();
    for (n, why) in [(1, Some(ReviewConflict::OwnDecision)), (2, Some(ReviewConflict::OwnDecision)), (3, None)] {
        assert_eq!(service.conflict_in_case(&clerk(n), &number).await.unwrap(), why, "{n}");
    }
}

/// Whoever finds a dispute right corrects the entry, and answers with that.
#[tokio::test]
async fn who_corrects_what_is_disputed_answers_the_dispute() {
    let mut world = World::recording().await;
    let a = provider_a();
    let (_, entry) = world.accepted(&a, "1").await;
    let service = world.service();
    world.clock.advance(1_000);
    let number = service.file_dispute(&learner(&a), json!({"entry": entry, "text": "学时有误。"})).await.unwrap();
    world.clock.advance(1_000);
    service.correct_for_body(&clerk(2), entry, entry, correction(Some(600))).await.unwrap();
    for (n, why) in [(1, Some(ReviewConflict::OwnDecision)), (2, None)] {
        assert_eq!(service.conflict_in_case(&clerk(n), &number).await.unwrap(), why, "{n}");
    }
}

/// Every commit of a correction fails in every way: the entry stands as it was, or it is corrected once.
#[tokio::test]
async fn no_step_of_a_correction_loses_or_doubles_it_however_it_fails() {
    for fault in FAULTS {
        for nth in 1..=3 {
            let what = format!("{fault:?} at commit {nth}");
            let mut world = World::recording().await;
            let a = provider_a();
            let (claim, entry) = world.accepted(&a, "1").await;
            let before = world.placed().await;
            world.disk.plan(Step::Commit, nth, fault);
            drop(world.service().correct_for_body(&clerk(2), entry, entry, correction(None)).await);
            world.reopen().await.unwrap();
            world.service().issue_round().await.unwrap();
            let kept = nth > 1 || matches!(fault, Fault::FailKept | Fault::DieKept);
            let now = world.service().claim(&clerk(1), claim.id).await.unwrap();
            assert_eq!(now.amended, kept.then_some(ClaimEvent::Voided), "{what}");
            assert_eq!(world.placed().await - before, u64::from(kept), "{what}");
            world.settle().await;
            assert_eq!(world.counted(&a).await, if kept { 0 } else { 650 }, "{what}");
        }
    }
}

/// What was corrected and not yet sent, when the learner is renamed, or an authority corrects it first.
#[tokio::test]
async fn a_correction_that_nobody_saw_is_signed_again_or_said_not_to_stand() {
    for renamed in [true, false] {
        let mut world = World::recording().await;
        let (a, authority) = (provider_a(), authority());
        let (claim, entry) = world.accepted(&a, "1").await;
        world.disk.plan(Step::Commit, 2, Fault::DieLost);
        drop(world.service().correct_for_body(&clerk(2), entry, entry, correction(None)).await);
        world.reopen().await.unwrap();
        if renamed {
            let known = world.service().learner(&a.actor(), a.learner.id).await.unwrap();
            let named = json!({"id": a.learner.id.to_string(), "name": "张玮"});
            world.service().change_learner(&a.actor(), a.learner.id, known.version, named).await.unwrap();
        } else {
            let view = world.service().entry(&Actor::Operator, entry).await.unwrap();
            let (target, commitment) = (view.signed, *view.commitment.hash());
            let by = authority.sign(authority.correct(&target, commitment, None));
            // What the world keeps proofs of does not hold the target.
            let submitted = world.service().submit(&authority.actor(), bytes_of(&[&by])).await.unwrap();
            assert_eq!(outcomes(&submitted), "A", "{:?}", submitted.results);
        }
        for _ in 0..2 {
            world.service().issue_round().await.unwrap();
        }
        world.settle().await;
        let service = world.service();
        let told = service.claim(&clerk(1), claim.id).await.unwrap();
        let expected = if renamed { Some(ClaimEvent::Voided) } else { None };
        assert_eq!((told.amended, world.counted(&a).await), (expected, 0), "{renamed}");
        let last = told.history.last().unwrap().event;
        assert_eq!(last, if renamed { ClaimEvent::Voided } else { ClaimEvent::NotCorrected });
        assert!(OUTBOX.scan(&*service.store, OUTBOX.all(), 10).await.unwrap().is_empty());
    }
}

/// Each is told before it is submitted again, and to whoever reviews it.
#[tokio::test]
async fn what_was_refused_or_is_another_persons_record_is_told_when_it_comes_again() {
    let mut world = World::recording().await;
    let (a, b) = (provider_a(), provider_b());
    let rejected = world.submitted(&a, lecture(), "1").await;
    world.service().reject_claim(&clerk(1), rejected.id, rejected.version, reason()).await.unwrap();
    let again = world.submitted(&a, lecture(), "2").await;
    for reader in [learner(&a), clerk(1)] {
        let told = world.service().claim(&reader, again.id).await.unwrap().notices;
        let [Notice::RefusedBefore { with, was_voided: false, .. }] = &told[..] else { panic!("{told:?}") };
        assert_eq!(*with, Source::Claim(rejected.id));
    }
    let accepted = world.service().accept_claim(&clerk(1), again.id, again.version).await.unwrap();
    world.settle().await;
    let entry = accepted.entry.unwrap();
    let corrected = world.service().correct_for_body(&clerk(1), entry, entry, correction(Some(600))).await.unwrap();
    world.service().correct_for_body(&clerk(1), entry, corrected, correction(None)).await.unwrap();
    world.settle().await;
    // Another text, with the evidence of what was voided.
    let says = with(with(lecture(), "title", "另一课"), "organiser", "市质量协会");
    let third = world.draft(&a, says, "2").await;
    let [Notice::RefusedBefore { with: voided, was_voided: true, .. }] = &third.notices[..] else {
        panic!("{:?}", third.notices)
    };
    assert_eq!(*voided, Source::Entry(entry), "by what was recorded first");

    // What a provider recorded of somebody else.
    let mut study = b.study();
    let file = sample(FileType::Pdf, "of another");
    let Body::Study(_, said) = &mut study.body else { unreachable!() };
    said.evidence = vec![Hash::of(&[&file])];
    let study = b.sign(study);
    world.accept(&b, &[&study]).await;
    world.settle().await;
    world.reopen().await.unwrap();
    let says = with(with(lecture(), "title", "第三课"), "organiser", "县质量协会");
    let fourth = world.submitted(&a, says, "of another").await;
    let seen = world.service().claim(&clerk(1), fourth.id).await.unwrap().notices;
    let [Notice::EvidenceOfAnother { with: Some(found), .. }] = &seen[..] else { panic!("{seen:?}") };
    assert_eq!(*found, Source::Entry(study.entry().id));
    let told = world.service().claim(&learner(&a), fourth.id).await.unwrap().notices;
    assert!(matches!(&told[..], [Notice::EvidenceOfAnother { with: None, .. }]), "{told:?}");
}

/// The claimant is told what is left, and so is who reviews.
#[tokio::test]
async fn what_was_returned_too_often_is_accepted_or_rejected() {
    let world = World::recording().await;
    let (service, a) = (world.service(), provider_a());
    let mut claim = world.submitted(&a, lecture(), "1").await;
    for nth in 1..MAX_VERSIONS {
        assert!(claim.can_return, "{nth}");
        let returned = service.return_claim(&clerk(1), claim.id, claim.version, reason()).await.unwrap();
        let hours = format!("{nth}.5");
        let says = with(lecture(), "hours", &hours);
        let changed = service.change_claim(&learner(&a), claim.id, returned.version, says).await.unwrap();
        claim = service.submit_claim(&learner(&a), claim.id, changed.version).await.unwrap();
    }
    assert!(!claim.can_return);
    let refused = service.return_claim(&clerk(1), claim.id, claim.version, reason()).await.unwrap_err();
    assert_eq!(fields_of(&refused), ["decision"]);
    service.accept_claim(&clerk(1), claim.id, claim.version).await.unwrap();
}
