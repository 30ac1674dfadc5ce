//! Laws of the readers, over replies that no board ever sent: whatever stands in one of them, reading it neither panics nor
//! loses an item.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};

use super::account::{began, read_captcha, read_login};
use super::*;

/// Members that some reply has, and some that none has.
const NAMES: [&str; 40] = [
    "id",
    "promoted",
    "userId",
    "up",
    "down",
    "created",
    "image",
    "thumb",
    "fullsize",
    "preview",
    "width",
    "height",
    "audio",
    "source",
    "flags",
    "user",
    "mark",
    "gift",
    "deleted",
    "variants",
    "atEnd",
    "atStart",
    "hasOlder",
    "hasNewer",
    "items",
    "tags",
    "comments",
    "error",
    "msg",
    "code",
    "ts",
    "cache",
    "loggedIn",
    "success",
    "ban",
    "banned",
    "till",
    "token",
    "captcha",
    "br\\ud83eken \\u0000",
];

/// A JSON text, of those shapes that real replies have among others: numbers and bools as strings, huge and broken ones,
/// NUL, half an emoji, repeated members, blanks.
fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        4 => select(vec![
            "null", "true", "false", "0", "1", "-1", "\"\"", "\"0\"", "\"1\"", "\"true\"", "\"nul\\u0000l\"", "\"\\ud83e\"",
            "\"\\udd14\\ud83e\"", "\"\\\\ud83e\\/\"", "1.5", "-0.0", "1e300", "1e-300", "9223372036854775807",
            "-9223372036854775808", "18446744073709551616", "\"9223372036854775807\"", "\"NaN\"", "\"-inf\"", "\"//a/b\"",
            "\"https://img.pr0gramm.com//\"", "\"data:image/png;base64,AAAA\"", "\"notFound\"", "\"forbidden\"",
        ])
        .prop_map(str::to_owned),
        1 => any::<i64>().prop_map(|number| number.to_string()),
        1 => any::<f64>().prop_filter_map("no JSON", |number| serde_json::to_string(&number).ok()),
        2 => any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap()),
    ];
    leaf.prop_recursive(4, 48, 6, |inner| {
        let array = vec(inner.clone(), 0..6).prop_map(|items| format!("[{}]", items.join(", ")));
        prop_oneof![array, object(inner)]
    })
}

fn object(value: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    vec((select(NAMES.to_vec()), value), 0..8).prop_map(|members| {
        let members: Vec<String> =
            members.into_iter().map(|(name, value)| format!("\"{name}\" : {value}")).collect();
        format!("{{{}}}", members.join(",\n"))
    })
}

fn own() -> Vec<String> {
    vec!["pr0gramm.com".to_owned()]
}

fn url() -> Url {
    Url::parse("https://board.example/api/x").unwrap()
}

/// All readers, one after the other. Also formats what comes out, as a run would.
fn read_all(body: &[u8]) {
    let _ = format!("{:?}", read_page(body, &own()));
    let _ = format!("{:?} {:?}", read_info(body, true), read_info(body, false));
    let _ = read(body, |reply| Ok(reply.logged_in)).map(|said| said.map_err(|no| no.to(&url()).to_string()));
    let _ = format!("{:?}", read_captcha(body));
    if let Ok(reply) = read_login(body) {
        let _ = began(&url(), reply).map_err(|error| error.to_string());
    }
    let status = tagmill_http::Error::Status {
        url: url().to_string(),
        status: 403,
        body: tagmill_http::Bytes::copy_from_slice(body),
    };
    let _ = explained(&url(), &status).map(|error| (error.to_string(), error.reason()));
}

/// Ids as boards write them.
fn written(id: i64, way: usize) -> String {
    match way {
        0 => id.to_string(),
        1 => format!("\"{id}\""),
        2 => format!("\" {id} \""),
        _ => format!("{id}.0"),
    }
}

