//! Salted commitments (proofs/FORMATS.md section 6): what stands on the chain for an entry, and says nothing without its salt.

use std::fmt;
use std::str::FromStr;

use zeroize::Zeroize;

use super::entry::{FormError, Origin};
use super::signed::SignedEntry;
use crate::merkle::{Hash, leaf_hash};

const COMMIT_CONTEXT: &str = "cqo-ledger/commit/v1\n";

/// The salt of one commitment: secret from everyone not entitled to the entry.
#[derive(Clone, PartialEq, Eq, Zeroize)]
pub struct Salt([u8; 32]);

impl From<[u8; 32]> for Salt {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl FromStr for Salt {
    type Err = FormError;

    fn from_str(text: &str) -> Result<Self, FormError> {
        text.parse::<Hash>().map(|hash| Self(*hash.as_bytes())).map_err(|_| FormError)
    }
}

impl Salt {
    /// The salt in hexadecimal, for those entitled to the entry.
    pub fn reveal(&self) -> String {
        hex::encode(self.0)
    }
}

impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Salt(secret)")
    }
}

/// The commitment to a signed entry: the leaf data of its batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Commitment(Hash);

impl Commitment {
    /// Commits to a signed entry under a salt.
    pub fn to(signed: &SignedEntry, salt: &Salt) -> Self {
        Self::of(&signed.entry().ledger, signed.bytes(), salt)
    }

    /// Commits to the canonical bytes of a signed entry of the ledger `origin`.
    pub fn of(origin: &Origin, signed_bytes: &[u8], salt: &Salt) -> Self {
        Self(Hash::of(&[COMMIT_CONTEXT.as_bytes(), origin.as_str().as_bytes(), b"\n", &salt.0, signed_bytes]))
    }

    /// A commitment read from the chain.
    pub const fn from_hash(hash: Hash) -> Self {
        Self(hash)
    }

    /// The 32 bytes as a hash.
    pub const fn hash(&self) -> &Hash {
        &self.0
    }

    /// The hash of the leaf whose data this is.
    pub fn leaf(&self) -> Hash {
        leaf_hash(self.0.as_bytes())
    }
}

impl fmt::Display for Commitment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
