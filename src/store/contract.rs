//! One contract suite, run against every adapter: a table of cases, each given a fresh store.

use std::collections::BTreeMap;
use std::future::Future;
use std::num::NonZeroU8;

use super::faults::DiskStep;
use super::remains::Random;
use super::*;

const TABLE: NonZeroU8 = NonZeroU8::MIN;
const OTHER: NonZeroU8 = NonZeroU8::new(2).unwrap();
const LAST_TABLE: NonZeroU8 = NonZeroU8::MAX;

/// How the suite opens, reopens and breaks a store.
pub(super) trait Adapter {
    /// Opens it, for the first time or after a restart. The store opened before was dropped.
    fn open(&self) -> Box<dyn Store>;

    /// Lets the next commit fail, kept or not.
    fn break_next_commit(&self, kept: bool);
}

struct OnDisk(tempfile::TempDir, Options);

impl Adapter for OnDisk {
    fn open(&self) -> Box<dyn Store> {
        Box::new(Embedded::open(self.0.path(), &self.1).unwrap())
    }

    fn break_next_commit(&self, kept: bool) {
        self.1.faults.plan(if kept { DiskStep::Sync } else { DiskStep::HalfWrite });
    }
}

impl Adapter for MemoryDisk {
    fn open(&self) -> Box<dyn Store> {
        Box::new(MemoryDisk::open(self))
    }

    fn break_next_commit(&self, kept: bool) {
        self.plan(Step::Commit, 1, if kept { Fault::FailKept } else { Fault::FailLost });
    }
}

