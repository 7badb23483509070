//! `restore`: makes a data directory of a backup and its keys, and lets it go on when it is known to be the newest.
//!
//! Everything is checked before anything is believed, and the keys come last: without them the directory is no ledger, so
//! what a crash leaves half-way can be served by nobody.

use std::path::{Path, PathBuf};

use super::data_dir::DataDir;
use super::progress::Progress;
use super::{EXIT_OK, Failure, Outcome, backup, init, read_input, say};
use crate::ledger::bundle::{Bundle, MAX_BUNDLE};
use crate::ledger::entry::Origin;
use crate::ledger::verify::FileKind;
use crate::merkle::{SignedNote, TlogProof};
use crate::service::clock::{Clock as _, SystemClock};
use crate::service::erasure::{Tombstone, merge_tombstones, parse_tombstones};
use crate::service::vault::Vault;
use crate::service::{self, Founding, keyfile};
use crate::store;

/// The longest list of erasures: some hundred bytes each.
const MAX_ERASED: usize = 64 * 1024 * 1024;
/// Where the old chain stays, in the directory of the new ledger.
const BEFORE: &str = "before";
/// The files of the vault, which move to the new ledger.
const VAULT_FILES: [&str; 2] = ["master", "data-keys"];

#[derive(Debug, clap::Args)]
#[command(
    after_help = "例 Example:\n  cqo-ledger restore --from /backup/ledger --keys /safe/ledger-keys/keys-2026-11-22T08-00-00.000Z --data ./restored \\\n    --latest-checkpoint mirror/checkpoint\n  cqo-ledger restore --resume --data ./restored --latest-checkpoint mirror/checkpoint"
)]
pub(super) struct Args {
    /// 备份目录 | The backup
    #[arg(long, required_unless_present = "resume")]
    from: Option<PathBuf>,
    /// 密钥备份目录 | The copy of the keys that was made with it
    #[arg(long, required_unless_present = "resume")]
    keys: Option<PathBuf>,
    /// 新的数据目录 | The new data directory; with --resume, the restored one
    #[arg(long, env = "CQO_DATA")]
    data: PathBuf,
    /// 别处保存的最新检查点、证明包或 .tlog-proof | The newest checkpoint from elsewhere: a mirror's file, a proof bundle, a .tlog-proof
    #[arg(long, value_name = "FILE")]
    latest_checkpoint: Option<PathBuf>,
    /// 检查点不含全部已恢复的区块也继续 | Go on although the checkpoint does not cover all that was restored
    #[arg(long, requires = "latest_checkpoint")]
    accept_older: bool,
    /// 已恢复的账本重新开始封块 | Let a ledger that was restored before go on
    #[arg(long, requires = "latest_checkpoint", conflicts_with_all = ["from", "keys"])]
    resume: bool,
    /// 备份之后删除的学员、账号与投诉（learner erased 的输出） | What was erased after the backup was made, as `learner erased` printed it
    #[arg(long, value_name = "FILE", conflicts_with = "resume")]
    erased: Option<PathBuf>,
    /// 另立新账本：旧链只读，留在 DIR/before | Found a new ledger that takes the registry over; the old chain stays, read-only, in DIR/before
    #[arg(long, value_name = "NAME", conflicts_with_all = ["resume", "latest_checkpoint"])]
    new_origin: Option<String>,
}

