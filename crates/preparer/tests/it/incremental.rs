//! A run that goes on from the one before ends with the same bytes as one that begins anew.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use tagmill_model::{Flags, Item};
use tagmill_preparer::{Config, Error, ItemFilter, Report, TagRules};

use crate::common::{commit, item, many, meta, prepare};

/// The table and all that lies beside it.
fn files(config: &Config) -> [Vec<u8>; 3] {
    let blocks = config.output.with_extension("blocks.jsonl");
    [&config.output, &meta(config), &blocks].map(|path| fs::read(path).unwrap())
}

/// Runs incrementally, and anew elsewhere.
async fn compare(config: &Config) -> Report {
    let going_on = prepare(&Config { incremental: true, ..config.clone() }).await.unwrap();
    let anew = Config { output: config.output.with_file_name("anew.csv"), ..config.clone() };
    let report = prepare(&anew).await.unwrap();
    for (file, expected) in files(config).into_iter().zip(files(&anew)) {
        assert_eq!(String::from_utf8(file).unwrap(), String::from_utf8(expected).unwrap());
    }
    let same = Report { items_copied: 0, table: report.table.clone(), ..going_on.clone() };
    assert_eq!(same, report);
    going_on
}

fn settings(folder: &Path) -> Config {
    Config { min_tags: 2, max_tags: 3, ..Config::new(folder.join("items.db"), folder.join("dataset.csv")) }
}

#[tokio::test]
async fn only_what_changed_is_interpreted_again() {
    let folder = tempfile::tempdir().unwrap();
    let config = settings(folder.path());
    commit(&config.database, many()).await;
    // Where there is no table yet, there is nothing to go on from.
    assert_eq!(compare(&config).await.items_copied, 0);
    assert_eq!(compare(&config).await.items_copied, 20_000);

    let tags = r#"[{"tag":"aa"},{"tag":"bb"}]"#;
    // A new row in a hole, older than anything; a row that was there, written again in the same second.
    let mut same_second = many().swap_remove(100);
    same_second.tags_data = Some(tags.to_owned());
    let in_a_hole = Item { updated_at: 5, ..item(70_000, "a.jpg", Flags::SFW, Some(tags)) };
    commit(&config.database, vec![same_second, in_a_hole]).await;
    let report = compare(&config).await;
    assert_eq!((report.items_copied, report.items_read), (20_001 - 585 - 587, 20_001));

    // A row that is out, and in again.
    for flags in [Flags::NSFL, Flags::SFW] {
        commit(&config.database, vec![item(70_000, "a.jpg", flags, Some(tags))]).await;
        let safe = ItemFilter { classes: Flags::SFW, ..ItemFilter::default() };
        let config = Config { filter: safe, output: folder.path().join("safe.csv"), ..config.clone() };
        compare(&config).await;
    }
}

