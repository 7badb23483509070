//! The embedded adapter: journal and sled in one directory, behind one writer thread.
//!
//! A commit, read aloud: it waits in a bounded queue; the writer takes what is waiting as one group; judges each commit's
//! conditions against the index and the writes before it in the group; appends the group to the journal; fdatasync;
//! applies the group to the index; answers. What a crash after each step leaves behind is said where the step is.
//!
//! The mark follows with every checkpoint, and by itself when it has been behind for [`MARK_DELAY`]. No commit waits for it
//! and none is answered because of it: it is what a backup goes by, and what shows that a journal lost its end.

use std::collections::HashMap;
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::files::{DirLock, create_dir, is_no_room};
use super::index::{Index, Reached};
use super::journal::{GROUP_BYTES, GROUP_COMMITS, GroupBuilder, Journal, JournalReader, NotAppended, Tip, unreadable};
use super::mark::{Mark, StoreId};
use super::open::{Opened, Options, Rebuild, open};
use super::space::Space;
use super::{
    Anchor, BoxFuture, Commit, Committed, Condition, Direction, EventRecord, Figures, Health, KeyRange,
    MAX_CHECKPOINT_BYTES, MAX_SCAN_ROWS, Row, RowKey, Store, StoreError,
};

/// How much may wait in the queue, in KiB; every commit counts for at least one. Who comes later waits outside.
const QUEUE_KIB: usize = 64 * 1024;
/// How long the mark may be behind before it is advanced without a checkpoint. A block a second does it before.
pub(super) const MARK_DELAY: Duration = Duration::from_secs(1);

/// A store in a directory of its own. Dropping it waits until all that is queued is durable.
#[derive(Debug)]
pub struct Embedded {
    shared: Arc<Shared>,
    /// `None` only while it is dropped.
    queue: Option<mpsc::Sender<Request>>,
    room: Arc<Semaphore>,
    writer: Option<JoinHandle<()>>,
}

/// What readers and the writer share.
#[derive(Debug)]
struct Shared {
    index: Index,
    reader: Arc<JournalReader>,
    journal_dir: std::path::PathBuf,
    anchor: Mutex<Option<Anchor>>,
    poisoned: OnceLock<String>,
    figures: Figures,
    space: Space,
}

/// What a group changes, as far as conditions can ask for it: the version of each row, or none when it is gone.
type Versions<'a> = HashMap<&'a RowKey, Option<u64>>;

type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// What the writer is asked to do.
#[derive(Debug)]
enum Request {
    Commit(Waiting),
    Anchor(String, Reply<Anchor>),
}

/// A commit in the queue.
#[derive(Debug)]
struct Waiting {
    commit: Commit,
    bytes: usize,
    reply: Reply<Committed>,
    /// Its place in the queue, given back when it is answered.
    _room: OwnedSemaphorePermit,
}

impl Embedded {
    /// Opens the store in `dir`, or makes one. Takes as long as reading the journal and the index once; an index that is not
    /// usable is rebuilt.
    pub fn open(dir: &Path, options: &Options) -> Result<Self, StoreError> {
        create_dir(dir).map_err(StoreError::io("create", dir))?;
        let lock = DirLock::take(dir)?;
        let Opened { id, journal, index, reached, mark, mark_path, rebuilt, lock } =
            open(dir, options, lock, Rebuild::IfNeeded, &mut |_, _| {})?;
        let shared = Arc::new(Shared {
            index,
            reader: journal.reader(),
            journal_dir: dir.join("journal"),
            anchor: Mutex::new(mark.anchor.clone()),
            poisoned: OnceLock::new(),
            figures: Figures::default(),
            space: Space::new(dir, options.reserve_bytes),
        });
        shared.figures.index_rebuilt.set(i64::from(rebuilt));
        let (queue, requests) = mpsc::channel();
        let writer = Writer {
            id,
            journal,
            reached,
            mark,
            mark_path,
            mark_delay: options.mark_delay,
            behind_since: None,
            faults: options.faults.clone(),
            builder: GroupBuilder::new(id),
            shared: Arc::clone(&shared),
            _lock: lock,
        };
        let writer = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || writer.run(&requests))
            .map_err(StoreError::io("start the writer of", dir))?;
        Ok(Self { shared, queue: Some(queue), room: Arc::new(Semaphore::new(QUEUE_KIB)), writer: Some(writer) })
    }

    fn send(&self, request: Request) -> Result<(), StoreError> {
        let sent = self.queue.as_ref().is_some_and(|queue| queue.send(request).is_ok());
        if sent { Ok(()) } else { Err(self.shared.stopped()) }
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(writer) = self.writer.take() {
            // A writer that panicked has said so, and there is nothing left to wait for.
            let _ = writer.join();
        }
    }
}

