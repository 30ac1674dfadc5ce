//! The board as one of Danbooru's kind.

use reqwest::StatusCode;
use serde_json::Value;
use tagmill_testboard::{Account, Board, Config, Mishap, World};

use crate::client::{always, body, client, config, media, start};

async fn ask(board: &Board, path: &str) -> (StatusCode, Value) {
    let response = client().get(format!("{}/{path}", board.danbooru_url())).send().await.unwrap();
    (response.status(), body(response).await)
}

async fn page(board: &Board, query: &str) -> Vec<Value> {
    let (status, page) = ask(board, &format!("posts.json?{query}")).await;
    assert_eq!(status, StatusCode::OK, "{page}");
    page.as_array().unwrap().clone()
}

fn ids(page: &[Value]) -> Vec<i64> {
    page.iter().map(|post| post["id"].as_i64().unwrap()).collect()
}

fn newest_first(world: &World, fits: impl Fn(&tagmill_testboard::BooruPost) -> bool) -> Vec<i64> {
    let posts = world.ids().rev().map(|id| world.booru_post(id).unwrap());
    posts.filter(|post| fits(post)).map(|post| post.id.0).collect()
}

#[tokio::test]
async fn cursors_walk_over_every_post_both_ways() {
    let board = start(config(900));
    let all = newest_first(board.world(), |_| true);
    let (mut down, mut short) = (Vec::new(), 0);
    loop {
        let cursor = down.last().map_or(String::new(), |last| format!("&page=b{last}"));
        let found = ids(&page(&board, &format!("limit=200&tags=status:any{cursor}")).await);
        assert!(found.is_sorted_by(|a, b| a > b) && found.len() <= 200);
        short += u64::from(found.len() < 200);
        if found.is_empty() {
            break;
        }
        down.extend(found);
    }
    assert_eq!(down, all);
    // More than the last two: some are short though there is more.
    assert!(short > 2, "{short}");

    let mut up: Vec<i64> = Vec::new();
    loop {
        let cursor = up.last().unwrap_or(&0);
        let mut found = ids(&page(&board, &format!("limit=200&tags=status:any&page=a{cursor}")).await);
        // The nearest ones, and yet the newest first.
        assert!(found.is_sorted_by(|a, b| a > b));
        if found.is_empty() {
            break;
        }
        found.reverse();
        up.extend(found);
    }
    up.reverse();
    assert_eq!(up, all);
}

#[tokio::test]
async fn searches_ask_for_states_ratings_and_tags() {
    let board = start(config(300));
    let world = board.world();
    let found = async |tags: &str| ids(&page(&board, &format!("limit=200&tags={tags}")).await);
    let first = |mut ids: Vec<i64>, count: usize| {
        ids.truncate(count);
        ids
    };
    let usual = found("").await;
    assert_eq!(usual, first(newest_first(world, |post| !post.is_deleted), usual.len()));
    let safe = found("status:any+rating:g,s").await;
    assert_eq!(safe, first(newest_first(world, |post| matches!(post.rating, Some('g' | 's'))), safe.len()));
    let has = |post: &tagmill_testboard::BooruPost, wanted| post.tags.iter().any(|(tag, _)| tag == wanted);
    let places = found("landscape+-cloud+status:any").await;
    assert!((20..200).contains(&places.len()), "{}", places.len());
    assert_eq!(places, newest_first(world, |post| has(post, "landscape") && !has(post, "cloud")));
    assert_eq!(page(&board, "").await.len(), 20);
    assert_eq!(page(&board, "limit=7&page=2").await.len(), 7);
}

#[tokio::test]
async fn what_it_does_not_know_is_refused() {
    let board = start(config(20));
    for (query, status, error) in [
        ("tags=a+b+-c", 422, "PostQuery::TagLimitError"),
        ("page=1001", 410, "PaginationExtension::PaginationError"),
        ("tags=order:score", 422, "ActionController::UnpermittedParameters"),
        ("flags=1", 422, "ActionController::UnpermittedParameters"),
        ("page=c7", 422, "ActionController::UnpermittedParameters"),
        ("limit=many", 422, "ActionController::UnpermittedParameters"),
        ("only=id,name", 422, "ActionController::UnpermittedParameters"),
    ] {
        let (found, answer) = ask(&board, &format!("posts.json?{query}")).await;
        assert_eq!((found.as_u16(), &answer["success"]), (status, &false.into()), "{query}");
        assert_eq!(answer["error"], error, "{query}");
    }
    let (status, answer) = ask(&board, "posts/999999.json").await;
    assert_eq!((status, &answer["error"]), (StatusCode::NOT_FOUND, &"ActiveRecord::RecordNotFound".into()));
}

#[tokio::test]
async fn a_post_has_the_members_that_were_asked_for_and_its_files() {
    let board = start(config(200));
    let world = board.world();
    let visible = world.ids().find(|id| world.booru_post(*id).unwrap().is_visible).unwrap();
    let hidden = world.ids().find(|id| !world.booru_post(*id).unwrap().is_visible).unwrap();
    let (_, post) = ask(&board, &format!("posts/{visible}.json")).await;
    assert_eq!(post["id"], visible.0);
    let variant = &post["media_asset"]["variants"][1];
    assert_eq!(variant["type"], "720x720");
    for url in [&variant["url"], &post["file_url"], &post["preview_file_url"]] {
        let file = client().get(url.as_str().unwrap()).send().await.unwrap();
        assert_eq!(file.status(), StatusCode::OK, "{url}");
        assert!(!file.bytes().await.unwrap().is_empty());
    }
    let (_, post) = ask(&board, &format!("posts/{hidden}.json?only=id,md5,file_url,tag_string")).await;
    assert_eq!(post.as_object().unwrap().keys().collect::<Vec<_>>(), ["id", "tag_string"]);
    let path = world.booru_post(visible).unwrap().image();
    assert_eq!(media(&board, &path).send().await.unwrap().headers()["content-type"], "image/webp");
    assert_eq!((board.stats().listing_requests, board.stats().info_requests), (0, 2));
}

#[tokio::test]
async fn a_key_is_right_or_wrong() {
    let account = Account { name: "me".to_owned(), password: "key".to_owned(), ..Account::default() };
    let board = start(Config { accounts: vec![account], ..config(20) });
    for (name, key, expected) in [("me", "key", 200), ("me", "no", 401), ("you", "key", 401)] {
        let request = client().get(format!("{}/posts.json", board.danbooru_url()));
        let response = request.basic_auth(name, Some(key)).send().await.unwrap();
        assert_eq!(response.status().as_u16(), expected, "{name} {key}");
    }
    let (status, answer) = ask(&always(Mishap::NotLoggedIn), "posts.json").await;
    let error = "SessionLoader::AuthenticationFailure";
    assert_eq!((status, &answer["error"]), (StatusCode::UNAUTHORIZED, &error.into()));
}
