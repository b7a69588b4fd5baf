//! Listeners on loopback.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::{TcpListener, TcpSocket};

use crate::error::StartError;

/// How many connections may wait to be accepted, such as requests to the gateway during the start.
const BACKLOG: u32 = 1024;

/// Listens on a port of 127.0.0.1; 0 takes any free one.
pub(crate) fn listen(port: u16) -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    // Accepted connections inherit it. Without it, the last part of a long answer can wait 40 ms for an acknowledgement.
    socket.set_nodelay(true)?;
    socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
    socket.listen(BACKLOG)
}

/// Listens on the port that was asked for, or says what to do.
pub(crate) fn gateway_listener(port: u16) -> Result<TcpListener, StartError> {
    listen(port).map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => StartError::PortInUse { port },
        _ => StartError::Port {
            port,
            reason: error.to_string(),
        },
    })
}

/// The URL of a listener.
pub(crate) fn url(listener: &TcpListener) -> io::Result<String> {
    Ok(format!("http://{}", listener.local_addr()?))
}
