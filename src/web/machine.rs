//! What the operating system says about this process and its disk, for monitoring. Linux: read from /proc.
//!
//! What cannot be read is left out or zero: monitoring must not fail because a figure does.

use std::fs;
use std::path::{Path, PathBuf};

/// Pages of memory are this large on every machine this runs on; /proc counts in pages.
const PAGE_BYTES: u64 = 4_096;
/// The kernel counts processor time in these (USER_HZ of Linux).
const TICKS_PER_SECOND: f64 = 100.0;

/// The directories that are looked at.
#[derive(Debug, Clone)]
pub struct Watched {
    /// The data directory: free space is that of its file system.
    pub data: PathBuf,
    /// The store's directory, with `journal/` and `index/`.
    pub store: PathBuf,
}

/// One look.
#[derive(Debug, Default)]
pub(super) struct Machine {
    pub(super) data_free_bytes: u64,
    pub(super) data_size_bytes: u64,
    pub(super) journal_bytes: u64,
    pub(super) index_bytes: u64,
    pub(super) resident_bytes: u64,
    pub(super) cpu_seconds: f64,
    pub(super) open_fds: u64,
    pub(super) max_fds: u64,
}

impl Machine {
    /// Looks now. Reads files: not for a task that must not wait.
    pub(super) fn look(watched: &Watched) -> Self {
        let space = rustix::fs::statvfs(&watched.data).ok();
        Self {
            // What is kept for root alone is not free for the service.
            data_free_bytes: space.as_ref().map_or(0, |space| space.f_bavail.saturating_mul(space.f_frsize)),
            data_size_bytes: space.as_ref().map_or(0, |space| space.f_blocks.saturating_mul(space.f_frsize)),
            journal_bytes: bytes_below(&watched.store.join("journal")),
            index_bytes: bytes_below(&watched.store.join("index")),
            resident_bytes: resident_pages().unwrap_or_default() * PAGE_BYTES,
            cpu_seconds: cpu_seconds().unwrap_or_default(),
            open_fds: fs::read_dir("/proc/self/fd").map_or(0, |entries| entries.count() as u64),
            max_fds: max_fds().unwrap_or_default(),
        }
    }
}

/// The size of all files in a directory and below.
fn bytes_below(dir: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(dir) else { return 0 };
    let size = |entry: fs::DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => bytes_below(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    };
    entries.flatten().map(size).sum()
}

fn resident_pages() -> Option<u64> {
    fs::read_to_string("/proc/self/statm").ok()?.split(' ').nth(1)?.parse().ok()
}

/// User and system time: fields 14 and 15 of proc_pid_stat(5), counted behind the name, which can hold anything.
fn cpu_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u32>().ok();
    Some((f64::from(ticks()?) + f64::from(ticks()?)) / TICKS_PER_SECOND)
}

fn max_fds() -> Option<u64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_sees_this_process_and_its_disk() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("journal/deep")).unwrap();
        fs::write(dir.path().join("journal/deep/a"), [0; 700]).unwrap();
        let watched = Watched { data: dir.path().to_owned(), store: dir.path().to_owned() };
        let seen = Machine::look(&watched);
        assert_eq!((seen.journal_bytes, seen.index_bytes), (700, 0));
        assert!(seen.data_free_bytes > 0 && seen.data_size_bytes >= seen.data_free_bytes);
        assert!(seen.resident_bytes > 1_000_000 && seen.open_fds > 2 && seen.max_fds >= seen.open_fds, "{seen:?}");
        assert!(cpu_seconds().is_some());
    }
}