pub(super) fn run(args: &Args) -> Outcome {
    // What was given is read first: nothing is laid out for a file that is no checkpoint.
    let latest = args.latest_checkpoint.as_deref().map(read_checkpoint).transpose()?;
    let erased = match &args.erased {
        Some(path) => parse_tombstones(&read_input(path, MAX_ERASED)?)
            .map_err(|error| Failure::misuse(format!("--erased {}: {error}", path.display())))?,
        None => Vec::new(),
    };
    let dir = DataDir::new(&args.data);
    if let (Some(from), Some(keys), Some(name)) = (&args.from, &args.keys, &args.new_origin) {
        return found_anew(from, keys, &erased, &args.data, init::read_origin("--new-origin", name)?);
    }
    if let (Some(from), Some(keys)) = (&args.from, &args.keys) {
        restore(from, keys, &erased, &args.data, &dir)?;
    }
    match latest {
        Some(note) => resume(&dir, &note, args.accept_older)?,
        None => say(
            "账本只读：请出示别处保存的最新检查点，再运行 restore --resume --latest-checkpoint 才能继续封块 the ledger is read-only until `restore --resume --latest-checkpoint FILE` shows the newest checkpoint from elsewhere",
        ),
    }
    Ok(EXIT_OK)
}

fn restore(from: &Path, keys: &Path, erased: &[Tombstone], data: &Path, dir: &DataDir) -> Result<(), Failure> {
    backup::apart(("--data", data), ("--from", from))?;
    backup::apart(("--data", data), ("--keys", keys))?;
    refuse_unless_empty(data)?;
    let manifest = backup::check(from)?;
    let mut progress = Progress::of("恢复 restoring");
    store::lay_out_backup(from, &manifest, data, &mut |done, total| progress.show(done, total))
        .map_err(Failure::new)?;
    drop(progress);
    dir.read_rulebook()?;
    // A crash from here to the end leaves a directory without `keys`, which nothing serves.
    let unfinished = DataDir::unfinished_keys(data);
    keyfile::copy_all(keys, &unfinished).map_err(Failure::new)?;
    let mut progress = Progress::of("建立索引 building the index");
    store::reindex(&dir.store(), &mut |done, total| progress.show(done, total)).map_err(Failure::new)?;
    drop(progress);
    accept(dir, &unfinished, erased, manifest.sequence).map_err(|failure| {
        // No copies of secrets are left behind where nobody looks for them.
        drop(std::fs::remove_dir_all(&unfinished));
        Failure::new(format!(
            "{}\n密钥备份与备份不符，或已损坏 the keys do not fit the backup: {}\n若备份前后有学员、账号或投诉被删除，请用 --erased 给出 learner erased 的输出 if learners, accounts or complaints were erased about then or since, name the list of them with --erased",
            failure.message,
            keys.display()
        ))
    })?;
    keyfile::rename(&unfinished, &dir.keys()).map_err(Failure::new)?;
    say(format!("已恢复 restored: {}", backup::describe(&manifest)));
    Ok(())
}

fn refuse_unless_empty(data: &Path) -> Result<(), Failure> {
    // A file system of its own has this from the beginning.
    let counts = |entry: &std::io::Result<std::fs::DirEntry>| {
        entry.as_ref().map_or(true, |entry| entry.file_name() != "lost+found")
    };
    if std::fs::read_dir(data).is_ok_and(|mut entries| entries.any(|entry| counts(&entry))) {
        return Err(Failure::misuse(format!(
            "{}: 目录不为空，请指定新目录（若是未完成的恢复，请先删除） the directory is not empty: name a new one (if it is what an unfinished restore left, remove it)",
            data.display()
        )));
    }
    Ok(())
}

