//! Backup and restore as an operator does them: while the service runs, after it died, and when something is wrong.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use super::erasure::data_keys;
use super::portal::Visitor;
use super::server::{Ledger, ORIGIN, Provider, array, run, stderr, stdout, text};

/// Backs up data and keys, and returns what was printed and the copy of the keys.
pub(crate) fn back_up(ledger: &Ledger) -> (String, PathBuf) {
    let (to, keys) = (ledger.path("backup"), ledger.path("safe"));
    let data = ledger.data();
    let made = run(&["backup", "--data", text(&data), "--to", text(&to), "--keys-to", text(&keys)]);
    assert!(made.status.success(), "{}{}", stdout(&made), stderr(&made));
    let copies = std::fs::read_dir(keys).unwrap().map(|copy| copy.unwrap().path());
    (stdout(&made), copies.max().unwrap())
}

/// The old data directory is gone, and a backup is restored in its place.
pub(crate) fn restore(ledger: &mut Ledger, keys: &Path, more: &[&str]) -> std::process::Output {
    ledger.kill();
    let lost = ledger.path("lost");
    if ledger.data().exists() {
        drop(std::fs::remove_dir_all(&lost));
        std::fs::rename(ledger.data(), &lost).unwrap();
    }
    let (from, data) = (ledger.path("backup"), ledger.data());
    let args = ["restore", "--from", text(&from), "--keys", text(keys), "--data", text(&data)];
    run(&[&args, more].concat())
}

fn seal(ledger: &Ledger, provider: &Provider, count: usize) -> Vec<String> {
    let entries = provider.signed(count);
    let answer = ledger.post_as(&provider.token, "/api/v1/entries?wait=sealed", &array(&entries));
    assert_eq!(answer.json()["sealed"], true, "{}", answer.text());
    entries.iter().map(|entry| entry.entry().id.to_string()).collect()
}

fn audit(ledger: &Ledger, policy: &Path) {
    let mirror = ledger.path("mirror");
    let audited = run(&["audit", ledger.url(), "--mirror", text(&mirror), "--policy", text(policy)]);
    assert!(audited.status.success(), "{}{}", stdout(&audited), stderr(&audited));
}

fn resume(ledger: &Ledger, checkpoint: &Path) -> std::process::Output {
    let data = ledger.data();
    run(&["restore", "--resume", "--data", text(&data), "--latest-checkpoint", text(checkpoint)])
}

/// It answers and takes nothing in.
fn assert_read_only(ledger: &Ledger, provider: &Provider) {
    let submitted = ledger.post_as(&provider.token, "/api/v1/entries", &array(&provider.signed(1)));
    for answer in [submitted, ledger.get("/readyz")] {
        assert_eq!(answer.status, 503, "{}", answer.text());
        assert_eq!(answer.json()["type"], "urn:cqo-ledger:problem:read-only");
        assert_eq!(answer.json()["title"], "只读：恢复后尚未确认最新检查点");
    }
    let learner = format!(r#"{{"id":"{}","name":"李四"}}"#, provider.learner);
    assert_eq!(ledger.post_as(&provider.token, "/api/v1/learners", learner.as_bytes()).status, 503);
    assert_eq!(ledger.get("/healthz").status, 200);
}

#[test]
fn a_ledger_that_died_under_load_comes_back_whole() {
    let mut ledger = Ledger::start();
    let provider = ledger.provider(2);
    let mut ids = seal(&ledger, &provider, 3);
    let policy = ledger.policy();
    let (acknowledged, stop) = (Mutex::new(Vec::new()), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                let entries = provider.signed(20);
                let answer = ledger.post_as(&provider.token, "/api/v1/entries", &array(&entries));
                assert_eq!(answer.status, 200, "{}", answer.text());
                acknowledged.lock().unwrap().extend(entries.iter().map(|entry| entry.entry().id.to_string()));
            }
        });
        let grown = |to: usize| {
            while acknowledged.lock().unwrap().len() < to {
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
        };
        for round in 1..=3 {
            grown(round * 100);
            back_up(&ledger);
            let checked = run(&["backup", "--check", text(&ledger.path("backup"))]);
            assert!(checked.status.success(), "{}", stderr(&checked));
        }
        stop.store(true, Ordering::Relaxed);
    });
    ids.extend(acknowledged.into_inner().unwrap());
    ids.extend(seal(&ledger, &provider, 1));
    audit(&ledger, &policy);
    let (said, keys) = back_up(&ledger);
    assert!(said.contains("30 天"), "{said}");
    let checkpoint = ledger.get("/checkpoint").body;

    let restored = restore(&mut ledger, &keys, &[]);
    assert!(restored.status.success(), "{}", stderr(&restored));
    assert!(stdout(&restored).contains("只读"), "{}", stdout(&restored));
    ledger.serve();
    assert_read_only(&ledger, &provider);
    assert_eq!(ledger.get("/checkpoint").body, checkpoint, "the same chain under the same signature");
    let proof = ledger.get_as(&provider.token, &format!("/api/v1/entries/{}/proof", ids[0]));
    let bundle = ledger.write("entry.proof.json", proof.body);
    let verified = run(&["verify", "--policy", text(&policy), text(&bundle)]);
    assert_eq!(verified.status.code(), Some(3), "{}", stdout(&verified));
    ledger.kill();

    let resumed = resume(&ledger, &ledger.path("mirror/checkpoint"));
    assert!(resumed.status.success(), "{}", stderr(&resumed));
    ledger.serve();
    assert_eq!(ledger.get("/readyz").status, 200);
    seal(&ledger, &provider, 2);
    for id in &ids {
        assert_eq!(ledger.get_as(&provider.token, &format!("/api/v1/entries/{id}")).status, 200, "{id}");
    }
    audit(&ledger, &policy);
    // And it is backed up in the same place as before.
    let (said, _) = back_up(&ledger);
    assert!(!said.contains("已有 already there 0 "), "{said}");
}

