use std::time::Duration;

use reqwest::StatusCode;
use tagmill_model::ItemId;
use tagmill_testboard::{Config, Endpoint, Mishap, Mishaps, RateLimit, Script, Target, When};

use crate::client::{always, api, config, json, media, picture, start};

#[tokio::test]
async fn too_many_requests() {
    let board = always(Mishap::TooManyRequests { retry_after: Some(30) });
    let response = api(&board, "items/get").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(response.headers()["retry-after"], "30");
    assert_eq!(board.stats().mishaps["too_many_requests"], 1);
    let silent = always(Mishap::TooManyRequests { retry_after: None });
    let response = api(&silent, "items/get").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(!response.headers().contains_key("retry-after"));
}

#[tokio::test]
async fn unavailable() {
    let board = always(Mishap::Unavailable { retry_after: Some(30) });
    let response = api(&board, "items/get").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers()["retry-after"], "30");
    assert_eq!(board.stats().mishaps["unavailable"], 1);
    let silent = always(Mishap::Unavailable { retry_after: None });
    let response = media(&silent, &picture(&silent)).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(!response.headers().contains_key("retry-after"));
    assert_eq!(silent.stats().mishaps["unavailable_silent"], 1);
}

#[tokio::test]
async fn blocked_and_not_logged_in() {
    let board = always(Mishap::Blocked);
    let response = api(&board, "items/get").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    assert!(response.text().await.unwrap().contains("Cloudflare"));
    let board = always(Mishap::NotLoggedIn);
    let response = api(&board, "user/loggedin").header("cookie", "me=x").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    assert_eq!(response.text().await.unwrap(), r#"{"error":"forbidden","code":403,"msg":"Not logged in"}"#);
    assert_eq!(board.stats().mishaps["not_logged_in"], 1);
}

#[tokio::test]
async fn server_error_and_not_found() {
    let board = always(Mishap::ServerError);
    let response = api(&board, "items/get").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let board = always(Mishap::NotFound);
    let (status, body) = json(&board, "items/info?itemId=1").await;
    assert_eq!((status, &body["error"]), (StatusCode::NOT_FOUND, &"notFound".into()));
    let response = media(&board, &picture(&board)).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn cut_before_the_answer() {
    let board = always(Mishap::Cut);
    let error = api(&board, "items/get").send().await.unwrap_err();
    assert!(error.is_request(), "{error:?}");
    assert_eq!(board.stats().mishaps["cut"], 1);
}

#[tokio::test]
async fn short_body_ends_halfway() {
    let board = always(Mishap::ShortBody);
    let path = picture(&board);
    let whole = board.world().media_bytes(board.world().id_of_path(&path).unwrap()).unwrap();
    let mut response = media(&board, &path).send().await.unwrap();
    assert_eq!(response.content_length(), Some(whole.len() as u64));
    let mut received = Vec::new();
    let error = loop {
        match response.chunk().await {
            Ok(Some(chunk)) => received.extend(chunk),
            Ok(None) => panic!("the body seemed to be whole"),
            Err(error) => break error,
        }
    };
    assert!(error.is_body() || error.is_decode(), "{error:?}");
    assert_eq!(received, whole[..whole.len() / 2]);
    assert_eq!(board.stats().media_answers, 0);
}

#[tokio::test]
async fn html_instead_of_json() {
    let board = always(Mishap::Html);
    let response = api(&board, "items/info?itemId=1").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert!(response.text().await.unwrap().starts_with("<!DOCTYPE html>"));
    assert_eq!(board.stats().info_answers, 0);
}

#[tokio::test]
async fn slow_body_is_whole_in_the_end() {
    let board = always(Mishap::SlowBody { pause: Duration::from_millis(1) });
    let path = picture(&board);
    let bytes = media(&board, &path).send().await.unwrap().bytes().await.unwrap();
    assert_eq!(bytes, board.world().media_bytes(board.world().id_of_path(&path).unwrap()).unwrap());
}

#[tokio::test]
async fn corrupt_pictures_cannot_be_decoded() {
    let board = always(Mishap::Corrupt);
    let world = board.world();
    for id in world.ids() {
        let listing = world.listing(id).unwrap();
        let bytes = media(&board, &listing.image).send().await.unwrap().bytes().await.unwrap();
        let whole = world.media_bytes(id).unwrap();
        assert_eq!(bytes.len(), whole.len());
        assert_eq!(bytes[..4], whole[..4]);
        assert!(image::load_from_memory(&bytes).is_err(), "{}", listing.image);
    }
    assert_eq!(board.stats().media_answers, 0);
}

#[tokio::test]
async fn delay_changes_nothing_else() {
    let board = always(Mishap::Delay { pause: Duration::from_millis(1) });
    assert_eq!(json(&board, "items/get?flags=31").await.0, StatusCode::OK);
    let latency = Mishaps { latency: Duration::from_millis(1), ..Mishaps::default() };
    let board = start(Config { mishaps: latency, ..config(5) });
    assert_eq!(json(&board, "items/get?flags=31").await.0, StatusCode::OK);
}

/// A bucket that never fills answers its burst and refuses the rest.
#[tokio::test]
async fn the_rate_limit_refuses() {
    let limit = RateLimit { per_second: 0.0, burst: 3, retry_after: Some(7) };
    let mishaps = Mishaps { rate_limit: Some(limit), ..Mishaps::default() };
    let board = start(Config { mishaps, ..config(50) });
    let mut statuses = Vec::new();
    for _ in 0..5 {
        statuses.push(api(&board, "user/loggedin").send().await.unwrap().status().as_u16());
    }
    assert_eq!(statuses, [200, 200, 200, 429, 429]);
    assert_eq!(board.stats().mishaps["too_many_requests"], 2);
}

#[tokio::test]
async fn a_script_is_followed() {
    let world = start(config(50));
    let path = picture(&world);
    let lost = world.world().id_of_path(&path).unwrap();
    let newest = world.world().newest().unwrap();
    let script = Script::new()
        .on(
            Target::Endpoint(Endpoint::ItemsInfo),
            When::Nth(3),
            Mishap::TooManyRequests { retry_after: Some(1) },
        )
        .on(Target::Info(newest), When::Always, Mishap::ServerError)
        .on(Target::Media(lost), When::Always, Mishap::NotFound)
        .on(Target::Containing("older=7".to_owned()), When::First(1), Mishap::Html);
    let board = start(Config { script, ..config(50) });
    let info = |id: ItemId| {
        let path = format!("items/info?itemId={id}");
        let board = &board;
        async move { api(board, &path).send().await.unwrap().status().as_u16() }
    };
    let first = board.world().ids().next().unwrap();
    assert_eq!(
        [info(first).await, info(newest).await, info(first).await, info(first).await],
        [200, 500, 429, 200]
    );
    assert_eq!(media(&board, &path).send().await.unwrap().status(), StatusCode::NOT_FOUND);
    let html = api(&board, "items/get?flags=31&older=7").send().await.unwrap();
    assert_eq!(html.headers()["content-type"], "text/html; charset=utf-8");
    let page = api(&board, "items/get?flags=31&older=7").send().await.unwrap();
    assert_eq!(page.headers()["content-type"], "application/json");
}

/// Chance is the same in two runs that ask the same.
#[tokio::test]
async fn chance_repeats() {
    let mishaps =
        Mishaps { server_error: 0.2, too_many_requests_silent: 0.2, html: 0.2, ..Mishaps::default() };
    let mut runs = Vec::new();
    for _ in 0..2 {
        let board = start(Config { mishaps: mishaps.clone(), ..config(50) });
        let mut statuses = Vec::new();
        for _ in 0..40 {
            statuses.push(api(&board, "user/loggedin").send().await.unwrap().status().as_u16());
        }
        assert!(board.stats().mishaps.len() == 3);
        runs.push(statuses);
    }
    assert_eq!(runs[0], runs[1]);
}
