use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::Value;
use tagmill_model::Flags;
use tagmill_testboard::{Account, Board, Config, Sessions};

use crate::client::{api, body, client, config, json, media, picture, start};

/// One account of each sort, and nothing but SFW for others.
fn gated(sessions: Sessions) -> Config {
    let account =
        |name: &str| Account { name: name.to_owned(), password: "a&b=c ü".to_owned(), ..Account::default() };
    let accounts = vec![
        account("jung"),
        Account { verified: true, ..account("Käpt'n Alt") },
        Account { banned: true, ..account("weg") },
    ];
    Config { accounts, sessions, anonymous_flags: Flags::SFW, ..config(50) }
}

/// Asks for a captcha and returns its token and what is in it.
async fn solved(board: &Board) -> (String, String) {
    let (status, captcha) = json(board, "user/captcha").await;
    assert_eq!(status, StatusCode::OK);
    let token = captcha["token"].as_str().unwrap().to_owned();
    let answer = board.captcha_answer(&token).unwrap();
    (token, answer)
}

async fn log_in(board: &Board, name: &str, password: &str, (token, captcha): &(String, String)) -> Response {
    let mut form = reqwest::Url::parse("form:?").unwrap();
    form.query_pairs_mut().extend_pairs([
        ("name", name),
        ("password", password),
        ("token", token),
        ("captcha", captcha),
    ]);
    client()
        .post(format!("{}/user/login", board.api_url()))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form.query().unwrap().to_owned())
        .send()
        .await
        .unwrap()
}

/// Logs in with the right password and captcha and returns the `Cookie` header to send.
async fn session(board: &Board, name: &str) -> String {
    let response = log_in(board, name, "a&b=c ü", &solved(board).await).await;
    assert_eq!(response.status(), StatusCode::OK);
    cookies(&response).join("; ")
}

/// The cookies that an answer sets, without their attributes.
fn cookies(response: &Response) -> Vec<String> {
    let set = response.headers().get_all("set-cookie").iter();
    set.map(|cookie| cookie.to_str().unwrap().split(';').next().unwrap().to_owned()).collect()
}

fn with(board: &Board, cookie: &str, path: &str) -> RequestBuilder {
    api(board, path).header("cookie", cookie)
}

/// What is in the `me` cookie of a `Cookie` header.
fn me(cookie: &str) -> String {
    let value = cookie.split("; ").find_map(|cookie| cookie.strip_prefix("me=")).unwrap();
    let pairs = format!("form:?me={value}").parse::<reqwest::Url>().unwrap();
    pairs.query_pairs().next().unwrap().1.into_owned()
}

#[tokio::test]
async fn a_captcha_is_a_picture() {
    let board = start(gated(Sessions::LoggedIn));
    let (_, captcha) = json(&board, "user/captcha?bust=0.5").await;
    let token = captcha["token"].as_str().unwrap();
    assert!(token.len() == 32 && token.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let picture = captcha["captcha"].as_str().unwrap().strip_prefix("data:image/png;base64,").unwrap();
    let picture = image::load_from_memory(&STANDARD.decode(picture).unwrap()).unwrap();
    assert_eq!((picture.width(), picture.height()), (180, 70));
    assert_eq!(board.captcha_answer(token).unwrap().len(), 5);
    assert_ne!(json(&board, "user/captcha").await.1["token"], token);
    assert_eq!(board.stats().captcha_requests, 2);
}

#[tokio::test]
async fn a_login_hands_out_a_session() {
    let board = start(gated(Sessions::LoggedIn));
    let response = log_in(&board, "Käpt'n Alt", "a&b=c ü", &solved(&board).await).await;
    assert_eq!(response.status(), StatusCode::OK);
    let set: Vec<&str> =
        response.headers().get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap()).collect();
    assert!(set[0].starts_with("me=%7B%22n%22%3A%22") && set[1].starts_with("pp="), "{set:?}");
    assert!(set.iter().all(|cookie| cookie.ends_with("; Max-Age=315360000; path=/")), "{set:?}");
    let cookie = cookies(&response).join("; ");
    let reply = body(response).await;
    assert_eq!((&reply["success"], &reply["ban"]), (&true.into(), &Value::Null));

    let text = me(&cookie);
    assert_eq!(text.matches("\"a\":").count(), 2, "{text}");
    let me: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&me["n"], &me["verified"], &me["paid"]), (&"Käpt'n Alt".into(), &true.into(), &true.into()));
    assert_eq!(me["id"].as_str().unwrap().len(), 32);
    assert!(me["pp"].is_i64());

    let reply = body(with(&board, &cookie, "user/loggedin").send().await.unwrap()).await;
    assert_eq!(reply["loggedIn"], true);
    assert_eq!(board.stats().login_attempts, 1);
}

