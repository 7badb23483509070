//! What can be checked of an entry by itself, before it has a place: form, recorder, facts, signatures.
//!
//! This runs on the pool, for many entries at once. What depends on the order (duplicates, key entries, targets of
//! corrections) is judged where the order is made, in [`super::ingest`].

#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::Service;
use super::access::Actor;
use super::error::Error;
use super::vault::{DataKeyId, NONCES_PER_DRAW, Nonces, VaultError};
use crate::ledger::entry::{Body, CourseCode, Entry, EntryId, KeyChange, Kind, Record};
use crate::ledger::fields::{FieldErrors, Problem};
use crate::ledger::keys::{KeyError, Role};
use crate::ledger::receipt::ReceiptEntry;
use crate::ledger::signed::{SignedEntry, SignedEntryError};
use crate::standard::{CreditCode, Day, day_of};

/// Entries that one job of the pool checks.
const ENTRIES_PER_JOB: usize = 128;
// A job asks the operating system for randomness once.
const _: () = assert!(NONCES_PER_DRAW == ENTRIES_PER_JOB);

/// An entry that can be recognised, with what was found when it was checked by itself.
pub(super) struct Prepared {
    pub(super) signed: SignedEntry,
    pub(super) receipt: ReceiptEntry,
    /// The entry encrypted for its row, or why it cannot be accepted. A refusal is not yet the answer: the same entry
    /// may have been accepted before the key was retired or the learner renamed, and then its receipt stands.
    pub(super) verdict: Result<Vec<u8>, Error>,
}

/// An entry that was looked at; its id, as far as it could be read, when it cannot even be recognised.
pub(super) type Checked = Result<Prepared, (Option<EntryId>, Error)>;

impl Service {
    /// Checks all entries of a submission on the pool.
    pub(super) async fn check_all(
        self: &Arc<Self>,
        actor: &Actor,
        entries: Vec<Vec<u8>>,
    ) -> Result<Vec<Checked>, Error> {
        let today = day_of(self.clock.now()).map_err(|error| Error::Internal(error.to_string()))?;
        let mut jobs = Vec::with_capacity(entries.len().div_ceil(ENTRIES_PER_JOB));
        let mut entries = entries.into_iter().peekable();
        while entries.peek().is_some() {
            let chunk: Vec<Vec<u8>> = entries.by_ref().take(ENTRIES_PER_JOB).collect();
            let (service, actor) = (Arc::clone(self), actor.clone());
            jobs.push(move || {
                let mut nonces = Nonces::new();
                let check = |bytes| service.check(&actor, today, bytes, &mut nonces);
                chunk.into_iter().map(check).collect::<Vec<Checked>>()
            });
        }
        let mut checked = Vec::new();
        for job in self.checks.run_all(jobs)? {
            checked.extend(job.await.map_err(|_| Error::Internal("a check did not finish".into()))?);
        }
        Ok(checked)
    }

    fn check(&self, actor: &Actor, today: Day, bytes: Vec<u8>, nonces: &mut Nonces) -> Checked {
        let signed = SignedEntry::from_vec(bytes).map_err(|error| (None, unreadable(error)))?;
        let id = signed.entry().id;
        self.prepare(actor, today, signed, nonces).map_err(|error| (Some(id), error))
    }

    fn prepare(&self, actor: &Actor, today: Day, signed: SignedEntry, nonces: &mut Nonces) -> Result<Prepared, Error> {
        if !actor.owns(&signed.entry().recorder) {
            return Err(Error::field(
                "entry.recorder",
                Problem::mismatch("is not the organisation of this token", "不是此令牌所属的机构"),
            ));
        }
        let judged = self.judge(&signed, today);
        let id = signed.entry().id;
        let key = match (self.vault.key(DataKeyId::of(signed.entry())), judged.as_ref()) {
            // There is no key for an unknown learner, and `judged` says so better.
            (Err(VaultError::NoKey), Err(_)) => return Err(judged.err().unwrap_or(Error::NotFound("learner"))),
            (key, _) => key?,
        };
        let verdict = match judged {
            Ok(()) => Ok(key.encrypt(nonces.draw()?, id.uuid().as_bytes(), signed.bytes())?),
            Err(error) => Err(error),
        };
        Ok(Prepared { receipt: ReceiptEntry::of(&signed, key.salt(id)), signed, verdict })
    }

    fn judge(&self, signed: &SignedEntry, today: Day) -> Result<(), Error> {
        let mut errors = FieldErrors::default();
        self.check_facts(signed.entry(), today, || self.corrects_for_others(signed), &mut errors);
        if !errors.0.is_empty() {
            return Err(Error::Invalid(errors));
        }
        // Key entries are judged where the order is known.
        if signed.entry().kind() != Kind::Key {
            let published = self.published();
            let keys = self.keys();
            let in_force = keys.within(published.total());
            keys.register.judge(signed, in_force, published.height() + 1).map_err(bad_signature)?;
        }
        Ok(())
    }

