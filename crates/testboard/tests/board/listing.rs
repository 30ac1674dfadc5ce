use reqwest::StatusCode;
use tagmill_model::{Flags, ItemId};
use tagmill_testboard::{Config, World, WorldConfig};

use crate::client::{api, builder, client, config, ids, json, start};

/// Every id of a world with one of these flags, newest first.
fn newest_first(world: &World, flags: Flags) -> Vec<i64> {
    world.ids().rev().filter(|id| flags.contains(world.flags(*id))).map(|id| id.0).collect()
}

#[tokio::test]
async fn older_walks_down_over_every_post() {
    let board = start(config(400));
    let mut found = Vec::new();
    let mut path = "items/get?flags=31".to_owned();
    loop {
        let (status, page) = json(&board, &path).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(page["atStart"], found.is_empty());
        found.extend(ids(&page));
        path = format!("items/get?flags=31&older={}", found.last().unwrap());
        if page["atEnd"] == true {
            break;
        }
        assert_eq!(ids(&page).len(), 120);
    }
    assert_eq!(found, newest_first(board.world(), Flags::EVERY_CLASS));
}

#[tokio::test]
async fn newer_walks_up_over_every_post() {
    let board = start(config(400));
    let mut found = Vec::new();
    loop {
        let (_, page) =
            json(&board, &format!("items/get?flags=31&newer={}", found.last().unwrap_or(&0))).await;
        assert_eq!(page["atEnd"], found.is_empty());
        found.extend(ids(&page));
        if page["atStart"] == true {
            break;
        }
    }
    found.reverse();
    assert_eq!(found, newest_first(board.world(), Flags::EVERY_CLASS));
}

#[tokio::test]
async fn cursors_are_exclusive() {
    let board = start(config(50));
    let all = newest_first(board.world(), Flags::EVERY_CLASS);
    let (_, page) = json(&board, &format!("items/get?flags=31&older={}", all[0])).await;
    assert_eq!(ids(&page), all[1..]);
    let (_, page) = json(&board, &format!("items/get?flags=31&older={}", all[0] + 1)).await;
    assert_eq!(ids(&page), all);
    let (_, page) = json(&board, &format!("items/get?flags=31&newer={}", all[1])).await;
    assert_eq!(ids(&page), all[..1]);
    let (_, page) = json(&board, &format!("items/get?flags=31&newer={}", all[0])).await;
    assert!(ids(&page).is_empty());
    assert_eq!((&page["atStart"], &page["atEnd"]), (&true.into(), &false.into()));
}

#[tokio::test]
async fn the_top_feed_goes_by_promotion() {
    let board = start(config(3_000));
    let mut positions = Vec::new();
    let mut found = Vec::new();
    let mut path = "items/get?flags=31&promoted=1".to_owned();
    loop {
        let (_, page) = json(&board, &path).await;
        positions
            .extend(page["items"].as_array().unwrap().iter().map(|item| item["promoted"].as_i64().unwrap()));
        found.extend(ids(&page));
        if page["atEnd"] == true {
            break;
        }
        path = format!("items/get?flags=31&promoted=1&older={}", positions.last().unwrap());
    }
    assert!(positions.is_sorted_by(|a, b| a > b));
    assert!(!found[1..].is_sorted_by(|a, b| a > b), "neighbours swap");
    assert!(positions[0] > 1_000_000_000, "one post is pinned");
    let world = board.world();
    let mut promoted: Vec<i64> =
        world.ids().filter(|id| world.listing(*id).unwrap().promoted > 0).map(|id| id.0).collect();
    found.sort_unstable();
    promoted.sort_unstable();
    assert_eq!(found, promoted);
}

#[tokio::test]
async fn flags_choose_classes() {
    let board = start(config(600));
    for mask in [1, 2, 9, 16, 30] {
        let (_, page) = json(&board, &format!("items/get?flags={mask}")).await;
        let expected = newest_first(board.world(), Flags::from_bits_retain(mask));
        assert_eq!(ids(&page), expected[..expected.len().min(120)]);
    }
}

