//! A ledger in memory for tests: deterministic keys, salts, ids and times, and every way to do it wrong. It works on JSON
//! values, so that it can sign and seal what no honest ledger would.

use cqo_ledger::ledger::CertificateNumber;
use cqo_ledger::ledger::json;
use cqo_ledger::merkle::{BatchTree, Cosigner, Hash, NoteSigner, leaf_hash};
use ed25519_dalek::{Signer, SigningKey};
use serde_json::{Value, json};

pub(crate) const ORIGIN: &str = "ledger.example.org/cqo";
/// Who holds the keys of authorities: a credit code with a right check character, as all of these.
pub(crate) const AUTHORITY: &str = "511000005000000007";
pub(crate) const R1: &str = "91110000MA0000000H";
pub(crate) const R2: &str = "91310000MA1111111G";
const AT_SECONDS: u64 = 1_795_334_400;

pub(crate) fn seed(name: &str) -> [u8; 32] {
    *Hash::of(&[b"cqo-ledger vector\n", name.as_bytes()]).as_bytes()
}

/// A key of entries by the name it grows from.
pub(crate) struct Key {
    signing: SigningKey,
    pub(crate) alg: &'static str,
    pub(crate) public: Vec<u8>,
}

impl Key {
    pub(crate) fn new(name: &str) -> Self {
        let signing = SigningKey::from_bytes(&seed(name));
        let public = signing.verifying_key().as_bytes().to_vec();
        Self { signing, alg: "Ed25519", public }
    }

    /// A key of an algorithm that no verifier of version 1 knows.
    pub(crate) fn unknown(name: &str) -> Self {
        Self { alg: "ML-DSA-44", public: [seed(name), seed(name)].concat(), ..Self::new(name) }
    }

    /// A registered public key that is not this key's own.
    pub(crate) fn with_public(public: &[u8]) -> Self {
        Self { public: public.to_vec(), ..Self::new("anyone") }
    }

    pub(crate) fn id(&self) -> String {
        Hash::of(&[self.alg.as_bytes(), b"\n", &self.public]).to_string()
    }

    pub(crate) fn signing(&self) -> &SigningKey {
        &self.signing
    }

    fn sign(&self, entry: &Value) -> Value {
        let origin = entry["ledger"].as_str().unwrap();
        let head = format!("cqo-ledger/entry/v1\n{origin}\n{}\n{}\n", self.alg, self.id());
        let message = [head.as_bytes(), &json::canonical(entry)].concat();
        json!({"alg": self.alg, "key": self.id(), "sig": hex::encode(self.signing.sign(&message).to_bytes())})
    }
}

/// The entry with the signatures of these keys, in the order of their ids.
pub(crate) fn sign(entry: &Value, keys: &[&Key]) -> Value {
    let mut keys: Vec<&Key> = keys.to_vec();
    keys.sort_by_key(|key| key.id());
    json!({"entry": entry, "signatures": keys.iter().map(|key| key.sign(entry)).collect::<Vec<_>>()})
}

/// A value with some changes.
pub(crate) fn with(mut value: Value, change: impl FnOnce(&mut Value)) -> Value {
    change(&mut value);
    value
}

pub(crate) fn uuid(number: u64) -> String {
    format!("019a0b1c-2d3e-7f40-8a5b-{number:012x}")
}

fn entry(number: u64, kind: &str, recorder: &str) -> Value {
    json!({"id": uuid(number), "kind": kind, "ledger": ORIGIN, "recorder": recorder, "rulebook": "2026.1"})
}

fn joined(mut base: Value, members: Value) -> Value {
    let Value::Object(members) = members else { panic!("members are an object") };
    base.as_object_mut().unwrap().extend(members);
    base
}

pub(crate) fn learner(number: u64) -> Value {
    let name = ["李雷", "韩梅梅", "𠮷田𬭎"][usize::try_from(number).unwrap()];
    json!({"id": uuid(0xa000 + number), "name": name})
}

fn study_members(hours: u64) -> Value {
    json!({
        "completes": true,
        "course": {"code": "QM-101", "title": "首席质量官基础"},
        "evidence": [Hash::of(&[b"evidence"]).to_string()],
        "first_day": "2026-03-02",
        "form": "lecture",
        "hours": hours,
        "last_day": "2026-03-06",
    })
}

pub(crate) fn study(number: u64, recorder: &str, who: u64, hours: u64) -> Value {
    joined(joined(entry(number, "study", recorder), study_members(hours)), json!({"learner": learner(who)}))
}

fn activity_members() -> Value {
    json!({
        "attendees": 30,
        "attendees_digest": Hash::of(&[b"attendees"]).to_string(),
        "date": "2026-09-15",
        "evidence": [],
        "topic": "质量月：过程能力分析",
    })
}

pub(crate) fn activity(number: u64, recorder: &str, who: u64) -> Value {
    joined(joined(entry(number, "activity", recorder), activity_members()), json!({"learner": learner(who)}))
}

