//! How many moments are kept for charts: all of the newest, and fewer of those before.

/// So many of the newest are all kept: whoever comes back within two minutes finds each of them.
const NEAR: u64 = 120;
/// Of those before, each of such a number.
const EACH: u64 = 10;
/// Most in all, which is an hour and more.
const MOST: usize = 500;

/// Leaves out what is too much, by the numbers of the moments; they ascend.
pub(super) fn keep<T>(all: &mut Vec<T>, number: impl Fn(&T) -> u64) {
    let Some(last) = all.last().map(&number) else { return };
    all.retain(|one| {
        let seq = number(one);
        seq + NEAR > last || seq.is_multiple_of(EACH)
    });
    let surplus = all.len().saturating_sub(MOST);
    all.drain(..surplus);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_are_whole_the_others_thin_and_all_of_them_bounded() {
        let mut all = Vec::new();
        for number in 1..=100_000u64 {
            all.push(number);
            keep(&mut all, |number| *number);
        }
        assert_eq!(all.len(), MOST);
        let near = &all[MOST - NEAR as usize..];
        assert!(near.windows(2).all(|two| two[1] == two[0] + 1));
        assert!(all[..MOST - NEAR as usize].iter().all(|number| number.is_multiple_of(EACH)));
    }
}
