//! One data key: what is derived from it, and what is encrypted under it.
//!
//! HKDF-Extract and the payload key are computed once, when the key is made or read, because every entry asks for a
//! salt and an encryption: a salt is then one HKDF-Expand, an encryption derives nothing. (RFC 5869)

use chacha20poly1305::aead::{Aead as _, AeadInOut as _, KeyInit as _, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use sha2::Sha256;
use uuid::fmt::Hyphenated;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::{VaultError, fill_random};
use crate::ledger::commitment::Salt;
use crate::ledger::entry::EntryId;

pub(super) const KEY_LEN: usize = 32;
pub(super) const NONCE_LEN: usize = 24;
pub(super) const TAG_LEN: usize = 16;
const SALT_CONTEXT: &[u8] = b"cqo-ledger/salt/v1\n";
const PAYLOAD_CONTEXT: &[u8] = b"cqo-ledger/payload/v1\n";
/// How many nonces are drawn at once: as many as one job of the check threads has entries, which `check` holds it to.
pub(in crate::service) const NONCES_PER_DRAW: usize = 128;

/// A data key. It is overwritten in memory when nobody uses it any more.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct DataKey {
    key: [u8; KEY_LEN],
    /// HKDF-Extract of it.
    prk: [u8; KEY_LEN],
    /// What payloads are encrypted under.
    payload: [u8; KEY_LEN],
}

impl DataKey {
    /// Draws a new key.
    pub(super) fn generate() -> Result<Self, VaultError> {
        let mut key = Self { key: [0; KEY_LEN], prk: [0; KEY_LEN], payload: [0; KEY_LEN] };
        fill_random(&mut key.key)?;
        key.derive();
        Ok(key)
    }

    /// The key of these bytes.
    pub(super) fn from_bytes(bytes: &[u8; KEY_LEN]) -> Self {
        let mut key = Self { key: *bytes, prk: [0; KEY_LEN], payload: [0; KEY_LEN] };
        key.derive();
        key
    }

    /// The bytes, for the key file.
    pub(super) fn bytes(&self) -> &[u8; KEY_LEN] {
        &self.key
    }

    fn derive(&mut self) {
        let (mut prk, _) = Hkdf::<Sha256>::extract(None, &self.key);
        self.prk.copy_from_slice(&prk);
        prk.as_mut_slice().zeroize();
        let mut payload = [0; KEY_LEN];
        self.expand(&[PAYLOAD_CONTEXT], &mut payload);
        self.payload.copy_from_slice(&payload);
        payload.zeroize();
    }

    fn expand(&self, info: &[&[u8]], out: &mut [u8; KEY_LEN]) {
        let hkdf = Hkdf::<Sha256>::from_prk(&self.prk).expect("it is as long as a hash");
        hkdf.expand_multi_info(info, out).expect("one hash is not too long");
    }

    /// The salt of an entry's commitment.
    pub fn salt(&self, entry: EntryId) -> Salt {
        let mut salt = [0; KEY_LEN];
        let mut text = [0; Hyphenated::LENGTH];
        self.expand(&[SALT_CONTEXT, entry.uuid().hyphenated().encode_lower(&mut text).as_bytes()], &mut salt);
        Salt::from(salt)
    }

    /// Encrypts `plain`; `context` names the row it is for, and must be given again to decrypt.
    pub fn encrypt(&self, nonce: Nonce, context: &[u8], plain: &[u8]) -> Result<Vec<u8>, VaultError> {
        let mut sealed = Vec::with_capacity(NONCE_LEN + plain.len() + TAG_LEN);
        sealed.extend_from_slice(&nonce.0);
        sealed.extend_from_slice(plain);
        let tag = XChaCha20Poly1305::new(&Key::from(self.payload))
            .encrypt_inout_detached(&XNonce::from(nonce.0), context, (&mut sealed[NONCE_LEN..]).into())
            .map_err(|_| VaultError::Unreadable("a payload"))?;
        sealed.extend_from_slice(&tag);
        Ok(sealed)
    }

    /// Decrypts what [`DataKey::encrypt`] made for the same `context`.
    pub fn decrypt(&self, context: &[u8], sealed: &[u8]) -> Result<Vec<u8>, VaultError> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(VaultError::Unreadable("a payload"))?;
        XChaCha20Poly1305::new(&Key::from(self.payload))
            .decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad: context })
            .map_err(|_| VaultError::Unreadable("a payload"))
    }
}

/// A nonce that nothing was encrypted with yet. It cannot be copied, and whoever encrypts with it gives it away.
pub struct Nonce(pub(super) [u8; NONCE_LEN]);

impl Nonce {
    /// One nonce, for one encryption. Whoever encrypts often holds [`Nonces`].
    pub fn draw() -> Result<Self, VaultError> {
        let mut nonce = [0; NONCE_LEN];
        fill_random(&mut nonce)?;
        Ok(Self(nonce))
    }
}

/// A supply of nonces: 192 random bits each, drawn from the operating system many at a time.
///
/// It lives as long as one piece of work and is kept nowhere, so neither a restart nor a restored file brings a nonce
/// back; and 192 random bits do not meet by chance.
pub struct Nonces {
    drawn: [[u8; NONCE_LEN]; NONCES_PER_DRAW],
    left: usize,
}

impl Nonces {
    /// An empty supply; the first nonce draws.
    pub const fn new() -> Self {
        Self { drawn: [[0; NONCE_LEN]; NONCES_PER_DRAW], left: 0 }
    }

    /// The next nonce.
    pub fn draw(&mut self) -> Result<Nonce, VaultError> {
        if self.left == 0 {
            fill_random(self.drawn.as_flattened_mut())?;
            self.left = NONCES_PER_DRAW;
        }
        self.left -= 1;
        Ok(Nonce(self.drawn[self.left]))
    }
}

impl Default for Nonces {
    fn default() -> Self {
        Self::new()
    }
}
