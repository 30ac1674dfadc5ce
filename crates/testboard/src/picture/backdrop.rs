//! What is drawn behind the things, and the weather.

use super::canvas::{Canvas, Rgb, blend};
use super::shade;
use crate::concept::{Colour, Place, Texture, Weather};
use crate::random::Rng;
use crate::scene::Backdrop;

pub(super) fn draw(canvas: &mut Canvas, backdrop: Backdrop, rng: &mut Rng) {
    match backdrop {
        Backdrop::Plain(colour) => {
            let colour = shade(colour, rng);
            canvas.fill(|_, _| colour);
        }
        Backdrop::Textured(texture, first, second) => {
            let (first, second) = (shade(first, rng), shade(second, rng));
            pattern(canvas, texture, first, second, rng);
        }
        Backdrop::Place(place) => scenery(canvas, place, rng),
    }
}

fn pattern(canvas: &mut Canvas, texture: Texture, first: Rgb, second: Rgb, rng: &mut Rng) {
    let short = canvas.short();
    let (sin, cos) = rng.within(0.0, std::f32::consts::PI).sin_cos();
    let (shift_x, shift_y) = (rng.within(0.0, short), rng.within(0.0, short));
    // Along the pattern's own axes, always positive.
    let turned = move |x: usize, y: usize| {
        let (x, y) = (x as f32 + shift_x, y as f32 + shift_y);
        (x * cos + y * sin + 8192.0, y * cos - x * sin + 8192.0)
    };
    match texture {
        Texture::Stripes => {
            let period = short * rng.within(0.16, 0.3);
            canvas.fill(|x, y| {
                let phase = (turned(x, y).0 / period).fract();
                blend(first, second, ((phase - 0.5).abs() - 0.25) * period + 0.5)
            });
        }
        Texture::Dots => {
            let period = short * rng.within(0.17, 0.28);
            let radius = period * rng.within(0.26, 0.36);
            canvas.fill(|x, y| {
                let (u, v) = turned(x, y);
                let (u, v) = ((u / period).fract() - 0.5, (v / period).fract() - 0.5);
                blend(first, second, 0.5 - ((u * u + v * v).sqrt() * period - radius))
            });
        }
        Texture::Checkerboard => {
            let side = short * rng.within(0.12, 0.2);
            // A board lies nearly straight, or it would be taken for diamonds.
            let tilt = rng.within(-0.1, 0.1);
            canvas.fill(|x, y| {
                let u = x as f32 + y as f32 * tilt + shift_x + 4096.0;
                let v = y as f32 - x as f32 * tilt + shift_y + 4096.0;
                if ((u / side) as i32 + (v / side) as i32) % 2 == 0 { first } else { second }
            });
        }
        Texture::Noise => {
            let grain = (short * rng.within(0.025, 0.045)).max(1.0) as usize;
            let columns = canvas.width.div_ceil(grain);
            let mut cells = vec![first; columns];
            canvas.fill(|x, y| {
                if x == 0 && y % grain == 0 {
                    cells.fill_with(|| blend(first, second, rng.within(-0.2, 1.2)));
                }
                cells[x / grain]
            });
        }
        Texture::Gradient => {
            let (far_x, far_y) = (canvas.width as f32 * cos.abs(), canvas.height as f32 * sin.abs());
            let reach = (far_x + far_y).max(1.0);
            let (middle_x, middle_y) = (canvas.width as f32 / 2.0, canvas.height as f32 / 2.0);
            canvas.fill(|x, y| {
                let along = (x as f32 - middle_x) * cos + (y as f32 - middle_y) * sin;
                blend(first, second, along / reach + 0.5)
            });
        }
    }
}

/// Fills from top to bottom, from one colour to another.
fn fade(canvas: &mut Canvas, top: Rgb, bottom: Rgb) {
    let height = canvas.height as f32;
    let mut row = top;
    canvas.fill(|x, y| {
        if x == 0 {
            row = blend(top, bottom, y as f32 / height);
        }
        row
    });
}

/// For every column, the row where a wavy ground begins.
fn ridge(canvas: &Canvas, rng: &mut Rng, level: f32, swing: f32) -> Vec<usize> {
    let (phase, waves) = (rng.within(0.0, 6.3), rng.within(2.0, 6.0));
    let (width, height) = (canvas.width as f32, canvas.height as f32);
    (0..canvas.width)
        .map(|x| {
            let x = x as f32 / width;
            let wave = (x * waves + phase).sin() * 0.7 + (x * waves * 2.3 + phase * 1.7).sin() * 0.3;
            ((level + wave * swing) * height).clamp(0.0, height) as usize
        })
        .collect()
}

