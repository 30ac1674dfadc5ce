//! What holds for any list of tags.

use proptest::prelude::*;

use super::{labels, normal};
use crate::tags::{CONTENT_TAGS, Dropped, Interpreter, TagRules};

fn some_tags() -> impl Strategy<Value = Vec<(String, f64)>> {
    let name = prop_oneof![any::<String>(), "[a-cA-C ]{1,4}", "nsfw|POL|video| gif"];
    prop::collection::vec((name, -0.5f64..1.5), 0..12)
}

/// JSON of any shape, with the keys that matter.
fn some_json() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::Value;
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z ]{0,5}|NaN|1e999|nsfw".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 64, 6, |inner| {
        let key = prop_oneof![Just("tag".to_owned()), Just("confidence".to_owned()), "[a-z]{0,3}"];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::hash_map(key, inner, 0..4).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

fn json_of(tags: &[(String, f64)]) -> String {
    let entries: Vec<_> = tags
        .iter()
        .map(|(tag, confidence)| serde_json::json!({ "tag": tag, "confidence": confidence }))
        .collect();
    serde_json::to_string(&entries).unwrap()
}

proptest! {
    #[test]
    fn no_text_is_a_panic(json in any::<String>()) {
        let _ = labels(&json, &TagRules::default());
    }

    #[test]
    fn no_bytes_are_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = labels(&String::from_utf8_lossy(&bytes), &TagRules::default());
    }

    #[test]
    fn no_json_is_a_panic(json in some_json()) {
        let text = json.to_string();
        let labels = labels(&text, &TagRules::default());
        prop_assert_eq!(labels.is_ok(), json.is_array(), "{}", text);
    }

    #[test]
    fn what_was_met_before_does_not_show(lists in prop::collection::vec(some_tags(), 1..6)) {
        let mut kept = Interpreter::new(&TagRules::default()).unwrap();
        for list in lists.iter().map(|tags| json_of(tags)) {
            prop_assert_eq!(kept.labels(&list).unwrap(), labels(&list, &TagRules::default()).unwrap());
        }
    }

    #[test]
    fn normalising_twice_is_normalising_once(name in any::<String>()) {
        let once = normal(&name);
        prop_assert_eq!(normal(&once), once);
    }

    #[test]
    fn every_tag_is_counted_once(tags in some_tags()) {
        let labels = labels(&json_of(&tags), &TagRules::default()).unwrap();
        let dropped: u64 = labels.dropped.counts().map(|(_, count)| count).sum();
        let classes = tags.iter().filter(|(name, _)| CONTENT_TAGS.iter().any(|(tag, _)| *tag == normal(name)));
        prop_assert_eq!(labels.tags.len() + dropped as usize + classes.count(), tags.len());
    }

    #[test]
    fn order_does_not_show(tags in some_tags().prop_shuffle()) {
        let mut sorted = tags.clone();
        sorted.sort_by(|a, b| a.partial_cmp(b).unwrap());
        let rules = TagRules::default();
        prop_assert_eq!(labels(&json_of(&tags), &rules).unwrap(), labels(&json_of(&sorted), &rules).unwrap());
    }

    #[test]
    fn labels_round_trip(tags in some_tags()) {
        let rules = TagRules::default();
        let first = labels(&json_of(&tags), &rules).unwrap();
        prop_assert!(first.tags.iter().all(|tag| (0.0..=1.0).contains(&tag.confidence)));
        let again = labels(&serde_json::to_string(
            &first.tags.iter().map(|tag| serde_json::json!({ "tag": tag.name, "confidence": tag.confidence })).collect::<Vec<_>>(),
        ).unwrap(), &rules).unwrap();
        prop_assert_eq!(&again.tags, &first.tags);
        prop_assert_eq!(again.dropped, Dropped::default());
    }
}
