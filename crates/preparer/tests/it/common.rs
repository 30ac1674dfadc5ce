use std::fs;
use std::path::{Path, PathBuf};

use tagmill_model::{Flags, Item, ItemId};
use tagmill_preparer::{Config, Error, ItemFilter, Report, run};
use tagmill_store::{Batch, Store};
use tokio_util::sync::CancellationToken;

pub(crate) fn item(id: i64, image: &str, flags: Flags, tags: Option<&str>) -> Item {
    Item {
        up: 12,
        down: 3,
        created: 1_710_000_000 + id,
        width: 640,
        height: 480,
        flags,
        user_name: "k4tze".to_owned(),
        mark: 8,
        item_data: "{}".to_owned(),
        tags_data: tags.map(str::to_owned),
        updated_at: 1_780_000_000 + id,
        ..Item::new(ItemId(id), image)
    }
}

pub(crate) async fn commit(path: &Path, items: Vec<Item>) {
    let mut store = Store::open(path).await.unwrap();
    store.commit(Batch { items, ..Batch::new(Flags::SFW) }).await.unwrap();
    store.close().await.unwrap();
}

/// Many items, across several pages, some of them without use.
pub(crate) fn many() -> Vec<Item> {
    let tags = |id: i64| {
        let tag = |n: i64| {
            format!(r#"{{"id":{n},"confidence":0.{},"tag":"tag {}"}}"#, (id * n) % 97, (id + n) % 300)
        };
        let list: Vec<String> = (1..=id % 9).map(tag).collect();
        format!("[{}]", list.join(","))
    };
    (0..20_000)
        .map(|n| {
            let id = n * 7 + 3;
            item(id, &format!("2024/{:02}/{id}.jpg", id % 12), Flags::SFW, Some(tags(id).as_str()))
        })
        .collect()
}

pub(crate) async fn prepare(config: &Config) -> Result<Report, Error> {
    run(config.clone(), &(), &CancellationToken::new()).await
}

pub(crate) fn meta(config: &Config) -> PathBuf {
    tagmill_model::dataset::meta_path(&config.output)
}

pub(crate) fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// A database with items, and rules that suit them.
pub(crate) async fn folder_with(items: Vec<Item>) -> (tempfile::TempDir, Config) {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("items.db");
    commit(&database, items).await;
    let config = Config {
        min_tags: 2,
        max_tags: 3,
        filter: ItemFilter { classes: Flags::EVERY_CLASS - Flags::NSFL, ..ItemFilter::default() },
        ..Config::new(database, folder.path().join("dataset.csv"))
    };
    (folder, config)
}
