//! Kills at random moments under load: whatever was answered is there afterwards under the same receipt, all checkpoints
//! that anybody ever saw are states of one chain, and the ledger is soon back.

use std::time::{Duration, Instant};

use cqo_ledger::ledger::json;
use cqo_ledger::ledger::signed::SignedEntry;
use serde_json::Value;

use crate::server::{Ledger, array, campaign, run, stdout, text};

/// From the start of the process to the line `ready`, at the most: what is promised of a release build on a quiet
/// machine, times an allowance for an unoptimised one (which hashes and checks some ten times as slowly) whose two
/// cores are shared with all other tests.
const READY_WITHIN: Duration = Duration::from_secs(2 * ALLOWANCE);
const ALLOWANCE: u64 = 5;
/// Senders at the same time.
const SENDERS: usize = 2;
const ENTRIES_OF_A_REQUEST: usize = 10;
/// More than are sent before the kill.
const REQUESTS: usize = 12;

/// What one sender was told: the entries of a request, and the receipt for them.
type Answered = Vec<(Vec<SignedEntry>, Value)>;

/// Sends until nobody answers any more; reads the checkpoint after each answer.
fn send(url: &str, token: &str, requests: Vec<Vec<SignedEntry>>) -> (Answered, Vec<String>) {
    let (mut answered, mut checkpoints) = (Vec::new(), Vec::new());
    for entries in requests {
        let sent = ureq::post(format!("{url}/api/v1/entries"))
            .header("authorization", format!("Bearer {token}"))
            .content_type("application/json")
            .send(&array(&entries));
        let Ok(mut answer) = sent else { break };
        // Half an answer is none.
        let Ok(answer) = answer.body_mut().read_to_vec() else { break };
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        answered.push((entries, answer["receipts"].clone()));
        let Ok(mut checkpoint) = ureq::get(format!("{url}/checkpoint")).call() else { break };
        checkpoints.extend(checkpoint.body_mut().read_to_string());
    }
    (answered, checkpoints)
}

#[test]
fn what_was_acknowledged_survives_kills_under_load() {
    let mut ledger = Ledger::start();
    let provider = ledger.provider(2);
    let (mut answered, mut checkpoints) = (Vec::new(), Vec::new());
    let (mut slowest, kills) = (Duration::ZERO, campaign(10, 100));
    let mut random = 0x9E37_79B9_7F4A_7C15_u64;
    for _ in 0..kills {
        let requests = || (0..REQUESTS).map(|_| provider.signed(ENTRIES_OF_A_REQUEST)).collect::<Vec<_>>();
        let senders: Vec<_> = (0..SENDERS)
            .map(|_| {
                let (url, token, requests) = (ledger.url().to_owned(), provider.token.clone(), requests());
                std::thread::spawn(move || send(&url, &token, requests))
            })
            .collect();
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        std::thread::sleep(Duration::from_millis(random >> 57));
        ledger.kill();
        for sender in senders {
            let (told, seen) = sender.join().unwrap();
            answered.extend(told);
            checkpoints.extend(seen);
        }
        let started = Instant::now();
        ledger.serve();
        slowest = slowest.max(started.elapsed());
        checkpoints.push(ledger.get("/checkpoint").text());
    }
    println!("{kills} kills, {} requests answered, slowest start {} ms", answered.len(), slowest.as_millis());
    assert!(answered.len() >= kills, "too little was answered before the kills to show anything");
    assert!(slowest <= READY_WITHIN, "it took {slowest:?} to be ready");
    for (entries, receipts) in &answered {
        let again = ledger.post_as(&provider.token, "/api/v1/entries?wait=sealed", &array(entries)).json();
        assert_eq!(json::canonical(&again["receipts"]), json::canonical(receipts));
        assert_eq!(again["sealed"], true);
    }
    every_checkpoint_is_of_this_chain(&ledger, checkpoints);
    let (policy, mirror) = (ledger.policy(), ledger.path("mirror"));
    let audited = run(&["audit", ledger.url(), "--mirror", text(&mirror), "--policy", text(&policy)]);
    assert_eq!(audited.status.code(), Some(0), "{}", stdout(&audited));
}

/// The roots are computed here, from the blocks that are served in the end.
fn every_checkpoint_is_of_this_chain(ledger: &Ledger, checkpoints: Vec<String>) {
    use cqo_ledger::merkle::{BatchTree, Hash, leaf_hash};
    let last = ledger.get("/checkpoint").text();
    let size = |checkpoint: &str| checkpoint.lines().nth(1).unwrap().parse::<usize>().unwrap();
    let leaves: Vec<Hash> =
        (0..size(&last)).map(|height| leaf_hash(&ledger.get(&format!("/api/v1/blocks/{height}")).body)).collect();
    let mut known = std::collections::BTreeMap::new();
    for checkpoint in checkpoints.into_iter().chain([last]) {
        let root = checkpoint.lines().nth(2).unwrap().to_owned();
        let before = known.insert(size(&checkpoint), root.clone());
        assert!(before.is_none_or(|before| before == root), "two checkpoints of one size:\n{checkpoint}");
    }
    assert!(known.len() > 5, "{}", known.len());
    for (size, root) in known {
        let tree = BatchTree::from_leaves(&leaves[..size]).unwrap();
        assert_eq!(crate::chain::base64(tree.root().as_bytes()), root, "the checkpoint of {size} blocks is no prefix");
    }
}
