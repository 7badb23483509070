//! `sign`: from entries to signed entries.

use std::path::PathBuf;

use serde_json::Value;

use super::{EXIT_OK, Failure, Outcome, read_input, say};
use crate::ledger::entry::Entry;
use crate::ledger::fields::FieldErrors;
use crate::ledger::json;
use crate::ledger::signed::SignedEntry;
use crate::service::keyfile;

/// The largest file of entries, in bytes.
const MAX_INPUT: usize = 64 * 1024 * 1024;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "例 Example:\n  cqo-ledger sign --key provider.key entry.json > signed.json\n输入可以是一条记录或数组，空格与次序不限；缺 id 时自动生成（每次不同：请保存签名结果，勿重复签署）。\nThe input is one entry or an array, in any spacing and order; an entry without an id gets a new one: keep what was signed.\n\n记录示例 An entry:\n{\n  \"kind\": \"study\", \"ledger\": \"ledger.example.org/cqo\", \"rulebook\": \"2026.1\",\n  \"recorder\": \"91340100MA2N00000M\",\n  \"learner\": {\"id\": \"01944e59-cddc-7b92-9775-57f972be8708\", \"name\": \"张伟\"},\n  \"course\": {\"code\": \"QM-01\", \"title\": \"质量战略管理\"}, \"form\": \"online\",\n  \"first_day\": \"2026-03-01\", \"last_day\": \"2026-03-02\", \"hours\": 200, \"completes\": true, \"evidence\": []\n}\nhours 以百分之一学时计：200 即 2.00 学时 hours are hundredths: 200 is 2.00"
)]
pub(super) struct Args {
    /// 私钥文件 | The private key file
    #[arg(long)]
    key: PathBuf,
    /// 记录文件（JSON），- 为标准输入 | A file of entries (JSON), or - for standard input
    entries: PathBuf,
}

pub(super) fn run(args: &Args) -> Outcome {
    let key = keyfile::read(&args.key).map_err(Failure::misuse)?;
    let input: Value = json::parse(&read_input(&args.entries, MAX_INPUT)?)
        .map_err(|error| Failure::misuse(format!("{}: {error}", args.entries.display())))?;
    let sign = |value: Value, path: &str| {
        let entry = read_entry(value, path)?;
        Ok::<_, Failure>(SignedEntry::sign(entry, &[&key]))
    };
    match input {
        Value::Array(items) => {
            let signed: Vec<SignedEntry> = items
                .into_iter()
                .enumerate()
                .map(|(i, item)| sign(item, &format!("[{i}]")))
                .collect::<Result<_, _>>()?;
            let texts: Vec<_> = signed.iter().map(|one| String::from_utf8_lossy(one.bytes())).collect();
            say(format!("[{}]", texts.join(",")));
        }
        // No line feed after a single entry: it is sent exactly as it stands.
        one => drop(std::io::Write::write_all(&mut std::io::stdout(), sign(one, "")?.bytes())),
    }
    Ok(EXIT_OK)
}

fn read_entry(mut value: Value, path: &str) -> Result<Entry, Failure> {
    if let Some(members) = value.as_object_mut() {
        members.entry("id").or_insert_with(|| uuid::Uuid::now_v7().to_string().into());
    }
    // The same rules for text and numbers as the service has.
    let canonical = json::canonical(&value);
    let value = json::parse_canonical(&canonical).map_err(|error| Failure::misuse(format!("{path} {error}")))?;
    let mut errors = FieldErrors::default();
    let entry = Entry::from_value(value, path, &mut errors);
    entry.filter(|_| errors.0.is_empty()).ok_or_else(|| {
        let lines: Vec<String> =
            errors.0.iter().map(|e| format!("  {}: {} / {}", e.field, e.problem.zh(), e.problem)).collect();
        Failure::misuse(format!("记录不符合要求 the entry is not valid\n{}", lines.join("\n")))
    })
}
