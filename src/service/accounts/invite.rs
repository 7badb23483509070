//! What an administrator does with accounts: inviting, changing roles, ending, and new codes.

use serde_json::Value;
use uuid::Uuid;

use super::super::Service;
use super::super::access::{AccountId, AccountRole, Action, Actor};
use super::super::error::Error;
use super::super::letters::Letter;
use super::super::registry::{Learner, MAX_EMPLOYERS, read_employment, visible};
use super::roles::home_of;
use super::{
    Account, AccountState, AccountView, Again, Code, Grant, MAX_GRANTS, MAX_LINKED_LEARNERS, MAX_LOGIN, Payload,
    PendingCode, normal,
};
use crate::ledger::entry::{LearnerId, MAX_NAME};
use crate::ledger::fields::{FieldErrors, Fields, Problem};
use crate::standard::UnixMillis;

/// How long an invitation holds.
const INVITATION_MS: i64 = 7 * 24 * 3_600_000;
/// How long the code of a reset holds that somebody asked for by letter.
pub(super) const RESET_MS: i64 = 3_600_000;

/// An account with a new one-time code.
#[derive(Debug, Clone)]
pub struct Invited {
    /// The account.
    pub account: AccountView,
    /// The code, where it is to be printed; none where a letter brings it.
    pub code: Option<Code>,
    /// Until when the code can be used.
    pub expires_at: UnixMillis,
}

/// What an invitation says.
struct Draft {
    login: String,
    name: String,
    grants: Vec<Grant>,
    learners: Vec<LearnerId>,
    new_learner: Option<Learner>,
    send: bool,
}

impl Service {
    /// Makes an account and its one-time code, as `{"login", "name", "grants": [{"role", "organisation"}], "learners": [ids],
    /// "employers": [...], "send"}` says. A learner's role without `learners` registers a new learner of the certifying body's
    /// under this name. With `send` the code goes by letter to the sign-in name, which must be an e-mail address then.
    /// Who invites staff, or gives somebody the records of learners who are registered already, shows again who they are.
    pub async fn invite(&self, actor: &Actor, again: Again<'_>, input: Value) -> Result<Invited, Error> {
        self.allow(actor, Action::WriteAccounts)?;
        let draft = self.read_invitation(input)?;
        let trusts = draft.grants.iter().any(|grant| grant.role.is_staff()) || !draft.learners.is_empty();
        let _one_at_a_time = match trusts {
            true => self.shown_again(actor, again).await?,
            false => self.registry.lock().await,
        };
        let (accounts_login, taken) = {
            let accounts = self.known_accounts();
            let taken = draft.learners.iter().any(|learner| accounts.by_learner.contains_key(learner));
            (accounts.by_login.contains_key(&normal(&draft.login)), taken)
        };
        if accounts_login {
            return Err(Error::field("login", Problem::mismatch("is taken", "已被使用")));
        }
        if taken {
            return Err(Error::field("learners", Problem::mismatch("has an account already", "该学员已有账号")));
        }
        let fresh: Vec<Learner> = draft.new_learner.into_iter().collect();
        let learners = draft.learners.into_iter().chain(fresh.iter().map(|learner| learner.id)).collect();
        let id = AccountId::try_from(Uuid::now_v7()).map_err(Error::internal)?;
        let payload = Payload {
            login: draft.login,
            name: draft.name,
            grants: draft.grants,
            learners,
            password: None,
            factor: None,
            code: None,
            ended: false,
            created_at: self.clock.now(),
            last_sign_in: None,
        };
        let account = Account { id, version: 0, payload };
        self.give_code(actor, "invite", account, &fresh, INVITATION_MS, draft.send).await
    }

