//! From signed bytes to a place in the order.
//!
//! A submission is checked on the pool (form, signatures, registry), queued, and given its place by one task, which
//! takes whatever waits as one group: one commit a request, one fdatasync a group. Only then is anybody answered.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::access::{Action, Actor};
use super::error::Error;
use super::tables::{CORRECTED, CorrectedRow, ENTRIES, EntryRow, KEYS, KeyRow, ORDER, OrderRow, RECEIPTS, ReceiptRow};
use super::vault::DataKeyId;
use super::{AcceptedKeys, Service};
use crate::ledger::entry::{Body, CourseCode, Entry, EntryId, Kind, LearnerId, Record};
use crate::ledger::fields::{FieldErrors, Problem};
use crate::ledger::keys::{Alg, KeyError, KeyId};
use crate::ledger::receipt::{MAX_RECEIPT_ENTRIES, Receipt, ReceiptEntry, SignedReceipt};
use crate::ledger::signed::{SignedEntry, SignedEntryError};
use crate::merkle::Hash;
use crate::standard::{Day, UnixMillis, day_of};
use crate::store::{Commit, StoreError, Write};

/// Most entries of one submission.
pub const MAX_SUBMISSION: usize = MAX_RECEIPT_ENTRIES;
/// Entries that one job of the pool checks.
const ENTRIES_PER_JOB: usize = 64;
/// Most requests of one group.
const MAX_GROUP: usize = 128;

/// What became of a submission.
#[derive(Debug)]
pub struct Submitted {
    /// One result for each entry, in their order.
    pub results: Vec<EntryResult>,
    /// The receipt for what this request brought, and the earlier ones for what was known already.
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

/// An entry that passed every check that needs no order.
pub(super) struct Prepared {
    signed: SignedEntry,
    receipt: ReceiptEntry,
    sealed: Vec<u8>,
}

type Checked = Result<Prepared, (Option<EntryId>, Error)>;

/// A submission on its way to its place in the order.
pub(super) struct Request {
    actor: Actor,
    entries: Vec<Checked>,
    answer: oneshot::Sender<Result<Submitted, Error>>,
}

pub(super) fn queue(max: usize) -> (mpsc::Sender<Request>, mpsc::Receiver<Request>) {
    mpsc::channel(max.max(1))
}

impl Service {
    /// Takes signed entries, each in its canonical bytes. The answer comes when all accepted ones are durable.
    pub async fn submit(self: &Arc<Self>, actor: &Actor, entries: Vec<Vec<u8>>) -> Result<Submitted, Error> {
        self.allow(actor, Action::SubmitEntries)?;
        if !(1..=MAX_SUBMISSION).contains(&entries.len()) {
            return Err(Error::TooLarge { what: "the number of entries in one request", limit: MAX_SUBMISSION });
        }
        if let Some(reason) = self.not_ready() {
            return Err(Error::Unavailable(reason));
        }
        let entries = self.check_all(actor, entries).await?;
        let (answer, answered) = oneshot::channel();
        let request = Request { actor: actor.clone(), entries, answer };
        self.queue.try_send(request).map_err(|_| Error::Overloaded)?;
        answered.await.map_err(|_| Error::Unavailable("the service is stopping".into()))?
    }

    async fn check_all(self: &Arc<Self>, actor: &Actor, entries: Vec<Vec<u8>>) -> Result<Vec<Checked>, Error> {
        let today = day_of(self.clock.now()).map_err(|error| Error::Internal(error.to_string()))?;
        let mut jobs = Vec::with_capacity(entries.len().div_ceil(ENTRIES_PER_JOB));
        let mut entries = entries.into_iter();
        loop {
            let chunk: Vec<Vec<u8>> = entries.by_ref().take(ENTRIES_PER_JOB).collect();
            if chunk.is_empty() {
                break;
            }
            let (service, actor) = (Arc::clone(self), actor.clone());
            jobs.push(self.checks.run(move || {
                chunk.iter().map(|bytes| service.check(&actor, today, bytes)).collect::<Vec<Checked>>()
            })?);
        }
        let mut checked = Vec::new();
        for job in jobs {
            checked.extend(job.await.map_err(|_| Error::Internal("a check did not finish".into()))?);
        }
        Ok(checked)
    }

