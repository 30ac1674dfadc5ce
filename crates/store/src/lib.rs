#![doc = include_str!("../README.md")]

mod error;
mod interval;
mod origin;
mod reader;
mod scan;
mod schema;
mod state;
mod upsert;
mod writer;

pub use error::Error;
pub use interval::{Interval, Intervals};
pub use reader::{Reader, Summary, UntaggedRow};
pub use scan::{MediaRow, Row, Scanner};
pub use schema::SCHEMA_VERSION;
pub use writer::{Batch, Failure, Store};
