//! Handling cases: who takes one up, and who answers it.

use serde_json::Value;

use super::super::Service;
use super::super::access::{AccountId, Action, Actor};
use super::super::body::paragraphs;
use super::super::claims::{Matter, ReviewConflict};
use super::super::error::Error;
use super::super::tables::{CASES, CaseRow};
use super::{
    Case, CaseHead, CaseKind, CaseNumber, CaseState, CaseSubject, CaseSummary, DeclaredRow, Known, MAX_CASE_TEXT,
    StepRow,
};
use crate::ledger::entry::{EntryId, LearnerId};
use crate::ledger::fields::{FieldErrors, Fields};
use crate::standard::UnixMillis;
use crate::store::Commit;

/// Most who declare to have a part in one case.
const MAX_DECLARED: usize = 50;

/// Which cases are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CaseFilter {
    /// Of this kind only.
    pub kind: Option<CaseKind>,
    /// In this state only.
    pub state: Option<CaseState>,
    /// About this only.
    pub subject: Option<CaseSubject>,
}

impl CaseFilter {
    fn takes(&self, case: &CaseSummary) -> bool {
        self.kind.is_none_or(|kind| case.kind == kind)
            && self.state.is_none_or(|state| case.state == state)
            && self.subject.is_none_or(|subject| case.subject == subject)
    }
}

impl Service {
    /// Cases without their words, newest first.
    pub fn list_cases(&self, actor: &Actor, filter: CaseFilter) -> Result<Vec<CaseSummary>, Error> {
        self.allow(actor, Action::ReadCases)?;
        self.summaries(|case| filter.takes(case))
    }

    /// A case with its words.
    pub async fn case(&self, actor: &Actor, number: &CaseNumber) -> Result<Case, Error> {
        self.allow(actor, Action::ReadCases)?;
        let (row, version) = self.case_row(number).await?;
        self.open_case(number, &row, version, false)
    }

    /// How many cases wait for this actor to do something, and since when the longest does.
    pub(in crate::service) async fn waiting_cases(&self, actor: &Actor) -> Result<(usize, Option<UnixMillis>), Error> {
        let waits = |case: &CaseSummary| case.state != CaseState::Answered && case.erased_at.is_none();
        let (mut count, mut since) = (0, None);
        for case in self.summaries(waits)? {
            let head = self.cases().0.get(&case.number).map(|known| known.head.clone());
            let Some(head) = head else { continue };
            if self.conflict_of_case(actor, &head).await?.is_none() {
                count += 1;
                since = since.into_iter().chain([case.filed_at]).min();
            }
        }
        Ok((count, since))
    }

    /// Takes a case up, from the version that was read.
    pub async fn take_up_case(&self, actor: &Actor, number: &CaseNumber, version: u64) -> Result<Case, Error> {
        self.move_case(actor, number, version, CaseState::InProgress, None).await
    }

    /// Answers a case, as `{"answer"}` says, from the version that was read. What was answered stays answered.
    pub async fn answer_case(
        &self,
        actor: &Actor,
        number: &CaseNumber,
        version: u64,
        input: Value,
    ) -> Result<Case, Error> {
        self.allow(actor, Action::HandleCases)?;
        let answer = read_answer(input)?;
        self.move_case(actor, number, version, CaseState::Answered, Some(answer)).await
    }

    async fn move_case(
        &self,
        actor: &Actor,
        number: &CaseNumber,
        version: u64,
        to: CaseState,
        answer: Option<String>,
    ) -> Result<Case, Error> {
        self.allow(actor, Action::HandleCases)?;
        let (mut row, known) = self.case_row(number).await?;
        if let Some(conflict) = self.conflict_of_case(actor, &row.head).await? {
            return Err(Error::ConflictOfInterest(conflict));
        }
        if version != known || row.head.state() >= to {
            return Err(Error::Conflict("changed by somebody else in the meantime".into()));
        }
        let mut case = self.open_case(number, &row, known, false)?;
        let mut words = case.words.take().ok_or(Error::Erased("case"))?;
        words.answer = answer.or(words.answer);
        row.head.history.push(StepRow { state: to, at: self.clock.now(), by: actor.to_string() });
        row.tail = self.seal_words(number, &row.head, &words)?;
        let version = self.keep_case(actor, "move_case", format!("{number} {to}"), number, version, &row).await?;
        self.open_case(number, &row, version, false)
    }

