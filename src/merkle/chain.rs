//! The append-only tree over a sequence of leaves without end, whose hashes are stored elsewhere.
//!
//! Stored is the hash of every complete subtree, at every level: about two for each leaf, each written once. What a root
//! or a proof needs of them is planned first ([`frontier_nodes`], [`ProofPlan`]), then fetched by the caller, in its own
//! way and in any order, and combined by a pure function. [`inclusion_path`] and [`consistency_proof`] do all of it for
//! callers who can read in place.

use std::ops::Range;

use super::hash::Hash;
use super::tree::{empty_root, node_hash};

/// The largest tree: sizes stay within a signed 64-bit number, as they do in other people's logs.
pub const MAX_TREE_SIZE: u64 = i64::MAX as u64;

/// The place of a complete subtree: that of the leaves `[index * 2^level, (index + 1) * 2^level)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId {
    /// The height of the subtree; 0 is a leaf hash.
    pub level: u8,
    /// The subtree's number within its level.
    pub index: u64,
}

/// What was asked for lies outside the tree, or the hashes do not fit the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The leaf's index is not below the tree's size.
    #[error("leaf {index} lies outside a tree of {size} leaves")]
    IndexOutOfRange {
        /// The index that was asked for.
        index: u64,
        /// The size of the tree.
        size: u64,
    },
    /// The old tree is empty, or larger than the new one.
    #[error("no consistency proof leads from {old_size} to {new_size} leaves")]
    SizesOutOfOrder {
        /// The size of the older tree.
        old_size: u64,
        /// The size of the newer tree.
        new_size: u64,
    },
    /// The tree would have more than [`MAX_TREE_SIZE`] leaves.
    #[error("a tree has at most {MAX_TREE_SIZE} leaves")]
    TooLarge,
    /// Another number of hashes was brought than the plan asks for.
    #[error("{expected} stored hashes are needed, got {found}")]
    WrongCount {
        /// How many the plan asks for.
        expected: usize,
        /// How many were brought.
        found: usize,
    },
}

/// A failure of [`Frontier::load`], [`inclusion_path`] or [`consistency_proof`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChainError<E> {
    /// The request itself is impossible.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A stored hash could not be read.
    #[error("a stored hash could not be read")]
    Read(#[source] E),
}

/// The right edge of the tree: its size and the roots of its maximal complete subtrees, the largest first.
///
/// This is all that appending needs to know: one hash for each bit that is set in the size, so at most 64.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frontier {
    size: u64,
    roots: Vec<Hash>,
}

impl Frontier {
    /// The frontier of the tree of `size` leaves, from the stored hashes of [`frontier_nodes`], in that order.
    pub fn from_nodes(size: u64, hashes: Vec<Hash>) -> Result<Self, PlanError> {
        let expected = frontier_nodes(size)?.len();
        if hashes.len() != expected {
            return Err(PlanError::WrongCount { expected, found: hashes.len() });
        }
        Ok(Self { size, roots: hashes })
    }

    /// Reads the frontier of the tree of `size` leaves.
    pub fn load<E>(size: u64, reader: impl FnMut(NodeId) -> Result<Hash, E>) -> Result<Self, ChainError<E>> {
        let roots = read_all(&frontier_nodes(size)?, reader)?;
        Ok(Self { size, roots })
    }

    /// Appends a leaf and returns the hashes of all subtrees that it completes, the leaf's own first: they are to be stored.
    pub fn append(&mut self, leaf: Hash) -> Vec<(NodeId, Hash)> {
        // Each trailing 1 bit of the size is a subtree that finds its right half now, the smallest first.
        let merged = (self.size.trailing_ones() as usize).min(self.roots.len());
        let mut node = (NodeId { level: 0, index: self.size }, leaf);
        let mut complete = vec![node];
        for left in self.roots.drain(self.roots.len() - merged..).rev() {
            let id = NodeId { level: node.0.level + 1, index: node.0.index >> 1 };
            node = (id, node_hash(&left, &node.1));
            complete.push(node);
        }
        self.roots.push(node.1);
        self.size += 1;
        complete
    }

    /// The root over all leaves (RFC 9162 section 2.1.1).
    pub fn root(&self) -> Hash {
        fold(&self.roots).unwrap_or_else(empty_root)
    }

    /// The number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }
}

/// The stored hashes that make up the frontier of the tree of `size` leaves, and so its root.
pub fn frontier_nodes(size: u64) -> Result<Vec<NodeId>, PlanError> {
    check_size(size)?;
    Ok(complete_subtrees(0..size))
}

