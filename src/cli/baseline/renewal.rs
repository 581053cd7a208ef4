//! What stored runs would make of the recorded baselines: the old, the new, what changes.

use crate::baselines;
use crate::cli::baseline::home::Home;
use crate::cli::baseline::source::{Recording, Source};
use crate::cli::face::Face;
use crate::report::renewal;
use anyhow::Result;
use std::collections::BTreeMap;
use std::path::PathBuf;
use tokgate_baseline::{Baseline, Renewed, renewed};
use tokgate_core::diagnostic::escape;

/// Why a baseline should be trusted less, for people.
pub(super) fn tell_marks(baseline: &Baseline, face: &Face) {
    let marks = baseline.provenance.marks.iter();
    marks.for_each(|mark| face.tell(&escape(&format!("marked: {mark}"))));
}

/// The baseline of one scenario, before and after.
pub(in crate::cli) struct Renewal {
    /// The scenario.
    pub(in crate::cli) scenario: String,
    /// Where the recorded one lies, or would.
    pub(in crate::cli) path: PathBuf,
    /// The recorded one, where there is one.
    pub(in crate::cli) old: Option<Baseline>,
    /// The new one, with the anchor of the old.
    pub(in crate::cli) new: Baseline,
    /// What changes.
    pub(in crate::cli) rows: Vec<Renewed>,
}

impl Renewal {
    /// One for each scenario of the runs.
    ///
    /// # Errors
    /// When the runs make no baseline, or a recorded one cannot be read.
    pub(super) fn all(source: &Source, recording: Recording, home: &Home) -> Result<Vec<Self>> {
        let baselines = source.by_scenario(recording)?;
        baselines.into_iter().map(|(scenario, new)| Self::of(scenario, new, home)).collect()
    }

    /// What `new` would make of the recorded baseline of a scenario.
    ///
    /// # Errors
    /// When that one cannot be read, or a name cannot be that of a file.
    pub(in crate::cli) fn of(scenario: String, new: Baseline, home: &Home) -> Result<Self> {
        let path = home.recorded(&scenario, &new)?;
        let old = path.exists().then(|| baselines::load(&path)).transpose()?;
        let new = match &old {
            Some(old) => new.in_place_of(old),
            None => new,
        };
        let nothing = || Baseline { cases: BTreeMap::new(), anchor: None, ..new.clone() };
        let rows = renewed(old.as_ref().unwrap_or(&nothing()), &new);
        Ok(Self { scenario, path, old, new, rows })
    }

    /// The table, which cases begin anew, and what is marked.
    pub(super) fn tell(&self, face: &Face) {
        face.say(&renewal::table(&self.rows, face.out));
        renewal::unjudged(&self.rows).iter().for_each(|why| face.tell(why));
        renewal::obstacles(&self.rows).iter().for_each(|why| face.tell(&escape(why)));
        let old = self.old.iter();
        for (case, _) in old.flat_map(|old| old.questions_changed(&self.new)) {
            face.tell(&escape(&format!("{case} asks something else than before, and begins anew")));
        }
        tell_marks(&self.new, face);
    }
}
