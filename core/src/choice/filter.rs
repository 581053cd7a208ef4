//! Which rows a question is about.

use super::measured::{Hardware, Measured, Provenance};
use crate::dataset::tasks::Category;
use crate::environment::slug_of_name;

/// Which rows a question is about; what is absent excludes nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// The invocation that measured.
    pub run: Option<String>,
    /// The model, by its whole name.
    pub model: Option<String>,
    /// How it was served.
    pub platform: Option<String>,
    /// The machine's key.
    pub machine: Option<String>,
    /// The provider's name of the machine, or that of the GPU: `g1-gpu-rtx6000-2`, `RTX 4090`, or
    /// `RTX 4090 x2` for so many of them. Makers' words and capitals do not matter in a GPU's name.
    pub gpu_type: Option<String>,
    /// The word for models of its size: `7b`.
    pub model_category: Option<String>,
    /// What the prompts were about.
    pub task: Option<Category>,
    /// What the test varied.
    pub benchmark_type: Option<String>,
    /// Begun then or later, microseconds since 1970.
    pub since_us: Option<i64>,
    /// Who measured.
    pub provenance: Option<Provenance>,
}

impl Filter {
    /// Whether a question is about this row.
    #[must_use]
    pub fn takes(&self, row: &Measured) -> bool {
        let is =
            |wanted: &Option<String>, found: &str| wanted.as_deref().is_none_or(|it| it == found);
        is(&self.run, &row.run_id)
            && is(&self.model, &row.model)
            && is(&self.platform, &row.platform)
            && is(&self.machine, &row.machine)
            && is(&self.benchmark_type, &row.benchmark_type)
            && self.takes_size(row)
            && self.takes_hardware(row)
            && self.task.is_none_or(|task| row.task == Some(task))
            && self.since_us.is_none_or(|since| row.started_us >= since)
            && self.provenance.is_none_or(|it| row.provenance == it)
    }

    fn takes_size(&self, row: &Measured) -> bool {
        let Some(wanted) = &self.model_category else { return true };
        row.model_category.as_ref().is_some_and(|found| found.eq_ignore_ascii_case(wanted))
    }

    fn takes_hardware(&self, row: &Measured) -> bool {
        let Some(wanted) = self.gpu_type.as_deref() else { return true };
        let is_card = |name: &str| slug_of_name(name) == slug_of_name(wanted);
        let cards = Hardware::Gpus { name: row.gpu.clone().unwrap_or_default(), count: row.gpus };
        row.instance.as_deref() == Some(wanted)
            || row.gpu.as_deref().is_some_and(is_card)
            || row.gpu.is_some() && is_card(&cards.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::choice::fixture::{NOW_US, row};

    fn sample() -> Measured {
        Measured {
            instance: Some("g2-gpu-rtx4000a2-s".to_owned()),
            gpu: Some("NVIDIA RTX 4000 Ada Generation".to_owned()),
            gpus: Some(2),
            model_category: Some("7b".to_owned()),
            task: Some(Category::Coding),
            ..row("gemma3:4b", 0.52)
        }
    }

    fn takes(change: impl FnOnce(&mut Filter)) -> bool {
        let mut filter = Filter::default();
        change(&mut filter);
        filter.takes(&sample())
    }

    #[test]
    fn nothing_asked_is_everything_and_each_word_narrows() {
        let word = |text: &str| Some(text.to_owned());
        assert!(takes(|_| {}));
        let run = sample().run_id;
        assert!(takes(|it| it.run = Some(run)) && !takes(|it| it.run = word("another")));
        assert!(takes(|it| it.model = word("gemma3:4b")) && !takes(|it| it.model = word("gemma3")));
        assert!(
            takes(|it| it.platform = word("ollama")) && !takes(|it| it.platform = word("vllm"))
        );
        assert!(
            takes(|it| it.machine = word("cpu-16c-test")) && !takes(|it| it.machine = word("x"))
        );
        assert!(takes(|it| it.model_category = word("7B")));
        assert!(!takes(|it| it.model_category = word("70b")));
        assert!(takes(|it| it.task = Some(Category::Coding)));
        assert!(!takes(|it| it.task = Some(Category::Reasoning)));
        assert!(!takes(|it| it.benchmark_type = word("worker_optimization")));
        assert!(!takes(|it| it.since_us = Some(NOW_US)));
        assert!(!takes(|it| it.provenance = Some(Provenance::Imported)));
    }

    #[test]
    fn hardware_is_found_by_any_of_its_names() {
        for name in
            ["g2-gpu-rtx4000a2-s", "rtx 4000 ada generation", "NVIDIA RTX 4000 Ada Generation x2"]
        {
            assert!(takes(|it| it.gpu_type = Some(name.to_owned())), "{name}");
        }
        for name in ["g2-gpu-rtx4000a1-s", "RTX 4000", "RTX 4000 Ada Generation x4", ""] {
            assert!(!takes(|it| it.gpu_type = Some(name.to_owned())), "{name:?}");
        }
    }

    #[test]
    fn what_has_no_gpu_is_no_gpu_of_any_name() {
        let filter = Filter { gpu_type: Some(String::new()), ..Filter::default() };
        assert!(!filter.takes(&row("m", 1.0)));
    }
}
