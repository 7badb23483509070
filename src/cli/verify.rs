//! `verify`: checks files offline. Uses no store, no service and no network: only the pure core, and the clock for the
//! moment where none is asked for.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use super::{Failure, Outcome, read_input, read_policy, say};
use crate::credential::verify::{File, Question, Report, Verdict, verify_files};
use crate::credential::{HourCredential, Row};
use crate::ledger::bundle::MAX_BUNDLE;
use crate::ledger::verify::StepReport;
use crate::standard::{TotalHours, UnixMillis, day_of};

/// A leaf of another log can be larger than a block; nothing of ours is.
const MAX_LEAF: usize = 65_535;
/// Largest file that is read, in bytes.
const MAX_FILE: usize = MAX_BUNDLE;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "退出状态 Exit status:\n  0  信任策略要求的全部通过 everything the policy asks for passed\n  1  有步骤未通过 something failed\n  2  用法有误或文件无法读取 misuse or unreadable input\n  3  没有未通过的，但有步骤无法核验 nothing failed, but a needed step could not be checked\n\n例 Example:\n  cqo-ledger verify --policy policy.txt --status status.json certificate.pdf certificate.pdf.proof.json"
)]
pub(super) struct Args {
    /// 信任策略（C2SP tlog-policy），须从别处取得 | The trust policy; never taken from the checked files
    #[arg(long)]
    policy: Option<PathBuf>,
    /// 状态清单，可重复给出 | A status list: whether certificates were revoked; may be repeated
    #[arg(long)]
    status: Vec<PathBuf>,
    /// 所问时刻，如 2026-11-22T08:00:00.000Z；缺省为现在 | The moment asked for; now, if none is given
    #[arg(long)]
    at: Option<String>,
    /// .tlog-proof 的叶子 | The leaf of a .tlog-proof
    #[arg(long)]
    leaf: Option<PathBuf>,
    /// 以 JSON 输出 | Print JSON for programs
    #[arg(long)]
    json: bool,
    /// 待核验的文件：PDF、certificate.json、*.proof.json、.tlog-proof | Files to check, together
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

/// A file as it was read.
struct Input {
    name: String,
    bytes: Result<Vec<u8>, String>,
}

impl Input {
    fn read(path: &Path) -> Self {
        let bytes = read_input(path, MAX_FILE).map_err(|failure| failure.message);
        Self { name: path.display().to_string(), bytes }
    }

    fn file(&self) -> File<'_> {
        File { name: &self.name, bytes: self.bytes.as_deref().map_err(String::as_str) }
    }
}

pub(super) fn run(args: Args) -> Outcome {
    let policy = read_policy(args.policy.as_deref())?;
    let leaf = args.leaf.as_ref().map(|path| read_input(path, MAX_LEAF)).transpose()?;
    let at: Option<UnixMillis> =
        match &args.at {
            Some(text) => Some(text.parse().map_err(|_| {
                Failure::misuse(format!("--at: {text} is not a moment such as 2026-11-22T08:00:00.000Z"))
            })?),
            None => None,
        };
    let inputs: Vec<Input> = args.files.iter().map(|path| Input::read(path)).collect();
    let lists: Vec<Input> = args.status.iter().map(|path| Input::read(path)).collect();
    let files: Vec<File<'_>> = inputs.iter().map(Input::file).collect();
    let status: Vec<File<'_>> = lists.iter().map(Input::file).collect();
    let question = Question { policy: policy.as_ref(), at, leaf: leaf.as_deref(), status: &status, now: now()? };
    let verdict = verify_files(&files, question);
    if args.json {
        say(verdict.to_value());
    } else {
        print(&verdict);
    }
    Ok(verdict.exit)
}

/// The time on the wall.
fn now() -> Result<UnixMillis, Failure> {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).map_err(Failure::misuse)?;
    let millis = i64::try_from(since_epoch.as_millis()).map_err(Failure::misuse)?;
    UnixMillis::new(millis).map_err(Failure::misuse)
}

