//! From signed bytes to a place in the order.
//!
//! A submission is checked on the pool ([`super::check`]), queued, and given its place by one task, which takes whatever
//! waits as one group: one commit a request, one fdatasync a group. Only then is anybody answered.

#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::{Arc, PoisonError};

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};

use super::access::{Action, Actor};
use super::check::{Checked, Prepared, bad_signature};
use super::error::Error;
use super::order::{Place, ReceiptFacts, Run, Tail, What};
use super::tables::{CORRECTED, CorrectedRow, ENTRIES, EntryHead, EntryRow, KEYS, KeyRow, RUNS};
use super::vault::DataKeyId;
use super::{AcceptedKeys, Service};
use crate::ledger::commitment::Commitment;
use crate::ledger::entry::{Body, Correction, EntryId, KeyChange, Kind, Learner, LearnerId};
use crate::ledger::fields::Problem;
use crate::ledger::keys::{Alg, KeyError, KeyId};
use crate::ledger::receipt::{MAX_RECEIPT_ENTRIES, Receipt, ReceiptEntry, SignedReceipt};
use crate::ledger::signed::SignedEntry;
use crate::merkle::Hash;
use crate::standard::UnixMillis;
use crate::store::{Commit, StoreError, Write};

/// Most entries of one submission.
pub const MAX_SUBMISSION: usize = MAX_RECEIPT_ENTRIES;
/// Most bytes of all entries of one submission: encrypted and with their rows, they fit one commit.
pub const MAX_SUBMISSION_BYTES: usize = 8 * 1024 * 1024;
/// Most earlier receipts of one answer: each has to be made again from the entries it covers. Entries whose receipt is
/// left out are told to be duplicates all the same; sending fewer of them brings it.
pub const MAX_EARLIER_RECEIPTS: usize = 16;
/// Most requests of one group.
const MAX_GROUP: usize = 128;

/// What became of a submission.
#[derive(Debug)]
pub struct Submitted {
    /// One result for each entry, in their order.
    pub results: Vec<EntryResult>,
    /// The receipt for what this request brought, and the earlier ones for what was known already, at most
    /// [`MAX_EARLIER_RECEIPTS`].
    pub receipts: Vec<SignedReceipt>,
    /// How many entries the chain must hold before all of these are sealed; none when none was accepted.
    pub sealed_at_total: Option<u64>,
}

/// What became of one entry.
#[derive(Debug)]
pub struct EntryResult {
    /// The entry's id, as far as it could be read.
    pub id: Option<EntryId>,
    /// What became of it.
    pub outcome: EntryOutcome,
}

/// What became of one entry.
#[derive(Debug)]
pub enum EntryOutcome {
    /// Durable now, with this commitment.
    Accepted(Hash),
    /// The same entry with the same signatures was accepted before.
    Duplicate(Hash),
    /// Not taken, and why.
    Rejected(Error),
}

/// A submission on its way to its place in the order.
pub(super) struct Request {
    actor: Actor,
    entries: Vec<Checked>,
    answer: oneshot::Sender<Result<Placed, Error>>,
}

/// A submission in its place: durable.
struct Placed {
    results: Vec<EntryResult>,
    receipt: Option<SignedReceipt>,
    /// The earlier receipts of what was known already, by their first place.
    earlier: BTreeSet<u64>,
    sealed_at_total: Option<u64>,
}

pub(super) fn queue(max: usize) -> (mpsc::Sender<Request>, mpsc::Receiver<Request>) {
    mpsc::channel(max.max(1))
}

