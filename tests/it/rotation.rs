//! Keys of every role are replaced, and a stolen one is revoked, as operators do it; other people's programs judge the result.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use cqo_ledger::ledger::keys::{Alg, KeyId};
use cqo_ledger::service::keyfile;
use ed25519_dalek::SigningKey;
use serde_json::{Value, json};

use super::interop::gocheck;
use super::server::{Ledger, Provider, array, credit_code, run, stderr, stdout, text};

/// A bundle of what the chain shows about an entry ends with this at best: corrections are in no bundle.
const PASSED: Option<i32> = Some(3);
const FAILED: Option<i32> = Some(1);

fn rotate(ledger: &Ledger, role: &str, more: &[&str]) -> Output {
    let data = ledger.data();
    run(&[&["key", "rotate", "--role", role, "--data", text(&data)], more].concat())
}

#[track_caller]
fn rotated(ledger: &Ledger, role: &str, more: &[&str]) {
    let output = rotate(ledger, role, more);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
}

fn seal(ledger: &Ledger, provider: &Provider) -> String {
    let entries = provider.signed(1);
    let answer = ledger.post_as(&provider.token, "/api/v1/entries?wait=sealed", &array(&entries));
    assert_eq!(answer.json()["sealed"], true, "{}", answer.text());
    entries[0].entry().id.to_string()
}

fn bundle(ledger: &Ledger, provider: &Provider, id: &str) -> PathBuf {
    let answer = ledger.get_as(&provider.token, &format!("/api/v1/entries/{id}/proof"));
    assert_eq!(answer.status, 200, "{}", answer.text());
    ledger.write(&format!("{id}.proof.json"), answer.body)
}

/// Both verifiers must come to the same result.
#[track_caller]
fn assert_verifies(bundle: &Path, policy: &Path, status: Option<i32>) {
    let args = ["--policy", text(policy), text(bundle)];
    let ours = run(&[&["verify"], args.as_slice()].concat());
    assert_eq!(ours.status.code(), status, "{}{}", stdout(&ours), stderr(&ours));
    let python = std::env::var("CQO_PYTHON").unwrap_or_else(|_| "python3".into());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("proofs/verify.py");
    let theirs = Command::new(python).arg(script).args(args).output().unwrap();
    assert_eq!(theirs.status.code(), status, "{}{}", stdout(&theirs), stderr(&theirs));
}

#[track_caller]
fn assert_audits(ledger: &Ledger, policy: &Path, status: i32) {
    let mirror = ledger.path("mirror");
    let audited = run(&["audit", ledger.url(), "--mirror", text(&mirror), "--policy", text(policy)]);
    assert_eq!(audited.status.code(), Some(status), "{}{}", stdout(&audited), stderr(&audited));
}

/// The state of a key in the register of the last block: its entries, by action.
fn actions(ledger: &Ledger, key: &SigningKey) -> Vec<String> {
    let size: u64 = ledger.get("/checkpoint").text().lines().nth(1).unwrap().parse().unwrap();
    let register = ledger.get(&format!("/keys/{}", size - 1)).json();
    let (id, public) = (id_of(key), hex::encode(key.verifying_key().as_bytes()));
    let about = |entry: &Value| entry["key"]["public"] == public.as_str() || entry["target"] == id.as_str();
    let entries = register.as_array().unwrap().iter().map(|signed| &signed["entry"]);
    entries.filter(|entry| about(entry)).map(|entry| entry["action"].as_str().unwrap().to_owned()).collect()
}

fn id_of(key: &SigningKey) -> String {
    KeyId::of(&Alg::Ed25519, key.verifying_key().as_bytes()).to_string()
}

fn key_file(ledger: &Ledger, name: &str) -> PathBuf {
    ledger.data().join("keys").join(name)
}

fn signatures(ledger: &Ledger) -> usize {
    ledger.get("/checkpoint").text().lines().filter(|line| line.starts_with('—')).count()
}

