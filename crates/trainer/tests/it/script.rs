use std::fs;
use std::path::PathBuf;

use tagmill_trainer::train::{self, Precision, Settings};
use tagmill_trainer::{Device, Error, Tagger, predict, validate};
use tch::Tensor;

use crate::sample::{CancelAfter, Sample, bytes, on};

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/backbone").join(name)
}

fn with(sample: &Sample, backbone: &str) -> train::Config {
    let settings = Settings { learning_rate: 1e-2, ..sample.train().settings };
    train::Config { backbone: Some(fixture(backbone)), settings, ..sample.train() }
}

/// Its weights change, its averages too, an interrupted training ends with the same bits, and the run can be used without the
/// file it came from.
#[test]
fn a_script_is_trained() {
    let sample = Sample::new(50);
    let straight = train::Config { run: sample.folder.path().join("straight"), ..with(&sample, "tiny.ts") };
    let expected = train::run(straight.clone(), &(), &on()).unwrap();
    let history: Vec<train::EpochFigures> = csv::Reader::from_path(straight.run.join("history.csv"))
        .unwrap()
        .deserialize()
        .map(Result::unwrap)
        .collect();
    assert!(history[1].train_loss < history[0].train_loss, "{history:?}");

    let copy = sample.folder.path().join("copy.ts");
    fs::copy(fixture("tiny.ts"), &copy).unwrap();
    let config = train::Config { backbone: Some(copy.clone()), ..with(&sample, "tiny.ts") };
    let shown = expected.train_pictures as i64 / 8 * 8;
    let training = CancelAfter::new("training", shown + 9);
    assert_eq!(train::run(config.clone(), &training, &training.token).unwrap().epochs, 1);
    assert_eq!(train::run(config.clone(), &(), &on()).unwrap().resumed_after, 1);
    fs::remove_file(&copy).unwrap();
    for file in ["model.safetensors", "backbone.ts", "thresholds.csv", "config.json"] {
        assert!(bytes(&config.run, file) == bytes(&straight.run, file), "{file} differs");
    }

    let parameters = |path| -> Vec<(String, Tensor)> {
        let mut named = tch::CModule::load(path).unwrap().named_parameters().unwrap();
        named.sort_by(|(a, _), (b, _)| a.cmp(b));
        named
    };
    let [before, after] = [fixture("tiny.ts"), config.run.join("backbone.ts")].map(parameters);
    let stored = Tensor::read_safetensors(config.run.join("model.safetensors")).unwrap();
    for ((name, before), (_, after)) in before.iter().zip(&after) {
        assert_ne!(before, after, "{name}");
        let same =
            stored.iter().any(|(stored, tensor)| *stored == format!("backbone.{name}") && tensor == after);
        assert!(same, "{name}");
    }
    let paths: Vec<PathBuf> = (1..=9).map(|id| sample.picture(id)).collect();
    let scores = |run| Tagger::load_on(run, Device::Cpu).unwrap().predict(&paths).unwrap();
    assert_eq!(scores(&config.run), scores(&straight.run));
    assert_eq!(predict::run(sample.predict(paths.clone()), &(), &on()).unwrap().pictures, 9);
    assert!(validate::run(sample.validate(), &(), &on()).unwrap().pictures > 0);
    fs::remove_file(config.run.join("backbone.ts")).unwrap();
    let error = Tagger::load_on(&config.run, Device::Cpu).err().unwrap();
    assert!(matches!(error, Error::IncompleteRun { file: "backbone.ts", .. }), "{error}");
}

/// Maps are averaged over their places.
#[test]
fn maps_are_as_good_as_vectors() {
    let sample = Sample::new(30);
    let losses = ["tiny.ts", "maps.ts"].map(|backbone| {
        let run = sample.folder.path().join(backbone);
        let report = train::run(train::Config { run: run.clone(), ..with(&sample, backbone) }, &(), &on());
        assert_eq!(report.unwrap().epochs, 2);
        let history = fs::read_to_string(run.join("history.csv")).unwrap();
        history.lines().nth(1).unwrap().split(',').nth(1).unwrap().parse::<f64>().unwrap()
    });
    assert!((losses[0] - losses[1]).abs() < 1e-3, "{losses:?}");
}

#[track_caller]
fn check(config: train::Config, expected: &str) {
    let file = config.backbone.clone().unwrap_or_default();
    let error = train::run(config, &(), &on()).unwrap_err().to_string();
    let error =
        if file.as_os_str().is_empty() { error } else { error.replace(file.to_str().unwrap(), "FILE") };
    assert!(error.starts_with(expected), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
}

#[test]
fn files_that_cannot_be_a_backbone() {
    let sample = Sample::new(30);
    check(
        with(&sample, "pixels.ts"),
        "`FILE` cannot be the backbone: it makes [2, 3, 1024] of [2, 3, 32, 32], not [2, features] or [2, features, height, width]",
    );
    check(
        with(&sample, "half.ts"),
        "`FILE` cannot be the backbone: its parameter `conv.weight` is Half, not of 32-bit floats",
    );
    check(with(&sample, "make.py"), "`FILE` cannot be the backbone: ");
    let whole = fs::read(fixture("tiny.ts")).unwrap();
    let torn = sample.folder.path().join("torn.ts");
    fs::write(&torn, &whole[..whole.len() / 2]).unwrap();
    check(train::Config { backbone: Some(torn), ..sample.train() }, "`FILE` cannot be the backbone: ");
}

#[test]
fn settings_that_contradict_each_other() {
    let sample = Sample::new(1);
    let mut frozen = sample.train();
    frozen.settings.freeze = true;
    check(frozen, "the settings contradict each other: `freeze` keeps the backbone as it is");
    let both = train::Config { weights: Some(PathBuf::from("a")), ..with(&sample, "tiny.ts") };
    check(both, "the settings contradict each other: `backbone` brings its own weights");
    let mut short = with(&sample, "tiny.ts");
    short.settings.precision = Precision::Bfloat16;
    check(short, "the settings contradict each other: `backbone` computes with 32 bits");
}
