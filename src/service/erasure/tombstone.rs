//! What remains of whatever was erased, as it is listed and as a restore takes it: a JSON array of objects that name one
//! learner, account or case, and when.
//!
//! Lists of older versions name learners alone and are read as they are. An older program refuses a list that names more, and
//! so forgets nobody in silence.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::super::access::AccountId;
use super::super::complaints::{CaseKind, CaseNumber};
use super::super::error::Error;
use crate::ledger::entry::LearnerId;
use crate::standard::{UnixMillis, choice};

choice! {
    /// What can be erased, and is listed kind by kind.
    pub enum ErasedKind {
        /// Learners, with all that is theirs.
        Learners = "learners", "学员";
        /// Accounts.
        Accounts = "accounts", "账号";
        /// Complaints: what was written in them.
        Cases = "cases", "投诉";
    }
}

/// What was erased.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Erased {
    /// A learner.
    Learner(LearnerId),
    /// An account.
    Account(AccountId),
    /// What was written in a complaint.
    Case(CaseNumber),
}

/// That something was erased, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Line", into = "Line")]
pub struct Tombstone {
    /// What.
    pub erased: Erased,
    /// When it was recorded.
    pub erased_at: UnixMillis,
}

/// A tombstone as it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    learner: Option<LearnerId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    account: Option<AccountId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    case: Option<CaseNumber>,
    erased_at: UnixMillis,
}

impl TryFrom<Line> for Tombstone {
    type Error = &'static str;

    fn try_from(line: Line) -> Result<Self, &'static str> {
        let erased = match (line.learner, line.account, line.case) {
            (Some(learner), None, None) => Erased::Learner(learner),
            (None, Some(account), None) => Erased::Account(account),
            (None, None, Some(case)) if case.kind() == CaseKind::Complaint => Erased::Case(case),
            (None, None, Some(_)) => return Err("a dispute is erased with its learner"),
            _ => return Err("a tombstone names one learner, account or case"),
        };
        Ok(Self { erased, erased_at: line.erased_at })
    }
}

impl From<Tombstone> for Line {
    fn from(Tombstone { erased, erased_at }: Tombstone) -> Self {
        let nothing = Self { learner: None, account: None, case: None, erased_at };
        match erased {
            Erased::Learner(learner) => Self { learner: Some(learner), ..nothing },
            Erased::Account(account) => Self { account: Some(account), ..nothing },
            Erased::Case(case) => Self { case: Some(case), ..nothing },
        }
    }
}

impl fmt::Display for Erased {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Learner(learner) => learner.fmt(f),
            Self::Account(account) => account.fmt(f),
            Self::Case(case) => case.fmt(f),
        }
    }
}

/// Reads tombstones as they were listed.
pub fn parse_tombstones(json: &[u8]) -> Result<Vec<Tombstone>, Error> {
    serde_json::from_slice(json).map_err(|error| Error::Unreadable(format!("not a list of tombstones: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01a204a4-da59-7159-a871-c02a5b7385fc";

    #[test]
    fn a_list_is_read_as_it_was_written_and_so_is_one_of_an_older_version() {
        let at = "\"erased_at\":\"2026-11-20T00:00:00.000Z\"";
        let lines = [
            format!("{{\"learner\":\"{ID}\",{at}}}"),
            format!("{{\"account\":\"{ID}\",{at}}}"),
            format!("{{\"case\":\"TS-2026-7K3M9QX2AB-S\",{at}}}"),
        ];
        let whole = format!("[{}]", lines.join(","));
        let read = parse_tombstones(whole.as_bytes()).unwrap();
        let names: Vec<String> = read.iter().map(|tombstone| tombstone.erased.to_string()).collect();
        assert_eq!(names, [ID, ID, "TS-2026-7K3M9QX2AB-S"]);
        assert_eq!(serde_json::to_string(&read).unwrap(), whole);
        assert_eq!(parse_tombstones(b"[]").unwrap(), []);
        for (bad, why) in [
            ("{}".into(), "sequence"),
            (format!("[{{\"learner\":\"{ID}\"}}]"), "erased_at"),
            (format!("[{{{at}}}]"), "names one learner"),
            (format!("[{{\"learner\":\"{ID}\",\"account\":\"{ID}\",{at}}}]"), "names one learner"),
            (format!("[{{\"case\":\"YY-2026-7K3M9QX2AB-S\",{at}}}]"), "required form"),
            (format!("[{{\"person\":\"{ID}\",{at}}}]"), "unknown field"),
        ] {
            let refused = parse_tombstones(bad.as_bytes()).unwrap_err().to_string();
            assert!(refused.contains(why), "{bad}: {refused}");
        }
        let dispute = CaseNumber::draw(CaseKind::Dispute, 2026).unwrap();
        let refused = parse_tombstones(format!("[{{\"case\":\"{dispute}\",{at}}}]").as_bytes()).unwrap_err();
        assert!(refused.to_string().contains("erased with its learner"), "{refused}");
    }
}
