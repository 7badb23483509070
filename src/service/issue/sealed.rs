//! A learner's sealed entries: what certificates are made of, and what a year counts.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::Service;
use super::super::error::Error;
use super::super::prove::{named_row, open_in};
use super::super::tables::EntryRow;
use super::super::vault::DataKey;
use crate::ledger::block::Block;
use crate::ledger::commitment::Commitment;
use crate::ledger::entry::{EntryId, LearnerId};
use crate::ledger::keys::KeyRegister;
use crate::ledger::verify::ProvenEntry;

/// Blocks that are kept at hand.
const BLOCKS_AT_HAND: usize = 4_096;

/// A sealed entry as it is kept, and its block.
pub(super) struct SealedRow {
    id: EntryId,
    row: EntryRow,
    block: Arc<Block>,
}

impl SealedRow {
    /// Opens it with its learner's key.
    pub(super) fn open(self, key: &DataKey, register: &KeyRegister) -> Result<ProvenEntry, Error> {
        let Self { id, row, block } = self;
        let (signed, salt) = open_in(key, id, &row)?;
        Ok(ProvenEntry {
            height: block.height,
            index: row.head.ordinal - block.total_before(),
            sealed_at: block.time,
            commitment: Commitment::to(&signed, &salt),
            by_authority: register.has_authority(&signed),
            signed,
        })
    }
}

/// Blocks by their totals: entries that were sealed together find theirs at once.
#[derive(Default)]
pub(in crate::service) struct Blocks(BTreeMap<u64, Arc<Block>>);

impl Blocks {
    async fn of(&mut self, service: &Service, ordinal: u64) -> Result<Arc<Block>, Error> {
        if let Some((_, block)) = self.0.range(ordinal + 1..).next()
            && block.total_before() <= ordinal
        {
            return Ok(Arc::clone(block));
        }
        if self.0.len() >= BLOCKS_AT_HAND {
            self.0.clear();
        }
        let block = Arc::new(service.block_of(&service.published(), ordinal).await?);
        self.0.insert(block.total, Arc::clone(&block));
        Ok(block)
    }
}

impl Service {
    /// The rows of all sealed entries of a learner, in their order.
    pub(super) async fn sealed_rows_of(
        &self,
        learner: LearnerId,
        total: u64,
        blocks: &mut Blocks,
    ) -> Result<Vec<SealedRow>, Error> {
        let marks = self.places().of_learner(learner.uuid(), total);
        let mut rows = Vec::with_capacity(marks.len());
        for mark in marks {
            let row = named_row(&*self.store, mark.id).await?;
            let block = blocks.of(self, mark.ordinal()).await?;
            rows.push(SealedRow { id: EntryId::try_from(mark.id).map_err(Error::internal)?, row, block });
        }
        Ok(rows)
    }

    /// All sealed entries of a learner, opened.
    pub(in crate::service) async fn sealed_entries_of(
        &self,
        learner: LearnerId,
        total: u64,
        blocks: &mut Blocks,
    ) -> Result<Vec<ProvenEntry>, Error> {
        let (key, register) = (self.vault.key(learner.into())?, self.keys().register);
        let rows = self.sealed_rows_of(learner, total, blocks).await?;
        rows.into_iter().map(|row| row.open(&key, &register)).collect()
    }
}
