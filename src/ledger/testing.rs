//! Samples for the tests of this module: one entry of each kind, keys that grow from a number, and a good bundle.

use ed25519_dalek::SigningKey;
use serde_json::{Value, json};

use super::entry::{Body, Entry, KeyChange, Kind, Owner};
use super::fields::FieldErrors;
use super::keys::{Alg, KeyId, Role};
use super::signed::SignedEntry;

pub(super) const AUTHORITY: &str = "511000005000000007";
pub(super) const RECORDER: &str = "91110000MA0000000H";
pub(super) const OTHER: &str = "91310000MA1111111G";
/// A bundle with every kind of entry (proofs/vectors).
pub(crate) const BUNDLE: &[u8] = include_bytes!("../../proofs/vectors/good/many-entries.proof.json");
pub(super) const BLOCK_PROOF: &[u8] = include_bytes!("../../proofs/vectors/good/block.tlog-proof");

const ITERATIONS: usize = 1_000;

fn id(number: u64) -> String {
    format!("019a0b1c-2d3e-7f40-8a5b-{number:012x}")
}

fn base(kind: &str, members: Value) -> Value {
    let mut entry = json!({
        "id": id(1), "kind": kind, "ledger": "ledger.example.org/cqo", "recorder": RECORDER, "rulebook": "2026.1",
    });
    if let (Some(entry), Value::Object(members)) = (entry.as_object_mut(), members) {
        entry.extend(members);
    }
    entry
}

pub(super) fn study() -> Value {
    let evidence: Vec<String> = ["1", "2"].iter().map(|digit| digit.repeat(64)).collect();
    base(
        "study",
        json!({
            "completes": true, "course": {"code": "QM-101", "title": "首席质量官基础"}, "evidence": evidence,
            "first_day": "2026-03-02", "form": "lecture", "hours": 150, "last_day": "2026-03-06",
            "learner": {"id": id(0xa), "name": "李雷"},
        }),
    )
}

pub(super) fn activity() -> Value {
    base(
        "activity",
        json!({
            "attendees": 30, "attendees_digest": "a".repeat(64), "date": "2026-09-15", "evidence": [],
            "learner": {"id": id(0xa), "name": "李雷"}, "topic": "质量月",
        }),
    )
}

pub(super) fn void() -> Value {
    base(
        "correction",
        json!({
            "action": "void", "learner": {"id": id(0xa), "name": "李雷"}, "reason": "duplicate",
            "target": {"commitment": "c".repeat(64), "id": id(2)},
        }),
    )
}

pub(super) fn supersede() -> Value {
    let mut entry = void();
    let mut replacement = study();
    if let Value::Object(members) = &mut replacement {
        for name in ["id", "ledger", "recorder", "rulebook", "learner"] {
            members.remove(name);
        }
    }
    entry["action"] = "supersede".into();
    entry["replacement"] = replacement;
    entry
}

pub(super) fn add_key() -> Value {
    base(
        "key",
        json!({
            "action": "add", "key": {"alg": "Ed25519", "public": "ab".repeat(32)}, "kinds": ["study"],
            "owner": {"code": RECORDER, "name": "某某质量协会"}, "role": "recorder",
        }),
    )
}

pub(super) fn revoke_key() -> Value {
    base("key", json!({"action": "revoke", "compromised_from": 7, "reason": "compromised", "target": "d".repeat(64)}))
}

pub(super) fn issued() -> Value {
    let number = "XS-2026-340100-7K3M9QX2AB-4";
    base("certificate", json!({"document": "credential", "number": number, "sha256": "e".repeat(64)}))
}

pub(super) fn list() -> Value {
    base("status", json!({"action": "list", "list": 1, "sha256": "e".repeat(64)}))
}

pub(super) fn revocation() -> Value {
    base("status", json!({"action": "revoke", "number": "XS-2026-340100-7K3M9QX2AB-4", "reason": "error"}))
}

pub(super) fn all_kinds() -> [Value; 9] {
    [study(), activity(), void(), supersede(), add_key(), revoke_key(), issued(), list(), revocation()]
}

/// A value with a change.
pub(super) fn with(mut value: Value, change: impl FnOnce(&mut Value)) -> Value {
    change(&mut value);
    value
}

/// The entry, or its bad fields as `field code`, in alphabetical order.
pub(super) fn read_entry(value: Value) -> Result<Entry, String> {
    let mut errors = FieldErrors::default();
    let entry = Entry::from_value(value, "", &mut errors);
    match entry {
        Some(entry) if errors.0.is_empty() => Ok(entry),
        _ => Err(in_words(&errors)),
    }
}

pub(super) fn in_words(errors: &FieldErrors) -> String {
    let mut words: Vec<String> =
        errors.0.iter().map(|error| format!("{} {}", error.field, error.problem.code())).collect();
    words.sort();
    words.join(", ")
}

pub(super) fn signing(number: u8) -> SigningKey {
    SigningKey::from_bytes(&[number; 32])
}

pub(super) fn key_id(number: u8) -> KeyId {
    KeyId::of(&Alg::Ed25519, signing(number).verifying_key().as_bytes())
}

/// A signed entry with an id of its own, by the keys of these numbers.
pub(super) fn signed(number: u64, recorder: &str, body: Body, keys: &[u8]) -> SignedEntry {
    let entry = Entry {
        id: id(number).parse().unwrap(),
        ledger: "ledger.example.org/cqo".parse().unwrap(),
        recorder: recorder.parse().unwrap(),
        rulebook: "2026.1".parse().unwrap(),
        body,
    };
    let keys: Vec<SigningKey> = keys.iter().map(|number| signing(*number)).collect();
    SignedEntry::sign(entry, &keys.iter().collect::<Vec<_>>())
}

/// The change that adds the key of a number.
pub(super) fn adding(key: u8, role: Role, owner: &str) -> Body {
    let kinds = match role {
        Role::Authority => vec![Kind::Correction, Kind::Key],
        Role::Recorder => vec![Kind::Activity, Kind::Correction, Kind::Study],
        Role::Issuer => vec![Kind::Certificate],
        Role::Receipt => vec![],
    };
    Body::Key(KeyChange::Add {
        alg: Alg::Ed25519,
        public: signing(key).verifying_key().as_bytes().to_vec(),
        kinds,
        owner: Owner { code: owner.parse().unwrap(), name: "某某质量协会".into() },
        role,
    })
}

/// Runs a reader on arbitrary bytes, and on good ones with some bytes replaced or the end cut off: it must not panic.
pub(crate) fn never_panics(good: &[u8], read: impl Fn(&[u8]) + std::panic::RefUnwindSafe) {
    let iterations = if std::env::var_os("CQO_TEST_ALL").is_some() { 100 * ITERATIONS } else { ITERATIONS };
    bolero::check!().with_iterations(iterations).with_type::<(Vec<u8>, Vec<(u16, u8)>, Option<u16>)>().for_each(
        |(raw, patches, end)| {
            read(raw);
            let mut bytes = good.to_vec();
            for (at, byte) in patches {
                let at = usize::from(*at) % bytes.len();
                bytes[at] = *byte;
            }
            bytes.truncate(end.map_or(bytes.len(), usize::from));
            read(&bytes);
        },
    );
}
