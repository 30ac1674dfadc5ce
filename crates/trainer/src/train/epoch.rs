use tokio_util::sync::CancellationToken;

use crate::Error;
use crate::augment::Augmentation;
use crate::batches::Epoch;
use crate::loss::Objective;
use crate::metrics::{Judged, Scores};
use crate::network::Network;
use crate::pixels::Side;

/// What the network makes of some pictures.
pub(super) struct JudgedEpoch {
    /// Mean loss of the pictures.
    pub(super) loss: f64,
    classes: usize,
    scores: Vec<f32>,
    truth: Vec<Vec<u32>>,
}

impl JudgedEpoch {
    pub(super) fn view(&self) -> Judged<'_> {
        Judged { scores: Scores::Each(&self.scores), classes: self.classes, truth: &self.truth }
    }
}

/// Scores all pictures as they are. `None` when cancelled.
pub(super) fn judge(
    network: &Network,
    objective: &Objective,
    side: &Side<'_>,
    batch_size: usize,
    cancel: &CancellationToken,
) -> Result<Option<JudgedEpoch>, Error> {
    let classes = network.classes();
    let (augmentation, shown, device) = (Augmentation::NONE, side.size(), network.device());
    let epoch = Epoch { seed: 0, number: 0, batch_size, skip: 0, classes, augmentation, shown, device };
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
                let loss = objective.of(&logits, &batch.targets(device)?)?;
                sum += loss.f_double_value(&[])? * batch.len() as f64;
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
