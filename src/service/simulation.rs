//! A seeded simulation: one ledger through random submissions, seals, clocks and disasters, and an outsider who checks it.
//!
//! A [`Random`] decides what happens next: entries of two providers, alone or at the same time, new ones, known ones, and
//! others under a known id; a key; a block; time that passes, a clock that jumps; a fault at a step of the store, kept or
//! lost, with the program going on or dying; a restart. After each restart the whole chain is verified against every
//! checkpoint that anybody ever saw; at the end everything that was tried is sent again, and all of it must be there
//! exactly once, unchanged, under the receipt it was acknowledged with, each with a proof that verifies.
//!
//! The same runs on two grounds: the store in memory, which fails at its door, and the real store on a simulated disk, whose
//! every step can fail, and whose power can be cut in the middle of a submission or a block.
//!
//! A failing seed is printed. `CQO_SIM_SEED=1234 cargo test --lib simulation` runs that seed alone. Ids and keys are drawn
//! anew, so it is the same course of events, not the same bytes.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use super::testing::*;
use super::{Actor, SealError};
use crate::ledger::entry::Kind;
use crate::ledger::signed::SignedEntry;
use crate::store::remains::{Files, Random, Remains, scratch, write_files};
use crate::store::tape::Tape;
use crate::store::{DiskStep, Embedded, Fault, MemoryDisk, Options, Step, Store, StoreError};

const FAULTS: [Fault; 5] = [Fault::NoRoom, Fault::FailLost, Fault::FailKept, Fault::DieLost, Fault::DieKept];
/// Every step of the real store but the failed write of an acknowledgement, which has no fault.
const DISK_STEPS: [DiskStep; 9] = [
    DiskStep::Write,
    DiskStep::HalfWrite,
    DiskStep::Full,
    DiskStep::Sync,
    DiskStep::Rotate,
    DiskStep::OpenSegment,
    DiskStep::Apply,
    DiskStep::Mark,
    DiskStep::MarkDescriptors,
];
/// How many things happen in one run.
const EVENTS: usize = 40;
/// However many faults are still planned, a run must come to a good end within so many restarts.
const RESTARTS: usize = 40;
/// Longer than all jumps of a run together, so that every promise can be kept.
const SEAL_BY_MS: i64 = 30 * 24 * 3_600_000;
/// A jump that the sealer takes for drift, and one that it does not.
const JUMPS_MS: [i64; 4] = [-240_000, 240_000, -1_200_000, 3_600_000];

/// What the ledger stands on.
enum Ground {
    Memory,
    Disk(Arc<Mutex<SimulatedDisk>>),
}

/// The real store in a directory whose every operation is written down.
struct SimulatedDisk {
    dir: tempfile::TempDir,
    tape: Tape,
    options: Options,
    /// What was on the disk when the tape began.
    before: Files,
}

impl SimulatedDisk {
    fn new() -> Self {
        Self::with(Files::new())
    }

    fn with(files: Files) -> Self {
        let dir = scratch();
        write_files(dir.path(), &files);
        let mut options = Options::default();
        (options.segment_bytes, options.cache_bytes, options.recent_rows) = (12_000, 1024 * 1024, 30);
        Self { tape: Tape::record(dir.path()), dir, options, before: files }
    }

    fn open(&self) -> Arc<dyn Store> {
        loop {
            match Embedded::open(&self.dir.path().join("store"), &self.options) {
                Ok(store) => return Arc::new(store),
                // The last task of the service before still holds it.
                Err(StoreError::Locked { .. }) => std::thread::sleep(std::time::Duration::from_millis(1)),
                Err(error) => panic!("the store does not open: {error}"),
            }
        }
    }

    /// What the disk holds when the power is cut at some moment since the tape was `since` long. The index is gone, or as
    /// old as the disk before.
    fn cut(&self, since: usize, random: &mut Random) -> Files {
        let ops = self.tape.ops();
        let cut = since + random.below(ops.len() - since + 1);
        let mut remains = Remains::of(&self.before, random);
        remains.play(self.dir.path(), &ops[..cut]);
        let mut files = remains.cut();
        let keep_index = random.below(2) == 0;
        let in_index = |path: &Path| path.starts_with("store/index");
        files.retain(|path, _| !in_index(path));
        if keep_index {
            files.extend(self.before.iter().filter(|(path, _)| in_index(path)).map(|(p, b)| (p.clone(), b.clone())));
        }
        files
    }
}