#[tokio::test]
async fn masks_beyond_an_account_are_refused() {
    let board = start(Config { anonymous_flags: Flags::SFW, ..config(50) });
    for (mask, error) in [(3, "nsfwRequired"), (9, "nsfpRequired"), (16, "polRequired"), (31, "nsflRequired")]
    {
        let (status, body) = json(&board, &format!("items/get?flags={mask}")).await;
        assert_eq!((status, &body["error"]), (StatusCode::FORBIDDEN, &error.into()));
        assert_eq!(body["code"], 403);
    }
    assert_eq!(json(&board, "items/get").await.0, StatusCode::OK);
    let known = api(&board, "items/get?flags=31").header("cookie", "pp=1; me=%7B%22n%22%3A%22x%22%7D");
    assert_eq!(known.send().await.unwrap().status(), StatusCode::OK);

    let young = Config { account_flags: Flags::from_bits_retain(25), ..config(50) };
    let young = start(young);
    let response = api(&young, "items/get?flags=31").header("cookie", "me=x").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    assert_eq!(crate::client::body(response).await["error"], "verificationRequired");
}

#[tokio::test]
async fn nonsense_is_refused() {
    let board = start(config(50));
    for query in [
        "flags=32",
        "flags=0",
        "flags=-1",
        "flags=x",
        "older=a",
        "older=5&newer=3",
        "older=99999999999999999999",
    ] {
        let (status, body) = json(&board, &format!("items/get?{query}")).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{query}");
        assert!(body["error"].is_string());
    }
    for query in ["older=-9223372036854775808", "newer=9223372036854775807", "older=9223372036854775807"] {
        let (status, _) = json(&board, &format!("items/get?flags=31&{query}")).await;
        assert_eq!(status, StatusCode::OK, "{query}");
        let (status, _) = json(&board, &format!("items/get?flags=31&promoted=1&{query}")).await;
        assert_eq!(status, StatusCode::OK, "{query}");
    }
}

#[tokio::test]
async fn a_window_contains_its_post() {
    let board = start(config(500));
    let world = board.world();
    let all = newest_first(world, Flags::EVERY_CLASS);
    let (_, page) = json(&board, &format!("items/get?flags=31&id={}", all[250])).await;
    assert_eq!(ids(&page), all[190..310]);
    assert_eq!((&page["atStart"], &page["atEnd"]), (&false.into(), &false.into()));

    let gap = (1..).find(|id| !world.exists(ItemId(*id))).unwrap();
    let (status, page) = json(&board, &format!("items/get?flags=31&id={gap}")).await;
    assert_eq!((status, &page["error"]), (StatusCode::OK, &"notFound".into()));
    assert!(page["items"].is_null());

    let hidden = world.ids().find(|id| world.flags(*id) == Flags::NSFW).unwrap();
    let (_, page) = json(&board, &format!("items/get?flags=1&id={hidden}")).await;
    assert_eq!(page["error"], "nsfwRequired");
}

#[tokio::test]
async fn an_empty_board_has_empty_pages() {
    let board = start(config(0));
    let (status, page) = json(&board, "items/get?flags=31").await;
    assert_eq!(status, StatusCode::OK);
    assert!(ids(&page).is_empty());
    assert_eq!((&page["atStart"], &page["atEnd"]), (&true.into(), &true.into()));
}

/// However odd the shapes, every post is there once, and cursors by extremes find it.
#[tokio::test]
async fn odd_pages_hold_every_post() {
    let world = WorldConfig { odd_share: 1.0, ..config(300).world };
    let board = start(Config { world, ..config(300) });
    let mut found = Vec::new();
    let mut oldest = i64::MAX;
    loop {
        let (_, page) = json(&board, &format!("items/get?flags=31&older={oldest}")).await;
        let id = |item: &serde_json::Value| item["id"].as_i64().or_else(|| item["id"].as_str()?.parse().ok());
        let ids: Vec<i64> = page["items"].as_array().unwrap().iter().filter_map(id).collect();
        assert!(!ids.is_sorted_by(|a, b| a > b), "two neighbours are swapped");
        oldest = *ids.iter().min().unwrap();
        found.extend(ids);
        if page["atEnd"] == true {
            break;
        }
    }
    found.sort_unstable_by(|a, b| b.cmp(a));
    assert_eq!(found, newest_first(board.world(), Flags::EVERY_CLASS));
}

#[tokio::test]
async fn a_client_must_say_its_name() {
    let board = start(config(5));
    let nameless = builder().build().unwrap();
    let response = nameless.get(format!("{}/items/get", board.api_url())).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    assert!(response.text().await.unwrap().contains("cloudflare"));
    let lenient = start(Config { require_user_agent: false, ..config(5) });
    let response = nameless.get(format!("{}/items/get", lenient.api_url())).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_session_is_a_cookie() {
    let board = start(config(5));
    assert_eq!(json(&board, "user/loggedin").await.1["loggedIn"], false);
    let known = client().get(format!("{}/user/loggedin", board.api_url())).header("cookie", "me=x");
    assert_eq!(crate::client::body(known.send().await.unwrap()).await["loggedIn"], true);
}
