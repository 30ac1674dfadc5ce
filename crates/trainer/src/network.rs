//! A network on its device: normalisation in front, then a backbone that gives feature vectors, then a linear head that
//! scores content classes and tags, and the sigmoid behind.

use std::path::Path;

use tch::{Kind, TchError, Tensor};

use crate::Error;
use crate::backbone::{Backbone, Shape};
use crate::batches::Batch;
use crate::outputs::RATINGS;
use crate::resnet::Precision;
use crate::run_folder::{BACKBONE, DEVIATION, MEAN};
use crate::weights;

/// Under which name a file of weights holds a script's own state, beside the parameters that tch can name.
const SCRIPT: &str = "backbone.script";

/// A tensor of the network under the name that torchvision gives it.
pub(crate) struct Parameter {
    pub(crate) name: String,
    pub(crate) tensor: Tensor,
    /// Learned by the optimiser, rather than gathered by batch normalisation or kept as it is.
    pub(crate) trainable: bool,
}

impl Parameter {
    /// 32-bit floats that are all `value`.
    pub(crate) fn full(
        name: &str,
        shape: &[i64],
        value: f64,
        trainable: bool,
        device: tch::Device,
    ) -> Result<Parameter, TchError> {
        let tensor = Tensor::f_full(shape, value, (Kind::Float, device))?.f_set_requires_grad(trainable)?;
        Ok(Parameter { name: name.to_owned(), tensor, trainable })
    }

    /// The same tensor, not a copy.
    pub(crate) fn share(&self) -> Parameter {
        Parameter { name: self.name.clone(), tensor: self.tensor.shallow_clone(), trainable: self.trainable }
    }
}

pub(crate) struct Network {
    backbone: Backbone,
    /// The backbone's tensors, then the head's, which are called `fc.weight` and `fc.bias`. They share the network's memory.
    parameters: Vec<Parameter>,
    /// Shape `[outputs, features]`.
    head: Tensor,
    /// Shape `[outputs]`.
    bias: Tensor,
    /// Whether the backbone is kept as it is.
    frozen: bool,
    device: tch::Device,
    /// Shape `[1, 3, 1, 1]`, for pixels from 0 to 255.
    mean: Tensor,
    deviation: Tensor,
}

impl Network {
    /// A network for pictures of `image_size`, its head all zero.
    ///
    /// # Errors
    /// [`Error::UnusableBackbone`] where the shape is a script that cannot be used, [`Error::Torch`].
    pub(crate) fn new(
        shape: &Shape,
        outputs: usize,
        image_size: u32,
        precision: Precision,
        device: tch::Device,
    ) -> Result<Network, Error> {
        let backbone = Backbone::new(shape, image_size, precision, device)?;
        Network::with(backbone, outputs, device).map_err(Error::torch("making the network"))
    }

    fn with(backbone: Backbone, outputs: usize, device: tch::Device) -> Result<Network, TchError> {
        let constant = |values: [f64; 3]| {
            Tensor::f_from_slice(&values.map(|value| (value * 255.0) as f32))?
                .f_view([1, 3, 1, 1])?
                .f_to_device(device)
        };
        let outputs = outputs as i64;
        let head = Parameter::full("fc.weight", &[outputs, backbone.length()], 0.0, true, device)?;
        let bias = Parameter::full("fc.bias", &[outputs], 0.0, true, device)?;
        let tensors = (head.tensor.shallow_clone(), bias.tensor.shallow_clone());
        let mut parameters = backbone.parameters();
        parameters.extend([head, bias]);
        let (mean, deviation) = (constant(MEAN)?, constant(DEVIATION)?);
        let (head, bias) = tensors;
        Ok(Network { backbone, parameters, head, bias, frozen: false, device, mean, deviation })
    }

    /// Draws the backbone's weights, where it does not bring its own, and sets the head to answer `bias` to every picture.
    pub(crate) fn initialise(&mut self, seed: u64, bias: &[f32]) -> Result<(), Error> {
        let mut draw = || {
            if let Backbone::Resnet(resnet) = &mut self.backbone {
                resnet.initialise(seed)?;
            }
            tch::no_grad(|| self.bias.f_copy_(&Tensor::f_from_slice(bias)?)).map(drop)
        };
        draw().map_err(Error::torch("making the network"))
    }

    /// Keeps the backbone as it is from now on: only the head is trainable.
    pub(crate) fn freeze(&mut self) -> Result<(), Error> {
        self.frozen = true;
        for parameter in self.parameters.iter_mut().filter(|parameter| !is_head(&parameter.name)) {
            parameter.trainable = false;
            let _ =
                parameter.tensor.f_set_requires_grad(false).map_err(Error::torch("freezing the backbone"))?;
        }
        Ok(())
    }

    /// All tensors, in torchvision's order.
    pub(crate) fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// All tensors by name, sharing the network's memory.
    pub(crate) fn named(&self) -> Vec<(String, Tensor)> {
        self.named_where(|_| true)
    }

    /// The backbone's tensors by name, sharing the network's memory.
    pub(crate) fn named_backbone(&self) -> Vec<(String, Tensor)> {
        self.named_where(|parameter| !is_head(&parameter.name))
    }

    fn named_where(&self, keep: impl Fn(&Parameter) -> bool) -> Vec<(String, Tensor)> {
        let kept = self.parameters.iter().filter(|parameter| keep(parameter));
        kept.map(|parameter| (parameter.name.clone(), parameter.tensor.shallow_clone())).collect()
    }

    /// The tensors that a training changes, by name, sharing the network's memory.
    pub(crate) fn changing(&self) -> Vec<(String, Tensor)> {
        self.named_where(|parameter| parameter.trainable || !self.frozen)
    }