fn print(verdict: &Verdict) {
    verdict.files.iter().for_each(print_file);
    let joint = &verdict.joint;
    if !joint.steps.is_empty() {
        say("合并核验 together");
        joint.steps.iter().for_each(print_step);
    }
    if !joint.learners.is_empty() {
        say(
            "  所出示记录的合计（未出示的记录与更正不在其内） total of the entries shown; others, and their corrections, are not in it",
        );
    }
    for learner in &joint.learners {
        let hours = TotalHours::from_hundredths(learner.hours_hundredths);
        say(format!(
            "  {} {}: {hours} 学时 credit hours, {} 条学习记录 study entries, {} 次活动 activities",
            learner.name, learner.id, learner.entries, learner.activities
        ));
    }
    say(match verdict.exit {
        0 => "结果 result: 全部通过 passed",
        1 => "结果 result: 未通过 failed",
        2 => "结果 result: 有文件无法读取 unreadable input",
        _ => "结果 result: 没有未通过的步骤，但有步骤无法核验 nothing failed, but a step could not be checked",
    });
}

fn print_file(file: &Report) {
    say(&file.name);
    if let Err(error) = &file.kind {
        say(format!("  无法读取 unreadable: {error}"));
    }
    file.steps.iter().for_each(print_step);
    if let Some(credential) = &file.credential {
        print_certificate(credential);
    }
}

fn print_step(report: &StepReport) {
    let (state, step) = (report.state.words(), report.step);
    say(format!("  {state} | {} {} | {}", step.zh(), step.name(), report.detail));
}

/// The fields of a certificate, in the order and with the labels of the paper.
fn print_certificate(credential: &HourCredential) {
    let certificate = credential.certificate();
    let field = |label: &str, value: &dyn std::fmt::Display| say(format!("    {label}: {value}"));
    say("  凭证中的字段，请与纸面逐项比对 fields of the credential, to compare with the paper");
    field("证书编号 Certificate No.", &certificate.number);
    field("姓名 Name", &certificate.learner.name);
    if let Some(employer) = &certificate.employer {
        field("所在组织 Employer", employer);
    }
    if let Some(number) = &certificate.id_number {
        field("证件号码 ID number", number);
    }
    field("起止日期 Period", &format_args!("{} – {}", certificate.span.0, certificate.span.1));
    for (at, row) in certificate.rows.iter().enumerate() {
        say(format!("    [{at}] {}", row_in_words(row)));
    }
    field("合计学时 Total credit hours", &TotalHours::from_hundredths(credential.hours_hundredths()));
    field("组织培训活动 Activities organised", &credential.activities());
    field("学时长度 Length of a credit hour", &format_args!("{} 分钟 minutes", certificate.minutes));
    field("签发机构 Issued by", &format_args!("{} {}", certificate.issuer.name, certificate.issuer.code));
    match day_of(certificate.issued) {
        Ok(day) => field("签发日期 Date of issue", &day),
        Err(_) => field("签发日期 Date of issue", &certificate.issued),
    }
    field("核验网址 Verify at", &certificate.site.certificate_url(&certificate.number));
    field("SHA-256", credential.digest());
}

fn row_in_words(row: &Row) -> String {
    let said = match (row.hours, row.attendees) {
        (Some(hours), _) => format!("{hours} 学时"),
        (None, Some(attendees)) => format!("{attendees} 人参加"),
        (None, None) => String::new(),
    };
    let (first, last) = (row.first_day, row.last_day);
    let days = if first == last { first.to_string() } else { format!("{first} – {last}") };
    let (title, provider, form, number) = (&row.title, &row.provider, row.form.chinese(), row.attestation_number());
    let reason = row.form_reason.as_ref().map_or(String::new(), |reason| format!("（{reason}）"));
    format!("{title} | {provider} | {form}{reason} | {days} | {said} | {} | {number}", row.sealed_at)
}
