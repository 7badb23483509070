//! Every parser of untrusted bytes that the library shows, on bytes it never saw: it returns, what it says of them is
//! bounded, and where there is an inverse, what it accepts is written back as the same bytes. docs/FUZZING.md has the
//! whole list, with the parsers that are tried beside their code because they are private.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::Path;
use std::str::FromStr;

use cqo_ledger::credential::verify::{self, File, verify_files};
use cqo_ledger::ledger::block::Block;
use cqo_ledger::ledger::bundle::Bundle;
use cqo_ledger::ledger::entry::{CourseCode, EntryId, LearnerId, Origin};
use cqo_ledger::ledger::json;
use cqo_ledger::ledger::keys::{Alg, KeyId};
use cqo_ledger::ledger::receipt::{Receipt, ReceiptEntry, SignedReceipt};
use cqo_ledger::ledger::signed::SignedEntry;
use cqo_ledger::ledger::verify::{FileKind, Question, exit_status, verify_file, verify_together};
use cqo_ledger::merkle::{
    Checkpoint, Hash, NoteSignature, SignedNote, TilePath, TlogProof, TrustPolicy, VerifierKey, decode_bundle,
    encode_bundle,
};
use cqo_ledger::service::keyfile;
use cqo_ledger::service::vault::{DataKeyId, Vault};
use cqo_ledger::standard::{CreditCode, CreditHours, Day, Rulebook, RulebookVersion, StudyForm, UnixMillis};
use ed25519_dalek::SigningKey;
use serde_json::Value;

use crate::server::campaign;

/// What a reader may say of bytes that it refuses, beyond a multiple of what it was given.
const WORDS_MAX: usize = 4096;
/// An error names what it refuses: at most so many times as long as all of it.
const WORDS_PER_BYTE: usize = 16;

/// What a reader made of bytes: what it would write, if it has an inverse; or why it refuses them.
type Read = Result<Option<Vec<u8>>, String>;

/// One change of a seed: where, what, and how.
type Change = (u16, u8, Vec<u8>);

/// A good document with changes: bytes replaced, put in, left out, doubled.
pub(crate) fn changed(seed: &[u8], changes: &[Change]) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for (at, kind, new) in changes {
        let at = usize::from(*at) % (bytes.len() + 1);
        let end = (at + new.len()).min(bytes.len());
        match kind % 5 {
            0 => drop(bytes.splice(at..end, new.iter().copied())),
            1 => drop(bytes.splice(at..at, new.iter().copied())),
            2 => drop(bytes.drain(at..end)),
            3 => {
                let twice = bytes[at..end].to_vec();
                drop(bytes.splice(at..at, twice));
            }
            _ => bytes.truncate(at),
        }
    }
    bytes
}

/// Tries one reader on noise and on changed seeds; the seeds themselves are tried first.
fn target(name: &str, seeds: &[Vec<u8>], read: impl Fn(&[u8]) -> Read + std::panic::RefUnwindSafe) {
    let judge = |bytes: &[u8]| match read(bytes) {
        Ok(Some(written)) => {
            assert_eq!(String::from_utf8_lossy(&written), String::from_utf8_lossy(bytes), "{name}: not what was read");
        }
        Ok(None) => {}
        Err(words) => {
            let max = WORDS_MAX + WORDS_PER_BYTE * bytes.len();
            assert!(words.len() <= max, "{name}: {} bytes of words about {}", words.len(), bytes.len());
        }
    };
    assert!(seeds.iter().any(|seed| read(seed).is_ok()), "{name}: no seed is good, so nothing deep is tried");
    seeds.iter().for_each(|seed| judge(seed));
    bolero::check!().with_iterations(campaign(150, 20_000)).with_type::<(Vec<u8>, u16, Vec<Change>)>().for_each(
        |(noise, pick, changes)| {
            judge(noise);
            judge(&changed(&seeds[usize::from(*pick) % seeds.len()], changes));
        },
    );
}

/// A reader of text that is printed back.
fn printed<T: FromStr<Err: Display> + Display>(bytes: &[u8]) -> Read {
    let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
    text.parse::<T>().map(|value| Some(value.to_string().into_bytes())).map_err(|error| error.to_string())
}

/// A reader of text that accepts more than one way to write a value; what it prints, it reads as the same value.
fn meant<T: FromStr<Err: Display> + Display + PartialEq>(bytes: &[u8]) -> Read {
    let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
    let value = text.parse::<T>().map_err(|error| error.to_string())?;
    assert!(value.to_string().parse::<T>().is_ok_and(|again| again == value), "{text:?} prints as {value}");
    Ok(None)
}

fn said<T, E: Display>(read: Result<T, E>, write: impl FnOnce(T) -> Option<Vec<u8>>) -> Read {
    read.map(write).map_err(|error| error.to_string())
}

fn texts(seeds: &[&str]) -> Vec<Vec<u8>> {
    seeds.iter().map(|seed| seed.as_bytes().to_vec()).collect()
}

