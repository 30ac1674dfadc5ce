//! One client against real sockets: what is retried, what stands, and what nobody may see.

#![expect(clippy::unwrap_used, reason = "a step that fails fails its test")]

mod refusals;
mod session;
mod support;

use std::time::Duration;

use serde_json::{Value, json};
use support::{Reply, Server, config};
use tagmill_http::{Cap, Client, Config, Cookie, Error, Rate, Redirects, Url};

fn client(config: Config) -> Client {
    Client::new(config).unwrap()
}

/// Asks for JSON of a server that answers `script` in turn, its last reply for ever. Returns the requests made, too.
async fn ask(script: Vec<Reply>) -> (Result<Value, Error>, usize) {
    let server = Server::start(move |number, _| script[number.min(script.len() - 1)].clone()).await;
    let answer = client(config()).get_json(&server.url).await;
    (answer, server.seen().len())
}

#[tokio::test]
async fn gets_json() {
    let (answer, asked) = ask(vec![Reply::json(r#"{"items":[]}"#)]).await;
    assert_eq!(answer.unwrap(), json!({"items": []}));
    assert_eq!(asked, 1);
}

#[tokio::test]
async fn what_may_pass_is_tried_again() {
    let mishaps = [
        Reply::new(500, "", "oops"),
        Reply::new(408, "", ""),
        Reply::html(502),
        Reply::html(200),
        Reply::json(r#"{"items":["#),
        Reply::raw(""),
        Reply::raw("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{}"),
        Reply::raw("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{\"a\""),
        Reply::new(503, "", ""),
        Reply::new(429, "", "{}"),
        Reply::new(429, "retry-after: 0\r\n", "{}"),
    ];
    for (number, mishap) in mishaps.into_iter().enumerate() {
        let (answer, asked) = ask(vec![mishap.clone(), mishap, Reply::json("[1]")]).await;
        assert_eq!(answer.unwrap(), json!([1]), "mishap {number}");
        assert_eq!(asked, 3, "mishap {number}");
    }
}

#[tokio::test]
async fn what_stays_is_given_up() {
    #[track_caller]
    fn check((answer, asked): (Result<Value, Error>, usize), expected: &str) {
        let error = answer.unwrap_err();
        assert_eq!(asked, 3);
        assert!(matches!(error, Error::GaveUp { tries: 3, .. }), "{error:?}");
        let last = error.last().to_string();
        let (start, end) = expected.split_once("URL").unwrap();
        assert!(last.starts_with(start) && last.ends_with(end), "{last}");
    }
    check(ask(vec![Reply::new(500, "", "")]).await, "`URL` answered with status 500");
    check(ask(vec![Reply::html(200)]).await, "`URL` did not answer in json");
    check(ask(vec![Reply::raw("")]).await, "no answer from `URL`");
    check(
        ask(vec![Reply::raw("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{}")]).await,
        "the answer of `URL` broke off after 2 bytes",
    );
}

#[tokio::test]
async fn a_client_error_stands_and_keeps_its_body() {
    let (answer, asked) =
        ask(vec![Reply::new(403, "content-type: application/json\r\n", r#"{"error":"forbidden"}"#)]).await;
    let error = answer.unwrap_err();
    assert_eq!((asked, error.status()), (1, Some(403)));
    let Error::Status { body, .. } = error else { panic!("{error:?}") };
    assert_eq!(&body[..], br#"{"error":"forbidden"}"#);
}

#[tokio::test]
async fn another_shape_is_not_asked_twice() {
    let server = Server::start(|_, _| Reply::json(r#"{"items":3}"#)).await;
    let answer = client(config()).get_json::<Vec<u8>>(&server.url).await;
    assert!(matches!(answer, Err(Error::UnexpectedJson { .. })), "{answer:?}");
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn compressed_answers_are_unpacked() {
    let packed =
        b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\x8b\x36\x8a\x05\x00\x7b\x61\x02\x67\x03\x00\x00\x00";
    let (answer, _) = ask(vec![Reply::new(200, "content-encoding: gzip\r\n", packed)]).await;
    assert_eq!(answer.unwrap(), json!([2]));
}

#[tokio::test]
async fn an_unreachable_host_is_a_network_error() {
    // A port that was free a moment ago and has no listener now.
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = Url::parse(&format!("http://{address}/")).unwrap();
    let client = client(config());
    let error = client.get(&url).await.unwrap_err();
    assert!(!client.has_been_answered());
    assert!(error.is_network() && error.is_connect(), "{error:?}");
    // Nothing ever answered there: no use in waiting for it to come back.
    assert!(matches!(error, Error::GaveUp { tries: 2, .. }), "{error:?}");
}

#[test]
fn requests_can_run_on_any_thread() {
    fn is_send(_: impl Send) {}
    let (client, url) = (client(config()), Url::parse("http://board.example").unwrap());
    async fn length(client: &Client, url: &Url, limit: usize) -> Result<bool, Error> {
        let limit = &limit;
        client.request(url, async |response| Ok(response.bytes().await?.len() < *limit)).await
    }
    is_send(client.get(&url));
    is_send(length(&client, &url, 5));
}

#[tokio::test]
async fn silence_ends_a_request() {
    for reply in [Reply::raw(""), Reply::raw("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n12345")] {
        let server = Server::start(move |_, _| reply.clone().then_silence()).await;
        let client = client(Config { stall_timeout: Duration::from_millis(30), ..config() });
        let error = client.get(&server.url).await.unwrap_err();
        assert!(matches!(error, Error::GaveUp { tries: 3, .. }), "{error:?}");
        assert!(matches!(error.last(), Error::Network { .. } | Error::Truncated { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn a_trickle_ends_with_the_time_for_the_whole() {
    let server =
        Server::start(|_, _| Reply::raw("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n1").then_silence())
            .await;
    let client = client(Config { request_timeout: Some(Duration::from_millis(30)), ..config() });
    let error = client.get(&server.url).await.unwrap_err();
    assert!(matches!(error.last(), Error::Network { .. } | Error::Truncated { .. }), "{error:?}");
}

#[tokio::test]
async fn time_for_retries_is_bounded() {
    let server = Server::start(|_, _| Reply::new(500, "", "")).await;
    let mut config = config();
    config.retry.max_tries = u32::MAX;
    config.retry.max_elapsed = Duration::from_millis(50);
    let error = client(config).get(&server.url).await.unwrap_err();
    assert!(matches!(error, Error::GaveUp { .. }), "{error:?}");
}

#[tokio::test]
async fn dropping_a_request_ends_it_and_frees_its_place() {
    let server = Server::start(|number, _| match number {
        0 => Reply::raw("").then_silence(),
        _ => Reply::json("{}"),
    })
    .await;
    let client = client(Config { max_in_flight: 1, ..config() });
    let mut first = Box::pin(client.get(&server.url));
    while server.seen().is_empty() {
        assert!(futures::poll!(&mut first).is_pending());
        tokio::task::yield_now().await;
    }
    drop(first);
    client.get(&server.url).await.unwrap();
}

#[tokio::test]
async fn large_bodies_are_refused_announced_or_not() {
    let announced = Reply::new(200, "", "0123456789");
    let chunked = Reply::raw(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n01234\r\n5\r\n56789\r\n0\r\n\r\n",
    );
    for reply in [announced, chunked] {
        let server = Server::start(move |_, _| reply.clone()).await;
        let error = client(Config { max_body: 9, ..config() }).get(&server.url).await.unwrap_err();
        assert!(matches!(error, Error::TooLarge { limit: 9, .. }), "{error:?}");
        assert_eq!(server.seen().len(), 1);
        assert_eq!(client(config()).get(&server.url).await.unwrap(), &b"0123456789"[..]);
    }
}

#[tokio::test]
async fn redirects_are_followed_where_allowed_and_not_for_ever() {
    let server = Server::start(|_, _| Reply::new(302, "location: /next\r\n", "")).await;
    for (redirects, asked) in [(Redirects::None, 1), (Redirects::SameOrigin, 6)] {
        let before = server.seen().len();
        let error = client(Config { redirects, ..config() }).get(&server.url).await.unwrap_err();
        assert!(matches!(error, Error::Redirected { .. }), "{error:?}");
        assert_eq!(server.seen().len() - before, asked);
    }
}

#[tokio::test]
async fn errors_show_no_secret() {
    let server = Server::start(|_, _| Reply::raw("")).await;
    let mut url = server.at("a?token=s3cret&id=7#s3cret");
    url.set_password(Some("s3cret")).unwrap();
    let error = client(config()).get(&url).await.unwrap_err();
    let mut text = format!("{error:?}");
    let mut source: Option<&dyn std::error::Error> = Some(&error);
    while let Some(cause) = source {
        text += &cause.to_string();
        source = cause.source();
    }
    assert!(!text.contains("s3cret"), "{text}");
    assert!(text.contains("id=7"), "{text}");
}

#[tokio::test]
async fn only_http_is_asked() {
    for url in ["file:///etc/passwd", "ftp://host/a"] {
        let error = client(config()).get(&Url::parse(url).unwrap()).await.unwrap_err();
        assert!(matches!(error, Error::InvalidUrl { .. }), "{error:?}");
    }
}

#[test]
fn a_configuration_that_cannot_work_names_its_field() {
    #[track_caller]
    fn check(field: &str, change: impl FnOnce(&mut Config)) {
        let mut config = config();
        change(&mut config);
        let error = Client::new(config).unwrap_err();
        assert!(matches!(error, Error::InvalidConfig { field: found, .. } if found == field), "{error:?}");
        assert!(!error.to_string().contains("s3cret"));
    }
    check("user_agent", |config| config.user_agent.clear());
    check("max_in_flight", |config| config.max_in_flight = 0);
    check("retry.max_tries", |config| config.retry.max_tries = 0);
    check("pause.max_refusals", |config| config.pause.max_refusals = 0);
    check("pause.max_blocks", |config| config.pause.max_blocks = 0);
    check("rate.per_second", |config| config.rate = Some(Rate { per_second: 0.0, burst: 1 }));
    check("rate.per_second", |config| config.rate = Some(Rate { per_second: f64::NAN, burst: 1 }));
    check("rate.burst", |config| config.rate = Some(Rate { per_second: 1.0, burst: 0 }));
    let window = Duration::from_secs(1);
    check("cap.requests", |config| config.cap = Some(Cap { requests: 0, window }));
    check("cap.window", |config| config.cap = Some(Cap { requests: 1, window: Duration::ZERO }));
    check("cap.window", |config| config.cap = Some(Cap { requests: 1, window: Duration::MAX }));
    check("cookie", |config| {
        let url = Url::parse("https://board.example").unwrap();
        config.cookie = Some(Cookie::new(&url, "me=s3cret\r\nx: y"));
    });
}

#[test]
fn a_proxy_in_the_environment_does_not_stand_between_this_machine_and_itself() {
    let status = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "gets_json"])
        .env("http_proxy", "http://127.0.0.1:9/")
        .env("ALL_PROXY", "http://127.0.0.1:9/")
        .stdout(std::process::Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
}
