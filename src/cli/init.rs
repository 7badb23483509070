//! `init`: founds a new ledger.

use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::data_dir::DataDir;
use super::{EXIT_OK, Failure, Outcome, say};
use crate::ledger::entry::{MAX_TITLE, Origin, Owner};
use crate::ledger::fields::check_text;
use crate::service::clock::{Clock as _, SystemClock};
use crate::service::vault::Vault;
use crate::service::{Founding, FoundingKeys, Service, keyfile};
use crate::standard::{CreditCode, Rulebook};
use crate::store::Embedded;

/// The default rulebook, as a file that people can read and change.
const RULEBOOK: &str = include_str!("../standard/rulebook.toml");

#[derive(Debug, clap::Args)]
#[command(
    after_help = "例 Example:\n  cqo-ledger init --data ./ledger --origin ledger.example.org/cqo \\\n    --owner-code 91340100MA2N00000M --owner-name 合肥某认定中心"
)]
pub(super) struct Args {
    /// 数据目录，须为新目录 | The data directory, which must be new
    #[arg(long, env = "CQO_DATA")]
    data: PathBuf,
    /// 账本名称，永久不变 | The ledger's name, for ever: a host name and a path, without a scheme
    #[arg(long)]
    origin: String,
    /// 运营机构的统一社会信用代码 | The credit code of the organisation that runs it
    #[arg(long)]
    owner_code: String,
    /// 运营机构名称 | Its name
    #[arg(long)]
    owner_name: String,
}

pub(super) fn run(args: Args) -> Outcome {
    let founding = founding(&args.origin, &args.owner_code, args.owner_name)?;
    let dir = found(&args.data, &founding)?;
    say(format!("账本已建立 founded: {}", founding.origin));
    say(format!("数据目录 data: {}", args.data.display()));
    say(format!("管理方私钥 authority key: {}（建议离线保存 keep it offline）", dir.authority_key().display()));
    say(format!("下一步 next: cqo-ledger serve --data {} --listen 127.0.0.1:8080", args.data.display()));
    Ok(EXIT_OK)
}

/// Reads what a ledger is founded with.
pub(super) fn founding(origin: &str, code: &str, name: String) -> Result<Founding, Failure> {
    let origin = read_origin("--origin", origin)?;
    let code: CreditCode =
        code.parse().map_err(|error| Failure::misuse(format!("--owner-code: 统一社会信用代码有误 {error}")))?;
    check_text(&name, MAX_TITLE).map_err(|problem| Failure::misuse(format!("--owner-name {problem}")))?;
    Ok(Founding { origin, owner: Owner { code, name } })
}

/// Reads the name of a new ledger.
pub(super) fn read_origin(flag: &str, origin: &str) -> Result<Origin, Failure> {
    if origin.contains("://") {
        return Err(Failure::misuse(format!(
            "{flag}: 不要写 https:// 这样的前缀，只写主机名与路径 a host name and a path, without a scheme"
        )));
    }
    origin.parse().map_err(|_| {
        Failure::misuse(format!("{flag}: 应为 1 到 200 个字符，限 a-z 0-9 . - _ ~ / :，首尾为字母或数字 1 to 200 characters of a-z 0-9 . - _ ~ / :, first and last a letter or digit"))
    })
}

/// Makes directory, keys, store and founding entries.
pub(super) fn found(data: &Path, founding: &Founding) -> Result<DataDir, Failure> {
    let dir = DataDir::create(data)?;
    std::fs::write(dir.rulebook(), RULEBOOK).map_err(Failure::new)?;
    let vault = Vault::create_in(&dir.keys()).map_err(Failure::new)?;
    let store = dir.create_store()?;
    let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(Failure::new)?;
    runtime.block_on(found_in(&dir, &store, &vault, &Rulebook::embedded(), founding))?;
    Ok(dir)
}

/// Makes the ledger's own keys, and the founding entries in a store and under a vault that are there.
pub(super) async fn found_in(
    dir: &DataDir,
    store: &Embedded,
    vault: &Vault,
    rulebook: &Rulebook,
    founding: &Founding,
) -> Result<(), Failure> {
    let mut keys = Vec::new();
    for path in [dir.authority_key(), dir.receipt_key(), dir.checkpoint_key(), dir.issuer_key(), dir.recorder_key()] {
        let key = keyfile::generate().map_err(Failure::new)?;
        keyfile::write(&path, &key).map_err(Failure::new)?;
        keys.push(key);
    }
    write_token(&dir.operator_token())?;
    let keys = FoundingKeys {
        authority: &keys[0],
        receipt: &keys[1],
        checkpoint: &keys[2],
        issuer: Some(&keys[3]),
        recorder: Some(&keys[4]),
    };
    Service::found(store, vault, rulebook, SystemClock.now(), founding, &keys).await.map_err(Failure::new)
}

/// Draws an operator's token and writes it to a new file, owner-only and durable.
pub(super) fn write_token(path: &Path) -> Result<(), Failure> {
    use std::io::Write as _;
    let mut secret = zeroize::Zeroizing::new([0_u8; 32]);
    getrandom::fill(secret.as_mut_slice()).map_err(Failure::new)?;
    let text = zeroize::Zeroizing::new(format!("cqo_operator_{}\n", hex::encode(*secret)));
    let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all())).map_err(Failure::new)
}
