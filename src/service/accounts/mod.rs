//! Accounts: who can sign in, in which roles, and how.
//!
//! An account is encrypted under a data key of its own, as a learner is; sign-in names, one-time codes and learners are
//! looked up in memory. Everything that changes an account is one commit with its event, which names accounts by id alone.
//!
//! An invited account has no password but a one-time code, which goes out by letter or on paper; a reset is the same code
//! for an account that has one. There is no default password, and nobody but its owner ever knows one.
//!
//! # What is deliberately absent
//!
//! Sessions and wrong tries are not in the store ([`session`]): a restart signs everybody out and forgets wrong tries.

mod again;
mod bury;
mod choose;
mod code;
mod factor;
mod hashing;
mod invite;
mod own;
pub mod password;
mod roles;
mod sealed;
mod session;
mod sign_in;
#[cfg(test)]
mod tests;
mod tries;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Service;
use super::access::{AccountId, AccountRole, Action, Actor};
use super::error::Error;
use super::registry::Learner;
use super::tables::{ACCOUNTS, AccountRow};
use super::vault::DataKeyId;
use crate::ledger::entry::LearnerId;
use crate::ledger::fields::Problem;
use crate::merkle::Hash;
use crate::standard::{CreditCode, UnixMillis, choice};
use crate::store::Commit;
use factor::Factor;
use password::ProtectionLevel;
use session::Sessions;

pub use again::Again;
pub(super) use bury::grave_of;
pub use code::Code;
pub use factor::{Enrolment, RECOVERY_CODES};
pub(super) use hashing::Hashings;
pub use invite::Invited;
pub use own::AccountHome;
pub(super) use sealed::SealedAccounts;
pub use session::{Session, SessionToken, Stage};
pub use sign_in::{Caller, SignedIn, Visitor};
pub use tries::FAILURES_OF_A_NAME_MAX;

/// Longest sign-in name, in characters.
pub const MAX_LOGIN: usize = 100;
/// Most roles of one account.
pub const MAX_GRANTS: usize = 10;
/// Most learners that are one person.
pub const MAX_LINKED_LEARNERS: usize = 20;

choice! {
    /// Who needs a second factor at sign-in.
    pub enum SecondFactor {
        /// Staff, and at level 3 everybody.
        ByLevel = "by_level", "按等级保护要求";
        /// Nobody; who has set one up still uses it.
        Off = "off", "不强制";
    }
}

/// By what accounts are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountSettings {
    /// The level of classified protection.
    pub level: ProtectionLevel,
    /// Who needs a second factor.
    pub second_factor: SecondFactor,
}

impl Default for AccountSettings {
    fn default() -> Self {
        Self { level: ProtectionLevel::Two, second_factor: SecondFactor::ByLevel }
    }
}

/// One role within one organisation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// The role.
    pub role: AccountRole,
    /// The organisation.
    pub organisation: CreditCode,
}

/// An account, for who may know of it.
#[derive(Debug, Clone, Serialize)]
pub struct AccountView {
    /// Its id.
    pub id: AccountId,
    /// The sign-in name: an e-mail address, or any other name.
    pub login: String,
    /// The person's name.
    pub name: String,
    /// The roles.
    pub grants: Vec<Grant>,
    /// The learners that are this person.
    pub learners: Vec<LearnerId>,
    /// Whether it can be signed in to, is invited, or has ended.
    pub state: AccountState,
    /// Whether it has a second factor.
    pub second_factor: bool,
    /// Until when a one-time code holds that is on its way; none where there is none.
    pub code_until: Option<UnixMillis>,
    /// When it was made.
    pub created_at: UnixMillis,
    /// When it was last signed in to.
    pub last_sign_in: Option<UnixMillis>,
    /// The row's version: a change names the version it was made from.
    pub version: u64,
}

choice! {
    /// What can be done with an account.
    pub enum AccountState {
        /// Invited, and not joined yet.
        Invited = "invited", "已邀请";
        /// In use.
        Active = "active", "使用中";
        /// Ended.
        Ended = "ended", "已停用";
    }
}

