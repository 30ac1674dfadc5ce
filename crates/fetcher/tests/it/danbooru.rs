//! A board of the second kind behind the same walk: nothing lost, nothing asked twice.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use tagmill_fetcher::api::danbooru;
use tagmill_fetcher::{Config, Error, plan, run};
use tagmill_http::{Cookie, Credentials, Url};
use tagmill_model::{Flags, ItemId, Outcome};
use tagmill_store::Intervals;
use tagmill_testboard::{Account, Board, BooruPost, Endpoint, Mishap, Mishaps, Script, Target, When, World};
use tokio_util::sync::CancellationToken;

use crate::common::*;

const CLASSES: Flags = Flags::SFW.union(Flags::NSFW);

fn config(place: &Place, board: &Board) -> Config {
    Config {
        board: &danbooru::KIND,
        api_url: Url::parse(&board.danbooru_url()).unwrap(),
        flags: None,
        own_domains: Vec::new(),
        ..place.config(board)
    }
}

/// The rows are the world's posts that fit: all of them, as they are.
#[track_caller]
fn assert_posts(rows: &BTreeMap<ItemId, Stored>, world: &World, fits: impl Fn(&BooruPost) -> bool) {
    let posts: Vec<BooruPost> = world.ids().map(|id| world.booru_post(id).unwrap()).filter(fits).collect();
    let ids: Vec<ItemId> = posts.iter().map(|post| post.id).collect();
    assert_eq!(rows.keys().copied().collect::<Vec<_>>(), ids);
    for post in &posts {
        assert_is_post(&rows[&post.id], post);
    }
}

#[track_caller]
fn assert_is_post(row: &Stored, post: &BooruPost) {
    let id = post.id;
    assert_eq!(row.image, post.image(), "{id}");
    assert_eq!((row.up, row.down, row.created), (post.up, post.down, post.created), "{id}");
    assert_eq!((row.width, row.height), (post.width.into(), post.height.into()), "{id}");
    assert_eq!((&row.source, &row.user_name), (&post.source, &post.uploader_id.to_string()), "{id}");
    let class = match post.rating {
        Some('g' | 's') => Flags::SFW,
        Some(_) => Flags::NSFW,
        None => Flags::empty(),
    };
    assert_eq!(row.flags, class, "{id}");
    assert_eq!(serde_json::from_str::<Value>(&row.item_data).unwrap()["id"], id.0);
    let tags: Vec<Value> = serde_json::from_str(row.tags_data.as_ref().unwrap()).unwrap();
    let mut tags: Vec<(&str, Option<&str>)> =
        tags.iter().map(|tag| (tag["tag"].as_str().unwrap(), tag["category"].as_str())).collect();
    let mut expected: Vec<(&str, Option<&str>)> =
        post.tags.iter().map(|(tag, category)| (tag.as_str(), *category)).collect();
    tags.sort_unstable();
    expected.sort_unstable();
    assert_eq!(tags, expected, "{id}");
}

async fn coverage(place: &Place) -> Intervals {
    place.reader().await.coverage(CLASSES).await.unwrap()
}

/// The positions below which pages were asked for, in the requests from the `from`-th on.
fn asked_below(board: &Board, from: usize) -> Vec<ItemId> {
    let position = |request: &String| {
        let (_, rest) = request.split_once("page=b")?;
        rest.split('&').next().unwrap().parse().ok().map(ItemId)
    };
    board.requests()[from..].iter().filter_map(position).collect()
}

#[tokio::test]
async fn every_post_arrives_as_it_is_with_no_request_of_its_own() {
    let board = start(open_board(hard_world(900)));
    let place = Place::new();
    let report = fetch(config(&place, &board)).await.unwrap();

    let rows = place.rows().await;
    assert_posts(&rows, board.world(), |_| true);
    let hidden = rows.values().filter(|row| row.image.is_empty()).count() as u64;
    assert!(hidden > 5 && rows.values().all(|row| row.tags_data.is_some()));
    assert_eq!((report.saved, report.skipped, report.failed, report.malformed), (900, 0, 0, 0));
    assert_eq!(report.without_medium, hidden);
    // Five pages, some a little short, and the one behind the last post where there is an id left for it.
    let stats = board.stats();
    assert_eq!((stats.info_requests, stats.requests), (0, report.requests));
    assert!((5..=7).contains(&report.requests), "{report:?}");
    let newest = board.world().newest().unwrap();
    assert_eq!(coverage(&place).await, [interval(1, newest.0)].into_iter().collect());

    board.reset_stats();
    let again = fetch(config(&place, &board)).await.unwrap();
    assert_eq!((again.saved, again.commits, again.requests, board.stats().requests), (0, 0, 1, 1));
    assert_eq!(place.rows().await, rows);
}

