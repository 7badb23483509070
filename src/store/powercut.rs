//! Simulated power cuts: only what was synced survives, and of what was not, any part in any order.
//!
//! A run of the real store is written down operation by operation ([`Tape`]). For a cut after each of them, [`Remains`]
//! works out what the disk may hold: names and contents that were synced; of later writes any subset, in any order, each
//! whole or torn; of new names and renames any subset; of writes whose fsync failed, any subset, which no later fsync
//! mends. The index, which is never synced, is missing, old, or a mixture of the pages of two ages. Each such image is
//! opened by the real store, which must find everything that was acknowledged before the cut, nothing in part, an unbroken
//! chain of events, and must go on; some of them lose power again while they are opened. The mark is advanced by itself
//! all the time, so cuts fall before, within and after that too.
//!
//! A failure names its seed and the operation after which it was cut: `CQO_CUT_SEED=<seed>` runs that seed alone.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::contract::{all_rows, commit, key, put, wait};
use super::faults::DiskStep;
use super::remains::{Files, Random, Remains, read_files, scratch, write_files};
use super::tape::{self, DiskOp, Tape};
use super::*;

/// sled writes and reads its file in pages.
const PAGE_BYTES: usize = 4096;
/// The directory of the store, and of its index, in an image.
const STORE: &str = "store";
const INDEX: &str = "store/index";

fn options() -> Options {
    Options {
        segment_bytes: 900,
        cache_bytes: 1024 * 1024,
        recent_rows: 4,
        mark_delay: Duration::from_micros(300),
        ..Options::default()
    }
}

/// Something was acknowledged when the tape was so long.
#[derive(Debug, Clone)]
struct Moment {
    tape: usize,
    commits: u64,
    anchors: usize,
}

/// A run of the store, written down.
struct Run {
    dir: tempfile::TempDir,
    ops: Vec<DiskOp>,
    moments: Vec<Moment>,
    /// The rows after each commit.
    rows: Vec<Vec<String>>,
    anchors: Vec<String>,
    /// The index as its files were when the tape was so long.
    indexes: Vec<(usize, Files)>,
}

impl Run {
    /// Makes a store, commits, anchors, fails, runs out of room, and starts again and again.
    fn record() -> Self {
        let dir = scratch();
        let tape = Tape::record(dir.path());
        let mut run = Self {
            dir,
            ops: Vec::new(),
            moments: Vec::new(),
            rows: vec![Vec::new()],
            anchors: Vec::new(),
            indexes: Vec::new(),
        };
        let options = options();
        for round in 0..6_u64 {
            let store = Embedded::open(&run.store(), &options).unwrap();
            run.acknowledged(&tape, &store);
            for nth in 0..3 {
                run.commit_together(&tape, &store, round * 10 + nth);
                if nth == round % 3 {
                    run.anchor(&tape, &store);
                }
                run.without_room(&tape, &store, &options, (round, nth));
            }
            if round == 2 || round == 4 {
                run.failed_sync(&store, &options);
            }
            drop(store);
            run.indexes.push((tape.len(), read_files(&run.store().join("index"))));
        }
        run.ops = tape.ops();
        run
    }

    /// Whose own name has to be durable too.
    fn store(&self) -> PathBuf {
        self.dir.path().join(STORE)
    }

    fn acknowledged(&mut self, tape: &Tape, store: &Embedded) {
        let commits = store.health().sequence;
        let rows = all_rows(store);
        // After a failed sync the restart may have found one more.
        if commits == self.rows.len() as u64 {
            self.rows.push(rows);
        } else {
            assert_eq!((self.rows.len() as u64, self.rows.last()), (commits + 1, Some(&rows)));
        }
        self.moments.push(Moment { tape: tape.len(), commits, anchors: self.anchors.len() });
    }

    /// Three commits of different sizes that may go as one group.
    fn commit_together(&mut self, tape: &Tape, store: &Embedded, nth: u64) {
        let writes =
            |n: u64| [put(&format!("row-{}", n % 5), &"v".repeat(n as usize * 7 % 300)), Write::Delete(key("row-4"))];
        let before = self.rows.len() as u64;
        for n in 0..3 {
            let changed = commit(writes(nth + n));
            if n < 2 {
                wait(store.commit(changed)).unwrap();
                self.acknowledged(tape, store);
            } else {
                let other = commit([put("other", &nth.to_string())]);
                let (a, b) = wait(async { tokio::join!(store.commit(changed), store.commit(other)) });
                assert_eq!((a.unwrap().sequence, b.unwrap().sequence), (before + 2, before + 3));
                // What stood between the two was never seen from outside, but a cut may leave it.
                let both = all_rows(store);
                let other = format!("1/other={nth}@{}", before + 3);
                let earlier = self.rows.last().unwrap().iter().find(|row| row.starts_with("1/other=")).cloned();
                let mut first: Vec<String> = both.iter().filter(|row| **row != other).cloned().chain(earlier).collect();
                first.sort();
                self.rows.push(first);
                self.acknowledged(tape, store);
            }
        }
    }

