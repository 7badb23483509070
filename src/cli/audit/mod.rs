//! `audit`: mirrors a chain over HTTP and checks everything that a stranger can.
//!
//! Each run continues where the last one ended: it shows that the chain still begins with what was audited before, then
//! reads and checks only what is new. It believes nothing that the server says but the checkpoint's signature, and that
//! only as far as the trust policy goes. What it cannot check: entries themselves, which are not public, and whether they
//! are true.
//!
//! The mirror's directory, all of it public data:
//!
//! | file | content |
//! |---|---|
//! | `checkpoint` | the last audited checkpoint, a signed note as served |
//! | `blocks` | the text of every block after its length (2 bytes, big-endian), as in `/tile/entries/` |
//! | `commitments` | the commitments of all batches, 32 bytes each, in the order of the chain |
//! | `keys.json` | the key register of the last block |
//! | `lock` | empty; one audit at a time |
//! | `evidence/<time>-checkpoint` | a checkpoint as served whose chain did not pass |
//!
//! `checkpoint` names the audited state and is replaced last, when everything else is durable: after a crash, or an audit
//! that fails, the mirror is what it was.

mod check;
mod fetch;
mod mirror;
mod report;

use std::cmp::Ordering;
use std::path::{Path, PathBuf};

use self::check::{Register, check_batch};
use self::fetch::{Source, wrong};
use self::mirror::{Kept, Mirror};
use self::report::{Checked, Halt, Report, Step, Stop, both, failed};
use super::{Failure, Outcome, read_policy, say};
use crate::ledger::verify::{Message, State, judge_checkpoint};
use crate::merkle::{
    Checkpoint, Hash, ProofError, SignedNote, TILE_WIDTH, TileKind, TrustPolicy, leaf_hash, verify_consistency,
};

/// Most blocks that one run takes in; their hashes, and the commitments under them, are held in memory.
const MAX_NEW_BLOCKS: u64 = 1 << 24;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "退出状态 Exit status:\n  0  全部通过 everything passed\n  1  有步骤未通过 something failed; evidence is kept in the mirror\n  2  用法有误，或服务、镜像无法读取 misuse, or a service or mirror that cannot be read\n  3  没有未通过的，但有步骤无法核验 nothing failed, but a needed step could not be checked\n\n例 Example:\n  cqo-ledger audit https://ledger.example.org --mirror ./mirror --policy policy.txt\n再次运行只读取新增部分；信任策略须从别处取得，不可取自被审计的服务。\nRun it again to read only what is new. Take the trust policy from elsewhere, never from the audited service."
)]
pub(super) struct Args {
    /// 服务地址 | The service's address, as https://ledger.example.org
    url: String,
    /// 镜像目录 | The mirror's directory; made when it is not there
    #[arg(long)]
    mirror: PathBuf,
    /// 信任策略（C2SP tlog-policy），须从别处取得 | The trust policy; never taken from the audited service
    #[arg(long)]
    policy: Option<PathBuf>,
    /// 以 JSON 输出 | Print JSON for programs
    #[arg(long)]
    json: bool,
}

/// Runs the audit.
pub(super) fn run(args: Args) -> Outcome {
    let policy = read_policy(args.policy.as_deref())?;
    let report = audit(&args.url, &args.mirror, policy)?;
    match args.json {
        true => say(report::as_json(&args.url, &args.mirror, &report)),
        false => report::print(&args.url, &report),
    }
    Ok(report.status())
}

/// The exit status of one audit whose details nobody wants to see.
pub(super) fn status(url: &str, mirror: &Path, policy: TrustPolicy) -> Outcome {
    audit(url, mirror, Some(policy)).map(|report| report.status())
}

fn audit(url: &str, mirror: &Path, policy: Option<TrustPolicy>) -> Result<Report, Failure> {
    let source = Source::new(url)?;
    let (mirror, kept) = Mirror::open(mirror)?;
    Audit { source, mirror, kept, policy }.run()
}

