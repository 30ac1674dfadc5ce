use std::time::Duration;

use tagmill_fetcher::{Config, Error};
use tagmill_model::ItemId;
use tagmill_store::Failure;
use tagmill_testboard::{Board, Endpoint, Mishap, Mishaps, RateLimit, Script, Target, When};

use crate::common::*;

/// Enough tries that no item fails by chance.
fn patient(place: &Place, board: &Board) -> Config {
    let mut config = place.config(board);
    config.http.retry.max_tries = 30;
    config
}

async fn check(mishaps: Mishaps) {
    let board = start(tagmill_testboard::Config { mishaps: mishaps.clone(), ..open_board(hard_world(300)) });
    let place = Place::new();
    let report = fetch(patient(&place, &board)).await.unwrap();
    assert_eq!((report.saved, report.failed), (300, 0), "{mishaps:?}");
    assert_complete(&place.rows().await, board.world());
    let stats = board.stats();
    assert!(stats.requests > report.requests, "no mishap happened: {mishaps:?}");
    assert_eq!((stats.retry_after_violations, stats.repeated_info), (0, 0), "{mishaps:?}");
}

#[tokio::test]
async fn each_mishap_alone_is_survived() {
    check(Mishaps { server_error: 0.1, ..Mishaps::default() }).await;
    check(Mishaps { cut: 0.1, ..Mishaps::default() }).await;
    check(Mishaps { short_body: 0.1, ..Mishaps::default() }).await;
    check(Mishaps { html: 0.1, ..Mishaps::default() }).await;
    check(Mishaps { too_many_requests_silent: 0.02, ..Mishaps::default() }).await;
    check(Mishaps { too_many_requests: 0.01, retry_after: 1, ..Mishaps::default() }).await;
    let rate_limit = Some(RateLimit { per_second: 2_000.0, burst: 20, retry_after: None });
    check(Mishaps { rate_limit, ..Mishaps::default() }).await;
}

#[tokio::test]
async fn all_mishaps_together_are_survived() {
    check(Mishaps {
        server_error: 0.05,
        cut: 0.05,
        short_body: 0.05,
        html: 0.05,
        too_many_requests: 0.01,
        too_many_requests_silent: 0.01,
        slow_body: 0.02,
        slow_body_pause: Duration::from_millis(1),
        latency: Duration::from_millis(1),
        ..Mishaps::default()
    })
    .await;
}

#[tokio::test]
async fn an_item_that_fails_is_listed_kept_and_asked_for_again() {
    let place = Place::new();
    let world = || open_board(hard_world(300));
    let board = start(world());
    let broken: Vec<ItemId> = [3, 140, 299].map(|n| board.world().ids().nth(n).unwrap()).into();
    let script = broken
        .iter()
        .fold(Script::new(), |script, id| script.on(Target::Info(*id), When::Always, Mishap::ServerError));
    let board = start(tagmill_testboard::Config { script, ..world() });
    let report = place.fetch(&board).await.unwrap();
    assert_eq!((report.saved, report.failed), (297, 3));
    let mut listed: Vec<(ItemId, &str)> =
        report.failures.iter().map(|failed| (failed.id, failed.reason.as_str())).collect();
    listed.sort();
    assert_eq!(listed, broken.iter().map(|id| (*id, "status 500")).collect::<Vec<_>>());

    let rows = place.rows().await;
    assert_eq!(rows.len(), 300);
    for (id, row) in &rows {
        assert_eq!(row.tags_data.is_none(), broken.contains(id));
        assert_eq!(row.image, board.world().item(*id).unwrap().listing.image);
    }
    assert_eq!(attempts(&place).await, broken.iter().map(|id| (*id, 3)).collect::<Vec<_>>());

    // They fail again, and nothing else is asked for.
    let from = board.requests().len();
    let report = place.fetch(&board).await.unwrap();
    assert_eq!((report.saved, report.failed), (0, 3));
    assert!(asked_infos(&board, from).iter().all(|id| broken.contains(id)));
    assert_eq!(attempts(&place).await, broken.iter().map(|id| (*id, 6)).collect::<Vec<_>>());

    // The board is well again.
    let board = start(world());
    let report = place.fetch(&board).await.unwrap();
    assert_eq!((report.saved, report.failed), (3, 0));
    assert_complete(&place.rows().await, board.world());
    assert!(attempts(&place).await.is_empty());
    assert_eq!(place.fetch(&board).await.unwrap().requests, 1);
}

async fn attempts(place: &Place) -> Vec<(ItemId, u32)> {
    let failures = place.reader().await.failures(interval(1, i64::MAX)).await.unwrap();
    failures.into_iter().map(|Failure { id, attempts, .. }| (id, attempts)).collect()
}

#[tokio::test]
async fn an_item_that_vanishes_between_listing_and_asking_is_a_failure() {
    let script = Script::new().on(Target::Endpoint(Endpoint::ItemsInfo), When::Nth(5), Mishap::NotFound);
    let board = start(tagmill_testboard::Config { script, ..open_board(hard_world(100)) });
    let place = Place::new();
    let report = place.fetch(&board).await.unwrap();
    assert_eq!((report.saved, report.failed), (99, 1));
    // A 404 stands: it is asked for once.
    assert_eq!(board.stats().info_requests, 100);
}

#[tokio::test]
async fn a_page_that_fails_ends_the_run_and_keeps_what_came_before() {
    let script =
        Script::new().on(Target::Containing("older=".to_owned()), When::After(1), Mishap::ServerError);
    let board = start(tagmill_testboard::Config { script, ..open_board(hard_world(400)) });
    let place = Place::new();
    let error = place.fetch(&board).await.unwrap_err();
    assert!(matches!(error, Error::Board { .. }), "{error:?}");
    let committed = place.rows().await;
    assert_eq!(committed.len(), 240);
    assert!(committed.values().all(|row| row.tags_data.is_some()));
    assert_eq!(place.coverage().await.len(), 1);

    let board = start(open_board(hard_world(400)));
    place.fetch(&board).await.unwrap();
    assert_eq!(board.stats().info_requests, 160);
    assert_complete(&place.rows().await, board.world());
}

#[tokio::test]
async fn when_nothing_works_the_run_ends() {
    let script =
        Script::new().on(Target::Endpoint(Endpoint::ItemsInfo), When::After(30), Mishap::ServerError);
    let board = start(tagmill_testboard::Config { script, ..open_board(hard_world(400)) });
    let place = Place::new();
    let error = place.fetch(&board).await.unwrap_err();
    assert!(matches!(error, Error::TooManyFailures { count: 100, .. }), "{error:?}");
    let rows = place.rows().await;
    assert_eq!(rows.values().filter(|row| row.tags_data.is_some()).count(), 30);

    let board = start(open_board(hard_world(400)));
    place.fetch(&board).await.unwrap();
    assert_eq!(board.stats().info_requests, 370);
    assert_complete(&place.rows().await, board.world());
}
