//! The stages that need libtorch, each from arguments to exit code.

use std::num::NonZeroUsize;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use tagmill_trainer::Device;

pub(crate) mod predict;
pub(crate) mod train;
pub(crate) mod validate;

/// Where and how wide to compute.
#[derive(Debug, Args)]
struct DeviceArgs {
    /// Where to compute: auto takes a CUDA device where there is one, then a GPU of Apple's
    #[arg(long, value_name = "DEVICE", default_value = "auto", value_parser = device())]
    device: Device,
    /// Threads for the model [default: one a core]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
}

impl DeviceArgs {
    fn threads(&self) -> Option<usize> {
        self.threads.map(NonZeroUsize::get)
    }
}

fn device() -> impl TypedValueParser<Value = Device> {
    named([("auto", Device::Auto), ("cpu", Device::Cpu), ("cuda", Device::Cuda), ("mps", Device::Mps)])
}

/// Reads one of some values by its name.
fn named<T, const N: usize>(values: [(&'static str, T); N]) -> impl TypedValueParser<Value = T>
where
    T: Copy + Send + Sync + 'static,
{
    PossibleValuesParser::new(values.map(|(name, _)| name)).map(move |given| {
        let value = values.iter().find(|(name, _)| *name == given);
        value.expect("only names of these are possible values").1
    })
}