/// A chain under audit, and what was audited of it before.
struct Audit {
    source: Source,
    mirror: Mirror,
    /// What was audited before; its chain, and the commitments seen, grow as new blocks pass.
    kept: Kept,
    policy: Option<TrustPolicy>,
}

impl Audit {
    fn run(mut self) -> Result<Report, Failure> {
        let served = match self.source.checkpoint() {
            Ok(note) => note,
            Err(Stop::Interrupted(failure)) => return Err(failure),
            Err(Stop::Failed(detail) | Stop::Open(detail)) => return Err(Failure::misuse(detail)),
        };
        let mut report = Report::default();
        let outcome = self.check(&served, &mut report);
        report.close();
        // Whatever did not become the audited state goes.
        if outcome.is_err() {
            self.mirror.roll_back()?;
        }
        if let Err(Halt::Interrupted(failure)) = outcome {
            return Err(failure);
        }
        if report.has(State::Failed) {
            report.evidence = Some(self.mirror.keep_evidence(&served)?);
        }
        Ok(report)
    }

    /// All steps in order, and then the new state made durable.
    fn check(&mut self, served: &[u8], report: &mut Report) -> Result<(), Halt> {
        let outcome = read_checkpoint(served);
        let (note, checkpoint) = match outcome {
            Err(stop) => return report.step(Step::Checkpoint, Err(stop)),
            Ok(read) => read,
        };
        report.size = Some(checkpoint.size());
        match &self.policy {
            Some(policy) => report.step(Step::Checkpoint, judge(policy, &note))?,
            None => report.steps.push((Step::Checkpoint, State::Open, nobody_trusted())),
        }
        let audited = self.kept.chain.size();
        report.step(Step::Consistency, self.check_consistency(&checkpoint))?;
        report.step(Step::Blocks, self.check_blocks(&checkpoint))?;
        report.step(Step::Tiles, self.check_tiles(audited))?;
        let register = report.step(Step::Keys, self.check_keys(audited, &checkpoint))?;
        report.step(Step::Batches, self.check_batches())?;
        if self.policy.is_none() && checkpoint.size() == audited {
            // Nothing new, and a signature that nobody checked takes no other's place.
            return Ok(());
        }
        self.mirror.commit(&note, &register).map_err(Halt::Interrupted)
    }

    /// The chain of the last audit is a prefix of this one (RFC 9162 section 2.1.4).
    fn check_consistency(&mut self, checkpoint: &Checkpoint) -> Checked {
        let Some((_, kept)) = &self.kept.checkpoint else {
            return Ok((both("首次审计，没有可比对的检查点", "the first audit: nothing was kept to compare with"), ()));
        };
        let (size, root) = (checkpoint.size(), *checkpoint.root());
        let (old_size, old_root) = (kept.size(), *kept.root());
        if kept.origin() != checkpoint.origin() {
            let (old, new) = (kept.origin(), checkpoint.origin());
            return Err(failed(
                format!("镜像属于 {old}，服务却是 {new}"),
                format!("the mirror is of {old}, and the service is {new}"),
            ));
        }
        match size.cmp(&old_size) {
            Ordering::Less if self.kept.chain.root_at(size) == root => Err(failed(
                format!("链从 {old_size} 个区块退回到 {size} 个：服务已回退，或出示的是旧检查点"),
                format!(
                    "the chain shrank from {old_size} to {size} blocks: it was rolled back, or an old checkpoint is served"
                ),
            )),
            Ordering::Equal if root == old_root => {
                Ok((both("链没有变化", format!("the same {size} blocks as at the last audit")), ()))
            }
            Ordering::Less | Ordering::Equal => Err(self.fork(old_size)),
            Ordering::Greater => {
                let proof = self.source.consistency_proof(old_size, size)?;
                match verify_consistency(old_size, &old_root, size, &root, &proof) {
                    Ok(()) => Ok((
                        both(
                            format!("前 {old_size} 个区块与上次审计相同"),
                            format!("begins with the {old_size} blocks of the last audit"),
                        ),
                        (),
                    )),
                    // Tiles that lead to the checkpoint's root and not to the old one: the checkpoint denies the old blocks.
                    Err(ProofError::OldRootMismatch | ProofError::RootMismatch) if self.source.root(size)? == root => {
                        Err(self.fork(old_size))
                    }
                    Err(error) => {
                        Err(wrong("tile", format!("the hash tiles are not those of the checkpoint: {error}")))
                    }
                }
            }
        }
    }