#[test]
fn the_checkpoint_key_changes_under_the_eyes_of_those_who_trust_either() {
    let mut ledger = Ledger::start();
    let provider = ledger.provider(2);
    let before = seal(&ledger, &provider);
    let old_policy = ledger.write("old-policy.txt", ledger.get("/policy").body);
    let kept = bundle(&ledger, &provider, &before);
    assert_audits(&ledger, &old_policy, 0);
    let running = rotate(&ledger, "checkpoint", &[]);
    assert!(!running.status.success() && stderr(&running).contains("in use"), "{}", stderr(&running));
    ledger.kill();
    assert_eq!(rotate(&ledger, "checkpoint", &["--finish"]).status.code(), Some(2));

    // A crash right after the new key was made: nothing names it, and the service goes on as before.
    let [current, next] = ["checkpoint.key", "checkpoint-next.key"].map(|name| key_file(&ledger, name));
    keyfile::write(&next, &keyfile::generate().unwrap()).unwrap();
    let (old_key, next_key) = (keyfile::read(&current).unwrap(), keyfile::read(&next).unwrap());
    ledger.serve();
    assert_eq!(signatures(&ledger), 1);
    ledger.kill();
    assert_eq!(rotate(&ledger, "checkpoint", &["--finish"]).status.code(), Some(2));

    for _ in 0..2 {
        rotated(&ledger, "checkpoint", &[]);
        assert_eq!(keyfile::read(&next).unwrap().to_bytes(), next_key.to_bytes(), "the same rotation goes on");
    }
    ledger.serve();
    let during = seal(&ledger, &provider);
    assert_eq!(signatures(&ledger), 2);
    let both_policy = ledger.write("both-policy.txt", ledger.get("/policy").body);
    let lines: Vec<String> = ledger.get("/policy").text().lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), 3, "two logs and a quorum: {lines:?}");
    let new_policy = ledger.write("new-policy.txt", lines[1..].join("\n") + "\n");
    let overlapping = bundle(&ledger, &provider, &during);
    let program = gocheck(&ledger.path(""));
    for policy in [&old_policy, &both_policy, &new_policy] {
        assert_verifies(&overlapping, policy, PASSED);
        let checked = Command::new(&program).args([ledger.url(), text(policy)]).output().unwrap();
        assert!(checked.status.success(), "{}", stderr(&checked));
        assert_audits(&ledger, policy, 0);
    }
    // One of the two signatures is broken: who knows that key refuses, who does not know it does not care.
    let broken = std::fs::read_to_string(&overlapping).unwrap();
    let second = broken.rfind("\\u2014").or_else(|| broken.rfind('—')).unwrap();
    let at =
        broken[second..].find("==").map(|at| second + at).or_else(|| broken[second..].find('=').map(|at| second + at));
    let at = at.unwrap() - 4;
    let swapped = if &broken[at..=at] == "A" { "B" } else { "A" };
    let broken = ledger.write("broken.proof.json", format!("{}{swapped}{}", &broken[..at], &broken[at + 1..]));
    assert_verifies(&broken, &old_policy, PASSED);
    assert_verifies(&broken, &both_policy, FAILED);
    assert_verifies(&broken, &new_policy, FAILED);

    // A file of the overlap is lost: nothing is signed with half of what was promised.
    ledger.kill();
    let aside = ledger.path("aside.key");
    std::fs::rename(&next, &aside).unwrap();
    let refused = run(&["serve", "--listen", "127.0.0.1:0", "--data", text(&ledger.data())]);
    assert!(stderr(&refused).contains("no file holds the checkpoint key"), "{}", stderr(&refused));
    assert!(stderr(&rotate(&ledger, "checkpoint", &["--finish"])).contains("密钥备份"));
    assert!(stderr(&rotate(&ledger, "checkpoint", &[])).contains("密钥备份"));
    std::fs::rename(&aside, &next).unwrap();

    rotated(&ledger, "checkpoint", &["--finish"]);
    assert!(!next.exists());
    assert_eq!(keyfile::read(&current).unwrap().to_bytes(), next_key.to_bytes());
    // What a crash before the last rename leaves: the new key under its first name, and the old one still there.
    std::fs::rename(&current, &next).unwrap();
    keyfile::write(&current, &old_key).unwrap();
    ledger.serve();
    let after = seal(&ledger, &provider);
    assert_eq!(signatures(&ledger), 1);
    assert_eq!(ledger.get("/policy").text().lines().count(), 2);
    let latest = bundle(&ledger, &provider, &after);
    for (policy, status) in [(&old_policy, FAILED), (&both_policy, PASSED), (&new_policy, PASSED)] {
        assert_verifies(&latest, policy, status);
    }
    assert_audits(&ledger, &old_policy, 1);
    assert_audits(&ledger, &new_policy, 0);
    assert_verifies(&kept, &old_policy, PASSED);
    ledger.kill();
    rotated(&ledger, "checkpoint", &["--finish"]);
    assert!(!next.exists());
    assert_eq!(rotate(&ledger, "checkpoint", &["--finish"]).status.code(), Some(2));
    // The old key does not come back.
    keyfile::write(&next, &old_key).unwrap();
    assert!(stderr(&rotate(&ledger, "checkpoint", &[])).contains("before"));
}

