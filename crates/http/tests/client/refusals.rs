//! What the host may ask of all requests together: to wait, and to come slowly.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use serde_json::{Value, json};
use tagmill_http::{Cap, Config, Error, Failure, Pause, Rate, shown};
use tokio::sync::Barrier;
use tokio::time::Instant;

use crate::support::{Reply, Server, config};
use crate::{ask, client};

fn firewalls() -> [Reply; 3] {
    [Reply::html(403), Reply::new(403, "", " <html>"), Reply::new(503, "cf-mitigated: challenge\r\n", "")]
}

#[tokio::test]
async fn a_firewall_may_let_us_in_again_but_is_not_asked_for_ever() {
    for reply in firewalls() {
        let (answer, asked) = ask(vec![reply.clone(), reply.clone(), Reply::json("[1]")]).await;
        assert_eq!((answer.unwrap(), asked), (json!([1]), 3));
        let (answer, asked) = ask(vec![reply]).await;
        let error = answer.unwrap_err();
        assert!(matches!(error, Error::GaveUp { tries: 3, .. }), "{error:?}");
        assert!(matches!(error.last(), Error::Blocked { .. }), "{error:?}");
        assert_eq!(asked, 3);
    }
}

#[tokio::test]
async fn a_firewall_stops_every_worker() {
    for reply in firewalls() {
        let together = Arc::new(Barrier::new(4));
        let server = Server::start(move |number, _| match number {
            0..4 => reply.clone().after(&together),
            _ => Reply::json("{}"),
        })
        .await;
        let mut config = Config { max_in_flight: 4, ..config() };
        config.pause.first_delay = Duration::from_millis(100);
        config.pause.max_delay = Duration::from_millis(100);
        let client = client(config);
        let answers = join_all((0..8).map(|_| client.get(&server.url))).await;
        assert!(answers.iter().all(Result::is_ok), "{answers:?}");
        let seen = server.seen();
        assert_eq!(seen.len(), 12);
        let earliest = seen[3].at + Duration::from_millis(100);
        assert!(seen[4..].iter().all(|later| later.at >= earliest), "{seen:?}");
    }
}

#[tokio::test]
async fn a_refusal_stops_every_worker() {
    let together = Arc::new(Barrier::new(4));
    let barrier = together.clone();
    let server = Server::start(move |number, _| match number {
        0..4 => Reply::new(429, "retry-after: 1\r\n", "{}").after(&barrier),
        _ => Reply::json("{}"),
    })
    .await;
    let client = client(Config { max_in_flight: 4, ..config() });
    let answers = join_all((0..20).map(|_| client.get(&server.url))).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    let seen = server.seen();
    // Each request arrives at least once, the four refused ones twice.
    assert_eq!(seen.len(), 24);
    // The refusals were sent when the last of the four was here, and not before.
    let earliest = seen[3].at + Duration::from_secs(1);
    assert!(seen[4..].iter().all(|later| later.at >= earliest), "{seen:?}");
}

#[tokio::test]
async fn a_reader_may_refuse_too() {
    let server =
        Server::start(|number, _| Reply::json(if number == 0 { r#""limitReached""# } else { "1" })).await;
    let wait = Some(Duration::from_millis(20));
    let start = Instant::now();
    let answer = client(config())
        .request(&server.url, async |response| {
            let url = shown(response.url());
            match response.json().await? {
                Value::Number(number) => Ok(number.as_u64()),
                _ => Err(Failure::Refused { error: Error::Refused { url, wait }, wait }),
            }
        })
        .await;
    assert_eq!(answer.unwrap(), Some(1));
    assert!(server.seen()[1].at >= start + Duration::from_millis(20));
}

#[tokio::test]
async fn endless_refusal_is_given_up() {
    let server = Server::start(|_, _| Reply::new(429, "", "")).await;
    let mut config = config();
    config.pause.max_refusals = 4;
    let error = client(config).get(&server.url).await.unwrap_err();
    assert!(matches!(error, Error::GaveUp { tries: 4, .. }), "{error:?}");
    assert!(matches!(error.last(), Error::Refused { wait: None, .. }), "{error:?}");
    assert_eq!(server.seen().len(), 4);
}

#[tokio::test]
async fn nobody_sits_out_a_day() {
    let server = Server::start(|_, _| Reply::new(503, "retry-after: 86400\r\n", "")).await;
    let config =
        Config { pause: Pause { max_retry_after: Duration::from_secs(60), ..config().pause }, ..config() };
    let client = client(config);
    for _ in 0..2 {
        let error = client.get(&server.url).await.unwrap_err();
        assert!(matches!(error, Error::Refused { wait: Some(_), .. }), "{error:?}");
    }
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn clones_share_the_bound_on_requests_under_way() {
    // Three requests at a time pass the barrier; with fewer at once nothing ever would.
    let barrier = Arc::new(Barrier::new(3));
    let server = Server::start(move |_, _| Reply::json("{}").after(&barrier)).await;
    let client = client(Config { max_in_flight: 3, ..config() });
    join_all((0..9).map(|_| {
        let (client, url) = (client.clone(), server.url.clone());
        async move { client.get(&url).await.unwrap() }
    }))
    .await;
    assert_eq!(server.seen().len(), 9);
}

#[tokio::test]
async fn the_rate_is_kept() {
    let server = Server::start(|_, _| Reply::json("{}")).await;
    let start = Instant::now();
    let client = client(Config { rate: Some(Rate { per_second: 50.0, burst: 2 }), ..config() });
    join_all((0..6).map(|_| client.get(&server.url))).await;
    // Two at once, then one in 20 ms each. A slow machine can only be later.
    let last = server.seen().iter().map(|seen| seen.at).max().unwrap();
    assert!(last >= start + Duration::from_millis(80));
}

#[tokio::test]
async fn the_cap_is_kept() {
    let server = Server::start(|_, _| Reply::json("{}")).await;
    let start = Instant::now();
    let cap = Cap { requests: 3, window: Duration::from_millis(50) };
    let client = client(Config { cap: Some(cap), ..config() });
    join_all((0..7).map(|_| client.get(&server.url))).await;
    let last = server.seen().iter().map(|seen| seen.at).max().unwrap();
    assert!(last >= start + 2 * cap.window);
    assert_eq!(client.eta(7), Some(2 * cap.window));
}

#[tokio::test]
async fn after_a_refusal_the_rate_is_halved() {
    let server = Server::start(|number, _| match number {
        0 => Reply::new(429, "", "{}"),
        _ => Reply::json("{}"),
    })
    .await;
    let client = client(Config { rate: Some(Rate { per_second: 50.0, burst: 10 }), ..config() });
    for _ in 0..5 {
        client.get(&server.url).await.unwrap();
    }
    // The five that were answered came one in 40 ms, less what was climbed meanwhile. A slow machine can only be later.
    let seen = server.seen();
    assert!(seen[5].at >= seen[0].at + Duration::from_millis(150), "{seen:?}");
}
