//! The accept loop: HTTP/1 connections, each within bounds of its own, and all of them within a number that the machine
//! bears.
//!
//! `axum::serve` knows no limit of connections and none of time before a request's head is there, so the loop is here.
//! What happens within a request is bounded in [`super::limits`].

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tower::ServiceExt as _;

use super::stream::{Answering, ImpatientStream};

/// Connections that the kernel holds until they are accepted. A crowd that finds it full tries again only after a second,
/// and so does whoever comes with it. The kernel has a limit of its own, usually this one.
const BACKLOG: u32 = 4_096;
/// How long nobody is accepted when a descriptor or memory is wanting; others' connections end meanwhile.
const BACK_OFF: Duration = Duration::from_millis(100);
/// Descriptors that connections leave to the store, to key files and to the other listener.
const DESCRIPTORS_KEPT: usize = 256;
/// How often at most refused connections are told of in the log.
const TELL_REFUSED_EVERY: Duration = Duration::from_secs(10);
/// What a refused connection is told; it fits any socket's empty buffer. Nobody knows yet who asks, or for what: the words
/// are for people in both languages, the head for programs.
const REFUSAL: &str = concat!(
    "HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-type: text/html; charset=utf-8\r\n",
    "cache-control: no-store\r\ncontent-length: 211\r\nconnection: close\r\n\r\n",
    "<!doctype html><html lang=\"zh-CN\"><meta charset=\"utf-8\"><title>系统繁忙 Busy</title>",
    "<p>系统繁忙，请过几秒刷新本页。</p>",
    "<p lang=\"en\">Too many connections: reload this page in a few seconds.</p>\n",
);
/// Bytes that hyper buffers of one connection in each direction: what it reads of a body at once.
const BUFFER_MAX: usize = 64 * 1024;

/// What the connections of one listener may take.
#[derive(Debug, Clone)]
pub struct ServerSettings {
    /// Connections at once; the next one is closed with a bare 503.
    pub connections_max: usize,
    /// Connections at once of one client address (of IPv6, one /64 network). Behind a reverse proxy all connections
    /// come from one address: then it must be above what the proxy opens.
    pub connections_per_client_max: usize,
    /// The longest time from a head's first byte, or from the connection, until the head is there, in milliseconds.
    pub header_read_ms: u64,
    /// How long a connection may rest between two requests, in milliseconds. Longer than a reverse proxy keeps its
    /// connections, so that the proxy closes them first and never sends a request into a closing one.
    pub idle_ms: u64,
    /// How long a peer may take nothing of an answer, in milliseconds.
    pub write_stall_ms: u64,
    /// Bytes of a request's head.
    pub header_bytes_max: usize,
    /// Header fields of a request.
    pub headers_max: usize,
    /// How long requests under way may take to end when the service is told to stop, in milliseconds.
    pub stop_within_ms: u64,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            connections_max: 8_192,
            connections_per_client_max: 1_024,
            header_read_ms: 10_000,
            idle_ms: 75_000,
            write_stall_ms: 30_000,
            header_bytes_max: 16 * 1024,
            headers_max: 64,
            stop_within_ms: 10_000,
        }
    }
}

impl ServerSettings {
    /// The same, with no more connections than this process can have descriptors for.
    pub fn within_descriptors(self) -> Self {
        let descriptors = raise_descriptors();
        // Of a small number the store still needs its part, and a few connections must be possible.
        let bearable = descriptors.saturating_sub(DESCRIPTORS_KEPT).max(descriptors / 4).max(1);
        if self.connections_max > bearable {
            let wanted = self.connections_max;
            tracing::warn!(wanted, bearable, descriptors, "fewer connections: the limit of open files is low");
        }
        Self { connections_max: self.connections_max.min(bearable), ..self }
    }
}

/// Raises the soft limit of open files to the hard one; returns what is in force.
fn raise_descriptors() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let in_force = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    };
    // None is "without limit".
    in_force.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX))
}

