//! Everything end to end, through the binaries that users run.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, ValueEnum};
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::board::Board;
use crate::cargo::{ALL_STAGES, build_release, root};
use crate::stage::Finished;
use crate::{setup, table};

mod openclipart;
mod predictions;
mod sides;
mod stages;
mod visual;

use stages::{Stages, figure};

/// How much better than guessing by frequency the tagger must be, in mean average precision on held-out items.
const CLEARLY_BETTER: f64 = 3.0;

/// The run that train makes where it is given no name.
const TAGGER: &str = "tagger";

/// How many times training sees each picture of a board, if nobody says.
const EPOCHS: u32 = 8;

/// How the built-in board's pictures are learned from. They are squashed and mirrored, and nothing else: things are drawn too
/// small to be cut, and there are too few views for more variety to pay.
const LEARNING: [&str; 6] = ["--architecture", "resnet18", "--crop", "1", "--first-size", "0.5"];

/// Where that figure stands in validate's report.
const MAP: &str = "/mean_average_precision/value";

/// What is told of the tagger and the prior, and where it stands there.
const FIGURES: [(&str, &str); 4] = [
    ("mAP", MAP),
    ("micro F1", "/at_threshold/0/micro_f1/value"),
    ("macro F1", "/at_threshold/0/macro_f1/value"),
    ("top-5 accuracy", "/at_k/2/accuracy/value"),
];

/// What to run.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// How many items the board holds, or how many to fetch from your own
    #[arg(long, default_value_t = 36_000)]
    items: u64,
    /// Real pictures to learn from, instead of a board's
    #[arg(long, value_enum, value_name = "SET", conflicts_with_all = ["items", "board"])]
    data: Option<DataSet>,
    /// How many times to split the real pictures, and to train and judge a tagger: split seeds 1 to N
    #[arg(long, value_name = "N", default_value_t = 3, requires = "data", value_parser = clap::value_parser!(u64).range(1..=100))]
    seeds: u64,
    /// How many times training sees each picture [default: 8, or 10 with openclipart]
    #[arg(long)]
    epochs: Option<u32>,
    /// Side of the square that pictures are shrunk to, in pixels
    #[arg(long, default_value_t = 64)]
    image_size: u32,
    /// Work in this folder and keep it: a second run goes on from what is there
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Your own board's API instead of the built-in board
    #[arg(long, value_name = "URL", requires = "media_url")]
    board: Option<String>,
    /// Where your own board's media lie
    #[arg(long, value_name = "URL", requires = "board")]
    media_url: Option<String>,
}

/// Real pictures that `cargo xtask data` gets.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum DataSet {
    /// Drawings in the public domain
    Openclipart,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    setup::run()?;
    match options.data {
        Some(DataSet::Openclipart) => openclipart::run(options),
        None => run_board(options),
    }
}

fn run_board(options: &Options) -> Result<()> {
    let binaries = build_release(&ALL_STAGES)?;
    let work = Work::open(options.keep.as_deref())?;
    let (board, api_url, media_url) = match (&options.board, &options.media_url) {
        (Some(api), Some(media)) => (None, api.clone(), media.clone()),
        _ => {
            let board = Board::start(&binaries, &json!({ "items": options.items }))?;
            let (api, media) = (board.api_url.clone(), board.media_url.clone());
            (Some(board), api, media)
        }
    };
    let mut stages = Stages::new(&binaries, &work.folder);
    let limit = options.items.to_string();
    match &board {
        Some(_) => stages.run("fetch", &["--api-url", &api_url])?,
        None => stages.run("fetch", &["--api-url", &api_url, "--limit", &limit])?,
    };
    stages.run("prepare", &[])?;
    stages.run("download", &["--media-url", &media_url])?;
    let epochs = options.epochs.unwrap_or(EPOCHS).to_string();
    let size = options.image_size.to_string();
    stages.run("train", &[&["--epochs", &epochs, "--image-size", &size], &LEARNING[..]].concat())?;
    let figures = stages.run("validate", &[])?;
    let predictions = predictions::predict(&mut stages, &work, TAGGER)?;

    println!("\n{}\n", stages.table());
    println!("{}\n", figures_table(&figures)?);
    if let Some(board) = &board {
        println!("{}\n", visual::sentence(&work.validation(TAGGER), &board.visual_tags)?);
    }
    println!("{predictions}");
    println!("curves, tags and pictures: {}\n", work.page(TAGGER)?.display());
    drop(board);
    judge(figure(&figures, "model", MAP)?, figure(&figures, "prior", MAP)?)
}

/// The held-out figures beside those of guessing each tag by its frequency.
fn figures_table(validated: &Finished) -> Result<String> {
    let rows = FIGURES
        .into_iter()
        .map(|(name, key)| {
            let (model, prior) = (figure(validated, "model", key)?, figure(validated, "prior", key)?);
            Ok(vec![name.to_owned(), format!("{model:.3}"), format!("{prior:.3}")])
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(table::table(&["held-out figure", "tagger", "prior"], &rows))
}

/// The rows of a CSV file.
fn rows<Row: DeserializeOwned>(file: &Path) -> Result<Vec<Row>> {
    let csv = csv::Reader::from_path(file).with_context(|| format!("cannot read `{}`", file.display()))?;
    Ok(csv.into_deserialize().collect::<Result<_, _>>()?)
}

/// Whether the tagger's mAP is clearly better than the prior's.
fn judge(model: f64, prior: f64) -> Result<()> {
    let ratio = model / prior;
    ensure!(
        ratio >= CLEARLY_BETTER,
        "the tagger's mAP of {model:.3} is only {ratio:.1} times the prior's {prior:.3}; {CLEARLY_BETTER} times is what counts as learned"
    );
    println!("passed: the tagger's mAP is {ratio:.1} times the prior's");
    Ok(())
}

/// The folder of one run: kept where the user named it, else removed in the end.
struct Work {
    folder: PathBuf,
    kept: bool,
}

impl Work {
    fn open(keep: Option<&Path>) -> Result<Work> {
        let folder = match keep {
            Some(folder) => folder.to_owned(),
            None => root().join("target").join(format!("full-pipeline-{}", std::process::id())),
        };
        fs::create_dir_all(&folder).with_context(|| format!("cannot create `{}`", folder.display()))?;
        if folder.is_file() {
            bail!("`{}` is a file", folder.display());
        }
        Ok(Work { folder, kept: keep.is_some() })
    }

    /// Where a run lies.
    fn run(&self, run: &str) -> PathBuf {
        self.folder.join("models").join(run)
    }

    /// Where validate leaves a run's files.
    fn validation(&self, run: &str) -> PathBuf {
        self.run(run).join("validation")
    }

    /// Where validate's page of a run lies, also after this folder is gone.
    fn page(&self, run: &str) -> Result<PathBuf> {
        let page = self.validation(run).join("report.html");
        if self.kept {
            return Ok(page);
        }
        let copy = root().join("target/full-pipeline.html");
        fs::copy(&page, &copy).with_context(|| format!("cannot copy `{}`", page.display()))?;
        Ok(copy)
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        if !self.kept
            && let Err(error) = fs::remove_dir_all(&self.folder)
        {
            eprintln!("could not remove `{}`: {error}", self.folder.display());
        }
    }
}
