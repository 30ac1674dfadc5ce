//! The real binary in a folder of its own.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use image::{ImageFormat, Rgb, RgbImage};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};
use tagmill_testboard::{Board, Config, Mishaps, WorldConfig};
use tempfile::TempDir;

pub(crate) struct Workplace {
    folder: TempDir,
}

pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Workplace {
    pub(crate) fn new() -> Workplace {
        Workplace { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `tagmill` with this folder as its data folder and nothing else from the environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tagmill"));
        command.env_clear().args(arguments).arg("--data-dir").arg(self.folder.path());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.ran(self.command(arguments).output().unwrap())
    }

    /// With these lines on stdin, which is no terminal.
    pub(crate) fn run_with(&self, arguments: &[&str], lines: &[&str]) -> Ran {
        let mut child = self.start(self.command(arguments).stdin(Stdio::piped()));
        // A child that has seen enough does not read the rest.
        let _ = child.stdin.take().unwrap().write_all((lines.join("\n") + "\n").as_bytes());
        self.ran(child.wait_with_output().unwrap())
    }

    /// Starts a command whose output can be had at its end.
    pub(crate) fn start(&self, command: &mut Command) -> Child {
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.path("items.db")
    }

    /// The items whose tags are in the database.
    pub(crate) fn complete(&self) -> BTreeSet<i64> {
        complete(&self.database())
    }

    pub(crate) fn ran(&self, output: Output) -> Ran {
        let folder = self.folder.path().to_str().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap().replace(folder, "DATA");
        Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

impl Ran {
    /// What stderr says besides logs: the error and its hint.
    pub(crate) fn error(&self) -> String {
        let is_told = |line: &&str| line.starts_with("error:") || line.starts_with("hint:");
        self.stderr.lines().filter(is_told).collect::<Vec<_>>().join("\n")
    }
}

pub(crate) fn board(items: u64) -> Board {
    let world = WorldConfig { items, ..WorldConfig::default() };
    Board::start(Config { world, ..Config::default() }).unwrap()
}

/// A board that leaves time for something to happen between two answers, and knows what it was asked.
pub(crate) fn slow_board(items: u64) -> Board {
    Board::start(Config {
        world: WorldConfig { items, ..WorldConfig::default() },
        mishaps: Mishaps { latency: Duration::from_millis(10), ..Mishaps::default() },
        keep_requests: true,
        ..Config::default()
    })
    .unwrap()
}

/// Waits until the board has been asked so much, or the child has ended.
pub(crate) fn wait_for(board: &Board, child: &mut Child, is_enough: impl Fn(&Board) -> bool) {
    while !is_enough(board) && child.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
}

/// The items that the board was asked for, in its requests from the `from`-th on.
pub(crate) fn asked_infos(board: &Board, from: usize) -> Vec<i64> {
    let id = |request: &String| request.split_once("items/info?itemId=")?.1.parse().ok();
    board.requests()[from..].iter().filter_map(id).collect()
}

/// A picture and its sidecar.
pub(crate) fn tagged(folder: &Path, name: &str, seed: u32, tags: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let colour = |x: u32, y: u32| Rgb([seed as u8, (seed >> 8) as u8, (x * 31 + y * 7) as u8]);
    RgbImage::from_fn(8, 6, colour).save_with_format(&path, ImageFormat::Png).unwrap();
    fs::write(path.with_extension("txt"), tags).unwrap();
}

/// A folder of pictures, and its name.
pub(crate) fn photos(pictures: u32) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    for n in 0..pictures {
        tagged(
            folder.path(),
            &format!("{}/{n:04}.png", n % 7),
            n,
            &format!("cat {}, sofa, blue, tree, sky", n % 9),
        );
    }
    let name = folder.path().to_str().unwrap().to_owned();
    (folder, name)
}

/// As Ctrl-C in a terminal.
#[cfg(unix)]
pub(crate) fn interrupt(child: &Child) {
    let status = Command::new("sh").arg("-c").arg(format!("kill -INT {}", child.id())).status().unwrap();
    assert!(status.success());
}

/// Lets SQLite itself look at a database.
pub(crate) fn sqlite<T>(
    options: SqliteConnectOptions,
    look: impl AsyncFnOnce(&mut SqliteConnection) -> T,
) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut connection = options.connect().await.unwrap();
        let seen = look(&mut connection).await;
        connection.close().await.unwrap();
        seen
    })
}

fn read_only(database: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new().filename(database).read_only(true)
}

/// SQL of a program that is not ours.
pub(crate) fn execute(database: &Path, sql: &str) {
    sqlite(SqliteConnectOptions::new().filename(database), async |connection| {
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(connection).await.unwrap();
    });
}

#[track_caller]
pub(crate) fn assert_sound(database: &Path) {
    let found: Vec<String> = sqlite(read_only(database), async |connection| {
        sqlx::query_scalar("PRAGMA integrity_check").fetch_all(connection).await.unwrap()
    });
    assert_eq!(found, ["ok"]);
}

/// The items of a database that have tags; none where there is no database yet.
pub(crate) fn complete(database: &Path) -> BTreeSet<i64> {
    if !database.exists() {
        return BTreeSet::new();
    }
    sqlite(read_only(database), async |connection| {
        let count = "SELECT count(*) FROM sqlite_master WHERE name = 'items'";
        let tables: i64 = sqlx::query_scalar(count).fetch_one(&mut *connection).await.unwrap();
        if tables == 0 {
            return BTreeSet::new();
        }
        let ids = "SELECT id FROM items WHERE tags_data IS NOT NULL";
        sqlx::query_scalar(ids).fetch_all(connection).await.unwrap().into_iter().collect()
    })
}

/// Moments that look like chance and are the same in every run: numbers below `limit`, by xorshift.
pub(crate) fn moments(limit: u64) -> impl Iterator<Item = u64> {
    let seed = 0x9e37_79b9_7f4a_7c15_u64;
    std::iter::successors(Some(seed), |state| {
        let state = state ^ (state << 13);
        let state = state ^ (state >> 7);
        Some(state ^ (state << 17))
    })
    .map(move |state| (state >> 32) % limit)
}
