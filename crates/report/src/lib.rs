#![doc = include_str!("../README.md")]

mod chart;
mod confusions;
mod document;
mod overview;
mod page;
mod pictures;
mod scale;
mod section;
mod tags;
mod text;

pub use document::render;
pub use page::{
    Axis, Chart, Comparison, Confusion, Estimate, Fact, FigureGroup, Item, Line, LineKind, Mark, Page,
    Suspect, TagRow, TaggedAs, Thumbnail, Verdict,
};
pub use text::count;
