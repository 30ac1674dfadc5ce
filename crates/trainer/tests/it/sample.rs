//! Small tables and pictures, and a model that trains on them in seconds.

use std::fs;
use std::path::{Path, PathBuf};

use image::{Rgb, RgbImage};
use tagmill_model::dataset::{DatasetRow, DatasetWriter};
use tagmill_model::{Flags, ItemId, MediaPath, Progress, Split, SplitConfig, Tag};
use tagmill_trainer::train::{Augmentation, Config, Precision, Settings};
use tagmill_trainer::{Device, predict, validate};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// Colours that pictures have on top and below; each is a tag.
pub(crate) const COLOURS: [(&str, [u8; 3]); 4] =
    [("red", [220, 20, 20]), ("green", [20, 200, 20]), ("blue", [20, 20, 220]), ("grey", [128, 128, 128])];

/// A folder with a table, its pictures, and place for a run.
pub(crate) struct Sample {
    pub(crate) folder: TempDir,
}

impl Sample {
    /// Items 1 to `items`, each with one or two of the colours.
    pub(crate) fn new(items: i64) -> Sample {
        let sample = Sample { folder: tempfile::tempdir().unwrap() };
        fs::create_dir_all(sample.media()).unwrap();
        let rows: Vec<DatasetRow> = (1..=items).map(row).collect();
        for row in &rows {
            picture(row.id.0).save(row.image.under(&sample.media())).unwrap();
        }
        sample.write(&rows);
        sample
    }

    pub(crate) fn write(&self, rows: &[DatasetRow]) {
        let mut writer = DatasetWriter::create(&self.dataset(), 4).unwrap();
        writer.write(rows).unwrap();
        writer.finish().unwrap();
    }

    pub(crate) fn dataset(&self) -> PathBuf {
        self.folder.path().join("dataset.csv")
    }

    pub(crate) fn media(&self) -> PathBuf {
        self.folder.path().join("media")
    }

    pub(crate) fn run(&self) -> PathBuf {
        self.folder.path().join("models/first")
    }

    pub(crate) fn picture(&self, id: i64) -> PathBuf {
        row(id).image.under(&self.media())
    }

    /// A training of two epochs at the smallest size.
    pub(crate) fn train(&self) -> Config {
        Config {
            settings: Settings {
                image_size: 32,
                epochs: 2,
                batch_size: 8,
                min_tag_count: 1,
                augmentation: Augmentation::NONE,
                precision: Precision::Float32,
                ..Settings::default()
            },
            device: Device::Cpu,
            // Tests run side by side: more threads than cores would slow them tenfold.
            threads: Some(1),
            ..Config::new(self.dataset(), self.media(), self.run())
        }
    }

    pub(crate) fn validate(&self) -> validate::Config {
        validate::Config {
            device: Device::Cpu,
            ..validate::Config::new(self.dataset(), self.media(), self.run())
        }
    }

    pub(crate) fn predict(&self, inputs: Vec<PathBuf>) -> predict::Config {
        predict::Config { device: Device::Cpu, ..predict::Config::new(self.run(), inputs) }
    }
}

pub(crate) fn row(id: i64) -> DatasetRow {
    let mut tags: Vec<Tag> =
        colours(id).map(|colour| Tag { name: COLOURS[colour].0.to_owned(), confidence: 0.5 }).to_vec();
    tags.dedup();
    DatasetRow {
        id: ItemId(id),
        image: MediaPath::parse(&format!("{id}.png")).unwrap(),
        created: 0,
        width: 24,
        height: 24,
        flags: Flags::SFW,
        // What is red on top offends some.
        content: if colours(id)[0] == 0 { Flags::NSFW } else { Flags::empty() },
        tags,
    }
}

/// The colours of the upper and the lower half.
fn colours(id: i64) -> [usize; 2] {
    let draw = (id * 7919) as usize;
    [draw % 4, draw / 4 % 4]
}

pub(crate) fn picture(id: i64) -> RgbImage {
    let [top, bottom] = colours(id);
    RgbImage::from_fn(24, 24, |x, y| {
        let colour = COLOURS[if y < 12 { top } else { bottom }].1;
        let grain = ((x * 31 + y * 17 + id as u32 * 13) % 23) as u8;
        Rgb(colour.map(|value| value.saturating_add(grain)))
    })
}

pub(crate) fn side(id: i64) -> Split {
    SplitConfig::default().side(ItemId(id))
}

/// Never cancels.
pub(crate) fn on() -> CancellationToken {
    CancellationToken::new()
}

/// Cancels when a phase has advanced by so many.
pub(crate) struct CancelAfter {
    pub(crate) phase: &'static str,
    pub(crate) items: std::sync::atomic::AtomicI64,
    pub(crate) current: std::sync::Mutex<&'static str>,
    pub(crate) token: CancellationToken,
}

impl CancelAfter {
    pub(crate) fn new(phase: &'static str, items: i64) -> CancelAfter {
        CancelAfter { phase, items: items.into(), current: "".into(), token: on() }
    }
}

impl Progress for CancelAfter {
    fn start(&self, phase: &'static str, _total: Option<u64>) {
        *self.current.lock().unwrap() = phase;
    }

    fn advance(&self, n: u64) {
        if *self.current.lock().unwrap() == self.phase {
            let left = self.items.fetch_sub(n as i64, std::sync::atomic::Ordering::Relaxed) - n as i64;
            if left <= 0 {
                self.token.cancel();
            }
        }
    }
}

pub(crate) fn bytes(run: &Path, file: &str) -> Vec<u8> {
    fs::read(run.join(file)).unwrap()
}
