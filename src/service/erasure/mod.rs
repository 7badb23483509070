//! Erasing learners, and what remains of whatever was erased: learners, accounts that were nothing else than a learner's, and
//! complaints.
//!
//! An erasure is a tombstone first, then the end of the key. A crash before the tombstone is durable has erased
//! nothing, and nobody was told; after it, the start erases whatever key is still there before anything is served
//! (`Directory::load`). Success is answered only when the key is gone.
//!
//! What is on the chain stays: commitments, blocks, times, and the ids of learner and entries. Entries of the learner that
//! are still pending are sealed, since the chain holds nothing of theirs but a commitment. An entry whose check was
//! under way takes its place and is unreadable from then on. (docs/decisions/0007)

mod merge;
mod tombstone;

#[cfg(test)]
mod tests;

use std::collections::HashSet;

use serde_json::Value;

use super::Service;
use super::access::{AccountId, Action, Actor};
use super::complaints::CaseNumber;
use super::error::Error;
use super::registry::MAX_PAGE;
use super::tables::{ERASED, ERASED_ACCOUNTS, ErasedRow, LEARNERS};
use crate::ledger::entry::LearnerId;
use crate::ledger::fields::{FieldErrors, Fields, Problem};
use crate::standard::{CreditCode, UnixMillis};
use crate::store::{Commit, Event, Store};

pub(super) use merge::Grave;
pub use merge::merge_tombstones;
pub use tombstone::{Erased, ErasedKind, Tombstone, parse_tombstones};

/// Most learners of one request, which is one rewriting of the key file.
pub const MAX_ERASURES: usize = 1_000;

impl ErasedRow {
    /// Whether this actor could have read the learner.
    pub(super) fn is_for(&self, actor: &Actor) -> bool {
        self.provider.as_ref().map_or(*actor == Actor::Operator, |provider| actor.owns(provider))
    }

    /// Whether a recorder may be told: its own learner, or one that nobody registered here.
    pub(super) fn was_of(&self, recorder: &CreditCode) -> bool {
        self.provider.as_ref().is_none_or(|provider| provider == recorder)
    }
}

impl Service {
    /// Erases learners for good, named as `{"learners": [ids]}`: all or none. The answer has the tombstone of
    /// each, also of those erased before.
    pub async fn erase_learners(&self, actor: &Actor, input: Value) -> Result<Vec<Tombstone>, Error> {
        self.allow(actor, Action::Erase)?;
        let ids = read_ids(input)?;
        let _one_at_a_time = self.registry.lock().await;
        let now = self.clock.now();
        let burial = Burial::of(&*self.store, &ids, now).await?;
        if !burial.strangers.is_empty() {
            let errors = burial.strangers.iter().flat_map(|i| {
                let problem = Problem::mismatch("is not a registered learner", "不是已登记的学员");
                FieldErrors::one(format!("learners[{i}]"), problem).0
            });
            return Err(Error::Invalid(FieldErrors(errors.collect())));
        }
        // A crash up to here has erased nothing, and nobody was told.
        if !burial.fresh.is_empty() {
            let subject = format!("{} learners from {}", burial.fresh.len(), burial.fresh[0].0);
            let event = self.event(actor, "erase_learners", subject);
            self.store.commit(burial.commit(event)?).await?;
        }
        // From here on nothing of them is read. A crash leaves tombstones, and the start does the rest.
        for (id, row) in burial.fresh.into_iter().chain(burial.known) {
            self.directory_mut().erase(id, row);
            self.standings.forget(id);
            self.claims_mut().forget(id);
        }
        self.on_disk(|vault| vault.erase(ids.iter().copied())).map_err(|error| {
            Error::Unavailable(format!("the erasure is recorded; asking again, or a restart, finishes it: {error}"))
        })?;
        self.bury_accounts(actor).await?;
        tracing::info!(learners = ids.len(), "erased");
        let directory = self.directory();
        let tombstone = |id| Some(Tombstone { erased: Erased::Learner(id), erased_at: directory.erased(id)?.at });
        Ok(ids.into_iter().filter_map(tombstone).collect())
    }

