//! How training pictures are varied: drawn on the host from keys alone, so that an epoch comes out the same after a resume,
//! and applied on the device that the model computes on.

use serde::{Deserialize, Serialize};
use tch::{Kind, TchError, Tensor};

use crate::random::Random;

/// Width by height of what is cut out, at its extremes, as torchvision's `RandomResizedCrop` has it.
const RATIOS: [f32; 2] = [3.0 / 4.0, 4.0 / 3.0];

/// The share of a picture that is erased, and width by height of it, at their extremes, as the paper has them.
const ERASED: [f32; 2] = [0.02, 0.33];
const ERASED_RATIOS: [f32; 2] = [0.3, 3.3];

/// What a grey picture keeps of red, green and blue (ITU-R BT.601).
const LUMA: [f32; 3] = [0.299, 0.587, 0.114];

/// How a training picture is changed each time the model sees it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Augmentation {
    /// Mirrors every second picture, left to right.
    pub flip: bool,
    /// Cuts out a part of at least this share of the area and stretches it to the whole (Szegedy et al. 2014,
    /// <https://arxiv.org/abs/1409.4842>); 1 for never.
    pub crop: f32,
    /// Brightness, contrast and saturation change by up to this share, each way.
    pub jitter: f32,
    /// The share of pictures in which a rectangle is wiped out (Zhong et al. 2017, <https://arxiv.org/abs/1708.04896>).
    pub erase: f32,
    /// Mixes each batch with itself in reverse, pictures and targets, by a share from the Beta distribution with this
    /// parameter twice (Zhang et al. 2017, <https://arxiv.org/abs/1710.09412>); 0 for never.
    pub mixup: f32,
}

impl Augmentation {
    /// Pictures as they are.
    pub const NONE: Augmentation =
        Augmentation { flip: false, crop: 1.0, jitter: 0.0, erase: 0.0, mixup: 0.0 };
}

impl Default for Augmentation {
    fn default() -> Augmentation {
        Augmentation { flip: true, crop: 0.6, ..Augmentation::NONE }
    }
}

/// How the pictures of one batch are varied.
pub(crate) struct Variation {
    pictures: Vec<Variant>,
    /// The share that a picture keeps beside the one it is mixed with; 1 where nothing is mixed.
    mix: f32,
}

/// How one picture is varied. Places are shares of width and height.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Variant {
    /// From where in the source a target pixel comes: scale and centre of both axes, in the coordinates of
    /// `affine_grid`, from -1 to 1.
    scale: [f32; 2],
    centre: [f32; 2],
    /// Factors of brightness, contrast and saturation.
    factors: [f32; 3],
    /// Left, top, right and bottom of what is wiped out.
    erased: Option<[f32; 4]>,
}

impl Variation {
    /// Draws a variation for each picture, by its own key, and the mixing by `key`. `None` where nothing is varied.
    pub(crate) fn draw(
        augmentation: &Augmentation,
        key: &[u64],
        pictures: impl Iterator<Item = Random>,
    ) -> Option<Variation> {
        if *augmentation == Augmentation::NONE {
            return None;
        }
        let pictures = pictures.map(|mut random| Variant::draw(augmentation, &mut random)).collect();
        let mix = beta(augmentation.mixup, &mut Random::new(key));
        Some(Variation { pictures, mix })
    }

    /// Varies pictures of shape `[n, 3, height, width]`, 0 to 255. What is erased becomes `blank`, a colour of shape
    /// `[1, 3, 1, 1]`.
    pub(crate) fn pixels(&self, pixels: &Tensor, blank: &Tensor) -> Result<Tensor, TchError> {
        let pixels = self.moved(pixels)?;
        let pixels = self.coloured(pixels)?;
        let pixels = self.erased(pixels, blank)?;
        self.mixed(pixels)
    }

    /// Mixes a batch with itself in reverse: pictures, or their targets.
    pub(crate) fn mixed(&self, batch: Tensor) -> Result<Tensor, TchError> {
        if self.mix == 1.0 {
            return Ok(batch);
        }
        batch.f_lerp(&batch.f_flip([0])?, 1.0 - f64::from(self.mix))
    }

    fn moved(&self, pixels: &Tensor) -> Result<Tensor, TchError> {
        if self.pictures.iter().all(|picture| picture.scale == [1.0; 2] && picture.centre == [0.0; 2]) {
            return Ok(pixels.shallow_clone());
        }
        let maps = self.each(|picture| {
            let ([width, height], [x, y]) = (picture.scale, picture.centre);
            [width, 0.0, x, 0.0, height, y]
        });
        let maps = maps?.f_view([-1, 2, 3])?.f_to_device(pixels.device())?;
        let grid = Tensor::f_affine_grid_generator(&maps, pixels.size(), false)?;
        // Bilinear, with edges continued outwards.
        pixels.f_grid_sampler(&grid, 0, 1, false)
    }

