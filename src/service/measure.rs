//! How long sealing and proving take: measurements to be run by hand.

use std::sync::Arc;
use std::time::Instant;

use super::clock::{Clock as _, SystemClock};
use super::order::{Place, Run, What};
use super::testing::{ORIGIN, key};
use super::vault::Vault;
use super::{Founding, FoundingKeys, LedgerKeys, Service, Settings};
use crate::ledger::commitment::Commitment;
use crate::ledger::entry::Owner;
use crate::merkle::Hash;
use crate::standard::{CreditCode, Rulebook};
use crate::store::{Commit, Embedded, Event, Options, Store};

const PENDING: u64 = 1_000_000;
const RUN: u64 = 1_000;

/// `cargo test --release --lib service::measure -- --ignored --nocapture`
#[test]
#[ignore = "a measurement, not a test"]
fn sealing_a_million_pending_entries_and_proving_blocks() {
    let dir = tempfile::tempdir_in(std::env::var("THROUGHPUT_DIR").unwrap_or_else(|_| ".".into())).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
    runtime.block_on(async {
        let store: Arc<dyn Store> = Arc::new(Embedded::open(&dir.path().join("store"), &Options::default()).unwrap());
        let vault = Vault::create_in(dir.path()).unwrap();
        let owner = Owner { code: CreditCode::with_check("51990000500000009").unwrap(), name: "认定主体".into() };
        let (authority, receipt, checkpoint) = (key(1), key(2), key(3));
        let founding = Founding { origin: ORIGIN.parse().unwrap(), owner };
        let keys = FoundingKeys {
            authority: &authority,
            receipt: &receipt,
            checkpoint: &checkpoint,
            issuer: None,
            recorder: None,
        };
        let rulebook = Rulebook::embedded();
        Service::found(&*store, &vault, &rulebook, SystemClock.now(), &founding, &keys).await.unwrap();
        for first in (2..PENDING).step_by(usize::try_from(RUN).unwrap()) {
            let place = |n: u64| Place {
                id: uuid::Uuid::now_v7(),
                commitment: Commitment::from_hash(Hash::of(&[&n.to_be_bytes()])),
                learner: uuid::Uuid::nil(),
                what: What::Other,
            };
            let run = Run { first, receipt: None, places: (first..first + RUN).map(place).collect() };
            store.commit(Commit::new(Event::default()).write(run.put().unwrap())).await.unwrap();
        }
        let keys = LedgerKeys {
            checkpoint: vec![checkpoint],
            receipt: vec![receipt],
            issuer: Vec::new(),
            recorder: Vec::new(),
            operator_token: Hash::of(&[b"token"]),
        };
        let (service, _requests) =
            Service::assemble(store, vault, keys, rulebook, Arc::new(SystemClock), Settings::default()).await.unwrap();
        let (started, mut sealed) = (Instant::now(), 0);
        let mut proven = 1;
        while let Some(block) = service.seal_once().await.unwrap() {
            sealed += block.entries;
            if block.height + 1 >= proven {
                proven = (block.height + 1) * 4;
                prove(&service, block.height).await;
            }
        }
        println!("{sealed} entries sealed in {:?}, {} blocks", started.elapsed(), service.published().size());
        prove(&service, service.published().height()).await;
    });
}

/// Prints how long the proof of a block takes, on average over the whole chain.
async fn prove(service: &Service, height: u64) {
    const PROOFS: u32 = 200;
    let started = Instant::now();
    for nth in 0..u64::from(PROOFS) {
        service.block_proof(nth * height / u64::from(PROOFS)).await.unwrap();
    }
    println!("proof of a block in a chain of {}: {:?}", height + 1, started.elapsed() / PROOFS);
}
