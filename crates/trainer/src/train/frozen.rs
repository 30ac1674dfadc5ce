//! Epochs of a head alone, on the feature vectors of a frozen backbone.

use std::time::Instant;

use tagmill_model::Progress;
use tokio_util::sync::CancellationToken;

use super::Settings;
use super::epoch::{JudgedEpoch, Trained};
use crate::Error;
use crate::features::FeatureSide;
use crate::head;
use crate::network::Network;
use crate::optimiser::{self, AdamW};
use crate::random::Random;

/// Shows the head each picture once. `None` when cancelled.
///
/// Unlike batch normalisation, a head minds no batch that is a little smaller: all are made as large as each other, and none
/// larger than asked for.
pub(super) fn train(
    network: &Network,
    optimiser: &mut AdamW,
    side: &FeatureSide<'_>,
    settings: &Settings,
    number: u32,
    progress: &dyn Progress,
    cancel: &CancellationToken,
) -> Result<Option<Trained>, Error> {
    let order = Random::new(&[settings.seed, u64::from(number)]).permutation(side.len());
    let batches = side.len().div_ceil(settings.batch_size);
    let steps = batches as u64 * u64::from(settings.epochs);
    let warmup = (steps as f64 * settings.warmup) as u64;
    let before = u64::from(number - 1) * batches as u64;
    let mut trained = Trained { loss: 0.0, pictures: 0, seconds: 0.0, rate: 0.0 };
    let mut buffer = Vec::new();
    let start = Instant::now();
    for (step, indices) in (before..).zip(order.chunks(side.len().div_ceil(batches))) {
        if cancel.is_cancelled() {
            return Ok(None);
        }
        trained.rate = optimiser::rate(step, steps, warmup, settings.learning_rate);
        let features = side.gather(indices, &mut buffer, network.device())?;
        let mut descend = || {
            let classes = indices.iter().map(|index| side.classes(*index));
            let shown = head::shown(classes, network.classes(), network.device())?;
            let descent = tch::no_grad(|| head::descend(network.classify(&features)?, &features, &shown))?;
            let (decay, clip) = (settings.weight_decay, settings.max_gradient_norm);
            optimiser.follow(&descent.gradients, trained.rate, decay, clip)?;
            Ok(descent.loss)
        };
        let loss = descend().map_err(Error::torch("training"))?;
        if !loss.is_finite() {
            return Err(Error::Diverged { epoch: number });
        }
        trained.loss += loss * indices.len() as f64;
        trained.pictures += indices.len() as u64;
        progress.advance(indices.len() as u64);
        progress.note(&format!("epoch {number}/{}, loss {loss:.3}", settings.epochs));
    }
    trained.loss /= trained.pictures.max(1) as f64;
    trained.seconds = start.elapsed().as_secs_f64();
    Ok(Some(trained))
}

/// Scores all pictures. `None` when cancelled.
pub(super) fn judge(
    network: &Network,
    side: &FeatureSide<'_>,
    batch_size: usize,
    cancel: &CancellationToken,
) -> Result<Option<JudgedEpoch>, Error> {
    let (classes, device) = (network.classes(), network.device());
    let mut scores = Vec::with_capacity(side.len() * classes);
    let (mut sum, mut buffer) = (0.0, Vec::new());
    let all: Vec<usize> = (0..side.len()).collect();
    for indices in all.chunks(batch_size) {
        if cancel.is_cancelled() {
            return Ok(None);
        }
        let features = side.gather(indices, &mut buffer, device)?;
        let judge = || {
            let logits = network.classify(&features)?;
            let shown = head::shown(indices.iter().map(|index| side.classes(*index)), classes, device)?;
            sum += head::loss(&logits, &shown)? * indices.len() as f64;
            Network::scores(&logits)
        };
        scores.extend(tch::no_grad(judge).map_err(Error::torch("judging the epoch"))?);
    }
    let truth = all.iter().map(|index| side.classes(*index).to_vec()).collect();
    let loss = sum / side.len().max(1) as f64;
    Ok(Some(JudgedEpoch { loss, classes, scores, truth }))
}
