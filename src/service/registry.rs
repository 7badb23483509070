//! The one registry: organisations, learners, courses and API tokens.
//!
//! Rows are in the store; what every request needs of them is in memory, in `Directory`. Names of learners are nowhere
//! on the disk but encrypted.

use std::collections::HashMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use subtle::ConstantTimeEq as _;

use super::access::{Action, Actor};
use super::complaints::CaseKeys;
use super::error::Error;
use super::tables::{
    COURSES, CourseRow, CourseVersionRow, ERASED, ErasedRow, LEARNERS, LEARNERS_BY_PROVIDER, LearnerRow, ORGANISATIONS,
    OrganisationRow, TOKENS, TokenRow,
};
use super::vault::{DataKeyId, Vault};
use super::{Service, random_bytes};
use crate::credential::MaskedIdNumber;
use crate::ledger::entry::{CourseCode, LearnerId, MAX_NAME, MAX_TITLE};
use crate::ledger::fields::{FieldErrors, Fields, Problem};
use crate::ledger::forms::Form;
use crate::ledger::json::Json;
use crate::merkle::Hash;
use crate::standard::{CreditCode, CreditHours, Day, MAX_ENTRY_HOURS, choice};
use crate::store::{self, Commit, Key, MAX_SCAN_ROWS, Store, Table, Versioned};

/// Most learners or courses of one request.
pub const MAX_REGISTRY_BATCH: usize = 1_000;
/// Most employers in one learner's history.
pub const MAX_EMPLOYERS: usize = 50;
/// Most rows of one page of a listing.
pub const MAX_PAGE: usize = 1_000;
/// What an API token begins with.
pub const TOKEN_PREFIX: &str = "cqo_";
/// What a secret is compared with where no token has the id; there is no row for it to let in.
const NOBODYS_SECRET: Hash = Hash::ZERO;

choice! {
    /// What an organisation is here.
    pub enum OrganisationRole {
        /// Runs certification (chapter 7).
        CertifyingBody = "certifying_body", "认定主体";
        /// Records hours.
        Provider = "provider", "培训机构";
        /// Where CQOs serve.
        Employer = "employer", "所在组织";
        /// Supervises a certifying body (7.3).
        CompetentAuthority = "competent_authority", "行政主管部门";
    }
}

impl Form for OrganisationRole {
    const EN: &'static str = "must be certifying_body, provider, employer or competent_authority";
    const ZH: &'static str = "应为 certifying_body、provider、employer 或 competent_authority";
}

/// An organisation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Organisation {
    /// Its unified social credit code.
    pub code: CreditCode,
    /// Its name.
    pub name: String,
    /// What it is here.
    pub roles: Vec<OrganisationRole>,
}

/// One employer in a learner's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Employment {
    /// The employer's name.
    pub name: String,
    /// Its credit code, where it is known.
    pub code: Option<CreditCode>,
    /// First day.
    pub from: Day,
    /// Last day; none while it lasts.
    pub to: Option<Day>,
}

/// Those whom somebody serves on a day: there may be several at once.
pub(super) fn serving(employers: &[Employment], day: Day) -> impl Iterator<Item = &Employment> {
    employers.iter().filter(move |one| one.from <= day && one.to.is_none_or(|to| day <= to))
}

/// A learner, as one provider knows the person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Learner {
    /// The ledger's identifier.
    pub id: LearnerId,
    /// Who registered the person.
    pub provider: CreditCode,
    /// The name.
    pub name: String,
    /// Employers, as given.
    pub employers: Vec<Employment>,
    /// The number of an identity document, masked when it was given: the whole number is kept nowhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_number: Option<MaskedIdNumber>,
    /// The row's version: a change names the version it was made from.
    pub version: u64,
}

/// What is encrypted of a learner.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct LearnerPayload {
    pub(super) name: String,
    pub(super) employers: Vec<Employment>,
    /// Never the whole number. Learners of before have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) id_number: Option<MaskedIdNumber>,
}

