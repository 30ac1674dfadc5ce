//! A file with a JSON object a line: an imagefolder's `metadata.jsonl`, or what `tagmill predict` writes.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use tagmill_model::{Flags, Tag, path_of_bytes};

use super::fields;
use super::listed::{LONGEST_LINE, Line, MARK, Place};
use crate::source::{Pictures, Reading};
use crate::{Error, Reason, tags};

/// The names that the path may have, the first that is there counts.
const PATHS: [&str; 3] = ["file_name", "image", "path"];
const CLASSES: [&str; 2] = ["flags", "rating"];

/// Why a line is left out.
type Bad = (Reason, String);

/// Reads a list.
pub(crate) struct Jsonl {
    file: PathBuf,
    lines: BufReader<File>,
    place: Place,
    number: u64,
}

pub(crate) struct Raw {
    number: u64,
    /// Without its end; `None` where it is too long.
    line: Option<Vec<u8>>,
}

impl Jsonl {
    /// `root` is absolute and has no links in it.
    pub(crate) fn open(file: &Path, root: &Path) -> Result<Jsonl, Error> {
        let lines = BufReader::new(File::open(file).map_err(Error::source(file))?);
        Ok(Jsonl { place: Place::new(root.to_owned(), file), lines, file: file.to_owned(), number: 0 })
    }

    /// The next line, empty or not.
    fn line(&mut self) -> io::Result<Option<Raw>> {
        let mut line = Vec::new();
        if self.lines.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        self.number += 1;
        let is_whole = line.ends_with(b"\n") || (line.len() as u64) < LONGEST_LINE;
        if !is_whole {
            self.lines.skip_until(b'\n')?;
        }
        Ok(Some(Raw { number: self.number, line: is_whole.then_some(line) }))
    }
}

impl Pictures for Jsonl {
    type Raw = Raw;

    fn next(&mut self) -> Result<Option<Raw>, Error> {
        while let Some(mut raw) = self.line().map_err(Error::source(&self.file))? {
            if let (1, Some(line)) = (raw.number, &mut raw.line)
                && line.starts_with(MARK)
            {
                line.drain(..MARK.len());
            }
            if raw.line.as_ref().is_none_or(|line| !line.trim_ascii().is_empty()) {
                return Ok(Some(raw));
            }
        }
        Ok(None)
    }

    fn read(&self, raw: Raw) -> Reading {
        let line = match raw.line {
            Some(line) => parse(&line),
            None => Err((Reason::MalformedLine, format!("it has more than {LONGEST_LINE} bytes"))),
        };
        self.place.reading(raw.number, line)
    }
}

fn parse(line: &[u8]) -> Result<Line, Bad> {
    let object = match serde_json::from_slice(line.trim_ascii()) {
        Ok(Value::Object(object)) => object,
        Ok(_) => return Err((Reason::MalformedLine, "it is JSON, but no object".to_owned())),
        Err(error) => {
            // Its line is always the first: the number of the list's is told beside.
            return Err((Reason::MalformedLine, error.to_string().replace("at line 1 column", "at column")));
        }
    };
    let (tags, odd_tags) = tags_of(&object)?;
    Ok(Line {
        path: path(&object)?,
        tags,
        odd_tags,
        class: class(&object)?,
        created: text_of(&object, &["created"])?
            .map_or(Ok(None), |text| fields::created(&text))
            .map_err(field)?,
    })
}

fn field(detail: String) -> Bad {
    (Reason::MalformedField, detail)
}

/// The first of these members that is there; null is not.
fn member<'a>(object: &'a Map<String, Value>, names: &[&'a str]) -> Option<(&'a str, &'a Value)> {
    names.iter().find_map(|name| Some((*name, object.get(*name).filter(|value| !value.is_null())?)))
}

/// Of the first member that says one.
fn class(object: &Map<String, Value>) -> Result<Option<Flags>, Bad> {
    for name in CLASSES {
        let text = text_of(object, &[name])?.unwrap_or_default();
        if let Some(class) = fields::class(&text).map_err(field)? {
            return Ok(Some(class));
        }
    }
    likeliest(object)
}