impl Ground {
    fn open(&self, disk: &MemoryDisk) -> Arc<dyn Store> {
        match self {
            Self::Memory => Arc::new(disk.open()),
            Self::Disk(disk) => disk.lock().unwrap().open(),
        }
    }

    fn plan_fault(&self, world: &World, random: &mut Random) {
        match self {
            Self::Memory => {
                let step = [Step::Commit, Step::Anchor][random.below(2)];
                world.disk.plan(step, 1 + random.below(2), FAULTS[random.below(FAULTS.len())]);
            }
            Self::Disk(disk) => disk.lock().unwrap().options.plan(DISK_STEPS[random.below(DISK_STEPS.len())]),
        }
    }
}

/// One run.
struct Simulation {
    world: World,
    ground: Ground,
    random: Random,
    /// Every entry that was ever sent, with who sent it; accepted or not, it may be there.
    tried: Vec<(Party, SignedEntry)>,
    keys: u8,
}

impl Simulation {
    async fn begin(ground: Ground, seed: u64) -> Self {
        let mut world = World::new_on(|disk| ground.open(disk)).await;
        world.settings.seal_by_ms = SEAL_BY_MS;
        let random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        let mut simulation = Self { world, ground, random, tried: Vec::new(), keys: 0 };
        simulation.restart().await;
        simulation
    }

    async fn run(mut self) {
        for _ in 0..EVENTS {
            match self.random.below(16) {
                0..5 => self.submit().await,
                5 => self.submit_at_once().await,
                6..10 => drop(self.world.seal().await),
                10 => self.add_key().await,
                11 => self.world.clock.advance(self.random.below(10_000) as i64),
                12 => self.world.clock.jump(JUMPS_MS[self.random.below(JUMPS_MS.len())]),
                13 => self.ground.plan_fault(&self.world, &mut self.random),
                14 => self.cut_power().await,
                _ => {
                    self.restart().await;
                    self.world.verify_chain().await;
                }
            }
        }
        self.end().await;
    }

    fn party(&mut self) -> Party {
        if self.random.below(2) == 0 { provider_a() } else { provider_b() }
    }

    /// A few new entries of a party, and perhaps one that it sent before.
    fn entries(&mut self, party: &Party) -> Vec<SignedEntry> {
        let fresh: Vec<SignedEntry> = (0..=self.random.below(3)).map(|_| party.signed_study()).collect();
        let mut entries = fresh.clone();
        let before: Vec<&SignedEntry> =
            self.tried.iter().filter(|(by, _)| by.code == party.code).map(|(_, entry)| entry).collect();
        if !before.is_empty() {
            entries.push(before[self.random.below(before.len())].clone());
        }
        self.tried.extend(fresh.into_iter().map(|entry| (party.clone(), entry)));
        entries
    }

    async fn submit(&mut self) {
        let party = self.party();
        let mut entries = self.entries(&party);
        if self.random.below(6) == 0 {
            // Another entry under the id of the first: never both.
            let mut other = party.study();
            other.id = entries[0].entry().id;
            if let crate::ledger::entry::Body::Study(_, study) = &mut other.body {
                study.completes = false;
            }
            entries.push(party.sign(other));
        }
        // Refused or not, it may be there after a restart.
        drop(self.world.submit(&party.actor(), &entries.iter().collect::<Vec<_>>()).await);
    }

    /// Requests of both providers that may be one group.
    async fn submit_at_once(&mut self) {
        let (a, b) = (self.entries(&provider_a()), self.entries(&provider_b()));
        let service = self.world.service();
        let (actor_a, actor_b) = (provider_a().actor(), provider_b().actor());
        let bytes = |entries: &[SignedEntry]| bytes_of(&entries.iter().collect::<Vec<_>>());
        let answers = tokio::join!(service.submit(&actor_a, bytes(&a)), service.submit(&actor_b, bytes(&b)));
        for submitted in [answers.0, answers.1].into_iter().flatten() {
            self.world.note_receipts(&submitted);
        }
    }

    async fn add_key(&mut self) {
        let key = add_key(100 + self.keys, &provider_a(), &[Kind::Study]);
        self.keys += 1;
        self.tried.push((authority(), key.clone()));
        drop(self.world.submit(&Actor::Operator, &[&key]).await);
    }

