//! What a training provider recorded, as its staff see it: its learners by name, a learner's entries with every correction, and
//! corrections of them.
//!
//! The provider's private key is not here. A correction is drafted here, signed where the key is, and comes back as a file, which
//! goes the way of all entries ([`super::ingest`]). Names are searched in memory; none is a key or an index on the disk.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::Service;
use super::access::{Action, Actor};
use super::error::Error;
use super::ingest::EntryOutcome;
use super::prove::EntryView;
use super::tables::ENTRIES;
use crate::ledger::entry::{Body, Correction, CorrectionReason, Entry, EntryId, LearnerId, Record};
use crate::ledger::fields::{FieldErrors, Problem};
use crate::ledger::json;
use crate::ledger::keys::Role;
use crate::ledger::signed::SignedEntry;
use crate::standard::{CreditCode, day_of};

/// Lines of one page of learners, and entries of one page of a learner's.
const PAGE: usize = 50;

/// One learner of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LearnerLine {
    /// The ledger's identifier.
    pub id: LearnerId,
    /// The registered name.
    pub name: String,
}

/// A page of a provider's learners.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LearnersPage {
    /// Those of this page, by name.
    pub learners: Vec<LearnerLine>,
    /// How many were found.
    pub total: usize,
    /// The number of this page, from 1.
    pub page: usize,
    /// How many pages there are, at least 1.
    pub pages: usize,
}

/// A page of what was recorded of a learner, the newest first.
#[derive(Debug, Clone)]
pub struct EntriesPage {
    /// Whose entries.
    pub learner: LearnerLine,
    /// Each with its corrections.
    pub entries: Vec<History>,
    /// How many entries there are.
    pub total: usize,
    /// The number of this page, from 1.
    pub page: usize,
    /// How many pages there are, at least 1.
    pub pages: usize,
}

/// One entry of a [`History`].
#[derive(Debug, Clone)]
pub struct Version {
    /// The entry, with its place on the chain.
    pub view: EntryView,
    /// The name of the organisation that recorded it.
    pub recorder: String,
    /// It was signed by an authority, for somebody else.
    pub is_by_authority: bool,
}

/// An entry as it was recorded, and each correction of what it said until then: never empty.
#[derive(Debug, Clone)]
pub struct History {
    first: Version,
    corrections: Vec<Version>,
}

impl Version {
    /// Why it corrects what stood before; nothing for what was recorded first.
    pub fn reason(&self) -> Option<CorrectionReason> {
        match &self.view.signed.entry().body {
            Body::Correction(_, correction) => Some(correction.reason),
            _ => None,
        }
    }
}

impl History {
    /// All of it, from what was recorded first.
    pub fn versions(&self) -> impl Iterator<Item = &Version> {
        std::iter::once(&self.first).chain(&self.corrections)
    }

    /// What was recorded first.
    pub fn first(&self) -> &Version {
        &self.first
    }

    /// The last correction, or what was recorded where there is none.
    pub fn last(&self) -> &Version {
        self.corrections.last().unwrap_or(&self.first)
    }

    /// What it says in the end; nothing when it was voided.
    pub fn says(&self) -> Option<Record> {
        self.last().view.signed.entry().record()
    }

    /// Whether this organisation can correct it: it says something still, and what it says is this organisation's word.
    pub fn is_correctable_by(&self, organisation: &CreditCode) -> bool {
        let entry = self.last().view.signed.entry();
        entry.recorder == *organisation && self.says().is_some()
    }
}

/// What somebody wants corrected.
#[derive(Debug, Clone)]
pub struct CorrectionInput {
    /// A word of the code list of reasons.
    pub reason: String,
    /// Members that take the place of those that the entry has, where null takes one away; nothing to void the entry.
    pub changes: Option<Map<String, Value>>,
}

impl Service {
    /// A page of a provider's learners whose names contain a text; the empty text is in every name.
    pub fn find_learners(
        &self,
        actor: &Actor,
        provider: &CreditCode,
        text: &str,
        page: usize,
    ) -> Result<LearnersPage, Error> {
        self.allow(actor, Action::ReadRegistry)?;
        if !actor.owns(provider) {
            return Err(Error::Forbidden);
        }
        let text = text.trim().to_lowercase();
        let directory = self.directory();
        let found = directory.learners_of(provider).filter(|(_, name)| name.to_lowercase().contains(&text));
        let mut found: Vec<(&str, LearnerId)> = found.map(|(id, name)| (name, id)).collect();
        found.sort_unstable();
        let (page, pages, range) = cut(found.len(), page);
        let line = |(name, id): &(&str, LearnerId)| LearnerLine { id: *id, name: (*name).to_owned() };
        Ok(LearnersPage { learners: found[range].iter().map(line).collect(), total: found.len(), page, pages })
    }