    /// Everything that can be checked of an entry by itself.
    fn check(&self, actor: &Actor, today: Day, bytes: &[u8]) -> Checked {
        let signed = SignedEntry::from_bytes(bytes).map_err(|error| (None, unreadable(error)))?;
        let id = signed.entry().id;
        self.prepare(actor, today, signed).map_err(|error| (Some(id), error))
    }

    fn prepare(&self, actor: &Actor, today: Day, signed: SignedEntry) -> Result<Prepared, Error> {
        let entry = signed.entry();
        if !actor.owns(&entry.recorder) {
            return Err(Error::field(
                "entry.recorder",
                Problem::mismatch("is not the organisation of this token", "不是此令牌所属的机构"),
            ));
        }
        let mut errors = FieldErrors::default();
        self.check_facts(entry, today, &mut errors);
        if !errors.0.is_empty() {
            return Err(Error::Invalid(errors));
        }
        // Key entries are judged where the order is known.
        if entry.kind() != Kind::Key {
            let keys = self.keys();
            let next_height = self.published().height() + 1;
            let in_force = keys.within(self.published().total());
            keys.register.judge(&signed, in_force, next_height).map_err(bad_signature)?;
        }
        let owner = entry.learner().map_or(DataKeyId::LEDGER, |learner| learner.id.into());
        let salt = self.vault.salt(owner, entry.id)?;
        let sealed = self.vault.encrypt(owner, entry.id.uuid().as_bytes(), signed.bytes())?;
        let receipt = ReceiptEntry::of(&signed, salt);
        Ok(Prepared { signed, receipt, sealed })
    }

    /// Holds an entry against the ledger's origin, the rulebook and the registry.
    fn check_facts(&self, entry: &Entry, today: Day, errors: &mut FieldErrors) {
        let mut note = |field: &str, en: &str, zh: &str| {
            errors.0.extend(FieldErrors::one(format!("entry.{field}"), Problem::mismatch(en, zh)).0);
        };
        if entry.ledger != self.origin {
            note("ledger", "is not this ledger", "不是本账本");
        }
        if self.rulebook.edition(&entry.rulebook).is_none_or(|edition| edition.effective_from > today) {
            note("rulebook", "is not a version of the rulebook in effect", "不是已生效的规则版本");
        }
        let directory = self.directory();
        if directory.organisation(&entry.recorder).is_none() {
            note("recorder", "is not a registered organisation", "机构未登记");
        }
        if last_day(entry).is_some_and(|day| day > today) {
            note("last_day", "lies in the future", "日期尚未到来");
        }
        if let Some(learner) = entry.learner() {
            let by_authority = matches!(entry.body, Body::Correction(..));
            match directory.learner(learner.id) {
                Some((provider, name)) if *provider == entry.recorder || by_authority => {
                    if *name != learner.name {
                        note("learner.name", "is not the registered name", "与登记的姓名不一致");
                    }
                }
                _ => note("learner.id", "is not a learner registered by the recorder", "不是该机构登记的学员"),
            }
        }
        if let Some((code, title)) = course_of(entry) {
            match directory.course_titles(&entry.recorder, code) {
                Some(titles) if titles.iter().any(|known| known == title) => {}
                Some(_) => note("course.title", "is not the title of this course", "与登记的课程名称不一致"),
                None => note("course.code", "is not a course registered by the recorder", "不是该机构登记的课程"),
            }
        }
    }

    /// Gives submissions their place, group by group, until the service is dropped.
    pub(super) async fn run_ingest(service: std::sync::Weak<Self>, mut queue: mpsc::Receiver<Request>) {
        let mut place = None;
        while let Some(first) = queue.recv().await {
            let Some(service) = service.upgrade() else { return };
            let mut group = vec![first];
            while group.len() < MAX_GROUP
                && let Ok(next) = queue.try_recv()
            {
                group.push(next);
            }
            place = service.take_group(place, group).await;
        }
    }

