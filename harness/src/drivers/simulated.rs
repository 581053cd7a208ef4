//! Seeded latencies and faults, without a model.
//!
//! It serves to learn the gate on and to test everything behind `measure`: from the command line
//! it runs in real time, in tests on tokio's paused clock.

use crate::driver::{Answer, Driver, OpenError, Payload, Request};
use crate::recorder::Reply;
use futures_util::future::BoxFuture;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::time::Duration;
use tokgate_core::case::{Case, Simulation};
use tokgate_core::dataset::joined;
use tokgate_core::failure::{Failure, FailureClass};
use tokgate_core::record::{Counted, EventKind, Neighbours, Usage};
use tokgate_core::run::TargetIdentity;

/// The simulated target. Its timers resolve a millisecond, as tokio's do: latencies of a few
/// milliseconds come out rounded up.
pub struct Simulated {
    simulation: Simulation,
}

impl Simulated {
    /// Reads the simulation of a case.
    ///
    /// # Errors
    /// When the case has none.
    pub fn open(case: &Case) -> Result<Self, OpenError> {
        case.target.simulation.clone().map(|simulation| Self { simulation }).ok_or_else(|| {
            OpenError::Invalid(
                "driver `simulated` needs `target.simulation`, such as \
                 `simulation = { ttft_ms = 20, itl_ms = 5 }`"
                    .to_owned(),
            )
        })
    }

    async fn generate(
        &self,
        draws: &mut Draws,
        prompt_tokens: u64,
        max_tokens: u32,
        reply: &Reply,
    ) -> Result<Answer, Failure> {
        let simulation = &self.simulation;
        if draws.happens(simulation.error_rate) {
            return Err(Failure::new(FailureClass::Status, "simulated: status 500"));
        }
        let end = match draws.happens(simulation.truncate_rate) {
            true => max_tokens / 2,
            false => max_tokens,
        };
        for token in 0..end {
            let wait = match token {
                0 => draws.around(simulation.ttft_s) * simulation.ttft_factor,
                _ => self.gap(draws),
            };
            tokio::time::sleep(Duration::from_secs_f64(wait)).await;
            reply.arrived();
            if token == 0 {
                reply.head();
            }
            reply.event(EventKind::Content, Some(1));
        }
        if end < max_tokens {
            return Err(Failure::new(FailureClass::Truncated, "simulated: the stream ended early"));
        }
        reply.done();
        Ok(answer(prompt_tokens, max_tokens))
    }

    fn gap(&self, draws: &mut Draws) -> f64 {
        let simulation = &self.simulation;
        let stall =
            if draws.happens(simulation.stall_rate) { simulation.stall_factor } else { 1.0 };
        draws.around(simulation.itl_s) * simulation.itl_factor * stall
    }

    async fn search(&self, draws: &mut Draws, reply: &Reply) -> Result<Answer, Failure> {
        let wait = self.gap(draws);
        tokio::time::sleep(Duration::from_secs_f64(wait)).await;
        reply.arrived();
        reply.event(EventKind::Content, None);
        reply.done();
        let neighbours = Neighbours { ids: Vec::new(), hits: Vec::new(), cpu_ns: None };
        Ok(Answer { neighbours: Some(neighbours), ..Answer::default() })
    }
}

fn answer(prompt_tokens: u64, completion_tokens: u32) -> Answer {
    Answer {
        usage: Some(Usage {
            prompt_tokens,
            completion_tokens: completion_tokens.into(),
            cached_tokens: None,
            counted: Counted::Server,
            raw: None,
        }),
        finish_reason: Some("length".to_owned()),
        ..Answer::default()
    }
}

impl Driver for Simulated {
    fn identity(&self) -> TargetIdentity {
        TargetIdentity {
            platform: "simulated".to_owned(),
            model: "simulated".to_owned(),
            engine: format!("tokgate {} simulated", env!("CARGO_PKG_VERSION")),
            ..TargetIdentity::default()
        }
    }

    fn send<'a>(
        &'a self,
        request: &'a Request,
        reply: &'a Reply,
    ) -> BoxFuture<'a, Result<Answer, Failure>> {
        let mut draws =
            Draws { rng: ChaCha8Rng::seed_from_u64(request.seed), jitter: self.simulation.jitter };
        Box::pin(async move {
            match &request.payload {
                Payload::Prompt { messages, max_tokens, .. } => {
                    let prompt_tokens = joined(messages).split_whitespace().count() as u64;
                    self.generate(&mut draws, prompt_tokens, *max_tokens, reply).await
                }
                Payload::Query { .. } => self.search(&mut draws, reply).await,
                Payload::Texts { .. } => Err(Failure::new(
                    FailureClass::Engine,
                    "simulated: there are no embeddings; take driver `openai`",
                )),
            }
        })
    }
}

/// The draws of one request.
struct Draws {
    rng: ChaCha8Rng,
    /// Standard deviation of the logarithm of a latency.
    jitter: f64,
}

impl Draws {
    /// A log-normal draw with median `median`.
    fn around(&mut self, median: f64) -> f64 {
        median * (self.jitter * self.normal()).exp()
    }

    /// Standard normal, by Box and Muller (1958).
    fn normal(&mut self) -> f64 {
        let radius = (-2.0 * self.uniform().ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// Uniform in (0, 1].
    fn uniform(&mut self) -> f64 {
        ((self.rng.next_u64() >> 11) + 1) as f64 / (1u64 << 53) as f64
    }

    fn happens(&mut self, rate: f64) -> bool {
        self.uniform() <= rate
    }
}
