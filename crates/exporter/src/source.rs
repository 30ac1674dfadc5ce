//! A run folder, as far as an export needs it; docs/formats.md has its files.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tagmill_model::sha256;

use crate::Error;
use crate::figures::{Training, Validation};

pub(crate) const CONFIG: &str = "config.json";
pub(crate) const WEIGHTS: &str = "model.safetensors";
pub(crate) const SCRIPT: &str = "model.ts";
pub(crate) const BACKBONE: &str = "backbone.ts";
pub(crate) const TAGS: &str = "selected_tags.csv";
pub(crate) const THRESHOLDS: &str = "thresholds.csv";
const PER_TAG_THRESHOLDS: &str = "per_tag_thresholds.csv";
const METRICS: &str = "metrics.json";
const VALIDATION: &str = "validation/metrics.json";
/// What a folder has that is a run's and no export's.
const HISTORY: &str = "history.csv";

/// How many content classes there are: sd-scripts takes the first four outputs for ratings, whatever the list says.
pub(crate) const RATINGS: usize = 4;

/// Categories, by the WD taggers' numbering.
pub(crate) const GENERAL: u32 = 0;
pub(crate) const CHARACTER: u32 = 4;
pub(crate) const RATING: u32 = 9;

/// What is known of a run before its weights are read.
pub(crate) struct Source {
    pub(crate) folder: PathBuf,
    /// All of `config.json`, to be handed on.
    pub(crate) config: Value,
    pub(crate) network: Network,
    pub(crate) kind: Kind,
    /// Row `i` is output `i`: four content classes, then general tags, then characters.
    pub(crate) outputs: Vec<Output>,
    pub(crate) thresholds: Vec<Threshold>,
    /// Each output's own threshold, where the run has them.
    pub(crate) own_thresholds: Option<Vec<f64>>,
    pub(crate) training: Option<Training>,
    pub(crate) validation: Option<Validation>,
}

/// Of `config.json`, what an export needs.
#[derive(Debug, Deserialize)]
pub(crate) struct Network {
    pub(crate) architecture: String,
    num_classes: usize,
    pub(crate) pretrained_cfg: Pictures,
    pub(crate) tagmill: Provenance,
}

/// How the network's pictures are prepared.
#[derive(Debug, Deserialize)]
pub(crate) struct Pictures {
    /// Channels, height, width.
    input_size: [usize; 3],
    pub(crate) mean: [f64; 3],
    pub(crate) std: [f64; 3],
}

#[derive(Debug, Deserialize)]
pub(crate) struct Provenance {
    pub(crate) version: String,
    vocabulary_sha256: String,
    pub(crate) train_items: u64,
    pub(crate) settings: Value,
}

/// A row of `selected_tags.csv`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Output {
    pub(crate) tag_id: String,
    pub(crate) name: String,
    pub(crate) category: u32,
    pub(crate) count: u64,
}

/// A row of `thresholds.csv`.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub(crate) struct Threshold {
    pub(crate) category: u32,
    pub(crate) threshold: f64,
}

/// A row of `per_tag_thresholds.csv`.
#[derive(Deserialize)]
struct OwnThreshold {
    name: String,
    threshold: f64,
}

/// What the network is to other tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One of timm's, whose graph can be written.
    Resnet,
    /// A backbone that is a TorchScript, with a linear head.
    Script,
}

impl Source {
    /// Reads and checks all but the weights.
    pub(crate) fn open(folder: &Path) -> Result<Source, Error> {
        let at = |name: &str| folder.join(name);
        let Some(config) = read_if_there(&at(CONFIG))? else {
            return Err(Error::NoRun { run: folder.to_owned() });
        };
        let config: Value = parse_json(&at(CONFIG), &config)?;
        let network = Network::deserialize(&config).map_err(|error| Error::malformed(&at(CONFIG), error))?;
        let pictures = &network.pretrained_cfg;
        if pictures.input_size[0] != 3
            || pictures.input_size[1] != pictures.input_size[2]
            || pictures.size() == 0
        {
            let fault = format!("pictures of {:?} are not square and of three colours", pictures.input_size);
            return Err(Error::malformed(&at(CONFIG), fault));
        }
        if pictures.std.contains(&0.0) {
            return Err(Error::malformed(&at(CONFIG), "a standard deviation is 0"));
        }
        let kind = match network.architecture.as_str() {
            "torchscript" => Kind::Script,
            name if name.starts_with("resnet") => Kind::Resnet,
            name => {
                return Err(Error::Architecture { file: at(CONFIG), architecture: name.to_owned() });
            }
        };
        let outputs = outputs(folder, &network)?;
        if kind == Kind::Resnet && !at(SCRIPT).is_file() {
            return Err(Error::EarlierRun { run: folder.to_owned(), lacks: SCRIPT });
        }
        let thresholds: Vec<Threshold> = parse_csv(&at(THRESHOLDS), &read(&at(THRESHOLDS))?)?;
        if !thresholds.iter().any(|row| row.category == GENERAL) {
            return Err(Error::malformed(&at(THRESHOLDS), "it has no threshold for category 0"));
        }
        if !thresholds.iter().all(|row| row.threshold.is_finite()) {
            return Err(Error::malformed(&at(THRESHOLDS), "a threshold is no number"));
        }
        let json = |name: &str| read_if_there(&at(name)).map(|bytes| bytes.map(|bytes| (at(name), bytes)));
        Ok(Source {
            folder: folder.to_owned(),
            own_thresholds: own_thresholds(&at(PER_TAG_THRESHOLDS), &outputs, &thresholds)?,
            training: json(METRICS)?.map(|(file, bytes)| parse_json(&file, &bytes)).transpose()?,
            validation: json(VALIDATION)?.map(|(file, bytes)| parse_json(&file, &bytes)).transpose()?,
            config,
            network,
            kind,
            outputs,
            thresholds,
        })
    }

