use super::*;

fn feed(flags: Flags, search: Option<&str>) -> Feed {
    Feed { flags, promoted: false, search: search.map(str::to_owned) }
}

#[test]
fn a_search_shows_deleted_posts_too() {
    #[track_caller]
    fn check(flags: Flags, search: Option<&str>, expected: &str) {
        assert_eq!(tags(&feed(flags, search)), expected);
    }
    check(Flags::EVERY_CLASS, None, "status:any");
    check(CLASSES, None, "status:any");
    check(Flags::SFW, None, "status:any rating:g,s");
    check(Flags::NSFW | Flags::POL, None, "status:any rating:q,e");
    check(CLASSES, Some(" cat_girl  -comic "), "cat_girl -comic status:any");
    check(CLASSES, Some("cat_girl -status:deleted"), "cat_girl -status:deleted");
    check(CLASSES, Some("Status:active"), "Status:active");
}

#[test]
fn an_order_cannot_be_walked() {
    for search in ["order:score", "cat ORDER:rank", "ordfav:someone", "random:20"] {
        assert!(has_order(search), "{search}");
    }
    for search in ["", "order", "score:>10", "id:5..9", "cat_girl", ":d", "border:x"] {
        assert!(!has_order(search), "{search}");
    }
}

#[test]
fn endpoints_stand_below_the_base() {
    #[track_caller]
    fn check(base: &str, expected: &str) {
        let http = Client::new(tagmill_http::Config::default()).unwrap();
        let api = Danbooru::new(http, &Url::parse(base).unwrap());
        assert_eq!(api.map(|api| api.endpoint("posts.json").to_string()).unwrap_or_default(), expected);
    }
    check("https://danbooru.donmai.us", "https://danbooru.donmai.us/posts.json");
    check("http://127.0.0.1:3000/booru/?x=1", "http://127.0.0.1:3000/booru/posts.json");
    check("mailto:board@example.org", "");
}

#[test]
fn a_page_is_read_from_its_body() {
    let page = read_page(include_bytes!("fixtures/page.json"), &["donmai.us".to_owned()]).unwrap().unwrap();
    assert_eq!(page.items.iter().map(|item| item.id.0).collect::<Vec<_>>(), [9_000_001, 9_000_002]);
    assert_eq!((page.malformed, page.at_end, page.at_start), (0, None, None));
    let odd = read_page(br#"{"posts":[{"id":3},{},{"id":"2"},{"id":3}]}"#, &[]).unwrap().unwrap();
    assert_eq!((odd.items.len(), odd.malformed), (2, 1));
    assert!(read_page(include_bytes!("fixtures/too_deep.json"), &[]).unwrap().is_none());
    assert!(read_page(b"{}", &[]).is_err() && read_page(b"\xff", &[]).is_err());
}

#[test]
fn statuses_and_words_have_meanings() {
    #[track_caller]
    fn check(status: u16, is_search: bool, expected: Option<Refusal>) {
        let url = Url::parse("https://danbooru.donmai.us/posts.json?tags=a").unwrap();
        let body =
            tagmill_http::Bytes::from_static(br#"{"success":false,"error":"A::B","message":"no\u0007"}"#);
        let error = tagmill_http::Error::Status { url: url.to_string(), status, body };
        let found = explained(&url, &error, is_search);
        if let Some(error) = &found {
            let said = r"`https://danbooru.donmai.us/posts.json?tags=a` answered `A::B` (no\u{7})";
            assert_eq!((error.to_string().as_str(), error.reason().as_str()), (said, "A::B"));
        }
        let refusal = found.map(|error| match error {
            ApiError::Refused { refusal, .. } => refusal,
            other => panic!("{other:?}"),
        });
        assert_eq!(refusal, expected, "{status}");
    }
    check(401, false, Some(Refusal::NotLoggedIn));
    check(403, false, Some(Refusal::NotLoggedIn));
    check(422, true, Some(Refusal::BadSearch));
    check(422, false, Some(Refusal::Unknown));
    check(410, false, Some(Refusal::Unknown));
    check(404, false, None);
}
