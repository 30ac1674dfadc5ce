use reqwest::StatusCode;
use tagmill_model::ItemId;

use crate::client::{config, json, start};

#[tokio::test]
async fn info_tells_what_the_world_knows() {
    let board = start(config(40));
    let world = board.world();
    for id in world.ids() {
        let (status, info) = json(&board, &format!("items/info?itemId={id}")).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(info["cache"], format!("item:{id}"));
        let post = world.item(id).unwrap();
        let tags: Vec<(i64, f64, &str)> = info["tags"]
            .as_array()
            .unwrap()
            .iter()
            .map(|tag| {
                (
                    tag["id"].as_i64().unwrap(),
                    tag["confidence"].as_f64().unwrap(),
                    tag["tag"].as_str().unwrap(),
                )
            })
            .collect();
        let expected: Vec<(i64, f64, &str)> =
            post.tags.iter().map(|tag| (tag.id, tag.confidence, tag.text.as_str())).collect();
        assert_eq!(tags, expected);
        let comments: Vec<&str> = info["comments"]
            .as_array()
            .unwrap()
            .iter()
            .map(|comment| comment["content"].as_str().unwrap())
            .collect();
        assert!(comments.iter().eq(post.comments.iter().map(|comment| &comment.content)));
    }
}

#[tokio::test]
async fn gaps_and_nonsense_have_no_info() {
    let board = start(config(40));
    let gap = (1..).find(|id| !board.world().exists(ItemId(*id))).unwrap();
    let gap = gap.to_string();
    for id in [gap.as_str(), "0", "-5", "-9223372036854775808", "9223372036854775807"] {
        let (status, body) = json(&board, &format!("items/info?itemId={id}")).await;
        assert_eq!((status, &body["error"]), (StatusCode::NOT_FOUND, &"notFound".into()), "{id}");
    }
    for query in ["", "?itemId=", "?itemId=x", "?id=5"] {
        let (status, _) = json(&board, &format!("items/info{query}")).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{query}");
    }
    let (status, body) = json(&board, "no/such/endpoint").await;
    assert_eq!((status, &body["code"]), (StatusCode::NOT_FOUND, &404.into()));
}
