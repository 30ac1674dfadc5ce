//! What a training minimises: one number from logits and targets.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use tch::{Kind, TchError, Tensor};

use crate::train::Settings;

/// A probability that is raised to a power is at least this: a power below one has no slope at nothing.
const LEAST: f64 = 1e-8;

/// A rare class's positives weigh at most so much, however rare it is.
const HEAVIEST: f64 = 100.0;

/// The loss of one class of one picture, from its probability `p` and its target `y`, 0 to 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Loss {
    /// Binary cross-entropy, `-y ln p - (1 - y) ln(1 - p)`.
    #[default]
    Bce,
    /// The asymmetric loss of Ridnik et al. 2020, <https://arxiv.org/abs/2009.14119>: easy negatives count less than easy
    /// positives, `-y (1 - p)^a ln p - (1 - y) q^b ln(1 - q)` with `q = max(p - clip, 0)`. With 0, 0 and 0 it is
    /// [`Loss::Bce`].
    Asymmetric {
        /// The power `b` of negatives, 4 in the paper.
        gamma_negative: f64,
        /// The power `a` of positives, 1 in the paper.
        gamma_positive: f64,
        /// What a negative's probability may be for nothing, 0.05 in the paper.
        clip: f64,
    },
    /// The focal loss of Lin et al. 2017, <https://arxiv.org/abs/1708.02002>: what is nearly right counts less,
    /// `-alpha y (1 - p)^gamma ln p - (1 - alpha) (1 - y) p^gamma ln(1 - p)`.
    Focal {
        /// The power, 2 in the paper.
        gamma: f64,
        /// The weight of positives, 0.25 in the paper; negatives have the rest.
        alpha: f64,
    },
}

impl Loss {
    /// The asymmetric loss as its paper has it.
    pub const ASYMMETRIC: Loss = Loss::Asymmetric { gamma_negative: 4.0, gamma_positive: 1.0, clip: 0.05 };

    /// The focal loss as its paper has it.
    pub const FOCAL: Loss = Loss::Focal { gamma: 2.0, alpha: 0.25 };
}

/// Reads `bce`, `asymmetric`, `asymmetric=4,1,0.05`, `focal` or `focal=2,0.25`: the numbers in the order of the fields.
impl FromStr for Loss {
    type Err = String;

    fn from_str(text: &str) -> Result<Loss, String> {
        let (name, numbers) = text.split_once('=').unwrap_or((text, ""));
        let parts = numbers.split(',').filter(|_| !numbers.is_empty());
        let numbers: Result<Vec<f64>, _> = parts.map(|part| part.trim().parse()).collect();
        match (name, numbers.as_deref().unwrap_or(&[f64::NAN]), text.contains('=')) {
            ("bce", [], false) => Ok(Loss::Bce),
            ("asymmetric", [], false) => Ok(Loss::ASYMMETRIC),
            ("asymmetric", &[gamma_negative, gamma_positive, clip], _) => {
                Ok(Loss::Asymmetric { gamma_negative, gamma_positive, clip })
            }
            ("focal", [], false) => Ok(Loss::FOCAL),
            ("focal", &[gamma, alpha], _) => Ok(Loss::Focal { gamma, alpha }),
            _ => Err("write bce, asymmetric, asymmetric=4,1,0.05, focal or focal=2,0.25".to_owned()),
        }
    }
}

/// As it is read.
impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Loss::Bce => f.write_str("bce"),
            Loss::Asymmetric { gamma_negative, gamma_positive, clip } => {
                write!(f, "asymmetric={gamma_negative},{gamma_positive},{clip}")
            }
            Loss::Focal { gamma, alpha } => write!(f, "focal={gamma},{alpha}"),
        }
    }
}

/// How the losses of a picture's classes become one. Over pictures it is always the mean.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reduction {
    /// Their sum: a step does not shrink as the vocabulary grows.
    #[default]
    Sum,
    /// Their mean.
    Mean,
}

/// A loss, ready for the outputs of a network.
pub(crate) struct Objective {
    loss: Loss,
    reduction: Reduction,
    /// What the positives of each output weigh, shape `[outputs]`; `None` where all weigh one.
    positive_weights: Option<Tensor>,
}

impl Objective {
    /// What the settings ask for. `counts` tells in how many of the training `items` each output's class occurs.
    pub(crate) fn new(
        settings: &Settings,
        counts: &[u64],
        items: u64,
        device: tch::Device,
    ) -> Result<Objective, TchError> {
        let Settings { loss, reduction, positive_balance: balance, .. } = *settings;
        let weight = |count: u64| {
            let odds = items.saturating_sub(count) as f64 / count.max(1) as f64;
            odds.powf(balance).min(HEAVIEST) as f32
        };
        let positive_weights = match balance == 0.0 {
            true => None,
            false => {
                let weights: Vec<f32> = counts.iter().map(|count| weight(*count)).collect();
                Some(Tensor::f_from_slice(&weights)?.f_to_device(device)?)
            }
        };
        Ok(Objective { loss, reduction, positive_weights })
    }

