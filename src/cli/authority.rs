//! What the authority does to the key register: signing a key entry, and bringing it to the ledger, whether that is served
//! or only opened here.

use std::sync::Arc;

use ed25519_dalek::SigningKey;
use serde_json::Value;
use tokio::runtime::Runtime;
use uuid::Uuid;

use super::Failure;
use super::client::Client;
use super::data_dir::DataDir;
use super::serve::runtime;
use crate::ledger::entry::{Body, Entry, EntryId, KeyChange, Owner};
use crate::ledger::keys::{Alg, KeyId, KeyRegister};
use crate::ledger::signed::SignedEntry;
use crate::merkle::Checkpoint;
use crate::service::{Actor, EntryOutcome, Service, Settings};
use crate::standard::{CreditCode, RulebookVersion};
use crate::store::Options;

/// How often a ledger that is opened for a few key entries seals.
const SEAL_INTERVAL_MS: u64 = 50;

/// The way to a ledger.
pub(super) enum Door {
    /// To a running service.
    Served(Client),
    /// To a stopped one, opened here and served to nobody.
    Opened { service: Arc<Service>, runtime: Runtime },
}

impl Door {
    /// Opens the ledger of a stopped service.
    pub(super) fn open(dir: &DataDir) -> Result<Self, Failure> {
        let settings = Settings { seal_interval_ms: SEAL_INTERVAL_MS, ..Settings::default() };
        let runtime = runtime()?;
        let service = runtime.block_on(dir.open_service(Options::default(), settings))?;
        Ok(Self::Opened { service, runtime })
    }

    /// What the ledger's checkpoint says. Nobody vouches for it here.
    pub(super) fn checkpoint(&self) -> Result<Checkpoint, Failure> {
        let note = match self {
            Self::Served(client) => String::from_utf8(client.get("/checkpoint")?.good()?).map_err(Failure::new)?,
            Self::Opened { service, .. } => service.published().checkpoint.clone(),
        };
        let body = note.split("\n\n").next().unwrap_or_default();
        format!("{body}\n").parse().map_err(Failure::new)
    }

    /// The key register of the last block.
    pub(super) fn register(&self) -> Result<KeyRegister, Failure> {
        let height = self.checkpoint()?.size().saturating_sub(1);
        let bytes = match self {
            Self::Served(client) => client.get(&format!("/keys/{height}"))?.good()?,
            Self::Opened { service, runtime } => {
                runtime.block_on(service.key_register(height)).map_err(Failure::new)?
            }
        };
        let elements: Vec<Value> = serde_json::from_slice(&bytes).map_err(Failure::new)?;
        let mut register = KeyRegister::default();
        for element in elements {
            let signed = SignedEntry::from_value(element).map_err(Failure::new)?;
            register.push(&signed).map_err(Failure::new)?;
        }
        Ok(register)
    }

    /// An organisation under the name that is registered now: a key is added in no other.
    pub(super) fn as_registered(&self, owner: Owner) -> Result<Owner, Failure> {
        let name = match self {
            Self::Served(client) => {
                let list = client.get("/api/v1/organisations")?.json()?;
                let found = list.as_array().into_iter().flatten().find(|known| known["code"] == owner.code.as_str());
                found.and_then(|known| known["name"].as_str().map(str::to_owned))
            }
            Self::Opened { service, .. } => {
                let list = service.organisations(&Actor::Operator).map_err(Failure::new)?;
                list.into_iter().find(|known| known.code == owner.code).map(|known| known.name)
            }
        };
        Ok(Owner { name: name.unwrap_or(owner.name), ..owner })
    }

    /// Brings a signed entry to the ledger, and waits until it is on the chain.
    pub(super) fn submit(&self, signed: &SignedEntry) -> Result<(), Failure> {
        let sealed = match self {
            Self::Served(client) => {
                let answer = client.post("/api/v1/entries?wait=sealed", signed.bytes())?.json()?;
                answer["sealed"].as_bool() == Some(true)
            }
            Self::Opened { service, runtime } => runtime.block_on(submit_here(service, signed))?,
        };
        if sealed {
            return Ok(());
        }
        Err(Failure::new(
            "记录已受理，但尚未上链，请稍后重新运行本命令 accepted, and not sealed in time: run this command again in a moment",
        ))
    }
}

async fn submit_here(service: &Arc<Service>, signed: &SignedEntry) -> Result<bool, Failure> {
    let submitted = service.submit(&Actor::Operator, vec![signed.bytes().to_vec()]).await.map_err(Failure::new)?;
    for result in submitted.results {
        if let EntryOutcome::Rejected(error) = result.outcome {
            return Err(Failure::new(error));
        }
    }
    Ok(match submitted.sealed_at_total {
        Some(total) => service.wait_sealed(total).await,
        None => false,
    })
}

/// Signs a change of the key register in the name of `code`, by default the organisation that holds the authority's key.
pub(super) fn sign_change(
    door: &Door,
    authority: &SigningKey,
    code: Option<CreditCode>,
    rulebook: RulebookVersion,
    change: KeyChange,
) -> Result<SignedEntry, Failure> {
    let recorder = match code {
        Some(code) => code,
        None => door.register()?.key(id_of(authority)).map_err(Failure::new)?.owner.code.clone(),
    };
    let entry = Entry {
        id: EntryId::try_from(Uuid::now_v7()).map_err(Failure::new)?,
        ledger: door.checkpoint()?.origin().parse().map_err(Failure::new)?,
        recorder,
        rulebook,
        body: Body::Key(change),
    };
    Ok(SignedEntry::sign(entry, &[authority]))
}

/// The key id of the public half.
pub(super) fn id_of(key: &SigningKey) -> KeyId {
    KeyId::of(&Alg::Ed25519, key.verifying_key().as_bytes())
}