/// The files of proofs/vectors, by their path.
fn vectors() -> BTreeMap<String, Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("proofs/vectors");
    let (mut open, mut files) = (vec![root.clone()], BTreeMap::new());
    while let Some(dir) = open.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
                files.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    files
}

fn vectors_named(part: &str) -> Vec<Vec<u8>> {
    let found: Vec<Vec<u8>> =
        vectors().into_iter().filter(|(name, _)| name.contains(part)).map(|(_, file)| file).collect();
    assert!(!found.is_empty(), "no vector is named {part}");
    found
}

/// The signed entries of the vectors' bundles.
fn entries() -> Vec<Vec<u8>> {
    let bundles = vectors_named("good/").into_iter().filter_map(|file| Bundle::from_bytes(&file).ok());
    bundles.flat_map(|bundle| bundle.entries).map(|entry| entry.signed.bytes().to_vec()).collect()
}

#[test]
fn notes_and_policies() {
    let notes: Vec<Vec<u8>> = vectors_named(".tlog-proof")
        .iter()
        .filter_map(|file| String::from_utf8_lossy(file).parse::<TlogProof>().ok())
        .map(|proof| proof.checkpoint.into_bytes())
        .collect();
    let read: Vec<SignedNote> = notes.iter().map(|note| SignedNote::parse(note).unwrap()).collect();
    target("SignedNote", &notes, |bytes| said(SignedNote::parse(bytes), |note| Some(note.to_string().into_bytes())));
    let checkpoints: Vec<Vec<u8>> = read.iter().map(|note| note.text().as_bytes().to_vec()).collect();
    target("Checkpoint", &checkpoints, printed::<Checkpoint>);
    let lines: Vec<Vec<u8>> =
        read.iter().flat_map(SignedNote::signatures).map(|line| line.to_string().into_bytes()).collect();
    target("NoteSignature", &lines, printed::<NoteSignature>);
    target("TlogProof", &vectors_named(".tlog-proof"), printed::<TlogProof>);
    let policies = vectors_named("policy");
    target("TrustPolicy", &policies, |bytes| said(TrustPolicy::parse(bytes), |_| None));
    target("TrustPolicy, as text", &policies, meant::<TrustPolicy>);
    let keys: Vec<Vec<u8>> = policies
        .iter()
        .flat_map(|policy| String::from_utf8_lossy(policy).lines().map(str::to_owned).collect::<Vec<_>>())
        .filter_map(|line| line.strip_prefix("log ").map(|key| key.as_bytes().to_vec()))
        .collect();
    target("VerifierKey", &keys, printed::<VerifierKey>);
}

#[test]
fn tiles_and_hashes() {
    let paths = texts(&["tile/0/000", "tile/0/x001/234.p/5", "tile/entries/000.p/255", "tile/63/999"]);
    target("TilePath", &paths, meant::<TilePath>);
    let bundles = [encode_bundle(&["one", "two", ""]).unwrap(), Vec::new()];
    target("entry bundle", &bundles, |bytes| said(decode_bundle(bytes), |entries| encode_bundle(&entries).ok()));
    target("Hash", &texts(&[&"0f".repeat(32)]), printed::<Hash>);
}

#[test]
fn documents_of_the_ledger() {
    let entries = entries();
    target("json::parse", &entries, |bytes| said(json::parse(bytes), |_| None));
    target("json::parse_canonical", &entries, |bytes| {
        // Names that no schema knows can sort in another way: such a document is refused when it is read.
        said(json::parse_canonical(bytes), |_| None)
    });
    target("SignedEntry", &entries, |bytes| {
        said(SignedEntry::from_bytes(bytes), |signed| {
            assert_eq!(json::canonical(&signed.to_value()), bytes, "an entry that reads as another one");
            Some(signed.bytes().to_vec())
        })
    });
    target("SignedReceipt", &[receipt(&entries)], |bytes| {
        said(SignedReceipt::from_bytes(bytes), |receipt| serde_json::to_vec(&receipt).ok())
    });
    target("Bundle", &vectors_named(".proof.json"), |bytes| {
        said(Bundle::from_bytes(bytes), |bundle| Some(bundle.to_bytes()))
    });
    target("Block", &vectors_named("block-"), printed::<Block>);
}

fn receipt(entries: &[Vec<u8>]) -> Vec<u8> {
    let signed = SignedEntry::from_bytes(&entries[0]).unwrap();
    let key = SigningKey::from_bytes(&[7; 32]);
    let receipt = Receipt {
        ledger: signed.entry().ledger.clone(),
        accepted: "2026-11-22T08:00:00.000Z".parse().unwrap(),
        seal_by: "2026-11-22T08:10:00.000Z".parse().unwrap(),
        key: KeyId::of(&Alg::Ed25519, key.verifying_key().as_bytes()),
        entries: vec![ReceiptEntry::of(&signed, [9; 32].into())],
    };
    serde_json::to_vec(&receipt.sign(&key)).unwrap()
}

