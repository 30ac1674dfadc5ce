//! What a run is told to fetch, and what it then asks for.

use std::collections::BTreeSet;
use std::time::Duration;

use tagmill_fetcher::{Config, Error, Stretch, plan};
use tagmill_model::{ItemId, Outcome};
use tagmill_testboard::{Board, Mishap, Post, Script, Target, When, WorldConfig};

use crate::common::*;

const EVERYTHING: i64 = 100 * 365 * 24 * 3600;

fn posts(board: &Board) -> Vec<Post> {
    board.world().ids().map(|id| board.world().item(id).unwrap()).collect()
}

fn ids_of(board: &Board, wanted: impl Fn(&Post) -> bool) -> BTreeSet<ItemId> {
    posts(board).into_iter().filter(wanted).map(|post| post.listing.id).collect()
}

/// Times are whole seconds: what was fetched in the one in which a refresh begins could belong to it.
async fn an_hour_later(place: &Place) {
    execute(place, &format!("UPDATE items SET updated_at = {}", now() - 3_600)).await;
}

async fn stored(place: &Place) -> BTreeSet<ItemId> {
    place.rows().await.into_keys().collect()
}

#[tokio::test]
async fn a_range_and_then_the_rest() {
    let board = start(open_board(hard_world(600)));
    let place = Place::new();
    let range = interval(200, 350);
    let ranged = Config { range: Some(range), ..place.config(&board) };
    fetch(ranged.clone()).await.unwrap();
    assert_eq!(stored(&place).await, ids_of(&board, |post| range.contains(post.listing.id)));
    assert_eq!(place.coverage().await, [range].into_iter().collect());
    // The range is complete, gaps and all.
    assert_eq!(fetch(ranged).await.unwrap().requests, 1);

    // Ranges above, below, across and beyond what is known.
    for range in [interval(500, 520), interval(90, 100), interval(340, 510), interval(5_000, 6_000)] {
        fetch(Config { range: Some(range), ..place.config(&board) }).await.unwrap();
    }
    let expected = [interval(90, 100), interval(200, 520)];
    assert_eq!(place.coverage().await, expected.into_iter().collect());
    place.fetch(&board).await.unwrap();
    assert_complete(&place.rows().await, board.world());
    assert_eq!(board.stats().info_requests, 600);
}

#[tokio::test]
async fn dates_are_found_with_a_few_pages() {
    let board = start(open_board(WorldConfig { odd_share: 0.0, ..hard_world(3_000) }));
    let (first, last) = (board.world().ids().next().unwrap(), board.world().newest().unwrap());
    let created = |id: ItemId| board.world().item(id).unwrap().listing.created;
    let (begin, end) = (created(first), created(last));
    for (since, until) in [
        (Some(begin + (end - begin) / 3), Some(begin + (end - begin) / 2)),
        (Some(end - 9_000), None),
        (None, Some(begin + 9_000)),
        (Some(begin - 5), Some(begin + 1)),
        (Some(end + 1), None),
        (None, Some(begin)),
        (Some(end), Some(end + 1)),
    ] {
        let place = Place::new();
        board.reset_stats();
        fetch(Config { since, until, listing_only: true, ..place.config(&board) }).await.unwrap();
        let is_meant = |post: &Post| {
            let created = post.listing.created;
            since.is_none_or(|since| created >= since) && until.is_none_or(|until| created < until)
        };
        assert_eq!(stored(&place).await, ids_of(&board, is_meant), "{since:?} {until:?}");
        let pages = stored(&place).await.len() as u64 / 120 + 30;
        assert!(board.stats().listing_requests < pages, "{}", board.stats().listing_requests);
    }
}

