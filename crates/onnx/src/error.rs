use thiserror::Error;

/// Why there is no model.
#[derive(Debug, Error)]
pub enum Error {
    /// The weights lack a tensor of the network.
    #[error("there is no tensor `{name}`")]
    Missing {
        /// Its name.
        name: String,
    },
    /// A tensor has another type or shape than the network's.
    #[error("`{name}` is {found}, not {expected}")]
    Mismatch {
        /// Its name.
        name: String,
        /// What the file has: `F16 [64]`.
        found: String,
        /// What the network has: `F32 [128]`.
        expected: String,
    },
    /// A tensor that no part of the network takes: the weights are another network's.
    #[error("`{name}` belongs to no part of a residual network")]
    Foreign {
        /// Its name.
        name: String,
    },
}
