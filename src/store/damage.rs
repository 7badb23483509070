//! Tests that break the embedded store's files on purpose.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::contract::{all_rows, commit, keep, key, put, wait};
use super::faults::DiskStep;
use super::journal::{self, ack_of};
use super::remains::{Random, scratch};
use super::*;

/// A store whose segments hold a few groups each.
fn options() -> Options {
    Options { segment_bytes: 1_200, cache_bytes: 1024 * 1024, recent_rows: 5, ..Options::default() }
}

fn open(dir: &Path) -> Result<Embedded, StoreError> {
    Embedded::open(dir, &options())
}

/// A store with `commits` commits, closed.
fn filled(commits: usize) -> tempfile::TempDir {
    let dir = scratch();
    fill(dir.path(), commits);
    dir
}

fn fill(dir: &Path, commits: usize) -> Vec<String> {
    let store = open(dir).unwrap();
    for nth in 0..commits {
        keep(&store, [put(&format!("row-{}", nth % 7), &format!("value-{nth}")), Write::Delete(key("row-6"))]);
    }
    all_rows(&store)
}

fn rows(dir: &Path) -> Vec<String> {
    all_rows(&open(dir).unwrap())
}

/// Opens the index behind the store's back. A process that another test is just starting may hold its lock for a moment.
fn open_index(path: &Path) -> sled::Db {
    let asked = Instant::now();
    loop {
        match sled::open(path) {
            Err(_) if asked.elapsed() < Duration::from_secs(10) => std::thread::sleep(Duration::from_millis(5)),
            opened => return opened.unwrap(),
        }
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() { copy(&path, &target) } else { assert!(fs::copy(&path, &target).is_ok()) }
    }
}

fn segments(dir: &Path) -> Vec<PathBuf> {
    let mut found: Vec<_> = fs::read_dir(dir.join("journal")).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.retain(|path| path.extension().is_some_and(|extension| extension == "log"));
    found.sort();
    found
}

/// The store must refuse to open, and the error must name `path`.
fn refused(dir: &Path, path: &Path, what: &str) -> String {
    match open(dir) {
        Err(StoreError::Damaged { path: named, detail, .. }) => {
            assert_eq!(named, path, "{what}: {detail}");
            detail
        }
        other => panic!("{what}: {:?}", other.map(|store| all_rows(&store))),
    }
}

/// A copy of a store of five commits as a crash left it: the mark file knows only the first `marked` of them, and
/// there is no index and no acknowledgement. With it the last segment, and where its last group begins.
fn crashed(marked: usize) -> (tempfile::TempDir, PathBuf, usize, [Vec<String>; 2]) {
    let dir = scratch();
    let big = Options::default();
    let store = Embedded::open(dir.path(), &big).unwrap();
    let mut before = Vec::new();
    let mut mark = fs::read(dir.path().join("mark")).unwrap();
    let mut begins = 0;
    let path = segments(dir.path()).pop().unwrap();
    for nth in 1..=5 {
        before = all_rows(&store);
        begins = usize::try_from(journal::end_of(&path)).unwrap();
        keep(&store, [put(&format!("row-{nth}"), "value")]);
        if nth == marked {
            wait(store.anchor("checkpoint")).unwrap();
            mark = fs::read(dir.path().join("mark")).unwrap();
        }
    }
    let after = all_rows(&store);
    drop(store);
    let end = journal::end_of(&path);
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(end).unwrap();
    fs::write(dir.path().join("mark"), mark).unwrap();
    fs::remove_dir_all(dir.path().join("index")).unwrap();
    (dir, path, begins, [before, after])
}

/// Opens a copy of `dir` with other bytes in `path`, and tells what came of it.
fn with_bytes(dir: &Path, path: &Path, bytes: &[u8]) -> Result<Vec<String>, StoreError> {
    let other = scratch();
    copy(dir, other.path());
    fs::write(other.path().join(path.strip_prefix(dir).unwrap()), bytes).unwrap();
    open(other.path()).map(|store| all_rows(&store))
}

#[test]
fn a_torn_last_group_is_cut_off_at_every_byte_and_only_if_it_was_never_acknowledged() {
    for marked in [0, 4, 5] {
        let (dir, path, begins, [before, after]) = crashed(marked);
        let whole = fs::read(&path).unwrap();
        assert_eq!(with_bytes(dir.path(), &path, &whole).unwrap(), after);
        for len in begins..whole.len() {
            for tail in [vec![], vec![0; whole.len() - len], vec![0xA5; 40]] {
                let torn = [&whole[..len], &tail].concat();
                // By chance the bytes of the tail can be those of the group.
                if torn.starts_with(&whole) {
                    continue;
                }
                match with_bytes(dir.path(), &path, &torn) {
                    Ok(rows) if marked < 5 => assert_eq!(rows, before, "cut at {len}"),
                    Err(StoreError::Damaged { detail, .. }) if marked == 5 => {
                        assert!(torn.len() == begins || detail.contains("the mark file knows"), "{detail}");
                    }
                    other => panic!("marked {marked}, cut at {len}: {other:?}"),
                }
            }
        }
    }
}

