//! Every file of a real data directory, damaged in every way: flipped bits, cut short, emptied, gone.
//!
//! Either the service refuses to start, with an error that names the file, or it serves, and everything it serves is
//! right: the same checkpoint, entries and receipts as before the damage, a chain that passes the audit, and new entries
//! taken. Nothing panics, and nothing is served that differs.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use crate::server::{Ledger, Provider, Watched, array, ask, campaign, run, stderr, stdout, text};

/// What is done to a file.
#[derive(Debug, Clone, Copy)]
enum Damage {
    Flip { byte: usize, bit: u8 },
    Cut(usize),
    Remove,
}

impl Damage {
    fn apply(self, path: &Path) {
        let mut bytes = fs::read(path).unwrap();
        match self {
            Self::Flip { byte, bit } => bytes[byte] ^= 1 << bit,
            Self::Cut(len) => bytes.truncate(len),
            Self::Remove => return fs::remove_file(path).unwrap(),
        }
        // Written over, so that the mode stays.
        fs::write(path, bytes).unwrap();
    }
}

/// A ledger that was stopped, and what it served.
struct Stopped {
    ledger: Ledger,
    provider: Provider,
    checkpoint: Vec<u8>,
    /// The address of each entry, and its answer.
    entries: Vec<(String, Value)>,
    sent: Vec<u8>,
    receipts: Value,
    policy: PathBuf,
}

impl Stopped {
    fn new() -> Self {
        let mut ledger = Ledger::start();
        let provider = ledger.provider(2);
        let signed = provider.signed(5);
        let sent = array(&signed);
        let answer = ledger.post_as(&provider.token, "/api/v1/entries?wait=sealed", &sent);
        assert_eq!(answer.json()["sealed"], true, "{}", answer.text());
        let (receipts, policy) = (answer.json()["receipts"].clone(), ledger.policy());
        // A torn tail, so that there is a `last-cut` too; then a stop in good order, which leaves a whole index.
        ledger.kill();
        let segment = ledger.data().join("store/journal/00000000000000000001.log");
        fs::write(&segment, [fs::read(&segment).unwrap(), vec![7; 60]].concat()).unwrap();
        let mut watched = Watched::serve(&ledger.data(), &ledger.path("log"));
        let url = watched.url.clone().expect("a torn tail is no damage");
        let read = |signed: &cqo_ledger::ledger::signed::SignedEntry| {
            let path = format!("/api/v1/entries/{}", signed.entry().id);
            let entry = ask(&format!("{url}{path}"), Some(&provider.token), None);
            assert_eq!(entry.status, 200);
            (path, entry.json())
        };
        let entries = signed.iter().map(read).collect();
        let checkpoint = ask(&format!("{url}/checkpoint"), None, None).body;
        watched.stop();
        Self { ledger, provider, checkpoint, entries, sent, receipts, policy }
    }

    /// All files below the data directory, by their path from there.
    fn files(&self) -> Vec<PathBuf> {
        let (root, mut found) = (self.ledger.data(), Vec::new());
        let mut open = vec![root.clone()];
        while let Some(dir) = open.pop() {
            for entry in fs::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    open.push(path);
                } else {
                    found.push(path.strip_prefix(&root).unwrap().to_owned());
                }
            }
        }
        found.sort();
        found
    }

    /// Starts a copy in which one file is damaged; an error says what was wrong about how it went.
    fn judge(&self, file: &Path, damage: Damage) -> Result<&'static str, String> {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        let copied = std::process::Command::new("cp").arg("-a").arg(self.ledger.data()).arg(&data).status().unwrap();
        assert!(copied.success());
        damage.apply(&data.join(file));
        let mut watched = Watched::serve(&data, &dir.path().join("log"));
        let (log, status) = (watched.log(), watched.status());
        let name = file.file_name().unwrap().to_str().unwrap();
        let wrong = |what: &str| Err(format!("{}: {damage:?}: {what}\n{log}", file.display()));
        if log.contains("panicked") {
            return wrong("a panic in the log");
        }
        let Some(url) = watched.url.clone() else {
            // What it says last is for the reader; it must not have been killed by a signal.
            let refused = log.lines().any(|line| line.starts_with("错误 error:") && line.contains(name));
            let ended = status != Some(-1);
            return if refused && ended { Ok("refused") } else { wrong("it refused without naming the file") };
        };
        let token = Some(self.provider.token.as_str());
        if ask(&format!("{url}/checkpoint"), None, None).body != self.checkpoint {
            return wrong("another checkpoint");
        }
        for (path, entry) in &self.entries {
            let served = ask(&format!("{url}{path}"), token, None);
            if served.status != 200 || served.json() != *entry {
                return wrong(&format!("another entry: {}", served.text()));
            }
        }
        let again = ask(&format!("{url}/api/v1/entries"), token, Some(&self.sent));
        if again.json()["receipts"] != self.receipts {
            return wrong(&format!("another receipt: {}", again.text()));
        }
        // Of a token that was cut short, nothing may be left that opens anything.
        if ask(&format!("{url}/api/v1/organisations"), Some(""), None).status != 401 {
            return wrong("the empty token is somebody's");
        }
        let fresh = array(&self.provider.signed(1));
        // A rulebook that was changed can name another version: to refuse what names this one is right.
        let taken = ask(&format!("{url}/api/v1/entries?wait=sealed"), token, Some(&fresh));
        if name != "rulebook.toml" && taken.json()["sealed"] != true {
            return wrong(&format!("a new entry is not taken: {}", taken.text()));
        }
        let mirror = dir.path().join("mirror");
        let audited = run(&["audit", &url, "--mirror", text(&mirror), "--policy", text(&self.policy)]);
        if audited.status.code() != Some(0) {
            return wrong(&format!("the audit fails: {}{}", stdout(&audited), stderr(&audited)));
        }
        Ok("served")
    }
}

