//! The feature vectors that a frozen backbone makes of pictures: computed once, and kept beside the pixels.

use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use tagmill_model::{Progress, hex};
use tagmill_pixels::{Place, Storage, Vectors};
use tch::{Kind, Tensor};
use tokio_util::sync::CancellationToken;

use crate::Error;
use crate::batches::{Batch, Epoch};
use crate::network::Network;
use crate::pixels::Side;
use crate::random::Random;
use crate::resnet::Precision;
use crate::weights;

/// Raised whenever the same picture and weights would come out as another vector.
const VERSION: u32 = 1;

/// Pictures that go through the backbone at a time, the last ones filled up with black: for another number libtorch may choose
/// another algorithm, and a vector is not to depend on what was computed before it.
const AT_ONCE: usize = 32;

/// How much work a kill may cost.
const COMMIT_EVERY: Duration = Duration::from_secs(2);

/// The vectors of both sides, 32-bit floats on disk.
pub(crate) struct Features {
    vectors: Vectors,
    /// Those of each side, in the side's order.
    places: [Vec<Place>; 2],
    length: usize,
}

/// One side's vectors and labels.
pub(crate) struct FeatureSide<'a> {
    vectors: &'a Vectors,
    places: &'a [Place],
    length: usize,
    side: &'a Side<'a>,
}

/// Computes the vectors that are not kept yet, and says how many these were. No features when cancelled: what was computed until
/// then is kept.
pub(crate) fn compute(
    network: &Network,
    precision: Precision,
    sides: [&Side<'_>; 2],
    storage: &Storage,
    progress: &dyn Progress,
    cancel: &CancellationToken,
) -> Result<(u64, Option<Features>), Error> {
    let length = network.length() as usize;
    let maker = maker(network, precision)?;
    let mut vectors = Vectors::open(storage, sides[0].size(), &maker, (length * size_of::<f32>()) as u64)?;
    let mut wanted = Vec::new();
    for side in sides {
        for index in 0..side.len() {
            if vectors.find(side.stored(index)).is_none() {
                wanted.push((side, index));
            }
        }
    }
    vectors.announce(wanted.len() as u64)?;
    progress.start("computing features", Some(wanted.len() as u64));
    let (mut computed, mut committed) = (0, Instant::now());
    for some in wanted.chunks(AT_ONCE) {
        if cancel.is_cancelled() {
            break;
        }
        let made = make(network, some)?;
        for ((side, index), vector) in some.iter().zip(made.chunks_exact(length * size_of::<f32>())) {
            vectors.append(side.stored(*index), vector)?;
        }
        if committed.elapsed() > COMMIT_EVERY {
            vectors.commit()?;
            committed = Instant::now();
        }
        computed += some.len() as u64;
        progress.advance(some.len() as u64);
    }
    vectors.commit()?;
    progress.finish();
    let places = |side: &Side<'_>| {
        (0..side.len()).map(|index| vectors.find(side.stored(index))).collect::<Option<Vec<Place>>>()
    };
    let both = places(sides[0]).zip(places(sides[1]));
    Ok((computed, both.map(|(train, validation)| Features { vectors, places: [train, validation], length })))
}

/// The vectors of some pictures, as bytes one after the other.
fn make(network: &Network, pictures: &[(&Side<'_>, usize)]) -> Result<Vec<u8>, Error> {
    let size = pictures[0].0.size();
    let picture_bytes = (size * size * 3) as usize;
    let mut pixels = vec![0; AT_ONCE * picture_bytes];
    for ((side, index), pixels) in pictures.iter().zip(pixels.chunks_exact_mut(picture_bytes)) {
        side.read(*index, pixels)?;
    }
    let features = || {
        let batch = Batch::new(pixels, Vec::new(), AT_ONCE, size, network.device())?;
        weights::to_bytes(&network.features(&batch, false)?)
    };
    tch::no_grad(features).map_err(Error::torch("computing features"))
}

/// A digest of all that a vector depends on beside the pixels. A GPU's last bits are not a CPU's.
fn maker(network: &Network, precision: Precision) -> Result<String, Error> {
    let mut hash = Sha256::new_with_prefix(format!("{VERSION} {precision:?} {}", network.device().is_cuda()));
    network.digest_backbone(&mut |bytes| hash.update(bytes))?;
    Ok(hex(&hash.finalize())[..16].to_owned())
}

impl Features {
    /// The vectors of a side, which is number `number` of those they were computed for.
    pub(crate) fn of<'a>(&'a self, number: usize, side: &'a Side<'a>) -> FeatureSide<'a> {
        FeatureSide { vectors: &self.vectors, places: &self.places[number], length: self.length, side }
    }
}

/// Feature vectors on their way to the head.
pub(crate) struct FeatureBatch {
    /// Shape `[len, features]`, on the head's device.
    pub(crate) features: Tensor,
    /// Shape `[len, outputs]`, 0 to 1, there too.
    pub(crate) targets: Tensor,
}

impl FeatureBatch {
    pub(crate) fn len(&self) -> usize {
        self.features.size()[0] as usize
    }
}

impl FeatureSide<'_> {
    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    /// The classes of a picture, rising.
    pub(crate) fn classes(&self, index: usize) -> &[u32] {
        self.side.classes(index)
    }

    /// An epoch's batches, each as large as the others and none larger than asked for, in an order that depends on seed and
    /// epoch alone.
    pub(crate) fn training(&self, epoch: Epoch) -> impl Iterator<Item = Result<FeatureBatch, Error>> {
        let order = Random::new(&[epoch.seed, u64::from(epoch.number)]).permutation(self.len());
        let share = self.len().div_ceil(self.len().div_ceil(epoch.batch_size).max(1)).max(1);
        self.batches(order, share, epoch)
    }

    /// All vectors, in their order.
    pub(crate) fn judging(&self, epoch: Epoch) -> impl Iterator<Item = Result<FeatureBatch, Error>> {
        self.batches((0..self.len()).collect(), epoch.batch_size, epoch)
    }

    fn batches(
        &self,
        order: Vec<usize>,
        size: usize,
        epoch: Epoch,
    ) -> impl Iterator<Item = Result<FeatureBatch, Error>> {
        // Its memory is used again and again.
        let mut buffer = Vec::new();
        let count = order.len().div_ceil(size.max(1));
        (epoch.skip..count).map(move |batch| {
            let indices = &order[batch * size..order.len().min((batch + 1) * size)];
            self.gather(indices, &mut buffer, epoch)
        })
    }

    fn gather(&self, indices: &[usize], buffer: &mut Vec<u8>, epoch: Epoch) -> Result<FeatureBatch, Error> {
        let vector_bytes = self.length * size_of::<f32>();
        buffer.resize(indices.len() * vector_bytes, 0);
        for (index, vector) in indices.iter().zip(buffer.chunks_exact_mut(vector_bytes)) {
            self.vectors.read(&self.places[*index], vector)?;
        }
        let shape = |columns: usize| [indices.len() as i64, columns as i64];
        let batch = || {
            let features = Tensor::f_from_data_size(buffer, &shape(self.length), Kind::Float)?;
            let targets = self.side.dense_targets(indices, epoch.outputs);
            let targets = Tensor::f_from_slice(&targets)?.f_view(shape(epoch.outputs))?;
            let there = |tensor: Tensor| tensor.f_to_device(epoch.device);
            Ok(FeatureBatch { features: there(features)?, targets: there(targets)? })
        };
        batch().map_err(Error::torch("making a batch"))
    }
}
