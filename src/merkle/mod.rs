//! Merkle trees, proofs, signed notes, checkpoints and tiles: bytes and hashes only.
//!
//! Deliberately absent: any input or output, any clock, and everything that knows what an entry or a block is.

mod batch;
mod chain;
mod checkpoint;
mod cosignature;
mod encoding;
mod hash;
mod note;
mod policy;
mod proof_file;
mod tile;
mod tree;

pub use batch::{BatchError, BatchTree};
pub use chain::{
    ChainError, Frontier, MAX_TREE_SIZE, NodeId, PlanError, ProofPlan, consistency_proof, frontier_nodes,
    inclusion_path,
};
pub use checkpoint::{Checkpoint, CheckpointError, sign_checkpoint};
pub use cosignature::{CosignatureError, Cosigner, MAX_COSIGNATURE_TIMESTAMP, verify_cosignature};
pub use hash::{Hash, HashParseError};
pub use note::{
    KeyError, KeyKind, MAX_NOTE_LEN, MAX_NOTE_SIGNATURES, MAX_NOTE_TEXT_LEN, MAX_SIGNATURE_LINE_LEN, NoteError,
    NoteSignature, NoteSigner, SignedNote, VerifiedNote, VerifiedSignature, VerifierKey,
};
pub use policy::{
    JudgedCheckpoint, MAX_POLICY_LEN, PolicyError, PolicyLineError, PolicyParseError, TrustPolicy, WitnessCosignature,
};
pub use proof_file::{MAX_PROOF_EXTRA_LEN, MAX_PROOF_FILE_LEN, ProofFileError, TlogProof};
pub use tile::{
    BundleError, MAX_BUNDLE_ENTRY_LEN, MAX_TILE_INDEX, MAX_TILE_LEVEL, TILE_WIDTH, TileKind, TilePath, TilePathError,
    decode_bundle, encode_bundle,
};
pub use tree::{MAX_PATH_LEN, ProofError, empty_root, leaf_hash, node_hash, verify_consistency, verify_inclusion};