    /// Takes one group; returns the next free place in the order, or none when it must be read again.
    async fn take_group(&self, place: Option<u64>, group: Vec<Request>) -> Option<u64> {
        let mut waiting: VecDeque<Request> = group.into();
        let mut place = place;
        while !waiting.is_empty() {
            let next = match place {
                Some(next) => next,
                None => match self.next_ordinal().await {
                    Ok(next) => next,
                    Err(error) => {
                        let reason = error.to_string();
                        for request in waiting {
                            drop(request.answer.send(Err(Error::Unavailable(reason.clone()))));
                        }
                        return None;
                    }
                },
            };
            place = self.take_round(next, &mut waiting).await;
        }
        place
    }

    async fn next_ordinal(&self) -> Result<u64, StoreError> {
        Ok(ORDER.last(&*self.store).await?.map_or(0, |(last, _)| last + 1))
    }

    /// Commits as many waiting requests at once as do not touch each other's ids or the key register.
    async fn take_round(&self, mut next: u64, waiting: &mut VecDeque<Request>) -> Option<u64> {
        let mut round: Vec<(Request, Plan)> = Vec::new();
        let mut taken = HashSet::new();
        while let Some(request) = waiting.front() {
            let alone = request.touches_keys();
            let overlaps = request.ids().any(|id| taken.contains(&id));
            if !round.is_empty() && (alone || overlaps) {
                break;
            }
            let Some(mut request) = waiting.pop_front() else { break };
            taken.extend(request.ids());
            match self.plan(&mut request, next).await {
                Ok(plan) => {
                    next += plan.accepted;
                    round.push((request, plan));
                }
                Err(error) => drop(request.answer.send(Err(error))),
            }
            if alone {
                break;
            }
        }
        let commits = round.iter_mut().map(|(_, plan)| {
            let commit = plan.commit.take();
            async move {
                match commit {
                    Some(commit) => self.store.commit(commit).await.map(|_| ()),
                    None => Ok(()),
                }
            }
        });
        // `join_all` polls in order, so the store sees the commits in the order of their places.
        let outcomes = futures_util::future::join_all(commits).await;
        let all_kept = outcomes.iter().all(Result::is_ok);
        for ((request, plan), outcome) in round.into_iter().zip(outcomes) {
            let answer = match outcome {
                Ok(()) => {
                    self.took_effect(plan.keys);
                    Ok(plan.submitted)
                }
                Err(error) => Err(Error::from(error)),
            };
            drop(request.answer.send(answer));
        }
        if all_kept {
            let pending = next.saturating_sub(self.published().total());
            if pending >= self.settings.batch_max as u64 {
                self.seal_now.notify_one();
            }
        }
        all_kept.then_some(next)
    }

    fn took_effect(&self, keys: Option<AcceptedKeys>) {
        if let Some(keys) = keys {
            *self.keys.write().unwrap_or_else(std::sync::PoisonError::into_inner) = keys;
        }
    }