impl Store for Embedded {
    fn commit(&self, commit: Commit) -> BoxFuture<'_, Result<Committed, StoreError>> {
        Box::pin(async move {
            let bytes = commit.check()?;
            self.shared.refuse_if_poisoned()?;
            let kib = u32::try_from(bytes / 1024 + 1).unwrap_or(u32::MAX);
            let room = Arc::clone(&self.room).acquire_many_owned(kib).await.map_err(|_| self.shared.stopped())?;
            let (reply, answer) = oneshot::channel();
            self.send(Request::Commit(Waiting { commit, bytes, reply, _room: room }))?;
            answer.await.unwrap_or_else(|_| Err(self.shared.stopped()))
        })
    }

    fn get(&self, key: RowKey) -> BoxFuture<'_, Result<Option<Row>, StoreError>> {
        Box::pin(async move { self.shared.index.get(&key) })
    }

    fn scan(
        &self,
        range: KeyRange,
        limit: usize,
        direction: Direction,
    ) -> BoxFuture<'_, Result<Vec<(RowKey, Row)>, StoreError>> {
        Box::pin(async move {
            StoreError::check_limit("limit of the scan", limit, MAX_SCAN_ROWS)?;
            self.shared.index.scan(&range, limit, direction)
        })
    }

    fn anchor(&self, checkpoint: &str) -> BoxFuture<'_, Result<Anchor, StoreError>> {
        let checkpoint = checkpoint.to_owned();
        Box::pin(async move {
            StoreError::check_limit("checkpoint in bytes", checkpoint.len(), MAX_CHECKPOINT_BYTES)?;
            let (reply, answer) = oneshot::channel();
            self.send(Request::Anchor(checkpoint, reply))?;
            answer.await.unwrap_or_else(|_| Err(self.shared.stopped()))
        })
    }

    fn anchored(&self) -> BoxFuture<'_, Result<Option<Anchor>, StoreError>> {
        Box::pin(async move { Ok(self.shared.anchor.lock().unwrap_or_else(PoisonError::into_inner).clone()) })
    }

    fn events(&self, from_sequence: u64, limit: usize) -> BoxFuture<'_, Result<Vec<EventRecord>, StoreError>> {
        Box::pin(async move {
            StoreError::check_limit("limit of the events", limit, MAX_SCAN_ROWS)?;
            self.shared.events(from_sequence, limit)
        })
    }

    fn health(&self) -> Health {
        let stopped = self.writer.as_ref().is_none_or(JoinHandle::is_finished);
        let poisoned = self.shared.poisoned.get().cloned().or_else(|| stopped.then(|| "the writer has stopped".into()));
        Health { sequence: self.shared.reader.durable(), poisoned, no_room: self.shared.space.lack() }
    }

    fn figures(&self) -> Figures {
        self.shared.figures.clone()
    }
}

impl Shared {
    fn refuse_if_poisoned(&self) -> Result<(), StoreError> {
        self.poisoned.get().map_or(Ok(()), |reason| Err(StoreError::Poisoned { reason: reason.clone() }))
    }

    /// The error when the writer does not answer.
    fn stopped(&self) -> StoreError {
        let reason = self.poisoned.get().cloned().unwrap_or_else(|| "the writer has stopped".into());
        StoreError::Poisoned { reason }
    }

    fn events(&self, from: u64, limit: usize) -> Result<Vec<EventRecord>, StoreError> {
        let mut found = Vec::new();
        if limit == 0 {
            return Ok(found);
        }
        self.reader.groups_from(from, &mut |group, _| {
            let events = group.events().ok_or_else(|| unreadable(&self.journal_dir, group.first_sequence))?;
            found.extend(events.into_iter().filter(|event| event.sequence >= from).take(limit - found.len()));
            Ok(if found.len() < limit { std::ops::ControlFlow::Continue(()) } else { std::ops::ControlFlow::Break(()) })
        })?;
        Ok(found)
    }
}

/// The only one who writes.
struct Writer {
    id: StoreId,
    journal: Journal,
    reached: Reached,
    mark: Mark,
    mark_path: std::path::PathBuf,
    mark_delay: Duration,
    /// Since when the mark is behind, or was last tried to be advanced.
    behind_since: Option<Instant>,
    faults: super::faults::Faults,
    builder: GroupBuilder,
    shared: Arc<Shared>,
    /// Held until the writer is done.
    _lock: DirLock,
}

/// Why a group was not kept.
enum NotKept {
    /// There was no room. Nothing of it was kept, and the next one may be.
    NoRoom(String),
    /// It may be kept or not. Nothing more may be written.
    Unsure(String),
}

