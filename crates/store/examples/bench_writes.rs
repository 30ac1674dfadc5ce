//! Rows a second of the store's batched upsert beside one sqlx query a row on the same settings, in one run.
//!
//! `cargo xtask bench writes`
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::path::Path;
use std::time::Instant;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};
use tagmill_model::{Flags, Item, ItemId};
use tagmill_store::{Batch, Store};

const ROWS: i64 = 40_000;
const BATCHES: [usize; 4] = [100, 500, 2_000, 5_000];

type Failed = Box<dyn std::error::Error>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failed> {
    let rising: Vec<Item> = (1..=ROWS).map(item).collect();
    let falling: Vec<Item> = rising.iter().rev().cloned().collect();
    println!(
        "{ROWS} new rows of {} bytes each",
        rising[0].item_data.len() + rising[0].tags_data.as_ref().map_or(0, String::len)
    );
    println!("{:>6} {:>8} {:>16} {:>16} {:>7}", "batch", "order", "store, rows/s", "row by row", "ratio");
    for batch in BATCHES {
        for (order, items) in [("rising", &rising), ("falling", &falling)] {
            let store = batched(items, batch).await?;
            let single = row_by_row(items, batch).await?;
            println!("{batch:>6} {order:>8} {store:>16.0} {single:>16.0} {:>7.2}", store / single);
        }
    }
    Ok(())
}

async fn batched(items: &[Item], size: usize) -> Result<f64, Failed> {
    let folder = tempfile::tempdir()?;
    let mut store = Store::open(&folder.path().join("items.db")).await?;
    let batches: Vec<Vec<Item>> = items.chunks(size).map(<[Item]>::to_vec).collect();
    let started = Instant::now();
    for items in batches {
        store.commit(Batch { items, ..Batch::new(Flags::SFW) }).await?;
    }
    store.close().await?;
    Ok(items.len() as f64 / started.elapsed().as_secs_f64())
}

/// What a first draft would do: the same table and pragmas, a transaction a batch, a query a row, in the order they come.
async fn row_by_row(items: &[Item], size: usize) -> Result<f64, Failed> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("items.db");
    Store::open(&path).await?.close().await?;
    let started = Instant::now();
    let mut connection = connect(&path).await?;
    for batch in items.chunks(size) {
        let mut transaction = connection.begin().await?;
        for item in batch {
            sqlx::query(
                "INSERT INTO items VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)
                 ON CONFLICT (id) DO UPDATE SET up = excluded.up, tags_data = excluded.tags_data",
            )
            .bind(item.id.0)
            .bind(&item.image)
            .bind(item.promoted)
            .bind(item.up)
            .bind(item.down)
            .bind(item.created)
            .bind(item.width)
            .bind(item.height)
            .bind(item.audio)
            .bind(&item.source)
            .bind(item.flags.bits())
            .bind(&item.user_name)
            .bind(item.mark)
            .bind(item.gift)
            .bind(&item.item_data)
            .bind(&item.tags_data)
            .bind(&item.comments_data)
            .bind(item.updated_at)
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await?;
    }
    sqlx::raw_sql("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut connection).await?;
    connection.close().await?;
    Ok(items.len() as f64 / started.elapsed().as_secs_f64())
}

async fn connect(path: &Path) -> Result<sqlx::SqliteConnection, sqlx::Error> {
    let mut connection = SqliteConnectOptions::new().filename(path).connect().await?;
    let pragmas = "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
        PRAGMA wal_autocheckpoint = 65536; PRAGMA cache_size = -32768;";
    sqlx::raw_sql(pragmas).execute(&mut connection).await?;
    Ok(connection)
}

/// An item of the usual size: a listing object of half a kilobyte and twelve tags.
fn item(id: i64) -> Item {
    let tags: Vec<String> = (0..12)
        .map(|n| {
            format!(
                r#"{{"id":{},"confidence":0.{:06},"tag":"ein Beispiel {n}"}}"#,
                id * 12 + n,
                (id * 7919 + n) % 1_000_000
            )
        })
        .collect();
    Item {
        id: ItemId(id),
        image: format!("2026/05/28/{id:016x}.jpg"),
        promoted: 0,
        up: id % 1000,
        down: id % 50,
        created: 1_780_000_000 + id,
        width: 1052,
        height: 1480,
        audio: false,
        source: String::new(),
        flags: Flags::SFW,
        user_name: "BeispielNutzer".to_owned(),
        mark: 8,
        gift: 0,
        item_data: format!(r#"{{"id":{id},"filler":"{}"}}"#, "x".repeat(480)),
        tags_data: Some(format!("[{}]", tags.join(","))),
        comments_data: None,
        updated_at: 1_780_000_500,
    }
}
