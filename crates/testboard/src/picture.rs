//! From a scene to the bytes of a picture.

use crate::concept::{Colour, Style};
use crate::random::Rng;
use crate::scene::Scene;

mod backdrop;
mod canvas;
mod captcha;
mod encode;
mod finish;
mod mp4;
mod things;

pub(crate) use captcha::{captcha, characters};
pub(crate) use encode::{Encoding, encode, encode_animation};
pub(crate) use mp4::movie;

use canvas::{Canvas, Pen, Rgb};

/// Raw pixels, rows from the top.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pixels {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Red, green, blue, one byte each.
    pub rgb: Vec<u8>,
}

/// Draws a scene. The same scene, size and random numbers give the same pixels.
pub(crate) fn render(scene: &Scene, width: u32, height: u32, rng: &mut Rng) -> Pixels {
    let mut canvas = Canvas::new(width.max(1) as usize, height.max(1) as usize);
    backdrop::draw(&mut canvas, scene.backdrop, rng);
    if let Some(weather) = scene.weather {
        backdrop::draw_sky_weather(&mut canvas, weather, rng);
    }
    let short = canvas.short();
    let (width_px, height_px) = (width as f32, height as f32);
    let outline = scene.styles.contains(&Style::Outline).then_some(0.06);
    for placed in &scene.things {
        let ink = shade(placed.colour, rng);
        let mut pen = Pen {
            canvas: &mut canvas,
            centre: (placed.x * width_px, placed.y * height_px),
            radius: placed.size * short,
            turn: (placed.turn.cos(), placed.turn.sin()),
            outline,
        };
        things::draw(&mut pen, placed.thing, ink);
    }
    if let Some(weather) = scene.weather {
        backdrop::draw_falling_weather(&mut canvas, weather, rng);
    }
    finish::apply(&mut canvas, scene, rng);
    Pixels { width, height, rgb: canvas.pixels.into_flattened() }
}

/// The colour's usual shade.
const fn usual(colour: Colour) -> Rgb {
    match colour {
        Colour::Red => [212, 44, 44],
        Colour::Orange => [240, 138, 36],
        Colour::Yellow => [246, 214, 62],
        Colour::Green => [66, 160, 72],
        Colour::Blue => [48, 100, 212],
        Colour::Purple => [134, 70, 182],
        Colour::Pink => [242, 142, 188],
        Colour::Brown => [128, 84, 48],
        Colour::White => [246, 246, 242],
        Colour::Black => [32, 31, 36],
    }
}

/// A shade of a colour, a little off the usual one.
fn shade(colour: Colour, rng: &mut Rng) -> Rgb {
    usual(colour).map(|channel| (f32::from(channel) + rng.within(-14.0, 14.0)).clamp(0.0, 255.0) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Purpose;

    #[test]
    fn the_same_seed_draws_the_same_pixels() {
        let draw = |seed| {
            let scene = Scene::compose(&mut Rng::new(seed, Purpose::Scene, 0), 64, 48);
            render(&scene, 64, 48, &mut Rng::new(seed, Purpose::Picture, 0))
        };
        for seed in 0..50 {
            assert_eq!(draw(seed), draw(seed));
            assert_eq!(draw(seed).rgb.len(), 64 * 48 * 3);
        }
        assert_ne!(draw(1), draw(2));
    }

    #[test]
    fn sizes_of_one_pixel_do_not_fail() {
        for seed in 0..200 {
            let scene = Scene::compose(&mut Rng::new(seed, Purpose::Scene, 0), 1, 1);
            let pixels = render(&scene, 1, 1, &mut Rng::new(seed, Purpose::Picture, 0));
            assert_eq!(pixels.rgb.len(), 3);
        }
    }
}
