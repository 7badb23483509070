//! Reading the rows of a table.

use super::super::error::Error;
use crate::store::{Key, MAX_SCAN_ROWS, Store, Table, Value, Versioned};

/// Every row of a table, page by page.
pub(in crate::service) async fn all_rows<K: Key, V: Value>(
    table: &Table<K, V>,
    store: &dyn Store,
) -> Result<Vec<(K, Versioned<V>)>, Error> {
    let mut all = Vec::new();
    let mut range = table.all();
    loop {
        let rows = table.scan(store, range, MAX_SCAN_ROWS).await?;
        let Some((last, _)) = rows.last() else { return Ok(all) };
        range = table.after(last);
        all.extend(rows);
    }
}

pub(in crate::service) fn damaged(error: impl std::fmt::Display) -> Error {
    Error::Internal(format!("a row of the registry cannot be read: {error}"))
}
