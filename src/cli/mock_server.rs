//! `tokgate mock-server`: a server that knows the truth, to test clients against.

use crate::cli::face::Face;
use crate::cli::signals::asked_to_end;
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
        listening.serve(asked_to_end()).await?;
        Ok(Exit::Held)
    })
}