#[test]
fn files_for_verify() {
    let policy = TrustPolicy::parse(&vectors()["policy.txt"]).unwrap();
    for (kind, part) in [(FileKind::Proof, ".proof.json"), (FileKind::TlogProof, ".tlog-proof")] {
        target(part, &vectors_named(part), |bytes| {
            let _ = FileKind::recognise(bytes);
            let report = verify_file(kind, bytes, Question { policy: Some(&policy), ..Question::default() });
            assert!(!report.steps.is_empty(), "a file without a verdict");
            let files = [report];
            let status = exit_status(&files, &verify_together(&files), false);
            assert!([0, 1, 3].contains(&status), "{status}");
            Ok(None)
        });
    }
}

fn named<'a>(name: &'a str, bytes: &'a [u8]) -> File<'a> {
    File { name, bytes: Ok(bytes) }
}

/// Certificates and lists, beside the good bundle and the good list: there is always a verdict, and no change of a
/// certificate passes.
#[test]
fn certificates_for_verify() {
    let files = vectors();
    let policy = TrustPolicy::parse(&files["policy.txt"]).unwrap();
    let good = [&files["good/certificate.json"], &files["good/certificate.proof.json"], &files["good/status.json"]];
    for (name, seeds) in [("certificate", vectors_named("certificate.json")), ("status", vectors_named("status.json"))]
    {
        target(name, &seeds, |bytes| {
            let status = [named("list", if name == "status" { bytes } else { good[2] })];
            let question = verify::Question {
                policy: Some(&policy),
                at: None,
                leaf: None,
                status: &status,
                now: "2026-11-22T12:00:00.000Z".parse().unwrap(),
            };
            let certificate = if name == "status" { good[0] } else { bytes };
            let verdict = verify_files(&[named("certificate", certificate), named("bundle", good[1])], question);
            assert_eq!(verdict.files.len(), 3, "a file without a report");
            let is_good = bytes == if name == "status" { good[2] } else { good[0] }.as_slice();
            assert_eq!(verdict.exit == 0, is_good, "{}", String::from_utf8_lossy(bytes));
            let said = verdict.to_value().to_string();
            if verdict.exit == 0 { Ok(None) } else { Err(said.chars().take(1).collect()) }
        });
    }
}

/// Files of the data directory that hold secrets: a copy that was cut or changed on the way is refused, or was not needed.
#[test]
fn key_files() {
    let dir = tempfile::tempdir().unwrap();
    let made = dir.path().join("a.key");
    keyfile::write(&made, &keyfile::generate().unwrap()).unwrap();
    Vault::create_in(dir.path()).unwrap().create(&[DataKeyId::LEDGER]).unwrap();
    for name in ["a.key", "master", "data-keys"] {
        let path = dir.path().join(name);
        let good = std::fs::read(&path).unwrap();
        target(name, std::slice::from_ref(&good), |bytes| {
            std::fs::write(&path, bytes).unwrap();
            match name {
                "a.key" => said(keyfile::read(&path), |_| None),
                _ => said(Vault::open(dir.path()), |_| None),
            }
        });
        std::fs::write(&path, &good).unwrap();
    }
}

#[test]
fn words_and_numbers() {
    target("Origin", &texts(&["ledger.example.org/cqo", "a"]), printed::<Origin>);
    target("Alg", &texts(&["ed25519"]), printed::<Alg>);
    target("KeyId", &texts(&[&"0f".repeat(32)]), printed::<KeyId>);
    let uuids = texts(&["01a204a4-da59-7159-a871-c02a5b7385fc"]);
    target("EntryId", &uuids, printed::<EntryId>);
    target("LearnerId", &uuids, printed::<LearnerId>);
    target("CourseCode", &texts(&["QM-01"]), printed::<CourseCode>);
    target("CreditCode", &texts(&["91110000600037341L"]), printed::<CreditCode>);
    target("Day", &texts(&["2026-02-28", "2024-02-29"]), printed::<Day>);
    target("UnixMillis", &texts(&["2026-11-22T08:00:00.123Z"]), printed::<UnixMillis>);
    target("CreditHours", &texts(&["8", "0.25", "100.00"]), meant::<CreditHours>);
    target("RulebookVersion", &texts(&["2026.1"]), printed::<RulebookVersion>);
    target("StudyForm", &texts(&["online", "classroom"]), printed::<StudyForm>);
    target(
        "the rulebook",
        &[std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/standard/rulebook.toml")).unwrap()],
        |bytes| {
            let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
            said(Rulebook::parse(text), |_| None)
        },
    );
}

#[test]
fn the_changes_change() {
    let cases: [(Change, &str); 5] = [
        ((1, 0, b"XY".to_vec()), "aXYd"),
        ((1, 1, b"XY".to_vec()), "aXYbcd"),
        ((1, 2, b"XY".to_vec()), "ad"),
        ((1, 3, b"XY".to_vec()), "abcbcd"),
        ((1, 4, b"XY".to_vec()), "a"),
    ];
    for (change, expected) in cases {
        assert_eq!(changed(b"abcd", &[change]), expected.as_bytes());
    }
    assert!(entries().iter().all(|entry| serde_json::from_slice::<Value>(entry).is_ok()));
}
