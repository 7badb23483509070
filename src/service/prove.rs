//! Reading the chain: entries with their state, proof bundles, blocks, tiles, batches and key registers.
//!
//! Everything here is under the published checkpoint: what is sealed but not yet published does not exist.

#[cfg(test)]
mod tests;

use uuid::Uuid;

use super::Service;
use super::access::{Action, Actor};
use super::error::Error;
use super::order;
use super::sealer::Published;
use super::tables::{BLOCKS, CORRECTED, ENTRIES, EntryRow, NODES, node_key};
use super::vault::{DataKey, DataKeyId};
use crate::ledger::block::Block;
use crate::ledger::bundle::{Bundle, BundleBlock, BundleEntry, BundleTip, MAX_BUNDLE, MAX_BUNDLE_ENTRIES};
use crate::ledger::commitment::{Commitment, Salt};
use crate::ledger::entry::{EntryId, LearnerId};
use crate::ledger::signed::SignedEntry;
use crate::merkle::{
    BatchTree, Checkpoint, Hash, ProofPlan, SignedNote, TILE_WIDTH, TileKind, TilePath, TlogProof, encode_bundle,
};
use crate::standard::UnixMillis;
use crate::store::Store;

/// Most block texts of one page.
pub const MAX_BLOCKS_PAGE: usize = 256;

/// Where an entry stands on the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The height of its block.
    pub height: u64,
    /// Its place in the batch.
    pub index: u64,
    /// The block's time: 学时上链时间.
    pub sealed_at: UnixMillis,
}

/// An entry, for those entitled to it.
#[derive(Debug, Clone)]
pub struct EntryView {
    /// The signed entry.
    pub signed: SignedEntry,
    /// The salt of its commitment.
    pub salt: Salt,
    /// Its commitment.
    pub commitment: Commitment,
    /// Where it stands; none while it is pending.
    pub position: Option<Position>,
    /// The entry that corrects it, when there is one.
    pub corrected_by: Option<Uuid>,
}

impl Service {
    /// One entry, for its recorder and the operator; to others it does not exist.
    pub async fn entry(&self, actor: &Actor, id: EntryId) -> Result<EntryView, Error> {
        let row = self.entry_row(actor, id).await?;
        self.view(id, &row).await
    }

    /// An entry as it is shown to whoever was found entitled to it.
    pub(super) async fn view(&self, id: EntryId, row: &EntryRow) -> Result<EntryView, Error> {
        let (signed, salt) = self.open_with_salt(id, row)?;
        let published = self.published();
        let position = match row.head.ordinal < published.total() {
            true => {
                let block = self.block_of(&published, row.head.ordinal).await?;
                let index = row.head.ordinal - block.total_before();
                Some(Position { height: block.height, index, sealed_at: block.time })
            }
            false => None,
        };
        let corrected_by = CORRECTED.get(&*self.store, &id.uuid()).await?.map(|row| row.value.by);
        let commitment = Commitment::to(&signed, &salt);
        Ok(EntryView { signed, salt, commitment, position, corrected_by })
    }

    /// The bytes of a proof bundle of sealed entries, for their recorder and the operator.
    pub async fn proof(&self, actor: &Actor, ids: &[EntryId]) -> Result<Vec<u8>, Error> {
        if !(1..=MAX_BUNDLE_ENTRIES).contains(&ids.len()) {
            return Err(Error::TooLarge { what: "the number of entries in one proof", limit: MAX_BUNDLE_ENTRIES });
        }
        // Whole batches are read and hashed for it, and every entry is decrypted.
        Self::apart(self.make_proof(actor, ids)).await
    }

    async fn make_proof(&self, actor: &Actor, ids: &[EntryId]) -> Result<Vec<u8>, Error> {
        let published = self.published();
        let mut rows = Vec::with_capacity(ids.len());
        for id in ids {
            let row = self.entry_row(actor, *id).await?;
            if row.head.ordinal >= published.total() {
                return Err(Error::Conflict(format!("entry {id} is not in a block yet: ask again shortly")));
            }
            rows.push((*id, row));
        }
        self.make_bundle(&published, rows).await
    }

