//! The key file: reading, appending, and what its end may look like.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::key::{DataKey, KEY_LEN, NONCE_LEN, Nonces, TAG_LEN};
use super::rewrite::{self, Stop};
use super::{DataKeyId, VaultError, fill_random};
use crate::merkle::Hash;
use crate::service::keyfile;

/// The master key.
pub(super) const MASTER: &str = "master";
/// The data keys under it.
pub(super) const DATA_KEYS: &str = "data-keys";
/// The first version: under the one master key there is.
const HEADER_V1: &[u8] = b"cqo-ledger/data-keys/v1\n";
/// The version that names its master key: these bytes, then those of [`MasterKey::name`].
const HEADER_V2: &[u8] = b"cqo-ledger/data-keys/v2\n";
const HASH_LEN: usize = 32;
const RECORD_LEN: usize = 16 + NONCE_LEN + KEY_LEN + TAG_LEN;
const WRAP_CONTEXT: &[u8] = b"cqo-ledger/data-key/v1\n";
const MASTER_CONTEXT: &[u8] = b"cqo-ledger/master-key/v1\n";

/// The key that the data keys are kept under.
pub(super) struct MasterKey(Zeroizing<[u8; KEY_LEN]>);

impl MasterKey {
    /// Draws a new one.
    pub(super) fn generate() -> Result<Self, VaultError> {
        let mut key = Zeroizing::new([0; KEY_LEN]);
        fill_random(key.as_mut_slice())?;
        Ok(Self(key))
    }

    /// Reads one from its file.
    pub(super) fn read(path: &Path) -> Result<Self, VaultError> {
        let text = keyfile::read_secret(path)?;
        let mut key = Zeroizing::new([0; KEY_LEN]);
        hex::decode_to_slice(text.trim_end(), key.as_mut_slice())
            .map_err(|_| VaultError::Damaged { path: path.to_owned(), what: "is not 64 hexadecimal digits".into() })?;
        Ok(Self(key))
    }

    /// Writes it to a new file; durable but for the file's name.
    pub(super) fn write(&self, path: &Path) -> io::Result<()> {
        write_new(path, Zeroizing::new(hex::encode(*self.0)).as_bytes())
    }

    /// What the key file calls it. A digest of 256 random bits tells nobody anything about them.
    pub(super) fn name(&self) -> Hash {
        Hash::of(&[MASTER_CONTEXT, self.0.as_slice()])
    }

    fn wrap(&self, nonces: &mut Nonces, id: DataKeyId, key: &DataKey) -> Result<[u8; RECORD_LEN], VaultError> {
        let nonce = nonces.draw()?.0;
        let aad = [WRAP_CONTEXT, id.0.as_bytes()].concat();
        let sealed = XChaCha20Poly1305::new(&Key::from(*self.0))
            .encrypt(&XNonce::from(nonce), Payload { msg: key.bytes(), aad: &aad })
            .map_err(|_| VaultError::Unreadable("a data key"))?;
        let mut record = [0; RECORD_LEN];
        record[..16].copy_from_slice(id.0.as_bytes());
        record[16..16 + NONCE_LEN].copy_from_slice(&nonce);
        record[16 + NONCE_LEN..].copy_from_slice(&sealed);
        Ok(record)
    }

    /// Opens a record; none when it was not written whole under this key.
    fn unwrap(&self, record: &[u8; RECORD_LEN]) -> Option<(DataKeyId, DataKey)> {
        let (id, rest) = record.split_first_chunk::<16>()?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>()?;
        let aad = [WRAP_CONTEXT, id].concat();
        let plain = XChaCha20Poly1305::new(&Key::from(*self.0))
            .decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad: &aad })
            .map(Zeroizing::new)
            .ok()?;
        Some((DataKeyId(Uuid::from_bytes(*id)), DataKey::from_bytes(plain.as_slice().try_into().ok()?)))
    }
}

/// The key file, open for appending, with the master key it is under.
pub(super) struct KeyFile {
    pub(super) dir: PathBuf,
    pub(super) master: MasterKey,
    pub(super) state: State,
    /// Where a test stops a rewrite.
    pub(super) stop: Stop,
}

/// How far the file can be trusted.
pub(super) enum State {
    /// To its end.
    Whole(File),
    /// Up to a place behind which something does not open.
    Torn {
        file: File,
        /// The length up to there.
        whole: u64,
        /// Whose keys stand behind it.
        behind: Vec<DataKeyId>,
    },
    /// A write failed, so the file may end in half a record. Only opening it again finds out; a record behind such a
    /// half could never be read.
    Failed,
}

impl KeyFile {
    /// Makes both files, without a key yet.
    pub(super) fn create_in(dir: &Path) -> Result<Self, VaultError> {
        let create = |source| VaultError::Io { what: "create", source };
        let master = MasterKey::generate()?;
        master.write(&dir.join(MASTER)).map_err(create)?;
        let path = dir.join(DATA_KEYS);
        write_new(&path, &image(&master, [])?).map_err(create)?;
        // The names of the two files must be as durable as what is in them.
        keyfile::sync_dir(dir).map_err(create)?;
        let state = State::Whole(open_to_append(&path).map_err(create)?);
        Ok(Self { dir: dir.to_owned(), master, state, stop: Stop::default() })
    }

