use tokio_util::sync::CancellationToken;

use super::material::Material;
use crate::Error;
use crate::augment::Augmentation;
use crate::batches::Epoch;
use crate::loss::Objective;
use crate::metrics::{Judged, Scores};
use crate::network::Network;

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
    material: &Material<'_>,
    batch_size: usize,
    cancel: &CancellationToken,
) -> Result<Option<JudgedEpoch>, Error> {
    let epoch = Epoch {
        seed: 0,
        number: 0,
        batch_size,
        skip: 0,
        outputs: network.outputs(),
        augmentation: Augmentation::NONE,
        // Nothing is shown smaller than it is when it is judged.
        shown: 0,
        device: network.device(),
    };
    let mut scores = Vec::with_capacity(material.len() * network.classes());
    let mut sum = 0.0;
    let finished = std::thread::scope(|scope| -> Result<bool, Error> {
        for batch in material.judging(epoch, scope) {
            if cancel.is_cancelled() {
                return Ok(false);
            }
            let batch = batch?;
            let judged = batch.judge(network, objective).and_then(|(loss, logits)| {
                sum += loss * batch.len() as f64;
                Network::scores(&logits)
            });
            scores.extend(judged.map_err(Error::torch("judging the epoch"))?);
        }
        Ok(true)
    })?;
    let truth = (0..material.len()).map(|index| material.classes(index).to_vec()).collect();
    let loss = sum / material.len().max(1) as f64;
    Ok(finished.then_some(JudgedEpoch { loss, classes: network.classes(), scores, truth }))
}
