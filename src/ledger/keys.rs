//! Keys, their roles, and the key register (proofs/FORMATS.md sections 1, 3 and 5).

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::str::FromStr;

use ed25519_dalek::{Signature as Ed25519Signature, VerifyingKey};
use sha2::{Digest, Sha256};

use super::entry::{Body, EntryId, FormError, KeyChange, Kind, Owner};
use super::signed::{Signature, SignedEntry};
use crate::merkle::Hash;
use crate::standard::choice;

/// Most elements of a key register that a verifier reads.
pub const MAX_REGISTER: usize = 10_000;
/// Longest name of an algorithm, in characters.
const MAX_ALG: usize = 32;

/// A signature algorithm by name. Another suite, SM2 with SM3 for one, can stand beside Ed25519.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Alg {
    /// Ed25519 (RFC 8032), verified strictly.
    Ed25519,
    /// An algorithm that this version cannot check.
    Other(String),
}

impl Alg {
    /// The name.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Ed25519 => "Ed25519",
            Self::Other(name) => name,
        }
    }
}

impl FromStr for Alg {
    type Err = FormError;

    fn from_str(text: &str) -> Result<Self, FormError> {
        let good = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        match text {
            "Ed25519" => Ok(Self::Ed25519),
            _ if good && (1..=MAX_ALG).contains(&text.len()) => Ok(Self::Other(text.to_owned())),
            _ => Err(FormError),
        }
    }
}

impl fmt::Display for Alg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Names a public key: SHA-256 over the algorithm, a line feed and the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(Hash);

impl KeyId {
    /// The id of a public key.
    pub fn of(alg: &Alg, public: &[u8]) -> Self {
        Self(Hash::of(&[alg.as_str().as_bytes(), b"\n", public]))
    }

    /// The digest.
    pub const fn hash(&self) -> &Hash {
        &self.0
    }
}

impl FromStr for KeyId {
    type Err = FormError;

    fn from_str(text: &str) -> Result<Self, FormError> {
        text.parse().map(Self).map_err(|_| FormError)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

choice! {
    /// What a key is for. One key never does another's work.
    pub enum Role {
        /// Signs key entries, and corrections of any target.
        Authority = "authority", "管理方";
        /// Signs certificates and status entries.
        Issuer = "issuer", "签发";
        /// Signs receipts, and no entry.
        Receipt = "receipt", "回执";
        /// Signs study, activity and correction entries.
        Recorder = "recorder", "记录方";
    }
}

impl Role {
    /// Whether a key of this role may be allowed exactly these kinds.
    pub fn may_have(self, kinds: &[Kind]) -> bool {
        match self {
            Self::Authority => kinds == [Kind::Correction, Kind::Key],
            Self::Receipt => kinds.is_empty(),
            Self::Issuer => !kinds.is_empty() && kinds.iter().all(|k| matches!(k, Kind::Certificate | Kind::Status)),
            Self::Recorder => {
                !kinds.is_empty() && kinds.iter().all(|k| matches!(k, Kind::Activity | Kind::Correction | Kind::Study))
            }
        }
    }

    /// The kinds it may have, for errors.
    pub fn kinds_in_words(self) -> &'static str {
        match self {
            Self::Authority => "correction, key",
            Self::Receipt => "-",
            Self::Issuer => "certificate, status",
            Self::Recorder => "activity, correction, study",
        }
    }
}

/// A public key ready to verify with: decompressed once.
#[derive(Debug, Clone)]
pub enum PublicKey {
    /// An Ed25519 key.
    Ed25519(Box<VerifyingKey>),
    /// A key of an algorithm that this version cannot check.
    Unknown(String),
}

/// Why a signature or a key was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The public key is not a good Ed25519 key: wrong length, no curve point, small order, or not canonical.
    #[error("the public key is not a valid Ed25519 key")]
    BadPublicKey,
    /// No such key is in the register.
    #[error("key {0} is not in the key register")]
    UnknownKey(KeyId),
    /// The key's addition is not yet in force.
    #[error("key {0} does not work yet: it works from the block after the one that holds it")]
    NotYet(KeyId),
    /// The key was retired or revoked before.
    #[error("key {0} was retired or revoked")]
    Ended(KeyId),
    /// The key was revoked as compromised from this height on.
    #[error("key {0} was revoked, compromised from block {1}")]
    Compromised(KeyId, u64),
    /// The signature names another algorithm than the registered key.
    #[error("the signature by key {0} names another algorithm than the key")]
    WrongAlg(KeyId),
    /// An algorithm that this version cannot check.
    #[error("algorithm {0} could not be checked by this version")]
    UnknownAlg(String),
    /// The signature does not verify.
    #[error("the signature by key {0} is not valid")]
    BadSignature(KeyId),
    /// The key may not sign this kind.
    #[error("key {0} may not sign entries of kind {1}")]
    WrongKind(KeyId, Kind),
    /// The key belongs to another organisation than the recorder.
    #[error("key {0} does not belong to the recorder")]
    WrongOwner(KeyId),
    /// A key register must begin with a self-signed addition of an authority.
    #[error("the register does not begin with a self-signed addition of an authority key")]
    BadGenesis,
    /// The key is already registered.
    #[error("key {0} is already registered")]
    AlreadyAdded(KeyId),
    /// Only an authority, or the key itself, may do this.
    #[error("key {0} has no authority for this change of the register")]
    NoAuthority(KeyId),
    /// An entry id stands in the register already.
    #[error("the entry id {0} stands in the register already")]
    SameId(EntryId),
    /// Not a key entry.
    #[error("not an entry of kind key")]
    NotAKeyEntry,
    /// A key entry that its block did not add to the register.
    #[error("the key entry is no element that its block added to the register")]
    NotInRegister,
    /// The register is full.
    #[error("a key register has at most {MAX_REGISTER} elements")]
    TooMany,
}

