//! The `cqo-ledger` program.

fn main() {}
