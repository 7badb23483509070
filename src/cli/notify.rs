//! Telling the service manager how far the service is (sd_notify(3)): a datagram to the socket it names, or nothing.

use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// Requests are answered from now on.
pub(super) const READY: &str = "READY=1";
/// No more connections are taken.
pub(super) const STOPPING: &str = "STOPPING=1";

/// Says it to the service manager, if there is one that wants to know.
pub(super) fn notify(state: &str) {
    let Some(socket) = std::env::var("NOTIFY_SOCKET").ok().filter(|name| !name.is_empty()) else { return };
    if let Err(error) = send(&socket, state) {
        tracing::warn!(%error, state, "the service manager was not told");
    }
}

fn send(socket: &str, state: &str) -> io::Result<()> {
    // A leading @ stands for the zero byte of an abstract name.
    let address = match socket.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(socket)?,
    };
    UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &address).map(drop)
}
