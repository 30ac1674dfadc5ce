//! `report.html`: a validation as a page, with pictures.

use std::path::Path;

use tagmill_model::SplitBy;
use tagmill_report as html;
use tagmill_report::{Comparison, Confusion, Fact, FigureGroup, Page, TagRow};

use super::{Config, ContentClass, Output, Report};
use crate::Error;
use crate::metrics::{self, AtThreshold, Bucket, Counts, Estimate, Figures, Point};
use crate::run_folder::{self, HISTORY, METRICS};
use crate::train::{self, EpochFigures};

mod charts;
mod pictures;

/// Pairs of tags that are shown as confused.
const CONFUSIONS: usize = 30;

/// How a run was trained, by its own account.
pub(super) struct Training {
    report: train::Report,
    history: Vec<EpochFigures>,
}

impl Training {
    pub(super) fn read(run: &Path) -> Result<Training, Error> {
        let [metrics, history] = run_folder::required(run, [METRICS, HISTORY])?;
        Ok(Training { report: run_folder::read_json(&metrics)?, history: run_folder::read_csv(&history)? })
    }
}

pub(super) fn page(config: &Config, output: &Output<'_>, report: &Report, training: &Training) -> Page {
    let threshold = output.thresholds.best_micro_f1;
    let confusions = metrics::confusions(&output.judged, threshold, CONFUSIONS);
    let mut page = Page {
        title: name(&config.run),
        facts: facts(config, output, report, training),
        training: charts::training(training, &output.tagger.config().tagmill.identity.settings),
        precision_recall: charts::precision_recall(output),
        calibration: charts::calibration(output),
        tags: tags(output),
        confusions: confusions.into_iter().map(|confusion| named(output, confusion)).collect(),
        ..pictures::page(config, output)
    };
    if let (Some(model), Some(prior)) = (&report.model, &report.prior) {
        page.headlines = headlines(model, prior);
        page.figures = figures(model, prior, report.content_class);
    }
    page
}

/// The last part of a path: a page that is sent to others says nothing of the folders above.
fn name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

fn facts(config: &Config, output: &Output<'_>, report: &Report, training: &Training) -> Vec<Fact> {
    let tagmill = &output.tagger.config().tagmill;
    let settings = &tagmill.identity.settings;
    let train::Report { train_pictures, validation_pictures, near_duplicates, .. } = training.report;
    let count = html::count;
    let table = match output.dataset_sha256 == tagmill.identity.dataset_sha256 {
        true => "the table that it was trained on",
        false => "another table than it was trained on, or one that has changed since",
    };
    let split = match &settings.split_by {
        SplitBy::Hash => "by the hash of the id",
        SplitBy::Time => "by the time of upload, the newest for the test",
        SplitBy::List(_) => "by a list of the ids that test",
    };
    let mut facts = vec![
        ("model", format!("{}, {} pixels", output.tagger.config().architecture.name(), settings.image_size)),
        ("trained on", format!("{} pictures", count(train_pictures))),
        ("chosen by", format!("{} pictures of its validation side", count(validation_pictures))),
        ("tags", count(report.classes as u64)),
        ("judged on", format!("{} pictures of its test side, unseen", count(report.pictures))),
        ("table", format!("{}, {table}", name(&config.dataset))),
        ("split", split.to_owned()),
        (
            "near-duplicates",
            format!(
                "{} groups, each kept on one side; {} would have been divided",
                count(near_duplicates.groups),
                count(near_duplicates.divided)
            ),
        ),
    ];
    if report.refused > 0 {
        facts.push(("refused", format!("{} pictures that the run has seen", count(report.refused))));
    }
    let bad: u64 = report.bad_pictures.values().sum();
    if bad > 0 {
        let reasons =
            report.bad_pictures.iter().map(|(reason, pictures)| format!("{reason} {}", count(*pictures)));
        facts.push(("left out", format!("{} ({})", count(bad), reasons.collect::<Vec<_>>().join(", "))));
    }
    if report.resamples > 0 {
        facts.push(("intervals", format!("95 %, of {} bootstrap resamples", count(report.resamples as u64))));
    }
    facts.push(("made by", format!("tagmill {}", env!("CARGO_PKG_VERSION"))));
    facts.into_iter().map(|(name, value)| Fact { name: name.to_owned(), value }).collect()
}