#[tokio::test]
async fn small_boards_lose_nothing() {
    for items in [0, 1, 199, 200, 201, 401] {
        let board = start(open_board(hard_world(items)));
        let place = Place::new();
        let report = fetch(config(&place, &board)).await.unwrap();
        assert_eq!(report.saved, items);
        assert_posts(&place.rows().await, board.world(), |_| true);
    }
}

#[tokio::test]
async fn new_posts_come_on_top() {
    let place = Place::new();
    let board = start(open_board(hard_world(300)));
    fetch(config(&place, &board)).await.unwrap();
    let board = start(open_board(hard_world(1000)));
    let report = fetch(config(&place, &board)).await.unwrap();
    assert_eq!((report.saved, report.already_known), (700, 0));
    assert!(asked_below(&board, 0).is_empty(), "{:?}", board.requests());
    assert_posts(&place.rows().await, board.world(), |_| true);
    let newest = board.world().newest().unwrap();
    assert_eq!(coverage(&place).await, [interval(1, newest.0)].into_iter().collect());
}

/// Where a run may be disturbed: at once, within a page, at its end, in the middle, near the end.
const POINTS: [u64; 8] = [1, 49, 50, 199, 200, 333, 600, 899];

#[tokio::test]
async fn stopped_anywhere_then_resumed_is_straight_through() {
    let board = start(open_board(hard_world(900)));
    let undisturbed = Place::new();
    fetch(config(&undisturbed, &board)).await.unwrap();
    for (point, is_killed) in POINTS.into_iter().flat_map(|point| [(point, false), (point, true)]) {
        let place = Place::new();
        let watch = CancelAt::new(point);
        if is_killed {
            let unheard = CancellationToken::new();
            let run = run(config(&place, &board), &watch, &unheard);
            assert!(watch.cancel.run_until_cancelled(run).await.is_none_or(|report| report.is_ok()));
        } else {
            let report = run(config(&place, &board), &watch, &watch.cancel).await.unwrap();
            assert!(report.saved >= point, "{report:?}");
        }
        let kept = committed(&place).await;
        let scanned = match kept.is_empty() {
            true => Intervals::new(),
            false => coverage(&place).await,
        };

        let from = board.requests().len();
        let report = fetch(config(&place, &board)).await.unwrap();
        assert_eq!((report.outcome, report.saved), (Outcome::Completed, 900 - kept.len() as u64));
        // No page begins within what is complete.
        let known = |below: &ItemId| scanned.contains(ItemId(below.0 - 1));
        assert!(!asked_below(&board, from).iter().any(known), "{scanned:?} {:?}", asked_below(&board, from));
        assert_eq!(place.rows().await, undisturbed.rows().await);
        assert_eq!(coverage(&place).await, coverage(&undisturbed).await);
    }
}

#[tokio::test]
async fn a_limit_stops_and_the_next_run_goes_on() {
    let board = start(open_board(hard_world(500)));
    let place = Place::new();
    for done in [150, 300, 450, 500] {
        let report = fetch(Config { limit: Some(150), ..config(&place, &board) }).await.unwrap();
        assert_eq!(report.outcome, Outcome::Completed);
        assert_eq!(place.rows().await.len(), done);
    }
    assert_posts(&place.rows().await, board.world(), |_| true);
}

#[tokio::test]
async fn mishaps_are_survived() {
    let mishaps = Mishaps {
        server_error: 0.15,
        cut: 0.1,
        short_body: 0.1,
        html: 0.05,
        blocked: 0.05,
        too_many_requests_silent: 0.05,
        ..Mishaps::default()
    };
    let board = start(tagmill_testboard::Config { mishaps, ..open_board(hard_world(4000)) });
    let place = Place::new();
    let mut config = config(&place, &board);
    config.http.retry.max_tries = 30;
    config.http.pause.max_blocks = 30;
    let report = fetch(config).await.unwrap();
    assert_eq!((report.saved, report.failed), (4000, 0));
    assert_posts(&place.rows().await, board.world(), |_| true);
    assert!(board.stats().mishaps.len() >= 4, "{:?}", board.stats().mishaps);
}