/// Restores the old ledger beside a new one, which takes its registry over.
fn found_anew(from: &Path, keys: &Path, erased: &[Tombstone], data: &Path, origin: Origin) -> Outcome {
    let before = data.join(BEFORE);
    refuse_unless_empty(data)?;
    let old = DataDir::new(&before);
    restore(from, keys, erased, &before, &old)?;
    let rulebook = old.read_rulebook()?;
    // A crash from here on leaves no ledger, as a founding that was cut short does: the row that makes one comes last.
    let dir = DataDir::create(data)?;
    std::fs::copy(old.rulebook(), dir.rulebook()).map_err(Failure::new)?;
    for name in VAULT_FILES {
        keyfile::copy(&old.keys().join(name), &dir.keys().join(name)).map_err(Failure::new)?;
    }
    let vault = Vault::open(&dir.keys()).map_err(Failure::new)?;
    let (store_before, store) = (old.open_store()?, dir.create_store()?);
    let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(Failure::new)?;
    runtime.block_on(async {
        let owner = service::owner_of(&store_before).await.map_err(Failure::new)?;
        service::check_keys(&store_before, &vault).await.map_err(Failure::new)?;
        service::take_over(&store_before, &store, &origin, SystemClock.now()).await.map_err(Failure::new)?;
        let founding = Founding { origin: origin.clone(), owner };
        init::found_in(&dir, &store, &vault, &rulebook, &founding).await
    })?;
    say(format!("已另立新账本 founded: {origin}；旧链只读 the old chain, read-only: {}", before.display()));
    say(
        "机构、学员、课程与令牌已沿用；请重新登记记录方与签发密钥，并公布新的信任策略 organisations, learners, courses and tokens were taken over; register recorders' and issuers' keys anew, and publish the new trust policy",
    );
    say(
        "删除学员须在新旧两个目录各做一次：两处都有其数据密钥 erase a learner in both directories: each holds the data key",
    );
    Ok(EXIT_OK)
}

/// Holds the keys against the ledger, destroys those of what was erased since, and makes the ledger read-only.
fn accept(dir: &DataDir, keys: &Path, erased: &[Tombstone], sequence: u64) -> Result<(), Failure> {
    let vault = Vault::open(keys).map_err(Failure::new)?;
    let keys = DataDir::ledger_keys_in(keys)?;
    let store = dir.create_store()?;
    let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(Failure::new)?;
    let now = SystemClock.now();
    // The tombstones first: whatever is named by one has no key when the keys take their place.
    let merged = runtime.block_on(merge_tombstones(&store, erased, now)).map_err(Failure::new)?;
    runtime.block_on(service::accept_restored(&store, &vault, keys, sequence, now)).map_err(Failure::new)?;
    if !erased.is_empty() {
        say(format!("备份之后删除的学员、账号与投诉 erased since the backup: {merged}"));
    }
    Ok(())
}

/// Lets a restored ledger go on, if the checkpoint is a prefix of its chain.
fn resume(dir: &DataDir, note: &SignedNote, accept_older: bool) -> Result<(), Failure> {
    let store = dir.open_store()?;
    let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(Failure::new)?;
    let resumed =
        runtime.block_on(service::resume(&store, note, accept_older, SystemClock.now())).map_err(Failure::new)?;
    say(format!(
        "检查点的 {} 个区块都在这条链中（共 {} 个），可继续封块 all {} blocks of the checkpoint are in this chain of {}: sealing may go on",
        resumed.signed, resumed.here, resumed.signed, resumed.here
    ));
    Ok(())
}

/// The signed checkpoint in a file: bare, or that of a proof bundle or a block's proof.
fn read_checkpoint(path: &Path) -> Result<SignedNote, Failure> {
    let bytes = read_input(path, MAX_BUNDLE)?;
    let unreadable = |error: &dyn std::fmt::Display| {
        Failure::misuse(format!("{}: 不含检查点 holds no checkpoint: {error}", path.display()))
    };
    match FileKind::recognise(&bytes) {
        Some(FileKind::Proof) => {
            Bundle::from_bytes(&bytes).map(|bundle| bundle.note).map_err(|error| unreadable(&error))
        }
        Some(FileKind::TlogProof) => {
            let text = String::from_utf8(bytes).map_err(|error| unreadable(&error))?;
            let proof: TlogProof = text.parse().map_err(|error| unreadable(&error))?;
            SignedNote::parse(proof.checkpoint.as_bytes()).map_err(|error| unreadable(&error))
        }
        None => SignedNote::parse(&bytes).map_err(|error| unreadable(&error)),
    }
}