#[test]
fn after_a_torn_tail_was_cut_off_the_store_goes_on() {
    let (dir, path, begins, [before, _]) = crashed(4);
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..begins + 70]).unwrap();
    assert_eq!(rows(dir.path()), before);
    assert_eq!(fs::read(dir.path().join("journal/last-cut")).unwrap(), whole[begins..begins + 70]);
    let store = open(dir.path()).unwrap();
    assert_eq!(keep(&store, [put("new", "")]), 5);
    verify_events(EventHead::default(), &wait(store.events(1, 99)).unwrap()).unwrap();
}

/// Without the acknowledgement a bit flip in the last group could not be told from a torn write; with it, it can.
#[test]
fn an_acknowledged_last_group_is_never_taken_for_a_torn_one() {
    let (dir, path, begins, [_, after]) = crashed(0);
    let whole = fs::read(&path).unwrap();
    let acknowledged = [&whole[..], &ack_of(&whole, begins)].concat();
    assert_eq!(with_bytes(dir.path(), &path, &acknowledged).unwrap(), after);
    for at in begins..whole.len() {
        let mut flipped = acknowledged.clone();
        flipped[at] ^= 0x10;
        let opened = with_bytes(dir.path(), &path, &flipped);
        assert!(matches!(opened, Err(StoreError::Damaged { .. })), "bit flip at {at}: {opened:?}");
    }
    for len in whole.len()..acknowledged.len() {
        assert_eq!(with_bytes(dir.path(), &path, &acknowledged[..len]).unwrap(), after, "torn acknowledgement {len}");
    }
}

#[test]
fn a_group_torn_over_an_acknowledgement_is_cut_off_and_the_acknowledged_one_stays() {
    let (dir, path, begins, [before, _]) = crashed(0);
    let whole = fs::read(&path).unwrap();
    let ack = ack_of(&whole, last_before(&whole, begins));
    for written in [0, 16, 50] {
        // The first bytes of the new group never reached the disk, some later ones did.
        let torn = [&whole[..begins], &ack, &vec![0; written], &whole[begins + ack.len() + written..]].concat();
        assert_eq!(with_bytes(dir.path(), &path, &torn).unwrap(), before);
    }
}

fn last_before(segment: &[u8], end: usize) -> usize {
    (0..end).rev().find(|at| journal::group_ends(segment, *at) == Some(end)).unwrap()
}

/// Of a store that was closed: every file, bits at random places, and nothing wrong may ever be served.
#[test]
fn a_flipped_bit_in_any_file_is_named_or_made_good_and_never_served() {
    let mut random = Random(0xBAD_5EED);
    let dir = filled(40);
    let good = rows(dir.path());
    let journal = segments(dir.path());
    assert!(journal.len() > 3);
    let files: Vec<PathBuf> = ["FORMAT", "mark", "index/db", "index/conf"].map(|name| dir.path().join(name)).into();
    for path in files.iter().chain(&journal) {
        let bytes = fs::read(path).unwrap();
        let in_journal = journal.contains(path);
        let end = if in_journal { usize::try_from(journal::end_of(path)).unwrap() } else { bytes.len() };
        for _ in 0..25 {
            let (at, bit) = (random.below(end), random.below(8));
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << bit;
            let other = scratch();
            copy(dir.path(), other.path());
            let other_path = other.path().join(path.strip_prefix(dir.path()).unwrap());
            fs::write(&other_path, flipped).unwrap();
            let what = format!("{}: bit {bit} of byte {at}", path.display());
            match open(other.path()) {
                Err(StoreError::Damaged { path: named, detail, .. }) if in_journal => {
                    // A flip in a name of the segment before is seen where the two do not fit.
                    assert_eq!(named, other_path, "{what}: {detail}");
                }
                Err(StoreError::Damaged { .. } | StoreError::Format { .. })
                    if !path.starts_with(dir.path().join("index")) => {}
                Ok(store) if path.starts_with(dir.path().join("index")) => assert_eq!(all_rows(&store), good, "{what}"),
                other => panic!("{what}: {:?}", other.map(|store| all_rows(&store))),
            }
        }
    }
}

