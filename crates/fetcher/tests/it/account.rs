//! What a run may see, with an account and without one, and how a session begins and ends.

use std::collections::BTreeSet;

use tagmill_fetcher::api::ApiError;
use tagmill_fetcher::api::pr0gramm::LoginError;
use tagmill_fetcher::{Config, Error, Pr0gramm, plan};
use tagmill_http::{Cookie, Url};
use tagmill_model::Flags;
use tagmill_testboard::{Account, Board, Endpoint, Mishap, Script, Sessions, Target, When};
use tokio::sync::watch;

use crate::common::*;

const PASSWORD: &str = "pa55&wo=rd ü";

/// What an account of unknown age may see.
const UNVERIFIED: Flags = Flags::from_bits_retain(25);

/// A board as the public one is: SFW for everybody, more for accounts.
fn gated(items: u64) -> tagmill_testboard::Config {
    let account =
        |name: &str| Account { name: name.to_owned(), password: PASSWORD.to_owned(), ..Account::default() };
    tagmill_testboard::Config {
        anonymous_flags: Flags::SFW,
        accounts: vec![
            account("young"),
            Account { verified: true, ..account("old") },
            Account { banned: true, ..account("gone") },
        ],
        sessions: Sessions::LoggedIn,
        ..open_board(hard_world(items))
    }
}

/// A client of the API at `url`.
fn client(url: &str, http: tagmill_http::Config) -> Pr0gramm {
    Pr0gramm::new(tagmill_http::Client::new(http).unwrap(), &Url::parse(url).unwrap()).unwrap()
}

fn stranger(board: &Board) -> Pr0gramm {
    client(&board.api_url(), tagmill_http::Config::default())
}

/// Logs in with the captcha's right answer.
async fn log_in(board: &Board, name: &str, password: &str) -> Result<Cookie, LoginError> {
    let client = stranger(board);
    let captcha = client.captcha().await.unwrap();
    let answer = board.captcha_answer(&captcha.token).unwrap();
    client.log_in(name, password, &captcha.token, &answer).await
}

/// All that the account may see, whatever that is.
fn with_cookie(place: &Place, board: &Board, cookie: &Cookie) -> Config {
    let mut config = Config { flags: None, ..place.config(board) };
    config.http.cookie = Some(cookie.clone());
    config
}

fn any_cookie(board: &Board) -> Cookie {
    Cookie::new(&Url::parse(&board.api_url()).unwrap(), "me=s3cret")
}

/// The masks of all requests for pages, in their order, each once in a row.
fn masks(board: &Board) -> Vec<u32> {
    let mask = |request: &String| {
        let (_, query) = request.split_once("items/get?flags=")?;
        query.split('&').next()?.parse().ok()
    };
    let mut masks: Vec<u32> = board.requests().iter().filter_map(mask).collect();
    masks.dedup();
    masks
}

/// The database has the board's items of these classes and no others, all with their tags.
async fn assert_has(place: &Place, board: &Board, classes: Flags) {
    let world = board.world();
    let rows = place.rows().await;
    let visible: BTreeSet<_> = world.ids().filter(|id| classes.contains(world.flags(*id))).collect();
    assert!(visible.len() > 20 && visible == rows.keys().copied().collect(), "{classes}");
    assert!(rows.values().all(|row| row.tags_data.is_some()));
    let found = rows.values().fold(Flags::empty(), |all, row| all | row.flags);
    assert_eq!(found, classes);
}

#[tokio::test]
async fn without_an_account_only_sfw_is_asked_for() {
    let board = start(gated(300));
    let place = Place::new();
    fetch(Config { flags: None, ..place.config(&board) }).await.unwrap();
    assert_has(&place, &board, Flags::SFW).await;
    let stats = board.stats();
    assert_eq!((masks(&board), stats.login_requests, stats.with_session), (vec![1], 0, 0));
    assert!(!stats.statuses.contains_key(&403), "{stats:?}");
}

