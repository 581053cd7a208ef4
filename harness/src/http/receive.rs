//! Reading a socket, and when what was read had arrived.
//!
//! On Linux the kernel stamps what it receives, so that a reader who is late (because other streams
//! came first) does not make the target look late. Elsewhere it is the moment at which the read
//! returned.

pub(super) use here::ask_for_stamps;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Instant;
use tokio::net::TcpStream;

/// Most bytes of one read.
const READ_BYTES: usize = 64 << 10;

/// Where reads land before they are handed on: one for all sockets of a thread.
#[derive(Debug)]
pub(super) struct Landing {
    bytes: Vec<u8>,
    /// Where the kernel puts what it says beside the bytes.
    beside: Vec<u8>,
}

impl Landing {
    pub(super) fn new() -> Self {
        Self { bytes: vec![0; READ_BYTES], beside: here::room_beside() }
    }

    /// Reads at most `room` bytes of what is there, or waits.
    pub(super) fn poll(
        &mut self,
        socket: &TcpStream,
        cx: &mut Context<'_>,
        room: usize,
    ) -> Poll<io::Result<Received>> {
        let room = room.min(self.bytes.len());
        here::poll(socket, cx, &mut self.bytes[..room], &mut self.beside)
    }

    /// What a read brought.
    pub(super) fn brought(&self, received: Received) -> &[u8] {
        &self.bytes[..received.bytes]
    }
}

/// What a read brought.
#[derive(Debug, Clone, Copy)]
pub(super) struct Received {
    /// How many bytes; none at the end.
    pub(super) bytes: usize,
    /// When the last of them had arrived.
    pub(super) at: Instant,
    /// Whether the kernel says so.
    pub(super) is_stamped: bool,
}

/// How many reads of a target's replies had which kind of stamp.
#[derive(Debug, Default)]
pub(super) struct Sources {
    kernel: AtomicU64,
    read: AtomicU64,
}

impl Sources {
    /// Share of reads that the kernel must have stamped to be said to do it. The first few of a
    /// process come before it has begun: it switches its stamps on behind our back.
    const NEARLY_ALL: f64 = 0.99;

    pub(super) fn count(&self, received: Received) {
        if received.bytes == 0 {
            return;
        }
        let source = if received.is_stamped { &self.kernel } else { &self.read };
        source.fetch_add(1, Ordering::Relaxed);
    }

    /// Whose stamps they were, in a word; `None` before anything was read.
    pub(super) fn in_a_word(&self) -> Option<&'static str> {
        let kernel = self.kernel.load(Ordering::Relaxed) as f64;
        let all = kernel + self.read.load(Ordering::Relaxed) as f64;
        if all == 0.0 {
            None
        } else if kernel / all >= Self::NEARLY_ALL {
            Some("kernel")
        } else {
            Some(if kernel > 0.0 { "mixed" } else { "read" })
        }
    }
}

/// Linux: a message read with its `SO_TIMESTAMPNS` (socket(7)).
#[cfg(target_os = "linux")]
mod here {
    use super::Received;
    use nix::cmsg_space;
    use nix::errno::Errno;
    use nix::sys::socket::{
        ControlMessageOwned, MsgFlags, recvmsg, setsockopt, sockopt::ReceiveTimestampns,
    };
    use nix::sys::time::TimeSpec;
    use std::io::{self, ErrorKind, IoSliceMut};
    use std::os::fd::AsRawFd;
    use std::task::{Context, Poll, ready};
    use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
    use tokio::io::Interest;
    use tokio::net::TcpStream;

    /// Nobody reads later than this. An older stamp means that the wall clock, by which the kernel
    /// stamps, was set in the meantime.
    const OLDEST: Duration = Duration::from_secs(1);

    /// Room for one stamp.
    pub(super) fn room_beside() -> Vec<u8> {
        cmsg_space!(TimeSpec)
    }

    /// Has the kernel stamp what it receives. One that does not is read without.
    pub(in super::super) fn ask_for_stamps(socket: &TcpStream) {
        let _ = setsockopt(socket, ReceiveTimestampns, &true);
    }

