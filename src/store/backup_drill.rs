//! Backups under a writer that never rests, and backups that something happened to.

use std::path::{Path, PathBuf};

use super::backup::{Manifest, backup, check_backup, lay_out_backup};
use super::{
    Commit, DiskStep, Embedded, Event, EventHead, MAX_SCAN_ROWS, Options, Store, StoreError, Table, verify_events,
};

const ROWS: Table<u64, String> = Table::new(9, "rows");
const AT: &str = "2026-11-22T08:00:00.000Z";

/// A data directory whose journal changes its segment every few groups.
struct Site {
    dir: tempfile::TempDir,
}

impl Site {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn to(&self) -> PathBuf {
        self.dir.path().join("backup")
    }

    fn open(&self) -> Embedded {
        let options = Options { segment_bytes: 2_000, ..Options::default() };
        Embedded::open(&self.data().join("store"), &options).unwrap()
    }

    fn back_up(&self) -> super::BackedUp {
        backup(&self.data(), &self.to(), AT, &mut |_, _| {}).unwrap()
    }

    /// Commits `count` rows, and an anchor after them.
    fn fill(&self, count: u64) {
        let store = self.open();
        let next = store.health().sequence;
        run(async {
            for n in next..next + count {
                store.commit(put(n)).await.unwrap();
            }
            store.anchor("the checkpoint").await.unwrap();
        });
    }
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn put(n: u64) -> Commit {
    let event = Event { actor: "test".into(), action: "put".into(), subject: n.to_string(), ..Event::default() };
    Commit::new(event).write(ROWS.put(&n, &"x".repeat(100)).unwrap())
}

/// Lays a backup out and opens it: whole, and exactly as long as it says.
fn restore(from: &Path, manifest: &Manifest) {
    let data = tempfile::tempdir().unwrap();
    lay_out_backup(from, manifest, data.path(), &mut |_, _| {}).unwrap();
    let store = Embedded::open(&data.path().join("store"), &Options::default()).unwrap();
    assert_eq!(store.health().sequence, manifest.sequence);
    run(async {
        let events = store.events(1, MAX_SCAN_ROWS).await.unwrap();
        assert_eq!(verify_events(EventHead::default(), &events).unwrap().sequence, manifest.sequence);
        assert_eq!(ROWS.scan(&store, ROWS.all(), MAX_SCAN_ROWS).await.unwrap().len() as u64, manifest.sequence);
    });
}

fn check(from: &Path) -> Result<Manifest, StoreError> {
    check_backup(from, &mut |_, _| {})
}

#[test]
fn a_backup_of_a_store_that_never_rests_is_whole() {
    let site = Site::new();
    let store = site.open();
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            run(async {
                let mut n = 0;
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    store.commit(put(n)).await.unwrap();
                    n += 1;
                    // Or the journal would grow faster than a busy machine can copy it.
                    std::thread::sleep(std::time::Duration::from_millis(1));
                    if n % 7 == 0 {
                        store.anchor("the checkpoint").await.unwrap();
                    }
                }
            });
        });
        let (mut last, mut different) = (0, 0);
        for round in 0..200 {
            let made = site.back_up();
            assert!(made.manifest.sequence >= last);
            different += u32::from(made.manifest.sequence > last);
            last = made.manifest.sequence;
            assert_eq!(check(&site.to()).unwrap(), made.manifest);
            if round % 20 == 0 {
                restore(&site.to(), &made.manifest);
            }
            if different > 30 && round > 40 {
                break;
            }
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(different > 5, "the store changed only {different} times: nothing was tried");
    });
    let segments = site.back_up().manifest.files.iter().filter(|file| file.name.ends_with(".log")).count();
    assert!(segments > 3, "only {segments} segments: nothing was rotated");
}

/// Nobody anchors any more, and the first time the mark cannot be advanced: that poisons nothing.
#[test]
fn a_backup_has_what_was_acknowledged_before_it_began() {
    let site = Site::new();
    site.fill(2);
    let options = Options::default();
    options.plan(DiskStep::AdvanceMark);
    let store = Embedded::open(&site.data().join("store"), &options).unwrap();
    for n in 2..5 {
        run(store.commit(put(n))).unwrap();
        let made = site.back_up();
        assert_eq!((made.manifest.sequence, made.lacking), (n + 1, 0));
        assert_eq!(made.manifest.checkpoint.as_deref(), Some("the checkpoint"));
        restore(&site.to(), &made.manifest);
    }
    assert_eq!(store.health().poisoned, None);
}

/// A store that died before it could advance the mark: the backup is whole, and says what it lacks.
#[test]
fn a_backup_says_which_commits_it_lacks() {
    let site = Site::new();
    site.fill(2);
    let mark = std::fs::read(site.data().join("store/mark")).unwrap();
    site.fill(3);
    std::fs::write(site.data().join("store/mark"), mark).unwrap();
    let made = site.back_up();
    assert_eq!((made.manifest.sequence, made.lacking), (2, 3));
    restore(&site.to(), &made.manifest);
    drop(site.open());
    let made = site.back_up();
    assert_eq!((made.manifest.sequence, made.lacking), (5, 0));
}

