use proptest::prelude::*;
use serde::Deserialize;

use super::*;

mod errors;
mod scikit_learn;

#[track_caller]
fn near(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-6, "{found} is not {expected}");
}

/// The same threshold for everything.
fn everywhere(threshold: f32, classes: usize) -> Thresholds {
    Thresholds {
        best_micro_f1: threshold,
        best_macro_f1: threshold,
        break_even: threshold,
        per_tag: vec![threshold; classes],
        positives: vec![0; classes],
    }
}

fn plain_figures(judged: &Judged<'_>, threshold: f32) -> Figures {
    figures(judged, &everywhere(threshold, judged.classes), &vec![1; judged.classes])
}

#[test]
fn nothing_to_judge_gives_zeros() {
    for classes in [0, 3] {
        let judged = Judged { scores: Scores::Each(&[]), classes, truth: &[] };
        let thresholds = choose(&judged);
        assert_eq!(thresholds, Thresholds::unchosen(classes));
        let samples = Resamples::draw(0, 5, 0);
        let Judgement { figures, classes: each } = judge(&judged, &thresholds, &vec![1; classes], &samples);
        let nothing = Estimate { value: 0.0, interval: Some(Interval { low: 0.0, high: 0.0 }) };
        assert_eq!(figures.mean_average_precision, Estimate { value: 0.0, interval: None });
        assert_eq!(figures.label_ranking_average_precision, nothing);
        assert!(figures.at_threshold.iter().all(|at| at.micro_f1 == nothing && at.hamming_loss == nothing));
        assert!(figures.at_k.iter().all(|at| at.precision == nothing));
        assert!(each.iter().all(|class| class.average_precision.is_none()));
    }
}

#[test]
fn classes_that_are_on_no_item_only_raise_false_alarms() {
    let truth = vec![vec![0], vec![0], vec![]];
    let scores = [0.9, 0.9, 0.8, 0.1, 0.7, 0.6];
    let judged = Judged { scores: Scores::Each(&scores), classes: 2, truth: &truth };
    let thresholds = choose(&judged);
    // The class that nothing is true of takes the threshold of all.
    assert_eq!(thresholds.per_tag, [0.75, thresholds.best_micro_f1]);
    assert_eq!(thresholds.positives, [2, 0]);
    let Judgement { figures, classes } = judge(&judged, &everywhere(0.75, 2), &[2, 0], &Resamples::none(3));
    assert_eq!((figures.classes_judged, figures.mean_average_precision.value), (1, 1.0));
    let at = figures.at(Point::BreakEven).unwrap();
    near(at.micro_precision.value, 2.0 / 3.0);
    near(at.macro_f1.value, 1.0);
    near(at.hamming_loss.value, 1.0 / 6.0);
    assert_eq!(classes[1].at[0], Counts { hits: 0, false_alarms: 1, misses: 0 });
}

#[test]
fn buckets_part_the_classes_by_their_training_count() {
    let truth = vec![vec![0, 1, 2], vec![2]];
    let scores = [0.9, 0.2, 0.3, 0.6, 0.1, 0.7, 0.1, 0.1];
    let judged = Judged { scores: Scores::Each(&scores), classes: 4, truth: &truth };
    let figures = figures(&judged, &everywhere(0.5, 4), &[5_000, 99, 12_000, 100]);
    let buckets: Vec<_> = figures
        .by_frequency
        .iter()
        .map(|bucket| (bucket.from, bucket.below, bucket.classes, bucket.classes_judged))
        .collect();
    let expected =
        [(0, Some(100), 1, 1), (100, Some(1_000), 1, 0), (1_000, Some(10_000), 1, 1), (10_000, None, 1, 1)];
    assert_eq!(buckets, expected);
    assert_eq!(figures.by_frequency[2].macro_f1.value, 1.0);
    assert_eq!(figures.by_frequency[0].macro_f1.value, 0.0);
    assert_eq!(figures.by_frequency[0].mean_average_precision.value, 0.5);
}

