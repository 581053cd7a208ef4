//! Units: one per dimension inside, scaled only for people.

use serde::{Deserialize, Serialize};

/// The unit in which a metric is kept. SI inside; [`Unit::show`] scales for reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
    /// Bytes per second.
    BytesPerSecond,
    /// Tokens per second.
    TokensPerSecond,
    /// Requests (or queries) per second.
    RequestsPerSecond,
    /// A share between 0 and 1, shown in percent.
    Ratio,
    /// A plain count.
    Count,
    /// Joules.
    Joules,
    /// Tokens for a joule.
    TokensPerJoule,
    /// US dollars.
    Usd,
    /// Tokens per second for one US dollar an hour.
    TokensPerSecondPerUsdHour,
    /// Watts.
    Watts,
    /// Degrees Celsius.
    Celsius,
}

impl Unit {
    /// The symbol of the unit in which values are kept; a share has the unit 1.
    #[must_use]
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Seconds => "s",
            Self::Bytes => "B",
            Self::BytesPerSecond => "B/s",
            Self::TokensPerSecond => "tok/s",
            Self::RequestsPerSecond => "1/s",
            Self::Ratio => "1",
            Self::Count => "count",
            Self::Joules => "J",
            Self::TokensPerJoule => "tok/J",
            Self::Usd => "USD",
            Self::TokensPerSecondPerUsdHour => "tok/s/(USD/h)",
            Self::Watts => "W",
            Self::Celsius => "°C",
        }
    }

    /// The value scaled to a unit that reads well, with its name: `0.0042 s` is `4.20 ms`.
    #[must_use]
    pub fn show(self, value: f64) -> String {
        match self {
            Self::Seconds => show_seconds(value),
            Self::Bytes => show_bytes(value),
            // As memory is sold: in powers of ten.
            Self::BytesPerSecond => format!("{} GB/s", significant(value / 1e9)),
            Self::TokensPerSecond => format!("{} tok/s", significant(value)),
            Self::RequestsPerSecond => format!("{} /s", significant(value)),
            Self::Ratio => format!("{:.2} %", value * 100.0),
            Self::Count => significant(value),
            Self::Joules => format!("{} J", significant(value)),
            Self::TokensPerJoule => format!("{} tok/J", significant(value)),
            Self::Usd => format!("{} USD", small(value)),
            Self::TokensPerSecondPerUsdHour => format!("{} tok/s per USD/h", significant(value)),
            Self::Watts => format!("{} W", significant(value)),
            Self::Celsius => format!("{} °C", significant(value)),
        }
    }
}

fn show_seconds(value: f64) -> String {
    let magnitude = value.abs();
    if magnitude >= 1.0 {
        format!("{} s", significant(value))
    } else if magnitude >= 1e-3 || magnitude == 0.0 {
        format!("{} ms", significant(value * 1e3))
    } else {
        format!("{} µs", significant(value * 1e6))
    }
}

fn show_bytes(value: f64) -> String {
    const STEPS: [(f64, &str); 3] = [(1073741824.0, "GiB"), (1048576.0, "MiB"), (1024.0, "KiB")];
    STEPS.iter().find(|(size, _)| value.abs() >= *size).map_or_else(
        || format!("{value} B"),
        |(size, name)| format!("{} {name}", significant(value / size)),
    )
}

/// Three significant digits, however small.
fn small(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        magnitude if magnitude >= 1.0 => significant(value),
        magnitude => format!("{value:.*}", (2.0 - magnitude.log10().floor()).min(12.0) as usize),
    }
}

/// Three significant digits, never in exponent form.
fn significant(value: f64) -> String {
    let magnitude = value.abs();
    if magnitude >= 100.0 || magnitude.fract() == 0.0 {
        format!("{value:.0}")
    } else if magnitude >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_read_in_the_unit_that_fits() {
        assert_eq!(Unit::Seconds.show(0.0042), "4.20 ms");
        assert_eq!(Unit::Seconds.show(0.000_012), "12 µs");
        assert_eq!(Unit::Seconds.show(12.34), "12.3 s");
        assert_eq!(Unit::Ratio.show(0.0123), "1.23 %");
        assert_eq!(Unit::Bytes.show(36_700_160.0), "35 MiB");
        assert_eq!(Unit::Usd.show(0.018_395), "0.0184 USD");
        assert_eq!(Unit::Usd.show(3.0), "3 USD");
    }
}
