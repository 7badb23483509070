//! Signing in: password, second factor, what has to be done first, and what a session may then ask for.

use std::collections::HashMap;

use super::super::access::{AccountId, Action, Actor};
use super::super::error::Error;
use super::super::{Service, random_bytes};
use super::factor::Enrolment;
use super::invite::{RESET_MS, is_address};
use super::password::{self, ProtectionLevel, REMEMBERED};
use super::{Account, AccountState, Code, Password, SecondFactor, Session, SessionToken, Stage, normal};
use crate::ledger::fields::Problem;
use crate::merkle::Hash;
use crate::standard::UnixMillis;

/// How long nobody is sent another code of a reset.
const RESET_PAUSE_MS: i64 = 60_000;
/// Names whose wrong tries are remembered; the oldest are forgotten above it.
const MAX_TRIED_NAMES: usize = 10_000;

/// A session begun, or one that has grown: its cookie, and where it is.
pub struct SignedIn {
    /// The new value of the cookie.
    pub token: SessionToken,
    /// How far the sign-in has come.
    pub stage: Stage,
}

/// Somebody with a session.
#[derive(Clone)]
pub struct Visitor {
    /// The session.
    pub session: Session,
    /// Who it is, when the sign-in is complete.
    pub actor: Option<Actor>,
    /// The person's name.
    pub name: String,
    /// All roles of the account.
    pub grants: Vec<super::Grant>,
}

/// Wrong tries by name, whether or not there is such an account.
#[derive(Default)]
pub(super) struct Tries {
    by_name: HashMap<Hash, (u32, UnixMillis)>,
    key: Option<[u8; 16]>,
}

impl Tries {
    /// Whether a name is locked at `now`.
    fn locked(&mut self, login: &str, now: UnixMillis, level: ProtectionLevel) -> Result<bool, Error> {
        let name = self.name(login)?;
        let tries = self.by_name.get(&name);
        let recent = |last: &UnixMillis| now.millis() - last.millis() < level.lock_ms();
        Ok(tries.is_some_and(|(count, last)| *count >= level.failures_max() && recent(last)))
    }

    /// Counts a wrong try; answers whether it locks the name.
    fn failed(&mut self, login: &str, now: UnixMillis, level: ProtectionLevel) -> Result<bool, Error> {
        let name = self.name(login)?;
        if self.by_name.len() >= MAX_TRIED_NAMES && !self.by_name.contains_key(&name) {
            let oldest = self.by_name.iter().min_by_key(|(_, (_, last))| *last).map(|(name, _)| *name);
            oldest.map(|name| self.by_name.remove(&name));
        }
        let (count, last) = self.by_name.entry(name).or_insert((0, now));
        if now.millis() - last.millis() >= level.lock_ms() {
            *count = 0;
        }
        (*count, *last) = (*count + 1, now);
        Ok(*count == level.failures_max())
    }

    fn forget(&mut self, login: &str) -> Result<(), Error> {
        let name = self.name(login)?;
        self.by_name.remove(&name);
        Ok(())
    }

    /// A name under a key of this run: what somebody typed by mistake, a password perhaps, is not kept.
    fn name(&mut self, login: &str) -> Result<Hash, Error> {
        let key = match self.key {
            Some(key) => key,
            None => *self.key.insert(random_bytes()?),
        };
        Ok(Hash::of(&[&key, normal(login).as_bytes()]))
    }
}

impl Service {
    /// Begins a session by name and password. Wrong names and wrong passwords are the same to who asks.
    pub async fn sign_in(&self, login: &str, password: &str, agent: &str) -> Result<SignedIn, Error> {
        let (now, level) = (self.clock.now(), self.settings.accounts.level);
        if self.doors().tries.locked(login, now, level)? {
            return Err(locked(level));
        }
        let account = self.by_login(login);
        let usable = account.filter(|account| account.state() == AccountState::Active);
        let hash = usable.as_ref().and_then(|account| account.payload.password.as_ref()).map(|p| p.hash.clone());
        if !self.verify_password(password.to_owned(), hash).await? {
            return Err(self.wrong(login, usable.map(|account| account.id)).await?);
        }
        let account = usable.ok_or_else(wrong_password)?;
        let stage = self.stage_after_password(&account, now)?;
        let begun = self.doors().sessions.begin(account.id, stage.clone(), agent, now, level)?;
        if !matches!(stage, Stage::SecondFactor) {
            self.doors().tries.forget(login)?;
            self.note_sign_in(account).await?;
        }
        Ok(SignedIn { token: begun, stage })
    }

