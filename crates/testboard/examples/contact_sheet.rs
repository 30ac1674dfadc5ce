//! Draws pictures of a world side by side into one PNG: `cargo run -p tagmill-testboard --example contact_sheet -- sheet.png`.

use std::error::Error;

use image::{RgbImage, imageops};
use tagmill_testboard::{World, WorldConfig};

const COLUMNS: u32 = 8;
const ROWS: u32 = 6;
/// Room for one picture, in pixels.
const CELL: (u32, u32) = (176, 132);

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("which file shall the sheet be written to?")?;
    let seed = arguments.next().map_or(Ok(0), |seed| seed.parse())?;
    let world = World::new(WorldConfig { seed, ..WorldConfig::default() });
    let mut sheet = RgbImage::from_pixel(COLUMNS * CELL.0, ROWS * CELL.1, image::Rgb([24, 24, 28]));
    for (cell, id) in world.ids().take((COLUMNS * ROWS) as usize).enumerate() {
        let media = world.media(id).ok_or("an id that exists has a medium")?;
        let scale = f64::min(
            f64::from(CELL.0 - 8) / f64::from(media.width),
            f64::from(CELL.1 - 8) / f64::from(media.height),
        );
        let pixels = world.pixels(id, media.width, media.height).ok_or("an id that exists has a picture")?;
        let picture = RgbImage::from_raw(pixels.width, pixels.height, pixels.rgb).ok_or("a whole picture")?;
        let (width, height) =
            ((f64::from(media.width) * scale) as u32, (f64::from(media.height) * scale) as u32);
        let picture = imageops::resize(&picture, width, height, imageops::FilterType::Triangle);
        let (column, row) = (cell as u32 % COLUMNS, cell as u32 / COLUMNS);
        let left = column * CELL.0 + (CELL.0 - width) / 2;
        let top = row * CELL.1 + (CELL.1 - height) / 2;
        imageops::replace(&mut sheet, &picture, i64::from(left), i64::from(top));
    }
    sheet.save(path)?;
    Ok(())
}
