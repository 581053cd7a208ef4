//! Reading a request, and when what was read had arrived.
//!
//! When many requests come at one instant, those that are read last have waited in this process;
//! that is the server's time and not the client's. On Linux the kernel stamps what it receives;
//! elsewhere it is the moment at which the read returned.

pub(super) use here::{ask_for_stamps, read};

/// Linux: a message read with its `SO_TIMESTAMPNS` (socket(7)).
#[cfg(target_os = "linux")]
mod here {
    use nix::cmsg_space;
    use nix::sys::socket::sockopt::ReceiveTimestampns;
    use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg, setsockopt};
    use nix::sys::time::TimeSpec;
    use std::io::{self, IoSliceMut};
    use std::os::fd::AsRawFd;
    use std::time::{Duration, Instant, SystemTime};
    use tokio::io::Interest;
    use tokio::net::TcpStream;

    /// What is said to be older was stamped by a wall clock that was set since.
    const OLDEST: Duration = Duration::from_secs(10);

    /// Has the kernel stamp what it receives; one that cannot is done without.
    pub(in super::super) fn ask_for_stamps(socket: &TcpStream) {
        let _ = setsockopt(socket, ReceiveTimestampns, &true);
    }

    /// Reads at most `room` bytes behind what `into` holds; how many, and when they were here.
    ///
    /// # Errors
    /// When the client has left.
    pub(in super::super) async fn read(
        socket: &TcpStream,
        into: &mut Vec<u8>,
        room: usize,
    ) -> io::Result<(usize, Instant)> {
        let held = into.len();
        loop {
            // Who is waited for holds no memory yet.
            socket.readable().await?;
            into.resize(held + room, 0);
            let read = socket.try_io(Interest::READABLE, || receive(socket, &mut into[held..]));
            into.truncate(held + read.as_ref().map_or(0, |(bytes, _)| *bytes));
            match read {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return read,
            }
        }
    }

    fn receive(socket: &TcpStream, into: &mut [u8]) -> io::Result<(usize, Instant)> {
        let mut beside = cmsg_space!(TimeSpec);
        let mut into = [IoSliceMut::new(into)];
        let (descriptor, flags) = (socket.as_raw_fd(), MsgFlags::empty());
        let message = recvmsg::<()>(descriptor, &mut into, Some(&mut beside), flags)?;
        let age = message.cmsgs()?.find_map(|said| match said {
            ControlMessageOwned::ScmTimestampns(stamp) => age(stamp.into()),
            _ => None,
        });
        // After the wall clock: whoever is held up in between says too late, never too early.
        let now = Instant::now();
        let received = age.and_then(|age| now.checked_sub(age));
        Ok((message.bytes, received.unwrap_or(now)))
    }

    fn age(stamp: Duration) -> Option<Duration> {
        let stamp = SystemTime::UNIX_EPOCH.checked_add(stamp)?;
        SystemTime::now().duration_since(stamp).ok().filter(|age| *age < OLDEST)
    }
}

/// Elsewhere: a plain read.
#[cfg(not(target_os = "linux"))]
mod here {
    use std::io;
    use std::time::Instant;
    use tokio::net::TcpStream;

    /// Nothing stamps here.
    pub(in super::super) fn ask_for_stamps(_: &TcpStream) {}

    /// Reads at most `room` bytes behind what `into` holds; how many, and when they were here.
    ///
    /// # Errors
    /// When the client has left.
    pub(in super::super) async fn read(
        socket: &TcpStream,
        into: &mut Vec<u8>,
        room: usize,
    ) -> io::Result<(usize, Instant)> {
        into.reserve(room);
        loop {
            socket.readable().await?;
            match socket.try_read_buf(into) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return read.map(|bytes| (bytes, Instant::now())),
            }
        }
    }
}
