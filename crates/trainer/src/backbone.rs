//! What turns pictures into feature vectors: a residual network, or any network as a script.

use std::path::PathBuf;

use tch::{TchError, Tensor};

use crate::Error;
use crate::network::Parameter;
use crate::resnet::{Architecture, Precision, Resnet};
use crate::script::Script;

/// Which backbone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A residual network.
    Resnet(Architecture),
    /// The TorchScript module in a file.
    Script(PathBuf),
}

pub(crate) enum Backbone {
    Resnet(Resnet),
    Script(Script),
}

impl Backbone {
    pub(crate) fn new(
        shape: &Shape,
        image_size: u32,
        precision: Precision,
        device: tch::Device,
    ) -> Result<Backbone, Error> {
        match shape {
            Shape::Resnet(architecture) => Resnet::new(*architecture, precision, device)
                .map(Backbone::Resnet)
                .map_err(Error::torch("making the network")),
            Shape::Script(path) => Script::open(path, image_size, device).map(Backbone::Script),
        }
    }

    /// Its tensors, sharing its memory.
    pub(crate) fn parameters(&self) -> Vec<Parameter> {
        match self {
            Backbone::Resnet(resnet) => resnet.parameters(),
            Backbone::Script(script) => script.parameters(),
        }
    }

    /// Length of the feature vectors.
    pub(crate) fn length(&self) -> i64 {
        match self {
            Backbone::Resnet(resnet) => resnet.length(),
            Backbone::Script(script) => script.length(),
        }
    }

    /// Feature vectors, shape `[n, features]`, of normalised pictures, shape `[n, 3, size, size]`.
    pub(crate) fn features(&self, pictures: &Tensor, training: bool) -> Result<Tensor, TchError> {
        match self {
            Backbone::Resnet(resnet) => resnet.features(pictures, training),
            Backbone::Script(script) => script.features(pictures, training),
        }
    }
}
