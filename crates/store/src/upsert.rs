//! Writing many items with few statements.
//!
//! One statement text of some hundred rows, built once and kept prepared by the connection, is ten times as fast as one
//! query per row through sqlx, whose connection executes on a thread of its own: each statement is a way there and back.
//! Kept measurements: `docs/benchmarks/2026-11-24-writes.md`.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::LazyLock;
use std::task::Poll;

use sqlx::error::BoxDynError;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments, SqliteConnection};
use tagmill_model::Item;

use crate::schema::ITEM_COLUMNS;

/// Rows a statement: of SQLite's 32,766 parameters, 256 rows take 4,608. 128 or 512 rows are as fast.
const ROWS: usize = 256;

static STATEMENT: LazyLock<String> = LazyLock::new(statement);

/// Upserts the items in the order given. Rising ids are several times faster than falling or random ones.
pub(crate) async fn items(connection: &mut SqliteConnection, items: Vec<Item>) -> Result<(), sqlx::Error> {
    let mut items = items.into_iter();
    // The connection executes on its own thread. Meanwhile this one puts together the next statement's arguments and
    // frees the last one's, of which the connection has only shares: 1.2 times as fast.
    let mut next = take(&mut items)?;
    let mut written = None;
    while let Some(arguments) = next {
        let running = sqlx::query_with(STATEMENT.as_str(), arguments.clone()).execute(&mut *connection);
        let mut running = pin!(running);
        let begun = poll_fn(|context| Poll::Ready(running.as_mut().poll(context))).await;
        drop(written.replace(arguments));
        next = take(&mut items)?;
        match begun {
            Poll::Ready(done) => done?,
            Poll::Pending => running.await?,
        };
    }
    Ok(())
}

/// The rows of the next statement.
fn take(items: &mut std::vec::IntoIter<Item>) -> Result<Option<SqliteArguments>, sqlx::Error> {
    if items.len() == 0 {
        return Ok(None);
    }
    let mut arguments = SqliteArguments::default();
    arguments.reserve(ROWS.min(items.len()) * ITEM_COLUMNS.len(), 0);
    for item in items.take(ROWS) {
        add(&mut arguments, item).map_err(sqlx::Error::Encode)?;
    }
    Ok(Some(arguments))
}

fn add(arguments: &mut SqliteArguments, item: Item) -> Result<(), BoxDynError> {
    arguments.add(item.id.0)?;
    arguments.add(item.image)?;
    arguments.add(item.promoted)?;
    arguments.add(item.up)?;
    arguments.add(item.down)?;
    arguments.add(item.created)?;
    arguments.add(item.width)?;
    arguments.add(item.height)?;
    arguments.add(item.audio)?;
    arguments.add(item.source)?;
    arguments.add(item.flags.bits())?;
    arguments.add(item.user_name)?;
    arguments.add(item.mark)?;
    arguments.add(item.gift)?;
    arguments.add(item.item_data)?;
    arguments.add(item.tags_data)?;
    arguments.add(item.comments_data)?;
    arguments.add(item.updated_at)
}

/// Takes up to [`ROWS`] rows: those without an id, whose parameters were not bound, are left out.
fn statement() -> String {
    let row = format!("({})", vec!["?"; ITEM_COLUMNS.len()].join(","));
    let updates: Vec<String> =
        ITEM_COLUMNS.into_iter().filter(|column| *column != "id").map(update).collect();
    format!(
        "INSERT INTO items ({}) SELECT * FROM (VALUES {}) WHERE column1 IS NOT NULL
        ON CONFLICT (id) DO UPDATE SET {}",
        ITEM_COLUMNS.join(", "),
        vec![row; ROWS].join(","),
        updates.join(", ")
    )
}

/// A refresh of the listing alone brings neither tags nor comments: what is known of them stays.
fn update(column: &str) -> String {
    match column {
        "tags_data" | "comments_data" => format!("{column} = coalesce(excluded.{column}, items.{column})"),
        _ => format!("{column} = excluded.{column}"),
    }
}
