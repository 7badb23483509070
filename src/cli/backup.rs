//! `backup`: copies a ledger away, also while it serves, and checks such copies.
//!
//! Journal and keys go to two places. Together they are everything, personal data included; a copy of the journal alone
//! shows no name. Copies of keys end: an erased person's key must not live on in an old one.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::data_dir::DataDir;
use super::progress::Progress;
use super::{EXIT_OK, Failure, Outcome, say};
use crate::service::clock::{Clock as _, SystemClock};
use crate::service::keyfile;
use crate::service::vault::{self, DataKeyId, Vault};
use crate::standard::UnixMillis;
use crate::store::{self, BackedUp, Manifest};

/// How long copies of keys are kept: erasure is complete when the last copy of a person's key has ended.
const KEEP_KEYS_DAYS: u16 = 30;
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
/// What a copy of keys is called, before the moment it was made.
const KEYS_PREFIX: &str = "keys-";
/// What a copy of keys is called until it is whole.
const UNFINISHED: &str = "keys.tmp";
/// How often the keys are copied anew when they were changed underneath.
const KEY_COPY_TRIES: usize = 20;
/// How long until then: an erasure replaces its two files within milliseconds.
const KEY_COPY_PAUSE: Duration = Duration::from_millis(50);
/// How often the journal is copied anew when learners were erased before the keys were.
const ERASED_MEANWHILE_TRIES: usize = 5;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "例 Example:\n  cqo-ledger backup --data ./ledger --to /backup/ledger --keys-to /safe/ledger-keys\n  cqo-ledger backup --check /backup/ledger"
)]
pub(super) struct Args {
    /// 数据目录，服务可在运行 | The data directory; the service may be running
    #[arg(long, env = "CQO_DATA", required_unless_present = "check")]
    data: Option<PathBuf>,
    /// 备份目录，可反复使用 | Where the backup goes: again and again the same directory
    #[arg(long, required_unless_present = "check")]
    to: Option<PathBuf>,
    /// 密钥备份目录，须与备份分开 | Where copies of the keys go, apart from the backup
    #[arg(long)]
    keys_to: Option<PathBuf>,
    /// 密钥备份保留天数 | How many days copies of keys are kept
    #[arg(long, default_value_t = KEEP_KEYS_DAYS, value_parser = clap::value_parser!(u16).range(1..))]
    keep_keys_days: u16,
    /// 只检查备份，不作备份 | Check a backup instead of making one
    #[arg(long, value_name = "BACKUP", conflicts_with_all = ["to", "keys_to"])]
    check: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> Outcome {
    if let Some(backup) = &args.check {
        let manifest = check(backup)?;
        say(format!("备份完好 the backup is whole: {}", describe(&manifest)));
        return Ok(EXIT_OK);
    }
    let (Some(data), Some(to)) = (&args.data, &args.to) else {
        return Err(Failure::misuse("--data, --to"));
    };
    apart(("--to", to), ("--data", data))?;
    if let Some(keys_to) = &args.keys_to {
        apart(("--keys-to", keys_to), ("--to", to))?;
        apart(("--keys-to", keys_to), ("--data", data))?;
    }
    let now = SystemClock.now();
    let made = match &args.keys_to {
        Some(keys_to) => back_up_with_keys(data, to, keys_to, now, args.keep_keys_days)?,
        None => back_up_journal(data, to, now)?,
    };
    say(format!("已备份 backed up: {}", describe(&made.manifest)));
    say(format!("复制 copied {} 字节 bytes，已有 already there {} 字节 bytes", made.copied_bytes, made.kept_bytes));
    if made.lacking > 0 {
        say(format!(
            "最后 {n} 次提交未进入备份；请启动服务或查看其日志后再备份一次 the last {n} commits are not in the backup: start the service, or see its log, and back up once more",
            n = made.lacking
        ));
    }
    if args.keys_to.is_none() {
        say(
            "未备份密钥：没有密钥，备份无法恢复（--keys-to） the keys were not backed up: without them the backup cannot be restored",
        );
    }
    Ok(EXIT_OK)
}

/// Checks a backup from its first byte to its last.
pub(super) fn check(backup: &Path) -> Result<Manifest, Failure> {
    let mut progress = Progress::of("检查备份 checking the backup");
    store::check_backup(backup, &mut |done, total| progress.show(done, total)).map_err(Failure::new)
}

/// A backup in a few words.
pub(super) fn describe(manifest: &Manifest) -> String {
    let origin = manifest.origin.as_deref().unwrap_or("-");
    format!("{origin}，提交 commits 1-{}，{}", manifest.sequence, manifest.created)
}

fn back_up_journal(data: &Path, to: &Path, now: UnixMillis) -> Result<BackedUp, Failure> {
    let mut progress = Progress::of("备份 backing up");
    store::backup(data, to, &now.to_string(), &mut |done, total| progress.show(done, total)).map_err(Failure::new)
}

/// Copies the journal, and the keys to a directory of their own, and ends the copies of keys that are too old.
fn back_up_with_keys(
    data: &Path,
    to: &Path,
    keys_to: &Path,
    now: UnixMillis,
    keep_days: u16,
) -> Result<BackedUp, Failure> {
    let unfinished = keys_to.join(UNFINISHED);
    let made = copy_so_that_they_fit(&DataDir::new(data).keys(), &unfinished, || {
        let made = back_up_journal(data, to, now)?;
        // Not before the journal was found to be one: nothing is made for a directory that was named by mistake.
        create_owner_only(keys_to)?;
        Ok(made)
    })?;
    finish_keys(keys_to, &unfinished, now, keep_days)?;
    Ok(made)
}

/// Has the journal copied, then copies the keys, so that they fit.
///
/// The keys come after the journal: a learner's key is durable before anything stands under it, so no key is lacking that was
/// made. One may have been erased, and its tombstone must then be in the copy of the journal. An erasure commits its tombstones
/// before it writes the key file anew, and a copy of the journal has all that was committed before it began: so the tombstones of
/// every key file up to the one that stood there first are in it. If another stands there afterwards, both are copied again.
fn copy_so_that_they_fit<T>(
    keys: &Path,
    keys_to: &Path,
    mut copy_journal: impl FnMut() -> Result<T, Failure>,
) -> Result<T, Failure> {
    for _ in 0..ERASED_MEANWHILE_TRIES {
        let before = vault::generation(keys).map_err(Failure::new)?;
        let made = copy_journal()?;
        copy_keys(keys, keys_to)?;
        if vault::generation(keys_to).map_err(Failure::new)? == before {
            return Ok(made);
        }
    }
    Err(Failure::new(
        "备份期间不断有学员被删除，请稍后再备份 learners were being erased all the time: back up again later",
    ))
}

fn create_owner_only(dir: &Path) -> Result<(), Failure> {
    let mut builder = std::fs::DirBuilder::new();
    std::os::unix::fs::DirBuilderExt::mode(builder.recursive(true), 0o700);
    builder.create(dir).map_err(|error| Failure::new(format!("{}: {error}", dir.display())))
}

/// Gives a copy of keys its name, and ends the copies that are too old.
fn finish_keys(keys_to: &Path, unfinished: &Path, now: UnixMillis, keep_days: u16) -> Result<(), Failure> {
    let to = keys_to.join(name_of(now));
    keyfile::rename(unfinished, &to).map_err(Failure::new)?;
    say(format!("密钥已备份 keys: {}（请单独妥善保管 keep it apart from the backup）", to.display()));
    let ended = end_old_copies(keys_to, now, keep_days)?;
    say(format!(
        "已删除超过 {keep_days} 天的密钥备份 {ended} 份；擦除在旧密钥备份全部到期后才彻底完成 ended {ended} copies of keys older than {keep_days} days: an erasure is complete only when every older copy has ended, other copies of this directory included"
    ));
    Ok(())
}

/// Copies the keys. An erasure makes, renames and replaces files one after the other: a copy in which one had just gone, or whose
/// files do not belong together, is made again.
fn copy_keys(keys: &Path, to: &Path) -> Result<(), Failure> {
    let mut tries = 1;
    while let Err(failure) = try_copy_keys(keys, to) {
        if tries == KEY_COPY_TRIES {
            return Err(failure);
        }
        tries += 1;
        std::thread::sleep(KEY_COPY_PAUSE);
    }
    Ok(())
}

fn try_copy_keys(keys: &Path, to: &Path) -> Result<(), Failure> {
    // What a crash or an earlier try left there.
    match std::fs::remove_dir_all(to) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(Failure::new(format!("{}: {error}", to.display())));
        }
        _ => {}
    }
    keyfile::copy_all(keys, to).map_err(Failure::new)?;
    let copy = Vault::open(to).map_err(Failure::new)?;
    // A key file of the first version names no master key, and opens beside any: only a key that it holds tells.
    let ledgers_own = copy.key(DataKeyId::LEDGER);
    ledgers_own.map(drop).map_err(|error| Failure::new(format!("{}: master, data-keys: {error}", to.display())))
}

