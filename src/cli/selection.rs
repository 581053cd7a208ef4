//! Which cases the filters of a bench target leave.

use libtest_mimic::Arguments;
use tokgate_core::case::Case;
use tokgate_core::scenario::Scenario;

/// The filters as they were given, and the scenarios that they may name.
pub(super) struct Selection {
    filters: Vec<String>,
    skip: Vec<String>,
    exact: bool,
    scenarios: Vec<String>,
}

impl Selection {
    /// libtest's own filter and further ones; a case is wanted when any of them fits.
    pub(super) fn new(libtest: &Arguments, further: &[String], scenarios: Vec<String>) -> Self {
        Self {
            filters: libtest.filter.iter().chain(further).cloned().collect(),
            skip: libtest.skip.clone(),
            exact: libtest.exact,
            scenarios,
        }
    }

    /// Whether no filter was given.
    pub(super) fn is_open(&self) -> bool {
        self.filters.is_empty()
    }

    /// Whether a case, by its listed name, is left.
    pub(super) fn wants(&self, scenario: &str, listed: &str) -> bool {
        let skipped = self.skip.iter().any(|skip| listed.contains(skip.as_str()));
        let fits = |filter: &String| self.fits(filter, scenario, listed);
        !skipped && (self.is_open() || self.filters.iter().any(fits))
    }

    /// Whether a case is left and will be run.
    pub(super) fn asks_for(&self, scenario: &Scenario, case: &Case) -> bool {
        (scenario.is_default() || !self.is_open()) && self.wants(scenario.name(), &case.id.listed())
    }

    /// The scenario of an exact filter: nextest starts a process for every case, and no other
    /// scenario needs to be read then.
    pub(super) fn only_scenario(&self) -> Option<&String> {
        let named = self.filters.first().filter(|_| self.exact && self.filters.len() == 1)?;
        let name = named.split("::").next()?;
        self.scenarios.iter().find(|scenario| *scenario == name)
    }

    /// A filter equal to a scenario's name selects only that scenario, else it is a substring.
    fn fits(&self, filter: &str, scenario: &str, listed: &str) -> bool {
        if self.exact {
            listed == filter
        } else if self.scenarios.iter().any(|name| name == filter) {
            scenario == filter
        } else {
            listed.contains(filter)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selection(filter: &str, exact: bool) -> Selection {
        let libtest = Arguments { filter: Some(filter.to_owned()), exact, ..Arguments::default() };
        let scenarios = ["quick", "quick_long", "retrieval"].map(str::to_owned).to_vec();
        Selection::new(&libtest, &[], scenarios)
    }

    #[test]
    fn a_filter_that_is_a_scenarios_name_selects_only_that_scenario() {
        assert!(selection("quick", false).wants("quick", "quick::tok"));
        assert!(!selection("quick", false).wants("quick_long", "quick_long::tok"));
        assert!(!selection("retrieval", false).wants("quick", "quick::retrieval"));
    }

    #[test]
    fn any_other_filter_is_a_substring_and_exact_is_exact() {
        assert!(selection("tok", false).wants("quick", "quick::tok"));
        assert!(selection("quick::tok", true).wants("quick", "quick::tok"));
        assert!(!selection("quick::to", true).wants("quick", "quick::tok"));
    }

    #[test]
    fn an_exact_filter_needs_only_its_scenario() {
        assert_eq!(
            selection("quick::tok", true).only_scenario().map(String::as_str),
            Some("quick")
        );
        assert_eq!(selection("quick::tok", false).only_scenario(), None);
        assert_eq!(selection("other::tok", true).only_scenario(), None);
    }
}