impl PublicKey {
    /// Reads a public key, refusing weak ones.
    pub fn new(alg: &Alg, bytes: &[u8]) -> Result<Self, KeyError> {
        match alg {
            Alg::Other(name) => Ok(Self::Unknown(name.clone())),
            Alg::Ed25519 => {
                let bytes: &[u8; 32] = bytes.try_into().map_err(|_| KeyError::BadPublicKey)?;
                let key = VerifyingKey::from_bytes(bytes).map_err(|_| KeyError::BadPublicKey)?;
                let canonical = key.to_edwards().compress().as_bytes() == bytes;
                if key.is_weak() || !canonical { Err(KeyError::BadPublicKey) } else { Ok(Self::Ed25519(Box::new(key))) }
            }
        }
    }

    /// Verifies a signature strictly.
    pub fn verify(&self, id: KeyId, message: &[u8], signature: &[u8]) -> Result<(), KeyError> {
        match self {
            Self::Unknown(name) => Err(KeyError::UnknownAlg(name.clone())),
            Self::Ed25519(key) => Ed25519Signature::from_slice(signature)
                .and_then(|signature| key.verify_strict(message, &signature))
                .map_err(|_| KeyError::BadSignature(id)),
        }
    }
}

/// A key as the register knows it.
#[derive(Debug, Clone)]
pub struct RegisteredKey {
    /// The algorithm.
    pub alg: Alg,
    /// The public key, ready to verify with.
    pub public: PublicKey,
    /// What it is for.
    pub role: Role,
    /// The kinds of entry it may sign.
    pub kinds: Vec<Kind>,
    /// Who holds it.
    pub owner: Owner,
    /// Which element of the register added it.
    pub added: usize,
    /// Which element retired it, or revoked it first.
    pub ended: Option<usize>,
    /// Entries in blocks from this height on do not count.
    pub compromised_from: Option<u64>,
    /// It was revoked, not only retired.
    pub revoked: bool,
}

impl RegisteredKey {
    /// Whether the key works when the first `length` elements of the register are in force.
    fn works_at(&self, id: KeyId, length: usize) -> Result<(), KeyError> {
        match self.ended {
            _ if self.added >= length => Err(KeyError::NotYet(id)),
            Some(ended) if ended < length => Err(KeyError::Ended(id)),
            _ => Ok(()),
        }
    }
}

/// The key register: every signed key entry in chain order, and what follows from them.
#[derive(Debug, Clone, Default)]
pub struct KeyRegister {
    elements: Vec<Vec<u8>>,
    ids: HashSet<EntryId>,
    keys: HashMap<KeyId, RegisteredKey>,
    digests: Vec<Hash>,
    hasher: Sha256,
}

/// What an element does to the register, once its signers are checked.
enum Change {
    Add(KeyId, Box<RegisteredKey>),
    End { target: KeyId, compromised_from: Option<u64>, revoked: bool },
}

