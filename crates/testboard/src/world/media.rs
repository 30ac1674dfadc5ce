//! The files of a post: what they are, where they lie, and the way back from a path to its post.

use std::fmt::Write;

use tagmill_model::ItemId;

use super::World;
use super::calendar::date;
use crate::picture::{self, Encoding};
use crate::random::{Purpose, Rng};

/// The form of a post's medium.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Most of them.
    Jpeg,
    /// Lossless.
    Png,
    /// Lossless.
    Webp,
    /// Animated, three frames, small.
    Gif,
    /// A video: a valid file without a moving picture in it.
    Mp4,
}

impl Format {
    /// Ending of the path.
    pub const fn extension(self) -> &'static str {
        match self {
            Format::Jpeg => "jpg",
            Format::Png => "png",
            Format::Webp => "webp",
            Format::Gif => "gif",
            Format::Mp4 => "mp4",
        }
    }

    /// Value of `Content-Type`.
    pub const fn mime_type(self) -> &'static str {
        match self {
            Format::Jpeg => "image/jpeg",
            Format::Png => "image/png",
            Format::Webp => "image/webp",
            Format::Gif => "image/gif",
            Format::Mp4 => "video/mp4",
        }
    }
}

/// A post's medium.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Media {
    /// Its form.
    pub format: Format,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Whether it has sound.
    pub audio: bool,
}

/// One of the files that belong to a post.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MediaRequest {
    pub(crate) id: ItemId,
    pub(crate) format: Format,
    pub(crate) rendition: Rendition,
}

/// Which of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rendition {
    /// The medium itself.
    Image,
    /// A small square JPEG, where the medium is no JPEG.
    Thumb,
    /// The picture before it was scaled down, a PNG.
    Fullsize,
    /// A preview or variant of a video.
    Clip,
    /// A still in the medium's aspect, a WebP.
    Still,
}

/// Side of a thumbnail, in pixels.
const THUMB: u32 = 128;

impl World {
    /// A post's medium; `None` for a gap.
    pub fn media(&self, id: ItemId) -> Option<Media> {
        if !self.exists(id) {
            return None;
        }
        let mut rng = self.rng(Purpose::Video, id);
        let video = rng.chance(self.config.video_share);
        let format = if video {
            Format::Mp4
        } else {
            rng.weighted(&[(84, Format::Jpeg), (9, Format::Png), (3, Format::Webp), (4, Format::Gif)])
        };
        // Most pictures are near the small end; few reach 480.
        let lift = rng.unit();
        let mut short = 200 + (280.0 * lift.powi(4)) as u32;
        if format == Format::Gif {
            short = 120 + (60.0 * lift) as u32;
        }
        let (across, down) =
            rng.weighted(&[(8, (4, 3)), (4, (3, 2)), (3, (1, 1)), (3, (3, 4)), (2, (16, 9)), (1, (2, 3))]);
        let (width, height) =
            if across >= down { (short * across / down, short) } else { (short, short * down / across) };
        Some(Media { format, width, height, audio: video && rng.chance(0.6) })
    }

    /// The path of a post's medium, `YYYY/MM/DD/<16 hex>.<ext>`. Meaningful only for posts that exist.
    pub fn media_path(&self, id: ItemId, format: Format) -> String {
        let mut path = self.path_stem(id);
        path.push('.');
        path.push_str(format.extension());
        path
    }

    /// A path without its ending: `YYYY/MM/DD/<16 hex>`.
    pub(super) fn path_stem(&self, id: ItemId) -> String {
        let (year, month, day) = date(self.created(id));
        let mut path = String::with_capacity(48);
        // Writing to a string cannot fail.
        let _ = write!(path, "{year:04}/{month:02}/{day:02}/{:016x}", self.scrambler.scramble(id.0 as u64));
        path
    }

    /// The post whose medium, thumbnail or other file lies at a path; `None` where nothing does.
    pub fn id_of_path(&self, path: &str) -> Option<ItemId> {
        self.resolve(path).map(|request| request.id)
    }