#[tokio::test]
async fn the_top_feed_alone() {
    let board = start(open_board(hard_world(3_000)));
    let place = Place::new();
    let top = Config { promoted: true, ..place.config(&board) };
    fetch(top.clone()).await.unwrap();
    let promoted = ids_of(&board, |post| post.listing.promoted > 0);
    assert!(promoted.len() > 120);
    assert_eq!(stored(&place).await, promoted);
    // It says nothing of the ids in between.
    assert!(place.coverage().await.is_empty());

    let report = fetch(top).await.unwrap();
    assert_eq!((report.saved, report.already_known), (0, promoted.len() as u64));
    place.fetch(&board).await.unwrap();
    assert_complete(&place.rows().await, board.world());
    assert_eq!(board.stats().repeated_info, 0);
}

#[tokio::test]
async fn what_a_search_finds() {
    let board = start(open_board(WorldConfig { odd_share: 0.0, ..hard_world(2_000) }));
    let place = Place::new();
    let search = |search: &str| Config { search: Some(search.to_owned()), ..place.config(&board) };
    let report = fetch(search("video -repost")).await.unwrap();
    let has = |post: &Post, word: &str| post.tags.iter().any(|tag| tag.text.trim().to_lowercase() == word);
    let hits = ids_of(&board, |post| has(post, "video") && !has(post, "repost"));
    assert!(hits.len() > 120, "{}", hits.len());
    assert_eq!((stored(&place).await, report.saved), (hits.clone(), hits.len() as u64));

    // Known hits are not asked for again; a range and a limit hold for hits too.
    board.reset_stats();
    fetch(search("video")).await.unwrap();
    assert_eq!(board.stats().repeated_info, 0);
    let elsewhere = Place::new();
    let range = interval(300, 900);
    let ranged = Config { range: Some(range), database: elsewhere.database(), ..search("video") };
    fetch(ranged).await.unwrap();
    let expected = ids_of(&board, |post| has(post, "video") && range.contains(post.listing.id));
    assert_eq!(stored(&elsewhere).await, expected);

    assert_eq!(fetch(search("nobody ever said this")).await.unwrap().listed, 0);
    let error = fetch(search("x")).await.unwrap_err();
    assert!(matches!(error, Error::BadSearch { .. }), "{error:?}");
}

#[tokio::test]
async fn the_listing_first_and_the_tags_later() {
    let board = start(open_board(hard_world(500)));
    let place = Place::new();
    let listing = Config { listing_only: true, ..place.config(&board) };
    let report = fetch(listing.clone()).await.unwrap();
    assert_eq!((report.saved, report.skipped, board.stats().info_requests), (0, 500, 0));
    let rows = place.rows().await;
    assert!(rows.len() == 500 && rows.values().all(|row| row.tags_data.is_none()));
    // The listing is complete: the next one asks for what is new, which is nothing.
    assert_eq!(fetch(listing).await.unwrap().requests, 1);

    // The tags take one request each, and no page but the first.
    board.reset_stats();
    let few = Config { limit: Some(30), ..place.config(&board) };
    assert_eq!(fetch(few).await.unwrap().saved, 30);
    let report = place.fetch(&board).await.unwrap();
    assert_eq!((report.outcome, report.saved), (Outcome::Completed, 470));
    assert_eq!((board.stats().listing_requests, board.stats().info_requests), (2, 500));
    assert_complete(&place.rows().await, board.world());
}

#[tokio::test]
async fn videos_that_waited_get_their_tags_later() {
    let board = start(open_board(WorldConfig { video_share: 0.4, ..hard_world(200) }));
    let place = Place::new();
    fetch(Config { images_only: true, ..place.config(&board) }).await.unwrap();
    let pictures = board.stats().info_requests;
    place.fetch(&board).await.unwrap();
    assert_eq!((board.stats().info_requests, board.stats().repeated_info), (200, 0));
    assert!(pictures < 160);
    assert_complete(&place.rows().await, board.world());
}

