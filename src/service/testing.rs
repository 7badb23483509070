//! Scaffolding for the tests of the service: a ledger that can crash, and an outsider who checks all of it.
//!
//! A [`World`] is one ledger over all its incarnations. It remembers what was promised to whom (receipts) and what was
//! shown to anyone (checkpoints), which no crash may take back. Nothing is sealed but by [`World::seal`], so each test
//! decides what stands in which block; [`World::verify`] uses only what the service serves and the formats.

use std::collections::{BTreeMap, HashSet};
use std::num::NonZeroU8;
use std::sync::Arc;

use ed25519_dalek::SigningKey;
use serde_json::json;
use tempfile::TempDir;
use uuid::Uuid;

use super::clock::{Clock as _, ManualClock};
use super::order::{Run, places};
use super::tables::ENTRIES;
use super::vault::Vault;
use super::{
    AccountId, AccountRole, Actor, EntryOutcome, Error, Founding, FoundingKeys, IssueSettings, LedgerKeys, Person,
    RECORDER_KINDS, SealError, Service, Settings, Submitted,
};
use crate::ledger::block::Block;
use crate::ledger::commitment::Commitment;
use crate::ledger::entry::{
    Body, Correction, CorrectionReason, Entry, EntryId, KeyChange, KeyReason, Kind, Learner, LearnerId, Origin, Owner,
    Record, Study,
};
use crate::ledger::json;
use crate::ledger::keys::{Alg, KeyId, KeyRegister, Role};
use crate::ledger::receipt::SignedReceipt;
use crate::ledger::signed::SignedEntry;
use crate::ledger::verify::{FileKind, Question, State, Step, exit_status, verify_file, verify_together};
use crate::merkle::{
    Checkpoint, Hash, NoteSigner, SignedNote, TileKind, TilePath, TrustPolicy, decode_bundle, leaf_hash, node_hash,
};
use crate::standard::{CreditCode, CreditHours, Rulebook, StudyForm};
use crate::store::remains::scratch;
use crate::store::{EventHead, MemoryDisk, Store, verify_events};

pub(super) const ORIGIN: &str = "cqo.example.cn/test";
const TOKEN: &str = "the operator's token";

/// Keys by their seed.
pub(super) fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

pub(super) fn key_id(seed: u8) -> KeyId {
    KeyId::of(&Alg::Ed25519, key(seed).verifying_key().as_bytes())
}

pub(super) const AUTHORITY_KEY: u8 = 1;
const RECEIPT_KEY: u8 = 2;
const CHECKPOINT_KEY: u8 = 3;
const NEXT_CHECKPOINT_KEY: u8 = 5;
pub(super) const ISSUER_KEY: u8 = 4;
pub(super) const NEXT_ISSUER_KEY: u8 = 6;
pub(super) const BODY_KEY: u8 = 7;
pub(super) const NEXT_BODY_KEY: u8 = 8;

/// An organisation with a key, a learner and a course.
#[derive(Clone)]
pub(super) struct Party {
    pub(super) code: CreditCode,
    /// The seed of its key.
    pub(super) key: u8,
    pub(super) learner: Learner,
    pub(super) course: (&'static str, &'static str),
}

impl Party {
    fn new(code: &str, key: u8, learner: &str, name: &str, course: (&'static str, &'static str)) -> Self {
        let learner = Learner { id: learner.parse().unwrap(), name: name.into() };
        Self { code: CreditCode::with_check(code).unwrap(), key, learner, course }
    }

    pub(super) fn actor(&self) -> Actor {
        Actor::Recorder(self.code.clone())
    }

