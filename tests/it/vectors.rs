//! The vectors of proofs/vectors: made here, the same on disk, and judged alike by the library, by proofs/verify.py and by
//! proofs/verify.mjs.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::server::campaign;
use cqo_ledger::credential::verify::{File, Question, verify_files};
use cqo_ledger::ledger::json;
use cqo_ledger::ledger::verify::{FileKind, Question as LedgerQuestion, State, verify_file};
use cqo_ledger::merkle::TrustPolicy;
use serde_json::{Value, json};

use crate::chain::*;

mod certificates;
mod schemas;

/// Every case, and the files of all.
#[derive(Default)]
struct Vectors {
    files: BTreeMap<String, Vec<u8>>,
    cases: Vec<Case>,
}

/// One run of a verifier and what must come of it.
#[derive(Clone)]
struct Case {
    says: String,
    files: Vec<String>,
    policy: Option<&'static str>,
    leaf: Option<&'static str>,
    at: Option<&'static str>,
    status: Vec<String>,
    now: Option<&'static str>,
    exit: u8,
    failed: Option<&'static str>,
    /// What fails first for a verifier without RDF, where that is another step.
    failed_without_rdf: Option<&'static str>,
    hours: Option<Vec<(&'static str, u64)>>,
}

impl Case {
    fn at(&mut self, moment: &'static str) -> &mut Self {
        self.at = Some(moment);
        self
    }

    fn policy(&mut self, policy: Option<&'static str>) -> &mut Self {
        self.policy = policy;
        self
    }

    fn leaf(&mut self, leaf: &'static str) -> &mut Self {
        self.leaf = Some(leaf);
        self
    }

    fn status(&mut self, lists: &[&str]) -> &mut Self {
        self.status = lists.iter().map(|&list| list.to_owned()).collect();
        self
    }

    fn now(&mut self, moment: &'static str) -> &mut Self {
        self.now = Some(moment);
        self
    }

    fn without_rdf(&mut self, failed: &'static str) -> &mut Self {
        self.failed_without_rdf = Some(failed);
        self
    }

