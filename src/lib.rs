//! `cqo-ledger`: signed credit hours, sealed batches, an append-only chain, and proofs that anyone can check.
//!
//! The map of the modules and the direction of their imports is in `docs/ARCHITECTURE.md`; a test reads the `use`
//! lines of every file and fails on a forbidden edge.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic, clippy::cast_possible_truncation))]

pub mod cli;
pub mod credential;
pub mod document;
pub mod ledger;
pub mod merkle;
pub mod service;
pub mod standard;
pub mod store;
pub mod web;