    /// A study entry of its learner, with an id of its own.
    pub(super) fn study(&self) -> Entry {
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

    pub(super) fn entry(&self, body: Body) -> Entry {
        let version = Rulebook::embedded().editions()[0].version;
        let ledger: Origin = ORIGIN.parse().unwrap();
        Entry { id: new_id(), ledger, recorder: self.code.clone(), rulebook: version, body }
    }

    pub(super) fn sign(&self, entry: Entry) -> SignedEntry {
        SignedEntry::sign(entry, &[&key(self.key)])
    }

    pub(super) fn signed_study(&self) -> SignedEntry {
        self.sign(self.study())
    }

    /// A correction of an entry of `learner`, by this party.
    pub(super) fn correct(&self, target: &SignedEntry, commitment: Hash, replacement: Option<Record>) -> Entry {
        let learner = target.entry().learner().unwrap().clone();
        let target = target.entry().id;
        let reason = CorrectionReason::Hours;
        self.entry(Body::Correction(learner, Correction { target, target_commitment: commitment, reason, replacement }))
    }
}

pub(super) fn authority() -> Party {
    // Its learner is nobody: an authority has none.
    Party::new("91110000600037341", AUTHORITY_KEY, "01970000-0000-7000-8000-0000000000ff", "无", ("-", "-"))
}

/// The same organisation where it records: with its recorder key, and no learner or course of its own either.
pub(super) fn certifying_body() -> Party {
    Party { key: BODY_KEY, ..authority() }
}

pub(super) fn provider_a() -> Party {
    Party::new("91340100MA2N0000A", 10, "01970000-0000-7000-8000-00000000000a", "张伟", ("QM-101", "质量管理基础"))
}

pub(super) fn provider_b() -> Party {
    Party::new("91310000MA1F0000B", 11, "01970000-0000-7000-8000-00000000000b", "王芳", ("QM-201", "统计过程控制"))
}

/// Somebody with an account, in a role within the ledger's owner.
pub(super) fn person(role: AccountRole, learners: &[LearnerId]) -> Actor {
    let organisation = authority().code;
    Actor::Person(Person {
        account: AccountId::try_from(Uuid::now_v7()).unwrap(),
        role,
        affiliations: vec![organisation.clone()],
        organisation,
        learners: learners.to_vec(),
    })
}

pub(super) fn new_id() -> EntryId {
    Uuid::now_v7().try_into().unwrap()
}

/// A key entry that adds the key of this seed.
pub(super) fn add_key(seed: u8, owner: &Party, kinds: &[Kind]) -> SignedEntry {
    let owner = Owner { code: owner.code.clone(), name: "培训机构".into() };
    let public = key(seed).verifying_key().as_bytes().to_vec();
    let role = Role::Recorder;
    change_key(KeyChange::Add { alg: Alg::Ed25519, public, kinds: kinds.to_vec(), owner, role })
}

/// A key entry that adds an issuer key of the ledger's owner.
pub(super) fn add_issuer_key(seed: u8) -> SignedEntry {
    let owner = Owner { code: authority().code, name: "认定主体".into() };
    let (public, kinds) = (key(seed).verifying_key().as_bytes().to_vec(), vec![Kind::Certificate, Kind::Status]);
    change_key(KeyChange::Add { alg: Alg::Ed25519, public, kinds, owner, role: Role::Issuer })
}

/// A key entry that adds a recorder key of the certifying body.
pub(super) fn add_body_key(seed: u8) -> SignedEntry {
    let owner = Owner { code: authority().code, name: "认定主体".into() };
    let (public, kinds) = (key(seed).verifying_key().as_bytes().to_vec(), RECORDER_KINDS.to_vec());
    change_key(KeyChange::Add { alg: Alg::Ed25519, public, kinds, owner, role: Role::Recorder })
}

/// By what the tests issue.
pub(super) fn issue_settings() -> IssueSettings {
    IssueSettings { site: "https://cqo.example.cn".parse().unwrap(), status_valid_ms: 24 * 3_600_000 }
}

pub(super) fn retire_key(seed: u8) -> SignedEntry {
    change_key(KeyChange::Retire { target: key_id(seed), reason: KeyReason::ALL[0] })
}

pub(super) fn revoke_key(seed: u8, compromised_from: Option<u64>) -> SignedEntry {
    change_key(KeyChange::Revoke { target: key_id(seed), reason: KeyReason::ALL[0], compromised_from })
}

fn change_key(change: KeyChange) -> SignedEntry {
    authority().sign(authority().entry(Body::Key(change)))
}

pub(super) fn bytes_of(entries: &[&SignedEntry]) -> Vec<Vec<u8>> {
    entries.iter().map(|entry| entry.bytes().to_vec()).collect()
}

pub(super) fn receipt_bytes(receipt: &SignedReceipt) -> Vec<u8> {
    json::canonical(receipt)
}

/// The commitment that a submission of one entry was accepted, or known, with.
pub(super) fn commitment_of(submitted: &Submitted) -> Hash {
    match &submitted.results[0].outcome {
        EntryOutcome::Accepted(commitment) | EntryOutcome::Duplicate(commitment) => *commitment,
        EntryOutcome::Rejected(error) => panic!("rejected: {error}"),
    }
}

/// One letter for each outcome: A(ccepted), D(uplicate), R(ejected), C(onflict).
pub(super) fn outcomes(submitted: &Submitted) -> String {
    let letter = |outcome: &EntryOutcome| match outcome {
        EntryOutcome::Accepted(_) => 'A',
        EntryOutcome::Duplicate(_) => 'D',
        EntryOutcome::Rejected(Error::Conflict(_)) => 'C',
        EntryOutcome::Rejected(_) => 'R',
    };
    submitted.results.iter().map(|result| letter(&result.outcome)).collect()
}

/// The fields that an error names.
pub(super) fn fields_of(error: &Error) -> Vec<&str> {
    match error {
        Error::Invalid(errors) => errors.0.iter().map(|error| error.field.as_str()).collect(),
        other => panic!("no field error: {other}"),
    }
}

/// Lets the other tasks run until something is so; what never comes is a failure, not a hang.
pub(super) async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let started = std::time::Instant::now();
    while !is_so().await {
        assert!(started.elapsed().as_secs() < 30, "it never came to this: {what}");
        tokio::task::yield_now().await;
    }
}

