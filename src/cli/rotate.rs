//! `key rotate`: one key in the place of another, for every role.
//!
//! A new key is always durable in a file, `<name>-next.key`, before anything names it, and takes the old one's file last. Each
//! step asks the ledger how far it is, so the command that a crash cut short is run again.

use std::path::{Path, PathBuf};

use ed25519_dalek::SigningKey;

use super::authority::{Door, id_of, sign_change};
use super::client::ServiceArgs;
use super::data_dir::{DataDir, version_today};
use super::{EXIT_OK, Failure, Outcome, init, say};
use crate::ledger::entry::{KeyChange, KeyReason, Kind};
use crate::ledger::keys::{Alg, KeyId, RegisteredKey, Role};
use crate::ledger::signed::SignedEntry;
use crate::service::clock::{Clock as _, SystemClock};
use crate::service::{self, CheckpointRotation, ISSUER_KINDS, RECORDER_KINDS, keyfile};
use crate::standard::{Rulebook, RulebookVersion};
use crate::store::Embedded;

/// Whose key is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Which {
    /// 检查点密钥（服务须已停止） | Signs checkpoints; the service must be stopped
    Checkpoint,
    /// 回执密钥（服务须已停止） | Signs receipts; the service must be stopped
    Receipt,
    /// 运营者令牌（服务须已停止） | The operator's token; the service must be stopped
    Operator,
    /// 管理方密钥（服务须在运行） | The authority's; the service must be running
    Authority,
    /// 签发密钥：不带 --target 为本账本自己的（服务须已停止；旧账本尚无此密钥时即登记一个），带 --target 为其他机构的（服务须在运行） | The ledger's own
    /// issuer key (stopped service; registers one where there is none), or with --target another issuer's (running service)
    Issuer,
    /// 记录密钥：不带 --target 为认定主体自己的（服务须已停止；旧账本尚无此密钥时即登记一个），带 --target 为培训机构等其他记录方的（服务须在运行） | The certifying body's own
    /// recorder key (stopped service; registers one where there is none), or with --target another recorder's (running service)
    Recorder,
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "例 Example:\n  cqo-ledger key rotate --role checkpoint --data ./ledger            # 新旧密钥同时签署 both keys sign\n  cqo-ledger key rotate --role checkpoint --data ./ledger --finish   # 旧密钥停用 the old one ends\n  cqo-ledger key rotate --role receipt --data ./ledger\n  cqo-ledger key rotate --role recorder --data ./ledger --target <旧密钥编号 old key id> --public <新公钥 new public key>"
)]
pub(super) struct Args {
    #[command(flatten)]
    service: ServiceArgs,
    /// 更换哪种密钥 | Whose key is replaced
    #[arg(long, value_enum)]
    role: Which,
    /// 结束新旧检查点密钥的并行 | End the overlap of two checkpoint keys
    #[arg(long)]
    finish: bool,
    /// 管理方私钥，默认取数据目录中的 | The authority's key; by default that of the data directory
    #[arg(long)]
    authority_key: Option<PathBuf>,
    /// 被更换的密钥编号（记录方、签发） | The id of the key that is replaced, of a recorder or issuer
    #[arg(long)]
    target: Option<String>,
    /// 新公钥，十六进制（记录方、签发） | The new public key in hexadecimal, of a recorder or issuer
    #[arg(long)]
    public: Option<String>,
}

pub(super) fn run(args: &Args) -> Outcome {
    if args.finish && args.role != Which::Checkpoint {
        return Err(Failure::misuse("--finish 只用于检查点密钥 is for the checkpoint key alone"));
    }
    match args.role {
        Which::Checkpoint if args.finish => finish_checkpoint(&args.dir()?)?,
        Which::Checkpoint => begin_checkpoint(&args.dir()?)?,
        Which::Receipt => rotate_own(args, &RECEIPT)?,
        Which::Operator => rotate_operator(&args.dir()?)?,
        Which::Authority => rotate_authority(args)?,
        Which::Issuer if args.target.is_none() && args.public.is_none() => rotate_own(args, &ISSUER)?,
        Which::Issuer => rotate_registered(args, Role::Issuer)?,
        Which::Recorder if args.target.is_none() && args.public.is_none() => rotate_own(args, &RECORDER)?,
        Which::Recorder => rotate_registered(args, Role::Recorder)?,
    }
    Ok(EXIT_OK)
}

