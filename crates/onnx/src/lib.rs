#![doc = include_str!("../README.md")]

mod error;
mod graph;
mod input;
mod proto;
mod resnet;
mod weights;

pub use error::Error;
pub use input::Input;
pub use resnet::{Model, encode};
