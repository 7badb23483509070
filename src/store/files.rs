//! The few things done with files: owner-only, atomic, and durable to the directory entry.
//!
//! Everything on a store's disk is made here, so that a test can write down every operation (`tape`) and work out what a
//! power cut after each of them may leave behind (`powercut`). sled makes its own files, inside a directory nobody else
//! can enter.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::io::Errno;

use super::StoreError;
#[cfg(test)]
use super::tape::{self, DiskOp};

/// Owner-only.
const DIR_MODE: u32 = 0o700;
/// Owner-only.
const FILE_MODE: u32 = 0o600;
/// How long a lock that somebody has is asked for: [`is_in_use`] has it for a moment, and must not make a start fail.
const LOCK_PATIENCE: Duration = Duration::from_millis(80);
/// How long to wait before it is asked for again.
const LOCK_RETRY: Duration = Duration::from_millis(5);

/// Makes a directory, and those above it, owner-only and durable; one that is there stays as it is.
pub(super) fn create_dir(path: &Path) -> io::Result<()> {
    if path.as_os_str().is_empty() || path.is_dir() {
        return Ok(());
    }
    let parent = path.parent().unwrap_or(Path::new("/"));
    create_dir(parent)?;
    DirBuilder::new().mode(DIR_MODE).create(path)?;
    #[cfg(test)]
    tape::note(DiskOp::MakeDir(path.to_owned()));
    sync_dir(parent)
}

/// Makes the entries of a directory durable: new names, renames, removals.
pub(super) fn sync_dir(path: &Path) -> io::Result<()> {
    OpenDir::open(path)?.sync()
}

/// A directory whose entries can be made durable: new names, renames, removals.
struct OpenDir {
    dir: File,
    #[cfg(test)]
    path: PathBuf,
}

impl OpenDir {
    fn open(path: &Path) -> io::Result<Self> {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        Ok(Self {
            dir: File::open(path)?,
            #[cfg(test)]
            path: path.to_owned(),
        })
    }

    fn sync(&self) -> io::Result<()> {
        self.dir.sync_all()?;
        #[cfg(test)]
        tape::note(DiskOp::SyncDir(self.path.clone()));
        Ok(())
    }
}

/// A file that is open for writing. It grows and shrinks only through here.
#[derive(Debug)]
pub(super) struct WritableFile {
    file: File,
    #[cfg(test)]
    path: PathBuf,
}

impl WritableFile {
    /// Opens a file, made owner-only when it is not there.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Self::open_with(path, false)
    }

    /// The same, emptied.
    fn open_empty(path: &Path) -> io::Result<Self> {
        Self::open_with(path, true)
    }

    fn open_with(path: &Path, truncate: bool) -> io::Result<Self> {
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(truncate).mode(FILE_MODE).open(path)?;
        #[cfg(test)]
        tape::note(DiskOp::Open { path: path.to_owned(), truncate });
        Ok(Self {
            file,
            #[cfg(test)]
            path: path.to_owned(),
        })
    }

    /// Writes all of `bytes` at `offset`. After an error some of them are written, from the first on.
    pub(super) fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        #[cfg(test)]
        tape::note(DiskOp::Write { path: self.path.clone(), offset, bytes: bytes.to_vec() });
        self.file.write_all_at(bytes, offset)
    }

    /// Cuts off what lies beyond `len`.
    pub(super) fn set_len(&self, len: u64) -> io::Result<()> {
        #[cfg(test)]
        tape::note(DiskOp::SetLen { path: self.path.clone(), len });
        self.file.set_len(len)
    }

    /// Makes contents and length durable.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()?;
        #[cfg(test)]
        tape::note(DiskOp::Sync(self.path.clone()));
        Ok(())
    }
}

