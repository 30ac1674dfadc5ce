//! A whole network as a TorchScript module, for programs that have libtorch and nothing of ours.

use std::path::Path;

use tagmill_model::AtomicFile;
use tch::{CModule, Kind, TchError, Tensor};

use crate::Error;
use crate::backbone::Shape;
use crate::network::Network;
use crate::resnet::Precision;
use crate::run_folder::{RunConfig, TORCHSCRIPT, WEIGHTS};

/// What the module's one function is called.
const METHOD: &str = "forward";

/// Writes the finished network of a run folder: from pictures normalised as ImageNet's, `[n, 3, height, width]`, to probabilities,
/// `[n, outputs]`, with 32 bits. A backbone that is a script already is left as that, with its head in the weights: what it does
/// beside its convolutions nobody can trace.
pub(crate) fn write(run: &Path, config: &RunConfig) -> Result<(), Error> {
    let shape = config.shape(run);
    if matches!(shape, Shape::Script(_)) {
        return Ok(());
    }
    let size = config.image_size();
    let network = Network::new(&shape, config.num_classes, size, Precision::Float32, tch::Device::Cpu)?;
    network.load(&run.join(WEIGHTS))?;
    let module = tch::no_grad(|| trace(&network, size)).map_err(Error::torch("tracing the network"))?;
    let path = run.join(TORCHSCRIPT);
    let file = AtomicFile::create(&path).map_err(Error::io(&path))?;
    module.save(file.part()).map_err(Error::torch("writing the network"))?;
    file.commit().map_err(Error::io(&path))
}

fn trace(network: &Network, size: u32) -> Result<CModule, TchError> {
    // What is traced holds the weights as constants, and those have no slopes.
    for parameter in network.parameters() {
        let _ = parameter.tensor.f_set_requires_grad(false)?;
    }
    let side = i64::from(size);
    let pictures = Tensor::f_zeros([2, 3, side, side], (Kind::Float, tch::Device::Cpu))?;
    let mut failed = None;
    let mut forward = |inputs: &[Tensor]| match network.probabilities(&inputs[0]) {
        Ok(probabilities) => vec![probabilities],
        Err(error) => {
            failed = Some(error);
            Vec::new()
        }
    };
    let module = CModule::create_by_tracing("tagger", METHOD, &[pictures], &mut forward);
    failed.map_or(module, Err)
}