impl Service {
    /// Takes signed entries, each in its canonical bytes. The answer comes when all accepted ones are durable.
    pub async fn submit(self: &Arc<Self>, actor: &Actor, entries: Vec<Vec<u8>>) -> Result<Submitted, Error> {
        self.allow(actor, Action::SubmitEntries)?;
        check_size(&entries)?;
        if let Some(not_ready) = self.not_ready() {
            return Err(not_ready);
        }
        let stopping = || Error::Unavailable("the service is stopping".into());
        let entries = self.check_all(actor, entries).await?;
        let (answer, answered) = oneshot::channel();
        let request = Request { actor: actor.clone(), entries, answer };
        self.queue.try_send(request).map_err(|error| match error {
            TrySendError::Full(_) => Error::Overloaded,
            TrySendError::Closed(_) => stopping(),
        })?;
        let Placed { results, receipt, earlier, sealed_at_total } = answered.await.map_err(|_| stopping())??;
        let mut receipts = Vec::from_iter(receipt);
        if !earlier.is_empty() {
            // Read back here, not by the task that makes the order: it must not wait for one request's old receipts.
            receipts.extend(Self::apart(self.receipts(actor, earlier)).await?);
        }
        Ok(Submitted { results, receipts, sealed_at_total })
    }

    /// The receipts of these first places, as far as they can be made again.
    async fn receipts(&self, actor: &Actor, firsts: BTreeSet<u64>) -> Result<Vec<SignedReceipt>, Error> {
        let mut receipts = Vec::new();
        for first in firsts.into_iter().take(MAX_EARLIER_RECEIPTS) {
            // A receipt that covers others' entries too, or one that cannot be made again because an entry of it was
            // erased, is left out.
            match self.receipt(actor, first).await {
                Ok(receipt) => receipts.push(receipt),
                Err(Error::NotFound(_) | Error::Erased(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(receipts)
    }

    /// Gives submissions their place, group by group, until the service is dropped.
    pub(super) async fn run_ingest(service: std::sync::Weak<Self>, mut queue: mpsc::Receiver<Request>) {
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

    /// The receipt for what a request brings, and the commit that makes it true.
    fn promise(&self, actor: &Actor, draft: Draft) -> Result<(SignedReceipt, Changes), Error> {
        let Draft { after, next, promised, places, .. } = draft;
        let first = after.next;
        let digests: Vec<u8> = places.iter().flat_map(|place| *place.commitment.hash().as_bytes()).collect();
        // Block times never go back. When the clock has, a promise counted from it might be broken already.
        let accepted = self.clock.now().max(self.published().tip.time);
        let seal_by = UnixMillis::new(accepted.millis() + self.settings.seal_by_ms)
            .map_err(|error| Error::Internal(error.to_string()))?;
        let key = self.receipt_key_id();
        let receipt = Receipt { ledger: self.origin.clone(), accepted, seal_by, key, entries: promised };
        let receipt = receipt.sign(&self.receipt_key);
        let sig = hex::encode(&receipt.signature);
        let facts = ReceiptFacts { accepted, seal_by, key: *key.hash(), sig };
        let mut event = self.event(actor, "submit_entries", format!("{first}+{}", next - first));
        event.digest = Some(Hash::of(&[&digests]));
        let run = Run { first, receipt: Some(facts), places: places.clone() };
        let mut commit = Commit::new(event).when(RUNS.absent(&first)).write_all(draft.rows).write(run.put()?);
        if let Some(before) = after.last_run {
            commit = commit.when(RUNS.present(&before));
        }
        let end = Tail { last_run: Some(first), next };
        Ok((receipt, Changes { commit: Some(commit), end, keys: draft.keys, first, places }))
    }

    /// Decides about one entry: a duplicate, a refusal, or the next place.
    async fn place(&self, draft: &mut Draft, prepared: Prepared) -> Result<EntryOutcome, Error> {
        let Prepared { signed, receipt, verdict } = prepared;
        let id = signed.entry().id;
        let commitment = *receipt.commitment.hash();
        let known = match draft.seen.get(&id) {
            Some(known) => Some(*known),
            None => self.known(id).await?,
        };
        if let Some(known) = known.filter(|known| known.commitment == commitment) {
            draft.repeated(known);
            return Ok(EntryOutcome::Duplicate(commitment));
        }
        let sealed = match verdict {
            Ok(_) if known.is_some() => {
                let conflict = Error::Conflict(format!("another entry stands under the id {id}"));
                return Ok(EntryOutcome::Rejected(conflict));
            }
            Ok(sealed) => sealed,
            Err(error) => return Ok(EntryOutcome::Rejected(error)),
        };
        match self.judge_in_order(draft, &signed).await {
            Ok(()) => {}
            Err(ours @ (Error::Internal(_) | Error::Unavailable(_) | Error::NoRoom(_))) => return Err(ours),
            Err(error) => return Ok(EntryOutcome::Rejected(error)),
        }
        draft.accept(&signed, receipt, sealed)?;
        Ok(EntryOutcome::Accepted(commitment))
    }

    /// The accepted entry of this id.
    async fn known(&self, id: EntryId) -> Result<Option<Known>, Error> {
        let Some(row) = ENTRIES.get(&*self.store, &id.uuid()).await? else { return Ok(None) };
        let ordinal = row.value.head.ordinal;
        let run = Run::of(&*self.store, ordinal).await?;
        let commitment = *commitment_at(&run, ordinal)?.hash();
        Ok(Some(Known { commitment, place: ordinal, receipt: run.receipt.map(|_| run.first) }))
    }

    /// What can be judged only with everything before it in sight.
    async fn judge_in_order(&self, draft: &mut Draft, signed: &SignedEntry) -> Result<(), Error> {
        match &signed.entry().body {
            Body::Key(_) => self.place_key(draft, signed),
            Body::Correction(learner, correction) => {
                self.check_keys_not_ended(signed)?;
                self.check_target(signed, learner, correction).await?;
                draft.correct(
                    correction.target,
                    CORRECTED.get(&*self.store, &correction.target.uuid()).await?.is_some(),
                )?;
                let by = CorrectedRow { by: signed.entry().id.uuid() };
                draft.rows.push(CORRECTED.put(&correction.target.uuid(), &by)?);
                Ok(())
            }
            Body::Study(..) | Body::Activity(..) | Body::Certificate(_) | Body::Status(_) => {
                self.check_keys_not_ended(signed)
            }
        }
    }

    /// The signature was judged before; meanwhile a retirement may have been accepted, which will be sealed first.
    fn check_keys_not_ended(&self, signed: &SignedEntry) -> Result<(), Error> {
        let keys = self.keys();
        for signature in signed.signatures() {
            if keys.register.key(signature.key).map_err(bad_signature)?.ended.is_some() {
                return Err(bad_signature(KeyError::Ended(signature.key)));
            }
        }
        Ok(())
    }

    /// Takes a key entry into the register that this request will leave behind.
    fn place_key(&self, draft: &mut Draft, signed: &SignedEntry) -> Result<(), Error> {
        let keys = self.keys();
        let published = self.published();
        refuse_height_to_come(signed, published.height() + 1)?;
        let in_force = keys.within(published.total());
        for signature in signed.signatures() {
            if keys.register.key(signature.key).map_err(bad_signature)?.added >= in_force {
                return Err(bad_signature(KeyError::NotYet(signature.key)));
            }
        }
        let text = String::from_utf8(signed.bytes().to_vec()).map_err(|error| Error::Internal(error.to_string()))?;
        let changed = draft.keys.get_or_insert_with(|| keys.clone());
        Arc::make_mut(&mut changed.register).push(signed).map_err(bad_signature)?;
        let element = changed.ordinals.len() as u64;
        Arc::make_mut(&mut changed.ordinals).push(draft.next);
        draft.rows.push(KEYS.put(&element, &KeyRow { ordinal: draft.next, signed: text })?);
        Ok(())
    }

    /// Holds a correction against its target: known, unchanged, of the same learner, and saying what can be corrected.
    async fn check_target(
        &self,
        signed: &SignedEntry,
        learner: &Learner,
        correction: &Correction,
    ) -> Result<(), Error> {
        let refuse = |name: &str, en: &str, zh: &str| Error::field(format!("entry.{name}"), Problem::mismatch(en, zh));
        let by_authority = self.keys().register.has_authority(signed);
        let row = ENTRIES.get(&*self.store, &correction.target.uuid()).await?.map(|row| row.value);
        let row = row.filter(|row| by_authority || row.head.recorder == signed.entry().recorder).ok_or_else(|| {
            refuse("target.id", "is not an entry that this recorder may correct", "不是该机构可更正的记录")
        })?;
        let ordinal = row.head.ordinal;
        let run = Run::of(&*self.store, ordinal).await?;
        if *commitment_at(&run, ordinal)?.hash() != correction.target_commitment {
            return Err(refuse("target.commitment", "is not the commitment of that entry", "不是该记录的承诺值"));
        }
        if row.head.learner != Some(learner.id.uuid()) {
            return Err(refuse("learner.id", "is not the learner of that entry", "不是该记录的学员"));
        }
        let said = self.open_entry(correction.target, &row)?.entry().record();
        let fits = match (&said, &correction.replacement) {
            (None, _) => false,
            (Some(old), Some(new)) => old.kind() == new.kind(),
            (Some(_), None) => true,
        };
        if !fits {
            return Err(refuse("target.id", "says nothing that this could correct", "该记录没有可由此更正的内容"));
        }
        Ok(())
    }

    /// Whose key an accepted entry is under.
    pub(super) fn owner_of(&self, row: &EntryRow) -> Result<DataKeyId, Error> {
        let Some(learner) = row.head.learner else { return Ok(DataKeyId::LEDGER) };
        let learner = LearnerId::try_from(learner).map_err(Error::internal)?;
        // From the tombstone on, even while the key itself is still being erased.
        match self.directory().erased(learner) {
            Some(_) => Err(Error::Erased("entry")),
            None => Ok(learner.into()),
        }
    }

    /// Reads an accepted entry back.
    pub(super) fn open_entry(&self, id: EntryId, row: &EntryRow) -> Result<SignedEntry, Error> {
        let owner = self.owner_of(row)?;
        let bytes = self.vault.decrypt(owner, id.uuid().as_bytes(), &row.tail)?;
        SignedEntry::from_bytes(&bytes).map_err(|error| Error::Internal(format!("entry {id}: {error}")))
    }

    /// The receipt whose first entry has this place, made again from what is kept.
    async fn receipt(&self, actor: &Actor, first: u64) -> Result<SignedReceipt, Error> {
        let missing = || Error::Internal(format!("the receipt of place {first} is missing"));
        let run = Run::of(&*self.store, first).await?;
        let facts = run.receipt.ok_or_else(missing)?;
        let mut entries = Vec::with_capacity(run.places.len());
        for place in run.places {
            let id = EntryId::try_from(place.id).map_err(|_| missing())?;
            let entry = ENTRIES.get(&*self.store, &place.id).await?.ok_or_else(missing)?.value;
            if !actor.owns(&entry.head.recorder) {
                return Err(Error::NotFound("receipt"));
            }
            let (signed, salt) = self.open_with_salt(id, &entry)?;
            entries.push(ReceiptEntry::of(&signed, salt));
        }
        let key = facts.key.to_string().parse().map_err(|_| missing())?;
        let receipt =
            Receipt { ledger: self.origin.clone(), accepted: facts.accepted, seal_by: facts.seal_by, key, entries };
        let signature = hex::decode(&facts.sig).map_err(|_| missing())?;
        Ok(SignedReceipt { receipt, signature })
    }

    fn receipt_key_id(&self) -> KeyId {
        KeyId::of(&Alg::Ed25519, self.receipt_key.verifying_key().as_bytes())
    }
}

/// A revocation may say from which height on a stolen key's entries do not count. From the block after its own the key has ended
/// anyway, so a greater height than `next`, the first that it can be sealed at, is a slip that would let entries of
/// the thief's stand.
fn refuse_height_to_come(signed: &SignedEntry, next: u64) -> Result<(), Error> {
    match &signed.entry().body {
        Body::Key(KeyChange::Revoke { compromised_from: Some(from), .. }) if *from > next => {
            Err(Error::field("entry.compromised_from", Problem::Range(0, next)))
        }
        _ => Ok(()),
    }
}

fn check_size(entries: &[Vec<u8>]) -> Result<(), Error> {
    match entries.len() {
        0 => return Err(Error::field("entries", Problem::Length(1, MAX_SUBMISSION as u64))),
        1..=MAX_SUBMISSION => {}
        _ => return Err(Error::TooLarge { what: "the number of entries in one request", limit: MAX_SUBMISSION }),
    }
    if entries.iter().map(Vec::len).sum::<usize>() > MAX_SUBMISSION_BYTES {
        return Err(Error::TooLarge { what: "the size of one request in bytes", limit: MAX_SUBMISSION_BYTES });
    }
    Ok(())
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

/// A request of a round: decided, not yet durable.
struct Plan {
    placed: Placed,
    changes: Option<Changes>,
    answer: oneshot::Sender<Result<Placed, Error>>,
}

/// What a request changes when its commit is kept.
struct Changes {
    /// Taken when it goes to the store.
    commit: Option<Commit>,
    /// Where the order ends with it.
    end: Tail,
    keys: Option<AcceptedKeys>,
    /// The first of its places, and what is kept in them.
    first: u64,
    places: Vec<Place>,
}

fn commitment_at(run: &Run, place: u64) -> Result<Commitment, Error> {
    let empty = || Error::Internal(format!("place {place} is empty"));
    run.place(place).map(|place| place.commitment).ok_or_else(empty)
}

/// An entry that was accepted before.
#[derive(Clone, Copy)]
struct Known {
    commitment: Hash,
    place: u64,
    receipt: Option<u64>,
}

/// The changes of a request in the making.
struct Draft {
    after: Tail,
    next: u64,
    rows: Vec<Write>,
    promised: Vec<ReceiptEntry>,
    places: Vec<Place>,
    keys: Option<AcceptedKeys>,
    seen: HashMap<EntryId, Known>,
    corrected: HashSet<EntryId>,
    earlier: BTreeSet<u64>,
    sealed_at_total: Option<u64>,
}

impl Draft {
    fn after(end: Tail, entries: usize) -> Self {
        Self {
            after: end,
            next: end.next,
            rows: Vec::with_capacity(entries + 1),
            promised: Vec::with_capacity(entries),
            places: Vec::with_capacity(entries),
            keys: None,
            seen: HashMap::new(),
            corrected: HashSet::new(),
            earlier: BTreeSet::new(),
            sealed_at_total: None,
        }
    }

    /// Gives an entry the next place.
    fn accept(&mut self, signed: &SignedEntry, receipt: ReceiptEntry, sealed: Vec<u8>) -> Result<(), StoreError> {
        let (entry, uuid) = (signed.entry(), signed.entry().id.uuid());
        let commitment = *receipt.commitment.hash();
        let head = EntryHead {
            ordinal: self.next,
            recorder: entry.recorder.clone(),
            learner: entry.learner().map(|learner| learner.id.uuid()),
        };
        self.places.push(Place {
            id: uuid,
            commitment: receipt.commitment,
            learner: head.learner.unwrap_or_default(),
            what: What::of(entry),
        });
        self.rows.push(ENTRIES.put(&uuid, &EntryRow { head, tail: sealed })?);
        self.seen.insert(entry.id, Known { commitment, place: self.next, receipt: None });
        self.promised.push(receipt);
        self.next += 1;
        self.sealed_at_total = self.sealed_at_total.max(Some(self.next));
        Ok(())
    }

    /// An entry that was accepted before, perhaps by this very request, was sent again.
    fn repeated(&mut self, known: Known) {
        self.earlier.extend(known.receipt);
        self.sealed_at_total = self.sealed_at_total.max(Some(known.place + 1));
    }

    /// Notes that an entry is corrected; of several corrections only the first is taken.
    fn correct(&mut self, target: EntryId, before: bool) -> Result<(), Error> {
        if before || !self.corrected.insert(target) {
            return Err(Error::Conflict(format!("entry {target} is corrected already")));
        }
        Ok(())
    }
}
