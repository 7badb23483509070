//! Founding a ledger, and opening one that exists.

use std::sync::{Arc, RwLock};

use ed25519_dalek::SigningKey;
use tokio::sync::{Mutex, Notify, watch};
use uuid::Uuid;

use super::clock::Clock;
use super::error::Error;
use super::ingest::{self, Request};
use super::order::{Place, Run};
use super::registry::{Directory, OrganisationRole};
use super::sealer::{Published, SealState};
use super::tables::{ENTRIES, EntryHead, EntryRow, KEYS, KeyRow, LEDGER, LedgerRow, ORGANISATIONS, OrganisationRow};
use super::vault::{DataKeyId, Vault};
use super::{AcceptedKeys, Figures, Service, Settings, pool};
use crate::ledger::block::Block;
use crate::ledger::commitment::Commitment;
use crate::ledger::entry::{Body, Entry, EntryId, KeyChange, Kind, Origin, Owner};
use crate::ledger::keys::{Alg, KeyId, Role};
use crate::ledger::signed::SignedEntry;
use crate::merkle::{Hash, NoteSigner};
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
}

/// The private keys that a running service needs, and the digest of the operator's token. The authority's key is not
/// among them: it can be kept offline.
pub struct LedgerKeys {
    /// Signs checkpoints.
    pub checkpoint: SigningKey,
    /// Signs receipts.
    pub receipt: SigningKey,
    /// SHA-256 of the operator's token.
    pub operator_token: Hash,
}

impl Service {
    /// Writes the first entries of a new ledger: the authority adds itself, then the key that signs receipts. They are
    /// sealed when the service starts.
    pub async fn found(
        store: &dyn Store,
        vault: &Vault,
        rulebook: &Rulebook,
        now: UnixMillis,
        founding: &Founding,
        keys: &FoundingKeys<'_>,
    ) -> Result<(), Error> {
        let FoundingKeys { authority, receipt, checkpoint } = keys;
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
            checkpoint_key: hex::encode(checkpoint.verifying_key().as_bytes()),
        };
        let mut commit = Commit::new(event)
            .when(LEDGER.absent(&()))
            .write(LEDGER.put(&(), &ledger)?)
            .write(ORGANISATIONS.put(founding.owner.code.as_str(), &organisation)?);
        let mut run = Run { first: 0, receipt: None, places: Vec::new() };
        for (ordinal, signed) in (0..).zip([first, second]) {
            let id = signed.entry().id.uuid();
            let salt = vault.salt(DataKeyId::LEDGER, signed.entry().id)?;
            let head = EntryHead { ordinal, recorder: founding.owner.code.clone(), learner: None };
            let tail = vault.encrypt(DataKeyId::LEDGER, id.as_bytes(), signed.bytes())?;
            run.places.push(Place { id, commitment: Commitment::to(&signed, &salt) });
            let text = String::from_utf8(signed.bytes().to_vec()).map_err(Error::internal)?;
            commit = commit
                .write(ENTRIES.put(&id, &EntryRow { head, tail })?)
                .write(KEYS.put(&ordinal, &KeyRow { ordinal, signed: text })?);
        }
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
        tokio::spawn(Self::run_sealer(Arc::downgrade(&service)));
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
        let row = LEDGER.get(&*store, &()).await?;
        let row = row.ok_or_else(|| Error::Unavailable("no ledger was founded here: run init first".into()))?;
        let origin: Origin = row.value.origin.parse().map_err(Error::internal)?;
        if row.value.checkpoint_key != hex::encode(keys.checkpoint.verifying_key().as_bytes()) {
            return Err(Error::Unavailable("checkpoint.key is not the key that this ledger was founded with".into()));
        }
        let directory = Directory::load(&*store, &vault).await?;
        let accepted = AcceptedKeys::load(&*store).await?;
        accepted.check_receipt_key(&keys.receipt)?;
        let state = SealState::load(&*store).await.map_err(unavailable)?;
        let (queue, requests) = ingest::queue(settings.queue_max);
        let checkpoint_signer =
            NoteSigner::from_seed(origin.as_str(), keys.checkpoint.as_bytes()).map_err(Error::internal)?;
        let nothing =
            Published { tip: before_the_first(&origin, clock.now()), root: Hash::ZERO, checkpoint: String::new() };
        let service = Arc::new(Self {
            checks: pool::Pool::new(settings.check_threads)?,
            figures: Figures::new(store.figures()),
            store,
            vault,
            clock,
            origin,
            rulebook,
            settings,
            checkpoint_signer,
            receipt_key: keys.receipt,
            operator_token: keys.operator_token,
            directory: RwLock::new(directory),
            keys: RwLock::new(accepted),
            registry: Mutex::new(()),
            queue,
            sealing: Mutex::new(SealState::default()),
            seal_now: Notify::new(),
            trouble: std::sync::Mutex::default(),
            published: watch::Sender::new(Arc::new(nothing)),
        });
        service.publish(&state).await.map_err(unavailable)?;
        *service.sealing.lock().await = state;
        // Blocks 0 and 1 of a new ledger, so that the authority's key works when the first request comes. What an older one
        // had accepted before it stopped is sealed by its sealer.
        while service.published.borrow().checkpoint.is_empty() || service.published().height() == 0 {
            if service.seal_once().await.map_err(unavailable)?.is_none() {
                return Err(Error::Unavailable("the ledger has no founding entries".into()));
            }
        }
        Ok((service, requests))
    }
}

impl AcceptedKeys {
    /// A receipt under a key that the register does not know for this is no promise to anybody.
    fn check_receipt_key(&self, key: &SigningKey) -> Result<(), Error> {
        let id = KeyId::of(&Alg::Ed25519, key.verifying_key().as_bytes());
        match self.register.key(id) {
            Ok(known) if known.role == Role::Receipt && known.ended.is_none() => Ok(()),
            _ => Err(Error::Unavailable(format!("receipt.key ({id}) is no working key of role receipt"))),
        }
    }

    async fn load(store: &dyn Store) -> Result<Self, Error> {
        let mut keys = Self::default();
        let mut range = KEYS.all();
        loop {
            let rows = KEYS.scan(store, range, MAX_SCAN_ROWS).await?;
            let Some((last, _)) = rows.last() else { break };
            range = KEYS.after(last);
            for (element, row) in rows {
                let signed = SignedEntry::from_bytes(row.value.signed.as_bytes()).map_err(Error::internal)?;
                keys.register
                    .push(&signed)
                    .map_err(|error| Error::Internal(format!("element {element} of the key register: {error}")))?;
                keys.ordinals.push(row.value.ordinal);
            }
        }
        if let Some(run) = Run::last(store).await? {
            (keys.last_run, keys.next) = (Some(run.first), run.end());
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
