//! Receipts: the signed promise to seal what was accepted (proofs/FORMATS.md section 9).

use ed25519_dalek::{SIGNATURE_LENGTH, Signer, SigningKey};
use serde::{Serialize, Serializer};

use super::commitment::{Commitment, Salt};
use super::entry::{EntryId, HexBytes, Origin, check_length};
use super::fields::{FieldErrors, Fields, Problem};
use super::json::{self, Json};
use super::keys::{Alg, KeyError, KeyId, KeyRegister, Role};
use super::signed::{SignedEntry, SignedEntryError};
use crate::merkle::Hash;
use crate::standard::UnixMillis;

/// Most entries of one receipt, and so of one request.
pub const MAX_RECEIPT_ENTRIES: usize = 1_000;

/// Largest receipt, in bytes: its entries take some 280 each.
pub const MAX_RECEIPT: usize = 512 * 1024;

const RECEIPT_CONTEXT: &[u8] = b"cqo-ledger/receipt/v1\n";
const FORMAT: &str = "cqo-ledger/receipt/v1";

/// One accepted entry: with the salt its holder can recompute the commitment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptEntry {
    /// The entry.
    pub id: EntryId,
    /// SHA-256 of the canonical signed entry.
    pub sha256: Hash,
    /// The salt of its commitment.
    pub salt: Salt,
    /// What will stand in a batch.
    pub commitment: Commitment,
}

impl ReceiptEntry {
    /// What a receipt says of this entry.
    pub fn of(signed: &SignedEntry, salt: Salt) -> Self {
        let commitment = Commitment::to(signed, &salt);
        Self { id: signed.entry().id, sha256: Hash::of(&[signed.bytes()]), salt, commitment }
    }
}

/// The promise: these entries are durable, and will be in a block by `seal_by`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The ledger.
    pub ledger: Origin,
    /// When the entries were accepted.
    pub accepted: UnixMillis,
    /// The latest time of the block that holds them.
    pub seal_by: UnixMillis,
    /// The key that signs.
    pub key: KeyId,
    /// What was accepted.
    pub entries: Vec<ReceiptEntry>,
}

/// A receipt with its signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedReceipt {
    /// The promise.
    pub receipt: Receipt,
    /// The signature's bytes.
    pub signature: Vec<u8>,
}

/// The wire form. Its members are declared in canonical order, and none of their texts needs an escape, so what serde
/// writes is canonical.
#[derive(Serialize)]
struct Wire<'a> {
    accepted: UnixMillis,
    alg: &'static str,
    entries: Vec<WireEntry<'a>>,
    format: &'static str,
    key: &'a Hash,
    ledger: &'a str,
    seal_by: UnixMillis,
}

#[derive(Serialize)]
struct WireEntry<'a> {
    commitment: &'a Hash,
    id: EntryId,
    salt: String,
    sha256: &'a Hash,
}

#[derive(Serialize)]
struct WireSigned<'a> {
    receipt: &'a Receipt,
    sig: String,
}

impl<'a> From<&'a ReceiptEntry> for WireEntry<'a> {
    fn from(entry: &'a ReceiptEntry) -> Self {
        let ReceiptEntry { id, sha256, salt, commitment } = entry;
        Self { commitment: commitment.hash(), id: *id, salt: salt.reveal(), sha256 }
    }
}

impl Serialize for Receipt {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let wire = Wire {
            accepted: self.accepted,
            alg: Alg::Ed25519.as_str(),
            entries: self.entries.iter().map(WireEntry::from).collect(),
            format: FORMAT,
            key: self.key.hash(),
            ledger: self.ledger.as_str(),
            seal_by: self.seal_by,
        };
        wire.serialize(serializer)
    }
}

impl Serialize for SignedReceipt {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        WireSigned { receipt: &self.receipt, sig: hex::encode(&self.signature) }.serialize(serializer)
    }
}

impl Receipt {
    fn message(&self) -> Vec<u8> {
        let mut message = RECEIPT_CONTEXT.to_vec();
        // Writing into memory fails only for maps whose keys are no texts; there are none here.
        serde_json::to_writer(&mut message, self).expect("a receipt has a JSON form");
        message
    }

    /// Signs the receipt; `key` must be the one that the receipt names.
    pub fn sign(self, key: &SigningKey) -> SignedReceipt {
        let signature = key.sign(&self.message()).to_bytes().to_vec();
        SignedReceipt { receipt: self, signature }
    }
}

impl SignedReceipt {
    /// Reads a receipt from canonical bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SignedEntryError> {
        if bytes.len() > MAX_RECEIPT {
            return Err(SignedEntryError::TooLarge(MAX_RECEIPT));
        }
        let mut errors = FieldErrors::default();
        match read(json::parse_canonical(bytes)?, &mut errors) {
            Some(receipt) if errors.0.is_empty() => Ok(receipt),
            _ => Err(SignedEntryError::Fields(errors)),
        }
    }

    /// Checks the signature by a key register, at whatever position: a receipt is on no block.
    pub fn verify(&self, register: &KeyRegister) -> Result<(), KeyError> {
        let key = register.key(self.receipt.key)?;
        if key.role != Role::Receipt {
            return Err(KeyError::NoAuthority(self.receipt.key));
        }
        key.public.verify(self.receipt.key, &self.receipt.message(), &self.signature)
    }
}

