//! The sealer: it owns the tip, and turns what is pending into blocks.
//!
//! Read aloud: take what is durable and has no block yet; build the tree; commit block and chain hashes as one record;
//! make the checkpoint durable; sign it; publish it. Only then does anybody hear "sealed". Starting up is the second
//! half of the same: the tip that the store holds is anchored, signed and published.

#[cfg(test)]
mod tests;

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::order::places;
use super::tables::{BLOCKS, BlockRow, NODES, node_key};
use super::{NotReady, Service};
use crate::ledger::block::Block;
use crate::merkle::{
    BatchTree, ChainError, Checkpoint, CheckpointError, Frontier, Hash, NodeId, SignedNote, frontier_nodes, leaf_hash,
    sign_checkpoint,
};
use crate::standard::UnixMillis;
use crate::store::{Commit, Event, MAX_SCAN_ROWS, Store, StoreError};

/// The most that the wall clock may gain or lose against the monotonic one before sealing stops.
const MAX_CLOCK_JUMP_MS: i64 = 5 * 60 * 1_000;

/// Why no block was sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The store refused or failed. After a failed write nothing more is sealed until a restart, which finds out
    /// whether the block was kept.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The clock jumped; sealing goes on when it is right again.
    #[error(
        "the clock jumped by {0} ms: nothing is sealed until it is back, or the service is started again because it is right now"
    )]
    ClockJump(i64),
    /// What the store holds is no chain. Nothing may be signed on top of it.
    #[error("the chain in the store is not sound: {0}")]
    Unsound(String),
}

impl SealError {
    fn not_ready(&self) -> NotReady {
        match self {
            Self::ClockJump(_) => NotReady::ClockJump,
            Self::Store(_) | Self::Unsound(_) => NotReady::Sealing,
        }
    }
}

/// What the world sees: the signed checkpoint, and the block under it.
#[derive(Debug, Clone)]
pub struct Published {
    /// The last block.
    pub tip: Block,
    /// The root of the chain.
    pub root: Hash,
    /// The signed checkpoint, as served.
    pub checkpoint: String,
}

impl Published {
    /// The height of the tip.
    pub fn height(&self) -> u64 {
        self.tip.height
    }

    /// How many blocks there are.
    pub fn size(&self) -> u64 {
        self.tip.height + 1
    }

    /// How many entries all blocks hold.
    pub fn total(&self) -> u64 {
        self.tip.total
    }
}

/// The tip of the chain, as the store holds it.
#[derive(Debug, Default)]
pub(super) struct SealState {
    tip: Option<Block>,
    frontier: Frontier,
    /// Wall and monotonic time when they were last seen to agree.
    clock: Option<(i64, i64)>,
}

impl SealState {
    /// Reads the tip back and holds it against the chain hashes and the checkpoint that was anchored last: a chain
    /// that ends before what was signed, or leads elsewhere, is refused.
    pub(super) async fn load(store: &dyn Store) -> Result<Self, SealError> {
        let unsound = |detail: String| SealError::Unsound(detail);
        let anchor = store.anchored().await?;
        let Some((height, row)) = BLOCKS.last(store).await? else {
            return match anchor {
                None => Ok(Self::default()),
                Some(_) => Err(unsound("a checkpoint was signed, and no block is left".into())),
            };
        };
        let tip: Block = row.value.text.parse().map_err(|error| unsound(format!("block {height}: {error}")))?;
        let frontier = load_frontier(store, height + 1).await?;
        let leaf = NODES.get(store, &node_key(NodeId { level: 0, index: height })).await?;
        if leaf.is_none_or(|leaf| leaf.value != leaf_hash(row.value.text.as_bytes())) || tip.height != height {
            return Err(unsound(format!("block {height} is not the leaf of that height")));
        }
        if let Some(anchor) = anchor {
            let signed: Checkpoint =
                anchor.checkpoint.parse().map_err(|error| unsound(format!("the anchored checkpoint: {error}")))?;
            let then = match signed.size() {
                size if size <= height + 1 => load_frontier(store, size).await?,
                size => {
                    return Err(unsound(format!("a checkpoint of {size} blocks was signed, {} are left", height + 1)));
                }
            };
            if then.root() != *signed.root() || signed.origin() != tip.origin.as_str() {
                return Err(unsound(format!(
                    "it is not the one whose checkpoint of {} blocks was signed",
                    signed.size()
                )));
            }
        }
        Ok(Self { tip: Some(tip), frontier, clock: None })
    }

