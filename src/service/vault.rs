//! The vault: each learner's data key, in a small file apart from the journal, under a master key.
//!
//! Everything personal is encrypted under its learner's key, and the salt of each commitment is derived from it. When
//! the key is gone, payload and salt are gone with it, wherever copies of the journal lie.
//!
//! ```text
//! DIR/keys/master      64 hexadecimal digits; owner-only
//! DIR/keys/data-keys   a header line, then records of 88 bytes: id (16), nonce (24), encrypted key (48)
//! ```
//!
//! A record is durable before anything is encrypted under its key. A crash in the middle of an append leaves part of a
//! record at the very end, which nobody has used; opening cuts it off.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError, RwLock};

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use sha2::Sha256;
use uuid::Uuid;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::keyfile::{self, KeyFileError};
use crate::ledger::commitment::Salt;
use crate::ledger::entry::{Entry, EntryId, LearnerId};

const HEADER: &[u8] = b"cqo-ledger/data-keys/v1\n";
const KEY_LEN: usize = 32;
const NONCE_LEN: usize = 24;
const TAG_LEN: usize = 16;
const RECORD_LEN: usize = 16 + NONCE_LEN + KEY_LEN + TAG_LEN;
const WRAP_CONTEXT: &[u8] = b"cqo-ledger/data-key/v1\n";
const SALT_CONTEXT: &[u8] = b"cqo-ledger/salt/v1\n";
const PAYLOAD_CONTEXT: &[u8] = b"cqo-ledger/payload/v1\n";

/// Whose key: a learner's, or the ledger's own for what belongs to no learner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DataKeyId(Uuid);

impl DataKeyId {
    /// The key for entries of no learner.
    pub const LEDGER: Self = Self(Uuid::nil());
}

impl DataKeyId {
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

/// Why the vault did not answer.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// There is no such key: never made, or erased.
    #[error("there is no data key for this")]
    NoKey,
    /// A ciphertext that this key did not make: the wrong master key, or damage.
    #[error("{0} cannot be decrypted: the master key is not the one it was written under, or the file is damaged")]
    Unreadable(&'static str),
    /// The master key cannot be read, or others can read it.
    #[error(transparent)]
    Secret(#[from] KeyFileError),
    /// The key file or the system's randomness failed.
    #[error("cannot {what} the data keys: {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// What the operating system said.
        source: io::Error,
    },
}

#[derive(Zeroize, ZeroizeOnDrop)]
struct DataKey([u8; KEY_LEN]);

/// The data keys, in memory and on disk.
pub struct Vault {
    master: Zeroizing<[u8; KEY_LEN]>,
    keys: RwLock<HashMap<DataKeyId, DataKey>>,
    disk: Mutex<Disk>,
}

/// Where the keys are kept.
enum Disk {
    /// In memory only, for tests.
    None,
    /// In the key file.
    File(File),
    /// A write failed, so the file may end in half a record. Only opening it again finds out and cuts it off; a record
    /// behind such a half could never be read.
    Failed,
}

impl Vault {
    /// A vault that forgets everything with the process, for tests of the layers above.
    pub fn in_memory() -> Result<Self, VaultError> {
        let vault = Self { master: Zeroizing::new(random()?), keys: RwLock::default(), disk: Mutex::new(Disk::None) };
        vault.create(&[DataKeyId::LEDGER])?;
        Ok(vault)
    }

    /// Makes master key and key file in `dir`, which must not have them yet.
    pub fn create_in(dir: &Path) -> Result<Self, VaultError> {
        let write = |name: &str, contents: &[u8]| {
            let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(dir.join(name));
            file.and_then(|mut file| file.write_all(contents).and_then(|()| file.sync_all()))
                .map_err(|source| VaultError::Io { what: "create", source })
        };
        let master = Zeroizing::new(random::<KEY_LEN>()?);
        write("master", Zeroizing::new(hex::encode(*master)).as_bytes())?;
        write("data-keys", HEADER)?;
        // The names of the two files must be as durable as what is in them.
        File::open(dir).and_then(|dir| dir.sync_all()).map_err(|source| VaultError::Io { what: "create", source })?;
        let vault = Self::open(dir)?;
        vault.create(&[DataKeyId::LEDGER])?;
        Ok(vault)
    }

