use std::fs;
use std::path::PathBuf;

use tagmill_model::dataset::DatasetRow;
use tagmill_model::{ItemId, Reunion, Split, SplitBy, SplitError};
use tagmill_trainer::train::{self, Settings};
use tagmill_trainer::{Error, validate};

use crate::sample::{Sample, bytes, on, row, side};

fn one_epoch(sample: &Sample) -> train::Config {
    train::Config { settings: Settings { epochs: 1, ..sample.train().settings }, ..sample.train() }
}

/// The ids that a validation judged.
fn judged(sample: &Sample) -> Vec<i64> {
    validate::run(sample.validate(), &(), &on()).unwrap();
    let mut predictions = csv::Reader::from_path(sample.run().join("validation/predictions.csv")).unwrap();
    predictions.records().map(|row| row.unwrap()[0].parse().unwrap()).collect()
}

/// From the cache or freshly decoded, a run comes out the same; and a second run decodes nothing.
#[test]
fn a_cache_changes_nothing_but_the_time() {
    let sample = Sample::new(40);
    let private = one_epoch(&sample);
    let weights = |name: &str, cache: Option<PathBuf>| {
        let run = sample.folder.path().join("models").join(name);
        let config = train::Config { run: run.clone(), cache, ..private.clone() };
        let report = train::run(config, &(), &on()).unwrap();
        (report.decoded_pictures, bytes(&run, "model.safetensors"))
    };
    let (decoded, expected) = weights("private", None);
    assert_eq!(decoded, 40);
    for (name, decoded) in [("filling", 40), ("filled", 0)] {
        let (found, trained) = weights(name, Some(sample.folder.path().join("cache")));
        assert_eq!(found, decoded, "{name}");
        assert!(trained == expected, "{name} differs");
    }
    let figures = |cache: Option<PathBuf>| {
        let run = sample.folder.path().join("models/filled");
        let config = validate::Config { run: run.clone(), cache, ..sample.validate() };
        let report = validate::run(config, &(), &on()).unwrap();
        fs::remove_dir_all(run.join("validation")).unwrap();
        report
    };
    assert_eq!(figures(None), figures(Some(sample.folder.path().join("cache"))));
}

/// A test item that is a copy of a training item trains, and the other way round; validating goes by that.
#[test]
fn copies_stand_on_one_side() {
    let sample = Sample::new(60);
    let on_side = |wanted| (1..=60).filter(move |id| side(*id) == wanted);
    let (trains, tests) = (on_side(Split::Train).next().unwrap(), on_side(Split::Test).next().unwrap());
    let (late_test, late_train) =
        (on_side(Split::Test).next_back().unwrap(), on_side(Split::Train).next_back().unwrap());
    fs::copy(sample.picture(trains), sample.picture(late_test)).unwrap();
    fs::copy(sample.picture(tests), sample.picture(late_train)).unwrap();
    let report = train::run(one_epoch(&sample), &(), &on()).unwrap();
    assert_eq!(report.near_duplicates, Reunion { groups: 2, divided: 2, moved: 2 });
    let mut expected: Vec<i64> = on_side(Split::Test).filter(|id| *id != late_test).collect();
    expected.push(late_train);
    expected.sort_unstable();
    assert_eq!(judged(&sample), expected);
    // It stays so when the copies are gone and the table has grown.
    fs::remove_file(sample.picture(trains)).unwrap();
    sample.write(&(1..=60).chain([61]).map(row).collect::<Vec<_>>());
    assert_eq!(judged(&sample), expected);
}

#[test]
fn a_list_or_the_time_can_split() {
    let sample = Sample::new(30);
    let split_by = |by: SplitBy| {
        let mut config = train::Config { overwrite: true, ..one_epoch(&sample) };
        config.settings.split_by = by;
        config
    };
    let list = [3, 4, 20].map(ItemId).to_vec();
    train::run(split_by(SplitBy::List(list)), &(), &on()).unwrap();
    assert_eq!(judged(&sample), [3, 4, 20]);

    let dated: Vec<DatasetRow> = (1..=30).map(|id| DatasetRow { created: 100 - id, ..row(id) }).collect();
    sample.write(&dated);
    train::run(split_by(SplitBy::Time), &(), &on()).unwrap();
    assert_eq!(judged(&sample), [1, 2, 3, 4, 5, 6]);
    fs::remove_file(sample.run().join("split.json")).unwrap();
    let error = validate::run(sample.validate(), &(), &on()).unwrap_err();
    assert!(matches!(error, Error::IncompleteRun { file: "split.json", .. }), "{error}");

    let undated: Vec<DatasetRow> = (1..=30).map(|id| DatasetRow { created: 0, ..row(id) }).collect();
    sample.write(&undated);
    let error = train::run(split_by(SplitBy::Time), &(), &on()).unwrap_err();
    assert!(matches!(error, Error::Split(SplitError::Undated { undated: 30, items: 30 })), "{error}");
}