    /// The bytes of a proof bundle under a checkpoint that covers these entries: the same for ever.
    pub(super) async fn make_bundle(
        &self,
        published: &Published,
        mut rows: Vec<(EntryId, EntryRow)>,
    ) -> Result<Vec<u8>, Error> {
        rows.sort_by_key(|(_, row)| row.head.ordinal);
        rows.dedup_by_key(|(id, _)| *id);
        let mut entries = Vec::with_capacity(rows.len());
        let mut blocks: Vec<BundleBlock> = Vec::new();
        let mut tree: Option<(Block, BatchTree)> = None;
        for (id, row) in rows {
            let (block, tree) = match tree.take() {
                Some((block, built)) if row.head.ordinal < block.total => tree.insert((block, built)),
                _ => {
                    let block = self.block_of(published, row.head.ordinal).await?;
                    blocks.push(self.bundle_block(published, &block).await?);
                    let leaves: Vec<Hash> = self.commitments(&block).await?.into_iter().map(|c| c.leaf()).collect();
                    let built = BatchTree::from_leaves(&leaves).map_err(Error::internal)?;
                    tree.insert((block, built))
                }
            };
            let index = row.head.ordinal - block.total_before();
            let path = tree.path(usize::try_from(index).map_err(Error::internal)?).map_err(Error::internal)?;
            let (signed, salt) = self.open_with_salt(id, &row)?;
            entries.push(BundleEntry { block: block.height, index, path, salt, signed });
        }
        let bytes = self.bundle(published, entries, blocks).await?.to_bytes();
        // No verifier would read a larger one.
        if bytes.len() > MAX_BUNDLE {
            return Err(Error::TooLarge { what: "the size of one proof in bytes", limit: MAX_BUNDLE });
        }
        Ok(bytes)
    }

    async fn bundle(
        &self,
        published: &Published,
        entries: Vec<BundleEntry>,
        blocks: Vec<BundleBlock>,
    ) -> Result<Bundle, Error> {
        let note = SignedNote::parse(published.checkpoint.as_bytes()).map_err(Error::internal)?;
        let checkpoint: Checkpoint = note.text().parse().map_err(Error::internal)?;
        let tip =
            BundleTip { block: published.tip.clone(), path: self.chain_path(published, published.height()).await? };
        let register: Vec<Vec<u8>> = {
            let keys = self.keys();
            keys.register.elements().iter().take(keys.within(published.total())).cloned().collect()
        };
        let keys = register.iter().map(|bytes| SignedEntry::from_bytes(bytes)).collect::<Result<_, _>>();
        Ok(Bundle { entries, blocks, tip, note, checkpoint, keys: keys.map_err(Error::internal)? })
    }

    async fn bundle_block(&self, published: &Published, block: &Block) -> Result<BundleBlock, Error> {
        let previous = match block.height.checked_sub(1) {
            Some(before) => Some(self.block(before).await?),
            None => None,
        };
        let path = self.chain_path(published, block.height).await?;
        Ok(BundleBlock { block: block.clone(), path, previous })
    }

    /// The C2SP proof of one block, with its text in the extra line.
    pub async fn block_proof(&self, height: u64) -> Result<TlogProof, Error> {
        let published = self.published();
        let text = self.block_text(&published, height).await?;
        let path = self.chain_path(&published, height).await?;
        Ok(TlogProof { extra: Some(text.into_bytes()), index: height, path, checkpoint: published.checkpoint.clone() })
    }

    /// The text of a published block.
    pub async fn block_text(&self, published: &Published, height: u64) -> Result<String, Error> {
        if height > published.height() {
            return Err(Error::NotFound("block"));
        }
        let row = BLOCKS.get(&*self.store, &height).await?.ok_or_else(|| Error::internal("a block is missing"))?;
        Ok(row.value.text)
    }

    /// The texts of published blocks from `from` on, at most `MAX_BLOCKS_PAGE`.
    pub async fn block_texts(&self, from: u64, limit: usize) -> Result<Vec<String>, Error> {
        let published = self.published();
        let left = (published.height() + 1).saturating_sub(from);
        let limit = limit.min(MAX_BLOCKS_PAGE).min(usize::try_from(left).unwrap_or(usize::MAX));
        if limit == 0 {
            return Ok(Vec::new());
        }
        let rows = BLOCKS.scan(&*self.store, BLOCKS.from(&from), limit).await?;
        Ok(rows.into_iter().map(|(_, row)| row.value.text).collect())
    }

    /// The commitments of a published batch, 32 bytes each.
    pub async fn batch(&self, height: u64) -> Result<Vec<u8>, Error> {
        if height > self.published().height() {
            return Err(Error::NotFound("block"));
        }
        let block = self.block(height).await?;
        Ok(self.commitments(&block).await?.iter().flat_map(|commitment| *commitment.hash().as_bytes()).collect())
    }

    /// The key register of a published block, as one JCS array.
    pub async fn key_register(&self, height: u64) -> Result<Vec<u8>, Error> {
        if height > self.published().height() {
            return Err(Error::NotFound("block"));
        }
        let block = self.block(height).await?;
        let keys = self.keys();
        Ok(keys.register.prefix(keys.within(block.total)))
    }

