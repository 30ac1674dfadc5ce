#![doc = include_str!("../README.md")]

pub mod board;
pub mod concept;
mod picture;
mod random;
pub mod scene;
mod wire;
pub mod world;

pub use board::{
    Account, Board, Config, Endpoint, Mishap, Mishaps, RateLimit, Rule, Script, Sessions, Stats, Target, When,
};
pub use concept::Concept;
pub use picture::Pixels;
pub use scene::Scene;
pub use world::{BooruPost, Comment, Format, Listing, Media, Post, PostTag, Variant, World, WorldConfig};