#[test]
fn a_new_receipt_key_takes_over() {
    let mut ledger = Ledger::start();
    let provider = ledger.provider(2);
    let [current, next] = ["receipt.key", "receipt-next.key"].map(|name| key_file(&ledger, name));
    let receipt_key = |ledger: &Ledger| {
        let answer = ledger.post_as(&provider.token, "/api/v1/entries", &array(&provider.signed(1)));
        answer.json()["receipts"][0]["receipt"]["key"].as_str().unwrap().to_owned()
    };
    let old = keyfile::read(&current).unwrap();
    assert_eq!(receipt_key(&ledger), id_of(&old));
    assert!(!rotate(&ledger, "receipt", &[]).status.success(), "while it runs");
    ledger.kill();
    rotated(&ledger, "receipt", &[]);
    let new = keyfile::read(&current).unwrap();
    assert!(!next.exists() && new.to_bytes() != old.to_bytes());
    // What a crash before the last step leaves.
    std::fs::rename(&current, &next).unwrap();
    keyfile::write(&current, &old).unwrap();
    ledger.serve();
    assert_eq!(receipt_key(&ledger), id_of(&new));
    assert_eq!(
        (actions(&ledger, &old), actions(&ledger, &new)),
        (vec!["add".into(), "retire".into()], vec!["add".into()])
    );
    ledger.kill();
    rotated(&ledger, "receipt", &[]);
    assert_eq!(keyfile::read(&current).unwrap().to_bytes(), new.to_bytes(), "the same rotation came to its end");
    ledger.serve();
    assert_eq!(receipt_key(&ledger), id_of(&new));
}

#[test]
fn a_new_authority_takes_over() {
    let ledger = Ledger::start();
    let path = key_file(&ledger, "authority.key");
    let old = keyfile::read(&path).unwrap();
    let kept = ledger.path("kept.key");
    keyfile::write(&kept, &old).unwrap();
    rotated(&ledger, "authority", &[]);
    let new = keyfile::read(&path).unwrap();
    assert_eq!(
        (actions(&ledger, &old), actions(&ledger, &new)),
        (vec!["add".into(), "retire".into()], vec!["add".into()])
    );
    // The new one registers keys; the old one does not.
    let provider = ledger.provider(2);
    seal(&ledger, &provider);
    let data = ledger.data();
    let target = id_of(&provider.key);
    let refused = run(&["key", "--data", text(&data), "--authority-key", text(&kept), "retire", &target]);
    assert_eq!(refused.status.code(), Some(1), "{}", stdout(&refused));
    assert!(format!("{}{}", stdout(&refused), stderr(&refused)).contains("密钥已停用"));
    // An authority that is kept elsewhere.
    let away = ledger.path("away.key");
    keyfile::write(&away, &new).unwrap();
    std::fs::remove_file(&path).unwrap();
    rotated(&ledger, "authority", &["--authority-key", text(&away)]);
    assert_ne!(keyfile::read(&away).unwrap().to_bytes(), new.to_bytes());
    assert!(!path.exists());
}

#[test]
fn recorders_and_issuers_get_new_keys() {
    let ledger = Ledger::start();
    let mut provider = ledger.provider(2);
    let before = seal(&ledger, &provider);
    let policy = ledger.policy();
    let new = keyfile::generate().unwrap();
    let (target, public) = (id_of(&provider.key), hex::encode(new.verifying_key().as_bytes()));
    let wrong = rotate(&ledger, "issuer", &["--target", &target, "--public", &public]);
    assert_eq!(wrong.status.code(), Some(2), "{}", stderr(&wrong));
    for _ in 0..2 {
        rotated(&ledger, "recorder", &["--target", &target, "--public", &public]);
    }
    let stale = provider.signed(1);
    let answer = ledger.post_as(&provider.token, "/api/v1/entries", stale[0].bytes());
    assert_eq!(answer.status, 422, "{}", answer.text());
    assert_eq!(answer.json()["errors"][0]["field"], "signatures");
    assert_eq!(actions(&ledger, &provider.key), ["add", "retire"]);
    provider.key = new;
    let after = seal(&ledger, &provider);
    for id in [before, after] {
        assert_verifies(&bundle(&ledger, &provider, &id), &policy, PASSED);
    }

    let keys = [keyfile::generate().unwrap(), keyfile::generate().unwrap()];
    let publics = keys.each_ref().map(|key| hex::encode(key.verifying_key().as_bytes()));
    let (data, code) = (ledger.data(), credit_code(1).to_string());
    let added = run(&[
        "key",
        "--data",
        text(&data),
        "add",
        "--public",
        &publics[0],
        "--role",
        "issuer",
        "--kinds",
        "certificate,status",
        "--owner-code",
        &code,
        "--owner-name",
        "合肥质量认定中心",
    ]);
    assert!(added.status.success(), "{}{}", stdout(&added), stderr(&added));
    // An organisation that took another name meanwhile gets its next key under that name.
    let renamed =
        ["org", "--data", text(&data), "put", "--code", &code, "--name", "合肥认定中心", "--role", "certifying_body"];
    assert!(run(&renamed).status.success());
    rotated(&ledger, "issuer", &["--target", &id_of(&keys[0]), "--public", &publics[1]]);
    assert_eq!((actions(&ledger, &keys[0]).len(), actions(&ledger, &keys[1]).len()), (2, 1));
}

