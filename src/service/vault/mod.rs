//! The vault: each learner's data key, in a small file apart from the journal, under a master key.
//!
//! Everything personal is encrypted under its learner's key, and the salt of each commitment is derived from it. When
//! the key is gone, payload and salt are gone with it, wherever copies of the journal lie.
//!
//! ```text
//! DIR/keys/master      64 hexadecimal digits; owner-only
//! DIR/keys/data-keys   a header that names the master key by its digest, then records of 88 bytes:
//!                      id (16), nonce (24), encrypted key (48)
//! ```
//!
//! # A torn end, and damage
//!
//! A record is durable before anybody is told of its key, and so before a learner is registered under it. What a power
//! cut leaves of an append (half a record, zeros, whole records that do not open) therefore belongs to nobody who is
//! registered, and stands behind every record that belongs to somebody. So the registry decides, not the look of the
//! bytes: [`Vault::settle`] is told every key that is needed. One that is missing, or that stands behind a record that
//! does not open, is damage, and the start is refused. Otherwise the file is cut before the first such record. Until
//! that is decided nothing is appended.
//!
//! # Erasing
//!
//! [`Vault::erase`] writes the file anew without the erased keys, under a new master key (`rewrite`), and destroys the
//! old one. Copies of the old key file are of no use without it; copies of both, as backups of the keys are, last until
//! they expire. Which keys are to be erased is written in the store first, so a crash forgets nothing: the start erases
//! again whatever is still there.
//!
//! # What is deliberately absent
//!
//! No key leaves this module but as something that encrypts, decrypts or makes a salt. No record of what was erased.

mod file;
mod key;
mod rewrite;

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};

use uuid::Uuid;

pub(super) use key::NONCES_PER_DRAW;
pub use key::{DataKey, Nonce, Nonces};

use super::keyfile::KeyFileError;
use crate::ledger::commitment::Salt;
use crate::ledger::entry::{Entry, EntryId, LearnerId};
use crate::merkle::Hash;
use file::KeyFile;

/// Whose key: a learner's, that of another row about somebody, or the ledger's own for what belongs to nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DataKeyId(Uuid);

impl DataKeyId {
    /// The key for entries of no learner.
    pub const LEDGER: Self = Self(Uuid::nil());

    /// The key of a row that is about somebody who is no learner, under the row's own id, which is a UUID of version 7.
    pub(super) const fn of_row(id: Uuid) -> Self {
        Self(id)
    }

    /// Whose key an entry is kept under.
    pub fn of(entry: &Entry) -> Self {
        entry.learner().map_or(Self::LEDGER, |learner| learner.id.into())
    }
}

impl From<LearnerId> for DataKeyId {
    fn from(learner: LearnerId) -> Self {
        Self(learner.uuid())
    }
}

/// What the rows of the store say about data keys.
#[derive(Debug, Default)]
pub(super) struct RowKeys {
    /// Those that must be there.
    pub(super) needed: Vec<DataKeyId>,
    /// Those that must not be there any more.
    pub(super) erased: Vec<DataKeyId>,
}

impl RowKeys {
    /// With what other rows say.
    pub(super) fn and(mut self, others: Self) -> Self {
        self.needed.extend(others.needed);
        self.erased.extend(others.erased);
        self
    }
}

/// Why the vault did not answer.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// There is no such key: never made, or erased.
    #[error("there is no data key for this")]
    NoKey,
    /// A ciphertext that this key did not make.
    #[error("{0} cannot be decrypted: it is damaged, or stands in another's place")]
    Unreadable(&'static str),
    /// A key that is needed is not there, or cannot be read.
    #[error(
        "{path}: 数据密钥文件已损坏，或与主密钥不匹配；请用同一份密钥备份中的 master 和 data-keys 恢复 {what}: it is damaged, \
         or `master` is not the key it was written under: put back `master` and `data-keys`, both from one backup of \
         the keys", path = path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        what: String,
    },
    /// A master key cannot be read, or others can read it.
    #[error(transparent)]
    Secret(#[from] KeyFileError),
    /// A write failed before, and only opening the vault again tells what it left behind.
    #[error("a write to the data keys failed before: restart first")]
    Failed,
    /// A key file or the system's randomness failed.
    #[error("cannot {what} the data keys: {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// What the operating system said.
        source: io::Error,
    },
}

/// Which writing of the key file stands in `dir`: every erasure changes it, and nothing else does. `None` before the first one
/// of a file of the first version.
pub fn generation(dir: &Path) -> Result<Option<Hash>, VaultError> {
    file::named_in(dir)
}

