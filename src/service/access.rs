//! Who may do what: one table, consulted by every use case.
//!
//! A person acts in one role at a time, so that what one role may do never mixes with what another one sees. The roles keep
//! administrator, operator and auditor apart (等保 2.0, level 2): the administrator makes accounts and sees no hours, the
//! auditor sees everything and changes nothing.

use std::fmt;

use crate::ledger::entry::LearnerId;
use crate::ledger::names::uuid_v7;
use crate::standard::{CreditCode, choice};

uuid_v7! {
    /// The identifier of an account.
    AccountId
}

choice! {
    /// What somebody is within an organisation.
    pub enum AccountRole {
        /// A CQO, whose hours are recorded.
        Learner = "learner", "首席质量官";
        /// Works for a training provider.
        ProviderStaff = "provider_staff", "培训机构人员";
        /// Works for an organisation that CQOs serve.
        Employer = "employer", "所在组织人员";
        /// Reviews claims and applications for the certifying body.
        Clerk = "clerk", "认定主体经办人";
        /// Sits on panels (9.3).
        Expert = "expert", "认定专家";
        /// Leads panels (9.3.3).
        PanelLeader = "panel_leader", "认定专家组长";
        /// Answers for the certifying body's work (chapter 11).
        Supervisor = "supervisor", "认定主体负责人";
        /// Reads all, changes nothing.
        Auditor = "auditor", "审计员";
        /// Supervises the certifying body (7.3), read-only.
        CompetentAuthority = "competent_authority", "行政主管部门";
        /// Accounts and settings; no hours and no scores.
        Administrator = "administrator", "系统管理员";
    }
}

impl AccountRole {
    /// Whether it works for the service's own side and so needs a second factor.
    pub const fn is_staff(self) -> bool {
        !matches!(self, Self::Learner | Self::Employer)
    }

    /// Whether it excludes every other role: who watches or hands out rights does not also use them.
    pub const fn stands_alone(self) -> bool {
        matches!(self, Self::Auditor | Self::Administrator | Self::CompetentAuthority)
    }

    /// Whether it sees what belongs to every organisation.
    const fn sees_all(self) -> bool {
        matches!(self, Self::Clerk | Self::Supervisor | Self::Auditor | Self::CompetentAuthority)
    }

    const fn may(self, action: Action) -> bool {
        use Action as A;
        let common = match action {
            A::ReadChain | A::OwnAccount => true,
            A::FileCase => !matches!(self, Self::Auditor | Self::CompetentAuthority),
            _ => false,
        };
        let seen_by_the_body = matches!(
            action,
            A::ReadEntry
                | A::ReadRegistry
                | A::ReadOrganisations
                | A::ReadCertificates
                | A::ReadClaims
                | A::ReadStandings
                | A::ReadCases
        );
        common
            || match self {
                Self::Learner => matches!(
                    action,
                    A::ReadOwnRecord
                        | A::WriteClaims
                        | A::ReadEntry
                        | A::ReadStandings
                        | A::IssueCertificates
                        | A::ReadCertificates
                ),
                Self::ProviderStaff => matches!(
                    action,
                    A::SubmitEntries
                        | A::ReadEntry
                        | A::WriteRegistry
                        | A::ReadRegistry
                        | A::IssueCertificates
                        | A::ReadCertificates
                        | A::CorrectEntries
                ),
                Self::Employer => matches!(action, A::ReadStandings | A::ReadEmployees),
                Self::Clerk => {
                    seen_by_the_body
                        || matches!(action, A::ReviewClaims | A::CorrectForBody | A::WriteTerms | A::HandleCases)
                }
                Self::Expert | Self::PanelLeader => false,
                Self::Supervisor => {
                    seen_by_the_body
                        || matches!(
                            action,
                            A::ReviewClaims | A::CorrectForBody | A::WriteTerms | A::HandleCases | A::DrawSamples
                        )
                }
                Self::Auditor => seen_by_the_body || matches!(action, A::ReadAccounts | A::ReadEvents),
                Self::CompetentAuthority => seen_by_the_body,
                Self::Administrator => matches!(
                    action,
                    A::ReadAccounts
                        | A::WriteAccounts
                        | A::ReadOrganisations
                        | A::WriteOrganisations
                        | A::WriteTokens
                        | A::WriteBody
                ),
            }
    }
}

/// Somebody who is signed in, in the one role of this session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Whose account.
    pub account: AccountId,
    /// The role of this session.
    pub role: AccountRole,
    /// The organisation that the role is within.
    pub organisation: CreditCode,
    /// The learners that are this person, in whatever role: nobody reviews a claim of their own.
    pub learners: Vec<LearnerId>,
    /// The organisations of all roles of this person: nobody reviews a claim of their own organisation's.
    pub affiliations: Vec<CreditCode>,
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// Anyone.
    Public,
    /// An organisation that records, known by its API token.
    Recorder(CreditCode),
    /// Whoever runs the service, known by the operator's token, which lies in an owner-only file of the data directory.
    Operator,
    /// Somebody with an account, known by a session.
    Person(Person),
}

