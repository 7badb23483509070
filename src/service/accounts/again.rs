//! What an unattended session must not do: whoever asks shows again who they are.

use tokio::sync::MutexGuard;

use super::super::Service;
use super::super::access::Actor;
use super::super::error::Error;
use super::Stage;

/// What somebody who is signed in shows again: the password and, where the account has a second factor, a code of it. The
/// operator's token comes with every request, so the operator shows nothing more.
#[derive(Clone, Copy, Default)]
pub struct Again<'a> {
    /// The token of the session.
    pub token: &'a str,
    /// The password; an error names it `own_password`.
    pub password: &'a str,
    /// A code of the second factor; an error names it `own_code`.
    pub code: &'a str,
}

impl Service {
    /// Judges what somebody shows again. Answers the lock under which it was judged, so that nothing that was ended or
    /// changed in between is acted upon.
    pub(super) async fn shown_again(&self, actor: &Actor, again: Again<'_>) -> Result<MutexGuard<'_, ()>, Error> {
        let Some(person) = actor.person() else { return Ok(self.registry.lock().await) };
        let session = self.session(again.token).filter(|session| session.account == person.account);
        let session = session.filter(|session| matches!(session.stage, Stage::In)).ok_or(Error::Unauthenticated)?;
        let judged = self.ask_again(&session, again.password, "own_password").await?;
        let one_at_a_time = self.registry.lock().await;
        self.still_open(again.token, &session)?;
        let mut account = self.still(&judged)?;
        if account.payload.factor.is_some() {
            self.take_code(&mut account, again.code, "own_code")?;
            self.save_account(actor, "show_second_factor", account).await?;
        }
        Ok(one_at_a_time)
    }
}
