//! The tools: what they are called, what they take, what they say.
//!
//! Every figure is computed by the functions behind the commands of the same names.

use super::field::{Arguments, Field, Kind};
use super::place::{FILTERS, HOURLY_COST, MACHINE, Place, SINCE, category, since_us};
use crate::choice::{
    Budget, Estimate, Preference, Quantity, SortBy, Wish, compare, configurations, estimate,
    newest_of_each, recommend,
};
use crate::git;
use crate::history::{self, Question, usual_budget};
use crate::report::answers;
use crate::report::history as told;
use crate::report::sheet::Sheet;
use crate::report::terminal::Style;
use crate::store::PastOf;
use anyhow::{Result, anyhow, bail};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokgate_core::metric::MetricRef;

/// The most requests that are asked about.
const MOST_REQUESTS: u64 = 1_000_000_000_000;
/// The most tokens that a window of context may need to have.
const MOST_TOKENS: u64 = 1_000_000_000;
/// The most rows of an answer.
const MOST_ROWS: u64 = 200;
/// Rows of an answer where nothing is said: a client reads all of them.
const ROWS: u64 = 50;
/// Entries of a series where nothing is said.
const ENTRIES: u64 = 20;

/// A tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tool {
    List,
    Estimate,
    Compare,
    Recommend,
    History,
}

/// What a tool says.
pub(super) struct Answer {
    /// For people and models: a table, and what is to be known of it.
    pub(super) text: String,
    /// Every figure.
    pub(super) structured: Value,
}

const REQUESTS: Kind = Kind::Count { most: MOST_REQUESTS };
const LIMIT: Field = Field::new(
    "limit",
    Kind::Count { most: MOST_ROWS },
    "At most so many rows; 50 where nothing is said",
);
const SORT_BY: Field = Field::new(
    "sort_by",
    Kind::Word(&[
        "tokens_per_sec",
        "cost_per_1k_tokens",
        "cost_efficiency",
        "ttft",
        "requests_per_sec",
        "hourly_cost",
        "vram",
        "runs",
        "last_run",
    ]),
    "By what configurations are ordered, the best first; tokens_per_sec where nothing is said. \
     Without `requests`",
);
const BUDGET: Field = Field::new(
    "budget",
    Kind::Word(&["under-1", "1-3", "over-3", "any"]),
    "What an hour may cost, US dollars",
);
const PREFER: Field = Field::new(
    "prefer",
    Kind::Word(&["smallest", "balanced", "largest"]),
    "Which models are preferred by their size; balanced where nothing is said",
);

const LIST: [Field; 1] = [LIMIT];
const ESTIMATE: [Field; 2] =
    [Field::new("requests", REQUESTS, "So many requests").required(), HOURLY_COST];
const COMPARE: [Field; 4] = [
    Field::new(
        "requests",
        Kind::Counts { most: MOST_REQUESTS },
        "Compare models by the time for these numbers of requests; configurations without",
    ),
    SORT_BY,
    LIMIT,
    HOURLY_COST,
];
const RECOMMEND: [Field; 4] = [
    BUDGET,
    PREFER,
    Field::new(
        "context_tokens",
        Kind::Count { most: MOST_TOKENS },
        "Tokens that prompt and answer need; a model whose window is smaller or unknown is left out",
    ),
    HOURLY_COST,
];
const HISTORY: [Field; 5] = [
    Field::new(
        "metric",
        Kind::Text,
        "The metric as scenarios name it: tok_s, ttft.p50, e2e.p95, req_s",
    )
    .required(),
    Field::new("case", Kind::Text, "Only cases with this in their name"),
    MACHINE,
    SINCE,
    Field::new(
        "limit",
        Kind::Count { most: MOST_ROWS },
        "At most so many entries of each series, the latest; 20 where nothing is said",
    ),
];

