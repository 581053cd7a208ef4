//! The samples of one metric, wherever they are kept, and what is computed over all of them.

use super::Estimate;
use crate::metric::Stat;
use crate::quantile::Rank;
use crate::spool::{Held, HeldSpool, Spool, Spools, held};
use std::collections::BTreeMap;

/// The bit that is set in negative numbers.
const SIGN: u64 = 1 << 63;

/// Finite numbers in a spool.
#[derive(Debug, Clone)]
pub(super) struct Samples<S> {
    spool: S,
}

/// A number as one that sorts like it: [`f64::total_cmp`].
pub(super) fn to_key(value: f64) -> u64 {
    let bits = value.to_bits();
    if bits & SIGN == 0 { bits | SIGN } else { !bits }
}

/// The number again.
pub(super) fn of_key(key: u64) -> f64 {
    f64::from_bits(if key & SIGN == 0 { !key } else { key & !SIGN })
}

impl Samples<HeldSpool<1>> {
    /// Those in memory.
    pub(super) fn held(values: impl IntoIterator<Item = f64>) -> Self {
        let mut samples = held(Samples::new(&Held));
        values.into_iter().for_each(|value| held(samples.push(value)));
        samples
    }
}

impl<S: Spool<1>> Samples<S> {
    /// None yet.
    pub(super) fn new<M: Spools<Of<1> = S, Error = S::Error>>(
        spools: &M,
    ) -> Result<Self, S::Error> {
        Ok(Self { spool: spools.spool::<1>()? })
    }

    /// Adds one; NaN and infinities are left out.
    pub(super) fn push(&mut self, value: f64) -> Result<(), S::Error> {
        match value.is_finite() {
            true => self.spool.push([to_key(value)]),
            false => Ok(()),
        }
    }

    /// How many there are.
    pub(super) fn n(&self) -> usize {
        usize::try_from(self.spool.count()).unwrap_or(usize::MAX)
    }

    /// In the order in which they came.
    pub(super) fn arrived(
        &mut self,
    ) -> Result<impl Iterator<Item = Result<f64, S::Error>>, S::Error> {
        Ok(self.spool.arrived()?.map(number))
    }

    /// The smallest first, as the spool has them.
    pub(super) fn ascending(
        &mut self,
    ) -> Result<impl Iterator<Item = Result<[u64; 1], S::Error>>, S::Error> {
        self.spool.ascending()
    }

    /// The quantile of probability `p` ([`Rank`]); `None` without samples.
    pub(super) fn quantile(&mut self, p: f64) -> Result<Option<f64>, S::Error> {
        let Some(rank) = Rank::of(p, self.n()) else { return Ok(None) };
        let mut from_low = self.ascending()?.map(number).skip(rank.low);
        let (Some(low), high) = (from_low.next().transpose()?, from_low.next().transpose()?) else {
            return Ok(None);
        };
        Ok(Some(rank.between(low, high.filter(|_| rank.high > rank.low).unwrap_or(low))))
    }

    /// The arithmetic mean, summed in the order in which they came; `None` without samples.
    pub(super) fn mean(&mut self) -> Result<Option<f64>, S::Error> {
        let n = self.n();
        let sum: f64 = self.arrived()?.sum::<Result<f64, _>>()?;
        Ok((n > 0).then(|| sum / n as f64))
    }

    /// The sample standard deviation (n - 1); `None` below two samples.
    pub(super) fn standard_deviation(&mut self) -> Result<Option<f64>, S::Error> {
        let n = self.n();
        let Some(center) = self.mean()?.filter(|_| n > 1) else { return Ok(None) };
        let squares = self.arrived()?.map(|value| Ok((value? - center).powi(2)));
        let squares: f64 = squares.sum::<Result<f64, S::Error>>()?;
        Ok(Some((squares / (n - 1) as f64).sqrt()))
    }

    /// How many lie above `line`.
    pub(super) fn count_above(&mut self, line: f64) -> Result<u64, S::Error> {
        let mut above = 0;
        for value in self.arrived()? {
            above += u64::from(value? > line);
        }
        Ok(above)
    }