#[test]
fn the_certifying_body_gets_a_new_recorder_key() {
    let mut ledger = Ledger::start();
    let [current, next] = ["recorder.key", "recorder-next.key"].map(|name| key_file(&ledger, name));
    let first = keyfile::read(&current).unwrap();
    assert_eq!(actions(&ledger, &first), ["add"], "the founding registers it");
    assert!(!rotate(&ledger, "recorder", &[]).status.success(), "while it runs");
    ledger.kill();
    rotated(&ledger, "recorder", &[]);
    let second = keyfile::read(&current).unwrap();
    assert!(!next.exists() && second.to_bytes() != first.to_bytes());
    // A ledger that was founded before there was such a key.
    std::fs::remove_file(&current).unwrap();
    rotated(&ledger, "recorder", &[]);
    let third = keyfile::read(&current).unwrap();
    ledger.serve();
    assert_eq!(actions(&ledger, &first), ["add", "retire"]);
    assert_eq!((actions(&ledger, &second), actions(&ledger, &third)), (vec!["add".into()], vec!["add".into()]));
    let size: u64 = ledger.get("/checkpoint").text().lines().nth(1).unwrap().parse().unwrap();
    let register = ledger.get(&format!("/keys/{}", size - 1)).json();
    let added = register.as_array().unwrap().iter().map(|signed| &signed["entry"]);
    let mut added = added.filter(|entry| entry["key"]["public"] == hex::encode(third.verifying_key().as_bytes()));
    let entry = added.next().unwrap();
    assert_eq!(entry["owner"]["code"], entry["recorder"], "it is the ledger's owner's");
    assert_eq!(entry["role"], "recorder");
    assert_eq!(entry["kinds"], json!(["activity", "correction", "study"]));
}

#[test]
fn the_operator_gets_a_new_token() {
    let mut ledger = Ledger::start();
    let old = ledger.operator_token();
    assert!(!rotate(&ledger, "operator", &[]).status.success(), "while it runs");
    ledger.kill();
    rotated(&ledger, "operator", &[]);
    ledger.serve();
    let new = ledger.operator_token();
    assert_ne!(old, new);
    assert_eq!(ledger.get_as(&old, "/api/v1/organisations").status, 401);
    assert_eq!(ledger.get_as(&new, "/api/v1/organisations").status, 200);
}

#[test]
fn what_a_thief_signed_falls_and_what_was_signed_before_stands() {
    let ledger = Ledger::start();
    let provider = ledger.provider(2);
    let honest = seal(&ledger, &provider);
    let stolen_from: u64 = ledger.get("/checkpoint").text().lines().nth(1).unwrap().parse().unwrap();
    let thief = seal(&ledger, &provider);
    let policy = ledger.policy();
    for id in [&honest, &thief] {
        assert_verifies(&bundle(&ledger, &provider, id), &policy, PASSED);
    }
    let revoke = |from: u64| {
        let (data, target, from) = (ledger.data(), id_of(&provider.key), from.to_string());
        run(&["key", "--data", text(&data), "revoke", &target, "--compromised-from", &from])
    };
    // The revocation itself goes into the next block at the earliest, and a height above it would let everything stand.
    let next = stolen_from + 1;
    let refused = revoke(next + 1);
    let said = format!("{}{}", stdout(&refused), stderr(&refused));
    assert!(!refused.status.success() && said.contains("entry.compromised_from"), "{said}");
    assert!(said.contains(&format!("应在 0 到 {next} 之间")), "{said}");
    assert!(revoke(stolen_from).status.success());
    assert_verifies(&bundle(&ledger, &provider, &honest), &policy, PASSED);
    assert_verifies(&bundle(&ledger, &provider, &thief), &policy, FAILED);
    let together =
        ledger.post_as(&provider.token, "/api/v1/proofs", json!({"entries": [honest, thief]}).to_string().as_bytes());
    assert_verifies(&ledger.write("together.proof.json", together.body), &policy, FAILED);
    let refused = ledger.post_as(&provider.token, "/api/v1/entries", provider.signed(1)[0].bytes());
    assert_eq!(refused.status, 422, "{}", refused.text());
    assert_audits(&ledger, &policy, 0);
}