    /// The height of the tip, published or not yet.
    pub(super) fn height(&self) -> Option<u64> {
        self.tip.as_ref().map(|tip| tip.height)
    }

    /// How many entries the blocks hold.
    fn total(&self) -> u64 {
        self.tip.as_ref().map_or(0, |tip| tip.total)
    }
}

/// The root over the first `size` blocks.
pub(super) async fn root_at(store: &dyn Store, size: u64) -> Result<Hash, SealError> {
    Ok(load_frontier(store, size).await?.root())
}

async fn load_frontier(store: &dyn Store, size: u64) -> Result<Frontier, SealError> {
    let unsound = |error: ChainError<()>| SealError::Unsound(error.to_string());
    let mut hashes = Vec::new();
    for node in frontier_nodes(size).map_err(|error| unsound(ChainError::Plan(error)))? {
        let hash = NODES.get(store, &node_key(node)).await?;
        hashes.push(hash.ok_or_else(|| SealError::Unsound(format!("chain hash {node:?} is missing")))?.value);
    }
    Frontier::from_nodes(size, hashes).map_err(|error| unsound(ChainError::Plan(error)))
}

impl Service {
    /// Seals on time, or when a batch is full, until the service is dropped.
    pub(super) async fn run_sealer(service: Weak<Self>) {
        loop {
            let Some(now) = service.upgrade() else { return };
            let interval = Duration::from_millis(now.settings.seal_interval_ms);
            // A full batch does not wait; what is left after it is sealed by the next round.
            let started = std::time::Instant::now();
            let sealed = now.seal_once().await;
            if let Ok(Some(_)) = &sealed {
                now.figures.seal_seconds.observe(started.elapsed().as_secs_f64());
            }
            now.note_trouble(sealed.as_ref().err().map(|error| (error.not_ready(), error.to_string())));
            if let Ok(Some(sealed)) = sealed
                && sealed.entries >= now.settings.batch_max as u64
            {
                continue;
            }
            let wake = tokio::time::timeout(interval, now.seal_now.notified()).await;
            drop((wake, now));
        }
    }

    /// Remembers why nothing is sealed, and logs it once. Until it is over no entry is taken: a receipt promises a block.
    fn note_trouble(&self, trouble: Option<(NotReady, String)>) {
        let mut known = self.trouble.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match &trouble {
            Some((reason, error)) if known.is_none() => {
                tracing::error!(reason = reason.as_str(), error, "nothing is sealed");
            }
            None if known.is_some() => tracing::info!("sealing goes on"),
            _ => {}
        }
        *known = trouble;
    }

    /// Seals the next block; none when nothing is pending, or the ledger is read-only.
    pub async fn seal_once(&self) -> Result<Option<Block>, SealError> {
        if self.read_only {
            return Ok(None);
        }
        let mut state = self.sealing.lock().await;
        // A block whose checkpoint could not be anchored comes first: nothing is built on what nobody has seen.
        if state.tip.as_ref().is_some_and(|tip| *tip != self.published().tip) {
            self.publish(&state).await?;
        }
        let first = state.total();
        // Block 0 holds the founding entry alone: its key works from the next block on.
        let most = if state.tip.is_none() { 1 } else { self.settings.batch_max.clamp(1, MAX_SCAN_ROWS) };
        // What is durable but not yet accounted for in the key register waits for the next block.
        let waiting = usize::try_from(self.keys().end.next.saturating_sub(first)).unwrap_or(usize::MAX);
        if waiting == 0 {
            return Ok(None);
        }
        let end = first + waiting.min(most) as u64;
        let pending = places(&*self.store, first..end).await.map_err(|error| SealError::Unsound(error.to_string()))?;
        let leaves: Vec<Hash> = pending.iter().map(|place| place.commitment.leaf()).collect();
        let tree = BatchTree::from_leaves(&leaves).map_err(|error| SealError::Unsound(error.to_string()))?;
        let block = self.next_block(&mut state, tree.root(), leaves.len() as u64)?;
        let text = block.to_string();
        let mut frontier = state.frontier.clone();
        let nodes = frontier.append(leaf_hash(text.as_bytes()));

        // One record: the block and the chain hashes it brings. A crash before it is durable leaves the entries
        // pending; after it, the block stands, and nobody has seen a checkpoint over it yet.
        self.store.commit(block_record(&block, text, &nodes)?).await?;
        state.tip = Some(block.clone());
        state.frontier = frontier;
        self.publish(&state).await?;
        Ok(Some(block))
    }

