//! Why items are not in the table, and the list of them: `id,reason,detail`.

use std::fmt;

use tagmill_model::{ItemId, MediaPath};
use tagmill_store::Row;

use crate::tags::{DropReason, Reading};

/// Why an item is not in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reject {
    /// The board does not say where its medium lies.
    NoMedium,
    /// The medium's path could leave the media folder, or is none.
    UnsafePath,
    /// Neither a picture nor a video, by its extension.
    UnknownMedium,
    /// A video, where pictures are asked for.
    Video,
    /// Of a content class that is not asked for, by its flags or by its tags.
    ContentClass,
    /// Not of the top feed.
    NotPromoted,
    /// Uploaded before the time asked for.
    TooOld,
    /// Uploaded after the time asked for.
    TooNew,
    /// Of too low a score.
    LowScore,
    /// Of unknown width or height, where the size matters.
    UnknownSize,
    /// The shorter side is too short.
    TooSmall,
    /// The longer side is too long.
    TooLarge,
    /// Too long for its width.
    TooElongated,
    /// Not drawn.
    NotSampled,
    /// The tags were not fetched yet.
    TagsNotFetched,
    /// The tags are no JSON array.
    MalformedTags,
    /// Fewer usable tags than asked for.
    TooFewTags,
}

impl Reject {
    pub(crate) const ALL: [Reject; 17] = [
        Reject::NoMedium,
        Reject::UnsafePath,
        Reject::UnknownMedium,
        Reject::Video,
        Reject::ContentClass,
        Reject::NotPromoted,
        Reject::TooOld,
        Reject::TooNew,
        Reject::LowScore,
        Reject::UnknownSize,
        Reject::TooSmall,
        Reject::TooLarge,
        Reject::TooElongated,
        Reject::NotSampled,
        Reject::TagsNotFetched,
        Reject::MalformedTags,
        Reject::TooFewTags,
    ];

    /// The reason as reports and `dataset.meta.json` name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Reject::NoMedium => "no medium",
            Reject::UnsafePath => "unsafe path",
            Reject::UnknownMedium => "unknown medium",
            Reject::Video => "video",
            Reject::ContentClass => "content class",
            Reject::NotPromoted => "not promoted",
            Reject::TooOld => "too old",
            Reject::TooNew => "too new",
            Reject::LowScore => "low score",
            Reject::UnknownSize => "unknown size",
            Reject::TooSmall => "too small",
            Reject::TooLarge => "too large",
            Reject::TooElongated => "too elongated",
            Reject::NotSampled => "not sampled",
            Reject::TagsNotFetched => "tags not fetched",
            Reject::MalformedTags => "malformed tags",
            Reject::TooFewTags => "too few tags",
        }
    }
}

impl fmt::Display for Reject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The first line of the list.
pub(crate) const HEADER: &[u8] = b"id,reason,detail\n";

/// Lines of the list, where there is to be one.
pub(crate) struct RejectList(Option<csv::Writer<Vec<u8>>>);

impl RejectList {
    pub(crate) fn new(is_wanted: bool) -> RejectList {
        RejectList(is_wanted.then(|| csv::Writer::from_writer(Vec::new())))
    }

    pub(crate) fn is_wanted(&self) -> bool {
        self.0.is_some()
    }

    pub(crate) fn add(&mut self, id: ItemId, reason: &str, detail: &str) {
        if let Some(csv) = &mut self.0 {
            csv.write_record([&id.to_string(), reason, detail]).expect("memory can be written to");
        }
    }

    /// An item that is in the table, though not all of its tags are what a board sends.
    pub(crate) fn add_odd(&mut self, id: ItemId, reading: &Reading) {
        if self.is_wanted() {
            let unreadable = reading.dropped.count(DropReason::Unreadable);
            let detail = format!("{unreadable} unreadable, {} of an absurd confidence", reading.absurd);
            self.add(id, "kept with odd tags", &detail);
        }
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0.map_or_else(Vec::new, |csv| csv.into_inner().expect("memory can be written to"))
    }
}

/// What a list of rejects says on an item beside the reason; empty where the reason says it all.
pub(crate) fn detail(reject: Reject, row: &Row<'_>) -> String {
    match reject {
        Reject::UnsafePath => match MediaPath::check(&row.image) {
            Err(reason) => format!("{}: {reason}", row.image.escape_debug()),
            Ok(_) => String::new(),
        },
        Reject::Video | Reject::UnknownMedium => {
            row.image.rsplit_once('.').map_or_else(String::new, |(_, extension)| extension.to_owned())
        }
        Reject::ContentClass => row.flags.to_string(),
        Reject::TooOld | Reject::TooNew => row.created.to_string(),
        Reject::LowScore => row.up.saturating_sub(row.down).to_string(),
        Reject::TooSmall | Reject::TooLarge | Reject::TooElongated => format!("{}x{}", row.width, row.height),
        _ => String::new(),
    }
}
