//! What is read of the client: lines of a bounded length.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, ReadBuf};

/// Longest line, bytes: a question is a few words.
const LONGEST: usize = 1 << 20;

/// A reader that ends with an error where a line is too long to be a question.
#[derive(Debug)]
pub(super) struct Bounded<R> {
    inner: R,
    /// Bytes since the last end of a line.
    line: usize,
    /// Whether a line was too long: whoever reads takes an error for the end.
    broke: Arc<AtomicBool>,
}

impl<R> Bounded<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { inner, line: 0, broke: Arc::default() }
    }

    /// Becomes true with a line that is too long.
    pub(super) fn broke(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.broke)
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Bounded<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(context, buffer))?;
        let read = &buffer.filled()[before..];
        self.line = match read.iter().rposition(|byte| *byte == b'\n') {
            Some(end) => read.len() - end - 1,
            None => self.line + read.len(),
        };
        if self.line <= LONGEST {
            return Poll::Ready(Ok(()));
        }
        // An error comes with no bytes.
        buffer.set_filled(before);
        self.broke.store(true, Ordering::Relaxed);
        Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, "a line of more than 1 MiB")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt;

    async fn read(bytes: Vec<u8>) -> io::Result<usize> {
        let mut reader = Bounded::new(bytes.as_slice());
        let result = reader.read_to_end(&mut Vec::new()).await;
        assert_eq!(reader.broke().load(Ordering::Relaxed), result.is_err());
        result
    }

    #[tokio::test]
    async fn a_line_has_an_end_and_any_number_of_them_may_come() {
        let line = [vec![b'a'; LONGEST / 2], vec![b'\n']].concat();
        assert_eq!(read(line.repeat(4)).await.unwrap(), 4 * line.len());
        let error = read(vec![b'a'; LONGEST + 1]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }
}
