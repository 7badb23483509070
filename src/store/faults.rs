//! Where a test makes the disk fail. In a release build this is an empty value and an empty function.

use std::io;

/// A step on the disk that can fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DiskStep {
    /// Before a group is written.
    Write,
    /// After the first half of a group was written.
    HalfWrite,
    /// After the first half of a group was written, for want of room.
    Full,
    /// Instead of the fdatasync of a group, whose bytes are all written.
    Sync,
    /// Before a new segment is made.
    Rotate,
    /// After a new segment was made and before it is opened, for want of file descriptors.
    OpenSegment,
    /// Before a durable group is applied to the index.
    Apply,
    /// Before the mark is replaced.
    Mark,
    /// Before the mark is replaced, for want of file descriptors.
    MarkDescriptors,
    /// Before the mark is replaced without a checkpoint.
    AdvanceMark,
}

/// The faults planned for one opened store.
#[derive(Debug, Clone, Default)]
pub(super) struct Faults {
    #[cfg(test)]
    planned: std::sync::Arc<std::sync::Mutex<Option<DiskStep>>>,
}

impl Faults {
    /// Fails once if this step was planned to.
    pub(super) fn check(&self, step: DiskStep) -> io::Result<()> {
        #[cfg(test)]
        if self.planned.lock().unwrap().take_if(|planned| *planned == step).is_some() {
            return Err(match step {
                DiskStep::Full => rustix::io::Errno::NOSPC.into(),
                DiskStep::OpenSegment | DiskStep::MarkDescriptors => rustix::io::Errno::MFILE.into(),
                _ => io::Error::other(format!("planned: {step:?}")),
            });
        }
        let _ = step;
        Ok(())
    }

    /// Lets the next such step fail.
    #[cfg(test)]
    pub(super) fn plan(&self, step: DiskStep) {
        *self.planned.lock().unwrap() = Some(step);
    }
}