fn read(value: Json<'_>, errors: &mut FieldErrors) -> Option<SignedReceipt> {
    let mut fields = Fields::of(value, "", errors)?;
    let receipt = fields.value("receipt");
    let signature = fields.parsed::<HexBytes>("sig");
    check_length(&mut fields, "sig", Some(&Alg::Ed25519), signature.as_ref(), SIGNATURE_LENGTH);
    let receipt = receipt.and_then(|value| read_receipt(value, fields.errors()));
    fields.finish();
    Some(SignedReceipt { receipt: receipt?, signature: signature?.0 })
}

fn read_receipt(value: Json<'_>, errors: &mut FieldErrors) -> Option<Receipt> {
    let mut fields = Fields::of(value, "receipt", errors)?;
    if fields.string("format").is_some_and(|format| format != FORMAT) {
        fields.note("format", Problem::Choice(FORMAT.into()));
    }
    if fields.string("alg").is_some_and(|alg| alg != Alg::Ed25519.as_str()) {
        fields.note("alg", Problem::Choice("Ed25519".into()));
    }
    let ledger = fields.parsed("ledger");
    let accepted = fields.parsed("accepted");
    let seal_by = fields.parsed("seal_by");
    let key = fields.parsed("key");
    let entries = fields.array("entries", 1, MAX_RECEIPT_ENTRIES).and_then(|items| {
        let read: Vec<Option<ReceiptEntry>> = items
            .into_iter()
            .enumerate()
            .map(|(i, item)| read_entry(item, &format!("receipt.entries[{i}]"), fields.errors()))
            .collect();
        read.into_iter().collect()
    });
    fields.finish();
    Some(Receipt { ledger: ledger?, accepted: accepted?, seal_by: seal_by?, key: key?, entries: entries? })
}

fn read_entry(value: Json<'_>, path: &str, errors: &mut FieldErrors) -> Option<ReceiptEntry> {
    let mut fields = Fields::of(value, path, errors)?;
    let commitment = fields.parsed("commitment").map(Commitment::from_hash);
    let id = fields.parsed("id");
    let salt = fields.parsed("salt");
    let sha256 = fields.parsed("sha256");
    fields.finish();
    Some(ReceiptEntry { id: id?, sha256: sha256?, salt: salt?, commitment: commitment? })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{
        AUTHORITY, adding, in_words, key_id, never_panics, read_entry, signed, signing, study, with,
    };
    use serde_json::{Value, json, to_value};

    use super::*;

    fn register() -> KeyRegister {
        let mut register = KeyRegister::default();
        register.push(&signed(1, AUTHORITY, adding(1, Role::Authority, AUTHORITY), &[1])).unwrap();
        register.push(&signed(2, AUTHORITY, adding(2, Role::Receipt, AUTHORITY), &[1])).unwrap();
        register
    }

    fn receipt(key: u8) -> SignedReceipt {
        let entry = SignedEntry::sign(read_entry(study()).unwrap(), &[&signing(3)]);
        let receipt = Receipt {
            ledger: entry.entry().ledger.clone(),
            accepted: "2026-11-22T08:00:00.000Z".parse().unwrap(),
            seal_by: "2026-11-22T08:05:00.000Z".parse().unwrap(),
            key: key_id(key),
            entries: vec![ReceiptEntry::of(&entry, Salt::from([7; 32]))],
        };
        receipt.sign(&signing(key))
    }

    #[test]
    fn only_a_receipt_key_signs_receipts() {
        assert_eq!(receipt(2).verify(&register()), Ok(()));
        assert_eq!(receipt(1).verify(&register()), Err(KeyError::NoAuthority(key_id(1))));
        assert_eq!(receipt(9).verify(&register()), Err(KeyError::UnknownKey(key_id(9))));
        let mut forged = receipt(2);
        forged.receipt.seal_by = forged.receipt.accepted;
        assert_eq!(forged.verify(&register()), Err(KeyError::BadSignature(key_id(2))));
    }

    type Change = fn(&mut Value);

    #[test]
    fn a_receipt_has_one_form() {
        let cases: &[(Change, &str)] = &[
            (|_| (), ""),
            (|r| r["sig"] = "ab".repeat(63).into(), "sig form"),
            (|r| r["receipt"]["alg"] = "ML-DSA-44".into(), "receipt.alg choice"),
            (|r| r["receipt"]["format"] = "x".into(), "receipt.format choice"),
            (|r| r["receipt"]["accepted"] = "2026-11-22".into(), "receipt.accepted form"),
            (|r| r["receipt"]["entries"] = json!([]), "receipt.entries length"),
            (|r| r["receipt"]["entries"][0]["salt"] = "".into(), "receipt.entries[0].salt form"),
            (|r| r["x"] = 1.into(), "x unknown"),
        ];
        for (change, expected) in cases {
            let value = with(to_value(receipt(2)).unwrap(), change);
            match SignedReceipt::from_bytes(&json::canonical(&value)) {
                Ok(read) => assert!(expected.is_empty() && to_value(&read).unwrap() == value, "{expected}"),
                Err(SignedEntryError::Fields(errors)) => assert_eq!(in_words(&errors), *expected),
                Err(other) => panic!("{other}"),
            }
        }
    }

    #[test]
    fn arbitrary_bytes_are_read_or_refused() {
        never_panics(&json::canonical(&receipt(2)), |bytes| {
            if let Ok(read) = SignedReceipt::from_bytes(bytes) {
                assert_eq!(json::canonical(&read), bytes);
                assert_eq!(serde_json::to_vec(&read).unwrap(), bytes, "what is signed is written as it is declared");
                let _ = read.verify(&register());
            }
        });
    }
}
