use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::Value;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, Row};
use tagmill_fetcher::{Config, Error, Report, run};
use tagmill_http::{Pause, Retry, Url};
use tagmill_model::{Flags, ItemId, Progress};
use tagmill_store::{Interval, Intervals, Reader};
use tagmill_testboard::{Board, Post, World, WorldConfig};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// A world with all that makes one hard: gaps, odd JSON, several classes.
pub(crate) fn hard_world(items: u64) -> WorldConfig {
    WorldConfig { seed: 7, items, gap_share: 0.2, odd_share: 0.3, ..WorldConfig::default() }
}

/// A board on which everybody may see everything.
pub(crate) fn open_board(world: WorldConfig) -> tagmill_testboard::Config {
    tagmill_testboard::Config {
        world,
        anonymous_flags: Flags::EVERY_CLASS,
        keep_requests: true,
        ..tagmill_testboard::Config::default()
    }
}

pub(crate) fn start(config: tagmill_testboard::Config) -> Board {
    Board::start(config).unwrap()
}

/// A folder with a database to be.
pub(crate) struct Place {
    folder: TempDir,
}

impl Place {
    pub(crate) fn new() -> Place {
        Place { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.folder.path().join("items.db")
    }

    /// Small batches and short delays, so that much happens in little time.
    pub(crate) fn config(&self, board: &Board) -> Config {
        let mut config = Config {
            flags: Some(Flags::EVERY_CLASS),
            workers: 8,
            batch_size: 50,
            own_domains: vec!["testboard.invalid".to_owned()],
            ..Config::new(Url::parse(&board.api_url()).unwrap(), self.database())
        };
        config.http.retry = Retry {
            max_tries: 3,
            first_delay: Duration::from_millis(1),
            max_delay: Duration::from_millis(5),
            ..Retry::default()
        };
        config.http.pause = Pause {
            first_delay: Duration::from_millis(1),
            max_delay: Duration::from_millis(20),
            ..Pause::default()
        };
        config
    }

    pub(crate) async fn fetch(&self, board: &Board) -> Result<Report, Error> {
        fetch(self.config(board)).await
    }

    pub(crate) async fn reader(&self) -> Reader {
        Reader::open(&self.database()).await.unwrap()
    }

    pub(crate) async fn rows(&self) -> BTreeMap<ItemId, Stored> {
        rows(&self.database()).await
    }

    pub(crate) async fn coverage(&self) -> Intervals {
        self.reader().await.coverage(Flags::EVERY_CLASS).await.unwrap()
    }
}

pub(crate) async fn fetch(config: Config) -> Result<Report, Error> {
    run(config, &(), &CancellationToken::new()).await
}

/// Every column but the time of writing.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Stored {
    pub(crate) image: String,
    pub(crate) promoted: i64,
    pub(crate) up: i64,
    pub(crate) down: i64,
    pub(crate) created: i64,
    pub(crate) width: i64,
    pub(crate) height: i64,
    pub(crate) audio: bool,
    pub(crate) source: String,
    pub(crate) flags: Flags,
    pub(crate) user_name: String,
    pub(crate) mark: i64,
    pub(crate) gift: i64,
    pub(crate) item_data: String,
    pub(crate) tags_data: Option<String>,
    pub(crate) comments_data: Option<String>,
}