    /// Anchors, signs and publishes the tip. Start-up calls this too.
    pub(super) async fn publish(&self, state: &SealState) -> Result<(), SealError> {
        let Some(tip) = &state.tip else { return Ok(()) };
        let unsound = |error: String| SealError::Unsound(error);
        let root = state.frontier.root();
        let checkpoint = Checkpoint::new(self.origin.as_str(), state.frontier.size(), root)
            .map_err(|error| unsound(error.to_string()))?;
        // What is about to be signed is durable first. A crash after this leaves a checkpoint that may have been
        // signed: the start finds the same block under it, since the record above was durable before.
        self.store.anchor(&checkpoint.to_string()).await?;
        // A crash after signing and before publishing leaves nothing that anybody saw; the start signs the same again.
        let note = self.sign(&checkpoint).map_err(|error| unsound(error.to_string()))?;
        self.published.send_replace(Arc::new(Published { tip: tip.clone(), root, checkpoint: note.to_string() }));
        Ok(())
    }

    /// The checkpoint under the signatures of all keys that sign now; two while one replaces the other.
    fn sign(&self, checkpoint: &Checkpoint) -> Result<SignedNote, CheckpointError> {
        let (first, others) = &self.checkpoint_signers;
        let mut note = sign_checkpoint(checkpoint, first)?;
        for signer in others {
            let signature = signer.sign(note.text());
            note = note.with_signature(signature)?;
        }
        Ok(note)
    }

    fn next_block(&self, state: &mut SealState, root: Hash, entries: u64) -> Result<Block, SealError> {
        let time = self.seal_time(state)?;
        let total = state.total() + entries;
        let keys = self.keys();
        let keys = keys
            .register
            .prefix_digest(keys.within(total))
            .ok_or_else(|| SealError::Unsound("there is no key register".into()))?;
        let (height, previous) = match &state.tip {
            Some(tip) => (tip.height + 1, tip.digest()),
            None => (0, Hash::ZERO),
        };
        Ok(Block { origin: self.origin.clone(), height, previous, root, entries, total, keys, time })
    }

    /// The time of the next block: never before the last one's, and not when the clock has just jumped.
    fn seal_time(&self, state: &mut SealState) -> Result<UnixMillis, SealError> {
        let (wall, monotonic) = (self.clock.now(), self.clock.monotonic_ms());
        if let Some((wall_then, monotonic_then)) = state.clock {
            let jump = (wall.millis() - wall_then) - (monotonic - monotonic_then);
            if jump.abs() > MAX_CLOCK_JUMP_MS {
                return Err(SealError::ClockJump(jump));
            }
        }
        // Compared from block to block: clocks that drift apart slowly over months have not jumped.
        state.clock = Some((wall.millis(), monotonic));
        let wall = match UnixMillis::new(self.blocks_not_before.load(Ordering::SeqCst)) {
            Ok(issued) => wall.max(issued),
            Err(_) => wall,
        };
        Ok(state.tip.as_ref().map_or(wall, |tip| wall.max(tip.time)))
    }

    /// Waits until the chain holds `total` entries, at most as long as the settings say; true when it does.
    pub async fn wait_sealed(&self, total: u64) -> bool {
        let mut published = self.published.subscribe();
        let sealed = published.wait_for(|published| published.total() >= total);
        let limit = Duration::from_millis(self.settings.wait_max_ms);
        matches!(tokio::time::timeout(limit, sealed).await, Ok(Ok(_)))
    }
}

fn block_record(block: &Block, text: String, nodes: &[(NodeId, Hash)]) -> Result<Commit, StoreError> {
    let event = Event {
        actor: "sealer".into(),
        action: "seal".into(),
        subject: block.height.to_string(),
        digest: Some(block.digest()),
        at_ms: block.time.millis(),
    };
    let mut commit =
        Commit::new(event).when(BLOCKS.absent(&block.height)).write(BLOCKS.put(&block.height, &BlockRow { text })?);
    if let Some(before) = block.height.checked_sub(1) {
        commit = commit.when(BLOCKS.present(&before));
    }
    for (node, hash) in nodes {
        commit = commit.write(NODES.put(&node_key(*node), hash)?);
    }
    Ok(commit)
}