/// What must hold, and how it is tried on a fresh store.
type Case = (&'static str, fn(&dyn Adapter));

const CASES: &[Case] = &[
    ("a commit is written whole or not at all", all_or_nothing),
    ("every kind of condition is judged", conditions),
    ("the version is the number of the commit, so a row that came back is another", versions),
    ("scans are ordered in both directions, limited, and stay in their table", scans),
    ("of two writes to one key in a commit the later one stands", order_within_a_commit),
    ("what happened is chained and read in pages", events),
    ("what was acknowledged is there after a restart", durable),
    ("the last anchor is remembered with the last durable sequence number", anchors),
    ("what is above a limit is refused and nothing is written", limits),
    ("after a failed commit nothing is accepted until a restart", poisoned),
    ("of many who race for one row, one wins each version", races),
    ("random commits, conditions and restarts give what a map gives", model),
];

#[test]
fn the_embedded_store_keeps_the_contract() {
    for (name, case) in CASES {
        println!("{name}");
        // With the index in memory, half on the disk, and all on the disk.
        for recent_rows in [Options::default().recent_rows, 7, 1] {
            let options = Options { segment_bytes: 2_000, recent_rows, ..Options::default() };
            case(&OnDisk(tempfile::tempdir().unwrap(), options));
        }
    }
}

#[test]
fn the_store_in_memory_keeps_the_contract() {
    for (name, case) in CASES {
        println!("{name}");
        case(&MemoryDisk::new());
    }
}

pub(super) fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

pub(super) fn key(key: &str) -> RowKey {
    RowKey::new(TABLE, key.as_bytes())
}

pub(super) fn put(name: &str, value: &str) -> Write {
    Write::Put(key(name), value.into())
}

pub(super) fn commit(writes: impl IntoIterator<Item = Write>) -> Commit {
    let event = Event { actor: "a".into(), action: "b".into(), subject: "c".into(), digest: None, at_ms: 7 };
    Commit::new(event).write_all(writes)
}

pub(super) fn keep(store: &dyn Store, writes: impl IntoIterator<Item = Write>) -> u64 {
    wait(store.commit(commit(writes))).unwrap().sequence
}

fn get(store: &dyn Store, name: &str) -> Option<(u64, String)> {
    let row = wait(store.get(key(name))).unwrap()?;
    Some((row.version, String::from_utf8(row.value).unwrap()))
}

/// All rows of all tables, as `table/key=value@version`.
pub(super) fn all_rows(store: &dyn Store) -> Vec<String> {
    let tables = [TABLE, OTHER, LAST_TABLE].map(|table| KeyRange::prefix(RowKey::new(table, &[])));
    let rows = tables.into_iter().flat_map(|range| wait(store.scan(range, 10_000, Direction::Forward)).unwrap());
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    rows.map(|(key, row)| format!("{}/{}={}@{}", key.table(), text(key.key()), text(&row.value), row.version)).collect()
}

fn all_events(store: &dyn Store) -> Vec<EventRecord> {
    wait(store.events(1, 10_000)).unwrap()
}

fn all_or_nothing(adapter: &dyn Adapter) {
    let store = adapter.open();
    assert_eq!(keep(&*store, [put("a", "1"), put("b", "2")]), 1);
    let refused = commit([put("a", "x"), put("c", "x"), Write::Delete(key("b"))]).when(Condition::Absent(key("b")));
    assert!(matches!(wait(store.commit(refused)), Err(StoreError::Conflict { condition: 0 })));
    assert_eq!(all_rows(&*store), ["1/a=1@1", "1/b=2@1"]);
    assert_eq!(all_events(&*store).len(), 1);
    assert_eq!(keep(&*store, []), 2, "a refused commit takes no number");
    assert_eq!(store.health(), Health { sequence: 2, poisoned: None, no_room: None });
}

fn conditions(adapter: &dyn Adapter) {
    let store = adapter.open();
    keep(&*store, [put("there", "1")]);
    let (there, none) = (|| key("there"), || key("none"));
    let table = [
        (vec![Condition::Absent(none())], None),
        (vec![Condition::Absent(there())], Some(0)),
        (vec![Condition::Present(there())], None),
        (vec![Condition::Present(none())], Some(0)),
        (vec![Condition::Version(there(), 1)], None),
        (vec![Condition::Version(there(), 2)], Some(0)),
        (vec![Condition::Version(there(), 0)], Some(0)),
        (vec![Condition::Version(none(), 0)], Some(0)),
        (vec![Condition::Present(there()), Condition::Absent(none()), Condition::Version(there(), 9)], Some(2)),
        (vec![Condition::Absent(RowKey::new(OTHER, b"there"))], None),
    ];
    for (conditions, broken) in table {
        let judged = wait(store.commit(Commit { conditions: conditions.clone(), ..commit([]) }));
        match (judged, broken) {
            (Ok(_), None) => {}
            (Err(StoreError::Conflict { condition }), Some(broken)) if condition == broken => {}
            (other, _) => panic!("{conditions:?}: {other:?}"),
        }
    }
}

fn versions(adapter: &dyn Adapter) {
    let store = adapter.open();
    let first = keep(&*store, [put("a", "same")]);
    keep(&*store, [Write::Delete(key("a"))]);
    assert_eq!(get(&*store, "a"), None);
    let third = keep(&*store, [put("a", "same")]);
    assert_eq!(get(&*store, "a"), Some((third, "same".into())));
    let stale = commit([put("a", "other")]).when(Condition::Version(key("a"), first));
    assert!(matches!(wait(store.commit(stale)), Err(StoreError::Conflict { .. })));
    let fresh = commit([put("a", "other")]).when(Condition::Version(key("a"), third));
    assert_eq!(wait(store.commit(fresh)).unwrap().sequence, 4);
}

fn scans(adapter: &dyn Adapter) {
    let store = adapter.open();
    let names = ["", "\0", "a", "a\0", "ab", "b", "\u{FF}"];
    keep(&*store, names.iter().rev().map(|name| put(name, "")));
    for table in [OTHER, LAST_TABLE] {
        keep(&*store, [Write::Put(RowKey::new(table, &[0xFF, 0xFF]), vec![])]);
    }
    let found = |range: KeyRange, limit, direction| -> Vec<String> {
        let rows = wait(store.scan(range, limit, direction)).unwrap();
        rows.into_iter().map(|(key, _)| String::from_utf8_lossy(key.key()).into_owned()).collect()
    };
    use Direction::{Forward, Reverse};
    let all = || KeyRange::prefix(key(""));
    let backwards: Vec<&str> = names.iter().rev().copied().collect();
    assert_eq!(found(all(), 99, Forward), names);
    assert_eq!(found(all(), 99, Reverse), backwards);
    assert_eq!(found(all(), 0, Forward), [""; 0]);
    assert_eq!(found(all(), 3, Forward), names[..3]);
    assert_eq!(found(all(), 3, Reverse), backwards[..3]);
    assert_eq!(found(KeyRange::prefix(key("a")), 99, Forward), ["a", "a\0", "ab"]);
    assert_eq!(found(all().from(key("a")), 2, Forward), ["a", "a\0"]);
    assert_eq!(found(all().after(key("a")), 2, Forward), ["a\0", "ab"]);
    assert_eq!(found(all().before(key("ab")), 2, Reverse), ["a\0", "a"]);
    assert_eq!(found(all().from(key("b")).before(key("a")), 2, Forward), [""; 0]);
    for table in [OTHER, LAST_TABLE] {
        for direction in [Forward, Reverse] {
            let range = || KeyRange::prefix(RowKey::new(table, &[]));
            assert_eq!(wait(store.scan(range(), 99, direction)).unwrap().len(), 1);
            let inner = KeyRange::prefix(RowKey::new(table, &[0xFF]));
            assert_eq!(wait(store.scan(inner, 99, direction)).unwrap().len(), 1);
        }
    }
}

fn order_within_a_commit(adapter: &dyn Adapter) {
    let store = adapter.open();
    keep(&*store, [put("a", "1"), put("a", "2"), put("b", "1"), Write::Delete(key("b")), Write::Delete(key("none"))]);
    keep(&*store, [Write::Delete(key("c")), put("c", "1")]);
    drop(store);
    assert_eq!(all_rows(&*adapter.open()), ["1/a=2@1", "1/c=1@2"]);
}

fn events(adapter: &dyn Adapter) {
    let store = adapter.open();
    let given: Vec<Event> = (1..=9_i64)
        .map(|n| Event {
            actor: format!("人-{n}"),
            action: "do".into(),
            subject: String::new(),
            digest: (n % 2 == 0).then(|| crate::merkle::Hash::of(&[b"x"])),
            at_ms: -n,
        })
        .collect();
    for event in &given {
        wait(store.commit(Commit::new(event.clone()).write(put("a", "1")))).unwrap();
    }
    let records = all_events(&*store);
    assert_eq!(records.iter().map(|record| record.event.clone()).collect::<Vec<_>>(), given);
    let head = verify_events(EventHead::default(), &records).unwrap();
    assert_eq!(head.sequence, 9);
    assert_eq!(wait(store.events(4, 2)).unwrap(), records[3..5]);
    assert_eq!(wait(store.events(0, 1)).unwrap(), records[..1]);
    assert_eq!(wait(store.events(9, 5)).unwrap(), records[8..]);
    assert_eq!(wait(store.events(10, 5)).unwrap(), []);
    assert_eq!(wait(store.events(1, 0)).unwrap(), []);
    drop(store);
    let store = adapter.open();
    keep(&*store, []);
    let records = all_events(&*store);
    assert_eq!(verify_events(EventHead::default(), &records[..9]), Ok(head));
    assert!(verify_events(head, &records[9..]).is_ok(), "the chain goes on after a restart");
}

fn durable(adapter: &dyn Adapter) {
    let mut expected = Vec::new();
    for round in 0..4 {
        let store = adapter.open();
        assert_eq!(all_rows(&*store), expected);
        for nth in 0..20 {
            let name = format!("{round}-{nth:02}");
            let version = keep(&*store, [put(&name, "v")]);
            expected.push(format!("1/{name}=v@{version}"));
        }
    }
    assert_eq!(adapter.open().health().sequence, 80);
}

fn anchors(adapter: &dyn Adapter) {
    let store = adapter.open();
    assert_eq!(wait(store.anchored()).unwrap(), None);
    for (sequence, checkpoint) in [(0, "empty"), (1, "一\nline\n"), (1, "again")] {
        if sequence > store.health().sequence {
            keep(&*store, []);
        }
        let anchor = Anchor { sequence, checkpoint: checkpoint.into() };
        assert_eq!(wait(store.anchor(checkpoint)).unwrap(), anchor);
        assert_eq!(wait(store.anchored()).unwrap(), Some(anchor));
    }
    keep(&*store, []);
    drop(store);
    let anchor = Anchor { sequence: 1, checkpoint: "again".into() };
    assert_eq!(wait(adapter.open().anchored()).unwrap(), Some(anchor));
}

fn limits(adapter: &dyn Adapter) {
    let store = adapter.open();
    let long = |len: usize| RowKey::new(TABLE, &vec![b'k'; len]);
    let value = |len: usize| vec![0; len];
    let event = |len: usize| Commit::new(Event { subject: "s".repeat(len), ..Event::default() });
    let big = (0..137).map(|n| Write::Put(key(&n.to_string()), value(MAX_VALUE_BYTES)));
    let refused = [
        commit([Write::Put(long(MAX_KEY_BYTES + 1), vec![])]),
        commit([]).when(Condition::Absent(long(MAX_KEY_BYTES + 1))),
        commit([Write::Put(key("a"), value(MAX_VALUE_BYTES + 1))]),
        commit(vec![Write::Delete(key("a")); MAX_COMMIT_WRITES + 1]),
        Commit { conditions: vec![Condition::Absent(key("a")); MAX_COMMIT_CONDITIONS + 1], ..commit([]) },
        event(MAX_EVENT_TEXT_BYTES + 1),
        commit(big),
    ];
    for commit in refused {
        assert!(matches!(wait(store.commit(commit)), Err(StoreError::TooLarge { .. })));
    }
    assert!(matches!(wait(store.anchor(&"c".repeat(MAX_CHECKPOINT_BYTES + 1))), Err(StoreError::TooLarge { .. })));
    let wide = wait(store.scan(KeyRange::prefix(key("")), MAX_SCAN_ROWS + 1, Direction::Forward));
    assert!(matches!(wide, Err(StoreError::TooLarge { .. })));
    assert!(matches!(wait(store.events(1, MAX_SCAN_ROWS + 1)), Err(StoreError::TooLarge { .. })));
    assert_eq!((all_rows(&*store).len(), all_events(&*store).len()), (0, 0));

    let most = commit([Write::Put(long(MAX_KEY_BYTES), value(MAX_VALUE_BYTES))]);
    wait(store.commit(most)).unwrap();
    wait(store.commit(commit(vec![Write::Delete(key("a")); MAX_COMMIT_WRITES]))).unwrap();
    wait(store.commit(event(MAX_EVENT_TEXT_BYTES))).unwrap();
    wait(store.anchor(&"c".repeat(MAX_CHECKPOINT_BYTES))).unwrap();
    drop(store);
    assert_eq!(adapter.open().health().sequence, 3);
}

fn poisoned(adapter: &dyn Adapter) {
    let mut expected = Vec::new();
    for (name, kept) in [("lost", false), ("kept", true)] {
        let store = adapter.open();
        adapter.break_next_commit(kept);
        let failed = wait(store.commit(commit([put(name, "")])));
        assert!(matches!(failed, Err(StoreError::Poisoned { .. })), "{failed:?}");
        let later = wait(store.commit(commit([put("later", "")])));
        assert!(matches!(later, Err(StoreError::Poisoned { .. })), "{later:?}");
        assert!(matches!(wait(store.anchor("x")), Err(StoreError::Poisoned { .. })));
        assert!(store.health().poisoned.is_some());
        assert_eq!(all_rows(&*store), expected, "reads answer, and show what is surely durable");
        drop(store);
        let store = adapter.open();
        if kept {
            expected.push(format!("1/{name}=@{}", store.health().sequence));
        }
        assert_eq!(all_rows(&*store), expected);
        assert_eq!(store.health().poisoned, None);
        let after = keep(&*store, [put("after", "")]);
        expected.retain(|row| !row.contains("after"));
        expected.insert(0, format!("1/after=@{after}"));
        verify_events(EventHead::default(), &all_events(&*store)).unwrap();
    }
}

fn races(adapter: &dyn Adapter) {
    const RACERS: usize = 6;
    const ROUNDS: usize = 30;
    let store = adapter.open();
    keep(&*store, [put("counter", "0")]);
    let raise = || {
        let (version, count) = get(&*store, "counter").unwrap();
        let next = (count.parse::<usize>().unwrap() + 1).to_string();
        let raised = commit([put("counter", &next)]).when(Condition::Version(key("counter"), version));
        match wait(store.commit(raised)) {
            Ok(_) => 1,
            Err(StoreError::Conflict { condition: 0 }) => 0,
            Err(other) => panic!("{other}"),
        }
    };
    let raised: usize = std::thread::scope(|scope| {
        let racer = || (0..ROUNDS).map(|_| raise()).sum::<usize>();
        let racers: Vec<_> = (0..RACERS).map(|_| scope.spawn(racer)).collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).sum()
    });
    assert!(raised >= ROUNDS, "somebody wins every time: {raised}");
    assert_eq!(get(&*store, "counter").unwrap().1, raised.to_string());

    // All of these can be in one group: conditions are judged against the writes in flight.
    let first_to_come = wait(async {
        let claim = |_| store.commit(commit([put("claim", "")]).when(Condition::Absent(key("claim"))));
        let release = commit([Write::Delete(key("claim"))]).when(Condition::Present(key("claim")));
        tokio::join!(claim(0), claim(1), store.commit(release), claim(2), claim(3))
    });
    assert!(matches!(
        first_to_come,
        (Ok(_), Err(StoreError::Conflict { .. }), Ok(_), Ok(_), Err(StoreError::Conflict { .. }))
    ));
}

