//! Scaffolding for the tests of the service: a ledger that can crash, and an outsider who checks all of it.
//!
//! A [`World`] is one ledger over all its incarnations. It remembers what was promised to whom (receipts) and what was
//! shown to anyone (checkpoints), which no crash may take back. Nothing is sealed but by [`World::seal`], so each test
//! decides what stands in which block; [`World::verify`] uses only what the service serves and the formats.

mod answers;
mod outside;
mod parties;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;
use tempfile::TempDir;

use super::clock::{Clock as _, ManualClock};
use super::order::{Run, places};
use super::tables::ENTRIES;
use super::vault::Vault;
use super::{Actor, EntryOutcome, Error, Founding, FoundingKeys, LedgerKeys, SealError, Service, Settings, Submitted};
use crate::ledger::block::Block;
use crate::ledger::entry::{EntryId, Kind, Owner};
use crate::ledger::signed::SignedEntry;
use crate::merkle::Hash;
use crate::standard::Rulebook;
use crate::store::remains::scratch;
use crate::store::{MemoryDisk, Store};

pub(super) use answers::*;
pub(super) use outside::*;
pub(super) use parties::*;

const TOKEN: &str = "the operator's token";

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

    /// How many entries have a place, sealed or not.
    pub(super) async fn placed(&self) -> u64 {
        Run::last(&*self.service().store).await.unwrap().map_or(0, |run| run.end())
    }
}
