//! Typed tables over the door: the way the service reads and writes.
//!
//! A value is one byte with the number of its schema, then JSON; of a [`WithTail`], then a zero byte, which no JSON has, and
//! bytes as they are. An older schema is upgraded when it is read, if the
//! table says how; a newer one is refused with [`StoreError::Format`], so that an older program can never drop fields it
//! does not know and write the rest back.
//!
//! ```
//! use cqo_ledger::store::{Commit, Event, Index, MemoryDisk, Store, StoreError, Table, distinct};
//!
//! const COURSES: Table<String, String> = Table::new(1, "courses");
//! const COURSES_BY_PROVIDER: Index<String, String> = Index::new(2, "courses by provider");
//! const _: () = assert!(distinct(&[COURSES.id(), COURSES_BY_PROVIDER.id()]));
//!
//! async fn add(store: &dyn Store) -> Result<(), StoreError> {
//!     let code = "C-1".to_string();
//!     let event = Event { actor: "org-7".into(), action: "add course".into(), subject: code.clone(), ..Event::default() };
//!     let commit = Commit::new(event)
//!         .when(COURSES.absent(&code))
//!         .write(COURSES.put(&code, &"Ethics".into())?)
//!         .write(COURSES_BY_PROVIDER.put(&"org-7".into(), &code));
//!     store.commit(commit).await?;
//!     let course = COURSES.get(store, "C-1").await?.expect("just added");
//!     assert_eq!(course.value, "Ethics");
//!     Ok(())
//! }
//! # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
//! # runtime.block_on(async { add(&MemoryDisk::new().open()).await.unwrap() });
//! ```

use std::fmt;
use std::marker::PhantomData;
use std::num::NonZeroU8;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{
    AsKey, Condition, Direction, Key, KeyPrefix, KeyRange, MAX_VALUE_BYTES, Row, RowKey, Store, StoreError, Write,
};

/// Rows of one kind. Declared once, as a constant; the number and the schema are for ever.
pub struct Table<K, V> {
    id: NonZeroU8,
    name: &'static str,
    schema: u8,
    upgrade: Option<Upgrade<V>>,
    key: PhantomData<fn() -> K>,
}

/// Reads the JSON of an older schema, whose number comes first.
type Upgrade<V> = fn(u8, &[u8]) -> Result<V, serde_json::Error>;

/// What a table can hold: all that is JSON, and [`WithTail`].
pub trait Value: Sized {
    /// Appends the bytes.
    fn write(&self, out: &mut Vec<u8>) -> Result<(), serde_json::Error>;

    /// The inverse.
    fn read(bytes: &[u8]) -> Result<Self, serde_json::Error>;
}

impl<V: Serialize + DeserializeOwned> Value for V {
    fn write(&self, out: &mut Vec<u8>) -> Result<(), serde_json::Error> {
        serde_json::to_writer(out, self)
    }

    fn read(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }
}

/// A value whose larger part is bytes, which JSON would blow up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WithTail<V> {
    /// Written as JSON.
    pub head: V,
    /// Written as it is.
    pub tail: Vec<u8>,
}

impl<V: Serialize + DeserializeOwned> Value for WithTail<V> {
    fn write(&self, out: &mut Vec<u8>) -> Result<(), serde_json::Error> {
        serde_json::to_writer(&mut *out, &self.head)?;
        out.reserve_exact(1 + self.tail.len());
        out.push(0);
        out.extend_from_slice(&self.tail);
        Ok(())
    }

    fn read(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
        let (head, tail) = bytes.split_at(end);
        Ok(Self { head: serde_json::from_slice(head)?, tail: tail.get(1..).unwrap_or_default().to_vec() })
    }
}

/// A value with the version that a later condition can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Versioned<V> {
    /// The sequence number of the commit that wrote it.
    pub version: u64,
    /// The value.
    pub value: V,
}

/// Whether all table numbers differ: `const _: () = assert!(distinct(&[A.id(), B.id()]));`.
pub const fn distinct(ids: &[u8]) -> bool {
    let mut seen = [false; 256];
    let mut at = 0;
    while at < ids.len() {
        if seen[ids[at] as usize] {
            return false;
        }
        seen[ids[at] as usize] = true;
        at += 1;
    }
    true
}

impl<K, V> Table<K, V> {
    /// A table with a number of its own, from 1 to 255, and values of schema 1.
    pub const fn new(id: u8, name: &'static str) -> Self {
        let id = NonZeroU8::new(id).expect("table 0 is the store's own");
        Self { id, name, schema: 1, upgrade: None, key: PhantomData }
    }

