//! The Merkle tree of one batch: all leaves at once, then its root and the path of each leaf.
//!
//! `rs_merkle` builds the tree; proofs are checked by [`verify_inclusion`](super::verify_inclusion) only, because the
//! library's own check accepts more than RFC 9162 does.

use rs_merkle::{Hasher, MerkleTree};

use super::hash::{HASH_LEN, Hash};
use super::tree::{leaf_hash, node_hash};

/// A complete batch, hashed as RFC 9162 section 2.1.1 says.
pub struct BatchTree {
    tree: MerkleTree<Rfc9162>,
    root: Hash,
}

/// What a batch cannot do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    /// A batch without leaves has no root.
    #[error("a batch has at least one leaf")]
    Empty,
    /// There is no such leaf.
    #[error("leaf {index} lies outside a batch of {len} leaves")]
    IndexOutOfRange {
        /// The index that was asked for.
        index: usize,
        /// How many leaves there are.
        len: usize,
    },
}

impl BatchTree {
    /// Builds the tree over leaf hashes (not leaf data), in one go: a commit per leaf would be quadratic.
    pub fn from_leaves(leaves: &[Hash]) -> Result<Self, BatchError> {
        let leaves: Vec<[u8; HASH_LEN]> = leaves.iter().map(|leaf| *leaf.as_bytes()).collect();
        let tree = MerkleTree::<Rfc9162>::from_leaves(&leaves);
        let root = Hash::from(tree.root().ok_or(BatchError::Empty)?);
        Ok(Self { tree, root })
    }

    /// The root over all leaves.
    pub fn root(&self) -> Hash {
        self.root
    }

    /// The hashes that lead from the leaf at `index` to the root, its sibling first (RFC 9162 section 2.1.3.1).
    pub fn path(&self, index: usize) -> Result<Vec<Hash>, BatchError> {
        // The library answers an index out of range with an empty proof.
        let len = self.tree.leaves_len();
        if index >= len {
            return Err(BatchError::IndexOutOfRange { index, len });
        }
        Ok(self.tree.proof(&[index]).proof_hashes().iter().map(|hash| Hash::from(*hash)).collect())
    }
}

impl std::fmt::Debug for BatchTree {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BatchTree").field("leaves", &self.tree.leaves_len()).field("root", &self.root).finish()
    }
}

/// Domain-separated hashing for `rs_merkle`, whose own hasher has no prefixes.
#[derive(Clone)]
struct Rfc9162;

impl Hasher for Rfc9162 {
    type Hash = [u8; HASH_LEN];

    fn hash(data: &[u8]) -> Self::Hash {
        *leaf_hash(data).as_bytes()
    }

    fn concat_and_hash(left: &Self::Hash, right: Option<&Self::Hash>) -> Self::Hash {
        match right {
            Some(right) => *node_hash(&Hash::from(*left), &Hash::from(*right)).as_bytes(),
            None => *left,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tree::reference::{leaves, mth, path};
    use super::super::tree::{ProofError, verify_inclusion};
    use super::*;

    #[test]
    fn roots_and_paths_are_those_of_the_rfc() {
        let all = leaves(300);
        for size in 1..=all.len() {
            let leaves = &all[..size];
            let tree = BatchTree::from_leaves(leaves).unwrap();
            let root = tree.root();
            assert_eq!(root, mth(leaves), "root of {size}");
            for (index, leaf) in leaves.iter().enumerate() {
                let found = tree.path(index).unwrap();
                assert_eq!(verify_inclusion(leaf, index as u64, size as u64, &found, &root), Ok(()));
                // The definition is recursive and slow; a hundred sizes say as much as three hundred.
                if size <= 100 {
                    assert_eq!(found, path(index, leaves), "path of {index} in {size}");
                }
            }
            assert_eq!(tree.path(size), Err(BatchError::IndexOutOfRange { index: size, len: size }));
        }
    }

    #[test]
    fn an_empty_batch_is_an_error() {
        assert_eq!(BatchTree::from_leaves(&[]).map(|tree| tree.root()), Err(BatchError::Empty));
    }

    /// What the library accepts, we do not have to; what it refuses, we must.
    #[test]
    fn our_verifier_is_never_looser_than_the_library() {
        let all = leaves(40);
        for size in 1..=all.len() {
            let tree = BatchTree::from_leaves(&all[..size]).unwrap();
            for (index, leaf) in all[..size].iter().enumerate() {
                let path = tree.path(index).unwrap();
                for claimed in 0..=size {
                    let ours = verify_inclusion(leaf, claimed as u64, size as u64, &path, &tree.root());
                    let bare = path.iter().map(|hash| *hash.as_bytes()).collect();
                    let theirs = rs_merkle::MerkleProof::<Rfc9162>::new(bare).verify(
                        *tree.root().as_bytes(),
                        &[claimed],
                        &[*leaf.as_bytes()],
                        size,
                    );
                    assert!(theirs || ours.is_err());
                    assert_eq!(ours.is_ok(), claimed == index);
                }
            }
        }
        let outside = Err(ProofError::IndexOutOfRange { index: 1, size: 1 });
        assert_eq!(verify_inclusion(&all[0], 1, 1, &[], &all[0]), outside);
    }
}
