//! One connection: requests are read and bytes are written, all of it within deadlines.

use super::head::{HEAD_BYTES, Head, Unreadable};
use super::receipt;
use std::io;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long a connection may be kept without a request.
const IDLE: Duration = Duration::from_secs(600);
/// How long a request that has begun may take to come.
const READ: Duration = Duration::from_secs(30);
/// How long a client may not read what is written.
const WRITE: Duration = Duration::from_secs(60);
/// How long nothing is said to a client that is left hanging.
const HANG: Duration = Duration::from_secs(600);

/// A request as it came.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) head: Head,
    pub(super) body: Vec<u8>,
    /// When the last of it had arrived.
    pub(super) received: Instant,
}

/// Why there is no next request.
#[derive(Debug)]
pub(super) enum NoRequest {
    /// The connection is over.
    Over,
    /// What came is no request; the client is told.
    Unreadable(Unreadable),
}

impl From<io::Error> for NoRequest {
    fn from(_: io::Error) -> Self {
        Self::Over
    }
}

/// A connection and what was read ahead on it.
pub(super) struct Connection {
    socket: TcpStream,
    unread: Vec<u8>,
    /// When the last of it had arrived.
    received: Instant,
    /// Bytes of the largest write; 0 for no limit.
    pub(super) largest_write: usize,
}

impl Connection {
    /// # Errors
    /// When the client has left already.
    pub(super) fn new(socket: TcpStream, largest_write: usize) -> io::Result<Self> {
        socket.set_nodelay(true)?;
        receipt::ask_for_stamps(&socket);
        Ok(Self { socket, unread: Vec::new(), received: Instant::now(), largest_write })
    }

    /// Reads the next request.
    pub(super) async fn ask(&mut self) -> Result<Asked, NoRequest> {
        if self.unread.is_empty() {
            timeout(IDLE, self.read()).await.map_err(|_| NoRequest::Over)??;
        }
        let late = Unreadable { code: 408, why: "the request did not come in time" };
        let whole = timeout(READ, self.whole()).await;
        whole.unwrap_or(Err(NoRequest::Unreadable(late)))
    }

    async fn whole(&mut self) -> Result<Asked, NoRequest> {
        let head = loop {
            match Head::parse(&self.unread).map_err(NoRequest::Unreadable)? {
                Some(head) => break head,
                None => self.read().await?,
            }
        };
        if head.waits {
            self.send(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        let end = head.size + head.body;
        while self.unread.len() < end {
            self.read().await?;
        }
        let after = self.unread.split_off(end);
        let body = std::mem::replace(&mut self.unread, after).split_off(head.size);
        Ok(Asked { head, body, received: self.received })
    }

    async fn read(&mut self) -> io::Result<()> {
        let (bytes, at) = receipt::read(&self.socket, &mut self.unread, HEAD_BYTES / 4).await?;
        self.received = at;
        match bytes {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    /// Writes all of `bytes`. Returns the moment right before the write that completed them, which
    /// no reader can have seen them before.
    ///
    /// # Errors
    /// When the client has left or does not read.
    pub(super) async fn send(&mut self, bytes: &[u8]) -> io::Result<Instant> {
        if self.largest_write == 0 {
            return self.write(bytes).await;
        }
        let mut at = Instant::now();
        for piece in bytes.chunks(self.largest_write) {
            at = self.write(piece).await?;
            // The reader gets a chance to see this piece alone.
            tokio::task::yield_now().await;
        }
        Ok(at)
    }

    async fn write(&self, mut bytes: &[u8]) -> io::Result<Instant> {
        loop {
            let now = Instant::now();
            match self.socket.try_write(bytes) {
                Ok(written) if written == bytes.len() => return Ok(now),
                Ok(written) => bytes = &bytes[written..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    timeout(WRITE, self.socket.writable()).await??;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Waits until the client has left.
    pub(super) async fn gone(&self) {
        if let Ok(1..) = self.socket.peek(&mut [0]).await {
            // It has sent the next request already, which hides its end.
            std::future::pending::<()>().await;
        }
    }

    /// Says nothing more until the client leaves.
    pub(super) async fn hang(self) {
        // Past the deadline it is closed all the same.
        let _ = timeout(HANG, self.gone()).await;
    }

    /// Closes with a reset.
    pub(super) fn reset(self) {
        // Without it the connection ends in order, which the client takes for a truncation, too.
        let _ = self.socket.set_zero_linger();
    }
}