/// One ledger over all its incarnations.
pub(super) struct World {
    pub(super) disk: MemoryDisk,
    pub(super) vault_dir: TempDir,
    pub(super) clock: Arc<ManualClock>,
    pub(super) settings: Settings,
    /// The checkpoint keys at hand.
    checkpoint_keys: Vec<u8>,
    running: Option<Arc<Service>>,
    /// Every checkpoint that was ever published.
    checkpoints: Vec<String>,
    /// The receipt of every entry that was ever acknowledged.
    pub(super) acknowledged: BTreeMap<EntryId, Vec<u8>>,
}

/// What an outsider found.
pub(super) struct Outside {
    pub(super) blocks: Vec<Block>,
    /// All commitments, in the order of the chain.
    pub(super) commitments: Vec<Commitment>,
    register: KeyRegister,
}

impl World {
    /// A founded ledger that was never started.
    pub(super) async fn founded() -> Self {
        Self::founded_on(|disk| Arc::new(disk.open())).await
    }

    /// The same, on another store.
    async fn founded_on(open: impl FnOnce(&MemoryDisk) -> Arc<dyn Store>) -> Self {
        let clock = ManualClock::new("2026-11-22T08:00:00.000Z".parse().unwrap());
        let (disk, vault_dir) = (MemoryDisk::new(), scratch());
        let vault = Vault::create_in(vault_dir.path()).unwrap();
        let owner = Owner { code: authority().code, name: "认定主体".into() };
        let founding = Founding { origin: ORIGIN.parse().unwrap(), owner };
        let (first, receipt) = (key(AUTHORITY_KEY), key(RECEIPT_KEY));
        let rulebook = Rulebook::embedded();
        let checkpoint = key(CHECKPOINT_KEY);
        let keys = FoundingKeys {
            authority: &first,
            receipt: &receipt,
            checkpoint: &checkpoint,
            issuer: None,
            recorder: None,
        };
        Service::found(&*open(&disk), &vault, &rulebook, clock.now(), &founding, &keys).await.unwrap();
        // Waiting is short, so that what must not happen is seen not to happen soon.
        let settings = Settings { check_threads: 2, wait_max_ms: 50, ..Settings::default() };
        Self {
            disk,
            vault_dir,
            clock: Arc::new(clock),
            settings,
            checkpoint_keys: vec![CHECKPOINT_KEY],
            running: None,
            checkpoints: Vec::new(),
            acknowledged: BTreeMap::new(),
        }
    }

