//! What replies give away of the target, so that a change half way is seen.

use std::sync::{Mutex, PoisonError};
use tokgate_core::run::TargetIdentity;

/// What one reply names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Named {
    /// The model as the reply names it.
    pub(crate) model: Option<String>,
    /// The server's word for its own state.
    pub(crate) fingerprint: Option<String>,
}

impl Named {
    /// What this names, else what `other` does.
    fn or(self, other: Self) -> Self {
        Self {
            model: self.model.or(other.model),
            fingerprint: self.fingerprint.or(other.fingerprint),
        }
    }

    /// What this names otherwise than `first`.
    fn unlike(self, first: &Self) -> Self {
        let other = |own: Option<String>, first: &Option<String>| {
            own.filter(|own| first.as_ref().is_some_and(|first| first != own))
        };
        Self {
            model: other(self.model, &first.model),
            fingerprint: other(self.fingerprint, &first.fingerprint),
        }
    }

    /// Adds it to what is known of a target.
    pub(crate) fn put_into(self, identity: &mut TargetIdentity) {
        let named = [("replied_model", self.model), ("system_fingerprint", self.fingerprint)];
        for (key, value) in named {
            if let Some(value) = value {
                identity.config.insert(key.to_owned(), value.into());
            }
        }
    }
}

/// What all replies so far have named.
#[derive(Debug, Default)]
pub(crate) struct Sightings(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    first: Named,
    /// What was named otherwise later, once it was.
    other: Named,
}

impl Sightings {
    /// A reply named this.
    pub(crate) fn note(&self, named: Named) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.first = std::mem::take(&mut seen.first).or(named.clone());
        let unlike = named.unlike(&seen.first);
        seen.other = std::mem::take(&mut seen.other).or(unlike);
    }

    /// What was named first.
    pub(crate) fn first(&self) -> Named {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).first.clone()
    }

    /// What was named otherwise later; where nothing was, what was named first.
    pub(crate) fn last(&self) -> Named {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.other.clone().or(seen.first.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(model: &str, fingerprint: Option<&str>) -> Named {
        Named { model: Some(model.to_owned()), fingerprint: fingerprint.map(str::to_owned) }
    }

    #[test]
    fn a_change_is_kept_though_it_is_taken_back() {
        let sightings = Sightings::default();
        for reply in [named("a", None), named("b", Some("x")), named("a", Some("x"))] {
            sightings.note(reply);
        }
        assert_eq!(sightings.first(), named("a", Some("x")));
        assert_eq!(sightings.last(), named("b", Some("x")));
    }
}
