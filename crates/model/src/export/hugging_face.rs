//! A dataset for the Hugging Face hub: `data/train-*.parquet`, `data/test-*.parquet` and the dataset card, `README.md`.
//!
//! One row an item, its tags and their confidences as two lists of the same length: `datasets` and the hub's viewer know
//! lists, while the table's `tag1 … tagN` are for programs that know only flat columns. Validation items stand in the
//! train split, since who trains on it will hold out their own; the test split is the one that tagmill judges by. Pictures
//! are not copied, and there is nothing in it on who posted, voted or commented.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::{fmt, fs};

use serde::Serialize;
use thiserror::Error;
use tokio_util::sync::CancellationToken;

use crate::card::License;
use crate::dataset::{DatasetError, DatasetReader, DatasetRow, meta_path};
use crate::staging::{Existing, Layout, Staging, StagingError};
use crate::{Flags, ItemId, Outcome, Progress, Split, SplitConfig, StageReport, atomic};

mod card;
mod facts;
mod shards;

use facts::Facts;
use shards::Shards;

/// How often a run looks whether it was cancelled, and tells how far it is.
const ROWS_A_STEP: u64 = 4096;

/// Where the rows stand.
const DATA: &str = "data";

/// The dataset card.
const CARD: &str = "README.md";

const LAYOUT: Layout = Layout {
    entries: &[DATA, CARD],
    is_ours: |path| match path.strip_prefix(DATA) {
        Ok(file) => file.to_str().is_some_and(shards::is_shard),
        Err(_) => path == Path::new(CARD),
    },
};

/// What to export, and what the card says of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The training table. What `dataset.meta.json` beside it says, where there is one, goes into the card.
    pub dataset: PathBuf,
    /// Where the dataset shall stand.
    pub folder: PathBuf,
    /// What to do where that folder has something in it.
    pub existing: Existing,
    /// Content classes to hand on: SFW alone by default. An item is left out when its flags or its `is_…` columns name
    /// another class, or when nothing says its class; every class asked for means every item.
    pub classes: Flags,
    /// Items to leave out whatever their class, such as those that somebody asked to be taken out.
    pub omit: HashSet<ItemId>,
    /// Which items test. The default is the split that training uses by default.
    pub split: SplitConfig,
    /// The licence. None is invented: without one the card says that it is unknown.
    pub license: Option<License>,
    /// The card's title.
    pub title: String,
    /// Rows after which a file ends, in whole batches of 8,192. 2,000,000 by default.
    pub rows_a_file: u64,
    /// Bytes after which a file ends, roughly. 500 MB by default, what the hub advises.
    pub bytes_a_file: u64,
}

impl Config {
    /// The defaults, for a table and a folder.
    pub fn new(dataset: impl Into<PathBuf>, folder: impl Into<PathBuf>) -> Config {
        Config {
            dataset: dataset.into(),
            folder: folder.into(),
            existing: Existing::Refuse,
            classes: Flags::SFW,
            omit: HashSet::new(),
            split: SplitConfig::default(),
            license: None,
            title: "Tags of an imageboard".to_owned(),
            rows_a_file: 2_000_000,
            bytes_a_file: 500_000_000,
        }
    }
}

/// Reads the table and writes the dataset. The folder gets it when all of it is written, the card last.
///
/// # Errors
/// See [`enum@Error`]. Neither an error nor cancelling changes what stood in the folder.
pub fn run(config: &Config, progress: &dyn Progress, cancel: &CancellationToken) -> Result<Report, Error> {
    let facts = Facts::read(&meta_path(&config.dataset))?;
    let rows = DatasetReader::open(&config.dataset)?;
    let staging = Staging::begin(&config.folder, config.existing, LAYOUT)?;
    progress.start("exporting", facts.as_ref().map(|facts| facts.rows));
    let report = write(config, rows, &staging, progress, cancel);
    progress.finish();
    let report = report?;
    if report.outcome == Outcome::Cancelled {
        return Ok(report);
    }
    if let Some(facts) = &facts
        && facts.rows != report.rows_read
    {
        let (meta, dataset) = (meta_path(&config.dataset), config.dataset.clone());
        return Err(Error::OtherTable { meta, told: facts.rows, dataset, found: report.rows_read });
    }
    if report.train.rows + report.test.rows == 0 {
        return Err(Error::NoRows { dataset: config.dataset.clone(), left_out: report.left_out });
    }
    let card = staging.part().join(CARD);
    atomic::write(&card, card::card(config, facts.as_ref(), &report).as_bytes()).map_err(Error::at(&card))?;
    staging.commit()?;
    Ok(report)
}

