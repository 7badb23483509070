//! Filing a case, and reading what became of one's own.

use std::sync::PoisonError;

use serde_json::Value;
use subtle::ConstantTimeEq as _;
use uuid::Uuid;

use super::super::Service;
use super::super::access::{Action, Actor};
use super::super::body::paragraphs;
use super::super::error::Error;
use super::super::tables::{CASES, CaseRow, ENTRIES, ERASED};
use super::{
    Case, CaseCode, CaseHead, CaseKey, CaseKind, CaseNumber, CaseState, CaseSubject, CaseSummary, Known, StepRow,
    Words, none,
};
use crate::ledger::entry::{EntryId, LearnerId, MAX_NAME};
use crate::ledger::fields::{FieldErrors, Fields, Problem};
use crate::merkle::Hash;
use crate::standard::calendar_year_of;
use crate::store::Commit;

/// The longest text of a complaint, a dispute or an answer, in characters.
pub const MAX_CASE_TEXT: usize = 4_000;
/// The longest way to be reached, in characters.
pub const MAX_CONTACT: usize = 200;
/// Most complaints that nobody has taken up. Anybody may file one, so there must be an end.
pub const MAX_WAITING: usize = 5_000;
/// Most complaints that are filed on one day, over all who complain: whoever has many addresses must not fill the queue before
/// anybody at work has seen it.
pub const MAX_FILED_A_DAY: usize = 500;
const _: () = assert!(10 * MAX_FILED_A_DAY <= MAX_WAITING, "the queue has room for the days over which nobody works");
/// Most disputes of one learner that are not answered.
const MAX_OPEN_DISPUTES: usize = 20;
/// What a code is compared with where no case has the number.
const NOBODYS_CODE: Hash = Hash::ZERO;

/// A complaint that was filed: the code is shown this once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCase {
    /// Its number.
    pub number: CaseNumber,
    /// What opens it beside the number.
    pub code: CaseCode,
}

impl Service {
    /// Files a complaint, as `{"subject", "text"}` with `name` and `contact` for those who want to give them.
    pub async fn file_complaint(&self, actor: &Actor, input: Value) -> Result<NewCase, Error> {
        self.allow(actor, Action::FileCase)?;
        let (subject, words) = read_complaint(input)?;
        // Counted and filed one at a time: two at once would both have the last place.
        let _one_at_a_time = self.filing.lock().await;
        self.check_room_for_complaint()?;
        let key = CaseKey::try_from(Uuid::now_v7()).map_err(Error::internal)?;
        // The key is durable before anything stands under it; a crash here leaves a key that nothing uses.
        self.on_disk(|vault| vault.create(&[key.into()]))?;
        let code = CaseCode::draw()?;
        let head = CaseHead {
            kind: CaseKind::Complaint,
            subject,
            code_sha256: Some(code.digest()),
            key: key.uuid(),
            learner: None,
            entry: None,
            history: Vec::new(),
            erased_at: None,
            declared: Vec::new(),
        };
        let number = self.file_case(actor, head, &words).await?;
        Ok(NewCase { number, code })
    }

    /// As many as can be answered are taken. Who comes too late is told from when on there is room: on the next day, if
    /// anybody takes up what waits.
    fn check_room_for_complaint(&self) -> Result<(), Error> {
        let today = self.today()?;
        let tomorrow = today.next().map_err(Error::internal)?.begins().map_err(Error::internal)?;
        let day = today.begins().map_err(Error::internal)?..tomorrow;
        let cases = self.cases();
        let is_full = cases.filed_within(&day) >= MAX_FILED_A_DAY || cases.waiting(CaseKind::Complaint) >= MAX_WAITING;
        if is_full { Err(Error::FullUntil(tomorrow)) } else { Ok(()) }
    }

    /// Files a learner's dispute of an entry of their own, as `{"entry", "text"}`.
    pub async fn file_dispute(&self, actor: &Actor, input: Value) -> Result<CaseNumber, Error> {
        self.allow(actor, Action::FileCase)?;
        let (entry, text) = read_dispute(input)?;
        let row = ENTRIES.get(&*self.store, &entry.uuid()).await?;
        let learner = row.and_then(|row| row.value.head.learner).and_then(|id| LearnerId::try_from(id).ok());
        // Whoever may not read an entry is not told whether there is one.
        let learner = learner.filter(|learner| actor.is_learner(*learner)).ok_or(Error::NotFound("entry"))?;
        let _one_at_a_time = self.filing.lock().await;
        self.check_may_dispute(learner, entry)?;
        let head = CaseHead {
            kind: CaseKind::Dispute,
            subject: CaseSubject::Hours,
            code_sha256: None,
            key: learner.uuid(),
            learner: Some(learner.uuid()),
            entry: Some(entry.uuid()),
            history: Vec::new(),
            erased_at: None,
            declared: Vec::new(),
        };
        self.file_case(actor, head, &Words { name: None, contact: None, text, answer: None }).await
    }

