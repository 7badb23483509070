//! Learners: who was registered by whom, under what name, and whom they served.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::Service;
use super::super::access::{Action, Actor};
use super::super::error::Error;
use super::super::tables::{ERASED, LEARNERS, LEARNERS_BY_PROVIDER, LearnerRow};
use super::super::vault::{DataKeyId, Vault};
use super::MAX_PAGE;
use super::reading::{read_batch, visible};
use super::rows::damaged;
use crate::credential::MaskedIdNumber;
use crate::ledger::entry::{LearnerId, MAX_NAME, MAX_TITLE};
use crate::ledger::fields::{FieldErrors, Fields, Problem};
use crate::ledger::json::Json;
use crate::standard::{CreditCode, Day};
use crate::store::Commit;

/// Most employers in one learner's history.
pub const MAX_EMPLOYERS: usize = 50;

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
pub(in crate::service) fn serving(employers: &[Employment], day: Day) -> impl Iterator<Item = &Employment> {
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
pub(in crate::service) struct LearnerPayload {
    pub(in crate::service) name: String,
    pub(in crate::service) employers: Vec<Employment>,
    /// Never the whole number. Learners of before have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::service) id_number: Option<MaskedIdNumber>,
}

impl Service {
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
    pub(in crate::service) fn open_learner(&self, id: LearnerId, row: &LearnerRow) -> Result<LearnerPayload, Error> {
        match self.directory().erased(id) {
            Some(_) => Err(Error::Erased("learner")),
            None => open_learner(&self.vault, id, row),
        }
    }

    /// Writes learners that are not registered yet; returns the version of their rows.
    pub(in crate::service) async fn write_learners(&self, actor: &Actor, fresh: &[Learner]) -> Result<u64, Error> {
        if fresh.is_empty() {
            return Ok(0);
        }
        let subject = format!("{} learners from {}", fresh.len(), fresh[0].id);
        let commit = self.with_learners(Commit::new(self.event(actor, "register_learners", subject)), fresh)?;
        let committed = self.store.commit(commit).await?;
        self.note_learners(fresh);
        Ok(committed.sequence)
    }

    /// The commit that writes these learners, too, who are not registered yet.
    pub(in crate::service) fn with_learners(&self, mut commit: Commit, fresh: &[Learner]) -> Result<Commit, Error> {
        // The keys are durable before anything stands under them; a crash here leaves keys that nothing uses.
        let ids: Vec<DataKeyId> = fresh.iter().map(|learner| learner.id.into()).collect();
        if !ids.is_empty() {
            self.on_disk(|vault| vault.create(&ids))?;
        }
        for learner in fresh {
            let uuid = learner.id.uuid();
            commit = commit
                .when(LEARNERS.absent(&uuid))
                .when(ERASED.absent(&uuid))
                .write(LEARNERS.put(&uuid, &self.seal_learner(learner)?)?)
                .write(LEARNERS_BY_PROVIDER.put(&learner.provider.to_string(), &uuid));
        }
        Ok(commit)
    }

    /// Takes learners in whose rows are durable.
    pub(in crate::service) fn note_learners(&self, fresh: &[Learner]) {
        let mut directory = self.directory_mut();
        for learner in fresh.iter().cloned() {
            directory.put_learner(learner.id, learner.provider, learner.name, learner.employers);
        }
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
}

fn learner_context(id: LearnerId) -> Vec<u8> {
    [b"learner ".as_slice(), id.uuid().as_bytes()].concat()
}

pub(super) fn open_learner(vault: &Vault, id: LearnerId, row: &LearnerRow) -> Result<LearnerPayload, Error> {
    let plain = vault.decrypt(DataKeyId::from(id), &learner_context(id), &row.sealed)?;
    serde_json::from_slice(&plain).map_err(damaged)
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

pub(in crate::service) fn read_employment(item: Json<'_>, path: &str, errors: &mut FieldErrors) -> Option<Employment> {
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::super::super::testing::*;
    use super::*;

    #[tokio::test]
    async fn learners_are_registered_once_and_changed_from_what_was_read() {
        let world = World::new().await;
        let (service, a, b) = (world.service(), provider_a(), provider_b());
        let id = new_id().to_string();
        let learner =
            |name: &str| json!({"id": id, "name": name, "employers": [{"name": "钢厂", "from": "2020-01-01"}]});
        let register = |actor: Actor, input: Value| {
            let service = Arc::clone(&service);
            async move { service.register_learners(&actor, input).await }
        };
        let conflict = |result: Result<Vec<_>, Error>| matches!(result, Err(Error::Conflict(_)));
        assert!(conflict(register(a.actor(), json!([learner("李娜"), learner("李那")])).await), "two under one id");
        let first = register(a.actor(), json!([learner("李娜"), learner("李娜")])).await.unwrap();
        assert_eq!(first[0], first[1]);
        let version = first[0].version;
        assert_eq!(register(a.actor(), learner("李娜")).await.unwrap()[0].version, version);
        assert!(conflict(register(a.actor(), learner("李那")).await));
        assert!(conflict(register(b.actor(), learner("李娜")).await), "another provider's");
        assert!(conflict(register(a.actor(), json!({"id": id, "name": "李娜"})).await), "without the employer");

        let id = first[0].id;
        let changed = service.change_learner(&a.actor(), id, version, learner("李丽娜")).await.unwrap();
        assert_eq!(service.learner(&a.actor(), id).await.unwrap(), changed);
        let stale = service.change_learner(&a.actor(), id, version, learner("李")).await;
        assert!(matches!(stale, Err(Error::Conflict(_))), "{stale:?}");
        let others = service.change_learner(&b.actor(), id, changed.version, learner("李")).await;
        assert!(matches!(others, Err(Error::NotFound("learner"))), "{others:?}");
        assert!(matches!(service.learner(&b.actor(), id).await, Err(Error::NotFound("learner"))));
        assert!(matches!(service.learners(&b.actor(), &a.code, None, 10).await, Err(Error::Forbidden)));
        let all = service.learners(&a.actor(), &a.code, None, 10).await.unwrap();
        assert_eq!(all.len(), 2);
        assert_eq!(service.learners(&a.actor(), &a.code, Some(all[0].id), 10).await.unwrap(), all[1..]);
    }
}
