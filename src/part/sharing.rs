//! What each worker of a shared load derives for itself: its part of every case, and when each epoch begins.
//!
//! A pure function of the plan, the start and the number of workers, so that nobody needs to tell anybody.

use jiff::Timestamp;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};
use tokgate_core::case::{Case, CaseId, DriverKind};
use tokgate_core::metric::Kind;
use tokgate_core::workload::{Open, Shard, Workload};
use tokgate_harness::part::Part;

/// What passes between the planned end of a load and the beginning of the next one, seconds, where nobody
/// says otherwise: the last answers, the telemetry, the disk, and the next epoch's warm-up.
const MARGIN_S: f64 = 30.0;

/// How long the workers have for each epoch, seconds.
pub type Slot = f64;

/// Which part of every load is sent here, and when each epoch begins.
#[derive(Debug, Clone, PartialEq)]
pub struct Sharing {
    shard: Shard,
    starts: BTreeMap<(CaseId, u32), Timestamp>,
}

/// Why a case cannot be measured by several workers together.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{case}: {why}")]
pub struct NotShared {
    /// Which case.
    pub case: String,
    /// Why not, and what to do.
    pub why: String,
}

impl Sharing {
    /// The part `shard` of these cases, whose first epoch begins at `start`. Every further epoch has its own
    /// moment: the planned length of all before it, each with a margin, or as many slots.
    ///
    /// # Errors
    /// When a case cannot be shared, or it does not follow from the plan when its epochs begin.
    pub fn of(
        cases: &[Case],
        shard: Shard,
        start: Timestamp,
        slot: Option<Slot>,
    ) -> Result<Self, NotShared> {
        let refused = |case: &Case, why| NotShared { case: case.id.listed(), why };
        let (mut starts, mut after_s) = (BTreeMap::new(), Ok(0.0));
        for case in cases {
            if let Some(why) = why_not(case, shard.of()).or_else(|| too_short(case, slot)) {
                return Err(refused(case, why));
            }
            for number in 0..case.run.epochs {
                let begins_s = after_s?;
                let after = Duration::try_from_secs_f64(begins_s).ok();
                let moment = after.and_then(|after| start.checked_add(after).ok());
                let never =
                    || format!("its epoch {number} would begin after the end of all calendars");
                starts.insert(
                    (case.id.clone(), number),
                    moment.ok_or_else(|| refused(case, never()))?,
                );
                // That it is not known how long it lasts is no matter where nothing follows.
                let length_s = slot_of(case, slot).ok_or_else(|| refused(case, UNKNOWN.to_owned()));
                after_s = length_s.map(|length_s| begins_s + length_s);
            }
        }
        Ok(Self { shard, starts })
    }

    /// Which part it is.
    #[must_use]
    pub fn shard(&self) -> Shard {
        self.shard
    }

    /// When an epoch of a case begins; `None` for one that was not planned.
    #[must_use]
    pub fn start(&self, case: &CaseId, number: u32) -> Option<Timestamp> {
        self.starts.get(&(case.clone(), number)).copied()
    }

    /// What of an epoch of a case is sent here, and when.
    #[must_use]
    pub fn part(&self, case: &CaseId, number: u32) -> Part {
        Part { shard: self.shard, start: self.start(case, number).map(SystemTime::from) }
    }

    /// What of a case's load is sent here, in words.
    #[must_use]
    pub fn told(&self, case: &Case) -> String {
        let senders = |all: u32| self.shard.pick(all).count();
        match &case.workload {
            Workload::Closed(closed) => match senders(closed.concurrency) {
                0 => format!("none of {} senders: nothing is sent", closed.concurrency),
                mine => format!("{mine} of {} senders", closed.concurrency),
            },
            Workload::Open(open) => {
                let plan = |shard| open.arrivals.plan(case.run.seed, &[], shard);
                let limit = open
                    .max_in_flight
                    .map(|most| format!(", at most {} of {most} in flight", senders(most)));
                let arrivals = match (plan(self.shard), plan(Shard::WHOLE)) {
                    (Ok(mine), Ok(all)) => format!("{} of {} arrivals", mine.len(), all.len()),
                    // A trace is not read yet.
                    (Err(_), _) | (_, Err(_)) => format!("every {}. arrival", self.shard.of()),
                };
                format!("{arrivals}{}", limit.unwrap_or_default())
            }
            Workload::BreakingPoint(_) => "nothing".to_owned(),
        }
    }
}

