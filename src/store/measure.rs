//! How fast the embedded store is: a measurement to be run by hand.

use std::num::NonZeroU8;
use std::sync::Arc;
use std::time::Instant;

use super::contract::commit;
use super::*;

/// `cargo test --release --lib store -- --ignored --nocapture throughput`
#[test]
#[ignore = "a measurement, not a test"]
fn throughput() {
    let dir = tempfile::tempdir_in(std::env::var("THROUGHPUT_DIR").unwrap_or_else(|_| ".".into())).unwrap();
    let store: Arc<dyn Store> = Arc::new(Embedded::open(dir.path(), &Options::default()).unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    const TASKS: u64 = 2_000;
    for (table, writes, each) in [(1, 1_u64, 200_u64), (2, 2, 100), (3, 100, 4)] {
        let table = NonZeroU8::new(table).unwrap();
        let started = Instant::now();
        let tasks: Vec<_> = (0..TASKS)
            .map(|task| {
                let store = Arc::clone(&store);
                runtime.spawn(async move {
                    for nth in 0..each {
                        let number = |n: u64| ((nth * TASKS + task) << 8) | n;
                        let name = |n| RowKey::new(table, &number(n).to_be_bytes());
                        let writes = (0..writes).map(|n| Write::Put(name(n), vec![b'v'; 200]));
                        let commit = commit(writes).when(Condition::Absent(name(0)));
                        store.commit(commit).await.unwrap();
                    }
                })
            })
            .collect();
        for task in tasks {
            runtime.block_on(task).unwrap();
        }
        let commits = f64::from(u32::try_from(TASKS * each).unwrap()) / started.elapsed().as_secs_f64();
        println!("{writes} writes a commit: {commits:.0} commits/s, {:.0} writes/s", commits * writes as f64);
    }
    runtime.shutdown_background();
    let started = Instant::now();
    drop(store);
    drop(Embedded::open(dir.path(), &Options::default()).unwrap());
    println!("close and open: {:?}", started.elapsed());
}
