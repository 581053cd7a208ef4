//! What a reader should know of the prompts and the token counts behind the numbers.

use tokgate_core::case::{Dataset, PromptSet, PromptSource};
use tokgate_core::report::CaseReport;

/// Why the numbers of a case may not be what they seem, a line each; mostly none.
pub(super) fn doubts(case: &CaseReport) -> Vec<String> {
    [left_out(case), uncounted(case), disagreeing(case)].into_iter().flatten().collect()
}

/// Lines of a data file that were not sent.
fn left_out(case: &CaseReport) -> Option<String> {
    let Dataset::Prompts(PromptSet { source: PromptSource::File(file), .. }) = &case.case.dataset
    else {
        return None;
    };
    let contents = file.contents.as_ref().filter(|contents| contents.bad_lines > 0)?;
    let (bad, entries) = (contents.bad_lines, contents.entries);
    Some(format!(
        "{}: {bad} lines could not be read; {entries} requests are in the others",
        file.path
    ))
}

/// Tokens that the target did not count.
fn uncounted(case: &CaseReport) -> Option<String> {
    let (ours, all) = (case.summary.token_counts.by_client, case.requests().succeeded);
    let told = || {
        format!(
            "tokens of {ours} of {all} answers are counted by our tokenizer: the target said nothing"
        )
    };
    (ours > 0).then(told)
}

/// Tokens that the target counted otherwise than our tokenizer.
fn disagreeing(case: &CaseReport) -> Option<String> {
    let counts = case.summary.token_counts;
    let (bad, all) = (counts.disagreeing, counts.compared);
    let told = || {
        format!(
            "the target counts the tokens of {bad} of {all} answers more than 1 % otherwise than our tokenizer; the numbers go by the target"
        )
    };
    (bad > 0).then(told)
}