    fn anchor(&mut self, tape: &Tape, store: &Embedded) {
        let checkpoint = format!("checkpoint {}", self.anchors.len());
        wait(store.anchor(&checkpoint)).unwrap();
        self.anchors.push(checkpoint);
        self.moments.push(Moment { tape: tape.len(), commits: store.health().sequence, anchors: self.anchors.len() });
    }

    /// Nothing of what finds no room is kept, and the store goes on.
    fn without_room(&mut self, tape: &Tape, store: &Embedded, options: &Options, (round, nth): (u64, u64)) {
        if nth == 2 {
            // Strikes when the next segment is begun; what the store does when it is idle comes after.
            options.faults.plan(DiskStep::OpenSegment);
            while wait(store.commit(commit([put("filler", &round.to_string())]))).is_ok() {
                self.acknowledged(tape, store);
            }
            std::thread::sleep(std::time::Duration::from_millis(2));
        } else if nth == 1 {
            options.faults.plan(DiskStep::Full);
            let refused = wait(store.commit(commit([put("too much", &"x".repeat(50 + round as usize * 60))])));
            assert!(matches!(refused, Err(StoreError::NoRoom { .. })), "{refused:?}");
        } else {
            options.faults.plan(DiskStep::MarkDescriptors);
            assert!(matches!(wait(store.anchor("too much")), Err(StoreError::NoRoom { .. })));
        }
        assert_eq!(store.health().poisoned, None);
    }

    /// The sync of a commit fails: nobody knows whether it is kept.
    fn failed_sync(&self, store: &Embedded, options: &Options) {
        options.faults.plan(DiskStep::Sync);
        let failed = wait(store.commit(commit([put("unsure", "")])));
        assert!(matches!(failed, Err(StoreError::Poisoned { .. })), "{failed:?}");
        let segments = fs::read_dir(self.store().join("journal")).unwrap().map(|entry| entry.unwrap().path());
        let last = segments.filter(|path| path.extension().is_some_and(|extension| extension == "log")).max().unwrap();
        tape::note(DiskOp::SyncFailed(last));
    }

    /// What was acknowledged before the cut.
    fn promised(&self, cut: usize) -> Moment {
        let before = self.moments.iter().rev().find(|moment| moment.tape <= cut);
        before.cloned().unwrap_or(Moment { tape: 0, commits: 0, anchors: 0 })
    }

    /// What is left when the power is cut after so many operations.
    fn image(&self, cut: usize, random: &mut Random) -> Files {
        let mut remains = Remains::of(&Files::new(), random);
        remains.play(self.dir.path(), &self.ops[..cut]);
        let mut files = remains.cut();
        files.retain(|path, _| !path.starts_with(INDEX));
        files.extend(self.index(cut, random));
        files
    }

    /// What may be left of an index that is never synced.
    fn index(&self, cut: usize, random: &mut Random) -> Files {
        let known: Vec<&Files> = self.indexes.iter().filter(|(tape, _)| *tape <= cut).map(|(_, files)| files).collect();
        let (Some(newer), false) = (known.last(), random.below(4) == 0) else { return Files::new() };
        let older = known[random.below(known.len())];
        let mixed = random.below(2) == 0;
        let names = if random.below(2) == 0 { newer } else { &older };
        let files = names.keys().map(|name| {
            let none = Vec::new();
            let (new, old) = (newer.get(name).unwrap_or(&none), older.get(name).unwrap_or(&none));
            let mut bytes = if random.below(2) == 0 { new.clone() } else { old.clone() };
            for (nth, page) in bytes.chunks_mut(PAGE_BYTES).enumerate() {
                let from = if mixed && random.below(2) == 0 { old } else { new };
                let at = nth * PAGE_BYTES;
                if let Some(from) = from.get(at..at + page.len()) {
                    page.copy_from_slice(from);
                }
            }
            (Path::new(INDEX).join(name), bytes)
        });
        files.collect()
    }