/// Removes the copies of keys that were made more than `keep_days` days ago.
fn end_old_copies(keys_to: &Path, now: UnixMillis, keep_days: u16) -> Result<usize, Failure> {
    let failed = |error: std::io::Error| Failure::new(format!("{}: {error}", keys_to.display()));
    let oldest = now.millis() - i64::from(keep_days) * DAY_MS;
    let mut ended = 0;
    for entry in std::fs::read_dir(keys_to).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let made = entry.file_name().to_str().and_then(time_of);
        if made.is_some_and(|made| made.millis() < oldest) {
            std::fs::remove_dir_all(entry.path()).map_err(failed)?;
            ended += 1;
        }
    }
    Ok(ended)
}

/// The name of a copy of keys: `keys-2026-11-22T08-00-00.123Z`.
fn name_of(made: UnixMillis) -> String {
    format!("{KEYS_PREFIX}{}", made.to_string().replace(':', "-"))
}

/// When the copy of keys with this name was made; none for what is no copy of keys.
fn time_of(name: &str) -> Option<UnixMillis> {
    let (day, time) = name.strip_prefix(KEYS_PREFIX)?.split_once('T')?;
    format!("{day}T{}", time.replace('-', ":")).parse().ok()
}

/// Two directories of which neither lies in the other.
pub(super) fn apart((name, path): (&str, &Path), (other_name, other): (&str, &Path)) -> Result<(), Failure> {
    let (path, other) = (real(path)?, real(other)?);
    if path.starts_with(&other) || other.starts_with(&path) {
        return Err(Failure::misuse(format!(
            "{name} 与 {other_name} 须是两个互不包含的目录 must be two directories of which neither lies in the other"
        )));
    }
    Ok(())
}

