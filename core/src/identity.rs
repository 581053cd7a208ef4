//! What a target says of itself, fact by fact, so that it can be held against what it said at another time or to
//! somebody else.

use crate::run::TargetIdentity;
use std::collections::BTreeMap;
use std::fmt;

/// One thing that a target says of itself, and that stays as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fact<'a> {
    /// The model.
    Model,
    /// The engine, with its version where that is known.
    Engine,
    /// The quantisation.
    Quantization,
    /// A setting, or what its replies name: by its key.
    Setting(&'a str),
}

impl fmt::Display for Fact<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Model => "model",
            Self::Engine => "engine",
            Self::Quantization => "quantisation",
            Self::Setting(key) => key,
        })
    }
}

impl TargetIdentity {
    /// All that it says; what it does not say is absent.
    #[must_use]
    pub fn facts(&self) -> BTreeMap<Fact<'_>, String> {
        let named = [
            (Fact::Model, Some(self.model.clone())),
            (Fact::Engine, Some(self.engine.clone())),
            (Fact::Quantization, self.quantization.clone()),
        ];
        let named = named.into_iter().filter_map(|(fact, value)| Some((fact, value?)));
        let settings = self.config.iter();
        let settings = settings.map(|(key, value)| (Fact::Setting(key), value.to_string()));
        named.chain(settings).collect()
    }
}
