//! Which pictures have an item.

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use tagmill_model::ItemId;
use tagmill_store::{Interval, Reader, Scanner};

use crate::media::{Hash, hash_in};

/// Ids that are read at a time.
const AT_ONCE: i64 = 8192;

/// The items that were imported, by the contents of their pictures: some 50 bytes each, so that millions fit.
#[derive(Debug, Default)]
pub(crate) struct Known {
    items: HashMap<Hash, Item>,
    highest: i64,
}

#[derive(Debug)]
struct Item {
    id: ItemId,
    is_seen: bool,
}

/// How a picture was met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sight {
    /// It has no item yet: this is the id of the one that it gets.
    New(ItemId),
    /// It has an item from an earlier run.
    Known(ItemId),
    /// This run has met it before.
    Again(ItemId),
    /// It has no tags, and may have had some in an earlier run.
    Untagged(ItemId),
}

impl Known {
    /// Reads all items. Blocks.
    pub(crate) fn read(scanner: &Scanner, ids: Option<Interval>) -> Result<Known, tagmill_store::Error> {
        let mut known = Known { items: HashMap::new(), highest: ids.map_or(0, |ids| ids.last.0.max(0)) };
        let mut next = scanner.next_id(ItemId(i64::MIN))?;
        while let Some(first) = next {
            let last = ItemId(first.0.saturating_add(AT_ONCE - 1));
            scanner.media(Interval::new(first, last), None, |row| {
                if let Some(hash) = hash_in(&row.image) {
                    known.items.insert(hash, Item { id: row.id, is_seen: false });
                }
            })?;
            next = match last.0.checked_add(1) {
                Some(after) => scanner.next_id(ItemId(after))?,
                None => None,
            };
        }
        Ok(known)
    }

    /// Meets a picture without tags, where there is an item of the same contents. It gets none of its own.
    pub(crate) fn meet_untagged(&self, hash: Hash) -> Option<Sight> {
        self.items.get(&hash).map(|item| Sight::Untagged(item.id))
    }

    /// Meets a picture.
    pub(crate) fn meet(&mut self, hash: Hash) -> Sight {
        match self.items.entry(hash) {
            Entry::Occupied(mut item) => {
                let item = item.get_mut();
                if std::mem::replace(&mut item.is_seen, true) {
                    Sight::Again(item.id)
                } else {
                    Sight::Known(item.id)
                }
            }
            Entry::Vacant(place) => {
                self.highest += 1;
                let id = ItemId(self.highest);
                place.insert(Item { id, is_seen: true });
                Sight::New(id)
            }
        }
    }
}

/// As [`Known::read`], of a database that is read by `reader`.
pub(crate) async fn read(reader: &Reader) -> Result<Known, crate::Error> {
    let (scanner, ids) = (reader.scanner()?, reader.ids().await?);
    let read = tokio::task::spawn_blocking(move || Known::read(&scanner, ids)).await;
    Ok(read.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_follow_the_highest() {
        let mut known =
            Known { items: HashMap::from([([1; 16], Item { id: ItemId(4), is_seen: false })]), highest: 9 };
        assert_eq!(known.meet_untagged([2; 16]), None);
        assert_eq!(known.meet_untagged([1; 16]), Some(Sight::Untagged(ItemId(4))));
        assert_eq!(known.meet([2; 16]), Sight::New(ItemId(10)));
        assert_eq!(known.meet([1; 16]), Sight::Known(ItemId(4)));
        assert_eq!(known.meet([2; 16]), Sight::Again(ItemId(10)));
        assert_eq!(known.meet([1; 16]), Sight::Again(ItemId(4)));
        assert_eq!(known.meet([3; 16]), Sight::New(ItemId(11)));
    }
}