/// What is encrypted of an account.
#[derive(Clone, Serialize, Deserialize)]
struct Payload {
    login: String,
    name: String,
    grants: Vec<Grant>,
    learners: Vec<LearnerId>,
    password: Option<Password>,
    factor: Option<Factor>,
    code: Option<PendingCode>,
    ended: bool,
    created_at: UnixMillis,
    last_sign_in: Option<UnixMillis>,
}

/// A password, as it is kept.
#[derive(Clone, Serialize, Deserialize)]
struct Password {
    hash: String,
    set_at: UnixMillis,
    /// The hashes of those before, the newest first.
    earlier: Vec<String>,
}

/// A one-time code that is on its way to somebody.
#[derive(Clone, Serialize, Deserialize)]
struct PendingCode {
    sha256: Hash,
    expires_at: UnixMillis,
}

/// An account as it is in memory.
#[derive(Clone)]
struct Account {
    id: AccountId,
    version: u64,
    payload: Payload,
}

impl Account {
    fn state(&self) -> AccountState {
        match self.payload {
            Payload { ended: true, .. } => AccountState::Ended,
            Payload { password: None, .. } => AccountState::Invited,
            _ => AccountState::Active,
        }
    }

    fn view(&self) -> AccountView {
        let Payload { login, name, grants, learners, factor, code, created_at, last_sign_in, .. } =
            self.payload.clone();
        AccountView {
            id: self.id,
            login,
            name,
            grants,
            learners,
            state: self.state(),
            second_factor: factor.is_some(),
            code_until: code.map(|code| code.expires_at),
            created_at,
            last_sign_in,
            version: self.version,
        }
    }
}

/// All accounts, in memory.
#[derive(Default)]
pub(super) struct Accounts {
    by_id: HashMap<AccountId, Arc<Account>>,
    by_login: HashMap<String, AccountId>,
    by_code: HashMap<Hash, AccountId>,
    by_learner: HashMap<LearnerId, AccountId>,
    /// Those that were erased; a key of theirs that is still there is erased again.
    erased: HashSet<AccountId>,
}

impl Accounts {
    fn put(&mut self, account: Account) {
        self.remove(account.id);
        let payload = &account.payload;
        self.by_login.insert(normal(&payload.login), account.id);
        self.by_code.extend(payload.code.as_ref().map(|code| (code.sha256, account.id)));
        self.by_learner.extend(payload.learners.iter().map(|learner| (*learner, account.id)));
        self.by_id.insert(account.id, Arc::new(account));
    }

    fn remove(&mut self, id: AccountId) {
        if let Some(old) = self.by_id.remove(&id) {
            self.by_login.remove(&normal(&old.payload.login));
            old.payload.code.as_ref().map(|code| self.by_code.remove(&code.sha256));
            for learner in &old.payload.learners {
                self.by_learner.remove(learner);
            }
        }
    }

    fn get(&self, id: AccountId) -> Option<Arc<Account>> {
        self.by_id.get(&id).cloned()
    }
}

/// Everybody's tries to sign in, and everybody who is.
#[derive(Default)]
pub(super) struct Doors {
    sessions: Sessions,
    tries: tries::Tries,
}

/// A sign-in name as it is looked up.
fn normal(login: &str) -> String {
    login.trim().to_lowercase()
}

fn context(id: AccountId) -> Vec<u8> {
    [b"account ".as_slice(), id.uuid().as_bytes()].concat()
}

fn damaged(error: impl std::fmt::Display) -> Error {
    Error::Internal(format!("an account cannot be read: {error}"))
}

impl Service {
    /// All accounts, by name.
    pub fn accounts(&self, actor: &Actor) -> Result<Vec<AccountView>, Error> {
        self.allow(actor, Action::ReadAccounts)?;
        let mut list: Vec<AccountView> = self.known_accounts().by_id.values().map(|account| account.view()).collect();
        list.sort_by(|a, b| a.name.cmp(&b.name).then_with(|| a.id.cmp(&b.id)));
        Ok(list)
    }