impl NotKept {
    fn because(what: &str, error: NotAppended) -> Self {
        match error {
            NotAppended::NoRoom(error) => Self::NoRoom(format!("{what}: {error}")),
            NotAppended::Unsure(error) => Self::Unsure(format!("{what}: {error}")),
        }
    }
}

impl Writer {
    fn run(mut self, requests: &mpsc::Receiver<Request>) {
        let mut next = requests.recv().ok();
        while let Some(request) = next {
            let other = match request {
                Request::Commit(first) => {
                    let (group, other) = gather(first, requests);
                    self.answer_group(group);
                    other
                }
                Request::Anchor(checkpoint, reply) => {
                    // Whoever asked may be gone: the anchor is kept all the same.
                    let _ = reply.send(self.anchor(checkpoint));
                    None
                }
            };
            next = other.or_else(|| self.wait(requests));
        }
        self.close();
    }

    /// The next request, `None` when the handle is gone. What is not urgent is done meanwhile: the mark when it is due, also
    /// between two requests of a queue that never empties, and the rest when nothing is waiting.
    fn wait(&mut self, requests: &mpsc::Receiver<Request>) -> Option<Request> {
        if self.mark_due_in() == Some(Duration::ZERO) {
            self.advance_mark();
        }
        if let Ok(request) = requests.try_recv() {
            return Some(request);
        }
        self.idle();
        loop {
            let waited = match self.mark_due_in() {
                Some(left) => requests.recv_timeout(left),
                None => requests.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match waited {
                Ok(request) => return Some(request),
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => self.advance_mark(),
            }
        }
    }

    /// Judges, keeps and answers one group. Everybody is answered after the group is durable, also those whose conditions
    /// do not hold: what they conflict with may be in the same group.
    fn answer_group(&mut self, group: Vec<Waiting>) {
        let (verdicts, no_room) = match self.keep(&group) {
            Ok(verdicts) => (verdicts, None),
            Err(NotKept::NoRoom(reason)) => {
                tracing::error!(%reason, "there is no room for a commit: nothing of it was kept");
                (Vec::new(), Some(reason))
            }
            Err(NotKept::Unsure(reason)) => {
                self.poison(reason);
                (Vec::new(), None)
            }
        };
        let refused = || match &no_room {
            Some(reason) => Err(StoreError::NoRoom { reason: reason.clone() }),
            None => Err(self.shared.stopped()),
        };
        let verdicts = verdicts.into_iter().chain(std::iter::repeat_with(refused));
        for (waiting, verdict) in group.into_iter().zip(verdicts) {
            // Whoever asked may be gone: the commit stands all the same.
            let _ = waiting.reply.send(verdict);
        }
    }

    /// From here on nothing more is written.
    fn poison(&self, reason: String) {
        tracing::error!(%reason, "the store takes no more commits until it is restarted");
        let _ = self.shared.poisoned.set(reason);
    }

    /// Keeps those commits of the group whose conditions hold.
    fn keep(&mut self, group: &[Waiting]) -> Result<Vec<Result<Committed, StoreError>>, NotKept> {
        self.shared.refuse_if_poisoned().map_err(|error| NotKept::Unsure(error.to_string()))?;
        self.journal.make_room().map_err(|error| NotKept::because("cannot begin a segment", error))?;
        let tip = self.journal.tip();
        self.builder.begin(tip.head, tip.digest);
        let mut versions = HashMap::new();
        let verdicts: Vec<_> = group.iter().map(|waiting| self.judge(&waiting.commit, &mut versions)).collect();
        if self.builder.is_empty() {
            return Ok(verdicts);
        }
        let (bytes, group, head) = self.builder.finish();
        let tip = Tip { head, digest: group.digest, group: group.digest };
        let started = std::time::Instant::now();
        let appended = self.journal.append(bytes, tip);
        let offset = appended.map_err(|error| NotKept::because("cannot write the journal", error))?;
        self.shared.figures.sync_seconds.observe(started.elapsed().as_secs_f64());
        // Durable from here on, and the mark does not say so yet.
        self.behind_since.get_or_insert_with(Instant::now);
        self.shared.figures.group_commits.observe(u32::try_from(verdicts.len()).map_or(f64::MAX, f64::from));
        // A crash here leaves the group in the journal and not in the index: the next start applies it. Nobody was answered.
        let unsure = |error: &dyn std::fmt::Display| NotKept::Unsure(format!("cannot apply to the index: {error}"));
        self.faults.check(super::faults::DiskStep::Apply).map_err(|error| unsure(&error))?;
        let applied = self.shared.index.apply(&mut self.reached, &group, offset);
        applied.map_err(|error| unsure(&error))?;
        // A crash from here on loses nothing; whoever was not yet answered finds the commit when asking again.
        Ok(verdicts)
    }

    /// Adds a commit to the group if its conditions hold, given the index and the commits before it in the group.
    fn judge<'a>(&mut self, commit: &'a Commit, versions: &mut Versions<'a>) -> Result<Committed, StoreError> {
        for (nth, condition) in commit.conditions.iter().enumerate() {
            let key = condition.key();
            let version = versions.get(key).map_or_else(|| self.shared.index.version(key), |version| Ok(*version))?;
            if !Condition::holds(condition, version) {
                return Err(StoreError::Conflict { condition: nth });
            }
        }
        let sequence = self.builder.push(&commit.event, &commit.writes);
        for write in &commit.writes {
            let (key, value) = write.parts();
            versions.insert(key, value.map(|_| sequence));
        }
        Ok(Committed { sequence })
    }

