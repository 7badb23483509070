//! Checking files step by step (proofs/FORMATS.md sections 10 and 11).
//!
//! Pure: bytes and a trust policy go in, reports come out. No clock, no network, no server code. Every check of a
//! section of FORMATS.md stands here once, and the command line only prints.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::str::FromStr;

use super::block::Block;
use super::bundle::{self, Bundle, BundleEntry};
use super::commitment::Commitment;
use super::entry::{Body, Correction, EntryId, Learner, LearnerId, Origin, Record};
use super::json;
use super::keys::{KeyError, KeyRegister};
use super::signed::SignedEntry;
use crate::merkle::{
    Checkpoint, Hash, JudgedCheckpoint, SignedNote, TlogProof, TrustPolicy, leaf_hash, verify_inclusion,
};
use crate::standard::UnixMillis;

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
}

impl State {
    /// The word for programs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Open => "open",
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
    fn new(zh: impl Into<String>, en: impl Into<String>) -> Self {
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

/// What tells a proof bundle from any other file.
const PROOF_MARK: &str = r#""format":"cqo-ledger/proof/v1""#;
/// Largest `.tlog-proof` file, in bytes.
const MAX_BLOCK_PROOF: usize = 1024 * 1024;

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
}

impl FileReport {
    /// Whether the file takes part in what is judged over all files.
    fn takes_part(&self) -> bool {
        self.steps.iter().all(|step| step.state != State::Failed)
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

/// Collects the steps of one file.
struct Run {
    kind: FileKind,
    steps: Vec<StepReport>,
}

impl Run {
    fn new(kind: FileKind) -> Self {
        Self { kind, steps: Vec::new() }
    }

    /// Notes the outcome of a step and passes on what it found.
    fn step<T>(&mut self, step: Step, outcome: Result<(Message, T), Message>) -> Option<T> {
        let (state, detail, found) = match outcome {
            Ok((detail, found)) => (State::Passed, detail, Some(found)),
            Err(detail) => (State::Failed, detail, None),
        };
        self.steps.push(StepReport { step, state, detail });
        found
    }

    fn open(&mut self, step: Step, detail: Message) {
        self.steps.push(StepReport { step, state: State::Open, detail });
    }

    /// Closes the report; steps that were not reached could not be checked.
    fn finish(mut self, entries: Vec<ProvenEntry>, blocks: Vec<Block>) -> FileReport {
        for step in &self.kind.steps()[self.steps.len()..] {
            self.open(*step, Message::new("前面的步骤未通过，未继续核验", "an earlier step failed"));
        }
        FileReport { kind: self.kind, steps: self.steps, entries, blocks }
    }

    /// Closes the report after a failed step.
    fn fail(self) -> FileReport {
        self.finish(Vec::new(), Vec::new())
    }
}

/// Checks a file that [`FileKind::recognise`] named.
pub fn verify_file(kind: FileKind, bytes: &[u8], question: Question<'_>) -> FileReport {
    match kind {
        FileKind::Proof => verify_bundle(bytes, question),
        FileKind::TlogProof => verify_block_proof(bytes, question),
    }
}

fn verify_bundle(bytes: &[u8], question: Question<'_>) -> FileReport {
    let mut run = Run::new(FileKind::Proof);
    let read =
        Bundle::from_bytes(bytes).map(|bundle| (Message::new(form_zh(&bundle), form_en(&bundle)), bundle)).map_err(
            |error| Message::new(format!("不是合格的证明包：{error}"), format!("not a sound proof bundle: {error}")),
        );
    let Some(bundle) = run.step(Step::Form, read) else { return run.fail() };

    if !check_checkpoint(&mut run, &bundle.note, question.policy) {
        return run.fail();
    }
    if run.step(Step::Chain, check_chain(&bundle, question.at)).is_none() {
        return run.fail();
    }
    let keys = match check_keys(&bundle) {
        Err(detail) => {
            run.step::<()>(Step::Keys, Err(detail));
            return run.fail();
        }
        Ok(keys) => keys,
    };
    note_keys(&mut run, &keys);
    let Some(proven) = run.step(Step::Batch, check_batch(&bundle)) else { return run.fail() };
    let Some(entries) = check_signatures(&mut run, &bundle, &keys, proven) else {
        return run.fail();
    };
    run.open(
        Step::InForce,
        Message::new(
            "证明包不含状态清单：此后是否被更正，须另行查询",
            "a bundle carries no status list: whether an entry was corrected later must be asked elsewhere",
        ),
    );
    let blocks = bundle.sequence().cloned().collect();
    run.finish(entries, blocks)
}

fn note_keys(run: &mut Run, keys: &Keys) {
    let length = keys.register.len();
    match &keys.unknown {
        Some(alg) => run.open(
            Step::Keys,
            Message::new(
                format!("登记册中有本版本无法核验的算法 {alg}"),
                format!("the register has signatures of the algorithm {alg}, unknown here"),
            ),
        ),
        None => {
            let detail = Message::new(
                format!("{length} 条密钥记录，摘要与区块一致"),
                format!("{length} key entries, as the blocks say"),
            );
            run.step(Step::Keys, Ok((detail, ())));
        }
    }
}

fn form_zh(bundle: &Bundle) -> String {
    format!("{} 条记录，{} 个区块，链长 {}", bundle.entries.len(), bundle.blocks.len(), bundle.checkpoint.size())
}

fn form_en(bundle: &Bundle) -> String {
    format!("{} entries in {} blocks, chain of {}", bundle.entries.len(), bundle.blocks.len(), bundle.checkpoint.size())
}

/// The checkpoint step; false when it failed.
fn check_checkpoint(run: &mut Run, note: &SignedNote, policy: Option<&TrustPolicy>) -> bool {
    let Some(policy) = policy else {
        run.open(
            Step::Checkpoint,
            Message::new(
                "未给出信任策略（--policy），不知道该信任谁的签名",
                "no trust policy (--policy): nobody's signature is trusted",
            ),
        );
        return true;
    };
    let outcome = policy.judge(note).map(|judged| (judged_message(&judged), ())).map_err(|error| {
        Message::new(format!("不满足信任策略：{error}"), format!("the trust policy is not met: {error}"))
    });
    run.step(Step::Checkpoint, outcome).is_some()
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

fn check_chain(bundle: &Bundle, at: Option<UnixMillis>) -> Result<(Message, ()), Message> {
    let checkpoint = &bundle.checkpoint;
    for block in bundle.sequence() {
        check_alone(block, checkpoint)?;
    }
    for block in &bundle.blocks {
        check_inclusion(&block.block, &block.path, checkpoint)?;
        let height = block.block.height;
        block.block.follows(block.previous.as_ref()).map_err(|error| {
            broken(format!("区块 {height} 与前一区块不衔接：{error}"), format!("block {height}: {error}"))
        })?;
        check_moment(&block.block, at)?;
    }
    let tip = &bundle.tip;
    check_inclusion(&tip.block, &tip.path, checkpoint)?;
    if tip.block.height + 1 != checkpoint.size() {
        return Err(broken("末区块不是检查点下的最后一个区块", "the tip is not the last block under the checkpoint"));
    }
    for (before, after) in bundle.sequence().zip(bundle.sequence().skip(1)) {
        after.comes_after(before).map_err(|error| {
            broken(
                format!("区块 {} 与区块 {} 互相矛盾：{error}", before.height, after.height),
                format!("blocks {} and {} contradict each other: {error}", before.height, after.height),
            )
        })?;
    }
    let count = bundle.blocks.len();
    Ok((Message::new(format!("{count} 个区块都在检查点之下"), format!("{count} blocks under the checkpoint")), ()))
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

/// The register of a bundle, and how much of it was in force where.
struct Keys {
    register: KeyRegister,
    /// For each block of the bundle: elements up to the block before, and up to the block itself.
    lengths: HashMap<u64, (usize, usize)>,
    /// An algorithm in the register that could not be checked.
    unknown: Option<String>,
}

fn check_keys(bundle: &Bundle) -> Result<Keys, Message> {
    let mut register = KeyRegister::default();
    let mut unknown = None;
    for (i, element) in bundle.keys.iter().enumerate() {
        if element.entry().ledger.as_str() != bundle.checkpoint.origin() {
            return Err(broken(
                format!("第 {i} 条密钥记录属于另一账本"),
                format!("key entry {i} names another ledger"),
            ));
        }
        let open = register
            .push_open(element)
            .map_err(|error| broken(format!("第 {i} 条密钥记录不成立：{error}"), format!("key entry {i}: {error}")))?;
        unknown = unknown.or(open);
    }
    if register.digest() != Some(bundle.tip.block.keys) {
        return Err(broken("登记册与末区块所记摘要不符", "the key register is not the one that the tip names"));
    }
    let prefixes: HashMap<&Hash, usize> = register.prefix_digests().iter().zip(1..).collect();
    let mut lengths = HashMap::new();
    let mut before = 0;
    for block in bundle.sequence() {
        let height = block.height;
        let own = prefixes.get(&block.keys).copied().filter(|own| before <= *own);
        let own = own.filter(|own| height > 0 || (*own == 1 && block.entries == 1)).ok_or_else(|| {
            broken(
                format!("区块 {height} 的密钥登记册摘要不在登记册之中"),
                format!("block {height} names a key register that does not fit the bundle's"),
            )
        })?;
        // Of two texts in a row that are one block, the first tells what was in force before it.
        lengths.entry(height).or_insert((before, own));
        before = own;
    }
    Ok(Keys { register, lengths, unknown })
}

fn check_batch(bundle: &Bundle) -> Result<(Message, Vec<ProvenEntry>), Message> {
    let blocks: HashMap<u64, &Block> = bundle.blocks.iter().map(|block| (block.block.height, &block.block)).collect();
    let mut ids = HashSet::new();
    let mut commitments = HashSet::new();
    let mut proven = Vec::with_capacity(bundle.entries.len());
    for entry in &bundle.entries {
        let id = entry.signed.entry().id;
        // `Bundle::from_bytes` has seen to it that the block of every entry is there.
        let block = blocks.get(&entry.block).ok_or_else(|| broken("缺少区块", "a block is missing"))?;
        let commitment = check_entry(entry, block)?;
        if !ids.insert(id) || !commitments.insert(commitment) {
            return Err(broken(format!("记录 {id} 重复出现"), format!("entry {id} is there twice")));
        }
        proven.push(ProvenEntry {
            height: entry.block,
            index: entry.index,
            sealed_at: block.time,
            commitment,
            signed: entry.signed.clone(),
            by_authority: false,
        });
    }
    let count = proven.len();
    Ok((
        Message::new(
            format!("{count} 条记录都在各自区块的批次中"),
            format!("{count} entries are in the batches of their blocks"),
        ),
        proven,
    ))
}

fn check_entry(entry: &BundleEntry, block: &Block) -> Result<Commitment, Message> {
    let id = entry.signed.entry().id;
    if entry.signed.entry().ledger != block.origin {
        return Err(broken(format!("记录 {id} 属于另一账本"), format!("entry {id} names another ledger")));
    }
    let commitment = entry.commitment();
    verify_inclusion(&commitment.leaf(), entry.index, block.entries, &entry.path, &block.root).map_err(|error| {
        broken(
            format!("记录 {id} 不在区块 {} 的批次中：{error}", entry.block),
            format!("entry {id} is not in the batch of block {}: {error}", entry.block),
        )
    })?;
    Ok(commitment)
}

/// The signatures step; `None` when it failed.
fn check_signatures(
    run: &mut Run,
    bundle: &Bundle,
    keys: &Keys,
    mut proven: Vec<ProvenEntry>,
) -> Option<Vec<ProvenEntry>> {
    let places: HashMap<&[u8], usize> = bundle.keys.iter().map(SignedEntry::bytes).zip(0..).collect();
    let mut unknown = keys.unknown.as_ref().map(|alg| {
        Message::new(
            format!("密钥登记册无法核验（算法 {alg}），签名也就无法核验"),
            format!("without the key register (algorithm {alg}) no signature can be checked"),
        )
    });
    for entry in &mut proven {
        let id = entry.signed.entry().id;
        entry.by_authority = keys.register.has_authority(&entry.signed);
        if keys.unknown.is_some() {
            continue;
        }
        match check_signature(&places, keys, entry) {
            Ok(()) => {}
            Err(KeyError::UnknownAlg(alg)) => {
                unknown = Some(Message::new(
                    format!("记录 {id} 的签名算法 {alg} 无法核验"),
                    format!("entry {id}: algorithm {alg} is unknown here"),
                ));
            }
            Err(error) => {
                let detail = broken(format!("记录 {id}：{error}"), format!("entry {id}: {error}"));
                return run.step(Step::Signatures, Err(detail));
            }
        }
    }
    match unknown {
        Some(detail) => run.open(Step::Signatures, detail),
        None => {
            let detail =
                Message::new("每条记录的签名有效，密钥当时可用", "every signature is valid, by a key that worked then");
            run.step(Step::Signatures, Ok((detail, ())));
        }
    }
    Some(proven)
}

fn check_signature(places: &HashMap<&[u8], usize>, keys: &Keys, entry: &ProvenEntry) -> Result<(), KeyError> {
    let (before, own) = keys.lengths.get(&entry.height).copied().unwrap_or_default();
    if matches!(entry.signed.entry().body, Body::Key(_)) {
        // The register has judged it, if it is an element that this very block added.
        let is_element = places.get(entry.signed.bytes()).is_some_and(|place| (before..own).contains(place));
        return if is_element { Ok(()) } else { Err(KeyError::NotInRegister) };
    }
    keys.register.judge(&entry.signed, before, entry.height)
}

fn verify_block_proof(bytes: &[u8], question: Question<'_>) -> FileReport {
    let mut run = Run::new(FileKind::TlogProof);
    let Some((proof, note, checkpoint)) = run.step(Step::Form, read_block_proof(bytes)) else {
        return run.fail();
    };
    if !check_checkpoint(&mut run, &note, question.policy) {
        return run.fail();
    }
    let leaf = match (question.leaf, proof.extra.as_deref()) {
        (Some(leaf), Some(extra)) if leaf != extra => {
            let detail =
                broken("--leaf 文件与证明中的区块文本不同", "the file of --leaf differs from the proof's extra line");
            run.step::<()>(Step::Chain, Err(detail));
            return run.fail();
        }
        (leaf, extra) => leaf.or(extra),
    };
    if proof.index >= checkpoint.size() {
        let detail = broken("区块序号超出检查点", "the index is beyond the size of the checkpoint");
        run.step::<()>(Step::Chain, Err(detail));
        return run.fail();
    }
    let Some(leaf) = leaf else {
        run.open(
            Step::Chain,
            Message::new(
                "证明中没有区块文本，也没有给出 --leaf",
                "the proof has no extra line, and no --leaf was given",
            ),
        );
        return run.finish(Vec::new(), Vec::new());
    };
    match run.step(Step::Chain, check_leaf(leaf, &proof, &checkpoint, question.at)) {
        Some(block) => run.finish(Vec::new(), vec![block]),
        None => run.fail(),
    }
}

fn read_block_proof(bytes: &[u8]) -> Result<(Message, (TlogProof, SignedNote, Checkpoint)), Message> {
    let fail =
        |error: String| broken(format!("不是合格的 tlog-proof：{error}"), format!("not a sound tlog-proof: {error}"));
    if bytes.len() > MAX_BLOCK_PROOF {
        return Err(fail(format!("larger than {MAX_BLOCK_PROOF} bytes")));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| fail(error.to_string()))?;
    let proof = TlogProof::from_str(text).map_err(|error| fail(error.to_string()))?;
    if proof.path.len() > bundle::MAX_PATH || proof.index > json::MAX_INTEGER {
        return Err(fail("the index or the path is too long".into()));
    }
    let (note, checkpoint) = bundle::parse_checkpoint(&proof.checkpoint).map_err(fail)?;
    let detail = Message::new(
        format!("区块 {}，链长 {}", proof.index, checkpoint.size()),
        format!("block {}, chain of {}", proof.index, checkpoint.size()),
    );
    Ok((detail, (proof, note, checkpoint)))
}

fn check_leaf(
    leaf: &[u8],
    proof: &TlogProof,
    checkpoint: &Checkpoint,
    at: Option<UnixMillis>,
) -> Result<(Message, Block), Message> {
    verify_inclusion(&leaf_hash(leaf), proof.index, checkpoint.size(), &proof.path, checkpoint.root()).map_err(
        |error| {
            broken(format!("区块不在检查点之下：{error}"), format!("the block is not under the checkpoint: {error}"))
        },
    )?;
    let block: Block = std::str::from_utf8(leaf)
        .ok()
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| broken("叶子不是合格的区块文本", "the leaf is not the text of a block"))?;
    if block.height != proof.index {
        return Err(broken("区块的高度与证明不符", "the block's height is not the index of the proof"));
    }
    check_alone(&block, checkpoint)?;
    check_moment(&block, at)?;
    let (height, entries, time) = (block.height, block.entries, block.time);
    Ok((
        Message::new(
            format!("区块 {height} 在链上：{entries} 条记录，上链时间 {time}"),
            format!("block {height} is on the chain: {entries} entries, sealed at {time}"),
        ),
        block,
    ))
}

/// What all files say together.
#[derive(Debug, Clone)]
pub struct Joint {
    /// The steps judged over all files: `one_chain` when at least two take part, `corrections` when one is a bundle.
    pub steps: Vec<StepReport>,
    /// The total of each learner, by ledger and learner id.
    pub learners: Vec<LearnerTotal>,
}

/// A learner's proven study.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LearnerTotal {
    /// The ledger's identifier of the learner.
    pub id: LearnerId,
    /// The name in the newest of the entries.
    pub name: String,
    /// Credit hours, in hundredths.
    pub hours_hundredths: u64,
    /// Study records counted.
    pub entries: u64,
    /// Organised activities counted.
    pub activities: u64,
}

/// The exit status of a check: 1 when a step failed, else 2 when a file was unreadable, else 3 when a step could not be
/// checked, else 0.
pub fn exit_status(files: &[FileReport], joint: &Joint, any_unreadable: bool) -> u8 {
    let steps = || files.iter().flat_map(|file| &file.steps).chain(&joint.steps);
    match () {
        () if steps().any(|step| step.state == State::Failed) => 1,
        () if any_unreadable => 2,
        () if steps().any(|step| step.state == State::Open) => 3,
        () => 0,
    }
}

type Position = (u64, u64);

/// Judges what only all files together show: that there is one chain, which corrections count, and the hours. An entry
/// that stands in several files counts once.
pub fn verify_together(files: &[FileReport]) -> Joint {
    let mut joint = Joint { steps: Vec::new(), learners: Vec::new() };
    let mut note = |step, state, detail| joint.steps.push(StepReport { step, state, detail });
    let taking_part: Vec<&FileReport> = files.iter().filter(|file| file.takes_part()).collect();
    let one_chain = check_one_chain(&taking_part);
    let is_one = one_chain.is_ok();
    if taking_part.len() > 1 {
        let (state, detail) = match one_chain {
            Ok(detail) => (State::Passed, detail),
            Err(detail) => (State::Failed, detail),
        };
        note(Step::OneChain, state, detail);
    }
    if !files.iter().any(|file| file.kind == FileKind::Proof) {
        return joint;
    }
    if !is_one {
        let detail = Message::new("前面的步骤未通过，未继续核验", "an earlier step failed");
        note(Step::Corrections, State::Open, detail);
        return joint;
    }
    match collect(files).and_then(|entries| judge_corrections(&entries).map(|judged| (judged.state(), judged.total())))
    {
        Err(detail) => note(Step::Corrections, State::Failed, detail),
        Ok(((state, detail), learners)) => {
            note(Step::Corrections, state, detail);
            joint.learners = learners;
        }
    }
    joint
}

/// Two texts for one height of one ledger: the operator showed two chains.
fn check_one_chain(files: &[&FileReport]) -> Result<Message, Message> {
    let mut shown: HashMap<(&Origin, u64), &Block> = HashMap::new();
    for block in files.iter().flat_map(|file| &file.blocks) {
        let first = shown.entry((&block.origin, block.height)).or_insert(block);
        if *first != block {
            let (origin, height) = (&block.origin, block.height);
            return Err(broken(
                format!("{origin} 的区块 {height} 有两种文本：运营者出示了两条不同的链"),
                format!(
                    "block {height} of {origin} has two texts: both shown chains cannot be one, the operator showed two"
                ),
            ));
        }
    }
    let count = shown.len();
    Ok(Message::new(format!("所见 {count} 个区块互不矛盾"), format!("{count} blocks, and no height with two texts")))
}

type Entries<'a> = BTreeMap<(&'a Origin, Position), &'a ProvenEntry>;

/// All proven entries by position on their chain, each once.
fn collect(files: &[FileReport]) -> Result<Entries<'_>, Message> {
    let mut by_id: HashMap<(&Origin, EntryId), &ProvenEntry> = HashMap::new();
    let mut entries = BTreeMap::new();
    for entry in files.iter().flat_map(|file| &file.entries) {
        let (origin, id) = (&entry.signed.entry().ledger, entry.signed.entry().id);
        let position = (entry.height, entry.index);
        let known = by_id.insert((origin, id), entry);
        if known.is_some_and(|k| (k.height, k.index) != position || k.commitment != entry.commitment) {
            return Err(broken(
                format!("编号 {id} 下有两条不同的记录"),
                format!("two different entries stand under the id {id}"),
            ));
        }
        entries.insert((origin, position), entry);
    }
    Ok(entries)
}

/// Every entry, and of each corrected one the correction that counts.
struct Judged<'a> {
    entries: &'a Entries<'a>,
    /// The first correction of each target.
    first: HashMap<(&'a Origin, EntryId), &'a ProvenEntry>,
    /// A correction whose target is not there.
    open: Option<EntryId>,
}

/// Every correction whose target is there must hold by itself; the first one of a target counts.
fn judge_corrections<'a>(entries: &'a Entries<'a>) -> Result<Judged<'a>, Message> {
    let by_id: HashMap<(&Origin, EntryId), &ProvenEntry> =
        entries.iter().map(|((origin, _), entry)| ((*origin, entry.signed.entry().id), *entry)).collect();
    let mut judged = Judged { entries, first: HashMap::new(), open: None };
    for ((origin, _), entry) in entries {
        let Body::Correction(learner, correction) = &entry.signed.entry().body else { continue };
        let id = entry.signed.entry().id;
        let Some(target) = by_id.get(&(*origin, correction.target)) else {
            judged.open = Some(id);
            continue;
        };
        check_correction(entry, learner, correction, target).map_err(|reason| {
            broken(
                format!("更正记录 {id} 不成立：{}", reason.zh),
                format!("correction {id} does not hold: {}", reason.en),
            )
        })?;
        // Entries come in chain order, so the first correction of a target is seen first.
        judged.first.entry((*origin, correction.target)).or_insert(*entry);
    }
    Ok(judged)
}

/// The rules of FORMATS section 3 for a correction and its target.
fn check_correction(
    entry: &ProvenEntry,
    learner: &Learner,
    correction: &Correction,
    target: &ProvenEntry,
) -> Result<(), Message> {
    let said = target.signed.entry().record();
    let same_learner = target.signed.entry().learner().is_some_and(|l| l.id == learner.id);
    let same_recorder = target.signed.entry().recorder == entry.signed.entry().recorder;
    match () {
        () if correction.target_commitment != *target.commitment.hash() => {
            Err(broken("目标承诺值不符", "the target has another commitment"))
        }
        () if (target.height, target.index) >= (entry.height, entry.index) => {
            Err(broken("更正早于目标", "it stands before its target"))
        }
        () if !same_learner => Err(broken("学员不同", "another learner")),
        () if !same_recorder && !entry.by_authority => {
            Err(broken("既非原记录方也非管理方", "neither the target's recorder nor an authority"))
        }
        () => match (&said, &correction.replacement) {
            (None, _) => Err(broken("目标不可更正", "the target says nothing that could be corrected")),
            (Some(old), Some(new)) if old.kind() != new.kind() => Err(broken("记录种类不同", "another kind")),
            _ => Ok(()),
        },
    }
}

impl Judged<'_> {
    fn state(&self) -> (State, Message) {
        match self.open {
            _ if self.entries.is_empty() => (State::Open, Message::new("没有通过核验的记录", "no entry passed")),
            Some(id) => (
                State::Open,
                Message::new(
                    format!("更正记录 {id} 所更正的记录不在这些文件中"),
                    format!("the target of correction {id} is not in these files"),
                ),
            ),
            None => {
                let count = self.first.len();
                (State::Passed, Message::new(format!("{count} 条更正生效"), format!("{count} corrections count")))
            }
        }
    }