    /// Decides about every entry of a request, whose first accepted one gets the place `next`.
    async fn plan(&self, request: &mut Request, next: u64) -> Result<Plan, Error> {
        let accepted_at = self.clock.now();
        let seal_by = UnixMillis::new(accepted_at.millis() + self.settings.seal_by_ms)
            .map_err(|error| Error::Internal(error.to_string()))?;
        let mut draft =
            Draft { next, first: next, rows: Vec::new(), receipt: Vec::new(), keys: None, seen: HashMap::new() };
        let mut results = Vec::with_capacity(request.entries.len());
        let mut earlier = Vec::new();
        for checked in std::mem::take(&mut request.entries) {
            let (id, outcome) = match checked {
                Err((id, error)) => (id, EntryOutcome::Rejected(error)),
                Ok(prepared) => {
                    (Some(prepared.signed.entry().id), self.place(&mut draft, &mut earlier, prepared).await?)
                }
            };
            results.push(EntryResult { id, outcome });
        }
        let mut receipts = Vec::new();
        let accepted = draft.next - draft.first;
        let mut commit = None;
        if accepted > 0 {
            let digests: Vec<u8> = draft.receipt.iter().flat_map(|entry| *entry.commitment.hash().as_bytes()).collect();
            let receipt = Receipt {
                ledger: self.origin.clone(),
                accepted: accepted_at,
                seal_by,
                key: self.receipt_key_id(),
                entries: std::mem::take(&mut draft.receipt),
            }
            .sign(&self.receipt_key);
            let row = ReceiptRow {
                count: accepted,
                accepted: accepted_at,
                seal_by,
                key: *self.receipt_key_id().hash(),
                sig: hex::encode(&receipt.signature),
            };
            let mut event = self.event(&request.actor, "submit_entries", format!("{}+{accepted}", draft.first));
            event.digest = Some(Hash::of(&[&digests]));
            let mut planned = Commit::new(event).when(ORDER.absent(&draft.first)).write_all(draft.rows);
            if let Some(before) = draft.first.checked_sub(1) {
                planned = planned.when(ORDER.present(&before));
            }
            commit = Some(planned.write(RECEIPTS.put(&draft.first, &row)?));
            receipts.push(receipt);
        }
        earlier.sort_unstable();
        earlier.dedup();
        let mut last = (accepted > 0).then_some(draft.next);
        for first in earlier {
            let (receipt, count) = self.receipt(first).await?;
            last = last.max(Some(first + count));
            receipts.push(receipt);
        }
        let submitted = Submitted { results, receipts, sealed_at_total: last };
        Ok(Plan { accepted, commit, keys: draft.keys, submitted })
    }

    /// Decides about one entry: a duplicate, a conflict, or the next place.
    async fn place(
        &self,
        draft: &mut Draft,
        earlier: &mut Vec<u64>,
        prepared: Prepared,
    ) -> Result<EntryOutcome, Error> {
        let entry = prepared.signed.entry();
        let commitment = *prepared.receipt.commitment.hash();
        let conflict = || Error::Conflict(format!("another entry stands under the id {}", entry.id));
        match draft.seen.get(&entry.id) {
            Some(known) if *known == commitment => return Ok(EntryOutcome::Duplicate(commitment)),
            Some(_) => return Ok(EntryOutcome::Rejected(conflict())),
            None => {}
        }
        if let Some(row) = ENTRIES.get(&*self.store, &entry.id.uuid()).await? {
            let known = ORDER.get(&*self.store, &row.value.ordinal).await?.map(|order| order.value.commitment);
            if known != Some(commitment) {
                return Ok(EntryOutcome::Rejected(conflict()));
            }
            earlier.extend(row.value.receipt);
            return Ok(EntryOutcome::Duplicate(commitment));
        }
        let judged = match &entry.body {
            Body::Key(_) => self.place_key(draft, &prepared.signed),
            Body::Correction(..) => self.place_correction(draft, &prepared.signed).await?,
            _ => self.check_keys_not_ended(&prepared.signed),
        };
        if let Err(error) = judged {
            return Ok(EntryOutcome::Rejected(error));
        }
        let row = EntryRow {
            ordinal: draft.next,
            kind: entry.kind(),
            recorder: entry.recorder.clone(),
            learner: entry.learner().map(|learner| learner.id.uuid()),
            receipt: Some(draft.first),
            sealed: prepared.sealed,
        };
        let uuid = entry.id.uuid();
        draft.rows.push(ENTRIES.put(&uuid, &row)?);
        draft.rows.push(ORDER.put(&draft.next, &OrderRow { id: uuid, commitment })?);
        draft.seen.insert(entry.id, commitment);
        draft.receipt.push(prepared.receipt);
        draft.next += 1;
        Ok(EntryOutcome::Accepted(commitment))
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
        let in_force = keys.within(self.published().total());
        for signature in signed.signatures() {
            let key = keys.register.key(signature.key).map_err(bad_signature)?;
            if key.added >= in_force {
                return Err(bad_signature(KeyError::NotYet(signature.key)));
            }
        }
        let next = draft.keys.get_or_insert_with(|| keys.clone());
        next.register.push(signed).map_err(bad_signature)?;
        let element = next.ordinals.len() as u64;
        next.ordinals.push(draft.next);
        let text = String::from_utf8(signed.bytes().to_vec()).map_err(|error| Error::Internal(error.to_string()))?;
        draft.rows.push(KEYS.put(&element, &KeyRow { ordinal: draft.next, signed: text })?);
        Ok(())
    }

