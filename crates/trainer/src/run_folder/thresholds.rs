//! The thresholds that a run's validation side chose, in three files: `thresholds.csv` as the WD taggers' tools read it, the
//! other ones for all tags, and each tag's own.

use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tagmill_model::Vocabulary;

use super::{OPERATING_POINTS, PER_TAG_THRESHOLDS, THRESHOLDS, required, write_csv};
use crate::Error;
use crate::metrics::{Point, Thresholds};
use crate::outputs::{GENERAL, RATINGS};

/// A row of `operating_points.csv`.
#[derive(Serialize, Deserialize)]
struct OperatingPoint {
    point: Point,
    threshold: f32,
}

/// A row of `per_tag_thresholds.csv`.
#[derive(Serialize, Deserialize)]
struct TagThreshold {
    /// The output, as in `selected_tags.csv`.
    tag_id: usize,
    name: String,
    threshold: f32,
    /// Validation items with the tag; 0 where it has the threshold of all.
    positives: u64,
}

pub(crate) fn write_thresholds(
    run: &Path,
    thresholds: &Thresholds,
    vocabulary: &Vocabulary,
) -> Result<(), Error> {
    let header = ["category", "threshold"];
    write_csv(&run.join(THRESHOLDS), &header, [(GENERAL, thresholds.best_micro_f1)])?;
    // The best micro F1 has its place above: two places for one number could differ.
    let points = [Point::BestMacroF1, Point::BreakEven]
        .into_iter()
        .filter_map(|point| point.shared(thresholds).map(|threshold| OperatingPoint { point, threshold }));
    write_csv(&run.join(OPERATING_POINTS), &["point", "threshold"], points)?;
    let own = thresholds.per_tag.iter().zip(&thresholds.positives);
    let tags = vocabulary.classes().iter().zip(own).enumerate().map(
        |(class_id, (class, (threshold, positives)))| {
            let tag_id = RATINGS.len() + class_id;
            TagThreshold { tag_id, name: class.name.clone(), threshold: *threshold, positives: *positives }
        },
    );
    let header = ["tag_id", "name", "threshold", "positives"];
    write_csv(&run.join(PER_TAG_THRESHOLDS), &header, tags)
}

pub(crate) fn read_threshold(run: &Path) -> Result<f32, Error> {
    let file = run.join(THRESHOLDS);
    let rows: Vec<(u32, f32)> = rows(&file)?;
    let general = rows.into_iter().find(|(category, _)| *category == GENERAL);
    general.map(|(_, threshold)| threshold).ok_or_else(|| Error::MalformedRun {
        file,
        fault: format!("it has no threshold for category {GENERAL}"),
    })
}

pub(crate) fn read_thresholds(run: &Path, vocabulary: &Vocabulary) -> Result<Thresholds, Error> {
    let [file, per_tag] = required(run, [OPERATING_POINTS, PER_TAG_THRESHOLDS])?;
    let points: Vec<OperatingPoint> = rows(&file)?;
    let shared = |wanted: Point, name: &str| {
        let found = points.iter().find(|row| row.point == wanted).map(|row| row.threshold);
        found.ok_or_else(|| Error::MalformedRun { file: file.clone(), fault: format!("it has no `{name}`") })
    };
    let tags: Vec<TagThreshold> = rows(&per_tag)?;
    let names = tags.iter().map(|row| row.name.as_str());
    if !names.eq(vocabulary.classes().iter().map(|class| class.name.as_str())) {
        return Err(Error::VocabularyMismatch { file: per_tag, fault: "its tags are others".to_owned() });
    }
    Ok(Thresholds {
        best_micro_f1: read_threshold(run)?,
        best_macro_f1: shared(Point::BestMacroF1, "best_macro_f1")?,
        break_even: shared(Point::BreakEven, "break_even")?,
        per_tag: tags.iter().map(|row| row.threshold).collect(),
        positives: tags.iter().map(|row| row.positives).collect(),
    })
}

fn rows<Row: DeserializeOwned>(file: &Path) -> Result<Vec<Row>, Error> {
    let mut csv = csv::Reader::from_path(file).map_err(|error| Error::io(file)(error.into()))?;
    let rows = csv.deserialize().collect::<Result<_, _>>();
    rows.map_err(|error| Error::MalformedRun { file: file.to_owned(), fault: error.to_string() })
}
