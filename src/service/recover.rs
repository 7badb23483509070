//! After a restore: the ledger only reads until nobody can have seen a newer one.
//!
//! A backup is older than the ledger was. Whoever seals on top of it may sign a second history beside one that was signed already,
//! and the ledger's own key would prove it. So sealing goes on only when a checkpoint from elsewhere, a mirror's, a witness's
//! or that of anybody's proof, is found to be a prefix of this chain.

use super::accounts::SealedAccounts;
use super::complaints::Cases;
use super::error::Error;
use super::ledger_row::change;
use super::order::Run;
use super::registry::Directory;
use super::sealer::{SealState, root_at};
use super::tables::{BLOCKS, ENTRIES, LedgerRow, ReadOnlyRow};
use super::vault::{DataKeyId, Vault};
use super::{AcceptedKeys, LedgerKeys};
use crate::merkle::{Checkpoint, Hash, SignedNote};
use crate::standard::UnixMillis;
use crate::store::{Event, Store};

/// Why sealing does not go on.
#[derive(Debug, thiserror::Error)]
pub enum ResumeError {
    /// The ledger was not restored, or goes on already.
    #[error("账本并非只读 the ledger is not read-only")]
    NotReadOnly,
    /// Not a checkpoint that this ledger signed.
    #[error("不是本账本签署的检查点 not a checkpoint that this ledger has signed: {0}")]
    NotOurs(String),
    /// The backup is older than what was signed.
    #[error(
        "备份早于已签署的检查点：缺少 {missing} 个区块（检查点 {signed} 个，备份 {here} 个）。不能在其上继续封块，只能以新的账本名称继续 the backup is older than what was signed: {missing} blocks are missing (the checkpoint has {signed}, the backup {here}). Nothing may be sealed on it; only a ledger under a new origin can go on"
    )]
    Behind {
        /// How many blocks the checkpoint has.
        signed: u64,
        /// How many there are here.
        here: u64,
        /// How many are missing here.
        missing: u64,
    },
    /// The checkpoint does not cover all that was restored: it says nothing about what was signed since.
    #[error(
        "检查点只含 {signed} 个区块，而恢复出 {here} 个：它不能说明此后没有签署过别的。请出示更新的检查点；确知没有更新的，可加 --accept-older the checkpoint has {signed} blocks of the {here} restored: it does not show that nothing else was signed since. Show a newer one; --accept-older goes on all the same, if you know that there is none"
    )]
    Older {
        /// How many blocks the checkpoint has.
        signed: u64,
        /// How many there are here.
        here: u64,
    },
    /// The checkpoint is that of another history.
    #[error(
        "检查点的 {0} 个区块不是这条链的：两段历史都有账本密钥的签名 the checkpoint's {0} blocks are not those of this chain: there are two histories under the ledger's key"
    )]
    OtherHistory(u64),
    /// The ledger cannot be read.
    #[error(transparent)]
    Ledger(#[from] Error),
}

/// A ledger that takes entries again.
#[derive(Debug, Clone, Copy)]
pub struct Resumed {
    /// How many blocks the checkpoint covers.
    pub signed: u64,
    /// How many there are.
    pub here: u64,
}

/// Checks that a ledger that was laid out from a backup is whole and that these keys are its own, and makes it read-only,
/// durably.
pub async fn accept_restored(
    store: &dyn Store,
    vault: &Vault,
    keys: LedgerKeys,
    sequence: u64,
    now: UnixMillis,
) -> Result<(), Error> {
    let (mut row, version) = LedgerRow::read(store).await?;
    let origin = row.origin.parse().map_err(Error::internal)?;
    row.signers(&origin, &keys.checkpoint)?;
    AcceptedKeys::load(store).await?.receipt_key(keys.receipt)?;
    SealState::load(store).await.map_err(|error| Error::Unavailable(error.to_string()))?;
    check_keys(store, vault).await?;
    row.read_only = Some(ReadOnlyRow { since: now, sequence });
    row.write(store, version, change("restore", sequence.to_string(), now)).await
}

/// The vault must open the founding entry and every learner: older keys than the journal's lack those of later learners. The keys
/// of whatever the store says was erased go.
pub async fn check_keys(store: &dyn Store, vault: &Vault) -> Result<(), Error> {
    let (accounts, complaints) = (SealedAccounts::read(store).await?, Cases::load(store).await?);
    Directory::load(store, vault, accounts.keys().and(complaints.keys()?)).await?;
    let id =
        Run::of(store, 0).await?.place(0).map(|place| place.id).ok_or_else(|| Error::internal("no first entry"))?;
    let row = ENTRIES.get(store, &id).await?.ok_or_else(|| Error::Internal(format!("entry {id} is missing")))?;
    vault.decrypt(DataKeyId::LEDGER, id.as_bytes(), &row.value.tail)?;
    Ok(())
}

/// Lets a restored ledger go on, if `note` is a checkpoint of it and a prefix of its chain.
pub async fn resume(
    store: &dyn Store,
    note: &SignedNote,
    accept_older: bool,
    now: UnixMillis,
) -> Result<Resumed, ResumeError> {
    let (mut row, version) = LedgerRow::read(store).await?;
    if row.read_only.is_none() {
        return Err(ResumeError::NotReadOnly);
    }
    let ours = |error: &dyn std::fmt::Display| ResumeError::NotOurs(error.to_string());
    let checkpoint: Checkpoint = note.text().parse().map_err(|error| ours(&error))?;
    if checkpoint.origin() != row.origin {
        return Err(ours(&format!("it is of {}, this ledger is {}", checkpoint.origin(), row.origin)));
    }
    // Also a retired key's: what it signed stands.
    note.verify(&row.verifier_keys()?).map_err(|error| ours(&error))?;
    SealState::load(store).await.map_err(|error| Error::Unavailable(error.to_string()))?;
    let here = BLOCKS.last(store).await.map_err(Error::from)?.map_or(0, |(height, _)| height + 1);
    let signed = checkpoint.size();
    if signed > here {
        return Err(ResumeError::Behind { signed, here, missing: signed - here });
    }
    let root = root_at(store, signed).await.map_err(|error| Error::Unavailable(error.to_string()))?;
    if root != *checkpoint.root() {
        return Err(ResumeError::OtherHistory(signed));
    }
    if signed < here && !accept_older {
        return Err(ResumeError::Older { signed, here });
    }
    row.read_only = None;
    let digest = Some(Hash::of(&[note.to_string().as_bytes()]));
    let event = Event { digest, ..change("resume", format!("{signed} of {here} blocks"), now) };
    row.write(store, version, event).await?;
    Ok(Resumed { signed, here })
}
