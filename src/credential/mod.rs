//! Hour certificates as W3C credentials: their JSON, proofs, status lists, and reading them back out of a PDF
//! (proofs/FORMATS.md sections 13 to 17).
//!
//! Pure: bytes in, values or errors out; what verifiers need, and the service shares. No clock, no randomness, no
//! network: contexts are pinned, keys and times are parameters.

pub mod pdf;
