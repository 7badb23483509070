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
        Hash::from(self.0).to_string()
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

#[cfg(test)]
mod tests {
    use super::super::bundle::Bundle;
    use super::super::testing::BUNDLE;
    use super::*;

    /// Computed with `{ printf ...; printf '%s' $salt | xxd -r -p; printf '{}'; } | sha256sum`.
    #[test]
    fn a_commitment_known() {
        let origin = "ledger.example.org/cqo".parse().unwrap();
        let salt: Salt = "00".repeat(32).parse().unwrap();
        let commitment = Commitment::of(&origin, b"{}", &salt);
        assert_eq!(commitment.to_string(), "105f08d64a7c7e44827b8f952e4a133f7445b851a69cfa6f48adb840ca684762");
        assert_eq!(commitment.leaf().to_string(), "58f09036104e8fed4761c10f0f8eb9f4d5a67b4ce2128bb24bf04a0f006ff0a7");
    }

    #[test]
    fn every_part_changes_the_commitment() {
        let bundle = Bundle::from_bytes(BUNDLE).unwrap();
        let commitments: std::collections::HashSet<Commitment> =
            bundle.entries.iter().map(super::super::bundle::BundleEntry::commitment).collect();
        assert_eq!(commitments.len(), bundle.entries.len());
        let entry = &bundle.entries[0];
        assert_ne!(entry.commitment(), Commitment::to(&entry.signed, &Salt::from([0; 32])));
        assert_eq!(format!("{:?}", entry.salt), "Salt(secret)");
    }
}