#[tokio::test]
async fn a_challenge_for_browsers_ends_the_run_after_a_few_tries() {
    let script = Script::new().on(Target::Endpoint(Endpoint::Posts), When::After(2), Mishap::Html);
    let board = start(tagmill_testboard::Config { script, ..open_board(hard_world(900)) });
    let place = Place::new();
    let error = fetch(config(&place, &board)).await.unwrap_err();
    let text = chain(&error);
    assert!(
        text.starts_with("the board does not give its items: gave up after 3 tries: a firewall"),
        "{text}"
    );
    // What came before is kept, and nothing is taken for the end.
    let kept = committed(&place).await;
    assert!((350..=400).contains(&kept.len()), "{}", kept.len());
    let board = start(open_board(hard_world(900)));
    fetch(config(&place, &board)).await.unwrap();
    assert_posts(&place.rows().await, board.world(), |_| true);
}

#[tokio::test]
async fn classes_are_ratings() {
    let board = start(open_board(hard_world(700)));
    let place = Place::new();
    let is_safe = |post: &BooruPost| matches!(post.rating, Some('g' | 's'));
    fetch(Config { flags: Some(Flags::SFW), ..config(&place, &board) }).await.unwrap();
    assert_posts(&place.rows().await, board.world(), is_safe);
    assert!(board.requests().iter().all(|request| request.contains("rating%3Ag%2Cs")));

    let report = fetch(Config { flags: Some(Flags::EVERY_CLASS), ..config(&place, &board) }).await.unwrap();
    assert_eq!(report.saved + report.already_known, 700);
    assert_posts(&place.rows().await, board.world(), |_| true);
    let newest = board.world().newest().unwrap();
    assert_eq!(coverage(&place).await, [interval(1, newest.0)].into_iter().collect());
}

#[tokio::test]
async fn a_search_is_the_boards_own() {
    let board = start(open_board(hard_world(900)));
    let place = Place::new();
    let search = |search: &str| Config { search: Some(search.to_owned()), ..config(&place, &board) };
    let report = fetch(search("landscape -cloud")).await.unwrap();
    assert!((100..700).contains(&report.saved), "{report:?}");
    let has = |post: &BooruPost, wanted: &str| post.tags.iter().any(|(tag, _)| tag == wanted);
    assert_posts(&place.rows().await, board.world(), |post| has(post, "landscape") && !has(post, "cloud"));
    assert!(coverage(&place).await.is_empty());

    board.reset_stats();
    let error = fetch(search("circle square star")).await.unwrap_err();
    assert!(matches!(error, Error::BadSearch { .. }), "{error:?}");
    let text = chain(&error);
    assert!(
        text.starts_with("the board cannot search for `circle square star`: `http://127.0.0.1:"),
        "{text}"
    );
    let said = "answered `PostQuery::TagLimitError` (You cannot search for more than 2 tags at a time.)";
    assert!(text.ends_with(said), "{text}");
    assert_eq!(board.stats().requests, 1);
}

#[tokio::test]
async fn dates_are_found_by_a_few_pages() {
    let board = start(open_board(hard_world(2000)));
    let place = Place::new();
    let world = board.world();
    let middle = world.booru_post(world.ids().nth(1200).unwrap()).unwrap().created;
    let since = Config { since: Some(middle), ..config(&place, &board) };
    let report = fetch(since).await.unwrap();
    assert_posts(&place.rows().await, world, |post| post.created >= middle);
    assert!(report.requests < 8 && board.stats().requests < 25, "{}", board.stats().requests);
}

#[tokio::test]
async fn what_was_young_comes_again_by_its_listing() {
    let world = hard_world(500).ending_at(now() - 60);
    let board = start(open_board(world));
    let place = Place::new();
    fetch(config(&place, &board)).await.unwrap();
    let rows = place.rows().await;
    execute(&place, "UPDATE items SET tags_data = '[]', updated_at = updated_at - 5").await;

    // The five hundred are two minutes apart, so that an hour has some thirty of them.
    let refresh = Config { refresh: Some(Duration::from_secs(3600)), ..config(&place, &board) };
    let report = fetch(refresh).await.unwrap();
    assert!((20..=35).contains(&report.saved), "{report:?}");
    assert_eq!(board.stats().info_requests, 0);
    let after = place.rows().await;
    let fresh = after.iter().filter(|(id, row)| rows[id] == **row).count() as u64;
    assert_eq!(fresh, report.saved);
}

/// As no run of ours leaves it: a row whose tags are missing is still completed.
#[tokio::test]
async fn a_post_without_tags_is_asked_for_by_itself() {
    let board = start(open_board(hard_world(300)));
    let place = Place::new();
    fetch(config(&place, &board)).await.unwrap();
    let rows = place.rows().await;
    execute(&place, "UPDATE items SET tags_data = NULL WHERE id % 50 = 7").await;
    let missing = rows.keys().filter(|id| id.0 % 50 == 7).count() as u64;

    let planned = plan(config(&place, &board)).await.unwrap();
    assert_eq!((planned.without_tags, planned.requests), (missing, missing));
    let report = fetch(config(&place, &board)).await.unwrap();
    assert_eq!((report.saved, report.requests), (missing, missing + 1));
    assert_eq!(board.stats().info_requests, missing);
    assert_eq!(place.rows().await, rows);
}

