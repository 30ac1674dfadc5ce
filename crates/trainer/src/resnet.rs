//! Residual networks (He et al. 2015, <https://arxiv.org/abs/1512.03385>) with torchvision's layout and names.

use serde::{Deserialize, Serialize};
use tch::{Kind, TchError, Tensor};

use crate::device::cpu_has_amx;
use crate::network::Parameter;
use crate::random::Random;

/// The shape of a network.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Architecture {
    /// 11 million parameters, 18 layers.
    #[default]
    Resnet18,
    /// 21 million parameters, 34 layers.
    Resnet34,
    /// 24 million parameters, 50 layers in bottlenecks (torchvision's "v1.5": the 3x3 convolution strides).
    Resnet50,
    /// 43 million parameters, 101 layers in bottlenecks.
    Resnet101,
}

impl Architecture {
    /// All of them.
    pub const ALL: [Architecture; 4] =
        [Architecture::Resnet18, Architecture::Resnet34, Architecture::Resnet50, Architecture::Resnet101];

    /// The name torchvision and timm know it by.
    pub fn name(self) -> &'static str {
        match self {
            Architecture::Resnet18 => "resnet18",
            Architecture::Resnet34 => "resnet34",
            Architecture::Resnet50 => "resnet50",
            Architecture::Resnet101 => "resnet101",
        }
    }

    fn blocks(self) -> [usize; 4] {
        match self {
            Architecture::Resnet18 => [2, 2, 2, 2],
            Architecture::Resnet34 | Architecture::Resnet50 => [3, 4, 6, 3],
            Architecture::Resnet101 => [3, 4, 23, 3],
        }
    }

    fn expansion(self) -> i64 {
        match self {
            Architecture::Resnet18 | Architecture::Resnet34 => 1,
            Architecture::Resnet50 | Architecture::Resnet101 => 4,
        }
    }
}

/// The kind of number that convolutions compute with. Weights, statistics and the loss are always 32 bits wide.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// [`Precision::Bfloat16`] on CUDA and on CPUs with AMX, [`Precision::Float32`] elsewhere. A run keeps which it was.
    ///
    /// On a CPU with AVX-512 BF16 and no AMX, one thread trains 1.5 times as fast with 16 bits, but two threads that share
    /// their cores with anything else seven times slower: oneDNN's barriers spin.
    #[default]
    Auto,
    /// 32 bits.
    Float32,
    /// 16 bits, with the range of 32: faster where the hardware has it and the cores are free, much slower elsewhere.
    Bfloat16,
}

impl Precision {
    /// What to compute with on a device; never `Auto`.
    pub(crate) fn on(self, device: tch::Device) -> Precision {
        match self {
            Precision::Auto if device.is_cuda() => Precision::Bfloat16,
            Precision::Auto if device == tch::Device::Cpu && cpu_has_amx() => Precision::Bfloat16,
            Precision::Auto => Precision::Float32,
            given => given,
        }
    }

    fn kind(self) -> Kind {
        match self {
            Precision::Bfloat16 => Kind::BFloat16,
            Precision::Auto | Precision::Float32 => Kind::Float,
        }
    }
}

/// A residual network up to its feature vector. Its parts share their tensors with `parameters`.
pub(crate) struct Resnet {
    parameters: Vec<Parameter>,
    kind: Kind,
    stem: ConvNorm,
    blocks: Vec<Block>,
    length: i64,
}

struct ConvNorm {
    weight: Tensor,
    stride: i64,
    padding: i64,
    scale: Tensor,
    shift: Tensor,
    mean: Tensor,
    variance: Tensor,
}

struct Block {
    layers: Vec<ConvNorm>,
    downsample: Option<ConvNorm>,
}

impl Resnet {
    /// A network without weights: all zero but for the scales and variances, which are one.
    pub(crate) fn new(
        architecture: Architecture,
        precision: Precision,
        device: tch::Device,
    ) -> Result<Resnet, TchError> {
        let mut make = Maker { parameters: Vec::new(), device };
        let stem = make.conv_norm("conv1", "bn1", [64, 3, 7, 7], 2)?;
        let (mut blocks, mut channels) = (Vec::new(), 64);
        for (layer, count) in architecture.blocks().into_iter().enumerate() {
            let width = 64 << layer;
            for index in 0..count {
                let prefix = format!("layer{}.{index}", layer + 1);
                let stride = if layer > 0 && index == 0 { 2 } else { 1 };
                blocks.push(make.block(&prefix, channels, width, architecture.expansion(), stride)?);
                channels = width * architecture.expansion();
            }
        }
        Ok(Resnet { parameters: make.parameters, kind: precision.kind(), stem, blocks, length: channels })
    }

    /// All tensors, in torchvision's order, sharing the network's memory.
    pub(crate) fn parameters(&self) -> Vec<Parameter> {
        self.parameters.iter().map(Parameter::share).collect()
    }

    /// Length of the feature vectors.
    pub(crate) fn length(&self) -> i64 {
        self.length
    }

