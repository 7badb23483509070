//! Sealing and taking entries while the disk fails and the program dies, step by step.

use std::sync::Arc;

use super::tables::{BLOCKS, NODES};
use super::testing::*;
use super::{Actor, Error};
use crate::ledger::entry::Kind;
use crate::ledger::signed::SignedEntry;
use crate::merkle::{Checkpoint, Hash};
use crate::store::remains::Random;
use crate::store::{Commit, Event, Fault, Step, Store as _, Write};

const FAULTS: [Fault; 4] = [Fault::FailLost, Fault::FailKept, Fault::DieLost, Fault::DieKept];

/// After a failure and before a restart: it says so, takes nothing, seals nothing, shows nothing new.
async fn stands_still(world: &mut World, checkpoint: &str) {
    let entry = provider_a().signed_study();
    assert!(world.service().not_ready().is_some());
    let refused = world.submit(&provider_a().actor(), &[&entry]).await;
    assert!(matches!(refused, Err(Error::Unavailable(_))), "{refused:?}");
    for _ in 0..2 {
        assert!(world.seal().await.is_err());
        assert_eq!(world.service().published().checkpoint, checkpoint);
    }
}

/// The same bytes again: what was acknowledged has the same receipt (`note_receipts` compares), and nothing new.
async fn resubmit(world: &mut World, entries: &[&SignedEntry]) {
    let again = world.submit(&provider_a().actor(), entries).await.unwrap();
    assert_eq!(outcomes(&again), "D".repeat(entries.len()));
}

#[tokio::test]
async fn no_step_of_sealing_loses_or_doubles_anything_however_it_fails() {
    for step in [Step::Commit, Step::Anchor] {
        for fault in FAULTS {
            let mut world = World::new().await;
            let entries = [0, 1, 2].map(|_| provider_a().signed_study());
            let entries = entries.each_ref();
            let submitted = world.accept(&provider_a(), &entries).await;
            let before = world.service().published().checkpoint.clone();
            world.disk.plan(step, 1, fault);
            assert!(world.seal().await.is_err(), "{step:?} {fault:?}");
            assert!(!world.service().wait_sealed(submitted.sealed_at_total.unwrap()).await);
            stands_still(&mut world, &before).await;

            world.reopen().await.unwrap();
            let kept = step == Step::Anchor || matches!(fault, Fault::FailKept | Fault::DieKept);
            let grown = size_of(&world.service().published().checkpoint) - size_of(&before);
            assert_eq!(grown, u64::from(kept), "{step:?} {fault:?}");
            world.verify_chain().await;
            resubmit(&mut world, &entries).await;
            world.accept(&provider_a(), &[&provider_a().signed_study()]).await;
            let outside = world.settle().await;
            assert_eq!(outside.commitments.len(), 8, "{step:?} {fault:?}: 2 founding, 2 keys, 3, and 1");
            assert!(world.service().wait_sealed(submitted.sealed_at_total.unwrap()).await);
        }
    }
}

/// A full disk is no broken one: nothing is kept, nothing is promised, and it goes on without a restart.
#[tokio::test]
async fn want_of_room_passes_without_a_restart() {
    let mut world = World::new().await;
    let entry = provider_a().signed_study();
    for _ in 0..2 {
        world.disk.plan(Step::Commit, 1, Fault::NoRoom);
        let refused = world.submit(&provider_a().actor(), &[&entry]).await;
        assert!(matches!(refused, Err(Error::NoRoom(_))), "{refused:?}");
    }
    world.accept(&provider_a(), &[&entry]).await;
    for step in [Step::Commit, Step::Anchor, Step::Anchor] {
        let before = world.service().published().checkpoint.clone();
        world.disk.plan(step, 1, Fault::NoRoom);
        assert!(world.seal().await.is_err());
        assert_eq!(world.service().published().checkpoint, before, "{step:?}");
        assert!(world.service().not_ready().is_none(), "only the sealer's task says that sealing is in trouble");
    }
    world.accept(&provider_a(), &[&provider_a().signed_study()]).await;
    assert_eq!(world.settle().await.commitments.len(), 6);
}