/// An id, how it is written, and where it stands among the other members.
type Ids = (i64, usize, Index);

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(body in vec(any::<u8>(), 0..80)) {
        read_all(&body);
    }

    #[test]
    fn arbitrary_json_never_panics(body in prop_oneof![json(), object(json())]) {
        read_all(body.as_bytes());
    }

    /// The bytes of a text are cut out, doubled or turned into others.
    #[test]
    fn damaged_json_never_panics(body in object(json()), from: Index, to: Index, byte: u8) {
        let mut body = body.into_bytes();
        let (from, to) = (from.index(body.len()), to.index(body.len()));
        let piece = body[from.min(to)..from.max(to)].to_vec();
        body[from] = byte;
        read_all(&body);
        let twice = [&body[..to], &piece, &body[to..]].concat();
        read_all(&twice);
        body.drain(from.min(to)..from.max(to));
        read_all(&body);
    }

    /// Whatever else stands in it and around it.
    #[test]
    fn an_item_with_an_id_survives_verbatim(
        ids in vec((1..9_007_199_254_740_991i64, 0..4usize, any::<Index>()), 1..6),
        others in vec(vec((select(NAMES.to_vec()), json()), 0..8), 6),
        junk in vec(select(vec!["null", "7", "{}", "[]", "\"x\"", "{\"id\":0}", "{\"id\":\"-3\"}", "{\"id\":null}"]), 0..3),
        around in subsequence(NAMES.to_vec(), 0..8),
        value in json(),
    ) {
        let ids: std::collections::BTreeMap<i64, Ids> = ids.into_iter().map(|ids| (ids.0, ids)).collect();
        let items: Vec<(i64, String)> = ids.values().zip(others).map(|((id, way, place), others)| {
            let mut members: Vec<String> = others
                .into_iter()
                .filter(|(name, _)| *name != "id")
                .map(|(name, value)| format!("\"{name}\": {value}"))
                .collect();
            members.insert(place.index(members.len() + 1), format!("\"id\": {}", written(*id, *way)));
            (*id, format!("{{{}}}", members.join(" , ")))
        }).collect();
        let elements: Vec<&str> = items.iter().map(|(_, item)| item.as_str()).chain(junk.iter().copied()).collect();
        let around: String = around
            .into_iter()
            .filter(|name| !["items", "error"].contains(name))
            .map(|name| format!("\"{name}\":{value},"))
            .collect();
        let body = format!("{{{around} \"error\": null, \"items\": [{}]}}\n", elements.join(" ,"));

        let page = read_page(body.as_bytes(), &own()).unwrap().unwrap();
        let found: Vec<(i64, String)> =
            page.items.into_iter().map(|item| (item.id.0, item.item_data)).collect();
        prop_assert_eq!(found, items);
        prop_assert_eq!(page.malformed, junk.len() as u64);
    }

    /// A word of refusal is never read as a page or as tags, however much else is there.
    #[test]
    fn a_refusal_is_no_data(word in "[a-zA-Z]{1,20}", others in vec((select(NAMES.to_vec()), json()), 0..6)) {
        let others: String = others
            .into_iter()
            .filter(|(name, _)| *name != "error")
            .map(|(name, value)| format!("\"{name}\":{value},"))
            .collect();
        let body = format!("{{{others}\"error\":\"{word}\"}}");
        prop_assert_eq!(read_page(body.as_bytes(), &own()).unwrap(), None);
        prop_assert_eq!(read_info(body.as_bytes(), true).unwrap(), None);
    }

    #[test]
    fn tags_and_comments_survive_verbatim(tags in vec(json(), 0..5), comments in vec(json(), 0..5)) {
        let (tags, comments) = (format!("[{}]", tags.join(" , ")), format!("[ {}]", comments.join(",")));
        let body = format!("{{\"tags\": {tags} ,\"comments\":{comments}}}");
        let expected = Info { tags_data: tags, comments_data: Some(comments) };
        prop_assert_eq!(read_info(body.as_bytes(), true).unwrap(), Some(expected));
    }
}

/// Real shapes, from the notes on the API.
const REPLIES: [&str; 7] = [
    r#"{"atEnd":false,"atStart":true,"error":null,"items":[
{"id":6200003,"promoted":0,"userId":4711,"up":12,"down":3,"created":1780000300,"image":"2026\/05\/28\/00112233445566aa.jpg","thumb":"2026\/05\/28\/00112233445566aa.jpg","fullsize":"","preview":null,"width":1052,"height":1480,"audio":false,"source":"","flags":1,"user":"BeispielNutzer","mark":8,"repost":false,"variants":[],"subtitles":[]},
{"id":"103","promoted":"7","userId":null,"up":"1","down":0,"created":"1170000100","image":"\/\/img.pr0gramm.com\/2007\/01\/28\/fedcba9876543210.webm","fullsize":null,"audio":1,"source":null,"flags":10,"deleted":"1","user":"gelöscht-42","mark":99,"somethingNew":{"x":[1,2]}}
],"ts":1780000321,"cache":"stream:new:31","rt":4,"qc":3}"#,
    r#"{"tags":[{"id":1,"confidence":0,"tag":"H\u00e4sslich \ud83e\udd14"},{"id":6,"confidence":-0.01,"tag":"nul\u0000l"},{"id":7,"tag":""}],"comments":[{"id":10,"parent":null,"content":"ok\r\n","created":1170000000,"up":0,"down":0,"name":null,"mark":4}],"ts":1780000701,"cache":null,"rt":9,"qc":2}"#,
    r#"{"atEnd":true,"atStart":true,"error":"notFound","items":null,"ts":1780000401,"cache":null,"rt":1,"qc":1}"#,
    r#"{"error":"forbidden","code":403,"msg":"Not logged in"}"#,
    r#"{"loggedIn":true,"ts":1780001005,"cache":null,"rt":1,"qc":1}"#,
    r#"{"token":"0123456789abcdef0123456789abcdef","captcha":"data:image\/png;base64,iVBORw0KGgo=","ts":1780001000,"cache":null,"rt":2,"qc":1}"#,
    r#"{"success":false,"ban":{"banned":true,"reason":"Regel #99","till":null,"userId":42},"ts":1780001003,"cache":null,"rt":25,"qc":3}"#,
];

