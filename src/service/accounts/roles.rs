//! Which of an account's roles are in force: those within organisations that are still what the role is of.

use super::super::Service;
use super::super::access::{AccountId, AccountRole, Actor, Person};
use super::super::registry::OrganisationRole;
use super::{Account, Grant};
use crate::standard::CreditCode;

/// What an organisation must be for somebody to have this role in it.
pub(super) const fn home_of(role: AccountRole) -> OrganisationRole {
    match role {
        AccountRole::ProviderStaff => OrganisationRole::Provider,
        AccountRole::Employer => OrganisationRole::Employer,
        AccountRole::CompetentAuthority => OrganisationRole::CompetentAuthority,
        AccountRole::Learner
        | AccountRole::Clerk
        | AccountRole::Expert
        | AccountRole::PanelLeader
        | AccountRole::Supervisor
        | AccountRole::Auditor
        | AccountRole::Administrator => OrganisationRole::CertifyingBody,
    }
}

impl Service {
    /// Whether a role is in force: its organisation is registered as what it needs.
    pub(super) fn in_force(&self, grant: &Grant) -> bool {
        let directory = self.directory();
        directory.organisation(&grant.organisation).is_some_and(|known| known.roles.contains(&home_of(grant.role)))
    }

    /// The roles of an account that are in force, each with its place among all of them.
    pub(super) fn grants_in_force(&self, account: &Account) -> Vec<(usize, Grant)> {
        let grants = account.payload.grants.iter().cloned().enumerate();
        grants.filter(|(_, grant)| self.in_force(grant)).collect()
    }

    /// The account itself as who acts, in the first of its roles that is in force.
    pub(super) fn as_owner(&self, account: &Account) -> Actor {
        let first = self.grants_in_force(account).into_iter().next();
        first.map_or(Actor::Public, |(_, grant)| Actor::Person(account.person(grant)))
    }

    /// Ends the sessions of everybody who has a role in an organisation that is not in force any more: they begin again with
    /// what is left.
    pub(in crate::service) fn end_sessions_out_of_force(&self, organisation: &CreditCode) {
        let lost = |account: &Account| {
            account.payload.grants.iter().any(|grant| grant.organisation == *organisation && !self.in_force(grant))
        };
        let concerned: Vec<AccountId> =
            self.known_accounts().by_id.values().filter(|account| lost(account)).map(|account| account.id).collect();
        for account in concerned {
            self.doors().sessions.end_of(account, |_| true);
        }
    }
}

impl Account {
    /// The person in one of the account's roles.
    pub(super) fn person(&self, Grant { role, organisation }: Grant) -> Person {
        let works_for = |grant: &&Grant| grant.role != AccountRole::Learner;
        let affiliations = self.payload.grants.iter().filter(works_for).map(|grant| grant.organisation.clone());
        let (account, learners) = (self.id, self.payload.learners.clone());
        Person { account, role, organisation, learners, affiliations: affiliations.collect() }
    }
}
