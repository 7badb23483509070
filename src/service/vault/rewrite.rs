//! Writing the key file anew under a new master key, so that a crash at any moment leaves one of the two states.
//!
//! 1. The new master key is written to `master.new`, the kept keys under it to `data-keys.new`; both are made durable.
//!    A crash up to here leaves the old pair in force, and the start removes the new one: nothing was erased.
//! 2. `data-keys.new` is renamed to `data-keys`. This is the switch. The header names the master key, so the start sees
//!    which side of it a crash fell on.
//! 3. Only when the switch is durable is the old master key overwritten, and `master.new` renamed in its place. A crash
//!    in between leaves `master.new` as the key that the file names, and the start does this step again.
//!
//! Overwriting in place is the best that can be done from here; what a disk or a file system keeps besides is for
//! whoever sets them up (docs/decisions/0007).

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::Path;

use super::file::{DATA_KEYS, KeyFile, MASTER, MasterKey, State, image, open_to_append, write_new};
use super::key::DataKey;
use super::{DataKeyId, VaultError};
use crate::merkle::Hash;
use crate::service::keyfile::{KeyFileError, sync_dir};

const NEW_MASTER: &str = "master.new";
const NEW_DATA_KEYS: &str = "data-keys.new";

/// What has just been done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// `master.new` is written.
    NewMaster,
    /// `data-keys.new` is written.
    NewKeys,
    /// Their names are durable.
    Named,
    /// `data-keys.new` is `data-keys`.
    Switched,
    /// And durably so.
    SwitchDurable,
    /// The old master key is overwritten.
    OldOverwritten,
    /// `master.new` is `master`.
    Finished,
}

/// Where a test stops, as a crash would. Outside of tests an empty value.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Stop {
    #[cfg(test)]
    pub(super) after: Option<Step>,
}

impl Stop {
    fn reached(self, step: Step) -> io::Result<()> {
        #[cfg(test)]
        if self.after == Some(step) {
            return Err(io::Error::other(format!("stopped after {step:?}")));
        }
        let _ = step;
        Ok(())
    }
}

impl KeyFile {
    /// Replaces the file by one that holds exactly `keys`, under a new master key, and destroys the old one.
    ///
    /// An error before the switch leaves everything as it was; after an error at the switch or behind it only opening
    /// the vault again tells.
    pub(super) fn rewrite<'a>(
        &mut self,
        keys: impl Iterator<Item = (DataKeyId, &'a DataKey)>,
    ) -> Result<(), VaultError> {
        let io = |source| VaultError::Io { what: "rewrite", source };
        if !matches!(self.state, State::Whole(_)) {
            return Err(VaultError::Failed);
        }
        let master = MasterKey::generate()?;
        self.prepare(&master, &image(&master, keys)?).map_err(io)?;
        self.state = State::Failed;
        std::fs::rename(self.dir.join(NEW_DATA_KEYS), self.dir.join(DATA_KEYS)).map_err(io)?;
        self.stop.reached(Step::Switched).map_err(io)?;
        finish(&self.dir, self.stop).map_err(io)?;
        self.state = State::Whole(open_to_append(&self.dir.join(DATA_KEYS)).map_err(io)?);
        self.master = master;
        Ok(())
    }

    fn prepare(&self, master: &MasterKey, image: &[u8]) -> io::Result<()> {
        // What an attempt that failed has left.
        undo(&self.dir)?;
        master.write(&self.dir.join(NEW_MASTER))?;
        self.stop.reached(Step::NewMaster)?;
        write_new(&self.dir.join(NEW_DATA_KEYS), image)?;
        self.stop.reached(Step::NewKeys)?;
        sync_dir(&self.dir)?;
        self.stop.reached(Step::Named)
    }
}

/// Finds the master key that the key file names (`None`: a file of the first version, which was never rewritten), after
/// finishing or undoing what a crash cut short.
pub(super) fn settle_master(dir: &Path, name: Option<Hash>) -> Result<MasterKey, VaultError> {
    let io = |source| VaultError::Io { what: "finish rewriting", source };
    let is_it = |master: &MasterKey| name.is_none_or(|name| name == master.name());
    if name.is_some()
        && let Ok(master) = MasterKey::read(&dir.join(NEW_MASTER))
        && is_it(&master)
    {
        finish(dir, Stop::default()).map_err(io)?;
        return Ok(master);
    }
    let master = MasterKey::read(&dir.join(MASTER))?;
    if !is_it(&master) {
        let what = "is under another master key than the one in `master`".into();
        return Err(VaultError::Damaged { path: dir.join(DATA_KEYS), what });
    }
    // Only now: what cannot be explained is left as it was found.
    undo(dir).map_err(|source| KeyFileError::Io { what: "remove", path: dir.join(NEW_MASTER), source })?;
    Ok(master)
}

/// The switch is made: makes it durable, destroys the old master key, and puts the new one in its place.
fn finish(dir: &Path, stop: Stop) -> io::Result<()> {
    sync_dir(dir)?;
    stop.reached(Step::SwitchDurable)?;
    overwrite(&dir.join(MASTER))?;
    stop.reached(Step::OldOverwritten)?;
    std::fs::rename(dir.join(NEW_MASTER), dir.join(MASTER))?;
    stop.reached(Step::Finished)?;
    sync_dir(dir)
}

/// The switch was not made: removes what was prepared for it.
fn undo(dir: &Path) -> io::Result<()> {
    let (master, keys) = (dir.join(NEW_MASTER), dir.join(NEW_DATA_KEYS));
    let there = [&master, &keys].map(|path| path.exists());
    if there == [false; 2] {
        return Ok(());
    }
    if there[0] {
        overwrite(&master)?;
        std::fs::remove_file(&master)?;
    }
    if there[1] {
        std::fs::remove_file(&keys)?;
    }
    sync_dir(dir)
}

/// Overwrites a file in place.
fn overwrite(path: &Path) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(path)?;
    let len = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
    file.write_all(&vec![0; len])?;
    file.sync_all()
}
