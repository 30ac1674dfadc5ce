//! Pictures in a terminal.

use image::imageops::FilterType;
use image::{ImageFormat, Rgb, RgbImage};

/// A small picture as lines of `▀`: the upper pixel is the character's colour, the lower one its background (24-bit ANSI
/// colours). At most `columns` wide; `None` where it is no PNG that can be read.
pub(crate) fn half_blocks(png: &[u8], columns: u32) -> Option<String> {
    let picture = image::load_from_memory_with_format(png, ImageFormat::Png).ok()?;
    let scaled = match picture.width() > columns {
        // Pixels of a terminal are about as wide as high, as each character holds two.
        true => picture.resize(columns, u32::MAX, FilterType::Triangle),
        false => picture,
    };
    // What is transparent shows the white that such pictures are drawn for.
    let rgba = scaled.into_rgba8();
    let over_white = |channel: u8, alpha: u8| {
        let alpha = u32::from(alpha);
        ((u32::from(channel) * alpha + 255 * (255 - alpha)) / 255) as u8
    };
    let flat = RgbImage::from_fn(rgba.width(), rgba.height(), |x, y| {
        let [red, green, blue, alpha] = rgba.get_pixel(x, y).0;
        Rgb([red, green, blue].map(|channel| over_white(channel, alpha)))
    });
    let pixel = |x: u32, y: u32| flat.get_pixel_checked(x, y).map_or([255; 3], |pixel| pixel.0);
    let line = |y: u32| {
        let cells = (0..flat.width()).map(|x| {
            let ([r, g, b], [lower_r, lower_g, lower_b]) = (pixel(x, 2 * y), pixel(x, 2 * y + 1));
            format!("\x1b[38;2;{r};{g};{b};48;2;{lower_r};{lower_g};{lower_b}m▀")
        });
        cells.collect::<String>() + "\x1b[0m"
    };
    Some((0..flat.height().div_ceil(2)).map(line).collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        let picture = RgbImage::from_fn(width, height, |x, y| Rgb([x as u8, y as u8, 0]));
        picture.write_to(&mut bytes, ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn two_pixels_a_character() {
        let drawn = half_blocks(&png(1, 3), 10).unwrap();
        assert_eq!(drawn, "\x1b[38;2;0;0;0;48;2;0;1;0m▀\x1b[0m\n\x1b[38;2;0;2;0;48;2;255;255;255m▀\x1b[0m");
    }

    #[test]
    fn fits_the_terminal() {
        let drawn = half_blocks(&png(200, 80), 50).unwrap();
        assert!(drawn.lines().all(|line| line.matches('▀').count() == 50));
        assert_eq!(drawn.lines().count(), 10);
        assert_eq!(half_blocks(b"no picture", 50), None);
    }
}