    /// Reads what is there, or waits.
    pub(super) fn poll(
        socket: &TcpStream,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
        beside: &mut [u8],
    ) -> Poll<io::Result<Received>> {
        loop {
            ready!(socket.poll_read_ready(cx))?;
            let mut last = None;
            let read = socket.try_io(Interest::READABLE, || {
                let received = receive(socket, buffer, beside)?;
                if received.bytes == 0 || received.bytes == buffer.len() {
                    return Ok(received);
                }
                // There was no more than this. This error tells tokio so, and saves the read that
                // would find it out.
                last = Some(received);
                Err(ErrorKind::WouldBlock.into())
            });
            match (last, read) {
                (Some(received), _) | (None, Ok(received)) => return Poll::Ready(Ok(received)),
                (None, Err(error)) if is_no_end(&error) => {}
                (None, Err(error)) => return Poll::Ready(Err(error)),
            }
        }
    }

    fn is_no_end(error: &io::Error) -> bool {
        matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
    }

    fn receive(
        socket: &TcpStream,
        buffer: &mut [u8],
        beside: &mut [u8],
    ) -> Result<Received, Errno> {
        let mut into = [IoSliceMut::new(buffer)];
        let (descriptor, flags) = (socket.as_raw_fd(), MsgFlags::empty());
        let message = recvmsg::<()>(descriptor, &mut into, Some(beside), flags)?;
        let stamp = message.cmsgs()?.find_map(|said| match said {
            ControlMessageOwned::ScmTimestampns(stamp) => Some(Duration::from(stamp)),
            _ => None,
        });
        let age = stamp.and_then(age);
        // After the wall clock: whoever is held up in between says too late, never too early.
        let now = Instant::now();
        let at = age.and_then(|age| now.checked_sub(age));
        Ok(Received { bytes: message.bytes, at: at.unwrap_or(now), is_stamped: at.is_some() })
    }

    /// How long ago the wall clock showed `stamp`, where that can be.
    fn age(stamp: Duration) -> Option<Duration> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
        now.checked_sub(stamp).filter(|age| *age < OLDEST)
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_stamp_of_a_clock_that_was_set_is_none() {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
            assert!(age(now - Duration::from_millis(1)).is_some());
            assert_eq!(age(now + Duration::from_secs(60)), None);
            assert_eq!(age(now - Duration::from_secs(60)), None);
        }
    }
}

/// Elsewhere: a plain read.
#[cfg(not(target_os = "linux"))]
mod here {
    use super::Received;
    use std::io;
    use std::task::{Context, Poll, ready};
    use std::time::Instant;
    use tokio::net::TcpStream;

    /// Nothing is said beside the bytes.
    pub(super) fn room_beside() -> Vec<u8> {
        Vec::new()
    }

    /// Nothing stamps here.
    pub(in super::super) fn ask_for_stamps(_: &TcpStream) {}

    /// Reads what is there, or waits.
    pub(super) fn poll(
        socket: &TcpStream,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
        _: &mut [u8],
    ) -> Poll<io::Result<Received>> {
        loop {
            ready!(socket.poll_read_ready(cx))?;
            match socket.try_read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => {
                    let received =
                        |bytes| Received { bytes, at: Instant::now(), is_stamped: false };
                    return Poll::Ready(read.map(received));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_source_of_stamps_is_told_in_a_word() {
        let sources = Sources::default();
        assert_eq!(sources.in_a_word(), None);
        let read = |is_stamped| Received { bytes: 1, at: Instant::now(), is_stamped };
        sources.count(read(false));
        sources.count(Received { bytes: 0, ..read(true) });
        assert_eq!(sources.in_a_word(), Some("read"));
        sources.count(read(true));
        assert_eq!(sources.in_a_word(), Some("mixed"));
        (0..200).for_each(|_| sources.count(read(true)));
        assert_eq!(sources.in_a_word(), Some("kernel"));
    }
}