    /// Opens an image and holds it against what was promised; returns how far it had come.
    fn check(&self, dir: &Path, promised: &Moment) -> Result<u64, String> {
        let store = Embedded::open(&dir.join(STORE), &options()).map_err(|error| error.to_string())?;
        let sequence = store.health().sequence;
        let rows = all_rows(&store);
        let records = wait(store.events(1, 10_000)).map_err(|error| error.to_string())?;
        let head = verify_events(EventHead::default(), &records).map_err(|error| error.to_string())?;
        let anchored = wait(store.anchored()).unwrap().map(|anchor| anchor.checkpoint);
        let anchors = anchored.map_or(Some(0), |text| self.anchors.iter().position(|a| *a == text).map(|nth| nth + 1));
        if sequence < promised.commits || head.sequence != sequence {
            return Err(format!("{sequence} commits and {} events are left of {promised:?}", head.sequence));
        }
        if self.rows.get(usize::try_from(sequence).unwrap()) != Some(&rows) {
            return Err(format!("after {sequence} commits: {rows:?}"));
        }
        if anchors.is_none_or(|anchors| anchors < promised.anchors) {
            return Err(format!("anchor {anchors:?} of {promised:?}"));
        }
        Ok(sequence)
    }

    /// One image, opened, perhaps cut again while it is opened, and used on.
    fn try_image(&self, cut: usize, random: &mut Random) -> Result<(), String> {
        let dir = scratch();
        let image = self.image(cut, random);
        write_files(dir.path(), &image);
        let promised = self.promised(cut);
        let tape = Tape::record(dir.path());
        let sequence = self.check(dir.path(), &promised)?;
        let ops = tape.ops();
        drop(tape);
        if random.below(4) == 0 {
            self.cut_again(&image, dir.path(), &ops, &Moment { commits: sequence, ..promised }, random)?;
        }
        let store = Embedded::open(&dir.path().join(STORE), &options()).map_err(|error| error.to_string())?;
        let kept = wait(store.commit(commit([put("afterwards", "")]))).map_err(|error| error.to_string())?;
        let expected = all_rows(&store);
        drop(store);
        let store = Embedded::open(&dir.path().join(STORE), &options()).map_err(|error| error.to_string())?;
        match kept.sequence == sequence + 1 && all_rows(&store) == expected {
            true => Ok(()),
            false => Err("what was committed afterwards is not there".into()),
        }
    }

    /// The power is cut once more, after the image was opened: what was seen then must stay. Or while it was: what was promised
    /// must stay.
    fn cut_again(
        &self,
        image: &Files,
        root: &Path,
        ops: &[DiskOp],
        seen: &Moment,
        random: &mut Random,
    ) -> Result<(), String> {
        let whole = random.below(2) == 0;
        let cut = if whole { ops.len() } else { random.below(ops.len() + 1) };
        let mut remains = Remains::of(image, random);
        remains.play(root, &ops[..cut]);
        let mut files = remains.cut();
        // Whatever is left of the first image's index may be left still.
        files.retain(|path, _| !path.starts_with(INDEX));
        files.extend(image.iter().filter(|(path, _)| path.starts_with(INDEX)).map(|(p, b)| (p.clone(), b.clone())));
        let again = scratch();
        write_files(again.path(), &files);
        let least = if whole { seen.commits } else { 0 };
        let promised = Moment { commits: least.max(self.promised(seen.tape).commits), ..seen.clone() };
        self.check(again.path(), &promised).map(drop).map_err(|error| format!("cut again after {cut}: {error}"))
    }
}

#[test]
fn whatever_a_power_cut_leaves_everything_acknowledged_is_there() {
    let run = Run::record();
    assert!(run.ops.len() > 200, "{}", run.ops.len());
    let only = std::env::var("CQO_CUT_SEED").ok().map(|seed| seed.parse::<u64>().unwrap());
    let seeds = if std::env::var_os("CQO_TEST_ALL").is_some() { 60 } else { 2 };
    let seeds = only.map_or(1..=seeds, |seed| seed..=seed);
    let next = std::sync::atomic::AtomicUsize::new(0);
    let failures: Vec<String> = std::thread::scope(|scope| {
        let work = || {
            let mut failures = Vec::new();
            loop {
                let cut = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                if cut > run.ops.len() {
                    return failures;
                }
                for seed in seeds.clone() {
                    let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (cut as u64 + 1) << 20);
                    if let Err(error) = run.try_image(cut, &mut random) {
                        failures.push(format!("seed {seed}, cut after operation {cut} of {}: {error}", run.ops.len()));
                    }
                }
            }
        };
        let workers: Vec<_> = (0..4).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    assert!(failures.is_empty(), "{} images failed:\n{}", failures.len(), failures[..failures.len().min(5)].join("\n"));
}
