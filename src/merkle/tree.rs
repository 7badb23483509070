//! The hash tree of RFC 9162 section 2.1: its hashes, and the verifiers of its two kinds of proof.
//!
//! The verifiers are the iterative algorithms of sections 2.1.3.2 and 2.1.4.2, step by step. A proof is good for exactly
//! one index and size; every other is refused, and so is every path that is too long or too short.

use super::hash::Hash;

/// A path is never longer than the depth of a tree whose size fits in 64 bits.
pub const MAX_PATH_LEN: usize = 64;

/// Why a proof does not show what it claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The leaf's index is not below the tree's size.
    #[error("leaf {index} lies outside a tree of {size} leaves")]
    IndexOutOfRange {
        /// The index that was claimed.
        index: u64,
        /// The size that was claimed.
        size: u64,
    },
    /// The old tree is empty, or larger than the new one.
    #[error("no consistency proof leads from {old_size} to {new_size} leaves")]
    SizesOutOfOrder {
        /// The size that was claimed for the older tree.
        old_size: u64,
        /// The size that was claimed for the newer tree.
        new_size: u64,
    },
    /// The proof has hashes too few or too many for these sizes.
    #[error("the proof has the wrong number of hashes")]
    WrongLength,
    /// The hashes lead to another root than the (new) tree's.
    #[error("the proof leads to another root")]
    RootMismatch,
    /// The hashes lead to another root than the old tree's.
    #[error("the proof leads to another old root")]
    OldRootMismatch,
}

/// The hash of a leaf: `SHA-256(0x00 || data)` (RFC 9162 section 2.1.1).
pub fn leaf_hash(data: &[u8]) -> Hash {
    Hash::of(&[&[0x00], data])
}

/// The hash of an inner node: `SHA-256(0x01 || left || right)` (RFC 9162 section 2.1.1).
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Hash::of(&[&[0x01], left.as_bytes(), right.as_bytes()])
}

/// The root of the tree without leaves: `SHA-256("")` (RFC 9162 section 2.1.1).
pub fn empty_root() -> Hash {
    Hash::of(&[])
}

/// Checks that `leaf` is the leaf hash at `index` in the tree of `size` leaves under `root` (RFC 9162 section 2.1.3.2).
pub fn verify_inclusion(leaf: &Hash, index: u64, size: u64, path: &[Hash], root: &Hash) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::IndexOutOfRange { index, size });
    }
    let mut walk = Walk { node: index, last: size - 1 };
    let mut hash = *leaf;
    for sibling in path {
        hash = match walk.climb()? {
            Side::Left => node_hash(sibling, &hash),
            Side::Right => node_hash(&hash, sibling),
        };
    }
    walk.finish()?;
    if hash == *root { Ok(()) } else { Err(ProofError::RootMismatch) }
}

/// Checks that the tree of `old_size` leaves is a prefix of the tree of `new_size` leaves (RFC 9162 section 2.1.4.2).
///
/// Equal sizes need an empty proof and equal roots. An empty old tree is refused: it is a prefix of everything, so a
/// proof of that says nothing, and callers that allow it (C2SP tlog-witness) do so outside this function.
pub fn verify_consistency(
    old_size: u64,
    old_root: &Hash,
    new_size: u64,
    new_root: &Hash,
    proof: &[Hash],
) -> Result<(), ProofError> {
    if old_size == 0 || old_size > new_size {
        return Err(ProofError::SizesOutOfOrder { old_size, new_size });
    }
    if old_size == new_size {
        return match (proof.is_empty(), old_root == new_root) {
            (false, _) => Err(ProofError::WrongLength),
            (true, false) => Err(ProofError::RootMismatch),
            (true, true) => Ok(()),
        };
    }
    // A complete old tree is itself the node the proof starts from, and so is left out of it.
    let (start, rest) = match proof.split_first() {
        Some(_) if old_size.is_power_of_two() => (old_root, proof),
        Some((first, rest)) => (first, rest),
        None => return Err(ProofError::WrongLength),
    };
    let skip = (old_size - 1).trailing_ones();
    let mut walk = Walk { node: (old_size - 1) >> skip, last: (new_size - 1) >> skip };
    let (mut old_hash, mut new_hash) = (*start, *start);
    for sibling in rest {
        match walk.climb()? {
            Side::Left => {
                old_hash = node_hash(sibling, &old_hash);
                new_hash = node_hash(sibling, &new_hash);
            }
            Side::Right => new_hash = node_hash(&new_hash, sibling),
        }
    }
    walk.finish()?;
    if old_hash != *old_root {
        return Err(ProofError::OldRootMismatch);
    }
    if new_hash == *new_root { Ok(()) } else { Err(ProofError::RootMismatch) }
}

