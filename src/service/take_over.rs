//! A new ledger in the place of one that may not go on: the registry moves, the chain stays where it is.
//!
//! Rows move as they are: what is personal in them is encrypted under the learners' data keys, which move with them. Keys of
//! recorders and issuers do not move: the new authority registers them again on the new chain, so that everybody finds them there.

use super::error::Error;
use super::ledger_row::change;
use super::tables::{
    ACCOUNTS, BODY, CASES, COURSES, ERASED, ERASED_ACCOUNTS, ERASED_CASES, KEYS, LEARNERS, LEARNERS_BY_PROVIDER,
    LedgerRow, ORGANISATIONS, TERMS, TOKENS,
};
use crate::ledger::entry::{Body, KeyChange, Origin, Owner};
use crate::ledger::signed::SignedEntry;
use crate::standard::UnixMillis;
use crate::store::{Commit, Key, KeyRange, MAX_SCAN_ROWS, Store, Table, Value, Write};

/// Rows of one commit: those of the longest values still fit.
const ROWS_PER_COMMIT: usize = 100;

/// Who runs the ledger: the organisation of its first authority, under the name it has now.
pub async fn owner_of(store: &dyn Store) -> Result<Owner, Error> {
    let row = KEYS.get(store, &0).await?.ok_or_else(|| Error::Unavailable("the ledger has no key register".into()))?;
    let signed = SignedEntry::from_bytes(row.value.signed.as_bytes()).map_err(Error::internal)?;
    let Body::Key(KeyChange::Add { owner, .. }) = &signed.entry().body else {
        return Err(Error::internal("the key register does not begin with an authority"));
    };
    let organisation = ORGANISATIONS.get(store, owner.code.as_str()).await?;
    let name = organisation.map_or_else(|| owner.name.clone(), |row| row.value.name);
    Ok(Owner { code: owner.code.clone(), name })
}

/// Copies the registry of one ledger to a store where none is founded yet, and the ledger `origin` will be. A crash in the
/// middle leaves no ledger.
pub async fn take_over(from: &dyn Store, to: &dyn Store, origin: &Origin, now: UnixMillis) -> Result<(), Error> {
    let (old, _) = LedgerRow::read(from).await?;
    if old.origin == origin.as_str() {
        return Err(Error::Conflict(
            "the new ledger needs another name: under this one a chain was signed already".into(),
        ));
    }
    let mut moving = Moving { from, to, old: old.origin, now };
    moving.table(&ORGANISATIONS, |_, _| None).await?;
    moving.table(&LEARNERS, |id, row| Some(LEARNERS_BY_PROVIDER.put(&row.provider.to_string(), id))).await?;
    moving.table(&COURSES, |_, _| None).await?;
    moving.table(&ERASED, |_, _| None).await?;
    moving.table(&ERASED_CASES, |_, _| None).await?;
    moving.table(&BODY, |_, _| None).await?;
    moving.table(&CASES, |_, _| None).await?;
    moving.table(&ACCOUNTS, |_, _| None).await?;
    moving.table(&ERASED_ACCOUNTS, |_, _| None).await?;
    moving.table(&TERMS, |_, _| None).await?;
    moving.table(&TOKENS, |_, _| None).await
}

struct Moving<'a> {
    from: &'a dyn Store,
    to: &'a dyn Store,
    /// The origin of the old ledger.
    old: String,
    now: UnixMillis,
}

impl Moving<'_> {
    /// Copies a table, with what `beside` puts beside a row.
    async fn table<K, V>(&mut self, table: &Table<K, V>, beside: impl Fn(&K, &V) -> Option<Write>) -> Result<(), Error>
    where
        K: Key,
        V: Value,
    {
        let mut range: KeyRange = table.all();
        loop {
            let rows = table.scan(self.from, range, MAX_SCAN_ROWS).await?;
            let Some((last, _)) = rows.last() else { return Ok(()) };
            range = table.after(last);
            for some in rows.chunks(ROWS_PER_COMMIT) {
                let subject = format!("{} {} of {}", some.len(), table.name(), self.old);
                let mut commit = Commit::new(change("take_over", subject, self.now));
                for (key, row) in some {
                    commit = commit.write(table.put(key, &row.value)?).write_all(beside(key, &row.value));
                }
                self.to.commit(commit).await?;
            }
        }
    }
}