    /// Declares to have a part in a case 声明回避: whoever does decides nothing in it from then on; others do.
    pub async fn declare_part_in_case(
        &self,
        actor: &Actor,
        number: &CaseNumber,
        version: u64,
    ) -> Result<CaseSummary, Error> {
        self.allow(actor, Action::HandleCases)?;
        let person = actor.person().ok_or(Error::Forbidden)?;
        let (mut row, known) = self.case_row(number).await?;
        if row.head.is_declared_by(actor) {
            return row.head.summary(number, known);
        }
        if version != known || row.head.state() == CaseState::Answered {
            return Err(Error::Conflict("changed by somebody else in the meantime".into()));
        }
        if row.head.declared.len() >= MAX_DECLARED {
            return Err(Error::TooLarge { what: "the number of declarations in one case", limit: MAX_DECLARED });
        }
        row.head.declared.push(DeclaredRow { at: self.clock.now(), by: person.account.uuid() });
        let version = self.keep_case(actor, "declare_part", number.to_string(), number, version, &row).await?;
        row.head.summary(number, version)
    }

    /// Why this actor must not decide about a case, where they otherwise might.
    pub async fn conflict_in_case(&self, actor: &Actor, number: &CaseNumber) -> Result<Option<ReviewConflict>, Error> {
        self.allow(actor, Action::ReadCases)?;
        if !actor.may(Action::HandleCases) {
            return Ok(None);
        }
        self.conflict_of_case(actor, &self.case_row(number).await?.0.head).await
    }

    /// Why this actor must not decide about a case: they declared to have a part in it; or it is a dispute of their own, in whatever
    /// role they are here now, or about an entry that they accepted, that an organisation of theirs recorded, or of somebody whom it
    /// employs.
    async fn conflict_of_case(&self, actor: &Actor, head: &CaseHead) -> Result<Option<ReviewConflict>, Error> {
        let Some(person) = actor.person() else { return Ok(None) };
        let Some(learner) = head.learner.and_then(|id| LearnerId::try_from(id).ok()) else {
            return Ok(head.is_declared_by(actor).then_some(ReviewConflict::Declared));
        };
        let declared = head.declared.iter().filter_map(|one| AccountId::try_from(one.by).ok()).collect();
        match head.entry.and_then(|entry| EntryId::try_from(entry).ok()) {
            Some(entry) => {
                let filed = head.history.first().map(|step| step.at);
                self.conflict_about_entry(person, learner, entry, (filed, declared)).await
            }
            None => self.conflict_about(person, learner, Matter { declared, ..Matter::default() }),
        }
    }

    pub(super) async fn keep_case(
        &self,
        actor: &Actor,
        action: &str,
        subject: String,
        number: &CaseNumber,
        version: u64,
        row: &CaseRow,
    ) -> Result<u64, Error> {
        let commit = Commit::new(self.event(actor, action, subject))
            .when(CASES.at_version(number.as_str(), version))
            .write(CASES.put(number.as_str(), row)?);
        let version = self.store.commit(commit).await?.sequence;
        let head: CaseHead = row.head.clone();
        self.cases_mut().0.insert(number.clone(), Known { head, version });
        Ok(version)
    }
}

fn read_answer(input: Value) -> Result<String, Error> {
    let mut errors = FieldErrors::default();
    let answer = Fields::of(input, "", &mut errors).and_then(|mut fields| {
        let answer = paragraphs(&mut fields, "answer", MAX_CASE_TEXT);
        fields.finish();
        answer
    });
    answer.filter(|_| errors.0.is_empty()).ok_or(Error::Invalid(errors))
}
