#![doc = include_str!("../README.md")]

pub mod metrics;
pub mod predict;
pub mod train;
pub mod validate;

mod augment;
mod backbone;
mod batches;
mod device;
mod ema;
mod error;
mod features;
mod lists;
mod loss;
mod memory;
mod network;
mod optimiser;
mod outputs;
mod pixels;
mod random;
mod resnet;
mod run_folder;
mod script;
mod seen_items;
mod starting_weights;
mod table;
mod tagger;
mod tensorboard;
mod traced;
mod weights;

pub use device::Device;
pub use error::Error;
pub use tagger::{PictureScores, Tagger};
pub use tagmill_model::picture::BadPicture;
pub use tagmill_pixels::{MaxBad, Picture};