#[tokio::test]
async fn an_account_sees_all_that_it_may() {
    for (name, classes, expected) in
        [("old", Flags::EVERY_CLASS, vec![31]), ("young", UNVERIFIED, vec![31, 25])]
    {
        let board = start(gated(300));
        let place = Place::new();
        let cookie = log_in(&board, name, PASSWORD).await.unwrap();
        fetch(with_cookie(&place, &board, &cookie)).await.unwrap();
        // Politics is among what every account may see.
        assert!(classes.contains(Flags::POL));
        assert_has(&place, &board, classes).await;
        assert_eq!(masks(&board), expected);
        let stats = board.stats();
        assert_eq!(stats.login_requests, 1);
        assert_eq!(stats.statuses.get(&403).copied().unwrap_or(0), expected.len() as u64 - 1);
        // All but the captcha and the login were asked with the session.
        assert_eq!(stats.with_session, stats.requests - 2);
        assert_eq!(place.reader().await.coverage(classes).await.unwrap().len(), 1);
    }
}

/// The board says what may be seen, whatever is known of its accounts.
#[tokio::test]
async fn an_account_that_may_see_little() {
    let board =
        start(tagmill_testboard::Config { sessions: Sessions::Any, account_flags: Flags::SFW, ..gated(300) });
    let place = Place::new();
    fetch(with_cookie(&place, &board, &any_cookie(&board))).await.unwrap();
    assert_has(&place, &board, Flags::SFW).await;
    assert_eq!((masks(&board), board.stats().statuses[&403]), (vec![31, 25, 1], 2));

    // Where not even SFW is allowed, that is the end.
    let board =
        start(tagmill_testboard::Config { sessions: Sessions::Any, account_flags: Flags::POL, ..gated(300) });
    let place = Place::new();
    let error = fetch(with_cookie(&place, &board, &any_cookie(&board))).await.unwrap_err();
    assert!(matches!(error, Error::FlagsNotAllowed { flags: Flags::SFW, .. }), "{error:?}");
    assert_eq!(board.stats().listing_requests, 3);
}

/// What was asked for in so many words is neither made less nor asked for again.
#[tokio::test]
async fn a_mask_that_was_asked_for_is_not_made_less() {
    let board = start(gated(300));
    let cookie = log_in(&board, "young", PASSWORD).await.unwrap();
    let place = Place::new();
    let wanted = Flags::SFW | Flags::NSFW;
    let config = Config { flags: Some(wanted), ..with_cookie(&place, &board, &cookie) };
    for error in [fetch(config.clone()).await.unwrap_err(), plan(config).await.unwrap_err()] {
        assert!(matches!(error, Error::FlagsNotAllowed { flags, .. } if flags == wanted), "{error:?}");
        assert!(chain(&error).contains("`verificationRequired`"), "{}", chain(&error));
    }
    assert_eq!((masks(&board), board.stats().listing_requests), (vec![3], 2));

    // Nor is it made more.
    let config = Config { flags: Some(Flags::POL), ..with_cookie(&place, &board, &cookie) };
    fetch(config).await.unwrap();
    let rows = place.rows().await;
    assert!(!rows.is_empty() && rows.values().all(|row| row.flags == Flags::POL));
}

#[tokio::test]
async fn a_dead_session_is_told_before_anything_is_listed() {
    let place = Place::new();
    let none = start(tagmill_testboard::Config { sessions: Sessions::None, ..gated(300) });
    // A session of another board, or of this one before it was set up anew.
    let other = start(gated(300));
    let script = Script::new().on(Target::Endpoint(Endpoint::LoggedIn), When::Always, Mishap::NotLoggedIn);
    let refusing = start(tagmill_testboard::Config { script, ..gated(300) });
    for (board, says_why) in [(none, false), (other, false), (refusing, true)] {
        let config = with_cookie(&place, &board, &any_cookie(&board));
        let explicit = Config { flags: Some(Flags::SFW), ..config.clone() };
        for config in [config, explicit] {
            for error in [fetch(config.clone()).await.unwrap_err(), plan(config).await.unwrap_err()] {
                assert!(matches!(&error, Error::NotLoggedIn { source } if source.is_some() == says_why));
            }
        }
        assert_eq!((board.stats().requests, board.stats().login_requests), (4, 4));
    }
    assert!(place.rows().await.is_empty());
}

