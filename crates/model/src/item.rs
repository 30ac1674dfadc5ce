//! A post of the board: one medium with what the board says of it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Flags;

/// The board's number for an item: positive, growing with upload time. SQLite's own integer type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ItemId(pub i64);

impl fmt::Display for ItemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One row of the `items` table.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// The board's number.
    pub id: ItemId,
    /// Path of the medium, relative to the media host, as the board sent it. Not trusted: see [`crate::MediaPath`].
    pub image: String,
    /// Position in the top feed; 0 when never promoted.
    pub promoted: i64,
    /// Up votes.
    pub up: i64,
    /// Down votes.
    pub down: i64,
    /// Upload time, Unix seconds, UTC.
    pub created: i64,
    /// Width of the medium in pixels; 0 when unknown.
    pub width: i64,
    /// Height of the medium in pixels; 0 when unknown.
    pub height: i64,
    /// Whether the medium has sound.
    pub audio: bool,
    /// Where the uploader took it from; empty when unknown.
    pub source: String,
    /// Content class.
    pub flags: Flags,
    /// Name of the uploader.
    pub user_name: String,
    /// Rank of the uploader.
    pub mark: i64,
    /// The board's `gift` field; 0 when absent.
    pub gift: i64,
    /// The listing's JSON object, verbatim, so that fields unknown today are not lost.
    pub item_data: String,
    /// The JSON array `[{"id","confidence","tag"}]` as the board sent it. `None`: not fetched yet; `[]`: has none.
    pub tags_data: Option<String>,
    /// The JSON array of comments, only where it was asked for: comments are personal data.
    pub comments_data: Option<String>,
    /// When this row was fetched, Unix seconds, UTC.
    pub updated_at: i64,
}

impl Item {
    /// An item of which nothing is known but its number and its medium: no votes, no class, tags not fetched yet.
    pub fn new(id: ItemId, image: impl Into<String>) -> Item {
        Item {
            id,
            image: image.into(),
            promoted: 0,
            up: 0,
            down: 0,
            created: 0,
            width: 0,
            height: 0,
            audio: false,
            source: String::new(),
            flags: Flags::empty(),
            user_name: String::new(),
            mark: 0,
            gift: 0,
            item_data: String::new(),
            tags_data: None,
            comments_data: None,
            updated_at: 0,
        }
    }
}
