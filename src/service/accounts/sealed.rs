//! Accounts as the store has them: read before the vault can open them, because it is first brought in line with them.

use super::super::access::AccountId;
use super::super::error::Error;
use super::super::registry::all_rows;
use super::super::tables::{ACCOUNTS, AccountRow};
use super::super::vault::{DataKeyId, RowKeys, Vault};
use super::{Account, Accounts, bury, context, damaged};
use crate::store::{Store, Versioned};

/// All accounts, none of them opened.
pub(in crate::service) struct SealedAccounts {
    rows: Vec<(AccountId, Versioned<AccountRow>)>,
    erased: Vec<AccountId>,
}

impl SealedAccounts {
    /// Reads all of them, and which were erased.
    pub(in crate::service) async fn read(store: &dyn Store) -> Result<Self, Error> {
        let id_of = |(id, row)| Ok::<_, Error>((AccountId::try_from(id).map_err(damaged)?, row));
        let rows = all_rows(&ACCOUNTS, store).await?.into_iter().map(id_of).collect::<Result<_, _>>()?;
        Ok(Self { rows, erased: bury::erased(store).await? })
    }

    /// The data keys that they are under, and those that none may be under any more.
    pub(in crate::service) fn keys(&self) -> RowKeys {
        let needed = self.rows.iter().map(|(id, _)| DataKeyId::from(*id)).collect();
        RowKeys { needed, erased: self.erased.iter().copied().map(DataKeyId::from).collect() }
    }

    /// Opens all of them.
    pub(in crate::service) fn open(self, vault: &Vault) -> Result<Accounts, Error> {
        let mut accounts = Accounts { erased: self.erased.into_iter().collect(), ..Accounts::default() };
        for (id, row) in self.rows {
            let plain = vault.decrypt(id.into(), &context(id), &row.value.sealed)?;
            let payload = serde_json::from_slice(&plain).map_err(damaged)?;
            accounts.put(Account { id, version: row.version, payload });
        }
        Ok(accounts)
    }
}
