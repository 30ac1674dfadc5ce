//! Where values lie along an axis, and which of them stand beside it.

use super::DIGIT;
use crate::text::grouped;

/// Values beyond it leave no room for arithmetic; no figure of a model comes near.
const LARGEST: f64 = 1e100;

/// How an axis runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// To the right: its numbers stand side by side and need room.
    Across,
    /// Upwards: where the values choose its ends, they are ticks, so that lines keep off the frame.
    Upwards,
}

/// An axis with its ends and its ticks.
#[derive(Debug)]
pub(super) struct Ruler {
    low: f64,
    high: f64,
    /// Where the ends are drawn.
    from: f64,
    to: f64,
    ticks: Vec<f64>,
    step: f64,
}

impl Ruler {
    /// An axis drawn from one place to another that shows its range, or that of the values, which are finite.
    pub(super) fn new(
        axis: &crate::Axis,
        values: impl Iterator<Item = f64>,
        direction: Direction,
        (from, to): (f64, f64),
    ) -> Ruler {
        let given = axis.range.filter(|(low, high)| is_drawable(*low) && is_drawable(*high));
        let extent = values
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
        let (low, high) = widened(given.unwrap_or(extent), axis.whole);
        let mut ruler = Ruler { low, high, from, to, ticks: Vec::new(), step: 0.0 };
        for most in (2..=6).rev() {
            ruler.step = step((high - low) / f64::from(most), axis.whole);
            if direction == Direction::Upwards && given.is_none() {
                ruler.low = (low / ruler.step).floor() * ruler.step;
                ruler.high = (high / ruler.step).ceil() * ruler.step;
            }
            ruler.ticks = ticks(ruler.low, ruler.high, ruler.step);
            if direction == Direction::Upwards || ruler.labels_fit() {
                break;
            }
        }
        ruler
    }

    /// Where a value is drawn. Far outside the plot one place is as good as another.
    pub(super) fn place(&self, value: f64) -> f64 {
        let share = (value - self.low) / (self.high - self.low);
        self.from + (self.to - self.from) * share.clamp(-9.0, 10.0)
    }

    /// Where a value is drawn if it is on the axis.
    pub(super) fn within(&self, value: f64) -> Option<f64> {
        (self.low..=self.high).contains(&value).then(|| self.place(value))
    }

    /// Places and labels.
    pub(super) fn ticks(&self) -> impl Iterator<Item = (f64, String)> {
        self.ticks.iter().map(|tick| (self.place(*tick), self.label(*tick)))
    }

    /// In characters.
    pub(super) fn widest_label(&self) -> usize {
        self.ticks.iter().map(|tick| self.label(*tick).chars().count()).max().unwrap_or(0)
    }

    fn labels_fit(&self) -> bool {
        // Two digits of air between two labels.
        let needed = (self.widest_label() + 2) as f64 * DIGIT * self.ticks.len() as f64;
        needed <= (self.to - self.from).abs()
    }

    /// A tick with as many digits as tell it from the next: `0.25`, `1,500`, `2e-5`.
    fn label(&self, tick: f64) -> String {
        let size = self.low.abs().max(self.high.abs());
        if size >= 1e7 || self.step < 1e-4 {
            if tick == 0.0 {
                return "0".to_owned();
            }
            let digits = (magnitude(tick) - magnitude(self.step)).clamp(0, 12) as usize;
            return signed(&format!("{:.digits$e}", tick.abs()), tick);
        }
        let decimals = (-magnitude(self.step)).max(0) as usize;
        let digits = format!("{:.decimals$}", tick.abs());
        match digits.split_once('.') {
            None => signed(&grouped(&digits), tick),
            Some((whole, rest)) => signed(&format!("{}.{rest}", grouped(whole)), tick),
        }
    }
}

/// Whether a number can be put on an axis.
pub(super) fn is_drawable(value: f64) -> bool {
    value.abs() <= LARGEST
}

/// A value with three digits or more: `0.742`, `1,204`, `2.5e-5`.
pub(super) fn number(value: f64) -> String {
    let size = value.abs();
    let digits = match size {
        0.0 => "0".to_owned(),
        size if !(1e-3..1e7).contains(&size) => format!("{size:.2e}"),
        size if size.fract() == 0.0 => grouped(&format!("{size:.0}")),
        size => format!("{size:.*}", (3 - magnitude(size)).clamp(0, 5) as usize),
    };
    signed(&digits, value)
}

fn signed(digits: &str, value: f64) -> String {
    if value < 0.0 { format!("−{digits}") } else { digits.to_owned() }
}

