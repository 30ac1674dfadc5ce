//! `tagmill fetch`, killed at random moments and run again, ends as an undisturbed run does.

use std::process::Stdio;

use tagmill_model::ItemId;
use tagmill_store::{Interval, Reader, Row};
use tagmill_testboard::Board;

use crate::support::{Workplace, asked_infos, assert_sound, moments, slow_board, wait_for};

const ITEMS: u64 = 900;
const KILLS: u64 = 20;

fn rows(workplace: &Workplace) -> Vec<Row<'static>> {
    let path = workplace.database();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let reader = Reader::open(&path).await.unwrap();
        let mut rows = Vec::new();
        let all = Interval::new(ItemId(i64::MIN), ItemId(i64::MAX));
        let mut keep = |row: &Row<'_>| rows.push(Row { updated_at: 0, ..row.clone().into_owned() });
        reader.scanner().unwrap().rows(all, &mut keep).unwrap();
        rows
    })
}

/// Starts a fetch and ends it with SIGKILL once the board was asked so many more questions.
fn kill_after(workplace: &Workplace, board: &Board, batch: u64, questions: u64) {
    let target = board.stats().requests + questions;
    let batch = batch.to_string();
    let arguments = ["fetch", "--api-url", &board.api_url(), "--workers", "4", "--batch-size", &batch];
    let mut command = workplace.command(&arguments);
    let mut fetch = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_for(board, &mut fetch, |board| board.stats().requests >= target);
    fetch.kill().unwrap();
    fetch.wait().unwrap();
}

#[test]
fn killed_again_and_again_then_resumed_is_straight_through() {
    let (disturbed, undisturbed) = (Workplace::new(), Workplace::new());
    let board = slow_board(ITEMS);
    let mut had = disturbed.complete();
    for questions in moments(60).take(KILLS as usize) {
        let from = board.requests().len();
        // Small batches, so that many strike while one is committed.
        kill_after(&disturbed, &board, 5, questions);
        let asked = asked_infos(&board, from);
        assert!(asked.iter().all(|id| !had.contains(id)), "{asked:?} after {had:?}");
        let now = if disturbed.database().exists() {
            assert_sound(&disturbed.database());
            disturbed.complete()
        } else {
            Default::default()
        };
        // Nothing that was committed is lost, and nothing came from elsewhere.
        assert!(now.is_superset(&had));
        assert!(now.difference(&had).all(|id| asked.contains(id)));
        had = now;
    }
    // Most of them got somewhere, and the last one had not ended.
    assert!((100..650).contains(&had.len()), "{}", had.len());

    let from = board.requests().len();
    let arguments = ["fetch", "--api-url", &board.api_url()];
    let resumed = disturbed.run(&arguments);
    assert_eq!(resumed.code, Some(0), "{}", resumed.stderr);
    let asked = asked_infos(&board, from);
    assert!(asked.iter().all(|id| !had.contains(id)));
    assert_eq!(disturbed.complete().len(), had.len() + asked.len());
    assert_sound(&disturbed.database());

    let straight = undisturbed.run(&arguments);
    assert_eq!(straight.code, Some(0), "{}", straight.stderr);
    let rows_of_undisturbed = rows(&undisturbed);
    assert!(rows_of_undisturbed.len() > 600);
    assert_eq!(rows(&disturbed), rows_of_undisturbed);
}

/// What is committed is not asked for again, so a kill costs no more requests than were under way or not yet committed.
#[test]
fn a_kill_costs_one_batch_at_most() {
    let (workplace, board) = (Workplace::new(), slow_board(600));
    let (batch, workers) = (20, 4);
    // What waits between the requests and the writer is bounded by the board's speed, which outlasts a commit by far.
    kill_after(&workplace, &board, batch, 150);
    let resumed = workplace.run(&["fetch", "--api-url", &board.api_url()]);
    assert_eq!(resumed.code, Some(0), "{}", resumed.stderr);
    let repeated = board.stats().repeated_info;
    assert!(repeated <= batch * 2 + workers, "{repeated} items were asked for again");
}
