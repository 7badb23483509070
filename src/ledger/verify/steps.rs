//! Steps, how each ended, and why: the words of every report (FORMATS sections 10, 11 and 16).

use std::fmt;

/// One step of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The file and all its parts are of the right form.
    Form,
    /// The checkpoint is signed as the trust policy asks.
    Checkpoint,
    /// The blocks are on the chain under the checkpoint, and linked.
    Chain,
    /// The key register is sound and is the chain's.
    Keys,
    /// The entries are in the batches of their blocks.
    Batch,
    /// The entries are signed by keys that worked at their position.
    Signatures,
    /// The files show one chain.
    OneChain,
    /// Corrections among the entries of all files.
    Corrections,
    /// The credential's `eddsa-jcs-2022` proof is valid.
    Proof,
    /// The credential's `eddsa-rdfc-2022` proof is valid.
    ProofRdfc,
    /// The chain says that this very credential was issued.
    Issued,
    /// The key of the proofs is the issuer's.
    Issuer,
    /// The rows and totals are those of the entries on the chain.
    Evidence,
    /// The chain says that this very PDF was issued.
    PrintedPage,
    /// Nothing was corrected or revoked since.
    InForce,
}

impl Step {
    /// The stable name for programs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Form => "form",
            Self::Checkpoint => "checkpoint",
            Self::Chain => "chain",
            Self::Keys => "keys",
            Self::Batch => "batch",
            Self::Signatures => "signatures",
            Self::OneChain => "one_chain",
            Self::Corrections => "corrections",
            Self::Proof => "proof",
            Self::ProofRdfc => "proof_rdfc",
            Self::Issued => "issued",
            Self::Issuer => "issuer",
            Self::Evidence => "evidence",
            Self::PrintedPage => "printed_page",
            Self::InForce => "in_force",
        }
    }

    /// The name for people, in Chinese.
    pub const fn zh(self) -> &'static str {
        match self {
            Self::Form => "格式",
            Self::Checkpoint => "检查点签名",
            Self::Chain => "区块在链上",
            Self::Keys => "密钥登记册",
            Self::Batch => "记录在批次中",
            Self::Signatures => "记录签名",
            Self::OneChain => "同一条链",
            Self::Corrections => "更正记录",
            Self::Proof => "凭证签名",
            Self::ProofRdfc => "凭证签名（RDF）",
            Self::Issued => "签发上链",
            Self::Issuer => "签发机构",
            Self::Evidence => "学时明细",
            Self::PrintedPage => "打印页面",
            Self::InForce => "现行有效",
        }
    }
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It holds.
    Passed,
    /// It does not hold.
    Failed,
    /// It could not be checked.
    Open,
    /// It is not needed here, which changes no result.
    Skipped,
}

impl State {
    /// The word for programs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Open => "open",
            Self::Skipped => "skipped",
        }
    }

    /// The words for people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Passed => "通过 passed",
            Self::Failed => "未通过 failed",
            Self::Open => "无法核验 could not be checked",
            Self::Skipped => "此处不需要 not needed here",
        }
    }
}

/// A sentence in both languages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

impl Message {
    /// A sentence.
    pub fn new(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { zh: zh.into(), en: en.into() }
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} / {}", self.zh, self.en)
    }
}

/// How one step ended, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepReport {
    /// Which step.
    pub step: Step,
    /// How it ended.
    pub state: State,
    /// Why.
    pub detail: Message,
}

/// Collects the steps of one file, in the order that its kind has.
#[derive(Debug)]
pub struct Steps {
    order: &'static [Step],
    reports: Vec<StepReport>,
}

impl Steps {
    /// No step yet, of these.
    pub fn new(order: &'static [Step]) -> Self {
        Self { order, reports: Vec::new() }
    }

    /// Notes the outcome of a step and passes on what it found.
    pub fn step<T>(&mut self, step: Step, outcome: Result<(Message, T), Message>) -> Option<T> {
        let (state, detail, found) = match outcome {
            Ok((detail, found)) => (State::Passed, detail, Some(found)),
            Err(detail) => (State::Failed, detail, None),
        };
        self.note(step, state, detail);
        found
    }

    /// Notes a step that could not be checked.
    pub fn open(&mut self, step: Step, detail: Message) {
        self.note(step, State::Open, detail);
    }

    /// Notes a step.
    pub fn note(&mut self, step: Step, state: State, detail: Message) {
        self.reports.push(StepReport { step, state, detail });
    }

    /// Every step; those that were not reached could not be checked.
    pub fn close(mut self) -> Vec<StepReport> {
        for step in self.order.iter().skip(self.reports.len()) {
            self.open(*step, Message::new("前面的步骤未通过，未继续核验", "an earlier step failed"));
        }
        self.reports
    }
}
