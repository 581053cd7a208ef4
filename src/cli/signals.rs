//! SIGINT, SIGTERM and SIGHUP: the first asks the load to stop and keeps what was measured, the
//! second ends the process at once. What was announced is durable either way.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use tokgate_core::verdict::Exit;
use tokgate_harness::stop::Stop;

/// A stop that signals ask for, and which signal it was.
#[derive(Debug, Default)]
pub(super) struct Signals {
    /// Handed to the harness.
    pub(super) stop: Arc<Stop>,
    code: AtomicU8,
}

impl Signals {
    /// Listens from now on, on a thread of its own, so that a signal is heard while an index is
    /// built, too.
    ///
    /// # Errors
    /// When the operating system gives no thread or handler.
    pub(super) fn listen() -> std::io::Result<Arc<Self>> {
        let signals = Arc::new(Self::default());
        let heard = Arc::clone(&signals);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
            runtime.block_on(hear(&heard));
        })?;
        Ok(signals)
    }

    fn heard(&self, exit: Exit) {
        if self.stop.is_requested() {
            std::process::exit(exit.code().into());
        }
        self.code.store(exit.code(), Ordering::SeqCst);
        self.stop.request();
    }

    /// The exit that a signal asked for.
    #[must_use]
    pub(super) fn exit(&self) -> Option<Exit> {
        [Exit::Interrupted, Exit::Terminated]
            .into_iter()
            .find(|exit| exit.code() == self.code.load(Ordering::SeqCst))
    }
}

/// `SIGXFSZ`: a file would grow beyond what `ulimit -f` allows.
#[cfg(unix)]
const TOO_LARGE: i32 = 25;

/// Hears signals for as long as the process lives. The streams are opened once, so that a signal
/// between two of them is not lost.
#[cfg(unix)]
async fn hear(signals: &Signals) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)) = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
        signal(SignalKind::hangup()),
    ) else {
        return;
    };
    // A file that may grow no more is told by the write that fails, not by our end.
    let _told_by_the_write = signal(SignalKind::from_raw(TOO_LARGE));
    loop {
        let exit = tokio::select! {
            _ = interrupt.recv() => Exit::Interrupted,
            _ = terminate.recv() => Exit::Terminated,
            _ = hangup.recv() => Exit::Terminated,
        };
        signals.heard(exit);
    }
}

/// Hears Ctrl-C.
#[cfg(not(unix))]
async fn hear(signals: &Signals) {
    while tokio::signal::ctrl_c().await.is_ok() {
        signals.heard(Exit::Interrupted);
    }
}

/// Waits for SIGINT or SIGTERM: that is how a server ends, so it is no failure.
#[cfg(unix)]
pub(super) async fn asked_to_end() {
    use tokio::signal::unix::{SignalKind, signal};
    match (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) {
        (Ok(mut interrupt), Ok(mut terminate)) => {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        }
        // Without handlers the operating system ends the process.
        _ => std::future::pending().await,
    }
}

/// Waits for Ctrl-C.
#[cfg(not(unix))]
pub(super) async fn asked_to_end() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}
