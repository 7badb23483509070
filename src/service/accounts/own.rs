//! What everybody does with the account of their own: look at it, set up a second factor, end sessions.

use uuid::Uuid;

use super::super::Service;
use super::super::access::{Action, Actor};
use super::super::error::Error;
use super::factor::Enrolment;
use super::{AccountView, SecondFactor, Session, SessionToken, Stage};
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
        self.check_own_password(&session, password).await?;
        let enrolment = Enrolment::draw()?;
        self.doors().sessions.renew(token, |session| session.stage = Stage::Enrol(enrolment))
    }

    /// Gives up the second factor, where none is required.
    pub async fn drop_factor(&self, actor: &Actor, token: &str, password: &str) -> Result<(), Error> {
        let home = self.own_account(actor)?;
        if home.factor_required {
            let problem = Problem::mismatch("is required for this account", "此账号必须使用动态验证码");
            return Err(Error::field("factor", problem));
        }
        let session = self.session(token).ok_or(Error::Unauthenticated)?;
        self.check_own_password(&session, password).await?;
        let _one_at_a_time = self.registry.lock().await;
        let mut account = self.account_now(session.account)?;
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

    async fn check_own_password(&self, session: &Session, password: &str) -> Result<(), Error> {
        let account = self.account_now(session.account)?;
        self.check_password_of(&account, password, "password").await
    }
}
