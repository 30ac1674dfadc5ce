//! Batches of pictures and labels, made ready by a thread of their own while the model works on the one before.

use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::Scope;

use rayon::prelude::*;
use tch::{Kind, TchError, Tensor};

use crate::Error;
use crate::augment::{Augmentation, Variation};
use crate::pixels::Side;
use crate::random::Random;

/// Batches that wait ready. Two would do; four ride out a slow read.
const READY: usize = 4;

/// Pictures on their way to the model.
pub(crate) struct Batch {
    numbers: Numbers,
    len: usize,
    /// Width and height of the pictures as they are.
    size: u32,
    /// Width and height at which the model sees them.
    shown: u32,
    /// How the pictures are varied; `None` for as they are.
    variation: Option<Variation>,
}

/// The pixels, `[len, size, size, 3]`, 0 to 255, and the targets, `[len, outputs]`, 0 to 1; no outputs where nobody needs
/// targets.
enum Numbers {
    /// For the thread that computes on the CPU, and on it alone, to make tensors of. libtorch would fill them with several
    /// threads, and OpenMP keeps some for each thread that ever asked it for help; once these are more than there are cores,
    /// all of them sleep whenever they wait, and training takes twice as long.
    Plain { pixels: Vec<u8>, targets: Vec<f32> },
    /// In pinned memory, which a GPU fetches while both sides go on working.
    Pinned { pixels: Tensor, targets: Tensor },
}

impl Batch {
    /// Takes `len * size * size * 3` bytes and `len * outputs` numbers: pictures as they are.
    pub(crate) fn new(
        pixels: Vec<u8>,
        targets: Vec<f32>,
        len: usize,
        size: u32,
        device: tch::Device,
    ) -> Result<Batch, TchError> {
        let mut batch =
            Batch { numbers: Numbers::Plain { pixels, targets }, len, size, shown: size, variation: None };
        if device.is_cuda() {
            let pixels = batch.pixels()?.f_pin_memory(device)?;
            let targets = batch.plain_targets()?.f_pin_memory(device)?;
            batch.numbers = Numbers::Pinned { pixels, targets };
        }
        Ok(batch)
    }

    fn pixels(&self) -> Result<Tensor, TchError> {
        let size = i64::from(self.size);
        match &self.numbers {
            Numbers::Plain { pixels, .. } => {
                Tensor::f_from_data_size(pixels, &[self.len as i64, size, size, 3], Kind::Uint8)
            }
            Numbers::Pinned { pixels, .. } => Ok(pixels.shallow_clone()),
        }
    }

    /// Targets that are not mixed.
    fn plain_targets(&self) -> Result<Tensor, TchError> {
        match &self.numbers {
            Numbers::Plain { targets, .. } => {
                Tensor::f_from_slice(targets)?.f_view([self.len as i64, (targets.len() / self.len) as i64])
            }
            Numbers::Pinned { targets, .. } => Ok(targets.shallow_clone()),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Pixels of shape `[len, 3, shown, shown]`, 0 to 255, varied, in memory as channels-last. `blank` is the colour of what is
    /// erased, shape `[1, 3, 1, 1]`.
    pub(crate) fn images(&self, device: tch::Device, blank: &Tensor) -> Result<Tensor, TchError> {
        let pixels =
            self.pixels()?.f_to_device_(device, Kind::Uint8, true, false)?.f_permute([0, 3, 1, 2])?;
        let mut pixels = pixels.f_to_kind(Kind::Float)?;
        let shown = i64::from(self.shown);
        if shown != pixels.size()[3] {
            pixels = pixels.f_internal_upsample_bilinear2d_aa([shown; 2], false, None, None)?;
        }
        if let Some(variation) = &self.variation {
            pixels = variation.pixels(&pixels, blank)?;
        }
        pixels.f_permute([0, 2, 3, 1])?.f_contiguous()?.f_permute([0, 3, 1, 2])
    }

    /// Targets of shape `[len, outputs]`, mixed where the pictures are.
    pub(crate) fn targets(&self, device: tch::Device) -> Result<Tensor, TchError> {
        let targets = self.plain_targets()?.f_to_device_(device, Kind::Float, true, false)?;
        match &self.variation {
            Some(variation) => variation.mixed(targets),
            None => Ok(targets),
        }
    }
}

/// What an epoch shows the model.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Epoch {
    pub(crate) seed: u64,
    pub(crate) number: u32,
    pub(crate) batch_size: usize,
    /// Batches at the beginning that are left out: the model has seen them before it was interrupted.
    pub(crate) skip: usize,
    pub(crate) outputs: usize,
    pub(crate) augmentation: Augmentation,
    /// Width and height at which the model sees the pictures.
    pub(crate) shown: u32,
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
        let batches = order.chunks(self.batch_size).take(count).skip(self.skip);
        self.start(scope, side, batches.map(<[usize]>::to_vec).collect())
    }