impl Args {
    fn dir(&self) -> Result<DataDir, Failure> {
        self.service.dir().ok_or_else(|| Failure::misuse("请指定数据目录 name the data directory: --data"))
    }

    fn authority_path(&self) -> Result<PathBuf, Failure> {
        match &self.authority_key {
            Some(path) => Ok(path.clone()),
            None => Ok(self.dir()?.authority_key()),
        }
    }

    fn rulebook(&self) -> Result<RulebookVersion, Failure> {
        match self.service.dir() {
            Some(dir) => dir.rulebook_version(),
            None => version_today(&Rulebook::embedded()),
        }
    }
}

/// Both keys sign from the next start on.
fn begin_checkpoint(dir: &DataDir) -> Result<(), Failure> {
    let (store, path) = (dir.open_store()?, DataDir::next(&dir.checkpoint_key()));
    let next = if path.exists() { Some(keyfile::read(&path).map_err(Failure::new)?) } else { None };
    let next = match (how_far(&store, next.as_ref())?, next) {
        (CheckpointRotation::AnotherOverlap, _) => return Err(no_successor(&path)),
        // The last rotation had come to its end but for the name of the file.
        (CheckpointRotation::Alone, Some(_)) => {
            keyfile::rename(&path, &dir.checkpoint_key()).map_err(Failure::new)?;
            create(&path)?
        }
        (_, Some(next)) => next,
        (_, None) => create(&path)?,
    };
    // A crash here leaves a key that nothing names: the next try takes it.
    if how_far(&store, Some(&next))? != CheckpointRotation::Overlap {
        block_on(service::begin_checkpoint_rotation(&store, &next, SystemClock.now()))?;
    }
    // A crash after that leaves the overlap begun.
    say("新旧检查点密钥自下次启动起同时签署 from the next start on both checkpoint keys sign");
    say(
        "请让信任者取得新的信任策略（/policy 的两行 log），过渡期后运行 --finish give those who trust this ledger the new policy (both log lines of /policy); when all have it, run --finish",
    );
    Ok(())
}

/// The new key signs alone from the next start on.
fn finish_checkpoint(dir: &DataDir) -> Result<(), Failure> {
    let (store, path) = (dir.open_store()?, DataDir::next(&dir.checkpoint_key()));
    if !path.exists() {
        return Err(match how_far(&store, None)? {
            CheckpointRotation::AnotherOverlap => no_successor(&path),
            _ => Failure::misuse("没有进行中的检查点密钥更换 no checkpoint key is being replaced"),
        });
    }
    let next = keyfile::read(&path).map_err(Failure::new)?;
    match how_far(&store, Some(&next))? {
        CheckpointRotation::Overlap => {
            block_on(service::finish_checkpoint_rotation(&store, SystemClock.now()))?;
        }
        // A crash came between the two steps.
        CheckpointRotation::Alone => {}
        CheckpointRotation::AnotherOverlap => return Err(no_successor(&path)),
        CheckpointRotation::AnotherAlone => {
            return Err(Failure::misuse(
                "更换尚未开始，请先不带 --finish 运行 the replacement has not begun: run this without --finish first",
            ));
        }
    }
    // A crash here leaves the new key under its old name, where the service finds it too. After the rename the old private key
    // is gone, but for the copies of the keys.
    keyfile::rename(&path, &dir.checkpoint_key()).map_err(Failure::new)?;
    say(
        "旧检查点密钥已停用。此前下载的证明：信任策略中仍有旧密钥那一行 log 时可以校验，否则请重新下载 the old checkpoint key has ended; proofs fetched before verify under a policy that still has its log line, or are fetched again",
    );
    Ok(())
}

