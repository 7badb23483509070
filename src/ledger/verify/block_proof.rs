//! Checking one C2SP tlog-proof of a block (FORMATS section 11).

use std::str::FromStr;

use super::{FileKind, FileReport, Message, Question, Run, Step, broken, check_alone, check_checkpoint, check_moment};
use crate::ledger::block::Block;
use crate::ledger::bundle;
use crate::ledger::json;
use crate::merkle::{Checkpoint, SignedNote, TlogProof, leaf_hash, verify_inclusion};
use crate::standard::UnixMillis;

/// Largest `.tlog-proof` file, in bytes.
const MAX_BLOCK_PROOF: usize = 1024 * 1024;

pub(super) fn verify(bytes: &[u8], question: Question<'_>) -> FileReport {
    let mut run = Run::new(FileKind::TlogProof);
    let Some((proof, note, checkpoint)) = run.steps.step(Step::Form, read_block_proof(bytes)) else {
        return run.fail();
    };
    if !check_checkpoint(&mut run, &note, question.policy) {
        return run.fail();
    }
    let leaf = match (question.leaf, proof.extra.as_deref()) {
        (Some(leaf), Some(extra)) if leaf != extra => {
            let detail =
                broken("--leaf 文件与证明中的区块文本不同", "the file of --leaf differs from the proof's extra line");
            run.steps.step::<()>(Step::Chain, Err(detail));
            return run.fail();
        }
        (leaf, extra) => leaf.or(extra),
    };
    if proof.index >= checkpoint.size() {
        let detail = broken("区块序号超出检查点", "the index is beyond the size of the checkpoint");
        run.steps.step::<()>(Step::Chain, Err(detail));
        return run.fail();
    }
    let Some(leaf) = leaf else {
        run.steps.open(
            Step::Chain,
            Message::new(
                "证明中没有区块文本，也没有给出 --leaf",
                "the proof has no extra line, and no --leaf was given",
            ),
        );
        return run.finish(Vec::new(), Vec::new(), None);
    };
    match run.steps.step(Step::Chain, check_leaf(leaf, &proof, &checkpoint, question.at)) {
        Some(block) => run.finish(Vec::new(), vec![block], None),
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