    /// The bytes of a tile of the published chain.
    pub async fn tile(&self, tile: &TilePath) -> Result<Vec<u8>, Error> {
        let missing = || Error::internal("a part of the chain is missing");
        if !tile.exists_at(self.published().size()) {
            return Err(Error::NotFound("tile"));
        }
        if tile.kind() == TileKind::Entries {
            let range = tile.positions();
            let count = usize::try_from(range.end - range.start).map_err(Error::internal)?;
            let rows = BLOCKS.scan(&*self.store, BLOCKS.from(&range.start), count).await?;
            let texts: Vec<String> = rows.into_iter().map(|(_, row)| row.value.text).collect();
            return if texts.len() == count { encode_bundle(&texts).map_err(Error::internal) } else { Err(missing()) };
        }
        let nodes = tile.nodes();
        debug_assert!(nodes.len() as u64 <= TILE_WIDTH, "a tile has at most 256 hashes");
        let first = nodes.first().ok_or_else(missing)?;
        let rows = NODES.scan(&*self.store, NODES.from(&node_key(*first)), nodes.len()).await?;
        let complete = rows.iter().map(|(key, _)| *key).eq(nodes.iter().map(|node| node_key(*node)));
        if !complete {
            return Err(missing());
        }
        Ok(rows.iter().flat_map(|(_, row)| *row.value.as_bytes()).collect())
    }

    pub(super) async fn entry_row(&self, actor: &Actor, id: EntryId) -> Result<EntryRow, Error> {
        // Whoever may not read an entry is not told whether there is one.
        let row = ENTRIES.get(&*self.store, &id.uuid()).await?.map(|row| row.value);
        let row = row.filter(|row| actor.may(Action::ReadEntry) && row.head.is_for(actor));
        let row = row.ok_or(Error::NotFound("entry"))?;
        self.owner_of(&row)?;
        Ok(row)
    }

    /// Whose key an accepted entry is under.
    pub(super) fn owner_of(&self, row: &EntryRow) -> Result<DataKeyId, Error> {
        let Some(learner) = row.head.learner else { return Ok(DataKeyId::LEDGER) };
        let learner = LearnerId::try_from(learner).map_err(Error::internal)?;
        // From the tombstone on, even while the key itself is still being erased.
        match self.directory().erased(learner) {
            Some(_) => Err(Error::Erased("entry")),
            None => Ok(learner.into()),
        }
    }

    /// Reads an accepted entry back.
    pub(super) fn open_entry(&self, id: EntryId, row: &EntryRow) -> Result<SignedEntry, Error> {
        let owner = self.owner_of(row)?;
        let bytes = self.vault.decrypt(owner, id.uuid().as_bytes(), &row.tail)?;
        SignedEntry::from_bytes(&bytes).map_err(|error| Error::Internal(format!("entry {id}: {error}")))
    }

    /// Reads an accepted entry back, with its salt.
    pub(super) fn open_with_salt(&self, id: EntryId, row: &EntryRow) -> Result<(SignedEntry, Salt), Error> {
        let signed = self.open_entry(id, row)?;
        let salt = self.vault.salt(DataKeyId::of(signed.entry()), id)?;
        Ok((signed, salt))
    }

    /// The block that holds the entry of this place in the order, by bisection over the blocks' totals.
    pub(super) async fn block_of(&self, published: &Published, ordinal: u64) -> Result<Block, Error> {
        let (mut low, mut high) = (0, published.height());
        while low < high {
            let middle = low + (high - low) / 2;
            if self.block(middle).await?.total > ordinal {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        self.block(low).await
    }

    pub(super) async fn block(&self, height: u64) -> Result<Block, Error> {
        let row = BLOCKS.get(&*self.store, &height).await?.ok_or_else(|| Error::internal("a block is missing"))?;
        row.value.text.parse().map_err(Error::internal)
    }

    /// The commitments of a block's batch, in order.
    async fn commitments(&self, block: &Block) -> Result<Vec<Commitment>, Error> {
        let places = order::places(&*self.store, block.total_before()..block.total).await?;
        Ok(places.into_iter().map(|place| place.commitment).collect())
    }

    /// The inclusion path of a block under the published checkpoint.
    async fn chain_path(&self, published: &Published, height: u64) -> Result<Vec<Hash>, Error> {
        let plan = ProofPlan::inclusion(height, published.size()).map_err(Error::internal)?;
        let mut hashes = Vec::new();
        for node in plan.nodes() {
            let row = NODES.get(&*self.store, &node_key(node)).await?;
            hashes.push(row.ok_or_else(|| Error::internal("a chain hash is missing"))?.value);
        }
        plan.combine(&hashes).map_err(Error::internal)
    }
}

/// The row of an entry that something durable names, so that it must be there.
pub(super) async fn named_row(store: &dyn Store, id: Uuid) -> Result<EntryRow, Error> {
    let row = ENTRIES.get(store, &id).await?;
    Ok(row.ok_or_else(|| Error::Internal(format!("entry {id} is missing")))?.value)
}

/// Reads an accepted entry back with the key it is under, and its salt.
pub(super) fn open_in(key: &DataKey, id: EntryId, row: &EntryRow) -> Result<(SignedEntry, Salt), Error> {
    let bytes = key.decrypt(id.uuid().as_bytes(), &row.tail)?;
    let signed = SignedEntry::from_vec(bytes).map_err(|error| Error::Internal(format!("entry {id}: {error}")))?;
    Ok((signed, key.salt(id)))
}