    /// Gives an account a new one-time code, to join by or to choose a new password. What it had stays until the code is used.
    pub async fn new_code(&self, actor: &Actor, again: Again<'_>, id: AccountId, send: bool) -> Result<Invited, Error> {
        self.allow(actor, Action::WriteAccounts)?;
        not_ones_own(actor, id)?;
        let _one_at_a_time = self.shown_again(actor, again).await?;
        let account = self.account_now(id)?;
        if account.state() == AccountState::Ended {
            return Err(Error::Conflict("the account has ended 账号已停用".into()));
        }
        if send && !is_address(&account.payload.login) {
            return Err(Error::field("send", no_address()));
        }
        self.give_code(actor, "new_code", account, &[], INVITATION_MS, send).await
    }

    /// Takes back a one-time code that is on its way: whoever has it, it is good for nothing.
    pub async fn withdraw_code(&self, actor: &Actor, id: AccountId) -> Result<AccountView, Error> {
        self.allow(actor, Action::WriteAccounts)?;
        let _one_at_a_time = self.registry.lock().await;
        let mut account = self.account_now(id)?;
        if account.payload.code.take().is_none() {
            return Err(Error::NotFound("code"));
        }
        Ok(self.save_account(actor, "withdraw_code", account).await?.view())
    }

    /// Takes the second factor off an account whose owner has lost telephone and recovery codes; its sessions end, and its
    /// owner is told by letter where that can be. At the next sign-in another one is set up, where one is required. A one-time code that is
    /// on its way ends: it would now be all that is needed.
    pub async fn take_factor_off(&self, actor: &Actor, again: Again<'_>, id: AccountId) -> Result<AccountView, Error> {
        self.allow(actor, Action::WriteAccounts)?;
        not_ones_own(actor, id)?;
        let _one_at_a_time = self.shown_again(actor, again).await?;
        let mut account = self.account_now(id)?;
        account.payload.factor = None;
        account.payload.code = None;
        let account = self.save_account(actor, "take_factor_off", account).await?;
        self.doors().sessions.end_of(id, |_| true);
        self.tell_owner(&account);
        Ok(account.view())
    }

    /// Tells an account's owner that somebody else has changed how it is signed in to.
    fn tell_owner(&self, account: &Account) {
        if is_address(&account.payload.login) {
            self.send_letter(Letter::changed(&account.payload.login, &account.payload.name, self.clock.now()));
        }
    }

    /// Refuses to leave the ledger without an administrator.
    fn check_administrator_left(&self, without: AccountId) -> Result<(), Error> {
        let is_one = |account: &Account| {
            account.state() != AccountState::Ended
                && self.grants_in_force(account).iter().any(|(_, grant)| grant.role == AccountRole::Administrator)
        };
        let accounts = self.known_accounts();
        let was_one = accounts.get(without).is_some_and(|account| is_one(&account));
        let left = accounts.by_id.values().any(|account| account.id != without && is_one(account));
        match was_one && !left {
            true => Err(Error::Conflict("the last administrator stays 至少保留一个系统管理员账号".into())),
            false => Ok(()),
        }
    }

    pub(super) async fn give_code(
        &self,
        actor: &Actor,
        action: &str,
        mut account: Account,
        fresh: &[Learner],
        holds_ms: i64,
        send: bool,
    ) -> Result<Invited, Error> {
        let code = Code::draw()?;
        let expires_at = UnixMillis::new(self.clock.now().millis() + holds_ms).map_err(Error::internal)?;
        account.payload.code = Some(PendingCode { sha256: code.digest(), expires_at });
        let account = self.save_account_with(actor, action, account, fresh).await?;
        // Whose account is in use hears of a code that was given to somebody on paper.
        if !send && account.state() == AccountState::Active {
            self.tell_owner(&account);
        }
        // Only now is there something to send.
        if send {
            self.send_letter(Letter::code(&account.payload.login, &account.payload.name, &code, expires_at));
        }
        Ok(Invited { account: account.view(), code: (!send).then_some(code), expires_at })
    }

