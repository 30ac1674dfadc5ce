#![doc = include_str!("../README.md")]

mod config;
mod error;
mod report;
mod row;
mod run;
mod table;
pub mod tags;

pub use config::Config;
pub use run::run;

pub use error::Error;
pub use report::Report;

pub use row::{Reject, convert};
pub use tags::{Dropped, Labels, TagRules};