/// The class of the highest score, as predict writes the scores of all.
fn likeliest(object: &Map<String, Value>) -> Result<Option<Flags>, Bad> {
    let bad = || field("`ratings` is not a list of content classes with scores".to_owned());
    let Some((_, ratings)) = member(object, &["ratings"]) else { return Ok(None) };
    let ratings = ratings.as_array().ok_or_else(bad)?.iter().map(|rating| tag(rating, None));
    let ratings: Vec<Tag> = ratings.collect::<Option<_>>().ok_or_else(bad)?;
    match ratings.iter().max_by(|a, b| a.confidence.total_cmp(&b.confidence)) {
        Some(rating) => fields::class(&rating.name).map_err(field),
        None => Ok(None),
    }
}

fn path(object: &Map<String, Value>) -> Result<PathBuf, Bad> {
    match member(object, &PATHS) {
        Some((_, Value::String(path))) if !path.is_empty() => Ok(match member(object, &["path_bytes"]) {
            Some((_, bytes)) => {
                bytes_of(bytes).ok_or_else(|| field("`path_bytes` are no bytes".to_owned()))?
            }
            None => Path::new(path).to_owned(),
        }),
        Some((name, _)) => Err(field(format!("`{name}` is no path"))),
        None => Err(field(format!("it has none of `{}`", PATHS.join("`, `")))),
    }
}

/// predict writes so a path that is not UTF-8.
fn bytes_of(bytes: &Value) -> Option<PathBuf> {
    let bytes = bytes.as_array()?.iter().map(|byte| u8::try_from(byte.as_u64()?).ok());
    bytes.collect::<Option<Vec<u8>>>().map(path_of_bytes)
}

/// Text, a number, or a list of texts.
fn text_of(object: &Map<String, Value>, names: &[&str]) -> Result<Option<String>, Bad> {
    let Some((name, value)) = member(object, names) else { return Ok(None) };
    match value {
        Value::String(text) => Ok(Some(text.clone())),
        Value::Number(number) => Ok(Some(number.to_string())),
        Value::Array(list) if list.iter().all(Value::is_string) => {
            Ok(Some(list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(",")))
        }
        _ => Err(field(format!("`{name}` is neither text nor a number"))),
    }
}

/// The tags, and how many entries are none.
fn tags_of(object: &Map<String, Value>) -> Result<(Vec<Tag>, usize), Bad> {
    let list = match object.get("tags") {
        None | Some(Value::Null) => return Ok((Vec::new(), 0)),
        Some(Value::String(text)) => return Ok((tags::certain(text.split(',')), 0)),
        Some(Value::Array(list)) => list,
        Some(_) => return Err(field("`tags` is neither a list nor text".to_owned())),
    };
    let confidences = match object.get("confidences") {
        None | Some(Value::Null) => None,
        Some(Value::Array(confidences)) if confidences.len() == list.len() => Some(confidences),
        Some(_) => return Err(field("`confidences` is not a list with a number for each tag".to_owned())),
    };
    let of_entry = |(place, entry): (usize, &Value)| {
        let confidence = confidences.map(|confidences| &confidences[place]);
        tag(entry, confidence)
    };
    let tags: Vec<Option<Tag>> = list.iter().enumerate().map(of_entry).collect();
    let odd = tags.iter().filter(|tag| tag.is_none()).count();
    Ok((tags.into_iter().flatten().collect(), odd))
}

