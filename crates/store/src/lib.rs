#![doc = include_str!("../README.md")]

mod error;
mod interval;
mod reader;
mod scan;
mod schema;
mod state;
mod upsert;
mod writer;

pub use error::Error;
pub use interval::{Interval, Intervals};
pub use reader::{MediaRow, Reader, Summary};
pub use scan::{Row, Scanner};
pub use schema::SCHEMA_VERSION;
pub use writer::{Batch, Failure, Store};
