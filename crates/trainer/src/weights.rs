//! Tensors in safetensors files.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs;
use std::path::Path;

use safetensors::tensor::{Dtype, TensorView, View};
use safetensors::{SafeTensorError, SafeTensors};
use tagmill_model::AtomicFile;
use tch::{Kind, Tensor};

use crate::Error;

/// The metadata key of what a checkpoint knows beside its tensors.
const NOTE: &str = "tagmill";

/// Writes tensors of 32-bit floats or bytes, and a note, atomically.
pub(crate) fn save(path: &Path, tensors: &[(String, Tensor)], note: Option<String>) -> Result<(), Error> {
    let file = AtomicFile::create(path).map_err(Error::io(path))?;
    let views = tensors
        .iter()
        .map(|(name, tensor)| Ok((name.as_str(), OnCpu::of(tensor)?)))
        .collect::<Result<Vec<_>, tch::TchError>>()
        .map_err(Error::torch("copying the weights"))?;
    let mut metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    metadata.extend(note.map(|note| (NOTE.to_owned(), note)));
    safetensors::serialize_to_file(views, Some(metadata), file.part()).map_err(|error| {
        Error::io(path)(match error {
            SafeTensorError::IoError(error) => error,
            other => std::io::Error::other(other),
        })
    })?;
    file.commit().map_err(Error::io(path))
}

/// Fills tensors from the file's tensors of the same names, and returns the file's note. Others in the file are left.
pub(crate) fn load(path: &Path, tensors: &[(String, Tensor)]) -> Result<Option<String>, Error> {
    let bytes = fs::read(path).map_err(Error::io(path))?;
    let damaged = |fault: String| Error::MalformedRun { file: path.to_owned(), fault };
    let file = SafeTensors::deserialize(&bytes).map_err(|error| damaged(error.to_string()))?;
    for (name, tensor) in tensors {
        let view = file.tensor(name).map_err(|_| damaged(format!("it has no tensor `{name}`")))?;
        let shape = shape(&view);
        if shape != tensor.size() || view.dtype() != Dtype::F32 {
            let fault = format!("`{name}` is {} {shape:?}, not F32 {:?}", view.dtype(), tensor.size());
            return Err(damaged(fault));
        }
        fill(tensor, &view, Kind::Float)?;
    }
    let (_, header) = SafeTensors::read_metadata(&bytes).map_err(|error| damaged(error.to_string()))?;
    Ok(header.metadata().as_ref().and_then(|metadata| metadata.get(NOTE).cloned()))
}

/// The shape of a file's tensor, as libtorch writes it.
pub(crate) fn shape(view: &TensorView<'_>) -> Vec<i64> {
    view.shape().iter().map(|length| *length as i64).collect()
}

/// Fills a tensor from a file's tensor of the same shape, whose numbers are of a `kind`.
pub(crate) fn fill(tensor: &Tensor, view: &TensorView<'_>, kind: Kind) -> Result<(), Error> {
    let mut tensor = tensor.shallow_clone();
    let copy = || tensor.f_copy_(&Tensor::f_from_data_size(view.data(), &shape(view), kind)?);
    tch::no_grad(copy).map_err(Error::torch("loading the weights"))
}

/// The note of a file, without its tensors.
pub(crate) fn note(path: &Path) -> Result<Option<String>, Error> {
    load(path, &[])
}

/// The bytes of a file's tensor of bytes.
pub(crate) fn bytes(path: &Path, name: &str) -> Result<Vec<u8>, Error> {
    let bytes = fs::read(path).map_err(Error::io(path))?;
    let damaged = |fault: String| Error::MalformedRun { file: path.to_owned(), fault };
    let file = SafeTensors::deserialize(&bytes).map_err(|error| damaged(error.to_string()))?;
    match file.tensor(name) {
        Ok(view) if view.dtype() == Dtype::U8 => Ok(view.data().to_vec()),
        _ => Err(damaged(format!("it has no bytes `{name}`"))),
    }
}

/// A tensor's numbers as a file has them.
pub(crate) fn to_bytes(tensor: &Tensor) -> Result<Vec<u8>, tch::TchError> {
    Ok(OnCpu::of(tensor)?.data().into_owned())
}

/// A tensor's numbers, copied from its device when they are written.
struct OnCpu {
    shape: Vec<usize>,
    tensor: Tensor,
    dtype: Dtype,
}

impl OnCpu {
    fn of(tensor: &Tensor) -> Result<OnCpu, tch::TchError> {
        let tensor = tensor.f_detach()?.f_to_device(tch::Device::Cpu)?.f_contiguous()?;
        let (tensor, dtype) = match tensor.f_kind()? {
            Kind::Uint8 => (tensor, Dtype::U8),
            _ => (tensor.f_to_kind(Kind::Float)?, Dtype::F32),
        };
        Ok(OnCpu { shape: tensor.size().iter().map(|length| *length as usize).collect(), tensor, dtype })
    }
}

impl View for OnCpu {
    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        let mut bytes = vec![0; self.data_len()];
        self.tensor
            .f_copy_data_u8(&mut bytes, self.tensor.numel())
            .expect("a contiguous tensor on the CPU has this many bytes");
        bytes.into()
    }

    fn data_len(&self) -> usize {
        self.tensor.numel() * if self.dtype == Dtype::U8 { 1 } else { size_of::<f32>() }
    }
}
