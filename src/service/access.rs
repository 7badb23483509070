//! Who may do what: one table, consulted by every use case.

use std::fmt;

use crate::standard::CreditCode;

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// Anyone.
    Public,
    /// An organisation that records, known by its API token.
    Recorder(CreditCode),
    /// Whoever runs the service, known by the operator's token, which lies in an owner-only file of the data directory.
    Operator,
}

/// What can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Submit signed entries.
    SubmitEntries,
    /// Read an entry, its salt and its proof.
    ReadEntry,
    /// Register organisations.
    WriteOrganisations,
    /// Read the list of organisations.
    ReadOrganisations,
    /// Register learners and courses of one's own.
    WriteRegistry,
    /// Read learners and courses of one's own.
    ReadRegistry,
    /// Make and end API tokens.
    WriteTokens,
    /// Read what is public anyway: blocks, tiles, key registers.
    ReadChain,
}

impl Actor {
    /// The one table: actor by action.
    pub fn may(&self, action: Action) -> bool {
        use Action as A;
        match self {
            Self::Public => matches!(action, A::ReadChain),
            Self::Recorder(_) => {
                matches!(action, A::ReadChain | A::SubmitEntries | A::ReadEntry | A::WriteRegistry | A::ReadRegistry)
            }
            Self::Operator => true,
        }
    }

    /// Whether what belongs to `owner` is this actor's to see and to write.
    pub fn owns(&self, owner: &CreditCode) -> bool {
        match self {
            Self::Public => false,
            Self::Recorder(code) => code == owner,
            Self::Operator => true,
        }
    }
}

/// As the record of what happened names it.
impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Public => f.write_str("public"),
            Self::Recorder(code) => write!(f, "recorder:{code}"),
            Self::Operator => f.write_str("operator"),
        }
    }
}
