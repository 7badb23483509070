//! The `cqo-ledger` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    cqo_ledger::cli::run()
}