/// Which stored hashes a proof is made of, and how: a number of nodes in the order of the logarithm of the size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProofPlan {
    /// For each hash of the proof the complete subtrees whose roots fold into it, from left to right.
    parts: Vec<Vec<NodeId>>,
}

impl ProofPlan {
    /// The plan of `PATH(index, D[size])` (RFC 9162 section 2.1.3.1).
    pub fn inclusion(index: u64, size: u64) -> Result<Self, PlanError> {
        check_size(size)?;
        if index >= size {
            return Err(PlanError::IndexOutOfRange { index, size });
        }
        let mut descent = Descent::from_root(size);
        while descent.range.end - descent.range.start > 1 {
            descent.step_towards(index);
        }
        Ok(descent.into_plan())
    }

    /// The plan of `PROOF(old_size, D[new_size])` (RFC 9162 section 2.1.4.1); an empty old tree has none.
    pub fn consistency(old_size: u64, new_size: u64) -> Result<Self, PlanError> {
        check_size(new_size)?;
        if old_size == 0 || old_size > new_size {
            return Err(PlanError::SizesOutOfOrder { old_size, new_size });
        }
        // Down to the subtree that ends where the old tree does.
        let mut descent = Descent::from_root(new_size);
        while descent.range.end != old_size {
            descent.step_towards(old_size - 1);
        }
        // The verifier knows that subtree already if it is the whole old tree.
        if descent.range.start > 0 {
            descent.parts.push(complete_subtrees(descent.range.clone()));
        }
        Ok(descent.into_plan())
    }

    /// The stored hashes to fetch, in the order in which [`ProofPlan::combine`] takes them.
    pub fn nodes(&self) -> Vec<NodeId> {
        self.parts.concat()
    }

    /// The proof, from the stored hashes of [`ProofPlan::nodes`].
    pub fn combine(&self, hashes: &[Hash]) -> Result<Vec<Hash>, PlanError> {
        let mismatch = PlanError::WrongCount { expected: self.parts.iter().map(Vec::len).sum(), found: hashes.len() };
        let mut rest = hashes;
        let mut proof = Vec::with_capacity(self.parts.len());
        for part in &self.parts {
            let (own, others) = rest.split_at_checked(part.len()).ok_or(mismatch)?;
            proof.push(fold(own).ok_or(mismatch)?);
            rest = others;
        }
        if rest.is_empty() { Ok(proof) } else { Err(mismatch) }
    }
}

/// The hashes that lead from the leaf at `index` to the root of the tree of `size` leaves (RFC 9162 section 2.1.3.1).
pub fn inclusion_path<E>(
    index: u64,
    size: u64,
    reader: impl FnMut(NodeId) -> Result<Hash, E>,
) -> Result<Vec<Hash>, ChainError<E>> {
    read_proof(&ProofPlan::inclusion(index, size)?, reader)
}

/// The proof that the tree of `old_size` leaves is a prefix of that of `new_size` (RFC 9162 section 2.1.4.1).
pub fn consistency_proof<E>(
    old_size: u64,
    new_size: u64,
    reader: impl FnMut(NodeId) -> Result<Hash, E>,
) -> Result<Vec<Hash>, ChainError<E>> {
    read_proof(&ProofPlan::consistency(old_size, new_size)?, reader)
}

fn read_proof<E>(plan: &ProofPlan, reader: impl FnMut(NodeId) -> Result<Hash, E>) -> Result<Vec<Hash>, ChainError<E>> {
    Ok(plan.combine(&read_all(&plan.nodes(), reader)?)?)
}

fn read_all<E>(nodes: &[NodeId], reader: impl FnMut(NodeId) -> Result<Hash, E>) -> Result<Vec<Hash>, ChainError<E>> {
    nodes.iter().copied().map(reader).collect::<Result<_, _>>().map_err(ChainError::Read)
}

/// The way from the root down to a subtree, collecting the halves that are left aside.
struct Descent {
    range: Range<u64>,
    parts: Vec<Vec<NodeId>>,
}

impl Descent {
    fn from_root(size: u64) -> Self {
        Self { range: 0..size, parts: Vec::new() }
    }

    /// Enters the half that holds `leaf`. The split is at the largest power of two below the number of leaves.
    fn step_towards(&mut self, leaf: u64) {
        let Range { start, end } = self.range;
        let split = start + (1 << (end - start - 1).ilog2());
        let (entered, aside) = if leaf < split { (start..split, split..end) } else { (split..end, start..split) };
        self.parts.push(complete_subtrees(aside));
        self.range = entered;
    }

    /// Proofs go from the leaf up.
    fn into_plan(mut self) -> ProofPlan {
        self.parts.reverse();
        ProofPlan { parts: self.parts }
    }
}

