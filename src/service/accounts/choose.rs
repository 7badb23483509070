//! Choosing a password: by a one-time code, or in the place of another one.

use super::super::Service;
use super::super::access::Actor;
use super::super::error::Error;
use super::invite::{RESET_MS, is_address};
use super::password::{self, REMEMBERED};
use super::{Account, AccountState, Password, SignedIn, Stage};
use crate::ledger::fields::Problem;

impl Service {
    /// Sends the code of a reset to the sign-in name of an account in use, where that is an e-mail address. A code that is on
    /// its way and still good is left alone, and no other letter goes out before it has run out: who is not its holder must
    /// not end it, nor fill the holder's mailbox.
    pub async fn ask_for_reset(&self, login: &str) -> Result<(), Error> {
        let _one_at_a_time = self.registry.lock().await;
        let now = self.clock.now();
        let asked = |a: &Account| a.payload.code.as_ref().is_some_and(|code| now <= code.expires_at);
        let may = |a: &Account| a.state() == AccountState::Active && is_address(&a.payload.login) && !asked(a);
        if let Some(account) = self.by_login(login).filter(may) {
            self.give_code(&Actor::Public, "ask_for_reset", account, &[], RESET_MS, true).await?;
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
        let judged = self.by_code(code).ok_or_else(no_code)?;
        let chosen = self.choose_password(&judged, password).await?;
        let _one_at_a_time = self.registry.lock().await;
        // As it is now: the code was used meanwhile, withdrawn, or taken back by a password that was chosen otherwise.
        let mut account = self.by_code(code).filter(|account| account.id == judged.id).ok_or_else(no_code)?;
        account.payload.password = Some(chosen);
        account.payload.code = None;
        let account = self.save_account(&self.as_owner(&account), "join", account).await?;
        self.doors().sessions.end_of(account.id, |_| true);
        self.doors().tries.forget(&account.payload.login, account.id)
    }

    /// Changes the password of the account of a session; its other sessions end, and a one-time code that is on its way with
    /// them. An aged password is changed the same way.
    pub async fn change_password(&self, token: &str, old: &str, new: &str) -> Result<SignedIn, Error> {
        let session = self.session(token).ok_or(Error::Unauthenticated)?;
        if matches!(session.stage, Stage::SecondFactor) {
            return Err(Error::Unauthenticated);
        }
        let judged = self.ask_again(&session, old, "old").await?;
        let chosen = self.choose_password(&judged, new).await?;
        let _one_at_a_time = self.registry.lock().await;
        let session = self.still_open(token, &session)?;
        let mut account = self.still(&judged)?;
        account.payload.password = Some(chosen);
        account.payload.code = None;
        let account = self.save_account(&self.as_owner(&account), "change_password", account).await?;
        self.end_other_sessions(&session);
        let stage = match session.stage {
            Stage::Enrol(enrolment) => Stage::Enrol(enrolment),
            _ => self.stage_after_factor(&account, self.clock.now())?,
        };
        let next = stage.clone();
        let token = self.doors().sessions.renew(token, |session| session.stage = next)?;
        Ok(SignedIn { token, stage })
    }

    /// A password that fits an account, hashed. Outside the lock under which accounts change: it takes its time.
    async fn choose_password(&self, account: &Account, password: &str) -> Result<Password, Error> {
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
        let hash = self.hashings.run(move || password::hash(&chosen)).await??;
        Ok(Password { hash, set_at: self.clock.now(), earlier })
    }

    pub(super) async fn verify_password(&self, password: String, hash: Option<String>) -> Result<bool, Error> {
        let password = zeroize::Zeroizing::new(password);
        self.hashings.run(move || password::verify(&password, hash.as_deref())).await
    }

    fn by_code(&self, code: &str) -> Option<Account> {
        let accounts = self.known_accounts();
        let id = accounts.by_code.get(&super::code::digest_of(code))?;
        let account = accounts.get(*id).filter(|account| account.state() != AccountState::Ended)?;
        let holds = account.payload.code.as_ref().is_some_and(|code| self.clock.now() <= code.expires_at);
        holds.then(|| account.as_ref().clone())
    }
}