#[test]
fn figures_of_the_best_scores_by_hand() {
    // Two items, seven classes; the best five of the first are 0 to 4, of the second 6, 5, 0, 1, 2.
    let scores = [0.9, 0.8, 0.7, 0.6, 0.5, 0.2, 0.1, 0.3, 0.25, 0.2, 0.1, 0.0, 0.8, 0.9];
    let truth = [vec![0, 4], vec![3]];
    let judged = Judged { scores: Scores::Each(&scores), classes: 7, truth: &truth };
    let figures = plain_figures(&judged, 0.55);
    let check = |k, accuracy, precision, recall| {
        let at = figures.best(k).unwrap();
        near(at.accuracy.value, accuracy);
        near(at.precision.value, precision);
        near(at.recall.value, recall);
    };
    check(1, 0.5, 0.5, 0.25);
    check(5, 0.5, 0.2, 0.5);
    // There are no ten classes: the seven that there are hold 2 and 1 true ones.
    check(10, 1.0, 1.5 / 7.0, 1.0);
}

#[test]
fn the_threshold_of_a_class_lies_between_its_neighbours() {
    let truth = [vec![0], vec![0], vec![], vec![]];
    let judged = Judged { scores: Scores::Each(&[0.9, 0.75, 0.25, 0.2]), classes: 1, truth: &truth };
    let thresholds = choose(&judged);
    assert_eq!((thresholds.best_micro_f1, thresholds.break_even), (0.75, 0.75));
    assert_eq!(thresholds.per_tag, [0.5]);
    // Where every item has the same score, it is the only threshold that predicts anything.
    let judged = Judged { scores: Scores::Same(&[0.25]), ..judged };
    assert_eq!(choose(&judged).per_tag, [0.25]);
    // No number lies between these two.
    let (low, high) = (0.5f32, f32::from_bits(0.5f32.to_bits() + 1));
    let truth = [vec![0], vec![]];
    let judged = Judged { scores: Scores::Each(&[high, low]), classes: 1, truth: &truth };
    assert_eq!(choose(&judged).per_tag, [high]);
}

#[test]
fn break_even_predicts_as_much_as_is_true() {
    let truth = [vec![0], vec![], vec![0], vec![]];
    // The best score is wrong: precision and recall are both 0 there, which is not what is wanted.
    let judged = Judged { scores: Scores::Each(&[0.6, 0.9, 0.5, 0.1]), classes: 1, truth: &truth };
    let thresholds = choose(&judged);
    assert_eq!(thresholds.break_even, 0.6);
    let at = *plain_figures(&judged, thresholds.break_even).at(Point::BreakEven).unwrap();
    assert_eq!((at.micro_precision.value, at.micro_recall.value), (0.5, 0.5));
}

#[test]
fn top_takes_the_lower_class_of_equals() {
    assert_eq!(top(&[0.1, 0.5, 0.5, 0.9], 3), [3, 1, 2]);
    assert_eq!(top(&[0.1], 5), [0]);
    assert_eq!(top(&[], 5), [0; 0]);
    assert_eq!(top(&[0.1], 0), [0; 0]);
}

#[test]
fn curves_overall_count_everything() {
    let truth = [vec![0], vec![1]];
    let scores = [0.9, 0.2, 0.4, 0.4];
    let judged = Judged { scores: Scores::Each(&scores), classes: 2, truth: &truth };
    let curve = precision_recall_overall(&judged);
    let ends = [curve[0], curve[curve.len() - 1]];
    let expected = [
        PrecisionRecall { threshold: 0.9, precision: 1.0, recall: 0.5 },
        PrecisionRecall { threshold: 0.0, precision: 0.5, recall: 1.0 },
    ];
    assert_eq!(ends, expected);
    assert!(precision_recall_overall(&Judged { truth: &[vec![], vec![]], ..judged }).is_empty());
    assert!(precision_recall_curve(&Judged { truth: &[vec![], vec![]], ..judged }, 0).is_empty());
}

