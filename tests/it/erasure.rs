//! Erasing a learner, from outside: what a thief of the whole data directory finds afterwards, and what stays.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use cqo_ledger::ledger::entry::LearnerId;
use cqo_ledger::ledger::signed::SignedEntry;
use cqo_ledger::store::{Embedded, Options, Store, Table, WithTail};
use hkdf::Hkdf;
use serde_json::{Value, json};
use sha2::Sha256;
use uuid::Uuid;

use crate::server::{Ledger, Provider, array, campaign, run, stderr, stdout, text};

/// The name of whoever is erased: it stands nowhere else.
const NAME: &str = "欧阳青岚";
/// An erasure among a thousand keys takes from a third of this to all of it.
const LONGEST_WAIT_US: u32 = 150_000;
const FAST: [&str; 4] = ["--seal-interval-ms", "20", "--rate-per-second", "0"];

#[test]
fn whoever_has_all_files_finds_nothing_of_an_erased_learner() {
    let mut ledger = Ledger::start_logging(&FAST, Some("debug"));
    let stays = ledger.provider(2);
    let gone = person(&ledger, &stays);
    let (kept, lost) = (stays.signed(2), gone.signed(3));
    for entries in [&kept, &lost] {
        let sealed = ledger.post_as(&stays.token, "/api/v1/entries?wait=sealed", &array(entries));
        assert_eq!(sealed.json()["sealed"], json!(true), "{}", sealed.text());
    }
    let before = Before::collect(&ledger, &stays, &lost);
    let bundles = [&kept[0], &lost[0]].map(|entry| bundle(&ledger, &stays, entry));
    assert!(audit(&ledger).status.success());
    let keys = ledger.data().join("keys");
    let old = ["master", "data-keys"].map(|name| (keys.join(name), std::fs::read(keys.join(name)).unwrap()));

    let erased = erase(&ledger, &[gone.learner]);
    assert!(erased.contains(&gone.learner.to_string()), "{erased}");
    assert_erased(&ledger, &stays, &gone, &lost[0]);
    ledger.kill();
    before.assert_nowhere(&ledger);
    let open = open_with_all_keys(&ledger.data());
    assert_eq!(kept.iter().filter(|entry| opened(&open, entry)).count(), kept.len(), "others can be read");
    assert_eq!(lost.iter().filter(|entry| opened(&open, entry)).count(), 0);
    assert!(!open.values().any(|plain| contains(plain, NAME.as_bytes())));

    // This thief is no fool: with the old pair of key files, had it been left behind, everything is open again.
    for (path, bytes) in &old {
        std::fs::write(path.with_extension("old"), bytes).unwrap();
    }
    let open = open_with_all_keys(&ledger.data());
    assert_eq!(lost.iter().filter(|entry| opened(&open, entry)).count(), lost.len());
    for (path, _) in &old {
        std::fs::remove_file(path.with_extension("old")).unwrap();
    }

    ledger.serve();
    assert_erased(&ledger, &stays, &gone, &lost[0]);
    let audited = audit(&ledger);
    assert!(audited.status.success(), "{}", stdout(&audited));
    for path in &bundles {
        // 3: nothing failed; a bare bundle has no list for the last step.
        let verified = run(&["verify", "--policy", text(&ledger.policy()), text(path)]);
        assert_eq!(verified.status.code(), Some(3), "{}", stdout(&verified));
    }
    bundle(&ledger, &stays, &kept[1]);
    ledger.kill();
    before.assert_nowhere(&ledger);
}

#[test]
fn the_command_line_asks_before_it_erases_and_lists_what_remains() {
    let ledger = Ledger::start();
    let provider = ledger.provider(2);
    let (data, id) = (ledger.data(), provider.learner.to_string());
    let command = |args: &[&str], typed: &str| {
        let mut child = Command::new(crate::server::PROGRAM)
            .args(["learner", "--data", text(&data)])
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), typed.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    };
    for typed in ["", "\n", "yes\n"] {
        let asked = command(&["erase", &id], typed);
        assert_eq!(asked.status.code(), Some(2), "{}", stdout(&asked));
        assert!(stdout(&asked).contains("不可撤销") && stdout(&asked).contains(&id));
    }
    assert_eq!(serde_json::from_slice::<Value>(&command(&["erased"], "").stdout).unwrap(), json!([]));
    assert_eq!(ledger.get_as(&provider.token, &format!("/api/v1/learners/{id}")).status, 200);
    let erased = command(&["erase", &id], "删除\n");
    assert!(erased.status.success(), "{}", stderr(&erased));
    let stranger = command(&["erase", "--yes", &id, &Uuid::now_v7().to_string()], "");
    assert_eq!(stranger.status.code(), Some(1));
    assert!(stderr(&stranger).contains("learners[1]"), "{}", stderr(&stranger));
    let listed: Value = serde_json::from_slice(&command(&["erased"], "").stdout).unwrap();
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]["learner"]), (1, &json!(id)));
    assert!(cqo_ledger::service::erasure::parse_tombstones(listed.to_string().as_bytes()).is_ok());
}

