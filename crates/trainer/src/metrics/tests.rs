use proptest::prelude::*;

use super::*;

fn near(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-9, "{found} is not {expected}");
}

#[track_caller]
fn check_average_precision(scores: &[f32], positives: &[usize], expected: f64) {
    let truth: Vec<Vec<u32>> =
        (0..scores.len()).map(|item| if positives.contains(&item) { vec![0] } else { vec![] }).collect();
    let judged = Judged { scores: Scores::Each(scores), classes: 1, truth: &truth };
    near(average_precisions(&judged)[0].unwrap(), expected);
}

#[test]
fn average_precision_by_hand() {
    check_average_precision(&[0.9, 0.8, 0.7, 0.6], &[0, 1], 1.0);
    check_average_precision(&[0.9, 0.8, 0.7, 0.6], &[0, 2], (1.0 + 2.0 / 3.0) / 2.0);
    check_average_precision(&[0.9, 0.8, 0.7, 0.6], &[3], 0.25);
    // scikit-learn's own example.
    check_average_precision(&[0.1, 0.4, 0.35, 0.8], &[2, 3], 0.8333333333333333);
    // Equal scores: neither luck nor harm by their order.
    check_average_precision(&[0.5, 0.5, 0.5, 0.5], &[0], 0.25);
    check_average_precision(&[0.9, 0.5, 0.5, 0.1], &[0, 2], (1.0 + 2.0 / 3.0) / 2.0);
}

#[test]
fn a_class_without_true_items_is_not_judged() {
    let truth = [vec![1], vec![1]];
    let judged = Judged { scores: Scores::Same(&[0.1, 0.2]), classes: 2, truth: &truth };
    assert_eq!(average_precisions(&judged), [None, Some(1.0)]);
    assert_eq!(figures(&judged, 0.15).classes_judged, 1);
}

#[test]
fn nothing_to_judge_gives_zeros() {
    let judged = Judged { scores: Scores::Each(&[]), classes: 3, truth: &[] };
    let figures = figures(&judged, best_threshold(&judged));
    assert_eq!((figures.mean_average_precision, figures.micro_f1, figures.top5_accuracy), (0.0, 0.0, 0.0));
}

#[test]
fn figures_by_hand() {
    // Two items, seven classes; the best five of the first are 0 to 4, of the second 6, 5, 0, 1, 2.
    let scores = [0.9, 0.8, 0.7, 0.6, 0.5, 0.2, 0.1, 0.3, 0.25, 0.2, 0.1, 0.0, 0.8, 0.9];
    let truth = [vec![0, 4], vec![3]];
    let judged = Judged { scores: Scores::Each(&scores), classes: 7, truth: &truth };
    let figures = figures(&judged, 0.55);
    near(figures.top5_accuracy, 0.5);
    near(figures.precision_at_5, (2.0 / 5.0 + 0.0) / 2.0);
    // Predicted: 0 1 2 3 and 5 6. One hit, five false alarms, two misses.
    near(figures.micro_f1, 2.0 / (2.0 + 5.0 + 2.0));
    // Class 0 has F1 1; class 3 one false alarm and one miss; class 4 a miss.
    near(figures.macro_f1, 1.0 / 3.0);
    near(figures.mean_average_precision, (1.0 + 0.5 + 1.0) / 3.0);
}

#[test]
fn the_threshold_separates() {
    let truth = [vec![0], vec![0], vec![], vec![]];
    let judged = Judged { scores: Scores::Each(&[0.9, 0.7, 0.3, 0.2]), classes: 1, truth: &truth };
    assert_eq!(best_threshold(&judged), 0.7);
    assert_eq!(figures(&judged, 0.7).micro_f1, 1.0);
}

#[test]
fn top_takes_the_lower_class_of_equals() {
    assert_eq!(top(&[0.1, 0.5, 0.5, 0.9], 3), [3, 1, 2]);
    assert_eq!(top(&[0.1], 5), [0]);
    assert_eq!(top(&[], 5), [0; 0]);
    assert_eq!(top(&[0.1], 0), [0; 0]);
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

fn cases() -> impl Strategy<Value = (usize, Vec<f32>, Vec<Vec<u32>>)> {
    (1usize..6, 1usize..20).prop_flat_map(|(classes, items)| {
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
    fn average_precision_is_what_its_definition_says((classes, scores, truth) in cases()) {
        let judged = Judged { scores: Scores::Each(&scores), classes, truth: &truth };
        for (class, found) in average_precisions(&judged).into_iter().enumerate() {
            let column: Vec<f32> = (0..truth.len()).map(|item| judged.row(item)[class]).collect();
            let positive: Vec<bool> = truth.iter().map(|truth| truth.contains(&(class as u32))).collect();
            let expected = naive_average_precision(&column, &positive);
            prop_assert_eq!(found.is_some(), expected.is_some());
            if let (Some(found), Some(expected)) = (found, expected) {
                prop_assert!((found - expected).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn counts_are_what_their_names_say((classes, scores, truth) in cases(), threshold in 0.0f32..1.0) {
        let judged = Judged { scores: Scores::Each(&scores), classes, truth: &truth };
        for (class, found) in counts(&judged, threshold).into_iter().enumerate() {
            let mut expected = Counts::default();
            for (item, truth) in truth.iter().enumerate() {
                match (judged.row(item)[class] >= threshold, truth.contains(&(class as u32))) {
                    (true, true) => expected.hits += 1,
                    (true, false) => expected.false_alarms += 1,
                    (false, true) => expected.misses += 1,
                    (false, false) => {}
                }
            }
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn no_threshold_beats_the_best((classes, scores, truth) in cases(), step in 1usize..=STEPS) {
        let judged = Judged { scores: Scores::Each(&scores), classes, truth: &truth };
        let f1 = |threshold| figures(&judged, threshold).micro_f1;
        prop_assert!(f1(best_threshold(&judged)) >= f1(step_value(step)));
    }

    #[test]
    fn the_same_scores_for_all_give_the_same_figures((classes, scores, truth) in cases()) {
        let row = &scores[..classes];
        let repeated = row.repeat(truth.len());
        let same = Judged { scores: Scores::Same(row), classes, truth: &truth };
        let each = Judged { scores: Scores::Each(&repeated), classes, truth: &truth };
        let (same, each) = (figures(&same, 0.5), figures(&each, 0.5));
        prop_assert!((same.mean_average_precision - each.mean_average_precision).abs() < 1e-9);
        prop_assert_eq!(same.top5_accuracy, each.top5_accuracy);
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
