//! Predictions as text.

use clap::ValueEnum;
use console::truncate_str;
use tagmill_cli::printable;
use tagmill_trainer::predict::{Failure, Prediction};

/// How predictions are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people: the path, and below it a tag a line
    Table,
    /// The whole report as one JSON object
    Json,
    /// A JSON object a picture
    Jsonl,
    /// path,tag,score: a row a tag, and one with empty cells for a picture without any
    Csv,
    /// path: tag, tag, tag
    Txt,
}

impl Format {
    /// What stands before all pictures.
    pub(super) fn header(self) -> &'static [u8] {
        if self == Format::Csv { b"path,tag,score\n" } else { b"" }
    }

    /// What a picture came to; nothing for a failure, but for JSON. `width` is that of a terminal.
    pub(super) fn text(self, result: &Result<Prediction, Failure>, width: Option<usize>) -> Vec<u8> {
        match (self, result) {
            (Format::Json | Format::Jsonl, Ok(prediction)) => json_line(prediction),
            (Format::Json | Format::Jsonl, Err(failure)) => json_line(failure),
            (_, Err(_)) => Vec::new(),
            (Format::Table, Ok(prediction)) => table(prediction, width).into_bytes(),
            (Format::Csv, Ok(prediction)) => csv(prediction),
            (Format::Txt, Ok(prediction)) => {
                let tags: Vec<String> =
                    prediction.tags.iter().map(|tag| printable(&tag.name).into_owned()).collect();
                let mut line = prediction.path.as_os_str().as_encoded_bytes().to_vec();
                line.extend(format!(": {}\n", tags.join(", ")).bytes());
                line
            }
        }
    }
}

fn json_line(value: &impl serde::Serialize) -> Vec<u8> {
    let mut line = serde_json::to_vec(value).expect("predictions have text for keys and finite scores");
    line.push(b'\n');
    line
}

fn csv(prediction: &Prediction) -> Vec<u8> {
    let path = prediction.path.as_os_str().as_encoded_bytes();
    let mut csv = csv::Writer::from_writer(Vec::new());
    let mut write = |tag: &str, score: &str| {
        csv.write_record([path, tag.as_bytes(), score.as_bytes()]).expect("a Vec takes everything");
    };
    if prediction.tags.is_empty() {
        write("", "");
    }
    for tag in &prediction.tags {
        write(&tag.name, &tag.score.to_string());
    }
    csv.into_inner().expect("a Vec takes everything")
}

fn table(prediction: &Prediction, width: Option<usize>) -> String {
    let mut lines = vec![printable(&prediction.path.to_string_lossy()).into_owned()];
    lines.extend(prediction.tags.iter().map(|tag| format!("  {:.2}  {}", tag.score, printable(&tag.name))));
    if prediction.tags.is_empty() {
        lines.push("  no tag".to_owned());
    }
    lines.iter().map(|line| truncate_str(line, width.unwrap_or(usize::MAX), "…") + "\n").collect()
}

#[cfg(test)]
mod tests {
    use tagmill_trainer::predict::ScoredTag;

    use super::*;

    fn prediction(tags: &[(&str, f32)]) -> Result<Prediction, Failure> {
        let tags = tags.iter().map(|(name, score)| ScoredTag { name: (*name).to_owned(), score: *score });
        Ok(Prediction { path: "a b.jpg".into(), tags: tags.collect() })
    }

    fn text(format: Format, result: &Result<Prediction, Failure>, width: Option<usize>) -> String {
        String::from_utf8([format.header(), &format.text(result, width)].concat()).unwrap()
    }

    #[test]
    fn each_format_of_the_same_picture() {
        let found = prediction(&[("sky, \"blue\"", 0.934_5), ("名\n前", 0.25)]);
        insta::assert_snapshot!(text(Format::Table, &found, None), @r#"
        a b.jpg
          0.93  sky, "blue"
          0.25  名\u{a}前
        "#);
        insta::assert_snapshot!(
            text(Format::Jsonl, &found, None),
            @r#"{"path":"a b.jpg","tags":[{"name":"sky, \"blue\"","score":0.9345},{"name":"名\n前","score":0.25}]}"#
        );
        insta::assert_snapshot!(text(Format::Csv, &found, None), @r#"
        path,tag,score
        a b.jpg,"sky, ""blue""",0.9345
        a b.jpg,"名
        前",0.25
        "#);
        insta::assert_snapshot!(text(Format::Txt, &found, None), @r#"a b.jpg: sky, "blue", 名\u{a}前"#);
    }

    #[test]
    fn a_picture_without_tags_is_still_told() {
        let nothing = prediction(&[]);
        assert_eq!(text(Format::Table, &nothing, None), "a b.jpg\n  no tag\n");
        assert_eq!(text(Format::Csv, &nothing, None), "path,tag,score\na b.jpg,,\n");
        assert_eq!(text(Format::Txt, &nothing, None), "a b.jpg: \n");
    }

    #[test]
    fn a_failure_is_data_for_machines_alone() {
        let failure = Failure { path: "a.jpg".into(), reason: "empty".to_owned(), error: "it is".to_owned() };
        let failed = Err(failure);
        assert_eq!(
            text(Format::Jsonl, &failed, None),
            "{\"path\":\"a.jpg\",\"reason\":\"empty\",\"error\":\"it is\"}\n"
        );
        for format in [Format::Table, Format::Txt] {
            assert_eq!(text(format, &failed, None), "");
        }
    }

    #[test]
    fn a_table_fits_its_terminal() {
        let long = prediction(&[("a tag of many words", 0.5)]);
        assert_eq!(text(Format::Table, &long, Some(12)), "a b.jpg\n  0.50  a t…\n");
    }
}
