use std::fs;

use tagmill_model::{Outcome, Split};
use tagmill_trainer::train::{self, Settings};
use tagmill_trainer::{Error, validate};

use crate::sample::{CancelAfter, Sample, on, row, side};

#[test]
fn only_the_test_side_is_judged() {
    let sample = Sample::new(80);
    let config =
        train::Config { settings: Settings { epochs: 1, ..sample.train().settings }, ..sample.train() };
    train::run(config, &(), &on()).unwrap();
    let test: Vec<i64> = (1..=80).filter(|id| side(*id) == Split::Test).collect();
    fs::write(sample.picture(test[0]), b"").unwrap();

    let early = CancelAfter::new("reading the dataset", 0);
    early.token.cancel();
    let report = validate::run(sample.validate(), &early, &early.token).unwrap();
    assert_eq!((report.outcome, report.model), (Outcome::Cancelled, None));

    let report = validate::run(sample.validate(), &(), &on()).unwrap();
    assert_eq!((report.outcome, report.pictures), (Outcome::Completed, test.len() as u64 - 1));
    assert_eq!(report.bad_pictures["empty"], 1);
    let folder = sample.run().join("validation");
    let mut predictions = csv::Reader::from_path(folder.join("predictions.csv")).unwrap();
    let rows: Vec<(i64, String, String, String)> = predictions.deserialize().map(Result::unwrap).collect();
    assert_eq!(rows.iter().map(|row| row.0).collect::<Vec<_>>(), test[1..]);
    let (id, image, tags, predicted) = &rows[0];
    assert_eq!(*image, format!("{id}.png"));
    let tags: Vec<String> = serde_json::from_str(tags).unwrap();
    assert_eq!(tags.len(), row(*id).tags.len());
    let predicted: Vec<serde_json::Value> = serde_json::from_str(predicted).unwrap();
    assert_eq!(predicted.len(), 4);

    // The prior's average precision is each tag's share of the judged items.
    let mut per_tag = csv::Reader::from_path(folder.join("per_tag.csv")).unwrap();
    for row in per_tag.records().map(Result::unwrap) {
        let share = row[1].parse::<f64>().unwrap() / rows.len() as f64;
        assert!((row[3].parse::<f64>().unwrap() - share).abs() < 1e-9);
    }
    let again = validate::run(sample.validate(), &(), &on()).unwrap();
    assert_eq!(again, validate::Report { already_validated: true, ..report });

    a_grown_table_is_judged_anew(&sample);
    a_table_without_test_pictures_cannot_judge(&sample);
}

fn a_grown_table_is_judged_anew(sample: &Sample) {
    let rows: Vec<_> = (1..=70).map(row).collect();
    sample.write(&rows);
    let report = validate::run(sample.validate(), &(), &on()).unwrap();
    assert!(!report.already_validated);
}

fn a_table_without_test_pictures_cannot_judge(sample: &Sample) {
    let rows: Vec<_> = (1..=70).filter(|id| side(*id) != Split::Test).map(row).collect();
    sample.write(&rows);
    let error = validate::run(sample.validate(), &(), &on()).unwrap_err();
    assert!(matches!(error, Error::NoUsablePictures { part: "test", items: 0, .. }), "{error}");
}