    /// A page of what the asking provider recorded of a learner of its own, the newest first.
    pub async fn recorded_entries(&self, actor: &Actor, learner: LearnerId, page: usize) -> Result<EntriesPage, Error> {
        self.allow(actor, Action::ReadEntry)?;
        let name = match self.directory().learner(learner) {
            Some((provider, name)) if actor.owns(provider) => name.clone(),
            _ => return Err(Error::NotFound("learner")),
        };
        let mut recorded = Vec::new();
        let marks = self.places().of_learner(learner.uuid(), u64::MAX);
        for mark in marks.iter().rev().filter(|mark| mark.says_something_new()) {
            let row = ENTRIES.get(&*self.store, &mark.id).await?.map(|row| row.value);
            recorded.extend(row.filter(|row| actor.owns(&row.head.recorder)).map(|_| mark.id));
        }
        let (page, pages, range) = cut(recorded.len(), page);
        let mut entries = Vec::with_capacity(range.len());
        for id in &recorded[range] {
            entries.push(self.history_from(EntryId::try_from(*id).map_err(Error::internal)?).await?);
        }
        Ok(EntriesPage { learner: LearnerLine { id: learner, name }, entries, total: recorded.len(), page, pages })
    }

    /// An entry with all its corrections, whoever made them, for whoever may read the entry; asked for by any id of it that the
    /// actor may read.
    pub async fn history(&self, actor: &Actor, id: EntryId) -> Result<History, Error> {
        let mut row = self.entry_row(actor, id).await?;
        let mut first = id;
        // A correction names an entry that has its place before it, so this ends.
        while let Body::Correction(_, correction) = &self.open_entry(first, &row)?.entry().body {
            first = correction.target;
            row = self.entry_row(actor, first).await?;
        }
        self.history_from(first).await
    }

    async fn history_from(&self, first: EntryId) -> Result<History, Error> {
        let first = self.version(first).await?;
        let mut corrections: Vec<Version> = Vec::new();
        while let Some(by) = corrections.last().unwrap_or(&first).view.corrected_by {
            corrections.push(self.version(EntryId::try_from(by).map_err(Error::internal)?).await?);
        }
        Ok(History { first, corrections })
    }

    async fn version(&self, id: EntryId) -> Result<Version, Error> {
        let row = ENTRIES.get(&*self.store, &id.uuid()).await?;
        let row = row.ok_or_else(|| Error::Internal(format!("entry {id} is missing")))?.value;
        let view = self.view(id, &row).await?;
        let recorder = &view.signed.entry().recorder;
        let recorder = self.directory().organisation(recorder).map_or(recorder.to_string(), |known| known.name.clone());
        let keys = self.keys();
        let role = view.signed.signatures().first().and_then(|one| keys.register.key(one.key).ok()).map(|key| key.role);
        Ok(Version { recorder, is_by_authority: role == Some(Role::Authority), view })
    }

    /// A correction of what an entry says in the end, as the canonical bytes to be signed where the recorder's key is.
    pub async fn draft_correction(&self, actor: &Actor, id: EntryId, input: CorrectionInput) -> Result<Vec<u8>, Error> {
        self.allow(actor, Action::CorrectEntries)?;
        let history = self.history(actor, id).await?;
        self.check_correctable(actor, &history)?;
        Ok(json::canonical(&self.correction_of(&history, input)?.to_value()))
    }

