#![doc = include_str!("../README.md")]

mod config;
mod encoding;
mod error;
mod fault;
mod known;
mod media;
mod origins;
mod rejects;
mod report;
mod run;
mod source;
mod sources;
mod tags;
mod work;

pub use config::{Config, FolderTags, Placing, Separator, Source};
pub use run::{ORIGIN, run};

pub use error::Error;
pub use report::{Faults, Placed, Report};

pub use encoding::{TextEncoding, UnknownEncoding};
pub use fault::{Fault, Reason};