    /// A running ledger with two providers, their keys in force.
    pub(super) async fn new() -> Self {
        Self::new_on(|disk| Arc::new(disk.open())).await
    }

    /// The same, on another store.
    pub(super) async fn new_on(open: impl Fn(&MemoryDisk) -> Arc<dyn Store>) -> Self {
        let mut world = Self::founded_on(&open).await;
        world.reopen_on(&open).await.unwrap();
        for party in [provider_a(), provider_b()] {
            world.register(&party).await;
        }
        let kinds = [Kind::Activity, Kind::Correction, Kind::Study];
        let keys = [provider_a(), provider_b()].map(|party| add_key(party.key, &party, &kinds));
        assert_eq!(outcomes(&world.submit(&Actor::Operator, &keys.each_ref()).await.unwrap()), "AA");
        world.seal().await.unwrap().unwrap();
        world
    }

    /// The same, and it issues certificates.
    pub(super) async fn issuing() -> Self {
        let mut world = Self::new().await;
        assert_eq!(outcomes(&world.submit(&Actor::Operator, &[&add_issuer_key(ISSUER_KEY)]).await.unwrap()), "A");
        world.seal().await.unwrap().unwrap();
        world.settings.issue = Some(issue_settings());
        world.reopen().await.unwrap();
        world
    }

    /// A running ledger with two providers, and the certifying body records too.
    pub(super) async fn recording() -> Self {
        let mut world = Self::new().await;
        world.accept(&authority(), &[&add_body_key(BODY_KEY)]).await;
        world.seal().await.unwrap().unwrap();
        world
    }

    /// From here on two keys sign checkpoints.
    pub(super) async fn rotate_checkpoint_key(&mut self) {
        self.running = None;
        super::begin_checkpoint_rotation(&self.disk.open(), &key(NEXT_CHECKPOINT_KEY), self.clock.now()).await.unwrap();
        self.checkpoint_keys.push(NEXT_CHECKPOINT_KEY);
        self.reopen().await.unwrap();
    }

    /// The sealed entries of a kind that belong to no learner.
    pub(super) async fn own_entries(&self, kind: Kind) -> Vec<SignedEntry> {
        let service = self.service();
        let mut found = Vec::new();
        for place in places(&*service.store, 0..service.published().total()).await.unwrap() {
            let row = ENTRIES.get(&*service.store, &place.id).await.unwrap().unwrap().value;
            if row.head.learner.is_none() {
                let signed = service.open_entry(place.id.try_into().unwrap(), &row).unwrap();
                found.extend(Some(signed).filter(|signed| signed.entry().kind() == kind));
            }
        }
        found
    }

    pub(super) async fn register(&self, party: &Party) {
        let service = self.service();
        let organisation = json!({"code": party.code.as_str(), "name": "培训机构", "roles": ["provider"]});
        service.put_organisation(&Actor::Operator, organisation).await.unwrap();
        let learner = json!({"id": party.learner.id.to_string(), "name": party.learner.name});
        service.register_learners(&party.actor(), learner).await.unwrap();
        let course = json!({"code": party.course.0, "title": party.course.1, "hours": 800});
        service.put_courses(&party.actor(), course).await.unwrap();
    }

    pub(super) fn service(&self) -> Arc<Service> {
        Arc::clone(self.running.as_ref().expect("the service runs"))
    }

