//! Founding a ledger, and opening one that exists.

use std::sync::atomic::AtomicI64;
use std::sync::{Arc, RwLock};

use ed25519_dalek::SigningKey;
use tokio::sync::{Mutex, Notify, watch};
use uuid::Uuid;

use super::access::Actor;
use super::accounts::{self, SealedAccounts};
use super::body::Body as CertifyingBody;
use super::claims::Claims;
use super::clock::Clock;
use super::complaints::Cases;
use super::error::Error;
use super::ingest::{self, Request};
use super::issue::{FontCase, Issuing};
use super::order::{Place, Run, What};
use super::own_keys::{ISSUER_KINDS, RECORDER_KINDS};
use super::places::Places;
use super::registry::{Directory, OrganisationRole};
use super::samples::Samples;
use super::sealer::{Published, SealState};
use super::standing::Cache;
use super::tables::{
    CheckpointKeyRow, CheckpointKeyState, ENTRIES, EntryHead, EntryRow, ISSUED, IssuedRow, KEYS, KeyRow, LEDGER,
    LedgerRow, ORGANISATIONS, OrganisationRow,
};
use super::take_over::owner_of;
use super::vault::{DataKeyId, Vault};
use super::{AcceptedKeys, Figures, Service, Settings, pool};
use crate::ledger::block::Block;
use crate::ledger::commitment::Commitment;
use crate::ledger::entry::{Body, Entry, EntryId, KeyChange, Kind, Origin, Owner};
use crate::ledger::keys::{Alg, KeyId, Role};
use crate::ledger::signed::SignedEntry;
use crate::merkle::Hash;
use crate::standard::{Rulebook, UnixMillis, day_of};
use crate::store::{Commit, Event, MAX_SCAN_ROWS, Store};

/// What a new ledger is founded with.
#[derive(Debug, Clone)]
pub struct Founding {
    /// Its name, for ever.
    pub origin: Origin,
    /// The organisation that runs it, and holds the first authority key.
    pub owner: Owner,
}

/// The private keys that a ledger is founded with.
pub struct FoundingKeys<'a> {
    /// The first authority.
    pub authority: &'a SigningKey,
    /// Signs receipts.
    pub receipt: &'a SigningKey,
    /// Signs checkpoints.
    pub checkpoint: &'a SigningKey,
    /// Signs certificates and status lists; a ledger without one issues nothing until one is registered.
    pub issuer: Option<&'a SigningKey>,
    /// Signs what the certifying body records itself; a ledger without one takes no claims until one is registered.
    pub recorder: Option<&'a SigningKey>,
}

/// The private keys that a running service needs, and the digest of the operator's token. The authority's key is not
/// among them: it can be kept offline.
pub struct LedgerKeys {
    /// Those at hand to sign checkpoints; which of them do, the ledger says.
    pub checkpoint: Vec<SigningKey>,
    /// Those at hand to sign receipts: the first that the key register has for this does.
    pub receipt: Vec<SigningKey>,
    /// Those at hand to sign certificates: the first that the key register has for this does; none is no error.
    pub issuer: Vec<SigningKey>,
    /// Those at hand to sign what the certifying body records: the first that the key register has for this does; none is no error.
    pub recorder: Vec<SigningKey>,
    /// SHA-256 of the operator's token.
    pub operator_token: Hash,
}

