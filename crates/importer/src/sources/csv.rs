//! A CSV file with a header: a column of tags, or the columns of `dataset.csv`.

use std::path::Path;

use tagmill_model::{Flags, Tag};

use super::fields;
use super::listed::{Line, Place};
use super::records::{Record, Records};
use crate::source::{Pictures, Reading};
use crate::{Error, Reason, tags};

/// Why a row is left out.
type Bad = (Reason, String);

/// Reads a list.
pub(crate) struct Csv {
    rows: Records,
    columns: Columns,
    place: Place,
}

/// Where the columns stand.
#[derive(Debug)]
struct Columns {
    names: Vec<String>,
    path: usize,
    tags: Tags,
    /// Columns that may say a content class; the first that does counts.
    classes: Vec<usize>,
    /// Columns of `dataset.csv` that say `true` of a class.
    is_class: Vec<(usize, Flags)>,
    created: Option<usize>,
    /// Whether a comma may stand in a confidence: it does not stand between cells.
    decimal_comma: bool,
}

#[derive(Debug)]
enum Tags {
    /// One cell, with commas between the tags.
    Joined(usize),
    /// A cell for each tag, and perhaps one for its confidence.
    Each(Vec<(usize, Option<usize>)>),
}

impl Csv {
    /// `root` is absolute and has no links in it.
    pub(crate) fn open(file: &Path, root: &Path) -> Result<Csv, Error> {
        let open = |delimiter| Csv::delimited(file, root, delimiter);
        // Spreadsheets write semicolons where people write decimal commas.
        let other = || open(b';').or_else(|_| open(b'\t'));
        open(b',').or_else(|error| other().map_err(|_| error))
    }

    fn delimited(file: &Path, root: &Path, delimiter: u8) -> Result<Csv, Error> {
        let mut rows = Records::open(file, delimiter).map_err(Error::source(file))?;
        let nothing = |why| Error::Nothing { path: file.to_owned(), why };
        let header = rows.next()?.ok_or_else(|| nothing("it is empty".to_owned()))?;
        let header = header.cells.map_err(|fault| nothing(format!("line {}: {fault}", header.line)))?;
        Ok(Csv {
            place: Place::new(root.to_owned(), file),
            columns: Columns::of(&header, delimiter, file)?,
            rows,
        })
    }
}

impl Pictures for Csv {
    type Raw = Record;

    fn next(&mut self) -> Result<Option<Record>, Error> {
        self.rows.next()
    }

    fn read(&self, Record { line, cells }: Record) -> Reading {
        let cells = cells.map_err(|fault| (Reason::MalformedLine, fault));
        self.place.reading(line, cells.and_then(|row| self.columns.line(&row)))
    }
}

impl Columns {
    fn of(header: &[Vec<u8>], delimiter: u8, file: &Path) -> Result<Columns, Error> {
        let names: Vec<String> =
            header.iter().map(|name| String::from_utf8_lossy(name).trim().to_owned()).collect();
        let find = |name: &str| names.iter().position(|column| column.eq_ignore_ascii_case(name));
        let mut each = Vec::new();
        while let Some(tag) = find(&format!("tag{}", each.len() + 1)) {
            each.push((tag, find(&format!("confidence{}", each.len() + 1))));
        }
        let path = find("image").or_else(|| find("file_name")).or_else(|| find("path"));
        let tags = find("tags").map(Tags::Joined).or((!each.is_empty()).then_some(Tags::Each(each)));
        let missing = match (&path, &tags) {
            (None, None) => {
                "the picture (`image`, `file_name` or `path`) and none for its tags (`tags`, or `tag1`, `tag2`, ...)"
            }
            (None, Some(_)) => "the picture (`image`, `file_name` or `path`)",
            (Some(_), None) => "the tags (`tags`, or `tag1`, `tag2`, ...)",
            (Some(_), Some(_)) => "",
        };
        let (Some(path), Some(tags)) = (path, tags) else {
            return Err(Error::MissingColumns { path: file.to_owned(), missing, found: names });
        };
        let classes = [
            ("is_nsfw", Flags::NSFW),
            ("is_nsfl", Flags::NSFL),
            ("is_nsfp", Flags::NSFP),
            ("is_pol", Flags::POL),
        ];
        Ok(Columns {
            path,
            tags,
            classes: ["flags", "rating"].into_iter().filter_map(find).collect(),
            is_class: classes.into_iter().filter_map(|(name, class)| Some((find(name)?, class))).collect(),
            created: find("created"),
            decimal_comma: delimiter != b',',
            names,
        })
    }

