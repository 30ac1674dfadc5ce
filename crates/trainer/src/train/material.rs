//! What a training learns from: pictures, or the feature vectors that a frozen backbone made of them.

use std::thread::Scope;

use tch::{TchError, Tensor};

use crate::Error;
use crate::batches::{Batch, Epoch};
use crate::features::{FeatureBatch, FeatureSide};
use crate::loss::Objective;
use crate::network::Network;
use crate::optimiser::AdamW;
use crate::pixels::Side;

/// One side of the split.
pub(super) enum Material<'a> {
    Pictures(&'a Side<'a>),
    Features(FeatureSide<'a>),
}

/// What the network sees at a time.
pub(super) enum Shown {
    Pictures(Batch),
    Features(FeatureBatch),
}

/// Batches, one after the other.
type Batches<'a> = Box<dyn Iterator<Item = Result<Shown, Error>> + 'a>;

impl Material<'_> {
    pub(super) fn len(&self) -> usize {
        match self {
            Material::Pictures(side) => side.len(),
            Material::Features(side) => side.len(),
        }
    }

    /// The classes of a picture, rising.
    pub(super) fn classes(&self, index: usize) -> &[u32] {
        match self {
            Material::Pictures(side) => side.classes(index),
            Material::Features(side) => side.classes(index),
        }
    }

    /// How many batches an epoch has, and how many pictures are in them.
    pub(super) fn batches(&self, batch_size: usize) -> (usize, usize) {
        match self {
            Material::Pictures(side) => {
                (Epoch::batches(side.len(), batch_size), Epoch::pictures(side.len(), batch_size))
            }
            // Only batch normalisation needs whole batches.
            Material::Features(side) => (side.len().div_ceil(batch_size), side.len()),
        }
    }

    /// An epoch's batches, in an order that depends on seed and epoch alone.
    pub(super) fn training<'scope, 'env>(
        &'env self,
        epoch: Epoch,
        scope: &'scope Scope<'scope, 'env>,
    ) -> Batches<'scope> {
        match self {
            Material::Pictures(side) => Box::new(epoch.training(scope, side).into_iter().map(pictures)),
            Material::Features(side) => Box::new(side.training(epoch).map(features)),
        }
    }

    /// All of it, in its order and unchanged.
    pub(super) fn judging<'scope, 'env>(
        &'env self,
        epoch: Epoch,
        scope: &'scope Scope<'scope, 'env>,
    ) -> Batches<'scope> {
        match self {
            Material::Pictures(side) => Box::new(epoch.judging(scope, side).into_iter().map(pictures)),
            Material::Features(side) => Box::new(side.judging(epoch).map(features)),
        }
    }
}

fn pictures(batch: Result<Batch, Error>) -> Result<Shown, Error> {
    batch.map(Shown::Pictures)
}

fn features(batch: Result<FeatureBatch, Error>) -> Result<Shown, Error> {
    batch.map(Shown::Features)
}

impl Shown {
    pub(super) fn len(&self) -> usize {
        match self {
            Shown::Pictures(batch) => batch.len(),
            Shown::Features(batch) => batch.len(),
        }
    }

    /// Adds the gradient of the batch's loss to those that the optimiser's next step follows, as one of `count` batches, and
    /// returns the loss.
    pub(super) fn learn(
        &self,
        network: &Network,
        objective: &Objective,
        optimiser: &mut AdamW,
        count: usize,
    ) -> Result<f64, TchError> {
        match self {
            Shown::Pictures(batch) => {
                let logits = network.forward(batch, true)?;
                let loss = objective.of(&logits, &batch.targets(network.device())?)?;
                optimiser.add(&loss.f_div_scalar(count as i64)?)?;
                loss.f_double_value(&[])
            }
            Shown::Features(FeatureBatch { features, targets }) => {
                let (loss, slopes) =
                    objective.descend(tch::no_grad(|| network.classify(features))?, targets)?;
                tch::no_grad(|| optimiser.add_gradients(network.head_gradients(features, &slopes, count)?))?;
                Ok(loss)
            }
        }
    }

    /// The batch's loss and its logits, without learning.
    pub(super) fn judge(&self, network: &Network, objective: &Objective) -> Result<(f64, Tensor), TchError> {
        tch::no_grad(|| {
            let (logits, targets) = match self {
                Shown::Pictures(batch) => (network.forward(batch, false)?, &batch.targets(network.device())?),
                Shown::Features(FeatureBatch { features, targets }) => (network.classify(features)?, targets),
            };
            let loss = objective.of(&logits, targets)?.f_double_value(&[])?;
            Ok((loss, logits))
        })
    }
}