    /// The checkpoint and the kept one exclude each other.
    fn fork(&self, old_size: u64) -> Stop {
        let kept_is_signed = match (&self.policy, &self.kept.checkpoint) {
            (Some(policy), Some((note, _))) => policy.judge(note).is_ok(),
            _ => false,
        };
        let (zh, en) = match kept_is_signed {
            true => (
                "两个检查点都有账本密钥的签名，合起来证明运营者改写了历史或向不同的人出示不同的链",
                "both checkpoints are signed by the ledger's key: together they prove that the operator rewrote history, or shows different chains to different people",
            ),
            false => (
                "历史被改写，或出示给不同人的链不同；未能按信任策略确认两个检查点的签名",
                "history was rewritten, or different chains are shown to different people; not both checkpoints were found signed as a trust policy asks",
            ),
        };
        failed(
            format!("分叉：这条链不含上次审计的 {old_size} 个区块。{zh}"),
            format!("fork: this chain does not contain the {old_size} blocks of the last audit. {en}"),
        )
    }

    /// Every new block is one, follows the one before, and all together have the checkpoint's root.
    fn check_blocks(&mut self, checkpoint: &Checkpoint) -> Checked {
        let (size, audited) = (checkpoint.size(), self.kept.chain.size());
        if size - audited > MAX_NEW_BLOCKS {
            return Err(Stop::Open(both(
                format!("新增区块超过本版本一次所能核验的 {MAX_NEW_BLOCKS} 个"),
                format!("more than the {MAX_NEW_BLOCKS} new blocks that this version checks in one run"),
            )));
        }
        while self.kept.chain.size() < size {
            self.check_bundle(checkpoint)?;
        }
        if self.kept.chain.root() != *checkpoint.root() {
            return Err(failed(
                "由区块重建的根与检查点不符",
                "the root rebuilt from the blocks is not that of the checkpoint",
            ));
        }
        let new = size - audited;
        Ok((both(format!("新增 {new} 个，共 {size} 个区块"), format!("{new} new blocks, {size} in all")), ()))
    }

    /// Takes in the blocks of the next entries tile. A partial tile begins with blocks that were audited before.
    fn check_bundle(&mut self, checkpoint: &Checkpoint) -> Result<(), Stop> {
        let chain = &mut self.kept.chain;
        let first = chain.size() - chain.size() % TILE_WIDTH;
        let tile = fetch::tile(TileKind::Entries, first / TILE_WIDTH, checkpoint.size())?;
        let texts = self.source.texts(&tile)?;
        let known = chain.leaves().get(as_index(first)..).unwrap_or_default();
        if !texts.iter().zip(known).all(|(text, leaf)| leaf_hash(text) == *leaf) {
            return Err(wrong(tile, "not the blocks that were audited before"));
        }
        let new = &texts[known.len()..];
        for text in new {
            let block = chain.push(text).map_err(Stop::Failed)?;
            if block.origin.as_str() != checkpoint.origin() {
                return Err(wrong(tile, "a block of another ledger than the checkpoint's"));
            }
        }
        Ok(self.mirror.append_blocks(new)?)
    }

