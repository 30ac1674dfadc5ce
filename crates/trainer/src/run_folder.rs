//! The files of `models/<run>/`, in the layouts that timm and the WD taggers' tools read.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tagmill_model::{AtomicFile, Reunion, Sides, SplitBy, atomic, sha256};

use crate::Error;
use crate::backbone::Shape;
use crate::outputs::Outputs;
use crate::resnet::Architecture;
use crate::train::Settings;

mod thresholds;

pub(crate) use thresholds::{read_threshold, read_thresholds, write_thresholds};

pub(crate) const LOCK: &str = ".lock";
pub(crate) const WEIGHTS: &str = "model.safetensors";
pub(crate) const BACKBONE: &str = "backbone.ts";
pub(crate) const TORCHSCRIPT: &str = "model.ts";
pub(crate) const CONFIG: &str = "config.json";
pub(crate) const TAGS: &str = "selected_tags.csv";
pub(crate) const THRESHOLDS: &str = "thresholds.csv";
pub(crate) const OPERATING_POINTS: &str = "operating_points.csv";
pub(crate) const PER_TAG_THRESHOLDS: &str = "per_tag_thresholds.csv";
pub(crate) const SEEN_ITEMS: &str = "seen_items.csv";
pub(crate) const METRICS: &str = "metrics.json";
pub(crate) const REPORT: &str = "report.html";
pub(crate) const HISTORY: &str = "history.csv";
pub(crate) const BAD_IMAGES: &str = "bad_images.csv";
pub(crate) const SPLIT: &str = "split.json";
pub(crate) const CHECKPOINTS: &str = "checkpoints";
pub(crate) const VALIDATION: &str = "validation";
pub(crate) const TENSORBOARD: &str = "tensorboard";

/// Mean and standard deviation of ImageNet's pixels, which every pretrained torchvision network expects.
pub(crate) const MEAN: [f64; 3] = [0.485, 0.456, 0.406];
pub(crate) const DEVIATION: [f64; 3] = [0.229, 0.224, 0.225];

/// `config.json`: timm's keys, and under `tagmill` where the run comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct RunConfig {
    pub(crate) architecture: ArchitectureName,
    pub(crate) num_classes: usize,
    pub(crate) num_features: i64,
    pub(crate) global_pool: String,
    pub(crate) model_args: serde_json::Map<String, serde_json::Value>,
    pub(crate) pretrained_cfg: PretrainedCfg,
    pub(crate) tagmill: Provenance,
}

/// What the network is called: by timm's name, where timm has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ArchitectureName {
    /// Whatever the run's `backbone.ts` is, with a linear head.
    Torchscript,
    #[serde(untagged)]
    Resnet(Architecture),
}

impl ArchitectureName {
    pub(crate) fn name(self) -> &'static str {
        match self {
            ArchitectureName::Torchscript => "TorchScript backbone",
            ArchitectureName::Resnet(architecture) => architecture.name(),
        }
    }
}

/// What timm wants to know of the pictures and the layers' names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct PretrainedCfg {
    pub(crate) input_size: [u32; 3],
    pub(crate) fixed_input_size: bool,
    pub(crate) interpolation: String,
    pub(crate) crop_pct: f64,
    pub(crate) crop_mode: String,
    pub(crate) mean: [f64; 3],
    pub(crate) std: [f64; 3],
    pub(crate) num_classes: usize,
    /// Unknown for a script.
    pub(crate) pool_size: Option<[u32; 2]>,
    /// Unknown for a script.
    pub(crate) first_conv: Option<String>,
    pub(crate) classifier: String,
}

/// Where a run comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Provenance {
    pub(crate) version: String,
    #[serde(flatten)]
    pub(crate) identity: Identity,
    pub(crate) vocabulary_sha256: String,
    /// Pictures of the training side that the table lists: what the vocabulary's counts are shares of.
    pub(crate) train_items: u64,
}

/// What decides how a run comes out. Two runs of one identity are the same run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(crate) dataset_sha256: String,
    /// The file of weights that the backbone started from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) weights_sha256: Option<String>,
    /// The script that is the backbone, as it was before the training.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) backbone_sha256: Option<String>,
    pub(crate) settings: Settings,
}

