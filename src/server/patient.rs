//! A connection that is written to with patience, and not for ever: a client that reads nothing while there
//! is something for it loses its connection, whatever was being sent.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};

/// How long a client may have no room for a byte.
const PATIENCE: Duration = Duration::from_secs(10);

/// A socket with a deadline for each write.
pub(super) struct Patient {
    socket: TcpStream,
    /// Until when the write that goes on must have got on; absent where none waits.
    deadline: Option<Pin<Box<Sleep>>>,
}

impl Patient {
    pub(super) fn new(socket: TcpStream) -> Self {
        Self { socket, deadline: None }
    }

    /// What a write said, or that it has waited too long.
    fn within<T>(
        &mut self,
        written: Poll<io::Result<T>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.deadline = None;
            return written;
        }
        let end = || Box::pin(sleep_until(Instant::now() + PATIENCE));
        ready!(self.deadline.get_or_insert_with(end).as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Patient {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(context, buffer)
    }
}

impl AsyncWrite for Patient {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write(context, bytes);
        self.within(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write_vectored(context, parts);
        self.within(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn a_client_that_reads_nothing_loses_its_connection_and_one_that_reads_keeps_it() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let connect = || TcpStream::connect(listener.local_addr().unwrap());
        let (_silent, accepted) = tokio::join!(connect(), listener.accept());
        let mut stalled = Patient::new(accepted.unwrap().0);
        // From now on time goes by itself whenever everybody waits.
        tokio::time::pause();
        let error = loop {
            if let Err(error) = stalled.write_all(&[0; 1 << 16]).await {
                break error;
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        let (reader, accepted) = tokio::join!(connect(), listener.accept());
        let mut patient = Patient::new(accepted.unwrap().0);
        let reading = tokio::spawn(async move {
            tokio::io::copy(&mut reader.unwrap(), &mut tokio::io::sink()).await.unwrap()
        });
        for _ in 0..100 {
            patient.write_all(&[0; 1 << 16]).await.unwrap();
        }
        drop(patient);
        assert_eq!(reading.await.unwrap(), 100 << 16);
    }
}