    /// The second step: a code of the second factor, or a recovery code.
    pub async fn second_factor(&self, token: &str, code: &str) -> Result<SignedIn, Error> {
        let (now, level) = (self.clock.now(), self.settings.accounts.level);
        let session = self.session(token).ok_or(Error::Unauthenticated)?;
        if !matches!(session.stage, Stage::SecondFactor) {
            return Err(Error::Conflict("no code is asked for 现在不需要验证码".into()));
        }
        let _one_at_a_time = self.registry.lock().await;
        let mut account = self.account_now(session.account)?;
        let login = account.payload.login.clone();
        if self.doors().tries.locked(&login, now, level)? {
            return Err(locked(level));
        }
        let taken = match &mut account.payload.factor {
            Some(factor) => factor.takes(code, now)?,
            None => false,
        };
        if !taken {
            self.wrong(&login, Some(account.id)).await?;
            return Err(Error::field("code", Problem::mismatch("is wrong or was used", "验证码有误或已使用")));
        }
        self.doors().tries.forget(&login)?;
        account.payload.last_sign_in = Some(now);
        let account = self.save_account(&self.as_owner(&account), "sign_in", account).await?;
        let stage = self.stage_after_factor(&account, now)?;
        let next = stage.clone();
        let token = self.doors().sessions.renew(token, |session| session.stage = next)?;
        Ok(SignedIn { token, stage })
    }

    /// Who a session is, and how far it has come; every request of theirs asks this.
    pub fn visitor(&self, token: &str) -> Option<Visitor> {
        let session = self.session(token)?;
        let account = self.known_accounts().get(session.account)?;
        if account.state() != AccountState::Active {
            return None;
        }
        let person = account.person(session.grant)?;
        let actor = matches!(session.stage, Stage::In).then_some(Actor::Person(person));
        let (name, grants) = (account.payload.name.clone(), account.payload.grants.clone());
        Some(Visitor { session, actor, name, grants })
    }

    /// Acts in another role of the same account from now on.
    pub fn switch_role(&self, token: &str, grant: usize) -> Result<SessionToken, Error> {
        let visitor = self.visitor(token).filter(|visitor| visitor.actor.is_some()).ok_or(Error::Unauthenticated)?;
        if grant >= visitor.grants.len() {
            return Err(Error::NotFound("role"));
        }
        self.doors().sessions.renew(token, |session| session.grant = grant)
    }

    /// Ends a session.
    pub async fn sign_out(&self, token: &str) -> Result<(), Error> {
        let Some(account) = self.doors().sessions.end(token) else { return Ok(()) };
        let event = self.event(&Actor::Public, "sign_out", account.to_string());
        self.store.commit(crate::store::Commit::new(event)).await?;
        Ok(())
    }

    /// Sends the code of a reset to the sign-in name of an account in use, where that is an e-mail address, and not again
    /// within a minute. An invitation that is on its way is left alone: who is not its holder must not end it.
    pub async fn ask_for_reset(&self, login: &str) -> Result<(), Error> {
        let _one_at_a_time = self.registry.lock().await;
        let just_now = self.clock.now().millis() + RESET_MS - RESET_PAUSE_MS;
        let asked = |a: &Account| a.payload.code.as_ref().is_some_and(|code| code.expires_at.millis() > just_now);
        let may = |a: &Account| a.state() == AccountState::Active && is_address(&a.payload.login) && !asked(a);
        if let Some(account) = self.by_login(login).filter(may) {
            self.give_code(&Actor::Public, "ask_for_reset", account, RESET_MS, true).await?;
        }
        Ok(())
    }

    /// Whose a one-time code is: the name to greet, and the sign-in name. None for a code that is not, or no longer, good.
    pub fn code_holder(&self, code: &str) -> Option<(String, String)> {
        let account = self.by_code(code)?;
        Some((account.payload.name, account.payload.login))
    }