#[test]
fn a_journal_flipped_while_the_store_runs_is_not_served_as_events() {
    let dir = filled(40);
    let store = open(dir.path()).unwrap();
    let path = &segments(dir.path())[1];
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).unwrap();
    let events = wait(store.events(1, 99));
    assert!(matches!(&events, Err(StoreError::Damaged { path: named, .. }) if named == path), "{events:?}");
}

#[test]
fn what_no_crash_leaves_behind_is_refused_by_name() {
    let cut = |path: &Path, by: u64| {
        let file = fs::OpenOptions::new().write(true).open(path).unwrap();
        file.set_len(file.metadata().unwrap().len() - by).unwrap();
    };
    let swap = |a: &Path, b: &Path| {
        let bytes = fs::read(a).unwrap();
        fs::copy(b, a).unwrap();
        fs::write(b, bytes).unwrap();
    };
    // What is done to the segments, which of them is named, and a word of the reason.
    type Change<'a> = (&'a dyn Fn(&[PathBuf]), usize, &'a str);
    let changes: [Change<'_>; 8] = [
        (&|s| fs::remove_file(&s[0]).unwrap(), 1, "a segment is missing"),
        (&|s| fs::remove_file(&s[1]).unwrap(), 2, "a segment is missing"),
        (&|s| fs::remove_file(&s[3]).unwrap(), 2, "was durable"),
        (&|s| cut(&s[1], 1), 1, "incomplete"),
        (&|s| cut(&s[1], 400), 1, "incomplete"),
        (&|s| fs::write(&s[1], []).unwrap(), 1, "header is incomplete"),
        (&|s| swap(&s[1], &s[2]), 1, "segment is missing"),
        (&|s| fs::write(&s[1], [fs::read(&s[1]).unwrap(), vec![0]].concat()).unwrap(), 1, "incomplete"),
    ];
    for (nth, (change, named, reason)) in changes.iter().enumerate() {
        let dir = filled(20);
        let segments = segments(dir.path());
        assert_eq!(segments.len(), 4, "the cases count on it");
        change(&segments);
        let detail = refused(dir.path(), &segments[*named], &format!("change {nth}"));
        assert!(detail.contains(reason), "change {nth}: {detail}");
    }
}

#[test]
fn a_whole_group_behind_a_broken_one_is_damage_even_without_a_mark() {
    let (dir, path, begins, _) = crashed(0);
    let whole = fs::read(&path).unwrap();
    let before = last_before(&whole, begins);
    for at in before..begins {
        let mut flipped = whole.clone();
        flipped[at] ^= 1;
        let opened = with_bytes(dir.path(), &path, &flipped);
        assert!(matches!(&opened, Err(StoreError::Damaged { .. })), "{opened:?}");
    }
}

#[test]
fn the_small_files_are_needed_and_checked() {
    let change = |name: &str, change: &dyn Fn(&Path)| {
        let dir = filled(3);
        change(&dir.path().join(name));
        open(dir.path()).err().map(|error| error.to_string()).unwrap_or_default()
    };
    let remove = |path: &Path| fs::remove_file(path).unwrap();
    let text = |text: &'static str| move |path: &Path| fs::write(path, text).unwrap();
    assert!(change("mark", &remove).contains("missing"));
    assert!(change("mark", &text("{}\n")).contains("checksum"));
    assert!(change("FORMAT", &remove).contains("there is a journal"));
    assert!(change("FORMAT", &text("hello")).contains("does not name"));
    let later = change("FORMAT", &text("cqo-ledger store\nformat 2\nstore 00\n"));
    assert!(later.contains("has format 2, this program reads format 1"), "{later}");
    let foreign = change("mark", &|path| assert!(fs::copy(filled(9).path().join("mark"), path).is_ok()));
    assert!(foreign.contains("another store"), "{foreign}");
    let foreign = change("FORMAT", &|path| assert!(fs::copy(filled(9).path().join("FORMAT"), path).is_ok()));
    assert!(foreign.contains("another store"), "{foreign}");
}

/// A backup of the same store that went another way: same id, same numbers, other contents.
#[test]
fn a_journal_with_another_history_than_the_mark_is_refused() {
    let dir = filled(3);
    let other = scratch();
    copy(dir.path(), other.path());
    fill(dir.path(), 1);
    let store = open(other.path()).unwrap();
    keep(&store, [put("elsewhere", "")]);
    drop(store);
    fs::copy(other.path().join("mark"), dir.path().join("mark")).unwrap();
    let segment = segments(dir.path()).pop().unwrap();
    assert!(refused(dir.path(), &segment, "mark").contains("not the journal that the mark file knows"));
}