#[tokio::test]
async fn dying_after_publishing_shows_the_same_again() {
    let mut world = World::new().await;
    world.accept(&provider_a(), &[&provider_a().signed_study()]).await;
    world.seal().await.unwrap().unwrap();
    let before = world.service().published().checkpoint.clone();
    for _ in 0..2 {
        world.reopen().await.unwrap();
        assert_eq!(world.service().published().checkpoint, before);
        world.settle().await;
    }
}

#[tokio::test]
async fn the_first_blocks_survive_every_fault() {
    for step in [Step::Commit, Step::Anchor] {
        for nth in [1, 2] {
            for fault in FAULTS {
                let mut world = World::founded().await;
                world.disk.plan(step, nth, fault);
                let refused = world.reopen().await;
                assert!(matches!(refused, Err(Error::Unavailable(_))), "{step:?} {nth} {fault:?}: {refused:?}");
                world.reopen().await.unwrap();
                let outside = world.settle().await;
                assert_eq!(outside.blocks.iter().map(|block| block.entries).collect::<Vec<_>>(), [1, 1]);
            }
        }
    }
}

#[tokio::test]
async fn a_submission_is_kept_or_lost_as_a_whole_and_never_doubled() {
    for fault in FAULTS {
        let mut world = World::new().await;
        let earlier = provider_a().signed_study();
        world.accept(&provider_a(), &[&earlier]).await;
        let before = world.service().published().checkpoint.clone();
        let entries = [0, 1, 2].map(|_| provider_a().signed_study());
        let entries = entries.each_ref();
        world.disk.plan(Step::Commit, 1, fault);
        let failed = world.submit(&provider_a().actor(), &entries).await;
        assert!(matches!(failed, Err(Error::Unavailable(_))), "{fault:?}: {failed:?}");
        stands_still(&mut world, &before).await;

        world.reopen().await.unwrap();
        world.verify_chain().await;
        let again = world.submit(&provider_a().actor(), &entries).await.unwrap();
        let kept = matches!(fault, Fault::FailKept | Fault::DieKept);
        assert_eq!(outcomes(&again), if kept { "DDD" } else { "AAA" }, "{fault:?}");
        assert_eq!(again.receipts.len(), 1, "what was kept has its receipt, though nobody heard of it");
        resubmit(&mut world, &[&[&earlier], &entries[..]].concat()).await;
        assert_eq!(world.settle().await.commitments.len(), 8);
    }
}

/// Several requests wait and are committed together: those before the failed one are acknowledged and stay.
#[tokio::test]
async fn of_a_round_only_what_was_kept_is_acknowledged() {
    for nth in 1..=3 {
        for fault in FAULTS {
            let mut world = World::new().await;
            let requests = world.reopen_idle(|disk| Arc::new(disk.open())).await.unwrap();
            let entries = [0, 1, 2].map(|_| provider_a().signed_study());
            let mut tasks = Vec::new();
            for entry in &entries {
                let (service, bytes) = (world.service(), bytes_of(&[entry]));
                tasks.push(tokio::spawn(async move { service.submit(&provider_a().actor(), bytes).await }));
                until("the request waits", async || requests.len() == tasks.len()).await;
            }
            world.disk.plan(Step::Commit, nth, fault);
            tokio::spawn(super::Service::run_ingest(Arc::downgrade(&world.service()), requests));
            for (i, task) in (1..).zip(tasks) {
                match task.await.unwrap() {
                    Ok(submitted) => world.note_receipts(&submitted),
                    Err(error) => assert!(i >= nth && matches!(error, Error::Unavailable(_)), "{i}: {error}"),
                }
            }
            assert_eq!(world.acknowledged.len(), 2 + nth - 1, "the two keys, and what came before the fault");
            world.reopen().await.unwrap();
            let again = world.submit(&provider_a().actor(), &entries.each_ref()).await.unwrap();
            let kept = nth - 1 + usize::from(matches!(fault, Fault::FailKept | Fault::DieKept));
            assert_eq!(outcomes(&again), format!("{}{}", "D".repeat(kept), "A".repeat(3 - kept)), "{nth} {fault:?}");
            assert_eq!(world.settle().await.commitments.len(), 7);
        }
    }
}

