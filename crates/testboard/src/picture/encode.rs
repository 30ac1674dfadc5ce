//! Pixels to the bytes of a file.

use std::error::Error;

use image::codecs::gif::{GifEncoder, Repeat};
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::codecs::webp::WebPEncoder;
use image::{Delay, ExtendedColorType, Frame, ImageEncoder, RgbaImage};
use jpeg_encoder::{ColorType, SamplingFactor};

use super::Pixels;

/// The form of a still picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Jpeg { quality: u8 },
    Png,
    Webp,
}

/// Encodes a still picture.
///
/// # Errors
/// Never for sizes that the format can hold; the encoders' signatures ask for it.
pub(crate) fn encode(pixels: &Pixels, encoding: Encoding) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut bytes = Vec::with_capacity(pixels.rgb.len() / 8);
    let (width, height, colour) = (pixels.width, pixels.height, ExtendedColorType::Rgb8);
    match encoding {
        Encoding::Jpeg { quality } => {
            // The `image` crate's encoder takes three times as long, and cannot halve the colours as cameras do.
            let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, quality);
            encoder.set_sampling_factor(SamplingFactor::R_4_2_0);
            encoder.encode(&pixels.rgb, u16::try_from(width)?, u16::try_from(height)?, ColorType::Rgb)?;
        }
        Encoding::Png => {
            PngEncoder::new_with_quality(&mut bytes, CompressionType::Fast, FilterType::Sub).write_image(
                &pixels.rgb,
                width,
                height,
                colour,
            )?;
        }
        Encoding::Webp => {
            WebPEncoder::new_lossless(&mut bytes).write_image(&pixels.rgb, width, height, colour)?;
        }
    }
    Ok(bytes)
}

/// Encodes an endless animation of a few frames.
///
/// # Errors
/// As [`encode`].
pub(crate) fn encode_animation(frames: &[Pixels]) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut bytes = Vec::new();
    {
        // 30: the fastest palette.
        let mut encoder = GifEncoder::new_with_speed(&mut bytes, 30);
        encoder.set_repeat(Repeat::Infinite)?;
        for frame in frames {
            let rgba = frame
                .rgb
                .chunks_exact(3)
                .flat_map(|pixel| [posterise(pixel[0]), posterise(pixel[1]), posterise(pixel[2]), 255]);
            if let Some(image) = RgbaImage::from_raw(frame.width, frame.height, rgba.collect()) {
                encoder.encode_frame(Frame::from_parts(image, 0, 0, Delay::from_numer_denom_ms(200, 1)))?;
            }
        }
    }
    Ok(bytes)
}

/// Six levels a channel: 216 colours fit a palette without a search for the best ones.
fn posterise(channel: u8) -> u8 {
    (u16::from(channel) * 5 + 127).div_euclid(255) as u8 * 51
}