impl RunConfig {
    /// For a run whose feature vectors have `num_features` numbers.
    pub(crate) fn new(
        identity: Identity,
        outputs: &Outputs,
        num_features: i64,
        train_items: u64,
    ) -> RunConfig {
        let Settings { architecture, image_size, .. } = identity.settings;
        let is_script = identity.backbone_sha256.is_some();
        let pool = image_size.div_ceil(32);
        RunConfig {
            architecture: match is_script {
                true => ArchitectureName::Torchscript,
                false => ArchitectureName::Resnet(architecture),
            },
            num_classes: outputs.len(),
            num_features,
            global_pool: "avg".to_owned(),
            model_args: serde_json::Map::new(),
            pretrained_cfg: PretrainedCfg {
                input_size: [3, image_size, image_size],
                fixed_input_size: false,
                interpolation: "bilinear".to_owned(),
                crop_pct: 1.0,
                crop_mode: "squash".to_owned(),
                mean: MEAN,
                std: DEVIATION,
                num_classes: outputs.len(),
                pool_size: (!is_script).then_some([pool, pool]),
                first_conv: (!is_script).then(|| "conv1".to_owned()),
                classifier: "fc".to_owned(),
            },
            tagmill: Provenance {
                version: env!("CARGO_PKG_VERSION").to_owned(),
                identity,
                vocabulary_sha256: sha256(&outputs.to_csv()),
                train_items,
            },
        }
    }

    pub(crate) fn image_size(&self) -> u32 {
        self.pretrained_cfg.input_size[1]
    }

    /// The backbone of the run in a folder.
    pub(crate) fn shape(&self, run: &Path) -> Shape {
        match self.architecture {
            ArchitectureName::Torchscript => Shape::Script(run.join(BACKBONE)),
            ArchitectureName::Resnet(architecture) => Shape::Resnet(architecture),
        }
    }
}

impl Identity {
    /// What differs between two runs, each as `name (there, here)`.
    pub(crate) fn differences(&self, here: &Identity) -> Vec<String> {
        let mut differences = Vec::new();
        let fields = |identity: &Identity| match serde_json::to_value(&identity.settings) {
            Ok(serde_json::Value::Object(fields)) => fields,
            _ => serde_json::Map::new(),
        };
        let (there_fields, here_fields) = (fields(self), fields(here));
        for (name, here) in &here_fields {
            match there_fields.get(name) {
                Some(there) if there == here => {}
                Some(there) => differences.push(format!("`{name}` ({there} there, {here} here)")),
                None => differences.push(format!("`{name}`")),
            }
        }
        let contents = [
            ("the dataset's contents", self.dataset_sha256 == here.dataset_sha256),
            ("the weights that it started from", self.weights_sha256 == here.weights_sha256),
            ("the backbone's file", self.backbone_sha256 == here.backbone_sha256),
        ];
        differences.extend(contents.iter().filter(|(_, same)| !same).map(|(what, _)| (*what).to_owned()));
        differences
    }
}

/// `split.json`: on which side each item stands, for a run of this identity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct KeptSides {
    pub(crate) identity: Identity,
    pub(crate) sides: Sides,
    pub(crate) near_duplicates: Reunion,
}

/// The sides that a run folder keeps. Runs of earlier versions kept none.
pub(crate) fn kept_sides(run: &Path) -> Result<Option<KeptSides>, Error> {
    let file = run.join(SPLIT);
    if file.exists() { read_json(&file).map(Some) } else { Ok(None) }
}

/// The sides to judge a finished run by. Runs of earlier versions went by hash alone.
pub(crate) fn sides(run: &Path, identity: &Identity) -> Result<Sides, Error> {
    match kept_sides(run)? {
        Some(kept) if kept.identity == *identity => Ok(kept.sides),
        Some(_) => {
            let fault = "its sides are those of another run".to_owned();
            Err(Error::MalformedRun { file: run.join(SPLIT), fault })
        }
        None if identity.settings.split_by == SplitBy::Hash => Ok(Sides::by_hash(identity.settings.split)),
        None => Err(Error::IncompleteRun { run: run.to_owned(), file: SPLIT }),
    }
}

/// A finished run's files, but for its weights.
#[derive(Debug, Clone)]
pub(crate) struct RunFolder {
    pub(crate) config: RunConfig,
    pub(crate) outputs: Outputs,
    pub(crate) threshold: f32,
}

