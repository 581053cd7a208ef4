//! One timer of less than a millisecond: tokio's own rounds up to the next one.

pub use here::Alarm;

/// Linux: a timer with a descriptor, which the kernel rings to the microsecond.
#[cfg(target_os = "linux")]
mod here {
    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    };
    use std::fs::File;
    use std::io;
    use std::time::{Duration, Instant};
    use tokio::net::unix::pipe::Receiver;

    /// A timer that rings once each time it is set. To tokio it is a pipe, since it is read like
    /// one: its own type for other descriptors takes unsafe code.
    pub struct Alarm(Receiver);

    impl Alarm {
        /// A timer of the running runtime.
        ///
        /// # Errors
        /// When the operating system has none left.
        pub fn new() -> io::Result<Self> {
            let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
            let timer = File::from(timerfd_create(TimerfdClockId::Monotonic, flags)?);
            Ok(Self(Receiver::from_file_unchecked(timer)?))
        }

        /// Rings at `due`, and no more at what was set before.
        ///
        /// # Errors
        /// When the operating system does not take it.
        pub fn set(&self, due: Instant) -> io::Result<()> {
            // Zero would switch it off.
            let wait = due.saturating_duration_since(Instant::now()).max(Duration::from_nanos(1));
            let time = Itimerspec {
                it_interval: Timespec::default(),
                it_value: Timespec::try_from(wait).map_err(io::Error::other)?,
            };
            timerfd_settime(&self.0, TimerfdTimerFlags::empty(), &time)?;
            Ok(())
        }

        /// Waits until it rings.
        ///
        /// # Errors
        /// When the timer cannot be read.
        pub async fn ring(&self) -> io::Result<()> {
            /// What a ringing timer gives: how often it rang, in eight bytes.
            const COUNT: usize = 8;
            loop {
                self.0.readable().await?;
                match self.0.try_read(&mut [0; COUNT]) {
                    Ok(_) => return Ok(()),
                    // It was set anew in the meantime.
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) => return Err(error),
                }
            }
        }
    }
}

/// Elsewhere: tokio's timer, a millisecond late at worst; the truth says so.
#[cfg(not(target_os = "linux"))]
mod here {
    use std::future::pending;
    use std::io;
    use std::time::Instant;
    use tokio::sync::watch;

    /// A timer that rings once each time it is set.
    pub struct Alarm(watch::Sender<Option<Instant>>);

    impl Alarm {
        /// A timer.
        ///
        /// # Errors
        /// Never; elsewhere it can.
        pub fn new() -> io::Result<Self> {
            Ok(Self(watch::Sender::new(None)))
        }

        /// Rings at `due`, and no more at what was set before.
        ///
        /// # Errors
        /// Never; elsewhere it can.
        pub fn set(&self, due: Instant) -> io::Result<()> {
            self.0.send_replace(Some(due));
            Ok(())
        }

        /// Waits until it rings.
        ///
        /// # Errors
        /// Never; elsewhere it can.
        pub async fn ring(&self) -> io::Result<()> {
            let mut set = self.0.subscribe();
            loop {
                let due = *set.borrow_and_update();
                let sleep = async {
                    match due {
                        Some(due) => tokio::time::sleep_until(due.into()).await,
                        None => pending().await,
                    }
                };
                tokio::select! {
                    () = sleep => return Ok(()),
                    _ = set.changed() => {}
                }
            }
        }
    }
}
