//! `keygen`: a key of one's own.

use std::path::PathBuf;

use super::{EXIT_OK, Failure, Outcome, say};
use crate::ledger::keys::{Alg, KeyId};
use crate::service::keyfile;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "例 Example:\n  cqo-ledger keygen --out provider.key\n把打印的公钥交给管理方登记；私钥文件不要交给任何人。\nGive the printed public key to the authority; give the file to nobody."
)]
pub(super) struct Args {
    /// 新的私钥文件 | The new private key file (PKCS#8 PEM, owner-only)
    #[arg(long)]
    out: PathBuf,
}

pub(super) fn run(args: &Args) -> Outcome {
    let key = keyfile::generate().map_err(Failure::new)?;
    keyfile::write(&args.out, &key).map_err(Failure::new)?;
    let public = key.verifying_key();
    say(format!("公钥 public key: {}", hex::encode(public.as_bytes())));
    say(format!("密钥编号 key id: {}", KeyId::of(&Alg::Ed25519, public.as_bytes())));
    Ok(EXIT_OK)
}
