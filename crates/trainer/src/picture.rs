//! From a file to pixels: one code for training, validating and predicting.

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;

use fast_image_resize::images::Image;
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, RgbImage};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What a picture may cost before it is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Bytes of the file. Boards take uploads of tens of megabytes; this bounds memory, not taste.
    pub max_file_bytes: u64,
    /// Width times height. A file of some kilobytes can claim gigapixels; a photograph stays below 100 million.
    pub max_pixels: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { max_file_bytes: 256 << 20, max_pixels: 128_000_000 }
    }
}

/// Why a picture cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BadPicture {
    /// There is no file at the path.
    #[error("the file is missing")]
    Missing,
    /// The file has no bytes.
    #[error("the file is empty")]
    Empty,
    /// The system did not let the file be read.
    #[error("the file cannot be read: {0}")]
    Unreadable(String),
    /// The bytes are not those of a JPEG, PNG, GIF or WebP.
    #[error("it is no picture of a known format")]
    UnknownFormat,
    /// The file or its dimensions exceed the [`Limits`].
    #[error("it is too large: {0}")]
    TooLarge(String),
    /// A JPEG without its end, as a broken download leaves it.
    #[error("the picture is cut off")]
    Truncated,
    /// The decoder gave up.
    #[error("the picture cannot be decoded: {0}")]
    Corrupt(String),
}

impl BadPicture {
    /// The reason as one word, to count by.
    pub fn reason(&self) -> &'static str {
        match self {
            BadPicture::Missing => "missing",
            BadPicture::Empty => "empty",
            BadPicture::Unreadable(_) => "unreadable",
            BadPicture::UnknownFormat => "unknown_format",
            BadPicture::TooLarge(_) => "too_large",
            BadPicture::Truncated => "truncated",
            BadPicture::Corrupt(_) => "corrupt",
        }
    }
}

/// A picture as a model takes it: square, RGB, 8 bits a channel, rows from the top, channels interleaved.
///
/// Whatever its shape, a picture is squashed to the square: nothing is cut off, and a tagger learns to live with the
/// distortion. It is turned upright by its EXIF orientation, transparency becomes white, an animation its first frame.
/// Shrinking is antialiased (a triangle filter as wide as the scale).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    size: u32,
    pixels: Vec<u8>,
}

impl Picture {
    /// Reads a file and makes it `size` pixels wide and high.
    ///
    /// # Errors
    /// The reason why it cannot be used.
    pub fn open(path: &Path, size: u32, limits: &Limits) -> Result<Picture, BadPicture> {
        Picture::decode(&read(path, limits)?, size, limits)
    }

    /// Decodes the bytes of a file; its format is told by them, not by its name.
    ///
    /// # Errors
    /// The reason why they cannot be used.
    pub fn decode(bytes: &[u8], size: u32, limits: &Limits) -> Result<Picture, BadPicture> {
        if bytes.is_empty() {
            return Err(BadPicture::Empty);
        }
        let corrupt = |error: image::ImageError| BadPicture::Corrupt(error.to_string());
        let reader = ImageReader::new(Cursor::new(bytes))
            .with_guessed_format()
            .map_err(|error| BadPicture::Unreadable(error.to_string()))?;
        match reader.format() {
            Some(ImageFormat::Jpeg) if !jpeg_is_whole(bytes) => return Err(BadPicture::Truncated),
            Some(format) if format.reading_enabled() => {}
            _ => return Err(BadPicture::UnknownFormat),
        }
        let mut decoder = reader.into_decoder().map_err(corrupt)?;
        let (width, height) = decoder.dimensions();
        if u64::from(width) * u64::from(height) > limits.max_pixels {
            return Err(BadPicture::TooLarge(format!("{width} by {height} pixels")));
        }
        // A file that hides its orientation badly is still a picture.
        let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
        let image = DynamicImage::from_decoder(decoder).map_err(corrupt)?;
        if image.width() == 0 || image.height() == 0 {
            return Err(BadPicture::Corrupt("it has no pixels".to_owned()));
        }
        let mut square = DynamicImage::ImageRgb8(squash(image, size));
        square.apply_orientation(orientation);
        Ok(Picture { size, pixels: square.into_rgb8().into_raw() })
    }

    /// Takes a decoded image of one pixel or more.
    pub fn from_image(image: DynamicImage, size: u32) -> Picture {
        Picture { size, pixels: squash(image, size).into_raw() }
    }

    /// Width and height.
    pub fn size(&self) -> u32 {
        self.size
    }

    /// `size * size * 3` bytes.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }
}

fn read(path: &Path, limits: &Limits) -> Result<Vec<u8>, BadPicture> {
    let fault = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => BadPicture::Missing,
        _ => BadPicture::Unreadable(error.to_string()),
    };
    let mut bytes = Vec::new();
    // One byte more than allowed tells a file that is too large, whatever its metadata say.
    File::open(path)
        .map_err(fault)?
        .take(limits.max_file_bytes + 1)
        .read_to_end(&mut bytes)
        .map_err(fault)?;
    match bytes.len() as u64 > limits.max_file_bytes {
        true => Err(BadPicture::TooLarge(format!("more than {} bytes", limits.max_file_bytes))),
        false => Ok(bytes),
    }
}

fn squash(image: DynamicImage, size: u32) -> RgbImage {
    let image = if image.color().has_alpha() { on_white(&image) } else { image.into_rgb8() };
    if image.dimensions() == (size, size) {
        return image;
    }
    let (width, height) = image.dimensions();
    let source = Image::from_vec_u8(width, height, image.into_raw(), PixelType::U8x3)
        .expect("an RGB image has three bytes a pixel");
    let mut target = Image::new(size, size, PixelType::U8x3);
    let options =
        ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear)).use_alpha(false);
    Resizer::new().resize(&source, &mut target, &options).expect("both images are RGB and not empty");
    RgbImage::from_raw(size, size, target.into_vec()).expect("the target was made of this size")
}

fn on_white(image: &DynamicImage) -> RgbImage {
    let image = image.to_rgba8();
    let mut flat = RgbImage::new(image.width(), image.height());
    for (flat, pixel) in flat.pixels_mut().zip(image.pixels()) {
        let [red, green, blue, alpha] = pixel.0.map(u32::from);
        flat.0 = [red, green, blue].map(|value| ((value * alpha + 255 * (255 - alpha) + 127) / 255) as u8);
    }
    flat
}

/// Whether a JPEG's end marker is there. Decoders paint the missing rest grey and say nothing.
///
/// Walks from segment to segment, because a thumbnail inside one has an end marker of its own.
fn jpeg_is_whole(bytes: &[u8]) -> bool {
    let mut at = 2;
    loop {
        let Some(skip) = bytes.get(at..).and_then(|rest| rest.iter().position(|byte| *byte == 0xff)) else {
            return false;
        };
        at += skip + 1;
        match bytes.get(at) {
            None => return false,
            Some(0xd9) => return true,
            // Fill bytes, an escaped 0xff, restart markers: no segment follows.
            Some(0xff) => {}
            Some(0x00 | 0x01 | 0xd0..=0xd8) => at += 1,
            Some(_) => match bytes.get(at + 1..at + 3) {
                Some(length) => at += 1 + usize::from(u16::from_be_bytes([length[0], length[1]])),
                None => return false,
            },
        }
    }
}

#[cfg(test)]
mod tests;
