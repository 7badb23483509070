//! The ledger itself: entries, the key register, commitments, blocks, receipts, proof bundles, and their verification.
//!
//! Pure: bytes in, values or errors out. Deliberately absent: any clock, randomness, storage or network; time, salts
//! and keys are parameters. The service and `cqo-ledger verify` share this code. The formats are those of
//! proofs/FORMATS.md, which is the authority.

pub mod block;
pub mod bundle;
pub mod commitment;
pub mod entry;
pub mod fields;
pub mod forms;
pub mod json;
pub mod keys;
pub(crate) mod names;
pub(crate) mod number;
pub mod receipt;
pub mod sample;
pub mod signed;
#[cfg(test)]
pub(crate) mod testing;
pub mod verify;

pub use number::CertificateNumber;