#[test]
fn a_backup_older_than_what_was_signed_stays_read_only() {
    let mut ledger = Ledger::start();
    let provider = ledger.provider(2);
    let older = ledger.write("older", ledger.get("/checkpoint").body);
    let ids = seal(&ledger, &provider, 2);
    let proof = ledger.get_as(&provider.token, &format!("/api/v1/entries/{}/proof", ids[0])).body;
    let proof = ledger.write("before.proof.json", proof);
    let (_, keys) = back_up(&ledger);
    let later = seal(&ledger, &provider, 1);
    seal(&ledger, &provider, 1);
    let newest = ledger.write("newest", ledger.get("/checkpoint").body);
    let later = ledger.get_as(&provider.token, &format!("/api/v1/entries/{}/proof", later[0])).body;
    let later = ledger.write("later.proof.json", later);
    let foreign = Ledger::start();
    let foreign = ledger.write("foreign", foreign.get("/checkpoint").body);

    let restored = restore(&mut ledger, &keys, &["--latest-checkpoint", text(&newest)]);
    assert_eq!(restored.status.code(), Some(1), "{}", stdout(&restored));
    assert!(stderr(&restored).contains("缺少 2 个区块"), "{}", stderr(&restored));
    for (file, words) in [(&newest, "缺少 2 个区块"), (&later, "缺少 2 个区块"), (&foreign, "不是本账本签署的检查点")]
    {
        let refused = resume(&ledger, file);
        assert_eq!(refused.status.code(), Some(1));
        assert!(stderr(&refused).contains(words), "{}", stderr(&refused));
    }
    let misused = resume(&ledger, &ledger.write("no-note", "not a checkpoint"));
    assert_eq!(misused.status.code(), Some(2));
    ledger.serve();
    assert_read_only(&ledger, &provider);
    let running = resume(&ledger, &proof);
    assert!(!running.status.success() && stderr(&running).contains("in use"), "{}", stderr(&running));
    ledger.kill();

    // A checkpoint that says nothing of the last blocks is not enough.
    let refused = resume(&ledger, &older);
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr(&refused).contains("--accept-older"), "{}", stderr(&refused));
    // What this proof shows is the whole of this chain.
    let resumed = resume(&ledger, &proof);
    assert!(resumed.status.success(), "{}", stderr(&resumed));
    assert!(stderr(&resume(&ledger, &proof)).contains("并非只读"));
    ledger.serve();
    seal(&ledger, &provider, 1);
}

