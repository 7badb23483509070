//! Checking files step by step (proofs/FORMATS.md sections 10 and 11).
//!
//! Pure: bytes and a trust policy go in, reports come out. No clock, no network, no server code. Every check of a
//! section of FORMATS.md stands here once, and the command line only prints. What is here is common to all files;
//! [`proof_bundle`] and [`block_proof`] check one file each, [`together`] what all of them say.

mod block_proof;
mod proof_bundle;
mod steps;
mod together;

use std::fmt;

use super::block::Block;
use super::bundle;
use super::commitment::Commitment;
use super::keys::KeyRegister;
use super::signed::SignedEntry;
use crate::merkle::{Checkpoint, Hash, JudgedCheckpoint, SignedNote, TrustPolicy, leaf_hash, verify_inclusion};
use crate::standard::UnixMillis;
pub use steps::{Message, State, Step, StepReport, Steps};
pub use together::{
    Counted, Joint, LearnerTotal, Voided, counted, counted_and_voided, exit_of, exit_status, verify_together,
    verify_together_with,
};

/// What tells a proof bundle from any other file.
const PROOF_MARK: &str = r#""format":"cqo-ledger/proof/v1""#;
/// What kind of file was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// A proof bundle of entries.
    Proof,
    /// A C2SP tlog-proof of one block.
    TlogProof,
}

impl FileKind {
    /// The word for programs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Proof => "proof",
            Self::TlogProof => "tlog-proof",
        }
    }

    const fn steps(self) -> &'static [Step] {
        match self {
            Self::Proof => {
                &[Step::Form, Step::Checkpoint, Step::Chain, Step::Keys, Step::Batch, Step::Signatures, Step::InForce]
            }
            Self::TlogProof => &[Step::Form, Step::Checkpoint, Step::Chain],
        }
    }

    /// Recognises a file by its bytes; what is not recognised is not read at all. Whatever is wrong with a file that is
    /// recognised fails its step `form`.
    pub fn recognise(bytes: &[u8]) -> Option<Self> {
        if bytes.starts_with(b"c2sp.org/tlog-proof@v1\n") {
            return Some(Self::TlogProof);
        }
        let text = std::str::from_utf8(bytes).ok().filter(|text| text.len() <= bundle::MAX_BUNDLE)?;
        text.contains(PROOF_MARK).then_some(Self::Proof)
    }
}

/// The report on one file.
#[derive(Debug, Clone)]
pub struct FileReport {
    /// What it is.
    pub kind: FileKind,
    /// Every step, in order.
    pub steps: Vec<StepReport>,
    /// What it proves; empty when a step failed.
    pub entries: Vec<ProvenEntry>,
    /// The block texts it shows to be on its chain; empty when a step failed.
    pub blocks: Vec<Block>,
    /// The key register of a bundle's tip; none when a step failed.
    pub register: Option<KeyRegister>,
}

impl FileReport {
    /// Whether no step failed: only then does the file take part in what is judged over all files.
    pub fn takes_part(&self) -> bool {
        self.steps.iter().all(|step| step.state != State::Failed)
    }

    /// How a step ended.
    pub fn state(&self, step: Step) -> Option<State> {
        self.steps.iter().find(|report| report.step == step).map(|report| report.state)
    }
}

/// An entry that one file proves, as far as the steps of that file say.
#[derive(Debug, Clone)]
pub struct ProvenEntry {
    /// Height of its block.
    pub height: u64,
    /// Position in the batch.
    pub index: u64,
    /// When its block was sealed.
    pub sealed_at: UnixMillis,
    /// Its commitment on the chain.
    pub commitment: Commitment,
    /// The signed entry.
    pub signed: SignedEntry,
    /// One of its signers is an authority.
    pub by_authority: bool,
}

impl ProvenEntry {
    /// The attestation number 存证编号.
    pub fn attestation_number(&self) -> String {
        format!("{}-{}", self.height, self.index)
    }
}

/// What the caller wants checked besides the file itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct Question<'a> {
    /// Whose signatures are accepted; never taken from the checked file.
    pub policy: Option<&'a TrustPolicy>,
    /// The moment asked for: entries sealed later fail.
    pub at: Option<UnixMillis>,
    /// The leaf of a `.tlog-proof`.
    pub leaf: Option<&'a [u8]>,
}

/// Collects the steps of one file of this module.
struct Run {
    kind: FileKind,
    steps: Steps,
}

impl Run {
    fn new(kind: FileKind) -> Self {
        Self { kind, steps: Steps::new(kind.steps()) }
    }

    /// Closes the report; steps that were not reached could not be checked.
    fn finish(self, entries: Vec<ProvenEntry>, blocks: Vec<Block>, register: Option<KeyRegister>) -> FileReport {
        FileReport { kind: self.kind, steps: self.steps.close(), entries, blocks, register }
    }

    /// Closes the report after a failed step.
    fn fail(self) -> FileReport {
        self.finish(Vec::new(), Vec::new(), None)
    }
}

/// Checks a file that [`FileKind::recognise`] named.
pub fn verify_file(kind: FileKind, bytes: &[u8], question: Question<'_>) -> FileReport {
    match kind {
        FileKind::Proof => proof_bundle::verify(bytes, question),
        FileKind::TlogProof => block_proof::verify(bytes, question),
    }
}

