//! What goes into which block, and when: clocks, large batches, the tasks on their own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::super::testing::*;
use super::super::{Actor, SealError, Service, Settings};
use crate::ledger::entry::Kind;
use crate::ledger::signed::SignedEntry;
use crate::store::{
    Anchor, BoxFuture, Commit, Committed, Direction, EventRecord, Health, KeyRange, Memory, Row, RowKey, Store,
    StoreError,
};

const MINUTE: i64 = 60_000;

#[tokio::test]
async fn a_clock_that_jumps_stops_sealing_until_it_is_right_again() {
    for jump in [6 * MINUTE, -6 * MINUTE] {
        let mut world = World::new().await;
        world.accept(&provider_a(), &[&provider_a().signed_study()]).await;
        world.clock.jump(jump);
        for _ in 0..2 {
            assert!(matches!(world.seal().await, Err(SealError::ClockJump(found)) if found == jump));
            world.clock.advance(MINUTE);
        }
        world.clock.jump(-jump);
        world.seal().await.unwrap().unwrap();
        world.settle().await;
    }
}

#[tokio::test]
async fn a_clock_that_drifts_slowly_has_not_jumped() {
    let mut world = World::new().await;
    for _ in 0..4 {
        world.accept(&provider_a(), &[&provider_a().signed_study()]).await;
        world.clock.jump(2 * MINUTE);
        world.seal().await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_clock_that_goes_back_repeats_the_time_of_the_last_block() {
    let mut world = World::new().await;
    let mut times = Vec::new();
    for jump in [0, -4 * MINUTE, 0, 4 * MINUTE] {
        world.clock.jump(jump);
        world.clock.advance(1_000);
        world.accept(&provider_a(), &[&provider_a().signed_study()]).await;
        times.push(world.seal().await.unwrap().unwrap().time.millis() - times.first().copied().unwrap_or(0));
    }
    assert_eq!(times[1..], [0, 0, 3_000]);
    // An hour ahead when it stopped, right when it starts again: the promise holds in the chain's own time.
    world.clock.jump(-60 * MINUTE);
    world.reopen().await.unwrap();
    world.accept(&provider_a(), &[&provider_a().signed_study()]).await;
    world.settle().await;
}

#[tokio::test]
async fn a_batch_that_is_too_large_is_split_and_the_first_block_stands_alone() {
    let mut world = World::new().await;
    world.settings.batch_max = 3;
    world.reopen().await.unwrap();
    let entries: Vec<SignedEntry> = (0..7).map(|_| provider_a().signed_study()).collect();
    world.accept(&provider_a(), &entries.iter().collect::<Vec<_>>()).await;
    let outside = world.settle().await;
    let sizes: Vec<u64> = outside.blocks.iter().map(|block| block.entries).collect();
    assert_eq!(sizes, [1, 1, 2, 3, 3, 1]);
    for batch_max in [0, usize::MAX] {
        world.settings.batch_max = batch_max;
        world.reopen().await.unwrap();
        world.accept(&provider_a(), &[&provider_a().signed_study()]).await;
        assert_eq!(world.seal().await.unwrap().unwrap().entries, 1, "{batch_max}");
    }
}

#[tokio::test]
async fn the_tasks_seal_by_themselves() {
    let mut world = World::new().await;
    world.settings = Settings { seal_interval_ms: 5, wait_max_ms: 60_000, ..world.settings.clone() };
    let requests = world.reopen_idle(|disk| Arc::new(disk.open())).await.unwrap();
    tokio::spawn(Service::run_ingest(Arc::downgrade(&world.service()), requests));
    tokio::spawn(Service::run_sealer(Arc::downgrade(&world.service())));
    for _ in 0..3 {
        let total = world.accept(&provider_a(), &[&provider_a().signed_study()]).await.sealed_at_total.unwrap();
        assert!(world.service().wait_sealed(total).await);
    }
    world.verify().await;
}

/// A disk that keeps a submission at once and says so only when told.
struct Slow {
    disk: Memory,
    hold: Arc<AtomicBool>,
}

impl Store for Slow {
    fn commit(&self, commit: Commit) -> BoxFuture<'_, Result<Committed, StoreError>> {
        Box::pin(async move {
            let held = commit.event.action == "submit_entries";
            let kept = self.disk.commit(commit).await;
            while held && self.hold.load(Ordering::SeqCst) {
                tokio::task::yield_now().await;
            }
            kept
        })
    }

    fn get(&self, key: RowKey) -> BoxFuture<'_, Result<Option<Row>, StoreError>> {
        self.disk.get(key)
    }

    fn scan(
        &self,
        range: KeyRange,
        limit: usize,
        direction: Direction,
    ) -> BoxFuture<'_, Result<Vec<(RowKey, Row)>, StoreError>> {
        self.disk.scan(range, limit, direction)
    }

    fn anchor(&self, checkpoint: &str) -> BoxFuture<'_, Result<Anchor, StoreError>> {
        self.disk.anchor(checkpoint)
    }

    fn anchored(&self) -> BoxFuture<'_, Result<Option<Anchor>, StoreError>> {
        self.disk.anchored()
    }

    fn events(&self, from_sequence: u64, limit: usize) -> BoxFuture<'_, Result<Vec<EventRecord>, StoreError>> {
        self.disk.events(from_sequence, limit)
    }

    fn health(&self) -> Health {
        self.disk.health()
    }
}

/// Durable, and the register in memory does not know it yet: no block may hold it.
#[tokio::test]
async fn a_key_entry_is_not_sealed_before_the_register_holds_it() {
    let mut world = World::new().await;
    let hold = Arc::new(AtomicBool::new(true));
    let held = Arc::clone(&hold);
    world.reopen_on(|disk| Arc::new(Slow { disk: disk.open(), hold: held })).await.unwrap();
    let placed = world.placed().await;
    let (service, bytes) = (world.service(), bytes_of(&[&add_key(30, &provider_a(), &[Kind::Study])]));
    let submitting = tokio::spawn(async move { service.submit(&Actor::Operator, bytes).await });
    until("the entry is durable", async || world.placed().await > placed).await;
    assert!(world.seal().await.unwrap().is_none());
    hold.store(false, Ordering::SeqCst);
    world.note_receipts(&submitting.await.unwrap().unwrap());
    assert_eq!(world.seal().await.unwrap().unwrap().entries, 1);
    world.settle().await;
}
