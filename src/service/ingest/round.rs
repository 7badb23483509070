//! The one task that makes the order: it plans a group of requests, commits it, and answers.

use std::collections::{HashSet, VecDeque};
use std::sync::PoisonError;

use tokio::sync::{mpsc, oneshot};

use super::super::access::Actor;
use super::super::check::{Checked, Prepared};
use super::super::error::Error;
use super::super::order::{Place, Tail};
use super::super::{AcceptedKeys, Service};
use super::draft::Draft;
use super::{EntryOutcome, EntryResult, Placed, Request};
use crate::ledger::entry::{EntryId, Kind};
use crate::store::{Commit, StoreError};

/// Most requests of one group.
const MAX_GROUP: usize = 128;

/// A request of a round: decided, not yet durable.
struct Plan {
    placed: Placed,
    changes: Option<Changes>,
    answer: oneshot::Sender<Result<Placed, Error>>,
}

/// What a request changes when its commit is kept.
pub(super) struct Changes {
    /// Taken when it goes to the store.
    pub(super) commit: Option<Commit>,
    /// Where the order ends with it.
    pub(super) end: Tail,
    pub(super) keys: Option<AcceptedKeys>,
    /// The first of its places, and what is kept in them.
    pub(super) first: u64,
    pub(super) places: Vec<Place>,
}

impl Service {
    /// Gives submissions their place, group by group, until the service is dropped.
    pub(in crate::service) async fn run_ingest(service: std::sync::Weak<Self>, mut queue: mpsc::Receiver<Request>) {
        while let Some(first) = queue.recv().await {
            let Some(service) = service.upgrade() else { return };
            let mut waiting = VecDeque::from([first]);
            while waiting.len() < MAX_GROUP
                && let Ok(next) = queue.try_recv()
            {
                waiting.push_back(next);
            }
            while !waiting.is_empty() {
                let round = service.plan_round(&mut waiting).await;
                service.take_round(round).await;
            }
        }
    }

    /// Plans as many waiting requests as do not touch each other's ids or the key register.
    async fn plan_round(&self, waiting: &mut VecDeque<Request>) -> Vec<Plan> {
        let mut end = self.keys().end;
        let mut round = Vec::new();
        let mut taken = HashSet::new();
        while let Some(request) = waiting.front() {
            let alone = request.depends_on_order();
            if !round.is_empty() && (alone || request.ids().any(|id| taken.contains(&id))) {
                break;
            }
            let Some(request) = waiting.pop_front() else { break };
            taken.extend(request.ids());
            match self.plan(request.actor, request.entries, end).await {
                Ok((placed, changes)) => {
                    end = changes.as_ref().map_or(end, |changes| changes.end);
                    round.push(Plan { placed, changes, answer: request.answer });
                }
                Err(error) => drop(request.answer.send(Err(error))),
            }
            if alone {
                break;
            }
        }
        round
    }

    /// Commits a round and answers. What was not kept has no place, and the next round starts where this one got to.
    async fn take_round(&self, round: Vec<Plan>) {
        let (commits, round): (Vec<Option<Commit>>, Vec<Plan>) =
            round.into_iter().map(|mut plan| (plan.changes.as_mut().and_then(|c| c.commit.take()), plan)).unzip();
        let commits = commits.into_iter().map(|commit| async move {
            match commit {
                Some(commit) => self.store.commit(commit).await.map(drop),
                None => Ok(()),
            }
        });
        // `join_all` polls in order, so the store sees the commits in the order of their places.
        let outcomes = futures_util::future::join_all(commits).await;
        for (plan, outcome) in round.into_iter().zip(outcomes) {
            let answer = match outcome {
                Ok(()) => {
                    self.took_effect(plan.changes);
                    Ok(plan.placed)
                }
                // One before it was not kept, so there is a gap where this should go. Nothing of it was written.
                Err(StoreError::Conflict { .. }) => Err(Error::Overloaded),
                Err(error) => Err(Error::from(error)),
            };
            drop(plan.answer.send(answer));
        }
        let pending = self.keys().end.next.saturating_sub(self.published().total());
        if pending >= self.settings.batch_max as u64 {
            self.seal_now.notify_one();
        }
    }

    fn took_effect(&self, changes: Option<Changes>) {
        let Some(changes) = changes else { return };
        self.places.write().unwrap_or_else(PoisonError::into_inner).add(changes.first, &changes.places);
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(changed) = changes.keys {
            *keys = changed;
        }
        // Only now may the sealer take these entries: what it says about keys is complete up to here.
        keys.end = changes.end;
    }

    /// Decides about every entry of a request, whose first accepted one gets the first place after `end`.
    async fn plan(&self, actor: Actor, entries: Vec<Checked>, end: Tail) -> Result<(Placed, Option<Changes>), Error> {
        let mut draft = Draft::after(end, entries.len());
        let mut results = Vec::with_capacity(entries.len());
        for checked in entries {
            let (id, outcome) = match checked {
                Err((id, error)) => (id, EntryOutcome::Rejected(error)),
                Ok(prepared) => (Some(prepared.signed.entry().id), self.place(&mut draft, prepared).await?),
            };
            results.push(EntryResult { id, outcome });
        }
        let (earlier, sealed_at_total) = (std::mem::take(&mut draft.earlier), draft.sealed_at_total);
        let (receipt, changes) = match draft.promised.is_empty() {
            true => (None, None),
            false => {
                let (receipt, changes) = self.promise(&actor, draft)?;
                (Some(receipt), Some(changes))
            }
        };
        Ok((Placed { results, receipt, earlier, sealed_at_total }, changes))
    }
}

impl Request {
    fn ids(&self) -> impl Iterator<Item = EntryId> {
        self.entries.iter().flatten().map(|prepared| prepared.signed.entry().id)
    }

    /// Key entries and corrections are judged by what stands before them, so they go in a round of their own.
    fn depends_on_order(&self) -> bool {
        let kind = |prepared: &Prepared| prepared.signed.entry().kind();
        self.entries.iter().flatten().any(|prepared| matches!(kind(prepared), Kind::Key | Kind::Correction))
    }
}
