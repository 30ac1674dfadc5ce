#![doc = include_str!("../README.md")]

mod block;
mod config;
mod digest;
mod error;
mod filter;
mod item_counts;
mod pipeline;
mod previous;
mod progress;
mod rejects;
mod report;
mod row;
mod run;
mod table;
mod tag_counts;
pub mod tags;
pub mod tally;
mod trash;

pub use config::Config;
pub use run::run;

pub use error::Error;
pub use report::Report;

pub use filter::ItemFilter;
pub use rejects::Reject;
pub use row::convert;
pub use tags::{Dropped, Interpreter, Labels, RulesError, TagRules};
pub use trash::{Trash, TrashReason, TrashRules};
