//! Real drawings with real tags, split in several ways: does a tagger learn from people?

use anyhow::{Context, Result};

use super::stages::{Stages, figure};
use super::{FIGURES, Options, Work, judge, predictions, sides};
use crate::cargo::{ALL_STAGES, build_release};
use crate::data::openclipart;
use crate::stage::Finished;
use crate::table::{grouped, table};

/// How many times training sees each drawing, if nobody says.
const EPOCHS: u32 = 10;

/// How drawings are learned from. A tag of fewer items would be judged by a handful of test items, and its figure be chance.
const LEARNING: [&str; 8] =
    ["--architecture", "resnet18", "--crop", "1", "--first-size", "0.5", "--min-tag-count", "20"];

pub(super) fn run(options: &Options) -> Result<()> {
    let drawings = openclipart::make(&openclipart::default_folder(), None)?;
    let binaries = build_release(&ALL_STAGES)?;
    let work = Work::open(options.keep.as_deref())?;
    let mut stages = Stages::new(&binaries, &work.folder);
    stages.run("import", &strings(&openclipart::import_arguments(&drawings)?))?;
    stages.run("prepare", &strings(&openclipart::rules()))?;
    let epochs = options.epochs.unwrap_or(EPOCHS).to_string();
    let size = options.image_size.to_string();
    let mut splits = Vec::new();
    for seed in 1..=options.seeds {
        let seed = seed.to_string();
        let run = run_name(&seed);
        let arguments = ["--run", &run, "--split-seed", &seed, "--epochs", &epochs, "--image-size", &size];
        let trained = stages.run("train", &[&arguments, &LEARNING[..]].concat())?;
        let validated = stages.run("validate", &["--run", &run])?;
        let contents = sides::apart(&work.run(&run), &work.folder.join("media"))?;
        splits.push(Split::of(seed, contents, &trained, &validated)?);
    }
    let first = run_name("1");
    let predictions = predictions::predict(&mut stages, &work, &first)?;

    println!("\n{}\n", stages.table());
    println!("held-out figures of the tagger (and the prior)\n\n{}\n", figures_table(&splits));
    println!("{}\n", apart_sentence(&splits));
    println!("{predictions}");
    println!("curves, tags and pictures of split seed 1: {}\n", work.page(&first)?.display());
    let maps: Vec<Figure> = splits.iter().map(|split| split.figures[0]).collect();
    judge(mean(&models(&maps)), mean(&priors(&maps)))
}

fn run_name(seed: &str) -> String {
    format!("seed-{seed}")
}

fn strings(owned: &[String]) -> Vec<&str> {
    owned.iter().map(String::as_str).collect()
}

/// A figure of the tagger, and of guessing each tag by its frequency.
#[derive(Debug, Clone, Copy)]
struct Figure {
    model: f64,
    prior: f64,
}

/// What came of one split.
struct Split {
    seed: String,
    /// Pictures of different bytes, of which none stands on two sides.
    contents: u64,
    training: u64,
    test: u64,
    classes: u64,
    /// Groups of near-duplicates, the same for all splits.
    groups: u64,
    /// Those that the split had divided.
    divided: u64,
    /// As in [`FIGURES`].
    figures: Vec<Figure>,
}

impl Split {
    fn of(seed: String, contents: u64, trained: &Finished, validated: &Finished) -> Result<Split> {
        let count = |finished: &Finished, path: &str| {
            let count = finished.report().pointer(path).and_then(serde_json::Value::as_u64);
            count.with_context(|| format!("`tagmill {}` did not report `{path}`", finished.stage))
        };
        let figures = FIGURES.map(|(_, path)| {
            Ok(Figure { model: figure(validated, "model", path)?, prior: figure(validated, "prior", path)? })
        });
        Ok(Split {
            seed,
            contents,
            training: count(trained, "/train_pictures")?,
            test: count(validated, "/pictures")?,
            classes: count(validated, "/classes")?,
            groups: count(trained, "/near_duplicates/groups")?,
            divided: count(trained, "/near_duplicates/divided")?,
            figures: figures.into_iter().collect::<Result<_>>()?,
        })
    }

    fn row(&self) -> Vec<String> {
        let counts = [self.training, self.test, self.classes].map(grouped);
        let figures = self.figures.iter().map(|Figure { model, prior }| format!("{model:.3} ({prior:.3})"));
        [self.seed.clone()].into_iter().chain(counts).chain(figures).collect()
    }
}

/// A row a split, and one of the means over them with standard deviations.
fn figures_table(splits: &[Split]) -> String {
    let head =
        ["split seed", "trained on", "tested on", "classes"].into_iter().chain(FIGURES.map(|(name, _)| name));
    let mut rows: Vec<Vec<String>> = splits.iter().map(Split::row).collect();
    if splits.len() > 1 {
        let means = (0..FIGURES.len()).map(|index| {
            let figures: Vec<Figure> = splits.iter().map(|split| split.figures[index]).collect();
            let (model, prior) = (models(&figures), priors(&figures));
            format!("{:.3} ± {:.3} ({:.3})", mean(&model), deviation(&model), mean(&prior))
        });
        let blanks = ["mean", "", "", ""].map(str::to_owned);
        rows.push(blanks.into_iter().chain(means).collect());
    }
    table(&head.collect::<Vec<_>>(), &rows)
}

fn apart_sentence(splits: &[Split]) -> String {
    let list = |count: fn(&Split) -> u64| {
        splits.iter().map(|split| grouped(count(split))).collect::<Vec<_>>().join(", ")
    };
    format!(
        "near-duplicates: {} groups, of which {} stood on two sides of the splits until they were joined\n\
         bytes: {} different pictures in the splits, none on two sides",
        grouped(splits.first().map_or(0, |split| split.groups)),
        list(|split| split.divided),
        list(|split| split.contents),
    )
}

fn models(figures: &[Figure]) -> Vec<f64> {
    figures.iter().map(|figure| figure.model).collect()
}

fn priors(figures: &[Figure]) -> Vec<f64> {
    figures.iter().map(|figure| figure.prior).collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The sample's standard deviation, for two values or more.
fn deviation(values: &[f64]) -> f64 {
    let mean = mean(values);
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (squares / (values.len() - 1) as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(seed: &str, model: f64) -> Split {
        let figures = vec![Figure { model, prior: 0.1 }; FIGURES.len()];
        let (training, test, classes) = (4_000, 1_000, 90);
        Split {
            seed: seed.to_owned(),
            contents: 5_000,
            training,
            test,
            classes,
            groups: 20,
            divided: 7,
            figures,
        }
    }

    #[test]
    fn the_table_ends_with_mean_and_deviation() {
        let table = figures_table(&[split("1", 0.3), split("2", 0.4), split("3", 0.5)]);
        let last = table.lines().last().unwrap();
        assert!(last.starts_with("mean "), "{table}");
        assert_eq!(last.matches("0.400 ± 0.100 (0.100)").count(), FIGURES.len(), "{table}");
        let row: Vec<&str> = table.lines().nth(2).unwrap().split_whitespace().collect();
        assert_eq!(row[..6], ["1", "4,000", "1,000", "90", "0.300", "(0.100)"]);
    }

    #[test]
    fn one_split_has_no_deviation() {
        assert!(!figures_table(&[split("1", 0.3)]).contains('±'));
    }
}
