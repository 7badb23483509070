//! The mirror on disk: what was audited, and what is about to be.
//!
//! `blocks` and `commitments` only grow; `keys.json` and `checkpoint` are replaced whole, `checkpoint` last. A crash at any
//! moment leaves the earlier audited state: what lies beyond the checkpoint is cut off at the next start.

use std::collections::HashSet;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufReader, Read, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use super::super::Failure;
use super::check::{Chain, Register, check_batch};
use super::report::Stop;
use crate::ledger::block::{Block, MAX_BLOCK};
use crate::merkle::{Checkpoint, Hash, SignedNote};
use crate::standard::UnixMillis;

const CHECKPOINT: &str = "checkpoint";
const BLOCKS: &str = "blocks";
const COMMITMENTS: &str = "commitments";
const KEYS: &str = "keys.json";
const LOCK: &str = "lock";
const EVIDENCE: &str = "evidence";

/// Evidence of one millisecond that can stand side by side.
const MAX_SAME_TIME: u32 = 1_000;

/// A mirror that this process alone has open.
pub(super) struct Mirror {
    dir: PathBuf,
    blocks: File,
    commitments: File,
    /// How long the two are in the audited state.
    blocks_len: u64,
    commitments_len: u64,
    /// Held as long as the mirror is; the kernel drops it with the process.
    _lock: File,
}

/// What was audited before.
#[derive(Default)]
pub(super) struct Kept {
    /// The last audited checkpoint; none in a new mirror.
    pub(super) checkpoint: Option<(SignedNote, Checkpoint)>,
    /// Its chain.
    pub(super) chain: Chain,
    /// Every commitment on it.
    pub(super) seen: HashSet<Hash>,
    /// Its key register.
    pub(super) register: Register,
    /// How many elements of the register the tip names; the others were written by an audit that did not end.
    pub(super) register_len: usize,
}

impl Mirror {
    /// Opens a mirror, or makes a new one, and reads back all that was audited.
    pub(super) fn open(dir: &Path) -> Result<(Self, Kept), Failure> {
        let lock = std::fs::create_dir_all(dir).and_then(|()| open_file(&dir.join(LOCK)));
        let lock = lock.map_err(|error| unusable(dir, error))?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => unusable(dir, "another audit is using it"),
            TryLockError::Error(error) => unusable(dir, error),
        })?;
        let file = |name: &str| open_file(&dir.join(name)).map_err(|error| unusable(&dir.join(name), error));
        let mut mirror = Self {
            dir: dir.to_owned(),
            blocks: file(BLOCKS)?,
            commitments: file(COMMITMENTS)?,
            blocks_len: 0,
            commitments_len: 0,
            _lock: lock,
        };
        let kept = mirror.read()?;
        // What is left of an audit that failed or did not end.
        mirror.roll_back()?;
        Ok((mirror, kept))
    }

    /// Reads the audited state. It was sound when it was written, so whatever is not is damage on this disk.
    fn read(&mut self) -> Result<Kept, Failure> {
        let note = match std::fs::read(self.dir.join(CHECKPOINT)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Kept::default()),
            other => other.map_err(|error| unusable(&self.dir, error))?,
        };
        let note = SignedNote::parse(&note).map_err(|error| self.damaged(error))?;
        let checkpoint: Checkpoint = note.text().parse().map_err(|error| self.damaged(error))?;
        let mut kept = Kept::default();
        let mut texts = Texts::from(&self.blocks, 0).map_err(|error| self.damaged(error))?;
        let mut commitments = BufReader::new(&self.commitments);
        for _ in 0..checkpoint.size() {
            let text = texts.next().map_err(|error| self.damaged(error))?;
            let block = kept.chain.push(&text).map_err(|error| self.damaged(error))?;
            let batch = read_batch(&mut commitments, block.entries).map_err(|error| self.damaged(error))?;
            check_batch(block, &batch, &mut kept.seen).map_err(|error| self.damaged(error))?;
        }
        let (blocks_len, tip) = (texts.position, kept.chain.tip());
        if kept.chain.root() != *checkpoint.root() {
            return Err(self.damaged("the blocks are not those of the checkpoint"));
        }
        let keys = std::fs::read(self.dir.join(KEYS)).map_err(|error| self.damaged(error))?;
        kept.register = match Register::read(&keys, checkpoint.origin()) {
            Ok(register) => register,
            Err(Stop::Failed(message) | Stop::Open(message)) => return Err(self.damaged(message)),
            Err(Stop::Interrupted(failure)) => return Err(failure),
        };
        let named = tip.and_then(|tip| kept.register.length_of(&tip.keys));
        kept.register_len = named.ok_or_else(|| self.damaged("the key register is not that of the last block"))?;
        self.commitments_len = tip.map_or(0, |tip| tip.total) * 32;
        self.blocks_len = blocks_len;
        kept.checkpoint = Some((note, checkpoint));
        Ok(kept)
    }

    /// Adds block texts, each after its length, beyond the audited state.
    pub(super) fn append_blocks(&self, texts: &[Vec<u8>]) -> Result<(), Failure> {
        let mut bytes = Vec::new();
        for text in texts {
            // A block has at most 1,024 bytes, so its length fits.
            let len = u16::try_from(text.len()).map_err(|error| unusable(&self.dir, error))?;
            bytes.extend_from_slice(&len.to_be_bytes());
            bytes.extend_from_slice(text);
        }
        append(&self.blocks, &bytes).map_err(|error| unusable(&self.dir, error))
    }

    /// Adds a batch's commitments beyond the audited state.
    pub(super) fn append_batch(&self, batch: &[Hash]) -> Result<(), Failure> {
        let bytes: Vec<u8> = batch.iter().flat_map(|commitment| *commitment.as_bytes()).collect();
        append(&self.commitments, &bytes).map_err(|error| unusable(&self.dir, error))
    }

    /// The blocks that were added beyond the audited state, in order.
    pub(super) fn new_blocks(&self) -> Result<impl Iterator<Item = Result<Block, Failure>> + use<'_>, Failure> {
        let unreadable = |error: io::Error| unusable(&self.dir, error);
        let end = self.blocks.metadata().map_err(unreadable)?.len();
        let mut texts = Texts::from(&self.blocks, self.blocks_len).map_err(unreadable)?;
        Ok(std::iter::from_fn(move || {
            (texts.position < end).then(|| {
                let text = texts.next().map_err(|error| unusable(&self.dir, error))?;
                let text = String::from_utf8(text).map_err(|error| unusable(&self.dir, error))?;
                text.parse().map_err(|error| unusable(&self.dir, error))
            })
        }))
    }

    /// Makes what was added the audited state.
    pub(super) fn commit(&self, note: &SignedNote, register: &[u8]) -> Result<(), Failure> {
        let write = || {
            self.blocks.sync_all()?;
            self.commitments.sync_all()?;
            // A crash up to here leaves a tail that nobody reads.
            write_atomic(&self.dir.join(KEYS), register)?;
            // A crash here leaves a register of which the old state is a prefix.
            write_atomic(&self.dir.join(CHECKPOINT), note.to_string().as_bytes())
        };
        write().map_err(|error| unusable(&self.dir, error))
    }

    /// Cuts off what was added beyond the audited state.
    pub(super) fn roll_back(&self) -> Result<(), Failure> {
        let cut = self.blocks.set_len(self.blocks_len).and_then(|()| self.commitments.set_len(self.commitments_len));
        cut.map_err(|error| unusable(&self.dir, error))
    }

    /// Keeps a checkpoint that something is wrong with, as `evidence/<time>-checkpoint`, never over another one.
    pub(super) fn keep_evidence(&self, note: &[u8]) -> Result<PathBuf, Failure> {
        let dir = self.dir.join(EVIDENCE);
        let time = now().map_err(|error| unusable(&dir, error))?;
        let write = || {
            std::fs::create_dir_all(&dir)?;
            sync_dir(&self.dir)?;
            let (mut file, path) = create_new(&dir, &format!("{time}-{CHECKPOINT}"))?;
            file.write_all(note)?;
            file.sync_all()?;
            sync_dir(&dir)?;
            Ok(path)
        };
        write().map_err(|error: io::Error| unusable(&dir, error))
    }

    fn damaged(&self, error: impl std::fmt::Display) -> Failure {
        Failure::misuse(format!(
            "{}: 镜像已损坏，请移开后重新审计 the mirror is damaged: move it away and audit anew: {error}",
            self.dir.display()
        ))
    }
}