    /// Changes roles and learners of an account, from the version that was read: `{"grants", "learners"}`. Its sessions end,
    /// and its owner is told by letter where that can be. Nobody changes their own.
    pub async fn change_account(
        &self,
        actor: &Actor,
        again: Again<'_>,
        id: AccountId,
        version: u64,
        input: Value,
    ) -> Result<AccountView, Error> {
        self.allow(actor, Action::WriteAccounts)?;
        let mut errors = FieldErrors::default();
        let read = Fields::of(input, "", &mut errors).and_then(|mut fields| {
            let grants = self.read_grants(&mut fields);
            let learners = self.read_learners_of(&mut fields);
            fields.finish();
            grants.zip(learners)
        });
        let (grants, learners) = read.filter(|_| errors.0.is_empty()).ok_or(errors)?;
        not_ones_own(actor, id)?;
        let _one_at_a_time = self.shown_again(actor, again).await?;
        let mut account = self.account_now(id)?;
        let others = |learner: &LearnerId| self.known_accounts().by_learner.get(learner).is_some_and(|of| *of != id);
        if learners.iter().any(others) {
            return Err(Error::field("learners", Problem::mismatch("has an account already", "该学员已有账号")));
        }
        if learners.is_empty() == grants.iter().any(|grant| grant.role == AccountRole::Learner) {
            let problem =
                Problem::mismatch("go with the role learner, and the role with them", "学员角色与学员档案须同时填写");
            return Err(Error::field("learners", problem));
        }
        if !grants.iter().any(|grant| grant.role == AccountRole::Administrator) {
            self.check_administrator_left(id)?;
        }
        account.payload.grants = grants;
        account.payload.learners = learners;
        account.version = version;
        let account = self.save_account(actor, "change_account", account).await?;
        self.doors().sessions.end_of(id, |_| true);
        self.tell_owner(&account);
        Ok(account.view())
    }

    /// Ends an account, or takes it up again; its sessions end, and a one-time code that is on its way.
    pub async fn end_account(&self, actor: &Actor, id: AccountId, ended: bool) -> Result<AccountView, Error> {
        self.allow(actor, Action::WriteAccounts)?;
        not_ones_own(actor, id)?;
        let _one_at_a_time = self.registry.lock().await;
        if ended {
            self.check_administrator_left(id)?;
        }
        let mut account = self.account_now(id)?;
        account.payload.ended = ended;
        account.payload.code = None;
        let action = if ended { "end_account" } else { "resume_account" };
        let account = self.save_account(actor, action, account).await?;
        self.doors().sessions.end_of(id, |_| true);
        Ok(account.view())
    }

    pub(super) fn account_now(&self, id: AccountId) -> Result<Account, Error> {
        let account = self.known_accounts().get(id).ok_or(Error::NotFound("account"))?;
        Ok(account.as_ref().clone())
    }

    fn read_invitation(&self, input: Value) -> Result<Draft, Error> {
        let mut errors = FieldErrors::default();
        let read = Fields::of(input, "", &mut errors).and_then(|mut fields| {
            let login = read_login(&mut fields);
            let name = visible(&mut fields, MAX_NAME);
            let grants = self.read_grants(&mut fields);
            let learners = self.read_learners_of(&mut fields);
            let employers = match fields.has("employers") {
                false => Some(Vec::new()),
                true => fields.array("employers", 0, MAX_EMPLOYERS).and_then(|items| {
                    let read = |(i, item)| read_employment(item, &format!("employers[{i}]"), fields.errors());
                    items.into_iter().enumerate().map(read).collect()
                }),
            };
            let send = if fields.has("send") { fields.boolean("send") } else { Some(false) };
            if send == Some(true) && login.as_ref().is_some_and(|login| !is_address(login)) {
                fields.note("send", no_address());
            }
            let is_learner =
                grants.as_ref().is_some_and(|grants| grants.iter().any(|g| g.role == AccountRole::Learner));
            if !is_learner && learners.as_ref().is_some_and(|learners| !learners.is_empty()) {
                fields.note("learners", Problem::NotAllowedHere);
            }
            if let Some(problem) = name.as_ref().filter(|_| is_learner).and_then(|name| self.check_name(name).err()) {
                fields.note("name", problem);
            }
            fields.finish();
            let (name, learners) = (name?, learners?);
            let id = LearnerId::try_from(Uuid::now_v7()).ok()?;
            let (provider, employers) = (self.owner.code.clone(), employers?);
            let new = Learner { id, provider, name: name.clone(), employers, id_number: None, version: 0 };
            let new_learner = (is_learner && learners.is_empty()).then_some(new);
            Some(Draft { login: login?, name, grants: grants?, learners, new_learner, send: send? })
        });
        read.filter(|_| errors.0.is_empty()).ok_or(Error::Invalid(errors))
    }

