//! `tokgate github propose`: the baselines that `tokgate baseline propose` left, as one pull request a
//! machine.

use super::access::client;
use super::drafts::Draft;
use super::place::{is_action, link, page, variable};
use crate::cli::baseline::home::Home;
use crate::cli::face::Face;
use crate::github::{
    Asking, Patience, Proposal, Proposed, Repository, Trouble, WallClock, propose,
};
use crate::report::markdown::Link;
use crate::report::pull_request::title;
use crate::report::workflow::warning;
use anyhow::{Result, bail};
use std::path::PathBuf;
use tokgate_core::diagnostic::escape;
use tokgate_core::verdict::Exit;

/// The variable in which a workflow hands over the token of Actions.
const TOKEN_OF_ACTIONS: &str = "GITHUB_TOKEN";

/// Open a pull request with the proposed baselines of a machine, or update the one that is open. It has a
/// branch of its own, `tokgate/baseline/MACHINE`, and takes what `tokgate baseline propose` left.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The repository
    #[arg(long, env = "GITHUB_REPOSITORY", value_name = "OWNER/NAME")]
    repo: Option<String>,
    /// Propose for this machine alone
    #[arg(long, value_name = "KEY")]
    machine: Option<String>,
    /// The branch that the pull request is for, instead of the repository's default
    #[arg(long, value_name = "BRANCH")]
    base_branch: Option<String>,
    /// Environment variable that holds the token (never the token itself)
    #[arg(long, value_name = "NAME", default_value = TOKEN_OF_ACTIONS)]
    token_env: String,
    /// Page that the pull request links to, instead of this workflow run's
    #[arg(long, value_name = "URL")]
    run_url: Option<String>,
    /// Print branch, files and text, and ask GitHub nothing
    #[arg(long)]
    dry_run: bool,
    /// Folder of results
    #[arg(long, env = "TOKGATE_RESULTS", value_name = "DIR")]
    results_dir: Option<PathBuf>,
}

/// Checks every proposal before the first is sent, then sends each machine's.
///
/// # Errors
/// When a proposal is not sound, or what was asked makes no sense. That GitHub did not take it is told,
/// and exits 3.
pub(super) fn run(args: &Args, face: &Face) -> Result<Exit> {
    let home = Home::find(args.results_dir.as_deref())?;
    let drafts = Draft::all(&home, args.machine.as_deref())?;
    if drafts.is_empty() {
        face.tell(&args.nothing(&home));
        return Ok(Exit::Held);
    }
    for why in drafts.iter().flat_map(Draft::objections) {
        face.tell(&escape(&format!("warning: `tokgate baseline refresh` refuses this: {why}")));
    }
    let link = args.link()?;
    let operator = variable("GITHUB_ACTOR");
    let told = |draft: &Draft| draft.told(operator.as_deref(), link.as_ref());
    if args.dry_run {
        drafts.iter().for_each(|draft| args.show(draft, &told(draft), face));
        return Ok(Exit::Held);
    }
    let Some(repo) = &args.repo else {
        bail!("in which repository shall it be proposed? Say it by --repo OWNER/NAME");
    };
    let repository: Repository = repo.parse()?;
    let client = match client(&repository, &args.token_env) {
        Ok(client) => client,
        Err(why) => return Ok(failed(&why, face)),
    };
    let asking = Asking::new(&client, Patience::new(&WallClock));
    let sent = drafts.iter().map(|draft| {
        let proposed = args.send(&asking, &repository, draft, &told(draft));
        args.tell(draft, proposed, face)
    });
    Ok(sent.fold(Exit::Held, Exit::worst))
}

impl Args {
    fn nothing(&self, home: &Home) -> String {
        let folder = home.layout.proposals();
        let of = self.machine.as_ref();
        let of = of.map_or_else(String::new, |key| format!(" for `{}`", key.escape_debug()));
        format!(
            "nothing to propose: no proposals{of} lie in {}; `tokgate baseline propose RUN` makes them",
            folder.display()
        )
    }

    fn link(&self) -> Result<Option<Link>> {
        self.run_url.as_deref().map_or_else(|| Ok(page()), |address| link(address).map(Some))
    }

    /// What would be sent, for a run that sends nothing.
    fn show(&self, draft: &Draft, body: &str, face: &Face) {
        face.say(&format!("branch  {}", draft.branch.name()));
        for file in draft.files() {
            face.say(&format!("file    {}  {} bytes", file.path, file.text.len()));
        }
        face.say(&format!("title   {}\n\n{}", title(&draft.machine), body.trim_end()));
        let to = self.base_branch.as_deref().unwrap_or("the default branch");
        let to = to.escape_debug();
        face.tell(&format!("this would be a pull request from {} to {to}", draft.branch.name()));
    }

    fn send(
        &self,
        asking: &Asking<'_>,
        repository: &Repository,
        draft: &Draft,
        body: &str,
    ) -> Result<Proposed, Trouble> {
        let (title, files) = (title(&draft.machine), draft.files());
        propose(
            asking,
            &Proposal {
                repository,
                base: self.base_branch.as_deref(),
                branch: &draft.branch,
                files: &files,
                title: &title,
                body,
            },
        )
    }

    /// Tells what became of it, loudly where nothing did.
    fn tell(&self, draft: &Draft, proposed: Result<Proposed, Trouble>, face: &Face) -> Exit {
        let branch = draft.branch.name();
        let told = match proposed {
            Ok(Proposed::Opened(number)) => {
                self.tell_of_workflows(face);
                format!("pull request {number} from {branch} was opened")
            }
            Ok(Proposed::Updated(number)) => {
                self.tell_of_workflows(face);
                format!("pull request {number} from {branch} was updated")
            }
            Ok(Proposed::Kept(number)) => {
                format!("pull request {number} from {branch} stands already")
            }
            Ok(Proposed::Nothing { base, open }) => nothing(draft, &base, open),
            Ok(Proposed::Refused(why)) => return failed(&why, face),
            Err(trouble) => return failed(&trouble.to_string(), face),
        };
        face.tell(&told);
        Exit::Held
    }

    /// GitHub starts no workflow for what its own token does, so that no workflow may start itself.
    fn tell_of_workflows(&self, face: &Face) {
        if is_action() && self.token_env == TOKEN_OF_ACTIONS {
            face.tell(
                "note: what the token of Actions pushes and opens starts no workflows; where checks have to \
                 run on it, name the token of an app by --token-env",
            );
        }
    }
}

fn nothing(draft: &Draft, base: &str, open: Option<u64>) -> String {
    let open = open.map_or_else(String::new, |number| {
        format!("; pull request {number} is open all the same: close it")
    });
    format!(
        "nothing to propose for {}: `{}` has the same already{open}",
        draft.machine,
        base.escape_debug()
    )
}

fn failed(why: &str, face: &Face) -> Exit {
    let why = format!("no pull request was opened or updated: {why}");
    face.tell(&format!("error: {why}"));
    if is_action() {
        face.say(&warning(&why));
    }
    Exit::Invalid
}
