//! Cookies and forms: what is sent to whom, and what nobody may see.

use std::time::Duration;
use tokio::sync::watch;

use tagmill_http::{Config, Cookie, Credentials, Error, Posted, Redirects, Url};

use crate::client;
use crate::support::{Reply, Server, config};

#[tokio::test]
async fn the_cookie_goes_home_only() {
    let elsewhere = Server::start(|_, _| Reply::json("{}")).await;
    let to = format!("location: {}\r\n", elsewhere.url);
    let home = Server::start(move |_, path| match path {
        "/away" => Reply::new(302, &to, ""),
        "/here" => Reply::new(302, "location: /\r\n", ""),
        _ => Reply::json("{}"),
    })
    .await;
    let config = Config {
        cookie: Some(Cookie::new(&home.url, "me=s3cret")),
        redirects: Redirects::SameOrigin,
        ..config()
    };
    let client = client(config);
    client.get(&elsewhere.url).await.unwrap();
    client.get(&home.at("here")).await.unwrap();
    let error = client.get(&home.at("away")).await.unwrap_err();
    assert!(matches!(&error, Error::Redirected { to, .. } if to == elsewhere.url.as_str()), "{error:?}");
    assert!(elsewhere.seen().iter().all(|seen| !seen.head.contains("s3cret")));
    assert!(home.seen().iter().all(|seen| seen.head.contains("cookie: me=s3cret")));
    assert_eq!(home.seen().len(), 3);
    assert!(!format!("{client:?}").contains("s3cret"));
}

#[tokio::test]
async fn credentials_go_home_only() {
    let elsewhere = Server::start(|_, _| Reply::json("{}")).await;
    let to = format!("location: {}\r\n", elsewhere.url);
    let home = Server::start(move |_, path| match path {
        "/away" => Reply::new(302, &to, ""),
        "/broken" => Reply::new(401, "content-type: application/json\r\n", "{}"),
        _ => Reply::json("{}"),
    })
    .await;
    let credentials = Some(Credentials::new(&home.url, "me", "s3cret"));
    let client = client(Config { credentials, redirects: Redirects::SameOrigin, ..config() });
    client.get(&elsewhere.url).await.unwrap();
    client.get(&home.url).await.unwrap();
    let errors = [client.get(&home.at("away")).await, client.get(&home.at("broken")).await];
    // `me:s3cret` in base64.
    assert!(home.seen().iter().all(|seen| seen.head.contains("authorization: Basic bWU6czNjcmV0\r\n")));
    assert!(elsewhere.seen().iter().all(|seen| !seen.head.contains("authorization")));
    assert_eq!((home.seen().len(), elsewhere.seen().len()), (3, 1));
    for shown in [format!("{errors:?}"), format!("{client:?}")] {
        assert!(!shown.contains("s3cret") && !shown.contains("bWU6"), "{shown}");
    }
}

#[tokio::test]
async fn a_refreshed_cookie_is_sent_from_then_on() {
    let server = Server::start(|number, _| match number {
        0 => Reply::new(200, "set-cookie: me=fr3sh; path=/\r\nset-cookie: __cf_bm=x\r\n", "{}"),
        1 => Reply::new(404, "set-cookie: me=astray\r\n", "{}"),
        _ => Reply::new(200, "set-cookie: me=deleted; Max-Age=0\r\n", "{}"),
    })
    .await;
    let before = Cookie::new(&server.url, "me=s3cret; pp=1");
    let fresh = watch::Sender::new(before.clone());
    let kept = fresh.subscribe();
    let client = client(Config { cookie: Some(before), fresh_cookie: Some(fresh), ..config() });
    for number in 0..4 {
        assert_eq!(client.get(&server.url).await.is_ok(), number != 1);
    }
    let sent: Vec<bool> = server.seen().iter().map(|seen| seen.head.contains("me=fr3sh; pp=1\r\n")).collect();
    assert_eq!(sent, [false, true, true, true]);
    assert_eq!(kept.borrow().get("me"), Some("fr3sh"));
    let shown = format!("{client:?}");
    assert!(!shown.contains("fr3sh") && !shown.contains("s3cret"), "{shown}");
}

#[tokio::test]
async fn a_client_without_a_cookie_begins_no_session() {
    let server = Server::start(|_, _| Reply::new(200, "set-cookie: me=1\r\n", "{}")).await;
    let client = client(config());
    for _ in 0..2 {
        client.get(&server.url).await.unwrap();
    }
    assert!(server.seen().iter().all(|seen| !seen.head.contains("me=1")));
}

const FORM: [(&str, &str); 2] = [("name", "Grüße & mehr"), ("password", "s3cret=1")];