    /// The loss of a batch: a tensor without dimensions, from logits and targets of shape `[pictures, outputs]`.
    pub(crate) fn of(&self, logits: &Tensor, targets: &Tensor) -> Result<Tensor, TchError> {
        let sum = match self.loss {
            Loss::Bce => logits.f_binary_cross_entropy_with_logits(
                targets,
                None::<&Tensor>,
                self.positive_weights.as_ref(),
                tch::Reduction::Sum,
            )?,
            Loss::Asymmetric { gamma_negative, gamma_positive, clip } => {
                let positive = self.positive(logits, targets, gamma_positive)?;
                positive.f_add(&negative(logits, targets, gamma_negative, clip)?)?.f_sum(Kind::Float)?
            }
            Loss::Focal { gamma, alpha } => {
                let positive = self.positive(logits, targets, gamma)?.f_mul_scalar(alpha)?;
                let negative = negative(logits, targets, gamma, 0.0)?.f_mul_scalar(1.0 - alpha)?;
                positive.f_add(&negative)?.f_sum(Kind::Float)?
            }
        };
        sum.f_div_scalar(self.divisor(&logits.size()))
    }

    /// The loss of a batch, and its slopes by the logits, which have the logits' shape. Takes the logits' memory.
    ///
    /// The slope of plain cross-entropy is `p - y`: nobody needs a graph to go back for that.
    pub(crate) fn descend(&self, logits: Tensor, targets: &Tensor) -> Result<(f64, Tensor), TchError> {
        if self.loss == Loss::Bce && self.positive_weights.is_none() {
            return tch::no_grad(|| {
                let loss = self.of(&logits, targets)?.f_double_value(&[])?;
                let mut slopes = logits;
                let slopes =
                    slopes.f_sigmoid_()?.f_sub_(targets)?.f_div_scalar_(self.divisor(&targets.size()))?;
                Ok((loss, slopes))
            });
        }
        let logits = logits.f_detach()?.f_set_requires_grad(true)?;
        let loss = self.of(&logits, targets)?;
        let slopes = Tensor::f_run_backward(&[&loss], &[&logits], false, false)?.remove(0);
        Ok((loss.f_double_value(&[])?, slopes))
    }

    /// By what the sum over a batch of `shape` is divided.
    fn divisor(&self, shape: &[i64]) -> i64 {
        match self.reduction {
            Reduction::Sum => shape[0],
            Reduction::Mean => shape[0] * shape[1],
        }
    }

    /// `-w y (1 - p)^gamma ln p` of each class.
    fn positive(&self, logits: &Tensor, targets: &Tensor, gamma: f64) -> Result<Tensor, TchError> {
        let losses = logits.f_log_sigmoid()?.f_neg()?.f_mul(targets)?;
        let losses = match &self.positive_weights {
            Some(weights) => losses.f_mul(weights)?,
            None => losses,
        };
        focus(losses, &logits.f_neg()?.f_sigmoid()?, gamma)
    }
}

/// `-(1 - y) q^gamma ln(1 - q)` of each class, where `q` is what of its probability lies above `clip`.
fn negative(logits: &Tensor, targets: &Tensor, gamma: f64, clip: f64) -> Result<Tensor, TchError> {
    let probabilities = logits.f_sigmoid()?;
    let (probabilities, logarithms) = match clip > 0.0 {
        true => {
            let above = probabilities.f_sub_scalar(clip)?.f_clamp_min(0.0)?;
            let logarithms = above.f_neg()?.f_log1p()?;
            (above, logarithms)
        }
        // The logarithm of the sigmoid stays exact where the probability itself has rounded to one.
        false => (probabilities, logits.f_neg()?.f_log_sigmoid()?),
    };
    let losses = logarithms.f_neg()?.f_mul(&targets.f_neg()?.f_add_scalar(1.0)?)?;
    focus(losses, &probabilities, gamma)
}

/// Multiplies by the power of what is still wrong.
fn focus(losses: Tensor, wrong: &Tensor, gamma: f64) -> Result<Tensor, TchError> {
    if gamma == 0.0 {
        return Ok(losses);
    }
    losses.f_mul(&wrong.f_clamp_min(LEAST)?.f_pow_tensor_scalar(gamma)?)
}

#[cfg(test)]
mod tests;
