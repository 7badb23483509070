//! An audit sample drawn by a block's hash (proofs/FORMATS.md section 18), which anyone can draw again.
//!
//! The members are fixed, and their digest is announced, before the block is there: then nobody can choose who is
//! drawn, neither the auditor by drawing until a sample pleases, nor the operator by arranging the entries.
//!
//! Deliberately absent: who is entitled to see what a drawn entry says, and the announcement, which are use cases.

use std::collections::BTreeSet;

use super::block::Block;
use super::commitment::Commitment;
use crate::merkle::Hash;

const SAMPLE_CONTEXT: &str = "cqo-ledger/sample/v1\n";

/// What a sample is drawn from: commitments of entries, ascending, none twice.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Members(BTreeSet<Commitment>);

/// What decides who is drawn: SHA-256 of the text of a block that was not there when the members were fixed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seed(Hash);

/// A member that was drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Drawn {
    /// By which it was drawn: the smallest ranks are the sample.
    pub rank: Hash,
    /// The member.
    pub member: Commitment,
}

impl Members {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each member, ascending.
    pub fn iter(&self) -> impl Iterator<Item = &Commitment> {
        self.0.iter()
    }

    /// What is announced before the block is there: SHA-256 of the members, 32 bytes each, ascending.
    pub fn digest(&self) -> Hash {
        let bytes: Vec<&[u8]> = self.iter().map(|member| member.hash().as_bytes().as_slice()).collect();
        Hash::of(&bytes)
    }

    /// Draws `size` members, in the order of their ranks; all of them where there are not so many.
    pub fn draw(&self, seed: Seed, size: usize) -> Vec<Drawn> {
        let mut drawn: Vec<Drawn> =
            self.iter().map(|member| Drawn { rank: seed.rank(member), member: *member }).collect();
        drawn.sort_unstable();
        drawn.truncate(size);
        drawn
    }
}

impl FromIterator<Commitment> for Members {
    fn from_iter<I: IntoIterator<Item = Commitment>>(commitments: I) -> Self {
        Self(commitments.into_iter().collect())
    }
}

impl Seed {
    /// The seed that a block gives.
    pub fn of(block: &Block) -> Self {
        Self(block.digest())
    }

    /// A seed read from where a sample was written down.
    pub const fn from_hash(hash: Hash) -> Self {
        Self(hash)
    }

    /// The hash of the block's text.
    pub const fn hash(&self) -> &Hash {
        &self.0
    }

    fn rank(&self, member: &Commitment) -> Hash {
        Hash::of(&[SAMPLE_CONTEXT.as_bytes(), self.0.as_bytes(), member.hash().as_bytes()])
    }
}

#[cfg(test)]
mod tests {
    use super::super::bundle::Bundle;
    use super::super::testing::BUNDLE;
    use super::*;

    /// Commitments of 32 equal bytes.
    fn members(bytes: impl IntoIterator<Item = u8>) -> Members {
        bytes.into_iter().map(|byte| Commitment::from_hash(Hash::from([byte; 32]))).collect()
    }

    fn first_bytes(drawn: &[Drawn]) -> Vec<u8> {
        drawn.iter().map(|drawn| drawn.member.hash().as_bytes()[0]).collect()
    }

    fn seed(text: &str) -> Seed {
        Seed::from_hash(Hash::of(&[text.as_bytes()]))
    }

    /// Computed with the lines of Python in FORMATS.md section 18.
    #[test]
    fn samples_known() {
        for (text, size, expected) in [
            ("block", 0, &[][..]),
            ("block", 3, &[6, 7, 1]),
            ("another", 3, &[4, 2, 1]),
            ("block", 8, &[6, 7, 1, 3, 4, 2, 0, 5]),
            ("block", 9, &[6, 7, 1, 3, 4, 2, 0, 5]),
        ] {
            assert_eq!(first_bytes(&members(0..8).draw(seed(text), size)), expected, "{text} {size}");
        }
        let drawn = members(0..8).draw(seed("block"), 1);
        assert_eq!(drawn[0].rank.to_string(), "8ae08ab174d4af4d229c829e592e2c21ccdd2e7b1d08aa94e334765c3f4d0a4b");
        assert_eq!(
            members(0..8).digest().to_string(),
            "db05e55d6193247cd749ccc4bcecd7efa1aaeda3e11093a042c9f97957bc16d7"
        );
    }

    #[test]
    fn neither_order_nor_repetition_of_the_members_matters() {
        let (once, twice) = (members(0..8), members((0..8).rev().chain(3..6)));
        assert_eq!(once, twice);
        assert_eq!(once.len(), 8);
        assert!(members([]).is_empty());
        assert_eq!(members([]).draw(seed("block"), 3), []);
    }

    #[test]
    fn the_seed_is_the_digest_that_the_next_block_names() {
        let bundle = Bundle::from_bytes(BUNDLE).unwrap();
        let block = &bundle.blocks[0].block;
        assert_eq!(*Seed::of(block).hash(), Hash::of(&[block.to_string().as_bytes()]));
    }

    #[test]
    fn a_larger_sample_begins_with_the_smaller() {
        bolero::check!().with_type::<(Vec<[u8; 32]>, [u8; 32], u8)>().with_iterations(2_000).for_each(
            |(commitments, seed, size)| {
                let members: Members =
                    commitments.iter().map(|bytes| Commitment::from_hash(Hash::from(*bytes))).collect();
                let (seed, size) = (Seed::from_hash(Hash::from(*seed)), usize::from(*size));
                let (smaller, larger) = (members.draw(seed, size), members.draw(seed, size + 1));
                assert_eq!(smaller.len(), size.min(members.len()));
                assert!(larger.starts_with(&smaller));
                assert!(larger.is_sorted());
            },
        );
    }
}
