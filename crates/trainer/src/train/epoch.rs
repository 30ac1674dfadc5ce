use std::time::Instant;

use tagmill_model::Progress;
use tch::{Reduction, Tensor};
use tokio_util::sync::CancellationToken;

use super::Settings;
use crate::Error;
use crate::batches::{Augmentation, Epoch};
use crate::metrics::{Judged, Scores};
use crate::network::Network;
use crate::optimiser::{self, AdamW};
use crate::pixels::Side;

/// What an epoch of training came to.
pub(super) struct Trained {
    pub(super) loss: f64,
    pub(super) pictures: u64,
    pub(super) seconds: f64,
    pub(super) rate: f64,
}

/// Shows the network each picture once. `None` when cancelled.
pub(super) fn train(
    network: &Network,
    optimiser: &mut AdamW,
    side: &Side<'_>,
    settings: &Settings,
    number: u32,
    progress: &dyn Progress,
    cancel: &CancellationToken,
) -> Result<Option<Trained>, Error> {
    let epoch = Epoch {
        seed: settings.seed,
        number,
        batch_size: settings.batch_size,
        classes: network.classes(),
        augmentation: settings.augmentation,
        device: network.device(),
    };
    let batches = Epoch::batches(side.len(), settings.batch_size) as u64;
    let steps = batches * u64::from(settings.epochs);
    let warmup = (steps as f64 * settings.warmup) as u64;
    let mut trained = Trained { loss: 0.0, pictures: 0, seconds: 0.0, rate: 0.0 };
    let start = Instant::now();
    let finished = std::thread::scope(|scope| -> Result<bool, Error> {
        for (index, batch) in (0..).zip(epoch.training(scope, side)) {
            if cancel.is_cancelled() {
                return Ok(false);
            }
            let batch = batch?;
            trained.rate = optimiser::rate(
                u64::from(number - 1) * batches + index,
                steps,
                warmup,
                settings.learning_rate,
            );
            let mut step = || {
                let loss = loss(&network.forward(&batch, true)?, &batch.labels(network.device())?)?;
                optimiser.step(&loss, trained.rate, settings.weight_decay, settings.max_gradient_norm)?;
                loss.f_double_value(&[])
            };
            let loss = step().map_err(Error::torch("training"))?;
            if !loss.is_finite() {
                return Err(Error::Diverged { epoch: number });
            }
            trained.loss += loss * batch.len() as f64;
            trained.pictures += batch.len() as u64;
            progress.advance(batch.len() as u64);
            progress.note(&format!("epoch {number}/{}, loss {loss:.3}", settings.epochs));
        }
        Ok(true)
    })?;
    trained.loss /= trained.pictures.max(1) as f64;
    trained.seconds = start.elapsed().as_secs_f64();
    Ok(finished.then_some(trained))
}

/// What the network makes of some pictures.
pub(super) struct JudgedEpoch {
    pub(super) loss: f64,
    pub(super) classes: usize,
    pub(super) scores: Vec<f32>,
    pub(super) truth: Vec<Vec<u32>>,
}

impl JudgedEpoch {
    pub(super) fn view(&self) -> Judged<'_> {
        Judged { scores: Scores::Each(&self.scores), classes: self.classes, truth: &self.truth }
    }
}

/// Scores all pictures as they are. `None` when cancelled.
pub(super) fn judge(
    network: &Network,
    side: &Side<'_>,
    batch_size: usize,
    cancel: &CancellationToken,
) -> Result<Option<JudgedEpoch>, Error> {
    let classes = network.classes();
    let device = network.device();
    let epoch = Epoch { seed: 0, number: 0, batch_size, classes, augmentation: Augmentation::NONE, device };
    let mut scores = Vec::with_capacity(side.len() * classes);
    let mut sum = 0.0;
    let finished = std::thread::scope(|scope| -> Result<bool, Error> {
        for batch in epoch.judging(scope, side) {
            if cancel.is_cancelled() {
                return Ok(false);
            }
            let batch = batch?;
            let judged = tch::no_grad(|| {
                let logits = network.forward(&batch, false)?;
                sum += loss(&logits, &batch.labels(network.device())?)?.f_double_value(&[])?
                    * batch.len() as f64;
                Network::scores(&logits)
            });
            scores.extend(judged.map_err(Error::torch("judging the epoch"))?);
        }
        Ok(true)
    })?;
    let truth = (0..side.len()).map(|index| side.classes(index).to_vec()).collect();
    let loss = sum / side.len().max(1) as f64;
    Ok(finished.then_some(JudgedEpoch { loss, classes, scores, truth }))
}

/// Binary cross-entropy, summed over the classes, averaged over the pictures.
fn loss(logits: &Tensor, labels: &Tensor) -> Result<Tensor, tch::TchError> {
    let pictures = logits.size()[0];
    logits
        .f_binary_cross_entropy_with_logits(labels, None::<&Tensor>, None::<&Tensor>, Reduction::Sum)?
        .f_div_scalar(pictures)
}
