//! A fingerprint of what prepare reads from rows, to tell later whether any of it has changed.

use tagmill_store::Row;

/// Takes in numbers and texts, and folds them into 64 bits: multiplications to 128 bits whose halves are mixed, as in wyhash
/// (<https://github.com/wangyi-fudan/wyhash>), because it is a tenth of SHA-256's work. Nobody gains by a collision, and
/// by chance there is none. The same on every machine; a change here makes every incremental run start anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Digest(u64);

const MULTIPLIER: u64 = 0xa076_1d64_78bd_642f;
const OTHER: u64 = 0xe703_7ed1_a0b4_28db;

impl Digest {
    pub(crate) fn new() -> Digest {
        Digest(MULTIPLIER)
    }

    pub(crate) fn row(&mut self, row: &Row<'_>) {
        let Row { id, image, promoted, up, down, created, width, height, flags, tags_data, updated_at } = row;
        for [a, b] in [[id.0, *promoted], [*up, *down], [*created, *updated_at]] {
            self.words(a.cast_unsigned(), b.cast_unsigned());
        }
        self.words(u64::from(*width) << 32 | u64::from(*height), u64::from(flags.bits()));
        self.text(image);
        match tags_data {
            Some(tags) => self.text(tags),
            // No text is as long as this.
            None => self.words(u64::MAX, u64::MAX),
        }
    }

    pub(crate) fn hex(self) -> String {
        format!("{:016x}", self.0)
    }

    fn text(&mut self, text: &str) {
        let (words, rest) = text.as_bytes().as_chunks::<16>();
        for word in words {
            let word = u128::from_le_bytes(*word);
            self.words(word as u64, (word >> 64) as u64);
        }
        let mut last = [0; 16];
        last[..rest.len()].copy_from_slice(rest);
        let last = u128::from_le_bytes(last);
        self.words(last as u64, (last >> 64) as u64);
        self.words(text.len() as u64, OTHER);
    }

    fn words(&mut self, a: u64, b: u64) {
        let product = u128::from(a ^ self.0 ^ OTHER) * u128::from(b ^ self.0.rotate_left(32) ^ MULTIPLIER);
        // A factor of 0 must not wipe out what was before.
        self.0 = self.0.rotate_left(17) ^ (product as u64) ^ ((product >> 64) as u64);
    }
}

#[cfg(test)]
mod tests {
    use tagmill_model::{Flags, ItemId};

    use super::*;

    fn row() -> Row<'static> {
        Row {
            id: ItemId(1),
            image: "a.jpg".into(),
            promoted: 0,
            up: 0,
            down: 0,
            created: 0,
            width: 0,
            height: 0,
            flags: Flags::empty(),
            tags_data: Some("[]".into()),
            updated_at: 0,
        }
    }

    fn digest(rows: &[Row<'_>]) -> String {
        let mut digest = Digest::new();
        rows.iter().for_each(|row| digest.row(row));
        digest.hex()
    }

    #[test]
    fn every_field_counts() {
        let other = [
            Row { id: ItemId(2), ..row() },
            Row { image: "b.jpg".into(), ..row() },
            Row { promoted: 1, ..row() },
            Row { up: 1, ..row() },
            Row { down: 1, ..row() },
            Row { created: 1, ..row() },
            Row { width: 1, ..row() },
            Row { height: 1, ..row() },
            Row { flags: Flags::SFW, ..row() },
            Row { tags_data: None, ..row() },
            Row { tags_data: Some("".into()), ..row() },
            Row { tags_data: Some("[]\0".into()), ..row() },
            Row { updated_at: 1, ..row() },
        ];
        let mut seen: Vec<String> = other.iter().map(|row| digest(std::slice::from_ref(row))).collect();
        seen.extend([digest(&[row()]), digest(&[row(), row()]), digest(&[])]);
        let all = seen.len();
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), all);
    }

    #[test]
    fn it_is_pinned() {
        let tags: String = (0..100).map(|n| format!("{{\"tag\":\"{n}\"}}")).collect();
        insta::assert_snapshot!(digest(&[row(), Row { tags_data: Some(tags.into()), ..row() }]), @"0da47cd16c424bfa");
    }
}
