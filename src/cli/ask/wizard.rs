//! `tokgate recommend` on a terminal: asks for what no option says.
//!
//! What is asked, and the options that say the same; keys and drawing are those of `inquire`, which is
//! known here alone. Questions go to stderr: stdout carries the answer.

use crate::choice::{Budget, Category, Preference, Wish};
use crate::cli::face::Face;
use anyhow::{Result, anyhow};
use inquire::ui::RenderConfig;
use inquire::validator::Validation;
use inquire::{CustomUserError, InquireError, Select, Text};
use std::ffi::OsStr;
use std::io::IsTerminal;

/// How one of a few answers is chosen.
const KEYS: &str = "↑↓ to move, enter to choose, esc to leave";

/// An answer in words, and what it means.
type Answer<T> = (&'static str, T);

const TASKS: [Answer<Option<Category>>; 4] = [
    ("coding", Some(Category::Coding)),
    ("long contexts: documents, whole code bases", Some(Category::ContextHeavy)),
    ("reasoning", Some(Category::Reasoning)),
    ("a mix of everything", None),
];
const BUDGETS: [Answer<Budget>; 4] = [
    ("less than 1 USD an hour", Budget::UnderOne),
    ("1 to 3 USD an hour", Budget::OneToThree),
    ("more than 3 USD an hour", Budget::OverThree),
    ("any price", Budget::Any),
];
const SIZES: [Answer<Preference>; 3] = [
    ("the smallest that there is: fast and cheap", Preference::Smallest),
    ("balanced", Preference::Balanced),
    ("the largest that there is", Preference::Largest),
];

/// Whether somebody sits there who can be asked: all three streams are a terminal that can draw, and no CI
/// says that it is one.
pub(super) fn somebody_is_there() -> bool {
    let is_terminal = std::io::stdin().is_terminal()
        && std::io::stdout().is_terminal()
        && std::io::stderr().is_terminal();
    let is_ci = std::env::var_os("CI").is_some_and(|value| !value.is_empty());
    let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    is_terminal && !is_ci && !is_dumb
}

/// Asks what is wanted.
///
/// # Errors
/// When the questions were left by Esc or Ctrl-C, or the terminal went away.
pub(super) fn ask(face: &Face) -> Result<Wish> {
    let look = if face.err.color { RenderConfig::default_colored() } else { RenderConfig::empty() };
    Ok(Wish {
        task: chosen("What is the model mostly asked for?", TASKS, 3, look)?,
        budget: chosen("What may an hour cost?", BUDGETS, 3, look)?,
        preference: chosen("Which size of model is preferred?", SIZES, 1, look)?,
        context: context(look)?,
    })
}

/// One of a few answers; the usual one is where the cursor begins.
fn chosen<T, const N: usize>(
    question: &str,
    answers: [Answer<T>; N],
    usual: usize,
    look: RenderConfig<'_>,
) -> Result<T> {
    let (words, meanings): (Vec<&str>, Vec<T>) = answers.into_iter().unzip();
    let asked = Select::new(question, words).with_starting_cursor(usual).with_help_message(KEYS);
    let asked = asked.with_render_config(look).without_filtering();
    let at = asked.raw_prompt().map_err(left)?.index;
    meanings.into_iter().nth(at).ok_or_else(|| anyhow!("{question} has no answer {at}"))
}

/// A number of tokens; nothing where none is written.
fn context(look: RenderConfig<'_>) -> Result<Option<u64>> {
    let asked = Text::new("How many tokens must prompt and answer fit in?")
        .with_help_message("a number such as 16000; nothing for any")
        .with_validator(|text: &str| -> Result<Validation, CustomUserError> {
            Ok(match tokens(text) {
                Ok(_) => Validation::Valid,
                Err(why) => Validation::Invalid(why.into()),
            })
        })
        .with_render_config(look);
    tokens(&asked.prompt().map_err(left)?).map_err(|why| anyhow!("{why}"))
}

fn tokens(text: &str) -> Result<Option<u64>, &'static str> {
    match text.trim() {
        "" => Ok(None),
        text => match text.parse::<u64>() {
            Ok(tokens @ 1..) => Ok(Some(tokens)),
            Ok(0) | Err(_) => Err("expected a whole number of tokens, or nothing"),
        },
    }
}

/// Who leaves the questions gets no answer.
fn left(error: InquireError) -> anyhow::Error {
    match error {
        InquireError::OperationCanceled | InquireError::OperationInterrupted => {
            anyhow!("the questions were left, so that nothing is recommended; --no-input asks none")
        }
        error => anyhow::Error::from(error).context("cannot ask on this terminal"),
    }
}

/// The command line that answers the same without a question: the one that was called, and the options
/// that say what was answered.
pub(super) fn same<'a>(called: impl Iterator<Item = &'a OsStr>, wish: &Wish) -> String {
    let Wish { task, budget, preference, context } = wish;
    let mut words: Vec<String> = vec!["tokgate".to_owned()];
    words.extend(called.map(|word| word.to_string_lossy().into_owned()));
    if let Some(task) = task {
        words.extend(["--task-category".to_owned(), word(*task).to_owned()]);
    }
    words.extend(["--budget".to_owned(), budget.as_str().to_owned()]);
    words.extend(["--prefer".to_owned(), preference.as_str().to_owned()]);
    if let Some(context) = context {
        words.extend(["--context".to_owned(), context.to_string()]);
    }
    let quoted = shlex::Quoter::new().allow_nul(true).join(words.iter().map(String::as_str));
    quoted.unwrap_or_default()
}

fn word(task: Category) -> &'static str {
    match task {
        Category::Coding => "coding",
        Category::ContextHeavy => "context_heavy",
        Category::Reasoning => "reasoning",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(called: &[&str], wish: &Wish) -> String {
        same(called.iter().map(OsStr::new), wish)
    }

    #[test]
    fn answers_are_told_as_the_options_that_say_them() {
        let all = Wish {
            task: Some(Category::ContextHeavy),
            budget: Budget::OneToThree,
            preference: Preference::Largest,
            context: Some(16_000),
        };
        assert_eq!(
            said(&["recommend", "--results-dir", "my results"], &all),
            "tokgate recommend --results-dir 'my results' --task-category context_heavy --budget 1-3 \
             --prefer largest --context 16000"
        );
        // Said even where they are the usual ones, so that nothing is asked again.
        assert_eq!(
            said(&["recommend"], &Wish::default()),
            "tokgate recommend --budget any --prefer balanced"
        );
    }

    #[test]
    fn a_number_of_tokens_is_whole_or_absent() {
        assert_eq!((tokens(" 16000 "), tokens(" ")), (Ok(Some(16_000)), Ok(None)));
        for wrong in ["0", "-1", "16k", "1.5", "many"] {
            assert!(tokens(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_answer_can_be_given() {
        let budgets = BUDGETS.map(|(_, budget)| budget.as_str());
        assert_eq!(budgets, ["under-1", "1-3", "over-3", "any"]);
        let sizes = SIZES.map(|(_, size)| size.as_str());
        assert_eq!(sizes, ["smallest", "balanced", "largest"]);
        let tasks = TASKS.map(|(_, task)| task.map(word));
        assert_eq!(tasks, [Some("coding"), Some("context_heavy"), Some("reasoning"), None]);
    }
}
