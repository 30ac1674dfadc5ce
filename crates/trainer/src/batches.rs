//! Batches of pictures and labels, made ready by a thread of their own while the model works on the one before.

use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::Scope;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use crate::Error;
use crate::pixels::Side;
use crate::random::Random;

/// Batches that wait ready. Two would do; four ride out a slow read.
const READY: usize = 4;

/// How a training picture is changed each time the model sees it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Augmentation {
    /// Mirrors every second picture, left to right.
    pub flip: bool,
    /// The centre moves by up to this share of the width and height, each way.
    pub shift: f32,
    /// The picture grows or shrinks by up to this share, width and height together; edges are continued.
    pub zoom: f32,
}

impl Augmentation {
    /// Pictures as they are.
    pub const NONE: Augmentation = Augmentation { flip: false, shift: 0.0, zoom: 0.0 };
}

impl Default for Augmentation {
    fn default() -> Augmentation {
        Augmentation { flip: true, shift: 0.1, zoom: 0.2 }
    }
}

/// Pictures on their way to the model.
pub(crate) struct Batch {
    /// Shape `[len, size, size, 3]`, 0 to 255. For a GPU in pinned memory, which it fetches while both sides go on working.
    pixels: Tensor,
    /// Shape `[len, classes]`, 0 or 1, in memory as the pixels are; no classes where nobody needs labels.
    labels: Tensor,
    len: usize,
}

impl Batch {
    /// Takes `len * size * size * 3` bytes and `len * classes` numbers.
    pub(crate) fn new(
        pixels: &[u8],
        labels: &[f32],
        len: usize,
        size: u32,
        device: tch::Device,
    ) -> Result<Batch, tch::TchError> {
        let (rows, side) = (len as i64, i64::from(size));
        let pixels = Tensor::f_from_data_size(pixels, &[rows, side, side, 3], Kind::Uint8)?;
        let labels = Tensor::f_from_slice(labels)?.f_view([rows, (labels.len() / len) as i64])?;
        let near = |tensor: Tensor| if device.is_cuda() { tensor.f_pin_memory(device) } else { Ok(tensor) };
        Ok(Batch { pixels: near(pixels)?, labels: near(labels)?, len })
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Pixels of shape `[len, 3, size, size]`, 0 to 255, in memory as channels-last.
    pub(crate) fn images(&self, device: tch::Device) -> Result<Tensor, tch::TchError> {
        self.pixels.f_to_device_(device, Kind::Uint8, true, false)?.f_permute([0, 3, 1, 2])
    }

    /// Labels of shape `[len, classes]`.
    pub(crate) fn labels(&self, device: tch::Device) -> Result<Tensor, tch::TchError> {
        self.labels.f_to_device_(device, Kind::Float, true, false)
    }
}

/// What an epoch shows the model.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Epoch {
    pub(crate) seed: u64,
    pub(crate) number: u32,
    pub(crate) batch_size: usize,
    pub(crate) classes: usize,
    pub(crate) augmentation: Augmentation,
    /// Where the batches are going.
    pub(crate) device: tch::Device,
}

impl Epoch {
    /// How many batches an epoch over `items` pictures has. What does not fill a batch waits for another epoch: batch
    /// normalisation needs company.
    pub(crate) fn batches(items: usize, batch_size: usize) -> usize {
        (items / batch_size).max(1)
    }

    /// How many pictures that are.
    pub(crate) fn pictures(items: usize, batch_size: usize) -> usize {
        (Epoch::batches(items, batch_size) * batch_size).min(items)
    }

    /// Starts the thread that makes this epoch's batches, in an order that depends on seed and epoch alone.
    pub(crate) fn training<'scope, 'env>(
        self,
        scope: &'scope Scope<'scope, 'env>,
        side: &'env Side<'env>,
    ) -> Receiver<Result<Batch, Error>> {
        let order = Random::new(&[self.seed, u64::from(self.number)]).permutation(side.len());
        let count = Epoch::batches(side.len(), self.batch_size);
        let batches = order.chunks(self.batch_size).take(count).map(<[usize]>::to_vec).collect();
        self.start(scope, side, batches)
    }

    /// As [`Epoch::training`], over all pictures in their order and unchanged.
    pub(crate) fn judging<'scope, 'env>(
        self,
        scope: &'scope Scope<'scope, 'env>,
        side: &'env Side<'env>,
    ) -> Receiver<Result<Batch, Error>> {
        let order: Vec<usize> = (0..side.len()).collect();
        let plain = Epoch { augmentation: Augmentation::NONE, ..self };
        plain.start(scope, side, order.chunks(self.batch_size).map(<[usize]>::to_vec).collect())
    }

    fn start<'scope, 'env>(
        self,
        scope: &'scope Scope<'scope, 'env>,
        side: &'env Side<'env>,
        batches: Vec<Vec<usize>>,
    ) -> Receiver<Result<Batch, Error>> {
        let (sender, receiver) = sync_channel(READY);
        scope.spawn(move || {
            for indices in batches {
                // Nobody receives any more: the epoch was cancelled or failed.
                if sender.send(self.assemble(side, &indices)).is_err() {
                    break;
                }
            }
        });
        receiver
    }