    /// A page of the tombstones of learners, by id, after the id `after`.
    pub async fn learner_tombstones(
        &self,
        actor: &Actor,
        after: Option<LearnerId>,
        limit: usize,
    ) -> Result<Vec<Tombstone>, Error> {
        self.allow(actor, Action::Erase)?;
        let range = after.map_or_else(|| ERASED.all(), |id| ERASED.after(&id.uuid()));
        let rows = ERASED.scan(&*self.store, range, limit.min(MAX_PAGE)).await?;
        let read = |id, at| Ok(Tombstone { erased: Erased::Learner(LearnerId::try_from(id)?), erased_at: at });
        rows.into_iter().map(|(id, row)| read(id, row.value.at)).collect::<Result<_, _>>().map_err(unreadable)
    }

    /// A page of the tombstones of accounts, by id, after the id `after`.
    pub async fn account_tombstones(
        &self,
        actor: &Actor,
        after: Option<AccountId>,
        limit: usize,
    ) -> Result<Vec<Tombstone>, Error> {
        self.allow(actor, Action::Erase)?;
        let range = after.map_or_else(|| ERASED_ACCOUNTS.all(), |id| ERASED_ACCOUNTS.after(&id.uuid()));
        let rows = ERASED_ACCOUNTS.scan(&*self.store, range, limit.min(MAX_PAGE)).await?;
        let read = |id, at| Ok(Tombstone { erased: Erased::Account(AccountId::try_from(id)?), erased_at: at });
        rows.into_iter().map(|(id, row)| read(id, row.value.at)).collect::<Result<_, _>>().map_err(unreadable)
    }

    /// A page of the tombstones of complaints, by number, after the number `after`.
    pub async fn case_tombstones(
        &self,
        actor: &Actor,
        after: Option<&CaseNumber>,
        limit: usize,
    ) -> Result<Vec<Tombstone>, Error> {
        self.allow(actor, Action::Erase)?;
        let erased = self.erased_cases(after, limit.min(MAX_PAGE)).await?;
        let tombstone = |(number, erased_at)| Tombstone { erased: Erased::Case(number), erased_at };
        Ok(erased.into_iter().map(tombstone).collect())
    }
}

fn unreadable(error: crate::ledger::entry::FormError) -> Error {
    Error::internal(format!("a tombstone cannot be read: {error}"))
}

/// Learners who are to be erased, held against what the store has.
#[derive(Default)]
struct Burial {
    /// Not in the store yet.
    fresh: Vec<(LearnerId, ErasedRow)>,
    /// In the store before.
    known: Vec<(LearnerId, ErasedRow)>,
    /// Which of the fresh ones are of nobody who is registered, by their place in the request.
    strangers: Vec<usize>,
}

impl Burial {
    async fn of(store: &dyn Store, learners: &[LearnerId], at: UnixMillis) -> Result<Self, Error> {
        let (mut burial, mut seen) = (Self::default(), HashSet::new());
        for (i, learner) in learners.iter().enumerate() {
            let uuid = learner.uuid();
            if !seen.insert(uuid) {
                continue;
            }
            if let Some(row) = ERASED.get(store, &uuid).await? {
                burial.known.push((*learner, row.value));
                continue;
            }
            let provider = LEARNERS.get(store, &uuid).await?.map(|row| row.value.provider);
            if provider.is_none() {
                burial.strangers.push(i);
            }
            burial.fresh.push((*learner, ErasedRow { at, provider }));
        }
        Ok(burial)
    }

    /// The commit that makes the fresh ones durable, and takes the learners out of the registry.
    fn commit(&self, event: Event) -> Result<Commit, Error> {
        let graves = self.fresh.iter().map(|(learner, row)| Grave::of_learner(*learner, row));
        Ok(Grave::commit(graves.collect::<Result<Vec<_>, _>>()?, event))
    }
}

fn read_ids(input: Value) -> Result<Vec<LearnerId>, Error> {
    let mut errors = FieldErrors::default();
    let ids = Fields::of(input, "", &mut errors).and_then(|mut fields| {
        let ids = fields.list("learners", 1, MAX_ERASURES);
        fields.finish();
        ids
    });
    ids.filter(|_| errors.0.is_empty()).ok_or(Error::Invalid(errors))
}
