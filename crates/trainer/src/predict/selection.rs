//! Which of a picture's scores make tags.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::metrics::{self, Thresholds};

/// Which tags to name for a picture. With both, at most `top` of those that pass the threshold; with neither, all.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Selection {
    /// At most this many, the likeliest.
    pub top: Option<usize>,
    /// Those alone that pass.
    pub threshold: Option<Threshold>,
}

impl Default for Selection {
    fn default() -> Selection {
        Selection { top: Some(metrics::TOP), threshold: None }
    }
}

/// From which score on a tag is named.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Threshold {
    /// This score, 0 to 1.
    Fixed(f32),
    /// The run's own for all tags: the best micro F1 on its validation pictures.
    Global,
    /// The run's own for all tags at which micro precision and recall are equal.
    Balanced,
    /// The run's own for each tag: its best F1.
    PerTag,
    /// [`maximum_cut`] of each picture.
    MaximumCut,
}

impl FromStr for Threshold {
    type Err = String;

    /// A number from 0 to 1, or `global`, `balanced`, `per-tag` or `mcut`.
    fn from_str(text: &str) -> Result<Threshold, String> {
        match text {
            "global" => Ok(Threshold::Global),
            "balanced" => Ok(Threshold::Balanced),
            "per-tag" => Ok(Threshold::PerTag),
            "mcut" => Ok(Threshold::MaximumCut),
            number => match number.parse() {
                Ok(score) if (0.0..=1.0).contains(&score) => Ok(Threshold::Fixed(score)),
                _ => {
                    Err("write a number from 0 to 1, or `global`, `balanced`, `per-tag` or `mcut`".to_owned())
                }
            },
        }
    }
}

/// A [`Selection`] with the thresholds it goes by, for the tagger that made it.
#[derive(Debug, Clone, PartialEq)]
pub struct Selector {
    top: usize,
    cut: Cut,
}

#[derive(Debug, Clone, PartialEq)]
enum Cut {
    Nothing,
    From(f32),
    /// A threshold for each class.
    Each(Vec<f32>),
    Maximum,
}

impl Selector {
    pub(crate) fn new(
        selection: &Selection,
        global: f32,
        thresholds: impl FnOnce() -> Result<Thresholds, Error>,
    ) -> Result<Selector, Error> {
        let cut = match selection.threshold {
            None => Cut::Nothing,
            Some(Threshold::Fixed(score)) => Cut::From(score),
            Some(Threshold::Global) => Cut::From(global),
            Some(Threshold::Balanced) => Cut::From(thresholds()?.break_even),
            Some(Threshold::PerTag) => Cut::Each(thresholds()?.per_tag),
            Some(Threshold::MaximumCut) => Cut::Maximum,
        };
        Ok(Selector { top: selection.top.unwrap_or(usize::MAX), cut })
    }

    /// The classes that are named, highest score first.
    pub(crate) fn select(&self, scores: &[f32]) -> Vec<usize> {
        let passes: &dyn Fn(usize) -> bool = match &self.cut {
            Cut::Nothing => return metrics::top(scores, self.top),
            Cut::From(threshold) => &|class| scores[class] >= *threshold,
            Cut::Each(thresholds) => &|class| scores[class] >= thresholds[class],
            Cut::Maximum => {
                let threshold = maximum_cut(scores);
                &move |class| scores[class] >= threshold
            }
        };
        let mut classes = metrics::top(scores, scores.len());
        classes.retain(|class| passes(*class));
        classes.truncate(self.top);
        classes
    }
}

/// Maximum Cut Thresholding: the middle of the widest gap between neighbours among a picture's sorted scores, of several as
/// wide the highest. Where no two scores differ, that score, which all of them pass.
///
/// Largeron, Moulin and Géry 2012, "MCut: A Thresholding Strategy for Multi-label Classification",
/// <https://doi.org/10.1007/978-3-642-34156-4_13>.
pub fn maximum_cut(scores: &[f32]) -> f32 {
    let mut sorted = scores.to_vec();
    sorted.sort_unstable_by(|a, b| b.total_cmp(a));
    let widest = sorted.windows(2).fold(None, |widest: Option<(f32, f32)>, pair| {
        let is_wider = widest.is_none_or(|(above, below)| pair[0] - pair[1] > above - below);
        if is_wider { Some((pair[0], pair[1])) } else { widest }
    });
    match widest {
        // Between two neighbours among the numbers there is no middle.
        Some((above, below)) if below + (above - below) / 2.0 <= below => above,
        Some((above, below)) => below + (above - below) / 2.0,
        None => sorted.first().copied().unwrap_or(0.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_cut(scores: &[f32], expected: f32) {
        assert!((maximum_cut(scores) - expected).abs() < 1e-6, "{}", maximum_cut(scores));
    }

    #[test]
    fn the_maximum_cut_lies_in_the_widest_gap() {
        // Sorted: 0.9 0.8 0.3 0.2; gaps 0.1, 0.5, 0.1; the middle of 0.8 and 0.3.
        check_cut(&[0.3, 0.9, 0.2, 0.8], 0.55);
        // Gaps 0.25, 0.25: the higher one.
        check_cut(&[0.5, 0.25, 0.75], 0.625);
        check_cut(&[0.99, 0.01], 0.5);
        check_cut(&[0.4, 0.4, 0.4], 0.4);
        check_cut(&[0.7], 0.7);
        check_cut(&[], 0.0);
        let neighbours = [0.5, 0.5_f32.next_up()];
        assert_eq!(maximum_cut(&neighbours), neighbours[1]);
    }

    #[track_caller]
    fn check(top: Option<usize>, threshold: Option<Threshold>, expected: &[usize]) {
        let thresholds = || {
            Ok(Thresholds {
                best_micro_f1: 0.4,
                best_macro_f1: 0.3,
                break_even: 0.6,
                per_tag: vec![0.95, 0.2, 0.7, 0.05],
                positives: vec![1; 4],
            })
        };
        let selector = Selector::new(&Selection { top, threshold }, 0.4, thresholds).unwrap();
        assert_eq!(selector.select(&[0.9, 0.5, 0.7, 0.1]), expected);
    }

    #[test]
    fn tags_are_selected() {
        check(None, None, &[0, 2, 1, 3]);
        check(Some(2), None, &[0, 2]);
        check(None, Some(Threshold::Fixed(0.7)), &[0, 2]);
        check(None, Some(Threshold::Fixed(1.0)), &[]);
        check(None, Some(Threshold::Global), &[0, 2, 1]);
        check(None, Some(Threshold::Balanced), &[0, 2]);
        check(None, Some(Threshold::PerTag), &[2, 1, 3]);
        // The likeliest of those that pass, not those that pass of the likeliest.
        check(Some(1), Some(Threshold::PerTag), &[2]);
        // Gaps 0.2, 0.2, 0.4.
        check(None, Some(Threshold::MaximumCut), &[0, 2, 1]);
        check(Some(1), Some(Threshold::MaximumCut), &[0]);
    }

    #[test]
    fn thresholds_are_read() {
        assert_eq!("0.35".parse(), Ok(Threshold::Fixed(0.35)));
        assert_eq!("mcut".parse(), Ok(Threshold::MaximumCut));
        for wrong in ["1.1", "-0.1", "NaN", "", "mcut ", "Global"] {
            assert!(wrong.parse::<Threshold>().is_err(), "{wrong}");
        }
    }
}
