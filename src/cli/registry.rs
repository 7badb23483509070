//! `org`, `learner`, `course`, `token`: the registry from the command line, through the running service.

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::{Value, json};

use super::client::ServiceArgs;
use super::{EXIT_OK, Failure, Outcome, erase, read_input, say};

/// The largest file of learners or courses, in bytes.
const MAX_INPUT: usize = 4 * 1024 * 1024;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "例 Example:\n  cqo-ledger org --data ./ledger put --code 91340100MA2N00000M --name 合肥某培训中心 --role provider"
)]
pub(super) struct OrgArgs {
    #[command(flatten)]
    service: ServiceArgs,
    #[command(subcommand)]
    command: OrgCommand,
}

#[derive(Debug, Subcommand)]
enum OrgCommand {
    /// 列出机构 | List organisations
    List,
    /// 登记或修改机构 | Register an organisation, or change it
    Put {
        /// 统一社会信用代码 | Its credit code
        #[arg(long)]
        code: String,
        /// 名称 | Its name
        #[arg(long)]
        name: String,
        /// 角色，可多次 | certifying_body, provider, employer or competent_authority; may be given several times
        #[arg(long = "role", required = true)]
        roles: Vec<String>,
    },
}

pub(super) fn run_org(args: OrgArgs) -> Outcome {
    let client = args.service.client()?;
    let answer = match args.command {
        OrgCommand::List => client.get("/api/v1/organisations")?,
        OrgCommand::Put { code, name, roles } => {
            client.post("/api/v1/organisations", &body(&json!({"code": code, "name": name, "roles": roles})))?
        }
    };
    show(&answer.json()?)
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "例 Example:\n  cqo-ledger learner --url https://ledger.example.org --token-file token put learners.json\n  cqo-ledger learner --data ./ledger erase 01970000-0000-7000-8000-00000000000a\n  cqo-ledger learner --data ./ledger erased > erased.json\n文件内容 File: [{\"id\": \"<UUIDv7>\", \"name\": \"张伟\"}]"
)]
pub(super) struct LearnerArgs {
    #[command(flatten)]
    service: ServiceArgs,
    #[command(subcommand)]
    command: LearnerCommand,
}

#[derive(Debug, Subcommand)]
enum LearnerCommand {
    #[command(flatten)]
    File(FileCommand),
    /// 永久删除学员（运营者），不可恢复 | Erase learners for good, as the operator
    Erase {
        /// 学员编号 | Ids of learners
        #[arg(required = true)]
        ids: Vec<String>,
        /// 不再询问 | Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// 列出已删除的学员、账号与投诉；请留存，供恢复备份时使用 | List what was erased: learners, accounts, complaints; keep it for the restore of a backup
    Erased,
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "例 Example:\n  cqo-ledger course --url https://ledger.example.org --token-file token put courses.json\n文件内容 File: [{\"code\": \"QM-01\", \"title\": \"质量战略管理\", \"hours\": 200}]"
)]
pub(super) struct CourseArgs {
    #[command(flatten)]
    service: ServiceArgs,
    #[command(subcommand)]
    command: FileCommand,
}

#[derive(Debug, Subcommand)]
enum FileCommand {
    /// 列出 | List
    List {
        /// 培训机构的统一社会信用代码 | The provider's credit code; needed with the operator's token
        #[arg(long)]
        provider: Option<String>,
    },
    /// 从 JSON 文件登记 | Register from a JSON file
    Put {
        /// 文件，- 为标准输入 | The file, or - for standard input
        file: PathBuf,
    },
}

pub(super) fn run_learner(args: LearnerArgs) -> Outcome {
    match args.command {
        LearnerCommand::File(command) => run_file(&args.service, command, "/api/v1/learners"),
        LearnerCommand::Erase { ids, yes } => erase::erase(&args.service.client()?, &ids, yes),
        LearnerCommand::Erased => erase::list(&args.service.client()?),
    }
}

pub(super) fn run_course(args: CourseArgs) -> Outcome {
    run_file(&args.service, args.command, "/api/v1/courses")
}

fn run_file(service: &ServiceArgs, command: FileCommand, path: &str) -> Outcome {
    let client = service.client()?;
    let answer = match command {
        FileCommand::List { provider: None } => client.get(path)?,
        FileCommand::List { provider: Some(code) } => client.get(&format!("{path}?provider={code}"))?,
        FileCommand::Put { file } => client.post(path, &read_input(&file, MAX_INPUT)?)?,
    };
    show(&answer.json()?)
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "例 Example:\n  cqo-ledger token --data ./ledger create --organisation 91340100MA2N00000M --out provider.token"
)]
pub(super) struct TokenArgs {
    #[command(flatten)]
    service: ServiceArgs,
    #[command(subcommand)]
    command: TokenCommand,
}

#[derive(Debug, Subcommand)]
enum TokenCommand {
    /// 签发令牌，只显示一次 | Make a token; it is shown this once
    Create {
        /// 机构的统一社会信用代码 | The organisation's credit code
        #[arg(long)]
        organisation: String,
        /// 把令牌写入新文件（仅本人可读） | Write the token to a new, owner-only file
        #[arg(long)]
        out: Option<PathBuf>,
    },
    /// 停用令牌 | End a token
    End {
        /// 令牌的公开部分 | The token's public part
        id: String,
    },
}

pub(super) fn run_token(args: TokenArgs) -> Outcome {
    let client = args.service.client()?;
    match args.command {
        TokenCommand::Create { organisation, out } => {
            let token = client.post("/api/v1/tokens", &body(&json!({"organisation": organisation})))?.json()?;
            match out {
                None => show(&token),
                Some(path) => {
                    write_secret(&path, token["token"].as_str().unwrap_or_default())?;
                    say(format!("令牌 token {}: {}", token["id"].as_str().unwrap_or_default(), path.display()));
                    Ok(EXIT_OK)
                }
            }
        }
        TokenCommand::End { id } => {
            client.delete(&format!("/api/v1/tokens/{id}"))?.good()?;
            Ok(EXIT_OK)
        }
    }
}

fn write_secret(path: &std::path::Path, text: &str) -> Result<(), Failure> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| Failure::new(format!("无法写入 cannot write {}: {error}", path.display())))
}

fn body(value: &Value) -> Vec<u8> {
    value.to_string().into_bytes()
}

fn show(value: &Value) -> Outcome {
    say(serde_json::to_string_pretty(value).map_err(Failure::new)?);
    Ok(EXIT_OK)
}