impl Tool {
    /// All of them.
    pub(super) const ALL: [Self; 5] =
        [Self::List, Self::Estimate, Self::Compare, Self::Recommend, Self::History];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Estimate => "estimate",
            Self::Compare => "compare",
            Self::Recommend => "recommend",
            Self::History => "history",
        }
    }

    pub(super) fn called(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tool| tool.name() == name)
    }

    /// What it is for, and the units of what it says.
    pub(super) fn description(self) -> &'static str {
        match self {
            Self::List => {
                "Which language models were measured, and how fast they were: of each its newest epoch, or \
                 with `model` every epoch, the newest first. Begin here. Units: req_s successful requests a \
                 second, tok_s output tokens a second, ttft_p50_s and time_per_request_s seconds, \
                 success_percent percent, context_window and prompt_tokens tokens, vram_bytes bytes of one \
                 GPU, started_us microseconds since 1970."
            }
            Self::Estimate => {
                "How long so many requests to a model take and what they cost, by its newest measured epoch; \
                 of every model where none is named. Units: time_s and interval (95 %) seconds, cost US \
                 dollars, req_s successful requests a second. The workers in based_on are those that were \
                 measured: another number of them takes another time."
            }
            Self::Compare => {
                "With `requests`: all models by how long they take for these numbers of requests, the \
                 fastest first; time_s and saved_s (against the slowest) in seconds, speedup as a factor. \
                 Without: configurations (a model on some hardware at one kind of task) side by side; tok_s \
                 output tokens a second, ttft_p50_s seconds, usd_per_hour and cost_per_1k_usd (output tokens) \
                 US dollars, efficiency output tokens a second for each US dollar an hour, vram_bytes bytes \
                 of all GPUs. Where tasks_mixed is true, figures are not comparable: ask for one \
                 task_category."
            }
            Self::Recommend => {
                "Which model on which hardware to take: the best three that fit, with a score from 0 to 1, \
                 why, and what makes each less reliable (a single run, stale, imported). Prices in \
                 US dollars, the rest as of `compare`. Where nothing fits, the advice says what was nearest and what to change."
            }
            Self::History => {
                "Where a metric changed over commits and runs, and whether it crept: every series of a case \
                 on a machine, its latest entries oldest first, changes with their effect (a share, \
                 positive is worse) and drift. Values are in the metric's base unit, which `unit` names: \
                 times in seconds, shares from 0 to 1."
            }
        }
    }

    /// What it takes.
    pub(super) fn fields(self) -> Vec<Field> {
        match self {
            Self::List => [&LIST[..], &FILTERS].concat(),
            Self::Estimate => [&ESTIMATE[..], &FILTERS].concat(),
            Self::Compare => [&COMPARE[..], &FILTERS].concat(),
            Self::Recommend => [&RECOMMEND[..], &FILTERS].concat(),
            Self::History => HISTORY.to_vec(),
        }
    }

    /// Its answer.
    ///
    /// # Errors
    /// When there is nothing to answer from, or the store cannot be read.
    pub(super) fn answer(self, arguments: &Arguments, place: &Place) -> Result<Answer> {
        match self {
            Self::List => list(arguments, place),
            Self::Estimate => how_long(arguments, place),
            Self::Compare => side_by_side(arguments, place),
            Self::Recommend => what_to_take(arguments, place),
            Self::History => over_time(arguments, place),
        }
    }
}

fn list(arguments: &Arguments, place: &Place) -> Result<Answer> {
    let asked = place.ask(arguments)?;
    let model = arguments.text("model");
    asked.not_empty(model)?;
    let mut rows: Vec<_> = match model {
        Some(_) => asked.rows.iter().rev().cloned().collect(),
        None => newest_of_each(&asked.rows).into_iter().cloned().collect(),
    };
    let total = cut(&mut rows, limit(arguments, ROWS));
    Ok(answer(answers::rows(&rows), total - rows.len(), json!({ "total": total, "rows": rows })))
}

fn how_long(arguments: &Arguments, place: &Place) -> Result<Answer> {
    let asked = place.ask(arguments)?;
    asked.not_empty(arguments.text("model"))?;
    let requests = arguments.count("requests").unwrap_or_default();
    let models = newest_of_each(&asked.rows).into_iter().map(|row| row.model.as_str());
    let mut estimates: Vec<Estimate> =
        models.filter_map(|model| estimate(&asked.rows, model, requests)).collect();
    let total = cut(&mut estimates, MOST_ROWS);
    let json = json!({ "requests": requests, "total": total, "estimates": estimates });
    Ok(answer(answers::estimates(&estimates), total - estimates.len(), json))
}

fn side_by_side(arguments: &Arguments, place: &Place) -> Result<Answer> {
    let asked = place.ask(arguments)?;
    asked.not_empty(arguments.text("model"))?;
    let (counts, limit) = (arguments.counts("requests"), limit(arguments, ROWS));
    if !counts.is_empty() {
        let mut models = compare(&asked.rows, &counts);
        let total = cut(&mut models, limit);
        let json = json!({ "num_requests": counts, "total": total, "models": models });
        return Ok(answer(answers::models(&models, &counts), total - models.len(), json));
    }
    let column = arguments.text(SORT_BY.name).unwrap_or(Quantity::TokS.as_str());
    let column: SortBy = column.parse()?;
    let mut found = configurations(&asked.rows, asked.now_us).sorted_by(column);
    let total = cut(&mut found.all, limit);
    let json = json!({
        "total": total,
        "configurations": found.all,
        "tasks": found.tasks,
        "tasks_mixed": found.are_tasks_mixed(),
    });
    Ok(answer(answers::configurations(&found), total - found.all.len(), json))
}

