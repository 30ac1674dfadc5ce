//! What holds for any items.

use std::fs;
use std::num::NonZeroUsize;

use proptest::prelude::*;
use tagmill_model::dataset::DatasetReader;
use tagmill_model::{Flags, Item};
use tagmill_preparer::{Config, Interpreter, TagRules, convert};
use tagmill_store::Reader;

use crate::common::{commit, item, prepare};

/// Items of some twelve blocks, with tags of any characters.
fn some_items() -> impl Strategy<Value = Vec<Item>> {
    let name = prop_oneof![any::<String>(), "[a-cA-C ,\"\n]{1,4}", "nsfw|POL|video"];
    let tags = prop::collection::vec((name, -0.5f64..1.5), 0..6);
    let items = prop::collection::btree_map(1..50_000i64, tags, 1..30);
    items.prop_map(|items| {
        let made = items.into_iter().map(|(id, tags)| {
            let entry = |(tag, confidence)| serde_json::json!({ "tag": tag, "confidence": confidence });
            let json = serde_json::Value::from(tags.into_iter().map(entry).collect::<Vec<_>>()).to_string();
            item(id, "a.jpg", Flags::SFW, Some(&json))
        });
        made.collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn the_table_holds_what_each_item_becomes(items in some_items(), seed in any::<u64>(), threads in 1usize..4) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let path = |name: &str| folder.path().join(name);
            // Any character may stand in a cell.
            let rules = TagRules { pattern: Some(String::new()), ..TagRules::default() };
            let config =
                Config { min_tags: 0, max_tags: 4, rules, ..Config::new(path("items.db"), path("dataset.csv")) };
            commit(&config.database, items.clone()).await;
            let config = Config { threads: NonZeroUsize::new(threads), ..config };
            prepare(&config).await.unwrap();

            let mut interpreter = Interpreter::new(&config.rules).unwrap();
            let mut expected = Vec::new();
            let reader = Reader::open(&config.database).await.unwrap();
            let all = reader.ids().await.unwrap().unwrap();
            reader.scanner().unwrap().rows(all, |row| {
                expected.extend(convert(row, &config, &mut interpreter).0.ok());
            }).unwrap();
            let rows: Vec<_> = DatasetReader::open(&config.output).unwrap().map(Result::unwrap).collect();
            assert_eq!(rows, expected);

            // The same items, written in another order, read by another number of threads.
            let mut shuffled = items;
            shuffled.sort_by_key(|item| (item.id.0 as u64).wrapping_mul(seed | 1));
            let other = Config {
                database: path("other.db"),
                output: path("other.csv"),
                threads: NonZeroUsize::new(4 - threads),
                ..config.clone()
            };
            for items in shuffled.chunks(7) {
                commit(&other.database, items.to_vec()).await;
            }
            prepare(&other).await.unwrap();
            assert!(fs::read(&other.output).unwrap() == fs::read(&config.output).unwrap());
        });
    }
}
