//! From a row of the database to a row of the table.

use std::borrow::Cow;

use tagmill_model::dataset::{DatasetRow, RowHead};
use tagmill_model::{Flags, MediaPath, Tag};
use tagmill_store::Row;

use crate::Config;
use crate::rejects::{Reject, detail};
use crate::tags::{Dropped, Interpreter, Reading};

/// The classes that have an `is_…` column.
const CONTENT_COLUMNS: Flags = Flags::NSFW.union(Flags::NSFL).union(Flags::NSFP).union(Flags::POL);

/// What an item becomes. Its tags are with the interpreter.
pub(crate) struct Judged<'a> {
    pub(crate) head: Result<RowHead<'a>, Reject>,
    /// What the tags said, where they were looked at and could be read.
    pub(crate) reading: Option<Reading>,
    /// More on a reject, where only the tags tell it.
    why: Cow<'static, str>,
}

impl Judged<'_> {
    fn rejected(reject: Reject, reading: Option<Reading>, why: impl Into<Cow<'static, str>>) -> Self {
        Judged { head: Err(reject), reading, why: why.into() }
    }

    /// What a list of rejects says on it beside the reason.
    pub(crate) fn detail(&self, reject: Reject, row: &Row<'_>) -> String {
        if self.why.is_empty() { detail(reject, row) } else { self.why.to_string() }
    }
}

/// Judges an item by all rules. Texts that only a list of rejects needs are made where there is one.
pub(crate) fn judge<'a>(
    row: &'a Row<'_>,
    config: &Config,
    interpreter: &mut Interpreter,
    in_detail: bool,
) -> Judged<'a> {
    let image = match config.filter.check(row) {
        Ok(image) => image,
        Err(reject) => return Judged::rejected(reject, None, ""),
    };
    let Some(json) = row.tags_data.as_deref() else {
        return Judged::rejected(Reject::TagsNotFetched, None, "");
    };
    let reading = match interpreter.read(json) {
        Ok(reading) => reading,
        Err(malformed) => {
            let why = if in_detail { malformed.0.to_string() } else { String::new() };
            return Judged::rejected(Reject::MalformedTags, None, why);
        }
    };
    if let Err(reject) = config.filter.check_class(reading.content) {
        let why = if in_detail { format!("{} by its tags", reading.content) } else { String::new() };
        return Judged::rejected(reject, Some(reading), why);
    }
    let usable = interpreter.symbols().len();
    if usable < config.min_tags {
        let why = if in_detail { usable.to_string() } else { String::new() };
        return Judged::rejected(Reject::TooFewTags, Some(reading), why);
    }
    let head = RowHead {
        id: row.id,
        image,
        created: row.created,
        width: row.width,
        height: row.height,
        flags: row.flags,
        content: (row.flags | reading.content) & CONTENT_COLUMNS,
    };
    Judged { head: Ok(head), reading: Some(reading), why: "".into() }
}

/// What an item becomes by the rules of `config`, and what was dropped of its tags. The interpreter has the tag rules; those
/// of `config` are not looked at.
///
/// An item that is not in the table has the first reason, in the order of [`Reject`], that applies.
pub fn convert(
    row: &Row<'_>,
    config: &Config,
    interpreter: &mut Interpreter,
) -> (Result<DatasetRow, Reject>, Dropped) {
    let judged = judge(row, config, interpreter, false);
    let dropped = judged.reading.map(|reading| reading.dropped).unwrap_or_default();
    let table_row = judged.head.map(|head| {
        let tags = interpreter.tags().take(config.max_tags);
        DatasetRow {
            id: head.id,
            image: MediaPath::parse(head.image).expect("the filter has checked it"),
            created: head.created,
            width: head.width,
            height: head.height,
            flags: head.flags,
            content: head.content,
            tags: tags.map(|(name, confidence)| Tag { name: name.to_owned(), confidence }).collect(),
        }
    });
    (table_row, dropped)
}

#[cfg(test)]
mod tests {
    use tagmill_model::ItemId;

    use super::*;
    use crate::{ItemFilter, TagRules};

    fn row() -> Row<'static> {
        Row {
            id: ItemId(7),
            image: "/2024/03/17/a.jpg".into(),
            promoted: 0,
            up: 1,
            down: 0,
            created: 1_710_000_000,
            width: 640,
            height: 480,
            flags: Flags::SFW,
            tags_data: Some(r#"[{"tag":"rot"},{"tag":"blau","confidence":0.5}]"#.into()),
            updated_at: 1_780_000_000,
        }
    }

    fn config() -> Config {
        Config { min_tags: 1, ..Config::new("items.db", "dataset.csv") }
    }

    fn converted(row: &Row<'_>, config: &Config) -> Result<DatasetRow, Reject> {
        convert(row, config, &mut Interpreter::new(&TagRules::default()).unwrap()).0
    }

    #[track_caller]
    fn check(row: &Row<'_>, config: &Config, expected: Result<Flags, Reject>) {
        assert_eq!(converted(row, config).map(|row| row.content), expected);
    }

    #[test]
    fn rejects_have_their_reasons() {
        let tags = |json: &'static str| Row { tags_data: Some(json.into()), ..row() };
        check(&row(), &config(), Ok(Flags::empty()));
        check(&Row { image: "..".into(), ..row() }, &config(), Err(Reject::UnsafePath));
        check(&Row { tags_data: None, ..row() }, &config(), Err(Reject::TagsNotFetched));
        check(&tags("<html>"), &config(), Err(Reject::MalformedTags));
        check(&tags("[]"), &config(), Err(Reject::TooFewTags));
        check(&tags("[]"), &Config { min_tags: 0, ..config() }, Ok(Flags::empty()));
        check(&row(), &Config { min_tags: 3, max_tags: 1, ..config() }, Err(Reject::TooFewTags));
    }

    #[test]
    fn content_comes_from_flags_and_tags_and_both_must_be_allowed() {
        let flags = |bits| Row { flags: Flags::from_bits_retain(bits), ..row() };
        let tagged = Row { tags_data: Some(r#"[{"tag":"rot"},{"tag":"NSFW "}]"#.into()), ..row() };
        let filter = ItemFilter { classes: Flags::SFW | Flags::NSFP, ..ItemFilter::default() };
        let safe = Config { filter, ..config() };
        check(&flags(2), &config(), Ok(Flags::NSFW));
        check(&tagged, &config(), Ok(Flags::NSFW));
        check(&flags(10), &config(), Ok(Flags::NSFW | Flags::NSFP));
        check(&flags(8), &safe, Ok(Flags::NSFP));
        check(&flags(10), &safe, Err(Reject::ContentClass));
        check(&tagged, &safe, Err(Reject::ContentClass));
    }

    #[test]
    fn keeps_the_tags_of_the_highest_confidence() {
        let names = |max_tags| {
            let row = converted(&row(), &Config { max_tags, ..config() }).unwrap();
            assert_eq!(row.image.as_str(), "2024/03/17/a.jpg");
            row.tags.into_iter().map(|tag| tag.name).collect::<Vec<_>>()
        };
        assert_eq!(names(24), ["blau", "rot"]);
        assert_eq!(names(1), ["blau"]);
    }
}
