//! Erasing learners, and what remains of them.
//!
//! An erasure is a tombstone first, then the end of the key. A crash before the tombstone is durable has erased
//! nothing, and nobody was told; after it, the start erases whatever key is still there before anything is served
//! (`Directory::load`). Success is answered only when the key is gone.
//!
//! What is on the chain stays: commitments, blocks, times, and the ids of learner and entries. Entries of the learner that
//! are still pending are sealed, since the chain holds nothing of theirs but a commitment. An entry whose check was
//! under way takes its place and is unreadable from then on. (docs/decisions/0007)

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::Service;
use super::access::{Action, Actor};
use super::error::Error;
use super::registry::MAX_PAGE;
use super::tables::{ERASED, ErasedRow, LEARNERS, LEARNERS_BY_PROVIDER};
use crate::ledger::entry::LearnerId;
use crate::ledger::fields::{FieldErrors, Fields, Problem};
use crate::standard::{CreditCode, UnixMillis};
use crate::store::{Commit, Event, Store, Versioned};

/// Most learners of one request, which is one rewriting of the key file.
pub const MAX_ERASURES: usize = 1_000;

/// That a learner was erased, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tombstone {
    /// The learner's id.
    pub learner: LearnerId,
    /// When it was recorded.
    pub erased_at: UnixMillis,
}

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
        let asked: Vec<Tombstone> = ids.iter().map(|id| Tombstone { learner: *id, erased_at: now }).collect();
        let burial = Burial::of(&*self.store, &asked).await?;
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
        let tombstone = |learner| Some(Tombstone { learner, erased_at: directory.erased(learner)?.at });
        Ok(ids.into_iter().filter_map(tombstone).collect())
    }

    /// A page of all tombstones, by learner, after the id `after`.
    pub async fn tombstones(
        &self,
        actor: &Actor,
        after: Option<LearnerId>,
        limit: usize,
    ) -> Result<Vec<Tombstone>, Error> {
        self.allow(actor, Action::Erase)?;
        let range = after.map_or_else(|| ERASED.all(), |id| ERASED.after(&id.uuid()));
        let rows = ERASED.scan(&*self.store, range, limit.min(MAX_PAGE)).await?;
        let read = |(id, row): (Uuid, Versioned<ErasedRow>)| {
            let learner = LearnerId::try_from(id).map_err(Error::internal)?;
            Ok(Tombstone { learner, erased_at: row.value.at })
        };
        rows.into_iter().map(read).collect()
    }
}

/// Reads tombstones as they were listed: a JSON array of `{"learner", "erased_at"}`.
pub fn parse_tombstones(json: &[u8]) -> Result<Vec<Tombstone>, Error> {
    serde_json::from_slice(json).map_err(|error| Error::Unreadable(format!("not a list of tombstones: {error}")))
}

/// Takes tombstones that were kept elsewhere into a store that no service is open on, so that whoever was erased after
/// a backup was made stays erased when it is restored: the next start erases the keys. Returns how many were new.
pub async fn merge_tombstones(store: &dyn Store, tombstones: &[Tombstone], now: UnixMillis) -> Result<usize, Error> {
    let mut merged = 0;
    for some in tombstones.chunks(MAX_ERASURES) {
        let burial = Burial::of(store, some).await?;
        let Some((first, _)) = burial.fresh.first() else { continue };
        let event = Event {
            actor: Actor::Operator.to_string(),
            action: "merge_tombstones".into(),
            subject: format!("{} learners from {first}", burial.fresh.len()),
            digest: None,
            at_ms: now.millis(),
        };
        merged += burial.fresh.len();
        store.commit(burial.commit(event)?).await?;
    }
    Ok(merged)
}