/// Ends in order, with something between them.
fn widened((one, other): (f64, f64), whole: bool) -> (f64, f64) {
    let (low, high) = (one.min(other), one.max(other));
    // So close that an axis could not tell its ticks apart.
    if high - low > low.abs().max(high.abs()) * 1e-12 {
        return (low, high);
    }
    let half = match whole || low == 0.0 {
        true => 0.5_f64.max(low.abs() * 1e-9),
        false => low.abs() / 10.0,
    };
    (low - half, high + half)
}

/// The smallest 1, 2 or 5 times a power of ten that is not below `least`.
fn step(least: f64, whole: bool) -> f64 {
    let power = 10_f64.powf(least.log10().floor());
    let step =
        [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power).into_iter().find(|step| *step >= least * 0.999);
    let step = step.unwrap_or(10.0 * power);
    if whole { step.max(1.0) } else { step }
}

/// The multiples of a step from one end to the other.
fn ticks(low: f64, high: f64, step: f64) -> Vec<f64> {
    // Ends that are ticks but for rounding are ticks.
    let (first, last) = ((low / step - 1e-6).ceil(), (high / step + 1e-6).floor());
    let count = (last - first).clamp(-1.0, 20.0) as i32;
    // Adding zero makes a negative zero a plain one.
    (0..=count).map(|index| (first + f64::from(index)) * step + 0.0).collect()
}

/// The power of ten that a number has one digit before the point of.
fn magnitude(value: f64) -> i32 {
    // Powers of ten come out a hair too small, as 0.3 / 3 does.
    (value.abs().log10() + 1e-9).floor() as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ruler(range: Option<(f64, f64)>, whole: bool, values: &[f64], direction: Direction) -> Ruler {
        let axis = crate::Axis { label: String::new(), range, whole };
        Ruler::new(&axis, values.iter().copied(), direction, (0.0, 360.0))
    }

    #[track_caller]
    fn check(values: &[f64], direction: Direction, expected: &[&str]) {
        let labels: Vec<String> = ruler(None, false, values, direction).ticks().map(|tick| tick.1).collect();
        assert_eq!(labels, expected);
    }

    #[test]
    fn ticks_are_round_numbers() {
        use Direction::{Across, Upwards};
        check(&[0.0, 1.0], Across, &["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        check(&[0.13, 0.57], Upwards, &["0.1", "0.2", "0.3", "0.4", "0.5", "0.6"]);
        check(&[-3.0, 4.0], Upwards, &["−4", "−2", "0", "2", "4"]);
        check(&[0.0, 4_900.0], Upwards, &["0", "1,000", "2,000", "3,000", "4,000", "5,000"]);
        check(&[0.0, 9e-5], Upwards, &["0", "2e-5", "4e-5", "6e-5", "8e-5", "1.0e-4"]);
        check(&[0.0, 3e9], Across, &["0", "1e9", "2e9", "3e9"]);
    }

    #[test]
    fn whole_axes_have_whole_ticks() {
        let labels = |values: &[f64]| -> Vec<String> {
            ruler(None, true, values, Direction::Across).ticks().map(|tick| tick.1).collect()
        };
        assert_eq!(labels(&[1.0, 3.0]), ["1", "2", "3"]);
        assert_eq!(labels(&[7.0]), ["7"]);
        assert_eq!(labels(&[1.0, 20.0]), ["5", "10", "15", "20"]);
    }

    #[test]
    fn every_range_has_a_place_for_its_values() {
        let values = [0.0, 0.3, -1e-300, 1e-12, 1e15, 1e15 + 1.0, LARGEST, -LARGEST];
        for one in values {
            for other in values {
                for direction in [Direction::Across, Direction::Upwards] {
                    for whole in [false, true] {
                        let ruler = ruler(None, whole, &[one, other], direction);
                        assert!((-1.0..=361.0).contains(&ruler.place(one)), "{one} {other} {ruler:?}");
                        assert!(ruler.ticks.len() <= 12, "{ruler:?}");
                        assert!(ruler.ticks().all(|tick| (-1.0..=361.0).contains(&tick.0)), "{ruler:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_given_range_holds_and_a_broken_one_does_not() {
        let found = ruler(Some((0.0, 1.0)), false, &[-5.0, 5.0], Direction::Upwards);
        assert_eq!((found.low, found.high), (0.0, 1.0));
        let found = ruler(Some((1.0, 0.0)), false, &[5.0], Direction::Across);
        assert_eq!((found.low, found.high), (0.0, 1.0));
        let found = ruler(Some((f64::NAN, 1.0)), false, &[2.0, 4.0], Direction::Across);
        assert_eq!((found.low, found.high), (2.0, 4.0));
    }

    #[test]
    fn numbers_have_three_digits() {
        let cases =
            [(0.7421, "0.7421"), (3.0, "3"), (12.345, "12.35"), (2.5e-5, "2.50e-5"), (-0.5, "−0.5000")];
        for (value, expected) in cases {
            assert_eq!(number(value), expected);
        }
    }
}