    fn line(&self, row: &[Vec<u8>]) -> Result<Line, Bad> {
        let (found, expected) = (row.len(), self.names.len());
        if found != expected {
            let detail = format!("it has {found} cells, and the header has {expected}");
            return Err((Reason::MalformedLine, detail));
        }
        let path = self.text(row, self.path)?;
        if path.is_empty() {
            return Err((Reason::MalformedField, format!("`{}` is empty", self.names[self.path])));
        }
        let field = |detail| (Reason::MalformedField, detail);
        let (tags, odd_tags) = self.tags(row)?;
        let mut class = None;
        for column in &self.classes {
            if class.is_none() {
                class = fields::class(self.text(row, *column)?).map_err(field)?;
            }
        }
        for (column, flag) in &self.is_class {
            let is_yes = fields::is_yes(self.text(row, *column)?);
            if is_yes.map_err(|fault| field(format!("`{}`: {fault}", self.names[*column])))? {
                // Of a class that people's tags named, which then is no SFW whatever the flags say.
                class = Some((class.unwrap_or(Flags::empty()) - Flags::SFW) | *flag);
            }
        }
        let created =
            fields::created(self.created.map_or(Ok(""), |column| self.text(row, column))?).map_err(field)?;
        // `dataset.csv` has 0 for a time that is not known.
        let created = created.filter(|created| *created != 0);
        Ok(Line { path: Path::new(path).to_owned(), tags, odd_tags, class, created })
    }

    fn tags(&self, row: &[Vec<u8>]) -> Result<(Vec<Tag>, usize), Bad> {
        let columns = match &self.tags {
            Tags::Joined(column) => return Ok((tags::certain(self.text(row, *column)?.split(',')), 0)),
            Tags::Each(columns) => columns,
        };
        let (mut tags, mut odd) = (Vec::new(), 0);
        for (name, confidence) in columns {
            let name = tags::tidy(self.text(row, *name)?);
            let confidence = confidence.map_or(Ok(""), |column| self.text(row, column))?;
            let confidence = match confidence {
                "" => Some(tags::CERTAIN),
                number if self.decimal_comma => fields::confidence(&number.replace(',', ".")),
                number => fields::confidence(number),
            };
            match confidence {
                _ if name.is_empty() => {}
                Some(confidence) => tags.push(Tag { name, confidence }),
                None => odd += 1,
            }
        }
        Ok((tags, odd))
    }

