//! Databases like a board's: listing objects of half a kilobyte, a dozen tags in 0.8 KB of JSON, words of Zipf's law.

use std::path::Path;

use tagmill_model::{Flags, Item, ItemId};
use tagmill_store::{Batch, Store};

use crate::Failed;
use crate::process::runtime;

/// Different words: at 6 million items over half of them occur.
const WORDS: u64 = 1_000_000;
const ROWS_A_COMMIT: i64 = 5_000;

/// Fills `path` with items, unless it has them already.
pub(crate) fn database(path: &Path, items: i64) -> Result<(), Failed> {
    if path.exists() {
        return Ok(());
    }
    runtime()?.block_on(fill(path, items))
}

async fn fill(path: &Path, items: i64) -> Result<(), Failed> {
    let unfinished = path.with_extension("unfinished");
    let _ = std::fs::remove_file(&unfinished);
    let mut store = Store::open(&unfinished).await?;
    let mut random = Random(1);
    let mut id = 0;
    for first in (0..items).step_by(ROWS_A_COMMIT as usize) {
        let last = items.min(first + ROWS_A_COMMIT);
        let items = (first..last).map(|_| item(&mut id, &mut random)).collect();
        store.commit(Batch { items, ..Batch::new(Flags::SFW) }).await?;
    }
    store.close().await?;
    std::fs::rename(&unfinished, path)?;
    // What is left of the lock under the name that it had.
    let _ = std::fs::remove_file(unfinished.with_extension("unfinished.lock"));
    Ok(())
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Rank `r` has a probability of about `1/r`.
    fn zipf(&mut self) -> u64 {
        (WORDS as f64).powf(self.unit()) as u64 - 1
    }
}

const SYLLABLES: [&str; 16] =
    ["ka", "to", "mi", "ser", "na", "bo", "li", "ru", "schau", "pe", "wa", "zi", "gel", "fu", "dor", "ä"];

/// The word of a rank: one to three parts, some with capitals, blanks, digits, umlauts or a character that no label has.
fn word(rank: u64) -> String {
    let mut name = String::new();
    let mut rest = rank + 16;
    while rest > 0 {
        name += SYLLABLES[(rest % 16) as usize];
        rest /= 16;
        if rest % 7 == 3 {
            name.push(' ');
        }
    }
    match rank % 23 {
        0 => name.to_uppercase(),
        1 => format!("{name} {}", rank % 100),
        2 => format!("{name}!"),
        3..10 => match name.chars().next() {
            Some(first) => first.to_uppercase().collect::<String>() + &name[first.len_utf8()..],
            None => name,
        },
        _ => name,
    }
}

fn item(id: &mut i64, random: &mut Random) -> Item {
    // Some ids are missing: what was deleted.
    *id += if random.below(10) == 0 { 2 } else { 1 };
    let mut tags = String::from("[");
    let count = 6 + random.below(13);
    for n in 0..count {
        let tag = serde_json::to_string(&word(random.zipf())).expect("a text is JSON");
        let votes = [0.206_543, 0.342_372, 0.438_503, 0.609_657, 0.094_529];
        let confidence = match random.below(3) {
            0 => random.below(1_000_000) as f64 / 1e6,
            _ => votes[random.below(5) as usize],
        };
        let separator = if n == 0 { "" } else { "," };
        let tag_id = 10_000_000 + *id * 20 + n as i64;
        tags += &format!(r#"{separator}{{"id":{tag_id},"confidence":{confidence},"tag":{tag}}}"#);
    }
    tags.push(']');
    let extension = ["jpg", "jpg", "jpg", "jpg", "jpg", "jpg", "png", "png", "gif", "mp4"];
    let flags = [1, 1, 1, 1, 1, 1, 2, 2, 8, 4];
    Item {
        promoted: if random.below(10) == 0 { *id / 10 } else { 0 },
        up: random.below(900) as i64,
        down: random.below(90) as i64,
        created: 1_200_000_000 + *id * 90,
        width: 400 + random.below(1600) as i64,
        height: 400 + random.below(1600) as i64,
        flags: Flags::from_bits_retain(flags[random.below(10) as usize]),
        user_name: "BeispielNutzer".to_owned(),
        mark: 8,
        item_data: format!(r#"{{"id":{id},"filler":"{}"}}"#, "x".repeat(430)),
        tags_data: Some(tags),
        updated_at: 1_780_000_000 + *id / 50,
        ..Item::new(
            ItemId(*id),
            format!("2024/03/17/{:016x}.{}", random.next(), extension[random.below(10) as usize]),
        )
    }
}
