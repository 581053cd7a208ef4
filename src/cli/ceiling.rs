//! `tokgate doctor --ceiling`: what this machine's client can take, in lines of the doctor.

use crate::cli::doctor::{Finding, fine, note};
use tokgate_harness::ceiling::{Ceiling, CeilingError, Delivery, measure};

/// Below this, the client's thread had something to wait for.
const BUSY: f64 = 0.9;

/// Said of a build whose HTTP and parsing are many times slower than they need to be.
const UNOPTIMISED: &str =
    "this build is not optimised: `cargo bench` and `cargo install` take far more";

/// One line for each way in which events can come, and one that says what to make of them.
pub(super) fn findings() -> Vec<Finding> {
    let measured = [("at once", Delivery::AtOnce), ("one by one", Delivery::OneByOne)]
        .map(|(how, delivery)| (how, measure(delivery)));
    let mut findings: Vec<Finding> =
        measured.iter().map(|(how, ceiling)| finding(how, ceiling)).collect();
    let one_by_one = measured[1].1.as_ref().ok().and_then(Ceiling::limit_events_s);
    findings.extend(one_by_one.map(|limit| fine("ceiling", meaning(limit))));
    findings.extend(cfg!(debug_assertions).then(|| note("ceiling", UNOPTIMISED)));
    findings
}

fn finding(how: &str, ceiling: &Result<Ceiling, CeilingError>) -> Finding {
    match ceiling {
        Ok(ceiling) if ceiling.events > 0 && ceiling.failed == 0 => {
            fine("ceiling", format!("{how}: {}", told(ceiling)))
        }
        Ok(ceiling) => {
            let Ceiling { requests, failed, .. } = ceiling;
            note("ceiling", format!("{how}: {failed} requests failed, {requests} did not"))
        }
        Err(error) => note("ceiling", format!("{how}: {error}")),
    }
}

fn told(ceiling: &Ceiling) -> String {
    let came = format!(
        "{} events/s, {} requests/s",
        rounded(ceiling.events_s()),
        rounded(ceiling.requests_s())
    );
    match ceiling.cpu_share().zip(ceiling.cpu_s_per_million()) {
        Some((share, cpu)) => format!(
            "{came}; the client's thread {:.0} % busy{}, {cpu:.2} CPU-s a million",
            share * 100.0,
            if share < BUSY { " (it waited)" } else { "" },
        ),
        None => format!("{came}; this platform does not tell a thread's CPU time"),
    }
}

/// The slower way is how servers stream: it is the one to plan with.
fn meaning(limit: f64) -> String {
    format!(
        "this machine's client can take about {} events/s; a run of {} tok/s uses 1 % of it",
        rounded(limit),
        rounded(limit / 100.0)
    )
}

/// Two significant digits: more of them would be another number a minute later.
fn rounded(value: f64) -> String {
    let step = 10f64.powf((value.max(1.0).log10().floor() - 1.0).max(0.0));
    let digits = format!("{:.0}", (value / step).round() * step);
    let grouped: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(|group| std::str::from_utf8(group).unwrap_or_default())
        .collect();
    grouped.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_rounded_to_what_will_hold() {
        assert_eq!(rounded(1_234_567.0), "1 200 000");
        assert_eq!(rounded(9_960.0), "10 000");
        assert_eq!((rounded(12.3), rounded(0.4)), ("12".to_owned(), "0".to_owned()));
    }

    #[test]
    fn a_client_that_waited_is_told_by_its_cpu_time() {
        let ceiling =
            Ceiling { requests: 100, failed: 0, events: 25_900, seconds: 1.0, cpu_s: Some(0.5) };
        let told = told(&ceiling);
        assert!(told.contains("50 % busy (it waited), 19.31 CPU-s a million"), "{told}");
        assert!(meaning(51_800.0).contains("about 52 000 events/s; a run of 520 tok/s"));
    }
}