#[test]
fn a_damaged_backup_and_keys_that_do_not_fit_are_refused() {
    let mut ledger = Ledger::start();
    let first = ledger.provider(2);
    seal(&ledger, &first, 2);
    let (_, old_keys) = back_up(&ledger);
    let second = ledger.provider(3);
    seal(&ledger, &second, 2);
    let (_, keys) = back_up(&ledger);
    let other = Ledger::start();
    let (_, foreign_keys) = back_up(&other);

    let refused = |ledger: &mut Ledger, keys: &Path, words: &str| {
        let answer = restore(ledger, keys, &[]);
        assert_eq!(answer.status.code(), Some(1), "{}", stdout(&answer));
        assert!(stderr(&answer).contains(words), "{}", stderr(&answer));
        let served = run(&["serve", "--listen", "127.0.0.1:0", "--data", text(&ledger.data())]);
        assert_eq!(served.status.code(), Some(2), "{}", stderr(&served));
    };
    let files = std::fs::read_dir(ledger.path("backup/files")).unwrap().map(|file| file.unwrap().path());
    for path in files.collect::<Vec<_>>() {
        let whole = std::fs::read(&path).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        let mut damaged = whole.clone();
        damaged[whole.len() / 2] ^= 0x10;
        std::fs::write(&path, damaged).unwrap();
        refused(&mut ledger, &keys, name);
        std::fs::remove_file(&path).unwrap();
        refused(&mut ledger, &keys, name);
        std::fs::write(&path, whole).unwrap();
    }
    refused(&mut ledger, &old_keys, "密钥备份与备份不符");
    refused(&mut ledger, &old_keys, "--erased");
    refused(&mut ledger, &foreign_keys, "checkpoint key");
    std::fs::remove_dir_all(ledger.data()).unwrap();
    let restored = restore(&mut ledger, &keys, &[]);
    assert!(restored.status.success(), "{}", stderr(&restored));
    let data = ledger.data();
    let (from, twice) = (ledger.path("backup"), text(&data));
    let again = run(&["restore", "--from", text(&from), "--keys", text(&keys), "--data", twice]);
    assert_eq!(again.status.code(), Some(2), "{}", stderr(&again));
}

#[test]
fn keys_do_not_go_where_the_data_goes() {
    let ledger = Ledger::start();
    let (data, to) = (ledger.data(), ledger.path("backup"));
    for keys in [to.join("keys"), data.join("keys-copy"), to.clone()] {
        let refused = run(&["backup", "--data", text(&data), "--to", text(&to), "--keys-to", text(&keys)]);
        assert_eq!(refused.status.code(), Some(2), "{}", stderr(&refused));
    }
    assert!(!to.exists());
    let (_, copy) = back_up(&ledger);
    for name in ["master", "data-keys", "checkpoint.key", "receipt.key", "authority.key", "operator.token"] {
        let secret = std::fs::read(data.join("keys").join(name)).unwrap();
        assert_eq!(std::fs::read(copy.join(name)).unwrap(), secret, "{name}");
        for file in std::fs::read_dir(to.join("files")).unwrap() {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            assert!(!bytes.windows(32).any(|window| secret.ends_with(window)), "{name} is in the backup");
        }
    }
    let old = ledger.path("safe/keys-2026-01-01T00-00-00.000Z");
    std::fs::create_dir(&old).unwrap();
    let (said, _) = back_up(&ledger);
    assert!(!old.exists() && copy.exists() && said.contains("ended 1 copies"), "{said}");
}

#[test]
fn a_new_ledger_takes_the_registry_over_and_the_old_chain_stays() {
    let mut ledger = Ledger::start();
    let provider = ledger.provider(2);
    let old = seal(&ledger, &provider, 1);
    let (_, keys) = back_up(&ledger);
    let same = restore(&mut ledger, &keys, &["--new-origin", ORIGIN]);
    assert!(!same.status.success() && stderr(&same).contains("another name"), "{}", stderr(&same));
    std::fs::remove_dir_all(ledger.data()).unwrap();
    let founded = restore(&mut ledger, &keys, &["--new-origin", "ledger.example.org/second"]);
    assert!(founded.status.success(), "{}", stderr(&founded));

    ledger.serve();
    assert!(ledger.get("/checkpoint").text().starts_with("ledger.example.org/second\n2\n"));
    assert_eq!(ledger.get_as(&provider.token, &format!("/api/v1/entries/{}", old[0])).status, 404);
    let learner = ledger.get_as(&provider.token, &format!("/api/v1/learners/{}", provider.learner));
    assert_eq!(learner.json()["name"], provider.name.as_str(), "{}", learner.text());
    let learners = ledger.get_as(&provider.token, &format!("/api/v1/learners?provider={}", provider.code));
    assert!(learners.text().contains(&provider.learner.to_string()), "{}", learners.text());
    // The provider's own key is registered on the new chain, and everything goes on.
    let (data, code) = (ledger.data(), provider.code.to_string());
    let public = hex::encode(provider.key.verifying_key().as_bytes());
    let owner = ["--owner-code", &code, "--owner-name", "培训机构2"];
    let key = ["--public", &public, "--role", "recorder", "--kinds", "study,activity,correction"];
    let added = run(&[&["key", "--data", text(&data), "add"], key.as_slice(), owner.as_slice()].concat());
    assert!(added.status.success(), "{}{}", stdout(&added), stderr(&added));
    let mut entry = provider.study();
    entry.ledger = "ledger.example.org/second".parse().unwrap();
    let entry = provider.sign(entry);
    assert_eq!(ledger.post_as(&provider.token, "/api/v1/entries?wait=sealed", entry.bytes()).status, 201);
    ledger.kill();

    let before = data.join("before");
    std::fs::rename(&data, ledger.path("second")).unwrap();
    std::fs::rename(ledger.path("second/before"), &data).unwrap();
    assert!(!before.exists());
    ledger.serve();
    assert_read_only(&ledger, &provider);
    assert_eq!(ledger.get_as(&provider.token, &format!("/api/v1/entries/{}", old[0])).status, 200);
}

