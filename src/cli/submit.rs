//! `submit`: sends signed entries and keeps the receipt.

use std::path::PathBuf;

use serde_json::Value;

use super::client::{ServiceArgs, explain};
use super::{EXIT_FAILED, EXIT_OK, Failure, Outcome, read_input, say};

/// The largest file of signed entries, in bytes: what a service takes at once by default.
const MAX_INPUT: usize = 4 * 1024 * 1024;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "例 Example:\n  cqo-ledger submit --url https://ledger.example.org --token-file token --receipt receipt.json signed.json\n回执是服务方的签名承诺，请保存。\nThe receipt is the service's signed promise: keep it."
)]
pub(super) struct Args {
    #[command(flatten)]
    service: ServiceArgs,
    /// 等待上链 | Wait until the entries are in a block
    #[arg(long)]
    wait: bool,
    /// 回执保存到 | Where to keep the receipt
    #[arg(long)]
    receipt: Option<PathBuf>,
    /// 已签名的记录，- 为标准输入 | Signed entries, or - for standard input
    entries: PathBuf,
}

pub(super) fn run(args: Args) -> Outcome {
    let body = read_input(&args.entries, MAX_INPUT)?;
    let path = if args.wait { "/api/v1/entries?wait=sealed" } else { "/api/v1/entries" };
    let answer = args.service.client()?.post(path, &body)?.json()?;
    report(&answer, args.receipt.as_deref())
}

/// Prints each entry's result and keeps the receipts.
pub(super) fn report(answer: &Value, receipt: Option<&std::path::Path>) -> Outcome {
    let mut rejected = 0;
    for result in answer["results"].as_array().into_iter().flatten() {
        let id = result["id"].as_str().unwrap_or("?");
        match result["status"].as_str() {
            Some("accepted") => say(format!("已受理 accepted   {id}")),
            Some("duplicate") => say(format!("此前已受理 duplicate {id}")),
            _ => {
                rejected += 1;
                say(format!("未受理 rejected   {id}\n{}", explain(&result["problem"])));
            }
        }
    }
    if answer["sealed"].as_bool() == Some(true) {
        say("已上链 sealed");
    }
    if let Some(path) = receipt {
        let receipts = answer["receipts"].as_array().cloned().unwrap_or_default();
        let text = match receipts.as_slice() {
            [one] => one.to_string(),
            several => Value::from(several).to_string(),
        };
        std::fs::write(path, text).map_err(|error| Failure::new(format!("{}: {error}", path.display())))?;
    }
    Ok(if rejected == 0 { EXIT_OK } else { EXIT_FAILED })
}
