//! Merkle trees, proofs, signed notes, checkpoints and tiles: bytes and hashes only.
//!
//! Deliberately absent: any input or output, any clock, and everything that knows what an entry or a block is.

mod batch;
mod encoding;
mod hash;
mod tree;

pub use batch::{BatchError, BatchTree};
pub use hash::{Hash, HashParseError};
pub use tree::{MAX_PATH_LEN, ProofError, empty_root, leaf_hash, node_hash, verify_consistency, verify_inclusion};
