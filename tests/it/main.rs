//! The one integration binary: every test here looks at the product from outside.

#![allow(clippy::unwrap_used, clippy::panic)]

mod chain;
mod vectors;
