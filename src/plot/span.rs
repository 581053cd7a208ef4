//! One axis on paper: from which number to which it reaches, where a number is, and which are written
//! beside it.

use crate::figure::Scale;

/// Room on either side of what is drawn, as a share of it.
const MARGIN: f64 = 0.05;
/// Steps between numbers that read well, within a power of ten.
const STEPS: [f64; 4] = [1.0, 2.0, 5.0, 10.0];

/// From where to where an axis reaches.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Span {
    low: f64,
    high: f64,
    scale: Scale,
}

/// A number beside an axis.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tick {
    /// Where it is, from 0 to 1.
    pub(super) place: f64,
    /// How it is written.
    pub(super) text: String,
}

impl Span {
    /// What holds all the numbers, with some room around them; from zero on where they begin below a share
    /// of the greatest.
    pub(super) fn around(numbers: impl Iterator<Item = f64>, scale: Scale, from_zero: f64) -> Self {
        let on_it = numbers.filter_map(|number| onto(scale, number));
        let (low, high) = on_it.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), number| {
            (low.min(number), high.max(number))
        });
        if low > high {
            return Self { low: 0.0, high: 1.0, scale };
        }
        let from_zero = scale == Scale::Linear && low >= 0.0 && low <= from_zero * high;
        let low = if from_zero { 0.0 } else { low };
        let margin = match high > low {
            true => (high - low) * MARGIN,
            false if scale == Scale::Logarithmic || high == 0.0 => 0.5,
            false => high.abs() * MARGIN,
        };
        Self { low: if from_zero { low } else { low - margin }, high: high + margin, scale }
    }

    /// Exactly from one number to another, by their difference.
    pub(super) fn exactly(low: f64, high: f64) -> Self {
        Self { low, high, scale: Scale::Linear }
    }

    /// The same, but no higher than `most` if nothing on it is.
    pub(super) fn at_most(self, most: f64) -> Self {
        let margin = (self.high - self.low) * 2.0 * MARGIN;
        let is_just_above = self.high > most && self.high - margin <= most;
        Self { high: if is_just_above { most } else { self.high }, ..self }
    }

    /// Where a number is, 0 at the lower end and 1 at the upper; `None` for what cannot be drawn.
    pub(super) fn place(self, number: f64) -> Option<f64> {
        let on_it = onto(self.scale, number)?;
        Some((on_it - self.low) / (self.high - self.low))
    }

    /// Where the lower end of a bar is: zero, or the end of the axis where zero is not on it.
    pub(super) fn floor(self) -> f64 {
        self.place(0.0).unwrap_or(0.0).clamp(0.0, 1.0)
    }

    /// Up to about `most` numbers that read well.
    pub(super) fn ticks(self, most: usize) -> Vec<Tick> {
        match self.scale {
            Scale::Linear => self.even_ticks(most),
            Scale::Logarithmic => {
                let decades = self.decades(most);
                if decades.len() > 1 { decades } else { self.even_ticks(most) }
            }
        }
    }

    /// These numbers, where they are few and short enough to be written as they are.
    pub(super) fn ticks_at(self, numbers: &[f64]) -> Option<Vec<Tick>> {
        let short = |number: &f64| {
            let text = plain(*number, 3);
            (text.len() <= 6 && text.parse() == Ok(*number)).then_some(text)
        };
        let tick = |number: &f64| Some(Tick { place: self.place(*number)?, text: short(number)? });
        numbers.iter().map(tick).collect()
    }

    fn ends(self) -> (f64, f64) {
        match self.scale {
            Scale::Linear => (self.low, self.high),
            Scale::Logarithmic => (self.low.exp(), self.high.exp()),
        }
    }

    fn even_ticks(self, most: usize) -> Vec<Tick> {
        let (low, high) = self.ends();
        let rough = (high - low) / most.max(1) as f64;
        let power = 10_f64.powf(rough.log10().floor());
        let step = STEPS.map(|step| step * power).into_iter().find(|step| *step >= rough);
        let step = step.unwrap_or(rough);
        let decimals = (-(step * 1.000_001).log10().floor()).clamp(0.0, 9.0) as usize;
        let (first, last) = ((low / step - 1e-6).ceil(), (high / step + 1e-6).floor());
        let count = (last - first).clamp(0.0, 100.0) as u32;
        let number = |at| (first + f64::from(at)) * step;
        let tick =
            |number: f64| Some(Tick { place: self.place(number)?, text: plain(number, decimals) });
        (0..=count).map(number).filter_map(tick).collect()
    }

    /// One, two and five of each power of ten, or the powers alone, or every so many of them.
    fn decades(self, most: usize) -> Vec<Tick> {
        let (low, high) = self.ends();
        let powers = low.log10().floor() as i32..=high.log10().ceil() as i32;
        let all = |steps: &[f64]| -> Vec<f64> {
            let of = |power: i32| steps.iter().map(move |step| step * 10_f64.powi(power));
            let numbers = powers.clone().flat_map(of);
            numbers.filter(|number| (low..=high).contains(number)).collect()
        };
        let (fine, coarse) = (all(&STEPS[..3]), all(&STEPS[..1]));
        let numbers = if fine.len() <= most { fine } else { coarse };
        let every = numbers.len().div_ceil(most.max(1)).max(1);
        let tick = |number: f64| {
            let decimals = (-number.log10().floor()).clamp(0.0, 9.0) as usize;
            Some(Tick { place: self.place(number)?, text: plain(number, decimals) })
        };
        numbers.into_iter().step_by(every).filter_map(tick).collect()
    }
}

