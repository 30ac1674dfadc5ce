//! A network on its device, with the normalisation in front of it and the sigmoid behind.

use std::path::Path;

use tch::{TchError, Tensor};

use crate::Error;
use crate::batches::Batch;
use crate::resnet::{Architecture, Precision, Resnet};
use crate::run_folder::{DEVIATION, MEAN};
use crate::weights;

pub(crate) struct Network {
    pub(crate) resnet: Resnet,
    device: tch::Device,
    /// Shape `[1, 3, 1, 1]`, for pixels from 0 to 255.
    mean: Tensor,
    deviation: Tensor,
    classes: usize,
}

impl Network {
    pub(crate) fn new(
        architecture: Architecture,
        classes: usize,
        precision: Precision,
        device: tch::Device,
    ) -> Result<Network, Error> {
        let constant = |values: [f64; 3]| {
            Tensor::f_from_slice(&values.map(|value| (value * 255.0) as f32))?
                .f_view([1, 3, 1, 1])?
                .f_to_device(device)
        };
        let make = || {
            Ok(Network {
                resnet: Resnet::new(architecture, classes as i64, precision, device)?,
                device,
                mean: constant(MEAN)?,
                deviation: constant(DEVIATION)?,
                classes,
            })
        };
        make().map_err(Error::torch("making the network"))
    }

    pub(crate) fn load(&self, path: &Path) -> Result<(), Error> {
        weights::load(path, &self.resnet.named()).map(drop)
    }

    pub(crate) fn classes(&self) -> usize {
        self.classes
    }

    pub(crate) fn device(&self) -> tch::Device {
        self.device
    }

    /// Logits of shape `[len, classes]`.
    pub(crate) fn forward(&self, batch: &Batch, training: bool) -> Result<Tensor, TchError> {
        self.resnet.classify(&self.features(batch, training)?)
    }

    /// Feature vectors, shape `[len, features]`: what the last layer sees.
    pub(crate) fn features(&self, batch: &Batch, training: bool) -> Result<Tensor, TchError> {
        let pixels = batch.images(self.device, &self.mean)?;
        self.resnet.features(&pixels.f_sub(&self.mean)?.f_div(&self.deviation)?, training)
    }

    /// Probabilities, row after row.
    pub(crate) fn scores(logits: &Tensor) -> Result<Vec<f32>, TchError> {
        let scores = logits.f_sigmoid()?.f_to_device(tch::Device::Cpu)?.f_contiguous()?;
        let mut values = vec![0.0; scores.numel()];
        scores.f_copy_data(&mut values, scores.numel())?;
        Ok(values)
    }
}