#[test]
fn the_index_is_rebuilt_whatever_happened_to_it() {
    let dir = filled(30);
    let good = rows(dir.path());
    let index = dir.path().join("index");
    let saved = scratch();
    copy(&index, &saved.path().join("behind"));
    fill(dir.path(), 10);
    let later = rows(dir.path());
    assert_ne!(good, later);
    let replace = |from: &Path| {
        fs::remove_dir_all(&index).unwrap();
        copy(from, &index);
    };
    // Missing.
    fs::remove_dir_all(&index).unwrap();
    assert_eq!(rows(dir.path()), later);
    // Behind.
    replace(&saved.path().join("behind"));
    assert_eq!(rows(dir.path()), later);
    // Of another store.
    replace(&filled(40).path().join("index"));
    assert_eq!(rows(dir.path()), later);
    // Not sled at all.
    fs::remove_dir_all(&index).unwrap();
    fs::write(&index, "hello").unwrap();
    assert_eq!(rows(dir.path()), later);
    fs::write(index.join("db"), [0x5A; 70_000]).unwrap();
    assert_eq!(rows(dir.path()), later);
    // A row changed, added or removed behind its back.
    for change in 0..3 {
        let db = open_index(&index);
        let (row, value) = db.range([1_u8]..).next().unwrap().unwrap();
        match change {
            0 => drop(db.insert(&row, &[&value[..value.len() - 1], b"x"].concat()[..]).unwrap()),
            1 => drop(db.insert([9, 9], &value).unwrap()),
            _ => drop(db.remove(&row).unwrap()),
        }
        db.flush().unwrap();
        drop(db);
        assert_eq!(rows(dir.path()), later, "change {change}");
    }
}

#[test]
fn an_index_that_is_ahead_is_refused_and_one_of_another_history_rebuilt() {
    let dir = filled(5);
    let fork = scratch();
    copy(dir.path(), fork.path());
    let good = rows(dir.path());
    let take_index = |from: &Path| {
        fs::remove_dir_all(dir.path().join("index")).unwrap();
        copy(&from.join("index"), &dir.path().join("index"));
    };
    let store = open(fork.path()).unwrap();
    keep(&store, [put("elsewhere", "")]);
    drop(store);
    take_index(fork.path());
    let refused = open(dir.path()).err();
    assert!(matches!(&refused, Some(StoreError::Damaged { detail, .. }) if detail.contains("missing")), "{refused:?}");
    reindex(dir.path(), &mut |_, _| {}).unwrap();
    assert_eq!(rows(dir.path()), good, "the missing commits were given up");
    let store = open(dir.path()).unwrap();
    keep(&store, [put("here", "")]);
    drop(store);
    let good = rows(dir.path());
    take_index(fork.path());
    assert_eq!(rows(dir.path()), good, "the same number, another history");
}

#[test]
fn reindex_rebuilds_and_tells_how_far_it_is() {
    let dir = filled(40);
    let good = rows(dir.path());
    let mut heard = Vec::new();
    reindex(dir.path(), &mut |done, total| heard.push((done, total))).unwrap();
    assert!(heard.len() > 40 && heard.is_sorted());
    assert!(heard.iter().all(|(done, total)| done <= total && *total == heard[0].1));
    assert_eq!(heard.last().map(|(done, total)| done == total), Some(true));
    assert_eq!(rows(dir.path()), good);
    let elsewhere = scratch();
    assert!(matches!(reindex(elsewhere.path(), &mut |_, _| {}), Err(StoreError::Io { .. })));
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0, "nothing is made in a wrong directory");
    let _open = open(dir.path()).unwrap();
    assert!(matches!(reindex(dir.path(), &mut |_, _| {}), Err(StoreError::Locked { .. })));
}

#[test]
fn a_damaged_journal_leaves_the_index_alone() {
    let dir = filled(20);
    fs::write(&segments(dir.path())[1], []).unwrap();
    let index = || fs::read(dir.path().join("index/db")).unwrap();
    let before = index();
    assert!(matches!(reindex(dir.path(), &mut |_, _| {}), Err(StoreError::Damaged { .. })));
    assert_eq!(index(), before);
}

/// The files as they are in the middle of work are what a killed process leaves.
#[test]
fn a_killed_process_loses_nothing_that_was_acknowledged() {
    let dir = filled(0);
    let store = open(dir.path()).unwrap();
    for nth in 0..30 {
        keep(&store, [put(&format!("row-{nth}"), "")]);
        let killed = scratch();
        copy(dir.path(), killed.path());
        assert_eq!(rows(killed.path()), all_rows(&store));
    }
}