fn check_size(size: u64) -> Result<(), PlanError> {
    if size <= MAX_TREE_SIZE { Ok(()) } else { Err(PlanError::TooLarge) }
}

/// The maximal complete subtrees of a subtree, the largest first.
///
/// In a range that the splits of RFC 9162 lead to, the start is a multiple of every subtree's length.
#[expect(clippy::cast_possible_truncation, reason = "a logarithm of 64 bits is below 64")]
fn complete_subtrees(range: Range<u64>) -> Vec<NodeId> {
    let mut nodes = Vec::new();
    let mut start = range.start;
    while start < range.end {
        let level = (range.end - start).ilog2() as u8;
        nodes.push(NodeId { level, index: start >> level });
        start += 1 << level;
    }
    nodes
}

/// The root over adjacent subtrees, each smaller than the one before: nested from the right.
fn fold(hashes: &[Hash]) -> Option<Hash> {
    hashes.iter().copied().rev().reduce(|right, left| node_hash(&left, &right))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::convert::Infallible;

    use super::super::tree::reference::{leaves, mth, path, proof};
    use super::super::tree::{verify_consistency, verify_inclusion};
    use super::*;

    const MAX_SIZE: u64 = 70;

    /// What a store would hold after `leaves`, each place written once.
    fn store(leaves: &[Hash]) -> (Frontier, BTreeMap<NodeId, Hash>) {
        let mut frontier = Frontier::default();
        let mut stored = BTreeMap::new();
        for leaf in leaves {
            for (node, hash) in frontier.append(*leaf) {
                assert_eq!(stored.insert(node, hash), None, "{node:?} written twice");
            }
        }
        (frontier, stored)
    }

    fn reader(stored: &BTreeMap<NodeId, Hash>) -> impl FnMut(NodeId) -> Result<Hash, Infallible> {
        |node| Ok(stored[&node])
    }

    #[test]
    fn exactly_the_complete_subtrees_are_stored() {
        for size in 0..=MAX_SIZE {
            let all = leaves(size);
            let (_, stored) = store(&all);
            let mut expected = BTreeMap::new();
            for level in 0..7 {
                for index in 0..size >> level {
                    let range = (index << level) as usize..((index + 1) << level) as usize;
                    expected.insert(NodeId { level, index }, mth(&all[range]));
                }
            }
            assert_eq!(stored, expected, "{size} leaves");
        }
    }

    #[test]
    fn a_frontier_has_the_root_of_the_rfc_and_can_be_loaded_at_any_size() {
        let all = leaves(300);
        let (_, stored) = store(&all);
        let mut grown = Frontier::default();
        for size in 0..=all.len() as u64 {
            let loaded = Frontier::load(size, reader(&stored)).unwrap();
            assert_eq!(loaded, grown);
            assert_eq!((loaded.size(), loaded.root()), (size, mth(&all[..size as usize])));
            all.get(size as usize).map(|leaf| grown.append(*leaf));
        }
    }

    #[test]
    fn proofs_are_those_of_the_rfc_and_verify() {
        let all = leaves(MAX_SIZE);
        let (_, stored) = store(&all);
        for size in 1..=MAX_SIZE {
            let tree = &all[..size as usize];
            let root = mth(tree);
            for index in 0..size {
                let found = inclusion_path(index, size, reader(&stored)).unwrap();
                assert_eq!(found, path(index as usize, tree), "{index} of {size}");
                assert_eq!(verify_inclusion(&tree[index as usize], index, size, &found, &root), Ok(()));
            }
            for old in 1..=size {
                let found = consistency_proof(old, size, reader(&stored)).unwrap();
                assert_eq!(found, proof(old as usize, tree), "{old} to {size}");
                assert_eq!(verify_consistency(old, &mth(&all[..old as usize]), size, &root, &found), Ok(()));
            }
        }
    }

    #[test]
    fn a_plan_stays_small_in_the_largest_tree() {
        let largest = MAX_TREE_SIZE;
        for index in [0, 1, 1 << 40, largest / 2, largest - 1] {
            assert!(ProofPlan::inclusion(index, largest).unwrap().nodes().len() <= 2 * 63);
            assert!(ProofPlan::consistency(index + 1, largest).unwrap().nodes().len() <= 2 * 63);
        }
        assert_eq!(frontier_nodes(largest).unwrap().len(), 63);
        assert_eq!(frontier_nodes(largest + 1), Err(PlanError::TooLarge));
    }

    #[test]
    fn impossible_requests_are_refused() {
        let outside = |index, size| Err(PlanError::IndexOutOfRange { index, size });
        let order = |old_size, new_size| Err(PlanError::SizesOutOfOrder { old_size, new_size });
        for (found, expected) in [
            (ProofPlan::inclusion(0, 0), outside(0, 0)),
            (ProofPlan::inclusion(5, 5), outside(5, 5)),
            (ProofPlan::inclusion(0, u64::MAX), Err(PlanError::TooLarge)),
            (ProofPlan::consistency(0, 0), order(0, 0)),
            (ProofPlan::consistency(0, 5), order(0, 5)),
            (ProofPlan::consistency(6, 5), order(6, 5)),
            (ProofPlan::consistency(1, u64::MAX), Err(PlanError::TooLarge)),
        ] {
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn a_plan_takes_exactly_its_hashes() {
        let plan = ProofPlan::inclusion(2, 7).unwrap();
        let nodes = plan.nodes();
        let hashes = leaves(nodes.len() as u64 + 1);
        for found in [0, nodes.len() - 1, nodes.len() + 1] {
            let expected = Err(PlanError::WrongCount { expected: nodes.len(), found });
            assert_eq!(plan.combine(&hashes[..found]), expected);
        }
        assert!(plan.combine(&hashes[..nodes.len()]).is_ok());
        let wrong = Err(PlanError::WrongCount { expected: 3, found: 2 });
        assert_eq!(Frontier::from_nodes(7, hashes[..2].to_vec()), wrong);
    }

    #[test]
    fn a_read_error_is_passed_on() {
        let failing = |_| Err::<Hash, _>("disk");
        assert_eq!(inclusion_path(0, 2, failing), Err(ChainError::Read("disk")));
        assert_eq!(consistency_proof(1, 2, failing), Err(ChainError::Read("disk")));
        assert_eq!(Frontier::load(2, failing), Err(ChainError::Read("disk")));
    }

    #[test]
    fn any_leaf_and_any_earlier_size_can_be_proved() {
        let all = leaves(5000);
        let (_, stored) = store(&all);
        bolero::check!().with_iterations(2000).with_type::<(u16, u16)>().for_each(|(a, b)| {
            let size = u64::from(*a) % 5000 + 1;
            let old = u64::from(*b) % size + 1;
            let root = |size| Frontier::load(size, reader(&stored)).unwrap().root();
            let path = inclusion_path(old - 1, size, reader(&stored)).unwrap();
            assert_eq!(verify_inclusion(&all[old as usize - 1], old - 1, size, &path, &root(size)), Ok(()));
            let proof = consistency_proof(old, size, reader(&stored)).unwrap();
            assert_eq!(verify_consistency(old, &root(old), size, &root(size), &proof), Ok(()));
        });
    }

    /// `tlog_tiles` (a port of Go's `tlog`) reads our stored hashes, and each side accepts the other's proofs.
    #[test]
    fn another_implementation_agrees() {
        use tlog_tiles::tlog;

        struct Oracle(BTreeMap<NodeId, Hash>);
        impl tlog::HashReader for Oracle {
            fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog::Hash>, tlog_tiles::Error> {
                let read = |place: &u64| {
                    let (level, index) = tlog::split_stored_hash_index(*place);
                    tlog::Hash(*self.0[&NodeId { level, index }].as_bytes())
                };
                Ok(indexes.iter().map(read).collect())
            }
        }

        let theirs = |hash: &Hash| tlog::Hash(*hash.as_bytes());
        let all = leaves(MAX_SIZE);
        let oracle = Oracle(store(&all).1);
        for size in 1..=MAX_SIZE {
            let root = Frontier::load(size, reader(&oracle.0)).unwrap().root();
            assert_eq!(tlog::tree_hash(size, &oracle).unwrap(), theirs(&root));
            for index in 0..size {
                let ours: Vec<_> = inclusion_path(index, size, reader(&oracle.0)).unwrap().iter().map(theirs).collect();
                assert_eq!(tlog::prove_record(size, index, &oracle).unwrap(), ours);
                tlog::check_record(&ours, size, theirs(&root), index, theirs(&all[index as usize])).unwrap();
            }
            for old in 1..=size {
                let ours: Vec<_> =
                    consistency_proof(old, size, reader(&oracle.0)).unwrap().iter().map(theirs).collect();
                assert_eq!(tlog::prove_tree(size, old, &oracle).unwrap(), ours);
                let old_root = Frontier::load(old, reader(&oracle.0)).unwrap().root();
                tlog::check_tree(&ours, size, theirs(&root), old, theirs(&old_root)).unwrap();
            }
        }
    }
}
