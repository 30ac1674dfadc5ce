use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// What the public board answered.
const PAGE: &str = include_str!("../fixtures/page.json");

fn own() -> Vec<String> {
    vec!["donmai.us".to_owned(), "127.0.0.1:3000".to_owned()]
}

fn item(json: &str) -> Option<Item> {
    super::item(json, &own())
}

/// A post of these members and an id.
fn made(members: Value) -> Item {
    let mut post = json!({ "id": 7 });
    post.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    item(&post.to_string()).unwrap()
}

#[test]
fn a_recorded_page_is_read() {
    let found: Vec<&str> = posts(PAGE).unwrap().collect();
    let [whole, hidden] = [found[0], found[1]].map(|post| item(post).unwrap());
    assert_eq!(found.len(), 2);

    assert_eq!(whole.id, ItemId(9_000_002));
    assert_eq!(whole.image, "720x720/01/23/0123456789abcdef0123456789abcdef.webp");
    // 10:31:20 four hours behind UTC.
    assert_eq!(whole.created, 1_779_978_680);
    assert_eq!((whole.up, whole.down, whole.width, whole.height), (4, 1, 1600, 900));
    assert_eq!((whole.flags, whole.user_name.as_str()), (Flags::SFW, "11"));
    assert_eq!(whole.source, "https://example.org/a/1");
    assert_eq!(whole.item_data, found[0]);
    assert_eq!(
        whole.tags_data.as_deref(),
        Some(
            "[{\"tag\":\"blue_sky\",\"confidence\":1,\"category\":\"general\"},\
             {\"tag\":\"cloud\",\"confidence\":1,\"category\":\"general\"},\
             {\"tag\":\"scenery\",\"confidence\":1,\"category\":\"general\"},\
             {\"tag\":\"tree\",\"confidence\":1,\"category\":\"general\"},\
             {\"tag\":\"artist_a\",\"confidence\":1,\"category\":\"artist\"},\
             {\"tag\":\"original\",\"confidence\":1,\"category\":\"copyright\"}]"
        )
    );

    // No member says where its file lies, and all else is there.
    assert_eq!((hidden.id, hidden.image.as_str()), (ItemId(9_000_001), ""));
    assert_eq!((hidden.flags, hidden.up, hidden.down, hidden.created), (Flags::SFW, 0, 0, 1_779_978_600));
    let tags: Value = serde_json::from_str(&hidden.tags_data.unwrap()).unwrap();
    assert_eq!((&tags[0]["tag"], &tags[2]["category"]), (&json!(":d"), &json!("artist")));
}

#[test]
fn a_page_is_an_array_or_holds_one() {
    #[track_caller]
    fn check(json: &str, expected: Option<usize>) {
        assert_eq!(posts(json).ok().map(Iterator::count), expected, "{json}");
    }
    check("[]", Some(0));
    check(" [{\"id\":1}]\n", Some(1));
    check("{\"posts\":[{\"id\":1},{}]}", Some(2));
    check("{\"posts\":null}", None);
    check("{\"post\":[]}", None);
    check("{}", None);
    check("", None);
    check("null", None);
    check("[{\"id\":1}", None);
    check("[] []", None);
    check("<html>", None);
}

#[test]
fn a_post_may_be_wrapped() {
    assert_eq!(post("{\"id\":1}"), "{\"id\":1}");
    assert_eq!(post("{\"post\":{\"id\":1}}"), "{\"id\":1}");
    assert_eq!(post("7"), "7");
}

#[test]
fn the_medium_is_the_smaller_rendition_or_the_next_best() {
    #[track_caller]
    fn check(members: Value, expected: &str) {
        assert_eq!(made(members.clone()).image, expected, "{members}");
    }
    let variant = |kind: &str, url: &str| json!({ "type": kind, "url": url });
    let asset = |variants: Vec<Value>| json!({ "media_asset": { "variants": variants } });
    let cdn = "https://cdn.donmai.us";
    check(
        asset(vec![variant("original", "x"), variant("720x720", &format!("{cdn}/720x720/a.webp"))]),
        "720x720/a.webp",
    );
    check(
        json!({ "media_asset": { "variants": [null, 7, {}, { "type": "360x360", "url": "x" }] },
                "large_file_url": format!("{cdn}/sample/a.jpg"), "file_url": format!("{cdn}/original/a.png") }),
        "sample/a.jpg",
    );
    // An animation's own file is an archive, and its large one a video.
    check(
        json!({ "file_ext": "zip", "large_file_url": format!("{cdn}/sample/a.webm"), "file_url": format!("{cdn}/original/a.zip") }),
        "sample/a.webm",
    );
    check(json!({ "media_asset": null, "file_url": format!("{cdn}/original/a.png") }), "original/a.png");
    check(json!({ "media_asset": { "variants": "none" }, "file_url": "/data/a.png" }), "data/a.png");
    check(json!({ "file_url": "//cdn.donmai.us/original/a.png" }), "original/a.png");
    check(json!({ "file_url": "http://127.0.0.1:3000/data/a.png" }), "data/a.png");
    check(json!({ "file_url": "http://127.0.0.1:3001/data/a.png" }), "http://127.0.0.1:3001/data/a.png");
    check(json!({ "file_url": "https://i.pximg.net/a.png" }), "https://i.pximg.net/a.png");
    check(json!({ "file_url": null, "large_file_url": "" }), "");
    check(json!({}), "");
}

