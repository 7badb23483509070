//! Signing in: password, second factor, what has to be done first, and what a session may then ask for.
//!
//! Passwords are hashed outside the lock under which accounts change, which takes its time. So whatever was judged by a copy of
//! an account is done under the lock to the account as it is then, and only where session and password are still those
//! that were judged: what was ended or changed in between wins.

use std::sync::Arc;

use super::super::Service;
use super::super::access::{AccountId, Actor};
use super::super::error::Error;
use super::factor::Enrolment;
use super::password::{self, ProtectionLevel};
use super::tries::{Door, Try};
use super::{Account, AccountState, Grant, SecondFactor, Session, SessionToken, Stage, normal};
use crate::ledger::fields::Problem;
use crate::standard::UnixMillis;
use crate::store::Commit;

/// A session begun, or one that has grown: its cookie, and where it is.
pub struct SignedIn {
    /// Whose it is.
    pub account: AccountId,
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
    /// The roles of the account that are in force, each with its place among all of them.
    pub grants: Vec<(usize, Grant)>,
}

/// Where a sign-in comes from.
#[derive(Debug, Clone, Copy, Default)]
pub struct Caller<'a> {
    /// The address or network: wrong passwords are counted by it.
    pub client: &'a str,
    /// What the browser says it is.
    pub agent: &'a str,
}

impl Service {
    /// Begins a session by name and password. Wrong names and wrong passwords are the same to who asks, and take the same work.
    pub async fn sign_in(&self, login: &str, password: &str, caller: Caller<'_>) -> Result<SignedIn, Error> {
        let door = Door::Street { login, client: caller.client };
        let at = self.begin_try(door, "password")?;
        let judged = self.by_login(login).filter(|account| account.state() == AccountState::Active);
        if !self.judge_password(door, password, judged.as_ref()).await? {
            return Err(self.wrong(at, judged.map(|account| account.id), "password", wrong_password()));
        }
        let judged = judged.ok_or_else(wrong_password)?;
        let _one_at_a_time = self.registry.lock().await;
        let mut account = self.still(&judged).map_err(|_| wrong_password())?;
        if self.grants_in_force(&account).is_empty() {
            return Err(Error::Conflict(
                "no role is in force: ask the administrator 身份均已失效，请联系系统管理员".into(),
            ));
        }
        let (now, level) = (self.clock.now(), self.settings.accounts.level);
        let weak = password::weakness(level, password, &account.names()).is_some();
        let stage = match account.payload.factor {
            Some(_) => Stage::SecondFactor,
            None => self.stage_after_factor(&account, now, weak)?,
        };
        if !matches!(stage, Stage::SecondFactor) {
            account.payload.last_sign_in = Some(now);
            account = self.save_account(&self.as_owner(&account), "sign_in", account).await?;
        }
        self.doors().tries.right(door, now)?;
        let token = self.doors().sessions.begin(account.id, stage.clone(), weak, caller.agent, now, level)?;
        Ok(SignedIn { account: account.id, token, stage })
    }

    /// The second step: a code of the second factor, or a recovery code.
    pub async fn second_factor(&self, token: &str, code: &str) -> Result<SignedIn, Error> {
        let _one_at_a_time = self.registry.lock().await;
        let now = self.clock.now();
        let session = self.session(token).ok_or(Error::Unauthenticated)?;
        if !matches!(session.stage, Stage::SecondFactor) {
            return Err(Error::Conflict("no code is asked for 现在不需要验证码".into()));
        }
        let mut account = self.account_now(session.account)?;
        self.take_code(&mut account, code, "code")?;
        account.payload.last_sign_in = Some(now);
        let account = self.save_account(&self.as_owner(&account), "sign_in", account).await?;
        let stage = self.stage_after_factor(&account, now, session.weak)?;
        let next = stage.clone();
        let token = self.doors().sessions.renew(token, |session| session.stage = next)?;
        Ok(SignedIn { account: session.account, token, stage })
    }

    /// Takes a code of an account's second factor, which is used up by it: whoever calls this saves the account. `field` is
    /// what an error names.
    pub(super) fn take_code(&self, account: &mut Account, code: &str, field: &str) -> Result<(), Error> {
        let (door, now) = (Door::Factor(account.id), self.clock.now());
        let at = self.begin_try(door, field)?;
        let taken = match &mut account.payload.factor {
            Some(factor) => factor.takes(code, now)?,
            None => false,
        };
        if !taken {
            let wrong = Error::field(field, Problem::mismatch("is wrong or was used", "验证码有误或已使用"));
            return Err(self.wrong(at, Some(account.id), field, wrong));
        }
        self.doors().tries.right(door, now)
    }

    /// Who a session is, and how far it has come; every request of theirs asks this.
    pub fn visitor(&self, token: &str) -> Option<Visitor> {
        let mut session = self.session(token)?;
        let account = self.known_accounts().get(session.account)?;
        if account.state() != AccountState::Active {
            return None;
        }
        let grants = self.grants_in_force(&account);
        let chosen = grants.iter().find(|(place, _)| *place == session.grant).or_else(|| grants.first());
        let (place, grant) = chosen.cloned()?;
        session.grant = place;
        let actor = matches!(session.stage, Stage::In).then(|| Actor::Person(account.person(grant)));
        let name = account.payload.name.clone();
        Some(Visitor { session, actor, name, grants })
    }

    /// Acts in another role of the same account from now on.
    pub fn switch_role(&self, token: &str, grant: usize) -> Result<SessionToken, Error> {
        let visitor = self.visitor(token).filter(|visitor| visitor.actor.is_some()).ok_or(Error::Unauthenticated)?;
        if !visitor.grants.iter().any(|(place, _)| *place == grant) {
            return Err(Error::NotFound("role"));
        }
        self.doors().sessions.renew(token, |session| session.grant = grant)
    }

