use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use tagmill_model::{Outcome, Progress};
use tagmill_trainer::train::{self, Augmentation, Settings};
use tagmill_trainer::{Error, validate};

use crate::sample::{CancelAfter, Sample, bytes, on};

/// Three epochs of five batches, with all that a step can remember.
fn settings(sample: &Sample) -> Settings {
    let augmentation = Augmentation { flip: true, crop: 0.5, jitter: 0.3, erase: 0.3, mixup: 0.4 };
    Settings { epochs: 3, accumulate: 2, ema: Some(0.9), augmentation, ..sample.train().settings }
}

/// What has to come out the same, however often a training was stopped.
#[track_caller]
fn assert_same(run: &Path, straight: &Path) {
    let files = ["model.safetensors", "selected_tags.csv", "config.json", "seen_items.csv"];
    let thresholds = ["thresholds.csv", "operating_points.csv", "per_tag_thresholds.csv"];
    for file in files.into_iter().chain(thresholds) {
        assert!(bytes(run, file) == bytes(straight, file), "{file} differs");
    }
}

/// Cancelled in the middle of the second of three epochs, then run again: the same weights as straight through.
#[test]
fn an_interrupted_run_ends_as_an_undisturbed_one() {
    let sample = Sample::new(70);
    let config = train::Config { settings: settings(&sample), ..sample.train() };
    let straight = train::Config { run: sample.folder.path().join("models/straight"), ..config.clone() };
    let expected = train::run(straight.clone(), &(), &on()).unwrap();

    let begin = train::Config { resume: true, ..config.clone() };
    let nothing = train::run(begin, &(), &on()).unwrap_err();
    assert!(matches!(nothing, Error::NothingToResume { .. }), "{nothing}");
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
    let rest = CancelAfter::new("training", i64::MAX);
    let report = train::run(train::Config { resume: true, ..config.clone() }, &rest, &rest.token).unwrap();
    assert_eq!((report.outcome, report.epochs, report.resumed_after), (Outcome::Completed, 3, 1));
    // Two batches of the second epoch were a step, and are not shown again.
    let again = i64::MAX - rest.items.load(std::sync::atomic::Ordering::Relaxed);
    assert_eq!(again, 2 * shown - 16);
    assert_same(&config.run, &straight.run);
}

/// Copies the run folder whenever a batch is done: what a kill at that moment would have left.
struct Kills {
    run: PathBuf,
    copies: Mutex<Vec<PathBuf>>,
}

impl Progress for Kills {
    fn advance(&self, _: u64) {
        let last = self.run.join("checkpoints/last.safetensors");
        if !last.exists() {
            return;
        }
        let mut copies = self.copies.lock().unwrap();
        let copy = self.run.with_file_name(format!("killed-{}", copies.len()));
        fs::create_dir_all(copy.join("checkpoints")).unwrap();
        for file in ["split.json", "checkpoints/last.safetensors", "checkpoints/best.safetensors"] {
            if self.run.join(file).exists() {
                fs::copy(self.run.join(file), copy.join(file)).unwrap();
            }
        }
        copies.push(copy);
    }
}

/// Killed after any batch of the training, it goes on from the last step that was kept.
#[test]
fn a_killed_run_ends_as_an_undisturbed_one() {
    let sample = Sample::new(36);
    let settings = Settings { epochs: 2, ..settings(&sample) };
    let config = train::Config { settings, checkpoint_every: Duration::ZERO, ..sample.train() };
    let kills = Kills { run: sample.run(), copies: Mutex::default() };
    train::run(config.clone(), &kills, &on()).unwrap();
    let copies = kills.copies.into_inner().unwrap();
    assert!(copies.len() >= 4, "{copies:?}");
    for copy in copies {
        let killed = train::Config { run: copy.clone(), resume: true, ..config.clone() };
        train::run(killed, &(), &on()).unwrap();
        assert_same(&copy, &config.run);
    }
}

/// With steps that change nothing, no epoch is better than the first.
#[test]
fn a_run_that_learns_nothing_more_stops() {
    let sample = Sample::new(60);
    let settings = Settings { epochs: 9, patience: Some(2), learning_rate: 1e-12, ..sample.train().settings };
    let report = train::run(train::Config { settings, ..sample.train() }, &(), &on()).unwrap();
    assert!(report.validation_pictures > 0);
    assert_eq!((report.outcome, report.best_epoch), (Outcome::Completed, report.epochs - 2));
    assert!(report.epochs < 9, "{report:?}");
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

    // What cannot be trained leaves what is there, even where it may be replaced.
    let weights = sample.folder.path().join("none.safetensors");
    fs::write(&weights, "no weights").unwrap();
    other.overwrite = true;
    let unfit = train::Config { weights: Some(weights), ..other.clone() };
    train::run(unfit, &(), &on()).unwrap_err();
    other.settings.min_tag_count = 1000;
    train::run(other.clone(), &(), &on()).unwrap_err();
    assert!(train::run(config.clone(), &(), &on()).unwrap().already_trained);

    other.settings = Settings { learning_rate: 1e-3, min_tag_count: 1, ..other.settings };
    let report = train::run(other, &(), &on()).unwrap();
    assert!(!report.already_trained);
}

/// A lock is its file's, so that another handle stands for another process.
#[test]
fn two_processes_do_not_train_one_run() {
    let sample = Sample::new(30);
    fs::create_dir_all(sample.run()).unwrap();
    let other = fs::File::create(sample.run().join(".lock")).unwrap();
    other.lock().unwrap();
    let error = train::run(sample.train(), &(), &on()).unwrap_err();
    assert!(matches!(error, Error::RunInUse { .. }), "{error}");
    drop(other);
    let settings = Settings { epochs: 1, ..sample.train().settings };
    train::run(train::Config { settings, ..sample.train() }, &(), &on()).unwrap();
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
    assert!(error.to_string().ends_with("1 picture (missing or unusable there, new here)"), "{error}");
}
