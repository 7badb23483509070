//! `key`: what only the authority does: adding, retiring and revoking keys. (`rotate` has a file of its own.)

use std::path::PathBuf;

use clap::Subcommand;

use super::authority::{Door, sign_change};
use super::client::ServiceArgs;
use super::data_dir::version_today;
use super::submit::report;
use super::{Failure, Outcome, rotate};
use crate::ledger::entry::{KeyChange, KeyReason, Kind, MAX_TITLE, Owner};
use crate::ledger::fields::check_text;
use crate::ledger::keys::{Alg, KeyId, PublicKey, Role};
use crate::service::keyfile;
use crate::standard::{CreditCode, Rulebook};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "例 Example:\n  cqo-ledger key --data ./ledger add --public <hex> --role recorder --kinds study,activity,correction \\\n    --owner-code 91340100MA2N00000M --owner-name 合肥某培训中心"
)]
pub(super) struct Args {
    #[command(flatten)]
    service: ServiceArgs,
    /// 管理方私钥，默认取数据目录中的 | The authority's key; by default that of the data directory
    #[arg(long)]
    authority_key: Option<PathBuf>,
    /// 管理方的统一社会信用代码，默认取登记册中的 | The authority's credit code; by default the register's
    #[arg(long)]
    authority_code: Option<String>,
    #[command(subcommand)]
    change: Change,
}

#[derive(Debug, Subcommand)]
enum Change {
    /// 更换密钥 | Put one key in the place of another, for any role
    Rotate(Box<rotate::Args>),
    #[command(flatten)]
    Register(RegisterChange),
}

/// One change of the key register.
#[derive(Debug, Subcommand)]
enum RegisterChange {
    /// 登记公钥 | Add a public key
    Add {
        /// 公钥（十六进制） | The public key in hexadecimal
        #[arg(long)]
        public: String,
        /// 角色 | authority, issuer, receipt or recorder
        #[arg(long)]
        role: String,
        /// 可签署的记录种类 | Kinds it may sign, separated by commas
        #[arg(long, value_delimiter = ',')]
        kinds: Vec<String>,
        /// 持有机构的统一社会信用代码 | Credit code of the organisation that holds it
        #[arg(long)]
        owner_code: String,
        /// 持有机构名称 | Its name
        #[arg(long)]
        owner_name: String,
    },
    /// 停用密钥 | Retire a key
    Retire {
        /// 密钥编号 | The key id
        target: String,
        /// 原因 | rotation, lost, compromised, ended or other
        #[arg(long, default_value = "rotation")]
        reason: String,
    },
    /// 撤销密钥 | Revoke a key
    Revoke {
        /// 密钥编号 | The key id
        target: String,
        /// 原因 | rotation, lost, compromised, ended or other
        #[arg(long, default_value = "compromised")]
        reason: String,
        /// 自此区块起签署的记录不作数 | Entries by it in blocks from this height on do not count
        #[arg(long)]
        compromised_from: Option<u64>,
    },
}

pub(super) fn run(args: Args) -> Outcome {
    let change = match args.change {
        Change::Rotate(rotation) => return rotate::run(&rotation),
        Change::Register(change) => change,
    };
    let client = args.service.client()?;
    let path = match (&args.authority_key, args.service.dir()) {
        (Some(path), _) => path.clone(),
        (None, Some(dir)) => dir.authority_key(),
        (None, None) => return Err(Failure::misuse("name the authority's key: --authority-key")),
    };
    let key = keyfile::read(&path).map_err(Failure::misuse)?;
    let code = args.authority_code.map(|code| read_code("--authority-code", &code)).transpose()?;
    let rulebook = match args.service.dir() {
        Some(dir) => dir.rulebook_version()?,
        None => version_today(&Rulebook::embedded())?,
    };
    let signed = sign_change(&Door::Served(client.clone()), &key, code, rulebook, read_change(change)?)?;
    let answer = client.post("/api/v1/entries?wait=sealed", signed.bytes())?.json()?;
    report(&answer, None)
}

fn read_change(change: RegisterChange) -> Result<KeyChange, Failure> {
    match change {
        RegisterChange::Add { public, role, mut kinds, owner_code, owner_name } => {
            let public = hex::decode(public).map_err(|error| Failure::misuse(format!("--public: {error}")))?;
            PublicKey::new(&Alg::Ed25519, &public).map_err(|error| Failure::misuse(format!("--public: {error}")))?;
            check_text(&owner_name, MAX_TITLE).map_err(|problem| Failure::misuse(format!("--owner-name {problem}")))?;
            let role: Role = role.parse().map_err(|error| Failure::misuse(format!("--role: {error}")))?;
            if kinds.is_empty() && role == Role::Authority {
                kinds = vec!["correction".into(), "key".into()];
            }
            let kinds: Result<Vec<Kind>, _> = kinds.iter().map(|kind| kind.parse()).collect();
            let mut kinds = kinds.map_err(|error| Failure::misuse(format!("--kinds: {error}")))?;
            kinds.sort_unstable();
            if !role.may_have(&kinds) {
                return Err(Failure::misuse(format!("--kinds: a {role} key may have: {}", role.kinds_in_words())));
            }
            let owner = Owner { code: read_code("--owner-code", &owner_code)?, name: owner_name };
            Ok(KeyChange::Add { alg: Alg::Ed25519, public, kinds, owner, role })
        }
        RegisterChange::Retire { target, reason } => {
            Ok(KeyChange::Retire { target: read_id(&target)?, reason: read_reason(&reason)? })
        }
        RegisterChange::Revoke { target, reason, compromised_from } => {
            let reason = read_reason(&reason)?;
            // A revocation stands for ever: what was left out by oversight could not be added.
            if reason == KeyReason::Compromised && compromised_from.is_none() {
                return Err(Failure::misuse(
                    "--compromised-from: 请给出自哪个区块高度起不再可信；撤销后不能更改 name the height from which the key is not trusted: it cannot be changed afterwards",
                ));
            }
            Ok(KeyChange::Revoke { target: read_id(&target)?, reason, compromised_from })
        }
    }
}

fn read_code(flag: &str, text: &str) -> Result<CreditCode, Failure> {
    text.parse().map_err(|error| Failure::misuse(format!("{flag}: {error}")))
}

fn read_id(text: &str) -> Result<KeyId, Failure> {
    text.parse().map_err(|_| Failure::misuse("a key id has 64 lower-case hexadecimal digits"))
}

fn read_reason(text: &str) -> Result<KeyReason, Failure> {
    text.parse().map_err(|error| Failure::misuse(format!("--reason: {error}")))
}