/// A course of a provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Course {
    /// Whose course it is.
    pub provider: CreditCode,
    /// The provider's code of it.
    pub code: CourseCode,
    /// Its title in the newest version.
    pub title: String,
    /// Its credit hours in the newest version.
    pub hours: CreditHours,
    /// How many versions there are; a new title or other hours make a new one.
    pub version: usize,
}

/// A new API token: the secret is shown this once.
#[derive(Clone, Serialize)]
pub struct NewToken {
    /// The public part, to end it by.
    pub id: String,
    /// The whole token.
    pub token: String,
    /// Whose it is.
    pub organisation: CreditCode,
}

/// Without the secret: what is printed of it may come into a log.
impl fmt::Debug for NewToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, token: _, organisation } = self;
        f.debug_struct("NewToken").field("id", id).field("organisation", organisation).finish_non_exhaustive()
    }
}

/// What every request needs of the registry, in memory.
#[derive(Debug, Default)]
pub(super) struct Directory {
    organisations: HashMap<CreditCode, Organisation>,
    learners: HashMap<LearnerId, (CreditCode, String)>,
    employers: HashMap<LearnerId, Vec<Employment>>,
    erased: HashMap<LearnerId, ErasedRow>,
    courses: HashMap<(CreditCode, CourseCode), Vec<String>>,
    tokens: HashMap<String, TokenRow>,
}