fn model(adapter: &dyn Adapter) {
    for seed in 1..=3 {
        model_run(adapter, &mut Random(0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(seed)));
    }
}

/// Commits a random commit and does the same to a map; both must agree on the verdict and on every row.
fn model_run(adapter: &dyn Adapter, random: &mut Random) {
    let mut store = adapter.open();
    let mut sequence = store.health().sequence;
    let mut rows: BTreeMap<RowKey, Row> = BTreeMap::new();
    keep(&*store, ["a", "b", "c", "d"].map(|name| Write::Delete(key(name))));
    sequence += 1;
    for _ in 0..150 {
        let mut some_key = || key(["a", "b", "c", "d"][random.below(4)]);
        let keys = [some_key(), some_key(), some_key()];
        let version = sequence - random.below(6).min(usize::try_from(sequence).unwrap()) as u64;
        let conditions: Vec<Condition> = match random.below(5) {
            0 => vec![Condition::Absent(keys[2].clone())],
            1 => vec![Condition::Present(keys[2].clone()), Condition::Absent(keys[1].clone())],
            2 => vec![Condition::Version(keys[2].clone(), version)],
            _ => vec![],
        };
        let value = vec![b'v'; random.below(300)];
        let writes = match random.below(3) {
            0 => vec![Write::Delete(keys[0].clone()), Write::Put(keys[1].clone(), value)],
            1 => vec![Write::Put(keys[0].clone(), value), Write::Delete(keys[1].clone())],
            _ => vec![Write::Put(keys[0].clone(), value)],
        };
        let broken = conditions.iter().position(|c| !c.holds(rows.get(c.key()).map(|row| row.version)));
        match (wait(store.commit(Commit { conditions, ..commit(writes.clone()) })), broken) {
            (Ok(committed), None) => {
                sequence += 1;
                assert_eq!(committed.sequence, sequence);
                for write in writes {
                    match write {
                        Write::Put(key, value) => rows.insert(key, Row { version: sequence, value }),
                        Write::Delete(key) => rows.remove(&key),
                    };
                }
            }
            (Err(StoreError::Conflict { condition }), Some(broken)) => assert_eq!(condition, broken),
            (verdict, broken) => panic!("{verdict:?} against {broken:?}"),
        }
        if random.below(25) == 0 {
            drop(store);
            store = adapter.open();
        }
        let found = wait(store.scan(KeyRange::prefix(key("")), 99, Direction::Forward)).unwrap();
        assert_eq!(found, rows.clone().into_iter().collect::<Vec<_>>());
    }
    verify_events(EventHead::default(), &all_events(&*store)).unwrap();
}
