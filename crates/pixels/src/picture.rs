//! From a file to pixels: one code for training, validating and predicting.

use std::path::Path;

use fast_image_resize::images::Image;
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::{DynamicImage, RgbImage};
use tagmill_model::picture::{self, BadPicture, Decoded, Limits};

pub use thumbnail::Thumbnail;

mod thumbnail;

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
        Picture::decode(&picture::read(path, limits)?, size, limits)
    }

    /// Decodes the bytes of a file; its format is told by them, not by its name.
    ///
    /// # Errors
    /// The reason why they cannot be used.
    pub fn decode(bytes: &[u8], size: u32, limits: &Limits) -> Result<Picture, BadPicture> {
        Ok(Picture::from_decoded(picture::decode(bytes, limits)?, size))
    }

    /// Turns a decoded picture upright.
    pub fn from_decoded(decoded: Decoded, size: u32) -> Picture {
        let Decoded { image, orientation } = decoded;
        let mut square = DynamicImage::ImageRgb8(shrink(image, size, size));
        square.apply_orientation(orientation);
        Picture { size, pixels: square.into_rgb8().into_raw() }
    }

    /// Takes a decoded image of one pixel or more.
    pub fn from_image(image: DynamicImage, size: u32) -> Picture {
        Picture { size, pixels: shrink(image, size, size).into_raw() }
    }

    /// A black picture.
    pub(crate) fn blank(size: u32) -> Picture {
        Picture { size, pixels: vec![0; size as usize * size as usize * 3] }
    }

    pub(crate) fn pixels_mut(&mut self) -> &mut [u8] {
        &mut self.pixels
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

/// Brings an image to a size, whatever its shape, on white.
fn shrink(image: DynamicImage, width: u32, height: u32) -> RgbImage {
    let image = if image.color().has_alpha() { on_white(&image) } else { image.into_rgb8() };
    if image.dimensions() == (width, height) {
        return image;
    }
    let (columns, rows) = image.dimensions();
    let source = Image::from_vec_u8(columns, rows, image.into_raw(), PixelType::U8x3)
        .expect("an RGB image has three bytes a pixel");
    let mut target = Image::new(width, height, PixelType::U8x3);
    let options =
        ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear)).use_alpha(false);
    Resizer::new().resize(&source, &mut target, &options).expect("both images are RGB and not empty");
    RgbImage::from_raw(width, height, target.into_vec()).expect("the target was made of this size")
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

#[cfg(test)]
mod tests;