    /// The largest; `None` without samples.
    pub(super) fn most(&mut self) -> Result<Option<f64>, S::Error> {
        let mut most: Option<f64> = None;
        for value in self.arrived()? {
            let value = value?;
            most = Some(most.map_or(value, |most| most.max(value)));
        }
        Ok(most)
    }
}

fn number<E>(entry: Result<[u64; 1], E>) -> Result<f64, E> {
    entry.map(|[key]| of_key(key))
}

/// Statistics of `n` ascending samples, in one look at each of them: what [`Estimate::of`] says of those in
/// memory. Empty without samples.
pub(super) fn estimates<E>(
    stats: &[Stat],
    n: usize,
    ascending: impl Iterator<Item = Result<[u64; 1], E>>,
) -> Result<BTreeMap<Stat, Estimate>, E> {
    let rank = |stat: &Stat| Rank::of(stat.probability()?, n);
    let mut wanted: BTreeMap<usize, f64> = [0, n.saturating_sub(1)].map(|at| (at, 0.0)).into();
    wanted.extend(stats.iter().filter_map(rank).flat_map(|it| [(it.low, 0.0), (it.high, 0.0)]));
    let mut left = wanted.iter_mut().peekable();
    let each = ascending.enumerate().map(|(at, entry)| {
        let value = number(entry)?;
        if let Some((_, place)) = left.next_if(|(wanted, _)| **wanted == at) {
            *place = value;
        }
        Ok(value)
    });
    let sum: f64 = each.sum::<Result<f64, E>>()?;
    let at = |rank: usize| wanted.get(&rank).copied();
    let value = |stat: &Stat| match stat {
        Stat::Value | Stat::Mean => Some(sum / n as f64),
        Stat::Min => at(0),
        Stat::Max => at(n.saturating_sub(1)),
        Stat::P50 | Stat::P75 | Stat::P90 | Stat::P95 | Stat::P99 | Stat::P999 => {
            let rank = rank(stat)?;
            Some(rank.between(at(rank.low)?, at(rank.high)?))
        }
    };
    let estimate = |stat: &Stat| Some((*stat, Estimate { value: value(stat)?, interval: None, n }));
    Ok(stats.iter().filter(|_| n > 0).filter_map(estimate).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantile::{Sorted, mean, standard_deviation};

    const HOSTILE: [f64; 9] = [3.0, -0.0, 0.0, -7.5, 1e300, -1e300, 3.0, f64::MIN_POSITIVE, 0.1];

    #[test]
    fn keys_sort_as_numbers_do_and_are_had_back_to_the_bit() {
        let mut by_key = HOSTILE;
        by_key.sort_by_key(|value| to_key(*value));
        let mut sorted = HOSTILE;
        sorted.sort_by(f64::total_cmp);
        let bits = |values: [f64; 9]| values.map(f64::to_bits);
        assert_eq!(bits(by_key), bits(sorted));
        assert_eq!(bits(HOSTILE.map(|value| of_key(to_key(value)))), bits(HOSTILE));
    }

    #[test]
    fn what_is_computed_is_that_of_a_list_in_memory_to_the_bit() {
        for n in 0..HOSTILE.len() {
            let values = &HOSTILE[..n];
            let (sorted, mut samples) =
                (Sorted::new(values.iter().copied()), Samples::held(values.to_vec()));
            let same = |one: Option<f64>, other: Option<f64>| {
                assert_eq!(one.map(f64::to_bits), other.map(f64::to_bits), "{values:?}");
            };
            for p in [0.0, 0.3, 0.5, 0.99, 1.0] {
                same(held(samples.quantile(p)), sorted.quantile(p));
            }
            same(held(samples.mean()), mean(values));
            same(held(samples.standard_deviation()), standard_deviation(values));
            same(held(samples.most()), values.iter().copied().reduce(f64::max));
            let stats = Stat::OF_DISTRIBUTION;
            let found = held(estimates(&stats, n, held(samples.ascending())));
            for stat in stats {
                same(
                    found.get(&stat).map(|it| it.value),
                    Estimate::of(stat, &sorted).map(|it| it.value),
                );
            }
        }
    }
}
