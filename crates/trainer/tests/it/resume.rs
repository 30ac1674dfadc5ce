use std::fs;

use tagmill_model::Outcome;
use tagmill_trainer::train::{self, Augmentation, Settings};
use tagmill_trainer::{Error, validate};

use crate::sample::{CancelAfter, Sample, bytes, on};

/// Cancelled in the middle of the second of three epochs, then run again: the same weights as straight through.
#[test]
fn an_interrupted_run_ends_as_an_undisturbed_one() {
    let sample = Sample::new(50);
    let settings = Settings { epochs: 3, augmentation: Augmentation::default(), ..sample.train().settings };
    let config = train::Config { settings, ..sample.train() };
    let straight = train::Config { run: sample.folder.path().join("models/straight"), ..config.clone() };
    let expected = train::run(straight.clone(), &(), &on()).unwrap();

    let decoding = CancelAfter::new("decoding pictures", 1);
    let report = train::run(config.clone(), &decoding, &decoding.token).unwrap();
    assert_eq!((report.outcome, report.epochs), (Outcome::Cancelled, 0));

    let shown = expected.train_pictures as i64 / 8 * 8;
    let training = CancelAfter::new("training", shown + 9);
    let report = train::run(config.clone(), &training, &training.token).unwrap();
    assert_eq!((report.outcome, report.epochs), (Outcome::Cancelled, 1));
    assert!(!config.run.join("config.json").exists());
    let unfinished = validate::run(sample.validate(), &(), &on()).unwrap_err();
    assert!(matches!(unfinished, Error::IncompleteRun { file: "config.json", .. }), "{unfinished}");

    // What a killed writer leaves behind does not matter.
    fs::write(config.run.join("checkpoints/last.safetensors.part"), b"half").unwrap();
    let report = train::run(config.clone(), &(), &on()).unwrap();
    assert_eq!((report.outcome, report.epochs, report.resumed_after), (Outcome::Completed, 3, 1));
    let files = ["model.safetensors", "selected_tags.csv", "config.json", "seen_items.csv"];
    let thresholds = ["thresholds.csv", "operating_points.csv", "per_tag_thresholds.csv"];
    for file in files.into_iter().chain(thresholds) {
        assert!(bytes(&config.run, file) == bytes(&straight.run, file), "{file} differs");
    }
}

#[test]
fn another_run_is_not_overwritten_by_accident() {
    let sample = Sample::new(30);
    let config =
        train::Config { settings: Settings { epochs: 1, ..sample.train().settings }, ..sample.train() };
    train::run(config.clone(), &(), &on()).unwrap();

    let mut other = config.clone();
    other.settings.learning_rate = 0.5;
    other.settings.seed = 7;
    let error = train::run(other.clone(), &(), &on()).unwrap_err().to_string();
    let error = error.replace(&config.run.display().to_string(), "RUN");
    insta::assert_snapshot!(error, @"`RUN` holds a run that was made otherwise: `learning_rate` (0.001 there, 0.5 here), `seed` (0 there, 7 here)");

    other.settings.learning_rate = 1e-3;
    let report = train::run(train::Config { overwrite: true, ..other }, &(), &on()).unwrap();
    assert!(!report.already_trained);
}

/// A picture that the finished run lacked has come: the run could be better now, and says so.
#[test]
fn a_picture_that_arrives_later_is_noticed() {
    let sample = Sample::new(30);
    let config =
        train::Config { settings: Settings { epochs: 1, ..sample.train().settings }, ..sample.train() };
    let kept = fs::read(sample.picture(1)).unwrap();
    fs::remove_file(sample.picture(1)).unwrap();
    let report = train::run(config.clone(), &(), &on()).unwrap();
    assert_eq!(report.bad_pictures["missing"], 1);
    assert!(train::run(config.clone(), &(), &on()).unwrap().already_trained);
    fs::write(sample.picture(1), kept).unwrap();
    let error = train::run(config, &(), &on()).unwrap_err();
    assert!(error.to_string().ends_with("1 pictures (missing there, present here)"), "{error}");
}
