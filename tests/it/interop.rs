//! Other people's programs read the running service: Go's `sumdb`, and Python's `pymerkle`.
//!
//! A program that is missing is a failure, not a test left out: `./dev test` installs what is needed.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use cqo_ledger::merkle::{Checkpoint, Hash, NoteSigner, sign_checkpoint};
use cqo_ledger::service::keyfile;
use serde_json::json;

use super::server::{Ledger, ORIGIN, Provider, array, stderr, stdout, text};

/// Where Debian's `golang-golang-x-mod-dev` puts the sources.
const GO_PATH: &str = "/usr/share/gocode";
/// The package of it that is needed.
const GO_MODULE: &str = "src/golang.org/x/mod/sumdb/tlog";

/// Builds the Go program, offline and from the distribution's sources.
pub(crate) fn gocheck(dir: &Path) -> PathBuf {
    assert!(
        Path::new(GO_PATH).join(GO_MODULE).exists(),
        "golang.org/x/mod is missing: run `./dev test`, which installs golang-golang-x-mod-dev"
    );
    let program = dir.join("gocheck");
    let built = Command::new("go")
        .args(["build", "-o", text(&program), "main.go"])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/gocheck"))
        .envs([("GO111MODULE", "off"), ("GOPATH", GO_PATH), ("GOFLAGS", ""), ("GOPROXY", "off")])
        .env("GOCACHE", Path::new(env!("CARGO_TARGET_TMPDIR")).join("go"))
        .output();
    let built = built.expect("go is missing: run `./dev test`, which installs golang-go");
    assert!(built.status.success(), "{}", stderr(&built));
    program
}

/// Runs a Python program that needs pymerkle.
fn python(program: &str, args: &[&str]) -> Output {
    let python = std::env::var("CQO_PYTHON").unwrap_or_else(|_| "python3".into());
    let has = Command::new(&python).args(["-c", "import pymerkle"]).output();
    let has = has.unwrap_or_else(|error| panic!("{python}: {error}: run `./dev test`, which installs python3"));
    assert!(
        has.status.success(),
        "{python} has no pymerkle: run `./dev test`, which installs it and sets CQO_PYTHON\n{}",
        stderr(&has)
    );
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop").join(program);
    Command::new(&python).arg(path).args(args).output().unwrap()
}

#[track_caller]
fn assert_ok(output: &Output, says: &str) {
    assert!(output.status.success() && stdout(output) == says, "{}{}", stdout(output), stderr(output));
}

#[track_caller]
fn assert_refused(output: &Output, says: &str) {
    assert!(output.status.code() == Some(1) && stderr(output).contains(says), "{}{}", stdout(output), stderr(output));
}

/// Submits entries, waits until they are sealed, and returns the first one's id.
fn record(ledger: &Ledger, provider: &Provider, count: usize) -> String {
    let entries = provider.signed(count);
    let answer = ledger.post_as(&provider.token, "/api/v1/entries?wait=sealed", &array(&entries));
    assert_eq!(answer.json()["sealed"], true, "{}", answer.text());
    entries[0].entry().id.to_string()
}

#[test]
fn go_reads_checkpoints_tiles_and_blocks() {
    let ledger = Ledger::start_with(&["--seal-interval-ms", "1", "--batch-max", "1", "--rate-per-second", "0"]);
    let mut earlier = vec![ledger.write("checkpoint-2", ledger.get("/checkpoint").body)];
    let provider = ledger.provider(2);
    // 5 blocks are there: the four of the founding, and the provider's key. More than a tile, just one, and just over one.
    for (count, size) in [(2, 7), (249, 256), (1, 257), (255, 512), (60, 572)] {
        record(&ledger, &provider, count);
        let checkpoint = ledger.get("/checkpoint");
        assert_eq!(checkpoint.text().lines().nth(1), Some(size.to_string().as_str()));
        earlier.push(ledger.write(&format!("checkpoint-{size}"), checkpoint.body));
    }
    let program = gocheck(&ledger.path(""));
    let check = |policy: &Path, earlier: &[PathBuf]| {
        Command::new(&program).args([ledger.url(), text(policy)]).args(earlier).output().unwrap()
    };
    let policy = ledger.policy();
    assert_ok(&check(&policy, &earlier), "ok: 572 blocks, 6 earlier checkpoints\n");

    // It would say so if something were wrong.
    let stranger = Ledger::start();
    let (foreign, other) = (stranger.policy(), stranger.write("other", stranger.get("/checkpoint").body));
    assert_refused(&check(&foreign, &[]), "no verifiable signatures");
    assert_refused(&check(&policy, &[other]), "no verifiable signatures");
    // An earlier tree that this one does not contain, signed by the ledger's own key.
    let seed = keyfile::read(&ledger.data().join("keys/checkpoint.key")).unwrap().to_bytes();
    let forked = Checkpoint::new(ORIGIN, 256, Hash::of(&[b"another history"])).unwrap();
    let forked = sign_checkpoint(&forked, &NoteSigner::from_seed(ORIGIN, &seed).unwrap()).unwrap();
    let forked = ledger.write("forked", forked.to_string());
    assert_refused(&check(&policy, &[forked]), "the tree of 256");
}

#[test]
fn pymerkle_rebuilds_batches_and_verifies_paths() {
    let ledger = Ledger::start_with(&["--seal-interval-ms", "20", "--rate-per-second", "0"]);
    let provider = ledger.provider(2);
    let ids: Vec<String> = [1, 2, 3, 7, 8, 33].iter().map(|count| record(&ledger, &provider, *count)).collect();
    let query = json!({"entries": ids}).to_string();
    let answer = ledger.post_as(&provider.token, "/api/v1/proofs", query.as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.text());
    let bundle = ledger.write("all.proof.json", &answer.body);
    // Later blocks, so that the bundle's chain is not the newest.
    record(&ledger, &provider, 100);
    let size: u64 = ledger.get("/checkpoint").text().lines().nth(1).unwrap().parse().unwrap();
    let checked = python("pymerkle_check.py", &[ledger.url(), text(&bundle)]);
    assert_ok(&checked, &format!("ok: {size} batches, {} entries of the bundle\n", ids.len()));

    // It would say so if something were wrong.
    let text_of = String::from_utf8(answer.body).unwrap();
    let salt = answer_salt(&text_of);
    let wrong = ledger.write("wrong.proof.json", text_of.replace(&salt, &salt.chars().rev().collect::<String>()));
    assert_refused(&python("pymerkle_check.py", &[ledger.url(), text(&wrong)]), "the commitment of entry");
}

/// The first salt of a bundle.
fn answer_salt(bundle: &str) -> String {
    let value: serde_json::Value = serde_json::from_str(bundle).unwrap();
    value["entries"][0]["salt"].as_str().unwrap().to_owned()
}