    /// The correction of what an entry says in the end, in the name of who said it, unsigned.
    pub(super) fn correction_of(&self, history: &History, input: CorrectionInput) -> Result<Entry, Error> {
        let target = history.last().view.signed.entry();
        let (learner, said) = target.learner().zip(history.says()).ok_or(Error::NotFound("entry"))?;
        let name =
            self.directory().learner(learner.id).map(|(_, name)| name.clone()).ok_or(Error::Erased("learner"))?;
        let today = day_of(self.clock.now()).map_err(Error::internal)?;
        let edition = self.rulebook.in_effect(today);
        let edition = edition.ok_or_else(|| Error::Unavailable("no rulebook is in effect".into()))?;
        let mut value = json!({
            "action": if input.changes.is_some() { "supersede" } else { "void" },
            "id": Uuid::now_v7().to_string(), "kind": "correction", "ledger": self.origin.as_str(),
            "learner": {"id": learner.id.to_string(), "name": name}, "reason": input.reason,
            "recorder": target.recorder.to_string(), "rulebook": edition.version.to_string(),
            "target": {"commitment": history.last().view.commitment.to_string(), "id": target.id.to_string()},
        });
        if let Some(changes) = input.changes {
            value["replacement"] = replaced(said.to_members(), changes);
        }
        let mut errors = FieldErrors::default();
        let draft = Entry::from_value(value, "entry", &mut errors);
        let Some(draft) = draft.filter(|_| errors.0.is_empty()) else { return Err(Error::Invalid(errors)) };
        self.check_facts(&draft, today, || false, &mut errors);
        if draft.record().is_some_and(|now| now == said) && learner.name == name {
            let nothing = Problem::mismatch("changes nothing", "没有任何更改");
            errors.0.extend(FieldErrors::one("entry.replacement", nothing).0);
        }
        if errors.0.is_empty() { Ok(draft) } else { Err(Error::Invalid(errors)) }
    }

    /// Takes the signed correction of an entry in; returns its id.
    pub async fn submit_correction(
        self: &Arc<Self>,
        actor: &Actor,
        id: EntryId,
        file: &[u8],
    ) -> Result<EntryId, Error> {
        self.allow(actor, Action::CorrectEntries)?;
        let history = self.history(actor, id).await?;
        // A line feed at the end is what editors and shells leave.
        let signed = SignedEntry::from_bytes(file.trim_ascii_end());
        let signed =
            signed.map_err(|error| Error::field("file", Problem::mismatch(error.to_string(), UNREADABLE_ZH)))?;
        let correction = signed.entry().id;
        // Sent twice, as by somebody who went back in the browser.
        if history.corrections.iter().any(|known| known.view.signed.bytes() == signed.bytes()) {
            return Ok(correction);
        }
        self.check_correctable(actor, &history)?;
        let target = history.last().view.signed.entry().id;
        match &signed.entry().body {
            Body::Correction(_, Correction { target: named, .. }) if *named == target => {}
            _ => {
                let other = Problem::mismatch("is no correction of this entry", "不是对这条记录的更正");
                return Err(Error::field("file", other));
            }
        }
        let submitted = self.submit(actor, vec![signed.bytes().to_vec()]).await?;
        match submitted.results.into_iter().next().map(|result| result.outcome) {
            Some(EntryOutcome::Accepted(_) | EntryOutcome::Duplicate(_)) => Ok(correction),
            Some(EntryOutcome::Rejected(error)) => Err(error),
            None => Err(Error::internal("an entry was neither taken nor refused")),
        }
    }

    /// That what the entry says in the end is this actor's organisation's to correct.
    fn check_correctable(&self, actor: &Actor, history: &History) -> Result<(), Error> {
        let person = actor.person().ok_or(Error::Forbidden)?;
        match history.is_correctable_by(&person.organisation) {
            true => Ok(()),
            false => {
                Err(Error::Conflict("what this entry says in the end is not this organisation's to correct".into()))
            }
        }
    }
}

const UNREADABLE_ZH: &str = "不是签名后的记录文件（cqo-ledger sign 的输出）";

/// A record's members with some in place of others.
fn replaced(record: Map<String, Value>, changes: Map<String, Value>) -> Value {
    let mut members = record;
    for (name, value) in changes {
        match value {
            Value::Null => drop(members.remove(&name)),
            value => drop(members.insert(name, value)),
        }
    }
    Value::Object(members)
}

/// The page of this number, or the nearest that there is: its number, how many there are, and what is on it.
fn cut(total: usize, page: usize) -> (usize, usize, std::ops::Range<usize>) {
    let pages = total.div_ceil(PAGE).max(1);
    let page = page.clamp(1, pages);
    let from = (page - 1) * PAGE;
    (page, pages, from..total.min(from + PAGE))
}

