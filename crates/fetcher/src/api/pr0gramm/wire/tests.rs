use proptest::prelude::*;

use super::*;
use crate::api::json::elements;

fn own() -> Vec<String> {
    vec!["pr0gramm.com".to_owned()]
}

fn item(json: &str) -> Option<Item> {
    super::item(json, &own())
}

const ODD_PAGE: &str = r#"{"atEnd":true,"atStart":true,"error":null,"items":[
{"id":101,"promoted":1000000007,"up":5,"down":0,"created":1170000000,"image":"2007\/01\/28\/0123456789abcdef.gif","thumb":"2007\/01\/28\/0123456789abcdef.jpg","fullsize":"","source":"","flags":1,"user":"cha0s","mark":3},
{"id":"103","promoted":"7","userId":null,"up":"1","down":0,"created":"1170000100","image":"\/\/img.pr0gramm.com\/2007\/01\/28\/fedcba9876543210.webm","fullsize":null,"preview":"","width":null,"height":0,"audio":1,"source":null,"flags":10,"deleted":"1","user":"gelöscht-42","mark":99,"gift":0,"somethingNew":{"x":[1,2]}},
{"id":102,"promoted":null,"userId":1,"up":0,"image":"2007\/01\/28\/00000000000000aa.png","audio":false,"source":"","flags":16,"user":"x","variants":null},
{"id":"none"}, {"id":-4}, null, 7, "x", []
],"ts":1780000322,"cache":null,"rt":3,"qc":1,"hasNewer":false}"#;

#[test]
fn odd_items_are_read_and_unreadable_ones_are_not() {
    let reply = Reply::parse(ODD_PAGE).unwrap();
    assert_eq!((reply.at_end, reply.at_start, reply.error), (Some(true), Some(true), None));
    let items: Vec<Option<Item>> = elements(reply.items.unwrap()).unwrap().map(item).collect();
    let ids: Vec<Option<i64>> = items.iter().map(|item| item.as_ref().map(|item| item.id.0)).collect();
    assert_eq!(ids, [Some(101), Some(103), Some(102), None, None, None, None, None, None]);

    let odd = items[1].as_ref().unwrap();
    assert_eq!((odd.promoted, odd.up, odd.created, odd.width, odd.mark), (7, 1, 1_170_000_100, 0, 99));
    assert_eq!((odd.image.as_str(), odd.source.as_str()), ("2007/01/28/fedcba9876543210.webm", ""));
    assert_eq!((odd.user_name.as_str(), odd.audio), ("gelöscht-42", true));
    assert_eq!(odd.flags, Flags::NSFW | Flags::NSFP);
    assert!(
        odd.item_data.starts_with("{\"id\":\"103\"")
            && odd.item_data.ends_with("\"somethingNew\":{\"x\":[1,2]}}")
    );
}

#[test]
fn a_member_may_come_twice_or_be_of_another_kind() {
    let item = item(r#"{"id":1,"id":2,"up":[1],"down":{"a":1},"user":"\ud83e","flags":-1,"bro\ud83eken":1}"#)
        .unwrap();
    assert_eq!((item.id, item.up, item.down, item.user_name.as_str()), (ItemId(2), 0, 0, "\u{fffd}"));
    assert!(item.flags.is_empty());
}

#[test]
fn replies_without_what_is_needed_are_not_replies() {
    for json in ["", "{", "[]", "null", "<html></html>", "{\"items\":[}", "{}{}", "{\"items\":[{\"id\":1}"] {
        assert!(Reply::parse(json).is_err(), "{json}");
    }
    let empty = Reply::parse("{}").unwrap();
    assert!(empty.at_end.is_none() && empty.items.is_none() && empty.error.is_none());
    assert!(elements("{}").is_err());
}

#[test]
fn the_ends_are_said_in_two_ways() {
    #[track_caller]
    fn check(json: &str, at_end: Option<bool>, at_start: Option<bool>) {
        let reply = Reply::parse(json).unwrap();
        assert_eq!((reply.at_end, reply.at_start), (at_end, at_start), "{json}");
    }
    check("{}", None, None);
    check(r#"{"atEnd":null,"atStart":null}"#, None, None);
    check(r#"{"atEnd":"1","atStart":0}"#, Some(true), Some(false));
    check(r#"{"hasOlder":false,"hasNewer":true}"#, Some(true), Some(false));
    check(r#"{"atEnd":false,"hasOlder":false}"#, Some(false), None);
}

#[test]
fn an_error_is_a_word() {
    #[track_caller]
    fn check(json: &str, error: Option<&str>) {
        assert_eq!(Reply::parse(json).unwrap().error.as_deref(), error, "{json}");
    }
    check(r#"{"error":"nsfwRequired","code":403,"msg":"nein"}"#, Some("nsfwRequired"));
    check(r#"{"error":null}"#, None);
    check(r#"{"error":""}"#, None);
    check(r#"{"error":false}"#, None);
}

proptest! {
    #[test]
    fn nothing_panics(json in ".{0,40}") {
        let _ = (item(&json), Reply::parse(&json).is_ok());
    }

    #[test]
    fn an_item_keeps_its_text(id in 1..9_007_199_254_740_992i64, up in 0i64..9999, user: String) {
        let json = serde_json::json!({ "id": id, "up": up.to_string(), "user": user, "new": [1, { "a": null }] }).to_string();
        let item = item(&json).unwrap();
        prop_assert_eq!((item.id.0, item.up, item.user_name, item.item_data), (id, up, user, json));
    }
}
