//! Signing in: password, second factor, what has to be done first, and what a session may then ask for.

use super::super::Service;
use super::super::access::{AccountId, Actor};
use super::super::error::Error;
use super::factor::Enrolment;
use super::invite::{RESET_MS, is_address};
use super::password::{self, ProtectionLevel, REMEMBERED};
use super::tries::Try;
use super::{Account, AccountState, Code, Password, SecondFactor, Session, SessionToken, Stage, normal};
use crate::ledger::fields::Problem;
use crate::standard::UnixMillis;

/// How long nobody is sent another code of a reset.
const RESET_PAUSE_MS: i64 = 60_000;

/// A session begun, or one that has grown: its cookie, and where it is.
pub struct SignedIn {
    /// Whose.
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
    /// All roles of the account.
    pub grants: Vec<super::Grant>,
}

impl Service {
    /// Begins a session by name and password. Wrong names and wrong passwords are the same to who asks.
    pub async fn sign_in(&self, login: &str, password: &str, agent: &str) -> Result<SignedIn, Error> {
        let (now, level) = (self.clock.now(), self.settings.accounts.level);
        let at = self.begin_try(login)?;
        let account = self.by_login(login);
        let usable = account.filter(|account| account.state() == AccountState::Active);
        let hash = usable.as_ref().and_then(|account| account.payload.password.as_ref()).map(|p| p.hash.clone());
        if !self.verify_password(password.to_owned(), hash).await? {
            return Err(self.wrong(at, usable.map(|account| account.id), wrong_password()).await?);
        }
        let account = usable.ok_or_else(wrong_password)?;
        let account_id = account.id;
        let weak = password::weakness(level, password, &names_of(&account)).is_some();
        let stage = self.stage_after_password(&account, now, weak)?;
        let begun = self.doors().sessions.begin(account_id, stage.clone(), weak, agent, now, level)?;
        // Who knows the password has no more tries at the second factor for it.
        match stage {
            Stage::SecondFactor => self.doors().tries.take_back(login)?,
            _ => self.doors().tries.forget(login)?,
        }
        if !matches!(stage, Stage::SecondFactor) {
            self.note_sign_in(account).await?;
        }
        Ok(SignedIn { account: account_id, token: begun, stage })
    }

