//! The one integration binary: every test here looks at the product from outside, through the real binary, real HTTP and
//! real files.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    reason = "a test that cannot go on says so"
)]

mod access;
mod api;
mod audit;
mod chain;
mod cli;
mod damage;
mod demo;
mod disk;
mod edges;
mod erasure;
mod interop;
mod kills;
mod server;
mod vectors;
