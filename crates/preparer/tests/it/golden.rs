//! Small inputs beside the tables that they must become: `tests/golden/*.json` and `*.csv`.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tagmill_model::{Flags, Item, ItemId};
use tagmill_preparer::{Config, tags};

use crate::common::{commit, prepare};

/// `tags` is the JSON of the board, or, where that is not JSON at all, its text.
fn item(value: &Value) -> Item {
    let number = |name: &str| value[name].as_i64().unwrap_or(0);
    let tags = match &value["tags"] {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        tags => Some(tags.to_string()),
    };
    Item {
        created: number("created"),
        width: number("width"),
        height: number("height"),
        flags: Flags::from_bits_retain(u32::try_from(number("flags")).unwrap()),
        tags_data: tags,
        ..Item::new(ItemId(number("id")), value["image"].as_str().unwrap())
    }
}

fn config(golden: &Value, folder: &Path) -> Config {
    let count = |name: &str, default: usize| golden[name].as_u64().map_or(default, |count| count as usize);
    let mut config = Config::new(folder.join("items.db"), folder.join("dataset.csv"));
    (config.min_tags, config.max_tags) = (count("min_tags", 1), count("max_tags", 3));
    let text = |name: &str| golden[name].as_str().unwrap_or_default();
    config.rules.aliases = tags::parse_aliases(text("alias")).unwrap();
    config.rules.implications = tags::parse_implications(text("imply")).unwrap();
    config.rules.dropped = tags::parse_names(text("drop"));
    if golden["original_rules"] == true { config.with_original_rules() } else { config }
}

#[tokio::test]
async fn each_input_becomes_its_table() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut checked = 0;
    for entry in fs::read_dir(golden).unwrap() {
        let input = entry.unwrap().path();
        if input.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let golden: Value = serde_json::from_slice(&fs::read(&input).unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let config = config(&golden, folder.path());
        commit(&config.database, golden["items"].as_array().unwrap().iter().map(item).collect()).await;
        prepare(&config).await.unwrap();
        let table = fs::read_to_string(&config.output).unwrap();
        let expected = fs::read_to_string(input.with_extension("csv")).unwrap();
        assert_eq!(table, expected, "{}", input.display());
        checked += 1;
    }
    assert_eq!(checked, 5);
}