    /// The second step: a code of the second factor, or a recovery code.
    pub async fn second_factor(&self, token: &str, code: &str) -> Result<SignedIn, Error> {
        let now = self.clock.now();
        let session = self.session(token).ok_or(Error::Unauthenticated)?;
        if !matches!(session.stage, Stage::SecondFactor) {
            return Err(Error::Conflict("no code is asked for 现在不需要验证码".into()));
        }
        let _one_at_a_time = self.registry.lock().await;
        let mut account = self.account_now(session.account)?;
        let login = account.payload.login.clone();
        let at = self.begin_try(&login)?;
        let taken = match &mut account.payload.factor {
            Some(factor) => factor.takes(code, now)?,
            None => false,
        };
        if !taken {
            let wrong = Error::field("code", Problem::mismatch("is wrong or was used", "验证码有误或已使用"));
            return Err(self.wrong(at, Some(account.id), wrong).await?);
        }
        self.doors().tries.forget(&login)?;
        account.payload.last_sign_in = Some(now);
        let account = self.save_account(&self.as_owner(&account), "sign_in", account).await?;
        let stage = self.stage_after_factor(&account, now, session.weak)?;
        let next = stage.clone();
        let token = self.doors().sessions.renew(token, |session| session.stage = next)?;
        Ok(SignedIn { account: session.account, token, stage })
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

    /// The account of a one-time code; none for a code that is not, or no longer, good.
    pub fn account_of_code(&self, code: &str) -> Option<AccountId> {
        self.by_code(code).map(|account| account.id)
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
        if let Some(problem) = password::weakness(self.settings.accounts.level, password, &names_of(account)) {
            return Err(Error::field("password", problem));
        }
        let old = account.payload.password.iter().flat_map(|old| std::iter::once(&old.hash).chain(&old.earlier));
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

    fn stage_after_password(&self, account: &Account, now: UnixMillis, weak: bool) -> Result<Stage, Error> {
        match account.payload.factor {
            Some(_) => Ok(Stage::SecondFactor),
            None => self.stage_after_factor(account, now, weak),
        }
    }

    /// Where a sign-in goes on; `weak` is a password that was chosen under easier rules than those in force, which has to be
    /// changed as an aged one has.
    fn stage_after_factor(&self, account: &Account, now: UnixMillis, weak: bool) -> Result<Stage, Error> {
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

    async fn note_sign_in(&self, account: Account) -> Result<(), Error> {
        let _one_at_a_time = self.registry.lock().await;
        let mut account = self.account_now(account.id)?;
        account.payload.last_sign_in = Some(self.clock.now());
        self.save_account(&self.as_owner(&account), "sign_in", account).await.map(drop)
    }

    /// Counts a try for a name, unless that is locked.
    pub(super) fn begin_try(&self, login: &str) -> Result<Try, Error> {
        let (now, level) = (self.clock.now(), self.settings.accounts.level);
        match self.doors().tries.begin(login, now, level)? {
            Try::Locked => Err(locked(level)),
            at => Ok(at),
        }
    }

    /// What a try that was wrong is answered; leaves an event where it locks an account.
    pub(super) async fn wrong(&self, at: Try, account: Option<AccountId>, wrong: Error) -> Result<Error, Error> {
        if at != Try::Last {
            return Ok(wrong);
        }
        if let Some(id) = account {
            let event = self.event(&Actor::Public, "lock_account", id.to_string());
            self.store.commit(crate::store::Commit::new(event)).await?;
        }
        Ok(locked(self.settings.accounts.level))
    }

    /// Takes a try back that was a right one.
    pub(super) fn forget_tries(&self, login: &str) -> Result<(), Error> {
        self.doors().tries.forget(login)
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
        let stage = self.stage_after_factor(&account, now, session.weak)?;
        let next = stage.clone();
        let token = self.doors().sessions.renew(token, |session| session.stage = next)?;
        Ok((SignedIn { account: session.account, token, stage }, codes))
    }

    /// Leaves the setting up of a second factor, where none is required or there is one already.
    pub fn leave_factor(&self, token: &str) -> Result<SignedIn, Error> {
        let session = self.session(token).ok_or(Error::Unauthenticated)?;
        let account = self.account_now(session.account)?;
        let after = self.stage_after_factor(&account, self.clock.now(), session.weak)?;
        let stage = match (&session.stage, after) {
            (Stage::Enrol(_), Stage::Enrol(_)) | (Stage::SecondFactor, _) => session.stage,
            (_, stage) => stage,
        };
        let next = stage.clone();
        let token = self.doors().sessions.renew(token, |session| session.stage = next)?;
        Ok(SignedIn { account: session.account, token, stage })
    }

    /// Whether [`Service::leave_factor`] leads anywhere else.
    pub fn may_leave_factor(&self, session: &Session) -> bool {
        let account = self.account_now(session.account);
        account.is_ok_and(|account| {
            let after = self.stage_after_factor(&account, self.clock.now(), session.weak);
            after.is_ok_and(|stage| !matches!(stage, Stage::Enrol(_)))
        })
    }

    /// Changes the password of the account of a session; its other sessions end. An aged password is changed the same way.
    pub async fn change_password(&self, token: &str, old: &str, new: &str) -> Result<SignedIn, Error> {
        let session = self.session(token).ok_or(Error::Unauthenticated)?;
        if matches!(session.stage, Stage::SecondFactor) {
            return Err(Error::Unauthenticated);
        }
        let account = self.account_now(session.account)?;
        let now = self.clock.now();
        self.check_password_of(&account, old, "old").await?;
        let _one_at_a_time = self.registry.lock().await;
        let mut account = self.account_now(session.account)?;
        self.choose_password(&mut account, new).await?;
        let account = self.save_account(&self.as_owner(&account), "change_password", account).await?;
        self.end_other_sessions(&session);
        let stage = match session.stage {
            Stage::Enrol(enrolment) => Stage::Enrol(enrolment),
            _ => self.stage_after_factor(&account, now, false)?,
        };
        let next = stage.clone();
        let token = self.doors().sessions.renew(token, |session| (session.stage, session.weak) = (next, false))?;
        Ok(SignedIn { account: session.account, token, stage })
    }

    /// Whether this is the password of an account, counted as tries to sign in are. `field` is what an error names.
    pub(super) async fn check_password_of(&self, account: &Account, password: &str, field: &str) -> Result<(), Error> {
        let at = self.begin_try(&account.payload.login)?;
        let hash = account.payload.password.as_ref().map(|password| password.hash.clone());
        if !self.verify_password(password.to_owned(), hash).await? {
            let wrong = Error::field(field, Problem::mismatch("is wrong", "密码有误"));
            return Err(self.wrong(at, Some(account.id), wrong).await?);
        }
        self.forget_tries(&account.payload.login)
    }

    /// Shows something on the next page of a session.
    pub fn note_for(&self, session: &Session, notice: &'static str) {
        self.doors().sessions.note(session.id, notice);
    }
}

/// What must not be in somebody's password.
fn names_of(account: &Account) -> [&str; 2] {
    let payload = &account.payload;
    [payload.login.split('@').next().unwrap_or_default(), &payload.name]
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