/// Listens on an address. Must be called within a tokio runtime.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A restart takes the address at once, whatever still ends of the process before.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves `router` until `stop` is over; then nobody is accepted any more, requests under way come to their end within
/// the time for it, and whoever is left is cut off: what was acknowledged is durable.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    settings: ServerSettings,
    figures: ConnectionFigures,
    stop: impl Future<Output = ()>,
) {
    let server = Server::new(settings);
    let (stopping, stopped) = watch::channel(());
    let mut stop = pin!(stop);
    let mut refused = Refused::default();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => break,
        };
        match accepted {
            Ok((stream, peer)) => match server.admit(peer.ip()) {
                Some(place) => {
                    let connection = server.clone().answer(stream, peer, router.clone(), stopped.clone());
                    let open = Open::count(&figures);
                    tokio::spawn(async move {
                        connection.await;
                        drop((place, open));
                    });
                }
                None => {
                    figures.refused.inc();
                    refused.refuse(&stream);
                }
            },
            // It was closed by its peer while it waited.
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::error!(%error, "cannot accept connections; trying on");
                tokio::time::sleep(BACK_OFF).await;
            }
        }
    }
    drop((listener, stopped));
    stopping.send_replace(());
    let within = Duration::from_millis(server.settings.stop_within_ms);
    if tokio::time::timeout(within, stopping.closed()).await.is_err() {
        tracing::warn!("connections were still open at the end and are cut off");
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    matches!(error.kind(), Kind::ConnectionAborted | Kind::ConnectionReset | Kind::ConnectionRefused)
}

/// What all connections of a listener share.
#[derive(Clone)]
struct Server {
    settings: Arc<ServerSettings>,
    http: http1::Builder,
    clients: Arc<Clients>,
}

impl Server {
    fn new(settings: ServerSettings) -> Self {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            // hyper's time runs from the end of the answer before, so this is the rest between requests. The first head
            // has none before it.
            .header_read_timeout(Duration::from_millis(settings.idle_ms.max(settings.header_read_ms)))
            .max_header_size(settings.header_bytes_max)
            .max_headers(settings.headers_max)
            .max_buf_size(BUFFER_MAX.max(settings.header_bytes_max));
        let clients = Arc::new(Clients::new(settings.connections_max, settings.connections_per_client_max));
        Self { settings: Arc::new(settings), http, clients }
    }

    fn admit(&self, peer: IpAddr) -> Option<Place> {
        self.clients.admit(peer)
    }

    /// Answers the requests of one connection, one after another.
    async fn answer(self, stream: TcpStream, peer: SocketAddr, router: Router, mut stopped: watch::Receiver<()>) {
        // An answer is one or two writes, and must not wait for the acknowledgement of the first.
        drop(stream.set_nodelay(true));
        let answering = Answering::default();
        let stream = ImpatientStream::new(
            stream,
            answering.clone(),
            Duration::from_millis(self.settings.header_read_ms),
            Duration::from_millis(self.settings.write_stall_ms),
        );
        let service =
            hyper::service::service_fn(move |request| answer_one(router.clone(), request, peer, answering.clone()));
        let mut connection = pin!(self.http.serve_connection(TokioIo::new(stream), service));
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            _ = stopped.changed() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection broke off");
        }
    }
}

async fn answer_one(
    router: Router,
    request: Request<Incoming>,
    peer: SocketAddr,
    answering: Answering,
) -> Result<Response<Body>, Infallible> {
    answering.begin();
    let mut request = request.map(Body::new);
    // The rate counts by it.
    request.extensions_mut().insert(ConnectInfo(peer));
    let response = router.oneshot(request).await;
    answering.end();
    response
}

/// Who is connected, and how often.
struct Clients {
    all_max: usize,
    each_max: usize,
    connected: Mutex<Connected>,
}

#[derive(Default)]
struct Connected {
    all: usize,
    by_client: HashMap<IpAddr, usize>,
}