    /// The threshold of a category, where the run has one.
    pub(crate) fn threshold(&self, category: u32) -> Option<f64> {
        self.thresholds.iter().find(|row| row.category == category).map(|row| row.threshold)
    }
}

impl Pictures {
    /// Width and height, in pixels.
    pub(crate) fn size(&self) -> usize {
        self.input_size[1]
    }
}

/// Whether a folder is a run's.
pub(crate) fn is_run(folder: &Path) -> bool {
    folder.join(HISTORY).exists()
}

fn outputs(folder: &Path, network: &Network) -> Result<Vec<Output>, Error> {
    let file = folder.join(TAGS);
    let bytes = read(&file)?;
    let outputs: Vec<Output> = parse_csv(&file, &bytes)?;
    if outputs.len() != network.num_classes {
        let (rows, outputs) = (outputs.len(), network.num_classes);
        return Err(Error::malformed(&file, format!("it has {rows} rows, and the model {outputs} outputs")));
    }
    if sha256(&bytes) != network.tagmill.vocabulary_sha256 {
        return Err(Error::malformed(&file, "its contents changed since the training"));
    }
    let ratings = outputs.iter().take_while(|output| output.category == RATING).count();
    if ratings == 0 {
        return Err(Error::EarlierRun { run: folder.to_owned(), lacks: "content classes" });
    }
    let tags = &outputs[ratings..];
    let is_in_order = tags.iter().all(|output| matches!(output.category, GENERAL | CHARACTER))
        && tags.is_sorted_by_key(|output| output.category);
    if ratings != RATINGS || tags.is_empty() || !is_in_order {
        let fault = "it is not four rows of category 9, then those of category 0, then those of category 4";
        return Err(Error::malformed(&file, fault));
    }
    Ok(outputs)
}

/// Each output's own threshold. Content classes may be absent from the file: they then have that of their category.
fn own_thresholds(
    file: &Path,
    outputs: &[Output],
    thresholds: &[Threshold],
) -> Result<Option<Vec<f64>>, Error> {
    let Some(bytes) = read_if_there(file)? else { return Ok(None) };
    let rows: Vec<OwnThreshold> = parse_csv(file, &bytes)?;
    let absent = outputs.len().saturating_sub(rows.len());
    let names = rows.iter().map(|row| &row.name);
    if !matches!(absent, 0 | RATINGS) || !names.eq(outputs[absent..].iter().map(|output| &output.name)) {
        return Err(Error::malformed(file, "its tags are others than those of selected_tags.csv"));
    }
    if !rows.iter().all(|row| row.threshold.is_finite()) {
        return Err(Error::malformed(file, "a threshold is no number"));
    }
    let rating = thresholds.iter().find(|row| row.category == RATING).map_or(HALF, |row| row.threshold);
    let own = std::iter::repeat_n(rating, absent).chain(rows.iter().map(|row| row.threshold));
    Ok(Some(own.collect()))
}

/// From which probability on a content class counts, where the run chose no threshold for them: likelier than not.
pub(crate) const HALF: f64 = 0.5;

fn read(file: &Path) -> Result<Vec<u8>, Error> {
    fs::read(file).map_err(Error::read(file))
}

fn read_if_there(file: &Path) -> Result<Option<Vec<u8>>, Error> {
    match fs::read(file) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::read(file)(error)),
    }
}

fn parse_json<T: DeserializeOwned>(file: &Path, bytes: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(bytes).map_err(|error| Error::malformed(file, error))
}

fn parse_csv<Row: DeserializeOwned>(file: &Path, bytes: &[u8]) -> Result<Vec<Row>, Error> {
    let rows = csv::Reader::from_reader(bytes).into_deserialize().collect::<Result<_, _>>();
    rows.map_err(|error| Error::malformed(file, error))
}
