//! Tries to sign in, by name: after a few wrong ones a name is locked for a while, whether or not there is such an account.

use std::collections::HashMap;

use super::super::error::Error;
use super::super::random_bytes;
use super::normal;
use super::password::ProtectionLevel;
use crate::merkle::Hash;
use crate::standard::UnixMillis;

/// Names whose wrong tries are remembered; the oldest are forgotten above it.
const MAX_TRIED_NAMES: usize = 10_000;

/// How a try stands before it is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Try {
    /// It may be made.
    Counted,
    /// It may be made, and if it is wrong, the name is locked.
    Last,
    /// It may not be made.
    Locked,
}

/// Tries by name, whether or not there is such an account.
#[derive(Default)]
pub(super) struct Tries {
    by_name: HashMap<Hash, (u32, UnixMillis)>,
    key: Option<[u8; 16]>,
}

impl Tries {
    /// Counts a try before anybody knows whether it is a right one, so that many at once are no more than so many: a
    /// right one is forgotten again. Answers how it stands; a name that is locked is not tried at all.
    pub(super) fn begin(&mut self, login: &str, now: UnixMillis, level: ProtectionLevel) -> Result<Try, Error> {
        let name = self.name(login)?;
        let recent = |last: &UnixMillis| now.millis() - last.millis() < level.lock_ms();
        let tries = self.by_name.get(&name);
        if tries.is_some_and(|(count, last)| *count >= level.failures_max() && recent(last)) {
            return Ok(Try::Locked);
        }
        if self.by_name.len() >= MAX_TRIED_NAMES && !self.by_name.contains_key(&name) {
            let oldest = self.by_name.iter().min_by_key(|(_, (_, last))| *last).map(|(name, _)| *name);
            oldest.map(|name| self.by_name.remove(&name));
        }
        let (count, last) = self.by_name.entry(name).or_insert((0, now));
        if now.millis() - last.millis() >= level.lock_ms() {
            *count = 0;
        }
        (*count, *last) = (*count + 1, now);
        Ok(if *count == level.failures_max() { Try::Last } else { Try::Counted })
    }

    /// Takes the last try back: it was a right one, and what follows it is not judged yet.
    pub(super) fn take_back(&mut self, login: &str) -> Result<(), Error> {
        let name = self.name(login)?;
        if let Some((count, _)) = self.by_name.get_mut(&name) {
            *count = count.saturating_sub(1);
        }
        Ok(())
    }

    pub(super) fn forget(&mut self, login: &str) -> Result<(), Error> {
        let name = self.name(login)?;
        self.by_name.remove(&name);
        Ok(())
    }

    /// A name under a key of this run: what somebody typed by mistake, a password perhaps, is not kept.
    fn name(&mut self, login: &str) -> Result<Hash, Error> {
        let key = match self.key {
            Some(key) => key,
            None => *self.key.insert(random_bytes()?),
        };
        Ok(Hash::of(&[&key, normal(login).as_bytes()]))
    }
}