    /// Durably remembers a checkpoint together with how far the journal is durable.
    fn anchor(&mut self, checkpoint: String) -> Result<Anchor, StoreError> {
        self.shared.refuse_if_poisoned()?;
        let anchor = Anchor { sequence: self.journal.tip().head.sequence, checkpoint };
        self.write_mark(Some(anchor.clone())).map_err(|error| {
            let reason = format!("cannot write the mark: {error}");
            if is_no_room(&error) {
                // The old mark stands, and it is true. Whoever wants to sign asks again.
                return StoreError::NoRoom { reason };
            }
            self.poison(reason);
            self.shared.stopped()
        })?;
        *self.shared.anchor.lock().unwrap_or_else(PoisonError::into_inner) = Some(anchor.clone());
        Ok(anchor)
    }

    fn write_mark(&mut self, anchor: Option<Anchor>) -> std::io::Result<()> {
        self.faults.check(super::faults::DiskStep::Mark)?;
        self.faults.check(super::faults::DiskStep::MarkDescriptors)?;
        self.replace_mark(anchor)
    }

    /// When the mark has to be advanced; `None` when it knows all there is, or nothing more may be written.
    fn mark_due_in(&self) -> Option<Duration> {
        let since = self.behind_since.filter(|_| self.shared.poisoned.get().is_none())?;
        Some(self.mark_delay.saturating_sub(since.elapsed()))
    }

    /// Lets the mark say how far the journal is durable, with the checkpoint that it has.
    ///
    /// Nobody was promised this, and nobody waits for it. So a failure is no reason to stop: the mark that stands, the old one
    /// or even the new one, is true, and after the delay it is tried again from its first byte.
    fn advance_mark(&mut self) {
        let anchor = self.mark.anchor.clone();
        let advanced = self.faults.check(super::faults::DiskStep::AdvanceMark).and_then(|()| self.replace_mark(anchor));
        if let Err(error) = advanced {
            self.behind_since = Some(Instant::now());
            tracing::warn!(%error, "cannot advance the mark: backups end where it stands; it is tried again");
        }
    }

    /// Everything up to the tip is durable before this is called.
    fn replace_mark(&mut self, anchor: Option<Anchor>) -> std::io::Result<()> {
        let Tip { head, group, .. } = self.journal.tip();
        let mark = Mark::new(self.id, head.sequence, group, anchor);
        // A crash in here leaves the old mark or the new one, and both are true.
        mark.write(&self.mark_path)?;
        self.mark = mark;
        self.behind_since = None;
        Ok(())
    }

    /// Nothing is waiting: time to say that the last group is durable.
    fn idle(&mut self) {
        if self.shared.poisoned.get().is_some() {
            return;
        }
        if let Err(error) = self.journal.acknowledge() {
            self.poison(format!("cannot write the journal: {error}"));
        }
    }

    /// The handle is gone and the queue is empty. A crash instead of this costs the next start only time.
    fn close(mut self) {
        if self.shared.poisoned.get().is_none() {
            let anchor = self.mark.anchor.take();
            if let Err(error) = self.write_mark(anchor) {
                tracing::warn!(%error, "cannot write the mark while closing");
            }
        }
        if let Err(error) = self.shared.index.flush(&mut self.reached) {
            tracing::warn!(%error, "cannot flush the index while closing: it will be caught up or rebuilt");
        }
    }
}

/// Takes what is waiting behind `first`, up to the limits of a group, and the first request that is no commit.
fn gather(first: Waiting, requests: &mpsc::Receiver<Request>) -> (Vec<Waiting>, Option<Request>) {
    let mut bytes = first.bytes;
    let mut group = vec![first];
    while group.len() < GROUP_COMMITS && bytes < GROUP_BYTES {
        match requests.try_recv() {
            Ok(Request::Commit(waiting)) => {
                bytes += waiting.bytes;
                group.push(waiting);
            }
            Ok(other) => return (group, Some(other)),
            Err(_) => break,
        }
    }
    (group, None)
}