    fn hours(&mut self, hours: &[(&'static str, u64)]) -> &mut Self {
        self.hours = Some(hours.to_vec());
        self
    }

    fn to_value(&self) -> Value {
        let hours = self
            .hours
            .as_ref()
            .map(|hours| hours.iter().map(|(name, hours)| json!({"hours": hours, "name": name})).collect::<Vec<_>>());
        json!({
            "at": self.at,
            "exit": self.exit,
            "failed": self.failed,
            "failed_without_rdf": self.failed_without_rdf.or(self.failed),
            "files": self.files,
            "leaf": self.leaf,
            "learners": hours,
            "now": self.now,
            "policy": self.policy,
            "says": self.says,
            "status": self.status,
        })
    }
}

impl Vectors {
    fn case(&mut self, says: &str, files: &[&str], exit: u8, failed: Option<&'static str>) -> &mut Case {
        self.cases.push(Case {
            says: says.into(),
            files: files.iter().map(|&file| file.to_owned()).collect(),
            policy: Some("policy.txt"),
            leaf: None,
            at: None,
            status: Vec::new(),
            now: None,
            exit,
            failed,
            failed_without_rdf: None,
            hours: None,
        });
        self.cases.last_mut().unwrap()
    }

    fn put(&mut self, name: &str, bytes: impl Into<Vec<u8>>) {
        assert!(self.files.insert(name.into(), bytes.into()).is_none(), "{name} twice");
    }

    /// A good file, which is a case of its own.
    fn good(&mut self, name: &str, says: &str, bytes: impl Into<Vec<u8>>) -> &mut Case {
        let file = format!("good/{name}");
        self.put(&file, bytes);
        let exit = if name.ends_with("tlog-proof") { 0 } else { 3 };
        self.case(says, &[&file], exit, None)
    }

    /// A file that is wrong in one way and fails one step.
    fn broken(&mut self, step: &'static str, name: &str, bytes: impl Into<Vec<u8>>) -> &mut Case {
        let kind = if is_block_proof(name) { "tlog-proof" } else { "proof.json" };
        let file = format!("broken/{step}-{name}.{kind}");
        self.put(&file, bytes);
        self.case(&name.replace('-', " "), &[&file], 1, Some(step))
    }
}

fn is_block_proof(name: &str) -> bool {
    name.starts_with("block-proof-")
}

fn bytes(value: &Value) -> Vec<u8> {
    json::canonical(value)
}

/// The canonical text with one replacement, which must be possible.
fn replaced(value: &Value, from: &str, to: &str) -> Vec<u8> {
    let text = String::from_utf8(bytes(value)).unwrap();
    assert!(text.contains(from), "nothing to replace: {from}");
    text.replacen(from, to, 1).into_bytes()
}

/// The bundle with one change, in canonical form.
fn changed(value: &Value, change: impl FnOnce(&mut Value)) -> Vec<u8> {
    bytes(&with(value.clone(), change))
}

/// The last hexadecimal digit is another one.
fn flip(value: &mut Value) {
    let text = value.as_str().unwrap();
    let (head, last) = text.split_at(text.len() - 1);
    *value = format!("{head}{}", if last == "0" { "1" } else { "0" }).into();
}

fn edit(value: &mut Value, from: &str, to: &str) {
    let text = value.as_str().unwrap();
    assert!(text.contains(from), "nothing to replace: {from}");
    *value = text.replacen(from, to, 1).into();
}

struct Keys {
    authority: Key,
    r1: Key,
    r1b: Key,
    r2: Key,
    receipt: Key,
    unknown: Key,
    body: Key,
}

fn keys() -> Keys {
    Keys {
        authority: Key::new("authority"),
        r1: Key::new("recorder 1"),
        r1b: Key::new("recorder 1, second key"),
        r2: Key::new("recorder 2"),
        receipt: Key::new("receipt"),
        unknown: Key::unknown("of another algorithm"),
        body: Key::new("recorder of the certifying body"),
    }
}

/// Authority, one recorder, three entries in block 2, a tip: the smallest ledger with all parts.
fn small(k: &Keys) -> Chain {
    let mut chain = Chain::new();
    chain.seal(vec![sign(&add(1, &k.authority, "authority", AUTHORITY), &[&k.authority])]);
    chain.seal(vec![sign(&add(2, &k.r1, "recorder", R1), &[&k.authority])]);
    chain.seal((0..3).map(|i| sign(&study(0x20 + i, R1, 0, 150 + i), &[&k.r1])).collect());
    chain.seal(vec![sign(&study(0x30, R1, 1, 100), &[&k.r1])]);
    chain
}

/// A ledger with all kinds of entries: keys that end, corrections of corrections.
fn large(k: &Keys) -> Chain {
    let mut chain = Chain::new();
    chain.seal(vec![sign(&add(1, &k.authority, "authority", AUTHORITY), &[&k.authority])]);
    chain.seal(vec![
        sign(&add(2, &k.r1, "recorder", R1), &[&k.authority]),
        sign(&add(3, &k.r1b, "recorder", R1), &[&k.authority]),
        sign(&add(4, &k.r2, "recorder", R2), &[&k.authority]),
        sign(&add(5, &k.receipt, "receipt", AUTHORITY), &[&k.authority]),
    ]);
    let exchange = with(study(0x22, R2, 1, 75), |e| {
        e["form"] = "other".into();
        e["form_reason"] = "现场见习".into();
    });
    chain.seal(vec![
        sign(&study(0x20, R1, 0, 150), &[&k.r1]),
        sign(&study(0x21, R1, 0, 200), &[&k.r1, &k.r1b]),
        sign(&exchange, &[&k.r2]),
        sign(&study(0x23, R1, 2, 10_000), &[&k.r1]),
        sign(&activity(0x24, R2, 1), &[&k.r2]),
    ]);
    let supersede = correction(0x30, R1, chain.item(2, 0), Some(125));
    let void = correction(0x31, AUTHORITY, chain.item(2, 1), None);
    chain.seal(vec![
        sign(&supersede, &[&k.r1]),
        sign(&void, &[&k.authority]),
        sign(&end(0x32, "retire", &k.r1b, R1), &[&k.r1b]),
        sign(&study(0x33, R1, 0, 50), &[&k.r1b]),
    ]);
    let again = correction(0x40, R1, chain.item(3, 0), Some(100));
    let second = with(correction(0x41, R1, chain.item(2, 0), None), |e| e["learner"]["name"] = "李磊".into());
    chain.seal(vec![sign(&again, &[&k.r1]), sign(&second, &[&k.r1])]);
    let revoke = with(end(0x50, "revoke", &k.r2, AUTHORITY), |e| {
        e["compromised_from"] = 5.into();
        e["reason"] = "compromised".into();
    });
    chain.seal(vec![sign(&revoke, &[&k.authority])]);
    chain.seal((0..3).map(|i| sign(&study(0x60 + i, R1, 2, 1), &[&k.r1])).collect());
    chain
}

/// A chain with one more block, and a bundle of that block's entries and some of block 2.
fn sealed(chain: &Chain, signed: Vec<Value>, others: &[(usize, usize)]) -> Vec<u8> {
    let mut chain = chain.clone();
    let (height, count) = (chain.blocks.len(), signed.len());
    chain.seal(signed);
    let places: Vec<_> = others.iter().copied().chain((0..count).map(|i| (height, i))).collect();
    bytes(&chain.bundle(&places))
}

/// A chain with one more block whose lines are changed, and a bundle of its first entry.
fn sealed_with(chain: &Chain, signed: Vec<Value>, change: impl FnOnce(&mut Lines)) -> Vec<u8> {
    let mut chain = chain.clone();
    let height = chain.blocks.len();
    chain.seal_with(signed, change);
    bytes(&chain.bundle(&[(height, 0)]))
}

fn vectors() -> Vectors {
    let mut v = Vectors::default();
    let k = keys();
    let (small, large) = (small(&k), large(&k));
    policies(&mut v);
    good(&mut v, &k, &small, &large);
    broken_json(&mut v, &small);
    broken_entries(&mut v, &k, &small);
    reviewed(&mut v, &k, &small);
    broken_form(&mut v, &k, &small);
    broken_checkpoints(&mut v, &small);
    broken_chains(&mut v, &k, &small);
    broken_keys(&mut v, &k, &small);
    broken_batches(&mut v, &k, &small);
    broken_signatures(&mut v, &k, &large);
    broken_corrections(&mut v, &k, &large);
    several_files(&mut v, &k, &small, &large);
    broken_block_proofs(&mut v, &small);
    certificates::add_all(&mut v);
    v
}

fn policies(v: &mut Vectors) {
    let log = format!("log {}\n", log_key().verifier_key());
    let witnesses: String = ["w1.example", "w2.example", "w3.example"]
        .iter()
        .map(|name| format!("witness {name} {}\n", witness(name).verifier_key()))
        .collect();
    v.put(
        "policy.txt",
        format!(
            "# For these vectors only. No witness: the operator could show others another chain.\n{log}quorum none\n"
        ),
    );
    let group = "group two 2 w1.example w2.example w3.example\nquorum two\n";
    v.put("policy-witness.txt", format!("# Two of three witnesses.\n{log}{witnesses}{group}"));
    let other = cqo_ledger::merkle::NoteSigner::from_seed(ORIGIN, &seed("another log key")).unwrap();
    v.put("policy-other-key.txt", format!("log {}\nquorum none\n", other.verifier_key()));
    let other = cqo_ledger::merkle::NoteSigner::from_seed("ledger.example.net/cqo", &seed("another log")).unwrap();
    v.put("policy-other-log.txt", format!("log {}\nquorum none\n", other.verifier_key()));
    v.put("policy-no-quorum.txt", log);
}

fn good(v: &mut Vectors, k: &Keys, small: &Chain, large: &Chain) {
    let single = bytes(&small.bundle(&[(2, 1)]));
    v.good("single-entry.proof.json", "one entry of a batch of three", single).hours(&[("李雷", 151)]);
    v.case("the same without a policy", &["good/single-entry.proof.json"], 3, None).policy(None);
    v.case("the same, asked at the block's moment", &["good/single-entry.proof.json"], 3, None)
        .at("2026-11-22T08:02:00.123Z");
    v.case("the same, asked a millisecond earlier", &["good/single-entry.proof.json"], 1, Some("chain"))
        .at("2026-11-22T08:02:00.122Z");
    v.case("the same file twice", &["good/single-entry.proof.json", "good/single-entry.proof.json"], 3, None)
        .hours(&[("李雷", 151)]);
    let all: Vec<_> = [(0, 0), (1, 2), (2, 0), (2, 1), (2, 2), (2, 3), (2, 4), (3, 0), (3, 1), (3, 2), (3, 3)]
        .into_iter()
        .chain([(4, 0), (4, 1), (5, 0), (6, 1)])
        .collect();
    v.good(
        "many-entries.proof.json",
        "all kinds over seven blocks: a correction superseded, a void, a second correction that does not count",
        bytes(&large.bundle(&all)),
    )
    .hours(&[("李磊", 150), ("韩梅梅", 75), ("𠮷田𬭎", 10_001)]);
    v.good("genesis.proof.json", "the first key in block 0", bytes(&small.bundle(&[(0, 0)]))).hours(&[]);
    v.good("genesis-alone.proof.json", "a chain of one block", {
        bytes(&small.bundle_at(1, &[(0, 0)], log_note(&small.checkpoint(1))))
    });
    v.good("activity.proof.json", "an activity", bytes(&large.bundle(&[(2, 4)]))).hours(&[("韩梅梅", 0)]);
    v.good("rare-characters.proof.json", "a name beyond the basic plane", bytes(&large.bundle(&[(2, 3)])))
        .hours(&[("𠮷田𬭎", 10_000)]);
    v.good("retired-key.proof.json", "by a key in the block that retires it", bytes(&large.bundle(&[(3, 3)])));
    v.good("compromised-later.proof.json", "by a key that was compromised later", bytes(&large.bundle(&[(2, 2)])));
    let size = small.blocks.len();
    let note = cosigned(&cosigned(&log_note(&small.checkpoint(size)), "w1.example"), "w3.example");
    let cosigned_bundle = bytes(&small.bundle_at(size, &[(2, 1)], note));
    v.good("cosigned.proof.json", "two of three witnesses", cosigned_bundle).policy(Some("policy-witness.txt"));
    v.good("target-elsewhere.proof.json", "a correction without its target", bytes(&large.bundle(&[(3, 0)])))
        .hours(&[("李雷", 0)]);
    v.good("target.proof.json", "the target of that correction", bytes(&large.bundle(&[(2, 0)])))
        .hours(&[("李雷", 150)]);
    v.case("correction and target together", &["good/target-elsewhere.proof.json", "good/target.proof.json"], 3, None)
        .hours(&[("李雷", 125)]);
    v.good(
        "corrected-without-first.proof.json",
        "a correction of a correction whose target is not there adds nothing",
        bytes(&large.bundle(&[(3, 0), (4, 0)])),
    )
    .hours(&[("李雷", 0)]);
    let superseding = sign(&correction(0x70, R1, large.item(2, 3), Some(9)), &[&k.r1]);
    v.good("superseded.proof.json", "hours superseded", sealed(large, vec![superseding], &[(2, 3)]))
        .hours(&[("𠮷田𬭎", 9)]);
    let mut unknown = large.clone();
    unknown.seal(vec![sign(&add(0x80, &k.unknown, "recorder", R2), &[&k.authority])]);
    unknown.seal(vec![sign(&study(0x81, R2, 0, 5), &[&k.unknown])]);
    v.good("unknown-algorithm.proof.json", "a signature of an unknown algorithm", bytes(&unknown.bundle(&[(8, 0)])));
    unknown.seal(vec![sign(&end(0x82, "retire", &k.unknown, R2), &[&k.unknown])]);
    v.good("unknown-in-register.proof.json", "a register with one", bytes(&unknown.bundle(&[(2, 1), (3, 1)])));
    v.good("block.tlog-proof", "a block with its text", small.block_proof(2, true));
    v.good("block-0.tlog-proof", "block 0", small.block_proof(0, true));
    v.put("good/block-without-text.tlog-proof", small.block_proof(2, false));
    v.put("block-2.txt", small.blocks[2].clone());
    v.put("block-3.txt", small.blocks[3].clone());
    let file = "good/block-without-text.tlog-proof";
    v.case("a block proof without text, and its text", &[file], 0, None).leaf("block-2.txt");
    v.case("a block proof without text", &[file], 3, None);
    v.case("a block proof without text, and another block's", &[file], 1, Some("chain")).leaf("block-3.txt");
    v.case("a block proof, and another block's text", &["good/block.tlog-proof"], 1, Some("chain")).leaf("block-3.txt");
    v.case("a block proof without a policy", &["good/block.tlog-proof"], 3, None).policy(None);
    v.case("a block proof, asked earlier", &["good/block.tlog-proof"], 1, Some("chain")).at("2026-11-22T08:02:00.122Z");
    v.case("bundle and block proof", &["good/single-entry.proof.json", "good/block.tlog-proof"], 3, None);
}

fn broken_json(v: &mut Vectors, small: &Chain) {
    let b = small.bundle(&[(2, 1)]);
    let text = String::from_utf8(bytes(&b)).unwrap();
    v.broken("form", "newline-at-end", format!("{text}\n"));
    v.broken("form", "byte-order-mark", format!("\u{feff}{text}"));
    v.broken("form", "cut-short", &text.as_bytes()[..text.len() - 1]);
    v.broken("form", "space-after-colon", replaced(&b, "\"index\":", "\"index\": "));
    v.broken("form", "members-out-of-order", replaced(&b, "\"block\":2,\"index\":1", "\"index\":1,\"block\":2"));
    v.broken("form", "member-twice", replaced(&b, "\"block\":2", "\"block\":2,\"block\":2"));
    v.broken("form", "needless-escape", replaced(&b, "李雷", "\\u674e雷"));
    v.broken("form", "lone-surrogate", replaced(&b, "李雷", "\\ud842"));
    v.broken("form", "fraction", replaced(&b, "\"index\":1", "\"index\":1.0"));
    v.broken("form", "exponent", replaced(&b, "\"index\":1", "\"index\":1e0"));
    v.broken("form", "minus-zero", replaced(&small.bundle(&[(2, 0)]), "\"index\":0", "\"index\":-0"));
    v.broken("form", "beyond-2-to-53", replaced(&b, "\"index\":1", "\"index\":9007199254740992"));
    v.broken("form", "not-a-number", replaced(&b, "\"index\":1", "\"index\":NaN"));
    v.broken("form", "nested-too-deep", changed(&b, |b| b["tip"]["path"] = json!([[[[[[[]]]]]]])));
    v.broken("form", "unknown-member", changed(&b, |b| b["note"] = "x".into()));
    v.broken("form", "member-missing", changed(&b, |b| drop(b.as_object_mut().unwrap().remove("tip"))));
    v.broken("form", "number-as-text", replaced(&b, "\"index\":1", "\"index\":\"1\""));
    let unreadable: [(&str, Vec<u8>); 4] = [
        ("another-format", replaced(&b, "proof/v1", "proof/v2")),
        ("not-utf-8", [text.as_bytes(), b"\xff"].concat()),
        ("empty", Vec::new()),
        ("array", b"[]".to_vec()),
    ];
    for (name, bytes) in unreadable {
        let file = format!("unreadable/{name}.proof.json");
        v.put(&file, bytes);
        v.case(&format!("unreadable: {}", name.replace('-', " ")), &[&file], 2, None);
    }
    let file = "good/single-entry.proof.json";
    v.case("a policy that cannot be read", &[file], 2, None).policy(Some("policy-no-quorum.txt"));
    v.case("good and unreadable", &[file, "unreadable/empty.proof.json"], 2, None);
    let failed = ["broken/form-newline-at-end.proof.json", "unreadable/empty.proof.json"];
    v.case("failed and unreadable", &failed, 1, Some("form"));
}

type Change = fn(&mut Value);

/// Entries of a wrong form, well signed and sealed all the same.
fn broken_entries(v: &mut Vectors, k: &Keys, small: &Chain) {
    let cases: &[(&str, Change)] = &[
        ("hours-0", |e| e["hours"] = 0.into()),
        ("hours-10001", |e| e["hours"] = 10_001.into()),
        ("day-of-no-calendar", |e| e["first_day"] = "2026-02-29".into()),
        ("day-1899", |e| e["first_day"] = "1899-12-31".into()),
        ("last-day-before-first", |e| e["last_day"] = "2026-03-01".into()),
        ("span-of-367-days", |e| e["last_day"] = "2027-03-04".into()),
        ("form-reason-missing", |e| e["form"] = "other".into()),
        ("form-reason-needless", |e| e["form_reason"] = "x".into()),
        ("evidence-not-ascending", |e| e["evidence"] = json!(["b".repeat(64), "a".repeat(64)])),
        ("hash-in-capitals", |e| e["evidence"] = json!(["A".repeat(64)])),
        ("name-not-nfc", |e| e["learner"]["name"] = "e\u{301}".into()),
        ("name-invisible", |e| e["learner"]["name"] = "李\u{200b}雷".into()),
        ("name-right-to-left", |e| e["learner"]["name"] = "李\u{202e}雷".into()),
        ("name-tag-character", |e| e["learner"]["name"] = "李\u{e0041}雷".into()),
        ("name-of-101", |e| e["learner"]["name"] = "李".repeat(101).into()),
        ("name-ends-in-space", |e| e["learner"]["name"] = "李雷\u{3000}".into()),
        ("recorder-check-character", |e| e["recorder"] = "91110000MA0000000J".into()),
        ("recorder-region", |e| e["recorder"] = "91A10000MA0000000H".into()),
        ("id-of-version-4", |e| e["id"] = "019a0b1c-2d3e-4f40-8a5b-0000000000ff".into()),
        ("rulebook-leading-zero", |e| e["rulebook"] = "2026.01".into()),
        ("members-of-another-kind", |e| e["kind"] = "status".into()),
        ("completes-as-number", |e| e["completes"] = 1.into()),
        ("course-code-with-space", |e| e["course"]["code"] = "QM 101".into()),
        ("entry-member-unknown", |e| e["note"] = "x".into()),
    ];
    for (name, change) in cases {
        let entry = with(study(0x40, R1, 0, 5), change);
        v.broken("form", name, sealed(small, vec![sign(&entry, &[&k.r1])], &[]));
    }
    let kinds = with(add(0x40, &k.r2, "recorder", R2), |e| e["kinds"] = json!(["key"]));
    v.broken("form", "kinds-not-of-the-role", sealed(small, vec![sign(&kinds, &[&k.authority])], &[]));
    let short = with(add(0x40, &k.r2, "recorder", R2), |e| e["key"]["public"] = "ab".repeat(31).into());
    v.broken("form", "public-key-of-31-bytes", sealed(small, vec![sign(&short, &[&k.authority])], &[]));
    let retire = with(end(0x40, "retire", &k.r1, R1), |e| e["compromised_from"] = 1.into());
    v.broken("form", "retire-with-compromised-from", sealed(small, vec![sign(&retire, &[&k.r1])], &[]));
    let void = correction(0x40, R1, small.item(2, 0), Some(5));
    let void = with(void, |e| e["action"] = "void".into());
    v.broken("form", "void-with-replacement", sealed(small, vec![sign(&void, &[&k.r1])], &[]));
    let unsigned = with(sign(&study(0x40, R1, 0, 5), &[&k.r1]), |s| s["signatures"] = json!([]));
    v.broken("form", "no-signature", sealed(small, vec![unsigned], &[]));
    let short = with(sign(&study(0x40, R1, 0, 5), &[&k.r1]), |s| s["signatures"][0]["sig"] = "ab".repeat(63).into());
    v.broken("form", "signature-of-63-bytes", sealed(small, vec![short], &[]));
    let two =
        with(sign(&study(0x40, R1, 0, 5), &[&k.r1, &k.r2]), |s| s["signatures"].as_array_mut().unwrap().reverse());
    v.broken("form", "signatures-not-ascending", sealed(small, vec![two], &[]));
}

/// Claims that the certifying body accepted, and every place where `reviewed_by` may not stand or not say that.
fn reviewed(v: &mut Vectors, k: &Keys, small: &Chain) {
    let by = |word: &str, entry: Value| with(entry, |e| e["reviewed_by"] = word.into());
    let mut chain = small.clone();
    chain.seal(vec![sign(&add(0x90, &k.body, "recorder", AUTHORITY), &[&k.authority])]);
    chain.seal(vec![
        sign(&by("clerk", study(0x91, AUTHORITY, 0, 300)), &[&k.body]),
        sign(&by("supervisor", activity(0x92, AUTHORITY, 1)), &[&k.body]),
    ]);
    let superseding = with(correction(0x93, AUTHORITY, chain.item(5, 0), Some(250)), |e| {
        e["replacement"]["reviewed_by"] = "supervisor".into();
    });
    chain.seal(vec![sign(&superseding, &[&k.body])]);
    let bundle = chain.bundle(&[(5, 0), (5, 1), (6, 0)]);
    v.good("reviewed.proof.json", "claims that the certifying body accepted, one corrected", bytes(&bundle))
        .hours(&[("李雷", 250), ("韩梅梅", 0)]);
    v.broken(
        "batch",
        "reviewed-by-changed",
        changed(&bundle, |b| b["entries"][0]["signed"]["entry"]["reviewed_by"] = "supervisor".into()),
    );
    let digest = cqo_ledger::merkle::Hash::of(&[b"certificate"]);
    let number = "XS-2026-340100-7K3M9QX2AB-4".parse().unwrap();
    let study = || study(0x94, AUTHORITY, 0, 5);
    let cases = [
        ("reviewed-by-unknown-word", by("expert", study())),
        ("reviewed-by-in-capitals", by("Clerk", study())),
        ("reviewed-by-null", with(study(), |e| e["reviewed_by"] = Value::Null)),
        ("reviewed-by-as-array", with(study(), |e| e["reviewed_by"] = json!(["clerk"]))),
        ("reviewed-by-of-an-activity-unknown-word", by("auditor", activity(0x94, AUTHORITY, 1))),
        (
            "reviewed-by-of-a-replacement-unknown-word",
            with(superseding.clone(), |e| e["replacement"]["reviewed_by"] = "".into()),
        ),
        ("reviewed-by-outside-the-replacement", by("clerk", superseding)),
        ("reviewed-by-in-a-certificate-entry", by("clerk", issued_entry(0x94, "credential", &number, &digest))),
    ];
    for (name, entry) in cases {
        v.broken("form", name, sealed(&chain, vec![sign(&entry, &[&k.body])], &[]));
    }
}

fn broken_form(v: &mut Vectors, k: &Keys, small: &Chain) {
    let b = small.bundle(&[(1, 0), (2, 1)]);
    let array = |b: &mut Value, name: &str| std::mem::take(b[name].as_array_mut().unwrap());
    v.broken("form", "entries-not-ascending", changed(&b, |b| b["entries"].as_array_mut().unwrap().reverse()));
    v.broken("form", "blocks-not-ascending", changed(&b, |b| b["blocks"].as_array_mut().unwrap().reverse()));
    v.broken("form", "block-left-out", changed(&b, |b| drop(b["blocks"].as_array_mut().unwrap().remove(0))));
    v.broken("form", "block-of-no-entry", changed(&b, |b| drop(b["entries"].as_array_mut().unwrap().remove(0))));
    v.broken(
        "form",
        "no-entries",
        changed(&b, |b| {
            array(b, "entries");
            array(b, "blocks");
        }),
    );
    v.broken(
        "form",
        "previous-missing",
        changed(&b, |b| drop(b["blocks"][0].as_object_mut().unwrap().remove("previous"))),
    );
    let genesis = small.bundle(&[(0, 0)]);
    v.broken(
        "form",
        "previous-at-height-0",
        changed(&genesis, |b| b["blocks"][0]["previous"] = small.blocks[0].clone().into()),
    );
    v.broken("form", "path-of-64", changed(&b, |b| b["tip"]["path"] = json!(vec!["0".repeat(64); 64])));
    v.broken("form", "salt-of-31-bytes", changed(&b, |b| b["entries"][0]["salt"] = "ab".repeat(31).into()));
    v.broken("form", "study-in-keys", changed(&b, |b| b["keys"][1] = sign(&study(0x40, R1, 0, 5), &[&k.r1])));
    let lines: &[(&str, &str, &str)] = &[
        ("block-leading-zero", "height 3", "height 03"),
        ("block-crlf", "height 3\n", "height 3\r\n"),
        ("block-line-missing", "entries 1\n", ""),
        ("block-line-twice", "entries 1\n", "entries 1\nentries 1\n"),
        ("block-no-entries", "entries 1\n", "entries 0\n"),
        ("block-text-after-the-end", "123Z\n", "123Z\n\n"),
        ("block-second-60", "08:03:00", "08:03:60"),
        ("block-year-1969", "time 2026", "time 1969"),
    ];
    for (name, from, to) in lines {
        v.broken("form", name, changed(&b, |b| edit(&mut b["tip"]["text"], from, to)));
    }
    let text = small.checkpoint(4);
    let notes = [
        ("checkpoint-extension-line", log_note(&format!("{text}extension\n"))),
        ("checkpoint-size-leading-zero", log_note(&text.replace("\n4\n", "\n04\n"))),
        ("checkpoint-size-beyond-2-to-53", log_note(&text.replace("\n4\n", "\n9007199254740992\n"))),
        (
            "checkpoint-without-the-logs-line",
            cosigned(&log_note(&text), "w1.example").replacen("\u{2014} ledger", "\u{2014} edger", 1),
        ),
        (
            "checkpoint-origin-in-capitals",
            log_note(&text.replace("ledger", "Ledger")).replace("\u{2014} ledger", "\u{2014} Ledger"),
        ),
        ("checkpoint-without-signature", format!("{text}\n")),
    ];
    for (name, note) in notes {
        v.broken("form", name, changed(&b, |b| b["checkpoint"] = note.into()));
    }
}

fn broken_checkpoints(v: &mut Vectors, small: &Chain) {
    let file = "good/single-entry.proof.json";
    v.case("the policy has another key of the log", &[file], 1, Some("checkpoint"))
        .policy(Some("policy-other-key.txt"));
    v.case("the policy has another log", &[file], 1, Some("checkpoint")).policy(Some("policy-other-log.txt"));
    v.case("no witness has cosigned", &[file], 1, Some("checkpoint")).policy(Some("policy-witness.txt"));
    let b = small.bundle(&[(2, 1)]);
    let note = log_note(&small.checkpoint(4));
    v.broken("checkpoint", "size-changed", changed(&b, |b| edit(&mut b["checkpoint"], "\n4\n", "\n5\n")));
    let one = cosigned(&note, "w2.example");
    v.broken("checkpoint", "one-witness-of-two", changed(&b, |b| b["checkpoint"] = one.clone().into()))
        .policy(Some("policy-witness.txt"));
    let twice = cosigned(&one, "w2.example");
    v.broken("checkpoint", "one-witness-twice", changed(&b, |b| b["checkpoint"] = twice.into()))
        .policy(Some("policy-witness.txt"));
    let other = cosigned(&log_note(&small.checkpoint(3)), "w3.example");
    let stolen = format!("{}{}\n", cosigned(&one, "w1.example"), other.lines().last().unwrap());
    v.broken("checkpoint", "a-third-witness-signed-another", changed(&b, |b| b["checkpoint"] = stolen.into()))
        .policy(Some("policy-witness.txt"));
}

fn broken_chains(v: &mut Vectors, k: &Keys, small: &Chain) {
    let b = small.bundle(&[(2, 1)]);
    let entry = || vec![sign(&study(0x40, R1, 0, 5), &[&k.r1])];
    v.broken("chain", "path-changed", changed(&b, |b| flip(&mut b["blocks"][0]["path"][0])));
    v.broken(
        "chain",
        "path-longer",
        changed(&b, |b| b["blocks"][0]["path"].as_array_mut().unwrap().push("0".repeat(64).into())),
    );
    v.broken("chain", "path-shorter", changed(&b, |b| drop(b["blocks"][0]["path"].as_array_mut().unwrap().pop())));
    v.broken("chain", "tip-path-changed", changed(&b, |b| flip(&mut b["tip"]["path"][1])));
    v.broken("chain", "tip-is-not-the-last", {
        let other = small.bundle(&[(2, 1)]);
        changed(&b, |b| b["tip"] = json!({"path": other["blocks"][0]["path"], "text": small.blocks[2]}))
    });
    v.broken(
        "chain",
        "previous-is-another",
        changed(&b, |b| b["blocks"][0]["previous"] = small.blocks[0].clone().into()),
    );
    v.broken("chain", "previous-changed", changed(&b, |b| edit(&mut b["blocks"][0]["previous"], "08:01", "08:00")));
    v.broken(
        "chain",
        "root-of-another-chain",
        changed(&b, |b| {
            b["checkpoint"] = log_note(&format!("{ORIGIN}\n4\n{}\n", base64(&[7; 32]))).into();
        }),
    );
    v.broken("chain", "time-goes-back", sealed_with(small, entry(), |l| l.time = "2026-11-22T08:02:59.999Z".into()));
    v.broken("chain", "total-does-not-add-up", sealed_with(small, entry(), |l| l.total += 1));
    v.broken("chain", "height-is-not-the-place", {
        let mut chain = small.clone();
        chain.seal_with(entry(), |l| l.height = 5);
        changed(&chain.bundle(&[(4, 0)]), |b| b["entries"][0]["block"] = 5.into())
    });
    v.broken("chain", "previous-not-linked", sealed_with(small, entry(), |l| l.previous = another_hash()));
    v.broken(
        "chain",
        "block-of-another-ledger",
        sealed_with(small, entry(), |l| l.origin = "ledger.example.net/cqo".into()),
    );
    v.broken("chain", "block-0-with-a-previous", {
        let mut chain = Chain::new();
        let first = sign(&add(1, &k.authority, "authority", AUTHORITY), &[&k.authority]);
        chain.seal_with(vec![first], |l| l.previous = another_hash());
        bytes(&chain.bundle(&[(0, 0)]))
    });
    v.broken("chain", "tip-total-too-small-for-the-gap", {
        let mut chain = small.clone();
        chain.seal(entry());
        chain.seal_with(vec![sign(&study(0x50, R1, 0, 5), &[&k.r1])], |l| l.total = 7);
        bytes(&chain.bundle(&[(2, 1)]))
    });
    v.broken("chain", "tip-before-the-block-in-time", {
        let mut chain = small.clone();
        chain.seal_with(entry(), |l| l.time = "2026-11-22T08:01:00.123Z".into());
        bytes(&chain.bundle(&[(2, 1)]))
    });
    // The operator seals block 3 on another block 2 than the one in the tree.
    v.broken("chain", "two-texts-of-block-2", {
        let mut fork = small.clone();
        fork.blocks.truncate(2);
        fork.batches.truncate(2);
        fork.registers.truncate(2);
        let mut other = fork.clone();
        fork.seal(entry());
        other.seal(vec![sign(&study(0x41, R1, 0, 6), &[&k.r1])]);
        let own = fork.blocks[2].clone();
        fork.blocks[2].clone_from(&other.blocks[2]);
        fork.seal(vec![sign(&study(0x42, R1, 0, 7), &[&k.r1])]);
        fork.blocks[2] = own;
        changed(&fork.bundle(&[(2, 0), (3, 0)]), |b| b["blocks"][1]["previous"] = other.blocks[2].clone().into())
    });
}

fn another_hash() -> cqo_ledger::merkle::Hash {
    cqo_ledger::merkle::Hash::of(&[b"something else"])
}

fn broken_keys(v: &mut Vectors, k: &Keys, small: &Chain) {
    let b = small.bundle(&[(2, 1)]);
    v.broken("keys", "register-cut-short", changed(&b, |b| drop(b["keys"].as_array_mut().unwrap().pop())));
    v.broken("keys", "signature-in-the-register", changed(&b, |b| flip(&mut b["keys"][1]["signatures"][0]["sig"])));
    let stranger = Key::new("stranger");
    let new = |number| add(number, &k.r2, "recorder", R2);
    let weak = Key::with_public(&[&[1][..], &[0; 31]].concat());
    let no_point = Key::with_public(&[&[2][..], &[0; 31]].concat());
    let not_canonical = Key::with_public(&[&[0xf0][..], &[0xff; 30], &[0x7f]].concat());
    let cases: Vec<(&str, Vec<Value>)> = vec![
        ("added-by-a-stranger", vec![sign(&new(0x40), &[&stranger])]),
        ("added-by-a-recorder", vec![sign(&with(new(0x40), |e| e["recorder"] = R1.into()), &[&k.r1])]),
        ("added-by-authority-and-recorder", vec![sign(&new(0x40), &[&k.authority, &k.r1])]),
        ("recorder-is-not-the-owner", vec![sign(&with(new(0x40), |e| e["recorder"] = R1.into()), &[&k.authority])]),
        ("added-twice", vec![sign(&add(0x40, &k.r1, "recorder", R1), &[&k.authority])]),
        ("same-id-twice", vec![sign(&new(2), &[&k.authority])]),
        ("retired-twice", (0..2).map(|i| sign(&end(0x40 + i, "retire", &k.r1, AUTHORITY), &[&k.authority])).collect()),
        (
            "revoked-by-another-recorder",
            vec![sign(&new(0x40), &[&k.authority]), sign(&end(0x41, "revoke", &k.r1, R2), &[&k.r2])],
        ),
        ("target-never-added", vec![sign(&end(0x40, "retire", &stranger, AUTHORITY), &[&k.authority])]),
        (
            "signed-by-a-retired-key",
            vec![
                sign(&end(0x40, "retire", &k.authority, AUTHORITY), &[&k.authority]),
                sign(&new(0x41), &[&k.authority]),
            ],
        ),
        ("weak-public-key", vec![sign(&add(0x40, &weak, "recorder", R2), &[&k.authority])]),
        ("public-key-is-no-point", vec![sign(&add(0x40, &no_point, "recorder", R2), &[&k.authority])]),
        ("public-key-not-canonical", vec![sign(&add(0x40, &not_canonical, "recorder", R2), &[&k.authority])]),
        (
            "element-of-another-ledger",
            vec![sign(&with(new(0x40), |e| e["ledger"] = "ledger.example.net/cqo".into()), &[&k.authority])],
        ),
    ];
    for (name, signed) in cases {
        let mut chain = small.clone();
        chain.seal(signed);
        v.broken("keys", name, bytes(&chain.bundle(&[(2, 1)])));
    }
    let first = add(1, &k.authority, "authority", AUTHORITY);
    let firsts: Vec<(&str, Vec<Value>)> = vec![
        ("first-is-no-authority", vec![sign(&add(1, &k.r1, "recorder", AUTHORITY), &[&k.r1])]),
        ("first-signed-by-two", vec![sign(&first, &[&k.authority, &k.r1])]),
        ("first-of-another-owner", vec![sign(&add(1, &k.authority, "authority", R1), &[&k.authority])]),
        ("first-not-alone", vec![sign(&first, &[&k.authority]), sign(&new(2), &[&k.authority])]),
    ];
    for (name, signed) in firsts {
        let mut chain = Chain::new();
        chain.seal(signed);
        v.broken("keys", name, bytes(&chain.bundle(&[(0, 0)])));
    }
    let entry = vec![sign(&study(0x40, R1, 0, 5), &[&k.r1])];
    v.broken("keys", "register-shorter-than-before", {
        let mut chain = small.clone();
        let whole = chain.registers[3].clone();
        chain.seal_with(entry, |l| l.register.truncate(1));
        chain.seal_with(vec![sign(&study(0x50, R1, 0, 5), &[&k.r1])], |l| l.register = whole);
        bytes(&chain.bundle(&[(4, 0)]))
    });
}

fn broken_batches(v: &mut Vectors, k: &Keys, small: &Chain) {
    let b = small.bundle(&[(2, 1)]);
    v.broken("batch", "hours-changed", replaced(&b, "\"hours\":151", "\"hours\":152"));
    v.broken("batch", "name-changed", replaced(&b, "李雷", "李蕾"));
    v.broken("batch", "salt-changed", changed(&b, |b| flip(&mut b["entries"][0]["salt"])));
    v.broken(
        "batch",
        "signature-changed",
        changed(&b, |b| flip(&mut b["entries"][0]["signed"]["signatures"][0]["sig"])),
    );
    v.broken("batch", "path-changed", changed(&b, |b| flip(&mut b["entries"][0]["path"][1])));
    v.broken(
        "batch",
        "path-longer",
        changed(&b, |b| b["entries"][0]["path"].as_array_mut().unwrap().push("0".repeat(64).into())),
    );
    v.broken("batch", "another-index", changed(&b, |b| b["entries"][0]["index"] = 0.into()));
    v.broken("batch", "index-beyond-the-batch", changed(&b, |b| b["entries"][0]["index"] = 3.into()));
    let foreign = with(study(0x40, R1, 0, 5), |e| e["ledger"] = "ledger.example.net/cqo".into());
    v.broken("batch", "entry-of-another-ledger", sealed(small, vec![sign(&foreign, &[&k.r1])], &[]));
    let entry = sign(&study(0x40, R1, 0, 5), &[&k.r1]);
    v.broken("batch", "same-id-twice", sealed(small, vec![entry.clone(), entry.clone()], &[]));
    v.broken("batch", "same-commitment-twice", {
        let mut chain = small.clone();
        let item = Sealed::new(entry, seed("salt"));
        chain.seal_batch(vec![item.clone(), item], |_| ());
        bytes(&chain.bundle(&[(4, 0), (4, 1)]))
    });
    v.broken("batch", "block-says-fewer-entries", {
        let entries = (0..2).map(|i| sign(&study(0x40 + i, R1, 0, 5), &[&k.r1])).collect();
        let mut chain = small.clone();
        chain.seal_with(entries, |l| {
            l.entries = 1;
            l.total -= 1;
        });
        bytes(&chain.bundle(&[(4, 1)]))
    });
}

fn broken_signatures(v: &mut Vectors, k: &Keys, large: &Chain) {
    let stranger = Key::new("stranger");
    let by = |key: &Key, recorder| sign(&study(0x70, recorder, 0, 5), &[key]);
    let spoilt = with(by(&k.r1, R1), |s| flip(&mut s["signatures"][0]["sig"]));
    let malleable = with(by(&k.r1, R1), |s| {
        let sig = hex::decode(s["signatures"][0]["sig"].as_str().unwrap()).unwrap();
        s["signatures"][0]["sig"] = hex::encode(plus_order(&sig)).into();
    });
    let other_alg = with(by(&k.r1, R1), |s| s["signatures"][0]["alg"] = "ML-DSA-44".into());
    let cases: Vec<(&str, Vec<Value>)> = vec![
        ("by-a-stranger", vec![by(&stranger, R1)]),
        ("by-a-retired-key", vec![by(&k.r1b, R1)]),
        ("by-a-revoked-key", vec![by(&k.r2, R2)]),
        ("by-a-key-of-another-owner", vec![by(&k.r1, R2)]),
        ("by-an-authority-of-study", vec![by(&k.authority, AUTHORITY)]),
        ("by-a-receipt-key", vec![by(&k.receipt, AUTHORITY)]),
        ("one-of-two-by-a-stranger", vec![sign(&study(0x70, R1, 0, 5), &[&k.r1, &stranger])]),
        (
            "by-a-key-of-the-same-block",
            vec![sign(&add(0x71, &stranger, "recorder", R1), &[&k.authority]), by(&stranger, R1)],
        ),
        ("of-other-bytes", vec![spoilt]),
        ("malleable-s", vec![malleable]),
        ("of-another-algorithm-than-the-key", vec![other_alg]),
    ];
    for (name, signed) in cases {
        v.broken("signatures", name, sealed(large, signed, &[]));
    }
    let mut chain = large.clone();
    let revoke = with(end(0x70, "revoke", &k.r1, AUTHORITY), |e| e["compromised_from"] = 2.into());
    chain.seal(vec![sign(&revoke, &[&k.authority])]);
    v.broken("signatures", "by-a-key-compromised-by-then", bytes(&chain.bundle(&[(2, 0)])));
    let mut chain = large.clone();
    let again = chain.registers[6][2].clone();
    chain.seal_with(vec![again], |l| drop(l.register.pop()));
    v.broken("signatures", "key-entry-sealed-twice", bytes(&chain.bundle(&[(7, 0)])));
}

/// The signature with the group's order added to S: the same equation, another encoding.
fn plus_order(signature: &[u8]) -> Vec<u8> {
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut carry = 0;
    let s = signature[32..].iter().zip(ORDER).map(|(a, b)| {
        let sum = u16::from(*a) + u16::from(b) + carry;
        carry = sum >> 8;
        sum.to_le_bytes()[0]
    });
    signature[..32].iter().copied().chain(s).collect()
}

type Places = Vec<(usize, usize)>;

fn broken_corrections(v: &mut Vectors, k: &Keys, large: &Chain) {
    let of = |height, index| large.item(height, index);
    let study_target = of(2, 3);
    let other_commitment =
        with(correction(0x70, R1, study_target, None), |e| e["target"]["commitment"] = "a".repeat(64).into());
    let other_learner = with(correction(0x70, R1, study_target, None), |e| e["learner"] = learner(1));
    let second = correction(0x71, R2, of(2, 0), None);
    let cases: Vec<(&str, Value, &Key, Places)> = vec![
        ("by-another-recorder", correction(0x70, R1, of(2, 2), None), &k.r1, vec![(2, 2)]),
        ("another-commitment", other_commitment, &k.r1, vec![(2, 3)]),
        ("another-learner", other_learner, &k.r1, vec![(2, 3)]),
        ("another-kind", by_activity(correction(0x70, R1, study_target, Some(5))), &k.r1, vec![(2, 3)]),
        ("of-an-activity-by-study", correction(0x70, AUTHORITY, of(2, 4), Some(5)), &k.authority, vec![(2, 4)]),
        ("of-a-voiding-correction", correction(0x70, AUTHORITY, of(3, 1), None), &k.authority, vec![(2, 1), (3, 1)]),
        ("of-a-key-entry", correction(0x70, AUTHORITY, of(1, 0), None), &k.authority, vec![(1, 0)]),
    ];
    for (name, entry, key, others) in cases {
        v.broken("corrections", name, sealed(large, vec![sign(&entry, &[key])], &others));
    }
    let mut chain = large.clone();
    chain.seal(vec![sign(&add(0x72, &Key::new("recorder 3"), "recorder", R2), &[&k.authority])]);
    let late = sealed(&chain, vec![sign(&second, &[&Key::new("recorder 3")])], &[(2, 0), (3, 0)]);
    v.broken("corrections", "a-second-one-that-does-not-hold", late);
    v.broken("corrections", "before-its-target", {
        let mut chain = large.clone();
        let target = Sealed::new(sign(&study(0x71, R1, 0, 5), &[&k.r1]), seed("salt"));
        let correction = Sealed::new(sign(&correction(0x70, R1, &target, None), &[&k.r1]), seed("another salt"));
        chain.seal_batch(vec![correction, target], |_| ());
        bytes(&chain.bundle(&[(7, 0), (7, 1)]))
    });
}

fn several_files(v: &mut Vectors, k: &Keys, small: &Chain, large: &Chain) {
    let mut chain = large.clone();
    let entry = sign(&study(0x70, R1, 0, 5), &[&k.r1]);
    chain.seal(vec![entry.clone()]);
    chain.seal(vec![entry]);
    v.good("id-at-7-0.proof.json", "an id", bytes(&chain.bundle(&[(7, 0)])));
    v.good("id-at-8-0.proof.json", "the same id, sealed again", bytes(&chain.bundle(&[(8, 0)])));
    let files = ["good/id-at-7-0.proof.json", "good/id-at-8-0.proof.json"];
    v.case("one id at two positions", &files, 1, Some("corrections"));
    let mut fork = small.clone();
    fork.blocks.pop();
    fork.batches.pop();
    fork.registers.pop();
    fork.seal(vec![sign(&study(0x40, R1, 1, 90), &[&k.r1])]);
    v.good("fork.proof.json", "a second chain, good by itself", bytes(&fork.bundle(&[(3, 0)])));
    v.good("fork.tlog-proof", "its last block", fork.block_proof(3, true));
    v.good("main.tlog-proof", "the first chain's last block", small.block_proof(3, true));
    let pairs = [
        ("two chains in two bundles", ["good/single-entry.proof.json", "good/fork.proof.json"]),
        ("two chains in a bundle and a block proof", ["good/single-entry.proof.json", "good/fork.tlog-proof"]),
        ("two chains in two block proofs", ["good/main.tlog-proof", "good/fork.tlog-proof"]),
    ];
    for (says, files) in pairs {
        v.case(says, &files, 1, Some("one_chain"));
    }
    let files = ["broken/batch-salt-changed.proof.json", "good/single-entry.proof.json"];
    v.case("a file that failed takes no part", &files, 1, Some("batch")).hours(&[("李雷", 151)]);
    let files = ["good/main.tlog-proof", "good/block.tlog-proof"];
    v.case("two blocks of one chain", &files, 0, None);
}

fn broken_block_proofs(v: &mut Vectors, small: &Chain) {
    let good = small.block_proof(2, true);
    let (extra, other) = (base64(small.blocks[2].as_bytes()), base64(small.blocks[3].as_bytes()));
    let cases = [
        ("form", "block-proof-index-leading-zero", good.replace("index 2", "index 02")),
        ("form", "block-proof-without-index", good.replace("index 2\n", "")),
        ("form", "block-proof-index-beyond-2-to-53", good.replace("index 2", "index 9007199254740992")),
        ("form", "block-proof-extra-is-no-base64", good.replace("extra ", "extra =")),
        (
            "form",
            "block-proof-path-of-64",
            good.replace("index 2\n", &format!("index 2\n{}", format!("{}\n", base64(&[0; 32])).repeat(64))),
        ),
        ("form", "block-proof-without-note", good[..good.find("\n\n").unwrap() + 2].to_owned()),
        ("form", "block-proof-extension-line", good.replace("\n\n\u{2014}", "\nextension\n\n\u{2014}")),
        ("form", "block-proof-text-after-the-end", format!("{good}x")),
        ("checkpoint", "block-proof-size-changed", good.replace("\n4\n", "\n5\n")),
        ("chain", "block-proof-another-index", good.replace("index 2", "index 1")),
        ("chain", "block-proof-index-is-the-size", good.replace("index 2", "index 4")),
        ("chain", "block-proof-another-block", good.replace(&extra, &other)),
        ("chain", "block-proof-path-longer", good.replace("index 2\n", &format!("index 2\n{}\n", base64(&[0; 32])))),
    ];
    for (step, name, text) in cases {
        v.broken(step, name, text);
    }
    let mut note = small.clone();
    note.blocks[2] = "no block at all".into();
    v.broken("chain", "block-proof-leaf-is-no-block", note.block_proof(2, true));
    let mut note = small.clone();
    note.blocks[2] = small.blocks[2].replace("total 5", "total 4");
    v.broken("chain", "block-proof-total-too-small", note.block_proof(2, true));
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("proofs/vectors")
}

fn index(vectors: &Vectors) -> Vec<u8> {
    let cases: Vec<Value> = vectors.cases.iter().map(Case::to_value).collect();
    let mut text = serde_json::to_string_pretty(&json!({"cases": cases})).unwrap();
    text.push('\n');
    text.into_bytes()
}

/// Every file under a directory, by its path in it.
fn on_disk(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if entry.file_type().unwrap().is_dir() {
            found.extend(on_disk(&entry.path()).iter().map(|inner| format!("{name}/{inner}")));
        } else {
            found.push(name);
        }
    }
    found
}

#[test]
fn the_files_are_those_made_here() {
    let mut vectors = vectors();
    let list = index(&vectors);
    vectors.put("vectors.json", list);
    let root = directory();
    if std::env::var_os("UPDATE_VECTORS").is_some() {
        for sub in ["good", "broken", "unreadable"] {
            let _ = std::fs::remove_dir_all(root.join(sub));
            std::fs::create_dir_all(root.join(sub)).unwrap();
        }
        for (name, bytes) in &vectors.files {
            std::fs::write(root.join(name), bytes).unwrap();
        }
    }
    for (name, bytes) in &vectors.files {
        let read = std::fs::read(root.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(read == *bytes, "{name} differs; UPDATE_VECTORS=1 rewrites the files");
    }
    let strangers: Vec<String> =
        on_disk(&root).into_iter().filter(|name| name != "README.md" && !vectors.files.contains_key(name)).collect();
    assert!(strangers.is_empty(), "files that nobody makes: {strangers:?}");
}

/// What a verifier says of a case: exit status, every step with its state, the hours, and of each file what the certificate
/// says, and whether it could not be read, in both languages.
#[derive(Debug, Clone, PartialEq)]
struct Verdict {
    exit: u8,
    steps: Vec<(String, String)>,
    learners: Value,
    files: Vec<(Value, bool)>,
}

impl Verdict {
    fn first_failed(&self) -> Option<&str> {
        self.steps.iter().find(|(_, state)| state == "failed").map(|(step, _)| step.as_str())
    }

    /// What a verifier without RDF says where this one finds nothing wrong with the second proofs.
    fn without_rdf(mut self) -> Self {
        for (step, state) in &mut self.steps {
            if step == "proof_rdfc" && state == "passed" {
                *state = "skipped".into();
            }
        }
        self
    }
}

fn by_library(case: &Case) -> Verdict {
    let nothing = |exit| Verdict { exit, steps: Vec::new(), learners: json!([]), files: Vec::new() };
    let read = |name: &str| std::fs::read(directory().join(name)).unwrap();
    let policy = match case.policy.map(|name| TrustPolicy::parse(&read(name))).transpose() {
        Ok(policy) => policy,
        Err(_) => return nothing(2),
    };
    let leaf = case.leaf.map(read);
    let at = case.at.map(|at| at.parse().unwrap());
    let read_all = |names: &[String]| names.iter().map(|name| read(name)).collect::<Vec<_>>();
    let (files, lists) = (read_all(&case.files), read_all(&case.status));
    let status = as_files(&case.status, &lists);
    let now = case.now.unwrap_or(certificates::NOW).parse().unwrap();
    let question = Question { policy: policy.as_ref(), at, leaf: leaf.as_deref(), status: &status, now };
    let found = verify_files(&as_files(&case.files, &files), question);
    verdict(found.exit, &found.to_value())
}

fn as_files<'a>(names: &'a [String], bytes: &'a [Vec<u8>]) -> Vec<File<'a>> {
    names.iter().zip(bytes).map(|(name, bytes)| File { name, bytes: Ok(bytes) }).collect()
}

const DRIVER: &str = r#"
import contextlib, importlib.util, io, json, sys
spec = importlib.util.spec_from_file_location("verify", sys.argv[1])
verify = importlib.util.module_from_spec(spec)
spec.loader.exec_module(verify)
reports = []
for arguments in json.load(sys.stdin):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        status = verify.main(["--json", *arguments])
    reports.append([status, json.loads(out.getvalue())])
json.dump(reports, sys.stdout)
"#;

fn python() -> Command {
    Command::new(std::env::var_os("CQO_PYTHON").unwrap_or_else(|| "python3".into()))
}

/// All cases through proofs/verify.py, in one process.
fn by_script(cases: &[Case]) -> Vec<Verdict> {
    let script = directory().with_file_name("verify.py");
    let path = |name: &str| directory().join(name).display().to_string();
    let arguments: Vec<Vec<String>> = cases
        .iter()
        .map(|case| {
            let mut words: Vec<String> = case.files.iter().map(|name| path(name)).collect();
            let options = [
                ("--policy", case.policy.map(path)),
                ("--leaf", case.leaf.map(path)),
                // Every block stands before the moments that are asked for, so this changes nothing else.
                ("--at", case.at.or(case.now).map(str::to_owned)),
            ];
            let lists = case.status.iter().map(|name| ("--status", Some(path(name))));
            for (option, value) in options.into_iter().chain(lists) {
                words.extend(value.into_iter().flat_map(|value| [option.to_owned(), value]));
            }
            words
        })
        .collect();
    let mut child = python()
        .args(["-c", DRIVER])
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("Python 3 is needed: ./dev test finds or installs it, or name one in CQO_PYTHON");
    child.stdin.take().unwrap().write_all(&serde_json::to_vec(&arguments).unwrap()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "proofs/verify.py did not run: {said}\nIt needs Python 3.9 and the package `cryptography`, which ./dev test installs; \
         or name an interpreter that has it in CQO_PYTHON."
    );
    let reports: Vec<(u8, Value)> = serde_json::from_slice(&output.stdout).unwrap();
    reports.into_iter().map(|(exit, report)| verdict(exit, &report)).collect()
}

fn node() -> Command {
    Command::new("node")
}

/// All cases through proofs/verify.mjs, in one process.
fn by_module(cases: &[Case]) -> Vec<Verdict> {
    let path = |name: &str| directory().join(name).display().to_string();
    let questions: Vec<Value> = cases
        .iter()
        .map(|case| {
            let files: Vec<String> = case.files.iter().map(|name| path(name)).collect();
            let status: Vec<String> = case.status.iter().map(|name| path(name)).collect();
            json!({
                "at": case.at, "files": files, "leaf": case.leaf.map(path), "now": case.now,
                "policy": case.policy.map(path), "status": status,
            })
        })
        .collect();
    let mut child = node()
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/vectors.mjs"))
        .arg(directory().with_file_name("verify.mjs"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("Node 20 is needed: ./dev test finds or installs it");
    child.stdin.take().unwrap().write_all(&serde_json::to_vec(&questions).unwrap()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "proofs/verify.mjs did not run: {}", String::from_utf8_lossy(&output.stderr));
    let reports: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    reports.iter().map(|report| verdict(u8::try_from(report["exit"].as_u64().unwrap()).unwrap(), report)).collect()
}

fn verdict(exit: u8, report: &Value) -> Verdict {
    let files = report["files"].as_array().unwrap().iter();
    let steps = files.chain([&report["joint"]]).flat_map(|part| part["steps"].as_array().unwrap());
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    Verdict {
        exit,
        steps: steps.map(|step| (word(&step["step"]), word(&step["state"]))).collect(),
        learners: report["joint"]["learners"].clone(),
        files: report["files"].as_array().unwrap().iter().map(about_file).collect(),
    }
}

/// The member `certificate` of a file's report, and whether the file is unreadable.
fn about_file(file: &Value) -> (Value, bool) {
    let words = ["error", "error_zh"].map(|name| file[name].as_str().unwrap_or_default());
    let is_unreadable = file["kind"].is_null();
    assert!(words.iter().all(|word| word.is_empty() != is_unreadable), "{file}");
    assert!(words[0].is_ascii() && words[1].is_ascii() == words[1].is_empty(), "{file}");
    (file["certificate"].clone(), is_unreadable)
}

#[test]
fn the_library_says_what_the_list_says() {
    let cases = vectors().cases;
    let mut wrong = Vec::new();
    for case in &cases {
        let library = by_library(case);
        let hours =
            case.hours.as_ref().map(|hours| hours.iter().map(|(name, hours)| json!([name, hours])).collect::<Value>());
        let found: Value =
            library.learners.as_array().unwrap().iter().map(|l| json!([l["name"], l["hours"]])).collect();
        let listed = library.exit == case.exit
            && library.first_failed() == case.failed
            && hours.is_none_or(|hours| hours == found);
        if !listed {
            wrong.push(format!(
                "{} {:?}\n  listed {:?}\n  {library:?}",
                case.says,
                case.files,
                (case.exit, case.failed)
            ));
        }
    }
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    let broken = |is: fn(&Case) -> bool| cases.iter().filter(|case| case.exit == 1 && is(case)).count();
    assert!(broken(|case| case.now.is_none()) > 40 && broken(|case| case.now.is_some()) > 60);
}

#[test]
fn all_verifiers_say_the_same() {
    let cases = vectors().cases;
    let mut wrong = Vec::new();
    for ((case, script), module) in cases.iter().zip(by_script(&cases)).zip(by_module(&cases)) {
        let library = by_library(case);
        let same = |other: &Verdict| match case.failed_without_rdf {
            Some(failed) => other.exit == library.exit && other.first_failed() == Some(failed),
            None => *other == library.clone().without_rdf(),
        };
        if !same(&script) || !same(&module) {
            wrong.push(format!(
                "{} {:?}\n  library {library:?}\n  script  {script:?}\n  module  {module:?}",
                case.says, case.files
            ));
        }
    }
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[test]
fn the_scripts_end_with_the_status_that_they_print() {
    let file = directory().join("good/block.tlog-proof");
    let policy = directory().join("policy.txt");
    for (arguments, expected) in [(vec![], 3), (vec!["--policy".as_ref(), policy.as_os_str()], 0)] {
        for (mut program, script) in [(python(), "verify.py"), (node(), "verify.mjs")] {
            let output = program.arg(directory().with_file_name(script)).args(&arguments).arg(&file).output().unwrap();
            assert_eq!(output.status.code(), Some(expected), "{script}: {}", String::from_utf8_lossy(&output.stdout));
        }
    }
}

/// Numbers that look random and are the same in every run (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % end as u64).unwrap()
    }
}

fn mutated(good: &[u8], dice: &mut Dice) -> Vec<u8> {
    let at = dice.below(good.len());
    mutated_at(good, at, dice)
}

fn mutated_at(good: &[u8], at: usize, dice: &mut Dice) -> Vec<u8> {
    const POOL: &[u8] = b"0123456789abcdefABCDEFz\"\\{}[]:,- \n+/=\x00\x7f\xc3\xff";
    let byte = POOL[dice.below(POOL.len())];
    let mut bytes = good.to_vec();
    match dice.below(16) {
        0 => bytes.truncate(at),
        1..=4 => drop(bytes.remove(at)),
        5..=8 => bytes.insert(at, byte),
        9..=10 => {
            let other = dice.below(good.len());
            bytes.swap(at, other);
        }
        11..=12 => bytes[at] ^= 1 << dice.below(8),
        _ => bytes[at] = byte,
    }
    bytes
}

#[test]
fn no_single_change_goes_unseen() {
    let policy = TrustPolicy::parse(&std::fs::read(directory().join("policy.txt")).unwrap()).unwrap();
    let question = LedgerQuestion { policy: Some(&policy), ..LedgerQuestion::default() };
    let good = std::fs::read(directory().join("good/single-entry.proof.json")).unwrap();
    let mut dice = Dice(0x5eed);
    let mut changed = 0;
    while changed < campaign(3_000, 100_000) {
        let bytes = mutated(&good, &mut dice);
        if bytes == good {
            continue;
        }
        changed += 1;
        let Some(kind) = FileKind::recognise(&bytes) else { continue };
        let report = verify_file(kind, &bytes, question);
        let is_failed = report.steps.iter().any(|step| step.state == State::Failed);
        assert!(is_failed, "a change went unseen: {}", String::from_utf8_lossy(&bytes));
    }
}

/// A certificate or its list with one byte changed never ends as the good one does, and what is left of a certificate says
/// no more than the good one.
#[test]
fn no_single_change_of_a_certificate_or_its_list_goes_unseen() {
    let read = |name: &str| std::fs::read(directory().join(name)).unwrap();
    let policy = TrustPolicy::parse(&read("policy.txt")).unwrap();
    let good = [read("good/certificate.json"), read("good/status.json")];
    let bundle = read("good/certificate.proof.json");
    let mut dice = Dice(0xce27);
    let mut changes = 0;
    while changes < campaign(600, 40_000) {
        let at = changes % 2;
        let mut files = good.clone();
        files[at] = mutated(&good[at], &mut dice);
        if files == good {
            continue;
        }
        changes += 1;
        let status = [File { name: "list", bytes: Ok(&files[1]) }];
        let now = certificates::NOW.parse().unwrap();
        let question = Question { policy: Some(&policy), at: None, leaf: None, status: &status, now };
        let shown = [File { name: "certificate", bytes: Ok(&files[0]) }, File { name: "bundle", bytes: Ok(&bundle) }];
        let exit = verify_files(&shown, question).exit;
        assert!([1, 2].contains(&exit), "{exit}, a change went unseen: {}", String::from_utf8_lossy(&files[at]));
    }
}

/// Who reads that a step failed is told where, what should be there, and what is.
#[test]
fn a_failed_step_names_the_field() {
    let words = [
        ("broken/evidence-wrong-total", "credentialSubject.result[0].value: expected 3.50, found 3.60"),
        ("broken/evidence-wrong-activities", "credentialSubject.result[1].value: expected 1, found 2"),
        (
            "broken/evidence-hours-of-a-row",
            "evidence[0].narrative: expected 1.50 学时；上链时间 2026-11-22T08:02:00.123Z",
        ),
        ("broken/evidence-row-dropped", "evidence: entry 2-3 of the bundle counts and is not there"),
        ("broken/evidence-superseded-entry-counted", "evidence[1]: entry 2-1 is none of those that count"),
        (
            "broken/evidence-entry-of-a-namesake",
            "entry 2-5 is another learner's: credentialSubject.id: expected urn:uuid:",
        ),
        ("broken/evidence-name-of-the-learner", "credentialSubject.name: expected 李雷, found 李蕾"),
        (
            "broken/evidence-span-ends-too-early",
            "credentialSubject.activityEndDate: entry 2-3 is of 2026-09-15, outside",
        ),
        ("broken/issuer-of-another-name", "issuer.name: expected 某某市质量协会, found 某某省质量协会"),
        ("broken/issued-after-it-was-sealed", "validFrom: issued at 2026-11-22T08:04:00.124Z, after"),
        ("broken/form-certificate-unknown-term-inside", "evidence[0].hours is not a known field"),
    ];
    for (name, expected) in words {
        let bytes =
            [".json", ".proof.json"].map(|end| std::fs::read(directory().join(format!("{name}{end}"))).unwrap());
        let files = [("a", &bytes[0]), ("b", &bytes[1])].map(|(name, bytes)| File { name, bytes: Ok(bytes) });
        let policy = TrustPolicy::parse(&std::fs::read(directory().join("policy.txt")).unwrap()).unwrap();
        let now = certificates::NOW.parse().unwrap();
        let question = Question { policy: Some(&policy), at: None, leaf: None, status: &[], now };
        let verdict = verify_files(&files, question);
        let failed = verdict.files[0].steps.iter().find(|step| step.state == State::Failed).unwrap();
        assert!(failed.detail.en.contains(expected), "{name}: {}", failed.detail);
    }
}

/// Changes one place somewhere in a JSON value, which keeps its canonical form for the checks behind `form`.
fn change_inside(value: &mut Value, dice: &mut Dice) {
    match value {
        Value::Object(members) if !members.is_empty() && dice.below(40) > 0 => {
            let at = dice.below(members.len());
            change_inside(members.values_mut().nth(at).unwrap(), dice);
        }
        Value::Array(items) if !items.is_empty() && dice.below(12) > 0 => {
            let at = dice.below(items.len());
            change_inside(&mut items[at], dice);
        }
        Value::Object(members) => {
            let name = members.keys().nth(dice.below(members.len().max(1))).cloned().unwrap_or_default();
            members.remove(&name);
        }
        Value::Array(items) => match (dice.below(3), items.len()) {
            (0, 1..) => drop(items.pop()),
            (1, 2..) => items.swap(0, 1),
            (_, 1..) => items.push(items[0].clone()),
            (_, 0) => items.push("0".repeat(64).into()),
        },
        Value::String(text) => {
            const WORDS: [&str; 6] = ["other", "void", "authority", "recorder", "2026-03-01", "ML-DSA-44"];
            let chars: Vec<char> = text.chars().collect();
            let (at, new) = (dice.below(chars.len().max(1)), ['0', '1', 'a', ' ', '9', '\u{301}'][dice.below(6)]);
            *text = match dice.below(4) {
                0 => WORDS[dice.below(WORDS.len())].into(),
                1 => chars.iter().enumerate().filter(|(i, _)| *i != at).map(|(_, c)| c).collect(),
                _ => chars.iter().enumerate().map(|(i, c)| if i == at { new } else { *c }).collect(),
            };
        }
        Value::Number(number) => *value = (number.as_u64().unwrap_or(0) ^ (1 << dice.below(5))).into(),
        Value::Bool(flag) => *value = (!*flag).into(),
        Value::Null => *value = 0.into(),
    }
}

#[test]
fn all_verifiers_judge_damaged_files_alike() {
    let scratch = tempfile::tempdir().unwrap();
    let mut dice = Dice(0xd1ce);
    let mut cases = Vec::new();
    for (name, count) in [("single-entry.proof.json", 250), ("many-entries.proof.json", 250), ("block.tlog-proof", 100)]
    {
        let good = std::fs::read(directory().join("good").join(name)).unwrap();
        for number in 0..count {
            let value = serde_json::from_slice::<Value>(&good).ok().filter(|_| number % 5 > 0);
            let bytes = match value {
                Some(mut value) => {
                    change_inside(&mut value, &mut dice);
                    bytes(&value)
                }
                None => mutated(&good, &mut dice),
            };
            let file = scratch.path().join(format!("{number}-{name}"));
            std::fs::write(&file, bytes).unwrap();
            let mut vectors = Vectors::default();
            vectors.case(name, &[file.to_str().unwrap()], 0, None);
            cases.append(&mut vectors.cases);
        }
    }
    judged_alike(&cases, |case| &case.files[0]);
}

/// That all verifiers say the same of the damaged file of each case.
fn judged_alike(cases: &[Case], damaged: impl Fn(&Case) -> &str) {
    let mut wrong = Vec::new();
    for ((case, script), module) in cases.iter().zip(by_script(cases)).zip(by_module(cases)) {
        let library = by_library(case).without_rdf();
        // A bad second proof is seen by its hash, too: the digest on the chain is another one.
        let same = |other: &Verdict| match library.first_failed() {
            Some("proof_rdfc") => {
                // A list has none there: who knows no RDF goes by its first proof.
                let told = other.exit == library.exit && ["issued", "issuer"].map(Some).contains(&other.first_failed());
                let of_a_list = case.says.starts_with("status");
                told || (of_a_list && [0, 3].contains(&other.exit) && other.first_failed().is_none())
            }
            _ => *other == library,
        };
        if !same(&script) || !same(&module) {
            let damaged = String::from_utf8_lossy(&std::fs::read(damaged(case)).unwrap()).into_owned();
            let damaged: String = damaged.chars().take(6_000).collect();
            let says = &case.says;
            wrong.push(format!("{says}\n{damaged}\n  library {library:?}\n  script  {script:?}\n  module  {module:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {} files:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

/// Certificates, lists and PDFs with one place changed: in the JSON value, in the bytes, of PDFs mostly outside the data of
/// the streams.
#[test]
fn all_verifiers_judge_damaged_certificates_alike() {
    let scratch = tempfile::tempdir().unwrap();
    let mut dice = Dice(0xbad5eed);
    let mut vectors = Vectors::default();
    for (name, count) in [("certificate.json", 200), ("status.json", 120), ("certificate.pdf", 120)] {
        let good = std::fs::read(directory().join("good").join(name)).unwrap();
        let places = outside_streams(&good);
        for number in 0..count {
            let value = serde_json::from_slice::<Value>(&good).ok().filter(|_| number % 5 > 0);
            let bytes = match value {
                Some(mut value) => {
                    match value.pointer_mut("/credentialSubject/encodedList") {
                        Some(list) if number % 2 == 0 => change_gzip(list, &mut dice),
                        _ => change_inside(&mut value, &mut dice),
                    }
                    bytes(&value)
                }
                None if number % 5 > 0 => mutated_at(&good, places[dice.below(places.len())], &mut dice),
                None => mutated(&good, &mut dice),
            };
            let file = scratch.path().join(format!("{number}-{name}"));
            std::fs::write(&file, bytes).unwrap();
            let file = file.to_str().unwrap();
            let (certificate, bundle, list) =
                ("good/certificate.json", "good/certificate.proof.json", "good/status.json");
            // Most alone: what a change does to the form is seen there, and bundles take their time.
            let (files, lists) = match (name, number % 4) {
                ("status.json", 0) => (vec![certificate, bundle], vec![file]),
                ("certificate.json", 0) => (vec![file, bundle], vec![list]),
                ("certificate.pdf", 0) => (vec![file, "good/certificate.pdf.proof.json"], vec![list]),
                _ => (vec![file], Vec::new()),
            };
            vectors.case(name, &files, 0, None).status(&lists).now(certificates::NOW);
        }
    }
    judged_alike(&vectors.cases, |case| {
        case.files.iter().chain(&case.status).find(|name| Path::new(name).is_absolute()).unwrap()
    });
}

/// Changes one place of the gzip in a status list.
fn change_gzip(list: &mut Value, dice: &mut Dice) {
    let gzip = URL_SAFE_NO_PAD.decode(&list.as_str().unwrap()[1..]).unwrap();
    *list = format!("u{}", URL_SAFE_NO_PAD.encode(mutated(&gzip, dice))).into();
}

/// The places of a PDF that are not in the data of a stream.
fn outside_streams(pdf: &[u8]) -> Vec<usize> {
    let (begin, end) = (b"\nstream\n", b"\nendstream");
    let mut is_data = false;
    (0..pdf.len())
        .filter(|&at| {
            is_data = (is_data || pdf[..at].ends_with(begin)) && !pdf[at..].starts_with(end);
            !is_data
        })
        .collect()
}

fn by_hand(bundle: &Path) -> std::process::Output {
    let script = directory().with_file_name("by-hand.sh");
    Command::new("sh").arg(script).arg(bundle).arg(directory().join("policy.txt")).output().unwrap()
}

/// A page can hold the module inside a script element as it stands.
#[test]
fn the_module_never_ends_a_script_element() {
    let module = std::fs::read_to_string(directory().with_file_name("verify.mjs")).unwrap();
    assert!(!module.to_ascii_lowercase().contains("</script"));
    assert!(!module.contains("<!--"));
}

/// The values that FORMATS.md section 12 shows are those that the script prints, and no change passes it.
#[test]
fn a_stranger_can_redo_the_worked_example() {
    let bundle = directory().join("good/single-entry.proof.json");
    let output = by_hand(&bundle);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let page = std::fs::read_to_string(directory().with_file_name("FORMATS.md")).unwrap();
    assert!(page.contains(said.trim_end()), "FORMATS.md section 12 should show:\n{said}");
    let text = std::fs::read_to_string(&bundle).unwrap();
    let copy = tempfile::NamedTempFile::new().unwrap();
    for (from, to) in [
        ("\"hours\":151", "\"hours\":152"),
        ("\"salt\":\"dc", "\"salt\":\"dd"),
        ("\"sig\":\"f658", "\"sig\":\"f659"),
        ("\"index\":1", "\"index\":0"),
        ("root ef2f", "root ef2e"),
        ("\\n4\\nbu9O", "\\n4\\nbv9O"),
        ("Q0bhBaeL", "Q0bhBaeM"),
        ("\"path\":[\"4db2", "\"path\":[\"4db3"),
        ("\"role\":\"recorder\"", "\"role\":\"receipt\""),
    ] {
        assert!(text.contains(from), "{from}");
        std::fs::write(copy.path(), text.replacen(from, to, 1)).unwrap();
        assert!(!by_hand(copy.path()).status.success(), "{from} -> {to} went unseen");
    }
}