    /// Starts again, however many planned faults strike while it does.
    async fn restart(&mut self) {
        let mut last = None;
        for _ in 0..RESTARTS {
            match self.world.reopen_on(|disk| self.ground.open(disk)).await {
                Ok(()) => return,
                Err(error) => last = Some(error),
            }
        }
        panic!("it never starts: {last:?}");
    }

    /// The power is cut while something is submitted, or while a block is sealed: nobody hears the answer.
    async fn cut_power(&mut self) {
        let Ground::Disk(disk) = &self.ground else { return self.restart().await };
        let disk = Arc::clone(disk);
        let since = disk.lock().unwrap().tape.len();
        let service = self.world.service();
        if self.random.below(2) == 0 {
            let party = self.party();
            let entries = self.entries(&party);
            drop(service.submit(&party.actor(), bytes_of(&entries.iter().collect::<Vec<_>>())).await);
        } else {
            drop(service.seal_once().await);
        }
        drop(service);
        let left = disk.lock().unwrap().cut(since, &mut self.random);
        let next = SimulatedDisk::with(left);
        // The service of before goes on in a directory that nobody looks at any more.
        let before = std::mem::replace(&mut *disk.lock().unwrap(), next);
        self.restart().await;
        drop(before);
        self.world.verify_chain().await;
    }

    /// Everything is sent again until it is there, sealed, and verified.
    async fn end(mut self) {
        for _ in 0..RESTARTS {
            self.restart().await;
            if self.send_all().await && self.seal_all().await && self.world.service().not_ready().is_none() {
                break;
            }
        }
        let outside = self.world.verify_together().await;
        assert_eq!(outside.commitments.len(), 4 + self.tried.len(), "each entry stands on the chain once");
        assert_eq!(self.world.acknowledged.len(), 2 + self.tried.len(), "each was acknowledged");
    }

    async fn send_all(&mut self) -> bool {
        for (party, entry) in self.tried.clone() {
            let actor = if party.code == authority().code { Actor::Operator } else { party.actor() };
            let Ok(submitted) = self.world.submit(&actor, &[&entry]).await else { return false };
            assert!(["A", "D"].contains(&outcomes(&submitted).as_str()), "{:?}", submitted.results);
        }
        true
    }

    async fn seal_all(&mut self) -> bool {
        loop {
            match self.world.seal().await {
                Ok(Some(_)) => {}
                Ok(None) => return true,
                Err(SealError::Unsound(reason)) => panic!("{reason}"),
                Err(_) => return false,
            }
        }
    }
}

/// Says which seed it was when a run fails.
struct Seed(&'static str, u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("{} failed: run it alone with CQO_SIM_SEED={} cargo test --lib {}", self.0, self.1, self.0);
        }
    }
}

/// Runs seeds on all cores, or the one that the environment names.
fn simulate(name: &'static str, usual: u64, long: u64, ground: impl Fn() -> Ground + Sync) {
    let only = std::env::var("CQO_SIM_SEED").ok().map(|seed| seed.parse::<u64>().expect("CQO_SIM_SEED is a number"));
    let last = if std::env::var_os("CQO_TEST_ALL").is_some() { long } else { usual };
    let (first, last) = only.map_or((1, last), |seed| (seed, seed));
    let next = AtomicU64::new(first);
    let work = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed > last {
                return;
            }
            let _told = Seed(name, seed);
            runtime.block_on(async { Simulation::begin(ground(), seed).await.run().await });
        }
    };
    std::thread::scope(|scope| {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        let failed = workers.into_iter().map(|worker| worker.join()).filter(Result::is_err).count();
        assert_eq!(failed, 0, "the seeds are printed above");
    });
}

#[test]
fn whatever_happens_in_whatever_order_the_whole_ledger_verifies() {
    simulate("whatever_happens_in_whatever_order_the_whole_ledger_verifies", 100, 5_000, || Ground::Memory);
}

#[test]
fn whatever_the_disk_does_the_whole_ledger_verifies() {
    let ground = || Ground::Disk(Arc::new(Mutex::new(SimulatedDisk::new())));
    simulate("whatever_the_disk_does_the_whole_ledger_verifies", 20, 1_000, ground);
}
