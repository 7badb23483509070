//! In memory, with faults: for tests of the layers above.
//!
//! [`MemoryDisk`] is what survives, a [`Memory`] is the running program. `MemoryDisk::open` is the restart: it loads what
//! survived, and handles that were opened before are dead from then on. A [`Fault`] planned for the n-th step fails as
//! disks do: with or without having kept what it reports as failed, with the program going on (poisoned, as the real one)
//! or dead.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{
    Anchor, BoxFuture, Commit, Committed, Direction, EventHead, EventRecord, Health, KeyRange, MAX_CHECKPOINT_BYTES,
    MAX_SCAN_ROWS, Row, RowKey, Store, StoreError,
};

/// A step that can fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A commit whose conditions hold.
    Commit,
    /// An anchor.
    Anchor,
}

/// How it fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// There is no room: nothing was kept, and the handle goes on.
    NoRoom,
    /// An error, and nothing was kept. The handle is poisoned.
    FailLost,
    /// An error, although it was kept: a restart shows it. The handle is poisoned.
    FailKept,
    /// The program dies before it was kept: this call and all later ones on the handle are errors.
    DieLost,
    /// The program dies after it was kept and before the answer.
    DieKept,
}

/// What survives. Clones are the same disk.
#[derive(Debug, Clone, Default)]
pub struct MemoryDisk(Arc<Mutex<Disk>>);

/// A store in memory, opened on a [`MemoryDisk`].
#[derive(Debug)]
pub struct Memory {
    disk: MemoryDisk,
    opening: u64,
    running: Mutex<Running>,
}

#[derive(Debug, Default)]
struct Disk {
    kept: State,
    /// How often it was opened: only the last handle is alive.
    openings: u64,
    /// How many further steps of a kind succeed before the fault.
    planned: Vec<(Step, usize, Fault)>,
}

#[derive(Debug)]
struct Running {
    /// What this handle shows: on a healthy one, what is on the disk.
    state: State,
    poisoned: Option<String>,
    dead: bool,
}

#[derive(Debug, Clone, Default)]
struct State {
    rows: BTreeMap<Vec<u8>, Row>,
    events: Vec<EventRecord>,
    head: EventHead,
    anchor: Option<Anchor>,
}

impl MemoryDisk {
    /// An empty disk.
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts, or restarts: shows what survived. Handles opened before are dead.
    pub fn open(&self) -> Memory {
        let mut disk = self.lock();
        disk.openings += 1;
        let running = Running { state: disk.kept.clone(), poisoned: None, dead: false };
        Memory { disk: self.clone(), opening: disk.openings, running: Mutex::new(running) }
    }

    /// Plans a fault for the `nth` step of this kind from now on; the next one is the first.
    pub fn plan(&self, step: Step, nth: usize, fault: Fault) {
        self.lock().planned.push((step, nth.saturating_sub(1), fault));
    }

    fn lock(&self) -> MutexGuard<'_, Disk> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Disk {
    /// The fault that is due at this step.
    fn due(&mut self, step: Step) -> Option<Fault> {
        let due = self.planned.iter().position(|(planned, left, _)| *planned == step && *left == 0);
        for (planned, left, _) in &mut self.planned {
            if *planned == step {
                *left = left.saturating_sub(1);
            }
        }
        due.map(|nth| self.planned.remove(nth).2)
    }
}

impl State {
    fn apply(&mut self, commit: Commit) -> Committed {
        let record = EventRecord { sequence: self.head.sequence + 1, previous: self.head.hash, event: commit.event };
        self.head = record.head();
        self.events.push(record);
        for write in commit.writes {
            match write {
                super::Write::Put(key, value) => self.rows.insert(key.0, Row { version: self.head.sequence, value }),
                super::Write::Delete(key) => self.rows.remove(&key.0),
            };
        }
        Committed { sequence: self.head.sequence }
    }
}