    /// Chooses a password by a one-time code, which is used up; all sessions end. The second factor stays.
    pub async fn join(&self, code: &str, password: &str) -> Result<(), Error> {
        let no_code = || Error::field("code", Problem::mismatch("is not valid any more", "代码无效或已过期"));
        self.by_code(code).ok_or_else(no_code)?;
        let _one_at_a_time = self.registry.lock().await;
        let mut account = self.by_code(code).ok_or_else(no_code)?;
        self.choose_password(&mut account, password).await?;
        account.payload.code = None;
        let account = self.save_account(&self.as_owner(&account), "join", account).await?;
        self.doors().sessions.end_of(account.id, |_| true);
        self.doors().tries.forget(&account.payload.login)
    }

    pub(super) async fn choose_password(&self, account: &mut Account, password: &str) -> Result<(), Error> {
        let payload = &account.payload;
        let login = payload.login.split('@').next().unwrap_or_default();
        let known = [login, payload.name.as_str()];
        if let Some(problem) = password::weakness(self.settings.accounts.level, password, &known) {
            return Err(Error::field("password", problem));
        }
        let old = payload.password.iter().flat_map(|old| std::iter::once(&old.hash).chain(&old.earlier));
        let earlier: Vec<String> = old.take(REMEMBERED).cloned().collect();
        for hash in &earlier {
            if self.verify_password(password.to_owned(), Some(hash.clone())).await? {
                let problem = Problem::mismatch("was used before", "不能与最近使用过的密码相同");
                return Err(Error::field("password", problem));
            }
        }
        let chosen = zeroize::Zeroizing::new(password.to_owned());
        let hash = self.hashing(move || password::hash(&chosen)).await??;
        account.payload.password = Some(Password { hash, set_at: self.clock.now(), earlier });
        Ok(())
    }

    pub(super) async fn verify_password(&self, password: String, hash: Option<String>) -> Result<bool, Error> {
        let password = zeroize::Zeroizing::new(password);
        self.hashing(move || password::verify(&password, hash.as_deref())).await
    }