/// What no block brings, since no entry is pending: an ended token and an erasure are in the backup that is made right after.
#[test]
fn what_was_done_right_before_a_backup_is_in_it() {
    let mut ledger = Ledger::start();
    let (provider, other) = (ledger.provider(2), ledger.provider(3));
    let ids = seal(&ledger, &provider, 1);
    let (data, learner) = (ledger.data(), provider.learner.to_string());
    // Its public part: `cqo_<id>_<secret>`.
    let token = other.token.rsplit('_').nth(1).unwrap();
    let ended = ledger.request("DELETE", &format!("/api/v1/tokens/{token}"), Some(&ledger.operator_token()), None);
    assert_eq!(ended.status, 204, "{}", ended.text());
    let erased = run(&["learner", "--data", text(&data), "erase", &learner, "--yes"]);
    assert!(erased.status.success(), "{}", stderr(&erased));
    let (_, keys) = back_up(&ledger);

    let restored = restore(&mut ledger, &keys, &[]);
    assert!(restored.status.success(), "{}", stderr(&restored));
    ledger.serve();
    assert_eq!(ledger.get_as(&other.token, &format!("/api/v1/learners/{}", other.learner)).status, 401);
    for path in [format!("/api/v1/learners/{learner}"), format!("/api/v1/entries/{}", ids[0])] {
        assert_eq!(ledger.get_as(&provider.token, &path).status, 410, "{path}");
    }
}

#[test]
fn who_was_erased_after_the_backup_stays_erased() {
    let mut ledger = Ledger::start();
    let provider = ledger.provider(2);
    let ids = seal(&ledger, &provider, 1);
    let (_, keys) = back_up(&ledger);
    let (data, learner) = (ledger.data(), provider.learner.to_string());
    let erased = run(&["learner", "--data", text(&data), "erase", &learner, "--yes"]);
    assert!(erased.status.success(), "{}", stderr(&erased));
    let list = run(&["learner", "--data", text(&data), "erased"]);
    let list = ledger.write("erased.json", list.stdout);
    let bad = ledger.write("bad.json", "nonsense");
    let refused = restore(&mut ledger, &keys, &["--erased", text(&bad)]);
    assert_eq!(refused.status.code(), Some(2), "{}", stderr(&refused));
    assert!(!data.exists());
    let restored = restore(&mut ledger, &keys, &["--erased", text(&list)]);
    assert!(restored.status.success(), "{}", stderr(&restored));
    ledger.serve();
    let id = &ids[0];
    for path in [format!("/api/v1/learners/{learner}"), format!("/api/v1/entries/{id}")] {
        assert_eq!(ledger.get_as(&provider.token, &path).status, 410, "{path}");
    }
}