/// What is said where an epoch follows one of unknown length.
const UNKNOWN: &str = "the plan does not say how long it lasts, and another epoch follows: say with \
     `--slot SECONDS` how long each epoch has, from its beginning to the next one's";

/// How long an epoch has; `None` where neither plan nor user says.
fn slot_of(case: &Case, slot: Option<Slot>) -> Option<f64> {
    slot.or_else(|| case.workload.duration_s().map(|length_s| length_s + MARGIN_S))
}

fn too_short(case: &Case, slot: Option<Slot>) -> Option<String> {
    let (slot_s, length_s) = (slot?, case.workload.duration_s()?);
    (slot_s < length_s).then(|| {
        format!("it lasts {length_s} s, and `--slot` gives each epoch {slot_s} s: give more")
    })
}

/// Why a case is not to be shared by so many; `None` where it can be.
fn why_not(case: &Case, of: u32) -> Option<String> {
    let alone = |what: &str| {
        Some(format!("{what}, so its load is not shared: measure it without `--shard`"))
    };
    match (case.kind, &case.workload) {
        (Kind::Retrieval, _) => return alone("each worker would search an index of its own"),
        (Kind::Rag, _) => return alone("each worker would search passages of its own"),
        (Kind::Generation | Kind::Embedding, Workload::BreakingPoint(_)) => {
            return alone(
                "a search for the breaking point decides by its own answers what it tries next",
            );
        }
        (Kind::Generation | Kind::Embedding, Workload::Open(Open { max_in_flight, .. })) => {
            if let Some(most) = max_in_flight.filter(|most| *most < of) {
                return Some(format!(
                    "`max_in_flight = {most}` cannot be split among {of} workers without one that may send \
                     nothing: allow at least {of}, or take fewer workers"
                ));
            }
        }
        (Kind::Generation | Kind::Embedding, Workload::Closed(_)) => {}
    }
    if case.pressure.is_some() {
        return alone("its pressure weighs on one host");
    }
    if case.target.launch.is_some() {
        return alone("each worker would launch a server of its own");
    }
    why_not_at(case.target.driver)
}

