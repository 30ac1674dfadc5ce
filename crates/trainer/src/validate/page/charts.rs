//! The curves of the page.

use tagmill_report::{Axis, Chart, Line, LineKind, Mark};

use super::super::Output;
use super::Training;
use crate::metrics::{self, Judged, PrecisionRecall};
use crate::train::{EpochFigures, Settings};

/// Tags on fewer judged items have curves of a few steps, which say little.
const FEWEST: u64 = 10;

/// Ranges of scores that are compared with the truth.
const BINS: usize = 20;

pub(super) fn training(training: &Training, settings: &Settings) -> Vec<Chart> {
    let epochs = |figure: fn(&EpochFigures) -> Option<f64>| {
        let points = training.history.iter().map(|epoch| (f64::from(epoch.epoch), figure(epoch)));
        points.filter_map(|(epoch, figure)| Some((epoch, figure?))).collect::<Vec<_>>()
    };
    let best = training.report.best_epoch;
    let chart = |title: &str, note: &str, label: &str, lines: Vec<Line>| Chart {
        title: title.to_owned(),
        note: note.to_owned(),
        x: Axis { label: "epoch".to_owned(), range: None, whole: true },
        y: Axis { label: label.to_owned(), range: None, whole: false },
        lines,
        mark: (best > 0).then(|| Mark { x: f64::from(best), label: format!("kept: epoch {best}") }),
    };
    vec![
        chart(
            "mAP",
            match settings.first_size < 1.0 {
                true => {
                    "On the validation side, after each epoch. The first epochs were shown smaller pictures than are judged."
                }
                false => "On the validation side, after each epoch.",
            },
            "mAP",
            vec![line("", epochs(|epoch| epoch.validation_map))],
        ),
        chart(
            "Loss",
            "Training pictures are varied and met while the model learns; validation pictures are neither.",
            "loss",
            vec![
                line("training", epochs(|epoch| Some(epoch.train_loss))),
                line("validation", epochs(|epoch| epoch.validation_loss)),
            ],
        ),
        chart(
            "Learning rate",
            "Of each epoch's last step.",
            "learning rate",
            vec![line("", epochs(|epoch| Some(epoch.learning_rate)))],
        ),
    ]
}

pub(super) fn precision_recall(output: &Output<'_>) -> Vec<Chart> {
    let overall = |judged: &Judged<'_>| points(&metrics::precision_recall_overall(judged));
    let chart = |title: &str, note: &str, lines: Vec<Line>| Chart {
        title: title.to_owned(),
        note: note.to_owned(),
        x: share("recall"),
        y: share("precision"),
        lines,
        mark: None,
    };
    let tags = exemplary(output).into_iter().map(|(what, class)| {
        let name = format!("{} ({what})", output.name(class));
        line(&name, points(&metrics::precision_recall_curve(&output.judged, class)))
    });
    vec![
        chart(
            "All tags together",
            "Each point is a threshold for all tags; the further up and right, the better.",
            vec![line("model", overall(&output.judged)), reference("prior", overall(&output.guessed))],
        ),
        chart(
            "Some tags",
            "The best, the median and the worst of those on ten judged pictures or more, and the commonest.",
            tags.collect(),
        ),
    ]
}

pub(super) fn calibration(output: &Output<'_>) -> Vec<Chart> {
    let bins = metrics::calibration(&output.judged, None, BINS);
    let error = metrics::calibration_error(&bins);
    let points = bins.iter().filter(|bin| bin.scores > 0).map(|bin| (bin.mean_score, bin.true_share));
    vec![Chart {
        title: "Score and truth".to_owned(),
        note: format!(
            "Of all pairs of picture and tag with such a score, the share where the tag is there. On the diagonal a score is a \
             probability; the expected calibration error is {error:.4}."
        ),
        x: share("score"),
        y: share("share that is true"),
        lines: vec![line("model", points.collect()), reference("calibrated", vec![(0.0, 0.0), (1.0, 1.0)])],
        mark: None,
    }]
}

/// Some classes whose curves show what there is: each with what it stands for, none twice.
fn exemplary(output: &Output<'_>) -> Vec<(&'static str, usize)> {
    let precision =
        |class: usize| output.model[class].average_precision.map_or(0.0, |estimate| estimate.value);
    let mut classes: Vec<usize> =
        (0..output.model.len()).filter(|class| output.model[*class].positives >= FEWEST).collect();
    let commonest =
        classes.iter().copied().max_by_key(|class| (output.model[*class].positives, usize::MAX - class));
    classes.sort_by(|a, b| precision(*b).total_cmp(&precision(*a)).then(a.cmp(b)));
    let middle = classes.get(classes.len() / 2).copied();
    let (best, worst) = (classes.first().copied(), classes.last().copied());
    let named = [("best", best), ("commonest", commonest), ("median", middle), ("worst", worst)];
    let mut chosen: Vec<(&str, usize)> = Vec::new();
    for (what, class) in named {
        if let Some(class) = class.filter(|class| chosen.iter().all(|(_, other)| other != class)) {
            chosen.push((what, class));
        }
    }
    chosen
}

fn points(curve: &[PrecisionRecall]) -> Vec<(f64, f64)> {
    curve.iter().map(|point| (point.recall, point.precision)).collect()
}

fn share(label: &str) -> Axis {
    Axis { label: label.to_owned(), range: Some((0.0, 1.0)), whole: false }
}

fn line(name: &str, points: Vec<(f64, f64)>) -> Line {
    Line { name: name.to_owned(), kind: LineKind::Measured, points }
}

fn reference(name: &str, points: Vec<(f64, f64)>) -> Line {
    Line { kind: LineKind::Reference, ..line(name, points) }
}
