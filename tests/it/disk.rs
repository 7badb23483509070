//! Machines that run out: of disk space, of file descriptors, of a disk that can be written to. Nothing acknowledged is
//! lost, what cannot be done is said plainly, and when there is room again it goes on without a restart.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::server::{Ledger, PROGRAM, Provider, Watched, array, ask, text};

/// A ledger with a provider, stopped.
fn founded() -> (Ledger, Provider) {
    let mut ledger = Ledger::start();
    let provider = ledger.provider(2);
    ledger.kill();
    (ledger, provider)
}

/// `serve` behind a shell that sets `limits` first. A write beyond the limit of a file's size must be an error as on
/// a full disk, not the signal that ends the process.
fn serve_limited(data: &Path, log: &Path, limits: &str) -> Watched {
    let mut command = Command::new("bash");
    command.args(["-c", &format!("{limits} exec \"$@\""), "bash", PROGRAM]);
    command.args(["serve", "--listen", "127.0.0.1:0", "--seal-interval-ms", "20", "--rate-per-second", "0", "--data"]);
    Watched::start(command.arg(data), log)
}

/// Changes a soft limit of a running process.
fn set_limit(watched: &Watched, limit: &str) {
    let set = Command::new("prlimit").args(["--pid", &watched.pid(), limit]).status().unwrap();
    assert!(set.success(), "{limit}");
}

fn until(what: &str, is_so: impl Fn() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < Duration::from_secs(30), "it never came to this: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The problem a submission is answered with: its type and title.
fn problem(answer: &Value) -> (&str, &str) {
    (answer["type"].as_str().unwrap_or_default(), answer["title"].as_str().unwrap_or_default())
}

const NO_ROOM: (&str, &str) = ("urn:cqo-ledger:problem:no-room", "磁盘空间或系统资源不足");

#[test]
fn a_full_disk_refuses_entries_for_sure_and_goes_on_when_there_is_room() {
    let (ledger, provider) = founded();
    let watched = serve_limited(&ledger.data(), &ledger.path("log"), "");
    let url = watched.url.clone().unwrap();
    let (entries, token) = (format!("{url}/api/v1/entries"), Some(provider.token.as_str()));
    let first = array(&provider.signed(3));
    let receipts = ask(&format!("{entries}?wait=sealed"), token, Some(&first)).json()["receipts"].clone();

    // As if the disk ended in the middle of the next group.
    let segment = ledger.data().join("store/journal/00000000000000000001.log");
    let len = segment.metadata().unwrap().len();
    set_limit(&watched, &format!("--fsize={}:", len + 300));
    let second = array(&provider.signed(3));
    for _ in 0..3 {
        let refused = ask(&entries, token, Some(&second));
        assert_eq!((refused.status, refused.header("retry-after")), (507, "1"), "{}", refused.text());
        assert_eq!(problem(&refused.json()), NO_ROOM);
    }
    assert_eq!(ask(&format!("{url}/checkpoint"), None, None).status, 200, "readers are served");
    assert_eq!(ask(&entries, token, Some(&first)).json()["receipts"], receipts);

    set_limit(&watched, "--fsize=unlimited:");
    let accepted = ask(&format!("{entries}?wait=sealed"), token, Some(&second)).json();
    let all_accepted = accepted["results"].as_array().unwrap().iter().all(|result| result["status"] == "accepted");
    assert!(all_accepted && accepted["sealed"] == true, "nothing of it was kept before: {accepted}");
    drop(watched);
    let again = Watched::serve(&ledger.data(), &ledger.path("log"));
    let entries = format!("{}/api/v1/entries", again.url.as_ref().expect("it starts again"));
    assert_eq!(ask(&entries, token, Some(&first)).json()["receipts"], receipts);
    assert_eq!(ask(&entries, token, Some(&second)).json()["receipts"], accepted["receipts"]);
}

#[test]
fn without_file_descriptors_nothing_is_sealed_and_it_goes_on_when_there_are_some() {
    let (ledger, provider) = founded();
    let watched = serve_limited(&ledger.data(), &ledger.path("log"), "");
    let url = watched.url.clone().unwrap();
    // One connection that is open before: nobody else can connect any more.
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let get = |path: &str| agent.get(format!("{url}{path}")).call().unwrap().into_body().read_to_string().unwrap();
    assert_eq!(get("/readyz"), "ready\n");
    let before = get("/checkpoint");
    set_limit(&watched, "--nofile=5:");
    let sent = agent
        .post(format!("{url}/api/v1/entries"))
        .header("authorization", format!("Bearer {}", provider.token))
        .content_type("application/json")
        .send(&array(&provider.signed(2)));
    let answer: Value = serde_json::from_slice(&sent.unwrap().into_body().read_to_vec().unwrap()).unwrap();
    assert_eq!(answer["results"][1]["status"], "accepted", "the journal is open: {answer}");
    until("sealing is in trouble", || get("/readyz").contains("urn:cqo-ledger:problem:unavailable"));
    assert_eq!(get("/checkpoint"), before, "what is not anchored is not shown");
    assert!(watched.log().contains("cannot write the mark"), "{}", watched.log());

    set_limit(&watched, "--nofile=1024:");
    until("it is ready again", || get("/readyz") == "ready\n");
    until("what was accepted is sealed", || get("/checkpoint") != before);
}

#[test]
fn a_start_without_file_descriptors_ends_with_an_error_and_no_panic() {
    let (ledger, _) = founded();
    let mut refused = 0;
    // With fewer, not even the runtime of the program can be made.
    for most in (10..24).chain([64]) {
        let mut watched = serve_limited(&ledger.data(), &ledger.path("log"), &format!("ulimit -n {most};"));
        let log = watched.log();
        assert!(!log.contains("panicked"), "{most}: {log}");
        if watched.url.is_none() {
            refused += 1;
            assert_eq!(watched.status(), Some(1), "{most}: {log}");
            assert!(log.contains("错误 error: "), "{most}: {log}");
        }
    }
    assert!(refused > 3, "{refused}");
    assert!(Watched::serve(&ledger.data(), &ledger.path("log")).url.is_some(), "and nothing was harmed");
}

/// A file system of its own, where this test may mount one.
struct Mounted(PathBuf);

impl Mounted {
    fn new(at: &Path, arguments: &[&str]) -> Option<Self> {
        let mounted = Command::new("mount").args(arguments).arg(at).output();
        mounted.is_ok_and(|output| output.status.success()).then(|| Self(at.to_owned()))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("--lazy").arg(&self.0).status());
    }
}