/// Killed at any moment of an erasure, the ledger is as before or erased after the restart; what was answered stays so.
#[test]
fn a_kill_in_the_middle_of_erasing_leaves_either_all_or_nothing() {
    let mut ledger = Ledger::start_with(&FAST);
    let provider = ledger.provider(2);
    // Many keys, so that there is a middle.
    let others: Vec<Value> = (0..1_000).map(|_| json!({"id": Uuid::now_v7(), "name": "李娜"})).collect();
    let others = Value::Array(others).to_string();
    assert_eq!(ledger.post_as(&provider.token, "/api/v1/learners", others.as_bytes()).status, 200);
    let (mut answered, mut finished) = (0, 0);
    for round in 0..campaign(6, 60) {
        let person = person(&ledger, &provider);
        let entry = person.signed(1).remove(0);
        assert_eq!(ledger.post_as(&provider.token, "/api/v1/entries", entry.bytes()).status, 201);
        let pid = ledger.pid().to_string();
        let wait = Duration::from_micros(u64::from(getrandom::u32().unwrap() % LONGEST_WAIT_US));
        let killer = std::thread::spawn(move || {
            std::thread::sleep(wait);
            assert!(Command::new("kill").args(["-9", &pid]).status().unwrap().success());
        });
        let acknowledged = erase_if_it_lives(&ledger, person.learner);
        killer.join().unwrap();
        ledger.kill();
        ledger.serve();
        let read = ledger.get_as(&provider.token, &format!("/api/v1/entries/{}", entry.entry().id)).status;
        assert!(read == 410 || (read == 200 && !acknowledged), "round {round}, {wait:?}: {acknowledged} {read}");
        let has_key = data_keys(&ledger.data()).iter().any(|(id, _)| *id == person.learner.uuid());
        assert_eq!(has_key, read == 200, "round {round}, {wait:?}");
        let mut names: Vec<_> = std::fs::read_dir(ledger.data().join("keys")).unwrap().collect();
        names.retain(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|extension| extension == "new"));
        assert!(names.is_empty(), "round {round}: {names:?}");
        answered += usize::from(acknowledged);
        finished += usize::from(read == 410);
    }
    println!("{answered} answered, {finished} erased");
}

/// Whether the erasure was answered with success before the service was killed.
fn erase_if_it_lives(ledger: &Ledger, learner: LearnerId) -> bool {
    let body = json!({"learners": [learner]}).to_string();
    let request = ureq::post(format!("{}/api/v1/erasures", ledger.url()))
        .header("authorization", format!("Bearer {}", ledger.operator_token()))
        .content_type("application/json");
    request.send(body).is_ok_and(|answer| answer.status().as_u16() == 200)
}

/// Registers another learner of this provider.
fn person(ledger: &Ledger, provider: &Provider) -> Provider {
    let learner = LearnerId::try_from(Uuid::now_v7()).unwrap();
    let employers = json!([{"name": "青岚精密制造", "from": "2020-01-01"}]);
    let body = json!({"id": learner, "name": NAME, "employers": employers}).to_string();
    assert_eq!(ledger.post_as(&provider.token, "/api/v1/learners", body.as_bytes()).status, 200);
    let (code, key, token) = (provider.code.clone(), provider.key.clone(), provider.token.clone());
    Provider { code, key, token, learner, name: NAME.into() }
}

fn erase(ledger: &Ledger, learners: &[LearnerId]) -> String {
    let ids: Vec<String> = learners.iter().map(ToString::to_string).collect();
    let mut args = vec!["learner", "--data"];
    let data = ledger.data();
    args.extend([text(&data), "erase", "--yes"]);
    args.extend(ids.iter().map(String::as_str));
    let erased = run(&args);
    assert!(erased.status.success(), "{}", stderr(&erased));
    stdout(&erased)
}

