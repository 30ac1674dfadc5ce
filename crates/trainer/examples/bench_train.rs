//! Pictures a second that networks train on and score, and how long they wait for data.
//!
//! `cargo xtask bench train`, which shows the tables that this program prints as JSON. Each figure is of a real training on
//! pictures that it draws, data path included: the second of two epochs, so that nothing is measured that happens once.

#![expect(clippy::print_stdout, reason = "the figures are the program's output")]

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use image::{Rgb, RgbImage};
use serde_json::json;
use tagmill_model::dataset::{DatasetRow, DatasetWriter};
use tagmill_model::picture::Limits;
use tagmill_model::{Flags, ItemId, MediaPath, SplitConfig, Tag};
use tagmill_trainer::train::{self, Architecture, Augmentation, Config, EpochFigures, Precision, Settings};
use tagmill_trainer::{Device, Picture, Tagger};
use tokio_util::sync::CancellationToken;

/// What a network for photographs takes.
const SIZE: u32 = 224;
/// The most that a step may wait for data, as a share of its time.
const WAIT: f64 = 0.03;
/// The least that a head has to train on in a second.
const HEAD: f64 = 20_000.0;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let parent = arguments.iter().find(|argument| !argument.starts_with("--"));
    let bench = Bench {
        folder: tempfile::tempdir_in(parent.map_or_else(std::env::temp_dir, PathBuf::from))?,
        device: if has("--cuda") { Device::Cuda } else { Device::Cpu },
        quick: has("--quick"),
    };
    bench.networks(has("--all"))?;
    bench.head()
}

struct Bench {
    folder: tempfile::TempDir,
    device: Device,
    quick: bool,
}

impl Bench {
    fn networks(&self, all: bool) -> Result<(), Box<dyn Error>> {
        let gpu = self.device == Device::Cuda;
        let batch_size = if gpu { 128 } else { 16 };
        let pictures = batch_size * if self.quick { 4 } else { 12 };
        let data = self.data("pictures", pictures, 480, 24)?;
        // What the device would choose by itself, which is 16 bits where it is built for them; and both on request.
        let kinds: &[(Precision, &str)] = match all {
            true => &[(Precision::Float32, "32 bits"), (Precision::Bfloat16, "16 bits")],
            false => &[(Precision::Auto, "as the device is built")],
        };
        let mut rows = Vec::new();
        for architecture in [Architecture::Resnet18, Architecture::Resnet50] {
            for (precision, name) in kinds {
                let settings = Settings {
                    architecture,
                    precision: *precision,
                    image_size: SIZE,
                    batch_size,
                    epochs: 2,
                    ..everything()
                };
                let config = self.config(&data, settings);
                let epoch = last_epoch(&config)?;
                let scored = self.scored(&config.run, &data, pictures)?;
                let wait = 100.0 * epoch.data_wait;
                let verdict = if epoch.data_wait < WAIT { "met" } else { "missed" };
                rows.push([
                    format!("{}, {name}", architecture.name()),
                    format!("{:.1}", epoch.images_per_second),
                    format!("{wait:.2} % ({verdict}: under {:.0} %)", 100.0 * WAIT),
                    format!("{scored:.1}"),
                ]);
            }
        }
        let device = if gpu { "the GPU" } else { "the CPU" };
        heading(&format!("Networks on {device}, pictures of {SIZE} x {SIZE}, {batch_size} a step"));
        let head = ["", "trained, pictures/s", "of this waiting for data", "scored, pictures/s"];
        println!("{}", json!({ "head": head, "rows": rows }));
        Ok(())
    }

