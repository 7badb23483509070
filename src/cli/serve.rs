//! `serve`: runs an existing ledger until it is told to stop.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::net::TcpListener;

use super::data_dir::DataDir;
use super::{EXIT_OK, Failure, Outcome, say};
use crate::service::{Service, Settings};
use crate::web::{self, Limits, ServerSettings};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "例 Example:\n  cqo-ledger serve --data ./ledger --listen 127.0.0.1:8080 --metrics-listen 127.0.0.1:9090"
)]
pub(super) struct Args {
    /// 数据目录 | The data directory
    #[arg(long, env = "CQO_DATA")]
    data: PathBuf,
    /// 监听地址 | Address and port to listen on
    #[arg(long, env = "CQO_LISTEN", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    #[command(flatten)]
    options: ServeOptions,
}

/// What `serve` and `demo` have in common.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct ServeOptions {
    /// 指标的监听地址 | Address and port of /metrics, apart from the public listener
    #[arg(long, env = "CQO_METRICS_LISTEN")]
    metrics_listen: Option<SocketAddr>,
    /// 在公开地址上提供指标 | Serve /metrics on the public listener too
    #[arg(long, env = "CQO_METRICS_PUBLIC")]
    metrics_public: bool,
    /// 封块间隔（毫秒） | Seal a block this often when something is pending
    #[arg(long, env = "CQO_SEAL_INTERVAL_MS", default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..=60_000))]
    seal_interval_ms: u64,
    /// 每个区块的记录上限 | Most entries of a block
    #[arg(long, env = "CQO_BATCH_MAX", default_value_t = 2_048, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    batch_max: u16,
    /// 请求体上限（字节） | Largest request body
    #[arg(long, env = "CQO_BODY_MAX_BYTES", default_value_t = 4 * 1024 * 1024, value_parser = clap::value_parser!(u32).range(1_024..=8_388_608))]
    body_max_bytes: u32,
    /// 同时处理的请求上限 | Most requests under way at once
    #[arg(long, env = "CQO_IN_FLIGHT_MAX", default_value_t = 128, value_parser = clap::value_parser!(u16).range(1..))]
    in_flight_max: u16,
    /// 同时处理的请求体总字节上限 | Most bytes of all request bodies at once
    #[arg(long, env = "CQO_BODIES_MAX_BYTES", default_value_t = 64 * 1024 * 1024, value_parser = clap::value_parser!(u32).range(1_048_576..))]
    bodies_max_bytes: u32,
    /// 请求体的宽限时间（毫秒） | Time that a request body may take however slow it is
    #[arg(long, env = "CQO_BODY_GRACE_MS", default_value_t = 5_000, value_parser = clap::value_parser!(u64).range(100..=60_000))]
    body_grace_ms: u64,
    /// 同时打开的连接上限 | Most connections at once
    #[arg(long, env = "CQO_CONNECTIONS_MAX", default_value_t = 8_192, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    connections_max: u32,
    /// 每个客户端地址的连接上限；在反向代理之后须高于代理的连接数 | Most connections of one client address; behind a reverse proxy, above what it opens
    #[arg(long, env = "CQO_CONNECTIONS_PER_CLIENT_MAX", default_value_t = 1_024, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    connections_per_client_max: u32,
    /// 请求头的接收时限（毫秒） | Time for a request's head to arrive
    #[arg(long, env = "CQO_HEADER_READ_MS", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(100..=60_000))]
    header_read_ms: u64,
    /// 空闲连接的保持时间（毫秒） | Time that a connection may rest between requests
    #[arg(long, env = "CQO_IDLE_MS", default_value_t = 75_000, value_parser = clap::value_parser!(u64).range(100..=3_600_000))]
    idle_ms: u64,
    /// 每个客户端每秒的请求数，0 为不限 | Requests a second of one client; 0 for no limit
    #[arg(long, env = "CQO_RATE_PER_SECOND", default_value_t = 100, value_parser = clap::value_parser!(u32).range(..=1_000_000))]
    rate_per_second: u32,
}

impl ServeOptions {
    pub(super) fn settings(&self) -> Settings {
        Settings {
            seal_interval_ms: self.seal_interval_ms,
            batch_max: usize::from(self.batch_max),
            ..Settings::default()
        }
    }

    fn limits(&self) -> Limits {
        Limits {
            body_max: self.body_max_bytes as usize,
            bodies_max: self.bodies_max_bytes as usize,
            body_grace_ms: self.body_grace_ms,
            in_flight_max: usize::from(self.in_flight_max),
            rate_per_second: self.rate_per_second,
            ..Limits::default()
        }
    }

    fn server(&self) -> ServerSettings {
        ServerSettings {
            connections_max: self.connections_max as usize,
            connections_per_client_max: self.connections_per_client_max as usize,
            header_read_ms: self.header_read_ms,
            idle_ms: self.idle_ms,
            ..ServerSettings::default()
        }
    }
}

pub(super) fn run(args: Args) -> Outcome {
    start_log("info");
    runtime()?.block_on(async {
        let dir = DataDir::new(&args.data);
        let listener = bind(args.listen).await?;
        let service = dir.open_service(args.options.settings()).await?;
        let running = start(&dir, service, listener, &args.options).await?;
        say(format!("ready {}", running.url));
        running.until_stopped().await
    })?;
    Ok(EXIT_OK)
}

pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::new)
}

/// Structured logs go to standard error; `RUST_LOG` filters them, and `usual` says what is logged without it.
pub(super) fn start_log(usual: &str) {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env();
    let filter = filter.unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(usual));
    let log = tracing_subscriber::fmt().json().with_env_filter(filter).with_writer(std::io::stderr);
    // Only a second start in one process could fail, and then the first one goes on.
    drop(log.try_init());
}

pub(super) async fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    web::listen(address).map_err(|error| Failure::new(format!("cannot listen on {address}: {error}")))
}

/// A service that answers.
pub(super) struct Running {
    /// Where.
    pub(super) url: String,
    server: tokio::task::JoinHandle<()>,
}

/// Serves `service` on `listener` in the background.
pub(super) async fn start(
    dir: &DataDir,
    service: Arc<Service>,
    listener: TcpListener,
    options: &ServeOptions,
) -> Result<Running, Failure> {
    let address = listener.local_addr().map_err(Failure::new)?;
    let settings = options.server().within_descriptors();
    let routers = web::routers(service, &options.limits());
    let public = match options.metrics_public {
        true => routers.public.merge(routers.metrics.clone()),
        false => routers.public,
    };
    if let Some(metrics) = options.metrics_listen {
        let listener = bind(metrics).await?;
        tokio::spawn(web::serve(listener, routers.metrics, settings.clone(), std::future::pending()));
    }
    let server = tokio::spawn(web::serve(listener, public, settings, stop_signal()));
    let url = format!("http://{address}");
    dir.write_url(&url)?;
    tracing::info!(%address, "serving");
    Ok(Running { url, server })
}

impl Running {
    /// Waits for SIGTERM or SIGINT; requests under way are finished first, within [`ServerSettings::stop_within_ms`].
    pub(super) async fn until_stopped(self) -> Result<(), Failure> {
        self.server.await.map_err(Failure::new)
    }
}

async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let interrupt = tokio::signal::ctrl_c();
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt => {}
        },
        Err(_) => drop(interrupt.await),
    }
    tracing::info!("stopping");
}
