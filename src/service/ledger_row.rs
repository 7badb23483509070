//! Reading and changing the one row of the ledger itself, on a ledger that is not in service.

use super::error::Error;
use super::tables::{LEDGER, LedgerRow};
use crate::standard::UnixMillis;
use crate::store::{Commit, Event, Store};

impl LedgerRow {
    /// The row of an opened ledger, with its version.
    pub(super) async fn read(store: &dyn Store) -> Result<(Self, u64), Error> {
        let row = LEDGER.get(store, &()).await?;
        let row = row.ok_or_else(|| Error::Unavailable("no ledger was founded here: run init first".into()))?;
        Ok((row.value, row.version))
    }

    /// Puts the row in place of the version that was read.
    pub(super) async fn write(&self, store: &dyn Store, version: u64, event: Event) -> Result<(), Error> {
        store.commit(Commit::new(event).when(LEDGER.at_version(&(), version)).write(LEDGER.put(&(), self)?)).await?;
        Ok(())
    }
}

/// What the operator did to the ledger as a whole.
pub(super) fn change(action: &str, subject: String, now: UnixMillis) -> Event {
    Event { actor: "operator".into(), action: action.into(), subject, digest: None, at_ms: now.millis() }
}
