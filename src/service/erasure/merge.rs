//! Tombstones on their way into a store: what each of them writes, and those of a list that was kept elsewhere.

use std::collections::HashSet;

use super::super::access::Actor;
use super::super::error::Error;
use super::super::tables::{ERASED, ErasedRow, LEARNERS, LEARNERS_BY_PROVIDER};
use super::super::{accounts, complaints};
use super::{Erased, MAX_ERASURES, Tombstone};
use crate::ledger::entry::LearnerId;
use crate::standard::UnixMillis;
use crate::store::{Commit, Condition, Event, Store, Write};

/// What one tombstone writes, if it is still the first of its kind.
pub(in crate::service) struct Grave {
    pub(in crate::service) when: Condition,
    pub(in crate::service) writes: Vec<Write>,
}

impl Grave {
    /// A learner's: out of the registry.
    pub(super) fn of_learner(learner: LearnerId, row: &ErasedRow) -> Result<Self, Error> {
        let uuid = learner.uuid();
        let mut writes = vec![ERASED.put(&uuid, row)?, LEARNERS.delete(&uuid)];
        writes.extend(row.provider.as_ref().map(|code| LEARNERS_BY_PROVIDER.delete(&code.to_string(), &uuid)));
        Ok(Self { when: ERASED.absent(&uuid), writes })
    }

    /// The commit that makes them durable.
    pub(super) fn commit(graves: impl IntoIterator<Item = Self>, event: Event) -> Commit {
        graves.into_iter().fold(Commit::new(event), |commit, grave| commit.when(grave.when).write_all(grave.writes))
    }

    /// What a tombstone writes to a store that no service is open on; nothing where the store has it.
    async fn of(store: &dyn Store, Tombstone { erased, erased_at }: &Tombstone) -> Result<Option<Self>, Error> {
        match erased {
            Erased::Learner(learner) => {
                let uuid = learner.uuid();
                if ERASED.get(store, &uuid).await?.is_some() {
                    return Ok(None);
                }
                let provider = LEARNERS.get(store, &uuid).await?.map(|row| row.value.provider);
                Self::of_learner(*learner, &ErasedRow { at: *erased_at, provider }).map(Some)
            }
            Erased::Account(account) => accounts::grave_of(store, *account, *erased_at).await,
            Erased::Case(number) => complaints::grave_of(store, number, *erased_at).await,
        }
    }
}

/// Takes tombstones that were kept elsewhere into a store that no service is open on, so that whatever was erased after
/// a backup was made stays erased when it is restored: whoever opens the store next erases the keys. Returns how many were new.
pub async fn merge_tombstones(store: &dyn Store, tombstones: &[Tombstone], now: UnixMillis) -> Result<usize, Error> {
    let mut merged = 0;
    for some in tombstones.chunks(MAX_ERASURES) {
        let (mut graves, mut names) = (Vec::new(), HashSet::new());
        for tombstone in some {
            if names.contains(&tombstone.erased) {
                continue;
            }
            if let Some(grave) = Grave::of(store, tombstone).await? {
                graves.push(grave);
                names.insert(&tombstone.erased);
            }
        }
        let Some(first) = some.iter().map(|tombstone| &tombstone.erased).find(|erased| names.contains(erased)) else {
            continue;
        };
        let event = Event {
            actor: Actor::Operator.to_string(),
            action: "merge_tombstones".into(),
            subject: format!("{} from {first}", graves.len()),
            digest: None,
            at_ms: now.millis(),
        };
        merged += graves.len();
        store.commit(Grave::commit(graves, event)).await?;
    }
    Ok(merged)
}
