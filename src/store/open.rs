//! Opening a directory: create or check, catch up, refuse what is not whole. Start-up and `reindex` run the same code.
//!
//! ```text
//! DIR/LOCK         held while the store is open
//! DIR/FORMAT       format number and store id; made last
//! DIR/mark         how far the journal was durable, and the last checkpoint about to be signed
//! DIR/journal/     the truth
//! DIR/index/       sled: can be deleted at any time while the store is closed
//! ```

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::StoreError;
use super::embedded::MARK_DELAY;
use super::faults::Faults;
use super::files::{DirLock, create_dir, remove_dir};
use super::index::{Index, IndexState, Pages, Reached};
use super::journal::{self, Checked, Journal, Tip};
use super::mark::{Mark, StoreId};
use super::space::RESERVE_BYTES;
use crate::merkle::Hash;

/// How the embedded store is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// How much memory sled may use for its pages.
    pub cache_bytes: u64,
    /// When a segment of the journal has this many bytes, the next group begins a new one.
    pub segment_bytes: u64,
    /// With less than this free, the health says that there is no room.
    pub reserve_bytes: u64,
    /// So many rows that changed are kept in memory before they are worked into the index on the disk; some 200 bytes each.
    pub recent_rows: usize,
    /// How long the mark may be behind before it is advanced.
    pub(super) mark_delay: Duration,
    pub(super) faults: Faults,
}

/// Some 3 MiB, and a pause of some 20 ms each time.
const RECENT_ROWS: usize = 16_384;

impl Default for Options {
    fn default() -> Self {
        Self {
            cache_bytes: 64 * 1024 * 1024,
            segment_bytes: journal::SEGMENT_BYTES,
            recent_rows: RECENT_ROWS,
            reserve_bytes: RESERVE_BYTES,
            mark_delay: MARK_DELAY,
            faults: Faults::default(),
        }
    }
}

#[cfg(test)]
impl Options {
    /// Lets the next such step fail, in every store that is opened with these options.
    pub(crate) fn plan(&self, step: super::faults::DiskStep) {
        self.faults.plan(step);
    }
}

/// Builds the index of a closed store anew from its journal, which is checked first.
///
/// `progress` hears how many bytes of how many are done.
pub fn reindex(dir: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<(), StoreError> {
    let format = dir.join("FORMAT");
    // Never make a store, or even a lock file, in a directory that was named by mistake.
    format.metadata().map_err(StoreError::io("find", &format))?;
    let lock = DirLock::take(dir)?;
    let mut opened = open(dir, &Options::default(), lock, Rebuild::Always, progress)?;
    opened.index.flush(&mut opened.reached)
}

/// When the index is built anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rebuild {
    /// Only if it is not usable.
    IfNeeded,
    /// Whatever it is like.
    Always,
}

/// A store that is whole: journal checked, index caught up.
pub(super) struct Opened {
    pub(super) id: StoreId,
    pub(super) journal: Journal,
    pub(super) index: Index,
    pub(super) reached: Reached,
    pub(super) mark: Mark,
    pub(super) mark_path: PathBuf,
    /// Whether the index had to be built anew.
    pub(super) rebuilt: bool,
    pub(super) lock: DirLock,
}