fn tag(entry: &Value, confidence: Option<&Value>) -> Option<Tag> {
    let (name, confidence) = match entry {
        Value::Object(object) => {
            let confidence = member(object, &["confidence", "score"]).map(|(_, value)| value);
            (member(object, &["tag", "name"])?.1, confidence)
        }
        name => (name, confidence),
    };
    let name = match name {
        Value::String(name) => tags::tidy(name),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let confidence = match confidence {
        None => tags::CERTAIN,
        Some(Value::Number(number)) => fields::confidence(&number.to_string())?,
        Some(Value::String(text)) => fields::confidence(text)?,
        Some(_) => return None,
    };
    (!name.is_empty()).then_some(Tag { name, confidence })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::listed::shown;

    fn read(contents: &[u8]) -> String {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("metadata.jsonl");
        std::fs::write(&file, contents).unwrap();
        let root = folder.path().to_owned();
        let mut list = Jsonl::open(&file, &root).unwrap();
        let mut readings = Vec::new();
        while let Some(raw) = list.next().unwrap() {
            readings.push(list.read(raw));
        }
        shown(&root, readings)
    }

    #[track_caller]
    fn check(line: &str, expected: &str) {
        assert_eq!(read(line.as_bytes()), expected, "{line}");
    }

    #[test]
    fn tags_come_in_many_forms() {
        check(r#"{"file_name":"a.jpg","tags":["cat","red, sofa"]}"#, "a.jpg: cat 1 | red, sofa 1");
        check(r#"{"image":"b/a.jpg","tags":"cat, red  sofa,"}"#, "b/a.jpg: cat 1 | red sofa 1");
        check(
            r#"{"path":"a.jpg","tags":[{"tag":"cat","confidence":0.5},{"name":"dog"}]}"#,
            "a.jpg: cat 0.5 | dog 1",
        );
        check(
            r#"{"path":"/p/a.jpg","tags":[{"name":"cat","score":0.25},{"name":"dog","score":"0.5"}]}"#,
            "/p/a.jpg: cat 0.25 | dog 0.5",
        );
        check(r#"{"path":"a.jpg","tags":["a","b"],"confidences":[0.5,1]}"#, "a.jpg: a 0.5 | b 1");
        check(r#"{"path":"a.jpg","tags":["a",1337,"a"]}"#, "a.jpg: a 1 | 1337 1");
        check(r#"{"path":"a.jpg","tags":[]}"#, "a.jpg: ");
        check(r#"{"path":"a.jpg"}"#, "a.jpg: ");
        check(r#"{"path":"a.mp4","tags":["a"]}"#, "a video");
    }

    #[test]
    fn the_rest_of_a_line() {
        check(
            r#"{"path":"a.jpg","tags":["a"],"flags":["nsfw","pol"],"created":1710633600}"#,
            "a.jpg: a 1; nsfw,pol; 1710633600",
        );
        check(
            r#"{"path":"a.jpg","tags":["a"],"rating":"e","created":"2024-03-17"}"#,
            "a.jpg: a 1; nsfw; 1710633600",
        );
        check(r#"{"path":"a.jpg","tags":["a"],"flags":2,"rating":null,"created":null}"#, "a.jpg: a 1; nsfw");
        check(r#"{"path":"a.jpg","tags":["a"],"flags":"","rating":"e"}"#, "a.jpg: a 1; nsfw");
        check(
            r#"{"path":"a.jpg","tags":["a"],"flags":2.0,"created":1710633600.5}"#,
            "a.jpg: a 1; nsfw; 1710633600",
        );
        #[cfg(unix)]
        check(r#"{"path":"a?","path_bytes":[97,98],"tags":["a"]}"#, "ab: a 1");
    }

    #[test]
    fn null_hides_nothing() {
        check(r#"{"path":"a.jpg","tags":["a"],"flags":null,"rating":"e"}"#, "a.jpg: a 1; nsfw");
        check(r#"{"file_name":null,"image":"a.jpg","path_bytes":null,"tags":["a"]}"#, "a.jpg: a 1");
        check(
            r#"{"path":"a.jpg","tags":[{"tag":null,"name":"a","confidence":null,"score":0.5}]}"#,
            "a.jpg: a 0.5",
        );
    }

    #[test]
    fn the_likeliest_rating_is_the_class_where_nothing_else_says_one() {
        let line = |more: &str| {
            let ratings =
                r#"[{"name":"sfw","score":0.2},{"name":"nsfl","score":0.7},{"name":"nsfp","score":0.1}]"#;
            format!(r#"{{"path":"a.jpg","tags":[{{"name":"a","score":0.9}}],"ratings":{ratings}{more}}}"#)
        };
        check(&line(""), "a.jpg: a 0.9; nsfl");
        check(&line(r#","flags":null,"rating":"s""#), "a.jpg: a 0.9; sfw");
        check(r#"{"path":"a.jpg","tags":["a"],"ratings":[]}"#, "a.jpg: a 1");
        let bad =
            "! metadata.jsonl:1: malformed field: `ratings` is not a list of content classes with scores";
        check(r#"{"path":"a.jpg","tags":["a"],"ratings":"e"}"#, bad);
        check(r#"{"path":"a.jpg","tags":["a"],"ratings":[{"name":"e","score":true}]}"#, bad);
    }

    #[test]
    fn entries_that_are_no_tags() {
        check(
            r#"{"path":"a.jpg","tags":[null,"a",{"id":1},{"tag":"b","confidence":"high"}," ",["c"]]}"#,
            "! a.jpg: odd tags: line 1: 5 entries are no tag\na.jpg: a 1",
        );
        check(
            r#"{"path":"a.jpg","tags":[true,"a"]}"#,
            "! a.jpg: odd tags: line 1: 1 entry is no tag\na.jpg: a 1",
        );
    }

    #[test]
    fn bad_lines_are_told_by_number() {
        let list = [
            "\u{feff}{\"path\":\"a.jpg\",\"tags\":\"a\"}\r",
            "",
            "{\"path\":",
            "[1]",
            "{\"tags\":[\"a\"]}",
            "{\"path\":5,\"tags\":[\"a\"]}",
            "{\"image\":{\"bytes\":1},\"tags\":[\"a\"]}",
            "{\"path\":\"\",\"tags\":[\"a\"]}",
            "{\"path\":\"a.jpg\",\"tags\":7}",
            "{\"path\":\"a.jpg\",\"tags\":[\"a\"],\"confidences\":[1,2]}",
            "{\"path\":\"a.jpg\",\"tags\":[\"a\"],\"rating\":\"x\"}",
            "{\"path\":\"a.jpg\",\"tags\":[\"a\"],\"created\":\"soon\"}",
            "{\"path\":\"a.jpg\",\"tags\":[\"a\"],\"flags\":{}}",
            "{\"path\":\"z.jpg\",\"tags\":[\"last\"]}",
        ];
        insta::assert_snapshot!(read(list.join("\n").as_bytes()), @r"
        a.jpg: a 1
        ! metadata.jsonl:3: malformed line: EOF while parsing a value at column 8
        ! metadata.jsonl:4: malformed line: it is JSON, but no object
        ! metadata.jsonl:5: malformed field: it has none of `file_name`, `image`, `path`
        ! metadata.jsonl:6: malformed field: `path` is no path
        ! metadata.jsonl:7: malformed field: `image` is no path
        ! metadata.jsonl:8: malformed field: `path` is no path
        ! metadata.jsonl:9: malformed field: `tags` is neither a list nor text
        ! metadata.jsonl:10: malformed field: `confidences` is not a list with a number for each tag
        ! metadata.jsonl:11: malformed field: `x` is not a content class (sfw, nsfw, nsfl, nsfp, pol) and no rating
        ! metadata.jsonl:12: malformed field: `soon` is neither Unix seconds nor a date such as 2024-03-17
        ! metadata.jsonl:13: malformed field: `flags` is neither text nor a number
        z.jpg: last 1
        ");
        assert!(read(b"\xff\n").starts_with("! metadata.jsonl:1: malformed line: "));
        assert_eq!(read(b""), "");
    }

    #[test]
    fn a_line_without_an_end_does_not_fill_the_memory() {
        let mut list = vec![b' '; LONGEST_LINE as usize + 5];
        list.extend(b"\n{\"path\":\"a.jpg\",\"tags\":\"a\"}");
        assert_eq!(
            read(&list),
            "! metadata.jsonl:1: malformed line: it has more than 16777216 bytes\na.jpg: a 1"
        );
    }
}