impl KeyRegister {
    /// Applies rules 1 to 3 of FORMATS section 5 to the next element and takes it in; on an error nothing changes.
    pub fn push(&mut self, signed: &SignedEntry) -> Result<(), KeyError> {
        let mut unknown = None;
        let change = self.check(signed, &mut unknown)?;
        if let Some(alg) = unknown {
            return Err(KeyError::UnknownAlg(alg));
        }
        self.apply(signed, change);
        Ok(())
    }

    /// As [`KeyRegister::push`], for a verifier of somebody else's register: a signature whose algorithm is unknown here
    /// does not end the reading. Returns that algorithm, with which the register as a whole could not be checked.
    pub fn push_open(&mut self, signed: &SignedEntry) -> Result<Option<String>, KeyError> {
        let mut unknown = None;
        let change = self.check(signed, &mut unknown)?;
        self.apply(signed, change);
        Ok(unknown)
    }

    fn check(&self, signed: &SignedEntry, unknown: &mut Option<String>) -> Result<Change, KeyError> {
        let Body::Key(change) = &signed.entry().body else { return Err(KeyError::NotAKeyEntry) };
        if self.elements.len() >= MAX_REGISTER {
            return Err(KeyError::TooMany);
        }
        if self.ids.contains(&signed.entry().id) {
            return Err(KeyError::SameId(signed.entry().id));
        }
        match change {
            KeyChange::Add { alg, public, kinds, owner, role } => {
                let id = KeyId::of(alg, public);
                let key = RegisteredKey {
                    alg: alg.clone(),
                    public: PublicKey::new(alg, public)?,
                    role: *role,
                    kinds: kinds.clone(),
                    owner: owner.clone(),
                    added: self.elements.len(),
                    ended: None,
                    compromised_from: None,
                    revoked: false,
                };
                if self.elements.is_empty() {
                    check_genesis(signed, id, &key, unknown)?;
                } else {
                    self.check_signers(signed, unknown, |_, role| role == Role::Authority)?;
                }
                if self.keys.contains_key(&id) {
                    return Err(KeyError::AlreadyAdded(id));
                }
                Ok(Change::Add(id, Box::new(key)))
            }
            KeyChange::Retire { target, .. } => {
                if self.check_ending(signed, *target, unknown)?.ended.is_some() {
                    return Err(KeyError::Ended(*target));
                }
                Ok(Change::End { target: *target, compromised_from: None, revoked: false })
            }
            KeyChange::Revoke { target, compromised_from, .. } => {
                if self.check_ending(signed, *target, unknown)?.revoked {
                    return Err(KeyError::Ended(*target));
                }
                Ok(Change::End { target: *target, compromised_from: *compromised_from, revoked: true })
            }
        }
    }

    fn check_ending(
        &self,
        signed: &SignedEntry,
        target: KeyId,
        unknown: &mut Option<String>,
    ) -> Result<&RegisteredKey, KeyError> {
        if self.elements.is_empty() {
            return Err(KeyError::BadGenesis);
        }
        let key = self.key(target)?;
        self.check_signers(signed, unknown, |id, role| role == Role::Authority || id == target)?;
        Ok(key)
    }

    /// Checks every signer of a key entry that is to become the next element.
    fn check_signers(
        &self,
        signed: &SignedEntry,
        unknown: &mut Option<String>,
        may: impl Fn(KeyId, Role) -> bool,
    ) -> Result<(), KeyError> {
        for signature in signed.signatures() {
            let key = self.key(signature.key)?;
            key.works_at(signature.key, self.elements.len())?;
            if !may(signature.key, key.role) {
                return Err(KeyError::NoAuthority(signature.key));
            }
            check_signature(signed, signature, key, unknown)?;
        }
        Ok(())
    }

    fn apply(&mut self, signed: &SignedEntry, change: Change) {
        match change {
            Change::Add(id, key) => {
                self.keys.insert(id, *key);
            }
            Change::End { target, compromised_from, revoked } => {
                let position = self.elements.len();
                if let Some(key) = self.keys.get_mut(&target) {
                    key.ended = key.ended.or(Some(position));
                    key.compromised_from = compromised_from;
                    key.revoked = revoked;
                }
            }
        }
        self.ids.insert(signed.entry().id);
        self.append(signed.bytes());
    }

    fn append(&mut self, bytes: &[u8]) {
        self.hasher.update(if self.elements.is_empty() { b"[" } else { b"," });
        self.hasher.update(bytes);
        let digest: [u8; 32] = self.hasher.clone().chain_update(b"]").finalize().into();
        self.digests.push(digest.into());
        self.elements.push(bytes.to_vec());
    }