impl Service {
    /// Writes the first entries of a new ledger: the authority adds itself, then the keys that sign receipts, certificates and what the
    /// certifying body records. They are sealed when the service starts.
    pub async fn found(
        store: &dyn Store,
        vault: &Vault,
        rulebook: &Rulebook,
        now: UnixMillis,
        founding: &Founding,
        keys: &FoundingKeys<'_>,
    ) -> Result<(), Error> {
        let FoundingKeys { authority, receipt, checkpoint, issuer, recorder } = keys;
        let today = day_of(now).map_err(Error::internal)?;
        let edition = rulebook.in_effect(today).ok_or_else(|| Error::Unavailable("no rulebook is in effect".into()))?;
        let add = |key: &SigningKey, role, kinds| {
            let entry = Entry {
                id: EntryId::try_from(Uuid::now_v7()).map_err(Error::internal)?,
                ledger: founding.origin.clone(),
                recorder: founding.owner.code.clone(),
                rulebook: edition.version,
                body: Body::Key(KeyChange::Add {
                    alg: Alg::Ed25519,
                    public: key.verifying_key().as_bytes().to_vec(),
                    kinds,
                    owner: founding.owner.clone(),
                    role,
                }),
            };
            Ok::<_, Error>(SignedEntry::sign(entry, &[authority]))
        };
        let first = add(authority, Role::Authority, vec![Kind::Correction, Kind::Key])?;
        let second = add(receipt, Role::Receipt, Vec::new())?;
        let third = issuer.map(|key| add(key, Role::Issuer, ISSUER_KINDS.to_vec())).transpose()?;
        let fourth = recorder.map(|key| add(key, Role::Recorder, RECORDER_KINDS.to_vec())).transpose()?;
        let organisation = OrganisationRow {
            name: founding.owner.name.clone(),
            roles: vec![OrganisationRole::CertifyingBody],
            registered_at: now,
        };
        let event = Event {
            actor: "operator".into(),
            action: "found".into(),
            subject: founding.origin.to_string(),
            digest: Some(Hash::of(&[first.bytes()])),
            at_ms: now.millis(),
        };
        let ledger = LedgerRow {
            origin: founding.origin.to_string(),
            checkpoint_keys: vec![CheckpointKeyRow::new(checkpoint, CheckpointKeyState::Current)],
            read_only: None,
        };
        let mut commit = Commit::new(event).when(LEDGER.absent(&())).write(LEDGER.put(&(), &ledger)?);
        // It is there already where the registry of an older ledger was taken over.
        if ORGANISATIONS.get(store, founding.owner.code.as_str()).await?.is_none() {
            commit = commit.write(ORGANISATIONS.put(founding.owner.code.as_str(), &organisation)?);
        }
        let mut run = Run { first: 0, receipt: None, places: Vec::new() };
        for (ordinal, signed) in (0..).zip([first, second].into_iter().chain(third).chain(fourth)) {
            let id = signed.entry().id.uuid();
            let salt = vault.salt(DataKeyId::LEDGER, signed.entry().id)?;
            let head = EntryHead { ordinal, recorder: founding.owner.code.clone(), learner: None };
            let tail = vault.encrypt(DataKeyId::LEDGER, id.as_bytes(), signed.bytes())?;
            let (commitment, what) = (Commitment::to(&signed, &salt), What::of(signed.entry()));
            run.places.push(Place { id, commitment, learner: Uuid::nil(), what });
            let text = String::from_utf8(signed.bytes().to_vec()).map_err(Error::internal)?;
            commit = commit
                .write(ENTRIES.put(&id, &EntryRow { head, tail })?)
                .write(KEYS.put(&ordinal, &KeyRow { ordinal, signed: text })?);
        }
        // Certificates are issued from the first entry on.
        commit = commit.write(ISSUED.put(&(), &IssuedRow { before: 0 })?);
        store.commit(commit.write(run.put()?)).await?;
        Ok(())
    }

    /// Opens a ledger, publishes its tip, and starts taking entries. Must be called within a tokio runtime; the tasks
    /// end with the last reference to the service.
    pub async fn open(
        store: Arc<dyn Store>,
        vault: Vault,
        keys: LedgerKeys,
        rulebook: Rulebook,
        clock: Arc<dyn Clock>,
        settings: Settings,
    ) -> Result<Arc<Self>, Error> {
        let (service, requests) = Self::assemble(store, vault, keys, rulebook, clock, settings).await?;
        tokio::spawn(Self::run_ingest(Arc::downgrade(&service), requests));
        tokio::spawn(Self::run_mailbox(Arc::downgrade(&service)));
        if service.read_only {
            tracing::warn!(
                blocks = service.published().size(),
                "read-only after a restore: `restore --resume` with a later checkpoint from elsewhere lets it go on"
            );
        } else {
            tokio::spawn(Self::run_sealer(Arc::downgrade(&service)));
            tokio::spawn(Self::run_draws(Arc::downgrade(&service)));
            tokio::spawn(Self::run_reminders(Arc::downgrade(&service)));
            if let Err(error) = service.records_for_the_body() {
                tracing::warn!(%error, "no claims can be accepted");
            }
            if service.settings.issue.is_some() {
                match service.issues_certificates() {
                    Ok(()) => {}
                    Err(error) => tracing::warn!(%error, "no certificates are issued"),
                }
            }
            // One that issues nothing sends what is accepted all the same.
            tokio::spawn(Self::run_issuer(Arc::downgrade(&service)));
        }
        Ok(service)
    }

