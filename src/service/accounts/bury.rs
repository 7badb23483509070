//! Erasing accounts, and what remains of them: a tombstone with nothing personal in it.
//!
//! The commit that takes an account's row away leaves its tombstone; then its data key ends. A crash between the two leaves
//! a key whose owner has a tombstone, and the start erases it before accounts are read. After an error, asking again erases
//! every key whose owner has a tombstone: success is answered only when none is left.

use super::super::Service;
use super::super::access::{AccountId, AccountRole, Action, Actor};
use super::super::erasure::Grave;
use super::super::error::Error;
use super::super::registry::all_rows;
use super::super::tables::{ACCOUNTS, ERASED_ACCOUNTS, ErasedAccountRow};
use super::{AccountState, damaged};
use crate::ledger::entry::LearnerId;
use crate::standard::UnixMillis;
use crate::store::{Commit, MAX_EVENT_TEXT_BYTES, Store};

/// The accounts that were erased.
pub(super) async fn erased(store: &dyn Store) -> Result<Vec<AccountId>, Error> {
    let rows = all_rows(&ERASED_ACCOUNTS, store).await?;
    rows.into_iter().map(|(id, _)| AccountId::try_from(id).map_err(damaged)).collect()
}

/// What the tombstone of an account writes to a store that no service is open on; nothing where the store has it.
pub(in crate::service) async fn grave_of(
    store: &dyn Store,
    account: AccountId,
    at: UnixMillis,
) -> Result<Option<Grave>, Error> {
    let uuid = account.uuid();
    if ERASED_ACCOUNTS.get(store, &uuid).await?.is_some() {
        return Ok(None);
    }
    let writes = vec![ACCOUNTS.delete(&uuid), ERASED_ACCOUNTS.put(&uuid, &ErasedAccountRow { at })?];
    Ok(Some(Grave { when: ERASED_ACCOUNTS.absent(&uuid), writes }))
}

impl Service {
    /// Removes accounts for good, with their data keys, and ends their sessions; finishes what an earlier erasure left.
    pub(super) async fn erase_accounts(&self, actor: &Actor, ids: &[AccountId]) -> Result<(), Error> {
        if !ids.is_empty() {
            let subject = ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
            let subject = subject.chars().take(MAX_EVENT_TEXT_BYTES).collect();
            let mut commit = Commit::new(self.event(actor, "erase_accounts", subject));
            let tombstone = ErasedAccountRow { at: self.clock.now() };
            for id in ids {
                let uuid = id.uuid();
                commit = commit.write(ACCOUNTS.delete(&uuid)).write(ERASED_ACCOUNTS.put(&uuid, &tombstone)?);
            }
            self.store.commit(commit).await?;
        }
        let mut logins = Vec::new();
        let erased: Vec<AccountId> = {
            let mut accounts = self.accounts_mut();
            for id in ids {
                logins.extend(accounts.get(*id).map(|account| account.payload.login.clone()));
                accounts.remove(*id);
                self.doors().sessions.end_of(*id, |_| true);
            }
            accounts.erased.extend(ids);
            accounts.erased.iter().copied().collect()
        };
        self.forget_letters(logins).await?;
        // A crash before this leaves tombstones, and the start does the rest. Who has no key any more is passed over.
        self.on_disk(|vault| vault.erase(erased)).map_err(|error| {
            Error::Unavailable(format!("the erasure is recorded; asking again, or a restart, finishes it: {error}"))
        })
    }

    /// Erases an account that has ended: of whoever left and wants to be forgotten, only the id stays, in the record of what
    /// happened. Asked again, it finishes what was left.
    pub async fn erase_account(&self, actor: &Actor, id: AccountId) -> Result<(), Error> {
        self.allow(actor, Action::Erase)?;
        let _one_at_a_time = self.registry.lock().await;
        if self.known_accounts().erased.contains(&id) {
            return self.erase_accounts(actor, &[]).await;
        }
        match self.account_now(id)?.state() {
            AccountState::Ended => self.erase_accounts(actor, &[id]).await,
            _ => Err(Error::Conflict("end the account first 请先停用该账号".into())),
        }
    }

    /// Takes learners who were erased out of their accounts; an account that was nothing else than they goes with them.
    pub(in crate::service) async fn bury_accounts(&self, actor: &Actor) -> Result<(), Error> {
        let (mut gone, mut changed) = (Vec::new(), Vec::new());
        {
            let (accounts, directory) = (self.known_accounts(), self.directory());
            for account in accounts.by_id.values() {
                let learners = account.payload.learners.iter().copied();
                let left: Vec<LearnerId> = learners.filter(|id| directory.erased(*id).is_none()).collect();
                if left.len() == account.payload.learners.len() {
                    continue;
                }
                let other_roles = account.payload.grants.iter().any(|grant| grant.role != AccountRole::Learner);
                match left.is_empty() && !other_roles {
                    true => gone.push(account.id),
                    false => changed.push((account.as_ref().clone(), left)),
                }
            }
        }
        for (mut account, left) in changed {
            if left.is_empty() {
                account.payload.grants.retain(|grant| grant.role != AccountRole::Learner);
            }
            account.payload.learners = left;
            self.doors().sessions.end_of(account.id, |_| true);
            self.save_account(actor, "unlink_learner", account).await?;
        }
        self.erase_accounts(actor, &gone).await
    }
}
