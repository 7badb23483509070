//! Who takes part: organisations with their keys, and what they sign.

use ed25519_dalek::SigningKey;
use uuid::Uuid;

use super::super::{AccountId, AccountRole, Actor, IssueSettings, Person, RECORDER_KINDS};
use crate::ledger::entry::{
    Activity, Body, Correction, CorrectionReason, Entry, EntryId, KeyChange, KeyReason, Kind, Learner, LearnerId,
    Origin, Owner, Record, Study,
};
use crate::ledger::keys::{Alg, KeyId, Role};
use crate::ledger::signed::SignedEntry;
use crate::merkle::Hash;
use crate::standard::{CreditCode, CreditHours, Rulebook, StudyForm};

pub(in crate::service) const ORIGIN: &str = "cqo.example.cn/test";

/// Keys by their seed.
pub(in crate::service) fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

pub(in crate::service) fn key_id(seed: u8) -> KeyId {
    KeyId::of(&Alg::Ed25519, key(seed).verifying_key().as_bytes())
}

pub(in crate::service) const AUTHORITY_KEY: u8 = 1;
pub(super) const RECEIPT_KEY: u8 = 2;
pub(super) const CHECKPOINT_KEY: u8 = 3;
pub(super) const NEXT_CHECKPOINT_KEY: u8 = 5;
pub(in crate::service) const ISSUER_KEY: u8 = 4;
pub(in crate::service) const NEXT_ISSUER_KEY: u8 = 6;
pub(in crate::service) const BODY_KEY: u8 = 7;
pub(in crate::service) const NEXT_BODY_KEY: u8 = 8;

/// An organisation with a key, a learner and a course.
#[derive(Clone)]
pub(in crate::service) struct Party {
    pub(in crate::service) code: CreditCode,
    /// The seed of its key.
    pub(in crate::service) key: u8,
    pub(in crate::service) learner: Learner,
    pub(in crate::service) course: (&'static str, &'static str),
}

impl Party {
    fn new(code: &str, key: u8, learner: &str, name: &str, course: (&'static str, &'static str)) -> Self {
        let learner = Learner { id: learner.parse().unwrap(), name: name.into() };
        Self { code: CreditCode::with_check(code).unwrap(), key, learner, course }
    }

    pub(in crate::service) fn actor(&self) -> Actor {
        Actor::Recorder(self.code.clone())
    }

    /// A study entry of its learner, with an id of its own.
    pub(in crate::service) fn study(&self) -> Entry {
        self.entry(Body::Study(
            self.learner.clone(),
            Study {
                completes: true,
                course_code: self.course.0.parse().unwrap(),
                course_title: self.course.1.into(),
                evidence: vec![Hash::of(&[b"slides"])],
                first_day: "2026-11-02".parse().unwrap(),
                last_day: "2026-11-04".parse().unwrap(),
                form: StudyForm::ALL[0],
                form_reason: None,
                hours: CreditHours::from_hundredths(800),
                reviewed_by: None,
            },
        ))
    }

    pub(in crate::service) fn entry(&self, body: Body) -> Entry {
        let version = Rulebook::embedded().editions()[0].version;
        let ledger: Origin = ORIGIN.parse().unwrap();
        Entry { id: new_id(), ledger, recorder: self.code.clone(), rulebook: version, body }
    }

    pub(in crate::service) fn sign(&self, entry: Entry) -> SignedEntry {
        SignedEntry::sign(entry, &[&key(self.key)])
    }

    pub(in crate::service) fn signed_study(&self) -> SignedEntry {
        self.sign(self.study())
    }

    /// A correction of an entry of `learner`, by this party.
    pub(in crate::service) fn correct(
        &self,
        target: &SignedEntry,
        commitment: Hash,
        replacement: Option<Record>,
    ) -> Entry {
        let learner = target.entry().learner().unwrap().clone();
        let target = target.entry().id;
        let reason = CorrectionReason::Hours;
        self.entry(Body::Correction(learner, Correction { target, target_commitment: commitment, reason, replacement }))
    }
}

pub(in crate::service) fn authority() -> Party {
    // Its learner is nobody: an authority has none.
    Party::new("91110000600037341", AUTHORITY_KEY, "01970000-0000-7000-8000-0000000000ff", "无", ("-", "-"))
}

