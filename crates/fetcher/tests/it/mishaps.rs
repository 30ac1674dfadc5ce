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
    config.http.pause.max_blocks = 30;
    config
}

/// Every item arrives, nothing is asked for twice that was had, and whoever is told to wait waits.
async fn check_with(items: u64, mishaps: Mishaps, adjust: impl Fn(&mut Config)) -> Board {
    let board = start(tagmill_testboard::Config { mishaps, ..open_board(hard_world(items)) });
    let place = Place::new();
    let mut config = patient(&place, &board);
    adjust(&mut config);
    let report = fetch(config).await.unwrap();
    assert_eq!((report.saved, report.failed), (items, 0));
    assert_complete(&place.rows().await, board.world());
    let stats = board.stats();
    assert!(!stats.mishaps.is_empty() && stats.requests > report.requests, "no mishap happened");
    assert_eq!((stats.retry_after_violations, stats.repeated_info), (0, 0), "{stats:?}");
    board
}

async fn check(mishaps: Mishaps) {
    check_with(300, mishaps, |_| ()).await;
}

#[tokio::test]
async fn each_mishap_alone_is_survived() {
    check(Mishaps { server_error: 0.1, ..Mishaps::default() }).await;
    check(Mishaps { cut: 0.1, ..Mishaps::default() }).await;
    check(Mishaps { short_body: 0.1, ..Mishaps::default() }).await;
    check(Mishaps { html: 0.1, ..Mishaps::default() }).await;
    check(Mishaps { too_many_requests_silent: 0.02, ..Mishaps::default() }).await;
    check(Mishaps { blocked: 0.02, ..Mishaps::default() }).await;
    // So few a second that a busy machine asks for more, too.
    let rate_limit = Some(RateLimit { per_second: 100.0, burst: 5, retry_after: None });
    check_with(100, Mishaps { rate_limit, ..Mishaps::default() }, |_| ()).await;
}

#[tokio::test]
async fn all_mishaps_together_are_survived() {
    check(Mishaps {
        server_error: 0.05,
        cut: 0.05,
        short_body: 0.05,
        html: 0.05,
        too_many_requests_silent: 0.01,
        blocked: 0.01,
        slow_body: 0.02,
        slow_body_pause: Duration::from_millis(1),
        latency: Duration::from_millis(1),
        ..Mishaps::default()
    })
    .await;
}

// What a run over hours meets on the public board, by its share of the requests. Each is a test of its own, because a
// `Retry-After` has no less than a second, which such tests spend side by side.

const USUAL: Mishaps = Mishaps {
    seed: 3,
    too_many_requests: 0.0,
    retry_after: 1,
    too_many_requests_silent: 0.0,
    server_error: 0.0,
    cut: 0.0,
    short_body: 0.0,
    html: 0.0,
    slow_body: 0.0,
    slow_body_pause: Duration::ZERO,
    not_found: 0.0,
    corrupt: 0.0,
    unavailable: 0.0,
    blocked: 0.0,
    not_logged_in: 0.0,
    latency: Duration::ZERO,
    rate_limit: None,
};

async fn check_usual(mishaps: Mishaps, names: &[&str]) {
    let board = check_with(600, mishaps, |config| {
        config.workers = 16;
        // As by default. Mishaps that are rare enough need no more.
        config.http.retry.max_tries = 6;
        config.http.pause.max_blocks = 3;
    })
    .await;
    let met = board.stats().mishaps;
    for name in names {
        assert!(met.contains_key(*name), "no {name} among {met:?}");
    }
}

#[tokio::test]
async fn server_errors_now_and_then() {
    check_usual(Mishaps { server_error: 0.02, ..USUAL }, &["server_error"]).await;
}

#[tokio::test]
async fn connections_that_are_cut_now_and_then() {
    check_usual(Mishaps { cut: 0.02, ..USUAL }, &["cut"]).await;
    check_usual(Mishaps { short_body: 0.02, ..USUAL }, &["short_body"]).await;
}

#[tokio::test]
async fn pages_in_place_of_json_now_and_then() {
    check_usual(Mishaps { html: 0.02, ..USUAL }, &["html"]).await;
}

#[tokio::test]
async fn too_many_requests_now_and_then() {
    check_usual(Mishaps { too_many_requests: 0.01, ..USUAL }, &["too_many_requests"]).await;
}

#[tokio::test]
async fn maintenance_now_and_then() {
    check_usual(Mishaps { unavailable: 0.005, ..USUAL }, &["unavailable"]).await;
}