/// A correction of a sealed entry; with hours it supersedes by study, without it voids.
pub(crate) fn correction(number: u64, recorder: &str, target: &Sealed, hours: Option<u64>) -> Value {
    let target_entry = &target.signed["entry"];
    let learner = target_entry.get("learner").cloned().unwrap_or_else(|| learner(0));
    let members = json!({
        "action": if hours.is_some() { "supersede" } else { "void" },
        "learner": learner,
        "reason": "hours",
        "target": {"commitment": target.commitment.to_string(), "id": target_entry["id"]},
    });
    let correction = joined(entry(number, "correction", recorder), members);
    match hours {
        None => correction,
        Some(hours) => {
            joined(correction, json!({"replacement": joined(study_members(hours), json!({"kind": "study"}))}))
        }
    }
}

/// The same correction, with an activity as replacement.
pub(crate) fn by_activity(correction: Value) -> Value {
    joined(correction, json!({"replacement": joined(activity_members(), json!({"kind": "activity"}))}))
}

pub(crate) fn add(number: u64, key: &Key, role: &str, owner: &str) -> Value {
    let kinds: &[&str] = match role {
        "authority" => &["correction", "key"],
        "recorder" => &["activity", "correction", "study"],
        "issuer" => &["certificate", "status"],
        _ => &[],
    };
    let members = json!({
        "action": "add",
        "key": {"alg": key.alg, "public": hex::encode(&key.public)},
        "kinds": kinds,
        "owner": {"code": owner, "name": "某某质量协会"},
        "role": role,
    });
    joined(entry(number, "key", AUTHORITY), members)
}

pub(crate) fn end(number: u64, action: &str, key: &Key, recorder: &str) -> Value {
    let members = json!({"action": action, "reason": "rotation", "target": key.id()});
    joined(entry(number, "key", recorder), members)
}

/// The entry of a document that was issued.
pub(crate) fn issued_entry(number: u64, document: &str, certificate: &CertificateNumber, sha256: &Hash) -> Value {
    let members = json!({"document": document, "number": certificate.to_string(), "sha256": sha256.to_string()});
    joined(entry(number, "certificate", AUTHORITY), members)
}

/// The entry of an edition of a status list.
pub(crate) fn listed_entry(number: u64, list: u32, sha256: &Hash) -> Value {
    joined(entry(number, "status", AUTHORITY), json!({"action": "list", "list": list, "sha256": sha256.to_string()}))
}

/// An entry with its place in a batch.
#[derive(Clone)]
pub(crate) struct Sealed {
    pub(crate) signed: Value,
    pub(crate) salt: [u8; 32],
    pub(crate) commitment: Hash,
}

impl Sealed {
    pub(crate) fn new(signed: Value, salt: [u8; 32]) -> Self {
        let head = format!("cqo-ledger/commit/v1\n{ORIGIN}\n");
        let commitment = Hash::of(&[head.as_bytes(), &salt, &json::canonical(&signed)]);
        Self { signed, salt, commitment }
    }
}

/// The lines of a block about to be sealed, and the register that it will name.
pub(crate) struct Lines {
    pub(crate) origin: String,
    pub(crate) height: u64,
    pub(crate) previous: Hash,
    pub(crate) root: Hash,
    pub(crate) entries: u64,
    pub(crate) total: u64,
    pub(crate) register: Vec<Value>,
    pub(crate) time: String,
}

/// A ledger under construction.
#[derive(Clone)]
pub(crate) struct Chain {
    pub(crate) blocks: Vec<String>,
    pub(crate) batches: Vec<Vec<Sealed>>,
    pub(crate) registers: Vec<Vec<Value>>,
}

impl Chain {
    pub(crate) fn new() -> Self {
        Self { blocks: Vec::new(), batches: Vec::new(), registers: Vec::new() }
    }

    pub(crate) fn seal(&mut self, signed: Vec<Value>) {
        self.seal_with(signed, |_| ());
    }

    /// Seals a block whose lines are changed before it is written.
    pub(crate) fn seal_with(&mut self, signed: Vec<Value>, change: impl FnOnce(&mut Lines)) {
        let height = self.blocks.len();
        let salt = |index: usize| seed(&format!("salt {height}-{index}"));
        let batch = signed.into_iter().enumerate().map(|(i, signed)| Sealed::new(signed, salt(i))).collect();
        self.seal_batch(batch, change);
    }

