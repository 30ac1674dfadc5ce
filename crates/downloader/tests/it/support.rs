//! A board, a dataset of its posts and a folder to download into.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tagmill_downloader::{Config, Error, Hosts, Report, Source, run};
use tagmill_http::{Pause, Retry};
use tagmill_model::dataset::{DatasetRow, DatasetWriter};
use tagmill_model::{Flags, Item, ItemId, MediaKind, MediaPath};
use tagmill_store::{Batch, Store};
use tagmill_testboard::{Board, Config as BoardConfig, Mishaps, Script, World, WorldConfig};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

pub(crate) struct Scene {
    pub(crate) board: Board,
    folder: TempDir,
}

impl Scene {
    /// A small board, its dataset written.
    pub(crate) fn new(script: Script, mishaps: Mishaps) -> Scene {
        Scene::of(60, script, mishaps)
    }

    pub(crate) fn of(items: u64, script: Script, mishaps: Mishaps) -> Scene {
        let world = WorldConfig { seed: 5, items, odd_share: 0.0, ..WorldConfig::default() };
        let config = BoardConfig { world, script, mishaps, keep_requests: true, ..BoardConfig::default() };
        let scene = Scene { board: Board::start(config).unwrap(), folder: tempfile::tempdir().unwrap() };
        write_dataset(&scene.path("dataset.csv"), &rows(scene.board.world()));
        scene
    }

    pub(crate) fn quiet() -> Scene {
        Scene::new(Script::new(), Mishaps::default())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Delays short enough for a test.
    pub(crate) fn config(&self) -> Config {
        let source = Source::Dataset(self.path("dataset.csv"));
        let hosts = Hosts::one(self.board.media_url().parse().unwrap());
        let mut config = Config::new(source, self.path("media"), hosts);
        let (first_delay, max_delay) = (Duration::from_millis(1), Duration::from_millis(4));
        config.http.retry = Retry { max_tries: 3, first_delay, max_delay, ..Retry::default() };
        config.http.pause = Pause { first_delay, max_delay, ..Pause::default() };
        config
    }

    pub(crate) async fn run(&self) -> Result<Report, Error> {
        run(self.config(), &(), &CancellationToken::new()).await
    }

    /// The pictures of the board: what a run must leave behind.
    pub(crate) fn pictures(&self) -> BTreeMap<String, Vec<u8>> {
        let world = self.board.world();
        rows(world)
            .into_iter()
            .filter(|row| row.image.kind() == MediaKind::Image)
            .map(|row| (row.image.to_string(), world.media_bytes(row.id).unwrap()))
            .collect()
    }

    /// The id and path of the n-th picture.
    pub(crate) fn picture(&self, n: usize) -> (ItemId, MediaPath) {
        let mut pictures =
            rows(self.board.world()).into_iter().filter(|row| row.image.kind() == MediaKind::Image);
        pictures.nth(n).map(|row| (row.id, row.image)).unwrap()
    }

    /// All files below the media folder but the downloader's own.
    pub(crate) fn saved(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        collect(&self.path("media"), "", &mut files);
        files
    }
}

fn collect(folder: &Path, prefix: &str, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        if entry.file_type().unwrap().is_dir() {
            if name != ".tagmill" {
                collect(&entry.path(), &format!("{prefix}{name}/"), files);
            }
        } else {
            files.insert(format!("{prefix}{name}"), fs::read(entry.path()).unwrap());
        }
    }
}

pub(crate) fn rows(world: &World) -> Vec<DatasetRow> {
    let row = |id| DatasetRow {
        id,
        image: MediaPath::parse(&world.item(id).unwrap().listing.image).unwrap(),
        created: 0,
        width: 0,
        height: 0,
        flags: Flags::SFW,
        content: Flags::empty(),
        tags: Vec::new(),
    };
    world.ids().map(row).collect()
}

pub(crate) fn write_dataset(path: &Path, rows: &[DatasetRow]) {
    let mut writer = DatasetWriter::create(path, 2).unwrap();
    writer.write(rows).unwrap();
    writer.finish().unwrap();
}

/// An items database with these paths.
pub(crate) async fn write_items(path: &Path, images: impl IntoIterator<Item = (ItemId, String)>) {
    write_store(path, images.into_iter().map(|(id, image)| item(id, image)).collect()).await;
}

pub(crate) async fn write_store(path: &Path, items: Vec<Item>) {
    let mut store = Store::open(path).await.unwrap();
    store.commit(Batch { items, ..Batch::new(Flags::SFW) }).await.unwrap();
    store.close().await.unwrap();
}

fn item(id: ItemId, image: String) -> Item {
    Item { flags: Flags::SFW, item_data: "{}".to_owned(), ..Item::new(id, image) }
}
