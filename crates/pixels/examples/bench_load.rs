//! Pictures a second from files and from the cache, beside what `image` and a plain copy take on the same machine.
//!
//! `cargo xtask bench load`, which shows the tables that this program prints as JSON. The folder takes some hundred megabytes
//! and is left as it was.

#![expect(clippy::print_stdout, reason = "the figures are the program's output")]

use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Instant;

use image::codecs::jpeg::JpegEncoder;
use image::imageops::FilterType;
use image::{Rgb, RgbImage};
use jpeg_encoder::{ColorType, SamplingFactor};
use rayon::prelude::*;
use serde_json::json;
use tagmill_model::picture::Limits;
use tagmill_pixels::{Config, Files, Look, Picture, Pixels, Storage, decode, groups};
use tokio_util::sync::CancellationToken;

/// What a network for photographs takes.
const SIZE: u32 = 224;
const PICTURE_BYTES: usize = (SIZE * SIZE * 3) as usize;
/// Rounds of which the best counts: whatever else the machine does only ever slows one down.
const ROUNDS: usize = 5;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1).peekable();
    let quick = arguments.next_if(|argument| argument == "--quick").is_some();
    let parent = arguments.next().map_or_else(std::env::temp_dir, PathBuf::from);
    let folder = tempfile::tempdir_in(parent)?;
    let files: Vec<Vec<u8>> = (0..if quick { 16 } else { 64 }).map(jpeg).collect::<Result<_, _>>()?;
    one_core("full colour (4:4:4)", &files);
    let halved: Vec<Vec<u8>> = (0..files.len() as u32).map(halved).collect::<Result<_, _>>()?;
    one_core("halved colour (4:2:0, as cameras save)", &halved);
    cache(folder.path(), &files, if quick { 1_000 } else { 4_000 })?;
    near_duplicates(if quick { 600_000 } else { 6_000_000 });
    Ok(())
}

/// A photograph's amount of detail: blots, lines and grain.
fn photograph(seed: u32) -> RgbImage {
    RgbImage::from_fn(1200, 900, |x, y| {
        let (fx, fy, s) = (x as f32 / 90.0, y as f32 / 70.0, seed as f32);
        let grain = (x.wrapping_mul(7919) ^ y.wrapping_mul(104_729) ^ seed).wrapping_mul(2_654_435_761) >> 28;
        let wave = |shift: f32| 110.0 + 60.0 * (fx + s + shift).sin() * (fy * 1.3 + s * shift).cos();
        Rgb([wave(0.0), wave(1.0), wave(2.0)].map(|value| (value + grain as f32) as u8))
    })
}

fn jpeg(seed: u32) -> Result<Vec<u8>, image::ImageError> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, 85).encode_image(&photograph(seed))?;
    Ok(bytes)
}

/// The same with a quarter of the colour: half of it each way.
fn halved(seed: u32) -> Result<Vec<u8>, jpeg_encoder::EncodingError> {
    let (picture, mut bytes) = (photograph(seed), Vec::new());
    let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, 85);
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    encoder.encode(&picture, picture.width() as u16, picture.height() as u16, ColorType::Rgb)?;
    Ok(bytes)
}

/// Of each the shortest of some rounds, in seconds. They take turns, so that a machine that is slower for a while is so for all.
fn best<const N: usize>(mut rounds: [&mut dyn FnMut(); N]) -> [f64; N] {
    let mut best = [f64::INFINITY; N];
    for _ in 0..ROUNDS {
        for (best, round) in best.iter_mut().zip(&mut rounds) {
            let start = Instant::now();
            round();
            *best = best.min(start.elapsed().as_secs_f64());
        }
    }
    best
}

fn heading(heading: &str) {
    println!("{}", json!({ "heading": heading }));
}

/// Rows of a name, pictures a second, and a ratio.
fn table(head: &[&str; 3], rows: &[(&str, f64, f64)]) {
    let rows: Vec<[String; 3]> = rows
        .iter()
        .map(|(name, rate, ratio)| [(*name).to_owned(), format!("{rate:.0}"), format!("{ratio:.2}")])
        .collect();
    println!("{}", json!({ "head": head, "rows": rows }));
}