/// The way from a node to the root: `fn` and `sn` of RFC 9162.
struct Walk {
    /// The index of the node within its level.
    node: u64,
    /// The index of the last node of that level.
    last: u64,
}

/// On which side of the node its sibling stands.
enum Side {
    Left,
    Right,
}

impl Walk {
    /// Goes to the next level on which the node has a sibling, and past it.
    fn climb(&mut self) -> Result<Side, ProofError> {
        if self.last == 0 {
            return Err(ProofError::WrongLength);
        }
        let side = if self.node & 1 == 1 || self.node == self.last {
            // A last node without a right sibling rises unchanged until it is a right child.
            while self.node & 1 == 0 && self.node != 0 {
                self.shift();
            }
            Side::Left
        } else {
            Side::Right
        };
        self.shift();
        Ok(side)
    }

    fn shift(&mut self) {
        self.node >>= 1;
        self.last >>= 1;
    }

    /// The path must have ended at the root.
    fn finish(&self) -> Result<(), ProofError> {
        if self.last == 0 { Ok(()) } else { Err(ProofError::WrongLength) }
    }
}

/// The definitions of RFC 9162 section 2.1, word by word: what everything else in this module is held against.
#[cfg(test)]
pub(super) mod reference {
    use super::*;

    /// `n` different leaf hashes.
    pub(crate) fn leaves(n: u64) -> Vec<Hash> {
        (0..n).map(|index| leaf_hash(&index.to_be_bytes())).collect()
    }

    /// `k`, the largest power of two smaller than `n`.
    fn split(n: usize) -> usize {
        n.next_power_of_two() / 2
    }

