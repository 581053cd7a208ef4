//! The socket of a measured request: hyper reads and writes it, and it notes when.

use super::receive::{Landing, Sources, ask_for_stamps};
use super::times::Times;
use hyper::rt::{Read, ReadBufCursor, Write};
use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::AsyncWrite;
use tokio::net::TcpStream;

thread_local! {
    /// hyper's own buffer cannot be filled by a message read without unsafe code; a copy of what one
    /// read brings costs less than its system call.
    static LANDING: RefCell<Landing> = RefCell::new(Landing::new());
}

/// A TCP connection whose reads and writes are timed.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: TcpStream,
    times: Times,
    sources: Arc<Sources>,
}

impl Socket {
    pub(super) fn new(stream: TcpStream, times: Times, sources: Arc<Sources>) -> Self {
        ask_for_stamps(&stream);
        Self { stream, times, sources }
    }
}

impl Read for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut into: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        LANDING.with_borrow_mut(|landing| {
            let received = ready!(landing.poll(&self.stream, cx, into.remaining()))?;
            self.times.read(received.at);
            self.sources.count(received);
            into.put_slice(landing.brought(received));
            Poll::Ready(Ok(()))
        })
    }
}

impl Write for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.times.writes();
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.times.writes();
        Pin::new(&mut self.stream).poll_write_vectored(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