fn write(
    config: &Config,
    rows: DatasetReader,
    staging: &Staging,
    progress: &dyn Progress,
    cancel: &CancellationToken,
) -> Result<Report, Error> {
    let data = staging.part().join(DATA);
    fs::create_dir(&data).map_err(Error::at(&data))?;
    let mut train = Shards::new("train", &data, config);
    let mut test = Shards::new("test", &data, config);
    let mut report = Report {
        outcome: Outcome::Cancelled,
        rows_read: 0,
        train: Files::default(),
        test: Files::default(),
        left_out: BTreeMap::new(),
        folder: config.folder.clone(),
        license: config.license.clone(),
    };
    for row in rows {
        if report.rows_read.is_multiple_of(ROWS_A_STEP) {
            if cancel.is_cancelled() {
                return Ok(report);
            }
            progress.advance(if report.rows_read == 0 { 0 } else { ROWS_A_STEP });
        }
        let row = row?;
        report.rows_read += 1;
        if let Some(why) = why_left_out(&row, config) {
            *report.left_out.entry(why).or_default() += 1;
            continue;
        }
        match config.split.side(row.id) {
            Split::Test => test.append(&row)?,
            Split::Train | Split::Validation => train.append(&row)?,
        }
    }
    progress.advance(report.rows_read % ROWS_A_STEP);
    (report.train, report.test) = (train.finish()?, test.finish()?);
    report.outcome = Outcome::Completed;
    Ok(report)
}

/// All that is known of an item's class must be asked for. What nobody classed is not safe.
fn why_left_out(row: &DatasetRow, config: &Config) -> Option<String> {
    let class = row.flags | row.content;
    if config.omit.contains(&row.id) {
        Some("on request".to_owned())
    } else if config.classes == Flags::EVERY_CLASS {
        None
    } else if class.is_empty() {
        Some("no known class".to_owned())
    } else if row.flags.is_empty() || !config.classes.contains(class) {
        Some(class.to_string())
    } else {
        None
    }
}

/// What an export did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// How it ended. A cancelled run leaves the folder as it was.
    pub outcome: Outcome,
    /// Rows of the table that were looked at.
    pub rows_read: u64,
    /// The train split.
    pub train: Files,
    /// The test split.
    pub test: Files,
    /// Rows that are not in the dataset, by content class or other reason.
    pub left_out: BTreeMap<String, u64>,
    /// Where the dataset stands.
    pub folder: PathBuf,
    /// What the card says of the licence; `None` is "unknown".
    pub license: Option<License>,
}

/// The files of a split.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Files {
    /// How many there are.
    pub files: u64,
    /// Items in them.
    pub rows: u64,
    /// Tags of these items.
    pub tags: u64,
    /// Their size together.
    pub bytes: u64,
}

impl StageReport for Report {
    fn outcome(&self) -> Outcome {
        self.outcome
    }

    fn items(&self) -> u64 {
        self.rows_read
    }

    fn failed(&self) -> u64 {
        0
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { rows_read, train, test, .. } = self;
        let folder = self.folder.display();
        if self.outcome == Outcome::Cancelled {
            return write!(f, "cancelled after {rows_read} rows; {folder} is as it was");
        }
        let (rows, files) = (train.rows + test.rows, train.files + test.files);
        let mebibytes = (train.bytes + test.bytes) as f64 / f64::from(1 << 20);
        write!(f, "{rows} of {rows_read} rows, {} to train and {} to test, ", train.rows, test.rows)?;
        write!(f, "in {files} files of together {mebibytes:.1} MiB in {folder}")?;
        if !self.left_out.is_empty() {
            write!(f, "; left out: {}", listed(&self.left_out))?;
        }
        if self.license.is_none() {
            f.write_str("; the card says that its licence is unknown")?;
        }
        Ok(())
    }
}

/// `12 nsfw, 3 nsfl`: the commonest first.
fn listed(counts: &BTreeMap<String, u64>) -> String {
    let mut counts: Vec<(&String, &u64)> = counts.iter().collect();
    counts.sort_by(|a, b| b.1.cmp(a.1));
    let parts: Vec<String> = counts.into_iter().map(|(class, count)| format!("{count} {class}")).collect();
    parts.join(", ")
}

/// Why there is no dataset. What stood in the folder before still does.
#[derive(Debug, Error)]
pub enum Error {
    /// The table could not be read.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// The facts on the table could not be read.
    #[error("cannot read the facts on the table in `{}`", path.display())]
    Meta {
        /// `dataset.meta.json`.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// The facts are on another table, so that the card would not be true.
    #[error("`{}` is on a table of {told} rows, but `{}` has {found}", meta.display(), dataset.display())]
    OtherTable {
        /// `dataset.meta.json`.
        meta: PathBuf,
        /// Rows it tells of.
        told: u64,
        /// The table.
        dataset: PathBuf,
        /// Rows there are.
        found: u64,
    },
    /// No row is left to hand on.
    #[error("none of the rows of `{}` may be handed on{}", dataset.display(), reasons(left_out))]
    NoRows {
        /// The table.
        dataset: PathBuf,
        /// Rows by the content class that was not asked for, or other reason.
        left_out: BTreeMap<String, u64>,
    },
    /// The folder does not take the files.
    #[error(transparent)]
    Staging(#[from] StagingError),
    /// A file or folder could not be written.
    #[error("cannot write `{}`", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

impl Error {
    /// For `map_err`.
    fn at(path: &Path) -> impl FnOnce(std::io::Error) -> Error + '_ {
        move |source| Error::Io { path: path.to_owned(), source }
    }
}

fn reasons(left_out: &BTreeMap<String, u64>) -> String {
    if left_out.is_empty() { String::new() } else { format!(": {}", listed(left_out)) }
}

#[cfg(test)]
mod tests;