    /// The same table, whose values are now written in a later schema; `upgrade` reads the older ones.
    #[must_use]
    pub const fn evolved(mut self, schema: u8, upgrade: Upgrade<V>) -> Self {
        self.schema = schema;
        self.upgrade = Some(upgrade);
        self
    }

    /// The table's number.
    pub const fn id(&self) -> u8 {
        self.id.get()
    }

    /// The table's name, for people.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// All rows.
    pub fn all(&self) -> KeyRange {
        KeyRange::prefix(RowKey::new(self.id, &[]))
    }
}

impl<K: Key, V> Table<K, V> {
    /// The row of a key.
    pub fn row_key(&self, key: &(impl AsKey<K> + ?Sized)) -> RowKey {
        RowKey::encoded(self.id, |out| key.encode_as(out))
    }

    /// The rows from `key` on.
    pub fn from(&self, key: &(impl AsKey<K> + ?Sized)) -> KeyRange {
        self.all().from(self.row_key(key))
    }

    /// The rows after `key`: the next page.
    pub fn after(&self, key: &(impl AsKey<K> + ?Sized)) -> KeyRange {
        self.all().after(self.row_key(key))
    }

    /// The rows before `key`: the next page backwards.
    pub fn before(&self, key: &(impl AsKey<K> + ?Sized)) -> KeyRange {
        self.all().before(self.row_key(key))
    }

    /// The rows whose tuple key begins with `prefix`.
    pub fn prefix(&self, prefix: &impl KeyPrefix<K>) -> KeyRange {
        KeyRange::prefix(RowKey::encoded(self.id, |out| prefix.encode_prefix(out)))
    }

    /// The condition that there is no row under `key`.
    pub fn absent(&self, key: &(impl AsKey<K> + ?Sized)) -> Condition {
        Condition::Absent(self.row_key(key))
    }

    /// The condition that there is a row under `key`.
    pub fn present(&self, key: &(impl AsKey<K> + ?Sized)) -> Condition {
        Condition::Present(self.row_key(key))
    }

    /// The condition that the row under `key` is still the one that was read.
    pub fn at_version(&self, key: &(impl AsKey<K> + ?Sized), version: u64) -> Condition {
        Condition::Version(self.row_key(key), version)
    }

    /// Removes the row under `key`.
    pub fn delete(&self, key: &(impl AsKey<K> + ?Sized)) -> Write {
        Write::Delete(self.row_key(key))
    }
}

impl<K: Key, V: Value> Table<K, V> {
    /// Writes the row under `key`.
    pub fn put(&self, key: &(impl AsKey<K> + ?Sized), value: &V) -> Result<Write, StoreError> {
        let mut bytes = vec![self.schema];
        value.write(&mut bytes).map_err(|error| StoreError::Encode { table: self.name, detail: error.to_string() })?;
        StoreError::check_limit("value in bytes", bytes.len(), MAX_VALUE_BYTES)?;
        Ok(Write::Put(self.row_key(key), bytes))
    }

    /// The row under `key`.
    pub async fn get(
        &self,
        store: &dyn Store,
        key: &(impl AsKey<K> + ?Sized),
    ) -> Result<Option<Versioned<V>>, StoreError> {
        store.get(self.row_key(key)).await?.map(|row| self.decode(row)).transpose()
    }

    /// At most `limit` rows of `range`, from the smallest key up.
    pub async fn scan(
        &self,
        store: &dyn Store,
        range: KeyRange,
        limit: usize,
    ) -> Result<Vec<(K, Versioned<V>)>, StoreError> {
        self.scan_in(store, range, limit, Direction::Forward).await
    }

    /// At most `limit` rows of `range`, from the greatest key down.
    pub async fn scan_back(
        &self,
        store: &dyn Store,
        range: KeyRange,
        limit: usize,
    ) -> Result<Vec<(K, Versioned<V>)>, StoreError> {
        self.scan_in(store, range, limit, Direction::Reverse).await
    }

    /// The row with the greatest key.
    pub async fn last(&self, store: &dyn Store) -> Result<Option<(K, Versioned<V>)>, StoreError> {
        Ok(self.scan_back(store, self.all(), 1).await?.pop())
    }

    async fn scan_in(
        &self,
        store: &dyn Store,
        range: KeyRange,
        limit: usize,
        direction: Direction,
    ) -> Result<Vec<(K, Versioned<V>)>, StoreError> {
        let rows = store.scan(range, limit, direction).await?;
        rows.into_iter().map(|(key, row)| Ok((self.decode_key(&key)?, self.decode(row)?))).collect()
    }

