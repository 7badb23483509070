//! `reindex`: builds the index of a stopped ledger anew from its journal.

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;

use super::data_dir::DataDir;
use super::{EXIT_OK, Failure, Outcome, say};
use crate::store;

#[derive(Debug, clap::Args)]
#[command(after_help = "例 Example:\n  cqo-ledger reindex --data ./ledger")]
pub(super) struct Args {
    /// 数据目录，服务须已停止 | The data directory of a stopped service
    #[arg(long, env = "CQO_DATA")]
    data: PathBuf,
}

pub(super) fn run(args: &Args) -> Outcome {
    let dir = DataDir::new(&args.data);
    let on_terminal = std::io::stderr().is_terminal();
    let mut shown = 0;
    store::reindex(&dir.store(), &mut |done, total| {
        let percent = (done * 100).checked_div(total).unwrap_or(100);
        if on_terminal && percent != shown {
            shown = percent;
            drop(write!(std::io::stderr(), "\r重建索引 reindexing {percent}%"));
        }
    })
    .map_err(Failure::new)?;
    if on_terminal {
        drop(writeln!(std::io::stderr()));
    }
    say("索引已重建 the index is rebuilt");
    Ok(EXIT_OK)
}