/// Fills everything below a ridge.
fn ground(canvas: &mut Canvas, ridge: &[usize], mut colour: impl FnMut(usize, usize) -> Rgb) {
    for (y, row) in canvas.pixels.chunks_exact_mut(canvas.width).enumerate() {
        for (x, pixel) in row.iter_mut().enumerate() {
            if y >= ridge[x] {
                *pixel = colour(x, y);
            }
        }
    }
}

/// Small upright strokes or specks, scattered over the rows from `top` down.
fn speckle(canvas: &mut Canvas, rng: &mut Rng, n: u32, top: f32, bottom: f32, size: (f32, f32), ink: Rgb) {
    let short = canvas.short();
    let (width, height) = ((size.0 * short).max(1.0) as i32, (size.1 * short).max(1.0) as i32);
    for _ in 0..n {
        let x = rng.below(canvas.width as u64) as i32;
        let y = (rng.within(top, bottom) * canvas.height as f32) as i32;
        canvas.rectangle((x, y), (x + width, y + height), ink);
    }
}

fn scenery(canvas: &mut Canvas, place: Place, rng: &mut Rng) {
    let horizon = rng.within(0.3, 0.48);
    let hazy: Rgb = [206, 224, 236];
    match place {
        Place::Sky => fade(canvas, shade(Colour::Blue, rng), [150, 200, 244]),
        Place::Meadow => {
            fade(canvas, hazy, [226, 236, 232]);
            let green = shade(Colour::Green, rng);
            let hills = ridge(canvas, rng, horizon, 0.06);
            let height = canvas.height as f32;
            ground(canvas, &hills, |_, y| blend(green, [150, 200, 80], 0.7 - y as f32 / height));
            speckle(canvas, rng, 220, horizon + 0.08, 1.0, (0.008, 0.05), blend(green, [20, 70, 30], 0.6));
        }
        Place::Night => {
            fade(canvas, [12, 14, 40], [34, 36, 76]);
            speckle(canvas, rng, 70, 0.0, 0.8, (0.012, 0.012), [230, 230, 210]);
            let level = rng.within(0.78, 0.9);
            let hills = ridge(canvas, rng, level, 0.05);
            ground(canvas, &hills, |_, _| [14, 16, 22]);
        }
        Place::Sea => {
            fade(canvas, hazy, [236, 236, 228]);
            let blue = shade(Colour::Blue, rng);
            let level = vec![(horizon * canvas.height as f32) as usize; canvas.width];
            let height = canvas.height as f32;
            ground(canvas, &level, |_, y| blend(blue, [16, 44, 120], y as f32 / height - 0.3));
            speckle(canvas, rng, 60, horizon + 0.04, 1.0, (0.11, 0.014), [150, 190, 236]);
        }
        Place::Desert => {
            fade(canvas, [240, 226, 190], [250, 236, 200]);
            let sand = blend(shade(Colour::Yellow, rng), [222, 176, 104], 0.5);
            for (step, darker) in [(0.0, 0.0), (0.2, 0.18), (0.42, 0.36)] {
                let dune = ridge(canvas, rng, horizon + step, 0.07);
                ground(canvas, &dune, |_, _| blend(sand, [170, 110, 60], darker));
            }
        }
        Place::Snow => {
            fade(canvas, [150, 172, 200], [196, 208, 222]);
            let hills = ridge(canvas, rng, horizon, 0.07);
            ground(canvas, &hills, |_, _| [244, 247, 252]);
            speckle(canvas, rng, 90, 0.0, 1.0, (0.024, 0.024), [255, 255, 255]);
        }
        Place::Forest => {
            let green = blend(shade(Colour::Green, rng), [16, 60, 34], 0.55);
            fade(canvas, blend(green, [180, 220, 150], 0.35), green);
            for _ in 0..rng.below(4) + 5 {
                let x = rng.below(canvas.width as u64) as i32;
                let half = (canvas.short() * rng.within(0.02, 0.045)) as i32 + 1;
                let foot = (canvas.height as f32 * rng.within(0.72, 0.95)) as i32;
                let bark = blend([70, 46, 30], [110, 80, 52], rng.within(0.0, 1.0));
                canvas.rectangle((x - half, 0), (x + half, foot), bark);
            }
            speckle(canvas, rng, 130, 0.0, 0.25, (0.07, 0.05), blend(green, [50, 130, 50], 0.5));
        }
        Place::City => {
            fade(canvas, [168, 172, 190], [214, 208, 204]);
            let unit = canvas.short();
            let base = canvas.height as i32;
            let street = (base as f32 * 0.82) as i32;
            let mut x = -((unit * 0.1) as i32);
            while x < canvas.width as i32 {
                let wide = (unit * rng.within(0.14, 0.26)) as i32 + 2;
                let roof = (base as f32 * rng.within(0.1, 0.5)) as i32;
                let wall = blend([72, 76, 92], [128, 120, 124], rng.within(0.0, 1.0));
                canvas.rectangle((x, roof), (x + wide, base), wall);
                let pane = (unit * 0.032) as i32 + 1;
                for top in (roof + pane..street - pane).step_by(pane as usize * 2) {
                    for left in (x + pane..x + wide - pane).step_by(pane as usize * 2) {
                        if rng.chance(0.6) {
                            canvas.rectangle((left, top), (left + pane, top + pane), [238, 216, 140]);
                        }
                    }
                }
                x += wide + 1;
            }
            canvas.rectangle((0, street), (canvas.width as i32, base), [66, 66, 70]);
        }
        Place::Sunset => {
            fade(canvas, blend(shade(Colour::Purple, rng), [60, 40, 110], 0.5), [252, 170, 70]);
            let level = rng.within(0.74, 0.86);
            let hills = ridge(canvas, rng, level, 0.05);
            let floor = canvas.height as f32;
            ground(canvas, &hills, |_, y| blend([90, 40, 50], [40, 20, 40], y as f32 / floor));
            let band = canvas.height as f32 * 0.68;
            for (y, row) in canvas.pixels.chunks_exact_mut(canvas.width).enumerate() {
                let near = 1.0 - (y as f32 - band).abs() / (floor * 0.4);
                if near > 0.0 {
                    row.iter_mut().for_each(|pixel| *pixel = blend(*pixel, [250, 120, 40], near * 0.55));
                }
            }
        }
    }
}

