//! Which ids a page of the listing speaks for.

use tagmill_model::{Item, ItemId};
use tagmill_store::Interval;

use crate::api::Page;

/// Pinned items carry a position above this one in the top feed, and may stand on a page that is not theirs.
const PINNED_ABOVE: i64 = 1_000_000_000;

/// What a page speaks for: an id in it that the page does not show is not on the board.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    /// From or to the cursor, both included; empty where the page has nothing new.
    pub(crate) ids: Interval,
    /// Whether there is nothing behind it.
    pub(crate) is_last: bool,
}

/// The span of a page of items older than `cursor`. `None`: the page does not lead below the cursor.
pub(crate) fn below(page: &Page, cursor: ItemId) -> Option<Span> {
    let older = page.items.iter().filter(|item| item.id < cursor);
    // Of pinned items alone, the one nearest to the cursor is surely not beyond an item that is not shown.
    let lowest = unpinned(older.clone()).min().or_else(|| older.map(|item| item.id).max());
    let last = ItemId(cursor.0 - 1);
    // An empty page that claims that there is more would, taken for the end, lose all that is older.
    let is_last =
        page.at_end == Some(true) || (lowest.is_none() && shows_nothing(page) && page.at_end.is_none());
    match lowest {
        // No item has an id below 1, so that nothing is left to ask for.
        _ if is_last => Some(Span { ids: Interval::new(ItemId(1), last), is_last }),
        Some(lowest) => Some(Span { ids: Interval::new(lowest, last), is_last }),
        None => None,
    }
}

/// The span of a page of items newer than `cursor`. `None`: the page does not lead above the cursor.
pub(crate) fn above(page: &Page, cursor: ItemId) -> Option<Span> {
    let newer = page.items.iter().filter(|item| item.id > cursor);
    let ids = newer.clone().map(|item| item.id);
    let highest = match page.at_start {
        // Nothing is newer than this page, so that a pinned item hides nothing.
        Some(true) => ids.max(),
        _ => unpinned(newer).max().or_else(|| ids.min()),
    };
    let is_last = page.at_start == Some(true) || (highest.is_none() && shows_nothing(page));
    let first = ItemId(cursor.0 + 1);
    match highest {
        Some(highest) => Some(Span { ids: Interval::new(first, highest), is_last }),
        // Ids above the cursor will come, so the page speaks for none of them.
        None if is_last => Some(Span { ids: Interval::new(first, cursor), is_last }),
        None => None,
    }
}

/// Nothing but, perhaps, pinned items of elsewhere. A short page is no such page, nor one that cannot be read.
fn shows_nothing(page: &Page) -> bool {
    page.malformed == 0 && page.items.iter().all(is_pinned)
}

fn unpinned<'a>(items: impl Iterator<Item = &'a Item>) -> impl Iterator<Item = ItemId> {
    items.filter(|item| !is_pinned(item)).map(|item| item.id)
}

pub(super) fn is_pinned(item: &Item) -> bool {
    item.promoted > PINNED_ABOVE
}

#[cfg(test)]
mod tests;
