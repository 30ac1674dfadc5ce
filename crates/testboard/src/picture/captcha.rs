//! Characters that a person reads and types: strokes, tilted a little, with waves across them.

use super::canvas::{Canvas, Pen, Rgb, blend, segment};
use super::{Pixels, Rng};

/// How many characters a captcha shows.
const LENGTH: usize = 5;

const WIDTH: usize = 180;
const HEIGHT: usize = 70;

/// Strokes of a character, joined by `|`: each pair of digits is a point, 0 to 4 across and 0 to 6 down. Left out is
/// whatever is taken for another when it is tilted: 0 and O, 1 and I, 2 and Z, 5 and S, 8 and B, U and V.
const GLYPHS: [(char, &str); 22] = [
    ('a', "06 20 46|14 34"),
    ('c', "41 30 10 01 05 16 36 45"),
    ('d', "00 06 26 44 42 20 00"),
    ('e', "40 00 06 46|03 33"),
    ('f', "40 00 06|03 33"),
    ('h', "00 06|40 46|03 43"),
    ('j', "10 40|30 35 26 16 05"),
    ('k', "00 06|40 03 46"),
    ('l', "00 06 46"),
    ('m', "06 00 23 40 46"),
    ('n', "06 00 46 40"),
    ('p', "06 00 30 41 42 33 03"),
    ('r', "06 00 30 41 42 33 03|23 46"),
    ('t', "00 40|20 26"),
    ('w', "00 16 22 36 40"),
    ('x', "00 46|40 06"),
    ('y', "00 23 40|23 26"),
    ('3', "01 10 30 41 42 33 13|33 44 45 36 16 05"),
    ('4', "36 30 04 44"),
    ('6', "41 30 10 01 05 16 36 45 44 33 13 04"),
    ('7', "00 40 16"),
    ('9', "05 16 36 45 41 30 10 01 02 13 33 42"),
];

/// Characters of a new captcha.
pub(crate) fn characters(rng: &mut Rng) -> String {
    (0..LENGTH).map(|_| rng.pick(&GLYPHS).0).collect()
}

/// Draws characters. Those that [`characters`] never gives leave a hole.
pub(crate) fn captcha(text: &str, rng: &mut Rng) -> Pixels {
    let mut canvas = Canvas::new(WIDTH, HEIGHT);
    let paper = ink(rng, 226.0, 246.0);
    canvas.fill(|_, _| paper);
    for _ in 0..3 {
        wave(&mut canvas, rng);
    }
    let room = WIDTH as f32 / LENGTH as f32;
    for (at, character) in text.chars().take(LENGTH).enumerate() {
        let turn = rng.within(-0.2, 0.2);
        let centre =
            (room * (at as f32 + 0.5) + rng.within(-2.0, 2.0), HEIGHT as f32 * rng.within(0.44, 0.56));
        let ink = ink(rng, 20.0, 110.0);
        let pen = Pen {
            canvas: &mut canvas,
            centre,
            radius: rng.within(19.0, 23.0),
            turn: (turn.cos(), turn.sin()),
            outline: None,
        };
        glyph(pen, character, ink);
    }
    Pixels { width: WIDTH as u32, height: HEIGHT as u32, rgb: canvas.pixels.into_flattened() }
}

/// A thin line from side to side, paler than the characters over it.
fn wave(canvas: &mut Canvas, rng: &mut Rng) {
    let ink = ink(rng, 120.0, 190.0);
    let (level, height) = (HEIGHT as f32 * rng.within(0.2, 0.8), rng.within(4.0, 12.0));
    let (pitch, phase) = (rng.within(0.03, 0.08), rng.within(0.0, std::f32::consts::TAU));
    for x in 0..WIDTH {
        let along = x as f32 * pitch + phase;
        let slope = height * pitch * along.cos();
        for y in 0..HEIGHT {
            let off = (y as f32 - level - height * along.sin()).abs() / (1.0 + slope * slope).sqrt();
            let pixel = &mut canvas.pixels[y * WIDTH + x];
            *pixel = blend(*pixel, ink, 1.2 - off);
        }
    }
}

fn glyph(mut pen: Pen<'_>, character: char, ink: Rgb) {
    /// Half the width of a stroke.
    const STROKE: f32 = 0.1;
    let strokes = GLYPHS.iter().find(|(known, _)| *known == character).map_or("", |(_, strokes)| strokes);
    for stroke in strokes.split('|') {
        let points: Vec<(f32, f32)> = stroke.split(' ').filter_map(point).collect();
        for ends in points.windows(2) {
            let (from, to) = (ends[0], ends[1]);
            let bounds = [
                from.0.min(to.0) - STROKE,
                from.1.min(to.1) - STROKE,
                from.0.max(to.0) + STROKE,
                from.1.max(to.1) + STROKE,
            ];
            pen.fill(bounds, ink, |x, y| segment(x, y, from, to, STROKE));
        }
    }
}

/// Two digits as a place in the pen's coordinates.
fn point(digits: &str) -> Option<(f32, f32)> {
    let mut digits = digits.chars().map(|digit| digit.to_digit(10));
    let (across, down) = (digits.next()??, digits.next()??);
    Some((across as f32 / 4.0 * 1.1 - 0.55, down as f32 / 6.0 * 1.7 - 0.85))
}

/// Any colour whose channels lie between two values.
fn ink(rng: &mut Rng, low: f32, high: f32) -> Rgb {
    std::array::from_fn(|_| rng.within(low, high) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Purpose;

    fn rng(key: u64) -> Rng {
        Rng::new(1, Purpose::Captcha, key)
    }

    /// Every character puts enough ink on the paper to be seen, and no two put it in the same places.
    #[test]
    fn characters_differ_from_each_other() {
        let drawn: Vec<Pixels> =
            GLYPHS.iter().map(|(character, _)| captcha(&character.to_string(), &mut rng(0))).collect();
        let blank = captcha("", &mut rng(0));
        let apart =
            |a: &Pixels, b: &Pixels| a.rgb.iter().zip(&b.rgb).filter(|(a, b)| a.abs_diff(**b) > 40).count();
        for (i, picture) in drawn.iter().enumerate() {
            assert!(apart(picture, &blank) > 600, "{}", GLYPHS[i].0);
            for other in &drawn[..i] {
                assert!(apart(picture, other) > 200, "{}", GLYPHS[i].0);
            }
        }
    }

    #[test]
    fn any_text_can_be_drawn() {
        for text in ["", "?", "äöü", "longer than five"] {
            assert_eq!(captcha(text, &mut rng(2)).rgb.len(), WIDTH * HEIGHT * 3);
        }
        assert_eq!(characters(&mut rng(3)).len(), LENGTH);
    }
}
