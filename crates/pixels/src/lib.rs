#![doc = include_str!("../README.md")]

pub mod cache;

mod error;
mod keeper;
mod key;
mod known;
mod likeness;
mod max_bad;
mod picture;
mod pixels;
mod record;
mod shard;
mod vectors;

pub use error::Error;
pub use likeness::{LARGEST_DISTANCE, Look, groups, likeness};
pub use max_bad::MaxBad;
pub use picture::{Picture, Thumbnail};
pub use pixels::{Config, End, Files, Pixels, Storage, Stored, decode};
pub use vectors::{Place, Vectors};