fn onto(scale: Scale, number: f64) -> Option<f64> {
    let on_it = match scale {
        Scale::Linear => number,
        Scale::Logarithmic if number > 0.0 => number.ln(),
        Scale::Logarithmic => return None,
    };
    on_it.is_finite().then_some(on_it)
}

/// A number as an axis has it: thousands as `k`, millions as `M`, no zeros at its end that say nothing.
fn plain(number: f64, decimals: usize) -> String {
    let (scaled, suffix, decimals) = match number.abs() {
        large if large >= 1e7 => (number / 1e6, "M", 3),
        large if large >= 1e5 => (number / 1e3, "k", 3),
        _ => (number, "", decimals),
    };
    let text = format!("{scaled:.decimals$}");
    let text = match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.'),
        false => &text,
    };
    let text = if text == "-0" { "0" } else { text };
    format!("{text}{suffix}").replace('-', "−")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(span: Span, most: usize) -> Vec<String> {
        span.ticks(most).into_iter().map(|tick| tick.text).collect()
    }

    #[test]
    fn numbers_near_zero_are_shown_from_zero_on_and_others_with_room() {
        let near = Span::around([10.0, 100.0].into_iter(), Scale::Linear, 0.75);
        assert_eq!((near.place(0.0), near.place(105.0)), (Some(0.0), Some(1.0)));
        assert!(near.place(100.0) < Some(1.0));
        let far = Span::around([95.0, 100.0].into_iter(), Scale::Linear, 0.75);
        assert!(far.place(95.0) > Some(0.0) && far.place(0.0) < Some(0.0));
    }

    #[test]
    fn ticks_read_well() {
        assert_eq!(texts(Span::exactly(0.0, 100.0), 6), ["0", "20", "40", "60", "80", "100"]);
        assert_eq!(texts(Span::exactly(-0.15, 0.3), 5), ["−0.1", "0", "0.1", "0.2", "0.3"]);
        assert_eq!(texts(Span::exactly(0.0, 400_000.0), 4), ["0", "100k", "200k", "300k", "400k"]);
        let wide = Span::around([0.5, 2000.0].into_iter(), Scale::Logarithmic, 0.75);
        assert_eq!(texts(wide, 6), ["1", "10", "100", "1000"]);
    }

    #[test]
    fn what_cannot_be_on_an_axis_has_no_place() {
        let wide = Span::around([0.0, -1.0, 1.0, 100.0].into_iter(), Scale::Logarithmic, 0.75);
        assert_eq!((wide.place(0.0), wide.place(-1.0)), (None, None));
        assert_eq!(wide.place(10.0).map(|place| (place * 10.0).round()), Some(5.0));
        assert_eq!(Span::exactly(0.0, 1.0).place(f64::NAN), None);
        let one = Span::around([7.0].into_iter(), Scale::Linear, 0.75);
        assert!(one.place(7.0).is_some_and(|place| (0.0..=1.0).contains(&place)));
        let nothing = Span::around(std::iter::empty(), Scale::Linear, 0.75);
        assert_eq!(nothing.place(0.5), Some(0.5));
    }

    #[test]
    fn few_short_numbers_are_written_as_they_are() {
        let span = Span::around([1.0, 16.0].into_iter(), Scale::Logarithmic, 0.75);
        let ticks = span.ticks_at(&[1.0, 4.0, 16.0]).unwrap();
        assert_eq!(
            ticks.iter().map(|tick| tick.text.as_str()).collect::<Vec<_>>(),
            ["1", "4", "16"]
        );
        assert_eq!(span.ticks_at(&[1.0, 2.345_678_9]), None);
    }
}
