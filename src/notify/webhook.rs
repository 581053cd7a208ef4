//! A webhook that gets the notice in one POST. Its address is a secret: it comes from the environment,
//! and stands in no message.

use std::time::Duration;
use tokgate_harness::http::post_json;

/// Posts `notice` to the address that the environment variable holds.
///
/// # Errors
/// In words without the address, when there is none, or it does not take the notice in time.
pub(super) fn post(variable: &str, notice: &str, patience: Duration) -> Result<(), String> {
    let address = std::env::var(variable).map_err(|_| {
        format!(
            "the environment variable `{variable}`, which `webhook_env` names, holds no address"
        )
    })?;
    let told = post_json(&address, notice.to_owned(), patience);
    told.map_err(|why| format!("the webhook of `{variable}` did not take them ({why})"))
}