    /// Opens master key and key file in `dir`.
    pub fn open(dir: &Path) -> Result<Self, VaultError> {
        let read = |source| VaultError::Io { what: "read", source };
        let text = keyfile::read_secret(&dir.join("master"))?;
        let mut master = Zeroizing::new([0; KEY_LEN]);
        hex::decode_to_slice(text.trim_end(), master.as_mut_slice())
            .map_err(|_| VaultError::Unreadable("the master key"))?;
        let path: PathBuf = dir.join("data-keys");
        let bytes = std::fs::read(&path).map_err(read)?;
        let records = bytes.strip_prefix(HEADER).ok_or(VaultError::Unreadable("the key file"))?;
        let mut keys = HashMap::with_capacity(records.len() / RECORD_LEN);
        let (whole, torn) = records.as_chunks::<RECORD_LEN>();
        for record in whole {
            let (id, key) = unwrap(&master, record)?;
            keys.insert(id, key);
        }
        let file = OpenOptions::new().append(true).open(&path).map_err(read)?;
        file.set_len((bytes.len() - torn.len()) as u64).map_err(read)?;
        Ok(Self { master, keys: RwLock::new(keys), disk: Mutex::new(Disk::File(file)) })
    }

    /// Makes a key for each id that has none; durable when it returns. After a failed write no more keys are made until
    /// the vault is opened again.
    pub fn create(&self, ids: &[DataKeyId]) -> Result<(), VaultError> {
        let io = |source| VaultError::Io { what: "write", source };
        // Held all the while: two that make a key for one id would each use their own.
        let mut disk = self.disk.lock().unwrap_or_else(PoisonError::into_inner);
        let known = |id: &DataKeyId| self.keys.read().unwrap_or_else(PoisonError::into_inner).contains_key(id);
        let mut fresh = Vec::new();
        let mut records = Vec::new();
        for id in ids.iter().filter(|id| !known(id)) {
            let key = DataKey(random()?);
            records.extend_from_slice(&wrap(&self.master, *id, &key)?);
            fresh.push((*id, key));
        }
        match &mut *disk {
            _ if records.is_empty() => {}
            Disk::None => {}
            Disk::Failed => return Err(io(io::Error::other("a write failed before: restart first"))),
            Disk::File(file) => {
                if let Err(source) = file.write_all(&records).and_then(|()| file.sync_data()) {
                    *disk = Disk::Failed;
                    return Err(io(source));
                }
            }
        }
        self.keys.write().unwrap_or_else(PoisonError::into_inner).extend(fresh);
        Ok(())
    }

    /// The salt of an entry's commitment.
    pub fn salt(&self, id: DataKeyId, entry: EntryId) -> Result<Salt, VaultError> {
        let mut salt = [0; 32];
        self.derive(id, &[SALT_CONTEXT, entry.to_string().as_bytes()], &mut salt)?;
        Ok(Salt::from(salt))
    }

    /// Encrypts `plain` under the key of `id`; `context` names the row it is for, and must be given again to decrypt.
    pub fn encrypt(&self, id: DataKeyId, context: &[u8], plain: &[u8]) -> Result<Vec<u8>, VaultError> {
        let nonce: [u8; NONCE_LEN] = random()?;
        let sealed = self
            .payload_cipher(id)?
            .encrypt(&XNonce::from(nonce), Payload { msg: plain, aad: context })
            .map_err(|_| VaultError::Unreadable("a payload"))?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// Decrypts what [`Vault::encrypt`] made for the same `context`.
    pub fn decrypt(&self, id: DataKeyId, context: &[u8], sealed: &[u8]) -> Result<Vec<u8>, VaultError> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(VaultError::Unreadable("a payload"))?;
        self.payload_cipher(id)?
            .decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad: context })
            .map_err(|_| VaultError::Unreadable("a payload"))
    }

    fn payload_cipher(&self, id: DataKeyId) -> Result<XChaCha20Poly1305, VaultError> {
        let mut key = Zeroizing::new([0; KEY_LEN]);
        self.derive(id, &[PAYLOAD_CONTEXT], key.as_mut_slice())?;
        Ok(XChaCha20Poly1305::new(&Key::from(*key)))
    }

    fn derive(&self, id: DataKeyId, info: &[&[u8]], out: &mut [u8]) -> Result<(), VaultError> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let key = keys.get(&id).ok_or(VaultError::NoKey)?;
        // HKDF fails only for an output of more than 255 hashes.
        Hkdf::<Sha256>::new(None, &key.0).expand_multi_info(info, out).map_err(|_| VaultError::NoKey)
    }
}

fn random<const N: usize>() -> Result<[u8; N], VaultError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| VaultError::Io { what: "draw randomness for", source: io::Error::other(error) })?;
    Ok(bytes)
}

