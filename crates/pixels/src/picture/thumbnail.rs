use std::path::Path;

use jpeg_encoder::{ColorType, Encoder};
use tagmill_model::picture::{self, BadPicture, Decoded, Limits};

use super::{DynamicImage, shrink};

/// At this quality a small picture shows no blocks, and takes a third of what it would at 95.
const QUALITY: u8 = 80;

/// A small picture to look at, upright and in its own shape; transparency becomes white, an animation its first frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thumbnail {
    /// In pixels, one or more.
    pub width: u32,
    /// In pixels, one or more.
    pub height: u32,
    /// A JPEG file of this width and height.
    pub jpeg: Vec<u8>,
}

impl Thumbnail {
    /// Reads a file and shrinks it until no side has more than `longest` pixels. What is smaller keeps its size.
    ///
    /// # Errors
    /// The reason why it cannot be used.
    pub fn open(path: &Path, longest: u16, limits: &Limits) -> Result<Thumbnail, BadPicture> {
        let Decoded { image, orientation } = picture::decode(&picture::read(path, limits)?, limits)?;
        let (width, height) = fit(image.width(), image.height(), longest.max(1).into());
        let mut image = DynamicImage::ImageRgb8(shrink(image, width, height));
        image.apply_orientation(orientation);
        let image = image.into_rgb8();
        let (width, height) = image.dimensions();
        let side = |length: u32| u16::try_from(length).expect("no side is longer than `longest`");
        let mut jpeg = Vec::new();
        Encoder::new(&mut jpeg, QUALITY)
            .encode(&image, side(width), side(height), ColorType::Rgb)
            .expect("memory takes every byte, and an RGB image has three bytes a pixel");
        Ok(Thumbnail { width, height, jpeg })
    }
}

/// The largest size of the same shape within a square, one pixel or more each way.
fn fit(width: u32, height: u32, longest: u32) -> (u32, u32) {
    let side = width.max(height);
    if side <= longest {
        return (width, height);
    }
    let scale = f64::from(longest) / f64::from(side);
    let scaled = |length: u32| ((f64::from(length) * scale).round() as u32).max(1);
    (scaled(width), scaled(height))
}