    fn text<'a>(&self, row: &'a [Vec<u8>], column: usize) -> Result<&'a str, Bad> {
        let text = std::str::from_utf8(&row[column]).map_err(|_| {
            (Reason::MalformedField, format!("`{}` is not in UTF-8", self.names[column].escape_debug()))
        })?;
        Ok(text.trim())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::listed::shown;

    fn read(contents: &[u8]) -> Result<String, Error> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("list.csv");
        std::fs::write(&file, contents).unwrap();
        let root = folder.path().to_owned();
        let mut list = Csv::open(&file, &root)?;
        let mut readings = Vec::new();
        while let Some(row) = list.next()? {
            readings.push(list.read(row));
        }
        Ok(shown(&root, readings))
    }

    #[track_caller]
    fn check(list: &str, expected: &str) {
        assert_eq!(read(list.as_bytes()).unwrap(), expected, "{list}");
    }

    #[test]
    fn a_cell_of_tags() {
        check("image,tags\na.jpg,\"cat, red  sofa\"\nb.jpg,\n", "a.jpg: cat 1 | red sofa 1\nb.jpg: ");
        check("\u{feff}Tags , FILE_NAME,note\r\ncat,\"a, b.jpg\",x\r\n", "a, b.jpg: cat 1");
        check("path,tags\na.mp4,cat\n", "a video");
        check(
            "path,tags,rating,created\na.jpg,cat,q,2024-03-17\nb.jpg,cat,,\n",
            "a.jpg: cat 1; nsfw; 1710633600\nb.jpg: cat 1",
        );
        check("path,tags\n\"a.jpg\",\"two\nlines\"\n\n", "a.jpg: two lines 1");
    }

    #[test]
    fn the_header_tells_the_delimiter() {
        check("image;tags;note\na.jpg;cat, \"red\" sofa;x\n", "a.jpg: cat 1 | \"red\" sofa 1");
        check("\u{feff}tags\tpath\r\ncat, dog\ta;b.jpg\r\n", "a;b.jpg: cat 1 | dog 1");
    }

    #[test]
    fn a_cell_for_each_tag() {
        check("path,tag1,tag2\na.jpg,cat,\nb.jpg,,dog\n", "a.jpg: cat 1\nb.jpg: dog 1");
        let dataset = "id,image,created,width,height,flags,is_nsfw,is_nsfl,is_nsfp,is_pol,tag1,confidence1,tag2,confidence2\n\
            1,2024/a.jpg,1710633600,640,480,1,false,false,false,false,cat,0.5,dog,0.25\n\
            2,2024/b.jpg,0,0,0,1,true,false,false,true,cat,1.0,,\n\
            3,2024/c.jpg,0,0,0,0,false,false,false,false,cat,high,dog,0.5\n";
        check(
            dataset,
            "2024/a.jpg: cat 0.5 | dog 0.25; sfw; 1710633600\n\
             2024/b.jpg: cat 1; nsfw,pol\n\
             ! 2024/c.jpg: odd tags: line 4: 1 entry is no tag\n\
             2024/c.jpg: dog 0.5",
        );
    }

    #[test]
    fn a_decimal_comma_where_cells_have_others() {
        check("path;tag1;confidence1\na.jpg;cat;0,5\nb.jpg;dog;0.25\n", "a.jpg: cat 0.5\nb.jpg: dog 0.25");
        check(
            "path,tag1,confidence1\na.jpg,cat,\"1,000\"\n",
            "! a.jpg: odd tags: line 2: 1 entry is no tag\na.jpg: ",
        );
    }

    #[test]
    fn flags_that_are_empty_leave_it_to_the_rating() {
        check(
            "path,tags,rating,flags\na.jpg,cat,e,\nb.jpg,cat,e,pol\nc.jpg,cat,e,0\nd.jpg,cat,,\n",
            "a.jpg: cat 1; nsfw\nb.jpg: cat 1; pol\nc.jpg: cat 1; nsfw\nd.jpg: cat 1",
        );
    }

    #[test]
    fn columns_of_classes_say_yes_or_no() {
        check(
            "path,tags,is_nsfw,is_pol\na.jpg,cat,True,\nb.jpg,cat,no,1.0\nc.jpg,cat,0,0.0\nd.jpg,cat,x,0\n",
            "a.jpg: cat 1; nsfw\nb.jpg: cat 1; pol\nc.jpg: cat 1\n\
             ! list.csv:5: malformed field: `is_nsfw`: `x` is neither true nor false",
        );
    }

    #[test]
    fn a_quote_that_is_not_closed_loses_nothing_unsaid() {
        check(
            "path,tags\na.jpg,\"cat\nb.jpg,\"dog\"\nc.jpg,cat\nd.jpg,\"cat\ne.jpg,dog\n",
            "! list.csv:2: malformed line: it goes on to line 3: a quote is not closed, or one in a cell is not doubled\n\
             c.jpg: cat 1\n\
             ! list.csv:5: malformed line: it goes on to the end of the list: a quote is not closed",
        );
        let endless = format!("path,tags\na.jpg,\"cat\n{}", "b.jpg,dog\n".repeat(2000));
        assert!(matches!(read(endless.as_bytes()), Err(Error::Endless { line: 2, .. })));
        let header = read(b"path,\"tags\na.jpg,cat\n").unwrap_err().to_string();
        assert!(
            header.ends_with("line 1: it goes on to the end of the list: a quote is not closed"),
            "{header}"
        );
    }

    #[test]
    fn bad_rows_are_told_by_line() {
        let list = b"path,tags,rating,created\na.jpg,cat\n,cat,,\nb.jpg,gr\xf6\xdfe,,\nc.jpg,cat,x,\nd.jpg,cat,,soon\n\"e\n.jpg\",a,b,c,d\nf.jpg,cat,,\n";
        insta::assert_snapshot!(read(list).unwrap(), @r"
        ! list.csv:2: malformed line: it has 2 cells, and the header has 4
        ! list.csv:3: malformed field: `path` is empty
        ! list.csv:4: malformed field: `tags` is not in UTF-8
        ! list.csv:5: malformed field: `x` is not a content class (sfw, nsfw, nsfl, nsfp, pol) and no rating
        ! list.csv:6: malformed field: `soon` is neither Unix seconds nor a date such as 2024-03-17
        ! list.csv:7: malformed line: it has 5 cells, and the header has 4
        f.jpg: cat 1
        ");
    }

    #[track_caller]
    fn check_columns(list: &[u8], expected: &str) {
        let error = read(list).unwrap_err().to_string();
        assert_eq!(error.split_once("list.csv` ").unwrap().1, expected);
    }

    #[test]
    fn columns_that_are_not_there() {
        check_columns(
            b"image|tags\na.jpg|cat\n",
            "has no column for the picture (`image`, `file_name` or `path`) and none for its tags (`tags`, or `tag1`, `tag2`, ...); its columns are `image|tags`",
        );
        check_columns(
            b"path,tag,score\na.jpg,cat,0.5\n",
            "has no column for the tags (`tags`, or `tag1`, `tag2`, ...); its columns are `path`, `tag`, `score`",
        );
        check_columns(
            b"name,tags\n",
            "has no column for the picture (`image`, `file_name` or `path`); its columns are `name`, `tags`",
        );
        let empty = read(b"").unwrap_err().to_string();
        assert!(
            empty.starts_with("nothing was imported from `") && empty.ends_with("`: it is empty"),
            "{empty}"
        );
    }
}
