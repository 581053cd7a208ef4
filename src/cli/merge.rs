//! `tokgate merge URL`: what the workers of a shared load put there, as one run.

use crate::cli::face::Face;
use crate::cli::run::Format;
use anyhow::Result;
use std::path::PathBuf;
use tokgate_core::verdict::Exit;

/// Put what the workers of a shared load measured together as one run.
#[derive(Debug, clap::Args)]
#[cfg_attr(
    not(feature = "parquet"),
    allow(dead_code, reason = "without rows all of it is refused alike")
)]
pub(super) struct Args {
    /// Where the workers put it (`--out` of theirs): file:///..., s3://bucket/..., gs://..., az://..., or a folder
    pub(super) url: String,
    /// The run, where there are several; without it they are listed
    #[arg(long, value_name = "RUN")]
    pub(super) run: Option<String>,
    /// Keep figures alone, all of them exact: of a load that is too large to be kept request by request, for which
    /// it is so by itself
    #[arg(long)]
    pub(super) figures: bool,
    /// How the result is written to stdout
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: Format,
    /// Compare with this saved baseline or file; an absent one is an error
    #[arg(long, short, visible_alias = "baseline-file", value_name = "NAME|FILE")]
    pub(super) baseline: Option<String>,
    /// What is merely not proven fails, too
    #[arg(long, env = "TOKGATE_STRICT")]
    pub(super) strict: bool,
    /// Folder for results
    #[arg(long, env = "TOKGATE_RESULTS", value_name = "DIR")]
    pub(super) results_dir: Option<PathBuf>,
}

/// Finds the run, puts it together, judges and tells it.
///
/// # Errors
/// When there is no such run, its files cannot be had, or results cannot be kept.
#[cfg(feature = "parquet")]
pub(super) fn run(args: &Args, face: &Face) -> Result<Exit> {
    super::merged::run(args, face)
}

/// Says that this build cannot.
///
/// # Errors
/// Always.
#[cfg(not(feature = "parquet"))]
pub(super) fn run(_: &Args, _: &Face) -> Result<Exit> {
    anyhow::bail!(crate::rows::ABSENT)
}
