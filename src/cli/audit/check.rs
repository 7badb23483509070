//! What must hold within a chain, whether its parts came from the server or from the mirror: no input and no output.

use std::collections::{HashMap, HashSet};
use std::fmt;

use crate::ledger::block::Block;
use crate::ledger::json;
use crate::ledger::keys::{KeyError, KeyRegister};
use crate::ledger::signed::SignedEntry;
use crate::merkle::{BatchTree, Frontier, Hash, leaf_hash};

use super::report::{Stop, both, failed};
use crate::ledger::verify::Message;

/// How many levels of the tree one tile spans.
pub(super) const TILE_HEIGHT: u8 = 8;

/// A chain as its block texts make it, from block 0 on.
#[derive(Default)]
pub(super) struct Chain {
    frontier: Frontier,
    tip: Option<Block>,
    /// The hashes of the tree's levels 0, 8, 16...: those that stand in tiles.
    levels: Vec<Vec<Hash>>,
}

impl Chain {
    /// Takes the next block in, if it is one: of the right form, and following the one before.
    pub(super) fn push(&mut self, text: &[u8]) -> Result<&Block, Message> {
        let height = self.frontier.size();
        let wrong = |error: &dyn fmt::Display| {
            both(format!("区块 {height} 不成立：{error}"), format!("block {height}: {error}"))
        };
        let text = std::str::from_utf8(text).map_err(|error| wrong(&error))?;
        let block: Block = text.parse().map_err(|error| wrong(&error))?;
        // The grammar allows one way to write a block; this keeps it so, whatever the parser does.
        if block.to_string() != text {
            return Err(wrong(&"not in its one form"));
        }
        block.follows(self.tip.as_ref()).map_err(|error| wrong(&error))?;
        for (node, hash) in self.frontier.append(leaf_hash(text.as_bytes())) {
            if node.level.is_multiple_of(TILE_HEIGHT) {
                let level = usize::from(node.level / TILE_HEIGHT);
                self.levels.resize_with(self.levels.len().max(level + 1), Vec::new);
                self.levels[level].push(hash);
            }
        }
        Ok(self.tip.insert(block))
    }

    /// How many blocks there are.
    pub(super) fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// The root over all blocks.
    pub(super) fn root(&self) -> Hash {
        self.frontier.root()
    }

    /// The root over the first `size` blocks.
    pub(super) fn root_at(&self, size: u64) -> Hash {
        let mut frontier = Frontier::default();
        for leaf in self.leaves().iter().zip(0..size) {
            frontier.append(*leaf.0);
        }
        frontier.root()
    }

    /// The last block.
    pub(super) fn tip(&self) -> Option<&Block> {
        self.tip.as_ref()
    }

    /// The leaf hashes of all blocks.
    pub(super) fn leaves(&self) -> &[Hash] {
        self.levels.first().map_or(&[], Vec::as_slice)
    }

    /// The hashes of tile level 0, 1, ...
    pub(super) fn levels(&self) -> &[Vec<Hash>] {
        &self.levels
    }
}

/// Checks that commitments are the batch of a block, and that none of them was seen before.
pub(super) fn check_batch(block: &Block, batch: &[Hash], seen: &mut HashSet<Hash>) -> Result<(), Message> {
    let height = block.height;
    let leaves: Vec<Hash> = batch.iter().map(|commitment| leaf_hash(commitment.as_bytes())).collect();
    let root = BatchTree::from_leaves(&leaves).map(|tree| tree.root());
    if batch.len() as u64 != block.entries || root != Ok(block.root) {
        return Err(both(
            format!("区块 {height} 的承诺值与区块所记的根不符"),
            format!("the commitments of block {height} do not lead to the root that the block names"),
        ));
    }
    match batch.iter().find(|commitment| !seen.insert(**commitment)) {
        Some(twice) => Err(both(
            format!("承诺值 {twice} 重复出现，第二次在区块 {height}"),
            format!("commitment {twice} is there twice, the second time in block {height}"),
        )),
        None => Ok(()),
    }
}

/// A key register that passed its rules, and the length of the prefix that each digest stands for.
#[derive(Default)]
pub(super) struct Register {
    register: KeyRegister,
    lengths: HashMap<Hash, usize>,
}

impl Register {
    /// Reads a register by the rules of FORMATS section 5.
    pub(super) fn read(bytes: &[u8], origin: &str) -> Result<Self, Stop> {
        let not_sound = |error: &dyn fmt::Display| {
            failed(format!("不是合格的密钥登记册：{error}"), format!("not a sound key register: {error}"))
        };
        let value = json::parse_canonical(bytes).map_err(|error| not_sound(&error))?;
        let json::Json::Array(elements) = value else { return Err(not_sound(&"not an array")) };
        let mut read = Self::default();
        for (i, element) in elements.into_iter().enumerate() {
            let wrong = |error: &dyn fmt::Display| {
                failed(format!("第 {i} 条密钥记录不成立：{error}"), format!("key entry {i}: {error}"))
            };
            let signed = SignedEntry::from_value(element).map_err(|error| wrong(&error))?;
            if signed.entry().ledger.as_str() != origin {
                return Err(wrong(&"names another ledger"));
            }
            read.register.push(&signed).map_err(|error| match error {
                KeyError::UnknownAlg(alg) => {
                    Stop::Open(both(format!("不认识算法 {alg}"), format!("algorithm {alg} is unknown here")))
                }
                error => wrong(&error),
            })?;
            let length = read.register.len();
            read.lengths.extend(read.register.prefix_digest(length).map(|digest| (digest, length)));
        }
        Ok(read)
    }

    /// The register's first `length` elements.
    pub(super) fn prefix(&self, length: usize) -> Vec<u8> {
        self.register.prefix(length)
    }

    /// How many elements the prefix of this digest has.
    pub(super) fn length_of(&self, digest: &Hash) -> Option<usize> {
        self.lengths.get(digest).copied()
    }

    /// The digest of the first `length` elements.
    pub(super) fn digest_of(&self, length: usize) -> Option<Hash> {
        self.register.prefix_digest(length)
    }

    /// How many elements there are.
    pub(super) fn len(&self) -> usize {
        self.register.len()
    }

    /// Checks the register that a block names, after a block that names the first `before` elements.
    pub(super) fn check_block(&self, block: &Block, before: usize) -> Result<usize, Message> {
        let length = self.length_of(&block.keys);
        // Block 0 holds the first element and nothing else; later ones hold every element that they add.
        let fits = |length: &usize| match block.height {
            0 => *length == 1 && block.entries == 1,
            _ => *length >= before && (*length - before) as u64 <= block.entries,
        };
        length.filter(fits).ok_or_else(|| {
            let height = block.height;
            both(
                format!("区块 {height} 所记的密钥登记册与登记册不符"),
                format!("block {height} names a key register that cannot be its own"),
            )
        })
    }
}
