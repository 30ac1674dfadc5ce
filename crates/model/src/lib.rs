#![doc = include_str!("../README.md")]

pub mod atomic;
pub mod card;
mod clock;
mod counted;
#[cfg(feature = "dataset")]
pub mod dataset;
#[cfg(feature = "export")]
pub mod export;
pub mod flags;
mod hash;
pub mod item;
pub mod media;
#[cfg(feature = "parquet")]
mod parquet_file;
mod path_bytes;
#[cfg(feature = "picture")]
pub mod picture;
mod printable;
pub mod split;
pub mod stage;
pub mod staging;
pub mod tag;
pub mod vocabulary;

pub use atomic::AtomicFile;
pub use clock::{now, parse_date};
pub use counted::counted;
pub use flags::Flags;
pub use hash::hex;
#[cfg(feature = "dataset")]
pub use hash::{sha256, sha256_of_file};
pub use item::{Item, ItemId};
pub use media::{InvalidMediaPath, MediaKind, MediaPath};
pub use path_bytes::path_of_bytes;
pub use printable::printable;
pub use split::{Dated, Reunion, Sides, Split, SplitBy, SplitConfig, SplitError};
pub use stage::{Outcome, Progress, StageReport};
pub use tag::Tag;
pub use vocabulary::{Class, Vocabulary};