fn assert_erased(ledger: &Ledger, provider: &Provider, gone: &Provider, entry: &SignedEntry) {
    let id = entry.entry().id;
    let asked = [
        ledger.get_as(&provider.token, &format!("/api/v1/entries/{id}")),
        ledger.get_as(&provider.token, &format!("/api/v1/entries/{id}/proof")),
        ledger.post_as(&provider.token, "/api/v1/proofs", json!({"entries": [id]}).to_string().as_bytes()),
        ledger.get_as(&provider.token, &format!("/api/v1/learners/{}", gone.learner)),
    ];
    for answer in asked {
        assert_eq!(answer.status, 410, "{}", answer.text());
        assert_eq!(answer.json()["type"], "urn:cqo-ledger:problem:erased");
        assert_eq!(answer.json()["title"], "已删除");
    }
    for path in [format!("/api/v1/entries/{id}"), format!("/api/v1/entries/{id}/proof")] {
        assert_eq!(ledger.get(&path).status, 404);
    }
    let again = ledger.post_as(&provider.token, "/api/v1/entries", entry.bytes());
    assert_eq!((again.status, &again.json()["errors"][0]["message"]), (422, &json!("学员已删除")), "{}", again.text());
    let listed = ledger.get_as(&provider.token, "/api/v1/learners").text();
    assert!(!listed.contains(&gone.learner.to_string()) && listed.contains(&provider.learner.to_string()));
}

fn bundle(ledger: &Ledger, provider: &Provider, entry: &SignedEntry) -> PathBuf {
    let id = entry.entry().id;
    let answer = ledger.get_as(&provider.token, &format!("/api/v1/entries/{id}/proof"));
    assert_eq!(answer.status, 200, "{}", answer.text());
    ledger.write(&format!("{id}.proof.json"), answer.body)
}

/// Audits against one mirror, again and again.
fn audit(ledger: &Ledger) -> std::process::Output {
    let (mirror, policy) = (ledger.path("mirror"), ledger.policy());
    run(&["audit", ledger.url(), "--mirror", text(&mirror), "--policy", text(&policy)])
}