fn why_not_at(driver: DriverKind) -> Option<String> {
    match driver {
        driver if driver.is_model_server() => None,
        DriverKind::Auto => Some(
            "the target is whatever server each worker finds: name the one that all send to with \
             `--target` and `--base-url`"
                .to_owned(),
        ),
        other => Some(format!(
            "each worker would have a `{}` target of its own: a load is shared towards a server, with \
             `--target openai --base-url URL` or `ollama`",
            other.as_str()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokgate_core::pressure::Pressure;
    use tokgate_core::scenario::{Facts, Scenario, Surroundings, plan};

    fn cases(text: &str) -> Vec<Case> {
        let text = format!(
            "schema = 1\n[target]\ndriver = \"openai\"\nbase_url = \"http://h:1/v1\"\nmodel = \"m\"\n\
             [dataset]\nprompt_tokens = 8\noutput_tokens = 4\n{text}"
        );
        let known = Surroundings::closed(&|_| None);
        let scenario = Scenario::parse("s", "s.toml", &text, &known).expect("well-formed");
        plan(&scenario, &Facts::default()).expect("it can be planned")
    }

    fn shared(cases: &[Case], of: u32, slot: Option<f64>) -> Result<Sharing, String> {
        let start = "2026-12-01T12:00:00Z".parse().unwrap();
        let shard = Shard::new(0, of).unwrap();
        Sharing::of(cases, shard, start, slot).map_err(|error| error.to_string())
    }

    fn starts(sharing: &Sharing) -> Vec<String> {
        sharing.starts.values().map(ToString::to_string).collect()
    }

    const OPEN: &str = "[[case]]\nname = \"o\"\nkind = \"generation\"\n\
         workload = { kind = \"constant\", rate = 10, duration_s = 60, max_in_flight = 4 }\n";
    const CLOSED: &str = "[[case]]\nname = \"c\"\nkind = \"generation\"\nworkload = { kind = \"closed\", concurrency = 2, requests = 20 }\n";

    #[test]
    fn epochs_begin_one_after_another_by_the_planned_length_and_a_margin() {
        let text = format!("[run]\nepochs = 2\n{OPEN}{}", OPEN.replace("\"o\"", "\"p\""));
        let sharing = shared(&cases(&text), 3, None).unwrap();
        let expected = [
            "2026-12-01T12:00:00Z",
            "2026-12-01T12:01:30Z",
            "2026-12-01T12:03:00Z",
            "2026-12-01T12:04:30Z",
        ];
        assert_eq!(starts(&sharing), expected);
        let sharing = shared(&cases(&text), 3, Some(120.0)).unwrap();
        assert_eq!(starts(&sharing)[3], "2026-12-01T12:06:00Z");
    }

    #[test]
    fn a_load_without_a_planned_length_needs_a_slot_where_another_epoch_follows() {
        assert_eq!(starts(&shared(&cases(CLOSED), 3, None).unwrap()), ["2026-12-01T12:00:00Z"]);
        let text = format!("[run]\nepochs = 2\n{CLOSED}");
        let told = shared(&cases(&text), 3, None).unwrap_err();
        assert!(told.starts_with("s::c: ") && told.contains("--slot SECONDS"), "{told}");
        let sharing = shared(&cases(&text), 3, Some(45.5)).unwrap();
        assert_eq!(starts(&sharing)[1], "2026-12-01T12:00:45.5Z");
        // The last one's length is no matter.
        let text = format!("{OPEN}{}", CLOSED.replace("\"c\"", "\"p\""));
        assert_eq!(starts(&shared(&cases(&text), 3, None).unwrap())[1], "2026-12-01T12:01:30Z");
    }

    #[test]
    fn a_slot_shorter_than_the_load_is_refused() {
        let told = shared(&cases(OPEN), 2, Some(59.0)).unwrap_err();
        assert!(told.contains("lasts 60 s") && told.contains("59 s"), "{told}");
    }

    #[test]
    fn what_cannot_be_shared_is_refused_by_the_name_of_its_case() {
        let told = shared(&cases(OPEN), 5, None).unwrap_err();
        assert!(told.contains("max_in_flight = 4") && told.contains("5 workers"), "{told}");
        assert!(shared(&cases(OPEN), 4, None).is_ok());
        let search = "[[case]]\nname = \"b\"\nkind = \"generation\"\nworkload = { kind = \"breaking_point\", max_concurrency = 8, step_s = 2 }\n";
        let told = shared(&cases(search), 2, None).unwrap_err();
        assert!(told.contains("s::b") && told.contains("breaking point"), "{told}");
        let mut weighed = cases(CLOSED);
        weighed[0].pressure = Some(Pressure::default());
        assert!(shared(&weighed, 2, None).unwrap_err().contains("pressure"));
        for (driver, word) in [
            (DriverKind::Embedded, "`embedded`"),
            (DriverKind::Simulated, "`simulated`"),
            (DriverKind::Batch, "`batch`"),
            (DriverKind::Auto, "--base-url"),
        ] {
            let mut other = cases(CLOSED);
            other[0].target.driver = driver;
            let told = shared(&other, 2, None).unwrap_err();
            assert!(told.contains(word), "{told}");
        }
        let mut retrieval = cases(CLOSED);
        retrieval[0].kind = Kind::Retrieval;
        assert!(shared(&retrieval, 2, None).unwrap_err().contains("index of its own"));
    }

    #[test]
    fn a_worker_is_told_what_it_sends_and_that_it_sends_nothing() {
        let case = &cases(CLOSED)[0];
        let of = |index| Sharing { shard: Shard::new(index, 3).unwrap(), starts: BTreeMap::new() };
        assert_eq!(of(1).told(case), "1 of 2 senders");
        assert_eq!(of(2).told(case), "none of 2 senders: nothing is sent");
        let told = of(0).told(&cases(OPEN)[0]);
        assert!(told.contains(" arrivals, at most 2 of 4 in flight"), "{told}");
    }
}