    /// Reads and varies the pictures of a batch: on all cores where a GPU computes, else on this thread alone, since libtorch's
    /// threads collapse when others compete with them.
    fn assemble(&self, side: &Side<'_>, indices: &[usize]) -> Result<Batch, Error> {
        let size = side.size() as usize;
        let picture_bytes = size * size * 3;
        let mut pixels = vec![0; indices.len() * picture_bytes];
        let fill = |(target, index): (&mut [u8], &usize)| {
            if self.augmentation == Augmentation::NONE {
                return side.read(*index, target);
            }
            let mut plain = vec![0; picture_bytes];
            side.read(*index, &mut plain)?;
            let mut random = Random::new(&[self.seed, u64::from(self.number), *index as u64]);
            View::draw(&self.augmentation, &mut random).of(&plain, size, target);
            Ok(())
        };
        match self.device.is_cuda() {
            true => pixels.par_chunks_exact_mut(picture_bytes).zip(indices).try_for_each(fill)?,
            false => pixels.chunks_exact_mut(picture_bytes).zip(indices).try_for_each(fill)?,
        }
        let mut labels = vec![0.0; indices.len() * self.classes];
        for (row, &index) in indices.iter().enumerate() {
            for class in side.classes(index) {
                labels[row * self.classes + *class as usize] = 1.0;
            }
        }
        Batch::new(&pixels, &labels, indices.len(), side.size(), self.device)
            .map_err(Error::torch("making a batch"))
    }
}

/// A way to look at a picture: what of it fills the frame.
#[derive(Debug, Clone, Copy)]
struct View {
    flip: bool,
    /// Source pixels a target pixel.
    scale: f32,
    /// Shift of the centre, as a share of the size.
    shift: [f32; 2],
}

impl View {
    fn draw(augmentation: &Augmentation, random: &mut Random) -> View {
        View {
            flip: augmentation.flip && random.next() & 1 == 1,
            scale: 1.0 + augmentation.zoom * random.symmetric(),
            shift: [0; 2].map(|_| augmentation.shift * random.symmetric()),
        }
    }

    /// Samples a square picture bilinearly, its edges continued outwards, into a target of the same size.
    fn of(&self, source: &[u8], size: usize, target: &mut [u8]) {
        let mut columns = taps(size, self.scale, self.shift[0]);
        if self.flip {
            columns.reverse();
        }
        let rows = taps(size, self.scale, self.shift[1]);
        for (row, target) in rows.iter().zip(target.chunks_exact_mut(size * 3)) {
            let upper = &source[row.first * size * 3..][..size * 3];
            let lower = &source[row.second * size * 3..][..size * 3];
            for (column, target) in columns.iter().zip(target.chunks_exact_mut(3)) {
                let (left, right) = (column.first * 3, column.second * 3);
                for (channel, target) in target.iter_mut().enumerate() {
                    let mix = |line: &[u8]| {
                        u32::from(line[left + channel]) * (256 - column.weight)
                            + u32::from(line[right + channel]) * column.weight
                    };
                    let value = mix(upper) * (256 - row.weight) + mix(lower) * row.weight;
                    *target = ((value + (1 << 15)) >> 16) as u8;
                }
            }
        }
    }
}

/// The two source lines that a target line lies between, and how near the second it is, in 256ths.
#[derive(Debug, Clone, Copy)]
struct Tap {
    first: usize,
    second: usize,
    weight: u32,
}

fn taps(size: usize, scale: f32, shift: f32) -> Vec<Tap> {
    let middle = size as f32 / 2.0;
    let last = (size - 1) as f32;
    (0..size)
        .map(|target| {
            let source = (target as f32 + 0.5 - middle) * scale + middle + shift * size as f32 - 0.5;
            let source = source.clamp(0.0, last);
            let first = source as usize;
            let weight = ((source - first as f32) * 256.0).round() as u32;
            Tap { first, second: (first + 1).min(size - 1), weight }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gradient(size: usize) -> Vec<u8> {
        (0..size * size).flat_map(|i| [(i % size * 10) as u8, (i / size * 10) as u8, 77]).collect()
    }

    #[track_caller]
    fn check(view: View, expected: impl Fn(usize, usize) -> [usize; 2]) {
        let size = 8;
        let mut seen = vec![0; size * size * 3];
        view.of(&gradient(size), size, &mut seen);
        for (i, pixel) in seen.chunks(3).enumerate() {
            let [x, y] = expected(i % size, i / size);
            assert_eq!(pixel, [x as u8 * 10, y as u8 * 10, 77], "{} {}", i % size, i / size);
        }
    }

    #[test]
    fn views_move_pixels_where_they_should() {
        let plain = View { flip: false, scale: 1.0, shift: [0.0; 2] };
        check(plain, |x, y| [x, y]);
        check(View { flip: true, ..plain }, |x, y| [7 - x, y]);
        check(View { shift: [0.25, -0.125], ..plain }, |x, y| [(x + 2).min(7), y.saturating_sub(1)]);
    }

    #[test]
    fn a_view_depends_on_its_key_alone() {
        let draw = |key: &[u64]| format!("{:?}", View::draw(&Augmentation::default(), &mut Random::new(key)));
        assert_eq!(draw(&[1, 2, 3]), draw(&[1, 2, 3]));
        assert_ne!(draw(&[1, 2, 3]), draw(&[1, 3, 3]));
    }

    #[test]
    fn incomplete_batches_wait() {
        assert_eq!(Epoch::batches(100, 32), 3);
        assert_eq!(Epoch::batches(5, 32), 1);
    }
}