    /// Finds the master key of the file, and reads every record.
    pub(super) fn open(dir: &Path) -> Result<(Self, Vec<(DataKeyId, DataKey)>), VaultError> {
        let path = dir.join(DATA_KEYS);
        let read = |source| keyfile::KeyFileError::Io { what: "read", path: path.clone(), source };
        let bytes = std::fs::read(&path).map_err(read)?;
        let (name, records) = split_header(&bytes)
            .ok_or_else(|| VaultError::Damaged { path: path.clone(), what: "has no header".into() })?;
        let master = rewrite::settle_master(dir, name)?;
        let (mut keys, mut behind, mut whole) = (Vec::with_capacity(records.len() / RECORD_LEN), Vec::new(), None);
        for (i, chunk) in records.chunks(RECORD_LEN).enumerate() {
            match chunk.try_into().ok().and_then(|record| master.unwrap(record)) {
                Some((id, key)) => {
                    behind.extend(whole.map(|_| id));
                    keys.push((id, key));
                }
                None => whole = whole.or(Some(bytes.len() - records.len() + i * RECORD_LEN)),
            }
        }
        let file = open_to_append(&path).map_err(read)?;
        let state = match whole {
            None => State::Whole(file),
            Some(whole) => State::Torn { file, whole: whole as u64, behind },
        };
        Ok((Self { dir: dir.to_owned(), master, state, stop: Stop::default() }, keys))
    }

    /// A key that somebody needs must be there, and in the part that can be trusted.
    pub(super) fn check_needed(&self, id: DataKeyId, there: bool) -> Result<(), VaultError> {
        let what = match &self.state {
            _ if !there => format!("the data key of {} is missing", id.0),
            State::Torn { whole, behind, .. } if behind.contains(&id) => {
                format!("the record at byte {whole} cannot be decrypted, and records behind it are needed")
            }
            _ => return Ok(()),
        };
        Err(VaultError::Damaged { path: self.dir.join(DATA_KEYS), what })
    }

    /// Cuts off what nobody needs behind the first record that does not open; returns the ids of keys lost with it.
    pub(super) fn cut_torn_end(&mut self) -> Result<Vec<DataKeyId>, VaultError> {
        match std::mem::replace(&mut self.state, State::Failed) {
            State::Torn { file, whole, behind } => {
                file.set_len(whole)
                    .and_then(|()| file.sync_all())
                    .map_err(|source| VaultError::Io { what: "cut", source })?;
                self.state = State::Whole(file);
                Ok(behind)
            }
            state => {
                self.state = state;
                Ok(Vec::new())
            }
        }
    }

    /// Appends records: one write, one fdatasync.
    pub(super) fn append<'a>(
        &mut self,
        keys: impl Iterator<Item = (DataKeyId, &'a DataKey)>,
    ) -> Result<(), VaultError> {
        let State::Whole(file) = &mut self.state else { return Err(VaultError::Failed) };
        let mut nonces = Nonces::new();
        let mut records = Vec::new();
        for (id, key) in keys {
            records.extend_from_slice(&self.master.wrap(&mut nonces, id, key)?);
        }
        if let Err(source) = file.write_all(&records).and_then(|()| file.sync_data()) {
            self.state = State::Failed;
            return Err(VaultError::Io { what: "write", source });
        }
        Ok(())
    }
}

/// A whole key file: header and records.
pub(super) fn image<'a>(
    master: &MasterKey,
    keys: impl IntoIterator<Item = (DataKeyId, &'a DataKey)>,
) -> Result<Vec<u8>, VaultError> {
    let mut bytes = [HEADER_V2, master.name().as_bytes()].concat();
    let mut nonces = Nonces::new();
    for (id, key) in keys {
        bytes.extend_from_slice(&master.wrap(&mut nonces, id, key)?);
    }
    Ok(bytes)
}

/// The master key that the key file in `dir` names, where it is of a version that does.
pub(super) fn named_in(dir: &Path) -> Result<Option<Hash>, VaultError> {
    let path = dir.join(DATA_KEYS);
    let read = |source| keyfile::KeyFileError::Io { what: "read", path: path.clone(), source };
    let mut head = Vec::new();
    let most = (HEADER_V2.len() + HASH_LEN) as u64;
    File::open(&path).and_then(|file| file.take(most).read_to_end(&mut head)).map_err(read)?;
    match split_header(&head) {
        Some((name, _)) => Ok(name),
        None => Err(VaultError::Damaged { path, what: "has no header".into() }),
    }
}

/// The name of the master key, where the file is of a version that has it, and the records.
fn split_header(bytes: &[u8]) -> Option<(Option<Hash>, &[u8])> {
    if let Some(records) = bytes.strip_prefix(HEADER_V1) {
        return Some((None, records));
    }
    let (name, records) = bytes.strip_prefix(HEADER_V2)?.split_first_chunk::<HASH_LEN>()?;
    Some((Some(Hash::from(*name)), records))
}

/// Writes a new owner-only file; durable but for its name.
pub(super) fn write_new(path: &Path, contents: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(contents)?;
    file.sync_all()
}

pub(super) fn open_to_append(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).open(path)
}
