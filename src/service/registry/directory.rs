//! What every request needs of the registry, in memory.

use std::collections::HashMap;

use subtle::ConstantTimeEq as _;

use super::super::access::Actor;
use super::super::error::Error;
use super::super::tables::{COURSES, ERASED, ErasedRow, LEARNERS, ORGANISATIONS, TOKENS, TokenRow};
use super::super::vault::{DataKeyId, RowKeys, Vault};
use super::learners::{Employment, open_learner};
use super::organisations::{Organisation, OrganisationRole};
use super::rows::{all_rows, damaged};
use super::tokens::{NOBODYS_SECRET, TOKEN_PREFIX};
use crate::ledger::entry::{CourseCode, LearnerId};
use crate::merkle::Hash;
use crate::standard::CreditCode;
use crate::store::{Store, Versioned};

/// What every request needs of the registry, in memory.
#[derive(Debug, Default)]
pub(in crate::service) struct Directory {
    pub(super) organisations: HashMap<CreditCode, Organisation>,
    learners: HashMap<LearnerId, (CreditCode, String)>,
    employers: HashMap<LearnerId, Vec<Employment>>,
    erased: HashMap<LearnerId, ErasedRow>,
    pub(super) courses: HashMap<(CreditCode, CourseCode), Vec<String>>,
    pub(super) tokens: HashMap<String, TokenRow>,
}

impl Directory {
    /// Reads all of it, after bringing the vault in line with it: who is registered has a key, who was erased has none.
    /// `others` are the keys of rows about people who are no learners.
    pub(in crate::service) async fn load(store: &dyn Store, vault: &Vault, others: RowKeys) -> Result<Self, Error> {
        let mut directory = Self::default();
        for (code, Versioned { value: row, .. }) in all_rows(&ORGANISATIONS, store).await? {
            let code: CreditCode = code.parse().map_err(damaged)?;
            directory.put_organisation(Organisation { code, name: row.name, roles: row.roles });
        }
        let mut learners = Vec::new();
        for (id, row) in all_rows(&LEARNERS, store).await? {
            learners.push((LearnerId::try_from(id).map_err(damaged)?, row.value));
        }
        // Every registered learner has a key, or the key file is damaged: nothing is read or written before this.
        vault.settle(learners.iter().map(|(id, _)| DataKeyId::from(*id)).chain(others.needed))?;
        // An erasure that a crash cut short, or that a restored key file knows nothing of, is finished before anything
        // is served.
        for (id, row) in all_rows(&ERASED, store).await? {
            directory.erased.insert(LearnerId::try_from(id).map_err(damaged)?, row.value);
        }
        vault.erase(directory.erased.keys().map(|id| DataKeyId::from(*id)).chain(others.erased))?;
        for (id, row) in learners {
            let payload = open_learner(vault, id, &row)?;
            directory.put_learner(id, row.provider, payload.name, payload.employers);
        }
        for ((provider, code), row) in all_rows(&COURSES, store).await? {
            let key = (provider.parse().map_err(damaged)?, code.parse().map_err(damaged)?);
            directory.courses.insert(key, row.value.versions.into_iter().map(|version| version.title).collect());
        }
        let tokens = all_rows(&TOKENS, store).await?;
        directory.tokens.extend(tokens.into_iter().map(|(id, row)| (id, row.value)));
        Ok(directory)
    }

    pub(super) fn put_organisation(&mut self, organisation: Organisation) {
        self.organisations.insert(organisation.code.clone(), organisation);
    }

    /// An organisation.
    pub(in crate::service) fn organisation(&self, code: &CreditCode) -> Option<&Organisation> {
        self.organisations.get(code)
    }

    /// Whether this organisation is registered as a certifying body (认定主体).
    pub(in crate::service) fn is_certifying_body(&self, code: &CreditCode) -> bool {
        let roles = self.organisation(code).map(|known| known.roles.as_slice());
        roles.is_some_and(|roles| roles.contains(&OrganisationRole::CertifyingBody))
    }

    /// Whose learner this is, and the registered name.
    pub(in crate::service) fn learner(&self, id: LearnerId) -> Option<&(CreditCode, String)> {
        self.learners.get(&id)
    }

    /// Every learner.
    pub(in crate::service) fn learner_ids(&self) -> impl Iterator<Item = LearnerId> {
        self.learners.keys().copied()
    }

    /// Whom a learner served and serves, as registered.
    pub(in crate::service) fn employers(&self, id: LearnerId) -> &[Employment] {
        self.employers.get(&id).map_or(&[], Vec::as_slice)
    }

    pub(super) fn put_learner(
        &mut self,
        id: LearnerId,
        provider: CreditCode,
        name: String,
        employers: Vec<Employment>,
    ) {
        self.learners.insert(id, (provider, name));
        self.employers.insert(id, employers);
    }

    /// The learners of a provider, with their names, in no order.
    pub(in crate::service) fn learners_of(&self, provider: &CreditCode) -> impl Iterator<Item = (LearnerId, &str)> {
        let of_provider = self.learners.iter().filter(move |(_, (registered_by, _))| registered_by == provider);
        of_provider.map(|(id, (_, name))| (*id, name.as_str()))
    }

    /// The tombstone of a learner who was erased.
    pub(in crate::service) fn erased(&self, id: LearnerId) -> Option<&ErasedRow> {
        self.erased.get(&id)
    }

    /// Forgets a learner who was erased, but for the tombstone.
    pub(in crate::service) fn erase(&mut self, id: LearnerId, row: ErasedRow) {
        self.learners.remove(&id);
        self.employers.remove(&id);
        self.erased.insert(id, row);
    }

    /// The titles that a provider's course has had.
    pub(in crate::service) fn course_titles(&self, provider: &CreditCode, code: &CourseCode) -> Option<&[String]> {
        self.courses.get(&(provider.clone(), code.clone())).map(Vec::as_slice)
    }

    /// Whether an organisation is one that records: a provider, or the certifying body for what it accepts.
    pub(super) fn records(&self, code: &CreditCode) -> bool {
        let roles = self.organisation(code).map_or(&[][..], |known| known.roles.as_slice());
        roles.iter().any(|role| matches!(role, OrganisationRole::Provider | OrganisationRole::CertifyingBody))
    }

    /// Whose token this is; nobody's where the organisation records nothing any more. The secret's digest is compared in constant time, and the same work is done for an id that
    /// does not exist and for a token that was ended: how long the answer takes tells nothing about either. The look-up
    /// itself goes by a keyed hash of the id, and ids are no secrets: logs and the operator's list name them.
    pub(in crate::service) fn authenticate(&self, token: &str) -> Option<Actor> {
        let (id, secret) = token.strip_prefix(TOKEN_PREFIX)?.split_once('_')?;
        let row = self.tokens.get(id);
        let expected = row.map_or(NOBODYS_SECRET, |row| row.secret_sha256);
        let digest = Hash::of(&[secret.as_bytes()]);
        let same: bool = digest.as_bytes().ct_eq(expected.as_bytes()).into();
        let works = |row: &&TokenRow| same && row.ended_at.is_none() && self.records(&row.organisation);
        row.filter(works).map(|row| Actor::Recorder(row.organisation.clone()))
    }
}