    /// Ends a session.
    pub async fn sign_out(&self, token: &str) -> Result<(), Error> {
        let Some(account) = self.doors().sessions.end(token) else { return Ok(()) };
        let event = self.event(&Actor::Public, "sign_out", account.to_string());
        self.store.commit(Commit::new(event)).await?;
        Ok(())
    }

    pub(super) fn session(&self, token: &str) -> Option<Session> {
        self.doors().sessions.seen(token, self.clock.now(), self.settings.accounts.level)
    }

    /// Where a sign-in goes on; `weak` is a password that was chosen under easier rules than those in force, which has to be
    /// changed as an aged one has.
    pub(super) fn stage_after_factor(&self, account: &Account, now: UnixMillis, weak: bool) -> Result<Stage, Error> {
        let settings = &self.settings.accounts;
        let staff = account.payload.grants.iter().any(|grant| grant.role.is_staff());
        let needed =
            settings.second_factor == SecondFactor::ByLevel && (staff || settings.level.second_factor_for_all());
        if needed && account.payload.factor.is_none() {
            return Ok(Stage::Enrol(Enrolment::draw()?));
        }
        let set_at = account.payload.password.as_ref().map_or(now, |password| password.set_at);
        let aged = now.millis() - set_at.millis() > settings.level.password_age_ms();
        Ok(if aged || weak { Stage::NewPassword } else { Stage::In })
    }

    /// Counts a try, unless its door is locked. `field` is what an error names.
    pub(super) fn begin_try(&self, door: Door<'_>, field: &str) -> Result<Try, Error> {
        let (now, level) = (self.clock.now(), self.settings.accounts.level);
        match self.doors().tries.begin(door, now, level)? {
            Try::Locked => Err(locked(level, field)),
            at => Ok(at),
        }
    }

    /// Whether this is the password of an account; nobody's takes the same work. A try that was not judged is taken back.
    async fn judge_password(&self, door: Door<'_>, password: &str, account: Option<&Account>) -> Result<bool, Error> {
        let hash = account.and_then(|account| account.payload.password.as_ref()).map(|password| password.hash.clone());
        let judged = self.verify_password(password.to_owned(), hash).await;
        if judged.is_err() {
            self.doors().tries.take_back(door, self.clock.now())?;
        }
        judged
    }

    /// What a try that was wrong is answered. Where it locks an account, an event is left beside the answer: how long that
    /// takes must not tell who has one.
    pub(super) fn wrong(&self, at: Try, account: Option<AccountId>, field: &str, wrong: Error) -> Error {
        if at != Try::Last {
            return wrong;
        }
        if let Some(id) = account {
            let event = self.event(&Actor::Public, "lock_account", id.to_string());
            let store = Arc::clone(&self.store);
            tokio::spawn(async move {
                if let Err(error) = store.commit(Commit::new(event)).await {
                    tracing::warn!(%error, "that an account was locked could not be recorded");
                }
            });
        }
        locked(self.settings.accounts.level, field)
    }

    /// An account as it is now, where it is still in use and has the password that was judged; to be asked under the lock.
    pub(super) fn still(&self, judged: &Account) -> Result<Account, Error> {
        let hash_of = |account: &Account| account.payload.password.as_ref().map(|password| password.hash.clone());
        let account = self.account_now(judged.id)?;
        match account.state() == AccountState::Active && hash_of(&account) == hash_of(judged) {
            true => Ok(account),
            false => Err(Error::Conflict("the password was changed in the meantime 密码已在此期间更改".into())),
        }
    }

    /// The session of a token, where it is still the one that was judged; to be asked under the lock.
    pub(super) fn still_open(&self, token: &str, judged: &Session) -> Result<Session, Error> {
        self.session(token).filter(|session| session.id == judged.id).ok_or(Error::Unauthenticated)
    }

    pub(super) fn by_login(&self, login: &str) -> Option<Account> {
        let accounts = self.known_accounts();
        let id = accounts.by_login.get(&normal(login))?;
        accounts.get(*id).map(|account| account.as_ref().clone())
    }

    /// Ends the sessions of an account but the one that is asking; part of every change of how it is signed in to.
    pub(super) fn end_other_sessions(&self, session: &Session) {
        self.doors().sessions.end_of(session.account, |other| other.id != session.id);
    }

    /// Whether this is the password of a session's account, which is asked for again: counted by session, so that strangers
    /// at the sign-in page do not lock who is in. Answers the account that was judged. `field` is what an error names.
    pub(super) async fn ask_again(&self, session: &Session, password: &str, field: &str) -> Result<Account, Error> {
        let (account, door) = (self.account_now(session.account)?, Door::Inside(session.id));
        let at = self.begin_try(door, field)?;
        if !self.judge_password(door, password, Some(&account)).await? {
            let wrong = Error::field(field, Problem::mismatch("is wrong", "密码有误"));
            return Err(self.wrong(at, Some(account.id), field, wrong));
        }
        self.doors().tries.right(door, self.clock.now())?;
        Ok(account)
    }

    /// Shows something on the next page of a session.
    pub fn note_for(&self, session: &Session, notice: &'static str) {
        self.doors().sessions.note(session.id, notice);
    }
}

fn wrong_password() -> Error {
    Error::field("password", Problem::mismatch("or the sign-in name is wrong", "登录名或密码错误"))
}

fn locked(level: ProtectionLevel, field: &str) -> Error {
    let minutes = level.lock_ms() / 60_000;
    Error::field(
        field,
        Problem::mismatch(
            format!("was wrong too often: wait {minutes} minutes, or ask for a new one"),
            format!("连续输错次数过多，请 {minutes} 分钟后再试，或重设密码"),
        ),
    )
}