/// A disk that kept less than it said, or something else: nothing may be signed on top of it.
#[tokio::test]
async fn a_chain_that_contradicts_what_was_signed_is_refused() {
    let delete_blocks = |from: u64| -> Vec<Write> { (from..4).map(|height| BLOCKS.delete(&height)).collect() };
    let other_leaf = NODES.put(&(0, 3), &Hash::of(&[b"other"])).unwrap();
    let cases: [(&str, Vec<Write>, Option<&str>); 6] = [
        ("nothing", Vec::new(), None),
        ("no block is left", delete_blocks(0), None),
        ("the last block is missing", delete_blocks(3), None),
        ("another block stands there", vec![other_leaf], None),
        ("another chain was signed", Vec::new(), Some(ORIGIN)),
        ("another ledger was signed", Vec::new(), Some("other.example.cn/test")),
    ];
    for (what, writes, signed) in cases {
        let mut world = World::new().await;
        world.accept(&provider_a(), &[&provider_a().signed_study()]).await;
        world.seal().await.unwrap().unwrap();
        let root = world.service().published().root;
        let disk = world.disk.open();
        disk.commit(Commit::new(Event::default()).write_all(writes)).await.unwrap();
        if let Some(origin) = signed {
            let root = if origin == ORIGIN { Hash::of(&[b"other"]) } else { root };
            disk.anchor(&Checkpoint::new(origin, 4, root).unwrap().to_string()).await.unwrap();
        }
        let opened = world.reopen().await;
        assert_eq!(matches!(opened, Err(Error::Unavailable(_))), what != "nothing", "{what}: {opened:?}");
    }
}

/// What is shown must be shown to all: the tasks of the real service, on two threads, with many senders.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_senders_at_once_leave_no_gap_and_no_double() {
    let mut world = World::new().await;
    world.settings.batch_max = 7;
    world.reopen().await.unwrap();
    let pool: Arc<Vec<SignedEntry>> = Arc::new((0..120).map(|_| provider_a().signed_study()).collect());
    let sender = |nth: u64| {
        let (service, pool) = (world.service(), Arc::clone(&pool));
        async move {
            let mut random = Random(nth + 1);
            let mut answers = Vec::new();
            // Each sends its own fifteen, one by one with some of the others'.
            for round in 0..15 {
                let mut batch = vec![pool[(nth * 15 + round) as usize].bytes().to_vec()];
                batch.extend((0..4).map(|_| pool[random.below(pool.len())].bytes().to_vec()));
                answers.push(service.submit(&provider_a().actor(), batch).await.unwrap());
                // And now and then a key, whose block must name a register that holds it.
                if round % 3 == 0 {
                    let key = add_key((40 + nth * 5 + round / 3) as u8, &provider_a(), &[Kind::Study]);
                    answers.push(service.submit(&Actor::Operator, bytes_of(&[&key])).await.unwrap());
                }
            }
            answers
        }
    };
    let senders: Vec<_> = (0..8).map(|nth| tokio::spawn(sender(nth))).collect();
    let service = world.service();
    let (stop, mut stopped) = tokio::sync::oneshot::channel::<()>();
    let sealer = tokio::spawn(async move {
        let mut shown = Vec::new();
        while stopped.try_recv().is_err() {
            drop(service.seal_once().await.unwrap());
            shown.push(service.published().checkpoint.clone());
            tokio::task::yield_now().await;
        }
        shown
    });
    let mut accepted = 0;
    for sender in senders {
        for submitted in sender.await.unwrap() {
            assert!(!outcomes(&submitted).contains(['R', 'C']), "{:?}", submitted.results);
            accepted += outcomes(&submitted).matches('A').count();
            world.note_receipts(&submitted);
        }
    }
    stop.send(()).unwrap();
    for checkpoint in sealer.await.unwrap() {
        world.note_shown(checkpoint);
    }
    assert_eq!(accepted, 120 + 40, "each entry was accepted once");
    let outside = world.settle().await;
    assert_eq!(outside.commitments.len(), 4 + 160);
    assert_eq!(world.placed().await, 4 + 160);
    world.reopen().await.unwrap();
    resubmit(&mut world, &pool.iter().collect::<Vec<_>>()).await;
    world.settle().await;
}