    /// All that a checkpoint has to hold of the network, by name. Files that are needed on the way go to `folder`.
    pub(crate) fn state(&self, folder: &Path) -> Result<Vec<(String, Tensor)>, Error> {
        let mut state = self.changing();
        if let (Backbone::Script(script), false) = (&self.backbone, self.frozen) {
            let bytes = Tensor::f_from_slice(&script.to_bytes(folder)?);
            state.push((SCRIPT.to_owned(), bytes.map_err(Error::torch("keeping the backbone"))?));
        }
        Ok(state)
    }

    /// Takes over what [`Network::state`] gave, from a file. A script's tensors are then others than before: an optimiser
    /// that holds them has to be made afterwards.
    pub(crate) fn restore(&mut self, path: &Path) -> Result<(), Error> {
        if self.frozen {
            return weights::load(path, &self.changing()).map(drop);
        }
        if let Backbone::Script(script) = &mut self.backbone {
            script.replace(&weights::bytes(path, SCRIPT)?, path)?;
            self.parameters.retain(|parameter| is_head(&parameter.name));
            self.parameters.splice(0..0, self.backbone.parameters());
        }
        weights::load(path, &self.named()).map(drop)
    }

    /// Fills all tensors from a file of weights.
    pub(crate) fn load(&self, path: &Path) -> Result<(), Error> {
        weights::load(path, &self.named()).map(drop)
    }

    /// Writes what a run folder has to hold of the network: `weights` with all tensors, and the backbone where it is a script.
    pub(crate) fn save(&self, run: &Path, weights: &str) -> Result<(), Error> {
        if let Backbone::Script(script) = &self.backbone {
            script.save(&run.join(BACKBONE))?;
        }
        weights::save(&run.join(weights), &self.named(), None)
    }

    /// Hands over all that the backbone's features depend on, piece by piece.
    pub(crate) fn digest_backbone(&self, sink: &mut dyn FnMut(&[u8])) -> Result<(), Error> {
        if let Backbone::Script(script) = &self.backbone {
            sink(script.sha256().as_bytes());
            return Ok(());
        }
        for (name, tensor) in self.named_backbone() {
            sink(name.as_bytes());
            sink(&weights::to_bytes(&tensor).map_err(Error::torch("copying the weights"))?);
        }
        Ok(())
    }

    /// What [`Outputs`](crate::outputs::Outputs) describes.
    pub(crate) fn outputs(&self) -> usize {
        self.bias.numel()
    }

    /// The tags among the outputs.
    pub(crate) fn classes(&self) -> usize {
        self.outputs() - RATINGS.len()
    }

    /// Length of the feature vectors.
    pub(crate) fn length(&self) -> i64 {
        self.backbone.length()
    }

    pub(crate) fn device(&self) -> tch::Device {
        self.device
    }

    /// Logits of shape `[len, outputs]`.
    pub(crate) fn forward(&self, batch: &Batch, training: bool) -> Result<Tensor, TchError> {
        self.classify(&self.features(batch, training)?)
    }

    /// Feature vectors, shape `[len, features]`: what the head sees.
    pub(crate) fn features(&self, batch: &Batch, training: bool) -> Result<Tensor, TchError> {
        let pixels = batch.images(self.device, &self.mean)?;
        self.backbone.features(&pixels.f_sub(&self.mean)?.f_div(&self.deviation)?, training)
    }

    /// What is behind the normalisation: probabilities, `[len, outputs]`, of pictures normalised as ImageNet's.
    pub(crate) fn probabilities(&self, pictures: &Tensor) -> Result<Tensor, TchError> {
        self.classify(&self.backbone.features(pictures, false)?)?.f_sigmoid()
    }

    /// Logits, shape `[len, outputs]`, of feature vectors.
    pub(crate) fn classify(&self, features: &Tensor) -> Result<Tensor, TchError> {
        features.f_linear(&self.head, Some(&self.bias))
    }

    /// The gradients of a frozen network's parameters, from the slopes of the loss by the logits, `[len, outputs]`: those of
    /// one of `count` batches.
    pub(crate) fn head_gradients(
        &self,
        features: &Tensor,
        slopes: &Tensor,
        count: usize,
    ) -> Result<Vec<Tensor>, TchError> {
        let weight = slopes.f_tr()?.f_mm(features)?;
        let bias = slopes.f_sum_dim_intlist(0i64, false, Kind::Float)?;
        let share = |mut gradient: Tensor| match count {
            1 => Ok(gradient),
            _ => gradient.f_div_scalar_(count as i64),
        };
        Ok(vec![share(weight)?, share(bias)?])
    }

    /// The probabilities of the tags, row after row.
    pub(crate) fn scores(logits: &Tensor) -> Result<Vec<f32>, TchError> {
        let first = RATINGS.len() as i64;
        values(&logits.f_narrow(1, first, logits.size()[1] - first)?.f_sigmoid()?)
    }

    /// The probabilities of the content classes, row after row.
    pub(crate) fn ratings(logits: &Tensor) -> Result<Vec<f32>, TchError> {
        values(&logits.f_narrow(1, 0, RATINGS.len() as i64)?.f_sigmoid()?)
    }
}

/// The numbers of a tensor as 32-bit floats, row after row.
pub(crate) fn values(tensor: &Tensor) -> Result<Vec<f32>, TchError> {
    let tensor = tensor.f_to_kind(Kind::Float)?.f_to_device(tch::Device::Cpu)?.f_contiguous()?;
    let mut values = vec![0.0; tensor.numel()];
    tensor.f_copy_data(&mut values, tensor.numel())?;
    Ok(values)
}

/// Whether a tensor is the head's: it is made anew for each vocabulary.
pub(crate) fn is_head(name: &str) -> bool {
    name == "fc.weight" || name == "fc.bias"
}