#[test]
fn ratings_are_classes() {
    let class = |rating: Value| made(json!({ "rating": rating })).flags;
    for (rating, expected) in [("g", Flags::SFW), ("s", Flags::SFW), ("q", Flags::NSFW), ("e", Flags::NSFW)] {
        assert_eq!(class(json!(rating)), expected, "{rating}");
    }
    for unknown in [json!(null), json!(""), json!("x"), json!(1), json!(["g"])] {
        assert_eq!(class(unknown), Flags::empty());
    }
}

#[test]
fn votes_are_counts_however_they_are_told() {
    let votes = |members: Value| {
        let item = made(members);
        (item.up, item.down)
    };
    assert_eq!(votes(json!({ "score": 3, "up_score": 4, "down_score": -1 })), (4, 1));
    assert_eq!(votes(json!({ "up_score": 4, "down_score": 1 })), (4, 1));
    assert_eq!(votes(json!({ "score": 3 })), (3, 0));
    assert_eq!(votes(json!({ "score": -3 })), (0, 3));
    assert_eq!(votes(json!({ "score": "many", "down_score": i64::MIN })), (0, i64::MAX));
}

#[test]
fn times_are_read_with_their_offset() {
    let created = |time: &str| made(json!({ "created_at": time })).created;
    assert_eq!(created("1970-01-02T00:00:00.999Z"), 86_400);
    assert_eq!(created("1970-01-01T20:00:00-04:00"), 86_400);
    for none in ["", "yesterday", "2026-13-01T00:00:00Z", "1779926400"] {
        assert_eq!(created(none), 0, "{none}");
    }
}

#[test]
fn tags_come_once_with_their_category_where_there_is_one() {
    #[track_caller]
    fn check(members: Value, expected: Option<Value>) {
        let tags = made(members.clone()).tags_data.map(|tags| serde_json::from_str(&tags).unwrap());
        assert_eq!(tags, expected, "{members}");
    }
    let tag = |tag: &str| json!({ "tag": tag, "confidence": 1 });
    let of = |tag: &str, category: &str| json!({ "tag": tag, "confidence": 1, "category": category });
    check(json!({}), None);
    check(json!({ "tag_string": "" }), Some(json!([])));
    check(json!({ "tag_string_general": "", "tag_string_meta": null }), Some(json!([])));
    check(json!({ "tag_string": " b  a b " }), Some(json!([tag("b"), tag("a")])));
    check(
        json!({ "tag_string": "a b c", "tag_string_meta": "b", "tag_string_species": "b c" }),
        Some(json!([of("b", "meta"), of("c", "species"), tag("a")])),
    );
    check(
        json!({ "tag_string_general": "\"_\\ <3" }),
        Some(json!([of("\"_\\", "general"), of("<3", "general")])),
    );
}

#[test]
fn a_no_is_told_from_an_answer() {
    #[track_caller]
    fn check(json: &str, expected: Option<(&str, &str)>) {
        let found = refusal(json);
        assert_eq!(
            found.as_ref().map(|(word, message)| (word.as_str(), message.as_str())),
            expected,
            "{json}"
        );
    }
    check(
        include_str!("../fixtures/too_many_tags.json"),
        Some(("PostQuery::TagLimitError", "You cannot search for more than 2 tags at a time.")),
    );
    check(
        include_str!("../fixtures/too_deep.json"),
        Some(("PaginationExtension::PaginationError", "You cannot go beyond page 1000.")),
    );
    check(r#"{"success":false,"reason":"too many requests"}"#, Some(("too many requests", "")));
    check(r#"{"success":true}"#, None);
    check(r#"{"posts":[]}"#, None);
    check(r#"{"id":1,"error":"none"}"#, None);
    check(r#"{"success":false"#, None);
    check("[]", None);
    check("", None);
}

#[test]
fn what_is_no_post_is_none() {
    for json in ["", "{}", "null", "7", "[]", "{\"id\":null}", "{\"id\":0}", "{\"id\":-4}", "{\"id\":1"] {
        assert!(item(json).is_none(), "{json}");
    }
}

proptest! {
    #[test]
    fn nothing_panics(json in ".{0,40}") {
        let _ = (item(&json), posts(&json).is_ok(), post(&json).len(), refusal(&json));
    }

    #[test]
    fn tags_are_json_whatever_is_in_them(general in "\\PC{0,30}", all in "\\PC{0,30}") {
        let item = made(json!({ "tag_string": all, "tag_string_general": general }));
        let tags: Vec<Value> = serde_json::from_str(&item.tags_data.unwrap()).unwrap();
        let names: Vec<&str> = tags.iter().map(|tag| tag["tag"].as_str().unwrap()).collect();
        let mut expected: Vec<&str> = general.split_whitespace().chain(all.split_whitespace()).collect();
        let mut seen = HashSet::new();
        expected.retain(|tag| seen.insert(*tag));
        prop_assert_eq!(names, expected);
    }
}
