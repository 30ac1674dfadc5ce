//! Confusions and suspects, against what their names say.

use super::*;

/// Counts a pair by its definition.
fn naive_confusion(judged: &Judged<'_>, threshold: f32, shown: usize, predicted: usize) -> Option<Confusion> {
    let has = |item: usize, class: usize| judged.truth[item].contains(&(class as u32));
    let alarm = |item: &usize| judged.row(*item)[predicted] >= threshold;
    let lacking: Vec<usize> = (0..judged.items()).filter(|item| !has(*item, predicted)).collect();
    let showing: Vec<usize> = lacking.iter().copied().filter(|item| has(*item, shown)).collect();
    let false_alarms = showing.iter().filter(|item| alarm(item)).count();
    let usual = lacking.iter().filter(|item| alarm(item)).count() as f64 / lacking.len() as f64;
    let lift = false_alarms as f64 / showing.len() as f64 / usual;
    let excess = false_alarms as f64 - usual * showing.len() as f64;
    let (items, false_alarms) = (showing.len() as u64, false_alarms as u64);
    (false_alarms >= 3).then_some(Confusion { shown, predicted, items, false_alarms, lift, excess })
}

#[test]
fn confusions_are_false_alarms_above_chance() {
    // Three cats and no dog are called dogs; so is one of five without anything.
    let truth = [vec![vec![0]; 3], vec![vec![1]], vec![vec![]; 5]].concat();
    let dogs = [0.9, 0.8, 0.7, 0.9, 0.6, 0.1, 0.1, 0.1, 0.1];
    let scores: Vec<f32> = dogs.iter().flat_map(|dog| [0.2, *dog]).collect();
    let judged = Judged { scores: Scores::Each(&scores), classes: 2, truth: &truth };
    let [found] = confusions(&judged, 0.5, 10)[..] else { panic!() };
    assert_eq!((found.shown, found.predicted, found.items, found.false_alarms), (0, 1, 3, 3));
    near(found.lift, 1.0 / (4.0 / 8.0));
    near(found.excess, 3.0 - 3.0 * 4.0 / 8.0);
    assert_eq!(confusions(&judged, 0.75, 10), []);
    assert_eq!(confusions(&judged, 0.5, 0), []);
}

#[test]
fn suspects_score_like_the_others() {
    // Ten with the class and ten without: one of each is at the other's place.
    let truth: Vec<Vec<u32>> = (0..20).map(|item| if item < 10 { vec![0] } else { vec![] }).collect();
    let mut scores: Vec<f32> = (0..20).map(|item| if item < 10 { 0.8 } else { 0.2 }).collect();
    (scores[3], scores[15], scores[16]) = (0.1, 0.9, 0.5);
    let judged = Judged { scores: Scores::Each(&scores), classes: 1, truth: &truth };
    let Suspects { missing, doubtful } = suspects(&judged, 10);
    let ([missing], [doubtful]) = (&missing[..], &doubtful[..]) else { panic!() };
    assert_eq!((missing.item, missing.score, doubtful.item, doubtful.score), (15, 0.9, 3, 0.1));
    near(f64::from(missing.mean_with), 0.73);
    near(f64::from(missing.mean_without), 0.3);
    assert_eq!((doubtful.mean_with, doubtful.class), (missing.mean_with, 0));
    assert_eq!(suspects(&judged, 0), Suspects::default());

    // With nine on a side nobody is a suspect, nor where the scores have it the wrong way round.
    let nine = Judged { scores: Scores::Each(&scores[1..]), truth: &truth[1..], ..judged };
    assert_eq!(suspects(&nine, 10), Suspects::default());
    let turned: Vec<f32> = scores.iter().map(|score| 1.0 - score).collect();
    assert_eq!(suspects(&Judged { scores: Scores::Each(&turned), ..judged }, 10), Suspects::default());
}

#[test]
fn the_surest_suspects_come_first() {
    let truth: Vec<Vec<u32>> = (0..40).map(|item| if item % 2 == 0 { vec![0, 1] } else { vec![] }).collect();
    let mut scores: Vec<f32> =
        (0..40).flat_map(|item| if item % 2 == 0 { [0.6, 0.9] } else { [0.3, 0.1] }).collect();
    // Without either class: item 1 is surer of the second class than item 3 of the first.
    (scores[2 + 1], scores[2 * 3]) = (0.99, 0.95);
    let judged = Judged { scores: Scores::Each(&scores), classes: 2, truth: &truth };
    let missing = suspects(&judged, 5).missing;
    assert_eq!(
        missing.iter().map(|suspect| (suspect.item, suspect.class)).collect::<Vec<_>>(),
        [(1, 1), (3, 0)]
    );
    assert_eq!(suspects(&judged, 1).missing, missing[..1]);
}

proptest! {
    #[test]
    fn confusions_are_what_their_names_say((classes, scores, truth) in cases(), threshold in 0.0f32..1.0) {
        let judged = Judged { scores: Scores::Each(&scores), classes, truth: &truth };
        let found = confusions(&judged, threshold, usize::MAX);
        let pairs = (0..classes).flat_map(|shown| (0..classes).map(move |predicted| (shown, predicted)));
        let naive: Vec<Confusion> = pairs
            .filter(|(shown, predicted)| shown != predicted)
            .filter_map(|(shown, predicted)| naive_confusion(&judged, threshold, shown, predicted))
            .filter(|pair| pair.excess > 1e-9)
            .collect();
        // At the edge of chance rounding decides.
        let found: Vec<Confusion> = found.into_iter().filter(|pair| pair.excess > 1e-9).collect();
        prop_assert_eq!(found.len(), naive.len());
        for pair in naive {
            let same = found.iter().find(|found| (found.shown, found.predicted) == (pair.shown, pair.predicted));
            let same = same.unwrap();
            prop_assert_eq!((same.items, same.false_alarms), (pair.items, pair.false_alarms));
            near(same.lift, pair.lift);
            near(same.excess, pair.excess);
        }
        prop_assert!(found.is_sorted_by(|a, b| a.excess >= b.excess));
    }
}