/// Length-prefixed block texts, read one by one.
struct Texts<'a> {
    reader: BufReader<&'a File>,
    position: u64,
}

impl<'a> Texts<'a> {
    fn from(mut file: &'a File, position: u64) -> io::Result<Self> {
        file.seek(SeekFrom::Start(position))?;
        Ok(Self { reader: BufReader::new(file), position })
    }

    fn next(&mut self) -> io::Result<Vec<u8>> {
        let mut len = [0; 2];
        self.reader.read_exact(&mut len)?;
        let len = u16::from_be_bytes(len);
        if usize::from(len) > MAX_BLOCK {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut text = vec![0; usize::from(len)];
        self.reader.read_exact(&mut text)?;
        self.position += 2 + u64::from(len);
        Ok(text)
    }
}

fn read_batch(reader: &mut impl Read, entries: u64) -> io::Result<Vec<Hash>> {
    let mut commitment = [0; 32];
    (0..entries).map(|_| reader.read_exact(&mut commitment).map(|()| Hash::from(commitment))).collect()
}

fn unusable(path: &Path, error: impl std::fmt::Display) -> Failure {
    Failure::misuse(format!("{}: {error}", path.display()))
}

fn open_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
}

fn append(mut file: &File, bytes: &[u8]) -> io::Result<()> {
    file.seek(SeekFrom::End(0))?;
    file.write_all(bytes)
}

/// Replaces a file at once: a crash at any moment leaves the old one or the new one.
fn write_atomic(path: &Path, contents: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("tmp");
    let mut file = File::create(&temporary)?;
    file.write_all(contents)?;
    file.sync_all()?;
    std::fs::rename(&temporary, path)?;
    path.parent().map_or(Ok(()), sync_dir)
}

/// Makes names, renames and removals within a directory durable.
fn sync_dir(path: &Path) -> io::Result<()> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    File::open(path)?.sync_all()
}

/// Makes a file that was not there, with a number behind its name when that is taken.
fn create_new(dir: &Path, name: &str) -> io::Result<(File, PathBuf)> {
    let names = std::iter::once(name.to_owned()).chain((2..=MAX_SAME_TIME).map(|n| format!("{name}-{n}")));
    for name in names {
        let path = dir.join(name);
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            other => return Ok((other?, path)),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

fn now() -> Result<UnixMillis, String> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|error| error.to_string())?;
    let millis = i64::try_from(since.as_millis()).map_err(|error| error.to_string())?;
    UnixMillis::new(millis).map_err(|error| error.to_string())
}