fn how_far(store: &Embedded, key: Option<&SigningKey>) -> Result<CheckpointRotation, Failure> {
    block_on(service::checkpoint_rotation(store, key))
}

fn no_successor(path: &Path) -> Failure {
    Failure::new(format!(
        "{}: 不是进行中的更换所用的新密钥，请由密钥备份恢复该文件 is not the new key of the replacement under way: bring the file back from a copy of the keys",
        path.display()
    ))
}

/// A key of the register that the service itself signs with.
struct OwnKey {
    role: Role,
    kinds: &'static [Kind],
    path: fn(&DataDir) -> PathBuf,
    /// What it is called when it was replaced.
    said: &'static str,
}

const RECEIPT: OwnKey = OwnKey {
    role: Role::Receipt,
    kinds: &[],
    path: DataDir::receipt_key,
    said: "回执密钥已更换 the receipt key is replaced",
};
const ISSUER: OwnKey = OwnKey {
    role: Role::Issuer,
    kinds: ISSUER_KINDS,
    path: DataDir::issuer_key,
    said: "签发密钥已更换 the issuer key is replaced",
};
const RECORDER: OwnKey = OwnKey {
    role: Role::Recorder,
    kinds: RECORDER_KINDS,
    path: DataDir::recorder_key,
    said: "认定主体的记录密钥已更换 the certifying body's recorder key is replaced",
};

/// A new key is registered and used, and the old one retired.
fn rotate_own(args: &Args, own: &OwnKey) -> Result<(), Failure> {
    let (dir, rulebook) = (args.dir()?, args.rulebook()?);
    let authority = keyfile::read(&args.authority_path()?).map_err(Failure::misuse)?;
    let old_path = (own.path)(&dir);
    let path = DataDir::next(&old_path);
    // Only the receipt key must be there: ledgers were founded before there were the others. No service starts without it.
    let old = if old_path.exists() { Some(keyfile::read(&old_path).map_err(Failure::new)?) } else { None };
    let next = read_or_create(&path)?;
    let sign = |door: &Door, change| sign_change(door, &authority, None, rulebook, change);
    // A crash up to here leaves a key that no register knows; the service goes on with the old one.
    let door = Door::open(&dir)?;
    if registered(&door, id_of(&next))?.is_none() {
        let known = id_of(old.as_ref().unwrap_or(&authority));
        let owner = door.register()?.key(known).map_err(Failure::new)?.owner.clone();
        let owner = door.as_registered(owner)?;
        let (public, kinds) = (next.verifying_key().as_bytes().to_vec(), own.kinds.to_vec());
        let add = KeyChange::Add { alg: Alg::Ed25519, public, kinds, owner, role: own.role };
        door.submit(&sign(&door, add)?)?;
    }
    drop(door);
    // A crash from here on leaves a service that signs with the new key: it works, and is looked for first. So nothing
    // is ever signed under a key that has ended.
    if let Some(old) = old {
        let door = Door::open(&dir)?;
        retire(&door, id_of(&old), &|change| sign(&door, change))?;
    }
    keyfile::rename(&path, &old_path).map_err(Failure::new)?;
    say(format!("{}: {}", own.said, id_of(&next)));
    Ok(())
}

/// A second authority is added by the first, and retires it.
fn rotate_authority(args: &Args) -> Result<(), Failure> {
    let (old_path, rulebook) = (args.authority_path()?, args.rulebook()?);
    let door = Door::Served(args.service.client()?);
    let path = DataDir::next(&old_path);
    let old = keyfile::read(&old_path).map_err(Failure::misuse)?;
    let next = read_or_create(&path)?;
    // A crash up to here leaves a key that no register knows: the next try takes it.
    if registered(&door, id_of(&next))?.is_none() {
        let owner = door.register()?.key(id_of(&old)).map_err(Failure::new)?.owner.clone();
        let owner = door.as_registered(owner)?;
        let (public, kinds) = (next.verifying_key().as_bytes().to_vec(), vec![Kind::Correction, Kind::Key]);
        let add = KeyChange::Add { alg: Alg::Ed25519, public, kinds, owner, role: Role::Authority };
        door.submit(&sign_change(&door, &old, None, rulebook, add)?)?;
    }
    // A crash here leaves two authorities. The new one retires the old one, which shows that it works.
    retire(&door, id_of(&old), &|change| sign_change(&door, &next, None, rulebook, change))?;
    // A crash here leaves the retired key under its name; the next try comes straight to this step.
    keyfile::rename(&path, &old_path).map_err(Failure::new)?;
    say(format!("管理方密钥已更换 the authority's key is replaced: {}", id_of(&next)));
    Ok(())
}

