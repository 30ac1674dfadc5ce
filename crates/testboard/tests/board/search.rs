use reqwest::StatusCode;
use tagmill_model::{Flags, ItemId};
use tagmill_testboard::{Board, Config, Listing, World, WorldConfig};

use crate::client::{config, ids, json, start};

fn has(world: &World, id: &ItemId, word: &str) -> bool {
    world.item(*id).unwrap().tags.iter().any(|tag| tag.text.trim().to_lowercase() == word)
}

/// Every id whose listing is wanted, newest first, and the first page of them as a search gives it.
async fn check(board: &Board, search: &str, wanted: impl Fn(&Listing) -> bool) {
    let mut url = reqwest::Url::parse("path:items/get").unwrap();
    url.query_pairs_mut().append_pair("flags", "31").append_pair("tags", search);
    let (status, page) = json(board, &format!("items/get?{}", url.query().unwrap())).await;
    assert_eq!(status, StatusCode::OK);
    let world = board.world();
    let posts = world.ids().rev().filter_map(|id| world.listing(id));
    let expected: Vec<i64> = posts.filter(wanted).map(|post| post.id.0).take(120).collect();
    assert!(!expected.is_empty(), "{search}");
    assert_eq!(ids(&page), expected, "{search}");
}

#[tokio::test]
async fn words_are_searched() {
    let board = start(config(400));
    let world = board.world();
    let (_, page) = json(&board, "items/get?flags=31&tags=cat").await;
    let cats: Vec<i64> = world.ids().rev().filter(|id| has(world, id, "cat")).map(|id| id.0).collect();
    assert_eq!(ids(&page), cats);
    let (_, page) = json(&board, "items/get?flags=31&tags=%21%20-%22video%22&older=60").await;
    let stills: Vec<i64> =
        world.ids().rev().filter(|id| id.0 < 60 && !has(world, id, "video")).map(|id| id.0).collect();
    assert_eq!(ids(&page), stills);
    let (_, page) = json(&board, "items/get?flags=31&tags=nowhere").await;
    assert_eq!(page["error"], "nothingFound");
}

#[tokio::test]
async fn posts_are_sifted_by_more_than_tags() {
    let board = start(config(1_500));
    check(&board, "!s:100", |post| post.up - post.down >= 100).await;
    check(&board, "! -s:0", |post| post.up < post.down).await;
    let user = board.world().listing(board.world().newest().unwrap()).unwrap().user;
    check(&board, &format!("! u:{user}"), |post| post.user == user).await;
    check(&board, &format!("! -u:{}", user.to_uppercase()), |post| post.user != user).await;
    check(&board, "! f:nsfl", |post| post.flags.contains(Flags::NSFL)).await;
    check(&board, "! -f:sfw -f:pol", |post| !post.flags.intersects(Flags::SFW | Flags::POL)).await;
    check(&board, "! f:sound", |post| post.audio).await;
    check(&board, "! f:repost -f:top", |post| post.repost && post.promoted == 0).await;
    let world = board.world();
    check(&board, "! f:top & -\"video\"", |post| post.promoted > 0 && !has(world, &post.id, "video")).await;
}

#[tokio::test]
async fn posts_are_sifted_by_their_month() {
    // Two posts a day from the first of January 2024, so that the search limit of a page is passed by far.
    let world = WorldConfig { seconds_between: 43_200, items: 30_000, ..config(0).world };
    let board = start(Config { world, ..config(0) });
    let (january, february, year) = (1_704_067_200, 1_706_745_600, 366 * 86_400);
    check(&board, "! d:2024:01", |post| (january..february).contains(&post.created)).await;
    check(&board, "! d:2024 -d:2024:01", |post| (february..january + year).contains(&post.created)).await;
    check(&board, "! -d:2024", |post| post.created >= january + year).await;

    let (_, page) = json(&board, "items/get?flags=31&tags=d:2024:01").await;
    assert_eq!((&page["atStart"], &page["atEnd"]), (&true.into(), &true.into()));
    let (_, page) = json(&board, "items/get?flags=31&tags=d:2024&newer=0").await;
    let (first, last) = (ids(&page)[0], *ids(&page).last().unwrap());
    assert_eq!((first, &page["atStart"], &page["atEnd"]), (1, &false.into(), &true.into()));
    let (_, page) = json(&board, &format!("items/get?flags=31&tags=d:2024&newer={last}")).await;
    assert!(ids(&page)[0] > last);
    let (_, page) = json(&board, "items/get?flags=31&tags=d:2023").await;
    assert_eq!(page["error"], "nothingFound");
}

#[tokio::test]
async fn the_top_feed_is_searched() {
    let board = start(config(3_000));
    let world = board.world();
    let (_, page) = json(&board, "items/get?flags=31&promoted=1&tags=cat").await;
    let mut cats: Vec<(i64, i64)> = world
        .ids()
        .filter(|id| has(world, id, "cat"))
        .filter_map(|id| Some((world.listing(id)?.promoted, id.0)))
        .filter(|(promoted, _)| *promoted > 0)
        .collect();
    cats.sort_unstable_by(|a, b| b.cmp(a));
    assert_eq!(ids(&page), cats.iter().map(|(_, id)| *id).collect::<Vec<_>>());
    let middle = cats[cats.len() / 2].0;
    let (_, page) = json(&board, &format!("items/get?flags=31&promoted=1&tags=cat&older={middle}")).await;
    assert_eq!(ids(&page), cats.iter().filter(|cat| cat.0 < middle).map(|(_, id)| *id).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_word_of_one_character_is_too_short() {
    let board = start(config(50));
    let (status, page) = json(&board, "items/get?flags=31&tags=cat+x").await;
    assert_eq!((status, &page["error"]), (StatusCode::OK, &"tooShort".into()));
    assert!(page["items"].is_null());
}
