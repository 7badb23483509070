//! `reindex`: builds the index of a stopped ledger anew from its journal.

use std::path::PathBuf;

use super::data_dir::DataDir;
use super::progress::Progress;
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
    let mut progress = Progress::of("重建索引 reindexing");
    store::reindex(&dir.store(), &mut |done, total| progress.show(done, total)).map_err(Failure::new)?;
    drop(progress);
    say("索引已重建 the index is rebuilt");
    Ok(EXIT_OK)
}
