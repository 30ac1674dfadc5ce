use std::io;
use std::path::{Path, PathBuf};

use tagmill_model::staging::StagingError;
use thiserror::Error;

/// Why nothing was exported. What stood in the folder before still does.
#[derive(Debug, Error)]
pub enum Error {
    /// There is no finished run in the folder that was named.
    #[error("there is no finished run in `{}`", run.display())]
    NoRun {
        /// The folder.
        run: PathBuf,
    },
    /// The run lacks what runs of today have.
    #[error("the run in `{}` was made by an earlier version: it has no {lacks}", run.display())]
    EarlierRun {
        /// The run's folder.
        run: PathBuf,
        /// What it lacks.
        lacks: &'static str,
    },
    /// The run's network has no form that other tools read.
    #[error("`{}` names the architecture `{architecture}`, which cannot be exported", file.display())]
    Architecture {
        /// `config.json`.
        file: PathBuf,
        /// What it names.
        architecture: String,
    },
    /// A file of the run is not what it should be.
    #[error("`{}` is damaged: {fault}", file.display())]
    Malformed {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        fault: String,
    },
    /// The weights are not those of the network.
    #[error("the weights in `{}` do not make a network", file.display())]
    Network {
        /// `model.safetensors`.
        file: PathBuf,
        /// What is wrong with them.
        #[source]
        source: tagmill_onnx::Error,
    },
    /// A file of the run could not be read.
    #[error("cannot read `{}`", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The folder to export into is a run's: what is in it would be lost.
    #[error("`{}` holds a run, which an export would replace", folder.display())]
    IntoARun {
        /// The folder.
        folder: PathBuf,
    },
    /// The folder does not take the files.
    #[error(transparent)]
    Staging(#[from] StagingError),
}

impl Error {
    /// For `map_err`.
    pub(crate) fn read(file: &Path) -> impl FnOnce(io::Error) -> Error + '_ {
        move |source| Error::Read { file: file.to_owned(), source }
    }

    pub(crate) fn malformed(file: &Path, fault: impl ToString) -> Error {
        Error::Malformed { file: file.to_owned(), fault: fault.to_string() }
    }
}
