//! Predictions as text.

use clap::ValueEnum;
use console::truncate_str;
use tagmill_model::printable;
use tagmill_trainer::predict::{Failure, OutputFormat, Prediction};

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
    /// The format of a file that has rows for each picture; `None` for those that are printed alone.
    pub(super) fn rows(self) -> Option<OutputFormat> {
        match self {
            Format::Table | Format::Json => None,
            Format::Jsonl => Some(OutputFormat::Jsonl),
            Format::Csv => Some(OutputFormat::Csv),
            Format::Txt => Some(OutputFormat::Txt),
        }
    }

    /// What stands before all pictures.
    pub(super) fn header(self) -> &'static [u8] {
        self.rows().map_or(b"", OutputFormat::header)
    }

    /// What a picture came to; nothing for a failure, but for JSON. `width` is that of a terminal.
    pub(super) fn text(self, result: &Result<Prediction, Failure>, width: Option<usize>) -> Vec<u8> {
        match (self.rows(), result) {
            (Some(format), Ok(prediction)) => format.rows(prediction),
            (Some(OutputFormat::Jsonl), Err(failure)) => {
                let mut line = serde_json::to_vec(failure).expect("failures have text for keys");
                line.push(b'\n');
                line
            }
            (None, Ok(prediction)) => table(prediction, width).into_bytes(),
            (_, Err(_)) => Vec::new(),
        }
    }
}

fn table(prediction: &Prediction, width: Option<usize>) -> String {
    let path = printable(&prediction.path.to_string_lossy()).into_owned();
    let rating = prediction.ratings.iter().max_by(|a, b| a.score.total_cmp(&b.score));
    let mut lines = vec![match rating {
        Some(rating) => format!("{path}  [{} {:.2}]", rating.name, rating.score),
        None => path,
    }];
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
        let ratings = [("sfw", 0.2), ("nsfw", 0.75)];
        let ratings = ratings.map(|(name, score)| ScoredTag { name: name.to_owned(), score });
        Ok(Prediction { path: "a b.jpg".into(), tags: tags.collect(), ratings: ratings.to_vec() })
    }

    fn text(format: Format, result: &Result<Prediction, Failure>, width: Option<usize>) -> String {
        String::from_utf8([format.header(), &format.text(result, width)].concat()).unwrap()
    }

    #[test]
    fn a_table_is_for_people() {
        let found = prediction(&[("sky, \"blue\"", 0.934_5), ("名\n前", 0.25)]);
        insta::assert_snapshot!(text(Format::Table, &found, None), @r#"
        a b.jpg  [nsfw 0.75]
          0.93  sky, "blue"
          0.25  名\u{a}前
        "#);
        // The others are the trainer's.
        assert_eq!(text(Format::Txt, &found, None), "a b.jpg: sky, \"blue\", 名\\u{a}前\n");
        assert!(text(Format::Csv, &found, None).starts_with("path,tag,score\na b.jpg,\"sky, "));
    }

    #[test]
    fn a_picture_without_tags_is_still_told() {
        let nothing = prediction(&[]);
        assert_eq!(text(Format::Table, &nothing, None), "a b.jpg  [nsfw 0.75]\n  no tag\n");
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
        assert_eq!(text(Format::Table, &long, Some(12)), "a b.jpg  [n…\n  0.50  a t…\n");
    }
}