/// Neither does it matter that the board has no such endpoint, nor what an item's image is called.
#[tokio::test]
async fn a_board_without_accounts_takes_no_notice_of_a_cookie() {
    let script = Script::new().on(Target::Endpoint(Endpoint::LoggedIn), When::Always, Mishap::NotFound);
    let board = start(tagmill_testboard::Config { sessions: Sessions::Any, script, ..gated(300) });
    let place = Place::new();
    fetch(with_cookie(&place, &board, &any_cookie(&board))).await.unwrap();
    assert_has(&place, &board, Flags::EVERY_CLASS).await;
}

#[tokio::test]
async fn the_cookie_goes_to_its_own_board_alone() {
    let home = start(gated(150));
    let cookie = log_in(&home, "old", PASSWORD).await.unwrap();
    let elsewhere = start(tagmill_testboard::Config { sessions: Sessions::Any, ..gated(150) });
    let place = Place::new();
    // There it is as if there were none.
    let error = fetch(with_cookie(&place, &elsewhere, &cookie)).await.unwrap_err();
    assert!(matches!(error, Error::NotLoggedIn { source: None }), "{error:?}");
    let stats = elsewhere.stats();
    assert_eq!((stats.requests, stats.with_session, stats.media_cookies), (1, 0, 0));

    fetch(with_cookie(&place, &home, &cookie)).await.unwrap();
    let stats = home.stats();
    assert_eq!(stats.with_session, stats.requests - 2);
    assert_eq!((stats.media_requests, stats.head_requests, stats.media_cookies), (0, 0, 0));
}

#[tokio::test]
async fn a_refreshed_cookie_is_told_and_is_good() {
    let board = start(tagmill_testboard::Config { refresh_cookie: Some(40), ..gated(300) });
    let before = log_in(&board, "old", PASSWORD).await.unwrap();
    let fresh = watch::Sender::new(before.clone());
    let told = fresh.subscribe();
    let place = Place::new();
    let mut config = with_cookie(&place, &board, &before);
    config.http.fresh_cookie = Some(fresh);
    fetch(config).await.unwrap();
    let after = told.borrow().clone();
    assert_ne!(after.get("me"), before.get("me"));
    assert_eq!(after.get("pp"), before.get("pp"));
    assert!(before.get("pp").is_some());

    // It is the same session, of the same account.
    let elsewhere = Place::new();
    fetch(with_cookie(&elsewhere, &board, &after)).await.unwrap();
    assert_eq!(elsewhere.rows().await, place.rows().await);
}

#[tokio::test]
async fn logging_in() {
    let board = start(gated(50));
    let cookie = log_in(&board, "old", PASSWORD).await.unwrap();
    assert!(cookie.get("me").is_some_and(|me| !me.is_empty()) && cookie.get("pp").is_some());
    assert!(!stranger(&board).is_logged_in().await.unwrap());
    let http = tagmill_http::Config { cookie: Some(cookie), ..tagmill_http::Config::default() };
    assert!(client(&board.api_url(), http).is_logged_in().await.unwrap());

    let wrong = log_in(&board, "old", "pa55").await.unwrap_err();
    assert!(matches!(wrong, LoginError::WrongPassword), "{wrong:?}");
    let nobody = log_in(&board, "nobody", PASSWORD).await.unwrap_err();
    assert!(matches!(nobody, LoginError::WrongPassword), "{nobody:?}");
    let banned = log_in(&board, "gone", PASSWORD).await.unwrap_err();
    assert!(matches!(banned, LoginError::Banned { till: None, .. }), "{banned:?}");
    assert_eq!(banned.to_string(), "the account is banned for ever: Regel #99");
    assert_eq!(board.stats().login_attempts, 4);
}

