//! Writing many items with few statements.
//!
//! One statement text of some hundred rows, built once and kept prepared by the connection, is as fast as a hand-written
//! loop over a prepared statement; one query per row is two to six times slower through sqlx.

use std::sync::LazyLock;

use sqlx::SqliteConnection;
use tagmill_model::Item;

use crate::schema::ITEM_COLUMNS;

/// Rows a statement, largest first; the last is 1, so that every count can be made up.
///
/// 256 rows are 4,608 parameters of SQLite's 32,766, and 2,000 or 5,000 rows leave few over for the smaller ones.
const ROWS: [usize; 3] = [256, 16, 1];

static STATEMENTS: LazyLock<[String; 3]> = LazyLock::new(|| ROWS.map(statement));

/// Upserts the items in the order given. Rising ids are several times faster than falling or random ones.
pub(crate) async fn items(connection: &mut SqliteConnection, items: Vec<Item>) -> Result<(), sqlx::Error> {
    let mut items = items.into_iter();
    for (rows, statement) in ROWS.into_iter().zip(STATEMENTS.iter()) {
        while items.len() >= rows {
            let mut query = sqlx::query(statement.as_str()).persistent(true);
            for item in items.by_ref().take(rows) {
                query = query
                    .bind(item.id.0)
                    .bind(item.image)
                    .bind(item.promoted)
                    .bind(item.up)
                    .bind(item.down)
                    .bind(item.created)
                    .bind(item.width)
                    .bind(item.height)
                    .bind(item.audio)
                    .bind(item.source)
                    .bind(item.flags.bits())
                    .bind(item.user_name)
                    .bind(item.mark)
                    .bind(item.gift)
                    .bind(item.item_data)
                    .bind(item.tags_data)
                    .bind(item.comments_data)
                    .bind(item.updated_at);
            }
            query.execute(&mut *connection).await?;
        }
    }
    Ok(())
}

fn statement(rows: usize) -> String {
    let row = format!("({})", vec!["?"; ITEM_COLUMNS.len()].join(","));
    let updates: Vec<String> =
        ITEM_COLUMNS.into_iter().filter(|column| *column != "id").map(update).collect();
    format!(
        "INSERT INTO items ({}) VALUES {} ON CONFLICT (id) DO UPDATE SET {}",
        ITEM_COLUMNS.join(", "),
        vec![row; rows].join(","),
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