    /// The service without its tasks, its tip published; the founding entries are sealed if they are not yet.
    pub(super) async fn assemble(
        store: Arc<dyn Store>,
        vault: Vault,
        keys: LedgerKeys,
        rulebook: Rulebook,
        clock: Arc<dyn Clock>,
        settings: Settings,
    ) -> Result<(Arc<Self>, tokio::sync::mpsc::Receiver<Request>), Error> {
        let (row, _) = LedgerRow::read(&*store).await?;
        let origin: Origin = row.origin.parse().map_err(Error::internal)?;
        let checkpoint_signers = row.signers(&origin, &keys.checkpoint)?;
        let (accounts, complaints) = (SealedAccounts::read(&*store).await?, Cases::load(&*store).await?);
        let directory = Directory::load(&*store, &vault, accounts.keys().and(complaints.keys()?)).await?;
        let accounts = accounts.open(&vault)?;
        let owner = owner_of(&*store).await?;
        let (body, samples) = (CertifyingBody::load(&*store).await?, Samples::load(&*store).await?);
        let places = Places::load(&*store, &vault).await?;
        let claims = Claims::load(&*store, &vault, &directory).await?;
        let issuing = Issuing::load(&*store).await?;
        let accepted = AcceptedKeys::load(&*store).await?;
        let receipt_key = accepted.receipt_key(keys.receipt)?;
        let state = SealState::load(&*store).await.map_err(unavailable)?;
        let (queue, requests) = ingest::queue(settings.queue_max);
        let nothing =
            Published { tip: before_the_first(&origin, clock.now()), root: Hash::ZERO, checkpoint: String::new() };
        let service = Arc::new(Self {
            checks: pool::Pool::new(settings.check_threads)?,
            hashings: accounts::Hashings::new(settings.check_threads),
            letters: Arc::new(settings.letters.clone()),
            owner,
            figures: Figures::new(store.figures()),
            store,
            vault,
            clock,
            origin,
            rulebook,
            settings,
            checkpoint_signers,
            read_only: row.read_only.is_some(),
            receipt_key,
            issuer_keys: keys.issuer,
            recorder_keys: keys.recorder,
            operator_token: keys.operator_token,
            directory: RwLock::new(directory),
            accounts: RwLock::new(accounts),
            doors: std::sync::Mutex::default(),
            body: RwLock::new(body),
            complaints: RwLock::new(complaints),
            filing: Mutex::new(()),
            samples: RwLock::new(samples),
            places: RwLock::new(places),
            claims: RwLock::new(claims),
            opened: std::sync::Mutex::default(),
            keys: RwLock::new(accepted),
            standings: Cache::default(),
            registry: Mutex::new(()),
            queue,
            sealing: Mutex::new(SealState::default()),
            blocks_not_before: AtomicI64::new(issuing.latest_issue.map_or(0, UnixMillis::millis)),
            issuing: Mutex::new(issuing),
            fonts: FontCase::default(),
            seal_now: Notify::new(),
            trouble: std::sync::Mutex::default(),
            published: watch::Sender::new(Arc::new(nothing)),
        });
        // What a crash, or a restore, left of the accounts of learners who were erased.
        service.bury_accounts(&Actor::Operator).await?;
        service.publish(&state).await.map_err(unavailable)?;
        *service.sealing.lock().await = state;
        // Blocks 0 and 1 of a new ledger, so that the authority's key works when the first request comes. What an older one
        // had accepted before it stopped is sealed by its sealer.
        while service.published.borrow().checkpoint.is_empty() || service.published().height() == 0 {
            if service.read_only {
                return Err(Error::Unavailable(
                    "there is no block in the backup that this ledger was restored from".into(),
                ));
            }
            if service.seal_once().await.map_err(unavailable)?.is_none() {
                return Err(Error::Unavailable("the ledger has no founding entries".into()));
            }
        }
        Ok((service, requests))
    }
}

impl AcceptedKeys {
    /// The first of these keys that works as a receipt key: a receipt under any other is no promise to anybody.
    pub(super) fn receipt_key(&self, at_hand: Vec<SigningKey>) -> Result<SigningKey, Error> {
        let works = |key: &SigningKey| {
            let id = KeyId::of(&Alg::Ed25519, key.verifying_key().as_bytes());
            self.register.key(id).is_ok_and(|known| known.role == Role::Receipt && known.ended.is_none())
        };
        let no_key = || Error::Unavailable("receipt.key is no working key of role receipt".into());
        at_hand.into_iter().find(works).ok_or_else(no_key)
    }

    pub(super) async fn load(store: &dyn Store) -> Result<Self, Error> {
        let mut keys = Self::default();
        let mut range = KEYS.all();
        loop {
            let rows = KEYS.scan(store, range, MAX_SCAN_ROWS).await?;
            let Some((last, _)) = rows.last() else { break };
            range = KEYS.after(last);
            for (element, row) in rows {
                let signed = SignedEntry::from_bytes(row.value.signed.as_bytes()).map_err(Error::internal)?;
                Arc::make_mut(&mut keys.register)
                    .push(&signed)
                    .map_err(|error| Error::Internal(format!("element {element} of the key register: {error}")))?;
                Arc::make_mut(&mut keys.ordinals).push(row.value.ordinal);
            }
        }
        if let Some(run) = Run::last(store).await? {
            keys.end = run.tail();
        }
        Ok(keys)
    }
}

/// What is published before block 0 is: nothing that anybody can see, since no request is served yet.
fn before_the_first(origin: &Origin, time: UnixMillis) -> Block {
    Block {
        origin: origin.clone(),
        height: 0,
        previous: Hash::ZERO,
        root: Hash::ZERO,
        entries: 0,
        total: 0,
        keys: Hash::ZERO,
        time,
    }
}

fn unavailable(error: impl std::fmt::Display) -> Error {
    Error::Unavailable(error.to_string())
}