    /// What an entry says in the end: from it to the correction that counts, and from that one to the next.
    fn says_in_the_end(&self, origin: &Origin, entry: &ProvenEntry) -> Option<Record> {
        let mut last = entry;
        // A correction stands after its target, so this ends.
        while let Some(correction) = self.first.get(&(origin, last.signed.entry().id)) {
            last = correction;
        }
        last.signed.entry().record()
    }

    fn total(&self) -> Vec<LearnerTotal> {
        let mut totals: BTreeMap<(&Origin, LearnerId), LearnerTotal> = BTreeMap::new();
        for ((origin, _), entry) in self.entries {
            let Some(learner) = entry.signed.entry().learner() else { continue };
            let total = totals.entry((origin, learner.id)).or_insert_with(|| LearnerTotal {
                id: learner.id,
                name: String::new(),
                hours_hundredths: 0,
                entries: 0,
                activities: 0,
            });
            total.name.clone_from(&learner.name);
            if matches!(entry.signed.entry().body, Body::Correction(..)) {
                continue;
            }
            match self.says_in_the_end(origin, entry) {
                Some(Record::Study(study)) => {
                    total.hours_hundredths += u64::from(study.hours.hundredths());
                    total.entries += 1;
                }
                Some(Record::Activity(_)) => total.activities += 1,
                None => {}
            }
        }
        totals.into_values().collect()
    }
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
