#![doc = include_str!("../README.md")]

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use safetensors::SafeTensors;
use tagmill_model::card::License;
use tagmill_model::staging::{Existing, Layout, Staging, StagingError};
use tagmill_model::{AtomicFile, Outcome, Progress, atomic};
use tagmill_onnx::{Input, Model, encode};
use tokio_util::sync::CancellationToken;

mod card;
mod error;
mod figures;
mod lists;
mod names;
mod report;
mod source;

pub use error::Error;
pub use names::Renamed;
pub use report::{Report, Written};

use source::{BACKBONE, CONFIG, Kind, SCRIPT, Source, TAGS, THRESHOLDS, WEIGHTS};

const ONNX: &str = "model.onnx";
const PREPROCESS: &str = "preprocess.json";
const CATEGORIES: &str = "categories.json";
const CARD: &str = "README.md";

/// Where imgutils' layout stands, complete by itself.
const IMGUTILS: &str = "imgutils";

const LAYOUT: Layout =
    Layout { entries: &[ONNX, WEIGHTS, SCRIPT, BACKBONE, TAGS, THRESHOLDS, IMGUTILS, CONFIG, CARD], is_ours };

fn is_ours(path: &Path) -> bool {
    let (path, names) = match path.strip_prefix(IMGUTILS) {
        Ok(inner) => (inner, &[ONNX, TAGS, THRESHOLDS, PREPROCESS, CATEGORIES][..]),
        Err(_) => (path, LAYOUT.entries),
    };
    names.iter().any(|name| path == Path::new(name))
}

/// What to export, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The folder of a finished run.
    pub run: PathBuf,
    /// Where the exported files shall stand.
    pub folder: PathBuf,
    /// What to do where that folder has something in it.
    pub existing: Existing,
    /// What the model is called, on its card and in the graph. By default as the run's folder.
    pub title: String,
    /// Whether names are folded to ASCII, for tools that open lists without an encoding.
    pub ascii: bool,
    /// The licence. None is invented: without one the card says that it is unknown.
    pub license: Option<License>,
}

impl Config {
    /// The defaults, for a run and a folder.
    pub fn new(run: impl Into<PathBuf>, folder: impl Into<PathBuf>) -> Config {
        let run = run.into();
        let title = run.file_name().map_or("tagger".into(), |name| name.to_string_lossy().into_owned());
        Config { run, folder: folder.into(), existing: Existing::Refuse, title, ascii: false, license: None }
    }
}

/// Writes a run in the layouts of the WD taggers and of imgutils. The folder gets all of it or nothing, the card last.
///
/// # Errors
/// See [`enum@Error`]. Neither an error nor cancelling changes what stood in the folder.
pub fn run(config: &Config, progress: &dyn Progress, cancel: &CancellationToken) -> Result<Report, Error> {
    let source = Source::open(&config.run)?;
    if source::is_run(&config.folder) || is_same(&config.folder, &config.run) {
        return Err(Error::IntoARun { folder: config.folder.clone() });
    }
    let originals: Vec<&str> = source.outputs.iter().map(|output| output.name.as_str()).collect();
    let (names, renamed) = names::names(&originals, config.ascii);
    let file = source.folder.join(WEIGHTS);
    let weights = fs::read(&file).map_err(Error::read(&file))?;
    let weights = SafeTensors::deserialize(&weights).map_err(|error| Error::malformed(&file, error))?;
    check_head(&weights, names.len(), &file)?;
    let staging = Staging::begin(&config.folder, config.existing, LAYOUT)?;
    let plan = plan(config, &source, &names);
    let mut report = Report {
        outcome: Outcome::Cancelled,
        run: config.run.clone(),
        folder: config.folder.clone(),
        architecture: source.network.architecture.clone(),
        has_graph: source.kind == Kind::Resnet,
        content_classes: source::RATINGS,
        tags: names.len() - source::RATINGS,
        files: Vec::new(),
        renamed,
        license: config.license.clone(),
    };
    let of_network = |source| Error::Network { file: file.clone(), source };
    progress.start("exporting", Some(plan.len() as u64));
    for (name, content) in plan {
        if cancel.is_cancelled() {
            progress.finish();
            return Ok(Report { files: Vec::new(), ..report });
        }
        let path = staging.part().join(&name);
        let bytes = match content {
            Content::Bytes(bytes) => write(&path, &bytes)?,
            Content::Graph(input) => {
                write(&path, &graph(config, &source, &weights, input).map_err(of_network)?)?
            }
            Content::Copy => copy(&source.folder.join(&name), &path)?,
        };
        report.files.push(Written { path: name.into(), bytes });
        progress.advance(1);
    }
    progress.finish();
    staging.commit()?;
    report.outcome = Outcome::Completed;
    Ok(report)
}

