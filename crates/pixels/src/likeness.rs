//! Which pictures are nearly the same: a copy in another size, format or quality, with a mark or a line of text added.
//!
//! Two pictures are near-duplicates if their difference hashes ("dHash", Krawetz 2013,
//! <https://www.hackerfactor.com/blog/index.php?/archives/529-Kind-of-Like-That.html>) differ in at most
//! [`LARGEST_DISTANCE`] of 64 bits, and all that hang together by such pairs are a group.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use rayon::prelude::*;

use crate::Picture;

/// Bits in which the hashes of near-duplicates may differ. Re-encoded and scaled copies differ in 0 to 3 (see
/// `copies_are_alike`); each bit more multiplies the pairs that chance brings together by more than ten.
pub const LARGEST_DISTANCE: u32 = 3;

/// Brightness, of 255, by which a place must exceed its left neighbour to be brighter. Without a margin the bits of even
/// areas would be the encoder's noise.
const MARGIN: i32 = 2;

/// Pairs of neighbours, of 64, that must differ before a hash says something. Black frames, gradients and lines of text on
/// white have fewer; they would all be near-duplicates of each other.
const FEWEST_DIFFERENCES: usize = 12;

/// The difference hash of a picture: bit by bit, whether each of 8 by 8 places is brighter than the one left of it. 0 for a
/// picture that is too plain to be told from others by it.
pub fn likeness(picture: &Picture) -> u64 {
    let size = picture.size();
    let source = ImageRef::new(size, size, picture.pixels(), PixelType::U8x3)
        .expect("a picture has three bytes a pixel");
    let mut target = Image::new(9, 8, PixelType::U8x3);
    let options =
        ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear)).use_alpha(false);
    Resizer::new().resize(&source, &mut target, &options).expect("both images are RGB and not empty");
    // ITU-R BT.601 in 256ths.
    let brightness: Vec<i32> = target
        .buffer()
        .chunks_exact(3)
        .map(|pixel| (77 * i32::from(pixel[0]) + 150 * i32::from(pixel[1]) + 29 * i32::from(pixel[2])) >> 8)
        .collect();
    let rises = brightness.chunks_exact(9).flat_map(|row| row.windows(2).map(|pair| pair[1] - pair[0]));
    let (mut hash, mut differences) = (0, 0);
    for (bit, rise) in rises.enumerate() {
        hash |= u64::from(rise > MARGIN) << bit;
        differences += usize::from(rise.abs() > MARGIN);
    }
    if differences < FEWEST_DIFFERENCES { 0 } else { hash }
}

/// What is compared to find near-duplicates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// The picture's [`likeness`].
    pub likeness: u64,
    /// 64 bits of a hash of the file: equal for files that are the same byte for byte, which alone groups plain pictures.
    pub content: u64,
}

/// The groups of near-duplicates among pictures. Each has two members or more, as indices into `looks`, rising; the groups
/// stand by their first members.
pub fn groups(looks: &[Look]) -> Vec<Vec<u32>> {
    let mut forest = Forest((0..looks.len() as u32).collect());
    let mut same: Vec<(bool, u64, u32)> = (0..)
        .zip(looks)
        .map(|(index, look)| match look.likeness {
            0 => (false, look.content, index),
            likeness => (true, likeness, index),
        })
        .collect();
    same.par_sort_unstable();
    let mut distinct = Vec::new();
    for same in same.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
        let (says_something, likeness, first) = same[0];
        same.iter().for_each(|(.., index)| forest.join(first, *index));
        if says_something {
            distinct.push((likeness, first));
        }
    }
    drop(same);
    for mask in masks() {
        distinct.par_sort_unstable_by_key(|(likeness, _)| likeness & mask);
        for agreeing in distinct.chunk_by(|a, b| a.0 & mask == b.0 & mask) {
            for (at, (likeness, index)) in agreeing.iter().enumerate() {
                for (other, other_index) in &agreeing[at + 1..] {
                    if (likeness ^ other).count_ones() <= LARGEST_DISTANCE {
                        forest.join(*index, *other_index);
                    }
                }
            }
        }
    }
    forest.groups()
}

/// Masks so that any two hashes within [`LARGEST_DISTANCE`] agree wholly under at least one: of five blocks of bits, three
/// differences leave two untouched. Few strangers agree in the 25 or 26 bits of two blocks, so few pairs have to be looked at
/// (Manku, Jain and Das Sarma 2007, <https://doi.org/10.1145/1242572.1242592>).
fn masks() -> impl Iterator<Item = u64> {
    let block = |number: u32| if number < 4 { 0x1fff << (13 * number) } else { 0xfff << 52 };
    (0..5).flat_map(move |a| (a + 1..5).map(move |b| block(a) | block(b)))
}

/// Trees of indices that belong together; a root is the lowest index of its tree.
struct Forest(Vec<u32>);

impl Forest {
    fn root(&mut self, mut index: u32) -> u32 {
        while self.0[index as usize] != index {
            let parent = self.0[index as usize];
            // Halving the path as it is walked keeps all paths short.
            self.0[index as usize] = self.0[parent as usize];
            index = parent;
        }
        index
    }

    fn join(&mut self, a: u32, b: u32) {
        let (a, b) = (self.root(a), self.root(b));
        self.0[a.max(b) as usize] = a.min(b);
    }

    fn groups(mut self) -> Vec<Vec<u32>> {
        let mut members = Vec::new();
        for index in 0..self.0.len() as u32 {
            let root = self.root(index);
            if root != index {
                members.push((root, index));
            }
        }
        members.sort_unstable();
        members
            .chunk_by(|a, b| a.0 == b.0)
            .map(|group| std::iter::once(group[0].0).chain(group.iter().map(|(_, index)| *index)).collect())
            .collect()
    }
}

#[cfg(test)]
mod tests;