    pub(crate) fn resolve(&self, path: &str) -> Option<MediaRequest> {
        let path = path.strip_prefix('/').unwrap_or(path);
        if let Some(request) = self.resolve_booru(path) {
            return Some(request);
        }
        let hex = path
            .get(11..27)
            .filter(|hex| hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')))?;
        let number = self.scrambler.unscramble(u64::from_str_radix(hex, 16).ok()?);
        let id = ItemId(i64::try_from(number).ok()?);
        let media = self.media(id)?;
        let stem = self.path_stem(id);
        let ending = path.strip_prefix(stem.as_str())?;
        let video = media.format == Format::Mp4;
        let (rendition, format) = match ending {
            "-preview.mp4" | "-vp9.mp4" if video => (Rendition::Clip, Format::Mp4),
            "-original.webp" => (Rendition::Still, Format::Webp),
            _ if ending.strip_prefix('.') == Some(media.format.extension()) => {
                (Rendition::Image, media.format)
            }
            ".jpg" => (Rendition::Thumb, Format::Jpeg),
            ".png" if self.has_fullsize(id, media) => (Rendition::Fullsize, Format::Png),
            _ => return None,
        };
        Some(MediaRequest { id, format, rendition })
    }

    /// The bytes of a post's medium, as the media host serves them; `None` for a gap.
    pub fn media_bytes(&self, id: ItemId) -> Option<Vec<u8>> {
        let format = self.media(id)?.format;
        self.file(MediaRequest { id, format, rendition: Rendition::Image })
    }

    pub(crate) fn file(&self, request: MediaRequest) -> Option<Vec<u8>> {
        let mut bytes = self.draw(request)?;
        bytes.resize(bytes.len() + self.config.padding, 0);
        Some(bytes)
    }

    fn draw(&self, request: MediaRequest) -> Option<Vec<u8>> {
        let Media { width, height, .. } = self.media(request.id)?;
        let mut rng = self.rng(Purpose::Corrupt, request.id);
        let (width, height) = match request.rendition {
            Rendition::Thumb => (THUMB, THUMB),
            Rendition::Fullsize => (width * 2, height * 2),
            Rendition::Image | Rendition::Still | Rendition::Clip => (width, height),
        };
        match request.format {
            Format::Mp4 => {
                let mut payload = vec![0; 2_048 + rng.below(8_192) as usize];
                payload.iter_mut().for_each(|byte| *byte = rng.bits() as u8);
                Some(picture::movie(width as u16, height as u16, 3 + rng.below(60) as u32, &payload))
            }
            Format::Gif => self.animation(request.id, width, height),
            still => {
                // From a phone's careless 45 to a camera's 92.
                let quality = 45 + rng.below(48) as u8;
                let encoding = match still {
                    Format::Png => Encoding::Png,
                    Format::Webp => Encoding::Webp,
                    _ => Encoding::Jpeg { quality },
                };
                picture::encode(&self.pixels(request.id, width, height)?, encoding).ok()
            }
        }
    }

    /// Three frames in which the things move a little.
    fn animation(&self, id: ItemId, width: u32, height: u32) -> Option<Vec<u8>> {
        let scene = self.scene(id)?;
        let frames: Vec<_> = [-0.02, 0.0, 0.02]
            .into_iter()
            .map(|shift| {
                let mut scene = scene.clone();
                scene.things.iter_mut().for_each(|placed| placed.x += shift);
                picture::render(&scene, width, height, &mut self.rng(Purpose::Picture, id))
            })
            .collect();
        picture::encode_animation(&frames).ok()
    }

    pub(super) fn has_fullsize(&self, id: ItemId, media: Media) -> bool {
        media.format == Format::Jpeg
            && Rng::new(self.config.seed, Purpose::Corrupt, !(id.0 as u64)).chance(0.04)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::WorldConfig;

    #[test]
    fn paths_lead_back_to_their_posts() {
        let world = World::new(WorldConfig { seed: 11, items: 3_000, ..WorldConfig::default() });
        for id in world.ids() {
            let listing = world.listing(id).unwrap();
            let mut paths = vec![listing.image.clone(), listing.thumb.clone()];
            paths.extend(Some(listing.fullsize.clone()).filter(|path| !path.is_empty()));
            paths.extend(listing.preview.clone());
            paths.extend(listing.variants.iter().map(|variant| variant.path.clone()));
            for path in paths {
                assert_eq!(world.id_of_path(&path), Some(id), "{path}");
            }
        }
    }

    #[test]
    fn other_paths_lead_nowhere() {
        let world = World::new(WorldConfig::default());
        let id = world.newest().unwrap();
        let path = world.listing(id).unwrap().image;
        for other in [
            "",
            "/",
            "2024/01/01/0123456789abcdef.jpg",
            "2024/01/01/x.jpg",
            "../../etc/passwd",
            "ä/ä/ää/äääääääääääää",
        ] {
            assert_eq!(world.id_of_path(other), None, "{other}");
        }
        assert_eq!(world.id_of_path(&path.replace("2024/", "2023/")), None);
        assert_eq!(world.id_of_path(&format!("{path}x")), None);
    }

    #[test]
    fn every_format_is_what_it_says() {
        // The padding is for decoders not to mind.
        let config = WorldConfig { items: 300, video_share: 0.1, padding: 5000, ..WorldConfig::default() };
        let world = World::new(config);
        let mut seen = std::collections::HashSet::new();
        for id in world.ids() {
            let media = world.media(id).unwrap();
            if !seen.insert(media.format) {
                continue;
            }
            let bytes = world.media_bytes(id).unwrap();
            let guess = image::guess_format(&bytes).ok();
            match media.format {
                Format::Mp4 => assert_eq!(&bytes[4..8], b"ftyp"),
                format => {
                    assert_eq!(guess.map(|guess| guess.to_mime_type()), Some(format.mime_type()));
                    let picture = image::load_from_memory(&bytes).unwrap();
                    assert_eq!((picture.width(), picture.height()), (media.width, media.height));
                }
            }
        }
        assert_eq!(seen.len(), 5);
    }
}
