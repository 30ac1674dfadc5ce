use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use tagmill_model::{Outcome, StageReport, counted};

use crate::metrics::{Figures, Point};

/// The figures, and what they were taken on. Kept as `validation/metrics.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// How it ended.
    pub outcome: Outcome,
    /// Whether run, table and settings are those of the validation before, so that its figures stand.
    pub already_validated: bool,
    /// Test items that were judged.
    pub pictures: u64,
    /// Test items that were not judged, because the run has seen them, under this id or with this path, or a
    /// picture that is nearly the same; `validation/refused.csv` lists them.
    pub refused: u64,
    /// Test items that could not be used, by reason; `validation/bad_images.csv` lists them.
    pub bad_pictures: BTreeMap<String, u64>,
    /// Classes of the run.
    pub classes: usize,
    /// How often the items were drawn anew for the intervals.
    pub resamples: usize,
    /// The model's figures, at the thresholds that the run's validation side chose; `None` when cancelled.
    pub model: Option<Figures>,
    /// The prior's figures, at the thresholds that the same side chose for it; `None` when cancelled.
    pub prior: Option<Figures>,
    /// How well it tells content classes apart; `None` when cancelled.
    pub content_class: Option<ContentClass>,
    /// What the figures depend on: weights, table, settings.
    pub fingerprint: String,
}

/// In which share of the pictures the likeliest content class is one that the picture has.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ContentClass {
    /// Where the tagger says which is likeliest.
    pub accuracy: f64,
    /// Where it is always the one that is commonest in the training.
    pub prior_accuracy: f64,
}

impl Report {
    /// As long as nothing is judged.
    pub(super) fn cancelled(classes: usize, refused: u64, fingerprint: String) -> Report {
        Report {
            outcome: Outcome::Cancelled,
            already_validated: false,
            pictures: 0,
            refused,
            bad_pictures: BTreeMap::new(),
            classes,
            resamples: 0,
            model: None,
            prior: None,
            content_class: None,
            fingerprint,
        }
    }
}

impl StageReport for Report {
    fn outcome(&self) -> Outcome {
        self.outcome
    }

    fn items(&self) -> u64 {
        if self.already_validated { 0 } else { self.pictures }
    }

    fn failed(&self) -> u64 {
        self.refused + self.bad_pictures.values().sum::<u64>()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Some(model), Some(prior)) = (&self.model, &self.prior) else {
            return f.write_str("cancelled: nothing validated");
        };
        let done = if self.already_validated { "already validated:" } else { "validated" };
        write!(f, "{done} {}", counted(self.pictures, "test picture"))?;
        let mut figure =
            |mark: &str, name: &str, of: &dyn Fn(&Figures) -> Option<f64>| match (of(model), of(prior)) {
                (Some(model), Some(prior)) => write!(f, "{mark} {name} {model:.3} ({prior:.3})"),
                _ => Ok(()),
            };
        let micro = |figures: &Figures| figures.at(Point::BestMicroF1).map(|at| at.micro_f1.value);
        let macro_f1 = |figures: &Figures| figures.at(Point::BestMicroF1).map(|at| at.macro_f1.value);
        let top = |figures: &Figures| figures.best(crate::metrics::TOP).map(|at| at.accuracy.value);
        figure(":", "mAP", &|figures| Some(figures.mean_average_precision.value))?;
        figure(",", "micro F1", &micro)?;
        figure(",", "macro F1", &macro_f1)?;
        figure(",", "top-5", &top)?;
        f.write_str(", the prior's in brackets")?;
        if self.refused > 0 {
            write!(f, ", {} refused as seen in training", self.refused)?;
        }
        match self.bad_pictures.values().sum() {
            0u64 => Ok(()),
            bad => write!(f, ", {} left out", counted(bad, "picture")),
        }
    }
}
