use std::fs;
use std::path::PathBuf;

use tagmill_trainer::train::{self, Config};

use crate::sample::{CancelAfter, Sample, on};

fn files(sample: &Sample) -> Vec<PathBuf> {
    let folder = sample.run().join("tensorboard");
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// How many points a file has on the curve of the training loss.
fn points(file: &PathBuf) -> usize {
    let curve = b"epoch/train_loss";
    fs::read(file).unwrap().windows(curve.len()).filter(|window| window == curve).count()
}

#[test]
fn each_part_of_a_training_leaves_its_curves() {
    let sample = Sample::new(40);
    let config = Config { tensorboard: true, ..sample.train() };
    let stop = CancelAfter::new("training", 40);
    train::run(config.clone(), &stop, &stop.token).unwrap();
    train::run(config.clone(), &(), &on()).unwrap();
    assert_eq!(files(&sample).iter().map(points).collect::<Vec<_>>(), [1, 1]);
    train::run(Config { overwrite: true, ..config.clone() }, &(), &on()).unwrap();
    assert_eq!(files(&sample).iter().map(points).collect::<Vec<_>>(), [2]);
    train::run(Config { overwrite: true, tensorboard: false, ..config }, &(), &on()).unwrap();
    assert!(!sample.run().join("tensorboard").exists());
}