/// A recorder's or issuer's new key is registered like the old one, which is retired.
fn rotate_registered(args: &Args, role: Role) -> Result<(), Failure> {
    let (Some(target), Some(public)) = (&args.target, &args.public) else {
        return Err(Failure::misuse("请指定 name --target (旧密钥编号 old key id), --public (新公钥 new public key)"));
    };
    let target: KeyId =
        target.parse().map_err(|_| Failure::misuse("--target: 应为 64 位十六进制 64 lower-case hexadecimal digits"))?;
    let public = hex::decode(public).map_err(|_| Failure::misuse("--public: 应为十六进制公钥 hexadecimal digits"))?;
    let rulebook = args.rulebook()?;
    let authority = keyfile::read(&args.authority_path()?).map_err(Failure::misuse)?;
    let door = Door::Served(args.service.client()?);
    let sign = |change| sign_change(&door, &authority, None, rulebook, change);
    let old = registered(&door, target)?.filter(|old| old.role == role);
    let old =
        old.ok_or_else(|| Failure::misuse(format!("--target: 不是登记的 {role} 密钥 no registered key of this role")))?;
    let next = KeyId::of(&Alg::Ed25519, &public);
    if registered(&door, next)?.is_none() {
        let RegisteredKey { kinds, owner, .. } = old;
        let owner = door.as_registered(owner)?;
        door.submit(&sign(KeyChange::Add { alg: Alg::Ed25519, public, kinds, owner, role })?)?;
    }
    // A crash here leaves both at work; the next try retires the old one.
    retire(&door, target, &sign)?;
    say(format!("密钥已更换 the key is replaced: {next}"));
    Ok(())
}

/// Retires a key, unless it has ended.
fn retire(door: &Door, target: KeyId, sign: &dyn Fn(KeyChange) -> Result<SignedEntry, Failure>) -> Result<(), Failure> {
    if registered(door, target)?.is_some_and(|key| key.ended.is_none()) {
        door.submit(&sign(KeyChange::Retire { target, reason: KeyReason::Rotation })?)?;
    }
    Ok(())
}

/// A key as the register of the last block has it.
fn registered(door: &Door, id: KeyId) -> Result<Option<RegisteredKey>, Failure> {
    Ok(door.register()?.key(id).ok().cloned())
}

/// A new token; the old one ends with the service that is stopped.
fn rotate_operator(dir: &DataDir) -> Result<(), Failure> {
    let store = dir.open_store()?;
    block_on(service::note_new_operator_token(&store, SystemClock.now()))?;
    // A crash here leaves the old token, or the new one.
    let fresh = dir.keys().join("operator-token.tmp");
    match std::fs::remove_file(&fresh) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(Failure::new(error)),
        _ => {}
    }
    init::write_token(&fresh)?;
    keyfile::rename(&fresh, &dir.operator_token()).map_err(Failure::new)?;
    say("运营者令牌已更换，自下次启动起生效 the operator's token is replaced, from the next start on");
    Ok(())
}

fn read_or_create(path: &Path) -> Result<SigningKey, Failure> {
    if path.exists() { keyfile::read(path).map_err(Failure::new) } else { create(path) }
}

fn create(path: &Path) -> Result<SigningKey, Failure> {
    let key = keyfile::generate().map_err(Failure::new)?;
    keyfile::write(path, &key).map_err(Failure::new)?;
    Ok(key)
}

fn block_on<T>(work: impl Future<Output = Result<T, service::Error>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(Failure::new)?;
    runtime.block_on(work).map_err(Failure::new)
}