    /// Starts, or restarts on what survived. Entries are taken at once; nothing is sealed but by [`World::seal`].
    pub(super) async fn reopen(&mut self) -> Result<(), Error> {
        self.reopen_on(|disk| Arc::new(disk.open())).await
    }

    /// The same, with another store on the same disk.
    pub(super) async fn reopen_on(&mut self, open: impl FnOnce(&MemoryDisk) -> Arc<dyn Store>) -> Result<(), Error> {
        let requests = self.reopen_idle(open).await?;
        tokio::spawn(Service::run_ingest(Arc::downgrade(&self.service()), requests));
        Ok(())
    }

    /// The same, with nobody who gives entries their place.
    pub(super) async fn reopen_idle(
        &mut self,
        open: impl FnOnce(&MemoryDisk) -> Arc<dyn Store>,
    ) -> Result<tokio::sync::mpsc::Receiver<super::ingest::Request>, Error> {
        self.running = None;
        let keys = LedgerKeys {
            checkpoint: self.checkpoint_keys.iter().map(|seed| key(*seed)).collect(),
            receipt: vec![key(RECEIPT_KEY)],
            issuer: vec![key(ISSUER_KEY), key(NEXT_ISSUER_KEY)],
            recorder: vec![key(BODY_KEY), key(NEXT_BODY_KEY)],
            operator_token: Hash::of(&[TOKEN.as_bytes()]),
        };
        let vault = Vault::open(self.vault_dir.path()).unwrap();
        let (clock, settings) = (Arc::clone(&self.clock), self.settings.clone());
        let (service, requests) =
            Service::assemble(open(&self.disk), vault, keys, Rulebook::embedded(), clock, settings).await?;
        self.running = Some(service);
        self.note_checkpoint();
        Ok(requests)
    }

    /// Remembers what the world sees now.
    fn note_checkpoint(&mut self) {
        self.note_shown(self.service().published().checkpoint.clone());
    }

    /// Remembers a checkpoint that was shown to somebody.
    pub(super) fn note_shown(&mut self, checkpoint: String) {
        if !checkpoint.is_empty() && self.checkpoints.last() != Some(&checkpoint) {
            self.checkpoints.push(checkpoint);
        }
    }

    /// Submits, and remembers what was promised.
    pub(super) async fn submit(&mut self, actor: &Actor, entries: &[&SignedEntry]) -> Result<Submitted, Error> {
        let submitted = self.service().submit(actor, bytes_of(entries)).await?;
        self.note_receipts(&submitted);
        Ok(submitted)
    }

    /// Remembers what was promised; a promise that was made before must be the same.
    pub(super) fn note_receipts(&mut self, submitted: &Submitted) {
        for receipt in &submitted.receipts {
            let bytes = receipt_bytes(receipt);
            for entry in &receipt.receipt.entries {
                let before = self.acknowledged.insert(entry.id, bytes.clone());
                assert!(before.is_none_or(|before| before == bytes), "a second receipt for {}", entry.id);
            }
        }
    }

    /// Submits entries of one party that must all be accepted.
    pub(super) async fn accept(&mut self, party: &Party, entries: &[&SignedEntry]) -> Submitted {
        let submitted = self.submit(&party.actor(), entries).await.unwrap();
        assert_eq!(outcomes(&submitted), "A".repeat(entries.len()), "{:?}", submitted.results);
        submitted
    }

    /// Submits one entry of a party that must be refused; the field is that of the one thing that is wrong.
    pub(super) async fn refuse(&mut self, party: &Party, entry: &SignedEntry, field: &str) {
        let submitted = self.submit(&party.actor(), &[entry]).await.unwrap();
        match &submitted.results[0].outcome {
            EntryOutcome::Rejected(error) => assert_eq!(fields_of(error), [field], "{error}"),
            other => panic!("{field}: {other:?}"),
        }
        assert!(submitted.receipts.is_empty() && submitted.sealed_at_total.is_none(), "{field}");
    }

