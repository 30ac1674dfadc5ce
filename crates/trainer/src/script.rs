//! A backbone that comes as a TorchScript module, exported by timm or anything else.

use std::cell::RefCell;
use std::fs;
use std::path::Path;

use tagmill_model::{AtomicFile, sha256};
use tch::{CModule, Kind, TchError, Tensor};

use crate::Error;
use crate::network::Parameter;
use crate::run_folder::BACKBONE;

/// Goes before the names of its parameters, so that none is taken for the head's.
const PREFIX: &str = "backbone.";

/// A TorchScript module that gives feature vectors of pictures normalised as ImageNet's.
///
/// tch can name a module's parameters, but not its buffers, such as the averages of batch normalisation. The module's state
/// is therefore kept as the module itself, in its own format.
pub(crate) struct Script {
    /// A module's mode is part of it, though a network in use is not changed otherwise.
    module: RefCell<CModule>,
    /// Its parameters by name, sharing its memory.
    named: Vec<(String, Tensor)>,
    length: i64,
    device: tch::Device,
    /// SHA-256 of the file it was opened from.
    sha256: String,
}

impl Script {
    /// Opens a module and tries it on black pictures of `image_size`.
    ///
    /// # Errors
    /// [`Error::UnusableBackbone`] where it is no module, not of 32-bit floats, or gives no feature vectors.
    pub(crate) fn open(path: &Path, image_size: u32, device: tch::Device) -> Result<Script, Error> {
        let bytes = fs::read(path).map_err(Error::io(path))?;
        let (module, named) = load(&bytes, path, device)?;
        let mut script =
            Script { module: RefCell::new(module), named, length: 0, device, sha256: sha256(&bytes) };
        let side = i64::from(image_size);
        // Two, so that a module that takes one picture and no other number is known as such.
        let tried = Tensor::f_zeros([2, 3, side, side], (Kind::Float, device))
            .and_then(|black| tch::no_grad(|| script.outputs(&black, false)));
        let outputs = tried.map_err(|error| unusable(path, &first_line(&error)))?;
        script.length = match outputs.size()[..] {
            [2, length] | [2, length, _, _] if length > 0 => length,
            ref shape => {
                let fault = format!(
                    "it makes {shape:?} of [2, 3, {side}, {side}], not [2, features] or [2, features, height, width]"
                );
                return Err(unusable(path, &fault));
            }
        };
        Ok(script)
    }

    /// Takes over the state of a module that was kept as bytes, in the file `kept`.
    pub(crate) fn replace(&mut self, bytes: &[u8], kept: &Path) -> Result<(), Error> {
        let (module, named) = load(bytes, kept, self.device)?;
        (self.module, self.named) = (RefCell::new(module), named);
        Ok(())
    }

    /// The module as bytes. They come by way of a file in `folder`: libtorch writes to nothing else.
    pub(crate) fn to_bytes(&self, folder: &Path) -> Result<Vec<u8>, Error> {
        let folder = tempfile::tempdir_in(folder).map_err(Error::io(folder))?;
        let path = folder.path().join(BACKBONE);
        self.write(&path)?;
        fs::read(&path).map_err(Error::io(&path))
    }

    /// Writes the module to a file, atomically.
    pub(crate) fn save(&self, path: &Path) -> Result<(), Error> {
        let file = AtomicFile::create(path).map_err(Error::io(path))?;
        self.write(file.part())?;
        file.commit().map_err(Error::io(path))
    }

    fn write(&self, path: &Path) -> Result<(), Error> {
        // The mode would be kept too, and the same weights are to give the same file.
        let mut module = self.module.borrow_mut();
        module.f_set_eval().and_then(|()| module.save(path)).map_err(Error::torch("writing the backbone"))
    }

    /// The module's parameters, without its buffers.
    pub(crate) fn parameters(&self) -> Vec<Parameter> {
        let parameter = |(name, tensor): &(String, Tensor)| Parameter {
            name: format!("{PREFIX}{name}"),
            tensor: tensor.shallow_clone(),
            trainable: true,
        };
        self.named.iter().map(parameter).collect()
    }

    /// SHA-256 of the file it was opened from: what a script is that nobody trained.
    pub(crate) fn sha256(&self) -> &str {
        &self.sha256
    }

    pub(crate) fn length(&self) -> i64 {
        self.length
    }

    /// Feature vectors, shape `[n, features]`; maps of features are averaged over their places.
    pub(crate) fn features(&self, pictures: &Tensor, training: bool) -> Result<Tensor, TchError> {
        let outputs = self.outputs(pictures, training)?;
        match outputs.dim() {
            4 => outputs.f_adaptive_avg_pool2d([1, 1])?.f_flatten(1, -1),
            _ => Ok(outputs),
        }
    }

    fn outputs(&self, pictures: &Tensor, training: bool) -> Result<Tensor, TchError> {
        let mut module = self.module.borrow_mut();
        match training {
            true => module.f_set_train()?,
            false => module.f_set_eval()?,
        }
        module.forward_ts(&[pictures])
    }
}

/// Loads a module, and its parameters made trainable.
fn load(bytes: &[u8], path: &Path, device: tch::Device) -> Result<(CModule, Vec<(String, Tensor)>), Error> {
    let load = || {
        // libtorch would run a script as it is written at first, and rewritten for speed later. Other steps give other last
        // bits, and a training that was interrupted is to end as one that was not.
        tch::jit::f_set_graph_executor_optimize(false)?;
        let module = CModule::load_data_on_device(&mut &bytes[..], device)?;
        let named = module.named_parameters()?;
        Ok((module, named))
    };
    let (module, named) = load().map_err(|error| unusable(path, &first_line(&error)))?;
    for (name, tensor) in &named {
        let kind = tensor.f_kind().map_err(Error::torch("making the network"))?;
        if kind != Kind::Float {
            return Err(unusable(path, &format!("its parameter `{name}` is {kind:?}, not of 32-bit floats")));
        }
        let _ = tensor.f_set_requires_grad(true).map_err(Error::torch("making the network"))?;
    }
    Ok((module, named))
}

fn unusable(path: &Path, fault: &str) -> Error {
    Error::UnusableBackbone { file: path.to_owned(), fault: fault.to_owned() }
}

/// What libtorch says, without the places in its own code where it says so.
fn first_line(error: &TchError) -> String {
    let told = error.to_string();
    let line = told.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().trim();
    line.trim_start_matches("Internal torch error: ").to_owned()
}
