//! What an epoch was measured in, as far as that moves its numbers: when it changes, what was
//! measured before is not compared with what comes after.

use crate::store::Past;
use std::fmt;
use tokgate_baseline::compat::CompatKey;
use tokgate_core::environment::{Environment, Gpu};

/// The surroundings of an epoch: the question, the protocol, the system and how it is set up. What
/// answers (engine, model, their versions) is not among them: it is what changes are looked for in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Surroundings(Vec<(&'static str, String)>);

impl Surroundings {
    /// Those of an epoch.
    #[must_use]
    pub fn of(Past { head, protocol, .. }: &Past) -> Self {
        let Environment { os, kernel, gpus, host, cpu_model, cpu_count, .. } = &head.environment;
        let asked = CompatKey::new(&head.machine, [&head.case]).scenario_hash();
        let mut parts = vec![
            ("question", asked),
            ("protocol", protocol.to_string()),
            ("system", os.clone()),
            ("kernel", kernel.clone()),
            ("processor", format!("{cpu_count} of {cpu_model}")),
            ("host", json(host)),
        ];
        for gpu in gpus {
            let Gpu { name, driver, settings, .. } = gpu;
            let driver = driver.as_deref().unwrap_or("unknown");
            parts.push(("GPU", name.clone()));
            parts.push(("GPU driver", driver.to_owned()));
            parts.push(("GPU settings", json(settings)));
        }
        Self(parts)
    }

    /// What is otherwise in `later`, in words.
    #[must_use]
    pub fn differences(&self, later: &Self) -> Vec<String> {
        if self.0.len() != later.0.len() {
            return vec!["another number of GPUs".to_owned()];
        }
        let pairs = self.0.iter().zip(&later.0).filter(|(before, now)| before != now);
        pairs.map(|((name, before), (_, now))| format!("{name}: {before} → {now}")).collect()
    }
}

/// Settings as they are kept, which are read again by no one.
fn json(settings: &impl serde::Serialize) -> String {
    serde_json::to_string(settings).expect("what was read from JSON can be written as JSON")
}

impl fmt::Display for Surroundings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> =
            self.0.iter().map(|(name, what)| format!("{name} {what:?}")).collect();
        f.write_str(&parts.join(", "))
    }
}