/// What must not be found of a person afterwards, by what it is.
struct Before(Vec<(&'static str, Vec<u8>)>);

impl Before {
    fn collect(ledger: &Ledger, provider: &Provider, entries: &[SignedEntry]) -> Self {
        let learner = entries[0].entry().learner().unwrap().id;
        let keys = data_keys(&ledger.data());
        let (_, key) = keys.iter().find(|(id, _)| *id == learner.uuid()).unwrap();
        let (prk, hkdf) = Hkdf::<Sha256>::extract(None, key);
        let derived = |info: &[u8]| {
            let mut out = [0; 32];
            hkdf.expand(info, &mut out).unwrap();
            out.to_vec()
        };
        let mut secrets = vec![
            ("name", NAME.as_bytes().to_vec()),
            ("name in escapes", NAME.encode_utf16().flat_map(|unit| format!("\\u{unit:04x}").into_bytes()).collect()),
            ("employer", "青岚精密制造".into()),
            ("data key", key.to_vec()),
            ("what it is expanded from", prk.to_vec()),
            ("payload key", derived(b"cqo-ledger/payload/v1\n")),
        ];
        for entry in entries {
            let id = entry.entry().id;
            let view = ledger.get_as(&provider.token, &format!("/api/v1/entries/{id}")).json();
            let salt = hex::decode(view["salt"].as_str().unwrap()).unwrap();
            assert_eq!(salt, derived(format!("cqo-ledger/salt/v1\n{id}").as_bytes()), "this is the key");
            secrets.push(("salt", salt));
            secrets.push(("payload", entry.bytes().to_vec()));
            secrets.push(("signature", entry.signatures()[0].bytes.clone()));
        }
        Self(secrets)
    }

    /// Searches every file of the data directory, and the log, for all of it in every writing.
    fn assert_nowhere(&self, ledger: &Ledger) {
        let mut files = files_under(&ledger.data());
        files.push((ledger.path("log"), ledger.log().into_bytes()));
        assert!(files.len() > 8, "{files:?}");
        for (path, bytes) in &files {
            for (what, secret) in &self.0 {
                for writing in writings(secret) {
                    assert!(!contains(bytes, &writing), "{what} in {}", path.display());
                }
            }
        }
        // It would be found: the other learner's provider stands there in the open.
        let code = crate::server::credit_code(2);
        for writing in writings(code.as_str().as_bytes()).iter().take(1) {
            assert!(files.iter().any(|(_, bytes)| contains(bytes, writing)));
        }
    }
}

/// Raw, in hexadecimal, and in base64 at each of its three alignments.
fn writings(secret: &[u8]) -> Vec<Vec<u8>> {
    let mut all = vec![secret.to_vec(), hex::encode(secret).into_bytes(), hex::encode_upper(secret).into_bytes()];
    for shift in 0..3 {
        let shifted = [&vec![0; shift], secret].concat();
        for engine in [&STANDARD, &URL_SAFE] {
            let text = engine.encode(&shifted);
            // Without the characters that what stands before and behind would change.
            let (from, to) = ([0, 2, 3][shift], shifted.len() * 8 / 6);
            all.push(text.as_bytes()[from..to].to_vec());
        }
    }
    all
}

#[test]
fn a_secret_is_found_in_every_writing() {
    let secret = b"\xFF\xFE a data key \xFB";
    for before in [&b""[..], b"a", b"bc", b"def"] {
        let all = [before, secret, b"behind"].concat();
        let texts = [all.clone(), hex::encode(&all).into(), STANDARD.encode(&all).into(), URL_SAFE.encode(&all).into()];
        for text in texts {
            assert!(writings(secret).iter().any(|writing| contains(&text, writing)));
        }
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    let Some((first, rest)) = part.split_first() else { return true };
    let starts = bytes.iter().enumerate().filter(|(_, byte)| *byte == first);
    starts.into_iter().any(|(at, _)| bytes[at + 1..].starts_with(rest))
}

fn files_under(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files.extend(files_under(&path)),
            false => files.push((path.clone(), std::fs::read(path).unwrap())),
        }
    }
    files
}

/// Every data key that any key file opens to with any master key lying about: read by their format, not by the program.
pub(crate) fn data_keys(data: &Path) -> Vec<(Uuid, [u8; 32])> {
    let files = files_under(&data.join("keys"));
    let masters: Vec<[u8; 32]> = files
        .iter()
        .filter_map(|(_, bytes)| hex::decode(std::str::from_utf8(bytes).ok()?.trim_end()).ok()?.try_into().ok())
        .collect();
    let mut keys = Vec::new();
    for (_, bytes) in &files {
        let Some(rest) = bytes.strip_prefix(b"cqo-ledger/data-keys/v2\n") else { continue };
        for record in rest[32..].as_chunks::<88>().0 {
            let aad = [b"cqo-ledger/data-key/v1\n", &record[..16]].concat();
            keys.extend(masters.iter().filter_map(|master| {
                let key = decrypt(master, &record[16..], &aad)?.try_into().ok()?;
                Some((Uuid::from_slice(&record[..16]).unwrap(), key))
            }));
        }
    }
    assert!(!keys.is_empty());
    keys
}

fn decrypt(key: &[u8; 32], sealed: &[u8], aad: &[u8]) -> Option<Vec<u8>> {
    let (nonce, msg) = sealed.split_first_chunk::<24>()?;
    XChaCha20Poly1305::new(&Key::from(*key)).decrypt(&XNonce::from(*nonce), Payload { msg, aad }).ok()
}

/// Tries every data key there is on every sealed row of learners and entries; what opened, by the row's id.
fn open_with_all_keys(data: &Path) -> BTreeMap<Uuid, Vec<u8>> {
    let keys: HashMap<Uuid, [u8; 32]> = data_keys(data).into_iter().collect();
    let payload_keys: Vec<[u8; 32]> = keys
        .values()
        .map(|key| {
            let mut out = [0; 32];
            Hkdf::<Sha256>::new(None, key).expand(b"cqo-ledger/payload/v1\n", &mut out).unwrap();
            out
        })
        .collect();
    let rows: Vec<(Uuid, Vec<u8>)> = {
        let store = Embedded::open(&data.join("store"), &Options::default()).unwrap();
        let store = &store as &dyn Store;
        let learners: Table<Uuid, Value> = Table::new(3, "learners");
        let entries: Table<Uuid, WithTail<Value>> = Table::new(7, "entries");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let learners = learners.scan(store, learners.all(), 1_000).await.unwrap();
            let entries = entries.scan(store, entries.all(), 1_000).await.unwrap();
            let sealed = |row: &Value| STANDARD.decode(row["sealed"].as_str().unwrap()).unwrap();
            let learners = learners.into_iter().map(|(id, row)| (id, sealed(&row.value)));
            learners.chain(entries.into_iter().map(|(id, row)| (id, row.value.tail))).collect()
        })
    };
    assert!(rows.len() > 5);
    let mut open = BTreeMap::new();
    for (id, sealed) in rows {
        let contexts = [id.as_bytes().to_vec(), [b"learner ".as_slice(), id.as_bytes()].concat()];
        for (key, context) in payload_keys.iter().flat_map(|key| contexts.iter().map(move |context| (key, context))) {
            if let Some(plain) = decrypt(key, &sealed, context) {
                open.insert(id, plain);
            }
        }
    }
    open
}

fn opened(open: &BTreeMap<Uuid, Vec<u8>>, entry: &SignedEntry) -> bool {
    open.get(&entry.entry().id.uuid()).is_some_and(|plain| plain == entry.bytes())
}