async fn rows(database: &Path) -> BTreeMap<ItemId, Stored> {
    let mut connection =
        SqliteConnectOptions::new().filename(database).read_only(true).connect().await.unwrap();
    let rows = sqlx::query("SELECT * FROM items ORDER BY id").fetch_all(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    let row = |row: &sqlx::sqlite::SqliteRow| Stored {
        image: row.get("image"),
        promoted: row.get("promoted"),
        up: row.get("up"),
        down: row.get("down"),
        created: row.get("created"),
        width: row.get("width"),
        height: row.get("height"),
        audio: row.get("audio"),
        source: row.get("source"),
        flags: Flags::from_bits_retain(row.get("flags")),
        user_name: row.get("user_name"),
        mark: row.get("mark"),
        gift: row.get("gift"),
        item_data: row.get("item_data"),
        tags_data: row.get("tags_data"),
        comments_data: row.get("comments_data"),
    };
    rows.iter().map(|stored| (ItemId(stored.get("id")), row(stored))).collect()
}

/// The rows are the world's posts: all of them, as they are.
#[track_caller]
pub(crate) fn assert_complete(rows: &BTreeMap<ItemId, Stored>, world: &World) {
    let ids: Vec<ItemId> = rows.keys().copied().collect();
    assert_eq!(ids, world.ids().collect::<Vec<_>>());
    for (id, row) in rows {
        assert_is(row, &world.item(*id).unwrap());
    }
}

#[track_caller]
pub(crate) fn assert_is(row: &Stored, post: &Post) {
    let listing = &post.listing;
    let id = listing.id;
    assert_eq!(row.image, listing.image, "{id}");
    assert_eq!((row.promoted, row.up, row.down), (listing.promoted, listing.up, listing.down), "{id}");
    assert_eq!(
        (row.created, row.width, row.height),
        (listing.created, listing.width.into(), listing.height.into()),
        "{id}"
    );
    assert_eq!((row.audio, &row.source, row.flags), (listing.audio, &listing.source, listing.flags), "{id}");
    assert_eq!((&row.user_name, row.mark, row.gift), (&listing.user, listing.mark, listing.gift), "{id}");

    let object: Value = serde_json::from_str(&row.item_data).unwrap();
    assert_eq!(number(&object["id"]), Some(id.0));
    let tags: Value = serde_json::from_str(row.tags_data.as_ref().unwrap()).unwrap();
    let tags: Vec<(Option<i64>, &str)> = tags
        .as_array()
        .unwrap()
        .iter()
        .map(|tag| (number(&tag["id"]), tag["tag"].as_str().unwrap()))
        .collect();
    let expected: Vec<(Option<i64>, &str)> =
        post.tags.iter().map(|tag| (Some(tag.id), tag.text.as_str())).collect();
    assert_eq!(tags, expected, "{id}");
}

fn number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

/// SQL of a program that is not ours.
pub(crate) async fn execute(place: &Place, sql: &str) {
    let options = SqliteConnectOptions::new().filename(place.database());
    let mut connection = options.connect().await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// The error with its causes, as the edge prints it.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// Unix seconds.
pub(crate) fn now() -> i64 {
    let since = std::time::UNIX_EPOCH.elapsed().unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

pub(crate) fn interval(first: i64, last: i64) -> Interval {
    Interval::new(ItemId(first), ItemId(last))
}

/// The items whose info was asked for, in that order, in the requests from the `from`-th on.
pub(crate) fn asked_infos(board: &Board, from: usize) -> Vec<ItemId> {
    let id = |request: &String| ItemId(request.split_once("items/info?itemId=").unwrap().1.parse().unwrap());
    board.requests()[from..].iter().filter(|request| request.contains("items/info")).map(id).collect()
}

/// Cancels when so many items are done.
pub(crate) struct CancelAt {
    left: AtomicU64,
    pub(crate) cancel: CancellationToken,
}

impl CancelAt {
    pub(crate) fn new(items: u64) -> CancelAt {
        CancelAt { left: AtomicU64::new(items), cancel: CancellationToken::new() }
    }
}

impl Progress for CancelAt {
    fn advance(&self, n: u64) {
        if self.left.fetch_sub(n, Ordering::Relaxed) <= n {
            self.cancel.cancel();
        }
    }
}

/// The items that are there.
pub(crate) async fn committed(place: &Place) -> BTreeSet<ItemId> {
    if !place.database().exists() {
        return BTreeSet::new();
    }
    place.rows().await.into_keys().collect()
}
