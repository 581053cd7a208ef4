//! How GitHub is reached by whoever called: its address and the token, by the environment.

use super::place::variable;
use crate::github::{Access, Client, Repository};
use std::time::Duration;

/// Where GitHub's API is, where nobody says.
const API: &str = "https://api.github.com";
/// How long a call may take; GitHub itself gives up after ten seconds.
const DEADLINE: Duration = Duration::from_secs(20);

/// A client for a repository, as whom the environment variable `token_env` says; or why there is none.
pub(super) fn client(repository: &Repository, token_env: &str) -> Result<Client, String> {
    let token = variable(token_env).ok_or_else(|| {
        format!(
            "the environment variable `{}` holds no token; in a workflow, hand it to the step by `env:`",
            token_env.escape_debug()
        )
    })?;
    let base = variable("GITHUB_API_URL");
    let base = base.as_deref().unwrap_or(API);
    let access = Access { base, token, repository: repository.clone(), deadline: DEADLINE };
    Client::new(access).map_err(|error| error.to_string())
}