    /// Draws the convolutions' weights (He et al. 2015, <https://arxiv.org/abs/1502.01852>, by fan-out, uniform).
    ///
    /// The seed of libtorch's own generator, which the whole process shares, is left alone.
    pub(crate) fn initialise(&mut self, seed: u64) -> Result<(), TchError> {
        for (index, parameter) in self.parameters.iter_mut().enumerate() {
            if let [outputs, _, height, width] = parameter.tensor.size()[..] {
                let bound = (3.0 * 2.0 / (outputs * height * width) as f32).sqrt();
                let mut random = Random::new(&[seed, index as u64]);
                let weights: Vec<f32> =
                    (0..parameter.tensor.numel()).map(|_| bound * random.symmetric()).collect();
                let weights = Tensor::f_from_slice(&weights)?.f_view_as(&parameter.tensor)?;
                tch::no_grad(|| parameter.tensor.f_copy_(&weights))?;
            }
        }
        Ok(())
    }

    /// Feature vectors, shape `[n, features]`, of normalised pictures, shape `[n, 3, size, size]`.
    pub(crate) fn features(&self, pictures: &Tensor, training: bool) -> Result<Tensor, TchError> {
        let kind = self.kind;
        let x = self.stem.forward(&pictures.f_to_kind(kind)?, kind, training)?.f_relu()?;
        let mut x = x.f_max_pool2d([3, 3], [2, 2], [1, 1], [1, 1], false)?;
        for block in &self.blocks {
            x = block.forward(&x, kind, training)?;
        }
        x.f_to_kind(Kind::Float)?.f_adaptive_avg_pool2d([1, 1])?.f_flatten(1, -1)
    }
}

impl ConvNorm {
    fn forward(&self, x: &Tensor, kind: Kind, training: bool) -> Result<Tensor, TchError> {
        let weight = self.weight.f_to_kind(kind)?;
        let (stride, padding) = ([self.stride; 2], [self.padding; 2]);
        let x = x.f_conv2d(&weight, None::<&Tensor>, stride, padding, [1, 1], 1)?;
        let (scale, shift) = (Some(&self.scale), Some(&self.shift));
        x.f_batch_norm(scale, shift, Some(&self.mean), Some(&self.variance), training, 0.1, 1e-5, true)
    }
}

impl Block {
    fn forward(&self, x: &Tensor, kind: Kind, training: bool) -> Result<Tensor, TchError> {
        let residual = match &self.downsample {
            Some(downsample) => downsample.forward(x, kind, training)?,
            None => x.shallow_clone(),
        };
        let mut y = x.shallow_clone();
        for (index, layer) in self.layers.iter().enumerate() {
            y = layer.forward(&y, kind, training)?;
            if index + 1 < self.layers.len() {
                y = y.f_relu_()?;
            }
        }
        y.f_add_(&residual)?.f_relu_()
    }
}

/// Makes tensors and keeps their list.
struct Maker {
    parameters: Vec<Parameter>,
    device: tch::Device,
}

impl Maker {
    fn block(
        &mut self,
        prefix: &str,
        inputs: i64,
        width: i64,
        expansion: i64,
        stride: i64,
    ) -> Result<Block, TchError> {
        let outputs = width * expansion;
        let shapes = match expansion {
            1 => vec![([width, inputs, 3, 3], stride), ([width, width, 3, 3], 1)],
            _ => {
                vec![([width, inputs, 1, 1], 1), ([width, width, 3, 3], stride), ([outputs, width, 1, 1], 1)]
            }
        };
        let mut layers = Vec::new();
        for (index, (shape, stride)) in (1..).zip(shapes) {
            layers.push(self.conv_norm(
                &format!("{prefix}.conv{index}"),
                &format!("{prefix}.bn{index}"),
                shape,
                stride,
            )?);
        }
        let downsample = match inputs == outputs && stride == 1 {
            true => None,
            false => Some(self.conv_norm(
                &format!("{prefix}.downsample.0"),
                &format!("{prefix}.downsample.1"),
                [outputs, inputs, 1, 1],
                stride,
            )?),
        };
        Ok(Block { layers, downsample })
    }

    fn conv_norm(
        &mut self,
        conv: &str,
        norm: &str,
        shape: [i64; 4],
        stride: i64,
    ) -> Result<ConvNorm, TchError> {
        let channels = &shape[..1];
        Ok(ConvNorm {
            weight: self.parameter(&format!("{conv}.weight"), &shape, 0.0, true)?,
            stride,
            padding: shape[3] / 2,
            scale: self.parameter(&format!("{norm}.weight"), channels, 1.0, true)?,
            shift: self.parameter(&format!("{norm}.bias"), channels, 0.0, true)?,
            mean: self.parameter(&format!("{norm}.running_mean"), channels, 0.0, false)?,
            variance: self.parameter(&format!("{norm}.running_var"), channels, 1.0, false)?,
        })
    }

    fn parameter(
        &mut self,
        name: &str,
        shape: &[i64],
        value: f64,
        trainable: bool,
    ) -> Result<Tensor, TchError> {
        let parameter = Parameter::full(name, shape, value, trainable, self.device)?;
        let tensor = parameter.tensor.shallow_clone();
        self.parameters.push(parameter);
        Ok(tensor)
    }
}

#[cfg(test)]
mod tests;