    /// Section 2.1.1: `MTH(D[n])`.
    pub(crate) fn mth(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => empty_root(),
            [leaf] => *leaf,
            _ => {
                let (left, right) = leaves.split_at(split(leaves.len()));
                node_hash(&mth(left), &mth(right))
            }
        }
    }

    /// Section 2.1.3.1: `PATH(m, D[n])`.
    pub(crate) fn path(m: usize, leaves: &[Hash]) -> Vec<Hash> {
        if leaves.len() == 1 {
            return Vec::new();
        }
        let k = split(leaves.len());
        let (left, right) = leaves.split_at(k);
        let (mut proof, sibling) = if m < k { (path(m, left), mth(right)) } else { (path(m - k, right), mth(left)) };
        proof.push(sibling);
        proof
    }

    /// Section 2.1.4.1: `PROOF(m, D[n])`.
    pub(crate) fn proof(m: usize, leaves: &[Hash]) -> Vec<Hash> {
        subproof(m, leaves, true)
    }

    fn subproof(m: usize, leaves: &[Hash], whole: bool) -> Vec<Hash> {
        if m == leaves.len() {
            return if whole { Vec::new() } else { vec![mth(leaves)] };
        }
        let k = split(leaves.len());
        let (left, right) = leaves.split_at(k);
        let (mut proof, sibling) =
            if m <= k { (subproof(m, left, whole), mth(right)) } else { (subproof(m - k, right, false), mth(left)) };
        proof.push(sibling);
        proof
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use serde::Deserialize;

    use super::super::encoding::decode_base64;
    use super::reference::{leaves, mth, path, proof};
    use super::*;

    #[test]
    fn known_hashes() {
        for (hash, expected) in [
            (empty_root(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            // The first leaf of the trees of RFC 6962's reference implementation.
            (leaf_hash(b""), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
            (leaf_hash(b"L123456"), "395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56"),
            (Hash::of(&[b"\x01N123N456"]), "aa217fe888e47007fa15edab33c2b492a722cb106c64667fc2b044444de66bbb"),
        ] {
            assert_eq!(hash.to_string(), expected);
        }
    }

    const MAX_SIZE: u64 = 70;

    #[test]
    fn an_inclusion_proof_holds_for_one_leaf_index_size_and_root_only() {
        let all = leaves(MAX_SIZE);
        for size in 1..=MAX_SIZE {
            let tree = &all[..size as usize];
            let root = mth(tree);
            for index in 0..size {
                let leaf = tree[index as usize];
                let good = path(index as usize, tree);
                assert_eq!(verify_inclusion(&leaf, index, size, &good, &root), Ok(()), "{index} of {size}");
                for other in (0..=size + 1).chain([index ^ (1 << 40), u64::MAX]).filter(|other| *other != index) {
                    assert!(verify_inclusion(&leaf, other, size, &good, &root).is_err(), "{other} for {index}/{size}");
                }
                refuse_mutations(&good, |bad| verify_inclusion(&leaf, index, size, bad, &root));
                refuse_other_hashes(&leaf, |bad| verify_inclusion(bad, index, size, &good, &root));
                refuse_other_hashes(&root, |bad| verify_inclusion(&leaf, index, size, &good, bad));
            }
        }
    }

    /// Another size is refused where the tree of that size has another shape above the leaf; where the shape is the same
    /// (a path has no more information than that), the root of the real tree of that size is refused.
    #[test]
    fn an_inclusion_proof_says_nothing_about_a_tree_of_another_size() {
        let (all, roots) = (leaves(MAX_SIZE), roots());
        for size in 1..=MAX_SIZE {
            for index in 0..size {
                let leaf = all[index as usize];
                let good = path(index as usize, &all[..size as usize]);
                for other in (1..=MAX_SIZE).filter(|other| *other != size) {
                    let other_root = roots[other as usize];
                    assert!(verify_inclusion(&leaf, index, other, &good, &other_root).is_err());
                    if shape(index, other) != shape(index, size) {
                        let root = roots[size as usize];
                        assert!(verify_inclusion(&leaf, index, other, &good, &root).is_err());
                    }
                }
            }
        }
    }

    /// The root of each size up to `MAX_SIZE`.
    fn roots() -> Vec<Hash> {
        (0..=MAX_SIZE).map(|size| mth(&leaves(size))).collect()
    }

    /// The sides on which the siblings of a leaf stand, from the leaf up.
    fn shape(index: u64, size: u64) -> Vec<bool> {
        if index >= size || size == 1 {
            return Vec::new();
        }
        let k = size.next_power_of_two() / 2;
        let left = index < k;
        let mut sides = if left { shape(index, k) } else { shape(index - k, size - k) };
        sides.push(left);
        sides
    }

    #[test]
    fn a_consistency_proof_holds_for_its_two_trees_only() {
        let (all, roots) = (leaves(MAX_SIZE), roots());
        for new in 1..=MAX_SIZE {
            let new_root = roots[new as usize];
            for old in 1..=new {
                let old_root = roots[old as usize];
                let good = proof(old as usize, &all[..new as usize]);
                assert_eq!(verify_consistency(old, &old_root, new, &new_root, &good), Ok(()), "{old} to {new}");
                assert!(verify_consistency(0, &old_root, new, &new_root, &good).is_err());
                if old != new {
                    assert!(verify_consistency(new, &new_root, old, &old_root, &good).is_err());
                    assert!(verify_consistency(old, &new_root, new, &old_root, &good).is_err());
                }
                for other in (1..=MAX_SIZE).filter(|other| *other != old) {
                    let other_root = roots[other as usize];
                    assert!(verify_consistency(other, &other_root, new, &new_root, &good).is_err());
                    assert!(verify_consistency(old, &other_root, new, &new_root, &good).is_err());
                }
                for other in (1..=MAX_SIZE).filter(|other| *other != new) {
                    let other_root = roots[other as usize];
                    assert!(verify_consistency(old, &old_root, other, &other_root, &good).is_err());
                }
                refuse_mutations(&good, |bad| verify_consistency(old, &old_root, new, &new_root, bad));
                refuse_other_hashes(&old_root, |bad| verify_consistency(old, bad, new, &new_root, &good));
                refuse_other_hashes(&new_root, |bad| verify_consistency(old, &old_root, new, bad, &good));
            }
        }
    }

    /// A root made to fit does not make a path good that goes on above the root of its tree.
    #[test]
    fn a_path_ends_at_the_root_of_its_size() {
        let (all, roots, extra) = (leaves(MAX_SIZE), roots(), leaf_hash(b"extra"));
        for size in 1..=MAX_SIZE {
            let root = roots[size as usize];
            let crafted = [node_hash(&extra, &root), node_hash(&root, &extra)];
            for (index, leaf) in all[..size as usize].iter().enumerate() {
                let mut longer = path(index, &all[..size as usize]);
                longer.push(extra);
                for crafted in crafted {
                    let found = verify_inclusion(leaf, index as u64, size, &longer, &crafted);
                    assert_eq!(found, Err(ProofError::WrongLength), "{index} of {size}");
                }
            }
            for old in 1..size {
                let mut longer = proof(old as usize, &all[..size as usize]);
                longer.push(extra);
                let old_root = roots[old as usize];
                for old_root in [old_root, node_hash(&extra, &old_root)] {
                    for crafted in crafted {
                        let found = verify_consistency(old, &old_root, size, &crafted, &longer);
                        assert_eq!(found, Err(ProofError::WrongLength), "{old} to {size}");
                    }
                }
            }
        }
    }

    #[test]
    fn nothing_is_consistent_with_an_empty_tree() {
        let root = mth(&leaves(3));
        for (old, new) in [(0, 0), (0, 3), (3, 0)] {
            let expected = Err(ProofError::SizesOutOfOrder { old_size: old, new_size: new });
            assert_eq!(verify_consistency(old, &empty_root(), new, &root, &[]), expected);
        }
        assert_eq!(verify_inclusion(&root, 0, 0, &[], &root), Err(ProofError::IndexOutOfRange { index: 0, size: 0 }));
    }

    #[test]
    fn the_largest_sizes_do_not_overflow() {
        let leaf = leaf_hash(b"");
        let long = vec![leaf; MAX_PATH_LEN];
        for index in [0, 1, u64::MAX - 2, u64::MAX - 1] {
            assert!(verify_inclusion(&leaf, index, u64::MAX, &long, &leaf).is_err());
            assert!(verify_consistency(index.max(1), &leaf, u64::MAX, &leaf, &long).is_err());
        }
    }

    fn refuse_mutations(good: &[Hash], verify: impl Fn(&[Hash]) -> Result<(), ProofError>) {
        let noise = leaf_hash(b"noise");
        for at in 0..=good.len() {
            let mut longer = good.to_vec();
            longer.insert(at, noise);
            assert!(verify(&longer).is_err(), "a hash inserted at {at}");
        }
        for at in 0..good.len() {
            let mut shorter = good.to_vec();
            shorter.remove(at);
            assert!(verify(&shorter).is_err(), "a hash removed at {at}");
            let mut bytes = *good[at].as_bytes();
            bytes[at % 32] ^= 1 << (at % 8);
            let mut changed = good.to_vec();
            changed[at] = bytes.into();
            assert!(verify(&changed).is_err(), "a bit changed in hash {at}");
        }
    }

    fn refuse_other_hashes(good: &Hash, verify: impl Fn(&Hash) -> Result<(), ProofError>) {
        for at in [0, 31] {
            let mut bytes = *good.as_bytes();
            bytes[at] ^= 1;
            assert!(verify(&bytes.into()).is_err(), "byte {at} changed");
        }
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct InclusionCase {
        leaf_idx: u64,
        tree_size: u64,
        root: String,
        leaf_hash: String,
        proof: Option<Vec<String>>,
        #[serde(rename = "desc")]
        _desc: String,
        want_err: bool,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct ConsistencyCase {
        size1: u64,
        size2: u64,
        root1: String,
        root2: String,
        proof: Option<Vec<String>>,
        #[serde(rename = "desc")]
        _desc: String,
        want_err: bool,
    }

    #[test]
    fn all_inclusion_cases_of_an_independent_project() {
        let files = vector_files("inclusion");
        assert_eq!(files.len(), 49);
        for file in files {
            let case: InclusionCase = read_case(&file);
            let accepted = hashes(&case.proof).zip(hash(&case.leaf_hash)).zip(hash(&case.root)).is_some_and(
                |((path, leaf), root)| verify_inclusion(&leaf, case.leaf_idx, case.tree_size, &path, &root).is_ok(),
            );
            assert_eq!(accepted, !case.want_err, "{}", file.display());
        }
    }

    #[test]
    fn all_consistency_cases_of_an_independent_project() {
        let files = vector_files("consistency");
        assert_eq!(files.len(), 43);
        for file in files {
            let case: ConsistencyCase = read_case(&file);
            let accepted =
                hashes(&case.proof).zip(hash(&case.root1)).zip(hash(&case.root2)).is_some_and(|((proof, old), new)| {
                    verify_consistency(case.size1, &old, case.size2, &new, &proof).is_ok()
                });
            assert_eq!(accepted, !case.want_err, "{}", file.display());
        }
    }

    fn vector_files(kind: &str) -> Vec<PathBuf> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/merkle").join(kind);
        let list = |folder: &Path| std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
        let folders: Vec<PathBuf> = list(&folder);
        folders.iter().flat_map(|folder| -> Vec<PathBuf> { list(folder) }).collect()
    }

    fn read_case<T: serde::de::DeserializeOwned>(file: &Path) -> T {
        serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
    }

    /// Some cases carry "hashes" that are not 32 bytes long: for us the type refuses them already.
    fn hash(text: &str) -> Option<Hash> {
        Hash::try_from(decode_base64(text).unwrap().as_slice()).ok()
    }

    fn hashes(texts: &Option<Vec<String>>) -> Option<Vec<Hash>> {
        texts.iter().flatten().map(|text| hash(text)).collect()
    }
}