#[tokio::test]
async fn what_a_login_can_go_wrong_with() {
    let board = start(gated(Sessions::LoggedIn));
    let check = async |name: &str, password: &str, captcha: &(String, String), error: &str| {
        let response = log_in(&board, name, password, captcha).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        assert!(cookies(&response).is_empty());
        let reply = body(response).await;
        let expected = (&false.into(), &error.into(), &400.into());
        assert_eq!((&reply["success"], &reply["error"], &reply["code"]), expected);
    };
    check("jung", "wrong", &solved(&board).await, "invalidLogin").await;
    check("nobody", "a&b=c ü", &solved(&board).await, "invalidLogin").await;
    let (token, answer) = solved(&board).await;
    check("jung", "a&b=c ü", &(token.clone(), "?????".to_owned()), "invalidCaptcha").await;
    check("jung", "a&b=c ü", &(token.clone(), answer), "invalidCaptcha").await;
    assert_eq!(board.captcha_answer(&token), None);
    check("", "", &(String::new(), String::new()), "invalidCaptcha").await;

    let response = log_in(&board, "weg", "a&b=c ü", &solved(&board).await).await;
    assert!(cookies(&response).is_empty());
    let reply = body(response).await;
    assert_eq!((&reply["success"], &reply["ban"]["banned"]), (&false.into(), &true.into()));
    assert!(reply["ban"]["till"].is_null() && reply["ban"]["reason"].is_string());

    let (status, _) = json(&board, "user/login").await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn a_session_opens_what_its_account_may_see() {
    let board = start(gated(Sessions::LoggedIn));
    let (young, old) = (session(&board, "jung").await, session(&board, "Käpt'n Alt").await);
    let ask = async |cookie: &str, flags: u32| {
        let response = with(&board, cookie, &format!("items/get?flags={flags}")).send().await.unwrap();
        (response.status().as_u16(), body(response).await["error"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(ask(&young, 25).await.0, 200);
    assert_eq!(ask(&young, 31).await, (403, "verificationRequired".to_owned()));
    assert_eq!(ask(&old, 31).await.0, 200);
    assert_eq!(ask("me=%7B%22n%22%3A%22jung%22%7D", 25).await, (403, "nsfpRequired".to_owned()));
}

/// A dead session is no session: nothing but the answer of `user/loggedin` tells.
#[tokio::test]
async fn a_dead_session_is_anonymous() {
    let board = start(gated(Sessions::None));
    let cookie = session(&board, "Käpt'n Alt").await;
    let reply = body(with(&board, &cookie, "user/loggedin").send().await.unwrap()).await;
    assert_eq!(reply["loggedIn"], false);
    let response = with(&board, &cookie, "items/get?flags=31").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    let newest = board.world().newest().unwrap();
    for path in ["items/get?flags=1", &format!("items/info?itemId={newest}")] {
        assert_eq!(with(&board, &cookie, path).send().await.unwrap().status(), StatusCode::OK);
    }
}

#[tokio::test]
async fn every_so_many_answers_refresh_the_cookie() {
    for sessions in [Sessions::Any, Sessions::LoggedIn] {
        let board = start(Config { refresh_cookie: Some(3), ..gated(sessions) });
        let cookie = session(&board, "Käpt'n Alt").await;
        let mut fresh = Vec::new();
        for _ in 0..6 {
            let response = with(&board, &cookie, "user/loggedin").send().await.unwrap();
            fresh.push(cookies(&response).pop());
        }
        assert_eq!(
            fresh.iter().map(Option::is_some).collect::<Vec<_>>(),
            [false, false, true, false, false, true]
        );
        let fresh: Vec<String> = fresh.into_iter().flatten().collect();
        assert!(fresh[0] != fresh[1] && !cookie.contains(&fresh[0]));
        for cookie_now in [&cookie, &fresh[0], &fresh[1]] {
            let [old, new] = [&cookie, cookie_now].map(|it| serde_json::from_str::<Value>(&me(it)).unwrap());
            assert_eq!((&old["n"], &old["id"]), (&new["n"], &new["id"]));
            let response = with(&board, cookie_now, "items/get?flags=31").send().await.unwrap();
            assert_eq!(response.status(), StatusCode::OK);
        }
    }
}

/// Where any cookie is a session, its name is kept.
#[tokio::test]
async fn any_cookie_can_be_refreshed() {
    let board = start(Config { refresh_cookie: Some(1), ..config(5) });
    for cookie in ["me=x", "me=%7B%22n%22%3A%22x%22%7D"] {
        let response = with(&board, cookie, "user/loggedin").send().await.unwrap();
        let fresh: Value = serde_json::from_str(&me(&cookies(&response)[0])).unwrap();
        assert_eq!(fresh["n"], "x");
    }
    let anonymous = api(&board, "user/loggedin").send().await.unwrap();
    assert!(cookies(&anonymous).is_empty());
}

#[tokio::test]
async fn cookies_are_counted() {
    let board = start(config(50));
    with(&board, "pp=1; me=x", "user/loggedin").send().await.unwrap();
    with(&board, "pp=1", "user/loggedin").send().await.unwrap();
    let stats = board.stats();
    assert_eq!((stats.with_session, stats.media_cookies), (1, 0));
    let path = picture(&board);
    media(&board, &path).send().await.unwrap();
    media(&board, &path).header("cookie", "pp=1").send().await.unwrap();
    media(&board, &path).header("cookie", "me=x").send().await.unwrap();
    let stats = board.stats();
    assert_eq!((stats.with_session, stats.media_cookies), (2, 2));
}
