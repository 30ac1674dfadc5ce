//! The cells of a line of CSV, and what they hold.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::str::FromStr;

use super::batch::CONTENT;
use super::{DatasetError, RowHead};
use crate::{Flags, ItemId, MediaPath};

/// What a cell with an image's path should hold.
pub(super) const SAFE_PATH: &str = "a safe relative path";

/// Where each column of the table stands in its header.
pub(super) struct Columns {
    pub(super) names: Vec<String>,
    pub(super) id: usize,
    pub(super) image: usize,
    pub(super) created: Option<usize>,
    pub(super) width: Option<usize>,
    pub(super) height: Option<usize>,
    pub(super) flags: Option<usize>,
    pub(super) content: Vec<(usize, Flags)>,
    pub(super) tags: Vec<(usize, usize)>,
}

pub(super) fn header(file: &File, path: &Path) -> Result<Vec<String>, DatasetError> {
    let mut line = Vec::new();
    BufReader::new(file).read_until(b'\n', &mut line).map_err(|source| DatasetError::io(path, source))?;
    let mut csv = csv::ReaderBuilder::new().has_headers(false).from_reader(line.as_slice());
    let mut names = csv::StringRecord::new();
    let fault = match csv.read_record(&mut names) {
        Ok(_) => {
            return Ok(names
                .iter()
                .map(|name| name.trim_start_matches('\u{feff}').trim().to_owned())
                .collect());
        }
        Err(error) => error.to_string(),
    };
    Err(DatasetError::MalformedLine { path: path.to_owned(), line: 1, fault })
}

impl Columns {
    pub(super) fn of(names: Vec<String>, path: &Path) -> Result<Columns, DatasetError> {
        let find = |name: &str| names.iter().position(|column| column == name);
        let need = |name: &str| {
            find(name)
                .ok_or_else(|| DatasetError::MissingColumn { path: path.to_owned(), column: name.to_owned() })
        };
        let mut tags = Vec::new();
        while let Some(tag) = find(&format!("tag{}", tags.len() + 1)) {
            tags.push((tag, need(&format!("confidence{}", tags.len() + 1))?));
        }
        Ok(Columns {
            id: need("id")?,
            image: need("image")?,
            created: find("created"),
            width: find("width"),
            height: find("height"),
            flags: find("flags"),
            content: CONTENT.into_iter().filter_map(|(name, class)| Some((find(name)?, class))).collect(),
            tags,
            names,
        })
    }
}

/// A cell that does not hold what its column holds.
pub(super) struct BadCell {
    pub(super) column: usize,
    pub(super) expected: &'static str,
}

/// A line, however it was read.
pub(super) trait Cells {
    /// What stands in a column; empty where nothing does.
    fn text(&self, column: usize) -> &str;

    fn number<T: FromStr>(&self, column: usize, expected: &'static str) -> Result<T, BadCell> {
        self.text(column).trim().parse().map_err(|_| BadCell { column, expected })
    }

    fn optional<T: FromStr + Default>(&self, column: Option<usize>) -> Result<T, BadCell> {
        match column {
            Some(column) if !self.text(column).is_empty() => self.number(column, "a whole number"),
            _ => Ok(T::default()),
        }
    }

    fn boolean(&self, column: usize) -> Result<bool, BadCell> {
        let text = self.text(column).trim();
        let is_one_of = |words: [&str; 2]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
        match () {
            () if is_one_of(["true", "1"]) => Ok(true),
            () if text.is_empty() || is_one_of(["false", "0"]) => Ok(false),
            () => Err(BadCell { column, expected: "true or false" }),
        }
    }

    /// All but the tags.
    fn head(&self, columns: &Columns) -> Result<RowHead<'_>, BadCell> {
        let mut content = Flags::empty();
        for (column, class) in &columns.content {
            content.set(*class, self.boolean(*column)?);
        }
        let flags = match columns.flags {
            Some(_) => Flags::from_bits_retain(self.optional(columns.flags)?),
            None => content,
        };
        let image = MediaPath::check(self.text(columns.image))
            .map_err(|_| BadCell { column: columns.image, expected: SAFE_PATH })?;
        Ok(RowHead {
            id: ItemId(self.number(columns.id, "a whole number")?),
            image,
            created: self.optional(columns.created)?,
            width: self.optional(columns.width)?,
            height: self.optional(columns.height)?,
            flags,
            content,
        })
    }
}