fn wrap(master: &[u8; KEY_LEN], id: DataKeyId, key: &DataKey) -> Result<[u8; RECORD_LEN], VaultError> {
    let nonce: [u8; NONCE_LEN] = random()?;
    let aad = [WRAP_CONTEXT, id.0.as_bytes()].concat();
    let sealed = XChaCha20Poly1305::new(&Key::from(*master))
        .encrypt(&XNonce::from(nonce), Payload { msg: &key.0, aad: &aad })
        .map_err(|_| VaultError::Unreadable("a data key"))?;
    let mut record = [0; RECORD_LEN];
    record[..16].copy_from_slice(id.0.as_bytes());
    record[16..16 + NONCE_LEN].copy_from_slice(&nonce);
    record[16 + NONCE_LEN..].copy_from_slice(&sealed);
    Ok(record)
}

fn unwrap(master: &[u8; KEY_LEN], record: &[u8; RECORD_LEN]) -> Result<(DataKeyId, DataKey), VaultError> {
    let unreadable = VaultError::Unreadable("a data key");
    let (id, rest) = record.split_first_chunk::<16>().ok_or(VaultError::Unreadable("a data key"))?;
    let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>().ok_or(VaultError::Unreadable("a data key"))?;
    let aad = [WRAP_CONTEXT, id].concat();
    let plain = XChaCha20Poly1305::new(&Key::from(*master))
        .decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad: &aad })
        .map(Zeroizing::new)
        .map_err(|_| VaultError::Unreadable("a data key"))?;
    let key: [u8; KEY_LEN] = plain.as_slice().try_into().map_err(|_| unreadable)?;
    Ok((DataKeyId(Uuid::from_bytes(*id)), DataKey(key)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> EntryId {
        Uuid::now_v7().try_into().unwrap()
    }

    #[test]
    fn what_one_key_encrypts_only_it_decrypts_for_the_same_row() {
        let dir = tempfile::tempdir().unwrap();
        let vault = Vault::create_in(dir.path()).unwrap();
        let (a, b) = (DataKeyId(Uuid::now_v7()), DataKeyId(Uuid::now_v7()));
        vault.create(&[a, b]).unwrap();
        let sealed = vault.encrypt(a, b"row", "张伟".as_bytes()).unwrap();
        assert_eq!(vault.decrypt(a, b"row", &sealed).unwrap(), "张伟".as_bytes());
        assert!(vault.decrypt(b, b"row", &sealed).is_err());
        assert!(vault.decrypt(a, b"other", &sealed).is_err());
        assert!(matches!(vault.salt(DataKeyId(Uuid::now_v7()), entry()), Err(VaultError::NoKey)));
    }

    #[test]
    fn after_a_failed_write_no_key_is_made_until_the_vault_is_opened_again() {
        let dir = tempfile::tempdir().unwrap();
        let vault = Vault::create_in(dir.path()).unwrap();
        let id = DataKeyId(Uuid::now_v7());
        *vault.disk.lock().unwrap() = Disk::File(File::open(dir.path().join("data-keys")).unwrap());
        for _ in 0..2 {
            assert!(matches!(vault.create(&[id]), Err(VaultError::Io { what: "write", .. })));
            assert!(matches!(*vault.disk.lock().unwrap(), Disk::Failed));
            assert!(matches!(vault.salt(id, entry()), Err(VaultError::NoKey)), "a key that is not durable is not used");
        }
        vault.create(&[DataKeyId::LEDGER]).unwrap();
        let vault = Vault::open(dir.path()).unwrap();
        vault.create(&[id]).unwrap();
        vault.salt(id, entry()).unwrap();
    }

    #[test]
    fn keys_survive_opening_again_and_a_torn_record_is_cut_off() {
        let dir = tempfile::tempdir().unwrap();
        let (id, entry) = (DataKeyId(Uuid::now_v7()), entry());
        let vault = Vault::create_in(dir.path()).unwrap();
        vault.create(&[id]).unwrap();
        let salt = vault.salt(id, entry).unwrap();
        drop(vault);
        let path = dir.path().join("data-keys");
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, [whole.as_slice(), &[7; 50]].concat()).unwrap();
        assert_eq!(Vault::open(dir.path()).unwrap().salt(id, entry).unwrap(), salt);
        assert_eq!(std::fs::read(&path).unwrap(), whole);
        let mut damaged = whole.clone();
        *damaged.last_mut().unwrap() ^= 1;
        std::fs::write(&path, damaged).unwrap();
        assert!(matches!(Vault::open(dir.path()), Err(VaultError::Unreadable(_))));
    }
}