    fn decode_key(&self, key: &RowKey) -> Result<K, StoreError> {
        (key.table() == self.id()).then(|| key.decoded()).flatten().ok_or_else(|| self.unreadable("a key".into()))
    }

    fn decode(&self, row: Row) -> Result<Versioned<V>, StoreError> {
        let (schema, json) = row.value.split_first().ok_or_else(|| self.unreadable("an empty value".into()))?;
        let value = match (*schema).cmp(&self.schema) {
            std::cmp::Ordering::Equal => V::read(json),
            std::cmp::Ordering::Less if self.upgrade.is_some() => {
                self.upgrade.map_or_else(|| V::read(json), |upgrade| upgrade(*schema, json))
            }
            _ => {
                return Err(StoreError::Format {
                    what: format!("a value of table {}", self.name),
                    found: u64::from(*schema),
                    expected: u64::from(self.schema),
                });
            }
        };
        let value = value.map_err(|error| self.unreadable(format!("a value: {error}")))?;
        Ok(Versioned { version: row.version, value })
    }

    fn unreadable(&self, what: String) -> StoreError {
        StoreError::Damaged {
            path: self.name.into(),
            detail: format!("the table holds {what}, which this program cannot read"),
            advice: "the program that wrote it differs from this one: use that version",
        }
    }
}

impl<K, V> fmt::Debug for Table<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "table {} ({})", self.id, self.name)
    }
}

/// A secondary index: from `F`, a field of a value, to the keys of the rows that have it.
///
/// Its rows are written in the same commit as the row they point to. What must be unique is not an index but a table
/// from the field to the key, with the condition that the row is absent.
pub struct Index<F, K> {
    rows: Table<(F, K), ()>,
}

impl<F, K> Index<F, K> {
    /// An index with a table number of its own.
    pub const fn new(id: u8, name: &'static str) -> Self {
        Self { rows: Table::new(id, name) }
    }

    /// The table number.
    pub const fn id(&self) -> u8 {
        self.rows.id()
    }
}

impl<F: Key, K: Key> Index<F, K> {
    /// Enters `key` under `field`.
    pub fn put(&self, field: &F, key: &K) -> Write {
        Write::Put(self.row_key(field, key), Vec::new())
    }

    /// Takes `key` away from under `field`.
    pub fn delete(&self, field: &F, key: &K) -> Write {
        Write::Delete(self.row_key(field, key))
    }

    /// The writes that follow a change of the field from `old` to `new`; none when it stays.
    pub fn moved(&self, old: Option<&F>, new: Option<&F>, key: &K) -> Vec<Write>
    where
        F: PartialEq,
    {
        if old == new {
            return Vec::new();
        }
        old.map(|old| self.delete(old, key)).into_iter().chain(new.map(|new| self.put(new, key))).collect()
    }

    /// At most `limit` keys under `field`, from the smallest up.
    pub async fn find(&self, store: &dyn Store, field: &F, limit: usize) -> Result<Vec<K>, StoreError> {
        self.find_in(store, self.under(field), limit).await
    }

    /// The same, from after `key` on: the next page.
    pub async fn find_after(&self, store: &dyn Store, field: &F, key: &K, limit: usize) -> Result<Vec<K>, StoreError> {
        self.find_in(store, self.under(field).after(self.row_key(field, key)), limit).await
    }

    async fn find_in(&self, store: &dyn Store, range: KeyRange, limit: usize) -> Result<Vec<K>, StoreError> {
        let rows = store.scan(range, limit, Direction::Forward).await?;
        rows.iter()
            .map(|(row, _)| row.decoded::<(F, K)>().map(|(_, key)| key))
            .map(|key| key.ok_or_else(|| self.rows.unreadable("a key".into())))
            .collect()
    }

    fn under(&self, field: &F) -> KeyRange {
        KeyRange::prefix(RowKey::encoded(self.rows.id, |out| field.encode(out)))
    }

    fn row_key(&self, field: &F, key: &K) -> RowKey {
        RowKey::encoded(self.rows.id, |out| {
            field.encode(out);
            key.encode(out);
        })
    }
}

