//! The twelve tasks that come with tokgate: what people ask of a model, in three categories.
//!
//! They are part of what a baseline measured: a task that is worded anew is another one.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a task is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// Short prompts, answers in code.
    Coding,
    /// Long prompts: several files, a log, a system's description.
    ContextHeavy,
    /// Short prompts, long answers in prose.
    Reasoning,
}

/// A prompt that comes with tokgate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Task {
    /// What it is about.
    pub category: Category,
    /// What it asks for, in a word or two.
    pub name: &'static str,
    /// The prompt.
    pub prompt: &'static str,
    /// Output tokens asked for.
    pub max_tokens: u32,
}

/// A task whose prompt is the file of its name.
macro_rules! task {
    ($category:ident, $name:literal, $max_tokens:literal) => {
        Task {
            category: Category::$category,
            name: $name,
            prompt: include_str!(concat!($name, ".txt")).trim_ascii(),
            max_tokens: $max_tokens,
        }
    };
}

/// All tasks, by category, the shortest answer of each mostly first.
pub const TASKS: [Task; 12] = [
    task!(Coding, "simple_function", 100),
    task!(Coding, "code_review", 200),
    task!(Coding, "algorithm_explanation", 400),
    task!(Coding, "complex_refactoring", 500),
    task!(ContextHeavy, "multi_file_analysis", 800),
    task!(ContextHeavy, "refactor_with_context", 1000),
    task!(ContextHeavy, "debug_trace_analysis", 600),
    task!(ContextHeavy, "architecture_explanation", 800),
    task!(Reasoning, "problem_decomposition", 300),
    task!(Reasoning, "design_trade_offs", 400),
    task!(Reasoning, "algorithmic_optimization", 500),
    task!(Reasoning, "system_design", 600),
];

/// The tasks of a category, or all of them.
pub fn of(category: Option<Category>) -> impl Iterator<Item = &'static Task> {
    TASKS.iter().filter(move |task| category.is_none_or(|wanted| task.category == wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_category_has_four_tasks() {
        for category in [Category::Coding, Category::ContextHeavy, Category::Reasoning] {
            assert_eq!(of(Some(category)).count(), 4);
        }
        assert_eq!(of(None).count(), 12);
    }

    #[test]
    fn only_the_context_heavy_prompts_are_long() {
        for task in &TASKS {
            let words = task.prompt.split_whitespace().count();
            assert_eq!(words >= 400, task.category == Category::ContextHeavy, "{}", task.name);
        }
    }
}