#[tokio::test]
async fn a_plan_counts_pages_alone() {
    let board = start(open_board(hard_world(1000)));
    let place = Place::new();
    let planned = plan(config(&place, &board)).await.unwrap();
    assert_eq!((planned.classes, planned.newest), (CLASSES, board.world().newest()));
    assert!((4..9).contains(&planned.requests), "{planned:?}");
}

#[tokio::test]
async fn accounts_have_a_key_that_nobody_sees() {
    let account = Account { name: "me".to_owned(), password: "s3cret".to_owned(), ..Account::default() };
    let board = start(tagmill_testboard::Config { accounts: vec![account], ..open_board(hard_world(250)) });
    let place = Place::new();
    let with_key = |key: &str| {
        let mut config = config(&place, &board);
        config.http.credentials = Some(Credentials::new(&config.api_url, "me", key));
        config
    };
    let error = fetch(with_key("wr0ng")).await.unwrap_err();
    assert!(matches!(error, Error::KeyRefused { .. }), "{error:?}");
    assert_eq!(board.stats().requests, 1);
    let said = "the board does not take this account's name and key, or wants them: `http://127.0.0.1:";
    let text = format!("{} {error:?}", chain(&error));
    assert!(text.starts_with(said) && !text.contains("wr0ng"), "{text}");

    fetch(with_key("s3cret")).await.unwrap();
    assert_posts(&place.rows().await, board.world(), |_| true);
    let shown = format!("{:?} {:?}", board.requests(), with_key("s3cret"));
    assert!(!shown.contains("s3cret") && !shown.contains("login"), "{shown}");
}

/// Found out before anything is asked, and before there is a database.
#[tokio::test]
async fn what_such_boards_cannot_do_is_refused() {
    let board = start(open_board(hard_world(10)));
    let place = Place::new();
    let good = || config(&place, &board);
    let search = |search: &str| Config { search: Some(search.to_owned()), ..good() };
    let mut with_cookie = good();
    with_cookie.http.cookie = Some(Cookie::new(&with_cookie.api_url, "me=1"));
    let mut key_for_the_other_kind = place.config(&board);
    let url = key_for_the_other_kind.api_url.clone();
    key_for_the_other_kind.http.credentials = Some(Credentials::new(&url, "me", "1"));
    for (config, expected) in [
        (Config { promoted: true, ..good() }, "promoted"),
        (Config { comments: true, ..good() }, "comments"),
        (Config { images_only: true, ..good() }, "images_only"),
        (Config { listing_only: true, ..good() }, "listing_only"),
        (search("cat order:score"), "search"),
        (Config { flags: Some(Flags::SFW | Flags::POL), ..good() }, "flags"),
        (with_cookie, "http.cookie"),
        (key_for_the_other_kind, "http.credentials"),
    ] {
        let error = fetch(config).await.unwrap_err();
        assert!(matches!(error, Error::InvalidConfig { field, .. } if field == expected), "{error:?}");
    }
    assert_eq!(board.stats().requests, 0);
    assert!(!place.database().exists());
}

#[tokio::test]
async fn a_database_takes_items_of_one_kind() {
    let board = start(open_board(hard_world(60)));
    let place = Place::new();
    place.fetch(&board).await.unwrap();
    let rows = place.rows().await;
    board.reset_stats();
    let other = |error: &Error| matches!(error, Error::Store(tagmill_store::Error::OtherOrigin { .. }));
    let error = fetch(config(&place, &board)).await.unwrap_err();
    assert!(other(&error), "{error:?}");
    let error = plan(config(&place, &board)).await.unwrap_err();
    assert!(other(&error), "{error:?}");
    assert_eq!(board.stats().requests, 0);
    assert_eq!(place.rows().await, rows);
}

#[test]
fn the_public_board_is_asked_politely() {
    let public = Config::of(&danbooru::KIND, danbooru::KIND.public_api.parse().unwrap(), "items.db");
    let http = public.http;
    assert!(http.rate.unwrap().per_second <= 1.0 && http.pause.first_delay >= Duration::from_secs(60));
    assert_eq!((http.max_in_flight, http.user_agent.starts_with("tagmill/")), (1, true));
    let own = Config::of(&danbooru::KIND, "http://127.0.0.1:3000".parse().unwrap(), "items.db");
    assert!(own.http.rate.is_none());
}
