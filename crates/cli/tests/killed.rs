//! `tagmill fetch`, killed at random moments and run again, ends as an undisturbed run does.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::process::{Child, Stdio};
use std::time::Duration;

use tagmill_store::{Reader, Row};
use tagmill_testboard::{Board, Config, Mishaps, WorldConfig};

mod support;

use support::Workplace;

const ITEMS: u64 = 600;
const KILLS: u64 = 8;

fn board() -> Board {
    Board::start(Config {
        world: WorldConfig { items: ITEMS, ..WorldConfig::default() },
        // Long enough for a process to be killed between two answers.
        mishaps: Mishaps { latency: Duration::from_millis(10), ..Mishaps::default() },
        ..Config::default()
    })
    .unwrap()
}

fn rows(workplace: &Workplace) -> Vec<Row> {
    let path = workplace.path("items.db");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let reader = Reader::open(&path).await.unwrap();
        let mut rows = reader.page(None, 10_000).await.unwrap();
        rows.iter_mut().for_each(|row| row.updated_at = 0);
        rows
    })
}

/// Starts a fetch and ends it with SIGKILL once the board has answered so many more requests for items.
fn kill_after(workplace: &Workplace, board: &Board, answers: u64) {
    let target = board.stats().info_answers + answers;
    let mut command =
        workplace.command(&["fetch", "--api-url", &board.api_url(), "--workers", "4", "--batch-size", "20"]);
    let mut fetch: Child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while board.stats().info_answers < target && fetch.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
    fetch.kill().unwrap();
    fetch.wait().unwrap();
}

#[test]
fn killed_and_resumed_is_straight_through() {
    let (disturbed, undisturbed) = (Workplace::new(), Workplace::new());
    let board = board();
    for kill in 0..KILLS {
        // Spread over batches, pages, and the start of a run.
        kill_after(&disturbed, &board, kill * 37 % 61 + 1);
    }
    let arguments = ["fetch", "--api-url", &board.api_url()];
    let resumed = disturbed.run(&arguments);
    assert_eq!(resumed.code, Some(0), "{}", resumed.stderr);
    let straight = undisturbed.run(&arguments);
    assert_eq!(straight.code, Some(0), "{}", straight.stderr);
    let rows_of_undisturbed = rows(&undisturbed);
    assert!(rows_of_undisturbed.len() > 300);
    assert_eq!(rows(&disturbed), rows_of_undisturbed);
}

/// What is committed is not asked for again, so a kill costs no more requests than were under way or not yet committed.
#[test]
fn a_kill_costs_one_batch_at_most() {
    let (workplace, board) = (Workplace::new(), board());
    let (batch, workers) = (20, 4);
    // What waits between the requests and the writer is bounded by the board's speed, which outlasts a commit by far.
    kill_after(&workplace, &board, 150);
    let resumed = workplace.run(&["fetch", "--api-url", &board.api_url()]);
    assert_eq!(resumed.code, Some(0), "{}", resumed.stderr);
    let repeated = board.stats().repeated_info;
    assert!(repeated <= batch * 2 + workers, "{repeated} items were asked for again");
}
