//! Signed entries (proofs/FORMATS.md section 4).

use ed25519_dalek::{SIGNATURE_LENGTH, Signer, SigningKey};
use serde_json::{Value, json};

use super::entry::{Entry, HexBytes, Origin, check_length};
use super::fields::{FieldErrors, Fields, Problem};
use super::json::{self, Json, JsonError};
use super::keys::{Alg, KeyId};

/// Largest canonical signed entry, in bytes.
pub const MAX_SIGNED_ENTRY: usize = 16_384;
/// Most signatures of one entry.
pub const MAX_SIGNATURES: usize = 4;

const ENTRY_CONTEXT: &str = "cqo-ledger/entry/v1\n";
const BEFORE_ENTRY: &str = r#"{"entry":"#;
const AFTER_ENTRY: &str = r#","signatures":["#;

/// A signature over an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// The algorithm, which must be that of the key.
    pub alg: Alg,
    /// The key that made it.
    pub key: KeyId,
    /// The signature's bytes.
    pub bytes: Vec<u8>,
}

/// An entry with its signatures and the canonical bytes that stand for both. Its form is right; whether the
/// signatures are is judged by the key register.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedEntry {
    entry: Entry,
    signatures: Vec<Signature>,
    bytes: Vec<u8>,
    entry_len: usize,
}

/// Why bytes are not a signed entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignedEntryError {
    /// More bytes than this limit.
    #[error("larger than {0} bytes")]
    TooLarge(usize),
    /// Not canonical JSON of version 1.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// Bad fields, all of them.
    #[error("{0}")]
    Fields(FieldErrors),
}

impl SignedEntry {
    /// Reads a signed entry from bytes that must be canonical.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SignedEntryError> {
        Self::from_vec(bytes.to_vec())
    }

    /// Reads a signed entry from bytes that must be canonical, and keeps them.
    pub fn from_vec(bytes: Vec<u8>) -> Result<Self, SignedEntryError> {
        if bytes.len() > MAX_SIGNED_ENTRY {
            return Err(SignedEntryError::TooLarge(MAX_SIGNED_ENTRY));
        }
        let (entry, signatures) = read(json::parse_canonical(&bytes)?)?;
        Ok(Self::with_bytes(entry, signatures, bytes))
    }

    /// Reads a signed entry from a value whose structure was checked as part of a larger document.
    pub fn from_value<'v>(value: impl Into<Json<'v>>) -> Result<Self, SignedEntryError> {
        let value = value.into();
        let bytes = json::canonical(&value);
        if bytes.len() > MAX_SIGNED_ENTRY {
            return Err(SignedEntryError::TooLarge(MAX_SIGNED_ENTRY));
        }
        let (entry, signatures) = read(value)?;
        Ok(Self::with_bytes(entry, signatures, bytes))
    }

    fn with_bytes(entry: Entry, signatures: Vec<Signature>, bytes: Vec<u8>) -> Self {
        // Canonical order puts `entry` first and `signatures` last, so the entry's own bytes are a slice. The words before the
        // signatures cannot stand in a later place: within a string their quotes would be escaped.
        let end = bytes.windows(AFTER_ENTRY.len()).rposition(|window| window == AFTER_ENTRY.as_bytes());
        let entry_len = end.map_or(0, |end| end - BEFORE_ENTRY.len());
        Self { entry, signatures, bytes, entry_len }
    }

    /// Signs an entry with Ed25519 keys, whose ids come out in ascending order.
    pub fn sign(entry: Entry, keys: &[&SigningKey]) -> Self {
        let canonical = json::canonical(&entry.to_value());
        let mut signatures: Vec<Signature> = keys
            .iter()
            .map(|key| {
                let id = KeyId::of(&Alg::Ed25519, key.verifying_key().as_bytes());
                let message = message(&entry.ledger, &Alg::Ed25519, id, &canonical);
                Signature { alg: Alg::Ed25519, key: id, bytes: key.sign(&message).to_bytes().to_vec() }
            })
            .collect();
        signatures.sort_by_key(|signature| signature.key);
        let bytes = json::canonical(&json!({"entry": entry.to_value(), "signatures": signatures_value(&signatures)}));
        Self::with_bytes(entry, signatures, bytes)
    }

    /// The entry.
    pub fn entry(&self) -> &Entry {
        &self.entry
    }

    /// Its signatures, at least one.
    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    /// The canonical signed entry.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The JSON value of [`SignedEntry::bytes`].
    pub fn to_value(&self) -> Value {
        json!({"entry": self.entry.to_value(), "signatures": signatures_value(&self.signatures)})
    }

    /// The canonical entry inside [`SignedEntry::bytes`].
    pub fn entry_bytes(&self) -> &[u8] {
        &self.bytes[BEFORE_ENTRY.len()..BEFORE_ENTRY.len() + self.entry_len]
    }

    /// What a signature is over.
    pub fn message(&self, signature: &Signature) -> Vec<u8> {
        message(&self.entry.ledger, &signature.alg, signature.key, self.entry_bytes())
    }
}

/// The bytes that a signature of an entry is over.
fn message(origin: &Origin, alg: &Alg, key: KeyId, canonical_entry: &[u8]) -> Vec<u8> {
    let head = format!("{ENTRY_CONTEXT}{origin}\n{alg}\n{key}\n");
    [head.as_bytes(), canonical_entry].concat()
}

fn read(value: Json<'_>) -> Result<(Entry, Vec<Signature>), SignedEntryError> {
    let mut errors = FieldErrors::default();
    let read = read_parts(value, &mut errors);
    read.filter(|_| errors.0.is_empty()).ok_or(SignedEntryError::Fields(errors))
}