/// The same organisation where it records: with its recorder key, and no learner or course of its own either.
pub(in crate::service) fn certifying_body() -> Party {
    Party { key: BODY_KEY, ..authority() }
}

pub(in crate::service) fn provider_a() -> Party {
    Party::new("91340100MA2N0000A", 10, "01970000-0000-7000-8000-00000000000a", "张伟", ("QM-101", "质量管理基础"))
}

pub(in crate::service) fn provider_b() -> Party {
    Party::new("91310000MA1F0000B", 11, "01970000-0000-7000-8000-00000000000b", "王芳", ("QM-201", "统计过程控制"))
}

/// Somebody with an account, in a role within the ledger's owner.
pub(in crate::service) fn person(role: AccountRole, learners: &[LearnerId]) -> Actor {
    let organisation = authority().code;
    Actor::Person(Person {
        account: AccountId::try_from(Uuid::now_v7()).unwrap(),
        role,
        affiliations: vec![organisation.clone()],
        organisation,
        learners: learners.to_vec(),
    })
}

pub(in crate::service) fn new_id() -> EntryId {
    Uuid::now_v7().try_into().unwrap()
}

/// A key entry that adds the key of this seed.
pub(in crate::service) fn add_key(seed: u8, owner: &Party, kinds: &[Kind]) -> SignedEntry {
    let owner = Owner { code: owner.code.clone(), name: "培训机构".into() };
    let public = key(seed).verifying_key().as_bytes().to_vec();
    let role = Role::Recorder;
    change_key(KeyChange::Add { alg: Alg::Ed25519, public, kinds: kinds.to_vec(), owner, role })
}

/// A key entry that adds an issuer key of the ledger's owner.
pub(in crate::service) fn add_issuer_key(seed: u8) -> SignedEntry {
    let owner = Owner { code: authority().code, name: "认定主体".into() };
    let (public, kinds) = (key(seed).verifying_key().as_bytes().to_vec(), vec![Kind::Certificate, Kind::Status]);
    change_key(KeyChange::Add { alg: Alg::Ed25519, public, kinds, owner, role: Role::Issuer })
}

/// A key entry that adds a recorder key of the certifying body.
pub(in crate::service) fn add_body_key(seed: u8) -> SignedEntry {
    let owner = Owner { code: authority().code, name: "认定主体".into() };
    let (public, kinds) = (key(seed).verifying_key().as_bytes().to_vec(), RECORDER_KINDS.to_vec());
    change_key(KeyChange::Add { alg: Alg::Ed25519, public, kinds, owner, role: Role::Recorder })
}

/// By what the tests issue.
pub(in crate::service) fn issue_settings() -> IssueSettings {
    IssueSettings { site: "https://cqo.example.cn".parse().unwrap(), status_valid_ms: 24 * 3_600_000 }
}

pub(in crate::service) fn retire_key(seed: u8) -> SignedEntry {
    change_key(KeyChange::Retire { target: key_id(seed), reason: KeyReason::ALL[0] })
}

pub(in crate::service) fn revoke_key(seed: u8, compromised_from: Option<u64>) -> SignedEntry {
    change_key(KeyChange::Revoke { target: key_id(seed), reason: KeyReason::ALL[0], compromised_from })
}

fn change_key(change: KeyChange) -> SignedEntry {
    authority().sign(authority().entry(Body::Key(change)))
}

/// Makes an entry into one that should be refused.
pub(in crate::service) type Spoil = fn(&mut Entry);

pub(in crate::service) fn learner_of(entry: &mut Entry) -> &mut Learner {
    match &mut entry.body {
        Body::Study(learner, _) | Body::Activity(learner, _) | Body::Correction(learner, _) => learner,
        Body::Key(_) | Body::Certificate(_) | Body::Status(_) => panic!("this entry has no learner"),
    }
}

pub(in crate::service) fn study_of(entry: &mut Entry) -> &mut Study {
    let Body::Study(_, study) = &mut entry.body else { panic!("not a study entry") };
    study
}

pub(in crate::service) fn activity() -> Activity {
    Activity {
        attendees: 30,
        attendees_digest: Hash::of(&[b"list"]),
        date: "2026-11-20".parse().unwrap(),
        evidence: Vec::new(),
        reviewed_by: None,
        topic: "质量月".into(),
    }
}
