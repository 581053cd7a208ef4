//! `tokgate init`: everything that a repository needs to be gated, in files that its people read and change.
//!
//! `wanted` checks the options, `files` are the texts, `written` what becomes of each, `manifest` a crate's
//! own. Nothing that is there is overwritten, unless it is asked for.

mod engine;
mod files;
mod manifest;
mod wanted;
mod written;

use crate::cli::exit::exit_of;
use crate::cli::face::Face;
use crate::cli::options::Options;
use crate::cli::plan;
use crate::git;
use crate::project::{Project, Source};
use anyhow::{Context, Result, bail};
use engine::Engine;
use files::{File, GITLAB_FILE, SCENARIO, SCENARIO_FILE, SETTINGS_FILE};
use std::path::{Path, PathBuf};
use tokgate_core::verdict::Exit;
use wanted::{Origin, Wanted};
use written::Change;

/// What to call, under `--help`.
const EXAMPLES: &str = "\
Examples:
  tokgate init --driver vllm --launch '{dir}/serve.sh --port {port}' --model Qwen/Qwen2.5-0.5B-Instruct
  tokgate init --launch '{dir}/target/release/server --port {port}' --build 'cargo build --release'
  tokgate init --base-url http://127.0.0.1:8000/v1 --ci gitlab";

/// Where the gate runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Ci {
    /// GitHub Actions.
    Github,
    /// GitLab CI.
    Gitlab,
    /// Nowhere yet.
    None,
}

/// Write what a repository needs to be gated: a scenario, settings, workflows.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The project's folder
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,
    /// What is measured [default: openai, with an address or a command; else embedded]
    #[arg(long, value_enum)]
    driver: Option<Engine>,
    /// Address of a server that runs already, `/v1` included (for Ollama without)
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    /// The model's name on the server
    #[arg(long, value_name = "MODEL")]
    model: Option<String>,
    /// Command line that starts the server: {port} is a free port, {dir} the folder of the base or of the change
    #[arg(long, value_name = "CMD", allow_hyphen_values = true)]
    launch: Option<String>,
    /// A line of the shell that builds what is launched, run in a checkout of the base and in the change
    #[arg(long, value_name = "CMD")]
    build: Option<String>,
    /// Key of the machine that measures, instead of the one that is detected there
    #[arg(long, value_name = "KEY")]
    machine: Option<String>,
    /// Labels of that machine's runner, with commas between
    #[arg(long, value_name = "LABELS", default_value = "self-hosted,gpu")]
    runner: String,
    /// Whose workflows are written
    #[arg(long, value_enum, default_value_t = Ci::Github)]
    ci: Ci,
    /// A bench target for `cargo bench`, too, in a Rust crate
    #[arg(long)]
    bench: bool,
    /// Commit of tokgate that workflows and the bench target take, by its full hash
    /// [default: the one that this program was built from, where it knows]
    #[arg(long, value_name = "COMMIT")]
    action: Option<String>,
    /// Write anew what is there already
    #[arg(long)]
    force: bool,
    /// Say what would be written, and write nothing
    #[arg(long)]
    dry_run: bool,
}

/// Checks what was asked, plans what it makes, writes it, and says what comes next.
///
/// # Errors
/// When a value is none of its kind, what it makes is no valid scenario, or a file cannot be read or
/// written. What was wrong is found before anything is written.
pub(super) fn run(args: &Args, face: &Face) -> Result<Exit> {
    let wanted = Wanted::of(args)?;
    let root = root(args, wanted.ci)?;
    let files = files::files(&wanted);
    check(&root, &files)?;
    let changes = written::changes(&root, &files, &wanted, args)?;
    for change in &changes {
        if !args.dry_run {
            change.write(&root)?;
        }
        face.say(&change.to_string());
    }
    wanted.notes.iter().for_each(|note| face.tell(&format!("note: {note}")));
    if args.dry_run {
        face.tell("nothing was written: --dry-run");
        return Ok(Exit::Held);
    }
    let exit = look(&root, face);
    advise(&wanted, &changes, face);
    next(&root, args, &wanted, face);
    Ok(exit)
}

/// The project's folder, made absolute. Workflows are those of a whole repository.
fn root(args: &Args, ci: Ci) -> Result<PathBuf> {
    let folder = std::path::absolute(&args.folder)?;
    if folder.exists() && !folder.is_dir() {
        bail!("{} is no folder", folder.display());
    }
    let part =
        if folder.is_dir() { git::place_of(&folder).unwrap_or_default() } else { PathBuf::new() };
    if ci != Ci::None && part != Path::new("") {
        bail!(
            "{} is a part of a repository, and workflows are those of a whole one: call it in the repository's folder, \
             or with `--ci none`",
            folder.display()
        );
    }
    Ok(folder)
}

