use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::Args;
use serde::Serialize;
use tagmill_cli::{CacheArgs, Exit, GlobalArgs, Session, SplitArgs};
use tagmill_model::dataset::{DatasetReader, DatasetWriter};
use tagmill_model::picture::{BadPicture, Limits};
use tagmill_model::{Dated, MediaKind, Outcome, Reunion, Sides, Split, StageReport};
use tagmill_pixels::{Config, End, Files, MaxBad, Pixels, Storage, decode};

use crate::hint::hint;

/// Split dataset.csv into dataset_train.csv and dataset_test.csv, for other programs
///
/// By the same rule as train, which needs no such files. The pictures are decoded, once, to find near-duplicates: they all go
/// into the same table. Of a picture that is missing or unusable the id alone decides. Validation items, which train holds
/// out of its training part, are in dataset_train.csv.
#[derive(Debug, Args)]
pub(crate) struct SplitTableArgs {
    #[command(flatten)]
    split: SplitArgs,
    /// Side of the square that pictures are shrunk to, in pixels: that of the training to come, whose cache this fills
    #[arg(long, value_name = "PIXELS", default_value_t = 96, value_parser = clap::value_parser!(u32).range(32..=1024))]
    image_size: u32,
    #[command(flatten)]
    cache: CacheArgs,
    /// How many unusable pictures to take for granted: a count, or a share such as 5%; missing ones do not count
    #[arg(long, value_name = "N|SHARE", default_value_t = MaxBad::default(), help_heading = "Pictures")]
    max_bad: MaxBad,
}

/// What a splitting did.
#[derive(Debug, Serialize)]
struct Report {
    outcome: Outcome,
    /// Rows of the one table.
    train: u64,
    /// Rows of the other.
    test: u64,
    near_duplicates: Reunion,
    /// Pictures of which the id alone decided, by reason.
    bad_pictures: BTreeMap<&'static str, u64>,
}

pub(crate) fn run(args: &SplitTableArgs, global: &GlobalArgs) -> Exit {
    let session = Session::start("split", global, hint);
    session.finish(split(args, global, &session))
}

fn split(args: &SplitTableArgs, global: &GlobalArgs, session: &Session) -> Result<Report> {
    let dataset = global.data().dataset();
    session.progress().start("reading the dataset", None);
    let (mut items, mut names) = (Vec::new(), Vec::new());
    for row in DatasetReader::open(&dataset)? {
        let row = row?;
        items.push((row.id, row.created));
        names.push(row.image);
    }
    session.progress().finish();
    let mut sides = Sides::settle(args.split.config(), &args.split.by()?, items.iter().copied())?;
    let mut report = Report {
        outcome: Outcome::Cancelled,
        train: 0,
        test: 0,
        near_duplicates: Reunion::default(),
        bad_pictures: BTreeMap::new(),
    };
    let pictures: Vec<usize> =
        (0..names.len()).filter(|row| names[*row].kind() != MediaKind::Video).collect();
    let name = |index: usize| names[pictures[index]].as_str();
    let Some(pixels) = pixels(args, global, session, pictures.len(), &name)? else { return Ok(report) };
    let group = |group: Vec<u32>| -> Vec<Dated> {
        group.iter().map(|index| items[pictures[*index as usize]]).collect()
    };
    report.near_duplicates = sides.bring_together(pixels.near_duplicates().into_iter().map(group));
    for bad in pixels.pictures.iter().flatten().filter_map(|picture| picture.as_ref().err()) {
        *report.bad_pictures.entry(bad.reason()).or_default() += 1;
    }
    [report.train, report.test] = write(&dataset, &sides)?;
    report.outcome = Outcome::Completed;
    Ok(report)
}

/// Decodes the pictures. `None` when cancelled.
fn pixels<'a>(
    args: &SplitTableArgs,
    global: &GlobalArgs,
    session: &Session,
    count: usize,
    name: &'a (dyn Fn(usize) -> &'a str + Sync),
) -> Result<Option<Pixels>> {
    let storage = match args.cache.folder(&global.data()) {
        Some(folder) => Storage::Cache(folder),
        None => Storage::Private(global.data().folder().to_owned()),
    };
    let max_bad = Some(args.max_bad);
    let config = Config { storage, size: args.image_size, limits: Limits::default(), max_bad };
    let folder = global.data().media();
    let pixels = decode(&config, Files { folder, count, name }, session.progress(), session.cancel())?;
    match pixels.end {
        End::Completed => Ok(Some(pixels)),
        End::Cancelled => Ok(None),
        End::TooManyBad { limit } => {
            let faults = pixels.pictures.iter().enumerate().filter_map(|(index, picture)| match picture {
                Some(Err(bad)) if *bad != BadPicture::Missing => Some((name(index), bad)),
                _ => None,
            });
            let first: Vec<String> = faults.take(3).map(|(name, bad)| format!("`{name}`: {bad}")).collect();
            bail!("more pictures are unusable than the {limit} that may be, such as {}", first.join(", "))
        }
    }
}

/// Writes both tables, whole or not at all; says how many rows each has.
fn write(dataset: &Path, sides: &Sides) -> Result<[u64; 2]> {
    let reader = DatasetReader::open(dataset)?;
    let mut writers = [
        DatasetWriter::create(&part(dataset, "train"), reader.max_tags())?,
        DatasetWriter::create(&part(dataset, "test"), reader.max_tags())?,
    ];
    for row in reader {
        let row = row?;
        let test = sides.side((row.id, row.created)) == Split::Test;
        writers[usize::from(test)].write(&[row])?;
    }
    let [train, test] = writers;
    Ok([train.finish()?.rows, test.finish()?.rows])
}

/// `dataset_train.csv` beside `dataset.csv`.
fn part(dataset: &Path, part: &str) -> PathBuf {
    let name = dataset.file_stem().unwrap_or_default().to_string_lossy();
    dataset.with_file_name(format!("{name}_{part}.csv"))
}

impl StageReport for Report {
    fn outcome(&self) -> Outcome {
        self.outcome
    }

    fn items(&self) -> u64 {
        self.train + self.test
    }

    fn failed(&self) -> u64 {
        self.bad_pictures.values().sum()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.outcome == Outcome::Cancelled {
            return f.write_str("cancelled: nothing split");
        }
        let Reunion { groups, divided, moved } = self.near_duplicates;
        write!(
            f,
            "{} items train, {} test; {groups} groups of near-duplicates, {divided} of them brought to one side by moving {moved} items",
            self.train, self.test
        )?;
        match self.failed() {
            0 => Ok(()),
            bad => write!(f, "; of {bad} pictures that are missing or unusable the id alone decided"),
        }
    }
}
