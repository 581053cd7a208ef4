//! `tokgate mock-server`: a server that knows the truth, to test clients against.

use crate::cli::face::Face;
use crate::mock::{Listening, Options, StartError};
use anyhow::Result;
use tokgate_core::verdict::Exit;

/// Play a language model at a planned pace, and say at /truth what was really done.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    options: Options,
}

/// Serves until a signal or the end of its lifetime; one thread does everything.
///
/// # Errors
/// When it cannot listen.
pub(super) fn run(args: &Args, face: &Face) -> Result<Exit> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listening = match Listening::start(args.options.clone()).await {
            Ok(listening) => listening,
            Err(error @ (StartError::Listen { .. } | StartError::System(_))) => {
                return Err(error.into());
            }
            Err(error) => {
                face.tell(&format!("error: {error}"));
                return Ok(Exit::Usage);
            }
        };
        face.say(&format!("listening on http://{}/v1", listening.address()));
        listening.serve(signal()).await?;
        Ok(Exit::Held)
    })
}

/// Waits for SIGINT or SIGTERM: that is how a server ends, so it is no failure.
#[cfg(unix)]
async fn signal() {
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
async fn signal() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}