    /// Every hash tile that is new since `audited` blocks, or wider, holds the hashes of the blocks.
    fn check_tiles(&mut self, audited: u64) -> Checked {
        let mut count = 0_u64;
        // No chain of 64-bit size has more than eight levels of tiles.
        for (level, hashes) in (0_u8..).zip(self.kept.chain.levels()) {
            let complete = hashes.len() as u64;
            let before = audited.checked_shr(u32::from(level) * u32::from(check::TILE_HEIGHT)).unwrap_or(0);
            if complete == before {
                continue;
            }
            for index in before / TILE_WIDTH..complete.div_ceil(TILE_WIDTH) {
                let tile = fetch::tile(TileKind::Hashes { level }, index, complete)?;
                let positions = tile.positions();
                let own = hashes.get(as_index(positions.start)..as_index(positions.end));
                if own != Some(self.source.hashes(&tile)?.as_slice()) {
                    return Err(wrong(tile, "not the hashes of the blocks"));
                }
                count += 1;
            }
        }
        Ok((both(format!("{count} 个瓦片与区块一致"), format!("{count} tiles are those of the blocks")), ()))
    }

    /// The register keeps its rules and continues the audited one, and every new block names its part of it.
    fn check_keys(&mut self, audited: u64, checkpoint: &Checkpoint) -> Checked<Vec<u8>> {
        let (old, old_len) = (&self.kept.register, self.kept.register_len);
        let tip = self.kept.chain.tip().filter(|_| self.kept.chain.size() > audited);
        let Some(tip) = tip else {
            return Ok((both("没有变化", "unchanged"), old.prefix(old_len)));
        };
        let bytes = self.source.register(tip.height)?;
        if Hash::of(&[&bytes]) != tip.keys {
            return Err(failed(
                "密钥登记册与末区块所记摘要不符",
                "the key register is not the one that the last block names",
            ));
        }
        let register = Register::read(&bytes, checkpoint.origin())?;
        if register.digest_of(old_len) != old.digest_of(old_len) {
            return Err(failed(
                "密钥登记册不以上次审计的登记册开头",
                "the key register does not begin with the one of the last audit",
            ));
        }
        let mut length = old_len;
        for block in self.mirror.new_blocks()? {
            length = register.check_block(&block?, length).map_err(Stop::Failed)?;
        }
        let count = register.len();
        let detail = both(
            format!("{count} 条密钥记录，各区块所记摘要一致"),
            format!("{count} key entries, as every block says"),
        );
        Ok((detail, bytes))
    }

    /// The commitments of every new block lead to its root, and none of them stands on the chain twice.
    fn check_batches(&mut self) -> Checked {
        let mut count = 0;
        for block in self.mirror.new_blocks()? {
            let block = block?;
            let batch = self.source.batch(block.height, block.entries)?;
            check_batch(&block, &batch, &mut self.kept.seen).map_err(Stop::Failed)?;
            self.mirror.append_batch(&batch)?;
            count += block.entries;
        }
        let all = self.kept.seen.len();
        Ok((
            both(format!("新增 {count} 条，共 {all} 条，无重复"), format!("{count} new, {all} in all, none twice")),
            (),
        ))
    }
}

fn read_checkpoint(served: &[u8]) -> Result<(SignedNote, Checkpoint), Stop> {
    let malformed = |error: &dyn std::fmt::Display| {
        failed(format!("不是合格的检查点：{error}"), format!("not a sound checkpoint: {error}"))
    };
    let note = SignedNote::parse(served).map_err(|error| malformed(&error))?;
    let checkpoint: Checkpoint = note.text().parse().map_err(|error| malformed(&error))?;
    // A ledger is founded with block 0.
    if checkpoint.size() == 0 { Err(malformed(&"an empty chain")) } else { Ok((note, checkpoint)) }
}

fn judge(policy: &TrustPolicy, note: &SignedNote) -> Checked {
    judge_checkpoint(policy, note).map(|said| (said, ())).map_err(Stop::Failed)
}

fn nobody_trusted() -> Message {
    both(
        "未给出信任策略（--policy），不知道该信任谁的签名",
        "no trust policy (--policy): nobody's signature is trusted, so this may be anybody's chain",
    )
}

/// An index into memory of a number that memory has seen.
fn as_index(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
