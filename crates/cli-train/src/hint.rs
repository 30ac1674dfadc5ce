//! What a person at a terminal can do about an error.

use tagmill_cli::{dataset_hint, pixels_hint, split_hint};
use tagmill_trainer::Error;

/// The hint for an error of train, validate or predict, where there is one.
pub(crate) fn hint(error: &anyhow::Error) -> Option<&'static str> {
    match error.downcast_ref::<Error>()? {
        Error::Dataset(error) => dataset_hint(error),
        Error::Split(error) => split_hint(error),
        Error::Pixels(error) => pixels_hint(error),
        Error::TooManyBadPictures { .. } => {
            Some("download those files again, or take more of them for granted by --max-bad")
        }
        Error::EmptyVocabulary { .. } => Some("lower --min-tag-count, or prepare more items"),
        Error::NoUsablePictures { .. } => Some("run `tagmill download` first, or check --data-dir"),
        Error::NothingUnseen { .. } => {
            Some("judge on the table that the run was trained on, or on one with new items")
        }
        Error::IncompleteRun { file, .. } if *file != "config.json" => {
            Some("put the file back, or train again with --overwrite")
        }
        Error::IncompleteRun { .. } => Some("run `tagmill train` to its end, or name another run with --run"),
        Error::MalformedRun { .. } | Error::VocabularyMismatch { .. } => {
            Some("put the file back that belongs there, or train again with --overwrite")
        }
        Error::RunDiffers { .. } => Some("name a new run with --run, or replace that one with --overwrite"),
        Error::NothingToResume { .. } => Some("leave out --resume to begin the run"),
        Error::Diverged { .. } => Some("lower --learning-rate"),
        Error::OutputExists { .. } => Some("go on with it by --resume, or replace it by --overwrite"),
        Error::OutputShared { .. } => Some("name different files for --output and --embed"),
        Error::OutputInUse { .. } | Error::RunInUse { .. } => Some("wait until the other program has ended"),
        Error::NotResumable { .. } => Some("name another file, or replace it by --overwrite"),
        Error::OutOfMemory { fits: Some(_), .. } => {
            Some("give --batch-size that number, and --accumulate how many such batches make a step")
        }
        Error::OutOfMemory { fits: None, .. } => Some("lower --image-size, or use `--device cpu`"),
        Error::NoDevice { .. } => Some("use `--device cpu` or `--device auto`"),
        Error::Torch { .. } => {
            Some("where memory ran out, training with a smaller --batch-size or --image-size needs less")
        }
        Error::PickledWeights { .. } => Some(
            "convert it: python3 -c \"import sys, torch, safetensors.torch as s; \
             s.save_file(torch.load(sys.argv[1], 'cpu', weights_only=True), sys.argv[2])\" IN.pth OUT.safetensors",
        ),
        Error::UnusableWeights { .. } => Some(
            "check that --architecture is the one that the weights were trained for, and that the file is whole",
        ),
        Error::UnusableBackbone { .. } => Some(
            "export it by torch.jit.script or torch.jit.trace, with any number of pictures, without its classifier",
        ),
        Error::Contradiction { .. } => Some("leave out one of them, or give what is missing"),
        Error::InvalidSetting { .. } | Error::InputNotFound { .. } | Error::Io { .. } => None,
    }
}