#[tokio::test]
async fn a_captcha_is_good_for_one_answer() {
    let board = start(gated(50));
    let client = stranger(&board);
    let captcha = client.captcha().await.unwrap();
    assert!(captcha.picture.starts_with(b"\x89PNG\r\n\x1a\n"));
    let answer = board.captcha_answer(&captcha.token).unwrap();
    let wrong = client.log_in("old", PASSWORD, &captcha.token, "?????").await.unwrap_err();
    assert!(matches!(wrong, LoginError::WrongCaptcha), "{wrong:?}");
    // It is spent now, so that the right answer comes too late.
    let spent = client.log_in("old", PASSWORD, &captcha.token, &answer).await.unwrap_err();
    assert!(matches!(spent, LoginError::WrongCaptcha), "{spent:?}");

    let another = client.captcha().await.unwrap();
    let answer = board.captcha_answer(&another.token).unwrap();
    client.log_in("old", PASSWORD, &another.token, &answer.to_uppercase()).await.unwrap();
    let spent = client.log_in("old", PASSWORD, &another.token, &answer).await.unwrap_err();
    assert!(matches!(spent, LoginError::WrongCaptcha), "{spent:?}");
}

/// A form goes out once, as it may have done its work although no answer came.
#[tokio::test]
async fn a_login_that_goes_wrong_on_the_way_is_not_sent_again() {
    for mishap in [
        Mishap::ServerError,
        Mishap::Cut,
        Mishap::ShortBody,
        Mishap::Html,
        Mishap::Blocked,
        Mishap::TooManyRequests { retry_after: Some(1) },
        Mishap::Unavailable { retry_after: None },
    ] {
        let script = Script::new().on(Target::Endpoint(Endpoint::Login), When::Always, mishap);
        let board = start(tagmill_testboard::Config { script, ..gated(50) });
        let error = log_in(&board, "old", PASSWORD).await.unwrap_err();
        assert!(matches!(error, LoginError::Request(ApiError::Request(_))), "{error:?}");
        assert_eq!(board.stats().login_attempts, 1, "{mishap:?}");
        assert_no_secret(&error);
    }
}

#[track_caller]
fn assert_no_secret(error: &(impl std::error::Error + 'static)) {
    assert_hides(&format!("{error:?}\n{error:#?}\n{}", chain(error)));
}

#[track_caller]
fn assert_hides(text: &str) {
    for secret in ["s3cret", "pa55", "wo%3Drd", "wo=rd"] {
        assert!(!text.contains(secret), "{secret} is in {text}");
    }
}

#[tokio::test]
async fn nobody_is_shown_a_password_or_a_cookie() {
    let board = start(gated(150));
    let place = Place::new();
    let api_url = Url::parse(&board.api_url()).unwrap();
    let (fresh, _kept) = watch::channel(any_cookie(&board));
    let mut config = with_cookie(&place, &board, &any_cookie(&board));
    config.http.fresh_cookie = Some(fresh);
    assert_hides(&format!("{config:?}\n{config:#?}"));
    // A URL that someone pasted with all that was in it.
    let mut pasted = config.clone();
    pasted.api_url.set_password(Some("pa55")).unwrap();
    pasted.api_url.set_query(Some("me=s3cret"));
    for config in [config.clone(), pasted] {
        assert_no_secret(&fetch(config.clone()).await.unwrap_err());
        assert_no_secret(&plan(config).await.unwrap_err());
    }
    config.http.cookie = Some(Cookie::new(&api_url, "me=s3cret\n"));
    assert_no_secret(&fetch(config.clone()).await.unwrap_err());

    for (name, password) in [("old", "pa55"), ("gone", PASSWORD)] {
        assert_no_secret(&log_in(&board, name, password).await.unwrap_err());
    }
    let cookie = log_in(&board, "old", PASSWORD).await.unwrap();
    let me = cookie.get("me").unwrap().to_owned();
    let session = with_cookie(&place, &board, &cookie);
    assert!(!format!("{session:?} {cookie:?}").contains(&me));
    let report = fetch(session.clone()).await.unwrap();
    assert!(!format!("{report:?} {report}").contains(&me));
    drop(board);
    let error = fetch(session).await.unwrap_err();
    assert!(!format!("{error:?} {}", chain(&error)).contains(&me), "{error:?}");
    let client = client(api_url.as_str(), tagmill_http::Config::default());
    let error = client.log_in("old", PASSWORD, "t", "a").await.unwrap_err();
    assert!(matches!(error, LoginError::Request(ApiError::Request(_))), "{error:?}");
    assert_no_secret(&error);
}