    fn check_may_dispute(&self, learner: LearnerId, entry: EntryId) -> Result<(), Error> {
        let cases = self.cases();
        let open =
            |known: &&Known| known.head.learner == Some(learner.uuid()) && known.head.state() != CaseState::Answered;
        let open: Vec<&Known> = cases.0.values().filter(open).collect();
        if open.iter().any(|known| known.head.entry == Some(entry.uuid())) {
            let problem = Problem::mismatch("has a dispute that is not answered yet", "已有未答复的异议");
            return Err(Error::field("entry", problem));
        }
        if open.len() >= MAX_OPEN_DISPUTES {
            return Err(Error::TooLarge { what: "the number of open disputes", limit: MAX_OPEN_DISPUTES });
        }
        Ok(())
    }

    async fn file_case(&self, actor: &Actor, mut head: CaseHead, words: &Words) -> Result<CaseNumber, Error> {
        let at = self.clock.now();
        let number = CaseNumber::draw(head.kind, calendar_year_of(at).map_err(Error::internal)?)?;
        head.history.push(StepRow { state: CaseState::Received, at, by: actor.to_string() });
        let row = CaseRow { tail: self.seal_words(&number, &head, words)?, head };
        let mut commit = Commit::new(self.event(actor, "file_case", format!("{} {number}", row.head.kind)))
            .when(CASES.absent(number.as_str()))
            .write(CASES.put(number.as_str(), &row)?);
        if let Some(learner) = row.head.learner {
            commit = commit.when(ERASED.absent(&learner));
        }
        let version = self.store.commit(commit).await?.sequence;
        self.cases_mut().0.insert(number.clone(), Known { head: row.head, version });
        Ok(number)
    }

    /// What became of a complaint, for whoever has its number and code. Unknown numbers and wrong codes are answered alike, and
    /// the comparison takes as long.
    pub async fn case_by_code(&self, number: &str, code: &CaseCode) -> Result<Case, Error> {
        let number = number.trim().to_ascii_uppercase().parse::<CaseNumber>().ok();
        let expected = number.as_ref().and_then(|number| self.cases().0.get(number)?.head.code_sha256);
        let same: bool = code.digest().as_bytes().ct_eq(expected.unwrap_or(NOBODYS_CODE).as_bytes()).into();
        let number = number.filter(|_| same && expected.is_some()).ok_or_else(none)?;
        let (row, version) = self.case_row(&number).await?;
        self.open_case(&number, &row, version, true)
    }

    /// The disputes of the learner who asks, newest first.
    pub fn own_disputes(&self, actor: &Actor) -> Result<Vec<CaseSummary>, Error> {
        self.allow(actor, Action::ReadOwnRecord)?;
        self.summaries(|summary| summary.learner.is_some_and(|learner| actor.is_learner(learner)))
    }

    /// A dispute of the learner who asks.
    pub async fn own_dispute(&self, actor: &Actor, number: &CaseNumber) -> Result<Case, Error> {
        self.allow(actor, Action::ReadOwnRecord)?;
        let (row, version) = self.case_row(number).await?;
        let case = self.open_case(number, &row, version, true)?;
        let own = case.summary.learner.is_some_and(|learner| actor.is_learner(learner));
        if own { Ok(case) } else { Err(none()) }
    }

    pub(super) fn summaries(&self, which: impl Fn(&CaseSummary) -> bool) -> Result<Vec<CaseSummary>, Error> {
        let cases = self.cases();
        let all = cases.0.iter().map(|(number, known)| known.head.summary(number, known.version));
        let mut found = all.filter(|summary| summary.as_ref().map_or(true, &which)).collect::<Result<Vec<_>, _>>()?;
        found.sort_by(|a, b| b.filed_at.cmp(&a.filed_at).then_with(|| a.number.cmp(&b.number)));
        Ok(found)
    }

    pub(super) fn cases(&self) -> std::sync::RwLockReadGuard<'_, super::Cases> {
        self.complaints.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn cases_mut(&self) -> std::sync::RwLockWriteGuard<'_, super::Cases> {
        self.complaints.write().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn read_complaint(input: Value) -> Result<(CaseSubject, Words), Error> {
    let mut errors = FieldErrors::default();
    let read = Fields::of(input, "", &mut errors).and_then(|mut fields| {
        let subject = fields.word("subject");
        let text = paragraphs(&mut fields, "text", MAX_CASE_TEXT);
        let name = if fields.has("name") { fields.text("name", MAX_NAME).map(Some) } else { Some(None) };
        let contact = if fields.has("contact") { fields.text("contact", MAX_CONTACT).map(Some) } else { Some(None) };
        fields.finish();
        Some((subject?, Words { name: name?, contact: contact?, text: text?, answer: None }))
    });
    read.filter(|_| errors.0.is_empty()).ok_or(Error::Invalid(errors))
}

fn read_dispute(input: Value) -> Result<(EntryId, String), Error> {
    let mut errors = FieldErrors::default();
    let read = Fields::of(input, "", &mut errors).and_then(|mut fields| {
        let (entry, text) = (fields.parsed("entry"), paragraphs(&mut fields, "text", MAX_CASE_TEXT));
        fields.finish();
        entry.zip(text)
    });
    read.filter(|_| errors.0.is_empty()).ok_or(Error::Invalid(errors))
}
