//! What everybody does with the account of their own: look at it, set up a second factor, end sessions.

use uuid::Uuid;

use super::super::Service;
use super::super::access::{Action, Actor};
use super::super::error::Error;
use super::factor::Enrolment;
use super::{AccountView, Code, SecondFactor, Session, SessionToken, SignedIn, Stage};
use crate::ledger::fields::Problem;
use crate::standard::UnixMillis;

/// An account as its owner sees it.
pub struct AccountHome {
    /// The account.
    pub account: AccountView,
    /// Its sessions, the newest first.
    pub sessions: Vec<Session>,
    /// When the password was chosen.
    pub password_since: Option<UnixMillis>,
    /// How many recovery codes are left; none without a second factor.
    pub recovery_left: Option<usize>,
    /// Whether a second factor is required of this account.
    pub factor_required: bool,
}

impl Service {
    /// The account of whoever asks.
    pub fn own_account(&self, actor: &Actor) -> Result<AccountHome, Error> {
        self.allow(actor, Action::OwnAccount)?;
        let person = actor.person().ok_or(Error::Forbidden)?;
        let account = self.account_now(person.account)?;
        let (now, level) = (self.clock.now(), self.settings.accounts.level);
        let staff = account.payload.grants.iter().any(|grant| grant.role.is_staff());
        let by_level = self.settings.accounts.second_factor == SecondFactor::ByLevel;
        Ok(AccountHome {
            sessions: self.doors().sessions.list(account.id, now, level),
            password_since: account.payload.password.as_ref().map(|password| password.set_at),
            recovery_left: account.payload.factor.as_ref().map(super::Factor::recovery_left),
            factor_required: by_level && (staff || level.second_factor_for_all()),
            account: account.view(),
        })
    }

    /// Begins to set up a second factor, another one where there is one: the session goes on when a code has confirmed it.
    pub async fn begin_factor(&self, actor: &Actor, token: &str, password: &str) -> Result<SessionToken, Error> {
        self.allow(actor, Action::OwnAccount)?;
        let session = self.session(token).ok_or(Error::Unauthenticated)?;
        self.ask_again(&session, password, "password").await?;
        let enrolment = Enrolment::draw()?;
        self.doors().sessions.renew(token, |session| session.stage = Stage::Enrol(enrolment))
    }

    /// Confirms the second factor that a session is setting up; answers the recovery codes, which are shown this once.
    pub async fn confirm_factor(&self, token: &str, code: &str) -> Result<(SignedIn, Vec<Code>), Error> {
        let _one_at_a_time = self.registry.lock().await;
        let (session, now) = (self.session(token).ok_or(Error::Unauthenticated)?, self.clock.now());
        let Stage::Enrol(enrolment) = &session.stage else {
            return Err(Error::Conflict("no second factor is being set up 没有正在设置的动态验证码".into()));
        };
        let wrong = || Error::field("code", Problem::mismatch("is wrong", "验证码有误"));
        let (factor, codes) = enrolment.confirm(code, now)?.ok_or_else(wrong)?;
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
        let stage = match (&session.stage, self.stage_after_factor(&account, self.clock.now(), session.weak)?) {
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
            self.stage_after_factor(&account, self.clock.now(), session.weak)
                .is_ok_and(|stage| !matches!(stage, Stage::Enrol(_)))
        })
    }

    /// Gives up the second factor, where none is required.
    pub async fn drop_factor(&self, actor: &Actor, token: &str, password: &str) -> Result<(), Error> {
        let home = self.own_account(actor)?;
        if home.factor_required {
            let problem = Problem::mismatch("is required for this account", "此账号必须使用动态验证码");
            return Err(Error::field("factor", problem));
        }
        let session = self.session(token).ok_or(Error::Unauthenticated)?;
        let judged = self.ask_again(&session, password, "password").await?;
        let _one_at_a_time = self.registry.lock().await;
        let session = self.still_open(token, &session)?;
        let mut account = self.still(&judged)?;
        account.payload.factor = None;
        self.save_account(actor, "drop_second_factor", account).await?;
        self.end_other_sessions(&session);
        Ok(())
    }

    /// Ends a session of the asker's own.
    pub async fn end_session(&self, actor: &Actor, id: Uuid) -> Result<(), Error> {
        self.allow(actor, Action::OwnAccount)?;
        let person = actor.person().ok_or(Error::Forbidden)?;
        let ended = self.doors().sessions.end_of(person.account, |session| session.id == id);
        if ended == 0 {
            return Err(Error::NotFound("session"));
        }
        let event = self.event(actor, "end_session", id.to_string());
        self.store.commit(crate::store::Commit::new(event)).await?;
        Ok(())
    }
}
