//! From a row of the database to a row of the table.

use std::fmt;

use tagmill_model::dataset::DatasetRow;
use tagmill_model::{Flags, MediaKind, MediaPath};
use tagmill_store::Row;

use crate::Config;
use crate::tags::{self, Dropped};

/// The classes that have an `is_…` column.
const CONTENT_COLUMNS: Flags = Flags::NSFW.union(Flags::NSFL).union(Flags::NSFP).union(Flags::POL);

/// Why an item is not in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reject {
    /// The medium's path could leave the media folder, or is none.
    UnsafePath,
    /// A video, where pictures are asked for.
    Video,
    /// Neither a picture nor a video, by its extension.
    UnknownMedium,
    /// Of a content class that is not asked for, by its flags or by its tags.
    ContentClass,
    /// The tags were not fetched yet.
    TagsNotFetched,
    /// The tags are no JSON array.
    MalformedTags,
    /// Fewer usable tags than asked for.
    TooFewTags,
}

impl Reject {
    /// The reason as reports and `dataset.meta.json` name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Reject::UnsafePath => "unsafe path",
            Reject::Video => "video",
            Reject::UnknownMedium => "unknown medium",
            Reject::ContentClass => "content class",
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

/// What an item becomes by the rules of `config`, and what was dropped of its tags.
///
/// An item that is not in the table has the first reason, in the order of [`Reject`], that applies.
pub fn convert(row: &Row, config: &Config) -> (Result<DatasetRow, Reject>, Dropped) {
    let mut dropped = Dropped::default();
    (table_row(row, config, &mut dropped), dropped)
}

fn table_row(row: &Row, config: &Config, dropped: &mut Dropped) -> Result<DatasetRow, Reject> {
    let image = MediaPath::parse(&row.image).map_err(|_| Reject::UnsafePath)?;
    match image.kind() {
        MediaKind::Image => {}
        MediaKind::Video if config.include_videos => {}
        MediaKind::Video => return Err(Reject::Video),
        MediaKind::Other => return Err(Reject::UnknownMedium),
    }
    check_class(row.flags, config)?;
    let json = row.tags_data.as_deref().ok_or(Reject::TagsNotFetched)?;
    let mut labels = tags::labels(json, &config.rules).map_err(|_| Reject::MalformedTags)?;
    *dropped = labels.dropped;
    check_class(labels.content, config)?;
    if labels.tags.len() < config.min_tags {
        return Err(Reject::TooFewTags);
    }
    labels.tags.truncate(config.max_tags);
    Ok(DatasetRow {
        id: row.id,
        image,
        created: row.created,
        width: row.width,
        height: row.height,
        flags: row.flags,
        content: (row.flags | labels.content) & CONTENT_COLUMNS,
        tags: labels.tags,
    })
}

/// Every named class that an item has must be allowed, so that an item of two classes does not slip in by the milder one.
fn check_class(flags: Flags, config: &Config) -> Result<(), Reject> {
    match config.classes.contains(flags & Flags::EVERY_CLASS) {
        true => Ok(()),
        false => Err(Reject::ContentClass),
    }
}

#[cfg(test)]
mod tests {
    use tagmill_model::ItemId;

    use super::*;

    fn row() -> Row {
        Row {
            id: ItemId(7),
            image: "2024/03/17/a.jpg".to_owned(),
            created: 1_710_000_000,
            width: 640,
            height: 480,
            flags: Flags::SFW,
            tags_data: Some(r#"[{"tag":"rot"},{"tag":"blau","confidence":0.5}]"#.to_owned()),
            updated_at: 1_780_000_000,
        }
    }

    fn config() -> Config {
        Config { min_tags: 1, ..Config::new("items.db", "dataset.csv") }
    }

    #[track_caller]
    fn check(row: &Row, config: &Config, expected: Result<Flags, Reject>) {
        assert_eq!(convert(row, config).0.map(|row| row.content), expected);
    }

    #[test]
    fn rejects_have_their_reasons() {
        let image = |image: &str| Row { image: image.to_owned(), ..row() };
        let tags = |json: &str| Row { tags_data: Some(json.to_owned()), ..row() };
        check(&row(), &config(), Ok(Flags::empty()));
        check(&image("../a.jpg"), &config(), Err(Reject::UnsafePath));
        check(&image(""), &config(), Err(Reject::UnsafePath));
        check(&image("a.MP4"), &config(), Err(Reject::Video));
        check(&image("a.mp4"), &Config { include_videos: true, ..config() }, Ok(Flags::empty()));
        check(&image("a.swf"), &Config { include_videos: true, ..config() }, Err(Reject::UnknownMedium));
        check(&Row { tags_data: None, ..row() }, &config(), Err(Reject::TagsNotFetched));
        check(&tags("<html>"), &config(), Err(Reject::MalformedTags));
        check(&tags("[]"), &config(), Err(Reject::TooFewTags));
        check(&tags("[]"), &Config { min_tags: 0, ..config() }, Ok(Flags::empty()));
        check(&row(), &Config { min_tags: 3, max_tags: 1, ..config() }, Err(Reject::TooFewTags));
    }

    #[test]
    fn content_comes_from_flags_and_tags_and_both_must_be_allowed() {
        let flags = |bits| Row { flags: Flags::from_bits_retain(bits), ..row() };
        let tagged = Row { tags_data: Some(r#"[{"tag":"rot"},{"tag":"NSFW "}]"#.to_owned()), ..row() };
        let safe = Config { classes: Flags::SFW | Flags::NSFP, ..config() };
        check(&flags(2), &config(), Ok(Flags::NSFW));
        check(&tagged, &config(), Ok(Flags::NSFW));
        check(&flags(10), &config(), Ok(Flags::NSFW | Flags::NSFP));
        check(&flags(0), &safe, Ok(Flags::empty()));
        check(&flags(33), &safe, Ok(Flags::empty()));
        check(&flags(8), &safe, Ok(Flags::NSFP));
        check(&flags(2), &safe, Err(Reject::ContentClass));
        check(&flags(10), &safe, Err(Reject::ContentClass));
        check(&tagged, &safe, Err(Reject::ContentClass));
    }

    #[test]
    fn keeps_the_tags_of_the_highest_confidence() {
        let names = |max_tags| {
            let row = convert(&row(), &Config { max_tags, ..config() }).0.unwrap();
            row.tags.into_iter().map(|tag| tag.name).collect::<Vec<_>>()
        };
        assert_eq!(names(24), ["blau", "rot"]);
        assert_eq!(names(1), ["blau"]);
    }
}