/// Half an answer is asked for again: it is neither read nor taken for an answer of another kind.
#[test]
fn a_reply_that_is_cut_anywhere_is_not_read() {
    let is_cut = |error: serde_json::Error| {
        let failure = json_failure(&url(), error);
        assert!(matches!(failure, Failure::Transient(_)), "{failure:?}");
    };
    for reply in REPLIES {
        let whole = reply.as_bytes();
        for end in 0..whole.len() {
            let cut = &whole[..end];
            is_cut(read_page(cut, &own()).unwrap_err());
            is_cut(read_info(cut, true).unwrap_err());
            is_cut(read_captcha(cut).unwrap_err());
            is_cut(read_login(cut).unwrap_err());
            read_all(cut);
        }
        read_all(whole);
    }
}

#[test]
fn nesting_may_go_as_deep_as_it_likes() {
    let depth = 200_000;
    let deep = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let item = format!("{{\"id\":7,\"new\":{deep},\"user\":{deep}}}");
    let page = read_page(format!("{{\"items\":[{item}],\"x\":{deep}}}").as_bytes(), &own()).unwrap().unwrap();
    assert!(page.items.len() == 1 && page.items[0].item_data == item);
    read_all(deep.as_bytes());
    read_all(&deep.as_bytes()[..depth]);
}

#[test]
fn logins_have_an_outcome() {
    #[track_caller]
    fn check(body: &str, expected: &str) {
        let outcome = began(&url(), read_login(body.as_bytes()).unwrap());
        let found = outcome.map_or_else(|error| error.to_string(), |()| "in".to_owned());
        assert_eq!(found, expected, "{body}");
    }
    let wrong = "the name or the password is wrong";
    let too_often = "`https://board.example/api/x` asks to wait";
    check(r#"{"success":true,"error":null,"ban":null}"#, "in");
    check(r#"{"success":"1","ban":{"banned":0}}"#, "in");
    check(r#"{"success":true,"ban":[]}"#, "in");
    check(r#"{"success":false,"error":"invalidLogin","code":400}"#, wrong);
    check(r#"{"success":false,"ban":false}"#, wrong);
    check(r#"{"success":null,"success":0}"#, wrong);
    check(r#"{"success":false,"error":"invalidCaptcha","nonce":null}"#, "the captcha's answer is wrong");
    check(r#"{"success":false,"error":"tooManyRequests","code":429,"msg":"Too many"}"#, too_often);
    check(r#"{"success":false,"error":null,"code":429}"#, too_often);
    check(r#"{"success":false,"code":"429"}"#, too_often);
    check(r#"{"error":"a\u0007b"}"#, r"the board refuses the login: `a\u{7}b`");
    check(r#"{"ban":{"banned":true,"reason":null,"till":null}}"#, "the account is banned for ever");
    check(
        r#"{"success":true,"ban":{"banned":"1","reason":"Regel #99","till":"1780000000"}}"#,
        "the account is banned: Regel #99",
    );
}

/// Beyond it nobody could ask for the next one.
#[test]
fn no_board_counts_to_the_end_of_numbers() {
    let body = r#"{"items":[{"id":9223372036854775807},{"id":9007199254740992},{"id":9007199254740991},{"id":"1e3"}]}"#;
    let page = read_page(body.as_bytes(), &own()).unwrap().unwrap();
    let ids: Vec<i64> = page.items.iter().map(|item| item.id.0).collect();
    assert_eq!((ids, page.malformed), (vec![1_000, 9_007_199_254_740_991], 2));
}
