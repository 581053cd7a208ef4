//! `tokgate serve`: what was measured, over HTTP.

use crate::baselines;
use crate::choice::Prices;
use crate::cli::face::Face;
use crate::cli::monitor::Monitoring;
use crate::cli::signals::asked_to_end;
use crate::cli::team;
use crate::config::Config;
use crate::project::{Project, text_of};
use crate::server::{Host, Listening, Settings, StartError, Token};
use crate::store::{FileStore, Layout, received};
use anyhow::{Context, Result, bail};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokgate_core::verdict::Exit;

/// How long a question that is being looked up when everything ends may take.
const FAREWELL: Duration = Duration::from_secs(1);

/// Answer questions over HTTP: models, estimates, comparisons, runs. Everything is read; with
/// --write-token-file, runs that others push are kept. /docs tells all that can be asked, /openapi.json tells it
/// to programs.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Port to listen on; 0 for any that is free
    #[arg(long, short, value_name = "PORT", default_value_t = 4080)]
    port: u16,
    /// Address to listen on; any but a loopback one needs --token-file
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    bind: IpAddr,
    /// A file with the token that everybody must show: at least 32 characters, as `openssl rand -hex 32`
    /// makes
    #[arg(long, env = "TOKGATE_TOKEN_FILE", value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// A file with the token of those who push what they measured (`tokgate run --push`), which is kept in the
    /// results then; at least 32 characters
    #[arg(long, env = "TOKGATE_WRITE_TOKEN_FILE", value_name = "FILE")]
    write_token_file: Option<PathBuf>,
    /// A further name by which the server may be called, with a port or for any
    #[arg(long, value_name = "NAME")]
    allow_host: Vec<Host>,
    /// A baseline's file: what is seen is shown beside it
    #[arg(long, value_name = "FILE")]
    baseline_file: Option<PathBuf>,
    /// Look at this machine meanwhile, without a load: what is seen is shown, and kept in the results
    #[arg(long)]
    monitor_only: bool,
    /// A target's page of metrics that is looked at, too: http://HOST:PORT/metrics
    #[arg(long, value_name = "URL", requires = "monitor_only")]
    metrics_url: Option<String>,
    /// Folder of results
    #[arg(long, env = "TOKGATE_RESULTS", value_name = "DIR")]
    results_dir: Option<PathBuf>,
}

/// Serves until a signal.
///
/// # Errors
/// When a file of the configuration or the token is wrong, the store cannot be opened, or nothing can be
/// listened on.
pub(super) fn run(args: &Args, face: &Face) -> Result<Exit> {
    let settings = settings(args)?;
    // An index of an earlier version is brought up to date, and one that is not sound is told at once.
    drop(FileStore::open(settings.layout.clone())?);
    // Outlives what answers: its connections may not end inside of the runtime.
    let _layout = settings.layout.clone();
    let monitoring = || Monitoring::start(&settings.layout, args.metrics_url.as_deref(), face);
    let _monitoring = args.monitor_only.then(monitoring).transpose()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let exit = runtime.block_on(async {
        let listening = match Listening::start(settings).await {
            Ok(listening) => listening,
            Err(error @ StartError::Listen { .. }) => return Err(error.into()),
            Err(error @ StartError::Open(_)) => {
                face.tell(&format!("error: {error}"));
                return Ok(Exit::Usage);
            }
        };
        let address = listening.address();
        face.tell(&format!("listening on http://{address}, /docs tells what can be asked"));
        listening.serve(asked_to_end()).await;
        Ok(Exit::Held)
    });
    runtime.shutdown_timeout(FAREWELL);
    exit
}

fn settings(args: &Args) -> Result<Settings> {
    let project = Project::find(&std::env::current_dir()?);
    let catalogue = Config::load(&project)?.catalogue;
    let named = args.results_dir.as_deref();
    let layout = match named.filter(|_| args.monitor_only || args.write_token_file.is_some()) {
        // What is seen or pushed is kept, also where nothing was measured yet.
        Some(named) => Layout::new(named),
        None => team::layout(&project, named)?,
    };
    let write_token = args.write_token_file.as_deref().map(token).transpose()?;
    if write_token.is_some() {
        if layout.team().is_some() {
            bail!(
                "what is pushed is kept in a results folder, and --store names a team's store, to which \
                 everybody delivers: say `--store local`, or leave out --write-token-file"
            );
        }
        received::forget(&layout)?;
    }
    Ok(Settings {
        bind: args.bind,
        port: args.port,
        layout,
        project: project.root,
        baseline: args.baseline_file.as_deref().map(baselines::load).transpose()?,
        prices: Prices { catalogue, hourly_usd: None },
        token: args.token_file.as_deref().map(token).transpose()?,
        write_token,
        hosts: args.allow_host.clone(),
    })
}

fn token(file: &Path) -> Result<Token> {
    match text_of(file)? {
        Some(text) => Token::parse(&text).with_context(|| format!("{}", file.display())),
        None => {
            bail!("there is no token file {}; `openssl rand -hex 32` makes a token", file.display())
        }
    }
}