/// The data keys, in memory and on disk.
pub struct Vault {
    keys: RwLock<HashMap<DataKeyId, Arc<DataKey>>>,
    /// Held while keys are made or erased: two that make a key for one id would each use their own.
    file: Mutex<KeyFile>,
}

impl Vault {
    /// Makes master key and key file in `dir`, which must not have them yet.
    pub fn create_in(dir: &Path) -> Result<Self, VaultError> {
        let vault = Self { keys: RwLock::default(), file: Mutex::new(KeyFile::create_in(dir)?) };
        vault.create(&[DataKeyId::LEDGER])?;
        Ok(vault)
    }

    /// Opens master key and key file in `dir`, and finishes or undoes an erasure that was cut short. No key is made
    /// before [`Vault::settle`] has said that a torn end may be cut off.
    pub fn open(dir: &Path) -> Result<Self, VaultError> {
        let (file, keys) = KeyFile::open(dir)?;
        let keys = keys.into_iter().map(|(id, key)| (id, Arc::new(key))).collect();
        Ok(Self { keys: RwLock::new(keys), file: Mutex::new(file) })
    }

    /// Holds the keys against those that are `needed`, besides the ledger's own, and cuts off a torn end of the file.
    pub fn settle(&self, needed: impl IntoIterator<Item = DataKeyId>) -> Result<(), VaultError> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        for id in needed.into_iter().chain([DataKeyId::LEDGER]) {
            file.check_needed(id, keys.contains_key(&id))?;
        }
        for orphan in file.cut_torn_end()? {
            keys.remove(&orphan);
        }
        Ok(())
    }

    /// Makes a key for each id that has none; durable when it returns. After a failed write no more keys are made until
    /// the vault is opened again.
    pub fn create(&self, ids: &[DataKeyId]) -> Result<(), VaultError> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let mut fresh = HashMap::new();
        {
            let known = self.read();
            for id in ids.iter().filter(|id| !known.contains_key(id)) {
                fresh.insert(*id, Arc::new(DataKey::generate()?));
            }
        }
        if fresh.is_empty() {
            return Ok(());
        }
        file.append(fresh.iter().map(|(id, key)| (*id, &**key)))?;
        self.keys.write().unwrap_or_else(PoisonError::into_inner).extend(fresh);
        Ok(())
    }

    /// Erases the keys of `owners`: when it returns, what was encrypted under them can be read by nobody who has the
    /// files as they are now. Who has no key is passed over.
    ///
    /// After an error the keys are there or not, and the vault may have to be opened again.
    pub fn erase(&self, owners: impl IntoIterator<Item = impl Into<DataKeyId>>) -> Result<(), VaultError> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let known = self.read();
        let gone: HashSet<DataKeyId> = owners.into_iter().map(Into::into).filter(|id| known.contains_key(id)).collect();
        if gone.is_empty() {
            return Ok(());
        }
        let kept = known.iter().filter(|(id, _)| !gone.contains(id));
        let kept: HashMap<DataKeyId, Arc<DataKey>> = kept.map(|(id, key)| (*id, Arc::clone(key))).collect();
        drop(known);
        file.rewrite(kept.iter().map(|(id, key)| (*id, &**key)))?;
        // Whoever is at work with an erased key still holds it for that moment; it is overwritten when the last is done.
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = kept;
        Ok(())
    }

    /// The key of `id`, for as long as one piece of work takes.
    pub fn key(&self, id: DataKeyId) -> Result<Arc<DataKey>, VaultError> {
        self.read().get(&id).cloned().ok_or(VaultError::NoKey)
    }

    /// The salt of an entry's commitment.
    pub fn salt(&self, id: DataKeyId, entry: EntryId) -> Result<Salt, VaultError> {
        Ok(self.key(id)?.salt(entry))
    }

    /// Encrypts `plain` under the key of `id`; see [`DataKey::encrypt`].
    pub fn encrypt(&self, id: DataKeyId, context: &[u8], plain: &[u8]) -> Result<Vec<u8>, VaultError> {
        self.key(id)?.encrypt(Nonce::draw()?, context, plain)
    }

    /// Decrypts what was encrypted under the key of `id` for the same `context`.
    pub fn decrypt(&self, id: DataKeyId, context: &[u8], sealed: &[u8]) -> Result<Vec<u8>, VaultError> {
        self.key(id)?.decrypt(context, sealed)
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<DataKeyId, Arc<DataKey>>> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Fills `bytes` with randomness of the operating system.
fn fill_random(bytes: &mut [u8]) -> Result<(), VaultError> {
    getrandom::fill(bytes)
        .map_err(|error| VaultError::Io { what: "draw randomness for", source: io::Error::other(error) })
}
