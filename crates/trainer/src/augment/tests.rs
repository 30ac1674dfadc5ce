use super::*;

const SIDE: i64 = 8;

/// Two pictures whose red is their column and whose green is their row, in tens.
fn gradients() -> Tensor {
    let place = Tensor::arange(SIDE, (Kind::Float, tch::Device::Cpu)) * 10.0;
    let red = place.view([1, 1, 1, SIDE]).expand([2, 1, SIDE, SIDE], false);
    let green = place.view([1, 1, SIDE, 1]).expand([2, 1, SIDE, SIDE], false);
    Tensor::cat(&[&red, &green, &(red.zeros_like() + 77.0)], 1)
}

fn black() -> Tensor {
    Tensor::zeros([1, 3, 1, 1], (Kind::Float, tch::Device::Cpu))
}

const PLAIN: Variant = Variant { scale: [1.0; 2], centre: [0.0; 2], factors: [1.0; 3], erased: None };

fn vary(variant: Variant) -> Tensor {
    Variation { pictures: vec![variant, PLAIN], mix: 1.0 }.pixels(&gradients(), &black()).unwrap()
}

/// What a picture's pixels become; its neighbour stays as it is.
#[track_caller]
fn check(variant: Variant, expected: impl Fn(i64, i64) -> [f64; 3]) {
    let varied = vary(variant);
    for (x, y) in (0..SIDE).flat_map(|x| (0..SIDE).map(move |y| (x, y))) {
        let at = |picture: i64| [0, 1, 2].map(|channel| varied.double_value(&[picture, channel, y, x]));
        for (found, expected) in [(at(0), expected(x, y)), (at(1), [x as f64 * 10.0, y as f64 * 10.0, 77.0])]
        {
            for (found, expected) in found.iter().zip(expected) {
                assert!((found - expected).abs() < 1e-3, "{x} {y}: {found} {expected}");
            }
        }
    }
}

#[test]
fn pixels_move_where_they_should() {
    check(PLAIN, |x, y| [x as f64 * 10.0, y as f64 * 10.0, 77.0]);
    check(Variant { scale: [-1.0, 1.0], ..PLAIN }, |x, y| [(7 - x) as f64 * 10.0, y as f64 * 10.0, 77.0]);
    // The right half, stretched: the first pixel's centre lies a quarter into the fifth.
    let right = Variant { scale: [0.5, 1.0], centre: [0.5, 0.0], ..PLAIN };
    check(right, |x, y| [(3.75 + 0.5 * x as f64).min(7.0) * 10.0, y as f64 * 10.0, 77.0]);
}

#[test]
fn colours_change_as_torchvision_has_it() {
    check(Variant { factors: [2.0, 1.0, 1.0], ..PLAIN }, |x, y| [x as f64 * 20.0, y as f64 * 20.0, 154.0]);
    let grey = |x: f64, y: f64| 2.99 * x + 5.87 * y + 0.114 * 77.0;
    check(Variant { factors: [1.0, 0.0, 1.0], ..PLAIN }, |_, _| [grey(3.5, 3.5); 3]);
    check(Variant { factors: [1.0, 1.0, 0.0], ..PLAIN }, |x, y| [grey(x as f64, y as f64); 3]);
}

#[test]
fn what_is_erased_is_blank() {
    check(Variant { erased: Some([0.25, 0.0, 0.5, 1.0]), ..PLAIN }, |x, y| match x {
        2 | 3 => [0.0; 3],
        _ => [x as f64 * 10.0, y as f64 * 10.0, 77.0],
    });
}

#[test]
fn a_batch_is_mixed_with_its_reverse() {
    let variation = Variation { pictures: vec![PLAIN; 2], mix: 0.75 };
    let targets = Tensor::from_slice(&[1f32, 0.0, 0.0, 1.0]).view([2, 2]);
    let mixed = Vec::<Vec<f32>>::try_from(variation.mixed(targets).unwrap()).unwrap();
    assert_eq!(mixed, [[0.75, 0.25], [0.25, 0.75]]);
}

#[test]
fn a_variant_depends_on_its_key_alone() {
    let all = Augmentation { jitter: 0.4, erase: 0.5, ..Augmentation::default() };
    let draw = |key: &[u64]| Variant::draw(&all, &mut Random::new(key));
    assert_eq!(draw(&[1, 2, 3]), draw(&[1, 2, 3]));
    assert_ne!(draw(&[1, 2, 3]), draw(&[1, 3, 3]));
    assert_eq!(Variant::draw(&Augmentation::NONE, &mut Random::new(&[1])), PLAIN);
}

#[test]
fn what_is_cut_out_lies_within_the_picture() {
    let crop = Augmentation { crop: 0.08, flip: false, ..Augmentation::NONE };
    for key in 0..1000 {
        let Variant { scale: [width, height], centre, .. } = Variant::draw(&crop, &mut Random::new(&[key]));
        let (area, ratio) = (width * height, width / height);
        assert!((0.079..=1.001).contains(&area), "{area}");
        assert!((0.74..=1.34).contains(&ratio), "{ratio}");
        assert!(centre[0].abs() + width <= 1.001 && centre[1].abs() + height <= 1.001);
    }
}

/// The mean of the larger part of Beta(1, 1), which is uniform, is three quarters; a small parameter keeps nearly all.
#[test]
fn shares_are_drawn_from_their_distribution() {
    let mean = |a: f32| {
        let drawn = (0..4000).map(|key| beta(a, &mut Random::new(&[key])));
        drawn.sum::<f32>() / 4000.0
    };
    assert!((mean(1.0) - 0.75).abs() < 0.01, "{}", mean(1.0));
    assert!(mean(0.1) > 0.92, "{}", mean(0.1));
    assert_eq!((mean(0.0), mean(1e-6)), (1.0, 1.0));
    assert!((mean(4.0) - 0.637).abs() < 0.01, "{}", mean(4.0));
}
