//! Reading the whole table, as fast as SQLite hands it out.
//!
//! sqlx copies each value of each row into memory of its own and passes rows from thread to thread. Here a row is lent to
//! the caller where SQLite has it, which takes about a third of the time. That takes rusqlite, which links the very SQLite
//! that sqlx brought.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, OptionalExtension};
use tagmill_model::{Flags, ItemId};

use crate::reader::updated_at;
use crate::{Error, Interval};

/// A member of the listing's JSON object; NULL where there is none, or no JSON.
macro_rules! member {
    ($path:literal) => {
        concat!("CASE WHEN json_valid(item_data) THEN item_data ->> ", $path, " END")
    };
}
/// How long to wait for a writer that is about to close: longer than any writer waits for readers.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection that lends out rows. For a thread of its own: it blocks. Open several to read with several threads.
///
/// See [`crate::Reader::scanner`].
#[derive(Debug)]
pub struct Scanner {
    path: PathBuf,
    connection: Connection,
}

/// What preparing needs of an item. Values that are missing or absurd in the database are 0 or empty here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row<'a> {
    /// The board's number.
    pub id: ItemId,
    /// Path of the medium as the board sent it, not trusted.
    pub image: Cow<'a, str>,
    /// Position in the top feed; 0 when never promoted.
    pub promoted: i64,
    /// Up votes.
    pub up: i64,
    /// Down votes.
    pub down: i64,
    /// Upload time, Unix seconds, UTC.
    pub created: i64,
    /// Width in pixels; 0 when unknown.
    pub width: u32,
    /// Height in pixels; 0 when unknown.
    pub height: u32,
    /// Content class.
    pub flags: Flags,
    /// The tags as JSON, as the board sent them; `None` when not fetched yet.
    pub tags_data: Option<Cow<'a, str>>,
    /// When the row was last written, Unix seconds, UTC.
    pub updated_at: i64,
}

impl Row<'_> {
    /// A copy that may be kept.
    pub fn into_owned(self) -> Row<'static> {
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        Row { image: owned(self.image), tags_data: self.tags_data.map(owned), ..self }
    }
}

/// What downloading needs of an item, lent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaRow<'a> {
    /// The board's number.
    pub id: ItemId,
    /// Path of the medium as the board sent it, not trusted.
    pub image: Cow<'a, str>,
    /// Upload time, Unix seconds, UTC.
    pub created: i64,
    /// Content class.
    pub flags: Flags,
    /// Another member of the listing's JSON object, where it was asked for and is there.
    pub other: Option<Cow<'a, str>>,
}

