use std::fs;
use std::path::PathBuf;

use tagmill_trainer::train::{self, Settings};
use tch::{Kind, Tensor};

use crate::sample::{Sample, on};

/// The tensors of a finished run of one epoch, and where it is.
fn trained(sample: &Sample) -> Vec<(String, Tensor)> {
    let settings = Settings { epochs: 1, ..sample.train().settings };
    train::run(train::Config { settings, ..sample.train() }, &(), &on()).unwrap();
    Tensor::read_safetensors(sample.run().join("model.safetensors")).unwrap()
}

/// A training from a file, in a run of its own.
fn from(sample: &Sample, tensors: &[(String, Tensor)], name: &str) -> (train::Config, PathBuf) {
    let file = sample.folder.path().join(name);
    Tensor::write_safetensors(tensors, &file).unwrap();
    let settings = Settings { epochs: 1, learning_rate: 1e-30, ..sample.train().settings };
    let run = sample.folder.path().join("models").join(name);
    (train::Config { weights: Some(file), settings, run: run.clone(), ..sample.train() }, run)
}

/// With a prefix, in 16 bits, with counters that nobody needs and a head for other classes, less two of them, and steps too
/// short to change a bit: the run ends with the file's weights.
#[test]
fn a_run_starts_from_weights() {
    let sample = Sample::new(30);
    let first = trained(&sample);
    let mut theirs: Vec<(String, Tensor)> = first
        .iter()
        .filter(|(name, _)| !name.starts_with("fc.") && name != "layer4.1.bn2.bias")
        .map(|(name, tensor)| {
            let kind = if name.contains("bn") { Kind::BFloat16 } else { Kind::Half };
            (format!("model.{name}"), tensor.to_kind(kind))
        })
        .collect();
    let ones = |shape: &[i64]| Tensor::ones(shape, (Kind::Float, tch::Device::Cpu));
    theirs.push(("model.fc.weight".to_owned(), ones(&[8, 512]) * 9));
    theirs.push(("model.fc.bias".to_owned(), ones(&[8]) * 9));
    theirs.push(("model.bn1.num_batches_tracked".to_owned(), Tensor::from_slice(&[7i64])));
    theirs.push(("model.other".to_owned(), ones(&[1])));
    let (config, run) = from(&sample, &theirs, "first.safetensors");
    let report = train::run(config.clone(), &(), &on()).unwrap();
    let matched = report.weights.unwrap();
    assert_eq!((matched.matched, matched.missing.as_slice()), (99, &["layer4.1.bn2.bias".to_owned()][..]));
    assert_eq!((matched.unused, matched.other_shape), (vec!["model.other".to_owned()], vec![]));
    let ended = Tensor::read_safetensors(run.join("model.safetensors")).unwrap();
    for (name, tensor) in &ended {
        let theirs = theirs.iter().find(|(theirs, _)| *theirs == format!("model.{name}"));
        match name.as_str() {
            name if name.starts_with("fc.") => assert!(tensor.max().double_value(&[]) < 9.0, "{name}"),
            name if name.contains("running") || name == "layer4.1.bn2.bias" => {}
            name => assert_eq!(*tensor, theirs.unwrap().1.to_kind(Kind::Float), "{name}"),
        }
    }
    // Other weights are another run; the same elsewhere are the same.
    let (other, _) = from(&sample, &theirs[1..], "second.safetensors");
    let error = train::run(train::Config { run: run.clone(), ..other.clone() }, &(), &on()).unwrap_err();
    assert!(error.to_string().ends_with("made otherwise: the weights that it started from"), "{error}");
    fs::copy(config.weights.as_ref().unwrap(), other.weights.as_ref().unwrap()).unwrap();
    let again = train::run(train::Config { run, ..other }, &(), &on()).unwrap();
    assert!(again.already_trained);
}

#[track_caller]
fn check(sample: &Sample, contents: &[u8], expected: &str) {
    let file = sample.folder.path().join("weights");
    fs::write(&file, contents).unwrap();
    let error = train::run(train::Config { weights: Some(file.clone()), ..sample.train() }, &(), &on())
        .unwrap_err()
        .to_string();
    let error = error.replace(&file.display().to_string(), "FILE");
    assert!(error.starts_with(expected), "{error}");
}

#[test]
fn files_that_cannot_be_started_from() {
    let sample = Sample::new(30);
    let no_file = "`FILE` gives no weights to start from: it is no whole safetensors file (";
    check(&sample, b"", no_file);
    check(&sample, b"<!doctype html>", no_file);
    check(&sample, b"PK\x03\x04archive", "`FILE` is a pickle or a zip file, not a safetensors file");
    check(&sample, b"\x80\x02\x8a\x0a", "`FILE` is a pickle or a zip file, not a safetensors file");
    let few: Vec<(String, Tensor)> = ["conv1.weight", "blocks.0.attn", "blocks.1.attn", "blocks.2.attn"]
        .map(|name| (name.to_owned(), Tensor::from_slice(&[1f32])))
        .into();
    let file = sample.folder.path().join("few");
    Tensor::write_safetensors(&few, &file).unwrap();
    let whole = fs::read(&file).unwrap();
    check(&sample, &whole[..whole.len() - 1], no_file);
    check(
        &sample,
        &whole,
        "`FILE` gives no weights to start from: only 0 of the backbone's 100 tensors are in it with the same shape; the \
         backbone has `conv1.weight`, `bn1.weight`, `bn1.bias` and 97 others; the file has `blocks.0.attn`, `blocks.1.attn`, \
         `blocks.2.attn` and 1 others",
    );
}