/// Plans what would be written, as `tokgate scenarios check` does.
fn check(root: &Path, files: &[File]) -> Result<()> {
    let text =
        |path: &str| files.iter().find(|file| file.path == path).map(|file| file.text.as_str());
    let (scenario, settings) = (text(SCENARIO_FILE), text(SETTINGS_FILE));
    let folder = tempfile::tempdir().context("no temporary folder")?;
    let staged = folder.path().join(SETTINGS_FILE);
    std::fs::write(&staged, settings.unwrap_or_default())
        .with_context(|| format!("cannot write {}", staged.display()))?;
    let options = Options::default().settle(&Project::at(folder.path()))?;
    let source = Source {
        name: SCENARIO.to_owned(),
        file: SCENARIO_FILE.to_owned(),
        bytes: scenario.unwrap_or_default().as_bytes().to_vec(),
        folder: Some(root.join("scenarios")),
    };
    let environment = tokgate_harness::machine::detect();
    plan::read(&source, &options, &environment, &|_, _| true).map(drop)
}

/// Looks at what lies there now: a file that was kept may be wrong.
fn look(root: &Path, face: &Face) -> Exit {
    let looked = || -> Result<usize> {
        let project = Project::at(root);
        let options = Options::default().settle(&project)?;
        let environment = tokgate_harness::machine::detect();
        let source = project.scenario(SCENARIO)?;
        let mut planned = plan::read(&source, &options, &environment, &|_, _| true)?;
        planned.locate()?;
        if !options.settled.gate.scenarios.iter().any(|name| name == SCENARIO) {
            face.tell(&format!(
                "{SETTINGS_FILE} was kept, and its [gate] does not name `{SCENARIO}`: add it to `scenarios` there"
            ));
        }
        Ok(planned.cases.len())
    };
    match looked() {
        Ok(cases) => {
            face.say(&format!("checked   {SCENARIO_FILE}: {cases} cases"));
            Exit::Held
        }
        Err(error) => {
            face.tell(&format!("{error:#}"));
            exit_of(&error)
        }
    }
}

/// What cannot be written for somebody, and should be done.
fn advise(wanted: &Wanted, changes: &[Change], face: &Face) {
    match wanted.ci {
        Ci::Github => {
            face.tell(
                "who may change what judges: in CODEOWNERS,\n  \
                 /baseline/ /scenarios/ /tokgate.toml /.github/   one line each, with @you or @your/team behind it",
            );
            face.tell(
                "pull requests of forks are not measured before there is an environment `gpu-fork` with reviewers; \
                 tokgate-bench.yml says how",
            );
        }
        Ci::Gitlab => face.tell(&format!(
            "take it in, in .gitlab-ci.yml:\n  include:\n    - local: {GITLAB_FILE}"
        )),
        Ci::None => {}
    }
    if wanted.ci == Ci::Github && wanted.origin == Origin::Release {
        face.tell(
            "this program does not know the commit it was built from, so that the workflows name a tag: with \
             `--action COMMIT --force` they name a commit, which nobody can move",
        );
    }
    if changes.iter().any(|change| change.path == "Cargo.toml") {
        face.tell(
            "in Cargo.toml, `bench = false` under [lib] and each [[bin]] keeps options of `cargo bench` from libtest, \
             which does not know them",
        );
    }
}

/// The next three commands.
fn next(root: &Path, args: &Args, wanted: &Wanted, face: &Face) {
    let folder = args.folder.display().to_string();
    let mut there = match folder.as_str() {
        "." => String::new(),
        folder => format!("cd {} && ", shlex::try_quote(folder).unwrap_or_default()),
    };
    if git::place_of(root).is_err() {
        there.push_str("git init --initial-branch main && ");
    }
    let machine = wanted.machine.as_deref().map(|key| format!(" --machine {key}"));
    let machine = machine.unwrap_or_default();
    face.say(&format!(
        "\nnext:\n  \
         {there}git add --all && git commit --message 'Say what a change may not slow down'\n  \
         tokgate run {SCENARIO} --booking first{machine}\n  \
         tokgate baseline record RUN --reason 'the first of this machine'{machine}   # `tokgate list` names the run\n\
         then commit baseline/recorded, and every change is held against it: tokgate gate --base main"
    ));
}