    /// Holds a correction against its target: known, unchanged, of the same learner, not corrected yet.
    async fn place_correction(&self, draft: &mut Draft, signed: &SignedEntry) -> Result<Result<(), Error>, Error> {
        let Body::Correction(learner, correction) = &signed.entry().body else { return Ok(Ok(())) };
        let field =
            |name: &str, en: &str, zh: &str| Ok(Err(Error::field(format!("entry.{name}"), Problem::mismatch(en, zh))));
        if let Err(error) = self.check_keys_not_ended(signed) {
            return Ok(Err(error));
        }
        let target = correction.target.uuid();
        let by_authority = self.keys().register.has_authority(signed);
        let row = match ENTRIES.get(&*self.store, &target).await? {
            Some(row) if row.value.recorder == signed.entry().recorder || by_authority => row.value,
            _ => return field("target.id", "is not an entry that this recorder may correct", "不是该机构可更正的记录"),
        };
        let known = ORDER.get(&*self.store, &row.ordinal).await?.map(|order| order.value.commitment);
        if known != Some(correction.target_commitment) {
            return field("target.commitment", "is not the commitment of that entry", "不是该记录的承诺值");
        }
        if row.learner != Some(learner.id.uuid()) {
            return field("learner.id", "is not the learner of that entry", "不是该记录的学员");
        }
        let said = self.open_entry(correction.target, &row)?.entry().record();
        let fits = match (&said, &correction.replacement) {
            (None, _) => false,
            (Some(old), Some(new)) => old.kind() == new.kind(),
            (Some(_), None) => true,
        };
        if !fits {
            return field("target.id", "says nothing that this could correct", "该记录没有可由此更正的内容");
        }
        let corrected = CORRECTED.get(&*self.store, &target).await?.is_some();
        if corrected || !draft.corrected(correction.target) {
            return Ok(Err(Error::Conflict(format!("entry {} is corrected already", correction.target))));
        }
        draft.rows.push(CORRECTED.put(&target, &CorrectedRow { by: signed.entry().id.uuid() })?);
        Ok(Ok(()))
    }

    /// Reads an accepted entry back.
    pub(super) fn open_entry(&self, id: EntryId, row: &EntryRow) -> Result<SignedEntry, Error> {
        let owner = match row.learner {
            Some(uuid) => LearnerId::try_from(uuid).map_err(|error| Error::Internal(error.to_string()))?.into(),
            None => DataKeyId::LEDGER,
        };
        let bytes = self.vault.decrypt(owner, id.uuid().as_bytes(), &row.sealed)?;
        SignedEntry::from_bytes(&bytes).map_err(|error| Error::Internal(format!("entry {id}: {error}")))
    }