#[test]
fn below_the_reserve_no_entries_are_taken_until_there_is_room_again() {
    let (ledger, provider) = founded();
    let small = ledger.path("small");
    std::fs::create_dir(&small).unwrap();
    let Some(_mounted) = Mounted::new(&small, &["-t", "tmpfs", "-o", "size=100m", "tmpfs"]) else {
        println!("skipped: no file system can be mounted here (store::space has the unit test)");
        return;
    };
    let data = small.join("data");
    assert!(Command::new("cp").arg("-a").arg(ledger.data()).arg(&data).status().unwrap().success());
    let watched = Watched::serve(&data, &ledger.path("log"));
    let url = watched.url.clone().unwrap();
    let send = || {
        let entries = format!("{url}/api/v1/entries?wait=sealed");
        ask(&entries, Some(&provider.token), Some(&array(&provider.signed(1))))
    };
    let ready = || ask(&format!("{url}/readyz"), None, None).status;
    assert_eq!((ready(), send().status), (200, 200));
    let filler = small.join("filler");
    std::fs::write(&filler, vec![1; 50 << 20]).unwrap();
    until("it is not ready", || ready() == 507);
    assert_eq!(problem(&send().json()), NO_ROOM);
    assert!(watched.log().contains("are kept in reserve"), "{}", watched.log());
    std::fs::remove_file(&filler).unwrap();
    until("it is ready again", || ready() == 200);
    assert_eq!(send().status, 200);
}

#[test]
fn a_directory_that_cannot_be_written_is_named_with_the_reason() {
    let (ledger, _) = founded();
    let data = ledger.data();
    let refused = |reason: &str| {
        let mut watched = Watched::serve(&data, &ledger.path("log"));
        let (status, log) = (watched.status(), watched.log());
        assert!(status == Some(1) && log.contains(text(&data)) && log.contains(reason), "{status:?} {log}");
    };
    let mounted = Mounted::new(&data, &["--bind", text(&data)]);
    let read_only = Command::new("mount").args(["-o", "remount,bind,ro", text(&data)]).status();
    if mounted.is_some() && read_only.is_ok_and(|status| status.success()) {
        refused("Read-only file system");
    } else {
        println!("skipped: nothing can be mounted read-only here");
    }
    drop(mounted);
    let lock = data.join("store/LOCK");
    std::fs::remove_file(&lock).unwrap();
    std::fs::create_dir(&lock).unwrap();
    refused("Is a directory");
    std::fs::remove_dir(&lock).unwrap();
    assert!(Watched::serve(&data, &ledger.path("log")).url.is_some());
}
