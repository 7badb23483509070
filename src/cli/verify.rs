//! `verify`: checks files offline. Uses no store, no service and no network: only the pure core.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::{Failure, Outcome, read_input, say};
use crate::ledger::bundle::MAX_BUNDLE;
use crate::ledger::verify::{
    FileKind, FileReport, Joint, Question, StepReport, exit_status, verify_file, verify_together,
};
use crate::merkle::{MAX_POLICY_LEN, TrustPolicy};
use crate::standard::UnixMillis;

/// A leaf of another log can be larger than a block; nothing of ours is.
const MAX_LEAF: usize = 65_535;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "退出状态 Exit status:\n  0  信任策略要求的全部通过 everything the policy asks for passed\n  1  有步骤未通过 something failed\n  2  用法有误或文件无法读取 misuse or unreadable input\n  3  没有未通过的，但有步骤无法核验 nothing failed, but a needed step could not be checked\n\n例 Example:\n  cqo-ledger verify --policy policy.txt entry.proof.json block.tlog-proof"
)]
pub(super) struct Args {
    /// 信任策略（C2SP tlog-policy），须从别处取得 | The trust policy; never taken from the checked files
    #[arg(long)]
    policy: Option<PathBuf>,
    /// 状态清单 | A status list (for certificates, which this version does not check)
    #[arg(long)]
    status: Option<PathBuf>,
    /// 所问时刻，如 2026-11-22T08:00:00.000Z | The moment asked for
    #[arg(long)]
    at: Option<String>,
    /// .tlog-proof 的叶子 | The leaf of a .tlog-proof
    #[arg(long)]
    leaf: Option<PathBuf>,
    /// 以 JSON 输出 | Print JSON for programs
    #[arg(long)]
    json: bool,
    /// 待核验的文件 | Files to check, together
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

/// A file, and what became of it.
struct Checked {
    path: PathBuf,
    report: Result<FileReport, Failure>,
}

pub(super) fn run(args: Args) -> Outcome {
    if args.status.is_some() {
        return Err(Failure::misuse(
            "--status: status lists belong to certificates, which this version does not check",
        ));
    }
    let policy = match &args.policy {
        Some(path) => Some(TrustPolicy::parse(&read_input(path, MAX_POLICY_LEN)?).map_err(|error| {
            Failure::misuse(format!("{}: 不是合格的信任策略 not a sound trust policy: {error}", path.display()))
        })?),
        None => None,
    };
    let leaf = args.leaf.as_ref().map(|path| read_input(path, MAX_LEAF)).transpose()?;
    let at: Option<UnixMillis> =
        match &args.at {
            Some(text) => Some(text.parse().map_err(|_| {
                Failure::misuse(format!("--at: {text} is not a moment such as 2026-11-22T08:00:00.000Z"))
            })?),
            None => None,
        };
    let question = Question { policy: policy.as_ref(), at, leaf: leaf.as_deref() };
    let checked: Vec<Checked> = args.files.into_iter().map(|path| check(path, question)).collect();
    let reports: Vec<FileReport> = checked.iter().filter_map(|file| file.report.as_ref().ok()).cloned().collect();
    let joint = verify_together(&reports);
    let status = exit_status(&reports, &joint, reports.len() < checked.len());
    if args.json {
        say(as_json(&checked, &joint, status));
    } else {
        print(&checked, &joint, status);
    }
    Ok(status)
}

fn check(path: PathBuf, question: Question<'_>) -> Checked {
    let report = read_input(&path, MAX_BUNDLE).and_then(|bytes| {
        let kind = FileKind::recognise(&bytes).ok_or_else(|| {
            Failure::misuse("不认识这种文件；本版本核验证明包（*.proof.json）与 .tlog-proof / not a kind of file that this version checks: proof bundles (*.proof.json) and .tlog-proof files")
        })?;
        Ok(verify_file(kind, &bytes, question))
    });
    Checked { path, report }
}

fn print(checked: &[Checked], joint: &Joint, status: u8) {
    for file in checked {
        say(file.path.display());
        match &file.report {
            Ok(report) => report.steps.iter().for_each(print_step),
            Err(failure) => say(format!("  无法读取 unreadable: {}", failure.message)),
        }
    }
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
        let (whole, part) = (learner.hours_hundredths / 100, learner.hours_hundredths % 100);
        say(format!(
            "  {} {}: {whole}.{part:02} 学时 credit hours, {} 条学习记录 study entries, {} 次活动 activities",
            learner.name, learner.id, learner.entries, learner.activities
        ));
    }
    say(match status {
        0 => "结果 result: 全部通过 passed",
        1 => "结果 result: 未通过 failed",
        2 => "结果 result: 有文件无法读取 unreadable input",
        _ => "结果 result: 没有未通过的步骤，但有步骤无法核验 nothing failed, but a step could not be checked",
    });
}

fn print_step(report: &StepReport) {
    let (state, step) = (report.state.words(), report.step);
    say(format!("  {state} | {} {} | {}", step.zh(), step.name(), report.detail));
}

fn as_json(checked: &[Checked], joint: &Joint, status: u8) -> Value {
    let files: Vec<Value> = checked
        .iter()
        .map(|file| {
            let path = file.path.display().to_string();
            match &file.report {
                Ok(report) => json!({"file": path, "kind": report.kind.name(), "steps": steps(&report.steps)}),
                Err(failure) => json!({"file": path, "kind": null, "steps": [], "error": failure.message}),
            }
        })
        .collect();
    let learners: Vec<Value> = joint
        .learners
        .iter()
        .map(|learner| {
            json!({
                "id": learner.id.to_string(),
                "name": learner.name,
                "hours": learner.hours_hundredths,
                "entries": learner.entries,
                "activities": learner.activities,
            })
        })
        .collect();
    json!({"exit": status, "files": files, "joint": {"steps": steps(&joint.steps), "learners": learners}})
}

fn steps(reports: &[StepReport]) -> Vec<Value> {
    reports
        .iter()
        .map(|report| {
            json!({"step": report.step.name(), "state": report.state.name(), "detail": report.detail.en, "detail_zh": report.detail.zh})
        })
        .collect()
}