/// Complaints and accounts come along as learners do: what was erased after the backup is not brought back to life by it.
#[test]
fn a_complaint_and_an_account_that_were_erased_after_the_backup_stay_erased() {
    const TEXT: &str = "九月的课程没有按计划进行。";
    let mut ledger = crate::portal::start();
    let provider = crate::portal::organisations(&ledger);
    let mut account = crate::portal::account("learner", &provider.name);
    account["learners"] = serde_json::json!([provider.learner]);
    drop(Visitor::joined(&ledger, "cqo@example.org", &account));
    let [gone, kept] = [0; 2].map(|_| complaint(&ledger, TEXT));
    let (_, keys) = back_up(&ledger);

    let erased = ledger.request("DELETE", &format!("/api/v1/cases/{}", gone.0), Some(&ledger.operator_token()), None);
    assert_eq!(erased.status, 200, "{}", erased.text());
    let (data, learner) = (ledger.data(), provider.learner.to_string());
    let account = accounts(&ledger)[0]["id"].as_str().unwrap().to_owned();
    let erased = run(&["learner", "--data", text(&data), "erase", &learner, "--yes"]);
    assert!(erased.status.success(), "{}", stderr(&erased));
    assert_eq!(accounts(&ledger), [serde_json::Value::Null; 0], "it was nothing else than the learner's");
    let listed = erasures(&ledger);
    let named: Vec<&str> =
        listed.iter().zip(["learner", "account", "case"]).map(|(line, name)| line[name].as_str().unwrap()).collect();
    assert_eq!((named, listed.len()), (vec![&*learner, &*account, &*gone.0], 3));
    let list = ledger.write("erased.json", serde_json::to_vec(&listed).unwrap());

    // Without the list all of it is back, and with a part of the list the others are.
    let restored = restore(&mut ledger, &keys, &[]);
    assert!(restored.status.success(), "{}", stderr(&restored));
    ledger.serve();
    assert!(read(&ledger, &gone).contains(TEXT) && accounts(&ledger).len() == 1);
    let before: BTreeSet<_> = data_keys(&data).into_iter().map(|(id, _)| id).collect();
    let part = ledger.write("part.json", serde_json::to_vec(&listed[1..2]).unwrap());
    let restored = restore(&mut ledger, &keys, &["--erased", text(&part)]);
    assert!(restored.status.success(), "{}", stderr(&restored));
    ledger.serve();
    assert_eq!((accounts(&ledger).len(), erasures(&ledger)), (0, listed[1..2].to_vec()));
    assert_eq!(ledger.get_as(&provider.token, &format!("/api/v1/learners/{learner}")).status, 200);

    for again in 0..2 {
        let restored = restore(&mut ledger, &keys, &["--erased", text(&list)]);
        assert!(restored.status.success(), "{}", stderr(&restored));
        assert!(stdout(&restored).contains("erased since the backup: 3"), "{}", stdout(&restored));
        // Gone before anything serves it: learner, account and complaint have no key any more.
        let after: BTreeSet<_> = data_keys(&data).into_iter().map(|(id, _)| id).collect();
        let lost: Vec<_> = before.difference(&after).map(ToString::to_string).collect();
        assert!(lost.len() == 3 && lost.contains(&learner) && lost.contains(&account), "{lost:?}");
        ledger.serve();
        let page = read(&ledger, &gone);
        assert!(!page.contains(TEXT) && page.contains("已按要求永久删除"), "{again}: {page}");
        assert!(read(&ledger, &kept).contains(TEXT));
        assert_eq!((accounts(&ledger).len(), erasures(&ledger)), (0, listed.clone()));
    }
    // The keys of today beside the backup of then: they lack what was erased since.
    let today = ledger.path("today");
    std::fs::rename(data.join("keys"), &today).unwrap();
    let refused = restore(&mut ledger, &today, &[]);
    assert!(!refused.status.success() && stderr(&refused).contains("--erased"), "{}", stderr(&refused));
    let restored = restore(&mut ledger, &today, &["--erased", text(&list)]);
    assert!(restored.status.success(), "{}", stderr(&restored));
}

/// Files a complaint; its number and its code.
fn complaint(ledger: &Ledger, text: &str) -> (String, String) {
    let page = Visitor::new(ledger).post("/complaints", &[("subject", "provider"), ("text", text)]).text();
    let mut shown = page.split("<dd><code>").skip(1).map(|rest| rest.split('<').next().unwrap().to_owned());
    (shown.next().unwrap(), shown.next().unwrap())
}

/// What its complainant is shown of a complaint.
fn read(ledger: &Ledger, (number, code): &(String, String)) -> String {
    let shown = Visitor::new(ledger).post("/complaints/state", &[("number", number), ("code", code)]);
    assert_eq!(shown.status, 200, "{}", shown.text());
    shown.text()
}

fn accounts(ledger: &Ledger) -> Vec<serde_json::Value> {
    ledger.get_as(&ledger.operator_token(), "/api/v1/accounts").json().as_array().unwrap().clone()
}

fn erasures(ledger: &Ledger) -> Vec<serde_json::Value> {
    let listed = run(&["learner", "--data", text(&ledger.data()), "erased"]);
    serde_json::from_slice(&listed.stdout).unwrap()
}