#[test]
fn calibrated_scores_have_no_error() {
    let truth = [vec![0], vec![0], vec![0], vec![]];
    let judged = Judged { scores: Scores::Same(&[0.75]), classes: 1, truth: &truth };
    let bins = calibration(&judged, None, 4);
    assert_eq!((bins[3].scores, bins[3].mean_score, bins[3].true_share), (4, 0.75, 0.75));
    assert_eq!((bins[0].scores, calibration_error(&bins)), (0, 0.0));
    let sure = Judged { scores: Scores::Same(&[1.0]), ..judged };
    assert_eq!(calibration_error(&calibration(&sure, Some(0), 4)), 0.25);
    assert_eq!(calibration_error(&[]), 0.0);
}

/// Average precision as its definition reads, in quadratic time.
fn naive_average_precision(scores: &[f32], positive: &[bool]) -> Option<f64> {
    let positives = positive.iter().filter(|positive| **positive).count();
    let gains = scores.iter().zip(positive).filter(|(_, positive)| **positive).map(|(threshold, _)| {
        let above: Vec<usize> = (0..scores.len()).filter(|item| scores[*item] >= *threshold).collect();
        above.iter().filter(|item| positive[**item]).count() as f64 / above.len() as f64
    });
    (positives > 0).then(|| gains.sum::<f64>() / positives as f64)
}

fn column(judged: &Judged<'_>, class: usize) -> (Vec<f32>, Vec<bool>) {
    let scores = (0..judged.items()).map(|item| judged.row(item)[class]).collect();
    let positive = judged.truth.iter().map(|truth| truth.contains(&(class as u32))).collect();
    (scores, positive)
}

fn cases() -> impl Strategy<Value = (usize, Vec<f32>, Vec<Vec<u32>>)> {
    (1usize..20, 1usize..20).prop_flat_map(|(classes, items)| {
        // Few distinct scores, so that equal ones occur.
        let scores =
            prop::collection::vec((0u8..=20).prop_map(|score| f32::from(score) / 20.0), classes * items);
        let truth = prop::collection::vec(prop::collection::btree_set(0..classes as u32, 0..=classes), items)
            .prop_map(|truth| truth.into_iter().map(|classes| classes.into_iter().collect()).collect());
        (Just(classes), scores, truth)
    })
}