impl Directory {
    /// Reads all of it, after bringing the vault in line with it: who is registered has a key, who was erased has none.
    /// `others` are the keys of rows about people who are no learners.
    pub(super) async fn load(store: &dyn Store, vault: &Vault, others: Vec<DataKeyId>) -> Result<Self, Error> {
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
        let cases = CaseKeys::of(store).await?;
        vault.settle(learners.iter().map(|(id, _)| DataKeyId::from(*id)).chain(others).chain(cases.needed))?;
        // An erasure that a crash cut short, or that a restored key file knows nothing of, is finished before anything
        // is served.
        for (id, row) in all_rows(&ERASED, store).await? {
            directory.erased.insert(LearnerId::try_from(id).map_err(damaged)?, row.value);
        }
        vault.erase(directory.erased.keys().map(|id| DataKeyId::from(*id)).chain(cases.erased))?;
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

    fn put_organisation(&mut self, organisation: Organisation) {
        self.organisations.insert(organisation.code.clone(), organisation);
    }

    /// An organisation.
    pub(super) fn organisation(&self, code: &CreditCode) -> Option<&Organisation> {
        self.organisations.get(code)
    }

    /// Whether this organisation is registered as a certifying body (认定主体).
    pub(super) fn is_certifying_body(&self, code: &CreditCode) -> bool {
        let roles = self.organisation(code).map(|known| known.roles.as_slice());
        roles.is_some_and(|roles| roles.contains(&OrganisationRole::CertifyingBody))
    }

    /// Whose learner this is, and the registered name.
    pub(super) fn learner(&self, id: LearnerId) -> Option<&(CreditCode, String)> {
        self.learners.get(&id)
    }

    /// Every learner.
    pub(super) fn learner_ids(&self) -> impl Iterator<Item = LearnerId> {
        self.learners.keys().copied()
    }

    /// Whom a learner served and serves, as registered.
    pub(super) fn employers(&self, id: LearnerId) -> &[Employment] {
        self.employers.get(&id).map_or(&[], Vec::as_slice)
    }

    fn put_learner(&mut self, id: LearnerId, provider: CreditCode, name: String, employers: Vec<Employment>) {
        self.learners.insert(id, (provider, name));
        self.employers.insert(id, employers);
    }

    /// The learners of a provider, with their names, in no order.
    pub(super) fn learners_of(&self, provider: &CreditCode) -> impl Iterator<Item = (LearnerId, &str)> {
        let of_provider = self.learners.iter().filter(move |(_, (registered_by, _))| registered_by == provider);
        of_provider.map(|(id, (_, name))| (*id, name.as_str()))
    }

    /// The tombstone of a learner who was erased.
    pub(super) fn erased(&self, id: LearnerId) -> Option<&ErasedRow> {
        self.erased.get(&id)
    }

    /// Forgets a learner who was erased, but for the tombstone.
    pub(super) fn erase(&mut self, id: LearnerId, row: ErasedRow) {
        self.learners.remove(&id);
        self.employers.remove(&id);
        self.erased.insert(id, row);
    }

    /// The titles that a provider's course has had.
    pub(super) fn course_titles(&self, provider: &CreditCode, code: &CourseCode) -> Option<&[String]> {
        self.courses.get(&(provider.clone(), code.clone())).map(Vec::as_slice)
    }

    /// Whose token this is. The secret's digest is compared in constant time, and the same work is done for an id that
    /// does not exist and for a token that was ended: how long the answer takes tells nothing about either. The look-up
    /// itself goes by a keyed hash of the id, and ids are no secrets: logs and the operator's list name them.
    pub(super) fn authenticate(&self, token: &str) -> Option<Actor> {
        let (id, secret) = token.strip_prefix(TOKEN_PREFIX)?.split_once('_')?;
        let row = self.tokens.get(id);
        let expected = row.map_or(NOBODYS_SECRET, |row| row.secret_sha256);
        let digest = Hash::of(&[secret.as_bytes()]);
        let same: bool = digest.as_bytes().ct_eq(expected.as_bytes()).into();
        row.filter(|row| same && row.ended_at.is_none()).map(|row| Actor::Recorder(row.organisation.clone()))
    }
}

/// Every row of a table, page by page.
pub(super) async fn all_rows<K: Key, V: store::Value>(
    table: &Table<K, V>,
    store: &dyn Store,
) -> Result<Vec<(K, Versioned<V>)>, Error> {
    let mut all = Vec::new();
    let mut range = table.all();
    loop {
        let rows = table.scan(store, range, MAX_SCAN_ROWS).await?;
        let Some((last, _)) = rows.last() else { return Ok(all) };
        range = table.after(last);
        all.extend(rows);
    }
}

pub(super) fn damaged(error: impl std::fmt::Display) -> Error {
    Error::Internal(format!("a row of the registry cannot be read: {error}"))
}

fn learner_context(id: LearnerId) -> Vec<u8> {
    [b"learner ".as_slice(), id.uuid().as_bytes()].concat()
}

fn open_learner(vault: &Vault, id: LearnerId, row: &LearnerRow) -> Result<LearnerPayload, Error> {
    let plain = vault.decrypt(DataKeyId::from(id), &learner_context(id), &row.sealed)?;
    serde_json::from_slice(&plain).map_err(damaged)
}

impl Service {
    /// Registers an organisation, or changes its name and roles.
    pub async fn put_organisation(&self, actor: &Actor, input: Value) -> Result<Organisation, Error> {
        self.allow(actor, Action::WriteOrganisations)?;
        let organisation = read_organisation(input)?;
        let _one_at_a_time = self.registry.lock().await;
        let before = ORGANISATIONS.get(&*self.store, organisation.code.as_str()).await?;
        let row = OrganisationRow {
            name: organisation.name.clone(),
            roles: organisation.roles.clone(),
            registered_at: before.map_or_else(|| self.clock.now(), |row| row.value.registered_at),
        };
        let event = self.event(actor, "put_organisation", organisation.code.to_string());
        let commit = Commit::new(event).write(ORGANISATIONS.put(organisation.code.as_str(), &row)?);
        self.store.commit(commit).await?;
        self.directory_mut().put_organisation(organisation.clone());
        Ok(organisation)
    }

    /// The name of a registered organisation, which is no secret.
    pub fn organisation_name(&self, code: &CreditCode) -> Option<String> {
        self.directory().organisation(code).map(|organisation| organisation.name.clone())
    }

