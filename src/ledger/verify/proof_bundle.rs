//! Checking one proof bundle (FORMATS section 10).

use std::collections::{HashMap, HashSet};

use super::{
    FileKind, FileReport, Message, ProvenEntry, Question, Run, State, Step, broken, check_alone, check_checkpoint,
    check_inclusion, check_moment,
};
use crate::ledger::block::Block;
use crate::ledger::bundle::{Bundle, BundleEntry};
use crate::ledger::commitment::Commitment;
use crate::ledger::entry::{Body, Kind};
use crate::ledger::keys::{KeyError, KeyRegister};
use crate::ledger::signed::SignedEntry;
use crate::merkle::{Hash, verify_inclusion};
use crate::standard::UnixMillis;

pub(super) fn verify(bytes: &[u8], question: Question<'_>) -> FileReport {
    let mut run = Run::new(FileKind::Proof);
    let read =
        Bundle::from_bytes(bytes).map(|bundle| (Message::new(form_zh(&bundle), form_en(&bundle)), bundle)).map_err(
            |error| Message::new(format!("不是合格的证明包：{error}"), format!("not a sound proof bundle: {error}")),
        );
    let Some(bundle) = run.steps.step(Step::Form, read) else { return run.fail() };

    if !check_checkpoint(&mut run, &bundle.note, question.policy) {
        return run.fail();
    }
    if run.steps.step(Step::Chain, check_chain(&bundle, question.at)).is_none() {
        return run.fail();
    }
    let keys = match check_keys(&bundle) {
        Err(detail) => {
            run.steps.step::<()>(Step::Keys, Err(detail));
            return run.fail();
        }
        Ok(keys) => keys,
    };
    note_keys(&mut run, &keys);
    let Some(proven) = run.steps.step(Step::Batch, check_batch(&bundle)) else { return run.fail() };
    let Some(entries) = check_signatures(&mut run, &bundle, &keys, proven) else {
        return run.fail();
    };
    note_in_force(&mut run, &entries);
    let blocks = bundle.sequence().cloned().collect();
    run.finish(entries, blocks, Some(keys.register))
}

/// Only what is about somebody's hours can be corrected.
fn note_in_force(run: &mut Run, entries: &[ProvenEntry]) {
    let is_issued = |entry: &ProvenEntry| matches!(entry.signed.entry().kind(), Kind::Certificate | Kind::Status);
    let (state, detail) = if entries.iter().all(is_issued) {
        let detail = Message::new("其中的记录不会被更正", "nothing corrects the entries in it");
        (State::Skipped, detail)
    } else {
        let detail = Message::new(
            "证明包不含状态清单：此后是否被更正，须另行查询",
            "a bundle carries no status list: whether an entry was corrected later must be asked elsewhere",
        );
        (State::Open, detail)
    };
    run.steps.note(Step::InForce, state, detail);
}

fn note_keys(run: &mut Run, keys: &Keys) {
    let length = keys.register.len();
    match &keys.unknown {
        Some(alg) => run.steps.open(
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
            run.steps.step(Step::Keys, Ok((detail, ())));
        }
    }
}

fn form_zh(bundle: &Bundle) -> String {
    format!("{} 条记录，{} 个区块，链长 {}", bundle.entries.len(), bundle.blocks.len(), bundle.checkpoint.size())
}

fn form_en(bundle: &Bundle) -> String {
    format!("{} entries in {} blocks, chain of {}", bundle.entries.len(), bundle.blocks.len(), bundle.checkpoint.size())
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
                return run.steps.step(Step::Signatures, Err(detail));
            }
        }
    }
    match unknown {
        Some(detail) => run.steps.open(Step::Signatures, detail),
        None => {
            let detail =
                Message::new("每条记录的签名有效，密钥当时可用", "every signature is valid, by a key that worked then");
            run.steps.step(Step::Signatures, Ok((detail, ())));
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