#[tokio::test]
async fn everything_now_and_then() {
    let mishaps = Mishaps {
        server_error: 0.02,
        cut: 0.02,
        html: 0.02,
        too_many_requests: 0.01,
        unavailable: 0.002,
        blocked: 0.005,
        ..USUAL
    };
    let names = ["server_error", "cut", "html", "too_many_requests", "unavailable", "blocked"];
    check_usual(mishaps, &names).await;
}

/// It lets everybody through again after a while, as one does that only minds haste.
#[tokio::test]
async fn a_firewall_that_lets_through_in_the_end() {
    let script = Script::new().on(Target::Endpoint(Endpoint::ItemsGet), When::First(2), Mishap::Blocked).on(
        Target::Endpoint(Endpoint::ItemsInfo),
        When::Nth(40),
        Mishap::Blocked,
    );
    let board = start(tagmill_testboard::Config { script, ..open_board(hard_world(150)) });
    let place = Place::new();
    let report = place.fetch(&board).await.unwrap();
    assert_eq!((report.saved, report.failed, board.stats().mishaps["blocked"]), (150, 0, 3));
    assert_complete(&place.rows().await, board.world());
}

#[tokio::test]
async fn a_firewall_that_stays_ends_the_run_after_a_few_tries() {
    let script = Script::new().on(Target::Any, When::After(100), Mishap::Blocked);
    let board = start(tagmill_testboard::Config { script, ..open_board(hard_world(600)) });
    let place = Place::new();
    let config = place.config(&board);
    let most = 100 + config.workers as u64 * u64::from(config.http.pause.max_blocks);
    let error = fetch(config).await.unwrap_err();
    let text = chain(&error);
    let told =
        "the board does not give its items: gave up after 3 tries: a firewall in front of `http://127.0.0.1:";
    assert!(text.starts_with(told) && text.ends_with("` refuses this client (status 403)"), "{text}");
    assert!((103..=most).contains(&board.stats().requests), "{}", board.stats().requests);
    assert_resumes(&place).await;

    // One that was there from the start leaves no more than a question.
    let script = Script::new().on(Target::Any, When::Always, Mishap::Blocked);
    let board = start(tagmill_testboard::Config { script, ..open_board(hard_world(600)) });
    let place = Place::new();
    let error = place.fetch(&board).await.unwrap_err();
    assert!(chain(&error).contains("a firewall in front of"), "{error:?}");
    assert_eq!(board.stats().requests, 3);
    assert!(place.rows().await.is_empty() && place.coverage().await.is_empty());
}

/// Whoever is asked next would say the same, so the first word of it ends the run.
#[tokio::test]
async fn a_session_that_dies_ends_the_run_and_keeps_what_came_before() {
    let dead = |target, when| Script::new().on(target, when, Mishap::NotLoggedIn);
    for script in [
        dead(Target::Endpoint(Endpoint::ItemsInfo), When::After(170)),
        dead(Target::Containing("older=".to_owned()), When::After(2)),
    ] {
        let board = start(tagmill_testboard::Config { script, ..open_board(hard_world(600)) });
        let place = Place::new();
        let config = place.config(&board);
        let workers = config.workers as u64;
        let error = fetch(config).await.unwrap_err();
        assert!(matches!(error, Error::NotLoggedIn { source: Some(_) }), "{error:?}");
        assert!(chain(&error).ends_with("answered `forbidden` (Not logged in)"), "{}", chain(&error));
        assert!(board.stats().mishaps["not_logged_in"] <= workers, "{:?}", board.stats().mishaps);
        // The session is at fault, not the items.
        assert!(attempts(&place).await.is_empty());
        assert_resumes(&place).await;
    }
}

/// Some of the 600 items are there with their tags, and a board that is well again is asked for the others alone.
async fn assert_resumes(place: &Place) {
    let kept = place.rows().await.into_iter().filter(|(_, row)| row.tags_data.is_some());
    let kept: Vec<ItemId> = kept.map(|(id, _)| id).collect();
    assert!((50..600).contains(&kept.len()), "{}", kept.len());
    let board = start(open_board(hard_world(600)));
    place.fetch(&board).await.unwrap();
    let asked = asked_infos(&board, 0);
    assert_eq!(asked.len(), 600 - kept.len());
    assert!(asked.iter().all(|id| !kept.contains(id)));
    assert_complete(&place.rows().await, board.world());
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