impl Clients {
    fn new(all_max: usize, each_max: usize) -> Self {
        Self { all_max, each_max, connected: Mutex::default() }
    }

    /// A place for one more connection, if there is one.
    fn admit(self: &Arc<Self>, peer: IpAddr) -> Option<Place> {
        let client = client_of(peer);
        let mut connected = self.connected.lock().unwrap_or_else(PoisonError::into_inner);
        let of_client = connected.by_client.get(&client).copied().unwrap_or(0);
        if connected.all >= self.all_max || of_client >= self.each_max {
            return None;
        }
        connected.all += 1;
        connected.by_client.insert(client, of_client + 1);
        Some(Place { clients: Arc::clone(self), client })
    }
}

/// The place of one connection; free again when it is dropped.
struct Place {
    clients: Arc<Clients>,
    client: IpAddr,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut connected = self.clients.connected.lock().unwrap_or_else(PoisonError::into_inner);
        connected.all = connected.all.saturating_sub(1);
        if let Entry::Occupied(mut count) = connected.by_client.entry(self.client) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

/// The address that connections and requests are counted by: an IPv6 host has a whole /64 network to choose from.
pub(super) fn client_of(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        v4 => v4,
    }
}

/// What a listener counts for monitoring. Copies show the same figures.
#[derive(Debug, Clone, Default)]
pub struct ConnectionFigures {
    /// Connections that are open now.
    pub open: Gauge,
    /// Connections for which there was no place.
    pub refused: Counter,
}

/// One open connection, counted until it is dropped.
struct Open(Gauge);

impl Open {
    fn count(figures: &ConnectionFigures) -> Self {
        figures.open.inc();
        Self(figures.open.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Connections for which there was no place.
#[derive(Default)]
struct Refused {
    since_told: u64,
    told: Option<Instant>,
}

impl Refused {
    fn refuse(&mut self, stream: &TcpStream) {
        // At once or not at all: the loop waits for nobody.
        drop(stream.try_write(REFUSAL.as_bytes()));
        self.since_told += 1;
        if self.told.is_none_or(|told| told.elapsed() >= TELL_REFUSED_EVERY) {
            tracing::warn!(refused = self.since_told, "too many connections");
            *self = Self { since_told: 0, told: Some(Instant::now()) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn places_are_counted_for_all_and_for_each_client_and_come_back() {
        let clients = Arc::new(Clients::new(3, 2));
        let (one, other) = (ip("192.0.2.1"), ip("192.0.2.2"));
        let first = clients.admit(one);
        let second = clients.admit(one);
        assert!(first.is_some() && second.is_some());
        assert!(clients.admit(one).is_none(), "the third of one client");
        let third = clients.admit(other);
        assert!(third.is_some());
        assert!(clients.admit(ip("192.0.2.3")).is_none(), "the fourth of all");
        drop((first, second, third));
        let connected = clients.connected.lock().unwrap();
        assert_eq!((connected.all, connected.by_client.len()), (0, 0));
    }

    #[test]
    fn an_ipv6_network_is_one_client() {
        for (a, b, same) in [
            ("2001:db8::1", "2001:db8::ffff:2", true),
            ("2001:db8:0:1::1", "2001:db8:0:2::1", false),
            ("::ffff:192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
        ] {
            assert_eq!(client_of(ip(a)) == client_of(ip(b)), same, "{a} {b}");
        }
    }

    #[test]
    fn a_refused_connection_is_told_as_much_as_is_announced() {
        let (head, body) = REFUSAL.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("\r\ncontent-length: {}\r\n", body.len())), "{}", body.len());
    }

    /// Descriptors that are wanting end the accepting for a while, not for ever: see `tests/it/abuse.rs`.
    #[test]
    fn only_the_trouble_of_one_connection_is_passed_over() {
        let emfile = io::Error::from_raw_os_error(24);
        assert!(!is_of_one_connection(&emfile));
        assert!(is_of_one_connection(&io::ErrorKind::ConnectionAborted.into()));
    }
}
