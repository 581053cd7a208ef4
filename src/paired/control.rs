//! The control: what no variant can touch, measured beside each epoch of the pairs. Where it moves
//! with the variants, the machine moved, and nothing may be said of them.

use crate::mock::{Options, Server, StartError};
use anyhow::{Context, Result};
use tokgate_core::case::{Case, CaseId};
use tokgate_core::scenario::{Facts, Roots, Scenario, Surroundings, plan};

/// A few milliseconds a request: of what a client sees of them, a good part is this machine's.
const SCENARIO: &str = include_str!("control.toml");
/// Name of the scenario, which no file of a user's has.
const NAME: &str = "tokgate-control";

/// Whether a case is the control's.
pub(crate) fn is_named(case: &CaseId) -> bool {
    case.scenario() == NAME
}

/// What its results are stored under, so that nobody takes them for a model's.
pub(crate) const PLATFORM: &str = "simulated";

/// Milliseconds to the first token.
const TTFT_MS: f64 = 1.0;
/// Milliseconds from one token to the next.
const ITL_MS: f64 = 0.25;
/// Longest life of its server, seconds: longer than the pairs of any one case.
const LIFETIME_S: f64 = 86_400.0;

/// The control of the pairs of one case, and the server that it asks.
pub struct Control {
    case: Case,
    _server: Server,
}

impl Control {
    /// Starts its server, on a free port of this machine.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn start() -> Result<Self> {
        let server = serve().context("cannot start the control's server")?;
        let mut case = case()?;
        case.target.base_url = Some(server.base_url());
        Ok(Self { case, _server: server })
    }

    /// What is measured.
    #[must_use]
    pub fn case(&self) -> &Case {
        &self.case
    }
}

fn serve() -> Result<Server, StartError> {
    let (ttft_ms, itl_ms, lifetime_s) = (TTFT_MS, ITL_MS, LIFETIME_S);
    Server::start(Options { ttft_ms, itl_ms, lifetime_s, ..Options::default() })
}

fn case() -> Result<Case> {
    let about = Surroundings { beside: &|_| None, roots: &Roots::default() };
    let scenario = Scenario::parse(NAME, "control.toml", SCENARIO, &about)?;
    let mut cases = plan(&scenario, &Facts::default())?;
    Ok(cases.remove(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_control_is_one_case_that_is_judged() {
        let case = case().unwrap();
        assert_eq!(case.id.scenario(), NAME);
        assert!(!case.gate.tolerances.is_empty());
    }
}
