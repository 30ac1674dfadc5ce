//! Cookies and forms: what is sent to whom, and what nobody may see.

use tagmill_http::{Config, Cookie, Error, Redirects};

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
async fn a_refreshed_cookie_is_sent_from_then_on() {
    let server = Server::start(|number, _| match number {
        0 => Reply::new(200, "set-cookie: me=fr3sh; path=/\r\nset-cookie: __cf_bm=x\r\n", "{}"),
        1 => Reply::new(404, "set-cookie: me=astray\r\n", "{}"),
        _ => Reply::new(200, "set-cookie: me=deleted; Max-Age=0\r\n", "{}"),
    })
    .await;
    let before = Cookie::new(&server.url, "me=s3cret; pp=1");
    let client = client(Config { cookie: Some(before.clone()), ..config() });
    assert_eq!(client.cookie(), Some(before));
    for number in 0..4 {
        assert_eq!(client.get(&server.url).await.is_ok(), number != 1);
    }
    let sent: Vec<bool> = server.seen().iter().map(|seen| seen.head.contains("me=fr3sh; pp=1\r\n")).collect();
    assert_eq!(sent, [false, true, true, true]);
    assert_eq!(client.cookie().unwrap().get("me"), Some("fr3sh"));
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
    assert_eq!(client.cookie(), None);
    assert!(server.seen().iter().all(|seen| !seen.head.contains("me=1")));
}