    pub(crate) fn seal_batch(&mut self, batch: Vec<Sealed>, change: impl FnOnce(&mut Lines)) {
        let height = self.blocks.len() as u64;
        let mut register = self.registers.last().cloned().unwrap_or_default();
        register.extend(batch.iter().map(|item| &item.signed).filter(|s| s["entry"]["kind"] == "key").cloned());
        let before: usize = self.batches.iter().map(Vec::len).sum();
        let mut lines = Lines {
            origin: ORIGIN.into(),
            height,
            previous: self.blocks.last().map_or(Hash::ZERO, |block| Hash::of(&[block.as_bytes()])),
            root: tree(&batch).root(),
            entries: batch.len() as u64,
            total: (before + batch.len()) as u64,
            register,
            time: format!("2026-11-22T08:{height:02}:00.123Z"),
        };
        change(&mut lines);
        let Lines { origin, height, previous, root, entries, total, register, time } = lines;
        let keys = Hash::of(&[&json::canonical(&json!(register))]);
        self.blocks.push(format!(
            "cqo-ledger/block/v1\n{origin}\nheight {height}\nprevious {previous}\nroot {root}\nentries {entries}\n\
             total {total}\nkeys {keys}\ntime {time}\n"
        ));
        self.registers.push(register);
        self.batches.push(batch);
    }

    pub(crate) fn item(&self, height: usize, index: usize) -> &Sealed {
        &self.batches[height][index]
    }

    fn chain_tree(&self, size: usize) -> BatchTree {
        let leaves: Vec<Hash> = self.blocks[..size].iter().map(|block| leaf_hash(block.as_bytes())).collect();
        BatchTree::from_leaves(&leaves).unwrap()
    }

    /// The text of the checkpoint of a size.
    pub(crate) fn checkpoint(&self, size: usize) -> String {
        format!("{ORIGIN}\n{size}\n{}\n", base64(self.chain_tree(size).root().as_bytes()))
    }

    /// A bundle of these entries under the checkpoint of a size.
    pub(crate) fn bundle_at(&self, size: usize, places: &[(usize, usize)], note: String) -> Value {
        let tree = self.chain_tree(size);
        let path = |height| hashes(&tree.path(height).unwrap());
        let entries: Vec<Value> = places.iter().map(|&(block, index)| self.bundle_entry(block, index)).collect();
        let mut heights: Vec<usize> = places.iter().map(|place| place.0).collect();
        heights.dedup();
        let blocks: Vec<Value> = heights
            .into_iter()
            .map(|height| {
                let block = json!({"path": path(height), "text": self.blocks[height]});
                match height.checked_sub(1) {
                    Some(before) => joined(block, json!({"previous": self.blocks[before]})),
                    None => block,
                }
            })
            .collect();
        json!({
            "blocks": blocks,
            "checkpoint": note,
            "entries": entries,
            "format": "cqo-ledger/proof/v1",
            "keys": self.registers[size - 1],
            "tip": {"path": path(size - 1), "text": self.blocks[size - 1]},
        })
    }

    fn bundle_entry(&self, block: usize, index: usize) -> Value {
        let item = self.item(block, index);
        let path = hashes(&tree(&self.batches[block]).path(index).unwrap());
        json!({"block": block, "index": index, "path": path, "salt": hex::encode(item.salt), "signed": item.signed})
    }

    /// A bundle under the whole chain, signed by the log alone.
    pub(crate) fn bundle(&self, places: &[(usize, usize)]) -> Value {
        let size = self.blocks.len();
        self.bundle_at(size, places, log_note(&self.checkpoint(size)))
    }

    /// A `.tlog-proof` of a block.
    pub(crate) fn block_proof(&self, height: usize, has_extra: bool) -> String {
        let size = self.blocks.len();
        let path: String = self
            .chain_tree(size)
            .path(height)
            .unwrap()
            .iter()
            .map(|hash| format!("{}\n", base64(hash.as_bytes())))
            .collect();
        let extra =
            if has_extra { format!("extra {}\n", base64(self.blocks[height].as_bytes())) } else { String::new() };
        format!("c2sp.org/tlog-proof@v1\n{extra}index {height}\n{path}\n{}", log_note(&self.checkpoint(size)))
    }
}

fn tree(batch: &[Sealed]) -> BatchTree {
    let leaves: Vec<Hash> = batch.iter().map(|item| leaf_hash(item.commitment.as_bytes())).collect();
    BatchTree::from_leaves(&leaves).unwrap()
}

fn hashes(path: &[Hash]) -> Value {
    path.iter().map(|hash| Value::from(hash.to_string())).collect()
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

pub(crate) fn log_key() -> NoteSigner {
    NoteSigner::from_seed(ORIGIN, &seed("log")).unwrap()
}

pub(crate) fn witness(name: &str) -> Cosigner {
    Cosigner::from_seed(name, &seed(name)).unwrap()
}

/// The note of a text, signed by the log.
pub(crate) fn log_note(text: &str) -> String {
    format!("{text}\n{}\n", log_key().sign(text))
}

/// The note with the cosignature of one more witness.
pub(crate) fn cosigned(note: &str, name: &str) -> String {
    let text = &note[..note.rfind("\n\n").unwrap() + 1];
    format!("{note}{}\n", witness(name).cosign(text, AT_SECONDS).unwrap())
}