    /// Seals one block, if anything is pending.
    pub(super) async fn seal(&mut self) -> Result<Option<Block>, SealError> {
        let sealed = self.service().seal_once().await;
        self.note_checkpoint();
        sealed
    }

    /// Seals until nothing is pending, and verifies everything.
    pub(super) async fn settle(&mut self) -> Outside {
        while self.seal().await.unwrap().is_some() {}
        self.verify().await
    }

    /// Checks like an outsider that the chain is sound, that every checkpoint ever seen is a prefix of it, that every
    /// promise is kept exactly once, and that every such entry has a proof.
    pub(super) async fn verify(&self) -> Outside {
        let outside = self.verify_together().await;
        for id in self.acknowledged.keys() {
            assert_eq!(self.failed_steps(&[*id]).await, [], "{id}");
        }
        outside
    }

    /// The same, with one proof of all entries.
    pub(super) async fn verify_together(&self) -> Outside {
        let outside = self.verify_chain().await;
        for (id, receipt) in &self.acknowledged {
            self.verify_receipt(&outside, *id, receipt);
        }
        let ids: Vec<EntryId> = self.acknowledged.keys().copied().collect();
        if !ids.is_empty() {
            assert_eq!(self.failed_steps(&ids).await, []);
        }
        outside
    }

    /// The chain alone.
    pub(super) async fn verify_chain(&self) -> Outside {
        let service = self.service();
        let policy = policy();
        let note = SignedNote::parse(service.published().checkpoint.as_bytes()).unwrap();
        let checkpoint = policy.judge(&note).unwrap().checkpoint().clone();
        let size = checkpoint.size();
        let outside = self.read_chain(size).await;
        let texts: Vec<String> = outside.blocks.iter().map(ToString::to_string).collect();
        let leaves: Vec<Hash> = texts.iter().map(|text| leaf_hash(text.as_bytes())).collect();
        assert_eq!(merkle_root(&leaves), *checkpoint.root());
        for seen in &self.checkpoints {
            let note = SignedNote::parse(seen.as_bytes()).unwrap();
            let seen = policy.judge(&note).unwrap().checkpoint().clone();
            let prefix = &leaves[..usize::try_from(seen.size()).unwrap()];
            assert_eq!(merkle_root(prefix), *seen.root(), "the checkpoint of {} blocks is no prefix", seen.size());
        }
        let width = u8::try_from(size).ok().and_then(NonZeroU8::new);
        let tile = |kind| TilePath::new(kind, 0, width).unwrap();
        let entries = service.tile(&tile(TileKind::Entries)).await.unwrap();
        assert!(decode_bundle(&entries).unwrap().into_iter().eq(texts.iter().map(String::as_bytes)));
        let hashes = service.tile(&tile(TileKind::Hashes { level: 0 })).await.unwrap();
        assert!(hashes.chunks(32).eq(leaves.iter().map(|leaf| leaf.as_bytes().as_slice())));
        let events = service.store.events(1, 10_000).await.unwrap();
        verify_events(EventHead::default(), &events).unwrap();
        outside
    }

