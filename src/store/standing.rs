//! Which epochs of a run stand: one that was cut off and measured again does not, and belongs to no case.
//!
//! It stays on the disk and in the index, INVALID as every epoch that was cut off.

use tokgate_core::run::{Ending, Head, Run};

/// The epochs without those that a later one, of the same number of the same case on the same side, was
/// measured in the place of. They come in the order in which they began.
pub(super) fn standing<T>(epochs: Vec<T>, run: impl Fn(&T) -> &Run) -> Vec<T> {
    let was_measured_again = |at: usize| {
        let one = run(&epochs[at]);
        let mut later = epochs[at + 1..].iter().map(&run);
        !is_whole(one) && later.any(|later| is_same(&one.head, &later.head))
    };
    let again: Vec<bool> = (0..epochs.len()).map(was_measured_again).collect();
    epochs.into_iter().zip(again).filter_map(|(epoch, again)| (!again).then_some(epoch)).collect()
}

/// Whether an epoch was measured to its end, neither stopped nor cut off.
pub(super) fn is_whole(run: &Run) -> bool {
    run.ending == Ending::Completed
}

fn is_same(one: &Head, other: &Head) -> bool {
    (one.epoch, one.arm) == (other.epoch, other.arm)
        && one.case.id == other.case.id
        && one.run_id == other.run_id
}