/// The checkpoint step; false when it failed.
fn check_checkpoint(run: &mut Run, note: &SignedNote, policy: Option<&TrustPolicy>) -> bool {
    let Some(policy) = policy else {
        run.steps.open(
            Step::Checkpoint,
            Message::new(
                "未给出信任策略（--policy），不知道该信任谁的签名",
                "no trust policy (--policy): nobody's signature is trusted",
            ),
        );
        return true;
    };
    run.steps.step(Step::Checkpoint, judge_checkpoint(policy, note).map(|said| (said, ()))).is_some()
}

/// Whether a checkpoint is signed as the trust policy asks, in the words that every verifier uses: with a quorum of
/// `none` they say plainly what that leaves open.
pub fn judge_checkpoint(policy: &TrustPolicy, note: &SignedNote) -> Result<Message, Message> {
    policy.judge(note).map(|judged| judged_message(&judged)).map_err(|error| {
        Message::new(format!("不满足信任策略：{error}"), format!("the trust policy is not met: {error}"))
    })
}

fn judged_message(judged: &JudgedCheckpoint) -> Message {
    let origin = judged.checkpoint().origin();
    if judged.quorum_is_none() {
        return Message::new(
            format!("{origin} 的签名有效；策略不要求见证方，运营者有可能向他人出示另一条链"),
            format!(
                "signed by {origin}; the policy asks for no witness, so the operator could show others another chain"
            ),
        );
    }
    let witnesses: Vec<&str> = judged.cosignatures().iter().map(|c| c.witness.as_str()).collect();
    let witnesses = witnesses.join(", ");
    Message::new(
        format!("{origin} 的签名有效，见证方：{witnesses}"),
        format!("signed by {origin}, witnessed by {witnesses}"),
    )
}

fn broken(zh: impl fmt::Display, en: impl fmt::Display) -> Message {
    Message::new(zh.to_string(), en.to_string())
}

/// What must hold of any block text, whatever its place.
fn check_alone(block: &Block, checkpoint: &Checkpoint) -> Result<(), Message> {
    let height = block.height;
    if block.origin.as_str() != checkpoint.origin() {
        return Err(broken(
            format!("区块 {height} 属于另一账本"),
            format!("block {height} names another ledger than the checkpoint"),
        ));
    }
    block.stands().map_err(|error| broken(format!("区块 {height} 不成立：{error}"), format!("block {height}: {error}")))
}

fn check_moment(block: &Block, at: Option<UnixMillis>) -> Result<(), Message> {
    let height = block.height;
    if at.is_some_and(|at| block.time > at) {
        return Err(broken(
            format!("区块 {height} 晚于所问时刻"),
            format!("block {height} was sealed after the moment asked for"),
        ));
    }
    Ok(())
}

fn check_inclusion(block: &Block, path: &[Hash], checkpoint: &Checkpoint) -> Result<(), Message> {
    let height = block.height;
    let leaf = leaf_hash(block.to_string().as_bytes());
    verify_inclusion(&leaf, height, checkpoint.size(), path, checkpoint.root()).map_err(|error| {
        broken(
            format!("区块 {height} 不在检查点之下：{error}"),
            format!("block {height} is not under the checkpoint: {error}"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{BLOCK_PROOF, BUNDLE, never_panics};
    use super::*;

    #[test]
    fn files_are_recognised_by_their_bytes() {
        for (bytes, kind) in [
            (BUNDLE, Some(FileKind::Proof)),
            (BLOCK_PROOF, Some(FileKind::TlogProof)),
            (br#"x"format":"cqo-ledger/proof/v1""#, Some(FileKind::Proof)),
            (b"c2sp.org/tlog-proof@v1\n\xff", Some(FileKind::TlogProof)),
            (b"c2sp.org/tlog-proof@v1", None),
            (b"c2sp.org/tlog-proof@v1\r\n", None),
            (br#"{"format": "cqo-ledger/proof/v1"}"#, None),
            (b"\xff\"format\":\"cqo-ledger/proof/v1\"", None),
            (b"", None),
        ] {
            assert_eq!(FileKind::recognise(bytes), kind, "{}", String::from_utf8_lossy(bytes));
        }
        let mut large = BUNDLE.to_vec();
        large.resize(bundle::MAX_BUNDLE, b' ');
        assert_eq!(FileKind::recognise(&large), Some(FileKind::Proof));
        large.push(b' ');
        assert_eq!(FileKind::recognise(&large), None);
    }

    /// Every report names every step of its kind once, whatever the file.
    #[test]
    fn arbitrary_files_are_judged() {
        for (kind, good) in [(FileKind::Proof, BUNDLE), (FileKind::TlogProof, BLOCK_PROOF)] {
            never_panics(good, |bytes| {
                let report = verify_file(kind, bytes, Question::default());
                let steps: Vec<Step> = report.steps.iter().map(|step| step.step).collect();
                assert_eq!(steps, kind.steps());
                let files = [report.clone(), report];
                let joint = verify_together(&files);
                assert!(matches!(exit_status(&files, &joint, false), 1 | 3));
            });
        }
    }

    #[test]
    fn a_failure_wins_over_an_unreadable_file_and_that_over_an_open_step() {
        let report = |bytes| verify_file(FileKind::Proof, bytes, Question::default());
        for (bytes, any_unreadable, expected) in
            [(&BUNDLE[1..], true, 1), (&BUNDLE[1..], false, 1), (BUNDLE, true, 2), (BUNDLE, false, 3)]
        {
            let files = [report(bytes)];
            assert_eq!(exit_status(&files, &verify_together(&files), any_unreadable), expected);
        }
        assert_eq!(exit_status(&[], &verify_together(&[]), false), 0);
    }
}
