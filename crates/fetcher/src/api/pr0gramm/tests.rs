use super::*;

fn url() -> Url {
    Url::parse("https://board.example/api/items/get").unwrap()
}

#[test]
fn endpoints_stand_below_the_base() {
    #[track_caller]
    fn check(base: &str, expected: &str) {
        let http = tagmill_http::Client::new(tagmill_http::Config::default()).unwrap();
        let feed = Feed { flags: Flags::SFW | Flags::POL, promoted: false, search: None };
        let api = Pr0gramm::new(http, &Url::parse(base).unwrap());
        assert_eq!(api.map(|api| listing(&api.base, &feed).to_string()).unwrap_or_default(), expected);
    }
    check("https://pr0gramm.com/api", "https://pr0gramm.com/api/items/get?flags=17");
    check("https://pr0gramm.com/api/", "https://pr0gramm.com/api/items/get?flags=17");
    check("http://127.0.0.1:8080", "http://127.0.0.1:8080/items/get?flags=17");
    check("http://127.0.0.1:8080/api?flags=31&x=1", "http://127.0.0.1:8080/api/items/get?flags=17");
    check("mailto:board@example.org", "");
}

#[test]
fn words_have_meanings() {
    #[track_caller]
    fn check(json: &str, expected: Option<Refusal>) {
        let refusal = No::of(&Reply::parse(json).unwrap()).map(|no| no.refusal);
        assert_eq!(refusal, expected, "{json}");
    }
    check(r#"{"error":null,"items":[]}"#, None);
    check(r#"{"error":"notFound","code":404}"#, Some(Refusal::NotFound));
    check(r#"{"atEnd":true,"atStart":true,"error":"notFound","items":null}"#, Some(Refusal::NothingFound));
    check(r#"{"error":"nothingFound"}"#, Some(Refusal::NothingFound));
    for word in
        ["sfwRequired", "nsfpRequired", "nsfwRequired", "nsflRequired", "polRequired", "verificationRequired"]
    {
        check(&format!(r#"{{"error":"{word}","code":403}}"#), Some(Refusal::FlagsNotAllowed));
    }
    check(r#"{"error":"forbidden","code":403,"msg":"Not logged in"}"#, Some(Refusal::NotLoggedIn));
    check(r#"{"error":"forbidden","code":403,"msg":"Nope"}"#, Some(Refusal::Unknown));
    check(r#"{"error":"limitReached"}"#, Some(Refusal::RateLimited));
    check(r#"{"error":"rateLimited","msg":null}"#, Some(Refusal::RateLimited));
    check(r#"{"error":"tooShort"}"#, Some(Refusal::BadSearch));
}

#[test]
fn the_status_does_not_matter_to_the_word() {
    let status = |body: &'static str| tagmill_http::Error::Status {
        url: url().to_string(),
        status: 403,
        body: tagmill_http::Bytes::from_static(body.as_bytes()),
    };
    let error = status(r#"{"error":"nsfwRequired","msg":"nein\u0007"}"#);
    let gave_up = tagmill_http::Error::GaveUp { tries: 3, last: Box::new(error) };
    let refused = explained(&url(), &gave_up).unwrap();
    assert_eq!(
        refused.to_string(),
        r"`https://board.example/api/items/get` answered `nsfwRequired` (nein\u{7})"
    );
    assert_eq!(refused.reason(), "nsfwRequired");
    assert!(explained(&url(), &status("{}")).is_none());
    assert!(explained(&url(), &status("<html>")).is_none());
}

#[test]
fn an_answer_without_items_is_empty_only_if_it_knows_where_it_stands() {
    #[track_caller]
    fn check(json: &str, expected: Option<usize>) {
        let page = page(&Reply::parse(json).unwrap(), &[]);
        assert_eq!(page.map(|page| page.items.len()).ok(), expected, "{json}");
    }
    check(r#"{"atEnd":true,"atStart":false,"items":[]}"#, Some(0));
    check(r#"{"items":[]}"#, Some(0));
    check(r#"{"atEnd":true,"items":null}"#, Some(0));
    check(r#"{"items":[{"id":3},{"id":"2"},{"id":3},{}]}"#, Some(2));
    check(r#"{"items":null}"#, None);
    check(r#"{}"#, None);
    check(r#"{"tags":[],"ts":1}"#, None);
    check(r#"{"items":{"0":{"id":3}}}"#, None);
    check(r#"{"items":"none"}"#, None);
}

#[test]
fn tags_stay_as_they_are() {
    #[track_caller]
    fn check(json: &str, comments: bool, expected: Option<(&str, Option<&str>)>) {
        let info = info(&Reply::parse(json).unwrap(), comments).ok();
        let found = info.as_ref().map(|info| (info.tags_data.as_str(), info.comments_data.as_deref()));
        assert_eq!(found, expected, "{json}");
    }
    let tags = r#"[{"id":6,"confidence":-0.01,"tag":"nul\u0000l"}, {"id":"2","confidence":"0.206543","tag":"H\u00e4 \ud83e"}]"#;
    check(&format!(r#"{{"tags":{tags},"comments":[]}}"#), false, Some((tags, None)));
    check(r#"{"tags": [ ] ,"comments":[{"id":10}],"ts":1}"#, true, Some(("[ ]", Some(r#"[{"id":10}]"#))));
    check(r#"{"tags":[],"comments":"none"}"#, false, Some(("[]", None)));
    check(r#"{"comments":[]}"#, false, Some(("[]", None)));
    check(r#"{"tags":null,"comments":null,"ts":1780000702}"#, true, Some(("[]", Some("[]"))));
    check(r#"{}"#, false, None);
    check(r#"{"loggedIn":true}"#, false, None);
    check(r#"{"tags":{"1":{}}}"#, false, None);
    check(r#"{"tags":[],"comments":"none"}"#, true, None);
}
