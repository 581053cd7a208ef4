//! What a reader should know of the prompts and the token counts behind the numbers.

use tokgate_core::case::{Dataset, PromptSet, PromptSource};
use tokgate_core::report::CaseReport;

/// Why the numbers of a case may not be what they seem, a line each; mostly none.
pub(super) fn doubts(case: &CaseReport) -> Vec<String> {
    [left_out(case), uncounted(case), disagreeing(case), short(case), alike(case)]
        .into_iter()
        .flatten()
        .collect()
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

/// Answers that ended before they had the length that was asked for.
fn short(case: &CaseReport) -> Option<String> {
    let (short, all) = (case.summary.token_counts.short, case.requests().succeeded);
    let told = || {
        format!(
            "{short} of {all} answers are shorter than asked: times are comparable only with runs of the same lengths; most servers take `body = {{ ignore_eos = true }}`"
        )
    };
    (short * 10 > all).then(told)
}

/// The same answer to different prompts: a cache, or no model at all.
fn alike(case: &CaseReport) -> Option<String> {
    if let Dataset::Prompts(PromptSet { source: PromptSource::Prompts { prompts }, .. }) =
        &case.case.dataset
        && prompts.len() < 2
    {
        return None;
    }
    let first = case.samples.first().filter(|text| !text.trim().is_empty())?;
    let same = case.samples.len() > 1 && case.samples.iter().all(|text| text == first);
    same.then(|| "the target gives every prompt the same answer".to_owned())
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