    /// One account.
    pub fn account(&self, actor: &Actor, id: AccountId) -> Result<AccountView, Error> {
        self.allow(actor, Action::ReadAccounts)?;
        self.known_accounts().get(id).map(|account| account.view()).ok_or(Error::NotFound("account"))
    }

    /// The learners that are the same person as this one, itself among them: those of one account.
    pub(super) fn same_person(&self, learner: LearnerId) -> Vec<LearnerId> {
        let accounts = self.known_accounts();
        let account = accounts.by_learner.get(&learner).and_then(|id| accounts.get(*id));
        account.map_or_else(|| vec![learner], |account| account.payload.learners.clone())
    }

    /// Every account in use that is a learner's: its id, its sign-in name, and its learners.
    pub(super) fn learners_accounts(&self) -> Vec<(AccountId, String, Vec<LearnerId>)> {
        let accounts = self.known_accounts();
        let in_use = accounts.by_id.values().filter(|account| account.state() == AccountState::Active);
        let learners = in_use.filter(|account| !account.payload.learners.is_empty());
        learners.map(|a| (a.id, a.payload.login.clone(), a.payload.learners.clone())).collect()
    }

    /// The name of an account's person, for those who may see who did something; none for one that is gone.
    pub fn account_name(&self, id: AccountId) -> Option<String> {
        Some(self.known_accounts().get(id)?.payload.name.clone())
    }

    pub(super) fn known_accounts(&self) -> std::sync::RwLockReadGuard<'_, Accounts> {
        self.accounts.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn accounts_mut(&self) -> std::sync::RwLockWriteGuard<'_, Accounts> {
        self.accounts.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn doors(&self) -> MutexGuard<'_, Doors> {
        self.doors.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes an account as it is now, from the version that was read (none for a new one), and takes it into memory. Where
    /// its roles are not those of before, the event names them.
    async fn save_account(&self, actor: &Actor, action: &str, account: Account) -> Result<Account, Error> {
        self.save_account_with(actor, action, account, &[]).await
    }

    /// The same in one commit with learners of the account's who are not registered yet: a crash leaves both or neither.
    async fn save_account_with(
        &self,
        actor: &Actor,
        action: &str,
        mut account: Account,
        fresh: &[Learner],
    ) -> Result<Account, Error> {
        let uuid = account.id.uuid();
        if account.version == 0 {
            // The key is durable before anything stands under it; a crash here leaves a key that nothing uses.
            self.on_disk(|vault| vault.create(&[account.id.into()]))?;
        }
        let plain = zeroize::Zeroizing::new(serde_json::to_vec(&account.payload).map_err(Error::internal)?);
        let sealed = self.vault.encrypt(account.id.into(), &context(account.id), &plain)?;
        let condition = match account.version {
            0 => ACCOUNTS.absent(&uuid),
            version => ACCOUNTS.at_version(&uuid, version),
        };
        let subject = fresh.iter().fold(self.subject_of(&account), |said, one| format!("{said} learner:{}", one.id));
        let commit = self.with_learners(Commit::new(self.event(actor, action, subject)), fresh)?.when(condition);
        let committed = self.store.commit(commit.write(ACCOUNTS.put(&uuid, &AccountRow { sealed })?)).await?;
        account.version = committed.sequence;
        self.note_learners(fresh);
        self.accounts_mut().put(account.clone());
        Ok(account)
    }

    fn subject_of(&self, account: &Account) -> String {
        let before = self.known_accounts().get(account.id);
        let (id, grants) = (account.id, &account.payload.grants);
        match before.is_some_and(|before| before.payload.grants == *grants) {
            true => id.to_string(),
            false => grants
                .iter()
                .fold(id.to_string(), |said, grant| format!("{said} {}:{}", grant.role, grant.organisation)),
        }
    }
}

/// Why a password that was typed twice is refused.
pub fn passwords_differ() -> Problem {
    Problem::mismatch("is not the same password", "两次输入的密码不一致")
}

impl From<AccountId> for DataKeyId {
    fn from(account: AccountId) -> Self {
        Self::of_row(account.uuid())
    }
}

impl From<AccountId> for Uuid {
    fn from(account: AccountId) -> Self {
        account.uuid()
    }
}