proptest! {
    #[test]
    fn class_figures_are_what_their_names_say((classes, scores, truth) in cases(), threshold in 0.0f32..1.0) {
        let judged = Judged { scores: Scores::Each(&scores), classes, truth: &truth };
        let counts = vec![1; classes];
        let judgement = judge(&judged, &everywhere(threshold, classes), &counts, &Resamples::none(truth.len()));
        let mut precisions = Vec::new();
        for (class, found) in judgement.classes.iter().enumerate() {
            let (column, positive) = column(&judged, class);
            let expected = naive_average_precision(&column, &positive);
            prop_assert_eq!(found.average_precision.is_some(), expected.is_some());
            if let (Some(found), Some(expected)) = (found.average_precision, expected) {
                near(found.value, expected);
                precisions.push(expected);
            }
            let mut expected = Counts::default();
            for (score, positive) in column.iter().zip(positive) {
                match (*score >= threshold, positive) {
                    (true, true) => expected.hits += 1,
                    (true, false) => expected.false_alarms += 1,
                    (false, true) => expected.misses += 1,
                    (false, false) => {}
                }
            }
            prop_assert!(found.at.iter().all(|found| *found == expected));
            prop_assert_eq!(found.positives, expected.hits + expected.misses);
        }
        match mean_average_precision(&judged) {
            Some(mean) => near(mean, precisions.iter().sum::<f64>() / precisions.len() as f64),
            None => prop_assert!(precisions.is_empty()),
        }
    }

    /// The figures of a resample are those of its items, each written down as often as it was drawn.
    #[test]
    fn a_resample_is_judged_like_its_items((classes, scores, truth) in cases(), seed: u64) {
        let judged = Judged { scores: Scores::Each(&scores), classes, truth: &truth };
        let thresholds = everywhere(0.5, classes);
        let counts = vec![1; classes];
        let samples = Resamples::draw(truth.len(), 2, seed);
        let found = judge(&judged, &thresholds, &counts, &samples).figures;
        let naive = [1, 2].map(|sample| {
            let drawn = samples.blocks()[0].iter().enumerate();
            let drawn: Vec<usize> =
                drawn.flat_map(|(item, weights)| vec![item; weights[sample].into()]).collect();
            let scores: Vec<f32> = drawn.iter().flat_map(|item| judged.row(*item)).copied().collect();
            let truth: Vec<Vec<u32>> = drawn.iter().map(|item| truth[*item].clone()).collect();
            let judged = Judged { scores: Scores::Each(&scores), classes, truth: &truth };
            figures(&judged, &thresholds, &counts)
        });
        prop_assume!(naive.iter().all(|figures| figures.classes_judged > 0));
        let check = |figure: &dyn Fn(&Figures) -> Estimate| {
            let Estimate { value, interval } = figure(&found);
            let resampled = [figure(&naive[0]).value, figure(&naive[1]).value];
            let expected = Estimate::of(&[value, resampled[0], resampled[1]]).interval.unwrap();
            near(interval.unwrap().low, expected.low);
            near(interval.unwrap().high, expected.high);
        };
        check(&|figures| figures.mean_average_precision);
        check(&|figures| figures.label_ranking_average_precision);
        check(&|figures| figures.at_k[1].recall);
        check(&|figures| figures.at_threshold[0].micro_f1);
        check(&|figures| figures.at_threshold[3].macro_f1);
        check(&|figures| figures.at_threshold[2].macro_precision);
        check(&|figures| figures.at_threshold[1].hamming_loss);
        check(&|figures| figures.by_frequency[0].macro_f1_per_tag);
    }

    #[test]
    fn no_threshold_beats_the_chosen((classes, scores, truth) in cases(), step in 1u16..=1000) {
        let judged = Judged { scores: Scores::Each(&scores), classes, truth: &truth };
        let chosen = choose(&judged);
        prop_assume!(chosen.positives.iter().any(|positives| *positives > 0));
        let counts = vec![1; classes];
        let best = figures(&judged, &chosen, &counts);
        let other = plain_figures(&judged, f32::from(step) / 1000.0);
        let at = |figures: &Figures, point| *figures.at(point).unwrap();
        let micro = Point::BestMicroF1;
        prop_assert!(at(&best, micro).micro_f1.value >= at(&other, micro).micro_f1.value - 1e-12);
        let macro_f1 = Point::BestMacroF1;
        prop_assert!(at(&best, macro_f1).macro_f1.value >= at(&other, macro_f1).macro_f1.value - 1e-12);
        let per_tag = at(&best, Point::PerTag).macro_f1.value;
        prop_assert!(per_tag >= at(&other, Point::PerTag).macro_f1.value - 1e-12);
    }

    #[test]
    fn the_same_scores_for_all_give_the_same_figures((classes, scores, truth) in cases(), seed: u64) {
        let row = &scores[..classes];
        let repeated = row.repeat(truth.len());
        let same = Judged { scores: Scores::Same(row), classes, truth: &truth };
        let each = Judged { scores: Scores::Each(&repeated), classes, truth: &truth };
        let samples = Resamples::draw(truth.len(), 40, seed);
        prop_assert_eq!(choose(&same), choose(&each));
        let thresholds = choose(&same);
        let judge = |judged| judge(judged, &thresholds, &vec![1; classes], &samples);
        prop_assert_eq!(judge(&same), judge(&each));
    }

    #[test]
    fn top_is_the_head_of_a_sort(scores in prop::collection::vec(0u8..10, 0..30), k in 0usize..35) {
        let scores: Vec<f32> = scores.into_iter().map(f32::from).collect();
        let mut sorted: Vec<usize> = (0..scores.len()).collect();
        sorted.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]).then(a.cmp(b)));
        sorted.truncate(k);
        prop_assert_eq!(top(&scores, k), sorted);
    }
}