fn headlines(model: &Figures, prior: &Figures) -> Vec<Comparison> {
    let micro = |figures: &Figures| figures.at(Point::BestMicroF1).map(|at| at.micro_f1);
    let per_tag = |figures: &Figures| figures.at(Point::PerTag).map(|at| at.macro_f1);
    let best = |figures: &Figures| figures.best(metrics::TOP).map(|best| best.accuracy);
    let figure = |name: &str, explanation: &str, of: &dyn Fn(&Figures) -> Option<Estimate>| {
        Some(comparison(name, explanation, of(model)?, of(prior)?))
    };
    let figures = [
        figure("mAP", "how well each tag ranks the pictures, the mean over the tags", &|figures| {
            Some(figures.mean_average_precision)
        }),
        figure("micro F1", "at one threshold for all tags", &micro),
        figure("macro F1", "at a threshold for each tag", &per_tag),
        figure("top-5", "pictures with a true tag among their five likeliest", &best),
    ];
    figures.into_iter().flatten().collect()
}

fn figures(model: &Figures, prior: &Figures, content_class: Option<ContentClass>) -> Vec<FigureGroup> {
    let mut ranking = vec![
        comparison(
            "mAP",
            "mean over the tags of their average precision",
            model.mean_average_precision,
            prior.mean_average_precision,
        ),
        comparison(
            "label ranking average precision",
            "share of true tags among those at or above each true one",
            model.label_ranking_average_precision,
            prior.label_ranking_average_precision,
        ),
    ];
    for (model, prior) in model.at_k.iter().zip(&prior.at_k) {
        let k = model.k;
        let row = |name: &str, explanation: String, model, prior| {
            comparison(&format!("{name} at {k}"), &explanation, model, prior)
        };
        ranking.extend([
            row(
                "accuracy",
                format!("pictures with a true tag among their {k} best"),
                model.accuracy,
                prior.accuracy,
            ),
            row(
                "precision",
                format!("share of true tags among the {k} best"),
                model.precision,
                prior.precision,
            ),
            row(
                "recall",
                format!("share of the true tags that the {k} best hold"),
                model.recall,
                prior.recall,
            ),
        ]);
    }
    if let Some(ContentClass { accuracy, prior_accuracy }) = content_class {
        let [accuracy, prior] = [accuracy, prior_accuracy].map(|value| Estimate { value, interval: None });
        let explanation = "pictures whose likeliest of sfw, nsfw, nsfl and nsfp is theirs";
        ranking.push(comparison("content class", explanation, accuracy, prior));
    }
    let ranking =
        FigureGroup { heading: "By the ranking alone".to_owned(), note: String::new(), rows: ranking };
    let points =
        model.at_threshold.iter().zip(&prior.at_threshold).map(|(model, prior)| at_point(model, prior));
    let buckets =
        model.by_frequency.iter().zip(&prior.by_frequency).map(|(model, prior)| bucket(model, prior));
    [ranking].into_iter().chain(points).chain(buckets).collect()
}

