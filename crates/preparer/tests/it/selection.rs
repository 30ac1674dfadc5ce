//! Which tags are in the table, where that depends on all rows or on the rules of the original.

use std::fs;

use tagmill_model::Flags;
use tagmill_preparer::{Config, TagRules, TrashReason};

use crate::common::{folder_with, item, meta, prepare};

#[tokio::test]
async fn rare_tags_are_dropped_before_items_are_judged() {
    let tags = |names: &str| {
        let tag = |name: &str| format!(r#"{{"tag":"{name}","confidence":0.5}}"#);
        format!("[{}]", names.split(' ').map(tag).collect::<Vec<_>>().join(","))
    };
    let lists = ["aa bb cc", "aa bb dd", "aa ee ff", "gg"];
    let items = lists.iter().zip(1..).map(|(names, id)| item(id, "a.jpg", Flags::SFW, Some(&tags(names))));
    let (_folder, config) = folder_with(items.collect()).await;
    let report = prepare(&Config { min_tag_count: 2, ..config.clone() }).await.unwrap();
    let csv = fs::read_to_string(&config.output).unwrap();
    let rows: Vec<&str> =
        csv.lines().skip(1).map(|line| line.split_once("false,false,false,false,").unwrap().1).collect();
    assert_eq!(rows, ["aa,0.5,bb,0.5,,", "aa,0.5,bb,0.5,,"]);
    assert_eq!(report.dropped_tags["rare"], 5);
    assert_eq!(report.rejects["too few tags"], 2);
}

#[tokio::test]
async fn trash_is_proposed_and_dropped_only_on_request() {
    let list = |id: i64| {
        let tag = |name: String, confidence: f64| format!(r#"{{"tag":"{name}","confidence":{confidence}}}"#);
        let wide = (id % 97) as f64 / 97.0;
        let tags = [
            tag("everywhere".to_owned(), wide),
            tag(format!("tag {}", id % 50), wide),
            tag(if id % 4 == 0 { "robot" } else { "human" }.to_owned(), if id % 4 == 0 { 0.5 } else { wide }),
            tag(
                if id % 4 == 1 { "wrong".to_owned() } else { format!("more {}", id % 30) },
                0.01 + wide / 20.0,
            ),
        ];
        format!("[{}]", tags.join(","))
    };
    let items = (1..=400).map(|id| item(id, "a.jpg", Flags::SFW, Some(&list(id)))).collect();
    let (_folder, mut config) = folder_with(items).await;
    config.max_tags = 9;
    config.trash.min_rows = 100;
    config.trash.max_share = 0.8;
    let report = prepare(&config).await.unwrap();
    let shown: Vec<String> = report.trash.iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        [
            "`everywhere` is in 100 % of all rows (idf 0.00)",
            "the confidence of `robot` never varies (spread 0.0000 in 100 rows)",
            "`wrong` is voted down (mean confidence 0.034 in 100 rows)"
        ]
    );
    assert!(fs::read_to_string(&config.output).unwrap().contains("everywhere"));
    let facts: serde_json::Value = serde_json::from_slice(&fs::read(meta(&config)).unwrap()).unwrap();
    assert_eq!(
        (&facts["trash"][1]["tag"], &facts["trash"][1]["reason"]),
        (&"robot".into(), &"unvoted".into())
    );

    let dropped = prepare(&Config { drop_trash: true, min_tags: 3, ..config.clone() }).await.unwrap();
    let csv = fs::read_to_string(&config.output).unwrap();
    assert!(["everywhere", "robot", "wrong"].iter().all(|tag| !csv.contains(tag)));
    assert_eq!((dropped.trash, dropped.dropped_tags["trash"]), (report.trash, 600));
    // Those that are neither a robot nor wrong still have three.
    assert_eq!(dropped.rows_written, 200);
}

#[tokio::test]
async fn tags_without_votes_are_no_trash_where_none_has_any() {
    let list =
        |id: i64| format!(r#"[{{"tag":"cat","confidence":1}},{{"tag":"tag {}","confidence":1}}]"#, id % 3);
    let items = (1..=300).map(|id| item(id, "a.jpg", Flags::SFW, Some(&list(id)))).collect();
    let (_folder, mut config) = folder_with(items).await;
    (config.min_tags, config.trash.min_rows) = (1, 100);
    let report = prepare(&config).await.unwrap();
    let reasons: Vec<TrashReason> = report.trash.iter().map(|trash| trash.reason).collect();
    assert_eq!((report.rows_written, reasons), (300, vec![TrashReason::Ubiquitous]));
}

#[tokio::test]
async fn the_original_rules_make_five_columns_of_at_least_five() {
    let tags = |names: &[&str]| {
        let list = names
            .iter()
            .zip(1..)
            .map(|(tag, n)| serde_json::json!({"tag": tag, "confidence": f64::from(n) / 16.0}));
        serde_json::Value::from(list.collect::<Vec<_>>()).to_string()
    };
    let lists = [
        &["cat", "Dog", "bird", "red cat", "house", "tree", "sun"][..],
        &["cat", "dog", "bird", "red cat", "häuser"],
        &["cat", "dog", "bird", "nsfw", "house"],
        &["cat", "dog", "bird", "gif", "nsfw", "house"],
    ];
    let items =
        lists.iter().zip(1..).map(|(names, id)| item(id, "a.jpg", Flags::SFW, Some(&tags(names)))).collect();
    let (_folder, config) = folder_with(items).await;
    let config = Config { rules: TagRules::default(), ..config }.with_original_rules();
    let report = prepare(&config).await.unwrap();
    insta::assert_snapshot!(fs::read_to_string(&config.output).unwrap(), @r"
    id,image,created,width,height,flags,is_nsfw,is_nsfl,is_nsfp,is_pol,tag1,confidence1,tag2,confidence2,tag3,confidence3,tag4,confidence4,tag5,confidence5
    1,a.jpg,1710000001,640,480,1,false,false,false,false,sun,0.4375,tree,0.375,house,0.3125,bird,0.1875,dog,0.125
    4,a.jpg,1710000004,640,480,1,true,false,false,false,house,0.375,gif,0.25,bird,0.1875,dog,0.125,cat,0.0625
    ");
    assert_eq!(report.rejects["too few tags"], 2);
}
