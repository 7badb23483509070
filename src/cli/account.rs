//! `account`: the first administrator, and accounts from files, through the running service.

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::{Value, json};

use super::client::{Client, ServiceArgs};
use super::{EXIT_OK, Failure, Outcome, read_input, say};

/// The largest file of accounts, in bytes.
const MAX_INPUT: usize = 4 * 1024 * 1024;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "例 Example:\n  cqo-ledger account --data ./ledger administrator --login admin@example.org --name 王芳 --organisation 91340100MA2N00000M\n  cqo-ledger account --data ./ledger put accounts.json\n  cqo-ledger account --data ./ledger code 01970000-0000-7000-8000-00000000000a\n文件内容 File: [{\"login\": \"li@example.org\", \"name\": \"李静\", \"grants\": [{\"role\": \"clerk\", \"organisation\": \"<代码>\"}]}]"
)]
pub(super) struct Args {
    #[command(flatten)]
    service: ServiceArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// 新建系统管理员账号，显示一次性代码 | Make an administrator's account, and show its one-time code
    Administrator {
        /// 登录名，通常是邮箱地址 | The sign-in name, usually an e-mail address
        #[arg(long)]
        login: String,
        /// 姓名 | The person's name
        #[arg(long)]
        name: String,
        /// 认定主体的统一社会信用代码 | The certifying body's credit code
        #[arg(long)]
        organisation: String,
    },
    /// 列出账号 | List accounts
    List,
    /// 从 JSON 文件新建账号 | Make accounts from a JSON file
    Put {
        /// 文件，- 为标准输入 | The file, or - for standard input
        file: PathBuf,
    },
    /// 发放新的一次性代码 | Give an account a new one-time code
    Code {
        /// 账号编号 | The account's id
        id: String,
    },
    /// 收回尚未使用的一次性代码 | Take back a one-time code that was not used yet
    WithdrawCode {
        /// 账号编号 | The account's id
        id: String,
    },
    /// 解除动态验证码（本人已丢失手机和恢复码） | Take the second factor off, for who has lost telephone and recovery codes
    DropFactor {
        /// 账号编号 | The account's id
        id: String,
    },
    /// 停用账号 | End an account
    End {
        /// 账号编号 | The account's id
        id: String,
    },
    /// 永久删除已停用的账号（不可恢复），操作记录保留编号 | Erase an account that has ended, for good; what it did keeps its id
    Erase {
        /// 账号编号 | The account's id
        id: String,
    },
}

pub(super) fn run(args: &Args) -> Outcome {
    let client = args.service.client()?;
    match &args.command {
        Command::Administrator { login, name, organisation } => {
            let grants = json!([{"role": "administrator", "organisation": organisation}]);
            invite(&client, &json!({"login": login, "name": name, "grants": grants}))?;
        }
        Command::List => say(pretty(&client.get("/api/v1/accounts")?.json()?)),
        Command::Put { file } => {
            let value: Value = serde_json::from_slice(&read_input(file, MAX_INPUT)?)
                .map_err(|error| Failure::misuse(format!("{}: {error}", file.display())))?;
            let all = if let Value::Array(all) = value { all } else { vec![value] };
            for account in &all {
                invite(&client, account)?;
            }
        }
        Command::Code { id } => show(&client.post(&format!("/api/v1/accounts/{id}/code"), b"{}")?.json()?),
        Command::WithdrawCode { id } => {
            client.delete(&format!("/api/v1/accounts/{id}/code"))?.good()?;
            say("已收回 it is good for nothing now");
        }
        Command::DropFactor { id } => {
            client.delete(&format!("/api/v1/accounts/{id}/factor"))?.good()?;
            say("已解除 it is off");
        }
        Command::End { id } => {
            client.delete(&format!("/api/v1/accounts/{id}"))?.good()?;
            say("已停用 ended");
        }
        Command::Erase { id } => {
            client.delete(&format!("/api/v1/accounts/{id}/data"))?.good()?;
            say("已删除 erased");
        }
    }
    Ok(EXIT_OK)
}

fn invite(client: &Client, account: &Value) -> Result<(), Failure> {
    show(&client.post("/api/v1/accounts", account.to_string().as_bytes())?.json()?);
    Ok(())
}

/// Sign-in name and code, to be handed over: the code is shown this once.
fn show(answer: &Value) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let account = &answer["account"];
    say(format!("{}  {}  {}", text(&account["id"]), text(&account["login"]), text(&account["name"])));
    match answer["code"].as_str() {
        Some(code) => say(format!(
            "一次性代码（只显示这一次）one-time code, shown this once: {code}\n在 /join 页面使用，有效期至 use it at /join until {}",
            text(&answer["expires_at"])
        )),
        None => say("代码已通过邮件发送 the code is on its way by e-mail"),
    }
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}
