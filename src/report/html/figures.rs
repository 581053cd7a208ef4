//! The figures of a page, of which there are no more than a page has room for.

use crate::figure::{self, Figure};
use tokgate_core::case::CaseId;
use tokgate_core::goal::Level;
use tokgate_core::report::{CaseReport, Report};
use tokgate_core::run::Run;
use tokgate_core::verdict::Exit;

/// Points of all cases together: no page has room for more.
const ALL_POINTS: usize = 110_000;
/// Points of one figure, where there are many cases, and where there are few.
const POINTS: (usize, usize) = (150, 3000);
/// Figures that a case has, about.
const USUAL: usize = 8;

/// The figures of a page.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Figures {
    /// Of the whole run.
    pub run: Vec<Figure>,
    /// Of its cases, those first that a reader looks for; a case may have none.
    pub cases: Vec<OfCase>,
}

/// The figures of one case.
#[derive(Debug, Clone, PartialEq)]
pub struct OfCase {
    /// The place of the case in the report.
    pub place: usize,
    /// Its figures.
    pub figures: Vec<Figure>,
}

impl Figures {
    /// The figures of a run and of its cases, about as many as there is room for. `epochs` are those that a
    /// case was decided from.
    #[must_use]
    pub fn of<'a>(report: &Report, epochs: &dyn Fn(&CaseId) -> &'a [Run]) -> Self {
        let most = (ALL_POINTS / (report.cases.len().max(1) * USUAL)).clamp(POINTS.0, POINTS.1);
        let mut made = Self { run: figure::of_run(report), cases: Vec::new() };
        let mut points = 0;
        for place in worst_first(&report.cases) {
            let case = &report.cases[place];
            let figures = figure::of_case(case, epochs(&case.case.id), most);
            points += figures.iter().map(Figure::points).sum::<usize>();
            made.cases.push(OfCase { place, figures });
            if points > ALL_POINTS {
                break;
            }
        }
        made
    }
}

/// The places of the cases, those first that a reader looks for: INVALID, missed, worse.
fn worst_first(cases: &[CaseReport]) -> Vec<usize> {
    let stands_well = |case: &CaseReport| {
        let worse = case.verdicts.iter().any(|judged| judged.verdict.exit(true) != Exit::Held);
        let missed = case.goals.iter().any(|goal| goal.level == Level::Red);
        case.is_valid() && !worse && !missed
    };
    let mut places: Vec<usize> = (0..cases.len()).collect();
    places.sort_by_key(|place| stands_well(&cases[*place]));
    places
}
