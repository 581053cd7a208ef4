//! What the same question must answer every time: compared as it stands, without statistics.

use crate::arms::{Arms, ArmsError, Gated};
use crate::compare::{Chances, Finding, What};
use crate::pairs::Pair;
use std::fmt::Display;

/// Compares values that do not vary by chance, pair by pair: any that is worse, with none that is
/// better, is beyond doubt; tolerances are not asked.
///
/// # Errors
/// Where nothing can be compared; see [`Arms::new`].
pub fn compare_exact(gated: Gated, pairs: &[Pair]) -> Result<Finding, ArmsError> {
    let side = |of: fn(&Pair) -> f64| pairs.iter().map(of).collect::<Vec<f64>>();
    let arms = Arms::new(gated, &side(|pair| pair.base), &side(|pair| pair.head))?;
    let changes = || pairs.iter().map(|pair| arms.sign.worse(pair.head - pair.base));
    let chances = certain(changes().any(|change| change > 0.0), changes().any(|it| it < 0.0));
    let mut what = arms.compare(|_, _| None);
    if let What::Both(both) = &mut what {
        both.chances = Some(chances);
    }
    Ok(Finding { metric: gated.metric, what })
}

/// Chances of what does not vary. What is both worse and better does vary, and proves nothing.
fn certain(worse: bool, better: bool) -> Chances {
    let chance = |this: bool, other: bool| if this && !other { 0.0 } else { 1.0 };
    Chances { worse: chance(worse, better), better: chance(better, worse), within: !worse }
}

/// Where two sides that must be alike are not, in words, for
/// [`Evidence::differences`](crate::Evidence); `None` where they are. `what` names the values, in
/// the order of the questions: hashes of answers, numbers of tokens, identifiers found.
#[must_use]
pub fn difference<T: PartialEq + Display>(what: &str, base: &[T], head: &[T]) -> Option<String> {
    if base.len() != head.len() {
        let (before, now) = (base.len(), head.len());
        return Some(format!("{what}: {before} in the base, {now} in the head"));
    }
    let at = base.iter().zip(head).position(|(base, head)| base != head)?;
    let (before, now) = (&base[at], &head[at]);
    Some(format!("{what}: number {at} is {before} in the base and {now} in the head"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::gated;
    use tokgate_core::metric::INDEX_BYTES;

    fn chances(heads: &[f64]) -> Chances {
        let pairs: Vec<Pair> = heads.iter().map(|head| Pair { base: 10.0, head: *head }).collect();
        let finding = compare_exact(gated(&INDEX_BYTES), &pairs).unwrap();
        finding.both().unwrap().chances.unwrap()
    }

    #[test]
    fn a_byte_more_is_worse_however_small() {
        assert_eq!(chances(&[10.0, 10.001]).worse, 0.0);
        assert_eq!(chances(&[10.0, 9.999]).better, 0.0);
        assert!(chances(&[10.0, 10.0]).within);
    }

    #[test]
    fn what_goes_both_ways_proves_nothing() {
        let both = chances(&[9.0, 11.0]);
        assert_eq!((both.worse, both.better, both.within), (1.0, 1.0, false));
    }

    #[test]
    fn the_first_difference_is_named_with_its_place() {
        assert_eq!(difference("hash", &[7, 8], &[7, 8]), None);
        let found = difference("hash", &[7, 8, 9], &[7, 5, 5]).unwrap();
        assert_eq!(found, "hash: number 1 is 8 in the base and 5 in the head");
        let fewer = difference("ids", &["a"], &[]).unwrap();
        assert_eq!(fewer, "ids: 1 in the base, 0 in the head");
    }
}
