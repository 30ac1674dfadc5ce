use image::codecs::jpeg::JpegEncoder;
use image::imageops::FilterType as Filter;
use image::{DynamicImage, Rgb, RgbImage};
use proptest::prelude::*;
use tagmill_model::picture::Limits;

use super::*;

/// A picture of soft blots, another for each seed.
fn blots(seed: u32, width: u32, height: u32) -> RgbImage {
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    let mut draw = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as f32 / u32::MAX as f32
    };
    let blots: Vec<[f32; 6]> = (0..12).map(|_| std::array::from_fn(|_| draw())).collect();
    RgbImage::from_fn(width, height, |x, y| {
        let (x, y) = (x as f32 / width as f32, y as f32 / height as f32);
        let mut pixel = [128.0f32; 3];
        for [cx, cy, radius, colour @ ..] in &blots {
            let distance = ((x - cx).powi(2) + (y - cy).powi(2)) / (0.02 + 0.1 * radius);
            let weight = (-distance * 4.0).exp();
            for (value, colour) in pixel.iter_mut().zip(colour) {
                *value += weight * (colour - 0.5) * 255.0;
            }
        }
        Rgb(pixel.map(|value| value.clamp(0.0, 255.0) as u8))
    })
}

fn jpeg(image: &RgbImage, quality: u8) -> u64 {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, quality).encode_image(image).unwrap();
    likeness(&Picture::decode(&bytes, 96, &Limits::default()).unwrap())
}

fn distance(a: u64, b: u64) -> u32 {
    (a ^ b).count_ones()
}

#[test]
fn copies_are_alike() {
    for seed in 1..13 {
        let image = blots(seed, 400, 300);
        let original = jpeg(&image, 95);
        let small =
            DynamicImage::ImageRgb8(image.clone()).resize_exact(150, 113, Filter::CatmullRom).into_rgb8();
        let mut marked = image.clone();
        for (x, y) in (0..40).flat_map(|x| (0..8).map(move |y| (x + 350, y + 288))) {
            marked.put_pixel(x, y, Rgb([255; 3]));
        }
        for (copy, what) in
            [(jpeg(&image, 50), "coarse"), (jpeg(&small, 80), "small"), (jpeg(&marked, 80), "marked")]
        {
            assert!(distance(original, copy) <= LARGEST_DISTANCE, "{what} {seed}: {original:x} {copy:x}");
        }
        assert!(distance(original, jpeg(&blots(seed + 100, 400, 300), 95)) > 8, "another picture {seed}");
    }
}

#[test]
fn the_size_of_the_square_changes_little() {
    for seed in 1..9 {
        let at = |size| likeness(&Picture::from_image(blots(seed, 400, 300).into(), size));
        assert!(distance(at(64), at(224)) <= LARGEST_DISTANCE);
    }
}

#[test]
fn plain_pictures_say_nothing() {
    let of = |image: RgbImage| likeness(&Picture::from_image(image.into(), 64));
    assert_eq!(of(RgbImage::from_pixel(64, 64, Rgb([9; 3]))), 0);
    assert_eq!(of(RgbImage::from_fn(64, 64, |_, y| Rgb([y as u8 * 4; 3]))), 0);
    assert_ne!(of(blots(1, 64, 64)), 0);
}

#[test]
fn plain_pictures_are_grouped_by_their_bytes_alone() {
    let plain = |content| Look { likeness: 0, content };
    assert_eq!(groups(&[plain(5), plain(6), plain(5)]), [[0, 2]]);
}

#[test]
fn a_chain_is_one_group() {
    let look = |likeness| Look { likeness, content: likeness };
    let base = 0x0123_4567_89ab_cdef;
    let looks = [base ^ 0b111_111, !base, base, base ^ 0b111].map(look);
    assert_eq!(groups(&looks), [[0, 2, 3]]);
}

fn naive(looks: &[Look]) -> Vec<Vec<u32>> {
    let mut forest = Forest((0..looks.len() as u32).collect());
    for (a, first) in (0..).zip(looks) {
        for (b, second) in (0..).zip(looks) {
            let alike = match (first.likeness, second.likeness) {
                (0, 0) => first.content == second.content,
                (0, _) | (_, 0) => false,
                (a, b) => distance(a, b) <= LARGEST_DISTANCE,
            };
            if alike {
                forest.join(a, b);
            }
        }
    }
    forest.groups()
}

proptest! {
    /// Hashes within some bits of a few centres, so that pairs at every distance around the limit occur.
    #[test]
    fn no_pair_is_missed(picks in proptest::collection::vec((0..4u64, proptest::collection::vec(0..64u32, 0..6)), 0..60)) {
        let looks: Vec<Look> = picks
            .into_iter()
            .map(|(centre, flips)| {
                let centre = centre.wrapping_mul(0x9e37_79b9_7f4a_7c15);
                let likeness = flips.into_iter().fold(centre, |hash, bit| hash ^ (1 << bit));
                Look { likeness, content: likeness % 3 }
            })
            .collect();
        prop_assert_eq!(groups(&looks), naive(&looks));
    }
}