    /// The roles, each within an organisation that has roles of its kind.
    fn read_grants(&self, fields: &mut Fields<'_, '_>) -> Option<Vec<Grant>> {
        let items = fields.array("grants", 1, MAX_GRANTS)?;
        let mut grants = Vec::with_capacity(items.len());
        for (i, item) in items.into_iter().enumerate() {
            let mut one = Fields::of(item, &format!("grants[{i}]"), fields.errors())?;
            let role: Option<AccountRole> = one.word("role");
            let organisation = match role {
                Some(AccountRole::Learner) if !one.has("organisation") => Some(self.owner.code.clone()),
                _ => one.parsed("organisation"),
            };
            let known = organisation.as_ref().and_then(|code| self.directory().organisation(code).cloned());
            if let Some((role, organisation)) = role.zip(organisation.as_ref())
                && !known.is_some_and(|known| known.roles.contains(&home_of(role)))
            {
                let (needed, zh) = (home_of(role), home_of(role).chinese());
                let problem = Problem::mismatch(
                    format!("{organisation} is not registered as {needed}"),
                    format!("{organisation} 未登记为{zh}"),
                );
                one.note("organisation", problem);
            }
            one.finish();
            grants.push(Grant { role: role?, organisation: organisation? });
        }
        if grants.len() > 1 && grants.iter().any(|grant| grant.role.stands_alone()) {
            let problem = Problem::mismatch(
                "auditor, administrator and competent authority go with no other role",
                "审计员、系统管理员、行政主管部门不能兼任其他角色",
            );
            fields.note("grants", problem);
        }
        let twice = (1..grants.len()).any(|i| grants[..i].contains(&grants[i]));
        if twice {
            fields.note("grants", Problem::mismatch("names a role twice", "角色重复"));
        }
        Some(grants)
    }

    fn read_learners_of(&self, fields: &mut Fields<'_, '_>) -> Option<Vec<LearnerId>> {
        if !fields.has("learners") {
            return Some(Vec::new());
        }
        let learners: Vec<LearnerId> = fields.list("learners", 0, MAX_LINKED_LEARNERS)?;
        for (i, learner) in learners.iter().enumerate() {
            if self.directory().learner(*learner).is_none() {
                let problem = Problem::mismatch("is not a registered learner", "不是已登记的学员");
                fields.note(&format!("learners[{i}]"), problem);
            }
        }
        Some(learners)
    }
}

/// Refuses what nobody does to the account they use: an administrator is given rights by another one.
fn not_ones_own(actor: &Actor, id: AccountId) -> Result<(), Error> {
    match actor.person().is_some_and(|person| person.account == id) {
        true => {
            Err(Error::Conflict("nobody does this to the account they use 不能对本人正在使用的账号进行此操作".into()))
        }
        false => Ok(()),
    }
}

fn read_login(fields: &mut Fields<'_, '_>) -> Option<String> {
    let login = fields.text("login", MAX_LOGIN)?;
    if login.chars().count() < 3 || login.chars().any(char::is_whitespace) {
        let problem = Problem::form("must have 3 characters or more and no space", "至少 3 个字符，不含空格");
        fields.note("login", problem);
        return None;
    }
    Some(login)
}

/// Whether letters can be sent to a sign-in name.
pub(super) fn is_address(login: &str) -> bool {
    login.parse::<lettre::Address>().is_ok()
}

fn no_address() -> Problem {
    Problem::mismatch("needs a sign-in name that is an e-mail address", "登录名须为邮箱地址才能发送邮件")
}
