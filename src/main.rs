//! The `cqo-ledger` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    cqo_ledger::cli::run()
}

/// glibc's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