    /// Brightness, then contrast around the mean grey, then saturation around each pixel's grey.
    fn coloured(&self, pixels: Tensor) -> Result<Tensor, TchError> {
        if self.pictures.iter().all(|picture| picture.factors == [1.0; 3]) {
            return Ok(pixels);
        }
        let factors =
            self.each(|picture| picture.factors)?.f_view([-1, 3, 1, 1])?.f_to_device(pixels.device())?;
        let factor = |index: i64| factors.f_narrow(1, index, 1);
        let luma = Tensor::f_from_slice(&LUMA)?.f_view([1, 3, 1, 1])?.f_to_device(pixels.device())?;
        let grey =
            |pixels: &Tensor| pixels.f_mul(&luma)?.f_sum_dim_intlist([1i64].as_slice(), true, Kind::Float);
        let within = |mut pixels: Tensor| pixels.f_clamp_(0.0, 255.0);
        let around = |pixels: &Tensor, middle: &Tensor, factor: &Tensor| {
            within(pixels.f_sub(middle)?.f_mul(factor)?.f_add(middle)?)
        };
        let pixels = within(pixels.f_mul(&factor(0)?)?)?;
        let middle = grey(&pixels)?.f_mean_dim([1i64, 2, 3].as_slice(), true, Kind::Float)?;
        let pixels = around(&pixels, &middle, &factor(1)?)?;
        around(&pixels, &grey(&pixels)?, &factor(2)?)
    }

    fn erased(&self, pixels: Tensor, blank: &Tensor) -> Result<Tensor, TchError> {
        if self.pictures.iter().all(|picture| picture.erased.is_none()) {
            return Ok(pixels);
        }
        let device = pixels.device();
        // Nothing lies before the left end and after the right end of an empty range.
        let edges = self.each(|picture| picture.erased.unwrap_or([1.0, 1.0, 0.0, 0.0]))?;
        let edges = edges.f_view([-1, 4, 1, 1])?.f_to_device(device)?;
        let edge = |index: i64| edges.f_narrow(1, index, 1);
        let size = pixels.size();
        let places = |count: i64, shape: [i64; 4]| {
            let places = Tensor::f_arange(count, (Kind::Float, device))?.f_add_scalar(0.5)?;
            places.f_div_scalar(count)?.f_view(shape)
        };
        let (x, y) = (places(size[3], [1, 1, 1, size[3]])?, places(size[2], [1, 1, size[2], 1])?);
        let within = |place: &Tensor, from: i64, to: i64| {
            place.f_ge_tensor(&edge(from)?)?.f_logical_and(&place.f_lt_tensor(&edge(to)?)?)
        };
        let erased = within(&x, 0, 2)?.f_logical_and(&within(&y, 1, 3)?)?;
        blank.f_where_self(&erased, &pixels)
    }

    /// Some numbers of each picture, one behind the other.
    fn each<const N: usize>(&self, numbers: impl Fn(&Variant) -> [f32; N]) -> Result<Tensor, TchError> {
        Tensor::f_from_slice(&self.pictures.iter().flat_map(numbers).collect::<Vec<f32>>())
    }
}

impl Variant {
    fn draw(augmentation: &Augmentation, random: &mut Random) -> Variant {
        let flip = augmentation.flip && random.next() & 1 == 1;
        let [width, height] = part([augmentation.crop, 1.0], RATIOS, random);
        let centre = [width, height].map(|length| (1.0 - length) * random.symmetric());
        let factors = [0; 3].map(|_| 1.0 + augmentation.jitter * random.symmetric());
        let erased = (random.unit() < augmentation.erase).then(|| {
            let [width, height] = part(ERASED, ERASED_RATIOS, random);
            let (left, top) = ((1.0 - width) * random.unit(), (1.0 - height) * random.unit());
            [left, top, left + width, top + height]
        });
        Variant { scale: [if flip { -width } else { width }, height], centre, factors, erased }
    }
}

/// Width and height of a rectangle, as shares, of an area and a ratio between those given; neither is above one.
fn part(areas: [f32; 2], ratios: [f32; 2], random: &mut Random) -> [f32; 2] {
    let between = |[low, high]: [f32; 2], at: f32| low + (high - low) * at;
    let area = between(areas, random.unit());
    // No side may be longer than the picture: that bounds the ratio by the area.
    let [low, high] = [ratios[0].max(area).ln(), ratios[1].min(1.0 / area).ln()];
    let ratio = between([low, high], random.unit()).exp();
    [(area * ratio).sqrt().min(1.0), (area / ratio).sqrt().min(1.0)]
}

/// A number from the Beta distribution with both parameters `a` (Jöhnk 1964, <https://doi.org/10.1007/BF02613706>), the
/// larger of it and its rest; 1 where `a` is nothing.
fn beta(a: f32, random: &mut Random) -> f32 {
    if a <= 0.0 {
        return 1.0;
    }
    loop {
        let [x, y] = [0; 2].map(|_| f64::from(random.unit()).powf(1.0 / f64::from(a)));
        let sum = x + y;
        if sum == 0.0 {
            // Both are too small for a number: of two so small parts one is next to nothing beside the other.
            return 1.0;
        }
        if sum <= 1.0 {
            return (x / sum).max(y / sum) as f32;
        }
    }
}

#[cfg(test)]
mod tests;
