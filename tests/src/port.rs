//! Loopback ports that stay ours.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
};

use anyhow::Context as _;
use tokio::net::TcpSocket;

/// A loopback port chosen by the system and held for as long as this value lives.
///
/// To pick a port, let go of it and hand its number to a server is a race. So the port is never let go: this
/// socket is bound with `SO_REUSEPORT` and does not listen, and the server binds beside it with the same option
/// (`--permit-port-sharing`, `--socket-reuse-port`). Nobody else can get the port, not even between two lives of
/// the server, and without a server a connection is refused as on any closed port.
#[derive(Debug)]
pub(crate) struct ReservedPort {
    _holder: TcpSocket,
    number: u16,
}

impl ReservedPort {
    pub(crate) fn new() -> anyhow::Result<Self> {
        Self::bind().context("no loopback port can be reserved")
    }

    fn bind() -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseport(true)?;
        socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        let number = socket.local_addr()?.port();
        Ok(Self {
            _holder: socket,
            number,
        })
    }

    pub(crate) fn number(&self) -> u16 {
        self.number
    }
}