impl<F, K> fmt::Debug for Index<F, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "index {} ({})", self.rows.id, self.rows.name)
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::store::{Commit, Event, MemoryDisk};

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Course {
        title: String,
        hours: u32,
    }

    const TITLES: Table<(u64, u32), String> = Table::new(7, "courses");
    const COURSES: Table<(u64, u32), Course> =
        Table::new(7, "courses").evolved(2, |_, json| Ok(Course { title: serde_json::from_slice(json)?, hours: 0 }));
    const BY_TITLE: Index<String, (u64, u32)> = Index::new(8, "courses by title");

    async fn write(store: &dyn Store, writes: Vec<Write>) {
        store.commit(Commit::new(Event::default()).write_all(writes)).await.unwrap();
    }

    #[tokio::test]
    async fn an_older_value_is_upgraded_and_a_newer_one_refused() {
        let store = MemoryDisk::new().open();
        write(&store, vec![TITLES.put(&(1, 1), &"old".into()).unwrap()]).await;
        let old = COURSES.get(&store, &(1, 1)).await.unwrap().unwrap();
        assert_eq!(old, Versioned { version: 1, value: Course { title: "old".into(), hours: 0 } });
        write(&store, vec![COURSES.put(&(1, 1), &old.value).unwrap()]).await;
        assert_eq!(COURSES.get(&store, &(1, 1)).await.unwrap().unwrap().version, 2);
        let refused = TITLES.get(&store, &(1, 1)).await;
        assert!(matches!(refused, Err(StoreError::Format { found: 2, expected: 1, .. })), "{refused:?}");
    }

    #[tokio::test]
    async fn tuple_keys_are_scanned_by_prefix_in_pages_and_from_the_end() {
        let store = MemoryDisk::new().open();
        let keys: Vec<(u64, u32)> = (1..=3).flat_map(|a| (0..4).map(move |b| (a, b))).collect();
        write(&store, keys.iter().map(|key| TITLES.put(key, &format!("{key:?}")).unwrap()).collect()).await;
        let found = |rows: Vec<((u64, u32), Versioned<String>)>| rows.into_iter().map(|row| row.0).collect::<Vec<_>>();
        let of_two = TITLES.scan(&store, TITLES.prefix(&2_u64), 99).await.unwrap();
        assert_eq!(found(of_two), keys[4..8]);
        assert_eq!(found(TITLES.scan(&store, TITLES.after(&(2, 2)), 2).await.unwrap()), keys[7..9]);
        assert_eq!(found(TITLES.scan(&store, TITLES.from(&(3, 2)), 9).await.unwrap()), keys[10..]);
        assert_eq!(found(TITLES.scan_back(&store, TITLES.before(&(1, 2)), 9).await.unwrap()), [(1, 1), (1, 0)]);
        assert_eq!(TITLES.last(&store).await.unwrap().unwrap().0, (3, 3));
    }

    #[tokio::test]
    async fn an_index_follows_its_field() {
        let store = MemoryDisk::new().open();
        let (a, b) = ("a".to_string(), "ab".to_string());
        for key in [(1, 1), (1, 2), (9, 0)] {
            write(&store, vec![BY_TITLE.put(&a, &key)]).await;
        }
        write(&store, BY_TITLE.moved(Some(&a), Some(&b), &(1, 2))).await;
        assert!(BY_TITLE.moved(Some(&a), Some(&a), &(1, 2)).is_empty());
        assert_eq!(BY_TITLE.find(&store, &a, 9).await.unwrap(), [(1, 1), (9, 0)]);
        assert_eq!(BY_TITLE.find_after(&store, &a, &(1, 1), 9).await.unwrap(), [(9, 0)]);
        assert_eq!(BY_TITLE.find(&store, &b, 9).await.unwrap(), [(1, 2)]);
    }

    #[tokio::test]
    async fn a_tail_of_any_bytes_comes_back() {
        const FILES: Table<u64, WithTail<String>> = Table::new(9, "files");
        let store = MemoryDisk::new().open();
        for (key, tail) in (0..).zip([vec![], vec![0], vec![0, 1, 255, 0], b"{}".to_vec()]) {
            let value = WithTail { head: "名\0".to_owned(), tail };
            write(&store, vec![FILES.put(&key, &value).unwrap()]).await;
            assert_eq!(FILES.get(&store, &key).await.unwrap().unwrap().value, value);
        }
    }

    #[test]
    fn numbers_must_differ_and_values_fit() {
        assert!(distinct(&[1, 2, 255]) && !distinct(&[1, 2, 1]));
        let long = TITLES.put(&(1, 1), &"x".repeat(MAX_VALUE_BYTES));
        assert!(matches!(long, Err(StoreError::TooLarge { .. })));
    }
}
