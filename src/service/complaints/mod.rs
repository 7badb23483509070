//! Complaints 投诉 and disputes 异议: one mechanism, from the filing to the answer.
//!
//! Anybody may complain, without a name. Whoever does is shown a number and a code, once, and reads with both what became
//! of it. A learner disputes an entry of their own, and sees it in the portal. A case is received, in progress, and
//! answered; each step is kept with who took it.
//!
//! What people wrote is encrypted: of a dispute under the learner's data key, so that an erasure takes it along, of a complaint
//! under a key of its own, which the operator can erase (`erase`). In memory is what no words are in.
//!
//! Deliberately absent: attachments, and a way to write back and forth. A dispute that is right ends in a correction of the
//! entry, which the answer tells of.

mod erase;
mod file;
mod handle;
mod number;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub(super) use erase::grave_of;
pub use file::{MAX_CASE_TEXT, MAX_CONTACT, MAX_FILED_A_DAY, MAX_WAITING, NewCase};
pub use handle::CaseFilter;
pub use number::{CaseCode, CaseNumber};

use super::Service;
use super::access::{AccountId, Actor};
use super::error::Error;
use super::registry::{all_rows, damaged};
use super::tables::{CASES, CaseRow};
use super::vault::{DataKeyId, RowKeys};
use crate::ledger::entry::{EntryId, LearnerId};
use crate::ledger::names::uuid_v7;
use crate::merkle::Hash;
use crate::standard::{UnixMillis, choice};
use crate::store::{Store, Versioned};

choice! {
    /// What a case is.
    pub enum CaseKind {
        /// Anybody's, about anything here.
        Complaint = "complaint", "投诉";
        /// A learner's, about an entry of their own.
        Dispute = "dispute", "异议";
    }
}

impl CaseKind {
    /// What its numbers begin with.
    const fn prefix(self) -> &'static str {
        match self {
            Self::Complaint => "TS",
            Self::Dispute => "YY",
        }
    }
}

choice! {
    /// How far a case has come.
    pub enum CaseState {
        /// Nobody has taken it up.
        Received = "received", "已受理";
        /// Somebody is at it.
        InProgress = "in_progress", "处理中";
        /// It has its answer.
        Answered = "answered", "已答复";
    }
}

choice! {
    /// What a case is about. A code list, so that cases can be counted without reading them.
    pub enum CaseSubject {
        /// Recorded hours.
        Hours = "hours", "学时记录";
        /// How a claim was reviewed.
        Review = "review", "学时审核";
        /// A certificate.
        Certificate = "certificate", "证书";
        /// A training provider.
        Provider = "provider", "培训机构";
        /// How certification is run.
        Certification = "certification", "认定工作";
        /// How somebody behaved.
        Conduct = "conduct", "人员行为";
        /// Personal data.
        Privacy = "privacy", "个人信息";
        /// The site itself.
        Site = "site", "系统使用";
        /// Anything else.
        Other = "other", "其他";
    }
}

uuid_v7! {
    /// Names the data key of one complaint.
    CaseKey
}

impl From<CaseKey> for DataKeyId {
    fn from(key: CaseKey) -> Self {
        Self::of_row(key.uuid())
    }
}

/// One step of a case, as those see it who are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseStep {
    /// What the case came to be.
    pub state: CaseState,
    /// When.
    pub at: UnixMillis,
    /// In what role: a word of [`super::AccountRole`], `public` or `operator`.
    pub role: String,
    /// Whose account it was; not for outsiders.
    pub account: Option<String>,
}

/// A case without its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseSummary {
    /// Its number.
    pub number: CaseNumber,
    /// What it is.
    pub kind: CaseKind,
    /// What it is about.
    pub subject: CaseSubject,
    /// How far it has come.
    pub state: CaseState,
    /// When it was filed.
    pub filed_at: UnixMillis,
    /// Since when it is in this state.
    pub since: UnixMillis,
    /// The entry that a dispute is about.
    pub entry: Option<EntryId>,
    /// Whose dispute it is.
    pub learner: Option<LearnerId>,
    /// When its words were erased.
    pub erased_at: Option<UnixMillis>,
    /// A change names the version it was made from.
    pub version: u64,
}

/// A case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// What can be said without its words.
    pub summary: CaseSummary,
    /// Every step, from the filing on.
    pub history: Vec<CaseStep>,
    /// Who declared to have a part in it, and when; not for outsiders.
    pub declared: Vec<(UnixMillis, AccountId)>,
    /// What people wrote; none when it was erased.
    pub words: Option<Words>,
}

/// What people wrote: encrypted in the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Words {
    /// Who complains, if they say.
    pub name: Option<String>,
    /// How they can be reached, if they say.
    pub contact: Option<String>,
    /// The complaint.
    pub text: String,
    /// The answer to it.
    pub answer: Option<String>,
}

/// What is kept of a case beside its words, in the store and in memory.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::service) struct CaseHead {
    kind: CaseKind,
    subject: CaseSubject,
    /// Of the code that opens it; a dispute has none.
    code_sha256: Option<Hash>,
    /// Names the data key: the learner, or a [`CaseKey`].
    key: Uuid,
    learner: Option<Uuid>,
    entry: Option<Uuid>,
    history: Vec<StepRow>,
    erased_at: Option<UnixMillis>,
    /// Who declared to have a part in it, and decides nothing in it.
    #[serde(default)]
    declared: Vec<DeclaredRow>,
}

