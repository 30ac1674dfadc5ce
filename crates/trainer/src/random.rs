//! Random numbers that depend on their key alone, so that an epoch comes out the same after a resume.

/// SplitMix64 (Steele, Lea and Flood 2014, <https://doi.org/10.1145/2714064.2660195>).
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    /// A sequence of its own for each key, whatever the keys have in common.
    pub(crate) fn new(key: &[u64]) -> Random {
        let state = key.iter().fold(0, |state, part| Random(state ^ part).next());
        Random(state)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in `[-1, 1)`.
    pub(crate) fn symmetric(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1u32 << 23) as f32 - 1.0
    }

    /// A number in `[0, 1)`.
    pub(crate) fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1u32 << 24) as f32
    }

    /// A number below `bound`. The bias of the plain product is below 2^-32 for any bound that fits memory.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.next()) * bound as u128) >> 64) as usize
    }

    /// The numbers from 0 to `n - 1` in random order (Fisher and Yates).
    pub(crate) fn permutation(&mut self, n: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..n).collect();
        for i in (1..n).rev() {
            order.swap(i, self.below(i + 1));
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_do_not_collide_by_their_sum() {
        assert_ne!(Random::new(&[1, 2]).next(), Random::new(&[2, 1]).next());
        assert_ne!(Random::new(&[0]).next(), Random::new(&[0, 0]).next());
    }

    #[test]
    fn a_permutation_holds_each_number_once() {
        let mut order = Random::new(&[7]).permutation(100);
        assert_ne!(order, (0..100).collect::<Vec<_>>());
        order.sort_unstable();
        assert_eq!(order, (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn symmetric_numbers_fill_their_range() {
        let mut random = Random::new(&[1]);
        let numbers: Vec<f32> = (0..10_000).map(|_| random.symmetric()).collect();
        assert!(numbers.iter().all(|x| (-1.0..1.0).contains(x)));
        assert!((numbers.iter().sum::<f32>() / 10_000.0).abs() < 0.02);
    }
}
