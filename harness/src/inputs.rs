//! What a case brings beside its target: the file of its prompts and the tokenizer that it names.
//! The last of each is kept for the next case that asks for the same.

use crate::counting::Counter;
use crate::datafile::Loaded;
use crate::driver::OpenError;
use crate::drivers::rag::surveyed as passages_surveyed;
use crate::retrieval::vectorfile::surveyed;
use tokgate_core::case::{
    Case, DataFile, Dataset, OutputTokens, PromptSet, PromptSource, VectorSet,
};
use tokgate_core::dataset::file::{Entries, Written};
use tokgate_core::quality::{Check, Match};

/// The inputs of one invocation.
#[derive(Default)]
pub(crate) struct Inputs {
    file: Option<Kept>,
    counter: Option<(String, Counter)>,
    vectors: Option<Surveyed>,
}

/// A file of vectors, as it was asked for and as it was found. Its rows are not kept here.
struct Surveyed {
    asked: VectorSet,
    found: VectorSet,
}

/// A file, and what was asked for when it was read.
struct Kept {
    asked: DataFile,
    counted_by: Option<String>,
    loaded: Loaded,
}

impl Inputs {
    /// Reads what the case names, and says in the case what was found.
    ///
    /// # Errors
    /// When a file cannot be used.
    pub(crate) fn prepare(&mut self, case: &Case) -> Result<Case, OpenError> {
        let mut case = case.clone();
        if let Some(rag) = &mut case.rag {
            rag.passages = passages_surveyed(&rag.passages)?;
        }
        match &mut case.dataset {
            Dataset::Prompts(set) => {
                self.read_tokenizer(set)?;
                self.read_file(set)?;
            }
            Dataset::Vectors(set) => *set = self.survey(set)?,
        }
        Ok(case)
    }

    fn survey(&mut self, asked: &VectorSet) -> Result<VectorSet, OpenError> {
        if let Some(kept) = self.vectors.as_ref().filter(|kept| kept.asked == *asked) {
            return Ok(kept.found.clone());
        }
        let found = surveyed(asked)?;
        self.vectors = Some(Surveyed { asked: asked.clone(), found: found.clone() });
        Ok(found)
    }

    /// The requests of a prepared case's file.
    pub(crate) fn entries(&self, dataset: &Dataset) -> Option<&Entries> {
        let Dataset::Prompts(PromptSet { source: PromptSource::File(file), .. }) = dataset else {
            return None;
        };
        let kept = self.file.as_ref().filter(|kept| kept.loaded.file == *file)?;
        Some(&kept.loaded.entries)
    }

    /// The tokenizer that a prepared set names.
    pub(crate) fn counter(&self, set: &PromptSet) -> Option<&Counter> {
        let (path, counter) = self.counter.as_ref()?;
        (set.tokenizer.as_ref() == Some(path)).then_some(counter)
    }

    fn read_tokenizer(&mut self, set: &PromptSet) -> Result<(), OpenError> {
        let Some(path) = &set.tokenizer else { return Ok(()) };
        if self.counter(set).is_none() {
            self.counter = Some((path.clone(), Counter::open(path)?));
        }
        Ok(())
    }

    fn read_file(&mut self, set: &mut PromptSet) -> Result<(), OpenError> {
        let counted_by = set.tokenizer.clone().filter(|_| set.output == OutputTokens::Own);
        let PromptSource::File(asked) = &set.source else { return Ok(()) };
        let is_same = |kept: &Kept| kept.asked == *asked && kept.counted_by == counted_by;
        if !self.file.as_ref().is_some_and(is_same) {
            // Freed before the next one is read.
            self.file = None;
            let mut loaded = Loaded::read(asked)?;
            if let Some(counter) = counted_by.as_ref().and_then(|_| self.counter(set)) {
                limit_by_recorded(&mut loaded.entries, counter);
            }
            self.file = Some(Kept { asked: asked.clone(), counted_by, loaded });
        }
        if let Some(kept) = &self.file {
            // Another case may compare the same file's answers otherwise.
            let how = set.expect.as_ref().map_or(Match::Exact, |expect| expect.how);
            check_expected(&kept.loaded, how)?;
            set.source = PromptSource::File(kept.loaded.file.clone());
        }
        Ok(())
    }
}

/// Whether all that a file expects of answers can be compared with them.
fn check_expected(loaded: &Loaded, how: Match) -> Result<(), OpenError> {
    let Entries::Written(written) = &loaded.entries else { return Ok(()) };
    for (number, expected) in (1..).zip(written.iter().map(|one| one.expected.as_deref())) {
        let unfit = expected.and_then(|expected| Check::new(how, expected).err());
        if let (Some(why), Some(expected)) = (unfit, expected) {
            return Err(OpenError::Invalid(format!(
                "data file {}: request {number} expects \"{expected}\", which is no regular \
                 expression: {why}; write one, or another `expect_as`",
                loaded.file.path
            )));
        }
    }
    Ok(())
}

/// Recorded answers say how long the next one may be, where a tokenizer can count them: words are
/// no tokens.
fn limit_by_recorded(entries: &mut Entries, counter: &Counter) {
    let Entries::Written(written) = entries else { return };
    for one in written.iter_mut().filter(|one| one.max_tokens.is_none()) {
        one.max_tokens = recorded_tokens(one, counter);
    }
}

fn recorded_tokens(written: &Written, counter: &Counter) -> Option<u32> {
    let tokens = counter.count(written.recorded_answer()?)?;
    u32::try_from(tokens).ok().filter(|tokens| *tokens > 0)
}

#[cfg(test)]
mod tests;