/// The tags of items that were young when they were fetched have grown since.
#[tokio::test]
async fn young_items_are_asked_for_again() {
    let place = Place::new();
    let board = start(open_board(hard_world(400)));
    place.fetch(&board).await.unwrap();
    let before = place.rows().await;
    // On the board, uploads lie in 2024: what is older than the youngest item is not asked for again.
    an_hour_later(&place).await;
    let median = &before[before.keys().nth(200).unwrap()];
    let age = Duration::from_secs((now() - 3_600 - median.created).unsigned_abs());
    let refresh = Config { refresh: Some(age), ..place.config(&board) };

    let planned = plan(refresh.clone()).await.unwrap();
    board.reset_stats();
    let report = fetch(refresh.clone()).await.unwrap();
    let asked = board.stats().info_requests;
    assert!((195..=200).contains(&asked), "{asked}");
    assert_eq!((report.saved, planned.refresh), (asked, asked));
    assert!(board.stats().listing_requests < 8, "{}", board.stats().listing_requests);
    assert_eq!(place.rows().await, before);

    // It is at its end, so that another one begins anew.
    an_hour_later(&place).await;
    board.reset_stats();
    fetch(refresh).await.unwrap();
    assert!(board.stats().info_requests.abs_diff(asked) < 4, "{}", board.stats().info_requests);
}

/// What an interrupted refresh has done is not done again.
#[tokio::test]
async fn a_refresh_goes_on_where_it_stood() {
    let board = start(open_board(hard_world(300)));
    let place = Place::new();
    place.fetch(&board).await.unwrap();
    let everything = Duration::from_secs(EVERYTHING.unsigned_abs());
    let refresh = |limit| Config { refresh: Some(everything), limit, ..place.config(&board) };
    an_hour_later(&place).await;
    board.reset_stats();
    for _ in 0..2 {
        assert_eq!(fetch(refresh(Some(100))).await.unwrap().saved, 100);
    }
    assert_eq!(fetch(refresh(None)).await.unwrap().saved, 100);
    assert_eq!((board.stats().info_requests, board.stats().repeated_info), (300, 0));
    assert_eq!(place.rows().await.len(), 300);
}

#[tokio::test]
async fn an_item_that_cannot_be_refreshed_stays_as_it_is() {
    let world = || open_board(hard_world(100));
    let place = Place::new();
    let board = start(world());
    place.fetch(&board).await.unwrap();
    let before = place.rows().await;
    let broken = *before.keys().nth(50).unwrap();
    let script = Script::new().on(Target::Info(broken), When::Always, Mishap::ServerError);
    let board = start(tagmill_testboard::Config { script, ..world() });
    an_hour_later(&place).await;
    let everything = Some(Duration::from_secs(EVERYTHING.unsigned_abs()));
    let report = fetch(Config { refresh: everything, ..place.config(&board) }).await.unwrap();
    assert_eq!((report.saved, report.failed), (99, 1));
    assert_eq!(place.rows().await, before);
    assert!(place.reader().await.failures(interval(1, i64::MAX)).await.unwrap().is_empty());
}

#[tokio::test]
async fn only_what_failed() {
    let world = || open_board(hard_world(300));
    let place = Place::new();
    let broken = start(world()).world().ids().nth(140).unwrap();
    let script = Script::new().on(Target::Info(broken), When::Always, Mishap::ServerError);
    let board = start(tagmill_testboard::Config { script, ..world() });
    fetch(Config { limit: Some(200), ..place.config(&board) }).await.unwrap();

    let board = start(world());
    let retry = Config { retry_failed: true, ..place.config(&board) };
    assert_eq!(plan(retry.clone()).await.unwrap().without_tags, 1);
    assert_eq!(fetch(retry.clone()).await.unwrap().saved, 1);
    assert_eq!(asked_infos(&board, 0), [broken]);
    assert_eq!(fetch(retry).await.unwrap().requests, 1);
    place.fetch(&board).await.unwrap();
    assert_complete(&place.rows().await, board.world());
}

