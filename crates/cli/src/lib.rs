#![doc = include_str!("../README.md")]

mod args;
mod bars;
mod data_args;
mod duration;
mod exit;
mod logging;
mod paths;
mod session;
mod usage;

pub use args::{GlobalArgs, LogLevel, parse};
pub use data_args::{CacheArgs, SplitArgs};
pub use duration::duration;
pub use exit::Exit;
pub use paths::{DEFAULT_RUN, DataDir};
pub use session::{Hint, Session, dataset_hint, pixels_hint, split_hint};
