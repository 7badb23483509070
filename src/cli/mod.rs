//! The command line: one file a subcommand, each parsing its flags and calling one thing.

mod account;
mod audit;
mod authority;
mod backup;
mod certificate;
mod client;
mod config;
mod data_dir;
mod demo;
mod erase;
mod init;
mod keygen;
mod keys;
mod log;
mod notify;
mod progress;
mod registry;
mod reindex;
mod restore;
mod rotate;
mod rulebook;
mod serve;
mod sign;
mod submit;
mod verify;

use std::fmt;
use std::io::Write as _;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::merkle::{MAX_POLICY_LEN, TrustPolicy};

/// Nothing failed.
const EXIT_OK: u8 = 0;
/// The work failed.
const EXIT_FAILED: u8 = 1;
/// Misuse, or unreadable input. (clap ends with the same status.)
const EXIT_MISUSE: u8 = 2;

#[derive(Debug, Parser)]
#[command(
    name = "cqo-ledger",
    version,
    about = "首席质量官培训学时存证\nSigned CQO training hours on an append-only chain that anyone can check",
    max_term_width = 100
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// 新建账本 | Found a new ledger in a directory
    Init(init::Args),
    /// 启动服务 | Serve an existing ledger over HTTP
    Serve(serve::Args),
    /// 演示：虚构的一年 | Found a ledger, fill it with an invented year through its own HTTP interface, and serve it
    Demo(demo::Args),
    /// 离线核验文件 | Check proof files offline, without the server
    Verify(verify::Args),
    /// 镜像并审计整条链 | Mirror a chain and check everything a stranger can
    Audit(audit::Args),
    /// 生成密钥 | Make an Ed25519 key of your own
    Keygen(keygen::Args),
    /// 签署记录 | Sign entries with your key
    Sign(sign::Args),
    /// 提交已签名的记录 | Submit signed entries to a service
    Submit(submit::Args),
    /// 登记、停用与更换密钥 | Register, retire, revoke or replace keys
    Key(keys::Args),
    /// 登记机构 | Register organisations, as the operator
    Org(registry::OrgArgs),
    /// 账号：新建、列出、发放代码、停用 | Accounts: make, list, give codes, end
    Account(account::Args),
    /// 登记学员 | Register learners
    Learner(registry::LearnerArgs),
    /// 登记课程 | Register courses
    Course(registry::CourseArgs),
    /// 学时证明：签发、下载、撤销、换发 | Issue, fetch, revoke and replace hour certificates
    Certificate(certificate::Args),
    /// 访问令牌 | Make and end API tokens, as the operator
    Token(registry::TokenArgs),
    /// 由日志重建索引 | Rebuild the index of a stopped ledger from its journal
    Reindex(reindex::Args),
    /// 备份（服务可在运行）| Back a ledger up, also while it serves
    Backup(backup::Args),
    /// 恢复 | Restore a ledger from a backup and its keys
    Restore(restore::Args),
    /// 检查或显示规则 | Check or show the rulebook
    Rulebook(rulebook::Args),
}

/// Why a command did not do its work, and the exit status for it.
#[derive(Debug)]
pub(crate) struct Failure {
    status: u8,
    message: String,
}

impl Failure {
    fn new(message: impl fmt::Display) -> Self {
        Self { status: EXIT_FAILED, message: message.to_string() }
    }

    fn misuse(message: impl fmt::Display) -> Self {
        Self { status: EXIT_MISUSE, message: message.to_string() }
    }
}

type Outcome = Result<u8, Failure>;

/// Runs the program.
pub fn run() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Init(args) => init::run(args),
        Command::Serve(args) => serve::run(args),
        Command::Demo(args) => demo::run(&args),
        Command::Verify(args) => verify::run(args),
        Command::Audit(args) => audit::run(args),
        Command::Keygen(args) => keygen::run(&args),
        Command::Sign(args) => sign::run(&args),
        Command::Submit(args) => submit::run(args),
        Command::Key(args) => keys::run(args),
        Command::Org(args) => registry::run_org(args),
        Command::Account(args) => account::run(&args),
        Command::Learner(args) => registry::run_learner(args),
        Command::Course(args) => registry::run_course(args),
        Command::Certificate(args) => certificate::run(args),
        Command::Token(args) => registry::run_token(args),
        Command::Reindex(args) => reindex::run(&args),
        Command::Backup(args) => backup::run(&args),
        Command::Restore(args) => restore::run(&args),
        Command::Rulebook(args) => rulebook::run(args),
    };
    match outcome {
        Ok(status) => ExitCode::from(status),
        Err(Failure { status, message }) => {
            drop(writeln!(std::io::stderr(), "错误 error: {message}"));
            ExitCode::from(status)
        }
    }
}

/// Prints a line for people or programs; a closed pipe is no reason to panic.
fn say(line: impl fmt::Display) {
    drop(writeln!(std::io::stdout(), "{line}"));
}

/// Reads a trust policy, where one is given.
fn read_policy(path: Option<&std::path::Path>) -> Result<Option<TrustPolicy>, Failure> {
    let Some(path) = path else { return Ok(None) };
    let policy = TrustPolicy::parse(&read_input(path, MAX_POLICY_LEN)?).map_err(|error| {
        Failure::misuse(format!("{}: 不是合格的信任策略 not a sound trust policy: {error}", path.display()))
    })?;
    Ok(Some(policy))
}

/// Reads a file of at most `max` bytes, or standard input for `-`.
fn read_input(path: &std::path::Path, max: usize) -> Result<Vec<u8>, Failure> {
    use std::io::Read as _;
    let fail = |error: std::io::Error| Failure::misuse(format!("{}: {error}", path.display()));
    let mut bytes = Vec::new();
    let limit = max as u64 + 1;
    if path == std::path::Path::new("-") {
        std::io::stdin().take(limit).read_to_end(&mut bytes).map_err(fail)?;
    } else {
        std::fs::File::open(path).map_err(fail)?.take(limit).read_to_end(&mut bytes).map_err(fail)?;
    }
    if bytes.len() > max {
        return Err(Failure::misuse(format!("{}: larger than {max} bytes", path.display())));
    }
    Ok(bytes)
}
