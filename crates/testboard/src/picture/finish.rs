//! What happens to a whole picture once it is drawn: style, light, noise.

use super::canvas::{Canvas, Rgb};
use super::shade;
use crate::concept::Style;
use crate::random::Rng;
use crate::scene::Scene;

pub(super) fn apply(canvas: &mut Canvas, scene: &Scene, rng: &mut Rng) {
    let short = canvas.short();
    for style in &scene.styles {
        match style {
            Style::Blurred => {
                let radius = (short * rng.within(0.02, 0.03)) as usize + 1;
                blur(canvas, radius);
            }
            Style::Greyscale => canvas.pixels.iter_mut().for_each(|pixel| {
                let [r, g, b] = pixel.map(u32::from);
                *pixel = [((r * 77 + g * 150 + b * 29) >> 8) as u8; 3];
            }),
            Style::Pixelated => pixelate(canvas, (short * rng.within(0.045, 0.06)) as usize + 1),
            Style::Framed => {
                let thick = (short * rng.within(0.06, 0.1)) as i32 + 1;
                let colour = shade(scene.frame, rng);
                let (right, bottom) = (canvas.width as i32, canvas.height as i32);
                canvas.rectangle((0, 0), (right, thick), colour);
                canvas.rectangle((0, bottom - thick), (right, bottom), colour);
                canvas.rectangle((0, 0), (thick, bottom), colour);
                canvas.rectangle((right - thick, 0), (right, bottom), colour);
            }
            Style::Outline | Style::CloseUp => {}
        }
    }
    light(canvas, scene.styles.contains(&Style::Greyscale), rng);
}

/// A box blur both ways, by running sums.
fn blur(canvas: &mut Canvas, radius: usize) {
    let (width, height) = (canvas.width, canvas.height);
    let mut source = Vec::new();
    for y in 0..height {
        source.clear();
        source.extend_from_slice(&canvas.pixels[y * width..][..width]);
        blur_row(&source, radius, &mut canvas.pixels[y * width..][..width]);
    }
    // Down the columns by running sums of whole rows, so that memory is walked in order.
    let rows: Vec<Rgb> = canvas.pixels.clone();
    let row = |y: isize| {
        let y = y.clamp(0, height as isize - 1) as usize;
        &rows[y * width..][..width]
    };
    let reach = radius as isize;
    let mut sums = vec![[0u32; 3]; width];
    for y in -reach..=reach {
        add(&mut sums, row(y), u32::wrapping_add);
    }
    let scale = reciprocal(radius);
    for y in 0..height {
        for (pixel, sum) in canvas.pixels[y * width..][..width].iter_mut().zip(&sums) {
            *pixel = sum.map(|channel| ((channel * scale) >> 16) as u8);
        }
        add(&mut sums, row(y as isize + reach + 1), u32::wrapping_add);
        add(&mut sums, row(y as isize - reach), u32::wrapping_sub);
    }
}

fn add(sums: &mut [[u32; 3]], row: &[Rgb], operation: fn(u32, u32) -> u32) {
    for (sum, pixel) in sums.iter_mut().zip(row) {
        for (channel, value) in sum.iter_mut().zip(pixel) {
            *channel = operation(*channel, u32::from(*value));
        }
    }
}

/// 65536 / window, so that a mean is a multiplication and a shift.
fn reciprocal(radius: usize) -> u32 {
    65536 / (2 * radius as u32 + 1)
}

fn blur_row(source: &[Rgb], radius: usize, target: &mut [Rgb]) {
    let last = source.len() - 1;
    let scale = reciprocal(radius);
    let mut sum = [0u32; 3];
    for i in 0..=2 * radius {
        let pixel = source[i.saturating_sub(radius).min(last)];
        (0..3).for_each(|c| sum[c] += u32::from(pixel[c]));
    }
    for (x, pixel) in target.iter_mut().enumerate() {
        *pixel = sum.map(|channel| ((channel * scale) >> 16) as u8);
        let (enter, leave) = (source[(x + radius + 1).min(last)], source[x.saturating_sub(radius)]);
        (0..3).for_each(|c| sum[c] = sum[c] + u32::from(enter[c]) - u32::from(leave[c]));
    }
}

fn pixelate(canvas: &mut Canvas, side: usize) {
    for top in (0..canvas.height).step_by(side) {
        for left in (0..canvas.width).step_by(side) {
            let (bottom, right) = ((top + side).min(canvas.height), (left + side).min(canvas.width));
            // The middle pixel stands for its block, as when a picture is enlarged from a small one.
            let colour = canvas.pixels[(top + bottom) / 2 * canvas.width + (left + right) / 2];
            for y in top..bottom {
                canvas.pixels[y * canvas.width..][left..right].fill(colour);
            }
        }
    }
}

/// Light, warmth and sensor noise.
fn light(canvas: &mut Canvas, grey: bool, rng: &mut Rng) {
    let gain = rng.within(0.84, 1.1);
    let warmth = if grey { 0.0 } else { rng.within(-0.05, 0.05) };
    let lift = rng.within(-8.0, 12.0);
    let amplitude = if rng.chance(0.4) { rng.below(16) as i32 } else { 1 };
    let curves = [gain * (1.0 + warmth), gain, gain * (1.0 - warmth)].map(|gain| {
        let mut curve = [0i32; 256];
        for (value, out) in curve.iter_mut().enumerate() {
            *out = (value as f32 * gain + lift) as i32;
        }
        curve
    });
    let mut state = rng.bits() | 1;
    for pixel in &mut canvas.pixels {
        // Xorshift: fast, and good enough for grain.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        for (i, channel) in pixel.iter_mut().enumerate() {
            let draw = (state >> (i * 16) & 0xffff) as i32 - 0x8000;
            let value = curves[i][usize::from(*channel)] + ((draw * amplitude) >> 15);
            *channel = value.clamp(0, 255) as u8;
        }
    }
}