    /// The head of a frozen resnet50: 2,048 features, 1,000 classes.
    fn head(&self) -> Result<(), Box<dyn Error>> {
        let pictures = if self.quick { 2_048 } else { 16_384 };
        // Their size does not matter to the head, only to the time that their features take.
        let data = self.data("head", pictures, 32, 1_000)?;
        let settings =
            Settings { architecture: Architecture::Resnet50, image_size: 32, epochs: 1, ..everything() };
        let backbone = self.config(&self.data("backbone", 32, 32, 4)?, settings.clone());
        train::run(backbone.clone(), &(), &CancellationToken::new())?;
        let settings = Settings {
            freeze: true,
            augmentation: Augmentation::NONE,
            batch_size: Settings::usual_batch_size(true),
            epochs: 4,
            ..settings
        };
        let weights = Some(backbone.run.join("model.safetensors"));
        let rate = last_epoch(&Config { weights, ..self.config(&data, settings) })?.images_per_second;
        let verdict = if rate >= HEAD { "met" } else { "missed" };
        heading("A head on kept features, 2,048 to 1,000 classes");
        let row = [format!("{rate:.0}"), format!("{verdict}: at least {HEAD:.0}")];
        println!("{}", json!({ "head": ["trained, pictures/s", "target"], "rows": [row] }));
        Ok(())
    }

    /// A table of pictures, each with one to three of `classes` tags.
    fn data(&self, name: &str, count: usize, side: u32, classes: usize) -> Result<PathBuf, Box<dyn Error>> {
        let folder = self.folder.path().join(name);
        fs::create_dir_all(folder.join("media"))?;
        let rows = (0..count).map(|item| -> Result<DatasetRow, Box<dyn Error>> {
            let image = MediaPath::parse(&format!("{item}.jpg"))?;
            draw(item, side).save(image.under(&folder.join("media")))?;
            let tag = |step: usize| Tag { name: format!("tag {}", item * step % classes), confidence: 0.5 };
            let mut tags = [1, 7, 13].map(tag).to_vec();
            tags.dedup_by(|a, b| a.name == b.name);
            let (flags, content) = (Flags::SFW, Flags::empty());
            let id = ItemId(item as i64 + 1);
            Ok(DatasetRow { id, image, created: 0, width: side, height: side, flags, content, tags })
        });
        let mut writer = DatasetWriter::create(&folder.join("dataset.csv"), 3)?;
        writer.write(&rows.collect::<Result<Vec<_>, _>>()?)?;
        writer.finish()?;
        Ok(folder)
    }

    fn config(&self, data: &Path, settings: Settings) -> Config {
        let run = data.join(format!("{}-{:?}", settings.architecture.name(), settings.precision));
        Config {
            settings,
            device: self.device,
            cache: Some(self.folder.path().join("cache")),
            ..Config::new(data.join("dataset.csv"), data.join("media"), run)
        }
    }

    /// Pictures a second through a run's tagger, decoding not included.
    fn scored(&self, run: &Path, data: &Path, count: usize) -> Result<f64, Box<dyn Error>> {
        let tagger = Tagger::load_on(run, self.device)?;
        let open =
            |item: usize| Picture::open(&data.join(format!("media/{item}.jpg")), SIZE, &Limits::default());
        let pictures = (0..count).map(open).collect::<Result<Vec<_>, _>>()?;
        tagger.score(&pictures)?;
        let start = Instant::now();
        tagger.score(&pictures)?;
        Ok(count as f64 / start.elapsed().as_secs_f64())
    }
}

/// All items train: nothing is held out.
fn everything() -> Settings {
    let split = SplitConfig { test_fraction: 0.0, validation_fraction: 0.0, ..SplitConfig::default() };
    Settings { split, min_tag_count: 1, ..Settings::default() }
}

/// Trains, and says what its last epoch came to.
fn last_epoch(config: &Config) -> Result<EpochFigures, Box<dyn Error>> {
    train::run(config.clone(), &(), &CancellationToken::new())?;
    let history = csv::Reader::from_path(config.run.join("history.csv"))?.into_deserialize().last();
    Ok(history.ok_or("a training leaves its history")??)
}

/// A picture that no other is like.
fn draw(item: usize, side: u32) -> RgbImage {
    let seed = item as u32;
    RgbImage::from_fn(side, side, |x, y| {
        let (bx, by) = (x * 8 / side, y * 8 / side);
        let block = (bx ^ (by << 3) ^ (seed << 6)).wrapping_mul(2_654_435_761);
        Rgb([block >> 24, block >> 16, block >> 8].map(|value| value as u8))
    })
}

fn heading(heading: &str) {
    println!("{}", json!({ "heading": heading }));
}