fn what_to_take(arguments: &Arguments, place: &Place) -> Result<Answer> {
    let asked = place.ask_all_tasks(arguments)?;
    asked.not_empty(arguments.text("model"))?;
    let wish = Wish {
        task: arguments.text("task_category").and_then(category),
        budget: word::<Budget>(arguments, BUDGET)?,
        preference: word::<Preference>(arguments, PREFER)?,
        context: arguments.count("context_tokens"),
    };
    let mut found = recommend(&asked.rows, &wish, asked.now_us);
    let (text, advice) = (answers::recommended(&found).table(), found.advice());
    let left_out = cut(&mut found.left_out, ENTRIES);
    let mut structured = json!(found);
    structured["left_out_total"] = json!(left_out);
    structured["advice"] = json!(advice);
    Ok(Answer { text, structured })
}

/// What a word says; what nothing said means, where it was left out.
fn word<T>(arguments: &Arguments, field: Field) -> Result<T>
where
    T: Default + std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    Ok(arguments.text(field.name).map(str::parse::<T>).transpose()?.unwrap_or_default())
}

fn over_time(arguments: &Arguments, place: &Place) -> Result<Answer> {
    let metric = metric(arguments.text("metric").unwrap_or_default())?;
    let text = |name: &str| arguments.text(name).map(str::to_owned);
    let question = Question {
        metric,
        case: text("case"),
        machine: text(MACHINE.name),
        since_us: since_us(arguments, Timestamp::now().as_microsecond()),
        anchor: None,
        budget: usual_budget(metric.metric),
    };
    let PastOf { epochs, notes } = place.store()?.past(metric)?;
    let ages = git::ages(&place.repository(), &history::commits(&epochs));
    let all = history::series(epochs, &question, &ages);
    if all.is_empty() {
        bail!(
            "no VALID epoch of ours has {metric}, or the arguments leave none: ask without case, machine and \
             since_days; `tokgate list --epochs` shows what was measured, and whether it was VALID"
        );
    }
    let shown: Vec<String> =
        all.iter().map(|one| told::series(one, &question, Style { color: false })).collect();
    let mut structured = told::json(&all, &question, &notes);
    latest(&mut structured, limit(arguments, ENTRIES) as usize);
    Ok(Answer { text: shown.join("\n").trim_end().to_owned(), structured })
}

fn metric(name: &str) -> Result<MetricRef> {
    name.parse::<MetricRef>().map_err(|error| match error.help(name) {
        Some(help) => anyhow!("`metric`: {error}; {help}"),
        None => anyhow!("`metric`: {error}"),
    })
}

/// Leaves the latest entries of each series, and says how many there were.
fn latest(structured: &mut Value, limit: usize) {
    let all = structured.get_mut("series").and_then(Value::as_array_mut);
    for series in all.into_iter().flatten() {
        let Some(entries) = series.get_mut("entries").and_then(Value::as_array_mut) else {
            continue;
        };
        let total = entries.len();
        entries.drain(..total.saturating_sub(limit));
        series["entries_total"] = json!(total);
    }
}

fn limit(arguments: &Arguments, usual: u64) -> u64 {
    arguments.count(LIMIT.name).unwrap_or(usual)
}

/// Leaves at most so many, and says how many there were.
fn cut<T>(rows: &mut Vec<T>, limit: u64) -> usize {
    let total = rows.len();
    rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    total
}

fn answer(mut sheet: Sheet, left_out: usize, structured: Value) -> Answer {
    if sheet.is_empty() {
        sheet.note("nothing of it has a rate");
    }
    if left_out > 0 {
        sheet.note(format!(
            "{left_out} more are left out; ask for them by `limit`, or for fewer by filters"
        ));
    }
    Answer { text: sheet.table(), structured }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_that_a_tool_offers_is_one_that_it_takes() {
        let words = |field: Field| match field.kind {
            Kind::Word(words) => words,
            _ => panic!("{} has no words", field.name),
        };
        assert!(words(SORT_BY).iter().all(|word| word.parse::<SortBy>().is_ok()));
        assert!(words(BUDGET).iter().all(|word| word.parse::<Budget>().is_ok()));
        assert!(words(PREFER).iter().all(|word| word.parse::<Preference>().is_ok()));
    }

    #[test]
    fn the_latest_entries_are_left_and_all_are_counted() {
        let mut structured = json!({ "series": [{ "entries": [1, 2, 3] }, { "entries": [] }] });
        latest(&mut structured, 2);
        assert_eq!(structured["series"][0], json!({ "entries": [2, 3], "entries_total": 3 }));
        assert_eq!(structured["series"][1]["entries_total"], json!(0));
    }
}
