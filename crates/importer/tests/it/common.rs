use std::fs;
use std::path::{Path, PathBuf};

use image::{ImageFormat, RgbImage};
use tagmill_importer::{Config, Error, Reason, Report, Source, run};
use tagmill_model::ItemId;
use tagmill_store::{Interval, Reader};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// A folder to import, and one for what is made of it.
pub(crate) struct Place {
    folder: TempDir,
}

impl Place {
    pub(crate) fn new() -> Place {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("source")).unwrap();
        fs::create_dir_all(folder.path().join("data")).unwrap();
        Place { folder }
    }

    /// A file of the source.
    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join("source").join(name)
    }

    /// A file of what is made.
    pub(crate) fn data(&self, name: &str) -> PathBuf {
        self.folder.path().join("data").join(name)
    }

    pub(crate) fn write(&self, name: &str, contents: impl AsRef<[u8]>) {
        fs::create_dir_all(self.at(name).parent().unwrap()).unwrap();
        fs::write(self.at(name), contents).unwrap();
    }

    /// A picture that another `seed` makes another one.
    pub(crate) fn picture(&self, name: &str, seed: u32) {
        fs::create_dir_all(self.at(name).parent().unwrap()).unwrap();
        let format = ImageFormat::from_path(name).unwrap_or(ImageFormat::Png);
        let colour = |x: u32, y: u32| image::Rgb([seed as u8, (seed >> 8) as u8, (x * 31 + y * 7) as u8]);
        RgbImage::from_fn(8, 6, colour).save_with_format(self.at(name), format).unwrap();
    }

    pub(crate) fn tagged(&self, name: &str, seed: u32, tags: &str) {
        self.picture(name, seed);
        fs::write(self.at(name).with_extension("txt"), tags).unwrap();
    }

    pub(crate) fn config(&self) -> Config {
        self.of(Source::folder(self.at("")))
    }

    pub(crate) fn of(&self, source: Source) -> Config {
        Config::new(source, self.data("items.db"), self.data("media"))
    }

    pub(crate) fn csv(&self, name: &str) -> Config {
        self.of(Source::Csv { file: self.at(name), media_root: None })
    }

    pub(crate) fn jsonl(&self, name: &str) -> Config {
        self.of(Source::Jsonl { file: self.at(name), media_root: None })
    }

    /// Each row as `id: tags; flags; width x height; created; the names that it came from`, without what differs between two
    /// places.
    pub(crate) async fn rows(&self) -> Vec<String> {
        let reader = Reader::open(&self.data("items.db")).await.unwrap();
        let all = Interval::new(ItemId(i64::MIN), ItemId(i64::MAX));
        let mut rows = Vec::new();
        reader
            .scanner()
            .unwrap()
            .rows(all, |row| {
                let tags: serde_json::Value = serde_json::from_str(row.tags_data.as_ref().unwrap()).unwrap();
                let tags: Vec<String> = tags
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|tag| match tag["confidence"].as_f64().unwrap() {
                        1.0 => tag["tag"].as_str().unwrap().to_owned(),
                        confidence => format!("{} {confidence}", tag["tag"].as_str().unwrap()),
                    })
                    .collect();
                assert!(row.image.starts_with("imported/"), "{}", row.image);
                assert!(self.data("media").join(row.image.as_ref()).metadata().unwrap().is_file());
                rows.push((row.id, tags.join(" | "), format!("{}; {}x{}", row.flags, row.width, row.height)));
            })
            .unwrap();
        let ids: Vec<ItemId> = rows.iter().map(|(id, ..)| *id).collect();
        let mut listed = reader.listed(&ids).await.unwrap();
        listed.reverse();
        reader.close().await;
        let root = self.at("").canonicalize().unwrap();
        let names = |item_data: &str| {
            let data: serde_json::Value = serde_json::from_str(item_data).unwrap();
            let paths = data["import"].as_array().unwrap().iter().map(|origin| {
                let path = Path::new(origin["path"].as_str().unwrap());
                path.strip_prefix(&root).unwrap_or(path).to_str().unwrap().to_owned()
            });
            paths.collect::<Vec<_>>().join(" ")
        };
        let rows = rows.into_iter().zip(listed);
        rows.map(|((id, tags, rest), item)| format!("{id}: {tags}; {rest}; {}", names(&item.item_data)))
            .collect()
    }

    /// Files below the media folder, `/`-joined and sorted.
    pub(crate) fn media(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut folders = vec![self.data("media")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten().map(Result::unwrap) {
                match entry.file_type().unwrap().is_dir() {
                    true => folders.push(entry.path()),
                    false => found.push(
                        entry.path().strip_prefix(self.data("media")).unwrap().to_str().unwrap().to_owned(),
                    ),
                }
            }
        }
        found.sort();
        found
    }
}

pub(crate) async fn import(config: &Config) -> Result<Report, Error> {
    run(config.clone(), &(), &CancellationToken::new()).await
}

/// What a report counts of pictures: taken, new, changed, known, duplicates.
pub(crate) fn counts(report: &Report) -> [u64; 5] {
    let Report { pictures, new, changed, known, duplicates, .. } = *report;
    assert_eq!(pictures, new + changed + known + duplicates, "{report}");
    [pictures, new, changed, known, duplicates]
}

/// `2 untagged, 1 corrupt`, of both lists, by reason.
pub(crate) fn faults(report: &Report) -> String {
    let all = report.left_out.iter().chain(&report.remarks);
    let mut all: Vec<(Reason, u64)> = all.map(|(reason, faults)| (*reason, faults.count)).collect();
    all.sort();
    all.iter().map(|(reason, count)| format!("{count} {reason}")).collect::<Vec<_>>().join(", ")
}