#[tokio::test]
async fn what_cannot_be_gone_on_from_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let config = settings(folder.path());
    commit(&config.database, many()).await;
    prepare(&config).await.unwrap();
    let before = files(&config);
    let refused = async |config: Config| {
        let error = prepare(&Config { incremental: true, ..config }).await.unwrap_err();
        assert!(matches!(error, Error::NotIncremental { .. }), "{error}");
        let text = error.to_string().replace(&folder.path().display().to_string(), "data");
        text.strip_prefix("cannot go on from `data/dataset.csv`: ").unwrap().to_owned()
    };
    assert_eq!(
        refused(Config {
            min_tags: 1,
            rules: TagRules { min_confidence: 0.3, ..TagRules::default() },
            ..config.clone()
        })
        .await,
        "it was made with other settings: min_tags, rules.min_confidence"
    );
    assert_eq!(
        refused(Config { limit: Some(5), ..config.clone() }).await,
        "which rows a limit lets in depends on all rows before them"
    );
    for config in
        [Config { min_tag_count: 2, ..config.clone() }, Config { drop_trash: true, ..config.clone() }]
    {
        assert_eq!(refused(config).await, "which tags are rare or trash depends on all rows");
    }
    assert_eq!(
        refused(Config { rejects: Some(folder.path().join("rejects.csv")), ..config.clone() }).await,
        "why an item was left out is not known of those that are not looked at again"
    );

    let facts = fs::read_to_string(meta(&config)).unwrap();
    for (from, to, expected) in [
        (
            "\"schema_version\": 2",
            "\"schema_version\": 1",
            "another version of tagmill made it, whose facts have another form",
        ),
        (
            "\"generator\": \"tagmill ",
            "\"generator\": \"tagmill 9",
            "tagmill 90.1.0 made it, and this is tagmill 0.1.0",
        ),
        ("{", "", "its facts cannot be read: trailing characters at line 2 column 19"),
    ] {
        fs::write(meta(&config), facts.replacen(from, to, 1)).unwrap();
        assert_eq!(refused(config.clone()).await, expected);
    }
    fs::remove_file(meta(&config)).unwrap();
    assert_eq!(refused(config.clone()).await, "there is no `data/dataset.meta.json`");
    fs::write(meta(&config), &facts).unwrap();

    for file in ["dataset.csv", "dataset.blocks.jsonl"] {
        let path = folder.path().join(file);
        let content = fs::read_to_string(&path).unwrap();
        fs::write(&path, content.replacen('1', "2", 1)).unwrap();
        assert_eq!(refused(config.clone()).await, format!("`data/{file}` is not what that run wrote"));
        fs::write(&path, content).unwrap();
    }
    assert!(files(&config) == before);
    assert_eq!(compare(&config).await.items_copied, 20_000);
}

#[tokio::test]
async fn tags_with_quotes_and_commas_are_counted_alike() {
    let folder = tempfile::tempdir().unwrap();
    let rules = TagRules {
        pattern: Some(String::new()),
        normalise: TagRules::original().normalise,
        ..TagRules::default()
    };
    let config = Config { rules, ..settings(folder.path()) };
    let tags = r#"[{"tag":"a,b"},{"tag":"\"c\""},{"tag":"d\ne"},{"tag":"=1+1"}]"#;
    commit(
        &config.database,
        vec![item(1, "a.jpg", Flags::SFW, Some(tags)), item(5000, "b.jpg", Flags::SFW, Some(tags))],
    )
    .await;
    compare(&config).await;
    assert_eq!(compare(&config).await.items_copied, 2);
}

#[derive(Debug, Clone)]
struct Edit {
    id: i64,
    tags: Vec<u8>,
    is_known: bool,
    flags: u32,
    second: i64,
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let edit = (0..60i64, prop::collection::vec(0..20u8, 0..5), prop::bool::weighted(0.9), 1..6u32, 0..4i64);
    let edit = edit.prop_map(|(id, tags, is_known, flags, second)| Edit {
        // Some 15 blocks.
        id: id * 997 + 1,
        tags,
        is_known,
        flags,
        second,
    });
    prop::collection::vec(edit, 0..12)
}

fn edited(edit: &Edit) -> Item {
    let tags: Vec<_> = edit
        .tags
        .iter()
        .map(|tag| serde_json::json!({"tag": format!("tag {tag}"), "confidence": f32::from(*tag) / 16.0}))
        .collect();
    let tags = serde_json::to_string(&tags).unwrap();
    let tags = edit.is_known.then_some(tags.as_str());
    Item {
        updated_at: 1_780_000_000 + edit.second,
        ..item(edit.id, "a.jpg", Flags::from_bits_retain(edit.flags), tags)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn any_edits_end_as_a_full_run(rounds in prop::collection::vec(edits(), 1..4)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let classes = Flags::SFW | Flags::NSFW | Flags::NSFL;
            let config = Config { filter: ItemFilter { classes, ..ItemFilter::default() }, ..settings(folder.path()) };
            // One that is always in the table, which must not be empty.
            commit(&config.database, vec![item(30_000, "a.jpg", Flags::SFW, Some(r#"[{"tag":"aa"},{"tag":"bb"}]"#))]).await;
            for edits in &rounds {
                commit(&config.database, edits.iter().map(edited).collect()).await;
                compare(&config).await;
            }
        });
    }
}