    /// Reads and checks block after block.
    async fn read_chain(&self, size: u64) -> Outside {
        let service = self.service();
        let texts = service.block_texts(0, 256).await.unwrap();
        assert_eq!(texts.len() as u64, size, "as many blocks as the checkpoint says");
        let mut blocks: Vec<Block> = Vec::new();
        let mut commitments = Vec::new();
        for (height, text) in (0..).zip(texts) {
            let block: Block = text.parse().unwrap();
            assert_eq!(block.to_string(), text);
            assert_eq!(block.follows(blocks.last()), Ok(()), "block {height}");
            assert!(height > 0 || block.entries == 1, "block 0 holds the founding entry alone");
            let batch = service.batch(height).await.unwrap();
            let batch: Vec<Commitment> =
                batch.chunks(32).map(|bytes| Commitment::from_hash(bytes.try_into().unwrap())).collect();
            assert_eq!(batch.len() as u64, block.entries);
            assert_eq!(merkle_root(&batch.iter().map(Commitment::leaf).collect::<Vec<_>>()), block.root);
            let keys = service.key_register(height).await.unwrap();
            assert_eq!(Hash::of(&[&keys]), block.keys, "the key register of block {height}");
            commitments.extend(batch);
            blocks.push(block);
        }
        let distinct: HashSet<Commitment> = commitments.iter().copied().collect();
        assert_eq!(distinct.len(), commitments.len(), "an entry stands twice on the chain");
        for height in [size, size + 1] {
            assert!(matches!(service.batch(height).await, Err(Error::NotFound(_))));
            assert!(matches!(service.key_register(height).await, Err(Error::NotFound(_))));
        }
        let keys: Vec<serde_json::Value> =
            serde_json::from_slice(&service.key_register(size - 1).await.unwrap()).unwrap();
        let mut register = KeyRegister::default();
        for element in keys {
            register.push(&SignedEntry::from_value(element).unwrap()).unwrap();
        }
        Outside { blocks, commitments, register }
    }

    fn verify_receipt(&self, outside: &Outside, id: EntryId, bytes: &[u8]) {
        let receipt = SignedReceipt::from_bytes(bytes).unwrap();
        receipt.verify(&outside.register).unwrap();
        let entry = receipt.receipt.entries.iter().find(|entry| entry.id == id).unwrap();
        let count = outside.commitments.iter().filter(|commitment| **commitment == entry.commitment).count();
        assert_eq!(count, 1, "entry {id} was acknowledged");
        let place = outside.commitments.iter().position(|commitment| *commitment == entry.commitment).unwrap() as u64;
        let block = outside.blocks.iter().find(|block| place < block.total).unwrap();
        assert!(block.time <= receipt.receipt.seal_by, "entry {id} was sealed in time");
    }

    /// The steps that failed for a bundle of these entries. Anything but `in_force` must be checked.
    pub(super) async fn failed_steps(&self, ids: &[EntryId]) -> Vec<Step> {
        let bytes = self.service().proof(&Actor::Operator, ids).await.unwrap();
        let policy = policy();
        let kind = FileKind::recognise(&bytes).unwrap();
        let files = [verify_file(kind, &bytes, Question { policy: Some(&policy), ..Question::default() })];
        let joint = verify_together(&files);
        let steps = || files[0].steps.iter().chain(&joint.steps);
        let failed: Vec<Step> = steps().filter(|step| step.state == State::Failed).map(|report| report.step).collect();
        if failed.is_empty() {
            assert_eq!(exit_status(&files, &joint, false), 3);
            // A bundle of a correction alone cannot tell whether it counts.
            let open = |step: &Step| *step == Step::InForce || (*step == Step::Corrections && ids.len() == 1);
            assert!(steps().all(|report| report.state == State::Passed || open(&report.step)), "{:?}", files[0].steps);
        }
        failed
    }

    /// How many entries have a place, sealed or not.
    pub(super) async fn placed(&self) -> u64 {
        Run::last(&*self.service().store).await.unwrap().map_or(0, |run| run.end())
    }
}

/// The trust policy, as somebody would know it from elsewhere.
pub(super) fn policy() -> TrustPolicy {
    let signer = NoteSigner::from_seed(ORIGIN, key(CHECKPOINT_KEY).as_bytes()).unwrap();
    TrustPolicy::parse(format!("log {}\nquorum none\n", signer.verifier_key()).as_bytes()).unwrap()
}

/// MTH of RFC 6962 section 2.1, straight from the text.
fn merkle_root(leaves: &[Hash]) -> Hash {
    match leaves {
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            node_hash(&merkle_root(left), &merkle_root(right))
        }
    }
}

/// The size that a checkpoint names.
pub(super) fn size_of(checkpoint: &str) -> u64 {
    let note = SignedNote::parse(checkpoint.as_bytes()).unwrap();
    note.text().parse::<Checkpoint>().unwrap().size()
}