    /// All organisations, by credit code.
    pub fn organisations(&self, actor: &Actor) -> Result<Vec<Organisation>, Error> {
        self.allow(actor, Action::ReadOrganisations)?;
        let mut list: Vec<Organisation> = self.directory().organisations.values().cloned().collect();
        list.sort_by(|a, b| a.code.cmp(&b.code));
        Ok(list)
    }

    /// Registers learners of the asking provider. The same learner sent again is no error; another one under the same
    /// id is. All or none are registered.
    pub async fn register_learners(&self, actor: &Actor, input: Value) -> Result<Vec<Learner>, Error> {
        self.allow(actor, Action::WriteRegistry)?;
        let drafts = read_batch(input, |item, path, errors| self.read_learner(actor, item, path, errors))?;
        let _one_at_a_time = self.registry.lock().await;
        let mut fresh: Vec<Learner> = Vec::new();
        let mut known: HashMap<LearnerId, Learner> = HashMap::new();
        for draft in &drafts {
            let old = match known.get(&draft.id) {
                Some(old) => Some(old.clone()),
                None => self.known_learner(draft.id).await?,
            };
            if old.as_ref().is_some_and(|old| Learner { version: 0, ..old.clone() } != *draft) {
                return Err(Error::Conflict(format!("another learner is registered under the id {}", draft.id)));
            }
            if old.is_none() {
                fresh.push(draft.clone());
            }
            known.insert(draft.id, old.unwrap_or_else(|| draft.clone()));
        }
        let version = self.write_learners(actor, &fresh).await?;
        for learner in &fresh {
            known.insert(learner.id, Learner { version, ..learner.clone() });
        }
        Ok(drafts.into_iter().map(|draft| known.get(&draft.id).cloned().unwrap_or(draft)).collect())
    }

    async fn known_learner(&self, id: LearnerId) -> Result<Option<Learner>, Error> {
        let Some(row) = LEARNERS.get(&*self.store, &id.uuid()).await? else { return Ok(None) };
        let LearnerPayload { name, employers, id_number } = open_learner(&self.vault, id, &row.value)?;
        Ok(Some(Learner { id, provider: row.value.provider, name, employers, id_number, version: row.version }))
    }

    /// What is encrypted of a learner; erased from the tombstone on, even while the key is still being erased.
    pub(super) fn open_learner(&self, id: LearnerId, row: &LearnerRow) -> Result<LearnerPayload, Error> {
        match self.directory().erased(id) {
            Some(_) => Err(Error::Erased("learner")),
            None => open_learner(&self.vault, id, row),
        }
    }

    /// Writes learners that are not registered yet; returns the version of their rows.
    pub(super) async fn write_learners(&self, actor: &Actor, fresh: &[Learner]) -> Result<u64, Error> {
        if fresh.is_empty() {
            return Ok(0);
        }
        // The keys are durable before anything stands under them; a crash here leaves keys that nothing uses.
        let ids: Vec<DataKeyId> = fresh.iter().map(|learner| learner.id.into()).collect();
        self.on_disk(|vault| vault.create(&ids))?;
        let subject = format!("{} learners from {}", fresh.len(), fresh[0].id);
        let mut commit = Commit::new(self.event(actor, "register_learners", subject));
        for learner in fresh {
            let uuid = learner.id.uuid();
            commit = commit
                .when(LEARNERS.absent(&uuid))
                .when(ERASED.absent(&uuid))
                .write(LEARNERS.put(&uuid, &self.seal_learner(learner)?)?)
                .write(LEARNERS_BY_PROVIDER.put(&learner.provider.to_string(), &uuid));
        }
        let committed = self.store.commit(commit).await?;
        let mut directory = self.directory_mut();
        for learner in fresh.iter().cloned() {
            directory.put_learner(learner.id, learner.provider, learner.name, learner.employers);
        }
        Ok(committed.sequence)
    }

