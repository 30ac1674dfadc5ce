//! Random numbers that are the same on every machine and in every version: a world is its seed.

/// The finaliser of SplitMix64 (Steele, Lea and Flood 2014, <https://doi.org/10.1145/2714064.2660195>): a bijection whose
/// output bits each depend on every input bit.
pub(crate) fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// What a stream of numbers is for. Each purpose has its own, so that drawing more for one changes no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
pub(crate) enum Purpose {
    Hole = 1,
    Gap,
    Flags,
    Listing,
    Scene,
    Picture,
    Tags,
    Comments,
    Promoted,
    OddListing,
    OddInfo,
    OddPage,
    Mishap,
    Corrupt,
    Video,
    Captcha,
    Session,
    Booru,
    OddBooru,
}

/// A SplitMix64 stream.
#[derive(Debug, Clone)]
pub(crate) struct Rng {
    state: u64,
}

impl Rng {
    pub(crate) fn new(seed: u64, purpose: Purpose, key: u64) -> Rng {
        Rng { state: mix(mix(seed ^ mix(purpose as u64)) ^ key) }
    }

    pub(crate) fn bits(&mut self) -> u64 {
        let value = mix(self.state);
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        value
    }

    /// In `[0, 1)`.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    pub(crate) fn chance(&mut self, share: f64) -> bool {
        self.unit() < share
    }

    /// In `0..n`; 0 where `n` is 0.
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(n)) >> 64) as u64
    }

    pub(crate) fn within(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit() as f32
    }

    pub(crate) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }

    /// Picks by weight.
    pub(crate) fn weighted<T: Copy>(&mut self, choices: &[(u32, T)]) -> T {
        let total: u64 = choices.iter().map(|(weight, _)| u64::from(*weight)).sum();
        let mut draw = self.below(total);
        for (weight, choice) in choices {
            match draw.checked_sub(u64::from(*weight)) {
                Some(rest) => draw = rest,
                None => return *choice,
            }
        }
        choices[choices.len() - 1].1
    }

    /// Roughly normal, mean 0, standard deviation 1: a sum of uniforms.
    pub(crate) fn normal(&mut self) -> f64 {
        let sum: f64 = (0..6).map(|_| self.unit()).sum();
        (sum - 3.0) * std::f64::consts::SQRT_2
    }
}

/// Turns an item's number into 64 bits that look random, and back: a Feistel network of four rounds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scrambler {
    keys: [u32; 4],
}

impl Scrambler {
    pub(crate) fn new(seed: u64) -> Scrambler {
        Scrambler { keys: std::array::from_fn(|round| mix(seed ^ mix(0x5c4a_3b1e + round as u64)) as u32) }
    }

    pub(crate) fn scramble(&self, value: u64) -> u64 {
        let (mut left, mut right) = ((value >> 32) as u32, value as u32);
        for key in self.keys {
            (left, right) = (right, left ^ round(right, key));
        }
        u64::from(left) << 32 | u64::from(right)
    }

    pub(crate) fn unscramble(&self, value: u64) -> u64 {
        let (mut left, mut right) = ((value >> 32) as u32, value as u32);
        for key in self.keys.into_iter().rev() {
            (left, right) = (right ^ round(left, key), left);
        }
        u64::from(left) << 32 | u64::from(right)
    }
}

fn round(half: u32, key: u32) -> u32 {
    mix(u64::from(half) << 32 | u64::from(key)) as u32
}

#[cfg(test)]
mod tests {
    use proptest::{prop_assert, prop_assert_eq, proptest};

    use super::*;

    proptest! {
        #[test]
        fn scrambling_is_reversible(seed: u64, value: u64) {
            let scrambler = Scrambler::new(seed);
            prop_assert_eq!(scrambler.unscramble(scrambler.scramble(value)), value);
        }

        #[test]
        fn draws_stay_in_range(seed: u64, n in 1u64..1000) {
            let mut rng = Rng::new(seed, Purpose::Tags, 0);
            prop_assert!(rng.below(n) < n);
            prop_assert!((0.0..1.0).contains(&rng.unit()));
        }
    }

    #[test]
    fn weights_are_followed() {
        let mut rng = Rng::new(1, Purpose::Scene, 0);
        let draws = (0..10_000).filter(|_| rng.weighted(&[(3, true), (1, false)])).count();
        assert!((7_300..7_700).contains(&draws), "{draws}");
    }
}
