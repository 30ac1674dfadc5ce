use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use tagmill_model::{Outcome, Reunion, StageReport, counted};

use super::checkpoint::State;
use crate::metrics::Figures;
use crate::starting_weights::Matched;

/// What a training did. A finished run keeps it as `metrics.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// How it ended.
    pub outcome: Outcome,
    /// Whether the run was finished before, so that there was nothing to do. The other fields then tell of that training.
    pub already_trained: bool,
    /// The epoch that an earlier, interrupted training had finished; 0 for a fresh one.
    pub resumed_after: u32,
    /// Rows of the table.
    pub rows: u64,
    /// Rows left out because their medium is a video.
    pub videos: u64,
    /// Pictures that the model learned from.
    pub train_pictures: u64,
    /// Pictures that chose the epoch and the threshold.
    pub validation_pictures: u64,
    /// Pictures that could not be used, by reason; `bad_images.csv` lists them.
    pub bad_pictures: BTreeMap<String, u64>,
    /// Pictures that had to be decoded, the test side's too; the others were in the cache.
    #[serde(default)]
    pub decoded_pictures: u64,
    /// What came of the file of weights to start from; `None` without one.
    #[serde(default)]
    pub weights: Option<Matched>,
    /// Pictures whose feature vectors had to be computed for a frozen backbone; the others were in the cache.
    #[serde(default)]
    pub computed_features: u64,
    /// Near-duplicates, and what it took to bring each group to one side.
    #[serde(default)]
    pub near_duplicates: Reunion,
    /// Classes of the vocabulary.
    pub classes: usize,
    /// Epochs that are done, those of earlier trainings included.
    pub epochs: u32,
    /// The epoch whose weights the run holds, counted from 1; 0 where none is done.
    pub best_epoch: u32,
    /// The best epoch's figures on the validation pictures; `None` where there are none or nothing is finished.
    pub validation: Option<Figures>,
    /// Seconds spent on training, earlier trainings included; decoding and judging are not.
    pub train_seconds: f64,
    /// Pictures that the model learned from in each of these seconds.
    pub images_per_second: f64,
}

/// One row of `history.csv`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EpochFigures {
    /// Counted from 1.
    pub epoch: u32,
    /// Mean loss of the training pictures, as they were when the epoch met them; over the classes as the settings reduce it.
    pub train_loss: f64,
    /// Mean loss of the validation pictures after the epoch; `None` where there are none.
    pub validation_loss: Option<f64>,
    /// Mean average precision on the validation pictures after the epoch; `None` where there are none.
    pub validation_map: Option<f64>,
    /// The learning rate of the epoch's last step.
    pub learning_rate: f64,
    /// Seconds of training, judging not included.
    pub seconds: f64,
    /// Pictures in each of these seconds.
    pub images_per_second: f64,
    /// The share of these seconds in which the model waited for pictures, 0 to 1.
    pub data_wait: f64,
}

/// A training that was cancelled before it began.
impl Default for Report {
    fn default() -> Report {
        Report {
            outcome: Outcome::Cancelled,
            already_trained: false,
            resumed_after: 0,
            rows: 0,
            videos: 0,
            train_pictures: 0,
            validation_pictures: 0,
            bad_pictures: BTreeMap::new(),
            decoded_pictures: 0,
            weights: None,
            computed_features: 0,
            near_duplicates: Reunion::default(),
            classes: 0,
            epochs: 0,
            best_epoch: 0,
            validation: None,
            train_seconds: 0.0,
            images_per_second: 0.0,
        }
    }
}

impl Report {
    /// Takes over how far the training is.
    pub(super) fn tell(&mut self, state: &State) {
        let pictures: f64 = state.history.iter().map(|epoch| epoch.images_per_second * epoch.seconds).sum();
        self.epochs = state.epochs();
        self.best_epoch = state.best_epoch;
        self.train_seconds = state.history.iter().map(|epoch| epoch.seconds).sum();
        self.images_per_second = if pictures > 0.0 { pictures / self.train_seconds } else { 0.0 };
    }
}

impl StageReport for Report {
    fn outcome(&self) -> Outcome {
        self.outcome
    }

    fn items(&self) -> u64 {
        if self.already_trained { 0 } else { self.train_pictures }
    }

    fn failed(&self) -> u64 {
        self.bad_pictures.values().sum()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let done = match (self.already_trained, self.outcome) {
            (true, _) => "already trained:",
            (false, Outcome::Completed) => "trained",
            (false, Outcome::Cancelled) => "cancelled: trained",
        };
        write!(
            f,
            "{done} {} classes on {}, {}, {:.0} pictures/s",
            self.classes,
            counted(self.train_pictures, "picture"),
            counted(self.epochs.into(), "epoch"),
            self.images_per_second
        )?;
        if let Some(figures) = &self.validation {
            write!(f, ", validation mAP {:.3}", figures.mean_average_precision.value)?;
        }
        let Reunion { divided, moved, .. } = self.near_duplicates;
        if moved > 0 {
            let (moved, groups) = (counted(moved, "item"), counted(divided, "group"));
            write!(f, ", {moved} moved to join near-duplicates ({groups})")?;
        }
        let bad = self.failed();
        if bad > 0 {
            write!(f, ", {} left out", counted(bad, "picture"))?;
        }
        Ok(())
    }
}
