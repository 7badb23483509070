//! Merkle trees, proofs, signed notes, checkpoints and tiles: bytes and hashes only.
//!
//! Deliberately absent: any input or output, any clock, and everything that knows what an entry or a block is.

mod hash;

pub use hash::{Hash, HashParseError};