/// Weather that stands behind the things.
pub(super) fn draw_sky_weather(canvas: &mut Canvas, weather: Weather, rng: &mut Rng) {
    if weather != Weather::Rainbow {
        return;
    }
    const BANDS: [Rgb; 6] =
        [[226, 60, 54], [244, 150, 40], [250, 226, 70], [80, 180, 80], [60, 110, 220], [140, 80, 190]];
    let (width, height) = (canvas.width as f32, canvas.height as f32);
    let centre = (width * rng.within(0.4, 0.6), height * rng.within(0.75, 0.95));
    let outer = width.min(height) * rng.within(0.62, 0.74);
    let band = outer * 0.065;
    for y in 0..(centre.1 as usize).min(canvas.height) {
        let dy = y as f32 - centre.1;
        for (x, pixel) in canvas.pixels[y * canvas.width..][..canvas.width].iter_mut().enumerate() {
            let dx = x as f32 - centre.0;
            let depth = (outer - (dx * dx + dy * dy).sqrt()) / band;
            if (0.0..6.0).contains(&depth) {
                *pixel = blend(*pixel, BANDS[depth as usize], 0.8);
            }
        }
    }
}

/// Weather that falls before the things.
pub(super) fn draw_falling_weather(canvas: &mut Canvas, weather: Weather, rng: &mut Rng) {
    if weather != Weather::Rain {
        return;
    }
    for pixel in &mut canvas.pixels {
        *pixel = blend(*pixel, [88, 98, 116], 0.28);
    }
    let short = canvas.short();
    let slant = rng.within(0.15, 0.4);
    let thick = (short * 0.009).max(1.0) as i32;
    for _ in 0..110 {
        let length = (short * rng.within(0.09, 0.16)) as i32;
        let x = rng.within(-0.1, 1.1) * canvas.width as f32;
        let y = (rng.within(-0.1, 1.0) * canvas.height as f32) as i32;
        for step in 0..length {
            let left = (x - step as f32 * slant) as i32;
            canvas.rectangle((left, y + step), (left + thick, y + step + 1), [206, 222, 242]);
        }
    }
}