#[test]
fn nobody_but_the_owner_can_enter() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = filled(20);
    fn modes(dir: &Path) -> Vec<(PathBuf, u32)> {
        let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
        entries.map(|path| (path.clone(), path.metadata().unwrap().permissions().mode() & 0o777)).collect()
    }
    for (path, mode) in modes(dir.path()).into_iter().chain(modes(&dir.path().join("journal"))) {
        assert_eq!(mode, if path.is_dir() { 0o700 } else { 0o600 }, "{}", path.display());
    }
}

#[test]
fn a_second_opener_is_refused_by_name() {
    let dir = filled(1);
    let first = open(dir.path()).unwrap();
    let second = open(dir.path()).err().unwrap();
    assert!(matches!(&second, StoreError::Locked { path } if path == dir.path()), "{second}");
    assert!(second.to_string().contains(&dir.path().display().to_string()));
    drop(first);
    open(dir.path()).unwrap();
}

#[test]
fn a_store_whose_making_was_interrupted_is_made_again() {
    let dir = filled(0);
    for missing in ["FORMAT", "mark", "index"] {
        let path = dir.path().join(missing);
        if path.is_dir() {
            fs::remove_dir_all(path).unwrap()
        } else {
            fs::remove_file(path).unwrap()
        }
        let _ = fs::remove_file(dir.path().join("FORMAT"));
        assert_eq!(rows(dir.path()), Vec::<String>::new());
    }
}

/// Each step of the disk fails once: what comes after is refused, and the restart shows all of the commit or nothing.
#[test]
fn every_step_that_fails_poisons_and_the_restart_tells() {
    let steps = [
        (DiskStep::Write, false),
        (DiskStep::HalfWrite, false),
        (DiskStep::Sync, true),
        (DiskStep::Rotate, false),
        (DiskStep::Apply, true),
        (DiskStep::Mark, true),
    ];
    for (step, kept) in steps {
        let dir = scratch();
        let options = Options { segment_bytes: 200, ..Options::default() };
        let store = Embedded::open(dir.path(), &options).unwrap();
        keep(&store, [put("first", "")]);
        let before = all_rows(&store);
        options.faults.plan(step);
        let failed = wait(store.commit(commit([put("a", ""), put("b", "")])));
        if step == DiskStep::Mark {
            failed.unwrap();
            assert!(matches!(wait(store.anchor("x")), Err(StoreError::Poisoned { .. })));
        } else {
            assert!(matches!(failed, Err(StoreError::Poisoned { .. })), "{step:?}");
            assert_eq!(all_rows(&store), before, "{step:?}");
        }
        assert!(store.health().poisoned.is_some(), "{step:?}");
        assert!(wait(store.commit(commit([]))).is_err(), "{step:?}");
        drop(store);
        let store = Embedded::open(dir.path(), &options).unwrap();
        assert_eq!(all_rows(&store).len(), if kept { 3 } else { 1 }, "{step:?}");
        assert_eq!(wait(store.anchored()).unwrap(), None);
        keep(&store, [put("later", "")]);
    }
}

/// Want of room is no failure of the disk: nothing is kept, nothing is poisoned, and the next commit is taken.
#[test]
fn a_commit_or_an_anchor_without_room_is_refused_for_sure_and_the_store_goes_on() {
    for step in [DiskStep::Full, DiskStep::OpenSegment, DiskStep::MarkDescriptors] {
        let dir = scratch();
        let options = Options { segment_bytes: 200, ..Options::default() };
        let store = Embedded::open(dir.path(), &options).unwrap();
        keep(&store, [put("first", "")]);
        wait(store.anchor("good")).unwrap();
        let before = all_rows(&store);
        for _ in 0..3 {
            options.faults.plan(step);
            let refused = match step {
                DiskStep::MarkDescriptors => wait(store.anchor("bad")).err(),
                _ => wait(store.commit(commit([put("a", "")]))).err(),
            };
            assert!(matches!(refused, Some(StoreError::NoRoom { .. })), "{step:?}: {refused:?}");
            assert_eq!((all_rows(&store), store.health().poisoned), (before.clone(), None), "{step:?}");
            // What the files are now is what a killed process leaves.
            let killed = scratch();
            copy(dir.path(), killed.path());
            assert_eq!(rows(killed.path()), before, "{step:?}");
        }
        assert_eq!(wait(store.anchored()).unwrap().map(|anchor| anchor.checkpoint).as_deref(), Some("good"));
        assert_eq!(keep(&store, [put("b", "")]), 2);
        wait(store.anchor("better")).unwrap();
        drop(store);
        assert_eq!(rows(dir.path()), ["1/b=@2", "1/first=@1"], "{step:?}");
    }
}