#[tokio::test]
async fn a_form_is_sent_and_its_answer_read_with_its_cookies() {
    let server = Server::start(|_, _| {
        let cookies = "set-cookie: me=s3cret; path=/\r\nset-cookie: pp=2\r\nset-cookie: old=; Max-Age=0\r\n";
        Reply::new(200, cookies, r#"{"success":true}"#)
    })
    .await;
    let before = Cookie::new(&server.url, "pp=1");
    let fresh = watch::Sender::new(before.clone());
    let kept = fresh.subscribe();
    let client = client(Config { cookie: Some(before), fresh_cookie: Some(fresh), ..config() });
    let posted = client.post_form(&server.at("login"), &FORM).await.unwrap();
    assert_eq!((posted.status, &posted.body[..]), (200, &br#"{"success":true}"#[..]));
    assert_eq!(posted.cookies, [("me", "s3cret"), ("pp", "2")].map(|(n, v)| (n.to_owned(), v.to_owned())));
    let shown = format!("{posted:?}");
    assert!(shown.contains("me") && !shown.contains("s3cret") && !shown.contains("success"), "{shown}");
    // What is held is refreshed, and what is new is the caller's.
    assert_eq!(kept.borrow().pairs(), "pp=2");

    let seen = &server.seen()[0];
    assert!(seen.head.starts_with("POST /login HTTP/1.1\r\n"), "{seen:?}");
    assert!(seen.head.contains("content-type: application/x-www-form-urlencoded\r\n"), "{seen:?}");
    assert!(seen.head.contains("cookie: pp=1\r\n"), "{seen:?}");
    assert_eq!(seen.body, "name=Gr%C3%BC%C3%9Fe+%26+mehr&password=s3cret%3D1");
}

/// Posts to a server that always answers the same. Nothing of it may be sent twice, or be shown.
async fn post(reply: Reply) -> Result<Posted, Error> {
    let server = Server::start(move |_, _| reply.clone()).await;
    let posted = client(config()).post_form(&server.url, &FORM).await;
    assert_eq!(server.seen().len(), 1);
    if let Err(error) = &posted {
        let shown = format!("{error:?} {error}");
        assert!(!shown.contains("s3cret") && !shown.contains("mehr"), "{shown}");
    }
    posted
}

#[tokio::test]
async fn a_form_that_is_turned_down_in_json_is_an_answer() {
    for status in [400, 401, 403] {
        let posted = post(Reply::new(status, "", r#"{"error":"invalidLogin"}"#)).await.unwrap();
        assert_eq!((posted.status, &posted.body[..]), (status, &br#"{"error":"invalidLogin"}"#[..]));
    }
}

#[tokio::test]
async fn a_form_is_sent_once_whatever_happens() {
    for (status, body) in [(400, "no"), (401, ""), (403, "no"), (404, "{}"), (500, "{}"), (302, "{}")] {
        let error = post(Reply::new(status, "location: /\r\n", body)).await.unwrap_err();
        assert!(matches!(error, Error::Status { status: found, .. } if found == status), "{error:?}");
    }
    for status in [429, 503] {
        let error = post(Reply::new(status, "retry-after: 1\r\n", "{}")).await.unwrap_err();
        assert!(matches!(error, Error::Refused { wait: Some(_), .. }), "{error:?}");
    }
    let error = post(Reply::html(403)).await.unwrap_err();
    assert!(matches!(error, Error::Blocked { status: 403, .. }), "{error:?}");
    let error = post(Reply::raw("")).await.unwrap_err();
    assert!(matches!(error, Error::Network { .. }), "{error:?}");
    let error = post(Reply::raw("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}")).await.unwrap_err();
    assert!(matches!(error, Error::Truncated { received: 2, .. }), "{error:?}");
    let error = client(config()).post_form(&Url::parse("ftp://host/a").unwrap(), &FORM).await.unwrap_err();
    assert!(matches!(error, Error::InvalidUrl { .. }), "{error:?}");
}

#[tokio::test]
async fn a_refused_form_stops_every_worker() {
    let server = Server::start(|number, _| match number {
        0 => Reply::new(429, "", "{}"),
        _ => Reply::json("{}"),
    })
    .await;
    let mut config = config();
    config.pause.first_delay = Duration::from_millis(100);
    config.pause.max_delay = Duration::from_millis(100);
    let client = client(config);
    client.post_form(&server.url, &FORM).await.unwrap_err();
    client.get(&server.url).await.unwrap();
    let seen = server.seen();
    assert!(seen[1].at >= seen[0].at + Duration::from_millis(100), "{seen:?}");
}