#[tokio::test]
async fn a_plan_tells_what_a_run_does() {
    let board = start(open_board(hard_world(1_000)));
    let place = Place::new();
    let newest = board.world().newest().unwrap();

    // Nothing is known, and nothing is made.
    let fresh = plan(place.config(&board)).await.unwrap();
    assert!(!place.database().exists());
    assert_eq!(
        (fresh.newest, fresh.new, fresh.holes),
        (Some(newest), Stretch::default(), Stretch::default())
    );
    assert_eq!((fresh.backfill.intervals, fresh.backfill.ids), (1, newest.0.unsigned_abs()));
    assert!((800..1_250).contains(&fresh.items()), "{fresh}");

    for range in [interval(300, 400), interval(600, 700)] {
        fetch(Config { range: Some(range), ..place.config(&board) }).await.unwrap();
    }
    let listing = Config { listing_only: true, range: Some(interval(150, 200)), ..place.config(&board) };
    fetch(listing).await.unwrap();
    let between = plan(place.config(&board)).await.unwrap();
    assert_eq!((between.new.ids, between.backfill.ids), ((newest.0 - 700).unsigned_abs(), 149));
    assert_eq!((between.holes.intervals, between.holes.ids), (2, 99 + 199));
    assert_eq!(
        between.without_tags,
        ids_of(&board, |post| (150..=200).contains(&post.listing.id.0)).len() as u64
    );
    assert!(between.without_tags > 20);
    let said = between.to_string();
    for part in ["new ", "holes ", " in 2 pieces", "without tags ", "requests, as fast as the board answers"]
    {
        assert!(said.contains(part), "{said}");
    }

    board.reset_stats();
    place.fetch(&board).await.unwrap();
    let asked = board.stats().requests;
    assert!(asked.abs_diff(between.requests) < asked / 3, "{asked} of {}", between.requests);
    let complete = plan(place.config(&board)).await.unwrap();
    assert!(complete.is_empty() && complete.to_string().ends_with("nothing is missing"), "{complete}");
}

/// As the original leaves it: rows, no intervals.
#[tokio::test]
async fn a_database_of_the_original_is_continued() {
    let board = start(open_board(hard_world(700)));
    let place = Place::new();
    fetch(Config { range: Some(interval(100, 500)), ..place.config(&board) }).await.unwrap();
    // Two items were lost on the way, as happened there; so was the newest.
    let lost: Vec<ItemId> = stored(&place).await.into_iter().skip(20).step_by(50).take(2).collect();
    execute(&place, "DELETE FROM scanned; DROP TABLE scanned; DROP TABLE failures; DROP TABLE state").await;
    execute(&place, "DROP INDEX items_without_tags; PRAGMA user_version = 0").await;
    execute(&place, &format!("DELETE FROM items WHERE id IN ({}, {})", lost[0], lost[1])).await;
    let known = stored(&place).await;

    let planned = plan(place.config(&board)).await.unwrap();
    assert!(planned.new.ids > 200 && planned.backfill.ids > 90, "{planned}");
    let from = board.requests().len();
    place.fetch(&board).await.unwrap();
    assert!(asked_infos(&board, from).iter().all(|id| !known.contains(id)));
    assert_complete(&place.rows().await, board.world());
    assert_eq!(place.fetch(&board).await.unwrap().requests, 1);
}

#[tokio::test]
async fn what_does_not_go_together() {
    let board = start(open_board(hard_world(10)));
    let place = Place::new();
    let good = place.config(&board);
    let day = Some(Duration::from_secs(86_400));
    let bad = [
        Config { range: Some(interval(5, 4)), ..good.clone() },
        Config { since: Some(9), until: Some(9), ..good.clone() },
        Config { search: Some("  ".to_owned()), ..good.clone() },
        Config { listing_only: true, refresh: day, ..good.clone() },
        Config { listing_only: true, retry_failed: true, ..good.clone() },
        Config { promoted: true, refresh: day, ..good.clone() },
        Config { search: Some("video".to_owned()), retry_failed: true, ..good.clone() },
    ];
    for config in bad {
        let error = fetch(config).await.unwrap_err();
        assert!(matches!(error, Error::InvalidConfig { .. }), "{error:?}");
    }
    assert_eq!(board.stats().requests, 0);
    assert!(!place.database().exists());
}