    /// Changes a learner's name or employers, from the version that was read.
    pub async fn change_learner(
        &self,
        actor: &Actor,
        id: LearnerId,
        version: u64,
        input: Value,
    ) -> Result<Learner, Error> {
        self.allow(actor, Action::WriteRegistry)?;
        if self.directory().erased(id).is_some_and(|erased| erased.is_for(actor)) {
            return Err(Error::Erased("learner"));
        }
        let mut errors = FieldErrors::default();
        let draft = self.read_learner(actor, input, "", &mut errors).filter(|_| errors.0.is_empty()).ok_or(errors)?;
        if draft.id != id {
            return Err(Error::field("id", Problem::mismatch("is not the id of the address", "与地址中的编号不一致")));
        }
        let _one_at_a_time = self.registry.lock().await;
        let old = self.learner(actor, id).await?;
        if old.provider != draft.provider {
            return Err(Error::NotFound("learner"));
        }
        let uuid = id.uuid();
        let commit = Commit::new(self.event(actor, "change_learner", id.to_string()))
            .when(LEARNERS.at_version(&uuid, version))
            .write(LEARNERS.put(&uuid, &self.seal_learner(&draft)?)?);
        let committed = self.store.commit(commit).await?;
        let Learner { provider, name, employers, .. } = draft.clone();
        self.directory_mut().put_learner(id, provider, name, employers);
        Ok(Learner { version: committed.sequence, ..draft })
    }

    fn seal_learner(&self, learner: &Learner) -> Result<LearnerRow, Error> {
        let payload = LearnerPayload {
            name: learner.name.clone(),
            employers: learner.employers.clone(),
            id_number: learner.id_number.clone(),
        };
        let plain = serde_json::to_vec(&payload).map_err(damaged)?;
        let sealed = self.vault.encrypt(learner.id.into(), &learner_context(learner.id), &plain)?;
        Ok(LearnerRow { provider: learner.provider.clone(), registered_at: self.clock.now(), sealed })
    }

    /// One learner of the asking provider.
    pub async fn learner(&self, actor: &Actor, id: LearnerId) -> Result<Learner, Error> {
        self.allow(actor, Action::ReadRegistry)?;
        let learner = self.known_learner(id).await?.filter(|learner| actor.owns(&learner.provider));
        learner.ok_or_else(|| match self.directory().erased(id) {
            Some(erased) if erased.is_for(actor) => Error::Erased("learner"),
            _ => Error::NotFound("learner"),
        })
    }

