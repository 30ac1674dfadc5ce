//! Rows as a board sends them: a listing object of half a kilobyte and twelve tags, 1.2 KB in all.

use std::collections::HashSet;

use tagmill_model::{Flags, Item, ItemId};

pub(crate) const TAGS_AN_ITEM: usize = 12;

/// Words of the vocabulary. The n-th is used about `1 / (n + FLATTENED)` as often as the first: few words are on many
/// items, most on few.
const WORDS: usize = 20_000;
const FLATTENED: f64 = 3.0;

/// A row of the original's table `tags`.
#[derive(Debug, Clone)]
pub(crate) struct Tag {
    pub(crate) id: i64,
    pub(crate) item: i64,
    pub(crate) word: String,
    pub(crate) confidence: f64,
}

/// In which order ids come to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) enum Order {
    Rising,
    /// As boards list them: the newest first.
    Falling,
    /// Each batch a sample of all ids.
    Random,
}

impl Order {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Order::Rising => "rising",
            Order::Falling => "falling",
            Order::Random => "random",
        }
    }

    /// The ids from `first` on, in this order; the same ones every time.
    pub(crate) fn ids(self, first: i64, count: usize) -> Vec<i64> {
        let mut ids: Vec<i64> = (first..).take(count).collect();
        match self {
            Order::Rising => {}
            Order::Falling => ids.reverse(),
            Order::Random => {
                let mut random = Random(first as u64);
                for last in (1..ids.len()).rev() {
                    ids.swap(last, (random.next() % (last as u64 + 1)) as usize);
                }
            }
        }
        ids
    }
}

/// Makes items: the same one for the same id and edition.
pub(crate) struct Board {
    words: Vec<String>,
    /// For each word, how much of all use is its own or a more frequent word's.
    use_up_to: Vec<f64>,
}

impl Board {
    pub(crate) fn new() -> Board {
        let mut sum = 0.0;
        let mut use_up_to: Vec<f64> = (0..WORDS)
            .map(|rank| {
                sum += 1.0 / (rank as f64 + FLATTENED);
                sum
            })
            .collect();
        use_up_to.iter_mut().for_each(|part| *part /= sum);
        Board { words: (0..WORDS).map(word).collect(), use_up_to }
    }

    /// An item with its tags as JSON. A later edition has other votes and confidences and the same tags.
    pub(crate) fn item(&self, id: i64, edition: u64) -> Item {
        let mut random = Random(id as u64 ^ edition << 40);
        let (up, down) = ((random.next() % 1_000) as i64, (random.next() % 50) as i64);
        let created = 1_500_000_000 + 60 * id;
        let name = format!("2026/05/28/{:016x}", Random(id as u64).next());
        let tags: Vec<String> = self
            .tags(id, edition)
            .iter()
            .map(|tag| {
                format!(r#"{{"id":{},"confidence":{:.6},"tag":"{}"}}"#, tag.id, tag.confidence, tag.word)
            })
            .collect();
        Item {
            up,
            down,
            created,
            width: 1052,
            height: 1480,
            flags: Flags::SFW,
            user_name: "BeispielNutzer".to_owned(),
            mark: 8,
            item_data: format!(
                r#"{{"id":{id},"promoted":0,"userId":{},"up":{up},"down":{down},"created":{created},"image":"{name}.jpg","thumb":"{name}.jpg","fullsize":"","width":1052,"height":1480,"audio":false,"source":"","flags":1,"deleted":0,"user":"BeispielNutzer","mark":8,"gift":0,"preview":null,"subtitles":[],"variants":[{{"name":"source","path":"{name}.jpg","mimeType":"image/jpeg","width":1052,"height":1480,"fileSize":{}}}]}}"#,
                id % 100_000,
                200_000 + id % 90_000,
            ),
            tags_data: Some(format!("[{}]", tags.join(","))),
            updated_at: 1_780_000_000 + edition as i64,
            ..Item::new(ItemId(id), format!("{name}.jpg"))
        }
    }

    /// The tags of an item; the ids of tag rows rise with the item's.
    pub(crate) fn tags(&self, id: i64, edition: u64) -> Vec<Tag> {
        let mut random = Random(!(id as u64));
        let mut confidence = Random(id as u64 ^ edition << 40);
        let mut ranks = HashSet::with_capacity(TAGS_AN_ITEM);
        let first = id * TAGS_AN_ITEM as i64;
        (first..)
            .take(TAGS_AN_ITEM)
            .map(|tag_id| {
                let rank = loop {
                    let share = random.share();
                    let rank = self.use_up_to.partition_point(|up_to| *up_to < share).min(WORDS - 1);
                    if ranks.insert(rank) {
                        break rank;
                    }
                };
                Tag { id: tag_id, item: id, word: self.words[rank].clone(), confidence: confidence.share() }
            })
            .collect()
    }
}

/// What a row of `items` takes, its numbers aside.
pub(crate) fn text_bytes(item: &Item) -> usize {
    let tags = item.tags_data.as_ref().map_or(0, String::len);
    item.image.len() + item.user_name.len() + item.item_data.len() + tags
}

/// A word of two to four syllables, different for each rank. Frequent words are no shorter than rare ones: bytes are
/// bytes.
fn word(rank: usize) -> String {
    const SYLLABLES: [&str; 16] = [
        "ka", "lo", "mi", "ster", "bau", "ne", "ru", "schi", "ta", "vol", "ge", "fa", "pin", "do", "wel",
        "zu",
    ];
    let mut rest = (Random(rank as u64).next() >> 16 << 15) as usize | rank;
    let syllables = 4 + rest % 2;
    let mut word = String::new();
    for _ in 0..syllables {
        word.push_str(SYLLABLES[rest % 16]);
        rest /= 16;
    }
    word
}

/// SplitMix64: numbers that look random and are the same on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// At least 0 and below 1.
    fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_differ() {
        let words: HashSet<String> = (0..WORDS).map(word).collect();
        assert_eq!(words.len(), WORDS);
    }

    #[test]
    fn few_words_are_on_many_items() {
        let board = Board::new();
        let words: Vec<String> = (1..2_000).flat_map(|id| board.tags(id, 0)).map(|tag| tag.word).collect();
        let distinct = words.iter().collect::<HashSet<_>>().len();
        assert!(distinct < words.len() / 2, "{distinct} of {}", words.len());
    }

    #[test]
    fn orders_hold_the_same_ids() {
        for order in [Order::Rising, Order::Falling, Order::Random] {
            let mut ids = order.ids(5, 1_000);
            assert_eq!(ids, order.ids(5, 1_000));
            ids.sort_unstable();
            assert_eq!(ids, (5..1_005).collect::<Vec<_>>());
        }
    }
}