    /// The receipt whose first entry has this place, made again from what is kept; and how many entries it covers.
    pub(super) async fn receipt(&self, first: u64) -> Result<(SignedReceipt, u64), Error> {
        let missing = || Error::Internal(format!("the receipt of place {first} is missing"));
        let row = RECEIPTS.get(&*self.store, &first).await?.ok_or_else(missing)?.value;
        let count = usize::try_from(row.count).map_err(|_| missing())?;
        let mut entries = Vec::with_capacity(count);
        for (_, order) in ORDER.scan(&*self.store, ORDER.from(&first), count).await? {
            let id = EntryId::try_from(order.value.id).map_err(|_| missing())?;
            let entry = ENTRIES.get(&*self.store, &order.value.id).await?.ok_or_else(missing)?.value;
            let signed = self.open_entry(id, &entry)?;
            let owner = signed.entry().learner().map_or(DataKeyId::LEDGER, |learner| learner.id.into());
            entries.push(ReceiptEntry::of(&signed, self.vault.salt(owner, id)?));
        }
        let key = row.key.to_string().parse().map_err(|_| missing())?;
        let receipt =
            Receipt { ledger: self.origin.clone(), accepted: row.accepted, seal_by: row.seal_by, key, entries };
        let signature = hex::decode(&row.sig).map_err(|_| missing())?;
        Ok((SignedReceipt { receipt, signature }, row.count))
    }

    pub(super) fn receipt_key_id(&self) -> KeyId {
        KeyId::of(&Alg::Ed25519, self.receipt_key.verifying_key().as_bytes())
    }
}

impl Request {
    fn ids(&self) -> impl Iterator<Item = EntryId> {
        self.entries.iter().flatten().map(|prepared| prepared.signed.entry().id)
    }

    /// Key entries and corrections depend on what stands before them, so they go in a round of their own.
    fn touches_keys(&self) -> bool {
        self.entries
            .iter()
            .flatten()
            .any(|prepared| matches!(prepared.signed.entry().kind(), Kind::Key | Kind::Correction))
    }
}

/// What a request will do when its commit is kept.
struct Plan {
    accepted: u64,
    commit: Option<Commit>,
    keys: Option<AcceptedKeys>,
    submitted: Submitted,
}

/// A plan in the making.
struct Draft {
    first: u64,
    next: u64,
    rows: Vec<Write>,
    receipt: Vec<ReceiptEntry>,
    keys: Option<AcceptedKeys>,
    seen: HashMap<EntryId, Hash>,
}

impl Draft {
    /// Notes that an entry is corrected by this request; false when it was already.
    fn corrected(&mut self, target: EntryId) -> bool {
        let write = CORRECTED.row_key(&target.uuid());
        !self.rows.iter().any(|row| matches!(row, Write::Put(key, _) if *key == write))
    }
}

fn unreadable(error: SignedEntryError) -> Error {
    match error {
        SignedEntryError::Fields(errors) => Error::Invalid(errors),
        other => Error::Unreadable(other.to_string()),
    }
}

fn bad_signature(error: KeyError) -> Error {
    let zh = match &error {
        KeyError::UnknownKey(_) => "密钥未登记",
        KeyError::NotYet(_) => "密钥尚未生效：登记它的区块之后才能使用",
        KeyError::Ended(_) => "密钥已停用或已撤销",
        KeyError::BadSignature(_) => "签名无效",
        KeyError::WrongKind(..) => "此密钥不能签署这类记录",
        KeyError::WrongOwner(_) => "密钥不属于记录机构",
        KeyError::NoAuthority(_) => "此密钥无权变更密钥登记册",
        KeyError::AlreadyAdded(_) => "密钥已登记",
        KeyError::UnknownAlg(_) => "不支持该签名算法",
        _ => "签名或密钥不符合要求",
    };
    Error::field("signatures", Problem::mismatch(error.to_string(), zh))
}

/// The last day an entry speaks of.
fn last_day(entry: &Entry) -> Option<Day> {
    match entry.record()? {
        Record::Study(study) => Some(study.last_day),
        Record::Activity(activity) => Some(activity.date),
    }
}

/// The course of a study entry. What replaces another entry may name a course of another recorder's, so it is left out.
fn course_of(entry: &Entry) -> Option<(&CourseCode, &str)> {
    match &entry.body {
        Body::Study(_, study) => Some((&study.course_code, study.course_title.as_str())),
        _ => None,
    }
}