/// The path without links, also of what is not there yet.
fn real(path: &Path) -> Result<PathBuf, Failure> {
    let path = std::path::absolute(path).map_err(Failure::misuse)?;
    let there = path.ancestors().find_map(|there| Some((there, there.canonicalize().ok()?)));
    Ok(match there {
        Some((there, real)) => path.strip_prefix(there).map_or(real.clone(), |rest| real.join(rest)),
        None => path,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use uuid::Uuid;

    use super::*;
    use crate::ledger::entry::LearnerId;

    fn learner() -> LearnerId {
        Uuid::now_v7().try_into().unwrap()
    }

    #[test]
    fn keys_are_copied_while_learners_are_erased() {
        let dir = tempfile::tempdir().unwrap();
        let (keys, kept, stop) = (dir.path().join("keys"), learner(), AtomicBool::new(false));
        std::fs::create_dir(&keys).unwrap();
        let vault = Vault::create_in(&keys).unwrap();
        vault.create(&[kept.into()]).unwrap();
        std::thread::scope(|scope| {
            let erasing = scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let gone = learner();
                    vault.create(&[gone.into()]).unwrap();
                    vault.erase([gone]).unwrap();
                    // A service erases now and then: a copy needs one moment in between.
                    std::thread::sleep(Duration::from_millis(1));
                }
            });
            let copied = (0..20).try_for_each(|_| copy_keys(&keys, &dir.path().join("copy")));
            stop.store(true, Ordering::Relaxed);
            erasing.join().unwrap();
            copied.unwrap_or_else(|failure| panic!("{}", failure.message));
        });
        let copy = Vault::open(&dir.path().join("copy")).unwrap();
        copy.key(kept.into()).unwrap();
    }

    #[test]
    fn the_journal_is_copied_again_when_somebody_was_erased_before_the_keys_were_copied() {
        let dir = tempfile::tempdir().unwrap();
        let (keys, copy) = (dir.path().join("keys"), dir.path().join("copy"));
        std::fs::create_dir(&keys).unwrap();
        let vault = Vault::create_in(&keys).unwrap();
        for (erasures, tries) in [(0, Some(1)), (1, Some(2)), (usize::MAX, None)] {
            let mut copied = 0;
            let fitting = copy_so_that_they_fit(&keys, &copy, || {
                copied += 1;
                if copied <= erasures {
                    let gone = learner();
                    vault.create(&[gone.into()]).unwrap();
                    vault.erase([gone]).unwrap();
                }
                Ok(copied)
            });
            assert_eq!(fitting.ok(), tries);
        }
    }

    #[test]
    fn a_copy_of_keys_that_do_not_belong_together_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let [keys, other, copy] = ["keys", "other", "copy"].map(|name| dir.path().join(name));
        for dir in [&keys, &other] {
            std::fs::create_dir(dir).unwrap();
            Vault::create_in(dir).unwrap();
        }
        // As the first version wrote it: the same records behind a header that names no master key.
        let path = keys.join("data-keys");
        let named = std::fs::read(&path).unwrap();
        let records = &named["cqo-ledger/data-keys/v2\n".len() + 32..];
        std::fs::write(&path, [b"cqo-ledger/data-keys/v1\n", records].concat()).unwrap();
        copy_keys(&keys, &copy).unwrap_or_else(|failure| panic!("{}", failure.message));
        std::fs::copy(other.join("master"), keys.join("master")).unwrap();
        assert!(copy_keys(&keys, &copy).is_err());
    }

    #[test]
    fn copies_of_keys_end_by_the_moment_in_their_name() {
        let dir = tempfile::tempdir().unwrap();
        let at = |text: &str| text.parse::<UnixMillis>().unwrap();
        let now = at("2026-11-22T08:00:00.123Z");
        assert_eq!(name_of(now), "keys-2026-11-22T08-00-00.123Z");
        assert_eq!(time_of(&name_of(now)), Some(now));
        let old = [name_of(at("2026-10-23T08:00:00.122Z")), name_of(at("2020-01-01T00:00:00.000Z"))];
        let young = [name_of(at("2026-10-23T08:00:00.123Z")), name_of(now), "keys-of-mine".into(), "other".into()];
        for name in old.iter().chain(&young) {
            std::fs::create_dir(dir.path().join(name)).unwrap();
        }
        assert_eq!(end_old_copies(dir.path(), now, KEEP_KEYS_DAYS).unwrap(), 2);
        assert!(old.iter().all(|name| !dir.path().join(name).exists()));
        assert!(young.iter().all(|name| dir.path().join(name).exists()));
    }

    #[test]
    fn a_directory_within_another_is_noticed_behind_links_and_dots() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        std::fs::create_dir(&data).unwrap();
        std::os::unix::fs::symlink(&data, dir.path().join("link")).unwrap();
        for inside in ["data", "data/new/deep", "link/backup", "link", "."] {
            assert!(apart(("--to", &dir.path().join(inside)), ("--data", &data)).is_err(), "{inside}");
        }
        for outside in ["data2", "new/deep"] {
            assert!(apart(("--to", &dir.path().join(outside)), ("--data", &data)).is_ok(), "{outside}");
        }
    }
}