#[cfg(test)]
mod tests {
    use super::super::access::{AccountId, AccountRole, Person};
    use super::super::testing::*;
    use super::*;
    use crate::ledger::entry::Kind;

    fn staff(party: &Party) -> Actor {
        let account = AccountId::try_from(Uuid::now_v7()).unwrap();
        let (organisation, affiliations) = (party.code.clone(), vec![party.code.clone()]);
        Actor::Person(Person {
            account,
            role: AccountRole::ProviderStaff,
            organisation,
            learners: Vec::new(),
            affiliations,
        })
    }

    fn supersede(reason: &str, changes: Value) -> CorrectionInput {
        let Value::Object(changes) = changes else { panic!("changes are an object") };
        CorrectionInput { reason: reason.into(), changes: Some(changes) }
    }

    fn void(reason: &str) -> CorrectionInput {
        CorrectionInput { reason: reason.into(), changes: None }
    }

    /// What `cqo-ledger sign` does to a file.
    fn signed(party: &Party, draft: &[u8]) -> Vec<u8> {
        let value = json::parse_canonical(draft).unwrap();
        let mut errors = FieldErrors::default();
        let entry = Entry::from_value(value, "", &mut errors).unwrap();
        [party.sign(entry).bytes(), b"\n"].concat()
    }

    #[tokio::test]
    async fn learners_are_found_by_name_page_by_page() {
        let world = World::new().await;
        let (service, a) = (world.service(), provider_a());
        let all: Vec<Value> =
            (0..60).map(|nth| json!({"id": new_id().to_string(), "name": format!("Li Lei {nth:02}")})).collect();
        service.register_learners(&a.actor(), Value::Array(all)).await.unwrap();
        let find = |text: &str, page| service.find_learners(&staff(&a), &a.code, text, page).unwrap();
        for (text, page, expected) in [
            ("", 1, (61, 1, 2, 50)),
            ("", 2, (61, 2, 2, 11)),
            ("", 9, (61, 2, 2, 11)),
            ("", 0, (61, 1, 2, 50)),
            (" lei 0", 1, (10, 1, 1, 10)),
            ("张", 1, (1, 1, 1, 1)),
            ("王芳", 1, (0, 1, 1, 0)),
        ] {
            let found = find(text, page);
            assert_eq!((found.total, found.page, found.pages, found.learners.len()), expected, "{text:?} {page}");
        }
        assert_eq!(find("lei", 1).learners[0].name, "Li Lei 00");
        assert!(matches!(service.find_learners(&staff(&provider_b()), &a.code, "", 1), Err(Error::Forbidden)));
        assert!(matches!(service.find_learners(&Actor::Public, &a.code, "", 1), Err(Error::Unauthenticated)));
    }

    #[tokio::test]
    async fn a_correction_goes_out_as_a_draft_and_comes_back_signed() {
        let mut world = World::new().await;
        let (a, actor) = (provider_a(), staff(&provider_a()));
        let entry = a.signed_study();
        let id = entry.entry().id;
        world.accept(&a, &[&entry]).await;
        let service = world.service();
        let changes = json!({"hours": 600, "form": "other", "form_reason": "现场见习"});
        let draft = service.draft_correction(&actor, id, supersede("hours", changes)).await.unwrap();
        let first = service.submit_correction(&actor, id, &signed(&a, &draft)).await.unwrap();
        let again = service.submit_correction(&actor, id, &signed(&a, &draft)).await;
        assert_eq!(again.unwrap(), first, "the same file twice is the same correction");
        world.seal().await.unwrap().unwrap();
        // Back to the form it had, and then void: the corrected one is asked for by its first id or any later.
        let back = json!({"form": "lecture", "form_reason": null});
        let draft = service.draft_correction(&actor, first, supersede("other", back)).await.unwrap();
        service.submit_correction(&actor, first, &signed(&a, &draft)).await.unwrap();
        let draft = service.draft_correction(&actor, id, void("duplicate")).await.unwrap();
        service.submit_correction(&actor, id, &signed(&a, &draft)).await.unwrap();

        let history = service.history(&actor, id).await.unwrap();
        let hours = |version: &Version| match version.view.signed.entry().record() {
            Some(Record::Study(study)) => study.hours.hundredths(),
            _ => 0,
        };
        assert_eq!(history.versions().map(hours).collect::<Vec<_>>(), [800, 600, 600, 0]);
        assert_eq!(
            history.versions().map(|one| one.view.position.is_some()).collect::<Vec<_>>(),
            [true, true, false, false]
        );
        assert!(history.says().is_none() && !history.first().is_by_authority);
        assert_eq!(history.first().recorder, "培训机构");
        let again = service.draft_correction(&actor, id, void("other")).await;
        assert!(matches!(again, Err(Error::Conflict(_))), "{again:?}");
        let page = service.recorded_entries(&actor, a.learner.id, 1).await.unwrap();
        assert_eq!((page.total, page.entries.len(), page.learner.name.as_str()), (1, 1, "张伟"));
        world.settle().await;
    }