fn at_point(model: &AtThreshold, prior: &AtThreshold) -> FigureGroup {
    let heading = match model.point {
        Point::BestMicroF1 => "At the threshold of best micro F1",
        Point::BestMacroF1 => "At the threshold of best macro F1",
        Point::BreakEven => "Where precision equals recall",
        Point::PerTag => "At a threshold for each tag",
    };
    let note = match (model.threshold, prior.threshold) {
        (Some(model), Some(prior)) => {
            format!(
                "Predicted from a score of {model:.3} on, of the prior's from {prior:.3} on; chosen on validation data."
            )
        }
        _ => "Each tag's own, of best F1; chosen on validation data.".to_owned(),
    };
    let row =
        |name: &str, figure: fn(&AtThreshold) -> Estimate| comparison(name, "", figure(model), figure(prior));
    let rows = vec![
        row("micro precision", |at| at.micro_precision),
        row("micro recall", |at| at.micro_recall),
        row("micro F1", |at| at.micro_f1),
        row("macro precision", |at| at.macro_precision),
        row("macro recall", |at| at.macro_recall),
        row("macro F1", |at| at.macro_f1),
        Comparison {
            lower_is_better: true,
            explanation: "share of all pairs of picture and tag that are decided wrongly".to_owned(),
            ..row("Hamming loss", |at| at.hamming_loss)
        },
    ];
    FigureGroup { heading: heading.to_owned(), note, rows }
}

fn bucket(model: &Bucket, prior: &Bucket) -> FigureGroup {
    let heading = match (model.from, model.below) {
        (0, Some(below)) => format!("Tags with fewer than {} training pictures", html::count(below)),
        (from, Some(below)) => {
            format!("Tags with {} to {} training pictures", html::count(from), html::count(below - 1))
        }
        (from, None) => format!("Tags with {} training pictures or more", html::count(from)),
    };
    let count = |classes: usize| html::count(classes as u64);
    let note =
        format!("{} tags, {} of them on judged pictures.", count(model.classes), count(model.classes_judged));
    let row = |name: &str, explanation: &str, figure: fn(&Bucket) -> Estimate| {
        comparison(name, explanation, figure(model), figure(prior))
    };
    let rows = vec![
        row("mAP", "", |bucket| bucket.mean_average_precision),
        row("macro F1", "at one threshold for all tags", |bucket| bucket.macro_f1),
        row("macro F1 per tag", "at a threshold for each tag", |bucket| bucket.macro_f1_per_tag),
    ];
    FigureGroup { heading, note, rows }
}

fn comparison(name: &str, explanation: &str, model: Estimate, prior: Estimate) -> Comparison {
    Comparison {
        name: name.to_owned(),
        explanation: explanation.to_owned(),
        model: estimate(model),
        prior: estimate(prior),
        lower_is_better: false,
    }
}

fn estimate(Estimate { value, interval }: Estimate) -> html::Estimate {
    html::Estimate { value, interval: interval.map(|interval| (interval.low, interval.high)) }
}

fn tags(output: &Output<'_>) -> Vec<TagRow> {
    let judged = output.judged.items().max(1) as f64;
    let classes = output.tagger.vocabulary().classes().iter().zip(output.model).enumerate();
    let row = |(class, (tag, figures)): (usize, (&tagmill_model::Class, &metrics::ClassFigures))| {
        let counts = figures.counts(Point::PerTag);
        let Counts { hits, false_alarms, .. } = counts;
        let (shown, predicted) = (figures.positives > 0, hits + false_alarms > 0);
        TagRow {
            name: tag.name.clone(),
            training_items: tag.count,
            judged_items: figures.positives,
            average_precision: figures.average_precision.map(estimate),
            prior: figures.positives as f64 / judged,
            threshold: Point::PerTag.of(output.thresholds, class),
            precision: predicted.then(|| counts.precision()),
            recall: shown.then(|| counts.recall()),
            f1: (shown || predicted).then(|| counts.f1()),
        }
    };
    classes.map(row).collect()
}

fn named(output: &Output<'_>, confusion: metrics::Confusion) -> Confusion {
    let metrics::Confusion { shown, predicted, items, false_alarms, lift, .. } = confusion;
    let [shown, predicted] = [shown, predicted].map(|class| output.name(class));
    Confusion { shown, predicted, items, false_alarms, lift }
}