impl Scanner {
    pub(crate) fn open(path: &Path) -> Result<Scanner, Error> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(Error::of_scan(path))?;
        connection.busy_timeout(PATIENCE).map_err(Error::of_scan(path))?;
        Ok(Scanner { path: path.to_owned(), connection })
    }

    /// The lowest id from `first` on that has a row.
    ///
    /// # Errors
    /// [`Error::Corrupt`], [`Error::Sql`] and their kin.
    pub fn next_id(&self, first: ItemId) -> Result<Option<ItemId>, Error> {
        let statement = "SELECT id FROM items WHERE id >= ? ORDER BY id LIMIT 1";
        let id = self.connection.query_row(statement, [first.0], |row| row.get(0)).optional();
        Ok(id.map_err(Error::of_scan(&self.path))?.map(ItemId))
    }

    /// Lends each row of an interval, by rising id: all of them as they stood at one moment.
    ///
    /// A writer may have to wait until this returns, so an interval should have thousands of rows and not millions.
    ///
    /// # Errors
    /// [`Error::Corrupt`], [`Error::Sql`] and their kin. Rows may have been lent before.
    pub fn rows(&self, interval: Interval, lend: impl FnMut(&Row<'_>)) -> Result<(), Error> {
        self.lend(interval, lend).map_err(Error::of_scan(&self.path))
    }

    /// As [`Scanner::rows`], with no more than a medium's place takes. `member` names what of the listing's JSON object
    /// [`MediaRow::other`] is, such as `thumb`; without it, the JSON is not touched.
    ///
    /// # Errors
    /// As [`Scanner::rows`].
    pub fn media(
        &self,
        interval: Interval,
        member: Option<&str>,
        lend: impl FnMut(&MediaRow<'_>),
    ) -> Result<(), Error> {
        self.lend_media(interval, member, lend).map_err(Error::of_scan(&self.path))
    }

    /// [`MediaRow::other`] of one item; `None` also where there is no such item. Items are found fastest by rising id.
    ///
    /// # Errors
    /// As [`Scanner::rows`].
    pub fn member(&self, id: ItemId, member: &str) -> Result<Option<String>, Error> {
        let statement = concat!("SELECT ", member!("?2"), " FROM items WHERE id = ?1");
        let find = || {
            let mut statement = self.connection.prepare_cached(statement)?;
            let mut rows = statement.query(rusqlite::params![id.0, path_of(member)])?;
            let Some(row) = rows.next()? else { return Ok(None) };
            Ok(text(row.get_ref(0)?).map(Cow::into_owned))
        };
        find().map_err(Error::of_scan(&self.path))
    }

    fn lend_media(
        &self,
        interval: Interval,
        member: Option<&str>,
        mut lend: impl FnMut(&MediaRow<'_>),
    ) -> rusqlite::Result<()> {
        let mut statement = self.connection.prepare(match member {
            None => {
                "SELECT id, image, created, flags, NULL FROM items
                WHERE ?3 IS NULL AND id BETWEEN ?1 AND ?2 ORDER BY id"
            }
            Some(_) => concat!(
                "SELECT id, image, created, flags, ",
                member!("?3"),
                " FROM items WHERE id BETWEEN ?1 AND ?2 ORDER BY id"
            ),
        })?;
        let parameters = rusqlite::params![interval.first.0, interval.last.0, member.map(path_of)];
        let mut rows = statement.query(parameters)?;
        while let Some(row) = rows.next()? {
            let integer = |column| row.get_ref(column).map(integer);
            lend(&MediaRow {
                id: ItemId(integer(0)?),
                image: text(row.get_ref(1)?).unwrap_or_default(),
                created: integer(2)?,
                flags: Flags::from_bits_retain(u32::try_from(integer(3)?).unwrap_or(0)),
                other: text(row.get_ref(4)?),
            });
        }
        Ok(())
    }

    fn lend(&self, interval: Interval, mut lend: impl FnMut(&Row<'_>)) -> rusqlite::Result<()> {
        let mut statement = self.connection.prepare(concat!(
            "SELECT id, image, promoted, up, down, created, width, height, flags, tags_data, ",
            updated_at!(),
            " FROM items WHERE id BETWEEN ? AND ? ORDER BY id"
        ))?;
        let mut rows = statement.query([interval.first.0, interval.last.0])?;
        while let Some(row) = rows.next()? {
            let integer = |column| row.get_ref(column).map(integer);
            let pixels = |column| integer(column).map(|pixels| u32::try_from(pixels).unwrap_or(0));
            lend(&Row {
                id: ItemId(integer(0)?),
                image: text(row.get_ref(1)?).unwrap_or_default(),
                promoted: integer(2)?,
                up: integer(3)?,
                down: integer(4)?,
                created: integer(5)?,
                width: pixels(6)?,
                height: pixels(7)?,
                flags: Flags::from_bits_retain(pixels(8)?),
                tags_data: text(row.get_ref(9)?),
                updated_at: integer(10)?,
            });
        }
        Ok(())
    }
}

fn path_of(member: &str) -> String {
    format!("$.{member}")
}

// A column of SQLite holds values of any type. These give them in the type asked for, as SQL's `CAST` does.

fn integer(value: ValueRef<'_>) -> i64 {
    match value {
        ValueRef::Integer(integer) => integer,
        ValueRef::Null => 0,
        ValueRef::Real(real) => real as i64,
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => leading_integer(bytes),
    }
}

/// The number that a text begins with, or 0.
fn leading_integer(bytes: &[u8]) -> i64 {
    let text = bytes.trim_ascii_start();
    let sign = usize::from(text.first().is_some_and(|byte| matches!(byte, b'-' | b'+')));
    let digits = text[sign..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(&text[..sign + digits]).ok().and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// SQLite does not promise that text is UTF-8; what is not becomes U+FFFD.
fn text(value: ValueRef<'_>) -> Option<Cow<'_, str>> {
    match value {
        ValueRef::Null => None,
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(match std::str::from_utf8(bytes) {
            Ok(text) => Cow::Borrowed(text),
            // Asked only where it is needed: it is several times as slow as the check.
            Err(_) => String::from_utf8_lossy(bytes),
        }),
        ValueRef::Integer(integer) => Some(integer.to_string().into()),
        ValueRef::Real(real) => Some(format!("{real:?}").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_any_type_become_what_is_asked_for() {
        let number = |text: &str| integer(ValueRef::Text(text.as_bytes()));
        assert_eq!([number("12"), number(" -7px"), number("wide"), number("")], [12, -7, 0, 0]);
        assert_eq!(
            [number("12.9"), number("+3"), number("-"), number("99999999999999999999")],
            [12, 3, 0, 0]
        );
        assert_eq!([integer(ValueRef::Real(2.9)), integer(ValueRef::Real(f64::NAN))], [2, 0]);
        assert_eq!([integer(ValueRef::Null), integer(ValueRef::Blob(b"5"))], [0, 5]);
        assert_eq!(text(ValueRef::Integer(5)).as_deref(), Some("5"));
        assert_eq!(text(ValueRef::Blob(b"[\xff]")).as_deref(), Some("[\u{fffd}]"));
        assert_eq!(text(ValueRef::Null), None);
    }
}
