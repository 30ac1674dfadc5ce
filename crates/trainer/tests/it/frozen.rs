use std::collections::HashMap;
use std::path::PathBuf;

use tagmill_trainer::train::{self, Settings};
use tagmill_trainer::{Device, Tagger, validate};
use tch::Tensor;

use crate::sample::{CancelAfter, Sample, bytes, on};

/// A frozen training from weights that one epoch of an ordinary training left.
fn frozen(sample: &Sample) -> train::Config {
    let first = sample.folder.path().join("models/before");
    let settings = Settings { epochs: 1, ..sample.train().settings };
    let before = train::Config { run: first.clone(), settings, ..sample.train() };
    train::run(before, &(), &on()).unwrap();
    let settings =
        Settings { freeze: true, epochs: 30, learning_rate: 1e-2, batch_size: 16, ..sample.train().settings };
    train::Config {
        weights: Some(first.join("model.safetensors")),
        cache: Some(sample.folder.path().join("cache")),
        settings,
        ..sample.train()
    }
}

fn tensors(path: PathBuf) -> HashMap<String, Tensor> {
    Tensor::read_safetensors(path).unwrap().into_iter().collect()
}

/// The head learns, the backbone stays bit for bit, features are computed once for all runs, and the run is as any other.
#[test]
fn a_head_is_trained_on_kept_features() {
    let sample = Sample::new(60);
    let config = frozen(&sample);
    let report = train::run(config.clone(), &(), &on()).unwrap();
    let pictures = report.train_pictures + report.validation_pictures;
    assert_eq!((report.computed_features, report.epochs), (pictures, 30));
    assert!(report.validation.unwrap().mean_average_precision.value > 0.8);
    let (before, after) =
        (tensors(config.weights.clone().unwrap()), tensors(config.run.join("model.safetensors")));
    assert_eq!(before.len(), after.len());
    for (name, tensor) in &after {
        assert_eq!(*tensor == before[name], !name.starts_with("fc."), "{name}");
    }
    let usage = tagmill_pixels::cache::usage(config.cache.as_ref().unwrap()).unwrap();
    assert_eq!(usage.sizes.iter().map(|size| size.files).collect::<Vec<_>>(), [60, pictures]);

    let again = train::Config { run: sample.folder.path().join("models/again"), ..config.clone() };
    let report = train::run(again.clone(), &(), &on()).unwrap();
    assert_eq!((report.computed_features, report.decoded_pictures), (0, 0));
    assert_eq!(bytes(&again.run, "model.safetensors"), bytes(&config.run, "model.safetensors"));

    // Without a cache they are computed anew and come out the same.
    let private = train::Config { run: sample.folder.path().join("models/private"), cache: None, ..again };
    let report = train::run(private.clone(), &(), &on()).unwrap();
    assert_eq!(report.computed_features, pictures);
    assert_eq!(bytes(&private.run, "model.safetensors"), bytes(&config.run, "model.safetensors"));

    // Scores come by the whole network here, and by kept features there.
    assert!(
        Tagger::load_on(&config.run, Device::Cpu).unwrap().predict(&[sample.picture(1)]).unwrap()[0].is_ok()
    );
    assert!(validate::run(sample.validate(), &(), &on()).unwrap().pictures > 0);
    tagmill_pixels::cache::clear(config.cache.as_ref().unwrap()).unwrap();
    assert_eq!(tagmill_pixels::cache::usage(config.cache.as_ref().unwrap()).unwrap().bytes(), 0);
}

/// Cancelled while features are computed, and once more while the head trains.
#[test]
fn an_interrupted_run_ends_as_an_undisturbed_one() {
    let sample = Sample::new(60);
    let config = frozen(&sample);
    let straight =
        train::Config { run: sample.folder.path().join("models/straight"), cache: None, ..config.clone() };
    let expected = train::run(straight.clone(), &(), &on()).unwrap();

    let computing = CancelAfter::new("computing features", 1);
    let report = train::run(config.clone(), &computing, &computing.token).unwrap();
    assert_eq!((report.computed_features, report.epochs), (32, 0));
    let training = CancelAfter::new("training", expected.train_pictures as i64 * 2 + 1);
    let report = train::run(config.clone(), &training, &training.token).unwrap();
    assert_eq!(report.computed_features, expected.computed_features - 32);
    assert_eq!(report.epochs, 2);
    let report = train::run(config.clone(), &(), &on()).unwrap();
    assert_eq!((report.resumed_after, report.computed_features), (2, 0));
    for file in ["model.safetensors", "thresholds.csv", "per_tag_thresholds.csv", "config.json"] {
        assert!(bytes(&config.run, file) == bytes(&straight.run, file), "{file} differs");
    }
}

#[test]
fn a_script_is_frozen_too() {
    let sample = Sample::new(40);
    let tiny = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/backbone/tiny.ts");
    let settings = Settings { freeze: true, learning_rate: 1e-2, ..sample.train().settings };
    let config = train::Config { backbone: Some(tiny.clone()), settings, ..sample.train() };
    let report = train::run(config.clone(), &(), &on()).unwrap();
    assert_eq!(report.epochs, 2);
    let parameters = |path: PathBuf| -> HashMap<String, Tensor> {
        tch::CModule::load(path).unwrap().named_parameters().unwrap().into_iter().collect()
    };
    let (before, after) = (parameters(tiny), parameters(config.run.join("backbone.ts")));
    before.iter().for_each(|(name, tensor)| assert_eq!(*tensor, after[name], "{name}"));
    assert!(Tagger::load_on(&config.run, Device::Cpu).is_ok());
}
