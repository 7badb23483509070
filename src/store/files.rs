//! The few things done with files: owner-only, atomic, and durable to the directory entry.
//!
//! Everything on a store's disk is made here. sled makes its own files, inside a directory nobody else can enter.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::StoreError;

/// Owner-only.
const DIR_MODE: u32 = 0o700;
/// Owner-only.
const FILE_MODE: u32 = 0o600;

/// Makes a directory, and those above it, owner-only and durable; one that is there stays as it is.
pub(super) fn create_dir(path: &Path) -> io::Result<()> {
    if path.as_os_str().is_empty() || path.is_dir() {
        return Ok(());
    }
    let parent = path.parent().unwrap_or(Path::new("/"));
    create_dir(parent)?;
    DirBuilder::new().mode(DIR_MODE).create(path)?;
    sync_dir(parent)
}

/// Makes the entries of a directory durable: new names, renames, removals.
pub(super) fn sync_dir(path: &Path) -> io::Result<()> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    File::open(path)?.sync_all()
}

/// Opens a file for reading and writing, made owner-only when it is not there.
pub(super) fn open_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(FILE_MODE).open(path)
}

/// Replaces a file at once: a reader, or a crash at any moment, finds the old file or the new one, never a mixture.
pub(super) fn write_atomic(path: &Path, contents: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("tmp");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(FILE_MODE).open(&temporary)?;
    file.write_all(contents)?;
    // A crash up to here leaves a `.tmp` that nobody reads and the next write replaces.
    file.sync_all()?;
    std::fs::rename(&temporary, path)?;
    // A crash here leaves the old name or the new one; after the fsync of the directory, the new one.
    path.parent().map_or(Ok(()), sync_dir)
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
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(StoreError::io("remove", path)(error)),
        _ => Ok(()),
    }
}

/// The lock of a store's directory. Held as long as this value lives; the kernel drops it with the process.
#[derive(Debug)]
pub(super) struct DirLock {
    /// Never read: open is what it is for.
    _file: File,
}

impl DirLock {
    /// Takes the lock of `dir`, or says that somebody else has it.
    pub(super) fn take(dir: &Path) -> Result<Self, StoreError> {
        let path: PathBuf = dir.join("LOCK");
        let file = open_file(&path).map_err(StoreError::io("open", &path))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(StoreError::Locked { path: dir.to_owned() }),
            Err(TryLockError::Error(error)) => Err(StoreError::io("lock", &path)(error)),
        }
    }
}

/// Whether a process has the lock of `dir`. Makes nothing; a directory without a lock file is not in use.
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
        drop(first);
        DirLock::take(dir.path()).unwrap();
    }
}
