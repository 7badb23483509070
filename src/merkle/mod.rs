//! Merkle trees, proofs, signed notes, checkpoints and tiles: bytes and hashes only.
//!
//! Deliberately absent: any input or output, any clock, and everything that knows what an entry or a block is.

mod batch;
mod chain;
mod encoding;
mod hash;
mod tile;
mod tree;

pub use batch::{BatchError, BatchTree};
pub use chain::{
    ChainError, Frontier, MAX_TREE_SIZE, NodeId, PlanError, ProofPlan, consistency_proof, frontier_nodes,
    inclusion_path,
};
pub use hash::{Hash, HashParseError};
pub use tile::{
    BundleError, MAX_BUNDLE_ENTRY_LEN, MAX_TILE_INDEX, MAX_TILE_LEVEL, TILE_WIDTH, TileKind, TilePath, TilePathError,
    decode_bundle, encode_bundle,
};
pub use tree::{MAX_PATH_LEN, ProofError, empty_root, leaf_hash, node_hash, verify_consistency, verify_inclusion};
