//! What a run's `metrics.json` and `validation/metrics.json` tell: of docs/formats.md, what the card shows.

use serde::Deserialize;

/// `metrics.json`: what the training did.
#[derive(Debug, Deserialize)]
pub(crate) struct Training {
    pub(crate) train_pictures: u64,
    pub(crate) validation_pictures: u64,
    pub(crate) epochs: u32,
    pub(crate) best_epoch: u32,
    pub(crate) validation: Option<Figures>,
}

/// `validation/metrics.json`: what the held-out items said.
#[derive(Debug, Deserialize)]
pub(crate) struct Validation {
    pub(crate) pictures: u64,
    pub(crate) resamples: usize,
    pub(crate) model: Option<Figures>,
    pub(crate) prior: Option<Figures>,
    pub(crate) content_class: Option<ContentClass>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct ContentClass {
    pub(crate) accuracy: f64,
    pub(crate) prior_accuracy: f64,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Figures {
    pub(crate) mean_average_precision: Estimate,
    pub(crate) label_ranking_average_precision: Estimate,
    pub(crate) at_k: Vec<AtK>,
    pub(crate) at_threshold: Vec<AtThreshold>,
    pub(crate) by_frequency: Vec<Bucket>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct Estimate {
    pub(crate) value: f64,
    pub(crate) interval: Option<Interval>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct Interval {
    pub(crate) low: f64,
    pub(crate) high: f64,
}

#[derive(Debug, Deserialize)]
pub(crate) struct AtK {
    pub(crate) k: usize,
    pub(crate) accuracy: Estimate,
}

#[derive(Debug, Deserialize)]
pub(crate) struct AtThreshold {
    pub(crate) point: String,
    pub(crate) threshold: Option<f64>,
    pub(crate) micro_precision: Estimate,
    pub(crate) micro_recall: Estimate,
    pub(crate) micro_f1: Estimate,
    pub(crate) macro_f1: Estimate,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Bucket {
    pub(crate) from: u64,
    pub(crate) below: Option<u64>,
    pub(crate) classes: usize,
    pub(crate) mean_average_precision: Estimate,
}

impl Figures {
    pub(crate) fn at(&self, point: &str) -> Option<&AtThreshold> {
        self.at_threshold.iter().find(|at| at.point == point)
    }

    pub(crate) fn best(&self, k: usize) -> Option<&AtK> {
        self.at_k.iter().find(|at| at.k == k)
    }

    pub(crate) fn bucket(&self, from: u64) -> Option<&Bucket> {
        self.by_frequency.iter().find(|bucket| bucket.from == from)
    }
}