#[test]
fn what_is_finished_is_copied_once_and_nothing_is_left_over() {
    let site = Site::new();
    site.fill(60);
    let first = site.back_up();
    assert_eq!(first.kept_bytes, 0);
    site.fill(3);
    let second = site.back_up();
    assert!(second.kept_bytes > second.copied_bytes, "{second:?}");
    let finished = |made: &super::BackedUp| -> Vec<_> {
        made.manifest.files.iter().filter(|file| file.name.ends_with(".log")).cloned().collect()
    };
    let (before, after) = (finished(&first), finished(&second));
    assert_eq!(before[..before.len() - 1], after[..before.len() - 1]);
    let files = std::fs::read_dir(site.to().join("files")).unwrap().count();
    assert_eq!(files, second.manifest.files.len(), "files that no manifest names");
    restore(&site.to(), &second.manifest);
}

#[test]
fn a_crash_before_the_manifest_leaves_the_backup_before() {
    let site = Site::new();
    site.fill(10);
    let first = site.back_up();
    let manifest = std::fs::read(site.to().join("manifest.json")).unwrap();
    let old: Vec<_> = std::fs::read_dir(site.to().join("files")).unwrap().map(|file| file.unwrap().path()).collect();
    let old: Vec<_> = old.into_iter().map(|path| (path.clone(), std::fs::read(path).unwrap())).collect();
    site.fill(2);
    let second = site.back_up();
    assert_ne!(first.manifest, second.manifest);
    // What a crash leaves right before the manifest is replaced: all new files, all old ones, and half a file.
    std::fs::write(site.to().join("manifest.json"), manifest).unwrap();
    for (path, bytes) in old {
        std::fs::write(path, bytes).unwrap();
    }
    std::fs::write(site.to().join("files/0000.tmp"), "half").unwrap();
    assert_eq!(check(&site.to()).unwrap(), first.manifest);
    restore(&site.to(), &first.manifest);
    let third = site.back_up();
    assert_eq!((third.manifest, third.copied_bytes), (second.manifest, 0));
}

#[test]
fn damage_anywhere_is_found_and_named() {
    let site = Site::new();
    site.fill(30);
    let manifest = site.back_up().manifest;
    let mut paths: Vec<_> =
        manifest.files.iter().map(|file| site.to().join("files").join(file.sha256.to_string())).collect();
    paths.push(site.to().join("manifest.json"));
    for path in paths {
        let whole = std::fs::read(&path).unwrap();
        for at in [0, whole.len() / 2, whole.len() - 2] {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            for bytes in [damaged, whole[..at].to_vec()] {
                std::fs::write(&path, bytes).unwrap();
                let error = check(&site.to()).unwrap_err().to_string();
                assert!(error.contains(path.to_str().unwrap()), "{error}");
            }
        }
        std::fs::remove_file(&path).unwrap();
        let error = check(&site.to()).unwrap_err().to_string();
        assert!(error.contains(path.to_str().unwrap()) && error.contains("missing"), "{error}");
        std::fs::write(&path, whole).unwrap();
    }
    assert_eq!(check(&site.to()).unwrap(), manifest);
}

#[test]
fn a_damaged_journal_is_not_backed_up() {
    let site = Site::new();
    site.fill(30);
    let before = site.back_up().manifest;
    site.fill(1);
    let segment = std::fs::read_dir(site.data().join("store/journal")).unwrap().map(|file| file.unwrap().path()).min();
    let segment = segment.unwrap();
    let mut bytes = std::fs::read(&segment).unwrap();
    bytes[300] ^= 1;
    std::fs::write(&segment, bytes).unwrap();
    let error = backup(&site.data(), &site.to(), AT, &mut |_, _| {}).unwrap_err().to_string();
    assert!(error.contains(segment.to_str().unwrap()), "{error}");
    assert_eq!(check(&site.to()).unwrap(), before);
}

#[test]
fn a_backup_is_continued_by_its_own_history_only() {
    let (site, other) = (Site::new(), Site::new());
    site.fill(5);
    other.fill(5);
    let refused = |from: &Path| backup(from, &site.to(), AT, &mut |_, _| {}).unwrap_err().to_string();
    let first = site.back_up().manifest;
    assert!(refused(&other.data()).contains("another ledger"));

    // The same store taken back to the backup, which then went another way.
    let restored = tempfile::tempdir().unwrap();
    lay_out_backup(&site.to(), &first, restored.path(), &mut |_, _| {}).unwrap();
    site.fill(5);
    let newer = site.back_up().manifest;
    assert!(refused(restored.path()).contains("that this ledger does not have"));
    let fork = Embedded::open(&restored.path().join("store"), &Options::default()).unwrap();
    run(async {
        for n in 0..9 {
            fork.commit(put(100 + n)).await.unwrap();
        }
        fork.anchor("another checkpoint").await.unwrap();
    });
    drop(fork);
    assert!(refused(restored.path()).contains("that this ledger does not have"));
    assert_eq!(check(&site.to()).unwrap(), newer);

    let strange = tempfile::tempdir().unwrap();
    std::fs::write(strange.path().join("thesis.txt"), "mine").unwrap();
    let error = backup(&site.data(), strange.path(), AT, &mut |_, _| {}).unwrap_err();
    assert!(error.to_string().contains("something else"), "{error}");
    assert_eq!(std::fs::read_dir(strange.path()).unwrap().count(), 1);
}

#[test]
fn no_name_in_a_manifest_leads_out_of_the_data_directory() {
    let site = Site::new();
    site.fill(1);
    let mut manifest = site.back_up().manifest;
    manifest.files[0].name = "../outside".into();
    std::fs::write(site.to().join("manifest.json"), manifest.encode()).unwrap();
    assert!(check(&site.to()).unwrap_err().to_string().contains("names files"));
}