    /// As [`Epoch::training`], over all pictures in their order and unchanged.
    pub(crate) fn judging<'scope, 'env>(
        self,
        scope: &'scope Scope<'scope, 'env>,
        side: &'env Side<'env>,
    ) -> Receiver<Result<Batch, Error>> {
        let order: Vec<usize> = (0..side.len()).collect();
        let plain = Epoch { augmentation: Augmentation::NONE, shown: side.size(), ..self };
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

    /// Reads the pictures of a batch: on all cores where a GPU computes, else on this thread alone, since libtorch's threads
    /// collapse when others compete with them.
    fn assemble(&self, side: &Side<'_>, indices: &[usize]) -> Result<Batch, Error> {
        let size = side.size() as usize;
        let mut pixels = vec![0; indices.len() * size * size * 3];
        let read = |(target, index): (&mut [u8], &usize)| side.read(*index, target);
        match self.device.is_cuda() {
            true => pixels.par_chunks_exact_mut(size * size * 3).zip(indices).try_for_each(read)?,
            false => pixels.chunks_exact_mut(size * size * 3).zip(indices).try_for_each(read)?,
        }
        let targets = side.dense_targets(indices, self.outputs);
        let batch = Batch::new(pixels, targets, indices.len(), side.size(), self.device)
            .map_err(Error::torch("making a batch"))?;
        let key = |last: usize| [self.seed, u64::from(self.number), last as u64];
        let keys = indices.iter().map(|index| Random::new(&key(*index)));
        // A batch's own key is no picture's: it goes on from that of its first one.
        let own = [&key(indices[0])[..], &[1]].concat();
        let variation = Variation::draw(&self.augmentation, &own, keys);
        Ok(Batch { shown: self.shown, variation, ..batch })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn incomplete_batches_wait() {
        assert_eq!(Epoch::batches(100, 32), 3);
        assert_eq!(Epoch::batches(5, 32), 1);
    }

    /// Shown smaller, a picture keeps its colours; the mean of two columns is what lies between them.
    #[test]
    fn pictures_are_shown_smaller() {
        let pixels: Vec<u8> = (0..64 * 64).flat_map(|place| [place as u8 % 64 / 32 * 200, 100, 50]).collect();
        let cpu = tch::Device::Cpu;
        let batch = Batch { shown: 32, ..Batch::new(pixels, Vec::new(), 1, 64, cpu).unwrap() };
        let blank = Tensor::zeros([1, 3, 1, 1], (Kind::Float, cpu));
        let images = batch.images(cpu, &blank).unwrap();
        assert_eq!(images.size(), [1, 3, 32, 32]);
        for (channel, column, expected) in [(0, 2, 0.0), (0, 30, 200.0), (1, 16, 100.0), (2, 0, 50.0)] {
            assert!((images.double_value(&[0, channel, 16, column]) - expected).abs() < 0.5);
        }
    }
}
