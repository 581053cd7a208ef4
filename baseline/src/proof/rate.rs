//! How often something happened, and how sure that is.

use statrs::distribution::{Beta, ContinuousCDF};

/// How often something happened.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rate {
    pub happened: usize,
    pub tries: usize,
}

impl Rate {
    /// How often `happens` in `tries`.
    pub(crate) fn of(tries: usize, happens: impl FnMut(usize) -> bool) -> Self {
        Self { happened: (0..tries).map(happens).filter(|it| *it).count(), tries }
    }

    pub(crate) fn share(self) -> f64 {
        self.happened as f64 / self.tries as f64
    }

    /// The true share lies below this with 99 % confidence (Clopper and Pearson 1934).
    pub(crate) fn upper(self) -> f64 {
        match self.tries - self.happened {
            0 => 1.0,
            others => {
                let (above, below) = (self.happened as f64 + 1.0, others as f64);
                Beta::new(above, below).expect("both are positive").inverse_cdf(0.99)
            }
        }
    }

    /// Prints it in a line of the whole.
    pub(crate) fn print(self, what: &str) {
        let (share, upper) = (100.0 * self.share(), 100.0 * self.upper());
        println!("{what}: {share:.2} % (at most {upper:.2} %) of {}", self.tries);
    }
}

#[test]
fn no_failure_in_three_hundred_is_no_proof_of_one_percent_but_in_five_hundred_it_is() {
    let none = |tries| Rate { happened: 0, tries }.upper();
    assert!(none(300) > 0.01 && none(500) < 0.01);
    assert_eq!(Rate { happened: 5, tries: 5 }.upper(), 1.0);
}