/// Declares the actions with the list of all of them.
macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident,)+) => {
        /// What can be asked for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Action { $($(#[$doc])* $name,)+ }

        impl Action {
            /// Every action, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];
        }
    };
}

actions! {
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
    /// Read one's own hours, year by year.
    ReadOwnRecord,
    /// Claim hours of one's own 学时申报.
    WriteClaims,
    /// Correct entries that one's own organisation recorded.
    CorrectEntries,
    /// Correct and void what the certifying body itself recorded, such as claims that it accepted.
    CorrectForBody,
    /// Read the CQOs of one's own organisation.
    ReadEmployees,
    /// Read claims and their evidence.
    ReadClaims,
    /// Decide about claims 学时审核, and confirm organised activities.
    ReviewClaims,
    /// Read who meets the annual requirement, as far as one's reach goes.
    ReadStandings,
    /// Note the validity of level certificates.
    WriteTerms,
    /// Draw audit samples.
    DrawSamples,
    /// File a complaint, or a dispute of an entry of one's own.
    FileCase,
    /// Read complaints and disputes.
    ReadCases,
    /// Answer complaints and disputes.
    HandleCases,
    /// Change the certifying body's profile and the site's settings.
    WriteBody,
    /// Read the list of accounts.
    ReadAccounts,
    /// Invite, change and end accounts.
    WriteAccounts,
    /// Read the record of what happened.
    ReadEvents,
    /// Change one's own password and second factor, and end one's own sessions.
    OwnAccount,
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
                | Self::WriteClaims
                | Self::CorrectEntries
                | Self::CorrectForBody
                | Self::ReviewClaims
                | Self::WriteTerms
                | Self::DrawSamples
                | Self::FileCase
                | Self::HandleCases
                | Self::WriteBody
                | Self::WriteAccounts
        )
    }

    /// Whether it makes sense for somebody with an account only.
    const fn needs_a_person(self) -> bool {
        matches!(
            self,
            Self::ReadOwnRecord
                | Self::WriteClaims
                | Self::CorrectEntries
                | Self::CorrectForBody
                | Self::ReadEmployees
                | Self::ReviewClaims
                | Self::OwnAccount
        )
    }
}

impl Actor {
    /// The one table: actor by action.
    pub fn may(&self, action: Action) -> bool {
        use Action as A;
        match self {
            Self::Public => matches!(action, A::ReadChain | A::FileCase),
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
            Self::Operator => !action.needs_a_person(),
            Self::Person(person) => person.role.may(action),
        }
    }

    /// Whether what belongs to `owner` is this actor's: to see, and where the table lets it, to write.
    pub fn owns(&self, owner: &CreditCode) -> bool {
        match self {
            Self::Public => false,
            Self::Recorder(code) => code == owner,
            Self::Operator => true,
            Self::Person(Person { role: AccountRole::ProviderStaff, organisation, .. }) => organisation == owner,
            Self::Person(person) => person.role.sees_all(),
        }
    }

    /// Whether this is the learner, who sees what is about nobody else.
    pub fn is_learner(&self, learner: LearnerId) -> bool {
        matches!(self, Self::Person(person) if person.role == AccountRole::Learner && person.learners.contains(&learner))
    }