/// Replaces a file at once: a reader, or a crash at any moment, finds the old file or the new one, never a mixture.
///
/// An error of kind [`is_no_room`] means that nothing was replaced: the directory is opened before the rename, so that
/// after it only the fsync of the directory can fail.
pub(super) fn write_atomic(path: &Path, contents: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("tmp");
    let file = WritableFile::open_empty(&temporary)?;
    file.write_at(contents, 0)?;
    // A crash up to here leaves a `.tmp` that nobody reads and the next write replaces.
    file.sync()?;
    let dir = OpenDir::open(path.parent().unwrap_or(Path::new("/")))?;
    std::fs::rename(&temporary, path)?;
    #[cfg(test)]
    tape::note(DiskOp::Rename { from: temporary, to: path.to_owned() });
    // A crash here leaves the old name or the new one; after the fsync of the directory, the new one.
    dir.sync().map_err(|error| io::Error::other(format!("fsync of the directory: {error}")))
}

/// Whether the operating system refused for want of disk space, quota, or file descriptors: what passes when somebody
/// makes room, unlike a disk that fails.
pub(super) fn is_no_room(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge)
        || matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE))
}

/// Reads a file; `None` when it is not there.
pub(super) fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StoreError::io("read", path)(error)),
    }
}

/// Removes a directory with all that is in it, or a file that stands in its place; nothing there is no error.
pub(super) fn remove_dir(path: &Path) -> Result<(), StoreError> {
    let removed = if path.is_file() { std::fs::remove_file(path) } else { std::fs::remove_dir_all(path) };
    #[cfg(test)]
    tape::note(DiskOp::Remove(path.to_owned()));
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(StoreError::io("remove", path)(error)),
        _ => Ok(()),
    }
}

/// The lock of a store's directory. Held as long as this value lives; the kernel drops it with the process.
#[derive(Debug)]
pub(super) struct DirLock {
    /// Never read: open is what it is for.
    _file: WritableFile,
}

impl DirLock {
    /// Takes the lock of `dir`, or says that somebody else has it, and not for a moment only.
    pub(super) fn take(dir: &Path) -> Result<Self, StoreError> {
        let path: PathBuf = dir.join("LOCK");
        let file = WritableFile::open(&path).map_err(StoreError::io("open", &path))?;
        let asked = Instant::now();
        loop {
            match file.file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::WouldBlock) if asked.elapsed() < LOCK_PATIENCE => std::thread::sleep(LOCK_RETRY),
                Err(TryLockError::WouldBlock) => return Err(StoreError::Locked { path: dir.to_owned() }),
                Err(TryLockError::Error(error)) => return Err(StoreError::io("lock", &path)(error)),
            }
        }
    }
}

/// Whether a process has the lock of `dir`. Makes nothing; a directory without a lock file is not in use.
///
/// It tries the lock, and so has it for a moment itself, shared with others who ask.
pub fn is_in_use(dir: &Path) -> bool {
    let file = File::open(dir.join("LOCK"));
    file.is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn files_and_directories_are_for_their_owner_only_and_replaced_whole() {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("a/b");
        create_dir(&inner).unwrap();
        let file = inner.join("f");
        for contents in ["one", "two"] {
            write_atomic(&file, contents.as_bytes()).unwrap();
            assert_eq!(read_if_there(&file).unwrap().unwrap(), contents.as_bytes());
        }
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&inner), mode(&file)), (0o700, 0o600));
        assert_eq!(read_if_there(&inner.join("none")).unwrap(), None);
    }

    #[test]
    fn a_lock_is_given_once() {
        let dir = tempfile::tempdir().unwrap();
        let first = DirLock::take(dir.path()).unwrap();
        assert!(matches!(DirLock::take(dir.path()), Err(StoreError::Locked { .. })));
        assert!(is_in_use(dir.path()));
        drop(first);
        assert!(!is_in_use(dir.path()));
        DirLock::take(dir.path()).unwrap();
    }

    #[test]
    fn a_lock_that_somebody_tries_is_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        drop(DirLock::take(dir.path()).unwrap());
        // As `is_in_use` has it, for longer than that takes.
        let tried = File::open(dir.path().join("LOCK")).unwrap();
        tried.try_lock_shared().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                std::thread::sleep(2 * LOCK_RETRY);
                drop(tried);
            });
            DirLock::take(dir.path()).unwrap();
        });
    }
}