    #[tokio::test]
    async fn a_draft_is_refused_by_field_and_what_comes_back_must_be_of_this_entry() {
        let mut world = World::new().await;
        let (a, b, actor) = (provider_a(), provider_b(), staff(&provider_a()));
        let (entry, other, foreign) = (a.signed_study(), a.signed_study(), b.signed_study());
        world.accept(&a, &[&entry, &other]).await;
        world.accept(&b, &[&foreign]).await;
        let (service, id) = (world.service(), entry.entry().id);
        for (input, field) in [
            (void("mood"), "entry.reason"),
            (supersede("hours", json!({"hours": 0})), "entry.replacement.hours"),
            (supersede("hours", json!({"note": "x"})), "entry.replacement.note"),
            (supersede("dates", json!({"last_day": "2026-11-23"})), "entry.replacement.last_day"),
            (
                supersede("course", json!({"course": {"code": "QM 1", "title": "质量"}})),
                "entry.replacement.course.code",
            ),
            (supersede("other", json!({"reviewed_by": "clerk"})), "entry.replacement.reviewed_by"),
            (supersede("other", json!({"kind": "activity"})), "entry.replacement.attendees"),
            (supersede("other", json!({})), "entry.replacement"),
        ] {
            let refused = service.draft_correction(&actor, id, input).await.unwrap_err();
            assert_eq!(fields_of(&refused)[0], field, "{refused}");
        }
        // Others: not theirs to see, or to correct.
        let foreign = service.draft_correction(&actor, foreign.entry().id, void("other")).await;
        assert!(matches!(foreign, Err(Error::NotFound("entry"))), "{foreign:?}");
        let by_token = service.draft_correction(&a.actor(), id, void("other")).await;
        assert!(matches!(by_token, Err(Error::Forbidden)), "{by_token:?}");
        let draft = service.draft_correction(&actor, id, void("other")).await.unwrap();
        for bad in [&b"no json"[..], &draft, entry.bytes(), &signed(&a, &draft)[1..]] {
            let refused = service.submit_correction(&actor, id, bad).await.unwrap_err();
            assert_eq!(fields_of(&refused), ["file"]);
        }
        let of_other = service.submit_correction(&actor, other.entry().id, &signed(&a, &draft)).await.unwrap_err();
        assert_eq!(fields_of(&of_other), ["file"]);
        let stolen = service.submit_correction(&actor, id, &signed(&b, &draft)).await.unwrap_err();
        assert_eq!(fields_of(&stolen), ["signatures"]);
        assert_eq!(service.recorded_entries(&actor, a.learner.id, 1).await.unwrap().total, 2);
        let others = service.recorded_entries(&actor, b.learner.id, 1).await;
        assert!(matches!(others, Err(Error::NotFound("learner"))), "{others:?}");
        world.settle().await;
    }

    #[tokio::test]
    async fn a_correction_by_an_authority_is_seen_by_those_whose_entry_it_corrects() {
        let mut world = World::new().await;
        let (a, authority) = (provider_a(), authority());
        let entry = a.signed_study();
        let commitment = commitment_of(&world.accept(&a, &[&entry]).await);
        let by = authority.sign(authority.correct(&entry, commitment, a.study().record()));
        world.accept(&authority, &[&by]).await;
        let history = world.service().history(&staff(&a), entry.entry().id).await.unwrap();
        let last = history.last();
        assert!(last.is_by_authority && last.view.signed.entry().kind() == Kind::Correction);
        assert_eq!(last.recorder, "认定主体");
        assert!(!history.is_correctable_by(&a.code) && history.is_correctable_by(&authority.code));
        world.settle().await;
    }
}
