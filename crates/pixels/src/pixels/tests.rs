use std::fs::OpenOptions;
use std::time::{Duration, SystemTime};

use image::RgbImage;
use tempfile::TempDir;

use super::*;

const SIZE: u32 = 8;

/// A folder of pictures, each of another colour, and a cache beside it.
struct Sample {
    folder: TempDir,
    names: Vec<String>,
}

impl Sample {
    fn new(count: u8) -> Sample {
        let folder = tempfile::tempdir().unwrap();
        let sample = Sample { folder, names: (0..count).map(|n| format!("{n}.png")).collect() };
        fs::create_dir(sample.media()).unwrap();
        (0..count).for_each(|n| sample.draw(&sample.names[n as usize], n));
        sample
    }

    fn media(&self) -> PathBuf {
        self.folder.path().join("media")
    }

    fn cache(&self) -> PathBuf {
        self.folder.path().join("cache")
    }

    /// The index and the pixels of the first shard.
    fn shard(&self) -> [PathBuf; 2] {
        ["0001.index", "0001.pixels"].map(|name| cache::folder(&self.cache(), SIZE).join(name))
    }

    fn path(&self, index: usize) -> PathBuf {
        self.media().join(&self.names[index])
    }

    fn draw(&self, name: &str, n: u8) {
        RgbImage::from_fn(20, 10, |x, y| image::Rgb([n, x as u8 * 9, y as u8 * 20]))
            .save(self.media().join(name))
            .unwrap();
    }

    fn config(&self) -> Config {
        let storage = Storage::Cache(self.cache());
        Config { storage, size: SIZE, limits: Limits::default(), max_bad: None }
    }

    fn decode_with(&self, config: &Config) -> Result<Pixels, Error> {
        let name = |index: usize| self.names[index].as_str();
        let files = Files { folder: self.media(), count: self.names.len(), name: &name };
        decode(config, files, &(), &CancellationToken::new())
    }

    /// Decodes, and holds every picture against what decoding it alone gives.
    #[track_caller]
    fn check(&self, config: &Config, decoded: u64) -> Pixels {
        let pixels = self.decode_with(config).unwrap();
        assert_eq!((pixels.end, pixels.decoded), (End::Completed, decoded));
        for (index, picture) in pixels.pictures.iter().enumerate() {
            let alone = Picture::open(&self.path(index), config.size, &config.limits);
            let kept = picture.clone().unwrap().map(|stored| pixels.picture(&stored).unwrap());
            assert_eq!(kept, alone, "{index}");
        }
        pixels
    }
}

#[test]
fn what_is_kept_is_what_is_decoded() {
    let sample = Sample::new(10);
    fs::write(sample.path(3), b"no picture").unwrap();
    fs::write(sample.path(4), b"\xff\xd8\xff\xd9").unwrap();
    fs::remove_file(sample.path(5)).unwrap();
    let first = sample.check(&sample.config(), 9);
    let second = sample.check(&sample.config(), 0);
    assert_eq!(first.pictures, second.pictures);
    let private = Storage::Private(sample.folder.path().to_owned());
    sample.check(&Config { storage: private, ..sample.config() }, 9);
    // Another size is another cache.
    sample.check(&Config { size: 16, ..sample.config() }, 9);
    // Nothing but the media and the cache is left.
    assert_eq!(fs::read_dir(sample.folder.path()).unwrap().count(), 2);
}

#[test]
fn contents_count_and_not_names() {
    let mut sample = Sample::new(3);
    sample.check(&sample.config(), 3);
    let bytes = || fs::metadata(&sample.shard()[1]).unwrap().len();
    let before = bytes();
    let copy = sample.media().join("copy.png");
    fs::copy(sample.path(1), &copy).unwrap();
    fs::rename(sample.path(2), sample.media().join("moved.png")).unwrap();
    sample.names = ["0.png", "1.png", "moved.png", "copy.png"].map(str::to_owned).into();
    let pixels = sample.check(&sample.config(), 2);
    assert_eq!(pixels.pictures[1], pixels.pictures[3]);
    assert_eq!(fs::metadata(&sample.shard()[1]).unwrap().len(), before);
    sample.check(&sample.config(), 0);
}

/// Two new files of the same contents, in one run.
#[test]
fn the_same_contents_are_stored_once() {
    let sample = Sample::new(2);
    fs::copy(sample.path(0), sample.path(1)).unwrap();
    sample.check(&sample.config(), 2);
    assert_eq!(fs::metadata(&sample.shard()[1]).unwrap().len(), u64::from(SIZE * SIZE * 3));
    sample.check(&sample.config(), 0);
}

#[test]
fn a_changed_file_is_decoded_again() {
    let sample = Sample::new(2);
    sample.check(&sample.config(), 2);
    sample.draw(&sample.names[0], 99);
    let later = SystemTime::now() + Duration::from_secs(9);
    OpenOptions::new().append(true).open(sample.path(0)).unwrap().set_modified(later).unwrap();
    sample.check(&sample.config(), 1);
    sample.check(&sample.config(), 0);
}

/// Whatever a kill leaves of index and pixels, the next run repairs it, and then all is there.
#[test]
fn a_torn_tail_is_repaired() {
    let sample = Sample::new(6);
    sample.check(&sample.config(), 6);
    let [index, pixels] = sample.shard();
    let (whole_index, whole_pixels) = (fs::read(&index).unwrap(), fs::read(&pixels).unwrap());
    for (index_bytes, pixel_bytes, decoded) in [
        (whole_index.len() - 1, whole_pixels.len(), 1),
        (whole_index.len() - 65, whole_pixels.len(), 2),
        (0, whole_pixels.len(), 6),
        (0, 0, 6),
    ] {
        fs::write(&index, &whole_index[..index_bytes]).unwrap();
        fs::write(&pixels, &whole_pixels[..pixel_bytes]).unwrap();
        sample.check(&sample.config(), decoded);
        sample.check(&sample.config(), 0);
    }
}

