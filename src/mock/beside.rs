//! Further models of the server, each at a pace of its own.

use std::str::FromStr;

/// A model beside the one that the server is named after.
#[derive(Debug, Clone, PartialEq)]
pub struct Beside {
    /// Its name.
    pub model: String,
    /// How many times as slow it is.
    pub slow_down: f64,
}

impl FromStr for Beside {
    type Err = String;

    /// `NAME=FACTOR`; a name may have colons, slashes and equals signs.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let expected = || format!("`{text}` is not NAME=FACTOR, such as gemma3:4b=2");
        let (model, factor) = text.rsplit_once('=').ok_or_else(expected)?;
        let factor: f64 = factor.parse().map_err(|_| expected())?;
        match factor.is_finite() && factor > 0.0 && !model.is_empty() {
            true => Ok(Self { model: model.to_owned(), slow_down: factor }),
            false => Err(expected()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_factor_is_behind_the_last_sign() {
        let read: Beside = "org/a=b:4b=2.5".parse().unwrap();
        assert_eq!((read.model.as_str(), read.slow_down), ("org/a=b:4b", 2.5));
        for wrong in ["gemma3:4b", "=2", "a=", "a=0", "a=-1", "a=inf", "a=fast"] {
            assert!(wrong.parse::<Beside>().is_err(), "{wrong}");
        }
    }
}
