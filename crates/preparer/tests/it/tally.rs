//! `tally::run` as an embedder calls it, on a real database in a temporary folder.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::num::NonZeroUsize;
use std::path::Path;

use tagmill_model::{Flags, Item, ItemId, Outcome, Progress, StageReport};
use tagmill_preparer::TagRules;
use tagmill_preparer::tags::{self, Normalise};
use tagmill_preparer::tally::{Config, Error, Media, Report, run};
use tagmill_store::{Batch, Store};
use tokio_util::sync::CancellationToken;

fn item(id: i64, image: &str, flags: Flags, tags: Option<&str>) -> Item {
    Item { flags, tags_data: tags.map(str::to_owned), ..Item::new(ItemId(id), image) }
}

async fn database(items: Vec<Item>) -> (tempfile::TempDir, Config) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("items.db");
    let mut store = Store::open(&path).await.unwrap();
    store.commit(Batch { items, ..Batch::new(Flags::SFW) }).await.unwrap();
    store.close().await.unwrap();
    (folder, Config::new(path))
}

fn samples() -> Vec<Item> {
    vec![
        item(
            1,
            "a.jpg",
            Flags::SFW,
            Some(r#"[{"tag":"Katze"},{"tag":" katze "},{"tag":"Hund"},{"tag":"sofa"}]"#),
        ),
        item(2, "b.jpg", Flags::SFW, Some(r#"[{"tag":"katze"},{"tag":"sofa"},{"tag":null},{"tag":"  "}]"#)),
        item(3, "c.mp4", Flags::SFW, Some(r#"[{"tag":"KATZE"},{"tag":"video"}]"#)),
        item(4, "d.jpg", Flags::NSFW, Some(r#"[{"tag":"hund"},{"tag":"nsfw"}]"#)),
        item(5, "e.jpg", Flags::SFW, None),
        item(6, "f.jpg", Flags::SFW, Some("<html>")),
        item(900_000, "g.jpg", Flags::SFW, Some("[]")),
        item(900_001, "h.jpg", Flags::SFW, Some(r#"{"tags":[]}"#)),
    ]
}

fn normalise(tag: &str) -> String {
    tags::normalise(tag, TagRules::default().normalise).into_owned()
}

async fn tally(config: &Config) -> Result<Report, Error> {
    run(config.clone(), &(), &CancellationToken::new()).await
}

fn shown(report: &Report) -> Vec<(&str, u64)> {
    report.tags.iter().map(|tag| (tag.tag.as_str(), tag.items)).collect()
}

#[tokio::test]
async fn tags_count_once_an_item_and_the_rest_has_its_reason() {
    let (folder, config) = database(samples()).await;
    let before = fs::read(&config.database).unwrap();
    let report = tally(&config).await.unwrap();
    assert_eq!(shown(&report), [("katze", 3), ("hund", 2), ("sofa", 2), ("nsfw", 1), ("video", 1)]);
    assert_eq!(report.tags[0].share, 3.0 / 5.0);
    assert_eq!((report.distinct_tags, report.uses, report.unreadable_tags), (5, 9, 2));
    assert_eq!((report.items_read, report.items_counted, report.items_without_tags), (8, 5, 1));
    assert_eq!((report.failed(), report.malformed.as_slice()), (2, [ItemId(6), ItemId(900_001)].as_slice()));
    insta::assert_snapshot!(report, @"5 different tags, 9 in all, on 5 of 8 items; not counted: 1 tags not fetched, 2 malformed tags");
    assert!(fs::read(&config.database).unwrap() == before, "counting changed the database");
    drop(folder);
}

#[tokio::test]
async fn as_typed_is_as_typed() {
    let (_folder, config) = database(samples()).await;
    let report = tally(&Config { normalise: Normalise::NOTHING, ..config }).await.unwrap();
    let katzen: Vec<_> = shown(&report).into_iter().filter(|(tag, _)| normalise(tag) == "katze").collect();
    assert_eq!(katzen, [(" katze ", 1), ("KATZE", 1), ("Katze", 1), ("katze", 1)]);
    assert!(shown(&report).contains(&("  ", 1)));
}

#[tokio::test]
async fn filters() {
    let (_folder, config) = database(samples()).await;
    let images = tally(&Config { media: Media::Images, ..config.clone() }).await.unwrap();
    assert_eq!(shown(&images), [("hund", 2), ("katze", 2), ("sofa", 2), ("nsfw", 1)]);
    assert_eq!(images.items_left_out, 1);
    let safe = tally(&Config { classes: Flags::SFW, ..config }).await.unwrap();
    assert_eq!(shown(&safe), [("katze", 3), ("sofa", 2), ("hund", 1), ("video", 1)]);
}

#[tokio::test]
async fn what_occurs_beside_a_tag() {
    let (_folder, config) = database(samples()).await;
    let report = tally(&Config { beside: Some(" KATZE".to_owned()), ..config.clone() }).await.unwrap();
    let beside = report.beside.unwrap();
    assert_eq!((beside.tag.as_str(), beside.items), ("katze", 3));
    let others: Vec<_> =
        beside.others.iter().map(|tag| (tag.tag.as_str(), tag.together, tag.items)).collect();
    assert_eq!(others, [("sofa", 2, 2), ("hund", 1, 2), ("video", 1, 1)]);
    let sofa = &beside.others[0];
    assert!((sofa.share - 2.0 / 3.0).abs() < 1e-12 && (sofa.lift - 2.0 / 3.0 * 5.0 / 2.0).abs() < 1e-12);
    assert!(report.tags.is_empty());

    let error = tally(&Config { beside: Some("Vogel".to_owned()), ..config.clone() }).await.unwrap_err();
    assert_eq!(error.to_string(), "none of the 5 items with tags has the tag `vogel`");
    let error = tally(&Config { beside: Some(" ".to_owned()), ..config }).await.unwrap_err();
    assert_eq!(error.to_string(), "none of the 5 items with tags has the tag ``");
}

/// Items far apart, close together, and more than a page of them.
fn many() -> Vec<Item> {
    let tags = |id: i64| {
        let tag = |n: i64| format!(r#"{{"id":{n},"confidence":0.5,"tag":"Tag {}"}}"#, (id * n) % 211);
        format!("[{}]", (1..=id % 9).map(tag).collect::<Vec<_>>().join(","))
    };
    (0..12_000)
        .map(|n| if n < 6000 { n + 1 } else { n * 97 })
        .map(|id| item(id, "a.jpg", Flags::SFW, Some(&tags(id))))
        .collect()
}

#[tokio::test]
async fn the_counts_are_those_of_a_plain_loop_whatever_the_threads() {
    let items = many();
    let mut expected: BTreeMap<String, u64> = BTreeMap::new();
    for item in &items {
        let list: serde_json::Value = serde_json::from_str(item.tags_data.as_deref().unwrap()).unwrap();
        let names: BTreeSet<String> =
            list.as_array().unwrap().iter().map(|tag| normalise(tag["tag"].as_str().unwrap())).collect();
        names.into_iter().for_each(|name| *expected.entry(name).or_default() += 1);
    }
    let (_folder, config) = database(items).await;
    let one = tally(&Config { threads: NonZeroUsize::new(1), ..config.clone() }).await.unwrap();
    let counted: BTreeMap<String, u64> = one.tags.iter().map(|tag| (tag.tag.clone(), tag.items)).collect();
    assert_eq!(counted, expected);
    for threads in [2, 5] {
        assert_eq!(
            tally(&Config { threads: NonZeroUsize::new(threads), ..config.clone() }).await.unwrap(),
            one
        );
    }
}

/// Cancels when it first gets ahead, and adds up how far it got.
struct CancelOnAdvance(CancellationToken);

impl Progress for CancelOnAdvance {
    fn advance(&self, _: u64) {
        self.0.cancel();
    }
}

#[tokio::test]
async fn cancelled_it_says_so() {
    let (_folder, config) = database(many()).await;
    let cancel = CancellationToken::new();
    cancel.cancel();
    let report = run(config.clone(), &(), &cancel).await.unwrap();
    assert_eq!((report.outcome(), report.items_read), (Outcome::Cancelled, 0));
    assert_eq!(report.to_string(), "cancelled after 0 items");

    let cancel = CancellationToken::new();
    let config = Config { threads: NonZeroUsize::new(1), beside: Some("tag 1".to_owned()), ..config };
    let report = run(config, &CancelOnAdvance(cancel.clone()), &cancel).await.unwrap();
    assert!(report.items_read > 0);
}

#[tokio::test]
async fn an_empty_database_has_no_tags_and_a_missing_one_is_an_error() {
    let (folder, config) = database(Vec::new()).await;
    let report = tally(&config).await.unwrap();
    assert_eq!((report.outcome(), report.distinct_tags), (Outcome::Completed, 0));
    let nowhere: &Path = &folder.path().join("nowhere.db");
    let error = tally(&Config::new(nowhere)).await.unwrap_err();
    assert!(matches!(error, Error::Store(tagmill_store::Error::NotFound { .. })));
}
