use serde::{Deserialize, Serialize};

use crate::Error;

/// Where the model computes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Device {
    /// The first CUDA device where there is one, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// The first CUDA device.
    Cuda,
}

impl Device {
    pub(crate) fn resolve(self) -> Result<tch::Device, Error> {
        match self {
            Device::Cpu => Ok(tch::Device::Cpu),
            Device::Auto => Ok(tch::Device::cuda_if_available()),
            Device::Cuda if tch::Cuda::is_available() => Ok(tch::Device::Cuda(0)),
            Device::Cuda => Err(Error::NoCuda),
        }
    }
}

/// Sets how many threads libtorch computes with, for this whole process; `None` leaves it as it is, one a core.
pub(crate) fn use_threads(threads: Option<usize>) {
    if let Some(threads) = threads {
        tch::set_num_threads(threads.max(1) as i32);
    }
}
