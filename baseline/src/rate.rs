//! How often something happened, and how sure that is (Clopper and Pearson 1934).

use statrs::distribution::{Beta, ContinuousCDF};

/// How often something happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// The tries in which it did.
    pub happened: usize,
    /// All tries.
    pub tries: usize,
}

impl Rate {
    /// How often `happens` in `tries`.
    #[cfg(test)]
    pub(crate) fn of(tries: usize, happens: impl FnMut(usize) -> bool) -> Self {
        Self { happened: (0..tries).map(happens).filter(|it| *it).count(), tries }
    }

    /// The share that was seen; none is seen in no tries.
    #[must_use]
    pub fn share(self) -> f64 {
        self.happened as f64 / self.tries.max(1) as f64
    }

    /// The true share lies below this with this confidence, a share itself.
    #[must_use]
    pub fn upper(self, confidence: f64) -> f64 {
        match self.tries - self.happened {
            0 => 1.0,
            others => quantile(self.happened + 1, others, confidence),
        }
    }

    /// The true share lies above this with this confidence, a share itself.
    #[must_use]
    pub fn lower(self, confidence: f64) -> f64 {
        match self.happened {
            0 => 0.0,
            happened => quantile(happened, self.tries - happened + 1, 1.0 - confidence),
        }
    }

    /// Prints it in a line of the whole proof.
    #[cfg(test)]
    pub(crate) fn print(self, what: &str) {
        let (share, upper) = (100.0 * self.share(), 100.0 * self.upper(0.99));
        println!("{what}: {share:.2} % (at most {upper:.2} %) of {}", self.tries);
    }
}

/// The quantile of a beta distribution, both of whose parameters are counts above 0.
fn quantile(above: usize, below: usize, at: f64) -> f64 {
    Beta::new(above as f64, below as f64).expect("both are positive").inverse_cdf(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_failure_in_three_hundred_is_no_proof_of_one_percent_but_in_five_hundred_it_is() {
        let none = |tries| Rate { happened: 0, tries }.upper(0.99);
        assert!(none(300) > 0.01 && none(500) < 0.01);
        assert_eq!(Rate { happened: 5, tries: 5 }.upper(0.99), 1.0);
        assert_eq!(none(0), 1.0);
    }

    #[test]
    fn both_ends_are_those_of_the_binomial() {
        // The chance of one or more in 20 is 5 % at .00256, that of one or less 5 % at .2161.
        let one = Rate { happened: 1, tries: 20 };
        assert!((one.lower(0.95) - 0.002_561).abs() < 1e-5, "{}", one.lower(0.95));
        assert!((one.upper(0.95) - 0.216_106).abs() < 1e-5, "{}", one.upper(0.95));
        assert_eq!(Rate { happened: 0, tries: 20 }.lower(0.95), 0.0);
        assert_eq!(Rate { happened: 0, tries: 0 }.share(), 0.0);
    }
}