    /// Runs one hashing of a password off the tasks of requests, and not more of them at once than there are cores: each
    /// takes 19 MiB and some 30 ms.
    async fn hashing<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
        let _place = self.hashings.acquire().await.map_err(Error::internal)?;
        tokio::task::spawn_blocking(work).await.map_err(Error::internal)
    }

    pub(super) fn session(&self, token: &str) -> Option<Session> {
        self.doors().sessions.seen(token, self.clock.now(), self.settings.accounts.level)
    }

    /// The account itself as who acts, in its first role.
    pub(super) fn as_owner(&self, account: &Account) -> Actor {
        account.person(0).map_or(Actor::Public, Actor::Person)
    }

    fn stage_after_password(&self, account: &Account, now: UnixMillis) -> Result<Stage, Error> {
        match account.payload.factor {
            Some(_) => Ok(Stage::SecondFactor),
            None => self.stage_after_factor(account, now),
        }
    }

    pub(super) fn stage_after_factor(&self, account: &Account, now: UnixMillis) -> Result<Stage, Error> {
        let settings = &self.settings.accounts;
        let staff = account.payload.grants.iter().any(|grant| grant.role.is_staff());
        let needed =
            settings.second_factor == SecondFactor::ByLevel && (staff || settings.level.second_factor_for_all());
        if needed && account.payload.factor.is_none() {
            return Ok(Stage::Enrol(Enrolment::draw()?));
        }
        let set_at = account.payload.password.as_ref().map_or(now, |password| password.set_at);
        let aged = now.millis() - set_at.millis() > settings.level.password_age_ms();
        Ok(if aged { Stage::NewPassword } else { Stage::In })
    }

    async fn note_sign_in(&self, account: Account) -> Result<(), Error> {
        let _one_at_a_time = self.registry.lock().await;
        let mut account = self.account_now(account.id)?;
        account.payload.last_sign_in = Some(self.clock.now());
        self.save_account(&self.as_owner(&account), "sign_in", account).await.map(drop)
    }

    /// Counts a wrong try, and leaves an event where it locks an account.
    async fn wrong(&self, login: &str, account: Option<AccountId>) -> Result<Error, Error> {
        let (now, level) = (self.clock.now(), self.settings.accounts.level);
        let locks = self.doors().tries.failed(login, now, level)?;
        if let Some(id) = account.filter(|_| locks) {
            let event = self.event(&Actor::Public, "lock_account", id.to_string());
            self.store.commit(crate::store::Commit::new(event)).await?;
        }
        Ok(if locks { locked(level) } else { wrong_password() })
    }

    fn by_login(&self, login: &str) -> Option<Account> {
        let accounts = self.known_accounts();
        let id = accounts.by_login.get(&normal(login))?;
        accounts.get(*id).map(|account| account.as_ref().clone())
    }

    fn by_code(&self, code: &str) -> Option<Account> {
        let accounts = self.known_accounts();
        let id = accounts.by_code.get(&super::code::digest_of(code))?;
        let account = accounts.get(*id).filter(|account| account.state() != AccountState::Ended)?;
        let holds = account.payload.code.as_ref().is_some_and(|code| self.clock.now() <= code.expires_at);
        holds.then(|| account.as_ref().clone())
    }

    /// Ends the sessions of an account but the one that is asking; part of every change of how it is signed in to.
    pub(super) fn end_other_sessions(&self, session: &Session) {
        self.doors().sessions.end_of(session.account, |other| other.id != session.id);
    }

    /// Confirms the second factor that a session is setting up; answers the recovery codes, which are shown this once.
    pub async fn confirm_factor(&self, token: &str, code: &str) -> Result<(SignedIn, Vec<Code>), Error> {
        let (session, now) = (self.session(token).ok_or(Error::Unauthenticated)?, self.clock.now());
        let Stage::Enrol(enrolment) = &session.stage else {
            return Err(Error::Conflict("no second factor is being set up 没有正在设置的动态验证码".into()));
        };
        let wrong = || Error::field("code", Problem::mismatch("is wrong", "验证码有误"));
        let (factor, codes) = enrolment.confirm(code, now)?.ok_or_else(wrong)?;
        let _one_at_a_time = self.registry.lock().await;
        let mut account = self.account_now(session.account)?;
        account.payload.factor = Some(factor);
        let account = self.save_account(&self.as_owner(&account), "set_second_factor", account).await?;
        self.end_other_sessions(&session);
        let stage = self.stage_after_factor(&account, now)?;
        let next = stage.clone();
        let token = self.doors().sessions.renew(token, |session| session.stage = next)?;
        Ok((SignedIn { token, stage }, codes))
    }

    /// Changes the password of the account of a session; its other sessions end. An aged password is changed the same way.
    pub async fn change_password(&self, token: &str, old: &str, new: &str) -> Result<SignedIn, Error> {
        let session = self.session(token).ok_or(Error::Unauthenticated)?;
        if matches!(session.stage, Stage::SecondFactor) {
            return Err(Error::Unauthenticated);
        }
        let account = self.account_now(session.account)?;
        let (now, level) = (self.clock.now(), self.settings.accounts.level);
        if self.doors().tries.locked(&account.payload.login, now, level)? {
            return Err(locked(level));
        }
        let hash = account.payload.password.as_ref().map(|password| password.hash.clone());
        if !self.verify_password(old.to_owned(), hash).await? {
            self.wrong(&account.payload.login, Some(account.id)).await?;
            return Err(Error::field("old", Problem::mismatch("is wrong", "原密码有误")));
        }
        let _one_at_a_time = self.registry.lock().await;
        let mut account = self.account_now(session.account)?;
        self.choose_password(&mut account, new).await?;
        let account = self.save_account(&self.as_owner(&account), "change_password", account).await?;
        self.end_other_sessions(&session);
        let stage = match session.stage {
            Stage::Enrol(enrolment) => Stage::Enrol(enrolment),
            _ => self.stage_after_factor(&account, now)?,
        };
        let next = stage.clone();
        let token = self.doors().sessions.renew(token, |session| session.stage = next)?;
        Ok(SignedIn { token, stage })
    }

    /// Shows something on the next page of a session.
    pub fn note_for(&self, session: &Session, notice: &'static str) {
        self.doors().sessions.note(session.id, notice);
    }

    /// Whether this session may read the record of what happened; for pages that show a link to it.
    pub fn may(&self, actor: &Actor, action: Action) -> bool {
        self.allow(actor, action).is_ok()
    }
}

fn wrong_password() -> Error {
    Error::field("password", Problem::mismatch("or the sign-in name is wrong", "登录名或密码错误"))
}

fn locked(level: ProtectionLevel) -> Error {
    let minutes = level.lock_ms() / 60_000;
    Error::field(
        "password",
        Problem::mismatch(
            format!("was wrong too often: wait {minutes} minutes, or ask for a new one"),
            format!("连续输错次数过多，请 {minutes} 分钟后再试，或重设密码"),
        ),
    )
}