    /// Checks all signatures of an entry in block `height` by the register's first `in_force` elements, which are
    /// those of the block before; what is known about compromised keys comes from the whole register. A signature
    /// that fails outweighs one of an unknown algorithm.
    pub fn judge(&self, signed: &SignedEntry, in_force: usize, height: u64) -> Result<(), KeyError> {
        let mut unknown = None;
        for signature in signed.signatures() {
            let key = self.key(signature.key)?;
            key.works_at(signature.key, in_force)?;
            match key.compromised_from {
                Some(from) if from <= height => return Err(KeyError::Compromised(signature.key, from)),
                _ => {}
            }
            if !key.kinds.contains(&signed.entry().kind()) {
                return Err(KeyError::WrongKind(signature.key, signed.entry().kind()));
            }
            check_signature(signed, signature, key, &mut unknown)?;
        }
        unknown.map_or(Ok(()), |alg| Err(KeyError::UnknownAlg(alg)))
    }

    /// Whether one of the entry's signers is an authority.
    pub fn has_authority(&self, signed: &SignedEntry) -> bool {
        signed.signatures().iter().any(|s| self.keys.get(&s.key).is_some_and(|key| key.role == Role::Authority))
    }

    /// A registered key.
    pub fn key(&self, id: KeyId) -> Result<&RegisteredKey, KeyError> {
        self.keys.get(&id).ok_or(KeyError::UnknownKey(id))
    }

    /// How many elements the register has.
    pub fn len(&self) -> usize {
        self.elements.len()
    }

    /// Whether the register has no element yet.
    pub fn is_empty(&self) -> bool {
        self.elements.is_empty()
    }

    /// The canonical bytes of every element.
    pub fn elements(&self) -> &[Vec<u8>] {
        &self.elements
    }

    /// The JCS array of the first `length` elements.
    pub fn prefix(&self, length: usize) -> Vec<u8> {
        let mut bytes = b"[".to_vec();
        for (i, element) in self.elements.iter().take(length).enumerate() {
            if i > 0 {
                bytes.push(b',');
            }
            bytes.extend_from_slice(element);
        }
        bytes.push(b']');
        bytes
    }

    /// The digest of the whole register; none while it is empty.
    pub fn digest(&self) -> Option<Hash> {
        self.prefix_digest(self.len())
    }

    /// The digest of the first `length` elements; none for no element, or more than there are.
    pub fn prefix_digest(&self, length: usize) -> Option<Hash> {
        length.checked_sub(1).and_then(|last| self.digests.get(last)).copied()
    }

    /// The digests of all prefixes, from that of one element on.
    pub fn prefix_digests(&self) -> &[Hash] {
        &self.digests
    }
}

/// Rule 1: an authority adds itself, signed by exactly the key that is added.
fn check_genesis(
    signed: &SignedEntry,
    id: KeyId,
    key: &RegisteredKey,
    unknown: &mut Option<String>,
) -> Result<(), KeyError> {
    match signed.signatures() {
        [signature] if signature.key == id && key.role == Role::Authority => {
            check_signature(signed, signature, key, unknown)
        }
        _ => Err(KeyError::BadGenesis),
    }
}

