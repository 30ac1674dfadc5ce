use tagmill_fetcher::{Config, run};
use tagmill_model::Outcome;
use tokio_util::sync::CancellationToken;

use crate::common::*;

/// Where a run may be disturbed: at once, within the first page, at its end, in the middle, near the end.
const POINTS: [u64; 9] = [1, 2, 49, 50, 119, 120, 163, 299, 349];

#[tokio::test]
async fn cancelled_anywhere_then_resumed_is_straight_through() {
    let board = start(open_board(hard_world(350)));
    let undisturbed = Place::new();
    undisturbed.fetch(&board).await.unwrap();
    for point in POINTS {
        let place = Place::new();
        let watch = CancelAt::new(point);
        let report = run(place.config(&board), &watch, &watch.cancel).await.unwrap();
        assert_eq!(report.outcome, Outcome::Cancelled);
        let committed = committed(&place).await;
        // What was done when it was cancelled is kept.
        assert!(committed.len() as u64 >= point, "{} of {point}", committed.len());
        assert_eq!(report.saved, committed.len() as u64);

        let from = board.requests().len();
        let report = place.fetch(&board).await.unwrap();
        assert_eq!(report.outcome, Outcome::Completed);
        assert!(asked_infos(&board, from).iter().all(|id| !committed.contains(id)));
        assert_eq!(asked_infos(&board, from).len(), 350 - committed.len());
        assert_eq!(place.rows().await, undisturbed.rows().await);
        assert_eq!(place.coverage().await, undisturbed.coverage().await);
    }
}

#[tokio::test]
async fn dropped_anywhere_then_resumed_is_straight_through() {
    let board = start(open_board(hard_world(350)));
    let undisturbed = Place::new();
    undisturbed.fetch(&board).await.unwrap();
    for point in POINTS {
        let place = Place::new();
        let watch = CancelAt::new(point);
        let dropped = CancellationToken::new();
        let config = Config { batch_size: 20, ..place.config(&board) };
        let run = watch.cancel.run_until_cancelled(run(config, &watch, &dropped)).await;
        assert!(run.is_none_or(|report| report.is_ok()));
        let committed = committed(&place).await;

        let from = board.requests().len();
        place.fetch(&board).await.unwrap();
        assert!(asked_infos(&board, from).iter().all(|id| !committed.contains(id)));
        assert_eq!(place.rows().await, undisturbed.rows().await);
        assert_eq!(place.coverage().await, undisturbed.coverage().await);
    }
}

#[tokio::test]
async fn cancelled_before_it_starts() {
    let board = start(open_board(hard_world(50)));
    let place = Place::new();
    let cancel = CancellationToken::new();
    cancel.cancel();
    let report = run(place.config(&board), &(), &cancel).await.unwrap();
    assert_eq!((report.outcome, report.requests), (Outcome::Cancelled, 0));
    assert_eq!(board.stats().requests, 0);
}

/// Again and again, each time a little further.
#[tokio::test]
async fn a_restless_user_gets_there() {
    let board = start(open_board(hard_world(350)));
    let place = Place::new();
    for round in 1..60 {
        // What is known counts as done.
        let watch = CancelAt::new(13 * round);
        let report = run(place.config(&board), &watch, &watch.cancel).await.unwrap();
        if report.outcome == Outcome::Completed {
            break;
        }
    }
    assert_complete(&place.rows().await, board.world());
    assert_eq!(place.fetch(&board).await.unwrap().requests, 1);
}
