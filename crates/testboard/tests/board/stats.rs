use std::time::Duration;

use tagmill_testboard::{Board, Config, Mishap, Script, Stats, Target, When};

use crate::client::{always, api, client, config, json, media, picture, start};

#[tokio::test]
async fn requests_are_counted_by_endpoint() {
    let board = start(Config { keep_requests: true, ..config(50) });
    let newest = board.world().newest().unwrap();
    let info = format!("items/info?itemId={newest}");
    for path in
        ["items/get?flags=31", info.as_str(), "items/info?itemId=0", info.as_str(), "user/loggedin", "x"]
    {
        api(&board, path).send().await.unwrap();
    }
    media(&board, &picture(&board)).send().await.unwrap();
    media(&board, &picture(&board)).send().await.unwrap();
    let stats = board.stats();
    assert_eq!(stats.requests, 8);
    assert_eq!((stats.listing_requests, stats.info_requests, stats.media_requests), (1, 3, 2));
    assert_eq!((stats.login_requests, stats.other_requests), (1, 1));
    assert_eq!((stats.info_answers, stats.repeated_info, stats.repeated_media), (2, 1, 1));
    assert_eq!((stats.statuses[&200], stats.statuses[&404]), (6, 2));
    assert_eq!(stats.retry_after_violations, 0);
    assert!(stats.bytes_sent > 10_000);
    assert_eq!(board.requests().len(), 8);
    assert_eq!(board.requests()[1], format!("/api/{info}"));
}

#[tokio::test]
async fn a_failed_info_may_be_asked_again() {
    let script = Script::new().on(Target::Any, When::First(1), Mishap::ShortBody);
    let board = start(Config { script, ..config(50) });
    let newest = board.world().newest().unwrap();
    for expected in [0, 0, 1] {
        let response = api(&board, &format!("items/info?itemId={newest}")).send().await.unwrap();
        assert_eq!(response.bytes().await.is_err(), board.stats().info_requests == 1);
        assert_eq!(board.stats().repeated_info, expected);
    }
}

/// A board whose answers begin at once and do not end.
fn endless() -> Board {
    always(Mishap::SlowBody { pause: Duration::from_secs(3_600) })
}

#[tokio::test]
async fn concurrency_and_connections_are_seen() {
    let board = endless();
    let _first = api(&board, "user/loggedin").send().await.unwrap();
    let _second = api(&board, "user/loggedin").send().await.unwrap();
    let stats = board.stats();
    assert_eq!((stats.in_flight, stats.peak_concurrency, stats.connections), (2, 2, 2));
}

#[tokio::test]
async fn a_dropped_board_ends_its_answers() {
    let board = endless();
    let mut answer = api(&board, "user/loggedin").send().await.unwrap();
    drop(board);
    assert!(answer.chunk().await.is_err());
}

#[tokio::test]
async fn stats_are_json_and_can_be_reset() {
    let board = start(config(50));
    json(&board, "user/loggedin").await;
    let read = || async {
        let response = client().get(board.stats_url()).send().await.unwrap();
        crate::client::body(response).await
    };
    let stats = read().await;
    assert_eq!((&stats["requests"], &stats["statuses"]["200"]), (&1.into(), &1.into()));
    let read_back: Stats = serde_json::from_value(stats).unwrap();
    // The answer with the counts has itself been sent since.
    assert_eq!(read_back, Stats { bytes_sent: read_back.bytes_sent, ..board.stats() });
    client().post(format!("{}/reset", board.stats_url())).send().await.unwrap();
    assert_eq!(read().await["requests"], 0);
}

#[tokio::test]
async fn a_stopped_board_gives_its_port_back() {
    let board = start(config(5));
    let port = board.address().port();
    json(&board, "user/loggedin").await;
    board.stop().await;
    let again = start(Config { port, ..config(5) });
    json(&again, "user/loggedin").await;
    drop(again);
    drop(start(Config { port, ..config(5) }));
}

#[test]
fn a_board_needs_no_runtime_of_its_owner() {
    let board = start(config(5));
    assert!(board.api_url().ends_with("/api"));
    let taken = Config { port: board.address().port(), ..config(5) };
    assert_eq!(tagmill_testboard::Board::start(taken).unwrap_err().kind(), std::io::ErrorKind::AddrInUse);
}
