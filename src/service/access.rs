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
    /// Erase learners, and read which were.
    Erase,
    /// Issue certificates of one's own learners.
    IssueCertificates,
    /// Read certificates of one's own learners.
    ReadCertificates,
    /// Revoke certificates.
    RevokeCertificates,
    /// Read what is public anyway: blocks, tiles, key registers.
    ReadChain,
}

impl Action {
    /// Whether it adds to the ledger, which a restored one does not yet take.
    pub fn adds(self) -> bool {
        matches!(
            self,
            Self::SubmitEntries
                | Self::WriteOrganisations
                | Self::WriteRegistry
                | Self::WriteTokens
                | Self::IssueCertificates
                | Self::RevokeCertificates
        )
    }
}

impl Actor {
    /// The one table: actor by action.
    pub fn may(&self, action: Action) -> bool {
        use Action as A;
        match self {
            Self::Public => matches!(action, A::ReadChain),
            Self::Recorder(_) => {
                matches!(
                    action,
                    A::ReadChain
                        | A::SubmitEntries
                        | A::ReadEntry
                        | A::WriteRegistry
                        | A::ReadRegistry
                        | A::IssueCertificates
                        | A::ReadCertificates
                )
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The golden table: a new action does not compile until its row is written here.
    fn allowed(action: Action) -> [bool; 3] {
        //                             public, recorder, operator
        match action {
            Action::ReadChain => [true, true, true],
            Action::SubmitEntries => [false, true, true],
            Action::ReadEntry => [false, true, true],
            Action::WriteRegistry => [false, true, true],
            Action::ReadRegistry => [false, true, true],
            Action::IssueCertificates => [false, true, true],
            Action::ReadCertificates => [false, true, true],
            Action::RevokeCertificates => [false, false, true],
            Action::WriteOrganisations => [false, false, true],
            Action::ReadOrganisations => [false, false, true],
            Action::WriteTokens => [false, false, true],
            Action::Erase => [false, false, true],
        }
    }

    const ALL: [Action; 12] = [
        Action::SubmitEntries,
        Action::ReadEntry,
        Action::WriteOrganisations,
        Action::ReadOrganisations,
        Action::WriteRegistry,
        Action::ReadRegistry,
        Action::WriteTokens,
        Action::Erase,
        Action::IssueCertificates,
        Action::ReadCertificates,
        Action::RevokeCertificates,
        Action::ReadChain,
    ];

    #[test]
    fn every_actor_may_do_exactly_what_the_table_says() {
        let code = CreditCode::with_check("91110000600037341").unwrap();
        let actors = [Actor::Public, Actor::Recorder(code), Actor::Operator];
        for action in ALL {
            assert_eq!(actors.each_ref().map(|actor| actor.may(action)), allowed(action), "{action:?}");
        }
    }

    #[test]
    fn a_recorder_owns_its_own_and_the_operator_everything() {
        let [own, other] = ["91110000600037341", "91340100MA2N0000A"].map(|code| CreditCode::with_check(code).unwrap());
        let recorder = Actor::Recorder(own.clone());
        for (actor, owns_own, owns_other) in
            [(&Actor::Public, false, false), (&recorder, true, false), (&Actor::Operator, true, true)]
        {
            assert_eq!((actor.owns(&own), actor.owns(&other)), (owns_own, owns_other), "{actor}");
        }
    }
}