impl Memory {
    /// What this handle shows, unless its program is dead.
    fn alive(&self, opening: u64) -> Result<MutexGuard<'_, Running>, StoreError> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if running.dead || opening != self.opening {
            return Err(StoreError::Poisoned { reason: "the program that opened this handle is dead".into() });
        }
        Ok(running)
    }

    fn read<T>(&self, read: impl FnOnce(&State) -> T) -> Result<T, StoreError> {
        let opening = self.disk.lock().openings;
        Ok(read(&self.alive(opening)?.state))
    }

    /// Does one step on the disk and on what the handle shows, or fails as planned.
    fn step<T>(
        &self,
        step: Step,
        judge: impl FnOnce(&State) -> Result<(), StoreError>,
        apply: impl Fn(&mut State) -> T,
    ) -> Result<T, StoreError> {
        let mut disk = self.disk.lock();
        let mut running = self.alive(disk.openings)?;
        if let Some(reason) = &running.poisoned {
            return Err(StoreError::Poisoned { reason: reason.clone() });
        }
        judge(&running.state)?;
        let fault = disk.due(step);
        if matches!(fault, None | Some(Fault::FailKept | Fault::DieKept)) {
            apply(&mut disk.kept);
        }
        let Some(fault) = fault else { return Ok(apply(&mut running.state)) };
        let reason = format!("planned: {step:?} {fault:?}");
        if fault == Fault::NoRoom {
            return Err(StoreError::NoRoom { reason });
        }
        running.dead = matches!(fault, Fault::DieLost | Fault::DieKept);
        running.poisoned = Some(reason.clone());
        Err(StoreError::Poisoned { reason })
    }
}

impl Store for Memory {
    fn commit(&self, commit: Commit) -> BoxFuture<'_, Result<Committed, StoreError>> {
        Box::pin(async move {
            commit.check()?;
            let judge = |state: &State| {
                let version = |key: &RowKey| state.rows.get(&key.0).map(|row| row.version);
                let broken = commit.conditions.iter().position(|condition| !condition.holds(version(condition.key())));
                broken.map_or(Ok(()), |condition| Err(StoreError::Conflict { condition }))
            };
            self.step(Step::Commit, judge, |state| state.apply(commit.clone()))
        })
    }

    fn get(&self, key: RowKey) -> BoxFuture<'_, Result<Option<Row>, StoreError>> {
        Box::pin(async move { self.read(|state| state.rows.get(&key.0).cloned()) })
    }

    fn scan(
        &self,
        range: KeyRange,
        limit: usize,
        direction: Direction,
    ) -> BoxFuture<'_, Result<Vec<(RowKey, Row)>, StoreError>> {
        Box::pin(async move {
            StoreError::check_limit("limit of the scan", limit, MAX_SCAN_ROWS)?;
            let Some(bounds) = range.bounds() else { return Ok(Vec::new()) };
            let owned = |(key, row): (&Vec<u8>, &Row)| (RowKey(key.clone()), row.clone());
            self.read(|state| {
                let rows = state.rows.range::<[u8], _>(bounds);
                match direction {
                    Direction::Forward => rows.take(limit).map(owned).collect(),
                    Direction::Reverse => rows.rev().take(limit).map(owned).collect(),
                }
            })
        })
    }

    fn anchor(&self, checkpoint: &str) -> BoxFuture<'_, Result<Anchor, StoreError>> {
        let checkpoint = checkpoint.to_owned();
        Box::pin(async move {
            StoreError::check_limit("checkpoint in bytes", checkpoint.len(), MAX_CHECKPOINT_BYTES)?;
            self.step(
                Step::Anchor,
                |_| Ok(()),
                |state| {
                    let anchor = Anchor { sequence: state.head.sequence, checkpoint: checkpoint.clone() };
                    state.anchor = Some(anchor.clone());
                    anchor
                },
            )
        })
    }

    fn anchored(&self) -> BoxFuture<'_, Result<Option<Anchor>, StoreError>> {
        Box::pin(async move { self.read(|state| state.anchor.clone()) })
    }

    fn events(&self, from_sequence: u64, limit: usize) -> BoxFuture<'_, Result<Vec<EventRecord>, StoreError>> {
        Box::pin(async move {
            StoreError::check_limit("limit of the events", limit, MAX_SCAN_ROWS)?;
            let skip = usize::try_from(from_sequence.saturating_sub(1)).unwrap_or(usize::MAX);
            self.read(|state| state.events.iter().skip(skip).take(limit).cloned().collect())
        })
    }

    fn health(&self) -> Health {
        let opening = self.disk.lock().openings;
        match self.alive(opening) {
            Ok(running) => {
                let (sequence, poisoned) = (running.state.head.sequence, running.poisoned.clone());
                Health { sequence, poisoned, no_room: None }
            }
            Err(dead) => Health { sequence: 0, poisoned: Some(dead.to_string()), no_room: None },
        }
    }
}