/// Whoever decodes only some of the pictures whose pixels are gone leaves the others unknown: they are not black.
#[test]
fn lost_pixels_are_nobody_s() {
    let cut_off = |pixels: &Path| {
        let length = fs::metadata(pixels).unwrap().len();
        OpenOptions::new().write(true).open(pixels).unwrap().set_len(length - 1).unwrap();
    };
    let gone = |pixels: &Path| fs::remove_file(pixels).unwrap();
    // How many of all six are decoded again, and of two of which one has changed.
    for (lose, all, two) in [(&cut_off as &dyn Fn(&Path), 1, 1), (&gone, 6, 2)] {
        let lost = || {
            let sample = Sample::new(6);
            sample.check(&sample.config(), 6);
            lose(&sample.shard()[1]);
            sample
        };
        let sample = lost();
        sample.check(&sample.config(), all);
        sample.check(&sample.config(), 0);

        let mut sample = lost();
        let last = sample.names.split_off(5);
        sample.names.truncate(2);
        sample.draw(&sample.names[0], 77);
        sample.check(&sample.config(), two);
        sample.names.extend(last);
        sample.check(&sample.config(), 1);
        sample.check(&sample.config(), 0);
    }
}

/// Held by another process, a shard is left alone: its lock is the file's, so another handle stands for another process.
#[test]
fn two_writers_take_two_shards() {
    let sample = Sample::new(4);
    sample.check(&sample.config(), 4);
    let [index, _] = sample.shard();
    let other = OpenOptions::new().append(true).open(&index).unwrap();
    other.lock().unwrap();
    let before = fs::read(&index).unwrap();
    sample.draw(&sample.names[0], 77);
    fs::write(sample.path(1), b"no picture").unwrap();
    sample.check(&sample.config(), 2);
    assert_eq!(fs::read(&index).unwrap(), before);
    assert!(matches!(cache::clear(&sample.cache()), Err(Error::InUse { .. })));
    sample.check(&sample.config(), 0);
    drop(other);
    let usage = cache::clear(&sample.cache()).unwrap();
    assert_eq!((usage.sizes.len(), usage.sizes[0].files), (1, 6));
    assert_eq!(cache::usage(&sample.cache()).unwrap().bytes(), 0);
    sample.check(&sample.config(), 4);
}

#[test]
fn clearing_takes_only_what_is_ours() {
    let sample = Sample::new(1);
    sample.check(&sample.config(), 1);
    let other = sample.cache().join("notes");
    fs::create_dir(&other).unwrap();
    cache::clear(&sample.cache()).unwrap();
    assert_eq!(fs::read_dir(sample.cache()).unwrap().count(), 1);
    assert!(other.exists());
    assert_eq!(cache::clear(&sample.folder.path().join("nowhere")).unwrap().bytes(), 0);
}

/// What a limit refused is not remembered as bad, and what was kept under a wider limit is refused under a narrower one.
#[test]
fn limits_hold_for_kept_pictures_too() {
    let sample = Sample::new(2);
    let narrow = Config { limits: Limits { max_pixels: 199, ..Limits::default() }, ..sample.config() };
    sample.check(&narrow, 2);
    sample.check(&sample.config(), 2);
    sample.check(&narrow, 0);
    let short = Config { limits: Limits { max_file_bytes: 10, ..Limits::default() }, ..sample.config() };
    sample.check(&short, 2);
    sample.check(&sample.config(), 0);
}

#[test]
fn too_many_bad_pictures_end_the_run() {
    let sample = Sample::new(20);
    let spoil = |range: std::ops::Range<usize>| {
        range.for_each(|index| fs::write(sample.path(index), [index as u8]).unwrap());
    };
    fs::remove_file(sample.path(0)).unwrap();
    spoil(1..4);
    let with = |max_bad| sample.decode_with(&Config { max_bad, ..sample.config() }).unwrap().end;
    assert_eq!(with(Some(MaxBad::Count(3))), End::Completed);
    assert_eq!(with(Some(MaxBad::Count(2))), End::TooManyBad { limit: 2 });
    // Of 19 that are there, 3 are 15.8 %.
    assert_eq!(with(Some(MaxBad::Share(0.16))), End::Completed);
    assert_eq!(with(Some(MaxBad::Share(0.15))), End::TooManyBad { limit: 2 });
    spoil(4..20);
    assert_eq!(with(None), End::Completed);
}

#[test]
fn a_cancelled_run_keeps_what_it_did() {
    let sample = Sample::new(4);
    let cancel = CancellationToken::new();
    cancel.cancel();
    let name = |index: usize| sample.names[index].as_str();
    let files = Files { folder: sample.media(), count: 4, name: &name };
    let pixels = decode(&sample.config(), files, &(), &cancel).unwrap();
    assert_eq!((pixels.end, pixels.decoded), (End::Cancelled, 0));
    assert_eq!(pixels.pictures, [const { None }; 4]);
}

#[test]
fn what_does_not_fit_is_refused_before_it_is_begun() {
    let folder = tempfile::tempdir().unwrap();
    let error = announce("pixels", folder.path(), 1 << 40, 150_528).unwrap_err();
    let told = error.to_string();
    assert!(told.contains("free, and the pixels of 1099511627776 pictures need"), "{told}");
    announce("pixels", folder.path(), 1, 150_528).unwrap();
}