/// Somebody's word that they have a part in a case.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct DeclaredRow {
    at: UnixMillis,
    /// The account.
    by: Uuid,
}

/// One step, as it is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct StepRow {
    state: CaseState,
    at: UnixMillis,
    /// As the record of what happened names actors.
    by: String,
}

/// Every case but its words, in memory.
#[derive(Debug, Default)]
pub(in crate::service) struct Cases(BTreeMap<CaseNumber, Known>);

#[derive(Debug, Clone)]
struct Known {
    head: CaseHead,
    version: u64,
}

impl Cases {
    pub(in crate::service) async fn load(store: &dyn Store) -> Result<Self, Error> {
        let known = |(number, row): (String, Versioned<CaseRow>)| {
            Ok((number.parse().map_err(damaged)?, Known { head: row.value.head, version: row.version }))
        };
        all_rows(&CASES, store).await?.into_iter().map(known).collect::<Result<_, Error>>().map(Self)
    }

    /// The data keys that they are under, and those that none may be under any more. Disputes need none of their own.
    pub(in crate::service) fn keys(&self) -> Result<RowKeys, Error> {
        let mut keys = RowKeys::default();
        for known in self.0.values().filter(|known| known.head.learner.is_none()) {
            let list = if known.head.erased_at.is_some() { &mut keys.erased } else { &mut keys.needed };
            list.push(known.head.data_key()?);
        }
        Ok(keys)
    }

    fn waiting(&self, kind: CaseKind) -> usize {
        let waits = |known: &&Known| known.head.kind == kind && known.head.state() == CaseState::Received;
        self.0.values().filter(waits).count()
    }

    /// How many complaints were filed within this time, with those that were erased.
    fn filed_within(&self, time: &Range<UnixMillis>) -> usize {
        let filed = |known: &&Known| known.head.history.first().is_some_and(|step| time.contains(&step.at));
        self.0.values().filter(|known| known.head.kind == CaseKind::Complaint).filter(filed).count()
    }
}

impl CaseHead {
    /// Names the data key.
    fn data_key(&self) -> Result<DataKeyId, Error> {
        match self.learner {
            Some(learner) => Ok(LearnerId::try_from(learner).map_err(damaged)?.into()),
            None => Ok(CaseKey::try_from(self.key).map_err(damaged)?.into()),
        }
    }

    fn is_declared_by(&self, actor: &Actor) -> bool {
        actor.person().is_some_and(|person| self.declared.iter().any(|one| one.by == person.account.uuid()))
    }

    fn state(&self) -> CaseState {
        self.history.last().map_or(CaseState::Received, |step| step.state)
    }

    fn summary(&self, number: &CaseNumber, version: u64) -> Result<CaseSummary, Error> {
        let (first, last) =
            self.history.first().zip(self.history.last()).ok_or_else(|| damaged("a case of no steps"))?;
        Ok(CaseSummary {
            number: number.clone(),
            kind: self.kind,
            subject: self.subject,
            state: last.state,
            filed_at: first.at,
            since: last.at,
            entry: self.entry.map(EntryId::try_from).transpose().map_err(damaged)?,
            learner: self.learner.map(LearnerId::try_from).transpose().map_err(damaged)?,
            erased_at: self.erased_at,
            version,
        })
    }
}

impl StepRow {
    /// Outsiders are told the role, and not whose account it is.
    fn told(&self, to_outsider: bool) -> CaseStep {
        let (role, account) = self.by.split_once(':').map_or((&*self.by, None), |(role, id)| (role, Some(id)));
        let account = account.filter(|_| !to_outsider).map(str::to_owned);
        CaseStep { state: self.state, at: self.at, role: role.to_owned(), account }
    }
}

impl Service {
    /// Opens a case; a learner's erasure has erased its words too.
    fn open_case(&self, number: &CaseNumber, row: &CaseRow, version: u64, to_outsider: bool) -> Result<Case, Error> {
        let summary = row.head.summary(number, version)?;
        let gone = summary.erased_at.is_some()
            || summary.learner.is_some_and(|learner| self.directory().erased(learner).is_some());
        let words = if gone { None } else { Some(self.open_words(number, row)?) };
        let declared = row.head.declared.iter().filter(|_| !to_outsider);
        let declared = declared.filter_map(|one| Some((one.at, AccountId::try_from(one.by).ok()?))).collect();
        let history = row.head.history.iter().map(|step| step.told(to_outsider)).collect();
        Ok(Case { summary, history, declared, words })
    }

    fn open_words(&self, number: &CaseNumber, row: &CaseRow) -> Result<Words, Error> {
        let plain = self.vault.decrypt(row.head.data_key()?, &context(number), &row.tail)?;
        serde_json::from_slice(&plain).map_err(damaged)
    }

    fn seal_words(&self, number: &CaseNumber, head: &CaseHead, words: &Words) -> Result<Vec<u8>, Error> {
        let plain = zeroize::Zeroizing::new(serde_json::to_vec(words).map_err(damaged)?);
        Ok(self.vault.encrypt(head.data_key()?, &context(number), &plain)?)
    }

    async fn case_row(&self, number: &CaseNumber) -> Result<(CaseRow, u64), Error> {
        let row = CASES.get(&*self.store, number.as_str()).await?.ok_or_else(none)?;
        Ok((row.value, row.version))
    }
}

fn context(number: &CaseNumber) -> Vec<u8> {
    format!("case {number}").into_bytes()
}

fn none() -> Error {
    Error::NotFound("case")
}