/// Opens the store in `dir`, whose lock is held. Where there is none yet, one is made.
pub(super) fn open(
    dir: &Path,
    options: &Options,
    lock: DirLock,
    rebuild: Rebuild,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Opened, StoreError> {
    let (mark_path, index_path, journal_dir) = (dir.join("mark"), dir.join("index"), dir.join("journal"));
    let id = read_or_create(dir, &mark_path, &journal_dir, &index_path)?;
    let mark = Mark::read(&mark_path, id)?;

    // What the index says is not believed yet: the journal must have had this digest at this sequence number.
    let found = match rebuild {
        Rebuild::Always => Err(unusable(&index_path, "a new index was asked for".into())),
        Rebuild::IfNeeded => Pages::open(&index_path, options.cache_bytes)
            .and_then(|pages| pages.examine(id).map(|state| (pages, state))),
    };
    let reached = found.as_ref().map_or(0, |(_, state)| state.sequence);
    let faults = options.faults.clone();
    let checked = journal::check(&journal_dir, id, &mark, options.segment_bytes, reached, faults)?;
    if checked.cut_bytes > 0 {
        tracing::warn!(
            bytes = checked.cut_bytes,
            "the journal ended in a group that is not whole: cut off, and kept in journal/last-cut"
        );
    }

    let tip = checked.journal.tip();
    if let Ok((_, state)) = &found {
        refuse_lost_commits(&index_path, state.sequence, tip.head.sequence)?;
    }
    let usable = found.and_then(|(pages, state)| belongs(&index_path, pages, state, checked.digest_at, tip));
    let rebuilt = usable.is_err() && tip.head.sequence > 0;
    let (pages, state) = match usable {
        Ok(usable) => usable,
        Err(reason) => {
            if rebuilt {
                // The advice of the error is for those who cannot have it built anew at once.
                let reason = match &reason {
                    StoreError::Damaged { detail, .. } => detail.clone(),
                    other => other.to_string(),
                };
                tracing::warn!(reason, "the index is built anew from the journal");
            }
            // Not before the journal was found whole: an index beside a damaged journal may be all there is.
            remove_dir(&index_path)?;
            (Pages::open(&index_path, options.cache_bytes)?, IndexState::empty(id))
        }
    };
    // A crash in the middle leaves an index that is behind: the next start goes on from there.
    let (index, mut reached) = (Index::new(pages, checked.journal.reader(), options.recent_rows), Reached::from(state));
    catch_up(&checked, &index, &mut reached, progress)?;
    // All up to the tip is on the disk now, so from here on a journal that ends before it is damage.
    let mark = Mark::new(id, tip.head.sequence, tip.group, mark.anchor);
    mark.write(&mark_path).map_err(StoreError::io("write", &mark_path))?;
    Ok(Opened { id, journal: checked.journal, index, reached, mark, mark_path, rebuilt, lock })
}

/// The id in `FORMAT`; where nothing was ever kept, a new store is made.
fn read_or_create(dir: &Path, mark: &Path, journal_dir: &Path, index: &Path) -> Result<StoreId, StoreError> {
    let format = dir.join("FORMAT");
    if let Some(id) = StoreId::read(&format)? {
        return Ok(id);
    }
    // `FORMAT` is made last: without it, there is at most the beginning of a store, which holds no group. Anything more
    // is a store that lost the file.
    if journal::holds_groups(journal_dir)? {
        return Err(StoreError::Damaged {
            path: format,
            detail: "the file is missing, but there is a journal".into(),
            advice: "请从备份恢复（docs/RUNBOOK.md，Restore） restore from a backup, as docs/RUNBOOK.md says",
        });
    }
    remove_dir(journal_dir)?;
    remove_dir(index)?;
    let mut id = [0; 16];
    getrandom::fill(&mut id)
        .map_err(|error| StoreError::io("draw a random id for", dir)(std::io::Error::other(error)))?;
    let id = StoreId(id);
    let made = create_dir(journal_dir)
        .and_then(|()| journal::create(journal_dir, id))
        .and_then(|()| Mark::new(id, 0, Hash::ZERO, None).write(mark));
    made.map_err(StoreError::io("create", dir))?;
    id.write(&format)?;
    Ok(id)
}

/// A commit reaches the index only when the journal has it durably. An index that is ahead shows that the journal lost
/// commits that somebody may have been told of.
fn refuse_lost_commits(path: &Path, index: u64, journal: u64) -> Result<(), StoreError> {
    if index <= journal {
        return Ok(());
    }
    Err(StoreError::Damaged {
        path: path.to_owned(),
        detail: format!(
            "the index has commits up to {index}, the journal ends at {journal}: durable commits are missing"
        ),
        advice: "请从备份恢复；只有 reindex 会放弃缺失的部分 restore from a backup; only `reindex` gives the missing commits up",
    })
}

/// Whether a whole index is also one of this journal: with the same history.
fn belongs(
    path: &Path,
    pages: Pages,
    state: IndexState,
    digest_at: Option<Hash>,
    tip: Tip,
) -> Result<(Pages, IndexState), StoreError> {
    let detail = if state.sequence > tip.head.sequence {
        "it is ahead of the journal".into()
    } else if state.sequence > 0 && digest_at != Some(state.digest) {
        "it was built from another journal".into()
    } else {
        return Ok((pages, state));
    };
    Err(unusable(path, detail))
}

/// Why the index is built anew: for the log.
fn unusable(path: &Path, detail: String) -> StoreError {
    StoreError::Damaged { path: path.to_owned(), detail, advice: "nothing is lost: everything is in the journal" }
}

/// Applies what the journal has and the index has not.
fn catch_up(
    checked: &Checked,
    index: &Index,
    reached: &mut Reached,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(), StoreError> {
    let total = checked.total_bytes;
    let mut done = 0;
    checked.journal.reader().groups_from(reached.sequence() + 1, &mut |group, offset| {
        index.apply(reached, group, offset)?;
        done += group.len as u64;
        progress(done, total);
        Ok(ControlFlow::Continue(()))
    })?;
    progress(total, total);
    Ok(())
}
