use std::fs;
use std::path::{Path, PathBuf};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, SqliteConnection};
use tagmill_model::{Flags, Item, ItemId};
use tagmill_store::{Batch, Interval};

pub(crate) fn item(id: i64, tags: Option<&str>) -> Item {
    Item {
        up: 12,
        down: 3,
        created: 1_710_000_000 + id,
        width: 640,
        height: 480,
        flags: Flags::SFW,
        user_name: "k4tze".to_owned(),
        mark: 8,
        item_data: format!("{{\"id\":{id}}}"),
        tags_data: tags.map(str::to_owned),
        updated_at: 1_780_000_000,
        ..Item::new(ItemId(id), format!("2024/03/17/{id:016x}.jpg"))
    }
}

pub(crate) fn interval(first: i64, last: i64) -> Interval {
    Interval::new(ItemId(first), ItemId(last))
}

pub(crate) fn ids(first: i64, last: i64) -> Vec<ItemId> {
    (first..=last).map(ItemId).collect()
}

pub(crate) fn items(items: Vec<Item>) -> Batch {
    Batch { items, ..Batch::new(Flags::SFW) }
}

/// SQL of a program that is not ours.
pub(crate) async fn execute(path: &Path, sql: &str) {
    let mut connection = raw(path).await;
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

pub(crate) async fn raw(path: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(path).create_if_missing(true).connect().await.unwrap()
}

/// The table as the original program makes it, with its three indexes, NULLs and text times.
pub(crate) async fn original(path: &Path) {
    let sql = "
        PRAGMA journal_mode = WAL;
        CREATE TABLE items (id INTEGER PRIMARY KEY, image TEXT, promoted INTEGER, up INTEGER, down INTEGER,
            created INTEGER, width INTEGER, height INTEGER, audio INTEGER, source TEXT, flags INTEGER,
            user_name TEXT, mark INTEGER, gift INTEGER, item_data TEXT, tags_data TEXT, comments_data TEXT,
            updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP);
        CREATE INDEX idx_items_created ON items (created);
        CREATE INDEX idx_items_flags ON items (flags);
        CREATE INDEX idx_items_promoted ON items (promoted);
        INSERT INTO items (id, image, width, flags, tags_data, updated_at) VALUES
            (3, '2007/a.jpg', 524, 1, '[{\"id\":1,\"confidence\":0.5,\"tag\":\"rot\"}]', '2026-02-17 12:34:56'),
            (5, NULL, NULL, NULL, NULL, NULL),
            (8, '2007/b.png', 'wide', -4, CAST(x'5bff5d' AS TEXT), '2026-02-17T12:34:56.789');";
    execute(path, sql).await;
}

pub(crate) fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

pub(crate) fn database() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("items.db");
    (folder, path)
}
