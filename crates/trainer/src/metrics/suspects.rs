//! Which labels are likely to be wrong: where an item's score contradicts its tags.
//!
//! After confident learning (Northcutt et al. 2021, <https://arxiv.org/abs/1911.00068>): a label is suspect where the model
//! is at least as sure of the contrary as it is in the mean of those items that are labelled so.

use super::ranking::{Ranked, Ranking, each_class};
use super::{Judged, keep};

/// Of a class on fewer items than this, or lacking on fewer, the mean score says little.
const FEWEST: usize = 10;

/// An item whose score for a class contradicts its truth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Suspect {
    /// The item.
    pub item: usize,
    /// The class.
    pub class: usize,
    /// The item's score for it.
    pub score: f32,
    /// The mean score of the items that show the class.
    pub mean_with: f32,
    /// The mean score of the items that do not.
    pub mean_without: f32,
}

/// The suspects of either kind, the surest first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Suspects {
    /// Items without a class that score for it like those with it, or higher.
    pub missing: Vec<Suspect>,
    /// Items with a class that score for it like those without it, or lower.
    pub doubtful: Vec<Suspect>,
}

impl Suspect {
    /// How far the score lies from those of the items that share its truth.
    fn surprise(&self, mean: f32) -> f32 {
        (self.score - mean).abs()
    }
}

/// Finds `count` suspects of either kind at most. Only classes are looked at which ten items or more show, and as many do
/// not, and which the scores tell apart in the mean.
pub fn suspects(judged: &Judged<'_>, count: usize) -> Suspects {
    let mut all = Suspects::default();
    let work = |ranking: &Ranking| {
        let mut of_class = of_class(ranking);
        of_class.keep(count);
        of_class
    };
    each_class(judged, work, |of_class| {
        all.missing.extend(of_class.missing);
        all.doubtful.extend(of_class.doubtful);
        all.keep(count);
    });
    all
}

fn of_class(ranking: &Ranking) -> Suspects {
    let (with, all) = (ranking.positives, ranking.ranked.len());
    if with < FEWEST || all - with < FEWEST {
        return Suspects::default();
    }
    let mean = |positive: bool, count: usize| {
        let scores = ranking.ranked.iter().filter(|ranked| ranked.positive == positive);
        (scores.map(|ranked| f64::from(ranked.score)).sum::<f64>() / count as f64) as f32
    };
    let (mean_with, mean_without) = (mean(true, with), mean(false, all - with));
    if mean_with <= mean_without {
        return Suspects::default();
    }
    let suspect = |ranked: &Ranked| {
        let Ranked { score, item, .. } = *ranked;
        Suspect { item: item as usize, class: ranking.class, score, mean_with, mean_without }
    };
    let those =
        |wrong: &dyn Fn(&Ranked) -> bool| ranking.ranked.iter().filter(|r| wrong(r)).map(suspect).collect();
    Suspects {
        missing: those(&|ranked| !ranked.positive && ranked.score >= mean_with),
        doubtful: those(&|ranked| ranked.positive && ranked.score <= mean_without),
    }
}

impl Suspects {
    fn keep(&mut self, count: usize) {
        let surest_first = |mean: fn(&Suspect) -> f32| {
            move |a: &Suspect, b: &Suspect| {
                let by_surprise = b.surprise(mean(b)).total_cmp(&a.surprise(mean(a)));
                by_surprise.then((a.class, a.item).cmp(&(b.class, b.item)))
            }
        };
        keep(&mut self.missing, count, surest_first(|suspect| suspect.mean_without));
        keep(&mut self.doubtful, count, surest_first(|suspect| suspect.mean_with));
    }
}
