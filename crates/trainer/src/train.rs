//! From a table and its pictures to a run folder.
//!
//! The vocabulary comes from the training side of the split, the threshold and the best epoch from the validation side;
//! the test side is not looked at. Every epoch leaves a checkpoint, a long one several, and a run that was cut short goes on
//! from the last: on the CPU, with the same number of threads, it then ends with the very weights that an undisturbed run has.

mod checkpoint;
mod config;
mod data;
mod epoch;
mod material;
mod report;
mod run;
mod training;

pub use config::{Config, Settings};
pub use report::{EpochFigures, Report};
pub use run::run;

pub use crate::Error;
pub use crate::augment::Augmentation;
pub use crate::loss::{Loss, Reduction};
pub use crate::resnet::{Architecture, Precision};
pub use crate::starting_weights::Matched;
