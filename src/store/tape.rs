//! What is done to the disk, written down: for tests of what a power cut may leave behind.
//!
//! The functions of `files` note here what they do, by path, and only in tests. A [`Tape`] hears everything below its
//! directory, from all threads, in the order in which it was done. Whatever else keeps files of its own can be tried
//! the same way: it goes through `files`, or calls [`note`] itself.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// One operation. A write is noted before it is begun, since part of it may survive; a sync when it has succeeded, since
/// nothing may be built on it before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DiskOp {
    /// A directory was made.
    MakeDir(PathBuf),
    /// A file was opened, made if it was not there, and emptied if `truncate`.
    Open { path: PathBuf, truncate: bool },
    /// Bytes were written.
    Write { path: PathBuf, offset: u64, bytes: Vec<u8> },
    /// The length was set.
    SetLen { path: PathBuf, len: u64 },
    /// The contents and length of a file are durable.
    Sync(PathBuf),
    /// The sync of a file failed. What was written before it may be on the disk or not, and no later sync writes it: the
    /// kernel takes its pages for clean.
    SyncFailed(PathBuf),
    /// A file took the name `to`.
    Rename { from: PathBuf, to: PathBuf },
    /// The names in a directory are durable.
    SyncDir(PathBuf),
    /// A file, or a directory with all that is in it, is gone.
    Remove(PathBuf),
}

type Ops = Arc<Mutex<Vec<DiskOp>>>;

/// Everybody who listens, and to which directory.
static TAPES: Mutex<Vec<(PathBuf, Ops)>> = Mutex::new(Vec::new());

/// Hears what is done below one directory, until it is dropped.
#[derive(Debug)]
pub(crate) struct Tape {
    dir: PathBuf,
    ops: Ops,
}

impl Tape {
    /// Begins to listen.
    pub(crate) fn record(dir: &Path) -> Self {
        let ops = Ops::default();
        TAPES.lock().unwrap().push((dir.to_owned(), Arc::clone(&ops)));
        Self { dir: dir.to_owned(), ops }
    }

    /// How much was heard.
    pub(crate) fn len(&self) -> usize {
        self.ops.lock().unwrap().len()
    }

    /// What was heard.
    pub(crate) fn ops(&self) -> Vec<DiskOp> {
        self.ops.lock().unwrap().clone()
    }
}

impl Drop for Tape {
    fn drop(&mut self) {
        TAPES.lock().unwrap().retain(|(dir, _)| *dir != self.dir);
    }
}

/// Notes an operation that is about to be done, or a sync that was done.
pub(crate) fn note(op: DiskOp) {
    for (dir, ops) in TAPES.lock().unwrap().iter() {
        if op.path().starts_with(dir) {
            ops.lock().unwrap().push(op.clone());
        }
    }
}

impl DiskOp {
    fn path(&self) -> &Path {
        match self {
            Self::MakeDir(path) | Self::Sync(path) | Self::SyncFailed(path) => path,
            Self::SyncDir(path) | Self::Remove(path) | Self::Rename { to: path, .. } => path,
            Self::Open { path, .. } | Self::Write { path, .. } | Self::SetLen { path, .. } => path,
        }
    }
}
