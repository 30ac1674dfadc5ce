//! What to do when memory runs out.

use std::fs;

use tch::TchError;

/// Whether libtorch failed for want of memory: it says so in words alone.
pub(crate) fn ran_out(error: &TchError) -> bool {
    let text = error.to_string().to_ascii_lowercase();
    ["out of memory", "can't allocate memory", "not enough memory", "bad_alloc", "alloc_failed"]
        .iter()
        .any(|words| text.contains(words))
}

/// The largest power of two below `batch_size`, 2 or more, at which a step passes. The small ones are tried first: what does
/// not fit may be granted by the system and cost the process its life.
pub(crate) fn largest_fitting(batch_size: usize, mut passes: impl FnMut(usize) -> bool) -> Option<usize> {
    let powers = (1..usize::BITS).map(|power| 1 << power);
    powers.take_while(|size| *size < batch_size && passes(*size)).last()
}

/// Whether a step twice as large as the largest so far might take more memory than the machine has, where the system tells
/// (Linux).
pub(crate) fn is_strained() -> bool {
    let kibibytes = |file: &str, field: &str| number(&fs::read_to_string(file).ok()?, field);
    let peak = kibibytes("/proc/self/status", "VmHWM:");
    let all = kibibytes("/proc/meminfo", "MemTotal:");
    peak.zip(all).is_some_and(|(peak, all)| 2 * peak > all)
}

fn number(text: &str, field: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(field))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use tch::{Kind, Tensor};

    use super::*;

    #[test]
    fn the_system_refuses_and_libtorch_says_so() {
        // A petabyte.
        let error = Tensor::f_zeros([1 << 48], (Kind::Float, tch::Device::Cpu)).unwrap_err();
        assert!(ran_out(&error), "{error}");
        let error = Tensor::from_slice(&[1f32]).f_view([2]).unwrap_err();
        assert!(!ran_out(&error), "{error}");
    }

    #[test]
    fn the_search_ends_at_the_first_that_does_not_fit() {
        let fitting = |batch_size: usize, room: usize| {
            let mut tried = Vec::new();
            let fits = largest_fitting(batch_size, |size| {
                tried.push(size);
                size <= room
            });
            (fits, tried)
        };
        assert_eq!(fitting(64, 20), (Some(16), vec![2, 4, 8, 16, 32]));
        assert_eq!(fitting(64, 100), (Some(32), vec![2, 4, 8, 16, 32]));
        assert_eq!(fitting(64, 1), (None, vec![2]));
        assert_eq!(fitting(2, 100), (None, vec![]));
    }

    #[test]
    fn the_systems_files_are_read() {
        assert_eq!(number("MemTotal:       24576000 kB\nMemFree: 1 kB\n", "MemTotal:"), Some(24_576_000));
        assert_eq!(number("", "MemTotal:"), None);
    }
}
