//! What writes to a file cost a RAID5, by a model that is said in `MODEL`.

use std::collections::BTreeMap;

/// Said beside every figure that comes from here.
pub(crate) const MODEL: &str = "The model: a RAID5 of 4 disks with chunks of 64 KB, so 3 data chunks and their parity, \
192 KB, are a stripe. Each file lies in one piece from the beginning of a stripe. The page cache merges what is written \
to a file, in blocks of 4 KB, until the file is synced; what is never synced is written once, at the end. A stripe of \
which all blocks are written costs 4 operations, one write for each disk. Any other costs 4 operations for each of its \
chunks in which a block is written: read the old data and the old parity, write the new data and the new parity. \
Reading the database, the file system's own journal and the log's index, which is mapped memory and never synced, are \
not counted.";

/// What the page cache keeps and writes.
const BLOCK: u64 = 4 << 10;
const BLOCKS_A_CHUNK: u32 = 16;
const CHUNKS_A_STRIPE: u32 = 3;
const BLOCKS_A_STRIPE: u32 = BLOCKS_A_CHUNK * CHUNKS_A_STRIPE;
const WHOLE_STRIPE: u64 = (1 << BLOCKS_A_STRIPE) - 1;
const WHOLE_CHUNK: u64 = (1 << BLOCKS_A_CHUNK) - 1;

/// Operations of the disks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Operations {
    pub(crate) reads: u64,
    pub(crate) writes: u64,
    /// Blocks of data, without parity.
    pub(crate) blocks: u64,
}

impl Operations {
    pub(crate) fn all(self) -> u64 {
        self.reads + self.writes
    }
}

impl std::ops::AddAssign for Operations {
    fn add_assign(&mut self, other: Operations) {
        self.reads += other.reads;
        self.writes += other.writes;
        self.blocks += other.blocks;
    }
}

/// One file on the array.
#[derive(Debug, Default)]
pub(crate) struct File {
    /// Blocks written since the last sync, a bit each, by stripe.
    dirty: BTreeMap<u64, u64>,
}

impl File {
    pub(crate) fn write(&mut self, offset: u64, length: u64) {
        let stripe_blocks = u64::from(BLOCKS_A_STRIPE);
        for block in offset / BLOCK..(offset + length).div_ceil(BLOCK) {
            *self.dirty.entry(block / stripe_blocks).or_default() |= 1 << (block % stripe_blocks);
        }
    }

    /// Cuts the file off: what was behind is never written.
    pub(crate) fn truncate(&mut self, length: u64) {
        let stripe_blocks = u64::from(BLOCKS_A_STRIPE);
        let kept = length.div_ceil(BLOCK);
        self.dirty.split_off(&kept.div_ceil(stripe_blocks));
        if let Some(last) = self.dirty.get_mut(&(kept / stripe_blocks)) {
            *last &= (1 << (kept % stripe_blocks)) - 1;
        }
    }

    pub(crate) fn sync(&mut self) -> Operations {
        let mut sum = Operations::default();
        for blocks in std::mem::take(&mut self.dirty).into_values() {
            sum.blocks += u64::from(blocks.count_ones());
            if blocks == WHOLE_STRIPE {
                sum.writes += u64::from(CHUNKS_A_STRIPE + 1);
                continue;
            }
            let chunk = |n| blocks >> (n * BLOCKS_A_CHUNK) & WHOLE_CHUNK;
            let chunks = (0..CHUNKS_A_STRIPE).filter(|n| chunk(*n) != 0).count() as u64;
            sum.reads += 2 * chunks;
            sum.writes += 2 * chunks;
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(writes: &[(u64, u64)], reads: u64, written: u64, blocks: u64) {
        let mut file = File::default();
        writes.iter().for_each(|(offset, length)| file.write(*offset, *length));
        assert_eq!(file.sync(), Operations { reads, writes: written, blocks });
        assert_eq!(file.sync(), Operations::default());
    }

    #[test]
    fn a_whole_stripe_needs_no_reads() {
        check(&[(0, 192 << 10)], 0, 4, 48);
        check(&[(96 << 10, 96 << 10), (0, 96 << 10)], 0, 4, 48);
        check(&[(192 << 10, 384 << 10)], 0, 8, 96);
    }

    #[test]
    fn a_part_of_a_chunk_costs_two_reads_and_two_writes() {
        check(&[], 0, 0, 0);
        check(&[(5_000, 24)], 2, 2, 1);
        check(&[(4_000, 200)], 2, 2, 2);
        check(&[(0, 4096), (0, 4096), (60 << 10, 4096)], 2, 2, 2);
        check(&[(0, 4096), (64 << 10, 4096)], 4, 4, 2);
        check(&[(0, 196 << 10)], 2, 6, 49);
    }

    #[test]
    fn what_is_cut_off_is_not_written() {
        let mut file = File::default();
        file.write(0, 400 << 10);
        file.truncate(196 << 10);
        assert_eq!(file.sync(), Operations { reads: 2, writes: 6, blocks: 49 });
        file.write(0, 400 << 10);
        file.truncate(0);
        assert_eq!(file.sync(), Operations::default());
    }
}
