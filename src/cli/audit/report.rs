//! The steps of an audit, how they ended, and how that is said.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::super::{EXIT_FAILED, EXIT_OK, Failure, say};
use crate::ledger::verify::{Message, State};

/// Nothing failed, but something could not be checked.
const EXIT_OPEN: u8 = 3;

/// One step of an audit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// The checkpoint is signed as the trust policy asks.
    Checkpoint,
    /// The chain begins with the one audited last.
    Consistency,
    /// The blocks are of the right form, linked, and those of the checkpoint.
    Blocks,
    /// The hash tiles are those of the blocks.
    Tiles,
    /// The key register is sound, and every block names its part of it.
    Keys,
    /// The commitments are those of the blocks, none of them twice.
    Batches,
}

impl Step {
    /// In the order of the audit.
    const ALL: [Self; 6] = [Self::Checkpoint, Self::Consistency, Self::Blocks, Self::Tiles, Self::Keys, Self::Batches];

    /// The stable name for programs.
    const fn name(self) -> &'static str {
        match self {
            Self::Checkpoint => "checkpoint",
            Self::Consistency => "consistency",
            Self::Blocks => "blocks",
            Self::Tiles => "tiles",
            Self::Keys => "keys",
            Self::Batches => "batches",
        }
    }

    /// The name for people, in Chinese.
    const fn zh(self) -> &'static str {
        match self {
            Self::Checkpoint => "检查点签名",
            Self::Consistency => "与上次审计一致",
            Self::Blocks => "区块",
            Self::Tiles => "链瓦片",
            Self::Keys => "密钥登记册",
            Self::Batches => "批次承诺值",
        }
    }
}

/// Why a step did not pass.
#[derive(Debug)]
pub(super) enum Stop {
    /// What was served is wrong.
    Failed(Message),
    /// This version cannot tell.
    Open(Message),
    /// The network or the disk gave out: nothing is said about the chain.
    Interrupted(Failure),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Interrupted(failure)
    }
}

/// What a step found, or why it did not pass.
pub(super) type Checked<T = ()> = Result<(Message, T), Stop>;

/// A sentence in both languages.
pub(super) fn both(zh: impl Into<String>, en: impl Into<String>) -> Message {
    Message { zh: zh.into(), en: en.into() }
}

/// Something that was served is wrong.
pub(super) fn failed(zh: impl Into<String>, en: impl Into<String>) -> Stop {
    Stop::Failed(both(zh, en))
}

/// The steps so far.
#[derive(Default)]
pub(super) struct Report {
    /// Each step that was reached, in order.
    pub(super) steps: Vec<(Step, State, Message)>,
    /// How many blocks the checkpoint names.
    pub(super) size: Option<u64>,
    /// Where the checkpoint of a failed audit is kept.
    pub(super) evidence: Option<PathBuf>,
}

impl Report {
    /// Notes how a step ended and passes on what it found; the audit stops at one that did not pass.
    pub(super) fn step<T>(&mut self, step: Step, outcome: Checked<T>) -> Result<T, Halt> {
        let (state, detail, found) = match outcome {
            Ok((detail, found)) => (State::Passed, detail, Ok(found)),
            Err(Stop::Failed(detail)) => (State::Failed, detail, Err(Halt::Noted)),
            Err(Stop::Open(detail)) => (State::Open, detail, Err(Halt::Noted)),
            Err(Stop::Interrupted(failure)) => return Err(Halt::Interrupted(failure)),
        };
        self.steps.push((step, state, detail));
        found
    }

    /// Closes the report; steps that were not reached could not be checked.
    pub(super) fn close(&mut self) {
        for step in &Step::ALL[self.steps.len()..] {
            let detail = both("前面的步骤未通过，未继续核验", "an earlier step did not pass");
            self.steps.push((*step, State::Open, detail));
        }
    }

    pub(super) fn has(&self, state: State) -> bool {
        self.steps.iter().any(|step| step.1 == state)
    }

    pub(super) fn status(&self) -> u8 {
        match () {
            () if self.has(State::Failed) => EXIT_FAILED,
            () if self.has(State::Open) => EXIT_OPEN,
            () => EXIT_OK,
        }
    }
}

/// Why an audit ended early.
pub(super) enum Halt {
    /// The report says it.
    Noted,
    /// Nothing can be said.
    Interrupted(Failure),
}

/// Prints a report for people.
pub(super) fn print(url: &str, report: &Report) {
    say(url);
    for (step, state, detail) in &report.steps {
        say(format!("  {} | {} {} | {detail}", state.words(), step.zh(), step.name()));
    }
    if let Some(path) = &report.evidence {
        say(format!(
            "证据 evidence: {}\n  镜像未改动，请保存好并交由第三方比对 / the mirror is as it was: keep both, and show them to others who watch this ledger",
            path.display()
        ));
    }
    say(match report.status() {
        EXIT_OK => "结果 result: 全部通过 passed",
        EXIT_FAILED => "结果 result: 未通过 failed",
        _ => "结果 result: 没有未通过的步骤，但有步骤无法核验 nothing failed, but a step could not be checked",
    });
}

/// A report for programs.
pub(super) fn as_json(url: &str, mirror: &Path, report: &Report) -> Value {
    let steps: Vec<Value> = report
        .steps
        .iter()
        .map(|(step, state, detail)| {
            json!({"step": step.name(), "state": state.name(), "detail": detail.en, "detail_zh": detail.zh})
        })
        .collect();
    json!({
        "exit": report.status(),
        "url": url,
        "mirror": mirror.display().to_string(),
        "size": report.size,
        "steps": steps,
        "evidence": report.evidence.as_ref().map(|path| path.display().to_string()),
    })
}