    /// Holds an entry against the ledger's origin, the rulebook and the registry; `for_others` says whether it may correct what is
    /// about others' learners.
    pub(super) fn check_facts(
        &self,
        entry: &Entry,
        today: Day,
        for_others: impl Fn() -> bool,
        errors: &mut FieldErrors,
    ) {
        let mut note = |field: &str, en: &str, zh: &str| {
            errors.0.extend(FieldErrors::one(format!("entry.{field}"), Problem::mismatch(en, zh)).0);
        };
        if entry.ledger != self.origin {
            note("ledger", "is not this ledger", "不是本账本");
        }
        if self.rulebook.edition(&entry.rulebook).is_none_or(|edition| edition.effective_from > today) {
            note("rulebook", "is not a version of the rulebook in effect", "不是已生效的规则版本");
        }
        if let Some((field, _)) = last_day(entry).filter(|(_, day)| *day > today) {
            note(field, "lies in the future", "日期尚未到来");
        }
        let directory = self.directory();
        if directory.organisation(&entry.recorder).is_none() {
            note("recorder", "is not a registered organisation", "机构未登记");
        }
        if let Body::Key(KeyChange::Add { owner, .. }) = &entry.body
            && directory.organisation(&owner.code).is_none_or(|known| known.name != owner.name)
        {
            note("owner", "is not a registered organisation of this name", "不是以此名称登记的机构");
        }
        let reviewed = reviewed_member(entry);
        let by_body = directory.is_certifying_body(&entry.recorder);
        if let Some(field) = reviewed.filter(|_| !by_body) {
            note(field, "is for the certifying body alone to say", "只能由认定主体填写");
        }
        // A claim that the body accepted: any registered learner's, at whatever course. Such an entry can be voided, too.
        let is_claim = by_body && (reviewed.is_some() || is_void(entry));
        if let Some(learner) = entry.learner() {
            let may_name = |provider: &CreditCode| *provider == entry.recorder || is_claim || for_others();
            match directory.learner(learner.id) {
                Some((provider, name)) if may_name(provider) => {
                    if *name != learner.name {
                        note("learner.name", "is not the registered name", "与登记的姓名不一致");
                    }
                }
                _ if directory.erased(learner.id).is_some_and(|erased| is_claim || erased.was_of(&entry.recorder)) => {
                    note("learner.id", "is a learner who was erased", "学员已删除");
                }
                _ => note("learner.id", "is not a learner registered by the recorder", "不是该机构登记的学员"),
            }
        }
        if let Some((code, title)) = course_of(entry).filter(|_| !is_claim) {
            match directory.course_titles(&entry.recorder, code) {
                Some(titles) if titles.iter().any(|known| known == title) => {}
                Some(_) => note("course.title", "is not the title of this course", "与登记的课程名称不一致"),
                None => note("course.code", "is not a course registered by the recorder", "不是该机构登记的课程"),
            }
        }
    }

    /// Whether this is a correction in the name of an authority, the one that may speak of others' learners. The
    /// signature is judged later; but whoever asks is the recorder, so naming somebody else's key is of no use here.
    fn corrects_for_others(&self, signed: &SignedEntry) -> bool {
        let keys = self.keys();
        let own_authority = |id| {
            keys.register
                .key(id)
                .is_ok_and(|key| key.role == Role::Authority && key.owner.code == signed.entry().recorder)
        };
        matches!(signed.entry().body, Body::Correction(..)) && signed.signatures().iter().any(|s| own_authority(s.key))
    }
}

fn unreadable(error: SignedEntryError) -> Error {
    match error {
        SignedEntryError::Fields(errors) => Error::Invalid(errors),
        other => Error::Unreadable(other.to_string()),
    }
}

pub(super) fn bad_signature(error: KeyError) -> Error {
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

/// The last day an entry speaks of, and the member that names it.
fn last_day(entry: &Entry) -> Option<(&'static str, Day)> {
    let corrects = matches!(entry.body, Body::Correction(..));
    Some(match entry.record()? {
        Record::Study(study) if corrects => ("replacement.last_day", study.last_day),
        Record::Study(study) => ("last_day", study.last_day),
        Record::Activity(activity) if corrects => ("replacement.date", activity.date),
        Record::Activity(activity) => ("date", activity.date),
    })
}

/// The member that says in what role the certifying body accepted the claim, where it is there.
fn reviewed_member(entry: &Entry) -> Option<&'static str> {
    match &entry.body {
        Body::Study(_, study) => study.reviewed_by.map(|_| "reviewed_by"),
        Body::Activity(_, activity) => activity.reviewed_by.map(|_| "reviewed_by"),
        Body::Correction(_, correction) => {
            correction.replacement.as_ref().and_then(Record::reviewed_by).map(|_| "replacement.reviewed_by")
        }
        Body::Key(_) | Body::Certificate(_) | Body::Status(_) => None,
    }
}

/// Whether it takes an entry back without putting anything in its place.
fn is_void(entry: &Entry) -> bool {
    matches!(&entry.body, Body::Correction(_, correction) if correction.replacement.is_none())
}

/// The course of a study entry. What replaces another entry may name a course of another recorder's, so it is left out.
fn course_of(entry: &Entry) -> Option<(&CourseCode, &str)> {
    match &entry.body {
        Body::Study(_, study) => Some((&study.course_code, study.course_title.as_str())),
        _ => None,
    }
}