    /// Whose account this is.
    pub fn person(&self) -> Option<&Person> {
        match self {
            Self::Person(person) => Some(person),
            _ => None,
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
            Self::Person(person) => write!(f, "{}:{}", person.role, person.account),
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    /// The golden table: public, recorder, operator, then the roles in their order. A new action does not compile until
    /// its row is written here.
    #[rustfmt::skip]
    fn allowed(action: Action) -> [bool; 13] {
        const O: bool = false;
        const X: bool = true;
        //                                pub rec ope|lea pro emp cle exp lead sup aud aut adm
        match action {
            Action::ReadChain          => [X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X],
            Action::FileCase           => [X,  O,  X,  X,  X,  X,  X,  X,  X,  X,  O,  O,  X],
            Action::OwnAccount         => [O,  O,  O,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X],
            Action::SubmitEntries      => [O,  X,  X,  O,  X,  O,  O,  O,  O,  O,  O,  O,  O],
            Action::ReadEntry          => [O,  X,  X,  X,  X,  O,  X,  O,  O,  X,  X,  X,  O],
            Action::WriteRegistry      => [O,  X,  X,  O,  X,  O,  O,  O,  O,  O,  O,  O,  O],
            Action::ReadRegistry       => [O,  X,  X,  O,  X,  O,  X,  O,  O,  X,  X,  X,  O],
            Action::IssueCertificates  => [O,  X,  X,  X,  X,  O,  O,  O,  O,  O,  O,  O,  O],
            Action::ReadCertificates   => [O,  X,  X,  X,  X,  O,  X,  O,  O,  X,  X,  X,  O],
            Action::RevokeCertificates => [O,  O,  X,  O,  O,  O,  O,  O,  O,  O,  O,  O,  O],
            Action::WriteOrganisations => [O,  O,  X,  O,  O,  O,  O,  O,  O,  O,  O,  O,  X],
            Action::ReadOrganisations  => [O,  O,  X,  O,  O,  O,  X,  O,  O,  X,  X,  X,  X],
            Action::WriteTokens        => [O,  O,  X,  O,  O,  O,  O,  O,  O,  O,  O,  O,  X],
            Action::Erase              => [O,  O,  X,  O,  O,  O,  O,  O,  O,  O,  O,  O,  O],
            Action::ReadOwnRecord      => [O,  O,  O,  X,  O,  O,  O,  O,  O,  O,  O,  O,  O],
            Action::WriteClaims        => [O,  O,  O,  X,  O,  O,  O,  O,  O,  O,  O,  O,  O],
            Action::CorrectEntries     => [O,  O,  O,  O,  X,  O,  O,  O,  O,  O,  O,  O,  O],
            Action::CorrectForBody     => [O,  O,  O,  O,  O,  O,  X,  O,  O,  X,  O,  O,  O],
            Action::ReadEmployees      => [O,  O,  O,  O,  O,  X,  O,  O,  O,  O,  O,  O,  O],
            Action::ReadClaims         => [O,  O,  X,  O,  O,  O,  X,  O,  O,  X,  X,  X,  O],
            Action::ReviewClaims       => [O,  O,  O,  O,  O,  O,  X,  O,  O,  X,  O,  O,  O],
            Action::ReadStandings      => [O,  O,  X,  X,  O,  X,  X,  O,  O,  X,  X,  X,  O],
            Action::WriteTerms         => [O,  O,  X,  O,  O,  O,  X,  O,  O,  X,  O,  O,  O],
            Action::DrawSamples        => [O,  O,  X,  O,  O,  O,  O,  O,  O,  X,  O,  O,  O],
            Action::ReadCases          => [O,  O,  X,  O,  O,  O,  X,  O,  O,  X,  X,  X,  O],
            Action::HandleCases        => [O,  O,  X,  O,  O,  O,  X,  O,  O,  X,  O,  O,  O],
            Action::WriteBody          => [O,  O,  X,  O,  O,  O,  O,  O,  O,  O,  O,  O,  X],
            Action::ReadAccounts       => [O,  O,  X,  O,  O,  O,  O,  O,  O,  O,  X,  O,  X],
            Action::WriteAccounts      => [O,  O,  X,  O,  O,  O,  O,  O,  O,  O,  O,  O,  X],
            Action::ReadEvents         => [O,  O,  X,  O,  O,  O,  O,  O,  O,  O,  X,  O,  O],
        }
    }

    fn person(role: AccountRole, organisation: &CreditCode, learners: Vec<LearnerId>) -> Actor {
        let account = AccountId::try_from(Uuid::now_v7()).unwrap();
        let affiliations = vec![organisation.clone()];
        Actor::Person(Person { account, role, organisation: organisation.clone(), learners, affiliations })
    }

    #[test]
    fn every_actor_may_do_exactly_what_the_table_says() {
        let code = CreditCode::with_check("91110000600037341").unwrap();
        let mut actors = vec![Actor::Public, Actor::Recorder(code.clone()), Actor::Operator];
        actors.extend(AccountRole::ALL.iter().map(|role| person(*role, &code, Vec::new())));
        for action in Action::ALL {
            let may: Vec<bool> = actors.iter().map(|actor| actor.may(*action)).collect();
            assert_eq!(may, allowed(*action), "{action:?}");
        }
    }

    #[test]
    fn who_only_watches_changes_nothing() {
        for role in [AccountRole::Auditor, AccountRole::CompetentAuthority] {
            let changes = Action::ALL.iter().filter(|action| action.adds());
            assert_eq!(changes.filter(|action| role.may(**action)).count(), 0, "{role}");
        }
    }

    #[test]
    fn an_organisation_sees_its_own_and_the_certifying_body_everything() {
        let [own, other] = ["91110000600037341", "91340100MA2N0000A"].map(|code| CreditCode::with_check(code).unwrap());
        let staff = person(AccountRole::ProviderStaff, &own, Vec::new());
        let mut cases = vec![
            (Actor::Public, false, false),
            (Actor::Recorder(own.clone()), true, false),
            (Actor::Operator, true, true),
            (staff, true, false),
        ];
        for role in AccountRole::ALL.iter().filter(|role| **role != AccountRole::ProviderStaff) {
            cases.push((person(*role, &own, Vec::new()), role.sees_all(), role.sees_all()));
        }
        for (actor, owns_own, owns_other) in cases {
            assert_eq!((actor.owns(&own), actor.owns(&other)), (owns_own, owns_other), "{actor}");
        }
    }

    #[test]
    fn only_in_the_role_of_a_learner_is_somebody_the_learner() {
        let code = CreditCode::with_check("91110000600037341").unwrap();
        let [own, other] = [(); 2].map(|()| LearnerId::try_from(Uuid::now_v7()).unwrap());
        let learner = person(AccountRole::Learner, &code, vec![own]);
        assert_eq!((learner.is_learner(own), learner.is_learner(other)), (true, false));
        assert!(!person(AccountRole::Clerk, &code, vec![own]).is_learner(own));
        assert!(!Actor::Operator.is_learner(own));
    }
}
