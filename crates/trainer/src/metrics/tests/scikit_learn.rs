//! The figures beside scikit-learn's. `tests/fixtures/metrics/make.py` made the fixture.

use super::*;

#[derive(Deserialize)]
struct Case {
    name: String,
    threshold: f32,
    truth: Vec<Vec<u32>>,
    scores: Vec<Vec<f32>>,
    expected: Expected,
}

#[derive(Deserialize)]
struct Expected {
    average_precision: Vec<Option<f64>>,
    mean_average_precision: f64,
    label_ranking_average_precision: f64,
    hamming_loss: f64,
    macro_precision: f64,
    macro_recall: f64,
    macro_f1: f64,
    micro_precision: f64,
    micro_recall: f64,
    micro_f1: f64,
    accuracy_at_k: Option<Vec<f64>>,
    best_f1_per_class: Vec<Option<f64>>,
    curve: Curve,
    calibration: Option<Calibration>,
}

#[derive(Deserialize)]
struct Curve {
    class: usize,
    threshold: Vec<f32>,
    precision: Vec<f64>,
    recall: Vec<f64>,
}

#[derive(Deserialize)]
struct Calibration {
    true_share: Vec<f64>,
    mean_score: Vec<f64>,
}

#[test]
fn figures_are_scikit_learns() {
    let cases: Vec<Case> =
        serde_json::from_str(include_str!("../../../tests/fixtures/metrics/cases.json")).unwrap();
    assert_eq!(cases.len(), 7);
    for case in &cases {
        let found = std::panic::catch_unwind(|| check(case));
        assert!(found.is_ok(), "the case was `{}`", case.name);
    }
}

fn check(Case { threshold, truth, scores, expected, .. }: &Case) {
    let classes = scores[0].len();
    let scores: Vec<f32> = scores.concat();
    let judged = Judged { scores: Scores::Each(&scores), classes, truth };
    let thresholds = everywhere(*threshold, classes);
    let judgement = judge(&judged, &thresholds, &vec![1; classes], &Resamples::none(truth.len()));
    let figures = &judgement.figures;
    check_options(&expected.average_precision, |class| {
        judgement.classes[class].average_precision.map(|estimate| estimate.value)
    });
    near(figures.mean_average_precision.value, expected.mean_average_precision);
    near(figures.label_ranking_average_precision.value, expected.label_ranking_average_precision);
    for at in &figures.at_threshold {
        near(at.hamming_loss.value, expected.hamming_loss);
        near(at.macro_precision.value, expected.macro_precision);
        near(at.macro_recall.value, expected.macro_recall);
        near(at.macro_f1.value, expected.macro_f1);
        near(at.micro_precision.value, expected.micro_precision);
        near(at.micro_recall.value, expected.micro_recall);
        near(at.micro_f1.value, expected.micro_f1);
    }
    for (at, expected) in figures.at_k.iter().zip(expected.accuracy_at_k.iter().flatten()) {
        near(at.accuracy.value, *expected);
        // With a single true class, finding it is all there is to recall.
        near(at.recall.value, *expected);
    }
    let chosen = choose(&judged);
    let per_tag = judge(&judged, &chosen, &vec![1; classes], &Resamples::none(truth.len()));
    check_options(&expected.best_f1_per_class, |class| {
        let counts = per_tag.classes[class].at[3];
        (per_tag.classes[class].positives > 0).then(|| counts.f1())
    });
    check_curve(&judged, &expected.curve);
    if let Some(Calibration { true_share, mean_score }) = &expected.calibration {
        let bins: Vec<_> = calibration(&judged, None, 10).into_iter().filter(|bin| bin.scores > 0).collect();
        assert_eq!(bins.len(), true_share.len());
        for (bin, (true_share, mean_score)) in bins.iter().zip(true_share.iter().zip(mean_score)) {
            near(bin.true_share, *true_share);
            near(bin.mean_score, *mean_score);
        }
    }
}

#[track_caller]
fn check_options(expected: &[Option<f64>], found: impl Fn(usize) -> Option<f64>) {
    for (class, expected) in expected.iter().enumerate() {
        match (found(class), expected) {
            (Some(found), Some(expected)) => near(found, *expected),
            (found, expected) => assert_eq!(found, *expected, "class {class}"),
        }
    }
}

fn check_curve(judged: &Judged<'_>, expected: &Curve) {
    let curve = precision_recall_curve(judged, expected.class);
    let thresholds: Vec<f32> = curve.iter().map(|point| point.threshold).collect();
    assert_eq!(thresholds, expected.threshold);
    for (point, (precision, recall)) in curve.iter().zip(expected.precision.iter().zip(&expected.recall)) {
        near(point.precision, *precision);
        near(point.recall, *recall);
    }
}
