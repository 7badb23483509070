//! `serve`: runs an existing ledger until it is told to stop.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use tokio::net::TcpListener;

use super::config::{self, Config, Flags};
use super::data_dir::DataDir;
use super::notify::{READY, STOPPING, notify};
use super::{EXIT_OK, Failure, Outcome, log, say};
use crate::service::Service;
use crate::web::{self, ConnectionFigures};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "例 Example:\n  cqo-ledger serve --data ./ledger --listen 127.0.0.1:8080 --metrics-listen 127.0.0.1:9464\n  cqo-ledger serve --config /etc/cqo-ledger/config.toml --check-config\n\n先后 Precedence: 参数 flag > 环境变量 environment > 配置文件 file > 默认值 default"
)]
pub(super) struct Args {
    /// 配置文件（TOML），不指定则不读取 | Configuration file (TOML); by CQO_CONFIG or here, or none is read
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// 只检查配置与启动条件，不启动 | Check the configuration and all that a start needs, and start nothing
    #[arg(long)]
    check_config: bool,
    #[command(flatten)]
    flags: Flags,
}

pub(super) fn run(args: Args) -> Outcome {
    let effective = config::read(&args.flags, args.config.as_deref())?;
    if args.check_config {
        return config::check::run(&effective);
    }
    let notes = effective.notes();
    let config = effective.config;
    log::start(config.log_format, &config.log_level);
    for note in notes {
        tracing::warn!("{note}");
    }
    runtime()?.block_on(async {
        let _file_size = outlive_the_file_size_limit()?;
        let dir = DataDir::new(&config.data);
        let listener = bind(config.listen).await?;
        let settings = config.settings(listener.local_addr().map_err(Failure::new)?)?;
        let service = dir.open_service(config.store_options(), settings).await?;
        let running = start(&dir, service, listener, &config).await?;
        notify(READY);
        say(format!("ready {}", running.url));
        running.until_stopped().await
    })?;
    Ok(EXIT_OK)
}

pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::new)
}

pub(super) async fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    web::listen(address).map_err(|error| Failure::new(format!("无法监听 cannot listen on {address}: {error}")))
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
    config: &Config,
) -> Result<Running, Failure> {
    let address = listener.local_addr().map_err(Failure::new)?;
    let settings = config.server().within_descriptors();
    service.use_fonts(config.font.0.as_deref());
    let routers = web::routers(service, &config.limits(), dir.watched());
    let public = match config.metrics_public {
        true => routers.public.merge(routers.metrics.clone()),
        false => routers.public,
    };
    if let Some(metrics) = config.metrics_listen.0 {
        let listener = bind(metrics).await?;
        tokio::spawn(web::serve(
            listener,
            routers.metrics,
            settings.clone(),
            ConnectionFigures::default(),
            std::future::pending(),
        ));
    }
    let server = tokio::spawn(web::serve(listener, public, settings, routers.connections, stop_signal()));
    let url = format!("http://{}", reachable(address));
    dir.write_url(&url)?;
    tracing::info!(%address, "serving");
    Ok(Running { url, server })
}

/// Where this machine reaches what listens on `address`: of all addresses, by the loopback.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

impl Running {
    /// Waits for SIGTERM or SIGINT; requests under way are finished first, within [`crate::web::ServerSettings::stop_within_ms`].
    pub(super) async fn until_stopped(self) -> Result<(), Failure> {
        self.server.await.map_err(Failure::new)
    }
}

/// A write beyond the limit of a file's size raises a signal that would end the process. As long as somebody listens for
/// it, the write fails instead, which the store knows how to take.
fn outlive_the_file_size_limit() -> Result<tokio::signal::unix::Signal, Failure> {
    let kind = tokio::signal::unix::SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw());
    tokio::signal::unix::signal(kind).map_err(Failure::new)
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
    notify(STOPPING);
    tracing::info!("stopping");
}