/// Tombstones, held against what the store has.
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
    async fn of(store: &dyn Store, tombstones: &[Tombstone]) -> Result<Self, Error> {
        let (mut burial, mut seen) = (Self::default(), HashSet::new());
        for (i, Tombstone { learner, erased_at }) in tombstones.iter().enumerate() {
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
            burial.fresh.push((*learner, ErasedRow { at: *erased_at, provider }));
        }
        Ok(burial)
    }

    /// The commit that makes the fresh ones durable, and takes the learners out of the registry.
    fn commit(&self, event: Event) -> Result<Commit, Error> {
        let mut commit = Commit::new(event);
        for (learner, row) in &self.fresh {
            let uuid = learner.uuid();
            commit = commit.when(ERASED.absent(&uuid)).write(ERASED.put(&uuid, row)?).write(LEARNERS.delete(&uuid));
            if let Some(provider) = &row.provider {
                commit = commit.write(LEARNERS_BY_PROVIDER.delete(&provider.to_string(), &uuid));
            }
        }
        Ok(commit)
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::EntryOutcome;
    use super::super::testing::*;
    use super::super::vault::{DataKeyId, Vault};
    use super::*;
    use crate::ledger::entry::Entry;

    fn erasure(ids: &[LearnerId]) -> Value {
        json!({"learners": ids.iter().map(ToString::to_string).collect::<Vec<_>>()})
    }

    fn has_key(world: &World, learner: LearnerId) -> bool {
        Vault::open(world.vault_dir.path()).unwrap().key(learner.into()).is_ok()
    }

    /// What each actor is answered about an erased learner: the entitled that it is erased, others that it never was.
    #[tokio::test]
    async fn an_erased_learner_is_gone_for_everybody_and_others_are_not() {
        let mut world = World::new().await;
        let (a, b) = (provider_a(), provider_b());
        let (sealed, theirs) = (a.signed_study(), b.signed_study());
        world.accept(&a, &[&sealed]).await;
        world.accept(&b, &[&theirs]).await;
        world.seal().await.unwrap().unwrap();
        let pending = a.signed_study();
        let commitment = commitment_of(&world.accept(&a, &[&pending]).await);
        let service = world.service();
        let erased = service.erase_learners(&Actor::Operator, erasure(&[a.learner.id])).await.unwrap();
        world.clock.advance(1);
        assert_eq!(service.erase_learners(&Actor::Operator, erasure(&[a.learner.id])).await.unwrap(), erased);
        assert_eq!(service.tombstones(&Actor::Operator, None, 9).await.unwrap(), erased);
        assert_eq!(service.tombstones(&Actor::Operator, Some(a.learner.id), 9).await.unwrap(), []);
        assert!(!has_key(&world, a.learner.id) && has_key(&world, b.learner.id));

        for reopened in [false, true] {
            if reopened {
                world.reopen().await.unwrap();
            }
            let service = world.service();
            for actor in [Actor::Operator, a.actor()] {
                for id in [sealed.entry().id, pending.entry().id] {
                    assert!(matches!(service.entry(&actor, id).await, Err(Error::Erased("entry"))), "{actor}");
                    assert!(matches!(service.proof(&actor, &[id]).await, Err(Error::Erased("entry"))), "{actor}");
                }
                assert!(matches!(service.learner(&actor, a.learner.id).await, Err(Error::Erased("learner"))));
                let changed = json!({"id": a.learner.id.to_string(), "name": "张玮", "provider": a.code.as_str()});
                let changed = service.change_learner(&actor, a.learner.id, 1, changed).await;
                assert!(matches!(changed, Err(Error::Erased("learner"))));
                assert_eq!(service.learners(&actor, &a.code, None, 9).await.unwrap(), []);
            }
            assert!(matches!(service.entry(&b.actor(), sealed.entry().id).await, Err(Error::NotFound("entry"))));
            assert!(matches!(service.proof(&b.actor(), &[sealed.entry().id]).await, Err(Error::NotFound("entry"))));
            assert!(matches!(service.learner(&b.actor(), a.learner.id).await, Err(Error::NotFound("learner"))));
            assert_eq!(world.failed_steps(&[theirs.entry().id]).await, []);
        }
        // What was pending is sealed all the same, and the chain stands.
        world.seal().await.unwrap().unwrap();
        let outside = world.verify_chain().await;
        assert!(outside.commitments.iter().any(|sealed| *sealed.hash() == commitment));
    }

    #[tokio::test]
    async fn nothing_new_is_taken_of_an_erased_learner() {
        let mut world = World::new().await;
        let (a, b) = (provider_a(), provider_b());
        let (known, theirs) = (a.signed_study(), b.signed_study());
        // One receipt for both, which cannot be made again without the erased one's salt.
        let submitted = world.submit(&Actor::Operator, &[&known, &theirs]).await.unwrap();
        assert_eq!(outcomes(&submitted), "AA");
        let service = world.service();
        service.erase_learners(&Actor::Operator, erasure(&[a.learner.id])).await.unwrap();
        for reopened in [false, true] {
            if reopened {
                world.reopen().await.unwrap();
            }
            let correction = a.sign(a.correct(&known, commitment_of(&submitted), None));
            for entry in [&known, &a.signed_study(), &correction] {
                let refused = world.submit(&a.actor(), &[entry]).await.unwrap();
                let EntryOutcome::Rejected(error) = &refused.results[0].outcome else { panic!("taken") };
                assert_eq!(fields_of(error), ["entry.learner.id"]);
                assert!(error.to_string().contains("erased"), "{error}");
            }
            // To another recorder it is a learner it has not registered, as before.
            let refused = world.submit(&b.actor(), &[&b.sign(Entry { recorder: b.code.clone(), ..a.study() })]).await;
            let EntryOutcome::Rejected(error) = &refused.unwrap().results[0].outcome else { panic!("taken") };
            assert!(!error.to_string().contains("erased"), "{error}");
            let again = world.submit(&Actor::Operator, &[&theirs]).await.unwrap();
            assert_eq!((outcomes(&again).as_str(), again.receipts.len()), ("D", 0));
            for party in [&a, &b] {
                let learner = json!([{"id": a.learner.id.to_string(), "name": "张伟"}]);
                let refused = world.service().register_learners(&party.actor(), learner).await.unwrap_err();
                assert_eq!(fields_of(&refused), ["[0].id"]);
            }
        }
    }

    #[tokio::test]
    async fn only_the_operator_erases_and_all_or_none() {
        let world = World::new().await;
        let (a, b, service) = (provider_a(), provider_b(), world.service());
        let nobody = LearnerId::try_from(new_id().uuid()).unwrap();
        for (actor, input) in [(a.actor(), erasure(&[a.learner.id])), (Actor::Public, erasure(&[a.learner.id]))] {
            let refused = service.erase_learners(&actor, input).await;
            assert!(matches!(refused, Err(Error::Forbidden | Error::Unauthenticated)));
            assert!(service.tombstones(&actor, None, 1).await.is_err());
        }
        for (input, field) in [
            (erasure(&[a.learner.id, nobody]), "learners[1]"),
            (erasure(&[]), "learners"),
            (json!({"learners": ["张伟"]}), "learners[0]"),
            (json!({"learners": [a.learner.id.to_string()], "more": 1}), "more"),
        ] {
            let refused = service.erase_learners(&Actor::Operator, input).await.unwrap_err();
            assert_eq!(fields_of(&refused), [field]);
        }
        assert_eq!(service.tombstones(&Actor::Operator, None, 9).await.unwrap(), []);
        service.learner(&a.actor(), a.learner.id).await.unwrap();
        let both = erasure(&[b.learner.id, a.learner.id, b.learner.id]);
        let erased = service.erase_learners(&Actor::Operator, both).await.unwrap();
        assert_eq!(erased.iter().map(|t| t.learner).collect::<Vec<_>>(), [&b, &a, &b].map(|party| party.learner.id));
        assert!(world.service().vault.key(DataKeyId::LEDGER).is_ok());
    }

    /// Tombstones of another copy of the ledger: the start erases the keys that this one still has.
    #[tokio::test]
    async fn merged_tombstones_are_replayed_at_the_start() {
        let mut world = World::new().await;
        let (a, b) = (provider_a(), provider_b());
        let entry = a.signed_study();
        world.accept(&a, &[&entry]).await;
        let nobody = LearnerId::try_from(new_id().uuid()).unwrap();
        let then: UnixMillis = "2026-11-20T00:00:00.000Z".parse().unwrap();
        let tombstones: Vec<Tombstone> =
            [a.learner.id, nobody].map(|learner| Tombstone { learner, erased_at: then }).into();
        let listed = serde_json::to_vec(&tombstones).unwrap();
        assert_eq!(parse_tombstones(&listed).unwrap(), tombstones);
        assert!(matches!(parse_tombstones(b"{}"), Err(Error::Unreadable(_))));
        assert!(has_key(&world, a.learner.id));
        let store = world.disk.open();
        for new in [2, 0] {
            assert_eq!(merge_tombstones(&store, &tombstones, then).await.unwrap(), new);
        }
        drop(store);
        world.reopen().await.unwrap();
        assert!(!has_key(&world, a.learner.id) && has_key(&world, b.learner.id));
        let service = world.service();
        assert!(matches!(service.entry(&a.actor(), entry.entry().id).await, Err(Error::Erased(_))));
        assert!(matches!(service.learner(&a.actor(), a.learner.id).await, Err(Error::Erased(_))));
        assert!(matches!(service.learner(&a.actor(), nobody).await, Err(Error::NotFound(_))));
        let mut listed = service.tombstones(&Actor::Operator, None, 9).await.unwrap();
        listed.sort_by_key(|tombstone| tombstone.learner != a.learner.id);
        assert_eq!(listed, tombstones);
        let refused = service.register_learners(&b.actor(), json!({"id": nobody.to_string(), "name": "无名"})).await;
        assert_eq!(fields_of(&refused.unwrap_err()), ["id"]);
        world.seal().await.unwrap().unwrap();
        world.verify_chain().await;
    }

    /// However the vault fails after the tombstone: nothing is read any more, and asking again or restarting finishes it.
    #[tokio::test]
    async fn an_erasure_that_the_vault_did_not_finish_is_finished_later() {
        for restart in [false, true] {
            let mut world = World::new().await;
            let a = provider_a();
            let entry = a.signed_study();
            world.accept(&a, &[&entry]).await;
            // Nobody can write the new key file where a directory of its name lies.
            let blocked = world.vault_dir.path().join("data-keys.new");
            std::fs::create_dir(&blocked).unwrap();
            let failed = world.service().erase_learners(&Actor::Operator, erasure(&[a.learner.id])).await;
            assert!(matches!(failed, Err(Error::Unavailable(_))), "{failed:?}");
            assert!(matches!(world.service().entry(&a.actor(), entry.entry().id).await, Err(Error::Erased(_))));
            std::fs::remove_dir(&blocked).unwrap();
            assert!(has_key(&world, a.learner.id));
            if restart {
                world.reopen().await.unwrap();
            } else {
                world.service().erase_learners(&Actor::Operator, erasure(&[a.learner.id])).await.unwrap();
            }
            assert!(!has_key(&world, a.learner.id));
        }
    }

    /// The tombstone is lost or kept: either the learner is still there, or the start finishes what was recorded.
    #[tokio::test]
    async fn a_commit_that_fails_has_erased_nothing_or_is_finished_at_the_start() {
        use crate::store::{Fault, Step};
        for (fault, kept) in
            [(Fault::FailLost, false), (Fault::DieLost, false), (Fault::FailKept, true), (Fault::DieKept, true)]
        {
            let mut world = World::new().await;
            let a = provider_a();
            let entry = a.signed_study();
            world.accept(&a, &[&entry]).await;
            world.disk.plan(Step::Commit, 1, fault);
            world.service().erase_learners(&Actor::Operator, erasure(&[a.learner.id])).await.unwrap_err();
            assert!(has_key(&world, a.learner.id));
            world.reopen().await.unwrap();
            assert_eq!(has_key(&world, a.learner.id), !kept);
            let read = world.service().entry(&a.actor(), entry.entry().id).await;
            assert_eq!(matches!(read, Err(Error::Erased(_))), kept, "{:?}", read.map(|view| view.commitment));
        }
    }
}