impl RunFolder {
    /// Reads and checks the files that a tagger needs.
    pub(crate) fn open(path: &Path) -> Result<RunFolder, Error> {
        let [config, _, tags, _] = required(path, [CONFIG, WEIGHTS, TAGS, THRESHOLDS])?;
        let config: RunConfig = read_json(&config)?;
        if config.architecture == ArchitectureName::Torchscript {
            required(path, [BACKBONE])?;
        }
        let bytes = fs::read(&tags).map_err(Error::io(&tags))?;
        let mismatch = |fault| Error::VocabularyMismatch { file: tags.clone(), fault };
        let outputs =
            Outputs::from_csv(&bytes).map_err(|fault| Error::MalformedRun { file: tags.clone(), fault })?;
        if outputs.len() != config.num_classes {
            let fault = format!("it has {} rows, the model {} outputs", outputs.len(), config.num_classes);
            return Err(mismatch(fault));
        }
        if sha256(&bytes) != config.tagmill.vocabulary_sha256 {
            return Err(mismatch("its contents changed since the training".to_owned()));
        }
        let threshold = read_threshold(path)?;
        Ok(RunFolder { config, outputs, threshold })
    }
}

/// Where these files of a run are.
///
/// # Errors
/// [`Error::IncompleteRun`] with the first that is not there.
pub(crate) fn required<const N: usize>(run: &Path, files: [&'static str; N]) -> Result<[PathBuf; N], Error> {
    match files.iter().find(|file| !run.join(file).is_file()) {
        Some(file) => Err(Error::IncompleteRun { run: run.to_owned(), file }),
        None => Ok(files.map(|file| run.join(file))),
    }
}

/// The identity of the finished run in a folder, if there is one.
pub(crate) fn finished(run: &Path) -> Result<Option<Identity>, Error> {
    let config = run.join(CONFIG);
    if !config.exists() {
        return Ok(None);
    }
    Ok(Some(read_json::<RunConfig>(&config)?.tagmill.identity))
}

/// Keeps other processes from training the same run, for as long as the file is open. Two would write each other's checkpoints.
pub(crate) fn lock(run: &Path) -> Result<File, Error> {
    let path = run.join(LOCK);
    let file = File::options().create(true).append(true).open(&path).map_err(Error::io(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::RunInUse { run: run.to_owned() }),
        Err(TryLockError::Error(error)) => Err(Error::io(&path)(error)),
    }
}

/// Takes a run's files away, those of its validation too, so that another can take its place. Other files stay.
pub(crate) fn clear(run: &Path) -> Result<(), Error> {
    // The config goes first: without it, a folder is no finished run.
    let lists = [OPERATING_POINTS, PER_TAG_THRESHOLDS, SEEN_ITEMS, HISTORY, BAD_IMAGES, SPLIT];
    for file in [CONFIG, WEIGHTS, TORCHSCRIPT, BACKBONE, TAGS, THRESHOLDS, METRICS].into_iter().chain(lists) {
        gone(&run.join(file), fs::remove_file)?;
    }
    for folder in [CHECKPOINTS, VALIDATION, TENSORBOARD] {
        gone(&run.join(folder), fs::remove_dir_all)?;
    }
    Ok(())
}

fn gone(path: &Path, remove: impl FnOnce(PathBuf) -> std::io::Result<()>) -> Result<(), Error> {
    match remove(path.to_owned()) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io(path)(error)),
        _ => Ok(()),
    }
}

pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, Error> {
    let bytes = fs::read(path).map_err(Error::io(path))?;
    serde_json::from_slice(&bytes)
        .map_err(|error| Error::MalformedRun { file: path.to_owned(), fault: error.to_string() })
}

pub(crate) fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<(), Error> {
    let mut bytes = serde_json::to_vec_pretty(value).map_err(|error| Error::io(path)(error.into()))?;
    bytes.push(b'\n');
    atomic::write(path, &bytes).map_err(Error::io(path))
}

/// Reads the rows of a CSV file.
pub(crate) fn read_csv<Row: DeserializeOwned>(path: &Path) -> Result<Vec<Row>, Error> {
    let damaged = |error: csv::Error| Error::MalformedRun { file: path.to_owned(), fault: error.to_string() };
    csv::Reader::from_path(path)
        .map_err(damaged)?
        .into_deserialize()
        .map(|row| row.map_err(damaged))
        .collect()
}

/// Writes a CSV file atomically.
pub(crate) fn write_csv<Row: Serialize>(
    path: &Path,
    header: &[&str],
    rows: impl IntoIterator<Item = Row>,
) -> Result<(), Error> {
    let file = AtomicFile::create(path).map_err(Error::io(path))?;
    let mut csv = csv::WriterBuilder::new().has_headers(false).from_writer(file);
    let written = csv
        .write_record(header)
        .and_then(|()| rows.into_iter().try_for_each(|row| csv.serialize(row)))
        .map_err(std::io::Error::from)
        .and_then(|()| csv.into_inner().map_err(|error| error.into_error()))
        .and_then(AtomicFile::commit);
    written.map_err(Error::io(path))
}
