//! Whether a file is a picture, and its pixels.

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader};
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

/// A picture as its file has it.
#[derive(Debug, Clone)]
pub struct Decoded {
    /// One pixel or more; of an animation the first frame.
    pub image: DynamicImage,
    /// What is still to be done to it to turn it upright, by EXIF.
    pub orientation: Orientation,
}

/// What the head of a picture's file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The usual extension of its format: `jpg`, `png`, `gif` or `webp`.
    pub extension: &'static str,
    /// Pixels, before any turning by EXIF; one or more.
    pub width: u32,
    /// Pixels, before any turning by EXIF; one or more.
    pub height: u32,
}

/// Looks at the bytes of a file without decoding a pixel, so that what is wrong behind the head stays unseen, but for a JPEG
/// without its end.
///
/// # Errors
/// The reason why they cannot be used.
pub fn header(bytes: &[u8], limits: &Limits) -> Result<Header, BadPicture> {
    let (format, decoder) = open(bytes, limits)?;
    let (width, height) = decoder.dimensions();
    let extension = format.extensions_str().first().ok_or(BadPicture::UnknownFormat)?;
    Ok(Header { extension, width, height })
}

/// Decodes the bytes of a file; its format is told by them, not by its name.
///
/// # Errors
/// The reason why they cannot be used.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Decoded, BadPicture> {
    let (_, mut decoder) = open(bytes, limits)?;
    // A file that hides its orientation badly is still a picture.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let image = DynamicImage::from_decoder(decoder).map_err(corrupt)?;
    Ok(Decoded { image, orientation })
}

/// The format, and what is about to decode it.
fn open<'a>(
    bytes: &'a [u8],
    limits: &Limits,
) -> Result<(ImageFormat, impl ImageDecoder + use<'a>), BadPicture> {
    if bytes.is_empty() {
        return Err(BadPicture::Empty);
    }
    let reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .map_err(|error| BadPicture::Unreadable(error.to_string()))?;
    let format = match reader.format() {
        Some(ImageFormat::Jpeg) if !jpeg_is_whole(bytes) => return Err(BadPicture::Truncated),
        Some(format) if format.reading_enabled() => format,
        _ => return Err(BadPicture::UnknownFormat),
    };
    let decoder = reader.into_decoder().map_err(corrupt)?;
    match decoder.dimensions() {
        (0, _) | (_, 0) => Err(BadPicture::Corrupt("it has no pixels".to_owned())),
        (width, height) if u64::from(width) * u64::from(height) > limits.max_pixels => {
            Err(BadPicture::TooLarge(format!("{width} by {height} pixels")))
        }
        _ => Ok((format, decoder)),
    }
}

fn corrupt(error: ImageError) -> BadPicture {
    BadPicture::Corrupt(error.to_string())
}

/// Reads a file into memory, so far as the limits allow.
///
/// # Errors
/// [`BadPicture::Missing`], [`BadPicture::Unreadable`], [`BadPicture::TooLarge`].
pub fn read(path: &Path, limits: &Limits) -> Result<Vec<u8>, BadPicture> {
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

/// Whether a JPEG's end marker is there. Decoders paint the missing rest grey and say nothing.
///
/// Walks from segment to segment, because a thumbnail inside one has an end marker of its own.
fn jpeg_is_whole(bytes: &[u8]) -> bool {
    let mut at = 2;
    loop {
        let Some(skip) = bytes.get(at..).and_then(|rest| memchr::memchr(0xff, rest)) else { return false };
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
mod tests {
    use super::*;

    fn encoded(format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        DynamicImage::new_rgb8(7, 5).write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn a_head_tells_format_and_size() {
        let limits = Limits::default();
        for (format, extension) in [
            (ImageFormat::Jpeg, "jpg"),
            (ImageFormat::Png, "png"),
            (ImageFormat::Gif, "gif"),
            (ImageFormat::WebP, "webp"),
        ] {
            let bytes = encoded(format);
            assert_eq!(header(&bytes, &limits), Ok(Header { extension, width: 7, height: 5 }));
            assert_eq!(decode(&bytes, &limits).unwrap().image.width(), 7);
        }
    }

    #[track_caller]
    fn check(bytes: &[u8], reason: &str) {
        let limits = Limits { max_pixels: 34, ..Limits::default() };
        assert_eq!(header(bytes, &limits).unwrap_err().reason(), reason);
        assert_eq!(decode(bytes, &limits).unwrap_err().reason(), reason);
    }

    #[test]
    fn what_is_no_picture_is_told_by_its_head() {
        let (jpeg, png) = (encoded(ImageFormat::Jpeg), encoded(ImageFormat::Png));
        check(b"", "empty");
        check(b"GIF", "unknown_format");
        check(b"BM\0\0\0\0", "unknown_format");
        check(&jpeg[..jpeg.len() - 2], "truncated");
        check(&png[..20], "corrupt");
        check(&png, "too_large");
    }
}