    /// A page of a provider's learners, after the id `after`.
    pub async fn learners(
        &self,
        actor: &Actor,
        provider: &CreditCode,
        after: Option<LearnerId>,
        limit: usize,
    ) -> Result<Vec<Learner>, Error> {
        self.allow(actor, Action::ReadRegistry)?;
        if !actor.owns(provider) {
            return Err(Error::Forbidden);
        }
        let (field, limit) = (provider.to_string(), limit.min(MAX_PAGE));
        let ids = match after {
            Some(id) => LEARNERS_BY_PROVIDER.find_after(&*self.store, &field, &id.uuid(), limit).await?,
            None => LEARNERS_BY_PROVIDER.find(&*self.store, &field, limit).await?,
        };
        let mut learners = Vec::with_capacity(ids.len());
        for id in ids {
            match self.learner(actor, LearnerId::try_from(id).map_err(damaged)?).await {
                Ok(learner) => learners.push(learner),
                // Erased since the page was read.
                Err(Error::NotFound(_) | Error::Erased(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(learners)
    }

    /// Registers courses of the asking provider; a new title or other hours make a new version.
    pub async fn put_courses(&self, actor: &Actor, input: Value) -> Result<Vec<Course>, Error> {
        self.allow(actor, Action::WriteRegistry)?;
        let mut courses = read_batch(input, |item, path, errors| self.read_course(actor, item, path, errors))?;
        let _one_at_a_time = self.registry.lock().await;
        let mut rows: HashMap<(String, String), CourseRow> = HashMap::new();
        for course in &mut courses {
            let key = (course.provider.to_string(), course.code.to_string());
            let mut row = match rows.remove(&key) {
                Some(row) => row,
                None => match COURSES.get(&*self.store, &key).await? {
                    Some(row) => row.value,
                    None => CourseRow { versions: Vec::new() },
                },
            };
            if row.versions.last().is_none_or(|last| last.title != course.title || last.hours != course.hours) {
                let since = self.clock.now();
                row.versions.push(CourseVersionRow { title: course.title.clone(), hours: course.hours, since });
            }
            course.version = row.versions.len();
            rows.insert(key, row);
        }
        let mut commit = Commit::new(self.event(actor, "put_courses", format!("{} courses", rows.len())));
        for (key, row) in &rows {
            commit = commit.write(COURSES.put(key, row)?);
        }
        self.store.commit(commit).await?;
        let mut directory = self.directory_mut();
        for course in &courses {
            let key = (course.provider.clone(), course.code.clone());
            let titles = &rows[&(course.provider.to_string(), course.code.to_string())].versions;
            directory.courses.insert(key, titles.iter().map(|version| version.title.clone()).collect());
        }
        Ok(courses)
    }

    /// A page of a provider's courses, after the code `after`.
    pub async fn courses(
        &self,
        actor: &Actor,
        provider: &CreditCode,
        after: Option<&CourseCode>,
        limit: usize,
    ) -> Result<Vec<Course>, Error> {
        self.allow(actor, Action::ReadRegistry)?;
        if !actor.owns(provider) {
            return Err(Error::Forbidden);
        }
        let mut range = COURSES.prefix(&provider.to_string());
        if let Some(code) = after {
            range = range.after(COURSES.row_key(&(provider.to_string(), code.to_string())));
        }
        let rows = COURSES.scan(&*self.store, range, limit.min(MAX_PAGE)).await?;
        rows.into_iter()
            .map(|((_, code), row)| {
                let version = row.value.versions.len();
                let newest = row.value.versions.into_iter().next_back().ok_or_else(|| damaged("no version"))?;
                let code = code.parse().map_err(damaged)?;
                Ok(Course { provider: provider.clone(), code, title: newest.title, hours: newest.hours, version })
            })
            .collect()
    }

    /// Makes an API token for a registered organisation.
    pub async fn create_token(&self, actor: &Actor, organisation: &CreditCode) -> Result<NewToken, Error> {
        self.allow(actor, Action::WriteTokens)?;
        if self.directory().organisation(organisation).is_none() {
            return Err(Error::NotFound("organisation"));
        }
        let id = hex::encode(random_bytes::<8>()?);
        let secret = hex::encode(random_bytes::<32>()?);
        let row = TokenRow {
            organisation: organisation.clone(),
            secret_sha256: Hash::of(&[secret.as_bytes()]),
            created_at: self.clock.now(),
            ended_at: None,
        };
        let event = self.event(actor, "create_token", format!("{id} of {organisation}"));
        self.store.commit(Commit::new(event).when(TOKENS.absent(&id)).write(TOKENS.put(&id, &row)?)).await?;
        self.directory_mut().tokens.insert(id.clone(), row);
        let token = format!("{TOKEN_PREFIX}{id}_{secret}");
        Ok(NewToken { id, token, organisation: organisation.clone() })
    }

    /// Ends an API token.
    pub async fn end_token(&self, actor: &Actor, id: &str) -> Result<(), Error> {
        self.allow(actor, Action::WriteTokens)?;
        let row = TOKENS.get(&*self.store, id).await?.ok_or(Error::NotFound("token"))?;
        let ended = TokenRow { ended_at: Some(self.clock.now()), ..row.value };
        let commit = Commit::new(self.event(actor, "end_token", id.to_owned()))
            .when(TOKENS.at_version(id, row.version))
            .write(TOKENS.put(id, &ended)?);
        self.store.commit(commit).await?;
        self.directory_mut().tokens.insert(id.to_owned(), ended);
        Ok(())
    }

    fn read_learner(&self, actor: &Actor, item: Value, path: &str, errors: &mut FieldErrors) -> Option<Learner> {
        let mut fields = Fields::of(item, path, errors)?;
        let id = fields.parsed("id");
        if id.is_some_and(|id| self.directory().erased(id).is_some()) {
            fields.note("id", Problem::mismatch("is a learner who was erased", "学员已删除，该编号不能再登记"));
        }
        let name = visible(&mut fields, MAX_NAME);
        let provider = self.read_provider(actor, &mut fields);
        let employers = match fields.has("employers") {
            false => Some(Vec::new()),
            true => fields.array("employers", 0, MAX_EMPLOYERS).and_then(|items| {
                let base = fields.path_of("employers");
                let read: Vec<Option<Employment>> = items
                    .into_iter()
                    .enumerate()
                    .map(|(i, item)| read_employment(item, &format!("{base}[{i}]"), fields.errors()))
                    .collect();
                read.into_iter().collect()
            }),
        };
        let id_number = if fields.has("id_number") { read_id_number(&mut fields).map(Some) } else { Some(None) };
        if let Some(problem) = name.as_ref().and_then(|name| self.check_name(name).err()) {
            fields.note("name", problem);
        }
        fields.finish();
        let (employers, id_number) = (employers?, id_number?);
        Some(Learner { id: id?, provider: provider?, name: name?, employers, id_number, version: 0 })
    }

    fn read_course(&self, actor: &Actor, item: Value, path: &str, errors: &mut FieldErrors) -> Option<Course> {
        let mut fields = Fields::of(item, path, errors)?;
        let code = fields.parsed("code");
        let title = fields.text("title", MAX_TITLE);
        let hours = fields
            .integer("hours", 1, u64::from(MAX_ENTRY_HOURS.hundredths()))
            .and_then(|hours| u32::try_from(hours).ok())
            .map(CreditHours::from_hundredths);
        let provider = self.read_provider(actor, &mut fields);
        fields.finish();
        Some(Course { provider: provider?, code: code?, title: title?, hours: hours?, version: 0 })
    }

    /// A recorder registers its own; the operator names the provider.
    fn read_provider(&self, actor: &Actor, fields: &mut Fields<'_, '_>) -> Option<CreditCode> {
        let provider = match actor {
            Actor::Recorder(code) if !fields.has("provider") => code.clone(),
            _ => fields.parsed("provider")?,
        };
        let problem = match self.directory().organisation(&provider) {
            _ if !actor.owns(&provider) => Problem::mismatch("is not your organisation", "不是您的机构"),
            Some(organisation) if organisation.roles.contains(&OrganisationRole::Provider) => return Some(provider),
            _ => Problem::mismatch("is not registered as a provider", "未登记为培训机构"),
        };
        fields.note("provider", problem);
        None
    }
}

/// The number of an identity document: a whole one is masked here, and a masked one is taken as it is.
fn read_id_number(fields: &mut Fields<'_, '_>) -> Option<MaskedIdNumber> {
    let text = zeroize::Zeroizing::new(fields.string("id_number")?);
    let masked = text.parse().or_else(|_| MaskedIdNumber::of(&text));
    if masked.is_err() {
        fields.note(
            "id_number",
            Problem::form(
                "must have 6 to 25 digits and letters, whole or masked",
                "应为 6 到 25 位数字与字母，可为脱敏形式",
            ),
        );
    }
    masked.ok()
}

fn read_organisation(input: Value) -> Result<Organisation, FieldErrors> {
    let mut errors = FieldErrors::default();
    let read = (|| {
        let mut fields = Fields::of(input, "", &mut errors)?;
        let code = fields.parsed("code");
        let name = visible(&mut fields, MAX_TITLE);
        let roles: Option<Vec<OrganisationRole>> = fields.list("roles", 1, OrganisationRole::ALL.len());
        fields.finish();
        let mut roles = roles?;
        roles.sort_unstable();
        roles.dedup();
        Some(Organisation { code: code?, name: name?, roles })
    })();
    read.filter(|_| errors.0.is_empty()).ok_or(errors)
}

/// A name that people can see. The formats know no such rule, because what is visible depends on fonts; but a name of
/// nothing else than fillers or variation selectors is nobody's, and after an ideograph a selector is part of a name.
pub(super) fn visible(fields: &mut Fields<'_, '_>, max: usize) -> Option<String> {
    let name = fields.text("name", max)?;
    if name.chars().all(is_blank) {
        fields.note("name", Problem::form("must have a visible character", "须含有可见的字符"));
        return None;
    }
    Some(name)
}

/// Spaces, fillers and variation selectors: what `check_string` allows and no font shows by itself.
fn is_blank(c: char) -> bool {
    c.is_whitespace()
        || matches!(c, '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{2800}'
            | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{e0100}'..='\u{e01ef}')
}

pub(super) fn read_employment(item: Json<'_>, path: &str, errors: &mut FieldErrors) -> Option<Employment> {
    let mut fields = Fields::of(item, path, errors)?;
    let name = visible(&mut fields, MAX_TITLE);
    let code = if fields.has("code") { fields.parsed("code").map(Some) } else { Some(None) };
    let from: Option<Day> = fields.parsed("from");
    let to: Option<Option<Day>> = if fields.has("to") { fields.parsed("to").map(Some) } else { Some(None) };
    if from.zip(to.flatten()).is_some_and(|(from, to)| to < from) {
        fields.note("to", Problem::mismatch("is before `from`", "早于 from"));
    }
    fields.finish();
    Some(Employment { name: name?, code: code?, from: from?, to: to? })
}

/// Reads one object or an array of them; all bad fields are reported together.
fn read_batch<T>(
    input: Value,
    mut read_one: impl FnMut(Value, &str, &mut FieldErrors) -> Option<T>,
) -> Result<Vec<T>, Error> {
    let mut errors = FieldErrors::default();
    let read: Option<Vec<T>> = match input {
        Value::Array(items) if (1..=MAX_REGISTRY_BATCH).contains(&items.len()) => {
            let read: Vec<Option<T>> =
                items.into_iter().enumerate().map(|(i, item)| read_one(item, &format!("[{i}]"), &mut errors)).collect();
            read.into_iter().collect()
        }
        Value::Array(items) if items.is_empty() => {
            return Err(Error::field("document", Problem::Length(1, MAX_REGISTRY_BATCH as u64)));
        }
        Value::Array(_) => return Err(Error::TooLarge { what: "one request", limit: MAX_REGISTRY_BATCH }),
        item => read_one(item, "", &mut errors).map(|one| vec![one]),
    };
    read.filter(|_| errors.0.is_empty()).ok_or(Error::Invalid(errors))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_organisation_needs_a_right_code_and_a_role() {
        let good = serde_json::json!({"code": "91110000600037341L", "name": "合肥质量学院", "roles": ["provider", "provider"]});
        let read = read_organisation(good.clone()).unwrap();
        assert_eq!(read.roles, [OrganisationRole::Provider]);
        // A variation of an ideograph is a name like any other.
        let varied = serde_json::json!({"code": "91110000600037341L", "name": "葛\u{e0100}", "roles": ["provider"]});
        assert!(read_organisation(varied).is_ok());
        for (member, bad) in [
            ("code", Value::from("911100006000373410")),
            ("name", Value::from(" 空格")),
            ("name", Value::from("\u{fe00}\u{e0100}")),
            ("name", Value::from("\u{3164}")),
            ("roles", serde_json::json!([])),
            ("roles", serde_json::json!(["king"])),
            ("more", Value::from(1)),
        ] {
            let mut input = good.clone();
            input[member] = bad;
            let errors = read_organisation(input).unwrap_err();
            assert!(errors.0.iter().all(|error| error.field.starts_with(member)), "{member}: {errors}");
        }
    }
}