/// What becomes a file.
enum Content {
    Bytes(Vec<u8>),
    /// The run's file of this name.
    Copy,
    /// The network as an ONNX model.
    Graph(Input),
}

/// All files, by their path in the folder.
fn plan(config: &Config, source: &Source, names: &[String]) -> Vec<(String, Content)> {
    let copy = |name: &str| (name.to_owned(), Content::Copy);
    let bytes = |name: &str, bytes| (name.to_owned(), Content::Bytes(bytes));
    let imgutils = |name: &str| format!("{IMGUTILS}/{name}");
    let mut plan = match source.kind {
        Kind::Script => vec![copy(BACKBONE)],
        Kind::Resnet => vec![
            copy(SCRIPT),
            (ONNX.to_owned(), Content::Graph(Input::BlueGreenRed)),
            (imgutils(ONNX), Content::Graph(Input::Normalised)),
            bytes(&imgutils(TAGS), lists::imgutils_tags(source, names)),
            bytes(&imgutils(THRESHOLDS), lists::imgutils_thresholds(source)),
            bytes(&imgutils(CATEGORIES), lists::imgutils_categories(&source.outputs)),
            bytes(&imgutils(PREPROCESS), lists::imgutils_preprocess(&source.network.pretrained_cfg)),
        ],
    };
    plan.extend([
        copy(WEIGHTS),
        bytes(TAGS, lists::wd_tags(&source.outputs, names)),
        bytes(THRESHOLDS, lists::wd_thresholds(source)),
        bytes(CONFIG, lists::config(source, names)),
        bytes(CARD, card::card(config, source, names).into_bytes()),
    ]);
    plan
}

/// Whether the weights' last layer has the outputs that are listed.
fn check_head(weights: &SafeTensors<'_>, listed: usize, file: &Path) -> Result<(), Error> {
    let found = weights.tensor("fc.bias").ok().and_then(|bias| bias.shape().first().copied());
    match found {
        Some(found) if found == listed => Ok(()),
        Some(found) => {
            Err(Error::malformed(file, format!("it has {found} outputs, and {TAGS} {listed} rows")))
        }
        None => Err(Error::malformed(file, "it has no `fc.bias`")),
    }
}

fn graph(
    config: &Config,
    source: &Source,
    weights: &SafeTensors<'_>,
    input: Input,
) -> Result<Vec<u8>, tagmill_onnx::Error> {
    let pictures = &source.network.pretrained_cfg;
    encode(&Model {
        weights,
        name: &config.title,
        size: pictures.size(),
        mean: pictures.mean,
        deviation: pictures.std,
        input,
    })
}

/// Writes a file of the part, and the folder that it lies in.
fn write(path: &Path, bytes: &[u8]) -> Result<u64, Error> {
    let folder = path.parent().map_or(Ok(()), fs::create_dir_all);
    folder.and_then(|()| atomic::write(path, bytes)).map_err(StagingError::at(path))?;
    Ok(bytes.len() as u64)
}

fn copy(from: &Path, to: &Path) -> Result<u64, Error> {
    let mut source = File::open(from).map_err(Error::read(from))?;
    let mut file = AtomicFile::create(to).map_err(StagingError::at(to))?;
    let bytes = io::copy(&mut source, &mut file).map_err(StagingError::at(to))?;
    file.commit().map_err(StagingError::at(to))?;
    Ok(bytes)
}

/// Whether two paths lead to one folder. One that is not there is no other's.
fn is_same(one: &Path, other: &Path) -> bool {
    match (one.canonicalize(), other.canonicalize()) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