fn read_parts(value: Json<'_>, errors: &mut FieldErrors) -> Option<(Entry, Vec<Signature>)> {
    let mut fields = Fields::of(value, "", errors)?;
    let entry = fields.value("entry");
    let signatures = fields.array("signatures", 1, MAX_SIGNATURES);
    let entry = entry.and_then(|value| Entry::from_value(value, "entry", fields.errors()));
    let signatures = signatures.and_then(|items| read_signatures(items, fields.errors()));
    if let Some(list) = &signatures
        && !list.is_sorted_by(|a, b| a.key < b.key)
    {
        fields.note("signatures", Problem::NotAscending);
    }
    fields.finish();
    entry.zip(signatures)
}

fn read_signatures(items: Vec<Json<'_>>, errors: &mut FieldErrors) -> Option<Vec<Signature>> {
    let read: Vec<Option<Signature>> = items
        .into_iter()
        .enumerate()
        .map(|(i, item)| read_signature(item, &format!("signatures[{i}]"), errors))
        .collect();
    read.into_iter().collect()
}

fn read_signature(item: Json<'_>, path: &str, errors: &mut FieldErrors) -> Option<Signature> {
    let mut fields = Fields::of(item, path, errors)?;
    let alg = fields.parsed("alg");
    let key = fields.parsed("key");
    let sig = fields.parsed::<HexBytes>("sig");
    check_length(&mut fields, "sig", alg.as_ref(), sig.as_ref(), SIGNATURE_LENGTH);
    fields.finish();
    Some(Signature { alg: alg?, key: key?, bytes: sig?.0 })
}

fn signatures_value(signatures: &[Signature]) -> Value {
    signatures
        .iter()
        .map(|s| json!({"alg": s.alg.as_str(), "key": s.key.to_string(), "sig": hex::encode(&s.bytes)}))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{
        BUNDLE, RECORDER, all_kinds, in_words, never_panics, read_entry, signing, study, with,
    };
    use super::*;

    type Change = fn(&mut Value);

    fn good() -> Value {
        SignedEntry::sign(read_entry(study()).unwrap(), &[&signing(1), &signing(2)]).to_value()
    }

    #[test]
    fn signed_entries_have_one_form() {
        let cases: &[(Change, &str)] = &[
            (|_| (), ""),
            (|s| s["signatures"] = json!([]), "signatures length"),
            (|s| s["signatures"].as_array_mut().unwrap().reverse(), "signatures not_ascending"),
            (|s| s["signatures"][0]["sig"] = "ab".repeat(63).into(), "signatures[0].sig form"),
            (|s| s["signatures"][0]["sig"] = "AB".repeat(64).into(), "signatures[0].sig form"),
            (|s| s["signatures"][0]["alg"] = "".into(), "signatures[0].alg form"),
            (|s| s["signatures"][0]["x"] = 1.into(), "signatures[0].x unknown"),
            (|s| s["entry"]["hours"] = 0.into(), "entry.hours range"),
            (|s| s["x"] = 1.into(), "x unknown"),
        ];
        for (change, expected) in cases {
            let bytes = json::canonical(&with(good(), change));
            match SignedEntry::from_bytes(&bytes) {
                Ok(signed) => assert!(expected.is_empty() && signed.bytes() == bytes, "{expected}"),
                Err(SignedEntryError::Fields(errors)) => assert_eq!(in_words(&errors), *expected),
                Err(other) => panic!("{other}"),
            }
        }
        let other = with(good(), |s| {
            s["signatures"] = json!([{"alg": "ML-DSA-44", "key": "a".repeat(64), "sig": "ab".repeat(256)}]);
        });
        assert!(SignedEntry::from_value(other).is_ok(), "another algorithm has other lengths");
        let spaced = String::from_utf8(json::canonical(&good())).unwrap().replace("\"hours\":", "\"hours\": ");
        assert!(matches!(SignedEntry::from_bytes(spaced.as_bytes()), Err(SignedEntryError::Json(_))));
        assert_eq!(
            SignedEntry::from_bytes(&[b' '; MAX_SIGNED_ENTRY + 1]),
            Err(SignedEntryError::TooLarge(MAX_SIGNED_ENTRY))
        );
    }

    /// FORMATS section 4, put together here by hand.
    #[test]
    fn a_signature_is_over_context_origin_algorithm_key_and_entry() {
        use ed25519_dalek::Verifier;
        let key = signing(1);
        for value in all_kinds() {
            let signed = SignedEntry::sign(read_entry(value.clone()).unwrap(), &[&key]);
            let id = KeyId::of(&Alg::Ed25519, key.verifying_key().as_bytes());
            let entry = String::from_utf8(json::canonical(&value)).unwrap();
            assert_eq!(signed.entry_bytes(), entry.as_bytes());
            assert_eq!(json::canonical(&signed.to_value()), signed.bytes());
            let message = format!("cqo-ledger/entry/v1\nledger.example.org/cqo\nEd25519\n{id}\n{entry}");
            let signature = ed25519_dalek::Signature::from_slice(&signed.signatures()[0].bytes).unwrap();
            assert!(key.verifying_key().verify(message.as_bytes(), &signature).is_ok());
            assert_eq!(signed.message(&signed.signatures()[0]), message.as_bytes());
        }
        assert_eq!(good()["entry"]["recorder"], RECORDER);
    }

    #[test]
    fn arbitrary_bytes_are_read_or_refused() {
        let good = json::canonical(&good());
        never_panics(&good, |bytes| {
            if let Ok(signed) = SignedEntry::from_bytes(bytes) {
                assert_eq!(signed.bytes(), bytes);
                assert_eq!(json::canonical(&signed.to_value()), bytes);
            }
        });
        assert!(SignedEntry::from_bytes(BUNDLE).is_err());
    }
}
