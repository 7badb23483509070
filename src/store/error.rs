//! What can go wrong at the door to storage, shaped by what the caller can do about it.

use std::io;
use std::path::{Path, PathBuf};

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A condition of the commit does not hold; nothing was written. Read again, decide again, commit again.
    #[error("condition {condition} of the commit does not hold: the row was changed in the meantime")]
    Conflict {
        /// The index of the first condition that does not hold.
        condition: usize,
    },

    /// A write or an fsync failed before, or just now. Nothing more is accepted until a restart, and only the restart
    /// shows whether the commit in hand was kept. Reads still answer.
    #[error("存储已停止写入，须重启 the store takes no more commits until it is restarted: {reason}")]
    Poisoned {
        /// What failed first.
        reason: String,
    },

    /// There was no disk space, quota or file descriptor left. Nothing was written, and the store goes on when there is
    /// room again: free some, and ask again.
    #[error(
        "空间或资源不足 there is no room: {reason}; 腾出空间或提高限额后自动恢复 free disk space or raise the limit, it goes on by itself"
    )]
    NoRoom {
        /// What could not be done.
        reason: String,
    },

    /// A limit of the store is exceeded; nothing was written. Send less at once.
    #[error("{what} is {size}, the limit is {limit}")]
    TooLarge {
        /// What was measured, with its unit.
        what: &'static str,
        /// What was found.
        size: usize,
        /// The most that is taken.
        limit: usize,
    },

    /// What is on the disk is not what was written there. Nothing was changed; a person has to look.
    #[error("{path}: 文件损坏 damaged: {detail}; {advice}", path = path.display())]
    Damaged {
        /// The file or directory.
        path: PathBuf,
        /// What is wrong, and at which offset.
        detail: String,
        /// What to do.
        advice: &'static str,
    },

    /// Another process, or another handle of this one, has the store open.
    #[error("{path} 正被另一进程使用，请先停止它 is in use by another process: stop it first, or name another directory", path = path.display())]
    Locked {
        /// The directory of the store.
        path: PathBuf,
    },

    /// Written by another version of this program. Use that version, or convert.
    #[error("{what} 的格式版本不符 has format {found}, this program reads format {expected}")]
    Format {
        /// The file or table.
        what: String,
        /// The number found.
        found: u64,
        /// The number this program knows.
        expected: u64,
    },

    /// The value cannot be written as JSON: an error in the calling program.
    #[error("a value of table {table} cannot be encoded: {detail}")]
    Encode {
        /// The name of the table.
        table: &'static str,
        /// What the encoder said.
        detail: String,
    },

    /// The operating system refused, while opening or reading.
    #[error("无法读写 cannot {what} {path}: {source}", path = path.display())]
    Io {
        /// What was tried: "open", "read".
        what: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

impl StoreError {
    /// Names the file an I/O error belongs to: `.map_err(StoreError::io("read", path))`.
    pub(super) fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { what, path: path.to_owned(), source }
    }

    /// Refuses a size above its limit.
    pub(super) fn check_limit(what: &'static str, size: usize, limit: usize) -> Result<(), Self> {
        if size > limit { Err(Self::TooLarge { what, size, limit }) } else { Ok(()) }
    }
}