/// What is done to a file of this length.
fn damages(len: usize, random: &mut u64) -> Vec<Damage> {
    let mut below = |end: usize| {
        *random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*random >> 33) as usize % end
    };
    let mut found = vec![Damage::Remove];
    if len > 0 {
        found.push(Damage::Cut(0));
        found.extend((0..campaign(3, 25)).map(|_| Damage::Flip { byte: below(len), bit: below(8) as u8 }));
        found.extend((0..campaign(2, 6)).map(|_| Damage::Cut(below(len))));
    }
    found
}

#[test]
fn damage_to_any_file_is_named_or_made_good_and_never_served() {
    let stopped = Stopped::new();
    let mut random = 0xDA_3A6E;
    let mut cases = Vec::new();
    for file in stopped.files() {
        let len = fs::metadata(stopped.ledger.data().join(&file)).unwrap().len();
        cases.extend(damages(len as usize, &mut random).into_iter().map(|damage| (file.clone(), damage)));
    }
    for name in ["FORMAT", "mark", "last-cut", "db", "master", "data-keys", "rulebook.toml", "service.json"] {
        assert!(cases.iter().any(|(file, _)| file.ends_with(name)), "{name} is not among the files");
    }
    let next = AtomicUsize::new(0);
    let work = || {
        let mut wrong = Vec::new();
        while let Some((file, damage)) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            match stopped.judge(file, *damage) {
                Ok(outcome) => println!("{}: {damage:?}: {outcome}", file.display()),
                Err(what) => wrong.push(what),
            }
        }
        wrong
    };
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..3).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

/// The most important of these errors says where to look next.
#[test]
fn a_damaged_journal_refuses_to_start_and_says_which_segment_and_how_to_restore() {
    let stopped = Stopped::new();
    let segment = stopped.ledger.data().join("store/journal/00000000000000000001.log");
    Damage::Flip { byte: fs::metadata(&segment).unwrap().len() as usize / 2, bit: 3 }.apply(&segment);
    for command in ["serve", "reindex"] {
        let refused = run(&[command, "--data", text(&stopped.ledger.data())]);
        let said = stderr(&refused);
        assert_eq!(refused.status.code(), Some(1), "{said}");
        for part in [text(&segment), "offset", "cqo-ledger restore", "docs/RUNBOOK.md"] {
            assert!(said.contains(part), "{command} does not say {part}: {said}");
        }
    }
}

/// An index that is damaged is no crash: one line in the log, and everything is there.
#[test]
fn a_damaged_index_is_rebuilt_with_one_calm_line() {
    let stopped = Stopped::new();
    for file in ["db", "conf"] {
        let path = stopped.ledger.data().join("store/index").join(file);
        fs::write(&path, vec![0x5A; fs::metadata(&path).unwrap().len() as usize]).unwrap();
        let mut watched = Watched::serve(&stopped.ledger.data(), &stopped.ledger.path("log"));
        let log = watched.log();
        assert!(watched.url.is_some() && !log.contains("panicked") && !log.contains("backtrace"), "{log}");
        assert_eq!(log.matches("the index is built anew from the journal").count(), 1, "{file}: {log}");
        watched.stop();
    }
    let rebuilt = run(&["reindex", "--data", text(&stopped.ledger.data())]);
    assert_eq!((stdout(&rebuilt).lines().count(), stderr(&rebuilt).as_str()), (1, ""), "no progress into a pipe");
}