/// The signature's algorithm and owner are the key's, and it verifies; an algorithm that is `unknown` here is noted.
fn check_signature(
    signed: &SignedEntry,
    signature: &Signature,
    key: &RegisteredKey,
    unknown: &mut Option<String>,
) -> Result<(), KeyError> {
    if key.owner.code != signed.entry().recorder {
        return Err(KeyError::WrongOwner(signature.key));
    }
    if key.alg != signature.alg {
        return Err(KeyError::WrongAlg(signature.key));
    }
    match key.public.verify(signature.key, &signed.message(signature), &signature.bytes) {
        Err(KeyError::UnknownAlg(alg)) => {
            unknown.get_or_insert(alg);
            Ok(())
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::super::entry::KeyReason;
    use super::super::testing::{AUTHORITY, OTHER, RECORDER, adding, key_id, read_entry, signed, signing, study};
    use super::*;

    /// Keys by number: 1 and 2 authorities, 3 and 4 of the recorder, 5 of another one.
    const OWNERS: [(u8, &str); 5] = [(1, AUTHORITY), (2, AUTHORITY), (3, RECORDER), (4, RECORDER), (5, OTHER)];

    #[derive(Clone, Copy)]
    enum Do {
        Add(u8, Role),
        Retire(u8),
        Revoke(u8),
    }
    use Do::{Add, Retire, Revoke};

    fn element(number: u64, what: Do, signers: &[u8]) -> SignedEntry {
        let owner = |key: u8| OWNERS.iter().find(|(number, _)| *number == key).unwrap().1;
        let body = match what {
            Add(key, role) => adding(key, role, owner(key)),
            Retire(key) => Body::Key(KeyChange::Retire { target: key_id(key), reason: KeyReason::Rotation }),
            Revoke(key) => Body::Key(KeyChange::Revoke {
                target: key_id(key),
                reason: KeyReason::Compromised,
                compromised_from: Some(9),
            }),
        };
        signed(number, owner(signers[0]), body, signers)
    }

    /// What is done, and the numbers of the keys that sign it.
    type Row = (Do, &'static [u8]);

    const GENESIS: Row = (Add(1, Role::Authority), &[1]);

    /// The register that these elements make, or why the last one is refused; the others must pass.
    fn register(elements: &[Row]) -> Result<KeyRegister, KeyError> {
        let mut register = KeyRegister::default();
        for (i, (what, signers)) in elements.iter().enumerate() {
            let pushed = register.push(&element(i as u64, *what, signers));
            assert_eq!(register.len(), if pushed.is_ok() { i + 1 } else { i }, "on an error nothing changes");
            match pushed {
                Err(error) if i + 1 == elements.len() => return Err(error),
                other => other.unwrap(),
            }
        }
        Ok(register)
    }

    #[test]
    fn rules_of_the_register() {
        let recorder: Row = (Add(3, Role::Recorder), &[1]);
        let cases: &[(&[Row], Option<KeyError>)] = &[
            (&[GENESIS], None),
            (&[(Add(3, Role::Recorder), &[3])], Some(KeyError::BadGenesis)),
            (&[(Add(1, Role::Authority), &[1, 2])], Some(KeyError::BadGenesis)),
            (&[(Add(1, Role::Authority), &[2])], Some(KeyError::BadGenesis)),
            (&[(Retire(1), &[1])], Some(KeyError::BadGenesis)),
            (&[GENESIS, (Add(2, Role::Authority), &[1]), (Add(3, Role::Recorder), &[2])], None),
            (&[GENESIS, (Add(2, Role::Authority), &[1]), (Add(3, Role::Recorder), &[1, 2])], None),
            (&[GENESIS, recorder, (Add(4, Role::Recorder), &[3])], Some(KeyError::NoAuthority(key_id(3)))),
            (&[GENESIS, (Add(3, Role::Recorder), &[2])], Some(KeyError::UnknownKey(key_id(2)))),
            (&[GENESIS, recorder, (Retire(3), &[3])], None),
            (&[GENESIS, recorder, (Retire(3), &[1])], None),
            (&[GENESIS, recorder, (Revoke(3), &[3])], None),
            (
                &[GENESIS, recorder, (Add(5, Role::Recorder), &[1]), (Revoke(3), &[5])],
                Some(KeyError::NoAuthority(key_id(5))),
            ),
            (&[GENESIS, recorder, (Retire(1), &[3])], Some(KeyError::NoAuthority(key_id(3)))),
            (&[GENESIS, recorder, (Retire(3), &[3]), (Retire(3), &[3])], Some(KeyError::Ended(key_id(3)))),
            (&[GENESIS, recorder, (Retire(3), &[3]), (Retire(3), &[1])], Some(KeyError::Ended(key_id(3)))),
            (&[GENESIS, recorder, (Retire(3), &[3]), (Revoke(3), &[1])], None),
            (&[GENESIS, recorder, (Revoke(3), &[1]), (Revoke(3), &[1])], Some(KeyError::Ended(key_id(3)))),
            (&[GENESIS, recorder, (Revoke(3), &[1]), (Retire(3), &[1])], Some(KeyError::Ended(key_id(3)))),
            (&[GENESIS, recorder, recorder], Some(KeyError::AlreadyAdded(key_id(3)))),
            (&[GENESIS, recorder, (Retire(3), &[3]), recorder], Some(KeyError::AlreadyAdded(key_id(3)))),
            (&[GENESIS, (Retire(3), &[1])], Some(KeyError::UnknownKey(key_id(3)))),
            (&[GENESIS, (Retire(1), &[1]), (Add(3, Role::Recorder), &[1])], Some(KeyError::Ended(key_id(1)))),
        ];
        for (elements, expected) in cases {
            assert_eq!(register(elements).err(), *expected, "{} elements", elements.len());
        }
    }

    #[test]
    fn what_no_sequence_shows() {
        let mut register = register(&[GENESIS]).unwrap();
        let foreign = signed(7, RECORDER, adding(3, Role::Recorder, RECORDER), &[1]);
        assert_eq!(register.push(&foreign), Err(KeyError::WrongOwner(key_id(1))));
        let again = signed(0, AUTHORITY, adding(3, Role::Recorder, RECORDER), &[1]);
        assert_eq!(register.push(&again), Err(KeyError::SameId(again.entry().id)));
        let study = SignedEntry::sign(read_entry(study()).unwrap(), &[&signing(1)]);
        assert_eq!(register.push(&study), Err(KeyError::NotAKeyEntry));
        for (public, good) in [
            (*signing(3).verifying_key().as_bytes(), true),
            ([0; 32], false),
            (std::array::from_fn(|i| u8::from(i == 0)), false),
            (std::array::from_fn(|i| if i == 0 { 2 } else { 0 }), false),
            (std::array::from_fn(|i| [0xf0, 0xff, 0x7f][usize::from(i > 0) + usize::from(i == 31)]), false),
        ] {
            assert_eq!(PublicKey::new(&Alg::Ed25519, &public).is_ok(), good, "{public:?}");
        }
    }

    #[test]
    fn an_unknown_algorithm_is_never_skipped() {
        let mut known = register(&[GENESIS]).unwrap();
        let Body::Key(KeyChange::Add { kinds, owner, role, .. }) = adding(3, Role::Recorder, RECORDER) else {
            panic!()
        };
        let alg = Alg::Other("ML-DSA-44".into());
        let id = KeyId::of(&alg, &[7; 40]);
        let add = Body::Key(KeyChange::Add { alg, public: vec![7; 40], kinds, owner, role });
        known.push(&signed(1, AUTHORITY, add, &[1])).unwrap();
        let retire = Body::Key(KeyChange::Retire { target: id, reason: KeyReason::Ended });
        let mut value = signed(2, RECORDER, retire, &[3]).to_value();
        value["signatures"][0]["alg"] = "ML-DSA-44".into();
        value["signatures"][0]["key"] = id.to_string().into();
        let element = SignedEntry::from_value(value).unwrap();
        assert_eq!(known.push(&element), Err(KeyError::UnknownAlg("ML-DSA-44".into())));
        assert_eq!((known.len(), known.push_open(&element)), (2, Ok(Some("ML-DSA-44".into()))));
        assert_eq!(known.len(), 3);
    }

    #[test]
    fn keys_work_from_the_block_after_theirs_until_they_end() {
        let register = register(&[GENESIS, (Add(3, Role::Recorder), &[1]), (Revoke(3), &[1])]).unwrap();
        let entry = SignedEntry::sign(read_entry(study()).unwrap(), &[&signing(3)]);
        for (in_force, height, expected) in [
            (1, 1, Err(KeyError::NotYet(key_id(3)))),
            (2, 2, Ok(())),
            (2, 8, Ok(())),
            (2, 9, Err(KeyError::Compromised(key_id(3), 9))),
            (3, 3, Err(KeyError::Ended(key_id(3)))),
        ] {
            assert_eq!(register.judge(&entry, in_force, height), expected, "{in_force} elements, block {height}");
        }
        let by_authority = SignedEntry::sign(read_entry(study()).unwrap(), &[&signing(1)]);
        assert_eq!(register.judge(&by_authority, 1, 1), Err(KeyError::WrongKind(key_id(1), Kind::Study)));
        assert!(register.has_authority(&by_authority) && !register.has_authority(&entry));
        let stranger = SignedEntry::sign(read_entry(study()).unwrap(), &[&signing(9)]);
        assert_eq!(register.judge(&stranger, 2, 2), Err(KeyError::UnknownKey(key_id(9))));
    }

    #[test]
    fn digests_are_those_of_the_prefixes() {
        let register = register(&[GENESIS, (Add(3, Role::Recorder), &[1]), (Retire(3), &[3])]).unwrap();
        for length in 1..=3 {
            assert_eq!(register.prefix_digest(length), Some(Hash::of(&[&register.prefix(length)])));
        }
        assert_eq!((register.prefix_digest(0), register.prefix_digest(4)), (None, None));
        assert_eq!(register.prefix_digests().len(), 3);
    }
}