fn one_core(colour: &str, files: &[Vec<u8>]) {
    let limits = Limits::default();
    let mut ours = || {
        for file in files {
            black_box(Picture::decode(file, SIZE, &limits).expect("it was encoded here"));
        }
    };
    let mut theirs = || {
        for file in files {
            let picture = image::load_from_memory(file).expect("it was encoded here");
            black_box(picture.resize_exact(SIZE, SIZE, FilterType::Triangle).into_rgb8());
        }
    };
    let [ours, theirs] = best([&mut ours, &mut theirs]);
    let rate = |seconds: f64| files.len() as f64 / seconds;
    let bytes = files.iter().map(Vec::len).sum::<usize>() / files.len();
    heading(&format!(
        "From a JPEG of 1200 x 900 pixels, {colour}, {} KB, to {SIZE} x {SIZE}, one core",
        bytes / 1000
    ));
    table(
        &["", "pictures/s", "times as fast as image"],
        &[
            ("tagmill", rate(ours), theirs / ours),
            ("image, decoded and resized (Triangle)", rate(theirs), 1.0),
        ],
    );
}

fn cache(folder: &Path, files: &[Vec<u8>], count: usize) -> Result<(), Box<dyn std::error::Error>> {
    let media = folder.join("media");
    fs::create_dir(&media)?;
    let names: Vec<String> = (0..count).map(|index| format!("{index}.jpg")).collect();
    for (index, name) in names.iter().enumerate() {
        // What follows the end of a JPEG makes the contents another's and changes no pixel.
        let bytes = [&files[index % files.len()][..], &index.to_le_bytes()].concat();
        fs::write(media.join(name), bytes)?;
    }
    let fill = || -> Result<(Pixels, f64), tagmill_pixels::Error> {
        let storage = Storage::Cache(folder.join("cache"));
        let config = Config { storage, size: SIZE, limits: Limits::default(), max_bad: None };
        let name = |index: usize| names[index].as_str();
        let files = Files { folder: media.clone(), count, name: &name };
        let start = Instant::now();
        let pixels = decode(&config, files, &(), &CancellationToken::new())?;
        Ok((pixels, start.elapsed().as_secs_f64()))
    };
    let (_, first) = fill()?;
    let (pixels, second) = fill()?;
    let rate = |seconds: f64| count as f64 / seconds;
    heading("The cache, all cores");
    table(
        &["", "pictures/s", "times the first run"],
        &[
            ("first run: decoded and written", rate(first), 1.0),
            ("second run: looked up", rate(second), first / second),
        ],
    );

    let stored: Vec<_> = pixels.pictures.iter().flatten().flatten().collect();
    let [mut batch, mut parallel, mut copied] = [(); 3].map(|()| vec![0; 64 * PICTURE_BYTES]);
    // As many bytes as the cache has: what lies in the processor's caches would be no match.
    let source = vec![7; stored.len() * PICTURE_BYTES];
    let mut one = || {
        for stored in stored.chunks(64) {
            for (target, picture) in batch.chunks_exact_mut(PICTURE_BYTES).zip(stored) {
                pixels.read(picture, target).expect("it was kept");
            }
        }
    };
    let mut all = || {
        for stored in stored.chunks(64) {
            let read =
                |(target, picture): (&mut [u8], &&_)| pixels.read(picture, target).expect("it was kept");
            parallel.par_chunks_exact_mut(PICTURE_BYTES).zip(stored).for_each(read);
        }
    };
    let mut copy = || {
        for source in source.chunks(64 * PICTURE_BYTES) {
            black_box(&mut copied)[..source.len()].copy_from_slice(black_box(source));
        }
    };
    let [one, all, copy] = best([&mut one, &mut all, &mut copy]);
    heading("Reading from the warm cache");
    table(
        &["", "pictures/s", "of a memcpy"],
        &[
            ("one thread", rate(one), copy / one),
            ("all threads", rate(all), copy / all),
            ("memcpy of the same bytes", rate(copy), 1.0),
        ],
    );
    Ok(())
}

/// Hashes as pictures have them: neighbouring bits mostly agree, one in twenty is a copy of another.
fn near_duplicates(count: usize) {
    let mut state = 1u64;
    let mut draw = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut looks: Vec<Look> = Vec::with_capacity(count);
    for content in 0..count as u64 {
        let likeness = match draw() % 20 {
            0 if content > 0 => looks[draw() as usize % content as usize].likeness ^ (1 << (draw() % 64)),
            _ => {
                // Half of the bits follow the one before.
                let (bits, follows) = (draw(), draw());
                (1..64).fold(bits & 1, |hash, bit| {
                    let from = if follows >> bit & 1 == 1 { hash >> (bit - 1) } else { bits >> bit };
                    hash | (from & 1) << bit
                })
            }
        };
        looks.push(Look { likeness, content });
    }
    let start = Instant::now();
    let found = groups(&looks);
    let seconds = start.elapsed().as_secs_f64();
    let text = format!("{} groups of near-duplicates among {count} pictures: {seconds:.2} s.", found.len());
    println!("{}", json!({ "text": text }));
}
